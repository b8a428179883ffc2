/*
 * %{name} in configured values.  A template is cut into pieces when the
 * configuration is read; at run time pieces are measured, then copied once.
 * What a variable brings is never looked at again, so data of a request can
 * not become syntax.  There is no variable for an arbitrary header field.
 */
#include "core/http/vars.h"

#include "core/base/fmt.h"

#define VARS_PIECES 32 /* of one template */

struct vars_row {
    const char *name;
    struct wr_str (*get)(struct wr_req *r);
    const char *help;
};

/* Text when get is NULL. */
struct vars_piece {
    struct wr_str text;
    struct wr_str (*get)(struct wr_req *r);
};

struct wr_template {
    unsigned n;
    struct vars_piece v[VARS_PIECES];
};

static struct wr_str
vars_number(struct wr_req *r, uint64_t number)
{
    char *p = wr_pool_alloc(&r->pool, 20);

    return wr_str_make(p, wr_fmt_u64(p, number));
}

static struct wr_str
vars_ip(struct wr_req *r, const struct wr_ip *ip)
{
    char text[WR_ADDR_TEXT_BYTES];
    size_t n = wr_ip_text(ip, text);

    return wr_pool_str(&r->pool, wr_str_make(text, n));
}

static struct wr_str
vars_client_ip(struct wr_req *r)
{
    return r->client_text;
}

static struct wr_str
vars_peer_ip(struct wr_req *r)
{
    return r->client ? vars_ip(r, &r->client->peer_ip) : WR_STR_NONE;
}

static struct wr_str
vars_peer_port(struct wr_req *r)
{
    return r->client ? vars_number(r, r->client->peer_port) : WR_STR_NONE;
}

static struct wr_str
vars_host(struct wr_req *r)
{
    return r->host;
}

static struct wr_str
vars_port(struct wr_req *r)
{
    return vars_number(r, r->port != 0 ? r->port : wr_str_eq(r->scheme, WR_STR("https")) ? 443 : 80);
}

static struct wr_str
vars_scheme(struct wr_req *r)
{
    return r->scheme;
}

static struct wr_str
vars_method(struct wr_req *r)
{
    return r->method;
}

static struct wr_str
vars_path(struct wr_req *r)
{
    return r->path;
}

/* What is left of the path behind the route's own: "/v1/x" of "/api/v1/x" on the route of "/api" and below. */
static struct wr_str
vars_rest(struct wr_req *r)
{
    size_t own = r->route->path.n;

    if (!r->route->prefix || own > r->path.n) {
        return WR_STR_NONE;
    }
    return wr_str_make(r->path.p + own, r->path.n - own);
}

static struct wr_str
vars_query(struct wr_req *r)
{
    return r->uri.query;
}

static struct wr_str
vars_search(struct wr_req *r)
{
    if (r->uri.query.n == 0) {
        return WR_STR_NONE;
    }
    /* The question mark stands in front of it in the target. */
    return wr_str_make(r->uri.query.p - 1, r->uri.query.n + 1);
}

static struct wr_str
vars_request_id(struct wr_req *r)
{
    return r->id;
}

static struct wr_str
vars_protocol(struct wr_req *r)
{
    return r->major >= 2 ? WR_STR("HTTP/2.0") : r->minor == 0 ? WR_STR("HTTP/1.0") : WR_STR("HTTP/1.1");
}

static struct wr_str
vars_server_name(struct wr_req *r)
{
    return r->server && r->server->names_n > 0 ? r->server->names[0] : WR_STR_NONE;
}

static struct wr_str
vars_route(struct wr_req *r)
{
    return r->route->id;
}

static struct wr_str
vars_upstream(struct wr_req *r)
{
    return r->upstream ? r->upstream->name : WR_STR_NONE;
}

/* ---- the client's TLS; nothing on a plain connection ---- */

static const struct wr_secure_facts *
vars_secure(const struct wr_req *r)
{
    static const struct wr_secure_facts none;

    return r->client && r->client->secure ? r->client->secure : &none;
}

