/*
 * libinih does the walk; it never sees a byte of the file.
 *
 * As distributions build it, it cuts lines at 199 bytes and names at 49, ends
 * a section at the first ']', splits keys at ':', drops empty sections, has
 * no line numbers, takes an indented key for more of the value above, and
 * knows comments inside values.  So the reader here takes each line apart
 * first, keeps the parts in a table, and hands libinih a short surrogate that
 * holds nothing but a row number:
 *
 *     [server example.com]      [s12]
 *                               s=12      (so that an empty section is reported)
 *     proxy = localhost:80      k=13
 *
 * What libinih says (this key stands in that section) is looked up in the
 * table again.  It refuses: bytes that are no text, lines over 64 KiB,
 * lines that are neither.
 */
#include "core/conf/ini.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file with more unreadable lines than this is no configuration at all. */
#define INI_BAD_LINES_MOST 50
#define INI_ROWS 64
#define INI_RESERVE_BYTES ((size_t)1 << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct ini_row {
    unsigned line;
    bool section;
    bool bad;
    struct wr_str key; /* the head of a section */
    struct wr_str value;
};

struct ini_state {
    const struct wr_ini_events *ev;
    struct wr_str rest; /* what the reader has not seen */
    unsigned line;
    unsigned bad_lines;
    struct ini_row rows[INI_ROWS]; /* row i is rows[i % INI_ROWS]; libinih asks one line after the other */
    size_t rows_n;
    bool second; /* the last row is a section whose "s=" line is still to be handed out */
};

void *
wr_ini_grow(struct wr_pool *pool, void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) {
        return v;
    }
    size_t more = *cap > 0 ? *cap * 2 : 8;
    void *p = wr_pool_alloc(pool, more * size);

    if (n > 0) {
        memcpy(p, v, n * size);
    }
    *cap = more;
    return p;
}

void
wr_ini_reserve(struct wr_pool *pool, size_t n)
{
#ifndef WR_SANITIZE /* there every piece is to be a block of its own */
    size_t piece = WR_MAX(n + 64, INI_RESERVE_BYTES);

    if ((size_t)(pool->end - pool->pos) >= n ||
        (n < INI_RESERVE_BYTES && pool->used_bytes < INI_RESERVE_BYTES)) {
        return;
    }
    char *p = wr_pool_alloc(pool, piece);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1), to = ((uintptr_t)p + piece) & ~(page - 1);

    madvise((void *)from, to - from, MADV_POPULATE_WRITE); /* only faster: an older kernel refuses it */
    pool->pos = p;
    pool->end = p + piece;
#else
    (void)pool;
    (void)n;
#endif
}

/* Bytes of the UTF-8 sequence at p (at most n left); 0: not valid (RFC 3629). */
static size_t
ini_utf8_length(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (n < len || p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf) {
            return 0;
        }
    }
    return len;
}

/* Why these bytes are no line of text; NULL when they are.  *at is the column, counted in bytes from 1. */
static const char *
ini_bad_bytes(struct wr_str s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.p;

    for (size_t i = 0; i < s.n;) {
        *at = i + 1;
        if (p[i] >= 0x20 && p[i] < 0x7f) {
            i++;
        } else if (p[i] == '\t') {
            i++;
        } else if (p[i] == '\0') {
            return "a NUL byte";
        } else if (p[i] == '\r') {
            return "a carriage return that no line feed follows";
        } else if (p[i] < 0x20 || p[i] == 0x7f) {
            return "a control byte";
        } else {
            size_t len = ini_utf8_length(p + i, s.n - i);
            if (len == 0) {
                return "bytes that are not UTF-8";
            }
            if (len == 3 && memcmp(p + i, "\xef\xbb\xbf", 3) == 0) {
                return "a byte order mark inside the file";
            }
            i += len;
        }
    }
    return NULL;
}

static void
ini_error(struct ini_state *st, const char *text)
{
    st->ev->error(st->ev->arg, st->line, text);
}

/* Takes the next line off the file, without its end; false at the end. */
static bool
ini_line_take(struct ini_state *st, struct wr_str *line)
{
    if (st->rest.n == 0) {
        return false;
    }
    const char *lf = memchr(st->rest.p, '\n', st->rest.n);
    size_t n = lf ? (size_t)(lf - st->rest.p) : st->rest.n;
    size_t used = lf ? n + 1 : n;

    *line = wr_str_make(st->rest.p, n);
    st->rest = wr_str_make(st->rest.p + used, st->rest.n - used);
    st->line++;
    if (lf && n > 0 && line->p[n - 1] == '\r') {
        line->n--;
    }
    return true;
}

static struct ini_row *
ini_row_add(struct ini_state *st)
{
    struct ini_row *row = &st->rows[st->rows_n++ % INI_ROWS];

    memset(row, 0, sizeof(*row));
    row->line = st->line;
    return row;
}

