/*
 * Sources of servers: the addresses of a name (dns:), the targets of SRV
 * records (srv:), the lines of a file (file:).  What one gives is kept as a
 * list, with each server's row in shared memory, until it gives another.
 */
#include "core/upstream/resolve_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE_TELL_MOST 8 /* changes at once that are told one by one */

/* ---- the list ---- */

static struct wr_resolve_server *
resolve_source_find(struct wr_resolve_server *v, size_t n, struct wr_str name)
{
    for (size_t i = 0; i < n; i++) {
        if (wr_str_eq(v[i].s.name, name)) {
            return &v[i];
        }
    }
    return NULL;
}

/* A server has one row, and one count in a worker: who comes first has it. */
static bool
resolve_source_is_taken(const struct wr_resolve_source *src, struct wr_str name)
{
    for (size_t i = 0; i < src->up->servers_n; i++) {
        if (src->up->servers[i].source == WR_SERVER_PLAIN && wr_str_eq(src->up->servers[i].name, name)) {
            return true;
        }
    }
    for (size_t i = 0; i < src->rs->sources_n; i++) {
        struct wr_resolve_source *other = &src->rs->sources[i];
        if (other != src && other->up == src->up &&
            resolve_source_find(other->servers, other->servers_n, name)) {
            return true;
        }
    }
    return false;
}

/* One more server; NULL: it is there already, has no address, or its name is too long. */
static struct wr_resolve_server *
resolve_source_add(const struct wr_resolve_source *src, struct wr_resolve_server *v, size_t *n,
                   struct wr_str name, const struct wr_addr *addrs, size_t addrs_n)
{
    if (*n == WR_FOUND_SERVERS || name.n >= sizeof(v->name) || addrs_n == 0 ||
        resolve_source_find(v, *n, name) || resolve_source_is_taken(src, name)) {
        return NULL;
    }
    struct wr_resolve_server *s = &v[(*n)++];
    memset(s, 0, sizeof(*s));
    memcpy(s->name, name.p, name.n);
    s->s.name = wr_str_make(s->name, name.n);
    s->s.row = WR_SHARE_NONE;
    s->s.addrs_n = (unsigned)WR_MIN(addrs_n, (size_t)WR_FOUND_ADDRS);
    memcpy(s->s.addrs, addrs, s->s.addrs_n * sizeof(*addrs));
    return s;
}

/* dns: each address is a server, and goes by it. */
static bool
resolve_source_list_addresses(const struct wr_resolve_source *src, struct wr_resolve_server *v, size_t *n)
{
    char text[WR_ADDR_TEXT_BYTES];

    for (size_t i = 0; i < src->name->addrs_n; i++) {
        const struct wr_addr *a = &src->name->addrs[i];
        resolve_source_add(src, v, n, wr_str_make(text, wr_addr_text(a, text)), a, 1);
    }
    return src->name->answered && src->name->addrs_n > 0;
}

static uint16_t
resolve_source_best(const struct wr_resolve_source *src)
{
    uint16_t best = UINT16_MAX;

    for (size_t i = 0; i < src->targets_n; i++) {
        best = WR_MIN(best, src->targets[i].priority);
    }
    return best;
}

/* srv: and file:; false as long as a name among them has had no answer at all. */
static bool
resolve_source_list_targets(const struct wr_resolve_source *src, struct wr_resolve_server *v, size_t *n)
{
    uint16_t best = resolve_source_best(src);

    for (size_t i = 0; i < src->targets_n; i++) {
        const struct wr_resolve_target *t = &src->targets[i];
        if (t->name != NULL && !t->name->answered) {
            return false;
        }
        struct wr_resolve_server *s = t->name != NULL
            ? resolve_source_add(src, v, n, t->entry.address, t->name->addrs, t->name->addrs_n)
            : resolve_source_add(src, v, n, t->entry.address, &t->entry.addr, 1);
        if (s != NULL) {
            s->s.weight = t->entry.weight;
            s->s.max = t->entry.max;
            s->s.backup = t->entry.backup || t->priority > best;
        }
    }
    return src->heard;
}

/* ---- what changes ---- */

static void
resolve_source_tell(const struct wr_resolve_source *src, const char *what, struct wr_str server, size_t nth)
{
    if (nth < SOURCE_TELL_MOST) {
        wr_log(WR_LOG_NOTICE, "%s server=%.*s/%.*s source=%.*s", what, WR_STR_ARG(src->up->name),
               WR_STR_ARG(server), WR_STR_ARG(src->conf->address));
    }
}

