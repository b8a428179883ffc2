/* core/upstream/retry_budget: a tenth of the requests, at least three a second. */
#include "core/upstream/retry_budget.h"

#include <stdlib.h>

#include "t/unit/tap.h"

/* Requests come at that rate and all of them would like a retry: how many get one. */
static unsigned
budget_run(struct wr_share_group *g, uint64_t *now_ms, unsigned per_second, unsigned seconds, uint64_t *asked)
{
    unsigned granted = 0;

    *asked = 0;
    for (uint64_t ms = 0; ms < seconds * UINT64_C(1000); ms++, ++*now_ms) {
        for (uint64_t n = (ms + 1) * per_second / 1000 - ms * per_second / 1000; n > 0; n--) {
            atomic_fetch_add(&g->begun[(*asked)++ % 4], 1);
            granted += wr_retry_budget_take(g, *now_ms);
        }
    }
    return granted;
}

int
main(void)
{
    struct wr_share_group *g = calloc(1, sizeof(*g));
    uint64_t now_ms = 5000000, asked;
    unsigned granted;

    tap_ok(wr_slots_create(8), "slots");
    atomic_store(&wr_slots_table()->claimed, 4);
    granted = budget_run(g, &now_ms, 1000, 20, &asked);
    tap_ok(granted > asked * 9 / 100 && granted <= asked / 10 + 3,
           "of 1000/s a tenth is repeated (%u of %llu)", granted, (unsigned long long)asked);
    granted = budget_run(g, &now_ms, 10, 30, &asked);
    tap_ok(granted >= 85 && granted <= 193, "of 10/s three a second (%u in 30 s)", granted);
    now_ms += 3600000;
    granted = 0;
    for (int i = 0; i < 1000; i++) {
        granted += wr_retry_budget_take(g, now_ms);
    }
    tap_ok(granted >= 3 && granted <= 30, "a quiet hour is not saved up (%u)", granted);
    atomic_fetch_add(&g->begun[1], 100000);
    now_ms += 1000;
    granted = 0;
    for (int i = 0; i < 100000; i++) {
        granted += wr_retry_budget_take(g, now_ms);
    }
    tap_ok(granted >= 9000 && granted <= 10000, "a second's worth can be spent at once (%u)", granted);
    free(g);
    return tap_done();
}
