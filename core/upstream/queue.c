/*
 * Requests that wait until a server has room: first come, first served within
 * a worker, and the worker whose first one waits longest comes first
 * (CORE-RULES 23).  Who cannot be served in time is told so at once.
 *
 * A wake-up that is lost (its process died, or was stopped) costs a moment:
 * a timer looks at the queues in any case while there are any.
 */
#include "core/upstream/queue.h"

#include "core/upstream/xfer.h"

#define QUEUE_LOOK_MS 50
#define QUEUE_RETRY_AFTER_MOST_S 60

struct queue_waiter {
    struct wr_link link;
    struct wr_token token;
    struct wr_upstream_worker *uw;
    struct wr_upstream_group *g;
    uint64_t since_ms;
};

/* ---- what the others see ---- */

static void
queue_show(struct wr_upstream_worker *uw, struct wr_upstream_group *g)
{
    const struct queue_waiter *first = wr_list_first(&g->queue, struct queue_waiter, link);
    unsigned slot = uw->sv->slot_index;

    atomic_store(&g->row->queued[slot], g->queued);
    atomic_store(&g->row->oldest_ms[slot], first != NULL ? WR_MAX(first->since_ms, UINT64_C(1)) : 0);
}

static void
queue_remove(struct queue_waiter *w)
{
    wr_list_del(&w->link);
    w->g->queued--;
    if (w->g->queued == 0) {
        wr_list_del(&w->g->queue_in);
    }
    queue_show(w->uw, w->g);
}

static void
queue_cancel(void *arg)
{
    queue_remove(arg);
}

/* ---- serving ---- */

/* False: there is no room for this one. */
static bool
queue_serve(struct queue_waiter *w)
{
    struct wr_service *sv = w->uw->sv;
    struct wr_req *r = wr_req_of(sv, w->token);

    wr_assert(r != NULL);
    if (r->ending) {
        return true; /* leaves by itself in a moment */
    }
    struct wr_pick facts = wr_peer_facts(r);
    enum wr_pick_verdict verdict = wr_peer_pick(sv, &facts, &r->lease);
    if (verdict == WR_PICK_FULL) {
        return false;
    }
    if (verdict == WR_PICK_OK) {
        r->source = &wr_proxy_source; /* ends the lease, whatever becomes of r until it runs */
    }
    queue_remove(w);
    r->waited = true;
    wr_req_wake(sv, w->token); /* without a lease: PICK says why there is none */
    return true;
}

/* A client's own server may be full while others are not, so those behind it are looked at, too. */
static void
queue_pump(struct wr_upstream_worker *uw, struct wr_upstream_group *g, bool in_any_case)
{
    int oldest = g->queued > 0 && in_any_case ? (int)uw->sv->slot_index : wr_share_oldest(g->row);

    if (oldest < 0) {
        return;
    }
    if ((unsigned)oldest != uw->sv->slot_index) {
        wr_slot_mail((unsigned)oldest, WR_MAIL_QUEUE);
        return;
    }
    wr_list_for_safe(l, n, &g->queue)
    {
        struct queue_waiter *w = wr_list_entry(l, struct queue_waiter, link);
        const struct wr_req *r = wr_req_of(uw->sv, w->token);
        bool sticky = r != NULL && r->sticky != NULL;
        if (!queue_serve(w) && !sticky) {
            return;
        }
    }
}

void
wr_queue_released(struct wr_upstream_worker *uw, struct wr_upstream_group *g)
{
    if (g->row != NULL && g->conf->conf.queue.most > 0) {
        atomic_thread_fence(memory_order_seq_cst); /* the lease is back before anybody is looked for */
        queue_pump(uw, g, false);
    }
}

static void
queue_look(struct wr_upstream_worker *uw, bool in_any_case)
{
    wr_list_for_safe(l, n, &uw->queues)
    {
        queue_pump(uw, wr_list_entry(l, struct wr_upstream_group, queue_in), in_any_case);
    }
}

void
wr_queue_mailed(struct wr_service *sv)
{
    queue_look(sv->upstream, false);
}

