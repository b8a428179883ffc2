/*
 * The checker, both ends of its pipe.  Everything that comes out of it is
 * judged like something from outside: it has read files that anybody may have
 * had a hand in.
 */
#include "workers/checker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/rand.h"
#include "core/module.h"
#include "core/shm/bundle.h"
#include "workers/master.h"
#include "workers/signals.h"
#include "workers/privs.h"

#define CHECKER_RECORDS (WR_CHECKER_MESSAGES + 8) /* messages, lines and the end */
#define CHECKER_LINES 4                           /* of the log */
#define CHECKER_PIPE_FD (STDERR_FILENO + 1)

/* Words that a message does not have. */
enum { CHECKER_REFUSES = WR_CHECKER_NOTICE + 1, CHECKER_LOGS, CHECKER_ENDS };

/* A record; the file's and the text's bytes follow. */
struct checker_record {
    uint32_t word;
    uint32_t number; /* a message: its line; refuses: the item; logs: the level */
    uint32_t file_bytes;
    uint32_t text_bytes; /* refuses: which bundle */
};

_Static_assert(sizeof(struct checker_record) == 16, "as in struct wr_checker");

/*
 * In the child.
 */

static struct {
    FILE *to;
    unsigned lines; /* of the log */
} checker_own;

static void
checker_write(uint32_t word, uint32_t number, struct wr_str file, struct wr_str text)
{
    struct checker_record rec = {.word = word,
                                 .number = number,
                                 .file_bytes = (uint32_t)WR_MIN(file.n, (size_t)WR_CHECKER_FILE_BYTES),
                                 .text_bytes = (uint32_t)WR_MIN(text.n, (size_t)WR_CHECKER_TEXT_BYTES)};

    fwrite(&rec, sizeof(rec), 1, checker_own.to);
    if (rec.file_bytes > 0) {
        fwrite(file.p, 1, rec.file_bytes, checker_own.to);
    }
    if (rec.text_bytes > 0) {
        fwrite(text.p, 1, rec.text_bytes, checker_own.to);
    }
}

/* What is logged here is a bug's last word; the master has its own date and pid. */
static void
checker_log(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    if (checker_own.lines++ < CHECKER_LINES) {
        checker_write(CHECKER_LOGS, level, WR_STR_NONE, wr_str_make(line, n > 0 ? n - 1 : 0));
        fflush(checker_own.to);
    }
}

static void
checker_write_messages(const struct wr_conf *cf, size_t from)
{
    size_t n = WR_MIN(cf->messages_n - from, (size_t)WR_CHECKER_MESSAGES);

    for (size_t i = from; i < from + n; i++) {
        const struct wr_conf_message *m = &cf->messages[i];
        checker_write(m->error        ? WR_CHECKER_ERROR
                          : m->notice ? WR_CHECKER_NOTICE
                                      : WR_CHECKER_WARNING,
                      m->place.line, wr_str_of(m->place.file), wr_str_of(m->text));
    }
    if (from + n < cf->messages_n) {
        char text[64];
        int k = snprintf(text, sizeof(text), "%zu more messages about files", cf->messages_n - from - n);
        checker_write(WR_CHECKER_ERROR, 0, WR_STR_NONE, wr_str_make(text, (size_t)k));
    }
}

static void
checker_write_refused(const struct wr_bundle *b)
{
    for (uint32_t which = 0; which < WR_FILES_BLOBS; which++) {
        for (uint32_t i = 0; i < b[which].n; i++) {
            struct checker_record rec = {.word = CHECKER_REFUSES, .number = i, .text_bytes = which};
            if (b[which].items[i].refused) {
                fwrite(&rec, sizeof(rec), 1, checker_own.to);
            }
        }
    }
}

static void
checker_verify(struct wr_cycle *cy)
{
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->verify != NULL) {
            wr_modules[i]->verify(&cy->cf, cy->module_main[i]);
        }
    }
}

