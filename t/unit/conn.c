/* core/event/conn: receiving into buffers, a share of each turn, output that goes on by itself. */
#include "core/event/conn.h"

#include "core/event/pipe.h"
#include "t/unit/loop_probe.h"

#define MANY 4000000 /* more than a socket holds */

/* A conn, its other end, and what its owner saw. */
struct side {
    struct wr_conn *c;
    int fd; /* the other end */
    unsigned events;
    unsigned timeouts;
    size_t got;          /* received in all */
    size_t most_a_turn;  /* received in one turn */
    size_t room;         /* of its reads */
    unsigned reads;      /* in this turn */
    unsigned most_reads; /* in one turn */
    uint64_t turn;
    void (*then)(struct side *s);
};

static void
on_conn(struct wr_conn *c)
{
    struct side *s = c->session;

    s->events++;
    if (s->then != NULL) {
        s->then(s);
    }
}

static void
on_conn_timer(struct wr_conn *c)
{
    struct side *s = c->session;

    s->timeouts++;
    wr_loop_stop(loop);
}

static const struct wr_conn_owner owner = {.name = "test", .on_event = on_conn, .on_timer = on_conn_timer};

static void
side_take(struct side *s, const int fd[2], bool accepted)
{
    *s = (struct side){.fd = fd[1], .room = WR_BUF_BIG_BYTES};
    s->c = accepted ? wr_conn_accepted(loop, fd[0], &wr_transport_plain, &owner, s)
                    : wr_conn_new(loop, fd[0], &wr_transport_plain, &owner, s);
    turn();
}

/* Over a unix socket: what one end sends, the other has at once. */
static void
side_begin(struct side *s)
{
    int fd[2];

    pair(fd);
    side_take(s, fd, false);
}

static void
side_begin_late(struct side *s)
{
    int fd[2];

    pair(fd);
    side_take(s, fd, true);
}

static void
side_end(struct side *s)
{
    wr_conn_close(s->c);
    if (s->fd >= 0) {
        close(s->fd);
    }
    turn();
}

/* Bytes that show where one is missing or doubled. */
static char
pattern(size_t at)
{
    return (char)(at * 7 + at / 251);
}

static void
put_pattern(int fd, size_t from, size_t n)
{
    char bytes[4096];

    for (size_t done = 0; done < n;) {
        size_t part = WR_MIN(n - done, sizeof(bytes));
        for (size_t i = 0; i < part; i++) {
            bytes[i] = pattern(from + done + i);
        }
        ssize_t w = write(fd, bytes, part);
        if (w < 0) {
            tap_note("write: errno %d", errno);
            return;
        }
        done += (size_t)w;
    }
}

/* Whether what waits in c->in is the pattern from there on. */
static bool
in_is_pattern(const struct wr_conn *c, size_t from, size_t n)
{
    if (wr_conn_in_bytes(c) != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (c->in->data[c->in->r + i] != pattern(from + i)) {
            return false;
        }
    }
    return true;
}

/* ---- receiving ---- */

static void
test_recv_small(void)
{
    struct side s;

    side_begin(&s);
    struct wr_conn *c = s.c;
    tap_is_int(wr_conn_recv(c, WR_BUF_SMALL_BYTES), WR_IO_AGAIN, "nothing to receive");
    tap_ok(c->in == NULL && !wr_conn_can_recv(c), "an idle connection owns no buffer");
    put_pattern(s.fd, 0, 5);
    turn();
    tap_ok(wr_conn_can_recv(c), "bytes have come");
    tap_is_int(wr_conn_recv(c, WR_BUF_SMALL_BYTES), WR_IO_OK, "they are received");
    tap_ok(c->in->cap == WR_BUF_SMALL_BYTES && in_is_pattern(c, 0, 5), "into a small buffer, as asked");
    tap_ok(!c->ev.readable, "a short read: no more to be had");
    tap_is_int(wr_conn_recv(c, WR_BUF_SMALL_BYTES), WR_IO_AGAIN, "nothing more");
    tap_ok(in_is_pattern(c, 0, 5), "what waits stays");
    put_pattern(s.fd, 5, WR_BUF_SMALL_BYTES - 5);
    turn();
    wr_conn_recv(c, WR_BUF_SMALL_BYTES);
    if (wr_conn_in_bytes(c) < WR_BUF_SMALL_BYTES) {
        wr_conn_recv(c, WR_BUF_SMALL_BYTES);
    }
    tap_ok(in_is_pattern(c, 0, WR_BUF_SMALL_BYTES), "more goes behind it");
    put_pattern(s.fd, WR_BUF_SMALL_BYTES, 1);
    turn();
    tap_is_int(wr_conn_recv(c, WR_BUF_SMALL_BYTES), WR_IO_OK, "when the buffer is full there is another");
    tap_ok(in_is_pattern(c, 0, WR_BUF_SMALL_BYTES + 1), "with all that waited");
    side_end(&s);
}

