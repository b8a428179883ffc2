/*
 * TLS clients that come, ask once and go, and an account of what they got:
 * what wrk does not do, which never resumes a session.  One epoll loop.
 *
 *   tlsload -p PORT [-d SECONDS] [-c CONNECTIONS] [-u TARGET] [-b BYTES] [-r] [-2]
 *     a handshake and a GET of TARGET (/1k) a connection, CONNECTIONS (64) at a time
 *     -r     each client brings the newest session that it was given; its first handshake is a full one
 *     -2     TLS 1.2 (preset: 1.3)
 *     -b N   a good answer is a 200 with N bytes (1024)
 *   tlsload -p PORT -k N [-u TARGET] [-b BYTES] [-2]
 *     opens N connections, has one answer on each, says "held N" and keeps
 *     them until its standard input ends
 *
 * A handshake counts when the whole answer came after it; `resumed` is what
 * the library says of the session of such a one, never what was asked for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HOLD_AT_ONCE 64     /* handshakes in flight while connections to keep are opened */
#define GIVE_UP_US 10000000 /* without an answer for that long: failed */

enum state { CONNECTING, SHAKING, ANSWER, DONE };

struct client {
    enum state state;
    int fd;
    SSL *ssl;
    SSL_SESSION *session;
    uint64_t began_us;
    size_t head_n; /* bytes of the head that came */
    uint64_t body;
    char head[2048];
    bool in_body;
};

static int ep, port;
static unsigned wanted = 64, held;
static bool resume, hold;
static uint64_t bytes = 1024, end_us;
static char request[512];
static SSL_CTX *ctx;
static struct client *clients;
static uint64_t handshakes, resumed, failed;
static char first_failure[128], agreed[128];
static uint32_t *latencies;
static size_t latencies_n, latencies_room;

static uint64_t
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct client *c = SSL_get_app_data(ssl);
    SSL_SESSION_free(c->session);
    c->session = session;
    return 1;
}

static void
begin(struct client *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        perror("tlsload");
        exit(1);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->ssl = SSL_new(ctx);
    SSL_set_app_data(c->ssl, c);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    SSL_set_tlsext_host_name(c->ssl, "localhost");
    if (resume && c->session) {
        SSL_set_session(c->ssl, c->session);
    }
    c->state = CONNECTING;
    c->began_us = now_us();
    c->head_n = 0;
    c->body = 0;
    c->in_body = false;
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
}

static void
hang_up(struct client *c)
{
    /* said or not, the connection ended as it should: else the library forgets its session */
    SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(c->ssl);
    ERR_clear_error();
    close(c->fd);
}

static void
fail(struct client *c, const char *why)
{
    failed++;
    if (!first_failure[0]) {
        snprintf(first_failure, sizeof first_failure, "%s", why);
    }
    hang_up(c);
    if (hold) {
        c->state = DONE;
        return;
    }
    begin(c);
}

static void
note_latency(uint64_t us)
{
    if (latencies_n == latencies_room) {
        latencies_room = latencies_room ? 2 * latencies_room : 65536;
        latencies = realloc(latencies, latencies_room * sizeof *latencies);
    }
    latencies[latencies_n++] = (uint32_t)us;
}

static void
succeed(struct client *c)
{
    handshakes++;
    resumed += SSL_session_reused(c->ssl) != 0;
    note_latency(now_us() - c->began_us);
    if (!agreed[0]) {
        snprintf(agreed, sizeof agreed, "%s %s", SSL_get_version(c->ssl), SSL_get_cipher_name(c->ssl));
    }
    if (hold) {
        c->state = DONE;
        held++;
        return;
    }
    hang_up(c);
    begin(c);
}

/* Bytes of the answer; false when it is none that was asked for. */
static bool
take(struct client *c, const char *p, size_t n)
{
    if (!c->in_body) {
        size_t part = n < sizeof c->head - 1 - c->head_n ? n : sizeof c->head - 1 - c->head_n;
        memcpy(c->head + c->head_n, p, part);
        c->head_n += part;
        c->head[c->head_n] = 0;
        char *over = strstr(c->head, "\r\n\r\n");
        if (!over) {
            return c->head_n < sizeof c->head - 1;
        }
        c->in_body = true;
        c->body = c->head_n - (size_t)(over + 4 - c->head);
        n -= part;
        if (strncmp(c->head, "HTTP/1.1 200", 12) != 0) {
            return false;
        }
    }
    c->body += n;
    return c->body <= bytes;
}

