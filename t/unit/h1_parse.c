/* core/proto/h1_parse: what is taken, what is refused and why, in one piece and in every other number of them. */
#include "core/proto/h1_parse.h"

#include <stdlib.h>

#include "core/proto/h1_scan.h"
#include "t/unit/tap.h"

#define H1_PARSE_FIELDS 100
#define H1_PARSE_TEXT(literal) (literal), sizeof(literal) - 1

typedef enum wr_h1_verdict h1_parse_fn(const char *p, size_t n, const struct wr_h1_limits *limits,
                                       struct wr_h1_head *head, struct wr_field *fields);

static const struct wr_h1_limits h1_parse_limits = {
    .line_bytes = 8192, .total_bytes = 32768, .fields = H1_PARSE_FIELDS, .target_bytes = 8192};
static struct wr_h1_head h1_parse_head;
static struct wr_field h1_parse_fields[H1_PARSE_FIELDS];
static unsigned h1_parse_seed = 1;

static unsigned
h1_parse_random(void)
{
    h1_parse_seed = h1_parse_seed * 1103515245 + 12345;
    return h1_parse_seed >> 16;
}

/* Parses a copy of exactly n bytes, so that a sanitizer sees a read beyond; nothing points there afterwards. */
static enum wr_h1_verdict
h1_parse_exact(h1_parse_fn *fn, const char *p, size_t n, const struct wr_h1_limits *limits)
{
    char *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, p, n);
    enum wr_h1_verdict verdict = fn(copy, n, limits, &h1_parse_head, h1_parse_fields);
    free(copy);
    return verdict;
}

/* Whether a bad head is BAD for one reason in the whole and, from some byte on, in every beginning of it. */
static bool
h1_parse_bad_stays(h1_parse_fn *fn, const char *p, size_t n, const struct wr_h1_limits *limits,
                   enum wr_err err)
{
    bool bad = false;
    for (size_t i = 0; i <= n; i++) {
        enum wr_h1_verdict verdict = h1_parse_exact(fn, p, i, limits);
        if (verdict == WR_H1_OK || (bad && verdict != WR_H1_BAD) ||
            (verdict == WR_H1_BAD && h1_parse_head.err != err)) {
            tap_note("%zu bytes: verdict %d, error %s", i, verdict, wr_err_info[h1_parse_head.err].reason);
            return false;
        }
        bad = verdict == WR_H1_BAD;
    }
    return bad;
}

struct h1_parse_bad_row {
    const char *text;
    enum wr_err err;
    size_t n; /* 0: strlen */
};

static void
h1_parse_bad_rows(h1_parse_fn *fn, const struct h1_parse_bad_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = rows[i].n ? rows[i].n : strlen(rows[i].text);
        enum wr_h1_verdict verdict = h1_parse_exact(fn, rows[i].text, n, &h1_parse_limits);
        tap_ok(verdict == WR_H1_BAD && h1_parse_head.err == rows[i].err, "row %zu is %s (%s)", i,
               wr_err_info[rows[i].err].reason,
               verdict == WR_H1_BAD ? wr_err_info[h1_parse_head.err].reason : "not bad");
        tap_ok(h1_parse_bad_stays(fn, rows[i].text, n, &h1_parse_limits, rows[i].err), "... in pieces too");
    }
}

#define R(text, err)                                                                                         \
    {                                                                                                        \
        text, WR_E_##err, sizeof(text) - 1                                                                   \
    }

