/*
 * The ring of log lines: whole lines, in order, none lost but when it is full,
 * and then counted; with a producer that is killed at any instruction, and one
 * that writes nonsense.
 */
#include "core/shm/logring.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/shm/slot.h"
#include "t/unit/tap.h"

static void *rings;

static struct wr_logring *
fresh_ring(unsigned slot)
{
    struct wr_logring *ring = wr_logring_of(rings, slot);

    memset(ring, 0, (size_t)((char *)wr_logring_of(rings, slot + 1) - (char *)ring));
    return ring;
}

/* Takes the next line off; false when there is none. */
static bool
take(struct wr_logring *ring, struct wr_logring_line *line)
{
    uint64_t cursor = wr_logring_tail(ring);
    bool damaged;

    if (!wr_logring_next(ring, &cursor, line, &damaged)) {
        return false;
    }
    wr_logring_release(ring, cursor);
    return true;
}

static void
test_simple(void)
{
    struct wr_logring *ring = fresh_ring(0);
    struct wr_logring_line line;

    tap_is_int(wr_logring_waiting_bytes(ring), 0, "a new ring is empty");
    tap_ok(!take(ring, &line), "nothing comes out");
    wr_logring_put(ring, 0, "first\n", 6);
    char *p = wr_logring_reserve(ring, 1000);
    memcpy(p, "second\n", 7);
    wr_logring_commit(ring, 255, 7);
    wr_logring_put(ring, 3, "", 0);
    tap_ok(take(ring, &line) && line.id == 0 && line.n == 6 && memcmp(line.p, "first\n", 6) == 0,
           "a line comes out");
    tap_ok(take(ring, &line) && line.id == 255 && line.n == 7 && memcmp(line.p, "second\n", 7) == 0,
           "one that was shorter than reserved too");
    tap_ok(take(ring, &line) && line.id == 3 && line.n == 0, "even an empty one");
    tap_ok(!take(ring, &line) && wr_logring_waiting_bytes(ring) == 0, "then it is empty again");
    p = wr_logring_reserve(ring, 100);
    tap_ok(p != NULL && !take(ring, &line), "what was reserved only is not seen");
}

static void
test_full(void)
{
    struct wr_logring *ring = fresh_ring(1);
    struct wr_logring_line line;
    char text[WR_LOGRING_LINE_BYTES];
    unsigned put = 0, got = 0;

    memset(text, 'x', sizeof(text));
    tap_ok(wr_logring_reserve(ring, WR_LOGRING_LINE_BYTES + 1) == NULL, "a line that is too long is dropped");
    while (wr_logring_dropped(ring) < 4) {
        wr_logring_put(ring, 1, text, sizeof(text));
        put++;
    }
    tap_is_int(wr_logring_untold(ring), 4, "lines into a full ring are counted");
    wr_logring_told(ring, 4);
    tap_is_int(wr_logring_untold(ring), 0, "and told of once");
    while (take(ring, &line)) {
        got += line.n == sizeof(text) && line.p[0] == 'x' && line.p[line.n - 1] == 'x';
    }
    tap_is_int(got, put - 3, "the others are whole");
}

/* Lines of all lengths, round and round, each checked. */
static void
test_wrap(void)
{
    struct wr_logring *ring = fresh_ring(2);
    struct wr_logring_line line;
    unsigned bad = 0, waiting = 0, next = 0;
    char text[3000];

    for (unsigned i = 0; i < 20000; i++) {
        size_t n = (size_t)snprintf(text, sizeof(text), "%u ", i);
        size_t len = n + (size_t)(i * 7919u % 2900u);
        memset(text + n, 'a' + (int)(i % 26), len - n);
        wr_logring_put(ring, i % WR_LOG_IDS, text, len);
        waiting++;
        while (waiting > 100) {
            waiting--;
            if (!take(ring, &line) || (unsigned)atoi(line.p) != next || line.id != next % WR_LOG_IDS ||
                line.p[line.n - 1] !=
                    (line.n > (size_t)snprintf(NULL, 0, "%u ", next) ? 'a' + (int)(next % 26) : ' ')) {
                bad++;
            }
            next++;
        }
    }
    tap_is_int(bad, 0, "20,000 lines of 2 to 2,900 bytes come out as they went in");
    tap_is_int(wr_logring_dropped(ring), 0, "none was dropped");
}

