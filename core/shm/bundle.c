/*
 * Files in one blob.  The writer's half never maps what it has written and
 * never reads a file: it is the master's (CORE-RULES 30).
 */
#include "core/shm/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/shm/publish.h"

#define BUNDLE_MAGIC "weir files 1\0\0\0"
#define BUNDLE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct bundle_head {
    char magic[16];
    uint64_t round;
    uint64_t bytes; /* of the whole blob */
    uint64_t n;     /* entries */
};

struct bundle_entry {
    uint64_t path_at;
    uint64_t at;
    uint64_t version;
    uint32_t path_bytes;
    uint32_t bytes;
    int32_t error;
    uint32_t unused;
};

_Static_assert(sizeof(BUNDLE_MAGIC) == sizeof(((struct bundle_head *)0)->magic), "the magic fills its field");
_Static_assert(sizeof(struct bundle_head) % 8 == 0 && sizeof(struct bundle_entry) % 8 == 0,
               "nothing is between");

static uint64_t
bundle_aligned(uint64_t at)
{
    return (at + 7) & ~UINT64_C(7);
}

/*
 * The writer.
 */

void
wr_bundle_init(struct wr_bundle *b)
{
    memset(b, 0, sizeof(*b));
    b->fd = -1;
}

void
wr_bundle_fini(struct wr_bundle *b)
{
    if (b->fd >= 0) {
        close(b->fd);
    }
    free(b->items);
    wr_pool_reset(&b->pool);
    wr_bundle_init(b);
}

struct wr_bundle_item *
wr_bundle_add(struct wr_bundle *b, struct wr_str path)
{
    wr_assert(b->fd < 0 && b->n < WR_FILES_MOST);
    if (b->n == b->cap) {
        b->cap = b->cap > 0 ? 2 * b->cap : 64;
        b->items = wr_realloc(b->items, b->cap * sizeof(*b->items));
    }
    struct wr_bundle_item *it = &b->items[b->n++];
    *it = (struct wr_bundle_item){.path = wr_pool_str(&b->pool, path), .tag = WR_BUNDLE_NO_TAG};
    return it;
}

static int
bundle_compare(const void *a, const void *b)
{
    const struct wr_bundle_item *x = a, *y = b;

    return wr_str_cmp(x->path, y->path);
}

/* Where the bytes of files begin. */
static uint64_t
bundle_index_bytes(const struct wr_bundle *b)
{
    uint64_t n = sizeof(struct bundle_head) + b->n * sizeof(struct bundle_entry);

    for (uint32_t i = 0; i < b->n; i++) {
        n += b->items[i].path.n;
    }
    return bundle_aligned(n);
}

bool
wr_bundle_begin(struct wr_bundle *b, const char *label)
{
    if (b->n > 0) {
        qsort(b->items, b->n, sizeof(*b->items), bundle_compare);
    }
    b->bytes = bundle_index_bytes(b);
    b->fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return b->fd >= 0;
}

/* At most `most` bytes from `from`, at *from_at, to where `to` stands; 0 or an errno.  *moved: how many there were. */
static int
bundle_copy(int to, int from, off_t *from_at, uint64_t most, uint64_t *moved)
{
    *moved = 0;
    while (*moved < most) {
        ssize_t n = sendfile(to, from, from_at, most - *moved);
        if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
            n = copy_file_range(from, from_at, to, NULL, most - *moved, 0);
        }
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            break;
        }
        *moved += n > 0 ? (uint64_t)n : 0;
    }
    return 0;
}

/* Appends bytes of another file as the item's. */
static int
bundle_append(struct wr_bundle *b, struct wr_bundle_item *it, int from, uint64_t from_at, uint64_t most)
{
    uint64_t moved = 0;
    off_t at = (off_t)from_at;

    it->at = b->bytes;
    it->bytes = 0;
    int err =
        lseek(b->fd, (off_t)b->bytes, SEEK_SET) < 0 ? errno : bundle_copy(b->fd, from, &at, most, &moved);
    if (err == 0 && moved > WR_FILES_BYTES) {
        err = EFBIG;
    } else if (err == 0 && b->bytes + moved > WR_PUBLISH_BYTES) {
        err = ENOSPC;
    }
    if (err != 0) {
        /* what came of it goes: the next one begins here */
        return ftruncate(b->fd, (off_t)b->bytes) < 0 ? errno : err;
    }
    it->bytes = (uint32_t)moved;
    b->bytes = bundle_aligned(b->bytes + moved);
    return 0;
}

int
wr_bundle_put_file(struct wr_bundle *b, struct wr_bundle_item *it, int fd)
{
    return bundle_append(b, it, fd, 0, WR_FILES_BYTES + 1);
}

int
wr_bundle_put_item(struct wr_bundle *b, struct wr_bundle_item *it, const struct wr_bundle *from,
                   const struct wr_bundle_item *item)
{
    int err = bundle_append(b, it, from->fd, item->at, item->bytes);

    if (err == 0) {
        it->version = item->version;
        it->error = item->error;
    }
    return err;
}

/* Head, entries and paths, as they stand in the blob; *bytes of them.  free(3) is the caller's. */
static char *
bundle_render(const struct wr_bundle *b, uint64_t round, size_t *bytes)
{
    size_t path_at = sizeof(struct bundle_head) + b->n * sizeof(struct bundle_entry);
    struct bundle_head head = {.magic = BUNDLE_MAGIC, .round = round, .bytes = b->bytes, .n = b->n};

    *bytes = bundle_index_bytes(b);
    char *out = wr_calloc(1, *bytes);
    memcpy(out, &head, sizeof(head));
    for (uint32_t i = 0; i < b->n; i++) {
        const struct wr_bundle_item *it = &b->items[i];
        struct bundle_entry e = {.path_at = path_at,
                                 .path_bytes = (uint32_t)it->path.n,
                                 .at = it->at,
                                 .bytes = it->bytes,
                                 .version = it->version,
                                 .error = it->error};
        memcpy(out + sizeof(head) + i * sizeof(e), &e, sizeof(e));
        memcpy(out + path_at, it->path.p, it->path.n);
        path_at += it->path.n;
    }
    return out;
}

