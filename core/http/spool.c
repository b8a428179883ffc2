/*
 * Bytes between a writer and a reader of different speed: the oldest were
 * read ahead into `ready`, older ones are in the file, the newest in memory.
 * Offsets count from the first byte ever written:
 *
 *      at            stored       stored + writing                 written
 *       | ready | file |  on its way   |  kept (was read)  |  fresh  |
 *
 * It refuses to wait: what is not in memory comes later.
 */
#include "core/http/spool.h"

#include <stdlib.h>

#include "core/http/request.h"
#include "core/http/spool_file.h"

#define SPOOL_RETRY_MS 20 /* the offload threads have too much to do */
#define SPOOL_LINES_A_SECOND 1

struct wr_spool {
    struct wr_req *r;
    enum wr_spool_kind kind;
    bool reading; /* somebody reads: go on reading ahead */
    bool broken;  /* the file takes no more */
    enum wr_err err;
    uint64_t most_bytes;
    void (*changed)(void *arg);
    void *arg;
    struct wr_spool_file *file; /* NULL: memory was enough up to now */
    struct wr_chain fresh;
    struct wr_chain kept; /* WHOLE alone */
    struct wr_chain ready;
    uint64_t written;
    uint64_t stored;
    uint64_t at;
    uint64_t base;   /* the offset that stands at the file's beginning */
    size_t writing;  /* in the write that runs */
    size_t fetching; /* in the read that runs */
    uint64_t fetch_at;
    struct wr_timer retry;
};

static struct wr_log_gate spool_gate;

static void spool_store(struct wr_spool *sp);
static void spool_fetch(struct wr_spool *sp);
static void spool_on_retry(struct wr_timer *t);
static void spool_on_written(void *arg, struct wr_chain *ch, int error);
static void spool_on_fetched(void *arg, struct wr_chain *ch, int error);

static const struct wr_spool_file_owner spool_owner = {spool_on_written, spool_on_fetched};

struct wr_spool *
wr_spool_new(struct wr_req *r, enum wr_spool_kind kind, uint64_t most_bytes, void (*changed)(void *arg),
             void *arg)
{
    struct wr_spool *sp = wr_calloc(1, sizeof(*sp));

    sp->r = r;
    sp->kind = kind;
    sp->most_bytes = most_bytes;
    sp->changed = changed;
    sp->arg = arg;
    wr_chain_init(&sp->fresh);
    wr_chain_init(&sp->kept);
    wr_chain_init(&sp->ready);
    wr_timer_init(&sp->retry, spool_on_retry);
    return sp;
}

void
wr_spool_free(struct wr_spool *sp)
{
    if (sp == NULL) {
        return;
    }
    wr_timer_stop(&sp->r->sv->loop->wheel, &sp->retry);
    wr_spool_file_free(sp->file);
    wr_chain_free(&sp->fresh);
    wr_chain_free(&sp->kept);
    wr_chain_free(&sp->ready);
    free(sp);
}

enum wr_err
wr_spool_error(const struct wr_spool *sp)
{
    return sp->err;
}

uint64_t
wr_spool_waiting_bytes(const struct wr_spool *sp)
{
    return sp->written - sp->at;
}

/* Everything in front of the fresh bytes has been read. */
static bool
spool_at_fresh(const struct wr_spool *sp)
{
    return sp->at == sp->written - sp->fresh.bytes;
}

size_t
wr_spool_ready_bytes(const struct wr_spool *sp)
{
    /* Both at once: `ready` is what came from the file just before the fresh bytes. */
    bool through = sp->at + sp->ready.bytes == sp->written - sp->fresh.bytes;

    return sp->err ? 0 : sp->ready.bytes + (through ? sp->fresh.bytes : 0);
}

