/*
 * What fields mean, judged once for everything above: nothing behind this file
 * looks at Host, Content-Length, Transfer-Encoding or Connection again.
 *
 * Where the RFCs let a recipient choose between repairing and refusing, it
 * refuses what two readers could take for two different messages: a repeated
 * Content-Length even with equal values, a Transfer-Encoding that is not the
 * one word `chunked`, a Host that an absolute target contradicts.  Elsewhere
 * it does what the RFC says a recipient does: Expect and Upgrade of HTTP/1.0
 * are not there, empty list members mean nothing.
 *
 * It drives everything by the head's `have` bits: a field that is not there
 * costs nothing.
 */
#include "core/http/head_check.h"

/* More options in Connection than any message needs; each one that weir does not know costs a look at
 * every field. */
#define HEAD_CHECK_OPTIONS_MOST 64

/* ---- sets of names ---- */

#define HEAD_CHECK_BIT(id, word) ((id) >> 6 == (word) ? 1ULL << ((id)&63) : 0)

/* clang-format off */
/* Fields about this connection alone, whether Connection names them or not (RFC 9110 7.6.1, 11.7).
 * Proxy-Authorization is for the proxy that asked for it: weir asks nobody and passes it to nobody. */
#define HEAD_CHECK_HOP(word)                                                                                 \
    (HEAD_CHECK_BIT(WR_N_CONNECTION, word) | HEAD_CHECK_BIT(WR_N_KEEP_ALIVE, word) |                         \
     HEAD_CHECK_BIT(WR_N_PROXY_CONNECTION, word) | HEAD_CHECK_BIT(WR_N_TE, word) |                           \
     HEAD_CHECK_BIT(WR_N_TRANSFER_ENCODING, word) | HEAD_CHECK_BIT(WR_N_UPGRADE, word) |                     \
     HEAD_CHECK_BIT(WR_N_HTTP2_SETTINGS, word) | HEAD_CHECK_BIT(WR_N_PROXY_AUTHORIZATION, word) |            \
     HEAD_CHECK_BIT(WR_N_PROXY_AUTHENTICATE, word) | HEAD_CHECK_BIT(WR_N_PROXY_AUTHENTICATION_INFO, word))

/* Not removed though Connection names them: weir makes them anew for each hop, and a peer that could take
 * them away could change which message or which host this is. */
#define HEAD_CHECK_KEPT(word)                                                                                \
    (HEAD_CHECK_BIT(WR_N_HOST, word) | HEAD_CHECK_BIT(WR_N_CONTENT_LENGTH, word))

/* Known names that may stand in a trailer section; of the rest each frames, routes, modifies, authenticates
 * or describes what has passed already (RFC 9110 6.5.1).  Names that weir does not know may. */
#define HEAD_CHECK_TRAILER(word)                                                                             \
    (HEAD_CHECK_BIT(WR_N_OTHER, word) | HEAD_CHECK_BIT(WR_N_ETAG, word) |                                    \
     HEAD_CHECK_BIT(WR_N_SERVER_TIMING, word) | HEAD_CHECK_BIT(WR_N_ACCEPT_RANGES, word))
/* clang-format on */

static const uint64_t head_check_hop[2] = {HEAD_CHECK_HOP(0), HEAD_CHECK_HOP(1)};
static const uint64_t head_check_kept[2] = {HEAD_CHECK_KEPT(0), HEAD_CHECK_KEPT(1)};
static const uint64_t head_check_trailer[2] = {HEAD_CHECK_TRAILER(0), HEAD_CHECK_TRAILER(1)};

static inline bool
head_check_in(const uint64_t set[2], unsigned id)
{
    return (set[id >> 6] >> (id & 63)) & 1;
}

static inline bool
head_check_any(const uint64_t set[2], const struct wr_head *h)
{
    return ((set[0] & h->have[0]) | (set[1] & h->have[1])) != 0;
}

static void
head_check_mark(struct wr_head *h, enum wr_name id)
{
    for (struct wr_field *f = wr_head_find(h, id); f != NULL; f = wr_head_next(h, id, f)) {
        f->flags |= WR_FIELD_HOP;
    }
}

