/*
 * Names of servers and the sources that servers are found in: looked up by the
 * keeper alone, again when their time is over or the file has changed, and
 * published to the workers as the blob "names" (core/upstream/found.h).  A
 * name or source that fails keeps what it gave last.
 */
#ifndef WR_UPSTREAM_RESOLVE_H
#define WR_UPSTREAM_RESOLVE_H

#include "core/http/service.h"

#define WR_RESOLVE_LEAST_MS 1000   /* an answer is good for that long at least, */
#define WR_RESOLVE_MOST_MS 3600000 /* and not longer, whatever its TTL says */
#define WR_RESOLVE_RETRY_MS 1000   /* after a failure; doubles */
#define WR_RESOLVE_RETRY_MOST_MS 30000
#define WR_RESOLVE_FILE_MS 250     /* between two looks at a file */
#define WR_RESOLVE_FORGET_MS 60000 /* after that a server that is gone is forgotten */

/* localhost and *.localhost are loopback whatever a resolver says (RFC 6761 6.3). */
bool wr_resolve_is_localhost(struct wr_str host);
/* Its addresses, IPv4 first. */
void wr_resolve_localhost(uint16_t port, struct wr_addr addrs[2]);

struct wr_resolver;
struct wr_resolver *wr_resolver_start(struct wr_loop *l, const struct wr_model *m, uint64_t generation);
void wr_resolver_stop(struct wr_resolver *rs);
/* Something that it found has changed: is published in a moment. */
void wr_resolve_changed(struct wr_resolver *rs);

#endif
