/*
 * Draining rings.  One job at a time does a pass over all rings; between two
 * passes the loop swaps files and tells what went wrong.
 */
#include "workers/logdrain.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/slot.h"
#include "workers/channel.h"

#define LOGDRAIN_LINES 1024 /* of one ring at once */
#define LOGDRAIN_BATCH_BYTES (128 * 1024)
#define LOGDRAIN_WAITING_BYTES (256 * 1024) /* kept for a stream that takes nothing */
#define LOGDRAIN_PIPE_BYTES 4096            /* what a writable pipe takes without blocking */
#define LOGDRAIN_AGAIN_MS 50
#define LOGDRAIN_FILE_TRIES 40  /* for a file that the master shall send: 2 s */
#define LOGDRAIN_FINISH_MS 2000 /* a stream that takes nothing holds an exit up no longer */
#define LOGDRAIN_DONE UINT32_MAX

/* One log as the keeper sees it. */
struct logdrain_file {
    struct wr_logfile f;
    struct wr_logfile next; /* has come while a pass was running */
    char *rest;             /* not yet taken: of a stream, or the end of a line that a full disk cut */
    size_t rest_n;
    uint64_t lost; /* lines, since the last word about it */
    int err;
    unsigned tries; /* asked the master so often */
    bool wanted;    /* lines wait and there is no file */
    bool cut;       /* a stream: the last byte that it took was not the end of a line */
};

struct wr_logdrain {
    struct wr_job job;
    struct wr_timer timer;
    struct wr_loop *loop;
    struct wr_offload *offload;
    void *rings;
    struct logdrain_file file[WR_LOG_IDS];
    bool begun;
    bool running;
    bool again;   /* something came while it ran */
    bool blocked; /* a stream takes nothing, or a file is missing: look again soon */
    bool empty;   /* the pass left every ring empty */
    bool all;     /* finish: not before that, or until it is in vain */
    uint64_t finish_by_ms;
    void (*finish)(void *arg);
    void *finish_arg;
    uint64_t damaged;
    struct wr_log_gate gate_lost, gate_full;
    struct wr_logring_line lines[LOGDRAIN_LINES];
    char batch[LOGDRAIN_BATCH_BYTES + WR_LOGRING_LINE_BYTES];
};

/*
 * Writing (on the thread).
 */

/* Writes until all is taken or an error comes; returns how much was taken. */
static size_t
logdrain_write(int fd, const char *p, size_t n, int *err)
{
    size_t done = 0;

    *err = 0;
    while (done < n) {
        ssize_t k = write(fd, p + done, n - done);
        if (k >= 0) {
            done += (size_t)k;
        } else if (errno != EINTR) {
            *err = errno;
            break;
        }
    }
    return done;
}

static uint64_t
logdrain_count_lines(const char *p, size_t n)
{
    uint64_t lines = 0;

    for (const char *end = p + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) {
        lines++;
    }
    return lines;
}

static void
logdrain_keep_rest(struct logdrain_file *lf, const char *p, size_t n)
{
    lf->rest = wr_realloc(lf->rest, lf->rest_n + n);
    memcpy(lf->rest + lf->rest_n, p, n);
    lf->rest_n += n;
}

static void
logdrain_drop_rest(struct logdrain_file *lf, size_t taken)
{
    lf->rest_n -= taken;
    memmove(lf->rest, lf->rest + taken, lf->rest_n);
    if (lf->rest_n == 0) {
        free(lf->rest);
        lf->rest = NULL;
    }
}

/* A plain file: what it does not take is lost, but for the end of a line whose beginning is written. */
static void
logdrain_to_file(struct logdrain_file *lf, const char *p, size_t n)
{
    if (lf->rest_n > 0) {
        size_t taken = logdrain_write(lf->f.fd, lf->rest, lf->rest_n, &lf->err);
        logdrain_drop_rest(lf, taken);
    }
    size_t done = lf->rest_n == 0 ? logdrain_write(lf->f.fd, p, n, &lf->err) : 0;
    if (done == n) {
        return;
    }
    if (done > 0 && p[done - 1] != '\n') {
        const char *end = memchr(p + done, '\n', n - done);
        size_t tail = end != NULL ? (size_t)(end + 1 - (p + done)) : n - done;
        logdrain_keep_rest(lf, p + done, tail);
        done += tail;
    }
    lf->lost += logdrain_count_lines(p + done, n - done);
}

