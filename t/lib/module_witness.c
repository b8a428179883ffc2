/*
 * A module that uses files (core/shm/files.h), linked into weir-witness beside
 * the others, first in every phase: it keeps that seam honest and shows the
 * tests what a worker has.
 *
 *   [weir]
 *   witness.file.NAME = PATH        GET /witness/NAME answers with its bytes, as this worker has them
 *   witness.secret.NAME = PATH      the same, of a secret file: GET /witness/secret/NAME
 *   witness.optional.NAME = PATH    the same, of a file that need not be there: GET /witness/optional/NAME
 *
 * A file is refused with an error when its first word is "bad", and so is the
 * one of a pair - a file and a secret of the same NAME that begin with "pair" -
 * whose second words are not equal; "mute" is refused without a word, "warn" is
 * warned about, at "die" the process that checks dies, and a worker that
 * starts dies at "crash".
 */
#include <stdlib.h>

#include "core/module.h"

enum { WITNESS_FILE, WITNESS_SECRET, WITNESS_OPTIONAL, WITNESS_KINDS };

struct witness_conf {
    struct wr_map paths[WITNESS_KINDS];
};

struct witness_route {
    unsigned module;
};

/* What a configuration names. */
struct witness_main {
    const struct witness_conf *conf;
};

/* A file as this worker has it. */
struct witness_file {
    struct wr_str path;
    struct wr_file held; /* as it was found: readable until the hook for newer ones has returned */
    char *copy;
    size_t copy_n;
};

struct witness_worker {
    const struct witness_conf *conf;
    struct witness_file *files[WITNESS_KINDS];
    unsigned changes; /* how often newer files came */
};

static const char *const witness_prefixes[WITNESS_KINDS] = {"/witness/", "/witness/secret/",
                                                            "/witness/optional/"};

static bool
witness_check(struct wr_conf *cf, unsigned module, void **main)
{
    struct witness_main *m = wr_pool_zalloc(cf->pool, sizeof(*m));

    m->conf = cf->model->weir_mconf[module];
    for (unsigned kind = 0; kind < WITNESS_KINDS; kind++) {
        for (size_t i = 0; i < m->conf->paths[kind].n; i++) {
            const struct wr_map_entry *e = &m->conf->paths[kind].v[i];
            wr_conf_file(cf, e->place, e->value, kind == WITNESS_SECRET, kind == WITNESS_OPTIONAL);
        }
    }
    for (size_t i = 0; i < cf->model->routes_n; i++) {
        struct witness_route *own = cf->model->routes[i]->mconf[module];
        own->module = module;
    }
    *main = m;
    return true;
}

/* ---- the checker ---- */

static struct wr_str
witness_word(const struct wr_file *f, unsigned number)
{
    struct wr_str rest = f->bytes, word = WR_STR_NONE;
    ptrdiff_t end = wr_str_find(rest, '\n');

    rest.n = end < 0 ? rest.n : (size_t)end;
    for (unsigned i = 0; i <= number; i++) {
        if (!wr_str_word(&rest, &word)) {
            return WR_STR_NONE;
        }
    }
    return word;
}

static void
witness_look(struct wr_conf *cf, const struct wr_map_entry *e)
{
    struct wr_file f;

    if (!wr_files_find(e->value, &f)) {
        wr_conf_error(cf, e->place, "witness: there is no file %.*s", WR_STR_ARG(e->value));
        return;
    }
    if (!wr_files_changed(&f)) {
        return;
    }
    struct wr_str word = witness_word(&f, 0);
    if (wr_str_eq(word, WR_STR("bad"))) {
        wr_conf_error(cf, e->place, "witness: the file %.*s is bad", WR_STR_ARG(e->value));
        wr_files_refuse(&f);
    } else if (wr_str_eq(word, WR_STR("mute"))) {
        wr_files_refuse(&f);
    } else if (wr_str_eq(word, WR_STR("warn"))) {
        wr_conf_warn(cf, e->place, "witness: the file %.*s is odd", WR_STR_ARG(e->value));
    } else if (wr_str_eq(word, WR_STR("die"))) {
        abort();
    }
}

