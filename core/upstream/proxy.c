/*
 * Proxying: an attempt, what comes of it, and whether there is another.
 */
#include "core/upstream/xfer.h"

#include "core/http/front_table.h"
#include "core/http/pipeline.h"
#include "core/http/response.h"
#include "core/upstream/back_table.h"
#include "core/upstream/retry.h"
#include "core/upstream/retry_budget.h"
#include "core/upstream/upstream_worker.h"

/* A server that does not know Expect says nothing: then weir tells the client to go on. */
#define PROXY_CONTINUE_WAIT_MS 1000

static void proxy_attempt(struct wr_req *r, bool fresh, uint8_t nth);

static bool
proxy_idempotent(enum wr_method m)
{
    return m == WR_M_GET || m == WR_M_HEAD || m == WR_M_PUT || m == WR_M_DELETE || m == WR_M_OPTIONS;
}

static uint64_t
proxy_after(uint64_t ms)
{
    return ms == WR_OFF ? WR_TIMER_NEVER : wr_clock.mono_ms + ms;
}

static bool
proxy_is_error(uint16_t status)
{
    /* 501 and 505 are about the request */
    return status >= 500 && status != 501 && status != 505;
}

/* The attempt is over, well or not: its times go into the record.  The lease goes on when the same server is
 * tried again. */
static void
proxy_close_attempt(struct wr_xfer *x, bool keep_lease, enum wr_err err)
{
    struct wr_req *r = x->r;
    struct wr_attempt *a = wr_req_attempt_add(r);
    uint64_t ms = (wr_clock.mono_us - x->began_us) / 1000;

    if (a != NULL) {
        a->server = r->peer_text;
        a->status = r->upstream_status;
        a->err = err;
        a->connect_ms = r->connect_us == UINT64_MAX ? UINT32_MAX : (uint32_t)(r->connect_us / 1000);
        a->first_byte_ms = r->first_byte_ms == UINT64_MAX ? UINT32_MAX : (uint32_t)r->first_byte_ms;
        a->ms = (uint32_t)WR_MIN(ms, (uint64_t)UINT32_MAX);
        a->reused = x->reused;
    }
    r->upstream_ms += ms;
    r->x = NULL;
    if (!keep_lease) {
        r->source = NULL;
        wr_peer_done(r->sv, &r->lease);
        x->peer = NULL;
    }
    r->source_due_ms = WR_TIMER_NEVER;
}

/* ---- the source's side ---- */

static void
proxy_credit(struct wr_req *r)
{
    if (r->x != NULL && r->x->bs != NULL) {
        r->x->back->credit(r->x);
    }
}

static void
proxy_body_ready(struct wr_req *r)
{
    if (r->x != NULL && r->x->bs != NULL) {
        r->x->back->send_body(r->x);
    }
}

/* The deadline passed, and it was this server that used it up. */
static bool
proxy_kept_waiting(const struct wr_xfer *x)
{
    const struct wr_req *r = x->r;

    return r->err == WR_E_DEADLINE && !x->got_head &&
        (wr_clock.mono_us - x->began_us) / 1000 >= r->route->conf.deadline_ms / 2;
}

static void
proxy_cancel(struct wr_req *r)
{
    struct wr_xfer *x = r->x;

    if (x == NULL) {
        wr_peer_done(r->sv, &r->lease); /* picked, and not asked yet */
        return;
    }
    if (proxy_kept_waiting(x)) {
        wr_peer_failed(r->sv, &r->lease);
    }
    if (x->bs != NULL) {
        x->back->abort(x);
    }
    proxy_close_attempt(x, false, r->err);
}

/* The head went out, and client and server wait for each other. */
static bool
proxy_waits_continue(const struct wr_xfer *x)
{
    return x->r->body.expect_passed && x->sent_us != 0 && wr_body_waits_continue(x->r);
}

static void
proxy_due(struct wr_req *r)
{
    struct wr_xfer *x = r->x;
    enum wr_err why = WR_E_UPSTREAM_IDLE;

    if (proxy_waits_continue(x)) {
        wr_body_continue(r);
        wr_xfer_sent(x);
        return;
    }
    if (r->tunnel) {
        why = WR_E_TUNNEL_IDLE;
    } else if (x->sent_us == 0) {
        why = x->handshake ? WR_E_UPSTREAM_TLS_TIMEOUT : WR_E_UPSTREAM_CONNECT_TIMEOUT;
    } else if (!x->got_head) {
        why = WR_E_UPSTREAM_FIRST_BYTE;
    }
    x->back->abort(x);
    wr_xfer_gone(x, why);
}

const struct wr_source wr_proxy_source = {
    .name = "proxy",
    .credit = proxy_credit,
    .body_ready = proxy_body_ready,
    .cancel = proxy_cancel,
    .due = proxy_due,
};

/* ---- attempts ---- */

static void
proxy_remember(struct wr_req *r)
{
    if (r->tried_n < WR_PEER_TRIED) {
        r->tried[r->tried_n++] = r->lease.peer;
    }
}

