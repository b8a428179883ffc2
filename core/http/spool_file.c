/*
 * Temporary files for spools.  The threads touch a file's own memory alone:
 * descriptor, pieces, result.  Whatever counts or allocates stays on the loop.
 *
 * Files have no name; where the file system cannot make such a one, the name
 * is removed before a byte is written.
 */
#include "core/http/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "config.h"
#include "core/base/fmt.h"
#include "core/base/log.h"
#include "core/base/rand.h"

#define SPOOL_FILE_PARENT WR_LOCALSTATEDIR "/lib/weir"
#define SPOOL_FILE_DIR SPOOL_FILE_PARENT "/tmp"
#define SPOOL_FILE_PIECES 128 /* slices in one write */

/* A write or a read: on the loop, or on a thread while `running`. */
struct spool_file_io {
    struct wr_job job;
    struct wr_spool_file *file;
    bool running;
    struct wr_chain bytes; /* the loop's: holds what the pieces point to */
    struct wr_buf
        *bufs[(WR_SPOOL_FILE_READ_BYTES + WR_BUF_BIG_BYTES - 1) / WR_BUF_BIG_BYTES]; /* the loop's */
    struct iovec piece[SPOOL_FILE_PIECES];
    unsigned pieces;
    uint64_t pos;
    int error;
};

struct wr_spool_file {
    struct wr_link link; /* in spool_file_all: an orphan that the worker's end overtakes is not lost */
    struct wr_offload *offload;
    const struct wr_spool_file_owner *owner; /* NULL: an orphan */
    void *arg;
    int dir;
    int fd; /* -1: not yet open */
    char name[40];
    struct spool_file_io write;
    struct spool_file_io read;
    struct wr_job close;
};

static struct wr_link spool_file_all = {&spool_file_all, &spool_file_all};
static int spool_file_dir = -1;
static const char *spool_file_dir_text = SPOOL_FILE_DIR;

/* ---- where ---- */

/* Ours to write, and nobody can rename or replace what is in it. */
static bool
spool_file_dir_fits(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) &&
        ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0) &&
        faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0;
}

static bool
spool_file_dir_try(const char *path)
{
    int fd = path && path[0] == '/' ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0 && spool_file_dir_fits(fd)) {
        spool_file_dir = fd;
        spool_file_dir_text = path;
        return true;
    }
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

/* -1 when there is no such directory: the files' opening says so. */
static int
spool_file_dir_find(void)
{
    if (spool_file_dir < 0 && !spool_file_dir_try(SPOOL_FILE_DIR) && !spool_file_dir_try(getenv("TMPDIR"))) {
        spool_file_dir_try("/tmp");
    }
    return spool_file_dir;
}

const char *
wr_spool_dir_text(void)
{
    return spool_file_dir_text;
}

/* The directory below `parent`, of that user and closed to others; -1 with errno. */
static int
spool_file_dir_make_in(int parent, uid_t uid, gid_t gid)
{
    struct stat st;

    if (mkdirat(parent, "tmp", 0700) < 0 && errno != EEXIST) {
        return -1;
    }
    int fd = openat(parent, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &st) == 0 && (st.st_uid == uid || fchown(fd, uid, gid) == 0) &&
        ((st.st_mode & 07777) == 0700 || fchmod(fd, 0700) == 0)) {
        return fd;
    }
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

