/* core/event/timer: when timers fire, what moving them does, and that a long pause is no long walk. */
#include "core/event/timer.h"

#include <stdlib.h>
#include <time.h>

#include "t/unit/tap.h"

struct probe {
    struct wr_timer timer;
    struct wr_wheel *wheel;
    uint64_t fired_ms; /* of the last time */
    unsigned fired;
    uint64_t again_ms;       /* set anew from within fn, that far from now */
    struct probe *stops;     /* stops another one */
    struct probe *postpones; /* moves another one far away */
};

static uint64_t now_ms;

static void
probe_fire(struct wr_timer *t)
{
    struct probe *p = wr_container(t, struct probe, timer);

    p->fired++;
    p->fired_ms = now_ms;
    if (p->again_ms != WR_TIMER_NEVER) {
        wr_timer_set(p->wheel, t, now_ms + p->again_ms);
    }
    if (p->stops) {
        wr_timer_stop(p->wheel, &p->stops->timer);
    }
    if (p->postpones) {
        wr_timer_set(p->wheel, &p->postpones->timer, now_ms + 100000);
    }
}

static void
probe_init(struct probe *p, struct wr_wheel *w)
{
    *p = (struct probe){.wheel = w, .again_ms = WR_TIMER_NEVER};
    wr_timer_init(&p->timer, probe_fire);
}

static void
run_at(struct wr_wheel *w, uint64_t ms)
{
    now_ms = ms;
    wr_wheel_run(w, ms);
}

/* Runs the wheel whenever it wants to be run until `end`; returns how often that was. */
static unsigned
run_until(struct wr_wheel *w, uint64_t end)
{
    unsigned runs = 0;

    for (;;) {
        int wait = wr_wheel_wait_ms(w, now_ms, 1000000000);
        if (wait < 0 || now_ms + (uint64_t)wait > end) {
            break;
        }
        run_at(w, now_ms + (uint64_t)wait);
        runs++;
    }
    run_at(w, end);
    return runs;
}

static void
test_distances(uint64_t start)
{
    static const uint64_t distances[] = {0,         1,         7,         8,          9,          100,
                                         2039,      2040,      2047,      2048,       2049,       2056,
                                         131071,    131072,    131073,    8388607,    8388608,    8388609,
                                         536870903, 536870912, 600000000, 3000000000, 40000000000};
    struct wr_wheel w;
    unsigned late = 0, early = 0, twice = 0, left = 0, wakes = 0;

    for (unsigned shift = 0; shift < 3; shift++) {
        for (unsigned i = 0; i < WR_ARRAY_LEN(distances); i++) {
            struct probe p;
            uint64_t due = start + shift + distances[i];
            now_ms = start + shift;
            wr_wheel_init(&w, now_ms);
            probe_init(&p, &w);
            wr_timer_set(&w, &p.timer, due);
            wakes = WR_MAX(wakes, run_until(&w, due + WR_TIMER_TICK_MS));
            early += p.fired_ms < due;
            late += p.fired_ms > due + WR_TIMER_TICK_MS;
            twice += p.fired != 1;
            left += w.count != 0;
        }
    }
    tap_is_int(twice, 0, "from %llu: each distance fires once", (unsigned long long)start);
    tap_is_int(early, 0, "none early");
    tap_is_int(late, 0, "none later than a tick");
    tap_is_int(left, 0, "the wheel is empty afterwards");
    tap_ok(wakes < 100, "sleeping goes from slot to slot: %u wake-ups for the farthest", wakes);
}

static void
test_moving(void)
{
    struct wr_wheel w;
    struct probe p;

    now_ms = 1000;
    wr_wheel_init(&w, now_ms);
    tap_is_int(wr_wheel_wait_ms(&w, now_ms, 500), -1, "an empty wheel wants nothing");
    probe_init(&p, &w);
    wr_timer_stop(&w, &p.timer);
    tap_is_int(w.count, 0, "stopping what was never set does nothing");
    wr_timer_set(&w, &p.timer, 1100);
    uint64_t stands = p.timer.at_tick;
    for (unsigned i = 0; i < 50; i++) {
        wr_timer_set(&w, &p.timer, 1100 + i * 10);
    }
    tap_is_int(p.timer.at_tick, stands, "moving later stores only");
    tap_is_int(w.count, 1, "and is one timer");
    run_until(&w, 1580);
    tap_is_int(p.fired, 0, "the time before has no meaning any more");
    run_until(&w, 1600);
    tap_is_int(p.fired, 1, "it fires at the last time set");
    tap_ok(p.fired_ms >= 1590 && p.fired_ms <= 1598, "to the tick: %llu", (unsigned long long)p.fired_ms);

    wr_timer_set(&w, &p.timer, now_ms + 500000);
    wr_timer_set(&w, &p.timer, now_ms + 50);
    tap_ok(wr_wheel_wait_ms(&w, now_ms, 100000) <= 58, "moved earlier: the wheel wakes earlier");
    run_until(&w, now_ms + 60);
    tap_is_int(p.fired, 2, "moved earlier: fires then");

    wr_timer_set(&w, &p.timer, now_ms + 3000);
    tap_is_int(wr_wheel_wait_ms(&w, now_ms, 7), 7, "no longer than asked");
    wr_timer_set(&w, &p.timer, WR_TIMER_NEVER);
    tap_is_int(w.count, 0, "NEVER stops");
    tap_is_int(wr_wheel_wait_ms(&w, now_ms, 7), -1, "and leaves no trace in the maps");
    run_until(&w, now_ms + 10000);
    tap_is_int(p.fired, 2, "and nothing fires");

    wr_timer_set(&w, &p.timer, 5);
    tap_ok(wr_wheel_wait_ms(&w, now_ms, 100) <= WR_TIMER_TICK_MS, "the past is within a tick");
    run_until(&w, now_ms + 8);
    tap_is_int(p.fired, 3, "and fires once");
}

