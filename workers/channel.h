/*
 * Messages between the master and its children: of one fixed size, typed, at
 * most one descriptor beside them (CORE-RULES 31).  The master takes no path,
 * no length and, but for a published blob that it never looks into, no
 * descriptor from a child.
 */
#ifndef WR_WORKERS_CHANNEL_H
#define WR_WORKERS_CHANNEL_H

#include <sys/types.h>

#include "core/shm/publish.h"

enum wr_message_type {
    WR_MSG_BLOB = 1,  /* keeper to master, master to all: note, fd (none: only `upto` is told) */
    WR_MSG_LOG_FILE,  /* master to keeper: value is the log's id, fd the file */
    WR_MSG_NEED_LOG,  /* keeper to master: lines of log `value` wait and it has no file */
    WR_MSG_ASK,       /* keeper to master: value is an enum wr_ask */
    WR_MSG_NEED_LINE, /* worker or keeper to master: it has no line to its signer */
    WR_MSG_LINE,      /* master to both of them: fd is an end of the line (workers/line.h) */
};

enum wr_ask { WR_ASK_RELOAD, WR_ASK_REOPEN, WR_ASK_UPGRADE, WR_ASK_STATUS };
#define WR_ASKS 4

struct wr_message {
    uint32_t type;
    uint32_t value;
    struct wr_publish_note note;
};

/* Sends to a slot's process; false: full (or gone).  fd stays the caller's. */
bool wr_channel_send(unsigned slot, const struct wr_message *m, int fd);
/* The next message to this process that has a known type and the right size; false: none.  *fd is the
 * caller's, *from the sender's pid. */
bool wr_channel_next(struct wr_message *m, int *fd, pid_t *from);
/* A wr_publish_send_fn. */
bool wr_channel_send_blob(unsigned slot, const struct wr_publish_note *note, int fd);

#endif
