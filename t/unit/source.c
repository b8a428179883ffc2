/* Section headers, repeated sections, included files. */
#include "core/conf/source.h"

#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/conf_text.h"

#define SOURCE_SITE "[server a]\ntls = off\nupstream = localhost:80\n"

static void
source_test_headers(void)
{
    static const struct {
        const char *head, *says;
    } bad[] = {
        {"[]", "an empty section header"},
        {"[ ]", "an empty section header"},
        {"[weir x]", "[weir x]: this section has no name; the shape is [weir]"},
        {"[defaults x]", "[defaults x]: this section has no name; the shape is [defaults]"},
        {"[upstream]", "[upstream]: a name is missing; the shape is [upstream NAME]"},
        {"[upstream a b]", "[upstream a b]: it has one name; the shape is [upstream NAME]"},
        {"[upstream a.b]", "[upstream a.b]: a name is made of letters, digits, \"-\" and \"_\""},
        {"[log]", "[log]: a name is missing"},
        {"[server]", "[server]: a server needs a name ([server *] takes every name)"},
        {"[server @x]", "[server @x]: a server needs a name"},
        {"[server b @x @y]", "[server b @x @y]: a server has one label"},
        {"[server b @]", "[server b @]: a label is made of"},
        {"[route]", "[route]: a route needs HOST/PATH"},
        {"[route a]", "[route a]: no path in it"},
        {"[route a /x]", "[route a /x]: no path in it"},
        {"[route a/x /y]", "[route a/x /y]: no blank stands between host and path"},
        {"[route a/x l.l]", "[route a/x l.l]: a label is made of"},
        {"[route a/x l m]", "[route a/x l m]: too many words"},
        {"[sever b]", "unknown kind of section \"sever\"; did you mean \"server\"?"},
        {"[Server b]", "unknown kind of section \"Server\"; did you mean \"server\"?"},
        {"[serverb]", "unknown kind of section \"serverb\"; did you mean \"server\"?"},
        {"[quite]", "unknown kind of section \"quite\""},
        {"[cache c]", "[cache]: known, not in this release"},
        {"[cahce c]", "unknown kind of section \"cahce\"; did you mean \"cache\"?"},
        {"[b", "a section header needs a closing \"]\""},
    };
    char text[256], want[256];

    for (size_t i = 0; i < WR_ARRAY_LEN(bad); i++) {
        snprintf(text, sizeof(text), SOURCE_SITE "%s\n", bad[i].head);
        snprintf(want, sizeof(want), "t.ini:4: error: %s", bad[i].says);
        ct_load(text);
        ct_says(want, "%s", bad[i].head);
    }
    ct_load("[server  A.Example.COM\tb.example.com   @x]\ntls = off\nupstream = localhost:80\n");
    ct_silent("blanks between names");
    const struct wr_server *s = ct_conf.model->servers[0];
    tap_ok(s->names_n == 2 && wr_str_eq(s->names[0], WR_STR("a.example.com")) &&
               wr_str_eq(s->label, WR_STR("x")),
           "names in lower case, a label");
}

static void
source_test_long_names(void)
{
    char text[8192], name[2100];
    size_t n = 0;

    for (int i = 0; i < 80; i++) {
        n += (size_t)snprintf(name + n, sizeof(name) - n, "%shost-%d.example.com", i ? " " : "", i);
    }
    snprintf(text, sizeof(text), "[server %s]\ntls = off\nupstream = localhost:80\n", name);
    tap_ok(ct_load(text), "a header of %zu bytes", n);
    tap_is_int((long long)ct_conf.model->servers[0]->names_n, 80, "with all its names");
    ct_load("[server [::1] [2001:db8::1]]\ntls = off\n/* = [::1]:8080\n[route [::1]/x]\ndeadline = 1s\n");
    ct_silent("IPv6 in headers");
}

static void
source_test_repeated(void)
{
    ct_load(SOURCE_SITE "[upstream u]\nserver = x:1\n[upstream u]\nserver = y:1\n");
    ct_says("t.ini:6: error: [upstream u] stands twice; first at t.ini:4", "an upstream");
    ct_load(SOURCE_SITE "[weir]\n[weir]\n");
    ct_says("t.ini:5: error: [weir] stands twice; first at t.ini:4", "[weir]");
    ct_load(SOURCE_SITE "[server A]\nupstream = x:1\n");
    ct_says(
        "t.ini:4: error: [server a] stands twice; first at t.ini:1 (a label makes another one of the same name)",
        "a server, in another case");
    ct_load(SOURCE_SITE "[route a/x]\n[route A/x]\n");
    ct_says("t.ini:5: error: [route a/x] stands twice; first at t.ini:4", "a route");
    ct_load(SOURCE_SITE
            "[route a/x]\n[route a/x l]\nif.method = GET\n[route /x]\nto = status:200\n[log l]\npath = /l\n");
    ct_says("t.ini:9: warning", "labels and other kinds are others");
    tap_is_int((long long)ct_conf.errors, 0, "and no error");
    ct_load(SOURCE_SITE "[upstream u]\nserver = x:1\n[upstream u]\nsrver = y:1\n");
    ct_says("t.ini:7: error: unknown key \"srver\"", "keys of a repeated section are checked too");
}

static char source_dir[64];

