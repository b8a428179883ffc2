/*
 * One line a request: `combined` (byte for byte nginx's) or `json`.
 */
#ifndef WR_HTTP_ACCESSLOG_H
#define WR_HTTP_ACCESSLOG_H

#include "core/http/request.h"

/* Called once by wr_req_end; does nothing when the route has no access log. */
void wr_accesslog_write(const struct wr_req *r);

#endif
