/*
 * weir -T: the effective configuration as a file that reads back to the same
 * model.  Above each value stands where it came from, on a comment line of
 * its own.  Inherited values are written out where they take effect.
 */
#include "core/conf/bind.h"

struct dump_job {
    FILE *to;
    struct wr_pool pool; /* what is made for printing alone */
    struct wr_bind bind;
};

static void
dump_place(struct dump_job *job, struct wr_place place)
{
    fprintf(job->to, "; %s\n", wr_conf_place_text(&job->pool, place));
}

static void
dump_map(struct dump_job *job, const struct wr_directive *row, const struct wr_map *map)
{
    struct wr_str name = wr_str_of(row->name);
    bool path = wr_str_eq(name, WR_STR("/"));

    for (size_t i = 0; i < map->n; i++) {
        const struct wr_map_entry *e = &map->v[i];
        dump_place(job, e->place);
        fprintf(job->to, "%.*s%.*s = ", path ? 0 : (int)name.n - 1, name.p, WR_STR_ARG(e->key));
        if (row->flags & WR_D_SECRET) {
            fprintf(job->to, "(secret)\n");
        } else {
            fprintf(job->to, "%.*s\n", WR_STR_ARG(e->shown));
        }
    }
}

/* Rules of the section above that this one drops. */
static void
dump_dropped(struct dump_job *job, const struct wr_directive *row, const struct wr_map *map,
             const struct wr_map *above)
{
    for (size_t i = 0; i < above->n; i++) {
        bool kept = false;
        for (size_t k = 0; k < map->n && !kept; k++) {
            kept = wr_str_ieq(map->v[k].key, above->v[i].key);
        }
        if (!kept) {
            fprintf(job->to, "%.*s%.*s = inherit\n", (int)strlen(row->name) - 1, row->name,
                    WR_STR_ARG(above->v[i].key));
        }
    }
}

static const struct wr_map *
dump_map_of(const struct wr_directive *row, const void *base)
{
    return (const struct wr_map *)(const void *)((const char *)base + row->offset);
}

static void
dump_row(struct dump_job *job, const struct wr_bind_row *r, const void *base, const void *above,
         const struct wr_places *places)
{
    struct wr_str text = places->text[r->index];

    if (r->row->type == WR_T_MAP) {
        dump_map(job, r->row, dump_map_of(r->row, base));
        if (above && !(r->row->flags & WR_D_LOCAL)) {
            dump_dropped(job, r->row, dump_map_of(r->row, base), dump_map_of(r->row, above));
        }
        return;
    }
    if (!places->v[r->index].file && !r->row->preset) {
        return; /* not set, and no preset: nothing to say */
    }
    dump_place(job, places->v[r->index]);
    if (r->row->flags & WR_D_SECRET) {
        fprintf(job->to, "%s = (secret)\n", r->row->name);
    } else {
        fprintf(job->to, "%s = %.*s\n", r->row->name, WR_STR_ARG(text));
    }
}

/* The rows of a class but those named in `but` (blank-separated). */
static void
dump_rows(struct dump_job *job, const struct wr_bind_class *c, const void *core, void *const *mconf,
          const struct wr_places *places, const char *but, const struct wr_route *above)
{
    for (size_t i = 0; i < c->rows_n; i++) {
        const struct wr_bind_row *r = c->rows[i];
        struct wr_str rest = wr_str_of(but), word;
        bool left_out = false;
        while (wr_str_word(&rest, &word)) {
            left_out |= wr_str_eq(word, wr_str_of(r->row->name));
        }
        if (!left_out) {
            bool own = r->owner == WR_BIND_CORE;
            const void *from = !above ? NULL : own ? (const void *)&above->conf : above->mconf[r->owner];
            dump_row(job, r, own ? core : mconf[r->owner], from, places);
        }
    }
}

/* above: the preset route of the section that this one inherits from. */
static void
dump_route_rows(struct dump_job *job, const struct wr_route *r, const struct wr_route *above)
{
    dump_rows(job, &job->bind.classes[WR_CLASS_ROUTE], &r->conf, r->mconf, &r->places, "to", above);
}

static void
dump_head(struct dump_job *job, struct wr_place place)
{
    fputc('\n', job->to);
    if (place.file) {
        dump_place(job, place);
    }
}

