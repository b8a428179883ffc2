/*
 * One check of one server: a new connection (so that what accepts is checked
 * as well), with TLS where the upstream has it, a GET if there is something to
 * ask for, a look at the answer, and the connection is closed.  It knows no
 * rise, no fall and no interval.
 */
#ifndef WR_UPSTREAM_PROBE_CHECK_H
#define WR_UPSTREAM_PROBE_CHECK_H

#include "core/event/conn.h"
#include "core/upstream/probe_answer.h"

enum wr_probe_outcome {
    WR_PROBE_PASSED,
    WR_PROBE_FAILED,
    WR_PROBE_NOT_MADE, /* for want of descriptors, ports or memory here: says nothing about the server */
};

/* What is asked of all servers of an upstream. */
struct wr_probe_ask {
    struct wr_str head; /* of the request, up to and with "Host: "; empty: a connection is enough */
    struct wr_str host; /* empty: the server's own */
    const struct wr_health_expect *expect;
    struct wr_probe_text text;
    uint64_t timeout_ms;
    const struct wr_upstream *upstream;
    const struct wr_secure *secure; /* for an upstream with TLS */
};

struct wr_probe_check {
    const struct wr_probe_ask *ask;
    struct wr_str host; /* of this server; empty: the address that is asked */
    struct wr_str name; /* with TLS: whom its certificate has to be for */
    struct wr_loop *loop;
    /* Called once a start, at the earliest before wr_probe_check_start returns; not after wr_probe_check_stop.
     * why is empty for PASSED. */
    void (*done)(struct wr_probe_check *ck, enum wr_probe_outcome outcome, const char *why);
    struct wr_conn *c; /* NULL: none is under way */
    const struct wr_addr *addrs;
    unsigned addrs_n;
    unsigned at; /* the address that is asked */
    enum { WR_PROBE_CONNECTING, WR_PROBE_SHAKING_HANDS, WR_PROBE_ASKED } state;
    bool refused; /* an address could not be reached, and the fault was not ours */
    char why[WR_PROBE_WHY_BYTES];
    uint64_t deadline_ms;
    struct wr_probe_answer answer;
};

/* The addresses (one at least) are tried in turn: the first that takes the connection decides.  Each has its
 * part of the time for that; all together have ask->timeout_ms.  They stay where they are until it is done. */
void wr_probe_check_start(struct wr_probe_check *ck, const struct wr_addr *addrs, unsigned n);
/* Gives up what is under way, if anything. */
void wr_probe_check_stop(struct wr_probe_check *ck);

#endif
