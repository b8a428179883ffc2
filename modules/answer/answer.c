/*
 * LOOKUP: routes that weir answers itself, `redirect:` and `status:`.
 *
 * redirect:[CODE ]URL is 302 for GET and HEAD and 307 for other methods, which
 * then keep their method and body; a code in front of the URL (301,
 * 302, 303, 307, 308) is taken as it is.  The request's path and query are in
 * the URL where %{...} puts them and nowhere else.
 */
#include "core/module.h"

#define ANSWER_LOCATION_BYTES 16384 /* of the expanded URL, before escaping */

struct answer_conf {
    const struct wr_template *location; /* NULL: not a redirect */
    uint16_t status;                    /* 0: by the method */
};

/* ---- the configuration ---- */

/* Whether a code stands in front of the URL as it was written. */
static bool
answer_has_code(const struct wr_route *rt)
{
    struct wr_str text = rt->conf.to;
    ptrdiff_t colon = wr_str_find(text, ':');
    struct wr_str word;
    uint64_t code;

    text = wr_str_make(text.p + colon + 1, text.n - (size_t)(colon + 1));
    return wr_str_word(&text, &word) && wr_str_u64(word, 999, &code);
}

static bool
answer_compile(struct wr_conf *cf, const struct wr_route *rt, struct answer_conf *own)
{
    const char *why = "";

    own->status = answer_has_code(rt) ? rt->target.status : 0;
    own->location = wr_template_compile(cf->pool, rt->target.text, &why);
    if (!own->location) {
        wr_conf_error(cf, rt->target.place, "redirect: %s", why);
    }
    return own->location != NULL;
}

static bool
answer_check(struct wr_conf *cf, unsigned module, void **main)
{
    bool ok = true;

    (void)main;
    for (size_t i = 0; i < cf->model->routes_n; i++) {
        struct wr_route *rt = cf->model->routes[i];
        if (rt->target.kind == WR_TARGET_REDIRECT) {
            ok &= answer_compile(cf, rt, rt->mconf[module]);
        }
    }
    return ok;
}

static bool
answer_active(const struct wr_route *rt, const void *conf, void *main)
{
    (void)conf;
    (void)main;
    return rt->target.kind == WR_TARGET_REDIRECT || rt->target.kind == WR_TARGET_STATUS;
}

/* ---- redirects ---- */

static uint16_t
answer_redirect_status(const struct wr_req *r, const struct answer_conf *own)
{
    if (own->status != 0) {
        return own->status;
    }
    return r->method_id == WR_M_GET || r->method_id == WR_M_HEAD ? 302 : 307;
}

static void
answer_redirect(struct wr_req *r, const struct answer_conf *own)
{
    struct wr_str url = wr_template_expand(own->location, r, ANSWER_LOCATION_BYTES);

    if (!url.p) {
        wr_req_fail(r, WR_E_TARGET_TOO_LONG);
        return;
    }
    wr_location_answer(r, answer_redirect_status(r, own), url);
}

/* ---- fixed answers ---- */

static void
answer_status(struct wr_req *r, const struct wr_target *target)
{
    if (target->text.n == 0 && target->status >= 400) {
        wr_req_answer(r, target->status, WR_STR_NONE, wr_errorpage_make(r, target->status));
    } else if (target->text.n == 0) {
        wr_req_answer(r, target->status, WR_STR_NONE, WR_STR_NONE);
    } else {
        wr_req_answer(r, target->status, WR_STR("text/plain; charset=utf-8"), target->text);
    }
}

static enum wr_step
answer_lookup(struct wr_req *r, const void *conf, void *state)
{
    const struct wr_target *target = &r->route->target;

    (void)state;
    if (target->kind == WR_TARGET_REDIRECT) {
        answer_redirect(r, conf);
    } else {
        answer_status(r, target);
    }
    return WR_DONE;
}

static void
answer_explain(struct wr_explain *ex, const struct wr_route *rt, const void *conf)
{
    const struct answer_conf *own = conf;

    if (ex->r->err != WR_E_NONE) { /* it does not come to that */
        return;
    }
    if (rt->target.kind == WR_TARGET_STATUS) {
        wr_explain_say(ex, "answer", WR_STR_NONE, rt->target.place, "weir itself, %u %s", rt->target.status,
                       wr_explain_text(ex, rt->target.text));
    } else if (rt->target.kind == WR_TARGET_REDIRECT) {
        struct wr_str url = wr_template_expand(own->location, ex->r, ANSWER_LOCATION_BYTES);
        wr_explain_say(ex, "answer", WR_STR_NONE, rt->target.place, "weir itself, %u with Location: %s",
                       answer_redirect_status(ex->r, own),
                       wr_explain_text(ex, wr_location_escape(&ex->r->pool, url)));
    }
}

static const struct wr_directive answer_rows[] = {{.name = NULL}};
static const struct wr_directive_table answer_tables[] = {
    {answer_rows, WR_CLASS_ROUTE, sizeof(struct answer_conf), NULL},
    {.rows = NULL},
};

const struct wr_module wr_module_answer = {
    .name = "answer",
    .tables = answer_tables,
    .check = answer_check,
    .active = answer_active,
    .phase = {[WR_PHASE_LOOKUP] = answer_lookup},
    .explain = answer_explain,
};