static void
h1_parse_test_request_line(void)
{
    static const struct h1_parse_bad_row rows[] = {
        /* the line */
        R("GET  / HTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("GET /  HTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("GET / HTTP/1.1 \r\n", BAD_REQUEST_LINE),
        R("GET / HTTP/1.1\t\r\n", BAD_REQUEST_LINE),
        R(" GET / HTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("\tGET / HTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("GET\t/ HTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("GET /\tHTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("GET / \tHTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("GET\r\n", BAD_REQUEST_LINE),
        R("GET \r\n", BAD_REQUEST_LINE),
        R("GET /\r\n", BAD_REQUEST_LINE),
        R("GET / \r\n", BAD_REQUEST_LINE),
        R("GET / HTTP/1.1 HTTP/1.1\r\n", BAD_REQUEST_LINE),
        R("\r\n\r\n\r\nGET / HTTP/1.1\r\n", BAD_REQUEST_LINE),
        /* the method */
        R("G(T / HTTP/1.1\r\n", BAD_METHOD),
        R("GET: / HTTP/1.1\r\n", BAD_METHOD),
        R("G\0T / HTTP/1.1\r\n", BAD_METHOD),
        R("G\x80T / HTTP/1.1\r\n", BAD_METHOD),
        R("\x01", BAD_METHOD),
        R("\r\n\x16\x03\x01", BAD_METHOD),
        R("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n", METHOD_TOO_LONG),
        R("\x16\x03\x01\x02\x00", TLS_ON_PLAIN),
        /* the target */
        R("GET /\x01 HTTP/1.1\r\n", BAD_TARGET),
        R("GET /\0 HTTP/1.1\r\n", BAD_TARGET),
        R("GET /\x7f HTTP/1.1\r\n", BAD_TARGET),
        R("GET /a#b HTTP/1.1\r\n", BAD_TARGET),
        R("GET # HTTP/1.1\r\n", BAD_TARGET),
        /* the version */
        R("GET / http/1.1\r\n", BAD_VERSION),
        R("GET / HTTP/1.10\r\n", BAD_VERSION),
        R("GET / HTTP/1\r\n", BAD_VERSION),
        R("GET / HTTP/1.\r\n", BAD_VERSION),
        R("GET / HTP/1.1\r\n", BAD_VERSION),
        R("GET / HTTP/11\r\n", BAD_VERSION),
        R("GET / HTTP/1.x\r\n", BAD_VERSION),
        R("GET / HTTP/x.1\r\n", BAD_VERSION),
        R("GET / HTTP/+1.1\r\n", BAD_VERSION),
        R("GET / HTTP 1.1\r\n", BAD_REQUEST_LINE),
        R("GET / HTTPS/1.1\r\n", BAD_VERSION),
        R("GET / HTTP/1.1x\r\n", BAD_VERSION),
        R("GET / HTTP/12.1\r\n", BAD_VERSION),
        R("GET / HTTP/1.1\0\r\n", BAD_VERSION),
        R("GET /a b HTTP/1.1\r\n", BAD_VERSION),
        R("GET / HTTP/2.0\r\n", VERSION_UNSUPPORTED),
        R("GET / HTTP/0.9\r\n", VERSION_UNSUPPORTED),
        R("GET / HTTP/3.0\r\n", VERSION_UNSUPPORTED),
        R("GET / HTTP/9.9\r\n", VERSION_UNSUPPORTED),
        R("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION_UNSUPPORTED),
        /* line ends */
        R("GET / HTTP/1.1\n", BAD_LINE_END),
        R("GET / HTTP/1.1\nHost: a\n\n", BAD_LINE_END),
        R("GET / HTTP/1.1\r \n", BAD_LINE_END),
        R("GET / HTTP/1.1\rHost: a\r\n", BAD_LINE_END),
        R("GET / HTTP/1.1\r\r\n", BAD_LINE_END),
        R("GET / HTTP/2.0\n", BAD_LINE_END),
        R("GET /\n", BAD_LINE_END),
        R("GET /\r HTTP/1.1\r\n", BAD_LINE_END),
        R("GE\rT / HTTP/1.1\r\n", BAD_LINE_END),
        R("GET\n", BAD_LINE_END),
        R("GET / HT\rTP/1.1\r\n", BAD_LINE_END),
        R("GET / HT\nTP/1.1\r\n", BAD_LINE_END),
        R("\nGET / HTTP/1.1\r\n", BAD_LINE_END),
        R("\r\n\nGET / HTTP/1.1\r\n", BAD_LINE_END),
        R("\rGET / HTTP/1.1\r\n", BAD_LINE_END),
        R("\r\r\n", BAD_LINE_END),
    };

    h1_parse_bad_rows(wr_h1_parse_request, rows, WR_ARRAY_LEN(rows));
}

static void
h1_parse_test_field_lines(void)
{
#define L "GET / HTTP/1.1\r\n"
    static const struct h1_parse_bad_row rows[] = {
        R(L ": a\r\n\r\n", BAD_FIELD_NAME),
        R(L "Host\r\n\r\n", BAD_FIELD_NAME),
        R(L "Host : a\r\n\r\n", BAD_FIELD_NAME),
        R(L "Host\t: a\r\n\r\n", BAD_FIELD_NAME),
        R(L "Ho st: a\r\n\r\n", BAD_FIELD_NAME),
        R(L "Ho(st: a\r\n\r\n", BAD_FIELD_NAME),
        R(L "Ho\0st: a\r\n\r\n", BAD_FIELD_NAME),
        R(L "Ho\x80st: a\r\n\r\n", BAD_FIELD_NAME),
        R(L "\"Host\": a\r\n\r\n", BAD_FIELD_NAME),
        R(L "\x7f: a\r\n\r\n", BAD_FIELD_NAME),
        R(L "X-A-Name-That-Is-Longer-Than-The-Window-Of-32-Bytes : a\r\n\r\n", BAD_FIELD_NAME),
        R(L "X-A-Name-That-Is-Longer-Than-The-Window-Of-32-Bytes\r\n\r\n", BAD_FIELD_NAME),
        R(L "Content\rLength: 1\r\n\r\n", BAD_LINE_END),
        R(L "Host\r\nA: b\r\n\r\n", BAD_FIELD_NAME),
        R(L "A: b\r\nHost: a\r\n: x\r\n\r\n", BAD_FIELD_NAME),
        R(L " Host: a\r\n\r\n", OBS_FOLD),
        R(L "\tHost: a\r\n\r\n", OBS_FOLD),
        R(L "Host: a\r\n b\r\n\r\n", OBS_FOLD),
        R(L "Host: a\r\n\t\r\n\r\n", OBS_FOLD),
        R(L "Host: a\r\n \r\n\r\n", OBS_FOLD),
        R(L "Host: a\0b\r\n\r\n", BAD_FIELD_VALUE),
        R(L "Host: a\x7f\r\n\r\n", BAD_FIELD_VALUE),
        R(L "Host: a\x1f\r\n\r\n", BAD_FIELD_VALUE),
        R(L "Host:\x01\r\n\r\n", BAD_FIELD_VALUE),
        R(L "Host: a\x0b\r\n\r\n", BAD_FIELD_VALUE),
        R(L "Host: a value of some length, longer than what one look sees\x08\r\n\r\n", BAD_FIELD_VALUE),
        R(L "Host: a\n\r\n", BAD_LINE_END),
        R(L "Host: a\n\n", BAD_LINE_END),
        R(L "Host: a\rb\r\n\r\n", BAD_LINE_END),
        R(L "Host: a\r\r\n\r\n", BAD_LINE_END),
        R(L "Host: a\r\n\n", BAD_LINE_END),
        R(L "Host: a\r\n\r\r\n", BAD_LINE_END),
        R(L "Host: a\r\n\rX", BAD_LINE_END),
        R(L "\n", BAD_LINE_END),
        R(L "Host\n", BAD_LINE_END),
        R(L "Host\rX", BAD_LINE_END),
        R(L "Host:\n", BAD_LINE_END),
    };
#undef L

    h1_parse_bad_rows(wr_h1_parse_request, rows, WR_ARRAY_LEN(rows));
}

/* Every byte in every part of a head: taken or refused by its class. */
static void
h1_parse_test_all_bytes(void)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char text[64];
    unsigned wrong[4] = {0};

    for (int c = 0; c < 256; c++) {
        bool is_token = c != 0 && strchr(token, c) != NULL;
        bool is_value = c == '\t' || (c >= ' ' && c != 0x7f);
        int n = snprintf(text, sizeof(text), "G%cT / HTTP/1.1\r\n\r\n", c ? c : 1);
        bool ok = h1_parse_exact(wr_h1_parse_request, text, (size_t)n, &h1_parse_limits) == WR_H1_OK;
        wrong[0] += ok != is_token;
        n = snprintf(text, sizeof(text), "GET /%c HTTP/1.1\r\n\r\n", c ? c : 1);
        ok = h1_parse_exact(wr_h1_parse_request, text, (size_t)n, &h1_parse_limits) == WR_H1_OK;
        wrong[1] += ok != (is_value && c != '\t' && c != ' ' && c != '#');
        n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX%c: a\r\n\r\n", c ? c : 1);
        ok = h1_parse_exact(wr_h1_parse_request, text, (size_t)n, &h1_parse_limits) == WR_H1_OK;
        wrong[2] += ok != (is_token || c == ':');
        n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX: a%ca\r\n\r\n", c ? c : 1);
        ok = h1_parse_exact(wr_h1_parse_request, text, (size_t)n, &h1_parse_limits) == WR_H1_OK;
        wrong[3] += ok != is_value;
        char one = (char)c;
        wrong[2] += wr_h1_is_token(wr_str_make(&one, 1)) != is_token;
        wrong[3] += wr_h1_is_value(wr_str_make(&one, 1)) != is_value;
    }
    tap_is_int(wrong[0], 0, "a method takes token bytes");
    tap_is_int(wrong[1], 0, "a target takes visible bytes but '#', and those beyond ASCII");
    tap_is_int(wrong[2], 0, "a name takes token bytes");
    tap_is_int(wrong[3], 0, "a value takes all but control bytes");
    tap_ok(!wr_h1_is_token(WR_STR_NONE) && wr_h1_is_value(WR_STR_NONE), "nothing is a value and no token");
    tap_ok(wr_h1_is_token(WR_STR("chunked")) && !wr_h1_is_token(WR_STR("a b")), "tokens");
    tap_ok(wr_h1_is_value(WR_STR("a value over sixteen bytes, tab\t\xff")) &&
               !wr_h1_is_value(WR_STR("a value over sixteen bytes, and\r\n")),
           "values");
}

static const char h1_parse_get[] = "\r\n"
                                   "GET /a/path?query=1&x=\xc3\xa4 HTTP/1.1\r\n"
                                   "Host: www.example.com\r\n"
                                   "User-Agent:\t Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \t \r\n"
                                   "X-Empty:\r\n"
                                   "X-Blank:   \t \r\n"
                                   "x_under: a:b\r\n"
                                   "A-Name-Of-More-Than-Thirty-Two-Bytes: 1\r\n"
                                   "An_Underscored-Name-Of-More-Than-Thirty-Two-Bytes: 1\r\n"
                                   "h:1\r\n"
                                   "cOOKIE: a=\xe4; b=2\r\n"
                                   "\r\n";

static void
h1_parse_is_field(size_t i, const char *name, const char *value, enum wr_name id, unsigned flags)
{
    const struct wr_field *f = &h1_parse_fields[i];
    tap_is_mem(f->name.p, f->name.n, name, strlen(name), "name %zu", i);
    tap_is_mem(f->value.p, f->value.n, value, strlen(value), "value %zu", i);
    tap_ok(f->id == id && f->flags == flags, "id and flags %zu", i);
}

static void
h1_parse_test_good_request(void)
{
    const char *p = h1_parse_get;
    size_t n = sizeof(h1_parse_get) - 1;
    struct wr_h1_head *h = &h1_parse_head;

    tap_is_int(wr_h1_parse_request(p, n, &h1_parse_limits, h, h1_parse_fields), WR_H1_OK, "a request");
    tap_is_mem(h->method.p, h->method.n, "GET", 3, "method");
    tap_is_int(h->method_id, WR_M_GET, "method id");
    tap_is_mem(h->target.p, h->target.n, "/a/path?query=1&x=\xc3\xa4", 20, "target");
    tap_is_int(h->minor, 1, "minor");
    tap_is_int(h->head_bytes, n, "head_bytes");
    tap_is_int(h->fields_n, 9, "fields_n");
    h1_parse_is_field(0, "Host", "www.example.com", WR_N_HOST, 0);
    h1_parse_is_field(1, "User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", WR_N_USER_AGENT,
                      0);
    h1_parse_is_field(2, "X-Empty", "", WR_N_OTHER, 0);
    h1_parse_is_field(3, "X-Blank", "", WR_N_OTHER, 0);
    h1_parse_is_field(4, "x_under", "a:b", WR_N_OTHER, WR_FIELD_UNDERSCORE);
    h1_parse_is_field(5, "A-Name-Of-More-Than-Thirty-Two-Bytes", "1", WR_N_OTHER, 0);
    h1_parse_is_field(6, "An_Underscored-Name-Of-More-Than-Thirty-Two-Bytes", "1", WR_N_OTHER,
                      WR_FIELD_UNDERSCORE);
    h1_parse_is_field(7, "h", "1", WR_N_OTHER, 0);
    h1_parse_is_field(8, "cOOKIE", "a=\xe4; b=2", WR_N_COOKIE, 0);
    uint64_t have[2] = {0, 0};
    for (unsigned i = 0; i < h->fields_n; i++) {
        have[h1_parse_fields[i].id >> 6] |= (uint64_t)1 << (h1_parse_fields[i].id & 63);
    }
    tap_ok(h->have[0] == have[0] && h->have[1] == have[1], "have");
    tap_ok((h->have[WR_N_USER_AGENT >> 6] >> (WR_N_USER_AGENT & 63) & 1) == 1, "have User-Agent");
}

/* Every beginning of a good head is MORE; the whole is OK, with anything behind it too. */
static void
h1_parse_split(h1_parse_fn *fn, const char *p, size_t n, const char *what)
{
    unsigned wrong = 0, complete = 0;
    size_t from = 0;
    char *more = malloc(n + 100);

    for (size_t i = 0; i < n; i++) {
        wrong += h1_parse_exact(fn, p, i, &h1_parse_limits) != WR_H1_MORE;
    }
    tap_is_int(wrong, 0, "%s: every beginning is MORE", what);
    wrong = 0;
    memcpy(more, p, n);
    memset(more + n, '\r', 100);
    for (size_t i = 0; i <= 100; i++) {
        wrong +=
            h1_parse_exact(fn, more, n + i, &h1_parse_limits) != WR_H1_OK || h1_parse_head.head_bytes != n;
    }
    tap_is_int(wrong, 0, "%s: what follows does not matter", what);
    for (size_t i = 0; i <= n; i++) {
        bool whole = h1_parse_exact(fn, p, i, &h1_parse_limits) == WR_H1_OK;
        complete += whole && !wr_h1_head_complete(p, i, from);
        from = i;
    }
    tap_is_int(complete, 0, "%s: head_complete does not miss the end", what);
    free(more);
}

static const char h1_parse_response_text[] = "HTTP/1.1 200 OK\r\n"
                                             "Server: nginx/1.24.0\r\n"
                                             "Date: Tue, 24 Nov 2026 05:23:48 GMT\r\n"
                                             "Content-Type: text/html; charset=utf-8\r\n"
                                             "Content-Length: 612\r\n"
                                             "Last-Modified: Tue, 04 Apr 2023 15:03:11 GMT\r\n"
                                             "Connection: keep-alive\r\n"
                                             "ETag: \"642c3b2f-264\"\r\n"
                                             "\r\n";

static void
h1_parse_test_split(void)
{
    h1_parse_split(wr_h1_parse_request, h1_parse_get, sizeof(h1_parse_get) - 1, "request");
    h1_parse_split(wr_h1_parse_request, H1_PARSE_TEXT("GET / HTTP/1.0\r\n\r\n"), "short request");
    h1_parse_split(wr_h1_parse_request, H1_PARSE_TEXT("\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
                   "empty lines");
    h1_parse_split(wr_h1_parse_response, h1_parse_response_text, sizeof(h1_parse_response_text) - 1,
                   "response");
    h1_parse_split(wr_h1_parse_response, H1_PARSE_TEXT("\r\n\r\nHTTP/1.0 404\r\n\r\n"), "short response");
    h1_parse_split(wr_h1_parse_fields, H1_PARSE_TEXT("\r\n"), "empty trailers");
    h1_parse_split(wr_h1_parse_fields, H1_PARSE_TEXT("A: b\r\nC: d\r\n\r\n"), "trailers");
}

static void
h1_parse_test_versions(void)
{
    static const struct {
        const char *text;
        int minor;
    } rows[] = {{"GET / HTTP/1.0\r\n\r\n", 0}, {"GET / HTTP/1.1\r\n\r\n", 1}, {"GET / HTTP/1.9\r\n\r\n", 1}};

    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        enum wr_h1_verdict verdict =
            h1_parse_exact(wr_h1_parse_request, rows[i].text, strlen(rows[i].text), &h1_parse_limits);
        tap_ok(verdict == WR_H1_OK && h1_parse_head.minor == rows[i].minor, "version row %zu", i);
    }
    const char *method = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n\r\n";
    tap_is_int(h1_parse_exact(wr_h1_parse_request, method, strlen(method), &h1_parse_limits), WR_H1_OK,
               "a method of 32 bytes");
    tap_is_int(h1_parse_head.method_id, WR_M_OTHER, "that nobody knows");
}

static void
h1_parse_test_response(void)
{
    static const struct {
        const char *text;
        int status;
        const char *reason;
    } good[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 200, "OK"},
        {"HTTP/1.1 200\r\n\r\n", 200, ""},
        {"HTTP/1.1 200 \r\n\r\n", 200, ""},
        {"HTTP/1.0 404 Not Found\r\n\r\n", 404, "Not Found"},
        {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n", 100, "Continue"},
        {"HTTP/1.1 599 \xe4\t x\r\n\r\n", 599, "\xe4\t x"},
        {"\r\nHTTP/1.1 204 No\r\n\r\n", 204, "No"},
        {"\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, "No"},
        {"HTTP/1.7 200 a reason that is longer than sixteen bytes\r\n\r\n", 200,
         "a reason that is longer than sixteen bytes"},
    };
    static const struct h1_parse_bad_row bad[] = {
        R("HTTP/2.0 200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/2 200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/0.9 200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.10 200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("http/1.1 200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("ICY 200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("SSH-2.0-OpenSSH\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1  200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1\t200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 20 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 20\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 2000 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 2x0 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 099 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 000 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 600 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 999 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 -20 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 200OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 200\tOK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 200 O\0K\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 200 OK\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 200\n", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 200 OK\rA", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("\r\n\r\n\r\nHTTP/1.1 200 OK\r\n", UPSTREAM_BAD_STATUS_LINE),
        R("\x16\x03\x01\x02", UPSTREAM_BAD_STATUS_LINE),
        R("\0\0\x12\x04\0", UPSTREAM_BAD_STATUS_LINE),
        R("HTTP/1.1 200 OK\r\nA b: c\r\n", UPSTREAM_BAD_FIELD),
        R("HTTP/1.1 200 OK\r\nA\r\n", UPSTREAM_BAD_FIELD),
        R("HTTP/1.1 200 OK\r\n: b\r\n", UPSTREAM_BAD_FIELD),
        R("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", UPSTREAM_BAD_FIELD),
        R("HTTP/1.1 200 OK\r\nA: \x01\r\n", UPSTREAM_BAD_FIELD),
        R("HTTP/1.1 200 OK\r\nA: b\n", UPSTREAM_BAD_FIELD),
        R("HTTP/1.1 200 OK\r\nA: b\rc\r\n", UPSTREAM_BAD_FIELD),
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(good); i++) {
        struct wr_h1_head *h = &h1_parse_head;
        enum wr_h1_verdict verdict =
            wr_h1_parse_response(good[i].text, strlen(good[i].text), &h1_parse_limits, h, h1_parse_fields);
        tap_ok(verdict == WR_H1_OK && h->status == good[i].status, "response row %zu", i);
        tap_is_mem(h->reason.p, h->reason.n, good[i].reason, strlen(good[i].reason), "its reason");
        tap_is_int(h->minor, good[i].text[strcspn(good[i].text, ".") + 1] != '0', "its minor");
    }
    h1_parse_bad_rows(wr_h1_parse_response, bad, WR_ARRAY_LEN(bad));

    static const char blanks[] = "HTTP/1.1 200 OK\r\nContent-Length \t: 2\r\nA : b\r\n\r\n";
    enum wr_h1_verdict verdict =
        wr_h1_parse_response(blanks, sizeof(blanks) - 1, &h1_parse_limits, &h1_parse_head, h1_parse_fields);
    tap_ok(verdict == WR_H1_OK && h1_parse_head.fields_n == 2, "blanks before a colon of a response are cut");
    tap_is_mem(h1_parse_fields[0].name.p, h1_parse_fields[0].name.n, "Content-Length", 14,
               "the name is clean");
    tap_is_int(h1_parse_fields[0].id, WR_N_CONTENT_LENGTH, "and known: it cannot hide a length");
    tap_is_mem(h1_parse_fields[1].value.p, h1_parse_fields[1].value.n, "b", 1, "its value too");
}

/* One head against limits, also with the beginning of it that shows it: BAD at once, never MORE. */
static void
h1_parse_limit(h1_parse_fn *fn, const char *text, struct wr_h1_limits limits, enum wr_err err,
               size_t known_at, const char *what)
{
    size_t n = strlen(text);
    enum wr_h1_verdict verdict = h1_parse_exact(fn, text, n, &limits);
    if (err == WR_E_NONE) {
        tap_ok(verdict == WR_H1_OK, "%s is allowed", what);
        return;
    }
    tap_ok(verdict == WR_H1_BAD && h1_parse_head.err == err, "%s is %s", what, wr_err_info[err].reason);
    tap_ok(h1_parse_bad_stays(fn, text, n, &limits, err), "... in pieces too");
    tap_ok(h1_parse_exact(fn, text, known_at, &limits) == WR_H1_BAD, "... as soon as it is known");
    tap_ok(h1_parse_exact(fn, text, known_at - 1, &limits) == WR_H1_MORE, "... and not before");
}

static void
h1_parse_test_limits(void)
{
    static const char text[] = "GET /12345 HTTP/1.1\r\nHost: abcd\r\nA: b\r\n\r\n";
    struct wr_h1_limits l = h1_parse_limits;

    l.target_bytes = 6;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_NONE, 0, "a target of 6 bytes");
    l.target_bytes = 5;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_TARGET_TOO_LONG, 10,
                   "a target of 6, where 5 are allowed,");
    l = h1_parse_limits;
    l.line_bytes = 10;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_NONE, 0, "a field line of 10 bytes");
    l.line_bytes = 9;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_FIELD_TOO_LONG, 31,
                   "a field line of 10, where 9 are allowed,");
    l.line_bytes = 3;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_FIELD_TOO_LONG, 25, "a name that is too long");
    l = h1_parse_limits;
    l.fields = 2;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_NONE, 0, "a head of 2 fields");
    l.fields = 1;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_TOO_MANY_FIELDS, 34,
                   "a head of 2 fields, where 1 is allowed,");
    l.fields = 0;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_TOO_MANY_FIELDS, 22,
                   "any field, where none is allowed,");
    h1_parse_limit(wr_h1_parse_request, "GET / HTTP/1.1\r\n\r\n", l, WR_E_NONE, 0, "a head without fields");
    l = h1_parse_limits;
    l.total_bytes = sizeof(text) - 1;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_NONE, 0, "a head of just total_bytes");
    for (uint32_t total = 1; total < sizeof(text) - 1; total++) {
        l.total_bytes = total;
        if (h1_parse_exact(wr_h1_parse_request, text, sizeof(text) - 1, &l) != WR_H1_BAD ||
            h1_parse_head.err != WR_E_HEAD_TOO_LARGE) {
            tap_ok(false, "a head over %u bytes is too large", total);
        }
    }
    l.total_bytes = sizeof(text) - 2;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_HEAD_TOO_LARGE, sizeof(text) - 2,
                   "a head over total_bytes");
    l.total_bytes = 12;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_HEAD_TOO_LARGE, 12,
                   "a head that is too large in its first line");
    l.target_bytes = 3;
    h1_parse_limit(wr_h1_parse_request, text, l, WR_E_TARGET_TOO_LONG, 8, "one whose target is too long");
}

