/*
 * What commands of all owners need.
 */
#include "core/http/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/log.h"

enum wr_command_verdict
wr_command_fail(struct wr_command_call *call, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(call->why, sizeof(call->why), fmt, ap);
    va_end(ap);
    return WR_COMMAND_FAILED;
}

enum wr_command_verdict
wr_command_wrong(struct wr_command_call *call, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(call->why, sizeof(call->why), fmt, ap);
    va_end(ap);
    return WR_COMMAND_WRONG;
}

void
wr_command_log(struct wr_command_call *call, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    wr_log(WR_LOG_NOTICE, "weirctl %s %s by uid=%u pid=%d", call->command->name, text, (unsigned)call->uid,
           (int)call->pid);
    call->logged = true;
}
