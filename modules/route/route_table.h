/*
 * Which server a host is of, and which route a path: a hash of names and a
 * radix tree of paths.  Built when the configuration is checked, read-only
 * afterwards; the cost of a look-up depends on what is looked up and not on
 * how much is configured.
 */
#ifndef WR_ROUTE_ROUTE_TABLE_H
#define WR_ROUTE_ROUTE_TABLE_H

#include "modules/route/route_rule.h"

struct wr_route_node;

/* The routes of a server. */
struct wr_route_table {
    struct wr_route_node *root;
};

/* A configured path as requests' paths are: "/caf%c3%a9" and the same in UTF-8 are one. */
struct wr_str wr_route_canon(struct wr_str path, struct wr_pool *pool);

/* Told of each route that is tried, in order, the one that fits included. */
typedef void wr_route_trace_fn(void *arg, const struct wr_route_rule *rule, enum wr_route_miss miss,
                               size_t which);

void wr_route_table_build(struct wr_route_table *t, struct wr_route *const *routes, size_t n,
                          struct wr_pool *pool);
/* By r->path, then the conditions; NULL: none.  trace may be NULL. */
const struct wr_route *wr_route_table_find(const struct wr_route_table *t, const struct wr_req *r,
                                           wr_route_trace_fn *trace, void *arg);

/* A server as the hosts of a listener point to it. */
struct wr_route_site {
    struct wr_server *server;
    struct wr_route_table table;
};

/* The names of a listener. */
struct wr_route_hosts {
    struct wr_strmap exact;
    struct wr_strmap below;    /* "example.com" of "*.example.com" */
    uint64_t depths;           /* bit n: a name in `below` has n labels (63: that many or more) */
    struct wr_route_site *any; /* "*" */
};

/* sites: of all servers, by their index. */
void wr_route_hosts_build(struct wr_route_hosts *h, const struct wr_listen *ls, struct wr_route_site *sites,
                          struct wr_pool *pool);
/* host: lower case, without port and final dot; may be empty.  NULL: none. */
struct wr_route_site *wr_route_hosts_find(const struct wr_route_hosts *h, struct wr_str host);

#endif
