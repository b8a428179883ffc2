/*
 * TLS, as fronts, backs and health checks are given it: who puts it on a
 * connection, and what was agreed on one.  The module tls implements it; a
 * process without TLS in its configuration has a NULL here.
 *
 * After accept or connect the connection's transport is TLS.  Its handshake()
 * is called once now and then at each event of the connection until it answers
 * OK or ERR; the caller has the deadline.  ERR: c->fault is the named reason
 * (core/base/err.def), and the alert that tells the peer has been written.
 */
#ifndef WR_EVENT_SECURE_H
#define WR_EVENT_SECURE_H

#include "core/base/str.h"

struct wr_conn;

#define WR_SECURE_NO_SERVER UINT32_MAX

/* A client's certificate; texts are printable ASCII, what is not is escaped. */
struct wr_secure_cert {
    struct wr_str subject;     /* RFC 4514 */
    struct wr_str issuer;      /* RFC 4514 */
    struct wr_str san;         /* "DNS:a.example, email:b@example"; empty: none */
    struct wr_str serial;      /* hexadecimal, upper case */
    struct wr_str fingerprint; /* SHA-256 of the DER, 64 hexadecimal digits, lower case */
};

/* What was agreed; lives as long as the connection. */
struct wr_secure_facts {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* "TLS_AES_128_GCM_SHA256" */
    struct wr_str name;  /* SNI, lower case; empty: none was sent */
    struct wr_str alpn;  /* chosen; empty: none */
    uint32_t server;     /* of model->servers: whose certificate and rules were used */
    bool resumed;
    const char *verify;                /* of the client's certificate: "none", "ok", or why it is not good */
    const struct wr_secure_cert *cert; /* NULL: none was sent */
    const char *why;                   /* of a failed handshake: TLS's own words, a fixed text; NULL: none */
};

struct wr_secure {
    /* Towards a client that was accepted on model->listens[listen].  False: no room (logged). */
    bool (*accept)(const struct wr_secure *self, struct wr_conn *c, uint32_t listen);
    /*
     * Towards a server of model->upstreams[upstream], by that upstream's tls.* settings.  name: what its
     * certificate has to be for, and SNI unless it is an address; sessions are kept by it and `key`, a number that
     * stands for the address.  False: as above.
     */
    bool (*connect)(const struct wr_secure *self, struct wr_conn *c, uint32_t upstream, struct wr_str name,
                    uint64_t key);
};

#endif