void
wr_proxy_start(struct wr_req *r)
{
    if (r->upstream == NULL || r->lease.peer == NULL) {
        /* ROUTE found a target that no module serves. */
        wr_req_fail(r, WR_E_INTERNAL);
        return;
    }
    r->body.keep = proxy_idempotent(r->method_id);
    proxy_attempt(r, false, 0);
}

static void
proxy_attempt(struct wr_req *r, bool fresh, uint8_t nth)
{
    struct wr_xfer *x = wr_pool_zalloc(&r->pool, sizeof(*x));

    x->r = r;
    x->peer = r->lease.peer;
    x->back = &wr_back_h1_ops;
    x->began_us = wr_clock.mono_us;
    x->idle_ms = r->route->conf.idle_ms;
    x->nth = nth;
    x->addr = (uint8_t)((x->peer->addr_first + nth) % x->peer->addrs_n);
    x->upgrade = r->wants_upgrade;
    r->body.expect_passed = wr_body_waits_continue(r) && !x->peer->http10;
    r->x = x;
    r->source = &wr_proxy_source;
    r->attempts++;
    r->connect_us = r->first_byte_ms = UINT64_MAX;
    r->upstream_status = 0;
    r->peer_text = x->peer->found ? wr_pool_str(&r->pool, x->peer->text) : x->peer->text;
    enum wr_err err = x->back->start(x, fresh);
    if (err != WR_E_NONE) {
        wr_xfer_gone(x, err);
    } else if (x->bs != NULL && x->sent_us == 0) {
        wr_req_source_due(r, proxy_after(r->route->conf.connect_ms));
    }
}

void
wr_xfer_connected(struct wr_xfer *x)
{
    x->r->connect_us = wr_clock.mono_us - x->began_us;
    x->peer->addr_first = x->addr;
    wr_slot_count(x->r->sv->slot, WR_C_UPSTREAM_CONNECTS, 1);
}

void
wr_xfer_sent(struct wr_xfer *x)
{
    if (x->sent_us == 0) {
        x->sent_us = wr_clock.mono_us;
        if (x->reused) {
            wr_slot_count(x->r->sv->slot, WR_C_UPSTREAM_REUSED, 1);
        }
    }
    /* The clock of the first byte starts anew with every piece of an upload, and with each 1xx. */
    if (!x->got_head) {
        uint64_t due_ms = proxy_after(x->r->route->conf.first_byte_ms);
        if (wr_unlikely(proxy_waits_continue(x))) {
            due_ms = WR_MIN(due_ms, wr_clock.mono_ms + PROXY_CONTINUE_WAIT_MS);
        }
        wr_req_source_due(x->r, due_ms);
    }
}

void
wr_xfer_inform(struct wr_xfer *x, uint16_t status, const struct wr_head *h)
{
    if (status == 100) {
        x->got_continue = true;
        x->r->body.continued = true;
    }
    wr_resp_inform(x->r, status, h);
    wr_xfer_sent(x);
}

/* From here on the "request body" is whatever the client sends, until its FIN. */
static void
proxy_open_tunnel(struct wr_req *r)
{
    r->body.present = true;
    r->body.complete = false;
    r->body.length = -1;
    r->body.wanted = true;
    r->body.keep = false;
    r->total_ms = WR_TIMER_NEVER;
    r->front->tunnel(r);
}

void
wr_xfer_tunnel_over(struct wr_xfer *x)
{
    struct wr_req *r = x->r;

    proxy_close_attempt(x, false, WR_E_NONE);
    r->front->credit(r);
}

/* Everything that decides on another attempt; `why` UPSTREAM_STATUS: the head that r holds. */
static struct wr_retry_facts
proxy_facts(const struct wr_xfer *x, enum wr_err why)
{
    const struct wr_req *r = x->r;
    const struct wr_upstream_group *g = wr_upstream_group_of(r->sv, r->upstream);

    return (struct wr_retry_facts){
        .why = why,
        .status = r->status,
        .conf = &r->route->conf.retry,
        .reused = x->reused,
        .wrote = x->wrote,
        .got_byte = x->got_byte,
        .got_head = x->got_head,
        .head_sent = r->resp_begun,
        .idempotent = proxy_idempotent(r->method_id),
        .body_held = wr_body_is_held(r),
        .more_addresses = x->nth + 1 < x->peer->addrs_n,
        .retries = r->tried_n,
        .servers_left = r->tried_n + 1u < g->peers_n && r->tried_n + 1u < WR_PEER_TRIED,
        .fresh_retry_used = r->fresh_retry,
    };
}

