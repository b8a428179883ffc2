/*
 * What a [server] alone has: where it listens, TLS towards clients, what
 * becomes of plain HTTP.  What its values mean together is model_server_tls.c.
 */
#include "core/conf/rows_server.h"

/* ---------------------------------------------------------------- tls */

static bool
rows_server_path_ok(struct wr_str path)
{
    return path.n > 1 && path.p[0] == '/' && path.p[path.n - 1] != '/';
}

/* CERT KEY ... */
static bool
rows_server_parse_pairs(struct wr_pool *pool, struct wr_str value, struct wr_server_tls *tls,
                        const char **why)
{
    struct wr_server_tls got = {.mode = WR_TLS_FILES};
    struct wr_str rest = value, cert, key;

    got.pairs = wr_pool_alloc(pool, WR_SERVER_PAIRS_MOST * sizeof(*got.pairs));
    while (wr_conf_word(pool, &rest, &cert)) {
        if (!rows_server_path_ok(cert)) {
            *why = "CERT and KEY are absolute paths of files";
            return false;
        }
        if (!wr_conf_word(pool, &rest, &key)) {
            *why = "a certificate without its key";
            return false;
        }
        if (!rows_server_path_ok(key)) {
            *why = "CERT and KEY are absolute paths of files";
            return false;
        }
        if (got.pairs_n == WR_SERVER_PAIRS_MOST) {
            *why = "8 pairs of a certificate and its key at most";
            return false;
        }
        got.pairs[got.pairs_n++] = (struct wr_tls_pair){wr_pool_str(pool, cert), wr_pool_str(pool, key)};
    }
    *tls = got;
    return true;
}

/* off | auto | internal | CERT KEY ... */
static bool
rows_server_parse_tls(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    static const struct wr_keyword modes[] = {
        {"off", WR_TLS_OFF}, {"auto", WR_TLS_AUTO}, {"internal", WR_TLS_INTERNAL}, {NULL, 0}};
    struct wr_server_tls *tls = field;
    struct wr_str rest = value, first, more;

    if (!wr_conf_word(pool, &rest, &first)) {
        *why = "nothing stands there";
        return false;
    }
    bool alone = !wr_conf_word(pool, &rest, &more);

    for (const struct wr_keyword *k = modes; k->word; k++) {
        if (!wr_str_eq(first, wr_str_of(k->word))) {
            continue;
        }
        if (!alone) {
            *why = "off, auto and internal stand alone";
            return false;
        }
        *tls = (struct wr_server_tls){.mode = k->value};
        return true;
    }
    if (alone && first.p[0] != '/') {
        return false; /* one word that is none of these */
    }
    return rows_server_parse_pairs(pool, value, tls, why);
}

/* ---------------------------------------------------------------- canonical */

/* NAME | off; whether it is a name of the server's is checked with the server. */
static bool
rows_server_parse_canonical(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_str rest = value, name, more;

    if (!wr_conf_word(pool, &rest, &name) || name.n == 0) {
        *why = "nothing stands there";
        return false;
    }
    if (wr_conf_word(pool, &rest, &more)) {
        *why = "more than one name";
        return false;
    }
    if (wr_str_eq(name, WR_STR("off"))) {
        *(struct wr_str *)field = WR_STR_NONE;
        return true;
    }
    char *lower = wr_pool_alloc(pool, name.n + 1);

    wr_str_lower(lower, name);
    *(struct wr_str *)field = wr_str_make(lower, name.n);
    return true;
}

/* ---------------------------------------------------------------- the rows */

static const struct wr_keyword rows_server_tls[] = {{"off", 0}, {"auto", 0}, {"internal", 0}, {NULL, 0}};
static const struct wr_keyword rows_server_http[] = {
    {"redirect", WR_HTTP_REDIRECT}, {"serve", WR_HTTP_SERVE}, {"off", WR_HTTP_OFF}, {NULL, 0}};

#define ROWS_SERVER(key, type_, where_, field, ...)                                                          \
    {                                                                                                        \
        .name = key, .type = type_, .class_ = WR_CLASS_SERVER, .where = where_,                              \
        .offset = offsetof(struct wr_server_conf, field), __VA_ARGS__                                        \
    }

const struct wr_directive wr_rows_server[] = {
    ROWS_SERVER(
        "listen", WR_T_WORDS, WR_IN_DEFAULTS | WR_IN_SERVER, listen, .preset = ":80",
        .grammar = "ADDRESS [tls] [proxy_protocol], ...",
        .help =
            "The addresses that the server is reached at, separated by commas: `:80` (IPv6 and IPv4), "
            "`127.0.0.1:80`, `[::1]:80`, `unix:/run/site.sock`.  Servers may share an address; the name in "
            "Host then tells them apart (with TLS, first the name that the client asks for in its "
            "handshake), and they have to agree on what follows the address.  `tls`: HTTPS alone is spoken "
            "there, so each server of that address needs certificates (see `tls`).  `proxy_protocol`: each "
            "connection begins with a PROXY protocol header (version 1 or 2); it is taken from "
            "`trusted_proxies` alone.  Unset, a server with certificates is at `:80, :443 tls`, with `http = off` "
            "at `:443 tls`.  What is written is taken as it is."),
    ROWS_SERVER(
        "tls", WR_T_PARSED, WR_IN_DEFAULTS | WR_IN_SERVER, tls, .preset = "auto",
        .parse = rows_server_parse_tls, .words = rows_server_tls,
        .grammar = "off | auto | internal | CERT KEY ...",
        .help =
            "The server's certificates.  `CERT KEY`: absolute paths of PEM files, the certificate followed "
            "by those of the authorities between it and the root, and its private key.  Of several pairs (8 "
            "at most, say one of ECDSA and one of RSA) each client gets the first that it can use.  Changed "
            "files are taken into use without a reload.  `internal`: certificates of an authority of weir's "
            "own, for localhost and private networks.  `auto`: HTTPS once certificates can be ordered, which "
            "is not in this release; until then plain HTTP, and one notice.  `off`: plain HTTP, without the "
            "notice.  A server with certificates needs an address with `tls` in `listen`."),
    ROWS_SERVER(
        "http", WR_T_WORD, WR_IN_DEFAULTS | WR_IN_SERVER, http, .preset = "redirect",
        .words = rows_server_http,
        .help =
            "What a server with certificates does with plain HTTP.  `redirect`: 308 to the same path and "
            "query by HTTPS, under its `canonical` name or else the one asked for, at the port of its first "
            "address with `tls`.  `serve`: it is served like HTTPS.  `off`: it has no address without `tls`.  "
            "A request counts as HTTPS when a proxy of `trusted_proxies` says that it was."),
    ROWS_SERVER("canonical", WR_T_PARSED, WR_IN_SERVER, canonical, .preset = "off",
                .parse = rows_server_parse_canonical, .grammar = "NAME | off",
                .help =
                    "The one name of a server that has several: requests for its other names are "
                    "redirected to it, 308, with path and query.  It is one of the server's names, or one "
                    "that a name with `*` takes in."),
    ROWS_SERVER("upstream", WR_T_TEXT, WR_IN_SERVER, upstream, .grammar = "TARGET",
                .help = "Short for the path key `/*`: where everything goes that no other route of the "
                        "server takes."),
    ROWS_SERVER(
        "/", WR_T_MAP, WR_IN_SERVER, paths, .grammar = "TARGET",
        .help =
            "A path key: requests for that path go to that target.  `/api/*` is `/api` and everything below "
            "it, never `/apix`; without `/*` at its end a key is that very path alone.  A path with a `=` in "
            "it is written as a `[route]`."),
    {.name = NULL},
};
