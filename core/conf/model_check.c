/*
 * What is legal but hardly meant: names that nobody uses, patterns that
 * surprise, guards that a longer path loses.
 */
#include "core/conf/model_build.h"

#include "core/conf/suggest.h"

/* ---------------------------------------------------------------- unused */

static void
model_check_unused(struct wr_model_build *mb)
{
    struct wr_model *m = mb->m;

    for (size_t i = 0; i < m->upstreams_n; i++) {
        const struct wr_upstream *u = m->upstreams[i];
        if (!u->anonymous && u->references == 0) {
            wr_conf_warn(mb->cf, u->place, "[upstream %.*s] is not used", WR_STR_ARG(u->name));
        }
    }
    for (size_t i = 0; i < m->logs_n; i++) {
        const struct wr_access_log *l = m->logs[i];
        if (l->references == 0) {
            wr_conf_warn(mb->cf, l->place,
                         "[log %.*s] is not used (access_log = %.*s, in [defaults] or a server)",
                         WR_STR_ARG(l->name), WR_STR_ARG(l->name));
        }
    }
}

/* Whether any row refers to sections of this kind. */
static bool
model_check_is_referred(const struct wr_bind *b, const char *kind)
{
    for (unsigned c = 0; c < WR_CLASS_OWN; c++) {
        for (size_t i = 0; i < b->classes[c].rows_n; i++) {
            const struct wr_directive *row = b->classes[c].rows[i]->row;
            if (row->type == WR_T_NAME && strcmp(row->ref, kind) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void
model_check_own_unused(struct wr_model_build *mb)
{
    for (size_t i = 0; i < mb->m->own_n; i++) {
        const struct wr_own_section *o = mb->m->own[i];
        if (o->name.n > 0 && o->references == 0 && model_check_is_referred(&mb->bind, o->kind)) {
            wr_conf_warn(mb->cf, o->place, "[%s %.*s] is not used", o->kind, WR_STR_ARG(o->name));
        }
    }
}

/* ---------------------------------------------------------------- names */

static void
model_check_names(struct wr_model_build *mb)
{
    struct wr_model *m = mb->m;
    size_t most = m->upstreams_n + 1, n = 0;

    for (size_t i = 0; i < m->servers_n; i++) {
        most += m->servers[i]->names_n;
    }
    struct wr_model_name *names = wr_pool_alloc(mb->pool, most * sizeof(*names));

    for (size_t i = 0; i < m->servers_n; i++) {
        for (size_t k = 0; k < m->servers[i]->names_n; k++) {
            names[n++] = (struct wr_model_name){m->servers[i]->names[k], m->servers[i]->place};
        }
    }
    wr_conf_model_near(mb, "name", names, n);
    n = 0;
    for (size_t i = 0; i < m->upstreams_n; i++) {
        if (!m->upstreams[i]->anonymous) {
            names[n++] = (struct wr_model_name){m->upstreams[i]->name, m->upstreams[i]->place};
        }
    }
    wr_conf_model_near(mb, "upstream", names, n);
}

static void
model_check_paths(struct wr_model_build *mb, const struct wr_server *s)
{
    struct wr_model_name *names;
    size_t n = 0;

    if (s->routes_n > WR_MODEL_NEAR_MOST) {
        return;
    }
    names = wr_pool_alloc(mb->pool, (s->routes_n + 1) * sizeof(*names));
    for (size_t i = 0; i < s->routes_n; i++) {
        names[n++] = (struct wr_model_name){s->routes[i]->pattern, s->routes[i]->place};
    }
    wr_conf_model_near(mb, "path", names, n);
}

/* ---------------------------------------------------------------- patterns */

static void
model_check_root(struct wr_model_build *mb, struct wr_model_server *ms)
{
    struct wr_model_route *root = wr_strmap_get(&ms->by_pattern, WR_STR("/"));

    if (root && !root->dropped && !wr_strmap_get(&ms->by_pattern, WR_STR("/*"))) {
        wr_conf_warn(mb->cf, root->r->place,
                     "\"/\" is the path \"/\" alone, and nothing takes the rest: did you mean \"/*\"?");
    }
}

static bool
model_check_under(struct wr_str path, struct wr_str prefix)
{
    return wr_str_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* Escapes that flag a path: with paths = strict it is refused before it can match. */
static void
model_check_escapes(struct wr_model_build *mb, const struct wr_route *r)
{
    static const char *const flagged[] = {"%2F", "%5C", "%00", NULL};

    for (size_t i = 0; i + 2 < r->pattern.n && r->conf.paths == WR_PATHS_STRICT; i++) {
        for (const char *const *f = flagged; *f; f++) {
            if (memcmp(r->pattern.p + i, *f, 3) == 0) {
                wr_conf_warn(mb->cf, r->place,
                             "[route %.*s] can never match: a path with %s is refused unless paths = raw",
                             WR_STR_ARG(r->id), *f);
                return;
            }
        }
    }
}

/* `host` is free, but one letter off the name of a server is hardly meant. */
static void
model_check_host(struct wr_model_build *mb, const struct wr_model_route *mr)
{
    const struct wr_conf_entry *e = mr->section ? wr_bind_entry(mr->section, WR_STR("host")) : NULL;
    struct wr_str host = mr->r->conf.host, near = WR_STR_NONE;
    struct wr_suggest sg;

    if (!e || e->bad || host.n < 4 || !wr_suggest_begin(&sg, mb->cf, host)) {
        return;
    }
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        const struct wr_server *s = mb->m->servers[i];
        for (size_t k = 0; k < s->names_n; k++) {
            unsigned d = wr_str_distance(s->names[k], host, 1);
            if (d == 0) {
                return;
            }
            near = d == 1 ? s->names[k] : near;
        }
    }
    if (near.n > 0) {
        wr_conf_warn(mb->cf, e->place, "host = %.*s: no server has this name; did you mean \"%.*s\"?",
                     WR_STR_ARG(host), WR_STR_ARG(near));
    }
}

static void
model_check_rewrite(struct wr_model_build *mb, const struct wr_model_route *mr)
{
    const struct wr_route *r = mr->r;
    const struct wr_conf_entry *strip = mr->section ? wr_bind_entry(mr->section, WR_STR("strip")) : NULL;

    if (!strip || strip->bad || r->conf.strip.n == 0) {
        return;
    }
    if (!model_check_under(r->path, r->conf.strip) && !wr_str_eq(r->conf.strip, WR_STR("/"))) {
        wr_conf_warn(mb->cf, strip->place, "strip = %.*s: no path of [route %.*s] begins with it",
                     WR_STR_ARG(r->conf.strip), WR_STR_ARG(r->id));
    }
    if (r->conf.path.n > 0) {
        wr_conf_warn(mb->cf, strip->place, "strip does nothing beside path");
    }
}

/* ---------------------------------------------------------------- guards */

/* Whether the route's own section sets the row. */
static bool
model_check_sets(const struct wr_model_server *ms, const struct wr_model_route *mr, uint32_t row)
{
    struct wr_place own = mr->r->places.v[row], above = ms->route_set.places.v[row];

    return mr->section && own.file && (own.file != above.file || own.line != above.line);
}

static void
model_check_guard(struct wr_model_build *mb, struct wr_model_server *ms, const struct wr_bind_row *row)
{
    for (size_t i = 0; i < ms->routes_n; i++) {
        const struct wr_model_route *a = &ms->routes[i];
        if (!a->r->prefix || a->dropped || !model_check_sets(ms, a, row->index)) {
            continue;
        }
        for (size_t k = 0; k < ms->routes_n; k++) {
            const struct wr_model_route *b = &ms->routes[k];
            bool longer = b->r->path.n > a->r->path.n && model_check_under(b->r->path, a->r->path);
            if (longer && !b->dropped && !model_check_sets(ms, b, row->index)) {
                wr_conf_warn(
                    mb->cf, b->r->place,
                    "[route %.*s] is without the %s of [route %.*s] (%s): a longer path inherits from the server, not from a shorter path",
                    WR_STR_ARG(b->r->id), row->row->name, WR_STR_ARG(a->r->id),
                    wr_conf_place_text(mb->pool, a->r->places.v[row->index]));
            }
        }
    }
}

void
wr_conf_model_check(struct wr_model_build *mb)
{
    const struct wr_bind_class *routes = &mb->bind.classes[WR_CLASS_ROUTE];

    model_check_unused(mb);
    model_check_own_unused(mb);
    model_check_names(mb);
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        struct wr_model_server *ms = &mb->servers[i];
        model_check_paths(mb, ms->s);
        model_check_root(mb, ms);
        for (size_t k = 0; k < ms->routes_n; k++) {
            if (!ms->routes[k].dropped) {
                model_check_escapes(mb, ms->routes[k].r);
                model_check_rewrite(mb, &ms->routes[k]);
                model_check_host(mb, &ms->routes[k]);
            }
        }
        for (size_t k = 0; k < routes->rows_n; k++) {
            if (routes->rows[k]->row->flags & WR_D_GUARD) {
                model_check_guard(mb, ms, routes->rows[k]);
            }
        }
    }
}
