/*
 * Which row a key is, and what was meant when it is none: by edit distance
 * over the keys that are valid in the section, then over those of others.
 */
#include "core/conf/bind.h"

#include "core/conf/suggest.h"

static const struct {
    uint32_t where;
    const char *shown;
} bind_find_places[] = {
    {WR_IN_WEIR, "[weir]"},       {WR_IN_DEFAULTS, "[defaults]"}, {WR_IN_SERVER, "[server]"},
    {WR_IN_ROUTE, "[route]"},     {WR_IN_UPSTREAM, "[upstream]"}, {WR_IN_LOG, "[log]"},
    {WR_IN_CONTROL, "[control]"},
};

uint32_t
wr_bind_where(const struct wr_conf_section *s)
{
    static const uint32_t bits[] = {
        [WR_KIND_WEIR] = WR_IN_WEIR,
        [WR_KIND_DEFAULTS] = WR_IN_DEFAULTS,
        [WR_KIND_SERVER] = WR_IN_SERVER,
        [WR_KIND_ROUTE] = WR_IN_ROUTE,
        [WR_KIND_UPSTREAM] = WR_IN_UPSTREAM,
        [WR_KIND_LOG] = WR_IN_LOG,
        [WR_KIND_CONTROL] = WR_IN_CONTROL,
        [WR_KIND_OWN] = WR_IN_OWN,
        [WR_KIND_SKIP] = 0,
    };

    return bits[s->kind];
}

static bool
bind_find_fits(const struct wr_bind_row *r, const struct wr_conf_section *s)
{
    if (!(r->row->where & wr_bind_where(s))) {
        return false;
    }
    return s->kind != WR_KIND_OWN || r->kind == s->own_kind;
}

/* The part of a family's name in front of the '*'; a path key's is its slash. */
static struct wr_str
bind_find_prefix(const struct wr_directive *row)
{
    struct wr_str name = wr_str_of(row->name);

    return name.p[name.n - 1] == '*' ? wr_str_make(name.p, name.n - 1) : name;
}

