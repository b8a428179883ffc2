/*
 * One attempt to get a response for r from one server.  Nothing of it survives
 * into the next but its log record (CORE-RULES 4).
 */
#ifndef WR_UPSTREAM_XFER_H
#define WR_UPSTREAM_XFER_H

#include "core/http/request.h"
#include "core/upstream/peer.h"

struct wr_back_ops;

struct wr_xfer {
    struct wr_req *r;
    struct wr_peer *peer;
    const struct wr_back_ops *back;
    void *bs; /* the back's connection or stream; NULL before and after */
    uint64_t began_us;
    uint64_t sent_us; /* the head went out; 0: not yet */
    uint64_t idle_ms; /* timeout between two pieces of a response */
    bool reused;
    bool handshake; /* the server has taken the connection; TLS is not agreed on yet */
    bool wrote;     /* a byte of the request was written */
    bool got_byte;  /* a byte of a response was read */
    bool got_head;  /* the final head was handed over */
    bool body_sent; /* the whole request is written */
    uint8_t addr;   /* of peer->addrs, being tried */
    uint8_t nth;    /* ... as the how-manieth */
    uint16_t informs;
    bool upgrade;      /* the request asked for one */
    bool got_continue; /* the server has said 100 */
};

/* Ends r's lease and attempt, whatever they are at; r's source from PICK on. */
extern const struct wr_source wr_proxy_source;
/* PICK has set r->lease: begins an attempt (wr_pipeline_proxy). */
void wr_proxy_start(struct wr_req *r);

/* ---- a back calls these ---- */

/* The connection is there, with TLS if it is to have that (fresh ones only). */
void wr_xfer_connected(struct wr_xfer *x);
/* The request (as far as it is at hand) is written. */
void wr_xfer_sent(struct wr_xfer *x);
/* A final head: r->status, reason, resp, resp_length are set.  more: body or end follow at once.  101: both
 * sides are tunnels afterwards. */
void wr_xfer_head(struct wr_xfer *x, bool more);
/* An informational response, not 101. */
void wr_xfer_inform(struct wr_xfer *x, uint16_t status, const struct wr_head *h);
/* Body bytes have moved. */
void wr_xfer_moved(struct wr_xfer *x);
/* The response is complete and the back has let go of x (x->bs NULL): hands over the last bytes. */
void wr_xfer_end(struct wr_xfer *x, struct wr_chain *ch, struct wr_head *trailers);
/* A tunnel has ended both ways and what was in the queue is written; the back has let go of x. */
void wr_xfer_tunnel_over(struct wr_xfer *x);
/* The attempt has failed and the back has let go of x (x->bs NULL). */
void wr_xfer_gone(struct wr_xfer *x, enum wr_err why);

#endif