static void
queue_on_timer(struct wr_timer *t)
{
    struct wr_upstream_worker *uw = wr_container(t, struct wr_upstream_worker, queue_timer);

    queue_look(uw, true);
    if (!wr_list_empty(&uw->queues)) {
        wr_loop_timer(uw->sv->loop, t, wr_clock.mono_ms + QUEUE_LOOK_MS);
    }
}

/* ---- waiting ---- */

/* How long one more would wait, going by how long requests take; 0: nothing is known. */
static uint64_t
queue_estimate_ms(const struct wr_upstream_group *g, uint32_t ahead)
{
    uint64_t room = 0;

    for (uint32_t i = 0; i < g->peers_n; i++) {
        room += g->peers[i]->usable ? (uint64_t)g->peers[i]->conf->max : 0;
    }
    return room == 0 ? 0 : (uint64_t)(ahead + 1) * atomic_load(&g->row->hold_us) / 1000 / room;
}

static enum wr_step
queue_refuse(struct wr_req *r, enum wr_err err, uint64_t wait_ms)
{
    r->retry_after_s =
        (uint32_t)WR_MAX(UINT64_C(1), WR_MIN(wait_ms / 1000 + 1, (uint64_t)QUEUE_RETRY_AFTER_MOST_S));
    wr_req_fail(r, err);
    return WR_DONE;
}

static void
queue_add(struct wr_req *r, struct wr_upstream_group *g, uint64_t until_ms)
{
    struct wr_upstream_worker *uw = r->sv->upstream;
    struct queue_waiter *w = wr_pool_zalloc(&r->pool, sizeof(*w));

    w->token = wr_req_token(r);
    w->uw = uw;
    w->g = g;
    w->since_ms = wr_clock.mono_ms;
    wr_list_init(&w->link);
    wr_list_add_tail(&g->queue, &w->link);
    if (g->queued++ == 0) {
        wr_list_add_tail(&uw->queues, &g->queue_in);
    }
    queue_show(uw, g);
    r->retry_after_s = 1; /* should it fail there */
    wr_req_park(r, "queue", until_ms, WR_E_QUEUE_TIMEOUT, queue_cancel, w);
    if (!wr_link_used(&uw->queue_timer.link)) {
        wr_loop_timer(uw->sv->loop, &uw->queue_timer, wr_clock.mono_ms + QUEUE_LOOK_MS);
    }
}

enum wr_step
wr_queue_wait(struct wr_req *r, struct wr_upstream_group *g)
{
    const struct wr_queue_conf *conf = &g->conf->conf.queue;
    uint64_t wait_ms = 0, until_ms = WR_MIN(wr_clock.mono_ms + conf->time_ms, r->deadline_ms);

    if (conf->most == 0 || g->row == NULL) {
        return queue_refuse(r, WR_E_QUEUE_FULL, 0);
    }
    uint32_t ahead = wr_share_queued(g->row);
    wait_ms = queue_estimate_ms(g, ahead);
    if (ahead >= conf->most || wr_clock.mono_ms + wait_ms > until_ms) {
        return queue_refuse(r, WR_E_QUEUE_FULL, wait_ms);
    }
    queue_add(r, g, until_ms);
    /* N for all workers: ours is counted before all are, and the one too many steps back */
    if (wr_share_queued(g->row) > conf->most) {
        return queue_refuse(r, WR_E_QUEUE_FULL, wait_ms);
    }
    /* a server may have come free before the others could see that somebody waits */
    queue_pump(r->sv->upstream, g, false);
    return WR_WAIT;
}

void
wr_queue_forget(struct wr_upstream_worker *uw, struct wr_upstream_group *g, const struct wr_peer *p)
{
    wr_list_for(l, &g->queue)
    {
        struct wr_req *r = wr_req_of(uw->sv, wr_list_entry(l, struct queue_waiter, link)->token);
        if (r != NULL && r->sticky == p) {
            r->sticky = NULL;
        }
    }
}

void
wr_queue_init(struct wr_upstream_worker *uw)
{
    wr_list_init(&uw->queues);
    wr_timer_init(&uw->queue_timer, queue_on_timer);
}

void
wr_queue_fini(struct wr_upstream_worker *uw)
{
    wr_timer_stop(&uw->sv->loop->wheel, &uw->queue_timer);
}
