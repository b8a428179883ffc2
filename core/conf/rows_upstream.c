/*
 * The rows of [upstream] and [control], and the values of their own kind that
 * they and `retry` and `resolver` have.
 */
#include "core/conf/rows_upstream.h"

#include "core/conf/types.h"

#define ROWS_DAY UINT64_C(86400000)
#define ROWS_PATH_BYTES 4095

/* ---------------------------------------------------------------- values of their own */

static bool
rows_upstream_key_parse(struct wr_pool *pool, struct wr_str word, struct wr_key *key)
{
    static const struct {
        const char *word;
        enum wr_key_kind kind;
    } kinds[] = {{"client_ip", WR_KEY_CLIENT_IP}, {"host", WR_KEY_HOST},
                 {"path", WR_KEY_PATH},           {"uri", WR_KEY_URI},
                 {"header.", WR_KEY_HEADER},      {"cookie.", WR_KEY_COOKIE},
                 {"query.", WR_KEY_QUERY}};

    for (size_t i = 0; i < WR_ARRAY_LEN(kinds); i++) {
        struct wr_str w = wr_str_of(kinds[i].word);
        bool named = w.p[w.n - 1] == '.';
        if (named ? !wr_str_starts(word, w) : !wr_str_eq(word, w)) {
            continue;
        }
        key->kind = kinds[i].kind;
        key->name = named ? wr_pool_str(pool, wr_str_make(word.p + w.n, word.n - w.n)) : WR_STR_NONE;
        return !named || wr_conf_token_ok(key->name);
    }
    return false;
}

static const struct wr_keyword rows_upstream_balance[] = {
    {"p2c", WR_BALANCE_P2C},
    {"round_robin", WR_BALANCE_ROUND_ROBIN},
    {"least_conn", WR_BALANCE_LEAST_CONN},
    {"ip_hash", WR_BALANCE_IP_HASH},
    {"hash", WR_BALANCE_HASH},
    {"ewma", WR_BALANCE_EWMA},
    {"random", WR_BALANCE_RANDOM},
    {NULL, 0},
};

static bool
rows_upstream_parse_balance(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_balance_conf got = {0};
    struct wr_str rest = value, word, key;
    const struct wr_keyword *k = rows_upstream_balance;

    *why = "no such way to balance";
    if (!wr_conf_word(pool, &rest, &word)) {
        return false;
    }
    while (k->word != NULL && !wr_str_eq(word, wr_str_of(k->word))) {
        k++;
    }
    if (k->word == NULL) {
        return false;
    }
    got.kind = k->value;
    if (got.kind == WR_BALANCE_HASH &&
        (!wr_conf_word(pool, &rest, &key) || !rows_upstream_key_parse(pool, key, &got.key))) {
        *why = "hash takes client_ip, host, path, uri, header.NAME, cookie.NAME or query.NAME";
        return false;
    }
    if (wr_conf_word(pool, &rest, &word)) {
        *why = "there is a word too many";
        return false;
    }
    *(struct wr_balance_conf *)field = got;
    return true;
}

static bool
rows_upstream_parse_sticky(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_str rest = value, word, name, more;

    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_str *)field = WR_STR_NONE;
        return true;
    }
    if (!wr_conf_word(pool, &rest, &word) || !wr_str_eq(word, WR_STR("cookie")) ||
        !wr_conf_word(pool, &rest, &name) || wr_conf_word(pool, &rest, &more) || !wr_conf_token_ok(name) ||
        name.n > 64) {
        *why = "it is the word cookie and the name of one";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, name);
    return true;
}

/* The next words of *rest are these, "N" a number, "T" a time, "P" a number with a percent sign. */
static bool
rows_upstream_phrase(struct wr_pool *pool, struct wr_str *rest, const char *phrase, uint64_t *values)
{
    struct wr_str form = wr_str_of(phrase), want, word;

    while (wr_str_word(&form, &want)) {
        if (!wr_conf_word(pool, rest, &word)) {
            return false;
        }
        if (word.n > 1 && word.p[word.n - 1] == ',') {
            word.n--; /* "for 30s, at most 50%" */
        }
        bool percent = wr_str_eq(want, WR_STR("P"));
        if (percent && (word.n < 2 || word.p[--word.n] != '%')) {
            return false;
        }
        if (percent || wr_str_eq(want, WR_STR("N"))) {
            if (!wr_str_u64(word, 10000000, values++)) {
                return false;
            }
        } else if (wr_str_eq(want, WR_STR("T"))) {
            if (!wr_conf_parse_time(word, values++)) {
                return false;
            }
        } else if (!wr_str_eq(want, word) &&
                   !(wr_str_eq(want, WR_STR("errors")) && wr_str_eq(word, WR_STR("error")))) {
            return false;
        }
    }
    return true;
}

