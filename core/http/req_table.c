/*
 * Index -> request.  A free entry keeps its generation and counts it up, so a
 * stale token never matches.
 */
#include "core/http/req_table.h"

#include <stdlib.h>

#define REQ_TABLE_KEPT_MOST 256 /* free requests kept for reuse */

struct wr_req_entry {
    struct wr_req *r; /* NULL: free, `next` is the next free index */
    uint32_t generation;
    uint32_t next;
};

struct wr_req_table {
    struct wr_req_entry *v;
    uint32_t n;
    uint32_t cap;
    uint32_t free; /* UINT32_MAX: none */
    uint32_t used;
    uint64_t numbers;
    struct wr_req *kept; /* linked through fs */
    uint32_t kept_n;
};

struct wr_req_table *
wr_req_table_new(void)
{
    struct wr_req_table *t = wr_calloc(1, sizeof(*t));

    t->free = UINT32_MAX;
    return t;
}

void
wr_req_table_trim(struct wr_req_table *t)
{
    while (t->kept != NULL) {
        struct wr_req *r = t->kept;
        t->kept = r->fs;
        free(r);
    }
    t->kept_n = 0;
}

void
wr_req_table_free(struct wr_req_table *t)
{
    wr_req_table_trim(t);
    free(t->v);
    free(t);
}

static uint32_t
req_table_claim(struct wr_req_table *t)
{
    if (t->free != UINT32_MAX) {
        uint32_t i = t->free;
        t->free = t->v[i].next;
        return i;
    }
    if (t->n == t->cap) {
        t->cap = WR_MAX(64u, t->cap * 2);
        t->v = wr_realloc(t->v, t->cap * sizeof(*t->v));
    }
    t->v[t->n] = (struct wr_req_entry){.generation = 1};
    return t->n++;
}

struct wr_req *
wr_req_table_take(struct wr_req_table *t)
{
    struct wr_req *r = t->kept;

    if (r != NULL) {
        t->kept = r->fs;
        t->kept_n--;
    } else {
        r = wr_malloc(sizeof(*r));
    }
    memset(r, 0, sizeof(*r));
    r->index = req_table_claim(t);
    r->generation = t->v[r->index].generation;
    r->number = ++t->numbers;
    t->v[r->index].r = r;
    t->used++;
    return r;
}

void
wr_req_table_give(struct wr_req_table *t, struct wr_req *r)
{
    struct wr_req_entry *e = &t->v[r->index];

    wr_assert(e->r == r);
    e->r = NULL;
    e->generation++;
    e->next = t->free;
    t->free = r->index;
    t->used--;
#ifndef WR_SANITIZE
    if (t->kept_n < REQ_TABLE_KEPT_MOST) {
        r->fs = t->kept;
        t->kept = r;
        t->kept_n++;
        return;
    }
#endif
    free(r);
}

struct wr_req *
wr_req_table_get(const struct wr_req_table *t, struct wr_token tk)
{
    return tk.index < t->n && t->v[tk.index].generation == tk.generation ? t->v[tk.index].r : NULL;
}

uint32_t
wr_req_table_count(const struct wr_req_table *t)
{
    return t->used;
}
