/*
 * The heap of servers by load.
 */
#include "core/upstream/lessheap.h"

#include <stdlib.h>

static bool
lessheap_before(const struct wr_lessheap_entry *a, const struct wr_lessheap_entry *b)
{
    uint64_t x = ((uint64_t)a->load + 1) * b->weight, y = ((uint64_t)b->load + 1) * a->weight;

    return x < y || (x == y && a->turn < b->turn);
}

static void
lessheap_put(struct wr_lessheap *h, uint32_t at, uint32_t member)
{
    h->order[at] = member;
    h->v[member].at = at;
}

static void
lessheap_sift(struct wr_lessheap *h, uint32_t member)
{
    const struct wr_lessheap_entry *e = &h->v[member];
    uint32_t at = e->at;

    while (at > 0 && lessheap_before(e, &h->v[h->order[(at - 1) / 2]])) {
        lessheap_put(h, at, h->order[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (uint32_t child; (child = 2 * at + 1) < h->n; at = child) {
        if (child + 1 < h->n && lessheap_before(&h->v[h->order[child + 1]], &h->v[h->order[child]])) {
            child++;
        }
        if (!lessheap_before(&h->v[h->order[child]], e)) {
            break;
        }
        lessheap_put(h, at, h->order[child]);
    }
    lessheap_put(h, at, member);
}

void
wr_lessheap_init(struct wr_lessheap *h, uint32_t n)
{
    h->n = n;
    h->turn = n;
    h->v = wr_calloc(n, sizeof(*h->v));
    h->order = wr_calloc(n, sizeof(*h->order));
    for (uint32_t i = 0; i < n; i++) {
        h->v[i] = (struct wr_lessheap_entry){.turn = i, .weight = 1, .at = i};
        h->order[i] = i;
    }
}

void
wr_lessheap_fini(struct wr_lessheap *h)
{
    free(h->v);
    free(h->order);
}

void
wr_lessheap_set(struct wr_lessheap *h, uint32_t member, uint32_t load, uint32_t weight)
{
    struct wr_lessheap_entry *e = &h->v[member];

    if (e->load == load && e->weight == weight) {
        return;
    }
    e->load = load;
    e->weight = weight;
    lessheap_sift(h, member);
}

void
wr_lessheap_took(struct wr_lessheap *h, uint32_t member, uint32_t load, uint32_t weight)
{
    struct wr_lessheap_entry *e = &h->v[member];

    e->load = load;
    e->weight = weight;
    e->turn = h->turn++;
    lessheap_sift(h, member);
}
