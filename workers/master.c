/*
 * The master's loop: signals, deaths, messages, dates.
 */
#include "workers/master.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/fmt.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/shm/publish.h"
#include "workers/channel.h"
#include "workers/generation.h"
#include "workers/line.h"
#include "workers/logfiles.h"
#include "workers/reaper.h"
#include "workers/signals.h"
#include "workers/sockets.h"
#include "workers/spawn.h"
#include "workers/upgrade.h"
#include "workers/watch.h"

#define MASTER_RETRY_MS 10
#define MASTER_MESSAGES 64     /* taken from a socket in one turn */
#define MASTER_ASK_MS 1000     /* between two requests of the keeper that are done */
#define MASTER_FDS_PER_SLOT 16 /* where few descriptors are allowed, there are fewer slots */

uint64_t
wr_master_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void
wr_master_tell_starter(struct wr_master *m, bool serves)
{
    if (m->ready_fd < 0) {
        return;
    }
    if (serves && write(m->ready_fd, "R", 1) < 0) {
        wr_log(WR_LOG_WARN, "who started this master does not listen any more: %s", strerror(errno));
    }
    close(m->ready_fd);
    m->ready_fd = -1;
}

/* ---- going to the background ---- */

/* The parent waits for the word - R, or what is wrong - and exits with it; the child goes on as a session of its
 * own. */
static bool
master_daemonise(struct wr_master *m)
{
    int fd[2];

    if (pipe2(fd, O_CLOEXEC) < 0) {
        return false;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        return false;
    }
    if (pid > 0) {
        char text[1024];
        ssize_t n;
        close(fd[1]);
        while ((n = read(fd[0], text, sizeof(text))) > 0 && text[0] != 'R') {
            fprintf(stderr, "weir: %.*s\n", (int)n, text);
        }
        _exit(n > 0 ? 0 : 1);
    }
    close(fd[0]);
    setsid();
    m->ready_fd = fd[1];
    return true;
}

/* ---- what it hears ---- */

static void
master_reopen(struct wr_master *m)
{
    (void)m;
    wr_logfiles_reopen();
    wr_log(WR_LOG_NOTICE, "log files were opened again");
}

static void
master_on_signal(struct wr_master *m, int sig)
{
    wr_log(WR_LOG_NOTICE, "signal %s", wr_signal_name(sig));
    switch (sig) {
    case SIGHUP:
        /* the way back from an upgrade: the configuration may be the newer binary's already */
        if (m->away && m->other.pid > 0 && m->other.newer) {
            wr_generation_call_back(m);
        } else {
            wr_generation_reload(m);
        }
        break;
    case SIGUSR1:
        master_reopen(m);
        break;
    case SIGUSR2:
        wr_upgrade_begin(m);
        break;
    case SIGWINCH:
        wr_generation_send_away(m);
        break;
    case SIGQUIT:
        wr_generation_end(m, false);
        break;
    case SIGTERM:
    case SIGINT:
        wr_generation_end(m, true);
        break;
    default:
        break;
    }
}

/* The slot of a child by its pid; -1. */
static int
master_slot_of(const struct wr_master *m, pid_t pid)
{
    for (int i = 0; i < WR_SLOTS_CHILDREN; i++) {
        if (m->process[i].pid == pid && m->process[i].kind != NULL) {
            return i;
        }
    }
    return -1;
}

static void
master_do_asked(struct wr_master *m, enum wr_ask what)
{
    switch (what) {
    case WR_ASK_RELOAD:
        wr_generation_reload(m);
        break;
    case WR_ASK_REOPEN:
        master_reopen(m);
        break;
    case WR_ASK_UPGRADE:
        wr_upgrade_begin(m);
        break;
    case WR_ASK_STATUS:
        if (m->current != NULL) {
            wr_generation_write_state(m, m->current, "good");
        }
        break;
    }
}

static bool
master_ask_is_due(const struct wr_master *m, unsigned what, uint64_t now_ms)
{
    return (m->asked & 1u << what) != 0 && now_ms - m->asked_ms[what] >= MASTER_ASK_MS;
}

/* The keeper may ask for four things, each now and then: what comes too soon is done a little later, once. */
static void
master_tick_asked(struct wr_master *m, uint64_t now_ms)
{
    for (unsigned what = 0; m->asked != 0 && what < WR_ASKS; what++) {
        if (master_ask_is_due(m, what, now_ms)) {
            m->asked &= ~(1u << what);
            m->asked_ms[what] = now_ms;
            master_do_asked(m, (enum wr_ask)what);
        }
    }
}