static void
h1_parse_test_upstream_limits(void)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nServer: abcd\r\nA: b\r\n\r\n";
    struct wr_h1_limits l = h1_parse_limits;

    l.line_bytes = 11;
    h1_parse_limit(wr_h1_parse_response, text, l, WR_E_UPSTREAM_HEAD_TOO_LARGE, 29, "an upstream's line");
    l = h1_parse_limits;
    l.fields = 1;
    h1_parse_limit(wr_h1_parse_response, text, l, WR_E_UPSTREAM_HEAD_TOO_LARGE, 32,
                   "an upstream's second field");
    l = h1_parse_limits;
    l.total_bytes = 20;
    h1_parse_limit(wr_h1_parse_response, text, l, WR_E_UPSTREAM_HEAD_TOO_LARGE, 20, "an upstream's head");
    l.total_bytes = 5;
    h1_parse_limit(wr_h1_parse_response, text, l, WR_E_UPSTREAM_HEAD_TOO_LARGE, 5,
                   "an upstream's status line");
}

static void
h1_parse_test_trailers(void)
{
    static const struct h1_parse_bad_row rows[] = {
        R("A : b\r\n\r\n", BAD_FIELD_NAME),    R("A: b\n\r\n", BAD_LINE_END), R(" A: b\r\n\r\n", OBS_FOLD),
        R("A: \x01\r\n\r\n", BAD_FIELD_VALUE), R("\n", BAD_LINE_END),
    };
    static const char text[] = "Grpc-Status: 0\r\nExpires: x\r\n\r\nrest";

    h1_parse_bad_rows(wr_h1_parse_fields, rows, WR_ARRAY_LEN(rows));
    tap_is_int(wr_h1_parse_fields(text, sizeof(text) - 1, &h1_parse_limits, &h1_parse_head, h1_parse_fields),
               WR_H1_OK, "trailers");
    tap_is_int(h1_parse_head.head_bytes, sizeof(text) - 5, "their length");
    tap_is_int(h1_parse_head.fields_n, 2, "their number");
    h1_parse_is_field(0, "Grpc-Status", "0", WR_N_OTHER, 0);
    h1_parse_is_field(1, "Expires", "x", WR_N_EXPIRES, 0);
}

