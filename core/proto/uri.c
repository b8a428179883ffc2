/*
 * The one normaliser of request targets.  Refuses to guess: what servers might
 * read in different ways is flagged, never silently made to mean one thing.
 *
 * Every rule for a path is here once, in one pass: an escape is decoded at
 * most once, then segments are judged, so "%2e%2e" is ".." and "%252e" is not.
 * The result is a fixed point: the canonical path of a canonical path is
 * itself, which the fuzz target asserts.
 */
#include "core/proto/uri.h"

#include "core/base/net.h"
#include "core/proto/h1_scan.h"

/* What a byte may be part of (RFC 3986 2 and 3.3). */
#define URI_UNRESERVED 1
#define URI_SUB_DELIM 2
#define URI_PATH 4  /* stands in a canonical path as it is: unreserved, sub-delims, ':', '@', '/', and '\' */
#define URI_PLAIN 8 /* as PATH, but nothing that needs a closer look: no '\' and no '/' */
#define URI_DIGIT 16

#define URI_U (URI_UNRESERVED | URI_PATH | URI_PLAIN)
#define URI_S (URI_SUB_DELIM | URI_PATH | URI_PLAIN)

static const uint8_t uri_class[256] = {
    ['!'] = URI_S,
    ['$'] = URI_S,
    ['&' ... ','] = URI_S,
    ['-' ... '.'] = URI_U,
    ['/'] = URI_PATH,
    ['0' ... '9'] = URI_U | URI_DIGIT,
    [':'] = URI_PATH | URI_PLAIN,
    [';'] = URI_S,
    ['='] = URI_S,
    ['@'] = URI_PATH | URI_PLAIN,
    ['A' ... 'Z'] = URI_U,
    ['\\'] = URI_PATH,
    ['_'] = URI_U,
    ['a' ... 'z'] = URI_U,
    ['~'] = URI_U,
};

static inline bool
uri_is(char c, uint8_t class)
{
    return (uri_class[(uint8_t)c] & class) != 0;
}

