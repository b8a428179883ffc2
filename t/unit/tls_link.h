/*
 * A connection under TLS with weir at one end and OpenSSL at the other, over a
 * pair of sockets; the test moves every byte.
 */
#ifndef WR_UNIT_TLS_LINK_H
#define WR_UNIT_TLS_LINK_H

#include "t/lib/tls_world.h"
#include "t/unit/loop_probe.h"

#define LINK_BYTES (1024 * 1024)

static struct tls_world world;

struct link {
    /* weir's end */
    struct wr_conn *c;
    struct wr_tls *t;
    enum wr_io hand; /* of the last step of the handshake; EOF: it has not begun */
    unsigned steps;
    size_t room;   /* of its reads */
    bool holds;    /* it does not read */
    enum wr_io io; /* of its last read */
    uint8_t *got;  /* what it has received */
    size_t got_n;
    unsigned events;
    /* the peer's */
    struct ssl_peer p;
    int fd;
    size_t piece;   /* bytes of a write of its; 0: all */
    uint8_t *heard; /* what it has received */
    size_t heard_n;
    /* the peer's, where OpenSSL has no part in it any more (link_raw) */
    struct wr_tls_key rx;
    struct wr_tls_key tx;
    uint8_t wire[65536]; /* received and not opened */
    size_t wire_n;
};

/* ---- weir's end ---- */

static inline void
link_read(struct link *l)
{
    size_t n;

    while (!l->holds && wr_conn_can_recv(l->c) && l->got_n < LINK_BYTES) {
        l->io = l->c->transport->recv(l->c, (char *)l->got + l->got_n, WR_MIN(l->room, LINK_BYTES - l->got_n),
                                      &n);
        if (l->io != WR_IO_OK) {
            break;
        }
        l->got_n += n;
    }
}

static inline void
link_on_event(struct wr_conn *c)
{
    struct link *l = c->session;

    l->events++;
    if (l->hand == WR_IO_AGAIN) {
        l->steps++;
        l->hand = c->transport->handshake(c);
    }
    if (l->hand == WR_IO_OK) {
        link_read(l);
    }
}

static inline void
link_on_timer(struct wr_conn *c)
{
    (void)c;
}

static const struct wr_conn_owner link_owner = {
    .name = "link", .on_event = link_on_event, .on_timer = link_on_timer};

/* ---- the peer's ---- */

/* Bytes of the peer's to weir, in pieces. */
static inline void
link_put(struct link *l, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t w = send(l->fd, p, l->piece > 0 ? WR_MIN(l->piece, n) : n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (w < 0 && errno != EAGAIN) {
            return;
        }
        p += WR_MAX(w, 0);
        n -= (size_t)WR_MAX(w, 0);
        turn();
    }
}

static inline bool
link_push(struct link *l)
{
    char bytes[16384];
    size_t n = ssl_peer_take(&l->p, bytes, sizeof(bytes));

    link_put(l, bytes, n);
    return n > 0;
}

