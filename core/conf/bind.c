/*
 * Keys into structs, by the directive tables.  It refuses to know what any
 * key means.
 */
#include "core/conf/bind.h"

#include "core/conf/ini.h"
#include "core/conf/suggest.h"
#include "core/conf/types.h"

#define BIND_SMALL 16 /* sections with fewer keys are searched one by one */

struct bind_map;

/* One section being bound. */
struct bind_run {
    struct wr_bind *b;
    const struct wr_conf_section *s;
    struct wr_bind_set **sets;
    bool places_own[WR_CLASS_OWN + 1];       /* the set's places are a copy already */
    struct bind_map *maps[WR_CLASS_OWN + 1]; /* by row index */
};

/* A map that this section adds to. */
struct bind_map {
    bool own;         /* its entries are a copy already */
    size_t inherited; /* so many at its front came from the parent */
};

/* ---------------------------------------------------------------- tables */

static void
bind_add_name(struct wr_bind *b, struct wr_bind_row *r)
{
    struct wr_str name = wr_str_of(r->row->name);

    if (name.p[name.n - 1] == '*' || wr_str_eq(name, WR_STR("/"))) {
        b->families =
            wr_ini_grow(b->cf->pool, b->families, b->families_n, &b->families_cap, sizeof(*b->families));
        b->families[b->families_n++] = r;
    } else if (!wr_strmap_add(&b->names, name, r)) {
        struct wr_bind_row *first = wr_strmap_get(&b->names, name);
        r->same_name = first->same_name;
        first->same_name = r;
    }
}

static struct wr_bind_class *
bind_class_of(struct wr_bind *b, const struct wr_directive_table *t)
{
    if (t->class_ != WR_CLASS_OWN) {
        return &b->classes[t->class_];
    }
    for (size_t i = 0; i < b->own_n; i++) {
        if (strcmp(b->own[i].kind, t->kind) == 0) {
            return &b->own[i];
        }
    }
    struct wr_bind_class *c = &b->own[b->own_n++];

    c->kind = t->kind;
    return c;
}

static size_t
bind_table_rows(const struct wr_directive_table *t)
{
    size_t n = 0;

    while (t->rows[n].name) {
        n++;
    }
    return n;
}

static void
bind_add_table(struct wr_bind *b, const struct wr_directive_table *t, int owner)
{
    struct wr_pool *pool = b->cf->pool;
    struct wr_bind_class *c = bind_class_of(b, t);
    size_t n = bind_table_rows(t);
    struct wr_bind_row **rows = wr_pool_zalloc(pool, (c->rows_n + n) * sizeof(struct wr_bind_row *));

    if (c->rows_n > 0) {
        memcpy(rows, c->rows, c->rows_n * sizeof(struct wr_bind_row *));
    }
    c->rows = rows;
    if (!c->module_bytes) {
        c->module_bytes = wr_pool_zalloc(pool, (b->cf->modules_n + 1) * sizeof(*c->module_bytes));
    }
    if (owner == WR_BIND_CORE) {
        c->core_bytes = t->struct_bytes;
    } else {
        wr_assert(c->module_bytes[owner] == 0); /* one table a class */
        c->module_bytes[owner] = t->struct_bytes;
    }
    for (size_t i = 0; i < n; i++) {
        struct wr_bind_row *r = wr_pool_zalloc(pool, sizeof(*r));
        const struct wr_directive *d = &t->rows[i];
        wr_assert(d->class_ == t->class_);
        wr_assert(!(d->flags & WR_D_LOCAL) || t->class_ != WR_CLASS_ROUTE || d->where == WR_IN_ROUTE);
        *r = (struct wr_bind_row){.row = d, .owner = owner, .index = (uint32_t)c->rows_n, .kind = t->kind};
        c->rows[c->rows_n++] = r;
        bind_add_name(b, r);
    }
}

