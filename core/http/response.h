/*
 * The way of a response: a source brings head, body and end; they pass the
 * RESPONSE phase and the filters and reach the front.
 */
#ifndef WR_HTTP_RESPONSE_H
#define WR_HTTP_RESPONSE_H

#include "core/http/request.h"

/* 1xx from an upstream, but 100 and 101. */
void wr_resp_inform(struct wr_req *r, uint16_t status, const struct wr_head *head);
/* r->status, r->resp, r->resp_length are set: runs RESPONSE, sends the head.  `more`: body bytes or the end
 * follow at once. */
void wr_resp_begin(struct wr_req *r, bool more);
/* Body bytes (ch emptied); last: and that was all. */
void wr_resp_body(struct wr_req *r, struct wr_chain *ch, bool last);
/* The end with trailers. */
void wr_resp_trailers(struct wr_req *r, struct wr_head *trailers);
/* Bytes that may be brought now; 0: wait for source->credit. */
size_t wr_resp_room(const struct wr_req *r);
/* Whether the body may pass as PIPE slices: no filter that wants bytes (CORE-RULES 14). */
bool wr_resp_can_splice(const struct wr_req *r);

/* ---- for core/http's own files ---- */
/* What stands behind the last filter. */
void wr_resp_head_out(struct wr_req *r, bool more);
void wr_resp_body_out(struct wr_req *r, struct wr_chain *ch, bool last);
/* RESPONSE has run (again): the head goes on its way, then what was held. */
void wr_resp_go(struct wr_req *r, bool more);

#endif
