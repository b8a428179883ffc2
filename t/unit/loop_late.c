/* core/event/loop: sockets that epoll hears of when somebody waits for them, or a little later. */
#include "core/event/loop.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "t/unit/loop_probe.h"

static bool
epoll_knows(const struct probe *p)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                            .data.ptr = (void *)(uintptr_t)&p->ev};

    return epoll_ctl(loop->epfd, EPOLL_CTL_MOD, p->ev.fd, &e) == 0;
}

static unsigned
late_count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 2; i++) {
        wr_list_for(l, &loop->late[i])
        {
            n++;
        }
    }
    return n;
}

/* As a reader that met EAGAIN. */
static void
read_all(struct probe *p)
{
    p->ev.readable = false;
}

static int late_fd;

static void
add_late(struct probe *p)
{
    wr_loop_add_late(loop, &p->other->ev, late_fd, on_ev);
    p->then = NULL;
}

static void
test_late_first(void)
{
    struct probe p, q, late;
    int a[2], b[2], fd[2];

    probe_init(&p, 'p');
    probe_init(&q, 'q');
    probe_init(&late, 'l');
    pair(a);
    pair(b);
    pair(fd);
    late_fd = fd[0];
    p.other = &late;
    p.then = add_late;
    wr_loop_add(loop, &p.ev, a[0], on_ev);
    wr_loop_add(loop, &q.ev, b[0], on_ev);
    order[0] = '\0';
    turn();
    tap_is_str(order, "pql", "a late one is first called at the end of the turn that added it");
    tap_ok(late.ev.readable && late.ev.writable && !late.ev.rdhup && !late.ev.error,
           "it counts as readable and writable");
    tap_ok(late.ev.late && !epoll_knows(&late), "epoll does not know of it");
    tap_is_int(late_count(), 1, "it stands in a list");
    drop(&late);
    drop(&p);
    drop(&q);
    close(a[1]);
    close(b[1]);
    close(fd[1]);
}

/* A late one whose first call is over and that has met EAGAIN. */
static void
begin_late(struct probe *p, int fd[2])
{
    probe_init(p, 'l');
    pair(fd);
    p->then = read_all;
    wr_loop_add_late(loop, &p->ev, fd[0], on_ev);
    turn();
}

static void
test_late_aged(bool fin)
{
    struct probe p;
    int fd[2];

    begin_late(&p, fd);
    tap_ok(p.ev.late && p.calls == 1, "nobody waits for it");
    if (fin) {
        shutdown(fd[1], SHUT_WR);
    } else {
        put(fd[1], "x");
    }
    wr_clock_update();
    uint64_t began_ms = wr_clock.mono_ms, began = loop->turns;
    p.then = stop_loop;
    run_loop(2000);
    tap_ok(p.calls == 2 && p.ev.readable && p.ev.rdhup == fin, "%s that comes later is seen",
           fin ? "a FIN" : "a byte");
    tap_ok(loop->turns - began <= 6 && p.ms - began_ms < 1000, "soon: in %llu turns, after %llu ms",
           (unsigned long long)(loop->turns - began), (unsigned long long)(p.ms - began_ms));
    tap_ok(!p.ev.late && epoll_knows(&p), "epoll knows of it then");
    drop(&p);
    close(fd[1]);
}

/* Without a timer in the wheel, too, it does not sleep for ever. */
static void
test_late_no_timer(void)
{
    struct probe p;
    int fd[2];

    begin_late(&p, fd);
    put(fd[1], "x");
    tap_is_int(loop->wheel.count, 0, "no timer is set");
    p.then = stop_loop;
    loop->stop = false;
    alarm(20);
    wr_loop_run(loop);
    alarm(0);
    tap_is_int(p.calls, 2, "a byte that comes later is seen all the same");
    drop(&p);
    close(fd[1]);
}

