/* core/http/spool: queues that go on in a temporary file, with a real loop and real threads. */
#include "core/http/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/rand.h"
#include "core/http/request.h"
#include "core/http/spool_file.h"

#include "t/unit/tap.h"

#define SPOOL_KIB 1024u
#define SPOOL_MIB (1024u * 1024u)
#define SPOOL_GUARD_MS 60000

/* One spool with a writer and a reader that go at random. */
struct spool_run {
    struct wr_spool *sp;
    uint64_t to_write;
    uint64_t written;
    uint64_t read;
    size_t piece_most;
    size_t read_most;
    unsigned idle_of_8; /* how often the reader sleeps, in eighths */
    bool reads_early;
    bool by_hand; /* nothing happens by itself, but that a call ends the turns */
    bool inside;  /* a call of ours is running: nothing may call back */
    bool bad;     /* bytes out of order, or called from within */
    unsigned calls;
    uint64_t waiting_most;
    size_t memory_most;
    struct wr_timer timer;
};

static struct wr_service spool_sv;
static struct wr_client spool_client;
static struct wr_route spool_route;
static struct wr_req spool_req;
static struct wr_timer spool_guard;
static unsigned spool_lines;
static char spool_line[2100];
static size_t spool_memory_before;

static void
spool_sink(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    if (level <= WR_LOG_ERROR) {
        memcpy(spool_line, line, n);
        spool_line[n] = '\0';
        spool_lines++;
    }
}

static void
spool_on_guard(struct wr_timer *t)
{
    (void)t;
    printf("Bail out! nothing moves any more\n");
    exit(1);
}

static void
spool_stop(struct wr_timer *t)
{
    (void)t;
    wr_loop_stop(spool_sv.loop);
}

static void
spool_turns(void)
{
    spool_sv.loop->stop = false;
    wr_loop_run(spool_sv.loop);
}

static void
spool_turns_ms(unsigned ms)
{
    struct wr_timer t;

    wr_timer_init(&t, spool_stop);
    wr_loop_timer(spool_sv.loop, &t, wr_clock.mono_ms + ms);
    spool_turns();
    wr_timer_stop(&spool_sv.loop->wheel, &t);
}

static char
spool_byte(uint64_t offset)
{
    return (char)(offset * 2654435761u >> 13);
}

/* A chain with the bytes of the stream from `offset` on, in slices of several kinds. */
static void
spool_make(struct wr_chain *ch, uint64_t offset, size_t n)
{
    while (n > 0) {
        size_t part = wr_rand_below(4) ? WR_BUF_BIG_BYTES : 1 + wr_rand_below(3000);
        part = WR_MIN(n, part);
        struct wr_buf *b = wr_buf_new(wr_rand_below(3) ? WR_BUF_BIG_BYTES : part);
        for (size_t i = 0; i < part; i++) {
            b->data[i] = spool_byte(offset + i);
        }
        wr_chain_add(ch, b, b->data, part);
        wr_buf_unref(b);
        offset += part;
        n -= part;
    }
}

static bool
spool_same(const struct wr_chain *ch, uint64_t offset)
{
    for (const struct wr_slice *s = ch->first; s != NULL; s = s->next) {
        for (size_t i = 0; i < s->n; i++) {
            if (s->p[i] != spool_byte(offset++)) {
                return false;
            }
        }
    }
    return true;
}

/* Descriptors of files that have no name; *bytes: the size of the last of them. */
static unsigned
spool_files(uint64_t *bytes, int *fd)
{
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    unsigned n = 0;

    while ((e = readdir(d)) != NULL) {
        struct stat st;
        /* by its name: a thread may be closing it */
        if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
            st.st_nlink == 0) {
            n++;
            *bytes = (uint64_t)st.st_size;
            if (fd != NULL) {
                *fd = atoi(e->d_name);
            }
        }
    }
    closedir(d);
    return n;
}

static unsigned
spool_files_now(void)
{
    uint64_t bytes;

    return spool_files(&bytes, NULL);
}

/* ---- a writer and a reader ---- */

