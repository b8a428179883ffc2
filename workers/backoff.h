/*
 * When a process that died is started again: at once, unless processes die in
 * a storm (CORE-RULES 28).  Pure: time comes in, a delay goes out.
 */
#ifndef WR_WORKERS_BACKOFF_H
#define WR_WORKERS_BACKOFF_H

#include "core/base/base.h"

#define WR_BACKOFF_STORM 10       /* deaths within ... */
#define WR_BACKOFF_WINDOW_MS 1000 /* ... start a back-off */
#define WR_BACKOFF_FIRST_MS 100   /* also the most that the last accepting worker waits */
#define WR_BACKOFF_MOST_MS 10000
#define WR_BACKOFF_CALM_MS 10000 /* who has lived that long begins anew */

/* Deaths of all seats. */
struct wr_backoff {
    uint64_t deaths_ms[WR_BACKOFF_STORM]; /* the last ones, round and round */
    unsigned at;
    unsigned n;
};

/* A death at now_ms after lived_ms.  *seat_ms is the delay that the seat had (0 at first) and gets; `last`:
 * no other process accepts.  Returns how long to wait. */
uint64_t wr_backoff_died(struct wr_backoff *b, uint64_t *seat_ms, uint64_t now_ms, uint64_t lived_ms,
                         bool last);

#endif
