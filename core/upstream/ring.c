/*
 * Building and searching the ring.  The points are hashes, so as many buckets
 * as points hold about one each: they are sorted by being put into their
 * buckets, and found from there.
 */
#include "core/upstream/ring.h"

#include <stdlib.h>

#include "core/base/hash.h"

static uint64_t
ring_point(uint64_t hash, uint32_t k)
{
    return wr_hash_mix(hash + k * 0x9e3779b97f4a7c15);
}

/* How many points each member has; the sum of them. */
static uint32_t
ring_shares(const struct wr_ring_member *m, uint32_t n, uint32_t *shares)
{
    uint32_t unit = 0, total = 0;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        unit = wr_gcd_of(unit, m[i].weight);
        sum += m[i].weight;
    }
    bool fits = unit == 0 || sum / unit <= WR_RING_MOST / WR_RING_POINTS;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t scaled = (uint64_t)m[i].weight * WR_RING_MOST;
        shares[i] = m[i].weight == 0 ? 0
            : fits                   ? m[i].weight / unit * WR_RING_POINTS
                                     : (uint32_t)WR_MAX(scaled / sum, 1);
        total += shares[i];
    }
    return total;
}

static bool
ring_before(const struct wr_ring_member *m, struct wr_ring_point a, struct wr_ring_point b)
{
    if (a.at != b.at) {
        return a.at < b.at;
    }
    return m[a.member].hash != m[b.member].hash ? m[a.member].hash < m[b.member].hash : a.member < b.member;
}

/* Puts each point at the end of what is still free for its bucket; bucket[b] ends as the bucket's first. */
static void
ring_scatter(struct wr_ring *ring, const struct wr_ring_member *m, uint32_t n, const uint32_t *shares)
{
    for (uint32_t i = n; i-- > 0;) {
        for (uint32_t k = 0; k < shares[i]; k++) {
            uint64_t at = ring_point(m[i].hash, k);
            ring->points[--ring->bucket[at >> ring->shift]] = (struct wr_ring_point){.at = at, .member = i};
        }
    }
}

/* By insertion: no point is far from its place any more. */
static void
ring_settle(struct wr_ring *ring, const struct wr_ring_member *m)
{
    for (uint32_t i = 1; i < ring->n; i++) {
        struct wr_ring_point p = ring->points[i];
        uint32_t to = i;
        for (; to > 0 && ring_before(m, p, ring->points[to - 1]); to--) {
            ring->points[to] = ring->points[to - 1];
        }
        ring->points[to] = p;
    }
}

static void
ring_fill(struct wr_ring *ring, const struct wr_ring_member *m, uint32_t n, const uint32_t *shares)
{
    uint32_t bits = 1;

    while (ring->n >> bits > 0) {
        bits++;
    }
    ring->shift = 64 - bits;
    ring->points = wr_malloc(ring->n * sizeof(*ring->points));
    ring->bucket = wr_calloc((size_t)1 << bits, sizeof(*ring->bucket));
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < shares[i]; k++) {
            ring->bucket[ring_point(m[i].hash, k) >> ring->shift]++;
        }
    }
    for (uint32_t b = 1; b >> bits == 0; b++) {
        ring->bucket[b] += ring->bucket[b - 1];
    }
    ring_scatter(ring, m, n, shares);
    ring_settle(ring, m);
}

void
wr_ring_build(struct wr_ring *ring, const struct wr_ring_member *m, uint32_t n)
{
    uint32_t *shares = wr_malloc(n * sizeof(*shares));

    *ring = (struct wr_ring){.n = ring_shares(m, n, shares)};
    if (ring->n > 0) {
        ring_fill(ring, m, n, shares);
    }
    free(shares);
}

void
wr_ring_free(struct wr_ring *ring)
{
    free(ring->points);
    free(ring->bucket);
    *ring = (struct wr_ring){0};
}

uint32_t
wr_ring_find(const struct wr_ring *ring, uint64_t hash)
{
    uint32_t pos = ring->bucket[hash >> ring->shift];

    while (pos < ring->n && ring->points[pos].at < hash) {
        pos++;
    }
    return pos < ring->n ? pos : 0;
}
