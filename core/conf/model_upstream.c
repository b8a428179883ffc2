/*
 * [upstream] sections, the addresses of servers, and the upstreams that are
 * made for addresses that a target names.
 */
#include "core/conf/model_build.h"

#include "core/conf/ini.h"
#include "core/conf/suggest.h"

#define MODEL_UPSTREAM_WEIGHT_MOST 1000
#define MODEL_UPSTREAM_MAX_MOST 1000000
#define MODEL_UPSTREAM_HEALTH_MS 2000  /* between checks that name a path and no interval */
#define MODEL_UPSTREAM_SECRET_BYTES 16 /* of a sticky.key, at least */

/* ---------------------------------------------------------------- an address */

static bool
model_upstream_refuse(struct wr_model_build *mb, struct wr_str address, struct wr_str what,
                      struct wr_place place, const char *why)
{
    wr_conf_error(mb->cf, place, "%s: \"%s\": %s", wr_conf_shown(mb->pool, what),
                  wr_conf_shown(mb->pool, address), why);
    return false;
}

/* Letters, digits, "-", "_" and dots: a name that can be looked up. */
static bool
model_upstream_host_ok(struct wr_str s)
{
    size_t label = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = wr_lower(s.p[i]);
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
            label++;
        } else {
            return false;
        }
    }
    return s.n > 0 && s.n <= 253 && s.p[0] != '.';
}

/* Whether a host is one letter away from a word of the language; says so once. */
static void
model_upstream_warn_host(struct wr_model_build *mb, struct wr_str host, struct wr_str address,
                         struct wr_str what, struct wr_place place)
{
    static const char *const words[] = {"localhost", "status", "redirect", "unix", "http", "https", NULL};

    for (const char *const *w = words; *w; w++) {
        struct wr_str word = wr_str_of(*w);
        if (!wr_str_eq(host, word) && wr_str_distance(host, word, 1) == 1) {
            wr_conf_warn(mb->cf, place,
                         "%s: \"%s\" is taken for a host of the name \"%.*s\"; did you mean \"%s%.*s\"?",
                         wr_conf_shown(mb->pool, what), wr_conf_shown(mb->pool, address), WR_STR_ARG(host),
                         *w, (int)(address.n - host.n), address.p + host.n);
            return;
        }
    }
}

static bool
model_upstream_named_host(struct wr_model_build *mb, struct wr_str s, struct wr_str what,
                          struct wr_place place, struct wr_upstream_server *us)
{
    ptrdiff_t colon = wr_str_find(s, ':');
    struct wr_str host = colon < 0 ? s : wr_str_make(s.p, (size_t)colon);
    struct wr_str port = colon < 0 ? WR_STR_NONE : wr_str_make(s.p + colon + 1, s.n - (size_t)colon - 1);
    uint64_t number;

    if (!model_upstream_host_ok(host)) {
        return model_upstream_refuse(mb, s, what, place, "not HOST:PORT, IP:PORT, [IPV6]:PORT or unix:/PATH");
    }
    if (colon < 0) {
        return model_upstream_refuse(mb, s, what, place, "a port is missing, as in localhost:8080");
    }
    if (!wr_str_u64(port, 65535, &number) || number == 0) {
        struct wr_suggest sg;
        wr_suggest_init(&sg, wr_str_make(s.p, host.n + 1));
        wr_suggest_offer(&sg, WR_STR("unix:"), 0);
        return model_upstream_refuse(
            mb, s, what, place,
            wr_pool_printf(mb->pool, "the port is not 1 to 65535%s", wr_suggest_text(&sg, mb->pool)).p);
    }
    char *lower = wr_pool_alloc(mb->pool, s.n + 1);

    wr_str_lower(lower, s);
    lower[s.n] = '\0';
    us->host = wr_str_make(lower, host.n);
    us->port = (uint16_t)number;
    us->address = wr_str_make(lower, s.n);
    model_upstream_warn_host(mb, us->host, s, what, place);
    return true;
}

