/*
 * What is done with both bundles.
 */
#include "workers/pair.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

uint64_t
wr_pair_round(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void
wr_pair_init(struct wr_bundle b[WR_FILES_BLOBS])
{
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        wr_bundle_init(&b[i]);
    }
}

void
wr_pair_drop(struct wr_bundle b[WR_FILES_BLOBS])
{
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        wr_bundle_fini(&b[i]);
    }
}

void
wr_pair_move(struct wr_bundle to[WR_FILES_BLOBS], struct wr_bundle from[WR_FILES_BLOBS])
{
    wr_pair_drop(to);
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        to[i] = from[i];
        wr_bundle_init(&from[i]);
    }
}

bool
wr_pair_select(struct wr_bundle to[WR_FILES_BLOBS], const struct wr_bundle from[WR_FILES_BLOBS],
               const struct wr_bundle *other)
{
    uint64_t round = wr_pair_round();

    wr_pair_init(to);
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        if (!wr_bundle_select(&to[i], wr_files_names[i], &from[i], other != NULL ? &other[i] : NULL, round)) {
            int err = errno;
            wr_pair_drop(to);
            errno = err;
            return false;
        }
    }
    return true;
}

void
wr_pair_publish(struct wr_bundle effect[WR_FILES_BLOBS], struct wr_bundle b[WR_FILES_BLOBS])
{
    wr_files_publish(b);
    wr_pair_move(effect, b);
}

void
wr_pair_each(struct wr_bundle b[WR_FILES_BLOBS], void (*fn)(void *arg, struct wr_bundle_item *it), void *arg)
{
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        for (uint32_t k = 0; k < b[i].n; k++) {
            if (b[i].items[k].tag != WR_BUNDLE_NO_TAG) {
                fn(arg, &b[i].items[k]);
            }
        }
    }
}

bool
wr_pair_has_rest(const struct wr_bundle b[WR_FILES_BLOBS])
{
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        for (uint32_t k = 0; k < b[i].n; k++) {
            if (b[i].items[k].tag == WR_BUNDLE_NO_TAG) {
                return true;
            }
        }
    }
    return false;
}

void
wr_pair_close(const struct wr_bundle b[WR_FILES_BLOBS])
{
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        if (b[i].fd >= 0) {
            close(b[i].fd);
        }
    }
}
