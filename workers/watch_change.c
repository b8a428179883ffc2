/*
 * Changed files: seeing that there are some, waiting until they are whole,
 * taking them into use or not.
 */
#include <errno.h>
#include <string.h>

#include "core/base/log.h"
#include "workers/gather.h"
#include "workers/watch_own.h"

#define WATCH_LOOKS 2000 /* files that one look is at */
#define WATCH_RETRY_MS 30000
#define WATCH_NAMED 16 /* files that a change names in the log */

/*
 * A change.
 */

static void
watch_change_judge(void *arg, struct wr_bundle_item *it)
{
    struct wr_cycle *cy = arg;
    const struct wr_conf_file *f = &cy->cf.files[it->tag];
    struct wr_watched *wd = &cy->watched[it->tag];
    bool news = wd->judged != it->disk;

    *wd = (struct wr_watched){.seen = it->disk, .judged = it->disk};
    if (news && it->trouble != 0) {
        wr_log(WR_LOG_ERROR, "cannot read the file %s: %s; the old one stays in effect", it->path.p,
               wr_gather_why(it->trouble));
    } else if (news && it->changed && it->loose && f->secret) {
        wr_log(WR_LOG_WARN,
               "the secret file %s is open to every user of this machine; chmod 600 makes it private",
               it->path.p);
    }
}

static void
watch_change_say(void *arg, enum wr_checker_word word, struct wr_place place, const char *text)
{
    struct wr_watch *w = arg;
    bool error = word == WR_CHECKER_ERROR;
    enum wr_log_level level = error ? WR_LOG_ERROR : word == WR_CHECKER_WARNING ? WR_LOG_WARN : WR_LOG_NOTICE;
    const char *next = error ? "; the old one stays in effect" : "";

    w->errors += error;
    if (place.file != NULL) {
        wr_log(level, "%s:%u: %s%s", place.file, place.line, text, next);
    } else {
        wr_log(level, "%s%s", text, next);
    }
}

/* It is tried again without a change, for the files are not at fault. */
static void
watch_change_put_off(struct wr_watch *w, const char *what, const char *why)
{
    wr_log(WR_LOG_ERROR, "%s: %s; the old files stay in effect, the next try is in %d s", what, why,
           WATCH_RETRY_MS / 1000);
    wr_pair_drop(w->candidate);
    w->retry_ms = wr_master_now_ms() + WATCH_RETRY_MS;
}

struct watch_change {
    unsigned errors; /* messages that the checker had */
    unsigned taken;
    unsigned refused;
};

static void
watch_change_count(void *arg, struct wr_bundle_item *it)
{
    struct watch_change *n = arg;

    n->taken += it->changed && !it->refused;
    n->refused += it->refused;
}

static void
watch_change_refuse(void *arg, struct wr_bundle_item *it)
{
    (void)arg;
    it->refused = it->changed;
}

/* What became of a changed file. */
static void
watch_change_tell(void *arg, struct wr_bundle_item *it)
{
    struct watch_change *n = arg;

    if (it->refused && it->changed && n->errors == 0) {
        wr_log(WR_LOG_ERROR, "the file %s is refused; the old one stays in effect", it->path.p);
    } else if (it->changed && !it->refused && n->taken++ < WATCH_NAMED) {
        wr_log(WR_LOG_NOTICE,
               it->error == 0 ? "a changed file is in use now path=%s"
                              : "a file that need not be there is used no more path=%s",
               it->path.p);
    }
}

/* False: errno. */
static bool
watch_change_take(struct wr_watch *w, bool some_refused)
{
    struct wr_bundle b[WR_FILES_BLOBS];

    if (some_refused) {
        if (!wr_pair_select(b, w->candidate, w->effect)) {
            return false;
        }
        wr_pair_publish(w->effect, b);
    } else {
        wr_pair_publish(w->effect, w->candidate);
    }
    return true;
}

/* An error that names no file may mean any of them. */
static void
watch_change_tally(struct wr_watch *w, struct watch_change *n)
{
    *n = (struct watch_change){.errors = w->errors};
    wr_pair_each(w->candidate, watch_change_count, n);
    if (n->errors > 0 && n->refused == 0) {
        wr_pair_each(w->candidate, watch_change_refuse, NULL);
        *n = (struct watch_change){.errors = w->errors};
        wr_pair_each(w->candidate, watch_change_count, n);
    }
}

