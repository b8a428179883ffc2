/*
 * What the files of the module know of each other: the configuration of a
 * cycle, and what a worker makes of it.
 */
#ifndef WR_TLS_MODULE_H
#define WR_TLS_MODULE_H

#include "core/module.h"
#include "modules/tls/tls_cert.h"
#include "modules/tls/tls_conn.h"
#include "modules/tls/tls_remote.h"
#include "modules/tls/tls_ticket.h"

#define WR_TLS_ID_BYTES 32

enum { WR_TLS_CLIENT_OFF, WR_TLS_CLIENT_OPTIONAL, WR_TLS_CLIENT_REQUIRED };
enum { WR_TLS_KEYS_WORKER, WR_TLS_KEYS_ISOLATED };
enum { WR_TLS_MIN_12, WR_TLS_MIN_13 };

/* tls.* of a server */
struct wr_tls_server_conf {
    bool tickets;
    int min; /* WR_TLS_MIN_* */
    int client;
    struct wr_str client_ca;
    struct wr_str client_crl;
    int64_t client_depth;
};
/* of [weir] */
struct wr_tls_weir_conf {
    struct wr_str store;
    struct wr_str keylog;
    uint64_t ticket_turn_ms;
    int keys; /* WR_TLS_KEYS_* */
};

/* A server that speaks TLS. */
struct wr_tls_site {
    const struct wr_server *server;
    const struct wr_tls_server_conf *conf;
    struct wr_tls_pair *pairs;
    struct wr_str *staples; /* paths beside the certificates */
    size_t pairs_n;
    struct wr_place place; /* of `tls` */
    bool internal;         /* its pair is made by weir itself */
};

/* Names of a listener, to the servers behind them. */
struct wr_tls_names {
    struct wr_strmap exact;
    struct wr_strmap wild;     /* "example.com" of "*.example.com" */
    struct wr_tls_site *any;   /* of "*" */
    struct wr_tls_site *first; /* for clients that name nobody */
};

/* One a cycle, made by check. */
struct wr_tls_main {
    const struct wr_model *model;
    unsigned module;
    const struct wr_tls_weir_conf *weir;
    struct wr_tls_site **site_of;   /* by server index; NULL: no TLS */
    struct wr_tls_names **names_of; /* by listener index; NULL: plain */
    bool differ;                    /* servers are not of one mind about clients, or one wants certificates */
    struct wr_str store;            /* of certificates that weir makes */
    struct wr_str authority;        /* path of the internal authority's certificate; empty: nobody needs it */
    uint32_t internals;             /* servers with tls = internal */
    bool in_use;                    /* a listener or an upstream has TLS */
};

/* What a worker has loaded for a site. */
struct wr_tls_loaded {
    struct wr_tls_cert cert[WR_SERVER_PAIRS_MOST];
    uint64_t versions[3 * WR_SERVER_PAIRS_MOST]; /* of the files that they were made of */
    uint64_t authorities;
    uint64_t revoked;
    size_t n;
    bool loaded;
    X509_STORE *store; /* tls.client_ca and tls.client_crl */
    STACK_OF(X509_NAME) * names;
    uint8_t id[WR_TLS_ID_BYTES]; /* session id context: hash over what it asks of clients, and the server */
};

struct wr_tls_origin;   /* tls_client.c */
struct wr_tls_sessions; /* ... too */

struct wr_tls_worker {
    struct wr_secure secure; /* first */
    const struct wr_tls_main *main;
    struct wr_tls_shop *shop;
    struct wr_tls_remote *remote; /* NULL: keys are in this process */
    const struct wr_tls_ring *ring;
    EVP_CIPHER *cbc;               /* of tickets */
    SSL_CTX *ctx;                  /* of all handshakes with clients */
    struct wr_tls_loaded *loaded;  /* by server index */
    struct wr_tls_origin *origins; /* by upstream index */
    X509_STORE *system;            /* whom the system trusts; NULL: no upstream asks */
    struct wr_tls_sessions *sessions;
};

/* ---- tls_rows.c ---- */
extern const struct wr_directive_table wr_tls_tables[];

/* ---- tls_site.c: made once a cycle ---- */
bool wr_tls_sites_make(struct wr_conf *cf, struct wr_tls_main *m);
/* Certificates of tls = internal: made, or renewed.  False: logged. */
bool wr_tls_sites_mint(const struct wr_tls_main *m);
void wr_tls_sites_verify(struct wr_conf *cf, struct wr_tls_main *m);
/* The site that a client means by that name (lower case; empty: none was sent).  NULL: nobody. */
const struct wr_tls_site *wr_tls_site_find(const struct wr_tls_names *names, struct wr_str name);

/* ---- tls_loaded.c: a worker's certificates ---- */
/* Makes sure that what the site needs is loaded; false: it has no certificate (logged). */
bool wr_tls_loaded_get(struct wr_tls_worker *w, const struct wr_tls_site *site, struct wr_tls_loaded **out);
/* Files have changed: what was made of them is made anew when it is wanted next. */
void wr_tls_loaded_refresh(struct wr_tls_worker *w);
void wr_tls_loaded_free(struct wr_tls_worker *w);

/* A pair as this process has it: with its key, or with one that asks the signer. */
bool wr_tls_loaded_pair(struct wr_tls_worker *w, const struct wr_tls_pair *pair, struct wr_tls_cert *cert,
                        uint64_t versions[2], char why[WR_TLS_WHY_BYTES]);

/* ---- tls_server.c: handshakes with clients ---- */
bool wr_tls_server_start(struct wr_tls_worker *w);
void wr_tls_server_stop(struct wr_tls_worker *w);
bool wr_tls_server_accept(const struct wr_secure *self, struct wr_conn *c, uint32_t listen);

/* ---- tls_client.c: handshakes with servers ---- */
void wr_tls_client_start(struct wr_tls_worker *w);
void wr_tls_client_stop(struct wr_tls_worker *w);
/* Files have changed. */
void wr_tls_client_refresh(struct wr_tls_worker *w);
/* Upstreams with tls: names their files; looks into them. */
bool wr_tls_origins_check(struct wr_conf *cf, struct wr_tls_main *m);
void wr_tls_origins_verify(struct wr_conf *cf, const struct wr_tls_main *m);
bool wr_tls_client_connect(const struct wr_secure *self, struct wr_conn *c, uint32_t upstream,
                           struct wr_str name, uint64_t key);

/* ---- tls_peer.c: facts of a certificate ---- */
/* One block from malloc that holds the certificate's texts and behind them `name`. */
char *wr_tls_peer_texts(const X509 *x, struct wr_str name, struct wr_secure_facts *facts);

/* ---- tls_rule.c: on requests ---- */
enum wr_step wr_tls_rule_guard(struct wr_req *r, const void *conf, void *state);
bool wr_tls_rule_active(const struct wr_route *rt, const void *conf, void *main);

#endif
