/*
 * Addresses and networks as text and as bytes.  Strict: what two programs
 * may read differently (leading zeros, missing parts, zones) is refused.
 */
#include "core/base/net.h"

#include <arpa/inet.h>

#include "core/base/fmt.h"

#define NET_MAPPED_BYTES 12
#define NET_UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

static const uint8_t net_mapped[NET_MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};

static bool
net_is_mapped(const uint8_t b[16])
{
    return memcmp(b, net_mapped, NET_MAPPED_BYTES) == 0;
}

/* The 16 bytes as an address; a mapped one is IPv4, whichever socket or text it came from. */
static void
net_ip_set6(struct wr_ip *ip, const void *b)
{
    memcpy(ip->b, b, 16);
    ip->family = net_is_mapped(ip->b) ? AF_INET : AF_INET6;
}

static void
net_ip_set4(struct wr_ip *ip, const void *b)
{
    memcpy(ip->b, net_mapped, NET_MAPPED_BYTES);
    memcpy(ip->b + NET_MAPPED_BYTES, b, 4);
    ip->family = AF_INET;
}

/* A decimal number without sign and leading zeros. */
static bool
net_number(struct wr_str s, unsigned max, unsigned *out)
{
    uint64_t v;

    if ((s.n > 1 && s.p[0] == '0') || !wr_str_u64(s, max, &v)) {
        return false;
    }
    *out = (unsigned)v;
    return true;
}

/* Takes the bytes before the first c off *rest; false when there is none. */
static bool
net_cut(struct wr_str *rest, char c, struct wr_str *before)
{
    ptrdiff_t at = wr_str_find(*rest, c);

    if (at < 0) {
        return false;
    }
    *before = wr_str_make(rest->p, (size_t)at);
    *rest = wr_str_make(rest->p + at + 1, rest->n - (size_t)at - 1);
    return true;
}

static bool
net_parse4(struct wr_str s, uint8_t b[4])
{
    for (unsigned i = 0; i < 4; i++) {
        struct wr_str part = s;
        unsigned v;
        if ((i < 3 && !net_cut(&s, '.', &part)) || !net_number(i < 3 ? part : s, 255, &v)) {
            return false;
        }
        b[i] = (uint8_t)v;
    }
    return true;
}

bool
wr_ip_parse(struct wr_str s, struct wr_ip *ip)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr in6;
    uint8_t b[4];

    if (wr_str_find(s, ':') < 0) {
        if (!net_parse4(s, b)) {
            return false;
        }
        net_ip_set4(ip, b);
        return true;
    }
    if (s.n >= sizeof(text) || wr_str_find(s, '\0') >= 0) {
        return false;
    }
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET6, text, &in6) != 1) {
        return false;
    }
    net_ip_set6(ip, &in6);
    return true;
}

static bool
net_is_obfuscated_byte(char c)
{
    return (c >= '0' && c <= '9') || (wr_lower(c) >= 'a' && wr_lower(c) <= 'z') || c == '.' || c == '_' ||
        c == '-';
}

/* node-port of RFC 7239 6: 1*5DIGIT, or "_" and a token of its own. */
static bool
net_is_node_port(struct wr_str s)
{
    uint64_t port;

    if (s.n < 2 || s.p[0] != '_') {
        return s.n <= 5 && wr_str_u64(s, 65535, &port);
    }
    for (size_t i = 1; i < s.n; i++) {
        if (!net_is_obfuscated_byte(s.p[i])) {
            return false;
        }
    }
    return true;
}

/* "[::1]" or "[::1]:80" without its first bracket. */
static bool
net_parse_bracketed(struct wr_str s, struct wr_ip *ip)
{
    struct wr_str host;

    if (!net_cut(&s, ']', &host) || wr_str_find(host, ':') < 0) {
        return false;
    }
    if (s.n > 0 && (s.p[0] != ':' || !net_is_node_port(wr_str_make(s.p + 1, s.n - 1)))) {
        return false;
    }
    return wr_ip_parse(host, ip);
}

bool
wr_ip_parse_node(struct wr_str s, struct wr_ip *ip)
{
    struct wr_str host;

    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"') {
        s = wr_str_make(s.p + 1, s.n - 2);
    }
    if (wr_str_eq(s, WR_STR("unix:"))) {
        *ip = (struct wr_ip){.family = AF_UNIX};
        return true;
    }
    if (s.n > 0 && s.p[0] == '[') {
        return net_parse_bracketed(wr_str_make(s.p + 1, s.n - 1), ip);
    }
    struct wr_str rest = s;
    if (net_cut(&rest, ':', &host) && wr_str_find(rest, ':') < 0) {
        return wr_str_find(host, '.') >= 0 && net_is_node_port(rest) && wr_ip_parse(host, ip);
    }
    return wr_ip_parse(s, ip);
}

