/*
 * Listening sockets of the master.  It accepts nothing.
 */
#include "workers/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"

/* The process's listening sockets. */
static struct {
    struct wr_socket v[WR_SOCKETS];
    unsigned n;
} sockets_own;

static struct wr_socket *
sockets_find(const struct wr_addr *addr, bool both_families)
{
    for (unsigned i = 0; i < sockets_own.n; i++) {
        struct wr_socket *s = &sockets_own.v[i];
        if (s->both_families == both_families && wr_addr_eq(&s->addr, addr)) {
            return s;
        }
    }
    return NULL;
}

/* A path on which nobody listens any more is in the way of bind. */
static bool
sockets_remove_stale(const struct wr_addr *addr)
{
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return false;
    }
    bool stale = connect(fd, &addr->sa, addr->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale && lstat(addr->un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        unlink(addr->un.sun_path) == 0;
}

/* The mode has to be there before the name is. */
static bool
sockets_bind_unix(int fd, const struct wr_addr *addr, mode_t mode)
{
    mode_t before = umask(0);
    bool ok = fchmod(fd, mode) == 0 && bind(fd, &addr->sa, addr->len) == 0;

    if (!ok && errno == EADDRINUSE) {
        ok = sockets_remove_stale(addr) && bind(fd, &addr->sa, addr->len) == 0;
        errno = ok ? 0 : EADDRINUSE;
    }
    umask(before);
    return ok;
}

static bool
sockets_is_inet(const struct wr_addr *a)
{
    return a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6;
}

/* Whether there are sockets of ours on that port that the new cycle has not claimed; sets the option on them. */
static bool
sockets_set_reuseport(uint16_t port, int on)
{
    bool any = false;

    for (unsigned i = 0; i < sockets_own.n; i++) {
        const struct wr_socket *s = &sockets_own.v[i];
        if (sockets_is_inet(&s->addr) && wr_addr_port(&s->addr) == port) {
            any = any || !s->claimed;
            setsockopt(s->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
        }
    }
    return any;
}

/* Lets a wildcard and a specific address of ours stand beside each other on one port, as they do for the
 * moment of a reload from one to the other; nobody else gets in, for the option is taken back at once. */
static bool
sockets_bind_beside(int fd, const struct wr_addr *addr)
{
    uint16_t port = wr_addr_port(addr);
    int on = 1;
    bool ok = sockets_set_reuseport(port, 1) &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
        bind(fd, &addr->sa, addr->len) == 0 && listen(fd, WR_SOCKETS_BACKLOG) == 0;

    on = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    sockets_set_reuseport(port, 0);
    errno = EADDRINUSE;
    return ok;
}

static bool
sockets_bind_inet(int fd, const struct wr_addr *addr, bool both_families)
{
    int on = 1;
    int v6only = !both_families;
    int defer_s = WR_SOCKETS_DEFER_S;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* accepted sockets inherit it: one system call a connection less */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s));
    if (addr->sa.sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0) {
        return false;
    }
    if (bind(fd, &addr->sa, addr->len) == 0 && listen(fd, WR_SOCKETS_BACKLOG) == 0) {
        return true;
    }
    return errno == EADDRINUSE && sockets_bind_beside(fd, addr);
}

