/*
 * Upstream groups as a worker sees them: addresses now, idle connections,
 * load.  The configuration's side is struct wr_upstream (core/conf/model.h).
 */
#ifndef WR_UPSTREAM_UPSTREAM_H
#define WR_UPSTREAM_UPSTREAM_H

#include "core/http/service.h"
#include "core/upstream/resolve.h"

void wr_upstream_worker_start(struct wr_service *sv);
void wr_upstream_worker_stop(struct wr_service *sv);
/* Closes idle connections and gives memory back; called when a worker begins to drain. */
void wr_upstream_drain(struct wr_service *sv);

#endif
