/*
 * The blob that files are published in: writing and reading it.
 *
 *   head | entries, sorted by path | paths | bytes of the files, each from a multiple of 8 on
 *
 * Who writes copies the files in the kernel, never into its own memory, and
 * knows what is where from its own account.  Who reads believes nothing:
 * every number is checked against the blob's size when it is used.
 */
#ifndef WR_SHM_BUNDLE_H
#define WR_SHM_BUNDLE_H

#include <sys/stat.h>

#include "core/base/pool.h"
#include "core/shm/files.h"

/*
 * The writer's side.
 */

#define WR_BUNDLE_NO_TAG UINT32_MAX

/* The writer's account of an entry. */
struct wr_bundle_item {
    struct wr_str path; /* ends in NUL */
    uint64_t version;   /* of the bytes in the bundle */
    uint64_t disk;      /* of the file when it was looked at */
    uint64_t at;
    uint32_t bytes;
    int error;    /* published: the file's bytes could not be had */
    int trouble;  /* the same, but what was there before stays in the bundle, or nothing is published */
    uint32_t tag; /* the caller's number for it; NO_TAG: the current configuration does not name it */
    bool loose;   /* others than owner and group have access to the file */
    bool changed; /* it differs from what is in effect */
    bool refused; /* who looked into it says: not to be used */
};

struct wr_bundle {
    int fd;         /* -1: there is none */
    uint64_t bytes; /* of it; while it is made: where the next file goes */
    struct wr_bundle_item *items;
    uint32_t n;
    uint32_t cap;
    struct wr_pool pool;
};

void wr_bundle_init(struct wr_bundle *b);
/* Frees everything; as after init. */
void wr_bundle_fini(struct wr_bundle *b);

/* Each path once, before begin; at most WR_FILES_MOST.  The item is good until the next one. */
struct wr_bundle_item *wr_bundle_add(struct wr_bundle *b, struct wr_str path);
/* Sorts the items and makes a memfd.  False: errno. */
bool wr_bundle_begin(struct wr_bundle *b, const char *label);
/* Copies a file from its beginning.  Returns 0 or why it cannot be had (EFBIG: over WR_FILES_BYTES; ENOSPC: all
 * together over WR_PUBLISH_BYTES); the item is empty then. */
int wr_bundle_put_file(struct wr_bundle *b, struct wr_bundle_item *it, int fd);
/* The bytes, version and error of an item of another bundle.  Returns 0 or an errno. */
int wr_bundle_put_item(struct wr_bundle *b, struct wr_bundle_item *it, const struct wr_bundle *from,
                       const struct wr_bundle_item *item);
/* Head and entries, then the seals.  `round` is equal in bundles that belong together.  False: errno. */
bool wr_bundle_end(struct wr_bundle *b, uint64_t round);
/* All items of `from` that have a tag, those that are refused as they are in `other` (NULL: none is refused).
 * False: errno, and *b is as after init. */
bool wr_bundle_select(struct wr_bundle *b, const char *label, const struct wr_bundle *from,
                      const struct wr_bundle *other, uint64_t round);
/* NULL: there is none of that path.  After begin. */
struct wr_bundle_item *wr_bundle_item(const struct wr_bundle *b, struct wr_str path);

/* The version of a file with that identity; of one that cannot be looked at. */
uint64_t wr_bundle_version(const struct stat *st);
uint64_t wr_bundle_version_none(int err);

/*
 * The reader's side.
 */

struct wr_bundle_view {
    const char *data;
    size_t bytes;
    uint32_t n; /* entries */
    uint64_t round;
};

/* False: it is no bundle.  data stays the caller's. */
bool wr_bundle_view(struct wr_bundle_view *v, const void *data, size_t bytes);
/* Entry i; false: there is none, or it is damaged.  Does not set f->secret. */
bool wr_bundle_view_at(const struct wr_bundle_view *v, uint32_t i, struct wr_file *f);
bool wr_bundle_view_find(const struct wr_bundle_view *v, struct wr_str path, struct wr_file *f);

#endif
