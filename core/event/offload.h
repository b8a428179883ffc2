/*
 * What would block goes to a few threads of the process: spool files, slow
 * disks, resolving names, log writing (CORE-RULES 19).  A job touches only its
 * own memory; it completes over the loop's run queue.  The only file that
 * creates threads.
 */
#ifndef WR_EVENT_OFFLOAD_H
#define WR_EVENT_OFFLOAD_H

#include "core/event/loop.h"

#define WR_OFFLOAD_THREADS 4
#define WR_OFFLOAD_QUEUE 1024 /* jobs waiting; more are refused */

struct wr_offload;

struct wr_job {
    struct wr_link link;
    void (*work)(struct wr_job *j); /* on a thread: touches only the job's own memory, takes no pool or buf */
    void (*done)(struct wr_job *j); /* on the loop */
    bool queued;
};

/* Threads are started with the first job. */
struct wr_offload *wr_offload_new(struct wr_loop *l);
void wr_offload_free(struct wr_offload *o); /* waits for jobs that run; done() is not called any more */
/* False when the queue is full (nothing happened). */
bool wr_offload_add(struct wr_offload *o, struct wr_job *j);

#endif
