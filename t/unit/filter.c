/*
 * core/http/filter over a front and a source without sockets: places, heads
 * that are held, credit backwards, both directions.
 */
#include "core/http/filter.h"

#include "core/http/response.h"
#include "t/lib/front_fake.h"
#include "t/lib/source_fake.h"
#include "t/unit/tap.h"

/* A filter that notes what comes by, and may hold head or bytes. */
struct filter_probe {
    char letter;
    bool holds_head; /* until the end, or until it has so many bytes: */
    uint64_t most;
    bool keeps;      /* bytes wait for credit */
    bool fails;      /* at the first byte */
    bool fails_late; /* when there is credit */
    bool wrong;      /* was called after its end */
    struct wr_chain kept;
    bool last;
    bool head_here;
    uint64_t bytes;
    unsigned credits;
    unsigned ends;
};

static struct filter_probe filter_probes[6];
static char filter_trace[200];
static struct front_fake filter_front;
static void (*filter_in_response)(struct wr_req *r);
static void (*filter_in_guard)(struct wr_req *r);

static void
filter_note(char c)
{
    size_t n = strlen(filter_trace);

    if (n < sizeof(filter_trace) - 1) {
        filter_trace[n] = c;
    }
}

static void
filter_probe_head(struct wr_filter *f, struct wr_req *r, bool more)
{
    struct filter_probe *p = f->state;

    filter_note(p->letter);
    if (p->holds_head) {
        p->head_here = true;
        return;
    }
    wr_filter_head(f, r, more);
}

/* Passes on what the next one takes; the end when nothing is left. */
static void
filter_probe_pass(struct wr_filter *f, struct wr_req *r)
{
    struct filter_probe *p = f->state;

    while (p->kept.bytes > 0 || p->last) {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        size_t n = WR_MIN(p->kept.bytes, wr_filter_room(f->next, r));
        if (n == 0 && p->kept.bytes > 0) {
            return;
        }
        wr_chain_move_n(&ch, &p->kept, n);
        bool last = p->last && p->kept.bytes == 0;
        p->last = p->last && !last;
        wr_filter_body(f, r, &ch, last);
    }
}

static void
filter_probe_body(struct wr_filter *f, struct wr_req *r, struct wr_chain *ch, bool last)
{
    struct filter_probe *p = f->state;

    filter_note((char)(p->letter | 0x20));
    p->wrong = p->wrong || p->ends > 0;
    p->bytes += ch->bytes;
    if (p->fails) {
        wr_chain_free(ch);
        wr_req_fail(r, WR_E_LOOP);
        return;
    }
    if (!p->head_here && !p->keeps) {
        wr_filter_body(f, r, ch, last);
        return;
    }
    wr_chain_move(&p->kept, ch);
    p->last = last;
    if (p->head_here && (last || p->bytes >= p->most)) {
        p->head_here = false;
        wr_filter_head(f, r, true);
    }
    if (!p->head_here) {
        filter_probe_pass(f, r);
    }
}

static size_t
filter_probe_room(const struct wr_filter *f, const struct wr_req *r, size_t next_room)
{
    const struct filter_probe *p = f->state;

    (void)r;
    if (p->keeps) {
        return p->kept.bytes < 5000 ? 5000 - p->kept.bytes : 0;
    }
    return p->head_here ? (size_t)(p->most - p->bytes) : next_room;
}

static void
filter_probe_credit(struct wr_filter *f, struct wr_req *r)
{
    struct filter_probe *p = f->state;

    p->credits++;
    p->wrong = p->wrong || p->ends > 0;
    filter_note('+');
    if (p->fails_late) {
        wr_req_fail(r, WR_E_LOOP);
        return;
    }
    if (!p->head_here) {
        filter_probe_pass(f, r);
    }
}

static void
filter_probe_end(struct wr_filter *f, struct wr_req *r)
{
    struct filter_probe *p = f->state;

    (void)r;
    p->ends++;
    wr_chain_free(&p->kept);
}

#define FILTER_OPS(place_, ...)                                                                              \
    {                                                                                                        \
        .name = "probe", .place = place_, .head = filter_probe_head, .body = filter_probe_body,              \
        .room = filter_probe_room, .credit = filter_probe_credit, .end = filter_probe_end, __VA_ARGS__       \
    }
