/*
 * The Forwarded field (RFC 7239 4): one element at a time.
 */
#ifndef WR_IDENTITY_FORWARDED_H
#define WR_IDENTITY_FORWARDED_H

#include "core/module.h"

/* What one proxy said.  Slices of the input, quotes stripped; none (p NULL) when it was not said. */
struct wr_forwarded {
    struct wr_str node; /* for= */
    struct wr_str proto;
    struct wr_str host;
};

enum wr_forwarded_verdict { WR_FORWARDED_OK, WR_FORWARDED_END, WR_FORWARDED_BAD };

/*
 * Takes the next element off *rest (one field's value).  BAD says that the
 * value as a whole cannot be read, also when only its left part is wrong: a
 * quote that a client left open would swallow what proxies wrote behind it.
 */
enum wr_forwarded_verdict wr_forwarded_next(struct wr_str *rest, struct wr_forwarded *el);

#endif
