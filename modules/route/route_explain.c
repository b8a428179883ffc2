/*
 * Why a request is of this server and route and of no other: the walk is
 * taken again with a listener, and what it did not look at is told apart by
 * name and pattern alone.
 */
#include "modules/route/route.h"

#define ROUTE_EXPLAIN_MOST 24 /* of those that were never near */

/* ---- servers ---- */

static struct wr_str
route_explain_server_name(const struct wr_server *server)
{
    return server->names_n > 0 ? server->names[0] : WR_STR_NONE;
}

/* The name of the server that takes the host: the exact one, else the longest wildcard, else "*". */
static struct wr_str
route_explain_matching_name(const struct wr_server *server, struct wr_str host)
{
    struct wr_str best = WR_STR_NONE;

    for (size_t i = 0; i < server->names_n; i++) {
        struct wr_str name = server->names[i];
        if (wr_str_eq(name, host)) {
            return name;
        }
        bool fits = wr_str_eq(name, WR_STR("*")) ||
            (wr_str_starts(name, WR_STR("*.")) && wr_str_ends(host, wr_str_make(name.p + 1, name.n - 1)));
        if (fits && name.n > best.n) {
            best = name;
        }
    }
    return best;
}

static void
route_explain_lost_server(const struct wr_explain *ex, const struct wr_server *server)
{
    struct wr_str name = route_explain_matching_name(server, ex->r->host);

    if (name.n > 0) {
        wr_explain_lost(ex, route_explain_server_name(server), server->place, "\"%s\" fits less closely",
                        wr_explain_text(ex, name));
    } else {
        wr_explain_lost(ex, route_explain_server_name(server), server->place, "another name");
    }
}

static bool
route_explain_listens(const struct wr_server *server, const struct wr_listen *ls)
{
    for (size_t i = 0; i < ls->servers_n; i++) {
        if (ls->servers[i] == server) {
            return true;
        }
    }
    return false;
}

static void
route_explain_servers(const struct wr_explain *ex, const struct wr_server *chosen)
{
    const struct wr_listen *ls = ex->r->client->listen;
    const struct wr_model *m = ex->r->sv->model;
    size_t left_out = 0;

    if (chosen) {
        struct wr_str name = route_explain_matching_name(chosen, ex->r->host);
        wr_explain_say(ex, "server", route_explain_server_name(chosen), chosen->place, "its name \"%s\" fits",
                       wr_explain_text(ex, name));
    } else {
        wr_explain_say(ex, "server", WR_STR_NONE, (struct wr_place){0}, "none on %s has the name \"%s\"",
                       wr_explain_text(ex, ls->text), wr_explain_text(ex, ex->r->host));
    }
    for (size_t i = 0; i < m->servers_n; i++) {
        const struct wr_server *server = m->servers[i];
        if (server == chosen) {
            continue;
        }
        if (i >= ROUTE_EXPLAIN_MOST && !route_explain_matching_name(server, ex->r->host).n) {
            left_out++;
        } else if (!route_explain_listens(server, ls)) {
            wr_explain_lost(ex, route_explain_server_name(server), server->place, "does not listen on %s",
                            wr_explain_text(ex, ls->text));
        } else {
            route_explain_lost_server(ex, server);
        }
    }
    if (left_out > 0) {
        wr_explain_lost(ex, WR_STR_NONE, (struct wr_place){0}, "%zu more servers of other names", left_out);
    }
}

/* ---- routes ---- */

struct route_explain {
    const struct wr_explain *ex;
    const struct wr_route *found;
    bool *tried; /* by the index of the model */
};

/* "if.header.X-Beta = 1", as it is written. */
static const char *
route_explain_condition(const struct wr_explain *ex, const struct wr_route_rule *rule,
                        enum wr_route_miss miss, size_t which, struct wr_place *place)
{
    const struct wr_route_conf *conf = &rule->route->conf;
    const struct wr_map *m = miss == WR_ROUTE_HEADER ? &conf->if_header : &conf->if_query;

    switch (miss) {
    case WR_ROUTE_METHOD:
        *place = wr_explain_route_place(rule->route, offsetof(struct wr_route_conf, if_method));
        return "if.method does not name the request's method";
    case WR_ROUTE_CLIENT:
        *place = wr_explain_route_place(rule->route, offsetof(struct wr_route_conf, if_client));
        return "the client is in none of if.client's networks";
    case WR_ROUTE_HEADER:
    case WR_ROUTE_QUERY:
        *place = m->v[which].place;
        return wr_pool_printf(&ex->r->pool, "if.%s.%s = %s does not hold",
                              miss == WR_ROUTE_HEADER ? "header" : "query",
                              wr_explain_text(ex, m->v[which].key), wr_explain_text(ex, m->v[which].value))
            .p;
    case WR_ROUTE_FITS:
        break;
    }
    return "";
}

