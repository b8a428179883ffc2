/*
 * HTTP/1 towards clients: heads, the end of a request and of a connection.
 * Bodies are read in front_h1_body.c, what is written stands in front_h1_out.c.
 */
#include "core/front/front_h1.h"

#include "core/http/budget.h"
#include "core/http/head_check.h"

struct wr_field wr_front_h1_fields[WR_FRONT_H1_FIELDS_MOST];

const struct wr_weir_conf *
wr_front_h1_conf(const struct wr_front_h1 *f)
{
    return &f->s.sv->model->weir;
}

/* ---- time ---- */

/* The minimum rate of a request body is looked at once a pause's length has passed. */
static uint64_t
front_h1_body_due(const struct wr_front_h1 *f)
{
    if (f->in == WR_FRONT_IN_DONE || f->r == NULL || f->r->tunnel || f->discarding ||
        wr_body_room(f->r) == 0) {
        return WR_TIMER_NEVER;
    }
    return WR_MIN(f->body_last_ms + wr_front_h1_conf(f)->body_timeout_ms, f->rate_due_ms);
}

static uint64_t
front_h1_due(const struct wr_front_h1 *f)
{
    const struct wr_weir_conf *w = wr_front_h1_conf(f);
    uint64_t due = WR_TIMER_NEVER;

    if (f->lingering || f->discarding) {
        return f->rate_due_ms;
    }
    switch (f->s.stage) {
    case WR_FRONT_IDLE:
        return f->s.since_ms + (f->s.client.requests == 0 ? w->header_timeout_ms : w->keepalive_timeout_ms);
    case WR_FRONT_HEAD:
        return f->s.since_ms + w->header_timeout_ms;
    default:
        break;
    }
    if (!wr_chain_empty(&f->s.c->out)) {
        due = f->sent_mark_ms + w->send_timeout_ms;
    }
    return WR_MIN(due, front_h1_body_due(f));
}

void
wr_front_h1_rearm(struct wr_front_h1 *f)
{
    wr_conn_timer(f->s.c, front_h1_due(f));
}

/* Whether the body pauses for too long or, looked at now and then, comes too slowly. */
static bool
front_h1_too_slow(struct wr_front_h1 *f)
{
    const struct wr_weir_conf *w = wr_front_h1_conf(f);
    uint64_t now = wr_clock.mono_ms, ms = now - f->body_began_ms;

    if (f->body_last_ms + w->body_timeout_ms <= now) {
        return true;
    }
    f->rate_due_ms = now + w->body_timeout_ms;
    return w->body_rate_bytes != WR_OFF && ms >= w->body_timeout_ms &&
        f->body_bytes * 1000 < w->body_rate_bytes * ms;
}

/* ---- closing ---- */

void
wr_front_h1_close(struct wr_front_h1 *f, bool reset)
{
    wr_assert(f->r == NULL);
    wr_front_close(&f->s, reset);
}

/* FIN now, then read until the client's: a close with bytes on the way would reset what it has not read. */
void
wr_front_h1_linger(struct wr_front_h1 *f)
{
    f->lingering = true;
    f->discarding = false;
    f->rate_due_ms = wr_clock.mono_ms + wr_front_h1_conf(f)->linger_ms;
    wr_front_enter(&f->s, WR_FRONT_CLOSING);
    wr_conn_shutdown(f->s.c);
    wr_front_h1_rearm(f);
    wr_loop_more(f->s.sv->loop, &f->s.c->ev);
}

/* Reads and drops; true when the conn is closed. */
static bool
front_h1_drop_input(struct wr_front_h1 *f)
{
    struct wr_conn *c = f->s.c;

    for (;;) {
        if (c->in != NULL) {
            c->in->r = c->in->w;
        }
        enum wr_io io = wr_conn_recv(c, WR_BUF_BIG_BYTES);
        if (io == WR_IO_AGAIN) {
            wr_conn_settle_in(c);
            return false;
        }
        if (io != WR_IO_OK) {
            wr_front_h1_close(f, false);
            return true;
        }
    }
}