static void
test_recv_large(void)
{
    struct wr_chain kept = WR_CHAIN_INIT(kept);
    struct side s;

    side_begin(&s);
    struct wr_conn *c = s.c;
    put_pattern(s.fd, 0, 50000);
    turn();
    tap_is_int(wr_conn_recv(c, WR_BUF_BIG_BYTES), WR_IO_OK, "more than a buffer holds");
    tap_ok(in_is_pattern(c, 0, WR_BUF_BIG_BYTES) && c->ev.readable, "fills it, and there is more to be had");
    c->in->r += 32000;
    tap_is_int(wr_conn_recv(c, WR_BUF_BIG_BYTES), WR_IO_OK, "the rest");
    tap_ok(in_is_pattern(c, 32000, 18000), "stands behind what was not consumed");
    wr_chain_add(&kept, c->in, c->in->data + c->in->r, 18000);
    c->in->r = c->in->w;
    put_pattern(s.fd, 50000, 30000);
    turn();
    while (wr_conn_recv(c, WR_BUF_BIG_BYTES) == WR_IO_OK) {
    }
    bool same = true;
    for (size_t i = 0; i < 18000; i++) {
        same = same && kept.first->p[i] == pattern(32000 + i);
    }
    tap_ok(same && in_is_pattern(c, 50000, 30000), "bytes that a chain holds are not overwritten");
    wr_chain_free(&kept);
    const struct wr_buf *before = c->in;
    c->in->r = c->in->w;
    put_pattern(s.fd, 80000, 10);
    turn();
    wr_conn_recv(c, WR_BUF_BIG_BYTES);
    tap_ok(c->in == before && in_is_pattern(c, 80000, 10), "a buffer that nobody else holds is used again");
    side_end(&s);
}

static void
test_eof(void)
{
    struct side s;

    side_begin(&s);
    struct wr_conn *c = s.c;
    put_pattern(s.fd, 0, 10);
    shutdown(s.fd, SHUT_WR);
    turn();
    tap_ok(c->ev.rdhup, "bytes and FIN in one event");
    tap_is_int(wr_conn_recv(c, 100), WR_IO_OK, "the bytes first");
    tap_ok(wr_conn_can_recv(c), "a short read is not the end when a FIN stands behind it");
    tap_is_int(wr_conn_recv(c, 100), WR_IO_EOF, "then the FIN");
    tap_ok(c->eof && !c->failed && !wr_conn_can_recv(c), "behind which nothing comes");
    tap_is_int(wr_conn_recv(c, 100), WR_IO_EOF, "it is told again");
    tap_ok(in_is_pattern(c, 0, 10), "the bytes still wait");
    side_end(&s);
}

static void
stop_side(struct side *s)
{
    (void)s;
    wr_loop_stop(loop);
}

