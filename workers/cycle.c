/*
 * Building a generation.  Every error becomes a message of the configuration
 * with the place it came from; nothing here exits.
 */
#include "workers/cycle.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/http/pipeline.h"
#include "core/module.h"
#include "core/shm/logring.h"
#include "core/shm/slot.h"
#include "core/shm/zone.h"
#include "core/upstream/share.h"
#include "workers/logfiles.h"
#include "workers/sockets.h"
#include "workers/state.h"

#define CYCLE_WORKERS_MOST 64

struct wr_cycle *
wr_cycle_new(uint64_t generation)
{
    struct wr_cycle *cy = wr_calloc(1, sizeof(*cy));

    wr_pool_init(&cy->pool);
    wr_conf_init(&cy->cf, &cy->pool);
    cy->generation = generation;
    cy->control_fd = -1;
    cy->signer.slot = -1;
    return cy;
}

void
wr_cycle_free(struct wr_cycle *cy)
{
    wr_pool_reset(&cy->pool);
    free(cy);
}

/*
 * Reading.
 */

static void
cycle_set_tables(struct wr_cycle *cy)
{
    const struct wr_directive_table **tables =
        wr_pool_zalloc(&cy->pool, (wr_modules_n + 1) * sizeof(*tables));

    for (unsigned i = 0; i < wr_modules_n; i++) {
        tables[i] = wr_modules[i]->tables;
    }
    cy->cf.tables = tables;
    cy->cf.modules_n = wr_modules_n;
}

static void
cycle_check_modules(struct wr_cycle *cy)
{
    cy->module_main = wr_pool_zalloc(&cy->pool, (wr_modules_n + 1) * sizeof(void *));
    for (unsigned i = 0; i < wr_modules_n; i++) {
        const struct wr_module *mod = wr_modules[i];
        size_t before = cy->cf.errors;
        if (mod->check != NULL && !mod->check(&cy->cf, i, &cy->module_main[i]) && cy->cf.errors == before) {
            wr_conf_error(&cy->cf, (struct wr_place){0}, "module %s refuses the configuration", mod->name);
        }
    }
}

bool
wr_cycle_read(struct wr_cycle *cy, const struct wr_options *o)
{
    cycle_set_tables(cy);
    bool ok =
        o->file != NULL ? wr_conf_load(&cy->cf, o->file) : wr_conf_load_args(&cy->cf, o->args_n, o->args);
    if (!ok) {
        return false;
    }
    cy->model = cy->cf.model;
    cycle_check_modules(cy);
    if (cy->cf.errors == 0 && !wr_pipeline_build(cy->model, cy->module_main, &cy->pool)) {
        wr_conf_error(&cy->cf, (struct wr_place){0}, "the phases of the routes cannot be built");
    }
    return cy->cf.errors == 0;
}

bool
wr_cycle_has_secrets(const struct wr_cycle *cy)
{
    for (size_t i = 0; i < cy->cf.files_n; i++) {
        if (cy->cf.files[i].secret) {
            return true;
        }
    }
    return false;
}

/*
 * What it needs.
 */

static unsigned
cycle_count_workers(const struct wr_model *m)
{
    cpu_set_t set;

    if (m->weir.workers > 0) {
        return (unsigned)WR_MIN(m->weir.workers, CYCLE_WORKERS_MOST);
    }
    if (sched_getaffinity(0, sizeof(set), &set) < 0) {
        return 1;
    }
    return (unsigned)WR_MAX(1, WR_MIN(CPU_COUNT(&set), CYCLE_WORKERS_MOST));
}

static void
cycle_claim_sockets(struct wr_cycle *cy)
{
    struct wr_model *m = cy->model;

    cy->listen_fds = wr_pool_alloc(&cy->pool, (m->listens_n + 1) * sizeof(int));
    for (size_t i = 0; i < m->listens_n; i++) {
        const struct wr_listen *ls = m->listens[i];
        const char *why = "";
        cy->listen_fds[i] = wr_sockets_claim(&ls->addr, ls->both_families, &why);
        if (cy->listen_fds[i] < 0) {
            wr_conf_error(&cy->cf, ls->place, "cannot listen on %.*s: %s", WR_STR_ARG(ls->text), why);
        }
    }
}

