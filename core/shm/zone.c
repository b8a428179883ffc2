/*
 * Named shared memory: which zones there are, and for whom.  It knows nothing
 * of what is in them but the locks that have to be recovered.
 */
#include "core/shm/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/shm/lock.h"

#define ZONE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
/* adopted from an old binary and not claimed yet */
#define ZONE_UNCLAIMED 0

/* The zones of a process. */
static struct {
    struct wr_zone *v[WR_ZONES];
    unsigned n;
    uint64_t generation; /* the view, or the one that is being made */
    uint64_t generation_before;
    bool making;
} zone_own;

static bool
zone_in_view(const struct wr_zone *z)
{
    return z->first_generation <= zone_own.generation && zone_own.generation <= z->last_generation;
}

static void
zone_remove(unsigned i)
{
    struct wr_zone *z = zone_own.v[i];

    zone_own.v[i] = zone_own.v[--zone_own.n];
    munmap(z->base, z->bytes);
    close(z->fd);
    free((char *)z->name);
    free(z);
}

/* Puts a mapping of fd into the table; NULL with errno. */
static struct wr_zone *
zone_add(const char *name, uint64_t layout, size_t bytes, int fd)
{
    if (zone_own.n == WR_ZONES) {
        errno = ENOSPC;
        return NULL;
    }
    void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    struct wr_zone *z = wr_calloc(1, sizeof(*z));
    z->name = wr_strdup(name);
    z->layout = layout;
    z->bytes = bytes;
    z->base = base;
    z->fd = fd;
    zone_own.v[zone_own.n++] = z;
    return z;
}

static struct wr_zone *
zone_make(const char *name, uint64_t layout, size_t bytes)
{
    char label[WR_ZONE_NAME_BYTES + 8];

    snprintf(label, sizeof(label), "weir-%s", name);
    int fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct wr_zone *z = NULL;
    if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, ZONE_SEALS) == 0) {
        z = zone_add(name, layout, bytes, fd);
    }
    if (z == NULL) {
        wr_log(WR_LOG_ERROR, "cannot make a zone name=%s bytes=%zu: %s", name, bytes, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    z->fresh = true;
    z->first_generation = zone_own.generation;
    return z;
}

/* The newest zone of that name, in view or not. */
static struct wr_zone *
zone_newest(const char *name)
{
    struct wr_zone *found = NULL;

    for (unsigned i = 0; i < zone_own.n; i++) {
        struct wr_zone *z = zone_own.v[i];
        if (strcmp(z->name, name) == 0 && (found == NULL || z->last_generation > found->last_generation)) {
            found = z;
        }
    }
    return found;
}

struct wr_zone *
wr_zone_claim(const char *name, const char *layout, size_t bytes)
{
    uint64_t tag = wr_hash_fixed(wr_str_of(layout));
    struct wr_zone *z = zone_newest(name);

    wr_assert(strlen(name) < WR_ZONE_NAME_BYTES && bytes > 0);
    bytes = (bytes + 4095) & ~(size_t)4095;
    if (z != NULL && (z->layout != tag || z->bytes != bytes)) {
        wr_log(WR_LOG_NOTICE, "zone has another layout or size name=%s; starting with an empty one", name);
        z = NULL;
    }
    if (z == NULL && (z = zone_make(name, tag, bytes)) == NULL) {
        return NULL;
    }
    if (z->last_generation != zone_own.generation) {
        z->claimed_before = z->last_generation;
        z->last_generation = zone_own.generation;
        z->first_generation =
            z->first_generation == ZONE_UNCLAIMED ? zone_own.generation : z->first_generation;
    }
    return z;
}

struct wr_zone *
wr_zone_find(const char *name)
{
    for (unsigned i = 0; i < zone_own.n; i++) {
        struct wr_zone *z = zone_own.v[i];
        if (zone_in_view(z) && strcmp(z->name, name) == 0) {
            return z;
        }
    }
    return NULL;
}

void
wr_zones_begin(uint64_t generation)
{
    wr_assert(!zone_own.making && generation > zone_own.generation);
    zone_own.making = true;
    zone_own.generation_before = zone_own.generation;
    zone_own.generation = generation;
}

void
wr_zones_commit(void)
{
    zone_own.making = false;
    for (unsigned i = 0; i < zone_own.n; i++) {
        zone_own.v[i]->fresh = false;
    }
}

void
wr_zones_abort(void)
{
    for (unsigned i = zone_own.n; i-- > 0;) {
        struct wr_zone *z = zone_own.v[i];
        if (z->last_generation != zone_own.generation) {
            continue;
        }
        if (z->fresh) {
            zone_remove(i);
        } else {
            z->first_generation =
                z->first_generation == zone_own.generation ? ZONE_UNCLAIMED : z->first_generation;
            z->last_generation = z->claimed_before;
        }
    }
    zone_own.generation = zone_own.generation_before;
    zone_own.making = false;
}

void
wr_zones_view(uint64_t generation)
{
    zone_own.generation = generation;
}

void
wr_zones_sweep(uint64_t oldest)
{
    for (unsigned i = zone_own.n; i-- > 0;) {
        if (zone_own.v[i]->last_generation < oldest) {
            zone_remove(i);
        }
    }
}

void
wr_zones_reap(unsigned slot)
{
    for (unsigned i = 0; i < zone_own.n; i++) {
        struct wr_zone *z = zone_own.v[i];
        for (size_t k = 0; k < z->locks_n; k++) {
            wr_lock_recover(&z->locks[k], z);
        }
        if (z->reap != NULL) {
            z->reap(z, slot);
        }
    }
}

void
wr_zone_empty(struct wr_zone *z)
{
    wr_assert(z->keep_bytes <= z->bytes);
    memset((char *)z->base + z->keep_bytes, 0, z->bytes - z->keep_bytes);
}

void
wr_zones_each(void (*fn)(void *arg, const struct wr_zone *z), void *arg)
{
    for (unsigned i = 0; i < zone_own.n; i++) {
        if (zone_in_view(zone_own.v[i])) {
            fn(arg, zone_own.v[i]);
        }
    }
}

bool
wr_zone_adopt(const char *name, uint64_t layout, size_t bytes, int fd)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    bool sound = seals >= 0 && (seals & ZONE_SEALS) == ZONE_SEALS && fstat(fd, &st) == 0 && bytes > 0 &&
        (uint64_t)st.st_size == bytes;

    if (!sound || zone_add(name, layout, bytes, fd) == NULL) {
        wr_log(WR_LOG_WARN, "zone of the old binary cannot be adopted name=%s; it starts empty", name);
        close(fd);
        return false;
    }
    return true;
}