/* Whether s looks like a numeric address, so that a fault in it is not laid to a host name. */
static bool
model_upstream_is_numeric(struct wr_str s)
{
    ptrdiff_t colon = wr_str_find(s, ':');
    struct wr_str host = colon < 0 ? s : wr_str_make(s.p, (size_t)colon);
    struct wr_ip ip;

    if (s.p[0] == '[' || wr_ip_parse(s, &ip) || wr_ip_parse(host, &ip)) {
        return true;
    }
    /* digits and dots alone are no name */
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9')) {
            return false;
        }
    }
    return true;
}

bool
wr_conf_model_address(struct wr_model_build *mb, struct wr_str address, struct wr_str what,
                      struct wr_place place, struct wr_upstream_server *us)
{
    char text[WR_ADDR_TEXT_BYTES];
    const char *why;
    struct wr_ip ip;

    memset(us, 0, sizeof(*us));
    us->weight = 1;
    us->place = place;
    if (address.n == 0) {
        return model_upstream_refuse(mb, address, what, place, "an address is missing");
    }
    if (wr_str_starts(address, WR_STR("http://"))) {
        return model_upstream_refuse(mb, address, what, place, "a server is HOST:PORT, without http://");
    }
    if (wr_addr_parse(address, &us->addr, &why)) {
        us->numeric = true;
        us->address = wr_pool_str(mb->pool, wr_str_make(text, wr_addr_text(&us->addr, text)));
        us->port = us->addr.sa.sa_family == AF_UNIX ? 0 : wr_addr_port(&us->addr);
        return true;
    }
    if (wr_ip_parse(address, &ip)) {
        return model_upstream_refuse(mb, address, what, place,
                                     "a port is missing, as in 10.0.0.1:8080 or [::1]:8080");
    }
    if (wr_str_starts(address, WR_STR("unix:")) || model_upstream_is_numeric(address)) {
        return model_upstream_refuse(mb, address, what, place, why);
    }
    return model_upstream_named_host(mb, address, what, place, us);
}

const char *
wr_conf_model_authority(struct wr_pool *pool, struct wr_str s, unsigned port, struct wr_str *address)
{
    ptrdiff_t slash = wr_str_find(s, '/');

    if (slash >= 0) {
        return (size_t)slash + 1 == s.n ? "a target has no path, not even \"/\": the request's goes on"
                                        : "a target has no path (see strip and path)";
    }
    if (s.n == 0) {
        return "a host is missing";
    }
    bool v6 = s.p[0] == '[';
    bool has_port = v6 ? s.p[s.n - 1] != ']' : wr_str_find(s, ':') >= 0;

    *address = has_port ? s : wr_pool_printf(pool, "%.*s:%u", WR_STR_ARG(s), port);
    return NULL;
}

/* ---------------------------------------------------------------- servers that are found at run time */

/* "file:/PATH" */
static bool
model_upstream_file(struct wr_model_build *mb, struct wr_str s, struct wr_str what, struct wr_place place,
                    struct wr_upstream_server *us)
{
    struct wr_str path = wr_str_make(s.p + 5, s.n - 5);

    if (path.n < 2 || path.p[0] != '/' || path.p[path.n - 1] == '/' || path.n > 1024) {
        return model_upstream_refuse(mb, s, what, place, "file: takes the absolute path of a file");
    }
    us->source = WR_SERVER_FILE;
    us->host = wr_pool_str(mb->pool, path);
    us->address = wr_pool_str(mb->pool, s);
    return true;
}

/* "dns:NAME:PORT", "srv:NAME" */
static bool
model_upstream_lookup(struct wr_model_build *mb, struct wr_str s, struct wr_str what, struct wr_place place,
                      struct wr_upstream_server *us)
{
    struct wr_str rest = wr_str_make(s.p + 4, s.n - 4);

