/* core/base/pool: arenas, their blocks and cleanups. */
#include "core/base/pool.h"

#include "t/unit/tap.h"

static void
pool_test_alloc(void)
{
    struct wr_pool pool = {0};
    bool aligned = true;
    bool whole = true;
    unsigned char *all[400];

    tap_ok(wr_pool_alloc(&pool, 0) != NULL, "nothing of an empty pool is not NULL");
    tap_ok(wr_pool_zalloc(&pool, 0) != NULL, "neither zeroed");
    for (unsigned i = 0; i < WR_ARRAY_LEN(all); i++) {
        size_t n = i * 7 % 300 + (i % 97 == 0 ? 5000 : 0);
        all[i] = wr_pool_alloc(&pool, n);
        aligned = aligned && (uintptr_t)all[i] % 8 == 0;
        memset(all[i], (int)i, n);
    }
    for (unsigned i = 0; i < WR_ARRAY_LEN(all); i++) {
        size_t n = i * 7 % 300 + (i % 97 == 0 ? 5000 : 0);
        for (size_t at = 0; at < n; at++) {
            whole = whole && all[i][at] == (unsigned char)i;
        }
    }
    tap_ok(aligned, "every piece is aligned to 8");
    tap_ok(whole, "no two pieces overlap");
    tap_ok(pool.used_bytes > 400 * 120, "used_bytes counts what was taken");
    wr_pool_reset(&pool);
    tap_is_int(pool.used_bytes, 0, "nothing after the reset");
    unsigned char *zeros = wr_pool_zalloc(&pool, 3000);
    bool zeroed = true;
    for (unsigned i = 0; i < 3000; i++) {
        zeroed = zeroed && zeros[i] == 0;
    }
    tap_ok(zeroed, "zalloc gives zeros of a used block");
    wr_pool_reset(&pool);
}

#ifndef WR_SANITIZE
static void
pool_test_blocks(void)
{
    struct wr_pool pool;
    struct wr_pool other;

    wr_pool_init(&pool);
    wr_pool_init(&other);
    char *first = wr_pool_alloc(&pool, 16);
    tap_is_int(pool.used_bytes, WR_POOL_BLOCK_BYTES, "one block is taken");
    wr_pool_reset(&pool);
    tap_ok((char *)wr_pool_alloc(&other, 16) == first, "the block given back last is taken first");
    char *before = other.pos;
    wr_pool_alloc(&other, 100000);
    tap_ok(other.pos == before, "a large piece leaves the block in use alone");
    tap_ok(other.used_bytes >= WR_POOL_BLOCK_BYTES + 100000, "and is counted");
    wr_pool_alloc(&other, (size_t)(other.end - other.pos));
    tap_ok(other.pos == other.end, "a block can be used to its last byte");
    wr_pool_reset(&other);
}

static void
pool_test_most(void)
{
    struct wr_pool pool = {0};

    for (unsigned i = 0; i < 1500; i++) {
        wr_pool_alloc(&pool, 4000);
    }
    tap_is_int(pool.used_bytes, 1500 * WR_POOL_BLOCK_BYTES, "1500 blocks");
    wr_pool_reset(&pool);
    wr_pool_trim();
    tap_ok(wr_pool_alloc(&pool, 8) != NULL, "a pool after a trim");
    wr_pool_reset(&pool);
}
#else
static void
pool_test_blocks(void)
{
    tap_note("with WR_SANITIZE there are no shared blocks");
}

static void
pool_test_most(void)
{
}
#endif

struct pool_trace {
    struct wr_pool *pool;
    char text[16];
    size_t n;
};

static void
pool_cleanup_a(void *arg)
{
    struct pool_trace *trace = arg;

    trace->text[trace->n++] = 'a';
}

static void
pool_cleanup_b(void *arg)
{
    struct pool_trace *trace = arg;

    trace->text[trace->n++] = 'b';
    wr_pool_alloc(trace->pool, 10000);
    wr_pool_on_reset(trace->pool, pool_cleanup_a, trace);
}

static void
pool_test_cleanups(void)
{
    struct wr_pool pool = {0};
    struct pool_trace trace = {.pool = &pool};

    wr_pool_on_reset(&pool, pool_cleanup_a, &trace);
    wr_pool_on_reset(&pool, pool_cleanup_b, &trace);
    wr_pool_reset(&pool);
    tap_is_str(trace.text, "baa", "newest first; one registered by a cleanup runs too");
    wr_pool_reset(&pool);
    tap_is_int(trace.n, 3, "each once");
}

static void
pool_test_text(void)
{
    struct wr_pool pool = {0};
    struct wr_str s = wr_pool_str(&pool, WR_STR("a\0b"));

    tap_is_mem(s.p, s.n + 1, "a\0b", 4, "a copy with a NUL behind it");
    s = wr_pool_str(&pool, WR_STR_NONE);
    tap_ok(s.n == 0 && s.p != NULL && s.p[0] == '\0', "a copy of nothing");
    tap_is_str(wr_pool_strdup(&pool, "weir"), "weir", "strdup");
    s = wr_pool_printf(&pool, "%s=%d", "n", 42);
    tap_is_mem(s.p, s.n + 1, "n=42", 5, "printf");
    s = wr_pool_printf(&pool, "%9000d", 1);
    tap_ok(s.n == 9000 && s.p[8999] == '1' && s.p[9000] == '\0', "printf beyond a block");
    wr_pool_reset(&pool);
}

int
main(void)
{
    pool_test_alloc();
    pool_test_blocks();
    pool_test_most();
    pool_test_cleanups();
    pool_test_text();
    return tap_done();
}
