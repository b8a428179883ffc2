/*
 * Retries.  Safe by construction: what was written is sent again only when the
 * method is idempotent and the whole body is still held.
 */
#include "core/upstream/retry.h"

static bool
retry_is_dead_pooled(const struct wr_retry_facts *f)
{
    return f->reused && !f->got_byte && (f->why == WR_E_UPSTREAM_CLOSED || f->why == WR_E_UPSTREAM_RESET);
}

bool
wr_retry_is_fault(const struct wr_retry_facts *f)
{
    return !retry_is_dead_pooled(f) && f->why != WR_E_TUNNEL_IDLE && f->why != WR_E_UPSTREAM_TLS_SETUP;
}

static bool
retry_names_status(const struct wr_retry_facts *f)
{
    for (unsigned i = 0; i < f->conf->statuses_n; i++) {
        if (f->conf->statuses[i] == f->status) {
            return true;
        }
    }
    return false;
}

/* Whether `retry` says so for this kind of failure. */
static bool
retry_is_wanted(const struct wr_retry_facts *f)
{
    if (f->why == WR_E_UPSTREAM_STATUS) {
        return f->idempotent && retry_names_status(f);
    }
    if (!f->wrote) {
        return f->conf->connect;
    }
    return f->conf->idempotent && f->idempotent && !f->got_head;
}

enum wr_retry
wr_retry_decide(const struct wr_retry_facts *f, enum wr_err *reason)
{
    bool dead_pooled = retry_is_dead_pooled(f);

    *reason = dead_pooled ? WR_E_UPSTREAM_CLOSED_REUSED : f->why;
    if (f->head_sent || !f->body_held || f->why == WR_E_UPSTREAM_TLS_SETUP) {
        return WR_RETRY_NO;
    }
    if (dead_pooled && !f->fresh_retry_used && (f->idempotent || !f->wrote)) {
        return WR_RETRY_FRESH;
    }
    if (f->more_addresses && !f->wrote) {
        return WR_RETRY_ADDRESS;
    }
    return f->servers_left && f->retries < f->conf->times && retry_is_wanted(f) ? WR_RETRY_SERVER
                                                                                : WR_RETRY_NO;
}
