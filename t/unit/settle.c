/*
 * When files are finished.
 */
#include "workers/settle.h"

#include "t/unit/tap.h"

int
main(void)
{
    struct wr_settle s = {0};
    uint64_t now = 1000000;

    tap_ok(!wr_settle_is_over(&s, now), "nothing moves: nothing is over");
    wr_settle_moved(&s, now);
    tap_ok(!wr_settle_is_over(&s, now + WR_SETTLE_STILL_MS - 1), "it has just moved");
    tap_ok(wr_settle_is_over(&s, now + WR_SETTLE_STILL_MS), "still for long enough");
    tap_is_int(wr_settle_next_ms(&s, now), now + WR_SETTLE_LOOK_MS, "meanwhile it is looked at");
    tap_is_int(wr_settle_next_ms(&s, now + 250), now + WR_SETTLE_STILL_MS, "last when it is over");
    wr_settle_moved(&s, now + 299);
    tap_ok(!wr_settle_is_over(&s, now + 400), "moved again: the wait begins again");
    tap_ok(wr_settle_is_over(&s, now + 599), "and ends");
    for (uint64_t at = now + 300; at < now + WR_SETTLE_MOST_MS; at += 100) {
        wr_settle_moved(&s, at);
        if (wr_settle_is_over(&s, at) || wr_settle_is_late(&s, at)) {
            tap_ok(false, "it moves and moves");
        }
    }
    wr_settle_moved(&s, now + WR_SETTLE_MOST_MS);
    tap_ok(wr_settle_is_over(&s, now + WR_SETTLE_MOST_MS), "what never rests is over at last");
    tap_ok(wr_settle_is_late(&s, now + WR_SETTLE_MOST_MS), "though it moves");
    return tap_done();
}
