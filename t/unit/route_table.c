/*
 * Hosts and paths: by examples, and the hash and the tree against a list that
 * is searched from end to end.
 */
#include "modules/route/route.h"
#include "t/unit/site.h"

#define ROUNDS 300
#define REQUESTS 200

/* ---- by examples, through the configuration ---- */

static const char config[] = "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[server example.com www.example.com]\n"
                             "/ = status:200 root\n"
                             "/* = u\n"
                             "/api/* = status:200 api\n"
                             "/api/v1/* = status:200 v1\n"
                             "/api/v1/exact = status:200 exact\n"
                             "/caf%C3%A9/* = status:200 cafe\n"
                             "[server *.example.com]\n"
                             "/* = status:200 wild\n"
                             "[server *.deep.example.com]\n"
                             "/* = status:200 deep\n"
                             "[server only.org]\n"
                             "/only = status:200 only\n"
                             "[route example.com/api/* beta]\n"
                             "to = status:200 beta\n"
                             "if.header.X-Beta = yes\n"
                             "[route example.com/api/* post]\n"
                             "to = status:200 post\n"
                             "if.header.X-Beta = yes\n"
                             "if.method = POST PURGE\n"
                             "[route example.com/api/v1/* inside]\n"
                             "to = status:200 inside\n"
                             "if.client = 10.0.0.0/8\n"
                             "if.query.debug = *\n"
                             "[route example.com/search]\n"
                             "to = status:200 search\n"
                             "if.query.q = a%b*\n";

static void
expect_route(struct site *s, const char *head, const char *text)
{
    struct wr_req *r = site_request(s, head);

    tap_ok(r != NULL, "well-formed: %.*s", (int)strcspn(head, "\r"), head);
    if (!r) {
        return;
    }
    site_phase(r, WR_PHASE_HEAD);
    enum wr_step step = site_phase(r, WR_PHASE_ROUTE);
    if (text) {
        bool up = r->upstream != NULL;
        tap_is_int(step, WR_NEXT, "there is a route");
        site_is(up ? WR_STR("up") : r->route->target.text, text, "it is %s", text);
    } else {
        tap_is_int(step, WR_DONE, "there is none");
    }
    site_end(s, r);
}

#define GET(host, path) "GET " path " HTTP/1.1\r\nHost: " host "\r\n\r\n"

static void
test_hosts(struct site *s)
{
    expect_route(s, GET("example.com", "/"), "root");
    expect_route(s, GET("EXAMPLE.com.", "/"), "root");
    expect_route(s, GET("www.example.com:8080", "/"), "root");
    expect_route(s, GET("a.example.com", "/"), "wild");
    expect_route(s, GET("a.b.c.example.com", "/"), "wild");
    expect_route(s, GET("deep.example.com", "/"), "wild");
    expect_route(s, GET("a.deep.example.com", "/"), "deep");
    expect_route(s, GET("a.b.deep.example.com", "/"), "deep");
    expect_route(s, GET("notexample.com", "/"), NULL);
    expect_route(s, GET("com", "/"), NULL);
    expect_route(s, GET("only.org", "/only"), "only");
    expect_route(s, GET("only.org", "/only/x"), NULL);
    expect_route(s, GET("only.org", "/"), NULL);
}

static void
test_paths(struct site *s)
{
    expect_route(s, GET("example.com", "/x"), "up");
    expect_route(s, GET("example.com", "/apix"), "up");
    expect_route(s, GET("example.com", "/ap"), "up");
    expect_route(s, GET("example.com", "/api"), "api");
    expect_route(s, GET("example.com", "/api/"), "api");
    expect_route(s, GET("example.com", "/api/v1"), "v1");
    expect_route(s, GET("example.com", "/api/v1x"), "api");
    expect_route(s, GET("example.com", "/api/v1/exact"), "exact");
    expect_route(s, GET("example.com", "/api/v1/exact/"), "v1");
    expect_route(s, GET("example.com", "/api/v1/../v2"), "api");
    expect_route(s, GET("example.com", "//api//v1"), "v1");
    expect_route(s, GET("example.com", "/%61pi/x"), "api");
    expect_route(s, GET("example.com", "/API/x"), "up");
    expect_route(s, GET("example.com", "/caf%c3%a9/x"), "cafe");
    expect_route(s, GET("example.com", "/caf\xc3\xa9"), "cafe");
}

#define BETA "Host: example.com\r\nX-Beta: yes\r\n\r\n"

