/* Every trap of libinih, and what the reader itself refuses. */
#include "core/conf/ini.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "t/unit/tap.h"

static char *ini_out; /* events as lines: "3 [head]", "4 key=value", "5 !error" */
static size_t ini_out_n;
static FILE *ini_to;

static void
ini_on_section(void *arg, unsigned line, struct wr_str head, bool bad)
{
    (void)arg;
    fprintf(ini_to, "%u [%.*s]%s\n", line, WR_STR_ARG(head), bad ? " bad" : "");
}

static void
ini_on_entry(void *arg, unsigned line, struct wr_str key, struct wr_str value)
{
    (void)arg;
    fprintf(ini_to, "%u %.*s=%.*s\n", line, WR_STR_ARG(key), WR_STR_ARG(value));
}

static void
ini_on_error(void *arg, unsigned line, const char *text)
{
    (void)arg;
    fprintf(ini_to, "%u !%s\n", line, text);
}

static const char *
ini_read(const char *p, size_t n)
{
    struct wr_ini_events ev = {NULL, ini_on_section, ini_on_entry, ini_on_error};

    free(ini_out);
    ini_to = open_memstream(&ini_out, &ini_out_n);
    wr_ini_read(wr_str_make(p, n), &ev);
    fclose(ini_to);
    return ini_out;
}

static const char *
ini_read_z(const char *text)
{
    return ini_read(text, strlen(text));
}

/* text with `n` letters x for each "#" */
static char *
ini_long(const char *before, size_t n, const char *after)
{
    size_t b = strlen(before), a = strlen(after);
    char *text = malloc(b + n + a + 1);

    memcpy(text, before, b);
    memset(text + b, 'x', n);
    memcpy(text + b + n, after, a + 1);
    return text;
}

static void
ini_test_lengths(void)
{
    static const size_t values[] = {1, 49, 50, 150, 190, 198, 199, 200, 201, 1000, 5000, 60000};

    for (size_t i = 0; i < WR_ARRAY_LEN(values); i++) {
        char *text = ini_long("[a]\nk = ", values[i], "\nl = 1\n");
        char *want = ini_long("1 [a]\n2 k=", values[i], "\n3 l=1\n");
        tap_is_str(ini_read_z(text), want, "a value of %zu bytes", values[i]);
        free(text);
        free(want);
        text = ini_long("[server ", values[i], "]\nk = v\n");
        want = ini_long("1 [server ", values[i], "]\n2 k=v\n");
        tap_is_str(ini_read_z(text), want, "a section name of %zu bytes", values[i]);
        free(text);
        free(want);
        text = ini_long("[a]\n", values[i], " = v\n");
        want = ini_long("1 [a]\n2 ", values[i], "=v\n");
        tap_is_str(ini_read_z(text), want, "a key of %zu bytes", values[i]);
        free(text);
        free(want);
    }
}

static void
ini_test_longest(void)
{
    char *text = ini_long("[a]\nk=", WR_INI_LINE_MOST_BYTES - 2, "\nl=1\n");
    char *want = ini_long("1 [a]\n2 k=", WR_INI_LINE_MOST_BYTES - 2, "\n3 l=1\n");

    tap_is_str(ini_read_z(text), want, "a line of 64 KiB");
    free(text);
    free(want);
    text = ini_long("[a]\nk=", WR_INI_LINE_MOST_BYTES - 1, "\nl=1\n");
    tap_is_str(ini_read_z(text), "1 [a]\n2 !a line of 65537 bytes; 65536 are the most\n3 l=1\n",
               "one byte more is an error");
    free(text);
    text = ini_long("[a]\r\nk=", WR_INI_LINE_MOST_BYTES - 2, "\r\n");
    want = ini_long("1 [a]\n2 k=", WR_INI_LINE_MOST_BYTES - 2, "\n");
    tap_is_str(ini_read_z(text), want, "the line end does not count");
    free(text);
    free(want);
}

