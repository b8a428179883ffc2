/*
 * Bundles come in pairs, the public one and the secret one (core/shm/files.h),
 * and are moved, copied and freed together.
 */
#ifndef WR_WORKERS_PAIR_H
#define WR_WORKERS_PAIR_H

#include "core/shm/bundle.h"

/* A number that no other pair has. */
uint64_t wr_pair_round(void);
void wr_pair_init(struct wr_bundle b[WR_FILES_BLOBS]);
void wr_pair_drop(struct wr_bundle b[WR_FILES_BLOBS]);
/* *to is freed and gets what *from has. */
void wr_pair_move(struct wr_bundle to[WR_FILES_BLOBS], struct wr_bundle from[WR_FILES_BLOBS]);
/* Both anew from those of *from that have a tag; refused ones as in *other (NULL: none is).  False: errno. */
bool wr_pair_select(struct wr_bundle to[WR_FILES_BLOBS], const struct wr_bundle from[WR_FILES_BLOBS],
                    const struct wr_bundle *other);
/* Publishes b and makes it what is in effect. */
void wr_pair_publish(struct wr_bundle effect[WR_FILES_BLOBS], struct wr_bundle b[WR_FILES_BLOBS]);
/* Calls fn for each item that has a tag. */
void wr_pair_each(struct wr_bundle b[WR_FILES_BLOBS], void (*fn)(void *arg, struct wr_bundle_item *it),
                  void *arg);
/* Whether there is one without. */
bool wr_pair_has_rest(const struct wr_bundle b[WR_FILES_BLOBS]);
/* Closes both and frees nothing: for a child, which has a copy of the rest. */
void wr_pair_close(const struct wr_bundle b[WR_FILES_BLOBS]);

#endif