static void
head_check_mark_hop(struct wr_head *h)
{
    if (!head_check_any(head_check_hop, h)) {
        return;
    }
    for (uint32_t i = 0; i < h->n; i++) {
        if (head_check_in(head_check_hop, h->fields[i].id)) {
            h->fields[i].flags |= WR_FIELD_HOP;
        }
    }
}

/* ---- Connection ---- */

struct head_check_options {
    bool close;
    bool keep_alive;
    bool upgrade;
};

/* All fields of that name go no further. */
static void
head_check_mark_named(struct wr_head *h, struct wr_str name)
{
    enum wr_name id = wr_name_find(name.p, name.n);

    if (id != WR_N_OTHER) {
        if (!head_check_in(head_check_kept, id)) {
            head_check_mark(h, id);
        }
        return;
    }
    struct wr_field *f = NULL;
    while ((f = wr_head_find_name(h, name, f)) != NULL) {
        f->flags |= WR_FIELD_HOP;
    }
}

static void
head_check_option(struct wr_head *h, struct wr_str option, struct head_check_options *o)
{
    if (wr_str_ieq(option, WR_STR("close"))) {
        o->close = true;
        head_check_mark_named(h, option);
    } else if (wr_str_ieq(option, WR_STR("keep-alive"))) {
        o->keep_alive = true; /* the field of that name is marked already */
    } else if (wr_str_ieq(option, WR_STR("upgrade"))) {
        o->upgrade = true;
    } else {
        head_check_mark_named(h, option);
    }
}

/* Reads all lines of Connection in `from` and marks what they name in h; false when one is no list of tokens. */
static bool
head_check_connection(const struct wr_head *from, struct wr_head *h, struct head_check_options *o)
{
    unsigned n = 0;

    for (const struct wr_field *f = wr_head_find(from, WR_N_CONNECTION); f != NULL;
         f = wr_head_next(from, WR_N_CONNECTION, f)) {
        struct wr_str rest = f->value, option;
        while (wr_str_member(&rest, &option)) {
            if (!wr_h1_is_token(option) || ++n > HEAD_CHECK_OPTIONS_MOST) {
                return false;
            }
            head_check_option(h, option, o);
        }
    }
    return true;
}

/* ---- framing ---- */

enum head_check_length { HEAD_CHECK_NO_LENGTH, HEAD_CHECK_LENGTH, HEAD_CHECK_BAD_LENGTH };

/* One field of digits alone.  Equal values repeated, in one line or in several, are no better than different
 * ones: RFC 9110 8.6 lets a recipient refuse them, and somebody on the way made two messages one. */
static enum head_check_length
head_check_length(struct wr_head *h, int64_t *length)
{
    struct wr_field *f = wr_head_find(h, WR_N_CONTENT_LENGTH);
    uint64_t v;

    *length = -1;
    if (f == NULL) {
        return HEAD_CHECK_NO_LENGTH;
    }
    if (!wr_str_u64(f->value, INT64_MAX, &v) || wr_head_next(h, WR_N_CONTENT_LENGTH, f) != NULL) {
        return HEAD_CHECK_BAD_LENGTH;
    }
    *length = (int64_t)v;
    return HEAD_CHECK_LENGTH;
}

enum head_check_coding {
    HEAD_CHECK_NO_CODING,
    HEAD_CHECK_CHUNKED,
    HEAD_CHECK_OTHER_CODINGS, /* well-formed, ends in chunked, but has others before it */
    HEAD_CHECK_BAD_CODING,
};

/* Not just `chunked`: which of the two ways to refuse it?  Where chunked is last but not alone the message
 * could be delimited by somebody who knows the other codings; everything else cannot be at all. */
