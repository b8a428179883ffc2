/*
 * From a command line to a request: the URL becomes a head of HTTP/1.1 in
 * bytes, which is then read like any other.
 */
#include "workers/explain_request.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"

#define EXPLAIN_REQUEST_HEAD_BYTES (256 * 1024)
#define EXPLAIN_REQUEST_USAGE                                                                                \
    "usage: weir explain [-c FILE] [-X METHOD] [-H FIELD] [-a CLIENT] [-l LISTEN] URL\n"

/* ---- the command line ---- */

static bool
explain_request_wrong(const char *what, const char *value)
{
    fprintf(stderr, "weir explain: %s%s%s\n" EXPLAIN_REQUEST_USAGE, what, value ? ": " : "",
            value ? value : "");
    return false;
}

static bool
explain_request_option(struct wr_explain_question *q, int option)
{
    switch (option) {
    case 'c':
        q->file = optarg;
        return true;
    case 'X':
        q->method = optarg;
        return true;
    case 'H':
        if (q->fields_n == WR_EXPLAIN_FIELDS) {
            return explain_request_wrong("too many fields", NULL);
        }
        if (strchr(optarg, ':') == NULL) {
            return explain_request_wrong("a field is NAME: VALUE", optarg);
        }
        q->fields[q->fields_n++] = optarg;
        return true;
    case 'a':
        q->client = optarg;
        return true;
    case 'l':
        q->listen = optarg;
        return true;
    default:
        fputs(EXPLAIN_REQUEST_USAGE, stderr);
        return false;
    }
}

/* Takes the scheme off *rest, if there is one. */
static bool
explain_request_scheme(struct wr_explain_question *q, struct wr_str *rest)
{
    static const char mark[] = "://";
    const char *at = rest->n > 0 ? memmem(rest->p, rest->n, mark, 3) : NULL;
    const char *slash = rest->n > 0 ? memchr(rest->p, '/', rest->n) : NULL;

    if (!at || (slash && slash < at)) {
        return true;
    }
    struct wr_str scheme = wr_str_make(rest->p, (size_t)(at - rest->p));
    q->https = wr_str_ieq(scheme, WR_STR("https"));
    *rest = wr_str_make(at + 3, rest->n - scheme.n - 3);
    return q->https || wr_str_ieq(scheme, WR_STR("http"));
}

/* [SCHEME://]HOST[:PORT][/PATH][?QUERY], or /PATH[?QUERY] with a Host among the fields; "*" for OPTIONS. */
static bool
explain_request_url(struct wr_explain_question *q)
{
    struct wr_str rest = wr_str_of(q->url);
    struct wr_str host;
    bool has_port;

    if (!explain_request_scheme(q, &rest)) {
        return explain_request_wrong("a URL is http://HOST[:PORT]/PATH", q->url);
    }
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?') {
        n++;
    }
    q->authority = wr_str_make(rest.p, n);
    q->target = wr_str_make(rest.p + n, rest.n - n);
    if (wr_str_eq(q->authority, WR_STR("*"))) {
        q->authority = WR_STR_NONE;
        q->target = WR_STR("*");
        return true;
    }
    if (n > 0 && !wr_uri_host_port(q->authority, &host, &q->port, &has_port)) {
        return explain_request_wrong("not HOST or HOST:PORT in the URL", q->url);
    }
    if (q->target.n == 0) {
        q->target = WR_STR("/");
    }
    return true;
}

bool
wr_explain_question_read(struct wr_explain_question *q, int argc, char **argv)
{
    int option;

    *q = (struct wr_explain_question){
        .file = WR_SYSCONFDIR "/weir/weir.ini",
        .method = "GET",
        .client = "127.0.0.1",
    };
    optind = 1;
    while ((option = getopt(argc, argv, "+c:X:H:a:l:")) != -1) {
        if (!explain_request_option(q, option)) {
            return false;
        }
    }
    if (argc - optind != 1) {
        return explain_request_wrong(argc == optind ? "there is no URL" : "one URL, behind the options",
                                     NULL);
    }
    q->url = argv[optind];
    return explain_request_url(q);
}

/* ---- the listener ---- */

static bool
explain_request_is_listen(const struct wr_listen *ls, struct wr_str text)
{
    char own[WR_ADDR_TEXT_BYTES];
    size_t n = wr_addr_text(&ls->addr, own);

    return wr_str_eq(ls->text, text) || wr_str_eq(wr_str_make(own, n), text);
}

static bool
explain_request_named(const struct wr_listen *ls, struct wr_str host)
{
    for (size_t i = 0; i < ls->servers_n; i++) {
        for (size_t k = 0; k < ls->servers[i]->names_n; k++) {
            if (wr_str_ieq(ls->servers[i]->names[k], host)) {
                return true;
            }
        }
    }
    return false;
}

/* Of the listeners with that port (0: any) the first that has a server of the name and speaks what the URL says,
 * else the first that has one, else the first. */
