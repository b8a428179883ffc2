/*
 * Leases of servers and what comes of them: loads, times, errors, ejections.
 */
#include "core/upstream/peer.h"

#include "core/upstream/queue.h"
#include "core/upstream/xfer.h"

#define PEER_EWMA_SHIFT 3 /* each time counts an eighth */

/* ---- leases ---- */

static inline void
peer_count(struct wr_peer *p, uint32_t n)
{
    p->inflight = n;
    if (p->cell != NULL) {
        atomic_store_explicit(p->cell, n, memory_order_relaxed);
    }
}

/* Ours is counted before all are: of two that come at once at least one sees the other (CORE-RULES 23). */
static bool
peer_fits(const struct wr_peer *p)
{
    if (p->row == NULL) {
        return p->inflight <= p->max;
    }
    atomic_thread_fence(memory_order_seq_cst);
    return wr_share_load(p->row) <= p->max;
}

bool
wr_peer_take(struct wr_peer *p, struct wr_lease *lease)
{
    peer_count(p, p->inflight + 1);
    if (p->max > 0 && !peer_fits(p)) {
        peer_count(p, p->inflight - 1);
        return false;
    }
    *lease = (struct wr_lease){.peer = p, .since_us = wr_clock.mono_us};
    return true;
}

static void
peer_average(_Atomic uint32_t *to, uint64_t us)
{
    uint32_t old = atomic_load_explicit(to, memory_order_relaxed);
    uint32_t now = (uint32_t)WR_MIN(us, (uint64_t)UINT32_MAX);

    atomic_store_explicit(to, old == 0 ? now : old - (old >> PEER_EWMA_SHIFT) + (now >> PEER_EWMA_SHIFT),
                          memory_order_relaxed);
}

/* A trial that has no verdict (the client went) is for the next one. */
static void
peer_end_trial(struct wr_lease *lease)
{
    if (lease->trial) {
        lease->trial = false;
        atomic_store(&lease->peer->row->trial, 0);
    }
}

void
wr_peer_done(struct wr_service *sv, struct wr_lease *lease)
{
    struct wr_peer *p = lease->peer;

    if (p == NULL) {
        return;
    }
    struct wr_upstream_group *g = wr_upstream_group_of(sv, p->upstream);
    wr_assert(p->inflight > 0);
    peer_end_trial(lease);
    peer_count(p, p->inflight - 1);
    if (p->row != NULL) {
        atomic_fetch_add_explicit(&p->row->requests, 1, memory_order_relaxed);
    }
    if (g->heaps && p->usable && g->set[p->conf->backup].heaped) {
        wr_group_reorder(&g->set[p->conf->backup], p, wr_peer_load(p));
    }
    lease->peer = NULL;
    if (g->has_max) {
        if (g->row != NULL) {
            peer_average(&g->row->hold_us, wr_clock.mono_us - lease->since_us);
        }
        wr_queue_released(sv->upstream, g);
    }
    if (wr_unlikely(p->gone) && p->inflight == 0) {
        wr_members_free(sv->upstream, p);
    }
}

/* ---- what comes of them ---- */

static void
peer_eject(struct wr_service *sv, struct wr_peer *p, bool again)
{
    const struct wr_eject_conf *conf = &p->upstream->conf.eject;
    const struct wr_upstream_group *g = wr_upstream_group_of(sv, p->upstream);
    uint32_t errors = atomic_load(&p->row->errors);

    if (!wr_share_eject(sv->upstream->share, p->row, g->peers_n, conf->most_percent, conf->out_ms, again)) {
        atomic_store(&p->row->window_ms, 0); /* count anew: not at each error that follows */
        return;
    }
    uint64_t to_ms = atomic_load(&p->row->ejected_to_ms);
    uint64_t for_ms = to_ms > wr_clock.mono_ms ? to_ms - wr_clock.mono_ms : 0;
    if (again) {
        wr_log(WR_LOG_WARN, "server failed its trial server=%.*s; stays ejected for_ms=%llu",
               WR_STR_ARG(wr_share_name(p->row)), (unsigned long long)for_ms);
    } else {
        wr_log(WR_LOG_WARN,
               "server ejected server=%.*s errors=%u within_ms=%llu; out of rotation for_ms=%llu",
               WR_STR_ARG(wr_share_name(p->row)), errors, (unsigned long long)conf->window_ms,
               (unsigned long long)for_ms);
    }
}

/* The window begins with an error; a good answer counts only after one. */
static void
peer_count_error(struct wr_service *sv, struct wr_peer *p)
{
    const struct wr_eject_conf *conf = &p->upstream->conf.eject;
    struct wr_share_server *row = p->row;

    atomic_fetch_add_explicit(&row->failures, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&row->errors_row, 1, memory_order_relaxed);
    if (wr_clock.mono_ms - atomic_load(&row->window_ms) > conf->window_ms) {
        atomic_store(&row->window_ms, wr_clock.mono_ms);
        atomic_store(&row->goods, 0);
        atomic_store(&row->errors, 0);
    }
    uint32_t errors = atomic_fetch_add(&row->errors, 1) + 1;
    if (conf->errors > 0 && errors >= conf->errors && errors >= atomic_load(&row->goods) &&
        !(atomic_load(&row->blocked) & WR_BLOCK_EJECTED)) {
        peer_eject(sv, p, false);
    }
}

