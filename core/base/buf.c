/*
 * Buffers, slices and chains.  Free buffers and slices stand in bounded
 * last-in-first-out lists of the process: the one used last is warm in the
 * cache.  No slice of zero bytes ever stands in a chain.
 *
 * Built with WR_SANITIZE nothing is kept for reuse, so that
 * AddressSanitizer sees every use after the last reference.
 */
#include "core/base/buf.h"

#include <malloc.h>
#include <stdlib.h>

enum buf_class { BUF_SMALL, BUF_BIG, BUF_OWN };

/* Data starts on a cache line of its own, for the parsers that read 32 bytes at a time. */
#define BUF_HEADER_BYTES 64
/*
 * What a big buffer takes of the heap, malloc's own word included.  Were it
 * a multiple of 4096, the beginnings of all buffers (where the heads are)
 * would fall into the same few sets of the first-level cache.
 */
#define BUF_BIG_STRIDE_BYTES (WR_BUF_BIG_BYTES + 9 * 64)
#define BUF_MALLOC_WORD_BYTES 16

#ifdef WR_SANITIZE
#define BUF_SMALL_KEPT_MOST 0
#define BUF_BIG_KEPT_MOST 0
#define BUF_SLICE_KEPT_MOST 0
#else
#define BUF_SMALL_KEPT_MOST 512
#define BUF_BIG_KEPT_MOST 64
#define BUF_SLICE_KEPT_MOST 4096
#endif

_Static_assert(sizeof(struct wr_buf) <= BUF_HEADER_BYTES, "header and data in one piece");
_Static_assert(BUF_BIG_STRIDE_BYTES % 4096 != 0 && BUF_BIG_STRIDE_BYTES % 64 == 0,
               "spread over the cache's sets");
_Static_assert(BUF_HEADER_BYTES + WR_BUF_BIG_BYTES <= BUF_BIG_STRIDE_BYTES - BUF_MALLOC_WORD_BYTES, "room");

struct buf_list {
    struct wr_buf *first; /* linked through the first word of data */
    uint32_t count;
    uint32_t most;
};

static struct buf_list buf_kept[] = {
    [BUF_SMALL] = {.most = BUF_SMALL_KEPT_MOST},
    [BUF_BIG] = {.most = BUF_BIG_KEPT_MOST},
};
static size_t buf_in_use_bytes;

static struct {
    struct wr_slice *first;
    uint32_t count;
    uint32_t most;
} buf_slices = {.most = BUF_SLICE_KEPT_MOST};

static struct wr_buf *
buf_list_take(struct buf_list *list)
{
    struct wr_buf *b = list->first;

    if (b != NULL) {
        list->first = *(struct wr_buf **)(void *)b->data;
        list->count--;
    }
    return b;
}

static void
buf_list_give(struct buf_list *list, struct wr_buf *b)
{
    if (list->count >= list->most) {
        free(b);
        return;
    }
#ifdef WR_DEBUG
    memset(b->data, 0xa5, b->cap);
#endif
    *(struct wr_buf **)(void *)b->data = list->first;
    list->first = b;
    list->count++;
}

static struct wr_buf *
buf_alloc(enum buf_class class, size_t cap)
{
    void *p = NULL;

    wr_assert(cap <= UINT32_MAX);
#ifndef WR_SANITIZE
    if (class == BUF_BIG) {
        wr_assert(posix_memalign(&p, 64, BUF_BIG_STRIDE_BYTES - BUF_MALLOC_WORD_BYTES) == 0);
    }
#endif
    struct wr_buf *b = p ? p : wr_malloc(BUF_HEADER_BYTES + cap);
    b->cap = (uint32_t)cap;
    b->size_class = (uint8_t) class;
    b->data = (char *)b + BUF_HEADER_BYTES;
    return b;
}

static struct wr_buf *
buf_start(struct wr_buf *b)
{
    b->refs = 1;
    b->r = 0;
    b->w = 0;
    buf_in_use_bytes += b->cap;
    return b;
}

/* A buffer of exactly n bytes, from malloc and back to it. */
struct wr_buf *
wr_buf_new_exact(size_t n)
{
    return buf_start(buf_alloc(BUF_OWN, n));
}

struct wr_buf *
wr_buf_new(size_t n)
{
    enum buf_class class = n <= WR_BUF_SMALL_BYTES ? BUF_SMALL : BUF_BIG;

    if (n > WR_BUF_BIG_BYTES) {
        return wr_buf_new_exact(n);
    }
    struct wr_buf *b = buf_list_take(&buf_kept[class]);
    if (b == NULL) {
        b = buf_alloc(class, class == BUF_SMALL ? WR_BUF_SMALL_BYTES : WR_BUF_BIG_BYTES);
    }
    return buf_start(b);
}

