/*
 * Turns of the event loop.  It refuses to call anybody from within a
 * callback: wake-ups are tasks, frees wait in the graveyard.
 */
#include "core/event/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOP_LONG_TURN_US 20000
#define LOOP_TASKS_AT_ONCE 256 /* tasks run between two events; the rest waits a turn */
#define LOOP_SLEEP_MS 60000
#define LOOP_LATE_MS 20 /* a socket that epoll does not know of stays so for up to twice this */
#define LOOP_WATCH_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

struct wr_loop *
wr_loop_new(void)
{
    struct wr_loop *l = wr_calloc(1, sizeof(*l));

    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0) {
        free(l);
        return NULL;
    }
    wr_list_init(&l->ready);
    wr_list_init(&l->late[0]);
    wr_list_init(&l->late[1]);
    wr_list_init(&l->run);
    wr_clock_update();
    wr_wheel_init(&l->wheel, wr_clock.mono_ms);
    return l;
}

static void
loop_bury_all(struct wr_loop *l)
{
    while (l->graves != NULL) {
        struct wr_grave *g = l->graves;
        l->graves = g->next;
        g->free(g);
    }
}

void
wr_loop_free(struct wr_loop *l)
{
    loop_bury_all(l);
    close(l->epfd);
    free(l);
}

void
wr_loop_stop(struct wr_loop *l)
{
    l->stop = true;
}

static bool
loop_register(struct wr_loop *l, struct wr_ev *ev, int fd, void (*fn)(struct wr_ev *), uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = ev};

    *ev = (struct wr_ev){.fd = fd, .fn = fn};
    wr_list_init(&ev->ready_link);
    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &e) < 0) {
        ev->fd = -1;
        return false;
    }
    return true;
}

bool
wr_loop_add(struct wr_loop *l, struct wr_ev *ev, int fd, void (*fn)(struct wr_ev *))
{
    return loop_register(l, ev, fd, fn, LOOP_WATCH_EVENTS);
}

void
wr_loop_add_late(struct wr_loop *l, struct wr_ev *ev, int fd, void (*fn)(struct wr_ev *))
{
    *ev = (struct wr_ev){.fd = fd, .fn = fn, .late = true, .readable = true, .writable = true};
    wr_list_init(&ev->ready_link);
    wr_loop_more(l, ev);
}

void
wr_loop_watch_late(struct wr_loop *l, struct wr_ev *ev)
{
    struct epoll_event e = {.events = LOOP_WATCH_EVENTS, .data.ptr = ev};

    if (!ev->more) {
        wr_list_del(&ev->ready_link);
    }
    ev->late = false;
    if (wr_unlikely(epoll_ctl(l->epfd, EPOLL_CTL_ADD, ev->fd, &e) < 0)) {
        /* Nobody would ever hear of it: it ends as if the peer had ended it. */
        shutdown(ev->fd, SHUT_RDWR);
        ev->readable = ev->writable = ev->rdhup = ev->error = true;
        wr_loop_more(l, ev);
    }
}

static void
loop_watch_all(struct wr_loop *l, struct wr_link *late)
{
    while (!wr_list_empty(late)) {
        wr_loop_watch_late(l, wr_list_first(late, struct wr_ev, ready_link));
    }
}

static bool
loop_has_late(const struct wr_loop *l)
{
    return !wr_list_empty(&l->late[0]) || !wr_list_empty(&l->late[1]);
}

/* Those that stay for long are watched. */
static void
loop_age_late(struct wr_loop *l)
{
    if (wr_likely(!loop_has_late(l)) || wr_clock.mono_ms - l->late_turned_ms < LOOP_LATE_MS) {
        return;
    }
    l->late_turned_ms = wr_clock.mono_ms;
    loop_watch_all(l, &l->late[1]);
    wr_list_join(&l->late[1], &l->late[0]);
}

bool
wr_loop_add_level(struct wr_loop *l, struct wr_ev *ev, int fd, void (*fn)(struct wr_ev *))
{
    return loop_register(l, ev, fd, fn, EPOLLIN);
}

bool
wr_loop_set_level(struct wr_loop *l, struct wr_ev *ev, bool reading, bool writing)
{
    struct epoll_event ee = {.events = (reading ? EPOLLIN : 0U) | (writing ? EPOLLOUT : 0U), .data.ptr = ev};

    return epoll_ctl(l->epfd, EPOLL_CTL_MOD, ev->fd, &ee) == 0;
}

void
wr_loop_del(struct wr_loop *l, struct wr_ev *ev, bool shared)
{
    if (ev->fd < 0) {
        return;
    }
    if (shared && !ev->late) {
        epoll_ctl(l->epfd, EPOLL_CTL_DEL, ev->fd, NULL);
    }
    if (ev->more || ev->late) {
        wr_list_del(&ev->ready_link);
        ev->more = ev->late = false;
    }
    ev->fd = -1;
}

