/*
 * An upstream for tests and benchmarks that must not be the slow part: one
 * epoll loop, HTTP/1.1 with keep-alive.
 *
 *   origin -p PORT [-a ADDRESS] [-D MS] [-S STATUS] [-C N]
 *
 * -D: every answer but that of /stats takes so long; -S: has that status; -C: so
 * many are worked on at once, the others wait.
 *
 *   /stats            {"requests":N,"now":N,"most":N}: answered ones, in progress now and at most
 *   /status?code=N    an answer of that status
 *   /1k               1 KiB
 *   /big?bytes=N      N bytes with a length
 *   /chunked?bytes=N  the same, chunked
 *   /slow?ms=N        answers after N ms
 *   /events?ms=N&n=M  an event stream: an event every N ms, M of them (0: without end)
 *   /drip?bytes=N&ms=M  N bytes, one every M ms
 *   /ws               WebSocket echo
 *   /close            answers and closes
 *   /accepted         how many connections it has taken so far
 *   anything else     "ok"; the number of body bytes for a request with a body
 *
 * It trusts its client (weir, in a test) and checks little.
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

#define IN_BYTES 32768
#define BLOCK_BYTES 65536

enum mode { HEAD, BODY, CHUNKS, SENDING, SLOW, EVENTS, DRIP, WS };

struct conn {
    struct conn *next, **prev; /* in the list of those with a timer */
    int fd;
    enum mode mode;
    bool close_after, chunked_out, writing;
    bool counted;        /* among those in progress */
    bool working;        /* one of -C */
    struct conn *behind; /* waits for one of those to end */
    uint64_t due_ms, every_ms;
    uint64_t left;     /* events, drip bytes, body bytes to send, or of the request to read */
    uint64_t received; /* body bytes of the request */
    uint32_t in_n;
    uint32_t out_n, out_at;
    char *out;
    char in[IN_BYTES];
};

static struct {
    uint64_t requests, now, most;
} stats;
static uint64_t delay_ms;
static unsigned room_n, working_n;
static struct conn *first_waiting, **last_waiting = &first_waiting;
static int preset_status = 200;

static int ep;
static unsigned long long accepted;
static struct conn *timed;
static char block[BLOCK_BYTES];

static uint64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
timer_off(struct conn *c)
{
    if (c->prev) {
        *c->prev = c->next;
        if (c->next) {
            c->next->prev = c->prev;
        }
        c->prev = NULL;
    }
}

static void
timer_on(struct conn *c, uint64_t after_ms)
{
    timer_off(c);
    c->due_ms = now_ms() + after_ms;
    c->next = timed;
    c->prev = &timed;
    if (timed) {
        timed->prev = &c->next;
    }
    timed = c;
}

static void
work_on(struct conn *c)
{
    c->working = true;
    working_n++;
    timer_on(c, delay_ms);
}

/* Leaves the line, wherever it stands in it. */
static void
leave_line(struct conn *c)
{
    for (struct conn **at = &first_waiting; *at; at = &(*at)->behind) {
        if (*at == c) {
            *at = c->behind;
            if (!*at) {
                last_waiting = at;
            }
            return;
        }
    }
}

static void
work_end(struct conn *c)
{
    if (!c->working) {
        leave_line(c);
        return;
    }
    c->working = false;
    working_n--;
    struct conn *next = first_waiting;
    if (next) {
        leave_line(next);
        work_on(next);
    }
}

static void
count_end(struct conn *c)
{
    work_end(c);
    stats.now -= c->counted;
    stats.requests += c->counted;
    c->counted = false;
}

static void
drop(struct conn *c)
{
    count_end(c);
    timer_off(c);
    close(c->fd);
    free(c->out);
    free(c);
}

static void
want(struct conn *c, bool out)
{
    if (c->writing != out) {
        struct epoll_event ev = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
        c->writing = out;
    }
}

/* Appends to what waits to be sent. */
static void
put(struct conn *c, const void *p, size_t n)
{
    c->out = realloc(c->out, c->out_n + n);
    memcpy(c->out + c->out_n, p, n);
    c->out_n += (uint32_t)n;
}

