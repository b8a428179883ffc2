/* weir -T: reads back to the same, and says where each value came from. */
#include <unistd.h>

#include "t/unit/conf_text.h"

/* The text without comment lines. */
static char *
dump_bare(const char *text)
{
    char *out = malloc(strlen(text) + 1);
    size_t n = 0;

    while (*text) {
        const char *end = strchr(text, '\n') + 1;
        if (*text != ';') {
            memcpy(out + n, text, (size_t)(end - text));
            n += (size_t)(end - text);
        }
        text = end;
    }
    out[n] = '\0';
    return out;
}

/* Loads, dumps, loads that, dumps again: the two are the same but for the places. */
static char *
dump_twice(const char *text, const char *name)
{
    if (!tap_ok(ct_load(text), "%s: it loads", name)) {
        ct_diag();
    }
    char *first = ct_dump();
    if (!tap_ok(ct_load(first), "%s: what -T prints loads", name)) {
        ct_diag();
    }
    char *second = ct_dump(), *a = dump_bare(first), *b = dump_bare(second);

    tap_is_str(b, a, "%s: and means the same", name);
    free(second);
    free(a);
    free(b);
    return first;
}

static void
dump_has(const char *text, const char *piece, const char *name)
{
    if (!tap_ok(strstr(text, piece) != NULL, "%s", name)) {
        tap_note("not there: %s", piece);
    }
}

static void
dump_test_round(void)
{
    static const char text[] =
        "[weir]\nworkers = 3\nerror_log = \"/var/log/my weir.log\" warn\ntrusted_proxies = 10.0.0.0/8 ::1\n"
        "[defaults]\nlisten = :81\naccess_log = main\ntimeout.idle = 7s\n"
        "[log main]\npath = /var/log/x.log\nredact = token \"a b\"\n"
        "[upstream app]\nserver = 10.0.0.1:80\nserver.two = 10.0.0.2:80 backup weight=2\n"
        "[server a.example b.example]\ntls = off\n/api/* = app\n/x = status:404 Not \"here\"\n/* = localhost:80\n"
        "[route a.example/api/*]\nstrip = /api\ndeadline = 5s\n"
        "[route a.example/api/* beta]\nif.header.X-Beta = \"on \"\nif.method = GET HEAD\nif.query.q = *\nto = unix:/b.sock\n"
        "[route a.example/y]\nbuffer = request response\n"
        "[route /z]\nto = redirect:308 https://x/%{path}\n"
        "[server * @l]\ntls = off\nlisten = 127.0.0.1:82 proxy_protocol\nupstream = app\nbody_limit = 5m\n"
        "[upstream sec]\nserver = https://h.example https://10.0.0.3\ntls.name = n.example\ntls.cert = /c \"/k k\"\n"
        "[route a.example/sec/*]\nto = sec\n[route a.example/q]\nto = https://q.example\n";
    char *out = dump_twice(text, "everything");

    dump_has(out, "; t.ini:8\ntimeout.idle = 7s\n", "an inherited value with its place");
    dump_has(out, "; the preset\ntimeout.connect = 5s\n", "a preset");
    dump_has(out, "; t.ini:3\nerror_log = \"/var/log/my weir.log\" warn\n", "quotes");
    dump_has(
        out,
        "; t.ini:23\n[route a.example/api/* beta]\n; t.ini:27\nto = unix:/b.sock\n; t.ini:25\nif.method = GET HEAD\n"
        "; t.ini:24\nif.header.X-Beta = \"on \"\n",
        "a route with its conditions");
    dump_has(out, "[route *@l/z]\n", "a copied route");
    dump_has(out, "[server * @l]\n", "a label");
    dump_has(out, "; t.ini:18\nto = status:404 Not \"here\"\n", "a path key is a route with its place");
    dump_has(out, "; t.ini:38\nserver = https://h.example https://10.0.0.3\n", "servers by TLS");
    dump_has(out,
             "; t.ini:38\ntls = on\n; t.ini:39\ntls.name = n.example\n; the preset\ntls.verify = on\n"
             "; t.ini:40\ntls.cert = /c \"/k k\"\n",
             "which turn tls on");
    dump_has(out, "; t.ini:44\nto = https://q.example\n", "a target by TLS");
    free(out);
}

static void
dump_test_tls(void)
{
    char *out =
        dump_twice("[server a b]\ntls = \"/my c.pem\" /k.pem\ncanonical = a\nupstream = x:80\n"
                   "[server c]\nlisten = :81, :444 tls\ntls = internal\nhttp = serve\nupstream = x:80\n"
                   "[server d]\ntls = internal\nhttp = off\nupstream = x:80\n"
                   "[server e]\ntls = off\nupstream = x:80\n",
                   "tls");

    dump_has(out,
             "; the preset\nlisten = :80, :443 tls\n; t.ini:2\ntls = \"/my c.pem\" /k.pem\n; the preset\n"
             "http = redirect\n; t.ini:3\ncanonical = a\n",
             "a preset that follows from the certificates");
    dump_has(out, "; t.ini:6\nlisten = :81, :444 tls\n; t.ini:7\ntls = internal\n; t.ini:8\nhttp = serve\n",
             "what is written stays");
    dump_has(out, "; the preset\nlisten = :443 tls\n; t.ini:11\n", "without plain HTTP");
    dump_has(out, "; the preset\nlisten = :80\n; t.ini:15\n", "and the preset of others is as it was");
    free(out);
}