static size_t
bind_count_rows(const struct wr_conf *cf, size_t *own)
{
    size_t n = 1;

    for (const struct wr_directive_table *t = wr_core_tables; t->rows; t++) {
        n += bind_table_rows(t);
    }
    for (size_t i = 0; i < cf->modules_n; i++) {
        for (const struct wr_directive_table *t = cf->tables[i]; t && t->rows; t++) {
            n += bind_table_rows(t);
            *own += t->class_ == WR_CLASS_OWN;
        }
    }
    return n;
}

static void *
bind_field(const struct wr_bind_set *set, const struct wr_bind_row *r)
{
    char *base = r->owner == WR_BIND_CORE ? set->core : set->mconf[r->owner];

    wr_assert(base);
    return base + r->row->offset;
}

/* A set of zero bytes, then every row's preset read as if an operator had written it. */
static void
bind_presets(struct wr_bind *b, struct wr_bind_class *c)
{
    struct wr_pool *pool = b->cf->pool;
    struct wr_bind_set *set = &c->presets;

    set->class_ = c;
    set->core = wr_pool_zalloc(pool, c->core_bytes + 1);
    set->mconf = wr_pool_zalloc(pool, (b->cf->modules_n + 1) * sizeof(*set->mconf));
    for (size_t i = 0; c->module_bytes && i < b->cf->modules_n; i++) {
        set->mconf[i] = c->module_bytes[i] > 0 ? wr_pool_zalloc(pool, c->module_bytes[i]) : NULL;
    }
    set->places.n = c->rows_n;
    set->places.v = wr_pool_zalloc(pool, (c->rows_n + 1) * sizeof(*set->places.v));
    set->places.text = wr_pool_zalloc(pool, (c->rows_n + 1) * sizeof(*set->places.text));
    for (size_t i = 0; i < c->rows_n; i++) {
        const struct wr_bind_row *r = c->rows[i];
        struct wr_conf_value value;
        if (!r->row->preset) {
            continue;
        }
        wr_conf_value_plain(wr_str_of(r->row->preset), &value);
        struct wr_type_job job = {b->cf, r->row, &value, wr_str_of(r->row->name), {NULL, 0}};
        bool ok = wr_conf_type_parse(&job, bind_field(set, r));
        wr_assert(ok);
        set->places.text[i] = value.text;
    }
}

void
wr_bind_init(struct wr_bind *b, struct wr_conf *cf)
{
    size_t own = 0;

    memset(b, 0, sizeof(*b));
    b->cf = cf;
    wr_strmap_init(&b->names, cf->pool, (uint32_t)bind_count_rows(cf, &own));
    b->own = wr_pool_zalloc(cf->pool, (own + 1) * sizeof(*b->own));
    for (const struct wr_directive_table *t = wr_core_tables; t->rows; t++) {
        bind_add_table(b, t, WR_BIND_CORE);
    }
    for (size_t i = 0; i < cf->modules_n; i++) {
        for (const struct wr_directive_table *t = cf->tables[i]; t && t->rows; t++) {
            bind_add_table(b, t, (int)i);
        }
    }
    for (size_t i = 0; i < WR_CLASS_OWN; i++) {
        bind_presets(b, &b->classes[i]);
    }
    for (size_t i = 0; i < b->own_n; i++) {
        bind_presets(b, &b->own[i]);
    }
}

const struct wr_bind_class *
wr_bind_own_class(const struct wr_bind *b, const char *kind)
{
    for (size_t i = 0; i < b->own_n; i++) {
        if (strcmp(b->own[i].kind, kind) == 0) {
            return &b->own[i];
        }
    }
    wr_assert(false);
    return NULL;
}