/* Another source of the upstream may have it as well. */
static bool
resolve_source_others_have(const struct wr_resolve_source *src, const struct wr_share_server *row)
{
    for (size_t i = 0; i < src->rs->sources_n; i++) {
        const struct wr_resolve_source *other = &src->rs->sources[i];
        for (size_t k = 0; other != src && other->up == src->up && k < other->servers_n; k++) {
            if (wr_share_server_at(src->rs->share, other->servers[k].s.row) == row) {
                return true;
            }
        }
    }
    return false;
}

/* Rows of the upstream that none of its sources names any more, also such as an earlier keeper found. */
static void
resolve_source_retire(struct wr_resolve_source *src)
{
    struct wr_share *sh = src->rs->share;
    uint32_t n = sh != NULL ? wr_share_servers_n(sh) : 0;
    size_t gone = 0;

    for (size_t i = 0; i < src->rs->sources_n; i++) {
        if (src->rs->sources[i].up == src->up && !src->rs->sources[i].answered) {
            return; /* that one may name them */
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        struct wr_share_server *row = &sh->servers[i];
        bool ours = false;
        if (atomic_load(&row->key) == 0 || !row->found || row->group != src->up->share ||
            (atomic_load(&row->blocked) & WR_BLOCK_GONE)) {
            continue;
        }
        for (size_t k = 0; k < src->servers_n && !ours; k++) {
            ours = src->servers[k].s.row == i;
        }
        if (!ours && !resolve_source_others_have(src, row)) {
            wr_share_block(sh, row, WR_BLOCK_GONE, 0, WR_SHARE_SOURCE);
            struct wr_str name = wr_share_name(row);
            resolve_source_tell(src, "server is gone, finishing what it has",
                                wr_str_make(name.p + src->up->name.n + 1, name.n - src->up->name.n - 1),
                                gone++);
        }
    }
    if (gone > SOURCE_TELL_MOST) {
        wr_log(WR_LOG_NOTICE, "servers are gone upstream=%.*s servers=%zu", WR_STR_ARG(src->up->name), gone);
    }
}

static void
resolve_source_attach(struct wr_resolve_source *src, struct wr_resolve_server *s)
{
    struct wr_share *sh = src->rs->share;

    if (sh == NULL || src->up->share == WR_SHARE_NONE) {
        return;
    }
    s->s.row = wr_share_find(sh, src->up->share, src->up->name, s->s.name, src->rs->generation);
    struct wr_share_server *row = wr_share_server_at(sh, s->s.row);
    if (row != NULL) {
        wr_share_block(sh, row, 0, WR_BLOCK_GONE, WR_SHARE_SOURCE);
    } else {
        wr_log(WR_LOG_WARN,
               "shared memory has no room for a server server=%.*s/%.*s; each worker counts it for itself",
               WR_STR_ARG(src->up->name), WR_STR_ARG(s->s.name));
    }
}

/* Takes v over. */
static void
resolve_source_replace(struct wr_resolve_source *src, struct wr_resolve_server *v, size_t n)
{
    size_t new = 0;

    for (size_t i = 0; i < n; i++) {
        struct wr_resolve_server *was = resolve_source_find(src->servers, src->servers_n, v[i].s.name);
        if (was != NULL && was->s.row != WR_SHARE_NONE) {
            v[i].s.row = was->s.row;
            continue;
        }
        resolve_source_attach(src, &v[i]);
        if (was == NULL) {
            resolve_source_tell(src, "server found", v[i].s.name, new ++);
        }
    }
    if (new > SOURCE_TELL_MOST) {
        wr_log(WR_LOG_NOTICE, "servers found upstream=%.*s servers=%zu", WR_STR_ARG(src->up->name), new);
    }
    free(src->servers);
    src->servers = v;
    src->servers_n = n;
    src->answered = true;
}

void
wr_resolve_source_settle(struct wr_resolve_source *src)
{
    struct wr_resolve_server *v = wr_calloc(WR_FOUND_SERVERS, sizeof(*v));
    size_t n = 0;
    bool known = src->conf->source == WR_SERVER_DNS ? resolve_source_list_addresses(src, v, &n)
                                                    : resolve_source_list_targets(src, v, &n);

    if (known) {
        resolve_source_replace(src, v, n);
        resolve_source_retire(src);
        return;
    }
    free(v);
    if (src->conf->source == WR_SERVER_DNS && src->name->answered) {
        src->answered = true; /* a name that gives nothing and never has: who waits shall know */
    }
}

void
wr_resolve_source_seed(struct wr_resolve_source *src, const struct wr_found_server *s)
{
    if (src->servers == NULL) {
        src->servers = wr_calloc(WR_FOUND_SERVERS, sizeof(*src->servers));
    }
    struct wr_resolve_server *own =
        resolve_source_add(src, src->servers, &src->servers_n, s->name, s->addrs, s->addrs_n);
    if (own != NULL) {
        own->s.weight = s->weight;
        own->s.max = s->max;
        own->s.backup = s->backup;
        resolve_source_attach(src, own);
    }
}

/* ---- srv: ---- */

static void
resolve_source_drop_targets(struct wr_resolve_target *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wr_resolve_name_give(v[i].name);
    }
    free(v);
}

