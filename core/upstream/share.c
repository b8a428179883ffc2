/*
 * The zone "upstreams": giving out rows by name, and the bits that take a
 * server out of rotation.  Who decides on them is somebody else's business.
 */
#include "core/upstream/share.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/pool.h"
#include "core/base/rand.h"
#include "core/conf/model.h"
#include "core/shm/zone.h"

static const char share_layout[] =
    "upstreams 1: lock, counts, secret, groups[2048], servers[16384], 254 slots";

#define SHARE_EJECTIONS_MOST 10 /* that are counted */
#define SHARE_EJECT_FACTOR 10   /* by which ejections become longer at most */

/* The rows of one kind while a cycle is made: by name, and where free ones are looked for. */
struct share_rows {
    struct wr_strmap by_name;
    uint32_t next_free;
};

/* Maps hold pointers, and NULL is none. */
static void *
share_place(uint32_t index)
{
    return (void *)(uintptr_t)(index + 1);
}

static uint32_t
share_index(const void *place)
{
    return place != NULL ? (uint32_t)(uintptr_t)place - 1 : WR_SHARE_NONE;
}

/* A name that fits: a longer one ends in its hash. */
static struct wr_str
share_join(char room[WR_SHARE_NAME_BYTES], struct wr_str upstream, struct wr_str server)
{
    char *p = room, *end = room + WR_SHARE_NAME_BYTES - 1;

    memset(room, 0, WR_SHARE_NAME_BYTES);
    for (size_t i = 0; i < upstream.n && p < end; i++) {
        *p++ = upstream.p[i];
    }
    for (size_t i = 0; i <= server.n && server.n > 0 && p < end; i++) {
        *p++ = i == 0 ? '/' : server.p[i - 1];
    }
    if (upstream.n + server.n + 1 >= WR_SHARE_NAME_BYTES) {
        uint64_t hash = wr_hash_mix(wr_hash_fixed(upstream) ^ wr_hash_mix(wr_hash_fixed(server)));
        snprintf(end - 17, 18, "~%016llx", (unsigned long long)hash);
        p = end;
    }
    return wr_str_make(room, (size_t)(p - room));
}

static struct wr_str
share_row_name(const char *name)
{
    return wr_str_make(name, strnlen(name, WR_SHARE_NAME_BYTES));
}

static uint64_t
share_key(struct wr_str name)
{
    uint64_t key = wr_hash_fixed(name);

    return key ? key : 1;
}

static uint32_t
share_groups_n(struct wr_share *sh)
{
    return WR_MIN(atomic_load(&sh->groups_n), (uint32_t)WR_SHARE_GROUPS);
}

/* ---- rows, under the lock ---- */

static void
share_lock(struct wr_share *sh)
{
    wr_lock_take(&sh->lock, wr_zone_find("upstreams"));
    wr_lock_dirty(&sh->lock);
}

static uint32_t
share_free_server(struct wr_share *sh, uint32_t *from)
{
    for (uint32_t i = *from; i < WR_SHARE_SERVERS; i++) {
        if (atomic_load(&sh->servers[i].key) == 0) {
            *from = i + 1;
            atomic_store(&sh->servers_n, WR_MAX(atomic_load(&sh->servers_n), i + 1));
            return i;
        }
    }
    *from = WR_SHARE_SERVERS;
    return WR_SHARE_NONE;
}

static uint32_t
share_free_group(struct wr_share *sh, uint32_t *from)
{
    for (uint32_t i = *from; i < WR_SHARE_GROUPS; i++) {
        if (atomic_load(&sh->groups[i].key) == 0) {
            *from = i + 1;
            atomic_store(&sh->groups_n, WR_MAX(atomic_load(&sh->groups_n), i + 1));
            return i;
        }
    }
    *from = WR_SHARE_GROUPS;
    return WR_SHARE_NONE;
}

