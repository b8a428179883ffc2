/*
 * Chains of proxies.  Lists are cut at commas before anything else is read,
 * so that nothing that a client wrote on the left changes how the words of
 * proxies on the right are read.
 */
#include "modules/identity/trusted.h"

#include "modules/identity/forwarded.h"

#define TRUSTED_HOPS 32 /* of a chain, from the right; what is further left is not looked at */

/* One hop of a chain as a proxy reported it. */
struct trusted_hop {
    struct wr_str node;
    struct wr_str proto;
    struct wr_str host;
};

/* The last TRUSTED_HOPS hops; seen counts all. */
struct trusted_chain {
    struct trusted_hop v[TRUSTED_HOPS];
    unsigned seen;
};

bool
wr_trusted_is(const struct wr_req *r, const struct wr_ip *ip)
{
    const struct wr_cidrs *proxies = &r->sv->model->weir.trusted_proxies;

    for (size_t i = 0; i < proxies->n; i++) {
        if (wr_cidr_has(&proxies->v[i], ip)) {
            return true;
        }
    }
    return false;
}

static void
trusted_chain_add(struct trusted_chain *ch, struct trusted_hop hop)
{
    ch->v[ch->seen++ % TRUSTED_HOPS] = hop;
}

/* The hop that stands i places from the right. */
static const struct trusted_hop *
trusted_chain_at(const struct trusted_chain *ch, unsigned i)
{
    return &ch->v[(ch->seen - 1 - i) % TRUSTED_HOPS];
}

static unsigned
trusted_chain_n(const struct trusted_chain *ch)
{
    return WR_MIN(ch->seen, (unsigned)TRUSTED_HOPS);
}

bool
wr_trusted_member(struct wr_str *rest, struct wr_str *member)
{
    while (rest->n > 0) {
        ptrdiff_t comma = wr_str_find(*rest, ',');
        size_t end = comma < 0 ? rest->n : (size_t)comma;
        size_t used = WR_MIN(end + 1, rest->n);
        *member = wr_str_trim(wr_str_make(rest->p, end));
        *rest = wr_str_make(rest->p + used, rest->n - used);
        if (member->n > 0) {
            return true;
        }
    }
    return false;
}

/* All fields of that name, as one list. */
static void
trusted_chain_read(struct trusted_chain *ch, const struct wr_head *h, enum wr_name id)
{
    ch->seen = 0;
    for (const struct wr_field *f = wr_head_find(h, id); f; f = wr_head_next(h, id, f)) {
        struct wr_str rest = f->value;
        struct wr_str member;
        while (wr_trusted_member(&rest, &member)) {
            trusted_chain_add(ch, (struct trusted_hop){.node = member});
        }
    }
}

static bool
trusted_is_readable(struct wr_str value)
{
    enum wr_forwarded_verdict verdict;
    struct wr_forwarded el;

    do {
        verdict = wr_forwarded_next(&value, &el);
    } while (verdict == WR_FORWARDED_OK);
    return verdict == WR_FORWARDED_END;
}

/* The part of s behind its last `most` commas but for the first of these; s itself when it has fewer. */
static struct wr_str
trusted_last_members(struct wr_str s, unsigned most)
{
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == ',' && most-- == 0) {
            return wr_str_make(s.p + i, s.n - i);
        }
    }
    return s;
}

/* What a proxy appended to rubbish: the longest end that begins behind a comma and can be read. */
static struct wr_str
trusted_readable_end(struct wr_str value)
{
    value = trusted_last_members(value, TRUSTED_HOPS);
    while (!trusted_is_readable(value)) {
        ptrdiff_t comma = wr_str_find(value, ',');
        size_t used = comma < 0 ? value.n : (size_t)comma + 1;
        value = wr_str_make(value.p + used, value.n - used);
    }
    return value;
}

