/*
 * Who the client is: what strangers say is dropped, what trusted proxies say
 * is read from the right, and nothing on the left changes how the right is
 * read.
 */
#include "modules/identity/forwarded.h"
#include "t/unit/site.h"

static const char config[] = "[weir]\n"
                             "trusted_proxies = 192.0.2.0/24 2001:db8::/32 10.0.0.1\n"
                             "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[server example.com]\n"
                             "/* = u\n";

/* After HEAD: the client, the scheme, the host and the chain, each behind a bar. */
static const char *
decided(struct site *s, const char *fields)
{
    static char text[2048];
    char head[4096];

    snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: example.com\r\n%s\r\n", fields);
    struct wr_req *r = site_request(s, head);
    if (!r) {
        return "refused";
    }
    site_phase(r, WR_PHASE_HEAD);
    snprintf(text, sizeof(text), "%.*s|%.*s|%.*s|%.*s", WR_STR_ARG(r->client_text), WR_STR_ARG(r->scheme),
             WR_STR_ARG(r->forwarded_host), WR_STR_ARG(r->forwarded_for));
    site_end(s, r);
    return text;
}

/* A chain by X-Forwarded-For and the same by Forwarded. */
static void
decides(struct site *s, const char *fields, const char *want)
{
    tap_is_str(decided(s, fields), want, "%.*s...", (int)strcspn(fields, "\r"), fields);
}

static void
test_x(struct site *s)
{
    decides(s, "", "192.0.2.1|http||");
    decides(s, "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9|http||203.0.113.9");
    decides(s, "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n", "203.0.113.9|http||6.6.6.6, 203.0.113.9");
    decides(s, "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 192.0.2.7\r\n",
            "203.0.113.9|http||6.6.6.6, 203.0.113.9, 192.0.2.7");
    decides(s, "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9,192.0.2.7\r\n",
            "203.0.113.9|http||6.6.6.6, 203.0.113.9,192.0.2.7");
    decides(s, "X-Forwarded-For: 192.0.2.8, 192.0.2.7\r\n", "192.0.2.8|http||192.0.2.8, 192.0.2.7");
    decides(s, "X-Forwarded-For: 6.6.6.6, unknown, 192.0.2.7\r\n",
            "192.0.2.7|http||6.6.6.6, unknown, 192.0.2.7");
    decides(s, "X-Forwarded-For: unknown\r\n", "192.0.2.1|http||unknown");
    decides(s, "X-Forwarded-For: [2001:db8::7]:80\r\n", "2001:db8::7|http||[2001:db8::7]:80");
    decides(s, "X-Forwarded-For: 2001:4860::8, 2001:db8::7\r\n",
            "2001:4860::8|http||2001:4860::8, 2001:db8::7");
    decides(s, "X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9|http||::ffff:203.0.113.9");
    decides(s, "X-Forwarded-For: \"evil, 203.0.113.9\r\n", "203.0.113.9|http||\"evil, 203.0.113.9");
    decides(s, "X-Forwarded-For: ,, 203.0.113.9 ,\r\n", "203.0.113.9|http||,, 203.0.113.9 ,");
    decides(s, "X-Real-IP: 203.0.113.9\r\n", "203.0.113.9|http||203.0.113.9");
    decides(s, "X-Real-IP: rubbish\r\n", "192.0.2.1|http||");
    decides(s, "X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9|http||203.0.113.9");
}

static void
test_x_others(struct site *s)
{
    decides(s, "X-Forwarded-Proto: https\r\n", "192.0.2.1|https||");
    decides(s, "X-Forwarded-Proto: HTTPS\r\n", "192.0.2.1|https||");
    decides(s, "X-Forwarded-Proto: wss\r\n", "192.0.2.1|https||");
    decides(s, "X-Forwarded-Proto: gopher\r\n", "192.0.2.1|http||");
    decides(s, "X-Forwarded-Host: shop.example:81\r\n", "192.0.2.1|http|shop.example:81|");
    decides(s, "X-Forwarded-Host: a b\r\n", "192.0.2.1|http||");
    decides(s, "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\nX-Forwarded-Proto: https, http\r\n",
            "203.0.113.9|https||203.0.113.9, 192.0.2.7");
    decides(s, "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nX-Forwarded-Proto: http, https\r\n",
            "203.0.113.9|https||6.6.6.6, 203.0.113.9");
    decides(s, "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n",
            "203.0.113.9|https||203.0.113.9, 192.0.2.7");
}

