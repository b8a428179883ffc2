/*
 * From sections to the model: the order of the steps, and the small sections.
 */
#include "core/conf/model_build.h"

#include "core/conf/ini.h"

struct wr_place
wr_conf_model_place(const struct wr_conf_section *s, const char *key)
{
    const struct wr_conf_entry *e = wr_bind_entry(s, wr_str_of(key));

    return e ? e->place : s->place;
}

size_t
wr_conf_model_row(const struct wr_bind_set *set, const char *name)
{
    size_t i = 0;

    while (strcmp(set->class_->rows[i]->row->name, name) != 0) {
        i++;
    }
    return i;
}

/* The nth section of a kind that something is made of, from *i on; NULL at the end. */
static struct wr_conf_section *
model_next(struct wr_model_build *mb, enum wr_conf_kind kind, size_t *i)
{
    struct wr_conf_source *src = mb->cf->source;

    while (*i < src->sections_n) {
        struct wr_conf_section *s = src->sections[(*i)++];
        if (s->kind == kind && !s->repeated) {
            return s;
        }
    }
    return NULL;
}

struct wr_route *
wr_conf_model_route_new(struct wr_model_build *mb, const struct wr_bind_set *parent, struct wr_bind_set *set)
{
    wr_ini_reserve(mb->pool, 4096);
    struct wr_route *r = wr_pool_zalloc(mb->pool, sizeof(*r));

    wr_bind_set_init(&mb->bind, set, &mb->bind.classes[WR_CLASS_ROUTE], parent, &r->conf);
    r->mconf = set->mconf;
    r->places = set->places;
    r->log_index = -1;
    return r;
}

/* ---------------------------------------------------------------- [weir], [defaults], [log], own */

static void
model_weir_check(struct wr_model_build *mb)
{
    struct wr_weir_conf *w = &mb->m->weir;

    if (!mb->weir) {
        return;
    }
    if (w->limit_header_line > w->limit_header_total) {
        wr_conf_warn(mb->cf, wr_conf_model_place(mb->weir, "limit.header_line"),
                     "limit.header_line is above limit.header_total, which is the one that counts then");
    }
    if (w->limit_target > w->limit_header_line) {
        wr_conf_warn(mb->cf, wr_conf_model_place(mb->weir, "limit.target"),
                     "limit.target is above limit.header_line, which is the one that counts then");
    }
}

static void
model_weir(struct wr_model_build *mb)
{
    struct wr_bind_set set, *sets[WR_CLASS_OWN + 1] = {[WR_CLASS_WEIR] = &set};
    size_t i = 0;

    wr_bind_set_init(&mb->bind, &set, &mb->bind.classes[WR_CLASS_WEIR], NULL, &mb->m->weir);
    mb->weir = model_next(mb, WR_KIND_WEIR, &i);
    if (mb->weir) {
        wr_bind_section(&mb->bind, mb->weir, sets);
    }
    mb->m->weir_mconf = set.mconf;
    mb->m->weir_places = set.places;
    model_weir_check(mb);
}

static void
model_control(struct wr_model_build *mb)
{
    struct wr_bind_set set, *sets[WR_CLASS_OWN + 1] = {[WR_CLASS_CONTROL] = &set};
    size_t i = 0;

    wr_bind_set_init(&mb->bind, &set, &mb->bind.classes[WR_CLASS_CONTROL], NULL, &mb->m->control);
    const struct wr_conf_section *s = model_next(mb, WR_KIND_CONTROL, &i);
    if (s) {
        wr_bind_section(&mb->bind, s, sets);
        mb->m->control_place = s->place;
    }
    mb->m->control_places = set.places;
}

static void
model_defaults(struct wr_model_build *mb)
{
    struct wr_bind_set *sets[WR_CLASS_OWN + 1] = {
        [WR_CLASS_SERVER] = &mb->defaults_server,
        [WR_CLASS_ROUTE] = &mb->defaults_route,
    };
    size_t i = 0;

    wr_bind_set_init(&mb->bind, &mb->defaults_server, &mb->bind.classes[WR_CLASS_SERVER], NULL, NULL);
    wr_bind_set_init(&mb->bind, &mb->defaults_route, &mb->bind.classes[WR_CLASS_ROUTE], NULL, NULL);
    struct wr_conf_section *s = model_next(mb, WR_KIND_DEFAULTS, &i);

    if (s) {
        wr_bind_section(&mb->bind, s, sets);
    }
}

static void
model_logs(struct wr_model_build *mb)
{
    struct wr_model *m = mb->m;
    struct wr_conf_section *s;
    size_t i = 0;

    while ((s = model_next(mb, WR_KIND_LOG, &i))) {
        struct wr_access_log *l = wr_pool_zalloc(mb->pool, sizeof(*l));
        struct wr_bind_set set, *sets[WR_CLASS_OWN + 1] = {[WR_CLASS_LOG] = &set};
        wr_bind_set_init(&mb->bind, &set, &mb->bind.classes[WR_CLASS_LOG], NULL, &l->conf);
        wr_bind_section(&mb->bind, s, sets);
        l->index = (uint32_t)m->logs_n;
        l->name = s->names[0];
        l->place = s->place;
        l->places = set.places;
        m->logs = wr_ini_grow(mb->pool, m->logs, m->logs_n, &mb->logs_cap, sizeof(*m->logs));
        m->logs[m->logs_n++] = l;
        if (l->conf.path.n == 0 && !wr_bind_entry(s, WR_STR("path"))) {
            wr_conf_error(mb->cf, s->place, "[log %.*s] needs a path", WR_STR_ARG(l->name));
        }
    }
}

