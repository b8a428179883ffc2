/*
 * A worker: serves one generation's configuration until it is told to drain.
 */
#ifndef WR_WORKERS_WORKER_H
#define WR_WORKERS_WORKER_H

#include "workers/child.h"

/* The rest of the process's life. */
WR_NORETURN void wr_worker_run(const struct wr_start *st);

#endif
