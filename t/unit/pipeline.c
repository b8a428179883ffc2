/*
 * core/http/pipeline and the life of a request, over a front and a source
 * without sockets: phases, parking, tokens, failing, ending, collecting.
 */
#include "core/http/pipeline.h"

#include "core/http/response.h"
#include "t/lib/front_fake.h"
#include "t/lib/source_fake.h"
#include "t/unit/tap.h"

enum pipeline_what {
    PIPELINE_NOTHING,
    PIPELINE_WAIT,
    PIPELINE_FAIL, /* the first time, which is not the error page's */
    PIPELINE_FAIL_ALWAYS,
    PIPELINE_ANSWER,
    PIPELINE_WAIT_ON_PAGE, /* parks when the response is an error page */
};

/* What the module does, and what became of it. */
static struct pipeline_script {
    enum wr_phase at;
    enum pipeline_what what;
    uint64_t until_ms; /* 0: never */
    bool wakes_itself;

    char trace[100]; /* a letter a handler: small ones are the first module's */
    unsigned cancels;
    unsigned ended;
    bool wrong;
} pipeline_script;

struct pipeline_state {
    bool waited;
    uint64_t number;
};

static const char pipeline_letters[] = "HRGBLPS";
static struct front_fake pipeline_front;

static void
pipeline_note(char c)
{
    size_t n = strlen(pipeline_script.trace);

    if (n < sizeof(pipeline_script.trace) - 1) {
        pipeline_script.trace[n] = c;
    }
}

/* ---- modules ---- */

static enum wr_step
pipeline_first(struct wr_req *r, const void *conf, void *state)
{
    pipeline_script.wrong = pipeline_script.wrong || conf != NULL || state != NULL;
    pipeline_note((char)(pipeline_letters[r->phase] | 0x20));
    return WR_NEXT;
}

static void
pipeline_cancel(void *arg)
{
    struct wr_req *r = arg;

    pipeline_script.cancels++;
    pipeline_script.wrong = pipeline_script.wrong || r->parked;
}

static enum wr_step
pipeline_park(struct wr_req *r, struct pipeline_state *st)
{
    struct pipeline_script *s = &pipeline_script;

    st->waited = true;
    wr_req_park(r, "the test", s->until_ms ? s->until_ms : WR_TIMER_NEVER, WR_E_OVERLOAD, pipeline_cancel, r);
    if (s->wakes_itself) {
        wr_req_wake(r->sv, wr_req_token(r));
        wr_req_wake(r->sv, wr_req_token(r));
    }
    return WR_WAIT;
}

static enum wr_step
pipeline_every(struct wr_req *r, const void *conf, void *state)
{
    struct pipeline_script *s = &pipeline_script;
    struct pipeline_state *st = state;

    s->wrong = s->wrong || conf != NULL || (st->number != 0 && st->number != r->number) || r->ending;
    st->number = r->number;
    pipeline_note(pipeline_letters[r->phase]);
    if (r->phase == WR_PHASE_ROUTE) {
        r->route = &bare_worker.route;
    }
    if (s->what == PIPELINE_WAIT_ON_PAGE && r->phase == WR_PHASE_RESPONSE && r->local && st->waited) {
        st->waited = false;
        wr_req_park(r, "the page", WR_TIMER_NEVER, WR_E_OVERLOAD, pipeline_cancel, r);
        return WR_WAIT;
    }
    if (r->phase != s->at) {
        return WR_NEXT;
    }
    if ((s->what == PIPELINE_WAIT || s->what == PIPELINE_WAIT_ON_PAGE) && !st->waited) {
        return pipeline_park(r, st);
    }
    if (s->what == PIPELINE_FAIL_ALWAYS || (s->what == PIPELINE_FAIL && r->err == WR_E_NONE)) {
        wr_req_fail(r, WR_E_LOOP);
        return WR_DONE;
    }
    if (s->what == PIPELINE_ANSWER && !r->local) {
        wr_req_answer(r, 403, WR_STR("text/plain"), WR_STR("no"));
        return WR_DONE;
    }
    return WR_NEXT;
}

