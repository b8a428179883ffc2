/*
 * GUARD, before anybody is asked for a password or counted: a request that
 * came by plain HTTP to a server with certificates, or under another name
 * than the server's canonical one, is told where to go: 308, and never more
 * than one hop.  Path and query go along as the client sent them.
 *
 * Whoever answers a request that has to be plain (a challenge of ACME) stands
 * above this module in modules.list, or in an earlier phase.
 */
#include "core/module.h"

#define REDIRECT_STATUS 308

/* Of a route: what its server says. */
struct redirect_conf {
    bool https;              /* plain HTTP is redirected */
    uint16_t port;           /* of https; 443 is not written */
    struct wr_str canonical; /* empty: none */
    struct wr_str name; /* for who names no host: canonical or the first name that is one; may be empty */
};

/* ---- the configuration ---- */

static uint16_t
redirect_tls_port(const struct wr_server *s)
{
    for (size_t i = 0; i < s->listens_n; i++) {
        uint16_t port = s->listens[i]->tls ? wr_addr_port(&s->listens[i]->addr) : 0;
        if (port != 0) {
            return port;
        }
    }
    return 443; /* unix sockets alone: who stands in front has the preset port */
}

static struct wr_str
redirect_name(const struct wr_server *s)
{
    if (s->conf.canonical.n > 0) {
        return s->conf.canonical;
    }
    for (size_t i = 0; i < s->names_n; i++) {
        if (s->names[i].p[0] != '*') {
            return s->names[i];
        }
    }
    return WR_STR_NONE;
}

static bool
redirect_check(struct wr_conf *cf, unsigned module, void **main)
{
    (void)main;
    for (size_t i = 0; i < cf->model->routes_n; i++) {
        const struct wr_server *s = cf->model->routes[i]->server;
        struct redirect_conf *own = cf->model->routes[i]->mconf[module];
        if (s) {
            own->https = wr_server_has_certificates(s) && s->conf.http == WR_HTTP_REDIRECT;
            own->port = redirect_tls_port(s);
            own->canonical = s->conf.canonical;
            own->name = redirect_name(s);
        }
    }
    return true;
}

static bool
redirect_active(const struct wr_route *rt, const void *conf, void *main)
{
    const struct redirect_conf *own = conf;

    (void)rt;
    (void)main;
    return own->https || own->canonical.n > 0;
}

/* ---- requests ---- */

/* Where a client is sent; host empty: nowhere. */
struct redirect_to {
    bool https; /* because it came by plain HTTP, else because of its name */
    struct wr_str scheme;
    struct wr_str host;
    uint16_t port; /* 0: the scheme's own */
};

/*
 * The host that the client asked for: the word of a trusted proxy that asks
 * for another one here counts, or a client would be sent to where it is.  It
 * is compared and no more: a proxy that passes on what its clients write would
 * let them say where others are sent.
 */
static struct wr_str
redirect_asked(const struct wr_req *r)
{
    struct wr_str host;
    uint16_t port;
    bool has_port;

    return wr_uri_host_port(r->forwarded_host, &host, &port, &has_port) ? host : r->host;
}

/* Whether the request has to go elsewhere, and where to. */
static bool
redirect_decide(const struct wr_req *r, const struct redirect_conf *own, struct redirect_to *to)
{
    bool https = wr_str_eq(r->scheme, WR_STR("https"));
    struct wr_str asked = redirect_asked(r);

    to->https = own->https && !https;
    if (!to->https && (own->canonical.n == 0 || asked.n == 0 || wr_str_ieq(asked, own->canonical))) {
        return false; /* who names no host has not named another one */
    }
    to->scheme = https || to->https ? WR_STR("https") : WR_STR("http");
    to->host = own->canonical.n > 0 || r->host.n == 0 ? own->name : r->host;
    /* under another name the same door is the right one; a proxy's is not known */
    to->port = to->https ? own->port : r->forwarded_host.n > 0 ? 0 : r->port;
    if (to->port == (to->scheme.n == 5 ? 443 : 80)) {
        to->port = 0;
    }
    return true;
}

static struct wr_str
redirect_url(struct wr_req *r, const struct redirect_to *to)
{
    size_t room = to->scheme.n + 3 + to->host.n + 6 + r->uri.path.n + 1 + r->uri.query.n;
    char *p = wr_pool_alloc(&r->pool, room);
    struct wr_out o;

    wr_out_init(&o, p, room);
    wr_out_str(&o, to->scheme);
    wr_out_lit(&o, "://");
    wr_out_str(&o, to->host);
    if (to->port != 0) {
        wr_out_lit(&o, ":");
        wr_out_u64(&o, to->port);
    }
    /* it begins with a slash, and an authority is in front: "//host" stays a path */
    wr_out_str(&o, r->uri.path);
    if (r->uri.has_query) {
        wr_out_lit(&o, "?");
        wr_out_str(&o, r->uri.query);
    }
    return wr_str_make(p, (size_t)(o.p - p));
}

static enum wr_step
redirect_guard(struct wr_req *r, const void *conf, void *state)
{
    struct redirect_to to;

    (void)state;
    if (!redirect_decide(r, conf, &to)) {
        return WR_NEXT;
    }
    if (to.host.n == 0) {
        wr_req_fail(r, WR_E_BAD_HOST);
        return WR_DONE;
    }
    wr_location_answer(r, REDIRECT_STATUS, redirect_url(r, &to));
    return WR_DONE;
}

static void
redirect_explain(struct wr_explain *ex, const struct wr_route *rt, const void *conf)
{
    const struct redirect_conf *own = conf;
    struct redirect_to to;

    if (ex->r->err != WR_E_NONE || !redirect_active(rt, own, NULL) || !redirect_decide(ex->r, own, &to)) {
        return;
    }
    ex->answered = true;
    if (to.host.n == 0) {
        wr_explain_say(ex, "answer", WR_STR_NONE, (struct wr_place){0},
                       "weir itself, 400: plain HTTP is redirected to https, and there is no host to name");
        return;
    }
    struct wr_str url = wr_location_escape(&ex->r->pool, redirect_url(ex->r, &to));
    struct wr_place place = wr_explain_server_place(rt->server,
                                                    to.https ? offsetof(struct wr_server_conf, http)
                                                             : offsetof(struct wr_server_conf, canonical));

    wr_explain_say(ex, "answer", WR_STR_NONE, place, "weir itself, %u with Location: %s (%s)",
                   REDIRECT_STATUS, wr_explain_text(ex, url),
                   to.https ? "http = redirect" : "the server has another canonical name");
}

static const struct wr_directive redirect_rows[] = {{.name = NULL}};
static const struct wr_directive_table redirect_tables[] = {
    {redirect_rows, WR_CLASS_ROUTE, sizeof(struct redirect_conf), NULL},
    {.rows = NULL},
};

const struct wr_module wr_module_redirect = {
    .name = "redirect",
    .tables = redirect_tables,
    .check = redirect_check,
    .active = redirect_active,
    .phase = {[WR_PHASE_GUARD] = redirect_guard},
    .explain = redirect_explain,
};