/* Of a certificate that verifies. */
static const struct wr_secure_cert *
vars_cert(const struct wr_req *r)
{
    static const struct wr_secure_cert none;
    const struct wr_secure_facts *f = vars_secure(r);

    return f->cert != NULL && strcmp(f->verify, "ok") == 0 ? f->cert : &none;
}

static struct wr_str
vars_tls_version(struct wr_req *r)
{
    return wr_str_of(vars_secure(r)->version);
}

static struct wr_str
vars_tls_cipher(struct wr_req *r)
{
    return wr_str_of(vars_secure(r)->cipher);
}

static struct wr_str
vars_tls_name(struct wr_req *r)
{
    return vars_secure(r)->name;
}

static struct wr_str
vars_client_cert_verify(struct wr_req *r)
{
    return wr_str_of(vars_secure(r)->verify);
}

static struct wr_str
vars_client_cert_subject(struct wr_req *r)
{
    return vars_cert(r)->subject;
}

static struct wr_str
vars_client_cert_issuer(struct wr_req *r)
{
    return vars_cert(r)->issuer;
}

static struct wr_str
vars_client_cert_san(struct wr_req *r)
{
    return vars_cert(r)->san;
}

static struct wr_str
vars_client_cert_serial(struct wr_req *r)
{
    return vars_cert(r)->serial;
}

static struct wr_str
vars_client_cert_fingerprint(struct wr_req *r)
{
    return vars_cert(r)->fingerprint;
}

static const struct vars_row vars_rows[] = {
    {"client_ip", vars_client_ip, "The client's address, as decided with trusted_proxies."},
    {"peer_ip", vars_peer_ip, "The address at the other end of the connection (or of the PROXY protocol)."},
    {"peer_port", vars_peer_port, "Its port."},
    {"scheme", vars_scheme, "http or https: the trusted proxy's word, else the connection's."},
    {"host", vars_host, "The host asked for, in lower case, without a port."},
    {"port", vars_port, "The port asked for, or the scheme's own."},
    {"method", vars_method, "The request's method."},
    {"path", vars_path, "The canonical path."},
    {"rest", vars_rest, "What the path has behind the route's own: /v1/x of /api/v1/x on the route /api/*."},
    {"query", vars_query, "The query without its question mark."},
    {"search", vars_search, "The query with its question mark; nothing when there is none."},
    {"uri", wr_req_uri, "The path and, if there is one, the query with its question mark."},
    {"protocol", vars_protocol, "HTTP/1.0, HTTP/1.1 or HTTP/2.0."},
    {"request_id", vars_request_id, "The identifier of the request, as in X-Request-ID."},
    {"server_name", vars_server_name, "The first name of the server that was chosen."},
    {"route", vars_route, "The route that was chosen, by host and pattern."},
    {"upstream", vars_upstream, "The upstream that was chosen."},
    {"tls_version", vars_tls_version, "TLSv1.3 or TLSv1.2; nothing on a plain connection."},
    {"tls_cipher", vars_tls_cipher, "The cipher suite."},
    {"tls_name", vars_tls_name, "The name that the client asked for in its handshake (SNI)."},
    {"client_cert_verify", vars_client_cert_verify,
     "What came of the client's certificate: none, ok, or what is wrong with it."},
    {"client_cert_subject", vars_client_cert_subject,
     "Its subject (RFC 4514), if it verifies; so are the others."},
    {"client_cert_issuer", vars_client_cert_issuer, "Who signed it."},
    {"client_cert_san", vars_client_cert_san, "Its further names: DNS:a.example, email:b@example.com."},
    {"client_cert_serial", vars_client_cert_serial, "Its serial number, hexadecimal."},
    {"client_cert_fingerprint", vars_client_cert_fingerprint, "SHA-256 of it, hexadecimal."},
};

const char *
wr_vars_name(unsigned i, const char **help)
{
    if (i >= WR_ARRAY_LEN(vars_rows)) {
        return NULL;
    }
    *help = vars_rows[i].help;
    return vars_rows[i].name;
}

