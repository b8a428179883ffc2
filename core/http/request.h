/*
 * The request: from the first byte of a client's message to its end, whatever
 * version the client speaks, whoever answers.
 *
 * r lives on its worker's loop.  Who wants to go on later holds a token, never
 * a pointer.  wr_req_end is the one end: it cancels what is parked, running or
 * timed, writes the access log, calls each module's `ended` once and resets
 * the arena.
 */
#ifndef WR_HTTP_REQUEST_H
#define WR_HTTP_REQUEST_H

#include "core/base/err.h"
#include "core/base/net.h"
#include "core/event/secure.h"
#include "core/http/body.h"
#include "core/http/head.h"
#include "core/http/service.h"
#include "core/proto/uri.h"

enum wr_phase {
    WR_PHASE_HEAD,     /* client identity, request id, what must be answered before any routing */
    WR_PHASE_ROUTE,    /* sets r->route (and r->server) */
    WR_PHASE_GUARD,    /* allow/deny, limits, WAF on the head, auth */
    WR_PHASE_BODY,     /* only if somebody asked for the body */
    WR_PHASE_LOOKUP,   /* cache, redirect, static file: may answer */
    WR_PHASE_PICK,     /* sets r->lease; again on a retry */
    WR_PHASE_RESPONSE, /* edit the response head, push filters */
    WR_PHASES
};

/* What a client can take (wr_req_can).  PIPES: body slices that stand in a pipe, once the head was sent. */
enum wr_cap {
    WR_CAP_TRAILERS = 1,
    WR_CAP_INFORMS = 2,
    WR_CAP_UPGRADE = 4,
    WR_CAP_CHUNKED = 8,
    WR_CAP_PIPES = 16
};

/* Facts about the client's connection; owned by the front, outlive the requests on it. */
struct wr_client {
    const struct wr_listen *listen;
    struct wr_ip peer_ip; /* the socket's, or the one that the PROXY protocol carried */
    struct wr_ip sock_ip; /* the socket's: `peer_addr` in logs */
    uint16_t peer_port;
    uint16_t sock_port;
    bool misplaced; /* plain HTTP on a port that speaks TLS */
    bool tls;       /* the connection's own, or the one that the PROXY protocol told of */
    const struct wr_secure_facts *secure; /* NULL: the connection itself is plain */
    uint32_t requests;                    /* begun on this connection, this one included */
    uint64_t conn_id;
};

struct wr_token {
    uint32_t index;
    uint32_t generation;
};

/* A request's right to a server: counted by it until it is ended (core/upstream/peer.h). */
struct wr_lease {
    struct wr_peer *peer; /* NULL: none */
    uint64_t since_us;
    bool trial; /* of a server that was ejected: its outcome decides */
};
/* One attempt at a server, for the access log. */
struct wr_attempt {
    struct wr_str server;   /* lives as long as the request */
    uint16_t status;        /* that it answered with; 0: none */
    enum wr_err err;        /* WR_E_NONE: it did not fail */
    uint32_t connect_ms;    /* UINT32_MAX: no connection was made */
    uint32_t first_byte_ms; /* to the response head, from the attempt's start; UINT32_MAX: none came */
    uint32_t ms;            /* in all */
    bool reused;            /* on a connection that was there */
};
#define WR_ATTEMPTS 16 /* of a request that are kept */

/* Fields that go upstream in place of req's, which stay as they came for whoever asks about the client. */
struct wr_sending {
    struct wr_head head;
    uint64_t
        settled[2]; /* bit id: what head has under that name is all: weir says nothing of its own there */
};

struct wr_filter;
struct wr_front_ops;
struct wr_peer;
struct wr_xfer;

/* Where a response comes from: the proxy, a cache, a file, weir itself. */
struct wr_source {
    const char *name;
    /* The client can take more (wr_resp_room(r) > 0): go on. */
    void (*credit)(struct wr_req *r);
    /* More of the request body is at hand (wr_body_take). */
    void (*body_ready)(struct wr_req *r);
    /* r ends: let go of everything that belongs to it, call nothing back. */
    void (*cancel)(struct wr_req *r);
    /* A deadline of the source's (r->source_due_ms) has come. */
    void (*due)(struct wr_req *r);
};

struct wr_req {
    struct wr_service *sv;
    struct wr_pool pool;
    uint32_t index; /* in the request table; with generation the token */
    uint32_t generation;
    uint64_t number; /* for logs: counts up within the worker */