static inline int
uri_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = wr_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The octet of an escape whose '%' is at p, or -1. */
static inline int
uri_escape_octet(const char *p, const char *end)
{
    if (end - p < 3) {
        return -1;
    }
    int high = uri_hex(p[1]), low = uri_hex(p[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* No control, space, DEL or '#' in s, which is not empty. */
static bool
uri_bytes_ok(struct wr_str s)
{
    return wr_scan_until(s.p, s.p, s.p + s.n, WR_SCAN_TARGET) == s.p + s.n;
}

static bool
uri_escapes_ok(struct wr_str s)
{
    const char *p = s.p, *end = s.p + s.n;
    while ((p = memchr(p, '%', (size_t)(end - p))) != NULL) {
        if (uri_escape_octet(p, end) < 0) {
            return false;
        }
        p += 3;
    }
    return true;
}

/* Takes path and query off [p, end). */
static bool
uri_split_path(const char *p, const char *end, struct wr_uri *u)
{
    const char *mark = memchr(p, '?', (size_t)(end - p));
    u->path = wr_str_make(p, (size_t)((mark ? mark : end) - p));
    u->has_query = mark != NULL;
    u->query = mark ? wr_str_make(mark + 1, (size_t)(end - mark - 1)) : wr_str_make(end, 0);
    return uri_escapes_ok(u->path);
}

static bool
uri_parse_authority(struct wr_str target, struct wr_uri *u)
{
    struct wr_str host;
    uint16_t port;
    bool has_port;
    u->form = WR_URI_AUTHORITY;
    u->authority = target;
    return wr_uri_host_port(target, &host, &port, &has_port) && has_port && port != 0;
}

static bool
uri_parse_absolute(struct wr_str target, struct wr_uri *u)
{
    struct wr_str host;
    uint16_t port;
    bool has_port;
    const char *end = target.p + target.n, *colon = memchr(target.p, ':', target.n);
    if (colon == NULL || end - colon < 3 || memcmp(colon, "://", 3) != 0) {
        return false;
    }
    u->form = WR_URI_ABSOLUTE;
    u->scheme = wr_str_make(target.p, (size_t)(colon - target.p));
    if (!wr_str_ieq(u->scheme, WR_STR("http")) && !wr_str_ieq(u->scheme, WR_STR("https"))) {
        return false;
    }
    const char *host_end = colon + 3;
    while (host_end < end && *host_end != '/' && *host_end != '?') {
        host_end++;
    }
    u->authority = wr_str_make(colon + 3, (size_t)(host_end - colon - 3));
    if (!wr_uri_host_port(u->authority, &host, &port, &has_port)) {
        return false;
    }
    bool ok = uri_split_path(host_end, end, u);
    if (u->path.n == 0) {
        u->path = WR_STR("/");
    }
    return ok;
}

bool
wr_uri_parse(struct wr_str target, bool connect, struct wr_uri *u)
{
    memset(u, 0, sizeof(*u));
    if (target.n == 0 || !uri_bytes_ok(target)) {
        return false;
    }
    if (connect) {
        return uri_parse_authority(target, u);
    }
    if (target.p[0] == '/') {
        u->form = WR_URI_ORIGIN;
        return uri_split_path(target.p, target.p + target.n, u);
    }
    if (target.n == 1 && target.p[0] == '*') {
        u->form = WR_URI_ASTERISK;
        u->path = wr_str_make(target.p, 0);
        u->query = u->path;
        return true;
    }
    return uri_parse_absolute(target, u);
}

/*
 * What has been made of a path.  As long as that is what the input begins
 * with, nothing is written; the first difference copies what was equal.
 */
struct uri_out {
    const char *in;
    size_t in_n;
    char *dst; /* NULL: only asks whether there is a difference */
    size_t n;
    bool same;
};

static inline void
uri_put(struct uri_out *o, char c)
{
    if (o->same) {
        if (o->n < o->in_n && o->in[o->n] == c) {
            o->n++;
            return;
        }
        o->same = false;
        if (o->dst != NULL) {
            memcpy(o->dst, o->in, o->n);
        }
    }
    if (o->dst != NULL) {
        o->dst[o->n] = c;
    }
    o->n++;
}

static void
uri_put_escape(struct uri_out *o, uint8_t octet)
{
    static const char digits[] = "0123456789ABCDEF";
    uri_put(o, '%');
    uri_put(o, digits[octet >> 4]);
    uri_put(o, digits[octet & 15]);
}

/* Decoding UTF-8 (RFC 3629), one octet at a time: what the next one must be within. */
struct uri_utf8 {
    uint8_t need;
    uint8_t low;
    uint8_t high;
};

static bool
uri_utf8_lead(struct uri_utf8 *u, uint8_t octet)
{
    u->low = 0x80;
    u->high = 0xbf;
    if (octet >= 0xc2 && octet <= 0xdf) {
        u->need = 1;
    } else if (octet >= 0xe0 && octet <= 0xef) {
        u->need = 2;
        u->low = octet == 0xe0 ? 0xa0 : 0x80;  /* below: overlong */
        u->high = octet == 0xed ? 0x9f : 0xbf; /* above: surrogates */
    } else if (octet >= 0xf0 && octet <= 0xf4) {
        u->need = 3;
        u->low = octet == 0xf0 ? 0x90 : 0x80;
        u->high = octet == 0xf4 ? 0x8f : 0xbf; /* above: beyond U+10FFFF */
    } else {
        return octet < 0x80;
    }
    return true;
}

/* False when the octet cannot stand where it does. */
static inline bool
uri_utf8_octet(struct uri_utf8 *u, uint8_t octet)
{
    if (wr_likely(u->need == 0)) {
        return octet < 0x80 || uri_utf8_lead(u, octet);
    }
    if (octet < u->low || octet > u->high) {
        u->need = 0;
        return false;
    }
    u->need--;
    u->low = 0x80;
    u->high = 0xbf;
    return true;
}

/* Of an octet that stands in a segment, so a slash was an escape. */
static uint32_t
uri_octet_flags(uint8_t octet)
{
    switch (octet) {
    case '/':
        return WR_URI_ENC_SLASH;
    case '\\':
        return WR_URI_ENC_BACKSLASH;
    case 0:
        return WR_URI_ENC_NUL;
    default:
        return octet < 0x20 || octet == 0x7f ? WR_URI_ENC_CONTROL : 0;
    }
}

/* Puts one segment, from p to the next '/' or the end, which is returned. */
static const char *
uri_segment(const char *p, const char *end, struct uri_out *o, uint32_t *flags)
{
    struct uri_utf8 utf8 = {0, 0, 0};
    while (p < end && *p != '/') {
        uint8_t octet = (uint8_t)*p;
        bool escaped = false;
        size_t taken = 1;
        if (octet == '%') {
            int decoded = uri_escape_octet(p, end);
            escaped = decoded >= 0;
            octet = (uint8_t)(escaped ? decoded : '%'); /* a lone % becomes %25 */
            taken = escaped ? 3 : 1;
        }
        if (!uri_utf8_octet(&utf8, octet)) {
            *flags |= WR_URI_BAD_UTF8;
        }
        *flags |= octet == '\\' && !escaped ? WR_URI_BACKSLASH : uri_octet_flags(octet);
        if (uri_is((char)octet, escaped ? URI_UNRESERVED : URI_PATH)) {
            uri_put(o, (char)octet);
        } else {
            uri_put_escape(o, octet);
        }
        p += taken;
    }
    if (utf8.need != 0) {
        *flags |= WR_URI_BAD_UTF8;
    }
    return p;
}

/* 1 or 2 when the segment out[0..n) is "." or "..", perhaps with ;params; else 0. */
static unsigned
uri_dots(const char *out, size_t n, bool *params)
{
    unsigned dots = 0;
    while (dots < n && dots < 3 && out[dots] == '.') {
        dots++;
    }
    *params = dots < n;
    if (dots > 2 || (dots < n && out[dots] != ';')) {
        return 0;
    }
    return dots;
}

/* Takes a dot segment, which begins at `segment`, back; for ".." also the segment before it. */
static void
uri_drop(struct uri_out *o, const char *out, size_t segment, unsigned dots, uint32_t *flags)
{
    o->n = segment;
    if (dots == 1) {
        return;
    }
    if (segment == 1) {
        *flags |= WR_URI_ABOVE_ROOT;
        return;
    }
    o->n--;
    while (out[o->n - 1] != '/') {
        o->n--;
    }
}

/* One pass over the path.  With dst NULL it ends at the first difference. */
static void
uri_run(struct uri_out *o, uint32_t *flags)
{
    const char *p = o->in, *end = o->in + o->in_n;
    while (p < end) {
        while (p < end && *p == '/') {
            p++;
        }
        const char *out = o->same ? o->in : o->dst;
        if (o->n == 0 || out[o->n - 1] != '/') {
            uri_put(o, '/');
        }
        size_t segment = o->n;
        p = uri_segment(p, end, o, flags);
        if (!o->same && o->dst == NULL) {
            return;
        }
        out = o->same ? o->in : o->dst;
        bool params;
        unsigned dots = uri_dots(out + segment, o->n - segment, &params);
        if (dots != 0) {
            *flags |= params ? WR_URI_PARAM_DOTS : 0;
            uri_drop(o, out, segment, dots, flags);
        }
    }
}

static inline bool
uri_is_plain_bytewise(struct wr_str path)
{
    char before = 0;
    for (size_t i = 0; i < path.n; i++) {
        char c = path.p[i];
        if (wr_unlikely(!uri_is(c, URI_PLAIN)) && c != '/') {
            return false;
        }
        if (before == '/' && (c == '/' || c == '.')) {
            return false;
        }
        before = c;
    }
    return true;
}

#if defined(__SSE2__)
static inline __m128i
uri_between(__m128i v, char low, char high)
{
    v = _mm_sub_epi8(v, _mm_set1_epi8(low));
    return _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8((char)(high - low))), v);
}

/* The same for the 16 bytes at p, for all of PLAIN but '!' and '$'. */
static inline bool
uri_is_plain16(const char *p, bool behind_slash)
{
    __m128i v = wr_scan_load(p);
    __m128i plain = _mm_or_si128(uri_between(v, '&', ';'), uri_between(v, '@', 'Z'));
    plain = _mm_or_si128(plain, uri_between(v, 'a', 'z'));
    plain = _mm_or_si128(plain, _mm_cmpeq_epi8(v, _mm_set1_epi8('=')));
    plain = _mm_or_si128(plain, _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));
    plain = _mm_or_si128(plain, _mm_cmpeq_epi8(v, _mm_set1_epi8('~')));
    uint32_t slashes = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('/')));
    uint32_t dots = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('.')));
    return _mm_movemask_epi8(plain) == 0xffff && ((slashes << 1 | behind_slash) & (slashes | dots)) == 0;
}
#endif