struct wr_buf *
wr_buf_of(const void *p, size_t n)
{
    struct wr_buf *b = wr_buf_new(n);

    memcpy(b->data, p, n);
    b->w = (uint32_t)n;
    return b;
}

struct wr_buf *
wr_buf_ref(struct wr_buf *b)
{
    wr_assert(b->refs > 0 && b->refs < UINT32_MAX);
    b->refs++;
    return b;
}

void
wr_buf_unref(struct wr_buf *b)
{
    if (b == NULL) {
        return;
    }
    wr_assert(b->refs > 0);
    if (--b->refs > 0) {
        return;
    }
    buf_in_use_bytes -= b->cap;
    if (b->size_class == BUF_OWN) {
        free(b);
    } else {
        buf_list_give(&buf_kept[b->size_class], b);
    }
}

size_t
wr_buf_in_use_bytes(void)
{
    return buf_in_use_bytes;
}

void
wr_buf_trim(void)
{
    for (size_t i = 0; i < WR_ARRAY_LEN(buf_kept); i++) {
        struct wr_buf *b;
        while ((b = buf_list_take(&buf_kept[i])) != NULL) {
            free(b);
        }
    }
    while (buf_slices.first != NULL) {
        struct wr_slice *s = buf_slices.first;
        buf_slices.first = s->next;
        free(s);
    }
    buf_slices.count = 0;
    malloc_trim(0);
}

struct wr_slice *
wr_slice_new(enum wr_slice_kind kind)
{
    struct wr_slice *s = buf_slices.first;

    if (s != NULL) {
        buf_slices.first = s->next;
        buf_slices.count--;
    } else {
        s = wr_malloc(sizeof(*s));
    }
    *s = (struct wr_slice){.kind = kind, .fd = -1};
    return s;
}

void
wr_slice_free(struct wr_slice *s)
{
    wr_buf_unref(s->buf);
    if (s->unpin != NULL) {
        s->unpin(s->pin_arg);
    }
    if (buf_slices.count >= buf_slices.most) {
        free(s);
        return;
    }
    s->next = buf_slices.first;
    buf_slices.first = s;
    buf_slices.count++;
}

/* The pin of a slice that was split: undone when the last part goes. */
struct buf_pin {
    uint32_t refs;
    void (*unpin)(void *arg);
    void *arg;
};

static void
buf_pin_drop(void *arg)
{
    struct buf_pin *pin = arg;

    if (--pin->refs == 0) {
        pin->unpin(pin->arg);
        free(pin);
    }
}

/* Makes `part`, a copy of s, hold what s holds. */
static void
buf_slice_share(struct wr_slice *part, struct wr_slice *s)
{
    if (s->buf != NULL) {
        wr_buf_ref(s->buf);
    }
    if (s->unpin != NULL && s->unpin != buf_pin_drop) {
        struct buf_pin *pin = wr_malloc(sizeof(*pin));
        *pin = (struct buf_pin){.refs = 1, .unpin = s->unpin, .arg = s->pin_arg};
        s->unpin = buf_pin_drop;
        s->pin_arg = pin;
    }
    if (s->unpin != NULL) {
        struct buf_pin *pin = s->pin_arg;
        pin->refs++;
    }
    part->unpin = s->unpin;
    part->pin_arg = s->pin_arg;
}

/* Moves the beginning of s behind its first n bytes. */
static void
buf_slice_skip(struct wr_slice *s, size_t n)
{
    s->n -= n;
    if (s->p != NULL) {
        s->p += n;
    }
    if (s->kind == WR_SLICE_FILE) {
        s->off += (off_t)n;
    }
}

/* Takes the first n bytes (0 < n < s->n) off s as a slice of their own. */
static struct wr_slice *
buf_slice_split(struct wr_slice *s, size_t n)
{
    struct wr_slice *part = wr_slice_new(s->kind);

    *part = *s;
    part->next = NULL;
    part->n = n;
    buf_slice_share(part, s);
    buf_slice_skip(s, n);
    return part;
}

static struct wr_slice *
buf_chain_last(const struct wr_chain *ch)
{
    return ch->first ? wr_container(ch->tail, struct wr_slice, next) : NULL;
}

/* Whether p in b goes on where slice s ends. */
static bool
buf_slice_goes_on(const struct wr_slice *s, const struct wr_buf *b, const char *p)
{
    return s != NULL && b != NULL && s->kind == WR_SLICE_MEM && s->buf == b && s->p + s->n == p && !s->unpin;
}

static void
buf_chain_link(struct wr_chain *ch, struct wr_slice *s)
{
    s->next = NULL;
    *ch->tail = s;
    ch->tail = &s->next;
    ch->bytes += s->n;
}

