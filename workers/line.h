/*
 * Lines to the signer of a process's generation: a pair of packet sockets that
 * the master makes when it is asked to, and sends to both.
 */
#ifndef WR_WORKERS_LINE_H
#define WR_WORKERS_LINE_H

#include "workers/channel.h"

struct wr_master;

/* Worker, keeper: our end, non-blocking, which is the caller's; -1: none is here, and the master was asked for one. */
int wr_line_open(void);
/* Worker, keeper: a message of the master's.  True: it was an end of a line, which is kept for the next wr_line_open. */
bool wr_line_take(const struct wr_message *m, int fd);

/* Master: the child in that slot has no line.  Nothing happens while there is no signer: it asks again. */
void wr_line_make(struct wr_master *m, unsigned slot);

#endif
