/*
 * Going through the servers of upstreams by way of their rows.
 */
#include "core/upstream/upstream_list.h"

#include <stdlib.h>

struct wr_upstream_list {
    struct wr_share *share;
    uint32_t first[WR_SHARE_GROUPS]; /* row + 1 of a group's first found server; 0: none */
    uint32_t next[WR_SHARE_SERVERS];
};

struct wr_upstream_list *
wr_upstream_list_new(void)
{
    struct wr_upstream_list *l = wr_calloc(1, sizeof(*l));

    l->share = wr_share_own();
    if (l->share == NULL) {
        return l;
    }
    /* from the end, so that each list is in the order of the rows */
    for (uint32_t i = wr_share_servers_n(l->share); i-- > 0;) {
        const struct wr_share_server *s = &l->share->servers[i];
        if (atomic_load(&s->key) != 0 && s->found && s->group < WR_SHARE_GROUPS) {
            l->next[i] = l->first[s->group];
            l->first[s->group] = i + 1;
        }
    }
    return l;
}

void
wr_upstream_list_free(struct wr_upstream_list *l)
{
    free(l);
}

/* The row that the configuration has for a server, if it is that server's indeed. */
static struct wr_share_server *
upstream_list_row(const struct wr_upstream_list *l, const struct wr_upstream *u,
                  const struct wr_upstream_server *us)
{
    struct wr_share_server *s = wr_share_server_at(l->share, us->share);

    return s != NULL && atomic_load(&s->key) != 0 && wr_share_is(s, u->name, us->name) ? s : NULL;
}

/* What stands behind the upstream's name in the row's. */
static struct wr_str
upstream_list_found_name(const struct wr_upstream *u, const struct wr_share_server *s)
{
    struct wr_str name = wr_share_name(s);

    if (wr_str_starts(name, u->name) && name.n > u->name.n + 1 && name.p[u->name.n] == '/') {
        name = wr_str_make(name.p + u->name.n + 1, name.n - u->name.n - 1);
    }
    return name;
}

void
wr_upstream_list_each(const struct wr_upstream_list *l, const struct wr_upstream *u, wr_upstream_entry_fn *fn,
                      void *arg)
{
    for (size_t i = 0; i < u->servers_n; i++) {
        const struct wr_upstream_server *us = &u->servers[i];
        if (us->source == WR_SERVER_PLAIN) {
            struct wr_upstream_entry e = {u, us, us->name, upstream_list_row(l, u, us)};
            fn(arg, &e);
        }
    }
    if (u->share >= WR_SHARE_GROUPS) {
        return;
    }
    for (uint32_t at = l->first[u->share]; at != 0; at = l->next[at - 1]) {
        struct wr_share_server *s = &l->share->servers[at - 1];
        struct wr_upstream_entry e = {u, NULL, upstream_list_found_name(u, s), s};
        fn(arg, &e);
    }
}

static void
upstream_list_add(void *arg, const struct wr_upstream_entry *e)
{
    struct wr_upstream_sums *sums = arg;

    sums->all++;
    sums->up += e->row == NULL || atomic_load(&e->row->blocked) == 0;
    if (e->row != NULL) {
        sums->inflight += wr_share_load(e->row);
        sums->requests += atomic_load(&e->row->requests);
        sums->failures += atomic_load(&e->row->failures);
    }
}

void
wr_upstream_list_sum(const struct wr_upstream_list *l, const struct wr_upstream *u,
                     struct wr_upstream_sums *sums)
{
    const struct wr_share_group *g = wr_share_group_at(l->share, u->share);

    *sums = (struct wr_upstream_sums){.queued = g != NULL ? wr_share_queued(g) : 0};
    wr_upstream_list_each(l, u, upstream_list_add, sums);
}

void
wr_upstream_state_text(uint32_t blocked, char text[WR_UPSTREAM_STATE_BYTES])
{
    static const struct {
        uint32_t bit;
        const char *word;
    } words[] = {
        {WR_BLOCK_DOWN, "down (by hand)"},
        {WR_BLOCK_DRAIN, "draining (by hand)"},
        {WR_BLOCK_HEALTH, "down (checks)"},
        {WR_BLOCK_EJECTED, "ejected"},
        {WR_BLOCK_GONE, "gone"},
    };
    char *p = text;

    for (size_t i = 0; i < WR_ARRAY_LEN(words); i++) {
        if (blocked & words[i].bit) {
            p = p > text ? stpcpy(p, ", ") : p;
            p = stpcpy(p, words[i].word);
        }
    }
    if (p == text) {
        stpcpy(text, "up");
    }
}