void
wr_ip_of_addr(const struct wr_addr *a, struct wr_ip *ip)
{
    switch (a->sa.sa_family) {
    case AF_INET:
        net_ip_set4(ip, &a->in4.sin_addr);
        break;
    case AF_INET6:
        net_ip_set6(ip, &a->in6.sin6_addr);
        break;
    default:
        *ip = (struct wr_ip){.family = AF_UNIX};
    }
}

static size_t
net_text4(char *dst, const uint8_t b[4])
{
    size_t n = 0;

    for (unsigned i = 0; i < 4; i++) {
        n += wr_fmt_u64(dst + n, b[i]);
        dst[n++] = '.';
    }
    dst[--n] = '\0';
    return n;
}

/* Room for INET6_ADDRSTRLEN; NUL added. */
static size_t
net_text_ip(char *dst, const struct wr_ip *ip)
{
    switch (ip->family) {
    case AF_INET:
        return net_text4(dst, ip->b + NET_MAPPED_BYTES);
    case AF_INET6:
        wr_assert(inet_ntop(AF_INET6, ip->b, dst, INET6_ADDRSTRLEN) != NULL);
        return strlen(dst);
    default:
        memcpy(dst, "unix:", sizeof("unix:"));
        return sizeof("unix:") - 1;
    }
}

size_t
wr_ip_text(const struct wr_ip *ip, char dst[WR_ADDR_TEXT_BYTES])
{
    return net_text_ip(dst, ip);
}

