/*
 * TLS on OpenSSL: certificates by name, tickets that any worker takes, client
 * certificates, and connections to servers.  What a record is after the
 * handshake stands in tls_record.c.
 */
#include "modules/tls/tls_module.h"
#include "modules/tls/tls_signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TLS_KEEPER_MS 1000 /* between two looks at the age of the ticket key */

/* ---- the configuration ---- */

static bool
tls_claim_ring(struct wr_conf *cf, const struct wr_tls_main *m)
{
    if (!m->in_use) {
        return true;
    }
    struct wr_zone *z = wr_zone_claim("tls.tickets", wr_tls_ring_layout, sizeof(struct wr_tls_ring));

    if (z == NULL || (z->fresh && !wr_tls_ring_turn(z->base, wr_clock.mono_ms))) {
        wr_conf_error(cf, (struct wr_place){0},
                      "there is no shared memory, or no randomness, for session tickets");
        return false;
    }
    return true;
}

static bool
tls_check(struct wr_conf *cf, unsigned module, void **main)
{
    struct wr_tls_main *m = wr_pool_zalloc(cf->pool, sizeof(*m));

    m->model = cf->model;
    m->module = module;
    m->weir = cf->model->weir_mconf[module];
    *main = m;
    cf->isolated = m->weir->keys == WR_TLS_KEYS_ISOLATED;
    if (m->weir->keylog.n > 0) {
        wr_conf_warn(
            cf, (struct wr_place){0},
            "tls.keylog: the secrets of every connection are written to %.*s; who reads it can read everything",
            WR_STR_ARG(m->weir->keylog));
    }
    return wr_tls_sites_make(cf, m) && wr_tls_origins_check(cf, m) && tls_claim_ring(cf, m);
}

static void
tls_verify(struct wr_conf *cf, void *main)
{
    wr_tls_sites_verify(cf, main);
    wr_tls_origins_verify(cf, main);
}

static bool
tls_prepare(void *main)
{
    return wr_tls_sites_mint(main);
}

/* ---- workers ---- */

static void
tls_open_keylog(struct wr_tls_worker *w)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%.*s", WR_STR_ARG(w->main->weir->keylog));

    if (n <= 0 || n >= (int)sizeof(path)) {
        return;
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    w->shop->keylog = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (w->shop->keylog == NULL) {
        wr_log(WR_LOG_ERROR, "tls.keylog cannot be opened file=%s: %s; going on without it", path,
               strerror(errno));
    } else {
        wr_log(WR_LOG_WARN, "tls.keylog is on: the secrets of every connection are written file=%s", path);
    }
}

/* Of a worker or the keeper. */
static struct wr_tls_worker *
tls_start(const struct wr_tls_main *m, struct wr_loop *l, int (*line)(void))
{
    struct wr_tls_worker *w = wr_calloc(1, sizeof(*w));
    const struct wr_zone *z = wr_zone_find("tls.tickets");

    w->main = m;
    w->shop = wr_calloc(1, sizeof(*w->shop));
    w->loaded = wr_calloc(m->model->servers_n + 1, sizeof(*w->loaded));
    w->ring = z != NULL ? z->base : NULL;
    w->secure.accept = wr_tls_server_accept;
    w->secure.connect = wr_tls_client_connect;
    bool ok = w->ring != NULL && wr_tls_shop_init(w->shop, l);
    if (m->weir->keylog.n > 0) {
        tls_open_keylog(w); /* first: what is made next asks for secrets accordingly */
    }
    if (ok && line != NULL) {
        w->remote = wr_tls_remote_new(w->shop, line);
    }
    if (!ok || !wr_tls_server_start(w)) {
        wr_log(WR_LOG_ERROR, "the TLS library lacks what weir needs of it; exiting");
        exit(1);
    }
    wr_tls_client_start(w);
    return w;
}

static void
tls_stop(struct wr_tls_worker *w)
{
    wr_tls_client_stop(w);
    wr_tls_server_stop(w);
    wr_tls_loaded_free(w);
    if (w->remote != NULL) {
        wr_tls_remote_free(w->remote);
    }
    wr_tls_shop_fini(w->shop);
    free(w->shop);
    free(w);
}

static void *
tls_worker_start(struct wr_service *sv, void *main)
{
    const struct wr_tls_main *m = main;
    struct wr_tls_worker *w = m->in_use ? tls_start(m, sv->loop, sv->signer_line) : NULL;

    if (w != NULL) {
        sv->secure = &w->secure;
    }
    return w;
}