static void
route_explain_trace(void *arg, const struct wr_route_rule *rule, enum wr_route_miss miss, size_t which)
{
    struct route_explain *e = arg;
    struct wr_place place = {0};

    e->tried[rule->route->index] = true;
    if (miss == WR_ROUTE_FITS) {
        e->found = rule->route;
        return;
    }
    const char *why = route_explain_condition(e->ex, rule, miss, which, &place);
    if (place.file) {
        why = wr_pool_printf(&e->ex->r->pool, "%s (%s)", why, wr_conf_place_text(&e->ex->r->pool, place)).p;
    }
    wr_explain_lost(e->ex, rule->route->id, rule->route->place, "its path fits, but %s", why);
}

/* Whether the pattern takes the path, conditions aside; as wr_route_table_find sees it. */
static bool
route_explain_fits(const struct wr_route *rt, struct wr_str path, struct wr_pool *pool)
{
    struct wr_str own = wr_route_canon(rt->path, pool);

    if (!rt->prefix) {
        return wr_str_eq(own, path);
    }
    return wr_str_starts(path, own) && (path.n == own.n || path.p[own.n] == '/');
}

static void
route_explain_lost_route(const struct route_explain *e, const struct wr_route *rt)
{
    const struct wr_route *found = e->found;

    if (!route_explain_fits(rt, e->ex->r->path, &e->ex->r->pool)) {
        wr_explain_lost(e->ex, rt->id, rt->place, "another path");
    } else if (found && rt->path.n == found->path.n && rt->prefix == found->prefix) {
        wr_explain_lost(e->ex, rt->id, rt->place, "fewer conditions (%u, the other has %u)", rt->conditions,
                        found->conditions);
    } else if (found && !found->prefix) {
        wr_explain_lost(e->ex, rt->id, rt->place, "a prefix; the other is the path itself");
    } else {
        wr_explain_lost(e->ex, rt->id, rt->place, "a shorter prefix");
    }
}

static void
route_explain_found(const struct wr_explain *ex, const struct wr_route *rt)
{
    const char *how = rt->prefix ? "the longest prefix that fits" : "the path itself";

    if (rt->conditions > 1) {
        wr_explain_say(ex, "route", rt->id, rt->place, "%s, and its %u conditions hold", how, rt->conditions);
    } else {
        wr_explain_say(ex, "route", rt->id, rt->place, "%s%s", how,
                       rt->conditions > 0 ? ", and its condition holds" : "");
    }
}

static void
route_explain_routes(const struct wr_explain *ex, const struct wr_route_site *site)
{
    const struct wr_server *server = site->server;
    struct route_explain e = {.ex = ex};
    size_t left_out = 0;

    e.tried = wr_pool_zalloc(&ex->r->pool, ex->r->sv->model->routes_n + 1);
    const struct wr_route *rt = wr_route_table_find(&site->table, ex->r, NULL, NULL);
    if (rt) {
        route_explain_found(ex, rt);
    } else {
        wr_explain_say(ex, "route", WR_STR_NONE, (struct wr_place){0},
                       "none of this server takes the path %s", wr_explain_text(ex, ex->r->path));
    }
    wr_route_table_find(&site->table, ex->r, route_explain_trace, &e);
    for (size_t i = 0; i < server->routes_n; i++) {
        rt = server->routes[i];
        if (e.tried[rt->index]) {
            continue;
        }
        if (i >= ROUTE_EXPLAIN_MOST && !route_explain_fits(rt, ex->r->path, &ex->r->pool)) {
            left_out++;
        } else {
            route_explain_lost_route(&e, rt);
        }
    }
    if (left_out > 0) {
        wr_explain_lost(ex, WR_STR_NONE, (struct wr_place){0}, "%zu more routes of other paths", left_out);
    }
}

void
wr_route_explain(struct wr_explain *ex, const struct wr_route *rt, const void *conf)
{
    const struct wr_route_mconf *own = conf;
    const struct wr_route_mconf *preset = ex->r->client->listen->preset_route->mconf[own->module];
    const struct wr_route_site *site = wr_route_hosts_find(preset->hosts, ex->r->host);

    (void)rt;
    route_explain_servers(ex, site ? site->server : NULL);
    if (site) {
        route_explain_routes(ex, site);
    }
}
