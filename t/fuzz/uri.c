/*
 * core/proto/uri: a canonical path is a fixed point, has no dot segments and no
 * runs of slashes left, stands for the same octets as before, and is what a
 * plain normaliser makes of the path segment by segment.
 */
#include "core/proto/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
uri_within(struct wr_str part, struct wr_str all)
{
    wr_assert(part.n == 0 || (part.p >= all.p && part.n <= all.n && part.p + part.n <= all.p + all.n));
}

static bool
uri_is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static void
uri_check_bytes(struct wr_str s)
{
    static const char as_is[] = "-._~!$&'()*+,;=:@/\\";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], low = wr_lower(c);
        if (c == '%') {
            wr_assert(i + 2 < s.n && uri_is_hex(s.p[i + 1]) && uri_is_hex(s.p[i + 2]));
            i += 2;
            continue;
        }
        wr_assert((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || (c != 0 && strchr(as_is, c)));
    }
}

/* Segment by segment: none empty but the last, none of dots, also not once decoded or behind ;params. */
static void
uri_check_segments(struct wr_str s)
{
    size_t i = 0;
    while (i < s.n) {
        wr_assert(s.p[i] == '/');
        size_t end = ++i;
        while (end < s.n && s.p[end] != '/') {
            end++;
        }
        wr_assert(end > i || end == s.n);
        struct wr_str segment = wr_str_make(s.p + i, end - i);
        ptrdiff_t params = wr_str_find(segment, ';');
        segment.n = params >= 0 ? (size_t)params : segment.n;
        wr_assert(!wr_str_eq(segment, WR_STR(".")) && !wr_str_eq(segment, WR_STR("..")));
        char *decoded = malloc(segment.n + 1);
        segment = wr_str_make(decoded, wr_uri_decode(decoded, segment));
        wr_assert(!wr_str_eq(segment, WR_STR(".")) && !wr_str_eq(segment, WR_STR("..")));
        free(decoded);
        i = end;
    }
}

/* Nothing but the spelling changes where there are no dots and no runs of slashes. */
static void
uri_check_octets(struct wr_str path, struct wr_str canon)
{
    char *a = malloc(path.n), *b = malloc(canon.n);
    size_t a_n = wr_uri_decode(a, path), b_n = wr_uri_decode(b, canon);
    bool plain = true;
    for (size_t i = 1; i < a_n; i++) {
        plain = plain && !(a[i - 1] == '/' && (a[i] == '/' || a[i] == '.'));
    }
    wr_assert(!plain || wr_str_eq(wr_str_make(a, a_n), wr_str_make(b, b_n)));
    free(a);
    free(b);
}

