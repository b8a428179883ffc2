/*
 * What a worker serves with: one object, made after the fork, that holds the
 * loop, the configuration and the shared views; reached from every connection
 * and request as `sv`.  A worker serves exactly one generation, so holding
 * `sv` is holding the configuration (CORE-RULES 6).
 */
#ifndef WR_HTTP_SERVICE_H
#define WR_HTTP_SERVICE_H

#include "core/base/list.h"
#include "core/base/log.h"
#include "core/conf/model.h"
#include "core/event/loop.h"
#include "core/event/offload.h"
#include "core/shm/logring.h"
#include "core/shm/slot.h"

struct wr_req;
struct wr_secure;          /* core/event/secure.h */
struct wr_front_worker;    /* core/front */
struct wr_upstream_worker; /* core/upstream */

struct wr_service {
    struct wr_loop *loop;
    struct wr_offload *offload;
    const struct wr_model *model;
    uint64_t generation;
    unsigned workers; /* of this generation */
    unsigned slot_index;
    struct wr_slot *slot;
    struct wr_logring *ring;
    unsigned keeper_slot_hint;
    const unsigned *log_ids;        /* model->logs index -> id in the ring */
    char instance[24];              /* our name in Via: "weir-" and 8 hex digits, kept over reloads */
    bool draining;                  /* listeners are out; connections end by the drain rules */
    bool stopping;                  /* drain bounds everything */
    void *const *module_worker;     /* per module: what worker_start returned */
    const struct wr_secure *secure; /* NULL: no TLS in the configuration */
    struct wr_front_worker *front;
    struct wr_upstream_worker *upstream;
    struct wr_req_table *requests;
    /* A line to the signer: packets both ways, non-blocking.  -1: there is none yet, try again soon.  NULL: keys are not
     * isolated. */
    int (*signer_line)(void);
    /* Takes the listeners out of epoll or puts them back (set by the worker; may be NULL). */
    void (*accepting)(struct wr_service *sv, bool on);
    /* Called when draining and the last client connection is gone. */
    void (*on_empty)(struct wr_service *sv);
};

/* Shared by core/http, front and upstream: request table, phases; to be called once, first. */
void wr_service_init(struct wr_service *sv);
void wr_service_fini(struct wr_service *sv);
/* Gives free requests back to the system (a worker that only drains). */
void wr_service_trim(struct wr_service *sv);

#endif
