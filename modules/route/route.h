/*
 * What the route module keeps on each route, and its part of weir explain.
 */
#ifndef WR_ROUTE_ROUTE_H
#define WR_ROUTE_ROUTE_H

#include "modules/route/route_table.h"

struct wr_route_mconf {
    unsigned module;                    /* our index: the way to the struct of another route */
    struct wr_str strip;                /* canonical */
    const struct wr_route_hosts *hosts; /* on a listener's preset route: its names */
};

/* Which server and route, and why the others lost: by the same walk that served r. */
void wr_route_explain(struct wr_explain *ex, const struct wr_route *rt, const void *conf);

#endif
