/*
 * Dropping privileges.  Capabilities are dropped by the system call itself:
 * one call needs no library.
 */
#include "workers/privs.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/log.h"

static bool
privs_fill(struct wr_identity *id, const struct passwd *pw)
{
    id->uid = pw->pw_uid;
    id->gid = pw->pw_gid;
    id->groups_n = WR_IDENTITY_GROUPS;
    return getgrouplist(pw->pw_name, pw->pw_gid, id->groups, &id->groups_n) >= 0;
}

bool
wr_identity_find(struct wr_str user, struct wr_identity *id, const char **why, const char **warning)
{
    char name[64];
    const struct passwd *pw;

    *id = (struct wr_identity){.uid = geteuid(), .gid = getegid()};
    *warning = NULL;
    if (geteuid() != 0) {
        return true;
    }
    if (user.n >= sizeof(name)) {
        *why = "no such user";
        return false;
    }
    snprintf(name, sizeof(name), "%.*s", user.n > 0 ? (int)user.n : 4, user.n > 0 ? user.p : "weir");
    pw = getpwnam(name);
    if (pw == NULL && user.n == 0) {
        pw = getpwnam("nobody");
        *warning = "there is no user weir; workers run as nobody";
    }
    if (pw == NULL) {
        *why = "no such user";
        return false;
    }
    id->change = true;
    if (!privs_fill(id, pw)) {
        *why = "the user is in too many groups";
        return false;
    }
    return true;
}

/* Only root gives a file to a group that it is not in. */
static bool
privs_may_give(gid_t gid)
{
    gid_t own[WR_IDENTITY_GROUPS * 4];
    int n = getgroups((int)WR_ARRAY_LEN(own), own);

    if (geteuid() == 0 || gid == getegid()) {
        return true;
    }
    for (int i = 0; i < n; i++) {
        if (own[i] == gid) {
            return true;
        }
    }
    return false;
}

bool
wr_group_find(struct wr_str name, gid_t *gid, const char **why)
{
    char text[64];
    const struct group *gr = NULL;

    if (name.n < sizeof(text)) {
        snprintf(text, sizeof(text), "%.*s", WR_STR_ARG(name));
        gr = getgrnam(text);
    }
    if (gr == NULL) {
        *why = "no such group";
        return false;
    }
    if (!privs_may_give(gr->gr_gid)) {
        *why = "the user who starts weir is not in it";
        return false;
    }
    *gid = gr->gr_gid;
    return true;
}

/* Nothing is left to be had back, whatever user this is. */
static bool
privs_drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2];

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    memset(none, 0, sizeof(none));
    return syscall(SYS_capset, &head, none) == 0;
}

static void
privs_drop_bounding_set(void)
{
    /* refused to those who have no capabilities anyway */
    for (int cap = 0; cap <= 63 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++) {
    }
}

bool
wr_privs_drop(const struct wr_identity *id)
{
    bool ok = true;

    privs_drop_bounding_set();
    if (id->change) {
        ok = setgroups((size_t)id->groups_n, id->groups) == 0 && setresgid(id->gid, id->gid, id->gid) == 0 &&
            setresuid(id->uid, id->uid, id->uid) == 0;
    }
    ok = ok && privs_drop_capabilities() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (!ok) {
        wr_log(WR_LOG_ALERT, "cannot drop privileges uid=%u gid=%u: %s; exiting", (unsigned)id->uid,
               (unsigned)id->gid, strerror(errno));
    }
    return ok;
}

bool
wr_privs_die_with(pid_t master)
{
    prctl(PR_SET_PDEATHSIG, SIGQUIT, 0, 0, 0);
    return getppid() == master;
}

void
wr_privs_hide(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

uint64_t
wr_privs_raise_nofile(void)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) < 0) {
        return 1024;
    }
    if (lim.rlim_cur < lim.rlim_max) {
        rlim_t before = lim.rlim_cur;
        lim.rlim_cur = lim.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &lim) < 0) {
            lim.rlim_cur = before;
        }
    }
    return lim.rlim_cur;
}