static void
put_text(struct conn *c, const char *text)
{
    put(c, text, strlen(text));
}

/* False when the connection has failed.  *blocked: the rest waits for EPOLLOUT. */
static bool
flush_out(struct conn *c, bool *blocked)
{
    *blocked = false;
    while (c->out_at < c->out_n) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) {
                want(c, true);
                *blocked = true;
                return true;
            }
            return false;
        }
        c->out_at += (uint32_t)n;
    }
    free(c->out);
    c->out = NULL;
    c->out_n = c->out_at = 0;
    return true;
}

static uint64_t
query(const char *target, const char *name, uint64_t preset)
{
    char key[32];
    for (const char *lead = "?&"; *lead; lead++) {
        snprintf(key, sizeof key, "%c%s=", *lead, name);
        const char *at = strstr(target, key);
        if (at) {
            return strtoull(at + strlen(key), NULL, 10);
        }
    }
    return preset;
}

static bool
field(const char *head, const char *name, char *value, size_t room)
{
    size_t n = strlen(name);
    for (const char *p = strstr(head, "\r\n"); p && p[2] && p[2] != '\r'; p = strstr(p + 2, "\r\n")) {
        if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':') {
            const char *v = p + 3 + n;
            v += strspn(v, " \t");
            snprintf(value, room, "%.*s", (int)strcspn(v, "\r"), v);
            return true;
        }
    }
    return false;
}

/* ---- SHA-1 and base64, for the WebSocket handshake */

static uint32_t
rol(uint32_t v, int n)
{
    return (v << n) | (v >> (32 - n));
}

static void
sha1(const char *text, size_t n, uint8_t out[20])
{
    uint8_t m[192] = {0};
    size_t total = ((n + 8) / 64 + 1) * 64;
    memcpy(m, text, n);
    m[n] = 0x80;
    for (int i = 0; i < 8; i++) {
        m[total - 1 - i] = (uint8_t)((uint64_t)n * 8 >> (8 * i));
    }
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (size_t off = 0; off < total; off += 64) {
        uint32_t w[80];
        for (int i = 0; i < 80; i++) {
            const uint8_t *q = m + off + i * 4;
            w[i] = i < 16 ? (uint32_t)q[0] << 24 | (uint32_t)q[1] << 16 | (uint32_t)q[2] << 8 | q[3]
                          : rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        }
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20     ? (b & c) | (~b & d)
                : i < 40 || i >= 60 ? b ^ c ^ d
                                    : (b & c) | (b & d) | (c & d);
            uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
            uint32_t t = rol(a, 5) + f + e + k + w[i];
            e = d, d = c, c = rol(b, 30), b = a, a = t;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++) {
        out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
    }
}

static void
base64(const uint8_t *p, size_t n, char *out)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v =
            (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        *out++ = digit[v >> 18];
        *out++ = digit[v >> 12 & 63];
        *out++ = i + 1 < n ? digit[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digit[v & 63] : '=';
    }
    *out = 0;
}

/* ---- answers */

static void
answer_status(struct conn *c, int status, const char *body)
{
    char text[512];
    snprintf(text, sizeof text, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
             status < 400 ? "OK" : "Not so", strlen(body), c->close_after ? "Connection: close\r\n" : "",
             body);
    put_text(c, text);
    c->mode = SENDING;
    c->left = 0;
    c->chunked_out = false;
}

static void
answer(struct conn *c, const char *body)
{
    answer_status(c, preset_status, body);
}

static void
answer_stats(struct conn *c)
{
    char text[128];
    snprintf(text, sizeof text, "{\"requests\":%llu,\"now\":%llu,\"most\":%llu}",
             (unsigned long long)stats.requests, (unsigned long long)stats.now,
             (unsigned long long)stats.most);
    answer_status(c, 200, text);
}