static void
test_conditions(struct site *s)
{
    expect_route(s, "GET /api/x HTTP/1.1\r\n" BETA, "beta");
    expect_route(s, "POST /api/x HTTP/1.1\r\n" BETA, "post");
    expect_route(s, "PURGE /api/x HTTP/1.1\r\n" BETA, "post");
    expect_route(s, "purge /api/x HTTP/1.1\r\n" BETA, "beta");
    expect_route(s, "GET /api/x HTTP/1.1\r\nHost: example.com\r\nX-Beta: Yes\r\n\r\n", "api");
    expect_route(s, "GET /api/x HTTP/1.1\r\nHost: example.com\r\nx-beta: yes\r\nX-Beta: no\r\n\r\n", "beta");
    expect_route(s, "GET /api/x HTTP/1.1\r\nHost: example.com\r\nX-Beta: no\r\nX-Beta: yes\r\n\r\n", "api");
    expect_route(s, GET("example.com", "/api/v1/x?debug"), "v1");
    wr_ip_parse(WR_STR("10.1.2.3"), &s->client.peer_ip);
    expect_route(s, GET("example.com", "/api/v1/x?debug"), "inside");
    expect_route(s, GET("example.com", "/api/v1/x?a=1&%64ebug=0"), "inside");
    expect_route(s, GET("example.com", "/api/v1/x?debugx"), "v1");
    expect_route(s, GET("example.com", "/search?q=a%25bc"), "search");
    expect_route(s, GET("example.com", "/search?q=a%25b"), "search");
    expect_route(s, GET("example.com", "/search?q=a%25"), "up");
    expect_route(s, GET("example.com", "/search?q=x&q=a%25b"), "up");
    expect_route(s, GET("example.com", "/search"), "up");
}

/* ---- the tree against a list ---- */

static unsigned
rnd(unsigned below)
{
    return (unsigned)(rand() % (int)below);
}

/* Few letters and few segments, so that patterns meet. */
static struct wr_str
random_path(struct wr_pool *pool, unsigned most)
{
    static const char *const pieces[] = {"/", "/a", "/b", "/ab", "/abc", "/a/", "/aa", "x", "/%2F", "/~"};
    char text[256] = "/a";
    unsigned n = rnd(most) + 1;

    text[0] = '\0';
    for (unsigned i = 0; i < n; i++) {
        strcat(text, pieces[rnd(i == 0 ? 7 : WR_ARRAY_LEN(pieces))]);
    }
    struct wr_str canon = wr_route_canon(wr_str_of(text), pool);
    return wr_pool_str(pool, canon);
}

static struct wr_route *
random_route(struct wr_pool *pool, unsigned index)
{
    static const struct wr_str methods[] = {{"GET", 3}, {"POST", 4}, {"PURGE", 5}};
    static struct wr_map_entry header = {.key = {"X-A", 3}, .value = {"1", 1}};
    static struct wr_map_entry query = {.key = {"q", 1}, .value = {"*", 1}};
    struct wr_route *rt = wr_pool_zalloc(pool, sizeof(*rt));

    rt->index = index;
    rt->path = random_path(pool, 4);
    rt->prefix = rnd(2);
    if (rt->prefix) {
        while (rt->path.n > 0 && rt->path.p[rt->path.n - 1] == '/') {
            rt->path.n--;
        }
    }
    if (rnd(3) == 0) {
        rt->conf.if_method.v = wr_pool_alloc(pool, sizeof(struct wr_str));
        rt->conf.if_method.v[0] = methods[rnd(3)];
        rt->conf.if_method.n = 1;
        rt->conditions++;
    }
    if (rnd(4) == 0) {
        rt->conf.if_header = (struct wr_map){&header, 1};
        rt->conditions++;
    }
    if (rnd(4) == 0) {
        rt->conf.if_query = (struct wr_map){&query, 1};
        rt->conditions++;
    }
    return rt;
}

static bool
naive_fits(const struct wr_route *rt, const struct wr_req *r, bool has_a, bool has_q)
{
    struct wr_str own = rt->path;

    if (rt->prefix ? !wr_str_starts(r->path, own) || (r->path.n > own.n && r->path.p[own.n] != '/')
                   : !wr_str_eq(r->path, own)) {
        return false;
    }
    return (rt->conf.if_method.n == 0 || wr_str_eq(rt->conf.if_method.v[0], r->method)) &&
        (rt->conf.if_header.n == 0 || has_a) && (rt->conf.if_query.n == 0 || has_q);
}

