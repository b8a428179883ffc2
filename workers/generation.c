/*
 * Generations: start, commit, failure, retirement.
 */
#include "workers/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <signal.h>

#include "config.h"
#include "core/base/log.h"
#include "core/shm/zone.h"
#include "core/upstream/share.h"
#include "workers/logfiles.h"
#include "workers/notify.h"
#include "workers/reaper.h"
#include "workers/sockets.h"
#include "workers/spawn.h"
#include "workers/state.h"
#include "workers/upgrade.h"
#include "workers/watch.h"

static struct wr_cycle *
generation_new(void)
{
    return wr_cycle_new(atomic_fetch_add(&wr_slots_table()->generation, 1) + 1);
}

static void
generation_log_sink(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    wr_logfiles_write_error(line, n);
}

/*
 * The verdict.
 */

static void
generation_print_messages(void *arg, FILE *to)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    if (f == NULL) {
        return;
    }
    wr_conf_print_messages(arg, f, true);
    fclose(f);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (*line != '\0') {
            fprintf(to, "message %s\n", line);
        }
    }
    free(text);
}

void
wr_generation_write_state(struct wr_master *m, const struct wr_cycle *attempt, const char *verdict)
{
    struct wr_state st = {
        .attempt = attempt->generation,
        .serving = m->current != NULL ? m->current->generation : 0,
        .verdict = verdict,
        .pid = getpid(),
        .workers = m->current != NULL ? m->current->workers : attempt->workers,
        .messages = generation_print_messages,
        .arg = (void *)&attempt->cf,
    };

    if (m->has_pid && !m->pid_is_aside) {
        wr_state_write(m->state_path, &st);
    }
}

static void
generation_log_messages(const struct wr_conf *cf)
{
    for (size_t i = 0; i < cf->messages_n; i++) {
        const struct wr_conf_message *msg = &cf->messages[i];
        enum wr_log_level level = msg->error ? WR_LOG_ERROR : msg->notice ? WR_LOG_NOTICE : WR_LOG_WARN;
        if (msg->place.file != NULL) {
            wr_log(level, "%s:%u: %s", msg->place.file, msg->place.line, msg->text);
        } else {
            wr_log(level, "%s", msg->text);
        }
    }
}

/* The reload is over, with bad news. */
static void
generation_refuse(struct wr_master *m, const struct wr_cycle *cy)
{
    generation_log_messages(&cy->cf);
    wr_log(WR_LOG_ERROR, "reload failed attempt=%llu errors=%zu; generation=%llu goes on",
           (unsigned long long)cy->generation, cy->cf.errors, (unsigned long long)m->current->generation);
    wr_generation_write_state(m, cy, "bad");
    wr_notify_ready("reload failed, the old configuration goes on");
}

/*
 * Start.
 */

/* Forks its workers; they have until pending_by_ms. */
static bool
generation_launch(struct wr_master *m, struct wr_cycle *cy)
{
    m->pending = cy;
    m->pending_by_ms = wr_master_now_ms() + WR_MASTER_START_MS;
    cy->launched = true;
    if (cy->cf.isolated && !wr_spawn_signer(m, cy)) {
        wr_generation_failed(m, "the signer of the new generation could not be forked");
        return false;
    }
    for (unsigned i = 0; i < cy->workers; i++) {
        if (!wr_spawn_worker(m, cy, i)) {
            wr_generation_failed(m, "not all workers of the new generation could be forked");
            return false;
        }
    }
    return true;
}

