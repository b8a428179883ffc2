/*
 * HTTP/1 heads.  Decides nothing about what fields mean, keeps no state
 * between calls and never looks beyond the limits it is given.
 *
 * Why it is fast: a field line costs one look at 32 bytes, which gives the
 * place of the colon and the place of the line's end (or of the first bad
 * byte) as two bit masks; only values beyond that are scanned further.  A name
 * that is found among the known ones needs no check of its bytes, because
 * every known name is a token; the others are checked in the bytes that are
 * loaded already.  Whatever is unusual leaves the straight path for a function
 * that goes byte by byte and says what is wrong.
 *
 * Why it can be trusted: a verdict follows from the bytes up to the first one
 * that decides it, so BAD and its reason are the same in however many pieces
 * the bytes come.  What lies beyond total_bytes is cut off before the start.
 */
#include "core/proto/h1_parse.h"

#include "core/proto/h1_scan.h"

#define H1_PARSE_METHOD_BYTES 32
#define H1_PARSE_EMPTY_LINES 2

/* One call: the input cut to total_bytes, and what it is measured against. */
struct h1_parse_in {
    const char *p;
    const char *end;
    const struct wr_h1_limits *limits;
    struct wr_h1_head *head;
    bool response;
};

/* What stands where a line may end. */
enum h1_parse_eol {
    H1_EOL_CRLF,
    H1_EOL_MORE, /* a CR that is the last byte */
    H1_EOL_BAD,  /* bare CR or LF */
    H1_EOL_NONE, /* another byte */
};

static enum wr_h1_verdict
h1_parse_bad(struct wr_h1_head *head, enum wr_err err)
{
    head->err = err;
    return WR_H1_BAD;
}

static inline bool
h1_parse_is_crlf(const char *q, const char *end)
{
    return end - q >= 2 && memcmp(q, "\r\n", 2) == 0;
}

static enum h1_parse_eol
h1_parse_eol(const char *q, const char *end)
{
    if (*q == '\n') {
        return H1_EOL_BAD;
    }
    if (*q != '\r') {
        return H1_EOL_NONE;
    }
    if (end - q < 2) {
        return H1_EOL_MORE;
    }
    return q[1] == '\n' ? H1_EOL_CRLF : H1_EOL_BAD;
}

/* The verdict on the byte at q, which does not belong there: `ended` if the line ends there, else `other`. */
static WR_COLD enum wr_h1_verdict
h1_parse_stopped(struct h1_parse_in *in, const char *q, enum wr_err ended, enum wr_err other)
{
    if (q == in->end) {
        return WR_H1_MORE;
    }
    switch (h1_parse_eol(q, in->end)) {
    case H1_EOL_MORE:
        return WR_H1_MORE;
    case H1_EOL_BAD:
        return h1_parse_bad(in->head, WR_E_BAD_LINE_END);
    case H1_EOL_CRLF:
        return h1_parse_bad(in->head, ended);
    default:
        return h1_parse_bad(in->head, other);
    }
}

/* The same in the first line of a request, where blanks have an error of their own. */
static WR_COLD enum wr_h1_verdict
h1_parse_stopped_line(struct h1_parse_in *in, const char *q, enum wr_err ended, enum wr_err other)
{
    if (q < in->end && (*q == ' ' || *q == '\t')) {
        other = WR_E_BAD_REQUEST_LINE;
    }
    return h1_parse_stopped(in, q, ended, other);
}

/*
 * The start of a field line, byte by byte: for names over the window, where 32
 * bytes cannot be loaded, and to say what is wrong.  OK: *colon is found, the name ends at *name_end.
 * Blanks before the colon of a response are cut (RFC 9112 5.1: a proxy must); a request's are refused.
 */
static __attribute__((noinline)) enum wr_h1_verdict
h1_parse_name(struct h1_parse_in *in, const char *q, uint32_t fields_n, const char **colon,
              const char **name_end)
{
    if (*q == ' ' || *q == '\t') {
        return h1_parse_bad(in->head, WR_E_OBS_FOLD);
    }
    if (fields_n == in->limits->fields && *q != '\n') {
        return h1_parse_bad(in->head, WR_E_TOO_MANY_FIELDS);
    }
    const char *s = wr_scan_bytewise(q, in->end, WR_SCAN_TOKEN);
    if ((size_t)(s - q) > in->limits->line_bytes) {
        return h1_parse_bad(in->head, WR_E_FIELD_TOO_LONG);
    }
    *name_end = s;
    while (in->response && s > q && s < in->end && (*s == ' ' || *s == '\t')) {
        s++;
    }
    if (s < in->end && *s == ':' && s > q) {
        *colon = s;
        return WR_H1_OK;
    }
    return h1_parse_stopped(in, s, WR_E_BAD_FIELD_NAME, WR_E_BAD_FIELD_NAME);
}

