/*
 * Who of many has the least to do: an indexed heap of the members 0 to n - 1,
 * in the order of (load + 1) / weight, compared exactly.  Of equal ones that
 * which was served longest ago comes first (those never served by their
 * index), so equals are served in turn.  After init nothing is allocated.
 */
#ifndef WR_UPSTREAM_LEAST_H
#define WR_UPSTREAM_LEAST_H

#include "core/base/base.h"

#define WR_LEAST_NONE UINT32_MAX

struct wr_least {
    struct wr_least_member *members;
    uint32_t *heap;
    uint32_t heap_n; /* members that are in */
    uint32_t n;
    uint64_t turns; /* how often one was served */
};

/* Room for n members, none of them in. */
void wr_least_init(struct wr_least *l, uint32_t n);
void wr_least_fini(struct wr_least *l);

/* Puts a member in, or changes one that is in: O(log n).  weight > 0. */
void wr_least_set(struct wr_least *l, uint32_t member, uint32_t load, uint32_t weight);
/* Takes a member out, if it is in: O(log n).  It keeps its turn. */
void wr_least_drop(struct wr_least *l, uint32_t member);
bool wr_least_has(const struct wr_least *l, uint32_t member);
/* The first in the order, or WR_LEAST_NONE when nobody is in: O(1). */
uint32_t wr_least_first(const struct wr_least *l);
/* The member was handed out: among its equals it is the last from now on.  Whether it is in or not: O(log n). */
void wr_least_serve(struct wr_least *l, uint32_t member);

#endif
