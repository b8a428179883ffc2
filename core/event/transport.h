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

#endif
