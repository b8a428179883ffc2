/*
 * The routes of each server: path keys, [route HOST/PATH] sections, and
 * copies of [route /PATH] sections.  What stands for one pattern and label is
 * one route.
 */
#include "core/conf/model_build.h"

#include "core/conf/ini.h"
#include "core/conf/suggest.h"
#include "core/conf/types.h"

/* [route /PATH] sections, for every server. */
struct model_route_globals {
    const struct wr_conf_section **v;
    size_t n;
    size_t cap;
};

/* The path in the name of a [route]. */
static struct wr_str
model_route_path(const struct wr_conf_section *s)
{
    ptrdiff_t slash = wr_str_find(s->names[0], '/');

    return wr_str_make(s->names[0].p + slash, s->names[0].n - (size_t)slash);
}

/* The route of a pattern and label; NULL when there is none. */
static struct wr_model_route *
model_route_find(const struct wr_model_server *ms, struct wr_str pattern, struct wr_str label)
{
    struct wr_model_route *mr = wr_strmap_get(&ms->by_pattern, pattern);

    while (mr && !wr_str_eq(mr->r->label, label)) {
        mr = mr->same_pattern;
    }
    return mr;
}

/* "example.com/api/" and so on; by hand, for there may be very many. */
static struct wr_str
model_route_id(struct wr_pool *pool, struct wr_str server, struct wr_str pattern, struct wr_str label)
{
    char *p = wr_pool_alloc(pool, server.n + pattern.n + label.n + 2);
    size_t n = server.n + pattern.n;

    memcpy(p, server.p, server.n);
    memcpy(p + server.n, pattern.p, pattern.n);
    if (label.n > 0) {
        p[n++] = ' ';
        memcpy(p + n, label.p, label.n);
        n += label.n;
    }
    p[n] = '\0';
    return wr_str_make(p, n);
}

/* ---------------------------------------------------------------- whose route it is */

static void
model_route_no_server(struct wr_model_build *mb, const struct wr_conf_section *s, struct wr_str host)
{
    struct wr_suggest sg;

    bool guess = wr_suggest_begin(&sg, mb->cf, host);

    for (size_t i = 0; guess && i < mb->m->servers_n; i++) {
        struct wr_server *server = mb->m->servers[i];
        for (size_t k = 1; k < server->names_n; k++) {
            if (wr_str_eq(server->names[k], host)) {
                wr_conf_error(
                    mb->cf, s->place,
                    "[%s]: %.*s is a further name; routes go by the first: did you mean \"%.*s%.*s\"?",
                    wr_conf_shown(mb->pool, s->head), WR_STR_ARG(host), WR_STR_ARG(server->preset_route->id),
                    WR_STR_ARG(model_route_path(s)));
                return;
            }
        }
        wr_suggest_offer(&sg, server->preset_route->id, 0);
    }
    wr_conf_error(mb->cf, s->place, "[%s]: there is no [server %.*s]%s", wr_conf_shown(mb->pool, s->head),
                  WR_STR_ARG(host), wr_suggest_text(&sg, mb->pool));
}

/* Gives each [route] to its server, or to `globals`. */
static void
model_route_group(struct wr_model_build *mb, struct model_route_globals *globals)
{
    struct wr_conf_source *src = mb->cf->source;
    struct wr_strmap servers;

    wr_strmap_init(&servers, mb->pool, (uint32_t)mb->m->servers_n + 1);
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        wr_strmap_add(&servers, mb->m->servers[i]->preset_route->id, &mb->servers[i]);
    }
    for (size_t i = 0; i < src->sections_n; i++) {
        const struct wr_conf_section *s = src->sections[i];
        if (s->kind != WR_KIND_ROUTE || s->repeated) {
            continue;
        }
        struct wr_str host = wr_str_make(s->names[0].p, s->names[0].n - model_route_path(s).n);
        struct wr_model_server *ms = host.n > 0 ? wr_strmap_get(&servers, host) : NULL;
        if (host.n == 0) {
            globals->v = wr_ini_grow(mb->pool, globals->v, globals->n, &globals->cap, sizeof(*globals->v));
            globals->v[globals->n++] = s;
        } else if (ms) {
            ms->sections =
                wr_ini_grow(mb->pool, ms->sections, ms->sections_n, &ms->sections_cap, sizeof(*ms->sections));
            ms->sections[ms->sections_n++] = s;
        } else {
            model_route_no_server(mb, s, host);
            wr_bind_check(&mb->bind, s);
        }
    }
}

