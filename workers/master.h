/*
 * The master: owns every other process, the sockets, the logs and the shared
 * memory; reads no byte that a client or an upstream sent.
 *
 * One object, on the stack of wr_master_run, shared by the files that do its
 * work: master.c (loop, signals), generation.c (start, reload, retirement),
 * spawn.c (forks), reaper.c (deaths), watch.c (files that children need),
 * upgrade.c (the binary's successor).
 */
#ifndef WR_WORKERS_MASTER_H
#define WR_WORKERS_MASTER_H

#include <limits.h>

#include "core/shm/slot.h"
#include "workers/backoff.h"
#include "workers/channel.h"
#include "workers/cycle.h"
#include "workers/options.h"

#define WR_MASTER_START_MS 10000 /* new workers serve by then, or the generation is given up */
#define WR_MASTER_KILL_MS 5000   /* who has not obeyed by then is killed */

struct wr_child_kind;
struct wr_watch;

/* A child, by its slot. */
struct wr_process {
    pid_t pid; /* 0: none */
    int pidfd;
    const struct wr_child_kind *kind; /* NULL: of another master that is gone */
    struct wr_cycle *cycle;
    unsigned index;   /* of the worker within its cycle */
    bool told;        /* to drain, hand over or stop: its end is no death */
    uint64_t kill_ms; /* then SIGKILL; 0: never */
};

enum wr_master_mode { WR_MASTER_RUNS, WR_MASTER_QUITS, WR_MASTER_STOPS };

/* The other master of an upgrade. */
struct wr_other {
    pid_t pid; /* 0: there is none */
    int pidfd;
    int pipe;   /* from the newer one: "R" when it serves, or what is wrong; -1: closed */
    bool newer; /* it is this one's successor; else its predecessor */
    bool ready;
    uint64_t by_ms; /* it is killed if it is not ready then; 0: no date */
};

struct wr_master {
    const struct wr_options *o;
    char instance[24];
    char program[PATH_MAX]; /* what USR2 executes */
    int signal_fd;
    enum wr_master_mode mode;
    struct wr_cycle *current; /* serves; NULL before the first one does */
    struct wr_cycle *pending; /* is being started */
    struct wr_cycle *old;     /* replaced ones that still have processes */
    uint64_t pending_by_ms;
    bool reload_again;          /* HUP came while one was pending */
    bool away;                  /* WINCH: the workers were told to drain and are not replaced */
    bool retry;                 /* some socket was full: look again soon */
    uint32_t asked;             /* by the keeper and not yet done: a bit for each enum wr_ask */
    uint64_t asked_ms[WR_ASKS]; /* when each was done last */
    struct wr_seat keeper;
    struct wr_backoff backoff;
    struct wr_watch *watch;
    struct wr_process process[WR_SLOTS];
    struct wr_other other;
    char pid_path[PATH_MAX];
    char state_path[PATH_MAX];
    bool has_pid;      /* the pid file is ours */
    bool pid_is_aside; /* it is called .oldbin now */
    int ready_fd;      /* who started this master waits at its other end; -1: nobody */
    bool adopted;      /* began with another binary's sockets and memory */
    bool announced;    /* READY was said once */
    bool failed;       /* exits with 1 */
};

/* Runs until the end; the exit status. */
int wr_master_run(const struct wr_options *o);
/* Says on ready_fd (if somebody waits) that this master serves, or why it does not, and closes it. */
void wr_master_tell_starter(struct wr_master *m, bool serves);
/* The milliseconds of CLOCK_MONOTONIC. */
uint64_t wr_master_now_ms(void);

#endif
