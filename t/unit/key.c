/*
 * core/http/key: what each kind of key is for a request, and when there is none.
 */
#include "core/http/key.h"

#include "t/unit/site.h"

static const char config[] = "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[server *]\n"
                             "/* = u\n";

/* want NULL: the request has none. */
static void
key_is(struct wr_req *r, enum wr_key_kind kind, const char *name, const char *want)
{
    static const char *const kinds[] = {"client_ip", "host", "path", "uri", "header", "cookie", "query"};
    struct wr_key key = {.kind = (int)kind, .name = wr_str_of(name)};
    struct wr_str value = WR_STR_NONE;

    bool got = wr_key_value(r, &key, &value);
    if (tap_ok(got == (want != NULL), "%s %s: %s", kinds[kind], name, want ? "there is one" : "none") &&
        want) {
        site_is(value, want, "it is \"%s\"", want);
    }
}

static void
key_test_request(struct site *s)
{
    struct wr_req *r = site_request(s,
                                    "GET http://Example.com:8080/a/../%7Eb?q=%41&x=1 HTTP/1.1\r\n"
                                    "Host: Example.com:8080\r\n\r\n");

    key_is(r, WR_KEY_CLIENT_IP, "", NULL);
    site_run(r);
    key_is(r, WR_KEY_CLIENT_IP, "", "192.0.2.1");
    key_is(r, WR_KEY_HOST, "", "example.com");
    key_is(r, WR_KEY_PATH, "", "/~b");
    key_is(r, WR_KEY_URI, "", "/~b?q=%41&x=1");
    site_end(s, r);
    r = site_request(s, "GET /? HTTP/1.0\r\n\r\n");
    site_run(r);
    key_is(r, WR_KEY_HOST, "", NULL);
    key_is(r, WR_KEY_PATH, "", "/");
    key_is(r, WR_KEY_URI, "", "/");
    key_is(r, WR_KEY_QUERY, "q", NULL);
    key_is(r, WR_KEY_COOKIE, "c", NULL);
    site_end(s, r);
}

static void
key_test_header(struct site *s)
{
    struct wr_req *r = site_request(s,
                                    "GET / HTTP/1.1\r\nHost: h\r\nX-Tenant: one\r\nAccept: a, b\r\n"
                                    "x-tenant:two\r\nACCEPT: c\r\nX-Empty:\r\nX-TENANT:  \r\nX-One: 1 2\r\n"
                                    "\r\n");

    key_is(r, WR_KEY_HEADER, "X-One", "1 2");
    key_is(r, WR_KEY_HEADER, "x-ONE", "1 2");
    key_is(r, WR_KEY_HEADER, "X-Tenant", "one, two, ");
    key_is(r, WR_KEY_HEADER, "accept", "a, b, c");
    key_is(r, WR_KEY_HEADER, "X-Empty", "");
    key_is(r, WR_KEY_HEADER, "X-None", NULL);
    key_is(r, WR_KEY_HEADER, "User-Agent", NULL);
    wr_head_remove_name(&r->req, WR_STR("X-Tenant"));
    key_is(r, WR_KEY_HEADER, "X-Tenant", NULL);
    site_end(s, r);
}

static void
key_test_cookie(struct site *s)
{
    struct wr_req *r = site_request(s,
                                    "GET / HTTP/1.1\r\nHost: h\r\nCookie: sid2=x; Sid=y\r\n"
                                    "Cookie: sid = \"z\" ; sid=w\r\n\r\n");

    key_is(r, WR_KEY_COOKIE, "sid", "\"z\"");
    key_is(r, WR_KEY_COOKIE, "Sid", "y");
    key_is(r, WR_KEY_COOKIE, "SID", NULL);
    site_end(s, r);
}

static void
key_test_query(struct site *s)
{
    struct wr_req *r = site_request(s,
                                    "GET /?ab=0&%61=%31%2B+%zz%&a=2&flag&b=&c=x%20y&d=1=2 HTTP/1.1\r\n"
                                    "Host: h\r\n\r\n");

    key_is(r, WR_KEY_QUERY, "a", "1++%zz%");
    key_is(r, WR_KEY_QUERY, "ab", "0");
    key_is(r, WR_KEY_QUERY, "flag", "");
    key_is(r, WR_KEY_QUERY, "b", "");
    key_is(r, WR_KEY_QUERY, "c", "x y");
    key_is(r, WR_KEY_QUERY, "d", "1=2");
    key_is(r, WR_KEY_QUERY, "A", NULL);
    key_is(r, WR_KEY_QUERY, "fla", NULL);
    key_is(r, WR_KEY_QUERY, "flags", NULL);
    site_end(s, r);
}

int
main(void)
{
    struct site s;

    site_load_or_die(&s, config);
    key_test_request(&s);
    key_test_header(&s);
    key_test_cookie(&s);
    key_test_query(&s);
    site_free(&s);
    return tap_done();
}