static WR_COLD enum head_check_coding
head_check_strange_coding(const struct wr_head *h)
{
    unsigned members = 0, chunked = 0;
    bool last_chunked = false;

    for (const struct wr_field *f = wr_head_find(h, WR_N_TRANSFER_ENCODING); f != NULL;
         f = wr_head_next(h, WR_N_TRANSFER_ENCODING, f)) {
        struct wr_str rest = f->value, member;
        while (wr_str_member(&rest, &member)) {
            struct wr_str name = member;
            ptrdiff_t semicolon = wr_str_find(member, ';');
            if (semicolon >= 0) {
                name = wr_str_trim(wr_str_make(member.p, (size_t)semicolon));
            }
            if (!wr_h1_is_token(name)) {
                return HEAD_CHECK_BAD_CODING;
            }
            members++;
            chunked += wr_str_ieq(name, WR_STR("chunked"));
            last_chunked = wr_str_ieq(member, WR_STR("chunked"));
        }
    }
    /* one member: chunked beside empty ones, or with parameters that it does not have */
    return members > 1 && chunked == 1 && last_chunked ? HEAD_CHECK_OTHER_CODINGS : HEAD_CHECK_BAD_CODING;
}

static enum head_check_coding
head_check_coding(const struct wr_head *h)
{
    const struct wr_field *f = wr_head_find(h, WR_N_TRANSFER_ENCODING);

    if (f == NULL) {
        return HEAD_CHECK_NO_CODING;
    }
    if (wr_str_ieq(f->value, WR_STR("chunked")) && wr_head_next(h, WR_N_TRANSFER_ENCODING, f) == NULL) {
        return HEAD_CHECK_CHUNKED;
    }
    return head_check_strange_coding(h);
}

static enum wr_err
head_check_request_framing(struct wr_req *r, struct wr_framing *fr)
{
    enum head_check_length length = head_check_length(&r->req, &fr->length);
    enum head_check_coding coding = head_check_coding(&r->req);

    fr->chunked = coding == HEAD_CHECK_CHUNKED;
    if (wr_likely(coding == HEAD_CHECK_NO_CODING)) {
        return length == HEAD_CHECK_BAD_LENGTH ? WR_E_BAD_CONTENT_LENGTH : WR_E_NONE;
    }
    if (coding == HEAD_CHECK_BAD_CODING || r->minor == 0) {
        return WR_E_BAD_TRANSFER_CODING; /* RFC 9112 6.1: HTTP/1.0 has none, its framing is faulty */
    }
    if (length != HEAD_CHECK_NO_LENGTH) {
        return WR_E_LENGTH_AND_CODING;
    }
    return coding == HEAD_CHECK_CHUNKED ? WR_E_NONE : WR_E_UNKNOWN_TRANSFER_CODING;
}

static void
head_check_set_body(struct wr_req *r, const struct wr_framing *fr)
{
    r->body.present = fr->chunked || fr->length >= 0;
    r->body.length = fr->chunked ? -1 : WR_MAX(fr->length, 0);
}

/* Whether bytes of a body will come. */
static bool
head_check_has_body(const struct wr_framing *fr)
{
    return fr->chunked || fr->length > 0;
}

/* ---- target and host ---- */

static enum wr_err
head_check_target(struct wr_req *r)
{
    struct wr_uri *u = &r->uri;

    if (!wr_uri_parse(r->target, r->method_id == WR_M_CONNECT, u)) {
        return WR_E_BAD_TARGET;
    }
    switch (u->form) {
    case WR_URI_AUTHORITY:
        return WR_E_NONE;
    case WR_URI_ASTERISK:
        r->path = r->target;
        return r->method_id == WR_M_OPTIONS ? WR_E_NONE : WR_E_BAD_TARGET;
    case WR_URI_ABSOLUTE:
        /* RFC 9110 7.4: a resource of https is served over a secured connection or not at all. */
        if (u->scheme.n == 5 && r->client != NULL && !r->client->tls) {
            return WR_E_BAD_TARGET;
        }
        break;
    case WR_URI_ORIGIN:
        break;
    }
    r->path = u->path;
    if (!wr_uri_is_canon(u->path)) {
        wr_uri_canon(u->path, wr_pool_alloc(&r->pool, 3 * u->path.n), &r->path, &r->uri_flags);
    }
    return WR_E_NONE;
}

/* Lower case and no final dot: what hosts are compared by. */
static struct wr_str
head_check_plain_host(struct wr_pool *pool, struct wr_str host)
{
    if (host.n > 1 && host.p[host.n - 1] == '.') {
        host.n--;
    }
    for (size_t i = 0; i < host.n; i++) {
        if (wr_unlikely(host.p[i] != wr_lower(host.p[i]))) {
            char *copy = wr_pool_alloc(pool, host.n);
            wr_str_lower(copy, host);
            return wr_str_make(copy, host.n);
        }
    }
    return host;
}

