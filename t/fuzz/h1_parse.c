/*
 * core/proto/h1_parse: a verdict does not change with what follows, a field is
 * what it has to be, a head written from the fields is the same head, and a
 * plain parser of field lines says the same of all that are within the limits.
 * The first three bytes of the input choose the parser and the limits.
 */
#include "core/proto/h1_parse.h"

#include <stdlib.h>

#define H1_PARSE_FIELDS 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum wr_h1_verdict h1_parse_fn(const char *p, size_t n, const struct wr_h1_limits *limits,
                                       struct wr_h1_head *head, struct wr_field *fields);

struct h1_parse_case {
    h1_parse_fn *fn;
    struct wr_h1_limits limits;
};

/* What a call gave, and the bytes that it was given, in a block of their own so that a read beyond is seen. */
struct h1_parse_run {
    char *p;
    size_t n;
    enum wr_h1_verdict verdict;
    struct wr_h1_head head;
    struct wr_field fields[H1_PARSE_FIELDS];
};

static void
h1_parse_go(const struct h1_parse_case *c, const char *p, size_t n, struct h1_parse_run *r)
{
    r->p = malloc(n > 0 ? n : 1);
    r->n = n;
    memcpy(r->p, p, n);
    r->verdict = c->fn(r->p, n, &c->limits, &r->head, r->fields);
}

static void
h1_parse_within(const struct h1_parse_run *r, struct wr_str s)
{
    wr_assert(s.p >= r->p && s.n <= r->head.head_bytes && s.p + s.n <= r->p + r->head.head_bytes);
}

