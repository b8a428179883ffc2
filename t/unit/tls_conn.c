/* modules/tls/tls_conn: bytes both ways behind the handshake, and all that may come beside them. */
#include "t/unit/tls_link.h"

#include <fcntl.h>

#define CONN_ALERT_CLOSE 0
#define CONN_ALERT_UNEXPECTED 10
#define CONN_ALERT_BAD_MAC 20
#define CONN_ALERT_NO_RENEGOTIATION 100

static const char *
conn_what(const struct link_wish *w)
{
    return w->client ? (w->v13 ? "client, TLS 1.3" : "client, TLS 1.2")
                     : (w->v13 ? "server, TLS 1.3" : "server, TLS 1.2");
}

/* The four kinds of connection. */
static struct link_wish
conn_wish(unsigned i)
{
    return (struct link_wish){.client = i % 2 != 0, .v13 = i / 2 % 2 != 0};
}

/* A connection of which the test makes the peer's records, and nothing of weir's is held back. */
static void
conn_raw(struct link *l, const struct link_wish *w)
{
    link_shake(l, w);
    wr_tls_flush_control(l->t); /* tickets */
    link_raw(l);
}

static void
conn_send(struct link *l, const char *text)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    wr_chain_copy(&ch, text, strlen(text));
    wr_conn_send(l->c, &ch);
}

/* Whether data of the peer's arrive. */
static bool
conn_hears(struct link *l)
{
    size_t at = l->got_n;

    link_say(l, WR_TLS_DATA, "data", 4);
    return l->got_n == at + 4 && memcmp(l->got + at, "data", 4) == 0 && l->io != WR_IO_ERR;
}

/* Whether weir's data arrive; records of handshakes (tickets) before them are passed over. */
static bool
conn_speaks(struct link *l)
{
    static uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;
    bool came;

    conn_send(l, "weir");
    do {
        came = link_next(l, out, &data);
    } while (came && data.type == WR_TLS_HANDSHAKE && data.p[0] == 4);
    return came && data.type == WR_TLS_DATA && data.n == 4 && memcmp(data.p, "weir", 4) == 0;
}

static bool
conn_refused(struct link *l, uint8_t alert)
{
    static uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;
    bool came;

    do {
        came = link_next(l, out, &data);
    } while (came && data.type == WR_TLS_HANDSHAKE && data.p[0] == 4);
    return l->io == WR_IO_ERR && l->c->failed && l->c->err == EPROTO && came && data.type == WR_TLS_ALERT &&
        data.n == 2 && data.p[0] == 2 && data.p[1] == alert && !link_next(l, out, &data);
}

/* ---- data ---- */

static void
conn_receive(struct link *l, size_t n, size_t room)
{
    uint8_t *p = malloc(n);

    link_fill(p, n, (unsigned)n);
    l->room = room;
    l->got_n = 0;
    if (n > 0) {
        SSL_write(l->p.ssl, p, (int)n);
    }
    link_run(l);
    tap_ok(l->got_n == n && memcmp(l->got, p, n) == 0, "%zu bytes are received, %zu at a time", n, room);
    free(p);
}

static void
conn_transmit(struct link *l, size_t n)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    uint8_t *p = malloc(n);

    link_fill(p, n, (unsigned)n + 1);
    l->heard_n = 0;
    for (size_t at = 0, part = 1; at < n; at += part, part = part * 3 % 20011 + 1) {
        part = WR_MIN(part, n - at);
        wr_chain_add(&ch, NULL, (const char *)p + at, part);
    }
    wr_conn_send(l->c, &ch);
    link_run(l);
    tap_ok(l->heard_n == n && memcmp(l->heard, p, n) == 0 && wr_chain_empty(&l->c->out),
           "%zu bytes are sent, out of slices", n);
    free(p);
}

static void
test_data(void)
{
    static const size_t sizes[] = {0, 1, 999, 16384, 16385, 100000, LINK_BYTES};
    static const size_t rooms[] = {1, 1000, 16384, 32768};
    struct link l;

    for (unsigned i = 0; i < 4 * WR_TLS_AEADS; i++) {
        struct link_wish w = conn_wish(i);
        w.aead = i / 4;
        link_shake(&l, &w);
        tap_note("%s, %s", w.client ? "client" : "server", ssl_peer_suites[w.v13][w.aead]);
        conn_transmit(&l, 1);
        for (unsigned s = 0; s < WR_ARRAY_LEN(sizes); s++) {
            conn_transmit(&l, sizes[s]);
            for (unsigned r = 0; r < WR_ARRAY_LEN(rooms); r++) {
                /* all rooms once, and all sizes in the one that is used */
                if (w.aead == 0 || rooms[r] == 32768) {
                    conn_receive(&l, sizes[s], rooms[r]);
                }
            }
        }
        link_close(&l);
    }
}

/* In the pieces of a slow network, both ends at once. */
static void
test_both(void)
{
    struct link l;
    uint8_t *p = malloc(200000);

    link_fill(p, 200000, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        link_shake(&l, &w);
        conn_transmit(&l, 1);
        l.heard_n = 0;
        l.piece = 777;
        wr_chain_add(&ch, NULL, (const char *)p, 200000);
        SSL_write(l.p.ssl, p, 100000);
        wr_conn_send(l.c, &ch);
        SSL_write(l.p.ssl, p + 100000, 100000);
        link_run(&l);
        tap_ok(l.got_n == 200000 && memcmp(l.got, p, 200000) == 0 && l.heard_n == 200000 &&
                   memcmp(l.heard, p, 200000) == 0,
               "%s: both ways at once, in pieces", conn_what(&w));
        link_close(&l);
    }
    free(p);
}