/* The name is there before the key: a row without a key is free, whatever else it holds. */
static void
share_make_server(struct wr_share_server *s, uint32_t group, struct wr_str name)
{
    memset((char *)s + sizeof(s->key), 0, sizeof(*s) - sizeof(s->key));
    s->group = group;
    memcpy(s->name, name.p, name.n);
    atomic_store(&s->changed_ms, wr_clock.mono_ms);
    atomic_store(&s->key, share_key(name));
}

static void
share_make_group(struct wr_share_group *g, struct wr_str name)
{
    memset((char *)g + sizeof(g->key), 0, sizeof(*g) - sizeof(g->key));
    memcpy(g->name, name.p, name.n);
    atomic_store(&g->key, share_key(name));
}

static uint32_t
share_claim_group(struct wr_share *sh, struct share_rows *rows, struct wr_str upstream, uint64_t generation)
{
    char room[WR_SHARE_NAME_BYTES];
    struct wr_str name = share_join(room, upstream, WR_STR_NONE);
    uint32_t index = share_index(wr_strmap_get(&rows->by_name, name));

    if (index == WR_SHARE_NONE) {
        index = share_free_group(sh, &rows->next_free);
        if (index == WR_SHARE_NONE) {
            return index;
        }
        share_make_group(&sh->groups[index], name);
        wr_strmap_add(&rows->by_name, share_row_name(sh->groups[index].name), share_place(index));
    }
    sh->groups[index].last_generation = generation;
    return index;
}

static uint32_t
share_claim_server(struct wr_share *sh, struct share_rows *rows, uint32_t group, struct wr_str upstream,
                   struct wr_str server, uint64_t generation)
{
    char room[WR_SHARE_NAME_BYTES];
    struct wr_str name = share_join(room, upstream, server);
    uint32_t index = share_index(wr_strmap_get(&rows->by_name, name));

    if (index == WR_SHARE_NONE) {
        index = share_free_server(sh, &rows->next_free);
        if (index == WR_SHARE_NONE) {
            return index;
        }
        share_make_server(&sh->servers[index], group, name);
        wr_strmap_add(&rows->by_name, share_row_name(sh->servers[index].name), share_place(index));
    }
    sh->servers[index].group = group;
    sh->servers[index].last_generation = generation;
    if (sh->servers[index].found) { /* it was found, now it stands in the configuration */
        sh->servers[index].found = false;
        atomic_fetch_and(&sh->servers[index].blocked, ~WR_BLOCK_GONE);
    }
    return index;
}

/* ---- claims (master) ---- */

static void
share_index_rows(struct wr_share *sh, struct wr_pool *pool, struct share_rows *groups,
                 struct share_rows *servers)
{
    groups->next_free = servers->next_free = 0;
    wr_strmap_init(&groups->by_name, pool, WR_SHARE_GROUPS);
    wr_strmap_init(&servers->by_name, pool, WR_SHARE_SERVERS);
    for (uint32_t i = 0; i < share_groups_n(sh); i++) {
        if (atomic_load(&sh->groups[i].key) != 0) {
            wr_strmap_add(&groups->by_name, share_row_name(sh->groups[i].name), share_place(i));
        }
    }
    for (uint32_t i = 0; i < wr_share_servers_n(sh); i++) {
        if (atomic_load(&sh->servers[i].key) != 0) {
            wr_strmap_add(&servers->by_name, share_row_name(sh->servers[i].name), share_place(i));
        }
    }
}

/* False: there was no room for all of it. */
static bool
share_claim_upstream(struct wr_share *sh, struct share_rows *groups, struct share_rows *servers,
                     struct wr_upstream *u, uint64_t generation)
{
    bool all = true;

    u->share = share_claim_group(sh, groups, u->name, generation);
    for (size_t i = 0; i < u->servers_n; i++) {
        struct wr_upstream_server *us = &u->servers[i];
        us->share = WR_SHARE_NONE;
        if (us->source != WR_SERVER_PLAIN) {
            continue; /* the keeper finds what it stands for */
        }
        if (u->share != WR_SHARE_NONE) {
            us->share = share_claim_server(sh, servers, u->share, u->name, us->name, generation);
        }
        all = all && us->share != WR_SHARE_NONE;
    }
    return all && u->share != WR_SHARE_NONE;
}