/* How much of p a stream takes without blocking. */
static size_t
logdrain_offer(struct logdrain_file *lf, const char *p, size_t n)
{
    size_t done = 0;
    struct pollfd pfd = {.fd = lf->f.fd, .events = POLLOUT};

    while (done < n && poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT)) {
        ssize_t k = write(lf->f.fd, p + done, WR_MIN(n - done, (size_t)LOGDRAIN_PIPE_BYTES));
        if (k < 0 && errno != EINTR && errno != EAGAIN) {
            lf->err = errno;
            break;
        }
        if (k <= 0) {
            break;
        }
        done += (size_t)k;
        lf->cut = p[done - 1] != '\n';
    }
    if (pfd.revents & (POLLERR | POLLNVAL)) {
        lf->err = EPIPE;
    }
    return done;
}

/* Whole lines of p that there is room for while the stream takes nothing. */
static size_t
logdrain_room(const struct logdrain_file *lf, const char *p, size_t n)
{
    size_t room = lf->rest_n < LOGDRAIN_WAITING_BYTES ? LOGDRAIN_WAITING_BYTES - lf->rest_n : 0;

    if (n > room) {
        const char *end = memrchr(p, '\n', room);
        n = end != NULL ? (size_t)(end + 1 - p) : 0;
    }
    return n;
}

/* A stream that has failed: what waits is lost, but for the end of a line whose beginning it took. */
static void
logdrain_lose_rest(struct logdrain_file *lf)
{
    const char *end = lf->cut ? memchr(lf->rest, '\n', lf->rest_n) : NULL;
    size_t keep = end != NULL ? (size_t)(end + 1 - lf->rest) : 0;

    lf->lost += logdrain_count_lines(lf->rest + keep, lf->rest_n - keep);
    lf->rest_n = keep;
}

static void
logdrain_to_stream(struct logdrain_file *lf, const char *p, size_t n)
{
    size_t done = 0;

    if (lf->rest_n > 0) {
        logdrain_drop_rest(lf, logdrain_offer(lf, lf->rest, lf->rest_n));
    }
    if (lf->rest_n == 0) {
        done = logdrain_offer(lf, p, n);
    }
    size_t keep = logdrain_room(lf, p + done, n - done);
    if (keep > 0) {
        logdrain_keep_rest(lf, p + done, keep);
    }
    lf->lost += logdrain_count_lines(p + done + keep, n - done - keep);
    if (lf->err != 0 && lf->rest_n > 0) {
        logdrain_lose_rest(lf);
    }
}

static void
logdrain_to_syslog(struct logdrain_file *lf, const char *p, size_t n)
{
    while (n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t len = end != NULL ? (size_t)(end + 1 - p) : n;
        if (!wr_logfiles_syslog(p, len)) {
            lf->lost++;
            lf->err = errno;
        }
        p += len;
        n -= len;
    }
}

static void
logdrain_put(struct logdrain_file *lf, const char *p, size_t n)
{
    if (lf->f.kind == WR_LOGFILE_FILE) {
        logdrain_to_file(lf, p, n);
    } else if (lf->f.kind == WR_LOGFILE_STREAM) {
        logdrain_to_stream(lf, p, n);
    } else if (lf->f.kind == WR_LOGFILE_SYSLOG) {
        logdrain_to_syslog(lf, p, n);
    } else {
        lf->lost += logdrain_count_lines(p, n);
        lf->err = ENOENT;
    }
}

/*
 * A ring (on the thread).
 */

/* Notes what will be appended to which file, then appends. */
static void
logdrain_put_noted(struct wr_logdrain *d, struct wr_logring_intent *it, unsigned id, size_t n)
{
    struct logdrain_file *lf = &d->file[id];
    struct stat st;

    if (lf->f.kind == WR_LOGFILE_FILE && fstat(lf->f.fd, &st) == 0) {
        it->id = id;
        it->device = st.st_dev;
        it->inode = st.st_ino;
        it->size_bytes = (uint64_t)st.st_size;
        atomic_signal_fence(memory_order_seq_cst);
        it->writing = 1;
        atomic_signal_fence(memory_order_seq_cst);
    }
    logdrain_put(lf, d->batch, n);
    atomic_signal_fence(memory_order_seq_cst);
    it->done[id / 8] |= (uint8_t)(1u << id % 8);
    atomic_signal_fence(memory_order_seq_cst);
    it->writing = 0;
}