/* A conn's own receiving: buffers, and its share of a turn. */
static void
test_conn_recv(void)
{
    struct link_wish w = {.v13 = true};
    struct link l;
    static uint8_t p[100000];

    link_fill(p, sizeof(p), 5);
    link_shake(&l, &w);
    l.holds = true;
    SSL_write(l.p.ssl, p, sizeof(p));
    while (link_push(&l)) {
    }
    size_t sum = 0;
    bool same = true;
    for (unsigned i = 0; i < 100 && sum < sizeof(p); i++) {
        while (wr_conn_recv(l.c, WR_BUF_BIG_BYTES) == WR_IO_OK) {
            size_t n = wr_conn_in_bytes(l.c);
            same = same && memcmp(l.c->in->data + l.c->in->r, p + sum, n) == 0;
            sum += n;
            l.c->in->r = l.c->in->w;
        }
        turn();
    }
    tap_ok(same && sum == sizeof(p), "into the buffers of the connection");
    tap_ok(l.t->raw == NULL && l.t->plain == NULL && wr_conn_is_quiet(l.c), "and nothing is left inside");
    link_close(&l);
}

/* Every size that is odd, empty ones too. */
static void
test_odd_records(void)
{
    static uint8_t p[70000];
    struct link l;

    link_fill(p, sizeof(p), 3);
    for (unsigned i = 0; i < 8; i++) {
        struct link_wish w = conn_wish(i);
        size_t at = 0, part = 0;
        conn_raw(&l, &w);
        l.room = i < 4 ? 32768 : 700;
        for (unsigned k = 0; at < sizeof(p); k++, part = (part * 5 + k * 7 + 1) % 1500) {
            part = WR_MIN(k % 3 == 2 ? 0 : part, sizeof(p) - at);
            link_say(&l, WR_TLS_DATA, p + at, part);
            at += part;
        }
        link_say(&l, WR_TLS_DATA, p, WR_TLS_PLAIN_BYTES);
        turn();
        for (unsigned k = 0; k < 100 && l.got_n < at + WR_TLS_PLAIN_BYTES; k++) {
            turn();
        }
        tap_ok(l.got_n == at + WR_TLS_PLAIN_BYTES && memcmp(l.got, p, at) == 0 &&
                   memcmp(l.got + at, p, WR_TLS_PLAIN_BYTES) == 0,
               "%s: records of all sizes, %zu bytes at a time", conn_what(&w), l.room);
        tap_ok(conn_speaks(&l), "%s: and the other way", conn_what(&w));
        link_close(&l);
    }
}

/* TLS 1.3: zeros behind the data. */
static void
test_padded_records(void)
{
    static uint8_t inner[3000];
    struct link_wish w = {.v13 = true};
    struct link l;

    conn_raw(&l, &w);
    memcpy(inner, "padded", 6);
    inner[6] = WR_TLS_DATA;
    link_say(&l, 0, inner, sizeof(inner)); /* the type that is given stands behind them: another zero */
    tap_ok(l.got_n == 6 && memcmp(l.got, "padded", 6) == 0, "a record with padding");
    memset(inner, 0, sizeof(inner));
    inner[0] = WR_TLS_DATA;
    for (unsigned i = 0; i < 32; i++) {
        link_say(&l, 0, inner, sizeof(inner));
    }
    tap_ok(conn_hears(&l), "nothing but padding is an empty record");
    inner[0] = 0;
    link_say(&l, 0, inner, sizeof(inner));
    tap_ok(conn_refused(&l, CONN_ALERT_BAD_MAC), "a record without a type is refused");
    link_close(&l);
}

static void
test_empty_records(void)
{
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        for (unsigned k = 0; k < 32; k++) {
            link_say(&l, WR_TLS_DATA, "", 0);
        }
        tap_ok(conn_hears(&l), "%s: 32 empty records in a row", conn_what(&w));
        for (unsigned k = 0; k < 32; k++) {
            link_say(&l, WR_TLS_DATA, "", 0);
        }
        tap_ok(l.io == WR_IO_AGAIN, "%s: and 32 more", conn_what(&w));
        link_say(&l, WR_TLS_DATA, "", 0);
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: 33 are refused", conn_what(&w));
        link_close(&l);
    }
}

/* ---- sending ---- */

/* The sizes of the data records that weir sends. */
static unsigned
conn_sizes(struct link *l, size_t *sizes, unsigned most)
{
    static uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;
    unsigned n = 0;

    while (n < most && link_next(l, out, &data)) {
        if (data.type == WR_TLS_DATA) {
            sizes[n++] = data.n;
        }
    }
    return n;
}

static void
test_record_sizes(void)
{
    static char bytes[60000];
    struct link_wish w = {.v13 = true};
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    size_t sizes[20];
    struct link l;

    conn_raw(&l, &w);
    wr_clock_update();
    l.t->sent_ms = wr_clock.mono_ms;
    wr_chain_add(&ch, NULL, bytes, sizeof(bytes));
    wr_conn_send(l.c, &ch);
    unsigned n = conn_sizes(&l, sizes, 20);
    tap_ok(n > 6 && sizes[0] < 1400 && sizes[1] < 1400 && sizes[2] < 1400 &&
               sizes[n - 2] == WR_TLS_PLAIN_BYTES,
           "the first records of a burst are short, those behind them long (%u records)", n);
    wr_chain_add(&ch, NULL, bytes, 5000);
    wr_conn_send(l.c, &ch);
    n = conn_sizes(&l, sizes, 20);
    tap_ok(n == 1 && sizes[0] == 5000, "so long as it is not quiet");
    l.t->sent_ms -= 1001;
    wr_chain_add(&ch, NULL, bytes, 5000);
    wr_conn_send(l.c, &ch);
    n = conn_sizes(&l, sizes, 20);
    tap_ok(n > 3 && sizes[0] < 1400, "after a pause there are short ones again");
    link_close(&l);
}

