/*
 * Sections as read: headers taken apart, values expanded, includes followed.
 * It refuses to understand keys (bind.c) and what sections mean together
 * (model*.c).
 */
#include "core/conf/source.h"

#include <errno.h>
#include <glob.h>
#include <sys/stat.h>

#include "core/conf/ini.h"
#include "core/conf/suggest.h"

#define SOURCE_FILE_MOST_BYTES (64U << 20)
#define SOURCE_INCLUDES_MOST 4096

/* One file being read. */
struct source_file {
    struct wr_conf *cf;
    const char *name;
    struct wr_conf_section *section; /* NULL: keys here belong to nothing, which is reported */
    struct wr_conf_entry *entries;   /* of all sections of the file, one after the other */
    size_t entries_n;
};

/* What a header of each kind looks like. */
struct source_kind {
    const char *word;
    enum wr_conf_kind kind;
    enum { SOURCE_NO_NAME, SOURCE_ONE_NAME, SOURCE_MAY_NAME, SOURCE_HOSTS, SOURCE_PATTERN } names;
    const char *shape;
};

static const struct source_kind source_kinds[] = {
    {"weir", WR_KIND_WEIR, SOURCE_NO_NAME, "[weir]"},
    {"defaults", WR_KIND_DEFAULTS, SOURCE_NO_NAME, "[defaults]"},
    {"server", WR_KIND_SERVER, SOURCE_HOSTS, "[server NAME... @LABEL]"},
    {"route", WR_KIND_ROUTE, SOURCE_PATTERN, "[route HOST/PATH LABEL]"},
    {"upstream", WR_KIND_UPSTREAM, SOURCE_ONE_NAME, "[upstream NAME]"},
    {"log", WR_KIND_LOG, SOURCE_ONE_NAME, "[log NAME]"},
    {"control", WR_KIND_CONTROL, SOURCE_NO_NAME, "[control]"},
    {NULL, WR_KIND_SKIP, SOURCE_NO_NAME, NULL},
};

bool
wr_conf_name_ok(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = wr_lower(s.p[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) {
            return false;
        }
    }
    return s.n > 0;
}

const char *
wr_conf_kind_word(const struct wr_conf_section *s)
{
    for (const struct source_kind *k = source_kinds; k->word; k++) {
        if (k->kind == s->kind) {
            return k->word;
        }
    }
    return s->own_kind ? s->own_kind : "";
}

/* ---------------------------------------------------------------- kinds */

/* The own kind of a module by its word; the string of its table. */
static const char *
source_own_kind(const struct wr_conf *cf, struct wr_str word)
{
    for (size_t i = 0; i < cf->modules_n; i++) {
        for (const struct wr_directive_table *t = cf->tables[i]; t && t->rows; t++) {
            if (t->kind && wr_str_eq(wr_str_of(t->kind), word)) {
                return t->kind;
            }
        }
    }
    return NULL;
}

static bool
source_is_future(struct wr_str word)
{
    for (const char *const *k = wr_future_sections; *k; k++) {
        if (wr_str_eq(wr_str_of(*k), word)) {
            return true;
        }
    }
    return false;
}

static void
source_suggest_kinds(const struct wr_conf *cf, struct wr_suggest *sg)
{
    for (const struct source_kind *k = source_kinds; k->word; k++) {
        wr_suggest_offer(sg, wr_str_of(k->word), 0);
    }
    for (size_t i = 0; i < cf->modules_n; i++) {
        for (const struct wr_directive_table *t = cf->tables[i]; t && t->rows; t++) {
            if (t->kind) {
                wr_suggest_offer(sg, wr_str_of(t->kind), 0);
            }
        }
    }
    for (const char *const *k = wr_future_sections; *k; k++) {
        wr_suggest_offer(sg, wr_str_of(*k), 1);
    }
}

