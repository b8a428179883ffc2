/*
 * Names of servers, resolved by the keeper alone (on the offload threads) and
 * published to the workers as the blob "names".  A name that does not resolve
 * is tried again; the last good answer stays.
 */
#ifndef WR_UPSTREAM_RESOLVE_H
#define WR_UPSTREAM_RESOLVE_H

#include "core/http/service.h"

#define WR_RESOLVE_AGAIN_MS 30000 /* a name that has an answer */
#define WR_RESOLVE_RETRY_MS 1000  /* one that has none */

/* localhost and *.localhost are loopback whatever a resolver says (RFC 6761 6.3). */
bool wr_resolve_is_localhost(struct wr_str host);

/* Keeper: resolves the names of the model's servers, again and again, and publishes them ("names"). */
struct wr_resolver;
struct wr_resolver *wr_resolver_start(struct wr_loop *l, struct wr_offload *o, const struct wr_model *m);
void wr_resolver_stop(struct wr_resolver *rs);

#endif