/* ---- a request's beginning ---- */

static struct wr_req *
front_h1_new_request(struct wr_front_h1 *f)
{
    struct wr_req *r = wr_req_new(f->s.sv, &wr_front_h1_ops, f, &f->s.client);

    f->s.client.requests++;
    if (f->s.stage == WR_FRONT_HEAD) {
        r->began_real_ms -= wr_clock.mono_ms - f->s.since_ms;
        r->began_ms = f->s.since_ms;
    }
    f->r = r;
    f->scanned = 0;
    f->keep = false;
    f->client_close = true;
    f->answered = f->truncated = f->discarding = false;
    f->in = WR_FRONT_IN_DONE;
    f->out = WR_FRONT_OUT_NONE;
    f->sent_mark_ms = wr_clock.mono_ms;
    f->sent_mark_bytes = f->s.c->sent_bytes;
    wr_front_enter(&f->s, WR_FRONT_BUSY);
    return r;
}

/* What there is of a head that cannot be read: its first line for the log, then the answer. */
static void
front_h1_refuse(struct wr_front_h1 *f, enum wr_err err)
{
    struct wr_conn *c = f->s.c;
    struct wr_req *r = front_h1_new_request(f);
    struct wr_str raw = wr_str_make(c->in ? c->in->data + c->in->r : NULL, wr_conn_in_bytes(c));
    ptrdiff_t end = wr_str_find(raw, '\n');

    if (end >= 0) {
        raw.n = (size_t)end;
    }
    raw.n = WR_MIN(raw.n, wr_front_h1_conf(f)->limit_target);
    if (raw.n > 0 && raw.p[raw.n - 1] == '\r') {
        raw.n--;
    }
    r->request_line = wr_pool_str(&r->pool, raw);
    r->target = r->request_line;
    if (wr_str_starts(raw, WR_STR("HEAD "))) {
        r->method_id = WR_M_HEAD; /* its answer has no body, whatever is wrong with it */
    }
    r->received_bytes = wr_conn_in_bytes(c);
    wr_req_fail(r, err);
}

static void
front_h1_set_framing(struct wr_front_h1 *f, const struct wr_framing *fr)
{
    const struct wr_weir_conf *w = wr_front_h1_conf(f);
    struct wr_req *r = f->r;

    f->client_close = fr->close;
    f->keep = !fr->close && !f->s.sv->draining &&
        (w->keepalive_requests == 0 || f->s.client.requests < (uint64_t)w->keepalive_requests);
    f->body_began_ms = f->body_last_ms = wr_clock.mono_ms;
    f->rate_due_ms = wr_clock.mono_ms + w->body_timeout_ms;
    f->body_bytes = 0;
    if (fr->chunked) {
        f->in = WR_FRONT_IN_CHUNKED;
        wr_chunked_init(&f->chunked);
        r->body.present = true;
        r->body.length = -1;
    } else if (fr->length > 0) {
        f->in = WR_FRONT_IN_LENGTH;
        f->in_left = fr->length;
        r->body.present = true;
        r->body.length = fr->length;
    } else if (fr->length == 0) {
        r->body.present = true;
        r->body.complete = true;
    }
}

