/*
 * The command line.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "core/module.h"
#include "workers/cycle.h"
#include "workers/explain_main.h"
#include "workers/master.h"
#include "workers/signals.h"
#include "workers/state.h"
#include "workers/watch.h"

#define MAIN_RELOAD_S 60
#define MAIN_POLL_MS 20

static int
main_usage(FILE *to)
{
    fputs("usage: weir [-dq] [-c FILE]\n"
          "       weir -t | -T [-q] [-c FILE]\n"
          "       weir -s stop|quit|reload|reopen|upgrade [-q] [-c FILE]\n"
          "       weir explain [-c FILE] [-X METHOD] [-H FIELD] [-a CLIENT] [-l LISTEN] URL\n"
          "       weir [-d] LISTEN=UPSTREAM...\n"
          "       weir -v | -V\n",
          to);
    return 2;
}

static void
main_version(bool all)
{
    printf("weir " WR_VERSION "\n");
    if (!all) {
        return;
    }
    printf("configured: %s\nconfiguration: " WR_SYSCONFDIR "/weir/weir.ini\nmodules:", WR_CONFIGURE_ARGS);
    for (unsigned i = 0; i < wr_modules_n; i++) {
        printf(" %s", wr_modules[i]->name);
    }
    printf("\n");
}

/* ---- -t and -T ---- */

static int
main_test(const struct wr_options *o)
{
    struct wr_cycle *cy = wr_cycle_new(0);
    bool good = wr_cycle_read(cy, o) && (o->dump || wr_watch_test(cy));

    wr_conf_print_messages(&cy->cf, stderr, !o->quiet);
    if (good && o->dump) {
        wr_conf_dump(&cy->cf, stdout);
    } else if (!o->quiet) {
        fprintf(stderr, "weir: configuration %s is %s\n", o->file ? o->file : "of the command line",
                good ? "good" : "bad");
    }
    wr_cycle_free(cy);
    return good ? 0 : 1;
}

/* ---- -s ---- */

static void
main_sleep(void)
{
    nanosleep(&(struct timespec){.tv_nsec = MAIN_POLL_MS * 1000000L}, NULL);
}

/* Waits for a verdict on an attempt after the one that was the last. */
static int
main_wait_verdict(const char *state, uint64_t before, pid_t pid, bool quiet)
{
    struct wr_verdict v;

    for (unsigned i = 0; i < MAIN_RELOAD_S * 1000 / MAIN_POLL_MS; i++) {
        if (wr_state_read(state, &v, NULL) && v.attempt > before && v.done) {
            wr_state_read(state, &v, quiet && v.good ? NULL : stderr);
            return v.good ? 0 : 1;
        }
        if (kill(pid, 0) < 0 && errno == ESRCH) {
            fprintf(stderr, "weir: the master %d has ended\n", (int)pid);
            return 1;
        }
        main_sleep();
    }
    fprintf(stderr, "weir: no verdict on the reload after %d s; see the error log\n", MAIN_RELOAD_S);
    return 1;
}

/* Where the running weir of that configuration keeps its pid. */
static bool
main_pid_path(const struct wr_options *o, char *dst, size_t room)
{
    struct wr_cycle *cy = wr_cycle_new(0);

    /* A configuration with errors still says where, unless it is the very line. */
    wr_cycle_read(cy, o);
    struct wr_str pid = cy->cf.model != NULL ? cy->cf.model->weir.pid : WR_STR_NONE;
    int n =
        pid.n > 0 ? snprintf(dst, room, "%.*s", WR_STR_ARG(pid)) : snprintf(dst, room, "%s", WR_STATE_PID);
    wr_cycle_free(cy);
    return n < (int)room;
}

static int
main_signal(const struct wr_options *o)
{
    char path[PATH_MAX], state[PATH_MAX];
    struct wr_verdict before = {0};
    int sig = wr_signal_of_word(o->signal);

    if (sig == 0) {
        fprintf(stderr, "weir: -s takes stop, quit, reload, reopen or upgrade, not \"%s\"\n", o->signal);
        return 2;
    }
    if (!main_pid_path(o, path, sizeof(path)) || !wr_state_path(state, sizeof(state), wr_str_of(path))) {
        fprintf(stderr, "weir: the path of the pid file is too long\n");
        return 1;
    }
    pid_t pid = wr_pid_read(path);
    wr_state_read(state, &before, NULL);
    /* a pid left behind may be anybody's by now */
    bool weir = wr_pid_is_weir(pid);
    if (!weir || kill(pid, sig) < 0) {
        fprintf(stderr, "weir: no weir runs that %s speaks of%s%s\n", path, weir ? ": " : "",
                weir ? strerror(errno) : "");
        return 1;
    }
    return sig == SIGHUP ? main_wait_verdict(state, before.attempt, pid, o->quiet) : 0;
}

/* ---- the words ---- */

static int
main_option(struct wr_options *o, int c)
{
    switch (c) {
    case 'c':
        o->file = optarg;
        o->file_named = true;
        return 0;
    case 't':
        o->test = true;
        return 0;
    case 'T':
        o->test = o->dump = true;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    case 's':
        o->signal = optarg;
        return 0;
    case 'd':
        o->daemon = true;
        return 0;
    default:
        return main_usage(stderr);
    }
}

static bool
main_take_args(struct wr_options *o, int argc, char **argv)
{
    o->args = argv + optind;
    o->args_n = argc - optind;
    for (int i = 0; i < o->args_n; i++) {
        const char *eq = strchr(o->args[i], '=');
        if (eq == NULL || eq == o->args[i] || eq[1] == '\0') {
            fprintf(stderr, "weir: \"%s\" is not LISTEN=UPSTREAM\n", o->args[i]);
            return false;
        }
    }
    if (o->args_n > 0 && o->file_named) {
        fprintf(stderr, "weir: either a file or LISTEN=UPSTREAM\n");
        return false;
    }
    if (o->args_n == 0 && !o->file_named) {
        o->file = WR_SYSCONFDIR "/weir/weir.ini";
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct wr_options o = {.argv = argv};
    int c;

    if (argc > 1 && strcmp(argv[1], "explain") == 0) {
        return wr_explain_main(argc - 1, argv + 1);
    }
    opterr = 1;
    while ((c = getopt(argc, argv, "c:tTqs:vVdh")) != -1) {
        if (c == 'v' || c == 'V') {
            main_version(c == 'V');
            return 0;
        }
        if (c == 'h') {
            main_usage(stdout);
            return 0;
        }
        if (main_option(&o, c) != 0) {
            return 2;
        }
    }
    if (!main_take_args(&o, argc, argv)) {
        return main_usage(stderr);
    }
    if (o.signal != NULL) {
        return main_signal(&o);
    }
    return o.test ? main_test(&o) : wr_master_run(&o);
}