static void
test_forwarded(struct site *s)
{
    decides(s, "Forwarded: for=203.0.113.9\r\n", "203.0.113.9|http||203.0.113.9");
    decides(s, "Forwarded: for=6.6.6.6, for=203.0.113.9;proto=https, for=192.0.2.7;proto=http\r\n",
            "203.0.113.9|https||6.6.6.6, 203.0.113.9, 192.0.2.7");
    decides(s, "Forwarded: for=\"[2001:4860::8]:4711\";host=a.example\r\n",
            "2001:4860::8|http|a.example|2001:4860::8");
    decides(s, "Forwarded: For=203.0.113.9 ; Proto=https ;by=203.0.113.43\r\n",
            "203.0.113.9|https||203.0.113.9");
    decides(s, "Forwarded: for=6.6.6.6\r\nForwarded: for=203.0.113.9\r\n",
            "203.0.113.9|http||6.6.6.6, 203.0.113.9");
    decides(s, "Forwarded: for=unknown;proto=https\r\n", "192.0.2.1|https||unknown");
    decides(s, "Forwarded: for=_hidden, for=192.0.2.7\r\n", "192.0.2.7|http||unknown, 192.0.2.7");
    decides(s, "Forwarded: for=203.0.113.9:80\r\n", "203.0.113.9|http||203.0.113.9");
    decides(s, "Forwarded: \r\n", "192.0.2.1|http||");
    decides(s, "Forwarded: proto=https\r\n", "192.0.2.1|https||unknown");
}

static void
test_both(struct site *s)
{
    decides(s, "Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 6.6.6.6\r\n", "203.0.113.9|http||203.0.113.9");
    decides(s, "X-Forwarded-For: 203.0.113.9\r\nForwarded: proto=https\r\nX-Forwarded-Host: h.example\r\n",
            "203.0.113.9|https|h.example|203.0.113.9");
    decides(s, "Forwarded: for=203.0.113.9\r\nX-Forwarded-Proto: https\r\n",
            "203.0.113.9|https||203.0.113.9");
}

/* What a client writes is on the left of what a proxy appends. */
static void
test_malformed(struct site *s)
{
    decides(s, "Forwarded: for=\"evil, for=203.0.113.9\r\n", "203.0.113.9|http||unknown, 203.0.113.9");
    decides(s, "Forwarded: for=\"evil, for=6.6.6.6, for=203.0.113.9\r\n",
            "203.0.113.9|http||unknown, 6.6.6.6, 203.0.113.9");
    decides(s, "Forwarded: for=6.6.6.6;x=\", for=\"[2001:4860::8]\"\r\n",
            "2001:4860::8|http||unknown, 2001:4860::8");
    decides(s, "Forwarded: x y z, for=192.0.2.7\r\n", "192.0.2.7|http||unknown, 192.0.2.7");
    decides(s, "Forwarded: for=6.6.6.6\r\nForwarded: !, for=192.0.2.7\r\n",
            "192.0.2.7|http||6.6.6.6, unknown, 192.0.2.7");
    decides(s, "Forwarded: for=6.6.6.6;for=203.0.113.9\r\n", "192.0.2.1|http||unknown");
    decides(s, "Forwarded: \"\r\nX-Forwarded-For: 6.6.6.6\r\n", "192.0.2.1|http||unknown");
    decides(s, "Forwarded: for=\"6.6.6.6\\\"\", for=203.0.113.9\r\n",
            "203.0.113.9|http||unknown, 203.0.113.9");
}

static void
test_bounded(struct site *s)
{
    char fields[2048] = "X-Forwarded-For: 6.6.6.6";

    for (int i = 0; i < 40; i++) {
        strcat(fields, ", 192.0.2.7");
    }
    strcat(fields, "\r\n");
    tap_ok(strncmp(decided(s, fields), "192.0.2.7|", 10) == 0,
           "a chain of 41 hops is not followed to its end");
}

