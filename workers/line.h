/*
 * A line to the signer of this process's generation: a pair of packet sockets,
 * one end of which is sent to it.
 */
#ifndef WR_WORKERS_LINE_H
#define WR_WORKERS_LINE_H

/* Our end, non-blocking; packets sent before the signer takes its end wait for it.  -1: there is no signer now. */
int wr_line_open(void);

#endif
