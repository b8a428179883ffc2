/*
 * Names: asked, kept, asked again.
 */
#include "core/upstream/resolve_name.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/rand.h"

uint64_t
wr_resolve_name_ttl_ms(uint32_t ttl_s)
{
    uint64_t ms =
        WR_MIN(WR_MAX((uint64_t)ttl_s * 1000, (uint64_t)WR_RESOLVE_LEAST_MS), (uint64_t)WR_RESOLVE_MOST_MS);

    return ms + wr_rand_below((uint32_t)(ms / 20) + 1);
}

uint64_t
wr_resolve_name_again_ms(uint64_t *retry_ms)
{
    *retry_ms =
        *retry_ms == 0 ? WR_RESOLVE_RETRY_MS : WR_MIN(*retry_ms * 2, (uint64_t)WR_RESOLVE_RETRY_MOST_MS);
    return *retry_ms;
}

static bool
resolve_name_is_new(const struct wr_resolve_name *n, const struct wr_dns_answer *a)
{
    if (n->addrs_n != a->addrs_n) {
        return true;
    }
    for (size_t i = 0; i < a->addrs_n; i++) { /* both are in order */
        if (!wr_addr_eq(&n->addrs[i], &a->addrs[i])) {
            return true;
        }
    }
    return false;
}

static void
resolve_name_fail(struct wr_resolve_name *n, const char *error)
{
    if (!n->failing) {
        wr_log(WR_LOG_WARN, "cannot resolve upstream server name=%s error=\"%s\", %s, trying again", n->host,
               error,
               n->addrs_n > 0 ? "keeping its last addresses" : "requests that need it are answered 503");
    }
    n->failing = true;
    if (!n->answered) {
        n->answered = true; /* who waits shall know that there is nothing */
        wr_resolve_changed(n->rs);
    }
    wr_loop_timer(n->rs->loop, &n->timer, wr_clock.mono_ms + wr_resolve_name_again_ms(&n->retry_ms));
}

static void
resolve_name_keep(struct wr_resolve_name *n, const struct wr_dns_answer *a)
{
    bool new = resolve_name_is_new(n, a);

    if (n->failing || (new && n->plain)) {
        wr_log(WR_LOG_NOTICE, "resolved upstream server name=%s addresses=%zu", n->host, a->addrs_n);
    }
    n->failing = false;
    n->retry_ms = 0;
    if (new) {
        n->addrs = wr_realloc(n->addrs, a->addrs_n * sizeof(*n->addrs));
        memcpy(n->addrs, a->addrs, a->addrs_n * sizeof(*n->addrs));
        n->addrs_n = a->addrs_n;
    }
    if (new || !n->answered) {
        n->answered = true;
        wr_resolve_changed(n->rs);
    }
    wr_loop_timer(n->rs->loop, &n->timer, wr_clock.mono_ms + wr_resolve_name_ttl_ms(a->ttl_s));
}

static void
resolve_name_on_answer(void *arg, const struct wr_dns_answer *a)
{
    struct wr_resolve_name *n = arg;

    n->asking = false;
    if (n->dropped) {
        free(n->addrs);
        free(n);
    } else if (a->error != NULL) {
        resolve_name_fail(n, a->error);
    } else {
        resolve_name_keep(n, a);
    }
}

static void
resolve_name_on_timer(struct wr_timer *t)
{
    struct wr_resolve_name *n = wr_container(t, struct wr_resolve_name, timer);
    struct wr_dns_answer none = {.error = "no resolver"};

    n->asking = true;
    if (n->rs->dns != NULL) {
        wr_dns_ask(n->rs->dns, n->host, n->port, resolve_name_on_answer, n);
    } else {
        resolve_name_on_answer(n, &none);
    }
}

static struct wr_resolve_name *
resolve_name_find(const struct wr_resolver *rs, struct wr_str host, uint16_t port)
{
    wr_list_for(l, &rs->names)
    {
        struct wr_resolve_name *n = wr_list_entry(l, struct wr_resolve_name, link);
        if (n->port == port && wr_str_eq(wr_str_of(n->host), host)) {
            return n;
        }
    }
    return NULL;
}

struct wr_resolve_name *
wr_resolve_name_take(struct wr_resolver *rs, struct wr_str host, uint16_t port)
{
    struct wr_resolve_name *n = resolve_name_find(rs, host, port);
    struct wr_out o;

    if (n != NULL) {
        n->refs++;
        return n;
    }
    n = wr_calloc(1, sizeof(*n));
    wr_assert(host.n < sizeof(n->host));
    n->rs = rs;
    n->refs = 1;
    n->port = port;
    memcpy(n->host, host.p, host.n);
    wr_out_init(&o, n->text, sizeof(n->text));
    wr_out_str(&o, host);
    wr_out_lit(&o, ":");
    wr_out_u64(&o, port);
    n->address = wr_str_make(n->text, (size_t)(o.p - n->text));
    wr_timer_init(&n->timer, resolve_name_on_timer);
    wr_list_init(&n->link);
    wr_list_add_tail(&rs->names, &n->link);
    wr_loop_timer(rs->loop, &n->timer, wr_clock.mono_ms);
    return n;
}

void
wr_resolve_name_give(struct wr_resolve_name *n)
{
    if (n == NULL || --n->refs > 0) {
        return;
    }
    wr_timer_stop(&n->rs->loop->wheel, &n->timer);
    wr_list_del(&n->link);
    n->dropped = true;
    if (!n->asking) {
        free(n->addrs);
        free(n);
    }
}
