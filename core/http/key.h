/*
 * What a configured key (struct wr_key) is for a request: the text that it is
 * counted, limited or sent to a server by.
 */
#ifndef WR_HTTP_KEY_H
#define WR_HTTP_KEY_H

#include "core/http/request.h"

/*
 * False when the request has none; an empty one is one.  *out lives as long as
 * the request.
 *
 *   CLIENT_IP  the client's address as text
 *   HOST       in lower case, without port
 *   PATH       canonical
 *   URI        the canonical path and, when there is something in it, "?" and the query as it came
 *   HEADER     the field of that name in any case; several are joined with ", "
 *   COOKIE     the first of exactly that name, as wr_cookie_find reads it
 *   QUERY      the first parameter whose decoded name is that, its value decoded ('+' stays)
 */
bool wr_key_value(struct wr_req *r, const struct wr_key *key, struct wr_str *out);

#endif
