/*
 * core/http/spool_filter: buffer = response over a front and a source without
 * sockets, with real files.
 */
#include "core/http/spool_filter.h"

#include <signal.h>
#include <sys/resource.h>

#include "core/http/response.h"
#include "t/lib/front_fake.h"
#include "t/lib/source_fake.h"
#include "t/unit/tap.h"

static struct front_fake spool_filter_front;

static enum wr_step
spool_filter_route(struct wr_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    r->route = &bare_worker.route;
    return WR_NEXT;
}

static const struct wr_module spool_filter_module = {.name = "route",
                                                     .phase = {[WR_PHASE_ROUTE] = spool_filter_route}};
const struct wr_module *const wr_modules[] = {&spool_filter_module};
const unsigned wr_modules_n = 1;

static void
spool_filter_over(const char *what)
{
    for (unsigned i = 0; i < 200 && spool_filter_front.ended == 0; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    for (unsigned i = 0; i < 200 && wr_buf_in_use_bytes() != bare_worker.memory; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    tap_ok(front_fake_clean(&spool_filter_front, &bare_worker) && !source_fake.wrong &&
               source_fake.r == NULL && wr_buf_in_use_bytes() == bare_worker.memory &&
               bare_worker.alerts == 0,
           "%s: clean (front %d ended %u source %d memory %+ld)", what, spool_filter_front.wrong,
           spool_filter_front.ended, source_fake.wrong, (long)(wr_buf_in_use_bytes() - bare_worker.memory));
}

static struct wr_req *
spool_filter_begin(uint64_t bytes, size_t room)
{
    spool_filter_front = (struct front_fake){.room = room, .checks_body = true};
    source_fake = (struct source_fake){.bytes = bytes, .piece = 30000};
    return front_fake_request(&spool_filter_front, &bare_worker, WR_M_GET, 0);
}

static void
spool_filter_test_fast(void)
{
    struct wr_req *r = spool_filter_begin(3000000, SIZE_MAX);

    wr_req_begin(r);
    spool_filter_over("fast client");
    tap_ok(spool_filter_front.got == 3000000 && spool_filter_front.over && source_fake.credits == 0,
           "a fast client");
}

/* The client takes some bytes a tick; true when all has come. */
static bool
spool_filter_drain(size_t each)
{
    for (unsigned i = 0; i < 5000 && spool_filter_front.ended == 0; i++) {
        spool_filter_front.room = each;
        if (spool_filter_front.r != NULL) {
            wr_req_credit(spool_filter_front.r);
        }
        bare_worker_turns_ms(&bare_worker, i % 4 == 0 ? 8 : 1);
    }
    return spool_filter_front.over;
}

static void
spool_filter_test_slow(void)
{
    struct wr_req *r = spool_filter_begin(5000000, 1);
    size_t most = 0;

    wr_req_begin(r);
    for (unsigned i = 0; i < 500 && !source_fake.done; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
        most = WR_MAX(most, wr_buf_in_use_bytes() - bare_worker.memory);
    }
    tap_ok(source_fake.done && spool_filter_front.got <= 1 && r->source == NULL,
           "a slow client does not keep the upstream");
    tap_ok(most <= 700000, "memory stays bounded (%zu)", most);
    tap_ok(spool_filter_drain(100000), "and gets it all by its credit");
    spool_filter_over("slow client");
    tap_is_int(spool_filter_front.got, 5000000, "every byte");
}

static void
spool_filter_test_bounded(void)
{
    struct wr_req *r;

    bare_worker.route.conf.buffer_file = 1000000;
    r = spool_filter_begin(5000000, 1);
    wr_req_begin(r);
    bare_worker_turns_ms(&bare_worker, 300);
    tap_ok(!source_fake.done && source_fake.sent >= 900000 && source_fake.sent <= 1000001 &&
               r->source != NULL,
           "beyond buffer.file the upstream waits (%llu)", (unsigned long long)source_fake.sent);
    tap_ok(spool_filter_drain(70000), "the file is used again");
    spool_filter_over("bounded");
    tap_is_int(spool_filter_front.got, 5000000, "every byte, again");
    bare_worker.route.conf.buffer_file = UINT64_C(1) << 30;
}

static void
spool_filter_test_gone(void)
{
    struct wr_req *r = spool_filter_begin(5000000, 1);

    wr_req_begin(r);
    bare_worker_turn(&bare_worker);
    wr_req_gone(r, WR_E_CLIENT_CLOSED);
    spool_filter_over("client gone at once");
    r = spool_filter_begin(5000000, 1);
    wr_req_begin(r);
    for (unsigned i = 0; i < 500 && !source_fake.done; i++) {
        bare_worker_turns_ms(&bare_worker, 8);
    }
    spool_filter_front.room = 50000;
    wr_req_credit(r); /* a read runs */
    wr_req_gone(r, WR_E_CLIENT_STALLED);
    spool_filter_over("client gone in the middle");
    tap_is_int(spool_filter_front.end_err, WR_E_CLIENT_STALLED, "gone");
}

static void
spool_filter_test_disk(void)
{
    struct rlimit lim;
    struct wr_req *r;

    getrlimit(RLIMIT_FSIZE, &lim);
    rlim_t before = lim.rlim_cur;
    lim.rlim_cur = 200000;
    setrlimit(RLIMIT_FSIZE, &lim);
    r = spool_filter_begin(3000000, 1);
    wr_req_begin(r);
    bare_worker_turns_ms(&bare_worker, 200);
    tap_ok(!source_fake.done && source_fake.sent < 600000, "a full disk is back-pressure");
    tap_ok(spool_filter_drain(90000), "not a failure");
    spool_filter_over("full disk");
    tap_ok(spool_filter_front.got == 3000000 && spool_filter_front.end_err == WR_E_NONE, "every byte, still");
    lim.rlim_cur = before;
    setrlimit(RLIMIT_FSIZE, &lim);
}

/* What is not for spooling stops at the client's credit. */
static void
spool_filter_test_streams(void)
{
    static const struct {
        const char *what;
        const char *type;
        const char *accel;
        bool no_length;
        uint64_t bytes;
    } rows[] = {
        {"an event stream", "Text/Event-Stream; charset=utf-8", NULL, false, 900000},
        {"X-Accel-Buffering: no", "text/html", "no", false, 900000},
        {"an unknown length", "text/html", NULL, true, 900000},
        {"what buffer.response holds", "text/html", NULL, false, 200000},
    };

    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct wr_req *r = spool_filter_begin(rows[i].bytes, 1000);
        source_fake.waits = true;
        source_fake.type = rows[i].type;
        source_fake.no_length = rows[i].no_length;
        wr_req_begin(r);
        if (rows[i].accel != NULL) {
            wr_head_set(&r->resp, &r->pool, WR_N_X_ACCEL_BUFFERING, wr_str_of(rows[i].accel));
        }
        source_fake.waits = false;
        source_fake_answer(&source_fake);
        tap_ok(r->filters == NULL && source_fake.sent == 1000, "not %s", rows[i].what);
        wr_req_gone(r, WR_E_CLIENT_CLOSED);
        spool_filter_over(rows[i].what);
    }
    struct wr_req *r = spool_filter_begin(900000, 1000);
    r->method_id = WR_M_HEAD;
    source_fake.waits = true;
    wr_req_begin(r);
    source_fake.bytes = 0;
    source_fake.waits = false;
    source_fake_answer(&source_fake);
    spool_filter_over("HEAD");
    tap_ok(spool_filter_front.over && spool_filter_front.got == 0, "not a HEAD");
}

int
main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    wr_pipeline_proxy = source_fake_start;
    bare_worker_start(&bare_worker);
    bare_worker.route.conf.buffer = WR_BUFFER_RESPONSE;
    spool_filter_test_fast();
    spool_filter_test_slow();
    spool_filter_test_bounded();
    spool_filter_test_gone();
    spool_filter_test_disk();
    spool_filter_test_streams();
    bare_worker_free(&bare_worker);
    return tap_done();
}