size_t
wr_spool_room(const struct wr_spool *sp)
{
    uint64_t memory = sp->fresh.bytes + sp->kept.bytes + sp->writing;
    uint64_t room = memory < WR_SPOOL_MEMORY_BYTES ? WR_SPOOL_MEMORY_BYTES - memory : 0;

    if (sp->err != WR_E_NONE) {
        return 0;
    }
    if (sp->kind == WR_SPOOL_QUEUE) {
        uint64_t waiting = wr_spool_waiting_bytes(sp);
        uint64_t left = waiting < sp->most_bytes ? sp->most_bytes - waiting : 0;
        room = WR_MIN(room, left);
    }
    return (size_t)room;
}

/* ---- the file's side ---- */

static void
spool_complain(struct wr_spool *sp, const char *what, int error, const char *then)
{
    uint32_t dropped;

    if (wr_log_gate(&spool_gate, SPOOL_LINES_A_SECOND, &dropped)) {
        wr_req_log(sp->r, WR_LOG_ERROR, "cannot %s a temporary file dir=%s bytes=%llu not_told=%u: %s; %s",
                   what, wr_spool_dir_text(), (unsigned long long)sp->stored, dropped, strerror(error), then);
    }
}

static void
spool_try_later(struct wr_spool *sp)
{
    wr_loop_timer(sp->r->sv->loop, &sp->retry, wr_clock.mono_ms + SPOOL_RETRY_MS);
}

static void
spool_on_retry(struct wr_timer *t)
{
    struct wr_spool *sp = wr_container(t, struct wr_spool, retry);

    spool_store(sp);
    if (sp->reading) {
        spool_fetch(sp);
    }
}

/* Puts a chain before another; `first` is empty afterwards. */
static void
spool_put_before(struct wr_chain *ch, struct wr_chain *first)
{
    wr_chain_move(first, ch);
    wr_chain_move(ch, first);
}

/* How many bytes a write that begins at sp->stored may have, and where in the file it stands.  A queue's
 * file is a ring; an empty ring begins anew, so that a short queue stays in few pages. */
static uint64_t
spool_place(struct wr_spool *sp, uint64_t *pos)
{
    if (sp->kind == WR_SPOOL_WHOLE) {
        *pos = sp->stored;
        return UINT64_MAX;
    }
    if (sp->at >= sp->stored) {
        sp->stored = sp->base = sp->at;
    }
    uint64_t used = sp->stored - sp->at;
    *pos = (sp->stored - sp->base) % sp->most_bytes;
    return used < sp->most_bytes ? WR_MIN(sp->most_bytes - used, sp->most_bytes - *pos) : 0;
}

/* Begins to write when there is more in memory than should be. */
static void
spool_store(struct wr_spool *sp)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    size_t read = sp->kept.bytes;
    uint64_t pos;

    if (sp->writing > 0 || sp->broken || sp->err || read + sp->fresh.bytes <= WR_SPOOL_KEEP_BYTES ||
        sp->most_bytes == 0) {
        return;
    }
    uint64_t most = spool_place(sp, &pos);
    if (most == 0) {
        return;
    }
    if (sp->file == NULL) {
        sp->file = wr_spool_file_new(sp->r->sv->offload, &spool_owner, sp);
    }
    wr_chain_move(&ch, &sp->kept);
    wr_chain_move(&ch, &sp->fresh);
    sp->writing = wr_spool_file_write(sp->file, &ch, (size_t)WR_MIN(most, (uint64_t)ch.bytes), pos);
    if (sp->writing == 0) {
        spool_try_later(sp);
    }
    if (sp->writing < read) {
        wr_chain_move_n(&sp->kept, &ch, read - sp->writing);
    }
    wr_chain_move(&sp->fresh, &ch);
}

static void
spool_write_failed(struct wr_spool *sp, struct wr_chain *ch, int error)
{
    sp->broken = true;
    if (sp->kind == WR_SPOOL_WHOLE) {
        sp->err = WR_E_SPOOL;
        spool_complain(sp, "write", error, "the request fails");
        return;
    }
    spool_put_before(&sp->fresh, ch);
    spool_complain(sp, "write", error, "the response waits for its client in memory");
}

