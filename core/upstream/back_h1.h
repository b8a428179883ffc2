/*
 * A connection to an HTTP/1.1 server: back_h1_open.c makes it, back_h1_send.c
 * writes, back_h1.c reads.
 */
#ifndef WR_UPSTREAM_BACK_H1_H
#define WR_UPSTREAM_BACK_H1_H

#include "core/event/conn.h"
#include "core/proto/h1_chunked.h"
#include "core/upstream/back_table.h"
#include "core/upstream/idle.h"

enum wr_back_state {
    WR_BACK_CONNECTING,
    WR_BACK_HANDSHAKE,
    WR_BACK_IDLE,
    WR_BACK_HEAD, /* waiting for a response head */
    WR_BACK_LENGTH,
    WR_BACK_CHUNKED,
    WR_BACK_TRAILERS,
    WR_BACK_UNTIL_CLOSE,
    WR_BACK_TUNNEL,
};

struct wr_back_h1 {
    struct wr_idle idle;
    struct wr_conn *c;
    struct wr_xfer *x; /* NULL while idle */
    struct wr_upstream_worker *uw;
    uint8_t state;
    bool out_chunked; /* request body framing */
    bool out_ended;   /* its last byte is in the queue */
    bool keep;        /* the connection may be used again */
    bool tunnel_in_ended;
    uint32_t scanned;
    uint64_t left;    /* LENGTH */
    uint64_t keep_ms; /* announced by the server, 80% of it; UINT64_MAX: nothing announced */
    struct wr_chunked chunked;
};

extern const struct wr_conn_owner wr_back_h1_owner;
/* The attempt has failed: b is gone, with its connection. */
void wr_back_h1_fail(struct wr_back_h1 *b, enum wr_err why);
/* wr_idle.drop */
void wr_back_h1_drop_idle(struct wr_idle *i);

/* A new connection for x, whose request goes out once it is there.  Not NONE: failed at once. */
enum wr_err wr_back_h1_open(struct wr_xfer *x);
/* An event while it is CONNECTING or in its HANDSHAKE; b may be gone afterwards. */
void wr_back_h1_on_open(struct wr_back_h1 *b);
/* Head and what there is of the body; the state is HEAD afterwards. */
void wr_back_h1_send_request(struct wr_back_h1 *b);
/* wr_back_ops.send_body */
void wr_back_h1_send_body(struct wr_xfer *x);

#endif
