/*
 * The table of children, and forking them.
 */
#ifndef WR_WORKERS_SPAWN_H
#define WR_WORKERS_SPAWN_H

#include "workers/child.h"
#include "workers/master.h"

/* What kinds of children there are and by which rules they live. */
struct wr_child_kind {
    const char *name;
    enum wr_slot_kind slot_kind;
    bool as_user;         /* drops to `user`; else stays who the master is */
    bool restarts;        /* another is started when it dies untold */
    bool survives_reload; /* false: each generation has its own, and the old one is told to go */
    bool listens;         /* inherits the listening sockets */
    bool controls;        /* inherits the control socket */
    bool writes_logs;     /* inherits the log files */
    const char *path;     /* executed; NULL: a fork alone */
    void (*run)(const struct wr_start *st);
};
extern const struct wr_child_kind wr_child_kinds[];

/* Forks one for a seat of the cycle (index: of the worker).  False: logged; the seat stays empty. */
bool wr_spawn_worker(struct wr_master *m, struct wr_cycle *cy, unsigned index);
bool wr_spawn_signer(struct wr_master *m, struct wr_cycle *cy);
bool wr_spawn_keeper(struct wr_master *m, struct wr_cycle *cy);
/* Watches a live process of a master that is gone. */
void wr_spawn_adopt_orphan(struct wr_master *m, unsigned slot);
/* Its orders: bits of WR_MAIL_*; SIGKILL after that many ms (0: never). */
void wr_spawn_tell(struct wr_master *m, unsigned slot, uint32_t mail, uint64_t kill_after_ms);
bool wr_process_is(const struct wr_process *p, enum wr_slot_kind kind);

#endif