/* What is known of the word; *k is filled.  False: none of ours, or not in this release (reported). */
static bool
source_kind_find(struct wr_conf *cf, struct wr_str word, struct wr_place place, struct source_kind *k)
{
    for (const struct source_kind *known = source_kinds; known->word; known++) {
        if (wr_str_eq(wr_str_of(known->word), word)) {
            *k = *known;
            return true;
        }
    }
    const char *own = source_own_kind(cf, word);

    if (own) {
        *k = (struct source_kind){own, WR_KIND_OWN, SOURCE_MAY_NAME, "[KIND NAME]"};
        return true;
    }
    if (source_is_future(word)) {
        wr_conf_error(cf, place, "[%.*s]: known, not in this release", WR_STR_ARG(word));
        return false;
    }
    struct wr_suggest sg;

    if (wr_suggest_begin(&sg, cf, word)) {
        source_suggest_kinds(cf, &sg);
    }
    wr_conf_error(cf, place, "unknown kind of section \"%s\"%s", wr_conf_shown(cf->pool, word),
                  wr_suggest_text(&sg, cf->pool));
    /* go on as if the near word stood there: what refers to this section is not to blame */
    struct wr_str only = wr_suggest_only(&sg);

    return only.n > 0 && !source_is_future(only) && source_kind_find(cf, only, place, k);
}

/* ---------------------------------------------------------------- names */

static bool
source_add_name(struct wr_conf *cf, struct wr_conf_section *s, struct wr_str name, size_t most)
{
    if (s->names_n == most) {
        return false;
    }
    if (!s->names) {
        s->names = wr_pool_alloc(cf->pool, most * sizeof(*s->names));
    }
    s->names[s->names_n++] = name;
    return true;
}

/* [server NAME... @LABEL]: in lower case; what a name may be is judged with the model. */
static const char *
source_names_hosts(struct wr_conf *cf, struct wr_conf_section *s, struct wr_str rest)
{
    size_t most = rest.n / 2 + 1;
    struct wr_str word;

    while (wr_str_word(&rest, &word)) {
        if (word.p[0] != '@') {
            char *lower = wr_pool_alloc(cf->pool, word.n + 1);
            wr_str_lower(lower, word);
            lower[word.n] = '\0';
            source_add_name(cf, s, wr_str_make(lower, word.n), most);
        } else if (s->label.n > 0) {
            return "a server has one label";
        } else {
            s->label = wr_str_make(word.p + 1, word.n - 1);
            if (!wr_conf_name_ok(s->label)) {
                return "a label is made of letters, digits, \"-\" and \"_\"";
            }
        }
    }
    return s->names_n > 0 ? NULL : "a server needs a name ([server *] takes every name)";
}

/* [route HOST/PATH LABEL] */
static const char *
source_names_pattern(struct wr_conf *cf, struct wr_conf_section *s, struct wr_str rest)
{
    struct wr_str word;

    if (!wr_str_word(&rest, &word)) {
        return "a route needs HOST/PATH, or /PATH for every server";
    }
    ptrdiff_t slash = wr_str_find(word, '/');

    if (slash < 0) {
        return "no path in it: HOST/PATH, as in [route example.com/api/*]";
    }
    char *copy = wr_pool_alloc(cf->pool, word.n + 1);

    memcpy(copy, word.p, word.n);
    wr_str_lower(copy, wr_str_make(word.p, (size_t)slash));
    source_add_name(cf, s, wr_str_make(copy, word.n), 1);
    if (wr_str_word(&rest, &s->label) && !wr_conf_name_ok(s->label)) {
        return s->label.p[0] == '/' ? "no blank stands between host and path"
                                    : "a label is made of letters, digits, \"-\" and \"_\"";
    }
    return wr_str_word(&rest, &word) ? "too many words" : NULL;
}

