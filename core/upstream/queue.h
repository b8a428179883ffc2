/*
 * Requests that wait until a server has room (`queue`), for core/upstream.
 */
#ifndef WR_UPSTREAM_QUEUE_H
#define WR_UPSTREAM_QUEUE_H

#include "core/upstream/upstream_worker.h"

void wr_queue_init(struct wr_upstream_worker *uw);
void wr_queue_fini(struct wr_upstream_worker *uw);
/* WR_MAIL_QUEUE or WR_MAIL_ALL has come: servers may have room for requests that wait. */
void wr_queue_mailed(struct wr_service *sv);
/* A lease of the group has ended: whoever waits longest is served. */
void wr_queue_released(struct wr_upstream_worker *uw, struct wr_upstream_group *g);
/* r could have no server: it waits (WR_WAIT), or has failed (WR_DONE). */
enum wr_step wr_queue_wait(struct wr_req *r, struct wr_upstream_group *g);
/* p goes: requests that wait for it take any other. */
void wr_queue_forget(struct wr_upstream_worker *uw, struct wr_upstream_group *g, const struct wr_peer *p);
/* Requests wait for the group's servers, in some process: who comes new stands behind them. */
static inline bool
wr_queue_others_wait(const struct wr_upstream_group *g)
{
    return wr_unlikely(g->conf->conf.queue.most > 0) && g->row != NULL && g->has_max &&
        wr_share_oldest(g->row) >= 0;
}

#endif