static WR_COLD enum wr_h1_verdict
h1_parse_value_bad(struct h1_parse_in *in, const char *q, const char *stop)
{
    if ((size_t)(stop - q) > in->limits->line_bytes) {
        return h1_parse_bad(in->head, WR_E_FIELD_TOO_LONG);
    }
    return h1_parse_stopped(in, stop, WR_E_INTERNAL, WR_E_BAD_FIELD_VALUE);
}

/* A name by its bytes alone; false if one of them is not of a token. */
static inline bool
h1_parse_other_name(const char *q, const char *colon, struct wr_field *f)
{
    unsigned all = WR_SCAN_TOKEN, any = 0;
    for (; q < colon; q++) {
        unsigned class = wr_scan_class[(uint8_t)*q];
        all &= class;
        any |= class;
    }
    f->flags = (any & WR_SCAN_UNDERSCORE) ? WR_FIELD_UNDERSCORE : 0;
    return all != 0;
}

static inline void
h1_parse_trim(const char *v, const char *stop, struct wr_str *value)
{
    while (v < stop && (*v == ' ' || *v == '\t')) {
        v++;
    }
    while (stop > v && (stop[-1] == ' ' || stop[-1] == '\t')) {
        stop--;
    }
    *value = wr_str_make(v, (size_t)(stop - v));
}

/*
 * What 32 bytes say about a line that begins at q: where its name ends and
 * where the first byte stands that no value has.  NULL: not within the window.
 */
struct h1_parse_window {
    const char *colon; /* NULL: take the slow path */
    const char *stop;  /* NULL: scan on from `next` */
    const char *next;
    uint32_t plain; /* a bit for each of the first bytes that is a letter, digit or '-' */
};

#if defined(__SSE2__)
static inline __attribute__((always_inline)) void
h1_parse_look(const struct h1_parse_in *in, const char *q, struct h1_parse_window *w)
{
    const char *at = q;
    unsigned shift = 0;
    w->next = q + 32;
    if (wr_unlikely(in->end - q < 32)) {
        if (in->end - in->p < 32) {
            w->colon = NULL;
            return;
        }
        /* Near the end: look at the last 32 bytes and forget those before q. */
        at = in->end - 32;
        shift = (unsigned)(q - at);
        w->next = in->end;
    }
    __m128i a = wr_scan_load(at), b = wr_scan_load(at + 16), c = _mm_set1_epi8(':');
    uint32_t stops = wr_scan_value_stops(a) | wr_scan_value_stops(b) << 16;
    uint32_t colons = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, c)) |
        (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(b, c)) << 16;
    w->plain = (wr_scan_plain_names(a) | wr_scan_plain_names(b) << 16) >> shift;
    stops >>= shift;
    colons >>= shift;
    /* Only a colon before the first stop ends a name; none: all bits of the difference are zero. */
    colons &= (stops - 1) & ~stops;
    w->colon = colons != 0 ? q + __builtin_ctz(colons) : NULL;
    w->stop = stops != 0 ? q + __builtin_ctz(stops) : NULL;
}

static inline bool
h1_parse_plain(const struct h1_parse_window *w, size_t n)
{
    return (~w->plain & (((uint32_t)1 << n) - 1)) == 0;
}
#else
static inline void
h1_parse_look(const struct h1_parse_in *in, const char *q, struct h1_parse_window *w)
{
    (void)in;
    (void)q;
    w->colon = NULL;
}

static inline bool
h1_parse_plain(const struct h1_parse_window *w, size_t n)
{
    (void)w;
    (void)n;
    return false;
}
#endif

