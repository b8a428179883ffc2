/* core/upstream/back_tls: whom a certificate has to be for, and what a failed handshake is called. */
#include "core/upstream/back_tls.h"

#include "t/unit/tap.h"

static const struct {
    const char *tls_name;
    const char *host;
    const char *address;
    const char *want;
    const char *name;
} names[] = {
    {"", "app.internal", "app.internal:443", "app.internal", "a host"},
    {"", "app.internal.", "app.internal.:443", "app.internal", "without its final dot"},
    {"", "", "10.0.0.1:8443", "10.0.0.1", "an address"},
    {"", "", "[2001:db8::1]:443", "2001:db8::1", "an IPv6 address without its brackets"},
    {"", "", "one.internal:443", "one.internal", "one that was found by a name"},
    {"", "app.internal", "10.0.0.1:8443", "app.internal", "an address that a name gave"},
    {"", "", "unix:/run/app:1.sock", "", "a unix socket has none"},
    {"b.example", "app.internal", "app.internal:443", "b.example", "tls.name before a host"},
    {"b.example", "", "10.0.0.1:443", "b.example", "... an address"},
    {"10.0.0.9", "", "unix:/run/app.sock", "10.0.0.9", "... a unix socket"},
};

static void
test_names(void)
{
    for (size_t i = 0; i < WR_ARRAY_LEN(names); i++) {
        struct wr_upstream_conf conf = {.tls_name = wr_str_of(names[i].tls_name)};
        struct wr_str got = wr_back_tls_name(&conf, wr_str_of(names[i].host), wr_str_of(names[i].address));
        if (!tap_ok(wr_str_eq(got, wr_str_of(names[i].want)), "%s", names[i].name)) {
            tap_note("got %.*s", WR_STR_ARG(got));
        }
    }
}

/* ---- the beginning ---- */

static struct {
    unsigned calls;
    bool answer;
    uint32_t upstream;
    struct wr_str name;
    uint64_t key;
} seen;

static bool
fake_connect(const struct wr_secure *self, struct wr_conn *c, uint32_t upstream, struct wr_str name,
             uint64_t key)
{
    (void)self;
    (void)c;
    seen.calls++;
    seen.upstream = upstream;
    seen.name = name;
    seen.key = key;
    return seen.answer;
}

static void
test_begin(void)
{
    static const struct wr_secure secure = {.connect = fake_connect};
    struct wr_upstream up = {.index = 7, .conf = {.tls = true, .tls_verify = true}};
    struct wr_conn c = {0};
    struct wr_addr one, two;
    const char *why;

    wr_addr_parse(WR_STR("10.0.0.1:443"), &one, &why);
    wr_addr_parse(WR_STR("10.0.0.1:444"), &two, &why);
    seen.answer = true;
    tap_is_int(wr_back_tls_begin(&secure, &c, &up, WR_STR("a"), &one), WR_E_NONE, "it begins");
    tap_ok(seen.upstream == 7 && wr_str_eq(seen.name, WR_STR("a")), "by the upstream's rules, for the name");
    uint64_t key = seen.key;
    wr_back_tls_begin(&secure, &c, &up, WR_STR("a"), &two);
    tap_ok(seen.key != key, "another address is another key");
    wr_back_tls_begin(&secure, &c, &up, WR_STR("a"), &one);
    tap_ok(seen.key == key, "the same is the same");
    seen.answer = false;
    tap_is_int(wr_back_tls_begin(&secure, &c, &up, WR_STR("a"), &one), WR_E_UPSTREAM_TLS_SETUP,
               "what cannot be set up is nobody's fault");
    seen.answer = true;
    seen.calls = 0;
    tap_is_int(wr_back_tls_begin(&secure, &c, &up, WR_STR_NONE, &one), WR_E_UPSTREAM_TLS_NAME,
               "nobody's certificate is for no name");
    tap_is_int(seen.calls, 0, "so none is looked at");
    up.conf.tls_verify = false;
    tap_is_int(wr_back_tls_begin(&secure, &c, &up, WR_STR_NONE, &one), WR_E_NONE, "unless nobody looks");
}

/* ---- the fault ---- */

static struct wr_secure_facts facts;
static const struct wr_secure_facts *known;

static const struct wr_secure_facts *
fake_facts(const struct wr_conn *c)
{
    (void)c;
    return known;
}

static void
test_fault(void)
{
    static const struct wr_transport transport = {.facts = fake_facts};
    struct wr_conn c = {.transport = &transport, .fault = WR_E_UPSTREAM_TLS_EXPIRED};
    const char *why;

    tap_is_int(wr_back_tls_fault(&c, &why), WR_E_UPSTREAM_TLS_EXPIRED, "the fault of a connection");
    tap_ok(why[0] == '\0', "without words");
    known = &facts;
    wr_back_tls_fault(&c, &why);
    tap_ok(why[0] == '\0', "... when nothing is known of it");
    facts.why = "certificate has expired";
    wr_back_tls_fault(&c, &why);
    tap_ok(strcmp(why, facts.why) == 0, "with TLS's own");
    c.fault = WR_E_NONE;
    tap_is_int(wr_back_tls_fault(&c, &why), WR_E_UPSTREAM_TLS_PROTOCOL, "one that nobody named");
}

int
main(void)
{
    test_names();
    test_begin();
    test_fault();
    return tap_done();
}