static bool
naive_better(const struct wr_route *a, const struct wr_route *b)
{
    if (a->prefix != b->prefix) {
        return !a->prefix;
    }
    if (a->path.n != b->path.n) {
        return a->path.n > b->path.n;
    }
    return a->conditions > b->conditions; /* else the first */
}

static const struct wr_route *
naive_find(struct wr_route **routes, size_t n, const struct wr_req *r, bool has_a, bool has_q)
{
    const struct wr_route *best = NULL;

    for (size_t i = 0; i < n; i++) {
        if (naive_fits(routes[i], r, has_a, has_q) && (!best || naive_better(routes[i], best))) {
            best = routes[i];
        }
    }
    return best;
}

static unsigned
compare_paths(struct wr_pool *pool, unsigned routes_n)
{
    struct wr_route **routes = wr_pool_alloc(pool, routes_n * sizeof(struct wr_route *));
    static struct wr_field field = {.name = {"x-a", 3}, .value = {"1", 1}};
    static const char *const methods[] = {"GET", "POST", "PURGE", "HEAD"};
    struct wr_route_table table;
    unsigned wrong = 0;

    for (unsigned i = 0; i < routes_n; i++) {
        routes[i] = random_route(pool, i);
    }
    wr_route_table_build(&table, routes, routes_n, pool);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct wr_req r = {.path = random_path(pool, 6)};
        const char *method = methods[rnd(4)];
        bool has_a = rnd(2), has_q = rnd(2);
        r.method = wr_str_of(method);
        r.method_id = wr_method_find(r.method.p, r.method.n);
        if (has_a) {
            r.req = (struct wr_head){.fields = &field, .n = 1, .have = {1, 0}};
        }
        r.uri.query = has_q ? WR_STR("a=1&q=") : WR_STR("a=1&qq");
        wrong +=
            wr_route_table_find(&table, &r, NULL, NULL) != naive_find(routes, routes_n, &r, has_a, has_q);
    }
    return wrong;
}

static void
test_paths_random(void)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct wr_pool pool = {0};
        wrong += compare_paths(&pool, 1 + rnd(i % 10 == 0 ? 400 : 30));
        wr_pool_reset(&pool);
    }
    tap_is_int(wrong, 0, "the tree and the list agree on %u requests", ROUNDS * REQUESTS);
}

/* ---- the hash of hosts against a list ---- */

static struct wr_str
random_host(struct wr_pool *pool, bool wild)
{
    static const char *const labels[] = {"a", "b", "com", "ab"};
    char text[64] = "";
    unsigned n = 1 + rnd(4);

    if (wild && rnd(8) == 0) {
        return WR_STR("*");
    }
    strcpy(text, wild && rnd(2) ? "*." : "");
    for (unsigned i = 0; i < n; i++) {
        strcat(text, i > 0 ? "." : "");
        strcat(text, labels[rnd(4)]);
    }
    return wr_pool_str(pool, wr_str_of(text));
}

static struct wr_server *
naive_host(const struct wr_listen *ls, struct wr_str host)
{
    struct wr_server *best = NULL;
    size_t best_n = 0;

    for (size_t i = 0; i < ls->servers_n; i++) {
        struct wr_str name = ls->servers[i]->names[0];
        size_t n = 0;
        if (wr_str_eq(name, host)) {
            n = SIZE_MAX;
        } else if (wr_str_eq(name, WR_STR("*"))) {
            n = 1;
        } else if (name.p[0] == '*' && wr_str_ends(host, wr_str_make(name.p + 1, name.n - 1))) {
            n = name.n;
        }
        if (n > best_n) { /* the first of two that have the same name, as the hash keeps it */
            best = ls->servers[i];
            best_n = n;
        }
    }
    return best;
}

static unsigned
compare_hosts(struct wr_pool *pool, unsigned n)
{
    struct wr_route_site *sites = wr_pool_zalloc(pool, n * sizeof(*sites));
    struct wr_server **servers = wr_pool_alloc(pool, n * sizeof(struct wr_server *));
    struct wr_listen ls = {.servers = servers, .servers_n = n};
    struct wr_route_hosts hosts;
    bool any = false;
    unsigned wrong = 0;

    for (unsigned i = 0; i < n; i++) {
        struct wr_server *server = wr_pool_zalloc(pool, sizeof(*server));
        struct wr_str *name = wr_pool_alloc(pool, sizeof(*name));
        do {
            *name = random_host(pool, true);
        } while (any && wr_str_eq(*name, WR_STR("*")));
        any |= wr_str_eq(*name, WR_STR("*"));
        server->index = i;
        server->names = name;
        server->names_n = 1;
        sites[i].server = server;
        servers[i] = server;
    }
    wr_route_hosts_build(&hosts, &ls, sites, pool);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct wr_str host = random_host(pool, false);
        const struct wr_route_site *site = wr_route_hosts_find(&hosts, host);
        wrong += (site ? site->server : NULL) != naive_host(&ls, host);
    }
    return wrong;
}

