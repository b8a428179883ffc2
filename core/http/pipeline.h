/*
 * The phases: which handlers are active on which route, and running them.
 */
#ifndef WR_HTTP_PIPELINE_H
#define WR_HTTP_PIPELINE_H

#include "core/http/request.h"

typedef enum wr_step wr_handler_fn(struct wr_req *r, const void *conf, void *state);

struct wr_phase_entry {
    wr_handler_fn *fn;
    const void *conf; /* the module's CLASS_ROUTE struct on this route */
    uint16_t module;
    bool state; /* the module has per-request state */
};

/* One a phase; route->phases is an array of WR_PHASES of them. */
struct wr_phase_list {
    const struct wr_phase_entry *v;
    uint32_t n;
};

/* Asks every module on every route; fills route->phases.  Called once when a cycle is made. */
bool wr_pipeline_build(struct wr_model *m, void *const *module_main, struct wr_pool *pool);

/* Runs from where r stands until a handler parks or decides, or the source takes over. */
void wr_pipeline_run(struct wr_req *r);
/* Runs (or goes on with) RESPONSE: true when all have spoken, false when parked or decided. */
bool wr_pipeline_response(struct wr_req *r);
/* The end of BODY: with buffer = request, waits until the whole body is here. */
enum wr_step wr_pipeline_collect(struct wr_req *r);
/* PICK once more for another attempt; then the proxy starts. */
void wr_pipeline_again(struct wr_req *r);

/* The source that serves routes with an upstream: core/upstream sets it when a worker starts. */
extern void (*wr_pipeline_proxy)(struct wr_req *r);

#endif
