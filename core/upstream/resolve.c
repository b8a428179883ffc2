/*
 * The keeper's resolver: getaddrinfo on a thread, a text blob of the results.
 */
#include "core/upstream/resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/fmt.h"
#include "core/shm/publish.h"
#include "core/upstream/peer.h"

/* One HOST:PORT of the model.  `job` touches only `host`, `port`, `found` and `found_n`. */
struct wr_resolve_name {
    struct wr_job job;
    struct wr_timer timer;
    struct wr_resolver *rs;
    struct wr_str address;
    char host[256];
    char port[8];
    struct wr_addr found[WR_PEER_ADDRS];
    unsigned found_n;
    int failure; /* of getaddrinfo */
    struct wr_addr known[WR_PEER_ADDRS];
    unsigned known_n;
    bool answered;
    bool running;
};

struct wr_resolver {
    struct wr_loop *loop;
    struct wr_offload *offload;
    struct wr_resolve_name *names;
    size_t names_n;
};

bool
wr_resolve_is_localhost(struct wr_str host)
{
    return wr_str_ieq(host, WR_STR("localhost")) ||
        (host.n > 10 && wr_str_ieq(wr_str_make(host.p + host.n - 10, 10), WR_STR(".localhost")));
}

static void
resolve_work(struct wr_job *j)
{
    struct wr_resolve_name *n = wr_container(j, struct wr_resolve_name, job);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG}, *list;

    n->found_n = 0;
    n->failure = getaddrinfo(n->host, n->port, &hints, &list);
    if (n->failure != 0) {
        return;
    }
    for (struct addrinfo *a = list; a != NULL && n->found_n < WR_PEER_ADDRS; a = a->ai_next) {
        struct wr_addr *to = &n->found[n->found_n++];
        memcpy(&to->sa, a->ai_addr, a->ai_addrlen);
        to->len = a->ai_addrlen;
    }
    freeaddrinfo(list);
}

/* All names that have addresses, a line each. */
static void
resolve_publish(struct wr_resolver *rs)
{
    size_t room = 1, used = 0;
    char text[WR_ADDR_TEXT_BYTES];

    for (size_t i = 0; i < rs->names_n; i++) {
        room += rs->names[i].address.n + 1 + rs->names[i].known_n * (WR_ADDR_TEXT_BYTES + 1);
    }
    char *blob = wr_malloc(room);
    struct wr_out o;
    wr_out_init(&o, blob, room);
    for (size_t i = 0; i < rs->names_n; i++) {
        const struct wr_resolve_name *n = &rs->names[i];
        if (!n->answered) {
            continue;
        }
        wr_out_str(&o, n->address);
        for (unsigned k = 0; k < n->known_n; k++) {
            wr_out_lit(&o, " ");
            wr_out_mem(&o, text, wr_addr_text(&n->known[k], text));
        }
        wr_out_lit(&o, "\n");
    }
    used = (size_t)(o.p - blob);
    wr_publish("names", blob, used);
    free(blob);
}

static bool
resolve_changed(const struct wr_resolve_name *n)
{
    if (n->found_n != n->known_n) {
        return true;
    }
    for (unsigned i = 0; i < n->found_n; i++) {
        bool there = false;
        for (unsigned k = 0; k < n->known_n; k++) {
            there = there || wr_addr_eq(&n->found[i], &n->known[k]);
        }
        if (!there) {
            return true;
        }
    }
    return false;
}

static void
resolve_done(struct wr_job *j)
{
    struct wr_resolve_name *n = wr_container(j, struct wr_resolve_name, job);
    bool first = !n->answered;
    bool good = n->failure == 0 && n->found_n > 0;

    n->running = false;
    n->answered = true;
    if (!good && (first || n->known_n > 0) && n->failure != 0) {
        wr_log(WR_LOG_WARN, "cannot resolve upstream server name=%s error=\"%s\", %s, trying again", n->host,
               gai_strerror(n->failure), n->known_n ? "keeping its last addresses" : "its routes answer 503");
    }
    if (good && resolve_changed(n)) {
        memcpy(n->known, n->found, sizeof(n->known));
        n->known_n = n->found_n;
        wr_log(WR_LOG_NOTICE, "resolved upstream server name=%s addresses=%u", n->host, n->known_n);
        resolve_publish(n->rs);
    } else if (first) {
        /* Those who wait shall know that there is no answer. */
        resolve_publish(n->rs);
    }
    wr_loop_timer(n->rs->loop, &n->timer,
                  wr_clock.mono_ms + (good ? WR_RESOLVE_AGAIN_MS : WR_RESOLVE_RETRY_MS));
}

static void
resolve_on_timer(struct wr_timer *t)
{
    struct wr_resolve_name *n = wr_container(t, struct wr_resolve_name, timer);

    n->running = wr_offload_add(n->rs->offload, &n->job);
    if (!n->running) {
        wr_loop_timer(n->rs->loop, t, wr_clock.mono_ms + WR_RESOLVE_RETRY_MS);
    }
}

static bool
resolve_wanted(const struct wr_upstream_server *s)
{
    return !s->numeric && s->host.n > 0 && s->host.n < 256 && !wr_resolve_is_localhost(s->host);
}

static void
resolve_add(struct wr_resolver *rs, const struct wr_upstream_server *s)
{
    for (size_t i = 0; i < rs->names_n; i++) {
        if (wr_str_eq(rs->names[i].address, s->address)) {
            return;
        }
    }
    struct wr_resolve_name *n = &rs->names[rs->names_n++];
    n->rs = rs;
    n->address = s->address;
    memcpy(n->host, s->host.p, s->host.n);
    snprintf(n->port, sizeof(n->port), "%u", s->port);
    n->job.work = resolve_work;
    n->job.done = resolve_done;
    wr_timer_init(&n->timer, resolve_on_timer);
    resolve_on_timer(&n->timer);
}

struct wr_resolver *
wr_resolver_start(struct wr_loop *l, struct wr_offload *o, const struct wr_model *m)
{
    struct wr_resolver *rs = wr_calloc(1, sizeof(*rs));

    rs->loop = l;
    rs->offload = o;
    rs->names = wr_calloc(m->upstream_servers_n + 1, sizeof(*rs->names));
    for (size_t i = 0; i < m->upstreams_n; i++) {
        for (size_t k = 0; k < m->upstreams[i]->servers_n; k++) {
            if (resolve_wanted(&m->upstreams[i]->servers[k])) {
                resolve_add(rs, &m->upstreams[i]->servers[k]);
            }
        }
    }
    return rs;
}

/* Jobs that run keep their memory: the keeper is about to exit and waits for its threads. */
void
wr_resolver_stop(struct wr_resolver *rs)
{
    for (size_t i = 0; i < rs->names_n; i++) {
        wr_timer_stop(&rs->loop->wheel, &rs->names[i].timer);
    }
}
