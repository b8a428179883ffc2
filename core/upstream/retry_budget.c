/*
 * A bucket of retries.  It is filled by whoever needs one, from what was begun
 * since it was filled last; whoever moves the time on has the right to.
 */
#include "core/upstream/retry_budget.h"

#define BUDGET_UNIT 1000       /* thousandths of a retry */
#define BUDGET_FILL_MS 100     /* between two fillings */
#define BUDGET_RECENT_MS 10000 /* requests longer ago earn nothing */
#define BUDGET_LEAST 3         /* retries that are kept for later at most, however few requests there are */

static uint64_t
retry_budget_begun(const struct wr_share_group *g)
{
    uint64_t sum = atomic_load(&g->begun_retired);
    uint32_t n = wr_slots_claimed(wr_slots_table());

    for (uint32_t i = 0; i < n; i++) {
        sum += atomic_load_explicit(&g->begun[i], memory_order_relaxed);
    }
    return sum;
}

static void
retry_budget_fill(struct wr_share_group *g, uint64_t now_ms)
{
    uint64_t last_ms = atomic_load(&g->retry_fill_ms);

    if (now_ms < last_ms + BUDGET_FILL_MS ||
        !atomic_compare_exchange_strong(&g->retry_fill_ms, &last_ms, now_ms)) {
        return;
    }
    uint64_t begun = retry_budget_begun(g), seen = atomic_exchange(&g->retry_seen, begun);
    uint64_t requests = begun > seen ? begun - seen : 0;
    uint64_t since_ms = WR_MIN(now_ms - last_ms, (uint64_t)BUDGET_RECENT_MS);
    uint64_t whole_ms = WR_MAX(now_ms - last_ms, UINT64_C(1));
    requests = requests * since_ms / whole_ms;
    int64_t earned = (int64_t)WR_MAX(requests * BUDGET_UNIT * WR_RETRY_PERCENT / 100,
                                     since_ms * WR_RETRY_PER_SECOND * BUDGET_UNIT / 1000);
    /* what is saved up is a second's worth */
    int64_t most = WR_MAX(
        (int64_t)(requests * BUDGET_UNIT * WR_RETRY_PERCENT / 100 * 1000 / WR_MAX(since_ms, UINT64_C(1000))),
        (int64_t)BUDGET_LEAST * BUDGET_UNIT);
    int64_t has = atomic_fetch_add(&g->retry_tokens, earned) + earned;
    if (has > most) {
        atomic_fetch_sub(&g->retry_tokens, has - most);
    }
}

bool
wr_retry_budget_take(struct wr_share_group *g, uint64_t now_ms)
{
    retry_budget_fill(g, now_ms);
    if (atomic_fetch_sub(&g->retry_tokens, BUDGET_UNIT) >= BUDGET_UNIT) {
        atomic_fetch_add(&g->retries, 1);
        return true;
    }
    atomic_fetch_add(&g->retry_tokens, BUDGET_UNIT);
    return false;
}
