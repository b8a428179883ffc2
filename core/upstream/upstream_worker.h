/*
 * The upstreams of a worker, for core/upstream's own files.
 */
#ifndef WR_UPSTREAM_UPSTREAM_WORKER_H
#define WR_UPSTREAM_UPSTREAM_WORKER_H

#include "core/http/request.h"
#include "core/upstream/peer.h"
#include "core/upstream/upstream.h"

struct wr_upstream_group {
    const struct wr_upstream *conf;
    struct wr_peer *peers;
    size_t peers_n;
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
    struct wr_upstream_group *groups; /* by wr_upstream.index */
    struct wr_peer *peers;            /* by global_index */
    struct wr_link idle;              /* all idle connections, newest first */
    struct wr_timer idle_timer;
    struct wr_link name_waiters;
};

#endif
