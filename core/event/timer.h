/*
 * Timers on a hierarchical wheel of 8 ms ticks.  One timer an object, set to
 * the earliest of its deadlines; moving it later only stores the new time
 * (the wheel looks again when the old one comes), so a busy connection
 * touches no list.
 */
#ifndef WR_EVENT_TIMER_H
#define WR_EVENT_TIMER_H

#include "core/base/list.h"

#define WR_TIMER_TICK_MS 8
#define WR_TIMER_NEVER UINT64_MAX

struct wr_timer {
    struct wr_link link;
    uint64_t due_ms;  /* when it shall fire (monotonic) */
    uint64_t at_tick; /* where it stands in the wheel */
    void (*fn)(struct wr_timer *t);
};

struct wr_wheel {
    uint64_t tick; /* all ticks before this one have been looked at */
    uint32_t count;
    uint64_t busy0[4]; /* which slots of level 0 have timers */
    uint64_t busy[3];  /* the same for levels 1 to 3 */
    struct wr_link level0[256];
    struct wr_link level1[64];
    struct wr_link level2[64];
    struct wr_link level3[64];
};

void wr_wheel_init(struct wr_wheel *w, uint64_t now_ms);
void wr_timer_init(struct wr_timer *t, void (*fn)(struct wr_timer *));
/* Fires at due_ms or up to a tick later; WR_TIMER_NEVER stops it. */
void wr_timer_set(struct wr_wheel *w, struct wr_timer *t, uint64_t due_ms);
void wr_timer_stop(struct wr_wheel *w, struct wr_timer *t);
/* Runs what is due; a timer is out of the wheel when its fn is called. */
void wr_wheel_run(struct wr_wheel *w, uint64_t now_ms);
/* Milliseconds until the wheel wants to be run, at most `most`; -1 when it is empty. */
int wr_wheel_wait_ms(const struct wr_wheel *w, uint64_t now_ms, int most);

#endif
