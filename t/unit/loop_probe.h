/*
 * A loop and what the tests of core/event put into it: descriptors that note
 * when they are called, turns one by one, both ends of a connection.
 */
#ifndef WR_UNIT_LOOP_PROBE_H
#define WR_UNIT_LOOP_PROBE_H

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/event/loop.h"
#include "t/unit/tap.h"

static struct wr_loop *loop;
static char order[64]; /* who ran, a letter each */

struct probe {
    struct wr_ev ev;
    char letter;
    unsigned calls;
    uint64_t ms; /* of the last call */
    void (*then)(struct probe *p);
    struct probe *other;
};

static inline void
note(char letter)
{
    size_t n = strlen(order);

    if (n < sizeof(order) - 1) {
        order[n] = letter;
        order[n + 1] = '\0';
    }
}

static inline void
on_ev(struct wr_ev *ev)
{
    struct probe *p = wr_container(ev, struct probe, ev);

    p->calls++;
    p->ms = wr_clock.mono_ms;
    note(p->letter);
    if (p->then != NULL) {
        p->then(p);
    }
}

static inline void
probe_init(struct probe *p, char letter)
{
    *p = (struct probe){.letter = letter};
}

static inline void
stop_now(struct wr_task *t)
{
    (void)t;
    wr_loop_stop(loop);
}

/* One turn that does not sleep. */
static inline void
turn(void)
{
    struct wr_task last = {.fn = stop_now};

    loop->stop = false;
    wr_loop_post(loop, &last);
    wr_loop_run(loop);
}

static inline void
on_timeout(struct wr_timer *t)
{
    (void)t;
    wr_loop_stop(loop);
}

/* Turns until somebody stops it, at most so long. */
static inline void
run_loop(uint64_t ms)
{
    struct wr_timer timeout;

    wr_timer_init(&timeout, on_timeout);
    wr_clock_update();
    wr_loop_timer(loop, &timeout, wr_clock.mono_ms + ms);
    loop->stop = false;
    wr_loop_run(loop);
    wr_timer_stop(&loop->wheel, &timeout);
}

static inline void
stop_loop(struct probe *p)
{
    (void)p;
    wr_loop_stop(loop);
}

static inline void
pair(int fd[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0) {
        exit(1);
    }
}

/* Both ends of a connection over TCP. */
static inline void
tcp_pair(int fd[2])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(a);
    int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(l, (struct sockaddr *)&a, n) < 0 || listen(l, 1) < 0 ||
        getsockname(l, (struct sockaddr *)&a, &n) < 0 || connect(fd[1], (struct sockaddr *)&a, n) < 0) {
        exit(1);
    }
    fd[0] = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    close(l);
}

static inline void
put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0) {
        tap_note("write: errno %d", errno);
    }
}

static inline void
drop(struct probe *p)
{
    int fd = p->ev.fd;

    wr_loop_del(loop, &p->ev, false);
    close(fd);
}

#endif
