/* core/http/spool_file: where temporary files are made, and how when the file system does not do it well. */
#include "config.h"

/* The directory is looked for below the current one. */
#undef WR_LOCALSTATEDIR
#define WR_LOCALSTATEDIR "."

#include <fcntl.h>
#include <sys/uio.h>

static int spool_file_test_openat(int dir, const char *path, int flags);
static ssize_t spool_file_test_pwritev(int fd, const struct iovec *piece, int n, off_t pos);

#define openat(dir, path, flags, ...) spool_file_test_openat(dir, path, flags)
#define pwritev spool_file_test_pwritev
#include "core/http/spool_file.c"
#undef openat
#undef pwritev

#include "t/unit/tap.h"

#define SPOOL_FILE_TEST_BYTES 100000 /* of a write: four slices */

struct spool_file_result {
    int written_error;
    int fetched_error;
    struct wr_chain got;
};

static int spool_file_tmpfile_errno; /* 0: it works */
static unsigned spool_file_named;    /* files that had a name once */
static unsigned spool_file_calls;
static struct wr_loop *spool_file_loop;
static struct wr_offload *spool_file_offload;
static unsigned spool_file_lines;

static int
spool_file_test_openat(int dir, const char *path, int flags)
{
    if ((flags & O_TMPFILE) == O_TMPFILE && spool_file_tmpfile_errno != 0) {
        errno = spool_file_tmpfile_errno;
        return -1;
    }
    spool_file_named += (flags & O_CREAT) != 0;
    return openat(dir, path, flags, 0600);
}

/* Part of the first piece at a time; every third call is interrupted. */
static ssize_t
spool_file_test_pwritev(int fd, const struct iovec *piece, int n, off_t pos)
{
    (void)n;
    if (++spool_file_calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, piece->iov_base, WR_MIN(piece->iov_len, (size_t)7001), pos);
}

static void
spool_file_test_written(void *arg, struct wr_chain *ch, int error)
{
    struct spool_file_result *res = arg;

    (void)ch;
    res->written_error = error;
    wr_loop_stop(spool_file_loop);
}

static void
spool_file_test_fetched(void *arg, struct wr_chain *ch, int error)
{
    struct spool_file_result *res = arg;

    res->fetched_error = error;
    wr_chain_move(&res->got, ch);
    wr_loop_stop(spool_file_loop);
}

static const struct wr_spool_file_owner spool_file_test_owner = {spool_file_test_written,
                                                                 spool_file_test_fetched};

static void
spool_file_test_sink(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    (void)line;
    (void)n;
    spool_file_lines++;
}

static void
spool_file_test_turns(void)
{
    spool_file_loop->stop = false;
    wr_loop_run(spool_file_loop);
}

static void
spool_file_test_stop(struct wr_timer *t)
{
    (void)t;
    wr_loop_stop(spool_file_loop);
}

/* Until nothing is left of the files that were freed. */
static bool
spool_file_test_gone(void)
{
    struct wr_timer t;

    for (unsigned i = 0; i < 500 && !wr_list_empty(&spool_file_all); i++) {
        wr_timer_init(&t, spool_file_test_stop);
        wr_loop_timer(spool_file_loop, &t, wr_clock.mono_ms + WR_TIMER_TICK_MS);
        spool_file_test_turns();
        wr_timer_stop(&spool_file_loop->wheel, &t);
    }
    return wr_list_empty(&spool_file_all);
}

static unsigned
spool_file_test_names(const char *dir)
{
    unsigned n = 0;
    char command[300];

    snprintf(command, sizeof(command), "ls -A %s | wc -l", dir);
    FILE *p = popen(command, "r");
    if (p == NULL || fscanf(p, "%u", &n) != 1) {
        n = 999;
    }
    pclose(p);
    return n;
}

static void
spool_file_test_make(struct wr_chain *ch)
{
    for (unsigned i = 0; i < 4; i++) {
        char text[SPOOL_FILE_TEST_BYTES / 4];
        for (unsigned k = 0; k < sizeof(text); k++) {
            text[k] = (char)(k * 31 + k / 1000 + i);
        }
        wr_chain_copy(ch, text, sizeof(text));
    }
}

/* Writes, reads a part, compares. */
static void
spool_file_test_round(const char *what)
{
    struct spool_file_result res = {.written_error = -1, .fetched_error = -1};
    struct wr_spool_file *f = wr_spool_file_new(spool_file_offload, &spool_file_test_owner, &res);
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    struct wr_chain same = WR_CHAIN_INIT(same);
    char text[50000], want[50000];

    wr_chain_init(&res.got);
    spool_file_test_make(&ch);
    spool_file_test_make(&same);
    size_t n = wr_spool_file_write(f, &ch, SPOOL_FILE_TEST_BYTES - 1, 5000);
    tap_ok(n == SPOOL_FILE_TEST_BYTES - 1 && ch.bytes == 1, "%s: takes what it may", what);
    spool_file_test_turns();
    tap_is_int(res.written_error, 0, "%s: written", what);
    tap_ok(wr_spool_file_read(f, 50000, 5000 + 33333), "%s: a read begins", what);
    spool_file_test_turns();
    tap_ok(res.fetched_error == 0 && res.got.bytes == 50000, "%s: read", what);
    size_t at = 0;
    for (struct wr_slice *s = res.got.first; s != NULL; at += s->n, s = s->next) {
        memcpy(text + at, s->p, s->n);
    }
    wr_chain_drop(&same, 33333);
    at = 0;
    for (struct wr_slice *s = same.first; s != NULL && at < sizeof(want); s = s->next) {
        size_t part = WR_MIN(s->n, sizeof(want) - at);
        memcpy(want + at, s->p, part);
        at += part;
    }
    tap_ok(memcmp(text, want, sizeof(text)) == 0, "%s: the right bytes", what);
    wr_chain_free(&ch);
    wr_chain_free(&same);
    wr_chain_free(&res.got);
    wr_spool_file_free(f);
    tap_ok(spool_file_test_gone(), "%s: gone", what);
}

