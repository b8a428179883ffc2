/*
 * What a process has of the files.  Newer blobs wait until both of a round are
 * there; what they replace is unmapped after everybody has looked.
 */
#include "core/shm/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/bundle.h"
#include "core/shm/publish.h"

const char *const wr_files_names[WR_FILES_BLOBS] = {"files", "secrets"};

/* A blob that is mapped here; data NULL: none. */
struct files_blob {
    const void *data;
    size_t bytes;
    struct wr_bundle_view view;
};

static struct {
    struct files_blob now[WR_FILES_BLOBS];
    struct files_blob next[WR_FILES_BLOBS];
    unsigned wanted; /* the first so many */
    bool started;
    void (*fn)(void *arg);
    void *arg;
    struct wr_bundle *judged; /* both; NULL: nothing is being checked */
} files_own;

static void
files_drop(struct files_blob *blob)
{
    if (blob->data != NULL) {
        wr_publish_unmap(blob->data, blob->bytes);
    }
    *blob = (struct files_blob){0};
}

/* Whether what waits is all of one round. */
static bool
files_complete(void)
{
    for (unsigned i = 0; i < files_own.wanted; i++) {
        if (files_own.next[i].data == NULL || files_own.next[i].view.round != files_own.next[0].view.round) {
            return false;
        }
    }
    return true;
}

static void
files_switch(void)
{
    struct files_blob old[WR_FILES_BLOBS];

    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        old[i] = files_own.now[i];
        files_own.now[i] = files_own.next[i];
        files_own.next[i] = (struct files_blob){0};
    }
    if (files_own.started && files_own.fn != NULL) {
        files_own.fn(files_own.arg);
    }
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        files_drop(&old[i]);
    }
}

static void
files_on_blob(void *arg, const struct wr_blob *blob)
{
    struct files_blob *next = arg;

    files_drop(next);
    *next = (struct files_blob){.data = blob->data, .bytes = blob->bytes};
    if (!wr_bundle_view(&next->view, blob->data, blob->bytes)) {
        wr_log(WR_LOG_ERROR,
               "published files cannot be read name=%s version=%llu; the old ones stay in effect", blob->name,
               (unsigned long long)blob->version);
        files_drop(next);
    } else if (files_complete()) {
        files_switch();
    }
}

void
wr_files_start(bool secrets, void (*fn)(void *arg), void *arg)
{
    files_own.wanted = secrets ? WR_FILES_BLOBS : 1;
    files_own.fn = fn;
    files_own.arg = arg;
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        if (i < files_own.wanted) {
            wr_publish_subscribe_keeping(wr_files_names[i], files_on_blob, &files_own.next[i]);
        } else {
            wr_publish_forget(wr_files_names[i]);
        }
    }
    files_own.started = true;
}

bool
wr_files_find(struct wr_str path, struct wr_file *f)
{
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        if (files_own.now[i].data != NULL && wr_bundle_view_find(&files_own.now[i].view, path, f)) {
            f->secret = i > 0;
            return true;
        }
    }
    return false;
}

struct wr_str
wr_files_bytes(struct wr_str path, uint64_t *version)
{
    struct wr_file f;
    bool good = wr_files_find(path, &f) && f.error == 0;

    *version = good ? f.version : 0;
    return good ? f.bytes : WR_STR_NONE;
}

bool
wr_files_differs(struct wr_str path, uint64_t version)
{
    struct wr_file f;

    return wr_files_find(path, &f) && (f.error == 0 ? f.version : 0) != version;
}

/*
 * Who checks.
 */

static struct wr_bundle_item *
files_item(const struct wr_file *f)
{
    wr_assert(files_own.judged != NULL && f->index < files_own.judged[f->secret].n);
    return &files_own.judged[f->secret].items[f->index];
}

bool
wr_files_changed(const struct wr_file *f)
{
    return files_item(f)->changed;
}

void
wr_files_refuse(const struct wr_file *f)
{
    files_item(f)->refused = true;
}

/*
 * The master.
 */

void
wr_files_reserve(void)
{
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        wr_publish_reserve(wr_files_names[i], i > 0);
    }
}

bool
wr_files_publish(const struct wr_bundle *b)
{
    bool all = true;

    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        int fd = fcntl(b[i].fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        all = wr_publish_fd(wr_files_names[i], fd, b[i].bytes) != 0 && all;
    }
    return all;
}

bool
wr_files_judge(struct wr_bundle *b)
{
    files_own.judged = b;
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        struct files_blob *blob = &files_own.now[i];
        void *p = mmap(NULL, b[i].bytes, PROT_READ, MAP_SHARED, b[i].fd, 0);
        if (p == MAP_FAILED || !wr_bundle_view(&blob->view, p, b[i].bytes)) {
            return false;
        }
        blob->data = p;
        blob->bytes = b[i].bytes;
    }
    return true;
}

void
wr_files_judged(void)
{
    files_own.judged = NULL;
    for (unsigned i = 0; i < WR_FILES_BLOBS; i++) {
        files_drop(&files_own.now[i]);
    }
}