static struct wr_place
cycle_place(const struct wr_cycle *cy, const char *key)
{
    return wr_conf_place_of(WR_CLASS_WEIR, &cy->model->weir_places, key);
}

/*
 * The control socket.
 */

/* Its address: as configured, or beside the pid file. */
static bool
cycle_control_addr(const struct wr_model *m, struct wr_addr *addr, const char **why)
{
    struct wr_str path = m->control.socket, dir = m->weir.pid.n > 0 ? m->weir.pid : WR_STR(WR_STATE_PID);
    char text[PATH_MAX];
    int n;

    if (path.n > 0) {
        n = snprintf(text, sizeof(text), "unix:%.*s", WR_STR_ARG(path));
    } else {
        while (dir.n > 0 && dir.p[dir.n - 1] != '/') {
            dir.n--;
        }
        n = snprintf(text, sizeof(text), "unix:%.*sweir.sock", WR_STR_ARG(dir));
    }
    *why = "the path is too long";
    return n > 0 && (size_t)n < sizeof(text) && wr_addr_parse(wr_str_of(text), addr, why);
}

static bool
cycle_find_group(struct wr_cycle *cy, gid_t *gid)
{
    struct wr_str group = cy->model->control.group;
    const char *why = "";

    *gid = WR_SOCKETS_NO_GROUP;
    if (group.n == 0 || wr_group_find(group, gid, &why)) {
        return true;
    }
    wr_conf_error(&cy->cf, wr_conf_place_of(WR_CLASS_CONTROL, &cy->model->control_places, "group"),
                  "group %.*s of the control socket: %s", WR_STR_ARG(group), why);
    return false;
}

/* Nobody who did not ask for it is kept from serving without it. */
static void
cycle_claim_control(struct wr_cycle *cy, const struct wr_options *o)
{
    const struct wr_control_conf *conf = &cy->model->control;
    struct wr_addr addr = {.un.sun_path = "beside the pid file"};
    const char *why = "";
    gid_t gid;

    if (wr_str_eq(conf->socket, WR_STR("off")) || !cycle_find_group(cy, &gid)) {
        return;
    }
    if (cycle_control_addr(cy->model, &addr, &why)) {
        if (conf->socket.n == 0) {
            wr_state_make_directory(addr.un.sun_path);
        }
        cy->control_fd = wr_sockets_claim_control(&addr, gid, &why);
    }
    if (cy->control_fd >= 0) {
        return;
    }
    if (conf->socket.n > 0 || conf->group.n > 0) {
        wr_conf_error(&cy->cf,
                      conf->socket.n > 0
                          ? wr_conf_place_of(WR_CLASS_CONTROL, &cy->model->control_places, "socket")
                          : cy->model->control_place,
                      "cannot make the control socket %s: %s", addr.un.sun_path, why);
    } else if (o->file != NULL) {
        wr_conf_warn(&cy->cf, (struct wr_place){0},
                     "cannot make the control socket %s: %s; going on without it", addr.un.sun_path, why);
    }
}

static void
cycle_claim_logs(struct wr_cycle *cy)
{
    struct wr_model *m = cy->model;
    struct wr_str error_log = m->weir.error_log.path;
    const char *why = "";

    cy->log_ids = wr_pool_alloc(&cy->pool, (m->logs_n + 1) * sizeof(unsigned));
    for (size_t i = 0; i < m->logs_n; i++) {
        const struct wr_access_log *lg = m->logs[i];
        int id = wr_logfiles_claim(lg->conf.path, &why);
        if (id < 0) {
            wr_conf_error(&cy->cf, lg->place, "cannot open the log %.*s: %s", WR_STR_ARG(lg->conf.path), why);
        }
        cy->log_ids[i] = id < 0 ? 0 : (unsigned)id;
    }
    if (!wr_logfiles_claim_error(error_log, &why)) {
        wr_conf_error(&cy->cf, cycle_place(cy, "error_log"), "cannot open the error log %.*s: %s",
                      WR_STR_ARG(error_log), why);
    }
}

