/*
 * weir explain: what would happen to a request, told through the same code
 * that serves it.
 */
#ifndef WR_HTTP_EXPLAIN_H
#define WR_HTTP_EXPLAIN_H

#include <stdio.h>

#include "core/http/request.h"

/* Passed to each module's explain: prints indented lines to `to`. */
struct wr_explain {
    FILE *to;
    struct wr_req *r; /* after HEAD and ROUTE */
    bool answered;    /* set by a module that answers in GUARD: nothing comes after it */
};

/* "what: NAME (FILE:LINE): why"; a name or place that is none is left out.  The reason is text of our own or has
 * passed wr_escape; names are escaped here. */
void wr_explain_say(const struct wr_explain *ex, const char *what, struct wr_str name, struct wr_place place,
                    const char *why, ...) WR_PRINTF(5, 6);
/* The same, indented, for what did not come to it. */
void wr_explain_lost(const struct wr_explain *ex, struct wr_str name, struct wr_place place, const char *why,
                     ...) WR_PRINTF(4, 5);
/* Bytes of the request or the configuration, fit for a terminal; memory from the request. */
const char *wr_explain_text(const struct wr_explain *ex, struct wr_str s);
/* Where the row of CLASS_ROUTE at that offset of struct wr_route_conf got its value on rt. */
struct wr_place wr_explain_route_place(const struct wr_route *rt, size_t offset);
/* The same for struct wr_server_conf. */
struct wr_place wr_explain_server_place(const struct wr_server *server, size_t offset);
/* The same for struct wr_weir_conf. */
struct wr_place wr_explain_weir_place(const struct wr_model *m, size_t offset);

#endif
