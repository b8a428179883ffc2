/* core/event/listener and dial: accepting in batches, resting without descriptors, connecting. */
#include "core/event/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/event/dial.h"
#include "t/unit/loop_probe.h"

static struct wr_addr addr;
static int accepted[512];
static unsigned accepted_n;
static unsigned stop_after;
static struct wr_addr last_peer;
static int last_flags;

static void
on_accept(struct wr_listener *ln, int fd, const struct wr_addr *peer)
{
    (void)ln;
    accepted[accepted_n++] = fd;
    last_peer = *peer;
    last_flags = fcntl(fd, F_GETFL);
    if (accepted_n == stop_after) {
        wr_loop_stop(loop);
    }
}

static void
close_accepted(void)
{
    while (accepted_n > 0) {
        close(accepted[--accepted_n]);
    }
}

static int
listen_on(struct wr_addr *a)
{
    int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (bind(fd, &a->sa, a->len) < 0 || listen(fd, 256) < 0) {
        return -1;
    }
    a->len = sizeof(a->un);
    getsockname(fd, &a->sa, &a->len);
    return fd;
}

static int
connect_to(const struct wr_addr *a)
{
    int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, &a->sa, a->len) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void
test_accept(bool alone)
{
    struct wr_listener ln = {.on_accept = on_accept};
    int clients[200];
    int fd = listen_on(&addr);

    tap_ok(wr_listener_start(&ln, loop, fd, alone), "starts%s", alone ? " alone" : "");
    for (unsigned i = 0; i < 200; i++) {
        clients[i] = connect_to(&addr);
    }
    uint64_t turns = loop->turns;
    stop_after = 200;
    run_loop(5000);
    tap_is_int(accepted_n, 200, "200 waiting connections are accepted");
    tap_ok(loop->turns - turns < 100, "in %llu turns: a long queue is taken in batches",
           (unsigned long long)(loop->turns - turns));
    tap_ok(last_flags & O_NONBLOCK, "non-blocking");
    tap_ok(last_peer.sa.sa_family == AF_INET && wr_addr_port(&last_peer) != 0, "with the peer's address");
    wr_listener_pause(&ln);
    int late = connect_to(&addr);
    stop_after = 201;
    run_loop(60);
    tap_is_int(accepted_n, 200, "a paused listener accepts nothing");
    wr_listener_resume(&ln);
    run_loop(2000);
    tap_is_int(accepted_n, 201, "a resumed one does");
    wr_listener_pause(&ln);
    wr_listener_pause(&ln);
    close(late);
    for (unsigned i = 0; i < 200; i++) {
        close(clients[i]);
    }
    close_accepted();
    close(fd);
    addr.in4.sin_port = 0;
}

static unsigned log_lines;

static void
count_line(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)line;
    (void)n;
    log_lines += level == WR_LOG_ERROR;
}

static void
test_out_of_fds(void)
{
    struct wr_listener ln = {.on_accept = on_accept};
    struct rlimit before, low;
    int fd = listen_on(&addr);
    int clients[3];

    wr_log_set(count_line, NULL, WR_LOG_NOTICE);
    wr_listener_reserve_fd();
    wr_listener_start(&ln, loop, fd, true);
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = connect_to(&addr);
    }
    int highest = fcntl(0, F_DUPFD, 0);
    close(highest);
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)highest;
    setrlimit(RLIMIT_NOFILE, &low);
    stop_after = 3;
    wr_clock_update();
    uint64_t start = wr_clock.mono_ms;
    uint64_t turns = loop->turns;
    run_loop(60);
    tap_is_int(accepted_n, 0, "without descriptors nothing is accepted");
    tap_ok(ln.paused && loop->turns - turns < 10, "and the listener rests, %llu turns",
           (unsigned long long)(loop->turns - turns));
    char byte;
    tap_is_int(recv(clients[0], &byte, 1, 0), 0, "the first client was told by a close");
    setrlimit(RLIMIT_NOFILE, &before);
    stop_after = 2;
    run_loop(2000);
    wr_clock_update();
    tap_is_int(accepted_n, 2, "later the others are accepted");
    tap_ok(wr_clock.mono_ms - start >= 100, "after a rest of 100 ms");
    tap_is_int(log_lines, 1, "with one line in the log");
    wr_log_set(NULL, NULL, WR_LOG_NOTICE);
    wr_listener_pause(&ln);
    for (unsigned i = 0; i < 3; i++) {
        close(clients[i]);
    }
    close_accepted();
    close(fd);
}

static enum wr_io dial_io;
static int dial_err;

static void
on_event(struct wr_conn *c)
{
    dial_io = wr_dial_result(c);
    dial_err = c->err;
    if (dial_io != WR_IO_AGAIN) {
        wr_loop_stop(loop);
    }
}

static const struct wr_conn_owner owner = {.name = "dial", .on_event = on_event};

static enum wr_io
dial(const struct wr_addr *to)
{
    struct wr_conn *c = wr_dial(loop, to, &owner, NULL);

    dial_io = WR_IO_AGAIN;
    dial_err = errno;
    if (c == NULL) {
        return WR_IO_ERR;
    }
    run_loop(2000);
    wr_conn_close(c);
    run_loop(1);
    return dial_io;
}

static void
test_dial(void)
{
    struct wr_addr to, un = {.un = {.sun_family = AF_UNIX}, .len = sizeof(un.un)};
    const char *why;

    wr_addr_parse(WR_STR("127.0.0.1:1"), &to, &why);
    to.in4.sin_port = 0;
    int fd = listen_on(&to);
    tap_is_int(dial(&to), WR_IO_OK, "a listening address");
    close(fd);
    tap_is_int(dial(&to), WR_IO_ERR, "one where nobody listens");
    tap_is_int(dial_err, ECONNREFUSED, "is refused");

    snprintf(un.un.sun_path, sizeof(un.un.sun_path), "/tmp/weir-dial-%d.sock", (int)getpid());
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bind(fd, &un.sa, un.len);
    listen(fd, 0);
    tap_is_int(dial(&un), WR_IO_OK, "a unix socket");
    int fill[16], n = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (n < 16 && (fill[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) >= 0 &&
           connect(fill[n], &un.sa, un.len) == 0) {
        n++;
    }
    tap_is_int(dial(&un), WR_IO_ERR, "one with a full queue");
    tap_is_int(dial_err, EAGAIN, "says EAGAIN");
    for (int i = 0; i <= n && i < 16; i++) {
        close(fill[i]);
    }
    close(fd);
    tap_is_int(dial(&un), WR_IO_ERR, "a dead unix socket");
    unlink(un.un.sun_path);
    tap_is_int(dial(&un), WR_IO_ERR, "none at all");
    tap_is_int(dial_err, ENOENT, "says so");
}

int
main(void)
{
    const char *why;

    loop = wr_loop_new();
    wr_addr_parse(WR_STR("127.0.0.1:1"), &addr, &why);
    addr.in4.sin_port = 0;
    test_accept(true);
    test_accept(false);
    test_out_of_fds();
    test_dial();
    wr_conn_trim();
    wr_loop_free(loop);
    return tap_done();
}
