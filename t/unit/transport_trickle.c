/* t/lib/transport_trickle: it splits, holds back and loses nothing, or the tests that use it are worth little. */
#include "t/lib/transport_trickle.c"

#include <fcntl.h>

#include "t/unit/loop_probe.h"

#define MEM_BYTES 3000
#define SHM_BYTES 2000
#define FILE_BYTES 4000
#define FILE_AT 123
#define SUM_BYTES (MEM_BYTES + SHM_BYTES + FILE_BYTES)

static char text[FILE_AT + SUM_BYTES + 1];

struct end {
    struct wr_conn *c;
    char got[SUM_BYTES];
    size_t n;
    size_t most; /* bytes of one recv */
    unsigned again;
    bool held; /* bytes waited inside that epoll knows nothing of */
    bool eof;
    size_t wanted; /* stops the loop */
};

static void
on_end(struct wr_conn *c)
{
    struct end *e = c->session;

    for (;;) {
        enum wr_io io = wr_conn_recv(c, WR_BUF_BIG_BYTES);
        size_t n = wr_conn_in_bytes(c);
        e->held = e->held || (c->transport->pending(c) && !c->ev.readable);
        if (io != WR_IO_OK) {
            e->again += io == WR_IO_AGAIN;
            e->eof = e->eof || io == WR_IO_EOF;
            break;
        }
        for (size_t i = 0; i < n; i++) {
            e->got[(e->n + i) % SUM_BYTES] = c->in->data[c->in->r + i];
        }
        c->in->r = c->in->w;
        e->n += n;
        e->most = WR_MAX(e->most, n);
    }
    if (e->n >= e->wanted || e->eof || c->failed) {
        wr_loop_stop(loop);
    }
}

static void
on_end_timer(struct wr_conn *c)
{
    (void)c;
}

static const struct wr_conn_owner owner = {.name = "end", .on_event = on_end, .on_timer = on_end_timer};

static void
begin(struct end e[2])
{
    int fd[2];

    pair(fd);
    for (unsigned i = 0; i < 2; i++) {
        memset(&e[i], 0, sizeof(e[i]));
        e[i].wanted = SIZE_MAX;
        e[i].c = wr_conn_new(loop, fd[i], &wr_transport_plain, &owner, &e[i]);
    }
    turn();
}

static void
end(struct end e[2])
{
    wr_conn_close(e[0].c);
    wr_conn_close(e[1].c);
    turn();
}

static unsigned unpinned;

static void
unpin(void *arg)
{
    (void)arg;
    unpinned++;
}

static void
push(struct wr_chain *ch, enum wr_slice_kind kind, const char *p, int fd, size_t n)
{
    struct wr_slice *s = wr_slice_new(kind);

    s->p = p;
    s->fd = fd;
    s->off = fd >= 0 ? FILE_AT : 0;
    s->n = n;
    s->unpin = unpin;
    wr_chain_push(ch, s);
}

static int
text_file(void)
{
    FILE *f = tmpfile();
    int fd = f ? fcntl(fileno(f), F_DUPFD_CLOEXEC, 0) : -1;

    if (fd < 0 || fclose(f) != 0 || pwrite(fd, text, sizeof(text), 0) != (ssize_t)sizeof(text)) {
        exit(1);
    }
    return fd;
}

