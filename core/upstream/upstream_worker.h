/*
 * The upstreams of a worker, for core/upstream's own files.
 */
#ifndef WR_UPSTREAM_UPSTREAM_WORKER_H
#define WR_UPSTREAM_UPSTREAM_WORKER_H

#include "core/upstream/least.h"
#include "core/upstream/peer.h"
#include "core/upstream/ring.h"
#include "core/upstream/upstream.h"

/* Servers that may be picked now: those that are no backups, or those that are. */
struct wr_upstream_set {
    struct wr_peer **v;
    uint32_t n;
    uint32_t *turns; /* places in v, each as often as its weight; NULL: all weights are equal */
    uint32_t turns_n;
    struct wr_least heap; /* of a large set with least_conn */
    bool heaped;
    uint32_t refresh; /* the next whose load is looked up anew */
};

struct wr_upstream_group {
    const struct wr_upstream *conf;
    struct wr_share_group *row; /* NULL: private to this worker */
    _Atomic uint64_t *cell;     /* ours, of row->begun */
    struct wr_peer **peers;     /* all: those of the configuration, then those that were found */
    uint32_t peers_n;
    uint32_t peers_cap;
    struct wr_upstream_set set[2]; /* [1]: backups */
    uint32_t version;              /* of the row that the sets are made from */
    bool stale;                    /* the sets are to be made anew */
    uint64_t stale_ms;             /* ... from then on: a weight grows */
    struct wr_peer **ejected;      /* waiting for a trial */
    uint32_t ejected_n;
    uint64_t trial_ms; /* the earliest */
    bool panic;        /* all that are not down are ejected: they are used */
    bool has_max;      /* servers can be full */
    bool heaps;        /* a set is heaped */
    bool answered;     /* all sources have been heard of */
    bool ring_stale;   /* servers came or went */
    struct wr_ring ring[2];
    struct wr_peer **ring_peers[2];
    uint32_t *tokens; /* places in peers + 1 by the hash of their sticky tokens; 0: none */
    uint32_t tokens_mask;
    bool tokens_stale;
    uint64_t turn;           /* of round_robin without a row, and where ties begin */
    struct wr_link queue;    /* requests that wait for capacity, oldest first */
    struct wr_link queue_in; /* worker->queues, while there are any */
    uint32_t queued;
    uint32_t idle_n;
    uint32_t idle_most; /* this worker's share of `keepalive` */
};

/* A request that waits for addresses. */
struct wr_name_waiter {
    struct wr_link link;
    struct wr_token token;
    struct wr_service *sv;
};

struct wr_upstream_worker {
    struct wr_service *sv;
    struct wr_share *share;
    struct wr_upstream_group *groups; /* by wr_upstream.index */
    struct wr_peer *peers;            /* of the configuration, by global_index */
    struct wr_link idle;              /* all idle connections, newest first */
    struct wr_timer idle_timer;
    struct wr_link name_waiters;
    struct wr_link queues; /* groups with requests that wait */
    struct wr_timer queue_timer;
};

static inline struct wr_upstream_group *
wr_upstream_group_of(struct wr_service *sv, const struct wr_upstream *up)
{
    return &sv->upstream->groups[up->index];
}

/* group.c: makes the sets anew if anything has changed. */
void wr_group_make(struct wr_upstream_group *g);
static inline void
wr_group_fresh(struct wr_upstream_group *g)
{
    if (wr_unlikely(
            g->stale || g->stale_ms <= wr_clock.mono_ms ||
            (g->row != NULL && atomic_load_explicit(&g->row->version, memory_order_acquire) != g->version))) {
        wr_group_make(g);
    }
}
/* The load of one that stands in a heap is known anew. */
static inline void
wr_group_reorder(struct wr_upstream_set *s, struct wr_peer *p, uint32_t load)
{
    if (load != p->known_load) {
        p->known_load = load;
        wr_least_set(&s->heap, p->member, load, p->weight);
    }
}
/* Whether an ejected server waits for its trial, and it is time. */
static inline bool
wr_group_trial_due(const struct wr_upstream_group *g)
{
    return wr_unlikely(g->ejected_n > 0) && g->trial_ms <= wr_clock.mono_ms;
}
void wr_group_fini(struct wr_upstream_group *g);

/* members.c: which servers a group has; those that the keeper found come and go. */
void wr_members_read(struct wr_upstream_worker *uw, struct wr_str text);
void wr_members_add(struct wr_upstream_group *g, struct wr_peer *p, const struct wr_upstream_server *conf);
/* Gives p its row in shared memory. */
void wr_members_attach(const struct wr_upstream_worker *uw, struct wr_peer *p, uint32_t row);
/* Its text for logs, from the address that answered last. */
void wr_members_set_text(struct wr_peer *p);
/* A peer that has gone, and has no lease any more. */
void wr_members_free(struct wr_upstream_worker *uw, struct wr_peer *p);
void wr_members_fini(struct wr_upstream_group *g);

#endif
