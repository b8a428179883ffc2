/*
 * Files at run time (core/shm/files.h): the master has them checked and
 * publishes them for each new generation, and again when they change.
 *
 * What is in effect is untouched until the checker has nothing against what is
 * to replace it.  While a generation is being started its files are published
 * beside those of the current one; if it does not come to serve, everything
 * is put back.
 */
#ifndef WR_WORKERS_WATCH_H
#define WR_WORKERS_WATCH_H

#include "workers/master.h"

struct wr_watch *wr_watch_new(void);

/*
 * A generation that is being made; messages go to its cf.
 */
enum wr_watch_verdict { WR_WATCH_BUSY, WR_WATCH_GOOD, WR_WATCH_BAD };
/* Reads its files and has them looked into. */
void wr_watch_begin(struct wr_master *m, struct wr_cycle *cy);
/* Good: they are published, and children may be forked.  Bad: cf has the errors, and there is nothing to abort. */
enum wr_watch_verdict wr_watch_verdict(const struct wr_watch *w);
/* The same in one go, for the first one: waits.  False: bad. */
bool wr_watch_first(struct wr_master *m, struct wr_cycle *cy);
/* It serves: what only its predecessor needed goes. */
void wr_watch_commit(struct wr_master *m);
/* It does not: what was in effect before is so again. */
void wr_watch_abort(struct wr_master *m);
/* weir -t: looks into the files in this process.  False: cf has the errors. */
bool wr_watch_test(struct wr_cycle *cy);

/*
 * The master's loop.
 */
/* The descriptor to watch; -1: none. */
int wr_watch_fd(const struct wr_watch *w);
/* Looks at the files of the current generation, at the checker, whatever is due. */
void wr_watch_tick(struct wr_master *m, uint64_t now_ms);
/* When the next tick is due; UINT64_MAX: no date. */
uint64_t wr_watch_next_ms(const struct wr_master *m);
/* In a child: closes what is the master's. */
void wr_watch_leave(const struct wr_watch *w);

#endif
