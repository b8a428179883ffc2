/*
 * Phases and their handlers.  A handler is found by route and phase in an
 * array; an inactive module is in no array and costs nothing.
 */
#include "core/http/pipeline.h"

#include "core/http/filter.h"
#include "core/http/response.h"
#include "core/module.h"

void (*wr_pipeline_proxy)(struct wr_req *r);

static bool
pipeline_is_active(const struct wr_module *mod, enum wr_phase ph, const struct wr_route *rt, const void *conf,
                   void *main)
{
    /* HEAD and ROUTE run before a route is known. */
    return mod->phase[ph] != NULL &&
        (ph <= WR_PHASE_ROUTE || mod->active == NULL || mod->active(rt, conf, main));
}

static void
pipeline_build_route(struct wr_route *rt, void *const *module_main, struct wr_pool *pool)
{
    rt->phases = wr_pool_zalloc(pool, WR_PHASES * sizeof(*rt->phases));
    for (unsigned ph = 0; ph < WR_PHASES; ph++) {
        struct wr_phase_entry *v = wr_pool_alloc(pool, wr_modules_n * sizeof(*v));
        uint32_t n = 0;
        for (unsigned i = 0; i < wr_modules_n; i++) {
            const struct wr_module *mod = wr_modules[i];
            const void *conf = rt->mconf ? rt->mconf[i] : NULL;
            if (pipeline_is_active(mod, ph, rt, conf, module_main[i])) {
                v[n++] = (struct wr_phase_entry){mod->phase[ph], conf, (uint16_t)i, mod->req_state_bytes > 0};
            }
        }
        rt->phases[ph] = (struct wr_phase_list){v, n};
    }
}

bool
wr_pipeline_build(struct wr_model *m, void *const *module_main, struct wr_pool *pool)
{
    for (size_t i = 0; i < m->routes_n; i++) {
        pipeline_build_route(m->routes[i], module_main, pool);
    }
    return true;
}

/* Runs the handlers of the current phase from r->handler on. */
static enum wr_step
pipeline_phase(struct wr_req *r)
{
    const struct wr_phase_list *list = &r->route->phases[r->phase];

    while (r->handler < list->n) {
        const struct wr_phase_entry *e = &list->v[r->handler];
        r->sv->loop->doing = wr_modules[e->module]->name;
        enum wr_step step = e->fn(r, e->conf, e->state ? wr_req_state(r, e->module) : NULL);
        if (step == WR_WAIT) {
            wr_assert(r->parked || r->ending);
            return WR_WAIT;
        }
        if (step == WR_DONE || r->ending) {
            return WR_DONE;
        }
        r->handler++;
    }
    return WR_NEXT;
}

/* What core itself has to say between the phases. */
static enum wr_step
pipeline_between(struct wr_req *r)
{
    switch (r->phase) {
    case WR_PHASE_ROUTE:
        if (wr_body_over_limit(r)) {
            wr_req_fail(r, WR_E_BODY_TOO_LARGE);
            return WR_DONE;
        }
        return WR_NEXT;
    case WR_PHASE_BODY:
        return wr_pipeline_collect(r);
    default:
        return WR_NEXT;
    }
}

void
wr_pipeline_run(struct wr_req *r)
{
    if (r->phase == WR_PHASE_RESPONSE) {
        if (wr_pipeline_response(r)) {
            wr_resp_go(r, false);
            wr_req_credit(r);
        }
        return;
    }
    r->running = true;
    do {
        enum wr_step step = pipeline_phase(r);
        if (step == WR_NEXT) {
            step = pipeline_between(r);
        }
        if (step != WR_NEXT) {
            r->running = false;
            return;
        }
        r->handler = 0; /* not before: what core says between phases may park, too */
    } while (++r->phase <= WR_PHASE_PICK);
    r->phase = WR_PHASE_PICK;
    r->running = false;
    wr_pipeline_proxy(r);
}

bool
wr_pipeline_response(struct wr_req *r)
{
    if (r->route->phases[WR_PHASE_RESPONSE].n == 0) {
        return true;
    }
    return pipeline_phase(r) == WR_NEXT;
}

void
wr_pipeline_again(struct wr_req *r)
{
    r->phase = WR_PHASE_PICK;
    r->handler = 0;
    wr_pipeline_run(r);
}
