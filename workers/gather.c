/*
 * Opening files and filling bundles.  It looks at what a file is, never at
 * what is in it.
 */
#include "workers/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "workers/pair.h"

#define GATHER_GRAIN_MS 20 /* two changes within so much time may have the same date */
#define GATHER_WAITS 10    /* for that, in all files together */

struct gather {
    const struct wr_gather *g;
    unsigned waits;
};

const char *
wr_gather_why(int err)
{
    switch (err) {
    case EFBIG:
        return "it is larger than 1 MiB";
    case ENOSPC:
        return "all files together are larger than 256 MiB";
    case EISDIR:
        return "it is a directory";
    case EINVAL:
    case ENXIO:
        return "it is not a regular file";
    default:
        return strerror(err);
    }
}

uint64_t
wr_gather_look(const struct wr_conf_file *f)
{
    struct stat st;

    return stat(f->path.p, &st) == 0 ? wr_bundle_version(&st) : wr_bundle_version_none(errno);
}

static int64_t
gather_ms(const struct timespec *ts)
{
    return (int64_t)ts->tv_sec * 1000 + ts->tv_nsec / 1000000;
}

/* A file that was written this very moment may be written again without a trace in its dates: waits until it would
 * leave one. */
static void
gather_wait(struct gather *ga, int fd, struct stat *st)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ms = gather_ms(&now) - gather_ms(&st->st_ctim);
    if (age_ms < -GATHER_GRAIN_MS || age_ms >= GATHER_GRAIN_MS || ga->waits == GATHER_WAITS) {
        return;
    }
    ga->waits++;
    nanosleep(&(struct timespec){.tv_nsec = GATHER_GRAIN_MS * 1000000L}, NULL);
    fstat(fd, st);
}

/* An errno, or 0. */
static int
gather_judge(const struct stat *st)
{
    if (S_ISDIR(st->st_mode)) {
        return EISDIR;
    }
    if (!S_ISREG(st->st_mode)) {
        return EINVAL;
    }
    return st->st_size > (off_t)WR_FILES_BYTES ? EFBIG : 0;
}

/* Copies the file; an errno, or 0.  What is no regular file is not even opened. */
static int
gather_read(struct gather *ga, struct wr_bundle *b, struct wr_bundle_item *it)
{
    struct stat st;

    if (stat(it->path.p, &st) < 0) {
        it->disk = wr_bundle_version_none(errno);
        return errno;
    }
    it->disk = wr_bundle_version(&st);
    int err = gather_judge(&st);
    int fd = err == 0 ? open(it->path.p, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1;
    if (fd < 0) {
        return err != 0 ? err : errno;
    }
    if (fstat(fd, &st) < 0) {
        err = errno;
    } else if ((err = gather_judge(&st)) == 0) {
        gather_wait(ga, fd, &st);
        it->disk = it->version = wr_bundle_version(&st);
        it->loose = (st.st_mode & 07) != 0;
        err = wr_bundle_put_file(b, it, fd);
    }
    close(fd);
    return err;
}

/* An entry without bytes. */
static void
gather_empty(struct wr_bundle_item *it, int err)
{
    it->bytes = 0;
    it->error = err;
    it->version = it->disk;
}

/* A file of the configuration; `before` is what is in effect of it, NULL: nothing.  False: errno. */
static bool
gather_item(struct gather *ga, struct wr_bundle *b, struct wr_bundle_item *it, const struct wr_bundle *effect,
            const struct wr_bundle_item *before)
{
    const struct wr_conf_file *f = &ga->g->cf->files[it->tag];
    bool kept = !ga->g->anew && before != NULL;

    if (kept && wr_gather_look(f) == before->version) {
        it->disk = before->version;
        return (errno = wr_bundle_put_item(b, it, effect, before)) == 0;
    }
    int err = gather_read(ga, b, it);
    if (err == 0) {
        it->changed = before == NULL || ga->g->anew || before->version != it->version;
        return true;
    }
    if (f->optional && (err == ENOENT || err == ENOTDIR)) {
        gather_empty(it, err);
        it->changed = before == NULL || ga->g->anew || before->version != it->version;
        return true;
    }
    it->trouble = err;
    if (kept) {
        return (errno = wr_bundle_put_item(b, it, effect, before)) == 0;
    }
    gather_empty(it, err);
    return true;
}

/* What is in effect and named by the new configuration no more: the old one's processes may still look for it. */
static void
gather_rest(const struct wr_conf *cf, struct wr_bundle *b, const struct wr_bundle *effect)
{
    bool *named = wr_calloc(effect->n + 1, sizeof(*named));

    for (size_t i = 0; i < cf->files_n; i++) {
        const struct wr_bundle_item *it = wr_bundle_item(effect, cf->files[i].path);
        if (it != NULL) {
            named[it - effect->items] = true;
        }
    }
    for (uint32_t i = 0; i < effect->n && b->n < WR_FILES_MOST; i++) {
        if (!named[i]) {
            wr_bundle_add(b, effect->items[i].path);
        }
    }
    free(named);
}

static bool
gather_bundle(struct gather *ga, struct wr_bundle *b, unsigned which, uint64_t round)
{
    const struct wr_conf *cf = ga->g->cf;
    const struct wr_bundle *effect = &ga->g->effect[which];

    for (size_t i = 0; i < cf->files_n; i++) {
        if (cf->files[i].secret == (which > 0)) {
            wr_bundle_add(b, cf->files[i].path)->tag = (uint32_t)i;
        }
    }
    if (ga->g->anew) {
        gather_rest(cf, b, effect);
    }
    if (!wr_bundle_begin(b, wr_files_names[which])) {
        return false;
    }
    for (uint32_t i = 0; i < b->n; i++) {
        struct wr_bundle_item *it = &b->items[i];
        const struct wr_bundle_item *before = wr_bundle_item(effect, it->path);
        if (it->tag != WR_BUNDLE_NO_TAG) {
            if (!gather_item(ga, b, it, effect, before)) {
                return false;
            }
        } else if ((errno = wr_bundle_put_item(b, it, effect, before)) != 0) {
            return false;
        }
    }
    return wr_bundle_end(b, round);
}

bool
wr_gather_files(const struct wr_gather *g, struct wr_bundle b[WR_FILES_BLOBS])
{
    struct gather ga = {.g = g};
    uint64_t round = wr_pair_round();

    wr_pair_init(b);
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        if (!gather_bundle(&ga, &b[i], i, round)) {
            int err = errno;
            wr_pair_drop(b);
            errno = err;
            return false;
        }
    }
    return true;
}
