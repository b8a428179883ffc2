/*
 * c-ares on the loop.  What it hands over is checked once more: types, counts,
 * bytes of names.
 */
#include "core/upstream/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/upstream/found.h"

#define DNS_TIMEOUT_MS 2000
#define DNS_TRIES 3
#define DNS_HEADER_BYTES 12

struct dns_socket {
    struct wr_link link;
    struct wr_ev ev;
    struct wr_dns *d;
    struct wr_grave grave;
};

struct wr_dns {
    struct wr_loop *loop;
    ares_channel channel;
    struct wr_timer timer;
    struct wr_link sockets;
    bool ending;
};

struct dns_question {
    struct wr_dns *d;
    wr_dns_fn *fn;
    void *arg;
    uint16_t port;
};

/* ---- sockets and time ---- */

static void
dns_set_timer(struct wr_dns *d)
{
    struct timeval tv;

    if (ares_timeout(d->channel, NULL, &tv) != NULL) {
        wr_loop_timer(d->loop, &d->timer,
                      wr_clock.mono_ms + (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 + 1);
    } else {
        wr_timer_stop(&d->loop->wheel, &d->timer);
    }
}

static void
dns_on_timer(struct wr_timer *t)
{
    struct wr_dns *d = wr_container(t, struct wr_dns, timer);

    ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    dns_set_timer(d);
}

static void
dns_on_event(struct wr_ev *ev)
{
    struct dns_socket *s = wr_container(ev, struct dns_socket, ev);
    struct wr_dns *d = s->d;
    ares_socket_t reads = ev->readable || ev->error || ev->rdhup ? ev->fd : ARES_SOCKET_BAD;
    ares_socket_t writes = ev->writable ? ev->fd : ARES_SOCKET_BAD;

    ev->readable = ev->writable = ev->rdhup = ev->error = false;
    ares_process_fd(d->channel, reads, writes); /* may close the socket */
    dns_set_timer(d);
}

static void
dns_free_socket(struct wr_grave *g)
{
    free(wr_container(g, struct dns_socket, grave));
}

static struct dns_socket *
dns_socket_of(struct wr_dns *d, ares_socket_t fd)
{
    wr_list_for(l, &d->sockets)
    {
        struct dns_socket *s = wr_list_entry(l, struct dns_socket, link);
        if (s->ev.fd == fd) {
            return s;
        }
    }
    return NULL;
}

/* c-ares tells what it wants to know of a socket; neither: it is about to close it. */
static void
dns_on_state(void *arg, ares_socket_t fd, int reading, int writing)
{
    struct wr_dns *d = arg;
    struct dns_socket *s = dns_socket_of(d, fd);

    if (!reading && !writing) {
        if (s != NULL) {
            wr_loop_del(d->loop, &s->ev, true);
            wr_list_del(&s->link);
            wr_loop_bury(d->loop, &s->grave, dns_free_socket);
        }
        return;
    }
    if (s == NULL) {
        s = wr_calloc(1, sizeof(*s));
        s->d = d;
        if (!wr_loop_add_level(d->loop, &s->ev, fd, dns_on_event)) {
            free(s); /* its question runs into its timeout */
            return;
        }
        wr_list_init(&s->link);
        wr_list_add_tail(&d->sockets, &s->link);
    }
    wr_loop_set_level(d->loop, &s->ev, reading, writing);
}

/* ---- answers ---- */

static void
dns_fail(struct dns_question *q, int status)
{
    struct wr_dns_answer a = {.error = ares_strerror(status)};

    if (!q->d->ending) {
        q->fn(q->arg, &a);
    }
    free(q);
}

static bool
dns_take_address(const struct ares_addrinfo_node *n, uint16_t port, struct wr_addr *a)
{
    memset(a, 0, sizeof(*a));
    if (n->ai_family == AF_INET && n->ai_addrlen == sizeof(a->in4)) {
        memcpy(&a->in4, n->ai_addr, sizeof(a->in4));
        a->in4.sin_port = htons(port);
    } else if (n->ai_family == AF_INET6 && n->ai_addrlen == sizeof(a->in6)) {
        memcpy(&a->in6, n->ai_addr, sizeof(a->in6));
        a->in6.sin6_port = htons(port);
        a->in6.sin6_scope_id = 0;
        a->in6.sin6_flowinfo = 0;
    } else {
        return false;
    }
    a->len = n->ai_addrlen;
    return true;
}

static int
dns_compare(const void *x, const void *y)
{
    const struct wr_addr *a = x, *b = y;

    return a->len != b->len ? (a->len < b->len ? -1 : 1) : memcmp(&a->sa, &b->sa, a->len);
}

static void
dns_on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *res)
{
    struct dns_question *q = arg;
    struct wr_dns_answer a = {.ttl_s = UINT32_MAX};
    struct wr_addr *addrs = wr_malloc(WR_FOUND_SERVERS * sizeof(*addrs));

    (void)timeouts;
    for (const struct ares_addrinfo_node *n = res != NULL ? res->nodes : NULL;
         n != NULL && a.addrs_n < WR_FOUND_SERVERS; n = n->ai_next) {
        if (dns_take_address(n, q->port, &addrs[a.addrs_n])) {
            a.addrs_n++;
            a.ttl_s = WR_MIN(a.ttl_s, (uint32_t)WR_MAX(n->ai_ttl, 0));
        }
    }
    if (res != NULL) {
        ares_freeaddrinfo(res);
    }
    if (a.addrs_n == 0) {
        dns_fail(q, status != ARES_SUCCESS ? status : ARES_ENODATA);
    } else {
        /* the order of answers turns; that of ours does not */
        qsort(addrs, a.addrs_n, sizeof(*addrs), dns_compare);
        a.addrs = addrs;
        if (!q->d->ending) {
            q->fn(q->arg, &a);
        }
        free(q);
    }
    free(addrs);
}

