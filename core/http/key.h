/*
 * Parts of a request that the configuration names: what things are counted or
 * chosen by.
 */
#ifndef WR_HTTP_KEY_H
#define WR_HTTP_KEY_H

#include "core/http/request.h"

/* The value of the key in r, from its arena; false: the request has none. */
bool wr_key_value(struct wr_req *r, const struct wr_key *key, struct wr_str *out);
/* The value of the first cookie of that name (case counts) in all Cookie fields; false: there is none. */
bool wr_cookie_find(const struct wr_head *h, struct wr_str name, struct wr_str *value);

#endif