static void
spool_run_write(struct spool_run *run)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    size_t n = 1 + wr_rand_below((uint32_t)run->piece_most);

    n = WR_MIN(n, wr_spool_room(run->sp));
    n = (size_t)WR_MIN((uint64_t)n, run->to_write - run->written);
    spool_make(&ch, run->written, n);
    run->written += n;
    run->inside = true;
    wr_spool_write(run->sp, &ch);
    run->inside = false;
    run->bad = run->bad || !wr_chain_empty(&ch);
}

static void
spool_run_read(struct spool_run *run)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    size_t most = 1 + wr_rand_below((uint32_t)run->read_most);
    size_t ready = wr_spool_ready_bytes(run->sp);

    run->inside = true;
    wr_spool_read(run->sp, &ch, most);
    run->inside = false;
    run->bad = run->bad || ch.bytes != WR_MIN(most, ready) || !spool_same(&ch, run->read);
    run->read += ch.bytes;
    wr_chain_free(&ch);
}

static void
spool_run_look(struct spool_run *run)
{
    size_t memory = wr_buf_in_use_bytes() - spool_memory_before;
    uint64_t waiting = wr_spool_waiting_bytes(run->sp);

    run->waiting_most = WR_MAX(run->waiting_most, waiting);
    run->memory_most = WR_MAX(run->memory_most, memory);
    run->bad = run->bad || waiting != run->written - run->read;
}

static bool
spool_run_over(const struct spool_run *run)
{
    return run->bad || run->read == run->to_write || wr_spool_error(run->sp) != WR_E_NONE;
}

static void
spool_run_step(struct spool_run *run)
{
    bool may_read = run->reads_early || run->written == run->to_write;

    for (unsigned i = 0; i < 4 && !spool_run_over(run); i++) {
        if (run->written < run->to_write && wr_spool_room(run->sp) > 0) {
            spool_run_write(run);
        }
        if (may_read && wr_rand_below(8) >= run->idle_of_8) {
            spool_run_read(run);
        }
        spool_run_look(run);
    }
    if (spool_run_over(run)) {
        wr_loop_stop(spool_sv.loop);
    }
}

static void
spool_run_changed(void *arg)
{
    struct spool_run *run = arg;

    run->calls++;
    run->bad = run->bad || run->inside;
    if (run->by_hand) {
        wr_loop_stop(spool_sv.loop);
    } else {
        spool_run_step(run);
    }
}

static void
spool_run_on_timer(struct wr_timer *t)
{
    struct spool_run *run = wr_container(t, struct spool_run, timer);

    spool_run_step(run);
    wr_loop_timer(spool_sv.loop, &run->timer, wr_clock.mono_ms + WR_TIMER_TICK_MS);
}

static void
spool_run_begin(struct spool_run *run, enum wr_spool_kind kind, uint64_t most)
{
    spool_memory_before = wr_buf_in_use_bytes();
    run->sp = wr_spool_new(&spool_req, kind, most, spool_run_changed, run);
    wr_timer_init(&run->timer, spool_run_on_timer);
}

static void
spool_run_go(struct spool_run *run)
{
    wr_loop_timer(spool_sv.loop, &run->timer, wr_clock.mono_ms);
    spool_turns();
    wr_timer_stop(&spool_sv.loop->wheel, &run->timer);
}

/* Everything that belonged to the spool is gone once its last job is done. */
static void
spool_run_end(struct spool_run *run, const char *what)
{
    wr_spool_free(run->sp);
    for (unsigned i = 0; i < 200 && (spool_files_now() > 0 || wr_buf_in_use_bytes() != spool_memory_before);
         i++) {
        spool_turns_ms(8);
    }
    tap_is_int(spool_files_now(), 0, "%s: no file is left", what);
    tap_is_int(wr_buf_in_use_bytes(), spool_memory_before, "%s: no memory is left", what);
}

/* ---- tests ---- */

