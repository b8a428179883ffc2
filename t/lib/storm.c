/*
 * Many kinds of clients at once against one address, and an exact account of
 * what went wrong for them.  One epoll loop; a JSON object on standard output.
 *
 *   storm -p PORT [-a ADDRESS] [-H HOST] [-d SECONDS]
 *     -k N   keep-alive clients: a GET of -u TARGET (/1k) after each -t MS (5) of think time
 *     -c N   clients with a connection a request, -T MS (0) apart
 *     -s N   clients of -S TARGET (/slow?ms=500), connections kept
 *     -e N   event streams of -E TARGET (/events?ms=200), opened evenly over the first 3/4
 *     -w N   WebSockets of -W TARGET (/ws), opened likewise; a frame each 200 ms must come back
 *     -l N   slow-loris clients: a byte of a never-ending head each -L MS (10000)
 *     -r     latency is taken from measuring clients' requests only after the streams and lorises stand
 *     -i SECONDS  ends by itself when a stream has been silent that long (5)
 *
 * A request has failed when its answer is not a whole 200.  Resets (RST or FIN
 * before the first byte of the answer) are told apart: on a new connection, or
 * on one that had already served.  A kept connection that ends while nothing is
 * in flight is no failure (idle_closed): the client sees it in time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

enum kind { KEEP, FRESH, SLOW, EVENTS, WS, LORIS, KINDS };
enum state { IDLE, CONNECTING, SENT, HEAD, BODY, STREAM, OVER };

struct client {
    enum kind kind;
    enum state state;
    int fd;
    int at; /* in the heap; -1: no timer */
    bool reused, closing, chunked, lost;
    uint64_t due_us, began_us, heard_us, answered;
    uint64_t left; /* body bytes missing; of the chunk, when chunked */
    uint32_t in_n, line_n;
    uint32_t frames_sent, frames_back;
    char line[32];
    char in[4096];
};

static struct {
    uint64_t requests, ok, failed, reset_new, reset_reused, connect_failed, bad_status, short_body, timed_out,
        idle_closed, announced_close;
} sum[KINDS];
static uint64_t streams_opened, streams_lost, streams_silent, frames, events;
static uint64_t loris_refused, loris_ended, loris_bytes;
static char first_failure[256];
static uint32_t *lat[2];
static size_t lat_n[2], lat_cap[2];

static struct sockaddr_in to;
static const char *host = "localhost", *target = "/1k", *slow_target = "/slow?ms=500",
                  *event_target = "/events?ms=200", *ws_target = "/ws";
static uint64_t think_us = 5000, fresh_us = 0, loris_us = 10000000, silent_us = 5000000, end_us, start_us;
static bool measure = true;
static int ep, in_flight;
static struct client **heap;
static int heap_n;

static uint64_t
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- a heap of timers */

static void
heap_put(int i, struct client *c)
{
    heap[i] = c;
    c->at = i;
}

