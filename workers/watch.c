/*
 * The files of generations that are made, and whose turn it is.  How they get
 * into bundles is workers/gather's, who looks into them workers/checker's
 * business; changes are watch_change's.
 */
#include "workers/watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "workers/gather.h"
#include "workers/maker.h"
#include "workers/watch_own.h"

struct wr_watch *
wr_watch_new(void)
{
    struct wr_watch *w = wr_calloc(1, sizeof(*w));

    wr_pair_init(w->effect);
    wr_pair_init(w->before);
    wr_pair_init(w->candidate);
    w->checker.fd = -1;
    w->verdict = WR_WATCH_GOOD;
    wr_files_reserve();
    return w;
}

/*
 * A generation that is being made.
 */

static void
watch_judge_new(void *arg, struct wr_bundle_item *it)
{
    struct wr_cycle *cy = arg;
    const struct wr_conf_file *f = &cy->cf.files[it->tag];

    if (cy->watched != NULL) {
        cy->watched[it->tag] = (struct wr_watched){.seen = it->disk, .judged = it->disk};
    }
    if (it->trouble != 0) {
        wr_conf_error(&cy->cf, f->place, "cannot read the file %s: %s", f->path.p,
                      wr_gather_why(it->trouble));
    } else if (it->loose && f->secret) {
        wr_conf_warn(&cy->cf, f->place,
                     "the secret file %s is open to every user of this machine; chmod 600 makes it private",
                     f->path.p);
    }
}

/* Bundles of all its files; what is wrong with any of them stands in cf. */
static bool
watch_gather_new(const struct wr_bundle *effect, struct wr_cycle *cy, struct wr_bundle b[WR_FILES_BLOBS])
{
    struct wr_gather g = {.cf = &cy->cf, .effect = effect, .anew = true};

    if (cy->cf.files_n > WR_FILES_MOST) {
        wr_conf_error(&cy->cf, cy->cf.files[WR_FILES_MOST].place, "more than %d files are named",
                      WR_FILES_MOST);
        return false;
    }
    if (!wr_gather_files(&g, b)) {
        wr_conf_error(&cy->cf, (struct wr_place){0}, "cannot hold files in memory: %s", strerror(errno));
        return false;
    }
    wr_pair_each(b, watch_judge_new, cy);
    return cy->cf.errors == 0;
}

static void
watch_refused_new(void *arg, struct wr_bundle_item *it)
{
    struct wr_cycle *cy = arg;

    if (it->refused) {
        wr_conf_error(&cy->cf, cy->cf.files[it->tag].place, "the file %s is refused", it->path.p);
    }
}

static void
watch_say_new(void *arg, enum wr_checker_word word, struct wr_place place, const char *text)
{
    struct wr_cycle *cy = arg;

    if (place.file != NULL) {
        place.file = wr_pool_strdup(&cy->pool, place.file);
    }
    if (word == WR_CHECKER_ERROR) {
        wr_conf_error(&cy->cf, place, "%s", text);
    } else if (word == WR_CHECKER_WARNING) {
        wr_conf_warn(&cy->cf, place, "%s", text);
    } else {
        wr_conf_notice(&cy->cf, place, "%s", text);
    }
}

static void
watch_take_new(struct wr_watch *w)
{
    wr_pair_move(w->before, w->effect);
    wr_pair_publish(w->effect, w->candidate);
    w->swapped = true;
    w->verdict = WR_WATCH_GOOD;
}

static void
watch_finish_new(struct wr_watch *w, struct wr_cycle *cy, enum wr_checker_verdict verdict)
{
    if (verdict == WR_CHECKER_DIED) {
        wr_conf_error(&cy->cf, (struct wr_place){0}, "the files could not be checked: %s", w->checker.why);
    } else if (cy->cf.errors == 0) {
        wr_pair_each(w->candidate, watch_refused_new, cy);
    }
    if (cy->cf.errors == 0) {
        watch_take_new(w);
        return;
    }
    wr_pair_drop(w->candidate);
    w->verdict = WR_WATCH_BAD;
}

void
wr_watch_begin(struct wr_master *m, struct wr_cycle *cy)
{
    struct wr_watch *w = m->watch;

    if (w->checker.pid > 0) {
        /* a change of the current generation's files: if this one does not come to serve, they are checked again */
        wr_checker_cancel(&w->checker);
        wr_pair_drop(w->candidate);
        w->retry_ms = wr_master_now_ms();
    }
    w->verdict = WR_WATCH_BAD;
    if (!wr_maker_run(cy)) {
        return;
    }
    w->verdict = WR_WATCH_GOOD;
    if (cy->cf.files_n == 0 && w->effect[0].n == 0 && w->effect[1].n == 0) {
        return;
    }
    cy->watched = wr_pool_zalloc(&cy->pool, cy->cf.files_n * sizeof(*cy->watched));
    w->verdict = WR_WATCH_BAD;
    if (!watch_gather_new(w->effect, cy, w->candidate)) {
        wr_pair_drop(w->candidate);
    } else if (cy->cf.files_n == 0) {
        watch_take_new(w);
    } else if (wr_checker_start(&w->checker, cy, w->candidate, watch_say_new, cy)) {
        w->checked = cy;
        w->verdict = WR_WATCH_BUSY;
    } else {
        wr_conf_error(&cy->cf, (struct wr_place){0}, "cannot fork a process that checks files: %s",
                      strerror(errno));
        wr_pair_drop(w->candidate);
    }
}

