/*
 * listen = ADDRESS [flags], ...: one wr_listen an address, whatever number of
 * servers share it, and all of them of one mind about it.
 */
#include "core/conf/model_build.h"

#include "core/conf/ini.h"
#include "core/conf/suggest.h"

/* One member of the list on its way. */
struct model_listen_job {
    struct wr_model_build *mb;
    struct wr_model_server *ms;
    struct wr_place place;
    size_t listens_cap;
};

/* ---------------------------------------------------------------- an address */

/* What an operator wrote in the place of an address, with what was meant. */
static const char *
model_listen_hint(struct wr_pool *pool, struct wr_str s, const char *why)
{
    uint64_t port;
    struct wr_ip ip;

    if (wr_str_u64(s, 65535, &port)) {
        return wr_pool_printf(pool, "did you mean \":%llu\"?", (unsigned long long)port).p;
    }
    if (wr_str_starts(s, WR_STR("*:"))) {
        return wr_pool_printf(pool, "did you mean \"%.*s\"?", (int)s.n - 1, s.p + 1).p;
    }
    if (wr_ip_parse(s, &ip)) {
        return "a port is missing, as in 127.0.0.1:80 or [::1]:80";
    }
    if (s.p[0] == '/') {
        return wr_pool_printf(pool, "did you mean \"unix:%.*s\"?", WR_STR_ARG(s)).p;
    }
    return why;
}

/* ":80", "127.0.0.1:80", "[::1]:80", "unix:/path" */
static bool
model_listen_address(struct model_listen_job *job, struct wr_str s, struct wr_listen *l)
{
    struct wr_pool *pool = job->mb->pool;
    const char *why = NULL;
    uint64_t port;

    if (s.n > 1 && s.p[0] == ':' && wr_str_u64(wr_str_make(s.p + 1, s.n - 1), 65535, &port) && port > 0) {
        l->addr.in6.sin6_family = AF_INET6;
        l->addr.in6.sin6_port = htons((uint16_t)port);
        l->addr.len = sizeof(l->addr.in6);
        l->both_families = true;
        return true;
    }
    if (wr_addr_parse(s, &l->addr, &why)) {
        return true;
    }
    struct wr_suggest sg;

    ptrdiff_t colon = wr_str_find(s, ':');

    wr_suggest_init(&sg, colon > 0 ? wr_str_make(s.p, (size_t)colon + 1) : s);
    wr_suggest_offer(&sg, WR_STR("proxy_protocol"), 0);
    wr_suggest_offer(&sg, WR_STR("unix:"), 0);
    wr_conf_error(job->mb->cf, job->place, "listen: \"%s\" is not an address: %s%s", wr_conf_shown(pool, s),
                  model_listen_hint(pool, s, why), wr_suggest_text(&sg, pool));
    return false;
}

static bool
model_listen_flag(struct model_listen_job *job, struct wr_str word, struct wr_listen *l)
{
    struct wr_conf *cf = job->mb->cf;
    struct wr_suggest sg;

    if (wr_str_eq(word, WR_STR("proxy_protocol"))) {
        l->proxy_protocol = true;
        return true;
    }
    if (wr_str_eq(word, WR_STR("tls"))) {
        l->tls = true;
        return true;
    }
    if (wr_str_eq(word, WR_STR("h2c"))) {
        wr_conf_error(cf, job->place, "listen: h2c: known, not in this release");
        return false;
    }
    wr_suggest_init(&sg, word);
    wr_suggest_offer(&sg, WR_STR("proxy_protocol"), 0);
    wr_suggest_offer(&sg, WR_STR("tls"), 0);
    wr_suggest_offer(&sg, WR_STR("h2c"), 1);
    wr_conf_error(
        cf, job->place,
        "listen: \"%s\" is no flag of an address (tls and proxy_protocol are; addresses are separated by commas)%s",
        wr_conf_shown(cf->pool, word), wr_suggest_text(&sg, cf->pool));
    return false;
}

/* ---------------------------------------------------------------- sharing */

static bool
model_listen_same(const struct wr_listen *a, const struct wr_listen *b)
{
    return a->both_families == b->both_families && wr_addr_eq(&a->addr, &b->addr);
}

