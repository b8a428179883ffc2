/*
 * Header rules: request_header.NAME and response_header.NAME.
 *
 * GUARD makes the fields that go upstream out of those that came; the request
 * itself stays as the client sent it, for logs, sticky cookies and whoever
 * else asks for it.  RESPONSE edits the head, weir's own answers' too.  On
 * each side fields are taken out first and put in then, so that it makes no
 * difference in which order the rules of different names stand.
 */
#include "modules/headers/header_rule.h"

struct headers_conf {
    struct wr_map request_map;
    struct wr_map response_map;
    /* of the maps, made by check */
    struct wr_header_rules request;
    struct wr_header_rules response;
};

/* ---- the configuration ---- */

/* Routes that inherit a map without a rule of their own share what is made of it. */
static bool
headers_make(struct wr_conf *cf, struct wr_strmap *made, enum wr_header_side side, const struct wr_map *map,
             struct wr_header_rules *rules)
{
    struct wr_str key = wr_str_make((const char *)&map->v, sizeof(map->v));
    bool ok = true;

    if (map->n == 0) {
        return true;
    }
    struct wr_header_rules *known = wr_strmap_get(made, key);
    if (!known) {
        known = wr_pool_alloc(cf->pool, sizeof(*known));
        ok = wr_header_rules_make(cf, side, map, known);
        wr_strmap_add(made, key, known);
    }
    *rules = *known;
    return ok;
}

static bool
headers_check(struct wr_conf *cf, unsigned module, void **main)
{
    struct wr_strmap made;
    bool ok = true;

    (void)main;
    wr_strmap_init(&made, cf->pool, (uint32_t)cf->model->routes_n * 2 + 1);
    for (size_t i = 0; i < cf->model->routes_n; i++) {
        struct headers_conf *own = cf->model->routes[i]->mconf[module];
        ok &= headers_make(cf, &made, WR_HEADER_REQUEST, &own->request_map, &own->request);
        ok &= headers_make(cf, &made, WR_HEADER_RESPONSE, &own->response_map, &own->response);
    }
    return ok;
}

static bool
headers_active(const struct wr_route *rt, const void *conf, void *main)
{
    const struct headers_conf *own = conf;

    (void)main;
    return own->response.n > 0 || (own->request.n > 0 && rt->target.kind == WR_TARGET_UPSTREAM);
}

/* ---- both sides ---- */

/* RFC 6797 7.2: it is for HTTPS alone. */
static bool
headers_is_withheld(const struct wr_req *r, const struct wr_header_rule *rule)
{
    return rule->id == WR_N_STRICT_TRANSPORT_SECURITY && !wr_str_eq(r->scheme, WR_STR("https"));
}

static WR_COLD void
headers_log(const struct wr_req *r, const struct wr_header_rule *rule, const char *why)
{
    wr_req_log(r, WR_LOG_INFO, "header rule gives no value, field left out reason=%s field=%.*s rule=%s:%u",
               why, WR_STR_ARG(rule->name), rule->place.file, rule->place.line);
}

static void
headers_put_in(struct wr_req *r, struct wr_head *h, const struct wr_header_rules *rules)
{
    wr_head_reserve(h, &r->pool, h->n + rules->n);
    for (uint32_t i = 0; i < rules->n; i++) {
        const struct wr_header_rule *rule = &rules->v[i];
        const char *why = NULL;
        if (!rule->value || headers_is_withheld(r, rule)) {
            continue;
        }
        struct wr_str value = wr_header_rule_value(rule, r, &why);
        if (wr_unlikely(why != NULL)) {
            headers_log(r, rule, why);
        } else if (value.n > 0) {
            wr_head_add(h, &r->pool, rule->id, rule->name, value);
        }
    }
}

/* ---- requests ---- */

/* One name for servers that make variables of fields (CGI, WSGI, PHP). */
static bool
headers_spells(struct wr_str a, struct wr_str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        char x = a.p[i] == '_' ? '-' : wr_lower(a.p[i]);
        char y = b.p[i] == '_' ? '-' : wr_lower(b.p[i]);
        if (x != y) {
            return false;
        }
    }
    return true;
}

/* Takes out what rules replace or remove; a client's X_User shall not pass for the X-User that a rule is about,
 * nor the other way round. */
static void
headers_take_out_spellings(struct wr_head *h, const struct wr_header_rules *rules)
{
    for (uint32_t i = 0; i < rules->n; i++) {
        const struct wr_header_rule *rule = &rules->v[i];
        for (uint32_t k = 0; k < h->n && !rule->adds; k++) {
            if (headers_spells(h->fields[k].name, rule->name)) {
                h->fields[k].flags |= WR_FIELD_GONE;
            }
        }
    }
}

static void
headers_settle(struct wr_sending *s, const struct wr_header_rules *rules)
{
    for (uint32_t i = 0; i < rules->n; i++) {
        s->settled[rules->v[i].id >> 6] |= UINT64_C(1) << (rules->v[i].id & 63);
    }
}

static enum wr_step
headers_guard(struct wr_req *r, const void *conf, void *state)
{
    const struct headers_conf *own = conf;
    const struct wr_header_rules *rules = &own->request;

    (void)state;
    if (rules->n == 0 || !r->upstream) {
        return WR_NEXT;
    }
    struct wr_sending *s = wr_pool_zalloc(&r->pool, sizeof(*s));
    s->head.have[0] = r->req.have[0];
    s->head.have[1] = r->req.have[1];
    wr_head_reserve(&s->head, &r->pool, r->req.n + rules->n);
    s->head.n = r->req.n;
    if (r->req.n > 0) {
        memcpy(s->head.fields, r->req.fields, r->req.n * sizeof(*s->head.fields));
    }
    headers_take_out_spellings(&s->head, rules);
    headers_put_in(r, &s->head, rules);
    headers_settle(s, rules);
    r->sending = s;
    return WR_NEXT;
}

