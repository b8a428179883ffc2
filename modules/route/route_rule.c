/*
 * Conditions.  Methods and values are compared byte by byte and names of
 * fields in any case; of several fields or parameters of one name the first
 * counts, so that two exact values exclude each other.
 */
#include "modules/route/route_rule.h"

static void
route_rule_cond(struct wr_route_cond *c, const struct wr_map_entry *e)
{
    *c = (struct wr_route_cond){
        .name = e->key,
        .text = e->value,
        .id = (uint16_t)wr_name_find(e->key.p, e->key.n),
        .any = wr_str_eq(e->value, WR_STR("*")),
        .prefix = wr_str_ends(e->value, WR_STR("*")),
    };
    if (c->prefix) {
        c->text.n--;
    }
}

static struct wr_route_cond *
route_rule_conds(const struct wr_map *m, struct wr_pool *pool)
{
    struct wr_route_cond *v = wr_pool_alloc(pool, m->n * sizeof(*v));

    for (size_t i = 0; i < m->n; i++) {
        route_rule_cond(&v[i], &m->v[i]);
    }
    return v;
}

void
wr_route_rule_make(struct wr_route_rule *rule, const struct wr_route *rt, struct wr_pool *pool)
{
    rule->route = rt;
    rule->methods = 0;
    for (size_t i = 0; i < rt->conf.if_method.n; i++) {
        struct wr_str word = rt->conf.if_method.v[i];
        rule->methods |= 1U << wr_method_find(word.p, word.n);
    }
    rule->headers = route_rule_conds(&rt->conf.if_header, pool);
    rule->queries = route_rule_conds(&rt->conf.if_query, pool);
}

static bool
route_rule_method(const struct wr_route_rule *rule, const struct wr_req *r)
{
    const struct wr_words *words = &rule->route->conf.if_method;

    if (!(rule->methods >> r->method_id & 1)) {
        return false;
    }
    if (r->method_id != WR_M_OTHER) {
        return true;
    }
    for (size_t i = 0; i < words->n; i++) {
        if (wr_str_eq(words->v[i], r->method)) {
            return true;
        }
    }
    return false;
}

static bool
route_rule_client(const struct wr_route_rule *rule, const struct wr_req *r)
{
    const struct wr_cidrs *nets = &rule->route->conf.if_client;

    for (size_t i = 0; i < nets->n; i++) {
        if (wr_cidr_has(&nets->v[i], &r->client_ip)) {
            return true;
        }
    }
    return false;
}

static bool
route_rule_header(const struct wr_route_cond *c, const struct wr_req *r)
{
    const struct wr_field *f =
        c->id != WR_N_OTHER ? wr_head_find(&r->req, c->id) : wr_head_find_name(&r->req, c->name, NULL);

    if (!f || c->any) {
        return f != NULL;
    }
    return c->prefix ? wr_str_starts(f->value, c->text) : wr_str_eq(f->value, c->text);
}

static bool
route_rule_query(const struct wr_route_cond *c, const struct wr_req *r)
{
    struct wr_str value;

    return wr_uri_query_find(r->uri.query, c->name, &value) &&
        (c->any || wr_uri_decodes_to(value, c->text, c->prefix));
}

enum wr_route_miss
wr_route_rule_try(const struct wr_route_rule *rule, const struct wr_req *r, size_t *which)
{
    const struct wr_route_conf *conf = &rule->route->conf;

    if (rule->methods != 0 && !route_rule_method(rule, r)) {
        return WR_ROUTE_METHOD;
    }
    if (conf->if_client.n > 0 && !route_rule_client(rule, r)) {
        return WR_ROUTE_CLIENT;
    }
    for (size_t i = 0; i < conf->if_header.n; i++) {
        if (!route_rule_header(&rule->headers[i], r)) {
            *which = i;
            return WR_ROUTE_HEADER;
        }
    }
    for (size_t i = 0; i < conf->if_query.n; i++) {
        if (!route_rule_query(&rule->queries[i], r)) {
            *which = i;
            return WR_ROUTE_QUERY;
        }
    }
    return WR_ROUTE_FITS;
}
