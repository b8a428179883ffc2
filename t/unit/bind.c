/* Keys into structs: presets, inheritance, maps, and what is said of keys that are none. */
#include "core/conf/bind.h"

#include "t/unit/conf_text.h"

/* A module with rows of every class. */
struct bind_route {
    int64_t number;
    struct wr_map fields;
    struct wr_words list;
    struct wr_str guard;
    struct wr_str ref;
};
struct bind_own {
    uint64_t size;
};

static bool
bind_parse_pair(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_str rest = value, a, b;

    if (!wr_conf_word(pool, &rest, &a) || !wr_conf_word(pool, &rest, &b)) {
        *why = "two words";
        return false;
    }
    *(struct wr_str *)field = wr_pool_printf(pool, "%.*s/%.*s", WR_STR_ARG(a), WR_STR_ARG(b));
    return true;
}

struct bind_upstream {
    struct wr_str pair;
};

static const struct wr_directive bind_route_rows[] = {
    {.name = "number",
     .type = WR_T_INT,
     .class_ = WR_CLASS_ROUTE,
     .where = WR_IN_SITE,
     .preset = "5",
     .offset = offsetof(struct bind_route, number)},
    {.name = "field.*",
     .type = WR_T_MAP,
     .class_ = WR_CLASS_ROUTE,
     .where = WR_IN_SITE,
     .flags = WR_D_KEY_IS_HEADER,
     .offset = offsetof(struct bind_route, fields)},
    {.name = "list",
     .type = WR_T_WORDS,
     .class_ = WR_CLASS_ROUTE,
     .where = WR_IN_SITE,
     .preset = "x",
     .offset = offsetof(struct bind_route, list)},
    {.name = "guard",
     .type = WR_T_TEXT,
     .class_ = WR_CLASS_ROUTE,
     .where = WR_IN_SITE,
     .flags = WR_D_GUARD,
     .offset = offsetof(struct bind_route, guard)},
    {.name = "thing",
     .type = WR_T_NAME,
     .class_ = WR_CLASS_ROUTE,
     .where = WR_IN_SITE,
     .flags = WR_D_OFF,
     .ref = "thing",
     .preset = "off",
     .offset = offsetof(struct bind_route, ref)},
    {.name = NULL},
};
static const struct wr_directive bind_own_rows[] = {
    {.name = "size",
     .type = WR_T_SIZE,
     .class_ = WR_CLASS_OWN,
     .where = WR_IN_OWN,
     .preset = "1k",
     .offset = offsetof(struct bind_own, size)},
    {.name = NULL},
};
static const struct wr_directive bind_upstream_rows[] = {
    {.name = "pair",
     .type = WR_T_PARSED,
     .class_ = WR_CLASS_UPSTREAM,
     .where = WR_IN_UPSTREAM,
     .parse = bind_parse_pair,
     .grammar = "A B",
     .offset = offsetof(struct bind_upstream, pair)},
    {.name = NULL},
};
static const struct wr_directive_table bind_tables[] = {
    {bind_route_rows, WR_CLASS_ROUTE, sizeof(struct bind_route), NULL},
    {bind_own_rows, WR_CLASS_OWN, sizeof(struct bind_own), "thing"},
    {bind_upstream_rows, WR_CLASS_UPSTREAM, sizeof(struct bind_upstream), NULL},
    {NULL, WR_CLASS_OWN, 0, NULL},
};
static const struct wr_directive_table *const bind_modules[] = {NULL, bind_tables};

#define BIND_SITE "[server a]\ntls = off\n/* = localhost:80\n/b/* = localhost:81\n"

static const struct bind_route *
bind_of(const char *pattern)
{
    return ct_route(0, pattern, "")->mconf[1];
}

static const struct wr_map_entry *
bind_entry(const char *pattern, const char *name)
{
    const struct wr_map *m = &bind_of(pattern)->fields;

    for (size_t i = 0; i < m->n; i++) {
        if (wr_str_ieq(m->v[i].key, wr_str_of(name))) {
            return &m->v[i];
        }
    }
    return NULL;
}

