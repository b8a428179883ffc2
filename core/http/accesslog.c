/*
 * One line a request, written straight into the log ring: no formatted
 * printing, no memory, no system call.  Bytes of peers pass wr_escape and
 * nothing else.  Long values are cut, each to its own share, so that a line
 * stays whole whatever a client sends.
 */
#include "core/http/accesslog.h"

#include "core/base/fmt.h"

/* Shares of a line, in escaped bytes. */
#define ACCESSLOG_REQUEST_BYTES 8000
#define ACCESSLOG_FIELD_BYTES 3500
#define ACCESSLOG_USER_BYTES 256
#define ACCESSLOG_COMBINED_BYTES 160 /* address, time, numbers, punctuation */

#define ACCESSLOG_JSON_REQUEST_BYTES 3800
#define ACCESSLOG_JSON_URI_BYTES 2900
#define ACCESSLOG_JSON_PATH_BYTES 2400
#define ACCESSLOG_JSON_FIELD_BYTES 1500
#define ACCESSLOG_JSON_NAME_BYTES 256 /* host, identifier, names of the configuration: ten of them */
#define ACCESSLOG_JSON_TLS_BYTES 64
#define ACCESSLOG_JSON_REST_BYTES                                                                            \
    (10 * ACCESSLOG_JSON_NAME_BYTES + 3 * ACCESSLOG_JSON_TLS_BYTES + 1240) /* keys, numbers, addresses too */

/* Of the attempts, when they are listed: they take from what `request` has, which other keys say once more. */
#define ACCESSLOG_JSON_SERVER_BYTES 64
#define ACCESSLOG_JSON_ATTEMPT_BYTES (ACCESSLOG_JSON_SERVER_BYTES + 160) /* keys, numbers, the reason */
#define ACCESSLOG_JSON_ATTEMPTS_BYTES 24                                 /* the key and the brackets */

_Static_assert(ACCESSLOG_JSON_ATTEMPTS_BYTES + WR_ATTEMPTS * ACCESSLOG_JSON_ATTEMPT_BYTES <
                   ACCESSLOG_JSON_REQUEST_BYTES,
               "attempts take what there is");
_Static_assert(ACCESSLOG_REQUEST_BYTES + 2 * ACCESSLOG_FIELD_BYTES + ACCESSLOG_USER_BYTES +
                       ACCESSLOG_COMBINED_BYTES <=
                   WR_LOGRING_LINE_BYTES,
               "the longest line of combined");
_Static_assert(ACCESSLOG_JSON_REQUEST_BYTES + ACCESSLOG_JSON_URI_BYTES + ACCESSLOG_JSON_PATH_BYTES +
                       2 * ACCESSLOG_JSON_FIELD_BYTES + ACCESSLOG_USER_BYTES + ACCESSLOG_JSON_REST_BYTES <=
                   WR_LOGRING_LINE_BYTES,
               "the longest line of json");

struct accesslog {
    struct wr_out o;
    const struct wr_req *r;
    const struct wr_words *redact;
    enum wr_escape_style style;
};

/* ---- values ---- */

static bool
accesslog_redacts(const struct accesslog *a, struct wr_str name)
{
    for (size_t i = 0; i < a->redact->n; i++) {
        if (wr_str_ieq(a->redact->v[i], name)) {
            return true;
        }
    }
    return false;
}

/* The same for the name of a query parameter as it was sent: "%74oken" is "token". */
static bool
accesslog_redacts_encoded(const struct accesslog *a, struct wr_str name)
{
    char plain[128];

    if (wr_str_find(name, '%') < 0) {
        return accesslog_redacts(a, name);
    }
    if (name.n > sizeof(plain)) {
        return true; /* who hides a name that well does not get it logged */
    }
    return accesslog_redacts(a, wr_str_make(plain, wr_uri_decode(plain, name)));
}

/* A writer over the next `most` bytes at the most. */
static struct wr_out
accesslog_share(const struct accesslog *a, size_t most)
{
    struct wr_out o;

    wr_out_init(&o, a->o.p, WR_MIN(most, (size_t)(a->o.end - a->o.p)));
    return o;
}

