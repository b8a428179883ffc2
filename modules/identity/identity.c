/*
 * HEAD: who the client is, what the request is called, and what is answered
 * before any routing.
 *
 * What a stranger says of itself in X-Forwarded-For and its kin is removed;
 * a peer in trusted_proxies is believed, from the right to the first address
 * that is not trusted itself.  A request with none of these fields costs two
 * looks at the bitmap of its names.
 */
#include <stdlib.h>

#include "core/module.h"
#include "modules/identity/trusted.h"

#define IDENTITY_ID_BYTES 128
#define IDENTITY_LOGS_PER_SECOND 5
#define IDENTITY_METHODS "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"

struct identity_conf {
    unsigned module; /* our index: the way from a request to the worker's object */
};

struct identity_worker {
    struct wr_log_gate gate;
};

/* ---- names ---- */

/* What only a proxy that is trusted may say of a client: who it is, how it came, and by which certificate. */
#define IDENTITY_IDS(X)                                                                                      \
    X(WR_N_FORWARDED)                                                                                        \
    X(WR_N_X_FORWARDED_FOR)                                                                                  \
    X(WR_N_X_FORWARDED_HOST)                                                                                 \
    X(WR_N_X_FORWARDED_PORT)                                                                                 \
    X(WR_N_X_FORWARDED_PROTO)                                                                                \
    X(WR_N_X_REAL_IP)                                                                                        \
    X(WR_N_X_REQUEST_ID)                                                                                     \
    X(WR_N_CLIENT_CERT)                                                                                      \
    X(WR_N_CLIENT_CERT_CHAIN)                                                                                \
    X(WR_N_X_CLIENT_CERT_VERIFY)                                                                             \
    X(WR_N_X_CLIENT_CERT_SUBJECT)                                                                            \
    X(WR_N_X_CLIENT_CERT_ISSUER)                                                                             \
    X(WR_N_X_CLIENT_CERT_SAN)                                                                                \
    X(WR_N_X_CLIENT_CERT_SERIAL)                                                                             \
    X(WR_N_X_CLIENT_CERT_FINGERPRINT)

#define IDENTITY_BIT(id, word) ((unsigned)(id) >> 6 == (word) ? UINT64_C(1) << ((id)&63) : 0)
#define IDENTITY_OR_0(id) | IDENTITY_BIT(id, 0)
#define IDENTITY_OR_1(id) | IDENTITY_BIT(id, 1)
#define IDENTITY_LISTED(id) id,

static const uint64_t identity_mask[2] = {0 IDENTITY_IDS(IDENTITY_OR_0), 0 IDENTITY_IDS(IDENTITY_OR_1)};
static const uint8_t identity_ids[] = {IDENTITY_IDS(IDENTITY_LISTED)};

static bool
identity_says(const struct wr_head *h)
{
    return ((h->have[0] & identity_mask[0]) | (h->have[1] & identity_mask[1])) != 0;
}

/* Whether name is `known` but for underscores that stand for its dashes: X_Forwarded-For. */
static bool
identity_spells(struct wr_str name, struct wr_str known)
{
    if (name.n != known.n) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i] == '_' ? '-' : wr_lower(name.p[i]);
        if (c != wr_lower(known.p[i])) {
            return false;
        }
    }
    return true;
}

/* Servers that make variables of fields (CGI, WSGI, PHP) do not tell X_Real_IP from X-Real-IP. */
static void
identity_remove_spellings(struct wr_head *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        struct wr_field *f = &h->fields[i];
        if (!(f->flags & WR_FIELD_UNDERSCORE)) {
            continue;
        }
        for (unsigned k = 0; k < WR_ARRAY_LEN(identity_ids); k++) {
            if (identity_spells(f->name, wr_name_text(identity_ids[k]))) {
                f->flags |= WR_FIELD_GONE;
            }
        }
    }
}

static void
identity_remove(struct wr_head *h)
{
    if (identity_says(h)) {
        for (unsigned k = 0; k < WR_ARRAY_LEN(identity_ids); k++) {
            wr_head_remove(h, identity_ids[k]);
        }
    }
    if (wr_head_has(h, WR_N_OTHER)) { /* a name with an underscore is never a known one */
        identity_remove_spellings(h);
    }
}

/* ---- what a trusted peer says ---- */

/* A client can bring this about wherever a proxy passes one of the two through, so the lines are counted. */
static WR_COLD void
identity_log(const struct wr_req *r, const struct identity_conf *conf, const char *what)
{
    struct identity_worker *w = r->sv->module_worker ? r->sv->module_worker[conf->module] : NULL;
    uint32_t dropped = 0;
    char text[WR_ADDR_TEXT_BYTES];

    if (w && !wr_log_gate(&w->gate, IDENTITY_LOGS_PER_SECOND, &dropped)) {
        return;
    }
    size_t n = wr_ip_text(&r->client->peer_ip, text);
    wr_req_log(r, WR_LOG_WARN, "%s proxy=%.*s left_out=%u", what, (int)n, text, dropped);
}

