/*
 * Small files that others read: the pid file, and beside it the state file in
 * which `-s reload` finds the verdict.  Both are written aside and renamed.
 *
 *     attempt 7            number of the last generation that was tried
 *     serving 6            number of the one that serves
 *     verdict bad          of the last attempt: good or bad; "trying" while it starts
 *     pid 812
 *     workers 4
 *     message FILE:LINE: error: text
 */
#ifndef WR_WORKERS_STATE_H
#define WR_WORKERS_STATE_H

#include <stdio.h>
#include <sys/types.h>

#include "config.h"
#include "core/base/str.h"

/* The pid file unless the configuration says otherwise: in the directory that unit and tmpfiles make. */
#define WR_STATE_PID WR_RUNSTATEDIR "/weir/weir.pid"

/* The last directory of a path is made when it is missing, as /run is empty after a boot. */
void wr_state_make_directory(const char *path);
/* The state file of a pid file: ".pid" replaced by ".state", or added.  room bytes at dst. */
bool wr_state_path(char *dst, size_t room, struct wr_str pid_path);

struct wr_state {
    uint64_t attempt;
    uint64_t serving;
    const char *verdict;
    pid_t pid;
    unsigned workers;
    /* Prints "message" lines; NULL: none. */
    void (*messages)(void *arg, FILE *to);
    void *arg;
};
/* Logged when it fails. */
bool wr_state_write(const char *path, const struct wr_state *st);

struct wr_verdict {
    uint64_t attempt;
    uint64_t serving;
    pid_t pid; /* of the master that wrote it */
    bool done; /* good or bad */
    bool good;
};
/* False when there is no such file.  Its messages are printed to `messages` (NULL: not). */
bool wr_state_read(const char *path, struct wr_verdict *v, FILE *messages);

/* The pid in the file; 0: no file, or no pid in it. */
pid_t wr_pid_read(const char *path);
/* False with errno. */
bool wr_pid_write(const char *path, pid_t pid);
/* Whether a process of that pid lives that calls itself weir. */
bool wr_pid_is_weir(pid_t pid);

#endif
