/*
 * A configuration in memory and requests to it without a socket: what the
 * tests of modules and of core/http stand on.  The front is a table that
 * remembers what was sent.
 */
#ifndef WR_UNIT_SITE_H
#define WR_UNIT_SITE_H

#include <stdlib.h>
#include <sys/mman.h>

#include "core/http/front_table.h"
#include "core/http/head_check.h"
#include "core/http/pipeline.h"
#include "core/module.h"
#include "t/unit/tap.h"

#define SITE_FIELDS 128

struct site {
    struct wr_pool pool;
    struct wr_conf cf;
    struct wr_model *model;
    void **main;
    struct wr_service sv;
    struct wr_client client;
    struct wr_logring *ring;
    unsigned ids[64];
    void **workers;
    char sent[65536]; /* the body of the last answer */
    size_t sent_n;
    bool aborted;
};

static struct site *site_now;

static inline void
site_send_head(struct wr_req *r, bool more)
{
    (void)r;
    (void)more;
    site_now->sent_n = 0;
}

static inline void
site_send_body(struct wr_req *r, struct wr_chain *ch, bool last)
{
    (void)r;
    (void)last;
    for (struct wr_slice *s = ch->first; s; s = s->next) {
        memcpy(site_now->sent + site_now->sent_n, s->p, s->n);
        site_now->sent_n += s->n;
    }
    wr_chain_free(ch);
}

static inline size_t
site_room(const struct wr_req *r)
{
    (void)r;
    return 65536;
}

static inline void
site_abort(struct wr_req *r, enum wr_err why)
{
    (void)r;
    (void)why;
    site_now->aborted = true;
}

static inline void
site_ended(struct wr_req *r)
{
    (void)r;
}

static const struct wr_front_ops site_front = {
    .name = "none",
    .caps = WR_CAP_CHUNKED,
    .credit = site_ended,
    .send_head = site_send_head,
    .send_body = site_send_body,
    .room = site_room,
    .abort = site_abort,
    .ended = site_ended,
};

static inline void
site_check_modules(struct site *s)
{
    s->main = wr_pool_zalloc(&s->pool, (wr_modules_n + 1) * sizeof(void *));
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->check) {
            wr_modules[i]->check(&s->cf, i, &s->main[i]);
        }
    }
}

static inline void
site_serve(struct site *s)
{
    size_t ring_bytes = 4096 + WR_LOGRING_BYTES;

    s->sv.loop = wr_loop_new();
    s->sv.model = s->model;
    s->sv.slot = wr_calloc(1, sizeof(struct wr_slot));
    s->ring = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    wr_assert((void *)s->ring != MAP_FAILED);
    s->sv.ring = s->ring;
    s->sv.log_ids = s->ids;
    for (unsigned i = 0; i < WR_ARRAY_LEN(s->ids); i++) {
        s->ids[i] = i + 1;
    }
    strcpy(s->sv.instance, "weir-0123abcd");
    wr_service_init(&s->sv);
    s->workers = wr_pool_zalloc(&s->pool, (wr_modules_n + 1) * sizeof(void *));
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->worker_start) {
            s->workers[i] = wr_modules[i]->worker_start(&s->sv, s->main[i]);
        }
    }
    s->sv.module_worker = s->workers;
    s->client.listen = s->model->listens[0];
    s->client.conn_id = 7;
    s->client.peer_port = 50000;
    wr_ip_parse(WR_STR("192.0.2.1"), &s->client.peer_ip);
    s->client.sock_ip = s->client.peer_ip;
}

/* Reads `text` as weir.ini.  False: s->cf has the messages; only the pool is to be freed then. */
static inline bool
site_load(struct site *s, const char *text)
{
    static const struct wr_directive_table *tables[64];

    memset(s, 0, sizeof(*s));
    site_now = s;
    wr_clock_update();
    wr_conf_init(&s->cf, &s->pool);
    for (unsigned i = 0; i < wr_modules_n; i++) {
        tables[i] = wr_modules[i]->tables;
    }
    s->cf.tables = tables;
    s->cf.modules_n = wr_modules_n;
    s->cf.sealed = true;
    if (wr_conf_load_text(&s->cf, "test.ini", wr_str_of(text))) {
        s->model = s->cf.model;
        site_check_modules(s);
    }
    if (s->cf.errors > 0) {
        return false;
    }
    wr_pipeline_build(s->model, s->main, &s->pool);
    site_serve(s);
    return true;
}

