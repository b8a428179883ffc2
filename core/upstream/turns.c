/*
 * Tables of turns: members' next turns are merged by a heap, in exact fractions.
 */
#include "core/upstream/turns.h"

#include <stdlib.h>

/* A member and its next turn, at (2k + 1) / 2w. */
struct turns_next {
    uint32_t member;
    uint64_t w;
    uint64_t k;
};

/* How weights are made smaller. */
struct turns_scale {
    uint32_t gcd;
    uint64_t sum; /* of weights / gcd */
    uint64_t most;
};

static struct turns_scale
turns_measure(const uint32_t *weights, uint32_t n, uint32_t most)
{
    struct turns_scale sc = {.most = most};

    for (uint32_t i = 0; i < n; i++) {
        wr_assert(weights[i] > 0);
        sc.gcd = wr_gcd(weights[i], sc.gcd);
    }
    for (uint32_t i = 0; i < n; i++) {
        sc.sum += weights[i] / sc.gcd;
    }
    return sc;
}

static uint64_t
turns_weight(const struct turns_scale *sc, uint32_t weight)
{
    uint64_t w = weight / sc->gcd;

    return sc->sum <= sc->most ? w : WR_MAX(w * sc->most / sc->sum, UINT64_C(1));
}

uint32_t
wr_turns_need(const uint32_t *weights, uint32_t n, uint32_t most)
{
    struct turns_scale sc = turns_measure(weights, n, most);
    uint64_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += turns_weight(&sc, weights[i]);
    }
    return (uint32_t)sum;
}

static bool
turns_before(const struct turns_next *a, const struct turns_next *b)
{
    uint64_t x = (2 * a->k + 1) * b->w, y = (2 * b->k + 1) * a->w;

    if (x != y) {
        return x < y;
    }
    return a->w != b->w ? a->w > b->w : a->member < b->member;
}

static void
turns_sink(struct turns_next *heap, uint32_t n, uint32_t at)
{
    struct turns_next e = heap[at];

    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && turns_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!turns_before(&heap[child], &e)) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = e;
}

uint32_t
wr_turns_build(const uint32_t *weights, uint32_t n, uint32_t *table, uint32_t most)
{
    struct turns_scale sc = turns_measure(weights, n, most);
    struct turns_next *heap = wr_malloc((n + 1) * sizeof(*heap));
    uint32_t need = wr_turns_need(weights, n, most);

    for (uint32_t i = 0; i < n; i++) {
        heap[i] = (struct turns_next){.member = i, .w = turns_weight(&sc, weights[i])};
    }
    for (uint32_t i = n / 2; i-- > 0;) {
        turns_sink(heap, n, i);
    }
    /* a member whose turns are over has its next one after everybody's last */
    for (uint32_t i = 0; i < need; i++) {
        table[i] = heap[0].member;
        heap[0].k++;
        turns_sink(heap, n, 0);
    }
    free(heap);
    return need;
}
