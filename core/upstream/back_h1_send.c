/*
 * HTTP/1.1 towards servers: writing a request, head and body, as far as the
 * body is at hand and the socket takes it.
 */
#include "core/base/fmt.h"
#include "core/upstream/back_h1.h"
#include "core/upstream/back_h1_head.h"

#define BACK_H1_SEND_QUEUE_BYTES (128 * 1024) /* request body waiting in the socket's queue */

/* The last chunk, and the client's trailers but for those that may not be forwarded. */
static void
back_h1_send_end_chunked(const struct wr_req *r, struct wr_chain *out)
{
    wr_chain_copy(out, "0\r\n", 3);
    for (uint32_t i = 0; i < r->body.trailers.n; i++) {
        const struct wr_field *f = &r->body.trailers.fields[i];
        if (f->flags & (WR_FIELD_HOP | WR_FIELD_GONE | WR_FIELD_UNDERSCORE)) {
            continue;
        }
        wr_chain_copy(out, f->name.p, f->name.n);
        wr_chain_copy(out, ": ", 2);
        wr_chain_copy(out, f->value.p, f->value.n);
        wr_chain_copy(out, "\r\n", 2);
    }
    wr_chain_copy(out, "\r\n", 2);
}

/* Into the connection's queue. */
static void
back_h1_send_queue_body(struct wr_back_h1 *b)
{
    struct wr_chain body = WR_CHAIN_INIT(body), *out = &b->c->out;
    char line[20];

    if (b->out_ended || out->bytes >= BACK_H1_SEND_QUEUE_BYTES) {
        return;
    }
    b->out_ended = wr_body_take(b->x->r, &body, BACK_H1_SEND_QUEUE_BYTES - out->bytes);
    if (!b->out_chunked) {
        wr_chain_gather(out, &body);
        return;
    }
    if (body.bytes > 0) {
        size_t n = wr_fmt_hex(line, body.bytes);
        line[n++] = '\r';
        line[n++] = '\n';
        wr_chain_copy(out, line, n);
        wr_chain_gather(out, &body);
        wr_chain_copy(out, "\r\n", 2);
    }
    if (b->out_ended) {
        back_h1_send_end_chunked(b->x->r, out);
    }
}

static void
back_h1_send_queued(struct wr_back_h1 *b)
{
    struct wr_xfer *x = b->x;
    uint64_t before = b->c->sent_bytes, waited = b->c->out.bytes;

    if (wr_conn_flush(b->c) == WR_IO_ERR) {
        /* The server may have answered before it closed: reading tells, from the connection's own event. */
        wr_loop_more(b->c->loop, &b->c->ev);
        b->c->ev.readable = true;
        b->keep = false;
        return;
    }
    /* what TLS has taken counts as written, wherever it is */
    x->wrote = x->wrote || b->c->sent_bytes > before || b->c->out.bytes < waited;
    x->body_sent = b->out_ended && wr_chain_empty(&b->c->out);
    wr_xfer_sent(x);
}

void
wr_back_h1_send_request(struct wr_back_h1 *b)
{
    struct wr_xfer *x = b->x;
    struct wr_req *r = x->r;
    struct wr_buf *buf = wr_buf_new(wr_back_h1_render_room(r));

    buf->w = (uint32_t)wr_back_h1_render(r, buf->data, &b->out_chunked);
    wr_chain_add(&b->c->out, buf, buf->data, buf->w);
    wr_buf_unref(buf);
    b->state = WR_BACK_HEAD;
    b->scanned = 0;
    b->keep = true;
    b->keep_ms = UINT64_MAX;
    b->out_ended = !r->body.present || r->wants_upgrade;
    back_h1_send_queue_body(b);
    back_h1_send_queued(b);
}

void
wr_back_h1_send_body(struct wr_xfer *x)
{
    struct wr_back_h1 *b = x->bs;

    if (b->state <= WR_BACK_HANDSHAKE || b->out_ended) {
        return;
    }
    size_t before = b->c->out.bytes;
    back_h1_send_queue_body(b);
    if (b->c->out.bytes > before) {
        back_h1_send_queued(b);
    }
    if (b->state == WR_BACK_TUNNEL && b->out_ended) {
        wr_conn_shutdown(b->c);
        wr_loop_more(b->c->loop, &b->c->ev);
    }
}