static void
accesslog_escape(const struct accesslog *a, struct wr_out *o, struct wr_str s)
{
    if (!o->full) {
        wr_out_escaped(o, s, a->style);
    }
}

static void
accesslog_text(struct accesslog *a, struct wr_str s, size_t most)
{
    struct wr_out o = accesslog_share(a, most);

    wr_out_escaped(&o, s, a->style);
    a->o.p = o.p;
}

/* "?a=1&token=2" -> "?a=1&token=-" */
static void
accesslog_query(const struct accesslog *a, struct wr_out *o, struct wr_str query)
{
    while (query.n > 0) {
        ptrdiff_t end = wr_str_find(query, '&');
        struct wr_str pair = wr_str_make(query.p, end < 0 ? query.n : (size_t)end + 1);
        ptrdiff_t equals = wr_str_find(pair, '=');
        if (equals >= 0 && accesslog_redacts_encoded(a, wr_str_make(pair.p, (size_t)equals))) {
            accesslog_escape(a, o, wr_str_make(pair.p, (size_t)equals + 1));
            accesslog_escape(a, o, end < 0 ? WR_STR("-") : WR_STR("-&"));
        } else {
            accesslog_escape(a, o, pair);
        }
        query = wr_str_make(query.p + pair.n, query.n - pair.n);
    }
}

/* A target or URL, with the values of parameters that are to be hidden left out. */
static void
accesslog_url(const struct accesslog *a, struct wr_out *o, struct wr_str url)
{
    ptrdiff_t mark = a->redact->n > 0 ? wr_str_find(url, '?') : -1;

    if (mark < 0) {
        accesslog_escape(a, o, url);
        return;
    }
    size_t head = (size_t)mark + 1;
    accesslog_escape(a, o, wr_str_make(url.p, head));
    accesslog_query(a, o, wr_str_make(url.p + head, url.n - head));
}

static struct wr_str
accesslog_protocol(const struct wr_req *r)
{
    return r->major >= 2 ? WR_STR("HTTP/2.0") : r->minor == 0 ? WR_STR("HTTP/1.0") : WR_STR("HTTP/1.1");
}

/* $request: the first line as it came, or what there was of it. */
static void
accesslog_request(struct accesslog *a, size_t most)
{
    const struct wr_req *r = a->r;
    struct wr_str line = r->request_line;
    struct wr_out o = accesslog_share(a, most);
    ptrdiff_t cr = wr_str_find(line, '\r');

    if (cr >= 0) {
        line.n = (size_t)cr;
    }
    if (a->redact->n == 0 || r->method.n == 0 || r->target.n + r->method.n >= line.n) {
        accesslog_url(a, &o, line);
    } else {
        size_t behind = r->method.n + 1 + r->target.n;
        accesslog_escape(a, &o, wr_str_make(line.p, r->method.n + 1));
        accesslog_url(a, &o, r->target);
        accesslog_escape(a, &o, wr_str_make(line.p + behind, line.n - behind));
    }
    a->o.p = o.p;
}

/* The value of a field, several of a name joined as nginx does; false when there is none. */
static bool
accesslog_field(struct accesslog *a, enum wr_name id, bool url, size_t most)
{
    const struct wr_head *req = &a->r->req;
    const struct wr_field *f = wr_head_find(req, id);
    struct wr_out o = accesslog_share(a, most);

    if (!f) {
        return false;
    }
    if (a->redact->n > 0 && accesslog_redacts(a, wr_name_text(id))) {
        wr_out_lit(&a->o, "-");
        return true;
    }
    for (const struct wr_field *first = f; f; f = wr_head_next(req, id, f)) {
        if (f != first) {
            accesslog_escape(a, &o, WR_STR(", "));
        }
        if (url) {
            accesslog_url(a, &o, f->value);
        } else {
            accesslog_escape(a, &o, f->value);
        }
    }
    a->o.p = o.p;
    return true;
}

static void
accesslog_ip(struct accesslog *a, const struct wr_ip *ip)
{
    char text[WR_ADDR_TEXT_BYTES];
    size_t n = wr_ip_text(ip, text);

    wr_out_mem(&a->o, text, n);
}