static int
uri_plain_hex(char c)
{
    static const char digits[] = "0123456789ABCDEFabcdef";
    const char *at = c != 0 ? strchr(digits, c) : NULL;
    return at == NULL ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* One segment in its canonical spelling at dst; returns its length. */
static size_t
uri_plain_segment(struct wr_str s, char *dst)
{
    size_t d = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool escape = false;
        if (c == '%' && i + 2 < s.n && uri_plain_hex(s.p[i + 1]) >= 0 && uri_plain_hex(s.p[i + 2]) >= 0) {
            c = (char)(uri_plain_hex(s.p[i + 1]) * 16 + uri_plain_hex(s.p[i + 2]));
            escape = true;
            i += 2;
        }
        bool unreserved = (wr_lower(c) >= 'a' && wr_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
            (c != 0 && strchr("-._~", c) != NULL);
        if (unreserved || (!escape && c != 0 && strchr("!$&'()*+,;=:@\\", c) != NULL)) {
            dst[d++] = c;
        } else {
            static const char digits[] = "0123456789ABCDEF";
            dst[d++] = '%';
            dst[d++] = digits[(uint8_t)c >> 4];
            dst[d++] = digits[(uint8_t)c & 15];
        }
    }
    return d;
}

/* The whole path: dst has room for 3 * path.n + 1, starts for path.n; *flags is ABOVE_ROOT and PARAM_DOTS. */
static size_t
uri_plain_canon(struct wr_str path, char *dst, size_t *starts, uint32_t *flags)
{
    size_t depth = 0, d = 0, i = 1, end;
    bool open = true;
    *flags = 0;
    for (; i <= path.n; i = end + 1) {
        for (end = i; end < path.n && path.p[end] != '/'; end++) {
        }
        size_t n = uri_plain_segment(wr_str_make(path.p + i, end - i), dst + d + 1);
        const char *params = memchr(dst + d + 1, ';', n);
        struct wr_str name = wr_str_make(dst + d + 1, params != NULL ? (size_t)(params - dst) - d - 1 : n);
        bool two = wr_str_eq(name, WR_STR("..")), dots = two || wr_str_eq(name, WR_STR("."));
        open = dots || n == 0;
        *flags |= dots && params != NULL ? WR_URI_PARAM_DOTS : 0;
        *flags |= two && depth == 0 ? WR_URI_ABOVE_ROOT : 0;
        if (two && depth > 0) {
            d = starts[--depth];
        } else if (!open) {
            starts[depth++] = d;
            dst[d] = '/';
            d += 1 + n;
        }
    }
    if (open) {
        dst[d++] = '/';
    }
    return d;
}

static void
uri_check_plain(struct wr_str path, struct wr_str canon, uint32_t flags)
{
    char *dst = malloc(3 * path.n + 1);
    size_t *starts = malloc(path.n * sizeof(*starts));
    uint32_t plain_flags;
    size_t n = uri_plain_canon(path, dst, starts, &plain_flags);
    wr_assert(wr_str_eq(canon, wr_str_make(dst, n)));
    wr_assert((flags & (WR_URI_ABOVE_ROOT | WR_URI_PARAM_DOTS)) == plain_flags);
    free(dst);
    free(starts);
}

static void
uri_check_canon(struct wr_str path, bool escapes_ok)
{
    char *dst = malloc(3 * path.n), *again = malloc(9 * path.n);
    struct wr_str canon, twice;
    uint32_t flags, flags_twice;
    wr_uri_canon(path, dst, &canon, &flags);
    bool same = canon.p == path.p;
    wr_assert(canon.n > 0 && canon.n <= 3 * path.n && canon.p[0] == '/');
    wr_assert(same ? canon.n == path.n : !wr_str_eq(canon, path) && canon.p == dst);
    wr_assert(wr_uri_is_canon(path) == (same && flags == 0));
    uri_check_bytes(canon);
    uri_check_segments(canon);
    uri_check_plain(path, canon, flags);
    wr_uri_canon(canon, again, &twice, &flags_twice);
    wr_assert(twice.p == canon.p && twice.n == canon.n);
    wr_assert((flags_twice & ~flags) == 0);
    wr_assert((flags_twice & (WR_URI_ABOVE_ROOT | WR_URI_PARAM_DOTS)) == 0);
    if (escapes_ok) {
        uri_check_octets(path, canon);
    }
    free(dst);
    free(again);
}

static void
uri_check_target(struct wr_str target, bool connect)
{
    struct wr_uri u;
    if (!wr_uri_parse(target, connect, &u)) {
        return;
    }
    wr_assert(connect == (u.form == WR_URI_AUTHORITY));
    uri_within(u.scheme, target);
    uri_within(u.authority, target);
    uri_within(u.query, target);
    if (u.form == WR_URI_ORIGIN || u.form == WR_URI_ABSOLUTE) {
        wr_assert(u.path.n > 0 && u.path.p[0] == '/');
        uri_check_canon(u.path, true);
    }
}

static void
uri_check_host(struct wr_str s)
{
    struct wr_str host;
    uint16_t port;
    bool has_port;
    if (!wr_uri_host_port(s, &host, &port, &has_port)) {
        return;
    }
    uri_within(host, s);
    wr_assert(host.n > 0 && host.p == s.p && (has_port || port == 0));
    wr_assert(host.n == s.n || s.p[host.n] == ':');
    wr_assert(has_port == (s.n > host.n + 1));
}

static void
uri_check_query(struct wr_str s)
{
    struct wr_str rest = s, name, value;
    size_t bytes = 0;
    while (wr_uri_query_next(&rest, &name, &value)) {
        uri_within(name, s);
        uri_within(value, s);
        uri_within(rest, s);
        wr_assert(wr_str_find(name, '=') < 0 && wr_str_find(value, '&') < 0);
        bytes += name.n + value.n;
    }
    wr_assert(bytes <= s.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    memcpy(copy + 1, data, size);
    copy[0] = '/';
    struct wr_str s = wr_str_make(copy + 1, size);
    uri_check_target(s, false);
    uri_check_target(s, true);
    uri_check_host(s);
    uri_check_query(s);
    /* Also what no parser would have let through. */
    uri_check_canon(wr_str_make(copy, size + 1), false);
    free(copy);
    return 0;
}
