/*
 * A server's handshake and the records behind it, against any client.  The
 * input is what a client sends; or it says how the bytes of a client that is
 * OpenSSL are changed on their way.  Whatever comes: a failed handshake has a
 * reason, data that arrive are those that were sent, and nothing is left.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/rand.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/lib/tls_world.h"

#define TLS_HELLO_INPUT_BYTES 20000
#define TLS_HELLO_DATA_BYTES 3000
#define TLS_HELLO_CHANGES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- randomness that is none: equal inputs have equal runs ---- */

static uint64_t tls_hello_seed;

static int
tls_hello_random(unsigned char *p, int n)
{
    for (int i = 0; i < n; i++) {
        tls_hello_seed += 0x9e3779b97f4a7c15;
        p[i] = (unsigned char)(wr_hash_mix(tls_hello_seed) >> 24);
    }
    return 1;
}

static int
tls_hello_random_status(void)
{
    return 1;
}

static const RAND_METHOD tls_hello_randomness = {
    .bytes = tls_hello_random, .pseudorand = tls_hello_random, .status = tls_hello_random_status};

/* ---- what all runs share ---- */

static struct wr_loop *tls_hello_loop;
static struct tls_world tls_hello_world;
static X509_STORE *tls_hello_store; /* for clients who are asked for a certificate */
static struct {
    SSL_CTX *ctx;
    SSL_SESSION *session; /* of a handshake before */
} tls_hello_client[2];    /* TLS 1.2, 1.3 */

/* How a run goes. */
struct tls_hello_way {
    bool real; /* a client that is OpenSSL */
    bool v13;
    bool asked;       /* it is asked for a certificate */
    bool resumes;     /* it has a session */
    size_t piece;     /* bytes of a write; 0: all */
    size_t ahead;     /* so many have been received before TLS begins */
    size_t room;      /* of reads */
    const uint8_t *p; /* bytes, or changes: place, place, difference */
    size_t n;
};

struct tls_hello_run {
    const struct tls_hello_way *way;
    struct wr_conn *c;
    int fd; /* the client's */
    enum wr_io hand;
    enum wr_io io;
    uint8_t got[2 * TLS_HELLO_DATA_BYTES];
    size_t got_n;
    SSL *ssl; /* the client's */
    BIO *in;
    BIO *out;
    size_t sent; /* by the client, in all */
    bool changed;
    bool says; /* data were written by the client */
};