/* The head is complete: p[0..head->head_bytes) of c->in. */
static void
front_h1_begin(struct wr_front_h1 *f, const char *p, const struct wr_h1_head *head)
{
    struct wr_conn *c = f->s.c;
    struct wr_framing fr = {0};
    struct wr_req *r = front_h1_new_request(f);
    ptrdiff_t moved = wr_head_take(&r->req, &r->pool, p, head->head_bytes, head, wr_front_h1_fields);

    c->in->r += head->head_bytes;
    r->method_id = head->method_id;
    r->method = wr_str_make(head->method.p + moved, head->method.n);
    r->target = wr_str_make(head->target.p + moved, head->target.n);
    r->request_line = wr_str_make(r->method.p, (size_t)(r->target.p + r->target.n + 9 - r->method.p));
    r->minor = head->minor;
    r->received_bytes = head->head_bytes;
    enum wr_err err = wr_head_check_request(r, &fr);
    if (wr_unlikely(f->s.client.misplaced)) {
        err = WR_E_PLAIN_ON_TLS;
    }
    if (wr_unlikely(err != WR_E_NONE)) {
        wr_req_fail(r, err);
        return;
    }
    front_h1_set_framing(f, &fr);
    if (f->in != WR_FRONT_IN_DONE) {
        wr_front_h1_take_body(f, false);
        if (f->r != r || r->ending || r->local) {
            return; /* the body was refused, and answered */
        }
    }
    wr_req_begin(r);
    if (wr_conn_in_bytes(c) == 0) {
        wr_conn_settle_in(c);
    }
    if (f->in != WR_FRONT_IN_DONE) {
        wr_front_h1_rearm(f);
    }
}

/* True when c->in holds a whole head or a bad one, which was dealt with. */
static bool
front_h1_try_head(struct wr_front_h1 *f)
{
    struct wr_conn *c = f->s.c;
    const struct wr_weir_conf *w = wr_front_h1_conf(f);
    const char *p = c->in->data + c->in->r;
    size_t n = wr_conn_in_bytes(c);
    struct wr_h1_limits limits = {.line_bytes = (uint32_t)w->limit_header_line,
                                  .total_bytes = (uint32_t)w->limit_header_total,
                                  .fields = (uint32_t)w->limit_header_count,
                                  .target_bytes = (uint32_t)w->limit_target};
    struct wr_h1_head head;

    if (f->scanned > 0 && n < limits.total_bytes && !wr_h1_head_complete(p, n, f->scanned)) {
        f->scanned = (uint32_t)n;
        return false;
    }
    switch (wr_h1_parse_request(p, n, &limits, &head, wr_front_h1_fields)) {
    case WR_H1_OK:
        front_h1_begin(f, p, &head);
        return true;
    case WR_H1_BAD:
        front_h1_refuse(f, head.err);
        return true;
    case WR_H1_MORE:
        break;
    }
    f->scanned = (uint32_t)n;
    return false;
}

/* The client is gone before its head was complete. */
static void
front_h1_lost_early(struct wr_front_h1 *f, enum wr_io io)
{
    if (f->s.stage == WR_FRONT_HEAD && wr_conn_in_bytes(f->s.c) > 0) {
        front_h1_refuse(f, WR_E_CLIENT_CLOSED);
        return;
    }
    if (f->s.client.requests == 0) {
        wr_front_no_byte(&f->s, io == WR_IO_EOF ? "closed" : "reset");
    }
    wr_front_h1_close(f, false);
}

void
wr_front_h1_read_head(struct wr_front_h1 *f)
{
    struct wr_conn *c = f->s.c;

    if (wr_conn_in_bytes(c) > f->scanned && front_h1_try_head(f)) {
        return;
    }
    for (;;) {
        if (wr_unlikely(wr_budget_level(f->s.sv) >= WR_BUDGET_NO_NEW) && wr_front_starved(&f->s)) {
            break;
        }
        enum wr_io io = wr_conn_recv(c, WR_BUF_BIG_BYTES);
        if (io == WR_IO_OK) {
            if (f->s.stage == WR_FRONT_IDLE && f->scanned == 0) {
                f->s.since_ms = wr_clock.mono_ms;
            }
            if (front_h1_try_head(f)) {
                return;
            }
        } else if (io == WR_IO_AGAIN) {
            break;
        } else {
            front_h1_lost_early(f, io);
            return;
        }
    }
    if (wr_conn_in_bytes(c) > 0 && f->s.stage == WR_FRONT_IDLE) {
        wr_front_enter(&f->s, WR_FRONT_HEAD);
    }
    wr_conn_settle_in(c);
    wr_front_h1_rearm(f);
}