static void
upgrade(struct conn *c, const char *head)
{
    char key[128] = "", joined[256], accept[64], text[256];
    uint8_t digest[20];
    field(head, "sec-websocket-key", key, sizeof key);
    snprintf(joined, sizeof joined, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(joined, strlen(joined), digest);
    base64(digest, sizeof digest, accept);
    snprintf(text, sizeof text,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    put_text(c, text);
    c->mode = WS;
}

/* The request is read: what its target asks for. */
static void
respond(struct conn *c, const char *target, const char *head)
{
    char text[256];
    const char *bye = c->close_after ? "Connection: close\r\n" : "";
    if (strncmp(target, "/stats", 6) == 0) {
        answer_stats(c);
        return;
    }
    if (!c->counted) {
        c->counted = true;
        if (++stats.now > stats.most) {
            stats.most = stats.now;
        }
    }
    if (delay_ms > 0) {
        c->mode = SLOW;
        if (room_n == 0 || working_n < room_n) {
            work_on(c);
        } else {
            c->behind = NULL;
            *last_waiting = c;
            last_waiting = &c->behind;
        }
    } else if (strncmp(target, "/status", 7) == 0) {
        answer_status(c, (int)query(target, "code", 200), "");
    } else if (strncmp(target, "/big", 4) == 0 || strncmp(target, "/chunked", 8) == 0 ||
               strncmp(target, "/1k", 3) == 0) {
        c->chunked_out = target[1] == 'c';
        c->left = query(target, "bytes", 1024);
        if (c->chunked_out) {
            snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n%s\r\n", bye);
            put_text(c, text);
        } else {
            snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n%s\r\n",
                     (unsigned long long)c->left, bye);
            put_text(c, text);
        }
        c->mode = SENDING;
    } else if (strncmp(target, "/slow", 5) == 0) {
        c->mode = SLOW;
        timer_on(c, query(target, "ms", 100));
    } else if (strncmp(target, "/events", 7) == 0) {
        c->mode = EVENTS;
        c->every_ms = query(target, "ms", 1000);
        c->left = query(target, "n", 0);
        put_text(c,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        timer_on(c, 0);
    } else if (strncmp(target, "/drip", 5) == 0) {
        c->mode = DRIP;
        c->every_ms = query(target, "ms", 100);
        c->left = query(target, "bytes", 10);
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n",
                 (unsigned long long)c->left);
        put_text(c, text);
        timer_on(c, 0);
    } else if (strncmp(target, "/ws", 3) == 0) {
        upgrade(c, head);
    } else if (strncmp(target, "/close", 6) == 0) {
        c->close_after = true;
        answer(c, "ok");
    } else if (strncmp(target, "/accepted", 9) == 0) {
        snprintf(text, sizeof text, "%llu", accepted);
        answer(c, text);
    } else if (c->received) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)c->received);
        answer(c, text);
    } else {
        answer(c, "ok");
    }
}

/* Body blocks until the socket is full.  False: failed. */
static bool
send_body(struct conn *c)
{
    bool blocked;
    for (;;) {
        if (!flush_out(c, &blocked)) {
            return false;
        }
        if (blocked) {
            return true;
        }
        if (c->mode != SENDING) {
            return true;
        }
        if (c->left == 0) {
            if (c->chunked_out) {
                c->chunked_out = false;
                put_text(c, "0\r\n\r\n");
                continue;
            }
            break;
        }
        uint32_t n = c->left < BLOCK_BYTES ? (uint32_t)c->left : BLOCK_BYTES;
        if (c->chunked_out) {
            char size[16];
            snprintf(size, sizeof size, "%x\r\n", n);
            put_text(c, size);
            put(c, block, n);
            put_text(c, "\r\n");
            c->left -= n;
            continue;
        }
        ssize_t sent = send(c->fd, block, n, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) {
                want(c, true);
                return true;
            }
            return false;
        }
        c->left -= (uint64_t)sent;
    }
    want(c, false);
    if (c->close_after) {
        return false;
    }
    c->mode = HEAD;
    count_end(c);
    return true;
}

