/*
 * What weirctl shows of upstreams, and what it changes: the words of a server's
 * row that are changed by hand.  Everybody who picks a server sees a change
 * with the next request, in all generations.
 */
#include "core/upstream/upstream_commands.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/fmt.h"
#include "core/base/pool.h"
#include "core/conf/suggest.h"
#include "core/upstream/upstream_list.h"

#define UPSTREAM_COMMANDS_OFFERS 4096 /* names that are compared with one that is unknown */
#define UPSTREAM_COMMANDS_WEIGHT 1000

static const char *const upstream_commands_why[] = {
    [WR_SHARE_NEW] = "new",     [WR_SHARE_CHECKS] = "checks", [WR_SHARE_ERRORS] = "errors",
    [WR_SHARE_TRIAL] = "trial", [WR_SHARE_HAND] = "by hand",  [WR_SHARE_SOURCE] = "source",
};

static const char *
upstream_commands_why_text(const struct wr_share_server *s)
{
    uint32_t why = atomic_load(&s->why);

    return why < WR_ARRAY_LEN(upstream_commands_why) ? upstream_commands_why[why] : "-";
}

static uint64_t
upstream_commands_since_ms(const struct wr_share_server *s)
{
    uint64_t changed_ms = atomic_load(&s->changed_ms);

    return wr_clock.mono_ms > changed_ms ? wr_clock.mono_ms - changed_ms : 0;
}

/* ---- the table ---- */

/* "3", "5 (by hand)", or "-" where the source of the server says it. */
static void
upstream_commands_cell_weight(struct wr_reply *a, const struct wr_upstream_entry *e)
{
    uint32_t by_hand = e->row != NULL ? atomic_load(&e->row->weight) : 0;

    if (by_hand != 0) {
        wr_reply_printf(a, "%u (by hand)\t", by_hand);
    } else if (e->server != NULL) {
        wr_reply_printf(a, "%lld\t", (long long)e->server->weight);
    } else {
        wr_reply_printf(a, "-\t");
    }
}

static void
upstream_commands_row(void *arg, const struct wr_upstream_entry *e)
{
    struct wr_reply *a = arg;
    char state[WR_UPSTREAM_STATE_BYTES];

    wr_reply_escaped(a, e->upstream->name);
    wr_reply_printf(a, "/");
    wr_reply_escaped(a, e->name);
    if (e->row == NULL) {
        wr_reply_printf(a, "\tprivate\t");
        upstream_commands_cell_weight(a, e);
        wr_reply_printf(a, "-\t-\t-\t-\t-\t-\t-\n");
        return;
    }
    wr_upstream_state_text(atomic_load(&e->row->blocked), state);
    wr_reply_printf(a, "\t%s\t", state);
    upstream_commands_cell_weight(a, e);
    wr_reply_printf(a, "%u\t-\t%llu\t%llu\t", wr_share_load(e->row),
                    (unsigned long long)atomic_load(&e->row->requests),
                    (unsigned long long)atomic_load(&e->row->failures));
    uint64_t ewma_us = atomic_load(&e->row->ewma_us);
    if (ewma_us > 0) {
        wr_reply_printf(a, "%.1fms\t", (double)ewma_us / 1000);
    } else {
        wr_reply_printf(a, "-\t");
    }
    wr_reply_duration(a, upstream_commands_since_ms(e->row));
    wr_reply_printf(a, "\t%s\n", upstream_commands_why_text(e->row));
}

static void
upstream_commands_table(struct wr_command_call *call, const struct wr_upstream_list *l)
{
    struct wr_reply *a = call->reply;
    struct wr_upstream_sums sums;
    size_t from = a->n;

    wr_reply_printf(
        a, "UPSTREAM/SERVER\tSTATE\tWEIGHT\tINFLIGHT\tQUEUED\tREQUESTS\tFAILURES\tEWMA\tSINCE\tWHY\n");
    for (size_t i = 0; i < call->model->upstreams_n; i++) {
        const struct wr_upstream *u = call->model->upstreams[i];
        wr_upstream_list_sum(l, u, &sums);
        wr_reply_escaped(a, u->name);
        wr_reply_printf(a, "\t%llu/%llu up%s\t-\t%llu\t%llu\t%llu\t%llu\t-\t-\t-\n",
                        (unsigned long long)sums.up, (unsigned long long)sums.all,
                        u->conf.tls ? ", https" : "", (unsigned long long)sums.inflight,
                        (unsigned long long)sums.queued, (unsigned long long)sums.requests,
                        (unsigned long long)sums.failures);
        wr_upstream_list_each(l, u, upstream_commands_row, a);
    }
    wr_reply_columns(a, from);
}

/* ---- JSON ---- */

