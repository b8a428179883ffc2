/* core/proto/proxy_protocol: both versions, every beginning of a header, lengths that lie. */
#include "core/proto/proxy_protocol.h"

#include <stdlib.h>

#include "t/unit/tap.h"

static struct wr_proxy proxy_protocol_out;

/* Parses a copy of its exact size; slices in the result are moved back to p. */
static enum wr_proxy_verdict
proxy_protocol_exact(const char *p, size_t n)
{
    struct wr_proxy *o = &proxy_protocol_out;
    char *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, p, n);
    enum wr_proxy_verdict verdict = wr_proxy_parse(copy, n, o);
    if (o->alpn.p != NULL) {
        o->alpn.p = p + (o->alpn.p - copy);
    }
    if (o->authority.p != NULL) {
        o->authority.p = p + (o->authority.p - copy);
    }
    free(copy);
    return verdict;
}

/* Whether all beginnings are MORE and then, with or without bytes behind it, the header is OK. */
static bool
proxy_protocol_split(const char *p, size_t n)
{
    char *more = malloc(n + 10);
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        good = good && proxy_protocol_exact(p, i) == WR_PROXY_MORE;
    }
    memcpy(more, p, n);
    memcpy(more + n, "GET / HTTP", 10);
    for (size_t i = n; i <= n + 10; i++) {
        good = good && proxy_protocol_exact(more, i) == WR_PROXY_OK && proxy_protocol_out.used == n;
    }
    free(more);
    return good && proxy_protocol_exact(p, n) == WR_PROXY_OK;
}

static void
proxy_protocol_is_addr(const struct wr_addr *a, const char *want, const char *what)
{
    char text[WR_ADDR_TEXT_BYTES];
    wr_addr_text(a, text);
    tap_is_str(text, want, "%s", what);
}

