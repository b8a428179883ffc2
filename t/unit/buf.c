/* core/base/buf: buffers, slices, chains. */
#include "core/base/buf.h"

#include <stdlib.h>

#include "t/unit/tap.h"

static unsigned
buf_slices_of(const struct wr_chain *ch)
{
    unsigned n = 0;

    for (const struct wr_slice *s = ch->first; s != NULL; s = s->next) {
        n++;
    }
    return n;
}

/* The bytes of a chain of MEM slices as a string; also checks its count and its tail. */
static const char *
buf_text(const struct wr_chain *ch)
{
    static char text[400001];
    struct wr_slice *const *tail = (struct wr_slice *const *)&ch->first;
    size_t n = 0;

    for (const struct wr_slice *s = ch->first; s != NULL; s = s->next) {
        memcpy(text + n, s->p, s->n);
        n += s->n;
        tail = (struct wr_slice *const *)&s->next;
    }
    text[n] = '\0';
    return n == ch->bytes && tail == ch->tail ? text : "(the chain is broken)";
}

static void
buf_test_buffers(void)
{
    size_t at_start = wr_buf_in_use_bytes();
    struct wr_buf *small = wr_buf_new(0);
    struct wr_buf *big = wr_buf_new(WR_BUF_SMALL_BYTES + 1);
    struct wr_buf *huge = wr_buf_new(100000);

    tap_is_int(small->cap, WR_BUF_SMALL_BYTES, "a small one");
    tap_is_int(big->cap, WR_BUF_BIG_BYTES, "a big one");
    tap_is_int(huge->cap, 100000, "one of its own size");
    tap_ok(big->refs == 1 && big->r == 0 && big->w == 0, "they begin empty");
    memset(small->data, 1, small->cap);
    memset(big->data, 2, big->cap);
    memset(huge->data, 3, huge->cap);
    tap_is_int(wr_buf_in_use_bytes() - at_start, small->cap + big->cap + huge->cap, "in use");
    tap_ok(wr_buf_ref(big) == big && big->refs == 2, "a second reference");
    wr_buf_unref(big);
    tap_is_int(big->data[0], 2, "is held by the first");
    wr_buf_unref(NULL);
    wr_buf_unref(big);
    wr_buf_unref(huge);
    wr_buf_unref(small);
    struct wr_buf *copy = wr_buf_of("copied", 6);
    tap_ok(copy->r == 0 && copy->w == 6 && memcmp(copy->data, "copied", 6) == 0, "one that is a copy");
    wr_buf_unref(copy);
    tap_is_int(wr_buf_in_use_bytes(), at_start, "nothing in use any more");
}

static void
buf_test_kept(void)
{
    struct wr_buf *b = wr_buf_new(2000);

#ifndef WR_SANITIZE
    struct wr_buf *many[200];
    wr_buf_unref(b);
    many[0] = wr_buf_new(3000);
    tap_ok(many[0] == b, "the one given back last is taken first");
    tap_is_int((uintptr_t)b->data % 64, 0, "big ones begin on a cache line");
    bool aliased = true;
    for (unsigned i = 1; i < WR_ARRAY_LEN(many); i++) {
        many[i] = wr_buf_new(2000);
        aliased = aliased && ((uintptr_t)many[i] - (uintptr_t)b) % 4096 == 0;
    }
    tap_ok(!aliased, "big ones do not all begin in the same cache set");
    for (unsigned i = 1; i < WR_ARRAY_LEN(many); i++) {
        wr_buf_unref(many[i]);
    }
#endif
    wr_buf_unref(b);
    wr_buf_trim();
    b = wr_buf_new(1);
    tap_is_int(b->refs, 1, "a buffer after a trim");
    wr_buf_unref(b);
}

static void
buf_test_add(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_buf *b = wr_buf_new(100);

    memcpy(b->data, "0123456789", 10);
    b->w = 10;
    wr_chain_add(&ch, b, b->data, 0);
    tap_ok(wr_chain_empty(&ch), "adding nothing adds no slice");
    wr_chain_add(&ch, b, b->data, 3);
    tap_is_int(b->refs, 2, "a slice holds a reference");
    wr_chain_add(&ch, b, b->data + 3, 2);
    tap_is_int(buf_slices_of(&ch), 1, "bytes that go on lengthen the slice");
    wr_chain_add(&ch, b, b->data + 7, 2);
    wr_chain_add(&ch, NULL, "abc", 3);
    tap_is_str(buf_text(&ch), "0123478abc", "all in order");
    tap_is_int(buf_slices_of(&ch), 3, "three slices");
    tap_is_int(wr_chain_charge_bytes(&ch), WR_BUF_SMALL_BYTES + 3, "one buffer is charged once");
    wr_chain_drop(&ch, 6);
    tap_is_str(buf_text(&ch), "8abc", "drop within the second slice");
    wr_chain_drop(&ch, 1);
    tap_is_int(b->refs, 1, "the slices let go");
    wr_chain_drop(&ch, 3);
    tap_ok(wr_chain_empty(&ch) && ch.tail == &ch.first && ch.bytes == 0, "dropped to the end");
    wr_chain_add(&ch, b, b->data, 1);
    wr_buf_unref(b);
    wr_chain_free(&ch);
    tap_ok(wr_chain_empty(&ch) && ch.tail == &ch.first && ch.bytes == 0, "freed");
}

