/*
 * The other end of a connection under test: OpenSSL itself, over two blocks of
 * memory, which tells the secrets that it agrees on.
 */
#ifndef WR_LIB_SSL_PEER_H
#define WR_LIB_SSL_PEER_H

#include <openssl/ssl.h>

#include "modules/tls/tls_schedule.h"
#include "t/lib/ssl_make.h"

/* What suites are called, by the AEAD: AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305. */
static const char *const ssl_peer_suites[2][WR_TLS_AEADS] = {
    {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
};

struct ssl_peer {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in;  /* what it is to read */
    BIO *out; /* what it has written */
    bool server;
    bool v13;
    struct wr_tls_secret secret[2]; /* of the application: the client's, the server's */
};

static inline void
ssl_peer_on_line(const SSL *ssl, const char *line)
{
    struct ssl_peer *p = SSL_get_app_data(ssl);

    wr_tls_schedule_line(line, "CLIENT_TRAFFIC_SECRET_0", &p->secret[0]);
    wr_tls_schedule_line(line, "SERVER_TRAFFIC_SECRET_0", &p->secret[1]);
}

/* Its settings, for the test to add to before ssl_peer_start.  cert: NULL, or what it shows. */
static inline void
ssl_peer_init(struct ssl_peer *p, bool server, bool v13, const struct made *cert)
{
    int version = v13 ? TLS1_3_VERSION : TLS1_2_VERSION;

    *p = (struct ssl_peer){.server = server, .v13 = v13};
    p->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_min_proto_version(p->ctx, version);
    SSL_CTX_set_max_proto_version(p->ctx, version);
    SSL_CTX_set_keylog_callback(p->ctx, ssl_peer_on_line);
    SSL_CTX_set_num_tickets(p->ctx, 0);
    SSL_CTX_set_verify(p->ctx, SSL_VERIFY_NONE, NULL);
    if (cert != NULL) {
        wr_assert(SSL_CTX_use_certificate(p->ctx, cert->x) == 1 &&
                  SSL_CTX_use_PrivateKey(p->ctx, cert->key) == 1);
    }
}

/* One suite alone; aead: an index of ssl_peer_suites. */
static inline void
ssl_peer_suite(struct ssl_peer *p, unsigned aead)
{
    const char *name = ssl_peer_suites[p->v13][aead];

    wr_assert((p->v13 ? SSL_CTX_set_ciphersuites(p->ctx, name) : SSL_CTX_set_cipher_list(p->ctx, name)) == 1);
}

static inline void
ssl_peer_start(struct ssl_peer *p)
{
    p->ssl = SSL_new(p->ctx);
    p->in = BIO_new(BIO_s_mem());
    p->out = BIO_new(BIO_s_mem());
    wr_assert(p->ssl != NULL && p->in != NULL && p->out != NULL);
    BIO_set_mem_eof_return(p->in, -1);
    BIO_set_mem_eof_return(p->out, -1);
    SSL_set_bio(p->ssl, p->in, p->out);
    SSL_set_app_data(p->ssl, p);
    if (p->server) {
        SSL_set_accept_state(p->ssl);
    } else {
        SSL_set_connect_state(p->ssl);
    }
}

static inline void
ssl_peer_end(struct ssl_peer *p)
{
    /* without this OpenSSL takes the session for a bad one */
    SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    ERR_clear_error();
    *p = (struct ssl_peer){0};
}

/* What it has written moves to p; the bytes. */
static inline size_t
ssl_peer_take(struct ssl_peer *from, void *p, size_t room)
{
    int n = BIO_read(from->out, p, (int)room);

    return n > 0 ? (size_t)n : 0;
}

static inline void
ssl_peer_give(struct ssl_peer *to, const void *p, size_t n)
{
    if (n > 0) {
        wr_assert(BIO_write(to->in, p, (int)n) == (int)n);
    }
}

static inline void
ssl_peer_move(struct ssl_peer *from, struct ssl_peer *to)
{
    char bytes[4096];
    size_t n;

    while ((n = ssl_peer_take(from, bytes, sizeof(bytes))) > 0) {
        ssl_peer_give(to, bytes, n);
    }
}

/* Shakes hands between two of them. */
static inline void
ssl_peer_shake(struct ssl_peer *client, struct ssl_peer *server)
{
    for (unsigned i = 0; i < 10 && !(SSL_is_init_finished(client->ssl) && SSL_is_init_finished(server->ssl));
         i++) {
        SSL_do_handshake(client->ssl);
        ssl_peer_move(client, server);
        SSL_do_handshake(server->ssl);
        ssl_peer_move(server, client);
    }
    wr_assert(SSL_is_init_finished(client->ssl) && SSL_is_init_finished(server->ssl));
    ERR_clear_error();
}

static inline const struct wr_tls_aead *
ssl_peer_aead(const struct ssl_peer *p, const struct wr_tls_kit *kit)
{
    return wr_tls_aead_of(kit, SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(p->ssl)));
}

/* The keys of its end of the connection. */
static inline void
ssl_peer_keys(const struct ssl_peer *p, const struct wr_tls_kit *kit, struct wr_tls_key *rx,
              struct wr_tls_key *tx)
{
    const struct wr_tls_aead *a = ssl_peer_aead(p, kit);

    wr_assert(a != NULL);
    if (p->v13) {
        wr_assert(wr_tls_schedule_key(kit, rx, a, false, &p->secret[!p->server]) &&
                  wr_tls_schedule_key(kit, tx, a, true, &p->secret[p->server]));
    } else {
        wr_assert(wr_tls_schedule_block(kit, p->ssl, a, p->server, rx, tx));
    }
}

#endif