static const char *
source_path(const char *name)
{
    static char path[2][160];
    static unsigned which;

    snprintf(path[++which % 2], sizeof(path[0]), "%s/%s", source_dir, name);
    return path[which % 2];
}

static void
source_test_include(void)
{
    char want[400];

    snprintf(source_dir, sizeof(source_dir), "/tmp/weir-source-XXXXXX");
    if (!mkdtemp(source_dir)) {
        exit(1);
    }
    mkdir(source_path("conf.d"), 0700);
    ct_write(source_path("main.ini"), "[weir]\ninclude = conf.d/*.ini\n" SOURCE_SITE);
    ct_load_file(source_path("main.ini"));
    ct_silent("a pattern that matches nothing");
    ct_write(source_path("conf.d/b.ini"), "[server b]\ntls = off\nupstream = localhost:80\n");
    ct_write(source_path("conf.d/a.ini"), "[server aa]\ntls = off\nupstream = localhost:80\n");
    ct_write(source_path("conf.d/c.txt"), "[nonsense\n");
    ct_load_file(source_path("main.ini"));
    ct_silent("two files");
    tap_is_int((long long)ct_conf.model->servers_n, 3, "three servers");
    tap_ok(wr_str_eq(ct_conf.model->servers[1]->names[0], WR_STR("aa")), "in the order of their names");
    tap_ok(ct_load_file(source_path("main.ini")), "from another directory");

    ct_write(source_path("main.ini"), "[weir]\ninclude = conf.d/*.ini conf.d/a.ini\n" SOURCE_SITE);
    ct_load_file(source_path("main.ini"));
    ct_silent("a file that two patterns name is read once");
    ct_write(source_path("main.ini"), "[weir]\ninclude = conf.d/a.ini none.ini\n" SOURCE_SITE);
    ct_load_file(source_path("main.ini"));
    snprintf(want, sizeof(want), "%s/main.ini:2: error: include: %s/none.ini does not exist", source_dir,
             source_dir);
    ct_says(want, "a plain name that does not exist");
    ct_write(source_path("main.ini"), "[weir]\ninclude = conf.d\n" SOURCE_SITE);
    ct_load_file(source_path("main.ini"));
    snprintf(want, sizeof(want), "%s/main.ini:2: error: include: cannot read %s/conf.d: not a regular file",
             source_dir, source_dir);
    ct_says(want, "a directory");

    ct_write(source_path("main.ini"), "[weir]\ninclude = conf.d/*.ini\n" SOURCE_SITE);
    ct_write(source_path("conf.d/b.ini"), "[server a]\ntls = off\nupstrem = localhost:80\n");
    ct_load_file(source_path("main.ini"));
    snprintf(want, sizeof(want), "%s/conf.d/b.ini:1: error: [server a] stands twice; first at %s/main.ini:3",
             source_dir, source_dir);
    ct_says(want, "the same section in two files names both places");
    snprintf(want, sizeof(want), "%s/conf.d/b.ini:3: error: unknown key \"upstrem\" in [server a]",
             source_dir);
    ct_says(want, "messages of an included file have its name and line");
    ct_write(source_path("conf.d/b.ini"), "[weir]\ninclude = x.ini\n");
    ct_load_file(source_path("main.ini"));
    snprintf(want, sizeof(want), "%s/conf.d/b.ini:2: error: include stands in the first file alone",
             source_dir);
    ct_says(want, "one level");
    ct_write(source_path("conf.d/b.ini"), "key = value\n");
    ct_load_file(source_path("main.ini"));
    snprintf(want, sizeof(want), "%s/conf.d/b.ini:1: error: a key in front of the first [section]",
             source_dir);
    ct_says(want, "a section does not go on in another file");
    ct_load_file(source_path("nothing.ini"));
    snprintf(want, sizeof(want), "%s/nothing.ini: error: cannot read: No such file or directory", source_dir);
    ct_says(want, "no file");
    ct_load_file(source_dir);
    snprintf(want, sizeof(want), "%s: error: cannot read: not a regular file", source_dir);
    ct_says(want, "a directory as the file");
    for (const char *const *f =
             (const char *const[]){"conf.d/a.ini", "conf.d/b.ini", "conf.d/c.txt", "main.ini", NULL};
         *f; f++) {
        unlink(source_path(*f));
    }
    rmdir(source_path("conf.d"));
    rmdir(source_dir);
}

static void
source_test_order(void)
{
    ct_load(
        "[server a]\nbad1 = x\nupstream = y:1\nbad2 = x\n[upstream u]\nbad3 = x\nserver = x\n[route b/x]\n");
    const char *first = strstr(ct_out, "bad1"), *last = strstr(ct_out, "[route b/x]");
    tap_ok(first && last && first < last, "all errors of one run, in the order of lines");
    unsigned line = 0, lines = 0;
    bool ordered = true;

    for (const char *p = ct_out; *p; p = strchr(p, '\n') + 1) {
        unsigned at = (unsigned)strtoul(p + 6, NULL, 10);
        ordered &= at >= line;
        line = at;
        lines++;
    }
    tap_ok(ordered && lines >= 5, "%u of them", lines);
}

int
main(void)
{
    source_test_headers();
    source_test_long_names();
    source_test_repeated();
    source_test_include();
    source_test_order();
    wr_pool_reset(&ct_pool);
    free(ct_out);
    return tap_done();
}