/* What the keeper found for an upstream stays as long as that has sources. */
static void
share_keep_found(struct wr_share *sh, const struct wr_model *m, uint64_t generation)
{
    for (size_t i = 0; i < m->upstreams_n; i++) {
        const struct wr_upstream *u = m->upstreams[i];
        for (uint32_t k = 0; u->dynamic && k < wr_share_servers_n(sh); k++) {
            struct wr_share_server *s = &sh->servers[k];
            if (atomic_load(&s->key) != 0 && s->found && s->group == u->share) {
                s->last_generation = generation;
            }
        }
    }
}

/* After a death: what the slot had in flight is gone, and whoever waits may have room now. */
static void
share_reap(struct wr_zone *z, unsigned slot)
{
    struct wr_share *sh = z->base;

    if (slot >= WR_SLOTS_CHILDREN) {
        return; /* a master */
    }
    for (uint32_t i = 0; i < wr_share_servers_n(sh); i++) {
        if (atomic_load(&sh->servers[i].inflight[slot]) != 0) {
            atomic_store(&sh->servers[i].inflight[slot], 0);
        }
    }
    for (uint32_t i = 0; i < share_groups_n(sh); i++) {
        struct wr_share_group *g = &sh->groups[i];
        if (atomic_load(&g->begun[slot]) != 0) {
            atomic_fetch_add(&g->begun_retired, atomic_exchange(&g->begun[slot], 0));
        }
        if (atomic_load(&g->queued[slot]) != 0) {
            atomic_store(&g->queued[slot], 0);
        }
        if (atomic_load(&g->oldest_ms[slot]) != 0) {
            atomic_store(&g->oldest_ms[slot], 0);
        }
    }
}

/* Whatever the holder of the lock was at: a row without its key is free, and each bit stands for itself. */
static bool
share_repair(struct wr_zone *z)
{
    (void)z;
    return true;
}

/* With the lock: a secret is not 0, and older than anybody who needs it. */
static void
share_make_secret(struct wr_share *sh)
{
    while (sh->secret[0] == 0 || sh->secret[1] == 0) {
        wr_rand_bytes(sh->secret, sizeof(sh->secret));
    }
}

/* Settings first: an upstream that was made for a target can do without. */
static size_t
share_claim_all(struct wr_share *sh, struct wr_model *m, uint64_t generation,
                const struct wr_upstream **left_out)
{
    struct share_rows groups, servers;
    struct wr_pool pool;
    size_t private_n = 0;

    wr_pool_init(&pool);
    share_index_rows(sh, &pool, &groups, &servers);
    for (int anonymous = 0; anonymous < 2; anonymous++) {
        for (size_t i = 0; i < m->upstreams_n; i++) {
            struct wr_upstream *u = m->upstreams[i];
            if (u->anonymous != anonymous || share_claim_upstream(sh, &groups, &servers, u, generation)) {
                continue;
            }
            private_n += u->servers_n;
            if (!u->anonymous && *left_out == NULL) {
                *left_out = u;
            }
        }
    }
    share_keep_found(sh, m, generation);
    wr_pool_reset(&pool);
    return private_n;
}

bool
wr_share_claim(struct wr_model *m, uint64_t generation, const struct wr_upstream **left_out)
{
    struct wr_zone *z = wr_zone_claim("upstreams", share_layout, sizeof(struct wr_share));

    *left_out = NULL;
    if (z == NULL) {
        return false;
    }
    struct wr_share *sh = z->base;
    z->reap = share_reap;
    z->repair = share_repair;
    z->locks = &sh->lock;
    z->locks_n = 1;
    z->keep_bytes = sizeof(sh->lock);
    share_lock(sh);
    share_make_secret(sh);
    size_t private_n = share_claim_all(sh, m, generation, left_out);
    wr_lock_release(&sh->lock);
    if (private_n > 0 && *left_out == NULL) {
        wr_log(
            WR_LOG_NOTICE,
            "shared memory has no room for all servers that targets name left_out=%zu most=%u, each worker "
            "counts these for itself",
            private_n, WR_SHARE_SERVERS);
    }
    return true;
}