static void
model_own(struct wr_model_build *mb)
{
    struct wr_model *m = mb->m;
    struct wr_conf_section *s;
    size_t i = 0;

    while ((s = model_next(mb, WR_KIND_OWN, &i))) {
        struct wr_own_section *o = wr_pool_zalloc(mb->pool, sizeof(*o));
        struct wr_bind_set set, *sets[WR_CLASS_OWN + 1] = {[WR_CLASS_OWN] = &set};
        const struct wr_bind_class *c = wr_bind_own_class(&mb->bind, s->own_kind);
        wr_bind_set_init(&mb->bind, &set, c, NULL, NULL);
        wr_bind_section(&mb->bind, s, sets);
        o->kind = s->own_kind;
        o->name = s->names_n > 0 ? s->names[0] : WR_STR_NONE;
        o->place = s->place;
        o->places = set.places;
        for (size_t k = 0; k < mb->cf->modules_n && !o->conf; k++) {
            o->conf = set.mconf[k];
        }
        m->own = wr_ini_grow(mb->pool, m->own, m->own_n, &mb->own_cap, sizeof(*m->own));
        m->own[m->own_n++] = o;
    }
}

/* ---------------------------------------------------------------- references, numbers */

/* Counts what NAME values of a class point to; only places that an operator wrote. */
static void
model_count_names(struct wr_model_build *mb, const struct wr_bind_set *set)
{
    const struct wr_bind_class *c = set->class_;

    for (size_t i = 0; i < c->rows_n; i++) {
        const struct wr_directive *row = c->rows[i]->row;
        if (row->type != WR_T_NAME || !set->places.v[i].file) {
            continue;
        }
        char *base = c->rows[i]->owner == WR_BIND_CORE ? set->core : set->mconf[c->rows[i]->owner];
        struct wr_str name = *(struct wr_str *)(base + row->offset);
        for (size_t k = 0; k < mb->m->logs_n && strcmp(row->ref, "log") == 0; k++) {
            mb->m->logs[k]->references += wr_str_eq(mb->m->logs[k]->name, name);
        }
        for (size_t k = 0; k < mb->m->own_n; k++) {
            bool same = strcmp(mb->m->own[k]->kind, row->ref) == 0 && wr_str_eq(mb->m->own[k]->name, name);
            mb->m->own[k]->references += same;
        }
    }
}

static void
model_references(struct wr_model_build *mb)
{
    model_count_names(mb, &mb->defaults_route);
    model_count_names(mb, &mb->defaults_server);
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        struct wr_server *s = mb->m->servers[i];
        model_count_names(mb, &mb->servers[i].server_set);
        for (size_t k = 0; k <= s->routes_n; k++) {
            struct wr_route *r = k < s->routes_n ? s->routes[k] : s->preset_route;
            struct wr_bind_set set = {&mb->bind.classes[WR_CLASS_ROUTE], &r->conf, r->mconf, r->places};
            model_count_names(mb, &set);
        }
    }
}

static void
model_add_route(struct wr_model_build *mb, struct wr_route *r)
{
    struct wr_model *m = mb->m;

    m->routes = wr_ini_grow(mb->pool, m->routes, m->routes_n, &mb->routes_cap, sizeof(*m->routes));
    r->index = (uint32_t)m->routes_n;
    m->routes[m->routes_n++] = r;
    for (size_t i = 0; r->conf.access_log.n > 0 && i < m->logs_n; i++) {
        if (wr_str_eq(m->logs[i]->name, r->conf.access_log)) {
            r->log_index = (int)i;
        }
    }
}

static void
model_number(struct wr_model_build *mb)
{
    struct wr_model *m = mb->m;

    for (size_t i = 0; i < m->listens_n; i++) {
        m->listens[i]->index = (uint32_t)i;
        model_add_route(mb, m->listens[i]->preset_route);
    }
    for (size_t i = 0; i < m->servers_n; i++) {
        m->servers[i]->index = (uint32_t)i;
        model_add_route(mb, m->servers[i]->preset_route);
        for (size_t k = 0; k < m->servers[i]->routes_n; k++) {
            model_add_route(mb, m->servers[i]->routes[k]);
        }
    }
    for (size_t i = 0; i < m->upstreams_n; i++) {
        m->upstreams[i]->index = (uint32_t)i;
        for (size_t k = 0; k < m->upstreams[i]->servers_n; k++) {
            m->upstreams[i]->servers[k].index = (uint32_t)k;
            m->upstreams[i]->servers[k].global_index = (uint32_t)m->upstream_servers_n++;
        }
    }
}

/* Sections of which nothing is made still have keys that can be wrong. */
static void
model_check_repeated(struct wr_model_build *mb)
{
    for (size_t i = 0; i < mb->cf->source->sections_n; i++) {
        if (mb->cf->source->sections[i]->repeated) {
            wr_bind_check(&mb->bind, mb->cf->source->sections[i]);
        }
    }
}

void
wr_conf_model_make(struct wr_conf *cf)
{
    struct wr_model_build mb = {.cf = cf, .pool = cf->pool};
    mb.m = cf->model = wr_pool_zalloc(cf->pool, sizeof(*cf->model));
    mb.m->pool = cf->pool;
    mb.upstreams_room = 64;
    wr_strmap_init(&mb.upstreams, cf->pool, (uint32_t)mb.upstreams_room);
    wr_bind_init(&mb.bind, cf);
    model_weir(&mb);
    model_control(&mb);
    model_defaults(&mb);
    model_logs(&mb);
    model_own(&mb);
    wr_conf_model_upstreams(&mb);
    wr_conf_model_servers(&mb);
    wr_conf_model_routes(&mb);
    wr_conf_model_inherit_targets(&mb);
    wr_conf_model_ties(&mb);
    model_check_repeated(&mb);
    model_references(&mb);
    wr_conf_model_check(&mb);
    model_number(&mb);
}
