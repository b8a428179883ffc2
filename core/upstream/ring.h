/*
 * The ring of consistent hashing: each member has points on the circle of all
 * 64-bit numbers, a key belongs to the member of the first point at or after
 * its hash.  Taking a member out moves its own keys alone.  The ring is a pure
 * function of hashes and weights, equal on all machines.
 *
 * The points of a member, k from 0:
 *
 *   wr_hash_mix(hash + k * 0x9e3779b97f4a7c15)          modulo 2^64
 *
 * Weights are relative: they are divided by their greatest common divisor,
 * then each unit has WR_RING_POINTS points.  Where that made more than
 * WR_RING_MOST points, a member has floor(weight * WR_RING_MOST / sum of the
 * weights) of them, and at least one.  Members of one hash share their points;
 * equal points belong to the smaller hash, then to the smaller index.
 */
#ifndef WR_UPSTREAM_RING_H
#define WR_UPSTREAM_RING_H

#include "core/base/base.h"

#define WR_RING_POINTS 160
#define WR_RING_MOST (160 * 4096)

struct wr_ring_member {
    uint64_t hash;   /* wr_hash_fixed of its name */
    uint32_t weight; /* 0: left out */
};

struct wr_ring_point {
    uint64_t at;
    uint32_t member; /* index into what the ring was built of */
};

/* All zero bytes are a ring without points. */
struct wr_ring {
    struct wr_ring_point *points; /* in order */
    uint32_t n;
    uint32_t *bucket; /* by the top bits of a hash: the first point there or later */
    unsigned shift;   /* what leaves these bits */
};

/* m is not kept.  *ring is overwritten: a former one has to be freed first. */
void wr_ring_build(struct wr_ring *ring, const struct wr_ring_member *m, uint32_t n);
/* The ring has no points afterwards. */
void wr_ring_free(struct wr_ring *ring);

/* The position of the first point at or after hash, round the end of the circle; needs ring->n > 0. */
uint32_t wr_ring_find(const struct wr_ring *ring, uint64_t hash);

/* The member at a position. */
static inline uint32_t
wr_ring_member_at(const struct wr_ring *ring, uint32_t pos)
{
    return ring->points[pos].member;
}

/* The position after pos, round the end of the circle. */
static inline uint32_t
wr_ring_next(const struct wr_ring *ring, uint32_t pos)
{
    return pos + 1 < ring->n ? pos + 1 : 0;
}

#endif
