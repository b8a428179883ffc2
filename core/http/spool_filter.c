/*
 * Response bytes that the client does not take yet wait in a spool: memory
 * first, then a temporary file of at most `buffer.file` bytes; when that is
 * full (or the disk is), the upstream is read as slowly as the client reads.
 */
#include "core/http/spool_filter.h"

#include "core/http/filter.h"
#include "core/http/response.h"
#include "core/http/spool.h"

struct spool_filter {
    struct wr_filter *f;
    struct wr_req *r;
    struct wr_spool *sp; /* NULL: the client has kept up */
    bool last;           /* the upstream has sent all */
    bool over;           /* all was passed on */
};

/* Passes on what is there, as far as there is room for it. */
static void
spool_filter_pump(struct spool_filter *st)
{
    while (st->sp != NULL && !st->over && !st->r->ending) {
        struct wr_chain out = WR_CHAIN_INIT(out);
        size_t room = wr_filter_room(st->f->next, st->r);
        if (room > 0) {
            wr_spool_read(st->sp, &out, room);
        }
        st->over = st->last && wr_spool_waiting_bytes(st->sp) == 0;
        if (out.bytes == 0 && !st->over) {
            return;
        }
        wr_filter_body(st->f, st->r, &out, st->over);
    }
}

/* More can be read, or there is room for the upstream again. */
static void
spool_filter_changed(void *arg)
{
    struct spool_filter *st = arg;

    if (st->r->ending) {
        return;
    }
    if (wr_spool_error(st->sp) != WR_E_NONE) {
        wr_req_fail(st->r, wr_spool_error(st->sp));
        return;
    }
    wr_req_credit(st->r);
}

static void
spool_filter_body(struct wr_filter *f, struct wr_req *r, struct wr_chain *ch, bool last)
{
    struct spool_filter *st = f->state;

    if (st->sp == NULL && ch->bytes <= wr_filter_room(f->next, r)) {
        wr_filter_body(f, r, ch, last);
        return;
    }
    if (st->sp == NULL) {
        st->sp = wr_spool_new(r, WR_SPOOL_QUEUE, r->route->conf.buffer_file, spool_filter_changed, st);
    }
    st->last = last;
    wr_spool_write(st->sp, ch);
    spool_filter_pump(st);
}

static size_t
spool_filter_room(const struct wr_filter *f, const struct wr_req *r, size_t next_room)
{
    const struct spool_filter *st = f->state;
    size_t most = (size_t)WR_MIN(r->route->conf.buffer_file, (uint64_t)WR_SPOOL_MEMORY_BYTES);

    return st->sp != NULL ? wr_spool_room(st->sp) : WR_MAX(next_room, most);
}

static void
spool_filter_credit(struct wr_filter *f, struct wr_req *r)
{
    (void)r;
    spool_filter_pump(f->state);
}

static void
spool_filter_end(struct wr_filter *f, struct wr_req *r)
{
    struct spool_filter *st = f->state;

    (void)r;
    wr_spool_free(st->sp);
    st->sp = NULL;
}

static const struct wr_filter_ops spool_filter_ops = {
    .name = "spool",
    .place = WR_PLACE_SPOOL,
    .body = spool_filter_body,
    .room = spool_filter_room,
    .credit = spool_filter_credit,
    .end = spool_filter_end,
};

static bool
spool_filter_is_stream(const struct wr_req *r)
{
    struct wr_str type = wr_head_value(&r->resp, WR_N_CONTENT_TYPE);
    ptrdiff_t end = wr_str_find(type, ';');

    if (end >= 0) {
        type.n = (size_t)end;
    }
    return wr_str_ieq(wr_str_trim(type), WR_STR("text/event-stream")) ||
        wr_str_ieq(wr_head_value(&r->resp, WR_N_X_ACCEL_BUFFERING), WR_STR("no"));
}

void
wr_spool_filter_push(struct wr_req *r)
{
    const struct wr_route_conf *conf = &r->route->conf;

    /* What buffer.response holds frees the upstream without any of this, and may be spliced. */
    if (r->local || r->resp_no_body || r->tunnel || r->resp_length < 0 || conf->buffer_file == 0 ||
        (uint64_t)r->resp_length <= conf->buffer_response || spool_filter_is_stream(r)) {
        return;
    }
    struct spool_filter *st = wr_pool_zalloc(&r->pool, sizeof(*st));
    st->r = r;
    st->f = wr_filter_push(r, &spool_filter_ops, st);
}