    us->source = wr_str_starts(s, WR_STR("dns:")) ? WR_SERVER_DNS : WR_SERVER_SRV;
    if (us->source == WR_SERVER_SRV && (wr_str_find(rest, ':') >= 0 || !model_upstream_host_ok(rest))) {
        return model_upstream_refuse(mb, s, what, place,
                                     "srv: takes a name, as in srv:_http._tcp.app.internal");
    }
    if (us->source == WR_SERVER_DNS &&
        (rest.n == 0 || model_upstream_is_numeric(rest) ||
         !model_upstream_named_host(mb, rest, what, place, us))) {
        return rest.n > 0 && !model_upstream_is_numeric(rest)
            ? false
            : model_upstream_refuse(mb, s, what, place, "dns: takes NAME:PORT");
    }
    char *lower = wr_pool_alloc(mb->pool, s.n + 1);
    wr_str_lower(lower, s);
    lower[s.n] = '\0';
    us->address = wr_str_make(lower, s.n);
    us->host = wr_str_make(lower + 4, us->source == WR_SERVER_SRV ? rest.n : us->host.n);
    return true;
}

/* "https://HOST[:PORT]" */
static bool
model_upstream_https(struct wr_model_build *mb, struct wr_str s, struct wr_str what, struct wr_place place,
                     struct wr_upstream_server *us)
{
    struct wr_str rest = wr_str_make(s.p + 8, s.n - 8), address;
    const char *why = wr_str_find(rest, '/') >= 0 ? "a server has no path"
                                                  : wr_conf_model_authority(mb->pool, rest, 443, &address);

    if (why) {
        return model_upstream_refuse(mb, s, what, place, why);
    }
    bool ok = wr_conf_model_address(mb, address, what, place, us);
    us->https = true;
    return ok;
}

/* A server of an [upstream]. */
static bool
model_upstream_server(struct wr_model_build *mb, struct wr_str address, struct wr_str what,
                      struct wr_place place, struct wr_upstream_server *us)
{
    bool file = wr_str_starts(address, WR_STR("file:"));

    if (wr_str_starts(address, WR_STR("https://"))) {
        return model_upstream_https(mb, address, what, place, us);
    }
    if (!file && !wr_str_starts(address, WR_STR("dns:")) && !wr_str_starts(address, WR_STR("srv:"))) {
        return wr_conf_model_address(mb, address, what, place, us);
    }
    memset(us, 0, sizeof(*us));
    us->weight = 1;
    us->place = place;
    return file ? model_upstream_file(mb, address, what, place, us)
                : model_upstream_lookup(mb, address, what, place, us);
}

/* ---------------------------------------------------------------- made for an address */

static struct wr_upstream *
model_upstream_new(struct wr_model_build *mb, struct wr_str name, struct wr_place place,
                   struct wr_bind_set *set)
{
    struct wr_model *m = mb->m;
    struct wr_upstream *u = wr_pool_zalloc(mb->pool, sizeof(*u));

    u->name = name;
    u->place = place;
    wr_bind_set_init(&mb->bind, set, &mb->bind.classes[WR_CLASS_UPSTREAM], NULL, &u->conf);
    u->mconf = set->mconf;
    u->places = set->places;
    m->upstreams =
        wr_ini_grow(mb->pool, m->upstreams, m->upstreams_n, &mb->upstreams_cap, sizeof(*m->upstreams));
    m->upstreams[m->upstreams_n++] = u;
    if (m->upstreams_n > mb->upstreams_room) {
        mb->upstreams_room = m->upstreams_n * 2;
        wr_strmap_init(&mb->upstreams, mb->pool, (uint32_t)mb->upstreams_room);
        for (size_t i = 0; i < m->upstreams_n; i++) {
            wr_strmap_add(&mb->upstreams, m->upstreams[i]->name, m->upstreams[i]);
        }
    } else {
        wr_strmap_add(&mb->upstreams, name, u);
    }
    return u;
}

struct wr_upstream *
wr_conf_model_anonymous(struct wr_model_build *mb, const struct wr_upstream_server *us, struct wr_place place)
{
    struct wr_str name =
        us->https ? wr_pool_printf(mb->pool, "https://%.*s", WR_STR_ARG(us->address)) : us->address;
    struct wr_upstream *u = wr_strmap_get(&mb->upstreams, name);
    struct wr_bind_set set;

    if (u) {
        return u;
    }
    u = model_upstream_new(mb, name, place, &set);
    u->anonymous = true;
    u->conf.tls = us->https;
    u->servers = wr_pool_alloc(mb->pool, sizeof(*u->servers));
    u->servers[0] = *us;
    u->servers[0].name = us->address;
    u->servers_n = 1;
    return u;
}

