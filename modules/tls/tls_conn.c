/*
 * The transport: records in and out behind the handshake.
 *
 * What is sealed and not yet sent keeps its plain bytes in c->out (flight_plain
 * of them), so that whoever looks at c->out sees what the client still has to
 * get.
 */
#include "modules/tls/tls_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_CONN_ODDITIES_MOST 32
#define TLS_CONN_UPDATES_MOST 32
#define TLS_CONN_UPDATE_BYTES (1024 * 1024)          /* data that make up for key updates */
#define TLS_CONN_TX_RECORDS_MOST (UINT64_C(1) << 23) /* under one key: RFC 8446 5.5 */
#define TLS_CONN_READS 8                             /* of the socket, in one call, that bring no data */
/* The first records of a burst fit into a segment each: the client can begin with the first that arrives. */
#define TLS_CONN_SMALL_BYTES 1360
#define TLS_CONN_SMALL_MOST 4096
#define TLS_CONN_QUIET_MS 1000

enum tls_alert {
    TLS_ALERT_CLOSE = 0,
    TLS_ALERT_UNEXPECTED = 10,
    TLS_ALERT_BAD_MAC = 20,
    TLS_ALERT_USER_CANCELED = 90,
    TLS_ALERT_NO_RENEGOTIATION = 100,
};
enum tls_message { TLS_MESSAGE_TICKET = 4, TLS_MESSAGE_KEY_UPDATE = 24 };

/* ---- life ---- */

struct wr_tls *
wr_tls_begin(struct wr_tls_shop *shop, struct wr_conn *c, const struct wr_tls_role *role, void *of, SSL *ssl)
{
    struct wr_tls *t = wr_calloc(1, sizeof(*t));
    BIO *bio = BIO_new(shop->bio);

    if (bio == NULL) {
        SSL_free(ssl);
        free(t);
        return NULL;
    }
    t->shop = shop;
    t->role = role;
    t->of = of;
    t->c = c;
    t->ssl = ssl;
    t->facts.server = WR_SECURE_NO_SERVER;
    t->facts.verify = "none";
    wr_chain_init(&t->control);
    wr_list_init(&t->late_link);
    t->raw = c->in;
    c->in = NULL;
    BIO_set_data(bio, t);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, t);
    if (role->server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    c->transport = &wr_tls_transport;
    c->transport_state = t;
    return t;
}

static void
tls_conn_unref(struct wr_buf **b)
{
    if (*b != NULL) {
        wr_buf_unref(*b);
        *b = NULL;
    }
}

/* ---- control ---- */

static void
tls_conn_control(struct wr_tls *t, enum wr_tls_type type, const uint8_t *p, size_t n)
{
    uint8_t record[64 + WR_TLS_OVERHEAD_BYTES];
    size_t bytes = wr_tls_seal_bytes(&t->tx, type, p, n, record);

    wr_chain_copy(&t->control, (const char *)record, bytes);
}

static void
tls_conn_alert(struct wr_tls *t, bool fatal, enum tls_alert what)
{
    uint8_t alert[2] = {fatal ? 2 : 1, (uint8_t)what};

    if (t->done && !t->closed) {
        t->closed = fatal || what == TLS_ALERT_CLOSE;
        tls_conn_control(t, WR_TLS_ALERT, alert, sizeof(alert));
    }
}

/* The peer broke the protocol: it is told, and the connection is over. */
static enum wr_io
tls_conn_refuse(struct wr_tls *t, enum tls_alert what)
{
    tls_conn_alert(t, true, what);
    wr_tls_flush_control(t);
    return wr_conn_fail(t->c, EPROTO);
}

enum wr_io
wr_tls_flush_control(struct wr_tls *t)
{
    if (t->flight != NULL) {
        return WR_IO_AGAIN; /* it has begun with a record that is not out */
    }
    while (!wr_chain_empty(&t->control)) {
        const struct wr_slice *s = t->control.first;
        size_t n;
        enum wr_io io = wr_transport_give(t->c, s->p, s->n, &n);
        if (io != WR_IO_OK) {
            return io;
        }
        wr_chain_drop(&t->control, n);
    }
    return WR_IO_OK;
}

/* ---- what comes beside data ---- */

static bool
tls_conn_send_update(struct wr_tls *t)
{
    static const uint8_t message[5] = {TLS_MESSAGE_KEY_UPDATE, 0, 0, 1, 0};

    tls_conn_control(t, WR_TLS_HANDSHAKE, message, sizeof(message));
    return wr_tls_schedule_update(&t->shop->kit, &t->tx, t->aead, &t->tx_secret);
}

