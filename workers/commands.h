/*
 * All commands of weirctl(8), and what becomes of a line that asks for one.
 */
#ifndef WR_WORKERS_COMMANDS_H
#define WR_WORKERS_COMMANDS_H

#include "core/http/command.h"

#define WR_COMMAND_LINE_BYTES 4096

/* A line for each command: its grammar and what it is for. */
void wr_commands_print(struct wr_reply *a);

/*
 * Runs the command that a client's line (without its end) asks for.  The caller
 * has set reply, model, generation, uid and pid.  The first line of what goes
 * to the client stands in `head` afterwards, with its end; the rest in
 * call->reply.
 */
#define WR_COMMAND_HEAD_BYTES (WR_COMMAND_WHY_BYTES + 16)
void wr_commands_run(struct wr_command_call *call, struct wr_str line, void *const *module_keeper,
                     char head[WR_COMMAND_HEAD_BYTES]);

#endif
