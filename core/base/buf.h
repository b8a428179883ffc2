/*
 * Bytes on their way: buffers with a count, slices of them, chains of slices.
 *
 * A buffer (wr_buf) comes from a free list of the worker in one of two sizes
 * and is counted; a slice says where bytes are (CORE-RULES 8); a chain is a
 * queue of slices.  A chain owns its slices, a slice holds one reference to
 * its buffer.  No slice in a chain is empty: adding nothing adds no slice, and
 * bytes that go on where the last slice ends, in the same buffer, lengthen it.
 * One thread only.
 */
#ifndef WR_BASE_BUF_H
#define WR_BASE_BUF_H

#include <sys/types.h>

#include "core/base/str.h"

#define WR_BUF_BIG_BYTES 32768 /* what one recv may bring */
#define WR_BUF_SMALL_BYTES 960

struct wr_buf {
    uint32_t refs;
    uint32_t cap;       /* bytes of data */
    uint32_t r;         /* consumed up to here (a reader's cursor; slices do not use it) */
    uint32_t w;         /* filled up to here */
    uint8_t size_class; /* the free list it belongs to */
    char *data;
};

/* A buffer with room for at least n bytes, refs 1, r = w = 0.  Over WR_BUF_BIG_BYTES: of its own size. */
struct wr_buf *wr_buf_new(size_t n);
/* As wr_buf_new, but of exactly n bytes, from malloc: for what has to wait long. */
struct wr_buf *wr_buf_new_exact(size_t n);
/* As wr_buf_new, filled with a copy of p[0..n). */
struct wr_buf *wr_buf_of(const void *p, size_t n);
struct wr_buf *wr_buf_ref(struct wr_buf *b);
/* Drops one reference; the last gives it back.  NULL is nothing. */
void wr_buf_unref(struct wr_buf *b);

/* Bytes of all buffers that are in use now; what the worker's buffer budget counts (CORE-RULES 20). */
size_t wr_buf_in_use_bytes(void);
/* Gives free buffers back to the system. */
void wr_buf_trim(void);

enum wr_slice_kind {
    WR_SLICE_MEM,  /* p, n in buf (or in memory that outlives the slice: buf NULL) */
    WR_SLICE_SHM,  /* p, n in a shared segment; pin(arg) undone when the slice goes */
    WR_SLICE_FILE, /* fd, off, n: bytes of a file; the fd is the pinner's */
    WR_SLICE_PIPE, /* n bytes that stand in the pipe fd */
};

struct wr_slice {
    struct wr_slice *next;
    enum wr_slice_kind kind;
    int fd;
    const char *p;
    size_t n;
    off_t off;
    struct wr_buf *buf;       /* MEM */
    void (*unpin)(void *arg); /* SHM, FILE, PIPE: called once when the slice goes; may be NULL */
    void *pin_arg;
};

struct wr_chain {
    struct wr_slice *first;
    struct wr_slice **tail; /* &first when empty */
    size_t bytes;           /* sum of n */
};

#define WR_CHAIN_INIT(name)                                                                                  \
    {                                                                                                        \
        .first = NULL, .tail = &(name).first, .bytes = 0                                                     \
    }

static inline void
wr_chain_init(struct wr_chain *ch)
{
    ch->first = NULL;
    ch->tail = &ch->first;
    ch->bytes = 0;
}

static inline bool
wr_chain_empty(const struct wr_chain *ch)
{
    return ch->first == NULL;
}

/* Appends p[0..n) of b; takes a reference of its own.  b NULL: the bytes outlive the chain. */
void wr_chain_add(struct wr_chain *ch, struct wr_buf *b, const char *p, size_t n);
/* Appends a copy; goes on in the last slice's buffer when that is the chain's own and has room.
 * Up to WR_BUF_BIG_BYTES stay in one piece. */
void wr_chain_copy(struct wr_chain *ch, const char *p, size_t n);
/* Appends a slice that the caller filled (from wr_slice_new); the chain owns it now. */
void wr_chain_push(struct wr_chain *ch, struct wr_slice *s);
/* As wr_chain_move, but pieces of up to WR_CHAIN_COPY_BYTES of memory are copied (wr_chain_copy), so that many
 * small ones share a buffer and pin nothing. */
#define WR_CHAIN_COPY_BYTES 4096
void wr_chain_gather(struct wr_chain *dst, struct wr_chain *src);
/* Moves all of src to the end of dst; src is empty afterwards. */
void wr_chain_move(struct wr_chain *dst, struct wr_chain *src);
/* Moves the first n bytes (n <= src->bytes) to the end of dst, splitting a slice when needed (the pin of
 * a split slice is undone when both parts are gone). */
void wr_chain_move_n(struct wr_chain *dst, struct wr_chain *src, size_t n);
/* Appends the same bytes again (MEM: further references; FILE and SHM: not supported, asserted). */
void wr_chain_dup(struct wr_chain *dst, const struct wr_chain *src);
/* Drops the first n bytes (n <= bytes). */
void wr_chain_drop(struct wr_chain *ch, size_t n);
/* Frees every slice. */
void wr_chain_free(struct wr_chain *ch);
/* Bytes that the chain keeps from being freed: whole buffers of MEM slices, else n (CORE-RULES 8). */
size_t wr_chain_charge_bytes(const struct wr_chain *ch);
/* Copies small slices of big buffers into buffers of the chain's own so that pinned memory is at most
 * about twice the bytes; called when a chain has to outlive the turn. */
void wr_chain_settle(struct wr_chain *ch);

struct wr_slice *wr_slice_new(enum wr_slice_kind kind);
/* Lets go of what the slice holds and the slice itself. */
void wr_slice_free(struct wr_slice *s);

#endif
