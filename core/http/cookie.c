/*
 * Finding a cookie.
 */
#include "core/http/cookie.h"

/* Takes the next "name=value" off *rest, trimmed as a whole; false when none is left. */
static bool
cookie_next(struct wr_str *rest, struct wr_str *pair)
{
    if (rest->n == 0) {
        return false;
    }
    ptrdiff_t end = wr_str_find(*rest, ';');
    size_t n = end < 0 ? rest->n : (size_t)end;
    size_t used = end < 0 ? n : n + 1;

    *pair = wr_str_trim(wr_str_make(rest->p, n));
    *rest = wr_str_make(rest->p + used, rest->n - used);
    return true;
}

/* Whether the pair's name is that one. */
static bool
cookie_is(struct wr_str pair, struct wr_str name, struct wr_str *value)
{
    if (!wr_str_starts(pair, name)) {
        return false;
    }
    struct wr_str behind = wr_str_trim(wr_str_make(pair.p + name.n, pair.n - name.n));
    if (behind.n == 0 || behind.p[0] != '=') {
        return false;
    }
    *value = wr_str_trim(wr_str_make(behind.p + 1, behind.n - 1));
    return true;
}

bool
wr_cookie_find(const struct wr_head *h, struct wr_str name, struct wr_str *value)
{
    struct wr_str pair;

    for (const struct wr_field *f = wr_head_find(h, WR_N_COOKIE); f; f = wr_head_next(h, WR_N_COOKIE, f)) {
        struct wr_str rest = f->value;
        while (cookie_next(&rest, &pair)) {
            if (cookie_is(pair, name, value)) {
                return true;
            }
        }
    }
    return false;
}
