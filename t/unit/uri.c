/* core/proto/uri: the forms of a target, the canonical path and its flags, hosts and ports, queries. */
#include "core/proto/uri.h"

#include <stdlib.h>

#include "t/unit/tap.h"

static void
uri_test_parse_good(void)
{
    static const struct {
        const char *target, *scheme, *authority, *path, *query; /* query NULL: none */
        enum wr_uri_form form;
        bool connect;
    } rows[] = {
        {"/", "", "", "/", NULL, WR_URI_ORIGIN, false},
        {"/a/b", "", "", "/a/b", NULL, WR_URI_ORIGIN, false},
        {"/a?b=c?d/e", "", "", "/a", "b=c?d/e", WR_URI_ORIGIN, false},
        {"/a?", "", "", "/a", "", WR_URI_ORIGIN, false},
        {"//a//b", "", "", "//a//b", NULL, WR_URI_ORIGIN, false},
        {"/a%00%2f", "", "", "/a%00%2f", NULL, WR_URI_ORIGIN, false},
        {"/a%20b%zz", "", "", NULL, NULL, WR_URI_ORIGIN, false},
        {"/a?b%zz%", "", "", "/a", "b%zz%", WR_URI_ORIGIN, false},
        {"/\"<>\\^`{|}\x80\xff", "", "", "/\"<>\\^`{|}\x80\xff", NULL, WR_URI_ORIGIN, false},
        {"/http://a/b", "", "", "/http://a/b", NULL, WR_URI_ORIGIN, false},
        {"*", "", "", "", NULL, WR_URI_ASTERISK, false},
        {"http://a/b?c", "http", "a", "/b", "c", WR_URI_ABSOLUTE, false},
        {"HTTPS://Example.com:8443", "HTTPS", "Example.com:8443", "/", NULL, WR_URI_ABSOLUTE, false},
        {"http://a?b", "http", "a", "/", "b", WR_URI_ABSOLUTE, false},
        {"http://[::1]:80/", "http", "[::1]:80", "/", NULL, WR_URI_ABSOLUTE, false},
        {"http://a:/", "http", "a:", "/", NULL, WR_URI_ABSOLUTE, false},
        {"http://a//b", "http", "a", "//b", NULL, WR_URI_ABSOLUTE, false},
        {"a.example:443", "", "a.example:443", "", NULL, WR_URI_AUTHORITY, true},
        {"[::1]:443", "", "[::1]:443", "", NULL, WR_URI_AUTHORITY, true},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct wr_uri u;
        bool ok = wr_uri_parse(wr_str_of(rows[i].target), rows[i].connect, &u);
        if (rows[i].path == NULL) {
            tap_ok(!ok, "'%s' is refused", "a bad escape in the path");
            continue;
        }
        tap_ok(ok && u.form == rows[i].form, "parse row %zu", i);
        tap_ok(wr_str_eq(u.scheme, wr_str_of(rows[i].scheme)) &&
                   wr_str_eq(u.authority, wr_str_of(rows[i].authority)) &&
                   wr_str_eq(u.path, wr_str_of(rows[i].path)),
               "its parts");
        tap_ok(u.has_query == (rows[i].query != NULL) && wr_str_eq(u.query, wr_str_of(rows[i].query)),
               "its query");
    }
}

static void
uri_test_parse_bad(void)
{
    static const char *const bad[] = {
        "",
        "a",
        "a/b",
        "?a",
        "**",
        "*/",
        "/a#b",
        "/a?b#c",
        "#",
        "/a b",
        "/a\tb",
        "/a\x7f",
        "/a?b c",
        "/a?\x01",
        "/%",
        "/%4",
        "/%4g",
        "/%g4",
        "/a%2",
        "/%%41",
        "http:",
        "http:/",
        "http://",
        "http:///a",
        "http://?a",
        "http://:80/",
        "http:a",
        "ftp://a/",
        "javascript:a",
        "://a/",
        "http//a",
        "http://a@b/",
        "http://a:b@c/",
        "http://a:b/",
        "http://a:99999/",
        "http://[::1/",
        "http://a]/",
        "http://a%/",
        "http://a/%",
        "http://a\\b/",
        "http://a|b/",
        "https://a:80:80/",
        "a.example:443",
        "http://a b/",
        "http://\xc3\xa4/",
        "h ttp://a/",
        "http://[1.2.3.4]/",
    };
    static const char *const bad_connect[] = {
        "",       "/",       "*",        "a",         "a:",      "a:0",    ":443",   "a:b",
        "a:443/", "a:443?b", "a:443#b",  "u@a:443",   "a:65536", "a:-1",   "a: 443", "http://a:443",
        "[::1]",  "::1:443", "[::1:443", "a:443:443", "a b:443", "a%:443",
    };
    struct wr_uri u;
    for (size_t i = 0; i < WR_ARRAY_LEN(bad); i++) {
        tap_ok(!wr_uri_parse(wr_str_of(bad[i]), false, &u), "bad target %zu", i);
    }
    tap_ok(!wr_uri_parse(WR_STR("/a\0b"), false, &u), "a NUL");
    for (size_t i = 0; i < WR_ARRAY_LEN(bad_connect); i++) {
        tap_ok(!wr_uri_parse(wr_str_of(bad_connect[i]), true, &u), "'%s' for CONNECT", bad_connect[i]);
    }
}