/* The lines of one id among the first n, one behind the other in d->batch; they are marked as done. */
static size_t
logdrain_gather(struct wr_logdrain *d, unsigned n, unsigned id)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < n; i++) {
        if (d->lines[i].id == id) {
            memcpy(d->batch + bytes, d->lines[i].p, d->lines[i].n);
            bytes += d->lines[i].n;
            d->lines[i].id = LOGDRAIN_DONE;
        }
    }
    return bytes;
}

static void
logdrain_write_lines(struct wr_logdrain *d, struct wr_logring_intent *it, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned id = d->lines[i].id;
        if (id != LOGDRAIN_DONE) {
            size_t bytes = logdrain_gather(d, n, id);
            if (!(it->done[id / 8] & 1u << id % 8)) {
                logdrain_put_noted(d, it, id, bytes);
            }
        }
    }
}

/* Whether lines of that id can go somewhere, or must wait for the file that the master was asked for. */
static bool
logdrain_has_file(struct wr_logdrain *d, unsigned id)
{
    struct logdrain_file *lf = &d->file[id];

    if (lf->f.kind != WR_LOGFILE_NONE || lf->tries >= LOGDRAIN_FILE_TRIES) {
        return true;
    }
    lf->wanted = true;
    d->blocked = true;
    return false;
}

/* Collects lines from *cursor on, until `upto`, a batch is full, or a file is missing. */
static unsigned
logdrain_collect(struct wr_logdrain *d, const struct wr_logring *ring, uint64_t *cursor, uint64_t upto)
{
    unsigned n = 0;
    size_t bytes = 0;

    while (n < LOGDRAIN_LINES && bytes < LOGDRAIN_BATCH_BYTES && *cursor < upto) {
        uint64_t next = *cursor;
        bool damaged;
        if (!wr_logring_next(ring, &next, &d->lines[n], &damaged)) {
            d->damaged += damaged;
            *cursor = next;
            break;
        }
        if (!logdrain_has_file(d, d->lines[n].id)) {
            break;
        }
        bytes += d->lines[n++].n;
        *cursor = next;
    }
    return n;
}

/* A batch; false when nothing (more) can be drained from the ring now. */
static bool
logdrain_ring_once(struct wr_logdrain *d, struct wr_logring *ring)
{
    struct wr_logring_intent *it = wr_logring_intent(ring);
    uint64_t tail = wr_logring_tail(ring);
    uint64_t cursor = tail;
    unsigned n = logdrain_collect(d, ring, &cursor, UINT64_MAX);

    if (cursor == tail) {
        return false;
    }
    memset(it->done, 0, sizeof(it->done));
    it->writing = 0;
    atomic_signal_fence(memory_order_seq_cst);
    it->upto = cursor;
    atomic_signal_fence(memory_order_seq_cst);
    logdrain_write_lines(d, it, n);
    wr_logring_release(ring, cursor);
    return n > 0;
}

/* How much of the batch stands in the file already, behind what was there before it. */
static size_t
logdrain_find_written(struct wr_logdrain *d, const struct wr_logring_intent *it, size_t n)
{
    int fd = d->file[it->id].f.fd;
    struct stat st;
    char text[4096];
    size_t same = 0;

    if (fstat(fd, &st) < 0 || (uint64_t)st.st_dev != it->device || (uint64_t)st.st_ino != it->inode) {
        return 0;
    }
    while (same < n) {
        ssize_t k = pread(fd, text, WR_MIN(n - same, sizeof(text)), (off_t)(it->size_bytes + same));
        if (k <= 0 || memcmp(text, d->batch + same, (size_t)k) != 0) {
            break;
        }
        same += (size_t)k;
    }
    return same;
}

