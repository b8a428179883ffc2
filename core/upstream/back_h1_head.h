/*
 * The request head as it goes to an HTTP/1.1 server: rendered anew for each
 * attempt from r, which is read-only by then.
 */
#ifndef WR_UPSTREAM_BACK_H1_HEAD_H
#define WR_UPSTREAM_BACK_H1_HEAD_H

#include "core/http/request.h"

/* Bytes that wr_back_h1_render may need at most. */
size_t wr_back_h1_render_room(const struct wr_req *r);
/* Writes the head with its final empty line; returns its length.  *chunked: the body goes out chunked. */
size_t wr_back_h1_render(const struct wr_req *r, char *dst, bool *chunked);

#endif