static const struct wr_listen *
explain_request_by_port(const struct wr_explain_question *q, const struct wr_model *m, uint16_t port)
{
    const struct wr_listen *named = NULL, *first = NULL;
    struct wr_str host = WR_STR_NONE;
    uint16_t ignored;
    bool has_port;

    wr_uri_host_port(q->authority, &host, &ignored, &has_port);
    for (size_t i = 0; i < m->listens_n; i++) {
        const struct wr_listen *ls = m->listens[i];
        if (port != 0 && wr_addr_port(&ls->addr) != port) {
            continue;
        }
        if (!explain_request_named(ls, host)) {
            first = first ? first : ls;
        } else if (ls->tls == q->https) {
            return ls;
        } else {
            named = named ? named : ls;
        }
    }
    return named ? named : first;
}

static const struct wr_listen *
explain_request_by_name(const struct wr_explain_question *q, const struct wr_model *m)
{
    for (size_t i = 0; i < m->listens_n; i++) {
        if (explain_request_is_listen(m->listens[i], wr_str_of(q->listen))) {
            return m->listens[i];
        }
    }
    fprintf(stderr, "weir explain: nothing listens on %s; there is", q->listen);
    for (size_t i = 0; i < m->listens_n; i++) {
        fprintf(stderr, " %.*s", WR_STR_ARG(m->listens[i]->text));
    }
    fputc('\n', stderr);
    return NULL;
}

const struct wr_listen *
wr_explain_listen(const struct wr_explain_question *q, const struct wr_model *m, const char **why)
{
    const struct wr_listen *ls;

    if (q->listen) {
        *why = "named by -l";
        return explain_request_by_name(q, m);
    }
    ls = explain_request_by_port(q, m, q->port != 0 ? q->port : q->https ? 443 : 80);
    *why = "the port of the URL";
    if (!ls) {
        ls = explain_request_by_port(q, m, 0);
        *why = "nothing listens on the port of the URL; -l names another";
    }
    if (!ls) {
        fputs("weir explain: the configuration listens nowhere\n", stderr);
    }
    return ls;
}

/* ---- the request ---- */

static bool
explain_request_has_host(const struct wr_explain_question *q)
{
    for (size_t i = 0; i < q->fields_n; i++) {
        if (wr_str_ieq(wr_str_make(q->fields[i], strcspn(q->fields[i], ":")), WR_STR("Host"))) {
            return true;
        }
    }
    return false;
}

/* The head in bytes, as a client would send it. */
static struct wr_str
explain_request_head(const struct wr_explain_question *q, struct wr_pool *pool)
{
    char *p = wr_pool_alloc(pool, EXPLAIN_REQUEST_HEAD_BYTES);
    FILE *f = fmemopen(p, EXPLAIN_REQUEST_HEAD_BYTES, "w");

    wr_assert(f != NULL);
    fprintf(f, "%s %s%.*s HTTP/1.1\r\n", q->method, q->target.p[0] == '?' ? "/" : "", WR_STR_ARG(q->target));
    if (!explain_request_has_host(q)) {
        fprintf(f, "Host: %.*s\r\n", WR_STR_ARG(q->authority));
    }
    for (size_t i = 0; i < q->fields_n; i++) {
        fprintf(f, "%s\r\n", q->fields[i]);
    }
    fputs("\r\n", f);
    long n = ftell(f);
    bool whole = fclose(f) == 0 && n > 0 && n < EXPLAIN_REQUEST_HEAD_BYTES;
    return wr_str_make(p, whole ? (size_t)n : 0);
}

static void
explain_request_take(struct wr_req *r, struct wr_str raw, const struct wr_h1_head *head,
                     const struct wr_field *fields)
{
    ptrdiff_t moved = wr_head_take(&r->req, &r->pool, raw.p, head->head_bytes, head, fields);

    r->method_id = head->method_id;
    r->method = wr_str_make(head->method.p + moved, head->method.n);
    r->target = wr_str_make(head->target.p + moved, head->target.n);
    r->request_line = wr_str_make(r->method.p, (size_t)(r->target.p + r->target.n + 9 - r->method.p));
    r->minor = head->minor;
    r->received_bytes = head->head_bytes;
}

enum wr_err
wr_explain_request_make(const struct wr_explain_question *q, struct wr_req *r)
{
    const struct wr_weir_conf *w = &r->sv->model->weir;
    struct wr_h1_limits limits = {
        .line_bytes = (uint32_t)w->limit_header_line,
        .total_bytes = (uint32_t)w->limit_header_total,
        .fields = (uint32_t)w->limit_header_count,
        .target_bytes = (uint32_t)w->limit_target,
    };
    struct wr_field *fields = wr_pool_alloc(&r->pool, limits.fields * sizeof(*fields));
    struct wr_str raw = explain_request_head(q, &r->pool);
    struct wr_framing framing = {0};
    struct wr_h1_head head;

    switch (wr_h1_parse_request(raw.p, raw.n, &limits, &head, fields)) {
    case WR_H1_OK:
        break;
    case WR_H1_BAD:
        return head.err;
    case WR_H1_MORE:
        return WR_E_HEAD_TOO_LARGE;
    }
    explain_request_take(r, raw, &head, fields);
    enum wr_err err = wr_head_check_request(r, &framing);
    if (err == WR_E_NONE && (framing.chunked || framing.length >= 0)) {
        r->body.present = true;
        r->body.length = framing.chunked ? -1 : framing.length;
    }
    return err;
}
