/*
 * The slot table: one slot a process (worker or keeper) of any generation.
 * Made by the master before the first fork in a sealed memfd, with one
 * eventfd and one pair of packet sockets a slot that every process inherits
 * (CORE-RULES 21).  Owners in all zones are {slot, epoch}, never pids.
 *
 * The last two slots are the masters': one runs, and at an upgrade the new
 * one takes the other, so that each has a mailbox of its own.
 *
 * Invariants: `epoch` changes only when a master reaps the slot; an owner
 * {slot, epoch} lives as long as the words are equal.  Every other word of a
 * slot has one writer, its process (before the fork and after its death: the
 * master), but for the mailbox bits, which anybody ORs.
 */
#ifndef WR_SHM_SLOT_H
#define WR_SHM_SLOT_H

#include <stdatomic.h>
#include <sys/types.h>

#include "core/base/base.h"

#define WR_SLOTS 256
#define WR_SLOT_NONE 255     /* never handed out: also the first master's */
#define WR_SLOT_MASTER_A 255 /* the two masters of an upgrade */
#define WR_SLOT_MASTER_B 254
#define WR_SLOTS_CHILDREN 254

enum wr_slot_state { WR_SLOT_FREE, WR_SLOT_STARTING, WR_SLOT_SERVING, WR_SLOT_DRAINING, WR_SLOT_DEAD };
enum wr_slot_kind { WR_SLOT_WORKER, WR_SLOT_KEEPER, WR_SLOT_SIGNER, WR_SLOT_MASTER };

/* Mailbox bits: what the sleeper shall look at. */
#define WR_MAIL_PUBLISHED 0x01u /* blobs have arrived */
#define WR_MAIL_DRAIN 0x02u     /* stop accepting, finish, exit */
#define WR_MAIL_STOP 0x04u      /* exit within drain */
#define WR_MAIL_LOGS 0x08u      /* keeper: rings have lines to drain; reopened files have come */
#define WR_MAIL_QUEUE 0x10u     /* upstream capacity has come free */
#define WR_MAIL_HANDOVER 0x20u  /* keeper: hand the lease over and exit */
#define WR_MAIL_STATE 0x40u     /* master: a slot's state has changed */
#define WR_MAIL_LINE 0x80u      /* an end of a line to or from the signer has come */
#define WR_MAIL_ALL 0x80000000u /* "look at everything" (a death): a bit of its own, it orders nothing */

/* The note that the master prints when the process dies (CORE-RULES 28). */
struct wr_slot_note {
    char request_id[33];
    char route[64];
    const char *_Atomic where; /* a constant text of this binary; printed by an equal binary only */
};

/* Counters of the process, one writer, summed by readers; folded into the retired row when the slot goes. */
enum wr_counter {
    WR_C_ACCEPTED,
    WR_C_CONNECTIONS, /* now */
    WR_C_REQUESTS,
    WR_C_REQUESTS_NOW,
    WR_C_FAILED,
    WR_C_UPSTREAM_CONNECTS,
    WR_C_UPSTREAM_REUSED,
    WR_C_SHED,
    WR_C_LOG_DROPPED,
    WR_C_NO_FIRST_BYTE, /* connections that ended before a byte */
    WR_C_COUNT = 32
};

struct wr_slot {
    _Atomic uint32_t epoch;
    _Atomic uint32_t state; /* enum wr_slot_state */
    _Atomic int32_t pid;
    uint32_t kind;
    uint64_t generation;
    uint64_t started_ms;  /* CLOCK_MONOTONIC */
    uint64_t start_ticks; /* of /proc/PID/stat: tells a process from a later one of the same pid */
    uint32_t master;      /* slot of the master that forked it */
    uint32_t index;       /* number of the worker within its generation */
    _Atomic uint32_t mail;
    _Atomic uint32_t sleeping;
    _Atomic uint64_t acked; /* every published version up to this one is in effect here, or was replaced */
    _Atomic uint64_t longest_turn_us;
    _Atomic uint64_t state_ms; /* CLOCK_MONOTONIC; when the process changed `state` last */
    struct wr_slot_note note;
    _Atomic uint64_t counters[WR_C_COUNT];
} __attribute__((aligned(64)));

struct wr_slots {
    _Atomic uint32_t claimed;    /* highest index of a child ever used + 1 */
    uint32_t usable;             /* children that descriptors were made for */
    _Atomic uint64_t keeper;     /* the keeper's lease: an owner, 0 when nobody has it */
    _Atomic uint64_t published;  /* last version given out by wr_publish */
    _Atomic uint64_t generation; /* last number given to a cycle, good or bad, by any master */
    _Atomic uint64_t retired[WR_C_COUNT];
    struct wr_slot slot[WR_SLOTS];
};

