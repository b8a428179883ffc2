/*
 * The socket below a transport.
 */
#include "core/event/transport.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/event/conn.h"

enum wr_io
wr_transport_take(struct wr_conn *c, void *p, size_t n, size_t *got)
{
    ssize_t r;

    do {
        r = recv(c->ev.fd, p, n, 0);
    } while (r < 0 && errno == EINTR);
    *got = r > 0 ? (size_t)r : 0;
    if (r < 0 && errno != EAGAIN) {
        return wr_conn_fail(c, errno);
    }
    /* A short read means empty, unless the FIN came in the same event: it shows in the next read. */
    if (r <= 0 || ((size_t)r < n && !c->ev.rdhup)) {
        c->ev.readable = false;
    }
    return r > 0 ? WR_IO_OK : r == 0 ? WR_IO_EOF : WR_IO_AGAIN;
}

enum wr_io
wr_transport_give(struct wr_conn *c, const void *p, size_t n, size_t *sent)
{
    ssize_t w;

    do {
        w = send(c->ev.fd, p, n, MSG_NOSIGNAL);
    } while (w < 0 && errno == EINTR);
    *sent = w > 0 ? (size_t)w : 0;
    c->sent_bytes += *sent;
    if (w < 0 && errno != EAGAIN) {
        return wr_conn_fail(c, errno);
    }
    if (w < 0) {
        c->ev.writable = false;
        return WR_IO_AGAIN;
    }
    return WR_IO_OK;
}
