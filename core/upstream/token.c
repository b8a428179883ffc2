/*
 * Sticky tokens: made of names, found by hash, compared in constant time.
 */
#include <stdlib.h>

#include "core/base/fmt.h"
#include "core/base/hash.h"
#include "core/upstream/upstream_worker.h"

/* A secret that an operator wrote, as a key: the same on all machines. */
static void
token_key(const struct wr_service *sv, struct wr_str secret, uint64_t key[2])
{
    static const uint64_t fixed[2] = {0x7765697220737469, 0x636b79206b657920};
    const struct wr_share *sh = sv->upstream->share;
    uint8_t mac[16];

    key[0] = key[1] = 0;
    if (secret.n > 0) {
        wr_hash_mac(fixed, secret, mac);
        memcpy(key, mac, sizeof(mac));
    } else if (sh != NULL) {
        key[0] = sh->secret[0];
        key[1] = sh->secret[1];
    }
}

static void
token_make(const struct wr_service *sv, struct wr_peer *p)
{
    char text[1024];
    uint8_t mac[16], name[16];
    uint64_t key[2];
    struct wr_out o;

    token_key(sv, p->upstream->conf.sticky_key, key);
    wr_hash_mac(key, p->conf->name, name); /* names may be long */
    wr_out_init(&o, text, sizeof(text));
    wr_out_mem(&o, (const char *)name, sizeof(name));
    wr_out_str(&o, p->upstream->name);
    wr_hash_mac(key, wr_str_make(text, (size_t)(o.p - text)), mac);
    wr_fmt_hex_bytes(p->token, mac, sizeof(mac));
}

struct wr_str
wr_peer_token(const struct wr_service *sv, struct wr_peer *p)
{
    if (p->token[0] == '\0') {
        token_make(sv, p);
    }
    return wr_str_make(p->token, sizeof(p->token));
}

static void
token_index(struct wr_service *sv, struct wr_upstream_group *g)
{
    g->tokens_mask = 1;
    while (g->tokens_mask < g->peers_n * 2) {
        g->tokens_mask = g->tokens_mask * 2 + 1;
    }
    g->tokens_stale = false;
    free(g->tokens);
    g->tokens = wr_calloc(g->tokens_mask + 1, sizeof(*g->tokens));
    for (uint32_t i = 0; i < g->peers_n; i++) {
        uint32_t at = (uint32_t)wr_hash_keyed(wr_peer_token(sv, g->peers[i])) & g->tokens_mask;
        while (g->tokens[at] != 0) {
            at = (at + 1) & g->tokens_mask;
        }
        g->tokens[at] = i + 1;
    }
}

struct wr_peer *
wr_peer_by_token(struct wr_service *sv, const struct wr_upstream *up, struct wr_str token)
{
    struct wr_upstream_group *g = wr_upstream_group_of(sv, up);

    if (token.n != WR_PEER_TOKEN_BYTES) {
        return NULL;
    }
    if (g->tokens == NULL || g->tokens_stale) {
        token_index(sv, g);
    }
    for (uint32_t at = (uint32_t)wr_hash_keyed(token) & g->tokens_mask; g->tokens[at] != 0;
         at = (at + 1) & g->tokens_mask) {
        struct wr_peer *p = g->peers[g->tokens[at] - 1];
        if (wr_str_eq_secret(token, wr_peer_token(sv, p))) {
            return p;
        }
    }
    return NULL;
}
