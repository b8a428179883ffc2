/*
 * What the slot table knows of the processes, for weirctl.
 */
#ifndef WR_WORKERS_STATUS_H
#define WR_WORKERS_STATUS_H

#include "core/http/command.h"

enum wr_command_verdict wr_status_show(struct wr_command_call *call);
enum wr_command_verdict wr_status_generations(struct wr_command_call *call);

#endif
