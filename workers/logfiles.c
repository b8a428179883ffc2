/*
 * Opening log files, by rules that leave an attacker in the log directory
 * nothing to aim at: no link is followed, nothing but a plain file with one
 * name, a fifo or a device is written to, no mode or owner is changed.
 */
#include "workers/logfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/shm/slot.h"
#include "core/shm/zone.h"
#include "workers/channel.h"

struct logfiles_id {
    _Atomic uint32_t state; /* 0 free, 1 being written, 2 stands */
    char path[WR_LOGFILE_PATH_BYTES];
};
static const char logfiles_layout[] = "logids-1 ids=256 path=496";

/* The process's open logs. */
static struct {
    struct logfiles_id *ids;
    struct wr_logfile file[WR_LOG_IDS];
    bool send[WR_LOG_IDS];  /* the keepers do not have it yet */
    struct wr_logfile next; /* the error log of the cycle that is being made */
    char error_path[WR_LOGFILE_PATH_BYTES];
    char next_path[WR_LOGFILE_PATH_BYTES];
    int syslog_fd;
} logfiles_own = {.syslog_fd = -1, .file[0] = {WR_LOGFILE_STREAM, STDERR_FILENO}};

bool
wr_logfiles_claim_zone(void)
{
    struct wr_zone *z = wr_zone_claim("logids", logfiles_layout, WR_LOG_IDS * sizeof(struct logfiles_id));

    if (z != NULL) {
        logfiles_own.ids = z->base;
    }
    return z != NULL;
}

/*
 * Opening.
 */

/* The directory of path, checked; *name is what stands in it.  -1: *why. */
static int
logfiles_open_directory(const char *path, const char **name, const char **why)
{
    char dir[WR_LOGFILE_PATH_BYTES + 1] = ".";
    const char *slash = strrchr(path, '/');
    struct stat st;

    if (slash != NULL) {
        size_t n = slash == path ? 1 : (size_t)(slash - path);
        memcpy(dir, path, n);
        dir[n] = '\0';
    }
    *name = slash != NULL ? slash + 1 : path;
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        *why = errno == ENOENT ? "its directory does not exist" : strerror(errno);
    } else if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)) {
        *why = "its directory is writable by everybody";
    } else if (**name == '\0') {
        *why = "it is a directory";
    } else {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* The kind of what was opened; NONE: *why. */
static enum wr_logfile_kind
logfiles_judge(int fd, const char **why)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        *why = strerror(errno);
    } else if (S_ISREG(st.st_mode) && st.st_nlink == 1) {
        return WR_LOGFILE_FILE;
    } else if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
        return WR_LOGFILE_STREAM;
    } else {
        *why =
            S_ISREG(st.st_mode) ? "it has more than one name (a hard link)" : "it is no file, fifo or device";
    }
    return WR_LOGFILE_NONE;
}

static int
logfiles_open_at(int dir, const char *name, const char **why)
{
    int flags = O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    /* read too: a keeper that goes on after another looks what that one has written; and to hold a fifo's
     * other end keeps lines until a reader comes */
    int fd = openat(dir, name, O_RDWR | flags, 0640);

    if (fd < 0 && errno == EACCES) {
        fd = openat(dir, name, O_WRONLY | flags, 0640);
    }
    if (fd < 0) {
        *why = errno == ELOOP ? "it is a symbolic link" : strerror(errno);
    }
    return fd;
}

