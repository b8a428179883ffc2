/*
 * Clients of the control socket: taking a line, giving an answer.
 */
#include "workers/control.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/event/conn.h"
#include "core/event/listener.h"
#include "workers/commands.h"

#define CONTROL_CLIENTS 16
#define CONTROL_LINE_MS 5000
#define CONTROL_ANSWER_MS 10000
#define CONTROL_FINISH_MS 500

struct wr_control {
    const struct wr_child *ch;
    void *const *module_keeper;
    struct wr_listener listener;
    bool listens;
    struct wr_link clients;
    unsigned clients_n;
    struct wr_task *done; /* wanted once the last client has gone */
    struct wr_timer finish;
    struct wr_log_gate gate;
};

struct control_client {
    struct wr_link link;
    struct wr_control *ct;
    struct wr_conn *c;
    struct ucred peer;
    bool answered; /* c->out has the answer, or its rest */
    struct wr_reply reply;
};

static void
control_close(struct control_client *cl)
{
    struct wr_control *ct = cl->ct;

    wr_list_del(&cl->link);
    wr_conn_close(cl->c);
    wr_reply_fini(&cl->reply);
    free(cl);
    ct->clients_n--;
    if (ct->listens) {
        wr_listener_resume(&ct->listener);
    }
    if (ct->done != NULL && ct->clients_n == 0) {
        wr_loop_post(ct->ch->loop, ct->done);
    }
}

/* ---- answering ---- */

static void
control_send(struct control_client *cl, const char *head)
{
    struct wr_chain chain = WR_CHAIN_INIT(chain);

    cl->answered = true;
    wr_chain_copy(&chain, head, strlen(head));
    if (cl->reply.n > 0) {
        wr_chain_add(&chain, NULL, cl->reply.p, cl->reply.n);
    }
    if (wr_conn_send(cl->c, &chain) == WR_IO_AGAIN) {
        wr_conn_timer(cl->c, wr_clock.mono_ms + CONTROL_ANSWER_MS);
    } else {
        control_close(cl);
    }
}

static void
control_serve(struct control_client *cl, struct wr_str line)
{
    const struct wr_cycle *cy = cl->ct->ch->st->cycle;
    char head[WR_COMMAND_HEAD_BYTES];
    struct wr_command_call call = {
        .reply = &cl->reply,
        .model = cy->model,
        .generation = cy->generation,
        .uid = cl->peer.uid,
        .pid = cl->peer.pid,
    };

    wr_commands_run(&call, line, cl->ct->module_keeper, head);
    control_send(cl, head);
}

/* ---- a client's line ---- */

/* Serves when the line is there.  False: more is to come. */
static bool
control_try_line(struct control_client *cl, bool end)
{
    const struct wr_buf *in = cl->c->in;
    struct wr_str has = in != NULL ? wr_str_make(in->data + in->r, in->w - in->r) : WR_STR_NONE;
    ptrdiff_t n = wr_str_find(has, '\n');

    if (n < 0 && end) {
        n = (ptrdiff_t)has.n;
    }
    if (n > WR_COMMAND_LINE_BYTES || (n < 0 && has.n > WR_COMMAND_LINE_BYTES)) {
        control_send(cl, "wrong the line is longer than 4096 bytes\n");
    } else if (n >= 0) {
        struct wr_str line = wr_str_make(has.p, (size_t)n);
        line.n -= wr_str_ends(line, WR_STR("\r"));
        control_serve(cl, line);
    } else {
        return false;
    }
    return true;
}

static void
control_read(struct control_client *cl)
{
    for (;;) {
        enum wr_io io = wr_conn_recv(cl->c, WR_COMMAND_LINE_BYTES);
        if (io == WR_IO_AGAIN) {
            return;
        }
        if (io == WR_IO_ERR || (io == WR_IO_EOF && wr_conn_in_bytes(cl->c) == 0)) {
            control_close(cl);
            return;
        }
        if (control_try_line(cl, io == WR_IO_EOF)) {
            return;
        }
    }
}

static void
control_on_event(struct wr_conn *c)
{
    struct control_client *cl = c->session;

    if (!cl->answered) {
        control_read(cl);
    } else if (c->failed || wr_chain_empty(&c->out)) {
        control_close(cl);
    }
}