static void
heap_fix(int i)
{
    struct client *c = heap[i];
    while (i > 0 && heap[(i - 1) / 2]->due_us > c->due_us) {
        heap_put(i, heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        int k = 2 * i + 1;
        if (k + 1 < heap_n && heap[k + 1]->due_us < heap[k]->due_us) {
            k++;
        }
        if (k >= heap_n || heap[k]->due_us >= c->due_us) {
            break;
        }
        heap_put(i, heap[k]);
        i = k;
    }
    heap_put(i, c);
}

static void
timer(struct client *c, uint64_t due_us)
{
    c->due_us = due_us;
    if (c->at < 0) {
        heap_put(heap_n++, c);
    }
    heap_fix(c->at);
}

static void
timer_off(struct client *c)
{
    if (c->at >= 0) {
        int i = c->at;
        struct client *last = heap[--heap_n];
        c->at = -1;
        if (last != c) {
            heap_put(i, last);
            heap_fix(i);
        }
    }
}

/* ---- bookkeeping */

static const char *const kind_name[KINDS] = {"keepalive", "fresh", "slow", "events", "websocket", "loris"};

static void
failed(struct client *c, uint64_t *why, const char *text)
{
    if (!first_failure[0]) {
        snprintf(first_failure, sizeof first_failure, "%s: %s after %.3f s, %s connection, errno %d",
                 kind_name[c->kind], text, (double)(now_us() - start_us) / 1e6, c->reused ? "reused" : "new",
                 errno);
    }
    sum[c->kind].failed++;
    ++*why;
}

static void
sample(struct client *c, uint64_t us)
{
    int i = c->kind == FRESH;
    if (!measure || (c->kind != KEEP && c->kind != FRESH)) {
        return;
    }
    if (lat_n[i] == lat_cap[i]) {
        lat_cap[i] = lat_cap[i] ? lat_cap[i] * 2 : 4096;
        lat[i] = realloc(lat[i], lat_cap[i] * sizeof *lat[i]);
    }
    lat[i][lat_n[i]++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void
hang_up(struct client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    c->reused = false;
    c->in_n = 0;
}

static void
landed(struct client *c)
{
    if (c->kind != LORIS && c->state != IDLE && c->state != OVER && c->state != STREAM) {
        in_flight--;
    }
}

/* What the client does after a request, well done or not. */
static void
rest(struct client *c)
{
    uint64_t now = now_us();
    landed(c);
    c->state = IDLE;
    if (c->kind == EVENTS || c->kind == WS) {
        c->state = OVER;
        hang_up(c);
        timer_off(c);
        return;
    }
    timer(c, now + (c->kind == KEEP ? think_us : c->kind == FRESH ? fresh_us : 0));
}

static void
lose_stream(struct client *c, const char *why)
{
    if (!first_failure[0]) {
        snprintf(first_failure, sizeof first_failure, "%s: %s after %.3f s", kind_name[c->kind], why,
                 (double)(now_us() - start_us) / 1e6);
    }
    c->lost = true;
    streams_lost++;
    c->state = OVER;
    hang_up(c);
    timer_off(c);
}

/* ---- sending */

static bool
send_request(struct client *c)
{
    char text[1024];
    const char *what = c->kind == SLOW ? slow_target
        : c->kind == EVENTS            ? event_target
        : c->kind == WS                ? ws_target
                                       : target;
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", what, host,
                     c->kind == FRESH ? "Connection: close\r\n"
                         : c->kind == WS
                         ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         : c->kind == EVENTS ? "Accept: text/event-stream\r\n"
                                             : "");
    c->state = SENT;
    c->in_n = 0;
    timer(c, now_us() + 15000000);
    return send(c->fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

static void
broken(struct client *c, const char *text)
{
    int e = errno;
    bool reused = c->reused;
    hang_up(c);
    c->reused = reused;
    errno = e;
    failed(c, reused ? &sum[c->kind].reset_reused : &sum[c->kind].reset_new, text);
    c->reused = false;
    rest(c);
}

static void
begin(struct client *c)
{
    int one = 1;
    c->began_us = now_us();
    if (c->kind != LORIS) {
        sum[c->kind].requests++;
        in_flight++;
    }
    if (c->fd >= 0) {
        c->reused = true;
        if (!send_request(c)) {
            broken(c, "write failed");
        }
        return;
    }
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->state = CONNECTING;
    c->reused = false;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (c->fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) != 0 ||
        (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        failed(c, &sum[c->kind].connect_failed, "connect failed");
        hang_up(c);
        rest(c);
        return;
    }
    timer(c, c->began_us + 15000000);
}

/* ---- receiving */

/* The answer is whole. */
static void
complete(struct client *c)
{
    sum[c->kind].ok++;
    sample(c, now_us() - c->began_us);
    c->answered++;
    if (c->kind == FRESH || c->closing) {
        sum[c->kind].announced_close += c->kind != FRESH;
        hang_up(c);
    }
    rest(c);
}

/* False: the head is faulty or no 200 (counted). */
static bool
take_head(struct client *c)
{
    char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4);
    if (!end) {
        return true;
    }
    *end = 0;
    int status = c->in_n > 12 ? atoi(c->in + 9) : 0;
    const char *length = strcasestr(c->in, "\r\ncontent-length:"),
               *connection = strcasestr(c->in, "\r\nconnection: close");
    c->chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked") != NULL;
    c->closing = connection != NULL;
    c->left = length ? strtoull(length + 17, NULL, 10) : 0;
    c->line_n = 0;
    uint32_t n = (uint32_t)(end + 4 - c->in);
    c->in_n -= n;
    memmove(c->in, c->in + n, c->in_n);
    if (status != (c->kind == WS ? 101 : 200)) {
        char text[64];
        snprintf(text, sizeof text, "status %d", status);
        failed(c, &sum[c->kind].bad_status, text);
        hang_up(c);
        rest(c);
        return false;
    }
    if (c->kind == EVENTS || c->kind == WS) {
        landed(c);
        sum[c->kind].ok++;
        streams_opened++;
        c->state = STREAM;
        c->heard_us = now_us();
        timer(c, c->heard_us + 200000);
    } else {
        c->state = BODY;
    }
    return true;
}

/* Eats body bytes; true when the body is whole. */
static bool
take_body(struct client *c)
{
    if (!c->chunked) {
        uint64_t n = c->left < c->in_n ? c->left : c->in_n;
        c->left -= n;
        c->in_n -= (uint32_t)n;
        memmove(c->in, c->in + n, c->in_n);
        return c->left == 0;
    }
    uint32_t i = 0;
    while (i < c->in_n) {
        if (c->left > 0) {
            uint64_t n = c->left < c->in_n - i ? c->left : c->in_n - i;
            c->left -= n;
            i += (uint32_t)n;
            continue;
        }
        char ch = c->in[i++];
        if (ch != '\n') {
            if (c->line_n < sizeof c->line - 1) {
                c->line[c->line_n++] = ch;
            }
            continue;
        }
        c->line[c->line_n] = 0;
        bool empty = c->line_n <= 1;
        c->line_n = 0;
        if (empty) {
            continue;
        }
        c->left = strtoull(c->line, NULL, 16);
        if (c->left == 0) {
            c->in_n = 0;
            return true;
        }
    }
    c->in_n = 0;
    return false;
}

static void
take_stream(struct client *c)
{
    c->heard_us = now_us();
    if (c->kind == EVENTS) {
        for (uint32_t i = 0; i + 5 <= c->in_n; i++) {
            events += memcmp(c->in + i, "data:", 5) == 0;
        }
        if (c->in_n >= 5 && memcmp(c->in + c->in_n - 5, "0\r\n\r\n", 5) == 0) {
            lose_stream(c, "the event stream was ended");
            return;
        }
        c->in_n = 0;
        return;
    }
    while (c->in_n >= 2) {
        uint32_t n = (uint8_t)c->in[1] & 0x7f;
        if (((uint8_t)c->in[0] & 15) == 8) {
            lose_stream(c, "the WebSocket was closed");
            return;
        }
        if (c->in_n < 2 + n) {
            return;
        }
        c->in_n -= 2 + n;
        memmove(c->in, c->in + 2 + n, c->in_n);
        c->frames_back++;
        frames++;
    }
}

static void
ended(struct client *c, bool reset)
{
    const char *how = reset ? "RST" : "FIN";
    char text[64];
    if (c->state == STREAM) {
        snprintf(text, sizeof text, "%s in a stream", how);
        lose_stream(c, text);
    } else if (c->state == IDLE) {
        sum[c->kind].idle_closed++;
        hang_up(c);
    } else if (c->state == CONNECTING) {
        failed(c, &sum[c->kind].connect_failed, "connect failed");
        hang_up(c);
        rest(c);
    } else if (c->state == SENT && c->in_n == 0) {
        snprintf(text, sizeof text, "%s before the answer", how);
        broken(c, text);
    } else if (c->state != OVER) {
        snprintf(text, sizeof text, "%s inside the answer", how);
        failed(c, &sum[c->kind].short_body, text);
        hang_up(c);
        rest(c);
    }
}

static void
receive(struct client *c)
{
    while (c->fd >= 0) {
        if (c->in_n >= sizeof c->in - 1) {
            c->in_n = 0; /* a head of more than 4 KiB: no test has one */
        }
        ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - 1 - c->in_n, 0);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            ended(c, n < 0);
            return;
        }
        c->in_n += (uint32_t)n;
        if (c->state == SENT) {
            c->state = HEAD;
        }
        if (c->state == HEAD && !take_head(c)) {
            return;
        }
        if (c->state == BODY && take_body(c)) {
            complete(c);
        } else if (c->state == STREAM) {
            take_stream(c);
        }
    }
}

/* ---- the slow loris */

static void
loris_event(struct client *c, uint32_t what)
{
    if (c->state == CONNECTING && (what & EPOLLOUT)) {
        char text[256];
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\nX-Drip: ", host);
        c->state = STREAM;
        c->reused = true;
        if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) == n) {
            timer(c, now_us() + loris_us);
        }
    }
    if (what & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
        if (c->state == CONNECTING) {
            loris_refused++;
        } else {
            loris_ended++;
        }
        hang_up(c);
        c->state = IDLE;
        timer(c, now_us() + 100000);
    } else if (what & EPOLLIN) {
        while (recv(c->fd, c->in, sizeof c->in, 0) > 0) {
        }
    }
}