static void
pipeline_ended(struct wr_req *r, void *state)
{
    struct pipeline_state *st = state;

    pipeline_script.ended++;
    pipeline_script.wrong = pipeline_script.wrong || st->number != r->number;
}

static bool
pipeline_inactive(const struct wr_route *rt, const void *conf, void *main)
{
    return rt == NULL || conf != NULL || main != NULL;
}

/* Is called in HEAD and ROUTE alone. */
static enum wr_step
pipeline_never(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    pipeline_script.wrong = pipeline_script.wrong || r->phase > WR_PHASE_ROUTE;
    return WR_NEXT;
}

#define PIPELINE_ALL(fn)                                                                                     \
    {                                                                                                        \
        fn, fn, fn, fn, fn, fn, fn                                                                           \
    }
static const struct wr_module pipeline_module_first = {.name = "first",
                                                       .phase = PIPELINE_ALL(pipeline_first)};
static const struct wr_module pipeline_module_every = {.name = "every",
                                                       .req_state_bytes = sizeof(struct pipeline_state),
                                                       .phase = PIPELINE_ALL(pipeline_every),
                                                       .ended = pipeline_ended};
static const struct wr_module pipeline_module_never = {
    .name = "never", .phase = PIPELINE_ALL(pipeline_never), .active = pipeline_inactive};
const struct wr_module *const wr_modules[] = {&pipeline_module_first, &pipeline_module_every,
                                              &pipeline_module_never};
const unsigned wr_modules_n = 3;

/* ---- a test's beginning and end ---- */

static struct wr_req *
pipeline_begin(enum wr_phase at, enum pipeline_what what)
{
    pipeline_script = (struct pipeline_script){.at = at, .what = what};
    pipeline_front = (struct front_fake){0};
    source_fake = (struct source_fake){.bytes = 1000};
    bare_worker.failures = 0;
    return front_fake_request(&pipeline_front, &bare_worker, WR_M_GET, 0);
}

/* After the end: each thing has happened once, and nothing is left. */
static void
pipeline_over(const char *what)
{
    struct pipeline_script *s = &pipeline_script;

    bare_worker_turn(&bare_worker);
    tap_ok(front_fake_clean(&pipeline_front, &bare_worker) && !s->wrong && !source_fake.wrong &&
               source_fake.r == NULL && s->ended <= 1 && bare_worker_requests(&bare_worker) == 0 &&
               wr_buf_in_use_bytes() == bare_worker.memory && bare_worker.alerts == 0,
           "%s: clean (front %d ended %u module %d/%u source %d requests %u memory %+ld)", what,
           pipeline_front.wrong, pipeline_front.ended, s->wrong, s->ended, source_fake.wrong,
           bare_worker_requests(&bare_worker), (long)(wr_buf_in_use_bytes() - bare_worker.memory));
}

static const char *
pipeline_phase_name(enum wr_phase ph)
{
    static const char *const names[] = {"HEAD", "ROUTE", "GUARD", "BODY", "LOOKUP", "PICK", "RESPONSE"};

    return names[ph];
}

/* ---- tests ---- */

static void
pipeline_test_plain(void)
{
    wr_req_begin(pipeline_begin(WR_PHASES, PIPELINE_NOTHING));
    pipeline_over("plain");
    tap_is_str(pipeline_script.trace, "hHrRgGbBlLpPsS", "plain: all phases, in order");
    tap_ok(pipeline_front.over && pipeline_front.status == 200 && pipeline_front.got == 1000 &&
               pipeline_front.head_more && pipeline_front.end_err == WR_E_NONE,
           "plain: the response arrived");
    tap_ok(source_fake.starts == 1 && source_fake.cancels == 0 && pipeline_script.ended == 1,
           "plain: once each");
}

