/*
 * Who is checked, and when.  A server has one timer and one check under way
 * at most; the time between two is counted from the beginning of the first.
 */
#include "core/upstream/probe.h"

#include <stdlib.h>

#include "core/base/fmt.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/pool.h"
#include "core/base/rand.h"
#include "core/shm/publish.h"
#include "core/upstream/back_tls.h"
#include "core/upstream/found.h"
#include "core/upstream/probe_check.h"
#include "core/upstream/probe_state.h"
#include "core/upstream/resolve.h"

#define PROBE_SPREAD_MS 1000 /* first checks are spread over that at most */
#define PROBE_NAME_BYTES 1024

/* An upstream with checks. */
struct probe_group {
    const struct wr_upstream *u;
    struct wr_probe_ask ask;
};

/* A setting that names servers to be found. */
struct probe_source {
    struct probe_group *group;
    struct wr_str address;
    struct wr_str host; /* that all its targets have in common; empty: each has its own */
    struct wr_link targets;
};

/* A server that is checked. */
struct probe_target {
    struct wr_link link; /* in its source, or among the fixed ones */
    struct wr_prober *pb;
    struct probe_group *group;
    struct probe_source *source;    /* NULL: the configuration names it */
    struct probe_target *same_name; /* the next with the same HOST:PORT, in another upstream perhaps */
    struct wr_str name;
    char *name_room; /* of those that were found */
    uint32_t row;
    struct wr_addr *addrs;
    unsigned addrs_n;
    bool named; /* by the blob that is being read */
    uint64_t next_ms;
    struct wr_timer timer;
    struct wr_probe_check check;
};

struct wr_prober {
    struct wr_loop *loop;
    struct wr_share *share; /* NULL: there is no shared memory, and nothing is checked */
    const struct wr_secure *secure;
    uint64_t generation;
    struct wr_pool pool;
    struct probe_group *groups;
    size_t groups_n;
    struct probe_source *sources;
    size_t sources_n;
    struct wr_link fixed;
    struct wr_strmap group_by_name;
    struct wr_strmap target_by_address; /* fixed ones that have a name to be resolved */
    struct probe_target **by_row;       /* those that were found */
    struct probe_source *reading;
    struct wr_log_gate gate;
};

/* ---- verdicts ---- */

/* The row while it is this server's and the server is not gone, else NULL. */
static struct wr_share_server *
probe_row(const struct probe_target *t)
{
    struct wr_share_server *s = wr_share_server_at(t->pb->share, t->row);

    return s != NULL && atomic_load(&s->key) != 0 && (atomic_load(&s->blocked) & WR_BLOCK_GONE) == 0 &&
            s->group == t->group->u->share && s->last_generation >= t->pb->generation &&
            wr_share_is(s, t->group->u->name, t->name)
        ? s
        : NULL;
}

/* "upstream=app server=one address=127.0.0.1:80"; a name may have come from a resolver. */
static void
probe_describe(const struct probe_target *t, char *dst, size_t room)
{
    char address[WR_ADDR_TEXT_BYTES];
    struct wr_out o;

    wr_out_init(&o, dst, room - 1);
    wr_out_lit(&o, "upstream=");
    wr_out_str(&o, t->group->u->name);
    wr_out_lit(&o, " server=");
    wr_out_escaped(&o, t->name, WR_ESCAPE_LOG);
    wr_out_lit(&o, " address=");
    wr_out_mem(&o, address, wr_addr_text(&t->addrs[t->check.at], address));
    *o.p = '\0';
}

static void
probe_log(const struct probe_target *t, enum wr_probe_change change, const char *why, uint32_t in_a_row)
{
    char what[PROBE_NAME_BYTES];

    if (change == WR_PROBE_SAME) {
        return;
    }
    probe_describe(t, what, sizeof(what));
    if (change == WR_PROBE_UP) {
        wr_log(WR_LOG_NOTICE, "server is up %s checks=%u; it gets requests again", what, in_a_row);
    } else {
        wr_log(WR_LOG_WARN,
               "server is down %s reason=\"%s\" checks=%u; no requests until %u good checks in a row", what,
               why, in_a_row, (unsigned)t->group->u->conf.health_rise);
    }
}

