/*
 * All strictness about what fields mean, for every version, in one file
 * (RFC 9110, 9112; CHECKLIST): Host, lengths, codings, Connection and what it
 * names, Expect, Upgrade, TE; for responses the same.
 */
#ifndef WR_HTTP_HEAD_CHECK_H
#define WR_HTTP_HEAD_CHECK_H

#include "core/http/request.h"

/* What the framing fields of a message come to. */
struct wr_framing {
    bool chunked;
    bool close;      /* Connection: close, or HTTP/1.0 (a response without keep-alive) */
    bool keep_alive; /* a response: Connection: keep-alive was said */
    int64_t length;  /* Content-Length; -1: none */
};

/*
 * Judges r->req (method, target, minor, fields set) and sets uri, path,
 * authority, host, port, expect_continue, wants_upgrade, te_trailers,
 * body.present/length; marks hop-by-hop fields WR_FIELD_HOP.  Anything but
 * WR_E_NONE refuses the request.
 */
enum wr_err wr_head_check_request(struct wr_req *r, struct wr_framing *fr);

/*
 * Judges a response head before it becomes r->resp: framing by RFC 9112 6.3
 * with the request's method; hop-by-hop fields marked.  minor: the upstream's.
 */
enum wr_err wr_head_check_response(const struct wr_req *r, uint16_t status, uint8_t minor, struct wr_head *h,
                                   struct wr_framing *fr);

/* Marks trailer fields that may not be forwarded (framing, routing, authentication...; RFC 9110 6.5.1). */
void wr_head_check_trailers(struct wr_head *h, const struct wr_head *connection_of);

#endif
