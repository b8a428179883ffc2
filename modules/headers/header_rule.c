/*
 * What a header rule may say.  Fields that frame a message, or are about one
 * connection alone, are weir's own and nobody's to set: the answer says what
 * does the job instead.  It refuses what would split a header; what only a
 * request can bring is looked at again when it is there.
 */
#include "modules/headers/header_rule.h"

#define HEADER_RULE_MOST 99 /* rules for one field */

/* ---- fields that no rule is for ---- */

#define HEADER_RULE_ON_REQUEST 1u
#define HEADER_RULE_ON_RESPONSE 2u
#define HEADER_RULE_ON_BOTH 3u

struct header_rule_refused {
    enum wr_name id;
    unsigned on;
    const char *why;
};

static const struct header_rule_refused header_rule_refused[] = {
    {WR_N_HOST, HEADER_RULE_ON_REQUEST, "the key \"host\" says which one goes upstream"},
    {WR_N_CONTENT_LENGTH, HEADER_RULE_ON_BOTH, "weir itself says where a body ends"},
    {WR_N_TRANSFER_ENCODING, HEADER_RULE_ON_BOTH, "weir itself says where a body ends"},
    {WR_N_TRAILER, HEADER_RULE_ON_BOTH, "trailers pass without a rule"},
    {WR_N_TE, HEADER_RULE_ON_BOTH, "trailers pass without a rule"},
    {WR_N_CONNECTION, HEADER_RULE_ON_BOTH,
     "it is about one connection alone; kept connections and upgrades (WebSocket) need no rule"},
    {WR_N_UPGRADE, HEADER_RULE_ON_BOTH, "upgrades (WebSocket) pass without a rule"},
    {WR_N_HTTP2_SETTINGS, HEADER_RULE_ON_BOTH, "it is about one connection alone"},
    {WR_N_KEEP_ALIVE, HEADER_RULE_ON_REQUEST,
     "it is about one connection alone; see the key \"keepalive\" of [upstream]"},
    {WR_N_KEEP_ALIVE, HEADER_RULE_ON_RESPONSE,
     "it is about one connection alone; see the key \"keepalive_timeout\" of [weir]"},
    {WR_N_PROXY_CONNECTION, HEADER_RULE_ON_BOTH, "it is about one connection alone"},
    {WR_N_PROXY_AUTHORIZATION, HEADER_RULE_ON_BOTH,
     "it is for a proxy that asks for it; servers read Authorization"},
    {WR_N_PROXY_AUTHENTICATE, HEADER_RULE_ON_BOTH, "a proxy for a site asks with WWW-Authenticate"},
    {WR_N_PROXY_AUTHENTICATION_INFO, HEADER_RULE_ON_BOTH, "it is about a proxy that asked for a password"},
    {WR_N_EXPECT, HEADER_RULE_ON_REQUEST, "weir passes it on where the client asked for it"},
    {WR_N_VIA, HEADER_RULE_ON_BOTH, "weir keeps it and adds itself, so that loops are noticed"},
};

static const char *
header_rule_why_not(enum wr_name id, enum wr_header_side side)
{
    unsigned on = side == WR_HEADER_REQUEST ? HEADER_RULE_ON_REQUEST : HEADER_RULE_ON_RESPONSE;

    for (size_t i = 0; i < WR_ARRAY_LEN(header_rule_refused); i++) {
        if (header_rule_refused[i].id == id && header_rule_refused[i].on & on) {
            return header_rule_refused[i].why;
        }
    }
    return NULL;
}

/* Fields of a request that weir writes itself where no rule does: the server shall find one value. */
static bool
header_rule_is_single(enum wr_name id, enum wr_header_side side)
{
    switch (id) {
    case WR_N_X_FORWARDED_FOR:
    case WR_N_X_FORWARDED_HOST:
    case WR_N_X_FORWARDED_PROTO:
    case WR_N_X_REAL_IP:
    case WR_N_X_REQUEST_ID:
        return side == WR_HEADER_REQUEST;
    default:
        return false;
    }
}

/* ---- one rule ---- */

