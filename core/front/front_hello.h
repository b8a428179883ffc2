/*
 * The TLS handshake of a client, before a version of HTTP.
 */
#ifndef WR_FRONT_FRONT_HELLO_H
#define WR_FRONT_FRONT_HELLO_H

#include "core/front/front_session.h"

extern const struct wr_front_proto wr_front_hello;

#endif
