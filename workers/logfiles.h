/*
 * The log files: which id stands for which path, and the descriptors that the
 * master opens and the keeper writes to (CORE-RULES 27, 33).
 *
 * Ids are in shared memory, so that a ring's lines mean the same file after a
 * reload and to another binary; an id is never given to another path.
 */
#ifndef WR_WORKERS_LOGFILES_H
#define WR_WORKERS_LOGFILES_H

#include "core/base/log.h"
#include "core/shm/logring.h"

#define WR_LOGFILE_PATH_BYTES 496

enum wr_logfile_kind {
    WR_LOGFILE_NONE,
    WR_LOGFILE_FILE,   /* regular: a write takes all or the disk is full */
    WR_LOGFILE_STREAM, /* a pipe, a terminal, stderr: may take nothing for a while */
    WR_LOGFILE_SYSLOG,
};

struct wr_logfile {
    enum wr_logfile_kind kind;
    int fd;
};

/* Claims the zone of ids for the cycle that is being made.  False: logged. */
bool wr_logfiles_claim_zone(void);
/* The id of an access log, opened if it is not open yet; -1: *why. */
int wr_logfiles_claim(struct wr_str path, const char **why);
/* The error log (id 0) of the cycle that is being made: a path, "stderr" or "syslog"; in use from commit. */
bool wr_logfiles_claim_error(struct wr_str path, const char **why);
void wr_logfiles_commit(void);
/* The first cycle: its error log is in use from its start, nothing else could be told where it went. */
void wr_logfiles_use_next(void);
void wr_logfiles_abort(void);

/* Master: opens every file again (USR1); one that cannot be opened stays as it is, logged.  All are to be
 * sent to the keepers. */
void wr_logfiles_reopen(void);
/* Master: a keeper meets an id that it has no file for. */
void wr_logfiles_wanted(unsigned id);
/* Master: sends what is to be sent to the keepers in those slots.  False: some socket was full, again soon. */
bool wr_logfiles_pump(const unsigned *keepers, size_t n);
/* Master: a line straight into the error log. */
void wr_logfiles_write_error(const char *line, size_t n);
/* A line to syslog; any process. */
bool wr_logfiles_syslog(const char *line, size_t n);

/* What the keeper inherits; kind NONE: not open here. */
struct wr_logfile wr_logfiles_at(unsigned id);
/* In children that write no log: closes all. */
void wr_logfiles_close(void);

#endif
