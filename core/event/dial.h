/*
 * Opening a connection to an address: non-blocking connect, TCP_NODELAY.
 */
#ifndef WR_EVENT_DIAL_H
#define WR_EVENT_DIAL_H

#include "core/event/conn.h"

/*
 * Starts to connect.  The conn is writable (ev.writable) once connected; an
 * error comes as ev.error with c->err from SO_ERROR (wr_dial_result).  NULL
 * with errno when it fails at once.
 */
struct wr_conn *wr_dial(struct wr_loop *l, const struct wr_addr *to, const struct wr_conn_owner *owner,
                        void *session);
/* OK: connected; AGAIN: not yet; ERR: c->err. */
enum wr_io wr_dial_result(struct wr_conn *c);

#endif