static bool
tls_conn_on_update(struct wr_tls *t, const uint8_t *p, size_t n)
{
    bool asked = p[4] == 1;

    if (n != 5 || p[1] != 0 || p[2] != 0 || p[3] != 1 || p[4] > 1 || ++t->updates > TLS_CONN_UPDATES_MOST ||
        !wr_tls_schedule_update(&t->shop->kit, &t->rx, t->aead, &t->rx_secret)) {
        return false;
    }
    t->received = 0;
    return !asked || t->closed || tls_conn_send_update(t);
}

/* TLS 1.3: key updates; tickets (a client's business) are passed over, however they are cut into records. */
static bool
tls_conn_on_message(struct wr_tls *t, const uint8_t *p, size_t n)
{
    while (n > 0) {
        if (t->skip > 0) {
            size_t take = WR_MIN(n, (size_t)t->skip);
            t->skip -= (uint32_t)take;
            p += take;
            n -= take;
        } else if (n >= 5 && p[0] == TLS_MESSAGE_KEY_UPDATE) {
            return tls_conn_on_update(t, p, n);
        } else if (n >= 4 && p[0] == TLS_MESSAGE_TICKET && !t->role->server &&
                   ++t->oddities <= TLS_CONN_ODDITIES_MOST) {
            t->skip = 4 + ((uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
        } else {
            return false;
        }
    }
    return true;
}

/* TLS 1.2: whoever wants to negotiate anew is told no (RFC 5746 lets us). */
static bool
tls_conn_on_renegotiation(struct wr_tls *t)
{
    tls_conn_alert(t, false, TLS_ALERT_NO_RENEGOTIATION);
    wr_tls_flush_control(t);
    return ++t->oddities <= 3;
}

static enum wr_io
tls_conn_on_alert(struct wr_tls *t, const uint8_t *p, size_t n)
{
    if (n != 2) {
        return tls_conn_refuse(t, TLS_ALERT_UNEXPECTED);
    }
    if (p[1] == TLS_ALERT_CLOSE) {
        t->peer_closed = true;
        return WR_IO_OK;
    }
    if (p[1] == TLS_ALERT_USER_CANCELED || (!t->tx.v13 && p[0] == 1)) {
        return ++t->oddities <= TLS_CONN_ODDITIES_MOST ? WR_IO_OK : tls_conn_refuse(t, TLS_ALERT_UNEXPECTED);
    }
    t->closed = true; /* it hears no more */
    if (!t->had_data) {
        t->c->fault = t->role->alerted;
    }
    return wr_conn_fail(t->c, ECONNRESET);
}

/* A record that is not data, or data without bytes. */
static enum wr_io
tls_conn_on_other(struct wr_tls *t, const struct wr_tls_opened *data)
{
    bool good = false;

    if (data->type == WR_TLS_ALERT) {
        return tls_conn_on_alert(t, data->p, data->n);
    }
    if (data->type == WR_TLS_DATA) {
        good = ++t->oddities <= TLS_CONN_ODDITIES_MOST;
    } else if (data->type == WR_TLS_HANDSHAKE && data->n > 0) {
        good = t->rx.v13 ? tls_conn_on_message(t, data->p, data->n) : tls_conn_on_renegotiation(t);
    }
    return good ? WR_IO_OK : tls_conn_refuse(t, TLS_ALERT_UNEXPECTED);
}

/* ---- receiving ---- */

static void
tls_conn_note_data(struct wr_tls *t, size_t n)
{
    t->oddities = 0;
    t->had_data = true;
    if (t->updates > 0) {
        t->received += (uint32_t)n;
        t->updates = t->received >= TLS_CONN_UPDATE_BYTES ? 0 : t->updates;
    }
    if (t->ssl != NULL) {
        wr_tls_drop_ssl(t); /* tickets that come from now on are not kept */
    }
}

/*
 * Opens one record of shop->rx.  Data goes to p when it fits, else what fits does, and the rest waits in t->plain.
 */
static enum wr_io
tls_conn_open(struct wr_tls *t, uint8_t *record, size_t bytes, uint8_t *p, size_t room, size_t *got)
{
    uint8_t aside[WR_TLS_RECORD_BYTES];
    struct wr_tls_opened data;

    if (t->ssl != NULL) {
        memcpy(aside, record, bytes); /* OpenSSL opens it again if there are tickets in it */
    }
    if (!wr_tls_open(&t->rx, record, bytes, room >= bytes ? p : NULL, &data)) {
        return tls_conn_refuse(t, TLS_ALERT_BAD_MAC);
    }
    if (wr_unlikely(data.type != WR_TLS_DATA || data.n == 0)) {
        if (t->ssl != NULL && data.type == WR_TLS_HANDSHAKE) {
            wr_tls_feed(t, aside, bytes);
        }
        return tls_conn_on_other(t, &data);
    }
    tls_conn_note_data(t, data.n);
    size_t fits = WR_MIN(data.n, room);
    if (data.p != p) {
        memcpy(p, data.p, fits);
    }
    if (fits < data.n) {
        t->plain = wr_buf_of(data.p + fits, data.n - fits);
    }
    *got += fits;
    return WR_IO_OK;
}

/* Opens what stands whole in shop->rx[0..n), until p is full; what is left waits in t->raw. */
static enum wr_io
tls_conn_open_all(struct wr_tls *t, size_t n, uint8_t *p, size_t room, size_t *got)
{
    uint8_t *at = t->shop->rx, *end = at + n;
    enum wr_tls_frame frame = WR_TLS_FRAME_MORE;
    enum wr_io io = WR_IO_OK;
    size_t bytes;

    while (io == WR_IO_OK && *got < room && t->plain == NULL && !t->peer_closed &&
           (frame = wr_tls_record_frame(at, (size_t)(end - at), &bytes)) == WR_TLS_FRAME_WHOLE) {
        io = tls_conn_open(t, at, bytes, p + *got, room - *got, got);
        at += bytes;
    }
    if (frame == WR_TLS_FRAME_BAD) {
        io = tls_conn_refuse(t, TLS_ALERT_UNEXPECTED);
    }
    if (at < end && io == WR_IO_OK && !t->peer_closed) {
        t->raw = wr_buf_of(at, (size_t)(end - at));
    }
    return io;
}

static size_t
tls_conn_raw_bytes(const struct wr_tls *t)
{
    return t->raw != NULL ? t->raw->w - t->raw->r : 0;
}

/* Whether t->raw begins with a whole record (or with none at all, which has to be told). */
static bool
tls_conn_raw_ready(const struct wr_tls *t)
{
    size_t bytes;

    return t->raw != NULL &&
        wr_tls_record_frame((const uint8_t *)t->raw->data + t->raw->r, tls_conn_raw_bytes(t), &bytes) !=
        WR_TLS_FRAME_MORE;
}

/* FIN from below. */
static enum wr_io
tls_conn_on_fin(struct wr_tls *t)
{
    if (t->role->truncated != 0) {
        t->c->fault = t->role->truncated;
        return wr_conn_fail(t->c, ECONNRESET);
    }
    t->c->eof = true;
    return WR_IO_EOF;
}

/* Moves t->raw and what the socket has to shop->rx.  OK: *n bytes are there. */
static enum wr_io
tls_conn_fill(struct wr_tls *t, size_t room, size_t *n)
{
    struct wr_conn *c = t->c;
    size_t have = tls_conn_raw_bytes(t), got = 0;

    if (!tls_conn_raw_ready(t)) {
        size_t want = WR_MIN(room + 2 * WR_TLS_OVERHEAD_BYTES + 256, sizeof(t->shop->rx) - have);
        if (!c->ev.readable) {
            return WR_IO_AGAIN;
        }
        enum wr_io io = wr_transport_take(c, t->shop->rx + have, want, &got);
        if (io != WR_IO_OK) {
            return io == WR_IO_EOF ? tls_conn_on_fin(t) : io;
        }
    }
    if (have > 0) {
        memcpy(t->shop->rx, t->raw->data + t->raw->r, have);
        tls_conn_unref(&t->raw);
    }
    *n = have + got;
    return WR_IO_OK;
}

static bool
tls_conn_take_plain(struct wr_tls *t, uint8_t *p, size_t room, size_t *got)
{
    struct wr_buf *b = t->plain;

    if (b == NULL) {
        return false;
    }
    *got = WR_MIN(room, (size_t)(b->w - b->r));
    memcpy(p, b->data + b->r, *got);
    b->r += (uint32_t)*got;
    if (b->r == b->w) {
        tls_conn_unref(&t->plain);
    }
    return true;
}

static enum wr_io
tls_conn_recv(struct wr_conn *c, char *dst, size_t room, size_t *got)
{
    struct wr_tls *t = c->transport_state;
    uint8_t *p = (uint8_t *)dst;
    size_t n;

    *got = 0;
    if (tls_conn_take_plain(t, p, room, got)) {
        return WR_IO_OK;
    }
    if (c->failed) {
        return WR_IO_ERR; /* it was known behind the last bytes */
    }
    for (unsigned i = 0; i < TLS_CONN_READS && !t->peer_closed; i++) {
        enum wr_io io = tls_conn_fill(t, room, &n);
        if (io == WR_IO_OK) {
            io = tls_conn_open_all(t, n, p, room, got);
        }
        if (io != WR_IO_OK || *got > 0) {
            /* what was received before a failure can still be read */
            return *got > 0 ? WR_IO_OK : io;
        }
    }
    if (t->peer_closed) {
        c->eof = true;
        c->ev.readable = false;
        return WR_IO_EOF;
    }
    wr_loop_more(c->loop, &c->ev);
    return WR_IO_AGAIN;
}

static bool
tls_conn_pending(const struct wr_conn *c)
{
    const struct wr_tls *t = c->transport_state;

    return t->plain != NULL || t->peer_closed || c->failed || (t->done && tls_conn_raw_ready(t));
}

/* ---- sending ---- */

static size_t
tls_conn_record_bytes(const struct wr_tls *t)
{
    size_t most = t->burst_bytes < TLS_CONN_SMALL_MOST ? TLS_CONN_SMALL_BYTES : WR_TLS_PLAIN_BYTES;

    return t->record_most > 0 ? WR_MIN(most, t->record_most) : most;
}

static bool
tls_conn_in_memory(const struct wr_slice *s)
{
    return s->kind == WR_SLICE_MEM || s->kind == WR_SLICE_SHM;
}

/* How many bytes from the slice on, `skip` into it, stand in memory and go into one record. */
static size_t
tls_conn_gather(const struct wr_slice *s, size_t skip, size_t most)
{
    size_t n = 0;

    for (; s != NULL && n < most && tls_conn_in_memory(s); s = s->next, skip = 0) {
        n += s->n - skip;
    }
    return WR_MIN(n, most);
}

/* Seals from the front of the chain to `to`; *plain bytes of it went in.  0: nothing, or failed. */
static size_t
tls_conn_seal(struct wr_tls *t, const struct wr_chain *out, uint8_t *to, size_t *plain)
{
    const struct wr_slice *s = out->first;
    size_t skip = 0, bytes = 0;

    *plain = 0;
    for (unsigned i = 0; i < WR_TLS_FLIGHT_RECORDS && s != NULL; i++) {
        size_t n = tls_conn_gather(s, skip, tls_conn_record_bytes(t));
        size_t sealed = n > 0 ? wr_tls_seal(&t->tx, WR_TLS_DATA, s, skip, n, to + bytes) : 0;
        if (sealed == 0) {
            break;
        }
        bytes += sealed;
        *plain += n;
        t->burst_bytes += (uint32_t)n;
        for (skip += n; s != NULL && skip >= s->n; s = s->next) {
            skip -= s->n;
        }
    }
    t->burst_bytes = WR_MIN(t->burst_bytes, (uint32_t)1 << 20);
    return bytes;
}

/* Bytes of a file pass through memory once. */
static size_t
tls_conn_seal_file(struct wr_tls *t, const struct wr_slice *s, uint8_t *to, size_t *plain)
{
    ssize_t n = pread(s->fd, t->shop->rx, WR_MIN(s->n, tls_conn_record_bytes(t)), s->off);

    *plain = n > 0 ? (size_t)n : 0;
    t->burst_bytes = WR_MIN(t->burst_bytes + (uint32_t)*plain, (uint32_t)1 << 20);
    return n > 0 ? wr_tls_seal_bytes(&t->tx, WR_TLS_DATA, t->shop->rx, (size_t)n, to) : 0;
}

/* What is in flight goes on; its plain bytes leave the chain with its last. */
static enum wr_io
tls_conn_send_flight(struct wr_tls *t, struct wr_chain *out)
{
    struct wr_buf *b = t->flight;

    while (b->r < b->w) {
        size_t n;
        enum wr_io io = wr_transport_give(t->c, b->data + b->r, b->w - b->r, &n);
        if (io != WR_IO_OK) {
            return io;
        }
        b->r += (uint32_t)n;
    }
    tls_conn_unref(&t->flight);
    wr_chain_drop(out, t->flight_plain);
    t->flight_plain = 0;
    return WR_IO_OK;
}

/* Keeps the rest of a flight that the socket had no room for. */
static enum wr_io
tls_conn_keep_flight(struct wr_tls *t, const uint8_t *p, size_t n, size_t plain)
{
    t->flight = wr_buf_new_exact(n);
    memcpy(t->flight->data, p, n);
    t->flight->w = (uint32_t)n;
    t->flight_plain = plain;
    t->c->ev.writable = false;
    return WR_IO_AGAIN;
}

/* close_notify behind the last data. */
static size_t
tls_conn_goodbye(struct wr_tls *t, uint8_t *to)
{
    static const uint8_t alert[2] = {1, TLS_ALERT_CLOSE};

    t->closed = true;
    return wr_tls_seal_bytes(&t->tx, WR_TLS_ALERT, alert, sizeof(alert), to);
}

/* One flight: control that waits, then records of what stands in front of the chain. */
static enum wr_io
tls_conn_send_some(struct wr_tls *t, struct wr_chain *out)
{
    uint8_t *tx = t->shop->tx;
    size_t control = 0, plain, sent;

    for (const struct wr_slice *s = t->control.first; s != NULL; s = s->next) {
        memcpy(tx + control, s->p, s->n);
        control += s->n;
    }
    size_t n = tls_conn_in_memory(out->first) ? tls_conn_seal(t, out, tx + control, &plain)
                                              : tls_conn_seal_file(t, out->first, tx + control, &plain);
    if (n == 0) {
        return wr_conn_fail(t->c, EIO); /* a file that shrank under us: only this response is harmed */
    }
    wr_chain_free(&t->control);
    n += control;
    if ((t->c->last || t->c->shut) && plain == out->bytes && !t->closed) {
        n += tls_conn_goodbye(t, tx + n);
    }
    if (wr_transport_give(t->c, tx, n, &sent) == WR_IO_ERR) {
        return WR_IO_ERR;
    }
    if (sent < n) {
        return tls_conn_keep_flight(t, tx + sent, n - sent, plain);
    }
    wr_chain_drop(out, plain);
    return WR_IO_OK;
}

static enum wr_io
tls_conn_send(struct wr_conn *c, struct wr_chain *out)
{
    struct wr_tls *t = c->transport_state;
    enum wr_io io = WR_IO_OK;

    if (t->closed && t->flight == NULL) {
        return wr_conn_fail(t->c, EPIPE);
    }
    if (t->sent_ms + TLS_CONN_QUIET_MS < wr_clock.mono_ms) {
        t->burst_bytes = 0;
    }
    t->sent_ms = wr_clock.mono_ms;
    if (t->flight != NULL) {
        io = tls_conn_send_flight(t, out);
    }
    while (io == WR_IO_OK && !wr_chain_empty(out)) {
        if (t->control.bytes > WR_TLS_CONTROL_BYTES && (io = wr_tls_flush_control(t)) != WR_IO_OK) {
            break;
        }
        if (t->tx.v13 && t->tx.seq >= TLS_CONN_TX_RECORDS_MOST && !tls_conn_send_update(t)) {
            return wr_conn_fail(t->c, EIO);
        }
        io = tls_conn_send_some(t, out);
    }
    return io;
}

/* ---- the end ---- */

static const struct wr_secure_facts *
tls_conn_facts(const struct wr_conn *c)
{
    const struct wr_tls *t = c->transport_state;

    return t->done || c->failed ? &t->facts : NULL;
}

static void
tls_conn_shutdown(struct wr_conn *c)
{
    struct wr_tls *t = c->transport_state;

    tls_conn_alert(t, false, TLS_ALERT_CLOSE);
    wr_tls_flush_control(t); /* a full socket: the peer sees the FIN alone */
    shutdown(c->ev.fd, SHUT_WR);
}

/* close_notify goes only behind everything that was to be sent. */
static void
tls_conn_close(struct wr_conn *c)
{
    struct wr_tls *t = c->transport_state;

    if (!c->failed && wr_chain_empty(&c->out)) {
        tls_conn_alert(t, false, TLS_ALERT_CLOSE);
        wr_tls_flush_control(t);
    }
    wr_list_del(&t->late_link);
    wr_tls_drop_ssl(t);
    wr_tls_key_fini(&t->rx);
    wr_tls_key_fini(&t->tx);
    OPENSSL_cleanse(&t->rx_secret, sizeof(t->rx_secret));
    OPENSSL_cleanse(&t->tx_secret, sizeof(t->tx_secret));
    tls_conn_unref(&t->raw);
    tls_conn_unref(&t->plain);
    tls_conn_unref(&t->flight);
    wr_chain_free(&t->control);
    free(t->texts);
    free(t);
    c->transport_state = NULL;
}

const struct wr_transport wr_tls_transport = {
    .name = "tls",
    .plain = false,
    .handshake = wr_tls_handshake,
    .recv = tls_conn_recv,
    .send = tls_conn_send,
    .pending = tls_conn_pending,
    .facts = tls_conn_facts,
    .shutdown = tls_conn_shutdown,
    .close = tls_conn_close,
};
