/*
 * One reading of a configuration from beginning to end, and its messages.  It
 * refuses to stop at the first error.
 */
#include "core/conf/conf.h"

#include <stdarg.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/conf/ini.h"
#include "core/conf/model_build.h"
#include "core/conf/source.h"

void
wr_conf_init(struct wr_conf *cf, struct wr_pool *pool)
{
    memset(cf, 0, sizeof(*cf));
    cf->pool = pool;
}

/* ---------------------------------------------------------------- messages */

static struct wr_conf_message *conf_message(struct wr_conf *cf, struct wr_place place, const char *fmt,
                                            va_list args) WR_PRINTF(3, 0);

static struct wr_conf_message *
conf_message(struct wr_conf *cf, struct wr_place place, const char *fmt, va_list args)
{
    va_list again;

    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    wr_assert(n >= 0);
    char *text = wr_pool_alloc(cf->pool, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);

    cf->messages =
        wr_ini_grow(cf->pool, cf->messages, cf->messages_n, &cf->messages_cap, sizeof(*cf->messages));
    struct wr_conf_message *m = &cf->messages[cf->messages_n];

    memset(m, 0, sizeof(*m));
    m->place = place;
    m->text = text;
    m->order = (uint32_t)cf->messages_n++;
    return m;
}

void
wr_conf_error(struct wr_conf *cf, struct wr_place place, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    conf_message(cf, place, fmt, args)->error = true;
    va_end(args);
    cf->errors++;
}

void
wr_conf_warn(struct wr_conf *cf, struct wr_place place, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    conf_message(cf, place, fmt, args);
    va_end(args);
    cf->warnings++;
}

void
wr_conf_notice(struct wr_conf *cf, struct wr_place place, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    conf_message(cf, place, fmt, args)->notice = true;
    va_end(args);
    cf->notices++;
}

/* Places are sorted by the order in which files were read. */
struct conf_sort_row {
    size_t file;
    struct wr_conf_message m;
};

static size_t
conf_file_rank(const struct wr_conf *cf, const char *file)
{
    for (size_t i = 0; file && cf->source && i < cf->source->files_n; i++) {
        if (cf->source->files[i] == file || strcmp(cf->source->files[i], file) == 0) {
            return i + 1;
        }
    }
    return 0;
}

static int
conf_sort_compare(const void *a, const void *b)
{
    const struct conf_sort_row *x = a, *y = b;

    if (x->file != y->file) {
        return x->file < y->file ? -1 : 1;
    }
    if (x->m.place.line != y->m.place.line) {
        return x->m.place.line < y->m.place.line ? -1 : 1;
    }
    return x->m.order < y->m.order ? -1 : x->m.order > y->m.order;
}

static bool
conf_message_same(const struct wr_conf_message *a, const struct wr_conf_message *b)
{
    return a->place.line == b->place.line && a->error == b->error && strcmp(a->text, b->text) == 0;
}

static void
conf_uncount(struct wr_conf *cf, const struct wr_conf_message *m)
{
    size_t *n = m->error ? &cf->errors : m->notice ? &cf->notices : &cf->warnings;

    (*n)--;
}

/* Sorts, and drops what was said twice (a section that is copied into several servers says it for each). */
static void
conf_sort_messages(struct wr_conf *cf)
{
    size_t n = cf->messages_n, kept = 0;
    struct conf_sort_row *rows = wr_calloc(n + 1, sizeof(*rows));

    for (size_t i = 0; i < n; i++) {
        rows[i].file = conf_file_rank(cf, cf->messages[i].place.file);
        rows[i].m = cf->messages[i];
    }
    qsort(rows, n, sizeof(*rows), conf_sort_compare);
    for (size_t i = 0; i < n; i++) {
        bool again = false;
        for (size_t k = kept; k-- > 0 && rows[k].file == rows[i].file && !again;) {
            if (rows[k].m.place.line != rows[i].m.place.line) {
                break;
            }
            again = conf_message_same(&rows[k].m, &rows[i].m);
        }
        if (again) {
            conf_uncount(cf, &rows[i].m);
        } else {
            rows[kept++] = rows[i];
        }
    }
    for (size_t i = 0; i < kept; i++) {
        cf->messages[i] = rows[i].m;
        cf->messages[i].order = (uint32_t)i;
    }
    cf->messages_n = kept;
    free(rows);
}

/* The core's rows of a class stand first among its places. */
struct wr_place
wr_conf_place_of(enum wr_class class_, const struct wr_places *places, const char *key)
{
    for (const struct wr_directive_table *t = wr_core_tables; t->rows != NULL; t++) {
        for (size_t i = 0; t->class_ == class_ && t->rows[i].name != NULL && i < places->n; i++) {
            if (strcmp(t->rows[i].name, key) == 0) {
                return places->v[i];
            }
        }
    }
    return (struct wr_place){0};
}

const char *
wr_conf_place_text(struct wr_pool *pool, struct wr_place place)
{
    if (!place.file) {
        return "the preset";
    }
    if (place.line == 0) {
        return place.file;
    }
    return wr_pool_printf(pool, "%s:%u", place.file, place.line).p;
}

