/*
 * What a worker has of published files: both blobs of a round at once, the old
 * ones until everybody has looked, nothing of what is no bundle.  The worker
 * is a real process, whose master is the test.
 */
#include "core/shm/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/bundle.h"
#include "core/shm/publish.h"
#include "core/shm/slot.h"
#include "t/unit/tap.h"

/* What the worker says of a path. */
struct answer {
    bool found;
    struct wr_file f;
    char bytes[32];
    unsigned calls;     /* of the hook */
    bool old_was_there; /* in the hook what had been found before was readable and as it was */
};

static int asks[2], answers[2];
static struct {
    struct wr_file held;
    char copy[32];
    unsigned calls;
    bool old_was_there;
} worker;

static void
worker_hold(void)
{
    if (wr_files_find(WR_STR("a"), &worker.held)) {
        memcpy(worker.copy, worker.held.bytes.p, WR_MIN(worker.held.bytes.n, sizeof(worker.copy)));
    }
}

static void
worker_on_files(void *arg)
{
    (void)arg;
    worker.calls++;
    worker.old_was_there = worker.held.bytes.p != NULL &&
        memcmp(worker.copy, worker.held.bytes.p, WR_MIN(worker.held.bytes.n, sizeof(worker.copy))) == 0;
    worker_hold();
}

static void
worker_answer(void)
{
    char path[32] = "";
    struct answer a = {.calls = worker.calls, .old_was_there = worker.old_was_there};

    if (read(asks[0], path, sizeof(path)) <= 0) {
        _exit(0);
    }
    a.found = wr_files_find(wr_str_of(path), &a.f);
    if (a.found) {
        memcpy(a.bytes, a.f.bytes.p, WR_MIN(a.f.bytes.n, sizeof(a.bytes) - 1));
    }
    if (write(answers[1], &a, sizeof(a)) != sizeof(a)) {
        _exit(1);
    }
}

static WR_NORETURN void
worker_run(unsigned slot, bool secrets)
{
    wr_slot_enter(slot);
    wr_publish_enter();
    wr_files_start(secrets, worker_on_files, NULL);
    worker_hold();
    for (;;) {
        struct wr_publish_note note;
        struct pollfd p[] = {{.fd = wr_slot_recv_fd(slot), .events = POLLIN},
                             {.fd = asks[0], .events = POLLIN}};
        pid_t from;
        int fd;
        poll(p, 2, -1);
        while (wr_slot_recv(slot, &note, sizeof(note), &fd, &from) == sizeof(note)) {
            wr_publish_receive(&note, fd);
        }
        if (p[1].revents) {
            worker_answer();
        }
    }
}

static pid_t
worker_start(unsigned *slot, enum wr_slot_kind kind, bool secrets)
{
    *slot = (unsigned)wr_slot_claim(kind, 1, 0);
    wr_publish_born(*slot, true);
    if (pipe(asks) < 0 || pipe(answers) < 0) {
        abort();
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(asks[1]);
        worker_run(*slot, secrets);
    }
    atomic_store(&wr_slots_table()->slot[*slot].state, WR_SLOT_SERVING);
    return pid;
}

static void
worker_stop(unsigned slot, pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    wr_slot_bury(slot);
    wr_slot_free(slot);
    for (unsigned i = 0; i < 2; i++) {
        close(asks[i]);
        close(answers[i]);
    }
}

static struct answer
ask(const char *path)
{
    char text[32] = "";
    struct answer a = {0};

    snprintf(text, sizeof(text), "%s", path);
    if (write(asks[1], text, sizeof(text)) < 0 || read(answers[0], &a, sizeof(a)) != sizeof(a)) {
        abort();
    }
    return a;
}

static bool
send_note(unsigned slot, const struct wr_publish_note *note, int fd)
{
    return wr_slot_send(slot, note, sizeof(*note), fd);
}

static void
say_nothing(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    (void)line;
    (void)n;
}

/* A pair: "a" is public, "s" secret. */
static void
make(struct wr_bundle b[WR_FILES_BLOBS], const char *a, const char *s, uint64_t round)
{
    const char *paths[] = {"a", "s"}, *texts[] = {a, s};

    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        int fd = memfd_create("file", MFD_CLOEXEC);
        wr_bundle_init(&b[i]);
        wr_bundle_add(&b[i], wr_str_of(paths[i]));
        if (write(fd, texts[i], strlen(texts[i])) < 0 || !wr_bundle_begin(&b[i], wr_files_names[i]) ||
            wr_bundle_put_file(&b[i], &b[i].items[0], fd) != 0) {
            abort();
        }
        b[i].items[0].version = round;
        wr_bundle_end(&b[i], round);
        close(fd);
    }
}