/* Sets *bad when one of the fields can be read in part only; what is left of that part ends the chain. */
static void
trusted_chain_read_forwarded(struct trusted_chain *ch, const struct wr_head *h, bool *bad)
{
    ch->seen = 0;
    for (const struct wr_field *f = wr_head_find(h, WR_N_FORWARDED); f;
         f = wr_head_next(h, WR_N_FORWARDED, f)) {
        struct wr_str rest = f->value;
        struct wr_forwarded el;
        if (!trusted_is_readable(rest)) {
            *bad = true;
            rest = trusted_readable_end(rest);
            trusted_chain_add(ch, (struct trusted_hop){0});
        }
        while (wr_forwarded_next(&rest, &el) == WR_FORWARDED_OK) {
            trusted_chain_add(ch, (struct trusted_hop){el.node, el.proto, el.host});
        }
    }
}

/* The peer is trusted: walks to the left as long as who is named there is trusted too. */
static void
trusted_walk(const struct wr_req *r, const struct trusted_chain *ch, struct wr_trusted_word *word)
{
    unsigned n = trusted_chain_n(ch);

    while (word->hops < n) {
        struct wr_ip ip;
        const struct trusted_hop *hop = trusted_chain_at(ch, word->hops++);
        if (!wr_ip_parse_node(hop->node, &ip)) {
            return; /* "unknown", "_hidden", rubbish: who sent it is the last that is known */
        }
        word->client = ip;
        word->has_client = true;
        if (!wr_trusted_is(r, &ip)) {
            return;
        }
    }
}

static struct wr_str
trusted_scheme(struct wr_str s)
{
    if (wr_str_ieq(s, WR_STR("https")) || wr_str_ieq(s, WR_STR("wss"))) {
        return WR_STR("https");
    }
    if (wr_str_ieq(s, WR_STR("http")) || wr_str_ieq(s, WR_STR("ws"))) {
        return WR_STR("http");
    }
    return WR_STR_NONE;
}

static struct wr_str
trusted_host(struct wr_str s)
{
    struct wr_str host;
    uint16_t port;
    bool has_port;

    return wr_uri_host_port(s, &host, &port, &has_port) ? s : WR_STR_NONE;
}

/* ---- Forwarded ---- */

/* proto and host as the proxy said that is nearest to the client and has said it. */
static void
trusted_read_forwarded(const struct wr_req *r, struct trusted_chain *ch, struct wr_trusted_word *word)
{
    trusted_chain_read_forwarded(ch, &r->req, &word->malformed);
    trusted_walk(r, ch, word);
    for (unsigned i = word->hops; i-- > 0;) {
        const struct trusted_hop *hop = trusted_chain_at(ch, i);
        if (word->scheme.n == 0) {
            word->scheme = trusted_scheme(hop->proto);
        }
        if (word->host.n == 0) {
            word->host = trusted_host(hop->host);
        }
    }
}

/* ---- X-Forwarded-* ---- */

/* Of a list that grows as X-Forwarded-For does, the member beside the client's; of a shorter one the first. */
static struct wr_str
trusted_beside(const struct wr_head *h, enum wr_name id, unsigned hops)
{
    struct trusted_chain ch;

    if (!wr_head_has(h, id)) {
        return WR_STR_NONE;
    }
    trusted_chain_read(&ch, h, id);
    unsigned n = trusted_chain_n(&ch);
    return n == 0 ? WR_STR_NONE : trusted_chain_at(&ch, WR_MIN(WR_MAX(hops, 1U), n) - 1)->node;
}

static void
trusted_read_x(const struct wr_req *r, struct trusted_chain *ch, struct wr_trusted_word *word)
{
    const struct wr_head *h = &r->req;

    trusted_chain_read(ch, h, WR_N_X_FORWARDED_FOR);
    trusted_walk(r, ch, word);
    if (ch->seen == 0 && wr_head_has(h, WR_N_X_REAL_IP)) {
        word->has_client = wr_ip_parse_node(wr_head_value(h, WR_N_X_REAL_IP), &word->client);
        word->chain = word->has_client ? wr_head_value(h, WR_N_X_REAL_IP) : WR_STR_NONE;
    }
    word->scheme = trusted_scheme(trusted_beside(h, WR_N_X_FORWARDED_PROTO, word->hops));
    word->host = trusted_host(trusted_beside(h, WR_N_X_FORWARDED_HOST, word->hops));
}

/* ---- what goes on upstream ---- */

