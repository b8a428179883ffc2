/*
 * HTTP/1.1 towards servers: one attempt at a time on a connection.  A
 * response that is not to the letter fails with its reason, and its connection
 * is never used again.  The connection is made in back_h1_open.c, the request
 * written in back_h1_send.c.
 */
#include "core/http/head_check.h"
#include "core/http/response.h"
#include "core/upstream/back_h1.h"
#include "core/upstream/back_table.h"

#include <stdlib.h>

#define BACK_H1_FIELDS_MOST 1000
#define BACK_H1_INFORMS_MOST 100
#define BACK_H1_TRAILER_BYTES 16384
#define BACK_H1_SPLICE_BYTES (64 * 1024)

static struct wr_field back_h1_fields[BACK_H1_FIELDS_MOST];

/* ---- life ---- */

static void
back_h1_free(struct wr_back_h1 *b)
{
    wr_conn_close(b->c);
    free(b);
}

void
wr_back_h1_drop_idle(struct wr_idle *i)
{
    back_h1_free(wr_container(i, struct wr_back_h1, idle));
}

/* Lets go of the attempt; the connection is closed. */
static struct wr_xfer *
back_h1_detach(struct wr_back_h1 *b)
{
    struct wr_xfer *x = b->x;

    b->x = NULL;
    x->bs = NULL;
    back_h1_free(b);
    return x;
}

void
wr_back_h1_fail(struct wr_back_h1 *b, enum wr_err why)
{
    wr_xfer_gone(back_h1_detach(b), why);
}

/* ---- the response head ---- */

/* "timeout=5, max=100": weir stops using the connection at 80% of that. */
static void
back_h1_note_keep_alive(struct wr_back_h1 *b, const struct wr_head *h)
{
    struct wr_str rest = wr_head_value(h, WR_N_KEEP_ALIVE), m;
    uint64_t s;

    while (wr_str_member(&rest, &m)) {
        if (m.n > 8 && wr_str_ieq(wr_str_make(m.p, 8), WR_STR("timeout=")) &&
            wr_str_u64(wr_str_make(m.p + 8, m.n - 8), 86400, &s)) {
            b->keep_ms = s * 800;
        }
    }
}

/* The protocol of a 101 must be one that the client asked for. */
static bool
back_h1_upgrade_fits(const struct wr_req *r, const struct wr_head *h)
{
    struct wr_str got = wr_head_value(h, WR_N_UPGRADE), rest = r->upgrade, m;

    while (got.n > 0 && wr_str_member(&rest, &m)) {
        if (wr_str_ieq(m, got)) {
            return true;
        }
    }
    return false;
}

/* 1xx but 101.  False: b is gone. */
static bool
back_h1_inform(struct wr_back_h1 *b, uint16_t status, const struct wr_head *h)
{
    struct wr_xfer *x = b->x;

    if (++x->informs > BACK_H1_INFORMS_MOST) {
        wr_back_h1_fail(b, WR_E_UPSTREAM_TOO_MANY_INFORMS);
        return false;
    }
    wr_xfer_inform(x, status, h);
    return x->bs == b;
}

static bool
back_h1_set_framing(struct wr_back_h1 *b, const struct wr_framing *fr)
{
    struct wr_req *r = b->x->r;

    /* A server that answers instead of saying 100 may not read the body, or take it for a request. */
    b->keep = b->keep && !fr->close && !(r->body.expect_passed && !b->x->got_continue);
    r->resp_length = fr->length;
    if (r->tunnel) {
        b->state = WR_BACK_TUNNEL;
        b->out_ended = false;
        b->out_chunked = false;
        r->resp_length = -1;
    } else if (r->method_id == WR_M_HEAD || r->status == 204 || r->status == 304 || fr->length == 0) {
        return false;
    } else if (fr->chunked) {
        b->state = WR_BACK_CHUNKED;
        wr_chunked_init(&b->chunked);
    } else if (fr->length > 0) {
        b->state = WR_BACK_LENGTH;
        b->left = (uint64_t)fr->length;
    } else {
        b->state = WR_BACK_UNTIL_CLOSE;
        b->keep = false;
    }
    return true;
}

static void back_h1_end(struct wr_back_h1 *b, struct wr_chain *ch, struct wr_head *trailers);

