/*
 * core/upstream/probe_answer: the verdict on an answer does not depend on the
 * pieces that it comes in, and good is only what holds the text.  The first
 * byte of the input seeds the sizes of the pieces and says whether a text is
 * looked for.
 */
#include "core/upstream/probe_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces of random sizes; seed 0: in one. */
static enum wr_probe_verdict
probe_answer_go(struct wr_probe_answer *a, const char *p, size_t n, uint32_t seed)
{
    bool whole = seed == 0;
    enum wr_probe_verdict v = WR_PROBE_MORE;
    size_t at = 0, there = 0;

    while (v == WR_PROBE_MORE && there < n) {
        size_t used;
        seed = seed * 1103515245 + 12345;
        size_t most = 1 + (seed >> 16) % (1 + (seed >> 28) * 16);
        there = whole || n - there < most ? n : there + most;
        char *copy = malloc(there - at);
        memcpy(copy, p + at, there - at);
        v = wr_probe_answer_take(a, copy, there - at, &used);
        free(copy);
        wr_assert(used <= there - at);
        at += used;
        wr_assert(v != WR_PROBE_MORE ||
                  (a->state == WR_PROBE_HEAD ? there - at < WR_PROBE_HEAD_BYTES : there == at));
        wr_assert(a->searched <= WR_PROBE_BODY_BYTES && a->matched <= a->text->text.n);
    }
    return v == WR_PROBE_MORE ? wr_probe_answer_end(a, p + at, n - at) : v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct wr_health_expect expect = {.range = {{200, 399}}, .n = 1};
    struct wr_probe_answer whole, pieces;
    struct wr_probe_text text;

    if (size == 0) {
        return 0;
    }
    const char *p = (const char *)data + 1;
    size_t n = size - 1;
    wr_probe_text_init(&text, data[0] & 1 ? WR_STR("ab\nabc") : WR_STR_NONE);
    wr_probe_answer_init(&whole, &expect, &text);
    wr_probe_answer_init(&pieces, &expect, &text);
    enum wr_probe_verdict v = probe_answer_go(&whole, p, n, 0);
    wr_assert(v != WR_PROBE_MORE && v == probe_answer_go(&pieces, p, n, data[0] | 256u));
    wr_assert(strcmp(whole.why, pieces.why) == 0 && (whole.why[0] == '\0') == (v == WR_PROBE_GOOD));
    wr_assert(v != WR_PROBE_GOOD || memmem(p, n, "HTTP/1.", 7) != NULL);
    wr_assert(v != WR_PROBE_GOOD || text.text.n == 0 || memmem(p, n, "abc", 3) != NULL ||
              memmem(p, n, "chunked", 7) != NULL || whole.state == WR_PROBE_CHUNKED);
    return 0;
}
