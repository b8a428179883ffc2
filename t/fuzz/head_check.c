/*
 * Heads of any kind through the parser and the judge.  The first byte says
 * what the rest is: '<' a response (the second byte its request's method),
 * anything else is part of a request.
 *
 * What is accepted is written out the way a proxy forwards it and read again:
 * it has to be accepted again and mean the same message, for the same host and
 * path, with the same end, and with nothing left that is about one connection.
 */
#include "core/http/head_check.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_FIELDS 64

static const struct wr_h1_limits limits = {
    .line_bytes = 4096, .total_bytes = 16384, .fields = FUZZ_FIELDS, .target_bytes = 2048};
/* For what is read again: a path that had to be encoded and fields of the proxy's own make it longer. */
static const struct wr_h1_limits wide = {
    .line_bytes = 16384, .total_bytes = 65536, .fields = 2 * FUZZ_FIELDS, .target_bytes = 8192};

static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}

struct judged {
    struct wr_req r;
    struct wr_framing fr;
    enum wr_err err;
};

static bool
judge(struct judged *j, const char *raw, size_t n, const struct wr_h1_limits *most)
{
    static struct wr_client client;
    struct wr_field fields[2 * FUZZ_FIELDS];
    struct wr_h1_head head;

    memset(j, 0, sizeof(*j));
    if (wr_h1_parse_request(raw, n, most, &head, fields) != WR_H1_OK) {
        return false;
    }
    ptrdiff_t moved = wr_head_take(&j->r.req, &j->r.pool, raw, head.head_bytes, &head, fields);
    j->r.client = &client;
    j->r.method_id = head.method_id;
    j->r.method = wr_str_make(head.method.p + moved, head.method.n);
    j->r.target = wr_str_make(head.target.p + moved, head.target.n);
    j->r.minor = head.minor;
    j->r.major = 1;
    j->err = wr_head_check_request(&j->r, &j->fr);
    return true;
}

/* Connection names it, in whatever way: an own, plainer reading of the same rule. */
static bool
named(const struct wr_head *h, struct wr_str name)
{
    for (uint32_t i = 0; i < h->n; i++) {
        const struct wr_field *f = &h->fields[i];
        if (f->id != WR_N_CONNECTION) {
            continue;
        }
        for (size_t a = 0; a + name.n <= f->value.n; a++) {
            size_t z = a + name.n;
            if ((a == 0 || strchr(", \t", f->value.p[a - 1])) &&
                (z == f->value.n || strchr(", \t", f->value.p[z])) &&
                wr_str_ieq(wr_str_make(f->value.p + a, name.n), name)) {
                return true;
            }
        }
    }
    return false;
}

static void
check_fields(const struct wr_head *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        const struct wr_field *f = &h->fields[i];
        if (f->flags & WR_FIELD_HOP) {
            continue;
        }
        must(f->id != WR_N_CONNECTION && f->id != WR_N_TRANSFER_ENCODING && f->id != WR_N_UPGRADE &&
             f->id != WR_N_TE && f->id != WR_N_KEEP_ALIVE && f->id != WR_N_PROXY_CONNECTION);
        must(f->id == WR_N_HOST || f->id == WR_N_CONTENT_LENGTH || !named(h, f->name));
    }
}

struct text {
    char p[3 * 16384];
    size_t n;
};

static void
put(struct text *t, const char *p, size_t n)
{
    must(t->n + n <= sizeof(t->p));
    if (n > 0) {
        memcpy(t->p + t->n, p, n);
    }
    t->n += n;
}

static void
put_str(struct text *t, struct wr_str s)
{
    put(t, s.p, s.n);
}

static void
put_text(struct text *t, const char *z)
{
    put(t, z, strlen(z));
}

static void
put_fields(struct text *t, const struct wr_head *h)
{
    for (uint32_t i = 0; i < h->n; i++) {
        const struct wr_field *f = &h->fields[i];
        if (!(f->flags & (WR_FIELD_HOP | WR_FIELD_GONE)) && f->id != WR_N_HOST &&
            f->id != WR_N_CONTENT_LENGTH) {
            put_str(t, f->name);
            put_text(t, ": ");
            put_str(t, f->value);
            put_text(t, "\r\n");
        }
    }
}

