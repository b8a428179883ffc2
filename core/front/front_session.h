/*
 * What all client protocols share about a connection: its place in the lists
 * that decide who is shed or drained first, its facts, its protocol.
 */
#ifndef WR_FRONT_FRONT_SESSION_H
#define WR_FRONT_FRONT_SESSION_H

#include "core/event/conn.h"
#include "core/front/front.h"
#include "core/http/front_table.h"

struct wr_front_session;

/* A version of HTTP towards clients, or what comes before one (the PROXY header). */
struct wr_front_proto {
    const char *name;
    size_t session_bytes;
    const struct wr_conn_owner *owner;
    /* The conn is open (bytes may wait in c->in). */
    void (*start)(struct wr_front_session *s);
    /* weir drains: finish what is there; `grace_over`: end now in the way that loses least. */
    void (*drain)(struct wr_front_session *s, bool grace_over);
    /* Overload: end an idle connection or one in its head. */
    void (*shed)(struct wr_front_session *s);
};

enum wr_front_stage {
    WR_FRONT_IDLE,
    WR_FRONT_HELLO, /* in a TLS handshake */
    WR_FRONT_HEAD,
    WR_FRONT_BUSY,
    WR_FRONT_CLOSING,
    WR_FRONT_STAGES
};

struct wr_front_session {
    struct wr_link link; /* in fw->stages[stage] */
    const struct wr_front_proto *proto;
    struct wr_service *sv;
    struct wr_conn *c;
    struct wr_client client;
    uint8_t stage;
    bool tunnel;
    uint64_t since_ms; /* in this stage */
};

struct wr_front_worker {
    struct wr_service *sv;
    uint32_t count;
    uint32_t most;                          /* max_connections */
    struct wr_link stages[WR_FRONT_STAGES]; /* oldest first */
    struct wr_timer drain_timer;
    struct wr_task empty_task;
    uint64_t drain_began_ms;
    bool pressed; /* at 85% of the buffer budget: nobody new */
    struct wr_timer pressure_timer;
    struct wr_log_gate no_byte_gate;
    struct wr_log_gate shed_gate;
    uint32_t hellos;      /* sessions in stage HELLO */
    uint32_t hello_steps; /* of handshakes, in the turn ... */
    uint64_t hello_turn;
    struct wr_log_gate hello_gate;
};

/* What a connection of the listener begins with, its PROXY header aside. */
const struct wr_front_proto *wr_front_opening(const struct wr_listen *ls);
/* In no list, without a conn. */
struct wr_front_session *wr_front_session_new(struct wr_service *sv, const struct wr_front_proto *proto);
/* Moves s to the end of a stage's list. */
void wr_front_enter(struct wr_front_session *s, enum wr_front_stage stage);
/* Closes the conn (with a RST when `reset`) and frees the session at the end of the turn. */
void wr_front_close(struct wr_front_session *s, bool reset);
/* Hands the conn over to another protocol; s is gone afterwards. */
void wr_front_become(struct wr_front_session *s, const struct wr_front_proto *proto);
/* The buffer budget is at 85% or more: relief begins.  True when it is full: s reads no request now, its event
 * comes again when there is room. */
bool wr_front_starved(struct wr_front_session *s);
void wr_front_on_pressure(struct wr_timer *t);
/* A connection that ended before a byte of a request: counted, and a line, rate-limited. */
void wr_front_no_byte(struct wr_front_session *s, const char *why);

#endif
