/*
 * Hashes and the read-only table over them.  SipHash-1-3: Aumasson and
 * Bernstein 2012 with one round a word and three at the end, as hash tables
 * of other runtimes use it; keyed, so that a peer cannot choose collisions.
 */
#include "core/base/hash.h"

#include <endian.h>

#include "core/base/pool.h"

uint64_t wr_hash_key[2];

static inline uint64_t
hash_rotl(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

static inline void
hash_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = hash_rotl(v[1], 13) ^ v[0];
    v[3] = hash_rotl(v[3], 16) ^ v[2];
    v[0] = hash_rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = hash_rotl(v[1], 17) ^ v[2];
    v[3] = hash_rotl(v[3], 21) ^ v[0];
    v[2] = hash_rotl(v[2], 32);
}

/* A to Z of the eight bytes of x in lower case. */
static inline uint64_t
hash_lower8(uint64_t x)
{
    const uint64_t each = 0x0101010101010101;
    uint64_t low = x & 0x7f * each;
    uint64_t over_z = low + (0x7f - 'Z') * each;
    uint64_t from_a = low + (0x80 - 'A') * each;
    uint64_t upper = ~x & (from_a ^ over_z) & 0x80 * each;

    return x | upper >> 2;
}

/* Up to eight bytes, little-endian, zeros behind. */
static inline uint64_t
hash_load(const char *p, size_t n, bool lower)
{
    uint64_t x = 0;

    memcpy(&x, p, n);
    x = le64toh(x);
    return lower ? hash_lower8(x) : x;
}

static inline __attribute__((always_inline)) uint64_t
hash_sip13(struct wr_str s, bool lower)
{
    uint64_t v[4] = {
        wr_hash_key[0] ^ 0x736f6d6570736575,
        wr_hash_key[1] ^ 0x646f72616e646f6d,
        wr_hash_key[0] ^ 0x6c7967656e657261,
        wr_hash_key[1] ^ 0x7465646279746573,
    };
    uint64_t last = (uint64_t)s.n << 56;
    size_t i = 0;

    for (; s.n - i >= 8; i += 8) {
        uint64_t m = hash_load(s.p + i, 8, lower);
        v[3] ^= m;
        hash_sip_round(v);
        v[0] ^= m;
    }
    if (i < s.n) {
        last |= hash_load(s.p + i, s.n - i, lower);
    }
    v[3] ^= last;
    hash_sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    hash_sip_round(v);
    hash_sip_round(v);
    hash_sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
wr_hash_keyed(struct wr_str s)
{
    return hash_sip13(s, false);
}

uint64_t
wr_hash_keyed_lower(struct wr_str s)
{
    return hash_sip13(s, true);
}

static void
hash_sip24_word(uint64_t v[4], uint64_t m)
{
    v[3] ^= m;
    hash_sip_round(v);
    hash_sip_round(v);
    v[0] ^= m;
}

static uint64_t
hash_sip24_end(uint64_t v[4])
{
    for (int i = 0; i < 4; i++) {
        hash_sip_round(v);
    }
    return htole64(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

void
wr_hash_mac(const uint64_t key[2], struct wr_str s, uint8_t out[16])
{
    uint64_t v[4] = {
        key[0] ^ 0x736f6d6570736575,
        key[1] ^ 0x646f72616e646f6d ^ 0xee,
        key[0] ^ 0x6c7967656e657261,
        key[1] ^ 0x7465646279746573,
    };
    uint64_t last = (uint64_t)s.n << 56, half;
    size_t i = 0;

    for (; s.n - i >= 8; i += 8) {
        hash_sip24_word(v, hash_load(s.p + i, 8, false));
    }
    if (i < s.n) {
        last |= hash_load(s.p + i, s.n - i, false);
    }
    hash_sip24_word(v, last);
    v[2] ^= 0xee;
    half = hash_sip24_end(v);
    memcpy(out, &half, 8);
    v[1] ^= 0xdd;
    half = hash_sip24_end(v);
    memcpy(out + 8, &half, 8);
}

uint64_t
wr_hash_mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
    return x ^ (x >> 33);
}

uint64_t
wr_hash_fixed(struct wr_str s)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3;
    }
    return wr_hash_mix(h);
}

void
wr_strmap_init(struct wr_strmap *m, struct wr_pool *pool, uint32_t most)
{
    uint32_t slots = 4;

    wr_assert(most <= UINT32_MAX / 4);
    while (slots < most * 2) { /* at most half full: a miss ends after two probes on average */
        slots *= 2;
    }
    m->slots = wr_pool_zalloc(pool, slots * sizeof(*m->slots));
    m->mask = slots - 1;
    m->count = 0;
}

/* The slot that has the key, or the free one where it would go. */
static struct wr_strmap_slot *
hash_strmap_slot(const struct wr_strmap *m, struct wr_str key, uint64_t hash)
{
    for (uint32_t i = (uint32_t)hash & m->mask;; i = (i + 1) & m->mask) {
        struct wr_strmap_slot *slot = &m->slots[i];
        if (slot->value == NULL || (slot->hash == hash && wr_str_eq(slot->key, key))) {
            return slot;
        }
    }
}

bool
wr_strmap_add(struct wr_strmap *m, struct wr_str key, void *value)
{
    uint64_t hash = wr_hash_keyed(key);
    struct wr_strmap_slot *slot = hash_strmap_slot(m, key, hash);

    wr_assert(value != NULL);
    if (slot->value != NULL) {
        return false;
    }
    wr_assert(m->count < m->mask); /* one slot stays free: a search ends there */
    slot->key = key;
    slot->hash = hash;
    slot->value = value;
    m->count++;
    return true;
}

void *
wr_strmap_get_hashed(const struct wr_strmap *m, struct wr_str key, uint64_t hash)
{
    return m->count > 0 ? hash_strmap_slot(m, key, hash)->value : NULL;
}

void *
wr_strmap_get(const struct wr_strmap *m, struct wr_str key)
{
    return m->count > 0 ? wr_strmap_get_hashed(m, key, wr_hash_keyed(key)) : NULL;
}