static void
proxy_protocol_test_v1_good(void)
{
    static const struct {
        const char *line, *from, *to; /* from NULL: local */
    } rows[] = {
        {"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324", "198.51.100.2:443"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535",
         "255.255.255.255:65535"},
        {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0", "0.0.0.0:0"},
        {"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "[2001:db8::1]:1", "[::1]:2"},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
        {"PROXY UNKNOWN\r\n", NULL, NULL},
        {"PROXY UNKNOWN whatever stands here \r\n", NULL, NULL},
        {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         NULL, NULL},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        tap_ok(proxy_protocol_split(rows[i].line, strlen(rows[i].line)), "version 1, row %zu", i);
        tap_ok(proxy_protocol_out.local == (rows[i].from == NULL), "local or not");
        if (rows[i].from != NULL) {
            proxy_protocol_is_addr(&proxy_protocol_out.from, rows[i].from, "from");
            proxy_protocol_is_addr(&proxy_protocol_out.to, rows[i].to, "to");
        }
    }
    proxy_protocol_exact("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", 38);
    tap_is_int(proxy_protocol_out.from.sa.sa_family, AF_INET6, "a mapped address stays in its family");
}

static void
proxy_protocol_test_v1_bad(void)
{
    static const char *const rows[] = {
        "GET / HTTP/1.1\r\n",
        "PROXX TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP4 192.0.2.1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2  1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1  2\r\n",
        "PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 00\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 0x1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx",
        "PROXY TCP4 192.0.2.1\n192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        "PROXY TCP4 3221225985 192.0.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 ::1%lo ::1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY TCP6 1:2:3 ::1 1 2\r\n",
        "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY unknown\r\n",
        "PROXY UNKNOWN \x01\r\n",
        "PROXY UNKNOWN\n",
    };
    char line[200] = "PROXY UNKNOWN ";
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        tap_is_int(proxy_protocol_exact(rows[i], strlen(rows[i])), WR_PROXY_BAD, "bad version 1, row %zu", i);
    }
    tap_is_int(proxy_protocol_exact("PROXY UNKNOWN \0\r\n", 17), WR_PROXY_BAD, "a NUL");
    memset(line + 14, 'x', sizeof(line) - 14);
    memcpy(line + 105, "\r\n", 2);
    tap_is_int(proxy_protocol_exact(line, sizeof(line)), WR_PROXY_OK, "a line of 107 bytes");
    tap_is_int(proxy_protocol_out.used, 107, "is taken");
    tap_is_int(proxy_protocol_exact(line, 106), WR_PROXY_MORE, "106 of them are not enough");
    memcpy(line + 105, "x\r\n", 3);
    tap_is_int(proxy_protocol_exact(line, sizeof(line)), WR_PROXY_BAD, "a line of 108 bytes");
    tap_is_int(proxy_protocol_exact(line, 107), WR_PROXY_BAD, "as soon as it is known");
    tap_is_int(proxy_protocol_exact(line, 106), WR_PROXY_MORE, "and not before");
}

/* A header of version 2 from its parts. */
static char proxy_protocol_text[WR_PROXY_V2_BYTES + 100];

static size_t
proxy_protocol_v2(uint8_t command, uint8_t family, const char *block, size_t n)
{
    memcpy(proxy_protocol_text, "\r\n\r\n\0\r\nQUIT\n", 12);
    proxy_protocol_text[12] = (char)command;
    proxy_protocol_text[13] = (char)family;
    proxy_protocol_text[14] = (char)(n >> 8);
    proxy_protocol_text[15] = (char)n;
    memmove(proxy_protocol_text + 16, block, n);
    return 16 + n;
}

#define PROXY_PROTOCOL_4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"
#define PROXY_PROTOCOL_6                                                                                     \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                             \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xdc\x04\x01\xbb"

static void
proxy_protocol_test_v2_addresses(void)
{
    struct wr_proxy *o = &proxy_protocol_out;
    size_t n = proxy_protocol_v2(0x21, 0x11, PROXY_PROTOCOL_4, 12);
    tap_ok(proxy_protocol_split(proxy_protocol_text, n) && !o->local, "TCP over IPv4");
    proxy_protocol_is_addr(&o->from, "192.0.2.1:56324", "from");
    proxy_protocol_is_addr(&o->to, "198.51.100.2:443", "to");
    tap_ok(o->alpn.n == 0 && o->authority.n == 0 && !o->tls, "nothing else");
    n = proxy_protocol_v2(0x21, 0x12, PROXY_PROTOCOL_4, 12);
    tap_ok(proxy_protocol_split(proxy_protocol_text, n) && !o->local, "UDP over IPv4");
    n = proxy_protocol_v2(0x21, 0x21, PROXY_PROTOCOL_6, 36);
    tap_ok(proxy_protocol_split(proxy_protocol_text, n) && !o->local, "TCP over IPv6");
    proxy_protocol_is_addr(&o->from, "[2001:db8::1]:56324", "from");
    proxy_protocol_is_addr(&o->to, "[::1]:443", "to");
    char un[216] = "/run/client.sock";
    memset(un + 108, 'x', 108);
    n = proxy_protocol_v2(0x21, 0x31, un, sizeof(un));
    tap_ok(proxy_protocol_split(proxy_protocol_text, n) && !o->local, "unix");
    proxy_protocol_is_addr(&o->from, "unix:/run/client.sock", "from");
    tap_is_int(o->to.sa.sa_family, AF_UNIX, "a path of 108 bytes is kept");
    tap_ok(o->to.len == sizeof(struct sockaddr_un) && o->to.un.sun_path[107] == 'x', "whole");
    memset(un, 0, sizeof(un));
    n = proxy_protocol_v2(0x21, 0x31, un, sizeof(un));
    tap_ok(proxy_protocol_split(proxy_protocol_text, n), "unix without names");
    proxy_protocol_is_addr(&o->from, "unix:", "from");
}

static void
proxy_protocol_test_v2_local(void)
{
    static const uint8_t families[] = {0x00, 0x01, 0x02, 0x10, 0x20, 0x30};
    size_t n = proxy_protocol_v2(0x20, 0x00, "", 0);
    tap_ok(proxy_protocol_split(proxy_protocol_text, n) && proxy_protocol_out.local,
           "LOCAL, nothing behind it");
    n = proxy_protocol_v2(0x20, 0x11, PROXY_PROTOCOL_4 "\xff\xff", 14);
    tap_ok(proxy_protocol_split(proxy_protocol_text, n) && proxy_protocol_out.local,
           "LOCAL: what follows is skipped unread");
    for (size_t i = 0; i < sizeof(families); i++) {
        n = proxy_protocol_v2(0x21, families[i], PROXY_PROTOCOL_4, 12);
        tap_ok(proxy_protocol_split(proxy_protocol_text, n) && proxy_protocol_out.local,
               "PROXY with family 0x%02x says nothing", families[i]);
    }
}

static void
proxy_protocol_test_v2_bad(void)
{
    static const struct {
        uint8_t command, family;
        const char *block;
        size_t n;
        const char *what;
    } rows[] = {
        {0x22, 0x11, PROXY_PROTOCOL_4, 12, "an unknown command"},
        {0x2f, 0x11, PROXY_PROTOCOL_4, 12, "another"},
        {0x11, 0x11, PROXY_PROTOCOL_4, 12, "version 1 in binary"},
        {0x31, 0x11, PROXY_PROTOCOL_4, 12, "version 3"},
        {0x01, 0x11, PROXY_PROTOCOL_4, 12, "version 0"},
        {0x21, 0x41, PROXY_PROTOCOL_4, 12, "an unknown family"},
        {0x21, 0x13, PROXY_PROTOCOL_4, 12, "an unknown protocol"},
        {0x21, 0x11, PROXY_PROTOCOL_4, 11, "IPv4 cut short"},
        {0x21, 0x11, "", 0, "IPv4 without addresses"},
        {0x21, 0x21, PROXY_PROTOCOL_6, 35, "IPv6 cut short"},
        {0x21, 0x31, PROXY_PROTOCOL_6, 36, "unix cut short"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x01", 13, "a TLV of one byte"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x01\x00", 14, "a TLV of two"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x01\x00\x01", 15, "a TLV beyond the end"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x01\xff\xff", 15, "a TLV far beyond"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x04\x00\x00\x01", 16, "half a TLV behind a whole one"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x01\x00\x01x\x01\x00\x01x", 20, "ALPN twice"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x02\x00\x01x\x02\x00\x01y", 20, "two authorities"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x03\x00\x03xyz", 18, "a checksum of three bytes"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x03\x00\x04wxyz", 19, "a wrong checksum"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x20\x00\x04\x01\0\0\0", 19, "TLS facts of four bytes"},
        {0x21, 0x11, PROXY_PROTOCOL_4 "\x20\x00\x06\x01\0\0\0\0\x21", 21, "a bad TLV within"},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        size_t n = proxy_protocol_v2(rows[i].command, rows[i].family, rows[i].block, rows[i].n);
        tap_is_int(proxy_protocol_exact(proxy_protocol_text, n), WR_PROXY_BAD, "%s", rows[i].what);
    }
    size_t n = proxy_protocol_v2(0x22, 0x11, "", 0);
    tap_is_int(proxy_protocol_exact(proxy_protocol_text, n - 3), WR_PROXY_BAD,
               "a command is judged when it is there");
    proxy_protocol_v2(0x21, 0x11, "", 0);
    proxy_protocol_text[14] = 0x08;
    proxy_protocol_text[15] = 0x01;
    tap_is_int(proxy_protocol_exact(proxy_protocol_text, 16), WR_PROXY_BAD, "2049 bytes are not waited for");
    proxy_protocol_text[15] = 0x00;
    tap_is_int(proxy_protocol_exact(proxy_protocol_text, 16), WR_PROXY_MORE, "2048 are");
    tap_is_int(proxy_protocol_exact("\r\n\r\n\0\r\nQUIX", 11), WR_PROXY_BAD, "another signature");
    tap_is_int(proxy_protocol_exact("\r\nGET", 5), WR_PROXY_BAD, "an empty line");
    tap_is_int(proxy_protocol_exact("\x16\x03\x01", 3), WR_PROXY_BAD, "TLS");
}

/* The checksum, the slow and obvious way. */
static uint32_t
proxy_protocol_plain_crc(const char *p, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint32_t in = (uint32_t)((uint8_t)p[i] >> bit & 1);
            crc = (crc >> 1) ^ (((crc ^ in) & 1) != 0 ? 0x82f63b78 : 0);
        }
    }
    return crc ^ 0xffffffff;
}

