/*
 * The keeper's resolver: what it found is published, and taken over from the
 * keeper before it.
 */
#include "core/upstream/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/fmt.h"
#include "core/shm/publish.h"
#include "core/upstream/resolve_source.h"

#define RESOLVE_SETTLE_MS 10  /* within which changes are published together */
#define RESOLVE_SWEEP_MS 5000 /* between two looks for servers to forget */

bool
wr_resolve_is_localhost(struct wr_str host)
{
    return wr_str_ieq(host, WR_STR("localhost")) ||
        (host.n > 10 && wr_str_ieq(wr_str_make(host.p + host.n - 10, 10), WR_STR(".localhost")));
}

void
wr_resolve_localhost(uint16_t port, struct wr_addr addrs[2])
{
    static const struct wr_ip loopback[2] = {
        {.family = AF_INET, .b = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}},
        {.family = AF_INET6, .b = {[15] = 1}},
    };

    for (unsigned i = 0; i < 2; i++) {
        wr_addr_of_ip(&loopback[i], port, &addrs[i]);
    }
}

/* ---- publishing ---- */

static size_t
resolve_room(const struct wr_resolver *rs)
{
    size_t room = 1;

    wr_list_for(l, &rs->names)
    {
        room += WR_FOUND_LINE(wr_list_entry(l, struct wr_resolve_name, link)->address.n);
    }
    for (size_t i = 0; i < rs->sources_n; i++) {
        const struct wr_resolve_source *src = &rs->sources[i];
        room += WR_FOUND_LINE(src->up->name.n + src->conf->address.n);
        for (size_t k = 0; k < src->servers_n; k++) {
            room += WR_FOUND_LINE(src->servers[k].s.name.n);
        }
    }
    return room;
}

static void
resolve_publish(struct wr_resolver *rs)
{
    size_t room = resolve_room(rs);
    char *blob = wr_malloc(room);
    struct wr_out o;

    wr_out_init(&o, blob, room);
    wr_list_for(l, &rs->names)
    {
        const struct wr_resolve_name *n = wr_list_entry(l, struct wr_resolve_name, link);
        if (n->plain && n->answered) {
            wr_found_write_name(&o, n->address, n->addrs,
                                (unsigned)WR_MIN(n->addrs_n, (size_t)WR_FOUND_ADDRS));
        }
    }
    for (size_t i = 0; i < rs->sources_n; i++) {
        const struct wr_resolve_source *src = &rs->sources[i];
        if (!src->answered) {
            continue;
        }
        wr_found_write_source(&o, src->up->name, src->conf->address);
        for (size_t k = 0; k < src->servers_n; k++) {
            wr_found_write_server(&o, &src->servers[k].s);
        }
    }
    wr_assert(!o.full);
    wr_publish("names", blob, (size_t)(o.p - blob));
    free(blob);
}

static void
resolve_on_publish(struct wr_timer *t)
{
    struct wr_resolver *rs = wr_container(t, struct wr_resolver, publish);

    /* twice: a server that one lets go may be another's, too */
    for (size_t i = 0; i < 2 * rs->sources_n; i++) {
        wr_resolve_source_settle(&rs->sources[i % rs->sources_n]);
    }
    resolve_publish(rs);
}

void
wr_resolve_changed(struct wr_resolver *rs)
{
    if (!wr_link_used(&rs->publish.link)) {
        wr_loop_timer(rs->loop, &rs->publish, wr_clock.mono_ms + RESOLVE_SETTLE_MS);
    }
}

/* ---- what an earlier keeper knew ---- */

struct resolve_seed {
    struct wr_resolver *rs;
    struct wr_resolve_source *src;
};

static void
resolve_seed_name(void *arg, struct wr_str address, const struct wr_addr *addrs, unsigned n)
{
    const struct resolve_seed *seed = arg;

    wr_list_for(l, &seed->rs->names)
    {
        struct wr_resolve_name *name = wr_list_entry(l, struct wr_resolve_name, link);
        if (n > 0 && name->addrs_n == 0 && wr_str_eq(name->address, address)) {
            name->addrs = wr_malloc(n * sizeof(*addrs));
            memcpy(name->addrs, addrs, n * sizeof(*addrs));
            name->addrs_n = n;
            name->answered = true;
        }
    }
}

