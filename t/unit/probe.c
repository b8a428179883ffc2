/* core/upstream/probe: servers and addresses that the blob "names" tells of come, change and go. */
#include "core/upstream/probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/shm/publish.h"
#include "core/shm/zone.h"
#include "core/upstream/found.h"
#include "core/upstream/share.h"
#include "t/unit/conf_text.h"

static struct wr_loop *probe_loop;
static struct wr_share *probe_share;

/* ---- servers: two ports that take connections, and one that does not ---- */

static int probe_fd[2];
static struct wr_addr probe_addr[2], probe_closed;

static int
probe_listen(struct wr_addr *a, bool listens)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *a = (struct wr_addr){.len = sizeof(a->in4)};
    a->in4.sin_family = AF_INET;
    a->in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, &a->sa, a->len) < 0 || getsockname(fd, &a->sa, &a->len) < 0 ||
        (listens && listen(fd, 1000) < 0)) {
        perror("# listen");
    }
    return fd;
}

static unsigned probe_seen[2];

/* Connections since probe_seen was set to 0. */
static unsigned
probe_taken(unsigned which)
{
    int fd;

    while ((fd = accept(probe_fd[which], NULL, NULL)) >= 0) {
        close(fd);
        probe_seen[which]++;
    }
    return probe_seen[which];
}

static void
probe_count_anew(void)
{
    probe_taken(0);
    probe_taken(1);
    probe_seen[0] = probe_seen[1] = 0;
}

/* ---- the loop, and what the resolver says ---- */

static void
probe_stop_now(struct wr_timer *t)
{
    (void)t;
    wr_loop_stop(probe_loop);
}

static void
probe_run(uint64_t ms)
{
    struct wr_timer t;

    wr_timer_init(&t, probe_stop_now);
    wr_clock_update();
    probe_loop->stop = false;
    wr_loop_timer(probe_loop, &t, wr_clock.mono_ms + ms);
    wr_loop_run(probe_loop);
}

/* Lets it run until that is so, for 5 s at most. */
#define PROBE_UNTIL(condition)                                                                               \
    for (int i_ = 0; i_ < 250 && !(condition); i_++) {                                                       \
        probe_run(20);                                                                                       \
    }

static char probe_text[4096];
static struct wr_out probe_out;

static void
probe_begin_blob(const char *source)
{
    wr_out_init(&probe_out, probe_text, sizeof(probe_text));
    wr_found_write_source(&probe_out, WR_STR("d"), wr_str_of(source));
}

static void
probe_blob_server(uint32_t row, const char *name, const struct wr_addr *a)
{
    struct wr_found_server s = {.row = row, .name = wr_str_of(name), .addrs_n = 1};

    s.addrs[0] = *a;
    wr_found_write_server(&probe_out, &s);
}