/* ---------------------------------------------------------------- [upstream NAME] */

/* weight=N, max=N, backup */
static bool
model_upstream_option(struct wr_model_build *mb, struct wr_str word, struct wr_str what,
                      struct wr_place place, struct wr_upstream_server *us)
{
    ptrdiff_t eq = wr_str_find(word, '=');
    struct wr_str key = eq < 0 ? word : wr_str_make(word.p, (size_t)eq);
    struct wr_str value = eq < 0 ? WR_STR_NONE : wr_str_make(word.p + eq + 1, word.n - (size_t)eq - 1);
    bool weight = wr_str_eq(key, WR_STR("weight")), max = wr_str_eq(key, WR_STR("max"));
    uint64_t v = 0;

    if (wr_str_eq(word, WR_STR("backup"))) {
        us->backup = true;
        return true;
    }
    if (weight || max) {
        uint64_t most = weight ? MODEL_UPSTREAM_WEIGHT_MOST : MODEL_UPSTREAM_MAX_MOST;
        if (!wr_str_u64(value, most, &v) || v == 0) {
            wr_conf_error(mb->cf, place, "%s: %.*s is %.*s=N with N from 1 to %llu",
                          wr_conf_shown(mb->pool, what), WR_STR_ARG(key), WR_STR_ARG(key),
                          (unsigned long long)most);
            return false;
        }
        *(weight ? &us->weight : &us->max) = (int64_t)v;
        return true;
    }
    struct wr_suggest sg;

    wr_suggest_init(&sg, key);
    wr_suggest_offer(&sg, WR_STR("weight"), 0);
    wr_suggest_offer(&sg, WR_STR("max"), 0);
    wr_suggest_offer(&sg, WR_STR("backup"), 0);
    wr_conf_error(mb->cf, place, "%s: unknown word \"%s\"; it takes ADDRESS [weight=N] [backup] [max=N]%s",
                  wr_conf_shown(mb->pool, what), wr_conf_shown(mb->pool, word),
                  wr_suggest_text(&sg, mb->pool));
    return false;
}

/* Whether no server before has this name (an error) or address (a warning). */
static void
model_upstream_unique(struct wr_model_build *mb, const struct wr_upstream *u,
                      const struct wr_upstream_server *us, struct wr_strmap *names,
                      struct wr_strmap *addresses)
{
    if (!wr_strmap_add(names, us->name, (void *)(uintptr_t)us)) {
        wr_conf_error(mb->cf, us->place, "the server %.*s stands twice in [upstream %.*s]",
                      WR_STR_ARG(us->name), WR_STR_ARG(u->name));
    } else if (!wr_strmap_add(addresses, us->address, (void *)(uintptr_t)us)) {
        if (us->source != WR_SERVER_PLAIN) {
            wr_conf_error(mb->cf, us->place, "%.*s stands twice in [upstream %.*s]", WR_STR_ARG(us->address),
                          WR_STR_ARG(u->name));
            return;
        }
        wr_conf_warn(mb->cf, us->place, "two servers of [upstream %.*s] have the address %.*s",
                     WR_STR_ARG(u->name), WR_STR_ARG(us->address));
    }
}

