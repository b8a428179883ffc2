/*
 * The life of a request: table and tokens, parking, deadlines, the one way to
 * fail and the one end.
 */
#include "core/http/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/fmt.h"
#include "core/base/rand.h"
#include "core/http/accesslog.h"
#include "core/http/errorpage.h"
#include "core/http/front_table.h"
#include "core/http/pipeline.h"
#include "core/http/req_table.h"
#include "core/http/response.h"
#include "core/http/filter.h"
#include "core/module.h"

static void request_on_timer(struct wr_timer *t);
static void request_on_wake(struct wr_task *t);
static void request_on_end(struct wr_task *t);

struct wr_req *
wr_req_new(struct wr_service *sv, const struct wr_front_ops *front, void *fs, const struct wr_client *client)
{
    struct wr_req *r = wr_req_table_take(sv->requests);

    r->sv = sv;
    r->front = front;
    r->fs = fs;
    r->client = client;
    r->route = client->listen->preset_route;
    r->minor = 1;
    r->major = 1;
    wr_body_init(&r->body);
    wr_chain_init(&r->resp_held);
    wr_timer_init(&r->timer, request_on_timer);
    r->wake_task.fn = request_on_wake;
    r->end_task.fn = request_on_end;
    r->deadline_ms = r->total_ms = r->park_ms = r->source_due_ms = WR_TIMER_NEVER;
    r->began_ms = wr_clock.mono_ms;
    r->began_real_ms = wr_clock.real_ms;
    r->resp_length = -1;
    r->connect_us = r->first_byte_ms = UINT64_MAX;
    r->scheme = client->tls ? WR_STR("https") : WR_STR("http");
    wr_slot_count(sv->slot, WR_C_REQUESTS, 1);
    wr_slot_count(sv->slot, WR_C_REQUESTS_NOW, 1);
    return r;
}

struct wr_req *
wr_req_of(struct wr_service *sv, struct wr_token tk)
{
    return wr_req_table_get(sv->requests, tk);
}

void
wr_req_begin(struct wr_req *r)
{
    wr_pipeline_run(r);
}

struct wr_str
wr_req_uri(struct wr_req *r)
{
    struct wr_str query = r->uri.query;

    if (query.n == 0) {
        return r->path;
    }
    char *p = wr_pool_alloc(&r->pool, r->path.n + 1 + query.n);
    memcpy(p, r->path.p, r->path.n);
    p[r->path.n] = '?';
    memcpy(p + r->path.n + 1, query.p, query.n);
    return wr_str_make(p, r->path.n + 1 + query.n);
}

/* ---- deadlines ---- */

static uint64_t
request_next_due(const struct wr_req *r)
{
    uint64_t a = WR_MIN(r->deadline_ms, r->total_ms);
    uint64_t b = WR_MIN(r->park_ms, r->source_due_ms);

    return WR_MIN(a, b);
}

static void
request_rearm(struct wr_req *r)
{
    wr_loop_timer(r->sv->loop, &r->timer, request_next_due(r));
}

void
wr_req_source_due(struct wr_req *r, uint64_t due_ms)
{
    r->source_due_ms = due_ms;
    request_rearm(r);
}

static void
request_on_timer(struct wr_timer *t)
{
    struct wr_req *r = wr_container(t, struct wr_req, timer);
    uint64_t now = wr_clock.mono_ms;

    if (r->ending) {
        return;
    }
    /* Each comes once: the page that tells of it must have time to leave. */
    if (r->total_ms <= now) {
        r->total_ms = WR_TIMER_NEVER;
        wr_req_fail(r, WR_E_TOTAL_TIMEOUT);
    } else if (r->deadline_ms <= now) {
        r->deadline_ms = WR_TIMER_NEVER;
        wr_req_fail(r, WR_E_DEADLINE);
    } else if (r->park_ms <= now) {
        wr_req_fail(r, r->park_err);
    } else if (r->source_due_ms <= now && r->source != NULL) {
        r->source_due_ms = WR_TIMER_NEVER;
        r->source->due(r);
    }
    if (!r->ending) {
        request_rearm(r);
    }
}

/* ---- parking ---- */

void
wr_req_park(struct wr_req *r, const char *reason, uint64_t until_ms, enum wr_err err, void (*cancel)(void *),
            void *arg)
{
    wr_assert(!r->parked);
    r->parked = true;
    r->park_reason = reason;
    r->park_ms = until_ms;
    r->park_err = err;
    r->park_cancel = cancel;
    r->park_arg = arg;
    request_rearm(r);
}

