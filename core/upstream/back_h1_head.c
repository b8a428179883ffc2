/*
 * Rendering a request head for an HTTP/1.1 server.  Hop-by-hop fields stay
 * behind; what says who the client is, weir says itself.
 */
#include "core/upstream/back_h1_head.h"

#include "core/base/fmt.h"

#define BACK_H1_HEAD_OWN_BYTES 512 /* what weir adds, without the values counted below */

/* Fields of the client that weir writes itself, or that end here. */
static bool
back_h1_head_is_ours(const struct wr_field *f)
{
    switch (f->id) {
    case WR_N_HOST:
    case WR_N_CONTENT_LENGTH:
    case WR_N_EXPECT:
    case WR_N_X_FORWARDED_FOR:
    case WR_N_X_FORWARDED_HOST:
    case WR_N_X_FORWARDED_PROTO:
    case WR_N_X_REAL_IP:
    case WR_N_X_REQUEST_ID:
        return true;
    default:
        return false;
    }
}

static const struct wr_head *
back_h1_head_fields(const struct wr_req *r)
{
    return wr_unlikely(r->sending != NULL) ? &r->sending->head : &r->req;
}

/* Whether a rule has said what the server is told under that name. */
static bool
back_h1_head_is_settled(const struct wr_req *r, enum wr_name id)
{
    return wr_unlikely(r->sending != NULL) && (r->sending->settled[id >> 6] >> (id & 63)) & 1;
}

static char *
back_h1_head_put(char *p, struct wr_str s)
{
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    return p + s.n;
}

#define BACK_H1_HEAD_LIT(p, literal)                                                                         \
    ((char *)memcpy((p), (literal), sizeof(literal) - 1) + sizeof(literal) - 1)

static char *
back_h1_head_end_line(char *p)
{
    *p++ = '\r';
    *p++ = '\n';
    return p;
}

size_t
wr_back_h1_render_room(const struct wr_req *r)
{
    size_t n = BACK_H1_HEAD_OWN_BYTES + r->method.n + r->send_path.n + r->upgrade.n + strlen(r->sv->instance);

    n += r->send_host.n + r->authority.n * 2 + r->forwarded_host.n + r->forwarded_for.n + r->id.n;
    n += 2 * WR_ADDR_TEXT_BYTES;
    const struct wr_head *h = back_h1_head_fields(r);

    for (uint32_t i = 0; i < h->n; i++) {
        n += h->fields[i].name.n + h->fields[i].value.n + 4;
    }
    return n;
}

static char *
back_h1_head_put_fields(char *p, const struct wr_req *r)
{
    const struct wr_head *h = back_h1_head_fields(r);
    unsigned drop = WR_FIELD_HOP | WR_FIELD_GONE;

    if (r->route->conf.underscores == WR_UNDERSCORES_DROP) {
        drop |= WR_FIELD_UNDERSCORE;
    }
    for (uint32_t i = 0; i < h->n; i++) {
        const struct wr_field *f = &h->fields[i];
        if (f->flags & drop || (back_h1_head_is_ours(f) && !back_h1_head_is_settled(r, f->id))) {
            continue;
        }
        p = back_h1_head_put(p, f->name);
        *p++ = ':';
        *p++ = ' ';
        p = back_h1_head_put(p, f->value);
        p = back_h1_head_end_line(p);
    }
    return p;
}

/* The chain of addresses that trusted proxies brought, and whom weir itself has on the line. */
static char *
back_h1_head_put_chain(char *p, const struct wr_req *r)
{
    char text[WR_ADDR_TEXT_BYTES];

    p = BACK_H1_HEAD_LIT(p, "X-Forwarded-For: ");
    if (r->forwarded_for.n > 0) {
        p = back_h1_head_put(p, r->forwarded_for);
        p = BACK_H1_HEAD_LIT(p, ", ");
        p = back_h1_head_put(p, wr_str_make(text, wr_ip_text(&r->client->peer_ip, text)));
    } else {
        p = back_h1_head_put(p, r->client_text);
    }
    return back_h1_head_end_line(p);
}

/* Who asks, by what name, and on what way. */
static char *
back_h1_head_put_forwarded(char *p, const struct wr_req *r)
{
    if (!back_h1_head_is_settled(r, WR_N_X_FORWARDED_FOR)) {
        p = back_h1_head_put_chain(p, r);
    }
    if (!back_h1_head_is_settled(r, WR_N_X_FORWARDED_PROTO)) {
        p = BACK_H1_HEAD_LIT(p, "X-Forwarded-Proto: ");
        p = back_h1_head_end_line(back_h1_head_put(p, r->scheme));
    }
    if (!back_h1_head_is_settled(r, WR_N_X_FORWARDED_HOST)) {
        p = BACK_H1_HEAD_LIT(p, "X-Forwarded-Host: ");
        p = back_h1_head_put(p, r->forwarded_host.n ? r->forwarded_host : r->authority);
        p = back_h1_head_end_line(p);
    }
    if (!back_h1_head_is_settled(r, WR_N_X_REAL_IP)) {
        p = BACK_H1_HEAD_LIT(p, "X-Real-IP: ");
        p = back_h1_head_end_line(back_h1_head_put(p, r->client_text));
    }
    if (!back_h1_head_is_settled(r, WR_N_X_REQUEST_ID)) {
        p = BACK_H1_HEAD_LIT(p, "X-Request-ID: ");
        p = back_h1_head_end_line(back_h1_head_put(p, r->id));
    }
    p = BACK_H1_HEAD_LIT(p, "Via: ");
    *p++ = (char)('0' + r->major);
    if (r->major == 1) {
        *p++ = '.';
        *p++ = (char)('0' + r->minor);
    }
    *p++ = ' ';
    p = back_h1_head_put(p, wr_str_of(r->sv->instance));
    return back_h1_head_end_line(p);
}

static char *
back_h1_head_put_framing(char *p, const struct wr_req *r, bool *chunked)
{
    *chunked = false;
    if (r->wants_upgrade) {
        p = BACK_H1_HEAD_LIT(p, "Connection: upgrade\r\nUpgrade: ");
        p = back_h1_head_put(p, r->upgrade);
        return back_h1_head_end_line(p);
    }
    if (r->te_trailers) {
        p = BACK_H1_HEAD_LIT(p, "TE: trailers\r\nConnection: TE\r\n");
    }
    if (!r->body.present) {
        return p;
    }
    if (wr_unlikely(r->body.expect_passed)) {
        p = BACK_H1_HEAD_LIT(p, "Expect: 100-continue\r\n");
    }
    if (r->body.length >= 0) {
        p = BACK_H1_HEAD_LIT(p, "Content-Length: ");
        p += wr_fmt_u64(p, (uint64_t)r->body.length);
        return back_h1_head_end_line(p);
    }
    *chunked = true;
    return BACK_H1_HEAD_LIT(p, "Transfer-Encoding: chunked\r\n");
}

size_t
wr_back_h1_render(const struct wr_req *r, char *dst, bool *chunked)
{
    char *p = back_h1_head_put(dst, r->method);

    *p++ = ' ';
    p = back_h1_head_put(p, r->send_path);
    p = BACK_H1_HEAD_LIT(p, " HTTP/1.1\r\nHost: ");
    p = back_h1_head_put(p, r->send_host.n ? r->send_host : r->authority);
    p = back_h1_head_end_line(p);
    p = back_h1_head_put_fields(p, r);
    p = back_h1_head_put_forwarded(p, r);
    p = back_h1_head_put_framing(p, r, chunked);
    p = back_h1_head_end_line(p);
    return (size_t)(p - dst);
}
