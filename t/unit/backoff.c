/*
 * Delays of restarts.
 */
#include "workers/backoff.h"

#include "t/unit/tap.h"

int
main(void)
{
    struct wr_backoff b = {0};
    uint64_t seat = 0, other = 0, now = 1000000;

    for (int i = 0; i < 9; i++) {
        now += 10;
        tap_is_int(wr_backoff_died(&b, &seat, now, 10, false), 0, "death %d within a second: at once", i + 1);
    }
    tap_is_int(wr_backoff_died(&b, &seat, now + 10, 10, false), 100, "the tenth waits");
    tap_is_int(wr_backoff_died(&b, &other, now + 20, 20000, false), 100,
               "so does another seat's while the storm lasts");
    tap_is_int(wr_backoff_died(&b, &seat, now + 500, 10, false), 200, "then twice as long");
    tap_is_int(wr_backoff_died(&b, &seat, now + 800, 10, true), 100,
               "the last that accepts never over 100 ms");
    for (int i = 0; i < 20; i++) {
        now += 20000;
        wr_backoff_died(&b, &seat, now, 10, false);
    }
    tap_is_int(seat, WR_BACKOFF_MOST_MS, "it grows to a bound");
    tap_is_int(wr_backoff_died(&b, &seat, now + 60000, 30000, false), 0,
               "who has lived for long begins anew");

    b = (struct wr_backoff){0};
    seat = 0;
    for (int i = 0; i < 40; i++) {
        now += 150;
        if (wr_backoff_died(&b, &seat, now, 150, false) != 0) {
            tap_ok(false, "seven a second is no storm");
        }
    }
    tap_is_int(seat, 0, "deaths every 150 ms are replaced at once");
    return tap_done();
}
