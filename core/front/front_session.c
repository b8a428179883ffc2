/*
 * A client connection's place among the others, whatever it speaks.
 */
#include "core/front/front_session.h"

#include <stdlib.h>

void
wr_front_enter(struct wr_front_session *s, enum wr_front_stage stage)
{
    wr_list_del(&s->link);
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
    wr_list_del(&s->link);
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
    wr_list_del(&s->link);
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