/* The keeper before this one was killed in the middle of a batch: does the rest of it. */
static void
logdrain_resume(struct wr_logdrain *d, struct wr_logring *ring)
{
    struct wr_logring_intent *it = wr_logring_intent(ring);
    uint64_t cursor = wr_logring_tail(ring);

    if (it->upto <= cursor || it->upto - cursor > WR_LOGRING_BYTES) {
        return;
    }
    unsigned n = logdrain_collect(d, ring, &cursor, it->upto);
    if (cursor != it->upto) {
        return;
    }
    if (it->writing && it->id < WR_LOG_IDS && d->file[it->id].f.kind == WR_LOGFILE_FILE) {
        unsigned id = it->id;
        size_t bytes = logdrain_gather(d, n, id);
        size_t written = logdrain_find_written(d, it, bytes);
        logdrain_put(&d->file[id], d->batch + written, bytes - written);
        it->done[id / 8] |= (uint8_t)(1u << id % 8);
    }
    it->writing = 0;
    logdrain_write_lines(d, it, n);
    wr_logring_release(ring, cursor);
}

static void
logdrain_ring(struct wr_logdrain *d, unsigned slot)
{
    struct wr_logring *ring = wr_logring_of(d->rings, slot);

    /* a producer as fast as this would hold the others up */
    for (unsigned i = 0; i < 8 && logdrain_ring_once(d, ring); i++) {
    }
    d->empty = d->empty && wr_logring_waiting_bytes(ring) == 0;
}

static void
logdrain_offer_rests(struct wr_logdrain *d)
{
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        struct logdrain_file *lf = &d->file[id];
        if (lf->rest_n > 0 && lf->f.kind == WR_LOGFILE_STREAM) {
            logdrain_to_stream(lf, "", 0);
            d->blocked = d->blocked || lf->rest_n > 0;
        }
    }
}

static void
logdrain_work(struct wr_job *j)
{
    struct wr_logdrain *d = wr_container(j, struct wr_logdrain, job);
    unsigned n = atomic_load(&wr_slots_table()->claimed);

    d->blocked = false;
    d->empty = true;
    for (unsigned slot = 0; slot < WR_MIN(n, (unsigned)WR_SLOTS_CHILDREN); slot++) {
        logdrain_ring(d, slot);
    }
    logdrain_offer_rests(d);
}

/*
 * Between passes (on the loop).
 */

static void
logdrain_tell_lost(struct wr_logdrain *d, unsigned id, struct logdrain_file *lf)
{
    uint32_t before;

    if (lf->lost == 0 || (!wr_log_gate(&d->gate_lost, 1, &before) && d->finish == NULL)) {
        return;
    }
    wr_log(WR_LOG_ERROR, "cannot write a log id=%u lines=%llu: %s; these lines are lost", id,
           (unsigned long long)lf->lost, strerror(lf->err != 0 ? lf->err : EAGAIN));
    lf->lost = 0;
    lf->err = 0;
}

/* The counts stay in the rings until the line that tells of them is in one too. */
static void
logdrain_tell_full(struct wr_logdrain *d)
{
    unsigned n = WR_MIN(atomic_load(&wr_slots_table()->claimed), (unsigned)WR_SLOTS_CHILDREN);
    uint32_t before;
    bool pass = false;

    for (unsigned slot = 0; slot < n; slot++) {
        struct wr_logring *ring = wr_logring_of(d->rings, slot);
        uint64_t lines = wr_logring_untold(ring);
        if (lines == 0) {
            continue;
        }
        /* once a second, but nothing is kept back at the end */
        if (!pass && !wr_log_gate(&d->gate_full, 1, &before) && d->finish == NULL) {
            return;
        }
        pass = true;
        wr_log(WR_LOG_ERROR, "log ring was full slot=%u lines=%llu; these lines are lost", slot,
               (unsigned long long)lines);
        wr_logring_told(ring, lines);
    }
}

static void
logdrain_tell(struct wr_logdrain *d)
{
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        logdrain_tell_lost(d, id, &d->file[id]);
    }
    if (d->damaged > 0) {
        wr_log(WR_LOG_ALERT, "log ring is damaged rings=%llu; what stood in it is lost",
               (unsigned long long)d->damaged);
        d->damaged = 0;
    }
    logdrain_tell_full(d);
}

