/*
 * Any bytes as a configuration: read, bound, checked.  What loads has to be
 * printed by -T as something that loads again and prints the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf/conf.h"

/* A module with a row of each type, so that none is out of reach. */
struct ini_conf {
    bool on;
    int flags;
    int64_t number;
    struct wr_rate rate;
    struct wr_words words;
    struct wr_cidrs nets;
    struct wr_map fields;
    struct wr_str text;
    struct wr_str thing;
};
struct ini_thing {
    uint64_t size;
};

static const struct wr_keyword ini_words[] = {{"one", 1}, {"two", 2}, {NULL, 0}};

#define ROW(key, type_, field, ...)                                                                          \
    {                                                                                                        \
        .name = key, .type = type_, .class_ = WR_CLASS_ROUTE, .where = WR_IN_SITE,                           \
        .offset = offsetof(struct ini_conf, field), __VA_ARGS__                                              \
    }

static const struct wr_directive ini_rows[] = {
    ROW("t.on", WR_T_BOOL, on, .preset = "on"),
    ROW("t.flags", WR_T_FLAGS, flags, .words = ini_words, .flags = WR_D_OFF, .preset = "off"),
    ROW("t.number", WR_T_INT, number, .min = 1, .max = 9, .preset = "5"),
    ROW("t.rate", WR_T_RATE, rate, .flags = WR_D_OFF, .preset = "off"),
    ROW("t.words", WR_T_WORDS, words, .flags = WR_D_OFF),
    ROW("t.nets", WR_T_CIDRS, nets, .preset = "none", .flags = WR_D_GUARD),
    ROW("t.field.*", WR_T_MAP, fields, .flags = WR_D_KEY_IS_HEADER),
    ROW("t.text", WR_T_TEXT, text, .flags = WR_D_OFF),
    ROW("t.thing", WR_T_NAME, thing, .ref = "thing", .flags = WR_D_OFF, .preset = "off"),
    {.name = NULL},
};
static const struct wr_directive ini_thing_rows[] = {
    {.name = "size",
     .type = WR_T_SIZE,
     .class_ = WR_CLASS_OWN,
     .where = WR_IN_OWN,
     .preset = "1k",
     .offset = offsetof(struct ini_thing, size)},
    {.name = NULL},
};
static const struct wr_directive_table ini_tables[] = {
    {ini_rows, WR_CLASS_ROUTE, sizeof(struct ini_conf), NULL},
    {ini_thing_rows, WR_CLASS_OWN, sizeof(struct ini_thing), "thing"},
    {NULL, WR_CLASS_OWN, 0, NULL},
};
static const struct wr_directive_table *const ini_modules[] = {ini_tables};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Loads the text; what -T prints of it, or NULL when it has errors. */
static char *
ini_load(struct wr_pool *pool, const char *text, size_t n)
{
    struct wr_conf cf;
    char *out = NULL;
    size_t out_n;

    wr_conf_init(&cf, pool);
    cf.sealed = true;
    cf.tables = ini_modules;
    cf.modules_n = 1;
    bool ok = wr_conf_load_text(&cf, "fuzz.ini", wr_str_make(text, n));
    FILE *to = open_memstream(&out, &out_n);

    if (ok) {
        wr_conf_dump(&cf, to);
    } else {
        wr_conf_print_messages(&cf, to, true);
    }
    fclose(to);
    if (!ok) {
        free(out);
        out = NULL;
    }
    return out;
}

/* Places differ: the lines without comments are compared. */
static bool
ini_same(const char *a, const char *b)
{
    for (;;) {
        while (*a == ';') {
            a = strchr(a, '\n') + 1;
        }
        while (*b == ';') {
            b = strchr(b, '\n') + 1;
        }
        if (!*a || !*b) {
            return *a == *b;
        }
        size_t n = strcspn(a, "\n") + 1;
        if (strncmp(a, b, n) != 0) {
            return false;
        }
        a += n;
        b += n;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_pool pool;
    /* a block of exactly this size: a read beyond is seen */
    char *text = malloc(size ? size : 1);

    memcpy(text, data, size);
    wr_pool_init(&pool);
    char *first = ini_load(&pool, text, size);

    wr_pool_reset(&pool);
    if (first) {
        char *second = ini_load(&pool, first, strlen(first));
        if (!second || !ini_same(first, second)) {
            fprintf(stderr, "-T does not read back:\n%s\n---\n%s\n", first, second ? second : "(errors)");
            abort();
        }
        free(second);
    }
    wr_pool_reset(&pool);
    free(first);
    free(text);
    return 0;
}
