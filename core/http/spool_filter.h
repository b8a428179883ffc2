/*
 * buffer = response: a filter that takes what the upstream sends as fast as
 * it comes, so that the upstream is free, and feeds the client by its credit.
 */
#ifndef WR_HTTP_SPOOL_FILTER_H
#define WR_HTTP_SPOOL_FILTER_H

#include "core/http/filter.h"

/* At the response's beginning, on routes with buffer = response: pushes the filter if there is a body worth
 * it.  Streams (a length that is not known, event streams, X-Accel-Buffering: no) pass as they come. */
void wr_spool_filter_push(struct wr_req *r);

#endif
