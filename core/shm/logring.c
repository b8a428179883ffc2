/*
 * Rings of log lines.  A record is 8 bytes of head and the line, padded to 8;
 * one that would cross the end is preceded by a record that says "skip".  It
 * knows no file.
 */
#include "core/shm/logring.h"

#include <string.h>
#include <sys/mman.h>

#include "core/shm/slot.h"

#define LOGRING_PAGE 4096
#define LOGRING_SKIP 0xffffffffu

struct logring_record {
    uint32_t id; /* or LOGRING_SKIP: go on at the ring's beginning */
    uint32_t bytes;
};

struct wr_logring {
    /* the producer's */
    _Atomic uint64_t head;
    uint64_t reserved; /* where the reserved record begins */
    uint64_t reserved_bytes;
    _Atomic uint64_t dropped;
    char pad[96];
    /* the consumer's */
    _Atomic uint64_t tail;
    uint64_t dropped_told;
    struct wr_logring_intent intent;
    char pad2[LOGRING_PAGE - 144 - sizeof(struct wr_logring_intent)];
    char data[WR_LOGRING_BYTES];
};
_Static_assert(sizeof(struct wr_logring) == LOGRING_PAGE + WR_LOGRING_BYTES, "rings are whole pages");

const char wr_logrings_layout[] = "logrings-1 slots=256 bytes=524288 line=16384";

size_t
wr_logrings_bytes(void)
{
    return WR_SLOTS * sizeof(struct wr_logring);
}

struct wr_logring *
wr_logring_of(void *zone_base, unsigned slot)
{
    wr_assert(slot < WR_SLOTS);
    return (struct wr_logring *)zone_base + slot;
}

static size_t
logring_record_bytes(size_t n)
{
    return (sizeof(struct logring_record) + n + 7) & ~(size_t)7;
}

static void
logring_drop(struct wr_logring *ring)
{
    atomic_store_explicit(&ring->dropped, atomic_load_explicit(&ring->dropped, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

char *
wr_logring_reserve(struct wr_logring *ring, size_t n)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t at = head % WR_LOGRING_BYTES;
    size_t need = logring_record_bytes(n);
    size_t skip = at + need > WR_LOGRING_BYTES ? WR_LOGRING_BYTES - at : 0;

    if (n > WR_LOGRING_LINE_BYTES || head - tail + skip + need > WR_LOGRING_BYTES) {
        logring_drop(ring);
        return NULL;
    }
    if (skip > 0) {
        /* unseen until the record behind it is published with it */
        struct logring_record *r = (struct logring_record *)(ring->data + at);
        r->id = LOGRING_SKIP;
        r->bytes = (uint32_t)skip;
        at = 0;
    }
    ring->reserved = head + skip;
    ring->reserved_bytes = n;
    return ring->data + at + sizeof(struct logring_record);
}

void
wr_logring_commit(struct wr_logring *ring, unsigned id, size_t n)
{
    size_t at = ring->reserved % WR_LOGRING_BYTES;
    struct logring_record *r = (struct logring_record *)(ring->data + at);

    wr_assert(n <= ring->reserved_bytes && id < WR_LOG_IDS);
    r->id = id;
    r->bytes = (uint32_t)n;
    atomic_store_explicit(&ring->head, ring->reserved + logring_record_bytes(n), memory_order_release);
}

void
wr_logring_put(struct wr_logring *ring, unsigned id, const char *line, size_t n)
{
    char *p = wr_logring_reserve(ring, n);

    if (p != NULL) {
        memcpy(p, line, n);
        wr_logring_commit(ring, id, n);
    }
}

size_t
wr_logring_waiting_bytes(const struct wr_logring *ring)
{
    return (size_t)(atomic_load_explicit(&ring->head, memory_order_relaxed) -
                    atomic_load_explicit(&ring->tail, memory_order_relaxed));
}

void
wr_logring_mail(const struct wr_logring *ring, size_t at_least_bytes)
{
    size_t waiting = wr_logring_waiting_bytes(ring);

    if (waiting > 0 && waiting >= at_least_bytes) {
        unsigned keeper = wr_owner_slot(atomic_load(&wr_slots_table()->keeper));
        if (keeper < WR_SLOTS_CHILDREN) {
            wr_slot_mail(keeper, WR_MAIL_LOGS);
        }
    }
}

void
wr_logring_forget(struct wr_logring *ring)
{
    madvise(ring, sizeof(*ring), MADV_DONTNEED);
}

bool
wr_logring_reap(struct wr_logring *ring)
{
    uint64_t head = atomic_load(&ring->head);
    uint64_t tail = atomic_load(&ring->tail);

    /* the consumer may stand behind a broken head: it has skipped it */
    if (head % 8 == 0 && head - tail <= WR_LOGRING_BYTES) {
        return true;
    }
    atomic_store(&ring->head, tail);
    return false;
}

void
wr_logring_trim(struct wr_logring *ring)
{
    if (wr_logring_waiting_bytes(ring) == 0) {
        madvise(ring->data, sizeof(ring->data), MADV_REMOVE);
    }
}

uint64_t
wr_logring_tail(const struct wr_logring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

/* Whether a record of so many bytes may stand at cursor. */
static bool
logring_fits(uint64_t cursor, uint64_t head, size_t bytes)
{
    return bytes <= head - cursor && cursor % WR_LOGRING_BYTES + bytes <= WR_LOGRING_BYTES;
}

bool
wr_logring_next(const struct wr_logring *ring, uint64_t *cursor, struct wr_logring_line *line, bool *damaged)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);

    *damaged = head - *cursor > WR_LOGRING_BYTES || (head | *cursor) % 8 != 0;
    while (!*damaged && *cursor != head) {
        size_t at = *cursor % WR_LOGRING_BYTES;
        struct logring_record r = *(const volatile struct logring_record *)(ring->data + at);
        if (r.id == LOGRING_SKIP && r.bytes == WR_LOGRING_BYTES - at &&
            logring_fits(*cursor, head, r.bytes)) {
            *cursor += r.bytes;
            continue;
        }
        if (r.id >= WR_LOG_IDS || r.bytes > WR_LOGRING_LINE_BYTES ||
            !logring_fits(*cursor, head, logring_record_bytes(r.bytes))) {
            *damaged = true;
            break;
        }
        line->id = r.id;
        line->p = ring->data + at + sizeof(r);
        line->n = r.bytes;
        *cursor += logring_record_bytes(r.bytes);
        return true;
    }
    if (*damaged) {
        /* a head that is no multiple of 8 would never be met again */
        *cursor = (head + 7) & ~(uint64_t)7;
    }
    return false;
}

void
wr_logring_release(struct wr_logring *ring, uint64_t cursor)
{
    atomic_store_explicit(&ring->tail, cursor, memory_order_release);
}

struct wr_logring_intent *
wr_logring_intent(struct wr_logring *ring)
{
    return &ring->intent;
}

uint64_t
wr_logring_dropped(const struct wr_logring *ring)
{
    return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}

uint64_t
wr_logring_untold(const struct wr_logring *ring)
{
    return wr_logring_dropped(ring) - ring->dropped_told;
}

void
wr_logring_told(struct wr_logring *ring, uint64_t n)
{
    ring->dropped_told += n;
}
