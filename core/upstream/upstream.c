/*
 * Upstreams of a worker: made at its start from the model, addresses filled in
 * as the keeper publishes them.
 */
#include "core/upstream/upstream.h"

#include <stdlib.h>

#include "core/http/pipeline.h"
#include "core/shm/publish.h"
#include "core/upstream/idle.h"
#include "core/upstream/queue.h"
#include "core/upstream/resolve.h"
#include "core/upstream/xfer.h"

static void
upstream_init_peer(struct wr_upstream_worker *uw, struct wr_peer *p, const struct wr_upstream_server *s)
{
    if (s->numeric) {
        p->addrs[0] = s->addr;
        p->addrs_n = 1;
    } else if (wr_resolve_is_localhost(s->host)) {
        wr_resolve_localhost(s->port, p->addrs);
        p->addrs_n = 2;
    }
    p->answered = p->addrs_n > 0;
    p->text = s->address;
    wr_members_attach(uw, p, s->share);
    wr_members_set_text(p);
}

static void
upstream_init_group(struct wr_upstream_worker *uw, const struct wr_upstream *up)
{
    struct wr_upstream_group *g = &uw->groups[up->index];

    g->conf = up;
    g->row = wr_share_group_at(uw->share, up->share);
    g->cell = g->row != NULL ? &g->row->begun[uw->sv->slot_index] : NULL;
    g->stale = g->ring_stale = true;
    g->answered = !up->dynamic;
    g->idle_most = (uint32_t)((up->conf.keepalive + uw->sv->workers - 1) / uw->sv->workers);
    wr_list_init(&g->queue);
    wr_list_init(&g->queue_in);
    for (size_t i = 0; i < up->servers_n; i++) {
        if (up->servers[i].source == WR_SERVER_PLAIN) {
            struct wr_peer *p = &uw->peers[up->servers[i].global_index];
            wr_members_add(g, p, &up->servers[i]);
            upstream_init_peer(uw, p, &up->servers[i]);
        }
    }
}

static void
upstream_wake_waiters(struct wr_upstream_worker *uw)
{
    while (!wr_list_empty(&uw->name_waiters)) {
        struct wr_name_waiter *w = wr_list_first(&uw->name_waiters, struct wr_name_waiter, link);
        wr_list_del(&w->link);
        wr_req_wake(uw->sv, w->token);
    }
}

static void
upstream_on_names(void *arg, const struct wr_blob *blob)
{
    struct wr_upstream_worker *uw = arg;

    wr_members_read(uw, wr_str_make(blob->data, blob->bytes));
    upstream_wake_waiters(uw);
}

void
wr_upstream_worker_start(struct wr_service *sv)
{
    struct wr_upstream_worker *uw = wr_calloc(1, sizeof(*uw));

    uw->sv = sv;
    uw->share = wr_share_own();
    uw->groups = wr_calloc(sv->model->upstreams_n + 1, sizeof(*uw->groups));
    uw->peers = wr_calloc(sv->model->upstream_servers_n + 1, sizeof(*uw->peers));
    wr_list_init(&uw->name_waiters);
    sv->upstream = uw;
    wr_idle_init(uw);
    wr_queue_init(uw);
    for (size_t i = 0; i < sv->model->upstreams_n; i++) {
        upstream_init_group(uw, sv->model->upstreams[i]);
    }
    wr_pipeline_proxy = wr_proxy_start;
    wr_publish_subscribe("names", upstream_on_names, uw);
}

void
wr_upstream_worker_stop(struct wr_service *sv)
{
    struct wr_upstream_worker *uw = sv->upstream;

    wr_idle_drop_all(uw);
    wr_queue_fini(uw);
    for (size_t i = 0; i < sv->model->upstreams_n; i++) {
        wr_members_fini(&uw->groups[i]);
        wr_group_fini(&uw->groups[i]);
    }
    free(uw->groups);
    free(uw->peers);
    free(uw);
    sv->upstream = NULL;
}

void
wr_upstream_drain(struct wr_service *sv)
{
    wr_idle_drop_all(sv->upstream);
}