    const struct wr_front_ops *front;
    void *fs; /* the front's stream */
    const struct wr_client *client;

    /* the request, as it came; read-only after GUARD */
    enum wr_method method_id;
    struct wr_str method;
    struct wr_str request_line; /* as it came, for the access log; all that is known of a bad one */
    struct wr_str target;       /* raw */
    struct wr_uri uri;          /* slices of target */
    struct wr_str path;         /* canonical */
    uint32_t uri_flags;         /* WR_URI_* that the canonical path had to deal with */
    struct wr_str authority;    /* host[:port] as sent (Host, or the absolute target's) */
    struct wr_str host;         /* lower case, without port and final dot */
    uint16_t port;              /* 0: none given */
    uint8_t minor;              /* HTTP/1.minor; 1 for newer versions */
    uint8_t major;              /* 1, 2: for the access log alone */
    bool expect_continue;
    bool wants_upgrade;    /* Upgrade with Connection: upgrade, HTTP/1.1, no body */
    struct wr_str upgrade; /* its value */
    bool te_trailers;
    struct wr_head req;
    struct wr_body body;

    /* identity, decided in HEAD */
    struct wr_ip client_ip;
    struct wr_str client_text;
    struct wr_str id;             /* X-Request-ID: the trusted one's or ours */
    bool trusted;                 /* the socket's peer (or PROXY source) is in trusted_proxies */
    struct wr_str scheme;         /* "http" or "https": the trusted proxy's word or the connection's */
    struct wr_str forwarded_host; /* from a trusted proxy; empty: authority */
    struct wr_str forwarded_for;  /* chain to which the socket's peer is appended; empty when not trusted */

    /* routing */
    const struct wr_server *server; /* NULL before ROUTE or without one */
    const struct wr_route *route;   /* never NULL */
    const struct wr_upstream *upstream;
    struct wr_lease lease;          /* of the server of this attempt */
    const struct wr_peer *tried[8]; /* by attempts before (WR_PEER_TRIED) */
    uint8_t tried_n;
    bool has_pick_hash;
    bool waited;             /* in the queue of its upstream: does not stand behind others again */
    uint64_t pick_hash;      /* what decides on the server, for upstreams that balance so */
    struct wr_peer *sticky;  /* the client's own server; NULL: any */
    bool fresh_retry;        /* the second try for a dead pooled connection was spent */
    struct wr_str send_path; /* what goes upstream: path after strip/path, with the query */
    struct wr_str send_host;
    struct wr_sending *sending; /* the fields that go upstream, where rules changed them; NULL: req's */

    /* the response */
    uint16_t status;      /* 0: none yet */
    uint8_t resp_minor;   /* the upstream spoke HTTP/1.minor (Via) */
    struct wr_str reason; /* phrase */
    struct wr_head resp;
    int64_t resp_length;           /* bytes of the body; -1: unknown until it ends */
    bool resp_no_body;             /* HEAD, 204, 304, 101: no body bytes whatever the length says */
    bool resp_begun;               /* RESPONSE has run, the head is on its way */
    bool resp_bare;                /* goes without RESPONSE, which failed on an error page */
    bool head_sent;                /* handed to the front: errors can no longer be answered */
    bool resp_complete;            /* the last byte was handed to the front */
    bool tunnel;                   /* 101: bytes both ways */
    bool local;                    /* weir itself answers */
    bool keep_client;              /* front's: may the connection go on (set before the head is sent) */
    struct wr_filter *filters;     /* response, in order of place; NULL: none */
    struct wr_filter *req_filters; /* request body */
    struct wr_chain resp_held;     /* body that came while RESPONSE was parked */
    bool resp_held_last;

    const struct wr_source *source;
    void *source_state;
    struct wr_xfer *x; /* the attempt, when the source is the proxy */

    /* where it is */
    enum wr_phase phase;
    uint16_t handler;
    bool running;
    bool parked;
    bool ending; /* wr_req_end was asked for */
    const char *park_reason;
    enum wr_err park_err;
    void (*park_cancel)(void *arg);
    void *park_arg;
    struct wr_task wake_task;
    struct wr_task end_task;

    /* time; all absolute monotonic ms, WR_TIMER_NEVER: none */
    struct wr_timer timer;
    uint64_t began_ms;
    uint64_t began_real_ms;
    uint64_t deadline_ms; /* to the response head */
    uint64_t total_ms;    /* to the last byte */
    uint64_t park_ms;
    uint64_t source_due_ms;