/* Nothing of the master's stays open but the pipe. */
static bool
checker_close_all(int fd)
{
    if (fd != CHECKER_PIPE_FD && dup2(fd, CHECKER_PIPE_FD) < 0) {
        return false;
    }
    if (close_range(CHECKER_PIPE_FD + 1, ~0U, 0) == 0) {
        return true;
    }
    long most = sysconf(_SC_OPEN_MAX);
    for (int i = CHECKER_PIPE_FD + 1; i < most; i++) {
        close(i);
    }
    return true;
}

/* It holds keys: nobody looks into it, and it leaves no core. */
static void
checker_hide(pid_t master)
{
    wr_privs_hide();
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != master) {
        _exit(1);
    }
}

static WR_NORETURN void
checker_child(struct wr_cycle *cy, struct wr_bundle *b, int fd, pid_t master)
{
    size_t from = cy->cf.messages_n;
    bool mapped = wr_files_judge(b);
    int err = errno;

    prctl(PR_SET_NAME, "weir-checker", 0, 0, 0);
    if (!checker_close_all(fd) || (checker_own.to = fdopen(CHECKER_PIPE_FD, "w")) == NULL) {
        _exit(1);
    }
    wr_log_set(checker_log, NULL, WR_LOG_WARN);
    wr_rand_reseed();
    if (!wr_privs_drop(&cy->identity)) {
        _exit(1);
    }
    checker_hide(master);
    if (mapped) {
        checker_verify(cy);
    } else {
        wr_conf_error(&cy->cf, (struct wr_place){0}, "cannot map the files: %s", strerror(err));
    }
    checker_write_messages(&cy->cf, from);
    checker_write_refused(b);
    checker_write(CHECKER_ENDS, 0, WR_STR_NONE, WR_STR_NONE);
    _exit(fflush(checker_own.to) == 0 ? 0 : 1);
}

/*
 * In the master.
 */

bool
wr_checker_start(struct wr_checker *ck, struct wr_cycle *cy, struct wr_bundle *b, wr_checker_say_fn *say,
                 void *arg)
{
    int fd[2];
    pid_t master = getpid();

    *ck = (struct wr_checker){.fd = -1, .bundles = b, .say = say, .arg = arg};
    if (pipe2(fd, O_CLOEXEC) < 0) {
        return false;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        checker_child(cy, b, fd[1], master);
    }
    int err = errno;
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        errno = err;
        return false;
    }
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    ck->pid = pid;
    ck->fd = fd[0];
    ck->by_ms = wr_master_now_ms() + WR_CHECKER_MS;
    return true;
}