/* Field lines from q to the end of the head. */
static inline __attribute__((always_inline)) enum wr_h1_verdict
h1_parse_lines(struct h1_parse_in *in, const char *q, struct wr_field *fields)
{
    const char *const end = in->end;
    struct wr_h1_head *head = in->head;
    const size_t line_bytes = in->limits->line_bytes;
    const uint32_t room = in->limits->fields;
    uint32_t n = 0;
    uint64_t have[2] = {0, 0};

    for (;; n++) {
        if (wr_unlikely(q == end)) {
            return WR_H1_MORE;
        }
        if (*q == '\r') {
            break;
        }
        struct wr_field *f = &fields[n];
        struct h1_parse_window w;
        h1_parse_look(in, q, &w);
        const char *colon = w.colon, *stop = w.stop, *name_end = colon;
        enum wr_name id = WR_N_OTHER;
        bool good = colon != NULL && colon != q && n < room;
        if (wr_likely(good)) {
            f->flags = 0;
            id = wr_name_find(q, (size_t)(colon - q));
            good = id != WR_N_OTHER || h1_parse_plain(&w, (size_t)(colon - q)) ||
                h1_parse_other_name(q, colon, f);
        }
        if (wr_unlikely(!good)) {
            enum wr_h1_verdict verdict = h1_parse_name(in, q, n, &colon, &name_end);
            if (verdict != WR_H1_OK) {
                return verdict;
            }
            id = wr_name_find(q, (size_t)(name_end - q));
            h1_parse_other_name(q, name_end, f);
            stop = wr_scan_until(in->p, colon + 1, end, WR_SCAN_VALUE);
        } else if (stop == NULL) {
            stop = wr_scan_until(in->p, w.next, end, WR_SCAN_VALUE);
        }
        if (wr_unlikely(!h1_parse_is_crlf(stop, end) || (size_t)(stop - q) > line_bytes)) {
            return h1_parse_value_bad(in, q, stop);
        }
        f->name = wr_str_make(q, (size_t)(name_end - q));
        h1_parse_trim(colon + 1, stop, &f->value);
        f->id = (uint16_t)id;
        have[id >> 6] |= (uint64_t)1 << (id & 63);
        q = stop + 2;
    }
    if (!h1_parse_is_crlf(q, end)) {
        return h1_parse_stopped(in, q, WR_E_INTERNAL, WR_E_INTERNAL);
    }
    head->head_bytes = (uint32_t)(q + 2 - in->p);
    head->fields_n = n;
    head->have[0] = have[0];
    head->have[1] = have[1];
    return WR_H1_OK;
}

/* Up to two empty lines in front.  OK: *q is where the first line begins. */
static inline enum wr_h1_verdict
h1_parse_skip(struct h1_parse_in *in, const char **q)
{
    for (int i = 0; i < H1_PARSE_EMPTY_LINES && *q < in->end && wr_unlikely(**q == '\r'); i++) {
        if (!h1_parse_is_crlf(*q, in->end)) {
            return h1_parse_stopped(in, *q, WR_E_INTERNAL, WR_E_INTERNAL);
        }
        *q += 2;
    }
    return *q < in->end ? WR_H1_OK : WR_H1_MORE;
}

/* The method and the space behind it.  OK: *q is where the target begins. */
static enum wr_h1_verdict
h1_parse_method(struct h1_parse_in *in, const char **q)
{
    const char *m = *q, *most = in->end - m > H1_PARSE_METHOD_BYTES ? m + H1_PARSE_METHOD_BYTES + 1 : in->end;
    const char *s = wr_scan_bytewise(m, most, WR_SCAN_TOKEN);
    size_t n = (size_t)(s - m);
    if (wr_unlikely(n > H1_PARSE_METHOD_BYTES)) {
        return h1_parse_bad(in->head, WR_E_METHOD_TOO_LONG);
    }
    if (wr_unlikely(s == in->end || *s != ' ' || n == 0)) {
        if (m == in->p && *m == 0x16) {
            return h1_parse_bad(in->head, WR_E_TLS_ON_PLAIN);
        }
        return h1_parse_stopped_line(in, s, WR_E_BAD_REQUEST_LINE, WR_E_BAD_METHOD);
    }
    in->head->method = wr_str_make(m, n);
    in->head->method_id = wr_method_find(m, n);
    *q = s + 1;
    return WR_H1_OK;
}