static void
test_reset(void)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    struct side s;
    int fd[2];

    tcp_pair(fd);
    side_take(&s, fd, false);
    setsockopt(s.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(s.fd);
    s.fd = -1;
    s.then = stop_side;
    run_loop(2000);
    tap_is_int(wr_conn_recv(s.c, 100), WR_IO_ERR, "a reset is an error");
    tap_ok(s.c->failed && s.c->err == ECONNRESET && s.c->in == NULL, "which is remembered");
    side_end(&s);
    tcp_pair(fd);
    side_take(&s, fd, false);
    wr_conn_reset(s.c);
    char byte;
    ssize_t n = recv(s.fd, &byte, 1, 0);
    tap_ok(n < 0 && errno == ECONNRESET, "a conn can be reset, too");
    close(s.fd);
    turn();
}

/* ---- a share of the turn ---- */

static void
feed(struct side *s)
{
    static const char bytes[65536];

    while (send(s->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
}

/* Reads on for as long as there is anything; its peer sends whatever there is room for. */
static void
read_endless(struct side *s)
{
    if (s->turn != loop->turns) {
        s->turn = loop->turns;
        s->reads = 0;
    }
    size_t before = s->got;
    while (wr_conn_recv(s->c, s->room) == WR_IO_OK) {
        s->got += wr_conn_in_bytes(s->c);
        s->c->in->r = s->c->in->w;
        s->reads++;
        feed(s);
    }
    s->most_a_turn = WR_MAX(s->most_a_turn, s->got - before);
    s->most_reads = WR_MAX(s->most_reads, s->reads);
}

static void
test_share(void)
{
    struct side greedy, other;

    side_begin(&greedy);
    side_begin(&other);
    greedy.then = read_endless;
    feed(&greedy);
    put(other.fd, "x");
    unsigned events = other.events;
    turn();
    tap_is_int(other.events, events + 1, "who sends endlessly does not keep another's event away");
    tap_ok(greedy.got > 0 && greedy.most_a_turn < WR_CONN_TURN_BYTES + WR_BUF_BIG_BYTES,
           "it gets no more than its share of a turn: %zu bytes", greedy.most_a_turn);
    tap_ok(greedy.c->ev.more, "and comes again by itself");
    size_t got = greedy.got;
    for (unsigned i = 0; i < 10; i++) {
        turn();
    }
    tap_ok(greedy.got >= got + 10 * (size_t)WR_BUF_BIG_BYTES &&
               greedy.most_a_turn < WR_CONN_TURN_BYTES + WR_BUF_BIG_BYTES,
           "a share in each turn");
    wr_buf_unref(greedy.c->in);
    greedy.c->in = NULL;
    greedy.room = 1;
    greedy.most_reads = 0;
    for (unsigned i = 0; i < 10; i++) {
        turn();
    }
    tap_is_int(greedy.most_reads, WR_CONN_TURN_OPS, "small reads are counted, too");
    side_end(&greedy);
    side_end(&other);
}

/* ---- sending ---- */

static void
chain_pattern(struct wr_chain *ch, size_t from, size_t n)
{
    char bytes[4096];

    while (n > 0) {
        size_t part = WR_MIN(n, sizeof(bytes));
        for (size_t i = 0; i < part; i++) {
            bytes[i] = pattern(from + i);
        }
        wr_chain_copy(ch, bytes, part);
        from += part;
        n -= part;
    }
}

/* Reads at the other end what is there; false when it is not the pattern. */
static bool
take_pattern(struct side *s)
{
    static char bytes[65536];
    ssize_t n;

    while ((n = recv(s->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] != pattern(s->got + (size_t)i)) {
                return false;
            }
        }
        s->got += (size_t)n;
    }
    return true;
}

static void
test_send(bool late)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct side s;
    bool same = true;

    late ? side_begin_late(&s) : side_begin(&s);
    s.c->ev.readable = false;
    chain_pattern(&ch, 0, 10);
    tap_is_int(wr_conn_send(s.c, &ch), WR_IO_OK, "a little is sent at once%s", late ? ", of a late one" : "");
    tap_ok(s.c->sent_bytes == 10 && wr_chain_empty(&s.c->out) && wr_chain_empty(&ch), "and counted");
    chain_pattern(&ch, 10, MANY - 10);
    tap_is_int(wr_conn_send(s.c, &ch), WR_IO_AGAIN, "more than the socket takes");
    tap_ok(wr_chain_empty(&ch) && s.c->out.bytes == MANY - s.c->sent_bytes, "waits in the queue");
    tap_ok(!s.c->ev.writable && !s.c->ev.late, "until epoll tells");
    unsigned events = s.events;
    for (unsigned i = 0; i < 1000 && same && s.got < MANY; i++) {
        same = take_pattern(&s);
        turn();
    }
    tap_ok(same && s.got == MANY, "it goes on by itself when the other end reads, and arrives whole");
    tap_ok(s.events > events + 1, "the owner hears of it each time");
    tap_ok(wr_chain_empty(&s.c->out) && s.c->sent_bytes == MANY, "until all is sent");
    side_end(&s);
}

