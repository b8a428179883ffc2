/*
 * Upgrading the binary without losing a connection, and the way back.
 */
#include "workers/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/fmt.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/shm/publish.h"
#include "core/shm/zone.h"
#include "workers/generation.h"
#include "workers/notify.h"
#include "workers/reaper.h"
#include "workers/signals.h"
#include "workers/sockets.h"
#include "workers/spawn.h"
#include "workers/state.h"

#define UPGRADE_ENV "WEIR_MANIFEST"
#define UPGRADE_READY_MS 60000
#define UPGRADE_LINE_BYTES 512

/* ---- writing the manifest ---- */

struct wr_upgrade_writer {
    FILE *to;
    int fds[WR_SLOTS * 3 + WR_ZONES + WR_SOCKETS + WR_PUBLISH_NAMES + 8]; /* that the successor keeps */
    size_t fds_n;
};

static void
upgrade_pass(struct wr_upgrade_writer *w, int fd)
{
    if (fd >= 0 && w->fds_n < WR_ARRAY_LEN(w->fds)) {
        w->fds[w->fds_n++] = fd;
    }
}

static void
upgrade_put_zone(void *arg, const struct wr_zone *z)
{
    struct wr_upgrade_writer *w = arg;

    fprintf(w->to, "zone %d %llx %zu %s\n", z->fd, (unsigned long long)z->layout, z->bytes, z->name);
    upgrade_pass(w, z->fd);
}

static void
upgrade_put_socket(void *arg, const struct wr_socket *s)
{
    struct wr_upgrade_writer *w = arg;
    char text[WR_ADDR_TEXT_BYTES];

    if (s->kept) {
        wr_addr_text(&s->addr, text);
        fprintf(w->to, "%s %d %d %s\n", s->control ? "control" : "socket", s->fd, s->both_families, text);
        upgrade_pass(w, s->fd);
    }
}

static void
upgrade_put_blob(void *arg, const struct wr_publish_note *note, int fd)
{
    struct wr_upgrade_writer *w = arg;

    fprintf(w->to, "blob %d %llu %llu %.*s\n", fd, (unsigned long long)note->version,
            (unsigned long long)note->bytes, (int)sizeof(note->name), note->name);
    upgrade_pass(w, fd);
}

static void
upgrade_put_slots(struct wr_upgrade_writer *w)
{
    const struct wr_slots_fds *fds = wr_slots_fds();

    fprintf(w->to, "table %d %u %s\n", fds->table, wr_slots_master(), wr_slots_layout);
    upgrade_pass(w, fds->table);
    for (unsigned i = 0; i < WR_SLOTS; i++) {
        if (fds->event[i] >= 0) {
            fprintf(w->to, "slot %u %d %d %d\n", i, fds->event[i], fds->recv[i], fds->send[i]);
            upgrade_pass(w, fds->event[i]);
            upgrade_pass(w, fds->recv[i]);
            upgrade_pass(w, fds->send[i]);
        }
    }
}

