/* core/upstream/share: rows by name over generations, deaths, and what takes a server out of rotation. */
#include "core/upstream/share.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/shm/zone.h"
#include "t/unit/conf_text.h"

static char share_said[512];

static void
share_hear(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    snprintf(share_said, sizeof(share_said), "%.*s", (int)n, line);
}

/* A cycle with that configuration. */
static const struct wr_upstream *share_left_out;

static struct wr_model *
share_cycle(uint64_t generation, const char *text)
{
    if (!ct_load(text)) {
        printf("# %s", ct_out);
        return NULL;
    }
    wr_zones_begin(generation);
    bool ok = wr_share_claim(ct_conf.model, generation, &share_left_out);
    wr_zones_commit();
    return ok ? ct_conf.model : NULL;
}

#define SHARE_SERVER "[server *]\ntls = off\nupstream = a\n"
#define SHARE_TWO                                                                                            \
    "[upstream a]\nserver.one = 127.0.0.1:1\nserver.two = 127.0.0.1:2\n"                                     \
    "[upstream b]\nserver.one = 127.0.0.1:3\n[server *]\ntls = off\n/* = a\n/b/* = b\n/c/* = 127.0.0.1:4\n"

static uint32_t
share_of(const struct wr_model *m, const char *upstream, const char *server)
{
    for (size_t i = 0; i < m->upstreams_n; i++) {
        const struct wr_upstream *u = m->upstreams[i];
        for (size_t k = 0; wr_str_eq(u->name, wr_str_of(upstream)) && k < u->servers_n; k++) {
            if (wr_str_eq(u->servers[k].name, wr_str_of(server))) {
                return u->servers[k].share;
            }
        }
    }
    return WR_SHARE_NONE;
}

static void
share_test_generations(void)
{
    struct wr_model *m = share_cycle(1, SHARE_TWO);
    struct wr_share *sh = wr_share_own();
    uint32_t one = share_of(m, "a", "one"), two = share_of(m, "a", "two"), other = share_of(m, "b", "one");
    uint32_t plain = share_of(m, "127.0.0.1:4", "127.0.0.1:4");

    tap_ok(sh != NULL && one < 4 && two < 4 && other < 4 && plain < 4, "each server has a row");
    tap_ok(one != two && one != other && two != other && plain != one && plain != other, "of its own");
    tap_is_str(sh->servers[other].name, "b/one", "found by the names of its upstream and its own");
    tap_ok(sh->servers[one].group == sh->servers[two].group &&
               sh->servers[one].group != sh->servers[other].group,
           "and knows its upstream");
    atomic_store(&sh->servers[two].requests, 7);

    m = share_cycle(2, "[upstream a]\nserver.two = 127.0.0.9:2\nserver.new = 127.0.0.1:1\n" SHARE_SERVER);
    tap_is_int(share_of(m, "a", "two"), two, "a reload keeps the row of a name, whatever its address");
    tap_is_int(atomic_load(&sh->servers[two].requests), 7, "with what is in it");
    uint32_t new = share_of(m, "a", "new");
    tap_ok(new != one &&new != two &&new != other, "a new name gets no row that an old generation uses");
    wr_share_sweep(2);
    m = share_cycle(3, "[upstream a]\nserver.two = 127.0.0.1:2\nserver.x = 127.0.0.1:1\n" SHARE_SERVER);
    uint32_t x = share_of(m, "a", "x");
    tap_ok(x == one || x == other || x == plain, "when the old generation is gone, its rows are free");
    tap_is_int(atomic_load(&sh->servers[x].requests), 0, "and empty");
    tap_is_int(share_of(m, "a", "two"), two, "others are not moved");
}

static void
share_test_names(void)
{
    char text[2048], a[300], b[300];
    struct wr_share *sh;

    memset(a, 'n', 250);
    memcpy(b, a, 250);
    memcpy(a + 250, "1", 2);
    memcpy(b + 250, "2", 2);
    snprintf(text, sizeof(text),
             "[upstream a]\nserver.%s = 127.0.0.1:1\nserver.%s = 127.0.0.1:2\n" SHARE_SERVER, a, b);
    struct wr_model *m = share_cycle(4, text);
    uint32_t row_a = share_of(m, "a", a), row_b = share_of(m, "a", b);
    sh = wr_share_own();
    tap_ok(row_a != row_b && row_a != WR_SHARE_NONE && row_b != WR_SHARE_NONE,
           "long names that differ at their end are two");
    tap_ok(strlen(sh->servers[row_a].name) < WR_SHARE_NAME_BYTES &&
               strcmp(sh->servers[row_a].name, sh->servers[row_b].name) != 0,
           "and fit");
    m = share_cycle(5, text);
    tap_ok(share_of(m, "a", a) == row_a && share_of(m, "a", b) == row_b, "and are found again");
}