static inline void
wr_slot_count(struct wr_slot *s, enum wr_counter c, uint64_t n)
{
    atomic_store_explicit(&s->counters[c], atomic_load_explicit(&s->counters[c], memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* Children's slots from this one on have never been used: readers of cells by slot need not look there. */
static inline uint32_t
wr_slots_claimed(struct wr_slots *t)
{
    uint32_t n = atomic_load_explicit(&t->claimed, memory_order_relaxed);

    return WR_MIN(n, (uint32_t)WR_SLOTS_CHILDREN);
}

/* To wake: OR the bits, fence, write the eventfd only if the slot sleeps. */
void wr_slot_mail(unsigned slot, uint32_t bits);
/* The reader's side: publishes `sleeping` and re-checks; returns bits that came meanwhile (do not sleep). */
uint32_t wr_slot_going_to_sleep(unsigned slot);
void wr_slot_awake(unsigned slot);
/* Takes the bits and empties the eventfd. */
uint32_t wr_slot_take_mail(unsigned slot);
/* Mails every child that lives but `except` (WR_SLOT_NONE: nobody). */
void wr_slot_mail_all(uint32_t bits, unsigned except);

/*
 * An owner {slot, epoch} as one word, never 0; what zones and locks store.
 */
static inline uint64_t
wr_owner_make(unsigned slot, uint32_t epoch)
{
    return (uint64_t)epoch << 32 | (slot + 1);
}
static inline unsigned
wr_owner_slot(uint64_t owner)
{
    return (unsigned)(owner & 0xffffffffu) - 1; /* out of range for words that are no owner */
}
/* This process.  0 before wr_slot_enter. */
uint64_t wr_owner_self(void);
/* Whether that owner's process has not been declared dead.  0 and nonsense are dead. */
bool wr_owner_alive(uint64_t owner);

/* The slot of this process; WR_SLOT_NONE before wr_slot_enter. */
unsigned wr_slot_self(void);
struct wr_slots *wr_slots_table(void);
static inline struct wr_slot *
wr_slot_at(struct wr_slots *t, unsigned slot)
{
    wr_assert(slot < WR_SLOTS);
    return &t->slot[slot];
}

/*
 * Making and adopting the table: master only.
 */
/* What a new binary is given to adopt the table; descriptors are -1 beyond what is usable. */
struct wr_slots_fds {
    int table;
    int event[WR_SLOTS];
    int recv[WR_SLOTS]; /* the slot's own end */
    int send[WR_SLOTS]; /* the others' end */
};
/* Layout of the table; unequal tags share nothing. */
extern const char wr_slots_layout[];
/* A new table; this process becomes its first master.  `children` bounds the slots that get descriptors
 * (WR_SLOTS_CHILDREN at most).  False: logged. */
bool wr_slots_create(unsigned children);
/* Maps a table that was made by another binary; this process becomes the master beside or after
 * `other_master`.  The descriptors stay the caller's when it fails (logged). */
bool wr_slots_adopt(const struct wr_slots_fds *fds, unsigned other_master);
const struct wr_slots_fds *wr_slots_fds(void);
/* The slot of the master that this process is or was forked by. */
unsigned wr_slots_master(void);

/* Finds a free slot and makes it STARTING, mailbox and counters empty.  -1: none is free. */
int wr_slot_claim(enum wr_slot_kind kind, uint64_t generation, unsigned index);
/* Tells the slot who runs in it. */
void wr_slot_set_pid(unsigned slot, pid_t pid);
/* Start time of a process in clock ticks; 0 if there is none. */
uint64_t wr_slot_start_ticks(pid_t pid);
/* Declares the slot's process dead: the epoch goes on, counters are folded.  False when another master was
 * first.  The slot is DEAD until wr_slot_free: zones are reaped in between. */
bool wr_slot_bury(unsigned slot);
void wr_slot_free(unsigned slot);

/* In the child: this process is that slot.  Closes every other socket but the one towards its master. */
void wr_slot_enter(unsigned slot);
/* Descriptors that the child's loop watches. */
int wr_slot_event_fd(unsigned slot);
int wr_slot_recv_fd(unsigned slot);

/*
 * Packets between master and children, whole or not at all, never blocking.
 */
/* fd -1: none; the caller keeps its own.  False with errno (EAGAIN: full). */
bool wr_slot_send(unsigned slot, const void *data, size_t bytes, int fd);
/* The next packet of this process's socket: its length, 0 when there is none.  *fd is the caller's (or -1);
 * *from the sender's pid as the kernel says it.  Packets over `room` are dropped. */
size_t wr_slot_recv(unsigned slot, void *data, size_t room, int *fd, pid_t *from);

#endif