/* Where pid and state files are; the preset is silent where an ordinary user cannot write. */
static bool
generation_write_pid(struct wr_master *m, const struct wr_cycle *cy)
{
    struct wr_str path = cy->model->weir.pid;
    bool preset = path.n == 0;

    if (preset) {
        path = WR_STR(WR_STATE_PID);
    }
    int n = snprintf(m->pid_path, sizeof(m->pid_path), "%.*s", WR_STR_ARG(path));
    if (n >= (int)sizeof(m->pid_path) || !wr_state_path(m->state_path, sizeof(m->state_path), path)) {
        fprintf(stderr, "weir: the path of the pid file is too long\n");
        return false;
    }
    pid_t there = wr_pid_read(m->pid_path);
    bool taken = !m->adopted && there != getpid() && there != getppid() && wr_pid_is_weir(there);
    if (taken && m->o->file != NULL) {
        fprintf(stderr, "weir: %s names a weir that runs, pid %d\n", m->pid_path, (int)there);
        return false;
    }
    /* the no-file form is at nobody's expense: without the file it runs as well */
    m->has_pid = !taken && wr_pid_write(m->pid_path, getpid());
    if (!m->has_pid && !preset) {
        fprintf(stderr, "weir: cannot write the pid file %s: %s\n", m->pid_path, strerror(errno));
        return false;
    }
    if (!m->has_pid && m->o->file != NULL) {
        wr_log(WR_LOG_WARN, "cannot write the pid file path=%s: %s; weir -s will not find this one",
               m->pid_path, strerror(errno));
    }
    return true;
}

/* Detached: what is said from here on goes to the error log. */
static void
generation_leave_terminal(struct wr_master *m, const struct wr_cycle *cy)
{
    if (!m->o->daemon || m->adopted) {
        return;
    }
    if (wr_str_eq(cy->model->weir.error_log.path, WR_STR("stderr"))) {
        fprintf(stderr, "weir: warning: error_log is stderr, which nobody reads with -d\n");
    }
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i <= STDERR_FILENO; i++) {
        dup2(fd, i);
    }
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

bool
wr_generation_first(struct wr_master *m)
{
    struct wr_cycle *cy = generation_new();
    bool built = wr_cycle_build(cy, m->o), ok = built && wr_watch_first(m, cy);

    wr_conf_print_messages(&cy->cf, stderr, !m->o->quiet);
    if (built && !ok) {
        wr_cycle_abort();
    }
    if (!ok) {
        wr_upgrade_explain(m, cy);
        return false;
    }
    if (!generation_write_pid(m, cy)) {
        wr_cycle_abort();
        return false;
    }
    generation_leave_terminal(m, cy);
    wr_logfiles_use_next();
    wr_log_set(generation_log_sink, NULL, cy->model->weir.error_log.level);
    wr_generation_write_state(m, cy, "trying");
    if (!wr_spawn_keeper(m, cy) || !generation_launch(m, cy)) {
        m->failed = true;
        wr_generation_end(m, true);
    }
    return true;
}

static void
generation_announce(struct wr_master *m)
{
    m->announced = true;
    wr_log(WR_LOG_NOTICE, "weir serves version=" WR_VERSION " pid=%d generation=%llu workers=%u%s",
           (int)getpid(), (unsigned long long)m->current->generation, m->current->workers,
           m->adopted ? " after=upgrade" : "");
    wr_master_tell_starter(m, true);
    if (m->adopted) {
        wr_notify_main_pid(getpid());
    }
    wr_notify_ready("serving");
}

/* A keeper that knows the new configuration; it asks the old one to hand over. */
static void
generation_renew_keeper(struct wr_master *m)
{
    int before = m->keeper.slot;

    if (!wr_spawn_keeper(m, m->current)) {
        m->keeper.slot = before;
    } else if (before >= 0) {
        wr_spawn_tell(m, (unsigned)before, WR_MAIL_HANDOVER, 2 * WR_MASTER_KILL_MS);
    }
}

static void
generation_retire(struct wr_master *m, struct wr_cycle *cy)
{
    cy->next = m->old;
    m->old = cy;
    if (cy->signer.slot >= 0) {
        wr_spawn_tell(m, (unsigned)cy->signer.slot, WR_MAIL_DRAIN, 0);
    }
    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        if (m->process[i].cycle == cy && wr_process_is(&m->process[i], WR_SLOT_WORKER)) {
            wr_spawn_tell(m, i, WR_MAIL_DRAIN, 0);
        }
    }
}

