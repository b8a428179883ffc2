/*
 * HTTP/1.0 and 1.1 towards clients: one request at a time on a connection,
 * pipelined ones wait.  front_h1.c reads, front_h1_out.c writes.
 */
#ifndef WR_FRONT_FRONT_H1_H
#define WR_FRONT_FRONT_H1_H

#include "core/front/front_session.h"
#include "core/proto/h1_chunked.h"

enum wr_front_in {
    WR_FRONT_IN_DONE,
    WR_FRONT_IN_LENGTH,
    WR_FRONT_IN_CHUNKED,
    WR_FRONT_IN_TRAILERS,
    WR_FRONT_IN_RAW
};
enum wr_front_out {
    WR_FRONT_OUT_NONE,
    WR_FRONT_OUT_LENGTH,
    WR_FRONT_OUT_CHUNKED,
    WR_FRONT_OUT_CLOSE,
    WR_FRONT_OUT_RAW
};

struct wr_front_h1 {
    struct wr_front_session s;
    struct wr_req *r;  /* NULL between requests */
    uint32_t scanned;  /* bytes of an incomplete head that were looked at */
    uint8_t in;        /* request body framing */
    uint8_t out;       /* response body framing */
    bool keep;         /* the connection may go on after this response */
    bool client_close; /* the client said that it is the last */
    bool lingering;    /* our direction is shut, reading until FIN */
    bool answered;     /* the response was handed over whole */
    bool truncated;    /* ... but is short: close without a clean end */
    bool broken;       /* the client is gone: told at the next event */
    bool discarding;   /* the rest of a request body is read and dropped */
    bool probing;      /* the client has sent FIN: the kernel looks whether it is still there */
    int64_t in_left;   /* LENGTH */
    uint64_t out_left; /* LENGTH: still owed to the client */
    struct wr_chunked chunked;
    uint64_t body_began_ms; /* minimum rate: since then ... */
    uint64_t body_bytes;    /* ... so many bytes came (discarding: were dropped) */
    uint64_t body_last_ms;  /* the last of them */
    uint64_t rate_due_ms;   /* the rate is looked at then; lingering and discarding end then */
    uint64_t sent_mark_ms;  /* when output last moved */
    uint64_t sent_mark_bytes;
};

extern const struct wr_front_proto wr_front_h1;
extern const struct wr_front_ops wr_front_h1_ops;

/* Where a head is parsed to before it is copied to its request: one at a time, on one thread. */
#define WR_FRONT_H1_FIELDS_MOST 1000 /* the range of limit.header_count */
extern struct wr_field wr_front_h1_fields[WR_FRONT_H1_FIELDS_MOST];
/* Of a body that nobody wants so much is read to keep the connection. */
#define WR_FRONT_H1_DISCARD_BYTES (64 * 1024)

const struct wr_weir_conf *wr_front_h1_conf(const struct wr_front_h1 *f);
void wr_front_h1_read_head(struct wr_front_h1 *f);
void wr_front_h1_close(struct wr_front_h1 *f, bool reset);
/* FIN, then reading until the client's: a close with bytes on the way would reset what it has not read. */
void wr_front_h1_linger(struct wr_front_h1 *f);
/* Takes body bytes as far as there is room; may_read: also from the socket. */
void wr_front_h1_take_body(struct wr_front_h1 *f, bool may_read);
void wr_front_h1_body_failed(struct wr_front_h1 *f, enum wr_err err);
/* Goes on with throwing away the rest of a request body; then the next request. */
void wr_front_h1_discard(struct wr_front_h1 *f);
/* The response has left (or will not): end the request. */
void wr_front_h1_done(struct wr_front_h1 *f);
/* Looks at what the last write came to. */
void wr_front_h1_wrote(struct wr_front_h1 *f, enum wr_io io);
/* Re-arms the connection's timer for the present state. */
void wr_front_h1_rearm(struct wr_front_h1 *f);
/* After r has ended (wr_front_ops.ended). */
void wr_front_h1_ended(struct wr_req *r);
void wr_front_h1_credit(struct wr_req *r);

#endif
