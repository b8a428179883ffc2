/* core/base/net: addresses as text and bytes, networks. */
#include "core/base/net.h"

#include <stddef.h>

#include "t/unit/tap.h"

/* The address as its text, "-" if it is none; a text ends in NUL. */
static const char *
net_ip_round(struct wr_str s, bool (*parse)(struct wr_str s, struct wr_ip *ip))
{
    static char text[WR_ADDR_TEXT_BYTES];
    struct wr_ip ip;

    if (!parse(s, &ip)) {
        return "-";
    }
    size_t n = wr_ip_text(&ip, text);
    return n == strlen(text) ? text : "(length)";
}

struct net_case {
    struct wr_str in;
    const char *out;
};

static void
net_test_ip(void)
{
    static const struct net_case cases[] = {
        {WR_STR("192.0.2.1"), "192.0.2.1"},
        {WR_STR("0.0.0.0"), "0.0.0.0"},
        {WR_STR("255.255.255.255"), "255.255.255.255"},
        {WR_STR("256.0.0.1"), "-"},
        {WR_STR("1.2.3"), "-"},
        {WR_STR("1.2.3.4.5"), "-"},
        {WR_STR("1.2.3."), "-"},
        {WR_STR("1..2.3"), "-"},
        {WR_STR("01.2.3.4"), "-"},
        {WR_STR("1.2.3.04"), "-"},
        {WR_STR("1.2.3.4 "), "-"},
        {WR_STR("1.2.3.4\0"), "-"},
        {WR_STR("0x1.2.3.4"), "-"},
        {WR_STR("1.2.3.-4"), "-"},
        {WR_STR("16909060"), "-"},
        {WR_STR(""), "-"},
        {WR_STR("2001:DB8::0:1"), "2001:db8::1"},
        {WR_STR("::"), "::"},
        {WR_STR("::1"), "::1"},
        {WR_STR("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8"},
        {WR_STR("1:2:3:4:5:6:7:8:9"), "-"},
        {WR_STR("1:2:3:4:5:6:7"), "-"},
        {WR_STR("1::2::3"), "-"},
        {WR_STR("::12345"), "-"},
        {WR_STR(":1"), "-"},
        {WR_STR("fe80::1%eth0"), "-"},
        {WR_STR("[::1]"), "-"},
        {WR_STR("::1\0"), "-"},
        {WR_STR("::ffff:1.2.3.4"), "1.2.3.4"},
        {WR_STR("::ffff:0102:0304"), "1.2.3.4"},
        {WR_STR("::ffff:1.2.3.04"), "-"},
        {WR_STR("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {WR_STR("0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"), "-"},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(cases); i++) {
        tap_is_str(net_ip_round(cases[i].in, wr_ip_parse), cases[i].out, "ip \"%s\"", cases[i].in.p);
    }
    tap_is_str(net_ip_round(WR_STR_NONE, wr_ip_parse), "-", "ip NULL");
}

static void
net_test_node(void)
{
    static const struct net_case cases[] = {
        {WR_STR("1.2.3.4"), "1.2.3.4"},
        {WR_STR("1.2.3.4:80"), "1.2.3.4"},
        {WR_STR("1.2.3.4:_port.x-1"), "1.2.3.4"},
        {WR_STR("\"1.2.3.4:80\""), "1.2.3.4"},
        {WR_STR("[2001:db8::1]:4711"), "2001:db8::1"},
        {WR_STR("[2001:db8::1]"), "2001:db8::1"},
        {WR_STR("\"[2001:db8::1]:4711\""), "2001:db8::1"},
        {WR_STR("\"[::1]\""), "::1"},
        {WR_STR("::1"), "::1"},
        {WR_STR("::ffff:9.8.7.6"), "9.8.7.6"},
        {WR_STR("unix:"), "unix:"},
        {WR_STR("1.2.3.4:"), "-"},
        {WR_STR("1.2.3.4:99999"), "-"},
        {WR_STR("1.2.3.4:000080"), "-"},
        {WR_STR("1.2.3.4:80x"), "-"},
        {WR_STR("1.2.3.4:_"), "-"},
        {WR_STR("1.2.3.4:_a b"), "-"},
        {WR_STR(":80"), "-"},
        {WR_STR("[1.2.3.4]:80"), "-"},
        {WR_STR("[::1"), "-"},
        {WR_STR("[::1]80"), "-"},
        {WR_STR("[::1]:"), "-"},
        {WR_STR("::1]"), "-"},
        {WR_STR("\"1.2.3.4"), "-"},
        {WR_STR("\""), "-"},
        {WR_STR("\"\""), "-"},
        {WR_STR("unknown"), "-"},
        {WR_STR("_hidden"), "-"},
        {WR_STR("unix:/x"), "-"},
        {WR_STR(""), "-"},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(cases); i++) {
        tap_is_str(net_ip_round(cases[i].in, wr_ip_parse_node), cases[i].out, "node \"%s\"", cases[i].in.p);
    }
    tap_is_str(net_ip_round(WR_STR_NONE, wr_ip_parse_node), "-", "node NULL");
}

/* Whether network c has address a. */
static bool
net_in(const char *c, const char *a)
{
    struct wr_cidr cidr;
    struct wr_ip ip;
    const char *why;

    return wr_cidr_parse(wr_str_of(c), &cidr, &why) && wr_ip_parse_node(wr_str_of(a), &ip) &&
        wr_cidr_has(&cidr, &ip);
}

static bool
net_refused(const char *c)
{
    struct wr_cidr cidr;
    const char *why = NULL;

    return !wr_cidr_parse(wr_str_of(c), &cidr, &why) && why != NULL;
}

static void
net_test_cidr(void)
{
    tap_ok(net_in("10.0.0.0/8", "10.255.0.1") && !net_in("10.0.0.0/8", "11.0.0.0"), "10.0.0.0/8");
    tap_ok(net_in("10.1.2.128/25", "10.1.2.255") && !net_in("10.1.2.128/25", "10.1.2.127"), "/25");
    tap_ok(net_in("10.1.2.3", "10.1.2.3") && !net_in("10.1.2.3", "10.1.2.2"), "one address");
    tap_ok(net_in("10.1.2.3/32", "10.1.2.3"), "/32");
    tap_ok(net_in("0.0.0.0/0", "1.2.3.4") && !net_in("0.0.0.0/0", "::1"), "all of IPv4, no IPv6");
    tap_ok(net_in("::/0", "2001:db8::1") && !net_in("::/0", "1.2.3.4"), "all of IPv6, no IPv4");
    tap_ok(!net_in("::/0", "unix:") && !net_in("0.0.0.0/0", "unix:"), "a unix peer is in no network");
    tap_ok(net_in("2001:db8::/33", "2001:db8:7fff::") && !net_in("2001:db8::/33", "2001:db8:8000::"), "/33");
    tap_ok(net_in("::1", "::1") && !net_in("::1", "::"), "::1");
    tap_ok(net_in("::ffff:10.0.0.0/104", "10.2.3.4"), "a mapped network is one of IPv4");
    tap_ok(net_in("10.0.0.0/8", "::ffff:10.2.3.4"), "a mapped address is one of IPv4");
    tap_ok(net_refused("10.0.0.1/8") && net_refused("10.1.2.3/31") && net_refused("2001:db8::1/64") &&
               net_refused("1.2.3.4/0"),
           "host bits");
    tap_ok(net_refused("10.0.0.0/33") && net_refused("::/129") && net_refused("10.0.0.0/") &&
               net_refused("10.0.0.0/-1") && net_refused("10.0.0.0/08") && net_refused("10.0.0.0/8/8") &&
               net_refused("10.0.0.0/255.0.0.0"),
           "prefix lengths");
    tap_ok(net_refused("10.0.0/8") && net_refused("") && net_refused("/8") && net_refused("localhost"),
           "no addresses");
}

/* The address as its text, or why it is none. */
static const char *
net_addr_round(struct wr_str s)
{
    static char text[WR_ADDR_TEXT_BYTES];
    struct wr_addr a;
    const char *why = NULL;

    if (!wr_addr_parse(s, &a, &why)) {
        return why != NULL ? "-" : "(no reason)";
    }
    return wr_addr_text(&a, text) == strlen(text) ? text : "(length)";
}

static void
net_test_addr(void)
{
    static const struct net_case cases[] = {
        {WR_STR("127.0.0.1:80"), "127.0.0.1:80"},
        {WR_STR("[::1]:65535"), "[::1]:65535"},
        {WR_STR("[::ffff:1.2.3.4]:1"), "1.2.3.4:1"},
        {WR_STR("unix:/run/app.sock"), "unix:/run/app.sock"},
        {WR_STR("127.0.0.1"), "-"},
        {WR_STR("127.0.0.1:"), "-"},
        {WR_STR("127.0.0.1:0"), "-"},
        {WR_STR("127.0.0.1:080"), "-"},
        {WR_STR("127.0.0.1:65536"), "-"},
        {WR_STR("127.0.0.1:80:80"), "-"},
        {WR_STR("::1:80"), "-"},
        {WR_STR("[::1]"), "-"},
        {WR_STR("[::1]80"), "-"},
        {WR_STR("[127.0.0.1]:80"), "-"},
        {WR_STR("localhost:80"), "-"},
        {WR_STR(":80"), "-"},
        {WR_STR(""), "-"},
        {WR_STR("unix:"), "-"},
        {WR_STR("unix:app.sock"), "-"},
        {WR_STR("unix:/a\0b"), "-"},
    };
    char path[5 + 110];

    for (size_t i = 0; i < WR_ARRAY_LEN(cases); i++) {
        tap_is_str(net_addr_round(cases[i].in), cases[i].out, "addr \"%s\"", cases[i].in.p);
    }
    memset(path, 'x', sizeof(path));
    memcpy(path, "unix:/", 6);
    tap_is_mem(net_addr_round(wr_str_make(path, 113)), 113, path, 113, "a path of 108 bytes");
    tap_is_str(net_addr_round(wr_str_make(path, 114)), "-", "a path of 109");
}

static void
net_test_addr_parts(void)
{
    struct wr_addr a;
    struct wr_addr b;
    struct wr_ip ip;
    const char *why;
    char text[WR_ADDR_TEXT_BYTES];

    wr_addr_parse(WR_STR("1.2.3.4:8080"), &a, &why);
    tap_ok(a.len == sizeof(a.in4) && wr_addr_port(&a) == 8080, "length and port of IPv4");
    wr_ip_of_addr(&a, &ip);
    wr_ip_text(&ip, text);
    tap_is_str(text, "1.2.3.4", "its address");
    wr_addr_parse(WR_STR("1.2.3.4:8081"), &b, &why);
    tap_ok(wr_addr_eq(&a, &a) && !wr_addr_eq(&a, &b), "equal with the port");
    wr_addr_parse(WR_STR("[2001:db8::1]:443"), &b, &why);
    tap_ok(b.len == sizeof(b.in6) && wr_addr_port(&b) == 443 && !wr_addr_eq(&a, &b) && wr_addr_eq(&b, &b),
           "IPv6");
    wr_addr_parse(WR_STR("unix:/a"), &a, &why);
    tap_ok(a.len == offsetof(struct sockaddr_un, sun_path) + 3 && wr_addr_port(&a) == 0, "unix");
    b = a;
    b.len--; /* as a kernel may give it: without the NUL */
    tap_ok(wr_addr_eq(&a, &b), "equal without the NUL");
    wr_ip_of_addr(&a, &ip);
    tap_ok(ip.family == AF_UNIX && !wr_ip_is_loopback(&ip), "a unix peer has no IP address");
    a.len = offsetof(struct sockaddr_un, sun_path);
    wr_addr_text(&a, text);
    tap_is_str(text, "unix:", "an unnamed one");
    tap_ok(!wr_addr_eq(&a, &b), "is not the named one");
    memcpy(a.un.sun_path, "\0x\ny", 4);
    a.len += 4;
    wr_addr_text(&a, text);
    tap_is_str(text, "unix:@x?y", "an abstract one, without its line break");
    memset(a.un.sun_path, 'x', sizeof(a.un.sun_path));
    a.len = sizeof(a.un);
    tap_is_int(wr_addr_text(&a, text), 113, "one that fills sun_path");
}

static void
net_test_loopback(void)
{
    struct wr_ip ip;
    struct wr_ip other;

    tap_ok(wr_ip_parse(WR_STR("127.9.9.9"), &ip) && wr_ip_is_loopback(&ip), "127.9.9.9 is loopback");
    tap_ok(wr_ip_parse(WR_STR("::1"), &ip) && wr_ip_is_loopback(&ip), "::1 is");
    tap_ok(wr_ip_parse(WR_STR("::ffff:127.0.0.1"), &ip) && wr_ip_is_loopback(&ip), "mapped 127.0.0.1 is");
    tap_ok(wr_ip_parse(WR_STR("::2"), &other) && !wr_ip_is_loopback(&other), "::2 is not");
    tap_ok(wr_ip_parse(WR_STR("128.0.0.1"), &other) && !wr_ip_is_loopback(&other), "128.0.0.1 is not");
    tap_ok(wr_ip_parse(WR_STR("127.0.0.1"), &other) && wr_ip_eq(&ip, &other), "mapped and IPv4 are equal");
    wr_ip_parse(WR_STR("::"), &ip);
    wr_ip_parse_node(WR_STR("unix:"), &other);
    tap_ok(!wr_ip_eq(&ip, &other), ":: is no unix peer");
}

int
main(void)
{
    net_test_ip();
    net_test_node();
    net_test_cidr();
    net_test_addr();
    net_test_addr_parts();
    net_test_loopback();
    return tap_done();
}