/* Whether Host names what the absolute target does: any case, a final dot, a preset port said or not. */
static bool
head_check_same_host(struct wr_req *r, struct wr_str host, uint16_t port)
{
    uint16_t preset = r->uri.scheme.n == 5 ? 443 : 80;

    return (port ? port : preset) == (r->port ? r->port : preset) &&
        wr_str_eq(head_check_plain_host(&r->pool, host), r->host);
}

static enum wr_err
head_check_host(struct wr_req *r)
{
    const struct wr_field *f = wr_head_find(&r->req, WR_N_HOST);
    struct wr_str host = WR_STR_NONE;
    uint16_t port = 0;
    bool has_port;

    if (f == NULL) {
        if (r->minor > 0) {
            return WR_E_BAD_HOST;
        }
    } else if (!wr_uri_host_port(f->value, &host, &port, &has_port) ||
               wr_head_next(&r->req, WR_N_HOST, f) != NULL) {
        return WR_E_BAD_HOST;
    }
    if (wr_likely(r->uri.authority.n == 0)) {
        r->authority = f != NULL ? f->value : WR_STR_NONE;
        r->host = head_check_plain_host(&r->pool, host);
        r->port = port;
        return WR_E_NONE;
    }
    /* The target's word counts (RFC 9112 3.2.2), and wr_uri_parse has seen that it is well-formed. */
    struct wr_str named;
    r->authority = r->uri.authority;
    if (!wr_uri_host_port(r->authority, &named, &r->port, &has_port)) {
        return WR_E_BAD_TARGET;
    }
    r->host = head_check_plain_host(&r->pool, named);
    return f == NULL || head_check_same_host(r, host, port) ? WR_E_NONE : WR_E_HOST_MISMATCH;
}

/* ---- what a client asks for ---- */

static void
head_check_te(struct wr_req *r)
{
    for (const struct wr_field *f = wr_head_find(&r->req, WR_N_TE); f != NULL;
         f = wr_head_next(&r->req, WR_N_TE, f)) {
        struct wr_str rest = f->value, coding;
        while (wr_str_member(&rest, &coding)) {
            r->te_trailers |= r->minor > 0 && wr_str_ieq(coding, WR_STR("trailers"));
        }
    }
}

/* RFC 9110 10.1.1.  Of HTTP/1.0 it is ignored, known or not; what is ignored is not passed on either. */
static enum wr_err
head_check_expect(struct wr_req *r, const struct wr_framing *fr)
{
    for (struct wr_field *f = wr_head_find(&r->req, WR_N_EXPECT); f != NULL;
         f = wr_head_next(&r->req, WR_N_EXPECT, f)) {
        struct wr_str rest = f->value, member;
        while (r->minor > 0 && wr_str_member(&rest, &member)) {
            if (!wr_str_ieq(member, WR_STR("100-continue"))) {
                return WR_E_BAD_EXPECT;
            }
            r->expect_continue = head_check_has_body(fr);
        }
    }
    if (!r->expect_continue) {
        head_check_mark(&r->req, WR_N_EXPECT);
    }
    return WR_E_NONE;
}

/* A protocol that a tunnel may change to: name[/version], and no HTTP, which would pass requests that
 * nobody has looked at. */
static bool
head_check_protocol(struct wr_str protocol, bool *valid)
{
    ptrdiff_t slash = wr_str_find(protocol, '/');
    struct wr_str name = slash < 0 ? protocol : wr_str_make(protocol.p, (size_t)slash);

    if (!wr_h1_is_token(name) ||
        (slash >= 0 &&
         !wr_h1_is_token(wr_str_make(protocol.p + slash + 1, protocol.n - (size_t)slash - 1)))) {
        *valid = false;
    }
    return !wr_str_ieq(name, WR_STR("h2c")) && !wr_str_ieq(name, WR_STR("h2")) &&
        !wr_str_ieq(name, WR_STR("http"));
}

