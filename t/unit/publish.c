/*
 * Publishing between a master, a keeper and workers that are real processes:
 * the newest reaches everybody, those that start later too, and "everywhere"
 * means everywhere.
 */
#include "core/shm/publish.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/slot.h"
#include "t/unit/tap.h"

static struct wr_slots *t;
static unsigned refused;
static unsigned foreign;

static void
count_refused(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    refused += memmem(line, n, "refused", 7) != NULL;
    foreign += level == WR_LOG_ALERT && memmem(line, n, "master's name", 13) != NULL;
}

static bool
send_note(unsigned slot, const struct wr_publish_note *note, int fd)
{
    return wr_slot_send(slot, note, sizeof(*note), fd);
}

/* The master takes what came and passes it on. */
static void
master_turn(void)
{
    struct wr_publish_note note;
    pid_t from;
    int fd;

    while (wr_slot_recv(wr_slots_master(), &note, sizeof(note), &fd, &from) == sizeof(note)) {
        wr_publish_accept(&note, fd);
    }
    wr_publish_pump();
}

/* What a worker of this test has seen of "a": its counters are for the parent to read. */
static void
on_blob(void *arg, const struct wr_blob *blob)
{
    struct wr_slot *s = arg;

    atomic_store(&s->counters[0], blob->version);
    atomic_store(&s->counters[1], blob->bytes);
    atomic_store(&s->counters[2], blob->bytes > 0 ? *(const unsigned char *)blob->data : 0);
    atomic_fetch_add(&s->counters[3], 1);
}

static pid_t
start_worker(unsigned *slot, bool deaf)
{
    *slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 1, 0);
    wr_publish_born(*slot, true);
    pid_t pid = fork();

    if (pid != 0) {
        while (atomic_load(&t->slot[*slot].state) != WR_SLOT_SERVING) {
            usleep(100);
        }
        return pid;
    }
    wr_slot_enter(*slot);
    wr_publish_enter();
    wr_publish_subscribe("a", on_blob, &t->slot[*slot]);
    atomic_store(&t->slot[*slot].state, WR_SLOT_SERVING);
    while (deaf && atomic_load(&t->slot[*slot].counters[9]) == 0) {
        usleep(1000);
    }
    for (;;) {
        struct wr_publish_note note;
        struct pollfd p = {.fd = wr_slot_recv_fd(*slot), .events = POLLIN};
        pid_t from;
        int fd;
        poll(&p, 1, -1);
        while (wr_slot_recv(*slot, &note, sizeof(note), &fd, &from) == sizeof(note)) {
            wr_publish_receive(&note, fd);
        }
    }
}

static void
stop_worker(unsigned slot, pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    wr_slot_bury(slot);
    wr_slot_free(slot);
}

/* Runs the master until fn says yes; false after two seconds. */
static bool
until_everywhere(uint64_t version)
{
    for (int i = 0; i < 2000; i++) {
        master_turn();
        if (wr_publish_everywhere(version)) {
            return true;
        }
        usleep(1000);
    }
    return false;
}

static void
test_master(void)
{
    unsigned a, b;
    pid_t pa = start_worker(&a, false), pb = start_worker(&b, false);
    uint64_t v1 = wr_publish("a", "1", 1);

    tap_ok(v1 > 0, "a blob is published");
    tap_ok(until_everywhere(v1), "both workers have it in effect");
    tap_ok(atomic_load(&t->slot[a].counters[2]) == '1' && atomic_load(&t->slot[b].counters[2]) == '1',
           "as it was sent");
    uint64_t v2 = wr_publish("a", "22", 2);
    uint64_t v3 = wr_publish("other", "xxx", 3);
    tap_ok(v2 > v1 && v3 > v2, "versions grow");
    tap_ok(until_everywhere(v3), "the next ones arrive");
    tap_ok(atomic_load(&t->slot[a].counters[2]) == '2' && atomic_load(&t->slot[a].counters[1]) == 2,
           "the newer one is seen");
    tap_is_int(atomic_load(&t->slot[a].counters[3]), 2, "a name that is not subscribed to calls nobody");
    unsigned c;
    pid_t pc = start_worker(&c, false);
    tap_is_int(atomic_load(&t->slot[c].counters[0]), v2, "one that starts later has the newest");
    tap_ok(wr_publish_everywhere(v3), "and counts as having it");
    uint64_t v4 = wr_publish("a", "", 0);
    tap_ok(until_everywhere(v4) && atomic_load(&t->slot[c].counters[1]) == 0, "an empty blob is one too");
    stop_worker(a, pa);
    stop_worker(b, pb);
    stop_worker(c, pc);
}