static const char *
bind_field(const char *pattern, const char *name)
{
    const struct wr_map_entry *e = bind_entry(pattern, name);

    return e ? wr_pool_printf(&ct_pool, "%.*s", WR_STR_ARG(e->value)).p : NULL;
}

/* What was typed is syntax; what the environment brings is text. */
static void
bind_test_rules(void)
{
    setenv("T_RULE", "+ 5% of %{host}", 1);
    setenv("T_DROP", "inherit", 1);
    ct_load("[defaults]\nfield.X-A = 1\n" BIND_SITE
            "field.X-A = ${T_DROP}\nfield.X-B = ${T_RULE}\nfield.X-C = + ${T_RULE} %{path}\n"
            "field.X-D = \"+ v\"\nfield.X-E = +v\nfield.X-F = +\nfield.X-G = +\t v \nfield.X-H = \" v \"\n");
    ct_silent("rules are fine");
    tap_is_str(bind_field("/*", "X-A"), "inherit", "the environment drops no rule");
    tap_is_str(bind_field("/*", "X-B"), "+ 5%% of %%{host}", "and brings no variable");
    tap_ok(!bind_entry("/*", "X-B")->adds, "nor does it add");
    tap_is_str(bind_field("/*", "X-C"), "+ 5%% of %%{host} %{path}", "beside one that was typed");
    tap_ok(bind_entry("/*", "X-C")->adds, "where a plus was typed");
    tap_is_str(bind_field("/*", "X-D"), "+ v", "a quoted plus is text");
    tap_ok(!bind_entry("/*", "X-D")->adds, "and adds nothing");
    tap_is_str(bind_field("/*", "X-E"), "+v", "so is one without a blank");
    tap_ok(bind_entry("/*", "X-F")->adds && bind_entry("/*", "X-F")->value.n == 0, "a plus alone");
    tap_is_str(bind_field("/*", "X-G"), "v", "a tab after it");
    tap_is_str(bind_field("/*", "X-H"), "v", "blanks at the ends of a value are not kept");
    unsetenv("T_RULE");
    unsetenv("T_DROP");
}

static void
bind_test_inheritance(void)
{
    tap_ok(ct_load(BIND_SITE), "presets alone");
    tap_is_int(bind_of("/*")->number, 5, "a preset");
    tap_is_int((long long)bind_of("/*")->list.n, 1, "a preset list");
    ct_load("[defaults]\nnumber = 6\nlist = a b\n" BIND_SITE "[route a/b/*]\nnumber = 7\nlist = c\n");
    ct_silent("three levels are fine");
    tap_is_int(bind_of("/*")->number, 6, "from [defaults]");
    tap_is_int(bind_of("/b/*")->number, 7, "the route's own");
    tap_is_int((long long)bind_of("/*")->list.n, 2, "a list from [defaults]");
    tap_is_int((long long)bind_of("/b/*")->list.n, 1, "a list overrides whole");
    tap_is_int(((struct bind_route *)ct_conf.model->listens[0]->preset_route->mconf[1])->number, 6,
               "a listener's preset route has [defaults]");
    ct_load("[defaults]\ndeadline = 1s\n" BIND_SITE
            "number = 8\ndeadline = 2s\n[route a/b/*]\ndeadline = off\n");
    tap_is_int(bind_of("/b/*")->number, 8, "from [server]");
    tap_is_int((long long)ct_route(0, "/*", "")->conf.deadline_ms, 2000, "a core value from [server]");
    tap_ok(ct_route(0, "/b/*", "")->conf.deadline_ms == WR_OFF, "off overrides");
    tap_ok(bind_of("/*") != bind_of("/b/*"), "each route has a struct of its own");
}