static struct wr_logfile
logfiles_open(const char *path, const char **why)
{
    static const struct wr_logfile none = {WR_LOGFILE_NONE, -1};
    struct wr_logfile f = {.kind = WR_LOGFILE_STREAM};
    const char *name;

    if (strcmp(path, "stderr") == 0) {
        f.fd = STDERR_FILENO;
        return f;
    }
    if (strcmp(path, "syslog") == 0) {
        return (struct wr_logfile){WR_LOGFILE_SYSLOG, -1};
    }
    if (strcmp(path, "/dev/stdout") == 0 || strcmp(path, "/dev/stderr") == 0) {
        /* links to the process's own descriptors; to open them again fails when they are sockets */
        f.fd = fcntl(path[8] == 'o' ? STDOUT_FILENO : STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        *why = strerror(errno);
        return f.fd >= 0 ? f : none;
    }
    int dir = logfiles_open_directory(path, &name, why);
    if (dir < 0) {
        return none;
    }
    f.fd = logfiles_open_at(dir, name, why);
    close(dir);
    if (f.fd < 0) {
        return none;
    }
    f.kind = logfiles_judge(f.fd, why);
    if (f.kind == WR_LOGFILE_NONE) {
        close(f.fd);
        return none;
    }
    return f;
}

static void
logfiles_close_one(struct wr_logfile *f)
{
    if (f->kind != WR_LOGFILE_NONE && f->fd > STDERR_FILENO) {
        close(f->fd);
    }
    *f = (struct wr_logfile){WR_LOGFILE_NONE, -1};
}

/*
 * Ids.
 */

/* The id of a path, given now if it has none; 0: none is left. */
static unsigned
logfiles_id(const char *path)
{
    for (unsigned id = 1; id < WR_LOG_IDS; id++) {
        struct logfiles_id *e = &logfiles_own.ids[id];
        uint32_t state = 0;
        if (atomic_load(&e->state) == 2 && strncmp(e->path, path, sizeof(e->path)) == 0) {
            return id;
        }
        /* another master may give one away at the same moment */
        if (atomic_load(&e->state) == 0 && atomic_compare_exchange_strong(&e->state, &state, 1)) {
            snprintf(e->path, sizeof(e->path), "%s", path);
            atomic_store(&e->state, 2);
            return id;
        }
    }
    return 0;
}

/* The text of a configured path with a NUL; false: too long or empty. */
static bool
logfiles_path(char dst[WR_LOGFILE_PATH_BYTES], struct wr_str path, const char **why)
{
    if (path.n == 0 || path.n >= WR_LOGFILE_PATH_BYTES || memchr(path.p, '\0', path.n) != NULL) {
        *why = path.n == 0 ? "the path is empty" : "the path is too long";
        return false;
    }
    memcpy(dst, path.p, path.n);
    dst[path.n] = '\0';
    return true;
}

int
wr_logfiles_claim(struct wr_str path, const char **why)
{
    char text[WR_LOGFILE_PATH_BYTES];

    if (!logfiles_path(text, path, why)) {
        return -1;
    }
    unsigned id = logfiles_id(text);
    if (id == 0) {
        *why = "too many different log files since weir was started";
        return -1;
    }
    if (logfiles_own.file[id].kind == WR_LOGFILE_NONE) {
        logfiles_own.file[id] = logfiles_open(text, why);
        logfiles_own.send[id] = true;
    }
    return logfiles_own.file[id].kind == WR_LOGFILE_NONE ? -1 : (int)id;
}

bool
wr_logfiles_claim_error(struct wr_str path, const char **why)
{
    if (!logfiles_path(logfiles_own.next_path, path, why)) {
        return false;
    }
    logfiles_own.next = logfiles_open(logfiles_own.next_path, why);
    return logfiles_own.next.kind != WR_LOGFILE_NONE;
}

void
wr_logfiles_commit(void)
{
    if (logfiles_own.next.kind == WR_LOGFILE_NONE) {
        return; /* the first cycle's is in use already */
    }
    logfiles_close_one(&logfiles_own.file[WR_LOG_ID_ERROR]);
    logfiles_own.file[WR_LOG_ID_ERROR] = logfiles_own.next;
    logfiles_own.next = (struct wr_logfile){WR_LOGFILE_NONE, -1};
    memcpy(logfiles_own.error_path, logfiles_own.next_path, sizeof(logfiles_own.error_path));
    logfiles_own.send[WR_LOG_ID_ERROR] = true;
}

void
wr_logfiles_use_next(void)
{
    wr_logfiles_commit();
}

void
wr_logfiles_abort(void)
{
    logfiles_close_one(&logfiles_own.next);
}

/*
 * Reopening, and passing on to the keeper.
 */

static void
logfiles_reopen_one(unsigned id, const char *path)
{
    const char *why = NULL;
    struct wr_logfile f = logfiles_open(path, &why);

    if (f.kind == WR_LOGFILE_NONE) {
        wr_log(WR_LOG_ERROR, "cannot reopen a log path=%s: %s; going on with the old file", path, why);
        return;
    }
    logfiles_close_one(&logfiles_own.file[id]);
    logfiles_own.file[id] = f;
    logfiles_own.send[id] = true;
}

void
wr_logfiles_reopen(void)
{
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        if (logfiles_own.file[id].kind == WR_LOGFILE_FILE ||
            logfiles_own.file[id].kind == WR_LOGFILE_STREAM) {
            logfiles_reopen_one(id, id == 0 ? logfiles_own.error_path : logfiles_own.ids[id].path);
        }
    }
}

