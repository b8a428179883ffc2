/*
 * The values of keys.  Nothing is copied that stands in the request as it is
 * wanted.
 */
#include "core/http/key.h"

#include "core/http/cookie.h"

/* The values of all fields of that name; first is one of them. */
static struct wr_str
key_joined(struct wr_req *r, struct wr_str name, const struct wr_field *first)
{
    size_t n = 0;

    for (const struct wr_field *f = first; f; f = wr_head_find_name(&r->req, name, f)) {
        n += f->value.n + 2;
    }
    char *p = wr_pool_alloc(&r->pool, n), *to = p;
    for (const struct wr_field *f = first; f; f = wr_head_find_name(&r->req, name, f)) {
        if (f != first) {
            to = mempcpy(to, ", ", 2);
        }
        to = mempcpy(to, f->value.p, f->value.n);
    }
    return wr_str_make(p, (size_t)(to - p));
}

static bool
key_header(struct wr_req *r, struct wr_str name, struct wr_str *out)
{
    const struct wr_field *f = wr_head_find_name(&r->req, name, NULL);

    if (!f) {
        return false;
    }
    *out = wr_head_find_name(&r->req, name, f) ? key_joined(r, name, f) : f->value;
    return true;
}

static bool
key_query(struct wr_req *r, struct wr_str name, struct wr_str *out)
{
    struct wr_str value;

    if (!wr_uri_query_find(r->uri.query, name, &value)) {
        return false;
    }
    *out = value;
    if (wr_str_find(value, '%') >= 0) {
        char *plain = wr_pool_alloc(&r->pool, value.n);
        *out = wr_str_make(plain, wr_uri_decode(plain, value));
    }
    return true;
}

static bool
key_text(struct wr_str s, struct wr_str *out)
{
    *out = s;
    return s.n > 0;
}

bool
wr_key_value(struct wr_req *r, const struct wr_key *key, struct wr_str *out)
{
    switch ((enum wr_key_kind)key->kind) {
    case WR_KEY_CLIENT_IP:
        return key_text(r->client_text, out);
    case WR_KEY_HOST:
        return key_text(r->host, out);
    case WR_KEY_PATH:
        return key_text(r->path, out);
    case WR_KEY_URI:
        return key_text(wr_req_uri(r), out);
    case WR_KEY_HEADER:
        return key_header(r, key->name, out);
    case WR_KEY_COOKIE:
        return wr_cookie_find(&r->req, key->name, out);
    case WR_KEY_QUERY:
        return key_query(r, key->name, out);
    }
    return false;
}
