/*
 * Files in one blob: what is written is read, what is damaged harms nobody.
 */
#include "core/shm/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/shm/publish.h"
#include "t/unit/tap.h"

/* A file in memory. */
static int
file_of(const char *text, size_t n)
{
    int fd = memfd_create("file", MFD_CLOEXEC);

    for (size_t done = 0; done < n;) {
        ssize_t k = write(fd, text + done, n - done);
        if (k <= 0) {
            abort();
        }
        done += (size_t)k;
    }
    return fd;
}

static int
put(struct wr_bundle *b, const char *path, const char *text)
{
    struct wr_bundle_item *it = wr_bundle_item(b, wr_str_of(path));
    int fd = file_of(text, strlen(text));
    int err = wr_bundle_put_file(b, it, fd);

    it->version = strlen(text) + 100;
    close(fd);
    return err;
}

/* The bytes of a bundle, in a block of their own; free(3) is the caller's. */
static char *
bytes_of(const struct wr_bundle *b)
{
    char *p = malloc(b->bytes);

    if (pread(b->fd, p, b->bytes, 0) != (ssize_t)b->bytes) {
        abort();
    }
    return p;
}

static struct wr_bundle
three(void)
{
    struct wr_bundle b;

    wr_bundle_init(&b);
    wr_bundle_add(&b, WR_STR("/etc/b"))->tag = 1;
    wr_bundle_add(&b, WR_STR("/etc/a"))->tag = 0;
    wr_bundle_add(&b, WR_STR("/etc/a.key"));
    wr_bundle_begin(&b, "test");
    put(&b, "/etc/a", "first");
    put(&b, "/etc/b", "");
    struct wr_bundle_item *it = wr_bundle_item(&b, WR_STR("/etc/a.key"));
    it->error = EACCES;
    it->version = 7;
    wr_bundle_end(&b, 42);
    return b;
}

static void
test_round_trip(void)
{
    struct wr_bundle b = three();
    struct wr_bundle_view v;
    struct wr_file f;
    char *p = bytes_of(&b);

    tap_is_str(b.items[0].path.p, "/etc/a", "items are sorted");
    tap_ok(wr_bundle_view(&v, p, b.bytes) && v.n == 3 && v.round == 42, "it is a bundle of three");
    tap_ok(wr_bundle_view_find(&v, WR_STR("/etc/a"), &f), "a path is found");
    tap_is_mem(f.bytes.p, f.bytes.n, "first", 5, "with its bytes");
    tap_ok(f.version == 105 && f.error == 0 && f.index == 0, "version, error, index");
    tap_ok(wr_bundle_view_find(&v, WR_STR("/etc/b"), &f) && f.bytes.n == 0 && f.index == 2, "an empty file");
    tap_ok(wr_bundle_view_find(&v, WR_STR("/etc/a.key"), &f) && f.error == EACCES && f.version == 7 &&
               f.bytes.n == 0,
           "one that could not be read");
    tap_ok(!wr_bundle_view_find(&v, WR_STR("/etc/"), &f) && !wr_bundle_view_find(&v, WR_STR("/etc/c"), &f) &&
               !wr_bundle_view_find(&v, WR_STR(""), &f),
           "others are not found");
    tap_ok(!wr_bundle_view_at(&v, 3, &f), "there is no fourth");
    int seals = fcntl(b.fd, F_GET_SEALS);
    tap_ok((seals & F_SEAL_WRITE) && (seals & F_SEAL_GROW) && (seals & F_SEAL_SHRINK), "it is sealed");
    tap_ok(write(b.fd, "x", 1) < 0 && errno == EPERM, "and cannot be written to");
    free(p);
    wr_bundle_fini(&b);
}

static void
test_select(void)
{
    struct wr_bundle from = three(), other = three(), b;
    struct wr_bundle_view v;
    struct wr_file f;

    wr_bundle_item(&from, WR_STR("/etc/a"))->refused = true;
    wr_bundle_fini(&other);
    wr_bundle_add(&other, WR_STR("/etc/a"));
    wr_bundle_begin(&other, "other");
    put(&other, "/etc/a", "the former one");
    wr_bundle_end(&other, 1);
    tap_ok(wr_bundle_select(&b, "selected", &from, &other, 43) && b.n == 2, "of three two have a tag");
    char *p = bytes_of(&b);
    tap_ok(wr_bundle_view(&v, p, b.bytes) && v.round == 43, "a bundle of its own");
    tap_ok(wr_bundle_view_find(&v, WR_STR("/etc/a"), &f) && f.version == 114,
           "what is refused: the other version");
    tap_is_mem(f.bytes.p, f.bytes.n, "the former one", 14, "and its bytes");
    tap_ok(wr_bundle_item(&b, WR_STR("/etc/b"))->tag == 1, "tags stay");
    free(p);
    wr_bundle_fini(&b);
    tap_ok(wr_bundle_select(&b, "selected", &from, NULL, 44), "without another one");
    p = bytes_of(&b);
    tap_ok(wr_bundle_view(&v, p, b.bytes) && wr_bundle_view_find(&v, WR_STR("/etc/a"), &f) &&
               f.version == 105,
           "nothing is refused");
    free(p);
    wr_bundle_fini(&b);
    wr_bundle_fini(&from);
    wr_bundle_fini(&other);
    wr_bundle_init(&from);
    tap_ok(wr_bundle_select(&b, "none", &from, NULL, 45) && b.n == 0 && b.bytes > 0,
           "of nothing: an empty one");
    p = bytes_of(&b);
    tap_ok(wr_bundle_view(&v, p, b.bytes) && !wr_bundle_view_find(&v, WR_STR("x"), &f), "which is one too");
    free(p);
    wr_bundle_fini(&b);
}

