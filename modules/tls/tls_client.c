/*
 * Handshakes with servers: one SSL_CTX an upstream, made when it is wanted
 * first; a session a server, kept to go on with.  A session skips the look at
 * the certificate, so it is kept by what was looked at: upstream, name, address,
 * and the files that say whom to trust.
 */
#include "modules/tls/tls_module.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define TLS_CLIENT_SESSIONS 512 /* a power of two */
#define TLS_CLIENT_NAME_BYTES 256
#define TLS_CLIENT_SUITES_12 "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:RSA+AESGCM:!aNULL:!eNULL"

struct wr_tls_origin {
    SSL_CTX *ctx; /* NULL: not made yet */
    bool failed;  /* it cannot be made of the files as they are, which is said once */
    uint64_t versions[3];
    uint64_t epoch; /* counts how often the files have changed: part of the sessions' keys */
};

struct wr_tls_sessions {
    struct {
        uint64_t key;
        SSL_SESSION *session; /* NULL: none */
    } v[TLS_CLIENT_SESSIONS];
};

/* ---- sessions ---- */

static uint64_t
tls_client_session_key(const struct wr_tls_origin *o, uint32_t upstream, struct wr_str name, uint64_t key)
{
    uint64_t facts[3] = {o->epoch, upstream, key};

    return wr_hash_keyed(name) ^ wr_hash_keyed(wr_str_make((const char *)facts, sizeof(facts)));
}

static int
tls_client_on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct wr_tls *t = wr_tls_of(ssl);
    struct wr_tls_sessions *s = t->of;
    unsigned at = (unsigned)(t->session_key % TLS_CLIENT_SESSIONS);

    SSL_SESSION_free(s->v[at].session);
    s->v[at].session = session;
    s->v[at].key = t->session_key;
    return 1; /* it is ours now */
}

static SSL_SESSION *
tls_client_session(const struct wr_tls_sessions *s, uint64_t key)
{
    unsigned at = (unsigned)(key % TLS_CLIENT_SESSIONS);

    return s->v[at].session != NULL && s->v[at].key == key ? s->v[at].session : NULL;
}

/* ---- a failed handshake ---- */

static uint16_t
tls_client_cert_fault(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return WR_E_UPSTREAM_TLS_EXPIRED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return WR_E_UPSTREAM_TLS_ISSUER;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return WR_E_UPSTREAM_TLS_NAME;
    case X509_V_ERR_CERT_REVOKED:
        return WR_E_UPSTREAM_TLS_REVOKED;
    default:
        return WR_E_UPSTREAM_TLS_CERT;
    }
}

static uint16_t
tls_client_fault(struct wr_tls *t)
{
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_REASON(e);

    if (e == 0 || t->hung_up || t->c->failed) {
        return WR_E_UPSTREAM_TLS_CLOSED;
    }
    t->facts.why = ERR_reason_error_string(e);
    if (ERR_GET_LIB(e) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        t->facts.why = X509_verify_cert_error_string(SSL_get_verify_result(t->ssl));
        return tls_client_cert_fault(SSL_get_verify_result(t->ssl));
    }
    if (reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) {
        return WR_E_UPSTREAM_TLS_PROTOCOL;
    }
    return wr_tls_is_alert(e) ? WR_E_UPSTREAM_TLS_ALERT : WR_E_UPSTREAM_TLS_PROTOCOL;
}

static const struct wr_tls_role tls_client_role = {
    .server = false,
    .fault = tls_client_fault,
    .truncated = WR_E_UPSTREAM_TRUNCATED,
    .alerted = WR_E_UPSTREAM_TLS_ALERT,
};

/* ---- an upstream's rules ---- */

static bool
tls_client_set_authorities(struct wr_tls_worker *w, struct wr_tls_origin *o,
                           const struct wr_upstream_conf *conf, SSL_CTX *ctx, char why[WR_TLS_WHY_BYTES])
{
    if (!conf->tls_verify) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return true;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (conf->tls_ca.n == 0) {
        SSL_CTX_set1_cert_store(ctx, w->system);
        return w->system != NULL;
    }
    X509_STORE *store =
        wr_tls_store_load(wr_files_bytes(conf->tls_ca, &o->versions[0]), WR_STR_NONE, NULL, why);
    if (store != NULL) {
        SSL_CTX_set_cert_store(ctx, store); /* which takes it */
    }
    return store != NULL;
}

static bool
tls_client_set_cert(struct wr_tls_worker *w, struct wr_tls_origin *o, const struct wr_upstream_conf *conf,
                    SSL_CTX *ctx, char why[WR_TLS_WHY_BYTES])
{
    struct wr_tls_cert cert;

    if (conf->tls_cert.cert.n == 0) {
        return true;
    }
    if (!wr_tls_loaded_pair(w, &conf->tls_cert, &cert, &o->versions[1], why)) {
        return false;
    }
    bool ok = SSL_CTX_use_cert_and_key(ctx, cert.leaf, cert.key, cert.chain, 1) == 1;

    wr_tls_cert_free(&cert);
    return ok;
}

