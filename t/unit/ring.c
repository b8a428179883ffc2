/* core/upstream/ring: against a search through all points, and what consistent hashing is for. */
#include "core/upstream/ring.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/hash.h"

#include "t/unit/tap.h"

#define RING_KEYS 100000

static struct wr_ring_member *
ring_members(uint32_t n, uint32_t weight)
{
    struct wr_ring_member *m = wr_malloc(n * sizeof(*m));
    char name[32];

    for (uint32_t i = 0; i < n; i++) {
        int len = snprintf(name, sizeof(name), "10.0.%u.%u:8080", i >> 8, i & 255);
        m[i] = (struct wr_ring_member){wr_hash_fixed(wr_str_make(name, (size_t)len)), weight};
    }
    return m;
}

static uint64_t
ring_key(uint32_t i)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "key-%u", i);

    return wr_hash_fixed(wr_str_make(text, (size_t)len));
}

static uint32_t
ring_owner(const struct wr_ring *ring, uint64_t hash)
{
    return wr_ring_member_at(ring, wr_ring_find(ring, hash));
}

/* The owner by the words of the header alone: the nearest of all points. */
static uint32_t
ring_naive(const struct wr_ring_member *m, uint32_t n, uint64_t hash)
{
    uint64_t best = UINT64_MAX;
    uint32_t owner = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint64_t k = 0; k < (uint64_t)m[i].weight * WR_RING_POINTS; k++) {
            uint64_t away = wr_hash_mix(m[i].hash + k * 0x9e3779b97f4a7c15) - hash;
            if (away < best) {
                best = away;
                owner = i;
            }
        }
    }
    return owner;
}

static void
ring_test_naive(void)
{
    struct wr_ring_member *m = ring_members(12, 1);
    struct wr_ring ring;
    bool sorted = true;
    unsigned wrong = 0;

    for (uint32_t i = 0; i < 12; i++) {
        m[i].weight = 1 + i % 4;
    }
    wr_ring_build(&ring, m, 12);
    tap_is_int(ring.n, 30 * WR_RING_POINTS, "160 points for each unit of weight");
    for (uint32_t i = 1; i < ring.n; i++) {
        sorted = sorted && ring.points[i - 1].at <= ring.points[i].at;
    }
    tap_ok(sorted, "they are in order");
    for (uint32_t i = 0; i < 2000; i++) {
        uint64_t hash = ring_key(i);
        wrong += ring_owner(&ring, hash) != ring_naive(m, 12, hash);
    }
    for (uint32_t i = 0; i < ring.n; i += 7) {
        uint64_t at = ring.points[i].at;
        wrong += wr_ring_find(&ring, at) != i || wr_ring_find(&ring, at + 1) != wr_ring_next(&ring, i);
    }
    tap_is_int(wrong, 0, "each key has the owner that the model says, points themselves included");
    wr_ring_free(&ring);
    tap_ok(ring.n == 0 && ring.points == NULL, "freed");
    free(m);
}

static void
ring_test_wrap(void)
{
    struct wr_ring_member *m = ring_members(3, 1);
    struct wr_ring ring;

    wr_ring_build(&ring, m, 3);
    tap_is_int(wr_ring_find(&ring, 0), 0, "the smallest hash has the first point");
    tap_is_int(wr_ring_find(&ring, ring.points[ring.n - 1].at + 1), 0, "behind the last point is the first");
    tap_is_int(wr_ring_find(&ring, UINT64_MAX), 0, "and so at the end of the circle");
    tap_is_int(wr_ring_find(&ring, ring.points[ring.n - 1].at), ring.n - 1, "the last point itself");
    tap_is_int(wr_ring_next(&ring, ring.n - 1), 0, "next wraps");
    tap_is_int(wr_ring_next(&ring, 0), 1, "next");
    wr_ring_free(&ring);
    free(m);
}

static void
ring_count(const struct wr_ring *ring, uint32_t *counts, uint32_t n)
{
    memset(counts, 0, n * sizeof(*counts));
    for (uint32_t i = 0; i < RING_KEYS; i++) {
        counts[ring_owner(ring, ring_key(i))]++;
    }
}

static void
ring_test_shares(void)
{
    struct wr_ring_member *m = ring_members(10, 100);
    struct wr_ring ring;
    uint32_t counts[10];

    wr_ring_build(&ring, m, 10);
    tap_is_int(ring.n, 1600, "weights of 100 are weights of 1");
    ring_count(&ring, counts, 10);
    for (uint32_t i = 0; i < 10; i++) {
        tap_ok(counts[i] > RING_KEYS * .075 && counts[i] < RING_KEYS * .125, "member %u has %u keys", i,
               counts[i]);
    }
    wr_ring_free(&ring);
    m[0].weight = 300;
    m[1].weight = 50;
    m[2].weight = 0;
    wr_ring_build(&ring, m, 4);
    tap_is_int(ring.n, (6 + 1 + 2) * WR_RING_POINTS, "weights of 300, 50 and 100: 6, 1 and 2");
    ring_count(&ring, counts, 4);
    tap_ok(counts[0] > RING_KEYS * .75 * 6 / 9 && counts[0] < RING_KEYS * 1.25 * 6 / 9, "the first has %u",
           counts[0]);
    tap_ok(counts[1] > RING_KEYS * .75 / 9 && counts[1] < RING_KEYS * 1.25 / 9, "the second has %u",
           counts[1]);
    tap_ok(counts[3] > RING_KEYS * .75 * 2 / 9 && counts[3] < RING_KEYS * 1.25 * 2 / 9, "the fourth has %u",
           counts[3]);
    tap_is_int(counts[2], 0, "a weight of 0 has none");
    wr_ring_free(&ring);
    free(m);
}

