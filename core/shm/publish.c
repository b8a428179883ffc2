/*
 * Published blobs: what the newest is, who has it.  It parses nothing of what
 * is in them.
 */
#include "core/shm/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/shm/slot.h"

#define PUBLISH_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

#define PUBLISH_AHEAD 16

struct publish_entry {
    struct wr_blob blob; /* the newest; data NULL: not mapped here */
    size_t mapped_bytes; /* of data, which may be an older version if mapping the newest failed */
    int fd;
    wr_publish_fn *fn;
    void *arg;
    bool keeping;   /* mappings are the subscriber's */
    bool forgotten; /* not wanted in this process */
    bool reserved;  /* the master's own */
    bool secret;    /* not sent to other children */
};

/* What this process has; the master: what there is. */
static struct {
    struct publish_entry v[WR_PUBLISH_NAMES];
    unsigned n;
    uint64_t top;                  /* the newest version here */
    uint64_t upto;                 /* master: nothing up to here is still on its way to it */
    uint64_t ahead[PUBLISH_AHEAD]; /* master: its own versions beyond upto, ascending */
    unsigned ahead_n;
    wr_publish_send_fn *send;
    uint64_t sent[WR_SLOTS]; /* master: versions up to here have been sent to the slot */
    uint64_t told[WR_SLOTS]; /* master: the upto that the slot was told */
    bool trusted[WR_SLOTS];  /* master: is sent what is secret */
} publish_own;

static bool
publish_is_master(void)
{
    return wr_slot_self() == wr_slots_master();
}

static struct publish_entry *
publish_entry(const char *name)
{
    for (unsigned i = 0; i < publish_own.n; i++) {
        if (strcmp(publish_own.v[i].blob.name, name) == 0) {
            return &publish_own.v[i];
        }
    }
    if (publish_own.n == WR_PUBLISH_NAMES) {
        return NULL;
    }
    struct publish_entry *e = &publish_own.v[publish_own.n++];
    memset(e, 0, sizeof(*e));
    snprintf(e->blob.name, sizeof(e->blob.name), "%s", name);
    e->fd = -1;
    return e;
}

/* Whether fd has that many bytes and can change no more. */
static bool
publish_sealed(int fd, uint64_t bytes)
{
    struct stat st;
    int seals = fd >= 0 ? fcntl(fd, F_GET_SEALS) : -1;

    return seals >= 0 && (seals & PUBLISH_SEALS) == PUBLISH_SEALS && fstat(fd, &st) == 0 &&
        (uint64_t)st.st_size == bytes && bytes <= WR_PUBLISH_BYTES;
}

static bool
publish_named(const struct wr_publish_note *note)
{
    return memchr(note->name, '\0', sizeof(note->name)) != NULL && note->name[0] != '\0';
}

static bool
publish_sound(const struct wr_publish_note *note, int fd)
{
    return publish_sealed(fd, note->bytes) && publish_named(note) && note->version != 0;
}

