/*
 * The timer wheel: four levels of slots, each a list; level 0 one tick a slot,
 * the others 256, 16,384 and 1,048,576 ticks.  A slot of a higher level is
 * dealt out downwards when its first tick comes, so a timer is moved at most
 * three times whatever its distance.  Bit maps say which slots are in use:
 * neither sleeping nor catching up looks at empty ones.
 *
 * It knows no clock: whoever runs it says what time it is.
 */
#include "core/event/timer.h"

#define TIMER_L0_BITS 8
#define TIMER_LN_BITS 6
#define TIMER_L0_SLOTS (1U << TIMER_L0_BITS)
#define TIMER_LN_SLOTS (1U << TIMER_LN_BITS)
#define TIMER_LEVELS 4
/* Ticks that the wheel spans; what is due later waits in its last slot and is put back from there. */
#define TIMER_SPAN (1ULL << (TIMER_L0_BITS + 3 * TIMER_LN_BITS))
/* After so long a pause all timers are dealt out anew instead of walking from slot to slot. */
#define TIMER_JUMP_TICKS 65536

/* Ticks in one slot of the level, as a shift. */
static unsigned
timer_shift(unsigned level)
{
    return level == 0 ? 0 : TIMER_L0_BITS + (level - 1) * TIMER_LN_BITS;
}

static struct wr_link *
timer_level(struct wr_wheel *w, unsigned level)
{
    switch (level) {
    case 1:
        return w->level1;
    case 2:
        return w->level2;
    case 3:
        return w->level3;
    default:
        return w->level0;
    }
}

void
wr_wheel_init(struct wr_wheel *w, uint64_t now_ms)
{
    w->tick = now_ms / WR_TIMER_TICK_MS;
    w->count = 0;
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        struct wr_link *slots = timer_level(w, level);
        for (unsigned i = 0; i < (level == 0 ? TIMER_L0_SLOTS : TIMER_LN_SLOTS); i++) {
            wr_list_init(&slots[i]);
        }
    }
    for (unsigned i = 0; i < WR_ARRAY_LEN(w->busy0); i++) {
        w->busy0[i] = 0;
    }
    for (unsigned i = 0; i < WR_ARRAY_LEN(w->busy); i++) {
        w->busy[i] = 0;
    }
}

void
wr_timer_init(struct wr_timer *t, void (*fn)(struct wr_timer *))
{
    wr_list_init(&t->link);
    t->due_ms = WR_TIMER_NEVER;
    t->at_tick = 0;
    t->fn = fn;
}

/* The first tick at which due_ms has passed. */
static uint64_t
timer_tick_of(uint64_t due_ms)
{
    return due_ms / WR_TIMER_TICK_MS + (due_ms % WR_TIMER_TICK_MS != 0);
}

static void
timer_insert(struct wr_wheel *w, struct wr_timer *t)
{
    uint64_t at = WR_MAX(timer_tick_of(t->due_ms), w->tick);
    uint64_t away = at - w->tick;
    unsigned level = 1;

    if (away < TIMER_L0_SLOTS) {
        unsigned i = at % TIMER_L0_SLOTS;
        t->at_tick = at;
        w->busy0[i / 64] |= 1ULL << (i % 64);
        wr_list_add_tail(&w->level0[i], &t->link);
        return;
    }
    if (away >= TIMER_SPAN) {
        at = w->tick + TIMER_SPAN - 1;
        level = 3;
    } else {
        while (away >> timer_shift(level + 1) != 0) {
            level++;
        }
    }
    unsigned i = (at >> timer_shift(level)) % TIMER_LN_SLOTS;
    t->at_tick = at;
    w->busy[level - 1] |= 1ULL << i;
    wr_list_add_tail(&timer_level(w, level)[i], &t->link);
}

/* The slot that `l` is the head of, if it is one of the level's; -1 otherwise. */
static int
timer_slot_of(const struct wr_link *slots, size_t n, const struct wr_link *l)
{
    uintptr_t at = (uintptr_t)l - (uintptr_t)slots;

    return at < n * sizeof(*slots) ? (int)(at / sizeof(*slots)) : -1;
}

/* Out of its list, wherever that is; a slot that is empty now is marked so. */
static void
timer_unlink(struct wr_wheel *w, struct wr_timer *t)
{
    struct wr_link *head = t->link.prev;

    wr_list_del(&t->link);
    if (!wr_list_empty(head)) {
        return;
    }
    int i = timer_slot_of(w->level0, TIMER_L0_SLOTS, head);
    if (i >= 0) {
        w->busy0[i / 64] &= ~(1ULL << (i % 64));
        return;
    }
    for (unsigned level = 1; level < TIMER_LEVELS; level++) {
        i = timer_slot_of(timer_level(w, level), TIMER_LN_SLOTS, head);
        if (i >= 0) {
            w->busy[level - 1] &= ~(1ULL << i);
            return;
        }
    }
}

void
wr_timer_stop(struct wr_wheel *w, struct wr_timer *t)
{
    t->due_ms = WR_TIMER_NEVER;
    if (wr_link_used(&t->link)) {
        timer_unlink(w, t);
        w->count--;
    }
}

void
wr_timer_set(struct wr_wheel *w, struct wr_timer *t, uint64_t due_ms)
{
    if (due_ms == WR_TIMER_NEVER) {
        wr_timer_stop(w, t);
        return;
    }
    t->due_ms = due_ms;
    if (wr_link_used(&t->link)) {
        /* The usual case: later than it stands.  The wheel looks again when it gets there. */
        if (timer_tick_of(due_ms) >= t->at_tick) {
            return;
        }
        timer_unlink(w, t);
    } else {
        w->count++;
    }
    timer_insert(w, t);
}