static int
conn_file(const uint8_t *p, size_t n)
{
    FILE *f = tmpfile();
    int fd = f != NULL ? fcntl(fileno(f), F_DUPFD_CLOEXEC, 0) : -1;

    if (fd < 0 || fclose(f) != 0 || pwrite(fd, p, n, 0) != (ssize_t)n) {
        exit(1);
    }
    return fd;
}

static void
conn_push(struct wr_chain *ch, enum wr_slice_kind kind, const uint8_t *p, int fd, size_t off, size_t n)
{
    struct wr_slice *s = wr_slice_new(kind);

    s->p = (const char *)p;
    s->fd = fd;
    s->off = (off_t)off;
    s->n = n;
    wr_chain_push(ch, s);
}

/* A peer that does not read, then reads a little: what it has not got stays in c->out. */
static void
conn_slow(const struct link_wish *w, bool file)
{
    static uint8_t p[600000], bytes[5000];
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct link l;
    int few = 20000, fd = conn_file(p, 0);
    bool kept = true, quiet = true;

    link_fill(p, sizeof(p), 9);
    link_shake(&l, w);
    conn_transmit(&l, 1);
    l.heard_n = 0;
    setsockopt(l.c->ev.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
    if (file) {
        wr_assert(pwrite(fd, p, sizeof(p), 0) == (ssize_t)sizeof(p));
        conn_push(&ch, WR_SLICE_MEM, p, -1, 0, 1000);
        conn_push(&ch, WR_SLICE_FILE, NULL, fd, 1000, sizeof(p) - 3000);
        conn_push(&ch, WR_SLICE_SHM, p + sizeof(p) - 2000, -1, 0, 2000);
    } else {
        for (size_t at = 0; at < sizeof(p); at += 20000) {
            wr_chain_copy(&ch, (const char *)p + at, 20000);
        }
    }
    tap_is_int(wr_conn_send(l.c, &ch), WR_IO_AGAIN, "%s: a peer that does not read", conn_what(w));
    tap_ok(l.t->flight != NULL && !l.c->ev.writable, "part of a flight waits");
    for (unsigned i = 0; i < 10000 && l.heard_n < sizeof(p) && quiet; i++) {
        ssize_t n = recv(l.fd, bytes, 1 + i * 13 % sizeof(bytes), MSG_DONTWAIT);
        ssl_peer_give(&l.p, bytes, n > 0 ? (size_t)n : 0);
        link_hear(&l);
        kept = kept && l.c->out.bytes + l.heard_n + 70000 >= sizeof(p) &&
            l.c->out.bytes + l.heard_n <= sizeof(p) + 70000;
        kept =
            kept && (l.t->flight == NULL || (l.c->out.bytes >= l.t->flight_plain && l.t->flight_plain > 0));
        turn();
        quiet = l.io == WR_IO_AGAIN;
    }
    tap_ok(kept, "what it has not got stays, what is in flight too");
    tap_ok(l.heard_n == sizeof(p) && memcmp(l.heard, p, sizeof(p)) == 0, "all arrives");
    tap_ok(wr_chain_empty(&l.c->out) && l.t->flight == NULL && quiet, "and nothing is left");
    conn_receive(&l, 1000, 32768);
    conn_transmit(&l, 1000);
    link_close(&l);
    close(fd);
}

static void
test_slow(void)
{
    for (unsigned i = 0; i < 8; i++) {
        struct link_wish w = conn_wish(i);
        conn_slow(&w, i >= 4);
    }
}

/* Control of all kinds keeps its place before the data, though the socket is full. */
static void
test_slow_control(void)
{
    static char bytes[100000];
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct link_wish w = {.v13 = true};
    struct link l;
    int few = 5000;

    link_shake(&l, &w);
    setsockopt(l.c->ev.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
    wr_chain_add(&ch, NULL, bytes, sizeof(bytes));
    wr_conn_send(l.c, &ch);
    tap_ok(l.t->flight != NULL, "a full socket");
    for (unsigned i = 0; i < 5; i++) {
        SSL_key_update(l.p.ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_write(l.p.ssl, "x", 1);
        while (link_push(&l)) {
        }
    }
    tap_ok(l.got_n == 5 && l.t->control.bytes > 100, "updates of keys are asked for meanwhile");
    wr_chain_add(&ch, NULL, bytes, sizeof(bytes));
    wr_conn_send(l.c, &ch);
    link_run(&l);
    tap_is_int(l.heard_n, 2 * sizeof(bytes), "all arrives, each record under its key");
    conn_receive(&l, 1000, 32768);
    link_close(&l);
}

static void
test_file_shrinks(void)
{
    static uint8_t p[50000];
    struct link_wish w = {.v13 = true};
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct link l;
    int fd = conn_file(p, sizeof(p));

    link_shake(&l, &w);
    if (ftruncate(fd, 20000) != 0) {
        exit(1);
    }
    conn_push(&ch, WR_SLICE_FILE, NULL, fd, 0, sizeof(p));
    tap_is_int(wr_conn_send(l.c, &ch), WR_IO_ERR, "a file that shrank is an error");
    tap_ok(l.c->failed && l.c->err == EIO && wr_chain_empty(&l.c->out), "which is remembered");
    link_run(&l);
    tap_is_int(l.heard_n, 20000, "what was there arrives");
    link_close(&l);
    close(fd);
}

static void
test_send_fails(void)
{
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        link_shake(&l, &w);
        l.holds = true;
        close(l.fd);
        l.fd = -1;
        turn();
        conn_send(&l, "weir");
        tap_ok(l.c->failed && l.c->err == EPIPE && wr_chain_empty(&l.c->out), "%s: nobody is there any more",
               conn_what(&w));
        link_close(&l);
    }
}

/* ---- updates of keys ---- */

static void
conn_update(struct link *l, bool tx)
{
    struct wr_tls_secret *s = &l->p.secret[tx ? l->p.server : !l->p.server];

    wr_assert(wr_tls_schedule_update(&world.shop.kit, tx ? &l->tx : &l->rx, l->t->aead, s));
}

static const uint8_t conn_update_quiet[5] = {24, 0, 0, 1, 0}, conn_update_asks[5] = {24, 0, 0, 1, 1};

static void
test_updates(void)
{
    uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;
    struct link l;

    for (unsigned i = 2; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        while (link_next(&l, out, &data)) {
        }
        link_say(&l, WR_TLS_HANDSHAKE, conn_update_quiet, 5);
        conn_update(&l, true);
        tap_ok(conn_hears(&l), "%s: the peer's key changes", conn_what(&w));
        tap_ok(wr_chain_empty(&l.t->control) && conn_speaks(&l), "%s: and weir's stays", conn_what(&w));
        link_say(&l, WR_TLS_HANDSHAKE, conn_update_asks, 5);
        conn_update(&l, true);
        tap_ok(conn_hears(&l), "%s: it changes again, and asks for weir's to", conn_what(&w));
        conn_send(&l, "weir");
        tap_ok(link_next(&l, out, &data) && data.type == WR_TLS_HANDSHAKE && data.n == 5 &&
                   memcmp(data.p, conn_update_quiet, 5) == 0,
               "%s: weir's changes, before data", conn_what(&w));
        conn_update(&l, false);
        tap_ok(link_next(&l, out, &data) && data.type == WR_TLS_DATA && data.n == 4 && l.rx.seq == 1,
               "%s: which are under the new one", conn_what(&w));
        link_close(&l);
    }
}

/* OpenSSL is of the same mind about them. */
static void
test_updates_openssl(void)
{
    struct link l;

    for (unsigned i = 2; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        w.aead = i - 1;
        link_shake(&l, &w);
        conn_transmit(&l, 100);
        for (unsigned k = 0; k < 6; k++) {
            SSL_key_update(l.p.ssl, k % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
            conn_receive(&l, 5000, 32768);
            conn_transmit(&l, 30000);
        }
        link_close(&l);
    }
}

/* A client's OpenSSL object is still there for tickets when the first of them comes. */
static void
test_update_before_data(void)
{
    struct link l;

    for (unsigned i = 0; i < 2; i++) {
        struct link_wish w = {.client = true, .v13 = true};
        conn_raw(&l, &w);
        tap_ok(l.t->ssl != NULL, "no data yet");
        link_say(&l, WR_TLS_HANDSHAKE, i == 0 ? conn_update_quiet : conn_update_asks, 5);
        conn_update(&l, true);
        link_say(&l, WR_TLS_HANDSHAKE, conn_update_quiet, 5);
        conn_update(&l, true);
        tap_ok(conn_hears(&l), "keys change before there are any");
        uint8_t out[WR_TLS_RECORD_BYTES];
        struct wr_tls_opened data;
        if (i == 1) {
            conn_send(&l, "x");
            tap_ok(link_next(&l, out, &data) && data.type == WR_TLS_HANDSHAKE && data.n == 5, "one answer");
            conn_update(&l, false);
            tap_ok(link_next(&l, out, &data) && data.type == WR_TLS_DATA && data.n == 1, "and data");
        }
        tap_ok(conn_speaks(&l), "no more is said than is asked for");
        link_close(&l);
    }
}

static void
test_many_updates(void)
{
    static uint8_t megabyte[WR_TLS_PLAIN_BYTES];
    struct link l;

    for (unsigned i = 2; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        for (unsigned k = 0; k < 32; k++) {
            link_say(&l, WR_TLS_HANDSHAKE, conn_update_quiet, 5);
            conn_update(&l, true);
        }
        for (unsigned k = 0; k < 64; k++) {
            link_say(&l, WR_TLS_DATA, megabyte, sizeof(megabyte));
            l.got_n = 0;
        }
        tap_ok(conn_hears(&l), "%s: 32 updates, and data that make up for them", conn_what(&w));
        for (unsigned k = 0; k < 32; k++) {
            link_say(&l, WR_TLS_HANDSHAKE, conn_update_asks, 5);
            conn_update(&l, true);
            conn_hears(&l);
        }
        tap_ok(conn_hears(&l), "%s: 32 more, with little between", conn_what(&w));
        tap_ok(l.t->control.bytes <= WR_TLS_CONTROL_BYTES, "%s: the answers are bounded", conn_what(&w));
        link_say(&l, WR_TLS_HANDSHAKE, conn_update_quiet, 5);
        tap_ok(l.io == WR_IO_ERR && l.c->failed && l.c->err == EPROTO, "%s: the next is refused",
               conn_what(&w));
        link_close(&l);
    }
}

static void
test_bad_updates(void)
{
    static const struct {
        uint8_t p[10];
        size_t n;
        const char *what;
    } rows[] = {
        {{24, 0, 0, 1, 2}, 5, "one that asks for something else"},
        {{24, 0, 0, 2, 0, 0}, 6, "one that is too long"},
        {{24, 0, 0, 0}, 4, "one that is too short"},
        {{24, 0, 0, 1, 0, 24, 0, 0, 1, 0}, 10, "one with another behind it under the old key"},
        {{24, 0, 0, 1}, 4, "half of one"},
        {{24, 1, 0, 1, 0}, 5, "one of a length that cannot be"},
    };
    struct link l;

    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct link_wish w = {.v13 = true};
        conn_raw(&l, &w);
        link_say(&l, WR_TLS_HANDSHAKE, rows[i].p, rows[i].n);
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "update of keys: %s is refused", rows[i].what);
        link_close(&l);
    }
}

/* Weir's own, when a key has sealed enough. */
static void
test_own_update(void)
{
    uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        while (link_next(&l, out, &data)) {
        }
        l.t->tx.seq = l.rx.seq = (1 << 23) - 1;
        tap_ok(conn_speaks(&l), "%s: the last record of a key", conn_what(&w));
        conn_send(&l, "weir");
        if (w.v13) {
            tap_ok(link_next(&l, out, &data) && data.type == WR_TLS_HANDSHAKE && data.n == 5 &&
                       memcmp(data.p, conn_update_quiet, 5) == 0,
                   "%s: then there is another", conn_what(&w));
            conn_update(&l, false);
        }
        tap_ok(link_next(&l, out, &data) && data.type == WR_TLS_DATA && data.n == 4, "%s: data behind it",
               conn_what(&w));
        tap_ok(conn_speaks(&l) && conn_hears(&l), "%s: and on", conn_what(&w));
        link_close(&l);
    }
}