/* ---- events ---- */

static void
front_h1_on_output(struct wr_front_h1 *f)
{
    struct wr_conn *c = f->s.c;
    const struct wr_req *r = f->r;

    if (c->sent_bytes != f->sent_mark_bytes) {
        f->sent_mark_bytes = c->sent_bytes;
        f->sent_mark_ms = wr_clock.mono_ms;
    }
    if (r->tunnel && r->resp_complete && r->source == NULL && f->in == WR_FRONT_IN_DONE) {
        f->answered = true;
    }
    if (wr_chain_empty(&c->out) && f->answered) {
        wr_front_h1_done(f);
    } else if (!f->answered) {
        wr_req_credit(f->r);
    }
}

/* A client that has sent FIN may wait for its answer or be gone altogether, which reading does not tell. */
static bool
front_h1_hung_up(struct wr_front_h1 *f)
{
    if (!f->s.c->ev.rdhup || f->r->tunnel || f->answered) {
        return false;
    }
    if (!f->probing) {
        f->probing = true;
        wr_conn_probe(f->s.c);
    }
    return wr_conn_hung_up(f->s.c);
}

static void
front_h1_pump(struct wr_front_h1 *f)
{
    struct wr_conn *c = f->s.c;
    struct wr_req *r = f->r;

    if (r->ending) {
        return;
    }
    if (f->broken || c->failed || (c->ev.error && !f->answered) || front_h1_hung_up(f)) {
        wr_req_gone(r, WR_E_CLIENT_CLOSED);
        return;
    }
    if (c->ev.writable) {
        front_h1_on_output(f);
    }
    if (f->r == r && !r->ending && f->in != WR_FRONT_IN_DONE) {
        wr_front_h1_take_body(f, true);
    }
}

static void
front_h1_on_event(struct wr_conn *c)
{
    struct wr_front_h1 *f = c->session;

    if (f->r != NULL) {
        front_h1_pump(f);
    } else if (f->lingering) {
        front_h1_drop_input(f);
    } else if (f->discarding) {
        wr_front_h1_discard(f);
    } else {
        wr_front_h1_read_head(f);
    }
}

static void
front_h1_on_due(struct wr_front_h1 *f)
{
    const struct wr_weir_conf *w = wr_front_h1_conf(f);

    if (f->lingering || f->discarding) {
        wr_front_h1_close(f, false);
    } else if (f->s.stage == WR_FRONT_HEAD) {
        front_h1_refuse(f, WR_E_HEADER_TIMEOUT);
    } else if (f->s.stage == WR_FRONT_IDLE) {
        if (f->s.client.requests == 0) {
            wr_front_no_byte(&f->s, "timeout");
        }
        wr_front_h1_linger(f);
    } else if (!wr_chain_empty(&f->s.c->out) && f->sent_mark_ms + w->send_timeout_ms <= wr_clock.mono_ms) {
        wr_req_gone(f->r, WR_E_CLIENT_STALLED);
    } else if (front_h1_too_slow(f)) {
        wr_front_h1_body_failed(f, WR_E_BODY_TIMEOUT);
    } else {
        wr_front_h1_rearm(f);
    }
}

static void
front_h1_on_timer(struct wr_conn *c)
{
    struct wr_front_h1 *f = c->session;

    if (f->r != NULL && f->r->ending) {
        return;
    }
    if (front_h1_due(f) <= wr_clock.mono_ms) {
        front_h1_on_due(f);
    } else {
        wr_front_h1_rearm(f);
    }
}

/* ---- the end of a request ---- */

void
wr_front_h1_done(struct wr_front_h1 *f)
{
    wr_req_end(f->r);
}

