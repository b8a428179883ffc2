/*
 * Values of keys.
 */
#include "core/http/key.h"

/* One "name=value" of a Cookie field; the rest stands behind the next semicolon. */
static struct wr_str
key_next_cookie(struct wr_str *rest)
{
    ptrdiff_t end = wr_str_find(*rest, ';');
    struct wr_str pair = wr_str_trim(wr_str_make(rest->p, end < 0 ? rest->n : (size_t)end));

    *rest = end < 0 ? WR_STR_NONE : wr_str_make(rest->p + end + 1, rest->n - (size_t)end - 1);
    return pair;
}

bool
wr_cookie_find(const struct wr_head *h, struct wr_str name, struct wr_str *value)
{
    for (const struct wr_field *f = wr_head_find(h, WR_N_COOKIE); f; f = wr_head_next(h, WR_N_COOKIE, f)) {
        struct wr_str rest = f->value;
        while (rest.n > 0) {
            struct wr_str pair = key_next_cookie(&rest);
            if (pair.n > name.n && pair.p[name.n] == '=' && wr_str_starts(pair, name)) {
                *value = wr_str_make(pair.p + name.n + 1, pair.n - name.n - 1);
                return true;
            }
        }
    }
    return false;
}

static bool
key_header(struct wr_req *r, struct wr_str name, struct wr_str *out)
{
    const struct wr_field *f = wr_head_find_name(&r->req, name, NULL);

    if (f == NULL) {
        return false;
    }
    *out = f->value;
    while ((f = wr_head_find_name(&r->req, name, f)) != NULL) {
        *out = wr_pool_printf(&r->pool, "%.*s, %.*s", WR_STR_ARG(*out), WR_STR_ARG(f->value));
    }
    return true;
}

static bool
key_query(struct wr_req *r, struct wr_str name, struct wr_str *out)
{
    struct wr_str rest = r->uri.query, n, value;

    while (wr_uri_query_next(&rest, &n, &value)) {
        if (wr_str_eq(n, name)) {
            *out = value;
            return true;
        }
    }
    return false;
}

bool
wr_key_value(struct wr_req *r, const struct wr_key *key, struct wr_str *out)
{
    switch ((enum wr_key_kind)key->kind) {
    case WR_KEY_CLIENT_IP:
        *out = r->client_text;
        return true;
    case WR_KEY_HOST:
        *out = r->host;
        return true;
    case WR_KEY_PATH:
        *out = r->path;
        return true;
    case WR_KEY_URI:
        *out = r->uri.has_query
            ? wr_pool_printf(&r->pool, "%.*s?%.*s", WR_STR_ARG(r->path), WR_STR_ARG(r->uri.query))
            : r->path;
        return true;
    case WR_KEY_HEADER:
        return key_header(r, key->name, out);
    case WR_KEY_COOKIE:
        return wr_cookie_find(&r->req, key->name, out);
    case WR_KEY_QUERY:
        return key_query(r, key->name, out);
    }
    return false;
}
