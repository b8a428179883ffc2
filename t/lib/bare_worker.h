/*
 * A worker without configuration file, sockets and children, for unit tests of
 * the middle: a loop with offload threads, two routes, a table of requests.
 * The test defines wr_modules[] and wr_modules_n itself.
 */
#ifndef WR_LIB_BARE_WORKER_H
#define WR_LIB_BARE_WORKER_H

#include <stdlib.h>

#include "core/http/pipeline.h"
#include "core/http/req_table.h"
#include "core/module.h"

struct bare_worker {
    struct wr_service sv;
    struct wr_slot slot;
    struct wr_model model;
    struct wr_listen listen;
    struct wr_client client;
    struct wr_route preset; /* before ROUTE */
    struct wr_route route;  /* what ROUTE is to set */
    struct wr_route *routes[2];
    struct wr_pool pool;
    void *mains[8];
    size_t memory; /* buffers in use at the start */
    unsigned alerts;
    unsigned failures; /* lines that say that a request failed */
    char reason[64];   /* of the last of these */
    struct wr_task stop;
};

static struct bare_worker bare_worker;

static inline void
bare_worker_sink(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    struct bare_worker *w = arg;
    const char *reason = strstr(line, " reason=");

    (void)n;
    w->alerts += level == WR_LOG_ALERT;
    if (level == WR_LOG_ALERT) {
        printf("# %s", line);
    }
    if (reason != NULL) {
        w->failures++;
        snprintf(w->reason, sizeof(w->reason), "%.*s", (int)strcspn(reason + 8, " "), reason + 8);
    }
}

static inline void
bare_worker_on_stop(struct wr_task *t)
{
    wr_loop_stop(wr_container(t, struct bare_worker, stop)->sv.loop);
}

static inline void
bare_worker_route(struct bare_worker *w, struct wr_route *rt, uint32_t index, const char *id)
{
    rt->index = index;
    rt->id = wr_str_of(id);
    rt->log_index = -1;
    rt->conf.body_limit = rt->conf.deadline_ms = rt->conf.total_ms = WR_OFF;
    rt->conf.buffer_response = 256 * 1024;
    rt->conf.buffer_file = UINT64_C(1) << 30;
    w->routes[index] = rt;
}

static inline void
bare_worker_start(struct bare_worker *w)
{
    memset(w, 0, sizeof(*w));
    wr_log_set(bare_worker_sink, w, WR_LOG_INFO);
    bare_worker_route(w, &w->preset, 0, "preset");
    bare_worker_route(w, &w->route, 1, "example.com/*");
    w->model.routes = w->routes;
    w->model.routes_n = 2;
    w->model.weir.buffers_bytes = 64 << 20;
    w->listen.preset_route = &w->preset;
    w->client.listen = &w->listen;
    w->client.conn_id = 7;
    w->sv.loop = wr_loop_new();
    w->sv.offload = wr_offload_new(w->sv.loop);
    w->sv.model = &w->model;
    w->sv.slot = &w->slot;
    w->stop.fn = bare_worker_on_stop;
    wr_service_init(&w->sv);
    wr_pipeline_build(&w->model, w->mains, &w->pool);
    w->memory = wr_buf_in_use_bytes();
}

static inline void
bare_worker_free(struct bare_worker *w)
{
    wr_service_fini(&w->sv);
    wr_offload_free(w->sv.offload);
    wr_loop_free(w->sv.loop);
    wr_pool_reset(&w->pool);
    wr_log_set(NULL, NULL, WR_LOG_NOTICE);
}

/* Runs what is posted, and what that posts. */
static inline void
bare_worker_turn(struct bare_worker *w)
{
    w->sv.loop->stop = false;
    wr_loop_post(w->sv.loop, &w->stop);
    wr_loop_run(w->sv.loop);
}

static inline void
bare_worker_on_time(struct wr_timer *t)
{
    (void)t;
    wr_loop_stop(bare_worker.sv.loop);
}

static inline void
bare_worker_turns_ms(struct bare_worker *w, unsigned ms)
{
    struct wr_timer t;

    wr_timer_init(&t, bare_worker_on_time);
    wr_clock_update();
    wr_loop_timer(w->sv.loop, &t, wr_clock.mono_ms + ms);
    w->sv.loop->stop = false;
    wr_loop_run(w->sv.loop);
    wr_timer_stop(&w->sv.loop->wheel, &t);
}

/* Turns until *flag is true; gives up after ten seconds. */
static inline bool
bare_worker_until(struct bare_worker *w, const bool *flag)
{
    for (unsigned i = 0; i < 1000 && !*flag; i++) {
        bare_worker_turns_ms(w, 8);
    }
    return *flag;
}

/* Requests that have not ended. */
static inline unsigned
bare_worker_requests(const struct bare_worker *w)
{
    return wr_req_table_count(w->sv.requests);
}

/* Bytes of a stream that differ with their place in it. */
static inline char
bare_worker_byte(uint64_t offset)
{
    return (char)(offset * 2654435761u >> 13);
}

static inline void
bare_worker_fill(struct wr_chain *ch, uint64_t offset, size_t n)
{
    while (n > 0) {
        size_t part = WR_MIN(n, (size_t)WR_BUF_BIG_BYTES);
        struct wr_buf *b = wr_buf_new(part);
        for (size_t i = 0; i < part; i++) {
            b->data[i] = bare_worker_byte(offset + i);
        }
        wr_chain_add(ch, b, b->data, part);
        wr_buf_unref(b);
        offset += part;
        n -= part;
    }
}

/* Drops the bytes; false when they are not those of the stream from `offset` on. */
static inline bool
bare_worker_check(struct wr_chain *ch, uint64_t offset)
{
    bool same = true;

    for (const struct wr_slice *s = ch->first; s != NULL; s = s->next) {
        for (size_t i = 0; i < s->n; i++) {
            same = same && s->p[i] == bare_worker_byte(offset++);
        }
    }
    wr_chain_free(ch);
    return same;
}

#endif