/* ---- ends ---- */

static void
test_close(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct link l;
    uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        tap_ok(conn_speaks(&l), "%s: data", conn_what(&w));
        wr_conn_shutdown(l.c);
        tap_ok(link_alert(&l, 1, CONN_ALERT_CLOSE) && link_over(&l), "%s: close_notify and FIN",
               conn_what(&w));
        tap_ok(conn_hears(&l), "%s: the peer can go on", conn_what(&w));
        wr_conn_close(l.c);
        l.c = NULL;
        tap_ok(!link_next(&l, out, &data) && link_over(&l), "%s: it is not told twice", conn_what(&w));
        link_close(&l);

        conn_raw(&l, &w);
        tap_ok(conn_speaks(&l), "%s: data", conn_what(&w));
        wr_conn_close(l.c);
        l.c = NULL;
        tap_ok(link_alert(&l, 1, CONN_ALERT_CLOSE) && link_over(&l),
               "%s: a connection that is closed says so", conn_what(&w));
        link_close(&l);

        conn_raw(&l, &w);
        tap_ok(conn_speaks(&l), "%s: data", conn_what(&w));
        l.c->last = true;
        wr_chain_copy(&ch, "last", 4);
        wr_conn_send(l.c, &ch);
        tap_ok(link_next(&l, out, &data) && data.type == WR_TLS_DATA && data.n == 4 &&
                   link_alert(&l, 1, CONN_ALERT_CLOSE) && !link_over(&l),
               "%s: the last data bring it along", conn_what(&w));
        wr_conn_shutdown(l.c);
        tap_ok(link_over(&l), "%s: and no more comes", conn_what(&w));
        link_close(&l);

        conn_raw(&l, &w);
        tap_ok(conn_speaks(&l), "%s: data", conn_what(&w));
        wr_conn_reset(l.c);
        l.c = NULL;
        tap_ok(!link_next(&l, out, &data) && link_over(&l), "%s: who is cut off is not told", conn_what(&w));
        link_close(&l);
    }
}

