/*
 * Upstreams of a worker: made at its start from the model, addresses filled in
 * as the keeper publishes them.
 */
#include "core/upstream/upstream.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "core/http/pipeline.h"
#include "core/shm/publish.h"
#include "core/upstream/idle.h"
#include "core/upstream/xfer.h"
#include "core/upstream/resolve.h"

static void
upstream_set_text(struct wr_peer *p)
{
    p->text = wr_str_make(p->text_room, wr_addr_text(&p->addrs[p->addr_first], p->text_room));
}

/* localhost is loopback whatever a resolver says (RFC 6761 6.3). */
static void
upstream_localhost(struct wr_peer *p)
{
    struct wr_addr *a = p->addrs;

    a[0].in4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(p->conf->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a[0].len = sizeof(a[0].in4);
    a[1].in6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(p->conf->port), .sin6_addr = in6addr_loopback};
    a[1].len = sizeof(a[1].in6);
    p->addrs_n = 2;
}

static void
upstream_init_peer(struct wr_peer *p, const struct wr_upstream *up, const struct wr_upstream_server *s)
{
    p->conf = s;
    p->upstream = up;
    wr_list_init(&p->idle);
    if (s->numeric) {
        p->addrs[0] = s->addr;
        p->addrs_n = 1;
    } else if (wr_resolve_is_localhost(s->host)) {
        upstream_localhost(p);
    }
    p->answered = p->addrs_n > 0;
    if (p->addrs_n > 0) {
        upstream_set_text(p);
    } else {
        p->text = s->address;
    }
}

static void
upstream_init_group(struct wr_upstream_worker *uw, const struct wr_upstream *up)
{
    struct wr_upstream_group *g = &uw->groups[up->index];

    g->conf = up;
    g->peers_n = up->servers_n;
    g->peers = up->servers_n ? &uw->peers[up->servers[0].global_index] : NULL;
    g->idle_most = (uint32_t)((up->conf.keepalive + uw->sv->workers - 1) / uw->sv->workers);
    for (size_t i = 0; i < up->servers_n; i++) {
        upstream_init_peer(&g->peers[i], up, &up->servers[i]);
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

/* A peer's new addresses: connections to others stay in the pool until they end by themselves. */
static void
upstream_set_addresses(struct wr_peer *p, struct wr_str list)
{
    struct wr_str word;
    const char *why;

    p->addrs_n = 0;
    p->addr_first = 0;
    p->answered = true;
    while (p->addrs_n < WR_PEER_ADDRS && wr_str_word(&list, &word)) {
        if (wr_addr_parse(word, &p->addrs[p->addrs_n], &why)) {
            p->addrs_n++;
        }
    }
    if (p->addrs_n > 0) {
        upstream_set_text(p);
    }
}

/* Lines "HOST:PORT ADDR ADDR...": what the keeper resolved. */
static void
upstream_on_names(void *arg, const struct wr_blob *blob)
{
    struct wr_upstream_worker *uw = arg;
    struct wr_str rest = wr_str_make(blob->data, blob->bytes);

    while (rest.n > 0) {
        ptrdiff_t end = wr_str_find(rest, '\n');
        struct wr_str line = wr_str_make(rest.p, end < 0 ? rest.n : (size_t)end), key;
        rest = end < 0 ? WR_STR_NONE : wr_str_make(rest.p + end + 1, rest.n - (size_t)end - 1);
        if (!wr_str_word(&line, &key)) {
            continue;
        }
        for (size_t i = 0; i < uw->sv->model->upstream_servers_n; i++) {
            struct wr_peer *p = &uw->peers[i];
            if (!p->conf->numeric && wr_str_eq(p->conf->address, key)) {
                upstream_set_addresses(p, line);
            }
        }
    }
    upstream_wake_waiters(uw);
}

void
wr_upstream_worker_start(struct wr_service *sv)
{
    struct wr_upstream_worker *uw = wr_calloc(1, sizeof(*uw));

    uw->sv = sv;
    uw->groups = wr_calloc(sv->model->upstreams_n + 1, sizeof(*uw->groups));
    uw->peers = wr_calloc(sv->model->upstream_servers_n + 1, sizeof(*uw->peers));
    wr_list_init(&uw->name_waiters);
    sv->upstream = uw;
    wr_idle_init(uw);
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
