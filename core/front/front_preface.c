/*
 * What comes before a version of HTTP on a listener: the PROXY header
 * (CORE-RULES 12, 32).  Mandatory where it is configured, bounded, once, only
 * from trusted_proxies (or a unix socket), within the header timeout.
 */
#include "core/front/front_preface.h"

#include "core/proto/proxy_protocol.h"

#define FRONT_PREFACE_BYTES (16 + WR_PROXY_V2_BYTES)

static void
front_preface_refuse(struct wr_front_session *s, const char *why)
{
    struct wr_front_worker *fw = s->sv->front;
    const struct wr_err_info *info = &wr_err_info[WR_E_PROXY_HEADER];
    char ip[WR_ADDR_TEXT_BYTES];
    uint32_t dropped = 0;

    if (wr_log_gate(&fw->no_byte_gate, 10, &dropped)) {
        size_t n = wr_ip_text(&s->client.sock_ip, ip);
        wr_log(info->level, "conn=%llu closed reason=%s why=%s client=%.*s more=%u",
               (unsigned long long)s->c->id, info->reason, why, (int)n, ip, dropped);
    }
    wr_slot_count(s->sv->slot, WR_C_FAILED, 1);
    wr_front_close(s, false);
}

static bool
front_preface_trusted(const struct wr_front_session *s)
{
    const struct wr_cidrs *t = &s->sv->model->weir.trusted_proxies;

    if (s->client.sock_ip.family == AF_UNIX || (t->n == 0 && wr_ip_is_loopback(&s->client.sock_ip))) {
        return true;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (wr_cidr_has(&t->v[i], &s->client.sock_ip)) {
            return true;
        }
    }
    return false;
}

static void
front_preface_apply(struct wr_front_session *s, const struct wr_proxy *px)
{
    s->c->in->r += (uint32_t)px->used;
    if (!px->local && px->from.sa.sa_family != AF_UNIX) {
        wr_ip_of_addr(&px->from, &s->client.peer_ip);
        s->client.peer_port = wr_addr_port(&px->from);
        s->client.tls = px->tls;
    }
    wr_front_become(s, wr_front_opening(s->client.listen));
}

static void
front_preface_on_event(struct wr_conn *c)
{
    struct wr_front_session *s = c->session;
    struct wr_proxy px;

    for (;;) {
        enum wr_io io = wr_conn_recv(c, FRONT_PREFACE_BYTES);
        if (io == WR_IO_AGAIN) {
            wr_conn_settle_in(c);
            return;
        }
        if (io != WR_IO_OK) {
            wr_front_no_byte(s, "closed");
            wr_front_close(s, false);
            return;
        }
        switch (wr_proxy_parse(c->in->data + c->in->r, wr_conn_in_bytes(c), &px)) {
        case WR_PROXY_OK:
            front_preface_apply(s, &px);
            return;
        case WR_PROXY_BAD:
            front_preface_refuse(s, "malformed");
            return;
        case WR_PROXY_MORE:
            if (wr_conn_in_bytes(c) >= FRONT_PREFACE_BYTES) {
                front_preface_refuse(s, "too_long");
                return;
            }
            break;
        }
    }
}

static void
front_preface_on_timer(struct wr_conn *c)
{
    front_preface_refuse(c->session, "timeout");
}

static void
front_preface_start(struct wr_front_session *s)
{
    if (!front_preface_trusted(s)) {
        front_preface_refuse(s, "untrusted");
        return;
    }
    wr_conn_timer(s->c, wr_clock.mono_ms + s->sv->model->weir.header_timeout_ms);
}

static void
front_preface_drain(struct wr_front_session *s, bool grace_over)
{
    if (grace_over) {
        wr_front_close(s, false);
    }
}

static void
front_preface_shed(struct wr_front_session *s)
{
    wr_front_close(s, false);
}

static const struct wr_conn_owner front_preface_owner = {
    .name = "preface",
    .on_event = front_preface_on_event,
    .on_timer = front_preface_on_timer,
};

const struct wr_front_proto wr_front_preface = {
    .name = "preface",
    .session_bytes = sizeof(struct wr_front_session),
    .owner = &front_preface_owner,
    .start = front_preface_start,
    .drain = front_preface_drain,
    .shed = front_preface_shed,
};
