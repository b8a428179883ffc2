/*
 * The core's own rows.  Their help texts are the reference in weir.ini(5):
 * words in `backquotes` are printed as they are typed.
 */
#include "core/conf/rows_server.h"
#include "core/conf/rows_upstream.h"

#define ROWS_DAY UINT64_C(86400000)
#define ROWS_YEAR (365 * ROWS_DAY)

/* ---------------------------------------------------------------- values of their own */

/* PATH|stderr|syslog [LEVEL] */
static bool
rows_parse_error_log(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_error_log *log = field;
    struct wr_error_log got = {WR_STR_NONE, WR_LOG_NOTICE};
    struct wr_str rest = value, level, more;

    if (!wr_conf_word(pool, &rest, &got.path)) {
        *why = "nothing stands there";
        return false;
    }
    bool word = wr_str_eq(got.path, WR_STR("stderr")) || wr_str_eq(got.path, WR_STR("syslog"));

    if (!word && (got.path.n < 2 || got.path.p[0] != '/')) {
        *why = "neither stderr nor syslog nor an absolute path";
        return false;
    }
    if (wr_conf_word(pool, &rest, &level) && !wr_log_level_parse(level, &got.level)) {
        *why = "the level is alert, error, warn, notice, info or debug";
        return false;
    }
    if (wr_conf_word(pool, &rest, &more)) {
        *why = "two words at most";
        return false;
    }
    *log = got;
    return true;
}

/* An absolute path of a file. */
static bool
rows_parse_file(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_str rest = value, path, more;

    if (!wr_conf_word(pool, &rest, &path) || wr_conf_word(pool, &rest, &more) || path.n < 2 ||
        path.p[0] != '/' || path.p[path.n - 1] == '/') {
        *why = "not an absolute path of a file";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, path);
    return true;
}

static bool
rows_parse_user(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = wr_lower(value.p[i]);
        bool ok =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (i > 0 && (c == '-' || c == '.'));
        if (!ok) {
            *why = "not the name of a user";
            return false;
        }
    }
    if (value.n == 0) {
        *why = "nothing stands there";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, value);
    return true;
}

/* The bytes that a path may hold as they are (RFC 3986 pchar and "/"), and whole escapes. */
static bool
rows_path_bytes_ok(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = wr_lower(s.p[i]);
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (c == '%') {
            for (size_t k = 1; k <= 2; k++) {
                char h = i + k < s.n ? wr_lower(s.p[i + k]) : '\0';
                if (!((h >= '0' && h <= '9') || (h >= 'a' && h <= 'f'))) {
                    return false;
                }
            }
            i += 2;
        } else if (!alnum && (c == '\0' || !strchr("-._~!$&'()*+,;=:@/", c))) {
            return false;
        }
    }
    return true;
}

/* `path`: a path as it goes upstream. */
static bool
rows_parse_path(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_str *)field = WR_STR_NONE;
        return true;
    }
    if (value.n == 0 || value.p[0] != '/') {
        *why = "a path begins with \"/\"";
        return false;
    }
    if (!rows_path_bytes_ok(value)) {
        *why = "a byte that no path has (write it as %XX; a query is no part of a path)";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, value);
    return true;
}

/* `strip`: whole segments, so no slash or asterisk at the end. */
static bool
rows_parse_strip(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    if (value.n > 1 && (value.p[value.n - 1] == '/' || wr_str_find(value, '*') >= 0)) {
        *why = "the part that is taken off is whole segments, as in /api";
        return false;
    }
    return rows_parse_path(pool, value, field, why);
}

/* `host`: HOST or HOST:PORT, off. */
static bool
rows_parse_host(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_str *)field = WR_STR_NONE;
        return true;
    }
    for (size_t i = 0; i < value.n; i++) {
        char c = wr_lower(value.p[i]);
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr("-._:[]", c))) {
            *why = "not HOST or HOST:PORT";
            return false;
        }
    }
    if (value.n == 0) {
        *why = "nothing stands there";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, value);
    return true;
}

