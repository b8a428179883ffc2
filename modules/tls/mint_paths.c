/*
 * Names of files from names of servers.  "_" introduces everything that does
 * not stand for itself, so that two servers never have one file:
 *
 *   example.com               example.com
 *   example.com @internal     example.com_at_internal
 *   *.example.com             _wildcard.example.com
 *   *                         _any
 *   [::1]                     _5b_3a_3a1_5d        (two hexadecimal digits a byte)
 */
#include "modules/tls/mint.h"

#define MINT_PATHS_MOST 200 /* bytes of a name, before .crt and .key: a file system takes 255 */
#define MINT_PATHS_CUT 100  /* of a longer one, whose hash stands behind it */

static void
mint_paths_put(struct wr_out *o, const char *start, struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (plain || (c == '.' && o->p > start)) {
            wr_out_mem(o, &c, 1);
        } else {
            char hex[3] = {'_'};
            wr_fmt_hex_bytes(hex + 1, &c, 1);
            wr_out_mem(o, hex, sizeof(hex));
        }
    }
}

/* The key of this hash is part of the names of files: it never changes. */
static void
mint_paths_put_hash(struct wr_pool *pool, struct wr_out *o, struct wr_str name, struct wr_str label)
{
    static const uint64_t key[2];
    uint8_t hash[16];
    char hex[2 * sizeof(hash)];

    wr_hash_mac(key, wr_pool_printf(pool, "%.*s @%.*s", WR_STR_ARG(name), WR_STR_ARG(label)), hash);
    wr_fmt_hex_bytes(hex, hash, sizeof(hash));
    wr_out_lit(o, "_long_");
    wr_out_mem(o, hex, sizeof(hex));
}

struct wr_tls_pair
wr_mint_paths(struct wr_pool *pool, struct wr_str store, struct wr_str name, struct wr_str label)
{
    char stem[MINT_PATHS_MOST];
    struct wr_out o;
    struct wr_str rest = name;

    wr_out_init(&o, stem, sizeof(stem));
    if (wr_str_eq(name, WR_STR("*"))) {
        wr_out_lit(&o, "_any");
        rest = WR_STR_NONE;
    } else if (wr_str_starts(name, WR_STR("*."))) {
        wr_out_lit(&o, "_wildcard.");
        rest = wr_str_make(name.p + 2, name.n - 2);
    }
    mint_paths_put(&o, stem, rest);
    if (label.n > 0) {
        wr_out_lit(&o, "_at_");
        mint_paths_put(&o, stem, label);
    }
    if (o.full) {
        wr_out_init(&o, stem + MINT_PATHS_CUT, sizeof(stem) - MINT_PATHS_CUT);
        mint_paths_put_hash(pool, &o, name, label);
    }
    while (store.n > 1 && store.p[store.n - 1] == '/') {
        store.n--;
    }
    int n = (int)(o.p - stem);
    return (struct wr_tls_pair){
        .cert = wr_pool_printf(pool, "%.*s/internal/servers/%.*s.crt", WR_STR_ARG(store), n, stem),
        .key = wr_pool_printf(pool, "%.*s/internal/servers/%.*s.key", WR_STR_ARG(store), n, stem),
    };
}
