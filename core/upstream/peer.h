/*
 * A server of an upstream as this worker sees it: its addresses now, requests
 * in flight, idle connections.  Picking knows no request (CORE-RULES 13): it
 * is given facts and hands out a lease, which is ended exactly once.
 */
#ifndef WR_UPSTREAM_PEER_H
#define WR_UPSTREAM_PEER_H

#include "core/base/list.h"
#include "core/base/net.h"
#include "core/http/service.h"

#define WR_PEER_ADDRS 8 /* addresses of one name that are tried */
#define WR_PEER_TRIED 8 /* attempts that a pick remembers */

struct wr_peer {
    const struct wr_upstream_server *conf;
    const struct wr_upstream *upstream;
    struct wr_addr addrs[WR_PEER_ADDRS];
    uint8_t addrs_n;    /* 0: not resolved (yet) */
    bool answered;      /* the resolver has had its say about the name */
    bool http10;        /* its last response was HTTP/1.0: it does not know Expect */
    uint8_t addr_first; /* the one that answered last */
    uint32_t inflight;  /* leases of this worker */
    uint32_t idle_n;
    struct wr_link idle; /* newest first */
    struct wr_str text;  /* of the address, for logs */
    char text_room[WR_ADDR_TEXT_BYTES];
};

/* What a pick may know. */
struct wr_pick {
    const struct wr_upstream *upstream;
    const struct wr_peer *tried[WR_PEER_TRIED];
    uint8_t tried_n;
};

/* WAIT: a name has had no answer at all yet (wr_peer_wait_names). */
enum wr_pick_verdict { WR_PICK_OK, WR_PICK_WAIT, WR_PICK_UNRESOLVED, WR_PICK_NONE };

/* The servers of an upstream in this worker. */
struct wr_peer *wr_peers(struct wr_service *sv, const struct wr_upstream *up, size_t *n);
/* Two random ones that were not tried, the one with fewer requests in flight by weight; backups only when no
 * other is left. */
enum wr_pick_verdict wr_peer_pick(struct wr_service *sv, const struct wr_pick *pk, struct wr_peer **out);
/* The PICK phase's whole work for r: sets r->peer; WAIT and DONE (failed) as a handler answers. */
struct wr_req;
enum wr_step wr_peer_pick_for(struct wr_req *r);
/* The lease begins and ends. */
void wr_peer_take(struct wr_peer *p);
void wr_peer_done(struct wr_peer *p);
/* Parks r until addresses are published (at most until_ms). */
void wr_peer_wait_names(struct wr_req *r, uint64_t until_ms);

#endif
