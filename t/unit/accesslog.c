/*
 * Access log lines: `combined` as nginx writes it, `json` always valid, both
 * within their bounds whatever a client sends.
 */
#include "core/http/accesslog.h"

#include "t/unit/site.h"

static const char config[] = "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[log a]\n"
                             "path = /tmp/a.log\n"
                             "[log j]\n"
                             "path = /tmp/j.log\n"
                             "format = json\n"
                             "[log r]\n"
                             "path = /tmp/r.log\n"
                             "redact = token Authorization user-agent\n"
                             "[log rj]\n"
                             "path = /tmp/rj.log\n"
                             "format = json\n"
                             "redact = token\n"
                             "[log s]\n"
                             "path = /tmp/s.log\n"
                             "sample = 10\n"
                             "[server a.example]\n"
                             "/* = u\n"
                             "access_log = a\n"
                             "[server j.example]\n"
                             "/* = u\n"
                             "access_log = j\n"
                             "[server r.example]\n"
                             "/* = u\n"
                             "access_log = r\n"
                             "[server rj.example]\n"
                             "/* = u\n"
                             "access_log = rj\n"
                             "[server s.example]\n"
                             "/* = u\n"
                             "access_log = s\n"
                             "[server off.example]\n"
                             "/* = u\n";

static const char then[] = "24/Nov/2026:05:23:48 +0000";

/* The line of a request to that server with that target and fields, answered with 200 and 1234 bytes. */
static struct wr_str
line_of(struct site *s, const char *host, const char *target, const char *fields)
{
    static char head[70000];

    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target, host, fields);
    struct wr_req *r = site_request(s, head);
    wr_assert(r);
    site_run(r);
    r->status = 200;
    r->head_sent = true;
    r->body_sent_bytes = 1234;
    r->head_sent_bytes = 100;
    memcpy(wr_clock.log_time, then, 26);
    memcpy(wr_clock.iso_time, "2026-11-24T05:23:48+00:00", 25);
    wr_accesslog_write(r);
    struct wr_str line = wr_pool_str(&s->pool, site_log_line(s));
    r->route = s->model->listens[0]->preset_route; /* the end shall not log it again */
    site_end(s, r);
    return line;
}

#define COMBINED(user, request, rest)                                                                        \
    "192.0.2.1 - " user " [24/Nov/2026:05:23:48 +0000] \"" request "\" 200 1234 " rest

static void
test_combined(struct site *s)
{
    const char *h = "a.example";

    site_is(line_of(s, h, "/", ""), COMBINED("-", "GET / HTTP/1.1", "\"-\" \"-\""), "a plain line");
    site_is(line_of(s, h, "/a?b=c", "Referer: http://r/?x=1\r\nUser-Agent: curl/8\r\n"),
            COMBINED("-", "GET /a?b=c HTTP/1.1", "\"http://r/?x=1\" \"curl/8\""), "with referer and agent");
    site_is(line_of(s, h, "/", "User-Agent: a\"b\\c\td\x80\xff\r\n"),
            COMBINED("-", "GET / HTTP/1.1", "\"-\" \"a\\x22b\\x5Cc\\x09d\\x80\\xFF\""),
            "escaped as nginx does");
    site_is(line_of(s, h, "/\"<>", ""), COMBINED("-", "GET /\\x22<> HTTP/1.1", "\"-\" \"-\""),
            "the target too");
    site_is(line_of(s, h, "/", "Referer:\r\nUser-Agent: \r\n"), COMBINED("-", "GET / HTTP/1.1", "\"\" \"\""),
            "empty is not absent");
    site_is(line_of(s, h, "/", "User-Agent: a\r\nUser-Agent: b\r\n"),
            COMBINED("-", "GET / HTTP/1.1", "\"-\" \"a, b\""), "several are joined");
}

