/*
 * Files of the internal authority.  Everything is opened relative to a
 * directory that was looked at, and no link is followed below STORE's parent.
 * Who else can write here could put a certificate of his own before clients:
 * that is refused, not repaired.
 */
#include "modules/tls/mint_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MINT_STORE_POLL_MS 20
#define MINT_STORE_LINES 10 /* failures that are logged one by one */

void
wr_mint_text_wipe(struct wr_mint_text *t)
{
    if (t->p != NULL) {
        explicit_bzero(t->p, t->n);
        free(t->p);
    }
    *t = (struct wr_mint_text){NULL, 0};
}

/* ---- directories ---- */

static void
mint_store_refuse(const char *path, const char *why)
{
    wr_log(WR_LOG_ERROR,
           "cannot use the store of internal certificates path=%s: %s; nothing is made or renewed", path,
           why);
}

/* The directory, where nothing is wrong with it; else -1: logged, and closed. */
static int
mint_store_judged(int fd, const char *path, const char *why)
{
    if (why == NULL) {
        return fd;
    }
    mint_store_refuse(path, why);
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* What is missing above the store; that it could not be made is told by opening it. */
static void
mint_store_make_above(char *path, const char *last)
{
    for (char *p = path + 1; p < last; p++) {
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0755);
            *p = '/';
        }
    }
}

static const char *
mint_store_dir_fault(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        return strerror(errno);
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        return "it belongs to another user";
    }
    return (st.st_mode & 022) != 0 ? "others can write to it" : NULL;
}

