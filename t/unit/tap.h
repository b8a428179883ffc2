/*
 * TAP for the unit tests.  A test is a program: it calls tap_ok and its kin,
 * and ends with `return tap_done();`, which prints the plan.  A program that
 * dies before that has no plan and fails; so does one that tests nothing.
 *
 *     tap_ok(n < 3, "at most two of %s", what);
 *     tap_is_int(wr_answer(), 42, "the answer");
 *     tap_is_str(text, "abc", "the text");
 */
#ifndef WR_UNIT_TAP_H
#define WR_UNIT_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct tap_state {
    unsigned run;
    unsigned failed;
};

static struct tap_state tap_state;

/* Bytes as one line of diagnostics: what is not printable as \xNN. */
static inline void
tap_print_bytes(const char *what, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    printf("#   %s: ", what);
    if (!p) {
        printf("NULL\n");
        return;
    }
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '\\')
            printf("\\x%02x", p[i]);
        else
            putchar(p[i]);
    }
    printf("\" (%zu bytes)\n", n);
}

/* One line of the result; a name holds no line break.  Returns ok. */
__attribute__((format(printf, 4, 0))) static inline bool
tap_result(bool ok, const char *file, int line, const char *fmt, va_list args)
{
    tap_state.run++;
    printf("%s %u - ", ok ? "ok" : "not ok", tap_state.run);
    vprintf(fmt, args);
    putchar('\n');
    if (!ok) {
        tap_state.failed++;
        printf("#   at %s:%d\n", file, line);
    }
    fflush(stdout);
    return ok;
}

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok_at(bool ok, const char *file, int line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tap_result(ok, file, line, fmt, args);
    va_end(args);
    return ok;
}

__attribute__((format(printf, 5, 6))) static inline bool
tap_is_int_at(long long got, long long want, const char *file, int line, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tap_result(got == want, file, line, fmt, args);
    va_end(args);
    if (got != want) {
        printf("#   got: %lld\n#   want: %lld\n", got, want);
        fflush(stdout);
    }
    return got == want;
}

__attribute__((format(printf, 7, 0))) static inline bool
tap_is_mem_va(const void *got, size_t got_n, const void *want, size_t want_n, const char *file, int line,
              const char *fmt, va_list args)
{
    bool ok = got_n == want_n && !got == !want && (got_n == 0 || memcmp(got, want, got_n) == 0);

    tap_result(ok, file, line, fmt, args);
    if (!ok) {
        tap_print_bytes("got", got, got_n);
        tap_print_bytes("want", want, want_n);
        fflush(stdout);
    }
    return ok;
}

__attribute__((format(printf, 7, 8))) static inline bool
tap_is_mem_at(const void *got, size_t got_n, const void *want, size_t want_n, const char *file, int line,
              const char *fmt, ...)
{
    va_list args;
    bool ok;

    va_start(args, fmt);
    ok = tap_is_mem_va(got, got_n, want, want_n, file, line, fmt, args);
    va_end(args);
    return ok;
}

/* Strings that end in a zero byte; NULL equals NULL only. */
__attribute__((format(printf, 5, 6))) static inline bool
tap_is_str_at(const char *got, const char *want, const char *file, int line, const char *fmt, ...)
{
    va_list args;
    bool ok;

    va_start(args, fmt);
    ok = tap_is_mem_va(got, got ? strlen(got) : 0, want, want ? strlen(want) : 0, file, line, fmt, args);
    va_end(args);
    return ok;
}

/* The result of the whole program, for main to return. */
static inline int
tap_done(void)
{
    if (tap_state.run == 0)
        tap_ok_at(false, __FILE__, __LINE__, "a test that tests something");
    printf("1..%u\n", tap_state.run);
    fflush(stdout);
    return tap_state.failed ? 1 : 0;
}

/* A line for whoever reads the output. */
#define tap_note(...) (printf("# " __VA_ARGS__), putchar('\n'), fflush(stdout))

/* All return whether the test passed; after what is compared comes its name, as for printf. */
#define tap_ok(cond, ...) tap_ok_at((cond), __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_int(got, want, ...)                                                                           \
    tap_is_int_at((long long)(got), (long long)(want), __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_mem(got, got_n, want, want_n, ...)                                                            \
    tap_is_mem_at((got), (got_n), (want), (want_n), __FILE__, __LINE__, __VA_ARGS__)

#define tap_is_str(got, want, ...) tap_is_str_at((got), (want), __FILE__, __LINE__, __VA_ARGS__)

#endif
