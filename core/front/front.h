/*
 * Clients of this worker, whatever version they speak: accepting, counting,
 * shedding, draining.  The table of client protocols is in front_table.h.
 */
#ifndef WR_FRONT_FRONT_H
#define WR_FRONT_FRONT_H

#include "core/base/net.h"
#include "core/http/service.h"

void wr_front_worker_start(struct wr_service *sv);
void wr_front_worker_stop(struct wr_service *sv);

/* A socket from the listener of `ls`; owns fd (closes it when the worker is at its limit). */
void wr_front_accept(struct wr_service *sv, const struct wr_listen *ls, int fd, const struct wr_addr *peer);

/* Begins to drain: sv->draining is set, idle connections are answered once more with Connection: close or
 * ended when idle for the whole grace; requests in progress and tunnels by `drain` and `tunnel_drain`.
 * stop: `drain` bounds everything.  sv->on_empty is called when nobody is left (maybe at once, by a task). */
void wr_front_drain(struct wr_service *sv, bool stop);

/* Client connections now. */
uint32_t wr_front_count(const struct wr_service *sv);

#endif