bool
wr_bind_find(const struct wr_bind *b, const struct wr_conf_section *s, struct wr_str key,
             struct wr_bind_match *m)
{
    for (struct wr_bind_row *r = wr_strmap_get(&b->names, key); r; r = r->same_name) {
        if (bind_find_fits(r, s)) {
            *m = (struct wr_bind_match){r, WR_STR_NONE};
            return true;
        }
    }
    for (size_t i = 0; i < b->families_n; i++) {
        const struct wr_bind_row *r = b->families[i];
        struct wr_str prefix = bind_find_prefix(r->row);
        bool path = prefix.n == 1;
        if (bind_find_fits(r, s) && wr_str_starts(key, prefix) && (path || key.n > prefix.n)) {
            *m = (struct wr_bind_match){r, path ? key : wr_str_make(key.p + prefix.n, key.n - prefix.n)};
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- what was meant */

static bool
bind_find_is_set(const struct wr_conf_section *s, struct wr_str key)
{
    return s->entries_n < 1000 && wr_bind_entry(s, key) != NULL;
}

/* Offers "if.header.X-Beta" for "if.heder.X-Beta": the head of the key against the family's. */
static void
bind_find_offer_family(struct wr_suggest *sg, struct wr_pool *pool, struct wr_str key, struct wr_str prefix)
{
    unsigned best = 3;
    size_t best_n = 0;

    if (prefix.n == 1) {
        if (wr_str_find(key, '/') > 0) {
            wr_suggest_offer(sg, wr_pool_printf(pool, "/%.*s", WR_STR_ARG(key)), 0);
        }
        return;
    }
    for (size_t n = prefix.n - 2; n <= prefix.n + 2; n++) {
        if (n > 0 && n < key.n) {
            unsigned d = wr_str_distance(wr_str_make(key.p, n), prefix, 2);
            /* of equally near heads the one whose dot was mistyped or has moved */
            char last = wr_lower(key.p[n - 1]);
            bool letter = (last >= 'a' && last <= 'z') || (last >= '0' && last <= '9');
            bool dot = !letter || (n == prefix.n && n > 1 && key.p[n - 2] == '.');
            if (d < best || (d == best && dot)) {
                best = d;
                best_n = n;
            }
        }
    }
    if (best <= 2) {
        wr_suggest_offer(
            sg, wr_pool_printf(pool, "%.*s%.*s", WR_STR_ARG(prefix), (int)(key.n - best_n), key.p + best_n),
            0);
    }
}

/* Offers every key that is valid in sections of `where` (an OWN section: of its kind). */
static void
bind_find_offer(const struct wr_bind *b, const struct wr_conf_section *s, struct wr_suggest *sg, bool here)
{
    const struct wr_bind_class *lists[2] = {b->classes, b->own};
    size_t lists_n[2] = {WR_CLASS_OWN, b->own_n};
    struct wr_pool *pool = b->cf->pool;

    for (size_t l = 0; l < 2; l++) {
        for (size_t c = 0; c < lists_n[l]; c++) {
            for (size_t i = 0; i < lists[l][c].rows_n; i++) {
                const struct wr_bind_row *r = lists[l][c].rows[i];
                struct wr_str name = wr_str_of(r->row->name), prefix = bind_find_prefix(r->row);
                if (bind_find_fits(r, s) != here) {
                    continue;
                }
                if (prefix.n == name.n && name.n > 1) {
                    /* a key that the section has already is less likely to be meant */
                    wr_suggest_offer(sg, name, here && bind_find_is_set(s, name) ? 1 : 0);
                } else if (here) {
                    bind_find_offer_family(sg, pool, sg->word, prefix);
                }
            }
        }
    }
    for (const struct wr_future_key *f = wr_future_keys; here && f->where; f++) {
        struct wr_str name = wr_str_of(f->key);
        if (!(f->where & wr_bind_where(s))) {
            continue;
        }
        if (name.p[name.n - 1] == '*') {
            bind_find_offer_family(sg, pool, sg->word, wr_str_make(name.p, name.n - 1));
        } else {
            wr_suggest_offer(sg, name, bind_find_is_set(s, name) ? 2 : 1);
        }
    }
}

/* Whether the key is one of the language that no module here brings yet. */
static bool
bind_find_is_future(struct wr_str key, uint32_t where)
{
    for (const struct wr_future_key *f = wr_future_keys; f->where; f++) {
        struct wr_str name = wr_str_of(f->key);
        bool family = name.p[name.n - 1] == '*';
        struct wr_str prefix = wr_str_make(name.p, name.n - 1);
        if ((f->where & where) &&
            (family ? wr_str_starts(key, prefix) && key.n > prefix.n : wr_str_eq(key, name))) {
            return true;
        }
    }
    return false;
}

/* "[server] or [route]" for the sections where a row, and others of its name, may stand. */
static const char *
bind_find_where_text(struct wr_pool *pool, const struct wr_bind_row *r)
{
    const char *text = "";
    uint32_t where = 0;

    for (; r; r = r->same_name) {
        where |= r->row->where;
        if (r->kind) {
            text = wr_pool_printf(pool, "%s%s[%s]", text, *text ? " or " : "", r->kind).p;
        }
    }
    for (size_t i = 0; i < WR_ARRAY_LEN(bind_find_places); i++) {
        if (where & bind_find_places[i].where) {
            text = wr_pool_printf(pool, "%s%s%s", text, *text ? " or " : "", bind_find_places[i].shown).p;
        }
    }
    return text;
}

/* Valid elsewhere: the row; NULL when nowhere. */
static const struct wr_bind_row *
bind_find_elsewhere(const struct wr_bind *b, struct wr_str key)
{
    const struct wr_bind_row *r = wr_strmap_get(&b->names, key);

    for (size_t i = 0; !r && i < b->families_n; i++) {
        struct wr_str prefix = bind_find_prefix(b->families[i]->row);
        if (wr_str_starts(key, prefix) && (key.n > prefix.n || prefix.n == 1)) {
            r = b->families[i];
        }
    }
    return r;
}

/* What was meant, from here or else from other sections. */
static bool
bind_find_guess(const struct wr_bind *b, const struct wr_conf_section *s, const struct wr_conf_entry *e,
                struct wr_bind_match *m)
{
    struct wr_conf *cf = b->cf;
    struct wr_suggest sg;

    bool guess = wr_suggest_begin(&sg, cf, e->key);

    if (guess) {
        bind_find_offer(b, s, &sg, true);
    }
    if (sg.n == 0) {
        if (guess) {
            bind_find_offer(b, s, &sg, false);
        }
        struct wr_str only = wr_suggest_only(&sg);
        const struct wr_bind_row *r = only.n > 0 ? wr_strmap_get(&b->names, only) : NULL;
        wr_conf_error(cf, e->place, "unknown key \"%s\" in [%s]%s%s%s", wr_conf_shown(cf->pool, e->key),
                      wr_conf_shown(cf->pool, s->head), wr_suggest_text(&sg, cf->pool),
                      r ? " It belongs in " : "", r ? bind_find_where_text(cf->pool, r) : "");
        return false;
    }
    wr_conf_error(cf, e->place, "unknown key \"%s\" in [%s]%s", wr_conf_shown(cf->pool, e->key),
                  wr_conf_shown(cf->pool, s->head), wr_suggest_text(&sg, cf->pool));
    struct wr_str only = wr_suggest_only(&sg);

    return only.n > 0 && !bind_find_is_set(s, only) && wr_bind_find(b, s, only, m);
}

bool
wr_bind_unknown(const struct wr_bind *b, const struct wr_conf_section *s, const struct wr_conf_entry *e,
                struct wr_bind_match *m)
{
    struct wr_conf *cf = b->cf;
    const char *key = wr_conf_shown(cf->pool, e->key);

    if (bind_find_is_future(e->key, wr_bind_where(s))) {
        wr_conf_error(cf, e->place, "%s: known, not in this release", key);
        return false;
    }
    const struct wr_bind_row *r = bind_find_elsewhere(b, e->key);

    if (r) {
        wr_conf_error(cf, e->place, "key \"%s\" in [%s]: it belongs in %s", key,
                      wr_conf_shown(cf->pool, s->head), bind_find_where_text(cf->pool, r));
        return false;
    }
    if (bind_find_is_future(e->key, UINT32_MAX)) {
        wr_conf_error(cf, e->place,
                      "key \"%s\" in [%s]: it belongs in another section, and is not in this release", key,
                      wr_conf_shown(cf->pool, s->head));
        return false;
    }
    return bind_find_guess(b, s, e, m);
}
