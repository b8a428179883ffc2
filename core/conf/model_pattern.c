/*
 * Patterns of paths.  Routing compares canonical paths (core/proto/uri), so a
 * pattern has to be written canonically; one that is not would match nothing.
 * It refuses to normalise: it says how the pattern is written.
 */
#include "core/conf/model_build.h"

static bool
model_pattern_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_' || c == '~';
}

/* What stands in a canonical path as it is. */
static bool
model_pattern_plain(unsigned char c)
{
    return model_pattern_unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=:@/", c) != NULL);
}

static int
model_pattern_hex(char c)
{
    c = wr_lower(c);
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape at s.p[i] stands for; -1: it is none. */
static int
model_pattern_escape(struct wr_str s, size_t i)
{
    int high = i + 2 < s.n ? model_pattern_hex(s.p[i + 1]) : -1;
    int low = i + 2 < s.n ? model_pattern_hex(s.p[i + 2]) : -1;

    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The pattern with each byte written canonically; empty when an escape is malformed. */
static struct wr_str
model_pattern_rewrite(struct wr_pool *pool, struct wr_str s)
{
    static const char digits[] = "0123456789ABCDEF";
    char *dst = wr_pool_alloc(pool, s.n * 3 + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool escape = c == '%';
        if (escape) {
            int byte = model_pattern_escape(s, i);
            if (byte < 0) {
                return WR_STR_NONE;
            }
            c = (unsigned char)byte;
            i += 2;
        }
        if (escape ? model_pattern_unreserved(c) : model_pattern_plain(c)) {
            dst[n++] = (char)c;
        } else {
            dst[n++] = '%';
            dst[n++] = digits[c >> 4];
            dst[n++] = digits[c & 15];
        }
    }
    dst[n] = '\0';
    return wr_str_make(dst, n);
}

/* Segments that a canonical path cannot have. */
static const char *
model_pattern_segments_fault(struct wr_str s)
{
    size_t start = 1;

    for (size_t i = 1; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '/') {
            continue;
        }
        struct wr_str seg = wr_str_make(s.p + start, i - start);
        ptrdiff_t params = wr_str_find(seg, ';');
        if (params >= 0) {
            seg.n = (size_t)params;
        }
        if (seg.n == 0 && params < 0 && i < s.n) {
            return "an empty segment (\"//\"): paths are compared with such slashes merged";
        }
        if (wr_str_eq(seg, WR_STR(".")) || wr_str_eq(seg, WR_STR(".."))) {
            return "a \".\" or \"..\" segment: paths are compared without";
        }
        start = i + 1;
    }
    return NULL;
}

static const char *
model_pattern_fault(struct wr_pool *pool, struct wr_str pattern, struct wr_str path)
{
    if (pattern.n == 0 || pattern.p[0] != '/') {
        return "a path begins with \"/\"";
    }
    if (wr_str_find(path, '*') >= 0) {
        return "\"*\" stands only as \"/*\" at the end";
    }
    if (wr_str_find(path, '?') >= 0) {
        return "a query is no part of a path (see if.query)";
    }
    struct wr_str canon = model_pattern_rewrite(pool, pattern);

    if (canon.n == 0) {
        return "\"%\" needs two hexadecimal digits";
    }
    /* the last segment of an exact path may be empty ("/a/"), that in front of a final asterisk not */
    const char *why = model_pattern_segments_fault(path.n < pattern.n ? pattern : path);

    if (why) {
        return why;
    }
    if (!wr_str_eq(canon, pattern)) {
        return wr_pool_printf(pool, "paths are compared in their canonical form; did you mean \"%.*s\"?",
                              WR_STR_ARG(canon))
            .p;
    }
    return NULL;
}

bool
wr_conf_model_pattern(struct wr_model_build *mb, struct wr_str pattern, struct wr_place place,
                      struct wr_str *path, bool *prefix)
{
    *prefix = wr_str_ends(pattern, WR_STR("/*"));
    *path = *prefix ? wr_str_make(pattern.p, pattern.n - 2) : pattern;
    const char *why = model_pattern_fault(mb->pool, pattern, *path);

    if (why) {
        wr_conf_error(mb->cf, place, "the path \"%s\": %s", wr_conf_shown(mb->pool, pattern), why);
        return false;
    }
    return true;
}
