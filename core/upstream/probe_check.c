/*
 * The exchange of a health check.  It reads no more than it needs, and closes
 * first: nothing of a check stays behind.
 */
#include "core/upstream/probe_check.h"

#include <errno.h>
#include <stdio.h>

#include "core/event/dial.h"
#include "core/upstream/back_tls.h"

static void probe_check_dial(struct wr_probe_check *ck);

/* ---- the end ---- */

void
wr_probe_check_stop(struct wr_probe_check *ck)
{
    if (ck->c != NULL) {
        wr_conn_close(ck->c);
        ck->c = NULL;
    }
}

static void
probe_check_end(struct wr_probe_check *ck, enum wr_probe_outcome outcome, const char *why)
{
    wr_probe_check_stop(ck);
    ck->done(ck, outcome, why);
}

static void
probe_check_judged(struct wr_probe_check *ck, enum wr_probe_verdict v)
{
    if (v != WR_PROBE_MORE) {
        probe_check_end(ck, v == WR_PROBE_GOOD ? WR_PROBE_PASSED : WR_PROBE_FAILED, ck->answer.why);
    }
}

static const char *
probe_check_error(int err)
{
    switch (err) {
    case ECONNREFUSED:
        return "connection refused";
    case ECONNRESET:
    case EPIPE:
        return "connection reset";
    case EHOSTUNREACH:
        return "host unreachable";
    case ENETUNREACH:
        return "network unreachable";
    case ETIMEDOUT:
        return "timeout while connecting";
    case EAGAIN:
        return "queue of connections is full"; /* of a unix socket */
    default:
        return strerror(err);
    }
}

/* TLS has words of its own for what it refuses. */
static const char *
probe_check_conn_error(const struct wr_conn *c)
{
    return c->fault != WR_E_NONE ? wr_err_info[c->fault].reason : probe_check_error(c->err);
}

/* ---- connecting ---- */

/* Whether a connection failed for want of something on this side. */
static bool
probe_check_is_ours(int err, const struct wr_addr *to)
{
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM || err == ENOSPC ||
        err == EADDRNOTAVAIL || (err == EAGAIN && to->sa.sa_family != AF_UNIX);
}

/* The address cannot be reached: what is told in the end is the first fault that is not ours. */
static void
probe_check_unreached(struct wr_probe_check *ck, int err)
{
    bool ours = probe_check_is_ours(err, &ck->addrs[ck->at]);

    wr_probe_check_stop(ck);
    if (!ck->refused) {
        snprintf(ck->why, sizeof(ck->why), "%s", ours ? strerror(err) : probe_check_error(err));
        ck->refused = !ours;
    }
    if (ck->at + 1 < ck->addrs_n) {
        ck->at++;
        probe_check_dial(ck);
    } else {
        ck->done(ck, ck->refused ? WR_PROBE_FAILED : WR_PROBE_NOT_MADE, ck->why);
    }
}

static void
probe_check_send(struct wr_probe_check *ck)
{
    struct wr_chain request;
    struct wr_str host = ck->ask->host.n > 0 ? ck->ask->host : ck->host;
    const struct wr_addr *to = &ck->addrs[ck->at];
    char text[WR_ADDR_TEXT_BYTES];

    if (host.n == 0) {
        host = to->sa.sa_family == AF_UNIX ? WR_STR("localhost") : wr_str_make(text, wr_addr_text(to, text));
    }
    wr_chain_init(&request);
    wr_chain_copy(&request, ck->ask->head.p, ck->ask->head.n);
    wr_chain_copy(&request, host.p, host.n);
    wr_chain_copy(&request, "\r\n\r\n", 4);
    wr_probe_answer_init(&ck->answer, ck->ask->expect, &ck->ask->text);
    ck->state = WR_PROBE_ASKED;
    wr_conn_timer(ck->c, ck->deadline_ms);
    /* a server may answer and close before it has read: what became of the request shows in the answer */
    wr_conn_send(ck->c, &request);
}

/* ---- the answer ---- */

static enum wr_probe_verdict
probe_check_take(struct wr_probe_check *ck)
{
    struct wr_buf *b = ck->c->in;
    size_t used;
    enum wr_probe_verdict v = wr_probe_answer_take(&ck->answer, b->data + b->r, b->w - b->r, &used);

    b->r += (uint32_t)used;
    return v;
}

static enum wr_probe_verdict
probe_check_take_end(struct wr_probe_check *ck)
{
    const struct wr_buf *b = ck->c->in;

    return b != NULL ? wr_probe_answer_end(&ck->answer, b->data + b->r, b->w - b->r)
                     : wr_probe_answer_end(&ck->answer, NULL, 0);
}

