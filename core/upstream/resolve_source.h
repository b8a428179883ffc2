/*
 * Sources of servers (dns:, srv:, file:) in the keeper.
 */
#ifndef WR_UPSTREAM_RESOLVE_SOURCE_H
#define WR_UPSTREAM_RESOLVE_SOURCE_H

#include "core/upstream/resolve_name.h"

void wr_resolve_source_start(struct wr_resolve_source *src);
void wr_resolve_source_stop(struct wr_resolve_source *src);
/* Takes what it gives now, if all that it needs is known. */
void wr_resolve_source_settle(struct wr_resolve_source *src);
/* A server that an earlier keeper published. */
void wr_resolve_source_seed(struct wr_resolve_source *src, const struct wr_found_server *s);

#endif
