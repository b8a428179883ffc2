/*
 * Accepting from sockets that all workers share.
 *
 * Level-triggered, so nothing is lost when fewer are accepted than wait.  A
 * failing accept costs nearly as much as a good one (the kernel makes the
 * socket before it looks at the queue), so a listener takes one connection an
 * event and more only while it was asked again turn after turn: the batch
 * grows when the queue proves to be longer than it and shrinks when it was
 * not.  It knows nothing of what is spoken on the connections.
 */
#include "core/event/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/base/log.h"

#define LISTENER_REST_MS 100
#define LISTENER_STREAK 8 /* turns in a row with a full batch before it grows */

static int listener_reserve = -1;

void
wr_listener_reserve_fd(void)
{
    if (listener_reserve < 0) {
        listener_reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

static bool
listener_watch(struct wr_listener *ln)
{
    /* EPOLLEXCLUSIVE: of the processes that wait, one is woken.  Such an entry cannot be modified. */
    struct epoll_event e = {.events = EPOLLIN | (ln->alone ? 0 : (uint32_t)EPOLLEXCLUSIVE),
                            .data.ptr = &ln->ev};

    if (epoll_ctl(ln->loop->epfd, EPOLL_CTL_ADD, ln->fd, &e) < 0) {
        return false;
    }
    ln->ev.fd = ln->fd;
    return true;
}

/* To the end of the kernel's queue of waiters: it wakes the one in front, which is always the same. */
static void
listener_rotate(struct wr_listener *ln)
{
    ln->accepted = 0;
    wr_loop_del(ln->loop, &ln->ev, true);
    if (!listener_watch(ln)) {
        wr_log(WR_LOG_ERROR, "cannot watch listener errno=%d, trying again in %d ms", errno,
               LISTENER_REST_MS);
        ln->paused = true;
        wr_timer_set(&ln->loop->wheel, &ln->rest, wr_clock.mono_ms + LISTENER_REST_MS);
    }
}

static void
listener_rest(struct wr_listener *ln)
{
    wr_listener_pause(ln);
    wr_timer_set(&ln->loop->wheel, &ln->rest, wr_clock.mono_ms + LISTENER_REST_MS);
}

static void
listener_on_rest(struct wr_timer *t)
{
    struct wr_listener *ln = wr_container(t, struct wr_listener, rest);

    wr_listener_reserve_fd();
    wr_listener_resume(ln);
}

/* No descriptor is left: the one kept back takes a connection out of the queue, so that its client hears at
 * once instead of waiting for a time-out, and the queue gets shorter. */
static void
listener_out_of_fds(struct wr_listener *ln, int err)
{
    static struct wr_log_gate gate;
    uint32_t dropped;

    if (listener_reserve >= 0) {
        close(listener_reserve);
        listener_reserve = -1;
        int fd = accept4(ln->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            close(fd);
        }
        wr_listener_reserve_fd();
    }
    listener_rest(ln);
    if (wr_log_gate(&gate, 1, &dropped)) {
        wr_log(WR_LOG_ERROR, "out of descriptors or memory, accepting rests errno=%d rest_ms=%d more=%u", err,
               LISTENER_REST_MS, dropped);
    }
}

/* What accept4 said when it gave no socket.  False: no more accepts in this event. */
static bool
listener_failed(struct wr_listener *ln, int err)
{
    switch (err) {
    case EAGAIN:
        ln->batch = (uint16_t)WR_MAX(ln->batch / 2, 1);
        ln->streak = 0;
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        listener_out_of_fds(ln, err);
        return false;
    case EBADF:
    case EINVAL:
    case EFAULT:
    case ENOTSOCK:
        wr_log(WR_LOG_ALERT, "accept errno=%d on a descriptor that is no listener, left alone", err);
        wr_listener_pause(ln);
        return false;
    default:
        /* ECONNABORTED, EINTR, EPROTO, EPERM (a packet filter) and errors that were waiting on the new
         * socket: that connection is gone, the next may be good. */
        return true;
    }
}

/* How many to take now: grows while the events of successive turns found a queue at least that long. */
static unsigned
listener_batch(struct wr_listener *ln)
{
    if (ln->loop->turns != ln->last_turn + 1) {
        ln->streak = 0;
        ln->batch = 1;
    } else if (++ln->streak >= LISTENER_STREAK) {
        ln->streak = 0;
        ln->batch = (uint16_t)WR_MIN(ln->batch * 2, WR_LISTENER_BATCH);
    }
    ln->last_turn = ln->loop->turns;
    return ln->batch;
}

static void
listener_on_event(struct wr_ev *ev)
{
    struct wr_listener *ln = wr_container(ev, struct wr_listener, ev);

    for (unsigned n = listener_batch(ln); n > 0 && !ln->paused; n--) {
        struct wr_addr peer;
        peer.len = sizeof(peer.un); /* the largest */
        int fd = accept4(ln->fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (wr_unlikely(fd < 0)) {
            if (!listener_failed(ln, errno)) {
                break;
            }
            continue;
        }
        ln->accepted++;
        ln->accepted_total++;
        ln->on_accept(ln, fd, &peer);
    }
    if (!ln->alone && ln->accepted >= WR_LISTENER_ROTATE && !ln->paused) {
        listener_rotate(ln);
    }
}

bool
wr_listener_start(struct wr_listener *ln, struct wr_loop *l, int fd, bool alone)
{
    ln->loop = l;
    ln->fd = fd;
    ln->alone = alone;
    ln->paused = false;
    ln->accepted = 0;
    ln->batch = 1;
    ln->streak = 0;
    ln->last_turn = 0;
    ln->ev = (struct wr_ev){.fd = -1, .fn = listener_on_event};
    wr_list_init(&ln->ev.ready_link);
    wr_timer_init(&ln->rest, listener_on_rest);
    return listener_watch(ln);
}

void
wr_listener_pause(struct wr_listener *ln)
{
    wr_timer_stop(&ln->loop->wheel, &ln->rest);
    wr_loop_del(ln->loop, &ln->ev, true);
    ln->paused = true;
}

void
wr_listener_resume(struct wr_listener *ln)
{
    wr_timer_stop(&ln->loop->wheel, &ln->rest);
    if (!ln->paused) {
        return;
    }
    ln->paused = false;
    ln->accepted = 0;
    if (!listener_watch(ln)) {
        ln->paused = true;
        wr_timer_set(&ln->loop->wheel, &ln->rest, wr_clock.mono_ms + LISTENER_REST_MS);
    }
}