static void
cycle_find_identity(struct wr_cycle *cy)
{
    const char *why = "", *warning = NULL;
    struct wr_place place = cycle_place(cy, "user");

    if (!wr_identity_find(cy->model->weir.user, &cy->identity, &why, &warning)) {
        wr_conf_error(&cy->cf, place, "user %.*s: %s", WR_STR_ARG(cy->model->weir.user), why);
    } else if (warning != NULL) {
        wr_conf_warn(&cy->cf, place, "%s", warning);
    }
}

static void
cycle_reap_ring(struct wr_zone *z, unsigned slot)
{
    if (!wr_logring_reap(wr_logring_of(z->base, slot))) {
        wr_log(WR_LOG_ALERT, "log ring of a dead process is damaged slot=%u; emptied", slot);
    }
}

static bool
cycle_claim_upstreams(struct wr_cycle *cy)
{
    const struct wr_upstream *left_out;

    if (!wr_share_claim(cy->model, cy->generation, &left_out)) {
        wr_conf_error(&cy->cf, (struct wr_place){0}, "there is no shared memory for upstreams");
        return false;
    }
    if (left_out != NULL) {
        wr_conf_error(&cy->cf, left_out->place,
                      "[upstream %.*s]: there is no room for all its servers (%u in all upstreams together)",
                      WR_STR_ARG(left_out->name), WR_SHARE_SERVERS);
        return false;
    }
    return true;
}

static bool
cycle_claim_zones(struct wr_cycle *cy)
{
    struct wr_zone *rings = wr_zone_claim("logrings", wr_logrings_layout, wr_logrings_bytes());

    if (rings == NULL || !wr_logfiles_claim_zone()) {
        wr_conf_error(&cy->cf, (struct wr_place){0}, "there is no shared memory for logs");
        return false;
    }
    rings->reap = cycle_reap_ring;
    return cycle_claim_upstreams(cy);
}

static void
cycle_make_seats(struct wr_cycle *cy)
{
    cy->workers = cycle_count_workers(cy->model);
    cy->seats = wr_pool_zalloc(&cy->pool, cy->workers * sizeof(*cy->seats));
    for (unsigned i = 0; i < cy->workers; i++) {
        cy->seats[i].slot = -1;
    }
}

bool
wr_cycle_build(struct wr_cycle *cy, const struct wr_options *o)
{
    wr_clock_update(); /* rows of shared memory say since when they are there */
    wr_zones_begin(cy->generation);
    wr_sockets_begin();
    if (wr_cycle_read(cy, o) && cycle_claim_zones(cy)) {
        cycle_find_identity(cy);
        cycle_claim_logs(cy);
        cycle_claim_sockets(cy);
        cycle_claim_control(cy, o);
    }
    if (cy->cf.errors > 0) {
        wr_cycle_abort();
        return false;
    }
    cycle_make_seats(cy);
    return true;
}

void
wr_cycle_commit(void)
{
    wr_zones_commit();
    wr_sockets_commit();
    wr_logfiles_commit();
}

void
wr_cycle_abort(void)
{
    wr_sockets_abort();
    wr_logfiles_abort();
    wr_zones_abort();
}

void
wr_cycle_enter(const struct wr_cycle *cy, bool listens, bool controls)
{
    wr_zones_view(cy->generation);
    if (controls) {
        wr_sockets_enter(&cy->control_fd, 1);
    } else {
        wr_sockets_enter(cy->listen_fds, listens ? cy->model->listens_n : 0);
    }
}