/* p[0..head->head_bytes) of c->in is a head.  False when b is done or gone. */
static bool
back_h1_on_head(struct wr_back_h1 *b, const char *p, const struct wr_h1_head *head)
{
    struct wr_xfer *x = b->x;
    struct wr_req *r = x->r;
    struct wr_head h = {0};
    struct wr_framing fr = {0};
    ptrdiff_t moved = wr_head_take(&h, &r->pool, p, head->head_bytes, head, back_h1_fields);

    b->c->in->r += head->head_bytes;
    b->scanned = 0;
    enum wr_err err = wr_head_check_response(r, head->status, head->minor, &h, &fr);
    if (err == WR_E_NONE && head->status == 101 && !(x->upgrade && back_h1_upgrade_fits(r, &h))) {
        err = WR_E_UPSTREAM_BAD_UPGRADE;
    }
    if (err != WR_E_NONE) {
        wr_back_h1_fail(b, err);
        return false;
    }
    if (head->status < 200 && head->status != 101) {
        return back_h1_inform(b, head->status, &h);
    }
    back_h1_note_keep_alive(b, &h);
    r->resp = h;
    r->status = head->status;
    r->resp_minor = head->minor;
    r->reason = wr_str_make(head->reason.p + moved, head->reason.n);
    r->tunnel = head->status == 101;
    bool body = back_h1_set_framing(b, &fr);
    bool more = !body || wr_conn_in_bytes(b->c) > 0;
    wr_xfer_head(x, more);
    if (x->bs != b) {
        return false; /* the answer was refused by a filter or a deadline */
    }
    if (!body) {
        struct wr_chain none = WR_CHAIN_INIT(none);
        back_h1_end(b, &none, NULL);
        return false;
    }
    return true;
}

/* Parses what is there of a head.  True: it was whole and b goes on; false: more bytes are needed, or b is
 * done (b->x tells, but only when b is still there: *alive). */
static bool
back_h1_try_head(struct wr_back_h1 *b, bool *alive)
{
    const struct wr_weir_conf *w = &b->uw->sv->model->weir;
    struct wr_h1_limits limits = {.line_bytes = (uint32_t)w->limit_header_line,
                                  .total_bytes = (uint32_t)w->limit_header_total,
                                  .fields = (uint32_t)w->limit_header_count};
    const char *p = b->c->in->data + b->c->in->r;
    size_t n = wr_conn_in_bytes(b->c);
    struct wr_h1_head head;

    *alive = true;
    if (b->scanned > 0 && n < limits.total_bytes && !wr_h1_head_complete(p, n, b->scanned)) {
        b->scanned = (uint32_t)n;
        return false;
    }
    switch (wr_h1_parse_response(p, n, &limits, &head, back_h1_fields)) {
    case WR_H1_OK:
        *alive = back_h1_on_head(b, p, &head);
        return *alive;
    case WR_H1_BAD:
        wr_back_h1_fail(b, head.err);
        *alive = false;
        return false;
    case WR_H1_MORE:
        break;
    }
    b->scanned = (uint32_t)n;
    return false;
}

/* ---- the response body ---- */

/* The response is whole: the connection goes back to the pool first, then the last bytes go to the client. */
static void
back_h1_end(struct wr_back_h1 *b, struct wr_chain *ch, struct wr_head *trailers)
{
    struct wr_xfer *x = b->x;
    struct wr_conn *c = b->c;
    uint64_t idle_ms = WR_MIN(x->peer->upstream->conf.keepalive_idle_ms, b->keep_ms);

    b->x = NULL;
    x->bs = NULL;
    if (b->keep && b->out_ended && wr_chain_empty(&c->out) && !b->uw->sv->draining &&
        b->uw->groups[x->peer->upstream->index].idle_most > 0 && wr_conn_is_quiet(c)) {
        b->state = WR_BACK_IDLE;
        wr_conn_settle_in(c);
        wr_idle_put(b->uw, &b->idle, x->peer, wr_clock.mono_ms + idle_ms);
    } else {
        back_h1_free(b);
    }
    wr_xfer_end(x, ch, trailers);
}

/* True when the trailer section is complete and b is done; *bad when it is malformed. */
static bool
back_h1_try_trailers(struct wr_back_h1 *b, struct wr_chain *ch, bool *bad)
{
    struct wr_req *r = b->x->r;
    struct wr_conn *c = b->c;
    struct wr_h1_limits limits = {.line_bytes = 8192, .total_bytes = BACK_H1_TRAILER_BYTES, .fields = 64};
    struct wr_h1_head head = {0};
    struct wr_head *trailers = NULL;
    const char *p = c->in ? c->in->data + c->in->r : "";

    enum wr_h1_verdict v = wr_h1_parse_fields(p, wr_conn_in_bytes(c), &limits, &head, back_h1_fields);
    *bad = v == WR_H1_BAD;
    if (v != WR_H1_OK) {
        return false;
    }
    if (head.fields_n > 0) {
        trailers = wr_pool_zalloc(&r->pool, sizeof(*trailers));
        wr_head_take(trailers, &r->pool, p, head.head_bytes, &head, back_h1_fields);
        wr_head_check_trailers(trailers, &r->resp);
    }
    c->in->r += head.head_bytes;
    back_h1_end(b, ch, trailers);
    return true;
}