static void
ini_test_traps(void)
{
    tap_is_str(ini_read_z("[route [::1]/api/*]\nk = v\n"), "1 [route [::1]/api/*]\n2 k=v\n",
               "a ] inside a header");
    tap_is_str(ini_read_z("[a]\n/x:y = z\nk: v = w\n"), "1 [a]\n2 /x:y=z\n3 k: v=w\n", "a : inside a key");
    tap_is_str(ini_read_z("[a]\n[b]\n\n[c]\nk = v\n[d]\n"), "1 [a]\n2 [b]\n4 [c]\n5 k=v\n6 [d]\n",
               "empty sections");
    tap_is_str(ini_read_z("[a]\nk = v\n    l = w\n\tm = x\n"), "1 [a]\n2 k=v\n3 l=w\n4 m=x\n",
               "indented keys are keys");
    tap_is_str(ini_read_z("[a]\nk = v\n  more\n"), "1 [a]\n2 k=v\n3 !neither [section] nor key = value\n",
               "an indented line without = is no more of the value above");
    tap_is_str(ini_read_z("[a]\nk = v ; c\nl = #c\nm = a;b\n"), "1 [a]\n2 k=v ; c\n3 l=#c\n4 m=a;b\n",
               "comments inside values");
    tap_is_str(ini_read_z("; c\n# c\n   ; c\n[a]\n\t# c = d\nk=v\n"), "4 [a]\n6 k=v\n", "comment lines");
    tap_is_str(ini_read_z("[a]\nk = v"), "1 [a]\n2 k=v\n", "no newline at the end");
    tap_is_str(ini_read_z("[a]"), "1 [a]\n", "no newline behind a header at the end");
    tap_is_str(ini_read_z("[a]\nk = v\nk = w\n"), "1 [a]\n2 k=v\n3 k=w\n",
               "the same key twice is seen twice");
    tap_is_str(ini_read_z("[a]\r\nk = v\r\n\r\nl = w\r\n"), "1 [a]\n2 k=v\n4 l=w\n", "CRLF");
    tap_is_str(ini_read_z("\xef\xbb\xbf[a]\nk = v\n"), "1 [a]\n2 k=v\n", "a byte order mark in front");
    tap_is_str(ini_read_z("[a]\nk = a = b\n"), "1 [a]\n2 k=a = b\n", "the first = splits");
    tap_is_str(ini_read_z("[a]\nk =\nl=\n"), "1 [a]\n2 k=\n3 l=\n", "empty values");
    tap_is_str(ini_read_z("  [a]  \n  k   =  v w  \n"), "1 [a]\n2 k=v w\n", "blanks round all of it");
    tap_is_str(ini_read_z("[ server  a ]\n"), "1 [server  a]\n", "blanks inside the brackets");
    tap_is_str(ini_read_z("[a]\nkey = \"x\\\"y\" %s %n\n"), "1 [a]\n2 key=\"x\\\"y\" %s %n\n",
               "quotes and percent signs");
    tap_is_str(ini_read_z("[s0]\ns = 0\nk=1\ns0 = s\n"), "1 [s0]\n2 s=0\n3 k=1\n4 s0=s\n",
               "what looks like a surrogate");
    tap_is_str(ini_read_z(""), "", "nothing");
    tap_is_str(ini_read_z("\n\n"), "", "blank lines");
}

