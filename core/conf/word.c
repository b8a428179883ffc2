/*
 * Words of a value, quoted or not.  Inside quotes a backslash stands only in
 * \" and \\: any other is refused rather than guessed at.
 */
#include "core/conf/word.h"

size_t
wr_conf_quote_end(struct wr_str s, const char **why)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '"') {
            return i;
        }
        if (s.p[i] == '\\') {
            if (i + 1 >= s.n || (s.p[i + 1] != '"' && s.p[i + 1] != '\\')) {
                *why = "inside quotes a backslash stands only in \\\" and \\\\";
                return 0;
            }
            i++;
        }
    }
    *why = "a quote that is not closed";
    return 0;
}

bool
wr_conf_word(struct wr_pool *pool, struct wr_str *rest, struct wr_str *word)
{
    struct wr_str s = wr_str_trim(*rest);
    const char *why;

    if (s.n == 0 || s.p[0] != '"') {
        return wr_str_word(rest, word);
    }
    size_t end = wr_conf_quote_end(s, &why);

    if (end == 0) {
        *word = *rest = WR_STR_NONE;
        return false;
    }
    *rest = wr_str_make(s.p + end + 1, s.n - end - 1);
    *word = wr_str_make(s.p + 1, end - 1);
    if (wr_str_find(*word, '\\') < 0) {
        return true;
    }
    char *dst = wr_pool_alloc(pool, end);
    size_t n = 0;

    for (size_t i = 1; i < end; i++) {
        i += s.p[i] == '\\';
        dst[n++] = s.p[i];
    }
    *word = wr_str_make(dst, n);
    return true;
}
