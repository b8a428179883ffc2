/*
 * Deaths.  Order matters: the epoch goes on first, so that every owner's mark
 * of the dead is void; then zones are reaped; then the slot is free; then all
 * are woken to look.
 */
#include "workers/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/fmt.h"
#include "core/base/log.h"
#include "core/shm/publish.h"
#include "core/shm/zone.h"
#include "workers/generation.h"
#include "workers/signals.h"
#include "workers/spawn.h"

/* Bounds of this binary's constant texts. */
extern const char __executable_start[], edata[];

/* The place in the code, if it is a text of ours: shared memory may say anything. */
static void
reaper_where(const char *where, char *dst, size_t room)
{
    size_t n = 0;

    if (where >= __executable_start && where < edata) {
        n = strnlen(where, WR_MIN((size_t)(edata - where), room - 1));
    }
    memcpy(dst, n > 0 ? where : "-", n > 0 ? n : 1);
    dst[n > 0 ? n : 1] = '\0';
}

static void
reaper_text(const char *text, size_t room, char *dst, size_t dst_room)
{
    size_t n = wr_escape(dst, dst_room - 1, wr_str_make(text, strnlen(text, room)), WR_ESCAPE_LOG);

    if (n == 0) {
        dst[n++] = '-';
    }
    dst[n] = '\0';
}

static void
reaper_log_crash(const struct wr_process *p, unsigned slot, int status, const char *next)
{
    struct wr_slot *s = wr_slot_at(wr_slots_table(), slot);
    char request[160], route[300], where[128], how[48];
    enum wr_log_level level = WR_LOG_ALERT;

    reaper_text(s->note.request_id, sizeof(s->note.request_id), request, sizeof(request));
    reaper_text(s->note.route, sizeof(s->note.route), route, sizeof(route));
    reaper_where(atomic_load(&s->note.where), where, sizeof(where));
    if (WIFSIGNALED(status)) {
        snprintf(how, sizeof(how), "signal=%s", wr_signal_name(WTERMSIG(status)));
        /* whoever sent it, it was not weir */
        level = WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM ? WR_LOG_ERROR : WR_LOG_ALERT;
    } else {
        snprintf(how, sizeof(how), "status=%d", WEXITSTATUS(status));
        level = WR_LOG_ERROR;
    }
    wr_log(level, "%s died %s process=%d slot=%u generation=%llu req=%s route=%s where=%s; %s",
           p->kind != NULL ? p->kind->name : "process", how, (int)p->pid, slot,
           (unsigned long long)s->generation, request, route, where, next);
}

/* What the dead leaves in shared memory. */
static void
reaper_clean(unsigned slot)
{
    bool keeper = wr_slot_at(wr_slots_table(), slot)->kind == WR_SLOT_KEEPER;

    wr_publish_died(slot);
    if (!wr_slot_bury(slot)) {
        return;
    }
    wr_zones_reap(slot);
    wr_slot_free(slot);
    if (keeper) {
        wr_publish_publisher_died();
    }
    wr_slot_mail_all(WR_MAIL_ALL, WR_SLOT_NONE);
}

unsigned
wr_reaper_count(const struct wr_master *m, enum wr_slot_kind kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        n += wr_process_is(&m->process[i], kind);
    }
    return n;
}

/* Whether somebody else of the generation that serves accepts, or is about to. */
static bool
reaper_others_accept(const struct wr_master *m)
{
    for (unsigned i = 0; i < m->current->workers; i++) {
        int slot = m->current->seats[i].slot;
        if (slot >= 0 &&
            atomic_load(&wr_slot_at(wr_slots_table(), (unsigned)slot)->state) == WR_SLOT_SERVING) {
            return true;
        }
    }
    return false;
}

