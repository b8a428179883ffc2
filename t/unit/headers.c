/*
 * GUARD makes what goes upstream beside the request, which stays as it came;
 * RESPONSE edits the head.  A value that must not be sent is left out, and
 * what it was to replace is gone all the same.
 */
#include "modules/headers/header_rule.h"
#include "t/unit/site.h"

static const char config[] = "[upstream u]\n"
                             "server = 127.0.0.1:1\n"
                             "[server example.com]\n"
                             "/* = u\n"
                             "/plain = u\n"
                             "/here = status:200\n"
                             "request_header.X-Path = %{path}\n"
                             "request_header.X-Real-IP = 192.0.2.9\n"
                             "request_header.X-Gone =\n"
                             "response_header.X-Path = %{path}\n"
                             "response_header.Server =\n"
                             "response_header.Link = + </a>\n"
                             "response_header.Strict-Transport-Security = max-age=1\n"
                             "[route example.com/plain]\n"
                             "request_header.X-Path = inherit\n"
                             "request_header.X-Real-IP = inherit\n"
                             "request_header.X-Gone = inherit\n"
                             "response_header.X-Path = inherit\n"
                             "response_header.Server = inherit\n"
                             "response_header.Link = inherit\n"
                             "response_header.Strict-Transport-Security = inherit\n";

static unsigned
module_index(void)
{
    unsigned i = 0;

    while (strcmp(wr_modules[i]->name, "headers") != 0) {
        i++;
    }
    return i;
}

static struct wr_req *
request(struct site *s, const char *path)
{
    static char head[512];

    snprintf(head, sizeof(head),
             "GET %s HTTP/1.1\r\nHost: example.com\r\nX-Path: theirs\r\nX-GONE: 1\r\nx-gone: 2\r\n"
             "X_Gone: 3\r\nAccept: */*\r\n\r\n",
             path);
    struct wr_req *r = site_request(s, head);
    site_phase(r, WR_PHASE_HEAD);
    site_phase(r, WR_PHASE_ROUTE);
    return r;
}

/* The values of a field, each in brackets. */
static const char *
values(const struct wr_head *h, const char *name)
{
    static char text[512];

    text[0] = '\0';
    for (struct wr_field *f = wr_head_find_name(h, wr_str_of(name), NULL); f;
         f = wr_head_find_name(h, wr_str_of(name), f)) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "[%.*s]", WR_STR_ARG(f->value));
    }
    return text;
}

static void
test_request(struct site *s)
{
    struct wr_req *r = request(s, "/a");

    tap_ok(site_phase(r, WR_PHASE_GUARD) == WR_NEXT, "GUARD has nothing to say");
    tap_ok(r->sending != NULL, "something else is sent than what came");
    const struct wr_head *h = &r->sending->head;
    tap_is_str(values(h, "X-Path"), "[/a]", "set");
    tap_is_str(values(h, "X-Gone"), "", "removed");
    tap_is_str(values(h, "X_Gone"), "", "in its other spelling, too");
    tap_is_str(values(h, "X-Real-IP"), "[192.0.2.9]", "one of weir's own");
    tap_ok((r->sending->settled[WR_N_X_REAL_IP >> 6] >> (WR_N_X_REAL_IP & 63)) & 1, "is settled");
    tap_ok(!((r->sending->settled[WR_N_X_FORWARDED_FOR >> 6] >> (WR_N_X_FORWARDED_FOR & 63)) & 1),
           "another is not");
    tap_is_str(values(h, "Accept"), "[*/*]", "the others are there");
    tap_is_str(values(&r->req, "X-Path"), "[theirs]", "the request is as it came");
    tap_is_str(values(&r->req, "X-Gone"), "[1][2]", "all of it");
    site_end(s, r);

    r = request(s, "/a");
    r->path = WR_STR("/a\nX-Evil: b");
    site_phase(r, WR_PHASE_GUARD);
    tap_is_str(values(&r->sending->head, "X-Path"), "", "a value that would split the header is left out");
    tap_is_str(values(&r->sending->head, "X-Real-IP"), "[192.0.2.9]", "the others are not");
    site_end(s, r);

    r = request(s, "/here");
    site_phase(r, WR_PHASE_GUARD);
    tap_ok(r->sending == NULL, "nothing is made for what goes nowhere");
    site_end(s, r);
}

static void
test_response(struct site *s)
{
    struct wr_req *r = request(s, "/a");

    wr_head_add(&r->resp, &r->pool, WR_N_SERVER, WR_STR_NONE, WR_STR("app"));
    wr_head_add(&r->resp, &r->pool, WR_N_LINK, WR_STR_NONE, WR_STR("</b>"));
    wr_head_add(&r->resp, &r->pool, WR_N_OTHER, WR_STR("x-path"), WR_STR("theirs"));
    wr_head_add(&r->resp, &r->pool, WR_N_STRICT_TRANSPORT_SECURITY, WR_STR_NONE, WR_STR("theirs"));
    r->phase = WR_PHASE_RESPONSE;
    tap_ok(wr_modules[module_index()]->phase[WR_PHASE_RESPONSE](r, r->route->mconf[module_index()], NULL) ==
               WR_NEXT,
           "RESPONSE has nothing to say");
    tap_is_str(values(&r->resp, "X-Path"), "[/a]", "set");
    tap_is_str(values(&r->resp, "Server"), "", "removed");
    tap_is_str(values(&r->resp, "Link"), "[</b>][</a>]", "added");
    tap_is_str(values(&r->resp, "Strict-Transport-Security"), "", "not over plain HTTP");
    r->scheme = WR_STR("https");
    wr_modules[module_index()]->phase[WR_PHASE_RESPONSE](r, r->route->mconf[module_index()], NULL);
    tap_is_str(values(&r->resp, "Strict-Transport-Security"), "[max-age=1]", "but over HTTPS");
    site_end(s, r);
}

/* Where there are no rules there is no handler. */
static void
test_active(struct site *s)
{
    const struct wr_module *mod = wr_modules[module_index()];
    unsigned with = 0, without = 0;

    for (size_t i = 0; i < s->model->routes_n; i++) {
        const struct wr_route *rt = s->model->routes[i];
        bool active = mod->active(rt, rt->mconf[module_index()], NULL);
        with += active;
        without += !active;
        if (wr_str_eq(rt->pattern, WR_STR("/plain"))) {
            tap_ok(!active, "a route whose rules are all dropped");
            tap_is_int(rt->phases[WR_PHASE_RESPONSE].n, 0, "has no handler");
        }
    }
    tap_is_int(with, 3, "two routes and the server have rules");
    tap_is_int(without, 2, "one and the listener have none");
}

int
main(void)
{
    struct site s;

    site_load_or_die(&s, config);
    test_active(&s);
    test_request(&s);
    test_response(&s);
    site_free(&s);
    return tap_done();
}
