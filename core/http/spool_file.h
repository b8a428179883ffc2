/*
 * The file behind a spool: unnamed, opened, written, read and closed by the
 * offload threads, at most one write and one read at a time.  It may outlive
 * its owner: what runs keeps what it needs, and is undone when it is done.
 */
#ifndef WR_HTTP_SPOOL_FILE_H
#define WR_HTTP_SPOOL_FILE_H

#include <sys/types.h>

#include "core/base/buf.h"
#include "core/event/offload.h"

#define WR_SPOOL_FILE_READ_BYTES (64 * 1024) /* one read brings that much at most */

struct wr_spool_file;

/* Called on the loop; error is an errno or 0.  What is left in ch is freed afterwards. */
struct wr_spool_file_owner {
    /* ch is what was to be written; on an error nothing of it counts as written. */
    void (*written)(void *arg, struct wr_chain *ch, int error);
    /* ch is what was read; empty on an error. */
    void (*fetched)(void *arg, struct wr_chain *ch, int error);
};

/* Nothing is opened before the first write. */
struct wr_spool_file *wr_spool_file_new(struct wr_offload *o, const struct wr_spool_file_owner *owner,
                                        void *arg);
/* NULL is nothing.  The owner hears no more of it. */
void wr_spool_file_free(struct wr_spool_file *f);

/* Begins to write the first up to `most` bytes of ch (MEM or SHM) at pos and takes them out of it.  Returns
 * how many: at least a slice, 0 when it cannot be begun now.  No other write may be running. */
size_t wr_spool_file_write(struct wr_spool_file *f, struct wr_chain *ch, size_t most, uint64_t pos);
/* Begins to read n bytes (at most WR_SPOOL_FILE_READ_BYTES) that have been written.  False when it cannot be
 * begun now.  No other read may be running. */
bool wr_spool_file_read(struct wr_spool_file *f, size_t n, uint64_t pos);

/*
 * Where the files are made: WR_LOCALSTATEDIR "/lib/weir/tmp", which a master
 * that is root makes here (0700, of that user) and keeps open, so that the
 * children need not be able to reach it by its path.  Whoever does not call
 * this uses that directory if it may, else TMPDIR, else /tmp.  False: logged,
 * and that order holds.
 */
bool wr_spool_dir_make(uid_t uid, gid_t gid);
/* The directory, for log lines. */
const char *wr_spool_dir_text(void);

#endif
