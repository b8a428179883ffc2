/*
 * Listening sockets: bound once by the master, found again by address in each
 * generation, never closed while some configuration wants them.
 *
 * A cycle that is being made claims its addresses; commit closes what the new
 * one does not want, abort what it alone wanted.
 */
#ifndef WR_WORKERS_SOCKETS_H
#define WR_WORKERS_SOCKETS_H

#include <sys/types.h>

#include "core/base/net.h"

#define WR_SOCKETS 1024
#define WR_SOCKETS_BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */
#define WR_SOCKETS_DEFER_S 1    /* TCP_DEFER_ACCEPT: who says nothing costs no worker anything for so long */

struct wr_socket {
    struct wr_addr addr; /* as configured */
    bool both_families;
    int fd;
    bool kept;    /* of the generation that serves */
    bool claimed; /* of the one that is being made */
    bool foreign; /* another master has it too: its unix path is not ours to remove */
    bool control; /* the control socket: for its owner and `group` alone */
    gid_t group;  /* WR_SOCKETS_NO_GROUP: nobody but the owner */
};

void wr_sockets_begin(void);
/* The socket of that address: the one that is there, or a new one, bound and listening.  -1: *why. */
int wr_sockets_claim(const struct wr_addr *addr, bool both_families, const char **why);
/* The same for the control socket; to be called behind the claims of those that serve.  What one that is kept
 * shall have another group for, it has when the cycle is committed. */
#define WR_SOCKETS_NO_GROUP ((gid_t)-1)
int wr_sockets_claim_control(const struct wr_addr *addr, gid_t group, const char **why);
void wr_sockets_commit(void);
void wr_sockets_abort(void);

/* At the end: closes them, removes the paths of unix sockets that are ours alone.  The control socket goes last,
 * for what drains can still be asked. */
void wr_sockets_close(bool control_too);
/* Whether another master has the sockets as well (an upgrade). */
void wr_sockets_shared(bool foreign);
/* In a child: closes all but those in keep (-1 is none). */
void wr_sockets_enter(const int *keep, size_t n);

/* For the manifest of an upgrade; adopting takes fd, which is closed when it is not what it says. */
void wr_sockets_each(void (*fn)(void *arg, const struct wr_socket *s), void *arg);
bool wr_sockets_adopt(const struct wr_addr *addr, bool both_families, bool control, int fd);

#endif
