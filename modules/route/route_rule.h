/*
 * One route as the walk tries it: its conditions (if.*), made ready for
 * comparing.
 */
#ifndef WR_ROUTE_ROUTE_RULE_H
#define WR_ROUTE_ROUTE_RULE_H

#include "core/module.h"

/* What kept a route from being taken. */
enum wr_route_miss {
    WR_ROUTE_FITS,
    WR_ROUTE_METHOD,
    WR_ROUTE_CLIENT,
    WR_ROUTE_HEADER, /* `which` of conf.if_header */
    WR_ROUTE_QUERY,  /* `which` of conf.if_query */
};

/* if.header.NAME or if.query.NAME: exactly `text`, beginning with it, or (any) whatever it is. */
struct wr_route_cond {
    struct wr_str name;
    struct wr_str text;
    uint16_t id; /* header: enum wr_name */
    bool any;
    bool prefix;
};

struct wr_route_rule {
    const struct wr_route *route;
    uint32_t methods; /* bits of enum wr_method; 0 together with no other word: any */
    struct wr_route_cond *headers;
    struct wr_route_cond *queries;
};

void wr_route_rule_make(struct wr_route_rule *rule, const struct wr_route *rt, struct wr_pool *pool);
/* *which only with HEADER and QUERY. */
enum wr_route_miss wr_route_rule_try(const struct wr_route_rule *rule, const struct wr_req *r, size_t *which);

#endif
