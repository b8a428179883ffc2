/*
 * How many requests of an upstream may be sent again, over all workers: a
 * tenth of its recent requests, and at least three a second.  Without a bound,
 * retries pile load on servers that are slow already because of their load.
 */
#ifndef WR_UPSTREAM_RETRY_BUDGET_H
#define WR_UPSTREAM_RETRY_BUDGET_H

#include "core/upstream/share.h"

#define WR_RETRY_PERCENT 10
#define WR_RETRY_PER_SECOND 3

/* Takes one retry; false: the budget is used up.  now_ms: CLOCK_MONOTONIC. */
bool wr_retry_budget_take(struct wr_share_group *g, uint64_t now_ms);

#endif
