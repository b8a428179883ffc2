/*
 * The lock that recovers.  It trusts the epochs of the slot table, and nothing
 * else, to say who is dead.
 */
#include "core/shm/lock.h"

#include <sched.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/shm/slot.h"
#include "core/shm/zone.h"

#define LOCK_SPINS 200
#define LOCK_YIELDS 20

/* This process holds it: makes the zone whole if the one before left it dirty. */
static void
lock_repair(struct wr_lock *lk, struct wr_zone *z, uint64_t dead)
{
    bool dirty = atomic_load(&lk->dirty) != 0;

    lk->taken_over++;
    if (dirty && (z->repair == NULL || !z->repair(z))) {
        wr_log(WR_LOG_ALERT,
               "zone was left in the middle of a change and cannot be repaired zone=%s slot=%u; emptied",
               z->name, wr_owner_slot(dead));
        wr_zone_empty(z);
    } else if (dirty) {
        wr_log(WR_LOG_WARN, "zone was left in the middle of a change zone=%s slot=%u; repaired", z->name,
               wr_owner_slot(dead));
    }
    atomic_store(&lk->dirty, 0);
}

/* One attempt: free, or its holder is gone. */
static bool
lock_attempt(struct wr_lock *lk, struct wr_zone *z, bool look_for_death)
{
    uint64_t holder = 0;
    uint64_t self = wr_owner_self();

    if (atomic_compare_exchange_strong(&lk->holder, &holder, self)) {
        return true;
    }
    /* a lock taken twice by one process would wait for ever */
    wr_assert(holder != self);
    if (!look_for_death || wr_owner_alive(holder) ||
        !atomic_compare_exchange_strong(&lk->holder, &holder, self)) {
        return false;
    }
    lock_repair(lk, z, holder);
    return true;
}

static inline void
lock_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void
lock_wait(unsigned round)
{
    if (round < LOCK_SPINS) {
        lock_pause();
    } else if (round < LOCK_SPINS + LOCK_YIELDS) {
        sched_yield();
    } else {
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
}

bool
wr_lock_try(struct wr_lock *lk, struct wr_zone *z, uint64_t within_us)
{
    uint64_t until = 0;

    for (unsigned round = 0;; round++) {
        bool look = round == 0 || round >= LOCK_SPINS;
        if (lock_attempt(lk, z, look)) {
            return true;
        }
        if (within_us != UINT64_MAX && look) {
            uint64_t now = wr_clock_mono_us_now();
            until = until == 0 ? now + within_us : until;
            if (now >= until) {
                return false;
            }
        }
        lock_wait(round);
    }
}

void
wr_lock_take(struct wr_lock *lk, struct wr_zone *z)
{
    bool taken = wr_lock_try(lk, z, UINT64_MAX);

    wr_assert(taken);
}

void
wr_lock_release(struct wr_lock *lk)
{
    wr_assert(atomic_load(&lk->holder) == wr_owner_self());
    atomic_store(&lk->dirty, 0);
    atomic_store(&lk->holder, 0);
}

void
wr_lock_recover(struct wr_lock *lk, struct wr_zone *z)
{
    uint64_t holder = atomic_load(&lk->holder);

    if (holder != 0 && !wr_owner_alive(holder) && lock_attempt(lk, z, true)) {
        wr_lock_release(lk);
    }
}