/* ---------------------------------------------------------------- one route */

/* The route of a pattern and label, made if there is none; NULL when the pattern is wrong. */
static struct wr_model_route *
model_route_get(struct wr_model_build *mb, struct wr_model_server *ms, struct wr_str pattern,
                struct wr_str label, struct wr_place place)
{
    struct wr_model_route *mr = model_route_find(ms, pattern, label);
    struct wr_bind_set set;
    struct wr_str path;
    bool prefix;

    if (mr) {
        return mr;
    }
    if (!wr_conf_model_pattern(mb, pattern, place, &path, &prefix)) {
        return NULL;
    }
    struct wr_route *r = wr_conf_model_route_new(mb, &ms->route_set, &set);

    mr = &ms->routes[ms->routes_n];
    mr->r = ms->s->routes[ms->routes_n++] = r;
    r->server = ms->s;
    r->pattern = pattern;
    r->path = path;
    r->prefix = prefix;
    r->label = label;
    r->place = place;
    r->id = model_route_id(mb->pool, ms->s->preset_route->id, pattern, label);
    mr->same_pattern = wr_strmap_get(&ms->by_pattern, pattern);
    if (mr->same_pattern) {
        struct wr_model_route *first = mr->same_pattern;
        mr->same_pattern = first->same_pattern;
        first->same_pattern = mr;
    } else {
        wr_strmap_add(&ms->by_pattern, pattern, mr);
    }
    return mr;
}

static void
model_route_key(struct wr_model_build *mb, struct wr_model_server *ms, const struct wr_map_entry *e,
                struct wr_str written)
{
    struct wr_model_route *mr = model_route_get(mb, ms, e->key, WR_STR_NONE, e->place);

    if (!mr) {
        return;
    }
    if (mr->has_target) {
        wr_conf_error(mb->cf, e->place, "%s: %s has its target already at %s",
                      wr_conf_shown(mb->pool, written), wr_conf_shown(mb->pool, e->key),
                      wr_conf_place_text(mb->pool, mr->r->target.place));
        return;
    }
    mr->keyed = mr->has_target = true;
    mr->r->conf.to = e->value;
    wr_conf_model_target(mb, e->value, written, e->place, &mr->r->target);
    mr->r->target.shown = e->shown;
}

/* `upstream`, which is short for a path key. */
static void
model_route_upstream(struct wr_model_build *mb, struct wr_model_server *ms)
{
    const struct wr_places *places = &ms->server_set.places;
    size_t row = wr_conf_model_row(&ms->server_set, "upstream");

    if (places->v[row].file) {
        struct wr_map_entry key = {
            .key = WR_STR("/*"),
            .value = ms->s->conf.upstream,
            .shown = places->text[row],
            .place = places->v[row],
        };
        model_route_key(mb, ms, &key, WR_STR("upstream"));
    }
}

/* ---------------------------------------------------------------- conditions */

static void
model_route_methods(struct wr_model_build *mb, const struct wr_route *r, struct wr_place place)
{
    for (size_t i = 0; i < r->conf.if_method.n; i++) {
        struct wr_str method = r->conf.if_method.v[i];
        struct wr_str near = wr_suggest_method(method);
        if (!wr_conf_token_ok(method)) {
            wr_conf_error(mb->cf, place, "if.method: \"%s\" is no method", wr_conf_shown(mb->pool, method));
        } else if (near.n > 0) {
            wr_conf_warn(mb->cf, place,
                         "if.method: \"%s\" is no method that is registered; did you mean \"%.*s\"?",
                         wr_conf_shown(mb->pool, method), WR_STR_ARG(near));
        }
    }
}

