/*
 * core/http/body over a front and a source without sockets: window, credit,
 * repeats, holders, 100-continue, memory.
 */
#include "core/http/body.h"

#include "core/http/response.h"
#include "t/lib/front_fake.h"
#include "t/lib/source_fake.h"
#include "t/unit/tap.h"

static struct front_fake body_front;

/* What the module does in GUARD. */
static struct body_script {
    uint64_t hold_bytes; /* 0: does not hold */
    bool waits;          /* for the body */
    bool waits_other;    /* for something else */
    unsigned calls;
    unsigned cancels;
    uint64_t seen; /* bytes in the window when it was called again */
} body_script;

static enum wr_step
body_route(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    r->route = &bare_worker.route;
    return WR_NEXT;
}

static void
body_cancel(void *arg)
{
    (void)arg;
    body_script.cancels++;
}

static enum wr_step
body_guard(struct wr_req *r, const void *conf, void *state)
{
    struct body_script *s = &body_script;

    (void)conf;
    (void)state;
    if (s->hold_bytes == 0) {
        return WR_NEXT;
    }
    if (s->calls++ == 0) {
        wr_body_hold(r, s->hold_bytes);
        if (s->waits || s->waits_other) {
            wr_req_park(r, s->waits ? wr_body_reason : "something else", WR_TIMER_NEVER, WR_E_INTERNAL,
                        body_cancel, NULL);
            return WR_WAIT;
        }
        return WR_NEXT;
    }
    s->seen = r->body.fresh.bytes;
    wr_body_release(r);
    return WR_NEXT;
}

static const struct wr_module body_module = {
    .name = "holder", .phase = {[WR_PHASE_ROUTE] = body_route, [WR_PHASE_GUARD] = body_guard}};
const struct wr_module *const wr_modules[] = {&body_module};
const unsigned wr_modules_n = 1;

static struct wr_req *
body_begin(uint64_t bytes, int64_t length)
{
    body_script = (struct body_script){0};
    body_front = (struct front_fake){.body_bytes = bytes, .pushes = true};
    source_fake = (struct source_fake){.bytes = 10, .answers_late = true};
    return front_fake_request(&body_front, &bare_worker, WR_M_POST, length);
}

static void
body_over(const char *what)
{
    bare_worker_turn(&bare_worker);
    tap_ok(front_fake_clean(&body_front, &bare_worker) && !source_fake.wrong && source_fake.r == NULL &&
               wr_buf_in_use_bytes() == bare_worker.memory && bare_worker.alerts == 0,
           "%s: clean (front %d ended %u source %d memory %+ld)", what, body_front.wrong, body_front.ended,
           source_fake.wrong, (long)(wr_buf_in_use_bytes() - bare_worker.memory));
}

/* ---- streaming ---- */

static void
body_test_stream(void)
{
    struct wr_req *r = body_begin(1000000, -1);

    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    body_over("stream");
    tap_ok(source_fake.taken == 1000000 && source_fake.body_end && source_fake.length == -1 &&
               body_front.over,
           "stream: all of it, as it comes");
    tap_is_int(body_front.continues, 0, "stream: nobody waited for 100");
    r = body_begin(0, 0);
    r->body.present = true;
    r->body.complete = true;
    wr_req_begin(r);
    body_over("an empty body");
    tap_ok(source_fake.body_end && source_fake.taken == 0 && body_front.over, "an empty body ends at once");
}

static void
body_test_window(void)
{
    struct wr_req *r = body_begin(1000000, 1000000);

    source_fake.takes_none = true;
    tap_is_int(wr_body_room(r), 0, "window: nothing is read before somebody wants it");
    wr_req_begin(r);
    front_fake_push(&body_front);
    tap_ok(body_front.body_at == 0 && wr_body_ready(r) == false, "window: not even when the source is there");
    source_fake.take = 1;
    source_fake_take(&source_fake);
    bare_worker_turn(&bare_worker);
    tap_ok(body_front.body_at == WR_BODY_WINDOW_BYTES && wr_body_room(r) == 0,
           "window: is filled, and no further");
    unsigned credits = body_front.credits;
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    tap_ok(!wr_body_take(r, &ch, 10000) && ch.bytes == 10000, "window: taken");
    wr_chain_free(&ch);
    source_fake.taken += 10000;
    tap_is_int(body_front.credits, credits + 1, "window: the front hears of the room");
    bare_worker_turn(&bare_worker);
    tap_is_int(body_front.body_at, WR_BODY_WINDOW_BYTES + 10000, "window: and reads on");
    source_fake.takes_none = false;
    source_fake.take = 0;
    source_fake_take(&source_fake);
    bare_worker_turn(&bare_worker);
    body_over("window");
    tap_is_int(source_fake.taken, 1000000, "window: all of it");
}