static void
test_inside(void)
{
    struct wr_wheel w;
    struct probe a, b, c, d;

    now_ms = 77777;
    wr_wheel_init(&w, now_ms);
    probe_init(&a, &w);
    probe_init(&b, &w);
    probe_init(&c, &w);
    probe_init(&d, &w);
    a.again_ms = 0;
    a.stops = &b;
    a.postpones = &c;
    wr_timer_set(&w, &a.timer, now_ms + 10);
    wr_timer_set(&w, &b.timer, now_ms + 10);
    wr_timer_set(&w, &c.timer, now_ms + 20);
    wr_timer_set(&w, &d.timer, now_ms + 20);
    run_at(&w, now_ms + 5000);
    tap_is_int(a.fired, 1, "one that sets itself to now is called once a run");
    tap_is_int(b.fired, 0, "one that is due and stopped by another's fn is not called");
    tap_is_int(c.fired, 0, "one that is due and moved by another's fn is not called");
    tap_is_int(d.fired, 1, "the others are");
    tap_is_int(w.count, 2, "count is right");
    a.again_ms = WR_TIMER_NEVER;
    a.postpones = NULL;
    run_until(&w, now_ms + 99999);
    tap_is_int(c.fired, 0, "not before the new time");
    run_until(&w, now_ms + 9);
    tap_is_int(c.fired, 1, "but then");
    tap_is_int(a.fired, 2, "one set to now fires in the next tick");
    tap_is_int(w.count, 0, "nothing is left");
}

static double
seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
test_pause(uint64_t pause_ms, const char *name)
{
    struct wr_wheel w;
    struct probe *p = calloc(3000, sizeof(*p));
    unsigned due = 0, fired = 0, wrong = 0;
    uint64_t start = 123456789;

    now_ms = start;
    wr_wheel_init(&w, now_ms);
    for (unsigned i = 0; i < 3000; i++) {
        probe_init(&p[i], &w);
        wr_timer_set(&w, &p[i].timer, now_ms + (uint64_t)i * i * i);
    }
    double before = seconds();
    run_at(&w, start + pause_ms);
    double took = seconds() - before;
    for (unsigned i = 0; i < 3000; i++) {
        bool is_due = (uint64_t)i * i * i <= pause_ms;
        due += is_due;
        fired += p[i].fired;
        wrong += p[i].fired != (is_due && (uint64_t)i * i * i + WR_TIMER_TICK_MS <= pause_ms) &&
            p[i].fired != is_due;
    }
    tap_ok(wrong == 0 && fired <= due, "after %s: %u of %u due have fired, no other", name, fired, due);
    tap_is_int(w.count, 3000 - fired, "and the rest stands in the wheel");
    tap_ok(took < 0.05, "in %.2f ms", took * 1e3);
    run_until(&w, start + 3000ULL * 3000 * 3000);
    fired = 0;
    for (unsigned i = 0; i < 3000; i++) {
        fired += p[i].fired == 1;
    }
    tap_is_int(fired, 3000, "in the end each has fired once");
    free(p);
}

/* Against a list that is looked through each time. */
static void
test_random(void)
{
    enum { N = 200 };
    static struct probe p[N];
    static uint64_t due[N];
    struct wr_wheel w;
    unsigned wrong = 0, late_sleep = 0;

    srand(42);
    now_ms = 987654;
    wr_wheel_init(&w, now_ms);
    for (unsigned i = 0; i < N; i++) {
        probe_init(&p[i], &w);
        due[i] = WR_TIMER_NEVER;
    }
    for (unsigned step = 0; step < 200000; step++) {
        unsigned i = (unsigned)rand() % N;
        switch (rand() % 8) {
        case 0:
            wr_timer_stop(&w, &p[i].timer);
            due[i] = WR_TIMER_NEVER;
            break;
        case 1:
        case 2:
        case 3:
        case 4:
            due[i] = now_ms + ((uint64_t)rand() >> (rand() % 31));
            wr_timer_set(&w, &p[i].timer, due[i]);
            break;
        default: {
            int wait = wr_wheel_wait_ms(&w, now_ms, 1 << 30);
            uint64_t next = WR_TIMER_NEVER;
            for (unsigned k = 0; k < N; k++) {
                next = WR_MIN(next, due[k]);
            }
            late_sleep += next != WR_TIMER_NEVER &&
                (wait < 0 || now_ms + (uint64_t)wait > WR_MAX(next, now_ms) + WR_TIMER_TICK_MS);
            run_at(&w, now_ms + ((uint64_t)rand() >> (rand() % 31)) / (rand() % 16 ? 1000 : 1));
            for (unsigned k = 0; k < N; k++) {
                if (p[k].fired && due[k] <= now_ms) {
                    due[k] = WR_TIMER_NEVER;
                } else if (p[k].fired || due[k] <= now_ms - WR_TIMER_TICK_MS) {
                    wrong++;
                }
                p[k].fired = 0;
            }
            break;
        }
        }
    }
    tap_is_int(wrong, 0, "200,000 random steps: each fires when due and not otherwise");
    tap_is_int(late_sleep, 0, "and the wheel never wants to sleep beyond the next");
}

int
main(void)
{
    test_distances(0);
    test_distances(8 * 256 - 1);
    test_distances(8ULL * 16384 * 64 - 5);
    test_distances(1700000000123ULL);
    test_moving();
    test_inside();
    test_pause(500, "half a second");
    test_pause(400000, "400 s");
    test_pause(3600000, "an hour");
    test_pause(20000000000ULL, "231 days");
    test_random();
    return tap_done();
}
