/*
 * The keeper process.  There is one at a time: the lease in the slot table
 * says who; a new one asks the holder to hand it over and begins after that.
 */
#include "workers/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/event/offload.h"
#include "core/module.h"
#include "core/shm/zone.h"
#include "core/upstream/probe.h"
#include "core/upstream/upstream.h"
#include "workers/control.h"
#include "workers/line.h"
#include "workers/logdrain.h"
#include "workers/privs.h"

#define KEEPER_LEASE_MS 20   /* between two looks at the lease */
#define KEEPER_ORPHAN_MS 200 /* between two looks whether workers of a dead master still live */

struct keeper {
    struct wr_child ch;
    struct wr_offload *offload;
    struct wr_keeping keeping;
    struct wr_logdrain *drain;
    struct wr_resolver *resolver;
    struct wr_prober *prober;
    void **module_keeper;
    struct wr_control *control;
    struct wr_task control_over; /* no client of the control socket is left */
    struct wr_timer timer;
    bool holds;
    bool ending;
    bool ending_all; /* the rings are to be empty first */
    bool flushing;   /* logs are what is waited for */
    bool orphan;
};

static _Atomic uint64_t *
keeper_lease(void)
{
    return &wr_slots_table()->keeper;
}

static void
keeper_exit(void *arg)
{
    struct keeper *k = arg;
    uint64_t self = wr_owner_self();

    if (k->holds) {
        atomic_compare_exchange_strong(keeper_lease(), &self, 0);
    }
    wr_child_state(&k->ch, WR_SLOT_DRAINING);
    /* threads may be in getaddrinfo, for long */
    _exit(0);
}

static void
keeper_start_modules(struct keeper *k)
{
    const struct wr_cycle *cy = k->ch.st->cycle;

    k->keeping = (struct wr_keeping){.loop = k->ch.loop,
                                     .offload = k->offload,
                                     .model = cy->model,
                                     .signer_line = cy->cf.isolated ? wr_line_open : NULL};
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->keeper_start != NULL) {
            k->module_keeper[i] = wr_modules[i]->keeper_start(&k->keeping, cy->module_main[i]);
        }
    }
}

/* In this order: the resolver reads what is published once, then that is the prober's; the prober checks over the TLS
 * that a module has brought. */
static void
keeper_start_chores(struct keeper *k)
{
    const struct wr_cycle *cy = k->ch.st->cycle;

    k->resolver = wr_resolver_start(k->ch.loop, cy->model, cy->generation);
    keeper_start_modules(k);
    k->prober = wr_prober_start(k->ch.loop, cy->model, cy->generation, k->keeping.secure);
}

static void
keeper_stop_chores(struct keeper *k)
{
    wr_prober_stop(k->prober);
    for (unsigned i = wr_modules_n; i-- > 0;) {
        if (wr_modules[i]->keeper_stop != NULL) {
            wr_modules[i]->keeper_stop(k->module_keeper[i]);
        }
    }
    wr_resolver_stop(k->resolver);
}

/* The lease is ours: goes on where the last one left off. */
static void
keeper_take_over(struct keeper *k)
{
    k->holds = true;
    wr_logdrain_begin(k->drain);
    keeper_start_chores(k);
    k->control = wr_control_start(&k->ch, k->module_keeper);
    wr_child_state(&k->ch, WR_SLOT_SERVING);
}

static void
keeper_try_lease(struct keeper *k)
{
    uint64_t holder = atomic_load(keeper_lease());

    if (!wr_owner_alive(holder)) {
        if (atomic_compare_exchange_strong(keeper_lease(), &holder, wr_owner_self())) {
            keeper_take_over(k);
            return;
        }
    } else if (wr_owner_slot(holder) < WR_SLOTS_CHILDREN) {
        wr_slot_mail(wr_owner_slot(holder), WR_MAIL_HANDOVER);
    }
    wr_loop_timer(k->ch.loop, &k->timer, wr_clock.mono_ms + KEEPER_LEASE_MS);
}

/* Commands use what modules keep, so the modules stop behind the last one; the logs hear of all that. */
static void
keeper_on_control_over(struct wr_task *t)
{
    struct keeper *k = wr_container(t, struct keeper, control_over);

    keeper_stop_chores(k);
    k->flushing = true;
    wr_logdrain_finish(k->drain, k->ending_all, keeper_exit, k);
}

/* all: the rings are to be empty first. */
static void
keeper_end(struct keeper *k, bool all)
{
    if (!k->holds) {
        keeper_exit(k);
    }
    k->ending_all = all;
    if (!k->ending) {
        k->ending = true;
        wr_timer_stop(&k->ch.loop->wheel, &k->timer);
        wr_control_finish(k->control, k->ch.loop, &k->control_over);
    } else if (k->flushing) {
        wr_logdrain_finish(k->drain, all, keeper_exit, k);
    }
}