static void
spool_file_test_errors(void)
{
    struct spool_file_result res = {.written_error = -1};
    struct wr_spool_file *f = wr_spool_file_new(spool_file_offload, &spool_file_test_owner, &res);
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    spool_file_tmpfile_errno = EMFILE;
    wr_chain_copy(&ch, "abc", 3);
    wr_spool_file_write(f, &ch, 3, 0);
    spool_file_test_turns();
    tap_is_int(res.written_error, EMFILE, "no descriptor: the error is told");
    spool_file_tmpfile_errno = 0;
    wr_chain_copy(&ch, "abc", 3);
    wr_spool_file_write(f, &ch, 3, 0);
    spool_file_test_turns();
    tap_is_int(res.written_error, 0, "it can be tried again");
    wr_spool_file_free(f);
    wr_spool_file_free(NULL);
    tap_ok(spool_file_test_gone(), "gone");
}

/* Other users' directories, and those that anybody may rename files in, will not do. */
static void
spool_file_test_dirs(void)
{
    struct stat st;

    tap_ok(!wr_spool_dir_make(geteuid(), getegid()) && spool_file_lines == 1, "no lib/weir: said, not made");
    mkdir("open", 0700);
    chmod("open", 0777);
    tap_ok(!spool_file_dir_try("open"), "not below an unknown path");
    char *path = realpath("open", NULL);
    tap_ok(!spool_file_dir_try(path), "not where all may write");
    chmod(path, 01777);
    tap_ok(spool_file_dir_try(path), "but with the sticky bit");
    tap_is_str(wr_spool_dir_text(), path, "is what it says");
    close(spool_file_dir);
    chmod(path, 0500);
    if (geteuid() != 0) {
        tap_ok(!spool_file_dir_try(path), "not where nothing can be written");
    }
    spool_file_dir = -1;
    setenv("TMPDIR", "relative", 1);
    chmod(path, 0700);
    tap_ok(spool_file_dir_find() >= 0, "a bad TMPDIR:");
    tap_is_str(wr_spool_dir_text(), "/tmp", "/tmp");
    close(spool_file_dir);
    spool_file_dir = -1;
    setenv("TMPDIR", path, 1);
    spool_file_dir_find();
    tap_is_str(wr_spool_dir_text(), path, "a good TMPDIR is used");
    mkdir("lib", 0755);
    mkdir("lib/weir", 0755);
    tap_ok(wr_spool_dir_make(geteuid(), getegid()), "lib/weir: made below it");
    tap_ok(stat("lib/weir/tmp", &st) == 0 && (st.st_mode & 07777) == 0700, "for one user alone");
    chmod("lib/weir/tmp", 0755);
    tap_ok(wr_spool_dir_make(geteuid(), getegid()), "there already");
    tap_ok(stat("lib/weir/tmp", &st) == 0 && (st.st_mode & 07777) == 0700, "is closed to others");
    tap_is_str(wr_spool_dir_text(), "./lib/weir/tmp", "and used");
    rmdir("lib/weir/tmp");
    tap_ok(symlink("../../open", "lib/weir/tmp") == 0 && !wr_spool_dir_make(geteuid(), getegid()),
           "a link is not followed");
    unlink("lib/weir/tmp");
    wr_spool_dir_make(geteuid(), getegid());
    free(path);
}

int
main(void)
{
    char dir[] = "/tmp/weir-unit-XXXXXX";

    wr_log_set(spool_file_test_sink, NULL, WR_LOG_NOTICE);
    spool_file_loop = wr_loop_new();
    spool_file_offload = wr_offload_new(spool_file_loop);
    if (mkdtemp(dir) == NULL || chdir(dir) != 0) {
        return 1;
    }
    spool_file_test_dirs();
    spool_file_test_round("O_TMPFILE");
    tap_is_int(spool_file_named, 0, "never had a name");
    spool_file_tmpfile_errno = EOPNOTSUPP;
    spool_file_test_round("without O_TMPFILE");
    tap_is_int(spool_file_named, 1, "had a name");
    tap_is_int(spool_file_test_names("lib/weir/tmp"), 0, "that is gone");
    spool_file_test_errors();
    wr_offload_free(spool_file_offload);
    wr_loop_free(spool_file_loop);
    rmdir("lib/weir/tmp");
    rmdir("lib/weir");
    rmdir("lib");
    rmdir("open");
    tap_ok(chdir("/") == 0 && rmdir(dir) == 0, "nothing is left behind");
    return tap_done();
}
