/*
 * Free names (hosts, upstreams, paths) that one letter tells apart: one of
 * the two is likely a slip.  It refuses to warn where such names are
 * ordinary: app1 and app2, a and b, user and users.
 */
#include "core/conf/model_build.h"

#include <stdlib.h>

#define MODEL_NEAR_RUN_MOST 32     /* names that share a neighbour */
#define MODEL_NEAR_SEGMENT_LEAST 4 /* letters of the segment that differs */

/* A name with one letter left out: two names that one edit tells apart have such a neighbour in common. */
struct model_near_row {
    uint64_t hash;
    uint32_t name;
};

static int
model_near_compare(const void *a, const void *b)
{
    const struct model_near_row *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->name < y->name ? -1 : x->name > y->name;
}

/* FNV-1a over s without the byte at `skip`. */
static uint64_t
model_near_hash(struct wr_str s, size_t skip)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.n; i++) {
        if (i != skip) {
            h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
        }
    }
    return h;
}

static bool
model_near_ends_segment(char c)
{
    return c == '.' || c == '/' || c == '-' || c == '_';
}

/* Letters of the segment of s that position `at` is in. */
static size_t
model_near_segment(struct wr_str s, size_t at)
{
    size_t from = at, to = at;

    while (from > 0 && !model_near_ends_segment(s.p[from - 1])) {
        from--;
    }
    while (to < s.n && !model_near_ends_segment(s.p[to])) {
        to++;
    }
    return to - from;
}

/* Whether the letter that tells them apart looks like a slip and not like a number or a plural. */
static bool
model_near_is_slip(struct wr_str a, struct wr_str b)
{
    size_t at = 0, longer = WR_MAX(a.n, b.n);
    struct wr_str l = a.n >= b.n ? a : b, s = a.n >= b.n ? b : a;

    if (wr_str_eq(a, b) || wr_str_distance(a, b, 1) != 1) {
        return false;
    }
    while (at < s.n && l.p[at] == s.p[at]) {
        at++;
    }
    char x = l.p[at], y = at < s.n ? s.p[at] : '\0';

    if ((x >= '0' && x <= '9') || (y >= '0' && y <= '9')) {
        return false;
    }
    if (l.n > s.n && x == 's' && (at + 1 == longer || model_near_ends_segment(l.p[at + 1]))) {
        return false;
    }
    return !model_near_ends_segment(x) && model_near_segment(l, at) >= MODEL_NEAR_SEGMENT_LEAST;
}

static void
model_near_pair(struct wr_model_build *mb, const char *what, const struct wr_model_name *a,
                const struct wr_model_name *b)
{
    if (model_near_is_slip(a->text, b->text)) {
        wr_conf_warn(mb->cf, b->place, "the %s %s is one letter away from %s (%s)", what,
                     wr_conf_shown(mb->pool, b->text), wr_conf_shown(mb->pool, a->text),
                     wr_conf_place_text(mb->pool, a->place));
    }
}

void
wr_conf_model_near(struct wr_model_build *mb, const char *what, const struct wr_model_name *names, size_t n)
{
    size_t rows_n = 0;

    if (n < 2 || n > WR_MODEL_NEAR_MOST) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        rows_n += WR_MIN(names[i].text.n, (size_t)96) + 1;
    }
    struct model_near_row *rows = wr_pool_alloc(mb->pool, rows_n * sizeof(*rows));

    rows_n = 0;
    for (size_t i = 0; i < n; i++) {
        struct wr_str s = names[i].text;
        for (size_t k = 0; k <= s.n && s.n <= 96; k++) {
            rows[rows_n++] = (struct model_near_row){model_near_hash(s, k), (uint32_t)i};
        }
    }
    qsort(rows, rows_n, sizeof(*rows), model_near_compare);
    for (size_t i = 0; i < rows_n; i++) {
        for (size_t k = i + 1; k < rows_n && k < i + MODEL_NEAR_RUN_MOST && rows[k].hash == rows[i].hash;
             k++) {
            if (rows[k].name != rows[i].name) {
                model_near_pair(mb, what, &names[rows[i].name], &names[rows[k].name]);
            }
        }
    }
}
