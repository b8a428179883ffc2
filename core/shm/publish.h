/*
 * Publishing: named, versioned, sealed blobs (memfds) that go from the keeper
 * or the master to every process, with an ack a slot (CORE-RULES 24).  A
 * process that starts later gets the newest of each name.
 *
 * The way: the publisher gives the memfd to the master, which keeps the newest
 * of each name (a process forked later inherits them), never maps one, and
 * passes them on in order of version.  Each process maps only what it has
 * subscribed to.  Some names are reserved: the master alone publishes them.
 */
#ifndef WR_SHM_PUBLISH_H
#define WR_SHM_PUBLISH_H

#include "core/base/str.h"

#define WR_PUBLISH_NAME_BYTES 64
#define WR_PUBLISH_NAMES 256                  /* different names at most */
#define WR_PUBLISH_BYTES (256u * 1024 * 1024) /* a blob at most */

struct wr_blob {
    char name[WR_PUBLISH_NAME_BYTES];
    uint64_t version;
    const void *data; /* read-only mapping */
    size_t bytes;
};

/* Sends data under name to every slot and keeps it for late-comers.  Returns its version; 0: failed (logged). */
uint64_t wr_publish(const char *name, const void *data, size_t bytes);
/* As wr_publish, of a memfd that the caller has filled and sealed; takes fd.  Master only. */
uint64_t wr_publish_fd(const char *name, int fd, size_t bytes);
/* True when every slot that serves has acked `version` or a newer one. */
bool wr_publish_everywhere(uint64_t version);
/* Subscribes this process: fn is called for the newest blob now (if any, before this returns) and, from the
 * loop, for each newer one; the mapping lives until the next call for that name. */
typedef void wr_publish_fn(void *arg, const struct wr_blob *blob);
void wr_publish_subscribe(const char *name, wr_publish_fn *fn, void *arg);
/* The same, but each mapping that fn is given is the subscriber's, until wr_publish_unmap. */
void wr_publish_subscribe_keeping(const char *name, wr_publish_fn *fn, void *arg);
void wr_publish_unmap(const void *data, size_t bytes);
/* This process does without that name: it has no descriptor of it from now on. */
void wr_publish_forget(const char *name);

/*
 * What workers/channel carries: the memfd goes with it.
 */
struct wr_publish_note {
    char name[WR_PUBLISH_NAME_BYTES];
    uint64_t version;
    uint64_t bytes;
    uint64_t upto; /* master to child: with this one the child has everything up to here; 0: more follows */
};
/* How this process sends: a child to its master (slot is the master's), the master to a child.  The
 * descriptor stays the caller's.  False: full; the master tries again, a child gives up. */
typedef bool wr_publish_send_fn(unsigned slot, const struct wr_publish_note *note, int fd);
void wr_publish_set_sender(wr_publish_send_fn *send);

/* Master: from now on that name is taken from nobody but this process, and another binary's master makes its own.
 * secret: only children that were said to be trusted (wr_publish_born) are sent it; what others inherit they forget. */
void wr_publish_reserve(const char *name, bool secret);
/* Master: a blob has come from the keeper; takes fd.  It goes out with the next wr_publish_pump. */
void wr_publish_accept(const struct wr_publish_note *note, int fd);
/* Master: sends what children have not been sent yet.  False: some socket was full, call again soon. */
bool wr_publish_pump(void);
/* Master: a child is about to be forked into the slot; it inherits what there is. */
void wr_publish_born(unsigned slot, bool trusted);
/* Master: whoever was forked into the slot is gone. */
void wr_publish_died(unsigned slot);
/* Master: a publisher has died; a version that it was given but never sent does not come any more. */
void wr_publish_publisher_died(void);
/* Child, after the fork: forgets what is the master's alone. */
void wr_publish_enter(void);
/* Child: a blob has come; takes fd, calls the subscriber, acks. */
void wr_publish_receive(const struct wr_publish_note *note, int fd);

/* For the manifest of an upgrade: each blob that the master keeps; adopting takes fd. */
void wr_publish_each(void (*fn)(void *arg, const struct wr_publish_note *note, int fd), void *arg);
void wr_publish_adopt(const struct wr_publish_note *note, int fd);

#endif
