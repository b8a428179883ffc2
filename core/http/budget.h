/*
 * The buffer budget of a worker (CORE-RULES 20): what all buffers in use may
 * come to, `buffers` in [weir].  At 70% the water marks halve, at 85% nobody
 * new is accepted and idle connections go, at 100% reads of requests wait;
 * responses in progress come first.
 */
#ifndef WR_HTTP_BUDGET_H
#define WR_HTTP_BUDGET_H

#include "core/base/buf.h"
#include "core/http/service.h"

enum wr_budget { WR_BUDGET_FINE, WR_BUDGET_HALVE, WR_BUDGET_NO_NEW, WR_BUDGET_FULL };

static inline enum wr_budget
wr_budget_level(const struct wr_service *sv)
{
    uint64_t most = sv->model->weir.buffers_bytes, used = wr_buf_in_use_bytes();

    if (wr_likely(used * 10 < most * 7)) {
        return WR_BUDGET_FINE;
    }
    if (used * 100 < most * 85) {
        return WR_BUDGET_HALVE;
    }
    return used < most ? WR_BUDGET_NO_NEW : WR_BUDGET_FULL;
}

#endif
