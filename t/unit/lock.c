/*
 * The lock that recovers: exclusion among processes, and what happens when its
 * holder is killed - before its first store, in the middle, again and again.
 */
#include "core/shm/lock.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/slot.h"
#include "core/shm/zone.h"
#include "t/unit/tap.h"

/* Two words that are equal whenever nobody holds the lock. */
struct pair {
    struct wr_lock lock;
    volatile uint64_t left, right;
};

static struct wr_zone *z;
static struct pair *pair;
static unsigned alerts, repairs;
static bool repairable = true;

static void
count_alerts(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)line;
    (void)n;
    alerts += level == WR_LOG_ALERT;
}

static bool
repair_pair(struct wr_zone *zone)
{
    (void)zone;
    repairs++;
    if (repairable) {
        pair->right = pair->left;
    }
    return repairable;
}

static void
change_pair(void)
{
    wr_lock_take(&pair->lock, z);
    wr_lock_dirty(&pair->lock);
    pair->left++;
    pair->right++;
    wr_lock_release(&pair->lock);
}

static pid_t
fork_into(unsigned *slot)
{
    *slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 1, 0);
    pid_t pid = fork();

    if (pid == 0) {
        wr_slot_enter(*slot);
    }
    return pid;
}

static void
die(unsigned slot, pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    wr_slot_bury(slot);
}

static void
test_exclusion(void)
{
    enum { PROCESSES = 4, TIMES = 20000 };
    unsigned slot[PROCESSES];
    pid_t pid[PROCESSES];

    for (int i = 0; i < PROCESSES; i++) {
        pid[i] = fork_into(&slot[i]);
        if (pid[i] == 0) {
            for (int k = 0; k < TIMES; k++) {
                change_pair();
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        waitpid(pid[i], NULL, 0);
        wr_slot_bury(slot[i]);
        wr_slot_free(slot[i]);
    }
    tap_is_int(pair->left, PROCESSES * TIMES, "%d processes change it %d times each", PROCESSES, TIMES);
    tap_is_int(pair->right, pair->left, "and nobody saw another's half");
}

static void
test_try(void)
{
    unsigned slot;
    pid_t pid = fork_into(&slot);

    if (pid == 0) {
        wr_lock_take(&pair->lock, z);
        wr_slot_mail(wr_slots_master(), WR_MAIL_STATE);
        pause();
    }
    while (atomic_load(&pair->lock.holder) == 0) {
        usleep(100);
    }
    tap_ok(!wr_lock_try(&pair->lock, z, 0), "a lock that is held is not taken");
    tap_ok(!wr_lock_try(&pair->lock, z, 5000), "nor within a while");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    tap_ok(!wr_lock_try(&pair->lock, z, 1000), "that its holder is dead, the master alone declares");
    wr_slot_bury(slot);
    tap_ok(wr_lock_try(&pair->lock, z, 0), "then a contender takes it over");
    tap_is_int(repairs, 0, "it was clean: nothing is repaired");
    wr_lock_release(&pair->lock);
    wr_slot_free(slot);
}

/* A child that dies between its two stores. */
static void
leave_dirty(void)
{
    unsigned slot;
    uint64_t before = pair->left;
    pid_t pid = fork_into(&slot);

    if (pid == 0) {
        wr_lock_take(&pair->lock, z);
        wr_lock_dirty(&pair->lock);
        pair->left++;
        pause();
    }
    while (pair->left == before) {
        usleep(100);
    }
    die(slot, pid);
    wr_zones_reap(slot);
    wr_slot_free(slot);
}

static void
test_repair(void)
{
    leave_dirty();
    tap_is_int(repairs, 1, "a dirty one is repaired by the master");
    tap_is_int(pair->right, pair->left, "so the zone is whole");
    tap_ok(atomic_load(&pair->lock.holder) == 0 && atomic_load(&pair->lock.dirty) == 0,
           "and the lock is free and clean");
    tap_is_int(alerts, 0, "without an alert");
    repairable = false;
    leave_dirty();
    tap_is_int(alerts, 1, "what cannot be repaired is an alert");
    tap_ok(pair->left == 0 && pair->right == 0, "and empties the zone");
    tap_ok(wr_lock_try(&pair->lock, z, 0), "but for its locks, which go on");
    wr_lock_release(&pair->lock);
    repairable = true;
}

/* Workers change the zone and are killed at any instruction; the others go on. */
static void
test_storm(void)
{
    enum { PROCESSES = 3, KILLS = 150 };
    unsigned slot[PROCESSES];
    pid_t pid[PROCESSES];

    for (int i = 0; i < PROCESSES + KILLS; i++) {
        int k = i % PROCESSES;
        if (i >= PROCESSES) {
            usleep((useconds_t)(rand() % 1500));
            die(slot[k], pid[k]);
            wr_zones_reap(slot[k]);
            wr_slot_free(slot[k]);
        }
        pid[k] = fork_into(&slot[k]);
        for (; pid[k] == 0;) {
            change_pair();
        }
    }
    for (int k = 0; k < PROCESSES; k++) {
        die(slot[k], pid[k]);
        wr_zones_reap(slot[k]);
        wr_slot_free(slot[k]);
    }
    tap_ok(wr_lock_try(&pair->lock, z, 0), "after %d kills the lock is free", KILLS);
    tap_is_int(pair->right, pair->left, "and the zone is whole");
    tap_ok(pair->left > 1000, "and was changed %llu times", (unsigned long long)pair->left);
    wr_lock_release(&pair->lock);
    tap_note("taken over %u times, repaired %u times here", pair->lock.taken_over, repairs);
}

int
main(void)
{
    wr_log_set(count_alerts, NULL, WR_LOG_DEBUG);
    tap_ok(wr_slots_create(8), "slots");
    wr_zones_begin(1);
    z = wr_zone_claim("pair", "pair-1", sizeof(*pair));
    pair = z->base;
    z->repair = repair_pair;
    z->locks = &pair->lock;
    z->locks_n = 1;
    z->keep_bytes = sizeof(pair->lock);
    wr_zones_commit();
    test_exclusion();
    test_try();
    test_repair();
    test_storm();
    return tap_done();
}