static void
test_queue(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct side s;

    side_begin(&s);
    chain_pattern(&ch, 0, 10);
    wr_conn_queue(s.c, &ch);
    turn();
    tap_ok(take_pattern(&s) && s.got == 0 && s.c->out.bytes == 10, "what is queued is not sent yet");
    chain_pattern(&ch, 10, 10);
    wr_conn_queue(s.c, &ch);
    tap_is_int(wr_conn_flush(s.c), WR_IO_OK, "but with what follows");
    tap_ok(take_pattern(&s) && s.got == 20, "in one piece");
    tap_is_int(wr_conn_flush(s.c), WR_IO_OK, "an empty queue is sent");
    side_end(&s);
}

static void
test_shutdown(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct side s;
    char byte;

    side_begin(&s);
    wr_conn_shutdown(s.c);
    tap_is_int(recv(s.fd, &byte, 1, MSG_DONTWAIT), 0, "nothing waits: the FIN goes at once");
    chain_pattern(&ch, 0, 10);
    wr_conn_send(s.c, &ch);
    tap_ok(wr_chain_empty(&ch) && wr_chain_empty(&s.c->out), "what is sent behind it is dropped");
    side_end(&s);

    side_begin(&s);
    chain_pattern(&ch, 0, MANY);
    wr_conn_send(s.c, &ch);
    wr_conn_shutdown(s.c);
    wr_conn_shutdown(s.c);
    bool same = true, early = false;
    for (unsigned i = 0; i < 1000 && same && s.got < MANY; i++) {
        same = take_pattern(&s);
        early = early || (s.got < MANY && recv(s.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0);
        turn();
    }
    tap_ok(same && !early, "what waits goes first");
    tap_is_int(recv(s.fd, &byte, 1, MSG_DONTWAIT), 0, "then the FIN");
    side_end(&s);
}

static void
test_send_fails(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    size_t at_start = wr_buf_in_use_bytes();
    struct side s;

    side_begin(&s);
    put(s.fd, "last words");
    close(s.fd);
    s.fd = -1;
    turn();
    chain_pattern(&ch, 0, 100000);
    tap_is_int(wr_conn_send(s.c, &ch), WR_IO_ERR, "nobody is there any more");
    tap_ok(s.c->failed && s.c->err == EPIPE, "which is remembered");
    tap_ok(wr_buf_in_use_bytes() == at_start && wr_chain_empty(&s.c->out), "nothing waits for him");
    chain_pattern(&ch, 0, 10);
    wr_conn_queue(s.c, &ch);
    tap_ok(wr_chain_empty(&ch) && wr_chain_empty(&s.c->out), "nor is anything queued");
    tap_is_int(wr_conn_flush(s.c), WR_IO_ERR, "and it stays so");
    tap_is_int(wr_conn_recv(s.c, 100), WR_IO_OK, "what he had sent before can be read");
    wr_conn_shutdown(s.c);
    side_end(&s);
}

/* ---- what waits ---- */

static void
test_unread(void)
{
    struct side s;
    char bytes[20];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = pattern(i);
    }
    side_begin(&s);
    wr_conn_unread(s.c, bytes, 0);
    tap_ok(s.c->in == NULL, "nothing put back is nothing");
    wr_conn_unread(s.c, bytes + 10, 10);
    tap_ok(in_is_pattern(s.c, 10, 10), "bytes that are put back are there again");
    s.c->in->r += 5;
    wr_conn_unread(s.c, bytes + 3, 12);
    tap_ok(in_is_pattern(s.c, 3, 17), "in front of those that wait");
    wr_conn_unread(s.c, bytes, 3);
    put_pattern(s.fd, 20, 5);
    turn();
    wr_conn_recv(s.c, 100);
    tap_ok(in_is_pattern(s.c, 0, 25), "and what is received goes behind them");
    side_end(&s);
}