/* For suggestions. */
static const struct wr_keyword rows_error_log[] = {{"stderr", 0}, {"syslog", 0}, {"alert", 0},
                                                   {"error", 0},  {"warn", 0},   {"notice", 0},
                                                   {"info", 0},   {"debug", 0},  {NULL, 0}};
static const struct wr_keyword rows_auto[] = {{"auto", 0}, {NULL, 0}};
static const struct wr_keyword rows_paths[] = {{"strict", WR_PATHS_STRICT}, {"raw", WR_PATHS_RAW}, {NULL, 0}};
static const struct wr_keyword rows_buffer[] = {
    {"request", WR_BUFFER_REQUEST}, {"response", WR_BUFFER_RESPONSE}, {NULL, 0}};
static const struct wr_keyword rows_underscores[] = {
    {"drop", WR_UNDERSCORES_DROP}, {"keep", WR_UNDERSCORES_KEEP}, {NULL, 0}};
static const struct wr_keyword rows_format[] = {
    {"combined", WR_LOG_COMBINED}, {"json", WR_LOG_JSON}, {NULL, 0}};

/* ---------------------------------------------------------------- [weir] */

#define ROWS_WEIR(key, type_, field, ...)                                                                    \
    {                                                                                                        \
        .name = key, .type = type_, .class_ = WR_CLASS_WEIR, .where = WR_IN_WEIR,                            \
        .offset = offsetof(struct wr_weir_conf, field), __VA_ARGS__                                          \
    }

