/*
 * Connections: sticky readiness, a share of each turn, output that goes on by
 * itself.  It refuses to know what the bytes mean.
 */
#include "core/event/conn.h"

#include "core/event/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONN_KEPT_MOST 1024
#define CONN_PROBE_S 5 /* between two probes */
#define CONN_PROBES 4  /* without an answer */

static struct wr_conn *conn_kept; /* linked through session */
static uint32_t conn_kept_count;
static uint32_t conn_count;
static uint64_t conn_last_id;

static struct wr_conn *
conn_take(void)
{
    struct wr_conn *c = conn_kept;

    if (c == NULL) {
        return wr_malloc(sizeof(*c));
    }
    conn_kept = c->session;
    conn_kept_count--;
    return c;
}

static void
conn_give(struct wr_conn *c)
{
#ifndef WR_SANITIZE
    if (conn_kept_count < CONN_KEPT_MOST) {
        c->session = conn_kept;
        conn_kept = c;
        conn_kept_count++;
        return;
    }
#endif
    free(c);
}

void
wr_conn_trim(void)
{
    while (conn_kept != NULL) {
        free(conn_take());
    }
}

uint32_t
wr_conn_count(void)
{
    return conn_count;
}

static void
conn_on_ev(struct wr_ev *ev)
{
    struct wr_conn *c = wr_container(ev, struct wr_conn, ev);

    if (ev->writable && !wr_chain_empty(&c->out)) {
        wr_conn_flush(c);
    }
    c->owner->on_event(c);
}

static void
conn_on_timer(struct wr_timer *t)
{
    struct wr_conn *c = wr_container(t, struct wr_conn, timer);

    c->owner->on_timer(c);
}

static struct wr_conn *
conn_make(struct wr_loop *l, const struct wr_transport *t, const struct wr_conn_owner *owner, void *session)
{
    struct wr_conn *c = conn_take();

    memset(c, 0, sizeof(*c));
    wr_timer_init(&c->timer, conn_on_timer);
    wr_chain_init(&c->out);
    c->loop = l;
    c->transport = t;
    c->owner = owner;
    c->session = session;
    c->id = ++conn_last_id;
    conn_count++;
    return c;
}

struct wr_conn *
wr_conn_new(struct wr_loop *l, int fd, const struct wr_transport *t, const struct wr_conn_owner *owner,
            void *session)
{
    struct wr_conn *c = conn_make(l, t, owner, session);

    if (!wr_loop_add(l, &c->ev, fd, conn_on_ev)) {
        int err = errno;
        conn_count--;
        conn_give(c);
        errno = err;
        return NULL;
    }
    return c;
}

struct wr_conn *
wr_conn_accepted(struct wr_loop *l, int fd, const struct wr_transport *t, const struct wr_conn_owner *owner,
                 void *session)
{
    struct wr_conn *c = conn_make(l, t, owner, session);

    wr_loop_add_late(l, &c->ev, fd, conn_on_ev);
    return c;
}

static void
conn_bury(struct wr_grave *g)
{
    conn_give(wr_container(g, struct wr_conn, grave));
}

void
wr_conn_close(struct wr_conn *c)
{
    int fd = c->ev.fd;

    c->transport->close(c);
    wr_loop_del(c->loop, &c->ev, false);
    close(fd);
    wr_timer_stop(&c->loop->wheel, &c->timer);
    wr_chain_free(&c->out);
    wr_buf_unref(c->in);
    c->in = NULL;
    conn_count--;
    wr_loop_bury(c->loop, &c->grave, conn_bury);
}

