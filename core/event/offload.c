/*
 * A few threads for what would block.  Threads take jobs from a list and put
 * finished ones on another; an eventfd tells the loop, which calls done().
 * Threads block every signal: those are the loop's.
 */
#include "core/event/offload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/log.h"

#ifdef WR_SANITIZE
#define OFFLOAD_STACK_BYTES (1024 * 1024)
#else
#define OFFLOAD_STACK_BYTES (256 * 1024)
#endif

struct wr_offload {
    struct wr_loop *loop;
    struct wr_ev ev;
    int fd;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;
    struct wr_link jobs;
    struct wr_link finished;
    unsigned queued;  /* in jobs */
    unsigned idle;    /* threads that wait */
    unsigned threads; /* started */
    bool stop;
    pthread_t ids[WR_OFFLOAD_THREADS];
};

/* With the lock held: one job, from its list to the thread and to the other list. */
static void
offload_do(struct wr_offload *o)
{
    struct wr_job *j = wr_list_first(&o->jobs, struct wr_job, link);
    uint64_t one = 1;

    wr_list_del(&j->link);
    o->queued--;
    pthread_mutex_unlock(&o->lock);
    j->work(j);
    pthread_mutex_lock(&o->lock);
    bool tell = wr_list_empty(&o->finished);
    wr_list_add_tail(&o->finished, &j->link);
    if (tell && write(o->fd, &one, sizeof(one)) < 0) {
        wr_assert(errno == EAGAIN); /* the counter is full: the loop is told already */
    }
}

static void *
offload_thread(void *arg)
{
    struct wr_offload *o = arg;

    pthread_mutex_lock(&o->lock);
    while (!o->stop) {
        if (wr_list_empty(&o->jobs)) {
            o->idle++;
            pthread_cond_wait(&o->wake, &o->lock);
            o->idle--;
        } else {
            offload_do(o);
        }
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

static bool
offload_start_thread(struct wr_offload *o)
{
    pthread_attr_t attr;
    sigset_t all, before;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, OFFLOAD_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
    int err = pthread_create(&o->ids[o->threads], &attr, offload_thread, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (err != 0) {
        wr_log(WR_LOG_WARN, "cannot start a thread errno=%d threads=%u", err, o->threads);
        return false;
    }
    pthread_setname_np(o->ids[o->threads], "weir-offload");
    o->threads++;
    return true;
}

/* All that is finished, in the order in which it was. */
static void
offload_collect(struct wr_offload *o, struct wr_link *finished)
{
    wr_list_init(finished);
    pthread_mutex_lock(&o->lock);
    if (!wr_list_empty(&o->finished)) {
        *finished = o->finished;
        finished->next->prev = finished;
        finished->prev->next = finished;
        wr_list_init(&o->finished);
    }
    pthread_mutex_unlock(&o->lock);
}

static void
offload_on_event(struct wr_ev *ev)
{
    struct wr_offload *o = wr_container(ev, struct wr_offload, ev);
    struct wr_link finished;
    uint64_t n;

    ev->readable = false;
    if (read(o->fd, &n, sizeof(n)) < 0) {
        return;
    }
    offload_collect(o, &finished);
    while (!wr_list_empty(&finished)) {
        struct wr_job *j = wr_list_first(&finished, struct wr_job, link);
        wr_list_del(&j->link);
        j->queued = false;
        j->done(j);
    }
}

struct wr_offload *
wr_offload_new(struct wr_loop *l)
{
    struct wr_offload *o = wr_calloc(1, sizeof(*o));

    o->loop = l;
    o->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (o->fd < 0 || !wr_loop_add_level(l, &o->ev, o->fd, offload_on_event)) {
        if (o->fd >= 0) {
            close(o->fd);
        }
        free(o);
        return NULL;
    }
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->wake, NULL);
    wr_list_init(&o->jobs);
    wr_list_init(&o->finished);
    return o;
}

void
wr_offload_free(struct wr_offload *o)
{
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    pthread_cond_broadcast(&o->wake);
    pthread_mutex_unlock(&o->lock);
    for (unsigned i = 0; i < o->threads; i++) {
        pthread_join(o->ids[i], NULL);
    }
    wr_loop_del(o->loop, &o->ev, false);
    close(o->fd);
    pthread_cond_destroy(&o->wake);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

bool
wr_offload_add(struct wr_offload *o, struct wr_job *j)
{
    wr_assert(!j->queued);
    pthread_mutex_lock(&o->lock);
    bool ok = o->queued < WR_OFFLOAD_QUEUE;
    /* Waiting jobs may be more than idle threads that were woken and have not come yet. */
    if (ok && o->queued >= o->idle && o->threads < WR_OFFLOAD_THREADS) {
        ok = offload_start_thread(o) || o->threads > 0;
    }
    if (ok) {
        j->queued = true;
        wr_list_add_tail(&o->jobs, &j->link);
        o->queued++;
        pthread_cond_signal(&o->wake);
    }
    pthread_mutex_unlock(&o->lock);
    return ok;
}