/* Exactly one of cancel and wake: whichever comes first. */
static void
request_unpark(struct wr_req *r, bool cancelled)
{
    void (*cancel)(void *) = r->park_cancel;

    if (!r->parked) {
        return;
    }
    wr_loop_unpost(&r->wake_task); /* a wake that is still to come was for this park, not for the next */
    r->parked = false;
    r->park_ms = WR_TIMER_NEVER;
    r->park_cancel = NULL;
    if (cancelled && cancel != NULL) {
        cancel(r->park_arg);
    }
}

void
wr_req_wake(struct wr_service *sv, struct wr_token tk)
{
    struct wr_req *r = wr_req_of(sv, tk);

    if (r == NULL || !r->parked || r->ending) {
        return;
    }
    r->park_cancel = NULL;
    r->park_ms = WR_TIMER_NEVER;
    wr_loop_post(sv->loop, &r->wake_task);
}

static void
request_on_wake(struct wr_task *t)
{
    struct wr_req *r = wr_container(t, struct wr_req, wake_task);

    if (r->ending || !r->parked) {
        return;
    }
    request_unpark(r, false);
    wr_pipeline_run(r);
}

/* ---- failing and answering ---- */

static void
request_drop_source(struct wr_req *r)
{
    const struct wr_source *s = r->source;

    r->source = NULL;
    r->source_due_ms = WR_TIMER_NEVER;
    if (s != NULL) {
        s->cancel(r);
    }
}

/* A request that failed before HEAD has no name yet: the log and the page shall agree on one. */
static void
request_name(struct wr_req *r)
{
    if (r->id.n == 0) {
        wr_req_make_id(r);
    }
    if (r->client_text.n == 0) {
        char *text = wr_pool_alloc(&r->pool, WR_ADDR_TEXT_BYTES);
        r->client_ip = r->client->peer_ip;
        r->client_text = wr_str_make(text, wr_ip_text(&r->client_ip, text));
    }
}

static void
request_log_failure(const struct wr_req *r, enum wr_err err)
{
    const struct wr_err_info *info = &wr_err_info[err];
    char path[300];

    if (!wr_log_on(info->level)) {
        return;
    }
    size_t n = wr_escape(path, sizeof(path), r->target, WR_ESCAPE_LOG);
    wr_req_log(r, info->level, "%s reason=%s status=%u target=\"%.*s\" client=%.*s%s%.*s",
               info->status ? "request failed" : "connection failed", info->reason,
               r->head_sent ? r->status : info->status, (int)n, path, WR_STR_ARG(r->client_text),
               r->peer_text.n ? " server=" : "", WR_STR_ARG(r->peer_text));
}

/* A response whose head is still held, by RESPONSE or by a filter, is replaced by another. */
static void
request_withdraw(struct wr_req *r)
{
    wr_assert(!r->head_sent);
    r->resp_begun = false;
    r->tunnel = false;
    wr_chain_free(&r->resp_held);
    r->resp_held_last = false;
    wr_filter_end(r->filters, r);
    r->filters = NULL;
}

/* The first reason is the one that stands in the logs; false: there is one already. */
static bool
request_note_failure(struct wr_req *r, enum wr_err err)
{
    if (r->err != WR_E_NONE) {
        return false;
    }
    r->err = err;
    request_name(r);
    request_log_failure(r, err);
    return true;
}

void
wr_req_fail(struct wr_req *r, enum wr_err err)
{
    if (r->ending) {
        return;
    }
    if (!request_note_failure(r, err)) {
        r->resp_bare = true; /* the page of a failure has failed: RESPONSE shall not do it again */
    }
    request_unpark(r, true);
    request_drop_source(r);
    if (r->head_sent || wr_err_info[err].status == 0 || wr_err_info[err].status == 499) {
        if (!r->head_sent) {
            r->status = wr_err_info[err].status;
        }
        r->front->abort(r, err);
        return;
    }
    request_withdraw(r);
    r->resp.n = 0;
    r->resp.have[0] = r->resp.have[1] = 0;
    struct wr_str page = wr_errorpage_make(r, wr_err_info[err].status);
    wr_req_send_local(r, page);
}

/* r->status, r->resp and r->resp_length are set: begins and sends the whole body. */
void
wr_req_send_local(struct wr_req *r, struct wr_str body)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    r->local = true;
    request_drop_source(r);
    request_withdraw(r);
    wr_resp_begin(r, true);
    if (r->ending) {
        return;
    }
    if (body.n > 0) {
        wr_chain_copy(&ch, body.p, body.n);
    }
    wr_resp_body(r, &ch, true);
}

