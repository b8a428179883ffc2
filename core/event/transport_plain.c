/*
 * The transport that is the socket itself.
 */
#include "core/event/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/event/conn.h"
#include "core/event/pipe.h"

#define PLAIN_IOV_MOST 64

static enum wr_io
transport_plain_handshake(struct wr_conn *c)
{
    (void)c;
    return WR_IO_OK;
}

static enum wr_io
transport_plain_recv(struct wr_conn *c, char *p, size_t n, size_t *got)
{
    enum wr_io io = wr_transport_take(c, p, n, got);

    if (io == WR_IO_EOF) {
        c->eof = true;
    }
    return io;
}

/* Gathers what stands in memory at the front of the chain. */
static ssize_t
transport_plain_send_memory(struct wr_conn *c, const struct wr_chain *out, size_t *asked)
{
    struct iovec iov[PLAIN_IOV_MOST];
    int n = 0;

    *asked = 0;
    for (const struct wr_slice *s = out->first; s != NULL && n < PLAIN_IOV_MOST; s = s->next) {
        if (s->kind != WR_SLICE_MEM && s->kind != WR_SLICE_SHM) {
            break;
        }
        iov[n].iov_base = (void *)(uintptr_t)s->p;
        iov[n++].iov_len = s->n;
        *asked += s->n;
    }
    if (n == 1) {
        return send(c->ev.fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL);
    }
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)n};
    return sendmsg(c->ev.fd, &m, MSG_NOSIGNAL);
}

static ssize_t
transport_plain_send_slice(struct wr_conn *c, const struct wr_chain *out, size_t *asked)
{
    const struct wr_slice *s = out->first;
    off_t off = s->off;

    switch (s->kind) {
    case WR_SLICE_FILE:
        *asked = s->n;
        return sendfile(c->ev.fd, s->fd, &off, s->n);
    case WR_SLICE_PIPE:
        *asked = s->n;
        return splice(s->fd, NULL, c->ev.fd, NULL, s->n,
                      SPLICE_F_NONBLOCK | SPLICE_F_MOVE | (s->next ? SPLICE_F_MORE : 0));
    case WR_SLICE_MEM:
    case WR_SLICE_SHM:
        break;
    }
    return transport_plain_send_memory(c, out, asked);
}

static enum wr_io
transport_plain_send(struct wr_conn *c, struct wr_chain *out)
{
    while (!wr_chain_empty(out)) {
        size_t asked;
        ssize_t w = transport_plain_send_slice(c, out, &asked);
        if (w > 0) {
            c->sent_bytes += (uint64_t)w;
            if (out->first->kind == WR_SLICE_PIPE) {
                ((struct wr_pipe *)out->first->pin_arg)->bytes -= (size_t)w;
            }
            wr_chain_drop(out, (size_t)w);
            if ((size_t)w < asked) {
                /* Full, or nearly: epoll tells when there is room (measured: a retry is EAGAIN). */
                c->ev.writable = false;
                return WR_IO_AGAIN;
            }
        } else if (w == 0) {
            /* A file that shrank under us: only this response is harmed. */
            return wr_conn_fail(c, EIO);
        } else if (errno == EAGAIN) {
            c->ev.writable = false;
            return WR_IO_AGAIN;
        } else if (errno != EINTR) {
            return wr_conn_fail(c, errno);
        }
    }
    return WR_IO_OK;
}

static bool
transport_plain_pending(const struct wr_conn *c)
{
    (void)c;
    return false;
}

static const struct wr_secure_facts *
transport_plain_facts(const struct wr_conn *c)
{
    (void)c;
    return NULL;
}

static void
transport_plain_shutdown(struct wr_conn *c)
{
    shutdown(c->ev.fd, SHUT_WR);
}

static void
transport_plain_close(struct wr_conn *c)
{
    (void)c;
}

const struct wr_transport wr_transport_plain = {
    .name = "plain",
    .plain = true,
    .handshake = transport_plain_handshake,
    .recv = transport_plain_recv,
    .send = transport_plain_send,
    .pending = transport_plain_pending,
    .facts = transport_plain_facts,
    .shutdown = transport_plain_shutdown,
    .close = transport_plain_close,
};
