/*
 * ROUTE: binds a request to its server and route, sets its deadlines and
 * renders what goes upstream as path and Host.
 */
#include "modules/route/route.h"

static bool
route_check(struct wr_conf *cf, unsigned module, void **main)
{
    struct wr_model *m = cf->model;
    struct wr_route_site *sites = wr_pool_zalloc(cf->pool, (m->servers_n + 1) * sizeof(*sites));

    for (size_t i = 0; i < m->servers_n; i++) {
        struct wr_server *server = m->servers[i];
        sites[server->index].server = server;
        wr_route_table_build(&sites[server->index].table, server->routes, server->routes_n, cf->pool);
    }
    for (size_t i = 0; i < m->routes_n; i++) {
        struct wr_route_mconf *own = m->routes[i]->mconf[module];
        own->module = module;
        own->strip = wr_route_canon(m->routes[i]->conf.strip, cf->pool);
    }
    for (size_t i = 0; i < m->listens_n; i++) {
        struct wr_route_hosts *hosts = wr_pool_alloc(cf->pool, sizeof(*hosts));
        struct wr_route_mconf *own = m->listens[i]->preset_route->mconf[module];
        wr_route_hosts_build(hosts, m->listens[i], sites, cf->pool);
        own->hosts = hosts;
    }
    *main = sites;
    return true;
}

/* ---- what goes upstream ---- */

/* The path and, behind it, the query; a copy only when they do not stand side by side in the target. */
static struct wr_str
route_join(struct wr_req *r, struct wr_str path)
{
    struct wr_str query = r->uri.query;

    if (!r->uri.has_query) {
        return path;
    }
    if (wr_likely(path.p + path.n + 1 == query.p)) {
        return wr_str_make(path.p, path.n + 1 + query.n);
    }
    char *p = wr_pool_alloc(&r->pool, path.n + 1 + query.n);
    memcpy(p, path.p, path.n);
    p[path.n] = '?';
    if (query.n > 0) {
        memcpy(p + path.n + 1, query.p, query.n);
    }
    return wr_str_make(p, path.n + 1 + query.n);
}

/* Takes whole segments off the front; false when the path does not begin with them. */
static bool
route_strip(struct wr_str *path, struct wr_str strip)
{
    if (!wr_str_starts(*path, strip) || (path->n > strip.n && path->p[strip.n] != '/')) {
        return false;
    }
    *path = path->n > strip.n ? wr_str_make(path->p + strip.n, path->n - strip.n) : WR_STR("/");
    return true;
}

static struct wr_str
route_send_path(struct wr_req *r, const struct wr_route_conf *conf, struct wr_str strip)
{
    struct wr_str path = r->path;

    if (conf->path.n > 0) {
        return route_join(r, conf->path);
    }
    if (conf->paths == WR_PATHS_RAW) {
        path = r->uri.path;
        /* What is spelled so differently that it cannot be cut is cut in its canonical form. */
        if (strip.n > 0 && !route_strip(&path, strip)) {
            path = r->path;
            route_strip(&path, strip);
        }
    } else if (strip.n > 0) {
        route_strip(&path, strip);
    }
    return route_join(r, path);
}

/* ---- deadlines ---- */

/* The client's own, for gRPC: up to eight digits and a unit; WR_OFF when it has none. */
static uint64_t
route_grpc_timeout_ms(const struct wr_req *r)
{
    static const char units[] = "HMSmun";
    static const uint64_t us[] = {3600000000, 60000000, 1000000, 1000, 1, 0};
    struct wr_str value = wr_head_value(&r->req, WR_N_GRPC_TIMEOUT);
    uint64_t count;

    if (value.n < 2 || value.n > 9 || !wr_str_u64(wr_str_make(value.p, value.n - 1), 99999999, &count)) {
        return WR_OFF;
    }
    const char *unit = memchr(units, value.p[value.n - 1], sizeof(units) - 1);
    return unit ? count * us[unit - units] / 1000 : WR_OFF;
}

/* From now, which is when the head is complete. */
static void
route_deadlines(struct wr_req *r, const struct wr_route_conf *conf)
{
    uint64_t head_ms = conf->deadline_ms;
    uint64_t total_ms = conf->total_ms;

    if (wr_unlikely(wr_head_has(&r->req, WR_N_GRPC_TIMEOUT))) {
        uint64_t grpc_ms = route_grpc_timeout_ms(r);
        head_ms = WR_MIN(head_ms, grpc_ms);
        total_ms = WR_MIN(total_ms, grpc_ms);
    }
    r->deadline_ms = head_ms == WR_OFF ? WR_TIMER_NEVER : wr_clock.mono_ms + head_ms;
    r->total_ms = total_ms == WR_OFF ? WR_TIMER_NEVER : wr_clock.mono_ms + total_ms;
}

/* ---- the handler ---- */

static enum wr_step
route_refuse(struct wr_req *r, enum wr_err err)
{
    wr_req_fail(r, err);
    return WR_DONE;
}

static enum wr_step
route_bind(struct wr_req *r, const void *conf, void *state)
{
    const struct wr_route_mconf *preset = conf;
    const struct wr_route_site *site = wr_route_hosts_find(preset->hosts, r->host);

    (void)state;
    if (!site) {
        return route_refuse(r, WR_E_NO_SERVER);
    }
    r->server = site->server;
    r->route = site->server->preset_route;
    const struct wr_route *rt = wr_route_table_find(&site->table, r, NULL, NULL);
    if (!rt) {
        return route_refuse(r, WR_E_NO_ROUTE);
    }
    const struct wr_route_mconf *own = rt->mconf[preset->module];
    r->route = rt;
    r->upstream = rt->target.upstream;
    route_deadlines(r, &rt->conf);
    if (wr_unlikely(r->uri_flags != 0) && rt->conf.paths == WR_PATHS_STRICT) {
        return route_refuse(r, WR_E_AMBIGUOUS_PATH);
    }
    r->send_path = route_send_path(r, &rt->conf, own->strip);
    r->send_host = rt->conf.host.n > 0 ? rt->conf.host : r->authority;
    return WR_NEXT;
}

static const struct wr_directive route_rows[] = {{.name = NULL}};
static const struct wr_directive_table route_tables[] = {
    {route_rows, WR_CLASS_ROUTE, sizeof(struct wr_route_mconf), NULL},
    {.rows = NULL},
};

const struct wr_module wr_module_route = {
    .name = "route",
    .tables = route_tables,
    .check = route_check,
    .phase = {[WR_PHASE_ROUTE] = route_bind},
    .explain = wr_route_explain,
};