static const struct wr_directive rows_weir[] = {
    ROWS_WEIR(
        "user", WR_T_PARSED, user, .parse = rows_parse_user, .grammar = "USER",
        .help =
            "The user that workers run as when weir is started by root.  Unset: `weir` if there is such a "
            "user, else `nobody`, with a warning.  A weir that is not started by root stays who it is."),
    ROWS_WEIR("workers", WR_T_INT, workers, .preset = "auto", .words = rows_auto, .min = 1, .max = 128,
              .help =
                  "How many worker processes serve requests.  `auto` is one for each CPU that weir may use."),
    ROWS_WEIR("pid", WR_T_PARSED, pid, .parse = rows_parse_file, .grammar = "PATH",
              .help =
                  "Where the master writes its process id; what `weir -s` and a new binary have to know is "
                  "written beside it.  Unset: `weir/weir.pid` in the directory for run-time files that weir "
                  "was built with, `/run` in most cases."),
    ROWS_WEIR(
        "error_log", WR_T_PARSED, error_log, .preset = "stderr notice", .parse = rows_parse_error_log,
        .words = rows_error_log, .grammar = "PATH | stderr | syslog, then a LEVEL",
        .help =
            "Where messages about weir's own doings go, and from which level on: `alert` (weir is wrong), "
            "`error` (an operator is needed), `warn` (degraded, but handled), `notice` (life cycle), "
            "`info` (requests that were refused), `debug`.  Without a level: `notice`.  A file is "
            "reopened on SIGUSR1."),
    ROWS_WEIR(
        "include", WR_T_WORDS, include, .grammar = "PATTERN ...",
        .help = "Further files to read, as shell patterns relative to the directory of this file, sorted by "
                "name.  A pattern that matches nothing is fine; a plain name that does not exist is an "
                "error.  It stands in the first file alone: an included file includes nothing."),
    ROWS_WEIR("trusted_proxies", WR_T_CIDRS, trusted_proxies, .preset = "none",
              .help =
                  "Networks of proxies in front of weir that are believed: in what they say of the client in "
                  "`Forwarded`, `X-Forwarded-For` and their kin, and in PROXY protocol headers.  From anyone "
                  "else such fields are removed before a request goes on."),
    ROWS_WEIR("resolver", WR_T_PARSED, resolver, .preset = "system", .parse = wr_rows_parse_resolver,
              .words = wr_rows_resolver_words, .grammar = "IP[:PORT] ... | system",
              .help =
                  "The DNS servers that names of upstream servers are asked of, 8 at most.  `system`: those "
                  "of resolv.conf(5), after the hosts file."),
    ROWS_WEIR(
        "drain", WR_T_TIME, drain_ms, .preset = "30s", .max = ROWS_DAY,
        .help = "At a stop: how long requests in progress may take to end.  At a reload: an old worker ends "
                "only connections that have moved no byte for that long."),
    ROWS_WEIR("tunnel_drain", WR_T_TIME, tunnel_drain_ms, .preset = "12h", .max = ROWS_YEAR,
              .help = "How long after a reload an old worker keeps responses in progress, event streams and "
                      "WebSocket connections that are alive."),
    ROWS_WEIR("keepalive_timeout", WR_T_TIME, keepalive_timeout_ms, .preset = "75s", .min = 1000,
              .max = ROWS_DAY, .help = "How long a client connection may stay idle between two requests."),
    ROWS_WEIR("keepalive_requests", WR_T_INT, keepalive_requests, .preset = "off", .flags = WR_D_OFF,
              .min = 1, .max = 1000000000,
              .help =
                  "How many requests a client connection may bring before it is closed.  `off`: any number."),
    ROWS_WEIR(
        "header_timeout", WR_T_TIME, header_timeout_ms, .preset = "10s", .min = 100, .max = ROWS_DAY,
        .help =
            "The time in which the whole head of a request has to arrive, counted from its first byte (on "
            "a new connection from its beginning; one that sends nothing stays with the kernel for its first "
            "second).  Later: 408, reason `header_timeout`."),
    ROWS_WEIR(
        "handshake_timeout", WR_T_TIME, handshake_timeout_ms, .preset = "10s", .min = 100, .max = ROWS_DAY,
        .help =
            "The time in which a client has to complete its TLS handshake.  Later: the connection is closed, "
            "reason `tls_timeout`."),
    ROWS_WEIR("body_timeout", WR_T_TIME, body_timeout_ms, .preset = "30s", .min = 100, .max = ROWS_DAY,
              .help = "The longest pause inside a request body.  Longer: 408, reason `body_timeout`."),
    ROWS_WEIR(
        "body_rate", WR_T_SIZE, body_rate_bytes, .preset = "512", .flags = WR_D_OFF, .min = 1,
        .max = 1U << 30,
        .help = "The slowest request body that is put up with, in bytes a second, averaged from its start.  "
                "Slower: 408, reason `body_timeout`."),
    ROWS_WEIR("send_timeout", WR_T_TIME, send_timeout_ms, .preset = "60s", .min = 100, .max = ROWS_DAY,
              .help =
                  "The longest time in which a client takes no byte of a response before its connection is "
                  "closed, reason `client_stalled`."),
    ROWS_WEIR(
        "linger", WR_T_TIME, linger_ms, .preset = "5s", .max = 600000,
        .help = "How long weir goes on reading, and throwing away, after it has sent its last byte, so that "
                "the client receives that byte and not a reset."),
    ROWS_WEIR(
        "max_connections", WR_T_INT, max_connections, .preset = "auto", .words = rows_auto, .min = 16,
        .max = 10000000,
        .help = "How many client connections a worker holds at once.  `auto` follows from the limit of open "
                "files, which weir raises itself.  Beyond it weir closes idle connections, oldest first, "
                "then those longest in their head; never a response in progress."),
    ROWS_WEIR("buffers", WR_T_SIZE, buffers_bytes, .preset = "64m", .min = 1U << 20, .max = UINT64_C(1) << 40,
              .help =
                  "The memory that a worker spends on bytes in flight.  When most of it is used weir reads "
                  "less, then accepts less; what has begun is finished first."),
    ROWS_WEIR("limit.header_line", WR_T_SIZE, limit_header_line, .preset = "16k", .min = 1024,
              .max = 1U << 20,
              .help = "The longest line of a request head.  Longer: 431, reason `field_too_long`."),
    ROWS_WEIR("limit.header_total", WR_T_SIZE, limit_header_total, .preset = "64k", .min = 1024,
              .max = 1U << 20,
              .help = "The largest head of a request, and of an upstream's response.  Larger: 431, reason "
                      "`head_too_large`; of an upstream: 502."),
    ROWS_WEIR("limit.header_count", WR_T_INT, limit_header_count, .preset = "100", .min = 8, .max = 1000,
              .help = "How many fields a head may have.  More: 431, reason `too_many_fields`."),
    ROWS_WEIR("limit.target", WR_T_SIZE, limit_target, .preset = "8k", .min = 256, .max = 1U << 20,
              .help = "The longest request target (path and query).  Longer: 414, reason `target_too_long`."),
    ROWS_WEIR(
        "limit.handshakes", WR_T_INT, limit_handshakes, .preset = "512", .min = 8, .max = 1000000,
        .help =
            "How many TLS handshakes a worker has under way at once.  With one more the oldest is given up, "
            "reason `tls_overload`: clients that begin and never go on cannot keep others out."),
    {.name = NULL},
};

