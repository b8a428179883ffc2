/*
 * The slot table: wake-ups, who lives, and the descriptors between master and
 * children.  It knows no message and starts no process.
 */
#include "core/shm/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

/* A process has one table and is one slot. */
static struct {
    struct wr_slots *table;
    struct wr_slots_fds fds;
    unsigned master;
    unsigned self;
    uint64_t owner;
} slot_own = {.master = WR_SLOT_NONE, .self = WR_SLOT_NONE};

#define SLOT_STR2(x) #x
#define SLOT_STR(x) SLOT_STR2(x)
/* The sizes are checked beside it: slots.usable tells the rest. */
const char wr_slots_layout[] = "slots-2 slots=" SLOT_STR(WR_SLOTS) " counters=32 slot=448";
_Static_assert(sizeof(struct wr_slot) == 448, "another layout: change wr_slots_layout with it");
_Static_assert(WR_C_COUNT == 32, "another layout: change wr_slots_layout with it");

struct wr_slots *
wr_slots_table(void)
{
    return slot_own.table;
}

const struct wr_slots_fds *
wr_slots_fds(void)
{
    return &slot_own.fds;
}

unsigned
wr_slots_master(void)
{
    return slot_own.master;
}

unsigned
wr_slot_self(void)
{
    return slot_own.self;
}

uint64_t
wr_owner_self(void)
{
    return slot_own.owner;
}

bool
wr_owner_alive(uint64_t owner)
{
    unsigned slot = wr_owner_slot(owner);

    if (owner == 0 || slot >= WR_SLOTS) {
        return false;
    }
    return atomic_load(&slot_own.table->slot[slot].epoch) == (uint32_t)(owner >> 32);
}

/*
 * Mail.
 */

void
wr_slot_mail(unsigned slot, uint32_t bits)
{
    struct wr_slot *s = wr_slot_at(slot_own.table, slot);
    uint32_t before = atomic_fetch_or(&s->mail, bits);

    /* whoever set the bits before has written the eventfd, or died doing so, and then the master wakes all */
    if ((before & bits) == bits) {
        return;
    }
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&s->sleeping) && slot_own.fds.event[slot] >= 0) {
        uint64_t one = 1;
        /* full means that it is readable already */
        ssize_t written WR_UNUSED = write(slot_own.fds.event[slot], &one, sizeof(one));
    }
}

void
wr_slot_mail_all(uint32_t bits, unsigned except)
{
    unsigned n = atomic_load(&slot_own.table->claimed);

    for (unsigned i = 0; i < n && i < WR_SLOTS_CHILDREN; i++) {
        uint32_t state = atomic_load(&slot_own.table->slot[i].state);
        if (i != except && state != WR_SLOT_FREE && state != WR_SLOT_DEAD) {
            wr_slot_mail(i, bits);
        }
    }
}

uint32_t
wr_slot_going_to_sleep(unsigned slot)
{
    struct wr_slot *s = wr_slot_at(slot_own.table, slot);

    atomic_store(&s->sleeping, 1);
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&s->mail);
}

void
wr_slot_awake(unsigned slot)
{
    atomic_store_explicit(&wr_slot_at(slot_own.table, slot)->sleeping, 0, memory_order_relaxed);
}

uint32_t
wr_slot_take_mail(unsigned slot)
{
    uint64_t count;
    /* before the bits: a write that comes after this wakes again */
    ssize_t got WR_UNUSED = read(slot_own.fds.event[slot], &count, sizeof(count));

    return atomic_exchange(&wr_slot_at(slot_own.table, slot)->mail, 0);
}

/*
 * The table.
 */

static void
slot_close_fds(struct wr_slots_fds *fds)
{
    for (unsigned i = 0; i < WR_SLOTS; i++) {
        int *all[] = {&fds->event[i], &fds->recv[i], &fds->send[i]};
        for (size_t k = 0; k < WR_ARRAY_LEN(all); k++) {
            if (*all[k] >= 0) {
                close(*all[k]);
                *all[k] = -1;
            }
        }
    }
    if (fds->table >= 0) {
        close(fds->table);
        fds->table = -1;
    }
}

static void
slot_no_fds(struct wr_slots_fds *fds)
{
    fds->table = -1;
    for (unsigned i = 0; i < WR_SLOTS; i++) {
        fds->event[i] = fds->recv[i] = fds->send[i] = -1;
    }
}

static bool
slot_make_fds(struct wr_slots_fds *fds, unsigned slot)
{
    int pair[2];
    int on = 1;

    fds->event[slot] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fds->event[slot] < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        return false;
    }
    fds->recv[slot] = pair[0];
    fds->send[slot] = pair[1];
    return setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0;
}

