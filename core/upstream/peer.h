/*
 * A server of an upstream as this worker sees it: its addresses now, idle
 * connections, its row in shared memory.  Picking knows no request
 * (CORE-RULES 13): it is given facts and hands out a lease, which is ended
 * exactly once.
 */
#ifndef WR_UPSTREAM_PEER_H
#define WR_UPSTREAM_PEER_H

#include "core/base/list.h"
#include "core/base/net.h"
#include "core/http/request.h"
#include "core/upstream/share.h"

#define WR_PEER_ADDRS 8 /* addresses of one name that are tried */
#define WR_PEER_TRIED WR_ARRAY_LEN(((struct wr_req *)0)->tried)
#define WR_PEER_TOKEN_BYTES 32
#define WR_PEER_WEIGHT 100 /* of a server of weight 1: leaves room for parts of it while it starts slowly */

/* What each request touches stands first: with a thousand servers, every line of memory counts. */
struct wr_peer {
    struct wr_share_server *row; /* NULL: private to this worker */
    _Atomic uint32_t *cell;      /* ours, of row->inflight */
    const struct wr_upstream *upstream;
    struct wr_link idle;  /* connections, newest first */
    struct wr_str text;   /* of the address, for logs */
    uint32_t weight;      /* now, times WR_PEER_WEIGHT */
    uint32_t max;         /* requests at once; 0: no limit */
    uint32_t inflight;    /* leases of this worker */
    uint32_t member;      /* place in the set that it stands in */
    uint32_t known_load;  /* with which it stands in a heap */
    uint32_t ring_weight; /* with which it stands in its group's ring */
    uint32_t idle_n;
    uint8_t addrs_n;    /* 0: not resolved (yet) */
    uint8_t addr_first; /* the one that answered last */
    bool answered;      /* the resolver has had its say about the name */
    bool http10;        /* its last response was HTTP/1.0: it does not know Expect */
    bool usable;        /* stands in a set of its group */
    bool found;         /* at run time: goes when its source does not name it any more */
    bool seen;          /* ... in the list that is being read */
    bool gone;          /* ... freed with its last request */
    const struct wr_upstream_server *conf;
    struct wr_addr addrs[WR_PEER_ADDRS];
    char text_room[WR_ADDR_TEXT_BYTES];
    char token[WR_PEER_TOKEN_BYTES]; /* its sticky token, made when it is wanted first; [0] NUL: not yet */
};

/* What a pick may know. */
struct wr_pick {
    const struct wr_upstream *upstream;
    const struct wr_peer *const *tried;
    unsigned tried_n;
    struct wr_peer *sticky; /* the one that a client belongs to, NULL: none */
    uint64_t hash;          /* of the client's address or the key; for has_hash */
    bool has_hash;
    bool may_try; /* the request can be repeated: it may try a server that is ejected */
};

/*
 * OK: *lease is the caller's.  WAIT: a name has had no answer at all yet
 * (wr_peer_wait_names).  UNRESOLVED: no name has an address.  FULL: every server
 * that could be used has `max` requests.  NONE: there is none.
 */
enum wr_pick_verdict { WR_PICK_OK, WR_PICK_WAIT, WR_PICK_UNRESOLVED, WR_PICK_FULL, WR_PICK_NONE };

enum wr_pick_verdict wr_peer_pick(struct wr_service *sv, const struct wr_pick *pk, struct wr_lease *lease);
/* The PICK phase's whole work for r, from r->sticky and r->pick_hash: sets r->lease; WAIT and DONE (failed) as
 * a handler answers. */
enum wr_step wr_peer_pick_for(struct wr_req *r);
/* The facts of r. */
struct wr_pick wr_peer_facts(const struct wr_req *r);

/* Takes a lease if the server's `max` allows it. */
bool wr_peer_take(struct wr_peer *p, struct wr_lease *lease);
/* The head of a response has come, us after the attempt began.  good: it is not 5xx. */
void wr_peer_answered(struct wr_service *sv, struct wr_lease *lease, bool good, uint64_t us);
/* The attempt failed by the server's fault. */
void wr_peer_failed(struct wr_service *sv, struct wr_lease *lease);
/* Requests in flight at it, in all processes that share its row. */
static inline uint32_t
wr_peer_load(const struct wr_peer *p)
{
    return p->row != NULL ? wr_share_load(p->row) : p->inflight;
}
/* The lease ends; nothing happens when there is none. */
void wr_peer_done(struct wr_service *sv, struct wr_lease *lease);

/*
 * Sticky tokens (token.c): what a client's cookie says instead of the server's
 * name.  A keyed hash of upstream and server, so it tells nothing and cannot be
 * made up; equal in all workers.
 */
/* The server of up that goes by it, NULL: nobody does. */
struct wr_peer *wr_peer_by_token(struct wr_service *sv, const struct wr_upstream *up, struct wr_str token);
struct wr_str wr_peer_token(const struct wr_service *sv, struct wr_peer *p);

/* Parks r until addresses are published (at most until_ms). */
void wr_peer_wait_names(struct wr_req *r, uint64_t until_ms);

#endif
