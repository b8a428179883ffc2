/*
 * Towards servers: what each protocol version offers the proxy.  The mirror of
 * core/http/front_table.h: calls for an attempt x; towards the middle a back
 * calls wr_xfer_*.
 */
#ifndef WR_UPSTREAM_BACK_TABLE_H
#define WR_UPSTREAM_BACK_TABLE_H

#include "core/upstream/xfer.h"

struct wr_back_ops {
    const char *name;
    /* Takes an idle connection of x->peer or dials; the head goes out once there is one.  Not NONE: failed at
     * once (wr_xfer_gone was not called). */
    enum wr_err (*start)(struct wr_xfer *x, bool fresh);
    /* More request body can be taken (wr_body_take). */
    void (*send_body)(struct wr_xfer *x);
    /* The client takes bytes again: read on. */
    void (*credit)(struct wr_xfer *x);
    /* Lets x go: the connection (or stream) is not used for it any more; no callback comes. */
    void (*abort)(struct wr_xfer *x);
};

extern const struct wr_back_ops wr_back_h1_ops;

#endif
