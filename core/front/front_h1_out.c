/*
 * HTTP/1 towards clients: what is written.  The head is made once, straight
 * into the buffer that is sent; small bodies go behind it into the same
 * buffer, so that a response is one write.
 */
#include "core/base/fmt.h"
#include "core/front/front_h1.h"
#include "core/http/budget.h"
#include "core/http/errorpage.h"

#define FRONT_H1_CHUNK_OVERHEAD 20

static bool
front_h1_out_can(const struct wr_req *r, enum wr_cap cap)
{
    switch (cap) {
    case WR_CAP_TRAILERS:
        return r->minor >= 1 && r->te_trailers && ((struct wr_front_h1 *)r->fs)->out == WR_FRONT_OUT_CHUNKED;
    case WR_CAP_PIPES: {
        const struct wr_front_h1 *f = r->fs;
        return f->s.c->transport->plain && f->out != WR_FRONT_OUT_CHUNKED && f->out != WR_FRONT_OUT_NONE;
    }
    case WR_CAP_INFORMS:
    case WR_CAP_UPGRADE:
    case WR_CAP_CHUNKED:
        return r->minor >= 1;
    }
    return false;
}

void
wr_front_h1_wrote(struct wr_front_h1 *f, enum wr_io io)
{
    struct wr_conn *c = f->s.c;

    if (wr_unlikely(io == WR_IO_ERR)) {
        /* Told from the connection's own event, never from here: the caller is deep in an upstream's. */
        f->broken = true;
        wr_loop_more(f->s.sv->loop, &c->ev);
        return;
    }
    if (io == WR_IO_OK) {
        if (f->answered) {
            wr_front_h1_done(f);
        }
        return;
    }
    f->sent_mark_ms = wr_clock.mono_ms;
    f->sent_mark_bytes = c->sent_bytes;
    wr_front_h1_rearm(f);
}

/* ---- heads ---- */

static char *
front_h1_out_put(char *p, const char *s, size_t n)
{
    if (n > 0) {
        memcpy(p, s, n);
    }
    return p + n;
}

#define FRONT_H1_OUT_LIT(p, literal) front_h1_out_put((p), (literal), sizeof(literal) - 1)

static char *
front_h1_out_put_field(char *p, struct wr_str name, struct wr_str value)
{
    p = front_h1_out_put(p, name.p, name.n);
    *p++ = ':';
    *p++ = ' ';
    p = front_h1_out_put(p, value.p, value.n);
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

/* Enough for a head with those fields and what weir adds. */
static size_t
front_h1_out_head_room(const struct wr_req *r, const struct wr_head *h)
{
    size_t n = 512 + r->reason.n + r->upgrade.n;

    for (uint32_t i = 0; h != NULL && i < h->n; i++) {
        n += h->fields[i].name.n + h->fields[i].value.n + 4;
    }
    return n;
}

static char *
front_h1_out_put_fields(char *p, const struct wr_head *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        const struct wr_field *fd = &h->fields[i];
        if (fd->flags & (WR_FIELD_HOP | WR_FIELD_GONE) || fd->id == WR_N_CONTENT_LENGTH) {
            continue;
        }
        p = front_h1_out_put_field(p, fd->name, fd->value);
    }
    return p;
}

static char *
front_h1_out_put_status(char *p, uint16_t status, struct wr_str reason)
{
    p = FRONT_H1_OUT_LIT(p, "HTTP/1.1 ");
    *p++ = (char)('0' + status / 100);
    *p++ = (char)('0' + status / 10 % 10);
    *p++ = (char)('0' + status % 10);
    *p++ = ' ';
    p = front_h1_out_put(p, reason.p, reason.n);
    return FRONT_H1_OUT_LIT(p, "\r\n");
}

static void
front_h1_out_send_inform(struct wr_req *r, uint16_t status, const struct wr_head *head)
{
    struct wr_front_h1 *f = r->fs;
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_buf *b = wr_buf_new(front_h1_out_head_room(r, head));
    char *p = b->data;

    p = front_h1_out_put_status(p, status, wr_status_phrase(status));
    if (head != NULL) {
        p = front_h1_out_put_fields(p, head);
    }
    p = FRONT_H1_OUT_LIT(p, "\r\n");
    b->w = (uint32_t)(p - b->data);
    wr_chain_add(&ch, b, b->data, b->w);
    wr_buf_unref(b);
    wr_front_h1_wrote(f, wr_conn_send(f->s.c, &ch));
}