static bool
rows_upstream_parse_queue(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_queue_conf *q = field;
    struct wr_str rest = value, more;
    uint64_t v[2];

    if (wr_str_eq(value, WR_STR("off"))) {
        *q = (struct wr_queue_conf){0};
        return true;
    }
    if (!rows_upstream_phrase(pool, &rest, "N for T", v) || wr_conf_word(pool, &rest, &more)) {
        *why = "not N for TIME";
        return false;
    }
    if (v[0] < 1 || v[0] > 1000000 || v[1] < 1 || v[1] > 3600000) {
        *why = "1 to 1000000 requests for 1ms to 1h";
        return false;
    }
    *q = (struct wr_queue_conf){.most = (uint32_t)v[0], .time_ms = v[1]};
    return true;
}

static bool
rows_upstream_parse_eject(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_str rest = value, more;
    uint64_t v[4] = {0, 0, 0, 50};

    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_eject_conf *)field = (struct wr_eject_conf){0};
        return true;
    }
    *why = "not N errors in TIME for TIME, at most N%";
    if (!rows_upstream_phrase(pool, &rest, "N errors in T for T", v)) {
        return false;
    }
    struct wr_str ahead = rest;
    if (wr_conf_word(pool, &ahead, &more) &&
        (!rows_upstream_phrase(pool, &rest, "at most P", v + 3) || wr_conf_word(pool, &rest, &more))) {
        return false;
    }
    if (v[0] < 1 || v[0] > 1000000 || v[1] < 100 || v[1] > ROWS_DAY || v[2] < 100 || v[2] > ROWS_DAY) {
        *why = "1 to 1000000 errors, times of 100ms to 1d";
        return false;
    }
    if (v[3] < 1 || v[3] > 100) {
        *why = "1% to 100%";
        return false;
    }
    *(struct wr_eject_conf *)field = (struct wr_eject_conf){
        .errors = (uint32_t)v[0], .window_ms = v[1], .out_ms = v[2], .most_percent = (uint32_t)v[3]};
    return true;
}

/* ---- health ---- */

static const struct wr_keyword rows_upstream_health_auto[] = {{"auto", 0}, {NULL, 0}};

static bool
rows_upstream_parse_health_path(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_str *)field = WR_STR_NONE;
        return true;
    }
    for (size_t i = 0; i < value.n; i++) {
        if ((unsigned char)value.p[i] <= ' ' || (unsigned char)value.p[i] >= 0x7f) {
            *why = "a byte that no path has";
            return false;
        }
    }
    if (value.n == 0 || value.n > 1024 || value.p[0] != '/') {
        *why = "a path begins with \"/\" and has 1024 bytes at most";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, value);
    return true;
}

static bool
rows_upstream_parse_health_host(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    for (size_t i = 0; i < value.n; i++) {
        if ((unsigned char)value.p[i] <= ' ' || (unsigned char)value.p[i] >= 0x7f) {
            *why = "a byte that no host has";
            return false;
        }
    }
    if (value.n == 0 || value.n > 255) {
        *why = "a host has 1 to 255 bytes";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, value);
    return true;
}

/* "200" or "200-399" */
static bool
rows_upstream_status_range(struct wr_str word, uint64_t *from, uint64_t *to)
{
    ptrdiff_t dash = wr_str_find(word, '-');
    struct wr_str a = dash < 0 ? word : wr_str_make(word.p, (size_t)dash);
    struct wr_str b = dash < 0 ? word : wr_str_make(word.p + dash + 1, word.n - (size_t)dash - 1);

    return a.n == 3 && b.n == 3 && wr_str_u64(a, 599, from) && wr_str_u64(b, 599, to) && *from >= 200 &&
        *to >= *from;
}

