/*
 * Lines of weir explain.  Whatever was typed or stands in a file is escaped
 * before it reaches a terminal.
 */
#include "core/http/explain.h"

#include <stdarg.h>

#include "core/base/fmt.h"
#include "core/conf/conf.h"

const char *
wr_explain_text(const struct wr_explain *ex, struct wr_str s)
{
    size_t room = s.n * 4 + 1;
    char *p = wr_pool_alloc(&ex->r->pool, room);

    p[wr_escape(p, room - 1, s, WR_ESCAPE_COMBINED)] = '\0';
    return p;
}

WR_PRINTF(6, 0)
static void
explain_line(const struct wr_explain *ex, const char *indent, const char *what, struct wr_str name,
             struct wr_place place, const char *why, va_list args)
{
    fprintf(ex->to, "%s%s:", indent, what);
    if (name.n > 0) {
        fprintf(ex->to, " %s", wr_explain_text(ex, name));
    }
    if (place.file) {
        fprintf(ex->to, " (%s)", wr_conf_place_text(&ex->r->pool, place));
    }
    if (why[0] != '\0') {
        fputs(name.n > 0 || place.file ? ": " : " ", ex->to);
        vfprintf(ex->to, why, args);
    }
    fputc('\n', ex->to);
}

void
wr_explain_say(const struct wr_explain *ex, const char *what, struct wr_str name, struct wr_place place,
               const char *why, ...)
{
    va_list args;

    va_start(args, why);
    explain_line(ex, "", what, name, place, why, args);
    va_end(args);
}

void
wr_explain_lost(const struct wr_explain *ex, struct wr_str name, struct wr_place place, const char *why, ...)
{
    va_list args;

    va_start(args, why);
    explain_line(ex, "    ", "not", name, place, why, args);
    va_end(args);
}

/* The place of the core row of that class with that offset. */
static struct wr_place
explain_place(enum wr_class class_, const struct wr_places *places, size_t offset)
{
    size_t row = 0;

    for (const struct wr_directive_table *t = wr_core_tables; t->rows; t++) {
        for (size_t i = 0; t->class_ == class_ && t->rows[i].name; i++, row++) {
            if (t->rows[i].offset == offset && row < places->n) {
                return places->v[row];
            }
        }
    }
    return (struct wr_place){0};
}

struct wr_place
wr_explain_route_place(const struct wr_route *rt, size_t offset)
{
    return explain_place(WR_CLASS_ROUTE, &rt->places, offset);
}

struct wr_place
wr_explain_server_place(const struct wr_server *server, size_t offset)
{
    return explain_place(WR_CLASS_SERVER, &server->places, offset);
}

struct wr_place
wr_explain_weir_place(const struct wr_model *m, size_t offset)
{
    return explain_place(WR_CLASS_WEIR, &m->weir_places, offset);
}