static inline void
site_load_or_die(struct site *s, const char *text)
{
    if (!site_load(s, text)) {
        wr_conf_print_messages(&s->cf, stdout, true);
        fflush(stdout);
        abort();
    }
}

/* A request with that head, judged but not run; NULL when it is refused. */
static inline struct wr_req *
site_request(struct site *s, const char *head)
{
    static struct wr_field fields[SITE_FIELDS];
    struct wr_h1_limits limits = {16384, 65536, SITE_FIELDS, 8192};
    struct wr_h1_head h;
    struct wr_framing fr = {0};
    struct wr_req *r = wr_req_new(&s->sv, &site_front, NULL, &s->client);

    if (wr_h1_parse_request(head, strlen(head), &limits, &h, fields) != WR_H1_OK) {
        return NULL;
    }
    ptrdiff_t moved = wr_head_take(&r->req, &r->pool, head, h.head_bytes, &h, fields);
    r->method_id = h.method_id;
    r->method = wr_str_make(h.method.p + moved, h.method.n);
    r->target = wr_str_make(h.target.p + moved, h.target.n);
    r->request_line = wr_str_make(r->method.p, (size_t)(r->target.p + r->target.n + 9 - r->method.p));
    r->minor = h.minor;
    return wr_head_check_request(r, &fr) == WR_E_NONE ? r : NULL;
}

/* Runs one phase as the pipeline does. */
static inline enum wr_step
site_phase(struct wr_req *r, enum wr_phase phase)
{
    const struct wr_phase_list *list = &r->route->phases[phase];
    enum wr_step step = WR_NEXT;

    r->phase = phase;
    for (uint32_t i = 0; i < list->n && step == WR_NEXT; i++) {
        const struct wr_phase_entry *e = &list->v[i];
        step = e->fn(r, e->conf, e->state ? wr_req_state(r, e->module) : NULL);
    }
    return step;
}

/* HEAD, ROUTE and LOOKUP, as far as they go. */
static inline enum wr_step
site_run(struct wr_req *r)
{
    enum wr_step step = site_phase(r, WR_PHASE_HEAD);

    if (step == WR_NEXT) {
        step = site_phase(r, WR_PHASE_ROUTE);
    }
    return step == WR_NEXT ? site_phase(r, WR_PHASE_LOOKUP) : step;
}

struct site_stop {
    struct wr_task task;
    struct wr_loop *loop;
};

static inline void
site_stop_loop(struct wr_task *t)
{
    wr_loop_stop(wr_container(t, struct site_stop, task)->loop);
}

/* Ends r as the front would, access log included. */
static inline void
site_end(struct site *s, struct wr_req *r)
{
    struct site_stop stop = {.task = {.fn = site_stop_loop}, .loop = s->sv.loop};

    wr_req_end(r);
    s->sv.loop->stop = false;
    wr_loop_post(s->sv.loop, &stop.task);
    wr_loop_run(s->sv.loop);
}

/* The next line of the access logs, without its end; none when there is none. */
static inline struct wr_str
site_log_line(struct site *s)
{
    uint64_t cursor = wr_logring_tail(s->ring);
    struct wr_logring_line line;
    bool damaged;

    if (!wr_logring_next(s->ring, &cursor, &line, &damaged)) {
        return WR_STR_NONE;
    }
    wr_logring_release(s->ring, cursor);
    return wr_str_make(line.p, line.n > 0 ? line.n - 1 : 0);
}

static inline void
site_free(struct site *s)
{
    if (s->sv.loop) {
        for (unsigned i = 0; i < wr_modules_n; i++) {
            if (wr_modules[i]->worker_stop) {
                wr_modules[i]->worker_stop(&s->sv, s->workers[i]);
            }
        }
        wr_service_fini(&s->sv);
        wr_loop_free(s->sv.loop);
        free(s->sv.slot);
        munmap(s->ring, 4096 + WR_LOGRING_BYTES);
    }
    wr_pool_reset(&s->pool);
}

/* wr_str as a test compares it. */
#define site_is(got, want, ...)                                                                              \
    do {                                                                                                     \
        struct wr_str site_got = (got);                                                                      \
        tap_is_mem(site_got.n ? site_got.p : "", site_got.n, (want), strlen(want), __VA_ARGS__);             \
    } while (0)

#endif
