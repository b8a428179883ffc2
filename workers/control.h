/*
 * The control socket: the keeper answers commands on it, one a connection.
 *
 *     weirctl: status --json LF
 *     keeper:  ok LF text...            and closes
 *              error WHY LF             it could not be done
 *              wrong WHY LF grammar...  it was asked for in a wrong way
 *
 * A client is not trusted: a line has 4096 bytes and 5 seconds, an answer
 * 16 MiB and 10 seconds, and 16 are served at once; the next ones wait in the
 * kernel's queue.  Who runs as weir's workers do is sent away (CORE-RULES 31).
 */
#ifndef WR_WORKERS_CONTROL_H
#define WR_WORKERS_CONTROL_H

#include "workers/child.h"

struct wr_control;
/* Accepts on the cycle's socket; NULL when there is none.  module_keeper: by module, outlives it. */
struct wr_control *wr_control_start(const struct wr_child *ch, void *const *module_keeper);
/* Accepts no more: another process may bind the path anew. */
void wr_control_deafen(struct wr_control *ct);
/* Accepts no more, answers who asks, and sends the others away after half a second at most; posts `done` when
 * nobody is left.  ct may be NULL. */
void wr_control_finish(struct wr_control *ct, struct wr_loop *loop, struct wr_task *done);

#endif