/* Servers see this address in two ways: reported. */
static void
model_listen_disagree(struct model_listen_job *job, const struct wr_listen *l, const char *flag, bool here)
{
    wr_conf_error(job->mb->cf, job->place, "servers disagree about %.*s: %s %s here, %s %s at %s",
                  WR_STR_ARG(l->text), here ? "with" : "without", flag, here ? "without" : "with", flag,
                  wr_conf_place_text(job->mb->pool, l->place));
}

/* The wr_listen of this address, made or found; NULL (reported) when its other servers see it differently. */
static struct wr_listen *
model_listen_find(struct model_listen_job *job, const struct wr_listen *want)
{
    struct wr_model *m = job->mb->m;

    for (size_t i = 0; i < m->listens_n; i++) {
        struct wr_listen *l = m->listens[i];
        if (!model_listen_same(l, want)) {
            continue;
        }
        if (l->proxy_protocol != want->proxy_protocol) {
            model_listen_disagree(job, l, "proxy_protocol", want->proxy_protocol);
            return NULL;
        }
        if (l->tls != want->tls) {
            model_listen_disagree(job, l, "tls", want->tls);
            return NULL;
        }
        return l;
    }
    struct wr_listen *l = wr_pool_alloc(job->mb->pool, sizeof(*l));

    *l = *want;
    m->listens =
        wr_ini_grow(job->mb->pool, m->listens, m->listens_n, &job->mb->listens_cap, sizeof(*m->listens));
    m->listens[m->listens_n++] = l;
    return l;
}

static void
model_listen_join(struct model_listen_job *job, struct wr_listen *l)
{
    struct wr_server *s = job->ms->s;
    struct wr_pool *pool = job->mb->pool;

    for (size_t i = 0; i < s->listens_n; i++) {
        if (s->listens[i] == l) {
            wr_conf_error(job->mb->cf, job->place, "listen: %.*s stands twice", WR_STR_ARG(l->text));
            return;
        }
    }
    s->listens = wr_ini_grow(pool, s->listens, s->listens_n, &job->listens_cap, sizeof(struct wr_listen *));
    s->listens[s->listens_n++] = l;
    /* the room of this list is the next power of two from 8 on */
    size_t cap = l->servers_n < 8 ? (l->servers ? 8 : 0) : l->servers_n;
    bool full = l->servers_n < 8 ? !l->servers : (l->servers_n & (l->servers_n - 1)) == 0;

    if (full) {
        l->servers = wr_ini_grow(pool, l->servers, l->servers_n, &cap, sizeof(struct wr_server *));
    }
    l->servers[l->servers_n++] = s;
}

/* One member: ADDRESS and flags. */
static void
model_listen_member(struct model_listen_job *job, const struct wr_str *words, size_t n)
{
    struct wr_listen want;

    memset(&want, 0, sizeof(want));
    want.place = job->place;
    want.text = words[0];
    if (!model_listen_address(job, words[0], &want)) {
        return;
    }
    for (size_t i = 1; i < n; i++) {
        if (!model_listen_flag(job, words[i], &want)) {
            return;
        }
    }
    struct wr_listen *l = model_listen_find(job, &want);

    if (l) {
        model_listen_join(job, l);
    }
}

/* ---------------------------------------------------------------- the list */

/* The words with commas split off: a comma is a word with n == 0. */
static struct wr_words
model_listen_split(struct wr_pool *pool, struct wr_words in)
{
    struct wr_words out = {NULL, 0};
    size_t cap = 0;

    for (size_t i = 0; i < in.n; i++) {
        struct wr_str rest = in.v[i];
        while (rest.n > 0) {
            ptrdiff_t comma = wr_str_find(rest, ',');
            size_t n = comma < 0 ? rest.n : comma == 0 ? 1 : (size_t)comma;
            out.v = wr_ini_grow(pool, out.v, out.n, &cap, sizeof(*out.v));
            out.v[out.n++] = comma == 0 ? WR_STR("") : wr_str_make(rest.p, n);
            rest = wr_str_make(rest.p + n, rest.n - n);
        }
    }
    return out;
}