static void
test_settle_in(void)
{
    struct side s;

    side_begin(&s);
    wr_conn_settle_in(s.c);
    tap_ok(s.c->in == NULL, "nothing to settle");
    put_pattern(s.fd, 0, 20000);
    turn();
    wr_conn_recv(s.c, WR_BUF_BIG_BYTES);
    const struct wr_buf *before = s.c->in;
    wr_conn_settle_in(s.c);
    tap_ok(s.c->in == before, "many bytes stay in a big buffer");
    s.c->in->r += 15000;
    wr_conn_settle_in(s.c);
    tap_ok(in_is_pattern(s.c, 15000, 5000) && s.c->in->cap <= 10000, "fewer move to one that fits");
    s.c->in->r += 4900;
    wr_conn_settle_in(s.c);
    tap_ok(in_is_pattern(s.c, 19900, 100) && s.c->in->cap == WR_BUF_SMALL_BYTES, "few to a small one");
    s.c->in->r = s.c->in->w;
    wr_conn_settle_in(s.c);
    tap_ok(s.c->in == NULL, "an empty one is given back");
    side_end(&s);
}

static void
test_quiet(void)
{
    struct side s;

    side_begin(&s);
    tap_ok(wr_conn_is_quiet(s.c), "a connection that nobody has sent on is quiet");
    s.c->ev.readable = true;
    tap_ok(wr_conn_is_quiet(s.c) && !s.c->ev.readable, "so when the flag says otherwise");
    put(s.fd, "x");
    turn();
    tap_ok(!wr_conn_is_quiet(s.c) && s.c->ev.readable, "not with a byte in the socket, which stays there");
    wr_conn_recv(s.c, 100);
    tap_ok(!wr_conn_is_quiet(s.c), "nor with one that was received");
    s.c->in->r = s.c->in->w;
    tap_ok(wr_conn_is_quiet(s.c), "when it is consumed it is quiet");
    shutdown(s.fd, SHUT_WR);
    turn();
    tap_ok(!wr_conn_is_quiet(s.c), "not with a FIN");
    side_end(&s);

    side_begin_late(&s);
    tap_ok(s.c->ev.late && wr_conn_is_quiet(s.c), "a late one that nobody has sent on is quiet");
    tap_ok(s.c->ev.late && wr_conn_is_quiet(s.c), "asked again, too");
    put(s.fd, "x");
    tap_ok(!wr_conn_is_quiet(s.c), "not with a byte that epoll has not told of");
    side_end(&s);

    side_begin_late(&s);
    wr_conn_is_quiet(s.c);
    shutdown(s.fd, SHUT_WR);
    tap_ok(!wr_conn_is_quiet(s.c), "nor with such a FIN");
    side_end(&s);

    side_begin(&s);
    s.c->failed = true;
    tap_ok(!wr_conn_is_quiet(s.c), "nor one that has failed");
    side_end(&s);
}

/* A transport whose socket holds bytes of its own, as TLS has: what a recv comes to, and what is left behind it. */
static struct {
    enum wr_io io;
    bool readable; /* the socket has more */
    bool pending;  /* the transport holds some */
    unsigned recvs;
} inner;

static enum wr_io
inner_recv(struct wr_conn *c, char *p, size_t n, size_t *got)
{
    inner.recvs++;
    c->ev.readable = inner.readable;
    c->eof = inner.io == WR_IO_EOF;
    c->failed = inner.io == WR_IO_ERR;
    if (inner.io == WR_IO_OK && n > 0) {
        *p = 'x';
        *got = 1;
    }
    return inner.io;
}