static void
control_on_timer(struct wr_conn *c)
{
    struct control_client *cl = c->session;

    if (cl->answered) {
        control_close(cl);
    } else {
        control_send(cl, "error no command came within 5 seconds\n");
    }
}

static const struct wr_conn_owner control_owner = {
    .name = "control",
    .on_event = control_on_event,
    .on_timer = control_on_timer,
};

/* ---- accepting ---- */

/* A worker that was broken into runs as that user; where weir was not started by root all are the same. */
static bool
control_refuses(const struct wr_control *ct, const struct ucred *peer)
{
    const struct wr_identity *id = &ct->ch->st->cycle->identity;

    return id->change && id->uid != 0 && peer->uid == id->uid;
}

static void
control_begin(struct wr_control *ct, struct control_client *cl)
{
    uint32_t more;

    wr_list_add_tail(&ct->clients, &cl->link);
    if (++ct->clients_n == CONTROL_CLIENTS) {
        wr_listener_pause(&ct->listener);
    }
    if (!control_refuses(ct, &cl->peer)) {
        wr_conn_timer(cl->c, wr_clock.mono_ms + CONTROL_LINE_MS);
        return;
    }
    if (wr_log_gate(&ct->gate, 1, &more)) {
        wr_log(WR_LOG_WARN, "control socket: refused uid=%u pid=%d more=%u; weir's workers run as that user",
               (unsigned)cl->peer.uid, (int)cl->peer.pid, more);
    }
    control_send(cl, "error this user may not use the control socket: weir's workers run as that\n");
}

static void
control_on_accept(struct wr_listener *ln, int fd, const struct wr_addr *peer)
{
    struct wr_control *ct = ln->arg;
    struct control_client *cl = wr_calloc(1, sizeof(*cl));
    socklen_t len = sizeof(cl->peer);

    (void)peer;
    cl->ct = ct;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cl->peer, &len) == 0) {
        cl->c = wr_conn_new(ct->ch->loop, fd, &wr_transport_plain, &control_owner, cl);
    }
    if (cl->c == NULL) {
        wr_log(WR_LOG_ERROR, "cannot serve a client of the control socket errno=%d; closed", errno);
        close(fd);
        free(cl);
        return;
    }
    control_begin(ct, cl);
}

/* ---- life ---- */

static void
control_on_finish(struct wr_timer *t)
{
    struct wr_control *ct = wr_container(t, struct wr_control, finish);

    wr_list_for_safe(l, next, &ct->clients)
    {
        control_close(wr_container(l, struct control_client, link));
    }
}

struct wr_control *
wr_control_start(const struct wr_child *ch, void *const *module_keeper)
{
    int fd = ch->st->cycle->control_fd;

    if (fd < 0) {
        return NULL;
    }
    struct wr_control *ct = wr_calloc(1, sizeof(*ct));
    ct->ch = ch;
    ct->module_keeper = module_keeper;
    wr_list_init(&ct->clients);
    wr_timer_init(&ct->finish, control_on_finish);
    ct->listener.on_accept = control_on_accept;
    ct->listener.arg = ct;
    ct->listens = wr_listener_start(&ct->listener, ch->loop, fd, true);
    if (!ct->listens) {
        wr_log(WR_LOG_ERROR, "cannot watch the control socket errno=%d; going on without it", errno);
    }
    return ct;
}

void
wr_control_deafen(struct wr_control *ct)
{
    if (ct != NULL && ct->listens) {
        ct->listens = false;
        wr_listener_pause(&ct->listener);
        close(ct->listener.fd);
    }
}

void
wr_control_finish(struct wr_control *ct, struct wr_loop *loop, struct wr_task *done)
{
    wr_control_deafen(ct);
    if (ct == NULL || ct->clients_n == 0) {
        wr_loop_post(loop, done);
        return;
    }
    ct->done = done;
    wr_list_for_safe(l, next, &ct->clients)
    {
        struct control_client *cl = wr_container(l, struct control_client, link);
        if (!cl->answered) {
            control_read(cl);
        }
    }
    wr_loop_timer(loop, &ct->finish, wr_clock.mono_ms + CONTROL_FINISH_MS);
}