/*
 * Whether every byte stands for itself, no slash follows another and no segment
 * begins with a dot: true for nearly every path there is.  False only means
 * that the path has to be looked at.
 */
static inline bool
uri_is_plain(struct wr_str path)
{
#if defined(__SSE2__)
    if (path.n >= 16) {
        size_t i = 0;
        bool slash = false;
        do {
            if (!uri_is_plain16(path.p + i, slash)) {
                return false;
            }
            /* The last 16 bytes may overlap those before. */
            i = path.n - i < 32 && path.n - i > 16 ? path.n - 16 : i + 16;
            slash = path.p[i - 1] == '/';
        } while (i < path.n);
        return true;
    }
#endif
    return uri_is_plain_bytewise(path);
}

void
wr_uri_canon(struct wr_str path, char *dst, struct wr_str *canon, uint32_t *flags)
{
    wr_assert(path.n > 0 && path.p[0] == '/');
    *flags = 0;
    *canon = path;
    if (wr_likely(uri_is_plain(path))) {
        return;
    }
    struct uri_out o = {.in = path.p, .in_n = path.n, .dst = dst, .n = 0, .same = true};
    uri_run(&o, flags);
    if (o.same && o.n == path.n) {
        return;
    }
    if (o.same) {
        memcpy(dst, path.p, o.n);
    }
    *canon = wr_str_make(dst, o.n);
}