/* ---------------------------------------------------------------- routes */

#define ROWS_ROUTE(key, type_, where_, field, ...)                                                           \
    {                                                                                                        \
        .name = key, .type = type_, .class_ = WR_CLASS_ROUTE, .where = where_,                               \
        .offset = offsetof(struct wr_route_conf, field), __VA_ARGS__                                         \
    }

static const struct wr_directive rows_route[] = {
    ROWS_ROUTE("to", WR_T_TEXT, WR_IN_ROUTE, to, .flags = WR_D_LOCAL, .grammar = "TARGET",
               .help = "Where the route's requests go.  Without it: where they would go without this route."),
    ROWS_ROUTE("if.method", WR_T_WORDS, WR_IN_ROUTE, if_method, .flags = WR_D_LOCAL, .grammar = "METHOD ...",
               .help = "The route takes requests with one of these methods only."),
    ROWS_ROUTE("if.header.*", WR_T_MAP, WR_IN_ROUTE, if_header, .flags = WR_D_LOCAL | WR_D_KEY_IS_HEADER,
               .grammar = "TEXT | TEXT* | *",
               .help =
                   "The route takes requests only that have this field with exactly this value, or with one "
                   "that begins so where the text ends in `*` (which alone is any value).  Of a field that "
                   "came several times the first counts."),
    ROWS_ROUTE(
        "if.query.*", WR_T_MAP, WR_IN_ROUTE, if_query, .flags = WR_D_LOCAL, .grammar = "TEXT | TEXT* | *",
        .help = "The same for a parameter of the query, percent-decoded.  The first of its name counts."),
    ROWS_ROUTE("if.client", WR_T_CIDRS, WR_IN_ROUTE, if_client, .flags = WR_D_LOCAL,
               .help = "The route takes requests only of clients in these networks."),
    ROWS_ROUTE("strip", WR_T_PARSED, WR_IN_SITE, strip, .parse = rows_parse_strip, .grammar = "PATH | off",
               .help = "Segments that are taken off the front of the path before the request goes on: with "
                       "`strip = /api` the upstream sees `/v1/x` for `/api/v1/x`, and `/` for `/api`."),
    ROWS_ROUTE("path", WR_T_PARSED, WR_IN_SITE, path, .parse = rows_parse_path, .grammar = "PATH | off",
               .help = "The path that the upstream sees, whatever the request's was; the query stays."),
    ROWS_ROUTE("host", WR_T_PARSED, WR_IN_SITE, host, .parse = rows_parse_host,
               .grammar = "HOST[:PORT] | off",
               .help = "Host as the upstream sees it.  `off`: as the client sent it."),
    ROWS_ROUTE(
        "paths", WR_T_WORD, WR_IN_SITE, paths, .preset = "strict", .words = rows_paths,
        .help = "What happens to a path that servers read in different ways (%2F, %5C, %00, a backslash, "
                "invalid UTF-8, dot segments above the root).  `strict`: 400, reason `ambiguous_path`, and "
                "what is forwarded is the canonical path.  `raw`: the target is forwarded byte for byte; "
                "routes and access rules still see the canonical path."),
    ROWS_ROUTE(
        "body_limit", WR_T_SIZE, WR_IN_SITE, body_limit, .preset = "off", .flags = WR_D_OFF,
        .help = "The largest request body.  Larger: 413, reason `body_too_large`.  `off`: any; weir does not "
                "keep bodies, it passes them on as the upstream takes them."),
    ROWS_ROUTE(
        "buffer", WR_T_FLAGS, WR_IN_SITE, buffer, .preset = "off", .words = rows_buffer, .flags = WR_D_OFF,
        .help = "`request`: the request body is collected before the upstream is asked (100-continue is "
                "answered by weir).  `response`: what a slow client has not taken of a response goes to a "
                "temporary file of up to `buffer.file`, so that the upstream is free.  Both may stand."),
    ROWS_ROUTE(
        "buffer.response", WR_T_SIZE, WR_IN_SITE, buffer_response, .preset = "256k", .min = 4096,
        .max = 1U << 30,
        .help = "How far a response is read ahead of a slow client in memory.  Beyond that the upstream is "
                "read as slowly as the client reads."),
    ROWS_ROUTE("buffer.file", WR_T_SIZE, WR_IN_SITE, buffer_file, .preset = "1g", .max = UINT64_C(1) << 50,
               .help = "The largest temporary file for one body."),
    ROWS_ROUTE("deadline", WR_T_TIME, WR_IN_SITE, deadline_ms, .preset = "off", .flags = WR_D_OFF, .min = 1,
               .max = ROWS_DAY,
               .help =
                   "The time from the complete request head to the response head: waiting, connecting and "
                   "trying again included.  Later: 504, reason `deadline`."),
    ROWS_ROUTE("timeout.connect", WR_T_TIME, WR_IN_SITE, connect_ms, .preset = "5s", .min = 1, .max = 3600000,
               .help = "The time for a connection to a server of the upstream.  Later: 504, reason "
                       "`upstream_connect_timeout`."),
    ROWS_ROUTE(
        "timeout.first_byte", WR_T_TIME, WR_IN_SITE, first_byte_ms, .preset = "60s", .flags = WR_D_OFF,
        .min = 1, .max = ROWS_DAY,
        .help = "The time from the last byte of the request to the first byte of the response.  Later: 504, "
                "reason `upstream_first_byte`."),
    ROWS_ROUTE("timeout.idle", WR_T_TIME, WR_IN_SITE, idle_ms, .preset = "60s", .flags = WR_D_OFF, .min = 1,
               .max = ROWS_DAY,
               .help =
                   "The longest silence of an upstream inside a response.  Longer: reason `upstream_idle`."),
    ROWS_ROUTE("timeout.tunnel", WR_T_TIME, WR_IN_SITE, tunnel_ms, .preset = "1h", .flags = WR_D_OFF,
               .min = 1, .max = ROWS_YEAR,
               .help =
                   "The longest silence of a tunnel (WebSocket and other upgrades) and of an event stream."),
    ROWS_ROUTE(
        "timeout.total", WR_T_TIME, WR_IN_SITE, total_ms, .preset = "off", .flags = WR_D_OFF, .min = 1,
        .max = ROWS_YEAR,
        .help = "The time from the complete request head to the last byte of the response.  Longer: reason "
                "`total_timeout`."),
    ROWS_ROUTE(
        "retry", WR_T_PARSED, WR_IN_SITE, retry, .preset = "connect idempotent times:2",
        .parse = wr_rows_parse_retry, .words = wr_rows_retry_words,
        .grammar = "[connect] [idempotent] [status:CODE,...] [times:N] | off",
        .help =
            "When a request is sent to another server of its upstream.  `connect`: no connection was "
            "to be had, so nothing was sent.  `idempotent`: the server was silent, closed or answered "
            "nonsense before its response head was complete, the method is idempotent (GET, HEAD, PUT, "
            "DELETE, OPTIONS) and the body, if there is one, is still held.  `status:502,503`: it "
            "answered so, likewise.  `times:N`: so many further attempts at most (1 to 8; without it 2).  "
            "All that within `deadline`, and within a budget that all workers share: a tenth of the "
            "upstream's recent requests, and at least three a second."),
    ROWS_ROUTE(
        "underscores", WR_T_WORD, WR_IN_SITE, underscores, .preset = "drop", .words = rows_underscores,
        .help = "`drop`: fields whose names have an underscore are left out before a request goes on, since "
                "applications cannot tell X_Real_IP from X-Real-IP.  `keep`: they stay (but for spellings "
                "of the forwarding fields, which go in any case)."),
    ROWS_ROUTE("access_log", WR_T_NAME, WR_IN_SITE, access_log, .preset = "off", .flags = WR_D_OFF,
               .ref = "log", .help = "The `[log]` that requests are written to."),
    ROWS_ROUTE("server_timing", WR_T_BOOL, WR_IN_SITE, server_timing, .preset = "off",
               .help =
                   "Whether a response gets a Server-Timing field with the times that weir measured: queue, "
                   "connect, first byte."),
    {.name = NULL},
};

