/*
 * The floor: what relaying costs when nothing is understood.  Every client
 * connection gets an upstream connection of its own and bytes are copied; one
 * epoll loop, edge-triggered.  No proxy that reads HTTP can be far below it.
 *
 *   floor LISTEN_PORT UPSTREAM_PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (256 * 1024)

struct end {
    int fd;
    struct end *other;
    char *held; /* what the other side did not take yet */
    size_t at, n;
    bool blocked;
};

static int ep;
static char room[ROOM];
static struct end *gone[1024]; /* two for each of 512 events */
static unsigned gone_n;

static struct end *
watch(int fd)
{
    struct end *e = calloc(1, sizeof *e);
    int one = 1;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = e};
    e->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
    return e;
}

/* Both ends; freed when the events of this turn are through. */
static void
hang_up(struct end *e)
{
    struct end *both[2] = {e, e->other};
    for (int i = 0; i < 2; i++) {
        close(both[i]->fd);
        both[i]->fd = -1;
        free(both[i]->held);
        both[i]->held = NULL;
        gone[gone_n++] = both[i];
    }
}

/* Gives to `to`; what it does not take is held for it.  False: broken. */
static bool
give(struct end *to, const char *p, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t sent = send(to->fd, p + done, n - done, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) {
                return false;
            }
            to->held = malloc(n - done);
            memcpy(to->held, p + done, n - done);
            to->at = 0;
            to->n = n - done;
            to->blocked = true;
            return true;
        }
        done += (size_t)sent;
    }
    return true;
}

/* Copies from `e` to its other end until one of them has enough.  False: over. */
static bool
relay(struct end *e)
{
    while (!e->other->blocked) {
        ssize_t n = recv(e->fd, room, ROOM, 0);
        if (n < 0 && errno == EAGAIN) {
            return true;
        }
        if (n <= 0 || !give(e->other, room, (size_t)n)) {
            return false;
        }
        if (n < ROOM / 2) {
            return true;
        }
    }
    return true;
}

static bool
unblock(struct end *e)
{
    char *p = e->held;
    e->held = NULL;
    e->blocked = false;
    bool ok = give(e, p + e->at, e->n);
    free(p);
    return ok && (e->blocked || relay(e->other));
}

static struct sockaddr_in
loopback(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void
accept_all(int listener, int port)
{
    struct sockaddr_in to = loopback(port);
    int s;
    while ((s = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int u = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (u < 0 || (connect(u, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
            close(s);
            close(u);
            continue;
        }
        struct end *a = watch(s), *b = watch(u);
        a->other = b;
        b->other = a;
        b->blocked = true; /* until it is connected */
        b->held = calloc(1, 1);
        b->n = 0;
    }
}

int
main(int argc, char **argv)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (argc != 3) {
        fprintf(stderr, "usage: floor LISTEN_PORT UPSTREAM_PORT\n");
        return 2;
    }
    struct sockaddr_in at = loopback(atoi(argv[1]));
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0) {
        perror("floor");
        return 1;
    }
    ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, evs[512];
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
    for (;;) {
        int n = epoll_wait(ep, evs, 512, -1);
        for (int i = 0; i < n; i++) {
            struct end *e = evs[i].data.ptr;
            if (!e) {
                accept_all(listener, atoi(argv[2]));
                continue;
            }
            if (e->fd < 0) {
                continue;
            }
            bool ok = true;
            if ((evs[i].events & EPOLLOUT) && e->blocked) {
                ok = unblock(e);
            }
            if (ok && (evs[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
                ok = relay(e) && !(evs[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
            }
            if (!ok) {
                hang_up(e);
            }
        }
        while (gone_n > 0) {
            free(gone[--gone_n]);
        }
    }
}
