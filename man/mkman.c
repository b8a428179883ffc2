/*
 * Fills in what manuals and the completion say of keys and reasons, from the
 * tables that the program itself works by:
 *
 *     mkman ini <weir.ini.5.in        @KEYS server@ @OWN@ @VARIABLES@ @FUTURE@
 *     mkman reasons <weir-reasons.7.in    @REASONS@
 *     mkman completion <...in         @DIRECTIVES@
 *
 * A placeholder stands on a line of its own; all other lines are copied.  It
 * refuses a placeholder that it does not know.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/conf/types.h"
#include "core/module.h"

#define MKMAN_COLUMNS 76

static struct wr_pool mkman_pool;
static size_t mkman_column; /* of the text line being written; 0: at its beginning */

/* ---------------------------------------------------------------- mdoc text */

static void
mkman_end_line(void)
{
    if (mkman_column > 0) {
        putchar('\n');
    }
    mkman_column = 0;
}

/* Bytes with what roff would take for its own escaped. */
static void
mkman_escaped(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\\') {
            fputs("\\e", stdout);
        } else {
            putchar(p[i]);
        }
    }
}

/* A word of running text; a sentence ends its line. */
static void
mkman_word(const char *p, size_t n)
{
    if (mkman_column > 0 && mkman_column + 1 + n > MKMAN_COLUMNS) {
        mkman_end_line();
    }
    if (mkman_column > 0) {
        putchar(' ');
    } else if (*p == '.' || *p == '\'') {
        fputs("\\&", stdout);
    }
    mkman_escaped(p, n);
    mkman_column += n + 1;
    size_t end = n;

    while (end > 0 && strchr(")\"", p[end - 1])) {
        end--;
    }
    if (end > 0 && strchr(".!?", p[end - 1])) {
        mkman_end_line();
    }
}

/* An argument of a macro: quoted where roff would take it apart or for a macro. */
static void
mkman_arg(const char *p, size_t n)
{
    putchar(' ');
    fputs("\\&", stdout);
    for (size_t i = 0; i < n; i++) {
        if (p[i] == ' ') {
            fputs("\\ ", stdout);
        } else {
            mkman_escaped(p + i, 1);
        }
    }
}

/* What is typed, on a macro line of its own, with the delimiters round it. */
static void
mkman_typed(const char *before, size_t before_n, const char *code, size_t code_n, const char *after,
            size_t after_n)
{
    mkman_end_line();
    fputs(".Cm", stdout);
    for (size_t i = 0; i < before_n; i++) {
        printf(" %c", before[i]);
    }
    mkman_arg(code, code_n);
    for (size_t i = 0; i < after_n; i++) {
        printf(" %c", after[i]);
    }
    putchar('\n');
}

/* Delimiters that mdoc sets close to a word. */
static bool
mkman_delimiters(const char *p, size_t n, const char *set)
{
    for (size_t i = 0; i < n; i++) {
        if (!strchr(set, p[i])) {
            return false;
        }
    }
    return true;
}

/* The end of the word at p: at a blank, but not inside `backquotes`. */
static const char *
mkman_word_end(const char *p)
{
    bool code = false;

    while (*p && (code || *p != ' ')) {
        code ^= *p == '`';
        p++;
    }
    return p;
}

/* A help text as mdoc: `words` as typed, a sentence a line. */
static void
mkman_text(const char *p)
{
    while (*p) {
        const char *end = mkman_word_end(p);
        const char *open = memchr(p, '`', (size_t)(end - p));
        const char *close = open ? memchr(open + 1, '`', (size_t)(end - open - 1)) : NULL;
        if (close) {
            bool round = mkman_delimiters(p, (size_t)(open - p), "([") &&
                mkman_delimiters(close + 1, (size_t)(end - close - 1), ".,:;)]?!");
            if (!round) {
                fprintf(stderr, "mkman: cannot set \"%.*s\"\n", (int)(end - p), p);
                exit(1);
            }
            mkman_typed(p, (size_t)(open - p), open + 1, (size_t)(close - open - 1), close + 1,
                        (size_t)(end - close - 1));
        } else if (end > p) {
            mkman_word(p, (size_t)(end - p));
        }
        p = *end ? end + 1 : end;
    }
    mkman_end_line();
}

/* ---------------------------------------------------------------- keys */

