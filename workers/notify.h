/*
 * The service manager's protocol (sd_notify(3)) on NOTIFY_SOCKET; without it
 * nothing happens.
 */
#ifndef WR_WORKERS_NOTIFY_H
#define WR_WORKERS_NOTIFY_H

#include <sys/types.h>

#include "core/base/base.h"

/* READY=1 with a line of STATUS. */
void wr_notify_ready(const char *status);
/* RELOADING=1 with the time that Type=notify-reload wants. */
void wr_notify_reloading(void);
void wr_notify_stopping(void);
/* The main process is another one now: at an upgrade, and on the way back. */
void wr_notify_main_pid(pid_t pid);

#endif
