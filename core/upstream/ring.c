/*
 * Making and searching the ring.  Hashes are spread evenly, so a table over
 * their top bits leads to within a point or two.
 */
#include "core/upstream/ring.h"

#include <stdlib.h>

#include "core/base/hash.h"

static int
ring_compare(const void *a, const void *b)
{
    const struct wr_ring_point *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->member < y->member ? -1 : x->member > y->member;
}

static uint64_t
ring_points(uint32_t weight, uint32_t gcd, uint64_t sum)
{
    uint64_t points = (uint64_t)weight / gcd * WR_RING_EACH, all = sum / gcd * WR_RING_EACH;

    return all <= WR_RING_POINTS ? points : WR_MAX(points * WR_RING_POINTS / all, UINT64_C(1));
}

/* Points of the last bucket that is empty belong to the end: the search wraps there. */
static void
ring_index(struct wr_ring *ring)
{
    uint32_t buckets = 1, at = 0;

    ring->shift = 64;
    while (buckets < ring->n) {
        buckets *= 2;
        ring->shift--;
    }
    ring->first = wr_malloc(buckets * sizeof(*ring->first));
    for (uint32_t i = 0; i < buckets; i++) {
        uint64_t from = ring->shift == 64 ? 0 : (uint64_t)i << ring->shift;
        while (at < ring->n && ring->v[at].hash < from) {
            at++;
        }
        ring->first[i] = at;
    }
}

void
wr_ring_build(struct wr_ring *ring, const struct wr_ring_member *m, uint32_t n)
{
    uint64_t sum = 0, room = 0;
    uint32_t gcd = 0;

    wr_ring_free(ring);
    for (uint32_t i = 0; i < n; i++) {
        wr_assert(m[i].weight > 0);
        sum += m[i].weight;
        gcd = wr_gcd(m[i].weight, gcd);
    }
    for (uint32_t i = 0; i < n; i++) {
        room += ring_points(m[i].weight, gcd, sum);
    }
    if (n == 0) {
        return;
    }
    ring->v = wr_malloc(room * sizeof(*ring->v));
    for (uint32_t i = 0; i < n; i++) {
        for (uint64_t k = 0; k < ring_points(m[i].weight, gcd, sum); k++) {
            ring->v[ring->n++] =
                (struct wr_ring_point){wr_hash_mix(m[i].hash + k * UINT64_C(0x9e3779b97f4a7c15)), i};
        }
    }
    qsort(ring->v, ring->n, sizeof(*ring->v), ring_compare);
    ring_index(ring);
}

void
wr_ring_free(struct wr_ring *ring)
{
    free(ring->v);
    free(ring->first);
    *ring = (struct wr_ring){0};
}

uint32_t
wr_ring_find(const struct wr_ring *ring, uint64_t hash)
{
    uint32_t at = ring->first[ring->shift == 64 ? 0 : hash >> ring->shift];

    while (at < ring->n && ring->v[at].hash < hash) {
        at++;
    }
    return at < ring->n ? at : 0;
}
