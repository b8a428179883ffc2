/*
 * Hashes.  Tables keyed by peer data use wr_hash_keyed with the process's
 * random key (kept over reloads, CORE-RULES 34); balancing uses wr_hash_fixed,
 * which is documented and equal on all machines.
 */
#ifndef WR_BASE_HASH_H
#define WR_BASE_HASH_H

#include "core/base/str.h"

/* Set once by the master before the first fork (or adopted at an upgrade). */
extern uint64_t wr_hash_key[2];

/* SipHash-1-3 with wr_hash_key. */
uint64_t wr_hash_keyed(struct wr_str s);
/* As wr_hash_keyed over s in lower case. */
uint64_t wr_hash_keyed_lower(struct wr_str s);
/* SipHash-2-4 with 128 bits of output, in the bytes of its reference: authenticates short texts. */
void wr_hash_mac(const uint64_t key[2], struct wr_str s, uint8_t out[16]);
/*
 * The fixed hash for balancing, on unsigned 64-bit numbers modulo 2^64:
 *
 *   h = 0xcbf29ce484222325                                  FNV-1a, 64 bits:
 *   for each byte c of s: h = (h ^ c) * 0x100000001b3
 *   result: wr_hash_mix(h)
 *
 * wr_hash_fixed("") = 0xefd01f60ba992926, ("a") = 0x82a2a958a9bece5b, ("weir") = 0x928ebc5f622cac17.
 */
uint64_t wr_hash_fixed(struct wr_str s);
/*
 * The finaliser of MurmurHash3 (64 bits), a bijection that spreads every bit:
 *
 *   x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd
 *   x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53
 *   result: x ^ (x >> 33)
 */
uint64_t wr_hash_mix(uint64_t x);

/* A table from strings to pointers, built at start, read-only afterwards; open addressing. */
struct wr_strmap {
    struct wr_strmap_slot *slots;
    uint32_t mask;
    uint32_t count;
};
struct wr_strmap_slot {
    struct wr_str key;
    uint64_t hash;
    void *value; /* NULL: free slot */
};
struct wr_pool;
/* Room for `most` keys, memory from pool. */
void wr_strmap_init(struct wr_strmap *m, struct wr_pool *pool, uint32_t most);
/* False when the key is there already (nothing changes).  value not NULL; key is borrowed. */
bool wr_strmap_add(struct wr_strmap *m, struct wr_str key, void *value);
void *wr_strmap_get(const struct wr_strmap *m, struct wr_str key);
/* With a hash made before by wr_hash_keyed(key). */
void *wr_strmap_get_hashed(const struct wr_strmap *m, struct wr_str key, uint64_t hash);

#endif