static bool
h1_parse_plain_token(char c)
{
    return (wr_lower(c) >= 'a' && wr_lower(c) <= 'z') || (c >= '0' && c <= '9') ||
        (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
h1_parse_plain_value(char c)
{
    return c == '\t' || ((uint8_t)c >= ' ' && c != 0x7f);
}

/* Field lines by the grammar, byte by byte, without limits. */
static enum wr_h1_verdict
h1_parse_plain(const char *p, size_t n, uint32_t *fields)
{
    size_t i = 0;
    for (*fields = 0;; ++*fields) {
        size_t start = i;
        if (i == n || (p[i] == '\r' && i + 1 == n)) {
            return WR_H1_MORE;
        }
        if (p[i] == '\r') {
            return p[i + 1] == '\n' ? WR_H1_OK : WR_H1_BAD;
        }
        while (i < n && h1_parse_plain_token(p[i])) {
            i++;
        }
        if (i == n || (p[i] == '\r' && i + 1 == n)) {
            return WR_H1_MORE;
        }
        if (p[i] != ':' || i == start) {
            return WR_H1_BAD;
        }
        for (i++; i < n && h1_parse_plain_value(p[i]);) {
            i++;
        }
        if (i == n || (p[i] == '\r' && i + 1 == n)) {
            return WR_H1_MORE;
        }
        if (p[i] != '\r' || p[i + 1] != '\n') {
            return WR_H1_BAD;
        }
        i += 2;
    }
}

/* All of the input as field lines, with limits that nothing reaches. */
static void
h1_parse_check_plain(const char *p, size_t n)
{
    static struct h1_parse_run r;
    struct h1_parse_case wide = {wr_h1_parse_fields, {1 << 20, 1 << 20, H1_PARSE_FIELDS, 1 << 20}};
    uint32_t fields;
    enum wr_h1_verdict verdict = h1_parse_plain(p, n, &fields);
    h1_parse_go(&wide, p, n, &r);
    if (fields <= H1_PARSE_FIELDS && (verdict == WR_H1_OK || fields < H1_PARSE_FIELDS)) {
        wr_assert(r.verdict == verdict && (verdict != WR_H1_OK || r.head.fields_n == fields));
    }
    free(r.p);
}

static void
h1_parse_check_field(const struct h1_parse_case *c, const struct h1_parse_run *r, const struct wr_field *f)
{
    h1_parse_within(r, f->name);
    h1_parse_within(r, f->value);
    wr_assert(wr_h1_is_token(f->name) && wr_h1_is_value(f->value));
    wr_assert(wr_str_eq(wr_str_trim(f->value), f->value));
    wr_assert(f->name.n + 1 + f->value.n <= c->limits.line_bytes);
    wr_assert(f->id == wr_name_find(f->name.p, f->name.n));
    wr_assert(r->head.have[f->id >> 6] >> (f->id & 63) & 1);
    wr_assert(f->flags == (wr_str_find(f->name, '_') >= 0 ? WR_FIELD_UNDERSCORE : 0));
}

static void
h1_parse_check_ok(const struct h1_parse_case *c, const struct h1_parse_run *r)
{
    const struct wr_h1_head *h = &r->head;
    wr_assert(h->head_bytes >= 2 && h->head_bytes <= r->n && h->head_bytes <= c->limits.total_bytes);
    wr_assert(memcmp(r->p + h->head_bytes - 2, "\r\n", 2) == 0 &&
              wr_h1_head_complete(r->p, h->head_bytes, 0));
    wr_assert(h->fields_n <= c->limits.fields && h->minor <= 1);
    for (uint32_t i = 0; i < h->fields_n; i++) {
        h1_parse_check_field(c, r, &r->fields[i]);
    }
    if (c->fn == wr_h1_parse_request) {
        h1_parse_within(r, h->method);
        h1_parse_within(r, h->target);
        wr_assert(wr_h1_is_token(h->method) && h->method.n <= 32);
        wr_assert(h->target.n > 0 && h->target.n <= c->limits.target_bytes);
        wr_assert(wr_str_find(h->target, ' ') < 0 && wr_str_find(h->target, '#') < 0);
    } else if (c->fn == wr_h1_parse_response) {
        h1_parse_within(r, h->reason);
        wr_assert(h->status >= 100 && h->status <= 599 && wr_h1_is_value(h->reason));
    }
}

/* The verdict on the beginning of n bytes agrees with that on all of them. */
static void
h1_parse_check_prefix(const struct h1_parse_case *c, const struct h1_parse_run *whole, size_t n)
{
    static struct h1_parse_run part;
    h1_parse_go(c, whole->p, n, &part);
    switch (part.verdict) {
    case WR_H1_OK:
        wr_assert(whole->verdict == WR_H1_OK && whole->head.head_bytes == part.head.head_bytes &&
                  whole->head.fields_n == part.head.fields_n);
        break;
    case WR_H1_BAD:
        wr_assert(whole->verdict == WR_H1_BAD && whole->head.err == part.head.err);
        break;
    case WR_H1_MORE:
        wr_assert(n < c->limits.total_bytes && (whole->verdict != WR_H1_OK || n < whole->head.head_bytes));
        break;
    }
    free(part.p);
}

static size_t
h1_parse_put(char *text, size_t n, struct wr_str s)
{
    memcpy(text + n, s.p, s.n);
    return n + s.n;
}

/* The head written anew from what was parsed: the same fields again. */
static void
h1_parse_check_again(const struct h1_parse_case *c, const struct h1_parse_run *r)
{
    static struct h1_parse_run again;
    struct h1_parse_case wide = {c->fn, {1 << 20, 1 << 20, H1_PARSE_FIELDS, 1 << 20}};
    char *text = malloc(r->n + 4 * (size_t)r->head.fields_n + 64);
    size_t n = 0;
    if (c->fn == wr_h1_parse_request) {
        n = h1_parse_put(text, n, r->head.method);
        n = h1_parse_put(text, n, WR_STR(" "));
        n = h1_parse_put(text, n, r->head.target);
        n = h1_parse_put(text, n, WR_STR(" HTTP/1.1\r\n"));
    } else if (c->fn == wr_h1_parse_response) {
        n = h1_parse_put(text, n, WR_STR("HTTP/1.0 200 "));
        n = h1_parse_put(text, n, r->head.reason);
        n = h1_parse_put(text, n, WR_STR("\r\n"));
    }
    for (uint32_t i = 0; i < r->head.fields_n; i++) {
        n = h1_parse_put(text, n, r->fields[i].name);
        n = h1_parse_put(text, n, WR_STR(": "));
        n = h1_parse_put(text, n, r->fields[i].value);
        n = h1_parse_put(text, n, WR_STR("\r\n"));
    }
    n = h1_parse_put(text, n, WR_STR("\r\n"));
    h1_parse_go(&wide, text, n, &again);
    wr_assert(again.verdict == WR_H1_OK && again.head.head_bytes == n);
    wr_assert(again.head.fields_n == r->head.fields_n);
    for (uint32_t i = 0; i < r->head.fields_n; i++) {
        wr_assert(wr_str_eq(again.fields[i].name, r->fields[i].name));
        wr_assert(wr_str_eq(again.fields[i].value, r->fields[i].value));
    }
    wr_assert(wr_str_eq(again.head.target, r->head.target) && wr_str_eq(again.head.reason, r->head.reason));
    free(again.p);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static h1_parse_fn *const fns[] = {wr_h1_parse_request, wr_h1_parse_response, wr_h1_parse_fields};
    static struct h1_parse_run whole;
    if (size < 3 || size > 4096) {
        return 0;
    }
    struct h1_parse_case c = {.fn = fns[data[0] % 3],
                              .limits = {.line_bytes = data[1] < 128 ? 4096 : data[1] - 127U,
                                         .total_bytes = data[2] < 128 ? 8192 : (data[2] - 127U) * 4,
                                         .fields = data[1] % 2 ? H1_PARSE_FIELDS : data[2] % 8U,
                                         .target_bytes = data[2] % 2 ? 4096 : data[1]}};
    h1_parse_go(&c, (const char *)data + 3, size - 3, &whole);
    if (whole.verdict == WR_H1_OK) {
        h1_parse_check_ok(&c, &whole);
        h1_parse_check_again(&c, &whole);
    }
    h1_parse_check_plain(whole.p, whole.n);
    wr_assert(whole.verdict != WR_H1_BAD || whole.head.err != WR_E_NONE);
    wr_assert(whole.verdict != WR_H1_BAD || whole.head.err != WR_E_INTERNAL);
    /* All beginnings of what is short, some of what is long. */
    size_t step = 1 + whole.n / 64;
    for (size_t n = data[0] / 3 % step; n < whole.n; n += step) {
        h1_parse_check_prefix(&c, &whole, n);
    }
    free(whole.p);
    return 0;
}
