/*
 * The heap of who has the least to do.
 */
#include "core/upstream/least.h"

#include <stdlib.h>

struct wr_least_member {
    uint32_t load;
    uint32_t weight;
    uint64_t turn;
    uint32_t place; /* in the heap; WR_LEAST_NONE: not in */
};

void
wr_least_init(struct wr_least *l, uint32_t n)
{
    *l = (struct wr_least){.n = n};
    l->members = wr_calloc(n, sizeof(*l->members));
    l->heap = wr_malloc(n * sizeof(*l->heap));
    for (uint32_t i = 0; i < n; i++) {
        l->members[i].place = WR_LEAST_NONE;
    }
}

void
wr_least_fini(struct wr_least *l)
{
    free(l->members);
    free(l->heap);
    *l = (struct wr_least){0};
}

static bool
least_before(const struct wr_least *l, uint32_t a, uint32_t b)
{
    const struct wr_least_member *x = &l->members[a], *y = &l->members[b];
    uint64_t left = ((uint64_t)x->load + 1) * y->weight;
    uint64_t right = ((uint64_t)y->load + 1) * x->weight;

    if (left != right) {
        return left < right;
    }
    return x->turn != y->turn ? x->turn < y->turn : a < b;
}

static void
least_place(struct wr_least *l, uint32_t member, uint32_t at)
{
    l->heap[at] = member;
    l->members[member].place = at;
}

/* The member stands at `at`, which is free or its own, or wherever its key belongs from there. */
static void
least_move(struct wr_least *l, uint32_t member, uint32_t at)
{
    for (; at > 0 && least_before(l, member, l->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        least_place(l, l->heap[(at - 1) / 2], at);
    }
    for (uint32_t child = 2 * at + 1; child < l->heap_n; child = 2 * at + 1) {
        if (child + 1 < l->heap_n && least_before(l, l->heap[child + 1], l->heap[child])) {
            child++;
        }
        if (!least_before(l, l->heap[child], member)) {
            break;
        }
        least_place(l, l->heap[child], at);
        at = child;
    }
    least_place(l, member, at);
}

void
wr_least_set(struct wr_least *l, uint32_t member, uint32_t load, uint32_t weight)
{
    wr_assert(member < l->n && weight > 0);
    struct wr_least_member *m = &l->members[member];
    m->load = load;
    m->weight = weight;
    if (m->place == WR_LEAST_NONE) {
        m->place = l->heap_n;
        l->heap[l->heap_n++] = member;
    }
    least_move(l, member, m->place);
}

void
wr_least_drop(struct wr_least *l, uint32_t member)
{
    wr_assert(member < l->n);
    uint32_t at = l->members[member].place;
    if (at == WR_LEAST_NONE) {
        return;
    }
    l->members[member].place = WR_LEAST_NONE;
    uint32_t last = l->heap[--l->heap_n];
    if (last != member) {
        least_move(l, last, at);
    }
}

bool
wr_least_has(const struct wr_least *l, uint32_t member)
{
    return member < l->n && l->members[member].place != WR_LEAST_NONE;
}

uint32_t
wr_least_first(const struct wr_least *l)
{
    return l->heap_n > 0 ? l->heap[0] : WR_LEAST_NONE;
}

void
wr_least_serve(struct wr_least *l, uint32_t member)
{
    wr_assert(member < l->n);
    struct wr_least_member *m = &l->members[member];
    m->turn = ++l->turns;
    if (m->place != WR_LEAST_NONE) {
        least_move(l, member, m->place);
    }
}