static void
upstream_commands_put_bits(struct wr_reply *a, uint32_t blocked)
{
    wr_reply_put_bool(a, "up", blocked == 0);
    wr_reply_put_bool(a, "checks_down", (blocked & WR_BLOCK_HEALTH) != 0);
    wr_reply_put_bool(a, "ejected", (blocked & WR_BLOCK_EJECTED) != 0);
    wr_reply_put_bool(a, "hand_draining", (blocked & WR_BLOCK_DRAIN) != 0);
    wr_reply_put_bool(a, "hand_down", (blocked & WR_BLOCK_DOWN) != 0);
    wr_reply_put_bool(a, "gone", (blocked & WR_BLOCK_GONE) != 0);
}

static void
upstream_commands_put_weight(struct wr_reply *a, const struct wr_upstream_entry *e)
{
    uint32_t by_hand = e->row != NULL ? atomic_load(&e->row->weight) : 0;

    if (by_hand != 0) {
        wr_reply_put_u64(a, "weight", by_hand);
    } else if (e->server != NULL) {
        wr_reply_put_u64(a, "weight", (uint64_t)e->server->weight);
    } else {
        wr_reply_put_null(a, "weight");
    }
    wr_reply_put_bool(a, "hand_weight", by_hand != 0);
}

static void
upstream_commands_put_counts(struct wr_reply *a, const struct wr_share_server *s)
{
    uint64_t ewma_us = atomic_load(&s->ewma_us);

    wr_reply_put_u64(a, "inflight", wr_share_load(s));
    wr_reply_put_u64(a, "requests", atomic_load(&s->requests));
    wr_reply_put_u64(a, "failures", atomic_load(&s->failures));
    if (ewma_us > 0) {
        wr_reply_put_u64(a, "ewma_us", ewma_us);
    } else {
        wr_reply_put_null(a, "ewma_us");
    }
    wr_reply_put_u64(a, "since_ms", upstream_commands_since_ms(s));
    wr_reply_put_str(a, "why", wr_str_of(upstream_commands_why_text(s)));
}

static void
upstream_commands_put_server(void *arg, const struct wr_upstream_entry *e)
{
    struct wr_reply *a = arg;
    char state[WR_UPSTREAM_STATE_BYTES] = "private";

    if (e->row != NULL) {
        wr_upstream_state_text(atomic_load(&e->row->blocked), state);
    }
    wr_reply_open(a, NULL, '{');
    wr_reply_put_str(a, "name", e->name);
    if (e->server != NULL) {
        wr_reply_put_str(a, "address", e->server->address);
    } else {
        wr_reply_put_null(a, "address");
    }
    wr_reply_put_bool(a, "found", e->server == NULL);
    wr_reply_put_bool(a, "backup", e->server != NULL && e->server->backup);
    wr_reply_put_bool(a, "private", e->row == NULL);
    wr_reply_put_str(a, "state", wr_str_of(state));
    upstream_commands_put_bits(a, e->row != NULL ? atomic_load(&e->row->blocked) : 0);
    upstream_commands_put_weight(a, e);
    if (e->row != NULL) {
        upstream_commands_put_counts(a, e->row);
    }
    wr_reply_close(a, '}');
}

static void
upstream_commands_put_brief(struct wr_reply *a, const struct wr_upstream *u,
                            const struct wr_upstream_sums *sums)
{
    wr_reply_put_str(a, "name", u->name);
    wr_reply_put_u64(a, "servers_up", sums->up);
    wr_reply_put_u64(a, "servers_all", sums->all);
}

static void
upstream_commands_json(struct wr_command_call *call, const struct wr_upstream_list *l)
{
    struct wr_reply *a = call->reply;
    struct wr_upstream_sums sums;

    wr_reply_open(a, NULL, '[');
    for (size_t i = 0; i < call->model->upstreams_n; i++) {
        const struct wr_upstream *u = call->model->upstreams[i];
        wr_upstream_list_sum(l, u, &sums);
        wr_reply_open(a, NULL, '{');
        upstream_commands_put_brief(a, u, &sums);
        wr_reply_put_bool(a, "anonymous", u->anonymous);
        wr_reply_put_bool(a, "tls", u->conf.tls);
        wr_reply_put_u64(a, "inflight", sums.inflight);
        wr_reply_put_u64(a, "queued", sums.queued);
        wr_reply_put_u64(a, "requests", sums.requests);
        wr_reply_put_u64(a, "failures", sums.failures);
        wr_reply_open(a, "servers", '[');
        wr_upstream_list_each(l, u, upstream_commands_put_server, a);
        wr_reply_close(a, ']');
        wr_reply_close(a, '}');
    }
    wr_reply_close(a, ']');
    wr_reply_printf(a, "\n");
}

