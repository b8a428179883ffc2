/*
 * Who the unprivileged processes are, and becoming that for good.
 */
#ifndef WR_WORKERS_PRIVS_H
#define WR_WORKERS_PRIVS_H

#include <sys/types.h>

#include "core/base/str.h"

#define WR_IDENTITY_GROUPS 64

struct wr_identity {
    bool change; /* only root can become somebody else */
    uid_t uid;
    gid_t gid;
    gid_t groups[WR_IDENTITY_GROUPS];
    int groups_n;
};

/*
 * Finds who `user` is (empty: the preset, weir or else nobody); the master does it, for names are looked up
 * in files and over the network.  False: *why.  *warning: a text, or NULL.
 */
bool wr_identity_find(struct wr_str user, struct wr_identity *id, const char **why, const char **warning);

/* The group that the control socket is given to.  False: *why; also when this process could not give it. */
bool wr_group_find(struct wr_str name, gid_t *gid, const char **why);

/* In a child, for good: groups, gid, uid, no capability, no new privileges.  False: logged; the child must
 * not go on. */
bool wr_privs_drop(const struct wr_identity *id);
/* Asks for SIGQUIT when the master dies; to be called after wr_privs_drop, which would undo it.  False: the
 * master is gone already. */
bool wr_privs_die_with(pid_t master);
/* For who holds keys: no core, and nobody looks into its memory (CORE-RULES 30). */
void wr_privs_hide(void);
/* Raises RLIMIT_NOFILE to the hard limit; returns it. */
uint64_t wr_privs_raise_nofile(void);

#endif
