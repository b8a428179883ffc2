/*
 * The common life of worker and keeper.
 */
#include "workers/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/shm/zone.h"
#include "workers/signals.h"

#define CHILD_TICK_MS 1000
#define CHILD_LONG_TURN_US 20000

/*
 * The log.
 */

static void
child_log_sink(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    struct wr_child *ch = arg;

    wr_logring_put(ch->ring, WR_LOG_ID_ERROR, line, n);
    ch->lines = true;
    /* the process may be about to end; a flood of lesser lines is mailed once a turn */
    if (level <= WR_LOG_ERROR) {
        wr_logring_mail(ch->ring, 1);
    }
}

static void
child_on_tick(struct wr_timer *t)
{
    struct wr_child *ch = wr_container(t, struct wr_child, tick);

    ch->ticking = false;
    atomic_store_explicit(&ch->slot->counters[WR_C_LOG_DROPPED], wr_logring_dropped(ch->ring),
                          memory_order_relaxed);
    wr_logring_mail(ch->ring, 1);
}

static void
child_set_tick(struct wr_task *t)
{
    struct wr_child *ch = wr_container(t, struct wr_child, tick_task);

    wr_loop_timer(ch->loop, &ch->tick, wr_clock.mono_ms + CHILD_TICK_MS);
}

/*
 * Mail.
 */

static void
child_take_messages(struct wr_child *ch)
{
    struct wr_message m;
    pid_t from;
    int fd;

    while (wr_channel_next(&m, &fd, &from)) {
        bool masters = from == ch->st->master;
        if (masters && m.type == WR_MSG_BLOB) {
            wr_publish_receive(&m.note, fd);
        } else if (masters && ch->ops->on_message != NULL) {
            ch->ops->on_message(ch, &m, fd);
        } else if (fd >= 0) {
            close(fd);
        }
    }
}

static void
child_take_mail(struct wr_child *ch)
{
    uint32_t mail = wr_slot_take_mail(ch->st->slot);

    if (mail & (WR_MAIL_PUBLISHED | WR_MAIL_LOGS | WR_MAIL_LINE | WR_MAIL_ALL)) {
        child_take_messages(ch);
    }
    if (mail != 0) {
        ch->ops->on_mail(ch, mail);
    }
}

static void
child_on_mail_event(struct wr_ev *ev)
{
    child_take_mail(wr_container(ev, struct wr_child, mail_ev));
}

static void
child_on_mail_task(struct wr_task *t)
{
    child_take_mail(wr_container(t, struct wr_child, mail_task));
}

static void
child_on_signal_event(struct wr_ev *ev)
{
    struct wr_child *ch = wr_container(ev, struct wr_child, signal_ev);
    int sig;

    while ((sig = wr_signals_next(ch->signal_fd)) != 0) {
        ch->ops->on_signal(ch, sig);
    }
}

/*
 * A crash: the note in the slot is filled when it happens, so that a request
 * pays nothing for it; then the signal has its usual effect.
 */

static struct wr_child *child_own;
static const int child_fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static struct sigaction child_usual[WR_ARRAY_LEN(child_fatal)];

static void
child_on_crash(int sig, siginfo_t *info, void *context)
{
    struct wr_child *ch = child_own;

    (void)context;
    for (size_t i = 0; i < WR_ARRAY_LEN(child_fatal); i++) {
        if (child_fatal[i] == sig) {
            sigaction(sig, &child_usual[i], NULL);
        }
    }
    atomic_store(&ch->slot->note.where, ch->loop != NULL ? ch->loop->doing : NULL);
    if (ch->ops->on_crash != NULL) {
        ch->ops->on_crash(ch);
    }
    /* a fault comes again when this returns; a signal that was sent does not */
    if (info->si_code <= 0) {
        raise(sig);
    }
}

static void
child_watch_crashes(struct wr_child *ch)
{
    static char stack[16384];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction sa = {.sa_sigaction = child_on_crash, .sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO};

    child_own = ch;
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < WR_ARRAY_LEN(child_fatal); i++) {
        sigaction(child_fatal[i], &sa, &child_usual[i]);
    }
}