static const char *
source_names_plain(struct wr_conf *cf, struct wr_conf_section *s, struct wr_str rest,
                   const struct source_kind *k)
{
    struct wr_str word;

    if (!wr_str_word(&rest, &word)) {
        return k->names == SOURCE_ONE_NAME ? "a name is missing" : NULL;
    }
    if (k->names == SOURCE_NO_NAME) {
        return "this section has no name";
    }
    if (!wr_conf_name_ok(word)) {
        return "a name is made of letters, digits, \"-\" and \"_\"";
    }
    source_add_name(cf, s, word, 1);
    return wr_str_word(&rest, &word) ? "it has one name" : NULL;
}

static const char *
source_names(struct wr_conf *cf, struct wr_conf_section *s, struct wr_str rest, const struct source_kind *k)
{
    switch (k->names) {
    case SOURCE_HOSTS:
        return source_names_hosts(cf, s, rest);
    case SOURCE_PATTERN:
        return source_names_pattern(cf, s, rest);
    default:
        return source_names_plain(cf, s, rest, k);
    }
}

/* ---------------------------------------------------------------- one file */

struct wr_conf_section *
wr_conf_source_section(struct wr_conf *cf, enum wr_conf_kind kind, struct wr_place place)
{
    struct wr_conf_source *src = cf->source;
    struct wr_conf_section *s;

    wr_ini_reserve(cf->pool, 512);
    s = wr_pool_zalloc(cf->pool, sizeof(*s));
    s->kind = kind;
    s->place = place;
    src->sections =
        wr_ini_grow(cf->pool, src->sections, src->sections_n, &src->sections_cap, sizeof(*src->sections));
    src->sections[src->sections_n++] = s;
    return s;
}

void
wr_conf_source_entry(struct wr_conf *cf, struct wr_conf_section *s, const char *key, struct wr_str text,
                     struct wr_place place)
{
    s->entries = wr_ini_grow(cf->pool, s->entries, s->entries_n, &s->entries_cap, sizeof(*s->entries));
    struct wr_conf_entry *e = &s->entries[s->entries_n++];

    memset(e, 0, sizeof(*e));
    e->key = wr_str_of(key);
    e->place = place;
    wr_conf_value_plain(text, &e->value);
}

static void
source_on_section(void *arg, unsigned line, struct wr_str head, bool bad)
{
    struct source_file *f = arg;
    struct wr_place place = {f->name, line};
    struct source_kind kind;
    struct wr_str rest = head, word;

    f->section = NULL;
    if (bad) {
        return;
    }
    if (!wr_str_word(&rest, &word)) {
        wr_conf_error(f->cf, place, "an empty section header");
        return;
    }
    if (!source_kind_find(f->cf, word, place, &kind)) {
        return;
    }
    struct wr_conf_section *s = wr_conf_source_section(f->cf, kind.kind, place);

    s->head = head;
    s->own_kind = kind.kind == WR_KIND_OWN ? kind.word : NULL;
    s->entries = &f->entries[f->entries_n];
    f->section = s;
    const char *why = source_names(f->cf, s, rest, &kind);

    if (why) {
        wr_conf_error(f->cf, place, "[%s]: %s; the shape is %s", wr_conf_shown(f->cf->pool, head), why,
                      kind.shape);
        s->repeated = true; /* its keys are still worth checking */
    }
}

static void
source_on_entry(void *arg, unsigned line, struct wr_str key, struct wr_str value)
{
    struct source_file *f = arg;

    if (f->section) {
        struct wr_conf_entry *e = &f->entries[f->entries_n++];
        f->section->entries_n++;
        memset(e, 0, sizeof(*e));
        e->key = key;
        e->place = (struct wr_place){f->name, line};
        e->bad = !wr_conf_value_make(f->cf, value, e->place, &e->value);
    }
}

static void
source_on_error(void *arg, unsigned line, const char *text)
{
    struct source_file *f = arg;

    wr_conf_error(f->cf, (struct wr_place){f->name, line}, "%s", text);
}

