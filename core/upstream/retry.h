/*
 * Whether a failed attempt is followed by another: facts in, verdict out.
 */
#ifndef WR_UPSTREAM_RETRY_H
#define WR_UPSTREAM_RETRY_H

#include "core/base/err.h"
#include "core/conf/model.h"

struct wr_retry_facts {
    enum wr_err why;                  /* UPSTREAM_STATUS: a whole head with `status` has come */
    uint16_t status;                  /* of that */
    const struct wr_retry_conf *conf; /* the route's */
    bool reused;                      /* the connection came from the pool */
    bool wrote;                       /* a byte of the request was written */
    bool got_byte;                    /* a byte of a response was read */
    bool got_head;                    /* the whole head was; UPSTREAM_STATUS aside it is too late then */
    bool head_sent;                   /* the client has seen something */
    bool idempotent;                  /* RFC 9110 9.2.2 */
    bool body_held;                   /* offset 0 of the body is still held (or there is none) */
    bool more_addresses;              /* the server has another address that was not tried */
    uint32_t retries;                 /* other servers that were asked before */
    bool servers_left;                /* the upstream has a server that was not tried */
    bool fresh_retry_used;            /* the second try for a dead pooled connection was spent */
};

enum wr_retry {
    WR_RETRY_NO,
    WR_RETRY_ADDRESS, /* the same server's next address */
    WR_RETRY_FRESH,   /* the same server on a fresh connection: its pooled one was dead */
    WR_RETRY_SERVER,  /* pick another server, if the budget allows it */
};

/* *reason: what the request fails with on NO. */
enum wr_retry wr_retry_decide(const struct wr_retry_facts *f, enum wr_err *reason);
/* Whether the server is to blame.  Not for a pooled connection that it had closed when the request came, for a
 * tunnel on which nothing passed, nor for what weir itself lacked. */
bool wr_retry_is_fault(const struct wr_retry_facts *f);

#endif
