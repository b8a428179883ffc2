/*
 * What all processes know together about the servers of upstreams: the zone
 * "upstreams".  It is kept over reloads and upgrades; rows are found by name,
 * so a server keeps its state as long as its upstream and its name stay.
 *
 * Invariants.
 * - A row is given out by the master while it makes a cycle, or by the keeper
 *   for a server that it found (both under `lock`).  A row in use is not given
 *   to another name while a generation that claimed it lives.
 * - A word indexed by slot is written by the process of that slot alone, and
 *   by the master when that process has died (CORE-RULES 23): what was in
 *   flight or waited is zeroed, what was counted is folded into the row.
 * - `blocked`, `weight` and what explains them change under `lock`, each change
 *   followed by one of the group's `version`; whoever picks compares that first.
 * - All other words are single stores, atomic additions or compare-and-swap; a
 *   process killed between any two of them leaves a row that is valid.
 * All zero bytes are an empty zone.
 */
#ifndef WR_UPSTREAM_SHARE_H
#define WR_UPSTREAM_SHARE_H

#include <stdatomic.h>

#include "core/base/str.h"
#include "core/shm/lock.h"
#include "core/shm/slot.h"

#define WR_SHARE_GROUPS 2048
#define WR_SHARE_SERVERS 16384
#define WR_SHARE_NAME_BYTES 160
#define WR_SHARE_NONE UINT32_MAX

/* Why a server gets no (or no new) requests; bits of `blocked`. */
#define WR_BLOCK_HEALTH 0x01u  /* active checks say that it is down */
#define WR_BLOCK_EJECTED 0x02u /* too many errors (passive); a trial brings it back */
#define WR_BLOCK_DRAIN 0x04u   /* by hand: sticky clients only */
#define WR_BLOCK_DOWN 0x08u    /* by hand: nobody */
#define WR_BLOCK_GONE 0x10u    /* its source does not name it any more */

/* Why a row changed last. */
enum wr_share_why {
    WR_SHARE_NEW,    /* since it is known */
    WR_SHARE_CHECKS, /* active checks */
    WR_SHARE_ERRORS, /* failed requests */
    WR_SHARE_TRIAL,  /* the request that tried an ejected one */
    WR_SHARE_HAND,   /* weirctl */
    WR_SHARE_SOURCE, /* DNS, or the file that it stands in */
};

struct wr_share_server {
    _Atomic uint64_t key;     /* of the name; 0: the row is free */
    uint64_t last_generation; /* the newest that has claimed it */
    uint32_t group;
    bool found;                     /* at run time, by the keeper */
    char name[WR_SHARE_NAME_BYTES]; /* "UPSTREAM/SERVER", ends with NUL; a longer one ends in its hash */

    _Atomic uint32_t blocked;       /* WR_BLOCK_* */
    _Atomic uint32_t why;           /* enum wr_share_why */
    _Atomic uint64_t changed_ms;    /* CLOCK_MONOTONIC; when blocked or weight changed */
    _Atomic uint32_t weight;        /* by hand; 0: as configured */
    _Atomic uint32_t checks_row;    /* checks in a row, good or bad, that contradict the state */
    _Atomic uint32_t checked;       /* a check has decided since the row is in use */
    _Atomic uint32_t ejections;     /* in a row: each lasts longer than the one before */
    _Atomic uint64_t ejected_to_ms; /* no trial before that */
    _Atomic uint64_t trial;         /* the owner whose request decides; 0: nobody */
    _Atomic uint64_t slow_from_ms;  /* a slow start began; 0: none */
    _Atomic uint64_t window_ms;     /* when errors and goods began to be counted */

    /* what each request touches, in one line with the first slots */
    _Atomic uint64_t ewma_us __attribute__((aligned(64))); /* time to the response head; 0: none was seen */
    _Atomic uint64_t ewma_ms;                              /* when it was touched last */
    _Atomic uint64_t requests;                             /* attempts that ended */
    _Atomic uint32_t errors;                               /* since window_ms */
    _Atomic uint32_t goods;      /* since window_ms, counted once there was an error */
    _Atomic uint32_t errors_row; /* since the last success */
    _Atomic uint32_t inflight[WR_SLOTS_CHILDREN];
    _Atomic uint64_t failures;
};

