/*
 * weirctl's commands about upstreams.
 */
#ifndef WR_UPSTREAM_UPSTREAM_COMMANDS_H
#define WR_UPSTREAM_UPSTREAM_COMMANDS_H

#include "core/http/command.h"

extern const struct wr_command wr_upstream_commands[]; /* ends with name NULL */

/* For `status`: how many servers of each upstream are up. */
void wr_upstream_commands_brief(struct wr_command_call *call);

#endif
