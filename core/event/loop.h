/*
 * The event loop of a process: epoll, edge-triggered with sticky state, turns
 * that are bounded, a run queue, timers, and memory that is freed only when a
 * turn is over.
 *
 * A turn: run queue -> epoll events -> connections that had more to do ->
 * timers -> graveyard.  No callback runs inside another: whoever wants to go
 * on later posts a task (CORE-RULES 1, 16, 17).
 */
#ifndef WR_EVENT_LOOP_H
#define WR_EVENT_LOOP_H

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/event/timer.h"

#define WR_LOOP_EVENTS 128 /* events handled in a turn */

struct wr_loop;

/* A descriptor in the loop.  The flags are sticky: epoll sets them, the reader or writer that met EAGAIN
 * (or a short read) clears them. */
struct wr_ev {
    int fd; /* -1: gone; events that still stand in the batch are ignored */
    bool readable;
    bool writable;
    bool rdhup; /* the peer has sent FIN */
    bool error; /* EPOLLERR: reset, or refused */
    bool more;  /* stands in the loop's ready list */
    bool late;  /* not in epoll yet: stands in a late list, or is `more` */
    struct wr_link ready_link;
    void (*fn)(struct wr_ev *ev);
};

/* Something to run soon: at most once however often it was posted. */
struct wr_task {
    struct wr_link link;
    void (*fn)(struct wr_task *t);
};

/* Memory that may still be looked at in this turn. */
struct wr_grave {
    struct wr_grave *next;
    void (*free)(struct wr_grave *g);
};

struct wr_loop {
    int epfd;
    bool stop;
    uint64_t turns;
    uint64_t turn_began_us;
    struct wr_wheel wheel;
    struct wr_link ready;
    struct wr_link late[2]; /* young, and those of the last LOOP_LATE_MS or more */
    uint64_t late_turned_ms;
    struct wr_link run;
    struct wr_grave *graves;
    void (*before_sleep)(void *arg); /* flush what was batched, publish `sleeping` (CORE-RULES 21) */
    void (*after_sleep)(void *arg);
    void *sleep_arg;
    void (*turn_took)(void *arg, uint64_t us); /* told of turns over 20 ms, and of each longest so far */
    const char *doing;                         /* a constant text: the handler that runs, for that line */
    uint64_t longest_turn_us;
};

struct wr_loop *wr_loop_new(void);
void wr_loop_free(struct wr_loop *l);
/* Turns until wr_loop_stop. */
void wr_loop_run(struct wr_loop *l);
void wr_loop_stop(struct wr_loop *l);

/* Registers once, edge-triggered, for reading, writing and FIN.  False with errno. */
bool wr_loop_add(struct wr_loop *l, struct wr_ev *ev, int fd, void (*fn)(struct wr_ev *));
/*
 * As wr_loop_add, but for a socket of which much is to be had before anybody
 * waits for it (just accepted: most bring their request along, and many are
 * closed behind its answer).  It counts as readable and writable, fn runs at the
 * end of this turn, and epoll hears of it when somebody waits (wr_loop_watch)
 * or after 20 to 40 ms; so FIN and errors show that much later.
 */
void wr_loop_add_late(struct wr_loop *l, struct wr_ev *ev, int fd, void (*fn)(struct wr_ev *));
void wr_loop_watch_late(struct wr_loop *l, struct wr_ev *ev);
static inline void
wr_loop_watch(struct wr_loop *l, struct wr_ev *ev)
{
    if (wr_unlikely(ev->late)) {
        wr_loop_watch_late(l, ev);
    }
}
/* Level-triggered, for reading: eventfds, sockets of our own. */
bool wr_loop_add_level(struct wr_loop *l, struct wr_ev *ev, int fd, void (*fn)(struct wr_ev *));
/* What a level-triggered descriptor is watched for from now on; for sockets of libraries.  False with errno. */
bool wr_loop_set_level(struct wr_loop *l, struct wr_ev *ev, bool reading, bool writing);
/* Takes the descriptor out (EPOLL_CTL_DEL when `shared`, i.e. the open file lives on elsewhere; a plain
 * close takes it out by itself) and does not close it.  ev->fd is -1 afterwards. */
void wr_loop_del(struct wr_loop *l, struct wr_ev *ev, bool shared);
/* ev->fn runs again at the end of the turn's events or in the next turn, without epoll. */
void wr_loop_more(struct wr_loop *l, struct wr_ev *ev);
void wr_loop_post(struct wr_loop *l, struct wr_task *t);
void wr_loop_unpost(struct wr_task *t);
void wr_loop_bury(struct wr_loop *l, struct wr_grave *g, void (*free_fn)(struct wr_grave *));

static inline void
wr_loop_timer(struct wr_loop *l, struct wr_timer *t, uint64_t due_ms)
{
    wr_timer_set(&l->wheel, t, due_ms);
}

#endif