/* The end of it, by force if it still lives: what counts is whether it had said that this was all. */
static int
checker_reap(struct wr_checker *ck)
{
    int status = 0;

    kill(ck->pid, SIGKILL);
    while (waitpid(ck->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(ck->fd);
    ck->pid = 0;
    ck->fd = -1;
    return status;
}

static enum wr_checker_verdict
checker_died(struct wr_checker *ck, const char *why)
{
    int status = checker_reap(ck);

    if (why != NULL) {
        snprintf(ck->why, sizeof(ck->why), "%s", why);
    } else if (WIFSIGNALED(status)) {
        snprintf(ck->why, sizeof(ck->why), "it died of %s", wr_signal_name(WTERMSIG(status)));
    } else {
        snprintf(ck->why, sizeof(ck->why), "it ended with status %d", WEXITSTATUS(status));
    }
    return WR_CHECKER_DIED;
}

/* A text of its own that nothing in it can break out of a line. */
static void
checker_text(char *dst, const char *src, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dst[i] = (unsigned char)src[i] < 0x20 || src[i] == 0x7f ? '?' : src[i];
    }
    dst[n] = '\0';
}

static void
checker_take_message(const struct wr_checker *ck, const struct checker_record *rec, const char *bytes)
{
    char file[WR_CHECKER_FILE_BYTES + 1], text[WR_CHECKER_TEXT_BYTES + 1];

    checker_text(file, bytes, rec->file_bytes);
    checker_text(text, bytes + rec->file_bytes, rec->text_bytes);
    if (rec->word == CHECKER_LOGS) {
        wr_log(WR_LOG_ERROR, "the checker of files says: %s", text);
        return;
    }
    struct wr_place place = {.file = rec->file_bytes > 0 ? file : NULL, .line = rec->number};
    ck->say(ck->arg, (enum wr_checker_word)rec->word, place, text);
}

/* Bytes behind the record's head; SIZE_MAX: it is none of ours. */
static size_t
checker_body(const struct checker_record *rec)
{
    if (rec->word <= WR_CHECKER_NOTICE || rec->word == CHECKER_LOGS) {
        return rec->file_bytes <= WR_CHECKER_FILE_BYTES && rec->text_bytes <= WR_CHECKER_TEXT_BYTES
            ? (size_t)rec->file_bytes + rec->text_bytes
            : SIZE_MAX;
    }
    return rec->word <= CHECKER_ENDS ? 0 : SIZE_MAX;
}

/* Each once, so that their number has a bound. */
static bool
checker_take_refused(struct wr_checker *ck, const struct checker_record *rec)
{
    if (rec->text_bytes >= WR_FILES_BLOBS || rec->number >= ck->bundles[rec->text_bytes].n) {
        return false;
    }
    bool *refused = &ck->bundles[rec->text_bytes].items[rec->number].refused;
    bool first = !*refused;
    *refused = true;
    return first;
}

static bool
checker_take(struct wr_checker *ck, const struct checker_record *rec, const char *bytes)
{
    if (rec->word == CHECKER_REFUSES) {
        return checker_take_refused(ck, rec);
    }
    if (ck->ended || ++ck->records > CHECKER_RECORDS) {
        return false;
    }
    if (rec->word == CHECKER_ENDS) {
        ck->ended = true;
    } else {
        checker_take_message(ck, rec, bytes);
    }
    return true;
}

/* All whole records of the buffer; false: nonsense. */
static bool
checker_take_all(struct wr_checker *ck)
{
    size_t at = 0;

    while (ck->used - at >= sizeof(struct checker_record)) {
        struct checker_record rec;
        memcpy(&rec, ck->buf + at, sizeof(rec));
        size_t body = checker_body(&rec);
        if (body == SIZE_MAX) {
            return false;
        }
        if (ck->used - at - sizeof(rec) < body) {
            break;
        }
        if (!checker_take(ck, &rec, ck->buf + at + sizeof(rec))) {
            return false;
        }
        at += sizeof(rec) + body;
    }
    ck->used -= at;
    memmove(ck->buf, ck->buf + at, ck->used);
    return true;
}

enum wr_checker_verdict
wr_checker_look(struct wr_checker *ck, uint64_t now_ms)
{
    for (;;) {
        ssize_t n = read(ck->fd, ck->buf + ck->used, sizeof(ck->buf) - ck->used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            break;
        }
        ck->used += (size_t)n;
        if (!checker_take_all(ck)) {
            return checker_died(ck, "what it says makes no sense");
        }
        if (ck->ended) {
            checker_reap(ck);
            return WR_CHECKER_DONE;
        }
        if (n == 0) {
            return checker_died(ck, NULL);
        }
    }
    return now_ms >= ck->by_ms ? checker_died(ck, "it took longer than 20 seconds") : WR_CHECKER_BUSY;
}

enum wr_checker_verdict
wr_checker_wait(struct wr_checker *ck)
{
    enum wr_checker_verdict verdict;

    while ((verdict = wr_checker_look(ck, wr_master_now_ms())) == WR_CHECKER_BUSY) {
        uint64_t now_ms = wr_master_now_ms();
        struct pollfd p = {.fd = ck->fd, .events = POLLIN};
        poll(&p, 1, now_ms < ck->by_ms ? (int)(ck->by_ms - now_ms) + 1 : 0);
    }
    return verdict;
}

void
wr_checker_cancel(struct wr_checker *ck)
{
    if (ck->pid > 0) {
        checker_reap(ck);
    }
}

bool
wr_checker_here(struct wr_cycle *cy, struct wr_bundle *b)
{
    bool mapped = wr_files_judge(b);

    if (mapped) {
        checker_verify(cy);
    }
    int err = errno;
    wr_files_judged();
    errno = err;
    return mapped;
}
