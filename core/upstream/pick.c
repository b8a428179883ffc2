/*
 * Picking a server, O(1) or O(log n) in their number: each way to balance
 * proposes, a lease decides (a full server says no), and when the proposal
 * fails whoever has room is taken, looked for from a random place.
 */
#include "core/base/rand.h"
#include "core/upstream/upstream_worker.h"

#define PICK_DRAWS 4           /* to find a second server that is not the first */
#define PICK_REFRESHES 2       /* loads in a heap that are looked up anew with each pick */
#define PICK_ROOTS 8           /* roots of a heap whose load is looked up anew */
#define PICK_SCAN_MOST 64      /* servers that are looked at one by one: bits of a word */
#define PICK_TRIAL_ANY_MS 5000 /* nobody who could be repeated has come for so long: anybody tries */
#define PICK_TRIAL_AGAIN_MS 100
#define PICK_EWMA_HALF_MS 10000 /* a response time that old counts half */

/* What one pick works with. */
struct pick {
    struct wr_upstream_group *g;
    const struct wr_pick *facts;
    struct wr_lease *lease;
    bool full; /* somebody said no for being full */
};

static bool
pick_tried(const struct pick *k, const struct wr_peer *p)
{
    for (unsigned i = 0; i < k->facts->tried_n; i++) {
        if (k->facts->tried[i] == p) {
            return true;
        }
    }
    return false;
}

static bool
pick_take(struct pick *k, struct wr_peer *p)
{
    if (pick_tried(k, p)) {
        return false;
    }
    if (wr_peer_take(p, k->lease)) {
        return true;
    }
    k->full = true;
    return false;
}

/* Of s->turns_n turns: each server has as many as its weight. */
static struct wr_peer *
pick_turn(const struct wr_upstream_set *s, uint32_t turn)
{
    return s->v[s->turns != NULL ? s->turns[turn] : turn];
}

/* A random one, by weight. */
static struct wr_peer *
pick_draw(const struct wr_upstream_set *s)
{
    return pick_turn(s, wr_rand_below(s->turns_n));
}

static struct wr_peer *
pick_draw_other(const struct wr_upstream_set *s, const struct wr_peer *first)
{
    for (unsigned i = 0; i < PICK_DRAWS; i++) {
        struct wr_peer *p = pick_draw(s);
        if (p != first) {
            return p;
        }
    }
    return s->v[(first->member + 1 + wr_rand_below(s->n - 1)) % s->n];
}

/* ---- the ways ---- */

/* By the load that one more request would make; with none anywhere the draw, which is by weight, decides. */
static bool
pick_less_loaded(const struct wr_peer *a, const struct wr_peer *b)
{
    uint64_t load_a = wr_peer_load(a), load_b = wr_peer_load(b);

    return (load_a | load_b) != 0 && (load_a + 1) * b->weight < (load_b + 1) * a->weight;
}

/* Response time as it counts now, in microseconds; 0: not known. */
static uint64_t
pick_ewma(const struct wr_peer *p)
{
    uint64_t us = p->row != NULL ? atomic_load_explicit(&p->row->ewma_us, memory_order_relaxed) : 0;
    uint64_t at = p->row != NULL ? atomic_load_explicit(&p->row->ewma_ms, memory_order_relaxed) : 0;
    uint64_t halves = wr_clock.mono_ms > at ? (wr_clock.mono_ms - at) / PICK_EWMA_HALF_MS : 0;

    return us == 0 ? 0 : WR_MAX(us >> WR_MIN(halves, UINT64_C(20)), UINT64_C(1));
}

static bool
pick_faster(const struct wr_peer *a, const struct wr_peer *b)
{
    uint64_t us_a = pick_ewma(a), us_b = pick_ewma(b);

    if (us_a == 0 || us_b == 0) {
        return pick_less_loaded(a, b);
    }
    us_a = WR_MIN(us_a, UINT64_C(1) << 31);
    us_b = WR_MIN(us_b, UINT64_C(1) << 31);
    return us_a * (wr_peer_load(a) + UINT64_C(1)) / a->weight <
        us_b * (wr_peer_load(b) + UINT64_C(1)) / b->weight;
}

