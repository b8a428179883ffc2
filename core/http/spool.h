/*
 * A queue of bytes that goes on in a temporary file: what memory should not
 * hold is written and read by the offload threads, never on the loop.
 *
 *     written            stored              read
 *   ---------> memory ---------> file ---------> ready --------->
 *
 * Up to WR_SPOOL_KEEP_BYTES stay in memory and no file is opened; a queue
 * that is read as fast as it is written never touches the disk.  What waits
 * to be written is bounded by WR_SPOOL_MEMORY_BYTES (as far as the writer
 * heeds wr_spool_room), what was read ahead by WR_SPOOL_FILE_READ_BYTES.  Of
 * small pieces of large buffers a copy is kept, so that the memory pinned is
 * about that too.
 */
#ifndef WR_HTTP_SPOOL_H
#define WR_HTTP_SPOOL_H

#include "core/base/buf.h"
#include "core/base/err.h"

#define WR_SPOOL_MEMORY_BYTES (256 * 1024)
#define WR_SPOOL_KEEP_BYTES (64 * 1024)

struct wr_req;
struct wr_spool;

enum wr_spool_kind {
    /* Read once.  The file is used again and again: never more than most_bytes wait, then there is no room.
     * A disk that is full is no failure: what memory holds goes on. */
    WR_SPOOL_QUEUE,
    /* Held whole, from the first byte on, for wr_spool_rewind.  Over most_bytes it has failed. */
    WR_SPOOL_WHOLE,
};

/*
 * changed(arg) is called on the loop when more can be read, room has come
 * back, or it has failed; never from within a call of the owner's.  It may
 * free the spool.
 */
struct wr_spool *wr_spool_new(struct wr_req *r, enum wr_spool_kind kind, uint64_t most_bytes,
                              void (*changed)(void *arg), void *arg);
/* NULL is nothing.  A job that runs keeps its memory until it is done. */
void wr_spool_free(struct wr_spool *sp);
/* Takes the chain (emptied); MEM slices, in a queue SHM too.  May fail: look at wr_spool_error. */
void wr_spool_write(struct wr_spool *sp, struct wr_chain *ch);
/* Bytes that may be written now without more memory or disk than allowed. */
size_t wr_spool_room(const struct wr_spool *sp);
/* Moves up to `most` bytes that are in memory to dst.  When the next ones are in the file a read is begun
 * and changed() comes later. */
void wr_spool_read(struct wr_spool *sp, struct wr_chain *dst, size_t most);
/* Bytes that a wr_spool_read would move now. */
size_t wr_spool_ready_bytes(const struct wr_spool *sp);
/* Bytes written and not yet read, wherever they are. */
uint64_t wr_spool_waiting_bytes(const struct wr_spool *sp);
/* To the first byte again, and begins to read it.  False when it is not held any more. */
bool wr_spool_rewind(struct wr_spool *sp);
/* WR_E_NONE, WR_E_SPOOL (the disk; there is a line in the error log) or WR_E_SPOOL_FULL (most_bytes). */
enum wr_err wr_spool_error(const struct wr_spool *sp);

#endif
