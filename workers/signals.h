/*
 * Signals: which ones mean what, as nginx has them, and how a process hears of
 * them (a descriptor; no handler runs).
 */
#ifndef WR_WORKERS_SIGNALS_H
#define WR_WORKERS_SIGNALS_H

#include "core/base/base.h"

/* -s NAME: the signal, or 0. */
int wr_signal_of_word(const char *word);
/* "SIGSEGV" or "signal 64". */
const char *wr_signal_name(int sig);

/* Blocks the master's signals and returns the descriptor that brings them; -1 with errno. */
int wr_signals_open(void);
/* In a child: forgets the master's descriptor and its mask; the child's own descriptor (QUIT: drain,
 * TERM: exit; INT is the terminal's and the master's business). */
int wr_signals_open_child(int master_fd);
/* In a child that is exec'd: all as a new process expects it. */
void wr_signals_reset(void);
/* The next signal, or 0. */
int wr_signals_next(int fd);

#endif