static bool
rows_upstream_parse_expect(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_health_expect got = {0};
    struct wr_str rest = value, word;
    uint64_t from, to;

    while (wr_conf_word(pool, &rest, &word)) {
        if (got.body.n > 0) {
            *why = "the text stands last";
            return false;
        }
        if (!rows_upstream_status_range(word, &from, &to)) {
            got.body = wr_pool_str(pool, word);
        } else if (got.n == WR_ARRAY_LEN(got.range)) {
            *why = "8 ranges at most";
            return false;
        } else {
            got.range[got.n].from = (uint16_t)from;
            got.range[got.n++].to = (uint16_t)to;
        }
    }
    if (got.n == 0 && got.body.n == 0) {
        *why = "nothing stands there";
        return false;
    }
    if (got.body.n > WR_HEALTH_TEXT_BYTES) {
        *why = "the text has 256 bytes at most";
        return false;
    }
    if (got.n == 0) {
        got.n = 1;
        got.range[0].from = 200;
        got.range[0].to = 399;
    }
    *(struct wr_health_expect *)field = got;
    return true;
}

/* ---- tls ---- */

static bool
rows_upstream_is_path(struct wr_str s)
{
    return s.n > 1 && s.n <= ROWS_PATH_BYTES && s.p[0] == '/' && s.p[s.n - 1] != '/';
}

static bool
rows_upstream_parse_tls_ca(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    if (!rows_upstream_is_path(value)) {
        *why = "not the absolute path of a file";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, value);
    return true;
}

/* A host name in lower case, or an IP address. */
static bool
rows_upstream_parse_tls_name(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    char *lower = wr_pool_alloc(pool, value.n + 1);
    struct wr_str name = wr_str_make(lower, value.n);
    struct wr_ip ip;
    bool label = false;

    wr_str_lower(lower, value);
    *why = "not the name of a host, nor an IP address; a port is no part of it";
    for (size_t i = 0; i < name.n && !wr_ip_parse(name, &ip); i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!letter && (c != '.' || !label)) {
            return false;
        }
        label = letter;
    }
    if (name.n > 0 && name.p[name.n - 1] == '.') {
        name.n--; /* certificates say it without */
    }
    *(struct wr_str *)field = name;
    return name.n > 0 && name.n <= 253;
}

static bool
rows_upstream_parse_tls_cert(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_str rest = value, cert, key, more;

    if (!wr_conf_word(pool, &rest, &cert) || !wr_conf_word(pool, &rest, &key) ||
        wr_conf_word(pool, &rest, &more) || !rows_upstream_is_path(cert) || !rows_upstream_is_path(key)) {
        *why = "not the absolute paths of two files, a certificate and its key";
        return false;
    }
    *(struct wr_tls_pair *)field =
        (struct wr_tls_pair){.cert = wr_pool_str(pool, cert), .key = wr_pool_str(pool, key)};
    return true;
}

/* ---- retry, resolver ---- */

const struct wr_keyword wr_rows_retry_words[] = {{"connect", 0}, {"idempotent", 0}, {"off", 0}, {NULL, 0}};
const struct wr_keyword wr_rows_resolver_words[] = {{"system", 0}, {NULL, 0}};

static bool
rows_upstream_retry_statuses(struct wr_str list, struct wr_retry_conf *rt)
{
    uint64_t status;

    while (list.n > 0) {
        ptrdiff_t comma = wr_str_find(list, ',');
        struct wr_str one = comma < 0 ? list : wr_str_make(list.p, (size_t)comma);
        list = comma < 0 ? WR_STR_NONE : wr_str_make(list.p + comma + 1, list.n - (size_t)comma - 1);
        if (one.n != 3 || !wr_str_u64(one, 599, &status) || status < 400 ||
            rt->statuses_n == WR_ARRAY_LEN(rt->statuses)) {
            return false;
        }
        rt->statuses[rt->statuses_n++] = (uint16_t)status;
    }
    return rt->statuses_n > 0;
}

bool
wr_rows_parse_retry(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_retry_conf got = {.times = 2};
    struct wr_str rest = value, word;
    uint64_t times;
    bool any = false;

    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_retry_conf *)field = (struct wr_retry_conf){0};
        return true;
    }
    while (wr_conf_word(pool, &rest, &word)) {
        if (wr_str_eq(word, WR_STR("connect"))) {
            any = got.connect = true;
        } else if (wr_str_eq(word, WR_STR("idempotent"))) {
            any = got.idempotent = true;
        } else if (wr_str_starts(word, WR_STR("status:"))) {
            any = true;
            if (!rows_upstream_retry_statuses(wr_str_make(word.p + 7, word.n - 7), &got)) {
                *why = "status: takes up to 16 codes from 400 to 599, with commas between them";
                return false;
            }
        } else if (wr_str_starts(word, WR_STR("times:")) &&
                   wr_str_u64(wr_str_make(word.p + 6, word.n - 6), 8, &times) && times > 0) {
            got.times = (uint32_t)times;
        } else {
            *why = wr_str_starts(word, WR_STR("times:")) ? "times: takes 1 to 8" : "an unknown word";
            return false;
        }
    }
    if (!any) {
        *why = "nothing says when";
        return false;
    }
    *(struct wr_retry_conf *)field = got;
    return true;
}