void
wr_conf_print_messages(struct wr_conf *cf, FILE *to, bool warnings)
{
    conf_sort_messages(cf);
    for (size_t i = 0; i < cf->messages_n; i++) {
        const struct wr_conf_message *m = &cf->messages[i];
        if (!m->error && !warnings) {
            continue;
        }
        if (m->place.file && m->place.line > 0) {
            fprintf(to, "%s:%u: ", m->place.file, m->place.line);
        } else if (m->place.file) {
            fprintf(to, "%s: ", m->place.file);
        }
        fprintf(to, "%s: %s\n", m->error ? "error" : m->notice ? "notice" : "warning", m->text);
    }
}

/* ---------------------------------------------------------------- files */

/* Where the path stands in the index, or would. */
static size_t
conf_file_slot(const struct wr_conf *cf, struct wr_str path)
{
    size_t mask = cf->files_slots - 1, i = wr_hash_keyed(path) & mask;

    while (cf->files_index[i] != 0 && !wr_str_eq(cf->files[cf->files_index[i] - 1].path, path)) {
        i = (i + 1) & mask;
    }
    return i;
}

/* Room for one more, at most half full. */
static void
conf_files_grow(struct wr_conf *cf)
{
    if (2 * (cf->files_n + 1) <= cf->files_slots) {
        return;
    }
    cf->files_slots = cf->files_slots > 0 ? 2 * cf->files_slots : 16;
    cf->files_index = wr_pool_zalloc(cf->pool, cf->files_slots * sizeof(*cf->files_index));
    for (size_t i = 0; i < cf->files_n; i++) {
        cf->files_index[conf_file_slot(cf, cf->files[i].path)] = (uint32_t)i + 1;
    }
}

void
wr_conf_file(struct wr_conf *cf, struct wr_place place, struct wr_str path, bool secret, bool optional)
{
    conf_files_grow(cf);
    uint32_t *at = &cf->files_index[conf_file_slot(cf, path)];

    if (*at != 0) {
        struct wr_conf_file *f = &cf->files[*at - 1];
        f->secret = f->secret || secret;
        f->optional = f->optional && optional;
        return;
    }
    cf->files = wr_ini_grow(cf->pool, cf->files, cf->files_n, &cf->files_cap, sizeof(*cf->files));
    cf->files[cf->files_n++] = (struct wr_conf_file){
        .path = wr_pool_str(cf->pool, path), .place = place, .secret = secret, .optional = optional};
    *at = (uint32_t)cf->files_n;
}

/* ---------------------------------------------------------------- loading */

static bool
conf_finish(struct wr_conf *cf)
{
    wr_conf_source_close(cf);
    wr_conf_model_make(cf);
    conf_sort_messages(cf);
    return cf->errors == 0;
}

static void
conf_begin(struct wr_conf *cf)
{
    cf->source = wr_pool_zalloc(cf->pool, sizeof(*cf->source));
}

bool
wr_conf_load(struct wr_conf *cf, const char *file)
{
    conf_begin(cf);
    wr_conf_source_file(cf, file);
    return conf_finish(cf);
}

bool
wr_conf_load_text(struct wr_conf *cf, const char *name, struct wr_str text)
{
    conf_begin(cf);
    wr_conf_source_text(cf, name, text);
    return conf_finish(cf);
}

/* LISTEN=UPSTREAM as a server of its own that takes every name. */
static void
conf_arg(struct wr_conf *cf, const char *arg, struct wr_place place)
{
    struct wr_str s = wr_str_of(arg);
    ptrdiff_t eq = wr_str_find(s, '=');

    if (eq <= 0 || (size_t)eq + 1 >= s.n) {
        wr_conf_error(cf, place, "\"%s\" is not LISTEN=UPSTREAM, as in :8080=localhost:3000",
                      wr_conf_shown(cf->pool, s));
        return;
    }
    struct wr_conf_section *sec = wr_conf_source_section(cf, WR_KIND_SERVER, place);

    sec->head = WR_STR("server *");
    sec->names = wr_pool_alloc(cf->pool, sizeof(*sec->names));
    sec->names[0] = WR_STR("*");
    sec->names_n = 1;
    if (place.line > 1) {
        sec->label = wr_pool_printf(cf->pool, "%u", place.line);
    }
    wr_conf_source_entry(cf, sec, "listen", wr_str_make(s.p, (size_t)eq), place);
    wr_conf_source_entry(cf, sec, "tls", WR_STR("off"), place);
    wr_conf_source_entry(cf, sec, "upstream", wr_str_make(s.p + eq + 1, s.n - (size_t)eq - 1), place);
}

bool
wr_conf_load_args(struct wr_conf *cf, int n, char *const *args)
{
    conf_begin(cf);
    cf->source->files = wr_ini_grow(cf->pool, NULL, 0, &cf->source->files_cap, sizeof(*cf->source->files));
    cf->source->files[cf->source->files_n++] = "argument";
    for (int i = 0; i < n; i++) {
        conf_arg(cf, args[i], (struct wr_place){cf->source->files[0], (unsigned)i + 1});
    }
    return conf_finish(cf);
}