static uint32_t
dns_u16(const unsigned char *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* The least TTL of the answer section; what cannot be read is 0. */
static uint32_t
dns_least_ttl(const unsigned char *buf, int n)
{
    const unsigned char *p = buf + DNS_HEADER_BYTES, *end = buf + n;
    uint32_t questions, answers, ttl = UINT32_MAX;
    char *name;
    long used;

    if (n < DNS_HEADER_BYTES) {
        return 0;
    }
    questions = dns_u16(buf + 4);
    answers = dns_u16(buf + 6);
    for (uint32_t i = 0; i < questions + answers; i++) {
        if (ares_expand_name(p, buf, n, &name, &used) != ARES_SUCCESS) {
            return 0;
        }
        ares_free_string(name);
        p += used;
        if (i < questions) {
            p += 4;
            continue;
        }
        if (end - p < 10) {
            return 0;
        }
        ttl = WR_MIN(ttl, dns_u16(p + 4) << 16 | dns_u16(p + 6));
        p += 10 + dns_u16(p + 8);
        if (p > end) {
            return 0;
        }
    }
    return ttl;
}

/* Lower case, without the final dot; false: no name that a server can have. */
static bool
dns_take_host(const char *name, char *room, struct wr_str *host)
{
    size_t n = strlen(name);

    if (n > 0 && name[n - 1] == '.') {
        n--;
    }
    if (n == 0 || n > 253) {
        return false; /* "." says that the service is not there (RFC 2782) */
    }
    for (size_t i = 0; i < n; i++) {
        room[i] = wr_lower(name[i]);
        bool ok = (room[i] >= 'a' && room[i] <= 'z') || (room[i] >= '0' && room[i] <= '9') ||
            strchr(".-_", room[i]);
        if (!ok) {
            return false;
        }
    }
    *host = wr_str_make(room, n);
    return true;
}

static void
dns_on_targets(void *arg, int status, int timeouts, unsigned char *buf, int n)
{
    struct dns_question *q = arg;
    struct ares_srv_reply *list = NULL;
    struct wr_dns_answer a = {0};

    (void)timeouts;
    if (status == ARES_SUCCESS) {
        status = ares_parse_srv_reply(buf, n, &list);
    }
    struct wr_dns_target *targets = wr_calloc(WR_FOUND_SERVERS, sizeof(*targets));
    char(*names)[256] = wr_calloc(WR_FOUND_SERVERS, sizeof(*names));
    for (const struct ares_srv_reply *s = list; s != NULL && a.targets_n < WR_FOUND_SERVERS; s = s->next) {
        struct wr_dns_target *t = &targets[a.targets_n];
        if (s->port > 0 && dns_take_host(s->host, names[a.targets_n], &t->host)) {
            t->port = s->port;
            t->priority = s->priority;
            t->weight = s->weight;
            a.targets_n++;
        }
    }
    if (a.targets_n == 0) {
        dns_fail(q, status != ARES_SUCCESS ? status : ARES_ENODATA);
    } else {
        a.targets = targets;
        a.ttl_s = dns_least_ttl(buf, n);
        if (!q->d->ending) {
            q->fn(q->arg, &a);
        }
        free(q);
    }
    ares_free_data(list);
    free(targets);
    free(names);
}

/* ---- questions ---- */

static struct dns_question *
dns_question(struct wr_dns *d, uint16_t port, wr_dns_fn *fn, void *arg)
{
    struct dns_question *q = wr_calloc(1, sizeof(*q));

    *q = (struct dns_question){.d = d, .fn = fn, .arg = arg, .port = port};
    return q;
}

void
wr_dns_ask(struct wr_dns *d, const char *host, uint16_t port, wr_dns_fn *fn, void *arg)
{
    struct ares_addrinfo_hints hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};

    ares_getaddrinfo(d->channel, host, NULL, &hints, dns_on_addresses, dns_question(d, port, fn, arg));
    dns_set_timer(d);
}