/* The protocols of all lines of Upgrade as one list, without those of HTTP; empty when there is nothing to
 * ask for. */
static struct wr_str
head_check_protocols(struct wr_req *r)
{
    size_t room = 0, n = 0;
    bool valid = true;

    for (const struct wr_field *f = wr_head_find(&r->req, WR_N_UPGRADE); f != NULL;
         f = wr_head_next(&r->req, WR_N_UPGRADE, f)) {
        room += f->value.n + 2; /* a comma without a blank behind it gets one: two bytes for one at most */
    }
    char *list = wr_pool_alloc(&r->pool, 2 * room);
    for (const struct wr_field *f = wr_head_find(&r->req, WR_N_UPGRADE); f != NULL;
         f = wr_head_next(&r->req, WR_N_UPGRADE, f)) {
        struct wr_str rest = f->value, protocol;
        while (wr_str_member(&rest, &protocol)) {
            if (!head_check_protocol(protocol, &valid)) {
                continue;
            }
            if (n > 0) {
                list[n++] = ',';
                list[n++] = ' ';
            }
            memcpy(list + n, protocol.p, protocol.n);
            n += protocol.n;
        }
    }
    return valid ? wr_str_make(list, n) : WR_STR_NONE;
}

/* An upgrade is a wish: where it cannot be fulfilled (HTTP/1.0, not named by Connection, a body on the way,
 * a list that is none) the request goes on as if it were not there (RFC 9110 7.8). */
static void
head_check_upgrade(struct wr_req *r, const struct wr_framing *fr, bool named)
{
    if (r->minor == 0 || !named || head_check_has_body(fr)) {
        return;
    }
    r->upgrade = head_check_protocols(r);
    r->wants_upgrade = r->upgrade.n > 0;
}

static bool
head_check_digits(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
    }
    return s.n > 0;
}

/* OPTIONS with Max-Forwards (RFC 9110 7.6.2): the number goes down by one; 0 is for weir itself to answer, as
 * OPTIONS * is.  What is no number is passed on as it is. */
static void
head_check_max_forwards(struct wr_req *r)
{
    for (struct wr_field *f = wr_head_find(&r->req, WR_N_MAX_FORWARDS); f != NULL;
         f = wr_head_next(&r->req, WR_N_MAX_FORWARDS, f)) {
        uint64_t v;
        if (!head_check_digits(f->value)) {
            continue;
        }
        if (!wr_str_u64(f->value, UINT32_MAX, &v)) {
            v = UINT32_MAX;
        }
        if (v == 0) {
            r->uri.form = WR_URI_ASTERISK;
            r->path = WR_STR("*");
            return;
        }
        f->value = wr_pool_printf(&r->pool, "%u", (unsigned)(v - 1));
    }
}

/* An absolute target of OPTIONS without path and query asks about the server as a whole (RFC 9112 3.2.4). */
static void
head_check_options_target(struct wr_req *r)
{
    const struct wr_uri *u = &r->uri;

    if (u->form == WR_URI_ABSOLUTE && u->authority.p + u->authority.n == r->target.p + r->target.n) {
        r->uri.form = WR_URI_ASTERISK;
        r->path = WR_STR("*");
    }
    if (wr_head_has(&r->req, WR_N_MAX_FORWARDS)) {
        head_check_max_forwards(r);
    }
}

/* Which message this is, where it ends, and what is about this connection alone. */
static enum wr_err
head_check_essentials(struct wr_req *r, struct wr_framing *fr, struct head_check_options *o)
{
    enum wr_err err = head_check_target(r);

    if (err == WR_E_NONE) {
        err = head_check_host(r);
    }
    if (err == WR_E_NONE) {
        err = head_check_request_framing(r, fr);
    }
    if (err == WR_E_NONE && !head_check_connection(&r->req, &r->req, o)) {
        err = WR_E_BAD_FIELD_VALUE;
    }
    return err;
}

