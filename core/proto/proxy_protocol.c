/*
 * The PROXY protocol, receiving.  Decides nothing about trust: who may send
 * a header is the listener's business (CORE-RULES 32).  Refuses a header that
 * is longer than its bound before it waits for the rest of it.
 */
#include "core/proto/proxy_protocol.h"

#define PROXY_PROTOCOL_V1_BYTES 107
#define PROXY_PROTOCOL_V2_HEAD 16
#define PROXY_PROTOCOL_UNIX_BYTES 108

static const char proxy_protocol_v1[6] = "PROXY ";
static const char proxy_protocol_v2[12] = "\r\n\r\n\0\r\nQUIT\n";

/* The types of what follows the addresses in version 2. */
enum proxy_protocol_type {
    PROXY_PROTOCOL_ALPN = 0x01,
    PROXY_PROTOCOL_AUTHORITY = 0x02,
    PROXY_PROTOCOL_CRC32C = 0x03,
    PROXY_PROTOCOL_SSL = 0x20,
};

static uint32_t
proxy_protocol_u16(const char *p)
{
    return (uint32_t)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

static uint32_t
proxy_protocol_u32(const char *p)
{
    return proxy_protocol_u16(p) << 16 | proxy_protocol_u16(p + 2);
}

static void
proxy_protocol_in4(struct wr_addr *a, const void *ip, uint16_t port)
{
    a->in4.sin_family = AF_INET;
    a->in4.sin_port = htons(port);
    memcpy(&a->in4.sin_addr, ip, 4);
    a->len = sizeof(a->in4);
}

static void
proxy_protocol_in6(struct wr_addr *a, const void *ip, uint16_t port)
{
    a->in6.sin6_family = AF_INET6;
    a->in6.sin6_port = htons(port);
    memcpy(&a->in6.sin6_addr, ip, 16);
    a->len = sizeof(a->in6);
}

/* 108 bytes, ended by NUL if shorter; one that begins with NUL has no name that weir could use. */
static void
proxy_protocol_un(struct wr_addr *a, const char *path)
{
    _Static_assert(sizeof(a->un.sun_path) == PROXY_PROTOCOL_UNIX_BYTES, "the paths are of one size");
    size_t n = strnlen(path, PROXY_PROTOCOL_UNIX_BYTES);
    a->un.sun_family = AF_UNIX;
    memcpy(a->un.sun_path, path, n);
    a->len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (n > 0 && n < PROXY_PROTOCOL_UNIX_BYTES));
}

/* Takes the word up to the next space, or the rest, off *rest; false when it is empty. */
static bool
proxy_protocol_word(struct wr_str *rest, struct wr_str *word)
{
    const char *space = memchr(rest->p, ' ', rest->n);
    *word = wr_str_make(rest->p, space ? (size_t)(space - rest->p) : rest->n);
    size_t taken = word->n + (space != NULL);
    *rest = wr_str_make(rest->p + taken, rest->n - taken);
    return word->n > 0;
}

