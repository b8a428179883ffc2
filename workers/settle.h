/*
 * When files that are being written are taken for finished: once nothing of
 * them has moved for a moment, but not put off for ever.  Pure: time comes in,
 * a verdict goes out.
 */
#ifndef WR_WORKERS_SETTLE_H
#define WR_WORKERS_SETTLE_H

#include "core/base/base.h"

#define WR_SETTLE_STILL_MS 300
#define WR_SETTLE_MOST_MS 5000
#define WR_SETTLE_LOOK_MS 100 /* between two looks at what moves */

struct wr_settle {
    bool moving;
    uint64_t first_ms;
    uint64_t last_ms;
};

/* Something has moved. */
void wr_settle_moved(struct wr_settle *s, uint64_t now_ms);
/* It is still, or has moved for long enough. */
bool wr_settle_is_over(const struct wr_settle *s, uint64_t now_ms);
/* Whether it is over whatever moves now. */
bool wr_settle_is_late(const struct wr_settle *s, uint64_t now_ms);
/* When to look again. */
uint64_t wr_settle_next_ms(const struct wr_settle *s, uint64_t now_ms);

#endif
