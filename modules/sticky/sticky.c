/*
 * A client stays with its server: PICK reads the cookie that says which, and
 * RESPONSE gives one where there was none, or another server has answered.
 */
#include "core/module.h"

static struct wr_str
sticky_cookie(const struct wr_req *r)
{
    struct wr_str value;

    return wr_cookie_find(&r->req, r->upstream->conf.sticky_cookie, &value) ? value : WR_STR_NONE;
}

static enum wr_step
sticky_pick(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    if (r->attempts == 0) { /* a second attempt is one with another server */
        r->sticky = wr_peer_by_token(r->sv, r->upstream, sticky_cookie(r));
    }
    return WR_NEXT;
}

static enum wr_step
sticky_response(struct wr_req *r, const void *conf, void *state)
{
    struct wr_str name = r->upstream->conf.sticky_cookie;

    (void)conf;
    (void)state;
    if (r->local || r->lease.peer == NULL) {
        return WR_NEXT;
    }
    struct wr_str token = wr_peer_token(r->sv, r->lease.peer);
    if (wr_str_eq_secret(sticky_cookie(r), token)) {
        return WR_NEXT;
    }
    struct wr_str value =
        wr_pool_printf(&r->pool, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Lax%s", WR_STR_ARG(name),
                       WR_STR_ARG(token), wr_str_eq(r->scheme, WR_STR("https")) ? "; Secure" : "");
    wr_head_add(&r->resp, &r->pool, WR_N_SET_COOKIE, WR_STR_NONE, value);
    return WR_NEXT;
}

static bool
sticky_active(const struct wr_route *rt, const void *conf, void *main)
{
    (void)conf;
    (void)main;
    return rt->target.kind == WR_TARGET_UPSTREAM && rt->target.upstream->conf.sticky_cookie.n > 0;
}

const struct wr_module wr_module_sticky = {
    .name = "sticky",
    .active = sticky_active,
    .phase = {[WR_PHASE_PICK] = sticky_pick, [WR_PHASE_RESPONSE] = sticky_response},
};
