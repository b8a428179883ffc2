/*
 * Picking a server: two random ones, the one with fewer requests in flight by
 * weight.
 */
#include "core/upstream/peer.h"

#include "core/base/rand.h"
#include "core/http/request.h"
#include "core/upstream/upstream_worker.h"

static bool
peer_tried(const struct wr_pick *pk, const struct wr_peer *p)
{
    for (unsigned i = 0; i < pk->tried_n; i++) {
        if (pk->tried[i] == p) {
            return true;
        }
    }
    return false;
}

static bool
peer_usable(const struct wr_pick *pk, const struct wr_peer *p, bool backup)
{
    return p->addrs_n > 0 && p->conf->backup == backup && !peer_tried(pk, p);
}

/* The load that one more request would make, by weight. */
static bool
peer_less_loaded(const struct wr_peer *a, const struct wr_peer *b)
{
    return (uint64_t)(a->inflight + 1) * (uint64_t)b->conf->weight <
        (uint64_t)(b->inflight + 1) * (uint64_t)a->conf->weight;
}

/* A random usable one, by looking on from a random place. */
static struct wr_peer *
peer_random(struct wr_upstream_group *g, const struct wr_pick *pk, bool backup,
            const struct wr_peer *not_this)
{
    uint32_t n = (uint32_t)g->peers_n, start = wr_rand_below(n);

    for (uint32_t i = 0; i < n; i++) {
        struct wr_peer *p = &g->peers[(start + i) % n];
        if (p != not_this && peer_usable(pk, p, backup)) {
            return p;
        }
    }
    return NULL;
}

static enum wr_pick_verdict
peer_why_none(const struct wr_upstream_group *g)
{
    enum wr_pick_verdict why = WR_PICK_NONE;

    for (size_t i = 0; i < g->peers_n; i++) {
        if (!g->peers[i].answered) {
            return WR_PICK_WAIT;
        }
        if (g->peers[i].addrs_n == 0) {
            why = WR_PICK_UNRESOLVED;
        }
    }
    return why;
}

enum wr_pick_verdict
wr_peer_pick(struct wr_service *sv, const struct wr_pick *pk, struct wr_peer **out)
{
    struct wr_upstream_group *g = &sv->upstream->groups[pk->upstream->index];

    if (g->peers_n == 1 && peer_usable(pk, &g->peers[0], g->peers[0].conf->backup)) {
        *out = &g->peers[0];
        return WR_PICK_OK;
    }
    for (int backup = 0; backup < 2 && g->peers_n > 0; backup++) {
        struct wr_peer *a = peer_random(g, pk, backup, NULL);
        struct wr_peer *b = a ? peer_random(g, pk, backup, a) : NULL;
        if (a != NULL) {
            *out = b != NULL && peer_less_loaded(b, a) ? b : a;
            return WR_PICK_OK;
        }
    }
    return pk->tried_n == 0 ? peer_why_none(g) : WR_PICK_NONE;
}

enum wr_step
wr_peer_pick_for(struct wr_req *r)
{
    struct wr_pick pk = {.upstream = r->upstream};

    memcpy(pk.tried, r->tried, sizeof(pk.tried));
    pk.tried_n = r->tried_n;
    switch (wr_peer_pick(r->sv, &pk, &r->peer)) {
    case WR_PICK_OK:
        return WR_NEXT;
    case WR_PICK_WAIT:
        wr_peer_wait_names(r, wr_clock.mono_ms + r->route->conf.connect_ms);
        return WR_WAIT;
    case WR_PICK_UNRESOLVED:
        wr_req_fail(r, WR_E_UPSTREAM_UNRESOLVED);
        return WR_DONE;
    case WR_PICK_NONE:
        break;
    }
    wr_req_fail(r, WR_E_UPSTREAM_NONE);
    return WR_DONE;
}

void
wr_peer_take(struct wr_peer *p)
{
    p->inflight++;
}

void
wr_peer_done(struct wr_peer *p)
{
    wr_assert(p->inflight > 0);
    p->inflight--;
}

struct wr_peer *
wr_peers(struct wr_service *sv, const struct wr_upstream *up, size_t *n)
{
    struct wr_upstream_group *g = &sv->upstream->groups[up->index];

    *n = g->peers_n;
    return g->peers;
}

static void
peer_cancel_wait(void *arg)
{
    struct wr_name_waiter *w = arg;

    wr_list_del(&w->link);
}

void
wr_peer_wait_names(struct wr_req *r, uint64_t until_ms)
{
    struct wr_name_waiter *w = wr_pool_alloc(&r->pool, sizeof(*w));

    w->token = wr_req_token(r);
    w->sv = r->sv;
    wr_list_init(&w->link);
    wr_list_add_tail(&r->sv->upstream->name_waiters, &w->link);
    wr_req_park(r, "names", until_ms, WR_E_UPSTREAM_UNRESOLVED, peer_cancel_wait, w);
}
