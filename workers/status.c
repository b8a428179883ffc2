/*
 * The slot table as a text.  Processes come and go while it is read: each word
 * is right by itself, and that is all that is promised.
 */
#include "workers/status.h"

#include "config.h"
#include "core/base/clock.h"
#include "core/shm/slot.h"
#include "core/upstream/upstream_commands.h"

static const char *const status_states[] = {
    [WR_SLOT_FREE] = "free",         [WR_SLOT_STARTING] = "starting", [WR_SLOT_SERVING] = "serving",
    [WR_SLOT_DRAINING] = "draining", [WR_SLOT_DEAD] = "dead",
};

static const char *
status_state(const struct wr_slot *s)
{
    uint32_t state = atomic_load(&s->state);

    return state < WR_ARRAY_LEN(status_states) ? status_states[state] : "-";
}

/* The children's slots with a process; goes on behind *i. */
static const struct wr_slot *
status_next(unsigned *i)
{
    struct wr_slots *t = wr_slots_table();

    for (; *i < WR_SLOTS_CHILDREN; ++*i) {
        const struct wr_slot *s = wr_slot_at(t, *i);
        uint32_t state = atomic_load(&s->state);
        if (state != WR_SLOT_FREE && state != WR_SLOT_DEAD) {
            return s;
        }
    }
    return NULL;
}

#define STATUS_FOR(s, i) for (unsigned i = 0; (s = status_next(&i)) != NULL; i++)

static unsigned long long
status_count(const struct wr_slot *s, enum wr_counter c)
{
    return atomic_load_explicit(&s->counters[c], memory_order_relaxed);
}

/* Of all that live and all that lived. */
static unsigned long long
status_total(enum wr_counter c)
{
    unsigned long long n = atomic_load(&wr_slots_table()->retired[c]);
    const struct wr_slot *s;

    STATUS_FOR(s, i)
    {
        n += status_count(s, c);
    }
    return n;
}

static uint64_t
status_since_ms(uint64_t then_ms)
{
    return wr_clock.mono_ms > then_ms ? wr_clock.mono_ms - then_ms : 0;
}

static const struct wr_slot *
status_master(void)
{
    return wr_slot_at(wr_slots_table(), wr_slots_master());
}

static const char *
status_kind(const struct wr_slot *s)
{
    return s->kind == WR_SLOT_KEEPER ? "keeper" : s->kind == WR_SLOT_SIGNER ? "signer" : "worker";
}

/* ---- status ---- */

static void
status_put_processes(struct wr_reply *a)
{
    const struct wr_slot *s;

    wr_reply_open(a, "processes", '[');
    STATUS_FOR(s, i)
    {
        wr_reply_open(a, NULL, '{');
        wr_reply_put_u64(a, "slot", i);
        wr_reply_put_str(a, "kind", wr_str_of(status_kind(s)));
        wr_reply_put_u64(a, "pid", (uint64_t)atomic_load(&s->pid));
        wr_reply_put_u64(a, "generation", s->generation);
        wr_reply_put_str(a, "state", wr_str_of(status_state(s)));
        wr_reply_put_u64(a, "connections", status_count(s, WR_C_CONNECTIONS));
        wr_reply_put_u64(a, "requests", status_count(s, WR_C_REQUESTS));
        wr_reply_put_u64(a, "requests_now", status_count(s, WR_C_REQUESTS_NOW));
        wr_reply_put_u64(a, "longest_turn_us", atomic_load(&s->longest_turn_us));
        wr_reply_close(a, '}');
    }
    wr_reply_close(a, ']');
}

static void
status_json(struct wr_command_call *call)
{
    struct wr_reply *a = call->reply;

    wr_reply_open(a, NULL, '{');
    wr_reply_put_str(a, "version", WR_STR(WR_VERSION));
    wr_reply_put_u64(a, "uptime_ms", status_since_ms(status_master()->started_ms));
    wr_reply_put_u64(a, "generation", call->generation);
    wr_reply_put_u64(a, "master", (uint64_t)atomic_load(&status_master()->pid));
    status_put_processes(a);
    wr_reply_open(a, "totals", '{');
    wr_reply_put_u64(a, "connections", status_total(WR_C_CONNECTIONS));
    wr_reply_put_u64(a, "connections_accepted", status_total(WR_C_ACCEPTED));
    wr_reply_put_u64(a, "requests", status_total(WR_C_REQUESTS));
    wr_reply_put_u64(a, "requests_now", status_total(WR_C_REQUESTS_NOW));
    wr_reply_put_u64(a, "requests_failed", status_total(WR_C_FAILED));
    wr_reply_put_u64(a, "shed", status_total(WR_C_SHED));
    wr_reply_put_u64(a, "log_lines_dropped", status_total(WR_C_LOG_DROPPED));
    wr_reply_close(a, '}');
    wr_upstream_commands_brief(call);
    wr_reply_close(a, '}');
    wr_reply_printf(a, "\n");
}

static void
status_table(struct wr_reply *a)
{
    const struct wr_slot *s;
    size_t from = a->n;

    wr_reply_printf(a, "SLOT\tPROCESS\tPID\tGENERATION\tSTATE\tCONNECTIONS\tREQUESTS\tNOW\tLONGEST TURN\n");
    STATUS_FOR(s, i)
    {
        wr_reply_printf(a, "%u\t%s\t%d\t%llu\t%s\t%llu\t%llu\t%llu\t%.1fms\n", i, status_kind(s),
                        (int)atomic_load(&s->pid), (unsigned long long)s->generation, status_state(s),
                        status_count(s, WR_C_CONNECTIONS), status_count(s, WR_C_REQUESTS),
                        status_count(s, WR_C_REQUESTS_NOW), (double)atomic_load(&s->longest_turn_us) / 1000);
    }
    wr_reply_printf(a, "\tall\t\t\t\t%llu\t%llu\t%llu\n", status_total(WR_C_CONNECTIONS),
                    status_total(WR_C_REQUESTS), status_total(WR_C_REQUESTS_NOW));
    wr_reply_columns(a, from);
}

