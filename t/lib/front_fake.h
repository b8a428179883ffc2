/*
 * A front without a socket: the second implementation of core/http's table
 * towards clients.  It holds each of the table's promises to account.
 */
#ifndef WR_LIB_FRONT_FAKE_H
#define WR_LIB_FRONT_FAKE_H

#include "core/http/front_table.h"
#include "t/lib/bare_worker.h"

struct front_fake {
    struct wr_req *r; /* NULL: has ended */
    struct wr_token token;

    /* the request's body: bytes of the stream of bare_worker_byte */
    uint64_t body_bytes;
    uint64_t body_at;
    uint64_t stops_at; /* the client pauses there; 0: does not */
    size_t piece;      /* bytes of one push; 0: 8192 */
    bool pushes;       /* on credit, from a task of its own */
    bool body_over;
    struct wr_task push_task;

    /* what the client takes of the response */
    size_t room;      /* left; SIZE_MAX: no end */
    bool ends_late;   /* the test calls wr_req_end itself */
    bool checks_body; /* the response is the stream, too */
    uint16_t status;
    uint64_t got;
    char head[200]; /* the beginning of the body */
    unsigned heads;
    bool head_more;
    bool over; /* the last byte is here */
    bool trailers;
    bool wrong; /* a promise was broken */
    unsigned credits;
    unsigned continues;
    unsigned informs;
    bool tunnel;
    bool aborted;
    enum wr_err why;
    unsigned ended;
    /* what the request was at its end */
    uint16_t end_status;
    enum wr_err end_err;
};

static inline struct front_fake *
front_fake_of(const struct wr_req *r)
{
    return r->fs;
}

/* Pushes as the client would: never from within a call of the middle's. */
static inline void
front_fake_push(struct front_fake *f)
{
    while (f->r != NULL && !f->r->ending && !f->body_over && wr_body_room(f->r) > 0 &&
           (f->stops_at == 0 || f->body_at < f->stops_at)) {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        uint64_t n = WR_MIN(f->body_bytes - f->body_at, (uint64_t)(f->piece ? f->piece : 8192));
        n = WR_MIN(n, (uint64_t)wr_body_room(f->r));
        bare_worker_fill(&ch, f->body_at, (size_t)n);
        f->body_at += n;
        f->body_over = f->body_at == f->body_bytes;
        f->r->received_bytes += n;
        wr_body_push(f->r, &ch, f->body_over);
        f->wrong = f->wrong || ch.bytes > 0;
    }
}

static inline void
front_fake_on_push(struct wr_task *t)
{
    front_fake_push(wr_container(t, struct front_fake, push_task));
}

static inline void
front_fake_credit(struct wr_req *r)
{
    struct front_fake *f = front_fake_of(r);

    f->credits++;
    if (f->pushes) {
        wr_loop_post(r->sv->loop, &f->push_task);
    }
}

static inline void
front_fake_send_inform(struct wr_req *r, uint16_t status, const struct wr_head *head)
{
    struct front_fake *f = front_fake_of(r);

    f->wrong = f->wrong || f->heads > 0 || r->ending || (status == 100 && head != NULL);
    f->continues += status == 100;
    f->informs += status != 100;
}

static inline void
front_fake_send_head(struct wr_req *r, bool more)
{
    struct front_fake *f = front_fake_of(r);

    f->wrong = f->wrong || f->heads > 0 || r->ending || !r->head_sent || r->parked;
    f->heads++;
    f->status = r->status;
    f->head_more = more;
}

static inline void
front_fake_finish(struct wr_req *r)
{
    struct front_fake *f = front_fake_of(r);

    f->over = true;
    if (!f->ends_late) {
        wr_req_end(r);
    }
}

static inline void
front_fake_send_body(struct wr_req *r, struct wr_chain *ch, bool last)
{
    struct front_fake *f = front_fake_of(r);

    f->wrong = f->wrong || f->heads != 1 || f->over || f->aborted || r->ending;
    if (f->room != SIZE_MAX) {
        f->room -= WR_MIN(f->room, ch->bytes);
    }
    for (const struct wr_slice *s = ch->first; s != NULL && f->got < sizeof(f->head) - 1; s = s->next) {
        size_t n = WR_MIN(s->n, sizeof(f->head) - 1 - (size_t)f->got);
        memcpy(f->head + f->got, s->p, n);
        f->head[f->got + n] = '\0';
        break;
    }
    size_t n = ch->bytes;
    bool same = bare_worker_check(ch, f->got);
    f->wrong = f->wrong || (f->checks_body && !same);
    f->got += n;
    if (last) {
        front_fake_finish(r);
    }
}

static inline void
front_fake_send_trailers(struct wr_req *r, const struct wr_head *trailers)
{
    struct front_fake *f = front_fake_of(r);

    f->wrong = f->wrong || f->heads != 1 || f->over || f->aborted || trailers->n == 0;
    f->trailers = true;
    front_fake_finish(r);
}

static inline size_t
front_fake_room(const struct wr_req *r)
{
    return front_fake_of(r)->room;
}

static inline void
front_fake_tunnel(struct wr_req *r)
{
    front_fake_of(r)->tunnel = true;
}

static inline void
front_fake_abort(struct wr_req *r, enum wr_err why)
{
    struct front_fake *f = front_fake_of(r);

    f->wrong = f->wrong || f->aborted || f->over;
    f->aborted = true;
    f->why = why;
    wr_req_end(r);
}

static inline void
front_fake_ended(struct wr_req *r)
{
    struct front_fake *f = front_fake_of(r);

    f->wrong = f->wrong || f->r != r || !r->ending;
    f->ended++;
    f->end_status = r->status;
    f->end_err = r->err;
    wr_loop_unpost(&f->push_task);
    f->r = NULL;
}

static const struct wr_front_ops front_fake_ops = {
    .name = "fake",
    .caps = WR_CAP_TRAILERS | WR_CAP_INFORMS | WR_CAP_CHUNKED,
    .credit = front_fake_credit,
    .send_inform = front_fake_send_inform,
    .send_head = front_fake_send_head,
    .send_body = front_fake_send_body,
    .send_trailers = front_fake_send_trailers,
    .room = front_fake_room,
    .tunnel = front_fake_tunnel,
    .abort = front_fake_abort,
    .ended = front_fake_ended,
};

/* A request whose head is there; its body (length -1: chunked, 0 with body_bytes 0: none) comes later. */
static inline struct wr_req *
front_fake_request(struct front_fake *f, struct bare_worker *w, enum wr_method method, int64_t length)
{
    struct wr_req *r = wr_req_new(&w->sv, &front_fake_ops, f, &w->client);

    f->r = r;
    f->token = wr_req_token(r);
    f->push_task.fn = front_fake_on_push;
    if (f->room == 0) {
        f->room = SIZE_MAX;
    }
    r->method_id = method;
    r->method = method == WR_M_GET ? WR_STR("GET") : WR_STR("POST");
    r->target = r->path = WR_STR("/");
    if (length != 0 || f->body_bytes > 0) {
        r->body.present = true;
        r->body.length = length;
    }
    return r;
}

/* Everything went as promised, and r is gone. */
static inline bool
front_fake_clean(const struct front_fake *f, const struct bare_worker *w)
{
    return !f->wrong && f->ended == 1 && f->r == NULL &&
        wr_req_of((struct wr_service *)&w->sv, f->token) == NULL;
}

#endif
