/*
 * The slot table: claiming, waking without losing a mail, dying, packets and
 * their descriptors, adoption by another process.
 */
#include "core/shm/slot.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/log.h"
#include "t/unit/tap.h"

static struct wr_slots *t;

/* Sleeps as a loop does until a mail is there; returns what came, 0 after `ms` without one. */
static uint32_t
wait_mail(unsigned slot, int ms)
{
    struct pollfd p = {.fd = wr_slot_event_fd(slot), .events = POLLIN};
    uint32_t mail = 0;
    int n = 1;

    /* A sender that was held up between its bits and its write wakes for bits that were taken long ago. */
    while (n > 0 && mail == 0) {
        if (wr_slot_going_to_sleep(slot) == 0) {
            n = poll(&p, 1, ms);
        }
        wr_slot_awake(slot);
        mail = n > 0 ? wr_slot_take_mail(slot) : 0;
    }
    return mail;
}

static void
test_life(void)
{
    int a = wr_slot_claim(WR_SLOT_WORKER, 1, 0);
    int b = wr_slot_claim(WR_SLOT_KEEPER, 1, 0);
    uint64_t owner = wr_owner_make((unsigned)a, atomic_load(&t->slot[a].epoch));

    tap_ok(a == 0 && b == 1, "the lowest free slots are claimed");
    tap_is_int(atomic_load(&t->claimed), 2, "and remembered as the highest ever");
    tap_ok(wr_owner_alive(owner), "an owner lives");
    tap_ok(!wr_owner_alive(0) && !wr_owner_alive(UINT64_MAX), "nonsense does not");
    wr_slot_count(&t->slot[a], WR_C_REQUESTS, 5);
    wr_slot_count(&t->slot[a], WR_C_CONNECTIONS, 3);
    tap_ok(wr_slot_bury((unsigned)a), "it dies");
    tap_ok(!wr_slot_bury((unsigned)a), "once");
    tap_ok(!wr_owner_alive(owner), "its marks are void before the slot is free");
    wr_slot_free((unsigned)a);
    tap_is_int(atomic_load(&t->retired[WR_C_REQUESTS]), 5, "totals are kept");
    tap_is_int(atomic_load(&t->retired[WR_C_CONNECTIONS]), 0, "what counts the present is not");
    tap_is_int(wr_slot_claim(WR_SLOT_WORKER, 2, 0), a, "the slot is used again");
    tap_ok(!wr_owner_alive(owner), "by another owner");
    tap_is_int(atomic_load(&t->slot[a].counters[WR_C_REQUESTS]), 0, "who counts from 0");
    for (int s = 0; s < 2; s++) {
        wr_slot_bury((unsigned)s);
        wr_slot_free((unsigned)s);
    }
}

static void
test_all_taken(void)
{
    int last = -1, n = 0;

    for (int s; (s = wr_slot_claim(WR_SLOT_WORKER, 1, 0)) >= 0; n++) {
        last = s;
    }
    tap_is_int(n, t->usable, "as many as have descriptors can be claimed");
    tap_is_int(last, (int)t->usable - 1, "in order");
    for (int s = 0; s < n; s++) {
        wr_slot_bury((unsigned)s);
        wr_slot_free((unsigned)s);
    }
}

static void
test_start_ticks(void)
{
    tap_ok(wr_slot_start_ticks(getpid()) != 0, "a process has a start time");
    tap_is_int(wr_slot_start_ticks(getpid()), wr_slot_start_ticks(getpid()), "that stays");
    tap_is_int(wr_slot_start_ticks(1 << 30), 0, "no process has none");
}

/* A child that counts how often it is told something, while the parent mails as fast as it can: every round
 * ends with a mail that must arrive, however the two interleave. */
static void
test_no_lost_mail(void)
{
    enum { ROUNDS = 20000 };
    unsigned slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 1, 0);
    pid_t pid = fork();

    if (pid == 0) {
        wr_slot_enter(slot);
        for (int i = 0; i < ROUNDS; i++) {
            uint32_t mail;
            while (!((mail = wait_mail(slot, 2000)) & WR_MAIL_LOGS)) {
                if (mail == 0) {
                    _exit(1); /* slept through it */
                }
            }
            atomic_fetch_add(&t->slot[slot].counters[0], 1);
        }
        _exit(0);
    }
    int status = -1;
    bool ended = false;
    for (uint64_t i = 0; i < ROUNDS && !ended; i++) {
        wr_slot_mail(slot, WR_MAIL_QUEUE);
        wr_slot_mail(slot, WR_MAIL_LOGS);
        while (atomic_load(&t->slot[slot].counters[0]) == i && !ended) {
            ended = waitpid(pid, &status, WNOHANG) == pid;
        }
    }
    if (!ended) {
        waitpid(pid, &status, 0);
    }
    tap_is_int(status, 0, "%d mails, none is slept through", ROUNDS);
    wr_slot_bury(slot);
    wr_slot_free(slot);
}

