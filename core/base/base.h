/*
 * The few words that every file uses: compiler attributes, assertions, sizes.
 * It refuses to hold anything with state.
 */
#ifndef WR_BASE_BASE_H
#define WR_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With AddressSanitizer arenas and buffers keep nothing for reuse: it sees every access that is wrong. */
#ifndef WR_SANITIZE
#ifdef __SANITIZE_ADDRESS__
#define WR_SANITIZE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WR_SANITIZE
#endif
#endif
#endif

#define WR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WR_NORETURN __attribute__((noreturn))
#define WR_COLD __attribute__((cold, noinline))
#define WR_UNUSED __attribute__((unused))
#define wr_likely(x) __builtin_expect(!!(x), 1)
#define wr_unlikely(x) __builtin_expect(!!(x), 0)

#define WR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define WR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define WR_MAX(a, b) ((a) > (b) ? (a) : (b))

/* The object of type `type` whose member `member` is at `ptr`. */
#define wr_container(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/*
 * An invariant of weir's own; never something that a peer can cause.  Stays
 * on in production: one worker dies, the master forks another (CORE-RULES 28).
 */
#define wr_assert(cond) (wr_likely(cond) ? (void)0 : wr_assert_failed(#cond, __FILE__, __LINE__, __func__))

WR_NORETURN WR_COLD void wr_assert_failed(const char *cond, const char *file, int line, const char *func);

/* Memory for the life of the process or an owner; never NULL: out of memory is an alert and the end. */
void *wr_malloc(size_t n);
void *wr_calloc(size_t count, size_t size);
void *wr_realloc(void *p, size_t n);
char *wr_strdup(const char *s);

/* The greatest common divisor; of 0 and x it is x. */
uint32_t wr_gcd_of(uint32_t a, uint32_t b);

/* What the answer of a read or write in the event ring can be. */
enum wr_io { WR_IO_OK, WR_IO_AGAIN, WR_IO_EOF, WR_IO_ERR };

/* What a phase handler says: nothing to say, parked until woken, response decided. */
enum wr_step { WR_NEXT, WR_WAIT, WR_DONE };

#endif
