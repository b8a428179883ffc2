/* core/event/loop: flags that stick, batches, turns and what runs in them, sleeping. */
#include "core/event/loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <time.h>

#include "t/unit/loop_probe.h"

/* ---- flags ---- */

static void
test_flags(void)
{
    struct probe p;
    int fd[2];

    probe_init(&p, 'p');
    pair(fd);
    tap_ok(wr_loop_add(loop, &p.ev, fd[0], on_ev), "a socket is added");
    turn();
    tap_ok(p.calls == 1 && p.ev.writable && !p.ev.readable, "its first event: writable");
    turn();
    tap_is_int(p.calls, 1, "which is told once");
    tap_ok(p.ev.writable, "and stays");
    put(fd[1], "x");
    turn();
    tap_ok(p.calls == 2 && p.ev.readable && !p.ev.rdhup, "a byte: readable");
    turn();
    tap_ok(p.calls == 2 && p.ev.readable, "nobody reads: it stays readable without another event");
    p.ev.readable = false;
    turn();
    tap_ok(p.calls == 2 && !p.ev.readable, "who clears the flag is not told of the same byte again");
    put(fd[1], "y");
    turn();
    tap_ok(p.calls == 3 && p.ev.readable, "but of the next");
    p.ev.readable = false;
    shutdown(fd[1], SHUT_WR);
    turn();
    tap_ok(p.calls == 4 && p.ev.rdhup && p.ev.readable && !p.ev.error, "FIN: rdhup, and it is readable");
    close(fd[1]);
    turn();
    tap_ok(p.ev.rdhup && p.ev.writable, "flags stay to the end");
    drop(&p);
    tap_is_int(p.ev.fd, -1, "a deleted one has no descriptor");
}

static void
test_reset(void)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    struct probe p;
    int fd[2];

    probe_init(&p, 'p');
    tcp_pair(fd);
    wr_loop_add(loop, &p.ev, fd[0], on_ev);
    turn();
    p.ev.readable = p.ev.writable = false;
    setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd[1]);
    p.then = stop_loop;
    run_loop(2000);
    tap_ok(p.ev.error && p.ev.readable && p.ev.writable,
           "a reset is an error, to be met by reading and writing");
    drop(&p);
}

static void
read_byte(struct probe *p)
{
    char byte;

    if (p->calls == 3) {
        p->calls += read(p->ev.fd, &byte, 1) == 1 ? 0 : 100;
    }
}

static void
test_level(void)
{
    struct probe p;
    int fd[2];

    probe_init(&p, 'p');
    pair(fd);
    tap_ok(wr_loop_add_level(loop, &p.ev, fd[0], on_ev), "a descriptor of our own is added");
    turn();
    tap_is_int(p.calls, 0, "it is watched for reading only");
    put(fd[1], "x");
    p.then = read_byte;
    for (unsigned i = 0; i < 6; i++) {
        turn();
    }
    tap_is_int(p.calls, 3, "and called every turn until it was read");
    drop(&p);
    close(fd[1]);
}

static void
test_refused(void)
{
    struct probe p;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    probe_init(&p, 'p');
    errno = 0;
    tap_ok(!wr_loop_add(loop, &p.ev, fd, on_ev), "a descriptor that epoll refuses");
    tap_ok(errno == EPERM && p.ev.fd == -1, "says why and is not there");
    wr_loop_more(loop, &p.ev);
    wr_loop_del(loop, &p.ev, true);
    turn();
    tap_is_int(p.calls, 0, "more and del do nothing then");
    close(fd);
}

/* ---- a batch ---- */

static void
note_other(struct probe *p)
{
    if (p->other->ev.readable) {
        note('!');
    }
}

static void
drop_other(struct probe *p)
{
    wr_loop_del(loop, &p->other->ev, false);
}

