/*
 * PICK: which server of an upstream gets the request.
 */
#include "core/module.h"

static enum wr_step
balance_pick(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return wr_peer_pick_for(r);
}

static bool
balance_active(const struct wr_route *rt, const void *conf, void *main)
{
    (void)conf;
    (void)main;
    return rt->target.kind == WR_TARGET_UPSTREAM;
}

const struct wr_module wr_module_balance = {
    .name = "balance",
    .active = balance_active,
    .phase = {[WR_PHASE_PICK] = balance_pick},
};