static inline enum wr_h1_verdict
h1_parse_target(struct h1_parse_in *in, const char **q)
{
    const char *s = wr_scan_until(in->p, *q, in->end, WR_SCAN_TARGET);
    size_t n = (size_t)(s - *q);
    if (wr_unlikely(n > in->limits->target_bytes)) {
        return h1_parse_bad(in->head, WR_E_TARGET_TOO_LONG);
    }
    if (wr_unlikely(s == in->end || *s != ' ' || n == 0)) {
        return h1_parse_stopped_line(in, s, WR_E_BAD_REQUEST_LINE, WR_E_BAD_TARGET);
    }
    in->head->target = wr_str_make(*q, n);
    *q = s + 1;
    return WR_H1_OK;
}

/* How many bytes of `HTTP/d.d` stand at q. */
static size_t
h1_parse_version_bytes(const char *q, const char *end)
{
    static const char shape[] = "HTTP/0.0";
    size_t i = 0;
    while (i < sizeof(shape) - 1 && q + i < end) {
        if (shape[i] == '0' ? (q[i] < '0' || q[i] > '9') : q[i] != shape[i]) {
            break;
        }
        i++;
    }
    return i;
}

/* The version and the end of the first line, when it is not the usual one. */
static __attribute__((noinline)) enum wr_h1_verdict
h1_parse_version_slow(struct h1_parse_in *in, const char *q)
{
    size_t n = h1_parse_version_bytes(q, in->end);
    const char *s = q + n;
    if (n < 8 || s == in->end || h1_parse_eol(s, in->end) != H1_EOL_CRLF) {
        enum wr_err ended = n == 0 ? WR_E_BAD_REQUEST_LINE : WR_E_BAD_VERSION;
        return h1_parse_stopped_line(in, s, ended, WR_E_BAD_VERSION);
    }
    if (q[5] != '1') {
        return h1_parse_bad(in->head, WR_E_VERSION_UNSUPPORTED);
    }
    in->head->minor = q[7] != '0';
    return WR_H1_OK;
}

static inline enum wr_h1_verdict
h1_parse_version(struct h1_parse_in *in, const char **q)
{
    enum wr_h1_verdict verdict = WR_H1_OK;
    if (wr_likely(in->end - *q >= 10 && memcmp(*q, "HTTP/1.1\r\n", 10) == 0)) {
        in->head->minor = 1;
    } else {
        verdict = h1_parse_version_slow(in, *q);
    }
    *q += 10;
    return verdict;
}

/* `HTTP/1.d` SP `ddd` and nothing of what may follow: 12 bytes.  MORE, OK or BAD. */
static enum wr_h1_verdict
h1_parse_status(struct h1_parse_in *in, const char *q)
{
    static const char lowest[] = "HTTP/1.0 100", highest[] = "HTTP/1.9 599";
    size_t usual = in->end - q >= 9 && memcmp(q, "HTTP/1.1 ", 9) == 0 ? 9 : 0;
    for (size_t i = usual; i < sizeof(lowest) - 1; i++) {
        if (q + i == in->end) {
            return WR_H1_MORE;
        }
        if (q[i] < lowest[i] || q[i] > highest[i]) {
            return h1_parse_stopped(in, q + i, WR_E_UPSTREAM_BAD_STATUS_LINE, WR_E_UPSTREAM_BAD_STATUS_LINE);
        }
    }
    in->head->minor = q[7] != '0';
    in->head->status = (uint16_t)((q[9] - '0') * 100 + (q[10] - '0') * 10 + (q[11] - '0'));
    return WR_H1_OK;
}

static inline enum wr_h1_verdict
h1_parse_status_line(struct h1_parse_in *in, const char **q)
{
    enum wr_h1_verdict verdict = h1_parse_status(in, *q);
    if (verdict != WR_H1_OK) {
        return verdict;
    }
    const char *reason = *q + 12;
    if (reason < in->end && *reason == ' ') {
        reason++;
    }
    const char *stop = reason == *q + 12 ? reason : wr_scan_until(in->p, reason, in->end, WR_SCAN_VALUE);
    if (wr_unlikely(!h1_parse_is_crlf(stop, in->end))) {
        return h1_parse_stopped(in, stop, WR_E_INTERNAL, WR_E_UPSTREAM_BAD_STATUS_LINE);
    }
    in->head->reason = wr_str_make(reason, (size_t)(stop - reason));
    *q = stop + 2;
    return WR_H1_OK;
}

static inline void
h1_parse_begin(struct h1_parse_in *in, const char *p, size_t n, const struct wr_h1_limits *limits,
               struct wr_h1_head *head)
{
    in->p = p;
    in->end = p + (n < limits->total_bytes ? n : limits->total_bytes);
    in->limits = limits;
    in->head = head;
    in->response = false;
    memset(head, 0, sizeof(*head));
}