static inline bool
link_pull(struct link *l)
{
    char bytes[16384];
    ssize_t n = recv(l->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    ssl_peer_give(&l->p, bytes, n > 0 ? (size_t)n : 0);
    return n > 0;
}

/* The peer's reads, until it has no more. */
static inline void
link_hear(struct link *l)
{
    int n = 1;

    while (n > 0 && l->heard_n < LINK_BYTES) {
        n = SSL_read(l->p.ssl, l->heard + l->heard_n, (int)(LINK_BYTES - l->heard_n));
        l->heard_n += n > 0 ? (size_t)n : 0;
    }
    ERR_clear_error();
}

/* Until nothing moves any more. */
static inline void
link_run(struct link *l)
{
    bool moved = true;

    for (unsigned i = 0; i < 100000 && moved; i++) {
        if (!SSL_is_init_finished(l->p.ssl)) {
            SSL_do_handshake(l->p.ssl);
        }
        moved = link_push(l);
        turn();
        while (link_pull(l)) {
            moved = true;
        }
        link_hear(l);
        moved = moved || BIO_ctrl_pending(l->p.out) > 0 || l->c->ev.more;
    }
}

/* ---- both ---- */

struct link_wish {
    bool client; /* weir's part */
    bool v13;
    unsigned aead;
    bool tcp;
    const char *name;                /* that the peer asks for; NULL: "a.example" */
    void (*prepare)(struct link *l); /* further settings, before l->p.ssl is made */
    SSL_SESSION *session;
};

/* Both ends, and nothing said yet. */
static inline void
link_open(struct link *l, const struct link_wish *w)
{
    int fd[2];

    *l = (struct link){.hand = WR_IO_EOF, .room = WR_BUF_BIG_BYTES, .io = WR_IO_AGAIN};
    l->got = malloc(LINK_BYTES);
    l->heard = malloc(LINK_BYTES);
    ssl_peer_init(&l->p, w->client, w->v13, w->client ? &world.cert : NULL);
    ssl_peer_suite(&l->p, w->aead);
    if (w->prepare != NULL) {
        w->prepare(l);
    }
    ssl_peer_start(&l->p);
    if (!w->client && (w->name == NULL || w->name[0] != '\0')) {
        SSL_set_tlsext_host_name(l->p.ssl, (char *)(uintptr_t)(w->name != NULL ? w->name : "a.example"));
    }
    if (w->session != NULL) {
        SSL_set_session(l->p.ssl, w->session);
    }
    w->tcp ? tcp_pair(fd) : pair(fd);
    l->fd = fd[1];
    l->c = wr_conn_new(loop, fd[0], &wr_transport_plain, &link_owner, l);
}

/* Weir's end begins with TLS. */
static inline void
link_begin(struct link *l, const struct link_wish *w)
{
    if (w->client) {
        SSL *ssl = SSL_new(world.client);
        wr_assert(wr_tls_begin(&world.shop, l->c, &tls_world_client_role, &world, ssl) != NULL);
    } else {
        wr_assert(wr_tls_server_accept(&world.w.secure, l->c, 0));
    }
    l->t = l->c->transport_state;
    l->hand = WR_IO_AGAIN;
    wr_loop_more(loop, &l->c->ev);
}

static inline void
link_shake(struct link *l, const struct link_wish *w)
{
    link_open(l, w);
    link_begin(l, w);
    link_run(l);
    if (w->client && l->hand == WR_IO_OK) {
        wr_tls_flush_control(l->t); /* a client's Finished goes along with its first data otherwise */
        link_run(l);
    }
    wr_assert(l->hand == WR_IO_OK && SSL_is_init_finished(l->p.ssl));
}

static inline void
link_close(struct link *l)
{
    if (l->c != NULL) {
        wr_conn_close(l->c);
    }
    if (l->fd >= 0) {
        close(l->fd);
    }
    turn();
    ssl_peer_end(&l->p);
    wr_tls_key_fini(&l->rx);
    wr_tls_key_fini(&l->tx);
    free(l->got);
    free(l->heard);
}

/* ---- without OpenSSL ---- */

/* From here on the test seals and opens the peer's records itself. */
static inline void
link_raw(struct link *l)
{
    ssl_peer_keys(&l->p, &world.shop.kit, &l->rx, &l->tx);
}

/* A record of the peer's. */
static inline size_t
link_seal(struct link *l, enum wr_tls_type type, const void *p, size_t n, uint8_t *record)
{
    size_t bytes = wr_tls_seal_bytes(&l->tx, type, p, n, record);

    wr_assert(bytes > 0);
    return bytes;
}

static inline void
link_say(struct link *l, enum wr_tls_type type, const void *p, size_t n)
{
    static uint8_t record[WR_TLS_RECORD_BYTES];

    link_put(l, record, link_seal(l, type, p, n, record));
    turn();
}

/* The next record of weir's; false: there is none.  out: room for one. */
static inline bool
link_next(struct link *l, uint8_t *out, struct wr_tls_opened *data)
{
    size_t bytes;
    ssize_t n;

    while ((n = recv(l->fd, l->wire + l->wire_n, sizeof(l->wire) - l->wire_n, MSG_DONTWAIT)) > 0) {
        l->wire_n += (size_t)n;
    }
    if (wr_tls_record_frame(l->wire, l->wire_n, &bytes) != WR_TLS_FRAME_WHOLE ||
        !wr_tls_open(&l->rx, l->wire, bytes, out, data)) {
        return false;
    }
    memmove(l->wire, l->wire + bytes, l->wire_n - bytes);
    l->wire_n -= bytes;
    return true;
}

/* Whether the next record of weir's is that alert. */
static inline bool
link_alert(struct link *l, uint8_t level, uint8_t what)
{
    uint8_t out[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;

    return link_next(l, out, &data) && data.type == WR_TLS_ALERT && data.n == 2 && data.p[0] == level &&
        data.p[1] == what;
}

/* Whether weir's end of the socket has sent FIN, or RST. */
static inline bool
link_over(struct link *l)
{
    char byte;
    ssize_t n = recv(l->fd, &byte, 1, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Bytes that show where one is missing or doubled. */
static inline void
link_fill(uint8_t *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 7 + i / 251 + i / 65536 * 13 + seed);
    }
}

static inline void
link_world_begin(void)
{
    loop = wr_loop_new();
    wr_clock_update();
    tls_world_begin(&world, loop);
}

static inline void
link_world_end(void)
{
    tls_world_end(&world);
    turn();
    wr_loop_free(loop);
    wr_conn_trim();
    wr_buf_trim();
}

#endif