void
wr_chain_add(struct wr_chain *ch, struct wr_buf *b, const char *p, size_t n)
{
    struct wr_slice *last = buf_chain_last(ch);

    if (n == 0) {
        return;
    }
    if (buf_slice_goes_on(last, b, p)) {
        last->n += n;
        ch->bytes += n;
        return;
    }
    struct wr_slice *s = wr_slice_new(WR_SLICE_MEM);
    s->buf = b ? wr_buf_ref(b) : NULL;
    s->p = p;
    s->n = n;
    buf_chain_link(ch, s);
}

void
wr_chain_push(struct wr_chain *ch, struct wr_slice *s)
{
    struct wr_slice *last = buf_chain_last(ch);

    if (s->n == 0) {
        wr_slice_free(s);
    } else if (s->kind == WR_SLICE_MEM && s->unpin == NULL && buf_slice_goes_on(last, s->buf, s->p)) {
        last->n += s->n;
        ch->bytes += s->n;
        wr_slice_free(s);
    } else {
        buf_chain_link(ch, s);
    }
}

/* How many bytes may be written behind the last slice: nobody else holds its buffer, and it ends at w. */
static size_t
buf_chain_room(const struct wr_chain *ch)
{
    const struct wr_slice *last = buf_chain_last(ch);

    if (last == NULL || last->kind != WR_SLICE_MEM || last->buf == NULL || last->buf->refs != 1) {
        return 0;
    }
    const struct wr_buf *b = last->buf;
    return last->p + last->n == b->data + b->w ? b->cap - b->w : 0;
}

/* n <= buf_chain_room() */
static void
buf_chain_fill(struct wr_chain *ch, const char *p, size_t n)
{
    struct wr_slice *last = buf_chain_last(ch);

    memcpy(last->buf->data + last->buf->w, p, n);
    last->buf->w += (uint32_t)n;
    last->n += n;
    ch->bytes += n;
}

/* Appends a copy of p[0..n) in b, which is new; takes the caller's reference. */
static void
buf_chain_fill_new(struct wr_chain *ch, struct wr_buf *b, const char *p, size_t n)
{
    struct wr_slice *s = wr_slice_new(WR_SLICE_MEM);

    memcpy(b->data, p, n);
    b->w = (uint32_t)n;
    s->buf = b;
    s->p = b->data;
    s->n = n;
    buf_chain_link(ch, s);
}

void
wr_chain_copy(struct wr_chain *ch, const char *p, size_t n)
{
    if (n > 0 && n <= buf_chain_room(ch)) {
        buf_chain_fill(ch, p, n);
        return;
    }
    while (n > 0) {
        size_t part = WR_MIN(n, (size_t)WR_BUF_BIG_BYTES);
        buf_chain_fill_new(ch, wr_buf_new(part), p, part);
        p += part;
        n -= part;
    }
}

void
wr_chain_move(struct wr_chain *dst, struct wr_chain *src)
{
    if (src->first == NULL) {
        return;
    }
    *dst->tail = src->first;
    dst->tail = src->tail;
    dst->bytes += src->bytes;
    wr_chain_init(src);
}

/* Takes the first slice out of the chain. */
static struct wr_slice *
buf_chain_shift(struct wr_chain *ch)
{
    struct wr_slice *s = ch->first;

    ch->first = s->next;
    ch->bytes -= s->n;
    if (ch->first == NULL) {
        ch->tail = &ch->first;
    }
    s->next = NULL;
    return s;
}

void
wr_chain_gather(struct wr_chain *dst, struct wr_chain *src)
{
    while (src->first != NULL) {
        size_t n = src->first->n;
        if (src->first->kind == WR_SLICE_MEM && n <= WR_CHAIN_COPY_BYTES) {
            wr_chain_copy(dst, src->first->p, n);
            wr_chain_drop(src, n);
        } else {
            wr_chain_push(dst, buf_chain_shift(src));
        }
    }
}

void
wr_chain_move_n(struct wr_chain *dst, struct wr_chain *src, size_t n)
{
    wr_assert(n <= src->bytes);
    if (n == src->bytes) {
        wr_chain_move(dst, src);
        return;
    }
    while (n > 0) {
        struct wr_slice *s = src->first;
        if (s->n <= n) {
            n -= s->n;
            wr_chain_push(dst, buf_chain_shift(src));
        } else {
            wr_chain_push(dst, buf_slice_split(s, n));
            src->bytes -= n;
            n = 0;
        }
    }
}

void
wr_chain_dup(struct wr_chain *dst, const struct wr_chain *src)
{
    wr_assert(dst != src);
    for (const struct wr_slice *s = src->first; s != NULL; s = s->next) {
        wr_assert(s->kind == WR_SLICE_MEM && s->unpin == NULL);
        wr_chain_add(dst, s->buf, s->p, s->n);
    }
}