/* Starts another now, or sets the date. */
static void
reaper_replace(struct wr_master *m, struct wr_seat *seat, uint64_t lived_ms, bool last)
{
    uint64_t now_ms = wr_master_now_ms();
    uint64_t delay_ms = wr_backoff_died(&m->backoff, &seat->backoff_ms, now_ms, lived_ms, last);

    seat->slot = -1;
    seat->restart_ms = now_ms + delay_ms;
    if (delay_ms > 0) {
        wr_log(WR_LOG_WARN, "processes die again and again; the next start waits delay_ms=%llu",
               (unsigned long long)delay_ms);
    }
}

static bool
reaper_keeper_wanted(const struct wr_master *m)
{
    /* the newer master's keeper has asked ours to go */
    return m->mode != WR_MASTER_STOPS && !(m->other.pid > 0 && m->other.newer) &&
        (m->mode == WR_MASTER_RUNS || wr_reaper_count(m, WR_SLOT_WORKER) > 0);
}

static void
reaper_keeper_died(struct wr_master *m, const struct wr_process *p, unsigned slot, int status,
                   uint64_t lived_ms)
{
    bool ours = m->keeper.slot == (int)slot;
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool wanted = ours && !p->told && reaper_keeper_wanted(m) && m->current != NULL;

    if (!clean) {
        reaper_log_crash(p, slot, status, wanted ? "starting another" : "not replaced");
    }
    if (ours) {
        m->keeper.slot = -1;
    }
    if (wanted) {
        reaper_replace(m, &m->keeper, lived_ms, true); /* nobody else drains the logs */
    }
}

/* Without it the workers of its generation shake no hands. */
static void
reaper_signer_died(struct wr_master *m, const struct wr_process *p, unsigned slot, int status,
                   uint64_t lived_ms)
{
    struct wr_cycle *cy = p->cycle;
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool wanted = !p->told && cy->signer.slot == (int)slot && m->mode == WR_MASTER_RUNS;

    if (cy->signer.slot == (int)slot) {
        cy->signer.slot = -1;
    }
    if (cy == m->pending && wanted) {
        reaper_log_crash(p, slot, status, "giving up the new generation");
        wr_generation_failed(m, "the signer of the new generation died while it started");
    } else if (!clean) {
        reaper_log_crash(p, slot, status, wanted ? "starting another" : "not replaced");
    }
    if (wanted && cy == m->current) {
        reaper_replace(m, &cy->signer, lived_ms, true);
    }
}

static void
reaper_worker_died(struct wr_master *m, const struct wr_process *p, unsigned slot, int status,
                   uint64_t lived_ms)
{
    struct wr_cycle *cy = p->cycle;
    struct wr_seat *seat = &cy->seats[p->index];
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool seated = seat->slot == (int)slot;

    if (seated) {
        seat->slot = -1;
    }
    if (cy == m->pending && !p->told) {
        reaper_log_crash(p, slot, status, "giving up the new generation");
        wr_generation_failed(m, "a worker of the new generation died while it started");
    } else if (cy == m->current && !p->told && seated && m->mode == WR_MASTER_RUNS) {
        reaper_log_crash(p, slot, status, "starting another");
        reaper_replace(m, seat, lived_ms, !reaper_others_accept(m));
    } else if (!clean) {
        reaper_log_crash(p, slot, status, "not replaced");
    } else {
        wr_log(WR_LOG_NOTICE, "worker has drained process=%d slot=%u generation=%llu", (int)p->pid, slot,
               (unsigned long long)cy->generation);
    }
}

void
wr_reaper_died(struct wr_master *m, unsigned slot)
{
    struct wr_process p = m->process[slot];
    uint64_t lived_ms = wr_master_now_ms() - wr_slot_at(wr_slots_table(), slot)->started_ms;
    int status = 0;

    if (p.kind != NULL && waitpid(p.pid, &status, WNOHANG) == 0) {
        return;
    }
    if (p.pidfd >= 0) {
        close(p.pidfd);
    }
    m->process[slot] = (struct wr_process){0};
    /* the slot is kept until its note was printed */
    if (wr_process_is(&p, WR_SLOT_WORKER)) {
        reaper_worker_died(m, &p, slot, status, lived_ms);
    } else if (wr_process_is(&p, WR_SLOT_KEEPER)) {
        reaper_keeper_died(m, &p, slot, status, lived_ms);
    } else if (wr_process_is(&p, WR_SLOT_SIGNER)) {
        reaper_signer_died(m, &p, slot, status, lived_ms);
    }
    reaper_clean(slot);
    if (p.cycle != NULL) {
        p.cycle->alive--;
    }
    wr_reaper_tick(m, wr_master_now_ms());
    wr_generation_sweep(m);
}

