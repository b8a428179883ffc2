/*
 * Assertions, memory that may not fail, a divisor.  Both failures are the end of the
 * process: the master starts another worker (CORE-RULES 28).
 */
#include "core/base/base.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"

void
wr_assert_failed(const char *cond, const char *file, int line, const char *func)
{
    static bool again;

    /* the log's sink may be what fails: say it once only */
    if (!again) {
        again = true;
        wr_log(WR_LOG_ALERT, "assertion failed cond=\"%s\" at=%s:%d func=%s; aborting", cond, file, line,
               func);
    }
    abort();
}

static WR_COLD WR_NORETURN void
base_out_of_memory(size_t n)
{
    wr_log(WR_LOG_ALERT, "out of memory bytes=%zu; aborting", n);
    abort();
}

void *
wr_malloc(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);

    if (wr_unlikely(p == NULL)) {
        base_out_of_memory(n);
    }
    return p;
}

void *
wr_calloc(size_t count, size_t size)
{
    void *p = count > 0 && size > 0 ? calloc(count, size) : calloc(1, 1);

    if (wr_unlikely(p == NULL)) {
        base_out_of_memory(size > 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size);
    }
    return p;
}

void *
wr_realloc(void *p, size_t n)
{
    void *moved = realloc(p, n > 0 ? n : 1);

    if (wr_unlikely(moved == NULL)) {
        base_out_of_memory(n);
    }
    return moved;
}

char *
wr_strdup(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(wr_malloc(n), s, n);
}

uint32_t
wr_gcd_of(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}
