/*
 * What workers/watch.c and watch_change.c share.
 */
#ifndef WR_WORKERS_WATCH_OWN_H
#define WR_WORKERS_WATCH_OWN_H

#include "workers/checker.h"
#include "workers/pair.h"
#include "workers/settle.h"
#include "workers/watch.h"

#define WR_WATCH_LOOK_MS 1000 /* between two looks at some of the files */

/* What has been seen of a file of a cycle. */
struct wr_watched {
    uint64_t seen;   /* at the last look */
    uint64_t judged; /* taken into use, or refused: nothing is to be done about it until it is another one */
};

struct wr_watch {
    struct wr_bundle effect[WR_FILES_BLOBS];    /* as published; no descriptor: nothing was yet */
    struct wr_bundle before[WR_FILES_BLOBS];    /* while a generation is started: what it replaced */
    struct wr_bundle candidate[WR_FILES_BLOBS]; /* being checked */
    struct wr_checker checker;
    struct wr_cycle *checked;      /* whose files the checker looks into */
    enum wr_watch_verdict verdict; /* on the generation that was begun last */
    bool swapped;                  /* `before` is to be put back or dropped */
    struct wr_settle settle;
    uint64_t look_ms;  /* the next look */
    uint64_t retry_ms; /* the next check, without a change; 0: none */
    size_t cursor;     /* where the next look begins */
    unsigned errors;   /* messages of the check that runs */
};

/* Looks at the files of the current generation: something may have changed. */
void wr_watch_around(struct wr_master *m, uint64_t now_ms);
/* The checker has looked into what has changed. */
void wr_watch_finish_change(struct wr_watch *w, enum wr_checker_verdict verdict);

#endif
