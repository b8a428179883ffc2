/*
 * Arenas over blocks from a free list of the process.  It refuses to free or
 * to grow a single piece.
 *
 * Built with WR_SANITIZE every piece is a malloc of its own, so that
 * AddressSanitizer sees a byte too far and a use after the reset; with
 * WR_DEBUG blocks are filled with 0xa5 when given back and when new.
 */
#include "core/base/pool.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define POOL_FREE_MOST 1024 /* blocks kept: 4 MiB a process */
#define POOL_POISON 0xa5

struct wr_pool_block {
    struct wr_pool_block *next;
    size_t bytes; /* with this header */
};

struct wr_pool_cleanup {
    struct wr_pool_cleanup *next;
    void (*fn)(void *arg);
    void *arg;
};

#define POOL_BLOCK_ROOM (WR_POOL_BLOCK_BYTES - sizeof(struct wr_pool_block))

static struct wr_pool_block *pool_free;
static size_t pool_free_count;

void
wr_pool_init(struct wr_pool *pool)
{
    memset(pool, 0, sizeof(*pool));
}

static void
pool_poison(struct wr_pool_block *block)
{
#ifdef WR_DEBUG
    memset(block + 1, POOL_POISON, block->bytes - sizeof(*block));
#else
    (void)block;
#endif
}

static struct wr_pool_block *
pool_block_new(size_t bytes)
{
    struct wr_pool_block *block = wr_malloc(bytes);

    block->bytes = bytes;
    pool_poison(block);
    return block;
}

/* A block with room for n: from the free list where n fits an ordinary one. */
static struct wr_pool_block *
pool_block_take(size_t n)
{
    struct wr_pool_block *block = pool_free;

    if (n > POOL_BLOCK_ROOM) {
        return pool_block_new(sizeof(*block) + n);
    }
#ifdef WR_SANITIZE
    return pool_block_new(sizeof(*block) + n);
#endif
    if (block == NULL) {
        return pool_block_new(WR_POOL_BLOCK_BYTES);
    }
    pool_free = block->next;
    pool_free_count--;
    return block;
}

static void
pool_block_give(struct wr_pool_block *block)
{
    if (block->bytes != WR_POOL_BLOCK_BYTES || pool_free_count >= POOL_FREE_MOST) {
        free(block);
        return;
    }
#ifdef WR_SANITIZE
    free(block);
    return;
#endif
    pool_poison(block);
    block->next = pool_free;
    pool_free = block;
    pool_free_count++;
}

void *
wr_pool_alloc_slow(struct wr_pool *pool, size_t n)
{
    wr_assert(n <= PTRDIFF_MAX / 2);
    if (n == 0 && pool->end - pool->pos >= 8) {
        /* nothing asked for is still a place of its own, not a block */
        pool->pos += 8;
        return pool->pos - 8;
    }
    n = n > 0 ? (n + 7) & ~(size_t)7 : 8;

    struct wr_pool_block *block = pool_block_take(n);
    char *p = (char *)(block + 1);
    char *end = (char *)block + block->bytes;

    block->next = pool->blocks;
    pool->blocks = block;
    pool->used_bytes += block->bytes;
    /* go on in the block that has more left */
    if (end - (p + n) > pool->end - pool->pos) {
        pool->pos = p + n;
        pool->end = end;
    }
    return p;
}

void
wr_pool_on_reset(struct wr_pool *pool, void (*fn)(void *arg), void *arg)
{
    struct wr_pool_cleanup *cleanup = wr_pool_alloc(pool, sizeof(*cleanup));

    cleanup->fn = fn;
    cleanup->arg = arg;
    cleanup->next = pool->cleanups;
    pool->cleanups = cleanup;
}

void
wr_pool_reset(struct wr_pool *pool)
{
    /* taken off one by one: a cleanup may use the pool and register another */
    while (pool->cleanups != NULL) {
        struct wr_pool_cleanup *cleanup = pool->cleanups;
        pool->cleanups = cleanup->next;
        cleanup->fn(cleanup->arg);
    }
    struct wr_pool_block *block = pool->blocks;
    wr_pool_init(pool);
    while (block != NULL) {
        struct wr_pool_block *next = block->next;
        pool_block_give(block);
        block = next;
    }
}

struct wr_str
wr_pool_str(struct wr_pool *pool, struct wr_str s)
{
    char *p = wr_pool_alloc(pool, s.n + 1);

    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    p[s.n] = '\0';
    return wr_str_make(p, s.n);
}

char *
wr_pool_strdup(struct wr_pool *pool, const char *z)
{
    size_t n = strlen(z) + 1;

    return memcpy(wr_pool_alloc(pool, n), z, n);
}

struct wr_str
wr_pool_printf(struct wr_pool *pool, const char *fmt, ...)
{
    va_list args;
    va_list again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    wr_assert(n >= 0);
    char *p = wr_pool_alloc(pool, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return wr_str_make(p, (size_t)n);
}

void
wr_pool_trim(void)
{
    while (pool_free != NULL) {
        struct wr_pool_block *block = pool_free;
        pool_free = block->next;
        free(block);
    }
    pool_free_count = 0;
    malloc_trim(0);
}