static uint8_t
tls_hello_byte(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

/* ---- weir's end ---- */

static void
tls_hello_read(struct tls_hello_run *r)
{
    size_t n;

    while (wr_conn_can_recv(r->c) && r->got_n < sizeof(r->got)) {
        size_t room = WR_MIN(r->way->room, sizeof(r->got) - r->got_n);
        r->io = r->c->transport->recv(r->c, (char *)r->got + r->got_n, room, &n);
        wr_assert(r->io == WR_IO_OK ? n > 0 && n <= room : n == 0);
        if (r->io != WR_IO_OK) {
            return;
        }
        r->got_n += n;
    }
}

static void
tls_hello_on_event(struct wr_conn *c)
{
    struct tls_hello_run *r = c->session;

    if (r->hand == WR_IO_AGAIN) {
        r->hand = c->transport->handshake(c);
        wr_assert(r->hand != WR_IO_EOF && (r->hand == WR_IO_ERR) == (c->fault != 0));
        wr_assert(r->hand != WR_IO_OK || c->transport->facts(c)->version != NULL);
    }
    if (r->hand == WR_IO_OK) {
        tls_hello_read(r);
    }
}

static void
tls_hello_on_timer(struct wr_conn *c)
{
    (void)c;
}

static const struct wr_conn_owner tls_hello_owner = {
    .name = "fuzz", .on_event = tls_hello_on_event, .on_timer = tls_hello_on_timer};

static void
tls_hello_on_stop(struct wr_task *t)
{
    (void)t;
    wr_loop_stop(tls_hello_loop);
}

static void
tls_hello_turn(void)
{
    struct wr_task last = {.fn = tls_hello_on_stop};

    tls_hello_loop->stop = false;
    wr_loop_post(tls_hello_loop, &last);
    wr_loop_run(tls_hello_loop);
}

/* ---- the client ---- */

static void
tls_hello_put(struct tls_hello_run *r, const uint8_t *p, size_t n)
{
    while (n > 0 && !r->c->failed && !r->c->eof) {
        size_t part = r->way->piece > 0 ? WR_MIN(r->way->piece, n) : n;
        ssize_t w = send(r->fd, p, part, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (w <= 0) {
            break;
        }
        p += w;
        n -= (size_t)w;
        tls_hello_turn();
    }
}

/* Takes what the client has written, changes it as the input says, and sends it. */
static void
tls_hello_push(struct tls_hello_run *r)
{
    static uint8_t bytes[8192];
    const uint8_t *p = r->way->p;
    int n = BIO_read(r->out, bytes, sizeof(bytes));

    for (size_t i = 0; n > 0 && i < TLS_HELLO_CHANGES && 3 * i + 2 < r->way->n; i++) {
        size_t at = (size_t)p[3 * i] << 8 | p[3 * i + 1];
        if (at >= r->sent && at < r->sent + (size_t)n && p[3 * i + 2] != 0) {
            bytes[at - r->sent] ^= p[3 * i + 2];
            r->changed = true;
        }
    }
    r->sent += n > 0 ? (size_t)n : 0;
    tls_hello_put(r, bytes, n > 0 ? (size_t)n : 0);
}

static void
tls_hello_pull(struct tls_hello_run *r)
{
    char bytes[8192];
    ssize_t n;

    while ((n = recv(r->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        if (r->in != NULL) {
            wr_assert(BIO_write(r->in, bytes, (int)n) == (int)n);
        }
    }
}

static void
tls_hello_open_client(struct tls_hello_run *r)
{
    r->ssl = SSL_new(tls_hello_client[r->way->v13].ctx);
    r->in = BIO_new(BIO_s_mem());
    r->out = BIO_new(BIO_s_mem());
    wr_assert(r->ssl != NULL && r->in != NULL && r->out != NULL);
    BIO_set_mem_eof_return(r->in, -1);
    BIO_set_mem_eof_return(r->out, -1);
    SSL_set_bio(r->ssl, r->in, r->out);
    SSL_set_tlsext_host_name(r->ssl, (char *)(uintptr_t) "a.example");
    SSL_set_connect_state(r->ssl);
    if (r->way->resumes && tls_hello_client[r->way->v13].session != NULL) {
        SSL_set_session(r->ssl, tls_hello_client[r->way->v13].session);
    }
}

/* The client's handshake, then data, an update of keys, more data, and its end. */
static void
tls_hello_converse(struct tls_hello_run *r)
{
    uint8_t bytes[TLS_HELLO_DATA_BYTES];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = tls_hello_byte(i);
    }
    for (unsigned i = 0; i < 6 && !SSL_is_init_finished(r->ssl); i++) {
        SSL_do_handshake(r->ssl);
        tls_hello_push(r);
        tls_hello_pull(r);
    }
    r->says = SSL_is_init_finished(r->ssl);
    if (r->says) {
        SSL_write(r->ssl, bytes, 1000);
        if (r->way->v13) {
            SSL_key_update(r->ssl, SSL_KEY_UPDATE_REQUESTED);
        }
        SSL_write(r->ssl, bytes + 1000, sizeof(bytes) - 1000);
        SSL_shutdown(r->ssl);
        tls_hello_push(r);
    }
}

/* ---- a run ---- */

static void
tls_hello_open(struct tls_hello_run *r, const struct tls_hello_way *way)
{
    int fd[2];

    *r = (struct tls_hello_run){.way = way, .hand = WR_IO_AGAIN, .io = WR_IO_AGAIN};
    wr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    r->fd = fd[1];
    r->c = wr_conn_new(tls_hello_loop, fd[0], &wr_transport_plain, &tls_hello_owner, r);
    wr_assert(r->c != NULL);
    if (!way->real && way->ahead > 0) {
        wr_conn_unread(r->c, (const char *)way->p, WR_MIN(way->ahead, way->n));
    }
    wr_assert(wr_tls_server_accept(&tls_hello_world.w.secure, r->c, 0));
    wr_loop_more(tls_hello_loop, &r->c->ev);
    tls_hello_turn();
}

static void
tls_hello_check(const struct tls_hello_run *r)
{
    for (size_t i = 0; i < r->got_n; i++) {
        wr_assert(r->says && r->got[i] == tls_hello_byte(i));
    }
    wr_assert(!r->way->real || r->got_n <= TLS_HELLO_DATA_BYTES);
    if (r->way->real && !r->changed) {
        wr_assert(r->hand == WR_IO_OK && r->got_n == TLS_HELLO_DATA_BYTES && r->io == WR_IO_EOF);
    }
}

/* Says something back, as far as that is possible, and ends. */
static void
tls_hello_close(struct tls_hello_run *r)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    if (r->hand == WR_IO_OK) {
        wr_chain_copy(&ch, "an answer", 9);
        wr_conn_send(r->c, &ch);
    } else if (r->c->fault == WR_E_PLAIN_ON_TLS) {
        wr_assert(wr_conn_in_bytes(r->c) > 0 && r->c->in->data[r->c->in->r] >= 'A' &&
                  r->c->in->data[r->c->in->r] <= 'Z');
    }
    wr_conn_close(r->c);
    close(r->fd);
    tls_hello_turn();
    if (r->ssl != NULL) {
        SSL_set_shutdown(r->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(r->ssl);
    }
    ERR_clear_error();
}

static void
tls_hello_go(const struct tls_hello_way *way)
{
    size_t in_use = wr_buf_in_use_bytes();
    struct tls_hello_run r;

    tls_hello_world.conf.client = way->asked ? WR_TLS_CLIENT_OPTIONAL : WR_TLS_CLIENT_OFF;
    tls_hello_world.w.loaded[0].store = way->asked ? tls_hello_store : NULL;
    tls_hello_open(&r, way);
    if (way->real) {
        tls_hello_open_client(&r);
        tls_hello_converse(&r);
    } else {
        tls_hello_put(&r, way->p + WR_MIN(way->ahead, way->n), way->n - WR_MIN(way->ahead, way->n));
    }
    shutdown(r.fd, SHUT_WR);
    for (unsigned i = 0; i < 4 || r.c->ev.more; i++) {
        tls_hello_turn();
    }
    wr_assert(r.hand != WR_IO_AGAIN); /* it has come to an end */
    tls_hello_pull(&r);
    tls_hello_check(&r);
    tls_hello_close(&r);
    wr_assert(wr_buf_in_use_bytes() == in_use && wr_list_empty(&tls_hello_world.shop.late));
}

/* ---- the beginning ---- */

static int
tls_hello_on_session(SSL *ssl, SSL_SESSION *session)
{
    unsigned v13 = SSL_version(ssl) == TLS1_3_VERSION;

    if (tls_hello_client[v13].session != NULL) {
        return 0;
    }
    tls_hello_client[v13].session = session;
    return 1;
}

/* A handshake whose ticket later ones have. */
static void
tls_hello_first(unsigned v13)
{
    struct tls_hello_way way = {.real = true, .v13 = v13, .room = 32768};
    struct tls_hello_run r;
    char byte;

    tls_hello_open(&r, &way);
    tls_hello_open_client(&r);
    tls_hello_converse(&r);
    wr_assert(r.hand == WR_IO_OK);
    wr_tls_flush_control(r.c->transport_state);
    tls_hello_pull(&r);
    SSL_read(r.ssl, &byte, 1);
    tls_hello_close(&r);
    wr_assert(tls_hello_client[v13].session != NULL);
}

static void
tls_hello_start(void)
{
    if (tls_hello_loop != NULL) {
        return;
    }
    RAND_set_rand_method(&tls_hello_randomness);
    wr_log_set(NULL, NULL, WR_LOG_ALERT);
    wr_clock_update();
    tls_hello_loop = wr_loop_new();
    tls_world_begin(&tls_hello_world, tls_hello_loop);
    tls_hello_store = X509_STORE_new();
    tls_hello_world.w.loaded[0].names = sk_X509_NAME_new_null();
    X509_STORE_add_cert(tls_hello_store, tls_hello_world.cert.x);
    for (unsigned v13 = 0; v13 < 2; v13++) {
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        int version = v13 ? TLS1_3_VERSION : TLS1_2_VERSION;
        SSL_CTX_set_min_proto_version(ctx, version);
        SSL_CTX_set_max_proto_version(ctx, version);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, tls_hello_on_session);
        SSL_CTX_use_certificate(ctx, tls_hello_world.cert.x);
        SSL_CTX_use_PrivateKey(ctx, tls_hello_world.cert.key);
        tls_hello_client[v13].ctx = ctx;
        tls_hello_first(v13);
    }
}

/* Three bytes that say how, then what. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t rooms[] = {32768, 16384, 1000, 1};

    if (size < 3 || size > TLS_HELLO_INPUT_BYTES) {
        return 0;
    }
    tls_hello_start();
    tls_hello_seed = 1;
    struct tls_hello_way way = {.real = data[0] & 1,
                                .v13 = data[0] & 2,
                                .asked = data[0] & 4,
                                .resumes = data[0] & 8,
                                .room = rooms[data[0] / 16 % 4],
                                /* not too small for what is long: each piece is a turn */
                                .piece = data[1] == 0 ? 0 : WR_MAX((size_t)data[1], size / 64),
                                .ahead = data[2],
                                .p = data + 3,
                                .n = size - 3};

    tls_hello_go(&way);
    return 0;
}
