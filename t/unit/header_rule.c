/* What rules are made of a configuration, in which order, and what a value may be. */
#include "modules/headers/header_rule.h"

#include "t/unit/site.h"

static const char config[] = "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[server example.com]\n"
                             "/* = u\n";

static struct wr_header_rules rules;

/* Rules of "NAME=VALUE", a '+' in front: one that adds.  Whether all are good. */
static bool
make(struct site *s, enum wr_header_side side, const char *const *texts)
{
    struct wr_map_entry entries[8] = {{.key = WR_STR_NONE}};
    struct wr_map map = {entries, 0};

    for (; texts[map.n]; map.n++) {
        struct wr_map_entry *e = &entries[map.n];
        bool adds = texts[map.n][0] == '+';
        struct wr_str text = wr_str_of(texts[map.n] + adds);
        ptrdiff_t equals = wr_str_find(text, '=');
        e->key = wr_str_make(text.p, (size_t)equals);
        e->value = wr_str_make(text.p + equals + 1, text.n - (size_t)equals - 1);
        e->adds = adds;
        e->place = (struct wr_place){"test.ini", (unsigned)map.n + 1};
    }
    return wr_header_rules_make(&s->cf, side, &map, &rules);
}

static void
is_rule(uint32_t i, const char *name, unsigned number, unsigned line)
{
    site_is(rules.v[i].name, name, "rule %u is for %s", i, name);
    tap_is_int(rules.v[i].number, number, "its number");
    tap_is_int(rules.v[i].place.line, line, "its line");
}

static void
test_order(struct site *s)
{
    static const char *const texts[] = {"Link#3=c", "X-A=1", "+link=a", "X-B=", "LINK#2=b", NULL};

    tap_ok(make(s, WR_HEADER_RESPONSE, texts), "five rules are good");
    tap_is_int(rules.n, 5, "and made");
    is_rule(0, "link", 1, 3);
    is_rule(1, "LINK", 2, 5);
    is_rule(2, "Link", 3, 1);
    is_rule(3, "X-A", 1, 2);
    is_rule(4, "X-B", 1, 4);
    tap_ok(rules.v[0].id == WR_N_LINK && rules.v[2].id == WR_N_LINK, "a known name is known");
    tap_ok(rules.v[3].id == WR_N_OTHER, "another is not");
    tap_ok(rules.v[0].adds && !rules.v[1].adds, "one adds");
    tap_ok(rules.v[4].value == NULL, "one has no value");
    static const char *const unknown[] = {"X-C#2=b", "x-c=a", NULL};
    make(s, WR_HEADER_REQUEST, unknown);
    is_rule(0, "x-c", 1, 2);
    is_rule(1, "X-C", 2, 1);
    static const char *const hash[] = {"#odd=a", NULL};
    tap_ok(make(s, WR_HEADER_REQUEST, hash), "a name may begin with #");
    is_rule(0, "#odd", 1, 1);
}

static void
refused(struct site *s, enum wr_header_side side, const char *text, const char *why)
{
    const char *const texts[] = {"X-Good=1", text, NULL};
    size_t before = s->cf.messages_n;

    tap_ok(!make(s, side, texts), "%s is refused", text);
    tap_is_int((long long)rules.n, 1, "the other is made");
    tap_is_int((long long)(s->cf.messages_n - before), 1, "with one message");
    tap_is_str(s->cf.messages[before].text, why, "that says why");
    tap_is_int(s->cf.messages[before].place.line, 2, "and where");
}

static void
test_refusals(struct site *s)
{
    refused(s, WR_HEADER_REQUEST, "Host=x",
            "request_header.Host: the key \"host\" says which one goes upstream");
    refused(s, WR_HEADER_RESPONSE, "via#2=x",
            "response_header.via#2: weir keeps it and adds itself, so that loops are noticed");
    refused(
        s, WR_HEADER_RESPONSE, "X#1=x",
        "response_header.X#1: a second rule for one field is called NAME#2, a third NAME#3, up to NAME#99");
    refused(s, WR_HEADER_RESPONSE, "X=a\r\nb",
            "response_header.X: a control byte or a line break would split the header");
    refused(s, WR_HEADER_RESPONSE, "X=a\x7f",
            "response_header.X: a control byte or a line break would split the header");
    refused(s, WR_HEADER_RESPONSE, "+X=", "response_header.X: \"+\" adds a value, and none stands there");
    refused(s, WR_HEADER_REQUEST, "+X-Request-ID=x",
            "request_header.X-Request-ID: weir sends one value; a rule without \"+\" and \"#\" replaces it");
    refused(s, WR_HEADER_REQUEST, "X=%{nothing_of_the_kind}",
            "request_header.X: unknown variable \"%{nothing_of_the_kind}\"");
}

/* The value that one rule has for r, or the reason why it has none. */
static void
gives(struct site *s, struct wr_req *r, const char *value, const char *want)
{
    char text[64];
    const char *const texts[] = {text, NULL};
    const char *why = NULL;

    snprintf(text, sizeof(text), "X=%s", value);
    tap_ok(make(s, WR_HEADER_REQUEST, texts), "%s is a value", value);
    struct wr_str got = wr_header_rule_value(&rules.v[0], r, &why);
    if (why) {
        tap_ok(got.p == NULL, "there is none when there is a reason");
        got = wr_str_of(why);
    }
    site_is(got, want, "%s is %s", value, want);
}

static void
test_values(struct site *s, struct wr_req *r)
{
    static char long_path[WR_HEADER_RULE_BYTES + 1];

    gives(s, r, "a %{host} b", "a example.com b");
    gives(s, r, "%{search}", "");
    gives(s, r, "100%%", "100%");
    struct wr_str path = r->path;
    r->path = WR_STR("/a\tb\xc3\xa9\xff");
    gives(s, r, "%{path}", "/a\tb\xc3\xa9\xff");
    static const char controls[] = "\n\r\0\x01\x1f\x7f";
    for (size_t i = 0; i < sizeof(controls) - 1; i++) {
        char bytes[] = "/a?b";
        bytes[2] = controls[i];
        r->path = wr_str_make(bytes, 4);
        gives(s, r, "%{path}", "control_byte");
        gives(s, r, "in %{path} it", "control_byte");
    }
    memset(long_path, 'a', sizeof(long_path));
    r->path = wr_str_make(long_path, WR_HEADER_RULE_BYTES);
    make(s, WR_HEADER_REQUEST, (const char *const[]){"X=%{path}", NULL});
    const char *why = NULL;
    tap_is_int((long long)wr_header_rule_value(&rules.v[0], r, &why).n, WR_HEADER_RULE_BYTES,
               "up to its bound");
    r->path.n++;
    gives(s, r, "%{path}", "too_long");
    r->path = path;
}

int
main(void)
{
    struct site s;

    site_load_or_die(&s, config);
    struct wr_req *r = site_request(&s, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    site_run(r);
    test_order(&s);
    test_values(&s, r);
    test_refusals(&s);
    site_end(&s, r);
    site_free(&s);
    return tap_done();
}
