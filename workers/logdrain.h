/*
 * The keeper's one chore that must not fail: from the rings of all slots to
 * the log files, in whole lines, off the loop (CORE-RULES 27).
 *
 * A ring's tail moves only when its lines are written; what was begun is noted
 * in the ring first, so a keeper killed at any instruction loses nothing and
 * the next one repeats nothing (in plain files).
 */
#ifndef WR_WORKERS_LOGDRAIN_H
#define WR_WORKERS_LOGDRAIN_H

#include "core/event/offload.h"
#include "workers/logfiles.h"

struct wr_logdrain;

/* rings: the base of the zone.  Files: those of wr_logfiles_at.  It touches no ring before begin. */
struct wr_logdrain *wr_logdrain_new(struct wr_loop *l, struct wr_offload *o, void *rings);
/* This process is the rings' consumer from now on: goes on where the last one left off. */
void wr_logdrain_begin(struct wr_logdrain *d);
/* Lines wait: a pass begins, or another follows the one that runs. */
void wr_logdrain_kick(struct wr_logdrain *d);
/* A file that was opened again, or a new one; takes fd. */
void wr_logdrain_file(struct wr_logdrain *d, unsigned id, struct wr_logfile f);
/* fn is called once, when nothing runs; `all`: and when every ring was found empty. */
void wr_logdrain_finish(struct wr_logdrain *d, bool all, void (*fn)(void *arg), void *arg);

#endif