/* ---- strangers ---- */

static void
gone(struct site *s, const char *field, bool want)
{
    char head[256];

    snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: example.com\r\n%s: 6.6.6.6\r\n\r\n", field);
    struct wr_req *r = site_request(s, head);
    site_phase(r, WR_PHASE_HEAD);
    struct wr_field *f = &r->req.fields[1];
    tap_is_int((f->flags & WR_FIELD_GONE) != 0, want, "a stranger's %s %s", field,
               want ? "is dropped" : "stays");
    site_is(r->client_text, "198.51.100.1", "and is not believed");
    site_end(s, r);
}

static void
test_strangers(struct site *s)
{
    static const char *const dropped[] = {
        "X-Forwarded-For",  "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP",
        "X-Request-ID",     "Forwarded",        "x-forwarded-for",   "X_Forwarded_For",  "X-Forwarded_For",
        "x_forwarded-host", "X_REAL_IP",        "X_Request_Id",      "X_Forwarded_Port", "X-Forwarded_Proto",
    };
    static const char *const kept[] = {"X_Forwarded_Fo", "X_Forwarded_Forx", "XX_Real_IP",
                                       "Forwarded_",     "X-Other",          "_"};

    wr_ip_parse(WR_STR("198.51.100.1"), &s->client.peer_ip);
    for (unsigned i = 0; i < WR_ARRAY_LEN(dropped); i++) {
        gone(s, dropped[i], true);
    }
    for (unsigned i = 0; i < WR_ARRAY_LEN(kept); i++) {
        gone(s, kept[i], false);
    }
    wr_ip_parse(WR_STR("192.0.2.1"), &s->client.peer_ip);
}

/* ---- identifiers ---- */

static void
test_id(struct site *s, const char *id, bool taken)
{
    char head[512];

    snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: example.com\r\nX-Request-ID: %s\r\n\r\n", id);
    struct wr_req *r = site_request(s, head);
    site_phase(r, WR_PHASE_HEAD);
    if (taken) {
        site_is(r->id, id, "the identifier %.20s is taken", id);
    } else {
        tap_is_int(r->id.n, 32, "another one than %.20s is made", id);
    }
    site_end(s, r);
}

static void
test_ids(struct site *s)
{
    char longest[140];

    memset(longest, 'a', sizeof(longest));
    test_id(s, "0f8fad5b-d9cb-469f-a165-70867728950e", true);
    test_id(s, "Root=1-67891233-abcdef012345678912345678", true);
    test_id(s, "a b", false);
    test_id(s, "a\"b", false);
    test_id(s, "", false);
    longest[128] = '\0';
    test_id(s, longest, true);
    memset(longest, 'a', 129);
    longest[129] = '\0';
    test_id(s, longest, false);
}

/* ---- what is answered here ---- */

static struct wr_req *
head(struct site *s, const char *text)
{
    struct wr_req *r = site_request(s, text);

    wr_assert(r);
    tap_is_int(site_phase(r, WR_PHASE_HEAD), WR_DONE, "%.*s is answered", (int)strcspn(text, "\r"), text);
    return r;
}

static void
test_answers(struct site *s)
{
    struct wr_req *r = head(s, "OPTIONS * HTTP/1.1\r\nHost: other.example\r\n\r\n");
    tap_is_int(r->status, 204, "with 204");
    site_is(wr_head_value(&r->resp, WR_N_ALLOW), "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH", "and Allow");
    tap_is_int(r->err, WR_E_NONE, "which is no failure");
    site_end(s, r);

    r = head(s, "OPTIONS / HTTP/1.1\r\nHost: example.com\r\nMax-Forwards: 0\r\n\r\n");
    tap_is_int(r->status, 204, "with 204, as it goes no further");
    site_end(s, r);

    r = site_request(s, "OPTIONS / HTTP/1.1\r\nHost: example.com\r\nMax-Forwards: 10\r\n\r\n");
    tap_is_int(site_phase(r, WR_PHASE_HEAD), WR_NEXT, "OPTIONS goes on");
    site_is(wr_head_value(&r->req, WR_N_MAX_FORWARDS), "9", "with a hop less");
    site_end(s, r);

    r = site_request(s, "GET / HTTP/1.1\r\nHost: example.com\r\nMax-Forwards: 0\r\n\r\n");
    tap_is_int(site_phase(r, WR_PHASE_HEAD), WR_NEXT, "for GET it means nothing");
    site_end(s, r);
}