static void
tls_worker_stop(struct wr_service *sv, void *worker)
{
    sv->secure = NULL;
    if (worker != NULL) {
        tls_stop(worker);
    }
}

static void
tls_files_changed(struct wr_service *sv, void *worker)
{
    (void)sv;
    if (worker != NULL) {
        wr_tls_loaded_refresh(worker);
        wr_tls_client_refresh(worker);
    }
}

/* ---- the keeper ---- */

struct tls_keeper {
    struct wr_tls_worker *w; /* for checks of servers */
    struct wr_loop *loop;
    struct wr_timer timer;
    uint64_t turn_ms;
};

static void
tls_keeper_on_timer(struct wr_timer *t)
{
    struct tls_keeper *k = wr_container(t, struct tls_keeper, timer);
    struct wr_tls_ring *ring = (struct wr_tls_ring *)(uintptr_t)k->w->ring;

    if (wr_clock.mono_ms - atomic_load(&ring->born_ms) >= k->turn_ms) {
        if (wr_tls_ring_turn(ring, wr_clock.mono_ms)) {
            wr_log(WR_LOG_NOTICE, "session tickets have a new key turn=%llu",
                   (unsigned long long)atomic_load(&ring->turn));
        } else {
            wr_log(WR_LOG_ERROR, "no randomness for a new ticket key; the old one stays in use");
        }
    }
    wr_loop_timer(k->loop, t, wr_clock.mono_ms + TLS_KEEPER_MS);
}

static void *
tls_keeper_start(struct wr_keeping *keeping, void *main)
{
    const struct wr_tls_main *m = main;

    if (!m->in_use) {
        return NULL;
    }
    struct tls_keeper *k = wr_calloc(1, sizeof(*k));

    k->w = tls_start(m, keeping->loop, keeping->signer_line);
    k->loop = keeping->loop;
    k->turn_ms = m->weir->ticket_turn_ms;
    wr_timer_init(&k->timer, tls_keeper_on_timer);
    wr_loop_timer(k->loop, &k->timer, wr_clock.mono_ms + TLS_KEEPER_MS);
    keeping->secure = &k->w->secure;
    return k;
}

static void
tls_keeper_stop(void *keeper)
{
    struct tls_keeper *k = keeper;

    if (k != NULL) {
        wr_timer_stop(&k->loop->wheel, &k->timer);
        tls_stop(k->w);
        free(k);
    }
}

static void
tls_keeper_files_changed(void *keeper)
{
    struct tls_keeper *k = keeper;

    if (k != NULL) {
        wr_tls_client_refresh(k->w);
    }
}

/* ---- weirctl ---- */

static enum wr_command_verdict
tls_command_ca(struct wr_command_call *call)
{
    const struct tls_keeper *k = call->keeper;
    struct wr_file f;

    if (k == NULL || k->w->main->authority.n == 0) {
        return wr_command_fail(call, "no server has tls = internal");
    }
    if (!wr_files_find(k->w->main->authority, &f) || f.error != 0) {
        return wr_command_fail(call, "the certificate of the internal authority is not there");
    }
    wr_reply_str(call->reply, f.bytes);
    return WR_COMMAND_OK;
}

static const struct wr_command tls_commands[] = {
    {.name = "ca",
     .grammar = "ca",
     .help = "prints the certificate of the internal authority (tls = internal), for clients to trust",
     .run = tls_command_ca},
    {.name = NULL},
};

const struct wr_module wr_module_tls = {
    .name = "tls",
    .tables = wr_tls_tables,
    .check = tls_check,
    .prepare = tls_prepare,
    .verify = tls_verify,
    .active = wr_tls_rule_active,
    .phase[WR_PHASE_GUARD] = wr_tls_rule_guard,
    .worker_start = tls_worker_start,
    .worker_stop = tls_worker_stop,
    .files_changed = tls_files_changed,
    .keeper_start = tls_keeper_start,
    .keeper_stop = tls_keeper_stop,
    .keeper_files_changed = tls_keeper_files_changed,
    .commands = tls_commands,
    .signer_start = wr_tls_signer_start,
    .signer_line = wr_tls_signer_line,
    .signer_lines = wr_tls_signer_lines,
};
