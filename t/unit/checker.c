/*
 * What comes out of the checker is believed as little as anything from
 * outside: whole records in any pieces, and nonsense of every kind.
 */
#include "workers/checker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/bundle.h"
#include "t/unit/tap.h"
#include "workers/master.h"

enum { ERROR, WARNING, NOTICE, REFUSES, LOGS, ENDS };

static char said[16384];
static unsigned said_n;
static struct wr_bundle bundles[WR_FILES_BLOBS];
static struct wr_bundle_item items[WR_FILES_BLOBS][4];

static void
say(void *arg, enum wr_checker_word word, struct wr_place place, const char *text)
{
    size_t n = strlen(said);

    (void)arg;
    said_n++;
    snprintf(said + n, sizeof(said) - n, "%u %s:%u %s\n", (unsigned)word,
             place.file != NULL ? place.file : "-", place.line, text);
}

static void
say_nothing(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    (void)line;
    (void)n;
}

/* What the child of a test says. */
struct script {
    char bytes[65536];
    size_t n;
};

static void
add(struct script *s, uint32_t word, uint32_t number, const char *file, const char *text)
{
    uint32_t head[4] = {word, number, (uint32_t)strlen(file), (uint32_t)strlen(text)};

    memcpy(s->bytes + s->n, head, sizeof(head));
    memcpy(s->bytes + s->n + sizeof(head), file, head[2]);
    memcpy(s->bytes + s->n + sizeof(head) + head[2], text, head[3]);
    s->n += sizeof(head) + head[2] + head[3];
}

static void
add_raw(struct script *s, uint32_t word, uint32_t number, uint32_t file_bytes, uint32_t text_bytes)
{
    uint32_t head[4] = {word, number, file_bytes, text_bytes};

    memcpy(s->bytes + s->n, head, sizeof(head));
    s->n += sizeof(head);
}

/* A child that says it in pieces of `piece` bytes, then exits with a status, or waits (-1). */
static enum wr_checker_verdict
run(struct wr_checker *ck, const struct script *s, size_t piece, int status)
{
    int fd[2];

    said[0] = '\0';
    said_n = 0;
    memset(items, 0, sizeof(items));
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        bundles[i] = (struct wr_bundle){.fd = -1, .items = items[i], .n = 4};
    }
    if (pipe2(fd, O_CLOEXEC) < 0) {
        abort();
    }
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t at = 0; at < s->n; at += piece) {
            if (write(fd[1], s->bytes + at, WR_MIN(piece, s->n - at)) < 0) {
                _exit(9);
            }
        }
        for (;;) {
            if (status >= 0) {
                _exit(status);
            }
            pause();
        }
    }
    close(fd[1]);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    *ck = (struct wr_checker){.pid = pid,
                              .fd = fd[0],
                              .by_ms = wr_master_now_ms() + (status >= 0 ? 20000 : 100),
                              .bundles = bundles,
                              .say = say};
    enum wr_checker_verdict verdict = wr_checker_wait(ck);
    tap_ok(ck->pid == 0 && ck->fd == -1 && waitpid(pid, NULL, WNOHANG) < 0, "  the process is gone");
    return verdict;
}

static void
test_good(struct wr_checker *ck, struct script *s)
{
    *s = (struct script){0};
    add(s, ERROR, 7, "weir.ini", "it is bad");
    add(s, WARNING, 0, "", "it is odd\nand says \x1b[31m so");
    add(s, NOTICE, 9, "weir.ini", "");
    add_raw(s, REFUSES, 3, 0, 1);
    add_raw(s, REFUSES, 0, 0, 0);
    add(s, LOGS, 0, "", "alert");
    add(s, ENDS, 0, "", "");
    const size_t pieces[] = {1, 7, 16, 65536};
    for (unsigned i = 0; i < WR_ARRAY_LEN(pieces); i++) {
        tap_is_int(run(ck, s, pieces[i], 0), WR_CHECKER_DONE, "records in pieces of %zu", pieces[i]);
        tap_is_str(said,
                   "0 weir.ini:7 it is bad\n"
                   "1 -:0 it is odd?and says ?[31m so\n"
                   "2 weir.ini:9 \n",
                   "are messages of one line");
        tap_ok(items[1][3].refused && items[0][0].refused && !items[0][3].refused, "and refusals");
    }
    tap_is_int(run(ck, s, 65536, -1), WR_CHECKER_DONE, "one that lives on after its end is ended");
}

