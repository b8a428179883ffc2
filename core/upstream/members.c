/*
 * The servers of a group: those of the configuration stay, those that the
 * keeper found (dns:, srv:, file:) come and go with what it publishes.  One
 * that goes gets no new request; what it has ends in peace.
 */
#include <stdlib.h>

#include "core/upstream/found.h"
#include "core/upstream/idle.h"
#include "core/upstream/queue.h"

/* What a list is being read into. */
struct members {
    struct wr_upstream_worker *uw;
    struct wr_upstream_group *g;             /* of the source at hand */
    const struct wr_upstream_server *source; /* ... in the configuration */
    bool *heard;                             /* by global_index of sources */
};

/* One that was found owns what it is made of. */
struct member {
    struct wr_peer peer;
    struct wr_upstream_server conf;
    const struct wr_upstream_server *source;
    char name[];
};

/* ---- one server ---- */

void
wr_members_set_text(struct wr_peer *p)
{
    if (p->addrs_n > 0) {
        p->text = wr_str_make(p->text_room, wr_addr_text(&p->addrs[p->addr_first], p->text_room));
    }
}

void
wr_members_attach(const struct wr_upstream_worker *uw, struct wr_peer *p, uint32_t row)
{
    p->row = wr_share_server_at(uw->share, row);
    p->cell = p->row != NULL ? &p->row->inflight[uw->sv->slot_index] : NULL;
}

void
wr_members_add(struct wr_upstream_group *g, struct wr_peer *p, const struct wr_upstream_server *conf)
{
    if (g->peers_n == g->peers_cap) {
        g->peers_cap = g->peers_cap > 0 ? g->peers_cap * 2 : 1;
        g->peers = wr_realloc(g->peers, g->peers_cap * sizeof(*g->peers));
    }
    g->peers[g->peers_n++] = p;
    p->conf = conf;
    p->upstream = g->conf;
    wr_list_init(&p->idle);
    g->stale = g->ring_stale = g->tokens_stale = true;
}

static void
members_set_addrs(struct wr_peer *p, const struct wr_addr *addrs, unsigned n)
{
    p->addrs_n = (uint8_t)WR_MIN(n, (unsigned)WR_PEER_ADDRS);
    p->addr_first = 0;
    p->answered = true;
    memcpy(p->addrs, addrs, p->addrs_n * sizeof(*addrs));
    wr_members_set_text(p);
}

/* ---- names of servers that stand in the configuration ---- */

/* Connections to addresses that are not given any more stay in the pool until they end by themselves. */
static void
members_on_name(void *arg, struct wr_str address, const struct wr_addr *addrs, unsigned n)
{
    struct members *m = arg;
    const struct wr_model *model = m->uw->sv->model;

    for (size_t i = 0; i < model->upstream_servers_n; i++) {
        struct wr_peer *p = &m->uw->peers[i];
        if (p->conf != NULL && !p->conf->numeric && wr_str_eq(p->conf->address, address)) {
            members_set_addrs(p, addrs, n);
            m->uw->groups[p->upstream->index].stale = true;
        }
    }
}

/* ---- servers of sources ---- */

static bool
members_on_source(void *arg, struct wr_str upstream, struct wr_str source)
{
    struct members *m = arg;
    const struct wr_model *model = m->uw->sv->model;

    for (size_t i = 0; i < model->upstreams_n; i++) {
        const struct wr_upstream *u = model->upstreams[i];
        for (size_t k = 0; u->dynamic && wr_str_eq(u->name, upstream) && k < u->servers_n; k++) {
            if (u->servers[k].source != WR_SERVER_PLAIN && wr_str_eq(u->servers[k].address, source)) {
                m->g = &m->uw->groups[u->index];
                m->source = &u->servers[k];
                m->heard[m->source->global_index] = true;
                return true;
            }
        }
    }
    return false;
}

static struct member *
members_find(const struct members *m, struct wr_str name)
{
    for (uint32_t i = 0; i < m->g->peers_n; i++) {
        struct wr_peer *p = m->g->peers[i];
        struct member *mb = p->found ? wr_container(p, struct member, peer) : NULL;
        if (mb != NULL && mb->source == m->source && wr_str_eq(p->conf->name, name)) {
            return mb;
        }
    }
    return NULL;
}

