/*
 * Templates: what compiles, what they expand to, and their bound.
 */
#include "core/http/vars.h"

#include "t/unit/site.h"

static const char config[] = "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[server example.com]\n"
                             "/api/* = u\n"
                             "/exact = u\n";

static void
expands(struct wr_req *r, const char *text, const char *want)
{
    const char *why = "";
    struct wr_template *t = wr_template_compile(&r->pool, wr_str_of(text), &why);

    if (!tap_ok(t != NULL, "\"%s\" compiles", text)) {
        printf("#   %s\n", why);
        return;
    }
    struct wr_str got = wr_template_expand(t, r, 1000);
    tap_ok(got.p != NULL, "it expands");
    site_is(got, want, "\"%s\" is \"%s\"", text, want);
}

static void
refuses(const char *text, const char *want)
{
    struct wr_pool pool = {0};
    const char *why = NULL;

    tap_ok(wr_template_compile(&pool, wr_str_of(text), &why) == NULL, "\"%s\" is refused", text);
    tap_is_str(why, want, "and why");
    wr_pool_reset(&pool);
}

static void
test_values(struct wr_req *r)
{
    expands(r, "", "");
    expands(r, "plain", "plain");
    expands(r, "100%%", "100%");
    expands(r, "%%{host}", "%{host}");
    expands(r, "%{host}", "example.com");
    expands(r, "https://%{host}%{uri}", "https://example.com/api/v1/x?a=%25b&c");
    expands(r, "%{port}", "8080");
    expands(r, "%{path}", "/api/v1/x");
    expands(r, "%{rest}", "/v1/x");
    expands(r, "%{query}|%{search}", "a=%25b&c|?a=%25b&c");
    expands(r, "%{method} %{protocol}", "GET HTTP/1.1");
    expands(r, "%{client_ip} %{peer_ip} %{peer_port}", "192.0.2.1 192.0.2.1 50000");
    expands(r, "%{scheme}", "http");
    expands(r, "%{server_name}|%{route}|%{upstream}", "example.com|example.com/api/*|u");
    tap_is_int(r->id.n, 32, "there is an identifier");
}

static void
test_absent(struct site *s)
{
    struct wr_req *r = site_request(s, "GET /exact HTTP/1.0\r\nHost: example.com\r\n\r\n");

    site_run(r);
    expands(r, "[%{rest}|%{query}|%{search}]", "[||]");
    expands(r, "%{uri}", "/exact");
    expands(r, "%{port}", "80");
    expands(r, "%{protocol}", "HTTP/1.0");
    r->scheme = WR_STR("https");
    expands(r, "%{port}", "443");
    site_end(s, r);
}

static void
test_bound(struct wr_req *r)
{
    const char *why;
    struct wr_template *t = wr_template_compile(&r->pool, WR_STR("%{host}%{host}"), &why);

    tap_ok(wr_template_expand(t, r, 22).p != NULL, "22 bytes fit into 22");
    tap_ok(wr_template_expand(t, r, 21).p == NULL, "and not into 21");
}

static void
test_refusals(void)
{
    refuses("%", "a percent sign stands for a variable, %{name}, or is written %%");
    refuses("50% off", "a percent sign stands for a variable, %{name}, or is written %%");
    refuses("%{host", "a percent sign stands for a variable, %{name}, or is written %%");
    refuses("%{}", "unknown variable \"%{}\"");
    refuses("%{hots}", "unknown variable \"%{hots}\"; did you mean \"%{host}\"?");
    refuses("%{HOST}", "unknown variable \"%{HOST}\"");
    char many[33 * 7 + 1] = "";
    for (int i = 0; i < 33; i++) {
        strcat(many, "%{host}");
    }
    refuses(many, "too many variables in one value");
}

static void
test_list(void)
{
    const char *help = NULL;
    unsigned n = 0;

    for (const char *name; (name = wr_vars_name(n, &help)); n++) {
        char text[64];
        struct wr_pool pool = {0};
        const char *why;
        snprintf(text, sizeof(text), "%%{%s}", name);
        tap_ok(wr_template_compile(&pool, wr_str_of(text), &why) != NULL && help[0],
               "%s is known and explained", text);
        wr_pool_reset(&pool);
    }
    tap_ok(n > 10, "there are variables");
}

int
main(void)
{
    struct site s;

    site_load_or_die(&s, config);
    struct wr_req *r = site_request(&s, "GET /api/v1/x?a=%25b&c HTTP/1.1\r\nHost: Example.com:8080\r\n\r\n");
    site_run(r);
    test_values(r);
    test_bound(r);
    site_end(&s, r);
    test_absent(&s);
    site_free(&s);
    test_refusals();
    test_list();
    return tap_done();
}