/* Echoes whole frames; anything of more than the buffer ends the connection. */
static bool
echo_frames(struct conn *c)
{
    for (;;) {
        uint8_t *p = (uint8_t *)c->in;
        uint32_t head = 2;
        if (c->in_n < 2) {
            return true;
        }
        uint64_t n = p[1] & 0x7f;
        if (n == 126) {
            head = 4;
            if (c->in_n < 4) {
                return true;
            }
            n = (uint64_t)p[2] << 8 | p[3];
        } else if (n == 127) {
            return false;
        }
        uint8_t key[4] = {0};
        if (p[1] & 0x80) {
            if (c->in_n < head + 4) {
                return true;
            }
            memcpy(key, p + head, 4);
            head += 4;
        }
        if (head + n > IN_BYTES) {
            return false;
        }
        if (c->in_n < head + n) {
            return true;
        }
        for (uint64_t i = 0; i < n; i++) {
            p[head + i] ^= key[i & 3];
        }
        uint8_t out[4] = {p[0], (uint8_t)(n < 126 ? n : 126), (uint8_t)(n >> 8), (uint8_t)n};
        bool bye = (p[0] & 15) == 8, blocked;
        put(c, out, n < 126 ? 2 : 4);
        put(c, p + head, n);
        c->in_n -= head + (uint32_t)n;
        memmove(c->in, c->in + head + n, c->in_n);
        if (!flush_out(c, &blocked) || bye) {
            return false;
        }
    }
}

/* Takes a head off the buffer; false: failed.  *more: the buffer may hold something to go on with. */
static bool
take_head(struct conn *c, bool *more)
{
    char *end = memmem(c->in, c->in_n, "\r\n\r\n", 4);
    *more = false;
    if (!end) {
        return c->in_n < IN_BYTES - 1;
    }
    uint32_t n = (uint32_t)(end + 4 - c->in);
    char head[IN_BYTES + 1], target[2048], value[64];
    memcpy(head, c->in, n);
    head[n] = 0;
    c->in_n -= n;
    memmove(c->in, c->in + n, c->in_n);
    const char *t = strchr(head, ' ');
    if (!t) {
        return false;
    }
    snprintf(target, sizeof target, "%.*s", (int)strcspn(t + 1, " \r"), t + 1);
    c->received = 0;
    c->close_after = field(head, "connection", value, sizeof value) && strcasecmp(value, "close") == 0;
    *more = true;
    if (field(head, "transfer-encoding", value, sizeof value)) {
        c->mode = CHUNKS;
        c->left = 0;
    } else if (field(head, "content-length", value, sizeof value) && strtoull(value, NULL, 10) > 0) {
        c->mode = BODY;
        c->left = strtoull(value, NULL, 10);
    } else {
        respond(c, target, head);
        return send_body(c);
    }
    return true;
}

/* Body bytes; the answer to a request with a body is the number of its bytes. */
static bool
take_body(struct conn *c, bool *more)
{
    if (c->mode == BODY) {
        uint32_t n = c->left < c->in_n ? (uint32_t)c->left : c->in_n;
        c->left -= n;
        c->received += n;
        c->in_n -= n;
        memmove(c->in, c->in + n, c->in_n);
        *more = c->left == 0;
        if (*more) {
            respond(c, "/", "");
            return send_body(c);
        }
        return true;
    }
    /* CHUNKS: left counts what is missing of a chunk with its CRLF. */
    *more = false;
    while (c->in_n > 0) {
        if (c->left > 0) {
            uint32_t n = c->left < c->in_n ? (uint32_t)c->left : c->in_n;
            c->left -= n;
            c->in_n -= n;
            memmove(c->in, c->in + n, c->in_n);
            continue;
        }
        char *end = memmem(c->in, c->in_n, "\r\n", 2);
        if (!end) {
            return true;
        }
        uint64_t size = strtoull(c->in, NULL, 16);
        uint32_t n = (uint32_t)(end + 2 - c->in);
        if (size == 0) {
            char *last = memmem(c->in, c->in_n, "\r\n\r\n", 4);
            if (!last) {
                return true;
            }
            n = (uint32_t)(last + 4 - c->in);
        }
        c->in_n -= n;
        memmove(c->in, c->in + n, c->in_n);
        if (size == 0) {
            *more = true;
            respond(c, "/", "");
            return send_body(c);
        }
        c->received += size;
        c->left = size + 2;
    }
    return true;
}

