/*
 * HTTP/1 towards clients: request bodies, as far as somebody wants them, and
 * the rest that nobody wants.
 */
#include "core/front/front_h1.h"
#include "core/http/head_check.h"

#define FRONT_H1_BODY_TRAILER_BYTES 16384

void
wr_front_h1_body_failed(struct wr_front_h1 *f, enum wr_err err)
{
    f->in = WR_FRONT_IN_DONE;
    f->keep = false;
    f->client_close = false; /* unread bytes are on the way: linger */
    wr_req_fail(f->r, err);
}

/* The trailer section behind the last chunk: true when it is complete (or failed). */
static bool
front_h1_body_take_trailers(struct wr_front_h1 *f)
{
    struct wr_conn *c = f->s.c;
    struct wr_req *r = f->r;
    struct wr_chain none = WR_CHAIN_INIT(none);
    struct wr_h1_limits limits = {
        .line_bytes = 8192, .total_bytes = FRONT_H1_BODY_TRAILER_BYTES, .fields = 64};
    struct wr_h1_head head = {0};
    const char *p = c->in ? c->in->data + c->in->r : "";

    switch (wr_h1_parse_fields(p, wr_conn_in_bytes(c), &limits, &head, wr_front_h1_fields)) {
    case WR_H1_MORE:
        return false;
    case WR_H1_BAD:
        wr_front_h1_body_failed(f, WR_E_BAD_TRAILER);
        return true;
    case WR_H1_OK:
        break;
    }
    if (head.fields_n > 0) {
        wr_head_take(&r->body.trailers, &r->pool, p, head.head_bytes, &head, wr_front_h1_fields);
        wr_head_check_trailers(&r->body.trailers, &r->req);
    }
    c->in->r += head.head_bytes;
    f->in = WR_FRONT_IN_DONE;
    wr_body_push(r, &none, true);
    return true;
}

/* Unframes what is in c->in, up to `room` bytes of body, into ch.  False: bad chunk. */
static bool
front_h1_body_unframe(struct wr_front_h1 *f, struct wr_chain *ch, size_t room)
{
    struct wr_buf *b = f->s.c->in;

    if (f->in != WR_FRONT_IN_CHUNKED) {
        size_t n = WR_MIN((size_t)(b->w - b->r), room);
        if (f->in == WR_FRONT_IN_LENGTH) {
            n = (size_t)WR_MIN((int64_t)n, f->in_left);
            f->in_left -= (int64_t)n;
        }
        wr_chain_add(ch, b, b->data + b->r, n);
        b->r += (uint32_t)n;
        return true;
    }
    while (b->r < b->w && ch->bytes < room && f->in == WR_FRONT_IN_CHUNKED) {
        struct wr_str data;
        size_t used;
        size_t n = WR_MIN((size_t)(b->w - b->r), room - ch->bytes + 64);
        switch (wr_chunked_decode(&f->chunked, b->data + b->r, n, &used, &data)) {
        case WR_CHUNKED_BAD:
            return false;
        case WR_CHUNKED_DATA:
            wr_chain_add(ch, b, data.p, data.n);
            break;
        case WR_CHUNKED_TRAILERS:
            f->in = WR_FRONT_IN_TRAILERS;
            break;
        case WR_CHUNKED_MORE:
            break;
        }
        b->r += (uint32_t)used;
    }
    return true;
}

/* A body byte or the end of one has come: hands over what c->in holds.  False when nothing can be taken. */
static bool
front_h1_body_take_input(struct wr_front_h1 *f, size_t room)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_req *r = f->r;

    if (f->in == WR_FRONT_IN_TRAILERS) {
        return front_h1_body_take_trailers(f);
    }
    if (wr_conn_in_bytes(f->s.c) == 0) {
        return false;
    }
    if (!front_h1_body_unframe(f, &ch, room)) {
        wr_chain_free(&ch);
        wr_front_h1_body_failed(f, WR_E_BAD_CHUNK);
        return true;
    }
    f->body_bytes += ch.bytes;
    f->body_last_ms = wr_clock.mono_ms;
    bool last = f->in == WR_FRONT_IN_LENGTH && f->in_left == 0;
    if (last) {
        f->in = WR_FRONT_IN_DONE;
    }
    r->received_bytes += ch.bytes;
    if (ch.bytes > 0 || last) {
        wr_body_push(r, &ch, last);
    }
    return true;
}