static void
on_event(struct client *c, uint32_t what)
{
    if (c->fd < 0) {
        return;
    }
    if (c->kind == LORIS) {
        loris_event(c, what);
        return;
    }
    if (c->state == CONNECTING) {
        if (what & (EPOLLERR | EPOLLHUP)) {
            ended(c, true);
            return;
        }
        if (!(what & EPOLLOUT)) {
            return;
        }
        if (!send_request(c)) {
            broken(c, "write failed");
            return;
        }
    }
    if (what & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
        receive(c);
    }
}

static void
on_timer(struct client *c)
{
    uint64_t now = now_us();
    if (c->kind == LORIS && c->state == STREAM) {
        if (send(c->fd, "x", 1, MSG_NOSIGNAL) == 1) {
            loris_bytes++;
        }
        timer(c, now + loris_us);
    } else if (c->state == IDLE) {
        if (now < end_us) {
            begin(c);
        }
    } else if (c->state == STREAM) {
        if (now - c->heard_us > silent_us) {
            streams_silent++;
            lose_stream(c, "a stream fell silent");
            return;
        }
        if (c->kind == WS && now < end_us) {
            static const char frame[] = "\x81\x84\x01\x02\x03\x04\x71\x6b\x6d\x63"; /* "ping", masked */
            if (send(c->fd, frame, 10, MSG_NOSIGNAL) == 10) {
                c->frames_sent++;
            }
        }
        timer(c, now + 200000);
    } else if (c->kind == LORIS) {
        loris_refused++;
        hang_up(c);
        c->state = IDLE;
        timer(c, now + 100000);
    } else if (c->state != OVER) {
        failed(c, &sum[c->kind].timed_out, "no answer in time");
        hang_up(c);
        rest(c);
    }
}