/* Goes on with what is in the buffer.  False: drop it. */
static bool
advance(struct conn *c)
{
    bool more = true;
    while (more) {
        if (c->mode == HEAD) {
            if (!take_head(c, &more)) {
                return false;
            }
        } else if (c->mode == BODY || c->mode == CHUNKS) {
            if (!take_body(c, &more)) {
                return false;
            }
        } else if (c->mode == WS) {
            return echo_frames(c);
        } else {
            return true;
        }
    }
    return true;
}

static bool
on_readable(struct conn *c)
{
    bool busy = c->mode == SENDING || c->mode == SLOW || c->mode == EVENTS || c->mode == DRIP;
    if (c->in_n >= IN_BYTES - 1) {
        return busy; /* pipelined further than we care */
    }
    ssize_t n = recv(c->fd, c->in + c->in_n, IN_BYTES - 1 - c->in_n, 0);
    if (n < 0 && errno == EAGAIN) {
        return true;
    }
    if (n <= 0) {
        return false;
    }
    c->in_n += (uint32_t)n;
    c->in[c->in_n] = 0;
    return busy || advance(c);
}

static bool
on_timer(struct conn *c)
{
    bool blocked;
    char text[64];
    static uint64_t number;
    switch (c->mode) {
    case SLOW:
        answer(c, "slow");
        break;
    case EVENTS: {
        char event[48];
        snprintf(event, sizeof event, "data: %llu\n\n", (unsigned long long)++number);
        snprintf(text, sizeof text, "%zx\r\n%s\r\n", strlen(event), event);
        put_text(c, text);
        if (c->left > 0 && --c->left == 0) {
            put_text(c, "0\r\n\r\n");
            c->mode = SENDING;
            c->chunked_out = false;
            break;
        }
        timer_on(c, c->every_ms);
        return flush_out(c, &blocked);
    }
    case DRIP:
        put_text(c, ".");
        if (--c->left > 0) {
            timer_on(c, c->every_ms);
            return flush_out(c, &blocked);
        }
        c->mode = SENDING;
        c->chunked_out = false;
        break;
    default:
        return true;
    }
    return send_body(c) && advance(c);
}

static int
run_timers(void)
{
    int wait = -1;
    uint64_t now = now_ms();
    for (struct conn *c = timed, *next; c; c = next) {
        next = c->next;
        if (c->due_ms <= now) {
            timer_off(c);
            if (!on_timer(c)) {
                drop(c);
            }
        }
    }
    now = now_ms();
    for (struct conn *c = timed; c; c = c->next) {
        int ms = c->due_ms <= now ? 0 : (int)(c->due_ms - now);
        wait = wait < 0 || ms < wait ? ms : wait;
    }
    return wait;
}

static int
listen_on(const char *address, int port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (inet_pton(AF_INET, address, &a.sin_addr) != 1 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(fd, 4096) != 0) {
        perror("origin: listen");
        exit(1);
    }
    return fd;
}

static void
accept_all(int fd)
{
    int s, one = 1;
    while ((s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        accepted++;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = s;
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev);
    }
}

int
main(int argc, char **argv)
{
    const char *address = "127.0.0.1";
    int opt, port = 0;
    while ((opt = getopt(argc, argv, "p:a:D:S:C:")) != -1) {
        if (opt == 'p') {
            port = atoi(optarg);
        } else if (opt == 'a') {
            address = optarg;
        } else if (opt == 'D') {
            delay_ms = strtoull(optarg, NULL, 10);
        } else if (opt == 'C') {
            room_n = (unsigned)atoi(optarg);
        } else if (opt == 'S') {
            preset_status = atoi(optarg);
        } else {
            return 2;
        }
    }
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    signal(SIGPIPE, SIG_IGN);
    memset(block, 'x', sizeof block);
    int fd = listen_on(address, port);
    ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL}, evs[256];
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
    for (;;) {
        int n = epoll_wait(ep, evs, 256, run_timers());
        for (int i = 0; i < n; i++) {
            struct conn *c = evs[i].data.ptr;
            if (!c) {
                accept_all(fd);
                continue;
            }
            bool keep = true;
            if (evs[i].events & EPOLLOUT) {
                keep = send_body(c) && (c->mode != HEAD || advance(c));
            }
            if (keep && (evs[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))) {
                keep = on_readable(c);
            }
            if (!keep) {
                drop(c);
            }
        }
    }
}