/* From children alone, and but for a blob no descriptor is taken. */
static void
master_on_messages(struct wr_master *m)
{
    struct wr_message msg;
    pid_t from;
    int fd;

    for (unsigned i = 0; i < MASTER_MESSAGES && wr_channel_next(&msg, &fd, &from); i++) {
        int slot = master_slot_of(m, from);
        bool keeper = slot >= 0 && wr_process_is(&m->process[slot], WR_SLOT_KEEPER);
        if (msg.type == WR_MSG_BLOB && fd >= 0 && keeper) {
            wr_publish_accept(&msg.note, fd);
            continue;
        }
        if (fd >= 0) {
            close(fd);
        }
        if (msg.type == WR_MSG_NEED_LINE && slot >= 0) {
            wr_line_make(m, (unsigned)slot);
        } else if (msg.type == WR_MSG_NEED_LOG && keeper) {
            wr_logfiles_wanted(msg.value);
        } else if (msg.type == WR_MSG_ASK && keeper) {
            m->asked |= msg.value < WR_ASKS ? 1u << msg.value : 0;
        }
    }
}

/* What is to be sent to children; a full socket is tried again soon. */
static void
master_pump(struct wr_master *m)
{
    unsigned keepers[8];
    size_t n = 0;

    for (unsigned i = 0; i < WR_SLOTS_CHILDREN && n < WR_ARRAY_LEN(keepers); i++) {
        if (wr_process_is(&m->process[i], WR_SLOT_KEEPER)) {
            keepers[n++] = i;
        }
    }
    bool logs = wr_logfiles_pump(keepers, n);
    m->retry = !wr_publish_pump() || !logs;
}

/* ---- the loop ---- */

struct wr_master_poll {
    struct pollfd v[WR_SLOTS + 8];
    unsigned slot[WR_SLOTS + 8]; /* of a pidfd */
    nfds_t n;
};

static void
master_watch(struct wr_master_poll *p, int fd, unsigned slot)
{
    p->v[p->n] = (struct pollfd){.fd = fd, .events = POLLIN};
    p->slot[p->n++] = slot;
}

static void
master_watch_all(const struct wr_master *m, struct wr_master_poll *p)
{
    p->n = 0;
    master_watch(p, m->signal_fd, WR_SLOT_NONE);
    master_watch(p, wr_slot_event_fd(wr_slots_master()), WR_SLOT_NONE);
    master_watch(p, wr_slot_recv_fd(wr_slots_master()), WR_SLOT_NONE);
    master_watch(p, m->other.pid > 0 ? m->other.pidfd : -1, WR_SLOT_NONE);
    master_watch(p, m->other.pid > 0 ? m->other.pipe : -1, WR_SLOT_NONE);
    master_watch(p, wr_watch_fd(m->watch), WR_SLOT_NONE); /* wakes; its tick reads */
    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        if (m->process[i].pid > 0 && m->process[i].pidfd >= 0) {
            master_watch(p, m->process[i].pidfd, i);
        }
    }
}

static int
master_wait_ms(const struct wr_master *m)
{
    uint64_t now_ms = wr_master_now_ms(), next = WR_MIN(wr_reaper_next_ms(m), wr_watch_next_ms(m));

    if (m->pending != NULL) {
        next = WR_MIN(next, m->pending_by_ms);
    }
    if (m->other.pid > 0 && m->other.by_ms != 0) {
        next = WR_MIN(next, m->other.by_ms);
    }
    for (unsigned what = 0; m->asked != 0 && what < WR_ASKS; what++) {
        if (m->asked & 1u << what) {
            next = WR_MIN(next, m->asked_ms[what] + MASTER_ASK_MS);
        }
    }
    if (m->retry) {
        next = WR_MIN(next, now_ms + MASTER_RETRY_MS);
    }
    if (next == UINT64_MAX) {
        return -1;
    }
    return next <= now_ms ? 0 : (int)WR_MIN(next - now_ms, (uint64_t)60000);
}

