/*
 * Random bytes: ChaCha20 (RFC 8439 2.3) as a generator with fast key erasure:
 * the first 32 bytes of each 512 become the next key, and what was handed out
 * is wiped, so that reading this memory later tells nothing of the past.
 */
#include "core/base/rand.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define RAND_KEY_BYTES 32
#define RAND_BLOCK_BYTES 64
#define RAND_BLOCKS 8

static struct {
    unsigned char out[RAND_BLOCKS * RAND_BLOCK_BYTES]; /* the next key is wiped from its beginning */
    uint32_t key[8];
    size_t left; /* unread bytes at the end of out */
    bool seeded;
} rand_state;

static inline uint32_t
rand_rotl(uint32_t x, unsigned by)
{
    return (x << by) | (x >> (32 - by));
}

static inline void
rand_quarter(uint32_t x[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b];
    x[d] = rand_rotl(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rand_rotl(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rand_rotl(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rand_rotl(x[b] ^ x[c], 7);
}

/* One block: constants, key, block counter, nonce of zeros (each key serves one run of counters only). */
static void
rand_block(unsigned char out[RAND_BLOCK_BYTES], const uint32_t key[8], uint32_t counter)
{
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, [12] = counter};
    uint32_t x[16];

    memcpy(in + 4, key, RAND_KEY_BYTES);
    memcpy(x, in, sizeof(x));
    for (unsigned i = 0; i < 10; i++) {
        rand_quarter(x, 0, 4, 8, 12);
        rand_quarter(x, 1, 5, 9, 13);
        rand_quarter(x, 2, 6, 10, 14);
        rand_quarter(x, 3, 7, 11, 15);
        rand_quarter(x, 0, 5, 10, 15);
        rand_quarter(x, 1, 6, 11, 12);
        rand_quarter(x, 2, 7, 8, 13);
        rand_quarter(x, 3, 4, 9, 14);
    }
    for (unsigned i = 0; i < 16; i++) {
        uint32_t word = htole32(x[i] + in[i]);
        memcpy(out + 4 * i, &word, sizeof(word));
    }
}

static void
rand_refill(void)
{
    if (!rand_state.seeded) {
        wr_rand_reseed();
    }
    for (uint32_t i = 0; i < RAND_BLOCKS; i++) {
        rand_block(rand_state.out + i * RAND_BLOCK_BYTES, rand_state.key, i);
    }
    memcpy(rand_state.key, rand_state.out, RAND_KEY_BYTES);
    explicit_bzero(rand_state.out, RAND_KEY_BYTES);
    rand_state.left = sizeof(rand_state.out) - RAND_KEY_BYTES;
}

void
wr_rand_reseed(void)
{
    ssize_t n;

    do {
        n = getrandom(rand_state.key, RAND_KEY_BYTES, 0);
    } while (n < 0 && errno == EINTR);
    wr_assert(n == RAND_KEY_BYTES); /* 256 bytes and less come whole */
    explicit_bzero(rand_state.out, sizeof(rand_state.out));
    rand_state.left = 0;
    rand_state.seeded = true;
}

void
wr_rand_bytes(void *dst, size_t n)
{
    unsigned char *to = dst;

    while (n > 0) {
        if (rand_state.left == 0) {
            rand_refill();
        }
        size_t part = WR_MIN(n, rand_state.left);
        unsigned char *from = rand_state.out + sizeof(rand_state.out) - rand_state.left;
        memcpy(to, from, part);
        explicit_bzero(from, part);
        rand_state.left -= part;
        to += part;
        n -= part;
    }
}

uint64_t
wr_rand_u64(void)
{
    uint64_t v;

    wr_rand_bytes(&v, sizeof(v));
    return v;
}

uint32_t
wr_rand_below(uint32_t below)
{
    wr_assert(below > 0);

    /* Lemire 2019: the high half of a product, drawn again where the low half would favour some results */
    uint32_t unfair = -below % below;
    for (;;) {
        uint64_t product = (wr_rand_u64() >> 32) * below;
        if ((uint32_t)product >= unfair) {
            return (uint32_t)(product >> 32);
        }
    }
}