enum wr_command_verdict
wr_status_show(struct wr_command_call *call)
{
    struct wr_reply *a = call->reply;

    if (call->json) {
        status_json(call);
        return WR_COMMAND_OK;
    }
    wr_reply_printf(a, "weir " WR_VERSION ", up ");
    wr_reply_duration(a, status_since_ms(status_master()->started_ms));
    wr_reply_printf(a, ", generation %llu, master %d\n", (unsigned long long)call->generation,
                    (int)atomic_load(&status_master()->pid));
    wr_reply_printf(a, "accepted %llu, failed %llu, shed %llu, log lines dropped %llu\n\n",
                    status_total(WR_C_ACCEPTED), status_total(WR_C_FAILED), status_total(WR_C_SHED),
                    status_total(WR_C_LOG_DROPPED));
    status_table(a);
    wr_reply_printf(a, "\n");
    wr_upstream_commands_brief(call);
    return WR_COMMAND_OK;
}

/* ---- generations ---- */

struct status_generation {
    uint64_t number;
    unsigned workers;
    unsigned long long connections;
    unsigned long long requests_now;
    bool serves; /* one of its workers does */
    bool drains;
    uint64_t drains_ms; /* since when the first one does */
};

static struct status_generation *
status_generation_of(struct status_generation *v, unsigned *n, uint64_t number)
{
    for (unsigned i = 0; i < *n; i++) {
        if (v[i].number == number) {
            return &v[i];
        }
    }
    v[*n] = (struct status_generation){.number = number};
    return &v[(*n)++];
}

/* By workers; at most one each. */
static unsigned
status_generations_collect(struct status_generation v[WR_SLOTS_CHILDREN])
{
    const struct wr_slot *s;
    unsigned n = 0;

    STATUS_FOR(s, i)
    {
        if (s->kind != WR_SLOT_WORKER) {
            continue;
        }
        struct status_generation *g = status_generation_of(v, &n, s->generation);
        uint64_t since_ms = status_since_ms(atomic_load(&s->state_ms));
        uint32_t state = atomic_load(&s->state);
        g->workers++;
        g->connections += status_count(s, WR_C_CONNECTIONS);
        g->requests_now += status_count(s, WR_C_REQUESTS_NOW);
        g->serves = g->serves || state == WR_SLOT_SERVING;
        if (state == WR_SLOT_DRAINING) {
            g->drains = true;
            g->drains_ms = WR_MAX(g->drains_ms, since_ms);
        }
    }
    return n;
}

/* The newest first. */
static void
status_generations_sort(struct status_generation *v, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        for (unsigned k = i; k > 0 && v[k - 1].number < v[k].number; k--) {
            struct status_generation g = v[k];
            v[k] = v[k - 1];
            v[k - 1] = g;
        }
    }
}

static const char *
status_generation_state(const struct status_generation *g)
{
    return g->serves ? "serving" : g->drains ? "draining" : "starting";
}

static void
status_put_generation(struct wr_reply *a, const struct status_generation *g)
{
    wr_reply_open(a, NULL, '{');
    wr_reply_put_u64(a, "generation", g->number);
    wr_reply_put_str(a, "state", wr_str_of(status_generation_state(g)));
    wr_reply_put_u64(a, "workers", g->workers);
    wr_reply_put_u64(a, "connections", g->connections);
    wr_reply_put_u64(a, "requests_now", g->requests_now);
    if (g->drains) {
        wr_reply_put_u64(a, "draining_ms", g->drains_ms);
    } else {
        wr_reply_put_null(a, "draining_ms");
    }
    wr_reply_close(a, '}');
}

static void
status_generation_row(struct wr_reply *a, const struct status_generation *g)
{
    wr_reply_printf(a, "%llu\t%s\t%u\t%llu\t%llu\t", (unsigned long long)g->number,
                    status_generation_state(g), g->workers, g->connections, g->requests_now);
    if (g->drains) {
        wr_reply_duration(a, g->drains_ms);
    } else {
        wr_reply_printf(a, "-");
    }
    wr_reply_printf(a, "\n");
}

enum wr_command_verdict
wr_status_generations(struct wr_command_call *call)
{
    struct status_generation v[WR_SLOTS_CHILDREN];
    struct wr_reply *a = call->reply;
    unsigned n = status_generations_collect(v);

    status_generations_sort(v, n);
    if (call->json) {
        wr_reply_open(a, NULL, '[');
    } else {
        wr_reply_printf(a, "GENERATION\tSTATE\tWORKERS\tCONNECTIONS\tREQUESTS\tDRAINING\n");
    }
    for (unsigned i = 0; i < n; i++) {
        if (call->json) {
            status_put_generation(a, &v[i]);
        } else {
            status_generation_row(a, &v[i]);
        }
    }
    if (call->json) {
        wr_reply_close(a, ']');
        wr_reply_printf(a, "\n");
    } else {
        wr_reply_columns(a, 0);
    }
    return WR_COMMAND_OK;
}
