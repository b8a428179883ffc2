/*
 * A ring of consistent hashing: when a member goes, only its own keys move.
 *
 * Weights are divided by their greatest common divisor; a member has 160 points
 * for each unit of weight, less where there would be more than WR_RING_POINTS
 * of them (1 at least).  Point k of a member is wr_hash_mix(hash + k *
 * 0x9e3779b97f4a7c15), hash being wr_hash_fixed of its name: equal on all
 * machines.  A key belongs to the first point at or behind its wr_hash_fixed;
 * of equal points the member that comes first.
 */
#ifndef WR_UPSTREAM_RING_H
#define WR_UPSTREAM_RING_H

#include "core/base/base.h"

#define WR_RING_EACH 160
#define WR_RING_POINTS (WR_RING_EACH * 4096)

struct wr_ring_member {
    uint64_t hash;
    uint32_t weight; /* above 0 */
};

struct wr_ring_point {
    uint64_t hash;
    uint32_t member;
};

struct wr_ring {
    struct wr_ring_point *v; /* in order */
    uint32_t n;
    uint32_t *first; /* by the top bits of a hash: where to begin to look */
    unsigned shift;
};

/* Over what was there. */
void wr_ring_build(struct wr_ring *ring, const struct wr_ring_member *m, uint32_t n);
void wr_ring_free(struct wr_ring *ring);
/* The position of the first point at or behind hash.  The ring has points. */
uint32_t wr_ring_find(const struct wr_ring *ring, uint64_t hash);
static inline uint32_t
wr_ring_member_at(const struct wr_ring *ring, uint32_t pos)
{
    return ring->v[pos].member;
}
static inline uint32_t
wr_ring_next(const struct wr_ring *ring, uint32_t pos)
{
    return pos + 1 < ring->n ? pos + 1 : 0;
}

#endif
