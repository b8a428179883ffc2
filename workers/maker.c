/*
 * Making files before they are read.
 */
#include "workers/maker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/rand.h"
#include "core/module.h"
#include "workers/master.h"
#include "workers/privs.h"

#define MAKER_MS 120000 /* then it is killed: thousands of certificates on a slow disk take a while, once */
#define MAKER_AGAIN_MS (UINT64_C(6) * 3600000) /* between two looks at what is soon out of date */
#define MAKER_LOOK_MS 1000                     /* between two looks whether it has ended */

static struct {
    pid_t pid; /* of the one that nobody waits for; 0: none */
    uint64_t by_ms;
} maker_own;

/* In the child.  It makes keys: nobody looks into it, and it leaves no core. */
static WR_NORETURN void
maker_child(struct wr_cycle *cy)
{
    bool ok = true;

    wr_privs_hide();
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NAME, "weir-maker", 0, 0, 0);
    wr_rand_reseed();
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->prepare != NULL) {
            ok = wr_modules[i]->prepare(cy->module_main[i]) && ok;
        }
    }
    _exit(ok ? 0 : 1);
}

static pid_t
maker_fork(struct wr_cycle *cy)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        maker_child(cy);
    }
    return pid;
}

/* Its exit status; -1: it was killed. */
static int
maker_reap(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool
wr_maker_run(struct wr_cycle *cy)
{
    if (!cy->cf.makes) {
        return true;
    }
    pid_t pid = maker_fork(cy);
    int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    if (pidfd < 0 || poll(&p, 1, MAKER_MS) != 1) {
        if (pid > 0) {
            kill(pid, SIGKILL);
        }
    }
    if (pidfd >= 0) {
        close(pidfd);
    }
    int status = pid > 0 ? maker_reap(pid) : -1;
    cy->make_ms = wr_master_now_ms() + MAKER_AGAIN_MS;
    if (status != 0) {
        wr_conf_error(&cy->cf, (struct wr_place){0},
                      status > 0 ? "certificates of tls = internal could not be made; the lines above say why"
                                 : "the process that makes certificates of tls = internal did not end well");
    }
    return status == 0;
}

void
wr_maker_tick(struct wr_cycle *cy, uint64_t now_ms)
{
    int status;

    if (maker_own.pid > 0) {
        if (now_ms >= maker_own.by_ms) {
            kill(maker_own.pid, SIGKILL);
        }
        if (waitpid(maker_own.pid, &status, WNOHANG) == maker_own.pid) {
            maker_own.pid = 0;
        }
        return;
    }
    if (cy != NULL && cy->cf.makes && now_ms >= cy->make_ms) {
        cy->make_ms = now_ms + MAKER_AGAIN_MS;
        pid_t pid = maker_fork(cy);
        maker_own.pid = pid > 0 ? pid : 0;
        maker_own.by_ms = now_ms + MAKER_MS;
    }
}

uint64_t
wr_maker_next_ms(const struct wr_cycle *cy)
{
    if (maker_own.pid > 0) {
        return wr_master_now_ms() + MAKER_LOOK_MS;
    }
    return cy != NULL && cy->cf.makes ? cy->make_ms : UINT64_MAX;
}
