/*
 * A second transport, linked in place of core/event/transport_plain.c, that
 * keeps the seam honest: it splits and delays every byte.  Like TLS it takes
 * more out of the socket than it hands over, so bytes wait inside that epoll
 * knows nothing of (CORE-RULES 15), and it has neither splice nor sendfile.
 *
 * A recv brings 1 to 3 bytes, a send takes 1 to 7 of one slice (the end of a
 * long stream goes in larger pieces).  Both answer AGAIN now and then although
 * there was more to be had, and then see to it themselves that the connection
 * comes again.  The pattern is fixed: it depends on the connection's number in
 * its worker alone.
 */
#include "core/event/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/event/conn.h"

#define TRICKLE_HELD_BYTES 4096 /* taken out of the socket at once */
#define TRICKLE_RECV_MOST 3
#define TRICKLE_SEND_MOST 7
#define TRICKLE_LONG_BYTES 65536 /* a longer stream goes on in pieces so many times as large: */
#define TRICKLE_LONG 64

struct transport_trickle {
    struct wr_conn *c;
    struct wr_task go_on; /* the socket counts as full until this ran */
    uint32_t pattern;
    uint64_t got_bytes; /* handed over */
    char *held;         /* [r, w) of it; NULL when nothing is held: a waiting connection costs little */
    size_t r;
    size_t w;
};

/* A socket that is not full was called so: from now on it is writable again, as if epoll had said it. */
static void
transport_trickle_go_on(struct wr_task *task)
{
    struct transport_trickle *t = wr_container(task, struct transport_trickle, go_on);

    t->c->ev.writable = true;
    wr_loop_more(t->c->loop, &t->c->ev);
}

static struct transport_trickle *
transport_trickle_of(struct wr_conn *c)
{
    struct transport_trickle *t = c->transport_state;

    if (t == NULL) {
        t = wr_calloc(1, sizeof(*t));
        t->c = c;
        t->go_on.fn = transport_trickle_go_on;
        t->pattern = (uint32_t)c->id * 2654435761U | 1;
        c->transport_state = t;
    }
    return t;
}

/* The next number of the pattern, 0 to n - 1. */
static uint32_t
transport_trickle_next(struct transport_trickle *t, uint32_t n)
{
    t->pattern ^= t->pattern << 13;
    t->pattern ^= t->pattern >> 17;
    t->pattern ^= t->pattern << 5;
    return (t->pattern >> 8) % n;
}

/* The length of the next piece of a stream that has moved so many bytes. */
static size_t
transport_trickle_piece(struct transport_trickle *t, uint32_t most, uint64_t moved_bytes)
{
    return 1 + transport_trickle_next(t, moved_bytes < TRICKLE_LONG_BYTES ? most : most * TRICKLE_LONG);
}

static enum wr_io
transport_trickle_handshake(struct wr_conn *c)
{
    (void)c;
    return WR_IO_OK;
}

static enum wr_io
transport_trickle_error(struct wr_conn *c, int err)
{
    c->err = (int16_t)err;
    c->failed = true;
    return WR_IO_ERR;
}

