/* core/http/head_check: what the fields of a head come to, as tables. */
#include "core/http/head_check.h"

#include "t/unit/tap.h"

static struct wr_req r;
static struct wr_framing fr;
static struct wr_client client;
static struct wr_field fields[128];
static const struct wr_h1_limits limits = {
    .line_bytes = 8192, .total_bytes = 65536, .fields = 128, .target_bytes = 8192};

#define H "Host: a.example\r\n"

/* Parses and judges a request; the parser has to be content with it. */
static enum wr_err
request(const char *raw)
{
    struct wr_h1_head head;

    wr_pool_reset(&r.pool);
    memset(&r, 0, sizeof(r));
    r.client = &client;
    r.major = 1;
    if (wr_h1_parse_request(raw, strlen(raw), &limits, &head, fields) != WR_H1_OK) {
        tap_ok(false, "the parser takes the request");
        tap_note("%s", wr_err_info[head.err].reason);
        return WR_E_INTERNAL;
    }
    ptrdiff_t moved = wr_head_take(&r.req, &r.pool, raw, head.head_bytes, &head, fields);
    r.method = wr_str_make(head.method.p + moved, head.method.n);
    r.method_id = head.method_id;
    r.target = wr_str_make(head.target.p + moved, head.target.n);
    r.minor = head.minor;
    return wr_head_check_request(&r, &fr);
}

static struct wr_head resp;

static enum wr_err
response(enum wr_method method, const char *raw)
{
    struct wr_h1_head head;

    wr_pool_reset(&r.pool);
    memset(&r, 0, sizeof(r));
    memset(&resp, 0, sizeof(resp));
    r.method_id = method;
    if (wr_h1_parse_response(raw, strlen(raw), &limits, &head, fields) != WR_H1_OK) {
        tap_ok(false, "the parser takes the response");
        return WR_E_INTERNAL;
    }
    wr_head_take(&resp, &r.pool, raw, head.head_bytes, &head, fields);
    return wr_head_check_response(&r, head.status, head.minor, &resp, &fr);
}

static const char *
text_of(struct wr_str s)
{
    static char text[4][1024];
    static unsigned next;
    char *t = text[next++ % 4];

    snprintf(t, 1024, "%.*s", WR_STR_ARG(s));
    return t;
}

/* Names of the fields that would be forwarded, "a,b,c". */
static const char *
forwarded(const struct wr_head *h)
{
    static char text[1024];
    size_t n = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < h->n; i++) {
        if (!(h->fields[i].flags & (WR_FIELD_HOP | WR_FIELD_GONE))) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", n ? "," : "",
                                  WR_STR_ARG(h->fields[i].name));
        }
    }
    return text;
}

struct verdict {
    const char *raw;
    enum wr_err err;
};

static void
is_err(enum wr_err got, enum wr_err want, const char *raw)
{
    char line[200];
    size_t n = 0;

    for (const char *p = raw; *p && n < sizeof(line) - 4; p++) {
        if (*p == '\r') {
            line[n++] = '|';
        } else if (*p == '#') {
            line[n++] = '\\'; /* TAP takes # for a directive */
            line[n++] = '#';
        } else if (*p != '\n') {
            line[n++] = *p == '\t' ? '~' : *p;
        }
    }
    line[n] = '\0';
    tap_is_str(wr_err_info[got].reason, wr_err_info[want].reason, "%s", line);
}