/* ---- the report */

static int
by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double
percentile(int i, double p)
{
    if (lat_n[i] == 0) {
        return 0;
    }
    size_t at = (size_t)(p * (double)lat_n[i]);
    return lat[i][at < lat_n[i] ? at : lat_n[i] - 1] / 1e3;
}

static void
report(const struct client *all, int n)
{
    uint64_t requests = 0, bad = 0, fresh = 0, reused = 0, idle = 0, announced = 0, loris_open = 0, alive = 0;
    for (int i = 0; i < n; i++) {
        loris_open += all[i].kind == LORIS && all[i].state == STREAM;
        alive += (all[i].kind == EVENTS || all[i].kind == WS) && all[i].state == STREAM;
    }
    printf("{");
    for (int k = 0; k < LORIS; k++) {
        printf(
            "\"%s\":{\"requests\":%llu,\"ok\":%llu,\"failed\":%llu,\"reset_new\":%llu,\"reset_reused\":%llu,"
            "\"connect_failed\":%llu,\"bad_status\":%llu,\"short\":%llu,\"timed_out\":%llu,\"idle_closed\":%llu,"
            "\"announced_close\":%llu},",
            kind_name[k], (unsigned long long)sum[k].requests, (unsigned long long)sum[k].ok,
            (unsigned long long)sum[k].failed, (unsigned long long)sum[k].reset_new,
            (unsigned long long)sum[k].reset_reused, (unsigned long long)sum[k].connect_failed,
            (unsigned long long)sum[k].bad_status, (unsigned long long)sum[k].short_body,
            (unsigned long long)sum[k].timed_out, (unsigned long long)sum[k].idle_closed,
            (unsigned long long)sum[k].announced_close);
        requests += sum[k].requests;
        bad += sum[k].failed;
        fresh += sum[k].reset_new + sum[k].connect_failed;
        reused += sum[k].reset_reused;
        idle += sum[k].idle_closed;
        announced += sum[k].announced_close;
    }
    for (int i = 0; i < 2; i++) {
        qsort(lat[i], lat_n[i], sizeof *lat[i], by_size);
    }
    printf("\"requests\":%llu,\"failed\":%llu,\"reset_new\":%llu,\"reset_reused\":%llu,\"idle_closed\":%llu,"
           "\"announced_close\":%llu,",
           (unsigned long long)requests, (unsigned long long)bad, (unsigned long long)fresh,
           (unsigned long long)reused, (unsigned long long)idle, (unsigned long long)announced);
    printf(
        "\"streams_opened\":%llu,\"streams_lost\":%llu,\"streams_silent\":%llu,\"streams_alive\":%llu,\"events\":%llu,"
        "\"frames\":%llu,",
        (unsigned long long)streams_opened, (unsigned long long)streams_lost,
        (unsigned long long)streams_silent, (unsigned long long)alive, (unsigned long long)events,
        (unsigned long long)frames);
    printf("\"loris_open\":%llu,\"loris_refused\":%llu,\"loris_ended\":%llu,\"loris_bytes\":%llu,",
           (unsigned long long)loris_open, (unsigned long long)loris_refused, (unsigned long long)loris_ended,
           (unsigned long long)loris_bytes);
    printf(
        "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"fresh_p50_ms\":%.3f,\"fresh_p99_ms\":%.3f,\"first_failure\":\"%s\"}\n",
        percentile(0, .5), percentile(0, .99), percentile(0, 1), percentile(1, .5), percentile(1, .99),
        first_failure);
}

