/*
 * buffer = request: the whole body is here before the upstream is asked, so
 * that a slow client costs it nothing and it is told the length.  Memory holds
 * the window, a temporary file the rest (core/http/body.c).
 */
#include "core/http/pipeline.h"

#include "core/http/spool.h"

/* A declared length that cannot fit is refused before a byte of it is taken. */
static bool
collect_cannot_fit(const struct wr_req *r)
{
    uint64_t most = WR_MAX(r->route->conf.buffer_file, (uint64_t)WR_BODY_WINDOW_BYTES);

    return r->body.length > 0 && (uint64_t)r->body.length > most;
}

static enum wr_step
collect_begin(struct wr_req *r)
{
    if (collect_cannot_fit(r)) {
        wr_req_fail(r, WR_E_SPOOL_FULL); /* over body_limit was seen before */
        return WR_DONE;
    }
    wr_body_collect(r);
    return r->ending || r->local ? WR_DONE : WR_NEXT;
}

enum wr_step
wr_pipeline_collect(struct wr_req *r)
{
    struct wr_body *b = &r->body;

    if (wr_likely(!(r->route->conf.buffer & WR_BUFFER_REQUEST)) || !b->present) {
        return WR_NEXT;
    }
    if (!b->collects) {
        if (b->complete) {
            return WR_NEXT;
        }
        if (collect_begin(r) == WR_DONE) {
            return WR_DONE;
        }
    }
    if (!b->complete) {
        /* The front's clocks bound it: body_timeout and the minimum rate. */
        wr_req_park(r, wr_body_reason, WR_TIMER_NEVER, WR_E_BODY_TIMEOUT, NULL, NULL);
        return WR_WAIT;
    }
    wr_body_release(r);
    if (b->spool != NULL) {
        wr_spool_rewind(b->spool); /* begins to read */
    }
    return WR_NEXT;
}