/* ---- responses ---- */

/* Takes out what rules replace or remove. */
static void
headers_take_out(struct wr_head *h, const struct wr_header_rules *rules)
{
    for (uint32_t i = 0; i < rules->n; i++) {
        const struct wr_header_rule *rule = &rules->v[i];
        if (rule->adds) {
            continue;
        }
        if (rule->id != WR_N_OTHER) {
            wr_head_remove(h, rule->id);
        } else if (wr_head_has(h, WR_N_OTHER)) {
            wr_head_remove_name(h, rule->name);
        }
    }
}

static enum wr_step
headers_response(struct wr_req *r, const void *conf, void *state)
{
    const struct headers_conf *own = conf;

    (void)state;
    if (own->response.n > 0) {
        headers_take_out(&r->resp, &own->response);
        headers_put_in(r, &r->resp, &own->response);
    }
    return WR_NEXT;
}

/* ---- weir explain ---- */

/* NAME or NAME#N, as it is in the configuration. */
static struct wr_str
headers_explain_name(const struct wr_explain *ex, const struct wr_header_rule *rule)
{
    if (rule->number == 1) {
        return rule->name;
    }
    return wr_pool_printf(&ex->r->pool, "%.*s#%u", WR_STR_ARG(rule->name), rule->number);
}

static void
headers_explain_rule(const struct wr_explain *ex, const char *what, const struct wr_header_rule *rule)
{
    struct wr_str name = headers_explain_name(ex, rule);
    const char *why = NULL;

    if (!rule->value) {
        wr_explain_say(ex, what, name, rule->place, "removed");
        return;
    }
    if (headers_is_withheld(ex->r, rule)) {
        wr_explain_say(ex, what, name, rule->place, "not sent over plain HTTP");
        return;
    }
    struct wr_str value = wr_header_rule_value(rule, ex->r, &why);
    if (why) {
        wr_explain_say(ex, what, name, rule->place, "left out, reason %s", why);
    } else if (value.n == 0) {
        wr_explain_say(ex, what, name, rule->place, "left out, its value is empty");
    } else {
        wr_explain_say(ex, what, name, rule->place, "%s %s", rule->adds ? "added," : "set to",
                       wr_explain_text(ex, value));
    }
}

static void
headers_explain(struct wr_explain *ex, const struct wr_route *rt, const void *conf)
{
    const struct headers_conf *own = conf;

    (void)rt;
    if (ex->r->err == WR_E_NONE && ex->r->upstream) {
        for (uint32_t i = 0; i < own->request.n; i++) {
            headers_explain_rule(ex, "request header", &own->request.v[i]);
        }
        headers_guard(ex->r, conf, NULL); /* what is sent is shown, too */
    }
    for (uint32_t i = 0; i < own->response.n; i++) {
        headers_explain_rule(ex, "response header", &own->response.v[i]);
    }
}

/* ---- the module ---- */

#define HEADERS_ROW(key, field, ...)                                                                         \
    {                                                                                                        \
        .name = key, .type = WR_T_MAP, .class_ = WR_CLASS_ROUTE, .where = WR_IN_SITE,                        \
        .flags = WR_D_KEY_IS_HEADER, .offset = offsetof(struct headers_conf, field),                         \
        .grammar = "VALUE | + VALUE | inherit", __VA_ARGS__                                                  \
    }

static const struct wr_directive headers_rows[] = {
    HEADERS_ROW(
        "request_header.*", request_map,
        .help =
            "A rule for a field of requests on their way upstream, as in `request_header.X-Client = "
            "%{client_ip}`.  A value replaces what the client sent under that name, all lines of it; `+ VALUE` "
            "adds one to those; nothing behind the `=` removes them.  A second field of the name is "
            "`request_header.X-Client#2`, a third `#3`.  Rules are merged by name from `[defaults]` to "
            "`[server]` to `[route]`; `inherit` drops the one from above.  All else is text: `off` is the text "
            "\"off\", and variables stand where `%{name}` says, once: what they bring is not looked at again.  "
            "Where a value comes out empty, with a control byte in it or longer than 8192 bytes, the field is left "
            "out (the last two are logged at level info); what the client sent under the name is gone all the "
            "same, `X_Client` for `X-Client` too.  `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`, "
            "`X-Real-IP` and `X-Request-ID` are weir's own where no rule is for them.  There is no rule for "
            "`Host` (see the key `host`), for what frames a message or is about one connection alone, nor for "
            "`Via`.  Access logs and balancing see the request as the client sent it."),
    HEADERS_ROW(
        "response_header.*", response_map,
        .help =
            "The same for responses on their way to the client, weir's own errors, redirections and fixed "
            "answers too: those that no route is for have the rules of their `[server]`, else of `[defaults]`.  "
            "`response_header.Server =` removes a field, `response_header.Link = + </a.css>; rel=preload` adds "
            "one to those of the upstream.  A rule for `Strict-Transport-Security`, as in "
            "`response_header.Strict-Transport-Security = max-age=31536000; includeSubDomains`, is in effect "
            "over HTTPS alone, as RFC 6797 demands: over plain HTTP it takes the field out and puts none in."),
    {.name = NULL},
};
static const struct wr_directive_table headers_tables[] = {
    {headers_rows, WR_CLASS_ROUTE, sizeof(struct headers_conf), NULL},
    {.rows = NULL},
};

const struct wr_module wr_module_headers = {
    .name = "headers",
    .tables = headers_tables,
    .check = headers_check,
    .active = headers_active,
    .phase = {[WR_PHASE_GUARD] = headers_guard, [WR_PHASE_RESPONSE] = headers_response},
    .explain = headers_explain,
};