void
wr_peer_failed(struct wr_service *sv, struct wr_lease *lease)
{
    struct wr_peer *p = lease->peer;

    if (p->row == NULL) {
        return;
    }
    if (lease->trial) {
        atomic_fetch_add_explicit(&p->row->failures, 1, memory_order_relaxed);
        peer_eject(sv, p, true);
        peer_end_trial(lease);
        return;
    }
    peer_count_error(sv, p);
}

static void
peer_passed_trial(struct wr_service *sv, struct wr_lease *lease)
{
    struct wr_share_server *row = lease->peer->row;

    if (wr_share_block(sv->upstream->share, row, 0, WR_BLOCK_EJECTED, WR_SHARE_TRIAL)) {
        wr_log(WR_LOG_NOTICE, "server passed its trial server=%.*s; back in rotation",
               WR_STR_ARG(wr_share_name(row)));
    }
    peer_end_trial(lease);
}

static void
peer_note_time(struct wr_share_server *row, uint64_t us)
{
    uint64_t old = atomic_load_explicit(&row->ewma_us, memory_order_relaxed);

    us = WR_MAX(us, UINT64_C(1));
    us = old == 0 ? us : old - (old >> PEER_EWMA_SHIFT) + (us >> PEER_EWMA_SHIFT);
    atomic_store_explicit(&row->ewma_us, WR_MAX(us, UINT64_C(1)), memory_order_relaxed);
    atomic_store_explicit(&row->ewma_ms, wr_clock.mono_ms, memory_order_relaxed);
}

void
wr_peer_answered(struct wr_service *sv, struct wr_lease *lease, bool good, uint64_t us)
{
    struct wr_share_server *row = lease->peer->row;

    if (row == NULL) {
        return;
    }
    peer_note_time(row, us);
    if (wr_unlikely(!good)) {
        wr_peer_failed(sv, lease);
        return;
    }
    if (wr_unlikely(lease->trial)) {
        peer_passed_trial(sv, lease);
    }
    if (wr_unlikely(atomic_load_explicit(&row->errors, memory_order_relaxed) != 0)) {
        atomic_fetch_add_explicit(&row->goods, 1, memory_order_relaxed);
        atomic_store_explicit(&row->errors_row, 0, memory_order_relaxed);
    }
}

/* ---- a request's pick ---- */

static bool
peer_may_try(const struct wr_req *r)
{
    return r->method_id == WR_M_GET || r->method_id == WR_M_HEAD || r->method_id == WR_M_OPTIONS;
}

struct wr_pick
wr_peer_facts(const struct wr_req *r)
{
    return (struct wr_pick){
        .upstream = r->upstream,
        .tried = r->tried,
        .tried_n = r->tried_n,
        .sticky = r->sticky,
        .hash = r->pick_hash,
        .has_hash = r->has_pick_hash,
        .may_try = peer_may_try(r),
    };
}

static enum wr_step
peer_picked(struct wr_req *r, const struct wr_upstream_group *g)
{
    r->source = &wr_proxy_source; /* from here on the lease is the proxy's to end */
    if (g->cell != NULL && r->attempts == 0) {
        uint64_t n = atomic_load_explicit(g->cell, memory_order_relaxed);
        atomic_store_explicit(g->cell, n + 1, memory_order_relaxed);
    }
    return WR_NEXT;
}

static enum wr_step
peer_fail(struct wr_req *r, enum wr_err err)
{
    wr_req_fail(r, err);
    return WR_DONE;
}

enum wr_step
wr_peer_pick_for(struct wr_req *r)
{
    struct wr_upstream_group *g = wr_upstream_group_of(r->sv, r->upstream);
    struct wr_pick facts = wr_peer_facts(r);

    if (r->lease.peer != NULL) {
        return peer_picked(r, g); /* it has waited for it */
    }
    if (wr_queue_others_wait(g) && !r->waited) {
        return wr_queue_wait(r, g);
    }
    switch (wr_peer_pick(r->sv, &facts, &r->lease)) {
    case WR_PICK_OK:
        return peer_picked(r, g);
    case WR_PICK_WAIT:
        r->sticky = NULL; /* it may be gone by then */
        wr_peer_wait_names(r, wr_clock.mono_ms + r->route->conf.connect_ms);
        return WR_WAIT;
    case WR_PICK_FULL:
        return wr_queue_wait(r, g);
    case WR_PICK_UNRESOLVED:
        return peer_fail(r, WR_E_UPSTREAM_UNRESOLVED);
    case WR_PICK_NONE:
        break;
    }
    /* what the last attempt met says more */
    return peer_fail(r, r->attempt_err != WR_E_NONE ? r->attempt_err : WR_E_UPSTREAM_NONE);
}

/* ---- names that are not known yet ---- */

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