static void
test_batch(void)
{
    struct probe p, q;
    int a[2], b[2];

    probe_init(&p, 'p');
    probe_init(&q, 'q');
    p.other = &q;
    q.other = &p;
    pair(a);
    pair(b);
    wr_loop_add(loop, &p.ev, a[0], on_ev);
    wr_loop_add(loop, &q.ev, b[0], on_ev);
    turn();
    put(a[1], "x");
    put(b[1], "x");
    order[0] = '\0';
    p.then = q.then = note_other;
    turn();
    tap_is_str(order, "p!q!", "all flags of a turn are set before the first handler runs");
    put(a[1], "x");
    put(b[1], "x");
    p.calls = q.calls = 0;
    p.then = q.then = drop_other;
    turn();
    tap_is_int(p.calls + q.calls, 1, "who was deleted by a handler before it in the batch is not called");
    turn();
    tap_is_int(p.calls + q.calls, 1, "nor later");
    wr_loop_del(loop, &p.ev, false);
    wr_loop_del(loop, &q.ev, false);
    for (unsigned i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

static void
test_shared(void)
{
    struct probe p;
    int fd[2];

    probe_init(&p, 'p');
    pair(fd);
    wr_loop_add(loop, &p.ev, fd[0], on_ev);
    turn();
    int kept = dup(fd[0]);
    wr_loop_del(loop, &p.ev, true);
    close(fd[0]);
    put(fd[1], "x");
    struct epoll_event e;
    tap_is_int(epoll_wait(loop->epfd, &e, 1, 0), 0,
               "a descriptor whose open file lives on elsewhere is taken out of epoll");
    close(kept);
    close(fd[1]);
}

/* ---- more ---- */

static void
more_twice(struct probe *p)
{
    wr_loop_more(loop, &p->ev);
    wr_loop_more(loop, &p->ev);
}

static void
test_more(void)
{
    struct probe p, q;
    int a[2], b[2];

    probe_init(&p, 'p');
    probe_init(&q, 'q');
    pair(a);
    pair(b);
    wr_loop_add(loop, &p.ev, a[0], on_ev);
    wr_loop_add(loop, &q.ev, b[0], on_ev);
    order[0] = '\0';
    p.then = more_twice;
    turn();
    tap_is_str(order, "pqp", "who asks for more is called again once, behind the turn's events");
    turn();
    tap_is_str(order, "pqpp", "asking there, once in the next turn");
    p.then = NULL;
    turn();
    tap_is_str(order, "pqppp", "and the next");
    turn();
    tap_is_str(order, "pqppp", "until nobody asks");
    wr_loop_more(loop, &p.ev);
    wr_loop_more(loop, &q.ev);
    tap_ok(p.ev.more && q.ev.more, "both stand in the list");
    p.then = drop_other;
    p.other = &q;
    turn();
    tap_ok(p.calls == 5 && q.calls == 1, "who is deleted by one before it in the list is not called");
    wr_loop_more(loop, &p.ev);
    wr_loop_del(loop, &p.ev, false);
    turn();
    tap_ok(p.calls == 5 && !p.ev.more && wr_list_empty(&loop->ready),
           "and one that is deleted leaves the list");
    for (unsigned i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

/* ---- tasks ---- */

struct job {
    struct wr_task task;
    char letter;
    unsigned runs;
    bool again;
};

static struct job posted;

static void
on_task(struct wr_task *t)
{
    struct job *j = wr_container(t, struct job, task);

    j->runs++;
    note(j->letter);
    if (j->again) {
        wr_loop_post(loop, t);
    }
}

static void
post_twice(struct probe *p)
{
    wr_loop_post(loop, &posted.task);
    wr_loop_post(loop, &posted.task);
    note(p->letter);
}

static void
test_tasks(void)
{
    struct probe p, q;
    int a[2], b[2];

    probe_init(&p, 'p');
    probe_init(&q, 'q');
    posted = (struct job){.task.fn = on_task, .letter = 't'};
    pair(a);
    pair(b);
    wr_loop_add(loop, &p.ev, a[0], on_ev);
    wr_loop_add(loop, &q.ev, b[0], on_ev);
    order[0] = '\0';
    p.then = post_twice;
    turn();
    tap_is_str(order, "pptq", "a task runs behind the callback that posted it, once, before the next event");
    wr_loop_post(loop, &posted.task);
    wr_loop_unpost(&posted.task);
    wr_loop_unpost(&posted.task);
    turn();
    tap_is_int(posted.runs, 1, "one that was taken back does not run");
    p.then = NULL;
    put(a[1], "x");
    posted.again = true;
    wr_loop_post(loop, &posted.task);
    order[0] = '\0';
    turn();
    tap_ok(p.calls == 2 && posted.runs < 2000, "one that posts itself for ever does not keep events away");
    wr_loop_unpost(&posted.task);
    drop(&p);
    drop(&q);
    close(a[1]);
    close(b[1]);
}

/* ---- graves ---- */

struct buried {
    struct wr_grave grave;
    char letter;
};

static void
on_grave(struct wr_grave *g)
{
    note(wr_container(g, struct buried, grave)->letter);
}

static struct buried dead[2];

static void
bury(struct probe *p)
{
    (void)p;
    wr_loop_bury(loop, &dead[0].grave, on_grave);
    wr_loop_post(loop, &posted.task);
    wr_loop_more(loop, &p->ev);
    p->then = NULL;
}

static void
test_graves(void)
{
    struct probe p;
    int fd[2];

    probe_init(&p, 'p');
    dead[0].letter = 'g';
    posted = (struct job){.task.fn = on_task, .letter = 't'};
    pair(fd);
    wr_loop_add(loop, &p.ev, fd[0], on_ev);
    order[0] = '\0';
    p.then = bury;
    turn();
    tap_is_str(order, "ptpg", "memory is freed when all of the turn is over");
    drop(&p);
    close(fd[1]);
}

/* ---- sleeping ---- */

static unsigned sleeps, wakes;
static bool mail;

static void
before_sleep(void *arg)
{
    (void)arg;
    sleeps++;
    if (mail) {
        mail = false;
        wr_loop_post(loop, &posted.task);
    }
}

static void
after_sleep(void *arg)
{
    (void)arg;
    wakes++;
}

static uint64_t told_us;

static void
turn_took(void *arg, uint64_t us)
{
    (void)arg;
    told_us = us;
}

static void
be_long(struct wr_task *t)
{
    struct timespec ms = {.tv_nsec = 25000000};

    (void)t;
    nanosleep(&ms, NULL);
    wr_loop_stop(loop);
}

static void
test_sleep(void)
{
    struct wr_task slow = {.fn = be_long}, last = {.fn = stop_now};

    loop->before_sleep = before_sleep;
    loop->after_sleep = after_sleep;
    turn();
    tap_is_int(sleeps + wakes, 0, "a turn with something to do does not say that it sleeps");
    run_loop(16);
    tap_ok(sleeps > 0 && sleeps == wakes, "one without says so, and that it wakes");
    posted = (struct job){.task = last};
    mail = true;
    wr_clock_update();
    uint64_t began = wr_clock.mono_ms;
    run_loop(5000);
    tap_ok(wr_clock.mono_ms - began < 4000, "what is posted at the last moment is not slept over");
    loop->before_sleep = loop->after_sleep = NULL;
    loop->turn_took = turn_took;
    loop->longest_turn_us = UINT64_MAX;
    turn();
    tap_is_int(told_us, 0, "a short turn is not told of");
    loop->stop = false;
    wr_loop_post(loop, &slow);
    wr_loop_run(loop);
    tap_ok(told_us >= 20000, "one over 20 ms is");
    loop->turn_took = NULL;
}

static void
test_free(void)
{
    dead[0].letter = dead[1].letter = 'g';
    wr_loop_bury(loop, &dead[0].grave, on_grave);
    wr_loop_bury(loop, &dead[1].grave, on_grave);
    order[0] = '\0';
    wr_loop_free(loop);
    tap_is_str(order, "gg", "a loop that is freed frees what was buried");
}

int
main(void)
{
    loop = wr_loop_new();
    test_flags();
    test_reset();
    test_level();
    test_refused();
    test_batch();
    test_shared();
    test_more();
    test_tasks();
    test_graves();
    test_sleep();
    test_free();
    return tap_done();
}