/* A file that is about to be read; NULL: it was read already (two patterns may name it). */
static const char *
source_add_file(struct wr_conf *cf, const char *name)
{
    struct wr_conf_source *src = cf->source;
    struct wr_conf_file_id id = {0, 0};
    struct stat st;

    if (!cf->sealed && stat(name, &st) == 0) {
        id = (struct wr_conf_file_id){st.st_dev, st.st_ino};
    }
    for (size_t i = 0; id.ino != 0 && i < src->files_n; i++) {
        if (src->ids[i].dev == id.dev && src->ids[i].ino == id.ino) {
            return NULL;
        }
    }
    src->ids = wr_ini_grow(cf->pool, src->ids, src->files_n, &src->ids_cap, sizeof(*src->ids));
    src->files = wr_ini_grow(cf->pool, src->files, src->files_n, &src->files_cap, sizeof(*src->files));
    src->ids[src->files_n] = id;
    src->files[src->files_n] = wr_pool_strdup(cf->pool, name);
    return src->files[src->files_n++];
}

static size_t
source_count(struct wr_str text, char c)
{
    const char *p = text.p, *end = text.p + text.n;
    size_t n = 0;

    while (p < end && (p = memchr(p, c, (size_t)(end - p))) != NULL) {
        n++;
        p++;
    }
    return n;
}

static void
source_read(struct wr_conf *cf, const char *name, struct wr_str text)
{
    struct source_file f = {.cf = cf, .name = name};
    struct wr_ini_events ev = {&f, source_on_section, source_on_entry, source_on_error};

    /* an entry has a "=": no array has to grow */
    size_t most = source_count(text, '=') + 1;

    wr_ini_reserve(cf->pool, most * sizeof(*f.entries));
    f.entries = wr_pool_alloc(cf->pool, most * sizeof(*f.entries));
    wr_ini_read(text, &ev);
}

/* ---------------------------------------------------------------- include */

static void
source_include_file(struct wr_conf *cf, const char *path, struct wr_place place)
{
    struct wr_str text;
    const char *why;

    if (cf->source->files_n > SOURCE_INCLUDES_MOST) {
        wr_conf_error(cf, place, "include: more than %d files", SOURCE_INCLUDES_MOST);
        return;
    }
    const char *name = source_add_file(cf, path);

    if (!name) {
        return;
    }
    if (!wr_conf_read_file(cf->pool, name, true, SOURCE_FILE_MOST_BYTES, &text, &why)) {
        wr_conf_error(cf, place, "include: cannot read %s: %s", path, why);
        return;
    }
    source_read(cf, name, text);
}

/* pattern relative to the directory of the file that names it. */
static const char *
source_include_path(struct wr_conf *cf, struct wr_str pattern, struct wr_place place)
{
    const char *slash = strrchr(place.file, '/');

    if (pattern.p[0] == '/' || !slash) {
        return wr_pool_str(cf->pool, pattern).p;
    }
    return wr_pool_printf(cf->pool, "%.*s/%.*s", (int)(slash - place.file), place.file, WR_STR_ARG(pattern))
        .p;
}

static void
source_include(struct wr_conf *cf, struct wr_str pattern, struct wr_place place)
{
    if (pattern.n == 0) {
        wr_conf_error(cf, place, "include: an empty name");
        return;
    }
    const char *path = source_include_path(cf, pattern, place);
    glob_t found;
    int rc = glob(path, GLOB_ERR, NULL, &found); /* sorted by name */

    if (rc == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            source_include_file(cf, found.gl_pathv[i], place);
        }
        globfree(&found);
    } else if (rc != GLOB_NOMATCH && !(rc == GLOB_ABORTED && errno == ENOENT)) {
        wr_conf_error(cf, place, "include: cannot read %s: %s", path, strerror(errno));
    } else if (!strpbrk(path, "*?[")) {
        wr_conf_error(cf, place, "include: %s does not exist", path);
    }
}