static void
probe_check_read(struct wr_probe_check *ck)
{
    struct wr_conn *c = ck->c;
    enum wr_probe_verdict v = WR_PROBE_MORE;
    enum wr_io io;

    while (v == WR_PROBE_MORE && (io = wr_conn_recv(c, WR_BUF_BIG_BYTES)) != WR_IO_AGAIN) {
        if (io == WR_IO_ERR) {
            probe_check_end(ck, WR_PROBE_FAILED, probe_check_conn_error(c));
            return;
        }
        v = io == WR_IO_OK ? probe_check_take(ck) : probe_check_take_end(ck);
    }
    if (v == WR_PROBE_MORE) {
        wr_conn_settle_in(c); /* while it waits, it pins what it has to keep and no more */
    }
    probe_check_judged(ck, v);
}

/* ---- events ---- */

/* The connection is there, as requests would have it. */
static void
probe_check_on_ready(struct wr_probe_check *ck)
{
    if (ck->ask->head.n == 0) {
        probe_check_end(ck, WR_PROBE_PASSED, "");
    } else {
        probe_check_send(ck);
    }
}

static void
probe_check_on_hands(struct wr_probe_check *ck)
{
    enum wr_io io = ck->c->transport->handshake(ck->c);
    const char *why;

    if (io == WR_IO_OK) {
        probe_check_on_ready(ck);
    } else if (io != WR_IO_AGAIN) {
        snprintf(ck->why, sizeof(ck->why), "%s", wr_err_info[wr_back_tls_fault(ck->c, &why)].reason);
        if (why[0] != '\0') {
            size_t n = strlen(ck->why);
            snprintf(ck->why + n, sizeof(ck->why) - n, ": %s", why);
        }
        probe_check_end(ck, WR_PROBE_FAILED, ck->why);
    }
}

/* The server has taken the connection: from here on it has what is left of the time. */
static void
probe_check_shake_hands(struct wr_probe_check *ck)
{
    enum wr_err err =
        wr_back_tls_begin(ck->ask->secure, ck->c, ck->ask->upstream, ck->name, &ck->addrs[ck->at]);

    if (err != WR_E_NONE) {
        probe_check_end(ck, err == WR_E_UPSTREAM_TLS_SETUP ? WR_PROBE_NOT_MADE : WR_PROBE_FAILED,
                        wr_err_info[err].reason);
        return;
    }
    ck->state = WR_PROBE_SHAKING_HANDS;
    wr_conn_timer(ck->c, ck->deadline_ms);
    probe_check_on_hands(ck);
}

static void
probe_check_on_connecting(struct wr_probe_check *ck)
{
    enum wr_io io = wr_dial_result(ck->c);

    if (io == WR_IO_ERR) {
        probe_check_unreached(ck, ck->c->err);
    } else if (io == WR_IO_OK && ck->ask->upstream->conf.tls) {
        probe_check_shake_hands(ck);
    } else if (io == WR_IO_OK) {
        probe_check_on_ready(ck);
    }
}

static void
probe_check_on_event(struct wr_conn *c)
{
    struct wr_probe_check *ck = c->session;

    switch (ck->state) {
    case WR_PROBE_CONNECTING:
        probe_check_on_connecting(ck);
        break;
    case WR_PROBE_SHAKING_HANDS:
        probe_check_on_hands(ck);
        break;
    case WR_PROBE_ASKED:
        probe_check_read(ck);
        break;
    }
}

static void
probe_check_on_timer(struct wr_conn *c)
{
    struct wr_probe_check *ck = c->session;

    if (ck->state == WR_PROBE_CONNECTING) {
        probe_check_unreached(ck, ETIMEDOUT);
    } else if (ck->state == WR_PROBE_SHAKING_HANDS) {
        probe_check_end(ck, WR_PROBE_FAILED, wr_err_info[WR_E_UPSTREAM_TLS_TIMEOUT].reason);
    } else {
        probe_check_end(ck, WR_PROBE_FAILED, "timeout");
    }
}

static const struct wr_conn_owner probe_check_owner = {
    .name = "probe",
    .on_event = probe_check_on_event,
    .on_timer = probe_check_on_timer,
};

/* ---- the beginning ---- */

static void
probe_check_dial(struct wr_probe_check *ck)
{
    uint64_t now = wr_clock.mono_ms, left = ck->deadline_ms > now ? ck->deadline_ms - now : 0;

    ck->state = WR_PROBE_CONNECTING;
    ck->c = wr_dial(ck->loop, &ck->addrs[ck->at], &probe_check_owner, ck);
    if (ck->c == NULL) {
        probe_check_unreached(ck, errno);
        return;
    }
    wr_conn_timer(ck->c, now + left / (ck->addrs_n - ck->at));
    if (wr_dial_result(ck->c) == WR_IO_OK) {
        probe_check_on_connecting(ck);
    }
}

void
wr_probe_check_start(struct wr_probe_check *ck, const struct wr_addr *addrs, unsigned n)
{
    wr_assert(ck->c == NULL && n > 0);
    ck->addrs = addrs;
    ck->addrs_n = n;
    ck->at = 0;
    ck->refused = false;
    ck->deadline_ms = wr_clock.mono_ms + ck->ask->timeout_ms;
    probe_check_dial(ck);
}