static void
model_route_conditions(struct wr_model_build *mb, struct wr_route *r, const struct wr_conf_section *s)
{
    const struct wr_conf_entry *client = wr_bind_entry(s, WR_STR("if.client"));

    model_route_methods(mb, r, wr_conf_model_place(s, "if.method"));
    if (client && r->conf.if_client.n == 0 && wr_str_eq(client->value.text, WR_STR("none"))) {
        wr_conf_error(mb->cf, client->place, "if.client = none: the route can never match");
    }
    r->conditions = (unsigned)((r->conf.if_method.n > 0) + r->conf.if_header.n + r->conf.if_query.n +
                               (r->conf.if_client.n > 0));
}

/* ---------------------------------------------------------------- [route] sections */

/* Lays a [route] over its route, with the target if it says one. */
static void
model_route_section(struct wr_model_build *mb, struct wr_model_server *ms, struct wr_model_route *mr,
                    const struct wr_conf_section *s)
{
    struct wr_route *r = mr->r;
    struct wr_bind_set set, *sets[WR_CLASS_OWN + 1] = {[WR_CLASS_ROUTE] = &set};
    struct wr_str keyed = r->conf.to;
    wr_bind_set_init(&mb->bind, &set, &mb->bind.classes[WR_CLASS_ROUTE], &ms->route_set, &r->conf);
    wr_bind_section(&mb->bind, s, sets);
    r->mconf = set.mconf;
    r->places = set.places;
    r->place = s->place;
    mr->section = s;
    model_route_conditions(mb, r, s);
    size_t row = wr_conf_model_row(&set, "to");
    struct wr_place to = set.places.v[row];

    if (!mr->has_target) {
        if (to.file) {
            mr->has_target = true;
            wr_conf_model_target(mb, r->conf.to, WR_STR("to"), to, &r->target);
            r->target.shown = set.places.text[row];
        }
        return;
    }
    r->conf.to = keyed;
    if (to.file && !mr->copied) {
        wr_conf_error(mb->cf, to, "to: %.*s has its target already at %s", WR_STR_ARG(r->pattern),
                      wr_conf_place_text(mb->pool, r->target.place));
    }
}

/* A [route /PATH] where the server has no [route] of that pattern; a path key of it gets what it says. */
static void
model_route_copy(struct wr_model_build *mb, struct wr_model_server *ms, const struct wr_conf_section *s)
{
    struct wr_str path = model_route_path(s);
    struct wr_model_route *mr = model_route_find(ms, path, s->label);

    if (mr && mr->section) {
        return;
    }
    mr = model_route_get(mb, ms, path, s->label, s->place);
    if (mr) {
        mr->copied = s;
        model_route_section(mb, ms, mr, s);
    }
}

static void
model_route_server(struct wr_model_build *mb, struct wr_model_server *ms,
                   const struct model_route_globals *globals)
{
    const struct wr_server_conf *conf = &ms->s->conf;
    size_t most = conf->paths.n + 1 + ms->sections_n + globals->n;

    ms->routes = wr_pool_zalloc(mb->pool, most * sizeof(*ms->routes));
    ms->s->routes = wr_pool_zalloc(mb->pool, most * sizeof(struct wr_route *));
    wr_ini_reserve(mb->pool, 4 * sizeof(struct wr_strmap_slot) * most);
    wr_strmap_init(&ms->by_pattern, mb->pool, (uint32_t)most);
    for (size_t i = 0; i < conf->paths.n; i++) {
        const struct wr_map_entry *e = &conf->paths.v[i];
        model_route_key(mb, ms, e, e->key);
    }
    model_route_upstream(mb, ms);
    for (size_t i = 0; i < ms->sections_n; i++) {
        const struct wr_conf_section *s = ms->sections[i];
        struct wr_model_route *mr = model_route_get(mb, ms, model_route_path(s), s->label, s->place);
        if (mr) {
            model_route_section(mb, ms, mr, s);
        }
    }
    for (size_t i = 0; i < globals->n; i++) {
        model_route_copy(mb, ms, globals->v[i]);
    }
    ms->s->routes_n = ms->routes_n;
}

void
wr_conf_model_routes(struct wr_model_build *mb)
{
    struct model_route_globals globals = {NULL, 0, 0};

    model_route_group(mb, &globals);
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        model_route_server(mb, &mb->servers[i], &globals);
    }
    for (size_t i = 0; i < globals.n && mb->m->servers_n == 0; i++) {
        wr_bind_check(&mb->bind, globals.v[i]);
    }
}
