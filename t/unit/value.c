/* The right side of a line: quotes, environment, files; data never becomes syntax. */
#include "core/conf/value.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/conf/source.h"
#include "t/unit/conf_text.h"

static const struct wr_place value_place = {"t.ini", 7};

/* "text|word,word" of a value, or "!" and the message. */
static const char *
value_read(const char *raw)
{
    struct wr_conf_value v;
    struct wr_str rest, word;

    ct_begin();
    ct_conf.source = wr_pool_zalloc(&ct_pool, sizeof(*ct_conf.source));
    if (!wr_conf_value_make(&ct_conf, wr_str_of(raw), value_place, &v)) {
        return wr_pool_printf(&ct_pool, "!%s", ct_conf.messages[0].text).p;
    }
    struct wr_str out = wr_pool_printf(&ct_pool, "%.*s|", WR_STR_ARG(v.text));

    if (v.words_why) {
        return wr_pool_printf(&ct_pool, "%.*s!%s", WR_STR_ARG(out), v.words_why).p;
    }
    rest = v.words;
    for (const char *comma = ""; wr_conf_word(&ct_pool, &rest, &word); comma = ",") {
        out = wr_pool_printf(&ct_pool, "%.*s%s%.*s", WR_STR_ARG(out), comma, WR_STR_ARG(word));
    }
    return out.p;
}

/* What -T would write for it. */
static const char *
value_render(const char *raw, bool words)
{
    struct wr_conf_value v;

    value_read(raw);
    if (!wr_conf_value_make(&ct_conf, wr_str_of(raw), value_place, &v)) {
        return "!";
    }
    return wr_pool_printf(&ct_pool, "%.*s", WR_STR_ARG(wr_conf_value_render(&ct_pool, &v, words))).p;
}

static void
value_test_quotes(void)
{
    tap_is_str(value_read("a b  c"), "a b  c|a,b,c", "words");
    tap_is_str(value_read("\"a b\""), "a b|a b", "a quoted value is one word");
    tap_is_str(value_read("\"a b\" c"), "\"a b\" c|a b,c", "a quoted word; a text keeps its inner quotes");
    tap_is_str(value_read("c \"a b\""), "c \"a b\"|c,a b", "a quoted word at the end");
    tap_is_str(value_read("\"a \\\"b\\\" \\\\ c\""), "a \"b\" \\ c|a \"b\" \\ c", "escapes");
    tap_is_str(value_read("\"\""), "|", "an empty value, quoted");
    tap_is_str(value_read("a\\b \\\\c"), "a\\b \\\\c|a\\b,\\\\c",
               "a backslash outside quotes is a backslash");
    tap_is_str(value_read("a\"b c\""), "a\"b c\"|a\"b,c\"", "a quote inside a word is a byte");
    tap_is_str(value_read("\"a"), "!a quote that is not closed", "an open quote");
    tap_is_str(value_read("\"a\\n\""), "!inside quotes a backslash stands only in \\\" and \\\\",
               "an unknown escape");
    tap_is_str(value_read("\"a\\\""), "!a quote that is not closed", "an escaped quote closes nothing");
    tap_is_str(value_read("\"a\"b"), "\"a\"b|!text right behind a closing quote", "text behind a quote");
    tap_is_str(value_read(""), "|", "nothing");
}

