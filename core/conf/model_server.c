/*
 * [server] sections: names, what they hand down to their routes, and that a
 * name stands once on each listener.
 */
#include "core/conf/model_build.h"

#include "core/conf/ini.h"

/* ---------------------------------------------------------------- names */

/* Labels of letters, digits, "-" and "_", joined by single dots. */
static const char *
model_server_host_fault(struct wr_str s)
{
    size_t label = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.') {
            if (label == 0) {
                return "an empty label";
            }
            label = 0;
            continue;
        }
        if ((unsigned char)c >= 0x80) {
            return "write it as it travels, in ASCII (xn--...)";
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return "a character that no host name has";
        }
        if (++label > 63) {
            return "a label of more than 63 letters";
        }
    }
    if (label == 0) {
        return s.n > 0 ? "it ends without a final dot" : "an empty name";
    }
    return s.n > 253 ? "longer than 253 bytes" : NULL;
}

const char *
wr_conf_model_name_fault(struct wr_str name)
{
    struct wr_str rest = name;
    struct wr_ip ip;

    if (wr_str_eq(name, WR_STR("*"))) {
        return NULL;
    }
    if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']') {
        bool v6 = wr_ip_parse(wr_str_make(name.p + 1, name.n - 2), &ip) && ip.family == AF_INET6;
        return v6 ? NULL : "not an IPv6 address";
    }
    if (wr_ip_parse(name, &ip) && ip.family == AF_INET6) {
        return "an IPv6 address stands in brackets";
    }
    if (wr_str_starts(name, WR_STR("*."))) {
        rest = wr_str_make(name.p + 2, name.n - 2);
    }
    if (wr_str_find(rest, '*') >= 0) {
        return "\"*\" stands alone or as \"*.\" in front";
    }
    if (wr_str_find(rest, '$') >= 0) {
        return "${...} is expanded in values only";
    }
    if (wr_str_find(rest, '/') >= 0) {
        return "a name has no path: paths are keys of the server";
    }
    if (wr_str_find(rest, ',') >= 0) {
        return "names are separated by blanks";
    }
    if (wr_str_find(rest, ':') >= 0) {
        return "a name has no port: that stands in listen";
    }
    return model_server_host_fault(rest);
}

static void
model_server_names(struct wr_model_build *mb, struct wr_server *s, const struct wr_conf_section *sec)
{
    struct wr_pool *pool = mb->pool;

    s->names = wr_pool_alloc(pool, sec->names_n * sizeof(*s->names));
    for (size_t i = 0; i < sec->names_n; i++) {
        const char *why = wr_conf_model_name_fault(sec->names[i]);
        bool twice = false;
        if (why) {
            wr_conf_error(mb->cf, sec->place, "\"%s\" is not the name of a server: %s",
                          wr_conf_shown(pool, sec->names[i]), why);
        }
        for (size_t k = 0; k < s->names_n && sec->names_n < 1000; k++) {
            twice |= wr_str_eq(s->names[k], sec->names[i]);
        }
        if (twice) {
            wr_conf_error(mb->cf, sec->place, "the name %s stands twice in [%s]",
                          wr_conf_shown(pool, sec->names[i]), wr_conf_shown(pool, sec->head));
            continue;
        }
        s->names[s->names_n++] = sec->names[i];
    }
}

/* ---------------------------------------------------------------- one server */