/* Trace of a request that goes through all, with every's handler called twice in one phase. */
static const char *
pipeline_twice(enum wr_phase at)
{
    static char text[32];
    size_t n = 0;

    for (unsigned ph = 0; ph < WR_PHASES; ph++) {
        text[n++] = (char)(pipeline_letters[ph] | 0x20);
        text[n++] = pipeline_letters[ph];
        if (ph == at) {
            text[n++] = pipeline_letters[ph];
        }
    }
    text[n] = '\0';
    return text;
}

static void
pipeline_test_wait(enum wr_phase ph)
{
    const char *name = pipeline_phase_name(ph);
    struct wr_req *r = pipeline_begin(ph, PIPELINE_WAIT);
    struct wr_token t = wr_req_token(r);

    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    tap_ok(r->parked && r->phase == ph && pipeline_front.heads == 0, "wait in %s: parked", name);
    wr_req_credit(r);
    wr_req_wake(&bare_worker.sv, t);
    wr_req_wake(&bare_worker.sv, t);
    tap_ok(r->parked, "wait in %s: a wake calls no handler", name);
    bare_worker_turn(&bare_worker);
    wr_req_wake(&bare_worker.sv, t);
    pipeline_over("woken twice and late");
    wr_req_wake(&bare_worker.sv, t);
    tap_is_str(pipeline_script.trace, pipeline_twice(ph), "wait in %s: goes on once, where it stood", name);
    tap_ok(pipeline_script.cancels == 0 && pipeline_front.over && pipeline_front.got == 1000,
           "wait in %s: no cancel after a wake", name);
}

/* Woken before the handler has even said that it waits. */
static void
pipeline_test_wake_at_once(enum wr_phase ph)
{
    struct wr_req *r = pipeline_begin(ph, PIPELINE_WAIT);

    pipeline_script.wakes_itself = true;
    wr_req_begin(r);
    pipeline_over("woken at once");
    tap_is_str(pipeline_script.trace, pipeline_twice(ph), "woken at once in %s", pipeline_phase_name(ph));
}

