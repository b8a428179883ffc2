/*
 * weir explain: reads a configuration, sends one request through the parser,
 * HEAD and ROUTE - the code that serves - and prints what it came to.  It
 * opens no socket, starts no process and changes nothing.
 */
#include "workers/explain_main.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/http/front_table.h"
#include "core/http/pipeline.h"
#include "core/module.h"
#include "core/upstream/back_h1_head.h"
#include "workers/cycle.h"
#include "workers/explain_request.h"

/* ---- a front without a socket ---- */

static void
explain_main_nothing(struct wr_req *r)
{
    (void)r;
}

static void
explain_main_send_head(struct wr_req *r, bool more)
{
    (void)r;
    (void)more;
}

static void
explain_main_send_body(struct wr_req *r, struct wr_chain *ch, bool last)
{
    (void)r;
    (void)last;
    wr_chain_free(ch);
}

static size_t
explain_main_room(const struct wr_req *r)
{
    (void)r;
    return SIZE_MAX;
}

static void
explain_main_abort(struct wr_req *r, enum wr_err why)
{
    (void)r;
    (void)why;
}

static const struct wr_front_ops explain_main_front = {
    .name = "explain",
    .caps = WR_CAP_TRAILERS | WR_CAP_INFORMS | WR_CAP_UPGRADE | WR_CAP_CHUNKED,
    .credit = explain_main_nothing,
    .send_head = explain_main_send_head,
    .send_body = explain_main_send_body,
    .room = explain_main_room,
    .abort = explain_main_abort,
    .ended = explain_main_nothing,
};

/* ---- the walk ---- */

/* Runs one phase as the pipeline does; false when the request has been answered or refused. */
static bool
explain_main_phase(struct wr_req *r, enum wr_phase phase)
{
    const struct wr_phase_list *list = &r->route->phases[phase];

    r->phase = phase;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct wr_phase_entry *e = &list->v[i];
        if (e->fn(r, e->conf, e->state ? wr_req_state(r, e->module) : NULL) != WR_NEXT) {
            return false;
        }
    }
    return true;
}

/* True when it goes on behind ROUTE.  *reached: ROUTE has had its say. */
static bool
explain_main_walk(const struct wr_explain_question *q, struct wr_req *r, bool *reached)
{
    enum wr_err err = wr_explain_request_make(q, r);

    if (err != WR_E_NONE) {
        wr_req_fail(r, err);
        return false;
    }
    if (!explain_main_phase(r, WR_PHASE_HEAD)) {
        return false;
    }
    *reached = true;
    if (!explain_main_phase(r, WR_PHASE_ROUTE)) {
        return false;
    }
    if (wr_body_over_limit(r)) {
        wr_req_fail(r, WR_E_BODY_TOO_LARGE);
        return false;
    }
    return true;
}

/* ---- what is printed ---- */

static void
explain_main_print_request(const struct wr_explain *ex, const char *why_listen)
{
    const struct wr_req *r = ex->r;
    const struct wr_listen *ls = r->client->listen;

    fprintf(ex->to, "request: %s\n", wr_explain_text(ex, r->request_line));
    wr_explain_say(ex, "listen", ls->text, ls->place, "%s", why_listen);
    if (r->client_text.n == 0) {
        return;
    }
    if (r->trusted) {
        char peer[WR_ADDR_TEXT_BYTES];
        wr_ip_text(&r->client->peer_ip, peer);
        wr_explain_say(ex, "client", r->client_text,
                       wr_explain_weir_place(r->sv->model, offsetof(struct wr_weir_conf, trusted_proxies)),
                       "%s is in trusted_proxies and is believed", peer);
    } else {
        wr_explain_say(ex, "client", r->client_text, (struct wr_place){0}, "who connects");
    }
    if (!wr_str_eq(r->path, r->uri.path)) {
        wr_explain_say(ex, "path", r->path, (struct wr_place){0}, "the canonical form of %s",
                       wr_explain_text(ex, r->uri.path));
    }
}

