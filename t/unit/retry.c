/* core/upstream/retry: what is tried again, and where. */
#include "core/upstream/retry.h"

#include "t/unit/tap.h"

static const struct wr_retry_conf preset = {.connect = true, .idempotent = true, .times = 2};
static const struct wr_retry_conf statuses = {.times = 1, .statuses = {502, 503}, .statuses_n = 2};
static const struct wr_retry_conf off = {0};

/* A first attempt on a fresh connection that sent the whole request, with two more servers. */
#define SENT .wrote = true, .body_held = true, .servers_left = true, .conf = &preset

static const struct {
    const char *name;
    struct wr_retry_facts f;
    enum wr_retry want;
    enum wr_err reason;
} retry_cases[] = {
    {"refused: another server",
     {.why = WR_E_UPSTREAM_CONNECT, .body_held = true, .servers_left = true, .conf = &preset},
     WR_RETRY_SERVER,
     WR_E_UPSTREAM_CONNECT},
    {"refused, with another address: that first",
     {.why = WR_E_UPSTREAM_CONNECT,
      .body_held = true,
      .servers_left = true,
      .more_addresses = true,
      .conf = &preset},
     WR_RETRY_ADDRESS,
     WR_E_UPSTREAM_CONNECT},
    {"refused with retry off: the next address is still part of connecting",
     {.why = WR_E_UPSTREAM_CONNECT,
      .body_held = true,
      .servers_left = true,
      .more_addresses = true,
      .conf = &off},
     WR_RETRY_ADDRESS,
     WR_E_UPSTREAM_CONNECT},
    {"refused with retry off: no",
     {.why = WR_E_UPSTREAM_CONNECT, .body_held = true, .servers_left = true, .conf = &off},
     WR_RETRY_NO,
     WR_E_UPSTREAM_CONNECT},
    {"refused by all: no",
     {.why = WR_E_UPSTREAM_CONNECT, .body_held = true, .conf = &preset},
     WR_RETRY_NO,
     WR_E_UPSTREAM_CONNECT},
    {"refused for the third time: no",
     {.why = WR_E_UPSTREAM_CONNECT, .body_held = true, .servers_left = true, .retries = 2, .conf = &preset},
     WR_RETRY_NO,
     WR_E_UPSTREAM_CONNECT},
    {"a handshake that failed: another server, like a connection that was not made",
     {.why = WR_E_UPSTREAM_TLS_EXPIRED, .body_held = true, .servers_left = true, .conf = &preset},
     WR_RETRY_SERVER,
     WR_E_UPSTREAM_TLS_EXPIRED},
    {"... with another address: that first",
     {.why = WR_E_UPSTREAM_TLS_TIMEOUT,
      .body_held = true,
      .servers_left = true,
      .more_addresses = true,
      .conf = &preset},
     WR_RETRY_ADDRESS,
     WR_E_UPSTREAM_TLS_TIMEOUT},
    {"... with retry off: no",
     {.why = WR_E_UPSTREAM_TLS_NAME, .body_held = true, .servers_left = true, .conf = &off},
     WR_RETRY_NO,
     WR_E_UPSTREAM_TLS_NAME},
    {"an alert behind the request (TLS 1.3 refuses a client so late) of a POST: no",
     {.why = WR_E_UPSTREAM_TLS_ALERT, SENT},
     WR_RETRY_NO,
     WR_E_UPSTREAM_TLS_ALERT},
    {"TLS that weir cannot begin: no, with nobody",
     {.why = WR_E_UPSTREAM_TLS_SETUP,
      .body_held = true,
      .servers_left = true,
      .more_addresses = true,
      .conf = &preset},
     WR_RETRY_NO,
     WR_E_UPSTREAM_TLS_SETUP},
    {"reset after a GET: another server",
     {.why = WR_E_UPSTREAM_RESET, .idempotent = true, SENT},
     WR_RETRY_SERVER,
     WR_E_UPSTREAM_RESET},
    {"reset after a POST: no", {.why = WR_E_UPSTREAM_RESET, SENT}, WR_RETRY_NO, WR_E_UPSTREAM_RESET},
    {"silent after a GET: another server",
     {.why = WR_E_UPSTREAM_FIRST_BYTE, .idempotent = true, SENT},
     WR_RETRY_SERVER,
     WR_E_UPSTREAM_FIRST_BYTE},
    {"nonsense instead of a head: another server",
     {.why = WR_E_UPSTREAM_BAD_STATUS_LINE, .idempotent = true, .got_byte = true, SENT},
     WR_RETRY_SERVER,
     WR_E_UPSTREAM_BAD_STATUS_LINE},
    {"cut off inside the body: no",
     {.why = WR_E_UPSTREAM_TRUNCATED,
      .idempotent = true,
      .got_byte = true,
      .got_head = true,
      .head_sent = true,
      SENT},
     WR_RETRY_NO,
     WR_E_UPSTREAM_TRUNCATED},
    {"a body that is not held any more: no",
     {.why = WR_E_UPSTREAM_RESET, .idempotent = true, .wrote = true, .servers_left = true, .conf = &preset},
     WR_RETRY_NO,
     WR_E_UPSTREAM_RESET},
    {"a pooled connection that was dead: the same server afresh",
     {.why = WR_E_UPSTREAM_CLOSED, .reused = true, .idempotent = true, SENT},
     WR_RETRY_FRESH,
     WR_E_UPSTREAM_CLOSED_REUSED},
    {"... also with retry off, it was nobody's fault",
     {.why = WR_E_UPSTREAM_RESET,
      .reused = true,
      .idempotent = true,
      .wrote = true,
      .body_held = true,
      .conf = &off},
     WR_RETRY_FRESH,
     WR_E_UPSTREAM_CLOSED_REUSED},
    {"... under a POST: no",
     {.why = WR_E_UPSTREAM_CLOSED, .reused = true, SENT},
     WR_RETRY_NO,
     WR_E_UPSTREAM_CLOSED_REUSED},
    {"... for the second time: another server",
     {.why = WR_E_UPSTREAM_CLOSED, .reused = true, .idempotent = true, .fresh_retry_used = true, SENT},
     WR_RETRY_SERVER,
     WR_E_UPSTREAM_CLOSED_REUSED},
    {"a status that is named: another server",
     {.why = WR_E_UPSTREAM_STATUS,
      .status = 503,
      .idempotent = true,
      .got_byte = true,
      .got_head = true,
      .wrote = true,
      .body_held = true,
      .servers_left = true,
      .conf = &statuses},
     WR_RETRY_SERVER,
     WR_E_UPSTREAM_STATUS},
    {"... to a POST: no",
     {.why = WR_E_UPSTREAM_STATUS,
      .status = 503,
      .got_byte = true,
      .got_head = true,
      .wrote = true,
      .body_held = true,
      .servers_left = true,
      .conf = &statuses},
     WR_RETRY_NO,
     WR_E_UPSTREAM_STATUS},
    {"a status that is not: no",
     {.why = WR_E_UPSTREAM_STATUS,
      .status = 500,
      .idempotent = true,
      .got_byte = true,
      .got_head = true,
      .wrote = true,
      .body_held = true,
      .servers_left = true,
      .conf = &statuses},
     WR_RETRY_NO,
     WR_E_UPSTREAM_STATUS},
    {"statuses alone: a reset is not tried again",
     {.why = WR_E_UPSTREAM_RESET,
      .idempotent = true,
      .wrote = true,
      .body_held = true,
      .servers_left = true,
      .conf = &statuses},
     WR_RETRY_NO,
     WR_E_UPSTREAM_RESET},
};

