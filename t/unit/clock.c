/* core/base/clock: readings and dates. */
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "t/unit/tap.h"

static const char *
clock_date_text(int64_t s)
{
    static char text[30];

    wr_clock_http_date(text, s);
    text[29] = '\0';
    return text;
}

static void
clock_test_http_date(void)
{
    bool same = true;
    char want[64];

    tap_is_str(clock_date_text(0), "Thu, 01 Jan 1970 00:00:00 GMT", "the epoch");
    tap_is_str(clock_date_text(784111777), "Sun, 06 Nov 1994 08:49:37 GMT", "the example of RFC 9110");
    tap_is_str(clock_date_text(951827696), "Tue, 29 Feb 2000 12:34:56 GMT", "29 February 2000");
    tap_is_str(clock_date_text(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT", "2100 is no leap year");
    tap_is_str(clock_date_text(-1), "Wed, 31 Dec 1969 23:59:59 GMT", "a second before the epoch");
    tap_is_str(clock_date_text(INT64_MAX), "Fri, 31 Dec 9999 23:59:59 GMT", "clamped above");
    tap_is_str(clock_date_text(INT64_MIN), "Sat, 01 Jan 0000 00:00:00 GMT", "clamped below");
    for (int64_t s = -5000000000; s < 20000000000 && same; s += 12345677) {
        time_t t = s;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        same = strcmp(clock_date_text(s), want) == 0;
    }
    tap_ok(same, "as strftime from 1811 to 2603");
}

/* wr_clock's texts against strftime in the zone. */
static void
clock_test_zone(const char *zone)
{
    char want[64];
    struct tm tm;

    setenv("TZ", zone, 1);
    tzset();
    wr_clock.rendered_s = 0; /* a zone that changes within a second is the test's own doing */
    wr_clock_update();
    time_t t = (time_t)wr_clock.rendered_s;
    localtime_r(&t, &tm);
    strftime(want, sizeof(want), "%d/%b/%Y:%H:%M:%S %z", &tm);
    tap_is_str(wr_clock.log_time, want, "log_time in %s", zone);
    strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S%z", &tm);
    memmove(want + 23, want + 22, 3);
    want[22] = ':';
    tap_is_str(wr_clock.iso_time, want, "iso_time in %s", zone);
    char iso[26] = "";
    wr_clock_iso_time(iso, t);
    tap_is_str(iso, want, "wr_clock_iso_time in %s", zone);
    tap_is_str(wr_clock.http_date, clock_date_text(t), "http_date in %s", zone);
}

static void
clock_test_readings(void)
{
    wr_clock_update();
    struct wr_clock before = wr_clock;
    uint64_t us = wr_clock_mono_us_now();
    struct timespec nap = {0, 20000000};

    tap_is_int(before.mono_ms, before.mono_us / 1000, "mono_ms and mono_us are one reading");
    tap_ok(us >= before.mono_us && us - before.mono_us < 1000000, "a fresh reading is later");
    uint64_t real_ms = wr_clock_real_ms_now();
    tap_ok(real_ms >= before.real_ms && real_ms - before.real_ms < 1000, "real time likewise");
    tap_ok(llabs((long long)(real_ms / 1000) - (long long)time(NULL)) <= 1, "real time is the system's");
    nanosleep(&nap, NULL);
    tap_is_int(wr_clock.mono_us, before.mono_us, "the clock stands within a turn");
    wr_clock_update();
    tap_ok(wr_clock.mono_ms >= before.mono_ms + 20 && wr_clock.real_ms > before.real_ms,
           "and goes on after it");
}

int
main(void)
{
    clock_test_http_date();
    clock_test_zone("UTC0");
    clock_test_zone("XST-05:45");
    clock_test_zone("NST03:30");
    clock_test_readings();
    return tap_done();
}
