/* core/base/log, and what ends in it: err.def's levels, assertions. */
#include "core/base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"

#include "t/unit/tap.h"

struct log_trace {
    char line[4096];
    size_t n;
    enum wr_log_level level;
    unsigned lines;
};

static void
log_sink_trace(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    struct log_trace *trace = arg;

    memcpy(trace->line, line, n);
    trace->line[n] = '\0';
    trace->n = n;
    trace->level = level;
    trace->lines++;
}

static void
log_test_line(struct log_trace *trace)
{
    char want[64];
    char iso[26] = "";
    unsigned digits = 0;

    wr_log(WR_LOG_ERROR, "cannot %s n=%d", "fly", 3);
    tap_is_int(trace->lines, 1, "one line");
    tap_is_int(trace->level, WR_LOG_ERROR, "its level");
    snprintf(want, sizeof(want), " error pid=%d cannot fly n=3\n", (int)getpid());
    tap_is_str(trace->line + 29, want, "level, pid, text");
    for (const char *p = trace->line; p < trace->line + 29; p++) {
        digits += *p >= '0' && *p <= '9';
    }
    tap_ok(digits == 21 && trace->line[19] == '.' && trace->line[26] == ':', "the time: %.29s", trace->line);
    wr_clock_iso_time(iso, (int64_t)(wr_clock_real_ms_now() / 1000));
    tap_is_mem(trace->line, 16, iso, 16, "is now"); /* to the minute */
}

static void
log_test_bounds(struct log_trace *trace)
{
    wr_log(WR_LOG_ALERT, "%s", "a\nb\x1b[0m\tc\x7f\xc3\xa9");
    tap_ok(strstr(trace->line, " a?b?[0m?c?\xc3\xa9\n") != NULL, "control bytes are blunted");
    tap_ok(strchr(trace->line, '\n') == trace->line + trace->n - 1, "one line break");
    wr_log(WR_LOG_ALERT, "%5000d", 1);
    tap_is_int(trace->n, 2048, "a long line is cut");
    tap_is_str(trace->line + 2044, "...\n", "with dots");
    size_t head = (size_t)(strstr(trace->line, "pid=") - trace->line);
    head += strcspn(trace->line + head, " ") + 1;
    wr_log(WR_LOG_ALERT, "%*d", (int)(2047 - head), 1);
    tap_is_str(trace->line + 2045, " 1\n", "one that just fits is whole");
    wr_log(WR_LOG_ALERT, "%*d", (int)(2048 - head), 1);
    tap_is_str(trace->line + 2044, "...\n", "one byte more is not");
}

static void
log_test_levels(struct log_trace *trace)
{
    enum wr_log_level level = WR_LOG_DEBUG;
    unsigned known = 0;

    trace->lines = 0;
    wr_log(WR_LOG_DEBUG, "not made");
    tap_is_int(trace->lines, 0, "debug is off at info");
    tap_ok(wr_log_on(WR_LOG_INFO) && !wr_log_on(WR_LOG_DEBUG), "wr_log_on says so");
    for (enum wr_log_level l = WR_LOG_ALERT; l <= WR_LOG_DEBUG; l++) {
        known += wr_log_level_parse(wr_str_of(wr_log_level_name(l)), &level) && level == l;
    }
    tap_is_int(known, 6, "every level's name is parsed");
    tap_ok(!wr_log_level_parse(WR_STR("Error"), &level) && !wr_log_level_parse(WR_STR(""), &level) &&
               level == WR_LOG_DEBUG,
           "others are not");
}

static void
log_test_gate(void)
{
    struct wr_log_gate gate = {0};
    uint32_t dropped = 9;
    unsigned passed = 0;
    struct timespec nap = {0, 1000000};

    /* begins with a second, so that all falls into one */
    for (uint64_t s = wr_clock_mono_us_now() / 1000000; wr_clock_mono_us_now() / 1000000 == s;) {
        nanosleep(&nap, NULL);
    }
    for (unsigned i = 0; i < 100; i++) {
        passed += wr_log_gate(&gate, 5, &dropped);
    }
    tap_is_int(passed, 5, "five of a hundred pass");
    tap_is_int(dropped, 0, "nothing is told when nothing passes");
    for (uint64_t s = wr_clock_mono_us_now() / 1000000; wr_clock_mono_us_now() / 1000000 == s;) {
        nanosleep(&nap, NULL);
    }
    tap_ok(wr_log_gate(&gate, 5, &dropped), "the next second lets pass again");
    tap_is_int(dropped, 95, "and tells how many did not");
    tap_ok(wr_log_gate(&gate, 5, &dropped) && dropped == 0, "once");
    gate = (struct wr_log_gate){0};
    tap_ok(!wr_log_gate(&gate, 0, &dropped), "none a second is none");
}

static void
log_test_err(void)
{
    unsigned good = 0;

    for (unsigned i = 1; i < WR_E_COUNT; i++) {
        const struct wr_err_info *e = &wr_err_info[i];
        bool status = e->status == 0 || (e->status >= 400 && e->status <= 599);
        good += status && e->reason[0] != '\0' && e->text[0] != '\0' && e->level <= WR_LOG_DEBUG;
    }
    tap_is_int(good, WR_E_COUNT - 1, "each error has status, reason, text and level");
    tap_ok(wr_err_info[WR_E_BODY_TOO_LARGE].status == 413 &&
               strcmp(wr_err_info[WR_E_BODY_TOO_LARGE].reason, "body_too_large") == 0,
           "a row stands under its name");
}

/* What a child that runs fn writes to stderr; *status is how it ended. */
static const char *
log_of_child(void (*fn)(void), int *status)
{
    static char text[4096];
    int fds[2];
    size_t n = 0;
    ssize_t more;

    if (pipe(fds) != 0) {
        return "(no pipe)";
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        wr_log_set(NULL, NULL, WR_LOG_NOTICE);
        fn();
        _exit(0);
    }
    close(fds[1]);
    while ((more = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0) {
        n += (size_t)more;
    }
    text[n] = '\0';
    close(fds[0]);
    waitpid(pid, status, 0);
    return text;
}

static void
log_child_assert(void)
{
    wr_assert(1 + 1 == 3);
}

static void
log_child_memory(void)
{
    wr_calloc(SIZE_MAX / 2, 3);
}

static void
log_child_notice(void)
{
    wr_log(WR_LOG_NOTICE, "up");
    wr_log(WR_LOG_INFO, "unseen");
}

static void
log_test_ends(void)
{
    int status;
    const char *text = log_of_child(log_child_notice, &status);

    tap_ok(strstr(text, " notice pid=") && strstr(text, " up\n") && !strstr(text, "unseen"),
           "stderr is preset");
    text = log_of_child(log_child_assert, &status);
    tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "an assertion aborts");
    tap_ok(strstr(text, " alert pid=") && strstr(text, "cond=\"1 + 1 == 3\" at=t/unit/log.c:"),
           "with an alert: %s", strtok((char *)text, "\n"));
#ifndef WR_SANITIZE
    text = log_of_child(log_child_memory, &status);
    tap_ok(WIFSIGNALED(status) && strstr(text, " alert pid=") && strstr(text, "out of memory"),
           "so does the lack of memory");
#else
    (void)log_child_memory;
#endif
}

int
main(void)
{
    static struct log_trace trace;

    wr_log_set(log_sink_trace, &trace, WR_LOG_INFO);
    log_test_line(&trace);
    log_test_bounds(&trace);
    log_test_levels(&trace);
    log_test_gate();
    log_test_err();
    log_test_ends();
    return tap_done();
}