static void
buf_test_copy(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_chain other = WR_CHAIN_INIT(other);
    static char large[100000];

    wr_chain_copy(&ch, "abc", 3);
    wr_chain_copy(&ch, "", 0);
    wr_chain_copy(&ch, "def", 3);
    tap_is_str(buf_text(&ch), "abcdef", "two copies");
    tap_is_int(buf_slices_of(&ch), 1, "in one slice");
    wr_chain_dup(&other, &ch);
    wr_chain_copy(&ch, "ghi", 3);
    tap_is_int(buf_slices_of(&ch), 2, "a buffer that others hold is not written to");
    tap_is_str(buf_text(&other), "abcdef", "the others' bytes");
    wr_chain_free(&other);
    wr_chain_drop(&ch, 7);
    wr_chain_copy(&ch, "jkl", 3);
    tap_is_str(buf_text(&ch), "hijkl", "goes on behind a drop");
    tap_is_int(buf_slices_of(&ch), 1, "in one slice too");
    memset(large, 'x', sizeof(large));
    wr_chain_copy(&ch, large, WR_BUF_BIG_BYTES);
    tap_is_int(buf_slices_of(&ch), 2, "what does not fit stays in one piece");
    wr_chain_copy(&ch, large, sizeof(large));
    tap_is_int(ch.bytes, 5 + WR_BUF_BIG_BYTES + sizeof(large), "longer ones are split");
    tap_is_int(buf_slices_of(&ch), 6, "into buffers");
    tap_is_int(strlen(buf_text(&ch)), ch.bytes, "with all bytes");
    wr_chain_free(&ch);
}

static void
buf_test_move(void)
{
    struct wr_chain src = WR_CHAIN_INIT(src);
    struct wr_chain dst = WR_CHAIN_INIT(dst);
    struct wr_buf *b = wr_buf_new(10);

    memcpy(b->data, "abcdef", 6);
    wr_chain_move(&dst, &src);
    tap_is_str(buf_text(&dst), "", "nothing moved");
    wr_chain_add(&src, b, b->data, 3);
    wr_chain_add(&src, NULL, "123", 3);
    wr_chain_add(&src, b, b->data + 3, 3);
    wr_chain_move_n(&dst, &src, 0);
    wr_chain_move_n(&dst, &src, 2);
    tap_is_str(buf_text(&dst), "ab", "the first two moved");
    tap_is_str(buf_text(&src), "c123def", "the rest stayed");
    tap_is_int(b->refs, 4, "a split slice holds a reference in each part");
    wr_chain_move_n(&dst, &src, 1);
    tap_is_int(b->refs, 3, "and one when it is whole again");
    tap_is_int(buf_slices_of(&dst), 1, "as one slice");
    wr_chain_move_n(&dst, &src, 4);
    tap_is_str(buf_text(&dst), "abc123d", "across slices");
    wr_chain_move_n(&dst, &src, 2);
    tap_ok(wr_chain_empty(&src) && src.tail == &src.first, "all of it");
    tap_is_str(buf_text(&dst), "abc123def", "arrived");
    wr_chain_copy(&src, "x", 1);
    wr_chain_move(&dst, &src);
    wr_chain_copy(&dst, "y", 1);
    tap_is_str(buf_text(&dst), "abc123defxy", "a whole chain, and more behind it");
    tap_is_str(buf_text(&src), "", "the source is empty");
    wr_chain_free(&dst);
    tap_is_int(b->refs, 1, "every reference is given back");
    wr_buf_unref(b);
}

static void
buf_unpin(void *arg)
{
    ++*(int *)arg;
}

static struct wr_slice *
buf_file_slice(off_t off, size_t n, int *unpinned)
{
    struct wr_slice *s = wr_slice_new(WR_SLICE_FILE);

    s->fd = 7;
    s->off = off;
    s->n = n;
    s->unpin = buf_unpin;
    s->pin_arg = unpinned;
    return s;
}