static void
test_user(struct site *s)
{
    static const struct {
        const char *field;
        const char *user;
    } cases[] = {
        {"Basic YWxpY2U6c2VjcmV0", "alice"}, /* alice:secret */
        {"basic   YWxpY2U6c2VjcmV0", "alice"},
        {"Basic YWxpY2U6", "alice"},  /* alice: */
        {"Basic YTpi", "a"},          /* a:b */
        {"Basic YWI6YzpkZQ==", "ab"}, /* ab:c:de */
        {"Basic YWxpY2U=", "-"},      /* alice */
        {"Basic OnNlY3JldA==", "-"},  /* :secret */
        {"Basic YWxpY2U6c2VjcmV0!", "-"},
        {"Basic ", "-"},
        {"Basic", "-"},
        {"Bearer YWxpY2U6c2VjcmV0", "-"},
        {"Basic YSJiXA06eA==", "a\\x22b\\x5C\\x0D"}, /* a"b\ CR :x */
        {"Basic w6k6eA==", "\\xC3\\xA9"},
        {"Basic Y", "-"},
    };

    for (unsigned i = 0; i < WR_ARRAY_LEN(cases); i++) {
        char field[128], want[256];
        snprintf(field, sizeof(field), "Authorization: %s\r\n", cases[i].field);
        snprintf(want, sizeof(want), COMBINED("%s", "GET / HTTP/1.1", "\"-\" \"-\""), cases[i].user);
        site_is(line_of(s, "a.example", "/", field), want, "the user of %s", cases[i].field);
    }
}

/* ---- what was not answered ---- */

static struct wr_str
failed(struct site *s, enum wr_err err, const char *raw, uint16_t status)
{
    struct wr_req *r = wr_req_new(&s->sv, &site_front, NULL, &s->client);
    struct wr_route rt = *r->route;

    rt.log_index = 0;
    r->route = &rt;
    r->err = err;
    r->status = status;
    r->request_line = wr_str_of(raw);
    memcpy(wr_clock.log_time, then, 26);
    wr_accesslog_write(r);
    r->route = s->model->listens[0]->preset_route;
    site_end(s, r);
    return site_log_line(s);
}

static void
test_failed(struct site *s)
{
    site_is(failed(s, WR_E_BAD_REQUEST_LINE, "", 0),
            "192.0.2.1 - - [24/Nov/2026:05:23:48 +0000] \"-\" 400 0 \"-\" \"-\"", "no first line");
    site_is(failed(s, WR_E_TLS_ON_PLAIN, "\x16\x03\x01\x02", 0),
            "192.0.2.1 - - [24/Nov/2026:05:23:48 +0000] \"\\x16\\x03\\x01\\x02\" 400 0 \"-\" \"-\"",
            "TLS on a plain port");
    site_is(failed(s, WR_E_BAD_VERSION, "GET / HTTP/x\r", 0),
            "192.0.2.1 - - [24/Nov/2026:05:23:48 +0000] \"GET / HTTP/x\" 400 0 \"-\" \"-\"", "a bad version");
    site_is(failed(s, WR_E_PROXY_HEADER, "", 0),
            "192.0.2.1 - - [24/Nov/2026:05:23:48 +0000] \"-\" 000 0 \"-\" \"-\"", "nobody was answered");
    site_is(failed(s, WR_E_CLIENT_CLOSED, "GET / HTTP/1.1", 200),
            "192.0.2.1 - - [24/Nov/2026:05:23:48 +0000] \"GET / HTTP/1.1\" 499 0 \"-\" \"-\"",
            "a client that left before the head was sent");
}

/* ---- json ---- */

static void
skip_blank(const char **p, const char *end)
{
    while (*p < end && (**p == ' ' || **p == '\t')) {
        (*p)++;
    }
}

/* A string of RFC 8259; its UTF-8 is checked by wr_escape: what is valid passes unchanged. */
static bool
json_string(const char **p, const char *end)
{
    if (*p == end || *(*p)++ != '"') {
        return false;
    }
    while (*p < end && **p != '"') {
        unsigned char c = (unsigned char)*(*p)++;
        if (c < 0x20) {
            return false;
        }
        if (c != '\\') {
            continue;
        }
        if (*p == end || !strchr("\"\\/bfnrtu", **p)) {
            return false;
        }
        if (*(*p)++ == 'u' && (end - *p < 4 || strspn(*p, "0123456789abcdefABCDEF") < 4)) {
            return false;
        }
    }
    return *p < end && *(*p)++ == '"';
}

static bool
json_number(const char **p, const char *end)
{
    const char *from = *p;

    while (*p < end && ((**p >= '0' && **p <= '9') || **p == '.')) {
        (*p)++;
    }
    return *p > from;
}

static bool json_members(const char **p, const char *end);

/* A string, a number, null, or a list of objects. */
static bool
json_value(const char **p, const char *end)
{
    if (end - *p >= 4 && memcmp(*p, "null", 4) == 0) {
        *p += 4;
        return true;
    }
    if (*p == end || **p != '[') {
        return *p < end && **p == '"' ? json_string(p, end) : json_number(p, end);
    }
    do {
        (*p)++;
        if (!json_members(p, end)) {
            return false;
        }
    } while (*p < end && **p == ',');
    return *p < end && *(*p)++ == ']';
}

