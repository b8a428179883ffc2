/*
 * Strings as pointer and length: comparing, splitting, numbers.  It refuses
 * to allocate and to know any encoding beyond ASCII.
 */
#include "core/base/str.h"

/* Names compared for a suggestion are short; a longer one has no near neighbour worth naming. */
#define STR_DISTANCE_MOST_BYTES 96

bool
wr_str_ieq(struct wr_str a, struct wr_str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (wr_lower(a.p[i]) != wr_lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

bool
wr_str_starts(struct wr_str s, struct wr_str prefix)
{
    return s.n >= prefix.n && wr_str_eq(wr_str_make(s.p, prefix.n), prefix);
}

bool
wr_str_ends(struct wr_str s, struct wr_str suffix)
{
    if (suffix.n == 0) {
        return true;
    }
    return s.n >= suffix.n && memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0;
}

int
wr_str_cmp(struct wr_str a, struct wr_str b)
{
    size_t n = WR_MIN(a.n, b.n);
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return (a.n > b.n) - (a.n < b.n);
}

ptrdiff_t
wr_str_find(struct wr_str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

static bool
str_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct wr_str
wr_str_trim(struct wr_str s)
{
    while (s.n > 0 && str_is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && str_is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

bool
wr_str_word(struct wr_str *rest, struct wr_str *word)
{
    struct wr_str s = wr_str_trim(*rest);
    size_t i = 0;

    while (i < s.n && !str_is_blank(s.p[i])) {
        i++;
    }
    *word = wr_str_make(s.p, i);
    *rest = i > 0 ? wr_str_make(s.p + i, s.n - i) : s;
    return i > 0;
}

/* Where the member that starts s ends: at a comma outside quotes, or at the end. */
static size_t
str_member_end(struct wr_str s)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < s.n; i++) {
        char c = s.p[i];
        if (quoted && c == '\\') {
            i++; /* the escaped byte neither ends the string nor separates */
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            return i;
        }
    }
    return s.n; /* i may be one beyond: a backslash was the last byte */
}

bool
wr_str_member(struct wr_str *rest, struct wr_str *member)
{
    while (rest->n > 0) {
        size_t end = str_member_end(*rest);
        size_t used = end < rest->n ? end + 1 : end;

        *member = wr_str_trim(wr_str_make(rest->p, end));
        *rest = wr_str_make(rest->p + used, rest->n - used);
        if (member->n > 0) {
            return true;
        }
    }
    *member = WR_STR_NONE;
    return false;
}

bool
wr_str_u64(struct wr_str s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';
        if (digit > 9 || digit > max || v > (max - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool
wr_str_eq_secret(struct wr_str a, struct wr_str b)
{
    /* volatile: the compiler may not find out that the answer is known early */
    volatile unsigned char diff = 0;

    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        diff = (unsigned char)(diff | (a.p[i] ^ b.p[i]));
    }
    return diff == 0;
}

void
wr_str_lower(char *dst, struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        dst[i] = wr_lower(s.p[i]);
    }
}

/* One cell of the table of edits: the cheapest way to make the first i bytes of a the first j of b. */
static unsigned
str_distance_cell(struct wr_str a, struct wr_str b, size_t i, size_t j,
                  unsigned char (*row)[STR_DISTANCE_MOST_BYTES + 1])
{
    unsigned best = row[1][j - 1] + (a.p[i - 1] != b.p[j - 1]);

    best = WR_MIN(best, row[1][j] + 1U);
    best = WR_MIN(best, row[2][j - 1] + 1U);
    if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1]) {
        best = WR_MIN(best, row[0][j - 2] + 1U);
    }
    return best;
}

unsigned
wr_str_distance(struct wr_str a, struct wr_str b, unsigned most)
{
    /* the row before the last, the last, the one being filled (optimal string alignment) */
    unsigned char row[3][STR_DISTANCE_MOST_BYTES + 1];
    size_t longer = WR_MAX(a.n, b.n);

    if (longer - WR_MIN(a.n, b.n) > most || longer > STR_DISTANCE_MOST_BYTES) {
        return wr_str_eq(a, b) ? 0 : most + 1;
    }
    memset(row, 0, sizeof(row));
    for (size_t j = 0; j <= b.n; j++) {
        row[2][j] = (unsigned char)j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        memmove(row[0], row[1], sizeof(row[0]) * 2);
        row[2][0] = (unsigned char)i;
        for (size_t j = 1; j <= b.n; j++) {
            row[2][j] = (unsigned char)str_distance_cell(a, b, i, j, row);
        }
    }
    return WR_MIN((unsigned)row[2][b.n], most + 1);
}