static const struct wr_map_entry *
witness_entry(const struct wr_map *map, struct wr_str name)
{
    for (size_t i = 0; i < map->n; i++) {
        if (wr_str_eq(map->v[i].key, name)) {
            return &map->v[i];
        }
    }
    return NULL;
}

static void
witness_look_pair(struct wr_conf *cf, const struct wr_map_entry *e, const struct wr_map_entry *secret)
{
    struct wr_file a, b;

    if (secret == NULL || !wr_files_find(e->value, &a) || !wr_files_find(secret->value, &b) ||
        !wr_str_eq(witness_word(&a, 0), WR_STR("pair")) ||
        wr_str_eq(witness_word(&a, 1), witness_word(&b, 1))) {
        return;
    }
    wr_conf_error(cf, e->place, "witness: %.*s does not fit %.*s", WR_STR_ARG(e->value),
                  WR_STR_ARG(secret->value));
    wr_files_refuse(&a);
    wr_files_refuse(&b);
}

static void
witness_verify(struct wr_conf *cf, void *main)
{
    const struct witness_conf *conf = ((struct witness_main *)main)->conf;

    for (unsigned kind = 0; kind < WITNESS_KINDS; kind++) {
        for (size_t i = 0; i < conf->paths[kind].n; i++) {
            witness_look(cf, &conf->paths[kind].v[i]);
        }
    }
    for (size_t i = 0; conf->paths[WITNESS_SECRET].n > 0 && i < conf->paths[WITNESS_FILE].n; i++) {
        const struct wr_map_entry *e = &conf->paths[WITNESS_FILE].v[i];
        witness_look_pair(cf, e, witness_entry(&conf->paths[WITNESS_SECRET], e->key));
    }
}

/* ---- a worker ---- */

static void
witness_take(struct witness_file *f)
{
    struct wr_file now;

    if (!wr_files_find(f->path, &now)) {
        f->held.bytes = WR_STR_NONE;
        return;
    }
    if (f->held.bytes.p != NULL) {
        wr_assert(f->held.bytes.n == f->copy_n && memcmp(f->held.bytes.p, f->copy, f->copy_n) == 0);
    }
    if (f->copy == NULL || f->held.version != now.version) {
        free(f->copy);
        f->copy = wr_malloc(now.bytes.n + 1);
        memcpy(f->copy, now.bytes.p, now.bytes.n);
        f->copy_n = now.bytes.n;
    }
    f->held = now;
}

static void
witness_take_all(struct witness_worker *w)
{
    for (unsigned kind = 0; kind < WITNESS_KINDS; kind++) {
        for (size_t i = 0; i < w->conf->paths[kind].n; i++) {
            witness_take(&w->files[kind][i]);
        }
    }
}

/* Whether a file says so. */
static bool
witness_crashes(const struct witness_worker *w)
{
    for (unsigned kind = 0; kind < WITNESS_KINDS; kind++) {
        for (size_t i = 0; i < w->conf->paths[kind].n; i++) {
            const struct witness_file *f = &w->files[kind][i];
            if (wr_str_starts(wr_str_make(f->copy, f->copy_n), WR_STR("crash"))) {
                return true;
            }
        }
    }
    return false;
}

static void *
witness_worker_start(struct wr_service *sv, void *main)
{
    struct witness_worker *w = wr_calloc(1, sizeof(*w));

    (void)sv;
    w->conf = ((struct witness_main *)main)->conf;
    for (unsigned kind = 0; kind < WITNESS_KINDS; kind++) {
        const struct wr_map *map = &w->conf->paths[kind];
        w->files[kind] = wr_calloc(map->n + 1, sizeof(*w->files[kind]));
        for (size_t i = 0; i < map->n; i++) {
            w->files[kind][i].path = map->v[i].value;
        }
    }
    witness_take_all(w);
    if (witness_crashes(w)) {
        exit(1);
    }
    return w;
}