void
wr_loop_more(struct wr_loop *l, struct wr_ev *ev)
{
    if (!ev->more && ev->fd >= 0) {
        if (ev->late) {
            wr_list_del(&ev->ready_link);
        }
        ev->more = true;
        wr_list_add_tail(&l->ready, &ev->ready_link);
    }
}

void
wr_loop_post(struct wr_loop *l, struct wr_task *t)
{
    if (!wr_link_used(&t->link)) {
        wr_list_add_tail(&l->run, &t->link);
    }
}

void
wr_loop_unpost(struct wr_task *t)
{
    if (wr_link_used(&t->link)) {
        wr_list_del(&t->link);
    }
}

void
wr_loop_bury(struct wr_loop *l, struct wr_grave *g, void (*free_fn)(struct wr_grave *))
{
    g->free = free_fn;
    g->next = l->graves;
    l->graves = g;
}

static void
loop_run_tasks(struct wr_loop *l)
{
    for (unsigned i = 0; i < LOOP_TASKS_AT_ONCE && !wr_list_empty(&l->run); i++) {
        struct wr_task *t = wr_list_first(&l->run, struct wr_task, link);
        wr_list_del(&t->link);
        t->fn(t);
    }
}

/* Those that used up their share of the turn before; who wants still more comes in the next turn. */
static void
loop_run_ready(struct wr_loop *l)
{
    struct wr_link batch;

    wr_list_init(&batch);
    wr_list_join(&batch, &l->ready);
    while (!wr_list_empty(&batch)) {
        struct wr_ev *ev = wr_list_first(&batch, struct wr_ev, ready_link);
        wr_list_del(&ev->ready_link);
        ev->more = false;
        ev->fn(ev);
        if (ev->late && !ev->more) {
            wr_list_add_tail(&l->late[0], &ev->ready_link);
        }
        loop_run_tasks(l);
    }
}

/*
 * The flags of all events of a turn are set before the first handler runs: a
 * pooled connection whose FIN stands in this batch is not taken for a request
 * that stands before it.
 */
static void
loop_note(const struct epoll_event *e)
{
    struct wr_ev *ev = e->data.ptr;

    if (e->events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP)) {
        ev->readable = true;
    }
    if (e->events & EPOLLOUT) {
        ev->writable = true;
    }
    if (e->events & (EPOLLRDHUP | EPOLLHUP)) {
        ev->rdhup = true;
    }
    if (e->events & EPOLLERR) {
        ev->error = ev->readable = ev->writable = true;
    }
}

static void
loop_dispatch(struct wr_loop *l, const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        loop_note(&events[i]);
    }
    for (int i = 0; i < n; i++) {
        struct wr_ev *ev = events[i].data.ptr;
        if (ev->fd >= 0) {
            ev->fn(ev);
            loop_run_tasks(l);
        }
    }
}

static int
loop_wait(struct wr_loop *l, struct epoll_event *events)
{
    bool busy = !wr_list_empty(&l->run) || !wr_list_empty(&l->ready) || l->stop;
    int most = loop_has_late(l) ? LOOP_LATE_MS : LOOP_SLEEP_MS;
    int wait = busy ? 0 : wr_wheel_wait_ms(&l->wheel, wr_clock.mono_ms, most);

    if (wait < 0) {
        wait = most; /* no timer is set */
    }
    if (!busy && l->before_sleep != NULL) {
        l->before_sleep(l->sleep_arg);
        /* The hook may have posted something (mail that came at the last moment). */
        if (!wr_list_empty(&l->run)) {
            wait = 0;
        }
    }
    int n = epoll_wait(l->epfd, events, WR_LOOP_EVENTS, wait);
    if (!busy && l->after_sleep != NULL) {
        l->after_sleep(l->sleep_arg);
    }
    return n;
}

static void
loop_end_turn(struct wr_loop *l)
{
    uint64_t us = wr_clock_mono_us_now() - l->turn_began_us;

    if (wr_unlikely(us > l->longest_turn_us || us > LOOP_LONG_TURN_US)) {
        l->longest_turn_us = WR_MAX(l->longest_turn_us, us);
        if (l->turn_took != NULL) {
            l->turn_took(l->sleep_arg, us);
        }
    }
    l->doing = NULL;
}

void
wr_loop_run(struct wr_loop *l)
{
    struct epoll_event events[WR_LOOP_EVENTS];

    while (!l->stop) {
        int n = loop_wait(l, events);
        if (wr_unlikely(n < 0)) {
            wr_assert(errno == EINTR);
            n = 0;
        }
        wr_clock_update();
        l->turns++;
        l->turn_began_us = wr_clock.mono_us;
        loop_run_tasks(l);
        loop_dispatch(l, events, n);
        loop_run_ready(l);
        loop_age_late(l);
        wr_wheel_run(&l->wheel, wr_clock.mono_ms);
        loop_run_tasks(l);
        loop_bury_all(l);
        loop_end_turn(l);
    }
}