static void
spool_test_small(void)
{
    struct spool_run run = {.to_write = WR_SPOOL_KEEP_BYTES, .piece_most = 5000, .read_most = 9000};

    spool_run_begin(&run, WR_SPOOL_WHOLE, SPOOL_MIB);
    while (run.written < run.to_write) {
        spool_run_write(&run);
    }
    tap_is_int(wr_spool_ready_bytes(run.sp), WR_SPOOL_KEEP_BYTES, "small: all of it is ready");
    tap_ok(wr_buf_in_use_bytes() - spool_memory_before < 3 * WR_SPOOL_KEEP_BYTES, "small: in little memory");
    while (run.read < run.to_write && !run.bad) {
        spool_run_read(&run);
    }
    tap_is_int(wr_spool_waiting_bytes(run.sp), 0, "small: read");
    tap_ok(wr_spool_rewind(run.sp), "small: rewound");
    run.read = 0;
    while (run.read < run.to_write / 2 && !run.bad) {
        spool_run_read(&run);
    }
    tap_ok(wr_spool_rewind(run.sp), "small: rewound from the middle");
    run.read = 0;
    while (run.read < run.to_write && !run.bad) {
        spool_run_read(&run);
    }
    tap_ok(!run.bad, "small: the same bytes each time");
    tap_is_int(spool_files_now(), 0, "small: no file");
    tap_is_int(run.calls, 0, "small: no job");
    spool_run_end(&run, "small");
}

static void
spool_test_whole(void)
{
    struct spool_run run = {.to_write = 5 * SPOOL_MIB + 4711, .piece_most = 40000, .read_most = 90000};
    uint64_t bytes = 0;
    int fd = -1;
    struct stat st;

    spool_run_begin(&run, WR_SPOOL_WHOLE, 6 * SPOOL_MIB);
    spool_run_go(&run);
    tap_is_int(run.read, run.to_write, "whole: all came");
    tap_is_int(spool_files(&bytes, &fd), 1, "whole: one file without a name");
    tap_ok(bytes <= run.to_write && bytes >= run.to_write - WR_SPOOL_KEEP_BYTES, "whole: of the right size");
    tap_ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600,
           "whole: closed at exec, for its owner alone");
    tap_ok(run.memory_most <= 2 * (WR_SPOOL_MEMORY_BYTES + WR_SPOOL_FILE_READ_BYTES) + 200 * SPOOL_KIB,
           "whole: memory stayed bounded (%zu)", run.memory_most);
    run.by_hand = true;
    for (unsigned i = 0; i < 3; i++) {
        run.to_write = i < 2 ? SPOOL_MIB + i : 5 * SPOOL_MIB + 4711;
        run.read = 0;
        wr_spool_rewind(run.sp);
        while (run.read < run.to_write && !run.bad) {
            if (wr_spool_ready_bytes(run.sp) == 0) {
                spool_turns();
            }
            spool_run_read(&run);
        }
    }
    tap_ok(!run.bad, "whole: rewound, also under way: the same bytes again");
    spool_run_end(&run, "whole");
}

static void
spool_test_full(void)
{
    struct spool_run run = {.to_write = 2 * SPOOL_MIB, .piece_most = 30000, .read_most = 1};
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    spool_run_begin(&run, WR_SPOOL_WHOLE, SPOOL_MIB);
    spool_run_go(&run);
    tap_is_int(wr_spool_error(run.sp), WR_E_SPOOL_FULL, "full: over the most bytes it fails");
    tap_is_int(wr_spool_room(run.sp), 0, "full: no room");
    tap_ok(!wr_spool_rewind(run.sp) && wr_spool_ready_bytes(run.sp) == 0, "full: nothing to read");
    wr_spool_read(run.sp, &ch, 100);
    tap_is_int(ch.bytes, 0, "full: nothing read");
    spool_run_end(&run, "full");
}

