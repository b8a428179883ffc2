/*
 * The pid file and the state file.  No directory is made but the last one of
 * the pid file's path, and nothing is changed in place.
 */
#include "workers/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"

bool
wr_state_path(char *dst, size_t room, struct wr_str pid_path)
{
    struct wr_str stem = pid_path;

    if (wr_str_ends(pid_path, WR_STR(".pid"))) {
        stem.n -= 4;
    }
    int n = snprintf(dst, room, "%.*s.state", WR_STR_ARG(stem));
    return n > 0 && (size_t)n < room;
}

/* A file beside `path`, for writing; *aside gets its name. */
static int
state_open_aside(const char *path, char *aside, size_t room)
{
    int n = snprintf(aside, room, "%s.%d.new", path, (int)getpid());

    if (n < 0 || (size_t)n >= room) {
        errno = ENAMETOOLONG;
        return -1;
    }
    unlink(aside);
    return open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
}

static bool
state_settle(const char *aside, const char *path, bool ok)
{
    if (ok && rename(aside, path) == 0) {
        return true;
    }
    int err = errno;
    unlink(aside);
    errno = err;
    return false;
}

bool
wr_state_write(const char *path, const struct wr_state *st)
{
    char aside[PATH_MAX];
    int fd = state_open_aside(path, aside, sizeof(aside));
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (f == NULL) {
        wr_log(WR_LOG_ERROR, "cannot write the state file path=%s: %s; -s reload will not see the verdict",
               path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    fprintf(f, "attempt %llu\nserving %llu\nverdict %s\npid %d\nworkers %u\n",
            (unsigned long long)st->attempt, (unsigned long long)st->serving, st->verdict, (int)st->pid,
            st->workers);
    if (st->messages != NULL) {
        st->messages(st->arg, f);
    }
    bool ok = !ferror(f);
    ok = fclose(f) == 0 && ok;
    if (!state_settle(aside, path, ok)) {
        wr_log(WR_LOG_ERROR, "cannot write the state file path=%s: %s; -s reload will not see the verdict",
               path, strerror(errno));
        return false;
    }
    return true;
}

static void
state_read_line(char *line, struct wr_verdict *v, FILE *messages)
{
    char *value = strchr(line, ' ');

    if (value == NULL) {
        return;
    }
    *value++ = '\0';
    if (strcmp(line, "attempt") == 0) {
        v->attempt = strtoull(value, NULL, 10);
    } else if (strcmp(line, "serving") == 0) {
        v->serving = strtoull(value, NULL, 10);
    } else if (strcmp(line, "pid") == 0) {
        v->pid = (pid_t)strtol(value, NULL, 10);
    } else if (strcmp(line, "verdict") == 0) {
        v->good = strcmp(value, "good") == 0;
        v->done = v->good || strcmp(value, "bad") == 0;
    } else if (strcmp(line, "message") == 0 && messages != NULL) {
        fprintf(messages, "%s\n", value);
    }
}

bool
wr_state_read(const char *path, struct wr_verdict *v, FILE *messages)
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "re");

    *v = (struct wr_verdict){0};
    if (f == NULL) {
        return false;
    }
    while (getline(&line, &room, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        state_read_line(line, v, messages);
    }
    free(line);
    fclose(f);
    return true;
}

pid_t
wr_pid_read(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    long pid = n > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

void
wr_state_make_directory(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (slash != NULL && slash != path && (size_t)(slash - path) < sizeof(dir)) {
        memcpy(dir, path, (size_t)(slash - path));
        dir[slash - path] = '\0';
        mkdir(dir, 0755);
    }
}

bool
wr_pid_write(const char *path, pid_t pid)
{
    char aside[PATH_MAX], text[32];

    wr_state_make_directory(path);
    int fd = state_open_aside(path, aside, sizeof(aside));
    if (fd < 0) {
        return false;
    }
    int n = snprintf(text, sizeof(text), "%d\n", (int)pid);
    bool ok = write(fd, text, (size_t)n) == n;
    ok = close(fd) == 0 && ok;
    return state_settle(aside, path, ok);
}

bool
wr_pid_is_weir(pid_t pid)
{
    char path[40], name[32] = "";

    if (pid <= 0 || (kill(pid, 0) < 0 && errno != EPERM)) {
        return false;
    }
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, name, sizeof(name) - 1);
    close(fd);
    return n > 4 && memcmp(name, "weir", 4) == 0;
}