static void
ini_test_refused(void)
{
    static const struct {
        const char *text;
        size_t n;
        const char *want, *name;
    } rows[] = {
        {"[a]\nk = a\0b\n", 12, "1 [a]\n2 !a NUL byte in column 6\n", "NUL"},
        {"[a]\nk = \xff\n", 10, "1 [a]\n2 !bytes that are not UTF-8 in column 5\n", "an impossible byte"},
        {"[a]\nk = \xc0\xaf\n", 11, "1 [a]\n2 !bytes that are not UTF-8 in column 5\n", "overlong"},
        {"[a]\nk = \xed\xa0\x80\n", 12, "1 [a]\n2 !bytes that are not UTF-8 in column 5\n", "a surrogate"},
        {"[a]\nk = \xe2\x82\n", 11, "1 [a]\n2 !bytes that are not UTF-8 in column 5\n",
         "cut by the line end"},
        {"[a]\nk = \xe2\x82", 10, "1 [a]\n2 !bytes that are not UTF-8 in column 5\n",
         "cut by the end of the file"},
        {"[a]\nk = \xf4\x90\x80\x80\n", 13, "1 [a]\n2 !bytes that are not UTF-8 in column 5\n",
         "beyond U+10FFFF"},
        {"[a]\nk = \xe2\x82\xac\n", 12, "1 [a]\n2 k=\xe2\x82\xac\n", "UTF-8 is fine"},
        {"[a]\nk = a\rb\n", 12, "1 [a]\n2 !a carriage return that no line feed follows in column 6\n",
         "a stray CR"},
        {"[a]\nk = a\r", 10, "1 [a]\n2 !a carriage return that no line feed follows in column 6\n",
         "CR at the end"},
        {"[a]\rk = v\r", 10, "1 !a carriage return that no line feed follows in column 4\n1 [] bad\n",
         "lines that end in CR"},
        {"[a]\nk = a\r\r\n", 12, "1 [a]\n2 !a carriage return that no line feed follows in column 6\n",
         "CR CR LF"},
        {"[a]\nk = \x1b[0m\n", 13, "1 [a]\n2 !a control byte in column 5\n", "an escape"},
        {"[a]\nk = v\n\xef\xbb\xbfl = w\n", 19,
         "1 [a]\n2 k=v\n3 !a byte order mark inside the file in column 1\n", "a byte order mark inside"},
        {"; \xff\n[a]\n", 8, "1 !bytes that are not UTF-8 in column 3\n2 [a]\n", "in comments too"},
        {"[a\nk = v\n[b]\n", 13, "1 !a section header needs a closing \"]\"\n1 [] bad\n2 k=v\n3 [b]\n",
         "an open header"},
        {"[a] ; c\nk = v\n", 14,
         "1 !text after the closing \"]\": comments stand on lines of their own\n1 [] bad\n2 k=v\n",
         "text behind a header"},
        {"k = v\n[a]\n", 10, "1 !a key in front of the first [section]\n2 [a]\n", "a key before any section"},
        {"[a]\n= v\n", 8, "1 [a]\n2 !no key in front of \"=\"\n", "no key"},
        {"[a]\nport: 80\n", 13,
         "1 [a]\n2 !neither [section] nor key = value: \"=\" stands between key and value, not \":\"\n",
         "a colon"},
        {"[a\xff]\nk = v\n", 11, "1 !bytes that are not UTF-8 in column 3\n1 [] bad\n2 k=v\n",
         "bytes in a header"},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        tap_is_str(ini_read(rows[i].text, rows[i].n), rows[i].want, "%s", rows[i].name);
    }
}

static double
ini_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
ini_count(void *arg, unsigned line, struct wr_str key, struct wr_str value)
{
    (void)line;
    (void)key;
    (void)value;
    ++*(unsigned *)arg;
}

static void
ini_test_speed(void)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    unsigned count = 0;
    struct wr_ini_events ev = {&count, ini_on_section, ini_count, ini_on_error};

    fprintf(f, "[a]\n");
    for (unsigned i = 0; i < 99999; i++) {
        fprintf(f, "/path/number/%u/* = upstream-%u\n", i, i);
    }
    fclose(f);
    free(ini_out);
    ini_to = open_memstream(&ini_out, &ini_out_n);
    double start = ini_now();
    wr_ini_read(wr_str_make(text, n), &ev);
    double took = ini_now() - start;
    fclose(ini_to);
    tap_is_int(count, 99999, "100,000 lines are read");
    /* sanitizers and valgrind take their time; the bound is for what is shipped */
    const char *slow = getenv("WR_SANITIZE");
    tap_ok(took < (slow && *slow ? 5.0 : 0.2), "in %.0f ms", took * 1000);
    free(text);
}

static void
ini_test_binary(void)
{
    char bytes[4096];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = i % 7 == 6 ? '\n' : (char)(i * 31);
    }
    const char *out = ini_read(bytes, sizeof(bytes));
    unsigned lines = 0;

    for (const char *p = out; *p; p++) {
        lines += *p == '\n';
    }
    tap_ok(lines < 300 && strstr(out, "this is no text file"), "a binary file is given up after a while");
}

int
main(void)
{
    ini_test_lengths();
    ini_test_longest();
    ini_test_traps();
    ini_test_refused();
    ini_test_speed();
    ini_test_binary();
    free(ini_out);
    return tap_done();
}