/* A client whose request is not read to its end: read the rest if it is short, else say goodbye slowly. */
static void
front_h1_after_unread(struct wr_front_h1 *f)
{
    bool shortish = f->in == WR_FRONT_IN_LENGTH && f->in_left <= WR_FRONT_H1_DISCARD_BYTES;

    if (f->keep && (shortish || f->in == WR_FRONT_IN_CHUNKED)) {
        f->discarding = true;
        f->body_bytes = 0;
        f->rate_due_ms = wr_clock.mono_ms + wr_front_h1_conf(f)->linger_ms;
        wr_front_enter(&f->s, WR_FRONT_CLOSING);
        wr_front_h1_rearm(f);
        wr_loop_more(f->s.sv->loop, &f->s.c->ev);
        return;
    }
    wr_front_h1_linger(f);
}

void
wr_front_h1_ended(struct wr_req *r)
{
    struct wr_front_h1 *f = r->fs;
    struct wr_conn *c = f->s.c;

    f->r = NULL;
    if (f->broken || c->failed || !f->answered || c->ev.error) {
        wr_front_h1_close(f, !f->answered || f->broken);
    } else if (f->truncated) {
        c->failed = true; /* no transport says that this was all */
        wr_front_h1_close(f, f->out == WR_FRONT_OUT_CLOSE);
    } else if (f->in != WR_FRONT_IN_DONE) {
        front_h1_after_unread(f);
    } else if (!f->keep && f->client_close && wr_conn_is_quiet(c)) {
        wr_front_h1_close(f, false);
    } else if (!f->keep) {
        wr_front_h1_linger(f);
    } else {
        wr_front_enter(&f->s, WR_FRONT_IDLE);
        if (wr_conn_in_bytes(c) > 0 || wr_conn_can_recv(c)) {
            wr_loop_more(f->s.sv->loop, &c->ev);
        } else {
            wr_conn_settle_in(c);
            wr_conn_watch(c);
        }
        wr_front_h1_rearm(f);
    }
}

/* ---- starting, draining, shedding ---- */

static void
front_h1_start(struct wr_front_session *s)
{
    struct wr_front_h1 *f = (struct wr_front_h1 *)s;

    wr_front_h1_rearm(f);
    wr_loop_more(s->sv->loop, &s->c->ev); /* a preface may have left bytes, here or in the transport */
}

/* A response in progress may live on at a reload as long as it moves; a stop's drain time bounds all. */
static void
front_h1_drain(struct wr_front_session *s, bool grace_over)
{
    struct wr_front_h1 *f = (struct wr_front_h1 *)s;
    const struct wr_weir_conf *w = wr_front_h1_conf(f);
    uint64_t now = wr_clock.mono_ms;

    if (s->stage == WR_FRONT_IDLE && grace_over && now - s->since_ms >= w->drain_ms) {
        wr_front_h1_linger(f);
        return;
    }
    if (!grace_over || f->r == NULL || f->r->ending) {
        return;
    }
    uint64_t moved = WR_MAX(f->sent_mark_ms, f->body_last_ms);
    bool over = f->r->head_sent ? now - s->sv->front->drain_began_ms >= w->tunnel_drain_ms
                                : now - moved >= w->drain_ms;
    if (over || s->sv->stopping) {
        wr_req_fail(f->r, WR_E_SHUTDOWN);
    }
}

static void
front_h1_shed(struct wr_front_session *s)
{
    struct wr_front_h1 *f = (struct wr_front_h1 *)s;

    wr_front_h1_close(f, false);
}

static const struct wr_conn_owner front_h1_owner = {
    .name = "front_h1",
    .on_event = front_h1_on_event,
    .on_timer = front_h1_on_timer,
};

const struct wr_front_proto wr_front_h1 = {
    .name = "http/1.1",
    .session_bytes = sizeof(struct wr_front_h1),
    .owner = &front_h1_owner,
    .start = front_h1_start,
    .drain = front_h1_drain,
    .shed = front_h1_shed,
};
