/* core/upstream/upstream_commands: servers that were found, that are private, and all that may be wrong at once. */
#include "core/upstream/upstream_commands.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/shm/zone.h"
#include "core/upstream/share.h"
#include "t/unit/conf_text.h"

#define COMMANDS_SITE                                                                                        \
    "[server *]\ntls = off\n/* = app\n/u/* = unix:/a/b\n/s/* = https://127.0.0.1\n"                          \
    "[upstream app]\nserver.one = 127.0.0.1:1\nserver.two = 127.0.0.1:2\nserver.more = dns:app.test:80\n"

static void
commands_hear(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)level;
    snprintf(arg, 512, "%.*s", (int)n, line);
}

static char commands_said[512];
static char *commands_text; /* of the last command */
static char commands_why[WR_COMMAND_WHY_BYTES];

static enum wr_command_verdict
commands_run(const char *name, const char *arg, const char *more, bool json)
{
    struct wr_str args[] = {wr_str_of(arg), wr_str_of(more)};
    struct wr_reply reply = {0};
    struct wr_command_call call = {
        .args = args, .json = json, .reply = &reply, .model = ct_conf.model, .uid = 7, .pid = 8};

    for (call.command = wr_upstream_commands; strcmp(call.command->name, name) != 0;) {
        call.command++;
    }
    enum wr_command_verdict v = call.command->run(&call);
    wr_reply_mem(&reply, "", 1);
    free(commands_text);
    commands_text = reply.p;
    memcpy(commands_why, call.why, sizeof(commands_why));
    return v;
}

static uint32_t
commands_find(const char *name)
{
    struct wr_share *sh = wr_share_own();

    for (uint32_t i = 0; i < WR_SHARE_SERVERS; i++) {
        if (strcmp(sh->servers[i].name, name) == 0) {
            return i;
        }
    }
    return WR_SHARE_NONE;
}

/* Whether the table has a row that begins so; one blank stands for any number. */
static bool
commands_row(const char *begins)
{
    for (const char *row = commands_text; row != NULL; row = strchr(row, '\n')) {
        const char *p = row += *row == '\n', *b = begins;
        while (*b != '\0' && *b == *p) {
            p += *b == ' ' ? strspn(p, " ") : 1;
            b++;
        }
        if (*b == '\0') {
            return true;
        }
    }
    return false;
}

static void
commands_test_found(void)
{
    struct wr_share *sh = wr_share_own();
    const struct wr_upstream *app = ct_conf.model->upstreams[0];

    wr_share_find(sh, app->share, app->name, WR_STR("10.0.0.1:80"), 1);
    wr_share_find(sh, app->share, app->name, WR_STR("10.0.0.2:80"), 1);
    commands_run("upstreams", NULL, NULL, false);
    tap_ok(commands_row("app 4/4 up"), "those found are counted");
    tap_ok(commands_row("app/10.0.0.1:80 up - 0 "), "and listed, with the weight that the source says");
    tap_is_int(commands_run("weight", "app/10.0.0.2:80", "6", false), WR_COMMAND_OK, "they can be changed");
    tap_is_str(commands_text, "app/10.0.0.2:80: up -> up, weight 6 (by hand)\n", "and that is told");
    tap_ok(strstr(commands_said, "notice") != NULL && strstr(commands_said, "by uid=7 pid=8") != NULL,
           "and logged");
    tap_is_int(commands_run("drain", "app/*", NULL, false), WR_COMMAND_OK, "all of an upstream");
    tap_is_int(atomic_load(&sh->servers[commands_find("app/10.0.0.1:80")].blocked), WR_BLOCK_DRAIN,
               "those found are among them");
    tap_is_int(atomic_load(&sh->servers[commands_find("unix:/a/b/unix:/a/b")].blocked), 0,
               "those of others are not");
    tap_is_int(commands_run("down", "unix:/a/b/unix:/a/b", NULL, false), WR_COMMAND_OK,
               "names may have slashes");
    commands_run("ready", "app/*", NULL, false);
}