/* The directory `name` of `parent`, made when it is missing; -1: logged. */
static int
mint_store_dir(int parent, const char *name, const char *path)
{
    bool made = mkdirat(parent, name, 0700) == 0;

    if (!made && errno != EEXIST) {
        mint_store_refuse(path, strerror(errno));
        return -1;
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *why = fd < 0
        ? (errno == ELOOP || errno == ENOTDIR ? "it is not a directory" : strerror(errno))
        : mint_store_dir_fault(fd);
    if (why == NULL && made && fsync(parent) < 0) {
        why = strerror(errno);
    }
    return mint_store_judged(fd, path, why);
}

/* Whoever can rename the store can replace it between this run and who reads the files. */
static int
mint_store_parent(char *path, char *last)
{
    struct stat st;

    mint_store_make_above(path, last);
    last[-1] = '\0';
    int fd = open(last - 1 > path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    last[-1] = '/';
    const char *why = fd < 0 || fstat(fd, &st) < 0 ? strerror(errno) : NULL;
    if (why == NULL && (st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0) {
        why = "others can rename it";
    }
    return mint_store_judged(fd, path, why);
}

static int
mint_store_top(char *path)
{
    char *last = strrchr(path, '/') + 1;

    if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        mint_store_refuse(path, "the path does not end in a name");
        return -1;
    }
    int parent = mint_store_parent(path, last);
    int fd = parent < 0 ? -1 : mint_store_dir(parent, last, path);
    if (parent >= 0) {
        close(parent);
    }
    return fd;
}

static bool
mint_store_dirs(struct wr_mint_store *s)
{
    int top = mint_store_top(s->path);

    if (top < 0) {
        return false;
    }
    s->internal = mint_store_dir(top, "internal", s->path);
    s->servers = s->internal < 0 ? -1 : mint_store_dir(s->internal, "servers", s->path);
    close(top);
    return s->servers >= 0;
}

/* ---- one run at a time ---- */

static uint64_t
mint_store_now_ms(void)
{
    return wr_clock_mono_us_now() / 1000;
}

static bool
mint_store_lock(struct wr_mint_store *s, uint64_t wait_ms)
{
    uint64_t until = mint_store_now_ms() + wait_ms;

    s->lock = openat(s->internal, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (s->lock < 0) {
        mint_store_refuse(s->path, strerror(errno));
        return false;
    }
    while (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            mint_store_refuse(s->path, strerror(errno));
            return false;
        }
        if (mint_store_now_ms() >= until) {
            mint_store_refuse(s->path, "another weir is at work in it");
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = MINT_STORE_POLL_MS * 1000000L}, NULL);
    }
    return true;
}

bool
wr_mint_store_open(struct wr_mint_store *s, struct wr_str path, uint64_t wait_ms)
{
    *s = (struct wr_mint_store){.internal = -1, .servers = -1, .lock = -1};
    while (path.n > 1 && path.p[path.n - 1] == '/') {
        path.n--;
    }
    s->path = wr_malloc(path.n + 1);
    memcpy(s->path, path.p, path.n);
    s->path[path.n] = '\0';
    if (s->path[0] != '/') {
        mint_store_refuse(s->path, "the path is not absolute");
    } else if (mint_store_dirs(s) && mint_store_lock(s, wait_ms)) {
        return true;
    }
    wr_mint_store_close(s);
    return false;
}

void
wr_mint_store_close(struct wr_mint_store *s)
{
    const int fds[] = {s->internal, s->servers, s->lock};

    for (size_t i = 0; i < WR_ARRAY_LEN(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    free(s->path);
    *s = (struct wr_mint_store){.internal = -1, .servers = -1, .lock = -1};
}

/* ---- reading ---- */

static const char *
mint_store_file_fault(const struct stat *st, bool key)
{
    if (!S_ISREG(st->st_mode) || st->st_nlink != 1) {
        return "not a file of one name";
    }
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        return "it belongs to another user";
    }
    if ((st->st_mode & (key ? 077 : 022)) != 0) {
        return key ? "others can read it" : "others can write to it";
    }
    return (uint64_t)st->st_size > WR_MINT_FILE_BYTES ? "too long" : NULL;
}

static const char *
mint_store_read_all(int fd, size_t n, struct wr_mint_text *t)
{
    t->p = wr_malloc(n + 1); /* one byte may be asked for in a file of none */
    t->n = 0;
    while (t->n < n) {
        ssize_t part = read(fd, t->p + t->n, n - t->n);
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part <= 0) {
            const char *why = part < 0 ? strerror(errno) : "it became shorter";
            wr_mint_text_wipe(t);
            return why;
        }
        t->n += (size_t)part;
    }
    return NULL;
}

enum wr_mint_read
wr_mint_store_read(int dir, const char *name, bool key, struct wr_mint_text *t, const char **why)
{
    struct stat st;

    *t = (struct wr_mint_text){NULL, 0};
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        *why = errno == ELOOP ? "it is a symbolic link" : strerror(errno);
        return errno == ENOENT ? WR_MINT_ABSENT : WR_MINT_UNFIT;
    }
    *why = fstat(fd, &st) < 0 ? strerror(errno) : mint_store_file_fault(&st, key);
    if (*why == NULL) {
        *why = mint_store_read_all(fd, (size_t)st.st_size, t);
    }
    close(fd);
    return *why == NULL ? WR_MINT_READ : WR_MINT_UNFIT;
}

/* ---- writing ---- */

void
wr_mint_writer_init(struct wr_mint_writer *w, int dir, const char *dir_text)
{
    w->dir = dir;
    w->dir_text = dir_text;
    w->written = w->failed = 0;
    w->n = 0;
}

static void
mint_store_write_failed(struct wr_mint_writer *w, const char *name)
{
    if (++w->failed <= MINT_STORE_LINES) {
        wr_log(WR_LOG_ERROR,
               "cannot write an internal certificate or its key file=%s/%s: %s; tried again later",
               w->dir_text, name, strerror(errno));
    }
}

static const char *
mint_store_aside_name(char dst[WR_MINT_NAME_MOST + 8], const char *name)
{
    snprintf(dst, WR_MINT_NAME_MOST + 8, "%.*s.new", WR_MINT_NAME_MOST, name);
    return dst;
}