/* Before HEAD has run nobody has decided who the client is: it is who connected. */
static void
accesslog_remote_addr(struct accesslog *a)
{
    if (a->r->client_text.n > 0) {
        wr_out_str(&a->o, a->r->client_text);
    } else if (a->r->client) {
        accesslog_ip(a, &a->r->client->peer_ip);
    }
}

/* What was sent, or would have been: a response that the client did not wait for is 499. */
static uint16_t
accesslog_status(const struct wr_req *r)
{
    uint16_t failed = wr_err_info[r->err].status;

    return r->head_sent || failed == 0 ? r->status : failed;
}

/* Three digits at least, as nginx. */
static void
accesslog_status_digits(struct accesslog *a)
{
    uint16_t status = accesslog_status(a->r);

    if (status == 0) {
        wr_out_lit(&a->o, "00");
    }
    wr_out_u64(&a->o, status);
}

/* ---- the user of Basic credentials (RFC 7617) ---- */

/* The value of a digit of base64 or base64url; 64: none. */
static unsigned
accesslog_base64(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Digits up to the padding; 0 when what is there is no base64. */
static size_t
accesslog_base64_digits(struct wr_str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] != '=') {
        if (accesslog_base64(s.p[n]) > 63) {
            return 0;
        }
        n++;
    }
    return n % 4 == 1 ? 0 : n;
}

/* Decodes up to the colon, at most `room` bytes; 0 when there is no colon or nothing before it. */
static size_t
accesslog_base64_user(char *dst, size_t room, struct wr_str digits)
{
    unsigned bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < digits.n; i++) {
        bits = bits << 6 | accesslog_base64(digits.p[i]);
        if (i % 4 == 0) {
            continue;
        }
        char c = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
        if (c == ':') {
            return WR_MIN(n, room);
        }
        if (n < room) {
            dst[n] = c;
        }
        n++;
    }
    return 0;
}

static size_t
accesslog_user(const struct accesslog *a, char *dst, size_t room)
{
    struct wr_str value = wr_head_value(&a->r->req, WR_N_AUTHORIZATION);

    if (value.n < 6 || !wr_str_ieq(wr_str_make(value.p, 6), WR_STR("Basic "))) {
        return 0;
    }
    value = wr_str_trim(wr_str_make(value.p + 6, value.n - 6));
    return accesslog_base64_user(dst, room, wr_str_make(value.p, accesslog_base64_digits(value)));
}

/* False when there is none. */
static bool
accesslog_remote_user(struct accesslog *a)
{
    char user[ACCESSLOG_USER_BYTES];

    if (!wr_head_has(&a->r->req, WR_N_AUTHORIZATION)) {
        return false;
    }
    if (a->redact->n > 0 && accesslog_redacts(a, WR_STR("Authorization"))) {
        return false;
    }
    size_t n = accesslog_user(a, user, sizeof(user));
    accesslog_text(a, wr_str_make(user, n), ACCESSLOG_USER_BYTES);
    return n > 0;
}

/* ---- combined ---- */

static void
accesslog_or_dash(struct accesslog *a, bool present)
{
    if (!present) {
        wr_out_lit(&a->o, "-");
    }
}

/* $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer"
 * "$http_user_agent" */
static void
accesslog_combined(struct accesslog *a)
{
    const struct wr_req *r = a->r;

    accesslog_remote_addr(a);
    wr_out_lit(&a->o, " - ");
    accesslog_or_dash(a, accesslog_remote_user(a));
    wr_out_lit(&a->o, " [");
    wr_out_mem(&a->o, wr_clock.log_time, 26);
    wr_out_lit(&a->o, "] \"");
    accesslog_request(a, ACCESSLOG_REQUEST_BYTES);
    accesslog_or_dash(a, r->request_line.n > 0);
    wr_out_lit(&a->o, "\" ");
    accesslog_status_digits(a);
    wr_out_lit(&a->o, " ");
    wr_out_u64(&a->o, r->body_sent_bytes);
    wr_out_lit(&a->o, " \"");
    accesslog_or_dash(a, accesslog_field(a, WR_N_REFERER, true, ACCESSLOG_FIELD_BYTES));
    wr_out_lit(&a->o, "\" \"");
    accesslog_or_dash(a, accesslog_field(a, WR_N_USER_AGENT, false, ACCESSLOG_FIELD_BYTES));
    wr_out_lit(&a->o, "\"\n");
}

