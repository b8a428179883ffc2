/*
 * The servers of an upstream that may be picked: made anew when one was taken
 * out or came back, and while one starts slowly; never for a request.
 */
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/upstream/turns.h"
#include "core/upstream/upstream_worker.h"

#define GROUP_SLOW_STEPS 20     /* in which a slow start grows */
#define GROUP_SLOW_PERCENT 10   /* with which it begins */
#define GROUP_TURNS_MOST 65536  /* entries of a table of turns */
#define GROUP_HEAP_FROM 17      /* servers from which a heap is cheaper than looking at all */
#define GROUP_STEP_LEAST_MS 100 /* between two steps of a slow start */

/* ---- one server ---- */

static uint32_t
group_blocked(const struct wr_peer *p)
{
    return p->row != NULL ? atomic_load_explicit(&p->row->blocked, memory_order_acquire) : 0;
}

static bool
group_reachable(const struct wr_peer *p)
{
    return p->addrs_n > 0 && !p->gone;
}

static uint32_t
group_full_weight(const struct wr_peer *p)
{
    uint32_t by_hand = p->row != NULL ? atomic_load(&p->row->weight) : 0;

    return (by_hand > 0 ? by_hand : (uint32_t)p->conf->weight) * WR_PEER_WEIGHT;
}

/* Its weight now; *next_ms: when that is different. */
static uint32_t
group_weight(const struct wr_peer *p, uint64_t *next_ms)
{
    uint32_t full = group_full_weight(p);
    uint64_t takes = p->upstream->conf.slow_start_ms, now = wr_clock.mono_ms;
    uint64_t from = p->row != NULL ? atomic_load(&p->row->slow_from_ms) : 0;

    if (from == 0 || takes == WR_OFF || takes == 0 || now >= from + takes) {
        return full;
    }
    uint64_t since = now > from ? now - from : 0;
    uint64_t percent = WR_MAX(since * 100 / takes, (uint64_t)GROUP_SLOW_PERCENT);
    *next_ms = WR_MIN(*next_ms, now + WR_MAX(takes / GROUP_SLOW_STEPS, (uint64_t)GROUP_STEP_LEAST_MS));
    return (uint32_t)WR_MAX(full * percent / 100, UINT64_C(1));
}

/* ---- sets ---- */

static void
group_add(struct wr_upstream_group *g, struct wr_peer *p)
{
    struct wr_upstream_set *s = &g->set[p->conf->backup];

    p->weight = group_weight(p, &g->stale_ms);
    p->usable = true;
    p->member = s->n;
    s->v[s->n++] = p;
}

static bool
group_equal(const struct wr_upstream_set *s)
{
    for (uint32_t i = 1; i < s->n; i++) {
        if (s->v[i]->weight != s->v[0]->weight) {
            return false;
        }
    }
    return true;
}

static void
group_make_turns(struct wr_upstream_set *s)
{
    uint32_t *weights;

    free(s->turns);
    s->turns = NULL;
    s->turns_n = s->n;
    if (group_equal(s)) {
        return;
    }
    weights = wr_malloc(s->n * sizeof(*weights));
    for (uint32_t i = 0; i < s->n; i++) {
        weights[i] = s->v[i]->weight;
    }
    s->turns = wr_malloc(wr_turns_need(weights, s->n, GROUP_TURNS_MOST) * sizeof(*s->turns));
    s->turns_n = wr_turns_build(weights, s->n, s->turns, GROUP_TURNS_MOST);
    free(weights);
}

static void
group_make_heap(const struct wr_upstream_group *g, struct wr_upstream_set *s)
{
    if (s->heaped) {
        wr_least_fini(&s->heap);
        s->heaped = false;
    }
    if (g->conf->conf.balance.kind != WR_BALANCE_LEAST_CONN || s->n < GROUP_HEAP_FROM) {
        return;
    }
    s->heaped = true;
    wr_least_init(&s->heap, s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        struct wr_peer *p = s->v[i];
        p->known_load = wr_peer_load(p);
        wr_least_set(&s->heap, i, p->known_load, p->weight);
    }
}

