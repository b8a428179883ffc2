/*
 * Asking the master for what it alone does, and showing processes.
 */
#include "workers/core_commands.h"

#include <limits.h>

#include "config.h"
#include "core/base/clock.h"
#include "core/shm/slot.h"
#include "workers/channel.h"
#include "workers/commands.h"
#include "workers/state.h"
#include "workers/status.h"

static enum wr_command_verdict
core_commands_ask(struct wr_command_call *call, enum wr_ask what)
{
    struct wr_message m = {.type = WR_MSG_ASK, .value = what};

    if (!wr_channel_send(wr_slots_master(), &m, -1)) {
        return wr_command_fail(call, "the master does not take it now; try again");
    }
    wr_command_log(call, "was asked for");
    return WR_COMMAND_OK;
}

static int
core_commands_master(void)
{
    return (int)atomic_load(&wr_slot_at(wr_slots_table(), wr_slots_master())->pid);
}

/* The keeper does not live to see the new generation serve: the client is told where the verdict will stand.
 * Whatever number was given out by now is not the one that is asked for. */
static enum wr_command_verdict
core_commands_reload(struct wr_command_call *call)
{
    struct wr_str pid = call->model->weir.pid;
    unsigned long long before = atomic_load(&wr_slots_table()->generation);
    char state[PATH_MAX];

    if (!wr_state_path(state, sizeof(state), pid.n > 0 ? pid : WR_STR(WR_STATE_PID))) {
        return wr_command_fail(call, "the path of the state file is too long");
    }
    enum wr_command_verdict v = core_commands_ask(call, WR_ASK_RELOAD);
    if (v == WR_COMMAND_OK) {
        wr_reply_printf(call->reply, "before %llu\nmaster %d\nstate %s\n", before, core_commands_master(),
                        state);
    }
    return v;
}

static enum wr_command_verdict
core_commands_reopen(struct wr_command_call *call)
{
    return core_commands_ask(call, WR_ASK_REOPEN);
}

static enum wr_command_verdict
core_commands_version(struct wr_command_call *call)
{
    if (call->json) {
        wr_reply_open(call->reply, NULL, '{');
        wr_reply_put_str(call->reply, "version", WR_STR(WR_VERSION));
        wr_reply_close(call->reply, '}');
        wr_reply_printf(call->reply, "\n");
    } else {
        wr_reply_printf(call->reply, "weir " WR_VERSION "\n");
    }
    return WR_COMMAND_OK;
}

static enum wr_command_verdict
core_commands_help(struct wr_command_call *call)
{
    wr_commands_print(call->reply);
    return WR_COMMAND_OK;
}

const struct wr_command wr_core_commands[] = {
    {.name = "status",
     .grammar = "status [--json]",
     .help = "weir as a whole: its processes, and how many servers are up",
     .json = true,
     .run = wr_status_show},
    {.name = "generations",
     .grammar = "generations [--json]",
     .help = "the configurations that still have processes, and what these have left",
     .json = true,
     .run = wr_status_generations},
    {.name = "reload",
     .grammar = "reload",
     .help = "put a changed configuration into effect, and wait until it is",
     .changes = true,
     .run = core_commands_reload},
    {.name = "reopen",
     .grammar = "reopen",
     .help = "open all log files anew",
     .changes = true,
     .run = core_commands_reopen},
    {.name = "version",
     .grammar = "version [--json]",
     .help = "the version that runs",
     .json = true,
     .run = core_commands_version},
    {.name = "help", .grammar = "help", .help = "this list", .run = core_commands_help},
    {.name = NULL},
};