static void
witness_worker_stop(struct wr_service *sv, void *worker)
{
    struct witness_worker *w = worker;

    (void)sv;
    for (unsigned kind = 0; kind < WITNESS_KINDS; kind++) {
        for (size_t i = 0; i < w->conf->paths[kind].n; i++) {
            free(w->files[kind][i].copy);
        }
        free(w->files[kind]);
    }
    free(w);
}

static void
witness_files_changed(struct wr_service *sv, void *worker)
{
    struct witness_worker *w = worker;

    (void)sv;
    w->changes++;
    witness_take_all(w);
}

static const struct witness_file *
witness_asked(const struct witness_worker *w, struct wr_str path)
{
    for (unsigned kind = WITNESS_KINDS; kind-- > 0;) {
        struct wr_str prefix = wr_str_of(witness_prefixes[kind]);
        if (!wr_str_starts(path, prefix)) {
            continue;
        }
        struct wr_str name = wr_str_make(path.p + prefix.n, path.n - prefix.n);
        const struct wr_map_entry *e = witness_entry(&w->conf->paths[kind], name);
        return e != NULL ? &w->files[kind][e - w->conf->paths[kind].v] : NULL;
    }
    return NULL;
}

static enum wr_step
witness_lookup(struct wr_req *r, const void *conf, void *state)
{
    const struct witness_worker *w = r->sv->module_worker[((const struct witness_route *)conf)->module];
    const struct witness_file *f = witness_asked(w, r->path);

    (void)state;
    if (f == NULL) {
        return WR_NEXT;
    }
    wr_head_add(&r->resp, &r->pool, WR_N_OTHER, WR_STR("X-Worker"),
                wr_pool_printf(&r->pool, "%u", r->sv->slot_index));
    wr_head_add(&r->resp, &r->pool, WR_N_OTHER, WR_STR("X-Changes"),
                wr_pool_printf(&r->pool, "%u", w->changes));
    wr_head_add(&r->resp, &r->pool, WR_N_OTHER, WR_STR("X-Error"),
                wr_pool_printf(&r->pool, "%d", f->held.error));
    wr_req_answer(r, 200, WR_STR("text/plain"), wr_str_make(f->copy, f->copy_n));
    return WR_DONE;
}

static const struct wr_directive witness_rows[] = {
    {.name = "witness.file.*",
     .type = WR_T_MAP,
     .class_ = WR_CLASS_WEIR,
     .where = WR_IN_WEIR,
     .offset = offsetof(struct witness_conf, paths[WITNESS_FILE]),
     .help = "A file."},
    {.name = "witness.secret.*",
     .type = WR_T_MAP,
     .class_ = WR_CLASS_WEIR,
     .where = WR_IN_WEIR,
     .offset = offsetof(struct witness_conf, paths[WITNESS_SECRET]),
     .help = "A secret file."},
    {.name = "witness.optional.*",
     .type = WR_T_MAP,
     .class_ = WR_CLASS_WEIR,
     .where = WR_IN_WEIR,
     .offset = offsetof(struct witness_conf, paths[WITNESS_OPTIONAL]),
     .help = "A file that need not be there."},
    {.name = NULL},
};
static const struct wr_directive witness_route_rows[] = {{.name = NULL}};
static const struct wr_directive_table witness_tables[] = {
    {witness_rows, WR_CLASS_WEIR, sizeof(struct witness_conf), NULL},
    {witness_route_rows, WR_CLASS_ROUTE, sizeof(struct witness_route), NULL},
    {.rows = NULL},
};

extern const struct wr_module wr_module_witness;
const struct wr_module wr_module_witness = {
    .name = "witness",
    .tables = witness_tables,
    .check = witness_check,
    .verify = witness_verify,
    .phase = {[WR_PHASE_LOOKUP] = witness_lookup},
    .worker_start = witness_worker_start,
    .worker_stop = witness_worker_stop,
    .files_changed = witness_files_changed,
};