/* The fast scans against one that nobody could get wrong, at every distance from both ends. */
static void
h1_parse_test_scan(void)
{
    char buf[160];
    unsigned wrong = 0, tried = 0;

    for (int round = 0; round < 200000; round++) {
        size_t n = h1_parse_random() % (sizeof(buf) + 1), at = n > 0 ? h1_parse_random() % n : 0;
        unsigned kind = h1_parse_random() % 4;
        for (size_t i = 0; i < n; i++) {
            buf[i] = kind == 0 ? (char)h1_parse_random() : (char)('a' + h1_parse_random() % 26);
        }
        if (n > 0 && kind != 3) {
            buf[h1_parse_random() % n] = (char)h1_parse_random();
        }
        char *copy = malloc(n > 0 ? n : 1);
        memcpy(copy, buf, n);
        const char *end = copy + n, *q = copy + at;
        wrong += wr_scan_until(copy, q, end, WR_SCAN_VALUE) != wr_scan_bytewise(q, end, WR_SCAN_VALUE);
        wrong += wr_scan_until(copy, q, end, WR_SCAN_TARGET) != wr_scan_bytewise(q, end, WR_SCAN_TARGET);
        tried++;
        free(copy);
    }
    tap_is_int(wrong, 0, "%u random scans agree with the plain one", tried);
}