static bool
inner_pending(const struct wr_conn *c)
{
    (void)c;
    return inner.recvs > 0 && inner.pending;
}

/* Whether it is quiet when bytes have come and the transport makes that of them. */
static bool
inner_is_quiet(struct side *s, enum wr_io io, bool readable, bool pending)
{
    inner.io = io;
    inner.readable = readable;
    inner.pending = pending;
    inner.recvs = 0;
    s->c->ev.readable = true;
    return wr_conn_is_quiet(s->c);
}

static void
test_quiet_within(void)
{
    struct wr_transport t = wr_transport_plain;
    struct side s;

    t.plain = false;
    t.recv = inner_recv;
    t.pending = inner_pending;
    side_begin(&s);
    s.c->transport = &t;
    put(s.fd, "a ticket");
    turn();
    tap_ok(inner_is_quiet(&s, WR_IO_AGAIN, false, false), "bytes that are the transport's own are none");
    tap_is_int(inner.recvs, 1, "it was asked once");
    tap_ok(s.c->in == NULL && !s.c->ev.readable, "and no buffer is left behind");
    tap_ok(wr_conn_is_quiet(s.c) && inner.recvs == 1, "nor is it asked again");
    tap_ok(!inner_is_quiet(&s, WR_IO_AGAIN, true, false), "not quiet with more in the socket");
    tap_ok(!inner_is_quiet(&s, WR_IO_AGAIN, false, true), "nor with bytes within");
    tap_ok(!inner_is_quiet(&s, WR_IO_OK, false, false) && wr_conn_in_bytes(s.c) == 1,
           "nor with a byte for the owner, which is kept");
    s.c->in->r = s.c->in->w;
    s.c->turn = (uint16_t)loop->turns;
    s.c->turn_ops = WR_CONN_TURN_OPS;
    tap_ok(inner_is_quiet(&s, WR_IO_AGAIN, false, false) && inner.recvs == 1, "whatever the turn's share");
    tap_ok(!inner_is_quiet(&s, WR_IO_EOF, false, false) && s.c->eof, "nor behind the end");
    s.c->eof = false;
    tap_ok(!inner_is_quiet(&s, WR_IO_ERR, false, false) && s.c->failed, "nor behind a failure");
    s.c->transport = &wr_transport_plain;
    side_end(&s);

    side_begin_late(&s);
    s.c->transport = &t;
    inner = (typeof(inner)){.io = WR_IO_AGAIN};
    s.c->ev.readable = false;
    tap_ok(wr_conn_is_quiet(s.c) && inner.recvs == 1, "a late one is always asked");
    s.c->transport = &wr_transport_plain;
    side_end(&s);
}

/* ---- the rest ---- */

static void
test_accepted(void)
{
    struct side s;

    side_begin_late(&s);
    tap_is_int(s.events, 1, "one that was just accepted has its first event in the same turn");
    tap_is_int(wr_conn_recv(s.c, 100), WR_IO_AGAIN, "its owner finds nothing");
    tap_ok(!s.c->ev.late, "and waits: it is watched");
    put(s.fd, "x");
    turn();
    tap_ok(wr_conn_can_recv(s.c), "a byte is told in the next turn");
    side_end(&s);

    side_begin_late(&s);
    wr_conn_watch(s.c);
    tap_ok(!s.c->ev.late, "an owner may watch without reading");
    side_end(&s);
}

static void
close_other(struct side *s)
{
    struct side *other = s + 1;

    wr_conn_close(other->c);
    other->c = NULL;
}

