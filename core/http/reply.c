/*
 * Texts for commands.
 */
#include "core/http/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/fmt.h"

#define REPLY_FIRST_BYTES 4096

void
wr_reply_fini(struct wr_reply *a)
{
    free(a->p);
    *a = (struct wr_reply){0};
}

/* Room for n bytes behind what is there; NULL: it is full. */
static char *
reply_room(struct wr_reply *a, size_t n)
{
    if (a->full || n > WR_REPLY_BYTES - a->n) {
        a->full = true;
        return NULL;
    }
    if (a->cap - a->n < n) {
        size_t cap = WR_MAX(a->cap * 2, (size_t)REPLY_FIRST_BYTES);
        a->cap = WR_MIN(WR_MAX(cap, a->n + n), (size_t)WR_REPLY_BYTES);
        a->p = wr_realloc(a->p, a->cap);
    }
    return a->p + a->n;
}

void
wr_reply_mem(struct wr_reply *a, const char *p, size_t n)
{
    char *to = reply_room(a, n);

    if (to != NULL && n > 0) {
        memcpy(to, p, n);
        a->n += n;
    }
}

void
wr_reply_str(struct wr_reply *a, struct wr_str s)
{
    wr_reply_mem(a, s.p, s.n);
}

void
wr_reply_printf(struct wr_reply *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *to = n > 0 ? reply_room(a, (size_t)n + 1) : NULL;
    if (to != NULL) {
        va_start(ap, fmt);
        vsnprintf(to, (size_t)n + 1, fmt, ap);
        va_end(ap);
        a->n += (size_t)n;
    }
}

void
wr_reply_escaped(struct wr_reply *a, struct wr_str s)
{
    char *to = reply_room(a, 4 * s.n + 8);

    if (to != NULL) {
        a->n += wr_escape(to, 4 * s.n + 8, s, WR_ESCAPE_LOG);
    }
}

void
wr_reply_duration(struct wr_reply *a, uint64_t ms)
{
    unsigned long long s = ms / 1000;

    if (s == 0) {
        wr_reply_printf(a, "%llums", (unsigned long long)ms);
    } else if (s < 60) {
        wr_reply_printf(a, "%llus", s);
    } else if (s < 3600) {
        wr_reply_printf(a, "%llum%02llus", s / 60, s % 60);
    } else if (s < 86400) {
        wr_reply_printf(a, "%lluh%02llum", s / 3600, s / 60 % 60);
    } else {
        wr_reply_printf(a, "%llud%02lluh", s / 86400, s / 3600 % 24);
    }
}

/* ---- JSON ---- */

/* A comma where one is due, and the key; keys are words of weir's own. */
static void
reply_key(struct wr_reply *a, const char *key)
{
    if (a->comma) {
        wr_reply_mem(a, ",", 1);
    }
    if (key != NULL) {
        wr_reply_printf(a, "\"%s\":", key);
    }
    a->comma = true;
}

void
wr_reply_open(struct wr_reply *a, const char *key, char bracket)
{
    reply_key(a, key);
    wr_reply_mem(a, &bracket, 1);
    a->comma = false;
}

void
wr_reply_close(struct wr_reply *a, char bracket)
{
    wr_reply_mem(a, &bracket, 1);
    a->comma = true;
}

void
wr_reply_put_str(struct wr_reply *a, const char *key, struct wr_str s)
{
    reply_key(a, key);
    wr_reply_mem(a, "\"", 1);
    char *to = reply_room(a, 6 * s.n);
    if (to != NULL) {
        a->n += wr_escape(to, 6 * s.n, s, WR_ESCAPE_JSON);
    }
    wr_reply_mem(a, "\"", 1);
}

void
wr_reply_put_u64(struct wr_reply *a, const char *key, uint64_t v)
{
    reply_key(a, key);
    wr_reply_printf(a, "%llu", (unsigned long long)v);
}

void
wr_reply_put_bool(struct wr_reply *a, const char *key, bool v)
{
    reply_key(a, key);
    wr_reply_printf(a, v ? "true" : "false");
}

void
wr_reply_put_null(struct wr_reply *a, const char *key)
{
    reply_key(a, key);
    wr_reply_printf(a, "null");
}

/* ---- tables ---- */

/* Takes the next cell off *rest; *last: it ends its row. */
static struct wr_str
reply_cell(struct wr_str *rest, bool *last)
{
    size_t n = 0;

    while (n < rest->n && rest->p[n] != '\t' && rest->p[n] != '\n') {
        n++;
    }
    struct wr_str cell = wr_str_make(rest->p, n);
    *last = n == rest->n || rest->p[n] == '\n';
    n += n < rest->n;
    *rest = wr_str_make(rest->p + n, rest->n - n);
    return cell;
}

static void
reply_pad(struct wr_reply *a, size_t n)
{
    char *to = reply_room(a, n);

    if (to != NULL) {
        memset(to, ' ', n);
        a->n += n;
    }
}

void
wr_reply_columns(struct wr_reply *a, size_t from)
{
    size_t width[WR_REPLY_COLUMNS] = {0}, column = 0;
    struct wr_str all = wr_str_make(a->p + from, a->n - from), rest = all;
    struct wr_reply set = {0};
    bool last;

    while (rest.n > 0) {
        struct wr_str cell = reply_cell(&rest, &last);
        wr_assert(column < WR_REPLY_COLUMNS);
        width[column] = WR_MAX(width[column], cell.n);
        column = last ? 0 : column + 1;
    }
    for (rest = all, column = 0; rest.n > 0;) {
        struct wr_str cell = reply_cell(&rest, &last);
        wr_reply_str(&set, cell);
        if (last) {
            wr_reply_mem(&set, "\n", 1);
        } else {
            reply_pad(&set, width[column] - cell.n + 2);
        }
        column = last ? 0 : column + 1;
    }
    a->n = from;
    a->full = a->full || set.full;
    wr_reply_mem(a, set.p, set.n);
    wr_reply_fini(&set);
}
