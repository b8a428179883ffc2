/*
 * TLS towards servers, for backs and health checks: whom a certificate has to
 * be for, how hands begin to be shaken, and what a handshake failed with.
 */
#ifndef WR_UPSTREAM_BACK_TLS_H
#define WR_UPSTREAM_BACK_TLS_H

#include "core/base/err.h"
#include "core/conf/model.h"
#include "core/event/conn.h"

/*
 * Whom the certificate of a server has to be for: tls.name; else `host`, when
 * the server has one that was looked up; else the host of the address that it
 * goes by ("app.internal:443", "10.0.0.1:443", "[::1]:443").  Without a final
 * dot.  Empty: a unix socket has none.  A slice of what was given.
 */
struct wr_str wr_back_tls_name(const struct wr_upstream_conf *conf, struct wr_str host,
                               struct wr_str address);
/*
 * Puts TLS on c, which is connected to `to`; c->transport->handshake goes on.
 * Not NONE: it cannot be done, and c is as it was.
 */
enum wr_err wr_back_tls_begin(const struct wr_secure *secure, struct wr_conn *c, const struct wr_upstream *up,
                              struct wr_str name, const struct wr_addr *to);
/* What the handshake of c failed with, and TLS's own words for it ("" when there are none). */
enum wr_err wr_back_tls_fault(const struct wr_conn *c, const char **why);

#endif