static struct client *
make_clients(const int count[KINDS], int *total, uint64_t span_us)
{
    int n = 0, streams = count[EVENTS] + count[WS], stream = 0;
    for (int k = 0; k < KINDS; k++) {
        n += count[k];
    }
    struct client *all = calloc((size_t)n + 1, sizeof *all);
    heap = calloc((size_t)n + 1, sizeof *heap);
    struct client *c = all;
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < count[k]; i++, c++) {
            c->kind = (enum kind)k;
            c->fd = c->at = -1;
            uint64_t at = (uint64_t)i * 500;
            if (k == EVENTS || k == WS) {
                at = span_us * (uint64_t)stream++ / (uint64_t)(streams ? streams : 1);
            } else if (k == LORIS) {
                at = (uint64_t)i * 100; /* 10,000 a second */
            } else if (k == KEEP) {
                at = think_us * (uint64_t)i / (uint64_t)count[k];
            }
            timer(c, start_us + at);
        }
    }
    *total = n;
    return all;
}

int
main(int argc, char **argv)
{
    int opt, count[KINDS] = {0}, n;
    double seconds = 5;
    bool after = false;
    to.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    while ((opt = getopt(argc, argv, "p:a:H:d:k:u:t:c:T:s:S:e:E:w:W:l:L:i:r")) != -1) {
        switch (opt) {
        case 'p':
            to.sin_port = htons((uint16_t)atoi(optarg));
            break;
        case 'a':
            inet_pton(AF_INET, optarg, &to.sin_addr);
            break;
        case 'H':
            host = optarg;
            break;
        case 'd':
            seconds = atof(optarg);
            break;
        case 'k':
            count[KEEP] = atoi(optarg);
            break;
        case 'u':
            target = optarg;
            break;
        case 't':
            think_us = (uint64_t)(atof(optarg) * 1000);
            break;
        case 'c':
            count[FRESH] = atoi(optarg);
            break;
        case 'T':
            fresh_us = (uint64_t)(atof(optarg) * 1000);
            break;
        case 's':
            count[SLOW] = atoi(optarg);
            break;
        case 'S':
            slow_target = optarg;
            break;
        case 'e':
            count[EVENTS] = atoi(optarg);
            break;
        case 'E':
            event_target = optarg;
            break;
        case 'w':
            count[WS] = atoi(optarg);
            break;
        case 'W':
            ws_target = optarg;
            break;
        case 'l':
            count[LORIS] = atoi(optarg);
            break;
        case 'L':
            loris_us = (uint64_t)(atof(optarg) * 1000);
            break;
        case 'i':
            silent_us = (uint64_t)(atof(optarg) * 1e6);
            break;
        case 'r':
            after = true;
            break;
        default:
            return 2;
        }
    }
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    signal(SIGPIPE, SIG_IGN);
    ep = epoll_create1(EPOLL_CLOEXEC);
    start_us = now_us();
    end_us = start_us + (uint64_t)(seconds * 1e6);
    struct client *all = make_clients(count, &n, (end_us - start_us) * 3 / 4);
    uint64_t grace_us = end_us + 20000000, stand_us = start_us + (uint64_t)count[LORIS] * 100 + 500000;
    struct epoll_event evs[512];
    measure = !after;
    for (;;) {
        uint64_t now = now_us();
        if (after && !measure && now > stand_us) {
            measure = true;
        }
        if (now >= end_us && (in_flight == 0 || now > grace_us)) {
            break;
        }
        while (heap_n > 0 && heap[0]->due_us <= now) {
            struct client *c = heap[0];
            timer_off(c);
            on_timer(c);
        }
        now = now_us();
        uint64_t next = now + 50000;
        if (heap_n > 0 && heap[0]->due_us < next) {
            next = heap[0]->due_us;
        }
        struct timespec wait = {0, next > now ? (long)(next - now) * 1000 : 0};
        int got = epoll_pwait2(ep, evs, 512, &wait, NULL);
        for (int i = 0; i < got; i++) {
            on_event(evs[i].data.ptr, evs[i].events);
        }
    }
    report(all, n);
    return 0;
}