static bool
mint_store_write_all(int fd, const struct wr_mint_text *t)
{
    for (size_t at = 0; at < t->n;) {
        ssize_t part = write(fd, t->p + at, t->n - at);
        if (part < 0 && errno != EINTR) {
            return false;
        }
        at += part > 0 ? (size_t)part : 0;
    }
    return true;
}

/* The file beside the one that it becomes; what a run that died left there is removed.  -1 with errno. */
static int
mint_store_aside(int dir, const char *name, mode_t mode, const struct wr_mint_text *t)
{
    char aside[WR_MINT_NAME_MOST + 8];

    mint_store_aside_name(aside, name);
    if (unlinkat(dir, aside, 0) < 0 && errno != ENOENT) {
        return -1;
    }
    int fd = openat(dir, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        return -1;
    }
    if (fchmod(fd, mode) == 0 && mint_store_write_all(fd, t)) {
        /* on its way before the batch waits for it */
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        return fd;
    }
    int err = errno;
    close(fd);
    unlinkat(dir, aside, 0);
    errno = err;
    return -1;
}

static void
mint_store_aside_drop(struct wr_mint_writer *w, const struct wr_mint_aside *a)
{
    char aside[WR_MINT_NAME_MOST + 8];

    unlinkat(w->dir, mint_store_aside_name(aside, a->key), 0);
    unlinkat(w->dir, mint_store_aside_name(aside, a->cert), 0);
}

void
wr_mint_writer_put(struct wr_mint_writer *w, const char *cert_name, const char *key_name,
                   const struct wr_mint_text *cert, const struct wr_mint_text *key)
{
    struct wr_mint_aside *a = &w->v[w->n];

    wr_assert(strlen(cert_name) <= WR_MINT_NAME_MOST && strlen(key_name) <= WR_MINT_NAME_MOST);
    strcpy(a->cert, cert_name);
    strcpy(a->key, key_name);
    a->key_fd = mint_store_aside(w->dir, key_name, 0600, key);
    if (a->key_fd < 0) {
        mint_store_write_failed(w, key_name);
        return;
    }
    a->cert_fd = mint_store_aside(w->dir, cert_name, 0644, cert);
    if (a->cert_fd < 0) {
        mint_store_write_failed(w, cert_name);
        close(a->key_fd);
        mint_store_aside_drop(w, a);
        return;
    }
    if (++w->n == WR_MINT_BATCH) {
        wr_mint_writer_flush(w);
    }
}

static bool
mint_store_sync(struct wr_mint_writer *w, struct wr_mint_aside *a)
{
    bool good = fsync(a->key_fd) == 0 && fsync(a->cert_fd) == 0;

    if (!good) {
        mint_store_write_failed(w, a->cert);
        mint_store_aside_drop(w, a);
    }
    close(a->key_fd);
    close(a->cert_fd);
    return good;
}

static bool
mint_store_rename(struct wr_mint_writer *w, const struct wr_mint_aside *a)
{
    char aside[WR_MINT_NAME_MOST + 8];

    if (renameat(w->dir, mint_store_aside_name(aside, a->key), w->dir, a->key) == 0 &&
        renameat(w->dir, mint_store_aside_name(aside, a->cert), w->dir, a->cert) == 0) {
        return true;
    }
    mint_store_write_failed(w, a->cert);
    mint_store_aside_drop(w, a);
    return false;
}

void
wr_mint_writer_flush(struct wr_mint_writer *w)
{
    bool synced[WR_MINT_BATCH];
    uint32_t renamed = 0;

    for (unsigned i = 0; i < w->n; i++) {
        synced[i] = mint_store_sync(w, &w->v[i]);
    }
    for (unsigned i = 0; i < w->n; i++) {
        renamed += synced[i] && mint_store_rename(w, &w->v[i]);
    }
    if (renamed > 0 && fsync(w->dir) < 0) {
        mint_store_write_failed(w, ".");
        w->failed += renamed - 1;
        renamed = 0;
    }
    w->written += renamed;
    w->n = 0;
}