void
wr_conn_reset(struct wr_conn *c)
{
    struct linger lg = {.l_onoff = 1, .l_linger = 0};

    c->failed = true; /* no transport says a last word */
    setsockopt(c->ev.fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
    wr_conn_close(c);
}

/* Whether this turn's share is used up; then the conn comes again by itself. */
static bool
conn_share_spent(struct wr_conn *c)
{
    if (c->turn != (uint16_t)c->loop->turns) {
        c->turn = (uint16_t)c->loop->turns;
        c->turn_bytes = 0;
        c->turn_ops = 0;
    }
    if (wr_likely(c->turn_bytes < WR_CONN_TURN_BYTES && c->turn_ops < WR_CONN_TURN_OPS)) {
        c->turn_ops++;
        return false;
    }
    wr_loop_more(c->loop, &c->ev);
    return true;
}

/* Room for at least one more byte behind what waits; waiting bytes move to the front or to a bigger buffer. */
static void
conn_make_room(struct wr_conn *c, size_t room)
{
    struct wr_buf *b = c->in;

    if (b == NULL) {
        c->in = wr_buf_new(room);
        return;
    }
    if (b->r == b->w && b->refs == 1) {
        b->r = b->w = 0;
    }
    uint32_t waiting = b->w - b->r;
    if (b->cap - b->w >= 1024 || (b->w < b->cap && b->cap - b->r >= room)) {
        return;
    }
    struct wr_buf *n = wr_buf_new(WR_MAX(room, (size_t)waiting + WR_BUF_SMALL_BYTES));
    memcpy(n->data, b->data + b->r, waiting);
    n->w = waiting;
    wr_buf_unref(b);
    c->in = n;
}

/* Once, whatever is left of the turn's share. */
static enum wr_io
conn_recv_once(struct wr_conn *c, size_t room)
{
    size_t got = 0;

    conn_make_room(c, room);
    enum wr_io io = c->transport->recv(c, c->in->data + c->in->w, c->in->cap - c->in->w, &got);
    if (io == WR_IO_OK) {
        c->in->w += (uint32_t)got;
        c->turn_bytes += (uint32_t)got;
    } else if (c->in->r == c->in->w) {
        wr_buf_unref(c->in);
        c->in = NULL;
    }
    return io;
}

enum wr_io
wr_conn_recv(struct wr_conn *c, size_t room)
{
    if (!wr_conn_can_recv(c)) {
        wr_conn_watch(c);
        return c->eof ? WR_IO_EOF : WR_IO_AGAIN;
    }
    if (conn_share_spent(c)) {
        return WR_IO_AGAIN;
    }
    enum wr_io io = conn_recv_once(c, room);
    if (io == WR_IO_AGAIN) {
        wr_conn_watch(c);
    }
    return io;
}

/* What the splice into an empty pipe came to. */
static enum wr_io
conn_spliced(struct wr_conn *c, ssize_t n)
{
    if (n > 0) {
        c->turn_bytes += (uint32_t)n;
        return WR_IO_OK;
    }
    if (n == 0) {
        c->eof = true;
        c->ev.readable = false;
        return WR_IO_EOF;
    }
    if (errno == EAGAIN) {
        c->ev.readable = false;
        return WR_IO_AGAIN;
    }
    return wr_conn_fail(c, errno);
}

enum wr_io
wr_conn_splice(struct wr_conn *c, struct wr_chain *ch, size_t most, bool *no_pipe)
{
    ssize_t n;

    *no_pipe = false;
    if (!c->ev.readable || c->eof) {
        return c->eof ? WR_IO_EOF : WR_IO_AGAIN;
    }
    if (conn_share_spent(c)) {
        return WR_IO_AGAIN;
    }
    struct wr_pipe *p = wr_pipe_take();
    if (p == NULL) {
        *no_pipe = true;
        return WR_IO_AGAIN;
    }
    do {
        n = splice(c->ev.fd, NULL, p->w, NULL, WR_MIN(most, (size_t)WR_PIPE_BYTES),
                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (n < 0 && errno == EINTR);
    enum wr_io io = conn_spliced(c, n);
    if (io == WR_IO_OK) {
        p->bytes = (size_t)n;
        wr_chain_push(ch, wr_pipe_slice(p));
    } else {
        wr_pipe_give(p);
    }
    return io;
}

bool
wr_conn_can_recv(const struct wr_conn *c)
{
    return !c->eof && (c->ev.readable || c->transport->pending(c));
}

/* What stands in the socket may be the transport's own, a session ticket or a change of keys: only receiving tells. */
static bool
conn_has_nothing(struct wr_conn *c)
{
    c->ev.readable = true; /* of a late one nobody knows */
    return conn_recv_once(c, WR_BUF_SMALL_BYTES) == WR_IO_AGAIN && !c->ev.readable &&
        !c->transport->pending(c);
}

bool
wr_conn_is_quiet(struct wr_conn *c)
{
    char byte;

    if (c->failed || c->eof || c->ev.rdhup || c->ev.error || wr_conn_in_bytes(c) > 0 ||
        c->transport->pending(c)) {
        return false;
    }
    if (!c->ev.readable && !c->ev.late) {
        return true;
    }
    if (!c->transport->plain) {
        return conn_has_nothing(c);
    }
    if (recv(c->ev.fd, &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN) {
        return false;
    }
    c->ev.readable = false;
    return true;
}

void
wr_conn_settle_in(struct wr_conn *c)
{
    struct wr_buf *b = c->in;

    if (b == NULL) {
        return;
    }
    size_t waiting = b->w - b->r;
    if (waiting == 0) {
        wr_buf_unref(b);
        c->in = NULL;
    } else if (b->cap > 2 * WR_MAX(waiting, (size_t)WR_BUF_SMALL_BYTES)) {
        struct wr_buf *n =
            waiting <= WR_BUF_SMALL_BYTES ? wr_buf_new(waiting) : wr_buf_new_exact(2 * waiting);
        memcpy(n->data, b->data + b->r, waiting);
        n->w = (uint32_t)waiting;
        wr_buf_unref(b);
        c->in = n;
    }
}

void
wr_conn_unread(struct wr_conn *c, const char *p, size_t n)
{
    size_t waiting = wr_conn_in_bytes(c);

    if (n == 0) {
        return;
    }
    struct wr_buf *b = wr_buf_new(n + waiting);
    memcpy(b->data, p, n);
    if (waiting > 0) {
        memcpy(b->data + n, c->in->data + c->in->r, waiting);
    }
    b->w = (uint32_t)(n + waiting);
    wr_buf_unref(c->in);
    c->in = b;
}

void
wr_conn_queue(struct wr_conn *c, struct wr_chain *ch)
{
    if (c->failed || c->shut) {
        wr_chain_free(ch);
        return;
    }
    wr_chain_move(&c->out, ch);
}

/* What waits for a slow peer shall pin little: neither big buffers nor pipes that others could use. */
static void
conn_settle_out(struct wr_conn *c)
{
    struct wr_chain out = WR_CHAIN_INIT(out);

    if (wr_unlikely(wr_pipe_scarce())) {
        struct wr_slice *s = c->out.first;
        wr_chain_init(&c->out);
        while (s != NULL) {
            struct wr_slice *next = s->next;
            if (s->kind != WR_SLICE_PIPE) {
                wr_chain_push(&out, s);
            } else if (!wr_pipe_unload(s, &out)) {
                wr_conn_fail(c, EIO);
            }
            s = next;
        }
        wr_chain_move(&c->out, &out);
    }
    wr_chain_settle(&c->out);
}

enum wr_io
wr_conn_flush(struct wr_conn *c)
{
    if (c->failed) {
        wr_chain_free(&c->out);
        return WR_IO_ERR;
    }
    if (wr_chain_empty(&c->out)) {
        return WR_IO_OK;
    }
    enum wr_io io = c->ev.writable ? c->transport->send(c, &c->out) : WR_IO_AGAIN;
    if (io == WR_IO_OK && c->shut) {
        c->transport->shutdown(c);
    } else if (io == WR_IO_ERR) {
        wr_chain_free(&c->out);
    } else if (io == WR_IO_AGAIN) {
        wr_conn_watch(c);
        conn_settle_out(c);
    }
    return io;
}

enum wr_io
wr_conn_send(struct wr_conn *c, struct wr_chain *ch)
{
    wr_conn_queue(c, ch);
    return wr_conn_flush(c);
}

void
wr_conn_shutdown(struct wr_conn *c)
{
    if (c->shut) {
        return;
    }
    c->shut = true;
    if (wr_chain_empty(&c->out) && !c->failed) {
        c->transport->shutdown(c);
    }
}

void
wr_conn_probe(struct wr_conn *c)
{
    int on = 1, pause_s = CONN_PROBE_S, most = CONN_PROBES;

    setsockopt(c->ev.fd, IPPROTO_TCP, TCP_KEEPIDLE, &pause_s, sizeof(pause_s));
    setsockopt(c->ev.fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause_s, sizeof(pause_s));
    setsockopt(c->ev.fd, IPPROTO_TCP, TCP_KEEPCNT, &most, sizeof(most));
    setsockopt(c->ev.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

bool
wr_conn_hung_up(const struct wr_conn *c)
{
    struct pollfd p = {.fd = c->ev.fd, .events = 0};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

void
wr_conn_timer(struct wr_conn *c, uint64_t due_ms)
{
    wr_timer_set(&c->loop->wheel, &c->timer, due_ms);
}