/* ---- json ---- */

#define accesslog_key(a, name) wr_out_lit(&(a)->o, ",\"" name "\":")

static void
accesslog_json_text(struct accesslog *a, struct wr_str s, size_t most)
{
    wr_out_lit(&a->o, "\"");
    accesslog_text(a, s, most);
    wr_out_lit(&a->o, "\"");
}

static void
accesslog_json_field(struct accesslog *a, enum wr_name id, bool url)
{
    wr_out_lit(&a->o, "\"");
    accesslog_field(a, id, url, ACCESSLOG_JSON_FIELD_BYTES);
    wr_out_lit(&a->o, "\"");
}

/* Seconds, or null. */
static void
accesslog_json_ms(struct accesslog *a, uint64_t ms, bool known)
{
    char text[24];

    if (known) {
        wr_out_mem(&a->o, text, wr_fmt_ms(text, ms));
    } else {
        wr_out_lit(&a->o, "null");
    }
}

static void
accesslog_json_status(struct accesslog *a, uint16_t status)
{
    if (status > 0) {
        wr_out_u64(&a->o, status);
    } else {
        wr_out_lit(&a->o, "null");
    }
}

/* What the list of the attempts may take; 0: it is not written. */
static size_t
accesslog_attempts_bytes(const struct wr_req *r)
{
    if (r->attempt_log_n < 2) {
        return 0;
    }
    return ACCESSLOG_JSON_ATTEMPTS_BYTES + r->attempt_log_n * (size_t)ACCESSLOG_JSON_ATTEMPT_BYTES;
}

/* $request_uri: the path as it was sent, and the query. */
static void
accesslog_json_uri(struct accesslog *a)
{
    const struct wr_uri *u = &a->r->uri;
    struct wr_str s = u->path.n > 0 ? u->path : a->r->target;
    struct wr_out o;

    wr_out_lit(&a->o, "\"");
    o = accesslog_share(a, ACCESSLOG_JSON_URI_BYTES);
    if (u->has_query && u->path.p + u->path.n + 1 == u->query.p) {
        s.n += 1 + u->query.n;
    } else if (u->has_query) { /* http://host?query: the slash is ours */
        accesslog_escape(a, &o, u->path);
        s = wr_str_make(u->query.p - 1, 1 + u->query.n);
    }
    accesslog_url(a, &o, s);
    a->o.p = o.p;
    wr_out_lit(&a->o, "\"");
}

static void
accesslog_json_client(struct accesslog *a)
{
    const struct wr_client *c = a->r->client;

    wr_out_lit(&a->o, "{\"time_iso8601\":\"");
    wr_out_mem(&a->o, wr_clock.iso_time, 25);
    wr_out_lit(&a->o, "\",\"remote_addr\":\"");
    accesslog_remote_addr(a);
    wr_out_lit(&a->o, "\",\"peer_addr\":\"");
    if (c) {
        accesslog_ip(a, &c->sock_ip);
    }
    wr_out_lit(&a->o, "\",\"remote_user\":\"");
    accesslog_remote_user(a);
    wr_out_lit(&a->o, "\",\"connection\":");
    wr_out_u64(&a->o, c ? c->conn_id : 0);
    accesslog_key(a, "connection_requests");
    wr_out_u64(&a->o, c ? c->requests : 0);
}

/* Only of connections that have it. */
static void
accesslog_json_tls(struct accesslog *a)
{
    const struct wr_secure_facts *f = a->r->client ? a->r->client->secure : NULL;

    if (f == NULL) {
        return;
    }
    accesslog_key(a, "tls_version");
    accesslog_json_text(a, wr_str_of(f->version), ACCESSLOG_JSON_TLS_BYTES);
    accesslog_key(a, "tls_cipher");
    accesslog_json_text(a, wr_str_of(f->cipher), ACCESSLOG_JSON_TLS_BYTES);
    accesslog_key(a, "tls_resumed");
    wr_out_str(&a->o, f->resumed ? WR_STR("true") : WR_STR("false"));
    if (f->cert != NULL) {
        accesslog_key(a, "client_cert_verify");
        accesslog_json_text(a, wr_str_of(f->verify), ACCESSLOG_JSON_TLS_BYTES);
        accesslog_key(a, "client_cert_subject");
        accesslog_json_text(a, f->cert->subject, ACCESSLOG_JSON_NAME_BYTES);
    }
}