/* Takes out of the socket what fits; nothing is held. */
static enum wr_io
transport_trickle_fill(struct wr_conn *c, struct transport_trickle *t)
{
    static char scratch[TRICKLE_HELD_BYTES];
    ssize_t n;

    do {
        n = recv(c->ev.fd, scratch, sizeof(scratch), 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        if ((size_t)n < sizeof(scratch) && !c->ev.rdhup) {
            c->ev.readable = false;
        }
        t->held = wr_malloc((size_t)n);
        memcpy(t->held, scratch, (size_t)n);
        t->r = 0;
        t->w = (size_t)n;
        return WR_IO_OK;
    }
    if (n < 0 && errno != EAGAIN) {
        return transport_trickle_error(c, errno);
    }
    c->eof = n == 0;
    c->ev.readable = false;
    return c->eof ? WR_IO_EOF : WR_IO_AGAIN;
}

/* What has just come out of the socket is never handed over at once, and later pieces not always. */
static enum wr_io
transport_trickle_recv(struct wr_conn *c, char *p, size_t n, size_t *got)
{
    struct transport_trickle *t = transport_trickle_of(c);
    bool late = transport_trickle_next(t, 4) == 0;

    if (t->held == NULL) {
        enum wr_io io = transport_trickle_fill(c, t);
        if (io != WR_IO_OK) {
            return io;
        }
        late = true;
    }
    if (late) {
        wr_loop_more(c->loop, &c->ev);
        return WR_IO_AGAIN;
    }
    size_t piece = transport_trickle_piece(t, TRICKLE_RECV_MOST, t->got_bytes);
    *got = WR_MIN(WR_MIN(piece, t->w - t->r), n);
    memcpy(p, t->held + t->r, *got);
    t->r += *got;
    t->got_bytes += *got;
    if (t->r == t->w) {
        free(t->held);
        t->held = NULL;
    }
    return WR_IO_OK;
}

/* Copies up to n bytes of a slice to p; how many, or -1 with errno. */
static ssize_t
transport_trickle_copy(const struct wr_slice *s, char *p, size_t n)
{
    n = WR_MIN(n, s->n);
    if (s->kind == WR_SLICE_FILE) {
        ssize_t got = pread(s->fd, p, n, s->off);
        if (got == 0) {
            errno = EIO; /* the file shrank */
        }
        return got > 0 ? got : -1;
    }
    wr_assert(s->kind != WR_SLICE_PIPE); /* plain is false: nobody makes one */
    memcpy(p, s->p, n);
    return (ssize_t)n;
}

static enum wr_io
transport_trickle_send(struct wr_conn *c, struct wr_chain *out)
{
    struct transport_trickle *t = transport_trickle_of(c);
    char piece[TRICKLE_SEND_MOST * TRICKLE_LONG];

    if (wr_chain_empty(out)) {
        return WR_IO_OK;
    }
    if (transport_trickle_next(t, 8) != 0) {
        size_t most = transport_trickle_piece(t, TRICKLE_SEND_MOST, c->sent_bytes);
        ssize_t n = transport_trickle_copy(out->first, piece, most);
        if (n > 0) {
            n = send(c->ev.fd, piece, (size_t)n, MSG_NOSIGNAL);
        }
        if (n < 0 && errno == EAGAIN) {
            c->ev.writable = false;
            return WR_IO_AGAIN;
        }
        if (n < 0 && errno != EINTR) {
            return transport_trickle_error(c, errno);
        }
        if (n > 0) {
            c->sent_bytes += (uint64_t)n;
            wr_chain_drop(out, (size_t)n);
        }
    }
    if (wr_chain_empty(out)) {
        return WR_IO_OK;
    }
    c->ev.writable = false;
    wr_loop_post(c->loop, &t->go_on);
    return WR_IO_AGAIN;
}

static bool
transport_trickle_pending(const struct wr_conn *c)
{
    const struct transport_trickle *t = c->transport_state;

    return t != NULL && t->held != NULL;
}

static void
transport_trickle_shutdown(struct wr_conn *c)
{
    shutdown(c->ev.fd, SHUT_WR);
}

static void
transport_trickle_close(struct wr_conn *c)
{
    struct transport_trickle *t = c->transport_state;

    if (t != NULL) {
        wr_loop_unpost(&t->go_on);
        free(t->held);
        free(t);
        c->transport_state = NULL;
    }
}

/* The name that the front and dialling know. */
static const struct wr_secure_facts *
transport_trickle_facts(const struct wr_conn *c)
{
    (void)c;
    return NULL;
}

const struct wr_transport wr_transport_plain = {
    .name = "trickle",
    .plain = false,
    .handshake = transport_trickle_handshake,
    .recv = transport_trickle_recv,
    .send = transport_trickle_send,
    .pending = transport_trickle_pending,
    .facts = transport_trickle_facts,
    .shutdown = transport_trickle_shutdown,
    .close = transport_trickle_close,
};