static void
read_answer(struct client *c)
{
    static char room[65536];
    for (;;) {
        int n = SSL_read(c->ssl, room, sizeof room);
        if (n > 0) {
            if (!take(c, room, (size_t)n)) {
                fail(c, "another answer than was asked for");
                return;
            }
            if (hold && c->in_body && c->body == bytes) {
                succeed(c);
                return;
            }
            continue;
        }
        if (SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ) {
            return;
        }
        if (c->in_body && c->body == bytes) {
            succeed(c);
        } else {
            fail(c, "ended before the whole answer");
        }
        return;
    }
}

static void
go_on(struct client *c)
{
    if (c->state == CONNECTING || c->state == SHAKING) {
        c->state = SHAKING;
        int n = SSL_do_handshake(c->ssl);
        if (n != 1) {
            int error = SSL_get_error(c->ssl, n);
            if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
                fail(c, "handshake failed");
            }
            return;
        }
        if (SSL_write(c->ssl, request, (int)strlen(request)) <= 0) {
            fail(c, "the request could not be written");
            return;
        }
        c->state = ANSWER;
    }
    if (c->state == ANSWER) {
        read_answer(c);
    }
}

static void
give_up_on_silent(unsigned n)
{
    uint64_t now = now_us();
    for (unsigned i = 0; i < n; i++) {
        if (clients[i].state != DONE && now - clients[i].began_us > GIVE_UP_US) {
            fail(&clients[i], "no answer");
        }
    }
}

static void
turn(unsigned begun)
{
    struct epoll_event evs[256];
    int n = epoll_wait(ep, evs, 256, 100);
    for (int i = 0; i < n; i++) {
        go_on(evs[i].data.ptr);
    }
    if (n == 0) {
        give_up_on_silent(begun);
    }
}

static int
by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void
run_load(unsigned seconds)
{
    uint64_t start = now_us();
    end_us = start + seconds * 1000000ull;
    for (unsigned i = 0; i < wanted; i++) {
        begin(&clients[i]);
    }
    while (now_us() < end_us) {
        turn(wanted);
    }
    double took = (double)(now_us() - start) / 1e6;
    qsort(latencies, latencies_n, sizeof *latencies, by_size);
    printf("%llu handshakes in %.3fs, %llu resumed, %llu failed, p99 %.3fms, %s\n",
           (unsigned long long)handshakes, took, (unsigned long long)resumed, (unsigned long long)failed,
           latencies_n ? latencies[latencies_n * 99 / 100] / 1e3 : 0, agreed[0] ? agreed : "nothing agreed");
}

static void
run_hold(void)
{
    unsigned begun = 0;
    while (held + failed < wanted) {
        while (begun < wanted && begun - held - failed < HOLD_AT_ONCE) {
            begin(&clients[begun++]);
        }
        turn(begun);
    }
    printf("held %u, %llu failed, %s\n", held, (unsigned long long)failed, agreed);
    fflush(stdout);
    while (getchar() != EOF) {
    }
}

static void
set_up(int version)
{
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    signal(SIGPIPE, SIG_IGN);
    ep = epoll_create1(0);
    ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (resume) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(ctx, keep_session);
    }
    clients = calloc(wanted, sizeof *clients);
}

int
main(int argc, char **argv)
{
    const char *target = "/1k";
    unsigned seconds = 3;
    int o, version = TLS1_3_VERSION;
    while ((o = getopt(argc, argv, "p:d:c:u:b:k:r2")) != -1) {
        switch (o) {
        case 'p':
            port = atoi(optarg);
            break;
        case 'd':
            seconds = (unsigned)atoi(optarg);
            break;
        case 'k':
            hold = true;
            wanted = (unsigned)atoi(optarg);
            break;
        case 'c':
            wanted = (unsigned)atoi(optarg);
            break;
        case 'u':
            target = optarg;
            break;
        case 'b':
            bytes = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            resume = true;
            break;
        case '2':
            version = TLS1_2_VERSION;
            break;
        default:
            port = 0;
        }
    }
    if (port <= 0 || wanted == 0 || optind < argc) {
        fprintf(
            stderr,
            "usage: tlsload -p PORT [-d SECONDS] [-c CONNECTIONS] [-k N] [-u TARGET] [-b BYTES] [-r] [-2]\n");
        return 2;
    }
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target,
             hold ? "" : "Connection: close\r\n");
    set_up(version);
    if (hold) {
        run_hold();
    } else {
        run_load(seconds);
    }
    if (first_failure[0]) {
        fprintf(stderr, "tlsload: %s\n", first_failure);
    }
    return handshakes > 0 ? 0 : 1;
}