struct wr_share_group {
    _Atomic uint64_t key;
    uint64_t last_generation;
    char name[WR_SHARE_NAME_BYTES];
    _Atomic uint32_t version;       /* goes up with each change of a server's `blocked`, weight or row */
    _Atomic uint32_t hold_us;       /* how long a server is busy with a request, averaged */
    _Atomic int64_t retry_tokens;   /* thousandths of a retry */
    _Atomic uint64_t retry_fill_ms; /* when tokens were added last */
    _Atomic uint64_t retry_seen;    /* requests begun by then */
    _Atomic uint64_t begun_retired; /* of slots that are gone */
    _Atomic uint64_t retries;       /* granted */
    _Atomic uint64_t turn __attribute__((aligned(64)));                     /* of round_robin */
    _Atomic uint64_t begun[WR_SLOTS_CHILDREN] __attribute__((aligned(64))); /* requests */
    _Atomic uint64_t oldest_ms[WR_SLOTS_CHILDREN]; /* since when a slot's first request waits; 0: none does */
    _Atomic uint32_t queued[WR_SLOTS_CHILDREN];    /* requests that wait in a slot */
};

struct wr_share {
    struct wr_lock lock;
    _Atomic uint32_t servers_n; /* rows ever used */
    _Atomic uint32_t groups_n;
    uint64_t secret[2]; /* of sticky cookies; made with the zone */
    struct wr_share_group groups[WR_SHARE_GROUPS];
    struct wr_share_server servers[WR_SHARE_SERVERS];
};

struct wr_model;
struct wr_upstream;

/* Master, while a cycle is made: claims the zone, and rows for all of the model's upstreams and servers, and
 * writes their places into the model (wr_upstream.share, wr_upstream_server.share).  Rows that the keeper
 * found stay with their upstream.  Upstreams made for a target may be left out when there is no room: that
 * is told in a notice and they stay private to each process (WR_SHARE_NONE).
 * *left_out: the first [upstream] for which there was no room, NULL if all have theirs.  False: there is no
 * zone (logged). */
bool wr_share_claim(struct wr_model *m, uint64_t generation, const struct wr_upstream **left_out);
/* Master: frees rows that no generation from `oldest` on has claimed. */
void wr_share_sweep(uint64_t oldest);
/* The zone in this process, NULL if there is none. */
struct wr_share *wr_share_own(void);

/* How many rows of servers there are to look at, free ones among them. */
static inline uint32_t
wr_share_servers_n(const struct wr_share *sh)
{
    return WR_MIN(atomic_load(&sh->servers_n), (uint32_t)WR_SHARE_SERVERS);
}
/* A row by its place, range-checked; NULL for WR_SHARE_NONE and nonsense. */
struct wr_share_server *wr_share_server_at(struct wr_share *sh, uint32_t index);
struct wr_share_group *wr_share_group_at(struct wr_share *sh, uint32_t index);
/* The name of a row: "UPSTREAM/SERVER". */
struct wr_str wr_share_name(const struct wr_share_server *s);
/* The part of it behind the slash is `server` (long ones are compared by their hash). */
bool wr_share_is(const struct wr_share_server *s, struct wr_str upstream, struct wr_str server);

/* Keeper: the row of a server that was found at run time, made if there is none (slow start, when others of
 * the group serve already).  WR_SHARE_NONE when there is no room. */
uint32_t wr_share_find(struct wr_share *sh, uint32_t group, struct wr_str upstream, struct wr_str server,
                       uint64_t generation);
/* Keeper: frees a row that is GONE and that nobody has requests on; false: not yet. */
bool wr_share_forget(struct wr_share *sh, uint32_t index);

/*
 * Changes `blocked` under the lock: clears, then sets bits.  When the last bit
 * that kept everybody away goes, a slow start begins.  False when nothing changed.
 */
bool wr_share_block(struct wr_share *sh, struct wr_share_server *s, uint32_t set, uint32_t clear,
                    enum wr_share_why why);
/* Weight by hand; 0: as configured. */
void wr_share_weigh(struct wr_share *sh, struct wr_share_server *s, uint32_t weight);
/* Out for out_ms, longer each time in a row (10 times at most), unless that would leave more than
 * most_percent of the group's `n` servers out.  again: a trial has failed.  False: not ejected. */
bool wr_share_eject(struct wr_share *sh, struct wr_share_server *s, uint32_t n, uint32_t most_percent,
                    uint64_t out_ms, bool again);

/* The cells of all processes together. */
static inline uint32_t
wr_share_sum(const _Atomic uint32_t cells[WR_SLOTS_CHILDREN])
{
    uint32_t n = wr_slots_claimed(wr_slots_table()), sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += atomic_load_explicit(&cells[i], memory_order_relaxed);
    }
    return sum;
}
/* Requests in flight in all processes. */
static inline uint32_t
wr_share_load(const struct wr_share_server *s)
{
    return wr_share_sum(s->inflight);
}
/* Requests that wait in all processes. */
static inline uint32_t
wr_share_queued(const struct wr_share_group *g)
{
    return wr_share_sum(g->queued);
}
/* The slot whose first request waits longest, -1: nobody waits. */
int wr_share_oldest(const struct wr_share_group *g);

#endif