static void
dump_test_data(void)
{
    char path[] = "/tmp/weir-dump-XXXXXX", text[512];
    int fd = mkstemp(path);

    setenv("T_TEXT", "a \"b\" ; ${X} ", 1);
    setenv("T_WORD", "10.0.0.1:80", 1);
    close(fd);
    ct_write(path, "one\ntwo\n");
    snprintf(
        text, sizeof(text),
        "[server a]\ntls = off\n/* = ${T_WORD}\n/x = status:200 ${T_TEXT}\n/y = \"status:200 $${X}\"\n/z = @%s\n"
        "[route a/x]\nhost = ${T_NONE:-h.example}\n",
        path);
    ct_load(text);
    ct_says("t.ini:6: error: /z: there is no [upstream one?two]", "a file as a target is checked as one");
    ct_write(path, "status:200 one\ntwo\n");
    char *out = dump_twice(text, "data");
    dump_has(out, "to = 10.0.0.1:80\n", "the environment is expanded");
    dump_has(out, "to = \"status:200 a \\\"b\\\" ; $${X} \"\n", "and quoted where it has to be");
    dump_has(out, "to = \"status:200 $${X}\"\n", "a literal ${ stays one");
    dump_has(out, "host = h.example\n", "a preset of a variable");
    dump_has(out, "to = @/tmp/weir-dump-", "a file stays a file");
    free(out);
    unlink(path);
}

struct dump_conf {
    struct wr_str secret;
    struct wr_map fields;
};
static const struct wr_directive dump_rows[] = {
    {.name = "secret",
     .type = WR_T_TEXT,
     .class_ = WR_CLASS_ROUTE,
     .where = WR_IN_SITE,
     .flags = WR_D_SECRET,
     .offset = offsetof(struct dump_conf, secret)},
    {.name = "field.*",
     .type = WR_T_MAP,
     .class_ = WR_CLASS_ROUTE,
     .where = WR_IN_SITE,
     .flags = WR_D_KEY_IS_HEADER,
     .offset = offsetof(struct dump_conf, fields)},
    {.name = NULL},
};
static const struct wr_directive_table dump_tables[] = {
    {dump_rows, WR_CLASS_ROUTE, sizeof(struct dump_conf), NULL}, {NULL, WR_CLASS_OWN, 0, NULL}};
static const struct wr_directive_table *const dump_modules[] = {dump_tables};

static void
dump_test_modules(void)
{
    ct_tables = dump_modules;
    ct_tables_n = 1;
    char *out = dump_twice(
        "[defaults]\nfield.X-A = 1\nsecret = s3cret\n[server a]\ntls = off\nupstream = x:80\nfield.X-B =\n",
        "a module");

    dump_has(out, "secret = (secret)\n", "a secret is not printed");
    tap_ok(strstr(out, "s3cret") == NULL, "anywhere");
    dump_has(out, "; t.ini:2\nfield.X-A = 1\n; t.ini:7\nfield.X-B = \n",
             "a map, merged, each entry with its place");
    free(out);
    setenv("T_RULE", "+ 5% \"of\" ${X}", 1);
    setenv("T_DROP", "inherit", 1);
    out = dump_twice("[defaults]\nfield.X-A = 1\nfield.X-B = 2\n[server a]\ntls = off\nupstream = x:80\n"
                     "field.X-A = ${T_DROP}\nfield.X-B = inherit\nfield.X-C = ${T_RULE}\n"
                     "field.X-D = + ${T_RULE} %{host}\nfield.X-E = + v\nfield.X-E#2 = \"+ v\"\n",
                     "header rules");
    dump_has(out, "field.X-A = \"inherit\"\n", "text of the environment is text");
    dump_has(out, "field.X-B = inherit\n", "a rule that is dropped");
    dump_has(out, "field.X-C = \"+ 5%% \\\"of\\\" $${X}\"\n", "with nothing in it that would be read again");
    dump_has(out, "field.X-D = + + 5%% \"of\" $${X} %{host}\n", "added to");
    dump_has(out, "field.X-E = + v\n; t.ini:12\nfield.X-E#2 = \"+ v\"\n", "what adds and what does not");
    free(out);
}

int
main(void)
{
    dump_test_round();
    dump_test_tls();
    dump_test_data();
    dump_test_modules();
    wr_pool_reset(&ct_pool);
    free(ct_out);
    return tap_done();
}
