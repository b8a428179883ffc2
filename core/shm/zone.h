/*
 * Zones: named shared memory that survives reloads and, by passing its
 * descriptor, binary upgrades.  Created by the master (sealed memfds), typed
 * with a layout tag; another layout is refused for that zone alone, which
 * then starts empty with a notice.
 *
 * Law (CORE-RULES 22): offsets, never pointers; owners are {slot, epoch};
 * first one writer a word, then one CAS that publishes something finished,
 * last a lock that recovers (core/shm/lock.h).
 *
 * A zone belongs to the generations that claimed it, first to last; a name
 * whose layout changed stands for two zones until the old processes are gone.
 */
#ifndef WR_SHM_ZONE_H
#define WR_SHM_ZONE_H

#include "core/base/base.h"

#define WR_ZONE_NAME_BYTES 64
#define WR_ZONES 256 /* at once, old ones included */

struct wr_lock;

struct wr_zone {
    const char *name;
    uint64_t layout; /* hash of a text that describes the layout; changed with it */
    size_t bytes;
    void *base;
    int fd;
    bool fresh; /* created empty in this cycle */
    /* After a death (master): give back what {slot, epoch} owned; repair what a dirty lock guarded. */
    void (*reap)(struct wr_zone *z, unsigned slot);
    /* Runs with the lock held, in whatever process took it over.  False: not to be repaired; the zone is
     * emptied (zeroed behind keep_bytes) with an alert, so all zero bytes must be a valid state. */
    bool (*repair)(struct wr_zone *z);
    /* Set by the claimer: locks stand at the zone's beginning, in its first keep_bytes. */
    struct wr_lock *locks;
    size_t locks_n;
    size_t keep_bytes;
    /* zone.c's own */
    uint64_t first_generation;
    uint64_t last_generation;
    uint64_t claimed_before; /* last_generation before the cycle that is being made */
};

/* The zone of that name: the one that exists if layout and size agree, else a new, empty one.  Master only,
 * while a cycle is made (module check / core).  Zeroed when fresh.  NULL when it cannot be made (logged).
 * The claimer sets reap, repair and locks each time. */
struct wr_zone *wr_zone_claim(const char *name, const char *layout, size_t bytes);
/* The zone of that name in this process, or NULL. */
struct wr_zone *wr_zone_find(const char *name);

/*
 * Cycles (master).  Claims belong to the generation that was begun last until
 * it is committed or aborted.
 */
void wr_zones_begin(uint64_t generation);
void wr_zones_commit(void);
/* What was made new is gone. */
void wr_zones_abort(void);
/* Which generation wr_zone_find looks for; in a child before anything else. */
void wr_zones_view(uint64_t generation);
/* Unmaps what no generation from `oldest` on has claimed. */
void wr_zones_sweep(uint64_t oldest);

/* After a death: every zone's dirty locks of dead owners are recovered, then its reap runs. */
void wr_zones_reap(unsigned slot);
/* Zeroes the zone behind keep_bytes; for a repair that cannot be done. */
void wr_zone_empty(struct wr_zone *z);

/* For the manifest of an upgrade: each zone of the current generation. */
void wr_zones_each(void (*fn)(void *arg, const struct wr_zone *z), void *arg);
/* A zone of the old binary, not yet claimed; takes fd.  False: not what it says (closed). */
bool wr_zone_adopt(const char *name, uint64_t layout, size_t bytes, int fd);

#endif
