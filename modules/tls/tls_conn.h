/*
 * A connection under TLS: the state behind conn->transport_state, and the
 * transport.  tls_hands.c shakes hands with OpenSSL, tls_conn.c carries bytes
 * afterwards.
 */
#ifndef WR_TLS_CONN_H
#define WR_TLS_CONN_H

#include "core/event/conn.h"
#include "core/event/transport.h"
#include "modules/tls/tls_schedule.h"

#define WR_TLS_FLIGHT_RECORDS 4 /* sealed for one send */
/* Bytes of control (alerts, tickets, key updates) that go in front of data in one send. */
#define WR_TLS_CONTROL_BYTES 4096

/* One worker's (or keeper's): what all its connections use in turn. */
struct wr_tls_shop {
    struct wr_tls_kit kit;
    BIO_METHOD *bio;
    struct wr_loop *loop;
    FILE *keylog;        /* of tls.keylog; NULL: off */
    struct wr_link late; /* connections whose tickets wait for a first response */
    struct wr_timer late_timer;
    struct wr_tls *shaking; /* whose handshake goes on just now */
    uint8_t rx[2 * WR_BUF_BIG_BYTES];
    uint8_t
        tx[2 * WR_TLS_CONTROL_BYTES + WR_TLS_FLIGHT_RECORDS * (WR_TLS_PLAIN_BYTES + WR_TLS_OVERHEAD_BYTES)];
};

struct wr_tls;
struct wr_tls_wait; /* tls_remote.c */

/* What differs between the two ends. */
struct wr_tls_role {
    bool server;
    /* The handshake is done: what is to be known of t->ssl, which goes.  NULL: nothing more than the facts that both
     * ends have. */
    void (*agreed)(struct wr_tls *t);
    /* The enum wr_err of a failed one, by OpenSSL's queue of errors, and what stands in its alert. */
    uint16_t (*fault)(struct wr_tls *t);
    /* FIN without close_notify: what it is called; 0: an end like others. */
    uint16_t truncated;
    /* The peer's alert instead of a first byte of data (TLS 1.3: it refuses our certificate); 0: no name of its own. */
    uint16_t alerted;
};

struct wr_tls {
    struct wr_tls_shop *shop;
    const struct wr_tls_role *role;
    void *of; /* the role's: a listener's site table, an upstream */
    struct wr_conn *c;
    SSL *ssl;                 /* while hands are shaken; client: until the first data, for tickets */
    struct wr_tls_wait *wait; /* what its handshake has asked the signer; NULL: nothing */
    const struct wr_tls_aead *aead;
    struct wr_tls_key rx;
    struct wr_tls_key tx;
    struct wr_tls_secret rx_secret;
    struct wr_tls_secret tx_secret;
    struct wr_buf *raw;      /* received and not yet opened */
    struct wr_buf *plain;    /* opened and not yet taken */
    struct wr_buf *flight;   /* sealed and not yet sent */
    size_t flight_plain;     /* bytes in front of c->out that the flight is made of */
    struct wr_chain control; /* sealed records that go before any other */
    struct wr_secure_facts facts;
    struct wr_link late_link;
    uint64_t late_ms;
    uint64_t session_key; /* client: what its sessions are kept by */
    char *texts;          /* of the facts, from malloc */
    uint64_t sent_ms;     /* last time that data went out */
    uint32_t burst_bytes; /* sent since the connection was quiet */
    uint32_t skip;        /* bytes of a handshake message that is passed over */
    uint32_t received;    /* data bytes since the last key update, saturating */
    uint16_t rx_records;  /* seen by OpenSSL under the keys of the application */
    uint16_t tx_records;
    uint16_t record_most; /* plain bytes of a record, as a client wishes (RFC 6066 4); 0: it has no wish */
    uint8_t updates;      /* key updates with little data between */
    uint8_t oddities;     /* empty records, refused renegotiations, warnings in a row */
    bool had_data;        /* a byte of data has come */
    bool done;            /* hands are shaken */
    bool sniffed;         /* the first byte was looked at */
    bool peer_closed;     /* close_notify has come */
    bool closed;          /* ... was sent */
    bool hung_up;         /* FIN in the handshake */
};

extern const struct wr_transport wr_tls_transport;

/* Puts TLS on c with the SSL object, which t owns from now on; c->in becomes what was received.  NULL: out of
 * memory (ssl is freed). */
struct wr_tls *wr_tls_begin(struct wr_tls_shop *shop, struct wr_conn *c, const struct wr_tls_role *role,
                            void *of, SSL *ssl);
static inline struct wr_tls *
wr_tls_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* ---- tls_hands.c ---- */

/* Whether an error of OpenSSL's queue is an alert of the peer. */
bool wr_tls_is_alert(unsigned long e);

bool wr_tls_shop_init(struct wr_tls_shop *shop, struct wr_loop *l);
void wr_tls_shop_fini(struct wr_tls_shop *shop);
/* What every SSL_CTX of the shop has: callbacks by which secrets and record counts are learnt.  always: secrets are
 * asked for all the time, else (servers) only while one is due. */
void wr_tls_shop_adopt(struct wr_tls_shop *shop, SSL_CTX *ctx, bool always);
enum wr_io wr_tls_handshake(struct wr_conn *c);
/* Shows a record to OpenSSL, which makes a session of the tickets in it. */
void wr_tls_feed(struct wr_tls *t, const uint8_t *record, size_t n);
void wr_tls_drop_ssl(struct wr_tls *t);

/* ---- tls_conn.c ---- */

/* Sends what stands in t->control.  AGAIN: some is left. */
enum wr_io wr_tls_flush_control(struct wr_tls *t);

#endif