static void
accesslog_json_request(struct accesslog *a)
{
    const struct wr_req *r = a->r;

    accesslog_key(a, "request_id");
    accesslog_json_text(a, r->id, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "request");
    wr_out_lit(&a->o, "\"");
    accesslog_request(a, ACCESSLOG_JSON_REQUEST_BYTES - accesslog_attempts_bytes(r));
    wr_out_lit(&a->o, "\"");
    accesslog_key(a, "request_method");
    accesslog_json_text(a, r->method, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "scheme");
    accesslog_json_text(a, r->scheme, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_json_tls(a);
    accesslog_key(a, "host");
    accesslog_json_text(a, r->host, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "request_uri");
    accesslog_json_uri(a);
    accesslog_key(a, "uri");
    accesslog_json_text(a, r->path, ACCESSLOG_JSON_PATH_BYTES);
    accesslog_key(a, "server_protocol");
    accesslog_json_text(a, r->method.n > 0 ? accesslog_protocol(r) : WR_STR_NONE, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "http_referer");
    accesslog_json_field(a, WR_N_REFERER, true);
    accesslog_key(a, "http_user_agent");
    accesslog_json_field(a, WR_N_USER_AGENT, false);
    accesslog_key(a, "request_length");
    wr_out_u64(&a->o, r->received_bytes);
}

static void
accesslog_json_response(struct accesslog *a)
{
    const struct wr_req *r = a->r;

    accesslog_key(a, "status");
    wr_out_u64(&a->o, accesslog_status(r));
    accesslog_key(a, "bytes_sent");
    wr_out_u64(&a->o, r->head_sent_bytes + r->body_sent_bytes);
    accesslog_key(a, "body_bytes_sent");
    wr_out_u64(&a->o, r->body_sent_bytes);
    accesslog_key(a, "request_time");
    accesslog_json_ms(a, wr_clock.mono_ms - r->began_ms, true);
    accesslog_key(a, "reason");
    accesslog_json_text(a, wr_str_of(wr_err_info[r->err].reason), ACCESSLOG_JSON_NAME_BYTES);
}

static void
accesslog_json_upstream(struct accesslog *a)
{
    const struct wr_req *r = a->r;

    accesslog_key(a, "route");
    accesslog_json_text(a, r->route->id, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "upstream");
    accesslog_json_text(a, r->upstream ? r->upstream->name : WR_STR_NONE, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "upstream_addr");
    accesslog_json_text(a, r->peer_text, ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "upstream_status");
    accesslog_json_status(a, r->upstream_status);
    accesslog_key(a, "attempts");
    wr_out_u64(&a->o, r->attempts);
    accesslog_key(a, "upstream_connect_time");
    accesslog_json_ms(a, r->connect_us / 1000, r->connect_us != UINT64_MAX);
    accesslog_key(a, "upstream_header_time");
    accesslog_json_ms(a, r->first_byte_ms, r->first_byte_ms != UINT64_MAX);
    accesslog_key(a, "upstream_response_time");
    accesslog_json_ms(a, r->upstream_ms, r->attempts > 0);
}

static void
accesslog_json_attempt(struct accesslog *a, const struct wr_attempt *t)
{
    wr_out_lit(&a->o, "{\"server\":");
    accesslog_json_text(a, t->server, ACCESSLOG_JSON_SERVER_BYTES);
    accesslog_key(a, "status");
    accesslog_json_status(a, t->status);
    accesslog_key(a, "reason");
    accesslog_json_text(a, wr_str_of(wr_err_info[t->err].reason), ACCESSLOG_JSON_NAME_BYTES);
    accesslog_key(a, "connect_time");
    accesslog_json_ms(a, t->connect_ms, t->connect_ms != UINT32_MAX);
    accesslog_key(a, "header_time");
    accesslog_json_ms(a, t->first_byte_ms, t->first_byte_ms != UINT32_MAX);
    accesslog_key(a, "response_time");
    accesslog_json_ms(a, t->ms, true);
    wr_out_lit(&a->o, "}");
}

/* Only when there is more to say than the keys before it do. */
static void
accesslog_json_attempts(struct accesslog *a)
{
    const struct wr_req *r = a->r;

    if (accesslog_attempts_bytes(r) == 0) {
        return;
    }
    accesslog_key(a, "upstream_attempts");
    for (unsigned i = 0; i < r->attempt_log_n; i++) {
        wr_out_mem(&a->o, i == 0 ? "[" : ",", 1);
        accesslog_json_attempt(a, &r->attempt[i]);
    }
    wr_out_lit(&a->o, "]");
}

static void
accesslog_json(struct accesslog *a)
{
    accesslog_json_client(a);
    accesslog_json_request(a);
    accesslog_json_response(a);
    accesslog_json_upstream(a);
    accesslog_json_attempts(a);
    wr_out_lit(&a->o, "}\n");
}

/* ---- the line ---- */

/* Bytes that n bytes of a peer's can become, within their share. */
static size_t
accesslog_need(size_t n, size_t escape, size_t share)
{
    return n < share / escape ? n * escape : share;
}

/* All fields of that name with what joins them. */
static size_t
accesslog_field_bytes(const struct wr_head *req, enum wr_name id)
{
    size_t n = 0;

    for (const struct wr_field *f = wr_head_find(req, id); f; f = wr_head_next(req, id, f)) {
        n += f->value.n + 2;
    }
    return n;
}

/* An upper bound of the line's length: the ring need not have room for the longest line there could be. */
static size_t
accesslog_most(const struct wr_req *r, bool json)
{
    size_t referer = accesslog_field_bytes(&r->req, WR_N_REFERER);
    size_t agent = accesslog_field_bytes(&r->req, WR_N_USER_AGENT);
    size_t user = wr_head_has(&r->req, WR_N_AUTHORIZATION) ? ACCESSLOG_USER_BYTES : 0;
    size_t request = r->request_line.n + 4;

    if (!json) {
        return ACCESSLOG_COMBINED_BYTES + user + accesslog_need(request, 4, ACCESSLOG_REQUEST_BYTES) +
            accesslog_need(referer, 4, ACCESSLOG_FIELD_BYTES) +
            accesslog_need(agent, 4, ACCESSLOG_FIELD_BYTES);
    }
    size_t attempts = accesslog_attempts_bytes(r);
    return ACCESSLOG_JSON_REST_BYTES + user + attempts +
        accesslog_need(request, 6, ACCESSLOG_JSON_REQUEST_BYTES - attempts) +
        accesslog_need(r->target.n, 6, ACCESSLOG_JSON_URI_BYTES) +
        accesslog_need(r->path.n, 6, ACCESSLOG_JSON_PATH_BYTES) +
        accesslog_need(referer, 6, ACCESSLOG_JSON_FIELD_BYTES) +
        accesslog_need(agent, 6, ACCESSLOG_JSON_FIELD_BYTES);
}

/* One of N, spread evenly whatever the order of requests is; what failed always. */
static bool
accesslog_is_sampled(const struct wr_req *r, int64_t sample)
{
    return sample <= 1 || r->err != WR_E_NONE || r->status >= 500 ||
        wr_hash_mix(r->number) % (uint64_t)sample == 0;
}

void
wr_accesslog_write(const struct wr_req *r)
{
    int index = r->route->log_index;

    if (index < 0) {
        return;
    }
    const struct wr_access_log_conf *conf = &r->sv->model->logs[index]->conf;
    if (!accesslog_is_sampled(r, conf->sample)) {
        return;
    }
    bool json = conf->format == WR_LOG_JSON;
    size_t most = accesslog_most(r, json);
    char *p = wr_logring_reserve(r->sv->ring, most);
    if (!p) {
        return;
    }
    struct accesslog a = {
        .r = r,
        .redact = &conf->redact,
        .style = json ? WR_ESCAPE_JSON : WR_ESCAPE_COMBINED,
    };
    wr_out_init(&a.o, p, most);
    (json ? accesslog_json : accesslog_combined)(&a);
    wr_assert(!a.o.full);
    wr_logring_commit(r->sv->ring, r->sv->log_ids[index], (size_t)(a.o.p - p));
}