static void
test_close(void)
{
    struct side s[2];
    uint32_t count = wr_conn_count();
    size_t in_use = wr_buf_in_use_bytes();

    side_begin(&s[0]);
    side_begin(&s[1]);
    tap_is_int(wr_conn_count(), count + 2, "two more");
    tap_ok(s[1].c->id > s[0].c->id, "each with a number of its own");
    put(s[0].fd, "x");
    put(s[1].fd, "x");
    wr_conn_unread(s[1].c, "waits", 5);
    unsigned events = s[1].events;
    s[0].then = close_other;
    turn();
    s[0].then = NULL;
    tap_is_int(s[1].events, events, "one that was closed in the batch of its event is not called");
    tap_is_int(wr_conn_count(), count + 1, "it counts no more");
    char byte;
    tap_ok(recv(s[1].fd, &byte, 1, MSG_DONTWAIT) <= 0, "and its socket is closed");
    close(s[1].fd);
    side_end(&s[0]);
    tap_is_int(wr_buf_in_use_bytes(), in_use, "no buffer is left behind");
}

static void
test_hung_up(void)
{
    struct side s;

    side_begin(&s);
    tap_ok(!wr_conn_hung_up(s.c), "a peer that is there has not hung up");
    shutdown(s.fd, SHUT_WR);
    turn();
    tap_ok(!wr_conn_hung_up(s.c), "one that has sent FIN may wait for its answer");
    wr_conn_probe(s.c);
    close(s.fd);
    s.fd = -1;
    tap_ok(wr_conn_hung_up(s.c), "one that has closed its unix socket is gone");
    side_end(&s);
}

static void
test_timer(void)
{
    struct side s;

    side_begin(&s);
    wr_conn_timer(s.c, wr_clock.mono_ms + 10);
    run_loop(2000);
    tap_is_int(s.timeouts, 1, "the owner's timer");
    wr_conn_timer(s.c, wr_clock.mono_ms + 10);
    side_end(&s);
    tap_is_int(loop->wheel.count, 0, "goes with the connection");
}

static void
test_splice(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_pipe *taken[WR_PIPES_MOST];
    struct side from, to;
    bool no_pipe;
    unsigned n = 0;

    side_begin(&from);
    side_begin(&to);
    tap_is_int(wr_conn_splice(from.c, &ch, 1000, &no_pipe), WR_IO_AGAIN, "nothing to splice");
    tap_ok(!no_pipe, "for which it took no pipe");
    put_pattern(from.fd, 0, 1500);
    turn();
    tap_is_int(wr_conn_splice(from.c, &ch, 1000, &no_pipe), WR_IO_OK, "bytes into a pipe");
    tap_ok(ch.bytes == 1000 && ch.first->kind == WR_SLICE_PIPE, "no more than asked for");
    tap_is_int(wr_conn_send(to.c, &ch), WR_IO_OK, "and out of it");
    tap_ok(take_pattern(&to) && to.got == 1000, "the same bytes");
    while (n < WR_PIPES_MOST && (taken[n] = wr_pipe_take()) != NULL) {
        n++;
    }
    tap_is_int(wr_conn_splice(from.c, &ch, 1000, &no_pipe), WR_IO_AGAIN, "without a pipe");
    tap_ok(no_pipe && ch.bytes == 0, "it says so");
    while (n > 0) {
        wr_pipe_give(taken[--n]);
    }
    tap_is_int(wr_conn_recv(from.c, 1000), WR_IO_OK, "the bytes can be received as well");
    shutdown(from.fd, SHUT_WR);
    turn();
    tap_is_int(wr_conn_splice(from.c, &ch, 1000, &no_pipe), WR_IO_EOF, "the FIN is seen");
    tap_ok(!no_pipe && ch.bytes == 0 && from.c->eof, "and remembered");
    side_end(&from);
    side_end(&to);
    wr_pipe_trim();
}

int
main(void)
{
    loop = wr_loop_new();
    test_recv_small();
    test_recv_large();
    test_eof();
    test_reset();
    test_share();
    test_send(false);
    test_send(true);
    test_queue();
    test_shutdown();
    test_send_fails();
    test_unread();
    test_settle_in();
    test_quiet();
    test_quiet_within();
    test_accepted();
    test_close();
    test_hung_up();
    test_timer();
    test_splice();
    tap_is_int(wr_conn_count(), 0, "none is left");
    wr_conn_trim();
    wr_loop_free(loop);
    return tap_done();
}