static const struct wr_filter_ops filter_inspect = FILTER_OPS(WR_PLACE_INSPECT, );
static const struct wr_filter_ops filter_encode = FILTER_OPS(WR_PLACE_ENCODE, );
static const struct wr_filter_ops filter_meter = FILTER_OPS(WR_PLACE_METER, .counts = true);
static const struct wr_filter_ops filter_bare = {
    .name = "bare", .place = WR_PLACE_RANGE, .body = filter_probe_body, .end = filter_probe_end};

static struct filter_probe *
filter_push(struct wr_req *r, const struct wr_filter_ops *ops, char letter)
{
    struct filter_probe *p = filter_probes;

    while (p->letter != '\0') {
        p++;
    }
    *p = (struct filter_probe){.letter = letter};
    wr_chain_init(&p->kept);
    wr_filter_push(r, ops, p);
    return p;
}

static struct filter_probe *
filter_push_request(struct wr_req *r, const struct wr_filter_ops *ops, char letter)
{
    struct filter_probe *p = filter_probes;

    while (p->letter != '\0') {
        p++;
    }
    *p = (struct filter_probe){.letter = letter};
    wr_chain_init(&p->kept);
    wr_filter_push_request(r, ops, p);
    return p;
}

/* ---- the module ---- */

static enum wr_step
filter_route(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    r->route = &bare_worker.route;
    return WR_NEXT;
}

static enum wr_step
filter_guard(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    if (filter_in_guard != NULL) {
        filter_in_guard(r);
    }
    return WR_NEXT;
}

static enum wr_step
filter_response(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    if (filter_in_response != NULL && !r->local) {
        filter_in_response(r);
    }
    return WR_NEXT;
}

static const struct wr_module filter_module = {.name = "filters",
                                               .phase = {[WR_PHASE_ROUTE] = filter_route,
                                                         [WR_PHASE_GUARD] = filter_guard,
                                                         [WR_PHASE_RESPONSE] = filter_response}};
const struct wr_module *const wr_modules[] = {&filter_module};
const unsigned wr_modules_n = 1;

/* ---- a test's beginning and end ---- */

static struct wr_req *
filter_begin(uint64_t bytes, uint64_t body_bytes)
{
    memset(filter_probes, 0, sizeof(filter_probes));
    memset(filter_trace, 0, sizeof(filter_trace));
    filter_in_guard = NULL;
    filter_in_response = NULL;
    filter_front = (struct front_fake){.body_bytes = body_bytes, .checks_body = true, .pushes = true};
    source_fake = (struct source_fake){.bytes = bytes};
    return front_fake_request(&filter_front, &bare_worker, WR_M_POST, (int64_t)body_bytes);
}