static void
spool_on_written(void *arg, struct wr_chain *ch, int error)
{
    struct wr_spool *sp = arg;

    if (error != 0) {
        sp->writing = 0;
        spool_write_failed(sp, ch, error);
    } else {
        sp->stored += sp->writing;
        sp->writing = 0;
        spool_store(sp);
    }
    if (sp->reading) {
        spool_fetch(sp);
    }
    sp->changed(sp->arg);
}

/* Reads ahead when there is nothing ready. */
static void
spool_fetch(struct wr_spool *sp)
{
    if (sp->fetching > 0 || sp->ready.bytes > 0 || sp->at >= sp->stored || sp->err) {
        return;
    }
    uint64_t pos = sp->at;
    uint64_t n = WR_MIN(sp->stored - sp->at, (uint64_t)WR_SPOOL_FILE_READ_BYTES);
    if (sp->kind == WR_SPOOL_QUEUE) {
        pos = (sp->at - sp->base) % sp->most_bytes;
        n = WR_MIN(n, sp->most_bytes - pos);
    }
    if (!wr_spool_file_read(sp->file, (size_t)n, pos)) {
        spool_try_later(sp);
        return;
    }
    sp->fetching = (size_t)n;
    sp->fetch_at = sp->at;
}

static void
spool_on_fetched(void *arg, struct wr_chain *ch, int error)
{
    struct wr_spool *sp = arg;

    sp->fetching = 0;
    if (error != 0) {
        sp->err = WR_E_SPOOL;
        spool_complain(sp, "read", error, "the request fails");
    } else if (sp->fetch_at == sp->at) {
        wr_chain_move(&sp->ready, ch);
    } else {
        spool_fetch(sp); /* rewound meanwhile */
    }
    sp->changed(sp->arg);
}

/* ---- the owner's side ---- */

void
wr_spool_write(struct wr_spool *sp, struct wr_chain *ch)
{
    sp->written += ch->bytes;
    if (sp->kind == WR_SPOOL_WHOLE && sp->written > sp->most_bytes && sp->err == WR_E_NONE) {
        sp->err = WR_E_SPOOL_FULL;
    }
    wr_chain_move(&sp->fresh, ch);
    wr_chain_settle(&sp->fresh);
    spool_store(sp);
}

/* Fresh bytes go out; those of a WHOLE one stay as well. */
static void
spool_read_fresh(struct wr_spool *sp, struct wr_chain *dst, size_t n)
{
    struct wr_chain out = WR_CHAIN_INIT(out);

    wr_chain_move_n(&out, &sp->fresh, n);
    if (sp->kind == WR_SPOOL_WHOLE) {
        wr_chain_dup(&sp->kept, &out);
    }
    wr_chain_move(dst, &out);
}

void
wr_spool_read(struct wr_spool *sp, struct wr_chain *dst, size_t most)
{
    if (sp->err != WR_E_NONE) {
        return;
    }
    sp->reading = true;
    size_t n = WR_MIN(most, sp->ready.bytes);
    wr_chain_move_n(dst, &sp->ready, n);
    sp->at += n;
    if (spool_at_fresh(sp)) {
        n = WR_MIN(most - n, sp->fresh.bytes);
        spool_read_fresh(sp, dst, n);
        sp->at += n;
    }
    spool_store(sp); /* room in a ring that was full */
    spool_fetch(sp);
}

bool
wr_spool_rewind(struct wr_spool *sp)
{
    if (sp->err != WR_E_NONE || (sp->kind == WR_SPOOL_QUEUE && sp->at > 0)) {
        return false;
    }
    wr_chain_free(&sp->ready);
    spool_put_before(&sp->fresh, &sp->kept);
    sp->at = 0;
    sp->reading = true;
    spool_fetch(sp);
    return true;
}