/* A head that is not complete within total_bytes never will be. */
static inline enum wr_h1_verdict
h1_parse_finish(struct h1_parse_in *in, enum wr_h1_verdict verdict)
{
    if (verdict == WR_H1_MORE && (size_t)(in->end - in->p) >= in->limits->total_bytes) {
        return h1_parse_bad(in->head, WR_E_HEAD_TOO_LARGE);
    }
    return verdict;
}

enum wr_h1_verdict
wr_h1_parse_request(const char *p, size_t n, const struct wr_h1_limits *limits, struct wr_h1_head *head,
                    struct wr_field *fields)
{
    struct h1_parse_in in;
    h1_parse_begin(&in, p, n, limits, head);
    const char *q = p;
    enum wr_h1_verdict verdict = h1_parse_skip(&in, &q);
    if (verdict == WR_H1_OK) {
        verdict = h1_parse_method(&in, &q);
    }
    if (verdict == WR_H1_OK) {
        verdict = h1_parse_target(&in, &q);
    }
    if (verdict == WR_H1_OK) {
        verdict = h1_parse_version(&in, &q);
    }
    if (verdict == WR_H1_OK) {
        verdict = h1_parse_lines(&in, q, fields);
    }
    return h1_parse_finish(&in, verdict);
}

/* What went wrong, in the words for upstreams. */
static WR_COLD enum wr_err
h1_parse_upstream_err(enum wr_err err, bool in_fields)
{
    switch (err) {
    case WR_E_HEAD_TOO_LARGE:
    case WR_E_FIELD_TOO_LONG:
    case WR_E_TOO_MANY_FIELDS:
        return WR_E_UPSTREAM_HEAD_TOO_LARGE;
    default:
        return in_fields ? WR_E_UPSTREAM_BAD_FIELD : WR_E_UPSTREAM_BAD_STATUS_LINE;
    }
}

enum wr_h1_verdict
wr_h1_parse_response(const char *p, size_t n, const struct wr_h1_limits *limits, struct wr_h1_head *head,
                     struct wr_field *fields)
{
    struct h1_parse_in in;
    h1_parse_begin(&in, p, n, limits, head);
    const char *q = p;
    bool in_fields = false;
    in.response = true;
    enum wr_h1_verdict verdict = h1_parse_skip(&in, &q);
    if (verdict == WR_H1_OK) {
        verdict = h1_parse_status_line(&in, &q);
    }
    if (verdict == WR_H1_OK) {
        in_fields = true;
        verdict = h1_parse_lines(&in, q, fields);
    }
    verdict = h1_parse_finish(&in, verdict);
    if (wr_unlikely(verdict == WR_H1_BAD)) {
        head->err = h1_parse_upstream_err(head->err, in_fields);
    }
    return verdict;
}

enum wr_h1_verdict
wr_h1_parse_fields(const char *p, size_t n, const struct wr_h1_limits *limits, struct wr_h1_head *head,
                   struct wr_field *fields)
{
    struct h1_parse_in in;
    h1_parse_begin(&in, p, n, limits, head);
    return h1_parse_finish(&in, h1_parse_lines(&in, p, fields));
}

bool
wr_h1_head_complete(const char *p, size_t n, size_t from)
{
    if (n == 0) {
        return false;
    }
    /* An empty line that ends in the new bytes may begin two bytes before them. */
    const char *q = p + (from > 2 ? WR_MIN(from, n) - 2 : 0), *end = p + n;
    if (q == p && (*p == '\n' || h1_parse_is_crlf(p, end))) {
        return true;
    }
    while ((q = memchr(q, '\n', (size_t)(end - q))) != NULL) {
        q++;
        if (h1_parse_is_crlf(q, end) || (q < end && *q == '\n')) {
            return true;
        }
    }
    return false;
}

bool
wr_h1_is_token(struct wr_str s)
{
    return s.n > 0 && wr_scan_bytewise(s.p, s.p + s.n, WR_SCAN_TOKEN) == s.p + s.n;
}

bool
wr_h1_is_value(struct wr_str s)
{
    return s.n == 0 || wr_scan_until(s.p, s.p, s.p + s.n, WR_SCAN_VALUE) == s.p + s.n;
}