/* close_notify stands behind data that have to wait; a connection that is closed before says nothing. */
static void
test_close_slow(void)
{
    static char bytes[100000];
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct link_wish w = {.v13 = true};
    struct link l;
    int few = 5000;

    for (unsigned i = 0; i < 3; i++) {
        link_shake(&l, &w);
        setsockopt(l.c->ev.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
        l.c->last = i == 1;
        wr_chain_add(&ch, NULL, bytes, sizeof(bytes));
        wr_conn_send(l.c, &ch);
        if (i == 2) {
            wr_conn_close(l.c);
            l.c = NULL;
            while (link_pull(&l)) {
            }
            link_hear(&l);
            tap_ok((SSL_get_shutdown(l.p.ssl) & SSL_RECEIVED_SHUTDOWN) == 0 && l.heard_n < sizeof(bytes),
                   "what is cut off does not end well");
        } else {
            wr_conn_shutdown(l.c);
            link_run(&l);
            tap_ok(l.heard_n == sizeof(bytes) && (SSL_get_shutdown(l.p.ssl) & SSL_RECEIVED_SHUTDOWN) &&
                       link_over(&l),
                   "all arrives, and close_notify behind it%s", l.c->last ? ", in one go" : "");
        }
        link_close(&l);
    }
}

static void
test_peer_closes(void)
{
    static const uint8_t close_notify[2] = {1, CONN_ALERT_CLOSE};
    uint8_t records[200];
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        size_t n = link_seal(&l, WR_TLS_DATA, "data", 4, records);
        n += link_seal(&l, WR_TLS_ALERT, close_notify, 2, records + n);
        n += link_seal(&l, WR_TLS_DATA, "more", 4, records + n);
        link_put(&l, records, n);
        tap_is_mem(l.got, l.got_n, "data", 4, "%s: data before close_notify, and none behind it",
                   conn_what(&w));
        tap_ok(l.io == WR_IO_EOF && l.c->eof && !l.c->failed && !wr_conn_can_recv(l.c),
               "%s: which is the end", conn_what(&w));
        size_t got = l.got_n;
        link_say(&l, WR_TLS_DATA, "data", 4);
        tap_ok(l.got_n == got && conn_speaks(&l), "%s: of one direction alone", conn_what(&w));
        link_close(&l);

        conn_raw(&l, &w);
        tap_ok(conn_hears(&l), "%s: data", conn_what(&w));
        n = link_seal(&l, WR_TLS_DATA, "data", 4, records);
        if (i < 2) {
            link_put(&l, records, n / 2); /* in the middle of a record */
        }
        shutdown(l.fd, SHUT_WR);
        turn();
        turn();
        if (w.client) {
            tap_ok(l.io == WR_IO_ERR && l.c->failed && l.c->fault == WR_E_UPSTREAM_TRUNCATED && !l.c->eof,
                   "%s: FIN without it is a fault", conn_what(&w));
        } else {
            tap_ok(l.io == WR_IO_EOF && l.c->eof && !l.c->failed && l.c->fault == 0,
                   "%s: FIN without it is an end like others", conn_what(&w));
        }
        tap_is_int(l.got_n, 4, "%s: what came before stays", conn_what(&w));
        link_close(&l);
    }
}