enum wr_err
wr_head_check_request(struct wr_req *r, struct wr_framing *fr)
{
    struct head_check_options options = {false, false, false};
    struct wr_head *h = &r->req;

    *fr = (struct wr_framing){.close = true, .length = -1};
    enum wr_err err = head_check_essentials(r, fr, &options);
    if (wr_unlikely(err != WR_E_NONE)) {
        return err;
    }
    /* RFC 9112 9.3: no proxy keeps an HTTP/1.0 client's connection. */
    fr->close = options.close || r->minor == 0;
    head_check_set_body(r, fr);
    head_check_mark_hop(h);
    if (wr_head_has(h, WR_N_TE)) {
        head_check_te(r);
    }
    if (wr_head_has(h, WR_N_UPGRADE)) {
        head_check_upgrade(r, fr, options.upgrade);
    }
    if (wr_unlikely(r->method_id == WR_M_CONNECT || r->method_id == WR_M_TRACE)) {
        return WR_E_METHOD_REFUSED;
    }
    if (r->method_id == WR_M_OPTIONS) {
        head_check_options_target(r);
    }
    return wr_head_has(h, WR_N_EXPECT) ? head_check_expect(r, fr) : WR_E_NONE;
}

/* ---- responses ---- */

/* Responses that end with their head whatever it says, and may not speak of a length (RFC 9112 6.1, 6.3). */
static bool
head_check_bare_status(uint16_t status)
{
    return status < 200 || status == 204;
}

static bool
head_check_no_body(const struct wr_req *r, uint16_t status)
{
    return head_check_bare_status(status) || status == 304 || (r != NULL && r->method_id == WR_M_HEAD);
}

static enum wr_err
head_check_response_framing(uint16_t status, uint8_t minor, struct wr_head *h, struct wr_framing *fr)
{
    enum head_check_length length = head_check_length(h, &fr->length);
    enum head_check_coding coding = head_check_coding(h);

    fr->chunked = coding == HEAD_CHECK_CHUNKED;
    if (length == HEAD_CHECK_BAD_LENGTH) {
        return WR_E_UPSTREAM_BAD_LENGTH;
    }
    if (coding != HEAD_CHECK_NO_CODING) {
        if (coding != HEAD_CHECK_CHUNKED || minor == 0) {
            return WR_E_UPSTREAM_BAD_CODING;
        }
        return length != HEAD_CHECK_NO_LENGTH ? WR_E_UPSTREAM_BAD_LENGTH : WR_E_NONE;
    }
    if (length != HEAD_CHECK_NO_LENGTH && wr_unlikely(head_check_bare_status(status))) {
        fr->length = 0;
        head_check_mark(h, WR_N_CONTENT_LENGTH); /* nor does weir send one on (RFC 9110 8.6) */
    }
    return WR_E_NONE;
}

enum wr_err
wr_head_check_response(const struct wr_req *r, uint16_t status, uint8_t minor, struct wr_head *h,
                       struct wr_framing *fr)
{
    struct head_check_options options = {false, false, false};
    enum wr_err err = head_check_response_framing(status, minor, h, fr);
    bool bad = wr_head_has(h, WR_N_CONNECTION) && !head_check_connection(h, h, &options);

    fr->keep_alive = options.keep_alive;
    fr->close = options.close || (minor == 0 && !options.keep_alive) || err != WR_E_NONE || bad;
    head_check_mark_hop(h);
    if (wr_unlikely(fr->chunked && head_check_no_body(r, status))) {
        /* The head is all (RFC 9112 6.3).  A server that speaks of chunks where it may not (6.1) may send an
         * empty one all the same, late: its connection is not used again. */
        fr->chunked = false;
        fr->close |= head_check_bare_status(status);
    }
    if (err == WR_E_NONE && bad) {
        err = WR_E_UPSTREAM_BAD_FIELD;
    }
    return err;
}

void
wr_head_check_trailers(struct wr_head *h, const struct wr_head *connection_of)
{
    struct head_check_options options;

    for (uint32_t i = 0; i < h->n; i++) {
        if (!head_check_in(head_check_trailer, h->fields[i].id)) {
            h->fields[i].flags |= WR_FIELD_HOP;
        }
    }
    if (connection_of != NULL && wr_head_has(connection_of, WR_N_CONNECTION)) {
        head_check_connection(connection_of, h, &options); /* was good when the head was judged */
    }
}