static void
model_server_new(struct wr_model_build *mb, struct wr_model_server *ms, const struct wr_conf_section *sec)
{
    struct wr_server *s = wr_pool_zalloc(mb->pool, sizeof(*s));
    struct wr_bind_set *sets[WR_CLASS_OWN + 1] = {
        [WR_CLASS_SERVER] = &ms->server_set,
        [WR_CLASS_ROUTE] = &ms->route_set,
    };

    ms->s = s;
    ms->section = sec;
    s->place = sec->place;
    s->label = sec->label;
    model_server_names(mb, s, sec);
    wr_bind_set_init(&mb->bind, &ms->server_set, &mb->bind.classes[WR_CLASS_SERVER], &mb->defaults_server,
                     &s->conf);
    s->preset_route = wr_conf_model_route_new(mb, &mb->defaults_route, &ms->route_set);
    wr_bind_section(&mb->bind, sec, sets);
    s->mconf = ms->server_set.mconf;
    s->places = ms->server_set.places;
    s->preset_route->places = ms->route_set.places;
    s->preset_route->server = s;
    s->preset_route->place = sec->place;
    s->preset_route->id = wr_pool_printf(mb->pool, "%.*s%s%.*s", WR_STR_ARG(s->names[0]),
                                         s->label.n > 0 ? "@" : "", WR_STR_ARG(s->label));
}

/* ---------------------------------------------------------------- a name once a listener */

/* The name and which listener: a key for the map below. */
static struct wr_str
model_server_name_id(struct wr_pool *pool, struct wr_str name, const struct wr_listen *l)
{
    char *p = wr_pool_alloc(pool, name.n + sizeof(l));

    memcpy(p, name.p, name.n);
    memcpy(p + name.n, &l, sizeof(l));
    return wr_str_make(p, name.n + sizeof(l));
}

static void
model_server_unique(struct wr_model_build *mb)
{
    struct wr_strmap seen;
    size_t most = 1;

    for (size_t i = 0; i < mb->m->servers_n; i++) {
        most += mb->m->servers[i]->names_n * mb->m->servers[i]->listens_n;
    }
    wr_ini_reserve(mb->pool, 4 * sizeof(struct wr_strmap_slot) * most);
    wr_strmap_init(&seen, mb->pool, (uint32_t)most);
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        struct wr_server *s = mb->m->servers[i];
        for (size_t k = 0; k < s->names_n * s->listens_n; k++) {
            struct wr_str name = s->names[k / s->listens_n];
            struct wr_listen *l = s->listens[k % s->listens_n];
            struct wr_str id = model_server_name_id(mb->pool, name, l);
            if (wr_strmap_add(&seen, id, s)) {
                continue;
            }
            const struct wr_server *first = wr_strmap_get(&seen, id);
            wr_conf_error(mb->cf, s->place,
                          "the name %.*s on %.*s belongs to two servers; the other is at %s",
                          WR_STR_ARG(name), WR_STR_ARG(l->text), wr_conf_place_text(mb->pool, first->place));
        }
    }
}

void
wr_conf_model_servers(struct wr_model_build *mb)
{
    struct wr_conf_source *src = mb->cf->source;
    size_t n = 0;

    for (size_t i = 0; i < src->sections_n; i++) {
        n += src->sections[i]->kind == WR_KIND_SERVER && !src->sections[i]->repeated;
    }
    mb->servers = wr_pool_zalloc(mb->pool, (n + 1) * sizeof(*mb->servers));
    for (size_t i = 0; i < src->sections_n; i++) {
        struct wr_conf_section *sec = src->sections[i];
        if (sec->kind != WR_KIND_SERVER || sec->repeated) {
            continue;
        }
        struct wr_model_server *ms = &mb->servers[mb->m->servers_n];
        model_server_new(mb, ms, sec);
        mb->m->servers = wr_ini_grow(mb->pool, mb->m->servers, mb->m->servers_n, &mb->servers_cap,
                                     sizeof(*mb->m->servers));
        mb->m->servers[mb->m->servers_n++] = ms->s;
        wr_conf_model_listen(mb, ms);
    }
    if (n == 0 && mb->cf->errors == 0) {
        struct wr_place place = {src->files_n > 0 ? src->files[0] : NULL, 0};
        wr_conf_error(mb->cf, place, "no [server]: there is nothing to serve");
    }
    wr_conf_model_listens_check(mb);
    model_server_unique(mb);
    wr_conf_model_servers_tls(mb);
}