/* The sealed manifest, or -1. */
static int
upgrade_write_manifest(struct wr_master *m, struct wr_upgrade_writer *w, int ready_fd)
{
    int fd = memfd_create("weir-manifest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    w->to = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
    if (w->to == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    fprintf(w->to, "weir 1\nmaster %d\nready %d\ninstance %s\n", (int)getpid(), ready_fd, m->instance);
    fprintf(w->to, "hashkey %llx %llx\n", (unsigned long long)wr_hash_key[0],
            (unsigned long long)wr_hash_key[1]);
    upgrade_put_slots(w);
    wr_zones_each(upgrade_put_zone, w);
    wr_sockets_each(upgrade_put_socket, w);
    wr_publish_each(upgrade_put_blob, w);
    bool good = !ferror(w->to) && fclose(w->to) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
    if (!good) {
        close(fd);
        return -1;
    }
    upgrade_pass(w, fd);
    upgrade_pass(w, ready_fd);
    return fd;
}

/* ---- starting the successor ---- */

static WR_NORETURN void
upgrade_exec(struct wr_master *m, const struct wr_upgrade_writer *w, int manifest, int ready_fd)
{
    char number[16];

    for (size_t i = 0; i < w->fds_n; i++) {
        fcntl(w->fds[i], F_SETFD, 0);
    }
    snprintf(number, sizeof(number), "%d", manifest);
    setenv(UPGRADE_ENV, number, 1);
    wr_signals_reset();
    execv(m->program, m->o->argv);
    dprintf(ready_fd, "cannot execute %s: %s", m->program, strerror(errno));
    _exit(1);
}

/* The pid file makes room for the successor's. */
static bool
upgrade_put_pid_aside(struct wr_master *m)
{
    char aside[PATH_MAX + 8];

    if (!m->has_pid) {
        return true;
    }
    snprintf(aside, sizeof(aside), "%s.oldbin", m->pid_path);
    if (rename(m->pid_path, aside) < 0) {
        return false;
    }
    m->pid_is_aside = true;
    return true;
}

static void
upgrade_take_pid_back(struct wr_master *m)
{
    char aside[PATH_MAX + 8];

    if (!m->pid_is_aside) {
        return;
    }
    m->pid_is_aside = false;
    snprintf(aside, sizeof(aside), "%s.oldbin", m->pid_path);
    if (rename(aside, m->pid_path) < 0) {
        wr_log(WR_LOG_WARN, "cannot take the pid file back path=%s: %s", m->pid_path, strerror(errno));
    }
}

static bool
upgrade_fork(struct wr_master *m, const struct wr_upgrade_writer *w, int manifest, const int ready[2])
{
    pid_t pid = fork();

    if (pid == 0) {
        close(ready[0]);
        upgrade_exec(m, w, manifest, ready[1]);
    }
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd < 0) {
        return false;
    }
    m->other = (struct wr_other){.pid = pid,
                                 .pidfd = pidfd,
                                 .pipe = ready[0],
                                 .newer = true,
                                 .by_ms = wr_master_now_ms() + UPGRADE_READY_MS};
    return true;
}

void
wr_upgrade_begin(struct wr_master *m)
{
    struct wr_upgrade_writer *w = wr_calloc(1, sizeof(*w));
    int ready[2] = {-1, -1}, manifest = -1;
    bool good = false;

    if (m->mode != WR_MASTER_RUNS || m->current == NULL || m->pending != NULL || m->other.pid > 0) {
        wr_log(WR_LOG_ERROR, "cannot upgrade now: %s; going on",
               m->other.pid > 0 ? "another master runs beside this one" : "a start or stop is in progress");
    } else if (pipe2(ready, O_CLOEXEC) == 0) {
        manifest = upgrade_write_manifest(m, w, ready[1]);
        good = manifest >= 0 && upgrade_put_pid_aside(m) && upgrade_fork(m, w, manifest, ready);
        if (good) {
            wr_sockets_shared(true);
            wr_log(WR_LOG_NOTICE, "upgrading program=%s process=%d", m->program, (int)m->other.pid);
        } else {
            wr_log(WR_LOG_ERROR, "cannot start the new binary program=%s: %s; going on", m->program,
                   strerror(errno));
            upgrade_take_pid_back(m);
            close(ready[0]);
        }
        close(ready[1]);
    }
    if (manifest >= 0) {
        close(manifest);
    }
    free(w);
}

/* ---- the older one: what became of it ---- */

void
wr_upgrade_on_pipe(struct wr_master *m)
{
    char text[UPGRADE_LINE_BYTES], safe[2 * UPGRADE_LINE_BYTES];
    ssize_t n = read(m->other.pipe, text, sizeof(text) - 1);

    close(m->other.pipe);
    m->other.pipe = -1;
    m->other.by_ms = 0;
    if (n > 0 && text[0] == 'R') {
        m->other.ready = true;
        /* of this one, for the manager may listen to nobody but the main process */
        wr_notify_main_pid(m->other.pid);
        wr_log(WR_LOG_NOTICE, "the new binary serves process=%d; QUIT ends this one, QUIT there leads back",
               (int)m->other.pid);
        return;
    }
    struct wr_str said = wr_str_make(text, n > 0 ? (size_t)n : 0);
    size_t safe_n = wr_escape(safe, sizeof(safe) - 1, said, WR_ESCAPE_LOG);
    safe[safe_n] = '\0';
    wr_log(WR_LOG_ERROR, "the new binary does not serve process=%d: %s; this one goes on", (int)m->other.pid,
           safe_n > 0 ? safe : "it ended without a word");
}

static void
upgrade_way_back(struct wr_master *m, bool served)
{
    upgrade_take_pid_back(m);
    if (served) {
        wr_notify_main_pid(getpid());
        wr_notify_ready("serving");
    }
    wr_log(WR_LOG_NOTICE, "the new binary has ended; this one is the master again");
    if (m->current != NULL && m->mode == WR_MASTER_RUNS) {
        wr_generation_write_state(m, m->current, "good");
        if (m->away) {
            wr_generation_call_back(m);
        }
        if (m->keeper.slot < 0) {
            wr_spawn_keeper(m, m->current);
        }
    }
}

/* A predecessor that was killed has left it. */
static void
upgrade_remove_aside(const struct wr_master *m, pid_t pid)
{
    char aside[PATH_MAX + 8];

    snprintf(aside, sizeof(aside), "%s.oldbin", m->pid_path);
    if (m->has_pid && wr_pid_read(aside) == pid) {
        unlink(aside);
    }
}

void
wr_upgrade_leave(struct wr_master *m)
{
    if (m->other.pid > 0 && !m->other.newer && m->announced) {
        wr_notify_main_pid(m->other.pid);
    }
    if (m->has_pid && m->pid_is_aside) {
        upgrade_remove_aside(m, getpid());
    } else if (m->has_pid && wr_pid_read(m->pid_path) == getpid()) {
        /* the predecessor, if it lives, renames its own to that */
        unlink(m->pid_path);
        unlink(m->state_path);
    }
}

void
wr_upgrade_find_program(char *dst, size_t room, const char *argv0)
{
    char dir[PATH_MAX];
    int n = 0;

    if (argv0[0] == '/') {
        n = snprintf(dst, room, "%s", argv0);
    } else if (strchr(argv0, '/') != NULL && getcwd(dir, sizeof(dir)) != NULL) {
        n = snprintf(dst, room, "%s/%s", dir, argv0);
    }
    if (n <= 0 || n >= (int)room || access(dst, X_OK) < 0) {
        /* found along PATH */
        ssize_t k = readlink("/proc/self/exe", dst, room - 1);
        dst[k > 0 ? k : 0] = '\0';
    }
}

void
wr_upgrade_on_other_death(struct wr_master *m)
{
    struct wr_other other = m->other;
    unsigned slot = WR_SLOT_MASTER_A + WR_SLOT_MASTER_B - wr_slots_master();

    if (other.newer) {
        waitpid(other.pid, NULL, 0);
    }
    if (other.pipe >= 0) {
        wr_upgrade_on_pipe(m);
    }
    close(other.pidfd);
    m->other = (struct wr_other){.pidfd = -1, .pipe = -1};
    wr_sockets_shared(false);
    wr_reaper_adopt_orphans(m, slot);
    if (other.newer) {
        upgrade_way_back(m, other.ready);
    } else {
        wr_log(WR_LOG_NOTICE, "the old binary has ended process=%d", (int)other.pid);
        upgrade_remove_aside(m, other.pid);
    }
}

void
wr_upgrade_tick(struct wr_master *m, uint64_t now_ms)
{
    if (m->other.pid > 0 && m->other.by_ms != 0 && m->other.by_ms <= now_ms) {
        wr_log(WR_LOG_ERROR, "the new binary is not ready after %d s process=%d; killing it",
               UPGRADE_READY_MS / 1000, (int)m->other.pid);
        m->other.by_ms = 0;
        syscall(SYS_pidfd_send_signal, m->other.pidfd, SIGKILL, NULL, 0);
    }
}

/* ---- the newer one: adopting ---- */

bool
wr_upgrade_is_successor(void)
{
    return getenv(UPGRADE_ENV) != NULL;
}

struct wr_upgrade_reader {
    struct wr_master *m;
    struct wr_slots_fds fds;
    unsigned other_slot;
    bool table; /* of our layout */
    bool adopted_slots;
    pid_t other;
};

static void
upgrade_take_slot(struct wr_upgrade_reader *rd, const char *rest)
{
    unsigned i;
    int e, r, s;

    if (sscanf(rest, "%u %d %d %d", &i, &e, &r, &s) == 4 && i < WR_SLOTS) {
        rd->fds.event[i] = e;
        rd->fds.recv[i] = r;
        rd->fds.send[i] = s;
    }
}

static void
upgrade_take_zone(const char *rest)
{
    unsigned long long layout;
    size_t bytes;
    int fd, at = 0;

    if (sscanf(rest, "%d %llx %zu %n", &fd, &layout, &bytes, &at) == 3 && at > 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        wr_zone_adopt(rest + at, layout, bytes, fd);
    }
}

static void
upgrade_take_socket(const char *rest, bool control)
{
    struct wr_addr addr;
    const char *why;
    int fd, both, at = 0;

    if (sscanf(rest, "%d %d %n", &fd, &both, &at) == 2 && at > 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (!wr_addr_parse(wr_str_of(rest + at), &addr, &why)) {
            close(fd);
            return;
        }
        wr_sockets_adopt(&addr, both != 0, control, fd);
    }
}

static void
upgrade_take_blob(const char *rest)
{
    struct wr_publish_note note = {0};
    unsigned long long version, bytes;
    int fd, at = 0;

    if (sscanf(rest, "%d %llu %llu %n", &fd, &version, &bytes, &at) == 3 && at > 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        note.version = version;
        note.bytes = bytes;
        snprintf(note.name, sizeof(note.name), "%s", rest + at);
        wr_publish_adopt(&note, fd);
    }
}

/* What stands before the slot table and on it. */
static void
upgrade_take_first(struct wr_upgrade_reader *rd, const char *kind, const char *rest)
{
    unsigned long long a, b;
    int at = 0;

    if (strcmp(kind, "master") == 0) {
        rd->other = (pid_t)atoi(rest);
    } else if (strcmp(kind, "ready") == 0) {
        rd->m->ready_fd = atoi(rest);
        fcntl(rd->m->ready_fd, F_SETFD, FD_CLOEXEC);
    } else if (strcmp(kind, "instance") == 0) {
        snprintf(rd->m->instance, sizeof(rd->m->instance), "%s", rest);
    } else if (strcmp(kind, "hashkey") == 0 && sscanf(rest, "%llx %llx", &a, &b) == 2) {
        wr_hash_key[0] = a;
        wr_hash_key[1] = b;
    } else if (strcmp(kind, "table") == 0 &&
               sscanf(rest, "%d %u %n", &rd->fds.table, &rd->other_slot, &at) == 2 && at > 0) {
        rd->table = strcmp(rest + at, wr_slots_layout) == 0;
    } else if (strcmp(kind, "slot") == 0) {
        upgrade_take_slot(rd, rest);
    }
}

/* Zones, sockets and blobs come after the slots, which their owners' marks speak of. */
static void
upgrade_take_rest(struct wr_upgrade_reader *rd, const char *kind, const char *rest)
{
    if (strcmp(kind, "zone") == 0 && rd->adopted_slots) {
        upgrade_take_zone(rest);
    } else if (strcmp(kind, "socket") == 0 || strcmp(kind, "control") == 0) {
        upgrade_take_socket(rest, kind[0] == 'c');
    } else if (strcmp(kind, "blob") == 0 && rd->adopted_slots) {
        upgrade_take_blob(rest);
    }
}

static bool
upgrade_read(struct wr_upgrade_reader *rd, FILE *f,
             void (*take)(struct wr_upgrade_reader *rd, const char *kind, const char *rest))
{
    char line[UPGRADE_LINE_BYTES], *end;

    rewind(f);
    if (fgets(line, sizeof(line), f) == NULL || strcmp(line, "weir 1\n") != 0) {
        return false;
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        if ((end = strchr(line, '\n')) == NULL) {
            return false;
        }
        *end = '\0';
        char *rest = strchr(line, ' ');
        if (rest != NULL) {
            *rest = '\0';
            take(rd, line, rest + 1);
        }
    }
    return !ferror(f);
}

static void
upgrade_keep_slots(struct wr_upgrade_reader *rd)
{
    int *lists[] = {rd->fds.event, rd->fds.recv, rd->fds.send};

    fcntl(rd->fds.table, F_SETFD, FD_CLOEXEC);
    for (unsigned k = 0; k < WR_ARRAY_LEN(lists); k++) {
        for (unsigned i = 0; i < WR_SLOTS; i++) {
            if (lists[k][i] >= 0) {
                fcntl(lists[k][i], F_SETFD, FD_CLOEXEC);
            }
        }
    }
    rd->adopted_slots = rd->table && wr_slots_adopt(&rd->fds, rd->other_slot);
    if (!rd->adopted_slots) {
        wr_log(WR_LOG_NOTICE, "the old binary's shared memory has another layout; this one's starts empty");
    }
}

static void
upgrade_watch_other(struct wr_upgrade_reader *rd)
{
    int pidfd = (int)syscall(SYS_pidfd_open, rd->other, 0);

    if (pidfd >= 0 && rd->other == getppid()) {
        rd->m->other = (struct wr_other){.pid = rd->other, .pidfd = pidfd, .pipe = -1, .ready = true};
        wr_sockets_shared(true);
    } else if (pidfd >= 0) {
        close(pidfd);
    }
}

bool
wr_upgrade_adopt(struct wr_master *m)
{
    struct wr_upgrade_reader rd = {.m = m, .fds.table = -1};
    int fd = atoi(getenv(UPGRADE_ENV));

    unsetenv(UPGRADE_ENV);
    memset(rd.fds.event, -1, sizeof(rd.fds.event));
    memset(rd.fds.recv, -1, sizeof(rd.fds.recv));
    memset(rd.fds.send, -1, sizeof(rd.fds.send));
    int seals = fcntl(fd, F_GET_SEALS);
    FILE *f = seals >= 0 && (seals & F_SEAL_WRITE) ? fdopen(fd, "r") : NULL;
    if (f == NULL || !upgrade_read(&rd, f, upgrade_take_first) || rd.fds.table < 0) {
        wr_log(WR_LOG_ERROR, "the manifest of the old binary cannot be read; exiting");
        return false;
    }
    m->adopted = true;
    upgrade_keep_slots(&rd);
    if (!rd.adopted_slots && !wr_slots_create(WR_SLOTS_CHILDREN)) {
        fclose(f);
        return false;
    }
    bool good = upgrade_read(&rd, f, upgrade_take_rest);
    fclose(f);
    upgrade_watch_other(&rd);
    return good;
}

void
wr_upgrade_explain(struct wr_master *m, const struct wr_cycle *cy)
{
    for (size_t i = 0; m->ready_fd >= 0 && i < cy->cf.messages_n; i++) {
        const struct wr_conf_message *msg = &cy->cf.messages[i];
        if (msg->error) {
            dprintf(m->ready_fd, "%s%s%u%s%s", msg->place.file ? msg->place.file : "",
                    msg->place.file ? ":" : "", msg->place.line, ": ", msg->text);
            break;
        }
    }
    wr_master_tell_starter(m, false);
}