static bool
pick_two(struct pick *k, struct wr_upstream_set *s,
         bool (*better)(const struct wr_peer *, const struct wr_peer *))
{
    struct wr_peer *a = pick_draw(s), *b = pick_draw_other(s, a);

    if (better(b, a)) {
        struct wr_peer *t = a;
        a = b;
        b = t;
    }
    return pick_take(k, a) || pick_take(k, b);
}

/* One turn for all workers, so that the order is exact over them. */
static bool
pick_in_turn(struct pick *k, struct wr_upstream_set *s)
{
    for (uint32_t i = 0; i < WR_MIN(s->turns_n, (uint32_t)PICK_SCAN_MOST); i++) {
        uint64_t turn = k->g->row != NULL
            ? atomic_fetch_add_explicit(&k->g->row->turn, 1, memory_order_relaxed)
            : k->g->turn++;
        if (pick_take(k, pick_turn(s, (uint32_t)(turn % s->turns_n)))) {
            return true;
        }
    }
    return false;
}

/* A few servers: all are looked at; equals are taken in turn. */
static bool
pick_least_of_few(struct pick *k, struct wr_upstream_set *s)
{
    uint64_t no = 0; /* who has said so */
    uint32_t from = (uint32_t)(k->g->turn++ % s->n);

    for (uint32_t round = 0; round < s->n; round++) {
        struct wr_peer *best = NULL;
        uint64_t best_load = 0;
        for (uint32_t i = 0; i < s->n; i++) {
            struct wr_peer *p = s->v[(from + i) % s->n];
            if (no & UINT64_C(1) << p->member) {
                continue;
            }
            uint64_t load = wr_peer_load(p) + UINT64_C(1);
            if (best == NULL || load * best->weight < best_load * p->weight) {
                best = p;
                best_load = load;
            }
        }
        if (pick_take(k, best)) {
            return true;
        }
        no |= UINT64_C(1) << best->member;
    }
    return false;
}

/* Many: our own requests move them in the heap at once; those of other workers are noticed when a server
 * comes to the root, and a few with each pick. */
static bool
pick_least_of_many(struct pick *k, struct wr_upstream_set *s)
{
    for (unsigned i = 0; i < PICK_REFRESHES; i++) {
        s->refresh = s->refresh + 1 < s->n ? s->refresh + 1 : 0;
        wr_group_reorder(s, s->v[s->refresh], wr_peer_load(s->v[s->refresh]));
    }
    for (unsigned i = 0; i < PICK_ROOTS; i++) {
        struct wr_peer *p = s->v[wr_least_first(&s->heap)];
        uint32_t load = wr_peer_load(p);
        if (load > p->known_load) {
            wr_group_reorder(s, p, load);
            continue;
        }
        bool taken = pick_take(k, p);
        wr_least_serve(&s->heap, p->member);
        wr_group_reorder(s, p, load + 1);
        if (taken) {
            return true;
        }
    }
    return false;
}

/* From the key's place on the ring to the first that may be used. */
static bool
pick_on_ring(struct pick *k, unsigned tier)
{
    const struct wr_ring *ring = &k->g->ring[tier];
    const struct wr_peer *last = NULL;
    uint32_t at;

    if (ring->n == 0) {
        return false;
    }
    at = wr_ring_find(ring, k->facts->hash);
    for (uint32_t i = 0; i < ring->n; i++, at = wr_ring_next(ring, at)) {
        struct wr_peer *p = k->g->ring_peers[tier][wr_ring_member_at(ring, at)];
        if (p != last && p->usable && pick_take(k, p)) {
            return true;
        }
        last = p;
    }
    return false;
}

static bool
pick_by(struct pick *k, unsigned tier)
{
    struct wr_upstream_set *s = &k->g->set[tier];

    switch ((enum wr_balance)k->g->conf->conf.balance.kind) {
    case WR_BALANCE_ROUND_ROBIN:
        return pick_in_turn(k, s);
    case WR_BALANCE_LEAST_CONN:
        return s->heaped ? pick_least_of_many(k, s) : pick_least_of_few(k, s);
    case WR_BALANCE_IP_HASH:
    case WR_BALANCE_HASH:
        return k->facts->has_hash ? pick_on_ring(k, tier) : pick_take(k, pick_draw(s));
    case WR_BALANCE_EWMA:
        return pick_two(k, s, pick_faster);
    case WR_BALANCE_RANDOM:
        return pick_take(k, pick_draw(s));
    case WR_BALANCE_P2C:
        break;
    }
    return pick_two(k, s, pick_less_loaded);
}