static void
resolve_source_set_targets(struct wr_resolve_source *src, struct wr_resolve_target *v, size_t n)
{
    struct wr_resolve_target *old = src->targets;
    size_t old_n = src->targets_n;

    src->targets = v;
    src->targets_n = n;
    src->heard = true;
    src->failing = false;
    src->retry_ms = 0;
    resolve_source_drop_targets(old, old_n); /* after the new ones have taken theirs */
    wr_resolve_changed(src->rs);
}

/* SRV weights go to 65535; what counts is their proportion. */
static uint32_t
resolve_source_weight(const struct wr_dns_answer *a, uint16_t weight)
{
    uint32_t most = 1;

    for (size_t i = 0; i < a->targets_n; i++) {
        most = WR_MAX(most, a->targets[i].weight);
    }
    return most <= 1000 ? WR_MAX(weight, 1U) : WR_MAX((uint32_t)weight * 1000 / most, 1U);
}

static void
resolve_source_fail(struct wr_resolve_source *src, const char *error)
{
    if (!src->failing) {
        wr_log(WR_LOG_WARN, "cannot look up servers upstream=%.*s source=%.*s error=\"%s\", %s, trying again",
               WR_STR_ARG(src->up->name), WR_STR_ARG(src->conf->address), error,
               src->servers_n > 0 ? "keeping the last ones" : "there are none");
    }
    src->failing = true;
    if (!src->answered) {
        src->answered = true;
        wr_resolve_changed(src->rs);
    }
}

static void
resolve_source_on_targets(void *arg, const struct wr_dns_answer *a)
{
    struct wr_resolve_source *src = arg;

    if (a->error != NULL) {
        resolve_source_fail(src, a->error);
        wr_loop_timer(src->rs->loop, &src->timer,
                      wr_clock.mono_ms + wr_resolve_name_again_ms(&src->retry_ms));
        return;
    }
    struct wr_resolve_target *v = wr_calloc(a->targets_n, sizeof(*v));
    for (size_t i = 0; i < a->targets_n; i++) {
        struct wr_resolve_target *t = &v[i];
        t->name = wr_resolve_name_take(src->rs, a->targets[i].host, a->targets[i].port);
        t->entry.address = t->name->address;
        t->entry.weight = resolve_source_weight(a, a->targets[i].weight);
        t->priority = a->targets[i].priority;
    }
    resolve_source_set_targets(src, v, a->targets_n);
    wr_loop_timer(src->rs->loop, &src->timer, wr_clock.mono_ms + wr_resolve_name_ttl_ms(a->ttl_s));
}

/* ---- file: ---- */

/* The whole file; NULL with *error. */
static char *
resolve_source_read(int fd, size_t bytes, size_t *n, const char **error)
{
    char *text = wr_malloc(bytes + 1);

    *n = 0;
    while (*n < bytes) {
        ssize_t got = read(fd, text + *n, bytes - *n);
        if (got <= 0) {
            break;
        }
        *n += (size_t)got;
    }
    if (*n == bytes) {
        return text;
    }
    *error = "it changed while it was read";
    free(text);
    return NULL;
}

/* With TLS each server has a name that can be looked for in its certificate; a path is none. */
static bool
resolve_source_lacks_name(const struct wr_resolve_source *src, const struct wr_source_entry *e, int n)
{
    const struct wr_upstream_conf *conf = &src->up->conf;

    for (int i = 0; i < n && conf->tls && conf->tls_verify && conf->tls_name.n == 0; i++) {
        if (e[i].host.n == 0 && e[i].addr.sa.sa_family == AF_UNIX) {
            return true;
        }
    }
    return false;
}

