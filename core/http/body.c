/*
 * The request body's window: bytes between the front that brings them and the
 * source that takes them.
 */
#include "core/http/body.h"

#include "core/http/budget.h"
#include "core/http/filter.h"
#include "core/http/front_table.h"
#include "core/http/response.h"
#include "core/http/spool.h"

/* Memory that kept bytes may pin before small pieces are copied out of large buffers. */
#define BODY_KEPT_CHARGE_MOST (4 * WR_BUF_BIG_BYTES)

const char wr_body_reason[] = "request body";

void
wr_body_init(struct wr_body *b)
{
    memset(b, 0, sizeof(*b));
    wr_chain_init(&b->fresh);
    wr_chain_init(&b->kept);
}

void
wr_body_fini(struct wr_body *b)
{
    if (!b->present) {
        return;
    }
    wr_chain_free(&b->fresh);
    wr_chain_free(&b->kept);
    wr_spool_free(b->spool);
    b->spool = NULL;
}

/* The middle is told that bytes or the end have come: whoever waits for them goes on. */
static void
body_announce(struct wr_req *r)
{
    struct wr_body *b = &r->body;

    if (b->holds > 0) {
        bool enough = b->complete || (!b->collects && b->fresh.bytes >= b->hold_bytes);
        if (enough && r->parked && r->park_reason == wr_body_reason) {
            wr_req_wake(r->sv, wr_req_token(r));
        }
        return;
    }
    if (r->source != NULL && r->source->body_ready != NULL) {
        r->source->body_ready(r);
    }
}

/* ---- the spool ---- */

/* A write or a read of the spool's is done. */
static void
body_spool_changed(void *arg)
{
    struct wr_req *r = arg;
    struct wr_body *b = &r->body;

    if (r->ending || r->local) {
        return;
    }
    if (wr_spool_error(b->spool) != WR_E_NONE) {
        wr_req_fail(r, wr_spool_error(b->spool));
        return;
    }
    if (!b->complete && wr_spool_room(b->spool) > 0) {
        r->front->credit(r);
    }
    if (!r->ending && wr_body_ready(r)) {
        body_announce(r);
    }
}

/* False when r has failed. */
static bool
body_spool_write(struct wr_req *r, struct wr_chain *ch)
{
    struct wr_body *b = &r->body;

    wr_spool_write(b->spool, ch);
    if (wr_spool_error(b->spool) == WR_E_NONE) {
        return true;
    }
    wr_req_fail(r, wr_body_over_limit(r) ? WR_E_BODY_TOO_LARGE : wr_spool_error(b->spool));
    return false;
}

/* Takes bytes that the source does not have yet into the window, or to the spool.  False when r has failed. */
static bool
body_stow(struct wr_req *r, struct wr_chain *ch)
{
    struct wr_body *b = &r->body;

    if (b->spool == NULL) {
        wr_chain_move(&b->fresh, ch);
        if (!b->collects) {
            return true;
        }
        wr_chain_settle(&b->fresh);
        if (b->complete || b->fresh.bytes < WR_BODY_WINDOW_BYTES) {
            return true;
        }
        b->spool = wr_spool_new(r, WR_SPOOL_WHOLE, r->route->conf.buffer_file, body_spool_changed, r);
        ch = &b->fresh;
    }
    return body_spool_write(r, ch);
}

void
wr_body_collect(struct wr_req *r)
{
    struct wr_chain none = WR_CHAIN_INIT(none);

    r->body.collects = true;
    wr_body_hold(r, WR_BODY_WINDOW_BYTES);
    if (!r->ending) {
        body_stow(r, &none);
    }
}

/* ---- fronts ---- */

bool
wr_body_over_limit(const struct wr_req *r)
{
    uint64_t limit = r->route->conf.body_limit;

    return limit != WR_OFF && !r->tunnel &&
        (r->body.received > limit || (r->body.length > 0 && (uint64_t)r->body.length > limit));
}

/* The end of the request filters: into the window. */
void
wr_body_arrive(struct wr_req *r, struct wr_chain *ch, bool last)
{
    struct wr_body *b = &r->body;

    b->received += ch->bytes;
    if (last) {
        b->complete = true;
        if (b->length < 0 && !r->tunnel && b->trailers.n == 0) {
            b->length = (int64_t)b->received;
        }
    }
    if (wr_unlikely(r->local)) {
        wr_chain_free(ch); /* weir has answered: nobody will read it */
        return;
    }
    if (!body_stow(r, ch)) {
        return;
    }
    if (r->phase > WR_PHASE_ROUTE && wr_body_over_limit(r)) {
        wr_req_fail(r, WR_E_BODY_TOO_LARGE);
        return;
    }
    body_announce(r);
    if (wr_unlikely(!wr_chain_empty(&b->fresh)) && r->phase > WR_PHASE_ROUTE) {
        wr_chain_settle(&b->fresh); /* nobody takes it now: it may wait long */
    }
}

void
wr_body_push(struct wr_req *r, struct wr_chain *ch, bool last)
{
    if (r->ending) {
        wr_chain_free(ch);
        return;
    }
    if (r->req_filters != NULL && r->body.started) {
        r->req_filters->ops->body(r->req_filters, r, ch, last);
        return;
    }
    wr_body_arrive(r, ch, last);
}

