/*
 * Commands of weirctl(8).  A row is a command; rows come from workers/, from
 * core/upstream and from modules.  The keeper runs them on its loop: they read
 * shared memory and the configuration, change words that are made to be
 * changed, and never wait.
 */
#ifndef WR_HTTP_COMMAND_H
#define WR_HTTP_COMMAND_H

#include <sys/types.h>

#include "core/conf/model.h"
#include "core/http/reply.h"

#define WR_COMMAND_WORDS 16
#define WR_COMMAND_WHY_BYTES 512

enum wr_command_verdict {
    WR_COMMAND_OK,
    WR_COMMAND_FAILED, /* `why` says what stood against it */
    WR_COMMAND_WRONG,  /* it was called in a wrong way: the grammar follows `why`, which may be empty */
};

/* One call.  The words are a client's: printable bytes, but anything else may be wrong with them. */
struct wr_command_call {
    const struct wr_command *command;
    const struct wr_str *args; /* behind the name, --json taken out */
    size_t args_n;
    bool json;
    struct wr_reply *reply;
    char why[WR_COMMAND_WHY_BYTES]; /* one line */
    const struct wr_model *model;   /* of the keeper's generation */
    uint64_t generation;
    void *keeper; /* what the module's keeper_start returned; NULL: the command is no module's */
    uid_t uid;    /* who asks */
    pid_t pid;
    bool logged; /* what was changed */
};

struct wr_command {
    const char *name;
    const char *grammar; /* of the whole line: "weight UPSTREAM/SERVER N" */
    const char *help;    /* one line */
    bool changes;        /* else it only reads */
    bool json;           /* knows --json, which `grammar` need not say */
    unsigned args_least;
    unsigned args_most;
    enum wr_command_verdict (*run)(struct wr_command_call *call);
};

/* Sets `why`, of our own words and what passed wr_escape; returns WR_COMMAND_FAILED. */
enum wr_command_verdict wr_command_fail(struct wr_command_call *call, const char *fmt, ...) WR_PRINTF(2, 3);
/* The same for WR_COMMAND_WRONG. */
enum wr_command_verdict wr_command_wrong(struct wr_command_call *call, const char *fmt, ...) WR_PRINTF(2, 3);

/* What the command has changed, in a notice that says who wanted it.  A command that `changes` and says nothing
 * is logged by its name alone. */
void wr_command_log(struct wr_command_call *call, const char *fmt, ...) WR_PRINTF(2, 3);

#endif
