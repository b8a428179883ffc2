/*
 * Pages of weir's own: short, the same for every cause with that status, no
 * version and no reason in them (that is for the log), the request's
 * identifier to find it there.  JSON for clients that ask for JSON.
 */
#include "core/http/errorpage.h"

#include "core/base/fmt.h"

#define ERRORPAGE_MOST_BYTES 640

struct errorpage_phrase {
    uint16_t status;
    const char *text;
};

/* The registry of IANA; in order. */
static const struct errorpage_phrase errorpage_phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

struct wr_str
wr_status_phrase(uint16_t status)
{
    size_t low = 0;
    size_t high = WR_ARRAY_LEN(errorpage_phrases);

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (errorpage_phrases[middle].status == status) {
            return wr_str_of(errorpage_phrases[middle].text);
        }
        if (errorpage_phrases[middle].status < status) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return wr_str_make("", 0);
}

/* The weight of a member of Accept in thousandths (RFC 9110 12.4.2); a malformed one counts as none. */
static unsigned
errorpage_weight(struct wr_str params)
{
    ptrdiff_t semicolon;

    while ((semicolon = wr_str_find(params, ';')) >= 0) {
        params = wr_str_make(params.p + semicolon + 1, params.n - (size_t)semicolon - 1);
        struct wr_str q = wr_str_trim(params);
        if (q.n < 3 || wr_lower(q.p[0]) != 'q' || q.p[1] != '=') {
            continue;
        }
        unsigned weight = 0;
        unsigned scale = 1000;
        for (size_t i = 2; i < q.n && scale > 0; i++) {
            if (q.p[i] == '.' && i == 3) {
                continue;
            }
            if (q.p[i] < '0' || q.p[i] > '9') {
                break;
            }
            weight += (unsigned)(q.p[i] - '0') * scale;
            scale /= 10;
        }
        return WR_MIN(weight, 1000U);
    }
    return 1000;
}

static bool
errorpage_is_json(struct wr_str type)
{
    return wr_str_ieq(type, WR_STR("application/json")) ||
        (type.n > 5 && wr_str_ieq(wr_str_make(type.p + type.n - 5, 5), WR_STR("+json")));
}

/*
 * Whether Accept names JSON, and names HTML not at all or with a smaller
 * weight.  Wildcards name neither, so that "application/json, text/plain, (anything)" asks for JSON.
 */
static bool
errorpage_wants_json(const struct wr_head *req)
{
    unsigned json = 0;
    unsigned html = 0;

    for (const struct wr_field *f = wr_head_find(req, WR_N_ACCEPT); f;
         f = wr_head_next(req, WR_N_ACCEPT, f)) {
        struct wr_str rest = f->value;
        struct wr_str member;
        while (wr_str_member(&rest, &member)) {
            ptrdiff_t end = wr_str_find(member, ';');
            struct wr_str type = wr_str_trim(wr_str_make(member.p, end < 0 ? member.n : (size_t)end));
            unsigned weight = errorpage_weight(member);
            if (errorpage_is_json(type)) {
                json = WR_MAX(json, weight);
            } else if (wr_str_ieq(type, WR_STR("text/html")) || wr_str_ieq(type, WR_STR("text/*"))) {
                html = WR_MAX(html, weight);
            }
        }
    }
    return json > html;
}

static void
errorpage_html(struct wr_out *o, uint16_t status, struct wr_str phrase, const char *hint, struct wr_str id)
{
    wr_out_lit(o, "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>");
    wr_out_u64(o, status);
    wr_out_lit(o, " ");
    wr_out_str(o, phrase);
    wr_out_lit(o, "</title></head>\n<body>\n<h1>");
    wr_out_u64(o, status);
    wr_out_lit(o, " ");
    wr_out_str(o, phrase);
    wr_out_lit(o, "</h1>\n");
    if (hint != NULL) {
        wr_out_lit(o, "<p>");
        wr_out_str(o, wr_str_of(hint));
        wr_out_lit(o, "</p>\n");
    }
    if (id.n > 0) {
        wr_out_lit(o, "<p>Request <code>");
        wr_out_str(o, id);
        wr_out_lit(o, "</code></p>\n");
    }
    wr_out_lit(o, "</body>\n</html>\n");
}

static void
errorpage_json(struct wr_out *o, uint16_t status, struct wr_str phrase, const char *hint, struct wr_str id)
{
    wr_out_lit(o, "{\"status\":");
    wr_out_u64(o, status);
    wr_out_lit(o, ",\"title\":\"");
    wr_out_str(o, phrase);
    if (hint != NULL) {
        wr_out_lit(o, "\",\"detail\":\"");
        wr_out_str(o, wr_str_of(hint));
    }
    if (id.n > 0) {
        wr_out_lit(o, "\",\"request_id\":\"");
        wr_out_str(o, id);
    }
    wr_out_lit(o, "\"}\n");
}

/* An identifier that can stand in HTML and JSON as it is; ours always can, a proxy's might not. */
static struct wr_str
errorpage_id(struct wr_str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = wr_lower(id.p[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("-_.:+/=@~", c, 9))) {
            return WR_STR_NONE;
        }
    }
    return id.n <= 128 ? id : WR_STR_NONE;
}

/* What somebody in front of a browser can do about it; no text tells more of weir than the port does. */
static const char *
errorpage_hint(enum wr_err err)
{
    return err == WR_E_PLAIN_ON_TLS ? "This port speaks HTTPS: the address has to begin with https://" : NULL;
}

struct wr_str
wr_errorpage_make(struct wr_req *r, uint16_t status)
{
    bool json = errorpage_wants_json(&r->req);
    struct wr_str phrase = wr_status_phrase(status);
    struct wr_str id = errorpage_id(r->id);
    char *p = wr_pool_alloc(&r->pool, ERRORPAGE_MOST_BYTES);
    struct wr_out o;

    r->status = status;
    r->reason = phrase;
    r->resp.n = 0;
    r->resp.have[0] = r->resp.have[1] = 0;
    wr_head_add(&r->resp, &r->pool, WR_N_CONTENT_TYPE, WR_STR_NONE,
                json ? WR_STR("application/json") : WR_STR("text/html; charset=utf-8"));
    if (status == 405) { /* only CONNECT and TRACE are refused (RFC 9110 15.5.6) */
        wr_head_add(&r->resp, &r->pool, WR_N_ALLOW, WR_STR_NONE,
                    WR_STR("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"));
    }
    if (r->retry_after_s > 0) {
        char *seconds = wr_pool_alloc(&r->pool, 20);
        wr_head_add(&r->resp, &r->pool, WR_N_RETRY_AFTER, WR_STR_NONE,
                    wr_str_make(seconds, wr_fmt_u64(seconds, r->retry_after_s)));
    }
    wr_out_init(&o, p, ERRORPAGE_MOST_BYTES);
    (json ? errorpage_json : errorpage_html)(&o, status, phrase, errorpage_hint(r->err), id);
    wr_assert(!o.full);
    r->resp_length = o.p - p;
    return wr_str_make(p, (size_t)r->resp_length);
}