/* ---- alerts ---- */

static void
test_alerts(void)
{
    static const uint8_t fatal[2] = {2, 40}, warning[2] = {1, 90}, other[2] = {1, 41}, three[3] = {1, 0, 0};
    struct link l;
    uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        while (link_next(&l, out, &data)) {
        }
        link_say(&l, WR_TLS_ALERT, fatal, 2);
        tap_ok(l.io == WR_IO_ERR && l.c->failed && l.c->err == ECONNRESET, "%s: a fatal alert",
               conn_what(&w));
        wr_conn_close(l.c);
        l.c = NULL;
        tap_ok(!link_next(&l, out, &data) && link_over(&l), "%s: it is not answered", conn_what(&w));
        link_close(&l);

        conn_raw(&l, &w);
        conn_hears(&l);
        link_say(&l, WR_TLS_ALERT, fatal, 2);
        tap_ok(l.io == WR_IO_ERR && l.c->failed && l.c->fault == 0, "%s: one behind data", conn_what(&w));
        link_close(&l);

        conn_raw(&l, &w);
        for (unsigned k = 0; k < 32; k++) {
            link_say(&l, WR_TLS_ALERT, warning, 2);
        }
        tap_ok(conn_hears(&l), "%s: 32 warnings", conn_what(&w));
        for (unsigned k = 0; k < 33; k++) {
            link_say(&l, WR_TLS_ALERT, warning, 2);
        }
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: 33 in a row are refused", conn_what(&w));
        link_close(&l);

        conn_raw(&l, &w);
        link_say(&l, WR_TLS_ALERT, other, 2);
        tap_ok(w.v13 ? l.c->failed : conn_hears(&l), "%s: another warning is %s", conn_what(&w),
               w.v13 ? "fatal" : "a warning");
        link_close(&l);

        for (unsigned k = 0; k < 2; k++) {
            conn_raw(&l, &w);
            link_say(&l, WR_TLS_ALERT, three, k == 0 ? 3 : 1);
            tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: an alert of %d bytes is refused",
                   conn_what(&w), k == 0 ? 3 : 1);
            link_close(&l);
        }
    }
}

/* ---- what is refused ---- */

static void
test_bad_records(void)
{
    uint8_t records[200];
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        size_t n = link_seal(&l, WR_TLS_DATA, "data", 4, records);
        n += link_seal(&l, WR_TLS_DATA, "evil", 4, records + n);
        records[n - 1] ^= 1;
        n += link_seal(&l, WR_TLS_DATA, "more", 4, records + n);
        link_put(&l, records, n);
        turn();
        tap_is_mem(l.got, l.got_n, "data", 4, "%s: data before a bad record, and none behind it",
                   conn_what(&w));
        tap_ok(conn_refused(&l, CONN_ALERT_BAD_MAC), "%s: which is answered", conn_what(&w));
        conn_send(&l, "weir");
        tap_ok(wr_chain_empty(&l.c->out) && l.c->transport->pending(l.c), "%s: and that is the end",
               conn_what(&w));
        link_close(&l);

        static const uint8_t odd[][5] = {
            {24, 3, 3, 0, 20}, {23, 3, 1, 0, 20}, {23, 3, 3, 0x7f, 0xff}, {'G', 'E', 'T', ' ', '/'}};
        for (unsigned k = 0; k < WR_ARRAY_LEN(odd); k++) {
            conn_raw(&l, &w);
            n = link_seal(&l, WR_TLS_DATA, "data", 4, records);
            memcpy(records + n, odd[k], 5);
            link_put(&l, records, n + 5);
            turn();
            tap_ok(l.got_n == 4 && conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: no record (%u)",
                   conn_what(&w), k);
            link_close(&l);
        }
    }
}

/* Types of records that have no place here. */
static void
test_types(void)
{
    static const uint8_t finished[36] = {20, 0, 0, 32}, hello[4] = {1, 0, 0, 0}, ticket[4] = {4, 0, 0, 0};
    static const uint8_t change[6] = {20, 3, 3, 0, 1, 1};
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = conn_wish(i);
        conn_raw(&l, &w);
        link_say(&l, WR_TLS_CCS, "\x01", 1);
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: change_cipher_spec, sealed", conn_what(&w));
        link_close(&l);
        conn_raw(&l, &w);
        link_put(&l, change, sizeof(change));
        turn();
        tap_ok(l.io == WR_IO_ERR && l.c->failed, "%s: change_cipher_spec in the clear", conn_what(&w));
        link_close(&l);
        conn_raw(&l, &w);
        link_say(&l, WR_TLS_HANDSHAKE, "", 0);
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: a handshake record without bytes",
               conn_what(&w));
        link_close(&l);
        if (!w.v13) {
            continue;
        }
        conn_raw(&l, &w);
        link_say(&l, 99, "abc", 3);
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: a type that nobody knows", conn_what(&w));
        link_close(&l);
        conn_raw(&l, &w);
        link_say(&l, WR_TLS_HANDSHAKE, finished, sizeof(finished));
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: another Finished", conn_what(&w));
        link_close(&l);
        conn_raw(&l, &w);
        link_say(&l, WR_TLS_HANDSHAKE, hello, sizeof(hello));
        tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: another hello", conn_what(&w));
        link_close(&l);
        if (!w.client) {
            conn_raw(&l, &w);
            link_say(&l, WR_TLS_HANDSHAKE, ticket, sizeof(ticket));
            tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "%s: a ticket of a client's", conn_what(&w));
            link_close(&l);
        }
    }
}