static void
spool_test_queue(void)
{
    uint64_t most = 900001; /* no multiple of anything */
    struct spool_run run = {.to_write = 12 * SPOOL_MIB,
                            .piece_most = 60000,
                            .read_most = 50000,
                            .idle_of_8 = 5,
                            .reads_early = true};
    struct spool_run fast = {
        .to_write = 4 * SPOOL_MIB, .piece_most = 20000, .read_most = 500000, .reads_early = true};
    uint64_t bytes = 0;

    spool_run_begin(&run, WR_SPOOL_QUEUE, most);
    spool_run_go(&run);
    tap_ok(!run.bad && run.read == run.to_write, "queue: all came, in order");
    tap_is_int(spool_files(&bytes, NULL), 1, "queue: by way of a file");
    tap_ok(bytes <= most, "queue: that is used again and again (%llu)", (unsigned long long)bytes);
    tap_ok(run.waiting_most <= most, "queue: the room was heeded");
    tap_ok(!wr_spool_rewind(run.sp), "queue: there is no way back");
    tap_ok(run.memory_most <= 2 * (WR_SPOOL_MEMORY_BYTES + WR_SPOOL_FILE_READ_BYTES) + 200 * SPOOL_KIB,
           "queue: memory stayed bounded (%zu)", run.memory_most);
    spool_run_end(&run, "queue");
    spool_run_begin(&fast, WR_SPOOL_QUEUE, most);
    while (fast.read < fast.to_write && !fast.bad) {
        spool_run_write(&fast);
        spool_run_read(&fast);
    }
    tap_ok(!fast.bad && fast.calls == 0, "queue: a fast reader needs no file");
    spool_run_end(&fast, "queue of a fast reader");
}

/* A queue that runs empty again and again stays in few pages, whatever its file may be. */
static void
spool_test_short_queue(void)
{
    struct spool_run run = {.piece_most = 60000, .read_most = 100000, .by_hand = true};
    uint64_t bytes = 0;

    spool_run_begin(&run, WR_SPOOL_QUEUE, 64 * SPOOL_MIB);
    for (unsigned i = 0; i < 20; i++) {
        run.to_write += 200 * SPOOL_KIB;
        while (run.written < run.to_write) {
            if (wr_spool_room(run.sp) == 0) {
                spool_turns();
            }
            spool_run_write(&run);
        }
        while (run.read < run.to_write && !run.bad) {
            if (wr_spool_ready_bytes(run.sp) == 0) {
                spool_turns();
            }
            spool_run_read(&run);
        }
    }
    spool_files(&bytes, NULL);
    tap_ok(!run.bad && bytes > 0 && bytes <= 200 * SPOOL_KIB, "short queue: a short file (%llu)",
           (unsigned long long)bytes);
    spool_run_end(&run, "short queue");
}

/* Whoever writes more than there is room for: memory takes it, nothing is lost or overwritten. */
static void
spool_test_overshoot(void)
{
    struct spool_run run = {.to_write = SPOOL_MIB, .read_most = 60000, .reads_early = true};
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    spool_run_begin(&run, WR_SPOOL_QUEUE, 100000);
    spool_make(&ch, 0, SPOOL_MIB);
    run.written = SPOOL_MIB;
    wr_spool_write(run.sp, &ch);
    tap_is_int(wr_spool_room(run.sp), 0, "overshoot: no room");
    spool_run_go(&run);
    tap_ok(!run.bad && run.read == run.to_write, "overshoot: all came, in order");
    spool_run_end(&run, "overshoot");
}

/* A client that sends a byte a packet: each in a buffer of its own. */
static void
spool_test_crumbs(void)
{
    struct spool_run run = {.to_write = 20000, .read_most = 3000};

    spool_run_begin(&run, WR_SPOOL_WHOLE, SPOOL_MIB);
    for (uint64_t i = 0; i < run.to_write; i++) {
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        struct wr_buf *b = wr_buf_new(WR_BUF_BIG_BYTES);
        b->data[7] = spool_byte(i);
        wr_chain_add(&ch, b, b->data + 7, 1);
        wr_buf_unref(b);
        wr_spool_write(run.sp, &ch);
    }
    run.written = run.to_write;
    tap_ok(wr_buf_in_use_bytes() - spool_memory_before < 100000, "crumbs: memory follows the bytes");
    spool_run_go(&run);
    tap_ok(!run.bad && run.read == run.to_write, "crumbs: all came");
    spool_run_end(&run, "crumbs");
}

/* ---- freed while jobs run ---- */

static void
spool_freed_changed(void *arg)
{
    unsigned *calls = arg;

    ++*calls;
}