static void
probe_log_not_made(const struct probe_target *t, const char *why)
{
    char what[PROBE_NAME_BYTES];
    uint32_t more;

    if (wr_log_gate(&t->pb->gate, 1, &more)) {
        probe_describe(t, what, sizeof(what));
        wr_log(WR_LOG_ERROR, "cannot check server %s error=\"%s\" more=%u; its state stays", what, why, more);
    }
}

static void
probe_done(struct wr_probe_check *ck, enum wr_probe_outcome outcome, const char *why)
{
    struct probe_target *t = wr_container(ck, struct probe_target, check);
    struct wr_share_server *s = probe_row(t);
    const struct wr_upstream_conf *conf = &t->group->u->conf;
    uint32_t in_a_row;

    if (outcome == WR_PROBE_NOT_MADE) {
        probe_log_not_made(t, why);
    } else if (s != NULL) {
        enum wr_probe_change change =
            wr_probe_state_count(t->pb->share, s, outcome == WR_PROBE_PASSED, (uint32_t)conf->health_rise,
                                 (uint32_t)conf->health_fall, &in_a_row);
        probe_log(t, change, why, in_a_row);
    }
    wr_loop_timer(t->pb->loop, &t->timer, t->next_ms);
}

/* ---- when ---- */

/* A tenth of the interval is random, so that checks do not stay together. */
static uint64_t
probe_interval_ms(const struct probe_group *g)
{
    uint64_t ms = g->u->conf.health_interval_ms;

    return ms - ms / 20 + wr_rand_below((uint32_t)(ms / 10) + 1);
}

static void
probe_on_timer(struct wr_timer *timer)
{
    struct probe_target *t = wr_container(timer, struct probe_target, timer);

    t->next_ms = wr_clock.mono_ms + probe_interval_ms(t->group);
    if (probe_row(t) != NULL) {
        wr_probe_check_start(&t->check, t->addrs, t->addrs_n);
    } else {
        wr_loop_timer(t->pb->loop, &t->timer, t->next_ms);
    }
}

/* The first check with these addresses: none is under way. */
static void
probe_schedule(struct probe_target *t)
{
    uint64_t most = WR_MIN(t->group->u->conf.health_interval_ms, (uint64_t)PROBE_SPREAD_MS);

    if (t->addrs_n > 0) {
        wr_loop_timer(t->pb->loop, &t->timer, wr_clock.mono_ms + wr_rand_below((uint32_t)most));
    }
}

/* ---- targets ---- */

static bool
probe_same_addrs(const struct probe_target *t, const struct wr_addr *addrs, unsigned n)
{
    if (t->addrs_n != n) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!wr_addr_eq(&t->addrs[i], &addrs[i])) {
            return false;
        }
    }
    return true;
}

/* A check of addresses that are not the server's any more would say nothing: it begins again. */
static void
probe_set_addrs(struct probe_target *t, const struct wr_addr *addrs, unsigned n)
{
    bool begin = t->addrs_n == 0 || t->check.c != NULL;

    if (probe_same_addrs(t, addrs, n)) {
        return;
    }
    wr_probe_check_stop(&t->check);
    free(t->addrs);
    t->addrs = wr_malloc((n > 0 ? n : 1) * sizeof(*addrs));
    for (unsigned i = 0; i < n; i++) {
        t->addrs[i] = addrs[i];
    }
    t->addrs_n = n;
    if (n == 0) {
        wr_timer_stop(&t->pb->loop->wheel, &t->timer);
    } else if (begin) {
        probe_schedule(t);
    }
}

static struct probe_target *
probe_add(struct wr_prober *pb, struct probe_group *g, struct wr_link *list, struct wr_str name, uint32_t row)
{
    struct probe_target *t = wr_calloc(1, sizeof(*t));

    t->pb = pb;
    t->group = g;
    t->name = name;
    t->row = row;
    t->check.ask = &g->ask;
    t->check.loop = pb->loop;
    t->check.done = probe_done;
    wr_timer_init(&t->timer, probe_on_timer);
    wr_list_add_tail(list, &t->link);
    return t;
}

