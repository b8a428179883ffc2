/*
 * HTTP/1.1 towards servers: making a connection, with TLS where the upstream
 * has it.  Until the request goes out nothing was written that could be served
 * twice, so all that fails here leaves the request to be tried elsewhere.
 */
#include "core/event/dial.h"
#include "core/upstream/back_h1.h"
#include "core/upstream/back_tls.h"

#include <stdlib.h>

static void
back_h1_open_ready(struct wr_back_h1 *b)
{
    wr_xfer_connected(b->x);
    wr_back_h1_send_request(b);
}

static struct wr_str
back_h1_open_name(const struct wr_peer *p)
{
    return wr_back_tls_name(&p->upstream->conf, p->conf->host, p->conf->address);
}

static void
back_h1_open_refused(struct wr_back_h1 *b)
{
    const struct wr_xfer *x = b->x;
    const char *why;
    enum wr_err fault = wr_back_tls_fault(b->c, &why);

    wr_req_log(x->r, WR_LOG_INFO, "handshake failed reason=%s server=%.*s name=%.*s error=\"%s\"",
               wr_err_info[fault].reason, WR_STR_ARG(x->peer->text), WR_STR_ARG(back_h1_open_name(x->peer)),
               why);
    wr_back_h1_fail(b, fault);
}

static void
back_h1_open_shake(struct wr_back_h1 *b)
{
    struct wr_conn *c = b->c;

    switch (c->transport->handshake(c)) {
    case WR_IO_AGAIN:
        return;
    case WR_IO_EOF:
    case WR_IO_ERR:
        back_h1_open_refused(b);
        return;
    case WR_IO_OK:
        b->x->handshake = false;
        back_h1_open_ready(b);
        /* what came behind the handshake may be out of the socket already: no event will tell of it */
        if (wr_conn_can_recv(c)) {
            wr_loop_more(c->loop, &c->ev);
        }
        return;
    }
}

static void
back_h1_open_connected(struct wr_back_h1 *b)
{
    struct wr_xfer *x = b->x;
    const struct wr_peer *p = x->peer;

    if (!p->upstream->conf.tls) {
        back_h1_open_ready(b);
        return;
    }
    enum wr_err err =
        wr_back_tls_begin(x->r->sv->secure, b->c, p->upstream, back_h1_open_name(p), &p->addrs[x->addr]);
    if (err != WR_E_NONE) {
        wr_back_h1_fail(b, err);
        return;
    }
    b->state = WR_BACK_HANDSHAKE;
    x->handshake = true;
    back_h1_open_shake(b);
}

void
wr_back_h1_on_open(struct wr_back_h1 *b)
{
    if (b->state == WR_BACK_HANDSHAKE) {
        back_h1_open_shake(b);
        return;
    }
    switch (wr_dial_result(b->c)) {
    case WR_IO_AGAIN:
    case WR_IO_EOF:
        return;
    case WR_IO_ERR:
        wr_back_h1_fail(b, WR_E_UPSTREAM_CONNECT);
        return;
    case WR_IO_OK:
        back_h1_open_connected(b);
        return;
    }
}

enum wr_err
wr_back_h1_open(struct wr_xfer *x)
{
    struct wr_service *sv = x->r->sv;
    struct wr_back_h1 *b = wr_calloc(1, sizeof(*b));

    b->uw = sv->upstream;
    b->x = x;
    b->idle.drop = wr_back_h1_drop_idle;
    wr_list_init(&b->idle.peer_link);
    wr_list_init(&b->idle.all_link);
    b->state = WR_BACK_CONNECTING;
    b->c = wr_dial(sv->loop, &x->peer->addrs[x->addr], &wr_back_h1_owner, b);
    if (b->c == NULL) {
        free(b);
        return WR_E_UPSTREAM_CONNECT;
    }
    x->bs = b;
    b->idle.c = b->c;
    if (wr_dial_result(b->c) != WR_IO_OK) {
        return WR_E_NONE;
    }
    if (x->peer->upstream->conf.tls) {
        wr_loop_more(sv->loop, &b->c->ev); /* a handshake that fails is told from an event of its own */
    } else {
        back_h1_open_ready(b);
    }
    return WR_E_NONE;
}