/* As an upstream would get it. */
static void
forward(struct text *t, const struct judged *j)
{
    const struct wr_req *r = &j->r;
    char line[64];

    put_str(t, r->method);
    put_text(t, " ");
    put_str(t, r->path);
    if (r->uri.has_query && r->uri.form != WR_URI_ASTERISK) {
        put_text(t, "?");
        put_str(t, r->uri.query);
    }
    put_text(t, " HTTP/1.1\r\nHost: ");
    put_str(t, r->authority.n > 0 ? r->authority : WR_STR("none"));
    put_text(t, "\r\n");
    put_fields(t, &r->req);
    if (j->fr.chunked) {
        put_text(t, "Transfer-Encoding: chunked\r\n");
    } else if (j->fr.length >= 0) {
        snprintf(line, sizeof(line), "Content-Length: %lld\r\n", (long long)j->fr.length);
        put_text(t, line);
    }
    if (r->wants_upgrade) {
        put_text(t, "Connection: upgrade\r\nUpgrade: ");
        put_str(t, r->upgrade);
        put_text(t, "\r\n");
    }
    put_text(t, "\r\n");
}

static void
check_accepted(const struct judged *j)
{
    const struct wr_req *r = &j->r;

    must(!(j->fr.chunked && j->fr.length >= 0));
    must(r->body.present == (j->fr.chunked || j->fr.length >= 0));
    must(r->body.length == (j->fr.chunked ? -1 : WR_MAX(j->fr.length, 0)));
    must(r->minor > 0 || !(j->fr.chunked || r->wants_upgrade || r->expect_continue || r->te_trailers));
    must(r->host.n > 0 || r->minor == 0);
    must(!memchr(r->host.p ? r->host.p : "", '@', r->host.n));
    must(r->path.n > 0 && (r->path.p[0] == '/' || wr_str_eq(r->path, WR_STR("*"))));
    must(r->path.p[0] != '/' || wr_uri_is_canon(r->path) || r->uri_flags != 0);
    must(!r->wants_upgrade || (r->upgrade.n > 0 && !j->fr.chunked && j->fr.length <= 0));
    must(r->method_id != WR_M_CONNECT && r->method_id != WR_M_TRACE);
    check_fields(&r->req);
}

static void
check_same(const struct judged *a, const struct judged *b)
{
    must(b->err == WR_E_NONE);
    must(wr_str_eq(a->r.method, b->r.method) && wr_str_eq(a->r.path, b->r.path));
    must(a->r.host.n == 0 || (wr_str_eq(a->r.host, b->r.host) && a->r.port == b->r.port));
    must(a->fr.chunked == b->fr.chunked && a->fr.length == b->fr.length);
    must(a->r.wants_upgrade == b->r.wants_upgrade && wr_str_eq(a->r.upgrade, b->r.upgrade));
    must(a->r.expect_continue == b->r.expect_continue);
    must(!b->fr.close);
}

static void
fuzz_request(const char *raw, size_t n)
{
    static struct judged a, b;
    static struct text t;

    if (judge(&a, raw, n, &limits) && a.err == WR_E_NONE) {
        check_accepted(&a);
        t.n = 0;
        forward(&t, &a);
        must(judge(&b, t.p, t.n, &wide));
        if (a.r.method_id == WR_M_OPTIONS && wr_head_has(&a.r.req, WR_N_MAX_FORWARDS)) {
            must(b.err == WR_E_NONE); /* counted down twice */
        } else {
            check_same(&a, &b);
        }
        wr_pool_reset(&b.r.pool);
    }
    must(a.err == WR_E_NONE || wr_err_info[a.err].status >= 400);
    wr_pool_reset(&a.r.pool);
}

static void
fuzz_response(const char *raw, size_t n, enum wr_method method)
{
    static struct wr_req r;
    struct wr_field fields[FUZZ_FIELDS];
    struct wr_framing fr = {0};
    struct wr_h1_head head;
    struct wr_head h = {0};

    memset(&r, 0, sizeof(r));
    r.method_id = method;
    if (wr_h1_parse_response(raw, n, &limits, &head, fields) == WR_H1_OK) {
        wr_head_take(&h, &r.pool, raw, head.head_bytes, &head, fields);
        enum wr_err err = wr_head_check_response(&r, head.status, head.minor, &h, &fr);
        if (err == WR_E_NONE) {
            must(!(fr.chunked && fr.length >= 0));
            must(!fr.chunked || (head.minor > 0 && head.status >= 200 && method != WR_M_HEAD));
            must(fr.close || head.minor > 0 || fr.keep_alive);
            check_fields(&h);
        } else {
            must(wr_err_info[err].status == 502 && fr.close);
        }
        wr_head_check_trailers(&h, &h);
    }
    wr_pool_reset(&r.pool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;

    if (size > 2 && p[0] == '<') {
        fuzz_response(p + 2, size - 2, (enum wr_method)((unsigned char)p[1] % WR_M_COUNT));
    } else {
        fuzz_request(p, size);
    }
    return 0;
}