bool
wr_rows_parse_resolver(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_addrs got = {0};
    struct wr_str rest = value, word;

    got.v = wr_pool_zalloc(pool, WR_RESOLVERS * sizeof(*got.v));
    while (!wr_str_eq(value, WR_STR("system")) && wr_conf_word(pool, &rest, &word)) {
        struct wr_ip ip;
        if (got.n == WR_RESOLVERS) {
            *why = "8 addresses at most";
            return false;
        }
        if (wr_ip_parse(word, &ip)) {
            wr_addr_of_ip(&ip, 53, &got.v[got.n++]);
        } else if (wr_addr_parse(word, &got.v[got.n], why) && got.v[got.n].sa.sa_family != AF_UNIX) {
            got.n++;
        } else {
            *why = "not IP or IP:PORT";
            return false;
        }
    }
    *(struct wr_addrs *)field = got;
    return true;
}

/* ---- control ---- */

static bool
rows_upstream_parse_socket(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_str *)field = value;
        return true;
    }
    if (value.n < 2 || value.n > 100 || value.p[0] != '/' || value.p[value.n - 1] == '/') {
        *why = "not an absolute path of 100 bytes at most";
        return false;
    }
    *(struct wr_str *)field = wr_pool_str(pool, value);
    return true;
}

/* ---------------------------------------------------------------- rows */

#define ROWS_UPSTREAM(key, type_, field, ...)                                                                \
    {                                                                                                        \
        .name = key, .type = type_, .class_ = WR_CLASS_UPSTREAM, .where = WR_IN_UPSTREAM,                    \
        .offset = offsetof(struct wr_upstream_conf, field), __VA_ARGS__                                      \
    }

