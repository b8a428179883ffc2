/* core/event/offload: jobs run on threads, complete on the loop, and the queue has an end. */
#include "core/event/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "t/unit/tap.h"

struct job {
    struct wr_job job;
    pthread_t ran_on;
    bool signals_blocked;
    int work; /* how often */
    int done;
    unsigned again; /* added anew from done, so often */
    useconds_t takes_us;
};

static struct wr_loop *loop;
static struct wr_offload *offload;
static pthread_t main_thread;
static unsigned left;
static unsigned wrong_thread;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held: gated jobs wait */

static void
work(struct wr_job *j)
{
    struct job *job = wr_container(j, struct job, job);
    sigset_t set;

    job->ran_on = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    job->signals_blocked =
        sigismember(&set, SIGTERM) && sigismember(&set, SIGHUP) && sigismember(&set, SIGUSR1);
    job->work++;
    if (job->takes_us) {
        usleep(job->takes_us);
    }
}

static void
gated(struct wr_job *j)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    work(j);
}

static void
done(struct wr_job *j)
{
    struct job *job = wr_container(j, struct job, job);

    wrong_thread += !pthread_equal(pthread_self(), main_thread) || j->queued;
    job->done++;
    if (job->again > 0) {
        job->again--;
        wr_offload_add(offload, j);
        return;
    }
    if (--left == 0) {
        wr_loop_stop(loop);
    }
}

static void
on_timeout(struct wr_timer *t)
{
    (void)t;
    wr_loop_stop(loop);
}

static void
run_loop(void)
{
    struct wr_timer timeout;

    wr_timer_init(&timeout, on_timeout);
    wr_clock_update();
    wr_loop_timer(loop, &timeout, wr_clock.mono_ms + 10000);
    loop->stop = false;
    wr_loop_run(loop);
    wr_timer_stop(&loop->wheel, &timeout);
}

static void
test_run(void)
{
    enum { N = 1000 };
    struct job *jobs = calloc(N, sizeof(*jobs));
    unsigned worked = 0, finished = 0, elsewhere = 0, blocked = 0, added = 0;

    left = N;
    for (unsigned i = 0; i < N; i++) {
        jobs[i].job.work = work;
        jobs[i].job.done = done;
        jobs[i].takes_us = i % 50 == 0 ? 200 : 0;
        added += wr_offload_add(offload, &jobs[i].job);
    }
    tap_is_int(added, N, "1000 jobs are taken");
    run_loop();
    for (unsigned i = 0; i < N; i++) {
        worked += jobs[i].work == 1;
        finished += jobs[i].done == 1;
        elsewhere += !pthread_equal(jobs[i].ran_on, main_thread);
        blocked += jobs[i].signals_blocked;
    }
    tap_is_int(worked, N, "each runs once");
    tap_is_int(finished, N, "and is done once");
    tap_is_int(elsewhere, N, "on a thread of its own");
    tap_is_int(blocked, N, "that gets no signals");
    tap_is_int(wrong_thread, 0, "done() runs on the loop, when the job may be added again");

    jobs[0].again = 500;
    jobs[0].done = jobs[0].work = 0;
    left = 1;
    wr_offload_add(offload, &jobs[0].job);
    run_loop();
    tap_is_int(jobs[0].work, 501, "a job can add itself again in done()");
    free(jobs);
}

static void
test_side_by_side(void)
{
    struct job jobs[WR_OFFLOAD_THREADS] = {0};
    struct timespec a, b;

    left = WR_OFFLOAD_THREADS;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (unsigned i = 0; i < WR_OFFLOAD_THREADS; i++) {
        jobs[i].job.work = work;
        jobs[i].job.done = done;
        jobs[i].takes_us = 200000;
        wr_offload_add(offload, &jobs[i].job);
    }
    run_loop();
    clock_gettime(CLOCK_MONOTONIC, &b);
    double s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    tap_ok(s < 0.2 * WR_OFFLOAD_THREADS - 0.05, "slow jobs run side by side: %.0f ms", s * 1e3);
}

static void
test_full(void)
{
    enum { N = WR_OFFLOAD_QUEUE + 2 * WR_OFFLOAD_THREADS };
    struct job *jobs = calloc(N, sizeof(*jobs));
    unsigned taken = 0, after = 0, queued = 0;

    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < N; i++) {
        jobs[i].job.work = gated;
        jobs[i].job.done = done;
        if (wr_offload_add(offload, &jobs[i].job)) {
            taken++;
        } else {
            queued += jobs[i].job.queued;
        }
    }
    tap_ok(taken >= WR_OFFLOAD_QUEUE && taken <= WR_OFFLOAD_QUEUE + WR_OFFLOAD_THREADS,
           "a full queue refuses: %u taken", taken);
    tap_is_int(queued, 0, "and leaves the refused ones alone");
    left = taken;
    pthread_mutex_unlock(&gate);
    run_loop();
    for (unsigned i = 0; i < N; i++) {
        after += (unsigned)jobs[i].done;
    }
    tap_is_int(after, taken, "the others are done");
    free(jobs);
}

static void
test_end(void)
{
    struct job jobs[8] = {0};
    unsigned worked = 0, finished = 0;

    for (unsigned i = 0; i < 8; i++) {
        jobs[i].job.work = work;
        jobs[i].job.done = done;
        jobs[i].takes_us = 50000;
        wr_offload_add(offload, &jobs[i].job);
    }
    usleep(10000);
    wr_offload_free(offload);
    for (unsigned i = 0; i < 8; i++) {
        worked += (unsigned)jobs[i].work;
        finished += (unsigned)jobs[i].done;
    }
    tap_ok(worked >= 1 && worked <= WR_OFFLOAD_THREADS, "free waits for what runs: %u, and starts no more",
           worked);
    tap_is_int(finished, 0, "done() is not called any more");

    offload = wr_offload_new(loop);
    tap_ok(offload != NULL, "one that is never used");
    wr_offload_free(offload);
}

int
main(void)
{
    main_thread = pthread_self();
    loop = wr_loop_new();
    offload = wr_offload_new(loop);
    tap_ok(offload != NULL, "new");
    test_run();
    test_side_by_side();
    test_full();
    test_end();
    wr_loop_free(loop);
    return tap_done();
}
