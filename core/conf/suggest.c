/*
 * Did you mean: edit distance over the words that are valid at a place.  It
 * refuses to guess far: a word that shares little is not offered.
 */
#include "core/conf/suggest.h"

#include "core/conf/conf.h"

#define SUGGEST_GUESSES_MOST 1000

/* In lower case, so that a wrong case costs nothing. */
static unsigned
suggest_distance(struct wr_str a, struct wr_str b, unsigned most)
{
    char la[96], lb[96];

    if (a.n > sizeof(la) || b.n > sizeof(lb)) {
        return wr_str_ieq(a, b) ? 0 : most + 1;
    }
    wr_str_lower(la, a);
    wr_str_lower(lb, b);
    return wr_str_distance(wr_str_make(la, a.n), wr_str_make(lb, b.n), most);
}

/* How far a word of n bytes may be off. */
static unsigned
suggest_most(size_t n)
{
    return n <= 3 ? 1 : n <= 7 ? 2 : 3;
}

void
wr_suggest_init(struct wr_suggest *s, struct wr_str word)
{
    memset(s, 0, sizeof(*s));
    s->word = word;
    s->distance = suggest_most(word.n);
}

bool
wr_suggest_begin(struct wr_suggest *s, struct wr_conf *cf, struct wr_str word)
{
    wr_suggest_init(s, word);
    return cf->guesses++ < SUGGEST_GUESSES_MOST;
}

/* Of words as far off, those that begin and end alike come first. */
static unsigned
suggest_rank(struct wr_str word, struct wr_str c, unsigned rank)
{
    unsigned unlike = word.n == 0 || c.n == 0 || word.p[0] != c.p[0];

    unlike = unlike * 2 + (word.n == 0 || c.n == 0 || word.p[word.n - 1] != c.p[c.n - 1]);
    return rank * 4 + unlike;
}

void
wr_suggest_offer(struct wr_suggest *s, struct wr_str candidate, unsigned rank)
{
    unsigned d = suggest_distance(s->word, candidate, s->distance);

    /* a short candidate must not differ in most of its letters */
    if (d > s->distance || d > suggest_most(candidate.n)) {
        return;
    }
    if (d < s->distance) {
        s->n = 0;
        s->distance = d;
    }
    unsigned full = suggest_rank(s->word, candidate, rank);
    unsigned at = 0;

    for (unsigned i = 0; i < s->n; i++) {
        if (wr_str_eq(s->best[i].word, candidate)) {
            return;
        }
        at += s->best[i].rank <= full;
    }
    if (at == WR_SUGGEST_MOST) {
        return;
    }
    s->n = WR_MIN(s->n + 1, (unsigned)WR_SUGGEST_MOST);
    memmove(&s->best[at + 1], &s->best[at], (s->n - at - 1) * sizeof(s->best[0]));
    s->best[at].word = candidate;
    s->best[at].rank = full;
}

struct wr_str
wr_suggest_only(const struct wr_suggest *s)
{
    return s->n == 1 ? s->best[0].word : WR_STR_NONE;
}

const char *
wr_suggest_text(const struct wr_suggest *s, struct wr_pool *pool)
{
    struct wr_str text = WR_STR("");

    for (unsigned i = 0; i < s->n; i++) {
        text = wr_pool_printf(pool, "%.*s%s\"%.*s\"", WR_STR_ARG(text),
                              i == 0              ? "; did you mean "
                                  : i + 1 == s->n ? " or "
                                                  : ", ",
                              WR_STR_ARG(s->best[i].word));
    }
    return s->n > 0 ? wr_pool_printf(pool, "%.*s?", WR_STR_ARG(text)).p : "";
}