/* How the body will be delimited; may take `keep` back. */
static void
front_h1_out_choose_framing(struct wr_front_h1 *f)
{
    struct wr_req *r = f->r;

    if (r->tunnel || r->status == 101) {
        f->out = WR_FRONT_OUT_RAW;
        f->keep = false;
    } else if (r->resp_no_body) {
        f->out = WR_FRONT_OUT_NONE;
    } else if (r->resp_length >= 0) {
        f->out = WR_FRONT_OUT_LENGTH;
        f->out_left = (uint64_t)r->resp_length;
    } else if (r->minor >= 1) {
        f->out = WR_FRONT_OUT_CHUNKED;
    } else {
        f->out = WR_FRONT_OUT_CLOSE;
        f->keep = false;
    }
    /* An upload that goes on and is long, or of unknown length: the client shall stop it. */
    if ((f->in == WR_FRONT_IN_LENGTH && f->in_left > WR_BODY_WINDOW_BYTES) ||
        (f->in == WR_FRONT_IN_CHUNKED && r->local)) {
        f->keep = false;
    }
    /* A client that was not told to go on (100) may leave the body out, or send it: nobody can tell. */
    if (f->in != WR_FRONT_IN_DONE && wr_body_waits_continue(r)) {
        f->keep = false;
    }
    /* Who sends what can be read in two ways shall not send more behind it. */
    if (f->s.sv->draining || (r->local && r->status == 400)) {
        f->keep = false;
    }
    r->keep_client = f->keep;
}

static char *
front_h1_out_put_connection(char *p, const struct wr_front_h1 *f)
{
    const struct wr_req *r = f->r;

    if (f->out == WR_FRONT_OUT_RAW) {
        p = FRONT_H1_OUT_LIT(p, "Connection: upgrade\r\n");
        return front_h1_out_put_field(p, WR_STR("Upgrade"), wr_head_value(&r->resp, WR_N_UPGRADE));
    }
    if (r->status == 426 && wr_head_has(&r->resp, WR_N_UPGRADE)) {
        /* RFC 9110 15.5.22: the answer says what it wants to be upgraded to. */
        p = front_h1_out_put_field(p, WR_STR("Upgrade"), wr_head_value(&r->resp, WR_N_UPGRADE));
        return f->keep ? FRONT_H1_OUT_LIT(p, "Connection: upgrade\r\n")
                       : FRONT_H1_OUT_LIT(p, "Connection: upgrade, close\r\n");
    }
    return f->keep ? p : FRONT_H1_OUT_LIT(p, "Connection: close\r\n");
}

static char *
front_h1_out_put_head(char *p, const struct wr_front_h1 *f)
{
    const struct wr_req *r = f->r;

    p = front_h1_out_put_status(p, r->status, r->reason);
    p = front_h1_out_put_fields(p, &r->resp);
    if (r->resp_length >= 0 && r->status != 204 && r->status >= 200) {
        p = FRONT_H1_OUT_LIT(p, "Content-Length: ");
        p += wr_fmt_u64(p, (uint64_t)r->resp_length);
        p = FRONT_H1_OUT_LIT(p, "\r\n");
    } else if (f->out == WR_FRONT_OUT_CHUNKED) {
        p = FRONT_H1_OUT_LIT(p, "Transfer-Encoding: chunked\r\n");
    }
    if (!wr_head_has(&r->resp, WR_N_DATE)) {
        p = FRONT_H1_OUT_LIT(p, "Date: ");
        p = front_h1_out_put(p, wr_clock.http_date, 29);
        p = FRONT_H1_OUT_LIT(p, "\r\n");
    }
    if (!r->local) {
        p = FRONT_H1_OUT_LIT(p, "Via: 1.");
        *p++ = (char)('0' + r->resp_minor);
        *p++ = ' ';
        p = front_h1_out_put(p, f->s.sv->instance, strlen(f->s.sv->instance));
        p = FRONT_H1_OUT_LIT(p, "\r\n");
    }
    p = front_h1_out_put_connection(p, f);
    return FRONT_H1_OUT_LIT(p, "\r\n");
}

static void
front_h1_out_send_head(struct wr_req *r, bool more)
{
    struct wr_front_h1 *f = r->fs;
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_buf *b;

    front_h1_out_choose_framing(f);
    /* Room for a small body behind the head: the big buffers are the warm ones. */
    b = wr_buf_new(front_h1_out_head_room(r, &r->resp) + (more ? WR_CHAIN_COPY_BYTES : 0));
    b->w = (uint32_t)(front_h1_out_put_head(b->data, f) - b->data);
    r->head_sent_bytes = b->w;
    wr_chain_add(&ch, b, b->data, b->w);
    wr_buf_unref(b);
    if (more) {
        wr_conn_queue(f->s.c, &ch);
    } else {
        wr_front_h1_wrote(f, wr_conn_send(f->s.c, &ch));
    }
}

/* ---- bodies ---- */