static void
body_test_continue(void)
{
    struct wr_req *r = body_begin(100000, 100000);

    r->expect_continue = true;
    source_fake.takes_none = true;
    wr_req_begin(r);
    tap_is_int(body_front.continues, 0, "100: not before somebody wants bytes");
    source_fake.takes_none = false;
    source_fake_take(&source_fake);
    tap_is_int(body_front.continues, 1, "100: then at once");
    bare_worker_turn(&bare_worker);
    body_over("100");
    tap_is_int(body_front.continues, 1, "100: once");
    r = body_begin(100000, 100000);
    r->expect_continue = true;
    source_fake.takes_none = true;
    source_fake.bytes = 100000;
    source_fake.answers_late = false;
    body_front.room = 10;
    wr_req_begin(r);
    tap_is_int(body_front.heads, 1, "100: an early response");
    source_fake.answers_late = true;
    source_fake_take(&source_fake);
    tap_is_int(body_front.continues, 0, "100: is not followed by one");
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    body_over("100, early response");
}

/* ---- repeats ---- */

static struct wr_req *
body_begin_kept(uint64_t bytes, uint64_t taken)
{
    struct wr_req *r = body_begin(bytes, (int64_t)bytes);

    source_fake.takes_none = true;
    r->body.keep = true;
    wr_req_begin(r);
    for (unsigned i = 0; i < 1000 && source_fake.taken < taken; i++) {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        source_fake.body_end =
            wr_body_take(r, &ch, (size_t)WR_MIN(taken - source_fake.taken, (uint64_t)5000));
        uint64_t n = ch.bytes;
        source_fake.wrong = source_fake.wrong || !bare_worker_check(&ch, source_fake.taken);
        source_fake.taken += n;
        bare_worker_turn(&bare_worker);
    }
    return r;
}

static void
body_test_repeat(uint64_t bytes, uint64_t taken)
{
    struct wr_req *r = body_begin_kept(bytes, taken);

    tap_ok(source_fake.taken == taken && wr_body_rewind(r) && r->body.taken == 0,
           "repeat: of %llu bytes %llu were taken", (unsigned long long)bytes, (unsigned long long)taken);
    tap_ok(wr_body_rewind(r), "repeat: twice is the same");
    source_fake.taken = 0;
    source_fake.takes_none = false;
    source_fake_take(&source_fake);
    bare_worker_turn(&bare_worker);
    body_over("repeat");
    tap_ok(source_fake.taken == bytes && source_fake.body_end && body_front.over,
           "repeat: from the first byte");
}

static void
body_test_no_repeat(void)
{
    struct wr_req *r = body_begin_kept(200000, 70000);

    tap_ok(!wr_body_rewind(r) && r->body.taken == 70000 && r->body.kept.bytes == 0,
           "repeat: not of more than is kept");
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    body_over("no repeat");
    r = body_begin_kept(200000, 10000);
    wr_body_forget(r);
    tap_ok(!wr_body_rewind(r) && r->body.kept.bytes == 0, "repeat: not when it was forgotten");
    source_fake.takes_none = false;
    source_fake_take(&source_fake);
    bare_worker_turn(&bare_worker);
    body_over("forgotten");
    tap_is_int(source_fake.taken, 200000, "repeat: but it goes on");
    r = body_begin(5000, 5000);
    r->body.keep = false;
    source_fake.takes_none = true;
    wr_req_begin(r);
    tap_ok(wr_body_rewind(r), "repeat: nothing taken is held whole");
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    body_over("nothing taken");
}

/* ---- holders ---- */

static void
body_test_hold_all(void)
{
    struct wr_req *r = body_begin(30000, -1);

    body_script.hold_bytes = 100000;
    body_script.waits = true;
    wr_req_begin(r);
    tap_ok(r->parked && !wr_body_ready(r) && source_fake.starts == 0, "hold: waits");
    bare_worker_turn(&bare_worker);
    body_over("hold");
    tap_ok(body_script.calls == 2 && body_script.seen == 30000 && body_script.cancels == 0,
           "hold: is called when it is complete");
    tap_ok(source_fake.length == 30000 && source_fake.taken == 30000 && body_front.over,
           "hold: then it goes on");
}

static void
body_test_hold_prefix(void)
{
    struct wr_req *r = body_begin(1000000, 1000000);

    body_script.hold_bytes = 20000;
    body_script.waits = true;
    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    body_over("hold of a prefix");
    tap_ok(body_script.calls == 2 && body_script.seen == 20000,
           "hold: is called when there is as much as it asked for (%llu)",
           (unsigned long long)body_script.seen);
    tap_ok(source_fake.taken == 1000000 && body_front.over, "hold: the rest streams");
}

/* Whoever waits for something else is not woken by the body. */
static void
body_test_hold_other(void)
{
    struct wr_req *r = body_begin(30000, -1);

    body_script.hold_bytes = 100000;
    body_script.waits_other = true;
    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    tap_ok(r->parked && r->body.complete && body_script.calls == 1,
           "hold: does not wake who waits for other things");
    wr_req_wake(&bare_worker.sv, wr_req_token(r));
    bare_worker_turn(&bare_worker);
    body_over("hold, other");
    tap_ok(body_script.calls == 2 && body_front.over, "hold: their own wake does");
}