/* A second parser of field lines, slow and plain; 0 is MORE, 1 OK, 2 BAD. */
static int
h1_parse_plain_fields(const char *p, size_t n, unsigned *fields)
{
    size_t i = 0;
    for (*fields = 0;; ++*fields) {
        if (i == n) {
            return 0;
        }
        if (p[i] == '\r') {
            return i + 1 == n ? 0 : p[i + 1] == '\n' ? 1 : 2;
        }
        size_t start = i;
        while (i < n && (wr_scan_class[(uint8_t)p[i]] & WR_SCAN_TOKEN)) {
            i++;
        }
        if (i == n || (p[i] == '\r' && i + 1 == n)) {
            return 0;
        }
        if (p[i] != ':' || i == start) {
            return 2;
        }
        i++;
        while (i < n && (wr_scan_class[(uint8_t)p[i]] & WR_SCAN_VALUE)) {
            i++;
        }
        if (i == n || (p[i] == '\r' && i + 1 == n)) {
            return 0;
        }
        if (p[i] != '\r' || p[i + 1] != '\n') {
            return 2;
        }
        i += 2;
    }
}

static void
h1_parse_test_random(void)
{
    static const char *const parts[] = {"Host",
                                        ":",
                                        " ",
                                        "\r\n",
                                        "a",
                                        "\r",
                                        "\n",
                                        "\t",
                                        "x_y",
                                        ": ",
                                        "b\r\n",
                                        "\r\n\r\n",
                                        "Content-Length",
                                        "some longer text",
                                        "\x01",
                                        "A-Name-Of-More-Than-Thirty-Two-Bytes",
                                        "A: b\r\n",
                                        "\x80",
                                        "Via: c\r\n"};
    unsigned wrong = 0, ok = 0, bad = 0;
    char text[512];

    for (int round = 0; round < 200000; round++) {
        size_t n = 0;
        unsigned count = h1_parse_random() % 12, fields = 0;
        for (unsigned i = 0; i < count; i++) {
            /* Mostly whole lines, or hardly anything would be good. */
            const char *part = h1_parse_random() % 3 ? parts[16 + h1_parse_random() % 3 / 2 * 2]
                                                     : parts[h1_parse_random() % WR_ARRAY_LEN(parts)];
            memcpy(text + n, part, strlen(part));
            n += strlen(part);
        }
        if (h1_parse_random() % 2) {
            memcpy(text + n, "\r\n", 2);
            n += 2;
        }
        int want = h1_parse_plain_fields(text, n, &fields);
        enum wr_h1_verdict got = h1_parse_exact(wr_h1_parse_fields, text, n, &h1_parse_limits);
        wrong += (int)got != want || (got == WR_H1_OK && h1_parse_head.fields_n != fields);
        ok += got == WR_H1_OK;
        bad += got == WR_H1_BAD;
    }
    tap_is_int(wrong, 0, "random field lines: the same verdict as a plain parser (%u good, %u bad)", ok, bad);
    tap_ok(ok > 1000 && bad > 1000, "of both enough");
}