/* Another server may be asked, and the budget of all workers has one more try. */
static bool
proxy_may_retry(struct wr_xfer *x, enum wr_err why)
{
    struct wr_upstream_group *g = wr_upstream_group_of(x->r->sv, x->r->upstream);

    if (g->row == NULL || wr_retry_budget_take(g->row, wr_clock.mono_ms)) {
        return true;
    }
    wr_req_log(x->r, WR_LOG_INFO,
               "attempt failed reason=%s server=%.*s, retry budget of the upstream is used up",
               wr_err_info[why].reason, WR_STR_ARG(x->peer->text));
    return false;
}

/* A head that `retry` names: is it to be thrown away? */
static bool
proxy_retries_status(struct wr_xfer *x)
{
    enum wr_err reason;
    struct wr_retry_facts facts = proxy_facts(x, WR_E_UPSTREAM_STATUS);

    return !x->r->tunnel && wr_retry_decide(&facts, &reason) == WR_RETRY_SERVER &&
        proxy_may_retry(x, WR_E_UPSTREAM_STATUS);
}

static void
proxy_another_server(struct wr_xfer *x, enum wr_err why)
{
    struct wr_req *r = x->r;

    wr_req_log(r, WR_LOG_INFO, "attempt failed reason=%s server=%.*s attempt=%u, trying another server",
               wr_err_info[why].reason, WR_STR_ARG(x->peer->text), r->attempts);
    proxy_remember(r);
    proxy_close_attempt(x, false, why);
    r->attempt_err = why;
    r->sticky = NULL;
    if (wr_body_rewind(r)) {
        wr_pipeline_again(r);
    } else {
        wr_req_fail(r, why); /* its file could not be read again */
    }
}

static void
proxy_same_server(struct wr_xfer *x, enum wr_err why, uint8_t nth)
{
    struct wr_req *r = x->r;

    wr_req_log(r, WR_LOG_INFO, "attempt failed reason=%s server=%.*s attempt=%u, trying %s",
               wr_err_info[why].reason, WR_STR_ARG(x->peer->text), r->attempts,
               nth > 0 ? "its next address" : "a fresh connection");
    proxy_close_attempt(x, true, why);
    if (wr_body_rewind(r)) {
        proxy_attempt(r, true, nth);
        return;
    }
    wr_req_fail(r, why);
}

static void
proxy_drop_head(struct wr_xfer *x)
{
    struct wr_req *r = x->r;

    x->back->abort(x);
    memset(&r->resp, 0, sizeof(r->resp));
    r->status = 0;
    proxy_another_server(x, WR_E_UPSTREAM_STATUS);
}

void
wr_xfer_head(struct wr_xfer *x, bool more)
{
    struct wr_req *r = x->r;

    x->got_head = true;
    x->peer->http10 = r->resp_minor == 0;
    r->upstream_status = r->status;
    r->first_byte_ms = (wr_clock.mono_us - x->began_us) / 1000;
    wr_peer_answered(r->sv, &r->lease, !proxy_is_error(r->status), wr_clock.mono_us - x->began_us);
    if (wr_unlikely(r->status >= 400) && r->route->conf.retry.statuses_n > 0 && proxy_retries_status(x)) {
        proxy_drop_head(x);
        return;
    }
    if (r->tunnel) {
        x->idle_ms = r->route->conf.tunnel_ms;
    }
    wr_req_source_due(r, proxy_after(x->idle_ms));
    wr_resp_begin(r, more && !r->tunnel);
    if (r->tunnel && !r->ending) {
        proxy_open_tunnel(r);
    }
}

void
wr_xfer_moved(struct wr_xfer *x)
{
    if (x->idle_ms != WR_OFF) {
        wr_req_source_due(x->r, wr_clock.mono_ms + x->idle_ms);
    }
}

void
wr_xfer_end(struct wr_xfer *x, struct wr_chain *ch, struct wr_head *trailers)
{
    struct wr_req *r = x->r;

    proxy_close_attempt(x, false, WR_E_NONE);
    wr_body_forget(r);
    if (trailers == NULL || trailers->n == 0) {
        wr_resp_body(r, ch, true);
        return;
    }
    if (ch->bytes > 0) {
        wr_resp_body(r, ch, false);
    }
    wr_resp_trailers(r, trailers);
}

void
wr_xfer_gone(struct wr_xfer *x, enum wr_err why)
{
    struct wr_req *r = x->r;
    struct wr_retry_facts facts = proxy_facts(x, why);
    enum wr_err reason;

    if (wr_retry_is_fault(&facts)) {
        wr_peer_failed(r->sv, &r->lease);
    }
    switch (wr_retry_decide(&facts, &reason)) {
    case WR_RETRY_SERVER:
        if (proxy_may_retry(x, reason)) {
            proxy_another_server(x, reason);
            return;
        }
        break;
    case WR_RETRY_ADDRESS:
        proxy_same_server(x, reason, (uint8_t)(x->nth + 1));
        return;
    case WR_RETRY_FRESH:
        r->fresh_retry = true;
        proxy_same_server(x, reason, 0);
        return;
    case WR_RETRY_NO:
        break;
    }
    proxy_close_attempt(x, false, reason);
    wr_req_fail(r, reason);
}