static bool
slot_make_table(int *fd)
{
    *fd = memfd_create("weir-slots", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return *fd >= 0 && ftruncate(*fd, (off_t)sizeof(struct wr_slots)) == 0 &&
        fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

static struct wr_slots *
slot_map(int fd)
{
    void *p = mmap(NULL, sizeof(struct wr_slots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* This process is the master in that slot. */
static void
slot_be_master(unsigned slot)
{
    struct wr_slot *s = &slot_own.table->slot[slot];

    slot_own.master = slot_own.self = slot;
    s->kind = WR_SLOT_MASTER;
    s->master = slot;
    s->started_ms = wr_clock_mono_us_now() / 1000;
    atomic_store(&s->mail, 0);
    atomic_store(&s->sleeping, 1); /* it is always in poll, or about to be */
    atomic_fetch_add(&s->epoch, 1);
    wr_slot_set_pid(slot, getpid());
    atomic_store(&s->state, WR_SLOT_SERVING);
    slot_own.owner = wr_owner_make(slot, atomic_load(&s->epoch));
}

bool
wr_slots_create(unsigned children)
{
    struct wr_slots_fds fds;

    slot_no_fds(&fds);
    bool ok = slot_make_table(&fds.table);
    struct wr_slots *table = ok ? slot_map(fds.table) : NULL;
    ok = table != NULL && slot_make_fds(&fds, WR_SLOT_MASTER_A) && slot_make_fds(&fds, WR_SLOT_MASTER_B);
    children = WR_MIN(children, (unsigned)WR_SLOTS_CHILDREN);
    for (unsigned i = 0; ok && i < children; i++) {
        ok = slot_make_fds(&fds, i);
    }
    if (!ok) {
        wr_log(WR_LOG_ERROR, "cannot make the slot table slots=%u: %s", children, strerror(errno));
        if (table != NULL) {
            munmap(table, sizeof(*table));
        }
        slot_close_fds(&fds);
        return false;
    }
    table->usable = children;
    for (unsigned i = 0; i < WR_SLOTS; i++) {
        atomic_store(&table->slot[i].epoch, 1);
    }
    slot_own.table = table;
    slot_own.fds = fds;
    slot_be_master(WR_SLOT_MASTER_A);
    return true;
}

bool
wr_slots_adopt(const struct wr_slots_fds *fds, unsigned other_master)
{
    struct stat st;
    struct wr_slots *table = NULL;
    int seals = fcntl(fds->table, F_GET_SEALS);

    if (fstat(fds->table, &st) == 0 && st.st_size == (off_t)sizeof(struct wr_slots) && seals >= 0 &&
        (seals & F_SEAL_SHRINK)) {
        table = slot_map(fds->table);
    }
    if (table == NULL || table->usable > WR_SLOTS_CHILDREN ||
        (other_master != WR_SLOT_MASTER_A && other_master != WR_SLOT_MASTER_B)) {
        wr_log(WR_LOG_WARN, "slot table of the old binary cannot be adopted; starting with an empty one");
        if (table != NULL) {
            munmap(table, sizeof(*table));
        }
        return false;
    }
    slot_own.table = table;
    slot_own.fds = *fds;
    slot_be_master(WR_SLOT_MASTER_A + WR_SLOT_MASTER_B - other_master);
    return true;
}

/*
 * Life and death.
 */

uint64_t
wr_slot_start_ticks(pid_t pid)
{
    char path[40], text[1024];
    unsigned long long ticks = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    /* the name may hold anything: fields are counted from behind it, the start time is the 20th */
    char *p = strrchr(text, ')');
    for (int field = 0; p != NULL && field < 20; field++) {
        p = strchr(p + 1, ' ');
    }
    return p != NULL && sscanf(p, "%llu", &ticks) == 1 ? ticks : 0;
}

static void
slot_clear(struct wr_slot *s)
{
    s->start_ticks = 0;
    atomic_store(&s->pid, 0);
    atomic_store(&s->mail, 0);
    atomic_store(&s->sleeping, 0);
    atomic_store(&s->acked, 0);
    atomic_store(&s->longest_turn_us, 0);
    memset(&s->note, 0, sizeof(s->note));
    for (unsigned c = 0; c < WR_C_COUNT; c++) {
        atomic_store_explicit(&s->counters[c], 0, memory_order_relaxed);
    }
}

int
wr_slot_claim(enum wr_slot_kind kind, uint64_t generation, unsigned index)
{
    struct wr_slots *t = slot_own.table;

    for (unsigned i = 0; i < t->usable && i < WR_SLOTS_CHILDREN; i++) {
        struct wr_slot *s = &t->slot[i];
        uint32_t expected = WR_SLOT_FREE;
        if (slot_own.fds.event[i] < 0 ||
            !atomic_compare_exchange_strong(&s->state, &expected, WR_SLOT_STARTING)) {
            continue;
        }
        slot_clear(s);
        s->kind = kind;
        s->generation = generation;
        s->index = index;
        s->master = slot_own.master;
        s->started_ms = wr_clock_mono_us_now() / 1000;
        atomic_store(&s->state_ms, s->started_ms);
        uint32_t claimed = atomic_load(&t->claimed);
        while (claimed < i + 1 && !atomic_compare_exchange_weak(&t->claimed, &claimed, i + 1)) {
        }
        return (int)i;
    }
    return -1;
}

void
wr_slot_set_pid(unsigned slot, pid_t pid)
{
    struct wr_slot *s = wr_slot_at(slot_own.table, slot);

    s->start_ticks = wr_slot_start_ticks(pid);
    atomic_store(&s->pid, pid);
}

static bool
slot_is_gauge(unsigned c)
{
    return c == WR_C_CONNECTIONS || c == WR_C_REQUESTS_NOW;
}

bool
wr_slot_bury(unsigned slot)
{
    struct wr_slot *s = wr_slot_at(slot_own.table, slot);
    uint32_t state = atomic_load(&s->state);

    if (state == WR_SLOT_FREE || state == WR_SLOT_DEAD ||
        !atomic_compare_exchange_strong(&s->state, &state, WR_SLOT_DEAD)) {
        return false;
    }
    atomic_fetch_add(&s->epoch, 1);
    for (unsigned c = 0; c < WR_C_COUNT; c++) {
        uint64_t n = atomic_exchange(&s->counters[c], 0);
        if (!slot_is_gauge(c)) {
            atomic_fetch_add(&slot_own.table->retired[c], n);
        }
    }
    return true;
}

void
wr_slot_free(unsigned slot)
{
    struct wr_slot *s = wr_slot_at(slot_own.table, slot);

    wr_assert(atomic_load(&s->state) == WR_SLOT_DEAD);
    atomic_store(&s->pid, 0);
    atomic_store(&s->state, WR_SLOT_FREE);
}

void
wr_slot_enter(unsigned slot)
{
    for (unsigned i = 0; i < WR_SLOTS; i++) {
        if (i != slot && slot_own.fds.recv[i] >= 0) {
            close(slot_own.fds.recv[i]);
            slot_own.fds.recv[i] = -1;
        }
        if (i != slot_own.master && slot_own.fds.send[i] >= 0) {
            close(slot_own.fds.send[i]);
            slot_own.fds.send[i] = -1;
        }
    }
    slot_own.self = slot;
    slot_own.owner = wr_owner_make(slot, atomic_load(&wr_slot_at(slot_own.table, slot)->epoch));
}

int
wr_slot_event_fd(unsigned slot)
{
    wr_assert(slot < WR_SLOTS);
    return slot_own.fds.event[slot];
}

int
wr_slot_recv_fd(unsigned slot)
{
    wr_assert(slot < WR_SLOTS);
    return slot_own.fds.recv[slot];
}

/*
 * Packets.
 */

bool
wr_slot_send(unsigned slot, const void *data, size_t bytes, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = (void *)data, .iov_len = bytes};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    wr_assert(slot < WR_SLOTS);
    if (fd >= 0) {
        memset(&control, 0, sizeof(control));
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control.room);
    }
    ssize_t n = sendmsg(slot_own.fds.send[slot], &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n == (ssize_t)bytes;
}

/* Takes what came beside the bytes: at most one descriptor, and who sent it. */
static void
slot_read_control(struct msghdr *msg, int *fd, pid_t *from)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
            struct ucred cred;
            memcpy(&cred, CMSG_DATA(c), sizeof(cred));
            *from = cred.pid;
        } else if (c->cmsg_type == SCM_RIGHTS) {
            size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t i = 0; i < n; i++) {
                int got;
                memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                if (*fd < 0) {
                    *fd = got;
                } else {
                    close(got);
                }
            }
        }
    }
}

size_t
wr_slot_recv(unsigned slot, void *data, size_t room, int *fd, pid_t *from)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(4 * sizeof(int))];
    } control;

    for (;;) {
        struct iovec iov = {.iov_base = data, .iov_len = room};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.room)};
        *fd = -1;
        *from = 0;
        ssize_t n = recvmsg(slot_own.fds.recv[slot], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return 0;
        }
        slot_read_control(&msg, fd, from);
        if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
            return (size_t)n;
        }
        if (*fd >= 0) {
            close(*fd);
        }
    }
}