static bool
resolve_seed_source(void *arg, struct wr_str upstream, struct wr_str source)
{
    struct resolve_seed *seed = arg;

    for (size_t i = 0; i < seed->rs->sources_n; i++) {
        seed->src = &seed->rs->sources[i];
        if (wr_str_eq(seed->src->up->name, upstream) && wr_str_eq(seed->src->conf->address, source)) {
            return !seed->src->answered;
        }
    }
    return false;
}

static void
resolve_seed_server(void *arg, const struct wr_found_server *s)
{
    wr_resolve_source_seed(((struct resolve_seed *)arg)->src, s);
}

static void
resolve_seed_end(void *arg)
{
    ((struct resolve_seed *)arg)->src->answered = true;
}

/* Only the blob that was there before this keeper; its own it knows. */
static void
resolve_on_blob(void *arg, const struct wr_blob *blob)
{
    static const struct wr_found_reader reader = {
        .name = resolve_seed_name,
        .source = resolve_seed_source,
        .server = resolve_seed_server,
        .source_end = resolve_seed_end,
    };
    struct wr_resolver *rs = arg;
    struct resolve_seed seed = {.rs = rs};

    if (!rs->seeded) {
        wr_found_read(wr_str_make(blob->data, blob->bytes), &reader, &seed);
    }
}

/* ---- servers that are gone ---- */

static void
resolve_on_sweep(struct wr_timer *t)
{
    struct wr_resolver *rs = wr_container(t, struct wr_resolver, sweep);
    uint32_t n = rs->share != NULL ? wr_share_servers_n(rs->share) : 0;

    for (uint32_t i = 0; i < n; i++) {
        struct wr_share_server *s = &rs->share->servers[i];
        if (atomic_load(&s->key) != 0 && s->found && (atomic_load(&s->blocked) & WR_BLOCK_GONE) &&
            atomic_load(&s->changed_ms) + WR_RESOLVE_FORGET_MS < wr_clock.mono_ms) {
            wr_share_forget(rs->share, i);
        }
    }
    wr_loop_timer(rs->loop, t, wr_clock.mono_ms + RESOLVE_SWEEP_MS);
}

/* ---- life ---- */

static void
resolve_add(struct wr_resolver *rs, const struct wr_upstream *up, const struct wr_upstream_server *s)
{
    if (s->source != WR_SERVER_PLAIN) {
        rs->sources[rs->sources_n++] = (struct wr_resolve_source){.rs = rs, .up = up, .conf = s};
    } else if (!s->numeric && s->host.n > 0 && s->host.n < 256 && !wr_resolve_is_localhost(s->host)) {
        wr_resolve_name_take(rs, s->host, s->port)->plain = true;
    }
}

struct wr_resolver *
wr_resolver_start(struct wr_loop *l, const struct wr_model *m, uint64_t generation)
{
    struct wr_resolver *rs = wr_calloc(1, sizeof(*rs));

    rs->loop = l;
    rs->generation = generation;
    rs->share = wr_share_own();
    wr_list_init(&rs->names);
    wr_timer_init(&rs->publish, resolve_on_publish);
    wr_timer_init(&rs->sweep, resolve_on_sweep);
    rs->sources = wr_calloc(m->upstream_servers_n + 1, sizeof(*rs->sources));
    for (size_t i = 0; i < m->upstreams_n; i++) {
        for (size_t k = 0; k < m->upstreams[i]->servers_n; k++) {
            resolve_add(rs, m->upstreams[i], &m->upstreams[i]->servers[k]);
        }
    }
    if (wr_list_empty(&rs->names) && rs->sources_n == 0) {
        return rs; /* nobody has a name */
    }
    rs->dns = wr_dns_new(l, &m->weir.resolver);
    wr_publish_subscribe("names", resolve_on_blob, rs);
    rs->seeded = true;
    for (size_t i = 0; i < rs->sources_n; i++) {
        wr_resolve_source_start(&rs->sources[i]);
    }
    resolve_on_sweep(&rs->sweep);
    return rs;
}

void
wr_resolver_stop(struct wr_resolver *rs)
{
    if (rs == NULL) {
        return;
    }
    wr_dns_free(rs->dns);
    rs->dns = NULL;
    wr_timer_stop(&rs->loop->wheel, &rs->publish);
    wr_timer_stop(&rs->loop->wheel, &rs->sweep);
    wr_list_for(l, &rs->names)
    {
        wr_timer_stop(&rs->loop->wheel, &wr_list_entry(l, struct wr_resolve_name, link)->timer);
    }
    for (size_t i = 0; i < rs->sources_n; i++) {
        wr_resolve_source_stop(&rs->sources[i]);
    }
}