static void
h1_parse_test_complete(void)
{
    static const struct {
        const char *text;
        bool complete;
    } rows[] = {
        {"", false},
        {"GET / HTTP/1.1\r\n", false},
        {"a\r\n\r\n", true},
        {"a\r\n\r", false},
        {"a\n\n", true},
        {"a\n\r\n", true},
        {"a\n\r", false},
        {"a\r\nb\r\n", false},
        {"a\r\n\r\nrest", true},
        {"\r\n", true},
        {"\n", true},
        {"\r", false},
        {"a\r\r\n", false},
        {"a\n\rb\n", false},
        {"a\nb\nc\n\nrest of it\n", true},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        const char *p = rows[i].text;
        size_t n = strlen(p);
        char *copy = malloc(n > 0 ? n : 1);
        memcpy(copy, p, n);
        tap_ok(wr_h1_head_complete(copy, n, 0) == rows[i].complete, "complete: row %zu", i);
        free(copy);
        bool found = false;
        for (size_t k = 1; k <= n; k++) {
            found = found || wr_h1_head_complete(p, k, k - 1);
        }
        tap_ok(found == rows[i].complete, "... byte by byte");
    }
    tap_ok(!wr_h1_head_complete("a\r\n\r\nbcdefgh", 12, 9), "only new bytes count");
    tap_ok(wr_h1_head_complete("a\r\n\r\n", 5, 4) && wr_h1_head_complete("a\r\n\r\n", 5, 3),
           "an end cut in two");
}

int
main(void)
{
    h1_parse_test_request_line();
    h1_parse_test_field_lines();
    h1_parse_test_all_bytes();
    h1_parse_test_good_request();
    h1_parse_test_split();
    h1_parse_test_versions();
    h1_parse_test_response();
    h1_parse_test_limits();
    h1_parse_test_upstream_limits();
    h1_parse_test_trailers();
    h1_parse_test_scan();
    h1_parse_test_random();
    h1_parse_test_complete();
    return tap_done();
}
