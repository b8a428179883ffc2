/*
 * The worker process: puts together what serves (core/http/service.h) and
 * leads it from start to drain to exit.  What a request is, it does not know.
 */
#include "workers/worker.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/event/conn.h"
#include "core/event/listener.h"
#include "core/event/offload.h"
#include "core/front/front.h"
#include "core/module.h"
#include "core/shm/zone.h"
#include "core/upstream/queue.h"
#include "core/upstream/upstream.h"
#include "workers/line.h"
#include "workers/privs.h"

#define WORKER_TRIM_MS 2000
#define WORKER_STOP_MS 300      /* after drain, for answers that say so and lingering closes */
#define WORKER_ACCEPT_LAST 1024 /* connections taken from a listener's queue before it is closed */

struct worker {
    struct wr_child ch;
    struct wr_service sv;
    struct wr_listener *listeners; /* by index of model->listens */
    void **module_worker;
    struct wr_timer trim;
    struct wr_timer stop; /* the end of a stop, whatever clients do */
    struct wr_task exit_task;
    bool draining;
    bool stopping;
};

static void
worker_on_accept(struct wr_listener *ln, int fd, const struct wr_addr *peer)
{
    struct worker *w = ln->arg;

    wr_front_accept(&w->sv, w->sv.model->listens[ln->index], fd, peer);
}

/* Under pressure (core/front) the worker rests from accepting; the others go on. */
static void
worker_accepting(struct wr_service *sv, bool on)
{
    struct worker *w = wr_container(sv, struct worker, sv);

    for (size_t i = 0; !w->draining && i < sv->model->listens_n; i++) {
        if (on) {
            wr_listener_resume(&w->listeners[i]);
        } else {
            wr_listener_pause(&w->listeners[i]);
        }
    }
}

/*
 * Start.
 */

static bool
worker_make_service(struct worker *w)
{
    const struct wr_start *st = w->ch.st;
    struct wr_service *sv = &w->sv;

    sv->loop = w->ch.loop;
    sv->offload = wr_offload_new(sv->loop);
    sv->model = st->cycle->model;
    sv->generation = st->cycle->generation;
    sv->workers = st->cycle->workers;
    sv->slot_index = st->slot;
    sv->slot = w->ch.slot;
    sv->ring = w->ch.ring;
    sv->keeper_slot_hint = wr_owner_slot(atomic_load(&wr_slots_table()->keeper));
    sv->log_ids = st->cycle->log_ids;
    memcpy(sv->instance, st->instance, sizeof(sv->instance));
    sv->module_worker = w->module_worker;
    sv->signer_line = st->cycle->cf.isolated ? wr_line_open : NULL;
    return sv->offload != NULL;
}

static void
worker_start_modules(struct worker *w)
{
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->worker_start != NULL) {
            w->module_worker[i] = wr_modules[i]->worker_start(&w->sv, w->ch.st->cycle->module_main[i]);
        }
    }
}

/* Newer files are in place. */
static void
worker_on_files(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->files_changed != NULL) {
            wr_modules[i]->files_changed(&w->sv, w->module_worker[i]);
        }
    }
}

/* Who holds keys leaves no core, and nobody looks into it (CORE-RULES 30). */
static void
worker_start_files(struct worker *w)
{
    bool secrets = wr_cycle_has_secrets(w->ch.st->cycle) && !w->ch.st->cycle->cf.isolated;

    if (secrets) {
        wr_privs_hide();
    }
    wr_files_start(secrets, worker_on_files, w);
}

static bool
worker_start_listeners(struct worker *w)
{
    const struct wr_cycle *cy = w->ch.st->cycle;

    w->listeners = wr_calloc(cy->model->listens_n + 1, sizeof(*w->listeners));
    for (size_t i = 0; i < cy->model->listens_n; i++) {
        struct wr_listener *ln = &w->listeners[i];
        ln->on_accept = worker_on_accept;
        ln->arg = w;
        ln->index = (uint32_t)i;
        if (!wr_listener_start(ln, w->ch.loop, cy->listen_fds[i], cy->workers == 1)) {
            wr_log(WR_LOG_ERROR, "cannot watch a listener address=%.*s: %s; exiting",
                   WR_STR_ARG(cy->model->listens[i]->text), strerror(errno));
            return false;
        }
    }
    return true;
}

/*
 * The end.
 */

static void
worker_exit(struct worker *w)
{
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->worker_stop != NULL) {
            wr_modules[i]->worker_stop(&w->sv, w->module_worker[i]);
        }
    }
    wr_front_worker_stop(&w->sv);
    wr_upstream_worker_stop(&w->sv);
    wr_service_fini(&w->sv);
    wr_child_end(&w->ch);
    exit(0);
}

static void
worker_on_exit_task(struct wr_task *t)
{
    worker_exit(wr_container(t, struct worker, exit_task));
}