static void
buf_test_pins(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_chain other = WR_CHAIN_INIT(other);
    int unpinned = 0;

    struct wr_slice *fresh = wr_slice_new(WR_SLICE_MEM);
    tap_is_int(fresh->fd, -1, "a new slice has no fd");
    wr_slice_free(fresh);
    wr_chain_push(&ch, buf_file_slice(0, 0, &unpinned));
    tap_ok(wr_chain_empty(&ch) && unpinned == 1, "an empty slice is let go at once");
    wr_chain_push(&ch, buf_file_slice(100, 50, &unpinned));
    wr_chain_push(&ch, buf_file_slice(150, 50, &unpinned));
    tap_is_int(buf_slices_of(&ch), 2, "file slices are not joined");
    wr_chain_move_n(&other, &ch, 20);
    wr_chain_move_n(&other, &ch, 10);
    tap_ok(other.first->off == 100 && other.first->n == 20 && other.first->fd == 7, "the first part");
    tap_ok(other.first->next->off == 120 && other.first->next->n == 10, "the second");
    tap_ok(ch.first->off == 130 && ch.first->n == 20 && ch.bytes == 70, "the rest");
    wr_chain_drop(&ch, 5);
    tap_ok(ch.first->off == 135 && ch.first->n == 15, "a drop moves the offset");
    tap_is_int(wr_chain_charge_bytes(&ch), 65, "files are charged by their bytes");
    wr_chain_drop(&ch, 15);
    wr_chain_drop(&other, 20);
    tap_is_int(unpinned, 1, "pinned while a part is left");
    wr_chain_free(&other);
    tap_is_int(unpinned, 2, "unpinned with the last part");
    wr_chain_free(&ch);
    tap_is_int(unpinned, 3, "the other slice has its own pin");
}

/* A chain of `count` pieces of n bytes, each in a big buffer of its own. */
static void
buf_fill_big(struct wr_chain *ch, unsigned count, size_t n)
{
    for (unsigned i = 0; i < count; i++) {
        struct wr_buf *b = wr_buf_new(WR_BUF_BIG_BYTES);
        memset(b->data, 'a' + (int)(i % 26), n);
        b->w = WR_BUF_BIG_BYTES; /* as one that was read into further */
        wr_chain_add(ch, b, b->data, n);
        wr_buf_unref(b);
    }
}

static void
buf_settle_is(struct wr_chain *ch, const char *what)
{
    char *before = strdup(buf_text(ch));
    wr_chain_settle(ch);
    tap_ok(strcmp(before, buf_text(ch)) == 0, "%s: the bytes are the same", what);
    size_t charge = wr_chain_charge_bytes(ch);
    tap_ok(charge <= 2 * ch->bytes + 1024 * buf_slices_of(ch), "%s: charge %zu for %zu bytes in %u slices",
           what, charge, ch->bytes, buf_slices_of(ch));
    const struct wr_slice *first = ch->first;
    const struct wr_buf *b = first ? first->buf : NULL;
    wr_chain_settle(ch);
    tap_ok(ch->first == first && (!first || first->buf == b) && wr_chain_charge_bytes(ch) == charge,
           "%s: a second time does nothing", what);
    free(before);
}

static void
buf_test_settle(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    size_t at_start = wr_buf_in_use_bytes();

    buf_settle_is(&ch, "empty");
    buf_fill_big(&ch, 1, 10);
    buf_settle_is(&ch, "one small piece");
    tap_is_int(wr_buf_in_use_bytes() - at_start, WR_BUF_SMALL_BYTES,
               "one small piece: the big buffer is gone");
    buf_fill_big(&ch, 20, 30);
    buf_settle_is(&ch, "small pieces behind it");
    tap_is_int(buf_slices_of(&ch), 1, "small pieces behind it: together in one buffer");
    wr_chain_free(&ch);
    buf_fill_big(&ch, 1, 5000);
    buf_settle_is(&ch, "a middling piece");
    buf_fill_big(&ch, 3, 20000);
    struct wr_buf *kept = ch.first->next->buf;
    buf_settle_is(&ch, "large pieces");
    tap_ok(ch.first->next->buf == kept, "large pieces: stay where they are");
    wr_chain_add(&ch, NULL, "constant", 8);
    buf_fill_big(&ch, 50, 3000);
    buf_settle_is(&ch, "a mixture");
    wr_chain_free(&ch);
    struct wr_buf *b = wr_buf_new(WR_BUF_BIG_BYTES);
    memset(b->data, 'z', WR_BUF_BIG_BYTES);
    for (unsigned i = 0; i < 100; i++) {
        wr_chain_add(&ch, b, b->data + 300 * i, 200);
    }
    wr_chain_settle(&ch);
    tap_ok(ch.first->buf == b && b->refs == 101, "many slices that fill one buffer are left alone");
    wr_chain_drop(&ch, 19000);
    buf_settle_is(&ch, "the last few of them");
    tap_is_int(b->refs, 1, "the last few of them: nothing holds the buffer");
    wr_chain_free(&ch);
    wr_buf_unref(b);
    tap_is_int(wr_buf_in_use_bytes(), at_start, "nothing leaked");
}

