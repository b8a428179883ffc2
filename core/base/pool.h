/*
 * Arenas: memory that is given back as a whole.  Named by lifetime:
 * cycle->pool, c->pool, r->pool.  Blocks come from a free list of the
 * process, so a request in the steady state allocates nothing.
 *
 * One thread only: the loop's (CORE-RULES 19).
 */
#ifndef WR_BASE_POOL_H
#define WR_BASE_POOL_H

#include "core/base/str.h"

#define WR_POOL_BLOCK_BYTES 4096

struct wr_pool_block;
struct wr_pool_cleanup;

struct wr_pool {
    char *pos;
    char *end;
    struct wr_pool_block *blocks;     /* newest first */
    struct wr_pool_cleanup *cleanups; /* run newest first at reset */
    size_t used_bytes;                /* all blocks, as taken */
};

/* An empty pool that has taken no memory yet.  All zero bytes are an empty pool too. */
void wr_pool_init(struct wr_pool *pool);
/* Runs the cleanups, gives every block back; the pool is empty and usable again. */
void wr_pool_reset(struct wr_pool *pool);
/* Calls fn(arg) at the reset. */
void wr_pool_on_reset(struct wr_pool *pool, void (*fn)(void *arg), void *arg);

void *wr_pool_alloc_slow(struct wr_pool *pool, size_t n);

/* Aligned to 8 bytes (n over a block gets a block of its own); never NULL, for n = 0 neither. */
static inline void *
wr_pool_alloc(struct wr_pool *pool, size_t n)
{
    size_t need = (n + 7) & ~(size_t)7;
    /* need 0 (n is 0, or so large that it wrapped) goes the slow way too */
    if (wr_unlikely(need - 1 >= (size_t)(pool->end - pool->pos))) {
        return wr_pool_alloc_slow(pool, n);
    }
    void *p = pool->pos;
    pool->pos += need;
    return p;
}

static inline void *
wr_pool_zalloc(struct wr_pool *pool, size_t n)
{
    return memset(wr_pool_alloc(pool, n), 0, n);
}

/* A copy with a NUL after it (not counted). */
struct wr_str wr_pool_str(struct wr_pool *pool, struct wr_str s);
char *wr_pool_strdup(struct wr_pool *pool, const char *z);
struct wr_str wr_pool_printf(struct wr_pool *pool, const char *fmt, ...) WR_PRINTF(2, 3);

/* Gives the process's free blocks back to the system (an old worker that only drains). */
void wr_pool_trim(void);

#endif