static void
test_mail_bits(void)
{
    unsigned slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 1, 0);
    struct pollfd p = {.fd = wr_slot_event_fd(slot), .events = POLLIN};

    wr_slot_mail(slot, WR_MAIL_DRAIN);
    wr_slot_mail(slot, WR_MAIL_ALL);
    tap_is_int(poll(&p, 1, 0), 0, "one that is awake costs no system call");
    tap_is_int(wr_slot_going_to_sleep(slot), WR_MAIL_DRAIN | WR_MAIL_ALL,
               "it sees the bits before it sleeps");
    tap_is_int(wr_slot_take_mail(slot), WR_MAIL_DRAIN | WR_MAIL_ALL, "and takes them");
    tap_is_int(wr_slot_take_mail(slot), 0, "once");
    wr_slot_mail(slot, WR_MAIL_STOP);
    tap_is_int(poll(&p, 1, 0), 1, "one that sleeps is woken");
    wr_slot_awake(slot);
    tap_is_int(wr_slot_take_mail(slot), WR_MAIL_STOP, "by its mail");
    wr_slot_mail_all(WR_MAIL_PUBLISHED, slot);
    tap_is_int(wr_slot_take_mail(slot), 0, "mail to all leaves one out");
    wr_slot_mail_all(WR_MAIL_PUBLISHED, WR_SLOT_NONE);
    tap_is_int(wr_slot_take_mail(slot), WR_MAIL_PUBLISHED, "or nobody");
    wr_slot_bury(slot);
    wr_slot_free(slot);
}

static void
test_packets(void)
{
    unsigned slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 1, 0);
    int fds[2], status, sent = 0;
    char text[64] = "";

    tap_ok(pipe(fds) == 0, "a pipe");
    tap_ok(wr_slot_send(slot, "hello", 6, fds[1]), "a packet with a descriptor is sent");
    tap_ok(wr_slot_send(slot, "there", 6, -1), "and one without");
    pid_t pid = fork();
    if (pid == 0) {
        int fd;
        pid_t from;
        char got[8];
        close(fds[1]);
        wr_slot_enter(slot);
        bool ok = wr_slot_recv(slot, got, sizeof(got), &fd, &from) == 6 && strcmp(got, "hello") == 0 &&
            fd >= 0 && from == getppid() && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && write(fd, "pong", 5) == 5;
        ok = ok && wr_slot_recv(slot, got, sizeof(got), &fd, &from) == 6 && strcmp(got, "there") == 0 &&
            fd == -1;
        ok = ok && wr_slot_recv(slot, got, sizeof(got), &fd, &from) == 0;
        ok = ok && wr_slot_send(wr_slots_master(), "up", 3, -1);
        _exit(ok ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    tap_is_int(status, 0, "the child gets both, and knows from whom");
    tap_ok(read(fds[0], text, sizeof(text)) == 5 && strcmp(text, "pong") == 0,
           "its descriptor is the one sent");
    int fd;
    pid_t from;
    tap_is_int(wr_slot_recv(wr_slots_master(), text, sizeof(text), &fd, &from), 3,
               "the master hears the child");
    tap_is_int(from, pid, "and knows who it was");
    while (wr_slot_send(slot, text, 32, -1)) {
        sent++;
    }
    tap_ok(sent >= 8, "a socket that nobody reads takes %d packets, then says so", sent);
    close(fds[0]);
    close(fds[1]);
    wr_slot_bury(slot);
    wr_slot_free(slot);
}

/* Another binary is handed the descriptors: it is the other master of the same table. */
static void
test_adopt(void)
{
    struct wr_slots_fds fds = *wr_slots_fds();
    unsigned slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 7, 3);
    unsigned before = wr_slots_master();
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        bool ok = wr_slots_adopt(&fds, before);
        ok = ok && wr_slots_master() == WR_SLOT_MASTER_A + WR_SLOT_MASTER_B - before &&
            wr_slots_table() != t && wr_slots_table()->slot[slot].generation == 7 &&
            wr_slot_self() == wr_slots_master();
        ok = ok && wr_owner_alive(wr_owner_self());
        wr_slot_mail(before, WR_MAIL_STATE);
        _exit(ok ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    tap_is_int(status, 0, "another master adopts the table");
    tap_ok(wr_slot_take_mail(before) & WR_MAIL_STATE, "the two reach each other");
    fds.table = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid = fork();
    if (pid == 0) {
        wr_log_set(NULL, NULL, WR_LOG_ALERT);
        _exit(wr_slots_adopt(&fds, before) ? 1 : 0);
    }
    waitpid(pid, &status, 0);
    tap_is_int(status, 0, "what is no table is refused");
    close(fds.table);
    wr_slot_bury(slot);
    wr_slot_free(slot);
}

int
main(void)
{
    tap_ok(wr_slots_create(40), "a table for 40");
    t = wr_slots_table();
    tap_ok(t != NULL && wr_slot_self() == wr_slots_master(), "this process is its master");
    tap_ok(wr_owner_alive(wr_owner_self()), "who lives");
    test_life();
    test_all_taken();
    test_start_ticks();
    test_mail_bits();
    test_no_lost_mail();
    test_packets();
    test_adopt();
    return tap_done();
}
