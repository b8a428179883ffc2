/*
 * A generation: what one reading of the configuration made, and what it needs
 * to serve - sockets, logs, zones, the user it runs as.  Built whole or not at
 * all; while it is being built and started the one before is untouched.
 */
#ifndef WR_WORKERS_CYCLE_H
#define WR_WORKERS_CYCLE_H

#include "core/conf/conf.h"
#include "workers/options.h"
#include "workers/privs.h"

struct wr_watched;

/* Where a process sits, whoever sits there now. */
struct wr_seat {
    int slot;            /* -1: nobody */
    uint64_t backoff_ms; /* workers/backoff */
    uint64_t restart_ms; /* when the next one is started; 0: no date */
};

struct wr_cycle {
    struct wr_pool pool;
    struct wr_conf cf;
    struct wr_model *model;
    void **module_main;
    uint64_t generation;
    struct wr_identity identity;
    unsigned workers;
    int *listen_fds;            /* by index of model->listens */
    int control_fd;             /* the control socket; -1: none */
    unsigned *log_ids;          /* by index of model->logs */
    struct wr_seat *seats;      /* of the workers */
    struct wr_seat signer;      /* where keys are isolated */
    unsigned alive;             /* children that were forked for it and live */
    bool drains;                /* its workers were told to */
    uint64_t make_ms;           /* when files are to be made anew (workers/maker.h) */
    bool launched;              /* its workers have been forked */
    struct wr_watched *watched; /* by index of cf.files; workers/watch's own */
    struct wr_cycle *next;      /* older */
};

/* Reads and checks alone: no socket, no file but those of the configuration; for -t, -T and explain too.
 * False: cf has the errors. */
bool wr_cycle_read(struct wr_cycle *cy, const struct wr_options *o);
/* Whether it names files that hold keys. */
bool wr_cycle_has_secrets(const struct wr_cycle *cy);
/* An empty cycle; freed by wr_cycle_free. */
struct wr_cycle *wr_cycle_new(uint64_t generation);
void wr_cycle_free(struct wr_cycle *cy);

/*
 * Master: reads, claims zones, sockets and logs.  False: cf has the errors and nothing was changed.  True:
 * the caller starts it, and ends with commit or abort.
 */
bool wr_cycle_build(struct wr_cycle *cy, const struct wr_options *o);
/* It serves: what it does not want is closed. */
void wr_cycle_commit(void);
/* It does not: what was made for it alone is closed. */
void wr_cycle_abort(void);

/* In a child of that cycle: closes what belongs to others.  It keeps the sockets that clients come in by, or the
 * control socket. */
void wr_cycle_enter(const struct wr_cycle *cy, bool listens, bool controls);

#endif