static void
identity_believe(struct wr_req *r, const struct identity_conf *conf)
{
    struct wr_trusted_word word;

    wr_trusted_read(r, &word);
    r->forwarded_for = word.chain;
    r->forwarded_host = word.host;
    if (word.has_client) {
        r->client_ip = word.client;
    }
    if (word.scheme.n > 0) {
        r->scheme = word.scheme;
    }
    if (word.disagrees) {
        identity_log(r, conf, "trusted proxy disagrees with itself: Forwarded was taken, not X-Forwarded-*");
    }
    if (word.malformed) { /* whoever reads it behind us might read something else */
        identity_log(r, conf, "trusted proxy sent a malformed Forwarded: its readable end was taken");
        wr_head_remove(&r->req, WR_N_FORWARDED);
    }
}

/* ---- the identifier ---- */

/* Bytes that mean nothing in a log, a shell, HTML or JSON. */
static bool
identity_id_is_sane(struct wr_str id)
{
    if (id.n == 0 || id.n > IDENTITY_ID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < id.n; i++) {
        char c = wr_lower(id.p[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("-_.:+/=@~", c, 9))) {
            return false;
        }
    }
    return true;
}

static void
identity_name(struct wr_req *r)
{
    if (r->trusted && wr_head_has(&r->req, WR_N_X_REQUEST_ID)) {
        struct wr_str id = wr_head_value(&r->req, WR_N_X_REQUEST_ID);
        if (identity_id_is_sane(id)) {
            r->id = id;
            return;
        }
    }
    wr_req_make_id(r);
}

/* ---- what is answered here ---- */

/* How often this instance stands in Via: "1.1 weir-0123abcd, 1.0 other (comment)". */
static unsigned
identity_passages(const struct wr_req *r)
{
    struct wr_str own = wr_str_of(r->sv->instance);
    unsigned n = 0;

    for (const struct wr_field *f = wr_head_find(&r->req, WR_N_VIA); f;
         f = wr_head_next(&r->req, WR_N_VIA, f)) {
        struct wr_str rest = f->value;
        struct wr_str member;
        while (wr_trusted_member(&rest, &member)) {
            struct wr_str word;
            n += wr_str_word(&member, &word) && wr_str_word(&member, &word) && wr_str_eq(word, own);
        }
    }
    return n;
}

/* OPTIONS * asks about weir itself, and so does OPTIONS that goes no further (head_check made it one). */
static enum wr_step
identity_options(struct wr_req *r)
{
    wr_head_add(&r->resp, &r->pool, WR_N_ALLOW, WR_STR_NONE, WR_STR(IDENTITY_METHODS));
    wr_req_answer(r, 204, WR_STR_NONE, WR_STR_NONE);
    return WR_DONE;
}

static enum wr_step
identity_head(struct wr_req *r, const void *conf, void *state)
{
    (void)state;
    r->client_ip = r->client->peer_ip;
    r->trusted = wr_trusted_is(r, &r->client_ip);
    if (!r->trusted) {
        identity_remove(&r->req);
    } else if (identity_says(&r->req)) {
        identity_name(r); /* first: log lines carry it */
        identity_believe(r, conf);
    }
    if (r->id.n == 0) {
        identity_name(r);
    }
    char *text = wr_pool_alloc(&r->pool, WR_ADDR_TEXT_BYTES);
    r->client_text = wr_str_make(text, wr_ip_text(&r->client_ip, text));
    if (wr_head_has(&r->req, WR_N_VIA) && identity_passages(r) >= 2) {
        wr_req_fail(r, WR_E_LOOP);
        return WR_DONE;
    }
    return wr_unlikely(r->uri.form == WR_URI_ASTERISK) ? identity_options(r) : WR_NEXT;
}

/* ---- the module ---- */

static bool
identity_check(struct wr_conf *cf, unsigned module, void **main)
{
    (void)main;
    for (size_t i = 0; i < cf->model->routes_n; i++) {
        struct identity_conf *conf = cf->model->routes[i]->mconf[module];
        conf->module = module;
    }
    return true;
}

static void *
identity_worker_start(struct wr_service *sv, void *main)
{
    (void)sv;
    (void)main;
    return wr_calloc(1, sizeof(struct identity_worker));
}

static void
identity_worker_stop(struct wr_service *sv, void *worker)
{
    (void)sv;
    free(worker);
}

static const struct wr_directive identity_rows[] = {{.name = NULL}};
static const struct wr_directive_table identity_tables[] = {
    {identity_rows, WR_CLASS_ROUTE, sizeof(struct identity_conf), NULL},
    {.rows = NULL},
};

const struct wr_module wr_module_identity = {
    .name = "identity",
    .tables = identity_tables,
    .check = identity_check,
    .phase = {[WR_PHASE_HEAD] = identity_head},
    .worker_start = identity_worker_start,
    .worker_stop = identity_worker_stop,
};
