/*
 * A connection: a byte stream with an output queue, on a transport, in the
 * loop.  What the bytes mean is its owner's business (front_h1, back_h1,
 * a listener's preface).  An idle connection owns no buffer.
 *
 * Reads: wr_conn_recv until AGAIN or the turn's share is used up (then
 * wr_conn_yield).  Writes: wr_conn_send takes a chain; what the socket does
 * not take waits in c->out and goes on by itself when it is writable; owner's
 * on_event hears of it.  Memory that waits is bounded by the owner, who looks
 * at c->out_bytes.
 */
#ifndef WR_EVENT_CONN_H
#define WR_EVENT_CONN_H

#include "core/base/buf.h"
#include "core/base/net.h"
#include "core/event/loop.h"
#include "core/event/transport.h"

#define WR_CONN_TURN_BYTES (256 * 1024) /* a connection's share of a turn */
#define WR_CONN_TURN_OPS 16

struct wr_conn {
    struct wr_ev ev;
    struct wr_timer timer; /* the owner's: on_timer */
    struct wr_loop *loop;
    const struct wr_transport *transport;
    void *transport_state;
    const struct wr_conn_owner *owner;
    void *session;       /* the owner's object */
    struct wr_chain out; /* not yet taken by the socket */
    struct wr_buf *in;   /* received and not yet consumed [r, w); NULL when nothing waits */
    uint32_t turn_bytes; /* used up of this turn's share */
    uint16_t turn_ops;
    uint16_t turn;  /* loop turn that the share belongs to (its low bits) */
    int16_t err;    /* errno of the failure */
    uint16_t fault; /* of a handshake: the enum wr_err that names it */
    bool eof;       /* FIN has been read */
    bool last;      /* nothing follows what stands in out: a transport may say goodbye along with it */
    bool shut;      /* our direction is shut */
    bool failed;    /* a read or write failed: err.  What was received before can still be read */
    uint64_t id;    /* for log lines; unique within a worker's life */
    uint64_t sent_bytes;
    struct wr_grave grave;
};

/* The owner of a connection.  Called with the sticky flags in c->ev as they are; one call an event. */
struct wr_conn_owner {
    const char *name;
    /* Something changed: readable, writable (after c->out went on), FIN, error. */
    void (*on_event)(struct wr_conn *c);
    void (*on_timer)(struct wr_conn *c);
};

/* Puts an open, non-blocking socket into the loop.  The conn owns fd.  NULL with errno when epoll refuses. */
struct wr_conn *wr_conn_new(struct wr_loop *l, int fd, const struct wr_transport *t,
                            const struct wr_conn_owner *owner, void *session);
/* The same for a socket that was just accepted (wr_loop_add_late); its first event comes in this turn. */
struct wr_conn *wr_conn_accepted(struct wr_loop *l, int fd, const struct wr_transport *t,
                                 const struct wr_conn_owner *owner, void *session);
/* An event is waited for from now on. */
static inline void
wr_conn_watch(struct wr_conn *c)
{
    wr_loop_watch(c->loop, &c->ev);
}
/* The connection is broken: notes the errno. */
static inline enum wr_io
wr_conn_fail(struct wr_conn *c, int err)
{
    c->err = (int16_t)err;
    c->failed = true;
    return WR_IO_ERR;
}
/* Closes the socket and frees the conn at the end of the turn; no callback comes any more. */
void wr_conn_close(struct wr_conn *c);
/* As close, but the peer gets a RST: for cutting off. */
void wr_conn_reset(struct wr_conn *c);

/*
 * Receives once into c->in (borrowing a buffer of `room` bytes when there is
 * none; making room for at least one more byte otherwise).  OK: c->in has grown.
 * AGAIN: nothing now, or the turn's share is used up (the conn comes again by
 * itself).  EOF: FIN.  ERR: c->err.
 */
enum wr_io wr_conn_recv(struct wr_conn *c, size_t room);
/*
 * Moves up to `most` bytes from the socket into a pipe and appends that as a
 * slice to ch.  Plain transports with nothing waiting in c->in only.  AGAIN also
 * when no pipe is to be had: *no_pipe tells; go on with wr_conn_recv.
 */
enum wr_io wr_conn_splice(struct wr_conn *c, struct wr_chain *ch, size_t most, bool *no_pipe);
/* Whether a wr_conn_recv now could bring something: readable, pending, or FIN to be seen. */
bool wr_conn_can_recv(const struct wr_conn *c);
/* Whether nothing waits to be read and no FIN has come.  When the last read did not tell, it looks into the socket,
 * or, where that holds more than the owner's bytes (TLS), receives: what comes of it stands in c->in and c->eof. */
bool wr_conn_is_quiet(struct wr_conn *c);
/* Gives c->in back when it is empty, or moves few left bytes into a small buffer (end of a turn). */
void wr_conn_settle_in(struct wr_conn *c);
/* Bytes in c->in. */
static inline size_t
wr_conn_in_bytes(const struct wr_conn *c)
{
    return c->in ? c->in->w - c->in->r : 0;
}
/* Puts bytes back before what is there (a preface that read too far). */
void wr_conn_unread(struct wr_conn *c, const char *p, size_t n);

/* Appends the chain (emptied) to c->out and writes what the socket takes.  OK: all gone.  AGAIN: rest waits.
 * ERR: failed; the chain is freed. */
enum wr_io wr_conn_send(struct wr_conn *c, struct wr_chain *ch);
/* Appends without writing: more follows in this turn. */
void wr_conn_queue(struct wr_conn *c, struct wr_chain *ch);
enum wr_io wr_conn_flush(struct wr_conn *c);
/* FIN once c->out is empty (at once if it is). */
void wr_conn_shutdown(struct wr_conn *c);

void wr_conn_timer(struct wr_conn *c, uint64_t due_ms);
/*
 * For a peer that has sent FIN and may have closed its socket altogether: from
 * outside both look the same until something is sent.  Has the kernel ask now and
 * then (keep-alive probes); a peer that is gone shows as ev.error, within about a
 * minute (its kernel remembers the half-closed connection for so long).  A unix
 * socket tells at once (wr_conn_hung_up).
 */
void wr_conn_probe(struct wr_conn *c);
/* Whether both directions are known to be shut. */
bool wr_conn_hung_up(const struct wr_conn *c);

/* Frees the free list of conns (an old worker that only drains). */
void wr_conn_trim(void);
uint32_t wr_conn_count(void);

#endif
