/*
 * core/proto/h1_chunked: what is decoded does not depend on the pieces that
 * the bytes come in, and is what a plain decoder, which sees all of them and
 * goes down the grammar, makes of them.  The first byte of the input seeds the
 * sizes of the pieces.
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

/* Where the plain decoder is, and whether the byte there is wrong. */
struct h1_chunked_plain {
    const char *p;
    size_t n;
    size_t at;
    bool bad;
};

/* The byte at hand, or -1 at the end. */
static int
h1_chunked_plain_peek(const struct h1_chunked_plain *d)
{
    return d->at < d->n ? (uint8_t)d->p[d->at] : -1;
}

static bool
h1_chunked_plain_is(struct h1_chunked_plain *d, const char *set)
{
    int c = h1_chunked_plain_peek(d);
    return c > 0 && strchr(set, c) != NULL;
}

/* Takes a byte of the set; false, and bad unless at the end, when there is none. */
static bool
h1_chunked_plain_take(struct h1_chunked_plain *d, const char *set)
{
    if (!h1_chunked_plain_is(d, set)) {
        d->bad = d->at < d->n;
        return false;
    }
    d->at++;
    return true;
}

static size_t
h1_chunked_plain_run(struct h1_chunked_plain *d, const char *set)
{
    size_t from = d->at;
    while (h1_chunked_plain_is(d, set)) {
        d->at++;
    }
    return d->at - from;
}

static bool
h1_chunked_plain_quoted(struct h1_chunked_plain *d)
{
    d->at++;
    for (;;) {
        int c = h1_chunked_plain_peek(d);
        if (c == '"') {
            d->at++;
            return true;
        }
        if (c == '\\') {
            d->at++;
            c = h1_chunked_plain_peek(d);
        }
        if (c < 0 || (c < 0x20 && c != '\t') || c == 0x7f) {
            d->bad = c >= 0;
            return false;
        }
        d->at++;
    }
}

/* *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ) */
static bool
h1_chunked_plain_extensions(struct h1_chunked_plain *d)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    while (h1_chunked_plain_is(d, " \t;")) {
        h1_chunked_plain_run(d, " \t");
        if (!h1_chunked_plain_take(d, ";")) {
            return false;
        }
        h1_chunked_plain_run(d, " \t");
        if (!h1_chunked_plain_take(d, token)) {
            return false;
        }
        h1_chunked_plain_run(d, token);
        size_t blanks = h1_chunked_plain_run(d, " \t");
        if (h1_chunked_plain_is(d, "=")) {
            d->at++;
            h1_chunked_plain_run(d, " \t");
            if (h1_chunked_plain_is(d, "\"")) {
                if (!h1_chunked_plain_quoted(d)) {
                    return false;
                }
            } else if (!h1_chunked_plain_take(d, token)) {
                return false;
            } else {
                h1_chunked_plain_run(d, token);
            }
        } else {
            d->at -= blanks;
        }
    }
    return true;
}

/* The size of a chunk and its line.  False: the end, or bad. */
static bool
h1_chunked_plain_line(struct h1_chunked_plain *d, uint64_t *size)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    size_t from = d->at, digits;
    if (!h1_chunked_plain_take(d, hex)) {
        return false;
    }
    digits = 1 + h1_chunked_plain_run(d, hex);
    *size = 0;
    for (size_t i = 0; i < digits; i++) {
        const char *at = strchr(hex, d->p[from + i]);
        *size = *size << 4 | (uint64_t)(at - hex < 16 ? at - hex : at - hex - 6);
        if (i == 16 || *size > INT64_MAX) {
            d->at = from + i;
            d->bad = true;
            return false;
        }
    }
    return h1_chunked_plain_extensions(d) && h1_chunked_plain_take(d, "\r") && h1_chunked_plain_take(d, "\n");
}

/* What the decoder has to say of all n bytes; lines over its bounds are not for this one. */
static void
h1_chunked_check_plain(const char *p, size_t n, const struct h1_chunked_run *r)
{
    struct h1_chunked_plain d = {.p = p, .n = n, .at = 0, .bad = false};
    uint64_t size = 0;
    size_t body = 0;
    bool last = false;
    while (h1_chunked_plain_line(&d, &size)) {
        if (size == 0) {
            last = true;
            break;
        }
        size_t here = (size_t)WR_MIN(size, (uint64_t)(n - d.at));
        wr_assert(body + here <= r->body_n && memcmp(r->body + body, p + d.at, here) == 0);
        body += here;
        d.at += here;
        if (here < size || !h1_chunked_plain_take(&d, "\r") || !h1_chunked_plain_take(&d, "\n")) {
            break;
        }
    }
    wr_assert(body == r->body_n);
    wr_assert(r->verdict == (last ? WR_CHUNKED_TRAILERS : d.bad ? WR_CHUNKED_BAD : WR_CHUNKED_MORE));
    /* A BAD took the byte that was wrong; blanks that turned out wrong are not worth the arithmetic. */
    wr_assert(d.bad ? r->used > d.at && r->used <= n : r->used == (last ? d.at : n));
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
    if (size <= WR_CHUNK_LINE_BYTES) {
        h1_chunked_check_plain((const char *)data + 1, size - 1, &whole);
    }
    free(whole.body);
    return 0;
}
