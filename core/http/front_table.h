/*
 * Towards clients: what each protocol version offers the middle.  The middle
 * calls these for the stream r->fs; towards the middle a front calls
 * wr_req_new, wr_req_begin, wr_body_push, wr_req_credit, wr_req_gone,
 * wr_req_end (core/http/request.h).  Nothing here says that there is a socket.
 */
#ifndef WR_HTTP_FRONT_TABLE_H
#define WR_HTTP_FRONT_TABLE_H

#include "core/http/request.h"

struct wr_front_ops {
    const char *name;
    unsigned caps; /* enum wr_cap bits of the version; wr_req_can asks `can` when there is one */
    bool (*can)(const struct wr_req *r, enum wr_cap cap);
    /* There is room for request body again: read on. */
    void (*credit)(struct wr_req *r);
    /* 1xx (not 101) with the fields of `head`, if any. */
    void (*send_inform)(struct wr_req *r, uint16_t status, const struct wr_head *head);
    /* r->status, r->resp, r->resp_length.  `more`: send_body follows in this very turn of work: hold. */
    void (*send_head)(struct wr_req *r, bool more);
    /* Takes all of ch (emptied).  last: the response is complete with it. */
    void (*send_body)(struct wr_req *r, struct wr_chain *ch, bool last);
    /* The last of a response that has trailers: instead of send_body with last. */
    void (*send_trailers)(struct wr_req *r, const struct wr_head *trailers);
    /* Bytes that the client's side will take before it wants no more; 0: stop. */
    size_t (*room)(const struct wr_req *r);
    /* From now on bytes pass both ways unframed (after send_head of a 101). */
    void (*tunnel)(struct wr_req *r);
    /* The response cannot be completed: make that visible to the client, then wr_req_end. */
    void (*abort)(struct wr_req *r, enum wr_err why);
    /* r has ended and is about to vanish: decide on the connection. */
    void (*ended)(struct wr_req *r);
};

#endif