void
wr_watch_finish_change(struct wr_watch *w, enum wr_checker_verdict verdict)
{
    struct watch_change n, told = {.errors = w->errors};

    if (verdict == WR_CHECKER_DIED) {
        watch_change_put_off(w, "changed files could not be checked", w->checker.why);
        return;
    }
    watch_change_tally(w, &n);
    if (n.taken > 0 && !watch_change_take(w, n.refused > 0)) {
        watch_change_put_off(w, "changed files could not be held in memory", strerror(errno));
        return;
    }
    /* all of it was taken as it was, or a selection */
    wr_pair_each(n.refused == 0 ? w->effect : w->candidate, watch_change_tell, &told);
    if (told.taken > WATCH_NAMED) {
        wr_log(WR_LOG_NOTICE, "more changed files are in use now count=%u", told.taken - WATCH_NAMED);
    }
    wr_pair_drop(w->candidate);
}

/* What has changed is read and looked into. */
static void
watch_change_check(struct wr_master *m)
{
    struct wr_watch *w = m->watch;
    struct wr_cycle *cy = m->current;
    struct wr_gather g = {.cf = &cy->cf, .effect = w->effect};
    struct watch_change n = {0};

    w->retry_ms = 0;
    w->errors = 0;
    if (!wr_gather_files(&g, w->candidate)) {
        watch_change_put_off(w, "changed files could not be held in memory", strerror(errno));
        return;
    }
    wr_pair_each(w->candidate, watch_change_judge, cy);
    wr_pair_each(w->candidate, watch_change_count, &n);
    if (n.taken == 0) {
        wr_pair_drop(w->candidate);
    } else if (wr_checker_start(&w->checker, cy, w->candidate, watch_change_say, w)) {
        w->checked = cy;
    } else {
        watch_change_put_off(w, "a process that checks changed files could not be forked", strerror(errno));
    }
}

/*
 * Looking.
 */

/* Looks at n files from number `from` on, or at those of them alone that are on the move; whether any is another one
 * than at the last look. */
static bool
watch_change_look(struct wr_cycle *cy, size_t from, size_t n, bool moving)
{
    bool moved = false;

    for (size_t i = 0; i < n; i++) {
        size_t at = (from + i) % cy->cf.files_n;
        struct wr_watched *wd = &cy->watched[at];
        if (moving && wd->seen == wd->judged) {
            continue;
        }
        uint64_t seen = wr_gather_look(&cy->cf.files[at]);
        moved = moved || seen != wd->seen;
        wd->seen = seen;
    }
    return moved;
}

static bool
watch_change_is_there(const struct wr_cycle *cy)
{
    for (size_t i = 0; i < cy->cf.files_n; i++) {
        if (cy->watched[i].seen != cy->watched[i].judged) {
            return true;
        }
    }
    return false;
}

static void
watch_change_moved(struct wr_watch *w, uint64_t now_ms)
{
    wr_settle_moved(&w->settle, now_ms);
    w->look_ms = wr_settle_next_ms(&w->settle, now_ms);
}

static void
watch_change_look_still(struct wr_watch *w, struct wr_cycle *cy, uint64_t now_ms)
{
    size_t n = WR_MIN(cy->cf.files_n, (size_t)WATCH_LOOKS);
    bool moved = watch_change_look(cy, w->cursor, n, false);

    w->cursor = (w->cursor + n) % cy->cf.files_n;
    w->look_ms = now_ms + WR_WATCH_LOOK_MS;
    if (moved) {
        /* what belongs to it has changed too, perhaps */
        watch_change_look(cy, 0, cy->cf.files_n, false);
        watch_change_moved(w, now_ms);
    }
}

static void
watch_change_look_moving(struct wr_master *m, struct wr_cycle *cy, uint64_t now_ms)
{
    struct wr_watch *w = m->watch;

    if (watch_change_look(cy, 0, cy->cf.files_n, true)) {
        watch_change_moved(w, now_ms);
    }
    if (wr_settle_is_over(&w->settle, now_ms) && watch_change_look(cy, 0, cy->cf.files_n, false)) {
        watch_change_moved(w, now_ms);
    }
    if (!wr_settle_is_over(&w->settle, now_ms)) {
        w->look_ms = wr_settle_next_ms(&w->settle, now_ms);
        return;
    }
    w->settle = (struct wr_settle){0};
    w->look_ms = now_ms + WR_WATCH_LOOK_MS;
    if (watch_change_is_there(cy)) {
        watch_change_check(m);
    }
}

void
wr_watch_around(struct wr_master *m, uint64_t now_ms)
{
    struct wr_watch *w = m->watch;

    if (w->retry_ms != 0 && w->retry_ms <= now_ms && !w->settle.moving) {
        watch_change_check(m);
    } else if (w->look_ms <= now_ms && w->settle.moving) {
        watch_change_look_moving(m, m->current, now_ms);
    } else if (w->look_ms <= now_ms) {
        watch_change_look_still(w, m->current, now_ms);
    }
}