/* canon, with all that has to be true of it whatever the path. */
static struct wr_str
uri_canon(const char *path, size_t n, uint32_t *flags, bool *same)
{
    static char dst[4096], again[12288];
    struct wr_str canon, twice;
    uint32_t flags_twice;
    char *copy = malloc(n);
    memcpy(copy, path, n);
    memset(dst, '#', sizeof(dst));
    wr_uri_canon(wr_str_make(copy, n), dst, &canon, flags);
    bool is_canon = wr_uri_is_canon(wr_str_make(copy, n));
    *same = canon.p == copy;
    tap_ok(!*same || (canon.n == n && dst[0] == '#'), "unchanged is the input, dst untouched");
    tap_ok(*same || canon.p == dst, "changed is dst");
    tap_ok(*same || canon.n != n || memcmp(canon.p, path, n) != 0, "changed is not what it was");
    tap_ok(canon.n <= 3 * n && dst[3 * n] == '#', "at most three times as long");
    tap_ok(is_canon == (*same && *flags == 0), "is_canon knows");
    if (*same) {
        memcpy(dst, copy, n);
        canon.p = dst;
    }
    free(copy);
    wr_uri_canon(canon, again, &twice, &flags_twice);
    tap_ok(wr_str_eq(canon, twice) && twice.p == canon.p, "the canonical path of a canonical path is itself");
    return canon;
}

struct uri_canon_row {
    const char *path, *canon;
    uint32_t flags;
};

static void
uri_test_canon_rows(const struct uri_canon_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t flags;
        bool same;
        struct wr_str canon = uri_canon(rows[i].path, strlen(rows[i].path), &flags, &same);
        tap_is_mem(canon.p, canon.n, rows[i].canon, strlen(rows[i].canon), "canonical path of row %zu: %s", i,
                   rows[i].canon);
        tap_is_int(flags, rows[i].flags, "its flags");
        tap_ok(same == (strcmp(rows[i].path, rows[i].canon) == 0), "same only if nothing changed");
    }
}

static void
uri_test_canon_bytes(void)
{
    static const struct uri_canon_row rows[] = {
        {"/", "/", 0},
        {"/a/b.c/d-e_f~g", "/a/b.c/d-e_f~g", 0},
        {"/!$&'()*+,;=:@", "/!$&'()*+,;=:@", 0},
        {"/%41%7a%30%2D%2e%5f%7E", "/Az0-._~", 0},
        {"/%21%24%26%27%28%29%2a%2b%2c%3b%3d%3a%40", "/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40", 0},
        {"/%20%22%3c%3E", "/%20%22%3C%3E", 0},
        {"/%C3%A4", "/%C3%A4", 0},
        {"/%c3%a4", "/%C3%A4", 0},
        {"/\xc3\xa4", "/%C3%A4", 0},
        {"/\xc3%a4", "/%C3%A4", 0},
        {"/\"<>^`{|}[]", "/%22%3C%3E%5E%60%7B%7C%7D%5B%5D", 0},
        {"/a b?c#d", "/a%20b%3Fc%23d", 0},
        {"/%252e%252e/a", "/%252e%252e/a", 0},
        {"/%25", "/%25", 0},
        {"/%", "/%25", 0},
        {"/%2", "/%252", 0},
        {"/%zz", "/%25zz", 0},
        {"/%%32%65", "/%252e", 0},
        {"/%2f", "/%2F", WR_URI_ENC_SLASH},
        {"/a%2Fb", "/a%2Fb", WR_URI_ENC_SLASH},
        {"/a%5cb", "/a%5Cb", WR_URI_ENC_BACKSLASH},
        {"/a\\b", "/a\\b", WR_URI_BACKSLASH},
        {"/a%00b", "/a%00b", WR_URI_ENC_NUL},
        {"/%01", "/%01", WR_URI_ENC_CONTROL},
        {"/%1f", "/%1F", WR_URI_ENC_CONTROL},
        {"/%0d%0a", "/%0D%0A", WR_URI_ENC_CONTROL},
        {"/%7f", "/%7F", WR_URI_ENC_CONTROL},
        {"/\x01\x7f", "/%01%7F", WR_URI_ENC_CONTROL},
        {"/%2f%5c%00\\", "/%2F%5C%00\\",
         WR_URI_ENC_SLASH | WR_URI_ENC_BACKSLASH | WR_URI_ENC_NUL | WR_URI_BACKSLASH},
    };
    uri_test_canon_rows(rows, WR_ARRAY_LEN(rows));
}