/* Decimal without leading zeros. */
static bool
proxy_protocol_port(struct wr_str s, uint16_t *port)
{
    uint64_t value;
    if ((s.n > 1 && s.p[0] == '0') || !wr_str_u64(s, UINT16_MAX, &value)) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

static bool
proxy_protocol_v1_addr(bool four, struct wr_str text, struct wr_str port_text, struct wr_addr *a)
{
    struct wr_ip ip;
    uint16_t port;
    if (four != (wr_str_find(text, ':') < 0) || !wr_ip_parse(text, &ip) ||
        !proxy_protocol_port(port_text, &port)) {
        return false;
    }
    if (four) {
        proxy_protocol_in4(a, ip.b + 12, port);
    } else {
        proxy_protocol_in6(a, ip.b, port);
    }
    return true;
}

/* What stands behind "PROXY " and before CRLF. */
static bool
proxy_protocol_v1_line(struct wr_str line, struct wr_proxy *out)
{
    struct wr_str family, from, to, from_port;
    if (!proxy_protocol_word(&line, &family)) {
        return false;
    }
    if (wr_str_eq(family, WR_STR("UNKNOWN"))) {
        out->local = true;
        return true;
    }
    bool four = wr_str_eq(family, WR_STR("TCP4"));
    if (!four && !wr_str_eq(family, WR_STR("TCP6"))) {
        return false;
    }
    if (!proxy_protocol_word(&line, &from) || !proxy_protocol_word(&line, &to) ||
        !proxy_protocol_word(&line, &from_port)) {
        return false;
    }
    /* What is left is the last port: a further space in it is no digit. */
    return proxy_protocol_v1_addr(four, from, from_port, &out->from) &&
        proxy_protocol_v1_addr(four, to, line, &out->to);
}

static enum wr_proxy_verdict
proxy_protocol_parse_v1(const char *p, size_t n, struct wr_proxy *out)
{
    size_t most = n < PROXY_PROTOCOL_V1_BYTES ? n : PROXY_PROTOCOL_V1_BYTES;
    size_t i = sizeof(proxy_protocol_v1);
    while (i < most && (uint8_t)p[i] >= 0x20 && p[i] != 0x7f) {
        i++;
    }
    if (i + 1 >= most && (i == most || p[i] == '\r')) {
        return most == PROXY_PROTOCOL_V1_BYTES ? WR_PROXY_BAD : WR_PROXY_MORE;
    }
    if (p[i] != '\r' || p[i + 1] != '\n') {
        return WR_PROXY_BAD;
    }
    out->used = i + 2;
    struct wr_str line = wr_str_make(p + sizeof(proxy_protocol_v1), i - sizeof(proxy_protocol_v1));
    return proxy_protocol_v1_line(line, out) ? WR_PROXY_OK : WR_PROXY_BAD;
}

/*
 * CRC-32C of the header with the four bytes of the checksum taken as zero.
 * A nibble at a time: it runs once a connection over some hundred bytes.
 */
static uint32_t
proxy_protocol_crc(const char *p, size_t n, const char *hole)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        bool zero = p + i >= hole && p + i < hole + 4;
        crc ^= zero ? 0 : (uint8_t)p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return ~crc;
}

/* Whether p[0..n) is a row of type, length, value and nothing else. */
static bool
proxy_protocol_tlvs_ok(const char *p, size_t n)
{
    while (n > 0) {
        if (n < 3 || proxy_protocol_u16(p + 1) > n - 3) {
            return false;
        }
        size_t taken = 3 + proxy_protocol_u16(p + 1);
        p += taken;
        n -= taken;
    }
    return true;
}

/* One of them; head[0..head_n) is the whole header. */
static bool
proxy_protocol_tlv(uint8_t type, struct wr_str value, const char *head, size_t head_n, struct wr_proxy *out)
{
    switch (type) {
    case PROXY_PROTOCOL_ALPN:
        out->alpn = value;
        return true;
    case PROXY_PROTOCOL_AUTHORITY:
        out->authority = value;
        return true;
    case PROXY_PROTOCOL_CRC32C:
        return value.n == 4 && proxy_protocol_u32(value.p) == proxy_protocol_crc(head, head_n, value.p);
    case PROXY_PROTOCOL_SSL:
        if (value.n < 5) {
            return false;
        }
        out->tls = (value.p[0] & 1) != 0;
        return proxy_protocol_tlvs_ok(value.p + 5, value.n - 5);
    default:
        return true;
    }
}

static bool
proxy_protocol_tlvs(const char *p, size_t n, const char *head, size_t head_n, struct wr_proxy *out)
{
    uint32_t seen = 0; /* the four types that are read are below 0x21; the last is bit 0 */
    if (!proxy_protocol_tlvs_ok(p, n)) {
        return false;
    }
    while (n > 0) {
        uint8_t type = (uint8_t)*p;
        struct wr_str value = wr_str_make(p + 3, proxy_protocol_u16(p + 1));
        uint32_t bit = type == PROXY_PROTOCOL_SSL ? 1 : type <= PROXY_PROTOCOL_CRC32C ? 1U << type : 0;
        /* Twice the same fact: two readers might believe different ones. */
        if ((seen & bit) != 0 || !proxy_protocol_tlv(type, value, head, head_n, out)) {
            return false;
        }
        seen |= bit;
        p += 3 + value.n;
        n -= 3 + value.n;
    }
    return true;
}

