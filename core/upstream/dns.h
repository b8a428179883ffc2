/*
 * Questions to DNS, by c-ares on the keeper's loop: the hosts file first, then
 * the servers of `resolver` or of resolv.conf, over UDP and TCP, each question
 * within a few seconds.
 */
#ifndef WR_UPSTREAM_DNS_H
#define WR_UPSTREAM_DNS_H

#include "core/conf/model.h"
#include "core/event/loop.h"

struct wr_dns;

struct wr_dns_target {
    struct wr_str host; /* lower case, without a final dot */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
};

/* What came of a question; lives as long as the call that brings it. */
struct wr_dns_answer {
    const char *error; /* a constant text; NULL: there are addresses or targets */
    uint32_t ttl_s;    /* the least of all */
    const struct wr_addr *addrs;
    size_t addrs_n;
    const struct wr_dns_target *targets;
    size_t targets_n;
};

/* May be called before the question's function returns. */
typedef void wr_dns_fn(void *arg, const struct wr_dns_answer *a);

/* servers empty: the system's.  NULL: logged. */
struct wr_dns *wr_dns_new(struct wr_loop *l, const struct wr_addrs *servers);
/* Questions that are open are not answered any more. */
void wr_dns_free(struct wr_dns *d);
/* The addresses (A and AAAA) of a host, with that port; `most` at most. */
void wr_dns_ask(struct wr_dns *d, const char *host, uint16_t port, wr_dns_fn *fn, void *arg);
/* The targets of SRV records. */
void wr_dns_ask_srv(struct wr_dns *d, const char *name, wr_dns_fn *fn, void *arg);

#endif
