/*
 * The keeper: every chore that must happen once and not once per worker - log
 * writing, name resolution, the control socket, what modules keep.
 */
#ifndef WR_WORKERS_KEEPER_H
#define WR_WORKERS_KEEPER_H

#include "workers/child.h"

/* The rest of the process's life: asks the keeper before it for the lease, keeps, hands over. */
WR_NORETURN void wr_keeper_run(const struct wr_start *st);

#endif