/* Takes "#N" off a name: N, 1 where there is none, 0 where it is no such number. */
static unsigned
header_rule_number(struct wr_str *name)
{
    ptrdiff_t hash = wr_str_find(*name, '#');
    uint64_t number;

    if (hash <= 0) { /* a name may begin with it */
        return 1;
    }
    struct wr_str digits = wr_str_make(name->p + hash + 1, name->n - (size_t)hash - 1);

    name->n = (size_t)hash;
    bool good = wr_str_u64(digits, HEADER_RULE_MOST, &number) && number >= 2 && digits.p[0] != '0';
    return good ? (unsigned)number : 0;
}

/* What is wrong with the name, or that there are several rules for it; NULL: nothing. */
static const char *
header_rule_judge_name(const struct wr_header_rule *rule, enum wr_header_side side)
{
    const char *why = header_rule_why_not(rule->id, side);

    if (why) {
        return why;
    }
    if (rule->number == 0) {
        return "a second rule for one field is called NAME#2, a third NAME#3, up to NAME#99";
    }
    if (header_rule_is_single(rule->id, side) && (rule->adds || rule->number > 1)) {
        return "weir sends one value; a rule without \"+\" and \"#\" replaces it";
    }
    return NULL;
}

static const char *
header_rule_judge_value(const struct wr_header_rule *rule, enum wr_header_side side, struct wr_str value)
{
    if (rule->adds && value.n == 0) {
        return "\"+\" adds a value, and none stands there";
    }
    if (rule->id == WR_N_DATE && side == WR_HEADER_RESPONSE && value.n == 0) {
        return "every response has a Date";
    }
    if (!wr_h1_is_value(value)) {
        return "a control byte or a line break would split the header";
    }
    return value.n > WR_HEADER_RULE_BYTES ? "longer than 8192 bytes" : NULL;
}

/* Makes *rule; a text that says what is wrong, or NULL. */
static const char *
header_rule_make(struct wr_pool *pool, enum wr_header_side side, const struct wr_map_entry *e,
                 struct wr_header_rule *rule)
{
    *rule = (struct wr_header_rule){.name = e->key, .adds = e->adds, .place = e->place};
    rule->number = header_rule_number(&rule->name);
    rule->id = wr_name_find(rule->name.p, rule->name.n);
    const char *why = header_rule_judge_name(rule, side);

    if (!why) {
        why = header_rule_judge_value(rule, side, e->value);
    }
    if (!why && e->value.n > 0) {
        rule->value = wr_template_compile(pool, e->value, &why);
    }
    return why;
}

static bool
header_rule_same_name(const struct wr_header_rule *a, const struct wr_header_rule *b)
{
    return a->id == b->id && (a->id != WR_N_OTHER || wr_str_ieq(a->name, b->name));
}

/* Beside those of its name, by number; a new name goes to the end. */
static void
header_rule_insert(struct wr_header_rules *rules, struct wr_header_rule rule)
{
    uint32_t at = rules->n;

    for (uint32_t i = 0; i < rules->n; i++) {
        if (!header_rule_same_name(&rules->v[i], &rule)) {
            continue;
        }
        at = i + 1;
        if (rules->v[i].number > rule.number) {
            at = i;
            break;
        }
    }
    memmove(&rules->v[at + 1], &rules->v[at], (rules->n - at) * sizeof(*rules->v));
    rules->v[at] = rule;
    rules->n++;
}

bool
wr_header_rules_make(struct wr_conf *cf, enum wr_header_side side, const struct wr_map *map,
                     struct wr_header_rules *rules)
{
    *rules = (struct wr_header_rules){.v = wr_pool_alloc(cf->pool, map->n * sizeof(*rules->v))};
    for (size_t i = 0; i < map->n; i++) {
        const struct wr_map_entry *e = &map->v[i];
        struct wr_header_rule rule;
        const char *why = header_rule_make(cf->pool, side, e, &rule);
        if (why) {
            wr_conf_error(cf, e->place, "%s_header.%.*s: %s",
                          side == WR_HEADER_REQUEST ? "request" : "response", WR_STR_ARG(e->key), why);
        } else {
            header_rule_insert(rules, rule);
        }
    }
    return rules->n == map->n;
}

struct wr_str
wr_header_rule_value(const struct wr_header_rule *rule, struct wr_req *r, const char **why)
{
    struct wr_str value = wr_template_expand(rule->value, r, WR_HEADER_RULE_BYTES);

    if (!value.p) {
        *why = "too_long";
    } else if (!wr_h1_is_value(value)) {
        *why = "control_byte";
        value = WR_STR_NONE;
    }
    return value;
}
