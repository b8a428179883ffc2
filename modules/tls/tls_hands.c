/*
 * Shaking hands: OpenSSL's state machine over a BIO that reads from t->raw and
 * the socket and writes to t->control; when it is done, keys and record numbers
 * are taken over and OpenSSL's object goes.
 *
 * The secrets of TLS 1.3 come by the key log callback; how many records OpenSSL
 * has used up under them, by the message callback: it is told of each record's
 * header, in the order in which they are made.
 */
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "modules/tls/tls_conn.h"
#include "modules/tls/tls_remote.h"

#define TLS_HANDS_READ_BYTES 4096
#define TLS_HANDS_LATE_MS 20

/* ---- the BIO ---- */

/* What the socket has, into t->raw, which is empty. */
static enum wr_io
tls_hands_fill(struct wr_tls *t)
{
    struct wr_conn *c = t->c;
    size_t n;

    if (t->hung_up) {
        return WR_IO_EOF;
    }
    if (c->failed && !t->done) {
        return WR_IO_ERR;
    }
    if (t->done || !c->ev.readable) {
        return WR_IO_AGAIN; /* done: what OpenSSL is shown has an end */
    }
    if (t->raw == NULL) {
        t->raw = wr_buf_new(TLS_HANDS_READ_BYTES);
    }
    t->raw->r = t->raw->w = 0;
    enum wr_io io = wr_transport_take(c, t->raw->data, t->raw->cap, &n);
    t->raw->w = (uint32_t)n;
    t->hung_up = io == WR_IO_EOF;
    return io;
}

static int
tls_hands_read(BIO *b, char *p, int n)
{
    struct wr_tls *t = BIO_get_data(b);
    enum wr_io io = WR_IO_OK;

    BIO_clear_retry_flags(b);
    if (t->raw == NULL || t->raw->r == t->raw->w) {
        io = tls_hands_fill(t);
    }
    if (io == WR_IO_AGAIN) {
        BIO_set_retry_read(b);
    }
    if (io != WR_IO_OK) {
        return io == WR_IO_EOF ? 0 : -1;
    }
    size_t take = WR_MIN((size_t)n, (size_t)(t->raw->w - t->raw->r));
    memcpy(p, t->raw->data + t->raw->r, take);
    t->raw->r += (uint32_t)take;
    return (int)take;
}

static int
tls_hands_write(BIO *b, const char *p, int n)
{
    struct wr_tls *t = BIO_get_data(b);

    if (!t->done) { /* else (wr_tls_feed) it would be under keys and numbers that are ours now */
        wr_chain_copy(&t->control, p, (size_t)n);
    }
    return n;
}

static long
tls_hands_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)b;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static int
tls_hands_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

/* ---- what OpenSSL tells ---- */

static void tls_hands_on_secret(const SSL *ssl, const char *line);

/*
 * OpenSSL prints each secret with 64 calls of sprintf, so it is asked for as few as can be: a server wants one of
 * its own when its Finished is made, and the client's with the client's Finished.
 */
static void
tls_hands_listen(struct wr_tls *t, bool on)
{
    if (t->role->server && t->shop->keylog == NULL) {
        SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(t->ssl), on ? tls_hands_on_secret : NULL);
    }
}

static void
tls_hands_on_secret(const SSL *ssl, const char *line)
{
    struct wr_tls *t = wr_tls_of(ssl);
    bool server = t->role->server;

    if (wr_tls_schedule_line(line, server ? "CLIENT_TRAFFIC_SECRET_0" : "SERVER_TRAFFIC_SECRET_0",
                             &t->rx_secret)) {
        t->rx_records = 0;
        tls_hands_listen(t, false);
    } else if (wr_tls_schedule_line(line, server ? "SERVER_TRAFFIC_SECRET_0" : "CLIENT_TRAFFIC_SECRET_0",
                                    &t->tx_secret)) {
        t->tx_records = 0;
        tls_hands_listen(t, false);
    }
    if (wr_unlikely(t->shop->keylog != NULL)) {
        fprintf(t->shop->keylog, "%s\n", line);
        fflush(t->shop->keylog);
    }
}

static void
tls_hands_on_message(int out, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
    struct wr_tls *t = wr_tls_of(ssl);

    (void)version;
    (void)arg;
    if (t == NULL) {
        return;
    }
    if (type == SSL3_RT_HEADER) {
        uint16_t *count = out ? &t->tx_records : &t->rx_records;
        *count = (uint16_t)(*count + 1);
    } else if (out && type == SSL3_RT_HANDSHAKE && n > 0 && *(const uint8_t *)p == SSL3_MT_FINISHED) {
        tls_hands_listen(t, true);
    }
}

