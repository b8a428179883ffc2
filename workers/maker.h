/*
 * The maker: a short-lived child of the master, with the master's rights, in
 * which modules make files that nobody else brings (certificates of the
 * internal authority), so that no key is ever made in the master's own memory.
 */
#ifndef WR_WORKERS_MAKER_H
#define WR_WORKERS_MAKER_H

#include "workers/cycle.h"

/* Makes what is not there, or soon out of date; waits for it.  True at once when no module makes anything.  False:
 * cf has the error. */
bool wr_maker_run(struct wr_cycle *cy);
/* The same now and then while the cycle serves, without waiting; its outcome shows as files that change. */
void wr_maker_tick(struct wr_cycle *cy, uint64_t now_ms);
/* When wr_maker_tick has something to do; UINT64_MAX: never. */
uint64_t wr_maker_next_ms(const struct wr_cycle *cy);

#endif