static void
master_handle(struct wr_master *m, const struct wr_master_poll *p)
{
    int sig;

    if (p->v[1].revents) {
        wr_slot_take_mail(wr_slots_master());
    }
    if (p->v[2].revents) {
        master_on_messages(m);
    }
    if (p->v[4].revents && m->other.pipe >= 0) {
        wr_upgrade_on_pipe(m);
    }
    if (p->v[3].revents) {
        wr_upgrade_on_other_death(m);
    }
    for (nfds_t i = 6; i < p->n; i++) {
        if (p->v[i].revents && m->process[p->slot[i]].pidfd == p->v[i].fd) {
            wr_reaper_died(m, p->slot[i]);
        }
    }
    while (p->v[0].revents && (sig = wr_signals_next(m->signal_fd)) != 0) {
        master_on_signal(m, sig);
    }
}

/* Whether it may end: no worker is left, then no keeper. */
static bool
master_is_over(struct wr_master *m)
{
    if (m->mode == WR_MASTER_RUNS || wr_reaper_count(m, WR_SLOT_WORKER) > 0) {
        return false;
    }
    bool keepers = false, signers = false;
    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        if (wr_process_is(&m->process[i], WR_SLOT_SIGNER)) {
            signers = true;
            if (m->process[i].kill_ms == 0) {
                m->process[i].kill_ms = wr_master_now_ms() + WR_MASTER_KILL_MS;
            }
        } else if (wr_process_is(&m->process[i], WR_SLOT_KEEPER)) {
            keepers = true;
            if (m->process[i].kill_ms == 0) {
                wr_spawn_tell(m, i, WR_MAIL_STOP, WR_MASTER_KILL_MS);
            }
        }
    }
    return !keepers && !signers;
}

static void
master_loop(struct wr_master *m)
{
    struct wr_master_poll *p = wr_calloc(1, sizeof(*p));
    unsigned self = wr_slots_master();

    while (!master_is_over(m)) {
        master_watch_all(m, p);
        int wait = master_wait_ms(m);
        if (wr_slot_going_to_sleep(self) != 0) {
            /* Came while this one was awake: no descriptor tells of it, so it is taken here. */
            wr_slot_take_mail(self);
            wait = 0;
        }
        int n = poll(p->v, p->n, wait);
        wr_slot_awake(self);
        if (n > 0) {
            master_handle(m, p);
        }
        uint64_t now_ms = wr_master_now_ms();
        wr_watch_tick(m, now_ms);
        wr_generation_check(m);
        master_tick_asked(m, now_ms);
        wr_reaper_tick(m, now_ms);
        wr_upgrade_tick(m, now_ms);
        master_pump(m);
    }
    free(p);
}

/* ---- start and end ---- */

static void
master_make_identity(struct wr_master *m)
{
    uint8_t raw[4];
    char hex[9] = {0};

    wr_rand_bytes(wr_hash_key, sizeof(wr_hash_key));
    wr_rand_bytes(raw, sizeof(raw));
    wr_fmt_hex_bytes(hex, raw, sizeof(raw));
    snprintf(m->instance, sizeof(m->instance), "weir-%s", hex);
}

static bool
master_prepare(struct wr_master *m)
{
    uint64_t nofile = wr_privs_raise_nofile();

    wr_upgrade_find_program(m->program, sizeof(m->program), m->o->argv[0]);
    signal(SIGPIPE, SIG_IGN);
    m->signal_fd = wr_signals_open();
    if (m->signal_fd < 0) {
        wr_log(WR_LOG_ERROR, "cannot watch signals: %s; exiting", strerror(errno));
        return false;
    }
    wr_publish_set_sender(wr_channel_send_blob);
    if (wr_upgrade_is_successor()) {
        return wr_upgrade_adopt(m);
    }
    master_make_identity(m);
    return wr_slots_create((unsigned)WR_MIN(nofile / MASTER_FDS_PER_SLOT, (uint64_t)WR_SLOTS_CHILDREN));
}

int
wr_master_run(const struct wr_options *o)
{
    struct wr_master *m = wr_calloc(1, sizeof(*m));

    m->o = o;
    m->ready_fd = -1;
    m->keeper.slot = -1;
    m->watch = wr_watch_new();
    m->other = (struct wr_other){.pidfd = -1, .pipe = -1};
    if (o->daemon && !wr_upgrade_is_successor() && !master_daemonise(m)) {
        fprintf(stderr, "weir: cannot go to the background: %s\n", strerror(errno));
        return 1;
    }
    if (!master_prepare(m) || !wr_generation_first(m)) {
        wr_master_tell_starter(m, false);
        return 1;
    }
    master_loop(m);
    wr_log(WR_LOG_NOTICE, "weir has ended");
    wr_sockets_close(true);
    wr_upgrade_leave(m);
    return m->failed ? 1 : 0;
}