/* TLS 1.2: nothing is negotiated anew. */
static void
test_renegotiation(void)
{
    static const uint8_t client_hello[4] = {1, 0, 0, 0}, hello_request[4] = {0, 0, 0, 0};
    struct link l;

    for (unsigned i = 0; i < 2; i++) {
        struct link_wish w = conn_wish(i);
        const uint8_t *hello = w.client ? hello_request : client_hello;
        conn_raw(&l, &w);
        for (unsigned k = 0; k < 3; k++) {
            link_say(&l, WR_TLS_HANDSHAKE, hello, 4);
            tap_ok(link_alert(&l, 1, CONN_ALERT_NO_RENEGOTIATION),
                   "%s: who wants to negotiate anew is told no", conn_what(&w));
            tap_ok(conn_hears(&l) && conn_speaks(&l), "%s: without harm", conn_what(&w));
        }
        for (unsigned k = 0; k < 3; k++) {
            link_say(&l, WR_TLS_HANDSHAKE, hello, 4);
            link_alert(&l, 1, CONN_ALERT_NO_RENEGOTIATION);
        }
        tap_is_int(l.io, WR_IO_AGAIN, "%s: and again", conn_what(&w));
        link_say(&l, WR_TLS_HANDSHAKE, hello, 4);
        tap_ok(link_alert(&l, 1, CONN_ALERT_NO_RENEGOTIATION) && conn_refused(&l, CONN_ALERT_UNEXPECTED),
               "%s: but not for ever", conn_what(&w));
        link_close(&l);
    }
    struct link_wish w = {.v13 = false};
    link_shake(&l, &w);
    SSL_renegotiate(l.p.ssl);
    SSL_do_handshake(l.p.ssl);
    link_push(&l);
    turn();
    tap_ok(l.io == WR_IO_AGAIN && !l.c->failed, "OpenSSL's attempt, too");
    link_pull(&l);
    char byte;
    SSL_read(l.p.ssl, &byte, 1);
    tap_is_int(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION, "it understands");
    link_close(&l);
}

/* ---- tickets that a client gets ---- */

/* A NewSessionTicket with so many bytes of ticket. */
static size_t
conn_ticket(uint8_t *p, size_t ticket)
{
    size_t body = 4 + 4 + 1 + 2 + 2 + ticket + 2;

    memset(p, 0, 4 + body);
    memcpy(p, (uint8_t[4]){4, 0, (uint8_t)(body >> 8), (uint8_t)body}, 4);
    memcpy(p + 4,
           "\0\0\x0e\x10"
           "age."
           "\x02nn",
           11);
    p[15] = (uint8_t)(ticket >> 8);
    p[16] = (uint8_t)ticket;
    memset(p + 17, 't', ticket);
    return 4 + body;
}

static void
conn_two_tickets(struct link *l)
{
    SSL_CTX_set_num_tickets(l->p.ctx, 2);
}

static void
test_tickets(void)
{
    struct link_wish w = {.client = true, .v13 = true, .prepare = conn_two_tickets};
    struct link l;

    world.sessions = 0;
    link_shake(&l, &w);
    conn_transmit(&l, 10);
    tap_ok(world.sessions == 2 && world.session != NULL && l.t->ssl != NULL && l.got_n == 0,
           "tickets before data are sessions");
    conn_receive(&l, 100, 32768);
    tap_ok(l.t->ssl == NULL, "with data OpenSSL's object goes");
    SSL_new_session_ticket(l.p.ssl);
    conn_receive(&l, 100, 32768);
    tap_ok(world.sessions == 2 && !l.c->failed, "a ticket behind them is passed over");
    conn_transmit(&l, 1000);
    link_close(&l);

    SSL *ssl = SSL_new(world.client);
    tap_ok(SSL_set_session(ssl, world.session) == 1 && SSL_SESSION_is_resumable(world.session) == 1,
           "the session can be gone on with");
    SSL_free(ssl);
}

static void
test_split_tickets(void)
{
    static const size_t cuts[] = {4, 5, 20, 100, 299};
    uint8_t message[700], records[2000];
    struct link_wish w = {.client = true, .v13 = true};
    struct link l;

    for (unsigned i = 0; i < 2 * WR_ARRAY_LEN(cuts); i++) {
        size_t n = conn_ticket(message, 300), cut = cuts[i / 2];
        bool late = i % 2 != 0;
        conn_raw(&l, &w);
        world.sessions = 0;
        if (late) {
            conn_hears(&l);
        }
        link_say(&l, WR_TLS_HANDSHAKE, message, cut);
        link_say(&l, WR_TLS_HANDSHAKE, message + cut, n - cut);
        tap_ok(world.sessions == !late && conn_hears(&l) && conn_speaks(&l),
               "a ticket in two records, cut at %zu, is %s", cut, late ? "passed over" : "a session");
        link_close(&l);
    }
    conn_raw(&l, &w);
    world.sessions = 0;
    size_t n = conn_ticket(message, 100);
    n += conn_ticket(message + n, 50);
    n = link_seal(&l, WR_TLS_HANDSHAKE, message, n, records);
    n += link_seal(&l, WR_TLS_DATA, "data", 4, records + n);
    link_put(&l, records, n);
    tap_ok(world.sessions == 2 && l.got_n == 4, "two in one record, and data behind it");
    link_close(&l);
}