/* As the master's channel brings it. */
static void
probe_publish(void)
{
    static uint64_t version;
    struct wr_publish_note note = {
        .name = "names", .version = ++version, .bytes = (uint64_t)(probe_out.p - probe_text)};
    int fd = memfd_create("names", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (write(fd, probe_text, note.bytes) != (ssize_t)note.bytes ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
        perror("# memfd");
    }
    wr_publish_receive(&note, fd);
}

static struct wr_share_server *
probe_row_at(uint32_t row)
{
    return wr_share_server_at(probe_share, row);
}

static bool
probe_is_down(uint32_t row)
{
    return (atomic_load(&probe_row_at(row)->blocked) & WR_BLOCK_HEALTH) != 0;
}

static bool
probe_is_known(uint32_t row)
{
    return atomic_load(&probe_row_at(row)->checked) != 0;
}

/* ---- tests ---- */

static const char probe_conf[] =
    "[upstream d]\nserver = dns:app.test:80\nserver.name = named.test:81\nhealth.interval = 100ms\n"
    "health.timeout = 50ms\n[server *]\ntls = off\n/* = d\n";

static struct wr_model *
probe_cycle(uint64_t generation)
{
    const struct wr_upstream *left_out;

    if (!ct_load(probe_conf)) {
        printf("# %s", ct_out);
        return NULL;
    }
    wr_zones_begin(generation);
    bool ok = wr_share_claim(ct_conf.model, generation, &left_out);
    wr_zones_commit();
    probe_share = wr_share_own();
    return ok ? ct_conf.model : NULL;
}

/* row: of the two that are found, and of the one that has a name. */
static struct wr_prober *
probe_test_found(const struct wr_model *m, uint32_t row[3])
{
    uint32_t group = m->upstreams[0]->share;
    struct wr_prober *pb = wr_prober_start(probe_loop, m, 1, NULL);

    row[0] = wr_share_find(probe_share, group, WR_STR("d"), WR_STR("one"), 1);
    row[1] = wr_share_find(probe_share, group, WR_STR("d"), WR_STR("two"), 1);
    for (size_t i = 0; i < m->upstreams[0]->servers_n; i++) {
        if (m->upstreams[0]->servers[i].source == WR_SERVER_PLAIN) {
            row[2] = m->upstreams[0]->servers[i].share;
        }
    }
    probe_run(150);
    tap_ok(!probe_is_known(row[0]) && !probe_is_known(row[2]), "who has no address is not checked");
    probe_begin_blob("dns:app.test:80");
    probe_blob_server(row[0], "one", &probe_addr[0]);
    probe_blob_server(row[1], "two", &probe_closed);
    probe_publish();
    PROBE_UNTIL(probe_taken(0) > 1 && probe_is_known(row[0]) && probe_is_known(row[1]))
    tap_ok(probe_taken(0) > 1 && probe_is_known(row[0]) && !probe_is_down(row[0]),
           "a server that was found is checked");
    tap_ok(probe_is_known(row[1]) && probe_is_down(row[1]),
           "and another, which takes no connections, is down");
    return pb;
}

static void
probe_test_changes(const uint32_t row[3])
{
    probe_begin_blob("dns:other.test:80");
    probe_blob_server(row[0], "one", &probe_closed);
    probe_publish();
    probe_count_anew();
    PROBE_UNTIL(probe_taken(0) > 1)
    tap_ok(probe_taken(0) > 1, "another source, and one that says nothing, change nothing");
    probe_begin_blob("dns:app.test:80");
    probe_blob_server(row[1], "two", &probe_addr[1]);
    wr_found_write_name(&probe_out, WR_STR("named.test:81"), &probe_addr[1], 1);
    probe_publish();
    PROBE_UNTIL(!probe_is_down(row[1]) && probe_taken(1) > 1 && probe_is_known(row[2]))
    tap_ok(!probe_is_down(row[1]) && probe_taken(1) > 1,
           "a new address is checked instead, and brings it back");
    tap_ok(probe_is_known(row[2]) && !probe_is_down(row[2]), "a name is checked when it has an address");
    probe_count_anew();
    probe_run(300);
    tap_is_int(probe_taken(0), 0, "who is not named any more is not checked any more");
}

static void
probe_test_rows(const uint32_t row[3])
{
    wr_share_block(probe_share, probe_row_at(row[2]), WR_BLOCK_DOWN, 0, WR_SHARE_HAND);
    wr_share_block(probe_share, probe_row_at(row[1]), WR_BLOCK_GONE, 0, WR_SHARE_SOURCE);
    probe_begin_blob("dns:app.test:80");
    probe_blob_server(row[1], "two", &probe_addr[0]);
    probe_blob_server(row[0], "stranger", &probe_addr[0]);
    wr_found_write_name(&probe_out, WR_STR("named.test:81"), &probe_addr[1], 1);
    probe_publish();
    probe_count_anew();
    PROBE_UNTIL(probe_taken(1) > 1)
    tap_ok(probe_taken(1) > 1, "who is down by hand is checked");
    tap_is_int(probe_taken(0), 0, "who is gone is not, nor a row that is somebody else's");
    wr_share_block(probe_share, probe_row_at(row[1]), 0, WR_BLOCK_GONE, WR_SHARE_SOURCE);
    wr_share_block(probe_share, probe_row_at(row[2]), 0, WR_BLOCK_DOWN, WR_SHARE_HAND);
    PROBE_UNTIL(probe_taken(0) > 0)
    tap_ok(probe_taken(0) > 0, "when it is back it is checked again");
}

int
main(void)
{
    uint32_t row[3] = {0};

    wr_clock_update();
    wr_pool_init(&ct_pool);
    tap_ok(wr_slots_create(8), "slots");
    probe_fd[0] = probe_listen(&probe_addr[0], true);
    probe_fd[1] = probe_listen(&probe_addr[1], true);
    probe_listen(&probe_closed, false);
    probe_loop = wr_loop_new();
    struct wr_model *m = probe_cycle(1);
    struct wr_prober *pb = probe_test_found(m, row);
    probe_test_changes(row);
    probe_test_rows(row);
    wr_prober_stop(pb);
    probe_run(20);
    probe_count_anew();
    probe_run(250);
    tap_is_int(probe_taken(0) + probe_taken(1), 0, "a prober that was stopped checks nothing");
    ct_begin();
    return tap_done();
}