bool
wr_ip_eq(const struct wr_ip *a, const struct wr_ip *b)
{
    return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool
wr_ip_is_loopback(const struct wr_ip *ip)
{
    static const uint8_t one[16] = {[15] = 1};

    if (ip->family == AF_INET) {
        return ip->b[NET_MAPPED_BYTES] == 127;
    }
    return ip->family == AF_INET6 && memcmp(ip->b, one, sizeof(one)) == 0;
}

/* Whether a and b agree in their first `bits` bits. */
static bool
net_prefix_eq(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned mask = 0xff00U >> bits % 8 & 0xff;

    return memcmp(a, b, whole) == 0 && (mask == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool
net_host_bits_are_zero(const struct wr_cidr *c)
{
    for (unsigned i = c->bits; i < 128; i++) {
        if (c->ip.b[i / 8] & 0x80 >> i % 8) {
            return false;
        }
    }
    return true;
}

bool
wr_cidr_parse(struct wr_str s, struct wr_cidr *c, const char **why)
{
    struct wr_str address = s;
    unsigned bits = 0;
    bool has_bits = net_cut(&s, '/', &address);
    unsigned most = wr_str_find(address, ':') >= 0 ? 128 : 32;

    if (!wr_ip_parse(address, &c->ip)) {
        *why = "not an IP address or network";
        return false;
    }
    if (has_bits && !net_number(s, most, &bits)) {
        *why = most == 32 ? "the prefix length is not 0 to 32" : "the prefix length is not 0 to 128";
        return false;
    }
    c->bits = (uint8_t)(has_bits ? bits + 128 - most : 128);
    if (!net_host_bits_are_zero(c)) {
        *why = "bits beyond the prefix length are set";
        return false;
    }
    return true;
}

bool
wr_cidr_has(const struct wr_cidr *c, const struct wr_ip *ip)
{
    /* by family first: "::/0" has neither IPv4 nor unix peers */
    return c->ip.family == ip->family && net_prefix_eq(c->ip.b, ip->b, c->bits);
}

static bool
net_parse_unix(struct wr_str path, struct wr_addr *a, const char **why)
{
    if (path.n == 0 || path.p[0] != '/' || wr_str_find(path, '\0') >= 0) {
        *why = "unix: needs an absolute path";
        return false;
    }
    if (path.n > sizeof(a->un.sun_path)) {
        *why = "the path of a unix socket has 108 bytes at most";
        return false;
    }
    a->un.sun_family = AF_UNIX;
    memcpy(a->un.sun_path, path.p, path.n);
    /* with the NUL behind it where there is room */
    size_t n = WR_MIN(path.n + 1, sizeof(a->un.sun_path));
    a->len = (socklen_t)(NET_UNIX_PATH_OFFSET + n);
    return true;
}

static void
net_addr_set(struct wr_addr *a, const struct wr_ip *ip, unsigned port)
{
    if (ip->family == AF_INET) {
        a->in4.sin_family = AF_INET;
        a->in4.sin_port = htons((uint16_t)port);
        memcpy(&a->in4.sin_addr, ip->b + NET_MAPPED_BYTES, 4);
        a->len = sizeof(a->in4);
    } else {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons((uint16_t)port);
        memcpy(&a->in6.sin6_addr, ip->b, 16);
        a->len = sizeof(a->in6);
    }
}

/* Splits "host:port" or "[host]:port". */
static bool
net_split_port(struct wr_str s, struct wr_str *host, struct wr_str *port)
{
    *port = s;
    if (s.n > 0 && s.p[0] == '[') {
        *port = wr_str_make(s.p + 1, s.n - 1);
        if (!net_cut(port, ']', host) || port->n == 0 || port->p[0] != ':' || wr_str_find(*host, ':') < 0) {
            return false;
        }
        *port = wr_str_make(port->p + 1, port->n - 1);
        return true;
    }
    return net_cut(port, ':', host) && wr_str_find(*port, ':') < 0;
}

bool
wr_addr_parse(struct wr_str s, struct wr_addr *a, const char **why)
{
    struct wr_str host;
    struct wr_str port_text;
    struct wr_ip ip;
    unsigned port;

    memset(a, 0, sizeof(*a));
    if (wr_str_starts(s, WR_STR("unix:"))) {
        return net_parse_unix(wr_str_make(s.p + 5, s.n - 5), a, why);
    }
    if (!net_split_port(s, &host, &port_text)) {
        *why = "not ADDRESS:PORT, [IPV6]:PORT or unix:/PATH";
        return false;
    }
    if (!net_number(port_text, 65535, &port) || port == 0) {
        *why = "the port is not 1 to 65535";
        return false;
    }
    if (!wr_ip_parse(host, &ip)) {
        *why = "not an IP address";
        return false;
    }
    net_addr_set(a, &ip, port);
    return true;
}

/* The bytes of the path: up to its NUL; of an abstract name (first byte NUL) all behind that. */
static struct wr_str
net_unix_path(const struct wr_addr *a)
{
    const char *p = a->un.sun_path;
    size_t n = a->len > NET_UNIX_PATH_OFFSET ? a->len - NET_UNIX_PATH_OFFSET : 0;

    n = WR_MIN(n, sizeof(a->un.sun_path));
    return wr_str_make(p, n > 0 && p[0] == '\0' ? n : strnlen(p, n));
}

static size_t
net_text_unix(const struct wr_addr *a, char *dst)
{
    struct wr_str path = net_unix_path(a);
    size_t n = sizeof("unix:") - 1;

    memcpy(dst, "unix:", n);
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        /* a peer names its own socket: no control byte of it gets into a log */
        dst[n++] = c == 0 && i == 0 ? '@' : c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    dst[n] = '\0';
    return n;
}

size_t
wr_addr_text(const struct wr_addr *a, char dst[WR_ADDR_TEXT_BYTES])
{
    struct wr_ip ip;
    size_t n = 0;

    if (a->sa.sa_family != AF_INET && a->sa.sa_family != AF_INET6) {
        return net_text_unix(a, dst);
    }
    wr_ip_of_addr(a, &ip);
    if (ip.family == AF_INET6) {
        dst[n++] = '[';
    }
    n += net_text_ip(dst + n, &ip);
    if (ip.family == AF_INET6) {
        dst[n++] = ']';
    }
    dst[n++] = ':';
    n += wr_fmt_u64(dst + n, wr_addr_port(a));
    dst[n] = '\0';
    return n;
}

void
wr_addr_of_ip(const struct wr_ip *ip, uint16_t port, struct wr_addr *a)
{
    memset(a, 0, sizeof(*a));
    if (ip->family == AF_INET) {
        a->in4.sin_family = AF_INET;
        a->in4.sin_port = htons(port);
        memcpy(&a->in4.sin_addr, ip->b + 12, 4);
        a->len = sizeof(a->in4);
    } else {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons(port);
        memcpy(&a->in6.sin6_addr, ip->b, 16);
        a->len = sizeof(a->in6);
    }
}

uint16_t
wr_addr_port(const struct wr_addr *a)
{
    switch (a->sa.sa_family) {
    case AF_INET:
        return ntohs(a->in4.sin_port);
    case AF_INET6:
        return ntohs(a->in6.sin6_port);
    default:
        return 0;
    }
}

bool
wr_addr_eq(const struct wr_addr *a, const struct wr_addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family) {
        return false;
    }
    switch (a->sa.sa_family) {
    case AF_INET:
        return a->in4.sin_port == b->in4.sin_port && a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    case AF_INET6:
        return a->in6.sin6_port == b->in6.sin6_port && a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
            memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
    default:
        return wr_str_eq(net_unix_path(a), net_unix_path(b));
    }
}