static void
resolve_source_take_file(struct wr_resolve_source *src, char *text, size_t n)
{
    struct wr_source_entry *e = wr_calloc(WR_FOUND_SERVERS, sizeof(*e));
    char error[160];
    const char *why;
    unsigned line;
    int found = wr_source_file_parse(text, n, e, WR_FOUND_SERVERS, &line, &why);

    if (found >= 0 && resolve_source_lacks_name(src, e, found)) {
        snprintf(error, sizeof(error),
                 "a unix socket has no host that its certificate could be for (tls.name)");
        found = -1;
    } else if (found < 0) {
        snprintf(error, sizeof(error), "line %u: %s", line, why);
    }
    if (found < 0) {
        src->failing = false; /* each faulty content is told */
        resolve_source_fail(src, error);
        free(e);
        return;
    }
    struct wr_resolve_target *v = wr_calloc((size_t)found + 1, sizeof(*v));
    for (int i = 0; i < found; i++) {
        v[i].entry = e[i];
        size_t most = WR_MIN(e[i].address.n, sizeof(v[i].address) - 1);
        memcpy(v[i].address, e[i].address.p, most);
        v[i].entry.address = wr_str_make(v[i].address, most);
        if (e[i].host.n > 0 && !wr_resolve_is_localhost(e[i].host)) {
            v[i].name = wr_resolve_name_take(src->rs, e[i].host, e[i].port);
        } else if (e[i].host.n > 0) {
            struct wr_ip loopback;
            wr_ip_parse(WR_STR("127.0.0.1"), &loopback);
            wr_addr_of_ip(&loopback, e[i].port, &v[i].entry.addr);
        }
    }
    free(e);
    resolve_source_set_targets(src, v, (size_t)found);
}

/* A new content has another inode, size or time.  It is taken when it was the same at two looks: somebody may
 * be writing it still. */
static bool
resolve_source_file_changed(struct wr_resolve_source *src, const struct stat *st)
{
    uint64_t now[4] = {st->st_dev, st->st_ino, (uint64_t)st->st_size,
                       (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec};
    bool settled = !src->answered || memcmp(now, src->file_coming, sizeof(now)) == 0;

    memcpy(src->file_coming, now, sizeof(now));
    if (!settled || memcmp(now, src->file_seen, sizeof(now)) == 0) {
        return false;
    }
    memcpy(src->file_seen, now, sizeof(now));
    return true;
}

static void
resolve_source_look(struct wr_resolve_source *src)
{
    const char *path = src->conf->host.p; /* ends with NUL: a copy in the cycle's pool */
    const char *error = NULL;
    struct stat st;
    size_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) < 0) {
        error = strerror(errno);
    } else if (!S_ISREG(st.st_mode)) {
        error = "not a regular file";
    } else if (st.st_size > WR_SOURCE_FILE_BYTES) {
        error = "it is larger than 1 MiB";
    } else if (resolve_source_file_changed(src, &st)) {
        char *text = resolve_source_read(fd, (size_t)st.st_size, &n, &error);
        if (text != NULL) {
            resolve_source_take_file(src, text, n);
            free(text);
        } else {
            memset(src->file_seen, 0, sizeof(src->file_seen));
        }
    }
    if (error != NULL) {
        resolve_source_fail(src, error);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* ---- life ---- */

static void
resolve_source_on_timer(struct wr_timer *t)
{
    struct wr_resolve_source *src = wr_container(t, struct wr_resolve_source, timer);
    struct wr_dns_answer none = {.error = "no resolver"};
    char name[256];

    if (src->conf->source == WR_SERVER_FILE) {
        resolve_source_look(src);
        wr_loop_timer(src->rs->loop, t, wr_clock.mono_ms + WR_RESOLVE_FILE_MS);
        return;
    }
    snprintf(name, sizeof(name), "%.*s", WR_STR_ARG(src->conf->host));
    if (src->rs->dns != NULL) {
        wr_dns_ask_srv(src->rs->dns, name, resolve_source_on_targets, src);
    } else {
        resolve_source_on_targets(src, &none);
    }
}

void
wr_resolve_source_start(struct wr_resolve_source *src)
{
    wr_timer_init(&src->timer, resolve_source_on_timer);
    if (src->conf->source == WR_SERVER_DNS) {
        src->name = wr_resolve_name_take(src->rs, src->conf->host, src->conf->port);
    } else {
        wr_loop_timer(src->rs->loop, &src->timer, wr_clock.mono_ms);
    }
}

void
wr_resolve_source_stop(struct wr_resolve_source *src)
{
    wr_timer_stop(&src->rs->loop->wheel, &src->timer);
}