/* RFC 9110, 9111, 6265, 6797, 7239, 8288, Fetch, CSP, and what proxies and applications add by habit. */
static const char *const suggest_headers[] = {"Accept",
                                              "Accept-Charset",
                                              "Accept-CH",
                                              "Accept-Encoding",
                                              "Accept-Language",
                                              "Accept-Ranges",
                                              "Access-Control-Allow-Credentials",
                                              "Access-Control-Allow-Headers",
                                              "Access-Control-Allow-Methods",
                                              "Access-Control-Allow-Origin",
                                              "Access-Control-Expose-Headers",
                                              "Access-Control-Max-Age",
                                              "Access-Control-Request-Headers",
                                              "Access-Control-Request-Method",
                                              "Age",
                                              "Allow",
                                              "Alt-Svc",
                                              "Authorization",
                                              "Cache-Control",
                                              "Cache-Status",
                                              "CDN-Cache-Control",
                                              "Clear-Site-Data",
                                              "Connection",
                                              "Content-Disposition",
                                              "Content-Encoding",
                                              "Content-Language",
                                              "Content-Length",
                                              "Content-Location",
                                              "Content-Range",
                                              "Content-Security-Policy",
                                              "Content-Security-Policy-Report-Only",
                                              "Content-Type",
                                              "Cookie",
                                              "Cross-Origin-Embedder-Policy",
                                              "Cross-Origin-Opener-Policy",
                                              "Cross-Origin-Resource-Policy",
                                              "Date",
                                              "DNT",
                                              "Early-Data",
                                              "ETag",
                                              "Expect",
                                              "Expires",
                                              "Forwarded",
                                              "From",
                                              "Host",
                                              "If-Match",
                                              "If-Modified-Since",
                                              "If-None-Match",
                                              "If-Range",
                                              "If-Unmodified-Since",
                                              "Keep-Alive",
                                              "Last-Modified",
                                              "Link",
                                              "Location",
                                              "Max-Forwards",
                                              "Origin",
                                              "Permissions-Policy",
                                              "Pragma",
                                              "Priority",
                                              "Proxy-Authenticate",
                                              "Proxy-Authorization",
                                              "Proxy-Connection",
                                              "Range",
                                              "Referer",
                                              "Referrer-Policy",
                                              "Refresh",
                                              "Retry-After",
                                              "Sec-Fetch-Dest",
                                              "Sec-Fetch-Mode",
                                              "Sec-Fetch-Site",
                                              "Sec-Fetch-User",
                                              "Sec-WebSocket-Key",
                                              "Sec-WebSocket-Protocol",
                                              "Sec-WebSocket-Version",
                                              "Server",
                                              "Server-Timing",
                                              "Set-Cookie",
                                              "Strict-Transport-Security",
                                              "Surrogate-Key",
                                              "TE",
                                              "Timing-Allow-Origin",
                                              "Traceparent",
                                              "Tracestate",
                                              "Trailer",
                                              "Transfer-Encoding",
                                              "Upgrade",
                                              "Upgrade-Insecure-Requests",
                                              "User-Agent",
                                              "Vary",
                                              "Via",
                                              "Warning",
                                              "WWW-Authenticate",
                                              "X-Content-Type-Options",
                                              "X-Forwarded-For",
                                              "X-Forwarded-Host",
                                              "X-Forwarded-Port",
                                              "X-Forwarded-Proto",
                                              "X-Frame-Options",
                                              "X-Real-IP",
                                              "X-Request-ID",
                                              "X-Requested-With",
                                              "X-Robots-Tag",
                                              "X-XSS-Protection",
                                              NULL};

struct wr_str
wr_suggest_header(struct wr_str name)
{
    struct wr_str near = WR_STR_NONE;

    if (name.n < 4) {
        return near; /* any three letters are near something */
    }
    for (const char *const *h = suggest_headers; *h; h++) {
        struct wr_str known = wr_str_of(*h);
        if (wr_str_ieq(name, known)) {
            return WR_STR_NONE;
        }
        if (known.n >= 4 && suggest_distance(name, known, 1) <= 1) {
            near = known;
        }
    }
    return near;
}

/* The IANA registry, WebDAV included: an unknown one of these is no slip. */
static const char *const suggest_methods[] = {"GET",
                                              "HEAD",
                                              "POST",
                                              "PUT",
                                              "DELETE",
                                              "OPTIONS",
                                              "PATCH",
                                              "CONNECT",
                                              "TRACE",
                                              "PROPFIND",
                                              "PROPPATCH",
                                              "MKCOL",
                                              "COPY",
                                              "MOVE",
                                              "LOCK",
                                              "UNLOCK",
                                              "SEARCH",
                                              "REPORT",
                                              "BIND",
                                              "UNBIND",
                                              "REBIND",
                                              "ACL",
                                              "MERGE",
                                              "CHECKIN",
                                              "CHECKOUT",
                                              "UNCHECKOUT",
                                              "LABEL",
                                              "LINK",
                                              "UNLINK",
                                              "MKACTIVITY",
                                              "MKCALENDAR",
                                              "MKREDIRECTREF",
                                              "MKWORKSPACE",
                                              "ORDERPATCH",
                                              "UPDATE",
                                              "UPDATEREDIRECTREF",
                                              "VERSION-CONTROL",
                                              "BASELINE-CONTROL",
                                              "PURGE",
                                              "QUERY",
                                              NULL};

struct wr_str
wr_suggest_method(struct wr_str name)
{
    struct wr_suggest s;

    wr_suggest_init(&s, name);
    for (unsigned i = 0; suggest_methods[i]; i++) {
        struct wr_str known = wr_str_of(suggest_methods[i]);
        if (wr_str_eq(name, known)) {
            return WR_STR_NONE;
        }
        wr_suggest_offer(&s, known, i < 9 ? 0 : 1);
    }
    return s.n > 0 ? s.best[0].word : WR_STR_NONE;
}
