/*
 * Redirects: what stands in Location, and the answer that carries it.
 */
#ifndef WR_HTTP_LOCATION_H
#define WR_HTTP_LOCATION_H

#include "core/http/request.h"

/* The URL with what no URI may hold (RFC 3986 2; line ends, blanks, quotes, bytes beyond ASCII) written as %XX;
 * all else as it is, escapes too.  Itself when there is nothing of that, else in the arena. */
struct wr_str wr_location_escape(struct wr_pool *pool, struct wr_str url);
/* Answers with that status, a short text, and Location: url, escaped so. */
void wr_location_answer(struct wr_req *r, uint16_t status, struct wr_str url);

#endif