static void
share_test_full(void)
{
    enum { MANY = WR_SHARE_SERVERS + 100 };
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    fprintf(f, SHARE_SERVER "[upstream a]\n");
    for (unsigned i = 0; i < MANY; i++) {
        fprintf(f, "server.s%u = 10.%u.%u.%u:80\n", i, i >> 16, i >> 8 & 255, i & 255);
    }
    fprintf(f, "\n");
    fclose(f);
    struct wr_model *m = share_cycle(6, text);
    size_t without = 0;
    for (size_t i = 0; m != NULL && i < m->upstreams[0]->servers_n; i++) {
        without += m->upstreams[0]->servers[i].share == WR_SHARE_NONE;
    }
    tap_ok(without >= 100 && without < 110, "when there is no room, the rest has no row (%zu)", without);
    tap_ok(m != NULL && share_left_out == m->upstreams[0], "and the upstream is named");
    wr_share_sweep(7);
    free(text);
}

static void
share_test_block(void)
{
    struct wr_model *m = share_cycle(8, SHARE_TWO);
    struct wr_share *sh = wr_share_own();
    struct wr_share_server *s = wr_share_server_at(sh, share_of(m, "a", "one"));
    struct wr_share_group *g = wr_share_group_at(sh, s->group);
    uint32_t version = atomic_load(&g->version);

    tap_ok(wr_share_block(sh, s, WR_BLOCK_HEALTH, 0, WR_SHARE_CHECKS), "a server is taken out");
    tap_is_int(atomic_load(&s->blocked), WR_BLOCK_HEALTH, "for that reason");
    tap_is_int(atomic_load(&s->why), WR_SHARE_CHECKS, "which is told");
    tap_is_int(atomic_load(&g->version), version + 1, "and its upstream has changed");
    tap_ok(!wr_share_block(sh, s, WR_BLOCK_HEALTH, 0, WR_SHARE_HAND), "once");
    tap_is_int(atomic_load(&g->version), version + 1, "is enough");
    wr_share_block(sh, s, WR_BLOCK_DRAIN, 0, WR_SHARE_HAND);
    wr_share_block(sh, s, 0, WR_BLOCK_HEALTH, WR_SHARE_CHECKS);
    tap_is_int(atomic_load(&s->blocked), WR_BLOCK_DRAIN, "reasons are independent of each other");
    tap_ok(wr_share_server_at(sh, WR_SHARE_NONE) == NULL &&
               wr_share_server_at(sh, WR_SHARE_SERVERS) == NULL &&
               wr_share_group_at(sh, WR_SHARE_GROUPS) == NULL,
           "a place that is none has no row");
    wr_share_block(sh, s, 0, WR_BLOCK_DRAIN, WR_SHARE_HAND);
}

/* Rows that the keeper makes at run time. */
static void
share_test_found(void)
{
    const char *text = "[upstream a]\nserver = dns:app:80\n[server *]\ntls = off\n/* = a";
    wr_share_sweep(10);
    struct wr_model *m = share_cycle(10, text);
    struct wr_share *sh = wr_share_own();
    uint32_t group = m->upstreams[0]->share;
    uint32_t one = wr_share_find(sh, group, WR_STR("a"), WR_STR("10.0.0.1:80"), 10);
    uint32_t two = wr_share_find(sh, group, WR_STR("a"), WR_STR("10.0.0.2:80"), 10);
    struct wr_share_server *s = wr_share_server_at(sh, one);

    tap_ok(one != two && s != NULL && s->found && s->group == group, "a server that is found gets a row");
    tap_is_int(wr_share_find(sh, group, WR_STR("a"), WR_STR("10.0.0.1:80"), 10), one, "once");
    tap_is_int((long long)atomic_load(&s->slow_from_ms), 0, "the first of all needs no slow start");
    tap_ok(atomic_load(&wr_share_server_at(sh, two)->slow_from_ms) != 0, "one that comes to others does");
    share_cycle(11, text);
    wr_share_sweep(11);
    tap_is_int(wr_share_find(sh, group, WR_STR("a"), WR_STR("10.0.0.1:80"), 11), one, "a reload keeps it");
    tap_ok(!wr_share_forget(sh, one), "it is not forgotten while it is there");
    wr_share_block(sh, s, WR_BLOCK_GONE, 0, WR_SHARE_SOURCE);
    atomic_store(&s->inflight[3], 1);
    atomic_store(&wr_slots_table()->claimed, 4);
    tap_ok(!wr_share_forget(sh, one), "nor while it has requests");
    atomic_store(&s->inflight[3], 0);
    tap_ok(wr_share_forget(sh, one) && atomic_load(&s->key) == 0, "then it is");
}

