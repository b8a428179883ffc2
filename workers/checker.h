/*
 * The checker: a child of the master, as `user`, that looks into files before
 * they are published.  It maps the candidate bundles, calls each module's
 * `verify`, and says what is wrong over a pipe, in records of bounded size of
 * which the master copies the text and parses nothing (CORE-RULES 24, 31).
 */
#ifndef WR_WORKERS_CHECKER_H
#define WR_WORKERS_CHECKER_H

#include "core/shm/files.h"
#include "workers/cycle.h"

#define WR_CHECKER_MS 20000        /* then it is killed */
#define WR_CHECKER_TEXT_BYTES 5120 /* of one message */
#define WR_CHECKER_FILE_BYTES 4096 /* of the file in a message's place */
#define WR_CHECKER_MESSAGES 1000   /* of one check */

enum wr_checker_word { WR_CHECKER_ERROR, WR_CHECKER_WARNING, WR_CHECKER_NOTICE };

/* A message: printable, its memory lives until say returns. */
typedef void wr_checker_say_fn(void *arg, enum wr_checker_word word, struct wr_place place, const char *text);

enum wr_checker_verdict {
    WR_CHECKER_BUSY,
    WR_CHECKER_DONE, /* it has looked at everything: items are refused or not */
    WR_CHECKER_DIED, /* why says of what */
};

struct wr_checker {
    pid_t pid; /* 0: none */
    int fd;    /* of the pipe; -1 */
    uint64_t by_ms;
    struct wr_bundle *bundles;
    wr_checker_say_fn *say;
    void *arg;
    unsigned records; /* messages and the like that came */
    bool ended;       /* it said that this was all */
    char why[64];
    size_t used; /* of buf */
    char buf[16 + WR_CHECKER_FILE_BYTES + WR_CHECKER_TEXT_BYTES];
};

/* Forks it; the bundles stay the caller's and must live until it is over.  False: errno. */
bool wr_checker_start(struct wr_checker *ck, struct wr_cycle *cy, struct wr_bundle *b, wr_checker_say_fn *say,
                      void *arg);
/* The pipe is readable, or time has passed (CLOCK_MONOTONIC). */
enum wr_checker_verdict wr_checker_look(struct wr_checker *ck, uint64_t now_ms);
/* Until there is a verdict. */
enum wr_checker_verdict wr_checker_wait(struct wr_checker *ck);
/* Ends it, if there is one, without a verdict. */
void wr_checker_cancel(struct wr_checker *ck);
/* The same check in this process; messages go to the cycle's cf.  False: errno. */
bool wr_checker_here(struct wr_cycle *cy, struct wr_bundle *b);

#endif
