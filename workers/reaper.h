/*
 * Deaths: who died, what it left behind, who comes next.
 */
#ifndef WR_WORKERS_REAPER_H
#define WR_WORKERS_REAPER_H

#include "workers/master.h"

/* The slot's pidfd is readable. */
void wr_reaper_died(struct wr_master *m, unsigned slot);
/* Starts whoever's date has come, kills whoever has not obeyed. */
void wr_reaper_tick(struct wr_master *m, uint64_t now_ms);
/* The earliest such date; UINT64_MAX: none. */
uint64_t wr_reaper_next_ms(const struct wr_master *m);
/* Live children of that kind (of any cycle). */
unsigned wr_reaper_count(const struct wr_master *m, enum wr_slot_kind kind);
/* The other master is gone: its children that still live are watched from now on. */
void wr_reaper_adopt_orphans(struct wr_master *m, unsigned other_slot);

#endif
