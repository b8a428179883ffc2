/*
 * core/http/cookie: the first line is a name, each further one the value of a
 * Cookie field.  What is found is within its field, and is what a plain reader
 * finds that takes one byte after the other.
 */
#include "core/http/cookie.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wr_str
cookie_line(struct wr_str *rest)
{
    ptrdiff_t end = wr_str_find(*rest, '\n');
    size_t n = end < 0 ? rest->n : (size_t)end, used = end < 0 ? n : n + 1;
    struct wr_str line = wr_str_make(rest->p, n);
    *rest = wr_str_make(rest->p + used, rest->n - used);
    return line;
}

static bool
cookie_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One pair, s.p[from..to): its name is what stands before the first '=', without the blanks round it. */
static bool
cookie_plain_pair(struct wr_str s, size_t from, size_t to, struct wr_str name, struct wr_str *value)
{
    size_t equals = from;
    while (equals < to && s.p[equals] != '=') {
        equals++;
    }
    if (equals == to) {
        return false;
    }
    size_t end = equals, begin = equals + 1;
    while (from < end && cookie_blank(s.p[from])) {
        from++;
    }
    while (end > from && cookie_blank(s.p[end - 1])) {
        end--;
    }
    while (begin < to && cookie_blank(s.p[begin])) {
        begin++;
    }
    while (to > begin && cookie_blank(s.p[to - 1])) {
        to--;
    }
    *value = wr_str_make(s.p + begin, to - begin);
    return wr_str_eq(wr_str_make(s.p + from, end - from), name);
}

static bool
cookie_plain(const struct wr_head *h, struct wr_str name, struct wr_str *value)
{
    for (uint32_t k = 0; k < h->n; k++) {
        struct wr_str s = h->fields[k].value;
        for (size_t from = 0, to; from < s.n; from = to + 1) {
            for (to = from; to < s.n && s.p[to] != ';'; to++) {
            }
            if (cookie_plain_pair(s, from, to, name, value)) {
                return true;
            }
        }
    }
    return false;
}

static void
cookie_check_within(const struct wr_head *h, struct wr_str value)
{
    for (uint32_t k = 0; k < h->n; k++) {
        struct wr_str s = h->fields[k].value;
        if (value.p >= s.p && value.p + value.n <= s.p + s.n) {
            return;
        }
    }
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_pool pool = {0};
    struct wr_head h = {0};
    struct wr_str rest = wr_str_make((const char *)data, size), name = cookie_line(&rest), value, plain;
    /* The names that a configuration may have: tokens, so without blanks, '=' and ';', and not empty. */
    for (size_t i = 0; i < name.n; i++) {
        if (cookie_blank(name.p[i]) || name.p[i] == '=' || name.p[i] == ';') {
            return 0;
        }
    }
    if (name.n == 0) {
        return 0;
    }
    while (rest.n > 0) {
        struct wr_str line = cookie_line(&rest);
        char *exact = wr_pool_alloc(&pool, line.n);
        memcpy(exact, line.p, line.n);
        wr_head_add(&h, &pool, WR_N_COOKIE, WR_STR_NONE, wr_str_make(exact, line.n));
    }
    bool found = wr_cookie_find(&h, name, &value);
    if (found != cookie_plain(&h, name, &plain)) {
        abort();
    }
    if (found) {
        cookie_check_within(&h, value);
        if (value.n != plain.n || memcmp(value.p, plain.p, plain.n) != 0) {
            abort();
        }
    }
    wr_pool_reset(&pool);
    return 0;
}