void
wr_bind_set_init(struct wr_bind *b, struct wr_bind_set *set, const struct wr_bind_class *class_,
                 const struct wr_bind_set *parent, void *core)
{
    struct wr_pool *pool = b->cf->pool;

    wr_ini_reserve(pool, 4096);
    if (!parent) {
        parent = &class_->presets;
    }
    set->class_ = class_;
    set->places = parent->places;
    set->core = core ? core : wr_pool_zalloc(pool, class_->core_bytes + 1);
    if (class_->core_bytes > 0) {
        memcpy(set->core, parent->core, class_->core_bytes);
    }
    set->mconf = wr_pool_zalloc(pool, (b->cf->modules_n + 1) * sizeof(*set->mconf));
    for (size_t i = 0; class_->module_bytes && i < b->cf->modules_n; i++) {
        if (class_->module_bytes[i] > 0) {
            set->mconf[i] = wr_pool_alloc(pool, class_->module_bytes[i]);
            memcpy(set->mconf[i], parent->mconf[i], class_->module_bytes[i]);
        }
    }
}

/* ---------------------------------------------------------------- values */

static void
bind_places_own(struct bind_run *run, struct wr_bind_set *set, unsigned class_)
{
    struct wr_pool *pool = run->b->cf->pool;
    struct wr_places copy = {NULL, NULL, set->places.n};

    if (run->places_own[class_]) {
        return;
    }
    run->places_own[class_] = true;
    copy.v = wr_pool_alloc(pool, (copy.n + 1) * sizeof(*copy.v));
    copy.text = wr_pool_alloc(pool, (copy.n + 1) * sizeof(*copy.text));
    memcpy(copy.v, set->places.v, copy.n * sizeof(*copy.v));
    memcpy(copy.text, set->places.text, copy.n * sizeof(*copy.text));
    set->places = copy;
}

static bool
bind_map_key_eq(const struct wr_directive *row, struct wr_str a, struct wr_str b)
{
    return row->flags & WR_D_KEY_IS_HEADER ? wr_str_ieq(a, b) : wr_str_eq(a, b);
}

/* The map as this section's own: a copy of the parent's with room for all that the section may bring. */
static struct bind_map *
bind_map_own(struct bind_run *run, const struct wr_bind_row *r, unsigned class_, struct wr_map *map)
{
    struct wr_pool *pool = run->b->cf->pool;

    if (!run->maps[class_]) {
        run->maps[class_] = wr_pool_zalloc(pool, run->sets[class_]->class_->rows_n * sizeof(**run->maps));
    }
    struct bind_map *state = &run->maps[class_][r->index];

    if (!state->own) {
        size_t bytes = (map->n + run->s->entries_n) * sizeof(struct wr_map_entry);
        wr_ini_reserve(pool, bytes);
        struct wr_map_entry *v = wr_pool_alloc(pool, bytes);
        if (map->n > 0) {
            memcpy(v, map->v, map->n * sizeof(*v));
        }
        map->v = v;
        state->own = true;
        state->inherited = map->n;
    }
    return state;
}

/* Takes what was inherited under this name out. */
static void
bind_map_override(struct wr_map *map, struct bind_map *state, const struct wr_directive *row,
                  struct wr_str key)
{
    for (size_t i = 0; i < state->inherited; i++) {
        if (bind_map_key_eq(row, map->v[i].key, key)) {
            memmove(&map->v[i], &map->v[i + 1], (map->n - i - 1) * sizeof(*map->v));
            map->n--;
            state->inherited--;
            return;
        }
    }
}

static bool
bind_header_ok(struct wr_conf *cf, struct wr_str name, const struct wr_conf_entry *e)
{
    ptrdiff_t hash = wr_str_find(name, '#'); /* "Link#2" names a second rule for one field */
    struct wr_str bare = hash > 0 ? wr_str_make(name.p, (size_t)hash) : name;

    if (!wr_conf_token_ok(bare)) {
        wr_conf_error(cf, e->place, "\"%s\" is not the name of a header field",
                      wr_conf_shown(cf->pool, name));
        return false;
    }
    struct wr_str near = wr_suggest_header(bare);

    if (near.n > 0) {
        wr_conf_warn(cf, e->place,
                     "%s: \"%s\" is one letter away from a standard field; did you mean \"%.*s\"?",
                     wr_conf_shown(cf->pool, e->key), wr_conf_shown(cf->pool, bare), WR_STR_ARG(near));
    }
    return true;
}

