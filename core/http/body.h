/*
 * The request body: one object with a hold window and a cursor for the
 * upstream attempt (CORE-RULES 5).
 *
 * Bytes come from the front (wr_body_push) through the request filters and
 * wait in `held` until the source takes them.  While somebody holds, nothing
 * goes upstream.  "Replayable" means that offset 0 is still held: bytes that
 * were taken stay (as further references) as long as keep_bytes allows.
 */
#ifndef WR_HTTP_BODY_H
#define WR_HTTP_BODY_H

#include "core/base/buf.h"
#include "core/http/head.h"

#define WR_BODY_WINDOW_BYTES (64 * 1024) /* read ahead of the source */
#define WR_BODY_KEEP_BYTES (64 * 1024)   /* kept for a repeat, at most */

struct wr_req;
struct wr_spool;

struct wr_body {
    int64_t length;         /* declared; -1: unknown (chunked) until complete */
    uint64_t received;      /* from the client, unframed */
    uint64_t taken;         /* by the current attempt: its cursor */
    struct wr_chain fresh;  /* not yet taken: [taken, received) */
    struct wr_chain kept;   /* taken and kept for a repeat: [0, taken) */
    bool present;           /* there is a body, maybe empty (length >= 0 or chunked) */
    bool complete;          /* the last byte is here */
    bool keep;              /* taken bytes are kept: offset 0 is still held */
    bool started;           /* somebody holds or takes: what came before has passed the request filters */
    bool wanted;            /* somebody has asked for bytes: 100-continue is due */
    bool continued;         /* the client was told to go on (100), or needs not be */
    bool expect_passed;     /* the upstream was asked instead: its 100 tells the client */
    uint16_t holds;         /* holders: nothing is given out while > 0 */
    uint64_t hold_bytes;    /* how much a holder may collect: the window while holds > 0 */
    bool collects;          /* buffer = request: what the window has no room for goes to the spool */
    struct wr_spool *spool; /* all that is not taken, from the moment on when there was too much */
    struct wr_head trailers;
};

void wr_body_init(struct wr_body *b);
void wr_body_fini(struct wr_body *b);

/* ---- fronts ---- */
/* Bytes from the client (ch emptied), `last` with or after the last.  Over body_limit: fails r. */
void wr_body_push(struct wr_req *r, struct wr_chain *ch, bool last);
/* Bytes that the front may read on now. */
size_t wr_body_room(const struct wr_req *r);

/* ---- sources ---- */
/* Moves up to `most` bytes that may go out now to dst; true when the body is at its end behind them.
 * Tells the front to read on when there is room again. */
bool wr_body_take(struct wr_req *r, struct wr_chain *dst, size_t most);
/* Whether a take would bring bytes or the end. */
bool wr_body_ready(const struct wr_req *r);
/* Whether all that was taken could be taken again. */
bool wr_body_is_held(const struct wr_req *r);
/* The cursor of a new attempt: back to offset 0.  False when that is not held any more. */
bool wr_body_rewind(struct wr_req *r);
/* No repeat is possible from now on: what was kept is let go. */
void wr_body_forget(struct wr_req *r);
/*
 * Expect: 100-continue (RFC 9110 10.1.1).  Whether a client still waits to be
 * told; then the source may pass the question on (expect_passed), and who wants
 * the body does not answer it.  wr_body_continue answers in weir's own name.
 */
bool wr_body_waits_continue(const struct wr_req *r);
void wr_body_continue(struct wr_req *r);

/* ---- buffer = request (core/http/collect.c) ---- */
/* Holds until the whole body is here; beyond the window it goes to a temporary file.  Disk trouble and more
 * than `buffer.file` fail r. */
void wr_body_collect(struct wr_req *r);

/* ---- inspectors ---- */
/*
 * A holder waits by parking with this very reason: it is woken when the body
 * is complete or the window that was asked for is full.
 */
extern const char wr_body_reason[];
void wr_body_hold(struct wr_req *r, uint64_t most_bytes);
void wr_body_release(struct wr_req *r);

/* ---- for core/http's own files ---- */
/* Behind the last request filter: into the window. */
void wr_body_arrive(struct wr_req *r, struct wr_chain *ch, bool last);
/* More has come than body_limit allows. */
bool wr_body_over_limit(const struct wr_req *r);

#endif