static void
drop(struct wr_bundle b[WR_FILES_BLOBS])
{
    wr_bundle_fini(&b[0]);
    wr_bundle_fini(&b[1]);
}

static void
publish(const char *a, const char *s, uint64_t round)
{
    struct wr_bundle b[WR_FILES_BLOBS];

    make(b, a, s, round);
    wr_files_publish(b);
    drop(b);
}

static void
test_worker(void)
{
    unsigned slot;
    struct wr_bundle b[WR_FILES_BLOBS];

    publish("one", "secret one", 1);
    pid_t pid = worker_start(&slot, WR_SLOT_WORKER, true);
    struct answer a = ask("a"), s = ask("s");
    tap_ok(a.found && !a.f.secret && strcmp(a.bytes, "one") == 0, "a worker has what there is at its start");
    tap_ok(s.found && s.f.secret && strcmp(s.bytes, "secret one") == 0, "and the secret");
    tap_is_int(a.calls, 0, "for which nobody is called");
    tap_ok(!ask("b").found, "another path is not found");
    publish("two", "secret two", 2);
    a = ask("a");
    tap_is_str(a.bytes, "two", "newer ones");
    tap_is_int(a.calls, 1, "one call for both");
    tap_ok(a.old_was_there, "during which the old one was readable");

    make(b, "three", "secret three", 3);
    wr_publish_fd("files", fcntl(b[0].fd, F_DUPFD_CLOEXEC, 3), b[0].bytes);
    a = ask("a");
    tap_ok(strcmp(a.bytes, "two") == 0 && a.calls == 1, "half of a round is not taken");
    wr_publish_fd("secrets", fcntl(b[1].fd, F_DUPFD_CLOEXEC, 3), b[1].bytes);
    a = ask("a");
    s = ask("s");
    tap_ok(strcmp(a.bytes, "three") == 0 && strcmp(s.bytes, "secret three") == 0 && a.calls == 2,
           "until the other half comes");
    drop(b);
    uint64_t v = wr_publish("files", "this is no bundle", 17);
    tap_ok(v > 0 && strcmp(ask("a").bytes, "three") == 0, "what is no bundle changes nothing");
    publish("four", "secret four", 4);
    tap_is_str(ask("a").bytes, "four", "and what comes next is taken");
    worker_stop(slot, pid);
}

static void
test_without_secrets(void)
{
    unsigned slot;
    pid_t pid = worker_start(&slot, WR_SLOT_KEEPER, false);

    publish("five", "secret five", 5);
    struct answer a = ask("a");
    tap_ok(a.found && strcmp(a.bytes, "five") == 0, "a process without secrets has the others");
    tap_ok(!ask("s").found, "and no secret");
    worker_stop(slot, pid);
    pid = worker_start(&slot, WR_SLOT_WORKER, false);
    publish("six", "secret six", 6);
    a = ask("a");
    tap_ok(strcmp(a.bytes, "six") == 0 && !ask("s").found, "a worker may do without them too");
    worker_stop(slot, pid);
}

static void
test_judge(void)
{
    struct wr_bundle b[WR_FILES_BLOBS];
    struct wr_file f;

    make(b, "new", "secret new", 7);
    b[1].items[0].changed = true;
    tap_ok(wr_files_judge(b), "bundles are looked into before they are published");
    tap_ok(wr_files_find(WR_STR("a"), &f) && !wr_files_changed(&f), "a file that is as it was");
    tap_ok(wr_files_find(WR_STR("s"), &f) && wr_files_changed(&f), "one that has changed");
    tap_is_mem(f.bytes.p, f.bytes.n, "secret new", 10, "is there to be read");
    uint64_t version;
    struct wr_str bytes = wr_files_bytes(WR_STR("s"), &version);
    tap_ok(bytes.p == f.bytes.p && bytes.n == f.bytes.n && version == f.version, "by its path alone, too");
    tap_ok(!wr_files_differs(WR_STR("s"), version) && wr_files_differs(WR_STR("s"), version + 1),
           "which another version differs from");
    tap_ok(wr_files_bytes(WR_STR("b"), &version).n == 0 && version == 0 && !wr_files_differs(WR_STR("b"), 1),
           "what nobody names has no bytes and differs from nothing");
    wr_files_refuse(&f);
    tap_ok(b[1].items[0].refused && !b[0].items[0].refused, "and refused");
    wr_files_judged();
    tap_ok(!wr_files_find(WR_STR("a"), &f), "afterwards they are gone");
    drop(b);
}

int
main(void)
{
    wr_log_set(say_nothing, NULL, WR_LOG_DEBUG);
    wr_slots_create(16);
    wr_publish_set_sender(send_note);
    wr_files_reserve();
    test_judge();
    test_worker();
    test_without_secrets();
    return tap_done();
}