static void
spool_test_freed(void)
{
    unsigned calls = 0;

    spool_memory_before = wr_buf_in_use_bytes();
    for (unsigned i = 0; i < 300; i++) {
        struct wr_spool *sp = wr_spool_new(&spool_req, (i & 1) ? WR_SPOOL_WHOLE : WR_SPOOL_QUEUE, SPOOL_MIB,
                                           spool_freed_changed, &calls);
        struct wr_chain ch = WR_CHAIN_INIT(ch);
        spool_make(&ch, 0, 200 * SPOOL_KIB);
        wr_spool_write(sp, &ch);
        if (i % 3 == 0) { /* until there is something in the file: then a read runs, too */
            unsigned before = calls;
            while (calls == before) {
                spool_turns_ms(1);
            }
            spool_make(&ch, 200 * SPOOL_KIB, 150 * SPOOL_KIB);
            wr_spool_write(sp, &ch);
            wr_spool_read(sp, &ch, 1);
            wr_chain_free(&ch);
        }
        wr_spool_free(sp);
    }
    calls = 0;
    for (unsigned i = 0; i < 500 && (spool_files_now() > 0 || wr_buf_in_use_bytes() != spool_memory_before);
         i++) {
        spool_turns_ms(8);
    }
    tap_is_int(calls, 0, "freed: nobody is called");
    tap_is_int(spool_files_now(), 0, "freed: no file is left");
    tap_is_int(wr_buf_in_use_bytes(), spool_memory_before, "freed: no memory is left");
}

/* The owner frees it from within changed(), as a failing request may. */
static struct wr_spool *spool_suicide;

static void
spool_suicide_changed(void *arg)
{
    (void)arg;
    wr_spool_free(spool_suicide);
    spool_suicide = NULL;
    wr_loop_stop(spool_sv.loop);
}

static void
spool_test_freed_within(void)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);

    spool_suicide = wr_spool_new(&spool_req, WR_SPOOL_WHOLE, SPOOL_MIB, spool_suicide_changed, NULL);
    spool_make(&ch, 0, 300 * SPOOL_KIB);
    wr_spool_write(spool_suicide, &ch);
    spool_turns();
    tap_ok(spool_suicide == NULL, "freed from within changed()");
}

/* ---- trouble ---- */

static void
spool_limit(rlim_t bytes)
{
    struct rlimit lim;

    getrlimit(RLIMIT_FSIZE, &lim);
    lim.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &lim);
}

static void
spool_test_disk_full(void)
{
    struct spool_run whole = {.to_write = 2 * SPOOL_MIB, .piece_most = 30000, .read_most = 50000};
    struct spool_run queue = {.to_write = 2 * SPOOL_MIB,
                              .piece_most = 60000,
                              .read_most = 20000,
                              .idle_of_8 = 5,
                              .reads_early = true};

    spool_lines = 0;
    spool_limit(500 * SPOOL_KIB);
    spool_run_begin(&whole, WR_SPOOL_WHOLE, 4 * SPOOL_MIB);
    spool_run_go(&whole);
    tap_is_int(wr_spool_error(whole.sp), WR_E_SPOOL, "disk full: what must be whole fails");
    tap_is_int(spool_lines, 1, "disk full: one line");
    tap_ok(strstr(spool_line, " error pid=") && strstr(spool_line, "cannot write a temporary file dir=/") &&
               strstr(spool_line, "File too large"),
           "disk full: that says it: %s", strtok(spool_line, "\n"));
    spool_run_end(&whole, "disk full");
    spool_limit(200 * SPOOL_KIB);
    spool_run_begin(&queue, WR_SPOOL_QUEUE, 4 * SPOOL_MIB);
    spool_run_go(&queue);
    tap_ok(!queue.bad && queue.read == queue.to_write && wr_spool_error(queue.sp) == WR_E_NONE,
           "disk full: a queue goes on in memory");
    tap_ok(queue.waiting_most <= 200 * SPOOL_KIB + WR_SPOOL_MEMORY_BYTES, "disk full: with less room");
    tap_is_int(spool_lines, 1, "disk full: still one line in this second");
    spool_run_end(&queue, "disk full, queue");
    spool_limit(RLIM_INFINITY);
}