static struct member *
members_new(const struct members *m, const struct wr_found_server *s)
{
    struct member *mb = wr_calloc(1, sizeof(*mb) + s->name.n);

    memcpy(mb->name, s->name.p, s->name.n);
    mb->source = m->source;
    mb->conf.name = mb->conf.address = wr_str_make(mb->name, s->name.n);
    mb->conf.host = m->source->source == WR_SERVER_DNS ? m->source->host : WR_STR_NONE;
    mb->peer.found = true;
    mb->peer.text = mb->conf.address;
    wr_members_add(m->g, &mb->peer, &mb->conf);
    return mb;
}

/* Weights of the source and of the configuration multiply; a max of the source's own counts. */
static void
members_on_server(void *arg, const struct wr_found_server *s)
{
    struct members *m = arg;
    struct member *mb = members_find(m, s->name);

    if (mb == NULL) {
        mb = members_new(m, s);
    }
    mb->peer.seen = true;
    mb->conf.weight = WR_MAX(s->weight, 1U) * m->source->weight;
    mb->conf.backup = s->backup || m->source->backup;
    mb->conf.max = s->max > 0 ? s->max : m->source->max;
    if (mb->peer.inflight == 0) {
        wr_members_attach(m->uw, &mb->peer, s->row);
    }
    members_set_addrs(&mb->peer, s->addrs, s->addrs_n);
    m->g->stale = m->g->ring_stale = true;
}

/* Nobody who waits may be given to it. */
static void
members_let_go(struct wr_upstream_worker *uw, struct wr_upstream_group *g, struct wr_peer *p)
{
    p->gone = true;
    p->usable = false;
    wr_queue_forget(uw, g, p);
    wr_idle_drop_peer(uw, p);
    g->stale = g->ring_stale = g->tokens_stale = true;
}

static void
members_on_end(void *arg)
{
    struct members *m = arg;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < m->g->peers_n; i++) {
        struct wr_peer *p = m->g->peers[i];
        struct member *mb = p->found ? wr_container(p, struct member, peer) : NULL;
        if (mb == NULL || mb->source != m->source || p->seen) {
            p->seen = false;
            m->g->peers[kept++] = p;
            continue;
        }
        members_let_go(m->uw, m->g, p);
        if (p->inflight == 0) {
            wr_members_free(m->uw, p);
        }
    }
    m->g->peers_n = kept;
    wr_group_make(m->g); /* at once: the sets hold peers that are freed */
}

void
wr_members_free(struct wr_upstream_worker *uw, struct wr_peer *p)
{
    wr_assert(p->found && p->gone && p->inflight == 0);
    wr_idle_drop_peer(uw, p);
    free(wr_container(p, struct member, peer));
}

static void
members_note_answers(const struct members *m)
{
    const struct wr_model *model = m->uw->sv->model;

    for (size_t i = 0; i < model->upstreams_n; i++) {
        const struct wr_upstream *u = model->upstreams[i];
        bool all = true;
        for (size_t k = 0; u->dynamic && k < u->servers_n; k++) {
            all = all && (u->servers[k].source == WR_SERVER_PLAIN || m->heard[u->servers[k].global_index]);
        }
        m->uw->groups[i].answered = m->uw->groups[i].answered || all;
    }
}

void
wr_members_read(struct wr_upstream_worker *uw, struct wr_str text)
{
    static const struct wr_found_reader reader = {
        .name = members_on_name,
        .source = members_on_source,
        .server = members_on_server,
        .source_end = members_on_end,
    };
    struct members m = {.uw = uw, .heard = wr_calloc(uw->sv->model->upstream_servers_n + 1, sizeof(bool))};

    wr_found_read(text, &reader, &m);
    members_note_answers(&m);
    free(m.heard);
}

void
wr_members_fini(struct wr_upstream_group *g)
{
    for (uint32_t i = 0; i < g->peers_n; i++) {
        if (g->peers[i]->found) {
            free(wr_container(g->peers[i], struct member, peer));
        }
    }
}
