/*
 * Active health checks: the keeper asks every server of the upstreams that
 * have a health.interval, and what it finds stands in shared memory, where all
 * workers see it with their next pick.
 *
 * Checked are the servers that the configuration names and those that were
 * found at run time (the blob "names"), also while they are down or drain by
 * hand, so that their state is known when they come back.  Not checked: who has
 * no address, and who is gone from its source.
 */
#ifndef WR_UPSTREAM_PROBE_H
#define WR_UPSTREAM_PROBE_H

#include "core/conf/model.h"
#include "core/event/loop.h"
#include "core/event/secure.h"

struct wr_prober;

/* Keeper: begins with what the last one knew.  Servers of upstreams without checks are up from here on.  secure: for
 * upstreams with TLS; NULL when there is none. */
struct wr_prober *wr_prober_start(struct wr_loop *l, const struct wr_model *m, uint64_t generation,
                                  const struct wr_secure *secure);
/* What is under way is given up without a verdict. */
void wr_prober_stop(struct wr_prober *pb);

#endif