/* Who is to blame for it: that counts for eject. */
static void
retry_test_faults(void)
{
    static const enum wr_err theirs[] = {WR_E_UPSTREAM_CONNECT,    WR_E_UPSTREAM_TLS_EXPIRED,
                                         WR_E_UPSTREAM_TLS_ISSUER, WR_E_UPSTREAM_TLS_TIMEOUT,
                                         WR_E_UPSTREAM_TLS_ALERT,  WR_E_UPSTREAM_TRUNCATED};
    static const enum wr_err nobodys[] = {WR_E_TUNNEL_IDLE, WR_E_UPSTREAM_TLS_SETUP};
    struct wr_retry_facts f = {.conf = &preset};

    for (size_t i = 0; i < WR_ARRAY_LEN(theirs); i++) {
        f.why = theirs[i];
        tap_ok(wr_retry_is_fault(&f), "%s is the server's fault", wr_err_info[f.why].reason);
    }
    for (size_t i = 0; i < WR_ARRAY_LEN(nobodys); i++) {
        f.why = nobodys[i];
        tap_ok(!wr_retry_is_fault(&f), "%s is not", wr_err_info[f.why].reason);
    }
    f = (struct wr_retry_facts){.why = WR_E_UPSTREAM_CLOSED, .reused = true, .conf = &preset};
    tap_ok(!wr_retry_is_fault(&f), "nor is a pooled connection that was dead");
    f.got_byte = true;
    tap_ok(wr_retry_is_fault(&f), "one that died within a response is");
}

int
main(void)
{
    retry_test_faults();
    for (size_t i = 0; i < WR_ARRAY_LEN(retry_cases); i++) {
        enum wr_err reason = WR_E_NONE;
        enum wr_retry got = wr_retry_decide(&retry_cases[i].f, &reason);
        tap_ok(got == retry_cases[i].want && reason == retry_cases[i].reason, "%s", retry_cases[i].name);
    }
    return tap_done();
}