static void
test_framing(void)
{
    static const struct verdict v[] = {
        {"Content-Length: 0", WR_E_NONE},
        {"Content-Length: 5", WR_E_NONE},
        {"Content-Length: 0005", WR_E_NONE},
        {"Content-Length: 9223372036854775807", WR_E_NONE},
        {"Content-Length: 9223372036854775808", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 18446744073709551621", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 99999999999999999999999999999999999", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length:", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: +5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: -5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: -0", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 0x5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5 5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5,5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5, 5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5,", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: ,5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5;x", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: \"5\"", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5.0", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5e0", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 1_0", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: five", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: \xef\xbc\x95", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5\r\nContent-Length: 5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5\r\nContent-Length: 6", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5\r\nX: y\r\ncontent-length: 5", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5\r\nContent-Length:", WR_E_BAD_CONTENT_LENGTH},
        {"Content-Length: 5\r\nContent_Length: 6", WR_E_NONE},
        {"Transfer-Encoding: chunked", WR_E_NONE},
        {"Transfer-Encoding: CHUNKED", WR_E_NONE},
        {"transfer-encoding:chunked\t ", WR_E_NONE},
        {"Transfer-Encoding:", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: ,", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: ,chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked,", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked, chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding:", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding:\r\nTransfer-Encoding: chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked, identity", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked, gzip", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: gzip", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: identity", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked;x=y", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked;", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked ;x", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: \"chunked\"", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: 'chunked'", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: xchunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunkedx", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: x chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked x", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunk\ted", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: gzip chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: gzip;\"a, chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: chunked, gzip, chunked", WR_E_BAD_TRANSFER_CODING},
        {"Transfer-Encoding: gzip, chunked", WR_E_UNKNOWN_TRANSFER_CODING},
        {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", WR_E_UNKNOWN_TRANSFER_CODING},
        {"Transfer-Encoding: identity, chunked", WR_E_UNKNOWN_TRANSFER_CODING},
        {"Transfer-Encoding: foo;a=\"x,y\", chunked", WR_E_UNKNOWN_TRANSFER_CODING},
        {"Transfer-Encoding: deflate,gzip,Chunked", WR_E_UNKNOWN_TRANSFER_CODING},
        {"Content-Length: 5\r\nTransfer-Encoding: chunked", WR_E_LENGTH_AND_CODING},
        {"Transfer-Encoding: chunked\r\nContent-Length: 0", WR_E_LENGTH_AND_CODING},
        {"Transfer-Encoding: gzip, chunked\r\nContent-Length: 5", WR_E_LENGTH_AND_CODING},
        {"Transfer-Encoding: chunked\r\nContent-Length: x", WR_E_LENGTH_AND_CODING},
        {"Transfer_Encoding: chunked\r\nContent-Length: 5", WR_E_NONE},
    };
    char raw[512];

    for (size_t i = 0; i < WR_ARRAY_LEN(v); i++) {
        snprintf(raw, sizeof(raw), "POST / HTTP/1.1\r\n" H "%s\r\n\r\n", v[i].raw);
        is_err(request(raw), v[i].err, v[i].raw);
        if (v[i].err != WR_E_NONE && !fr.close) {
            tap_ok(false, "a refused request ends its connection");
        }
    }
    is_err(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), WR_E_BAD_TRANSFER_CODING,
           "Transfer-Encoding in HTTP/1.0");
    is_err(request("POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
           WR_E_BAD_TRANSFER_CODING, "any, with keep-alive too");

    request("POST / HTTP/1.1\r\n" H "Content-Length: 17\r\n\r\n");
    tap_ok(fr.length == 17 && !fr.chunked && r.body.present && r.body.length == 17, "a length");
    request("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n");
    tap_ok(fr.length == 0 && r.body.present && r.body.length == 0, "an empty body is a body");
    request("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    tap_ok(fr.length == -1 && fr.chunked && r.body.present && r.body.length == -1, "chunked");
    tap_is_str(forwarded(&r.req), "Host", "and Transfer-Encoding goes no further");
    request("POST / HTTP/1.1\r\n" H "\r\n");
    tap_ok(fr.length == -1 && !fr.chunked && !r.body.present && r.body.length == 0, "no body");
}

static void
test_host(void)
{
    static const struct verdict v[] = {
        {"GET / HTTP/1.1\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.0\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.9\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost:\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.0\r\nHost:\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: a:80\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: a:65535\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a :80\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a: 80\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: u:p@a\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: <a>\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a%\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a%4\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: a%41\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: ::1]\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: []\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: [::1%25eth0]\r\n\r\n", WR_E_BAD_HOST},
        {"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: [v1.x:y]\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: a_b-c.d~!$&'()*+,;=\r\n\r\n", WR_E_NONE},
        {"GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", WR_E_BAD_HOST},
        {"GET http://a/ HTTP/1.1\r\n\r\n", WR_E_BAD_HOST},
        {"GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", WR_E_BAD_HOST},
        {"GET http://a/ HTTP/1.1\r\nHost: <\r\n\r\n", WR_E_BAD_HOST},
        {"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", WR_E_BAD_HOST},
        {"GET http://a/ HTTP/1.0\r\n\r\n", WR_E_NONE},
        {"GET http://a/ HTTP/1.1\r\nHost: A\r\n\r\n", WR_E_NONE},
        {"GET HTTP://A:80/ HTTP/1.1\r\nHost: a\r\n\r\n", WR_E_NONE},
        {"GET http://a/ HTTP/1.1\r\nHost: a.:80\r\n\r\n", WR_E_NONE},
        {"GET http://a:/ HTTP/1.1\r\nHost: a\r\n\r\n", WR_E_NONE},
        {"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", WR_E_HOST_MISMATCH},
        {"GET http://a/ HTTP/1.1\r\nHost: a:8080\r\n\r\n", WR_E_HOST_MISMATCH},
        {"GET http://a:8080/ HTTP/1.1\r\nHost: a\r\n\r\n", WR_E_HOST_MISMATCH},
        {"GET http://a:443/ HTTP/1.1\r\nHost: a\r\n\r\n", WR_E_HOST_MISMATCH},
        {"GET http://a/ HTTP/1.0\r\nHost: b\r\n\r\n", WR_E_HOST_MISMATCH},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(v); i++) {
        is_err(request(v[i].raw), v[i].err, v[i].raw);
    }
    request("GET / HTTP/1.1\r\nHost: WWW.Example.COM.:8080\r\n\r\n");
    tap_is_str(text_of(r.host), "www.example.com", "host: lower case, no final dot, no port");
    tap_is_int(r.port, 8080, "port");
    tap_is_str(text_of(r.authority), "WWW.Example.COM.:8080", "authority as it came");
    request("GET / HTTP/1.1\r\nHost: [2001:DB8::A]:1\r\n\r\n");
    tap_is_str(text_of(r.host), "[2001:db8::a]", "an address keeps its brackets");
    request("GET http://B.example/x?y HTTP/1.0\r\n\r\n");
    tap_is_str(text_of(r.host), "b.example", "the absolute target's host");
    tap_is_str(text_of(r.authority), "B.example", "and authority");
    tap_is_str(text_of(r.path), "/x", "and path");
    request("GET / HTTP/1.0\r\n\r\n");
    tap_ok(r.host.n == 0 && r.authority.n == 0 && r.port == 0, "HTTP/1.0 may name no host");
    request("GET / HTTP/1.1\r\nHost: abc\r\n\r\n");
    tap_ok(r.host.p == r.authority.p, "a host that is plain is not copied");
}

static void
test_target(void)
{
    static const struct verdict v[] = {
        {"GET * HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
        {"OPTIONS *x HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"OPTIONS /* HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
        {"GET a.example:80 HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET a.example HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET index.html HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET ?x HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET //a.example/x HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
        {"GET /x?y?z HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
        {"GET ftp://a.example/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET file:///etc/passwd HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http:///x HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http:a.example/x HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http:/a.example HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http://u@a.example/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http://u:p@a.example/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http://:80/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http://a.example:x/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http://[::1/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET https://a.example/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET http://a.example HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
        {"GET http://a.example?x HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
        {"GET /%zz HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET /% HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"GET /x%4 HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", WR_E_METHOD_REFUSED},
        {"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", WR_E_HOST_MISMATCH},
        {"CONNECT a.example:443 HTTP/1.1\r\n\r\n", WR_E_BAD_HOST},
        {"CONNECT a.example HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT a.example: HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT :443 HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT / HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT * HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT http://a.example:80/ HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT u@a.example:80 HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT a.example:80/x HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"CONNECT a.example:80?x HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"TRACE / HTTP/1.1\r\n" H "\r\n", WR_E_METHOD_REFUSED},
        {"TRACE * HTTP/1.1\r\n" H "\r\n", WR_E_BAD_TARGET},
        {"trace / HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
        {"BREW / HTTP/1.1\r\n" H "\r\n", WR_E_NONE},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(v); i++) {
        is_err(request(v[i].raw), v[i].err, v[i].raw);
    }
    client.tls = true;
    is_err(request("GET https://a.example/ HTTP/1.1\r\n" H "\r\n"), WR_E_NONE, "https over tls");
    is_err(request("GET https://a.example:443/ HTTP/1.1\r\n" H "\r\n"), WR_E_NONE, "https, preset port");
    is_err(request("GET http://a.example/ HTTP/1.1\r\n" H "\r\n"), WR_E_NONE, "http over tls");
    client.tls = false;
    request("GET /a/../b//%63%2f?q=%zz HTTP/1.1\r\n" H "\r\n");
    tap_is_str(text_of(r.path), "/b/c%2F", "the path is canonical");
    tap_is_int(r.uri_flags, WR_URI_ENC_SLASH, "and what it hides is flagged");
    tap_is_str(text_of(r.uri.query), "q=%zz", "the query is left alone");
    request("GET /plain HTTP/1.1\r\n" H "\r\n");
    tap_ok(r.path.p == r.target.p, "a canonical path is not copied");
    request("OPTIONS * HTTP/1.1\r\n" H "\r\n");
    tap_is_str(text_of(r.path), "*", "OPTIONS *");
    request("OPTIONS http://a.example HTTP/1.1\r\n" H "\r\n");
    tap_ok(r.uri.form == WR_URI_ASTERISK, "an absolute OPTIONS without a path is OPTIONS *");
    tap_is_str(text_of(r.host), "a.example", "of that host");
    request("OPTIONS http://a.example/ HTTP/1.1\r\n" H "\r\n");
    tap_ok(r.uri.form == WR_URI_ABSOLUTE, "with a slash it is not");
    request("OPTIONS http://a.example?x HTTP/1.1\r\n" H "\r\n");
    tap_ok(r.uri.form == WR_URI_ABSOLUTE, "nor with a query");
}

static void
test_max_forwards(void)
{
    static const struct {
        const char *in, *out;
    } v[] = {{"7", "6"},
             {"1", "0"},
             {"010", "9"},
             {"4294967296", "4294967294"},
             {"99999999999999999999999999", "4294967294"},
             {"x", "x"},
             {"-1", "-1"},
             {"1, 2", "1, 2"}};
    char raw[256];

    for (size_t i = 0; i < WR_ARRAY_LEN(v); i++) {
        snprintf(raw, sizeof(raw), "OPTIONS /x HTTP/1.1\r\n" H "Max-Forwards: %s\r\n\r\n", v[i].in);
        request(raw);
        tap_is_str(text_of(wr_head_value(&r.req, WR_N_MAX_FORWARDS)), v[i].out, "Max-Forwards: %s", v[i].in);
        tap_ok(r.uri.form == WR_URI_ORIGIN, "goes on");
    }
    request("OPTIONS /x HTTP/1.1\r\n" H "Max-Forwards: 0\r\n\r\n");
    tap_ok(r.uri.form == WR_URI_ASTERISK, "Max-Forwards: 0 is answered here");
    request("GET /x HTTP/1.1\r\n" H "Max-Forwards: 0\r\n\r\n");
    tap_ok(r.uri.form == WR_URI_ORIGIN, "but not of GET");
    tap_is_str(text_of(wr_head_value(&r.req, WR_N_MAX_FORWARDS)), "0", "whose number stays");
}

static void
test_connection(void)
{
    static const struct {
        const char *fields;
        bool close;
        const char *forwarded;
    } v[] = {
        {"", false, ""},
        {"Connection: close\r\n", true, ""},
        {"Connection: CLOSE\r\n", true, ""},
        {"Connection:\r\n", false, ""},
        {"Connection: ,,\t, ,close\r\n", true, ""},
        {"Connection: keep-alive, close\r\n", true, ""},
        {"Connection: keep-alive\r\nConnection: Close\r\n", true, ""},
        {"Connection: closed\r\n", false, ""},
        {"Connection: x-a\r\nX-A: 1\r\nX-B: 2\r\n", false, ",X-B"},
        {"X-A: 1\r\nX-B: 2\r\nx-a: 3\r\nConnection: X-A\r\n", false, ",X-B"},
        {"X-A: 1\r\nConnection: foo\r\nconnection: bar, X-a\r\n", false, ""},
        {"Cookie: 1\r\nConnection: cookie\r\nCookie: 2\r\n", false, ""},
        {"Connection: Host, Content-Length\r\nContent-Length: 0\r\n", false, ",Content-Length"},
        {"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n", false, ""},
        {"Connection: close\r\nClose: x\r\n", true, ""},
        {"Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nX: 1\r\n", false, ",X"},
        {"Upgrade: x\r\nHTTP2-Settings: AAA\r\nProxy-Authorization: Basic x\r\nTrailer: X\r\n", false,
         ",Trailer"},
        {"Connection: x-a-b\r\nX-A: 1\r\n", false, ",X-A"},
        {"Connection: x_a\r\nX_A: 1\r\nX-A: 2\r\n", false, ",X-A"},
        {"Connection: authorization\r\nAuthorization: Basic eA==\r\n", false, ""},
        {"Connection: Connection\r\nX: 1\r\n", false, ",X"},
    };
    static const char *const bad[] = {"\"x\"", "x y", "a, b c", "close;x", "x=y", "a/b", "@", "close, \xe4"};
    char raw[1024], want[128];

    for (size_t i = 0; i < WR_ARRAY_LEN(v); i++) {
        snprintf(raw, sizeof(raw), "GET / HTTP/1.1\r\n" H "%s\r\n", v[i].fields);
        snprintf(want, sizeof(want), "Host%s", v[i].forwarded);
        is_err(request(raw), WR_E_NONE, v[i].fields);
        tap_is_str(forwarded(&r.req), want, "what is left");
        tap_ok(fr.close == v[i].close, "and the connection %s", v[i].close ? "ends" : "stays");
    }
    for (size_t i = 0; i < WR_ARRAY_LEN(bad); i++) {
        snprintf(raw, sizeof(raw), "GET / HTTP/1.1\r\n" H "Connection: %s\r\n\r\n", bad[i]);
        is_err(request(raw), WR_E_BAD_FIELD_VALUE, raw);
    }
    request("GET / HTTP/1.0\r\n\r\n");
    tap_ok(fr.close, "HTTP/1.0 ends");
    request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    tap_ok(fr.close, "with keep-alive too");
    request("GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n");
    tap_ok(fr.close, "and nothing else");

    char many[2048] = "GET / HTTP/1.1\r\n" H "Connection: a";
    for (unsigned i = 0; i < 63; i++) {
        strcat(many, ",a");
    }
    size_t n = strlen(many);
    memcpy(many + n, "\r\n\r\n", 5);
    is_err(request(many), WR_E_NONE, "64 options");
    memcpy(many + n, ",a\r\n\r\n", 7);
    is_err(request(many), WR_E_BAD_FIELD_VALUE, "65 options");
}

static void
test_wishes(void)
{
    is_err(request("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"), WR_E_NONE,
           "100-continue");
    tap_ok(r.expect_continue, "is expected");
    request("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    tap_ok(r.expect_continue, "with chunks too");
    request("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    tap_ok(!r.expect_continue, "not without a body");
    tap_is_str(forwarded(&r.req), "Host,Content-Length", "and is not asked of the upstream either");
    is_err(request("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"), WR_E_NONE,
           "in HTTP/1.0");
    tap_ok(!r.expect_continue, "it is ignored");
    tap_is_str(forwarded(&r.req), "Content-Length", "and dropped");
    is_err(request("POST / HTTP/1.0\r\nExpect: magic\r\nContent-Length: 5\r\n\r\n"), WR_E_NONE,
           "so is an unknown one");
    is_err(request("GET / HTTP/1.1\r\n" H "Expect: magic\r\n\r\n"), WR_E_BAD_EXPECT, "Expect: magic");
    is_err(request("POST / HTTP/1.1\r\n" H "Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\n"),
           WR_E_BAD_EXPECT, "one of two is unknown");
    is_err(request("POST / HTTP/1.1\r\n" H "Expect: 100-continue;x=1\r\nContent-Length: 1\r\n\r\n"),
           WR_E_BAD_EXPECT, "a parameter is unknown");
    is_err(request("POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nExpect: y\r\nContent-Length: 1\r\n\r\n"),
           WR_E_BAD_EXPECT, "in two lines");
    is_err(request("POST / HTTP/1.1\r\n" H "Expect:\r\nContent-Length: 1\r\n\r\n"), WR_E_NONE,
           "an empty one is none");

    request("GET / HTTP/1.1\r\n" H "TE: trailers\r\n\r\n");
    tap_ok(r.te_trailers, "TE: trailers");
    request("GET / HTTP/1.1\r\n" H "TE: gzip;q=0.5, Trailers\r\n\r\n");
    tap_ok(r.te_trailers, "in a list, any case");
    request("GET / HTTP/1.1\r\n" H "TE: gzip\r\n\r\n");
    tap_ok(!r.te_trailers, "TE: gzip");
    request("GET / HTTP/1.0\r\nTE: trailers\r\n\r\n");
    tap_ok(!r.te_trailers, "not in HTTP/1.0");
}

static void
test_upgrade(void)
{
    static const struct {
        const char *raw;
        const char *upgrade; /* NULL: none */
    } v[] = {
        {"GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "websocket"},
        {"GET / HTTP/1.1\r\n" H "Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\n\r\n", "WebSocket"},
        {"GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: close\r\nUpgrade: websocket\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade:\r\n\r\n", NULL},
        {"GET / HTTP/1.0\r\n" H "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", NULL},
        {"GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: websocket\r\n\r\n", NULL},
        {"POST / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\n", NULL},
        {"POST / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n",
         NULL},
        {"POST / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n", "x"},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\nHTTP2-Settings: "
         "AAA\r\n\r\n",
         NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n", "websocket"},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: websocket,h2c ,foo/1.1\r\n\r\n",
         "websocket, foo/1.1"},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n\r\n", "a, b"},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a,b,c,d,,e\r\n\r\n", "a, b, c, d, e"},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: web socket\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a/\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a/b/c\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: \"a\"\r\n\r\n", NULL},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(v); i++) {
        is_err(request(v[i].raw), WR_E_NONE, v[i].raw);
        tap_ok(r.wants_upgrade == (v[i].upgrade != NULL), "wants %s",
               v[i].upgrade ? v[i].upgrade : "nothing");
        if (v[i].upgrade) {
            tap_is_str(text_of(r.upgrade), v[i].upgrade, "its value");
        }
        tap_ok(!strstr(forwarded(&r.req), "Upgrade") && !strstr(forwarded(&r.req), "HTTP2"),
               "nothing of it is forwarded as a field");
    }
}

static void
test_responses(void)
{
    static const struct {
        const char *raw;
        enum wr_err err;
        enum wr_method method;
        int64_t length;
        bool chunked;
    } v[] = {
        {"200 OK\r\nContent-Length: 5\r\n", WR_E_NONE, WR_M_GET, 5, false},
        {"200 OK\r\n", WR_E_NONE, WR_M_GET, -1, false},
        {"200 OK\r\nTransfer-Encoding: Chunked\r\n", WR_E_NONE, WR_M_GET, -1, true},
        {"200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET, 0,
         false},
        {"200 OK\r\nContent-Length: 5, 5\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET, 0, false},
        {"200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET, 0,
         false},
        {"200 OK\r\nContent-Length: -1\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET, 0, false},
        {"200 OK\r\nContent-Length:\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET, 0, false},
        {"200 OK\r\nContent-Length: x\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_HEAD, 0, false},
        {"304 OK\r\nContent-Length: x\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET, 0, false},
        {"204 OK\r\nContent-Length: x\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET, 0, false},
        {"200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET,
         0, false},
        {"200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_GET,
         0, false},
        {"200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", WR_E_UPSTREAM_BAD_LENGTH, WR_M_HEAD,
         0, false},
        {"200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", WR_E_UPSTREAM_BAD_CODING, WR_M_GET, 0, false},
        {"200 OK\r\nTransfer-Encoding: chunked, chunked\r\n", WR_E_UPSTREAM_BAD_CODING, WR_M_GET, 0, false},
        {"200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", WR_E_UPSTREAM_BAD_CODING,
         WR_M_GET, 0, false},
        {"200 OK\r\nTransfer-Encoding: gzip\r\n", WR_E_UPSTREAM_BAD_CODING, WR_M_GET, 0, false},
        {"200 OK\r\nTransfer-Encoding: identity\r\n", WR_E_UPSTREAM_BAD_CODING, WR_M_GET, 0, false},
        {"200 OK\r\nTransfer-Encoding:\r\n", WR_E_UPSTREAM_BAD_CODING, WR_M_GET, 0, false},
        {"204 OK\r\nTransfer-Encoding: chunked\r\n", WR_E_NONE, WR_M_GET, -1, false},
        {"204 OK\r\nTransfer-Encoding: gzip\r\n", WR_E_UPSTREAM_BAD_CODING, WR_M_GET, 0, false},
        {"103 OK\r\nTransfer-Encoding: chunked\r\n", WR_E_NONE, WR_M_GET, -1, false},
        {"304 OK\r\nTransfer-Encoding: chunked\r\n", WR_E_NONE, WR_M_GET, -1, false},
        {"200 OK\r\nTransfer-Encoding: chunked\r\n", WR_E_NONE, WR_M_HEAD, -1, false},
        {"200 OK\r\nContent-Length: 5\r\n", WR_E_NONE, WR_M_HEAD, 5, false},
        {"304 OK\r\nContent-Length: 5\r\n", WR_E_NONE, WR_M_GET, 5, false},
        {"204 OK\r\nContent-Length: 5\r\n", WR_E_NONE, WR_M_GET, 0, false},
        {"200 OK\r\nConnection: a b\r\nContent-Length: 0\r\n", WR_E_UPSTREAM_BAD_FIELD, WR_M_GET, 0, false},
        {"200 OK\r\nExpires: 0\r\nExpires: 1\r\nContent-Length: 0\r\n", WR_E_NONE, WR_M_GET, 0, false},
    };
    char raw[512];

    for (size_t i = 0; i < WR_ARRAY_LEN(v); i++) {
        snprintf(raw, sizeof(raw), "HTTP/1.1 %s\r\n", v[i].raw);
        is_err(response(v[i].method, raw), v[i].err, v[i].raw);
        if (v[i].err == WR_E_NONE) {
            tap_is_int(fr.length, v[i].length, "length");
            tap_ok(fr.chunked == v[i].chunked, "chunked or not");
        } else {
            tap_ok(fr.close, "the connection is not used again");
        }
    }
    is_err(response(WR_M_GET, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
           WR_E_UPSTREAM_BAD_CODING, "Transfer-Encoding in HTTP/1.0");

    response(WR_M_GET,
             "HTTP/1.1 200 OK\r\nConnection: X-A, Keep-Alive\r\nx-a: 1\r\nKeep-Alive: timeout=5\r\n"
             "Upgrade: h2\r\nProxy-Authenticate: x\r\nSet-Cookie: a\r\nX-B: 1\r\nX-a: 2\r\n\r\n");
    tap_is_str(forwarded(&resp), "Set-Cookie,X-B", "hop-by-hop and named fields of a response");
    tap_ok(!fr.close && fr.keep_alive, "it stays open");
    response(WR_M_GET, "HTTP/1.1 200 OK\r\nConnection: foo\r\nConnection: Close\r\n\r\n");
    tap_ok(fr.close, "close in the second line");
    response(WR_M_GET, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n");
    tap_ok(fr.close, "HTTP/1.0 closes");
    response(WR_M_GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n");
    tap_ok(!fr.close && fr.keep_alive, "unless it says keep-alive");
    response(WR_M_GET, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n");
    tap_ok(fr.close, "204 with a coding: maybe more comes, the connection is not used again");
    response(WR_M_GET, "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n");
    tap_ok(!fr.close, "304 may have one");
    response(WR_M_GET, "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\nX: 1\r\n\r\n");
    tap_is_str(forwarded(&resp), "X", "204 has no length to pass on");
}

static void
test_trailers(void)
{
    static const char raw[] =
        "X-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: x\r\n"
        "Authorization: a\r\nCookie: b\r\nSet-Cookie: c\r\nETag: \"d\"\r\nX-Named: e\r\n"
        "Content-Type: f\r\nTrailer: g\r\nX-Forwarded-For: h\r\nServer-Timing: i\r\n"
        "Connection: X-Sum\r\nCache-Control: j\r\nVia: k\r\nTE: l\r\n\r\n";
    struct wr_h1_head head;
    struct wr_head trailers = {0};

    request("POST / HTTP/1.1\r\n" H "Connection: x-named\r\nTransfer-Encoding: chunked\r\n\r\n");
    tap_ok(wr_h1_parse_fields(raw, sizeof(raw) - 1, &limits, &head, fields) == WR_H1_OK, "a trailer section");
    wr_head_take(&trailers, &r.pool, raw, head.head_bytes, &head, fields);
    wr_head_check_trailers(&trailers, &r.req);
    tap_is_str(forwarded(&trailers), "X-Sum,ETag,Server-Timing", "what may stand in one goes on");
    wr_head_check_trailers(&trailers, NULL);
    tap_is_str(forwarded(&trailers), "X-Sum,ETag,Server-Timing", "without a head too");
}

int
main(void)
{
    test_framing();
    test_host();
    test_target();
    test_max_forwards();
    test_connection();
    test_wishes();
    test_upgrade();
    test_responses();
    test_trailers();
    wr_pool_reset(&r.pool);
    return tap_done();
}