static enum wr_command_verdict
upstream_commands_list(struct wr_command_call *call)
{
    struct wr_upstream_list *l = wr_upstream_list_new();

    if (call->json) {
        upstream_commands_json(call, l);
    } else {
        upstream_commands_table(call, l);
    }
    wr_upstream_list_free(l);
    return WR_COMMAND_OK;
}

void
wr_upstream_commands_brief(struct wr_command_call *call)
{
    struct wr_upstream_list *l = wr_upstream_list_new();
    struct wr_reply *a = call->reply;
    struct wr_upstream_sums sums;
    size_t from = a->n;

    if (call->json) {
        wr_reply_open(a, "upstreams", '[');
    } else if (call->model->upstreams_n > 0) {
        wr_reply_printf(a, "UPSTREAM\tUP\tALL\n");
    }
    for (size_t i = 0; i < call->model->upstreams_n; i++) {
        const struct wr_upstream *u = call->model->upstreams[i];
        wr_upstream_list_sum(l, u, &sums);
        if (call->json) {
            wr_reply_open(a, NULL, '{');
            upstream_commands_put_brief(a, u, &sums);
            wr_reply_close(a, '}');
        } else {
            wr_reply_escaped(a, u->name);
            wr_reply_printf(a, "\t%llu\t%llu\n", (unsigned long long)sums.up, (unsigned long long)sums.all);
        }
    }
    if (call->json) {
        wr_reply_close(a, ']');
    } else {
        wr_reply_columns(a, from);
    }
    wr_upstream_list_free(l);
}

/* ---- changes by hand ---- */

/* One change, of one server or (SERVER is "*") of all of an upstream. */
struct upstream_commands_change {
    struct wr_command_call *call;
    struct wr_str server; /* as asked for */
    uint32_t set;
    uint32_t clear;
    int64_t weight; /* -1: stays */
    unsigned changed;
    bool private; /* one of them has no row */
    /* looking for names that are near */
    struct wr_suggest suggest;
    struct wr_pool pool;
    unsigned offers;
};

/* State and weight as the log and the answer tell them. */
static void
upstream_commands_describe(const struct wr_share_server *s, char *text, size_t room)
{
    char state[WR_UPSTREAM_STATE_BYTES];
    uint32_t weight = atomic_load(&s->weight);

    wr_upstream_state_text(atomic_load(&s->blocked), state);
    if (weight != 0) {
        snprintf(text, room, "%s, weight %u (by hand)", state, weight);
    } else {
        snprintf(text, room, "%s", state);
    }
}

static void
upstream_commands_change_row(struct upstream_commands_change *ch, const struct wr_upstream_entry *e)
{
    char before[2 * WR_UPSTREAM_STATE_BYTES], after[2 * WR_UPSTREAM_STATE_BYTES];
    char name[4 * WR_SHARE_NAME_BYTES + 8];
    struct wr_share *sh = wr_share_own();

    upstream_commands_describe(e->row, before, sizeof(before));
    if (ch->weight >= 0 && atomic_load(&e->row->weight) != ch->weight) {
        wr_share_weigh(sh, e->row, (uint32_t)ch->weight);
    }
    if (ch->set != 0 || ch->clear != 0) {
        wr_share_block(sh, e->row, ch->set, ch->clear, WR_SHARE_HAND);
    }
    upstream_commands_describe(e->row, after, sizeof(after));
    size_t n = wr_escape(name, sizeof(name) - 1, wr_share_name(e->row), WR_ESCAPE_LOG);
    name[n] = '\0';
    wr_command_log(ch->call, "server=%s before=\"%s\" after=\"%s\"", name, before, after);
    wr_reply_printf(ch->call->reply, "%s: %s%s%s\n", name, before,
                    strcmp(before, after) ? " -> " : ", as before", strcmp(before, after) ? after : "");
    ch->changed++;
}

static void
upstream_commands_change_one(void *arg, const struct wr_upstream_entry *e)
{
    struct upstream_commands_change *ch = arg;

    if (!wr_str_eq(ch->server, e->name) && !wr_str_eq(ch->server, WR_STR("*"))) {
        return;
    }
    if (e->row == NULL) {
        ch->private = true;
    } else {
        upstream_commands_change_row(ch, e);
    }
}

static void
upstream_commands_offer(void *arg, const struct wr_upstream_entry *e)
{
    struct upstream_commands_change *ch = arg;

    if (ch->offers++ < UPSTREAM_COMMANDS_OFFERS) {
        wr_suggest_offer(
            &ch->suggest,
            wr_pool_printf(&ch->pool, "%.*s/%.*s", WR_STR_ARG(e->upstream->name), WR_STR_ARG(e->name)), 0);
    }
}

