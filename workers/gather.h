/*
 * From paths to bundles: the master opens what a configuration names and has
 * the kernel copy it.
 */
#ifndef WR_WORKERS_GATHER_H
#define WR_WORKERS_GATHER_H

#include "core/conf/conf.h"
#include "core/shm/bundle.h"

struct wr_gather {
    const struct wr_conf *cf;
    const struct wr_bundle *effect; /* both bundles in effect, or two that are empty */
    /* The configuration is a new one: every file is read and counts as changed, and what is in effect for the old one
     * stays beside that, without a tag.  Else: what is as it was is taken from `effect`; so is what cannot be read. */
    bool anew;
};

/* Makes both; the tag of an item is its file's number in cf.  False: errno, and both are as after init. */
bool wr_gather_files(const struct wr_gather *g, struct wr_bundle b[WR_FILES_BLOBS]);
/* What is wrong with a file, for people. */
const char *wr_gather_why(int err);
/* What the file is on the disk now, to be compared with wr_bundle_item's `disk`. */
uint64_t wr_gather_look(const struct wr_conf_file *f);

#endif