/* What OpenSSL is shown does not make it say anything: its numbers are not weir's. */
static void
test_client_oddities(void)
{
    uint8_t message[700], out[WR_TLS_RECORD_BYTES];
    static const uint8_t warning[2] = {1, 90}, finished[36] = {20, 0, 0, 32};
    struct link_wish w = {.client = true, .v13 = true};
    struct wr_tls_opened data;
    struct link l;
    size_t n = conn_ticket(message, 100);

    for (unsigned i = 0; i < 2; i++) {
        conn_raw(&l, &w);
        link_say(&l, i == 0 ? WR_TLS_DATA : WR_TLS_ALERT, warning, i == 0 ? 0 : 2);
        link_say(&l, WR_TLS_HANDSHAKE, message, n);
        tap_ok(conn_hears(&l) && conn_speaks(&l) && !link_next(&l, out, &data),
               "%s before a ticket: it may be lost, but nothing else",
               i == 0 ? "an empty record" : "a warning");
        link_close(&l);
    }
    conn_raw(&l, &w);
    message[15] = 0xff; /* longer than the message */
    link_say(&l, WR_TLS_HANDSHAKE, message, n);
    tap_ok(conn_hears(&l) && conn_speaks(&l), "a ticket that is malformed is none");
    link_close(&l);
    conn_raw(&l, &w);
    link_say(&l, WR_TLS_HANDSHAKE, finished, sizeof(finished));
    tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "another message is refused, with one alert");
    link_close(&l);
    conn_raw(&l, &w);
    n = conn_ticket(message, 100);
    for (unsigned i = 0; i < 32; i++) {
        link_say(&l, WR_TLS_HANDSHAKE, message, n);
    }
    tap_ok(conn_hears(&l), "32 tickets in a row");
    for (unsigned i = 0; i < 33; i++) {
        link_say(&l, WR_TLS_HANDSHAKE, message, n);
    }
    tap_ok(conn_refused(&l, CONN_ALERT_UNEXPECTED), "33 are refused");
    link_close(&l);
}

/* ---- pending ---- */

/* One recv that has no socket: whether pending() had told what comes of it. */
static bool
conn_told(struct link *l)
{
    bool told = l->c->transport->pending(l->c), had = l->c->ev.readable;
    size_t n = 0;

    l->c->ev.readable = false;
    enum wr_io io = l->c->transport->recv(l->c, (char *)l->got + l->got_n, l->room, &n);
    l->c->ev.readable = had && !l->c->eof;
    l->got_n += io == WR_IO_OK ? n : 0;
    return told == (io != WR_IO_AGAIN) && (io == WR_IO_OK) == (n > 0);
}

static void
test_pending(void)
{
    static uint8_t p[40000], records[60000];
    static const size_t rooms[] = {1, 700, 5000, 32768};
    static const uint8_t close_notify[2] = {1, CONN_ALERT_CLOSE};
    struct link l;

    link_fill(p, sizeof(p), 1);
    for (unsigned i = 0; i < 4 * WR_ARRAY_LEN(rooms); i++) {
        struct link_wish w = conn_wish(i);
        bool told = true, same = true;
        size_t n = 0, at = 0, got;
        conn_raw(&l, &w);
        l.holds = true;
        l.room = rooms[i / 4];
        for (size_t part = 1; at < sizeof(p); at += part, part = part * 3 % 7001 + 1) {
            part = WR_MIN(part, sizeof(p) - at);
            n += link_seal(&l, WR_TLS_DATA, p + at, part, records + n);
        }
        n += link_seal(&l, WR_TLS_ALERT, close_notify, 2, records + n);
        for (size_t sent = 0, part = 3; sent < n; sent += part, part = part * 7 % 9001 + 1) {
            part = WR_MIN(part, n - sent);
            link_put(&l, records + sent, part);
            do {
                told = told && conn_told(&l);
                got = 0;
                if (wr_conn_can_recv(l.c) &&
                    l.c->transport->recv(l.c, (char *)l.got + l.got_n, l.room, &got) == WR_IO_OK) {
                    l.got_n += got;
                }
            } while (got > 0 || wr_conn_can_recv(l.c));
        }
        same = l.got_n == sizeof(p) && memcmp(l.got, p, sizeof(p)) == 0;
        tap_ok(told && same, "%s, %zu bytes at a time: pending() tells what can be had without the socket",
               conn_what(&w), l.room);
        link_close(&l);
    }
}

int
main(void)
{
    link_world_begin();
    test_data();
    test_both();
    test_conn_recv();
    test_odd_records();
    test_padded_records();
    test_empty_records();
    test_record_sizes();
    test_slow();
    test_slow_control();
    test_file_shrinks();
    test_send_fails();
    test_updates();
    test_updates_openssl();
    test_update_before_data();
    test_many_updates();
    test_bad_updates();
    test_own_update();
    test_close();
    test_close_slow();
    test_peer_closes();
    test_alerts();
    test_bad_records();
    test_types();
    test_renegotiation();
    test_tickets();
    test_split_tickets();
    test_client_oddities();
    test_pending();
    link_world_end();
    return tap_done();
}