static void
model_upstream_servers(struct wr_model_build *mb, struct wr_upstream *u, const struct wr_conf_section *s)
{
    const struct wr_upstream_conf *conf = &u->conf;
    struct wr_place place = wr_conf_model_place(s, "server");
    struct wr_strmap names, addresses;
    uint32_t most = (uint32_t)(conf->server.n + conf->server_named.n);

    u->servers = wr_pool_zalloc(mb->pool, (most + 1) * sizeof(*u->servers));
    wr_strmap_init(&names, mb->pool, most + 1);
    wr_strmap_init(&addresses, mb->pool, most + 1);
    for (size_t i = 0; i < most; i++) {
        struct wr_upstream_server *us = &u->servers[u->servers_n];
        const struct wr_map_entry *named =
            i < conf->server.n ? NULL : &conf->server_named.v[i - conf->server.n];
        struct wr_str what = WR_STR("server");
        struct wr_str rest = named ? named->value : WR_STR_NONE, address, word;
        if (!named) {
            address = conf->server.v[i];
        } else {
            what = wr_pool_printf(mb->pool, "server.%s", wr_conf_shown(mb->pool, named->key));
            wr_str_word(&rest, &address);
            if (!wr_conf_name_ok(named->key)) {
                wr_conf_error(mb->cf, named->place, "%s: a name is made of letters, digits, \"-\" and \"_\"",
                              wr_conf_shown(mb->pool, what));
                continue;
            }
        }
        bool ok = model_upstream_server(mb, address, what, named ? named->place : place, us);
        us->name = named ? named->key : us->address;
        while (wr_str_word(&rest, &word)) {
            ok &= model_upstream_option(mb, word, what, named->place, us);
        }
        if (ok) {
            u->dynamic = u->dynamic || us->source != WR_SERVER_PLAIN;
            model_upstream_unique(mb, u, us, &names, &addresses);
            u->servers_n++;
        }
    }
    /* without weight and backup among nameless servers, an all-backup upstream is a slip of named ones */
    size_t backups = 0;
    for (size_t i = 0; i < u->servers_n; i++) {
        backups += u->servers[i].backup;
    }
    if (backups > 0 && backups == u->servers_n) {
        wr_conf_warn(mb->cf, s->place, "every server of [upstream %.*s] is a backup", WR_STR_ARG(u->name));
    }
}

/* What the values of one upstream mean together. */
static void
model_upstream_settle(struct wr_model_build *mb, struct wr_upstream *u, const struct wr_conf_section *s)
{
    struct wr_upstream_conf *c = &u->conf;
    bool max = false;

    if (c->health_interval_ms == 0 && c->health_path.n > 0) {
        c->health_interval_ms = MODEL_UPSTREAM_HEALTH_MS;
    }
    if (c->sticky_key.n > 0 && c->sticky_key.n < MODEL_UPSTREAM_SECRET_BYTES) {
        wr_conf_error(mb->cf, wr_conf_model_place(s, "sticky.key"),
                      "sticky.key has less than %d characters, it could be guessed",
                      MODEL_UPSTREAM_SECRET_BYTES);
    }
    for (size_t i = 0; i < u->servers_n; i++) {
        max = max || u->servers[i].max > 0 || u->servers[i].source == WR_SERVER_FILE;
    }
    if (c->queue.most > 0 && !max) {
        wr_conf_warn(
            mb->cf, wr_conf_model_place(s, "queue"),
            "no server of [upstream %.*s] has a max=N, so none is ever full and nothing waits in its queue",
            WR_STR_ARG(u->name));
    }
}

void
wr_conf_model_upstreams(struct wr_model_build *mb)
{
    struct wr_conf_source *src = mb->cf->source;

    for (size_t i = 0; i < src->sections_n; i++) {
        const struct wr_conf_section *s = src->sections[i];
        struct wr_bind_set set, *sets[WR_CLASS_OWN + 1] = {[WR_CLASS_UPSTREAM] = &set};
        if (s->kind != WR_KIND_UPSTREAM || s->repeated) {
            continue;
        }
        struct wr_upstream *u = model_upstream_new(mb, s->names[0], s->place, &set);
        size_t errors = mb->cf->errors;
        wr_bind_section(&mb->bind, s, sets);
        u->places = set.places;
        model_upstream_servers(mb, u, s);
        model_upstream_settle(mb, u, s);
        wr_conf_model_upstream_tls(mb, u, &set, s);
        if (u->servers_n == 0 && mb->cf->errors == errors) {
            wr_conf_error(mb->cf, s->place, "[upstream %.*s] has no server", WR_STR_ARG(u->name));
        }
    }
}