void
wr_share_sweep(uint64_t oldest)
{
    struct wr_share *sh = wr_share_own();

    if (sh == NULL) {
        return;
    }
    share_lock(sh);
    for (uint32_t i = 0; i < wr_share_servers_n(sh); i++) {
        if (sh->servers[i].last_generation < oldest) {
            atomic_store(&sh->servers[i].key, 0);
        }
    }
    for (uint32_t i = 0; i < share_groups_n(sh); i++) {
        if (sh->groups[i].last_generation < oldest) {
            atomic_store(&sh->groups[i].key, 0);
        }
    }
    wr_lock_release(&sh->lock);
}

/* ---- use ---- */

struct wr_share *
wr_share_own(void)
{
    struct wr_zone *z = wr_zone_find("upstreams");

    return z != NULL ? z->base : NULL;
}

struct wr_share_server *
wr_share_server_at(struct wr_share *sh, uint32_t index)
{
    return sh != NULL && index < WR_SHARE_SERVERS ? &sh->servers[index] : NULL;
}

struct wr_share_group *
wr_share_group_at(struct wr_share *sh, uint32_t index)
{
    return sh != NULL && index < WR_SHARE_GROUPS ? &sh->groups[index] : NULL;
}

struct wr_str
wr_share_name(const struct wr_share_server *s)
{
    return share_row_name(s->name);
}

bool
wr_share_is(const struct wr_share_server *s, struct wr_str upstream, struct wr_str server)
{
    char room[WR_SHARE_NAME_BYTES];

    return wr_str_eq(share_join(room, upstream, server), share_row_name(s->name));
}

static void
share_changed(struct wr_share *sh, const struct wr_share_server *s)
{
    struct wr_share_group *g = wr_share_group_at(sh, s->group);

    if (g != NULL) {
        atomic_fetch_add(&g->version, 1);
    }
}

/* ---- found at run time (keeper) ---- */

uint32_t
wr_share_find(struct wr_share *sh, uint32_t group, struct wr_str upstream, struct wr_str server,
              uint64_t generation)
{
    char room[WR_SHARE_NAME_BYTES];
    struct wr_str name = share_join(room, upstream, server);
    uint64_t key = share_key(name);
    uint32_t index = WR_SHARE_NONE, from = 0;
    bool others = false;

    share_lock(sh);
    for (uint32_t i = 0; i < wr_share_servers_n(sh); i++) {
        struct wr_share_server *s = &sh->servers[i];
        uint64_t has = atomic_load(&s->key);
        if (has == key && wr_str_eq(share_row_name(s->name), name)) {
            index = i;
            break;
        }
        others = others || (has != 0 && s->group == group && atomic_load(&s->blocked) == 0);
    }
    if (index == WR_SHARE_NONE) {
        index = share_free_server(sh, &from);
        if (index != WR_SHARE_NONE) {
            share_make_server(&sh->servers[index], group, name);
            atomic_store(&sh->servers[index].slow_from_ms, others ? wr_clock.mono_ms : 0);
        }
    }
    if (index != WR_SHARE_NONE) {
        sh->servers[index].group = group;
        sh->servers[index].found = true;
        sh->servers[index].last_generation = WR_MAX(sh->servers[index].last_generation, generation);
        share_changed(sh, &sh->servers[index]);
    }
    wr_lock_release(&sh->lock);
    return index;
}

bool
wr_share_forget(struct wr_share *sh, uint32_t index)
{
    struct wr_share_server *s = wr_share_server_at(sh, index);
    bool done = false;

    share_lock(sh);
    if (s != NULL && s->found && (atomic_load(&s->blocked) & WR_BLOCK_GONE) && wr_share_load(s) == 0) {
        atomic_store(&s->key, 0);
        share_changed(sh, s);
        done = true;
    }
    wr_lock_release(&sh->lock);
    return done;
}