const struct wr_directive wr_rows_upstream[] = {
    ROWS_UPSTREAM(
        "server", WR_T_WORDS, server, .grammar = "ADDRESS ...",
        .help =
            "The servers of the upstream, by address: `10.0.0.1:8080`, `[fd00::1]:8080`, "
            "`app.internal:8080`, `unix:/run/app.sock`, `https://app.example` (see `tls`).  A name is one server: its addresses are tried "
            "in turn until one takes the connection.  A name that does not resolve does not stop "
            "weir; it is tried again.  `dns:NAME:PORT` makes each address of the name a server, "
            "`srv:NAME` each target of its SRV records (with their weights; the best priority serves, "
            "the others are backups), `file:PATH` each line of a file (`ADDRESS [weight=N] [backup] "
            "[max=N]`, `#` begins a comment), which is looked at again within a second of a change.  "
            "Such servers come and go without a reload: new ones start slowly, vanished ones finish what "
            "they have."),
    ROWS_UPSTREAM(
        "server.*", WR_T_MAP, server_named, .grammar = "ADDRESS [weight=N] [backup] [max=N]",
        .help = "A server with a name of its own, which is its label in logs and metrics.  `weight=2`: it "
                "gets twice as many requests as one of weight 1 (1 to 1000).  `backup`: it is used only "
                "when no other can be.  `max=N`: so many requests at once at most."),
    ROWS_UPSTREAM(
        "balance", WR_T_PARSED, balance, .preset = "p2c", .parse = rows_upstream_parse_balance,
        .words = rows_upstream_balance,
        .grammar = "p2c | round_robin | least_conn | ip_hash | hash KEY | ewma | random",
        .help =
            "How a server is chosen.  `p2c`: of two random ones the one with fewer requests in flight, by "
            "weight.  `round_robin`: in turn, evenly mixed by weight, one turn for all workers.  "
            "`least_conn`: the one with the fewest requests in flight by weight.  `ip_hash`: by the client's "
            "address (IPv4 by /24, IPv6 by /64).  `hash KEY`: by `client_ip`, `host`, `path`, `uri` (path "
            "and query), `header.NAME`, `cookie.NAME` or `query.NAME`, on a consistent ring: when a server "
            "goes only its own keys move; a request without such a key is given to a random one.  `ewma`: of "
            "two random ones the one whose recent response time, times its requests in flight, is less.  "
            "`random`: by weight alone.  Requests in flight are counted over all workers."),
    ROWS_UPSTREAM(
        "sticky", WR_T_PARSED, sticky_cookie, .preset = "off", .parse = rows_upstream_parse_sticky,
        .grammar = "cookie NAME | off",
        .help =
            "A client stays with its server by a cookie of that name: `HttpOnly`, `SameSite=Lax`, for the "
            "session, `Secure` over HTTPS.  Its value says nothing and cannot be made up.  The client is "
            "given to another server only when its own may not be used any more; one that drains keeps "
            "its clients, and one that is full makes them wait in the queue."),
    ROWS_UPSTREAM("sticky.key", WR_T_TEXT, sticky_key, .flags = WR_D_SECRET, .grammar = "TEXT | @/PATH",
                  .help =
                      "The secret that sticky cookies are made with.  Unset: a random one, kept until weir "
                      "is stopped.  Set it where several machines serve one site, or cookies shall outlive "
                      "a restart; 16 characters at least."),
    ROWS_UPSTREAM(
        "queue", WR_T_PARSED, queue, .preset = "off", .parse = rows_upstream_parse_queue,
        .grammar = "N for TIME | off",
        .help =
            "When every server has `max` requests: so many more wait, first come, first served, each for that "
            "long at most, in all workers together.  One that cannot be served in time, as things are, is "
            "answered 503 with Retry-After at once (reason `queue_full`).  `off`: all of them are."),
    ROWS_UPSTREAM("slow_start", WR_T_TIME, slow_start_ms, .preset = "10s", .flags = WR_D_OFF, .max = 3600000,
                  .help =
                      "A server that comes back, or comes new, gets a tenth of its share first, and all of "
                      "it after that time."),
    ROWS_UPSTREAM(
        "eject", WR_T_PARSED, eject, .preset = "5 errors in 10s for 30s, at most 50%",
        .parse = rows_upstream_parse_eject, .grammar = "N errors in TIME for TIME, at most N% | off",
        .help =
            "A server that fails requests is taken out of rotation.  Errors are connections that could not "
            "be made, silence beyond a timeout, responses that are no HTTP or break off, and 5xx; they "
            "count when at least half of what the server answered since the first was one.  After that time one request tries it "
            "again: it comes back when that succeeds, and stays out for twice as long (up to ten times) "
            "when it does not.  Never more than that part of the servers is out (`at most`, preset 50%); "
            "with all that are left down, the ejected ones are used."),
    ROWS_UPSTREAM(
        "health.path", WR_T_PARSED, health_path, .preset = "off", .parse = rows_upstream_parse_health_path,
        .grammar = "PATH | off",
        .help =
            "The keeper asks each server for that path (GET, on a new connection each time) and takes it out "
            "of rotation when the answers are not `health.expect`.  Without a path, but with a "
            "`health.interval`: whether it takes connections.  Of several addresses of a server the first "
            "that takes the connection decides.  Servers that are down or drain by hand are checked as well; "
            "what was found out stays over reloads."),
    ROWS_UPSTREAM("health.interval", WR_T_TIME, health_interval_ms, .preset = "auto",
                  .words = rows_upstream_health_auto, .min = 100, .max = ROWS_DAY,
                  .help = "The time between two checks of a server; a tenth of it is random.  "
                          "`auto`: 2s where there is a `health.path`, else no checks."),
    ROWS_UPSTREAM("health.timeout", WR_T_TIME, health_timeout_ms, .preset = "2s", .min = 10, .max = 3600000,
                  .help = "A check that has taken that long, from connecting to its verdict, has failed."),
    ROWS_UPSTREAM(
        "health.expect", WR_T_PARSED, health_expect, .preset = "200-399", .parse = rows_upstream_parse_expect,
        .grammar = "CODE|CODE-CODE ... [\"TEXT\"]",
        .help =
            "Which answers are good: statuses and ranges of them, and a text that the first 16 KiB of the "
            "body have to hold (as sent, no content coding is undone).  Without a text the body is not read."),
    ROWS_UPSTREAM("health.host", WR_T_PARSED, health_host, .parse = rows_upstream_parse_health_host,
                  .grammar = "HOST[:PORT]",
                  .help = "Host in checks.  Unset: the server's address; `localhost` for a unix socket."),
    ROWS_UPSTREAM("health.rise", WR_T_INT, health_rise, .preset = "2", .min = 1, .max = 1000,
                  .help = "So many good checks in a row bring a server back."),
    ROWS_UPSTREAM("health.fall", WR_T_INT, health_fall, .preset = "3", .min = 1, .max = 1000,
                  .help =
                      "So many bad checks in a row take it out.  The first check of a server that was not "
                      "known before decides at once."),
    ROWS_UPSTREAM("keepalive", WR_T_INT, keepalive, .preset = "64", .flags = WR_D_OFF, .max = 100000,
                  .help = "How many idle connections to the upstream are kept, in all workers together."),
    ROWS_UPSTREAM(
        "keepalive_timeout", WR_T_TIME, keepalive_idle_ms, .preset = "60s", .min = 1000, .max = ROWS_DAY,
        .help = "How long an idle connection is kept; shorter where the server announces a shorter time."),
    ROWS_UPSTREAM(
        "tls", WR_T_BOOL, tls, .preset = "off",
        .help =
            "The servers are reached by TLS (1.2 or 1.3), health checks too.  Their certificates have to be "
            "signed by an authority that is trusted (`tls.ca`), to be within their time, and to be for the "
            "server (`tls.name`); whether one was revoked is not asked.  `timeout.connect` bounds connecting "
            "and handshake together.  `server = https://HOST[:PORT]` (preset port 443) says the same.  "
            "Handshakes that fail have reasons of their own (`upstream_tls_...` in weir-reasons(7)), count "
            "for `eject`, and let another server be tried like connections that could not be made."),
    ROWS_UPSTREAM("tls.ca", WR_T_PARSED, tls_ca, .parse = rows_upstream_parse_tls_ca, .grammar = "PATH",
                  .help =
                      "A file of authorities in PEM that certificates of the servers may be signed by, "
                      "and no others.  A file that changes is taken into use by itself.  Unset: those that "
                      "the system trusts, as they are when weir starts or reloads."),
    ROWS_UPSTREAM(
        "tls.name", WR_T_PARSED, tls_name, .parse = rows_upstream_parse_tls_name, .grammar = "HOST",
        .help =
            "Whom the certificates of all servers have to be for, and the name that they are asked for (SNI; "
            "none when it is an IP address).  Unset: each server's own host: the name or IP address that it is "
            "configured with; NAME for `dns:NAME:PORT`; the target's name for `srv:NAME` and the line's for "
            "`file:PATH`, so set it where DNS or the file may not decide whom to trust.  A server that is a "
            "unix socket has no host and needs it."),
    ROWS_UPSTREAM("tls.verify", WR_T_BOOL, tls_verify, .preset = "on",
                  .help =
                      "`off`: any certificate is taken.  Connections can then be read and changed by whoever "
                      "stands between weir and the server, and `weir -t` warns of it."),
    ROWS_UPSTREAM(
        "tls.cert", WR_T_PARSED, tls_cert, .parse = rows_upstream_parse_tls_cert, .grammar = "CERT KEY",
        .help = "The certificate (with the chain behind it) and key that weir shows to servers which ask "
                "for one, as two files in PEM.  The master reads them, so `user` need not be able to; "
                "files that change are taken into use by themselves."),
    {.name = NULL},
};

#define ROWS_CONTROL(key, type_, field, ...)                                                                 \
    {                                                                                                        \
        .name = key, .type = type_, .class_ = WR_CLASS_CONTROL, .where = WR_IN_CONTROL,                      \
        .offset = offsetof(struct wr_control_conf, field), __VA_ARGS__                                       \
    }

const struct wr_directive wr_rows_control[] = {
    ROWS_CONTROL(
        "socket", WR_T_PARSED, socket, .parse = rows_upstream_parse_socket, .grammar = "PATH | off",
        .help = "The socket that weirctl(8) talks to.  Unset: `weir.sock` beside `pid`; where it cannot be "
                "made, weir goes on without it.  `off`: there is none."),
    ROWS_CONTROL(
        "group", WR_T_TEXT, group, .grammar = "GROUP",
        .help = "Members of that group may use the socket (mode 0660).  Unset: only the user who started "
                "weir, and root (mode 0600).  Where root started it, `user` may not in any case."),
    {.name = NULL},
};
