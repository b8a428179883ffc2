/*
 * The pool of idle connections.
 */
#include "core/upstream/idle.h"

static void
idle_unlink(struct wr_upstream_worker *uw, struct wr_idle *i)
{
    wr_list_del(&i->peer_link);
    wr_list_del(&i->all_link);
    i->peer->idle_n--;
    uw->groups[i->peer->upstream->index].idle_n--;
}

static void
idle_drop(struct wr_upstream_worker *uw, struct wr_idle *i)
{
    idle_unlink(uw, i);
    i->drop(i);
}

/* One sweep serves all: the pool is ordered by the time of its use, but each has its own end. */
static void
idle_on_timer(struct wr_timer *t)
{
    struct wr_upstream_worker *uw = wr_container(t, struct wr_upstream_worker, idle_timer);
    uint64_t next = WR_TIMER_NEVER;

    wr_list_for_safe(l, n, &uw->idle)
    {
        struct wr_idle *i = wr_list_entry(l, struct wr_idle, all_link);
        if (i->until_ms <= wr_clock.mono_ms) {
            idle_drop(uw, i);
        } else {
            next = WR_MIN(next, i->until_ms);
        }
    }
    if (next != WR_TIMER_NEVER) {
        /* Not more than once in a while, however the ends lie. */
        wr_loop_timer(uw->sv->loop, &uw->idle_timer, WR_MAX(next, wr_clock.mono_ms + 250));
    }
}

void
wr_idle_init(struct wr_upstream_worker *uw)
{
    wr_list_init(&uw->idle);
    wr_timer_init(&uw->idle_timer, idle_on_timer);
}

void
wr_idle_put(struct wr_upstream_worker *uw, struct wr_idle *i, struct wr_peer *p, uint64_t until_ms)
{
    struct wr_upstream_group *g = &uw->groups[p->upstream->index];

    if (g->idle_n >= g->idle_most) {
        /* The oldest of all that this upstream has; looked for from the far end of the pool. */
        for (struct wr_link *l = uw->idle.prev; l != &uw->idle; l = l->prev) {
            struct wr_idle *old = wr_list_entry(l, struct wr_idle, all_link);
            if (old->peer->upstream == p->upstream) {
                idle_drop(uw, old);
                break;
            }
        }
    }
    i->peer = p;
    i->until_ms = until_ms;
    wr_list_add_head(&p->idle, &i->peer_link);
    wr_list_add_head(&uw->idle, &i->all_link);
    p->idle_n++;
    g->idle_n++;
    if (!wr_link_used(&uw->idle_timer.link) || uw->idle_timer.due_ms > until_ms) {
        wr_loop_timer(uw->sv->loop, &uw->idle_timer, until_ms);
    }
}

struct wr_idle *
wr_idle_get(struct wr_upstream_worker *uw, struct wr_peer *p)
{
    while (!wr_list_empty(&p->idle)) {
        struct wr_idle *i = wr_list_first(&p->idle, struct wr_idle, peer_link);
        if (i->until_ms > wr_clock.mono_ms && wr_conn_is_quiet(i->c)) {
            idle_unlink(uw, i);
            return i;
        }
        idle_drop(uw, i);
    }
    return NULL;
}

void
wr_idle_remove(struct wr_upstream_worker *uw, struct wr_idle *i)
{
    idle_unlink(uw, i);
}

void
wr_idle_drop_peer(struct wr_upstream_worker *uw, struct wr_peer *p)
{
    while (!wr_list_empty(&p->idle)) {
        idle_drop(uw, wr_list_first(&p->idle, struct wr_idle, peer_link));
    }
}

void
wr_idle_drop_all(struct wr_upstream_worker *uw)
{
    while (!wr_list_empty(&uw->idle)) {
        idle_drop(uw, wr_list_first(&uw->idle, struct wr_idle, all_link));
    }
    wr_timer_stop(&uw->sv->loop->wheel, &uw->idle_timer);
}
