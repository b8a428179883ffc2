/*
 * A source without a socket: stands where core/upstream does.  It takes the
 * request's body, sends a response by the client's credit, and holds the
 * middle's promises to account.
 */
#ifndef WR_LIB_SOURCE_FAKE_H
#define WR_LIB_SOURCE_FAKE_H

#include "core/http/response.h"
#include "t/lib/bare_worker.h"

struct source_fake {
    struct wr_req *r; /* NULL: not started, done or cancelled */

    /* what it shall do */
    bool waits;        /* the test says when it answers */
    bool answers_late; /* when it has the whole request body */
    uint16_t status;   /* 0: 200 */
    uint64_t bytes;    /* of the response: the stream of bare_worker_byte */
    bool no_length;
    const char *type;
    size_t piece;    /* of one wr_resp_body; 0: 8192 */
    size_t take;     /* of one wr_body_take; 0: 16384 */
    bool takes_none; /* does not take the body by itself */
    bool greedy;     /* heeds no room */

    /* what has come of it */
    unsigned starts;
    unsigned credits;
    unsigned readies;
    unsigned cancels;
    unsigned dues;
    uint64_t taken;
    bool body_end;
    int64_t length; /* of the body, as it was known at the start */
    uint64_t sent;
    bool answered;
    bool done;
    bool wrong;
};

static struct source_fake source_fake;

static inline void
source_fake_send(struct source_fake *s)
{
    struct wr_req *r = s->r;

    while (s->r == r && !r->ending && !s->done && (s->greedy || wr_resp_room(r) > 0)) {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        uint64_t n = WR_MIN(s->bytes - s->sent, (uint64_t)(s->piece ? s->piece : 8192));
        if (!s->greedy) {
            n = WR_MIN(n, (uint64_t)wr_resp_room(r));
        }
        bare_worker_fill(&ch, s->sent, (size_t)n);
        s->sent += n;
        s->done = s->sent == s->bytes;
        if (s->done) {
            r->source = NULL;
            s->r = NULL;
        }
        wr_resp_body(r, &ch, s->done);
        s->wrong = s->wrong || ch.bytes > 0;
    }
}

/* The response's head, and as much of the body as there is room for. */
static inline void
source_fake_answer(struct source_fake *s)
{
    struct wr_req *r = s->r;

    s->answered = true;
    r->status = s->status ? s->status : 200;
    r->resp_length = s->no_length ? -1 : (int64_t)s->bytes;
    if (s->type != NULL) {
        wr_head_set(&r->resp, &r->pool, WR_N_CONTENT_TYPE, wr_str_of(s->type));
    }
    wr_resp_begin(r, true);
    if (s->r == r) {
        source_fake_send(s);
    }
}

static inline void
source_fake_take(struct source_fake *s)
{
    struct wr_req *r = s->r;
    size_t before;

    do {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        s->body_end = wr_body_take(r, &ch, s->take ? s->take : 16384);
        before = ch.bytes;
        s->wrong = s->wrong || !bare_worker_check(&ch, s->taken);
        s->taken += before;
    } while (s->r == r && before > 0 && !s->body_end);
    if (s->body_end && s->answers_late && !s->answered) {
        source_fake_answer(s);
    }
}

static inline void
source_fake_credit(struct wr_req *r)
{
    source_fake.credits++;
    source_fake.wrong = source_fake.wrong || source_fake.r != r || wr_resp_room(r) == 0;
    if (source_fake.answered && !source_fake.waits) {
        source_fake_send(&source_fake);
    }
}

static inline void
source_fake_body_ready(struct wr_req *r)
{
    source_fake.readies++;
    source_fake.wrong = source_fake.wrong || source_fake.r != r;
    if (!source_fake.takes_none) {
        source_fake_take(&source_fake);
    }
}

static inline void
source_fake_cancel(struct wr_req *r)
{
    source_fake.cancels++;
    source_fake.wrong = source_fake.wrong || source_fake.r != r;
    source_fake.r = NULL;
}

static inline void
source_fake_due(struct wr_req *r)
{
    (void)r;
    source_fake.dues++;
}

static const struct wr_source source_fake_ops = {
    .name = "fake",
    .credit = source_fake_credit,
    .body_ready = source_fake_body_ready,
    .cancel = source_fake_cancel,
    .due = source_fake_due,
};

/* For wr_pipeline_proxy. */
static inline void
source_fake_start(struct wr_req *r)
{
    struct source_fake *s = &source_fake;

    s->r = r;
    s->starts++;
    s->length = r->body.length;
    r->source = &source_fake_ops;
    if (!s->takes_none && r->body.present) {
        source_fake_take(s);
    }
    if (s->r == r && !s->waits && !s->answers_late && !s->answered) {
        source_fake_answer(s);
    }
}

#endif
