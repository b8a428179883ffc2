/*
 * Zones over generations: claimed, kept, replaced, swept, adopted; reaped
 * after real deaths.
 */
#include "core/shm/zone.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/shm/slot.h"
#include "t/unit/tap.h"

static unsigned notices;

static void
count_lines(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    (void)line;
    (void)n;
    notices++;
}

static unsigned zones_n;
static void
count_zone(void *arg, const struct wr_zone *z)
{
    (void)arg;
    (void)z;
    zones_n++;
}

static void
test_generations(void)
{
    wr_zones_begin(1);
    struct wr_zone *z = wr_zone_claim("a", "a-1", 100);
    tap_ok(z != NULL && z->fresh && z->bytes == 4096, "a zone is made, in whole pages");
    tap_ok(wr_zone_claim("a", "a-1", 100) == z, "claimed twice it is the same");
    tap_ok(wr_zone_find("a") == z && wr_zone_find("b") == NULL, "and found by its name");
    strcpy(z->base, "one");
    wr_zones_commit();
    tap_ok(!z->fresh, "fresh for its first cycle only");

    wr_zones_begin(2);
    tap_ok(wr_zone_claim("a", "a-1", 4096) == z && strcmp(z->base, "one") == 0, "a reload keeps it");
    struct wr_zone *b = wr_zone_claim("b", "b-1", 8192);
    tap_ok(b != NULL, "another one is made with it");
    wr_zones_abort();
    tap_ok(wr_zone_find("a") == z && wr_zone_find("b") == NULL,
           "what an aborted cycle made is gone, the rest stays");

    wr_zones_begin(3);
    notices = 0;
    struct wr_zone *z2 = wr_zone_claim("a", "a-2", 100);
    tap_ok(z2 != NULL && z2 != z && notices == 1, "another layout is another zone, with a notice");
    tap_ok(((char *)z2->base)[0] == '\0', "that is empty");
    wr_zones_commit();
    tap_ok(wr_zone_find("a") == z2, "the new generation sees the new one");
    wr_zones_view(1);
    tap_ok(wr_zone_find("a") == z && strcmp(z->base, "one") == 0, "the old one its own");
    wr_zones_view(3);
    zones_n = 0;
    wr_zones_each(count_zone, NULL);
    tap_is_int(zones_n, 1, "each: of this generation alone");
    wr_zones_sweep(3);
    wr_zones_view(1);
    tap_ok(wr_zone_find("a") == NULL, "when the old processes are gone, so is theirs");
    wr_zones_view(3);
    tap_ok(wr_zone_find("a") == z2, "the other stays");
}

static void
test_sealed(void)
{
    struct wr_zone *z = wr_zone_find("a");

    tap_ok(ftruncate(z->fd, 0) < 0 && ftruncate(z->fd, 1 << 20) < 0, "nobody can make it smaller or larger");
}

static void
test_adopt(void)
{
    struct wr_zone *z = wr_zone_find("a");
    uint64_t tag = wr_hash_fixed(wr_str_of("a-2"));
    int good = dup(z->fd), status;
    pid_t pid;

    strcpy(z->base, "kept");
    pid = fork();
    if (pid == 0) {
        /* as another binary: without what this one knows */
        wr_zones_sweep(100);
        bool ok = wr_zone_adopt("a", tag, 4096, good);
        wr_zones_begin(4);
        struct wr_zone *y = wr_zone_claim("a", "a-2", 100);
        ok = ok && y != NULL && !y->fresh && strcmp(y->base, "kept") == 0;
        wr_zones_commit();
        _exit(ok ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    tap_is_int(status, 0, "a zone is adopted by name, layout and size, with what is in it");
    pid = fork();
    if (pid == 0) {
        wr_zones_sweep(100);
        bool ok = wr_zone_adopt("a", tag, 4096, good);
        wr_zones_begin(4);
        struct wr_zone *y = wr_zone_claim("a", "a-3", 100);
        ok = ok && y != NULL && y->fresh;
        wr_zones_commit();
        wr_zones_sweep(4);
        zones_n = 0;
        wr_zones_each(count_zone, NULL);
        _exit(ok && zones_n == 1 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    tap_is_int(status, 0, "one with another layout starts empty, and the old one is let go");
    close(good);
    tap_ok(!wr_zone_adopt("x", tag, 4096, open("/dev/null", O_RDWR)), "what is no zone is refused");
    int open_fd = memfd_create("open", MFD_ALLOW_SEALING);
    tap_ok(ftruncate(open_fd, 4096) == 0 && !wr_zone_adopt("x", tag, 4096, open_fd),
           "so is one without seals");
}

/* A zone with a row of counts, a cell a slot: the first rule of shared memory. */
struct cells {
    _Atomic uint64_t in_flight[WR_SLOTS];
    _Atomic uint64_t reaped;
};

static void
reap_cells(struct wr_zone *z, unsigned slot)
{
    struct cells *c = z->base;

    atomic_store(&c->in_flight[slot], 0);
    atomic_fetch_add(&c->reaped, 1);
}

static uint64_t
sum(struct cells *c)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < WR_SLOTS; i++) {
        n += atomic_load(&c->in_flight[i]);
    }
    return n;
}

static void
test_reap(void)
{
    enum { KILLS = 100 };
    wr_zones_begin(5);
    struct wr_zone *z = wr_zone_claim("cells", "cells-1", sizeof(struct cells));
    struct cells *c = z->base;
    unsigned leaked = 0;

    z->reap = reap_cells;
    wr_zones_commit();
    for (int i = 0; i < KILLS; i++) {
        unsigned slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 5, 0);
        pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                atomic_fetch_add(&c->in_flight[slot], 3);
                atomic_fetch_sub(&c->in_flight[slot], 2);
                atomic_fetch_sub(&c->in_flight[slot], 1);
            }
        }
        usleep((useconds_t)(rand() % 800));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        wr_slot_bury(slot);
        wr_zones_reap(slot);
        wr_slot_free(slot);
        leaked += sum(c) != 0;
    }
    tap_is_int(leaked, 0, "%d workers are killed in the middle of counting, nothing is leaked", KILLS);
    tap_is_int(atomic_load(&c->reaped), KILLS, "each was reaped once");
}

int
main(void)
{
    wr_log_set(count_lines, NULL, WR_LOG_DEBUG);
    tap_ok(wr_slots_create(8), "slots");
    test_generations();
    test_sealed();
    test_adopt();
    test_reap();
    return tap_done();
}
