/*
 * Kept-alive connections to servers: last in, first out; a share of
 * `keepalive` for each worker; none is used beyond 80% of the time that its
 * server announced, nor after unsolicited bytes or a FIN.
 *
 * The key is the peer.  A peer belongs to one upstream of one configuration,
 * and all that CORE-RULES 15 wants in the key follows from the two: whether
 * there is TLS, SNI and the name that was verified, the authorities, the client
 * certificate; no connection has a PROXY source.  So two upstreams never share
 * a connection, though they name the same address.  What does not follow is the
 * content of files: a connection that was verified by authorities which were
 * changed since is used on, until its time is over.
 */
#ifndef WR_UPSTREAM_IDLE_H
#define WR_UPSTREAM_IDLE_H

#include "core/event/conn.h"
#include "core/upstream/upstream_worker.h"

/* Part of a back's connection. */
struct wr_idle {
    struct wr_link peer_link; /* peer->idle */
    struct wr_link all_link;  /* worker->idle */
    struct wr_peer *peer;
    struct wr_conn *c;               /* unless it is quiet, it is not used */
    uint64_t until_ms;               /* not used and closed from then on */
    void (*drop)(struct wr_idle *i); /* close it (already out of the lists) */
};

void wr_idle_init(struct wr_upstream_worker *uw);
/* Puts it into the pool, dropping the oldest when the share is full. */
void wr_idle_put(struct wr_upstream_worker *uw, struct wr_idle *i, struct wr_peer *p, uint64_t until_ms);
/* The newest of a peer that is still good, out of the pool; NULL. */
struct wr_idle *wr_idle_get(struct wr_upstream_worker *uw, struct wr_peer *p);
/* Takes one out (FIN or bytes came). */
void wr_idle_remove(struct wr_upstream_worker *uw, struct wr_idle *i);
/* All of a peer that goes. */
void wr_idle_drop_peer(struct wr_upstream_worker *uw, struct wr_peer *p);
void wr_idle_drop_all(struct wr_upstream_worker *uw);

#endif
