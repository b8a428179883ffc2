/*
 * Retries.  Safe by construction: what was written is sent again only when the
 * method is idempotent and the whole body is still held.
 */
#include "core/upstream/retry.h"

#define RETRY_ATTEMPTS_MOST 8

static bool
retry_is_connect(enum wr_err why)
{
    return why == WR_E_UPSTREAM_CONNECT || why == WR_E_UPSTREAM_CONNECT_TIMEOUT;
}

enum wr_retry
wr_retry_decide(const struct wr_retry_facts *f, enum wr_err *reason)
{
    bool dead_pooled =
        f->reused && !f->got_byte && (f->why == WR_E_UPSTREAM_CLOSED || f->why == WR_E_UPSTREAM_RESET);

    *reason = f->why;
    if (dead_pooled) {
        *reason = WR_E_UPSTREAM_CLOSED_REUSED;
    }
    if (f->head_sent || f->got_byte || !f->body_held || f->attempts >= RETRY_ATTEMPTS_MOST) {
        return WR_RETRY_NO;
    }
    if (dead_pooled) {
        return !f->fresh_retry_used && (f->idempotent || !f->wrote) ? WR_RETRY_FRESH : WR_RETRY_NO;
    }
    if (!retry_is_connect(f->why)) {
        return WR_RETRY_NO;
    }
    if (f->more_addresses) {
        return WR_RETRY_ADDRESS;
    }
    return f->servers_left ? WR_RETRY_SERVER : WR_RETRY_NO;
}