bool
wr_tls_is_alert(unsigned long e)
{
    int reason = ERR_GET_REASON(e);

    return ERR_GET_LIB(e) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
        reason < SSL_AD_REASON_OFFSET + 256;
}

/* ---- taking over ---- */

void
wr_tls_drop_ssl(struct wr_tls *t)
{
    wr_tls_wait_cancel(t);
    if (t->ssl != NULL) {
        /* without this OpenSSL takes the session for a bad one */
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(t->ssl);
        t->ssl = NULL;
    }
}

static bool
tls_hands_take_keys(struct wr_tls *t)
{
    const struct wr_tls_kit *kit = &t->shop->kit;

    t->aead = wr_tls_aead_of(kit, SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(t->ssl)));
    if (t->aead == NULL || SSL_has_pending(t->ssl)) {
        return false;
    }
    if (SSL_version(t->ssl) != TLS1_3_VERSION) {
        return wr_tls_schedule_block(kit, t->ssl, t->aead, t->role->server, &t->rx, &t->tx);
    }
    bool ok = wr_tls_schedule_key(kit, &t->rx, t->aead, false, &t->rx_secret) &&
        wr_tls_schedule_key(kit, &t->tx, t->aead, true, &t->tx_secret);
    t->rx.seq = t->rx_records;
    t->tx.seq = t->tx_records;
    return ok;
}

static void
tls_hands_take_facts(struct wr_tls *t)
{
    const uint8_t *alpn;
    unsigned n;

    t->facts.version = SSL_get_version(t->ssl);
    t->facts.cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(t->ssl));
    t->facts.resumed = SSL_session_reused(t->ssl) == 1;
    uint8_t wish = SSL_SESSION_get_max_fragment_length(SSL_get0_session(t->ssl));
    if (wish >= TLSEXT_max_fragment_length_512 && wish <= TLSEXT_max_fragment_length_4096) {
        t->record_most = (uint16_t)(512 << (wish - TLSEXT_max_fragment_length_512));
    }
    SSL_get0_alpn_selected(t->ssl, &alpn, &n);
    if (n == 8 && memcmp(alpn, "http/1.1", 8) == 0) {
        t->facts.alpn = WR_STR("http/1.1");
    }
    if (t->role->agreed != NULL) {
        t->role->agreed(t);
    }
}

static enum wr_io
tls_hands_failed(struct wr_tls *t, uint16_t fault)
{
    t->c->fault = fault;
    t->c->failed = true;
    wr_tls_flush_control(t); /* the alert */
    return WR_IO_ERR;
}

/*
 * A client with Nagle's algorithm keeps its request back until its Finished is acknowledged, which the kernel does
 * with what we send next, in this case the tickets and a little later.
 */
