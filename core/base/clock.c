/*
 * Time: the readings of a loop turn and the texts of a second.  The calendar
 * of the HTTP date is computed here (no locale, no time zone files); local
 * times come from localtime_r.
 */
#include "core/base/clock.h"

#include <stdlib.h>
#include <time.h>

#define CLOCK_DAY_S 86400
#define CLOCK_LAST_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z: four digits are all there is room for */
#define CLOCK_FIRST_S (-INT64_C(62167219200)) /* 0000-01-01T00:00:00Z */

struct wr_clock wr_clock;

static const char clock_months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char clock_days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* Two decimal digits. */
static char *
clock_put2(char *dst, unsigned v)
{
    dst[0] = (char)('0' + v / 10 % 10);
    dst[1] = (char)('0' + v % 10);
    return dst + 2;
}

static char *
clock_put4(char *dst, unsigned v)
{
    return clock_put2(clock_put2(dst, v / 100), v % 100);
}

static char *
clock_put_text(char *dst, const char *text, size_t n)
{
    memcpy(dst, text, n);
    return dst + n;
}

/* "05:23:48" */
static char *
clock_put_hms(char *dst, unsigned h, unsigned m, unsigned s)
{
    dst = clock_put2(dst, h);
    *dst++ = ':';
    dst = clock_put2(dst, m);
    *dst++ = ':';
    return clock_put2(dst, s);
}

struct clock_date {
    unsigned year;
    unsigned month; /* 0 = January */
    unsigned day;   /* 1.. */
};

/* The proleptic Gregorian date of a day counted from 1970-01-01, in eras of 400 years from 1 March. */
static struct clock_date
clock_civil(int64_t days)
{
    days += 719468; /* from 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153; /* 0 = March */
    unsigned month = mp < 10 ? mp + 2 : mp - 10;

    return (struct clock_date){
        .year = (unsigned)((int64_t)yoe + era * 400 + (month < 2)),
        .month = month,
        .day = doy - (153 * mp + 2) / 5 + 1,
    };
}

void
wr_clock_http_date(char dst[29], int64_t s)
{
    s = s > CLOCK_LAST_S ? CLOCK_LAST_S : s < CLOCK_FIRST_S ? CLOCK_FIRST_S : s;

    int64_t days = (s >= 0 ? s : s - (CLOCK_DAY_S - 1)) / CLOCK_DAY_S;
    unsigned in_day = (unsigned)(s - days * CLOCK_DAY_S);
    struct clock_date date = clock_civil(days);

    /* 1970-01-01 was a Thursday; the bias keeps the dividend positive */
    dst = clock_put_text(dst, clock_days[(days + 4 + 7 * INT64_C(200000)) % 7], 3);
    dst = clock_put_text(dst, ", ", 2);
    dst = clock_put2(dst, date.day);
    *dst++ = ' ';
    dst = clock_put_text(dst, clock_months[date.month], 3);
    *dst++ = ' ';
    dst = clock_put4(dst, date.year);
    *dst++ = ' ';
    dst = clock_put_hms(dst, in_day / 3600, in_day / 60 % 60, in_day % 60);
    clock_put_text(dst, " GMT", 4);
}

/* Local time; the epoch when the C library cannot say. */
static void
clock_local(struct tm *tm, int64_t s)
{
    time_t t = (time_t)(s > CLOCK_LAST_S ? CLOCK_LAST_S : s);

    if (localtime_r(&t, tm) == NULL || tm->tm_year < -1900 || tm->tm_year > 9999 - 1900) {
        memset(tm, 0, sizeof(*tm));
        tm->tm_year = 70;
        tm->tm_mday = 1;
    }
}

/* "+0000" or "+00:00" */
static char *
clock_put_zone(char *dst, const struct tm *tm, bool colon)
{
    unsigned minutes = (unsigned)(labs(tm->tm_gmtoff) / 60);

    *dst++ = tm->tm_gmtoff < 0 ? '-' : '+';
    dst = clock_put2(dst, minutes / 60);
    if (colon) {
        *dst++ = ':';
    }
    return clock_put2(dst, minutes % 60);
}

/* 26 bytes */
static void
clock_put_log_time(char *dst, const struct tm *tm)
{
    dst = clock_put2(dst, (unsigned)tm->tm_mday);
    *dst++ = '/';
    dst = clock_put_text(dst, clock_months[tm->tm_mon], 3);
    *dst++ = '/';
    dst = clock_put4(dst, (unsigned)(tm->tm_year + 1900));
    *dst++ = ':';
    dst = clock_put_hms(dst, (unsigned)tm->tm_hour, (unsigned)tm->tm_min, (unsigned)tm->tm_sec);
    *dst++ = ' ';
    clock_put_zone(dst, tm, false);
}

/* 25 bytes */
static void
clock_put_iso_time(char *dst, const struct tm *tm)
{
    dst = clock_put4(dst, (unsigned)(tm->tm_year + 1900));
    *dst++ = '-';
    dst = clock_put2(dst, (unsigned)(tm->tm_mon + 1));
    *dst++ = '-';
    dst = clock_put2(dst, (unsigned)tm->tm_mday);
    *dst++ = 'T';
    dst = clock_put_hms(dst, (unsigned)tm->tm_hour, (unsigned)tm->tm_min, (unsigned)tm->tm_sec);
    clock_put_zone(dst, tm, true);
}

void
wr_clock_iso_time(char dst[25], int64_t s)
{
    struct tm tm;

    clock_local(&tm, s);
    clock_put_iso_time(dst, &tm);
}

static WR_COLD void
clock_render(uint64_t s)
{
    struct tm tm;

    clock_local(&tm, (int64_t)s);
    wr_clock_http_date(wr_clock.http_date, (int64_t)s);
    clock_put_log_time(wr_clock.log_time, &tm);
    clock_put_iso_time(wr_clock.iso_time, &tm);
    wr_clock.rendered_s = s;
}

static struct timespec
clock_read(clockid_t id)
{
    struct timespec ts;

    wr_assert(clock_gettime(id, &ts) == 0);
    return ts;
}

void
wr_clock_update(void)
{
    struct timespec mono = clock_read(CLOCK_MONOTONIC);
    struct timespec real = clock_read(CLOCK_REALTIME_COARSE);

    wr_clock.mono_us = (uint64_t)mono.tv_sec * 1000000 + (uint64_t)mono.tv_nsec / 1000;
    wr_clock.mono_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
    wr_clock.real_ms = (uint64_t)real.tv_sec * 1000 + (uint64_t)real.tv_nsec / 1000000;
    if (wr_unlikely(wr_clock.rendered_s != (uint64_t)real.tv_sec || wr_clock.http_date[0] == '\0')) {
        clock_render((uint64_t)real.tv_sec);
    }
}

uint64_t
wr_clock_mono_us_now(void)
{
    struct timespec ts = clock_read(CLOCK_MONOTONIC);

    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
wr_clock_real_ms_now(void)
{
    struct timespec ts = clock_read(CLOCK_REALTIME);

    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