/* Takes body bytes as far as there is room; may_read: also from the socket. */
void
wr_front_h1_take_body(struct wr_front_h1 *f, bool may_read)
{
    struct wr_conn *c = f->s.c;
    struct wr_req *r = f->r;

    while (f->r == r && !r->ending && f->in != WR_FRONT_IN_DONE) {
        /* Bytes at hand are at most one buffer: they are taken before anybody has asked. */
        size_t room = may_read ? wr_body_room(r) : WR_BUF_BIG_BYTES;
        if (room == 0) {
            return;
        }
        if (front_h1_body_take_input(f, room)) {
            continue;
        }
        if (!may_read) {
            return;
        }
        switch (wr_conn_recv(c, WR_BUF_BIG_BYTES)) {
        case WR_IO_OK:
            break;
        case WR_IO_AGAIN:
            wr_conn_settle_in(c);
            wr_front_h1_rearm(f);
            return;
        case WR_IO_EOF:
            if (f->in == WR_FRONT_IN_RAW) {
                struct wr_chain none = WR_CHAIN_INIT(none);
                f->in = WR_FRONT_IN_DONE;
                wr_body_push(r, &none, true);
                return;
            }
            wr_req_gone(r, WR_E_CLIENT_CLOSED_BODY);
            return;
        case WR_IO_ERR:
            wr_req_gone(r, WR_E_CLIENT_CLOSED);
            return;
        }
    }
}

void
wr_front_h1_credit(struct wr_req *r)
{
    struct wr_front_h1 *f = r->fs;

    if (r->tunnel) {
        wr_loop_more(f->s.sv->loop, &f->s.c->ev);
        return;
    }
    if (f->in == WR_FRONT_IN_DONE) {
        return;
    }
    if (f->body_last_ms + 1000 < wr_clock.mono_ms) {
        /* weir itself was slow: the client's clock starts anew. */
        f->body_began_ms = wr_clock.mono_ms;
        f->rate_due_ms = wr_clock.mono_ms + wr_front_h1_conf(f)->body_timeout_ms;
        f->body_bytes = 0;
    }
    f->body_last_ms = wr_clock.mono_ms;
    if (wr_conn_in_bytes(f->s.c) > 0 || wr_conn_can_recv(f->s.c)) {
        wr_loop_more(f->s.sv->loop, &f->s.c->ev);
    }
    wr_front_h1_rearm(f);
}

/* The rest of a body that nobody wants, so that the next request on this connection can be read. */
void
wr_front_h1_discard(struct wr_front_h1 *f)
{
    struct wr_conn *c = f->s.c;

    for (;;) {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        if (wr_conn_in_bytes(c) > 0 && f->in != WR_FRONT_IN_TRAILERS) {
            bool good = front_h1_body_unframe(f, &ch, WR_BUF_BIG_BYTES);
            f->body_bytes += ch.bytes;
            wr_chain_free(&ch);
            if (f->in == WR_FRONT_IN_LENGTH && f->in_left == 0) {
                f->in = WR_FRONT_IN_DONE;
            }
            if (!good || f->body_bytes > WR_FRONT_H1_DISCARD_BYTES || f->in == WR_FRONT_IN_TRAILERS) {
                /* Trailers of a body that is thrown away are not worth reading. */
                wr_front_h1_linger(f);
                return;
            }
        }
        if (f->in == WR_FRONT_IN_DONE) {
            f->discarding = false;
            wr_front_enter(&f->s, WR_FRONT_IDLE);
            wr_front_h1_read_head(f);
            return;
        }
        enum wr_io io = wr_conn_recv(c, WR_BUF_BIG_BYTES);
        if (io == WR_IO_AGAIN) {
            wr_conn_settle_in(c);
            return;
        }
        if (io != WR_IO_OK) {
            wr_front_h1_close(f, false);
            return;
        }
    }
}