static void
probe_remove(struct probe_target *t)
{
    wr_probe_check_stop(&t->check);
    wr_timer_stop(&t->pb->loop->wheel, &t->timer);
    wr_list_del(&t->link);
    if (t->source != NULL) {
        t->pb->by_row[t->row] = NULL;
    }
    free(t->name_room);
    free(t->addrs);
    free(t);
}

static void
probe_remove_all(struct wr_link *list)
{
    while (!wr_list_empty(list)) {
        probe_remove(wr_list_first(list, struct probe_target, link));
    }
}

/* ---- found at run time ---- */

static void
probe_on_name(void *arg, struct wr_str address, const struct wr_addr *addrs, unsigned n)
{
    struct wr_prober *pb = arg;

    for (struct probe_target *t = wr_strmap_get(&pb->target_by_address, address); t != NULL;
         t = t->same_name) {
        probe_set_addrs(t, addrs, n);
    }
}

static bool
probe_on_source(void *arg, struct wr_str upstream, struct wr_str source)
{
    struct wr_prober *pb = arg;
    const struct probe_group *g = wr_strmap_get(&pb->group_by_name, upstream);

    pb->reading = NULL;
    for (size_t i = 0; g != NULL && i < pb->sources_n; i++) {
        if (pb->sources[i].group == g && wr_str_eq(pb->sources[i].address, source)) {
            pb->reading = &pb->sources[i];
        }
    }
    if (pb->reading == NULL) {
        return false;
    }
    wr_list_for(l, &pb->reading->targets)
    {
        wr_list_entry(l, struct probe_target, link)->named = false;
    }
    return true;
}

static struct probe_target *
probe_add_found(struct wr_prober *pb, struct probe_source *src, struct wr_str name, uint32_t row)
{
    struct probe_target *t = probe_add(pb, src->group, &src->targets, name, row);

    t->name_room = wr_malloc(name.n + 1);
    memcpy(t->name_room, name.p, name.n);
    t->name = wr_str_make(t->name_room, name.n);
    t->source = src;
    t->check.name = wr_back_tls_name(&src->group->u->conf, src->host, t->name);
    pb->by_row[row] = t;
    return t;
}

static void
probe_on_server(void *arg, const struct wr_found_server *s)
{
    struct wr_prober *pb = arg;

    if (s->row >= WR_SHARE_SERVERS) {
        return; /* no place for its state */
    }
    struct probe_target *t = pb->by_row[s->row];
    if (t != NULL && (t->source != pb->reading || !wr_str_eq(t->name, s->name))) {
        probe_remove(t); /* the row has been given to another */
        t = NULL;
    }
    if (t == NULL) {
        t = probe_add_found(pb, pb->reading, s->name, s->row);
    }
    t->named = true;
    probe_set_addrs(t, s->addrs, s->addrs_n);
}

static void
probe_on_source_end(void *arg)
{
    struct wr_prober *pb = arg;

    wr_list_for_safe(l, next, &pb->reading->targets)
    {
        struct probe_target *t = wr_list_entry(l, struct probe_target, link);
        if (!t->named) {
            probe_remove(t);
        }
    }
}

static void
probe_on_blob(void *arg, const struct wr_blob *blob)
{
    static const struct wr_found_reader reader = {
        .name = probe_on_name,
        .source = probe_on_source,
        .server = probe_on_server,
        .source_end = probe_on_source_end,
    };

    wr_found_read(wr_str_make(blob->data, blob->bytes), &reader, arg);
}

/* ---- the configuration ---- */

static void
probe_add_fixed(struct wr_prober *pb, struct probe_group *g, const struct wr_upstream_server *us)
{
    struct probe_target *t = probe_add(pb, g, &pb->fixed, us->name, us->share);

    t->check.name = wr_back_tls_name(&g->u->conf, us->host, us->address);
    if (us->numeric) {
        t->check.host = us->addr.sa.sa_family == AF_UNIX ? WR_STR_NONE : us->address;
        probe_set_addrs(t, &us->addr, 1);
        return;
    }
    t->check.host = us->address;
    if (wr_resolve_is_localhost(us->host)) {
        struct wr_addr loopback[2];
        wr_resolve_localhost(us->port, loopback);
        probe_set_addrs(t, loopback, 2);
    } else if (!wr_strmap_add(&pb->target_by_address, us->address, t)) {
        struct probe_target *first = wr_strmap_get(&pb->target_by_address, us->address);
        t->same_name = first->same_name;
        first->same_name = t;
    }
}

