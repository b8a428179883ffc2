/*
 * The plain pages of weir's own: name no version, carry the request id; JSON
 * for clients that ask for JSON.
 */
#ifndef WR_HTTP_ERRORPAGE_H
#define WR_HTTP_ERRORPAGE_H

#include "core/http/request.h"

/* Sets r->status, r->resp (emptied first), r->resp_length for that error and returns the body (arena). */
struct wr_str wr_errorpage_make(struct wr_req *r, uint16_t status);
/* The standard reason phrase ("Not Found"); "" for unknown codes. */
struct wr_str wr_status_phrase(uint16_t status);

#endif
