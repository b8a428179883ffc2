/*
 * Earliest due first among those that may come (Bennett and Zhang 1996, WF2Q,
 * with packets of one size): runs as short as can be, O(W log n).
 *
 * Members wait in lists by the entry from which they may come; such a list
 * begins in that very entry of the table, which is filled after it was emptied.
 */
#include "core/upstream/turns.h"

#include <stdlib.h>
#include <string.h>

#define TURNS_NONE UINT32_MAX

struct turns_member {
    uint32_t weight; /* as it counts */
    uint32_t given;
    uint32_t later; /* next of the same list */
};

struct turns {
    struct turns_member *m;
    uint32_t *heap; /* those that may come; the first is due first */
    uint32_t heap_n;
    uint32_t *table;
    uint32_t all; /* W */
};

/* What makes weights those that count. */
struct turns_scale {
    uint32_t unit;
    uint64_t from; /* 0: no scaling */
    uint64_t to;
};

static struct turns_scale
turns_scale(const uint32_t *weights, uint32_t n, uint32_t most)
{
    struct turns_scale s = {0};
    uint64_t sum = 0, members = 0;

    for (uint32_t i = 0; i < n; i++) {
        s.unit = wr_gcd_of(s.unit, weights[i]);
        sum += weights[i];
        members += weights[i] > 0;
    }
    if (s.unit > 0 && sum / s.unit > most) {
        s.from = sum / s.unit - members;
        s.to = most > members ? most - members : 0;
    }
    return s;
}

static uint32_t
turns_weight(const struct turns_scale *s, uint32_t weight)
{
    if (weight == 0 || s->from == 0) {
        return weight == 0 ? 0 : weight / s->unit;
    }
    return 1 + (uint32_t)((weight / s->unit - 1) * s->to / s->from);
}

uint32_t
wr_turns_need(const uint32_t *weights, uint32_t n, uint32_t most)
{
    struct turns_scale s = turns_scale(weights, n, most);
    uint32_t all = 0;

    for (uint32_t i = 0; i < n; i++) {
        all += turns_weight(&s, weights[i]);
    }
    return all;
}

/* Due times are compared as (given + 1) / weight: W is in all of them. */
static bool
turns_before(const struct turns *t, uint32_t a, uint32_t b)
{
    const struct turns_member *x = &t->m[a], *y = &t->m[b];
    uint64_t left = (uint64_t)(x->given + 1) * y->weight;
    uint64_t right = (uint64_t)(y->given + 1) * x->weight;

    if (left != right) {
        return left < right;
    }
    return x->weight != y->weight ? x->weight > y->weight : a < b;
}

static void
turns_push(struct turns *t, uint32_t member)
{
    uint32_t at = t->heap_n++;

    for (; at > 0 && turns_before(t, member, t->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        t->heap[at] = t->heap[(at - 1) / 2];
    }
    t->heap[at] = member;
}

static uint32_t
turns_pop(struct turns *t)
{
    uint32_t first = t->heap[0], last = t->heap[--t->heap_n];
    uint32_t at = 0;

    for (uint32_t child = 1; child < t->heap_n; child = 2 * at + 1) {
        if (child + 1 < t->heap_n && turns_before(t, t->heap[child + 1], t->heap[child])) {
            child++;
        }
        if (!turns_before(t, t->heap[child], last)) {
            break;
        }
        t->heap[at] = t->heap[child];
        at = child;
    }
    t->heap[at] = last;
    return first;
}

/* The member's next turn waits for its entry, at the earliest `entry`. */
static void
turns_wait(struct turns *t, uint32_t member, uint32_t entry)
{
    struct turns_member *m = &t->m[member];
    uint64_t from = ((uint64_t)m->given * t->all + m->weight - 1) / m->weight;
    uint32_t *list = &t->table[WR_MAX(from, entry)];

    m->later = *list;
    *list = member;
}

static void
turns_fill(struct turns *t)
{
    for (uint32_t i = 0; i < t->all; i++) {
        for (uint32_t member = t->table[i]; member != TURNS_NONE; member = t->m[member].later) {
            turns_push(t, member);
        }
        uint32_t next = turns_pop(t);
        t->table[i] = next;
        if (++t->m[next].given < t->m[next].weight) {
            turns_wait(t, next, i + 1);
        }
    }
}

uint32_t
wr_turns_build(const uint32_t *weights, uint32_t n, uint32_t *table, uint32_t most)
{
    struct turns_scale s = turns_scale(weights, n, most);
    struct turns t = {.table = table, .all = wr_turns_need(weights, n, most)};

    if (t.all == 0) {
        return 0;
    }
    t.m = wr_malloc(n * sizeof(*t.m));
    t.heap = wr_malloc(n * sizeof(*t.heap));
    memset(table, 0xff, t.all * sizeof(*table)); /* TURNS_NONE */
    for (uint32_t i = 0; i < n; i++) {
        t.m[i] = (struct turns_member){.weight = turns_weight(&s, weights[i])};
        if (t.m[i].weight > 0) {
            turns_wait(&t, i, 0);
        }
    }
    turns_fill(&t);
    free(t.m);
    free(t.heap);
    return t.all;
}