/* The addresses of a block of n bytes at p; returns how many bytes they take, -1 when n is too few. */
static int
proxy_protocol_v2_addrs(unsigned family, const char *p, size_t n, struct wr_proxy *out)
{
    switch (family) {
    case 1:
        if (n < 12) {
            return -1;
        }
        proxy_protocol_in4(&out->from, p, (uint16_t)proxy_protocol_u16(p + 8));
        proxy_protocol_in4(&out->to, p + 4, (uint16_t)proxy_protocol_u16(p + 10));
        return 12;
    case 2:
        if (n < 36) {
            return -1;
        }
        proxy_protocol_in6(&out->from, p, (uint16_t)proxy_protocol_u16(p + 32));
        proxy_protocol_in6(&out->to, p + 16, (uint16_t)proxy_protocol_u16(p + 34));
        return 36;
    case 3:
        if (n < (size_t)2 * PROXY_PROTOCOL_UNIX_BYTES) {
            return -1;
        }
        proxy_protocol_un(&out->from, p);
        proxy_protocol_un(&out->to, p + PROXY_PROTOCOL_UNIX_BYTES);
        return 2 * PROXY_PROTOCOL_UNIX_BYTES;
    default:
        return -1;
    }
}

/* A whole header of version 2. */
static bool
proxy_protocol_v2_block(const char *p, size_t n, struct wr_proxy *out)
{
    unsigned command = (uint8_t)p[12] & 15, family = (uint8_t)p[13] >> 4, protocol = (uint8_t)p[13] & 15;
    if (command == 0) {
        out->local = true; /* a health check of the proxy itself: the rest says nothing */
        return true;
    }
    if (family > 3 || protocol > 2) {
        return false;
    }
    if (family == 0 || protocol == 0) {
        out->local = true;
        return true;
    }
    int taken = proxy_protocol_v2_addrs(family, p + PROXY_PROTOCOL_V2_HEAD, n - PROXY_PROTOCOL_V2_HEAD, out);
    if (taken < 0) {
        return false;
    }
    size_t at = PROXY_PROTOCOL_V2_HEAD + (size_t)taken;
    return proxy_protocol_tlvs(p + at, n - at, p, n, out);
}

static enum wr_proxy_verdict
proxy_protocol_parse_v2(const char *p, size_t n, struct wr_proxy *out)
{
    /* Version 2, LOCAL or PROXY. */
    if (n > 12 && p[12] != 0x20 && p[12] != 0x21) {
        return WR_PROXY_BAD;
    }
    if (n < PROXY_PROTOCOL_V2_HEAD) {
        return WR_PROXY_MORE;
    }
    size_t length = proxy_protocol_u16(p + 14);
    if (length > WR_PROXY_V2_BYTES) {
        return WR_PROXY_BAD;
    }
    if (n < PROXY_PROTOCOL_V2_HEAD + length) {
        return WR_PROXY_MORE;
    }
    out->used = PROXY_PROTOCOL_V2_HEAD + length;
    return proxy_protocol_v2_block(p, out->used, out) ? WR_PROXY_OK : WR_PROXY_BAD;
}

enum wr_proxy_verdict
wr_proxy_parse(const char *p, size_t n, struct wr_proxy *out)
{
    memset(out, 0, sizeof(*out));
    if (n == 0) {
        return WR_PROXY_MORE;
    }
    bool two = p[0] == proxy_protocol_v2[0];
    const char *signature = two ? proxy_protocol_v2 : proxy_protocol_v1;
    size_t signature_n = two ? sizeof(proxy_protocol_v2) : sizeof(proxy_protocol_v1);
    if (memcmp(p, signature, n < signature_n ? n : signature_n) != 0) {
        return WR_PROXY_BAD;
    }
    if (n < signature_n) {
        return WR_PROXY_MORE;
    }
    return two ? proxy_protocol_parse_v2(p, n, out) : proxy_protocol_parse_v1(p, n, out);
}
