/* core/upstream/probe_state: rise and fall, the first check, and what is forgotten with the checks. */
#include "core/upstream/probe_state.h"

#include "core/base/clock.h"
#include "core/shm/zone.h"
#include "t/unit/conf_text.h"

static struct wr_share *probe_state_share;
static uint32_t probe_state_row; /* what the last count said */

static struct wr_model *
probe_state_cycle(uint64_t generation, const char *text)
{
    const struct wr_upstream *left_out;

    if (!ct_load(text)) {
        printf("# %s", ct_out);
        return NULL;
    }
    wr_zones_begin(generation);
    bool ok = wr_share_claim(ct_conf.model, generation, &left_out);
    wr_zones_commit();
    probe_state_share = wr_share_own();
    return ok ? ct_conf.model : NULL;
}

static enum wr_probe_change
probe_state_check(struct wr_share_server *s, bool good)
{
    return wr_probe_state_count(probe_state_share, s, good, 2, 3, &probe_state_row);
}

static bool
probe_state_is_down(const struct wr_share_server *s)
{
    return (atomic_load(&s->blocked) & WR_BLOCK_HEALTH) != 0;
}

static void
probe_state_test_counts(struct wr_share_server *s)
{
    tap_is_int(probe_state_check(s, true), WR_PROBE_SAME, "a server is up before it is known");
    tap_is_int(atomic_load(&s->checked), 1, "then it is known");
    tap_ok(probe_state_check(s, false) == WR_PROBE_SAME && probe_state_check(s, false) == WR_PROBE_SAME &&
               !probe_state_is_down(s),
           "less than `fall` bad checks change nothing");
    probe_state_check(s, true);
    tap_is_int(atomic_load(&s->checks_row), 0, "a good one among them and they do not count");
    tap_ok(probe_state_check(s, false) == WR_PROBE_SAME && probe_state_check(s, false) == WR_PROBE_SAME &&
               probe_state_check(s, false) == WR_PROBE_DOWN,
           "the third in a row takes it out");
    tap_is_int(probe_state_row, 3, "which is told");
    tap_ok(probe_state_is_down(s) && atomic_load(&s->why) == WR_SHARE_CHECKS, "it is down, by checks");
    tap_is_int(probe_state_check(s, false), WR_PROBE_SAME, "it stays so");
    tap_is_int(probe_state_check(s, true), WR_PROBE_SAME, "one good check does not bring it back");
    tap_is_int(probe_state_check(s, false), WR_PROBE_SAME, "and a bad one");
    tap_is_int(probe_state_check(s, true), WR_PROBE_SAME, "makes it begin again");
    tap_is_int(probe_state_check(s, true), WR_PROBE_UP, "`rise` good ones in a row do");
    tap_ok(!probe_state_is_down(s) && atomic_load(&s->checks_row) == 0, "it is up");
}

static void
probe_state_test_first(struct wr_share_server *s, struct wr_share_server *other)
{
    tap_is_int(probe_state_check(s, false), WR_PROBE_DOWN, "the first check of a server decides at once");
    tap_ok(probe_state_is_down(s) && !probe_state_is_down(other), "about that server");
    wr_share_block(probe_state_share, s, WR_BLOCK_DOWN, 0, WR_SHARE_HAND);
    probe_state_check(s, true);
    tap_is_int(probe_state_check(s, true), WR_PROBE_UP, "also while it is down by hand");
    tap_is_int(atomic_load(&s->blocked), WR_BLOCK_DOWN, "which stays");
    wr_share_block(probe_state_share, s, 0, WR_BLOCK_DOWN, WR_SHARE_HAND);
}

#define PROBE_STATE_CONF(a, b)                                                                               \
    "[upstream a]\nserver.one = 127.0.0.1:1\nserver.two = 127.0.0.1:2\n" a                                   \
    "[upstream b]\nserver.one = 127.0.0.1:1\n" b "[server *]\ntls = off\n/* = a\n/b/* = b\n"

/* One upstream loses its checks, the other has them still. */
static void
probe_state_test_forget(void)
{
    struct wr_model *m = probe_state_cycle(2, PROBE_STATE_CONF("health.interval = 1s\n", ""));
    const struct wr_upstream *a = m->upstreams[0], *b = m->upstreams[1];
    struct wr_share_server *kept = wr_share_server_at(probe_state_share, a->servers[1].share);
    struct wr_share_server *lost = wr_share_server_at(probe_state_share, b->servers[0].share);
    bool groups[WR_SHARE_GROUPS] = {false};

    wr_share_block(probe_state_share, kept, WR_BLOCK_HEALTH, 0, WR_SHARE_CHECKS);
    wr_share_block(probe_state_share, lost, WR_BLOCK_HEALTH | WR_BLOCK_DRAIN, 0, WR_SHARE_CHECKS);
    atomic_store(&kept->checked, 1);
    atomic_store(&kept->checks_row, 1);
    atomic_store(&lost->checked, 1);
    groups[a->share] = true;
    wr_probe_state_forget(probe_state_share, 2, groups);
    tap_ok(probe_state_is_down(kept) && atomic_load(&kept->checked) == 1 &&
               atomic_load(&kept->checks_row) == 1,
           "a reload keeps what checks have found");
    tap_is_int(atomic_load(&lost->blocked), WR_BLOCK_DRAIN, "without checks nobody stays down by checks");
    tap_is_int(atomic_load(&lost->checked), 0, "and the first of new ones decides");
    wr_share_block(probe_state_share, lost, WR_BLOCK_HEALTH, 0, WR_SHARE_CHECKS);
    wr_probe_state_forget(probe_state_share, 3, groups);
    tap_ok(probe_state_is_down(lost), "rows of other generations are not touched");
}

int
main(void)
{
    wr_clock_update();
    wr_pool_init(&ct_pool);
    tap_ok(wr_slots_create(8), "slots");
    struct wr_model *m = probe_state_cycle(1, PROBE_STATE_CONF("", ""));
    struct wr_share_server *one = wr_share_server_at(probe_state_share, m->upstreams[0]->servers[0].share);
    struct wr_share_server *two = wr_share_server_at(probe_state_share, m->upstreams[0]->servers[1].share);
    struct wr_share_server *other = wr_share_server_at(probe_state_share, m->upstreams[1]->servers[0].share);
    probe_state_test_counts(one);
    probe_state_test_first(two, other);
    probe_state_test_forget();
    ct_begin();
    return tap_done();
}
