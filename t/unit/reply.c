/* core/http/reply: tables, JSON, durations, and its bound. */
#include "core/http/reply.h"

#include <stdlib.h>

#include "t/unit/tap.h"

static const char *
reply_text(struct wr_reply *a)
{
    wr_reply_mem(a, "", 1);
    return a->p;
}

static void
reply_test_columns(void)
{
    struct wr_reply a = {0};

    wr_reply_printf(&a, "before\t%d\n", 1);
    size_t from = a.n;
    wr_reply_printf(&a, "NAME\tN\tEND\nlonger name\t12345\tx\n\t\t\nz\n");
    wr_reply_columns(&a, from);
    tap_is_str(reply_text(&a),
               "before\t1\n"
               "NAME         N      END\n"
               "longer name  12345  x\n"
               "                    \n"
               "z\n",
               "cells stand in columns, and what was there before is left alone");
    wr_reply_fini(&a);
}

static void
reply_test_json(void)
{
    struct wr_reply a = {0};

    wr_reply_open(&a, NULL, '{');
    wr_reply_put_u64(&a, "n", UINT64_MAX);
    wr_reply_open(&a, "list", '[');
    wr_reply_put_str(&a, NULL, WR_STR("a\"b\n\xff"));
    wr_reply_put_null(&a, NULL);
    wr_reply_open(&a, NULL, '{');
    wr_reply_close(&a, '}');
    wr_reply_close(&a, ']');
    wr_reply_put_bool(&a, "yes", true);
    wr_reply_put_bool(&a, "no", false);
    wr_reply_close(&a, '}');
    tap_is_str(reply_text(&a),
               "{\"n\":18446744073709551615,\"list\":[\"a\\\"b\\u000a\\ufffd\",null,{}],\"yes\":true,\"no\":"
               "false}",
               "JSON with commas where they are due, whatever the bytes are");
    wr_reply_fini(&a);
}

static void
reply_test_texts(void)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } durations[] = {{0, "0ms"},          {999, "999ms"},      {1000, "1s"},       {59999, "59s"},
                     {60000, "1m00s"},    {192000, "3m12s"},   {7500000, "2h05m"}, {86399999, "23h59m"},
                     {86400000, "1d00h"}, {356400000, "4d03h"}};

    for (size_t i = 0; i < WR_ARRAY_LEN(durations); i++) {
        struct wr_reply a = {0};
        wr_reply_duration(&a, durations[i].ms);
        tap_is_str(reply_text(&a), durations[i].text, "%s", durations[i].text);
        wr_reply_fini(&a);
    }
    struct wr_reply a = {0};
    wr_reply_escaped(&a, WR_STR("a\tb\x1b["));
    tap_is_str(reply_text(&a), "a\\x09b\\x1B[", "no control byte reaches a terminal");
    wr_reply_fini(&a);
}

static void
reply_test_bound(void)
{
    struct wr_reply a = {0};
    char *piece = calloc(1, 1 << 20);

    for (unsigned i = 0; i < 16; i++) {
        wr_reply_mem(&a, piece, 1 << 20);
    }
    tap_ok(!a.full && a.n == WR_REPLY_BYTES, "16 MiB fit");
    wr_reply_mem(&a, "x", 1);
    tap_ok(a.full && a.n == WR_REPLY_BYTES, "a byte more does not");
    wr_reply_fini(&a);
    free(piece);
}

int
main(void)
{
    reply_test_columns();
    reply_test_json();
    reply_test_texts();
    reply_test_bound();
    return tap_done();
}
