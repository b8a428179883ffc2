/*
 * An indexed binary heap of servers by load: (load + 1) / weight, compared
 * exactly; of equals the one that was taken longest ago comes first.
 */
#ifndef WR_UPSTREAM_LESSHEAP_H
#define WR_UPSTREAM_LESSHEAP_H

#include "core/base/base.h"

struct wr_lessheap_entry {
    uint64_t turn; /* when it was taken last */
    uint32_t load;
    uint32_t weight;
    uint32_t at; /* its place in `order` */
};

struct wr_lessheap {
    struct wr_lessheap_entry *v; /* by member */
    uint32_t *order;             /* members as a heap */
    uint32_t n;
    uint64_t turn;
};

/* Members 0 to n - 1 with load 0 and weight 1.  n > 0. */
void wr_lessheap_init(struct wr_lessheap *h, uint32_t n);
void wr_lessheap_fini(struct wr_lessheap *h);
/* weight > 0. */
void wr_lessheap_set(struct wr_lessheap *h, uint32_t member, uint32_t load, uint32_t weight);
/* As set, and it stands behind its equals from now on. */
void wr_lessheap_took(struct wr_lessheap *h, uint32_t member, uint32_t load, uint32_t weight);
static inline uint32_t
wr_lessheap_root(const struct wr_lessheap *h)
{
    return h->order[0];
}
static inline uint32_t
wr_lessheap_load(const struct wr_lessheap *h, uint32_t member)
{
    return h->v[member].load;
}

#endif
