/*
 * The pages of weir's own.
 */
#include "core/http/errorpage.h"

#include "t/unit/site.h"

static const char config[] = "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[server example.com]\n"
                             "/* = u\n";

static struct wr_req *
request(struct site *s, const char *accept)
{
    char head[512];

    snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: example.com\r\n%s%s\r\n\r\n",
             accept ? "Accept: " : "X: ", accept ? accept : "");
    struct wr_req *r = site_request(s, head);
    r->id = WR_STR("0123abcd");
    return r;
}

static void
is_json(struct site *s, const char *accept, bool want)
{
    struct wr_req *r = request(s, accept);
    struct wr_str page = wr_errorpage_make(r, 502);
    const char *type = want ? "application/json" : "text/html; charset=utf-8";

    site_is(wr_head_value(&r->resp, WR_N_CONTENT_TYPE), type, "%s for Accept: %s", want ? "JSON" : "HTML",
            accept ? accept : "(none)");
    tap_is_int(page.p[0], want ? '{' : '<', "and so is the page");
    site_end(s, r);
}

static void
test_accept(struct site *s)
{
    is_json(s, NULL, false);
    is_json(s, "*/*", false);
    is_json(s, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false);
    is_json(s, "application/json", true);
    is_json(s, "Application/JSON", true);
    is_json(s, "application/json, text/plain, */*", true);
    is_json(s, "application/problem+json", true);
    is_json(s, "text/html, application/json", false);
    is_json(s, "text/html;q=0.5, application/json", true);
    is_json(s, "text/html;q=0.5, application/json;q=0.49", false);
    is_json(s, "text/*;q=0.1, application/json;q=0.2", true);
    is_json(s, "application/json;q=0", false);
    is_json(s, "application/json;q=0.001", true);
    is_json(s, "application/json;q=", true);
    is_json(s, "application/json;charset=utf-8;q=0", false);
    is_json(s, "+json", false);
}

static void
test_pages(struct site *s)
{
    struct wr_req *r = request(s, NULL);
    wr_head_add(&r->resp, &r->pool, WR_N_ETAG, WR_STR_NONE, WR_STR("\"old\""));
    struct wr_str page = wr_errorpage_make(r, 404);

    tap_is_int(r->status, 404, "the status is set");
    site_is(r->reason, "Not Found", "the phrase too");
    tap_is_int(r->resp_length, (long long)page.n, "and the length");
    tap_ok(!wr_head_find(&r->resp, WR_N_ETAG), "what stood there is gone");
    site_is(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>404 Not Found</title></head>\n"
        "<body>\n<h1>404 Not Found</h1>\n<p>Request <code>0123abcd</code></p>\n</body>\n</html>\n",
        "the page");
    r->id = WR_STR("<script>");
    page = wr_errorpage_make(r, 404);
    tap_ok(!memmem(page.p, page.n, "script", 6), "an identifier that is none is left out");
    tap_ok(!wr_head_find(&r->resp, WR_N_ALLOW), "no Allow with 404");
    wr_errorpage_make(r, 405);
    site_is(wr_head_value(&r->resp, WR_N_ALLOW), "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH",
            "Allow with 405");
    site_end(s, r);

    r = request(s, "application/json");
    site_is(wr_errorpage_make(r, 503),
            "{\"status\":503,\"title\":\"Service Unavailable\",\"request_id\":\"0123abcd\"}\n",
            "the same as JSON");
    r->id = WR_STR_NONE;
    site_is(wr_errorpage_make(r, 503), "{\"status\":503,\"title\":\"Service Unavailable\"}\n",
            "without an identifier");
    site_end(s, r);
}

static void
test_every_error(struct site *s)
{
    unsigned unknown = 0, unnamed = 0;

    for (unsigned i = 0; i < WR_E_COUNT; i++) {
        uint16_t status = wr_err_info[i].status;
        if (status == 0 || status == 499) {
            continue;
        }
        struct wr_req *r = request(s, NULL);
        r->id = WR_STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
        unknown += wr_status_phrase(status).n == 0;
        struct wr_str page = wr_errorpage_make(r, status);
        unnamed += !memmem(page.p, page.n, r->id.p, r->id.n);
        site_end(s, r);
    }
    tap_is_int(unknown, 0, "each status in err.def has a phrase");
    tap_is_int(unnamed, 0, "each page has room for the longest identifier");
}

int
main(void)
{
    struct site s;

    site_load_or_die(&s, config);
    test_accept(&s);
    test_pages(&s);
    test_every_error(&s);
    site_free(&s);
    site_is(wr_status_phrase(100), "Continue", "the first phrase");
    site_is(wr_status_phrase(511), "Network Authentication Required", "the last phrase");
    site_is(wr_status_phrase(418), "", "no phrase");
    site_is(wr_status_phrase(0), "", "nor before the first");
    site_is(wr_status_phrase(599), "", "nor behind the last");
    return tap_done();
}