static void
uri_test_canon_segments(void)
{
    static const struct uri_canon_row rows[] = {
        {"/a/./b", "/a/b", 0},
        {"/./", "/", 0},
        {"/.", "/", 0},
        {"/a/.", "/a/", 0},
        {"/a/b/../c", "/a/c", 0},
        {"/a/b/..", "/a/", 0},
        {"/a/..", "/", 0},
        {"/a/../", "/", 0},
        {"/a/../a/b", "/a/b", 0},
        {"/a/b/../../c", "/c", 0},
        {"/..", "/", WR_URI_ABOVE_ROOT},
        {"/../", "/", WR_URI_ABOVE_ROOT},
        {"/../a", "/a", WR_URI_ABOVE_ROOT},
        {"/a/../../b", "/b", WR_URI_ABOVE_ROOT},
        {"/a/../../../b/..", "/", WR_URI_ABOVE_ROOT},
        {"/.well-known/x", "/.well-known/x", 0},
        {"/...", "/...", 0},
        {"/..a/.b/c./d..", "/..a/.b/c./d..", 0},
        {"/a/.../b", "/a/.../b", 0},
        {"//", "/", 0},
        {"//a", "/a", 0},
        {"/a//b///c", "/a/b/c", 0},
        {"/a//", "/a/", 0},
        {"/a//../b", "/b", 0},
        {"/a/.//./b", "/a/b", 0},
        {"/%2e", "/", 0},
        {"/%2E%2e/a", "/a", WR_URI_ABOVE_ROOT},
        {"/a/%2e%2e/b", "/b", 0},
        {"/a/.%2e/b", "/b", 0},
        {"/a/%2e./b", "/b", 0},
        {"/a/%2e/b", "/a/b", 0},
        {"/a/%252e%252e/b", "/a/%252e%252e/b", 0},
        {"/a/..%2fb", "/a/..%2Fb", WR_URI_ENC_SLASH},
        {"/a/..%5cb", "/a/..%5Cb", WR_URI_ENC_BACKSLASH},
        {"/a/..\\b", "/a/..\\b", WR_URI_BACKSLASH},
        {"/a/..%00/b", "/a/..%00/b", WR_URI_ENC_NUL},
        {"/a/..;/b", "/b", WR_URI_PARAM_DOTS},
        {"/..;/x", "/x", WR_URI_PARAM_DOTS | WR_URI_ABOVE_ROOT},
        {"/a/.;x=1/b", "/a/b", WR_URI_PARAM_DOTS},
        {"/a/..;x=1;y/b", "/b", WR_URI_PARAM_DOTS},
        {"/a/%2e%2e;x/b", "/b", WR_URI_PARAM_DOTS},
        {"/a/..;", "/", WR_URI_PARAM_DOTS},
        {"/a/..%3b/b", "/a/..%3B/b", 0},
        {"/a/...;x/b", "/a/...;x/b", 0},
        {"/a;x/b;..", "/a;x/b;..", 0},
        {"/;/a", "/;/a", 0},
        {"/a%2f../b", "/a%2F../b", WR_URI_ENC_SLASH},
        {"/a%2f/../b", "/b", WR_URI_ENC_SLASH},
    };
    uri_test_canon_rows(rows, WR_ARRAY_LEN(rows));
}