    /* for the log */
    enum wr_err err; /* the first failure; WR_E_NONE */
    uint32_t attempts;
    enum wr_err attempt_err;    /* why the last one was not the last */
    uint64_t connect_us;        /* of the last attempt; UINT64_MAX: reused or none */
    uint32_t retry_after_s;     /* for an answer of our own; 0: none */
    uint64_t first_byte_ms;     /* from the attempt's start; UINT64_MAX none */
    uint64_t upstream_ms;       /* attempts' time in all */
    struct wr_attempt *attempt; /* the first of them, in order (wr_req_attempt_add) */
    uint8_t attempt_log_n;
    uint16_t upstream_status;
    struct wr_str peer_text;  /* "127.0.0.1:8080" */
    uint64_t body_sent_bytes; /* response body bytes handed to the socket or its queue */
    uint64_t head_sent_bytes;
    uint64_t received_bytes;

    void **mstate; /* per module request state; NULL until somebody has one */
};

/* ---- fronts call these ---- */

/* A new request of a front; route is the listener's preset route, arena empty.  Never NULL: the table grows
 * with the connections, which are bounded. */
struct wr_req *wr_req_new(struct wr_service *sv, const struct wr_front_ops *front, void *fs,
                          const struct wr_client *client);
/* The head is complete and has passed head_check, body bytes at hand are in r->body: run the phases. */
void wr_req_begin(struct wr_req *r);
/* The client is gone (reset, closed): ends with that error, nothing is sent. */
void wr_req_gone(struct wr_req *r, enum wr_err err);
/* The client can take more of the response. */
void wr_req_credit(struct wr_req *r);
/* The response has left completely (or was given up): end. */
void wr_req_end(struct wr_req *r);

/* ---- everybody ---- */

/*
 * The one way to fail.  Before the response head was handed to the front: an
 * error answer with the row's status.  After it: the front makes the break
 * visible.  The first error is the one that is logged.
 */
void wr_req_fail(struct wr_req *r, enum wr_err err);
/* A small response of weir's own: body is copied; type may be empty.  Further fields: add to r->resp first.
 * Replaces one whose head was not sent yet (its fields are the caller's to remove). */
void wr_req_answer(struct wr_req *r, uint16_t status, struct wr_str type, struct wr_str body);

/* As wr_req_answer when r->status, r->resp and r->resp_length are set already. */
void wr_req_send_local(struct wr_req *r, struct wr_str body);

bool wr_req_can(const struct wr_req *r, enum wr_cap cap);

static inline struct wr_token
wr_req_token(const struct wr_req *r)
{
    return (struct wr_token){r->index, r->generation};
}
/* The request of a token, or NULL if it has ended. */
struct wr_req *wr_req_of(struct wr_service *sv, struct wr_token t);

/*
 * Parks r: to be called by a handler before it answers WAIT.  until_ms is
 * clamped to the request's deadlines; at expiry r fails with err.  cancel(arg)
 * (may be NULL) runs exactly once unless the wake came first.
 */
void wr_req_park(struct wr_req *r, const char *reason, uint64_t until_ms, enum wr_err err,
                 void (*cancel)(void *arg), void *arg);
/* Puts a parked request on the run queue: its handler is called again.  A stale token does nothing. */
void wr_req_wake(struct wr_service *sv, struct wr_token t);

/* The source's next deadline; stored, and the timer moved when it is earlier. */
void wr_req_source_due(struct wr_req *r, uint64_t due_ms);

/* The canonical path and, when there is something in it, the query with its question mark; in the arena. */
struct wr_str wr_req_uri(struct wr_req *r);

/* Ours, if trusted proxies and clients did not bring one: 32 hexadecimal digits. */
void wr_req_make_id(struct wr_req *r);

/* A record for one more attempt, its times UINT32_MAX where none is known and all else zero; NULL when there
 * are WR_ATTEMPTS.  It moves when the next one is added. */
struct wr_attempt *wr_req_attempt_add(struct wr_req *r);

/* Request-scoped state of a module, zeroed at first use. */
void *wr_req_state(struct wr_req *r, unsigned module);

/* A line of the error log with conn= and req= in front (text: no bytes of peers but through wr_escape). */
void wr_req_log(const struct wr_req *r, enum wr_log_level level, const char *fmt, ...) WR_PRINTF(3, 4);

#endif