/* "+ V", as it was typed: what the environment or a file brings is text. */
static bool
bind_rule_adds(const struct wr_conf_value *value)
{
    struct wr_str rest = value->raw, plus;

    return wr_str_word(&rest, &plus) && wr_str_eq(plus, WR_STR("+"));
}

/* A rule for a header field. */
static struct wr_map_entry
bind_rule(struct wr_pool *pool, const struct wr_bind_match *m, const struct wr_conf_entry *e)
{
    const struct wr_conf_value *value = &e->value;
    struct wr_map_entry rule = {
        .key = m->rest, .value = value->templated, .adds = bind_rule_adds(value), .place = e->place};

    if (rule.adds) {
        rule.value.p++;
        rule.value.n--;
    }
    rule.value = wr_str_trim(rule.value); /* blanks at its ends are no part of a field's value */
    if (!value->expanded || value->file) {
        rule.shown = value->raw;
    } else if (rule.adds) {
        struct wr_conf_value shown = {.expanded = true,
                                      .words = wr_pool_printf(pool, "+ %.*s", WR_STR_ARG(rule.value))};
        rule.shown = wr_conf_value_render(pool, &shown, true);
    } else { /* in quotes, within which "inherit" and "+" are text */
        struct wr_conf_value shown = {.expanded = true, .quoted = true, .text = rule.value};
        rule.shown = wr_conf_value_render(pool, &shown, false);
    }
    return rule;
}

static void
bind_map_value(struct bind_run *run, const struct wr_bind_match *m, const struct wr_conf_entry *e,
               unsigned class_)
{
    struct wr_pool *pool = run->b->cf->pool;
    const struct wr_directive *row = m->row->row;
    struct wr_map *map = bind_field(run->sets[class_], m->row);
    bool header = row->flags & WR_D_KEY_IS_HEADER;

    if (header && !bind_header_ok(run->b->cf, m->rest, e)) {
        return;
    }
    bind_map_override(map, bind_map_own(run, m->row, class_, map), row, m->rest);
    if (header && !(row->flags & WR_D_LOCAL)) {
        if (!wr_str_eq(e->value.raw, WR_STR("inherit"))) {
            map->v[map->n++] = bind_rule(pool, m, e);
        }
        return;
    }
    map->v[map->n++] = (struct wr_map_entry){
        .key = m->rest,
        .value = e->value.text,
        .shown = wr_conf_value_render(pool, &e->value, false),
        .place = e->place,
    };
}

static void
bind_value(struct bind_run *run, const struct wr_bind_match *m, const struct wr_conf_entry *e)
{
    const struct wr_directive *row = m->row->row;
    unsigned class_ = row->class_;
    struct wr_bind_set *set = run->sets[class_];

    if (e->bad) {
        return;
    }
    wr_assert(set);
    bind_places_own(run, set, class_);
    set->places.v[m->row->index] = e->place;
    if (row->type == WR_T_MAP) {
        bind_map_value(run, m, e, class_);
        return;
    }
    struct wr_type_job job = {run->b->cf, row, &e->value, e->key, e->place};

    wr_conf_type_parse(&job, bind_field(set, m->row));
    set->places.text[m->row->index] =
        wr_conf_value_render(run->b->cf->pool, &e->value, wr_conf_type_has_words(row));
}

/* ---------------------------------------------------------------- sections */

const struct wr_conf_entry *
wr_bind_entry(const struct wr_conf_section *s, struct wr_str key)
{
    for (size_t i = 0; i < s->entries_n; i++) {
        if (wr_str_eq(s->entries[i].key, key)) {
            return &s->entries[i];
        }
    }
    return NULL;
}