/* Keeps fd as the newest of its name; NULL when it is not sound, or older than what is here (fd is closed). */
static struct publish_entry *
publish_store(const struct wr_publish_note *note, int fd)
{
    struct publish_entry *e = publish_sound(note, fd) ? publish_entry(note->name) : NULL;

    if (e == NULL || e->forgotten || e->blob.version >= note->version) {
        if (e == NULL) {
            wr_log(WR_LOG_ERROR, "published blob is refused version=%llu bytes=%llu; dropped",
                   (unsigned long long)note->version, (unsigned long long)note->bytes);
        }
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    if (e->fd >= 0) {
        close(e->fd);
    }
    e->fd = fd;
    e->blob.version = note->version;
    e->blob.bytes = note->bytes;
    publish_own.top = WR_MAX(publish_own.top, note->version);
    return e;
}

static void *
publish_map(const struct publish_entry *e)
{
    static const char nothing[8];

    if (e->blob.bytes == 0) {
        return (void *)nothing;
    }
    void *p = mmap(NULL, e->blob.bytes, PROT_READ, MAP_SHARED, e->fd, 0);
    if (p == MAP_FAILED) {
        wr_log(WR_LOG_ERROR,
               "cannot map a published blob name=%s version=%llu: %s; the old one stays in effect",
               e->blob.name, (unsigned long long)e->blob.version, strerror(errno));
        return NULL;
    }
    return p;
}

/* Maps the newest and shows it to the subscriber; what was mapped before goes afterwards. */
static void
publish_deliver(struct publish_entry *e)
{
    void *old = (void *)e->blob.data;
    size_t old_bytes = e->mapped_bytes;

    if (e->fn == NULL || e->fd < 0) {
        return;
    }
    void *data = publish_map(e);
    if (data == NULL) {
        return;
    }
    e->blob.data = data;
    e->mapped_bytes = e->blob.bytes;
    e->fn(e->arg, &e->blob);
    if (!e->keeping && old != NULL) {
        wr_publish_unmap(old, old_bytes);
    }
}

void
wr_publish_unmap(const void *data, size_t bytes)
{
    if (bytes > 0) {
        munmap((void *)data, bytes);
    }
}

static int
publish_make(const char *name, const void *data, size_t bytes)
{
    char label[WR_PUBLISH_NAME_BYTES + 8];
    size_t done = 0;

    snprintf(label, sizeof(label), "weir:%s", name);
    int fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    while (fd >= 0 && done < bytes) {
        ssize_t n = write(fd, (const char *)data + done, bytes - done);
        if (n < 0 && errno != EINTR) {
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0 && done == bytes && fcntl(fd, F_ADD_SEALS, PUBLISH_SEALS | F_SEAL_SEAL) == 0) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* To the master; it empties its socket all the time, so a full one is a matter of moments. */
static bool
publish_hand_in(const struct wr_publish_note *note, int fd)
{
    for (int i = 0; i < 100 && publish_own.send != NULL; i++) {
        if (publish_own.send(wr_slots_master(), note, fd)) {
            return true;
        }
        if (errno != EAGAIN) {
            break;
        }
        poll(NULL, 0, 10);
    }
    return false;
}

bool
wr_publish_everywhere(uint64_t version)
{
    struct wr_slots *t = wr_slots_table();
    unsigned n = atomic_load(&t->claimed);

    for (unsigned i = 0; i < n && i < WR_SLOTS_CHILDREN; i++) {
        struct wr_slot *s = &t->slot[i];
        if (atomic_load(&s->state) == WR_SLOT_SERVING && s->kind == WR_SLOT_WORKER &&
            atomic_load(&s->acked) < version) {
            return false;
        }
    }
    return true;
}

/* The entry of a name of our own. */
static struct publish_entry *
publish_known(const char *name)
{
    struct publish_entry *e = publish_entry(name);

    wr_assert(e != NULL && strlen(name) < WR_PUBLISH_NAME_BYTES);
    return e;
}

static void
publish_subscribe(const char *name, wr_publish_fn *fn, void *arg, bool keeping)
{
    struct publish_entry *e = publish_known(name);

    e->fn = fn;
    e->arg = arg;
    e->keeping = keeping;
    publish_deliver(e);
}

void
wr_publish_subscribe(const char *name, wr_publish_fn *fn, void *arg)
{
    publish_subscribe(name, fn, arg, false);
}

void
wr_publish_subscribe_keeping(const char *name, wr_publish_fn *fn, void *arg)
{
    publish_subscribe(name, fn, arg, true);
}

void
wr_publish_forget(const char *name)
{
    struct publish_entry *e = publish_known(name);

    e->forgotten = true;
    if (e->fd >= 0) {
        close(e->fd);
        e->fd = -1;
    }
}

void
wr_publish_set_sender(wr_publish_send_fn *send)
{
    publish_own.send = send;
}

/*
 * The master.
 */

/* Its own versions that follow on what is complete. */
static void
publish_join_ahead(void)
{
    unsigned joined = 0;

    while (joined < publish_own.ahead_n && publish_own.ahead[joined] <= publish_own.upto + 1) {
        publish_own.upto = WR_MAX(publish_own.upto, publish_own.ahead[joined]);
        joined++;
    }
    publish_own.ahead_n -= joined;
    memmove(publish_own.ahead, publish_own.ahead + joined,
            publish_own.ahead_n * sizeof(publish_own.ahead[0]));
}

static void
publish_take_in(const struct wr_publish_note *note, int fd)
{
    if (publish_store(note, fd) != NULL) {
        /* one that overtook it has been sent already: children ignore what they have */
        for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
            publish_own.sent[i] = WR_MIN(publish_own.sent[i], note->version - 1);
        }
    }
}

void
wr_publish_reserve(const char *name, bool secret)
{
    struct publish_entry *e = publish_known(name);

    e->reserved = true;
    e->secret = secret;
}

/* A child that publishes under a reserved name is broken, or broken into. */
static bool
publish_is_foreign(const struct wr_publish_note *note, int fd)
{
    for (unsigned i = 0; publish_named(note) && i < publish_own.n; i++) {
        const struct publish_entry *e = &publish_own.v[i];
        if (e->reserved && strcmp(e->blob.name, note->name) == 0) {
            wr_log(WR_LOG_ALERT, "a child publishes what is the master's name=%s; dropped", note->name);
            if (fd >= 0) {
                close(fd);
            }
            return true;
        }
    }
    return false;
}

void
wr_publish_accept(const struct wr_publish_note *note, int fd)
{
    if (!publish_is_foreign(note, fd)) {
        publish_take_in(note, fd);
    }
    /* the keeper's come in their order and the master's own at once: this one completes all before it */
    if (note->version <= atomic_load(&wr_slots_table()->published)) {
        publish_own.upto = WR_MAX(publish_own.upto, note->version);
    }
    publish_join_ahead();
}

/* One of the keeper's with a smaller version may be on its way. */
static void
publish_accept_own(const struct wr_publish_note *note, int fd)
{
    publish_take_in(note, fd);
    if (publish_own.ahead_n < PUBLISH_AHEAD) {
        publish_own.ahead[publish_own.ahead_n++] = note->version;
    }
    publish_join_ahead();
}

void
wr_publish_died(unsigned slot)
{
    wr_assert(slot < WR_SLOTS);
    publish_own.trusted[slot] = false;
}

void
wr_publish_publisher_died(void)
{
    publish_own.upto = atomic_load(&wr_slots_table()->published);
    publish_own.ahead_n = 0;
}

/* The oldest version after `after` that is still the newest of its name and for that slot. */
static const struct publish_entry *
publish_after(unsigned slot, uint64_t after)
{
    const struct publish_entry *found = NULL;

    for (unsigned i = 0; i < publish_own.n; i++) {
        const struct publish_entry *e = &publish_own.v[i];
        if (e->fd >= 0 && e->blob.version > after && (publish_own.trusted[slot] || !e->secret) &&
            (found == NULL || e->blob.version < found->blob.version)) {
            found = e;
        }
    }
    return found;
}

/* Everything that one child lacks.  False: its socket is full. */
static bool
publish_pump_slot(unsigned slot)
{
    const struct publish_entry *e;

    while ((e = publish_after(slot, publish_own.sent[slot])) != NULL) {
        struct wr_publish_note note = {.version = e->blob.version, .bytes = e->blob.bytes};
        memcpy(note.name, e->blob.name, sizeof(note.name));
        note.upto = publish_after(slot, note.version) == NULL ? publish_own.upto : 0;
        if (!publish_own.send(slot, &note, e->fd)) {
            return false;
        }
        publish_own.sent[slot] = note.version;
        publish_own.told[slot] = WR_MAX(publish_own.told[slot], note.upto);
        wr_slot_mail(slot, WR_MAIL_PUBLISHED);
    }
    if (publish_own.told[slot] < publish_own.upto) {
        struct wr_publish_note note = {.upto = publish_own.upto};
        if (!publish_own.send(slot, &note, -1)) {
            return false;
        }
        publish_own.told[slot] = note.upto;
        wr_slot_mail(slot, WR_MAIL_PUBLISHED);
    }
    return true;
}

bool
wr_publish_pump(void)
{
    struct wr_slots *t = wr_slots_table();
    unsigned n = atomic_load(&t->claimed);
    bool all = true;

    for (unsigned i = 0; publish_own.send != NULL && i < n && i < WR_SLOTS_CHILDREN; i++) {
        uint32_t state = atomic_load(&t->slot[i].state);
        if (state != WR_SLOT_FREE && state != WR_SLOT_DEAD && t->slot[i].master == wr_slots_master()) {
            all = publish_pump_slot(i) && all;
        }
    }
    return all;
}

void
wr_publish_born(unsigned slot, bool trusted)
{
    struct wr_slot *s = wr_slot_at(wr_slots_table(), slot);

    publish_own.trusted[slot] = trusted;
    publish_own.sent[slot] = publish_own.top;
    publish_own.told[slot] = publish_own.upto;
    atomic_store(&s->acked, publish_own.upto);
}

void
wr_publish_each(void (*fn)(void *arg, const struct wr_publish_note *note, int fd), void *arg)
{
    for (unsigned i = 0; i < publish_own.n; i++) {
        const struct publish_entry *e = &publish_own.v[i];
        if (e->fd >= 0 && !e->reserved) {
            struct wr_publish_note note = {.version = e->blob.version, .bytes = e->blob.bytes};
            memcpy(note.name, e->blob.name, sizeof(note.name));
            fn(arg, &note, e->fd);
        }
    }
}

void
wr_publish_adopt(const struct wr_publish_note *note, int fd)
{
    publish_store(note, fd);
    /* what the old master's keeper has on its way goes to the old master */
    wr_publish_publisher_died();
}

/* fd is sealed; takes it. */
static uint64_t
publish_give(struct wr_publish_note *note, int fd)
{
    note->version = atomic_fetch_add(&wr_slots_table()->published, 1) + 1;
    if (publish_is_master()) {
        publish_accept_own(note, fd);
        wr_publish_pump();
        return note->version;
    }
    bool sent = publish_hand_in(note, fd);
    close(fd);
    if (!sent) {
        wr_log(WR_LOG_ERROR, "cannot hand a blob to the master name=%s; the old version stays in effect",
               note->name);
        return 0;
    }
    return note->version;
}

static uint64_t
publish_fail(const char *name, size_t bytes, const char *why)
{
    wr_log(WR_LOG_ERROR, "cannot publish name=%s bytes=%zu: %s; the old version stays in effect", name, bytes,
           bytes <= WR_PUBLISH_BYTES ? why : "too large");
    return 0;
}

uint64_t
wr_publish(const char *name, const void *data, size_t bytes)
{
    struct wr_publish_note note = {.bytes = bytes};

    wr_assert(strlen(name) < WR_PUBLISH_NAME_BYTES);
    memcpy(note.name, name, strlen(name));
    int fd = bytes <= WR_PUBLISH_BYTES ? publish_make(name, data, bytes) : -1;
    return fd >= 0 ? publish_give(&note, fd) : publish_fail(name, bytes, strerror(errno));
}

uint64_t
wr_publish_fd(const char *name, int fd, size_t bytes)
{
    struct wr_publish_note note = {.bytes = bytes};

    wr_assert(strlen(name) < WR_PUBLISH_NAME_BYTES && publish_is_master());
    memcpy(note.name, name, strlen(name));
    if (publish_sealed(fd, bytes)) {
        return publish_give(&note, fd);
    }
    if (fd >= 0) {
        close(fd);
    }
    return publish_fail(name, bytes, "its memory is not sealed, or of another size");
}

/*
 * Children.
 */

void
wr_publish_enter(void)
{
    publish_own.send = NULL;
}

void
wr_publish_receive(const struct wr_publish_note *note, int fd)
{
    struct wr_slot *s = wr_slot_at(wr_slots_table(), wr_slot_self());

    if (note->version != 0) {
        struct publish_entry *e = publish_store(note, fd);
        if (e != NULL) {
            publish_deliver(e);
        }
    } else if (fd >= 0) {
        close(fd);
    }
    if (note->upto > atomic_load(&s->acked)) {
        atomic_store(&s->acked, note->upto);
    }
}