void
wr_logfiles_wanted(unsigned id)
{
    if (id >= WR_LOG_IDS) {
        return;
    }
    if (logfiles_own.file[id].kind != WR_LOGFILE_NONE) {
        logfiles_own.send[id] = true;
    } else if (logfiles_own.ids != NULL && atomic_load(&logfiles_own.ids[id].state) == 2) {
        char path[WR_LOGFILE_PATH_BYTES];
        /* the table is shared: it is not trusted to end */
        snprintf(path, sizeof(path), "%.*s", (int)sizeof(path) - 1, logfiles_own.ids[id].path);
        logfiles_reopen_one(id, path);
    }
}

static bool
logfiles_send(unsigned slot, unsigned id)
{
    struct wr_message m = {.type = WR_MSG_LOG_FILE, .value = id};
    const struct wr_logfile *f = &logfiles_own.file[id];

    m.note.bytes = f->kind;
    return wr_channel_send(slot, &m, f->fd);
}

bool
wr_logfiles_pump(const unsigned *keepers, size_t n)
{
    bool all = true;

    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        bool sent = true;
        for (size_t k = 0; logfiles_own.send[id] && k < n; k++) {
            sent = logfiles_send(keepers[k], id) && sent;
            wr_slot_mail(keepers[k], WR_MAIL_LOGS);
        }
        logfiles_own.send[id] = logfiles_own.send[id] && !sent;
        all = all && sent;
    }
    return all;
}

/*
 * Writing.
 */

/* <PRI> by the level's name, which is the line's second word. */
static int
logfiles_priority(const char *line, size_t n)
{
    static const struct {
        const char *name;
        int severity;
    } levels[] = {{" alert ", 1},  {" error ", 3}, {" warn ", 4},
                  {" notice ", 5}, {" info ", 6},  {" debug ", 7}};
    const char *word = memchr(line, ' ', n);

    for (size_t i = 0; word != NULL && i < WR_ARRAY_LEN(levels); i++) {
        size_t len = strlen(levels[i].name);
        if ((size_t)(line + n - word) > len && memcmp(word, levels[i].name, len) == 0) {
            return 3 * 8 + levels[i].severity; /* facility daemon */
        }
    }
    return 3 * 8 + 5;
}

static bool
logfiles_connect_syslog(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0) {
        logfiles_own.syslog_fd = fd;
        return true;
    }
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

bool
wr_logfiles_syslog(const char *line, size_t n)
{
    char text[4096], stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    const char *rest = memchr(line, ' ', n); /* the time is syslog's own */
    size_t skip = rest != NULL ? (size_t)(rest + 1 - line) : 0;

    localtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
    int len = snprintf(text, sizeof(text), "<%d>%s weir: %.*s", logfiles_priority(line, n), stamp,
                       (int)(n - skip - (n > skip)), line + skip);
    len = WR_MIN(len, (int)sizeof(text) - 1);
    for (int attempt = 0; attempt < 2; attempt++) {
        if (logfiles_own.syslog_fd >= 0 &&
            send(logfiles_own.syslog_fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) == len) {
            return true;
        }
        /* syslogd was started again: connect anew, once */
        if (logfiles_own.syslog_fd >= 0) {
            close(logfiles_own.syslog_fd);
            logfiles_own.syslog_fd = -1;
        }
        if (!logfiles_connect_syslog()) {
            return false;
        }
    }
    return false;
}

void
wr_logfiles_write_error(const char *line, size_t n)
{
    const struct wr_logfile *f = &logfiles_own.file[WR_LOG_ID_ERROR];

    if (f->kind == WR_LOGFILE_SYSLOG && wr_logfiles_syslog(line, n)) {
        return;
    }
    int fd = f->kind == WR_LOGFILE_FILE || f->kind == WR_LOGFILE_STREAM ? f->fd : STDERR_FILENO;
    /* a line that the error log does not take has nowhere to go */
    ssize_t written WR_UNUSED = write(fd, line, n);
}

struct wr_logfile
wr_logfiles_at(unsigned id)
{
    wr_assert(id < WR_LOG_IDS);
    return logfiles_own.file[id];
}

void
wr_logfiles_close(void)
{
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        logfiles_close_one(&logfiles_own.file[id]);
    }
    logfiles_close_one(&logfiles_own.next);
}