static void
proxy_protocol_test_v2_tlvs(void)
{
    struct wr_proxy *o = &proxy_protocol_out;
    static const char block[] = PROXY_PROTOCOL_4 "\x04\x00\x02zz"
                                                 "\x01\x00\x02h2"
                                                 "\x02\x00\x09localhost"
                                                 "\x05\x00\x03uid"
                                                 "\x20\x00\x0f\x01\0\0\0\0\x21\x00\x07TLSv1.3"
                                                 "\xea\x00\x00"
                                                 "\x03\x00\x04\0\0\0\0";
    size_t block_n = sizeof(block) - 1;
    tap_is_int(proxy_protocol_plain_crc("123456789", 9), 0xe3069283, "the checksum of the test is CRC-32C");
    size_t n = proxy_protocol_v2(0x21, 0x11, block, block_n);
    uint32_t crc = proxy_protocol_plain_crc(proxy_protocol_text, n);
    for (int i = 0; i < 4; i++) {
        proxy_protocol_text[n - 4 + (size_t)i] = (char)(crc >> (24 - 8 * i));
    }
    tap_ok(proxy_protocol_split(proxy_protocol_text, n), "TLVs");
    tap_is_mem(o->alpn.p, o->alpn.n, "h2", 2, "ALPN");
    tap_is_mem(o->authority.p, o->authority.n, "localhost", 9, "authority");
    tap_ok(o->tls, "TLS");
    proxy_protocol_text[20] ^= 1;
    tap_is_int(proxy_protocol_exact(proxy_protocol_text, n), WR_PROXY_BAD, "one bit wrong");
    n = proxy_protocol_v2(0x21, 0x11, PROXY_PROTOCOL_4 "\x20\x00\x05\x06\0\0\0\0", 20);
    tap_ok(proxy_protocol_exact(proxy_protocol_text, n) == WR_PROXY_OK && !o->tls,
           "a TLV about TLS that says: none");
    n = proxy_protocol_v2(0x21, 0x11, PROXY_PROTOCOL_4 "\x02\x00\x00", 15);
    tap_ok(proxy_protocol_exact(proxy_protocol_text, n) == WR_PROXY_OK && o->authority.n == 0,
           "an empty authority");
}

int
main(void)
{
    proxy_protocol_test_v1_good();
    proxy_protocol_test_v1_bad();
    proxy_protocol_test_v2_addresses();
    proxy_protocol_test_v2_local();
    proxy_protocol_test_v2_bad();
    proxy_protocol_test_v2_tlvs();
    return tap_done();
}