void
wr_req_answer(struct wr_req *r, uint16_t status, struct wr_str type, struct wr_str body)
{
    char *digits = wr_pool_alloc(&r->pool, 24);

    r->status = status;
    r->reason = wr_status_phrase(status);
    r->resp_length = (int64_t)body.n;
    if (type.n > 0) {
        wr_head_set(&r->resp, &r->pool, WR_N_CONTENT_TYPE, type);
    }
    if (status != 204 && status >= 200) {
        wr_head_set(&r->resp, &r->pool, WR_N_CONTENT_LENGTH, wr_str_make(digits, wr_fmt_u64(digits, body.n)));
    }
    wr_req_send_local(r, body);
}

void
wr_req_gone(struct wr_req *r, enum wr_err err)
{
    if (r->ending) {
        return;
    }
    request_note_failure(r, err);
    if (!r->head_sent) {
        r->status = wr_err_info[err].status;
    }
    wr_req_end(r);
}

void
wr_req_credit(struct wr_req *r)
{
    if (r->ending || r->parked) {
        return;
    }
    if (r->filters != NULL) {
        wr_filter_credit(r->filters, r);
    }
    if (!r->ending && r->source != NULL && wr_resp_room(r) > 0) {
        r->source->credit(r);
    }
}

bool
wr_req_can(const struct wr_req *r, enum wr_cap cap)
{
    return r->front->can ? r->front->can(r, cap) : (r->front->caps & cap) != 0;
}

/* ---- the end ---- */

void
wr_req_end(struct wr_req *r)
{
    if (r->ending) {
        return;
    }
    r->ending = true;
    wr_loop_post(r->sv->loop, &r->end_task);
}

static void
request_tell_modules(struct wr_req *r)
{
    if (r->mstate == NULL) {
        return;
    }
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (r->mstate[i] != NULL && wr_modules[i]->ended != NULL) {
            wr_modules[i]->ended(r, r->mstate[i]);
        }
    }
}

static void
request_on_end(struct wr_task *t)
{
    struct wr_req *r = wr_container(t, struct wr_req, end_task);
    struct wr_service *sv = r->sv;

    request_unpark(r, true);
    request_drop_source(r);
    wr_timer_stop(&sv->loop->wheel, &r->timer);
    wr_loop_unpost(&r->wake_task);
    wr_filter_end(r->filters, r);
    wr_filter_end(r->req_filters, r);
    request_tell_modules(r);
    wr_accesslog_write(r);
    wr_chain_free(&r->resp_held);
    wr_body_fini(&r->body);
    wr_slot_count(sv->slot, WR_C_REQUESTS_NOW, UINT64_MAX);
    if (r->err != WR_E_NONE) {
        wr_slot_count(sv->slot, WR_C_FAILED, 1);
    }
    r->front->ended(r);
    wr_pool_reset(&r->pool);
    wr_req_table_give(sv->requests, r);
}

/* ---- odds ---- */

void
wr_req_make_id(struct wr_req *r)
{
    uint8_t raw[16];
    char *id = wr_pool_alloc(&r->pool, 32);

    wr_rand_bytes(raw, sizeof(raw));
    wr_fmt_hex_bytes(id, raw, sizeof(raw));
    r->id = wr_str_make(id, 32);
}

struct wr_attempt *
wr_req_attempt_add(struct wr_req *r)
{
    unsigned n = r->attempt_log_n;

    if (n == WR_ATTEMPTS) {
        return NULL;
    }
    if (n == 0 || n == 1 || n == 4) {
        /* room for 1, 4, 16: nearly all requests have one */
        struct wr_attempt *v = wr_pool_alloc(&r->pool, (n == 0 ? 1 : 4 * n) * sizeof(*v));
        if (n > 0) {
            memcpy(v, r->attempt, n * sizeof(*v));
        }
        r->attempt = v;
    }
    r->attempt_log_n++;
    r->attempt[n] = (struct wr_attempt){.connect_ms = UINT32_MAX, .first_byte_ms = UINT32_MAX};
    return &r->attempt[n];
}

void *
wr_req_state(struct wr_req *r, unsigned module)
{
    if (r->mstate == NULL) {
        r->mstate = wr_pool_zalloc(&r->pool, wr_modules_n * sizeof(*r->mstate));
    }
    if (r->mstate[module] == NULL) {
        r->mstate[module] = wr_pool_zalloc(&r->pool, wr_modules[module]->req_state_bytes);
    }
    return r->mstate[module];
}

void
wr_req_log(const struct wr_req *r, enum wr_log_level level, const char *fmt, ...)
{
    char text[1024], id[160];
    va_list ap;

    if (!wr_log_on(level)) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    size_t n = wr_escape(id, sizeof(id), r->id, WR_ESCAPE_LOG);
    wr_log(level, "conn=%llu req=%.*s route=%.*s %s", (unsigned long long)r->client->conn_id,
           (int)(n ? n : 1), n ? id : "-", WR_STR_ARG(r->route->id), text);
}