/* Random operations on two chains against the bytes they should have. */
static void
buf_test_random(void)
{
    struct wr_chain a = WR_CHAIN_INIT(a);
    struct wr_chain b = WR_CHAIN_INIT(b);
    static char model[2][70000];
    static char source[3000];
    size_t n[2] = {0, 0};
    bool same = true;
    unsigned seed = 12345;

    for (unsigned i = 0; i < 20000 && same; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned what = seed >> 16 & 7;
        size_t len = (seed >> 19) % sizeof(source);
        memset(source, 'A' + (int)(i % 57), sizeof(source));
        if (what <= 2 && n[0] < 60000) {
            if (what == 0) {
                wr_chain_copy(&a, source, len);
            } else {
                struct wr_buf *buf = wr_buf_new(len);
                memcpy(buf->data, source, len);
                buf->w = (uint32_t)len;
                wr_chain_add(&a, buf, buf->data, len / 2);
                wr_chain_add(&a, buf, buf->data + len / 2 + (what == 2),
                             len - len / 2 - (len > 0 && what == 2));
                wr_buf_unref(buf);
                len -= len > 0 && what == 2;
            }
            memcpy(model[0] + n[0], source, len);
            n[0] += len;
        } else if (what <= 4) {
            len = WR_MIN(len, n[0]);
            if (n[1] + len <= 60000) {
                wr_chain_move_n(&b, &a, len);
                memcpy(model[1] + n[1], model[0], len);
                memmove(model[0], model[0] + len, n[0] -= len);
                n[1] += len;
            }
        } else if (what <= 6) {
            len = WR_MIN(len, n[1]);
            wr_chain_drop(&b, len);
            memmove(model[1], model[1] + len, n[1] -= len);
        } else {
            wr_chain_settle(&a);
            wr_chain_settle(&b);
        }
        same = a.bytes == n[0] && memcmp(buf_text(&a), model[0], n[0]) == 0 && b.bytes == n[1] &&
            memcmp(buf_text(&b), model[1], n[1]) == 0;
    }
    tap_ok(same, "20000 random operations agree with a model");
    wr_chain_free(&a);
    wr_chain_free(&b);
    tap_is_int(wr_buf_in_use_bytes(), 0, "and leak nothing");
}

static unsigned
buf_slices(const struct wr_chain *ch)
{
    unsigned n = 0;

    for (const struct wr_slice *s = ch->first; s != NULL; s = s->next) {
        n++;
    }
    return n;
}

static void
buf_test_gather(void)
{
    struct wr_chain from = WR_CHAIN_INIT(from), to = WR_CHAIN_INIT(to);
    struct wr_buf *large = wr_buf_new(WR_CHAIN_COPY_BYTES + 1);

    memset(large->data, 'L', WR_CHAIN_COPY_BYTES + 1);
    large->w = WR_CHAIN_COPY_BYTES + 1;
    wr_chain_copy(&to, "head ", 5);
    for (unsigned i = 0; i < 100; i++) {
        wr_chain_add(&from, NULL, "x", 1);
    }
    wr_chain_gather(&to, &from);
    tap_ok(from.first == NULL && from.bytes == 0, "what was gathered is gone from where it was");
    tap_is_int(buf_slices(&to), 1, "a hundred crumbs share the buffer that was there");
    tap_is_int(to.bytes, 105, "whole");
    wr_chain_add(&from, NULL, "y", 1);
    wr_chain_add(&from, large, large->data, large->w);
    wr_chain_add(&from, NULL, "z", 1);
    const char *p = large->data;
    wr_buf_unref(large);
    wr_chain_gather(&to, &from);
    tap_is_int(buf_slices(&to), 2, "a large piece stays one of its own; what follows has room in its buffer");
    tap_ok(to.first->next->p == p, "and is not copied");
    tap_ok(memcmp(buf_text(&to) + 103, "xxyL", 4) == 0 && buf_text(&to)[to.bytes - 1] == 'z', "in order");
    wr_chain_free(&to);
    tap_is_int(wr_buf_in_use_bytes(), 0, "and nothing leaks");
}

int
main(void)
{
    buf_test_buffers();
    buf_test_kept();
    buf_test_add();
    buf_test_copy();
    buf_test_move();
    buf_test_gather();
    buf_test_pins();
    buf_test_settle();
    buf_test_random();
    return tap_done();
}