/* All its workers serve: from now on it is the one. */
static void
generation_commit(struct wr_master *m)
{
    struct wr_cycle *before = m->current;

    wr_cycle_commit();
    wr_watch_commit(m);
    m->current = m->pending;
    m->pending = NULL;
    m->away = false;
    wr_log_set(generation_log_sink, NULL, m->current->model->weir.error_log.level);
    if (before == NULL) {
        generation_announce(m);
    } else {
        generation_retire(m, before);
        generation_renew_keeper(m);
        generation_log_messages(&m->current->cf);
        wr_log(WR_LOG_NOTICE, "reloaded generation=%llu workers=%u; generation=%llu drains",
               (unsigned long long)m->current->generation, m->current->workers,
               (unsigned long long)before->generation);
        wr_notify_ready("serving");
    }
    wr_generation_write_state(m, m->current, "good");
    wr_generation_sweep(m);
}

/* The pending one is given up: it does not serve, and what was made for it goes. */
static struct wr_cycle *
generation_abort(struct wr_master *m)
{
    struct wr_cycle *cy = m->pending;

    m->pending = NULL;
    if (cy->signer.slot >= 0) {
        wr_spawn_tell(m, (unsigned)cy->signer.slot, WR_MAIL_DRAIN, WR_MASTER_KILL_MS);
    }
    for (unsigned i = 0; i < cy->workers; i++) {
        if (cy->seats[i].slot >= 0) {
            wr_spawn_tell(m, (unsigned)cy->seats[i].slot, WR_MAIL_DRAIN | WR_MAIL_STOP, WR_MASTER_KILL_MS);
        }
    }
    wr_cycle_abort();
    wr_watch_abort(m);
    cy->next = m->old;
    m->old = cy;
    return cy;
}

void
wr_generation_failed(struct wr_master *m, const char *why)
{
    struct wr_cycle *cy = generation_abort(m);

    wr_conf_error(&cy->cf, (struct wr_place){0}, "%s", why);
    if (m->current == NULL) {
        wr_log(WR_LOG_ERROR, "%s; exiting", why);
        wr_upgrade_explain(m, cy);
        wr_generation_write_state(m, cy, "bad");
        m->failed = true;
        wr_generation_end(m, true);
    } else {
        generation_refuse(m, cy);
    }
}

/* Whether its workers have been forked, which waits for its files to be checked. */
static bool
generation_is_launched(struct wr_master *m)
{
    if (m->pending->launched) {
        return true;
    }
    if (wr_watch_verdict(m->watch) == WR_WATCH_BAD) {
        generation_refuse(m, generation_abort(m));
    } else if (wr_watch_verdict(m->watch) == WR_WATCH_GOOD) {
        return generation_launch(m, m->pending);
    }
    return false;
}

static void
generation_check_pending(struct wr_master *m)
{
    struct wr_slots *t = wr_slots_table();
    bool all = true;

    if (!generation_is_launched(m)) {
        return;
    }
    for (unsigned i = 0; i < m->pending->workers; i++) {
        int slot = m->pending->seats[i].slot;
        all = all && slot >= 0 && atomic_load(&t->slot[slot].state) == WR_SLOT_SERVING;
    }
    if (all) {
        generation_commit(m);
    } else if (wr_master_now_ms() >= m->pending_by_ms) {
        wr_generation_failed(m, "the workers of the new generation did not serve within 10 seconds");
    }
}

void
wr_generation_check(struct wr_master *m)
{
    if (m->pending == NULL) {
        return;
    }
    generation_check_pending(m);
    if (m->pending == NULL && m->reload_again && m->mode == WR_MASTER_RUNS) {
        wr_generation_reload(m);
    }
}

void
wr_generation_reload(struct wr_master *m)
{
    if (m->mode != WR_MASTER_RUNS || m->current == NULL) {
        return;
    }
    m->reload_again = m->pending != NULL;
    if (m->reload_again) {
        return;
    }
    wr_notify_reloading();
    struct wr_cycle *cy = generation_new();
    if (!wr_cycle_build(cy, m->o)) {
        generation_refuse(m, cy);
        wr_cycle_free(cy);
        return;
    }
    wr_generation_write_state(m, cy, "trying");
    m->pending = cy;
    m->pending_by_ms = UINT64_MAX; /* the checker has its own bound */
    wr_watch_begin(m, cy);
    wr_generation_check(m);
}

/*
 * Retirement.
 */