/* Unframes what c->in holds into ch.  False: bad chunk. */
static bool
back_h1_unframe(struct wr_back_h1 *b, struct wr_chain *ch)
{
    struct wr_buf *in = b->c->in;

    if (b->state != WR_BACK_CHUNKED) {
        size_t n = in->w - in->r;
        if (b->state == WR_BACK_LENGTH) {
            n = (size_t)WR_MIN((uint64_t)n, b->left);
            b->left -= n;
        }
        wr_chain_add(ch, in, in->data + in->r, n);
        in->r += (uint32_t)n;
        return true;
    }
    while (in->r < in->w && b->state == WR_BACK_CHUNKED) {
        struct wr_str data;
        size_t used;
        switch (wr_chunked_decode(&b->chunked, in->data + in->r, in->w - in->r, &used, &data)) {
        case WR_CHUNKED_BAD:
            return false;
        case WR_CHUNKED_DATA:
            wr_chain_add(ch, in, data.p, data.n);
            break;
        case WR_CHUNKED_TRAILERS:
            b->state = WR_BACK_TRAILERS;
            break;
        case WR_CHUNKED_MORE:
            break;
        }
        in->r += (uint32_t)used;
    }
    return true;
}

/* Hands over what c->in holds of the body.  False when b is done or gone. */
static bool
back_h1_on_body(struct wr_back_h1 *b)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_xfer *x = b->x;
    bool bad = false;

    if (b->state != WR_BACK_TRAILERS && !back_h1_unframe(b, &ch)) {
        bad = true;
    } else if (b->state == WR_BACK_LENGTH && b->left == 0) {
        back_h1_end(b, &ch, NULL);
        return false;
    } else if (b->state == WR_BACK_TRAILERS && back_h1_try_trailers(b, &ch, &bad)) {
        return false;
    }
    if (ch.bytes > 0) {
        wr_xfer_moved(x);
        wr_resp_body(x->r, &ch, false);
        if (x->bs != b) {
            return false;
        }
    }
    if (bad) {
        wr_back_h1_fail(b, WR_E_UPSTREAM_BAD_CHUNK);
        return false;
    }
    return true;
}

/* ---- reading ---- */

/* The end came before a whole head. */
static enum wr_err
back_h1_end_reason(const struct wr_conn *c, enum wr_io io)
{
    if (io == WR_IO_EOF || c->fault == WR_E_UPSTREAM_TRUNCATED) {
        return WR_E_UPSTREAM_CLOSED;
    }
    return c->fault != WR_E_NONE ? (enum wr_err)c->fault : WR_E_UPSTREAM_RESET;
}

static void
back_h1_on_eof(struct wr_back_h1 *b, enum wr_io io)
{
    struct wr_chain none = WR_CHAIN_INIT(none);
    struct wr_xfer *x = b->x;

    if (b->state == WR_BACK_UNTIL_CLOSE && io == WR_IO_EOF) {
        back_h1_end(b, &none, NULL);
    } else if (b->state == WR_BACK_TUNNEL && io == WR_IO_EOF) {
        b->tunnel_in_ended = true;
        wr_resp_body(x->r, &none, true);
        wr_loop_more(b->c->loop, &b->c->ev);
    } else if (x->got_head) {
        wr_back_h1_fail(b, WR_E_UPSTREAM_TRUNCATED);
    } else {
        wr_back_h1_fail(b, back_h1_end_reason(b->c, io));
    }
}

/* What was received but not yet looked at.  False: b is done or gone. */
static bool
back_h1_consume(struct wr_back_h1 *b)
{
    bool alive;

    b->x->got_byte = true;
    while (b->state == WR_BACK_HEAD && wr_conn_in_bytes(b->c) > 0) {
        if (!back_h1_try_head(b, &alive)) {
            return alive;
        }
    }
    return wr_conn_in_bytes(b->c) == 0 || back_h1_on_body(b);
}

/* Bytes that need no unframing can stay in the kernel, when there are enough to pay for it. */
static bool
back_h1_may_splice(const struct wr_back_h1 *b)
{
    const struct wr_req *r = b->x->r;

    return ((b->state == WR_BACK_LENGTH && b->left >= BACK_H1_SPLICE_BYTES) ||
            b->state == WR_BACK_UNTIL_CLOSE) &&
        b->c->transport->plain && wr_conn_in_bytes(b->c) == 0 && wr_resp_can_splice(r) &&
        wr_req_can(r, WR_CAP_PIPES);
}