static int
sockets_open_one(const struct wr_addr *addr, bool both_families)
{
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    /* whoever may enter the directory may connect */
    bool ok = addr->sa.sa_family == AF_UNIX
        ? sockets_bind_unix(fd, addr, 0666) && listen(fd, WR_SOCKETS_BACKLOG) == 0
        : sockets_bind_inet(fd, addr, both_families);
    if (!ok) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

/* ":80" on a machine without IPv6. */
static int
sockets_open_ipv4_alone(const struct wr_addr *addr)
{
    struct wr_addr any = {.len = sizeof(struct sockaddr_in)};

    any.in4.sin_family = AF_INET;
    any.in4.sin_port = htons(wr_addr_port(addr));
    return sockets_open_one(&any, false);
}

void
wr_sockets_begin(void)
{
    for (unsigned i = 0; i < sockets_own.n; i++) {
        sockets_own.v[i].claimed = false;
    }
}

int
wr_sockets_claim(const struct wr_addr *addr, bool both_families, const char **why)
{
    struct wr_socket *s = sockets_find(addr, both_families);

    if (s != NULL && s->control) {
        *why = "it is the control socket of the running configuration";
        return -1;
    }
    if (s != NULL) {
        s->claimed = true;
        return s->fd;
    }
    if (sockets_own.n == WR_SOCKETS) {
        *why = "too many listening sockets";
        return -1;
    }
    int fd = sockets_open_one(addr, both_families);
    if (fd < 0 && both_families &&
        (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL || errno == EPROTONOSUPPORT)) {
        fd = sockets_open_ipv4_alone(addr);
    }
    if (fd < 0) {
        *why = strerror(errno);
        return -1;
    }
    s = &sockets_own.v[sockets_own.n++];
    *s = (struct wr_socket){.addr = *addr, .both_families = both_families, .fd = fd, .claimed = true};
    return fd;
}

/*
 * The control socket.
 */

/* Mode and group of the path, by a descriptor of the socket that stands there and is ours.  Nobody gets in who
 * shall not while they change. */
static bool
sockets_restrict(const struct wr_addr *addr, gid_t group)
{
    char path[40];
    struct stat st;
    mode_t mode = group == WR_SOCKETS_NO_GROUP ? 0600 : 0660;
    int fd = open(addr->un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }
    /* a descriptor that stands for a place has no mode to change; its name in /proc is that very inode */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    bool ok = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid();
    if (ok && group != WR_SOCKETS_NO_GROUP && st.st_gid != group) {
        ok = ((st.st_mode & 0777) == 0600 || chmod(path, 0600) == 0) &&
            fchownat(fd, "", (uid_t)-1, group, AT_EMPTY_PATH) == 0;
        st.st_mode = S_IFSOCK | 0600;
    }
    ok = ok && ((st.st_mode & 0777) == mode || chmod(path, mode) == 0);
    int err = errno;
    close(fd);
    errno = err;
    return ok;
}

static int
sockets_open_control(const struct wr_addr *addr, gid_t group)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || !sockets_bind_unix(fd, addr, 0600)) {
        int err = errno;
        if (fd >= 0) {
            close(fd);
        }
        errno = err;
        return -1;
    }
    if (!sockets_restrict(addr, group) || listen(fd, WR_SOCKETS_BACKLOG) < 0) {
        int err = errno;
        unlink(addr->un.sun_path);
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

int
wr_sockets_claim_control(const struct wr_addr *addr, gid_t group, const char **why)
{
    struct wr_socket *s = sockets_find(addr, false);

    if (s != NULL && !s->control) {
        *why = "it is an address of a server";
        return -1;
    }
    if (s == NULL && sockets_own.n == WR_SOCKETS) {
        *why = "too many listening sockets";
        return -1;
    }
    if (s == NULL) {
        int fd = sockets_open_control(addr, group);
        if (fd < 0) {
            *why = errno == EADDRINUSE ? "another weir, or something else, is there" : strerror(errno);
            return -1;
        }
        s = &sockets_own.v[sockets_own.n++];
        *s = (struct wr_socket){.addr = *addr, .fd = fd, .control = true};
    }
    s->claimed = true;
    s->group = group;
    return s->fd;
}

static void
sockets_drop(unsigned i)
{
    struct wr_socket *s = &sockets_own.v[i];

    if (s->addr.sa.sa_family == AF_UNIX && !s->foreign) {
        unlink(s->addr.un.sun_path);
    }
    close(s->fd);
    sockets_own.v[i] = sockets_own.v[--sockets_own.n];
}

void
wr_sockets_commit(void)
{
    for (unsigned i = sockets_own.n; i-- > 0;) {
        struct wr_socket *s = &sockets_own.v[i];
        s->kept = s->claimed;
        s->claimed = false;
        if (!s->kept) {
            sockets_drop(i);
        } else if (s->control && !sockets_restrict(&s->addr, s->group)) {
            wr_log(WR_LOG_ERROR,
                   "cannot set mode and group of the control socket path=%s: %s; who may use it "
                   "is not what the configuration says",
                   s->addr.un.sun_path, strerror(errno));
        }
    }
}

void
wr_sockets_abort(void)
{
    for (unsigned i = sockets_own.n; i-- > 0;) {
        struct wr_socket *s = &sockets_own.v[i];
        s->claimed = false;
        if (!s->kept) {
            sockets_drop(i);
        }
    }
}

void
wr_sockets_close(bool control_too)
{
    for (unsigned i = sockets_own.n; i-- > 0;) {
        if (control_too || !sockets_own.v[i].control) {
            sockets_drop(i);
        }
    }
}

void
wr_sockets_shared(bool foreign)
{
    for (unsigned i = 0; i < sockets_own.n; i++) {
        sockets_own.v[i].foreign = foreign;
    }
}

void
wr_sockets_enter(const int *keep, size_t n)
{
    for (unsigned i = 0; i < sockets_own.n; i++) {
        bool wanted = false;
        for (size_t k = 0; k < n; k++) {
            wanted = wanted || keep[k] == sockets_own.v[i].fd;
        }
        if (!wanted) {
            close(sockets_own.v[i].fd);
        }
    }
    sockets_own.n = 0;
}

void
wr_sockets_each(void (*fn)(void *arg, const struct wr_socket *s), void *arg)
{
    for (unsigned i = 0; i < sockets_own.n; i++) {
        fn(arg, &sockets_own.v[i]);
    }
}

/* Whether fd listens where it is said to. */
static bool
sockets_listens(const struct wr_addr *addr, int fd)
{
    int listens = 0;
    socklen_t len = sizeof(listens);
    struct wr_addr is = {.len = sizeof(is) - sizeof(is.len)};

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens) {
        return false;
    }
    is.len = sizeof(is.un);
    if (getsockname(fd, &is.sa, &is.len) < 0) {
        return false;
    }
    if (addr->sa.sa_family == AF_UNIX || is.sa.sa_family == AF_UNIX) {
        return addr->sa.sa_family == is.sa.sa_family && strcmp(addr->un.sun_path, is.un.sun_path) == 0;
    }
    return wr_addr_port(addr) == wr_addr_port(&is);
}

bool
wr_sockets_adopt(const struct wr_addr *addr, bool both_families, bool control, int fd)
{
    if (sockets_own.n == WR_SOCKETS || sockets_find(addr, both_families) != NULL ||
        !sockets_listens(addr, fd)) {
        wr_log(WR_LOG_WARN, "listening socket of the old binary cannot be adopted fd=%d; closed", fd);
        close(fd);
        return false;
    }
    struct wr_socket *s = &sockets_own.v[sockets_own.n++];
    *s = (struct wr_socket){
        .addr = *addr, .both_families = both_families, .control = control, .fd = fd, .foreign = true};
    return true;
}
