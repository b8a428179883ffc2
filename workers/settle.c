/*
 * Stillness, with a bound.
 */
#include "workers/settle.h"

void
wr_settle_moved(struct wr_settle *s, uint64_t now_ms)
{
    if (!s->moving) {
        s->moving = true;
        s->first_ms = now_ms;
    }
    s->last_ms = now_ms;
}

bool
wr_settle_is_late(const struct wr_settle *s, uint64_t now_ms)
{
    return s->moving && now_ms - s->first_ms >= WR_SETTLE_MOST_MS;
}

bool
wr_settle_is_over(const struct wr_settle *s, uint64_t now_ms)
{
    return s->moving && (now_ms - s->last_ms >= WR_SETTLE_STILL_MS || wr_settle_is_late(s, now_ms));
}

uint64_t
wr_settle_next_ms(const struct wr_settle *s, uint64_t now_ms)
{
    uint64_t over_ms = WR_MIN(s->last_ms + WR_SETTLE_STILL_MS, s->first_ms + WR_SETTLE_MOST_MS);

    return WR_MIN(over_ms, now_ms + WR_SETTLE_LOOK_MS);
}