/* Every kind of slice that it may be given. */
static void
test_slices(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct end e[2];
    char want[SUM_BYTES];
    int fd = text_file();

    begin(e);
    e[1].wanted = SUM_BYTES;
    wr_chain_copy(&ch, text, MEM_BYTES);
    push(&ch, WR_SLICE_SHM, text + 10, -1, SHM_BYTES);
    push(&ch, WR_SLICE_FILE, NULL, fd, FILE_BYTES);
    memcpy(want, text, MEM_BYTES);
    memcpy(want + MEM_BYTES, text + 10, SHM_BYTES);
    memcpy(want + MEM_BYTES + SHM_BYTES, text + FILE_AT, FILE_BYTES);
    tap_is_int(wr_conn_send(e[0].c, &ch), WR_IO_AGAIN, "one send takes a little");
    tap_ok(e[0].c->sent_bytes <= TRICKLE_SEND_MOST && !e[0].c->ev.writable,
           "and calls the socket full, which it is not");
    wr_conn_shutdown(e[0].c);
    run_loop(20000);
    tap_ok(e[1].n == SUM_BYTES && memcmp(e[1].got, want, SUM_BYTES) == 0,
           "bytes of memory, of a segment and of a file arrive whole, though nobody else moves the loop");
    tap_is_int(unpinned, 2, "each slice is let go of once");
    tap_ok(e[1].most <= TRICKLE_RECV_MOST, "%zu bytes at most in a recv", e[1].most);
    tap_ok(e[1].held && e[1].again > SUM_BYTES / 100, "bytes wait inside, and recv makes one wait for them");
    e[1].wanted = SIZE_MAX;
    if (!e[1].eof) {
        run_loop(20000);
    }
    tap_ok(e[1].eof && e[1].n == SUM_BYTES, "the FIN comes behind them");
    end(e);
    close(fd);
}

static void
test_long(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct end e[2];
    size_t sum = 0;

    begin(e);
    while (sum < 4 * TRICKLE_LONG_BYTES) {
        wr_chain_add(&ch, NULL, text, SUM_BYTES);
        sum += SUM_BYTES;
    }
    e[1].wanted = sum;
    wr_conn_send(e[0].c, &ch);
    run_loop(60000);
    tap_is_int(e[1].n, sum, "a long stream arrives whole");
    tap_ok(e[1].most > TRICKLE_RECV_MOST && memcmp(e[1].got, text, SUM_BYTES) == 0,
           "its end in larger pieces");
    end(e);
}

static void
test_quiet(void)
{
    struct end e[2];

    begin(e);
    tap_ok(wr_conn_is_quiet(e[1].c), "quiet");
    put(e[0].c->ev.fd, "abcdefgh");
    struct wr_conn *c = e[1].c;
    c->ev.readable = true;
    tap_is_int(wr_conn_recv(c, 100), WR_IO_AGAIN, "what has just come out of the socket is held back");
    tap_ok(!c->ev.readable && wr_conn_can_recv(c), "it can be received, although the socket is empty");
    tap_ok(!wr_conn_is_quiet(c), "which is not quiet");
    e[1].wanted = 8;
    run_loop(20000);
    tap_ok(e[1].n == 8 && wr_conn_is_quiet(c), "until it was received");
    end(e);
}

static void
test_errors(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct end e[2];
    int fd = text_file();

    begin(e);
    push(&ch, WR_SLICE_FILE, NULL, fd, FILE_BYTES);
    if (ftruncate(fd, FILE_AT + 100) < 0) {
        exit(1);
    }
    wr_conn_send(e[0].c, &ch);
    run_loop(20000);
    e[1].wanted = 100;
    if (e[1].n < 100) {
        run_loop(20000);
    }
    tap_ok(e[0].c->failed && e[0].c->err == EIO && e[1].n == 100, "a file that shrank is an error");
    end(e);
    close(fd);

    begin(e);
    wr_chain_add(&ch, NULL, text, 100);
    wr_conn_send(e[0].c, &ch);
    end(e);
    tap_ok(wr_list_empty(&loop->run), "one that is closed while it waits leaves nothing behind");

    begin(e);
    wr_conn_close(e[1].c);
    e[0].c->ev.rdhup = false;
    enum wr_io io = WR_IO_AGAIN;
    for (unsigned i = 0; i < 100 && io != WR_IO_ERR; i++) {
        e[0].c->ev.writable = true;
        wr_chain_add(&ch, NULL, text, 10);
        io = wr_conn_send(e[0].c, &ch);
    }
    tap_ok(io == WR_IO_ERR && e[0].c->err == EPIPE, "nobody is there any more");
    wr_conn_close(e[0].c);
    turn();
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)(i * 7 + i / 251);
    }
    loop = wr_loop_new();
    tap_ok(!wr_transport_plain.plain, "it says that bytes on the wire cannot be spliced");
    test_slices();
    test_long();
    test_quiet();
    test_errors();
    tap_is_int(wr_conn_count(), 0, "no connection is left");
    wr_conn_trim();
    wr_loop_free(loop);
    return tap_done();
}