/* Puts the timers of a list where they belong by now. */
static void
timer_deal(struct wr_wheel *w, struct wr_link *from)
{
    while (!wr_list_empty(from)) {
        struct wr_timer *t = wr_list_first(from, struct wr_timer, link);
        wr_list_del(&t->link);
        timer_insert(w, t);
    }
}

/* The slots of higher levels whose first tick is w->tick. */
static void
timer_cascade(struct wr_wheel *w)
{
    for (unsigned level = 1; level < TIMER_LEVELS; level++) {
        uint64_t ticks = 1ULL << timer_shift(level);
        if (w->tick % ticks != 0) {
            return;
        }
        unsigned i = (w->tick >> timer_shift(level)) % TIMER_LN_SLOTS;
        if (w->busy[level - 1] & (1ULL << i)) {
            struct wr_link list;
            wr_list_init(&list);
            wr_list_join(&list, &timer_level(w, level)[i]);
            w->busy[level - 1] &= ~(1ULL << i);
            timer_deal(w, &list);
        }
    }
}

/* Ticks from `from` to the first slot of level 0 in use, going round once; -1: none is. */
static int
timer_next0(const struct wr_wheel *w, uint64_t from)
{
    unsigned first = from % TIMER_L0_SLOTS;

    for (unsigned k = 0; k <= 4; k++) {
        unsigned word = (first / 64 + k) % 4;
        uint64_t bits = w->busy0[word];
        if (k == 0) {
            bits &= ~0ULL << (first % 64);
        } else if (k == 4) {
            bits &= ~(~0ULL << (first % 64));
        }
        if (bits != 0) {
            unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);
            return (int)((slot - first) % TIMER_L0_SLOTS);
        }
    }
    return -1;
}

/* The first tick from w->tick on at which the wheel has something to do; count > 0. */
static uint64_t
timer_next_tick(const struct wr_wheel *w)
{
    int away = timer_next0(w, w->tick);
    uint64_t best = away >= 0 ? w->tick + (uint64_t)away : UINT64_MAX;

    for (unsigned level = 1; level < TIMER_LEVELS; level++) {
        if (w->busy[level - 1] == 0) {
            continue;
        }
        unsigned shift = timer_shift(level);
        uint64_t slot = (w->tick + (1ULL << shift) - 1) >> shift; /* the first not dealt out yet */
        unsigned first = slot % TIMER_LN_SLOTS;
        uint64_t bits = w->busy[level - 1];
        bits = first == 0 ? bits : bits >> first | bits << (64 - first);
        uint64_t tick = (slot + (unsigned)__builtin_ctzll(bits)) << shift;
        best = WR_MIN(best, tick);
    }
    return best;
}

int
wr_wheel_wait_ms(const struct wr_wheel *w, uint64_t now_ms, int most)
{
    if (w->count == 0) {
        return -1;
    }
    uint64_t at_ms = timer_next_tick(w) * WR_TIMER_TICK_MS;
    if (at_ms <= now_ms) {
        return 0;
    }
    return (int)WR_MIN(at_ms - now_ms, (uint64_t)most);
}

/* Collects what stands in slots up to and with `last`, from one that is in use to the next. */
static void
timer_walk(struct wr_wheel *w, uint64_t last, struct wr_link *due)
{
    while (w->count > 0) {
        uint64_t tick = timer_next_tick(w);
        if (tick > last) {
            break;
        }
        w->tick = tick;
        timer_cascade(w);
        unsigned i = tick % TIMER_L0_SLOTS;
        wr_list_join(due, &w->level0[i]);
        w->busy0[i / 64] &= ~(1ULL << (i % 64));
        w->tick = tick + 1;
    }
    w->tick = last + 1;
}

/* After a long pause: everything is taken out and looked at once. */
static void
timer_jump(struct wr_wheel *w, uint64_t last, struct wr_link *due)
{
    struct wr_link all;

    wr_list_init(&all);
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        for (unsigned i = 0; i < (level == 0 ? TIMER_L0_SLOTS : TIMER_LN_SLOTS); i++) {
            wr_list_join(&all, &timer_level(w, level)[i]);
        }
    }
    uint32_t count = w->count;
    wr_wheel_init(w, (last + 1) * WR_TIMER_TICK_MS);
    w->count = count;
    while (!wr_list_empty(&all)) {
        struct wr_timer *t = wr_list_first(&all, struct wr_timer, link);
        wr_list_del(&t->link);
        if (timer_tick_of(t->due_ms) <= last) {
            wr_list_add_tail(due, &t->link);
        } else {
            timer_insert(w, t);
        }
    }
}

void
wr_wheel_run(struct wr_wheel *w, uint64_t now_ms)
{
    uint64_t last = now_ms / WR_TIMER_TICK_MS;
    struct wr_link due;

    if (wr_likely(last < w->tick)) {
        return;
    }
    if (w->count == 0) {
        w->tick = last + 1;
        return;
    }
    /* All that is due leaves the wheel before the first is called: one that sets itself anew is not called
     * twice, and one that is stopped or moved by another's fn is found in this list. */
    wr_list_init(&due);
    if (last - w->tick < TIMER_JUMP_TICKS) {
        timer_walk(w, last, &due);
    } else {
        timer_jump(w, last, &due);
    }
    while (!wr_list_empty(&due)) {
        struct wr_timer *t = wr_list_first(&due, struct wr_timer, link);
        wr_list_del(&t->link);
        if (t->due_ms > now_ms) {
            timer_insert(w, t); /* was moved later while it stood here */
            continue;
        }
        w->count--;
        t->fn(t);
    }
}