/* X-Forwarded-For as it came, else what X-Real-IP said; one field is passed without a copy. */
static struct wr_str
trusted_join_x(struct wr_req *r, const struct wr_trusted_word *word)
{
    const struct wr_field *first = wr_head_find(&r->req, WR_N_X_FORWARDED_FOR);
    size_t n = 0;

    if (!first || !wr_head_next(&r->req, WR_N_X_FORWARDED_FOR, first)) {
        return first ? first->value : word->chain;
    }
    for (const struct wr_field *f = first; f; f = wr_head_next(&r->req, WR_N_X_FORWARDED_FOR, f)) {
        n += f->value.n + 2;
    }
    char *p = wr_pool_alloc(&r->pool, n);
    struct wr_out o;
    wr_out_init(&o, p, n);
    for (const struct wr_field *f = first; f; f = wr_head_next(&r->req, WR_N_X_FORWARDED_FOR, f)) {
        if (f->value.n == 0) {
            continue;
        }
        if (o.p > p) {
            wr_out_lit(&o, ", ");
        }
        wr_out_str(&o, f->value);
    }
    return wr_str_make(p, (size_t)(o.p - p));
}

/* The chain of Forwarded in the words of X-Forwarded-For. */
static struct wr_str
trusted_join_forwarded(struct wr_req *r, const struct trusted_chain *ch)
{
    unsigned n = trusted_chain_n(ch);
    size_t room = n * (size_t)(INET6_ADDRSTRLEN + 2);
    char *p = wr_pool_alloc(&r->pool, room);
    struct wr_out o;

    wr_out_init(&o, p, room);
    for (unsigned i = n; i-- > 0;) {
        struct wr_ip ip;
        char text[WR_ADDR_TEXT_BYTES];
        if (wr_ip_parse_node(trusted_chain_at(ch, i)->node, &ip)) {
            wr_out_mem(&o, text, wr_ip_text(&ip, text));
        } else {
            wr_out_lit(&o, "unknown");
        }
        if (i > 0) {
            wr_out_lit(&o, ", ");
        }
    }
    return wr_str_make(p, (size_t)(o.p - p));
}

static bool
trusted_differs(struct wr_str a, struct wr_str b)
{
    return a.n > 0 && b.n > 0 && !wr_str_ieq(a, b);
}

static bool
trusted_has_x(const struct wr_head *h)
{
    return wr_head_has(h, WR_N_X_FORWARDED_FOR) || wr_head_has(h, WR_N_X_FORWARDED_PROTO) ||
        wr_head_has(h, WR_N_X_FORWARDED_HOST) || wr_head_has(h, WR_N_X_REAL_IP);
}

/* ---- both ---- */

/* Where Forwarded and X-Forwarded-* both speak, the first wins; what it does not say the second may. */
static void
trusted_merge(struct wr_req *r, struct wr_trusted_word *word, bool said_client)
{
    struct trusted_chain ch;
    struct wr_trusted_word x = {0};

    trusted_read_x(r, &ch, &x);
    word->disagrees = (x.has_client && word->has_client && !wr_ip_eq(&x.client, &word->client)) ||
        trusted_differs(x.scheme, word->scheme) || trusted_differs(x.host, word->host);
    if (!said_client) {
        word->has_client = x.has_client;
        word->client = x.client;
        word->chain = trusted_join_x(r, &x);
    }
    if (word->scheme.n == 0) {
        word->scheme = x.scheme;
    }
    if (word->host.n == 0) {
        word->host = x.host;
    }
}

void
wr_trusted_read(struct wr_req *r, struct wr_trusted_word *word)
{
    struct trusted_chain ch;

    *word = (struct wr_trusted_word){0};
    if (!wr_head_has(&r->req, WR_N_FORWARDED)) {
        trusted_read_x(r, &ch, word);
        word->chain = trusted_join_x(r, word);
        return;
    }
    trusted_read_forwarded(r, &ch, word);
    word->chain = trusted_join_forwarded(r, &ch);
    if (trusted_has_x(&r->req)) {
        trusted_merge(r, word, word->malformed || (ch.seen > 0 && trusted_chain_at(&ch, 0)->node.p));
    }
}