/* Follows `include` of the [weir] sections that stand in the first file. */
static void
source_includes(struct wr_conf *cf)
{
    struct wr_conf_source *src = cf->source;
    size_t own = src->sections_n;

    for (size_t i = 0; i < own; i++) {
        struct wr_conf_section *s = src->sections[i];
        for (size_t k = 0; s->kind == WR_KIND_WEIR && k < s->entries_n; k++) {
            struct wr_conf_entry e = s->entries[k];
            struct wr_str rest = e.value.words, word;
            if (e.bad || !wr_str_eq(e.key, WR_STR("include"))) {
                continue;
            }
            if (cf->sealed || e.value.words_why) {
                wr_conf_error(cf, e.place, "include: %s",
                              e.value.words_why ? e.value.words_why : "no further files here");
                continue;
            }
            while (wr_conf_word(cf->pool, &rest, &word)) {
                source_include(cf, word, e.place);
            }
        }
    }
    for (size_t i = own; i < src->sections_n; i++) {
        struct wr_conf_section *s = src->sections[i];
        for (size_t k = 0; s->kind == WR_KIND_WEIR && k < s->entries_n; k++) {
            if (wr_str_eq(s->entries[k].key, WR_STR("include"))) {
                wr_conf_error(cf, s->entries[k].place, "include stands in the first file alone: one level");
            }
        }
    }
}

void
wr_conf_source_file(struct wr_conf *cf, const char *file)
{
    const char *name = source_add_file(cf, file);
    struct wr_str text;
    const char *why;

    if (!wr_conf_read_file(cf->pool, file, false, SOURCE_FILE_MOST_BYTES, &text, &why)) {
        wr_conf_error(cf, (struct wr_place){name, 0}, "cannot read: %s", why);
        return;
    }
    source_read(cf, name, text);
    source_includes(cf);
}

void
wr_conf_source_text(struct wr_conf *cf, const char *name, struct wr_str text)
{
    source_read(cf, source_add_file(cf, name), text);
    source_includes(cf);
}

/* ---------------------------------------------------------------- index */

static struct wr_str
source_identity(struct wr_pool *pool, const char *kind, struct wr_str name, struct wr_str label)
{
    size_t kind_n = strlen(kind), n = 0;
    char *p = wr_pool_alloc(pool, kind_n + name.n + label.n + 4);

    /* by hand: there may be very many sections */
    memcpy(p, kind, kind_n);
    n = kind_n;
    if (name.n > 0) {
        p[n++] = ' ';
        memcpy(p + n, name.p, name.n);
        n += name.n;
    }
    if (label.n > 0) {
        p[n++] = ' ';
        p[n++] = '@';
        memcpy(p + n, label.p, label.n);
        n += label.n;
    }
    p[n] = '\0';
    return wr_str_make(p, n);
}

void
wr_conf_source_close(struct wr_conf *cf)
{
    struct wr_conf_source *src = cf->source;

    wr_ini_reserve(cf->pool, 4 * sizeof(struct wr_strmap_slot) * (src->sections_n + 1));
    wr_strmap_init(&src->index, cf->pool, (uint32_t)src->sections_n + 1);
    for (size_t i = 0; i < src->sections_n; i++) {
        struct wr_conf_section *s = src->sections[i];
        struct wr_str name = s->names_n > 0 ? s->names[0] : WR_STR_NONE;
        struct wr_str id = source_identity(cf->pool, wr_conf_kind_word(s), name, s->label);
        if (s->repeated || wr_strmap_add(&src->index, id, s)) {
            continue;
        }
        const struct wr_conf_section *first = wr_strmap_get(&src->index, id);
        bool labels = s->kind == WR_KIND_SERVER || s->kind == WR_KIND_ROUTE;
        wr_conf_error(cf, s->place, "[%s] stands twice; first at %s%s", wr_conf_shown(cf->pool, id),
                      wr_conf_place_text(cf->pool, first->place),
                      labels ? " (a label makes another one of the same name)" : "");
        s->repeated = true;
    }
}

struct wr_conf_section *
wr_conf_source_find(const struct wr_conf *cf, const char *kind, struct wr_str name, struct wr_str label)
{
    return wr_strmap_get(&cf->source->index, source_identity(cf->pool, kind, name, label));
}