/* Nobody wrote `listen`: it follows from the certificates.  Whatever -T prints reads back to the same. */
static void
model_listen_preset(struct wr_model_build *mb, struct wr_model_server *ms, size_t row)
{
    struct wr_server_conf *conf = &ms->s->conf;
    struct wr_places *places = &ms->server_set.places;
    struct wr_str text = conf->http == WR_HTTP_OFF ? WR_STR(":443 tls") : WR_STR(":80, :443 tls"),
                  rest = text;

    if (!wr_server_has_certificates(ms->s)) {
        return;
    }
    conf->listen = (struct wr_words){wr_pool_alloc(mb->pool, 4 * sizeof(struct wr_str)), 0};
    while (wr_str_word(&rest, &conf->listen.v[conf->listen.n])) {
        conf->listen.n++;
    }
    /* the texts may be those of [defaults], for all servers */
    struct wr_str *own = wr_pool_alloc(mb->pool, places->n * sizeof(*own));

    memcpy(own, places->text, places->n * sizeof(*own));
    own[row] = text;
    places->text = own;
    ms->s->places = *places;
}

void
wr_conf_model_listen(struct wr_model_build *mb, struct wr_model_server *ms)
{
    struct model_listen_job job = {.mb = mb, .ms = ms, .place = ms->section->place};
    size_t row = wr_conf_model_row(&ms->server_set, "listen"), start = 0;
    struct wr_place place = ms->server_set.places.v[row];

    if (place.file) {
        job.place = place;
    } else {
        model_listen_preset(mb, ms, row);
    }
    struct wr_words words = model_listen_split(mb->pool, ms->s->conf.listen);

    for (size_t i = 0; i <= words.n; i++) {
        if (i < words.n && words.v[i].n > 0) {
            continue;
        }
        if (i > start) {
            model_listen_member(&job, &words.v[start], i - start);
        } else {
            wr_conf_error(mb->cf, job.place, "listen: an address is missing between commas");
        }
        start = i + 1;
    }
}

/* ---------------------------------------------------------------- all of them */

static bool
model_listen_wildcard(const struct wr_listen *l)
{
    static const struct in6_addr any = IN6ADDR_ANY_INIT;

    if (l->addr.sa.sa_family == AF_INET6) {
        return memcmp(&l->addr.in6.sin6_addr, &any, sizeof(any)) == 0;
    }
    return l->addr.sa.sa_family == AF_INET && l->addr.in4.sin_addr.s_addr == 0;
}

/* Whether the kernel refuses b beside a, a being an address of everything. */
static bool
model_listen_excludes(const struct wr_listen *a, const struct wr_listen *b)
{
    if (a == b || b->addr.sa.sa_family == AF_UNIX || wr_addr_port(&a->addr) != wr_addr_port(&b->addr)) {
        return false;
    }
    return a->both_families || a->addr.sa.sa_family == b->addr.sa.sa_family || b->both_families;
}

static void
model_listen_trust(struct wr_model_build *mb, const struct wr_listen *l)
{
    struct wr_ip ip;

    if (!l->proxy_protocol || l->addr.sa.sa_family == AF_UNIX || mb->m->weir.trusted_proxies.n > 0) {
        return;
    }
    wr_ip_of_addr(&l->addr, &ip);
    if (!wr_ip_is_loopback(&ip)) {
        wr_conf_error(
            mb->cf, l->place,
            "listen: proxy_protocol on %.*s needs trusted_proxies in [weir]: no sender would be believed",
            WR_STR_ARG(l->text));
    }
}

void
wr_conf_model_listens_check(struct wr_model_build *mb)
{
    struct wr_model *m = mb->m;

    for (size_t i = 0; i < m->listens_n; i++) {
        struct wr_listen *l = m->listens[i];
        struct wr_bind_set set;
        l->preset_route = wr_conf_model_route_new(mb, &mb->defaults_route, &set);
        l->preset_route->id = l->text;
        l->preset_route->place = l->place;
        model_listen_trust(mb, l);
        for (size_t k = 0; k < m->listens_n && model_listen_wildcard(l); k++) {
            struct wr_listen *other = m->listens[k];
            if (!model_listen_excludes(l, other) || (k < i && model_listen_wildcard(other))) {
                continue;
            }
            struct wr_listen *late = k > i ? other : l, *early = k > i ? l : other;
            wr_conf_error(mb->cf, late->place,
                          "listen: %.*s and %.*s (%s) exclude each other: one of them takes all of the port",
                          WR_STR_ARG(late->text), WR_STR_ARG(early->text),
                          wr_conf_place_text(mb->pool, early->place));
        }
    }
}