static void
commands_test_states(void)
{
    struct wr_share *sh = wr_share_own();
    struct wr_share_server *one = &sh->servers[commands_find("app/one")];

    wr_share_block(sh, one, WR_BLOCK_HEALTH | WR_BLOCK_EJECTED | WR_BLOCK_GONE, 0, WR_SHARE_CHECKS);
    commands_run("drain", "app/one", NULL, false);
    tap_is_str(commands_text,
               "app/one: down (checks), ejected, gone -> draining (by hand), down (checks), ejected, gone\n",
               "several states at once");
    commands_run("ready", "app/one", NULL, false);
    tap_is_str(commands_text,
               "app/one: draining (by hand), down (checks), ejected, gone -> down (checks), gone\n",
               "ready leaves what is not its to change");
    commands_run("upstreams", NULL, NULL, true);
    tap_ok(strstr(commands_text, "\"name\":\"one\",\"address\":\"127.0.0.1:1\"") != NULL &&
               strstr(commands_text,
                      "\"state\":\"down (checks), gone\",\"up\":false,\"checks_down\":true,"
                      "\"ejected\":false,\"hand_draining\":false,\"hand_down\":false,\"gone\":"
                      "true") != NULL,
           "JSON has them one by one");
    wr_share_block(sh, one, 0, WR_BLOCK_HEALTH | WR_BLOCK_GONE, WR_SHARE_CHECKS);
}

static void
commands_test_private(void)
{
    ct_conf.model->upstreams[0]->servers[0].share = WR_SHARE_NONE;
    commands_run("upstreams", NULL, NULL, false);
    tap_ok(commands_row("app/one private 1 - "), "a server without a row");
    tap_is_int(commands_run("drain", "app/one", NULL, false), WR_COMMAND_FAILED, "cannot be changed");
    tap_ok(strstr(commands_why, "no room") != NULL, "and why");
    tap_is_int(commands_run("drain", "app/*", NULL, false), WR_COMMAND_OK, "the others can");
    ct_conf.model->upstreams[0]->servers[1].share = commands_find("unix:/a/b/unix:/a/b");
    commands_run("upstreams", NULL, NULL, false);
    tap_ok(commands_row("app/two private "), "a row of another name is not taken for its own");
    tap_is_int(commands_run("drain", "app/\x1b[1mone", NULL, false), WR_COMMAND_FAILED, "an unknown one");
    tap_ok(strstr(commands_why, "\\x1B[1mone") != NULL, "is shown without its control bytes");
}

static void
commands_test_tls(void)
{
    commands_run("upstreams", NULL, NULL, false);
    tap_ok(commands_row("https://127.0.0.1:443 1/1 up, https "), "an upstream by TLS is shown so");
    tap_ok(commands_row("https://127.0.0.1:443/127.0.0.1:443 up "), "its server goes by its address");
    tap_ok(commands_row("unix:/a/b 0/1 up - "), "one without is not");
    commands_run("upstreams", NULL, NULL, true);
    tap_ok(strstr(commands_text, "\"name\":\"https://127.0.0.1:443\"") != NULL &&
               strstr(commands_text, "\"anonymous\":true,\"tls\":true") != NULL &&
               strstr(commands_text, "\"anonymous\":true,\"tls\":false") != NULL,
           "in JSON too");
}

int
main(void)
{
    wr_clock_update();
    wr_pool_init(&ct_pool);
    wr_log_set(commands_hear, commands_said, WR_LOG_NOTICE);
    const struct wr_upstream *left_out;
    tap_ok(wr_slots_create(8), "slots");
    tap_ok(ct_load(COMMANDS_SITE), "a configuration");
    wr_zones_begin(1);
    tap_ok(wr_share_claim(ct_conf.model, 1, &left_out), "rows for it");
    wr_zones_commit();
    commands_test_found();
    commands_test_states();
    commands_test_tls();
    commands_test_private();
    free(commands_text);
    ct_begin();
    return tap_done();
}
