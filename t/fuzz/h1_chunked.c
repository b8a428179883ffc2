/*
 * core/proto/h1_chunked: what is decoded does not depend on the pieces that
 * the bytes come in.  The first byte of the input seeds the sizes of them.
 */
#include "core/proto/h1_chunked.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct h1_chunked_run {
    enum wr_chunked_verdict verdict; /* never DATA */
    size_t used;
    char *body;
    size_t body_n;
    struct wr_chunked ch;
};

/* In pieces of random sizes; seed 0: in one. */
static void
h1_chunked_go(const char *p, size_t n, uint32_t seed, struct h1_chunked_run *r)
{
    bool whole = seed == 0;
    wr_chunked_init(&r->ch);
    r->verdict = WR_CHUNKED_MORE;
    r->used = r->body_n = 0;
    r->body = malloc(n > 0 ? n : 1);
    while (r->used < n && r->verdict == WR_CHUNKED_MORE) {
        seed = seed * 1103515245 + 12345;
        size_t left = n - r->used, m = whole ? left : WR_MIN(left, 1 + (seed >> 16) % (1 + (seed >> 28) * 4)),
               used;
        struct wr_str data;
        char *copy = malloc(m);
        memcpy(copy, p + r->used, m);
        r->verdict = wr_chunked_decode(&r->ch, copy, m, &used, &data);
        wr_assert(used <= m && (r->verdict != WR_CHUNKED_MORE || used == m));
        wr_assert((r->verdict == WR_CHUNKED_DATA) == (data.n > 0));
        if (r->verdict == WR_CHUNKED_DATA) {
            wr_assert(data.p >= copy && data.p + data.n == copy + used);
            memcpy(r->body + r->body_n, data.p, data.n);
            r->body_n += data.n;
            r->verdict = WR_CHUNKED_MORE;
        }
        free(copy);
        r->used += used;
    }
    wr_assert(r->ch.line <= WR_CHUNK_LINE_BYTES + 1 && r->ch.extensions <= WR_CHUNK_EXT_BYTES + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h1_chunked_run whole, pieces;
    if (size == 0) {
        return 0;
    }
    h1_chunked_go((const char *)data + 1, size - 1, 0, &whole);
    for (uint32_t i = 1; i < 4; i++) {
        h1_chunked_go((const char *)data + 1, size - 1, data[0] * 4U + i, &pieces);
        wr_assert(whole.verdict == pieces.verdict && whole.used == pieces.used);
        wr_assert(whole.body_n == pieces.body_n && memcmp(whole.body, pieces.body, whole.body_n) == 0);
        wr_assert(memcmp(&whole.ch, &pieces.ch, offsetof(struct wr_chunked, digits)) == 0);
        free(pieces.body);
    }
    free(whole.body);
    return 0;
}