static void
explain_main_print_modules(struct wr_explain *ex)
{
    for (unsigned i = 0; i < wr_modules_n && !ex->answered; i++) {
        if (wr_modules[i]->explain) {
            wr_modules[i]->explain(ex, ex->r->route, ex->r->route->mconf[i]);
        }
    }
}

/* A server goes by its address; that it is reached by TLS is its upstream's. */
static void
explain_main_print_server(const struct wr_explain *ex, const struct wr_upstream *up,
                          const struct wr_upstream_server *us)
{
    const char *scheme = up->conf.tls ? "https://" : "";
    const char *where = wr_conf_place_text(&ex->r->pool, us->place);

    if (wr_str_eq(us->name, us->address)) {
        fprintf(ex->to, "    server: %s%s", scheme, wr_explain_text(ex, us->address));
    } else {
        fprintf(ex->to, "    server: %s = %s%s", wr_explain_text(ex, us->name), scheme,
                wr_explain_text(ex, us->address));
    }
    if (us->weight > 1) {
        fprintf(ex->to, " weight=%lld", (long long)us->weight);
    }
    if (us->max > 0) {
        fprintf(ex->to, " max=%lld", (long long)us->max);
    }
    fprintf(ex->to, "%s (%s)\n", us->backup ? " backup" : "", where);
}

static void
explain_main_print_upstream(const struct wr_explain *ex)
{
    const struct wr_upstream *up = ex->r->upstream;
    const struct wr_route *rt = ex->r->route;

    if (!up) {
        return;
    }
    wr_explain_say(ex, "upstream", up->name, up->place, "the route's target (%s)",
                   wr_conf_place_text(&ex->r->pool, rt->target.place));
    for (size_t i = 0; i < up->servers_n; i++) {
        explain_main_print_server(ex, up, &up->servers[i]);
    }
}

/* Which keys of the route make what is sent another thing than what came. */
static void
explain_main_print_rewrites(const struct wr_explain *ex)
{
    const struct wr_route *rt = ex->r->route;
    const struct wr_route_conf *conf = &rt->conf;

#define EXPLAIN_MAIN_PLACE(field) wr_explain_route_place(rt, offsetof(struct wr_route_conf, field))
    if (conf->path.n > 0) {
        wr_explain_say(ex, "path to upstream", conf->path, EXPLAIN_MAIN_PLACE(path),
                       "path replaces the request's");
    } else if (conf->strip.n > 0) {
        wr_explain_say(ex, "path to upstream", ex->r->send_path, EXPLAIN_MAIN_PLACE(strip),
                       "strip takes off %s", wr_explain_text(ex, conf->strip));
    }
    if (conf->paths == WR_PATHS_RAW) {
        wr_explain_say(ex, "path to upstream", ex->r->send_path, EXPLAIN_MAIN_PLACE(paths),
                       "paths = raw sends it byte for byte");
    }
    if (conf->host.n > 0) {
        wr_explain_say(ex, "host to upstream", conf->host, EXPLAIN_MAIN_PLACE(host), "host replaces %s",
                       wr_explain_text(ex, ex->r->authority));
    }
#undef EXPLAIN_MAIN_PLACE
}

static void
explain_main_print_sent(const struct wr_explain *ex)
{
    struct wr_req *r = ex->r;
    char *p = wr_pool_alloc(&r->pool, wr_back_h1_render_room(r));
    struct wr_str rest;
    bool chunked;

    explain_main_print_rewrites(ex);
    rest = wr_str_make(p, wr_back_h1_render(r, p, &chunked));
    fputs("sent:\n", ex->to);
    for (ptrdiff_t end; (end = wr_str_find(rest, '\r')) > 0;) {
        fprintf(ex->to, "    %s\n", wr_explain_text(ex, wr_str_make(rest.p, (size_t)end)));
        rest = wr_str_make(rest.p + end + 2, rest.n - (size_t)end - 2);
    }
}

