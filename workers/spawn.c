/*
 * Forking children: claim a slot, fork, and in the child let go of everything
 * that is the master's or another child's.
 */
#include "workers/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/publish.h"
#include "workers/keeper.h"
#include "workers/logfiles.h"
#include "workers/signer.h"
#include "workers/watch.h"
#include "workers/worker.h"

/* Order: as enum wr_slot_kind. */
const struct wr_child_kind wr_child_kinds[] = {
    [WR_SLOT_WORKER] = {.name = "worker",
                        .slot_kind = WR_SLOT_WORKER,
                        .as_user = true,
                        .restarts = true,
                        .listens = true,
                        .run = wr_worker_run},
    [WR_SLOT_KEEPER] = {.name = "keeper",
                        .slot_kind = WR_SLOT_KEEPER,
                        .as_user = true,
                        .restarts = true,
                        .controls = true,
                        .writes_logs = true,
                        .run = wr_keeper_run},
    [WR_SLOT_SIGNER] = {.name = "signer",
                        .slot_kind = WR_SLOT_SIGNER,
                        .as_user = true,
                        .restarts = true,
                        .run = wr_signer_run},
};

bool
wr_process_is(const struct wr_process *p, enum wr_slot_kind kind)
{
    return p->pid > 0 && p->kind != NULL && p->kind->slot_kind == kind;
}

static int
spawn_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* In the child: what it shall not have. */
static void
spawn_close(const struct wr_master *m, const struct wr_child_kind *kind, const struct wr_cycle *cy)
{
    for (unsigned i = 0; i < WR_SLOTS; i++) {
        if (m->process[i].pid > 0 && m->process[i].pidfd >= 0) {
            close(m->process[i].pidfd);
        }
    }
    if (m->other.pid > 0) {
        close(m->other.pidfd);
        if (m->other.pipe >= 0) {
            close(m->other.pipe);
        }
    }
    if (m->ready_fd >= 0) {
        close(m->ready_fd);
    }
    wr_watch_leave(m->watch);
    wr_cycle_enter(cy, kind->listens, kind->controls);
    if (!kind->writes_logs) {
        wr_logfiles_close();
    }
}

static WR_NORETURN void
spawn_child(struct wr_master *m, const struct wr_child_kind *kind, struct wr_start *st)
{
    int signal_fd = m->signal_fd;

    st->signal_fd = signal_fd;
    st->instance = m->instance;
    spawn_close(m, kind, st->cycle);
    kind->run(st);
    _exit(1);
}

static void
spawn_unclaim(unsigned slot)
{
    wr_slot_bury(slot);
    wr_slot_free(slot);
}

/* Where keys are isolated, they are the signer's alone. */
static bool
spawn_has_secrets(const struct wr_child_kind *kind, const struct wr_cycle *cy)
{
    return kind->slot_kind == WR_SLOT_SIGNER ||
        (!cy->cf.isolated && (kind->slot_kind == WR_SLOT_WORKER || cy->cf.keeper_secrets));
}

/* The slot of the new child, or -1. */
static int
spawn_fork(struct wr_master *m, const struct wr_child_kind *kind, struct wr_cycle *cy, unsigned index)
{
    int slot = wr_slot_claim(kind->slot_kind, cy->generation, index);
    struct wr_start st = {.cycle = cy, .slot = (unsigned)slot, .index = index, .master = getpid()};

    if (slot < 0) {
        wr_log(WR_LOG_ERROR, "no slot is free kind=%s; too many old workers are still draining", kind->name);
        return -1;
    }
    wr_publish_born((unsigned)slot, spawn_has_secrets(kind, cy));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        spawn_child(m, kind, &st);
    }
    int pidfd = pid > 0 ? spawn_pidfd(pid) : -1;
    if (pid < 0 || pidfd < 0) {
        wr_log(WR_LOG_ERROR, "cannot fork kind=%s: %s", kind->name, strerror(errno));
        if (pid > 0) {
            kill(pid, SIGKILL);
        }
        spawn_unclaim((unsigned)slot);
        return -1;
    }
    wr_slot_set_pid((unsigned)slot, pid);
    m->process[slot] =
        (struct wr_process){.pid = pid, .pidfd = pidfd, .kind = kind, .cycle = cy, .index = index};
    cy->alive++;
    return slot;
}

bool
wr_spawn_worker(struct wr_master *m, struct wr_cycle *cy, unsigned index)
{
    struct wr_seat *seat = &cy->seats[index];

    seat->restart_ms = 0;
    seat->slot = spawn_fork(m, &wr_child_kinds[WR_SLOT_WORKER], cy, index);
    return seat->slot >= 0;
}

bool
wr_spawn_signer(struct wr_master *m, struct wr_cycle *cy)
{
    cy->signer.restart_ms = 0;
    cy->signer.slot = spawn_fork(m, &wr_child_kinds[WR_SLOT_SIGNER], cy, 0);
    return cy->signer.slot >= 0;
}

bool
wr_spawn_keeper(struct wr_master *m, struct wr_cycle *cy)
{
    m->keeper.restart_ms = 0;
    m->keeper.slot = spawn_fork(m, &wr_child_kinds[WR_SLOT_KEEPER], cy, 0);
    return m->keeper.slot >= 0;
}

void
wr_spawn_adopt_orphan(struct wr_master *m, unsigned slot)
{
    struct wr_slot *s = wr_slot_at(wr_slots_table(), slot);
    pid_t pid = atomic_load(&s->pid);
    int pidfd = pid > 0 ? spawn_pidfd(pid) : -1;

    /* a process of that number that was started at another time is another one */
    if (pidfd >= 0 && wr_slot_start_ticks(pid) != s->start_ticks) {
        close(pidfd);
        pidfd = -1;
    }
    m->process[slot] = (struct wr_process){.pid = pid > 0 ? pid : -1, .pidfd = pidfd, .told = true};
    s->master = wr_slots_master();
}

void
wr_spawn_tell(struct wr_master *m, unsigned slot, uint32_t mail, uint64_t kill_after_ms)
{
    struct wr_process *p = &m->process[slot];
    uint64_t kill_ms = wr_master_now_ms() + kill_after_ms;

    if (p->pid == 0) {
        return;
    }
    p->told = true;
    if (kill_after_ms > 0 && (p->kill_ms == 0 || kill_ms < p->kill_ms)) {
        p->kill_ms = kill_ms;
    }
    wr_slot_mail(slot, mail);
}