/* One piece through a pipe.  False when b is done or gone, or when there is nothing more to read. */
static bool
back_h1_splice(struct wr_back_h1 *b, size_t room, bool *no_pipe)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_xfer *x = b->x;
    size_t most = b->state == WR_BACK_LENGTH ? (size_t)WR_MIN((uint64_t)room, b->left) : room;

    enum wr_io io = wr_conn_splice(b->c, &ch, most, no_pipe);
    if (io == WR_IO_AGAIN) {
        return *no_pipe;
    }
    if (io != WR_IO_OK) {
        back_h1_on_eof(b, io);
        return false;
    }
    if (b->state == WR_BACK_LENGTH) {
        b->left -= ch.bytes;
        if (b->left == 0) {
            back_h1_end(b, &ch, NULL);
            return false;
        }
    }
    wr_xfer_moved(x);
    wr_resp_body(x->r, &ch, false);
    return x->bs == b;
}

static void
back_h1_read(struct wr_back_h1 *b)
{
    for (;;) {
        bool no_pipe = false;
        size_t room = b->state > WR_BACK_HEAD ? wr_resp_room(b->x->r) : WR_BUF_BIG_BYTES;
        if (room == 0) {
            wr_conn_settle_in(b->c);
            return;
        }
        if (back_h1_may_splice(b)) {
            if (!back_h1_splice(b, room, &no_pipe)) {
                return;
            }
            if (!no_pipe) {
                continue;
            }
        }
        enum wr_io io = wr_conn_recv(b->c, WR_BUF_BIG_BYTES);
        if (io == WR_IO_AGAIN) {
            wr_conn_settle_in(b->c);
            return;
        }
        if (io != WR_IO_OK) {
            back_h1_on_eof(b, io);
            return;
        }
        if (!back_h1_consume(b)) {
            return;
        }
    }
}

static void
back_h1_credit(struct wr_xfer *x)
{
    struct wr_back_h1 *b = x->bs;

    if (wr_conn_can_recv(b->c)) {
        wr_loop_more(b->c->loop, &b->c->ev);
    }
}

/* ---- events ---- */

static void
back_h1_on_tunnel_end(struct wr_back_h1 *b)
{
    if (b->tunnel_in_ended && b->out_ended && (wr_chain_empty(&b->c->out) || b->c->failed)) {
        wr_xfer_tunnel_over(back_h1_detach(b));
    }
}

static void
back_h1_on_event(struct wr_conn *c)
{
    struct wr_back_h1 *b = c->session;

    if (b->state <= WR_BACK_HANDSHAKE) {
        wr_back_h1_on_open(b);
        return;
    }
    if (b->x == NULL) {
        /* Idle: a FIN, or bytes that nobody asked for; TLS has some of its own, which are none. */
        if (!wr_conn_is_quiet(c)) {
            wr_idle_remove(b->uw, &b->idle);
            back_h1_free(b);
        }
        return;
    }
    if (!b->out_ended && c->ev.writable && !c->failed) {
        wr_back_h1_send_body(b->x);
    } else if (!b->x->body_sent && b->out_ended && wr_chain_empty(&c->out)) {
        b->x->body_sent = true;
        wr_xfer_sent(b->x);
    }
    if (b->x != NULL && !b->tunnel_in_ended && wr_conn_can_recv(c)) {
        struct wr_xfer *x = b->x;
        back_h1_read(b);
        if (x->bs != b) {
            return;
        }
    }
    if (b->state == WR_BACK_TUNNEL) {
        back_h1_on_tunnel_end(b);
    }
}

static void
back_h1_on_timer(struct wr_conn *c)
{
    (void)c; /* deadlines are the request's, idle time the pool's */
}

const struct wr_conn_owner wr_back_h1_owner = {
    .name = "back_h1",
    .on_event = back_h1_on_event,
    .on_timer = back_h1_on_timer,
};

static enum wr_err
back_h1_start(struct wr_xfer *x, bool fresh)
{
    struct wr_upstream_worker *uw = x->r->sv->upstream;
    struct wr_idle *i = fresh ? NULL : wr_idle_get(uw, x->peer);

    if (i == NULL) {
        return wr_back_h1_open(x);
    }
    struct wr_back_h1 *b = wr_container(i, struct wr_back_h1, idle);
    b->x = x;
    x->bs = b;
    x->reused = true;
    wr_back_h1_send_request(b);
    return WR_E_NONE;
}

static void
back_h1_abort(struct wr_xfer *x)
{
    back_h1_detach(x->bs);
}

const struct wr_back_ops wr_back_h1_ops = {
    .name = "http/1.1",
    .start = back_h1_start,
    .send_body = wr_back_h1_send_body,
    .credit = back_h1_credit,
    .abort = back_h1_abort,
};