static void
test_bounds(void)
{
    size_t big = WR_FILES_BYTES + 5;
    char *text = malloc(big), path[32];
    struct wr_bundle b;
    unsigned n = WR_PUBLISH_BYTES / WR_FILES_BYTES, fit = 0;
    int err = 0;

    memset(text, 'x', big);
    wr_bundle_init(&b);
    for (unsigned i = 0; i <= n; i++) {
        snprintf(path, sizeof(path), "%05u", i);
        wr_bundle_add(&b, wr_str_of(path));
    }
    wr_bundle_begin(&b, "big");
    int fd = file_of(text, big), most = file_of(text, WR_FILES_BYTES);
    uint64_t before = b.bytes;
    tap_is_int(wr_bundle_put_file(&b, &b.items[0], fd), EFBIG, "a file over 1 MiB");
    tap_ok(b.bytes == before && b.items[0].bytes == 0, "takes no room");
    for (unsigned i = 0; i <= n && err == 0; i++) {
        err = wr_bundle_put_file(&b, &b.items[i], most);
        fit += err == 0;
    }
    tap_is_int(err, ENOSPC, "all together are bounded");
    tap_is_int(fit, n - 1, "at 256 MiB");
    for (unsigned i = 0; i < b.n; i++) {
        b.items[i].version = i + 1;
    }
    tap_ok(wr_bundle_end(&b, 1) && b.bytes <= WR_PUBLISH_BYTES, "what fits is a bundle");
    close(fd);
    close(most);
    free(text);
    wr_bundle_fini(&b);
}

static void
test_many(void)
{
    struct wr_bundle b;
    struct wr_bundle_view v;
    struct wr_file f;
    char path[40];
    unsigned found = 0;

    wr_bundle_init(&b);
    for (unsigned i = 0; i < WR_FILES_MOST; i++) {
        snprintf(path, sizeof(path), "/etc/%u", i * 2654435761u);
        wr_bundle_add(&b, wr_str_of(path))->tag = i;
    }
    wr_bundle_begin(&b, "many");
    for (unsigned i = 0; i < b.n; i++) {
        b.items[i].error = ENOENT;
        b.items[i].version = b.items[i].tag;
    }
    wr_bundle_end(&b, 1);
    char *p = bytes_of(&b);
    tap_ok(wr_bundle_view(&v, p, b.bytes) && v.n == WR_FILES_MOST, "65,536 files");
    for (unsigned i = 0; i < WR_FILES_MOST; i++) {
        snprintf(path, sizeof(path), "/etc/%u", i * 2654435761u);
        found += wr_bundle_view_find(&v, wr_str_of(path), &f) && f.version == i;
    }
    tap_is_int(found, WR_FILES_MOST, "each is found");
    free(p);
    wr_bundle_fini(&b);
}

/* Asks for everything; how much of it there was. */
static unsigned
ask_all(const char *p, size_t n)
{
    struct wr_bundle_view v;
    struct wr_file f;
    unsigned good = 0;
    volatile char sum = 0;

    if (!wr_bundle_view(&v, p, n)) {
        return 0;
    }
    for (uint32_t i = 0; i < v.n; i++) {
        if (wr_bundle_view_at(&v, i, &f)) {
            good++;
            for (size_t k = 0; k < f.bytes.n; k++) {
                sum += f.bytes.p[k];
            }
        }
    }
    (void)sum;
    wr_bundle_view_find(&v, WR_STR("/etc/b"), &f);
    return good;
}

static void
test_damaged(void)
{
    struct wr_bundle b = three();
    char *whole = bytes_of(&b), *p;
    unsigned views = 0;

    for (size_t n = 0; n < b.bytes; n++) {
        p = malloc(n + 1); /* a read beyond is seen by sanitizers */
        memcpy(p, whole, n);
        views += ask_all(p, n) > 0;
        free(p);
    }
    tap_is_int(views, 0, "a bundle that is cut is none");
    for (size_t i = 0; i < b.bytes; i++) {
        static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
        for (unsigned k = 0; k < sizeof(values); k++) {
            p = malloc(b.bytes);
            memcpy(p, whole, b.bytes);
            p[i] = (char)values[k];
            views += ask_all(p, b.bytes) > 3;
            free(p);
        }
    }
    tap_is_int(views, 0, "any byte may be another one");
    free(whole);
    wr_bundle_fini(&b);
}

static void
test_version(void)
{
    struct stat st = {.st_dev = 1, .st_ino = 2, .st_size = 3}, other = st;

    tap_ok(wr_bundle_version(&st) == wr_bundle_version(&other), "the same file: the same version");
    other.st_mtim.tv_nsec = 1;
    tap_ok(wr_bundle_version(&st) != wr_bundle_version(&other), "written to: another");
    other = st;
    other.st_ctim.tv_nsec = 1;
    tap_ok(wr_bundle_version(&st) != wr_bundle_version(&other), "its mode changed: another");
    other = st;
    other.st_ino = 9;
    tap_ok(wr_bundle_version(&st) != wr_bundle_version(&other), "another file: another");
    tap_ok(wr_bundle_version_none(ENOENT) != wr_bundle_version_none(EACCES) &&
               wr_bundle_version_none(ENOENT) != 0,
           "none at all has one too");
}

int
main(void)
{
    test_round_trip();
    test_select();
    test_bounds();
    test_many();
    test_damaged();
    test_version();
    return tap_done();
}