static void
dump_server(struct dump_job *job, const struct wr_server *s)
{
    dump_head(job, s->place);
    fprintf(job->to, "[server");
    for (size_t i = 0; i < s->names_n; i++) {
        fprintf(job->to, " %.*s", WR_STR_ARG(s->names[i]));
    }
    fprintf(job->to, "%s%.*s]\n", s->label.n > 0 ? " @" : "", WR_STR_ARG(s->label));
    dump_rows(job, &job->bind.classes[WR_CLASS_SERVER], &s->conf, s->mconf, &s->places, "/ upstream", NULL);
    dump_route_rows(job, s->preset_route, s->listens_n > 0 ? s->listens[0]->preset_route : NULL);
    for (size_t i = 0; i < s->routes_n; i++) {
        const struct wr_route *r = s->routes[i];
        dump_head(job, r->place);
        fprintf(job->to, "[route %.*s]\n", WR_STR_ARG(r->id));
        dump_place(job, r->target.place);
        fprintf(job->to, "to = %.*s\n", WR_STR_ARG(r->target.shown));
        dump_route_rows(job, r, s->preset_route);
    }
}

static void
dump_upstream(struct dump_job *job, const struct wr_upstream *u)
{
    if (u->anonymous) {
        return; /* made again from the target that names it */
    }
    dump_head(job, u->place);
    fprintf(job->to, "[upstream %.*s]\n", WR_STR_ARG(u->name));
    dump_rows(job, &job->bind.classes[WR_CLASS_UPSTREAM], &u->conf, u->mconf, &u->places, "", NULL);
}

static void
dump_log(struct dump_job *job, const struct wr_access_log *l)
{
    dump_head(job, l->place);
    fprintf(job->to, "[log %.*s]\n", WR_STR_ARG(l->name));
    dump_rows(job, &job->bind.classes[WR_CLASS_LOG], &l->conf, NULL, &l->places, "", NULL);
}

static void
dump_own(struct dump_job *job, const struct wr_own_section *o)
{
    const struct wr_bind_class *c = wr_bind_own_class(&job->bind, o->kind);

    dump_head(job, o->place);
    fprintf(job->to, "[%s%s%.*s]\n", o->kind, o->name.n > 0 ? " " : "", WR_STR_ARG(o->name));
    for (size_t i = 0; i < c->rows_n; i++) {
        dump_row(job, c->rows[i], o->conf, NULL, &o->places);
    }
}

void
wr_conf_dump(const struct wr_conf *cf, FILE *to)
{
    struct dump_job job = {.to = to};
    struct wr_conf shadow = *cf; /* the tables again, with memory that goes at the end */
    const struct wr_model *m = cf->model;

    wr_pool_init(&job.pool);
    shadow.pool = &job.pool;
    wr_bind_init(&job.bind, &shadow);
    fprintf(to, "; the effective configuration; above each value stands where it came from\n");
    dump_head(&job, (struct wr_place){NULL, 0});
    fprintf(to, "[weir]\n");
    /* what is included stands below */
    dump_rows(&job, &job.bind.classes[WR_CLASS_WEIR], &m->weir, m->weir_mconf, &m->weir_places, "include",
              NULL);
    dump_head(&job, m->control_place);
    fprintf(to, "[control]\n");
    dump_rows(&job, &job.bind.classes[WR_CLASS_CONTROL], &m->control, NULL, &m->control_places, "", NULL);
    if (m->listens_n > 0) {
        dump_head(&job, (struct wr_place){NULL, 0});
        fprintf(to, "[defaults]\n");
        dump_route_rows(&job, m->listens[0]->preset_route, NULL);
    }
    for (size_t i = 0; i < m->logs_n; i++) {
        dump_log(&job, m->logs[i]);
    }
    for (size_t i = 0; i < m->own_n; i++) {
        dump_own(&job, m->own[i]);
    }
    for (size_t i = 0; i < m->upstreams_n; i++) {
        dump_upstream(&job, m->upstreams[i]);
    }
    for (size_t i = 0; i < m->servers_n; i++) {
        dump_server(&job, m->servers[i]);
    }
    wr_pool_reset(&job.pool);
}