static void
share_test_eject(void)
{
    struct wr_model *m =
        share_cycle(12, "[upstream a]\nserver = 10.0.0.1:1 10.0.0.2:1 10.0.0.3:1 10.0.0.4:1\n" SHARE_SERVER);
    struct wr_share *sh = wr_share_own();
    struct wr_share_server *s[4];

    for (int i = 0; i < 4; i++) {
        s[i] = wr_share_server_at(sh, m->upstreams[0]->servers[i].share);
    }
    tap_ok(wr_share_eject(sh, s[0], 4, 50, 1000, false), "one of four is ejected");
    tap_is_int((long long)(atomic_load(&s[0]->ejected_to_ms) - wr_clock.mono_ms), 1000, "for its time");
    tap_ok(!wr_share_eject(sh, s[0], 4, 50, 1000, false), "once");
    tap_ok(wr_share_eject(sh, s[1], 4, 50, 1000, false), "and a second one");
    tap_ok(!wr_share_eject(sh, s[2], 4, 50, 1000, false), "more than half are not");
    tap_ok(wr_share_eject(sh, s[0], 4, 50, 1000, true), "a failed trial");
    tap_is_int((long long)(atomic_load(&s[0]->ejected_to_ms) - wr_clock.mono_ms), 2000, "doubles the time");
    for (int i = 0; i < 9; i++) {
        wr_share_eject(sh, s[0], 4, 50, 1000, true);
    }
    tap_is_int((long long)(atomic_load(&s[0]->ejected_to_ms) - wr_clock.mono_ms), 10000, "up to ten times");
    wr_share_block(sh, s[0], 0, WR_BLOCK_EJECTED, WR_SHARE_TRIAL);
    tap_ok(atomic_load(&s[0]->slow_from_ms) != 0, "one that comes back starts slowly");
    tap_ok(wr_share_eject(sh, s[0], 4, 50, 1000, false), "and can be ejected again");
    tap_is_int((long long)(atomic_load(&s[0]->ejected_to_ms) - wr_clock.mono_ms), 1000, "from the start");
}

/* Workers that count, block and unblock are killed at any instruction. */
static void
share_test_deaths(void)
{
    enum { KILLS = 200 };
    struct wr_model *m = share_cycle(13, SHARE_TWO);
    struct wr_share *sh = wr_share_own();
    struct wr_share_server *s = wr_share_server_at(sh, share_of(m, "a", "one"));
    unsigned leaked = 0, stuck = 0;

    for (int i = 0; i < KILLS; i++) {
        unsigned slot = (unsigned)wr_slot_claim(WR_SLOT_WORKER, 13, 0);
        pid_t pid = fork();
        if (pid == 0) {
            wr_slot_enter(slot);
            for (;;) {
                atomic_fetch_add(&s->inflight[slot], 1);
                wr_share_block(sh, s, WR_BLOCK_EJECTED, 0, WR_SHARE_ERRORS);
                wr_share_block(sh, s, 0, WR_BLOCK_EJECTED, WR_SHARE_TRIAL);
            }
        }
        usleep((useconds_t)(rand() % 800));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        wr_slot_bury(slot);
        wr_zones_reap(slot);
        wr_slot_free(slot);
        leaked += wr_share_load(s) != 0;
        stuck += atomic_load(&sh->lock.holder) != 0;
    }
    tap_is_int(leaked, 0, "%d workers are killed, no request stays in flight", KILLS);
    tap_is_int(stuck, 0, "and the lock is free each time");
    wr_share_block(sh, s, 0, WR_BLOCK_EJECTED, WR_SHARE_TRIAL);
    tap_is_int(atomic_load(&s->blocked), 0, "the server is usable");
}

int
main(void)
{
    wr_clock_update();
    wr_pool_init(&ct_pool);
    wr_log_set(share_hear, NULL, WR_LOG_NOTICE);
    tap_ok(wr_slots_create(8), "slots");
    share_test_generations();
    share_test_names();
    share_test_full();
    share_test_block();
    share_test_found();
    share_test_eject();
    share_test_deaths();
    ct_begin();
    return tap_done();
}