static void
body_test_hold_refuse(void)
{
    struct wr_req *r = body_begin(1000000, -1);

    body_script.hold_bytes = 20000;
    body_script.waits_other = true;
    body_front.ends_late = true;
    wr_req_begin(r);
    bare_worker_turns_ms(&bare_worker, 8);
    wr_req_fail(r, WR_E_BODY_TOO_LARGE);
    uint64_t at = body_front.body_at;
    front_fake_push(&body_front);
    tap_ok(wr_body_room(r) == 0 && body_front.body_at == at, "refused: nothing more is read");
    wr_req_end(r);
    body_over("refused");
    tap_ok(body_front.status == 413 && body_front.over, "refused: answered");
}

/* Held while the source is there already: nothing goes out. */
static void
body_test_hold_late(void)
{
    struct wr_req *r = body_begin(50000, -1);
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    source_fake.takes_none = true;
    wr_req_begin(r);
    wr_body_hold(r, 100000);
    wr_body_hold(r, 1000);
    bare_worker_turn(&bare_worker);
    tap_ok(r->body.received == 50000 && !wr_body_ready(r) && !wr_body_take(r, &ch, 100) && ch.bytes == 0,
           "two holders: nothing goes out");
    wr_body_release(r);
    tap_ok(!wr_body_take(r, &ch, 100) && ch.bytes == 0, "one left: still nothing");
    wr_body_release(r);
    source_fake.takes_none = false;
    source_fake_take(&source_fake);
    body_over("two holders");
    tap_ok(source_fake.taken == 50000 && body_front.over, "none left: all of it");
}

/* ---- memory ---- */

static void
body_crumb(struct wr_req *r, uint64_t offset, bool last)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_buf *b = wr_buf_new(WR_BUF_BIG_BYTES);

    b->data[0] = bare_worker_byte(offset);
    wr_chain_add(&ch, b, b->data, 1);
    wr_buf_unref(b);
    wr_body_push(r, &ch, last);
}

/* A client that sends a byte a packet, each in a large buffer. */
static void
body_test_crumbs(bool takes)
{
    struct wr_req *r = body_begin(5000, -1);
    size_t most = 0;

    body_front.pushes = false;
    source_fake.takes_none = !takes;
    wr_req_begin(r);
    r->body.keep = true;
    for (unsigned i = 0; i < 5000; i++) {
        body_crumb(r, i, i == 4999);
        most = WR_MAX(most, wr_buf_in_use_bytes() - bare_worker.memory);
    }
    tap_ok(most < 6 * WR_BUF_BIG_BYTES, "crumbs, %s: memory follows the bytes (%zu)",
           takes ? "kept" : "waiting", most);
    if (takes) {
        tap_is_int(source_fake.taken, 5000, "crumbs: taken");
    } else {
        source_fake.takes_none = false;
        source_fake_take(&source_fake);
        tap_is_int(source_fake.taken, 5000, "crumbs: all there");
    }
    body_over("crumbs");
}

/* At 70% of the worker's budget windows halve, at its end nothing is read. */
static void
body_test_budget(void)
{
    struct wr_req *r = body_begin(1000000, -1);
    struct wr_buf *b;

    source_fake.takes_none = true;
    wr_req_begin(r);
    wr_body_hold(r, 10000);
    wr_body_release(r);
    tap_is_int(wr_body_room(r), WR_BODY_WINDOW_BYTES, "budget: fine");
    b = wr_buf_new(48u << 20);
    tap_is_int(wr_body_room(r), WR_BODY_WINDOW_BYTES / 2, "budget: half a window");
    struct wr_buf *c = wr_buf_new(20u << 20);
    tap_is_int(wr_body_room(r), 0, "budget: used up");
    wr_buf_unref(b);
    wr_buf_unref(c);
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    body_over("budget");
}

/* The front may have read more than it heard that r ends. */
static void
body_test_ending(void)
{
    struct wr_req *r = body_begin(100000, -1);
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    source_fake.takes_none = true;
    wr_req_begin(r);
    wr_body_hold(r, 5000);
    bare_worker_turns_ms(&bare_worker, 8);
    wr_req_gone(r, WR_E_CLIENT_CLOSED_BODY);
    bare_worker_fill(&ch, 0, 1000);
    wr_body_push(r, &ch, true);
    tap_ok(ch.bytes == 0 && wr_body_room(r) == 0, "ending: what comes is dropped");
    body_over("ending");
}

int
main(void)
{
    wr_pipeline_proxy = source_fake_start;
    bare_worker_start(&bare_worker);
    body_test_stream();
    body_test_window();
    body_test_continue();
    body_test_repeat(50000, 50000);
    body_test_repeat(65536, 65536);
    body_test_repeat(200000, 60000);
    body_test_repeat(100, 1);
    body_test_no_repeat();
    body_test_hold_all();
    body_test_hold_prefix();
    body_test_hold_other();
    body_test_hold_refuse();
    body_test_hold_late();
    body_test_crumbs(false);
    body_test_crumbs(true);
    body_test_budget();
    body_test_ending();
    bare_worker_free(&bare_worker);
    return tap_done();
}