static void
tls_client_set_rules(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, TLS_CLIENT_SUITES_12);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, tls_client_on_session);
}

static SSL_CTX *
tls_client_ctx(struct wr_tls_worker *w, uint32_t upstream)
{
    struct wr_tls_origin *o = &w->origins[upstream];
    const struct wr_upstream *u = w->main->model->upstreams[upstream];
    char why[WR_TLS_WHY_BYTES] = "out of memory";

    if (o->ctx != NULL || o->failed) {
        return o->ctx;
    }
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL || !tls_client_set_authorities(w, o, &u->conf, ctx, why) ||
        !tls_client_set_cert(w, o, &u->conf, ctx, why)) {
        wr_log(WR_LOG_ERROR, "TLS towards upstream=%.*s cannot be set up: %s; its requests fail",
               WR_STR_ARG(u->name), why);
        SSL_CTX_free(ctx);
        o->failed = true;
        return NULL;
    }
    tls_client_set_rules(ctx);
    if (w->remote != NULL) {
        SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
    }
    wr_tls_shop_adopt(w->shop, ctx, true);
    o->ctx = ctx;
    return ctx;
}

/* ---- connecting ---- */

/* Whom the certificate has to be for: an address, or a name, which is also told to the server. */
static bool
tls_client_set_name(SSL *ssl, struct wr_str name)
{
    char text[TLS_CLIENT_NAME_BYTES];
    struct wr_ip ip;

    if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']') {
        name = wr_str_make(name.p + 1, name.n - 2);
    }
    if (name.n == 0 || name.n >= sizeof(text)) {
        return name.n == 0;
    }
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    if (wr_ip_parse(name, &ip)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), text) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, text) == 1 && SSL_set_tlsext_host_name(ssl, text) == 1;
}

bool
wr_tls_client_connect(const struct wr_secure *self, struct wr_conn *c, uint32_t upstream, struct wr_str name,
                      uint64_t key)
{
    struct wr_tls_worker *w = (struct wr_tls_worker *)(uintptr_t)self;
    SSL_CTX *ctx = tls_client_ctx(w, upstream);
    SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;

    if (ssl == NULL || !tls_client_set_name(ssl, name)) {
        SSL_free(ssl);
        return false;
    }
    uint64_t session_key = tls_client_session_key(&w->origins[upstream], upstream, name, key);
    SSL_SESSION *session = tls_client_session(w->sessions, session_key);
    if (session != NULL) {
        SSL_set_session(ssl, session);
    }
    struct wr_tls *t = wr_tls_begin(w->shop, c, &tls_client_role, w->sessions, ssl);
    if (t == NULL) {
        return false;
    }
    t->session_key = session_key;
    return true;
}

/* ---- life ---- */

/* Reading them takes 25 ms, in which nobody should wait for it; all upstreams share them. */
static void
tls_client_load_system(struct wr_tls_worker *w)
{
    bool wanted = false;

    for (size_t i = 0; i < w->main->model->upstreams_n; i++) {
        const struct wr_upstream_conf *conf = &w->main->model->upstreams[i]->conf;
        wanted = wanted || (conf->tls && conf->tls_verify && conf->tls_ca.n == 0);
    }
    w->system = wanted ? X509_STORE_new() : NULL;
    if (w->system != NULL && X509_STORE_set_default_paths(w->system) != 1) {
        X509_STORE_free(w->system);
        w->system = NULL;
    }
    ERR_clear_error();
}

void
wr_tls_client_start(struct wr_tls_worker *w)
{
    tls_client_load_system(w);
    w->origins = wr_calloc(w->main->model->upstreams_n + 1, sizeof(*w->origins));
    w->sessions = wr_calloc(1, sizeof(*w->sessions));
}

static bool
tls_client_is_old(const struct wr_tls_origin *o, const struct wr_upstream_conf *conf)
{
    const struct wr_str path[3] = {conf->tls_ca, conf->tls_cert.cert, conf->tls_cert.key};
    bool old = o->failed;

    for (unsigned k = 0; k < 3 && o->ctx != NULL; k++) {
        old = old || wr_files_differs(path[k], o->versions[k]);
    }
    return old;
}

void
wr_tls_client_refresh(struct wr_tls_worker *w)
{
    for (size_t i = 0; i < w->main->model->upstreams_n; i++) {
        struct wr_tls_origin *o = &w->origins[i];
        if (tls_client_is_old(o, &w->main->model->upstreams[i]->conf)) {
            SSL_CTX_free(o->ctx);
            *o = (struct wr_tls_origin){.epoch = o->epoch + 1};
        }
    }
}

void
wr_tls_client_stop(struct wr_tls_worker *w)
{
    for (size_t i = 0; i < w->main->model->upstreams_n; i++) {
        SSL_CTX_free(w->origins[i].ctx);
    }
    for (unsigned i = 0; i < TLS_CLIENT_SESSIONS; i++) {
        SSL_SESSION_free(w->sessions->v[i].session);
    }
    X509_STORE_free(w->system);
    free(w->origins);
    free(w->sessions);
}
