/*
 * Client connections of a worker: counting, shedding, draining.
 */
#include "core/front/front.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/front/front_preface.h"

#define FRONT_FDS_PER_CLIENT 2 /* its own and an upstream's */
#define FRONT_FDS_RESERVED 64
#define FRONT_DRAIN_TICK_MS 100

static uint32_t
front_most(const struct wr_service *sv)
{
    struct rlimit rl = {0};

    if (sv->model->weir.max_connections > 0) {
        return (uint32_t)sv->model->weir.max_connections;
    }
    getrlimit(RLIMIT_NOFILE, &rl);
    rlim_t fds = WR_MIN(rl.rlim_cur, (rlim_t)1 << 20);
    return fds > 2 * FRONT_FDS_RESERVED ? (uint32_t)((fds - FRONT_FDS_RESERVED) / FRONT_FDS_PER_CLIENT) : 32;
}

static void front_on_drain_timer(struct wr_timer *t);
static void front_on_empty(struct wr_task *t);

void
wr_front_worker_start(struct wr_service *sv)
{
    struct wr_front_worker *fw = wr_calloc(1, sizeof(*fw));

    fw->sv = sv;
    fw->most = front_most(sv);
    for (unsigned i = 0; i < WR_FRONT_STAGES; i++) {
        wr_list_init(&fw->stages[i]);
    }
    wr_timer_init(&fw->drain_timer, front_on_drain_timer);
    wr_timer_init(&fw->pressure_timer, wr_front_on_pressure);
    fw->empty_task.fn = front_on_empty;
    sv->front = fw;
}

void
wr_front_worker_stop(struct wr_service *sv)
{
    struct wr_front_worker *fw = sv->front;

    wr_timer_stop(&sv->loop->wheel, &fw->drain_timer);
    wr_timer_stop(&sv->loop->wheel, &fw->pressure_timer);
    wr_loop_unpost(&fw->empty_task);
    free(fw);
    sv->front = NULL;
}

uint32_t
wr_front_count(const struct wr_service *sv)
{
    return sv->front->count;
}

/* In this order: the oldest idle connection, then the one longest in its handshake, then in its head (CONFIG.md). */
static bool
front_shed_one(struct wr_front_worker *fw)
{
    static const struct {
        enum wr_front_stage stage;
        const char *name;
    } order[] = {{WR_FRONT_IDLE, "idle"}, {WR_FRONT_HELLO, "in_handshake"}, {WR_FRONT_HEAD, "in_head"}};
    uint32_t dropped = 0;

    for (unsigned i = 0; i < WR_ARRAY_LEN(order); i++) {
        struct wr_front_session *s =
            wr_list_first(&fw->stages[order[i].stage], struct wr_front_session, link);
        if (s != NULL) {
            wr_slot_count(fw->sv->slot, WR_C_SHED, 1);
            if (wr_log_gate(&fw->shed_gate, 1, &dropped)) {
                wr_log(WR_LOG_WARN, "at max_connections reason=overload connections=%u closed=%s more=%u",
                       fw->count, order[i].name, dropped);
            }
            s->proto->shed(s);
            return true;
        }
    }
    return false;
}

static void
front_refuse(struct wr_front_worker *fw, int fd)
{
    uint32_t dropped = 0;

    wr_slot_count(fw->sv->slot, WR_C_SHED, 1);
    if (wr_log_gate(&fw->shed_gate, 1, &dropped)) {
        wr_log(WR_LOG_WARN, "at max_connections reason=overload connections=%u closed=new more=%u", fw->count,
               dropped);
    }
    close(fd);
}

void
wr_front_accept(struct wr_service *sv, const struct wr_listen *ls, int fd, const struct wr_addr *peer)
{
    struct wr_front_worker *fw = sv->front;
    const struct wr_front_proto *proto = ls->proxy_protocol ? &wr_front_preface : wr_front_opening(ls);

    if (wr_unlikely(fw->count >= fw->most) && !front_shed_one(fw)) {
        front_refuse(fw, fd);
        return;
    }
    struct wr_front_session *s = wr_front_session_new(sv, proto);
    s->c = wr_conn_accepted(sv->loop, fd, &wr_transport_plain, proto->owner, s);
    wr_ip_of_addr(peer, &s->client.sock_ip);
    s->client.sock_port = wr_addr_port(peer);
    s->client.peer_ip = s->client.sock_ip;
    s->client.peer_port = s->client.sock_port;
    s->client.listen = ls;
    s->client.conn_id = s->c->id;
    fw->count++;
    wr_slot_count(sv->slot, WR_C_ACCEPTED, 1);
    wr_slot_count(sv->slot, WR_C_CONNECTIONS, 1);
    wr_front_enter(s, WR_FRONT_IDLE);
    proto->start(s);
}

/* ---- draining ---- */

static void
front_on_empty(struct wr_task *t)
{
    struct wr_front_worker *fw = wr_container(t, struct wr_front_worker, empty_task);

    if (fw->count == 0 && fw->sv->on_empty != NULL) {
        fw->sv->on_empty(fw->sv);
    }
}

static void
front_drain_stage(struct wr_front_worker *fw, enum wr_front_stage stage, bool grace_over)
{
    wr_list_for_safe(l, next, &fw->stages[stage])
    {
        struct wr_front_session *s = wr_list_entry(l, struct wr_front_session, link);
        s->proto->drain(s, grace_over);
    }
}

/*
 * At a stop `drain` bounds everything.  At a reload it ends what has moved no
 * byte for that long, tunnels after tunnel_drain; the protocol knows.
 */
static void
front_on_drain_timer(struct wr_timer *t)
{
    struct wr_front_worker *fw = wr_container(t, struct wr_front_worker, drain_timer);
    struct wr_service *sv = fw->sv;
    uint64_t gone_ms = wr_clock.mono_ms - fw->drain_began_ms;
    bool over = gone_ms >= sv->model->weir.drain_ms;

    front_drain_stage(fw, WR_FRONT_IDLE, over);
    front_drain_stage(fw, WR_FRONT_HELLO, over);
    front_drain_stage(fw, WR_FRONT_HEAD, over);
    front_drain_stage(fw, WR_FRONT_BUSY, over);
    wr_loop_timer(sv->loop, &fw->drain_timer, wr_clock.mono_ms + FRONT_DRAIN_TICK_MS);
}

void
wr_front_drain(struct wr_service *sv, bool stop)
{
    struct wr_front_worker *fw = sv->front;

    if (!sv->draining) {
        fw->drain_began_ms = wr_clock.mono_ms;
    }
    sv->draining = true;
    sv->stopping = sv->stopping || stop;
    for (unsigned i = 0; i < WR_FRONT_CLOSING; i++) {
        front_drain_stage(fw, i, false);
    }
    wr_loop_timer(sv->loop, &fw->drain_timer, wr_clock.mono_ms + FRONT_DRAIN_TICK_MS);
    wr_loop_post(sv->loop, &fw->empty_task);
}