size_t
wr_body_room(const struct wr_req *r)
{
    const struct wr_body *b = &r->body;
    size_t window = b->holds > 0 ? (size_t)b->hold_bytes : WR_BODY_WINDOW_BYTES;

    if (r->ending || r->local || !b->wanted) {
        return 0;
    }
    enum wr_budget level = wr_budget_level(r->sv);
    if (level == WR_BUDGET_FULL) {
        return 0;
    }
    if (level >= WR_BUDGET_HALVE && b->holds == 0) {
        window /= 2;
    }
    if (b->spool != NULL) {
        return wr_spool_room(b->spool);
    }
    return b->fresh.bytes < window ? window - b->fresh.bytes : 0;
}

/* The first one that holds or takes: what came with the head goes through the request filters, which were not
 * all there when it came. */
static void
body_start(struct wr_req *r)
{
    struct wr_body *b = &r->body;
    struct wr_chain raw = WR_CHAIN_INIT(raw);
    bool last = b->complete;

    b->started = true;
    if (r->req_filters == NULL || (b->received == 0 && !last)) {
        return;
    }
    wr_chain_move(&raw, &b->fresh);
    b->received = 0;
    b->complete = false;
    b->holds++; /* nobody is told of what is there already */
    r->req_filters->ops->body(r->req_filters, r, &raw, last);
    b->holds--;
}

bool
wr_body_waits_continue(const struct wr_req *r)
{
    return r->expect_continue && !r->body.continued && r->body.received == 0;
}

void
wr_body_continue(struct wr_req *r)
{
    bool waits = wr_body_waits_continue(r);

    r->body.continued = true;
    if (waits) {
        wr_resp_inform(r, 100, NULL);
    }
}

/* Somebody wants bytes: the front reads on, and a client that waits for 100 gets it, unless the upstream was
 * asked. */
static void
body_want(struct wr_req *r)
{
    struct wr_body *b = &r->body;

    b->wanted = true;
    if (b->complete) {
        return;
    }
    if (r->expect_continue && !b->continued && !b->expect_passed) {
        wr_body_continue(r);
    }
    r->front->credit(r);
}

static void
body_keep(struct wr_body *b, const struct wr_chain *out)
{
    if (!b->keep) {
        return;
    }
    if (b->kept.bytes + out->bytes > WR_BODY_KEEP_BYTES) {
        b->keep = false;
        wr_chain_free(&b->kept);
        return;
    }
    wr_chain_dup(&b->kept, out);
    if (wr_unlikely(wr_chain_charge_bytes(&b->kept) > BODY_KEPT_CHARGE_MOST)) {
        wr_chain_settle(&b->kept);
    }
}

bool
wr_body_take(struct wr_req *r, struct wr_chain *dst, size_t most)
{
    struct wr_body *b = &r->body;
    struct wr_chain out = WR_CHAIN_INIT(out);

    if (!b->present) {
        return true;
    }
    if (wr_unlikely(!b->started)) {
        body_start(r);
    }
    if (b->complete && b->taken == b->received) {
        return true;
    }
    if (b->holds > 0) {
        return false;
    }
    if (b->spool != NULL) {
        wr_spool_read(b->spool, &out, most);
    } else {
        wr_chain_move_n(&out, &b->fresh, WR_MIN(most, b->fresh.bytes));
    }
    b->taken += out.bytes;
    if (b->spool == NULL) {
        body_keep(b, &out);
    }
    wr_chain_move(dst, &out);
    bool end = b->complete && b->taken == b->received;
    if (!b->complete && b->fresh.bytes < WR_BODY_WINDOW_BYTES) {
        body_want(r);
    }
    return end;
}

bool
wr_body_ready(const struct wr_req *r)
{
    const struct wr_body *b = &r->body;

    if (b->holds > 0) {
        return false;
    }
    if (b->spool != NULL && b->taken < b->received) {
        return wr_spool_ready_bytes(b->spool) > 0;
    }
    return b->taken < b->received || (b->complete && b->present);
}

bool
wr_body_is_held(const struct wr_req *r)
{
    const struct wr_body *b = &r->body;

    return b->taken == 0 || b->spool != NULL || (b->keep && b->kept.bytes == b->taken);
}

bool
wr_body_rewind(struct wr_req *r)
{
    struct wr_body *b = &r->body;
    struct wr_chain all = WR_CHAIN_INIT(all);

    if (b->taken == 0) {
        return true;
    }
    if (b->spool != NULL) {
        if (!wr_spool_rewind(b->spool)) {
            return false;
        }
        b->taken = 0;
        return true;
    }
    if (!wr_body_is_held(r)) {
        return false;
    }
    wr_chain_move(&all, &b->kept);
    wr_chain_move(&all, &b->fresh);
    wr_chain_move(&b->fresh, &all);
    b->taken = 0;
    return true;
}

void
wr_body_forget(struct wr_req *r)
{
    r->body.keep = false;
    wr_chain_free(&r->body.kept);
}

void
wr_body_hold(struct wr_req *r, uint64_t most_bytes)
{
    struct wr_body *b = &r->body;

    if (b->holds++ == 0) {
        b->hold_bytes = 0;
    }
    b->hold_bytes = WR_MAX(b->hold_bytes, most_bytes);
    if (!b->started) {
        body_start(r);
    }
    if (!b->complete) {
        body_want(r);
    }
}

void
wr_body_release(struct wr_req *r)
{
    wr_assert(r->body.holds > 0);
    r->body.holds--;
}