static void
spool_test_read_error(void)
{
    struct spool_run run = {.to_write = SPOOL_MIB, .piece_most = 100000, .read_most = 50000};
    uint64_t bytes;
    int fd = -1;

    spool_run_begin(&run, WR_SPOOL_WHOLE, 4 * SPOOL_MIB);
    run.by_hand = true;
    while (run.written < run.to_write) {
        spool_run_write(&run);
        spool_turns_ms(2);
    }
    run.by_hand = false;
    do {
        spool_turns_ms(8);
        spool_files(&bytes, &fd);
    } while (bytes < run.to_write - WR_SPOOL_KEEP_BYTES); /* no write runs any more */
    tap_is_int(ftruncate(fd, 100000), 0, "read error: the file is cut");
    spool_run_go(&run);
    tap_is_int(wr_spool_error(run.sp), WR_E_SPOOL, "read error: it fails");
    tap_ok(!run.bad && run.read <= 100000, "read error: nothing wrong was read");
    spool_run_end(&run, "read error");
}

/* ---- the threads have too much to do ---- */

struct spool_block {
    struct wr_job job;
    int *fds;
};
static unsigned spool_blocks_done;

static void
spool_block_work(struct wr_job *j)
{
    char c;

    /* all wait for the end of one pipe */
    while (read(wr_container(j, struct spool_block, job)->fds[0], &c, 1) > 0) {
    }
}

static void
spool_block_done(struct wr_job *j)
{
    free(wr_container(j, struct spool_block, job));
    spool_blocks_done++;
}

static void
spool_test_busy(void)
{
    struct spool_run run = {
        .to_write = SPOOL_MIB, .piece_most = 30000, .read_most = 30000, .reads_early = true, .idle_of_8 = 4};
    unsigned blocks = 0;
    int fds[2];

    if (pipe(fds) < 0) {
        return;
    }
    for (;; blocks++) {
        struct spool_block *b = wr_calloc(1, sizeof(*b));
        b->job.work = spool_block_work;
        b->job.done = spool_block_done;
        b->fds = fds;
        if (!wr_offload_add(spool_sv.offload, &b->job)) {
            free(b);
            break;
        }
        if (blocks < 8) {
            usleep(1000); /* the threads take theirs */
        }
    }
    spool_run_begin(&run, WR_SPOOL_QUEUE, SPOOL_MIB);
    run.idle_of_8 = 8; /* nobody reads: it wants to write */
    while (wr_spool_room(run.sp) > 0) {
        spool_run_write(&run);
    }
    spool_turns_ms(60);
    tap_is_int(wr_spool_room(run.sp), 0, "busy: %u jobs are in front of it", blocks);
    close(fds[1]);
    run.idle_of_8 = 4;
    spool_run_go(&run);
    tap_ok(!run.bad && run.read == run.to_write, "busy: then it goes on by itself");
    for (unsigned i = 0; i < 500 && spool_blocks_done < blocks; i++) {
        spool_turns_ms(8);
    }
    spool_run_end(&run, "busy");
    close(fds[0]);
}

int
main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    wr_log_set(spool_sink, NULL, WR_LOG_NOTICE);
    spool_sv.loop = wr_loop_new();
    spool_sv.offload = wr_offload_new(spool_sv.loop);
    spool_route.id = WR_STR("example.com/*");
    spool_req.sv = &spool_sv;
    spool_req.client = &spool_client;
    spool_req.route = &spool_route;
    wr_timer_init(&spool_guard, spool_on_guard);
    wr_loop_timer(spool_sv.loop, &spool_guard, wr_clock.mono_ms + SPOOL_GUARD_MS);
    spool_test_small();
    spool_test_whole();
    spool_test_full();
    spool_test_queue();
    spool_test_short_queue();
    spool_test_overshoot();
    spool_test_crumbs();
    spool_test_freed();
    spool_test_freed_within();
    spool_test_disk_full();
    spool_test_read_error();
    spool_test_busy();
    spool_turns_ms(20);
    wr_offload_free(spool_sv.offload);
    wr_loop_free(spool_sv.loop);
    return tap_done();
}