static void
value_test_environment(void)
{
    setenv("T_PLAIN", "value", 1);
    setenv("T_EMPTY", "", 1);
    setenv("T_EVIL", "a \"b\" ; ${T_PLAIN} @/x = [c]", 1);
    setenv("T_QUOTE", "\"", 1);
    setenv("T_LINE", "a\nb = c", 1);
    unsetenv("T_NONE");
    tap_is_str(value_read("x${T_PLAIN}y"), "xvaluey|xvaluey", "a variable");
    tap_is_str(value_read("${T_PLAIN} ${T_PLAIN}"), "value value|value,value", "two");
    tap_is_str(value_read("\"${T_PLAIN} z\""), "value z|value z", "inside quotes");
    tap_is_str(value_read("${T_EVIL}"), "a \"b\" ; ${T_PLAIN} @/x = [c]|a \"b\" ; ${T_PLAIN} @/x = [c]",
               "data is one word, is not expanded again, and has no quotes, comments or files");
    tap_is_int(ct_conf.warnings, 0, "and no warning about a comment in it");
    tap_is_str(value_read("p ${T_EVIL}q r"),
               "p a \"b\" ; ${T_PLAIN} @/x = [c]q r|p,a \"b\" ; ${T_PLAIN} @/x = [c]q,r",
               "data within a word stays in it");
    tap_is_str(value_read("${T_QUOTE} b\""), "\" b\"|\",b\"", "a quote in data opens nothing");
    tap_is_str(value_read("${T_NONE}"), "!the environment has no T_NONE; ${NAME:-x} would be x then",
               "unset");
    tap_is_str(value_read("${T_NONE:-a b}"), "a b|a b", "a preset");
    tap_is_str(value_read("x ${T_NONE:-a b}c d"), "x a bc d|x,a bc,d", "a preset with blanks in a word");
    tap_is_str(value_read("${T_EMPTY:-x}"), "x|x", "empty has the preset too");
    tap_is_str(value_read("${T_EMPTY}"), "|", "empty without one is empty");
    tap_is_str(value_read("${T_NONE:-}"), "|", "an empty preset");
    tap_is_str(value_read("${T_NONE:-${T_PLAIN}}"), "${T_PLAIN}|${T_PLAIN}", "a preset is not expanded");
    tap_is_str(value_read("$${T_PLAIN} $5 $"), "${T_PLAIN} $5 $|${T_PLAIN},$5,$", "a literal ${");
    tap_is_str(value_read("${T_PLAIN"), "!\"${T_PLAIN\": \"${\" needs a closing \"}\"", "not closed");
    tap_is_str(value_read("${}"), "!\"${}\" is neither ${NAME} nor ${NAME:-preset}", "no name");
    tap_is_str(value_read("${1X}"), "!\"${1X}\" is neither ${NAME} nor ${NAME:-preset}", "a bad name");
    tap_is_str(value_read("${T_LINE}"), "!the value of ${T_LINE} has a control byte or a line break",
               "a line break");
    ct_conf.sealed = true;
}

/* The text as a template, or "!". */
static const char *
value_templated(const char *raw)
{
    struct wr_conf_value v;

    value_read(raw);
    if (!wr_conf_value_make(&ct_conf, wr_str_of(raw), value_place, &v)) {
        return "!";
    }
    return wr_pool_printf(&ct_pool, "%.*s", WR_STR_ARG(v.templated)).p;
}

static void
value_test_templates(void)
{
    char path[] = "/tmp/weir-value-XXXXXX", raw[64];
    int fd = mkstemp(path);

    setenv("T_PERCENT", "5% %{host}", 1);
    unsetenv("T_NONE");
    tap_is_str(value_templated("%{path} 100%%"), "%{path} 100%%", "what is typed stays as it is");
    tap_is_str(value_templated("\"%{path} \\\"x\\\"\""), "%{path} \"x\"", "in quotes too");
    tap_is_str(value_templated("%{path} ${T_PERCENT} $${X}"), "%{path} 5%% %%{host} ${X}",
               "what the environment brings has its percent signs doubled");
    tap_is_str(value_templated("\"${T_PERCENT}\""), "5%% %%{host}", "in quotes too");
    tap_is_str(value_templated("${T_NONE:-5%}"), "5%%", "and so has a preset");
    tap_is_str(value_read("${T_PERCENT}"), "5% %{host}|5% %{host}", "the text has not");
    snprintf(raw, sizeof(raw), "@%s", path);
    ct_write(path, "a%b\n");
    tap_is_str(value_templated(raw), "a%%b", "a file's too");
    close(fd);
    unlink(path);
    unsetenv("T_PERCENT");
}

