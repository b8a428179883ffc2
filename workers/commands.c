/*
 * Commands: finding the row, counting the words.  The line is a client's and
 * may hold anything.
 */
#include "workers/commands.h"

#include <stdio.h>

#include "core/base/fmt.h"
#include "core/base/log.h"
#include "core/conf/suggest.h"
#include "core/module.h"
#include "core/upstream/upstream_commands.h"
#include "workers/core_commands.h"

/* Calls fn with each row until it says true; *module: whose row it was, -1: no module's. */
static const struct wr_command *
commands_until(bool (*fn)(void *arg, const struct wr_command *cmd), void *arg, int *module)
{
    const struct wr_command *const own[] = {wr_core_commands, wr_upstream_commands};
    int n = (int)wr_modules_n;

    for (int i = -(int)WR_ARRAY_LEN(own); i < n; i++) {
        const struct wr_command *cmd = i < 0 ? own[i + (int)WR_ARRAY_LEN(own)] : wr_modules[i]->commands;
        for (; cmd != NULL && cmd->name != NULL; cmd++) {
            if (fn(arg, cmd)) {
                *module = WR_MAX(i, -1);
                return cmd;
            }
        }
    }
    return NULL;
}

static bool
commands_print_one(void *arg, const struct wr_command *cmd)
{
    wr_reply_printf(arg, "%s\t%s\n", cmd->grammar, cmd->help);
    return false;
}

void
wr_commands_print(struct wr_reply *a)
{
    size_t from = a->n;
    int module;

    commands_until(commands_print_one, a, &module);
    wr_reply_columns(a, from);
}

static bool
commands_is(void *arg, const struct wr_command *cmd)
{
    return wr_str_eq(*(const struct wr_str *)arg, wr_str_of(cmd->name));
}

static bool
commands_offer(void *arg, const struct wr_command *cmd)
{
    wr_suggest_offer(arg, wr_str_of(cmd->name), 0);
    return false;
}

/* ---- a line ---- */

struct commands_line {
    struct wr_str word[WR_COMMAND_WORDS]; /* the first one is the command */
    size_t n;
    bool json;
};

/* Why the line is none; NULL: it is one. */
static const char *
commands_split(struct wr_str line, struct commands_line *l)
{
    struct wr_str word;

    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return "the line has a control byte";
        }
    }
    while (wr_str_word(&line, &word)) {
        if (wr_str_eq(word, WR_STR("--json"))) {
            l->json = true;
        } else if (l->n == WR_COMMAND_WORDS) {
            return "the line has too many words";
        } else {
            l->word[l->n++] = word;
        }
    }
    return l->n == 0 ? "the line has no command" : NULL;
}

static enum wr_command_verdict
commands_unknown(struct wr_command_call *call, struct wr_str name)
{
    char safe[WR_COMMAND_WHY_BYTES / 2];
    struct wr_suggest near;
    struct wr_pool pool;
    int module;

    wr_pool_init(&pool);
    wr_suggest_init(&near, name);
    commands_until(commands_offer, &near, &module);
    size_t n = wr_escape(safe, sizeof(safe), name, WR_ESCAPE_LOG);
    wr_command_wrong(call, "there is no command \"%.*s\"%s", (int)n, safe, wr_suggest_text(&near, &pool));
    wr_pool_reset(&pool);
    return WR_COMMAND_WRONG;
}

static enum wr_command_verdict
commands_do(struct wr_command_call *call, struct wr_str line, void *const *module_keeper)
{
    struct commands_line l = {.n = 0};
    const char *why = commands_split(line, &l);
    int module;

    if (why != NULL) {
        return wr_command_wrong(call, "%s", why);
    }
    call->command = commands_until(commands_is, &l.word[0], &module);
    if (call->command == NULL) {
        return commands_unknown(call, l.word[0]);
    }
    call->args = l.word + 1;
    call->args_n = l.n - 1;
    call->json = l.json;
    call->keeper = module >= 0 ? module_keeper[module] : NULL;
    if (call->json && !call->command->json) {
        return wr_command_wrong(call, "%s knows no --json", call->command->name);
    }
    if (call->args_n < call->command->args_least || call->args_n > call->command->args_most) {
        return wr_command_wrong(call, "%s",
                                call->args_n < call->command->args_least ? "a word is missing"
                                                                         : "there is a word too many");
    }
    enum wr_command_verdict v = call->command->run(call);
    if (v == WR_COMMAND_OK && call->command->changes && !call->logged) {
        wr_command_log(call, "was done");
    }
    return v;
}

void
wr_commands_run(struct wr_command_call *call, struct wr_str line, void *const *module_keeper,
                char head[WR_COMMAND_HEAD_BYTES])
{
    enum wr_command_verdict v = commands_do(call, line, module_keeper);

    if (call->reply->full) {
        v = wr_command_fail(call, "the answer is longer than %u bytes", WR_REPLY_BYTES);
    }
    if (v == WR_COMMAND_OK) {
        snprintf(head, WR_COMMAND_HEAD_BYTES, "ok\n");
        return;
    }
    wr_reply_fini(call->reply);
    snprintf(head, WR_COMMAND_HEAD_BYTES, "%s %s\n", v == WR_COMMAND_WRONG ? "wrong" : "error", call->why);
    if (v == WR_COMMAND_WRONG && call->command != NULL) {
        wr_reply_printf(call->reply, "usage: weirctl %s\n    %s\n", call->command->grammar,
                        call->command->help);
    } else if (v == WR_COMMAND_WRONG) {
        wr_commands_print(call->reply);
    }
}