/* Returns the bytes of framing: logs count them as nginx does. */
static size_t
front_h1_out_queue_chunk(struct wr_conn *c, struct wr_chain *ch)
{
    char line[FRONT_H1_CHUNK_OVERHEAD];
    size_t n = wr_fmt_hex(line, ch->bytes);

    line[n++] = '\r';
    line[n++] = '\n';
    wr_chain_copy(&c->out, line, n);
    wr_chain_gather(&c->out, ch);
    wr_chain_copy(&c->out, "\r\n", 2);
    return n + 2;
}

/* A response that ends before its length is short: the client must be able to tell. */
static void
front_h1_out_finish(struct wr_front_h1 *f)
{
    f->answered = true;
    if (f->out == WR_FRONT_OUT_LENGTH && f->out_left > 0) {
        f->truncated = true;
    }
    f->s.c->last = !f->keep && !f->truncated;
}

static void
front_h1_out_send_body(struct wr_req *r, struct wr_chain *ch, bool last)
{
    struct wr_front_h1 *f = r->fs;
    struct wr_conn *c = f->s.c;

    if (f->broken) {
        wr_chain_free(ch);
        return;
    }
    if (f->out == WR_FRONT_OUT_LENGTH) {
        wr_assert(ch->bytes <= f->out_left);
        f->out_left -= ch->bytes;
    }
    if (f->out == WR_FRONT_OUT_CHUNKED) {
        if (ch->bytes > 0) {
            r->body_sent_bytes += front_h1_out_queue_chunk(c, ch);
        }
        if (last) {
            wr_chain_copy(&c->out, "0\r\n\r\n", 5);
            r->body_sent_bytes += 5;
        }
    } else if (ch->bytes > 0) {
        wr_chain_gather(&c->out, ch);
    }
    if (last && f->out == WR_FRONT_OUT_RAW) {
        wr_conn_shutdown(c); /* the client may go on sending; the tunnel's end is seen in front_h1.c */
    } else if (last) {
        front_h1_out_finish(f);
    }
    wr_front_h1_wrote(f, wr_conn_flush(c));
}

static void
front_h1_out_send_trailers(struct wr_req *r, const struct wr_head *trailers)
{
    struct wr_front_h1 *f = r->fs;
    struct wr_conn *c = f->s.c;
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_buf *b = wr_buf_new(front_h1_out_head_room(r, trailers));
    char *p = FRONT_H1_OUT_LIT(b->data, "0\r\n");

    p = front_h1_out_put_fields(p, trailers);
    p = FRONT_H1_OUT_LIT(p, "\r\n");
    b->w = (uint32_t)(p - b->data);
    wr_chain_add(&ch, b, b->data, b->w);
    wr_buf_unref(b);
    front_h1_out_finish(f);
    wr_front_h1_wrote(f, wr_conn_send(c, &ch));
}

static size_t
front_h1_out_room(const struct wr_req *r)
{
    const struct wr_front_h1 *f = r->fs;
    size_t most = (size_t)r->route->conf.buffer_response;
    size_t waiting = f->s.c->out.bytes;

    if (wr_unlikely(wr_budget_level(f->s.sv) >= WR_BUDGET_HALVE)) {
        most /= 2;
    }
    return f->broken || waiting >= most ? 0 : most - waiting;
}

static void
front_h1_out_tunnel(struct wr_req *r)
{
    struct wr_front_h1 *f = r->fs;

    f->in = WR_FRONT_IN_RAW;
    f->out = WR_FRONT_OUT_RAW;
    f->s.tunnel = true;
    wr_loop_more(f->s.sv->loop, &f->s.c->ev);
}

/*
 * The response cannot be completed.  What was handed over still goes out; then
 * the connection ends without a last chunk, short of its length, or by a reset.
 */
static void
front_h1_out_abort(struct wr_req *r, enum wr_err why)
{
    struct wr_front_h1 *f = r->fs;

    f->keep = false;
    if (!r->head_sent || why == WR_E_CLIENT_CLOSED || why == WR_E_CLIENT_STALLED) {
        wr_req_end(r);
        return;
    }
    f->truncated = true;
    f->answered = true;
    if (wr_chain_empty(&f->s.c->out)) {
        wr_front_h1_done(f);
    }
}

const struct wr_front_ops wr_front_h1_ops = {
    .name = "http/1.1",
    .can = front_h1_out_can,
    .credit = wr_front_h1_credit,
    .send_inform = front_h1_out_send_inform,
    .send_head = front_h1_out_send_head,
    .send_body = front_h1_out_send_body,
    .send_trailers = front_h1_out_send_trailers,
    .room = front_h1_out_room,
    .tunnel = front_h1_out_tunnel,
    .abort = front_h1_out_abort,
    .ended = wr_front_h1_ended,
};
