/*
 * A small pool of pipes for moving bytes between sockets inside the kernel
 * (CORE-RULES 14).  Few on purpose: beyond 16,384 pages for one user the
 * kernel makes pipes of two pages.  A pipe with bytes left is closed, never
 * pooled.  One thread only.
 */
#ifndef WR_EVENT_PIPE_H
#define WR_EVENT_PIPE_H

#include "core/base/buf.h"

#define WR_PIPE_BYTES (256 * 1024) /* capacity: 64 pages */
#define WR_PIPES_MOST 64           /* of a worker, in use and pooled */

struct wr_pipe {
    int r;
    int w;
    size_t bytes; /* in it now; whoever moves them keeps this true */
    struct wr_pipe *next;
};

/* An empty pipe, or NULL: none left, or the kernel refuses. */
struct wr_pipe *wr_pipe_take(void);
void wr_pipe_give(struct wr_pipe *p);
/* Whether most of them are in use: who stalls shall let go of his. */
bool wr_pipe_scarce(void);
/* Closes the pooled ones. */
void wr_pipe_trim(void);

/* A slice of all bytes in p; gives p back when it goes. */
struct wr_slice *wr_pipe_slice(struct wr_pipe *p);
/* Copies the bytes of a PIPE slice into memory at the end of `to` and frees the slice.  False: read error. */
bool wr_pipe_unload(struct wr_slice *s, struct wr_chain *to);

#endif
