/*
 * What can be said of routes before any request: which one takes over where
 * another has no target, and which two could not be told apart.
 */
#include "core/conf/model_build.h"

/* ---------------------------------------------------------------- comparing conditions */

static bool
model_match_has_word(const struct wr_words *list, struct wr_str word)
{
    for (size_t i = 0; i < list->n; i++) {
        if (wr_str_eq(list->v[i], word)) {
            return true;
        }
    }
    return false;
}

static const struct wr_map_entry *
model_match_entry(const struct wr_map *map, struct wr_str key, bool header)
{
    for (size_t i = 0; i < map->n; i++) {
        if (header ? wr_str_ieq(map->v[i].key, key) : wr_str_eq(map->v[i].key, key)) {
            return &map->v[i];
        }
    }
    return NULL;
}

/* Whether every address of a is in b. */
static bool
model_match_cidr_within(const struct wr_cidr *a, const struct wr_cidr *b)
{
    return a->bits >= b->bits && wr_cidr_has(b, &a->ip);
}

static bool
model_match_cidrs_within(const struct wr_cidrs *a, const struct wr_cidrs *b)
{
    for (size_t i = 0; i < a->n; i++) {
        bool within = false;
        for (size_t k = 0; k < b->n && !within; k++) {
            within = model_match_cidr_within(&a->v[i], &b->v[k]);
        }
        if (!within) {
            return false;
        }
    }
    return true;
}

static bool
model_match_cidrs_overlap(const struct wr_cidrs *a, const struct wr_cidrs *b)
{
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < b->n; k++) {
            if (model_match_cidr_within(&a->v[i], &b->v[k]) || model_match_cidr_within(&b->v[k], &a->v[i])) {
                return true;
            }
        }
    }
    return false;
}

/* A value of if.header or if.query: a text, or the beginning of one when it ends in "*". */
static struct wr_str
model_match_value(struct wr_str value, bool *prefix)
{
    *prefix = wr_str_ends(value, WR_STR("*"));
    return *prefix ? wr_str_make(value.p, value.n - 1) : value;
}

/* Whether all that `b` takes is taken by `a`. */
static bool
model_match_value_covers(struct wr_str a, struct wr_str b)
{
    bool a_prefix, b_prefix;

    a = model_match_value(a, &a_prefix);
    b = model_match_value(b, &b_prefix);
    return a_prefix ? wr_str_starts(b, a) : !b_prefix && wr_str_eq(a, b);
}

/* Whether each condition of `weak` holds whenever those of `strong` do. */
static bool
model_match_implied(const struct wr_map *weak, const struct wr_map *strong, bool header)
{
    for (size_t i = 0; i < weak->n; i++) {
        const struct wr_map_entry *e = model_match_entry(strong, weak->v[i].key, header);
        if (!e || !model_match_value_covers(weak->v[i].value, e->value)) {
            return false;
        }
    }
    return true;
}

bool
wr_conf_model_covers(const struct wr_route_conf *r, const struct wr_route_conf *of)
{
    if (r->if_method.n > 0 && of->if_method.n == 0) {
        return false;
    }
    for (size_t i = 0; r->if_method.n > 0 && i < of->if_method.n; i++) {
        if (!model_match_has_word(&r->if_method, of->if_method.v[i])) {
            return false;
        }
    }
    if (r->if_client.n > 0 &&
        (of->if_client.n == 0 || !model_match_cidrs_within(&of->if_client, &r->if_client))) {
        return false;
    }
    return model_match_implied(&r->if_header, &of->if_header, true) &&
        model_match_implied(&r->if_query, &of->if_query, false);
}

static bool
model_match_maps_exclude(const struct wr_map *a, const struct wr_map *b, bool header)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct wr_map_entry *e = model_match_entry(b, a->v[i].key, header);
        /* of two such values one covers the other, or they have nothing in common */
        if (e && !model_match_value_covers(e->value, a->v[i].value) &&
            !model_match_value_covers(a->v[i].value, e->value)) {
            return true;
        }
    }
    return false;
}

/* Whether no request fulfils both. */
static bool
model_match_exclude(const struct wr_route_conf *a, const struct wr_route_conf *b)
{
    bool methods = a->if_method.n > 0 && b->if_method.n > 0;

    for (size_t i = 0; methods && i < a->if_method.n; i++) {
        methods = !model_match_has_word(&b->if_method, a->if_method.v[i]);
    }
    if (methods) {
        return true;
    }
    if (a->if_client.n > 0 && b->if_client.n > 0 &&
        !model_match_cidrs_overlap(&a->if_client, &b->if_client)) {
        return true;
    }
    return model_match_maps_exclude(&a->if_header, &b->if_header, true) ||
        model_match_maps_exclude(&a->if_query, &b->if_query, false);
}

/* ---------------------------------------------------------------- routes without a target */

/* Of the routes of one pattern the one with most conditions that takes all that mr takes; never mr itself. */
static struct wr_model_route *
model_match_best(struct wr_model_route *first, const struct wr_model_route *mr)
{
    struct wr_model_route *best = NULL;

    for (struct wr_model_route *o = first; o; o = o->same_pattern) {
        bool fewer = o->r->conditions < mr->r->conditions || !wr_str_eq(o->r->pattern, mr->r->pattern);
        if (o != mr && fewer && wr_conf_model_covers(&o->r->conf, &mr->r->conf) &&
            (!best || o->r->conditions > best->r->conditions)) {
            best = o;
        }
    }
    return best;
}