/* What weir itself says to it, when it goes nowhere. */
static void
explain_main_print_answer(const struct wr_explain *ex)
{
    const struct wr_req *r = ex->r;
    const struct wr_err_info *info = &wr_err_info[r->err];

    if (r->err == WR_E_NONE) {
        fprintf(ex->to, "answer: weir itself, %u %.*s\n", r->status, WR_STR_ARG(r->reason));
    } else {
        fprintf(ex->to, "answer: weir itself, %u %.*s, reason %s: %s\n", info->status, WR_STR_ARG(r->reason),
                info->reason, info->text);
    }
}

/* ---- from beginning to end ---- */

/* A worker's object, without a process and without a log. */
struct explain_main {
    struct wr_service sv;
    struct wr_client client;
    struct wr_task stop;
};

static void
explain_main_start(struct explain_main *em, const struct wr_model *m)
{
    wr_clock_update();
    em->sv.model = m;
    em->sv.loop = wr_loop_new();
    em->sv.slot = wr_calloc(1, sizeof(*em->sv.slot));
    strcpy(em->sv.instance, "weir-xxxxxxxx"); /* a running one draws its own */
    wr_service_init(&em->sv);
}

static void
explain_main_on_stop(struct wr_task *t)
{
    wr_loop_stop(wr_container(t, struct explain_main, stop)->sv.loop);
}

static void
explain_main_end(struct explain_main *em, struct wr_req *r)
{
    struct wr_route unlogged = *r->route;

    unlogged.log_index = -1;
    r->route = &unlogged;
    wr_req_end(r);
    em->stop.fn = explain_main_on_stop;
    wr_loop_post(em->sv.loop, &em->stop);
    wr_loop_run(em->sv.loop);
    wr_service_fini(&em->sv);
    wr_loop_free(em->sv.loop);
    free(em->sv.slot);
}

static void
explain_main_print(const struct wr_explain_question *q, struct wr_explain *ex, const char *why_listen)
{
    bool reached = false;
    bool routed = explain_main_walk(q, ex->r, &reached);

    explain_main_print_request(ex, why_listen);
    if (reached) {
        explain_main_print_modules(ex);
    }
    if (!routed) {
        explain_main_print_answer(ex);
    } else if (ex->r->upstream && !ex->answered) {
        explain_main_print_upstream(ex);
        explain_main_print_sent(ex);
    }
}

/* The client and the listener; false when there is no such, which has been said. */
static bool
explain_main_client(struct wr_client *client, const struct wr_explain_question *q, const struct wr_model *m,
                    const char **why)
{
    if (!wr_ip_parse(wr_str_of(q->client), &client->peer_ip)) {
        fprintf(stderr, "weir explain: -a %s: not an IP address\n", q->client);
        return false;
    }
    client->sock_ip = client->peer_ip;
    client->listen = wr_explain_listen(q, m, why);
    client->tls = client->listen && client->listen->tls;
    return client->listen != NULL;
}

static int
explain_main_answer(const struct wr_explain_question *q, const struct wr_model *m)
{
    struct explain_main em = {.client = {.conn_id = 1, .peer_port = 50000, .requests = 1}};
    const char *why;

    if (!explain_main_client(&em.client, q, m, &why)) {
        return 2;
    }
    explain_main_start(&em, m);
    struct wr_explain ex = {.to = stdout, .r = wr_req_new(&em.sv, &explain_main_front, NULL, &em.client)};
    explain_main_print(q, &ex, why);
    explain_main_end(&em, ex.r);
    return fflush(stdout) == 0 ? 0 : 1;
}

int
wr_explain_main(int argc, char **argv)
{
    struct wr_explain_question q;
    struct wr_options o = {0};

    if (!wr_explain_question_read(&q, argc, argv)) {
        return 2;
    }
    wr_log_set(NULL, NULL, WR_LOG_ERROR);
    struct wr_cycle *cy = wr_cycle_new(0);
    o.file = q.file;
    if (!wr_cycle_read(cy, &o)) {
        wr_conf_print_messages(&cy->cf, stderr, false);
        wr_cycle_free(cy);
        return 1;
    }
    int status = explain_main_answer(&q, cy->model);
    wr_cycle_free(cy);
    return status;
}