static void
tls_hands_acknowledge(const struct wr_tls *t)
{
    int on = 1;

    if (t->raw == NULL && !t->c->ev.readable) {
        setsockopt(t->c->ev.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    }
}

/*
 * Tickets go with the first response, which saves a packet and a system call, or by themselves a little later.
 */
static void
tls_hands_hold(struct wr_tls *t)
{
    struct wr_tls_shop *shop = t->shop;

    if (wr_chain_empty(&t->control)) {
        return;
    }
    if (wr_list_empty(&shop->late)) {
        wr_loop_timer(shop->loop, &shop->late_timer, wr_clock.mono_ms + TLS_HANDS_LATE_MS);
    }
    t->late_ms = wr_clock.mono_ms;
    wr_list_add_tail(&shop->late, &t->late_link);
}

static void
tls_hands_on_late(struct wr_timer *timer)
{
    struct wr_tls_shop *shop = wr_container(timer, struct wr_tls_shop, late_timer);

    while (!wr_list_empty(&shop->late)) {
        struct wr_tls *t = wr_list_first(&shop->late, struct wr_tls, late_link);
        if (t->late_ms + TLS_HANDS_LATE_MS > wr_clock.mono_ms) {
            wr_loop_timer(shop->loop, timer, t->late_ms + TLS_HANDS_LATE_MS);
            return;
        }
        wr_list_del(&t->late_link);
        if (t->c->ev.writable) {
            wr_tls_flush_control(t); /* what is left goes with the next data */
        }
    }
}

static enum wr_io
tls_hands_done(struct wr_tls *t)
{
    if (!tls_hands_take_keys(t)) {
        return tls_hands_failed(t, WR_E_TLS_INTERNAL);
    }
    tls_hands_take_facts(t);
    t->done = true;
    if (t->role->server || !t->tx.v13) {
        wr_tls_drop_ssl(t);
    }
    if (t->raw != NULL && t->raw->r == t->raw->w) {
        wr_buf_unref(t->raw);
        t->raw = NULL;
    }
    if (t->role->server && !t->tx.v13) {
        wr_tls_flush_control(t); /* Finished, which the client waits for before it asks for anything */
    } else if (t->role->server) {
        tls_hands_acknowledge(t);
    }
    tls_hands_hold(t);
    return WR_IO_OK;
}

/* Keeps little while it waits. */
static void
tls_hands_settle(struct wr_tls *t)
{
    struct wr_buf *b = t->raw;

    if (b != NULL) {
        t->raw = b->r < b->w ? wr_buf_of(b->data + b->r, b->w - b->r) : NULL;
        wr_buf_unref(b);
    }
    wr_conn_watch(t->c);
}

/* The first byte of a client that speaks plain HTTP is a letter; then c->in gets back what was read. */
static bool
tls_hands_is_plain(struct wr_tls *t)
{
    if (t->sniffed || !t->role->server) {
        return false;
    }
    if ((t->raw == NULL || t->raw->r == t->raw->w) && tls_hands_fill(t) != WR_IO_OK) {
        return false;
    }
    t->sniffed = true;
    char first = t->raw->data[t->raw->r];
    if (first < 'A' || first > 'Z') {
        return false;
    }
    t->c->in = t->raw;
    t->raw = NULL;
    return true;
}

enum wr_io
wr_tls_handshake(struct wr_conn *c)
{
    struct wr_tls *t = c->transport_state;

    if (t->done) {
        return WR_IO_OK;
    }
    if (c->ev.writable && wr_tls_flush_control(t) == WR_IO_ERR) {
        return tls_hands_failed(t, t->role->fault(t));
    }
    if (tls_hands_is_plain(t)) {
        c->fault = WR_E_PLAIN_ON_TLS;
        return WR_IO_ERR;
    }
    ERR_clear_error();
    tls_hands_listen(t, t->tx_secret.n > 0);
    t->shop->shaking = t;
    int r = SSL_do_handshake(t->ssl);
    t->shop->shaking = NULL;
    tls_hands_listen(t, false);
    if (r == 1) {
        return tls_hands_done(t);
    }
    int why = SSL_get_error(t->ssl, r);
    if (why == SSL_ERROR_WANT_ASYNC || (why == SSL_ERROR_WANT_READ && !t->hung_up)) {
        if (wr_tls_flush_control(t) == WR_IO_ERR) {
            return tls_hands_failed(t, t->role->fault(t));
        }
        tls_hands_settle(t);
        return WR_IO_AGAIN;
    }
    return tls_hands_failed(t, t->role->fault(t));
}

void
wr_tls_feed(struct wr_tls *t, const uint8_t *record, size_t n)
{
    struct wr_buf *kept = t->raw;
    char none[1];

    t->raw = wr_buf_of(record, n);
    ERR_clear_error();
    SSL_read(t->ssl, none, sizeof(none)); /* says that it wants more, having seen the ticket */
    ERR_clear_error();
    wr_buf_unref(t->raw);
    t->raw = kept;
}

/* ---- the shop ---- */

bool
wr_tls_shop_init(struct wr_tls_shop *shop, struct wr_loop *l)
{
    shop->loop = l;
    wr_list_init(&shop->late);
    wr_timer_init(&shop->late_timer, tls_hands_on_late);
    shop->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
    return wr_tls_kit_init(&shop->kit) && shop->bio != NULL &&
        BIO_meth_set_read(shop->bio, tls_hands_read) == 1 &&
        BIO_meth_set_write(shop->bio, tls_hands_write) == 1 &&
        BIO_meth_set_ctrl(shop->bio, tls_hands_ctrl) == 1 &&
        BIO_meth_set_create(shop->bio, tls_hands_create) == 1;
}

void
wr_tls_shop_fini(struct wr_tls_shop *shop)
{
    wr_timer_stop(&shop->loop->wheel, &shop->late_timer);
    wr_tls_kit_fini(&shop->kit);
    BIO_meth_free(shop->bio);
    if (shop->keylog != NULL) {
        fclose(shop->keylog);
    }
}

void
wr_tls_shop_adopt(struct wr_tls_shop *shop, SSL_CTX *ctx, bool always)
{
    SSL_CTX_set_keylog_callback(ctx, always || shop->keylog != NULL ? tls_hands_on_secret : NULL);
    SSL_CTX_set_msg_callback(ctx, tls_hands_on_message);
}