bool
wr_spool_dir_make(uid_t uid, gid_t gid)
{
    int parent = open(SPOOL_FILE_PARENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = parent < 0 ? -1 : spool_file_dir_make_in(parent, uid, gid);

    if (fd < 0) {
        wr_log(WR_LOG_NOTICE,
               "cannot make a directory for temporary files dir=%s: %s; TMPDIR or /tmp will do",
               SPOOL_FILE_DIR, strerror(errno));
    } else {
        if (spool_file_dir >= 0) {
            close(spool_file_dir);
        }
        spool_file_dir = fd;
        spool_file_dir_text = SPOOL_FILE_DIR;
    }
    if (parent >= 0) {
        close(parent);
    }
    return fd >= 0;
}

/* ---- on the threads ---- */

static int
spool_file_open(const struct wr_spool_file *f)
{
    if (f->dir < 0) {
        errno = ENOENT;
        return -1;
    }
    int fd = openat(f->dir, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) {
        return fd;
    }
    fd = openat(f->dir, f->name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 && unlinkat(f->dir, f->name, 0) < 0) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

/* Takes n bytes off the pieces from *at on. */
static void
spool_file_advance(struct spool_file_io *io, unsigned *at, size_t n)
{
    while (n > 0) {
        struct iovec *piece = &io->piece[*at];
        size_t part = WR_MIN(n, piece->iov_len);
        piece->iov_base = (char *)piece->iov_base + part;
        piece->iov_len -= part;
        n -= part;
        *at += piece->iov_len == 0;
    }
}

/* All pieces, however often the kernel stops in between. */
static void
spool_file_transfer(struct spool_file_io *io, ssize_t (*call)(int, const struct iovec *, int, off_t))
{
    unsigned at = 0;
    off_t pos = (off_t)io->pos;

    while (at < io->pieces) {
        ssize_t n = call(io->file->fd, io->piece + at, (int)(io->pieces - at), pos);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            io->error = n < 0 ? errno : EIO; /* shorter than what was written to it */
            return;
        }
        spool_file_advance(io, &at, (size_t)n);
        pos += n;
    }
}

static void
spool_file_do_write(struct wr_job *j)
{
    struct spool_file_io *io = wr_container(j, struct spool_file_io, job);
    struct wr_spool_file *f = io->file;

    if (f->fd < 0) {
        f->fd = spool_file_open(f);
    }
    if (f->fd < 0) {
        io->error = errno;
        return;
    }
    spool_file_transfer(io, pwritev);
}

static void
spool_file_do_read(struct wr_job *j)
{
    spool_file_transfer(wr_container(j, struct spool_file_io, job), preadv);
}

/* Closing gives the blocks back: that can take long for a large file. */
static void
spool_file_do_close(struct wr_job *j)
{
    struct wr_spool_file *f = wr_container(j, struct wr_spool_file, close);

    close(f->fd);
}

/* ---- on the loop ---- */

static void
spool_file_closed(struct wr_job *j)
{
    struct wr_spool_file *f = wr_container(j, struct wr_spool_file, close);

    wr_list_del(&f->link);
    free(f);
}

/* An orphan that nothing works on any more ends. */
static void
spool_file_retire(struct wr_spool_file *f)
{
    if (f->owner != NULL || f->write.running || f->read.running) {
        return;
    }
    if (f->fd >= 0 && wr_offload_add(f->offload, &f->close)) {
        return;
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    spool_file_closed(&f->close);
}

static void
spool_file_written(struct wr_job *j)
{
    struct spool_file_io *io = wr_container(j, struct spool_file_io, job);
    struct wr_spool_file *f = io->file;
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    io->running = false;
    wr_chain_move(&ch, &io->bytes);
    if (f->owner != NULL) {
        f->owner->written(f->arg, &ch, io->error); /* may be the end of f: freed, closed, or an orphan */
    } else {
        spool_file_retire(f);
    }
    wr_chain_free(&ch);
}

/* The buffers of a read as a chain, when all has come. */
static void
spool_file_take_bufs(struct spool_file_io *io, struct wr_chain *ch)
{
    for (unsigned i = 0; i < io->pieces; i++) {
        struct wr_buf *b = io->bufs[i];
        if (io->error == 0) {
            wr_chain_add(ch, b, b->data, b->w);
        }
        wr_buf_unref(b);
    }
    io->pieces = 0;
}

static void
spool_file_fetched(struct wr_job *j)
{
    struct spool_file_io *io = wr_container(j, struct spool_file_io, job);
    struct wr_spool_file *f = io->file;
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    io->running = false;
    spool_file_take_bufs(io, &ch);
    if (f->owner != NULL) {
        f->owner->fetched(f->arg, &ch, io->error);
    } else {
        spool_file_retire(f);
    }
    wr_chain_free(&ch);
}

static void
spool_file_init_io(struct wr_spool_file *f, struct spool_file_io *io, void (*work)(struct wr_job *),
                   void (*done)(struct wr_job *))
{
    io->job.work = work;
    io->job.done = done;
    io->file = f;
    wr_chain_init(&io->bytes);
}

struct wr_spool_file *
wr_spool_file_new(struct wr_offload *o, const struct wr_spool_file_owner *owner, void *arg)
{
    struct wr_spool_file *f = wr_calloc(1, sizeof(*f));
    uint8_t raw[12];

    f->offload = o;
    f->owner = owner;
    f->arg = arg;
    f->dir = spool_file_dir_find();
    f->fd = -1;
    wr_rand_bytes(raw, sizeof(raw));
    memcpy(f->name, "weir-", 5);
    wr_fmt_hex_bytes(f->name + 5, raw, sizeof(raw));
    spool_file_init_io(f, &f->write, spool_file_do_write, spool_file_written);
    spool_file_init_io(f, &f->read, spool_file_do_read, spool_file_fetched);
    f->close.work = spool_file_do_close;
    f->close.done = spool_file_closed;
    wr_list_add_tail(&spool_file_all, &f->link);
    return f;
}

void
wr_spool_file_free(struct wr_spool_file *f)
{
    if (f != NULL) {
        f->owner = NULL;
        spool_file_retire(f);
    }
}

/* The first slices as pieces; returns their bytes. */
static size_t
spool_file_set_pieces(struct spool_file_io *io, const struct wr_chain *ch, size_t most)
{
    size_t sum = 0;

    io->pieces = 0;
    for (const struct wr_slice *s = ch->first; s && io->pieces < SPOOL_FILE_PIECES && sum < most;
         s = s->next) {
        wr_assert(s->kind == WR_SLICE_MEM || s->kind == WR_SLICE_SHM);
        size_t n = WR_MIN(s->n, most - sum);
        io->piece[io->pieces++] = (struct iovec){.iov_base = (void *)(uintptr_t)s->p, .iov_len = n};
        sum += n;
    }
    return sum;
}

static bool
spool_file_start(struct spool_file_io *io, uint64_t pos)
{
    wr_assert(!io->running);
    io->pos = pos;
    io->error = 0;
    io->running = wr_offload_add(io->file->offload, &io->job);
    return io->running;
}

size_t
wr_spool_file_write(struct wr_spool_file *f, struct wr_chain *ch, size_t most, uint64_t pos)
{
    struct spool_file_io *io = &f->write;
    size_t n = spool_file_set_pieces(io, ch, most);

    if (n == 0 || !spool_file_start(io, pos)) {
        return 0;
    }
    wr_chain_move_n(&io->bytes, ch, n);
    return n;
}

bool
wr_spool_file_read(struct wr_spool_file *f, size_t n, uint64_t pos)
{
    struct spool_file_io *io = &f->read;

    wr_assert(f->fd >= 0 && n > 0 && n <= WR_SPOOL_FILE_READ_BYTES);
    for (io->pieces = 0; n > 0; io->pieces++) {
        struct wr_buf *b = wr_buf_new(WR_MIN(n, (size_t)WR_BUF_BIG_BYTES));
        b->w = (uint32_t)WR_MIN(n, (size_t)b->cap);
        io->bufs[io->pieces] = b;
        io->piece[io->pieces] = (struct iovec){.iov_base = b->data, .iov_len = b->w};
        n -= b->w;
    }
    if (spool_file_start(io, pos)) {
        return true;
    }
    io->error = EAGAIN;
    struct wr_chain none = WR_CHAIN_INIT(none);
    spool_file_take_bufs(io, &none);
    return false;
}