bool
wr_uri_is_canon(struct wr_str path)
{
    if (path.n == 0 || path.p[0] != '/') {
        return false;
    }
    if (wr_likely(uri_is_plain(path))) {
        return true;
    }
    uint32_t flags = 0;
    struct uri_out o = {.in = path.p, .in_n = path.n, .dst = NULL, .n = 0, .same = true};
    uri_run(&o, &flags);
    return o.same && o.n == path.n && flags == 0;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool
uri_is_future(struct wr_str s)
{
    size_t i = 1;
    while (i < s.n && uri_hex(s.p[i]) >= 0) {
        i++;
    }
    if (i == 1 || i + 1 >= s.n || s.p[i] != '.') {
        return false;
    }
    for (i++; i < s.n; i++) {
        if (!uri_is(s.p[i], URI_UNRESERVED | URI_SUB_DELIM) && s.p[i] != ':') {
            return false;
        }
    }
    return true;
}

/* What stands between brackets. */
static bool
uri_is_literal(struct wr_str s)
{
    struct wr_ip ip;
    if (s.n > 0 && wr_lower(s.p[0]) == 'v') {
        return uri_is_future(s);
    }
    return wr_str_find(s, ':') >= 0 && wr_ip_parse(s, &ip);
}

/* The length of the host that s begins with, 0 when there is none. */
static size_t
uri_host_bytes(struct wr_str s)
{
    if (s.n == 0) {
        return 0;
    }
    const char *p = s.p, *end = s.p + s.n;
    if (*p == '[') {
        const char *close = memchr(p, ']', s.n);
        return close != NULL && uri_is_literal(wr_str_make(p + 1, (size_t)(close - p - 1)))
            ? (size_t)(close + 1 - p)
            : 0;
    }
    while (p < end) {
        if (wr_likely(uri_is(*p, URI_UNRESERVED | URI_SUB_DELIM))) {
            p++;
        } else if (*p == '%' && uri_escape_octet(p, end) >= 0) {
            p += 3;
        } else {
            break;
        }
    }
    return (size_t)(p - s.p);
}

bool
wr_uri_host_port(struct wr_str s, struct wr_str *host, uint16_t *port, bool *has_port)
{
    size_t n = uri_host_bytes(s);
    *host = wr_str_make(s.p, n);
    *port = 0;
    *has_port = false;
    if (n == 0 || n == s.n) {
        return n != 0;
    }
    if (s.p[n] != ':') {
        return false;
    }
    uint32_t value = 0;
    for (size_t i = n + 1; i < s.n; i++) {
        if (!uri_is(s.p[i], URI_DIGIT)) {
            return false;
        }
        value = value * 10 + (uint32_t)(s.p[i] - '0');
        if (value > UINT16_MAX) {
            return false;
        }
    }
    *port = (uint16_t)value;
    *has_port = s.n > n + 1;
    return true;
}

/* The octet that stands at s.p[*i], which moves behind it. */
static char
uri_take_octet(struct wr_str s, size_t *i)
{
    int octet = s.p[*i] == '%' ? uri_escape_octet(s.p + *i, s.p + s.n) : -1;
    char c = octet >= 0 ? (char)octet : s.p[*i];
    *i += octet >= 0 ? 3 : 1;
    return c;
}

size_t
wr_uri_decode(char *dst, struct wr_str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        dst[n++] = uri_take_octet(s, &i);
    }
    return n;
}

bool
wr_uri_decodes_to(struct wr_str s, struct wr_str text, bool prefix)
{
    size_t at = 0;
    for (size_t i = 0; i < s.n && (at < text.n || !prefix); at++) {
        if (at == text.n || uri_take_octet(s, &i) != text.p[at]) {
            return false;
        }
    }
    return at == text.n;
}

bool
wr_uri_query_next(struct wr_str *rest, struct wr_str *name, struct wr_str *value)
{
    while (rest->n > 0 && *rest->p == '&') {
        *rest = wr_str_make(rest->p + 1, rest->n - 1);
    }
    if (rest->n == 0) {
        return false;
    }
    const char *amp = memchr(rest->p, '&', rest->n);
    size_t n = amp != NULL ? (size_t)(amp - rest->p) : rest->n;
    const char *equals = memchr(rest->p, '=', n);
    size_t name_n = equals != NULL ? (size_t)(equals - rest->p) : n;
    *name = wr_str_make(rest->p, name_n);
    *value = equals != NULL ? wr_str_make(equals + 1, n - name_n - 1) : WR_STR_NONE;
    *rest = wr_str_make(rest->p + n, rest->n - n);
    return true;
}

bool
wr_uri_query_find(struct wr_str query, struct wr_str name, struct wr_str *value)
{
    struct wr_str its_name;
    while (wr_uri_query_next(&query, &its_name, value)) {
        if (wr_uri_decodes_to(its_name, name, false)) {
            return true;
        }
    }
    return false;
}