/* One that reads nothing holds "everywhere" up, loses nothing, and holds nobody else up. */
static void
test_deaf(void)
{
    unsigned a, b;
    pid_t pa = start_worker(&a, false), pb = start_worker(&b, true);
    uint64_t last = 0;
    char name[32];

    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), i % 2 ? "a" : "n%d", i % 100);
        last = wr_publish(name, &i, sizeof(i));
        master_turn();
    }
    for (int i = 0; i < 2000 && atomic_load(&t->slot[a].acked) < last; i++) {
        master_turn();
        usleep(1000);
    }
    tap_is_int(atomic_load(&t->slot[a].acked), last, "3,000 versions reach the one that listens");
    tap_ok(!wr_publish_everywhere(last), "but not everybody");
    tap_ok(!wr_publish_pump(), "whose socket is full");
    atomic_store(&t->slot[b].counters[9], 1);
    tap_ok(until_everywhere(last), "when it listens again it gets what it lacks");
    tap_is_int(atomic_load(&t->slot[b].counters[0]), last, "the newest");
    tap_ok(atomic_load(&t->slot[b].counters[3]) < 1500, "and not every version there was");
    stop_worker(a, pa);
    stop_worker(b, pb);
}

/* A keeper publishes, the master too, at the same time. */
static void
test_keeper(void)
{
    unsigned a, k = (unsigned)wr_slot_claim(WR_SLOT_KEEPER, 1, 0);
    pid_t pa = start_worker(&a, false);
    int status;
    uint64_t last = 0;

    wr_publish_born(k, true);
    pid_t pk = fork();
    if (pk == 0) {
        bool ok = true;
        wr_slot_enter(k);
        wr_publish_enter();
        wr_publish_set_sender(send_note);
        for (int i = 0; i < 500; i++) {
            ok = wr_publish("a", &i, sizeof(i)) > 0 && ok;
        }
        _exit(ok ? 0 : 1);
    }
    while (waitpid(pk, &status, WNOHANG) == 0) {
        last = wr_publish("mine", "m", 1);
        master_turn();
    }
    master_turn();
    tap_is_int(status, 0, "a keeper hands in 500 versions");
    wr_slot_bury(k);
    wr_slot_free(k);
    wr_publish_publisher_died();
    tap_ok(until_everywhere(last), "and those of the master, between them, are everywhere");
    tap_ok(until_everywhere(atomic_load(&t->published)), "so are all");
    tap_is_int(atomic_load(&t->slot[a].counters[2]), 499 & 0xff, "the keeper's last is the one in effect");
    stop_worker(a, pa);
}

static void
test_refused(void)
{
    struct wr_publish_note note = {.name = "bad", .version = UINT64_MAX, .bytes = 1};
    int fd = memfd_create("open", MFD_ALLOW_SEALING);

    refused = 0;
    tap_ok(write(fd, "x", 1) == 1, "a blob that can still change");
    wr_publish_accept(&note, fd);
    tap_is_int(refused, 1, "is refused");
    note.bytes = 5;
    wr_publish_accept(&note, -1);
    tap_is_int(refused, 2, "so is none");
    tap_is_int(wr_publish("big", "", (size_t)WR_PUBLISH_BYTES + 1), 0,
               "one that is too large is not published");
}