static bool
json_members(const char **p, const char *end)
{
    if (*p == end || **p != '{') {
        return false;
    }
    do {
        (*p)++;
        skip_blank(p, end);
        if (!json_string(p, end) || *p == end || *(*p)++ != ':' || !json_value(p, end)) {
            return false;
        }
    } while (*p < end && **p == ',');
    return *p < end && *(*p)++ == '}';
}

static bool
json_object(struct wr_str line)
{
    const char *p = line.p, *end = line.p + line.n;
    char again[WR_LOGRING_LINE_BYTES];

    for (size_t i = 0; i < line.n; i++) {
        if ((unsigned char)line.p[i] >= 0x80) { /* valid UTF-8 is what wr_escape leaves alone */
            size_t n = WR_MIN((size_t)4, line.n - i);
            wr_escape(again, sizeof(again), wr_str_make(line.p + i, n), WR_ESCAPE_JSON);
            if (again[0] == '\\') {
                return false;
            }
            i += (unsigned char)line.p[i] >= 0xf0 ? 3 : (unsigned char)line.p[i] >= 0xe0 ? 2 : 1;
        }
    }
    return json_members(&p, end) && p == end;
}

static void
test_json(struct site *s)
{
    struct wr_str line = line_of(s, "j.example", "/a/../b?x=%20",
                                 "User-Agent: \"\\\xc3\xa9\t\xff\r\nX-Request-ID: x\r\nReferer: r\r\n");
    char text[4096];
    const char *id = memmem(line.p, line.n, "request_id\":\"", 13);

    wr_assert(id);
    memset((char *)(uintptr_t)id + 13, '0', 32);
    tap_ok(json_object(line), "it is JSON");
    snprintf(text, sizeof(text), "%.*s", (int)line.n, line.p);
    tap_is_str(
        text,
        "{\"time_iso8601\":\"2026-11-24T05:23:48+00:00\",\"remote_addr\":\"192.0.2.1\",\"peer_addr\":\"192.0.2.1\","
        "\"remote_user\":\"\",\"connection\":7,\"connection_requests\":0,"
        "\"request_id\":\"00000000000000000000000000000000\",\"request\":\"GET /a/../b?x=%20 HTTP/1.1\","
        "\"request_method\":\"GET\",\"scheme\":\"http\",\"host\":\"j.example\",\"request_uri\":\"/a/../b?x=%20\","
        "\"uri\":\"/b\",\"server_protocol\":\"HTTP/1.1\",\"http_referer\":\"r\","
        "\"http_user_agent\":\"\\\"\\\\\xc3\xa9\\u0009\\ufffd\",\"request_length\":0,\"status\":200,"
        "\"bytes_sent\":1334,\"body_bytes_sent\":1234,\"request_time\":0.000,\"reason\":\"\","
        "\"route\":\"j.example/*\",\"upstream\":\"u\",\"upstream_addr\":\"\",\"upstream_status\":null,\"attempts\":0,"
        "\"upstream_connect_time\":null,\"upstream_header_time\":null,\"upstream_response_time\":null}",
        "and says this");
    line = line_of(s, "j.example", "http://j.example?x=1", "");
    tap_ok(memmem(line.p, line.n, "\"request_uri\":\"/?x=1\",", 22) != NULL, "a target without a path");
    line = line_of(s, "j.example", "http://j.example/y?", "");
    tap_ok(memmem(line.p, line.n, "\"request_uri\":\"/y?\",", 20) != NULL, "an empty query");
}

/* ---- attempts ---- */

/* The line of a request that took n attempts. */
static struct wr_str
attempts_line(struct site *s, const char *host, const char *target, unsigned n, const char *server)
{
    static char head[10000];

    snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host);
    struct wr_req *r = site_request(s, head);
    site_run(r);
    r->status = 200;
    r->attempts = n;
    for (unsigned i = 0; i < n; i++) {
        struct wr_attempt *t = wr_req_attempt_add(r);
        wr_assert((t == NULL) == (i >= WR_ATTEMPTS));
        if (t && i + 1 < n) {
            *t = (struct wr_attempt){
                wr_str_of(server), 0, WR_E_UPSTREAM_CONNECT_TIMEOUT, 1000 + i, UINT32_MAX, 7, false};
        } else if (t) {
            t->server = WR_STR("127.0.0.1:2");
            t->status = 200;
            t->first_byte_ms = 12;
            t->ms = 34;
            t->reused = true;
        }
    }
    wr_accesslog_write(r);
    struct wr_str line = wr_pool_str(&s->pool, site_log_line(s));
    r->route = s->model->listens[0]->preset_route;
    site_end(s, r);
    return line;
}

