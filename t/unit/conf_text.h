#ifndef T_UNIT_CONF_TEXT_H
#define T_UNIT_CONF_TEXT_H

/*
 * Configurations as texts: one is loaded at a time, the one before is freed.
 *
 *     ct_load("[server a]\nupstream = localhost:80\n");
 *     ct_says("t.ini:2: error: ...", "name of the test");
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/conf/conf.h"
#include "t/unit/tap.h"

static struct wr_pool ct_pool;
static struct wr_conf ct_conf;
static char *ct_out; /* the messages */
static const struct wr_directive_table *const *ct_tables;
static size_t ct_tables_n;

static inline void
ct_begin(void)
{
    wr_pool_reset(&ct_pool);
    free(ct_out);
    ct_out = NULL;
    wr_conf_init(&ct_conf, &ct_pool);
    ct_conf.tables = ct_tables;
    ct_conf.modules_n = ct_tables_n;
}

static inline void
ct_end(void)
{
    size_t n;
    FILE *f = open_memstream(&ct_out, &n);

    wr_conf_print_messages(&ct_conf, f, true);
    fclose(f);
}

static inline bool
ct_load_bytes(const char *p, size_t n)
{
    ct_begin();
    bool ok = wr_conf_load_text(&ct_conf, "t.ini", wr_str_make(p, n));

    ct_end();
    return ok;
}

static inline bool
ct_load(const char *text)
{
    return ct_load_bytes(text, strlen(text));
}

/* A file that is read: what one can only see there. */
static inline bool
ct_load_file(const char *path)
{
    ct_begin();
    bool ok = wr_conf_load(&ct_conf, path);

    ct_end();
    return ok;
}

static inline void
ct_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* A line of the messages begins with `line`. */
static inline bool
ct_has(const char *line)
{
    size_t n = strlen(line);

    for (const char *p = ct_out; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        if (strncmp(p, line, n) == 0) {
            return true;
        }
    }
    return false;
}

static inline void
ct_diag(void)
{
    for (const char *p = ct_out; p && *p;) {
        const char *end = strchr(p, '\n');
        printf("#   %.*s\n", (int)(end ? end - p : (ptrdiff_t)strlen(p)), p);
        p = end ? end + 1 : NULL;
    }
}

#define ct_says(line, ...)                                                                                   \
    do {                                                                                                     \
        if (!tap_ok(ct_has(line), __VA_ARGS__)) {                                                            \
            printf("#   not said: %s\n", line);                                                              \
            ct_diag();                                                                                       \
        }                                                                                                    \
    } while (0)

#define ct_silent(...)                                                                                       \
    do {                                                                                                     \
        if (!tap_ok(ct_out && *ct_out == '\0', __VA_ARGS__)) {                                               \
            ct_diag();                                                                                       \
        }                                                                                                    \
    } while (0)

/* -T as a string that the caller frees. */
static inline char *
ct_dump(void)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    wr_conf_dump(&ct_conf, f);
    fclose(f);
    return text;
}

/* The route of the first server by its pattern and label. */
static inline struct wr_route *
ct_route(size_t server, const char *pattern, const char *label)
{
    const struct wr_server *s = ct_conf.model->servers[server];

    for (size_t i = 0; i < s->routes_n; i++) {
        struct wr_route *r = s->routes[i];
        if (wr_str_eq(r->pattern, wr_str_of(pattern)) && wr_str_eq(r->label, wr_str_of(label))) {
            return r;
        }
    }
    return NULL;
}

#endif
