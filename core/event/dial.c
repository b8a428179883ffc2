/*
 * Connecting.  The socket enters epoll after connect(2) was called: before
 * that the kernel reports a hang-up for it.
 */
#include "core/event/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

static int
dial_socket(const struct wr_addr *to)
{
    int family = to->sa.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && family != AF_UNIX) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    return fd;
}

static bool
dial_connect(int fd, const struct wr_addr *to, bool *at_once)
{
    *at_once = connect(fd, &to->sa, to->len) == 0;
    /* EINTR: the connect goes on by itself.  A unix socket with a full queue says EAGAIN and never tells
     * when there is room: an error. */
    return *at_once || errno == EINPROGRESS || errno == EINTR;
}

struct wr_conn *
wr_dial(struct wr_loop *l, const struct wr_addr *to, const struct wr_conn_owner *owner, void *session)
{
    int fd = dial_socket(to);

    if (fd < 0) {
        return NULL;
    }
    struct wr_conn *c = NULL;
    bool at_once;
    if (dial_connect(fd, to, &at_once)) {
        c = wr_conn_new(l, fd, &wr_transport_plain, owner, session);
    }
    if (c != NULL && at_once) {
        /* Often so on the same machine: the request can go out in this very turn. */
        c->ev.writable = true;
    }
    if (c == NULL) {
        int err = errno;
        close(fd);
        errno = err;
    }
    return c;
}

enum wr_io
wr_dial_result(struct wr_conn *c)
{
    if (c->failed) {
        return WR_IO_ERR;
    }
    if (wr_likely(!c->ev.error)) {
        /* Writable without an error is connected: no need to ask. */
        return c->ev.writable ? WR_IO_OK : WR_IO_AGAIN;
    }
    int err = 0;
    socklen_t n = sizeof(err);
    if (getsockopt(c->ev.fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0) {
        err = errno;
    }
    if (err != 0) {
        return wr_conn_fail(c, err);
    }
    return c->ev.writable ? WR_IO_OK : WR_IO_AGAIN;
}