static void
value_test_files(void)
{
    char path[] = "/tmp/weir-value-XXXXXX";
    int fd = mkstemp(path);
    char raw[64];
    char *big = malloc(70000);

    close(fd);
    snprintf(raw, sizeof(raw), "@%s", path);
    ct_write(path, "se\"cret ${T_PLAIN} ; x\n");
    tap_is_str(value_read(raw), "se\"cret ${T_PLAIN} ; x|se\"cret ${T_PLAIN} ; x",
               "a file is data, its last newline cut");
    ct_write(path, "a\r\n");
    tap_is_str(value_read(raw), "a|a", "CRLF at the end too");
    ct_write(path, "a\n\n");
    tap_is_str(value_read(raw), "a\n|a\n", "one newline only");
    ct_write(path, "");
    tap_is_str(value_read(raw), "|", "an empty file");
    setenv("T_FILE", path, 1);
    ct_write(path, "x\n");
    char want[64];
    snprintf(want, sizeof(want), "%s|%s", path, path);
    tap_is_str(value_read("${T_FILE}"), want, "a path from the environment is no @");
    setenv("T_FILE", raw, 1);
    tap_ok(strncmp(value_read("${T_FILE}"), "@/tmp", 5) == 0, "nor is an @/path from there");
    snprintf(raw, sizeof(raw), "\"@%s\"", path);
    tap_ok(strncmp(value_read(raw), "@/tmp", 5) == 0, "nor a quoted one");
    snprintf(raw, sizeof(raw), "@%s", path);
    memset(big, 'x', 70000);
    big[65536] = '\0';
    ct_write(path, big);
    tap_is_int(strlen(value_read(raw)), 65536 * 2 + 1, "64 KiB are read");
    big[65536] = 'x';
    big[65537] = '\0';
    ct_write(path, big);
    tap_ok(strstr(value_read(raw), "too large") != NULL, "a byte more is an error");
    ct_write(path, "a\x01");
    tap_ok(strstr(value_read(raw), "control byte") != NULL, "control bytes are an error");
    unlink(path);
    tap_ok(strstr(value_read(raw), "No such file") != NULL, "no file");
    mkfifo(path, 0600);
    tap_ok(strstr(value_read(raw), "not a regular file") != NULL, "a fifo does not hold it up");
    unlink(path);
    tap_ok(strstr(value_read("@/tmp"), "not a regular file") != NULL, "a directory");
    tap_is_str(value_read("@x"), "@x|@x", "@ without a slash is text");
    free(big);
}

static void
value_test_comments(void)
{
    static const struct {
        const char *raw;
        bool warned;
    } rows[] = {{"a ; b", true},      {"a # b", true},     {"a;b", false},
                {"a#b", false},       {"; b", true},       {"\"a ; b\"", false},
                {"a \"; b\"", false}, {"\"a\" ; b", true}, {"a\t#b", true}};

    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        value_read(rows[i].raw);
        tap_is_int(ct_conf.warnings, rows[i].warned, "%s: %s", rows[i].raw,
                   rows[i].warned ? "warned about" : "fine");
        tap_is_int(ct_conf.errors, 0, "and no error");
    }
}

static void
value_test_render(void)
{
    setenv("T_PLAIN", "value", 1);
    setenv("T_EVIL", "a \"b\" ; ${T_PLAIN}", 1);
    tap_is_str(value_render("a \"b c\"", true), "a \"b c\"", "what needs no change stays");
    tap_is_str(value_render("${T_PLAIN}", true), "value", "expanded");
    tap_is_str(value_render("x ${T_EVIL}", true), "x \"a \\\"b\\\" ; $${T_PLAIN}\"",
               "a word that has to be quoted");
    tap_is_str(value_render("${T_EVIL}", false), "\"a \\\"b\\\" ; $${T_PLAIN}\"", "a text that has to be");
    tap_is_str(value_render("@/etc/hostname-none", false), "!", "a file that is not there");
}

int
main(void)
{
    value_test_quotes();
    value_test_environment();
    value_test_files();
    value_test_templates();
    value_test_comments();
    value_test_render();
    wr_pool_reset(&ct_pool);
    free(ct_out);
    return tap_done();
}