void
wr_generation_send_away(struct wr_master *m)
{
    if (m->current == NULL || m->mode != WR_MASTER_RUNS) {
        return;
    }
    m->away = true;
    wr_log(WR_LOG_NOTICE, "workers are told to drain and are not replaced generation=%llu",
           (unsigned long long)m->current->generation);
    for (unsigned i = 0; i < m->current->workers; i++) {
        m->current->seats[i].restart_ms = 0;
        if (m->current->seats[i].slot >= 0) {
            wr_spawn_tell(m, (unsigned)m->current->seats[i].slot, WR_MAIL_DRAIN, 0);
        }
    }
}

void
wr_generation_call_back(struct wr_master *m)
{
    if (m->current == NULL || m->mode != WR_MASTER_RUNS || !m->away) {
        return;
    }
    m->away = false;
    wr_log(WR_LOG_NOTICE, "starting workers again generation=%llu",
           (unsigned long long)m->current->generation);
    for (unsigned i = 0; i < m->current->workers; i++) {
        if (!wr_spawn_worker(m, m->current, i)) {
            m->current->seats[i].restart_ms = wr_master_now_ms() + WR_BACKOFF_FIRST_MS;
        }
    }
}

static void
generation_end_worker(struct wr_master *m, unsigned slot, bool fast)
{
    struct wr_process *p = &m->process[slot];
    uint64_t drain_ms = p->cycle->model->weir.drain_ms;

    if (fast) {
        p->told = true;
        p->kill_ms = wr_master_now_ms() + WR_MASTER_KILL_MS / 2;
        syscall(SYS_pidfd_send_signal, p->pidfd, SIGTERM, NULL, 0);
    } else {
        wr_spawn_tell(m, slot, WR_MAIL_DRAIN | WR_MAIL_STOP, drain_ms + WR_MASTER_KILL_MS);
    }
}

void
wr_generation_end(struct wr_master *m, bool fast)
{
    if (m->mode == WR_MASTER_STOPS || (m->mode == WR_MASTER_QUITS && !fast)) {
        return;
    }
    if (m->mode == WR_MASTER_RUNS) {
        wr_log(WR_LOG_NOTICE, "%s", fast ? "stopping" : "quitting: requests in progress may end");
        wr_notify_stopping();
    }
    if (m->keeper.slot < 0 && m->current != NULL && !(m->other.pid > 0 && m->other.newer)) {
        wr_spawn_keeper(m, m->current); /* it was about to be started again: the rings have lines */
    }
    m->mode = fast ? WR_MASTER_STOPS : WR_MASTER_QUITS;
    if (m->pending != NULL) {
        wr_generation_failed(m, "weir was told to stop");
    }
    /* whoever connects now shall be refused, not left waiting */
    wr_sockets_close(false);
    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        if (wr_process_is(&m->process[i], WR_SLOT_WORKER)) {
            generation_end_worker(m, i, fast);
        } else if (wr_process_is(&m->process[i], WR_SLOT_SIGNER)) {
            wr_spawn_tell(m, i, WR_MAIL_DRAIN, 0); /* it goes behind the last worker */
        }
    }
}

/* Two masters share the zone of upstreams for a while: neither takes rows that a child of the other uses. */
static uint64_t
generation_oldest_alive(uint64_t oldest)
{
    struct wr_slots *t = wr_slots_table();

    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        uint32_t state = atomic_load(&t->slot[i].state);
        if (state != WR_SLOT_FREE && state != WR_SLOT_DEAD) {
            oldest = WR_MIN(oldest, t->slot[i].generation);
        }
    }
    return oldest;
}

void
wr_generation_sweep(struct wr_master *m)
{
    uint64_t oldest = m->current != NULL ? m->current->generation : 0;

    for (struct wr_cycle **at = &m->old; *at != NULL;) {
        struct wr_cycle *cy = *at;
        if (cy->alive == 0) {
            *at = cy->next;
            wr_cycle_free(cy);
        } else {
            oldest = WR_MIN(oldest, cy->generation);
            at = &cy->next;
        }
    }
    if (m->current != NULL) {
        wr_zones_sweep(oldest);
        wr_share_sweep(generation_oldest_alive(oldest));
    }
}