static void
test_late_watch(void)
{
    struct probe p;
    int fd[2];

    begin_late(&p, fd);
    wr_loop_watch(loop, &p.ev);
    tap_ok(!p.ev.late && late_count() == 0 && epoll_knows(&p), "who waits for it has it watched at once");
    turn();
    unsigned calls = p.calls;
    put(fd[1], "x");
    turn();
    tap_ok(p.calls == calls + 1 && p.ev.readable == false, "a byte is told in the next turn");
    wr_loop_watch(loop, &p.ev);
    turn();
    tap_is_int(p.calls, calls + 1, "watching twice changes nothing");
    drop(&p);
    close(fd[1]);
    probe_init(&p, 'l');
    pair(fd);
    wr_loop_add_late(loop, &p.ev, fd[0], on_ev);
    wr_loop_watch(loop, &p.ev);
    tap_ok(p.ev.more && !p.ev.late, "watched before its first call");
    turn();
    tap_ok(p.calls >= 1 && !p.ev.more && late_count() == 0, "it is called as well");
    drop(&p);
    close(fd[1]);
}

static void
test_late_del(void)
{
    struct probe p;
    int fd[2];

    probe_init(&p, 'l');
    pair(fd);
    wr_loop_add_late(loop, &p.ev, fd[0], on_ev);
    drop(&p);
    tap_ok(wr_list_empty(&loop->ready) && late_count() == 0 && !p.ev.late && !p.ev.more,
           "deleted before its first call, it stands nowhere");
    close(fd[1]);
    turn();
    tap_is_int(p.calls, 0, "and is not called");
    begin_late(&p, fd);
    tap_is_int(late_count(), 1, "behind its first call it stands in a list");
    wr_loop_del(loop, &p.ev, true);
    tap_ok(late_count() == 0 && !p.ev.late, "deleted, it stands nowhere");
    close(fd[0]);
    close(fd[1]);
    probe_init(&p, 'l');
    pair(fd);
    p.then = drop;
    wr_loop_add_late(loop, &p.ev, fd[0], on_ev);
    turn();
    tap_ok(p.calls == 1 && late_count() == 0 && wr_list_empty(&loop->ready),
           "one that is deleted by its own call does not go back to a list");
    close(fd[1]);
}

static void
test_late_more(void)
{
    struct probe p;
    int fd[2];

    begin_late(&p, fd);
    wr_loop_more(loop, &p.ev);
    tap_ok(p.ev.more && p.ev.late && late_count() == 0, "a late one that asks for more changes lists");
    turn();
    tap_ok(p.calls == 2 && p.ev.late && !epoll_knows(&p), "it is called again without epoll");
    tap_is_int(late_count(), 1, "and goes back");
    wr_loop_more(loop, &p.ev);
    wr_loop_watch(loop, &p.ev);
    tap_ok(p.ev.more && !p.ev.late, "one that stands in the list of those is watched there");
    turn();
    tap_ok(p.calls >= 3 && late_count() == 0, "and called");
    drop(&p);
    tap_ok(wr_list_empty(&loop->ready) && late_count() == 0, "deleted, it stands nowhere");
    close(fd[1]);
}

static void
test_late_idle(void)
{
    struct probe p;
    int fd[2];

    begin_late(&p, fd);
    uint64_t turns = loop->turns;
    run_loop(200);
    tap_ok(!p.ev.late && late_count() == 0, "one of which nothing comes is watched, too");
    tap_ok(loop->turns - turns < 30, "and the loop sleeps meanwhile: %llu turns in 200 ms",
           (unsigned long long)(loop->turns - turns));
    drop(&p);
    close(fd[1]);
}

static void
test_late_refused(void)
{
    struct probe p;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    probe_init(&p, 'l');
    wr_loop_add_late(loop, &p.ev, fd, on_ev);
    turn();
    wr_loop_watch(loop, &p.ev);
    turn();
    tap_ok(p.calls == 2 && p.ev.readable && p.ev.writable && p.ev.rdhup && p.ev.error,
           "one that epoll refuses ends as if the peer had ended it");
    drop(&p);
}

static void
test_late_free(void)
{
    struct probe p, q;
    int a[2], b[2];

    begin_late(&p, a);
    begin_late(&q, b);
    wr_loop_more(loop, &q.ev);
    wr_loop_free(loop);
    tap_ok(p.calls == 1 && q.calls == 1, "a loop that is freed forgets them");
    for (unsigned i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

int
main(void)
{
    loop = wr_loop_new();
    test_late_first();
    test_late_aged(false);
    test_late_aged(true);
    test_late_no_timer();
    test_late_watch();
    test_late_del();
    test_late_more();
    test_late_idle();
    test_late_refused();
    test_late_free();
    return tap_done();
}
