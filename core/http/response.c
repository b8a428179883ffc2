/*
 * The way of a response through RESPONSE and the filters to the front.
 */
#include "core/http/response.h"

#include "core/http/front_table.h"
#include "core/http/pipeline.h"
#include "core/http/filter.h"
#include "core/http/spool_filter.h"

void
wr_resp_inform(struct wr_req *r, uint16_t status, const struct wr_head *head)
{
    if (r->ending || r->head_sent || !wr_req_can(r, WR_CAP_INFORMS)) {
        return;
    }
    r->front->send_inform(r, status, head);
}

void
wr_resp_begin(struct wr_req *r, bool more)
{
    if (r->ending) {
        return;
    }
    wr_assert(!r->resp_begun);
    r->resp_begun = true;
    r->deadline_ms = WR_TIMER_NEVER;
    r->resp_no_body = r->method_id == WR_M_HEAD || r->status == 204 || r->status == 304 || r->status < 200;
    if (wr_unlikely(r->route->conf.buffer & WR_BUFFER_RESPONSE)) {
        wr_spool_filter_push(r);
    }
    r->phase = WR_PHASE_RESPONSE;
    r->handler = 0;
    if (r->resp_bare || wr_pipeline_response(r)) {
        wr_resp_go(r, more);
    }
}

void
wr_resp_go(struct wr_req *r, bool more)
{
    struct wr_chain held = WR_CHAIN_INIT(held);

    more = more || r->resp_held.bytes > 0 || r->resp_held_last;
    wr_filter_head_from(r->filters, r, more);
    if (r->resp_held.bytes > 0 || r->resp_held_last) {
        wr_chain_move(&held, &r->resp_held);
        wr_resp_body(r, &held, r->resp_held_last);
    }
}

void
wr_resp_head_out(struct wr_req *r, bool more)
{
    if (r->ending) {
        return;
    }
    r->head_sent = true;
    r->front->send_head(r, more);
}

void
wr_resp_body_out(struct wr_req *r, struct wr_chain *ch, bool last)
{
    if (r->ending || (r->resp_no_body && !r->tunnel)) {
        wr_chain_free(ch);
    }
    if (r->ending) {
        return;
    }
    r->body_sent_bytes += ch->bytes;
    r->resp_complete = last;
    r->front->send_body(r, ch, last);
}

void
wr_resp_body(struct wr_req *r, struct wr_chain *ch, bool last)
{
    if (wr_unlikely(r->parked && r->phase == WR_PHASE_RESPONSE)) {
        wr_chain_settle(ch);
        wr_chain_move(&r->resp_held, ch);
        r->resp_held_last = last;
        return;
    }
    if (wr_unlikely(r->filters != NULL)) {
        r->filters->ops->body(r->filters, r, ch, last);
        return;
    }
    wr_resp_body_out(r, ch, last);
}

void
wr_resp_trailers(struct wr_req *r, struct wr_head *trailers)
{
    struct wr_chain none = WR_CHAIN_INIT(none);

    /* A filter may have changed what the trailers speak of (digests): then they are left out. */
    if (r->ending || r->parked || r->filters != NULL || !wr_req_can(r, WR_CAP_TRAILERS)) {
        wr_resp_body(r, &none, true);
        return;
    }
    r->resp_complete = true;
    r->front->send_trailers(r, trailers);
}

size_t
wr_resp_room(const struct wr_req *r)
{
    if (r->ending || r->parked) {
        return 0;
    }
    return wr_filter_room(r->filters, r);
}

bool
wr_resp_can_splice(const struct wr_req *r)
{
    for (const struct wr_filter *f = r->filters; f != NULL; f = f->next) {
        if (!f->ops->counts) {
            return false;
        }
    }
    return true;
}