static void
test_large(struct wr_checker *ck, struct script *s)
{
    char file[WR_CHECKER_FILE_BYTES + 1], text[WR_CHECKER_TEXT_BYTES + 1];

    memset(file, 'f', sizeof(file) - 1);
    memset(text, 't', sizeof(text) - 1);
    file[sizeof(file) - 1] = text[sizeof(text) - 1] = '\0';
    *s = (struct script){0};
    add(s, ERROR, 1, file, text);
    add(s, ERROR, 2, file, text);
    add(s, ENDS, 0, "", "");
    tap_is_int(run(ck, s, 1000, 0), WR_CHECKER_DONE, "the largest messages");
    tap_ok(said_n == 2, "are heard");
}

static void
test_nonsense(struct wr_checker *ck, struct script *s)
{
    static const struct {
        uint32_t word, number, file_bytes, text_bytes;
        const char *what;
    } rows[] = {
        {ENDS + 1, 0, 0, 0, "an unknown word"},
        {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, "all ones"},
        {ERROR, 1, WR_CHECKER_FILE_BYTES + 1, 0, "too long a file"},
        {ERROR, 1, 0, WR_CHECKER_TEXT_BYTES + 1, "too long a text"},
        {ERROR, 1, UINT32_MAX, 1, "lengths that wrap"},
        {REFUSES, 4, 0, 0, "an item that is not"},
        {REFUSES, 0, 0, 2, "a bundle that is not"},
    };

    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        *s = (struct script){0};
        add_raw(s, rows[i].word, rows[i].number, rows[i].file_bytes, rows[i].text_bytes);
        add(s, ENDS, 0, "", "");
        tap_is_int(run(ck, s, 65536, 0), WR_CHECKER_DIED, "%s", rows[i].what);
        tap_is_str(ck->why, "what it says makes no sense", "is nonsense");
    }
    *s = (struct script){0};
    add_raw(s, REFUSES, 1, 0, 0);
    add_raw(s, REFUSES, 1, 0, 0);
    tap_is_int(run(ck, s, 65536, 0), WR_CHECKER_DIED, "an item refused twice");
    *s = (struct script){0};
    for (unsigned i = 0; i < WR_CHECKER_MESSAGES + 10; i++) {
        add(s, NOTICE, i, "", "x");
    }
    tap_is_int(run(ck, s, 65536, 0), WR_CHECKER_DIED, "more messages than it may have");
    tap_ok(said_n <= WR_CHECKER_MESSAGES + 8, "of which no more are heard");
}

static void
test_dies(struct wr_checker *ck, struct script *s)
{
    *s = (struct script){0};
    tap_is_int(run(ck, s, 1, 0), WR_CHECKER_DIED, "one that says nothing");
    tap_is_str(ck->why, "it ended with status 0", "has ended");
    add(s, ERROR, 1, "f", "half of what");
    s->n -= 3;
    tap_is_int(run(ck, s, 5, 3), WR_CHECKER_DIED, "one that says half of it");
    tap_is_str(ck->why, "it ended with status 3", "with its status");
    tap_is_int(run(ck, s, 5, -1), WR_CHECKER_DIED, "one that takes too long");
    tap_is_str(ck->why, "it took longer than 20 seconds", "is ended");
    tap_is_int(said_n, 0, "and was not heard");
}

int
main(void)
{
    struct wr_checker *ck = calloc(1, sizeof(*ck));
    struct script *s = calloc(1, sizeof(*s));

    wr_log_set(say_nothing, NULL, WR_LOG_DEBUG);
    test_good(ck, s);
    test_large(ck, s);
    test_nonsense(ck, s);
    test_dies(ck, s);
    free(ck);
    free(s);
    return tap_done();
}
