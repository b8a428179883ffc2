/*
 * Accepting from a socket that the master bound and all workers share.
 * Exclusive wake-ups; every WR_LISTENER_ROTATE accepts the listener is taken
 * out of epoll and put back, which moves this worker to the end of the
 * kernel's queue and keeps the load even (measured: without it one worker
 * gets nearly everything).  EMFILE: a reserve descriptor is given up to accept
 * and close one; the listener rests 100 ms (CORE-RULES 20).
 */
#ifndef WR_EVENT_LISTENER_H
#define WR_EVENT_LISTENER_H

#include "core/base/net.h"
#include "core/event/loop.h"

#define WR_LISTENER_ROTATE 16
#define WR_LISTENER_BATCH 16 /* accepts an event, at most */

struct wr_listener {
    struct wr_ev ev;
    struct wr_loop *loop;
    int fd;
    uint32_t accepted; /* since the last rotation */
    uint16_t batch;    /* accepts an event, by how long the queue has been */
    uint16_t streak;   /* turns in a row whose event found a full batch */
    uint64_t last_turn;
    bool paused;
    bool alone; /* no other process accepts: no rotation */
    uint64_t accepted_total;
    struct wr_timer rest;
    /* A new socket, non-blocking, close-on-exec; the callee owns fd. */
    void (*on_accept)(struct wr_listener *ln, int fd, const struct wr_addr *peer);
    void *arg;
    uint32_t index; /* of model->listens */
};

bool wr_listener_start(struct wr_listener *ln, struct wr_loop *l, int fd, bool alone);
/* Out of epoll; the descriptor stays open. */
void wr_listener_pause(struct wr_listener *ln);
void wr_listener_resume(struct wr_listener *ln);
/* Keeps one descriptor back for EMFILE; once per process. */
void wr_listener_reserve_fd(void);

#endif
