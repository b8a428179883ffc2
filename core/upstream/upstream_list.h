/*
 * All servers of the configuration's upstreams, those that were found at run
 * time with them: for commands, which know no worker.
 */
#ifndef WR_UPSTREAM_UPSTREAM_LIST_H
#define WR_UPSTREAM_UPSTREAM_LIST_H

#include "core/conf/model.h"
#include "core/upstream/share.h"

struct wr_upstream_entry {
    const struct wr_upstream *upstream;
    const struct wr_upstream_server *server; /* NULL: found at run time */
    struct wr_str name;                      /* of the server, without its upstream's */
    struct wr_share_server *row;             /* NULL: private to each worker */
};
typedef void wr_upstream_entry_fn(void *arg, const struct wr_upstream_entry *e);

/* Who stands where in shared memory, as things are now; to be freed before the loop goes on. */
struct wr_upstream_list;
struct wr_upstream_list *wr_upstream_list_new(void);
void wr_upstream_list_free(struct wr_upstream_list *l);
/* In the order of the configuration; those found come last. */
void wr_upstream_list_each(const struct wr_upstream_list *l, const struct wr_upstream *u,
                           wr_upstream_entry_fn *fn, void *arg);

struct wr_upstream_sums {
    uint64_t all;
    uint64_t up; /* gets requests; private ones count as such */
    uint64_t inflight;
    uint64_t requests;
    uint64_t failures;
    uint64_t queued;
};
void wr_upstream_list_sum(const struct wr_upstream_list *l, const struct wr_upstream *u,
                          struct wr_upstream_sums *sums);

/* "up", "down (checks), draining (by hand)"... */
#define WR_UPSTREAM_STATE_BYTES 96
void wr_upstream_state_text(uint32_t blocked, char text[WR_UPSTREAM_STATE_BYTES]);

#endif
