/*
 * A client connection's place among the others, whatever it speaks.
 */
#include "core/front/front_session.h"

#include <stdlib.h>

#include "core/front/front_h1.h"
#include "core/front/front_hello.h"
#include "core/http/budget.h"

const struct wr_front_proto *
wr_front_opening(const struct wr_listen *ls)
{
    return ls->tls ? &wr_front_hello : &wr_front_h1;
}

static void
front_session_leave(struct wr_front_session *s)
{
    wr_list_del(&s->link);
    s->sv->front->hellos -= s->stage == WR_FRONT_HELLO;
}

void
wr_front_enter(struct wr_front_session *s, enum wr_front_stage stage)
{
    front_session_leave(s);
    s->sv->front->hellos += stage == WR_FRONT_HELLO;
    s->stage = (uint8_t)stage;
    s->since_ms = wr_clock.mono_ms;
    wr_list_add_tail(&s->sv->front->stages[stage], &s->link);
}

struct wr_front_session *
wr_front_session_new(struct wr_service *sv, const struct wr_front_proto *proto)
{
    struct wr_front_session *s = wr_calloc(1, proto->session_bytes);

    s->proto = proto;
    s->sv = sv;
    wr_list_init(&s->link);
    return s;
}

void
wr_front_close(struct wr_front_session *s, bool reset)
{
    struct wr_front_worker *fw = s->sv->front;

    if (reset) {
        wr_conn_reset(s->c);
    } else {
        wr_conn_close(s->c);
    }
    front_session_leave(s);
    fw->count--;
    wr_slot_count(s->sv->slot, WR_C_CONNECTIONS, UINT64_MAX);
    if (s->sv->draining && fw->count == 0) {
        wr_loop_post(s->sv->loop, &fw->empty_task);
    }
    free(s);
}

void
wr_front_become(struct wr_front_session *s, const struct wr_front_proto *proto)
{
    struct wr_front_session *n = wr_front_session_new(s->sv, proto);

    n->c = s->c;
    n->client = s->client;
    n->c->owner = proto->owner;
    n->c->session = n;
    front_session_leave(s);
    wr_front_enter(n, WR_FRONT_IDLE);
    free(s);
    proto->start(n);
}

void
wr_front_no_byte(struct wr_front_session *s, const char *why)
{
    struct wr_front_worker *fw = s->sv->front;
    char ip[WR_ADDR_TEXT_BYTES];
    uint32_t dropped = 0;

    wr_slot_count(s->sv->slot, WR_C_NO_FIRST_BYTE, 1);
    if (wr_log_on(WR_LOG_DEBUG) && wr_log_gate(&fw->no_byte_gate, 1, &dropped)) {
        wr_ip_text(&s->client.sock_ip, ip);
        wr_log(WR_LOG_DEBUG, "conn=%llu ended before a byte why=%s client=%s more=%u",
               (unsigned long long)s->c->id, why, ip, dropped);
    }
}

/* ---- pressure ---- */

#define FRONT_SESSION_PRESSURE_MS 20
#define FRONT_SESSION_SHED_MOST 64 /* idle connections that are ended at once */

/* Who waited with a request in the socket may read again. */
static void
front_session_feed(struct wr_front_worker *fw)
{
    static const enum wr_front_stage hungry[] = {WR_FRONT_HEAD, WR_FRONT_IDLE};

    for (unsigned i = 0; i < WR_ARRAY_LEN(hungry); i++) {
        wr_list_for(l, &fw->stages[hungry[i]])
        {
            struct wr_front_session *s = wr_list_entry(l, struct wr_front_session, link);
            if (wr_conn_can_recv(s->c)) {
                wr_loop_more(fw->sv->loop, &s->c->ev);
            }
        }
    }
}

void
wr_front_on_pressure(struct wr_timer *t)
{
    struct wr_front_worker *fw = wr_container(t, struct wr_front_worker, pressure_timer);
    enum wr_budget level = wr_budget_level(fw->sv);

    if (level < WR_BUDGET_FULL) {
        front_session_feed(fw);
    }
    if (level >= WR_BUDGET_NO_NEW) {
        wr_loop_timer(fw->sv->loop, t, wr_clock.mono_ms + FRONT_SESSION_PRESSURE_MS);
        return;
    }
    fw->pressed = false;
    wr_log(WR_LOG_NOTICE, "buffers are below 85%% of the budget bytes=%zu, accepting again",
           wr_buf_in_use_bytes());
    if (fw->sv->accepting != NULL && !fw->sv->draining) {
        fw->sv->accepting(fw->sv, true);
    }
}

bool
wr_front_starved(struct wr_front_session *s)
{
    struct wr_front_worker *fw = s->sv->front;
    unsigned n = 0;

    if (!fw->pressed) {
        fw->pressed = true;
        if (fw->sv->accepting != NULL) {
            fw->sv->accepting(fw->sv, false);
        }
        wr_list_for_safe(l, next, &fw->stages[WR_FRONT_IDLE])
        {
            struct wr_front_session *idle = wr_list_entry(l, struct wr_front_session, link);
            if (idle != s && !wr_conn_can_recv(idle->c) && n++ < FRONT_SESSION_SHED_MOST) {
                idle->proto->shed(idle);
            }
        }
        wr_log(WR_LOG_WARN,
               "buffers at 85%% of the budget reason=overload bytes=%zu, accepting rests, closed idle=%u",
               wr_buf_in_use_bytes(), WR_MIN(n, FRONT_SESSION_SHED_MOST));
        wr_loop_timer(fw->sv->loop, &fw->pressure_timer, wr_clock.mono_ms + FRONT_SESSION_PRESSURE_MS);
    }
    return wr_budget_level(fw->sv) == WR_BUDGET_FULL;
}
