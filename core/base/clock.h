/*
 * Time.  One reading serves a whole loop turn; the HTTP date and the log's
 * time are rendered once a second.  `mono` is CLOCK_MONOTONIC (also what
 * shared memory uses), `real` CLOCK_REALTIME.  Milliseconds.
 */
#ifndef WR_BASE_CLOCK_H
#define WR_BASE_CLOCK_H

#include "core/base/str.h"

struct wr_clock {
    uint64_t mono_ms;
    uint64_t mono_us;
    uint64_t real_ms;
    char http_date[32]; /* "Tue, 24 Nov 2026 05:23:48 GMT" (RFC 9110 5.6.7), 29 bytes */
    char log_time[32];  /* "24/Nov/2026:05:23:48 +0000", 26 bytes, local time zone */
    char iso_time[32];  /* "2026-11-24T05:23:48+00:00", 25 bytes, local time zone */
    uint64_t rendered_s;
};

/* The process's clock, as wr_clock_update last left it.  Threads other than the loop's do not use it. */
extern struct wr_clock wr_clock;

/* Reads the clocks; renders the texts when the second is another one. */
void wr_clock_update(void);
/* Fresh readings, for what is measured within a turn. */
uint64_t wr_clock_mono_us_now(void);
uint64_t wr_clock_real_ms_now(void);

/* Writes an IMF-fixdate (29 bytes, no NUL) for seconds since the epoch. */
void wr_clock_http_date(char dst[29], int64_t s);
/* Writes the form of iso_time (25 bytes, no NUL) for seconds since the epoch; any thread. */
void wr_clock_iso_time(char dst[25], int64_t s);

#endif