void
wr_dns_ask_srv(struct wr_dns *d, const char *name, wr_dns_fn *fn, void *arg)
{
    ares_search(d->channel, name, ns_c_in, ns_t_srv, dns_on_targets, dns_question(d, 0, fn, arg));
    dns_set_timer(d);
}

/* ---- the channel ---- */

static bool
dns_set_servers(struct wr_dns *d, const struct wr_addrs *servers)
{
    struct ares_addr_port_node node[WR_RESOLVERS] = {0};

    for (size_t i = 0; i < servers->n && i < WR_RESOLVERS; i++) {
        const struct wr_addr *a = &servers->v[i];
        node[i].next = i + 1 < servers->n ? &node[i + 1] : NULL;
        node[i].family = a->sa.sa_family;
        node[i].udp_port = node[i].tcp_port = wr_addr_port(a);
        if (a->sa.sa_family == AF_INET) {
            memcpy(&node[i].addr.addr4, &a->in4.sin_addr, sizeof(node[i].addr.addr4));
        } else {
            memcpy(&node[i].addr.addr6, &a->in6.sin6_addr, sizeof(node[i].addr.addr6));
        }
    }
    return servers->n == 0 || ares_set_servers_ports(d->channel, node) == ARES_SUCCESS;
}

struct wr_dns *
wr_dns_new(struct wr_loop *l, const struct wr_addrs *servers)
{
    struct wr_dns *d = wr_calloc(1, sizeof(*d));
    struct ares_options o = {.timeout = DNS_TIMEOUT_MS,
                             .tries = DNS_TRIES,
                             .sock_state_cb = dns_on_state,
                             .sock_state_cb_data = d};

    d->loop = l;
    wr_list_init(&d->sockets);
    wr_timer_init(&d->timer, dns_on_timer);
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS) {
        status =
            ares_init_options(&d->channel, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    }
    if (status != ARES_SUCCESS || !dns_set_servers(d, servers)) {
        wr_log(WR_LOG_ERROR, "cannot set up name resolution error=\"%s\"; names stay as they are",
               ares_strerror(status));
        free(d);
        return NULL;
    }
    return d;
}

void
wr_dns_free(struct wr_dns *d)
{
    if (d == NULL) {
        return;
    }
    d->ending = true;
    ares_destroy(d->channel);
    wr_timer_stop(&d->loop->wheel, &d->timer);
    free(d);
}
