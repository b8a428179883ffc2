/*
 * What carries a connection's bytes: plain sockets, or TLS (modules/tls).
 * A table of functions; nothing above it knows which one it is.
 */
#ifndef WR_EVENT_TRANSPORT_H
#define WR_EVENT_TRANSPORT_H

#include <sys/uio.h>

#include "core/base/buf.h"
#include "core/event/secure.h"

struct wr_conn;

struct wr_transport {
    const char *name;
    bool plain; /* bytes on the wire are the bytes given: splice and sendfile are possible */
    /* Goes on with the handshake: OK when done, AGAIN, ERR (c->fault says why). */
    enum wr_io (*handshake)(struct wr_conn *c);
    /* Up to n bytes to p; *got > 0 with OK.  Clears c->ev.readable when it has taken all there is. */
    enum wr_io (*recv)(struct wr_conn *c, char *p, size_t n, size_t *got);
    /* Writes from the front of the chain and drops what was taken; OK when it is empty, AGAIN when the
     * socket is full (c->ev.writable cleared). */
    enum wr_io (*send)(struct wr_conn *c, struct wr_chain *out);
    /* Whether bytes wait inside the transport that epoll does not know of (CORE-RULES 15). */
    bool (*pending)(const struct wr_conn *c);
    /* What the handshake agreed on, or what is known of a failed one; NULL: nothing (plain, or not done). */
    const struct wr_secure_facts *(*facts)(const struct wr_conn *c);
    /* Ends our direction (FIN, close_notify). */
    void (*shutdown)(struct wr_conn *c);
    /* Lets go of the transport's state; the socket is closed by the conn. */
    void (*close)(struct wr_conn *c);
};

extern const struct wr_transport wr_transport_plain;

/*
 * The socket below any transport.
 */
/* Up to n bytes to p; OK: *got > 0 of them.  EOF, AGAIN: *got is 0 and c->ev.readable is cleared, as it is when there
 * was less than n.  ERR: c->failed and c->err. */
enum wr_io wr_transport_take(struct wr_conn *c, void *p, size_t n, size_t *got);
/* Sends from p[0..n), n > 0; OK: *sent > 0 of them went, which c->sent_bytes counts.  AGAIN: none, and c->ev.writable
 * is cleared.  ERR: c->failed and c->err. */
enum wr_io wr_transport_give(struct wr_conn *c, const void *p, size_t n, size_t *sent);

#endif