/* The master died: workers drain and their lines are still wanted. */
static bool
keeper_has_workers(const struct keeper *k)
{
    struct wr_slots *t = wr_slots_table();

    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        uint32_t state = atomic_load(&t->slot[i].state);
        pid_t pid = atomic_load(&t->slot[i].pid);
        if (i != k->ch.st->slot && state != WR_SLOT_FREE && state != WR_SLOT_DEAD && pid > 0 &&
            t->slot[i].master == wr_slots_master() && kill(pid, 0) == 0) {
            return true;
        }
    }
    return false;
}

static void
keeper_on_timer(struct wr_timer *t)
{
    struct keeper *k = wr_container(t, struct keeper, timer);

    if (k->orphan) {
        if (!keeper_has_workers(k)) {
            keeper_end(k, true);
        } else {
            wr_loop_timer(k->ch.loop, &k->timer, wr_clock.mono_ms + KEEPER_ORPHAN_MS);
        }
    } else if (!k->holds) {
        keeper_try_lease(k);
    }
}

static void
keeper_on_mail(struct wr_child *ch, uint32_t mail)
{
    struct keeper *k = wr_container(ch, struct keeper, ch);

    if (mail & WR_MAIL_STOP) {
        keeper_end(k, true);
    } else if (mail & WR_MAIL_HANDOVER) {
        keeper_end(k, false);
    } else if (k->holds && (mail & (WR_MAIL_LOGS | WR_MAIL_ALL))) {
        wr_logdrain_kick(k->drain);
    }
}

static void
keeper_on_message(struct wr_child *ch, const struct wr_message *m, int fd)
{
    struct keeper *k = wr_container(ch, struct keeper, ch);

    if (wr_line_take(m, fd)) {
        return;
    }
    if (m->type == WR_MSG_LOG_FILE && m->value < WR_LOG_IDS) {
        wr_logdrain_file(k->drain, m->value,
                         (struct wr_logfile){.kind = (enum wr_logfile_kind)m->note.bytes, .fd = fd});
    } else if (fd >= 0) {
        close(fd);
    }
}

static void
keeper_on_signal(struct wr_child *ch, int sig)
{
    struct keeper *k = wr_container(ch, struct keeper, ch);

    if (sig == SIGQUIT && getppid() != ch->st->master && !k->orphan && k->holds) {
        k->orphan = true;
        wr_control_deafen(k->control);
        wr_loop_timer(ch->loop, &k->timer, wr_clock.mono_ms + KEEPER_ORPHAN_MS);
    } else if (!k->orphan) {
        keeper_end(k, true);
    }
}

static const struct wr_child_ops keeper_ops = {
    .title = "weir-keeper",
    .on_mail = keeper_on_mail,
    .on_message = keeper_on_message,
    .on_signal = keeper_on_signal,
};

/* Newer files are in place: those who keep something made of them are told, once they have begun and until they end. */
static void
keeper_on_files(void *arg)
{
    struct keeper *k = arg;

    for (unsigned i = 0; k->holds && !k->flushing && i < wr_modules_n; i++) {
        if (wr_modules[i]->keeper_files_changed != NULL) {
            wr_modules[i]->keeper_files_changed(k->module_keeper[i]);
        }
    }
}

/* Keys, only where health checks need a client certificate; then nobody looks into it (CORE-RULES 30). */
static void
keeper_start_files(struct keeper *k)
{
    const struct wr_cycle *cy = k->ch.st->cycle;
    bool secrets = cy->cf.keeper_secrets && !cy->cf.isolated;

    if (secrets) {
        wr_privs_hide();
    }
    wr_files_start(secrets, keeper_on_files, k);
}

void
wr_keeper_run(const struct wr_start *st)
{
    struct keeper *k = wr_calloc(1, sizeof(*k));
    struct wr_zone *rings = wr_zone_find("logrings");

    k->module_keeper = wr_calloc(wr_modules_n + 1, sizeof(void *));
    k->control_over.fn = keeper_on_control_over;
    wr_timer_init(&k->timer, keeper_on_timer);
    if (rings == NULL || !wr_child_begin(&k->ch, st, &keeper_ops)) {
        _exit(1);
    }
    keeper_start_files(k);
    k->offload = wr_offload_new(k->ch.loop);
    if (k->offload == NULL) {
        wr_log(WR_LOG_ERROR, "keeper cannot make its threads errno=%d; exiting", errno);
        _exit(1);
    }
    k->drain = wr_logdrain_new(k->ch.loop, k->offload, rings->base);
    keeper_try_lease(k);
    wr_loop_run(k->ch.loop);
    _exit(0);
}