static void
bind_test_maps(void)
{
    ct_load("[defaults]\nfield.X-A = 1\nfield.X-B = 2\nfield.X-C = 3\n" BIND_SITE
            "field.x-a = off\nfield.X-D =\n"
            "[route a/b/*]\nfield.X-B = inherit\nfield.X-E = \"inherit\"\nfield.X-C = + v\n");
    ct_silent("maps are fine");
    tap_is_str(bind_field("/*", "X-A"), "off", "merged by name in any case; off is text");
    tap_is_str(bind_field("/*", "X-B"), "2", "inherited");
    tap_is_str(bind_field("/*", "X-D"), "", "an empty value");
    tap_is_int((long long)bind_of("/*")->fields.n, 4, "four of them");
    tap_is_str(bind_field("/b/*", "X-A"), "off", "two levels down");
    tap_is_str(bind_field("/b/*", "X-B"), NULL, "inherit drops a rule");
    tap_is_str(bind_field("/b/*", "X-E"), "inherit", "quoted it is text");
    tap_is_str(bind_field("/b/*", "X-C"), "v", "overridden");
    tap_ok(bind_entry("/b/*", "X-C")->adds, "by one that adds");
    tap_ok(!bind_entry("/*", "X-C")->adds, "as the inherited one did not");
    tap_is_int((long long)bind_of("/*")->fields.n, 4, "the parent's map is as it was");
    ct_load(BIND_SITE "field.X-A = 1\nfield.x-a = 2\n");
    ct_says("t.ini:6: error: key \"field.x-a\" stands twice in [server a]; first at t.ini:5",
            "field names in any case");
    ct_load(BIND_SITE "field.Link = 1\nfield.Link#2 = 2\n");
    ct_silent("a second rule for one field");
    ct_load(BIND_SITE "field.a b = 1\n");
    ct_says("t.ini:5: error: \"a b\" is not the name of a header field", "no token");
    ct_load(BIND_SITE "field.Cache-Contrl = 1\nfield.X-My-Thing = 1\nfield.cache-control = 1\n");
    ct_says(
        "t.ini:5: warning: field.Cache-Contrl: \"Cache-Contrl\" is one letter away from a standard field; did you mean "
        "\"Cache-Control\"?",
        "a near miss");
    tap_is_int((long long)ct_conf.warnings, 1, "and nothing else");
    ct_load(BIND_SITE "field. = 1\n");
    ct_says("t.ini:5: error: unknown key \"field.\" in [server a]", "a family without a name");
}

static void
bind_test_modules(void)
{
    ct_load("[thing t1]\nsize = 2k\n[thing t2]\n" BIND_SITE
            "thing = t1\n[upstream u]\nserver = a:1\npair = x \"y z\"\n");
    ct_says("t.ini:3: warning: [thing t2] is not used", "own sections that nobody uses");
    tap_is_int((long long)((struct bind_own *)ct_conf.model->own[0]->conf)->size, 2048, "an own section");
    tap_is_int((long long)((struct bind_own *)ct_conf.model->own[1]->conf)->size, 1024, "its preset");
    tap_ok(wr_str_eq(bind_of("/b/*")->ref, WR_STR("t1")), "a reference to it");
    tap_ok(wr_str_eq(((struct bind_upstream *)ct_conf.model->upstreams[0]->mconf[1])->pair, WR_STR("x/y z")),
           "a type of the module's own, with quotes");
    ct_load(BIND_SITE "thing = t3\n[thing t1]\n");
    ct_says("t.ini:5: error: thing: there is no [thing t3]; did you mean \"t1\"?", "a reference to nothing");
    ct_load(BIND_SITE "[upstream u]\nserver = a:1\npair = x\n");
    ct_says("t.ini:7: error: bad value \"x\" of pair: two words; it takes A B", "its own complaint");
    ct_load(BIND_SITE "[thign t1]\n");
    ct_says("t.ini:5: error: unknown kind of section \"thign\"; did you mean \"thing\"?",
            "its kind is suggested");
    ct_load(BIND_SITE "[thing t1]\nsiez = 1\n");
    ct_says("t.ini:6: error: unknown key \"siez\" in [thing t1]; did you mean \"size\"?", "its keys too");
    ct_load(BIND_SITE "size = 1\n");
    ct_says("t.ini:5: error: key \"size\" in [server a]: it belongs in [thing]", "and where they belong");
    ct_load(
        "[server a]\ntls = off\n/* = x:80\n/b/* = x:80\n/b/c/* = x:80\n/b/d/* = x:80\n[route a/b/*]\nguard = g\n"
        "[route a/b/d/*]\nguard = h\n");
    ct_says("t.ini:5: warning: [route a/b/c/*] is without the guard of [route a/b/*] (t.ini:8)",
            "a longer path loses a guard");
    tap_is_int((long long)ct_conf.warnings, 1, "one that has its own does not");
}