static void
test_hosts_random(void)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct wr_pool pool = {0};
        wrong += compare_hosts(&pool, 1 + rnd(40));
        wr_pool_reset(&pool);
    }
    tap_is_int(wrong, 0, "the hash and the list agree on %u hosts", ROUNDS * REQUESTS);
}

/* ---- what goes upstream ---- */

static const char rewriting[] = "[upstream u]\n"
                                "server = 127.0.0.1:1\n"
                                "[server *]\n"
                                "/* = u\n"
                                "[route */api/*]\n"
                                "to = u\n"
                                "strip = /api\n"
                                "[route */raw/*]\n"
                                "to = u\n"
                                "paths = raw\n"
                                "[route */rawstrip/*]\n"
                                "to = u\n"
                                "paths = raw\n"
                                "strip = /rawstrip\n"
                                "[route */fixed/*]\n"
                                "to = u\n"
                                "path = /index.php\n"
                                "host = inner.example:8080\n";

static void
expect_sent(struct site *s, const char *target, const char *path, const char *host)
{
    char head[512];

    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: Front.example:80\r\n\r\n", target);
    struct wr_req *r = site_request(s, head);
    tap_ok(r && site_run(r) == WR_NEXT, "%s is routed", target);
    if (r) {
        site_is(r->send_path, path, "%s becomes %s", target, path);
        site_is(r->send_host, host, "Host is %s", host);
        site_end(s, r);
    }
}

static void
test_sending(void)
{
    struct site s;

    site_load_or_die(&s, rewriting);
    expect_sent(&s, "/a/b?x=1", "/a/b?x=1", "Front.example:80");
    expect_sent(&s, "/a/../b?x=1", "/b?x=1", "Front.example:80");
    expect_sent(&s, "/a?", "/a?", "Front.example:80");
    expect_sent(&s, "http://Front.example:80", "/", "Front.example:80");
    expect_sent(&s, "http://Front.example:80?q", "/?q", "Front.example:80");
    expect_sent(&s, "http://Front.example:80/z?q", "/z?q", "Front.example:80");
    expect_sent(&s, "/api", "/", "Front.example:80");
    expect_sent(&s, "/api?q", "/?q", "Front.example:80");
    expect_sent(&s, "/api/", "/", "Front.example:80");
    expect_sent(&s, "/api/v1/x?q", "/v1/x?q", "Front.example:80");
    expect_sent(&s, "/raw/%2f/../%41?q", "/raw/%2f/../%41?q", "Front.example:80");
    expect_sent(&s, "/raw//a", "/raw//a", "Front.example:80");
    expect_sent(&s, "/rawstrip/%2fa//b?q", "/%2fa//b?q", "Front.example:80");
    expect_sent(&s, "/r%61wstrip/a//b?q", "/a/b?q", "Front.example:80");
    expect_sent(&s, "/fixed/a?q=2", "/index.php?q=2", "inner.example:8080");
    expect_sent(&s, "/fixed", "/index.php", "inner.example:8080");
    site_free(&s);
}

static void
test_ambiguous(void)
{
    struct site s;

    site_load_or_die(&s, rewriting);
    struct wr_req *r = site_request(&s, GET("x", "/a%2fb"));
    tap_is_int(site_run(r), WR_DONE, "an ambiguous path is refused");
    tap_is_int(r->err, WR_E_AMBIGUOUS_PATH, "by its name");
    tap_is_int(r->status, 400, "with 400");
    site_end(&s, r);
    r = site_request(&s, GET("x", "/raw/a%2fb"));
    tap_is_int(site_run(r), WR_NEXT, "unless the route takes raw paths");
    site_is(r->path, "/raw/a%2Fb", "the canonical path is kept apart");
    site_end(&s, r);
    site_free(&s);
}

int
main(void)
{
    struct site s;

    srand(20261124);
    site_load_or_die(&s, config);
    test_hosts(&s);
    test_paths(&s);
    test_conditions(&s);
    site_free(&s);
    test_paths_random();
    test_hosts_random();
    test_sending();
    test_ambiguous();
    return tap_done();
}
