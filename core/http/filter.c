/*
 * Chains of filters, both ways.
 */
#include "core/http/filter.h"

#include "core/http/front_table.h"
#include "core/http/response.h"

static struct wr_filter *
filter_insert(struct wr_req *r, struct wr_filter **at, const struct wr_filter_ops *ops, void *state)
{
    struct wr_filter *f = wr_pool_alloc(&r->pool, sizeof(*f));

    while (*at != NULL && (*at)->ops->place <= ops->place) {
        at = &(*at)->next;
    }
    *f = (struct wr_filter){.ops = ops, .next = *at, .state = state};
    *at = f;
    return f;
}

struct wr_filter *
wr_filter_push(struct wr_req *r, const struct wr_filter_ops *ops, void *state)
{
    wr_assert(!r->head_sent);
    return filter_insert(r, &r->filters, ops, state);
}

struct wr_filter *
wr_filter_push_request(struct wr_req *r, const struct wr_filter_ops *ops, void *state)
{
    wr_assert(!r->body.started);
    struct wr_filter *f = filter_insert(r, &r->req_filters, ops, state);
    f->request = true;
    return f;
}

/* From filter f on (NULL: the front). */
void
wr_filter_head_from(struct wr_filter *f, struct wr_req *r, bool more)
{
    while (f != NULL && f->ops->head == NULL) {
        f = f->next;
    }
    if (f != NULL) {
        f->ops->head(f, r, more);
    } else {
        wr_resp_head_out(r, more);
    }
}

void
wr_filter_head(struct wr_filter *f, struct wr_req *r, bool more)
{
    if (!f->ended) {
        wr_filter_head_from(f->next, r, more);
    }
}

void
wr_filter_body(struct wr_filter *f, struct wr_req *r, struct wr_chain *ch, bool last)
{
    if (f->ended) {
        wr_chain_free(ch);
    } else if (f->next != NULL) {
        f->next->ops->body(f->next, r, ch, last);
    } else if (f->request) {
        wr_body_arrive(r, ch, last);
    } else {
        wr_resp_body_out(r, ch, last);
    }
}

size_t
wr_filter_room(const struct wr_filter *f, const struct wr_req *r)
{
    if (f == NULL) {
        return r->front->room(r);
    }
    size_t next = wr_filter_room(f->next, r);
    return f->ops->room ? f->ops->room(f, r, next) : next;
}

/* From the client backwards: who holds bytes passes them on before more is asked for. */
void
wr_filter_credit(struct wr_filter *f, struct wr_req *r)
{
    if (f == NULL) {
        return;
    }
    wr_filter_credit(f->next, r);
    if (f->ops->credit != NULL && !r->ending && !f->ended) {
        f->ops->credit(f, r);
    }
}

void
wr_filter_end(struct wr_filter *f, struct wr_req *r)
{
    for (; f != NULL; f = f->next) {
        f->ended = true;
        if (f->ops->end != NULL) {
            f->ops->end(f, r);
        }
    }
}
