/*
 * The error log: leveled lines, lower case, key=value, that say what happened
 * and what weir did next.
 *
 *   2026-11-24T05:23:48.123+00:00 error pid=12 conn=7 req=4f2a... cannot connect upstream=app ...
 *
 * Where a line goes is the process's sink: stderr at the start; the master
 * writes to the log file; workers and keeper put lines into their slot's ring
 * (core/shm/logring).  A sink never blocks a request.
 */
#ifndef WR_BASE_LOG_H
#define WR_BASE_LOG_H

#include "core/base/str.h"

enum wr_log_level {
    WR_LOG_ALERT,  /* weir is wrong: a bug */
    WR_LOG_ERROR,  /* an operator is needed */
    WR_LOG_WARN,   /* degraded but handled */
    WR_LOG_NOTICE, /* life cycle */
    WR_LOG_INFO,   /* a request was refused */
    WR_LOG_DEBUG,
};

typedef void wr_log_sink_fn(void *arg, enum wr_log_level level, const char *line,
                            size_t n); /* line has its \n */

/* Lines less important than `level` are not made.  sink NULL: stderr, as at the start (level notice). */
void wr_log_set(wr_log_sink_fn *sink, void *arg, enum wr_log_level level);
bool wr_log_on(enum wr_log_level level);
/* For each line: "pid=.." is added; text must not hold peers' bytes except through wr_escape. */
void wr_log(enum wr_log_level level, const char *fmt, ...) WR_PRINTF(2, 3);
const char *wr_log_level_name(enum wr_log_level level);
/* "error" -> WR_LOG_ERROR; false if unknown. */
bool wr_log_level_parse(struct wr_str s, enum wr_log_level *level);

/* A gate for lines that a peer can cause at will: true at most `per_second` times a second; *dropped gets
 * the number left out before a true one, else 0. */
struct wr_log_gate {
    uint64_t second;
    uint32_t passed;
    uint32_t dropped;
};
bool wr_log_gate(struct wr_log_gate *g, uint32_t per_second, uint32_t *dropped);

#endif
