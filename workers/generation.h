/*
 * Generations come and go: the first one, reloads, retirement.  The one that
 * serves is untouched until its successor does.
 */
#ifndef WR_WORKERS_GENERATION_H
#define WR_WORKERS_GENERATION_H

#include "workers/master.h"

/* Reads and builds the first one and forks its processes.  False: said on stderr. */
bool wr_generation_first(struct wr_master *m);
/* HUP: builds another; a verdict goes to the state file in any case. */
void wr_generation_reload(struct wr_master *m);
/* A slot's state has changed, or time has passed: is the pending one complete, or too late? */
void wr_generation_check(struct wr_master *m);
/* The pending one is given up. */
void wr_generation_failed(struct wr_master *m, const char *why);
/* WINCH: the workers drain and are not replaced. */
void wr_generation_send_away(struct wr_master *m);
/* Workers of the one that serves again, without reading anything. */
void wr_generation_call_back(struct wr_master *m);
/* QUIT (drain bounds it) or, fast, TERM. */
void wr_generation_end(struct wr_master *m, bool fast);
/* Frees what no process holds any more. */
void wr_generation_sweep(struct wr_master *m);
/* The state file as things are now. */
void wr_generation_write_state(struct wr_master *m, const struct wr_cycle *attempt, const char *verdict);

#endif