static void
logdrain_swap(struct logdrain_file *lf)
{
    if (lf->next.kind == WR_LOGFILE_NONE) {
        return;
    }
    /* the end of a line that the old file did not take must not begin the new one */
    if (lf->rest_n > 0 && lf->f.kind == WR_LOGFILE_FILE) {
        logdrain_drop_rest(lf, lf->rest_n);
    }
    if (lf->f.kind != WR_LOGFILE_NONE && lf->f.fd > STDERR_FILENO) {
        close(lf->f.fd);
    }
    lf->f = lf->next;
    lf->next = (struct wr_logfile){WR_LOGFILE_NONE, -1};
    lf->wanted = false;
    lf->tries = 0;
}

static void
logdrain_ask(struct wr_logdrain *d)
{
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        struct logdrain_file *lf = &d->file[id];
        if (lf->wanted && lf->tries++ % 10 == 0) {
            struct wr_message m = {.type = WR_MSG_NEED_LOG, .value = id};
            wr_channel_send(wr_slots_master(), &m, -1);
        }
        lf->wanted = false;
    }
}

static void
logdrain_start(struct wr_logdrain *d)
{
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        logdrain_swap(&d->file[id]);
    }
    d->again = false;
    d->running = wr_offload_add(d->offload, &d->job);
    if (!d->running) {
        wr_loop_timer(d->loop, &d->timer, wr_clock.mono_ms + LOGDRAIN_AGAIN_MS);
    }
}

static void
logdrain_done(struct wr_job *j)
{
    struct wr_logdrain *d = wr_container(j, struct wr_logdrain, job);

    d->running = false;
    logdrain_tell(d);
    logdrain_ask(d);
    /* what was just told is in a ring too */
    d->empty = d->empty && wr_logring_waiting_bytes(wr_logring_of(d->rings, wr_slot_self())) == 0;
    if (d->finish != NULL &&
        (!d->all || (d->empty && !d->blocked) || (d->blocked && wr_clock.mono_ms > d->finish_by_ms))) {
        void (*fn)(void *) = d->finish;
        d->finish = NULL;
        fn(d->finish_arg);
        return;
    }
    if (d->again || (!d->empty && !d->blocked)) {
        logdrain_start(d);
    } else if (d->blocked) {
        wr_loop_timer(d->loop, &d->timer, wr_clock.mono_ms + LOGDRAIN_AGAIN_MS);
    }
}

static void
logdrain_on_timer(struct wr_timer *t)
{
    wr_logdrain_kick(wr_container(t, struct wr_logdrain, timer));
}

struct wr_logdrain *
wr_logdrain_new(struct wr_loop *l, struct wr_offload *o, void *rings)
{
    struct wr_logdrain *d = wr_calloc(1, sizeof(*d));

    d->loop = l;
    d->offload = o;
    d->rings = rings;
    d->job.work = logdrain_work;
    d->job.done = logdrain_done;
    wr_timer_init(&d->timer, logdrain_on_timer);
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        d->file[id].f = wr_logfiles_at(id);
        d->file[id].next = (struct wr_logfile){WR_LOGFILE_NONE, -1};
    }
    return d;
}

void
wr_logdrain_begin(struct wr_logdrain *d)
{
    unsigned n = atomic_load(&wr_slots_table()->claimed);

    d->begun = true;
    for (unsigned id = 0; id < WR_LOG_IDS; id++) {
        logdrain_swap(&d->file[id]);
    }
    for (unsigned slot = 0; slot < WR_MIN(n, (unsigned)WR_SLOTS_CHILDREN); slot++) {
        logdrain_resume(d, wr_logring_of(d->rings, slot));
    }
    logdrain_start(d);
}

void
wr_logdrain_kick(struct wr_logdrain *d)
{
    if (d->running) {
        d->again = true;
    } else if (d->begun) {
        logdrain_start(d);
    }
}

void
wr_logdrain_file(struct wr_logdrain *d, unsigned id, struct wr_logfile f)
{
    wr_assert(id < WR_LOG_IDS);
    if (d->file[id].next.kind != WR_LOGFILE_NONE && d->file[id].next.fd > STDERR_FILENO) {
        close(d->file[id].next.fd);
    }
    d->file[id].next = f;
    wr_logdrain_kick(d);
}

void
wr_logdrain_finish(struct wr_logdrain *d, bool all, void (*fn)(void *arg), void *arg)
{
    d->all = all;
    d->finish_by_ms = wr_clock.mono_ms + LOGDRAIN_FINISH_MS;
    d->finish = fn;
    d->finish_arg = arg;
    wr_logdrain_kick(d);
}
