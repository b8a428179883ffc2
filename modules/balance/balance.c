/*
 * PICK: which server of an upstream gets the request.  What a server is chosen
 * by is taken from the request here; the choice itself is core/upstream's.
 */
#include "core/module.h"

#define BALANCE_IPV4_BITS 24 /* clients of one network stay together: addresses change within them */
#define BALANCE_IPV6_BITS 64

/* The network of the client as text, so that it can be computed elsewhere. */
static uint64_t
balance_hash_ip(const struct wr_req *r)
{
    struct wr_ip ip = r->client_ip;
    char text[WR_ADDR_TEXT_BYTES];
    size_t from = ip.family == AF_INET ? (96 + BALANCE_IPV4_BITS) / 8 : BALANCE_IPV6_BITS / 8;

    memset(ip.b + from, 0, sizeof(ip.b) - from);
    return wr_hash_fixed(wr_str_make(text, wr_ip_text(&ip, text)));
}

static enum wr_step
balance_pick(struct wr_req *r, const void *conf, void *state)
{
    const struct wr_balance_conf *balance = &r->upstream->conf.balance;
    struct wr_str key;

    (void)conf;
    (void)state;
    if (balance->kind == WR_BALANCE_IP_HASH) {
        r->pick_hash = balance_hash_ip(r);
        r->has_pick_hash = true;
    } else if (balance->kind == WR_BALANCE_HASH && wr_key_value(r, &balance->key, &key)) {
        r->pick_hash = wr_hash_fixed(key);
        r->has_pick_hash = true;
    }
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
