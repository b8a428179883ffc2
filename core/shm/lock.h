/*
 * A lock in a zone that knows its holder: the last choice after one writer a
 * word and one CAS (CORE-RULES 22).
 *
 * The holder sets `dirty` before its first store and the lock is clean again
 * when it is released.  If the holder dies, its epoch goes on (the master
 * does that); then whoever comes first - a contender or the master - takes the
 * lock over, and if it was dirty the zone is repaired, or emptied with an
 * alert, before anybody sees it.
 *
 * All zero bytes are a free lock.  Hold it for microseconds: nobody sleeps in
 * it, and a process that is stopped while it holds one stops the others.
 */
#ifndef WR_SHM_LOCK_H
#define WR_SHM_LOCK_H

#include <stdatomic.h>

#include "core/base/base.h"

struct wr_zone;

struct wr_lock {
    _Atomic uint64_t holder; /* an owner (core/shm/slot.h); 0: free */
    _Atomic uint32_t dirty;
    uint32_t taken_over; /* how often; for tests and metrics */
} __attribute__((aligned(64)));

/* Takes it, however long that lasts. */
void wr_lock_take(struct wr_lock *lk, struct wr_zone *z);
/* Takes it within about so many microseconds, or not (0: one try). */
bool wr_lock_try(struct wr_lock *lk, struct wr_zone *z, uint64_t within_us);
/* Before the holder's first store. */
static inline void
wr_lock_dirty(struct wr_lock *lk)
{
    atomic_store(&lk->dirty, 1);
}
void wr_lock_release(struct wr_lock *lk);
/* Master, after a death: takes over and releases if the holder is gone. */
void wr_lock_recover(struct wr_lock *lk, struct wr_zone *z);

#endif
