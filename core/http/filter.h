/*
 * Filters: pushed per request, sorted by place, in both directions.  The head
 * travels the response chain as its first element: a filter may hold it.
 */
#ifndef WR_HTTP_FILTER_H
#define WR_HTTP_FILTER_H

#include "core/http/request.h"

enum wr_filter_place {
    WR_PLACE_INSPECT,
    WR_PLACE_STORE,
    WR_PLACE_RANGE,
    WR_PLACE_ENCODE,
    WR_PLACE_STORE_ENCODED,
    WR_PLACE_SPOOL,
    WR_PLACE_METER,
};

struct wr_filter_ops {
    const char *name;
    enum wr_filter_place place;
    bool counts; /* looks at lengths alone: does not defeat sendfile and splice */
    /* Response: the head comes by; pass it on with wr_filter_head, now or later.  NULL: passes. */
    void (*head)(struct wr_filter *f, struct wr_req *r, bool more);
    /* Bytes (ch emptied or passed on with wr_filter_body).  Required. */
    void (*body)(struct wr_filter *f, struct wr_req *r, struct wr_chain *ch, bool last);
    /* How much it will take before it wants no more, given what the next one takes.  NULL: that. */
    size_t (*room)(const struct wr_filter *f, const struct wr_req *r, size_t next_room);
    /* The next one can take more: a filter that holds bytes passes them on.  NULL: nothing to do. */
    void (*credit)(struct wr_filter *f, struct wr_req *r);
    /* r ends: free what is not in the arena.  NULL: nothing. */
    void (*end)(struct wr_filter *f, struct wr_req *r);
};

struct wr_filter {
    const struct wr_filter_ops *ops;
    struct wr_filter *next;
    void *state;
    bool request; /* direction */
    bool ended;   /* what it still passes on is dropped */
};

/* In RESPONSE; sorted by place, equal places in order of pushing. */
struct wr_filter *wr_filter_push(struct wr_req *r, const struct wr_filter_ops *ops, void *state);
/* In HEAD to LOOKUP, before anybody wants the body (wr_body_hold, wr_body_take). */
struct wr_filter *wr_filter_push_request(struct wr_req *r, const struct wr_filter_ops *ops, void *state);
/* To the next filter, or to the front (response) or the body's window (request). */
void wr_filter_head(struct wr_filter *f, struct wr_req *r, bool more);
void wr_filter_body(struct wr_filter *f, struct wr_req *r, struct wr_chain *ch, bool last);

/* ---- for core/http's own files: from f on, f included (NULL: the front) ---- */
void wr_filter_head_from(struct wr_filter *f, struct wr_req *r, bool more);
size_t wr_filter_room(const struct wr_filter *f, const struct wr_req *r);
void wr_filter_credit(struct wr_filter *f, struct wr_req *r);
void wr_filter_end(struct wr_filter *f, struct wr_req *r);

#endif