static void
filter_over(const char *what)
{
    unsigned pushed = 0, once = 0;

    for (unsigned i = 0; i < 200 && filter_front.ended == 0; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    for (unsigned i = 0; i < 200 && wr_buf_in_use_bytes() != bare_worker.memory; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    for (unsigned i = 0; i < WR_ARRAY_LEN(filter_probes); i++) {
        pushed += filter_probes[i].letter != '\0';
        once += filter_probes[i].ends == 1 && !filter_probes[i].wrong;
    }
    tap_ok(front_fake_clean(&filter_front, &bare_worker) && !source_fake.wrong && source_fake.r == NULL &&
               once == pushed && wr_buf_in_use_bytes() == bare_worker.memory && bare_worker.alerts == 0,
           "%s: clean (front %d ended %u source %d filters %u/%u memory %+ld)", what, filter_front.wrong,
           filter_front.ended, source_fake.wrong, once, pushed,
           (long)(wr_buf_in_use_bytes() - bare_worker.memory));
}

/* ---- order ---- */

static void
filter_push_many(struct wr_req *r)
{
    filter_push(r, &filter_meter, 'M');
    filter_push(r, &filter_inspect, 'I');
    filter_push(r, &filter_encode, 'E');
    filter_push(r, &filter_bare, 'B');
    filter_push(r, &filter_inspect, 'J');
}

static void
filter_test_order(void)
{
    struct wr_req *r = filter_begin(100, 0);

    filter_in_response = filter_push_many;
    wr_req_begin(r);
    filter_over("order");
    tap_is_str(filter_trace, "IJEMijbem",
               "order of place, then of pushing; head first, who has no head is passed");
    tap_ok(filter_front.got == 100 && filter_front.over, "order: the response arrived");
}

static void
filter_push_meter(struct wr_req *r)
{
    filter_push(r, &filter_meter, 'M');
}

static void
filter_test_splice(void)
{
    struct wr_req *r = filter_begin(100, 0);

    source_fake.waits = true;
    wr_req_begin(r);
    tap_ok(wr_resp_can_splice(r), "splice: without filters");
    filter_push(r, &filter_meter, 'M');
    tap_ok(wr_resp_can_splice(r), "splice: with one that counts");
    filter_push(r, &filter_inspect, 'I');
    tap_ok(!wr_resp_can_splice(r), "splice: not with one that wants bytes");
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    filter_over("splice");
}

static void
filter_test_trailers(void)
{
    struct wr_head trailers = {0};

    for (unsigned filters = 0; filters < 2; filters++) {
        struct wr_req *r = filter_begin(0, 0);
        source_fake.waits = true;
        filter_in_response = filters ? filter_push_meter : NULL;
        wr_req_begin(r);
        trailers = (struct wr_head){0};
        wr_head_add(&trailers, &r->pool, WR_N_OTHER, WR_STR("X-Sum"), WR_STR("1"));
        r->status = 200;
        wr_resp_begin(r, true);
        r->source = NULL;
        source_fake.r = NULL;
        wr_resp_trailers(r, &trailers);
        filter_over("trailers");
        tap_ok(filter_front.over && filter_front.trailers == !filters, "trailers %s",
               filters ? "are left out behind a filter" : "pass");
    }
}

/* ---- heads that are held ---- */

static void
filter_push_holder(struct wr_req *r)
{
    struct filter_probe *p = filter_push(r, &filter_encode, 'E');

    p->holds_head = true;
    p->most = 10000;
    filter_push(r, &filter_meter, 'M');
}

static void
filter_test_held_head(void)
{
    struct wr_req *r = filter_begin(100000, 0);

    source_fake.piece = 999;
    filter_in_response = filter_push_holder;
    wr_req_begin(r);
    filter_over("held head");
    tap_ok(filter_front.got == 100000 && filter_front.over && filter_front.heads == 1,
           "held head: all arrived");
    tap_is_mem(filter_trace, 14, "EeeeeeeeeeeeMm", 14, "held head: nothing passes before it does");
    r = filter_begin(5000, 0);
    filter_in_response = filter_push_holder;
    wr_req_begin(r);
    filter_over("held head, short");
    tap_ok(filter_front.got == 5000 && filter_front.over, "held head: the end lets it go");
}

static void
filter_push_failing_holder(struct wr_req *r)
{
    filter_push(r, &filter_inspect, 'I')->keeps = true;
    struct filter_probe *p = filter_push(r, &filter_encode, 'E');
    p->holds_head = true;
    p->most = 10000;
}

static void
filter_test_replaced(void)
{
    struct wr_req *r = filter_begin(100000, 0);

    filter_front.checks_body = false;
    source_fake.piece = 1000;
    source_fake.waits = true; /* does not go on by credit */
    filter_in_response = filter_push_failing_holder;
    wr_req_begin(r);
    source_fake.bytes = 3000;
    r->status = 200;
    r->resp_length = 100000;
    wr_resp_begin(r, true);
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    bare_worker_fill(&ch, 0, 3000);
    wr_resp_body(r, &ch, false);
    tap_ok(filter_front.heads == 0 && !r->head_sent && filter_probes[1].bytes == 3000,
           "replaced: head and body held");
    wr_req_fail(r, WR_E_UPSTREAM_TRUNCATED);
    filter_over("replaced");
    tap_ok(filter_front.heads == 1 && filter_front.status == 502 && filter_front.over &&
               strstr(filter_front.head, "502") && source_fake.cancels == 1,
           "replaced: by an error page, and nothing of the old one");
}

static void
filter_push_failing(struct wr_req *r)
{
    struct filter_probe *p;

    filter_push(r, &filter_inspect, 'I')->keeps = true;
    p = filter_push(r, &filter_encode, 'E');
    p->holds_head = true;
    p->most = UINT64_MAX;
    p->fails = true;
}

/* A filter fails while one before it is passing bytes to it: that one is not called into what is gone. */
static void
filter_test_fails_within(void)
{
    struct wr_req *r = filter_begin(100000, 0);

    filter_front.checks_body = false;
    filter_in_response = filter_push_failing;
    wr_req_begin(r);
    filter_over("fails within");
    tap_ok(filter_front.status == 508 && filter_front.over && filter_front.heads == 1,
           "fails within: the page");
}

static void
filter_push_failing_late(struct wr_req *r)
{
    struct filter_probe *p;

    filter_push(r, &filter_inspect, 'I')->keeps = true;
    p = filter_push(r, &filter_encode, 'E');
    p->holds_head = true;
    p->most = 2000;
    p->fails_late = true;
}

/* The same from the client's side: of those that were ended by the one behind them, none hears of the credit. */
static void
filter_test_fails_on_credit(void)
{
    struct wr_req *r = filter_begin(100000, 0);
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    filter_front.checks_body = false;
    filter_in_response = filter_push_failing_late;
    source_fake.waits = true;
    wr_req_begin(r);
    r->status = 200;
    r->resp_length = 100000;
    wr_resp_begin(r, true);
    bare_worker_fill(&ch, 0, 1000);
    wr_resp_body(r, &ch, false);
    wr_req_credit(r);
    filter_over("fails on credit");
    tap_ok(filter_front.status == 508 && filter_front.over && filter_probes[0].credits == 0,
           "fails on credit: the page");
}

/* ---- credit ---- */

static void
filter_push_keepers(struct wr_req *r)
{
    filter_push(r, &filter_inspect, 'I')->keeps = true;
    filter_push(r, &filter_encode, 'E')->keeps = true;
}

static void
filter_test_credit(void)
{
    struct wr_req *r = filter_begin(50000, 0);

    filter_front.room = 3000;
    filter_in_response = filter_push_keepers;
    wr_req_begin(r);
    tap_ok(filter_front.got == 3000 && source_fake.sent == 13000 && wr_resp_room(r) == 0,
           "credit: beyond the client's, filters fill up, then the source stops");
    bare_worker_turn(&bare_worker);
    unsigned credits = source_fake.credits;
    wr_req_credit(r);
    tap_ok(filter_front.got == 3000 && source_fake.credits == credits, "credit: of nothing moves nothing");
    memset(filter_trace, 0, sizeof(filter_trace));
    filter_front.room = 1000;
    wr_req_credit(r);
    tap_ok(filter_front.got == 4000 && source_fake.sent == 14000 && source_fake.credits == credits + 1,
           "credit: passes backwards");
    tap_is_mem(filter_trace, 4, "++ei", 4, "credit: those near the client are first");
    filter_front.room = SIZE_MAX;
    wr_req_credit(r);
    filter_over("credit");
    tap_ok(filter_front.got == 50000 && filter_front.over, "credit: without end all arrives");
}

/* ---- requests ---- */

static struct wr_chain filter_early;

static void
filter_push_request_many(struct wr_req *r)
{
    filter_push_request(r, &filter_meter, 'M');
    filter_push_request(r, &filter_inspect, 'I');
}

static void
filter_test_request(size_t early, uint64_t bytes)
{
    struct wr_req *r = filter_begin(10, bytes);

    filter_front.body_at = early;
    filter_front.body_over = early == bytes;
    source_fake.answers_late = true;
    bare_worker_fill(&filter_early, 0, early);
    if (early > 0) {
        wr_body_push(r, &filter_early, early == bytes);
    }
    filter_in_guard = filter_push_request_many;
    wr_req_begin(r);
    filter_over("request");
    tap_ok(filter_probes[0].bytes == bytes && filter_probes[1].bytes == bytes && source_fake.taken == bytes &&
               source_fake.body_end,
           "request: of %llu bytes, %zu with the head, each filter sees each once", (unsigned long long)bytes,
           early);
    tap_ok(memcmp(filter_trace, "imim", bytes > 8192 ? 4 : 2) == 0, "request: in order");
    tap_ok(filter_front.status == 200 && filter_front.over, "request: answered");
}

int
main(void)
{
    wr_pipeline_proxy = source_fake_start;
    bare_worker_start(&bare_worker);
    wr_chain_init(&filter_early);
    filter_test_order();
    filter_test_splice();
    filter_test_trailers();
    filter_test_held_head();
    filter_test_replaced();
    filter_test_fails_within();
    filter_test_fails_on_credit();
    filter_test_credit();
    filter_test_request(0, 100000);
    filter_test_request(7000, 100000);
    filter_test_request(7000, 7000);
    filter_test_request(0, 7000);
    bare_worker_free(&bare_worker);
    return tap_done();
}