static void
loops(struct site *s, const char *via, bool want)
{
    char text[512];

    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: example.com\r\n%s\r\n", via);
    struct wr_req *r = site_request(s, text);
    site_phase(r, WR_PHASE_HEAD);
    tap_is_int(r->err, want ? WR_E_LOOP : WR_E_NONE, "%.*s is %s loop", (int)strcspn(via, "\r"), via,
               want ? "a" : "no");
    site_end(s, r);
}

static void
test_loops(struct site *s)
{
    loops(s, "Via: 1.1 weir-0123abcd\r\n", false);
    loops(s, "Via: 1.1 weir-0123abcd, 1.1 weir-0123abcd\r\n", true);
    loops(s, "Via: 1.1 weir-0123abcd\r\nVia: 1.0 b (c), HTTP/2 weir-0123abcd (weir)\r\n", true);
    loops(s, "Via: 1.1 weir-0123abcd, 1.1 weir-ffffffff\r\n", false);
    loops(s, "Via: 1.1 x (\", 1.1 weir-0123abcd, 1.1 weir-0123abcd\r\n", true);
    loops(s, "Via: weir-0123abcd weir, weir-0123abcd\r\n", false);
}

static void
test_element(const char *text, enum wr_forwarded_verdict want, const char *node, const char *proto,
             const char *host)
{
    struct wr_str rest = wr_str_of(text);
    struct wr_forwarded el;

    tap_is_int(wr_forwarded_next(&rest, &el), want, "verdict on %s", text);
    if (want == WR_FORWARDED_OK) {
        site_is(el.node, node, "for=");
        site_is(el.proto, proto, "proto=");
        site_is(el.host, host, "host=");
    }
}

static void
test_elements(void)
{
    test_element("for=1.2.3.4", WR_FORWARDED_OK, "1.2.3.4", "", "");
    test_element(";for=a;;proto=b;,host=c", WR_FORWARDED_OK, "a", "b", "");
    test_element("FOR=\"a,b;c\" ;host=\"\"", WR_FORWARDED_OK, "a,b;c", "", "");
    test_element("secret=x;by=y", WR_FORWARDED_OK, "", "", "");
    test_element("for=[::1]:80;host=a:81", WR_FORWARDED_OK, "[::1]:80", "", "a:81");
    test_element("", WR_FORWARDED_END, "", "", "");
    test_element(" ,; , ", WR_FORWARDED_END, "", "", "");
    test_element("for", WR_FORWARDED_BAD, "", "", "");
    test_element("for=", WR_FORWARDED_BAD, "", "", "");
    test_element("for =a", WR_FORWARDED_BAD, "", "", "");
    test_element("for= a", WR_FORWARDED_BAD, "", "", "");
    test_element("for=a b", WR_FORWARDED_BAD, "", "", "");
    test_element("for=\"a\"b", WR_FORWARDED_BAD, "", "", "");
    test_element("for=\"a", WR_FORWARDED_BAD, "", "", "");
    test_element("for=\"a\\", WR_FORWARDED_BAD, "", "", "");
    test_element("for=a;FOR=b", WR_FORWARDED_BAD, "", "", "");
}

int
main(void)
{
    struct site s;

    site_load_or_die(&s, config);
    wr_log_set(NULL, NULL, WR_LOG_ALERT);
    test_x(&s);
    test_x_others(&s);
    test_forwarded(&s);
    test_both(&s);
    test_malformed(&s);
    test_bounded(&s);
    test_strangers(&s);
    test_ids(&s);
    test_answers(&s);
    test_loops(&s);
    site_free(&s);
    test_elements();
    return tap_done();
}
