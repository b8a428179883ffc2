/*
 * The binary's successor (USR2): it inherits sockets, shared memory and blobs
 * by one sealed memfd, the manifest, whose lines name a kind, a descriptor and
 * what it is (CORE-RULES 29).  Both masters run side by side until one of
 * them is told to quit.
 *
 * The new one adopts what it understands and closes the rest; what has another
 * layout starts empty.
 */
#ifndef WR_WORKERS_UPGRADE_H
#define WR_WORKERS_UPGRADE_H

#include "workers/master.h"

/* Whether this process was started by an older master. */
bool wr_upgrade_is_successor(void);
/* Adopts what the manifest lists: slot table, zones, sockets, blobs, names and keys.  False: the manifest cannot
 * be read (logged); the process exits. */
bool wr_upgrade_adopt(struct wr_master *m);
/* USR2: starts the successor.  Logged when it cannot be. */
void wr_upgrade_begin(struct wr_master *m);
/* The successor's pipe is readable: it serves, or says why not. */
void wr_upgrade_on_pipe(struct wr_master *m);
/* The other master has ended: the successor (the way back) or the predecessor (its orphans are ours). */
void wr_upgrade_on_other_death(struct wr_master *m);
/* A successor that is not ready in time is killed. */
void wr_upgrade_tick(struct wr_master *m, uint64_t now_ms);
/* This master ends: its pid and state files go (another's stay), and the service manager hears who is left. */
void wr_upgrade_leave(struct wr_master *m);
/* What USR2 executes: the program by the name it was called, so that a changed link or file is followed. */
void wr_upgrade_find_program(char *dst, size_t room, const char *argv0);
/* Tells whoever started this one (the predecessor, or the shell that waits for -d) why it does not serve. */
void wr_upgrade_explain(struct wr_master *m, const struct wr_cycle *cy);

#endif