/* A producer in another process is killed again and again; another goes on in the ring. */
static void
test_kills(void)
{
    enum { KILLS = 200 };
    struct wr_logring *ring = fresh_ring(3);
    struct wr_logring_line line;
    unsigned bad = 0, lines = 0, gaps = 0;

    for (unsigned k = 0; k < KILLS; k++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (unsigned i = 0;; i++) {
                size_t n = 20 + i * 31 % 400;
                char *p = wr_logring_reserve(ring, n);
                if (p == NULL) {
                    pause(); /* full: it waits for its end */
                }
                memset(p, 'a' + (int)(i % 26), n);
                memcpy(p, &i, sizeof(i));
                p[n - 1] = '\n';
                wr_logring_commit(ring, k % WR_LOG_IDS, n);
            }
        }
        usleep((useconds_t)(rand() % 1000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (unsigned expected = 0; take(ring, &line); expected++) {
            unsigned i;
            memcpy(&i, line.p, sizeof(i));
            gaps += i != expected;
            lines++;
            bad += line.n != 20 + i * 31 % 400 || line.id != k % WR_LOG_IDS || line.p[line.n - 1] != '\n' ||
                line.p[10] != (char)('a' + (int)(i % 26));
        }
    }
    tap_is_int(bad, 0, "of %u lines of %d killed producers none is in pieces", lines, KILLS);
    tap_is_int(gaps, 0, "and none that was published is missing");
}

/* Consumer and producer at the same time. */
static void
test_concurrent(void)
{
    enum { LINES = 200000 };
    struct wr_logring *ring = fresh_ring(4);
    struct wr_logring_line line;
    unsigned next = 0, bad = 0;
    pid_t pid = fork();

    if (pid == 0) {
        for (unsigned i = 0; i < LINES;) {
            char *p = wr_logring_reserve(ring, 64);
            if (p != NULL) {
                memset(p, (int)(i % 251), 64);
                memcpy(p, &i, sizeof(i));
                wr_logring_commit(ring, 1, 8 + i % 57);
                i++;
            }
        }
        _exit(0);
    }
    while (next < LINES) {
        uint64_t cursor = wr_logring_tail(ring);
        bool damaged;
        /* read before it is released: from then on the producer may write there */
        while (wr_logring_next(ring, &cursor, &line, &damaged)) {
            unsigned i;
            memcpy(&i, line.p, sizeof(i));
            bad += i != next || line.n != 8 + i % 57 || (unsigned char)line.p[line.n - 1] != i % 251;
            next++;
            wr_logring_release(ring, cursor);
        }
    }
    waitpid(pid, NULL, 0);
    tap_is_int(bad, 0, "%d lines go through while both sides run", LINES);
}

/* The producer's side says anything. */
static void
test_nonsense(void)
{
    unsigned crashes = 0, endless = 0;
    struct wr_logring_line line;

    for (unsigned seed = 1; seed <= 300; seed++) {
        struct wr_logring *ring = fresh_ring(5);
        unsigned char *raw = (unsigned char *)ring;
        unsigned steps = 0;
        srand(seed);
        for (int i = 0; i < 50; i++) {
            wr_logring_put(ring, 1, "a line\n", 7);
        }
        for (int i = 0; i < 20; i++) {
            raw[4096 + rand() % 1000] = (unsigned char)rand();
        }
        if (seed % 3 == 0) {
            *(uint64_t *)ring = (uint64_t)rand() << (rand() % 40);
        }
        uint64_t cursor = wr_logring_tail(ring);
        bool damaged = false;
        while (steps++ < 100000) {
            if (wr_logring_next(ring, &cursor, &line, &damaged)) {
                crashes += line.n > WR_LOGRING_LINE_BYTES || line.p < (char *)raw + 4096 ||
                    line.p + line.n > (char *)raw + 4096 + WR_LOGRING_BYTES || line.id >= WR_LOG_IDS;
            } else {
                break;
            }
        }
        endless += steps >= 100000;
        wr_logring_release(ring, cursor);
        wr_logring_reap(ring);
        wr_logring_put(ring, 2, "again\n", 6);
        crashes += !take(ring, &line) || line.id != 2;
    }
    tap_is_int(crashes, 0, "nothing outside the ring is ever read, and after its reaping it goes on");
    tap_is_int(endless, 0, "nor read for ever");
}

static void
test_mail(void)
{
    struct wr_logring *ring = fresh_ring(6);
    unsigned keeper = (unsigned)wr_slot_claim(WR_SLOT_KEEPER, 1, 0);

    wr_logring_put(ring, 0, "x\n", 2);
    wr_logring_mail(ring, 1);
    tap_is_int(wr_slot_take_mail(keeper), 0, "without a keeper nobody is mailed");
    atomic_store(&wr_slots_table()->keeper,
                 wr_owner_make(keeper, atomic_load(&wr_slots_table()->slot[keeper].epoch)));
    wr_logring_mail(ring, WR_LOGRING_MAIL_BYTES);
    tap_is_int(wr_slot_take_mail(keeper), 0, "a keeper not for a little");
    wr_logring_mail(ring, 1);
    tap_is_int(wr_slot_take_mail(keeper), WR_MAIL_LOGS, "but when it is asked for");
    wr_logring_forget(ring);
    struct wr_logring_line line;
    tap_ok(take(ring, &line) && line.n == 2, "a view that was let go comes back with what was in it");
    wr_logring_trim(ring);
    wr_logring_put(ring, 0, "y\n", 2);
    tap_ok(take(ring, &line) && line.p[0] == 'y', "and a trimmed ring works");
}

int
main(void)
{
    tap_ok(wr_slots_create(8), "slots");
    rings = mmap(NULL, wr_logrings_bytes(), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    tap_ok(rings != MAP_FAILED, "rings");
    test_simple();
    test_full();
    test_wrap();
    test_kills();
    test_concurrent();
    test_nonsense();
    test_mail();
    return tap_done();
}