enum wr_watch_verdict
wr_watch_verdict(const struct wr_watch *w)
{
    return w->verdict;
}

bool
wr_watch_first(struct wr_master *m, struct wr_cycle *cy)
{
    struct wr_watch *w = m->watch;

    wr_watch_begin(m, cy);
    if (w->verdict == WR_WATCH_BUSY) {
        watch_finish_new(w, cy, wr_checker_wait(&w->checker));
    }
    return w->verdict == WR_WATCH_GOOD;
}

void
wr_watch_commit(struct wr_master *m)
{
    struct wr_watch *w = m->watch;
    struct wr_bundle b[WR_FILES_BLOBS];

    if (w->swapped && wr_pair_has_rest(w->effect)) {
        if (wr_pair_select(b, w->effect, NULL)) {
            wr_pair_publish(w->effect, b);
        } else {
            wr_log(WR_LOG_ERROR,
                   "cannot drop files that are not used any more: %s; they go with the next change",
                   strerror(errno));
        }
    }
    wr_pair_drop(w->before);
    w->swapped = false;
    w->settle = (struct wr_settle){0};
    w->retry_ms = 0;
    w->cursor = 0;
    w->look_ms = wr_master_now_ms() + WR_WATCH_LOOK_MS;
}

void
wr_watch_abort(struct wr_master *m)
{
    struct wr_watch *w = m->watch;
    struct wr_bundle b[WR_FILES_BLOBS];

    wr_checker_cancel(&w->checker);
    wr_pair_drop(w->candidate);
    w->verdict = WR_WATCH_GOOD;
    w->look_ms = wr_master_now_ms() + WR_WATCH_LOOK_MS;
    if (!w->swapped) {
        return;
    }
    w->swapped = false;
    if (m->current != NULL) {
        if (wr_pair_select(b, w->before, NULL)) {
            wr_pair_publish(w->effect, b);
        } else {
            wr_log(WR_LOG_ERROR, "cannot publish the former files: %s; the newer ones stay in effect",
                   strerror(errno));
        }
    }
    wr_pair_drop(w->before);
}

bool
wr_watch_test(struct wr_cycle *cy)
{
    struct wr_bundle none[WR_FILES_BLOBS], b[WR_FILES_BLOBS];

    if (cy->cf.files_n == 0) {
        return true;
    }
    wr_pair_init(none);
    wr_pair_init(b);
    if (watch_gather_new(none, cy, b)) {
        if (!wr_checker_here(cy, b)) {
            wr_conf_error(&cy->cf, (struct wr_place){0}, "cannot map the files: %s", strerror(errno));
        } else if (cy->cf.errors == 0) {
            wr_pair_each(b, watch_refused_new, cy);
        }
    }
    wr_pair_drop(b);
    return cy->cf.errors == 0;
}

/*
 * The master's loop.
 */

/* Whether files are to be looked at. */
static bool
watch_is_on(const struct wr_master *m)
{
    return m->mode == WR_MASTER_RUNS && m->current != NULL && m->pending == NULL &&
        m->current->cf.files_n > 0 && m->watch->checker.pid == 0;
}

static void
watch_tick_checker(struct wr_watch *w, const struct wr_master *m, uint64_t now_ms)
{
    enum wr_checker_verdict verdict = wr_checker_look(&w->checker, now_ms);

    if (verdict == WR_CHECKER_BUSY) {
        return;
    }
    if (w->checked == m->pending) {
        watch_finish_new(w, w->checked, verdict);
    } else {
        wr_watch_finish_change(w, verdict);
    }
}

void
wr_watch_tick(struct wr_master *m, uint64_t now_ms)
{
    struct wr_watch *w = m->watch;

    if (w->checker.pid > 0) {
        watch_tick_checker(w, m, now_ms);
    }
    if (watch_is_on(m)) {
        wr_watch_around(m, now_ms);
    }
    wr_maker_tick(watch_is_on(m) ? m->current : NULL, now_ms);
}

uint64_t
wr_watch_next_ms(const struct wr_master *m)
{
    const struct wr_watch *w = m->watch;

    if (w->checker.pid > 0) {
        return w->checker.by_ms;
    }
    if (!watch_is_on(m)) {
        return UINT64_MAX;
    }
    uint64_t next = w->retry_ms != 0 ? WR_MIN(w->look_ms, w->retry_ms) : w->look_ms;

    return WR_MIN(next, wr_maker_next_ms(m->current));
}

int
wr_watch_fd(const struct wr_watch *w)
{
    return w->checker.fd;
}

void
wr_watch_leave(const struct wr_watch *w)
{
    wr_pair_close(w->effect);
    wr_pair_close(w->before);
    wr_pair_close(w->candidate);
    if (w->checker.fd >= 0) {
        close(w->checker.fd);
    }
}
