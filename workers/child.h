/*
 * What worker and keeper have in common: a loop, a slot with its mailbox, log
 * lines into the slot's ring, the master's death, two signals.
 */
#ifndef WR_WORKERS_CHILD_H
#define WR_WORKERS_CHILD_H

#include "core/event/loop.h"
#include "core/shm/logring.h"
#include "core/shm/slot.h"
#include "workers/channel.h"
#include "workers/cycle.h"

struct wr_child;

/* What a child is given at the fork. */
struct wr_start {
    struct wr_cycle *cycle;
    unsigned slot;
    unsigned index; /* of the worker within its generation */
    pid_t master;
    int signal_fd; /* the master's */
    const char *instance;
};

struct wr_child_ops {
    const char *title; /* 15 characters at most */
    /* Bits of the mailbox; messages have been taken out already. */
    void (*on_mail)(struct wr_child *ch, uint32_t mail);
    /* A message that is not of the common kind; owns fd. */
    void (*on_message)(struct wr_child *ch, const struct wr_message *m, int fd);
    /* SIGQUIT (also when the master dies) or SIGTERM. */
    void (*on_signal)(struct wr_child *ch, int sig);
    /* The process is about to die of a fault or an assertion: fills the slot's note.  Runs in a signal handler,
     * on a broken heap perhaps.  May be NULL. */
    void (*on_crash)(struct wr_child *ch);
};

struct wr_child {
    const struct wr_start *st;
    const struct wr_child_ops *ops;
    struct wr_loop *loop;
    struct wr_slot *slot;
    struct wr_logring *ring;
    struct wr_ev mail_ev;
    struct wr_ev signal_ev;
    struct wr_task mail_task; /* mail came when the loop was about to sleep */
    struct wr_task tick_task; /* lines wait and no tick is set */
    struct wr_timer tick;
    int signal_fd;
    bool ticking;
    bool lines; /* put into the ring since the keeper was mailed */
    struct wr_log_gate turn_gate;
};

/*
 * Becomes that child: slot, log, privileges, loop.  Everything that the master
 * had open and the child shall not have must be closed before.  False: logged,
 * the process ends.
 */
bool wr_child_begin(struct wr_child *ch, const struct wr_start *st, const struct wr_child_ops *ops);
/* The slot's state, and the master is told. */
void wr_child_state(struct wr_child *ch, enum wr_slot_state state);
/* The last word: the keeper is told of the lines that wait. */
void wr_child_end(struct wr_child *ch);

#endif