/* By the descriptor: a pid may have become somebody else's. */
static void
reaper_kill(const struct wr_process *p)
{
    syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
}

static bool
reaper_due(const struct wr_seat *seat, uint64_t now_ms)
{
    return seat->slot < 0 && seat->restart_ms != 0 && seat->restart_ms <= now_ms;
}

void
wr_reaper_tick(struct wr_master *m, uint64_t now_ms)
{
    for (unsigned i = 0; m->current != NULL && m->mode == WR_MASTER_RUNS && i < m->current->workers; i++) {
        struct wr_seat *seat = &m->current->seats[i];
        if (!m->away && reaper_due(seat, now_ms) && !wr_spawn_worker(m, m->current, i)) {
            seat->restart_ms = now_ms + WR_BACKOFF_FIRST_MS;
        }
    }
    if (m->current != NULL && m->mode == WR_MASTER_RUNS && reaper_due(&m->current->signer, now_ms) &&
        !wr_spawn_signer(m, m->current)) {
        m->current->signer.restart_ms = now_ms + WR_BACKOFF_FIRST_MS;
    }
    if (m->current != NULL && reaper_due(&m->keeper, now_ms) && reaper_keeper_wanted(m) &&
        !wr_spawn_keeper(m, m->current)) {
        m->keeper.restart_ms = now_ms + WR_BACKOFF_FIRST_MS;
    }
    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        struct wr_process *p = &m->process[i];
        if (p->pid > 0 && p->kill_ms != 0 && p->kill_ms <= now_ms) {
            wr_log(WR_LOG_WARN, "process has not ended in time process=%d slot=%u; killing it", (int)p->pid,
                   i);
            p->kill_ms = 0;
            reaper_kill(p);
        }
    }
}

uint64_t
wr_reaper_next_ms(const struct wr_master *m)
{
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0;
         m->current != NULL && m->mode == WR_MASTER_RUNS && !m->away && i < m->current->workers; i++) {
        const struct wr_seat *seat = &m->current->seats[i];
        if (seat->slot < 0 && seat->restart_ms != 0) {
            next = WR_MIN(next, seat->restart_ms);
        }
    }
    if (m->current != NULL && m->mode == WR_MASTER_RUNS && m->current->signer.slot < 0 &&
        m->current->signer.restart_ms != 0) {
        next = WR_MIN(next, m->current->signer.restart_ms);
    }
    if (m->keeper.slot < 0 && m->keeper.restart_ms != 0 && reaper_keeper_wanted(m)) {
        next = WR_MIN(next, m->keeper.restart_ms);
    }
    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        const struct wr_process *p = &m->process[i];
        if (p->pid > 0 && p->kill_ms != 0) {
            next = WR_MIN(next, p->kill_ms);
        }
    }
    return next;
}

void
wr_reaper_adopt_orphans(struct wr_master *m, unsigned other_slot)
{
    struct wr_slots *t = wr_slots_table();

    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        struct wr_slot *s = &t->slot[i];
        uint32_t state = atomic_load(&s->state);
        if (state == WR_SLOT_FREE || state == WR_SLOT_DEAD || s->master != other_slot ||
            m->process[i].pid != 0) {
            continue;
        }
        wr_spawn_adopt_orphan(m, i);
        if (m->process[i].pidfd < 0) {
            wr_reaper_died(m, i);
        }
    }
}