/* What makes two keys the same: field names differ in no letter's case. */
static struct wr_str
bind_identity(struct wr_bind *b, const struct wr_conf_section *s, const struct wr_conf_entry *e)
{
    struct wr_bind_match m;

    if (wr_str_find(e->key, '.') < 0 || !wr_bind_find(b, s, e->key, &m) ||
        !(m.row->row->flags & WR_D_KEY_IS_HEADER)) {
        return e->key;
    }
    char *lower = wr_pool_alloc(b->cf->pool, e->key.n + 1);

    wr_str_lower(lower, e->key);
    return wr_str_make(lower, e->key.n);
}

static void
bind_repeated(struct wr_bind *b, const struct wr_conf_section *s, const struct wr_conf_entry *e,
              const struct wr_conf_entry *first)
{
    wr_conf_error(b->cf, e->place, "key \"%s\" stands twice in [%s]; first at %s",
                  wr_conf_shown(b->cf->pool, e->key), wr_conf_shown(b->cf->pool, s->head),
                  wr_conf_place_text(b->cf->pool, first->place));
}

/* Marks entries whose key stood before, by index; NULL when there are none. */
static bool *
bind_find_repeated(struct wr_bind *b, const struct wr_conf_section *s)
{
    struct wr_pool *pool = b->cf->pool;
    struct wr_strmap seen;
    bool *repeated = wr_pool_zalloc(pool, s->entries_n + 1);

    if (s->entries_n > BIND_SMALL) {
        wr_ini_reserve(pool, 4 * sizeof(struct wr_strmap_slot) * s->entries_n);
        wr_strmap_init(&seen, pool, (uint32_t)s->entries_n);
    }
    for (size_t i = 0; i < s->entries_n; i++) {
        struct wr_conf_entry *e = &s->entries[i], *first = NULL;
        struct wr_str id = bind_identity(b, s, e);
        if (s->entries_n > BIND_SMALL) {
            first = wr_strmap_add(&seen, id, e) ? NULL : wr_strmap_get(&seen, id);
        } else {
            for (size_t k = 0; k < i && !first; k++) {
                bool same = wr_str_eq(bind_identity(b, s, &s->entries[k]), id);
                first = same ? &s->entries[k] : NULL;
            }
        }
        if (first) {
            bind_repeated(b, s, e, first);
            repeated[i] = true;
        }
    }
    return repeated;
}

void
wr_bind_section(struct wr_bind *b, const struct wr_conf_section *s,
                struct wr_bind_set *sets[WR_CLASS_OWN + 1])
{
    struct bind_run run = {.b = b, .s = s, .sets = sets};
    const bool *repeated = bind_find_repeated(b, s);

    for (size_t i = 0; i < s->entries_n; i++) {
        const struct wr_conf_entry *e = &s->entries[i];
        struct wr_bind_match m;
        if (repeated[i]) {
            continue;
        }
        if (wr_bind_find(b, s, e->key, &m) || wr_bind_unknown(b, s, e, &m)) {
            bind_value(&run, &m, e);
        }
    }
}

void
wr_bind_check(struct wr_bind *b, const struct wr_conf_section *s)
{
    struct wr_bind_set scratch[WR_CLASS_OWN + 1];
    struct wr_bind_set *sets[WR_CLASS_OWN + 1];

    for (unsigned i = 0; i < WR_CLASS_OWN; i++) {
        wr_bind_set_init(b, &scratch[i], &b->classes[i], NULL, NULL);
        sets[i] = &scratch[i];
    }
    sets[WR_CLASS_OWN] = NULL;
    if (s->kind == WR_KIND_OWN) {
        wr_bind_set_init(b, &scratch[WR_CLASS_OWN], wr_bind_own_class(b, s->own_kind), NULL, NULL);
        sets[WR_CLASS_OWN] = &scratch[WR_CLASS_OWN];
    }
    wr_bind_section(b, s, sets);
}