static int
sealed_memfd(const char *text, int seals)
{
    int fd = memfd_create("made", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (write(fd, text, strlen(text)) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0) {
        abort();
    }
    return fd;
}

/* A memfd that the caller has made. */
static void
test_fd(void)
{
    unsigned a;
    pid_t pa = start_worker(&a, false);
    uint64_t v = wr_publish_fd("a", sealed_memfd("7 made", F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 6);

    tap_ok(v > 0 && until_everywhere(v), "a memfd that is sealed is published");
    tap_is_int(atomic_load(&t->slot[a].counters[2]), '7', "as it is");
    tap_is_int(wr_publish_fd("a", sealed_memfd("open", F_SEAL_GROW), 4), 0, "one that is not is refused");
    tap_is_int(wr_publish_fd("a", sealed_memfd("short", F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 6), 0,
               "so is one of another size");
    tap_is_int(wr_publish_fd("a", -1, 0), 0, "and none");
    stop_worker(a, pa);
}

static unsigned sent_secrets[WR_SLOTS];

static bool
send_and_count(unsigned slot, const struct wr_publish_note *note, int fd)
{
    sent_secrets[slot] += strcmp(note->name, "secret") == 0;
    return send_note(slot, note, fd);
}

/* Names that are the master's own. */
static void
test_reserved(void)
{
    struct wr_publish_note note = {.name = "secret", .version = atomic_load(&t->published), .bytes = 5};
    unsigned a, k = (unsigned)wr_slot_claim(WR_SLOT_KEEPER, 1, 0);
    pid_t pa = start_worker(&a, false);

    wr_publish_reserve("secret", true);
    wr_publish_born(k, false);
    atomic_store(&t->slot[k].state, WR_SLOT_SERVING);
    wr_publish_set_sender(send_and_count);
    uint64_t v = wr_publish("secret", "bytes", 5);
    tap_ok(until_everywhere(v), "a reserved name is published by the master");
    tap_ok(sent_secrets[a] == 1 && sent_secrets[k] == 0, "to workers alone");
    t->slot[k].kind = WR_SLOT_WORKER;
    v = wr_publish("secret", "bytes", 5);
    t->slot[k].kind = WR_SLOT_KEEPER;
    tap_ok(until_everywhere(v) && sent_secrets[k] == 0, "whatever a process writes into its slot");
    note.version = ++v;
    atomic_store(&t->published, v);
    wr_publish_accept(&note, sealed_memfd("false", F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK));
    tap_is_int(foreign, 1, "a child's blob of that name is dropped, with an alert");
    tap_ok(until_everywhere(v) && sent_secrets[a] == 2, "nobody is sent it, nobody waits for it");
    wr_publish_set_sender(send_note);
    stop_worker(a, pa);
    wr_slot_bury(k);
    wr_slot_free(k);
}

static unsigned kept_calls;

static void
keep(void *arg, const struct wr_blob *blob)
{
    *(const void **)arg = blob->data;
    kept_calls++;
}

/* A child that maps for itself, and one that does without. */
static void
test_own(void)
{
    struct wr_publish_note note = {.name = "mine2", .bytes = 3};
    unsigned slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 1, 0);
    int status;

    wr_publish("mine2", "one", 3);
    wr_publish("unwanted", "two", 3);
    wr_publish_born(slot, true);
    pid_t pid = fork();
    if (pid == 0) {
        const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
        const void *first = NULL, *second = NULL;
        bool ok = true;
        wr_slot_enter(slot);
        wr_publish_enter();
        wr_publish_subscribe_keeping("mine2", keep, &first);
        second = first;
        wr_publish_forget("unwanted");
        note.version = UINT64_MAX - 1;
        wr_publish_receive(&note, sealed_memfd("new", seals));
        ok = kept_calls == 2 && first != second && memcmp(second, "one", 3) == 0 &&
            memcmp(first, "new", 3) == 0;
        wr_publish_unmap(second, 3);
        wr_publish_unmap(first, 3);
        memcpy(note.name, "unwanted", 9);
        note.version = UINT64_MAX;
        int fd = sealed_memfd("two", seals);
        wr_publish_receive(&note, fd);
        ok = ok && fcntl(fd, F_GETFD) < 0;
        wr_publish_subscribe("unwanted", keep, &first);
        _exit(ok && kept_calls == 2 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    tap_is_int(status, 0, "mappings may be the subscriber's; what is forgotten does not come back");
    wr_slot_bury(slot);
    wr_slot_free(slot);
}

static unsigned listed;
static void
adopt_again(void *arg, const struct wr_publish_note *note, int fd)
{
    (void)arg;
    listed++;
    tap_ok(note->version > 0 && fd >= 0 && (fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE), "%s is in the list",
           note->name);
}

static void
count_secret(void *arg, const struct wr_publish_note *note, int fd)
{
    (void)arg;
    (void)fd;
    listed += strcmp(note->name, "secret") == 0;
}

int
main(void)
{
    wr_log_set(count_refused, NULL, WR_LOG_DEBUG);
    tap_ok(wr_slots_create(16), "slots");
    t = wr_slots_table();
    wr_publish_set_sender(send_note);
    test_master();
    wr_publish_each(adopt_again, NULL);
    tap_is_int(listed, 2, "each: the newest of each name");
    test_deaf();
    test_keeper();
    test_refused();
    test_fd();
    test_reserved();
    test_own();
    listed = 0;
    wr_publish_each(count_secret, NULL);
    tap_is_int(listed, 0, "what is reserved is not in the list for another binary");
    return tap_done();
}