static void
pipeline_test_expiry(enum wr_phase ph)
{
    const char *name = pipeline_phase_name(ph);
    struct wr_req *r = pipeline_begin(ph, PIPELINE_WAIT);
    struct wr_token t = wr_req_token(r);

    pipeline_front.ends_late = true;
    wr_clock_update();
    pipeline_script.until_ms = wr_clock.mono_ms + 16;
    wr_req_begin(r);
    for (unsigned i = 0; i < 100 && !pipeline_front.over; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    tap_ok(pipeline_front.status == 503 && r->err == WR_E_OVERLOAD && pipeline_script.cancels == 1,
           "expiry in %s: its failure, cancelled once", name);
    wr_req_wake(&bare_worker.sv, t);
    bare_worker_turns_ms(&bare_worker, 16);
    tap_ok(strstr(pipeline_front.head, "503 Service Unavailable") != NULL && !pipeline_front.aborted,
           "expiry in %s: the page arrived", name);
    tap_is_int(source_fake.cancels, ph == WR_PHASE_RESPONSE, "expiry in %s: the source is let go", name);
    wr_req_end(r);
    pipeline_over("expiry");
    tap_ok(bare_worker.failures == 1 && strcmp(bare_worker.reason, "overload") == 0,
           "expiry in %s: one line with the reason", name);
}

static void
pipeline_test_gone(enum wr_phase ph)
{
    const char *name = pipeline_phase_name(ph);
    struct wr_req *r = pipeline_begin(ph, PIPELINE_WAIT);
    struct wr_token t = wr_req_token(r);
    struct front_fake other = {0};

    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    wr_req_wake(&bare_worker.sv, t); /* on its way when the client goes */
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    wr_req_gone(r, WR_E_CLIENT_STALLED);
    wr_req_fail(r, WR_E_INTERNAL);
    pipeline_over("gone");
    tap_ok(pipeline_front.heads == 0 && pipeline_front.end_status == 499 &&
               pipeline_front.end_err == WR_E_CLIENT_CLOSED && pipeline_script.cancels == 0,
           "gone in %s: nothing is sent", name);
    r = front_fake_request(&other, &bare_worker, WR_M_GET, 0);
    source_fake = (struct source_fake){.bytes = 1000};
    wr_req_begin(r);
    tap_ok(other.token.index == t.index && other.token.generation != t.generation && r->parked,
           "gone in %s: another stands in its place", name);
    wr_req_wake(&bare_worker.sv, t);
    bare_worker_turn(&bare_worker);
    tap_ok(r->parked && wr_req_of(&bare_worker.sv, t) == NULL, "gone in %s: whom a stale token does not wake",
           name);
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    bare_worker_turn(&bare_worker);
    tap_ok(pipeline_script.cancels == 1 && pipeline_script.ended == 2 && other.ended == 1,
           "gone in %s: cancelled once", name);
}

static void
pipeline_test_fail(enum wr_phase ph)
{
    const char *name = pipeline_phase_name(ph);

    wr_req_begin(pipeline_begin(ph, PIPELINE_FAIL));
    pipeline_over("fail");
    tap_ok(pipeline_front.status == 508 && pipeline_front.over && pipeline_front.end_err == WR_E_LOOP &&
               strstr(pipeline_front.head, "508") != NULL,
           "fail in %s: the page", name);
    tap_ok(strstr(pipeline_script.trace, "sS") != NULL, "fail in %s: the page passes RESPONSE", name);
    tap_is_int(source_fake.cancels, ph == WR_PHASE_RESPONSE, "fail in %s: the source is let go", name);
    wr_req_begin(pipeline_begin(ph, PIPELINE_ANSWER));
    pipeline_over("answer");
    tap_ok(pipeline_front.status == 403 && pipeline_front.over && strcmp(pipeline_front.head, "no") == 0 &&
               pipeline_front.end_err == WR_E_NONE,
           "answer in %s", name);
}

static void
pipeline_test_fail_always(void)
{
    wr_req_begin(pipeline_begin(WR_PHASE_RESPONSE, PIPELINE_FAIL_ALWAYS));
    pipeline_over("fails on its own page");
    tap_ok(pipeline_front.status == 508 && pipeline_front.over && bare_worker.failures == 1,
           "who fails on the page of its failure does not get it back");
}

/* A wake is under way, the request fails, its page parks: that park is not the one that was woken. */
static void
pipeline_test_old_wake(void)
{
    struct wr_req *r = pipeline_begin(WR_PHASE_GUARD, PIPELINE_WAIT_ON_PAGE);

    wr_req_begin(r);
    wr_req_wake(&bare_worker.sv, wr_req_token(r));
    wr_req_fail(r, WR_E_DEADLINE);
    bare_worker_turn(&bare_worker);
    tap_ok(r->parked && strcmp(r->park_reason, "the page") == 0 && pipeline_front.heads == 0,
           "an old wake does not wake a new park");
    wr_req_wake(&bare_worker.sv, wr_req_token(r));
    pipeline_over("an old wake");
    tap_ok(pipeline_front.status == 504 && pipeline_front.over && pipeline_script.cancels == 0,
           "its own does, and the page goes");
}

static void
pipeline_wait_for_page(struct wr_req *r)
{
    wr_req_begin(r);
    for (unsigned i = 0; i < 100 && !pipeline_front.over; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    bare_worker_turns_ms(&bare_worker, 40);
}

static void
pipeline_test_deadlines(void)
{
    struct wr_req *r = pipeline_begin(WR_PHASE_LOOKUP, PIPELINE_WAIT);

    pipeline_front.ends_late = true;
    wr_clock_update();
    r->deadline_ms = wr_clock.mono_ms + 16;
    pipeline_wait_for_page(r);
    tap_ok(r->err == WR_E_DEADLINE && pipeline_front.status == 504 && pipeline_script.cancels == 1 &&
               !pipeline_front.aborted,
           "deadline: clamps a park");
    wr_req_end(r);
    pipeline_over("deadline");
    r = pipeline_begin(WR_PHASE_LOOKUP, PIPELINE_WAIT);
    pipeline_front.ends_late = true;
    r->total_ms = wr_clock.mono_ms + 16;
    pipeline_wait_for_page(r);
    tap_ok(r->err == WR_E_TOTAL_TIMEOUT && pipeline_front.status == 504 && !pipeline_front.aborted,
           "total: once, and its page may take longer");
    wr_req_end(r);
    pipeline_over("total");
    r = pipeline_begin(WR_PHASES, PIPELINE_NOTHING);
    pipeline_front.room = 500;
    r->deadline_ms = wr_clock.mono_ms + 16;
    r->total_ms = wr_clock.mono_ms + 32;
    wr_req_begin(r);
    wr_req_source_due(r, WR_TIMER_NEVER); /* arms the timer, as every source does */
    for (unsigned i = 0; i < 100 && pipeline_front.ended == 0; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    pipeline_over("total within a response");
    tap_ok(pipeline_front.aborted && pipeline_front.why == WR_E_TOTAL_TIMEOUT &&
               pipeline_front.status == 200 && source_fake.cancels == 1,
           "total: within a response it breaks off; deadline: is over with the head");
}

static void
pipeline_test_source_due(void)
{
    struct wr_req *r = pipeline_begin(WR_PHASES, PIPELINE_NOTHING);

    source_fake.waits = true;
    wr_req_begin(r);
    wr_clock_update();
    wr_req_source_due(r, wr_clock.mono_ms + 500);
    wr_req_source_due(r, wr_clock.mono_ms + 8);
    bare_worker_turns_ms(&bare_worker, 60);
    tap_is_int(source_fake.dues, 1, "the source's deadline comes, once");
    wr_req_source_due(r, wr_clock.mono_ms + 8);
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    bare_worker_turns_ms(&bare_worker, 40);
    tap_ok(source_fake.dues == 1 && source_fake.cancels == 1, "but not to one that was cancelled");
    pipeline_over("source's deadline");
}

static void
pipeline_test_again(void)
{
    struct wr_req *r = pipeline_begin(WR_PHASES, PIPELINE_NOTHING);

    source_fake.waits = true;
    wr_req_begin(r);
    r->source = NULL;
    source_fake.waits = false;
    wr_pipeline_again(r);
    pipeline_over("another attempt");
    tap_is_str(pipeline_script.trace, "hHrRgGbBlLpPpPsS", "another attempt: PICK alone, once more");
    tap_is_int(source_fake.starts, 2, "another attempt: the source starts again");
}

/* The client goes while the response is on its way, or while it cannot be sent. */
static void
pipeline_test_gone_late(void)
{
    struct wr_req *r = pipeline_begin(WR_PHASES, PIPELINE_NOTHING);

    pipeline_front.room = 300;
    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    tap_ok(pipeline_front.got == 300 && source_fake.r == r, "a full client stops the source");
    wr_req_gone(r, WR_E_CLIENT_STALLED);
    pipeline_over("gone in a response");
    tap_ok(source_fake.cancels == 1 && pipeline_front.end_err == WR_E_CLIENT_STALLED &&
               pipeline_front.end_status == 200,
           "gone in a response: status as sent, the error told");
    r = pipeline_begin(WR_PHASES, PIPELINE_NOTHING);
    source_fake.waits = true;
    wr_req_begin(r);
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    pipeline_over("gone before a response");
    tap_is_int(source_fake.cancels, 1, "gone before a response: the source is let go");
    r = pipeline_begin(WR_PHASES, PIPELINE_NOTHING);
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    pipeline_over("gone before it began");
    tap_ok(source_fake.starts == 0 && pipeline_script.ended == 0, "gone before it began: no phase was run");
}

/* ---- a response that comes while RESPONSE waits ---- */

static void
pipeline_test_held(void)
{
    struct wr_req *r = pipeline_begin(WR_PHASE_RESPONSE, PIPELINE_WAIT);

    source_fake.greedy = true;
    wr_req_begin(r);
    tap_ok(r->parked && source_fake.sent == 1000 && pipeline_front.heads == 0 && wr_resp_room(r) == 0,
           "held: the body waits, there is no room for more");
    wr_req_wake(&bare_worker.sv, wr_req_token(r));
    pipeline_front.checks_body = true;
    pipeline_over("held");
    tap_ok(pipeline_front.got == 1000 && pipeline_front.over && pipeline_front.head_more,
           "held: then it goes");
}

/* ---- bodies ---- */

static struct wr_req *
pipeline_begin_body(uint64_t bytes, int64_t length)
{
    pipeline_begin(WR_PHASES, PIPELINE_NOTHING);
    wr_req_gone(pipeline_front.r, WR_E_CLIENT_CLOSED); /* that one had none */
    bare_worker_turn(&bare_worker);
    pipeline_script = (struct pipeline_script){.at = WR_PHASES};
    pipeline_front = (struct front_fake){.body_bytes = bytes, .pushes = true};
    source_fake = (struct source_fake){.bytes = 10, .answers_late = true};
    bare_worker.failures = 0;
    return front_fake_request(&pipeline_front, &bare_worker, WR_M_POST, length);
}

static void
pipeline_until_ended(void)
{
    for (unsigned i = 0; i < 2000 && pipeline_front.ended == 0; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
}

static void
pipeline_test_limit(void)
{
    bare_worker.route.conf.body_limit = 100000;
    wr_req_begin(pipeline_begin_body(200000, 200000));
    pipeline_over("declared too large");
    tap_ok(pipeline_front.status == 413 && pipeline_front.body_at == 0 && source_fake.starts == 0,
           "limit: a declared length is enough for a 413");
    struct wr_req *r = pipeline_begin_body(200000, -1);
    pipeline_front.ends_late = true;
    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    tap_ok(pipeline_front.status == 413 && pipeline_front.over && source_fake.cancels == 1,
           "limit: else as soon as there is too much");
    front_fake_push(&pipeline_front);
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    bare_worker_fill(&ch, 0, 50000);
    wr_body_push(r, &ch, true); /* what was read already */
    tap_ok(!pipeline_front.aborted && pipeline_front.body_at < 150000 && ch.bytes == 0,
           "limit: what still comes does not break the answer");
    wr_req_end(r);
    pipeline_over("too large");
    bare_worker.route.conf.body_limit = WR_OFF;
}

static void
pipeline_test_collect(const char *what, uint64_t bytes, int64_t length, bool early)
{
    struct wr_req *r = pipeline_begin_body(bytes, length);

    r->expect_continue = true;
    if (early) {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        pipeline_front.body_at = WR_MIN(bytes, (uint64_t)5000);
        pipeline_front.body_over = pipeline_front.body_at == bytes;
        bare_worker_fill(&ch, 0, (size_t)pipeline_front.body_at);
        wr_body_push(r, &ch, pipeline_front.body_over);
    }
    wr_req_begin(r);
    bool parked = r->parked && r->phase == WR_PHASE_BODY && source_fake.starts == 0;
    tap_ok(parked == (!early || bytes > 5000), "collect, %s: waits for the rest", what);
    pipeline_until_ended();
    tap_ok(source_fake.starts == 1 && source_fake.length == (int64_t)bytes && source_fake.taken == bytes &&
               source_fake.body_end,
           "collect, %s: the upstream gets it whole, and its length", what);
    tap_ok(pipeline_front.status == 200 && pipeline_front.over, "collect, %s: answered", what);
    tap_is_int(pipeline_front.continues, early ? 0 : 1, "collect, %s: 100", what);
    tap_is_str(pipeline_script.trace, "hHrRgGbBlLpPsS", "collect, %s: no handler runs twice", what);
    bare_worker_turns_ms(&bare_worker, 50);
    pipeline_over("collect");
}

static void
pipeline_test_collect_fails(void)
{
    bare_worker.route.conf.buffer_file = 200000;
    wr_req_begin(pipeline_begin_body(300000, 300000));
    pipeline_over("collect, declared over buffer.file");
    tap_ok(pipeline_front.end_err == WR_E_SPOOL_FULL && pipeline_front.body_at == 0 && pipeline_front.over &&
               source_fake.starts == 0,
           "collect, declared over buffer.file: refused before a byte");
    wr_req_begin(pipeline_begin_body(300000, -1));
    pipeline_until_ended();
    bare_worker_turns_ms(&bare_worker, 50);
    pipeline_over("collect, over buffer.file");
    tap_ok(pipeline_front.end_err == WR_E_SPOOL_FULL && pipeline_front.over && source_fake.starts == 0,
           "collect, over buffer.file: refused");
    bare_worker.route.conf.body_limit = 250000;
    bare_worker.route.conf.buffer_file = 100000;
    wr_req_begin(pipeline_begin_body(300000, -1));
    pipeline_until_ended();
    bare_worker_turns_ms(&bare_worker, 50);
    tap_is_int(pipeline_front.end_err, WR_E_SPOOL_FULL, "collect, over buffer.file first");
    pipeline_over("collect, over both");
    bare_worker.route.conf.body_limit = WR_OFF;
    bare_worker.route.conf.buffer_file = UINT64_C(1) << 30;
    struct wr_req *r = pipeline_begin_body(3 << 20, 3 << 20);
    pipeline_front.stops_at = 1 << 20;
    wr_req_begin(r);
    while (pipeline_front.body_at < (1 << 20)) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    wr_req_gone(r, WR_E_CLIENT_CLOSED_BODY); /* jobs run */
    bare_worker_turns_ms(&bare_worker, 100);
    pipeline_over("collect, gone");
    tap_ok(pipeline_front.end_err == WR_E_CLIENT_CLOSED_BODY && source_fake.starts == 0,
           "collect, gone: the upstream never heard of it");
}

/* Another attempt after a part of a body in a file was taken. */
static void
pipeline_test_collect_again(void)
{
    struct wr_req *r = pipeline_begin_body(1 << 20, -1);

    source_fake.takes_none = true;
    wr_req_begin(r);
    while (source_fake.starts == 0) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    while (source_fake.taken < 500000) {
        bare_worker_turns_ms(&bare_worker, 8);
        source_fake_take(&source_fake);
    }
    tap_ok(wr_body_rewind(r), "collect, again: offset 0 is held");
    source_fake.taken = 0;
    source_fake.takes_none = false;
    pipeline_until_ended();
    tap_ok(source_fake.taken == (1 << 20) && !source_fake.wrong && pipeline_front.status == 200,
           "collect, again: the same bytes once more");
    bare_worker_turns_ms(&bare_worker, 50);
    pipeline_over("collect, again");
}

int
main(void)
{
    wr_pipeline_proxy = source_fake_start;
    bare_worker_start(&bare_worker);
    pipeline_test_plain();
    for (unsigned ph = 0; ph < WR_PHASES; ph++) {
        pipeline_test_wait(ph);
        pipeline_test_wake_at_once(ph);
        pipeline_test_expiry(ph);
        pipeline_test_gone(ph);
        pipeline_test_fail(ph);
    }
    pipeline_test_fail_always();
    pipeline_test_old_wake();
    pipeline_test_deadlines();
    pipeline_test_source_due();
    pipeline_test_again();
    pipeline_test_gone_late();
    pipeline_test_held();
    pipeline_test_limit();
    bare_worker.route.conf.buffer = WR_BUFFER_REQUEST;
    pipeline_test_collect("with the head", 3000, 3000, true);
    pipeline_test_collect("small", 3000, 3000, false);
    pipeline_test_collect("small, chunked", 60000, -1, true);
    pipeline_test_collect("of the window", 65536, 65536, false);
    pipeline_test_collect("of the window, chunked", 65536, -1, false);
    pipeline_test_collect("a byte over", 65537, -1, false);
    pipeline_test_collect("large", 3000000, 3000000, true);
    pipeline_test_collect("large, chunked", 3000000, -1, false);
    pipeline_test_collect_fails();
    pipeline_test_collect_again();
    bare_worker_free(&bare_worker);
    return tap_done();
}