/* ---------------------------------------------------------------- [log] */

#define ROWS_LOG(key, type_, field, ...)                                                                     \
    {                                                                                                        \
        .name = key, .type = type_, .class_ = WR_CLASS_LOG, .where = WR_IN_LOG,                              \
        .offset = offsetof(struct wr_access_log_conf, field), __VA_ARGS__                                    \
    }

static const struct wr_directive rows_log[] = {
    ROWS_LOG("path", WR_T_PARSED, path, .parse = rows_parse_file, .grammar = "PATH",
             .help = "The file, which every log has to name.  It is reopened on SIGUSR1."),
    ROWS_LOG(
        "format", WR_T_WORD, format, .preset = "combined", .words = rows_format,
        .help =
            "`combined`: one line a request, as nginx and Apache write it.  `json`: one object a line, with "
            "the route, the upstream, times and the reason of a failure, and of TLS its version, its suite, "
            "whether a session was resumed and whose certificate the client has; `upstream_attempts` lists the "
            "attempts, each with `server`, `status`, `reason`, `connect_time`, `header_time` and "
            "`response_time`, when there was more than one."),
    ROWS_LOG("redact", WR_T_WORDS, redact, .flags = WR_D_OFF, .grammar = "NAME ... | off",
             .help = "Query parameters and header fields whose values are written as `-`."),
    ROWS_LOG("sample", WR_T_INT, sample, .preset = "1", .min = 1, .max = 1000000,
             .help = "One request of so many is written; failed ones always are."),
    {.name = NULL},
};

const struct wr_directive_table wr_core_tables[] = {
    {rows_weir, WR_CLASS_WEIR, sizeof(struct wr_weir_conf), NULL},
    {wr_rows_server, WR_CLASS_SERVER, sizeof(struct wr_server_conf), NULL},
    {rows_route, WR_CLASS_ROUTE, sizeof(struct wr_route_conf), NULL},
    {wr_rows_upstream, WR_CLASS_UPSTREAM, sizeof(struct wr_upstream_conf), NULL},
    {rows_log, WR_CLASS_LOG, sizeof(struct wr_access_log_conf), NULL},
    {wr_rows_control, WR_CLASS_CONTROL, sizeof(struct wr_control_conf), NULL},
    {NULL, WR_CLASS_OWN, 0, NULL},
};
