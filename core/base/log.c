/*
 * The error log: makes a line and hands it to the process's sink.  It knows
 * no file and keeps no state but the sink; a line never has two lines in it.
 */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"

#define LOG_LINE_BYTES 2048

static const char *const log_names[] = {
    [WR_LOG_ALERT] = "alert",   [WR_LOG_ERROR] = "error", [WR_LOG_WARN] = "warn",
    [WR_LOG_NOTICE] = "notice", [WR_LOG_INFO] = "info",   [WR_LOG_DEBUG] = "debug",
};

static void
log_sink_stderr(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    /* a lost line on stderr has nowhere to be reported */
    ssize_t written WR_UNUSED = write(STDERR_FILENO, line, n);
}

static wr_log_sink_fn *log_sink = log_sink_stderr;
static void *log_sink_arg;
static enum wr_log_level log_level = WR_LOG_NOTICE;

void
wr_log_set(wr_log_sink_fn *sink, void *arg, enum wr_log_level level)
{
    log_sink = sink ? sink : log_sink_stderr;
    log_sink_arg = arg;
    log_level = level;
}

bool
wr_log_on(enum wr_log_level level)
{
    return level <= log_level;
}

const char *
wr_log_level_name(enum wr_log_level level)
{
    return (size_t)level < WR_ARRAY_LEN(log_names) ? log_names[level] : "unknown";
}

bool
wr_log_level_parse(struct wr_str s, enum wr_log_level *level)
{
    for (size_t i = 0; i < WR_ARRAY_LEN(log_names); i++) {
        if (wr_str_eq(s, wr_str_of(log_names[i]))) {
            *level = (enum wr_log_level)i;
            return true;
        }
    }
    return false;
}

/* "2026-11-24T05:23:48.123+00:00 error pid=12 "; reads the clock itself: a line is not bound to a turn. */
static size_t
log_put_head(char *dst, size_t room, enum wr_log_level level)
{
    uint64_t real_ms = wr_clock_real_ms_now();
    char iso[25];

    wr_clock_iso_time(iso, (int64_t)(real_ms / 1000));
    int n = snprintf(dst, room, "%.19s.%03u%.6s %s pid=%d ", iso, (unsigned)(real_ms % 1000), iso + 19,
                     wr_log_level_name(level), (int)getpid());
    return (size_t)n;
}

/* A control byte that got here is a bug of the caller, but one that must not forge a line. */
static void
log_blunt(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f) {
            p[i] = '?';
        }
    }
}

void
wr_log(enum wr_log_level level, const char *fmt, ...)
{
    char line[LOG_LINE_BYTES];
    va_list args;

    if (!wr_log_on(level)) {
        return;
    }
    size_t n = log_put_head(line, sizeof(line), level);
    va_start(args, fmt);
    int more = vsnprintf(line + n, sizeof(line) - n, fmt, args);
    va_end(args);
    n += more > 0 ? (size_t)more : 0;
    if (n > sizeof(line) - 1) {
        n = sizeof(line) - 1;
        memcpy(line + n - 3, "...", 3);
    }
    log_blunt(line, n);
    line[n++] = '\n'; /* where vsnprintf had its NUL */
    log_sink(log_sink_arg, level, line, n);
}

bool
wr_log_gate(struct wr_log_gate *g, uint32_t per_second, uint32_t *dropped)
{
    uint64_t second = wr_clock_mono_us_now() / 1000000;

    if (second != g->second) {
        g->second = second;
        g->passed = 0;
    }
    *dropped = 0;
    if (g->passed >= per_second) {
        g->dropped += g->dropped < UINT32_MAX;
        return false;
    }
    g->passed++;
    *dropped = g->dropped;
    g->dropped = 0;
    return true;
}