static void
probe_add_source(struct wr_prober *pb, struct probe_group *g, const struct wr_upstream_server *us)
{
    struct probe_source *src = &pb->sources[pb->sources_n++];

    src->group = g;
    src->address = us->address;
    src->host = us->source == WR_SERVER_DNS ? us->host : WR_STR_NONE;
    wr_list_init(&src->targets);
}

static void
probe_init_ask(struct wr_prober *pb, struct wr_probe_ask *ask, const struct wr_upstream *u)
{
    const struct wr_upstream_conf *conf = &u->conf;

    ask->upstream = u;
    ask->secure = pb->secure;
    ask->expect = &conf->health_expect;
    ask->timeout_ms = conf->health_timeout_ms;
    ask->host = conf->health_host;
    wr_probe_text_init(&ask->text, conf->health_expect.body);
    if (conf->health_path.n > 0) {
        ask->head = wr_pool_printf(&pb->pool,
                                   "GET %.*s HTTP/1.1\r\nUser-Agent: weir-health\r\nAccept: */*\r\n"
                                   "Connection: close\r\nHost: ",
                                   WR_STR_ARG(conf->health_path));
    }
}

static void
probe_add_group(struct wr_prober *pb, const struct wr_upstream *u)
{
    struct probe_group *g = &pb->groups[pb->groups_n++];

    g->u = u;
    probe_init_ask(pb, &g->ask, u);
    wr_strmap_add(&pb->group_by_name, u->name, g);
    for (size_t i = 0; i < u->servers_n; i++) {
        const struct wr_upstream_server *us = &u->servers[i];
        if (us->source != WR_SERVER_PLAIN) {
            probe_add_source(pb, g, us);
        } else if (us->share < WR_SHARE_SERVERS) {
            probe_add_fixed(pb, g, us);
        }
    }
}

static void
probe_add_groups(struct wr_prober *pb, const struct wr_model *m)
{
    bool checked[WR_SHARE_GROUPS] = {false};

    for (size_t i = 0; i < m->upstreams_n; i++) {
        const struct wr_upstream *u = m->upstreams[i];
        if (u->conf.health_interval_ms > 0 && u->share < WR_SHARE_GROUPS) {
            checked[u->share] = true;
            probe_add_group(pb, u);
        }
    }
    wr_probe_state_forget(pb->share, pb->generation, checked);
}

struct wr_prober *
wr_prober_start(struct wr_loop *l, const struct wr_model *m, uint64_t generation,
                const struct wr_secure *secure)
{
    struct wr_prober *pb = wr_calloc(1, sizeof(*pb));

    pb->loop = l;
    pb->secure = secure;
    pb->generation = generation;
    pb->share = wr_share_own();
    pb->groups = wr_calloc(m->upstreams_n + 1, sizeof(*pb->groups));
    pb->sources = wr_calloc(m->upstream_servers_n + 1, sizeof(*pb->sources));
    pb->by_row = wr_calloc(WR_SHARE_SERVERS, sizeof(struct probe_target *));
    wr_pool_init(&pb->pool);
    wr_list_init(&pb->fixed);
    wr_strmap_init(&pb->group_by_name, &pb->pool, (uint32_t)m->upstreams_n + 1);
    wr_strmap_init(&pb->target_by_address, &pb->pool, (uint32_t)m->upstream_servers_n + 1);
    if (pb->share != NULL) {
        probe_add_groups(pb, m);
        wr_publish_subscribe("names", probe_on_blob, pb);
    }
    return pb;
}

void
wr_prober_stop(struct wr_prober *pb)
{
    if (pb->share != NULL) {
        wr_publish_subscribe("names", NULL, NULL);
    }
    probe_remove_all(&pb->fixed);
    for (size_t i = 0; i < pb->sources_n; i++) {
        probe_remove_all(&pb->sources[i].targets);
    }
    wr_pool_reset(&pb->pool);
    free(pb->groups);
    free(pb->sources);
    free(pb->by_row);
    free(pb);
}
