/*
 * Rise and fall.
 */
#include "core/upstream/probe_state.h"

/* The row is shared by all workers: it is written only when something is different. */
static void
probe_state_store(_Atomic uint32_t *word, uint32_t value)
{
    if (atomic_load(word) != value) {
        atomic_store(word, value);
    }
}

enum wr_probe_change
wr_probe_state_count(struct wr_share *sh, struct wr_share_server *s, bool good, uint32_t rise, uint32_t fall,
                     uint32_t *in_a_row)
{
    bool up = (atomic_load(&s->blocked) & WR_BLOCK_HEALTH) == 0;
    bool first = atomic_load(&s->checked) == 0;

    *in_a_row = 1;
    if (good == up) {
        probe_state_store(&s->checks_row, 0);
        probe_state_store(&s->checked, 1);
        return WR_PROBE_SAME;
    }
    *in_a_row = first ? 1 : atomic_load(&s->checks_row) + 1;
    if (!first && *in_a_row < (good ? rise : fall)) {
        atomic_store(&s->checks_row, *in_a_row);
        return WR_PROBE_SAME;
    }
    wr_share_block(sh, s, good ? 0 : WR_BLOCK_HEALTH, good ? WR_BLOCK_HEALTH : 0, WR_SHARE_CHECKS);
    /* killed before this, the next keeper finds a count that its first check sets right */
    probe_state_store(&s->checks_row, 0);
    probe_state_store(&s->checked, 1);
    return good ? WR_PROBE_UP : WR_PROBE_DOWN;
}

void
wr_probe_state_forget(struct wr_share *sh, uint64_t generation, const bool groups[WR_SHARE_GROUPS])
{
    uint32_t n = wr_share_servers_n(sh);

    for (uint32_t i = 0; i < n; i++) {
        struct wr_share_server *s = &sh->servers[i];
        if (atomic_load(&s->key) == 0 || s->last_generation < generation || s->group >= WR_SHARE_GROUPS ||
            groups[s->group]) {
            continue;
        }
        probe_state_store(&s->checked, 0);
        probe_state_store(&s->checks_row, 0);
        if (atomic_load(&s->blocked) & WR_BLOCK_HEALTH) {
            wr_share_block(sh, s, 0, WR_BLOCK_HEALTH, WR_SHARE_CHECKS);
        }
    }
}
