/*
 * A ring of log lines per slot in shared memory: its process puts whole lines
 * in and never waits; the keeper drains all rings of all slots, the dead ones'
 * too, and writes to the files that the master opened (CORE-RULES 27).
 *
 * One producer, one consumer.  A line is published by one store of `head`
 * after its bytes, so a producer killed at any instruction leaves whole lines
 * only.  When the ring is full the line is dropped and counted; the count is
 * logged by the drainer.
 *
 * Invariants: head - tail <= WR_LOGRING_BYTES; both are multiples of 8 that
 * only grow; [tail, head) is whole records.  The consumer does not trust the
 * producer's side: what breaks them is skipped and counted as damage.
 */
#ifndef WR_SHM_LOGRING_H
#define WR_SHM_LOGRING_H

#include <stdatomic.h>

#include "core/base/base.h"

#define WR_LOGRING_BYTES (512 * 1024)
#define WR_LOGRING_LINE_BYTES 16384 /* longest line */
#define WR_LOGRING_MAIL_BYTES 32768 /* so much waits: the keeper is mailed */
#define WR_LOG_ID_ERROR 0 /* the error log; access logs have ids from 1 (by path, kept over reloads) */
#define WR_LOG_IDS 256

struct wr_logring;

/* Room for a line of up to n bytes at the ring's head, contiguous; NULL when full (counted as dropped). */
char *wr_logring_reserve(struct wr_logring *ring, size_t n);
/* Publishes the first `n` bytes of what was reserved as a line of log `id` (its final \n is the caller's). */
void wr_logring_commit(struct wr_logring *ring, unsigned id, size_t n);
/* Both at once. */
void wr_logring_put(struct wr_logring *ring, unsigned id, const char *line, size_t n);
/* Bytes that wait; the producer mails the keeper at 32 KiB, or after 1 s (worker's timer). */
size_t wr_logring_waiting_bytes(const struct wr_logring *ring);
/* Mails the keeper that holds the lease if at least so many bytes wait. */
void wr_logring_mail(const struct wr_logring *ring, size_t at_least_bytes);

/*
 * All rings are one zone, as sparse as its use.
 */
extern const char wr_logrings_layout[];
size_t wr_logrings_bytes(void);
struct wr_logring *wr_logring_of(void *zone_base, unsigned slot);
/* Lets go of this process's view of the ring's pages, not of what is in them (an old worker). */
void wr_logring_forget(struct wr_logring *ring);
/* Master, after the producer's death: makes the invariants hold again if it broke them (lines that wait are
 * lost only then; false). */
bool wr_logring_reap(struct wr_logring *ring);
/* Gives the memory of an empty ring back; only for slots that nobody lives in. */
void wr_logring_trim(struct wr_logring *ring);

/*
 * The consumer's side.  What it writes down before it writes to a file, so
 * that the next one neither loses nor repeats a line if it is killed.
 */
struct wr_logring_intent {
    uint64_t upto;                /* the lines of [tail, upto) are being written; at most tail: nothing is */
    uint8_t done[WR_LOG_IDS / 8]; /* ids whose lines among them are written */
    uint32_t id;                  /* being written to a plain file */
    uint32_t writing;             /* 1: yes */
    uint64_t device, inode, size_bytes; /* of that file, before */
};
struct wr_logring_intent *wr_logring_intent(struct wr_logring *ring);

struct wr_logring_line {
    unsigned id;
    const char *p;
    size_t n;
};
/* Where the consumer stands. */
uint64_t wr_logring_tail(const struct wr_logring *ring);
/* The line at *cursor, which moves behind it; false when there is none.  *damaged: the rest was skipped. */
bool wr_logring_next(const struct wr_logring *ring, uint64_t *cursor, struct wr_logring_line *line,
                     bool *damaged);
/* Everything before cursor has been written. */
void wr_logring_release(struct wr_logring *ring, uint64_t cursor);
/* Lines dropped that nobody has been told of; the consumer says so when it has told of n more. */
uint64_t wr_logring_untold(const struct wr_logring *ring);
void wr_logring_told(struct wr_logring *ring, uint64_t n);
/* Lines dropped since the ring was made. */
uint64_t wr_logring_dropped(const struct wr_logring *ring);

#endif