static void
bind_test_unknown(void)
{
    static const struct {
        const char *text, *says, *name;
    } rows[] = {
        {"deadlien = 5s", "unknown key \"deadlien\" in [server a]; did you mean \"deadline\"?", "swapped"},
        {"Deadline = 5s", "unknown key \"Deadline\" in [server a]; did you mean \"deadline\"?", "case"},
        {"timeoutidle = 5s", "unknown key \"timeoutidle\" in [server a]; did you mean \"timeout.idle\"?",
         "no dot"},
        {"fild.X = 5s", "unknown key \"fild.X\" in [server a]; did you mean \"field.X\"?", "in a family"},
        {"fieldX-A = 5s", "unknown key \"fieldX-A\" in [server a]; did you mean \"field.X-A\"?",
         "a family's dot"},
        {"b/c = x:1", "unknown key \"b/c\" in [server a]; did you mean \"/b/c\"?",
         "a path without its slash"},
        {"workers = 5", "key \"workers\" in [server a]: it belongs in [weir]", "another section's"},
        {"server = x:1", "key \"server\" in [server a]: it belongs in [upstream]", "an upstream's"},
        {"server.x = x:1", "key \"server.x\" in [server a]: it belongs in [upstream]",
         "an upstream's family"},
        {"to = x:1", "key \"to\" in [server a]: it belongs in [route]", "a route's alone"},
        {"keepalive_timeout = 5s",
         "key \"keepalive_timeout\" in [server a]: it belongs in [weir] or [upstream]", "two places"},
        {"wrokers = 5",
         "unknown key \"wrokers\" in [server a]; did you mean \"workers\"? It belongs in [weir]",
         "near another's"},
        {"auth = staff", "auth: known, not in this release", "a later one"},
        {"error_page.404 = y", "error_page.404: known, not in this release", "a later family"},
        {"proxy_protocol = v2",
         "key \"proxy_protocol\" in [server a]: it belongs in another section, and is not in this release",
         "a later one of another section"},
        {"alow = x", "unknown key \"alow\" in [server a]; did you mean \"allow\"?", "near a later one"},
        {"quite_something_else = x", "unknown key \"quite_something_else\" in [server a]", "near nothing"},
        {"/b/* = x:1", "key \"/b/*\" stands twice in [server a]; first at t.ini:4", "twice"},
    };
    char text[512];

    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        char want[512];
        snprintf(text, sizeof(text), BIND_SITE "%s\n", rows[i].text);
        snprintf(want, sizeof(want), "t.ini:5: error: %s", rows[i].says);
        tap_ok(!ct_load(text), "%s: an error", rows[i].name);
        ct_says(want, "%s", rows[i].name);
        tap_is_int((long long)ct_conf.errors, 1, "and one only");
    }
}

static void
bind_test_recovery(void)
{
    ct_load(
        "[server a]\ntls = off\nupstram = app\n[upstream app]\nsever = 10.0.0.1:80\n[lgo main]\npaht = /x\n");
    tap_is_int((long long)ct_conf.warnings, 1, "[log main] is not used, nothing else");
    tap_is_int((long long)ct_conf.errors, 4,
               "what is near is taken for what was meant: no error follows from another");
}

int
main(void)
{
    ct_tables = bind_modules;
    ct_tables_n = 2;
    bind_test_inheritance();
    bind_test_rules();
    bind_test_maps();
    bind_test_modules();
    bind_test_unknown();
    bind_test_recovery();
    wr_pool_reset(&ct_pool);
    free(ct_out);
    return tap_done();
}