/* The route that would take mr's requests if mr were not there. */
static struct wr_model_route *
model_match_without(struct wr_model_build *mb, struct wr_model_server *ms, const struct wr_model_route *mr)
{
    struct wr_str path = mr->r->path;
    struct wr_model_route *found = model_match_best(wr_strmap_get(&ms->by_pattern, mr->r->pattern), mr);
    bool self = mr->r->prefix;

    while (!found) {
        if (!self) {
            struct wr_str prefix = wr_pool_printf(mb->pool, "%.*s/*", WR_STR_ARG(path));
            /* its own final slash is no segment of an exact path */
            found = model_match_best(wr_strmap_get(&ms->by_pattern, prefix), mr);
        }
        self = false;
        if (path.n == 0) {
            break;
        }
        while (path.n > 0 && path.p[--path.n] != '/') {
        }
    }
    return found;
}

/* Copies that have nowhere to go in a server are left out of it: requests get no_route there as before. */
static void
model_match_drop(struct wr_model_server *ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < ms->routes_n; i++) {
        if (!ms->routes[i].dropped) {
            ms->s->routes[kept++] = ms->s->routes[i];
        }
    }
    ms->s->routes_n = kept;
}

static bool
model_match_placed(const struct wr_model_build *mb, const struct wr_conf_section *s)
{
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        for (size_t k = 0; k < mb->servers[i].routes_n; k++) {
            const struct wr_model_route *mr = &mb->servers[i].routes[k];
            if (mr->copied == s && !mr->dropped) {
                return true;
            }
        }
    }
    return false;
}

static void
model_match_targets(struct wr_model_build *mb, struct wr_model_server *ms, struct wr_model_route *mr)
{
    struct wr_model_route *from = mr;

    /* each step goes to a shorter pattern or to fewer conditions: there is an end */
    while (from && !from->has_target) {
        from = model_match_without(mb, ms, from);
    }
    if (from) {
        /* one that could not be read was reported where it stands */
        mr->r->target = from->r->target;
        mr->r->conf.to = from->r->conf.to;
        if (mr->r->target.upstream) {
            mr->r->target.upstream->references++;
        }
    } else if (mr->copied) {
        mr->dropped = true;
    } else {
        wr_conf_error(mb->cf, mr->r->place,
                      "[route %.*s] has no \"to\", and without it no other route takes its requests",
                      WR_STR_ARG(mr->r->id));
    }
}

/* A [route /PATH] that has a place in no server at all. */
static void
model_match_globals(struct wr_model_build *mb)
{
    for (size_t i = 0; i < mb->cf->source->sections_n && mb->m->servers_n > 0; i++) {
        const struct wr_conf_section *s = mb->cf->source->sections[i];
        bool global = s->kind == WR_KIND_ROUTE && !s->repeated && s->names[0].p[0] == '/';
        if (global && !wr_bind_entry(s, WR_STR("to")) && !model_match_placed(mb, s)) {
            wr_conf_error(mb->cf, s->place,
                          "[%s] has no \"to\", and no server has another route for its requests",
                          wr_conf_shown(mb->pool, s->head));
        }
    }
}

void
wr_conf_model_inherit_targets(struct wr_model_build *mb)
{
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        struct wr_model_server *ms = &mb->servers[i];
        for (size_t k = 0; k < ms->routes_n; k++) {
            if (!ms->routes[k].has_target) {
                model_match_targets(mb, ms, &ms->routes[k]);
            }
        }
        model_match_drop(ms);
    }
    model_match_globals(mb);
}

/* ---------------------------------------------------------------- ties */

/* Two routes of one pattern. */
static void
model_match_pair(struct wr_model_build *mb, const struct wr_route *a, const struct wr_route *b)
{
    const struct wr_route *more = a->conditions > b->conditions ? a : b, *less = more == a ? b : a;

    if (more->conditions != less->conditions) {
        if (wr_conf_model_covers(&more->conf, &less->conf)) {
            wr_conf_warn(mb->cf, less->place,
                         "[route %.*s] can never match: [route %.*s] (%s) takes all its requests first",
                         WR_STR_ARG(less->id), WR_STR_ARG(more->id),
                         wr_conf_place_text(mb->pool, more->place));
        }
        return;
    }
    if (model_match_exclude(&a->conf, &b->conf)) {
        return;
    }
    const struct wr_route *later = a->place.line > b->place.line ? a : b, *other = later == a ? b : a;

    wr_conf_error(
        mb->cf, later->place,
        "a request could match both [route %.*s] and [route %.*s] (%s): neither has more conditions",
        WR_STR_ARG(later->id), WR_STR_ARG(other->id), wr_conf_place_text(mb->pool, other->place));
}

void
wr_conf_model_ties(struct wr_model_build *mb)
{
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        struct wr_model_server *ms = &mb->servers[i];
        for (size_t k = 0; k < ms->routes_n; k++) {
            struct wr_model_route *a = &ms->routes[k];
            for (struct wr_model_route *b = a->same_pattern; b && !a->dropped; b = b->same_pattern) {
                if (!b->dropped) {
                    model_match_pair(mb, a->r, b->r);
                }
            }
        }
    }
}
