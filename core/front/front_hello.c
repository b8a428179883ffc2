/*
 * A client's handshake: within handshake_timeout, limit.handshakes of them at
 * once, so many begun in a turn; then the version of HTTP that was agreed on.
 * Plain HTTP on such a port becomes a request that is answered 400.
 */
#include "core/front/front_hello.h"

#include "core/base/fmt.h"
#include "core/front/front_h1.h"

#define FRONT_HELLO_NAME_BYTES 300
#define FRONT_HELLO_TURN_MOST 8 /* steps of handshakes in a turn: each may be a signature */

/* ---- failing ---- */

static void
front_hello_log(struct wr_front_session *s, enum wr_err err, const struct wr_secure_facts *facts)
{
    struct wr_front_worker *fw = s->sv->front;
    const struct wr_err_info *info = &wr_err_info[err];
    char ip[WR_ADDR_TEXT_BYTES], name[FRONT_HELLO_NAME_BYTES];
    uint32_t dropped = 0;
    struct wr_out o;

    if (!wr_log_gate(&fw->hello_gate, 10, &dropped)) {
        return;
    }
    wr_out_init(&o, name, sizeof(name) - 1);
    if (facts != NULL) {
        wr_out_escaped(&o, facts->name, WR_ESCAPE_LOG);
    }
    *o.p = '\0';
    size_t n = wr_ip_text(&s->client.peer_ip, ip);
    wr_log(info->level,
           "conn=%llu handshake failed, closed reason=%s why=\"%s\" client=%.*s name=\"%s\" more=%u",
           (unsigned long long)s->c->id, info->reason, facts != NULL && facts->why != NULL ? facts->why : "",
           (int)n, ip, name, dropped);
}

static void
front_hello_fail(struct wr_front_session *s, enum wr_err err)
{
    front_hello_log(s, err, s->c->transport->facts(s->c));
    wr_slot_count(s->sv->slot, WR_C_FAILED, 1);
    wr_front_close(s, false);
}

/* ---- the handshake ---- */

/* HTTP without TLS: the transport has put back what it read. */
static void
front_hello_plain(struct wr_front_session *s)
{
    s->c->transport->close(s->c);
    s->c->transport = &wr_transport_plain;
    s->c->fault = 0;
    s->client.misplaced = true;
    wr_front_become(s, &wr_front_h1);
}

static void
front_hello_done(struct wr_front_session *s)
{
    s->client.secure = s->c->transport->facts(s->c);
    s->client.tls = true;
    wr_front_become(s, &wr_front_h1);
}

static void
front_hello_step(struct wr_front_session *s)
{
    struct wr_conn *c = s->c;
    struct wr_front_worker *fw = s->sv->front;

    if (fw->hello_turn != s->sv->loop->turns) {
        fw->hello_turn = s->sv->loop->turns;
        fw->hello_steps = 0;
    }
    if (c->ev.readable && ++fw->hello_steps > FRONT_HELLO_TURN_MOST) {
        wr_loop_more(s->sv->loop, &c->ev);
        return;
    }
    switch (c->transport->handshake(c)) {
    case WR_IO_OK:
        front_hello_done(s);
        return;
    case WR_IO_AGAIN:
        return;
    case WR_IO_EOF:
    case WR_IO_ERR:
        break;
    }
    if (c->fault == WR_E_PLAIN_ON_TLS) {
        front_hello_plain(s);
    } else {
        front_hello_fail(s, c->fault != 0 ? (enum wr_err)c->fault : WR_E_TLS_INTERNAL);
    }
}

static void
front_hello_on_event(struct wr_conn *c)
{
    front_hello_step(c->session);
}

static void
front_hello_on_timer(struct wr_conn *c)
{
    front_hello_fail(c->session, WR_E_TLS_TIMEOUT);
}

/* ---- starting, draining, shedding ---- */

static void
front_hello_start(struct wr_front_session *s)
{
    struct wr_front_worker *fw = s->sv->front;
    const struct wr_weir_conf *w = &s->sv->model->weir;

    if (fw->hellos >= w->limit_handshakes) {
        front_hello_fail(wr_list_first(&fw->stages[WR_FRONT_HELLO], struct wr_front_session, link),
                         WR_E_TLS_OVERLOAD);
    }
    if (!s->sv->secure->accept(s->sv->secure, s->c, s->client.listen->index)) {
        front_hello_fail(s, WR_E_TLS_INTERNAL);
        return;
    }
    wr_front_enter(s, WR_FRONT_HELLO);
    wr_conn_timer(s->c, wr_clock.mono_ms + w->handshake_timeout_ms);
    wr_loop_more(s->sv->loop, &s->c->ev);
}

static void
front_hello_drain(struct wr_front_session *s, bool grace_over)
{
    if (grace_over) {
        wr_front_close(s, false);
    }
}

static void
front_hello_shed(struct wr_front_session *s)
{
    wr_front_close(s, false);
}

static const struct wr_conn_owner front_hello_owner = {
    .name = "hello",
    .on_event = front_hello_on_event,
    .on_timer = front_hello_on_timer,
};

const struct wr_front_proto wr_front_hello = {
    .name = "hello",
    .session_bytes = sizeof(struct wr_front_session),
    .owner = &front_hello_owner,
    .start = front_hello_start,
    .drain = front_hello_drain,
    .shed = front_hello_shed,
};