/* ---- in and out of rotation ---- */

/* With the lock. */
static bool
share_set_blocked(struct wr_share *sh, struct wr_share_server *s, uint32_t after, enum wr_share_why why)
{
    uint32_t before = atomic_load(&s->blocked);

    if (after == before) {
        return false;
    }
    if (after == 0 && before != WR_BLOCK_DRAIN) {
        atomic_store(&s->slow_from_ms, wr_clock.mono_ms);
    }
    atomic_store(&s->why, why);
    atomic_store(&s->changed_ms, wr_clock.mono_ms);
    atomic_store(&s->blocked, after);
    share_changed(sh, s);
    return true;
}

bool
wr_share_block(struct wr_share *sh, struct wr_share_server *s, uint32_t set, uint32_t clear,
               enum wr_share_why why)
{
    share_lock(sh);
    if (clear & WR_BLOCK_EJECTED) {
        atomic_store(&s->errors, 0);
        atomic_store(&s->goods, 0);
        atomic_store(&s->ejections, 0);
    }
    bool changed = share_set_blocked(sh, s, (atomic_load(&s->blocked) & ~clear) | set, why);
    wr_lock_release(&sh->lock);
    return changed;
}

void
wr_share_weigh(struct wr_share *sh, struct wr_share_server *s, uint32_t weight)
{
    share_lock(sh);
    atomic_store(&s->weight, weight);
    atomic_store(&s->why, WR_SHARE_HAND);
    atomic_store(&s->changed_ms, wr_clock.mono_ms);
    share_changed(sh, s);
    wr_lock_release(&sh->lock);
}

/* Servers of a group that are ejected. */
static uint32_t
share_count_ejected(struct wr_share *sh, uint32_t group)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < wr_share_servers_n(sh); i++) {
        const struct wr_share_server *s = &sh->servers[i];
        n += atomic_load(&s->key) != 0 && s->group == group &&
            (atomic_load(&s->blocked) & (WR_BLOCK_EJECTED | WR_BLOCK_GONE)) == WR_BLOCK_EJECTED;
    }
    return n;
}

bool
wr_share_eject(struct wr_share *sh, struct wr_share_server *s, uint32_t n, uint32_t most_percent,
               uint64_t out_ms, bool again)
{
    share_lock(sh);
    bool out = (atomic_load(&s->blocked) & WR_BLOCK_EJECTED) != 0;
    bool room = (uint64_t)(share_count_ejected(sh, s->group) + !out) * 100 <= (uint64_t)n * most_percent;

    if (out == again && room) {
        uint32_t times = WR_MIN(atomic_load(&s->ejections) + 1, SHARE_EJECTIONS_MOST);
        uint64_t factor = WR_MIN(UINT64_C(1) << (times - 1), (uint64_t)SHARE_EJECT_FACTOR);
        atomic_store(&s->ejections, times);
        atomic_store(&s->ejected_to_ms, wr_clock.mono_ms + out_ms * factor);
        atomic_store(&s->errors, 0);
        atomic_store(&s->goods, 0);
        if (!share_set_blocked(sh, s, atomic_load(&s->blocked) | WR_BLOCK_EJECTED, WR_SHARE_ERRORS)) {
            share_changed(sh, s); /* when it may be tried has changed */
        }
    }
    wr_lock_release(&sh->lock);
    return out == again && room;
}

/* ---- queues ---- */

int
wr_share_oldest(const struct wr_share_group *g)
{
    uint32_t n = wr_slots_claimed(wr_slots_table());
    uint64_t oldest = UINT64_MAX;
    int slot = -1;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t since = atomic_load(&g->oldest_ms[i]);
        if (since != 0 && since < oldest) {
            oldest = since;
            slot = (int)i;
        }
    }
    return slot;
}