static void
worker_on_empty(struct wr_service *sv)
{
    struct worker *w = wr_container(sv, struct worker, sv);

    wr_loop_post(w->ch.loop, &w->exit_task);
}

/* Gives back what a worker with a few streams left does not need; shared pages come again when touched. */
static void
worker_forget_zone(void *arg, const struct wr_zone *z)
{
    (void)arg;
    madvise(z->base, z->bytes, MADV_DONTNEED);
}

static void
worker_trim(struct wr_timer *t)
{
    struct worker *w = wr_container(t, struct worker, trim);

    wr_service_trim(&w->sv);
    wr_conn_trim();
    wr_buf_trim();
    wr_pool_trim();
    malloc_trim(0);
    wr_zones_each(worker_forget_zone, NULL);
    wr_loop_timer(w->ch.loop, t, wr_clock.mono_ms + WORKER_TRIM_MS);
}

static void
worker_on_stop_timer(struct wr_timer *t)
{
    struct worker *w = wr_container(t, struct worker, stop);

    wr_log(WR_LOG_NOTICE, "drain is over connections=%u; closing them and exiting", wr_front_count(&w->sv));
    wr_child_end(&w->ch);
    _exit(0);
}

/* Who waits in the queue has been told that he is connected: nobody else may come for him. */
static void
worker_accept_last(struct wr_listener *ln)
{
    for (unsigned i = 0; i < WORKER_ACCEPT_LAST; i++) {
        struct wr_addr peer = {.len = sizeof(peer.un)};
        int fd = accept4(ln->fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            ln->on_accept(ln, fd, &peer);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
}

static void
worker_close_listeners(struct worker *w)
{
    for (size_t i = 0; i < w->sv.model->listens_n; i++) {
        struct wr_listener *ln = &w->listeners[i];
        wr_listener_pause(ln);
        worker_accept_last(ln);
        close(ln->fd);
    }
}

static void
worker_drain(struct worker *w, bool stop)
{
    if (w->draining && (w->stopping || !stop)) {
        return;
    }
    if (!w->draining) {
        worker_close_listeners(w);
        wr_child_state(&w->ch, WR_SLOT_DRAINING);
        wr_loop_timer(w->ch.loop, &w->trim, wr_clock.mono_ms + 100);
    }
    if (stop) {
        wr_loop_timer(w->ch.loop, &w->stop, wr_clock.mono_ms + w->sv.model->weir.drain_ms + WORKER_STOP_MS);
    }
    w->draining = true;
    w->stopping = w->stopping || stop;
    wr_front_drain(&w->sv, w->stopping);
    wr_upstream_drain(&w->sv);
}

/*
 * What it hears.
 */

static void
worker_on_mail(struct wr_child *ch, uint32_t mail)
{
    struct worker *w = wr_container(ch, struct worker, ch);

    if (mail & (WR_MAIL_DRAIN | WR_MAIL_STOP)) {
        worker_drain(w, (mail & WR_MAIL_STOP) != 0);
    }
    if (mail & (WR_MAIL_QUEUE | WR_MAIL_ALL)) {
        wr_queue_mailed(&w->sv);
    }
}

static void
worker_on_signal(struct wr_child *ch, int sig)
{
    struct worker *w = wr_container(ch, struct worker, ch);

    if (sig == SIGTERM) {
        /* connections end with the process */
        wr_child_end(ch);
        _exit(0);
    }
    if (getppid() != ch->st->master) {
        wr_log(WR_LOG_ERROR, "master is gone; no more connections, draining");
    }
    worker_drain(w, false);
}

static void
worker_on_message(struct wr_child *ch, const struct wr_message *m, int fd)
{
    (void)ch;
    if (!wr_line_take(m, fd) && fd >= 0) {
        close(fd);
    }
}

static const struct wr_child_ops worker_ops = {
    .title = "weir-worker",
    .on_mail = worker_on_mail,
    .on_message = worker_on_message,
    .on_signal = worker_on_signal,
};

void
wr_worker_run(const struct wr_start *st)
{
    struct worker *w = wr_calloc(1, sizeof(*w));

    w->module_worker = wr_calloc(wr_modules_n + 1, sizeof(void *));
    w->exit_task.fn = worker_on_exit_task;
    wr_timer_init(&w->trim, worker_trim);
    wr_timer_init(&w->stop, worker_on_stop_timer);
    if (!wr_child_begin(&w->ch, st, &worker_ops) || !worker_make_service(w)) {
        exit(1);
    }
    w->sv.on_empty = worker_on_empty;
    w->sv.accepting = worker_accepting;
    wr_service_init(&w->sv);
    wr_upstream_worker_start(&w->sv);
    wr_front_worker_start(&w->sv);
    worker_start_files(w);
    worker_start_modules(w);
    wr_listener_reserve_fd();
    if (!worker_start_listeners(w)) {
        exit(1);
    }
    wr_child_state(&w->ch, WR_SLOT_SERVING);
    wr_loop_run(w->ch.loop);
    exit(0);
}
