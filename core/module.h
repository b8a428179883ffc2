/*
 * Everything that a module sees of weir (tls alone may also include
 * core/event/transport.h).  A module is one `const struct wr_module`; it has
 * no global variables and exports one symbol, wr_module_<name>.
 */
#ifndef WR_MODULE_H
#define WR_MODULE_H

#include "core/base/err.h"
#include "core/base/fmt.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/net.h"
#include "core/base/pool.h"
#include "core/base/rand.h"
#include "core/conf/conf.h"
#include "core/http/command.h"
#include "core/http/cookie.h"
#include "core/http/errorpage.h"
#include "core/http/explain.h"
#include "core/http/key.h"
#include "core/http/location.h"
#include "core/http/request.h"
#include "core/http/service.h"
#include "core/http/vars.h"
#include "core/shm/files.h"
#include "core/shm/zone.h"
#include "core/upstream/peer.h"

/* What a keeper works with. */
struct wr_keeping {
    struct wr_loop *loop;
    struct wr_offload *offload;
    const struct wr_model *model;
    const struct wr_secure *secure; /* set by the module that brings TLS; NULL: there is none */
    int (*signer_line)(void);       /* as in struct wr_service */
};

struct wr_module {
    const char *name;
    const struct wr_directive_table *tables; /* ends with rows NULL; NULL: no directives */
    size_t req_state_bytes;                  /* zeroed room per request; 0: none */

    /* All values are final: cross-check, complain (wr_conf_error), claim zones, build tables in cf->pool.
     * *main is the module's own object for this cycle.  False only with an error reported. */
    bool (*check)(struct wr_conf *cf, unsigned module, void **main);
    /* In a child of the master, with its rights, when check has set cf->makes: makes those files that check named and
     * nobody else brings, where they are not there or soon out of date.  False: logged. */
    bool (*prepare)(void *main);
    /*
     * In a child of the master (as `user`) and in weir -t: looks into the files that check named, through
     * wr_files_find (core/shm/files.h), those that are wr_files_changed, and complains about what is wrong with them
     * (wr_conf_error, and wr_files_refuse).
     */
    void (*verify)(struct wr_conf *cf, void *main);
    /* Asked once a route when a cycle is made: false, and no handler of the module is called on it. */
    bool (*active)(const struct wr_route *rt, const void *conf, void *main);

    /* Phase handlers; NULL: none.  Only on routes where the module is active, but for HEAD and ROUTE, which
     * run before a route is known and always.  WAIT: has called wr_req_park. */
    enum wr_step (*phase[WR_PHASES])(struct wr_req *r, const void *conf, void *state);
    /* Always, exactly once, for each request that ran a phase with state. */
    void (*ended)(struct wr_req *r, void *state);

    void *(*worker_start)(struct wr_service *sv, void *main);
    void (*worker_stop)(struct wr_service *sv, void *worker);
    /* In a worker: newer files are in place.  What wr_files_find gave before this is readable until it returns; a file
     * whose `version` is as it was has not changed.  Some may be of another configuration, or not fit together (a
     * reload that failed puts the former ones back): what cannot be used is left as it was. */
    void (*files_changed)(struct wr_service *sv, void *worker);
    /* The same in the keeper. */
    void (*keeper_files_changed)(void *keeper);
    /*
     * The signer: a process of its own that has the secret files when check has set cf->isolated, and that workers
     * and the keeper ask over lines (sv->signer_line).  line: a new one; owns fd.
     */
    void *(*signer_start)(struct wr_loop *l, void *main);
    void (*signer_line)(void *signer, int fd);
    /* How many lines are open: a signer whose generation is over ends with the last. */
    unsigned (*signer_lines)(const void *signer);
    void *(*keeper_start)(struct wr_keeping *k, void *main);
    void (*keeper_stop)(void *keeper);
    /* Commands of weirctl, run in the keeper, whose object they find in call->keeper; ends with name NULL.  NULL:
     * none.  Their paragraphs stand in man/weirctl.8. */
    const struct wr_command *commands;

    /* weir explain: appends what this module would say to the text. */
    void (*explain)(struct wr_explain *ex, const struct wr_route *rt, const void *conf);
};

/* build/modules.c, from modules/modules.list: the order inside every phase. */
extern const struct wr_module *const wr_modules[];
extern const unsigned wr_modules_n;

#endif