/*
 * Hooks of the loop.
 */

static void
child_before_sleep(void *arg)
{
    struct wr_child *ch = arg;
    size_t waiting = wr_logring_waiting_bytes(ch->ring);

    if (waiting > 0) {
        if (ch->lines || waiting >= WR_LOGRING_MAIL_BYTES) {
            ch->lines = false;
            wr_logring_mail(ch->ring, 1);
        }
        if (!ch->ticking) {
            ch->ticking = true;
            wr_loop_post(ch->loop, &ch->tick_task);
        }
    }
    if (wr_slot_going_to_sleep(ch->st->slot) != 0) {
        wr_loop_post(ch->loop, &ch->mail_task);
    }
}

static void
child_after_sleep(void *arg)
{
    struct wr_child *ch = arg;

    wr_slot_awake(ch->st->slot);
}

static void
child_turn_took(void *arg, uint64_t us)
{
    struct wr_child *ch = arg;
    uint32_t dropped;

    atomic_store_explicit(&ch->slot->longest_turn_us, ch->loop->longest_turn_us, memory_order_relaxed);
    if (us > CHILD_LONG_TURN_US && wr_log_gate(&ch->turn_gate, 1, &dropped)) {
        wr_log(WR_LOG_WARN, "a turn of the loop was long us=%llu doing=%s route=%s more=%u; others waited",
               (unsigned long long)us, ch->loop->doing != NULL ? ch->loop->doing : "-",
               ch->slot->note.route[0] != '\0' ? ch->slot->note.route : "-", dropped);
    }
}

static bool
child_make_loop(struct wr_child *ch)
{
    struct wr_loop *l = wr_loop_new();

    if (l == NULL) {
        return false;
    }
    ch->loop = l;
    l->before_sleep = child_before_sleep;
    l->after_sleep = child_after_sleep;
    l->turn_took = child_turn_took;
    l->sleep_arg = ch;
    ch->mail_task.fn = child_on_mail_task;
    ch->tick_task.fn = child_set_tick;
    wr_timer_init(&ch->tick, child_on_tick);
    return wr_loop_add_level(l, &ch->mail_ev, wr_slot_event_fd(ch->st->slot), child_on_mail_event) &&
        wr_loop_add_level(l, &ch->signal_ev, ch->signal_fd, child_on_signal_event);
}

bool
wr_child_begin(struct wr_child *ch, const struct wr_start *st, const struct wr_child_ops *ops)
{
    struct wr_zone *rings = wr_zone_find("logrings");

    ch->st = st;
    ch->ops = ops;
    ch->slot = wr_slot_at(wr_slots_table(), st->slot);
    wr_assert(rings != NULL);
    ch->ring = wr_logring_of(rings->base, st->slot);
    wr_log_set(child_log_sink, ch, st->cycle->model->weir.error_log.level);
    prctl(PR_SET_NAME, ops->title, 0, 0, 0);
    child_watch_crashes(ch);
    wr_rand_reseed();
    wr_slot_enter(st->slot);
    wr_publish_enter();
    wr_publish_set_sender(wr_channel_send_blob);
    ch->signal_fd = wr_signals_open_child(st->signal_fd);
    if (ch->signal_fd < 0 || !wr_privs_drop(&st->cycle->identity)) {
        return false;
    }
    if (!wr_privs_die_with(st->master)) {
        wr_log(WR_LOG_ERROR, "master is gone; exiting");
        return false;
    }
    if (!child_make_loop(ch)) {
        wr_log(WR_LOG_ERROR, "cannot make an event loop: %s; exiting", strerror(errno));
        return false;
    }
    return true;
}

void
wr_child_state(struct wr_child *ch, enum wr_slot_state state)
{
    atomic_store(&ch->slot->state_ms, wr_clock_mono_us_now() / 1000);
    atomic_store(&ch->slot->state, state);
    wr_slot_mail(wr_slots_master(), WR_MAIL_STATE);
}

void
wr_child_end(struct wr_child *ch)
{
    wr_logring_mail(ch->ring, 1);
}