static void
uri_test_canon_utf8(void)
{
    static const struct {
        const char *octets;
        bool good;
    } rows[] = {
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xe2\x82\xac\xe2\x82\xac", true},
        {"\x80", false},
        {"\xbf", false},
        {"\xc0\xaf", false}, /* '/', overlong */
        {"\xc1\xbf", false},
        {"\xe0\x80\xaf", false}, /* '/', more so */
        {"\xe0\x9f\xbf", false},
        {"\xf0\x80\x80\xaf", false}, /* and more */
        {"\xf0\x8f\xbf\xbf", false},
        {"\xed\xa0\x80", false}, /* surrogates */
        {"\xed\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xc3", false}, /* cut */
        {"\xe2\x82", false},
        {"\xf0\x90\x80", false},
        {"\xc3"
         "a",
         false},
        {"\xc3\xc3\xa4", false},
        {"\xe2\x82"
         "a",
         false},
        {"\xe2/\x82\xac", false},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        for (int way = 0; way < 3; way++) { /* raw, escaped, both by turns */
            char path[64];
            size_t n = 0;
            path[n++] = '/';
            for (const char *o = rows[i].octets; *o != 0; o++) {
                bool escape = *o != '/' && (way == 1 || (way == 2 && (o - rows[i].octets) % 2 == 0));
                n += (size_t)snprintf(path + n, sizeof(path) - n, escape ? "%%%02x" : "%c", (uint8_t)*o);
            }
            uint32_t flags;
            bool same;
            uri_canon(path, n, &flags, &same);
            tap_ok(((flags & WR_URI_BAD_UTF8) == 0) == rows[i].good, "UTF-8 row %zu, way %d", i, way);
        }
    }
}

/* A second normaliser, slow and plain, of paths without octets that need escapes.  Returns the length. */
static size_t
uri_plain_canon(const char *path, size_t n, char *dst)
{
    char text[256];
    size_t text_n = 0, starts[256], depth = 0, d = 0;
    bool open = true; /* whether a slash has to end the result */
    for (size_t i = 0; i < n; i++) {
        bool dot = n - i >= 3 && (memcmp(path + i, "%2e", 3) == 0 || memcmp(path + i, "%2E", 3) == 0);
        text[text_n++] = dot ? '.' : path[i];
        i += dot ? 2 : 0;
    }
    for (size_t i = 1, end; i <= text_n; i = end + 1) {
        for (end = i; end < text_n && text[end] != '/'; end++) {
        }
        size_t cut = i;
        while (cut < end && text[cut] != ';') {
            cut++;
        }
        bool one = cut - i == 1 && text[i] == '.', two = cut - i == 2 && text[i] == '.' && text[i + 1] == '.';
        open = end == i || one || two;
        if (two && depth > 0) {
            d = starts[--depth];
        } else if (!open) {
            starts[depth++] = d;
            dst[d++] = '/';
            memcpy(dst + d, text + i, end - i);
            d += end - i;
        }
    }
    if (open) {
        dst[d++] = '/';
    }
    return d;
}

static void
uri_test_is_canon(void)
{
    tap_ok(wr_uri_is_canon(WR_STR("/")) && wr_uri_is_canon(WR_STR("/a%20b")), "canonical ones");
    tap_ok(!wr_uri_is_canon(WR_STR("")) && !wr_uri_is_canon(WR_STR("a")) && !wr_uri_is_canon(WR_STR_NONE),
           "what begins with no slash is no path");
}

static void
uri_test_canon_random(void)
{
    static const char *const parts[] = {
        "a", "a",   "b~",  "c-d_e", "long-name-of-a-segment", "!", ".", ".", "..", "/", "/", "/",
        ";", "%2e", "%2E", "="};
    unsigned seed = 1, wrong = 0, plain = 0;
    for (int round = 0; round < 200000; round++) {
        char path[256] = "/", dst[768], want[256];
        size_t n = 1;
        for (unsigned count = seed >> 16 & 15; count > 0; count--) {
            seed = seed * 1103515245 + 12345;
            const char *part = parts[seed >> 16 & 15];
            memcpy(path + n, part, strlen(part));
            n += strlen(part);
        }
        seed = seed * 1103515245 + 12345;
        struct wr_str canon, exact = wr_str_make(path, n);
        char *copy = malloc(n);
        uint32_t flags;
        memcpy(copy, path, n);
        exact.p = copy;
        wr_uri_canon(exact, dst, &canon, &flags);
        size_t want_n = uri_plain_canon(path, n, want);
        bool same = want_n == n && memcmp(want, path, n) == 0;
        wrong += !wr_str_eq(canon, wr_str_make(want, want_n)) || same != (canon.p == copy);
        wrong += wr_uri_is_canon(exact) != (same && flags == 0);
        plain += same;
        free(copy);
    }
    tap_is_int(wrong, 0, "random paths: the same as a plain normaliser makes of them (%u unchanged)", plain);
    tap_ok(plain > 1000, "of which enough are canonical");
}

