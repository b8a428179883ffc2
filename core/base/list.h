/*
 * Doubly linked lists with the links inside the objects; a list head is a
 * link that points to itself when the list is empty.
 */
#ifndef WR_BASE_LIST_H
#define WR_BASE_LIST_H

#include "core/base/base.h"

struct wr_link {
    struct wr_link *prev;
    struct wr_link *next;
};

static inline void
wr_list_init(struct wr_link *h)
{
    h->prev = h->next = h;
}

static inline bool
wr_list_empty(const struct wr_link *h)
{
    return h->next == h;
}

/* Whether a link that was initialised stands in a list. */
static inline bool
wr_link_used(const struct wr_link *l)
{
    return l->next != NULL && l->next != l;
}

static inline void
wr_list_add_tail(struct wr_link *h, struct wr_link *l)
{
    l->prev = h->prev;
    l->next = h;
    h->prev->next = l;
    h->prev = l;
}

static inline void
wr_list_add_head(struct wr_link *h, struct wr_link *l)
{
    l->next = h->next;
    l->prev = h;
    h->next->prev = l;
    h->next = l;
}

/* Takes l out; l is initialised again, so a second call does nothing. */
static inline void
wr_list_del(struct wr_link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    wr_list_init(l);
}

/* All of `from` goes behind all of h; `from` is empty afterwards. */
static inline void
wr_list_join(struct wr_link *h, struct wr_link *from)
{
    if (wr_list_empty(from)) {
        return;
    }
    from->next->prev = h->prev;
    h->prev->next = from->next;
    from->prev->next = h;
    h->prev = from->prev;
    wr_list_init(from);
}

#define wr_list_entry(l, type, member) wr_container(l, type, member)
#define wr_list_first(h, type, member) (wr_list_empty(h) ? NULL : wr_container((h)->next, type, member))
#define wr_list_for(l, h) for (struct wr_link *l = (h)->next; l != (h); l = l->next)
#define wr_list_for_safe(l, n, h)                                                                            \
    for (struct wr_link *l = (h)->next, *n = l->next; l != (h); l = n, n = l->next)

#endif