static void
ini_section_line(struct ini_state *st, struct wr_str s)
{
    struct ini_row *row = ini_row_add(st);

    row->section = true;
    if (s.p[s.n - 1] != ']') {
        bool closed = wr_str_find(s, ']') >= 0;
        row->bad = true;
        ini_error(st,
                  closed ? "text after the closing \"]\": comments stand on lines of their own"
                         : "a section header needs a closing \"]\"");
        return;
    }
    row->key = wr_str_trim(wr_str_make(s.p + 1, s.n - 2));
}

/* Whether the line made a row. */
static bool
ini_key_line(struct ini_state *st, struct wr_str s)
{
    ptrdiff_t eq = wr_str_find(s, '=');

    if (eq < 0) {
        ptrdiff_t colon = wr_str_find(s, ':');
        ini_error(st,
                  colon > 0
                      ? "neither [section] nor key = value: \"=\" stands between key and value, not \":\""
                      : "neither [section] nor key = value");
        return false;
    }
    struct wr_str key = wr_str_trim(wr_str_make(s.p, (size_t)eq));

    if (key.n == 0) {
        ini_error(st, "no key in front of \"=\"");
        return false;
    }
    struct ini_row *row = ini_row_add(st);

    row->key = key;
    row->value = wr_str_trim(wr_str_make(s.p + eq + 1, s.n - (size_t)eq - 1));
    return true;
}

/* Whether the line is text; an unreadable section header makes a bad row so that no key goes astray. */
static bool
ini_line_ok(struct ini_state *st, struct wr_str line)
{
    char text[160];
    size_t at = 0;
    const char *why = line.n > WR_INI_LINE_MOST_BYTES ? "" : ini_bad_bytes(line, &at);

    if (!why) {
        return true;
    }
    if (*why == '\0') {
        snprintf(text, sizeof(text), "a line of %zu bytes; %d are the most", line.n, WR_INI_LINE_MOST_BYTES);
    } else {
        snprintf(text, sizeof(text), "%s in column %zu", why, at);
    }
    ini_error(st, text);
    if (++st->bad_lines == INI_BAD_LINES_MOST) {
        ini_error(st, "this is no text file: the rest is not read");
        st->rest.n = 0;
    }
    return false;
}

static char *
ini_surrogate(struct ini_state *st, char *buf, int size)
{
    const struct ini_row *row = &st->rows[(st->rows_n - 1) % INI_ROWS];
    bool head = row->section && !st->second;

    st->second = head;
    snprintf(buf, (size_t)size, head ? "[s%zu]\n" : row->section ? "s=%zu\n" : "k=%zu\n", st->rows_n - 1);
    return buf;
}

/* libinih's reader: fgets for surrogates. */
static char *
ini_next_surrogate(char *buf, int size, void *stream)
{
    struct ini_state *st = stream;
    struct wr_str line;

    if (st->second) {
        return ini_surrogate(st, buf, size);
    }
    while (ini_line_take(st, &line)) {
        struct wr_str s = wr_str_trim(line);

        if (!ini_line_ok(st, line)) {
            if (s.n == 0 || s.p[0] != '[') {
                continue;
            }
            struct ini_row *row = ini_row_add(st);
            row->section = row->bad = true;
        } else if (s.n == 0 || s.p[0] == ';' || s.p[0] == '#') {
            continue;
        } else if (s.p[0] == '[') {
            ini_section_line(st, s);
        } else if (!ini_key_line(st, s)) {
            continue;
        }
        return ini_surrogate(st, buf, size);
    }
    return NULL;
}

/* libinih's handler: one surrogate key and the section that it stands in. */
static int
ini_found(void *user, const char *section, const char *name, const char *value)
{
    struct ini_state *st = user;
    size_t i = strtoul(value, NULL, 10);

    wr_assert(i < st->rows_n && i + INI_ROWS >= st->rows_n);
    const struct ini_row *row = &st->rows[i % INI_ROWS];

    wr_assert(row->section == (name[0] == 's'));
    if (row->section) {
        wr_assert(strtoul(section + 1, NULL, 10) == i);
        st->ev->section(st->ev->arg, row->line, row->key, row->bad);
    } else if (section[0] == '\0') {
        st->ev->error(st->ev->arg, row->line, "a key in front of the first [section]");
    } else {
        st->ev->entry(st->ev->arg, row->line, row->key, row->value);
    }
    return 1;
}

void
wr_ini_read(struct wr_str bytes, const struct wr_ini_events *ev)
{
    struct ini_state st = {.ev = ev, .rest = bytes};

    if (bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0) {
        st.rest = wr_str_make(bytes.p + 3, bytes.n - 3);
    }
    int rc = ini_parse_stream(ini_next_surrogate, &st, ini_found, &st);

    /* a surrogate is never malformed: anything else is a libinih that works in another way */
    wr_assert(rc == 0);
}