/* With nobody left, those that are only ejected. */
static void
group_panic(struct wr_upstream_group *g)
{
    bool was = g->panic;

    g->panic = g->set[0].n + g->set[1].n == 0 && g->ejected_n > 0;
    for (uint32_t i = 0; g->panic && i < g->ejected_n; i++) {
        group_add(g, g->ejected[i]);
    }
    if (g->panic && !was) {
        wr_log(WR_LOG_WARN, "no server is left that is not ejected upstream=%.*s; using the ejected ones",
               WR_STR_ARG(g->conf->name));
    }
}

static void
group_add_ejected(struct wr_upstream_group *g, struct wr_peer *p)
{
    g->ejected[g->ejected_n++] = p;
    g->trial_ms = WR_MIN(g->trial_ms, atomic_load(&p->row->ejected_to_ms));
}

static void
group_grow(struct wr_upstream_group *g)
{
    for (unsigned i = 0; i < 2; i++) {
        g->set[i].v = wr_realloc(g->set[i].v, (g->peers_cap + 1) * sizeof(*g->set[i].v));
        g->set[i].n = 0;
    }
    g->ejected = wr_realloc(g->ejected, (g->peers_cap + 1) * sizeof(*g->ejected));
    g->ejected_n = 0;
    g->trial_ms = UINT64_MAX;
}

/* ---- the ring: all servers, up or down, so that keys come back with theirs ---- */

static void
group_make_ring(struct wr_upstream_group *g, unsigned tier)
{
    struct wr_ring_member *members = wr_malloc((g->peers_n + 1) * sizeof(*members));
    uint32_t n = 0;

    wr_ring_free(&g->ring[tier]);
    g->ring_peers[tier] = wr_realloc(g->ring_peers[tier], (g->peers_n + 1) * sizeof(*g->ring_peers[tier]));
    for (uint32_t i = 0; i < g->peers_n; i++) {
        struct wr_peer *p = g->peers[i];
        if (p->conf->backup == (tier == 1) && !p->gone) {
            members[n].hash = wr_hash_fixed(p->conf->name);
            members[n].weight = group_full_weight(p);
            g->ring_peers[tier][n++] = p;
        }
    }
    wr_ring_build(&g->ring[tier], members, n);
    free(members);
}

static bool
group_wants_ring(const struct wr_upstream_group *g)
{
    return g->conf->conf.balance.kind == WR_BALANCE_IP_HASH || g->conf->conf.balance.kind == WR_BALANCE_HASH;
}

/* A weight by hand changes the ring, too; that a server is down does not. */
static void
group_check_weights(struct wr_upstream_group *g)
{
    for (uint32_t i = 0; i < g->peers_n; i++) {
        uint32_t full = group_full_weight(g->peers[i]);
        g->ring_stale = g->ring_stale || g->peers[i]->ring_weight != full;
        g->peers[i]->ring_weight = full;
    }
}

void
wr_group_make(struct wr_upstream_group *g)
{
    g->version = g->row != NULL ? atomic_load_explicit(&g->row->version, memory_order_acquire) : 0;
    g->stale = false;
    g->stale_ms = UINT64_MAX;
    g->has_max = false;
    group_grow(g);
    for (uint32_t i = 0; i < g->peers_n; i++) {
        struct wr_peer *p = g->peers[i];
        uint32_t blocked = group_blocked(p);
        p->usable = false;
        p->max = (uint32_t)p->conf->max;
        g->has_max = g->has_max || p->conf->max > 0;
        if (group_reachable(p) && blocked == 0) {
            group_add(g, p);
        } else if (group_reachable(p) && blocked == WR_BLOCK_EJECTED) {
            group_add_ejected(g, p);
        }
    }
    group_panic(g);
    for (unsigned i = 0; i < 2; i++) {
        group_make_turns(&g->set[i]);
        group_make_heap(g, &g->set[i]);
    }
    g->heaps = g->set[0].heaped || g->set[1].heaped;
    if (group_wants_ring(g)) {
        group_check_weights(g);
        for (unsigned i = 0; g->ring_stale && i < 2; i++) {
            group_make_ring(g, i);
        }
        g->ring_stale = false;
    }
}

void
wr_group_fini(struct wr_upstream_group *g)
{
    for (unsigned i = 0; i < 2; i++) {
        free(g->set[i].v);
        free(g->set[i].turns);
        if (g->set[i].heaped) {
            wr_least_fini(&g->set[i].heap);
        }
        wr_ring_free(&g->ring[i]);
        free(g->ring_peers[i]);
    }
    free(g->ejected);
    free(g->tokens);
    free(g->peers);
}
