/*
 * Delays of restarts.
 */
#include "workers/backoff.h"

/* Whether this death is the tenth within a second. */
static bool
backoff_storm(struct wr_backoff *b, uint64_t now_ms)
{
    b->deaths_ms[b->at] = now_ms;
    b->at = (b->at + 1) % WR_BACKOFF_STORM;
    b->n += b->n < WR_BACKOFF_STORM;
    /* at is the oldest now */
    return b->n == WR_BACKOFF_STORM && now_ms - b->deaths_ms[b->at] <= WR_BACKOFF_WINDOW_MS;
}

uint64_t
wr_backoff_died(struct wr_backoff *b, uint64_t *seat_ms, uint64_t now_ms, uint64_t lived_ms, bool last)
{
    bool storm = backoff_storm(b, now_ms);

    if (lived_ms >= WR_BACKOFF_CALM_MS) {
        *seat_ms = 0;
    }
    if (*seat_ms > 0) {
        *seat_ms = WR_MIN(*seat_ms * 2, (uint64_t)WR_BACKOFF_MOST_MS);
    } else if (storm) {
        *seat_ms = WR_BACKOFF_FIRST_MS;
    }
    return last ? WR_MIN(*seat_ms, (uint64_t)WR_BACKOFF_FIRST_MS) : *seat_ms;
}