/* The list of attempts and what closes the line; NULL: there is none. */
static const char *
attempts_of(struct wr_str line)
{
    const char *at = memmem(line.p, line.n, ",\"upstream_attempts\":", 21);

    return at ? at + 21 : NULL;
}

#define ATTEMPT_FAILED(n)                                                                                    \
    "{\"server\":\"a\\\"b\",\"status\":null,\"reason\":\"upstream_connect_timeout\","                        \
    "\"connect_time\":1.00" n ",\"header_time\":null,\"response_time\":0.007},"
#define ATTEMPT_LAST                                                                                          \
    "{\"server\":\"127.0.0.1:2\",\"status\":200,\"reason\":\"\",\"connect_time\":null,\"header_time\":0.012," \
    "\"response_time\":0.034}"

static void
test_attempts(struct site *s)
{
    static char longest[8001];
    struct wr_str line = attempts_line(s, "j.example", "/", 1, "a\"b");

    tap_ok(json_object(line) && !attempts_of(line), "one attempt is no list");
    line = attempts_line(s, "j.example", "/", 2, "a\"b");
    tap_ok(json_object(line), "two are, in JSON");
    tap_is_str(attempts_of(line), "[" ATTEMPT_FAILED("0") ATTEMPT_LAST "]}",
               "with all that is known of them");
    line = attempts_line(s, "j.example", "/", 5, "a\"b");
    tap_is_str(attempts_of(line),
               "[" ATTEMPT_FAILED("0") ATTEMPT_FAILED("1") ATTEMPT_FAILED("2") ATTEMPT_FAILED("3")
                   ATTEMPT_LAST "]}",
               "in their order");
    line = attempts_line(s, "a.example", "/", 2, "a\"b");
    tap_ok(line.n > 0 && !attempts_of(line), "combined has no such thing");
    memset(longest, '"', sizeof(longest) - 1);
    for (unsigned n = WR_ATTEMPTS; n < WR_ATTEMPTS + 3; n++) {
        static char target[8001];
        memset(target, '"', sizeof(target) - 1);
        target[0] = '/';
        line = attempts_line(s, "j.example", target, n, longest);
        tap_ok(json_object(line) && attempts_of(line), "%u attempts, and all of the longest: JSON", n);
        unsigned listed = 0;
        for (const char *p = line.p; (p = strstr(p, "{\"server\"")); p++) {
            listed++;
        }
        tap_is_int(listed, WR_ATTEMPTS, "sixteen are listed");
    }
}

/* ---- hiding ---- */

static void
test_redact(struct site *s)
{
    const char *h = "r.example";

    site_is(line_of(s, h, "/?token=s3cret", ""), COMBINED("-", "GET /?token=- HTTP/1.1", "\"-\" \"-\""),
            "at the end");
    site_is(line_of(s, h, "/?a=1&token=s3cret&b=2", ""),
            COMBINED("-", "GET /?a=1&token=-&b=2 HTTP/1.1", "\"-\" \"-\""), "in the middle");
    site_is(line_of(s, h, "/?%74OKEN=s3cret&tokens=x&token", ""),
            COMBINED("-", "GET /?%74OKEN=-&tokens=x&token HTTP/1.1", "\"-\" \"-\""), "however it is spelled");
    site_is(line_of(s, h, "/", "Referer: http://x/?token=s3cret#t\r\n"),
            COMBINED("-", "GET / HTTP/1.1", "\"http://x/?token=-\" \"-\""), "in Referer");
    site_is(line_of(s, h, "/", "User-Agent: s3cret\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n"),
            COMBINED("-", "GET / HTTP/1.1", "\"-\" \"-\""), "fields");
    struct wr_str line = line_of(s, "rj.example", "/?token=s3cret", "Referer: /?token=s3cret\r\n");
    tap_ok(json_object(line) && !memmem(line.p, line.n, "s3cret", 6), "and in JSON");
}

