/*
 * weirctl(8): asks a running weir through its control socket.  It knows no
 * command but `help` and what follows a reload; the keeper knows them all.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "workers/commands.h"
#include "workers/state.h"

#define WEIRCTL_SOCKET WR_RUNSTATEDIR "/weir/weir.sock"
#define WEIRCTL_ANSWER_MS 60000
#define WEIRCTL_TRIES 5 /* the keeper that was asked may be replaced at that moment */
#define WEIRCTL_RELOAD_S 60
#define WEIRCTL_POLL_MS 20

static int
weirctl_usage(FILE *to, int status)
{
    struct wr_reply a = {0};

    fputs("usage: weirctl [-s SOCKET] COMMAND [ARGUMENT ...]\n"
          "       weirctl -v\n"
          "\n",
          to);
    wr_commands_print(&a);
    fwrite(a.p, 1, a.n, to);
    wr_reply_fini(&a);
    return status;
}

/* ---- the socket ---- */

static int
weirctl_connect(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(un.sun_path)) {
        fprintf(stderr, "weirctl: the path of the socket is too long: %s\n", path);
        return -1;
    }
    strcpy(un.sun_path, path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0) {
        fprintf(stderr, "weirctl: cannot connect to %s: %s%s\n", path, strerror(errno),
                errno == EACCES || errno == EPERM ? "" : "; is weir running? (its [control] socket)");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

/* All that comes until the other side closes.  False: it does not; time is over. */
static bool
weirctl_receive(int fd, struct wr_reply *a)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char part[65536];
    ssize_t n;

    while (poll(&p, 1, WEIRCTL_ANSWER_MS) > 0) {
        n = read(fd, part, sizeof(part));
        if (n <= 0) {
            return true;
        }
        wr_reply_mem(a, part, (size_t)n);
    }
    return false;
}

/* One question and its answer.  False: there is none. */
static bool
weirctl_ask(const char *path, struct wr_str line, struct wr_reply *a)
{
    for (unsigned i = 0; i < WEIRCTL_TRIES; i++) {
        int fd = weirctl_connect(path);
        if (fd < 0) {
            exit(1);
        }
        /* what becomes of it the answer tells: who is refused has one before the line is sent */
        send(fd, line.p, line.n, MSG_NOSIGNAL);
        bool ended = weirctl_receive(fd, a);
        close(fd);
        if (a->n > 0 || !ended) {
            return ended;
        }
    }
    return false;
}

/* ---- what the answer says ---- */

/* Takes the next line off *rest. */
static struct wr_str
weirctl_line(struct wr_str *rest)
{
    ptrdiff_t n = wr_str_find(*rest, '\n');
    size_t len = n < 0 ? rest->n : (size_t)n;
    struct wr_str line = wr_str_make(rest->p, len);

    len += n >= 0;
    *rest = wr_str_make(rest->p + len, rest->n - len);
    return line;
}

/* The rest of a line that begins with that word and a blank. */
static bool
weirctl_value(struct wr_str line, const char *word, char *value, size_t room)
{
    size_t n = strlen(word);

    if (!wr_str_starts(line, wr_str_of(word)) || line.n <= n || line.p[n] != ' ') {
        return false;
    }
    snprintf(value, room, "%.*s", (int)(line.n - n - 1), line.p + n + 1);
    return true;
}

/* ---- reload ---- */

struct weirctl_reload {
    uint64_t before; /* the verdict is on an attempt after that */
    pid_t master;
    char state[PATH_MAX];
};

static void
weirctl_reload_parse(struct wr_str text, struct weirctl_reload *r)
{
    char value[PATH_MAX];

    while (text.n > 0) {
        struct wr_str line = weirctl_line(&text);
        if (weirctl_value(line, "before", value, sizeof(value))) {
            r->before = strtoull(value, NULL, 10);
        } else if (weirctl_value(line, "master", value, sizeof(value))) {
            r->master = (pid_t)strtol(value, NULL, 10);
        } else {
            weirctl_value(line, "state", r->state, sizeof(r->state));
        }
    }
}

/* Waits for the verdict, as `weir -s reload` does. */
static int
weirctl_reload(struct wr_str text)
{
    struct weirctl_reload r = {0};
    struct wr_verdict v;

    weirctl_reload_parse(text, &r);
    for (unsigned i = 0; i < WEIRCTL_RELOAD_S * 1000 / WEIRCTL_POLL_MS; i++) {
        if (!wr_state_read(r.state, &v, NULL) || v.pid != r.master) {
            fprintf(stderr,
                    "weirctl: the reload was asked for, but the state file %s does not tell its verdict\n",
                    r.state);
            return 1;
        }
        if (v.attempt > r.before && v.done) {
            wr_state_read(r.state, &v, stderr);
            if (v.good) {
                printf("generation %llu serves\n", (unsigned long long)v.serving);
            }
            return v.good ? 0 : 1;
        }
        if (kill(r.master, 0) < 0 && errno == ESRCH) {
            fprintf(stderr, "weirctl: the master %d has ended\n", (int)r.master);
            return 1;
        }
        nanosleep(&(struct timespec){.tv_nsec = WEIRCTL_POLL_MS * 1000000L}, NULL);
    }
    fprintf(stderr, "weirctl: no verdict on the reload after %d s; see the error log\n", WEIRCTL_RELOAD_S);
    return 1;
}

/* ---- the command line ---- */

static int
weirctl_run(const char *path, int argc, char **argv)
{
    struct wr_reply question = {0}, answer = {0};
    char why[WR_COMMAND_HEAD_BYTES];

    for (int i = 0; i < argc; i++) {
        if (strpbrk(argv[i], "\n") != NULL) {
            fprintf(stderr, "weirctl: a word has a line break\n");
            return 2;
        }
        wr_reply_printf(&question, "%s%s", i > 0 ? " " : "", argv[i]);
    }
    wr_reply_printf(&question, "\n");
    if (!weirctl_ask(path, wr_str_make(question.p, question.n), &answer)) {
        fprintf(stderr, "weirctl: weir does not answer at %s\n", path);
        return 1;
    }
    struct wr_str rest = wr_str_make(answer.p, answer.n), head = weirctl_line(&rest);
    if (wr_str_eq(head, WR_STR("ok"))) {
        if (strcmp(argv[0], "reload") == 0) {
            return weirctl_reload(rest);
        }
        return fwrite(rest.p, 1, rest.n, stdout) == rest.n && fflush(stdout) == 0 ? 0 : 1;
    }
    bool wrong = weirctl_value(head, "wrong", why, sizeof(why));
    if (!wrong && !weirctl_value(head, "error", why, sizeof(why))) {
        fprintf(stderr, "weirctl: what answers at %s is no weir\n", path);
        return 1;
    }
    fprintf(stderr, "weirctl: %s\n", why);
    fwrite(rest.p, 1, rest.n, stderr);
    return wrong ? 2 : 1;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *path = WEIRCTL_SOCKET;
    int c;

    /* options end with the command: --json is its own */
    while ((c = getopt_long(argc, argv, "+s:vh", options, NULL)) != -1) {
        switch (c) {
        case 's':
            path = optarg;
            break;
        case 'v':
            printf("weirctl " WR_VERSION "\n");
            return 0;
        case 'h':
            return weirctl_usage(stdout, 0);
        default:
            return weirctl_usage(stderr, 2);
        }
    }
    if (optind == argc) {
        return weirctl_usage(stderr, 2);
    }
    if (strcmp(argv[optind], "help") == 0) {
        return weirctl_usage(stdout, 0);
    }
    return weirctl_run(path, argc - optind, argv + optind);
}