/* Member `out` leaves: as if it had never been there, and by walking on. */
static void
ring_test_leave(uint32_t n)
{
    struct wr_ring_member *m = ring_members(n, 1);
    struct wr_ring all, rest;
    uint32_t out = n / 2;
    unsigned moved = 0, others_moved = 0, differ = 0;

    wr_ring_build(&all, m, n);
    m[out].weight = 0;
    wr_ring_build(&rest, m, n);
    for (uint32_t i = 0; i < RING_KEYS; i++) {
        uint64_t hash = ring_key(i);
        uint32_t pos = wr_ring_find(&all, hash);
        uint32_t before = wr_ring_member_at(&all, pos), after = ring_owner(&rest, hash);
        while (wr_ring_member_at(&all, pos) == out) {
            pos = wr_ring_next(&all, pos);
        }
        moved += before != after;
        others_moved += before != out && before != after;
        differ += after != wr_ring_member_at(&all, pos);
    }
    tap_is_int(others_moved, 0, "one of %u leaves: only its own keys move", n);
    tap_ok(moved > 0 && moved <= RING_KEYS / n + RING_KEYS / 20, "they are %u of %u", moved, RING_KEYS);
    tap_is_int(differ, 0, "walking on gives the same owners as a ring without it");
    wr_ring_free(&all);
    wr_ring_free(&rest);
    free(m);
}

static void
ring_test_equal(void)
{
    struct wr_ring_member m[3] = {{7, 1}, {5, 1}, {7, 1}};
    struct wr_ring ring, other;
    unsigned counts[3] = {0}, same = 0;

    wr_ring_build(&ring, m, 3);
    for (uint32_t i = 0; i < 1000; i++) {
        counts[ring_owner(&ring, ring_key(i))]++;
    }
    tap_ok(counts[0] > 0 && counts[1] > 0 && counts[2] == 0, "of two with one hash the first has the keys");
    /* hashes one step apart share all points but one each */
    m[0] = (struct wr_ring_member){1000, 1};
    m[1] = (struct wr_ring_member){1000 + 0x9e3779b97f4a7c15, 1};
    wr_ring_build(&other, m, 2);
    for (uint32_t i = 1; i < other.n; i++) {
        if (other.points[i].at == other.points[i - 1].at) {
            same += other.points[i - 1].member == 0 && other.points[i].member == 1;
        }
    }
    tap_is_int(same, WR_RING_POINTS - 1, "equal points: the smaller hash first");
    wr_ring_free(&other);
    m[2] = m[0];
    wr_ring_build(&other, m + 1, 2);
    same = 0;
    for (uint32_t i = 1; i < other.n; i++) {
        if (other.points[i].at == other.points[i - 1].at) {
            same += other.points[i - 1].member == 1 && other.points[i].member == 0;
        }
    }
    tap_is_int(same, WR_RING_POINTS - 1, "in whatever order the members come");
    wr_ring_free(&other);
    wr_ring_free(&ring);
}

static void
ring_test_sizes(void)
{
    struct wr_ring_member *m = ring_members(1000, 1);
    struct wr_ring ring;
    uint32_t least = 0;

    wr_ring_build(&ring, NULL, 0);
    tap_is_int(ring.n, 0, "no members, no points");
    wr_ring_free(&ring);
    m[0].weight = 0;
    wr_ring_build(&ring, m, 1);
    tap_is_int(ring.n, 0, "neither has a weight of 0 alone");
    wr_ring_free(&ring);
    m[0].weight = UINT32_MAX;
    wr_ring_build(&ring, m, 1);
    tap_is_int(ring.n, WR_RING_POINTS, "one member has 160 whatever its weight");
    wr_ring_free(&ring);
    m[0].weight = 4096 - 999;
    wr_ring_build(&ring, m, 1000);
    tap_is_int(ring.n, WR_RING_MOST, "as many as there may be");
    wr_ring_free(&ring);
    m[0].weight = UINT32_MAX;
    wr_ring_build(&ring, m, 1000);
    for (uint32_t i = 0; i < ring.n; i++) {
        least += ring.points[i].member != 0;
    }
    tap_ok(least == 999 && ring.n > WR_RING_MOST - 1000 && ring.n < WR_RING_MOST + 1000,
           "beyond that all have less, and at least one: %u", ring.n);
    wr_ring_free(&ring);
    free(m);
}

static void
ring_test_time(void)
{
    struct wr_ring_member *m = ring_members(1000, 1);
    struct wr_ring ring;
    clock_t before = clock();

    wr_ring_build(&ring, m, 1000);
    double ms = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC;
    tap_ok(ms < 1000, "1000 members take %.1f ms", ms);
    wr_ring_free(&ring);
    free(m);
}

int
main(void)
{
    static const uint32_t sizes[] = {2, 3, 10, 100, 1000};

    ring_test_naive();
    ring_test_wrap();
    ring_test_shares();
    for (size_t i = 0; i < WR_ARRAY_LEN(sizes); i++) {
        ring_test_leave(sizes[i]);
    }
    ring_test_equal();
    ring_test_sizes();
    ring_test_time();
    return tap_done();
}