static void
test_sample(struct site *s)
{
    unsigned n = 0, failures = 0;

    for (unsigned i = 0; i < 2000; i++) {
        n += line_of(s, "s.example", "/", "").n > 0;
    }
    tap_ok(n > 140 && n < 260, "one of ten is logged (%u of 2000)", n);
    for (unsigned i = 0; i < 50; i++) {
        struct wr_req *r = site_request(s, "GET / HTTP/1.1\r\nHost: s.example\r\n\r\n");
        site_run(r);
        r->err = WR_E_UPSTREAM_RESET;
        site_end(s, r);
        failures += site_log_line(s).n > 0;
    }
    tap_is_int(failures, 50, "and each failure");
    tap_is_int(line_of(s, "off.example", "/", "").n, 0, "off is off");
}

/* ---- bounds ---- */

static void
test_bounds(struct site *s)
{
    static char target[8001], fields[50000];

    target[0] = '/';
    for (unsigned c = 0; c < 4; c++) {
        static const char bytes[] = {'a', '"', '\xff', '\xc3'};
        memset(target + 1, bytes[c], sizeof(target) - 2);
        size_t n = (size_t)sprintf(fields, "Referer: ");
        memset(fields + n, bytes[c], 15000);
        n += 15000;
        n += (size_t)sprintf(fields + n, "\r\nUser-Agent: ");
        memset(fields + n, bytes[c], 15000);
        n += 15000;
        n += (size_t)sprintf(fields + n, "\r\nAuthorization: Basic ");
        memset(fields + n, 'a', 12000);
        n += 12000;
        sprintf(fields + n, "Og==\r\n");
        struct wr_str line = line_of(s, "a.example", target, fields);
        tap_ok(line.n > 8000 && line.n < WR_LOGRING_LINE_BYTES && line.p[line.n - 1] == '"',
               "combined is whole");
        line = line_of(s, "j.example", target, fields);
        tap_ok(line.n > 6000 && line.n < WR_LOGRING_LINE_BYTES && json_object(line), "JSON is valid");
        line = line_of(s, "r.example", target, fields);
        tap_ok(line.n > 4000 && line.n < WR_LOGRING_LINE_BYTES && line.p[line.n - 1] == '"',
               "hidden is whole");
    }
}

static void
test_random(struct site *s)
{
    char target[200], fields[400];
    unsigned bad = 0, broken = 0;

    for (unsigned i = 0; i < 3000; i++) {
        static const char pieces[] =
            "ab%20=&?token=\"\\{}\x7f\x80\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80\xc0\xaf";
        size_t n = 0, m = (size_t)sprintf(fields, "User-Agent: ");
        target[n++] = '/';
        while (n < 150) {
            char c = pieces[rand() % (int)(sizeof(pieces) - 1)];
            target[n++] = c == '%' || c == 0x7f ? 'x' : c;
            fields[m++] = c == 0x7f ? 'x' : c;
        }
        target[n] = '\0';
        strcpy(fields + m, "\r\n");
        bad += !json_object(line_of(s, "rj.example", target, fields));
        struct wr_str line = line_of(s, "r.example", target, fields);
        for (size_t k = 0; k < line.n; k++) {
            broken += (unsigned char)line.p[k] < 0x20 || (unsigned char)line.p[k] > 0x7e;
        }
    }
    tap_is_int(bad, 0, "3000 lines of anything are JSON");
    tap_is_int(broken, 0, "and printable ASCII as combined");
}

static void
test_full(struct site *s)
{
    static char p[16000];
    unsigned n = 0;

    while (wr_logring_reserve(s->ring, sizeof(p))) {
        wr_logring_commit(s->ring, 1, sizeof(p));
        n++;
    }
    tap_ok(n > 20, "the ring is full");
    struct wr_req *r = site_request(s, "GET / HTTP/1.1\r\nHost: j.example\r\n\r\n");
    uint64_t dropped = wr_logring_dropped(s->ring);
    static char longest[8001];
    memset(longest, 'a', 8000);
    site_run(r);
    r->request_line = wr_str_of(longest);
    site_end(s, r);
    tap_is_int((long long)wr_logring_dropped(s->ring), (long long)dropped + 1,
               "and a line that has no room is counted");
}

int
main(void)
{
    struct site s;

    srand(20261124);
    site_load_or_die(&s, config);
    test_combined(&s);
    test_user(&s);
    test_failed(&s);
    test_json(&s);
    test_attempts(&s);
    test_redact(&s);
    test_sample(&s);
    test_bounds(&s);
    test_random(&s);
    test_full(&s);
    site_free(&s);
    return tap_done();
}