/* "SIZE | off" as macro arguments: what is in capitals stands for something, the rest is typed. */
static void
mkman_grammar(const char *grammar)
{
    static const char *const plain[] = {"any", "of", "then", "a", "|", "...", NULL};
    struct wr_str rest = wr_str_of(grammar), word;

    while (wr_str_word(&rest, &word)) {
        bool comma = word.n > 1 && word.p[word.n - 1] == ',';
        const char *const *w = plain;
        word.n -= comma;
        while (*w && !wr_str_eq(word, wr_str_of(*w))) {
            w++;
        }
        printf(" %s", *w ? "No" : isupper((unsigned char)word.p[0]) ? "Ar" : "Cm");
        mkman_arg(word.p, word.n);
        if (comma) {
            fputs(" ,", stdout);
        }
    }
    putchar('\n');
}

/* "drain", "if.header.NAME", "/path" */
static void
mkman_key(const struct wr_directive *row)
{
    size_t n = strlen(row->name);

    if (strcmp(row->name, "/") == 0) {
        fputs(".It Ic / Ns Ar path", stdout);
    } else if (row->name[n - 1] == '*') {
        printf(".It Ic %.*s\\& Ns Ar NAME", (int)n - 1, row->name);
    } else {
        printf(".It Ic %s", row->name);
    }
}

static void
mkman_row(const struct wr_directive *row)
{
    mkman_key(row);
    fputs(" No =", stdout);
    mkman_grammar(wr_conf_type_grammar(&mkman_pool, row));
    mkman_text(row->help ? row->help : "");
    if (row->class_ == WR_CLASS_ROUTE && row->where == WR_IN_ROUTE) {
        fputs("It stands in\n.Cm [route]\nalone.\n", stdout);
    }
    if (row->preset && *row->preset) {
        fputs("The preset is\n.Cm", stdout);
        mkman_arg(row->preset, strlen(row->preset));
        fputs(" .\n", stdout);
    }
}

static void
mkman_tables(const struct wr_directive_table *t, void (*visit)(const struct wr_directive *row, void *arg),
             void *arg)
{
    for (; t && t->rows; t++) {
        for (const struct wr_directive *row = t->rows; row->name; row++) {
            visit(row, arg);
        }
    }
}

/* The core's rows, then each module's. */
static void
mkman_all(void (*visit)(const struct wr_directive *row, void *arg), void *arg)
{
    mkman_tables(wr_core_tables, visit, arg);
    for (unsigned i = 0; i < wr_modules_n; i++) {
        mkman_tables(wr_modules[i]->tables, visit, arg);
    }
}

static void
mkman_if_class(const struct wr_directive *row, void *arg)
{
    if (row->class_ == *(enum wr_class *)arg) {
        mkman_row(row);
    }
}

static bool
mkman_keys(const char *section)
{
    static const struct {
        const char *section;
        enum wr_class class_;
    } classes[] = {{"weir", WR_CLASS_WEIR},
                   {"server", WR_CLASS_SERVER},
                   {"route", WR_CLASS_ROUTE},
                   {"upstream", WR_CLASS_UPSTREAM},
                   {"log", WR_CLASS_LOG}};

    for (size_t i = 0; i < WR_ARRAY_LEN(classes); i++) {
        if (strcmp(section, classes[i].section) == 0) {
            enum wr_class class_ = classes[i].class_;
            fputs(".Bl -tag -width Ds\n", stdout);
            mkman_all(mkman_if_class, &class_);
            fputs(".El\n", stdout);
            return true;
        }
    }
    return false;
}

/* The section kinds that modules bring. */
static void
mkman_own(void)
{
    for (unsigned i = 0; i < wr_modules_n; i++) {
        for (const struct wr_directive_table *t = wr_modules[i]->tables; t && t->rows; t++) {
            if (t->kind) {
                printf(".Ss [%s NAME]\n.Bl -tag -width Ds\n", t->kind);
                for (const struct wr_directive *row = t->rows; row->name; row++) {
                    mkman_row(row);
                }
                fputs(".El\n", stdout);
            }
        }
    }
}

struct mkman_search {
    const char *key;
    uint32_t where;
    bool found;
};

static void
mkman_if_named(const struct wr_directive *row, void *arg)
{
    struct mkman_search *s = arg;

    s->found |= strcmp(row->name, s->key) == 0 && (row->where & s->where);
}

