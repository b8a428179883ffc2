/*
 * Handshakes with clients: one SSL_CTX for all, and what differs from server
 * to server is set on the connection when the client's first message names
 * one - before OpenSSL looks at tickets, so a session of one server is none of
 * another's.
 */
#include "modules/tls/tls_module.h"

#include <openssl/err.h>

#define TLS_SERVER_NAME_BYTES 255
#define TLS_SERVER_SUITES_12                                                                                 \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"               \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define TLS_SERVER_SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* ---- the name ---- */

/* RFC 6066 3: one host_name in a list.  False: malformed. */
static bool
tls_server_name_of(const uint8_t *p, size_t n, struct wr_str *name)
{
    if (n < 5 || ((size_t)p[0] << 8 | p[1]) != n - 2 || p[2] != 0 || ((size_t)p[3] << 8 | p[4]) != n - 5 ||
        n - 5 > TLS_SERVER_NAME_BYTES) {
        return false;
    }
    *name = wr_str_make((const char *)p + 5, n - 5);
    if (name->n > 0 && name->p[name->n - 1] == '.') {
        name->n--;
    }
    return name->n > 0;
}

/* All of it is written, for the log shows a bad name too. */
static bool
tls_server_lower(struct wr_str name, char *dst)
{
    bool good = true;

    for (size_t i = 0; i < name.n; i++) {
        unsigned char ch = (unsigned char)name.p[i];
        good = good && ch > 0x20 && ch < 0x7f;
        dst[i] = wr_lower(name.p[i]);
    }
    return good;
}

/* Notes the name that was sent, if one was.  False: it is none. */
static bool
tls_server_take_name(struct wr_tls *t, SSL *ssl)
{
    const uint8_t *p;
    size_t n;
    struct wr_str sent;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) != 1) {
        return true;
    }
    if (!tls_server_name_of(p, n, &sent)) {
        return false;
    }
    char *room = wr_malloc(sent.n);
    t->texts = room;
    t->facts.name = wr_str_make(room, sent.n);
    return tls_server_lower(sent, room);
}

/* ---- the rules of the server that is meant ---- */

/*
 * A bad certificate of `optional` is the request's business: rules and upstreams see why.  The first fault ends the
 * look at it: one that was passed over could be hidden by what is found behind it.
 */
static int
tls_server_verify(X509_STORE_CTX *ctx, void *arg)
{
    const struct wr_tls_worker *w = arg;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct wr_tls_site *site = w->main->site_of[wr_tls_of(ssl)->facts.server];
    bool good = X509_verify_cert(ctx) == 1;

    if (!good && X509_STORE_CTX_get_error(ctx) == X509_V_OK) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
    }
    return good || site->conf->client != WR_TLS_CLIENT_REQUIRED;
}