static bool
pick_whoever(struct pick *k, struct wr_upstream_set *s)
{
    uint32_t from = wr_rand_below(s->n);

    for (uint32_t i = 0; i < s->n; i++) {
        if (pick_take(k, s->v[(from + i) % s->n])) {
            return true;
        }
    }
    return false;
}

static bool
pick_from(struct pick *k, unsigned tier)
{
    struct wr_upstream_set *s = &k->g->set[tier];

    if (s->n == 0) {
        return false;
    }
    if (s->n == 1) {
        return pick_take(k, s->v[0]);
    }
    return pick_by(k, tier) || pick_whoever(k, s);
}

/* ---- who comes before them ---- */

/* An ejected server whose time has come gets one request of all workers' to show what it can. */
static bool
pick_trial(struct pick *k)
{
    struct wr_upstream_group *g = k->g;

    uint64_t patience_ms = k->facts->may_try ? 0 : PICK_TRIAL_ANY_MS;

    g->trial_ms = UINT64_MAX;
    for (uint32_t i = 0; i < g->ejected_n; i++) {
        struct wr_peer *p = g->ejected[i];
        uint64_t from = atomic_load(&p->row->ejected_to_ms) + patience_ms,
                 holder = atomic_load(&p->row->trial);
        bool due = from <= wr_clock.mono_ms && !wr_owner_alive(holder) && !pick_tried(k, p);
        if (due && atomic_compare_exchange_strong(&p->row->trial, &holder, wr_owner_self())) {
            if (pick_take(k, p)) {
                k->lease->trial = true;
                g->trial_ms = wr_clock.mono_ms; /* for the next of them */
                return true;
            }
            atomic_store(&p->row->trial, 0);
        }
        /* somebody else's trial may end without an answer: look again soon */
        g->trial_ms = WR_MIN(g->trial_ms, WR_MAX(from - patience_ms, wr_clock.mono_ms + PICK_TRIAL_AGAIN_MS));
    }
    return false;
}

/* A client's own server: also when it drains. */
static bool
pick_sticky_good(const struct wr_peer *p)
{
    uint32_t blocked = p->row != NULL ? atomic_load(&p->row->blocked) : 0;

    return p->addrs_n > 0 && !p->gone && (blocked & ~WR_BLOCK_DRAIN) == 0;
}

static enum wr_pick_verdict
pick_why_none(const struct pick *k)
{
    enum wr_pick_verdict why = WR_PICK_NONE;

    if (k->full) {
        return WR_PICK_FULL;
    }
    if (k->facts->tried_n > 0) {
        return WR_PICK_NONE;
    }
    if (k->g->peers_n == 0) {
        return k->g->answered ? WR_PICK_NONE : WR_PICK_WAIT;
    }
    for (uint32_t i = 0; i < k->g->peers_n; i++) {
        if (!k->g->peers[i]->answered) {
            return WR_PICK_WAIT;
        }
        if (k->g->peers[i]->addrs_n == 0) {
            why = WR_PICK_UNRESOLVED;
        }
    }
    return why;
}

enum wr_pick_verdict
wr_peer_pick(struct wr_service *sv, const struct wr_pick *facts, struct wr_lease *lease)
{
    struct wr_upstream_group *g = wr_upstream_group_of(sv, facts->upstream);
    struct pick k = {.g = g, .facts = facts, .lease = lease};

    wr_group_fresh(g);
    if (facts->sticky != NULL && pick_sticky_good(facts->sticky) && !pick_tried(&k, facts->sticky)) {
        return pick_take(&k, facts->sticky) ? WR_PICK_OK : WR_PICK_FULL;
    }
    if (wr_group_trial_due(g) && pick_trial(&k)) {
        return WR_PICK_OK;
    }
    return pick_from(&k, 0) || pick_from(&k, 1) ? WR_PICK_OK : pick_why_none(&k);
}