static void
uri_test_host_port(void)
{
    static const struct {
        const char *text, *host; /* host NULL: refused */
        int port;                /* -1: none */
    } rows[] = {
        {"a", "a", -1},
        {"example.com", "example.com", -1},
        {"Example.COM.:8080", "Example.COM.", 8080},
        {"a:0", "a", 0},
        {"a:65535", "a", 65535},
        {"a:00080", "a", 80},
        {"a:", "a", -1},
        {"192.0.2.1:80", "192.0.2.1", 80},
        {"999.999.999.999", "999.999.999.999", -1},
        {"a_b-c~d!$&'()*+,;=", "a_b-c~d!$&'()*+,;=", -1},
        {"a%20b", "a%20b", -1},
        {"%c3%A4", "%c3%A4", -1},
        {"[::1]", "[::1]", -1},
        {"[::1]:443", "[::1]", 443},
        {"[::1]:", "[::1]", -1},
        {"[2001:db8::192.0.2.1]", "[2001:db8::192.0.2.1]", -1},
        {"[v1.a:b]", "[v1.a:b]", -1},
        {"[VF0.x]:1", "[VF0.x]", 1},
        {"", NULL, 0},
        {":", NULL, 0},
        {":80", NULL, 0},
        {"a:b", NULL, 0},
        {"a:80a", NULL, 0},
        {"a:-1", NULL, 0},
        {"a:+1", NULL, 0},
        {"a: 1", NULL, 0},
        {"a:65536", NULL, 0},
        {"a:4294967376", NULL, 0},
        {"a:18446744073709551696", NULL, 0},
        {"a:80:80", NULL, 0},
        {"a:80/", NULL, 0},
        {"a/", NULL, 0},
        {"a?b", NULL, 0},
        {"a b", NULL, 0},
        {"a\"", NULL, 0},
        {"<a>", NULL, 0},
        {"a\\b", NULL, 0},
        {"a|b", NULL, 0},
        {"a^b", NULL, 0},
        {"a#b", NULL, 0},
        {"u@a", NULL, 0},
        {"a%", NULL, 0},
        {"a%2", NULL, 0},
        {"a%zz", NULL, 0},
        {"\xc3\xa4", NULL, 0},
        {"[", NULL, 0},
        {"[]", NULL, 0},
        {"[::1", NULL, 0},
        {"::1", NULL, 0},
        {"[::1]a", NULL, 0},
        {"[::1]]", NULL, 0},
        {"[[::1]]", NULL, 0},
        {"[::1%25eth0]", NULL, 0},
        {"[::1%eth0]", NULL, 0},
        {"[192.0.2.1]", NULL, 0},
        {"[1:2:3]", NULL, 0},
        {"[:::]", NULL, 0},
        {"[12345::]", NULL, 0},
        {"[v.a]", NULL, 0},
        {"[v1]", NULL, 0},
        {"[v1.]", NULL, 0},
        {"[vg.a]", NULL, 0},
        {"[v1.a/b]", NULL, 0},
        {"[v1.a]b", NULL, 0},
        {"a]", NULL, 0},
        {"a[", NULL, 0},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct wr_str host;
        uint16_t port;
        bool has_port;
        size_t n = strlen(rows[i].text);
        char *copy = malloc(n > 0 ? n : 1); /* of its size, so that a sanitizer sees a read beyond */
        memcpy(copy, rows[i].text, n);
        bool ok = wr_uri_host_port(wr_str_make(copy, n), &host, &port, &has_port);
        bool same = ok && rows[i].host != NULL && wr_str_eq(host, wr_str_of(rows[i].host));
        free(copy);
        if (rows[i].host == NULL) {
            tap_ok(!ok, "'%s' is no host[:port]", rows[i].text);
            continue;
        }
        tap_ok(same, "'%s' has its host", rows[i].text);
        tap_ok(has_port == (rows[i].port >= 0) && port == WR_MAX(rows[i].port, 0), "... and its port");
    }
    struct wr_str host;
    uint16_t port;
    bool has_port;
    tap_ok(!wr_uri_host_port(WR_STR_NONE, &host, &port, &has_port), "nothing is none");
    tap_ok(!wr_uri_host_port(WR_STR("a\0b"), &host, &port, &has_port), "a NUL");
    tap_ok(!wr_uri_host_port(WR_STR("[::1\0]"), &host, &port, &has_port), "a NUL in brackets");
}