static bool
tls_server_ask_for_cert(SSL *ssl, const struct wr_tls_site *site, const struct wr_tls_loaded *l)
{
    bool required = site->conf->client == WR_TLS_CLIENT_REQUIRED;

    if (l->store == NULL) {
        return true;
    }
    SSL_set_verify(ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    SSL_set_verify_depth(ssl, (int)site->conf->client_depth);
    SSL_set0_CA_list(ssl, SSL_dup_CA_list(l->names));
    return SSL_set1_verify_cert_store(ssl, l->store) == 1;
}

static bool
tls_server_apply(struct wr_tls *t, SSL *ssl, const struct wr_tls_site *site, const struct wr_tls_loaded *l)
{
    t->facts.server = site->server->index;
    if (site->conf->min == WR_TLS_MIN_13) {
        SSL_set_min_proto_version(ssl, TLS1_3_VERSION);
    }
    if (!site->conf->tickets) {
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_set_num_tickets(ssl, 0);
    }
    return SSL_set_session_id_context(ssl, l->id, sizeof(l->id)) == 1 &&
        tls_server_ask_for_cert(ssl, site, l);
}

static int
tls_server_refuse(struct wr_tls *t, uint16_t fault, int alert, int *al)
{
    t->c->fault = fault;
    *al = alert;
    return SSL_CLIENT_HELLO_ERROR;
}

/* The first message, before anything of it is acted on. */
static int
tls_server_on_hello(SSL *ssl, int *al, void *arg)
{
    struct wr_tls_worker *w = arg;
    struct wr_tls *t = wr_tls_of(ssl);
    const struct wr_tls_names *names = t->of;
    struct wr_tls_loaded *l;

    if (t->facts.server != WR_SECURE_NO_SERVER) {
        return SSL_CLIENT_HELLO_SUCCESS; /* the second, after a HelloRetryRequest: the same server */
    }
    if (!tls_server_take_name(t, ssl)) {
        return tls_server_refuse(t, WR_E_TLS_NAME, SSL_AD_UNRECOGNIZED_NAME, al);
    }
    const struct wr_tls_site *site = wr_tls_site_find(names, t->facts.name);
    if (site == NULL) {
        return tls_server_refuse(t, WR_E_TLS_NAME, SSL_AD_UNRECOGNIZED_NAME, al);
    }
    if (!wr_tls_loaded_get(w, site, &l)) {
        return tls_server_refuse(t, WR_E_TLS_NO_CERT, SSL_AD_INTERNAL_ERROR, al);
    }
    return tls_server_apply(t, ssl, site, l)
        ? SSL_CLIENT_HELLO_SUCCESS
        : tls_server_refuse(t, WR_E_TLS_INTERNAL, SSL_AD_INTERNAL_ERROR, al);
}

/* A full handshake: the server's certificates, of all kinds that it has. */
static int
tls_server_on_cert(SSL *ssl, void *arg)
{
    struct wr_tls_worker *w = arg;
    const struct wr_tls *t = wr_tls_of(ssl);
    const struct wr_tls_loaded *l = &w->loaded[t->facts.server];

    SSL_certs_clear(ssl);
    for (size_t i = 0; i < l->n; i++) {
        const struct wr_tls_cert *c = &l->cert[i];
        if (SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) != 1) {
            return 0;
        }
    }
    return 1;
}

/* ---- other questions of OpenSSL ---- */