bool
wr_bundle_end(struct wr_bundle *b, uint64_t round)
{
    size_t bytes, done = 0;
    char *text = bundle_render(b, round, &bytes);
    bool ok = b->bytes <= WR_PUBLISH_BYTES || (errno = ENOSPC, false);

    ok = ok && ftruncate(b->fd, (off_t)b->bytes) == 0;
    while (ok && done < bytes) {
        ssize_t n = pwrite(b->fd, text + done, bytes - done, (off_t)done);
        ok = n >= 0 || errno == EINTR;
        done += n > 0 ? (size_t)n : 0;
    }
    free(text);
    return ok && fcntl(b->fd, F_ADD_SEALS, BUNDLE_SEALS) == 0;
}

static bool
bundle_fill_selected(struct wr_bundle *b, const struct wr_bundle *from, const struct wr_bundle *other)
{
    for (uint32_t i = 0; i < b->n; i++) {
        struct wr_bundle_item *it = &b->items[i];
        const struct wr_bundle *source = from;
        const struct wr_bundle_item *item = wr_bundle_item(from, it->path);
        if (item->refused && other != NULL) {
            source = other;
            item = wr_bundle_item(other, it->path);
        }
        if (item == NULL) {
            it->error = ENOENT;
            it->version = wr_bundle_version_none(ENOENT);
        } else if ((errno = wr_bundle_put_item(b, it, source, item)) != 0) {
            return false;
        }
    }
    return true;
}

bool
wr_bundle_select(struct wr_bundle *b, const char *label, const struct wr_bundle *from,
                 const struct wr_bundle *other, uint64_t round)
{
    wr_bundle_init(b);
    for (uint32_t i = 0; i < from->n; i++) {
        if (from->items[i].tag != WR_BUNDLE_NO_TAG) {
            wr_bundle_add(b, from->items[i].path)->tag = from->items[i].tag;
        }
    }
    if (wr_bundle_begin(b, label) && bundle_fill_selected(b, from, other) && wr_bundle_end(b, round)) {
        return true;
    }
    int err = errno;
    wr_bundle_fini(b);
    errno = err;
    return false;
}

struct wr_bundle_item *
wr_bundle_item(const struct wr_bundle *b, struct wr_str path)
{
    struct wr_bundle_item key = {.path = path};

    return b->n > 0 ? bsearch(&key, b->items, b->n, sizeof(key), bundle_compare) : NULL;
}

static uint64_t
bundle_version_of(const uint64_t *words, size_t bytes)
{
    uint64_t h = wr_hash_fixed(wr_str_make((const char *)words, bytes));

    return h != 0 ? h : 1;
}

uint64_t
wr_bundle_version(const struct stat *st)
{
    const uint64_t words[] = {st->st_dev,
                              st->st_ino,
                              (uint64_t)st->st_size,
                              (uint64_t)st->st_mtim.tv_sec,
                              (uint64_t)st->st_mtim.tv_nsec,
                              (uint64_t)st->st_ctim.tv_sec,
                              (uint64_t)st->st_ctim.tv_nsec};

    return bundle_version_of(words, sizeof(words));
}

uint64_t
wr_bundle_version_none(int err)
{
    const uint64_t word = (uint64_t)err;

    return bundle_version_of(&word, sizeof(word));
}

/*
 * The reader.
 */

bool
wr_bundle_view(struct wr_bundle_view *v, const void *data, size_t bytes)
{
    struct bundle_head head;

    if (bytes < sizeof(head)) {
        return false;
    }
    memcpy(&head, data, sizeof(head));
    if (memcmp(head.magic, BUNDLE_MAGIC, sizeof(head.magic)) != 0 || head.bytes != bytes ||
        head.n > WR_FILES_MOST || head.n * sizeof(struct bundle_entry) > bytes - sizeof(head)) {
        return false;
    }
    *v = (struct wr_bundle_view){.data = data, .bytes = bytes, .n = (uint32_t)head.n, .round = head.round};
    return true;
}

static bool
bundle_within(const struct wr_bundle_view *v, uint64_t at, uint64_t bytes)
{
    return at <= v->bytes && bytes <= v->bytes - at;
}

bool
wr_bundle_view_at(const struct wr_bundle_view *v, uint32_t i, struct wr_file *f)
{
    struct bundle_entry e;

    if (i >= v->n) {
        return false;
    }
    memcpy(&e, v->data + sizeof(struct bundle_head) + i * sizeof(e), sizeof(e));
    if (!bundle_within(v, e.path_at, e.path_bytes) || !bundle_within(v, e.at, e.bytes) ||
        e.bytes > WR_FILES_BYTES || e.error < 0 || (e.error != 0 && e.bytes > 0)) {
        return false;
    }
    *f = (struct wr_file){.path = wr_str_make(v->data + e.path_at, e.path_bytes),
                          .bytes = wr_str_make(v->data + e.at, e.bytes),
                          .version = e.version,
                          .error = e.error,
                          .index = i};
    return true;
}

bool
wr_bundle_view_find(const struct wr_bundle_view *v, struct wr_str path, struct wr_file *f)
{
    uint32_t low = 0, high = v->n;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (!wr_bundle_view_at(v, mid, f)) {
            return false;
        }
        int c = wr_str_cmp(path, f->path);
        if (c == 0) {
            return true;
        }
        if (c < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return false;
}
