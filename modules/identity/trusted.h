/*
 * What a trusted proxy says about the client: Forwarded (RFC 7239) and the
 * X-Forwarded-* fields, read from the right to the first address that is not
 * trusted itself.
 */
#ifndef WR_IDENTITY_TRUSTED_H
#define WR_IDENTITY_TRUSTED_H

#include "core/module.h"

struct wr_trusted_word {
    bool has_client;
    struct wr_ip client;
    struct wr_str scheme; /* "http", "https" or empty */
    struct wr_str host;
    struct wr_str chain; /* in the form of X-Forwarded-For; from the arena */
    unsigned hops;       /* members from the right that are the word of somebody trusted */
    bool malformed;      /* a Forwarded could be read in part only */
    bool disagrees;      /* Forwarded and X-Forwarded-* name different clients, schemes or hosts */
};

/* Whether ip is in trusted_proxies. */
bool wr_trusted_is(const struct wr_req *r, const struct wr_ip *ip);
/* All that r's fields say; the peer is known to be trusted. */
void wr_trusted_read(struct wr_req *r, struct wr_trusted_word *word);
/* Takes the next member off a list that commas alone separate: a quote that a client left open hides nothing. */
bool wr_trusted_member(struct wr_str *rest, struct wr_str *member);

#endif