static enum wr_command_verdict
upstream_commands_unknown(struct upstream_commands_change *ch, const struct wr_upstream_list *l)
{
    const struct wr_model *m = ch->call->model;
    struct wr_str target = ch->call->args[0];
    char safe[WR_COMMAND_WHY_BYTES];

    wr_suggest_init(&ch->suggest, target);
    wr_pool_init(&ch->pool);
    for (size_t i = 0; i < m->upstreams_n; i++) {
        wr_upstream_list_each(l, m->upstreams[i], upstream_commands_offer, ch);
    }
    size_t n = wr_escape(safe, sizeof(safe), target, WR_ESCAPE_LOG);
    enum wr_command_verdict v = wr_command_fail(ch->call, "there is no server \"%.*s\"%s", (int)n, safe,
                                                wr_suggest_text(&ch->suggest, &ch->pool));
    wr_pool_reset(&ch->pool);
    return v;
}

/* The names of anonymous upstreams may have slashes, so the first one alone does not tell where the server's
 * begins. */
static enum wr_command_verdict
upstream_commands_apply(struct upstream_commands_change *ch)
{
    const struct wr_model *m = ch->call->model;
    struct wr_str target = ch->call->args[0];
    struct wr_upstream_list *l = wr_upstream_list_new();
    enum wr_command_verdict v = WR_COMMAND_OK;

    for (size_t i = 0; i < m->upstreams_n; i++) {
        struct wr_str u = m->upstreams[i]->name;
        if (target.n > u.n && target.p[u.n] == '/' && wr_str_starts(target, u)) {
            ch->server = wr_str_make(target.p + u.n + 1, target.n - u.n - 1);
            wr_upstream_list_each(l, m->upstreams[i], upstream_commands_change_one, ch);
        }
    }
    if (wr_str_find(target, '/') < 0) {
        v = wr_command_wrong(ch->call, "a server is named by UPSTREAM/SERVER");
    } else if (ch->changed == 0 && ch->private) {
        v = wr_command_fail(ch->call, "shared memory has no room for that server: it cannot be changed");
    } else if (ch->changed == 0) {
        v = upstream_commands_unknown(ch, l);
    }
    wr_upstream_list_free(l);
    return v;
}

static enum wr_command_verdict
upstream_commands_drain(struct wr_command_call *call)
{
    struct upstream_commands_change ch = {
        .call = call, .set = WR_BLOCK_DRAIN, .clear = WR_BLOCK_DOWN, .weight = -1};

    return upstream_commands_apply(&ch);
}

static enum wr_command_verdict
upstream_commands_down(struct wr_command_call *call)
{
    struct upstream_commands_change ch = {
        .call = call, .set = WR_BLOCK_DOWN, .clear = WR_BLOCK_DRAIN, .weight = -1};

    return upstream_commands_apply(&ch);
}

static enum wr_command_verdict
upstream_commands_ready(struct wr_command_call *call)
{
    struct upstream_commands_change ch = {
        .call = call, .clear = WR_BLOCK_DRAIN | WR_BLOCK_DOWN | WR_BLOCK_EJECTED, .weight = 0};

    return upstream_commands_apply(&ch);
}

static enum wr_command_verdict
upstream_commands_weight(struct wr_command_call *call)
{
    uint64_t weight;

    if (!wr_str_u64(call->args[1], UPSTREAM_COMMANDS_WEIGHT, &weight) || weight == 0) {
        return wr_command_wrong(call, "a weight is a number from 1 to %u", UPSTREAM_COMMANDS_WEIGHT);
    }
    struct upstream_commands_change ch = {.call = call, .weight = (int64_t)weight};
    return upstream_commands_apply(&ch);
}

const struct wr_command wr_upstream_commands[] = {
    {.name = "upstreams",
     .grammar = "upstreams [--json]",
     .help = "every server: its state, since when and why, and what it does",
     .json = true,
     .run = upstream_commands_list},
    {.name = "drain",
     .grammar = "drain UPSTREAM/SERVER",
     .help = "no new requests but those of clients that stick to it",
     .changes = true,
     .args_least = 1,
     .args_most = 1,
     .run = upstream_commands_drain},
    {.name = "down",
     .grammar = "down UPSTREAM/SERVER",
     .help = "no new requests at all",
     .changes = true,
     .args_least = 1,
     .args_most = 1,
     .run = upstream_commands_down},
    {.name = "ready",
     .grammar = "ready UPSTREAM/SERVER",
     .help = "undo what was changed by hand, its weight too; ejected ones come back",
     .changes = true,
     .args_least = 1,
     .args_most = 1,
     .run = upstream_commands_ready},
    {.name = "weight",
     .grammar = "weight UPSTREAM/SERVER N",
     .help = "another weight than the configured one (1 to 1000)",
     .changes = true,
     .args_least = 2,
     .args_most = 2,
     .run = upstream_commands_weight},
    {.name = NULL},
};