void
wr_chain_drop(struct wr_chain *ch, size_t n)
{
    wr_assert(n <= ch->bytes);
    while (n > 0) {
        struct wr_slice *s = ch->first;
        if (s->n > n) {
            buf_slice_skip(s, n);
            ch->bytes -= n;
            return;
        }
        n -= s->n;
        wr_slice_free(buf_chain_shift(ch));
    }
}

void
wr_chain_free(struct wr_chain *ch)
{
    struct wr_slice *s = ch->first;

    /* emptied first: an unpin may look at the chain again */
    wr_chain_init(ch);
    while (s != NULL) {
        struct wr_slice *next = s->next;
        wr_slice_free(s);
        s = next;
    }
}

size_t
wr_chain_charge_bytes(const struct wr_chain *ch)
{
    const struct wr_buf *counted = NULL;
    size_t sum = 0;

    for (const struct wr_slice *s = ch->first; s != NULL; s = s->next) {
        if (s->kind != WR_SLICE_MEM || s->buf == NULL) {
            sum += s->n;
            counted = NULL;
        } else if (s->buf != counted) {
            sum += s->buf->cap;
            counted = s->buf;
        }
    }
    return sum;
}

/* Whether a buffer of cap is too much to pin for n bytes. */
static bool
buf_is_wasteful(size_t cap, size_t n)
{
    return cap > 2 * n + 1024;
}

/* Bytes of the slices from s on that share its buffer; *end is the first slice behind them. */
static size_t
buf_run_bytes(const struct wr_slice *s, const struct wr_slice **end)
{
    const struct wr_buf *b = s->buf;
    size_t n = s->n;

    for (s = s->next; b != NULL && s != NULL && s->buf == b; s = s->next) {
        n += s->n;
    }
    *end = s;
    return n;
}

static bool
buf_run_is_wasteful(const struct wr_slice *s, const struct wr_slice **end)
{
    size_t n = buf_run_bytes(s, end);

    return s->buf != NULL && buf_is_wasteful(s->buf->cap, n);
}

/* A buffer for n bytes that is not wasteful for them; n <= WR_BUF_BIG_BYTES. */
static struct wr_buf *
buf_new_thrifty(size_t n)
{
    if (n > WR_BUF_SMALL_BYTES && buf_is_wasteful(WR_BUF_BIG_BYTES, n)) {
        return wr_buf_new_exact(n);
    }
    return wr_buf_new(n);
}

/* Appends a copy of the first n bytes of src, all MEM, and drops them there. */
static void
buf_settle_copy(struct wr_chain *dst, struct wr_chain *src, size_t n)
{
    while (n > 0) {
        size_t room = buf_chain_room(dst);
        if (room == 0) {
            size_t part = WR_MIN(n, (size_t)WR_BUF_BIG_BYTES);
            size_t head = WR_MIN(part, src->first->n);
            buf_chain_fill_new(dst, buf_new_thrifty(part), src->first->p, head);
            wr_chain_drop(src, head);
            n -= head;
            continue;
        }
        size_t part = WR_MIN(WR_MIN(n, room), src->first->n);
        buf_chain_fill(dst, src->first->p, part);
        wr_chain_drop(src, part);
        n -= part;
    }
}

/* The first run that wastes, or NULL; *before gets the bytes in front of it. */
static const struct wr_slice *
buf_settle_find(const struct wr_slice *s, size_t *before)
{
    const struct wr_slice *end;

    *before = 0;
    while (s != NULL && !buf_run_is_wasteful(s, &end)) {
        for (; s != end; s = s->next) {
            *before += s->n;
        }
    }
    return s;
}

/* Bytes of all neighbouring runs that waste, from s on. */
static size_t
buf_settle_bytes(const struct wr_slice *s)
{
    const struct wr_slice *end;
    size_t n = 0;

    while (s != NULL && buf_run_is_wasteful(s, &end)) {
        for (; s != end; s = s->next) {
            n += s->n;
        }
    }
    return n;
}

void
wr_chain_settle(struct wr_chain *ch)
{
    struct wr_chain settled;
    const struct wr_slice *s;
    size_t before;

    if (buf_settle_find(ch->first, &before) == NULL) {
        return;
    }
    wr_chain_init(&settled);
    while ((s = buf_settle_find(ch->first, &before)) != NULL) {
        size_t wasted = buf_settle_bytes(s);
        wr_chain_move_n(&settled, ch, before);
        buf_settle_copy(&settled, ch, wasted);
    }
    wr_chain_move(&settled, ch);
    wr_chain_move(ch, &settled);
}