static void
mkman_if_kind(const char *kind, bool *found)
{
    for (unsigned i = 0; i < wr_modules_n; i++) {
        for (const struct wr_directive_table *t = wr_modules[i]->tables; t && t->rows; t++) {
            *found |= t->kind && strcmp(t->kind, kind) == 0;
        }
    }
}

/* Words of the language that nothing here brings yet. */
static void
mkman_future(void)
{
    const char *comma = "";

    for (const char *const *kind = wr_future_sections; *kind; kind++) {
        bool found = false;
        mkman_if_kind(*kind, &found);
        if (!found) {
            printf("%s.Cm [%s]", comma, *kind);
            comma = " ,\n";
        }
    }
    for (const struct wr_future_key *f = wr_future_keys; f->where; f++) {
        struct mkman_search s = {f->key, f->where, false};
        mkman_all(mkman_if_named, &s);
        if (!s.found) {
            printf("%s.Cm %s", comma, f->key);
            comma = " ,\n";
        }
    }
    fputs(" .\n", stdout);
}

/* ---------------------------------------------------------------- variables */

static void
mkman_variables(void)
{
    const char *name, *help;

    fputs(".Bl -tag -width Ds\n", stdout);
    for (unsigned i = 0; (name = wr_vars_name(i, &help)); i++) {
        printf(".It Cm %s\n", name);
        mkman_text(help);
    }
    fputs(".El\n", stdout);
}

/* ---------------------------------------------------------------- reasons */

static void
mkman_reasons(void)
{
    fputs(".Bl -tag -width Ds\n", stdout);
    for (unsigned i = 0; i < WR_E_COUNT; i++) {
        const struct wr_err_info *e = &wr_err_info[i];
        if (!e->reason || !*e->reason) {
            continue;
        }
        printf(".It Cm %s Pq ", e->reason);
        if (e->status) {
            printf("%u", e->status);
        } else {
            fputs("no answer", stdout);
        }
        printf(", %s\n", wr_log_level_name((enum wr_log_level)e->level));
        mkman_text(e->text);
    }
    fputs(".El\n", stdout);
}

/* ---------------------------------------------------------------- completion */

static void
mkman_print_name(const struct wr_directive *row, void *arg)
{
    (void)arg;
    puts(row->name);
}

/* ---------------------------------------------------------------- templates */

/* Whether the line was a placeholder, which is filled in; -1: one that is not known. */
static int
mkman_placeholder(const char *how, char *line)
{
    size_t n = strlen(line);

    if (n < 3 || line[0] != '@' || line[n - 1] != '@' || !isupper((unsigned char)line[1])) {
        return 0;
    }
    line[n - 1] = '\0';
    if (strcmp(how, "ini") == 0 && strncmp(line, "@KEYS ", 6) == 0) {
        return mkman_keys(line + 6) ? 1 : -1;
    }
    if (strcmp(how, "ini") == 0 && strcmp(line, "@OWN") == 0) {
        mkman_own();
    } else if (strcmp(how, "ini") == 0 && strcmp(line, "@FUTURE") == 0) {
        mkman_future();
    } else if (strcmp(how, "ini") == 0 && strcmp(line, "@VARIABLES") == 0) {
        mkman_variables();
    } else if (strcmp(how, "reasons") == 0 && strcmp(line, "@REASONS") == 0) {
        mkman_reasons();
    } else if (strcmp(how, "completion") == 0 && strcmp(line, "@DIRECTIVES") == 0) {
        mkman_all(mkman_print_name, NULL);
    } else {
        return -1;
    }
    return 1;
}

int
main(int argc, char **argv)
{
    char line[4096];

    if (argc != 2 ||
        (strcmp(argv[1], "ini") != 0 && strcmp(argv[1], "reasons") != 0 &&
         strcmp(argv[1], "completion") != 0)) {
        fputs("usage: mkman ini|reasons|completion <template\n", stderr);
        return 2;
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        int found = mkman_placeholder(argv[1], line);
        if (found < 0) {
            fprintf(stderr, "mkman: unknown placeholder %s@\n", line);
            return 1;
        }
        if (found == 0) {
            puts(line);
        }
    }
    return ferror(stdin) || fflush(stdout) != 0;
}
