/*
 * weirctl's commands about weir itself.
 */
#ifndef WR_WORKERS_CORE_COMMANDS_H
#define WR_WORKERS_CORE_COMMANDS_H

#include "core/http/command.h"

extern const struct wr_command wr_core_commands[]; /* ends with name NULL */

#endif