static const struct vars_row *
vars_find(struct wr_str name)
{
    for (unsigned i = 0; i < WR_ARRAY_LEN(vars_rows); i++) {
        if (wr_str_eq(name, wr_str_of(vars_rows[i].name))) {
            return &vars_rows[i];
        }
    }
    return NULL;
}

static const char *
vars_unknown(struct wr_pool *pool, struct wr_str name)
{
    const char *near = NULL;
    unsigned best = 3;

    for (unsigned i = 0; i < WR_ARRAY_LEN(vars_rows); i++) {
        unsigned distance = wr_str_distance(name, wr_str_of(vars_rows[i].name), best);
        if (distance < best) {
            best = distance;
            near = vars_rows[i].name;
        }
    }
    if (!near) {
        return wr_pool_printf(pool, "unknown variable \"%%{%.*s}\"", WR_STR_ARG(name)).p;
    }
    return wr_pool_printf(pool, "unknown variable \"%%{%.*s}\"; did you mean \"%%{%s}\"?", WR_STR_ARG(name),
                          near)
        .p;
}

static bool
vars_add(struct wr_template *t, struct vars_piece piece, const char **why)
{
    if (!piece.get && piece.text.n == 0) {
        return true;
    }
    if (t->n == VARS_PIECES) {
        *why = "too many variables in one value";
        return false;
    }
    t->v[t->n++] = piece;
    return true;
}

/* What begins with the percent sign at rest->p: a variable or "%%". */
static bool
vars_compile_percent(struct wr_template *t, struct wr_pool *pool, struct wr_str *rest, const char **why)
{
    size_t used;

    if (rest->n >= 2 && rest->p[1] == '%') {
        used = 2;
        if (!vars_add(t, (struct vars_piece){.text = wr_str_make(rest->p, 1)}, why)) {
            return false;
        }
    } else {
        ptrdiff_t end = wr_str_find(*rest, '}');
        if (rest->n < 2 || rest->p[1] != '{' || end < 0) {
            *why = "a percent sign stands for a variable, %{name}, or is written %%";
            return false;
        }
        struct wr_str name = wr_str_make(rest->p + 2, (size_t)end - 2);
        const struct vars_row *row = vars_find(name);
        if (!row) {
            *why = vars_unknown(pool, name);
            return false;
        }
        used = (size_t)end + 1;
        if (!vars_add(t, (struct vars_piece){.get = row->get}, why)) {
            return false;
        }
    }
    *rest = wr_str_make(rest->p + used, rest->n - used);
    return true;
}

struct wr_template *
wr_template_compile(struct wr_pool *pool, struct wr_str text, const char **why)
{
    struct wr_template *t = wr_pool_zalloc(pool, sizeof(*t));
    struct wr_str rest = wr_pool_str(pool, text);

    while (rest.n > 0) {
        ptrdiff_t percent = wr_str_find(rest, '%');
        size_t plain = percent < 0 ? rest.n : (size_t)percent;
        if (!vars_add(t, (struct vars_piece){.text = wr_str_make(rest.p, plain)}, why)) {
            return NULL;
        }
        rest = wr_str_make(rest.p + plain, rest.n - plain);
        if (rest.n > 0 && !vars_compile_percent(t, pool, &rest, why)) {
            return NULL;
        }
    }
    return t;
}

struct wr_str
wr_template_expand(const struct wr_template *t, struct wr_req *r, size_t most)
{
    struct wr_str v[VARS_PIECES];
    size_t n = 0;

    for (unsigned i = 0; i < t->n; i++) {
        v[i] = t->v[i].get ? t->v[i].get(r) : t->v[i].text;
        n += v[i].n;
    }
    if (n > most) {
        return WR_STR_NONE;
    }
    if (t->n == 1 && v[0].n > 0) {
        return v[0];
    }
    char *p = wr_pool_alloc(&r->pool, n);
    struct wr_out o;
    wr_out_init(&o, p, n);
    for (unsigned i = 0; i < t->n; i++) {
        wr_out_str(&o, v[i]);
    }
    return wr_str_make(p, n);
}