static int
tls_server_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                   unsigned in_n, void *arg)
{
    static const unsigned char spoken[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_n, spoken, sizeof(spoken) - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int
tls_server_on_staple(SSL *ssl, void *arg)
{
    struct wr_tls_worker *w = arg;
    const struct wr_tls_loaded *l = &w->loaded[wr_tls_of(ssl)->facts.server];
    const X509 *used = SSL_get_certificate(ssl);

    for (size_t i = 0; i < l->n; i++) {
        const struct wr_tls_cert *c = &l->cert[i];
        if (c->leaf == used && c->staple != NULL && c->staple_until > (time_t)(wr_clock.real_ms / 1000)) {
            uint8_t *copy = OPENSSL_memdup(c->staple, c->staple_bytes);
            SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)c->staple_bytes);
            return copy != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int
tls_server_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int seal)
{
    const struct wr_tls_worker *w = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (seal) {
        return wr_tls_ticket_seal(w->ring, w->cbc, name, iv, cipher, mac);
    }
    int verdict = wr_tls_ticket_open(w->ring, w->cbc, name, iv, cipher, mac);

    /* clients of TLS 1.3 use a ticket once (RFC 8446 C.4), so each gets another */
    return verdict == 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : verdict;
}

/* ---- the role ---- */

/* The client's certificate, when it sent one; the name moves to the same block. */
static void
tls_server_agreed(struct wr_tls *t)
{
    X509 *x = SSL_get0_peer_certificate(t->ssl);

    if (x != NULL) {
        long result = SSL_get_verify_result(t->ssl);
        char *block = wr_tls_peer_texts(x, t->facts.name, &t->facts);
        free(t->texts);
        t->texts = block;
        t->facts.verify = result == X509_V_OK ? "ok" : X509_verify_cert_error_string(result);
    }
}

static uint16_t
tls_server_fault_of(unsigned long e)
{
    switch (ERR_GET_REASON(e)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_INAPPROPRIATE_FALLBACK:
        return WR_E_TLS_VERSION;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
        return WR_E_TLS_CIPHER;
    case SSL_R_NO_APPLICATION_PROTOCOL:
        return WR_E_TLS_ALPN;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return WR_E_TLS_CLIENT_CERT;
    default:
        return wr_tls_is_alert(e) ? WR_E_TLS_ALERT : WR_E_TLS_PROTOCOL;
    }
}

static uint16_t
tls_server_fault(struct wr_tls *t)
{
    unsigned long e = ERR_peek_error();

    if (t->c->fault != 0) {
        return t->c->fault; /* a callback's */
    }
    if (e == 0 || t->hung_up || t->c->failed) {
        return WR_E_TLS_CLOSED;
    }
    t->facts.why = ERR_reason_error_string(e);
    if (ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        t->facts.why = X509_verify_cert_error_string(SSL_get_verify_result(t->ssl));
    }
    return ERR_GET_LIB(e) == ERR_LIB_SSL ? tls_server_fault_of(e) : WR_E_TLS_PROTOCOL;
}

static const struct wr_tls_role tls_server_role = {
    .server = true,
    .agreed = tls_server_agreed,
    .fault = tls_server_fault,
};

/* ---- life ---- */

static bool
tls_server_set_groups(SSL_CTX *ctx)
{
    /* the hybrid first where the library knows it */
    bool ok = SSL_CTX_set1_groups_list(ctx, "X25519:X25519MLKEM768:P-256:P-384") == 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;

    ERR_clear_error();
    return ok;
}

static bool
tls_server_set_rules(struct wr_tls_worker *w, SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                            SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, (long)(WR_TLS_TICKET_TURNS * w->main->weir->ticket_turn_ms / 1000));
    SSL_CTX_set_num_tickets(ctx, 1);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(ctx, TLS_SERVER_SUITES_12) == 1 &&
        SSL_CTX_set_ciphersuites(ctx, TLS_SERVER_SUITES_13) == 1 && tls_server_set_groups(ctx);
}

bool
wr_tls_server_start(struct wr_tls_worker *w)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    w->cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (ctx == NULL || w->cbc == NULL || !tls_server_set_rules(w, ctx)) {
        SSL_CTX_free(ctx);
        return false;
    }
    if (w->remote != NULL) {
        SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
    }
    SSL_CTX_set_app_data(ctx, w);
    SSL_CTX_set_client_hello_cb(ctx, tls_server_on_hello, w);
    SSL_CTX_set_cert_cb(ctx, tls_server_on_cert, w);
    SSL_CTX_set_cert_verify_callback(ctx, tls_server_verify, w);
    SSL_CTX_set_alpn_select_cb(ctx, tls_server_on_alpn, w);
    SSL_CTX_set_tlsext_status_cb(ctx, tls_server_on_staple);
    SSL_CTX_set_tlsext_status_arg(ctx, w);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_server_on_ticket);
    wr_tls_shop_adopt(w->shop, ctx, false);
    w->ctx = ctx;
    return true;
}

void
wr_tls_server_stop(struct wr_tls_worker *w)
{
    SSL_CTX_free(w->ctx);
    EVP_CIPHER_free(w->cbc);
}

bool
wr_tls_server_accept(const struct wr_secure *self, struct wr_conn *c, uint32_t listen)
{
    struct wr_tls_worker *w = (struct wr_tls_worker *)(uintptr_t)self;
    SSL *ssl = SSL_new(w->ctx);

    return ssl != NULL && wr_tls_begin(w->shop, c, &tls_server_role, w->main->names_of[listen], ssl) != NULL;
}