static void
uri_test_decode(void)
{
    static const struct {
        const char *text, *decoded;
    } rows[] = {
        {"", ""},
        {"abc", "abc"},
        {"a%20b", "a b"},
        {"a+b", "a+b"},
        {"%", "%"},
        {"%4", "%4"},
        {"%4g", "%4g"},
        {"%41", "A"},
        {"%2525", "%25"},
        {"%%41", "%A"},
        {"%c3%A4x%", "\xc3\xa4x%"},
    };
    char dst[64];
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        size_t n = wr_uri_decode(dst, wr_str_of(rows[i].text));
        tap_is_mem(dst, n, rows[i].decoded, strlen(rows[i].decoded), "decode '%s'", rows[i].text);
    }
    tap_is_int(wr_uri_decode(dst, WR_STR("%00")), 1, "a NUL is an octet");
    tap_is_int(dst[0], 0, "like others");
    tap_is_int(wr_uri_decode(dst, WR_STR_NONE), 0, "nothing is nothing");
}

static void
uri_test_query(void)
{
    static const struct {
        const char *query, *joined; /* name=value| or name| */
    } rows[] = {
        {"", ""},
        {"a", "a|"},
        {"a=", "a=|"},
        {"a=b", "a=b|"},
        {"a=b&c=d", "a=b|c=d|"},
        {"a=b=c", "a=b=c|"},
        {"=b", "=b|"},
        {"&&a&&b=&", "a|b=|"},
        {"a=%26&b=+", "a=%26|b=+|"},
        {"&", ""},
        {"a;b=c", "a;b=c|"},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct wr_str rest = wr_str_of(rows[i].query), name, value;
        char joined[128];
        size_t n = 0;
        while (wr_uri_query_next(&rest, &name, &value)) {
            n += (size_t)snprintf(joined + n, sizeof(joined) - n, "%.*s%s%.*s|", WR_STR_ARG(name),
                                  value.p != NULL ? "=" : "", WR_STR_ARG(value));
        }
        tap_is_mem(joined, n, rows[i].joined, strlen(rows[i].joined), "query '%s'", rows[i].query);
    }
    struct wr_str rest = WR_STR_NONE, name, value;
    tap_ok(!wr_uri_query_next(&rest, &name, &value), "nothing has none");
}

static void
uri_test_decodes_to(void)
{
    static const struct {
        const char *s, *text;
        bool whole, prefix;
    } rows[] = {
        {"", "", true, true},           {"", "a", false, false},        {"a", "", false, true},
        {"abc", "abc", true, true},     {"abc", "ab", false, true},     {"ab", "abc", false, false},
        {"%61b%63", "abc", true, true}, {"%61b%63", "ab", false, true}, {"a%2", "a%2", true, true},
        {"a%zz", "a%zz", true, true},   {"a%", "a%", true, true},       {"a%2f", "a%2f", false, false},
        {"a%2f", "a", false, true},     {"a+b", "a+b", true, true},     {"%4", "%", false, true},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct wr_str s = wr_str_of(rows[i].s), text = wr_str_of(rows[i].text);
        tap_ok(wr_uri_decodes_to(s, text, false) == rows[i].whole &&
                   wr_uri_decodes_to(s, text, true) == rows[i].prefix,
               "'%s' decodes to '%s': %d, from its beginning: %d", rows[i].s, rows[i].text, rows[i].whole,
               rows[i].prefix);
    }
}

static void
uri_test_query_find(void)
{
    struct wr_str query = WR_STR("ab=0&%61=%31&a=2&flag"), value;
    tap_ok(wr_uri_query_find(query, WR_STR("a"), &value) && wr_str_eq(value, WR_STR("%31")),
           "the first whose decoded name it is, raw");
    tap_ok(wr_uri_query_find(query, WR_STR("flag"), &value) && value.p == NULL, "one without '='");
    tap_ok(!wr_uri_query_find(query, WR_STR("%61"), &value), "the name that is looked for is plain");
    tap_ok(!wr_uri_query_find(WR_STR_NONE, WR_STR("a"), &value), "nothing in nothing");
}

int
main(void)
{
    uri_test_parse_good();
    uri_test_parse_bad();
    uri_test_canon_bytes();
    uri_test_canon_segments();
    uri_test_canon_utf8();
    uri_test_is_canon();
    uri_test_canon_random();
    uri_test_host_port();
    uri_test_decode();
    uri_test_query();
    uri_test_decodes_to();
    uri_test_query_find();
    return tap_done();
}
