/* What sections mean together: names, listeners, targets, routes, and what is said of those that do not. */
#include "core/conf/model_build.h"

#include "t/unit/conf_text.h"

#define MODEL_APP "[upstream app]\nserver = 127.0.0.1:3000\n"

/* A text is loaded after MODEL_APP; the message (if any) is expected at the line of the text, counted from 1. */
struct model_row {
    const char *text;
    unsigned line;
    const char *says; /* "error: ..."; NULL: silence */
};

static void
model_rows(const struct model_row *rows, size_t n)
{
    char text[2048], want[1024];

    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof(text), MODEL_APP "%s\n", rows[i].text);
        ct_load(text);
        for (char *p = text + strlen(MODEL_APP); *p; p++) {
            *p = *p == '\n' ? '|' : *p;
        }
        if (rows[i].says) {
            snprintf(want, sizeof(want), "t.ini:%u: %s", rows[i].line + 2, rows[i].says);
            ct_says(want, "%s", text + strlen(MODEL_APP));
        } else {
            ct_silent("%s", text + strlen(MODEL_APP));
        }
    }
}

#define MODEL_RUN(rows) model_rows(rows, WR_ARRAY_LEN(rows))

static void
model_test_names(void)
{
#define SERVER(names) "[server " names "]\ntls = off\nupstream = app"
    static const struct model_row rows[] = {
        {SERVER("a.b-c.d_e.example"), 0, NULL},
        {SERVER("*"), 0, NULL},
        {SERVER("*.example.com"), 0, NULL},
        {SERVER("192.0.2.1"), 0, NULL},
        {SERVER("xn--bcher-kva.example"), 0, NULL},
        {SERVER("a..b"), 1, "error: \"a..b\" is not the name of a server: an empty label"},
        {SERVER(".a"), 1, "error: \".a\" is not the name of a server: an empty label"},
        {SERVER("a."), 1, "error: \"a.\" is not the name of a server: it ends without a final dot"},
        {SERVER("a:80"), 1, "error: \"a:80\" is not the name of a server: a name has no port"},
        {SERVER("a/b"), 1, "error: \"a/b\" is not the name of a server: a name has no path"},
        {SERVER("a,b"), 1, "error: \"a,b\" is not the name of a server: names are separated by blanks"},
        {SERVER("w*.example.com"), 1,
         "error: \"w*.example.com\" is not the name of a server: \"*\" stands alone"},
        {SERVER("*.*.com"), 1, "error: \"*.*.com\" is not the name of a server: \"*\" stands alone"},
        {SERVER("*."), 1, "error: \"*.\" is not the name of a server: an empty name"},
        {SERVER("::1"), 1, "error: \"::1\" is not the name of a server: an IPv6 address stands in brackets"},
        {SERVER("[::x]"), 1, "error: \"[::x]\" is not the name of a server: not an IPv6 address"},
        {SERVER("b\xc3\xbc"
                "cher.example"),
         1,
         "error: \"b\xc3\xbc"
         "cher.example\" is not the name of a server: write it as it travels"},
        {SERVER("${HOST}"), 1,
         "error: \"${host}\" is not the name of a server: ${...} is expanded in values only"},
        {SERVER("a a"), 1, "error: the name a stands twice in [server a a]"},
        {SERVER("a") "\n" SERVER("b a"), 4,
         "error: the name a on :80 belongs to two servers; the other is at t.ini:3"},
        {SERVER("a") "\n" SERVER("a @x"), 4,
         "error: the name a on :80 belongs to two servers; the other is at t.ini:3"},
        {SERVER("a") "\n" SERVER("a @x") "\nlisten = :81", 0, NULL},
        {SERVER("*") "\n" SERVER("*.a.b") "\n" SERVER("a.b"), 0, NULL},
    };

    MODEL_RUN(rows);
    ct_load(MODEL_APP "[server a]\ntls = auto\nupstream = app\n[server b]\nupstream = app\n");
    ct_says("t.ini:4: notice: tls = auto:", "plain HTTP is said");
    tap_is_int((long long)ct_conf.notices, 1, "once");
    ct_load("; nothing\n");
    ct_says("t.ini: error: no [server]: there is nothing to serve", "an empty file");
}

static void
model_test_listen(void)
{
#define LISTEN(v) "[server a]\ntls = off\nupstream = app\nlisten = " v
    static const struct model_row rows[] = {
        {LISTEN(":80, 127.0.0.1:81,[::1]:82 , unix:/run/x.sock"), 0, NULL},
        {LISTEN("127.0.0.1:81 proxy_protocol, unix:/x proxy_protocol"), 0, NULL},
        {LISTEN("80"), 4, "error: listen: \"80\" is not an address: did you mean \":80\"?"},
        {LISTEN("*:80"), 4, "error: listen: \"*:80\" is not an address: did you mean \":80\"?"},
        {LISTEN("127.0.0.1"), 4, "error: listen: \"127.0.0.1\" is not an address: a port is missing"},
        {LISTEN("/run/x.sock"), 4,
         "error: listen: \"/run/x.sock\" is not an address: did you mean \"unix:/run/x.sock\"?"},
        {LISTEN("localhost:80"), 4, "error: listen: \"localhost:80\" is not an address"},
        {LISTEN(":0"), 4, "error: listen: \":0\" is not an address"},
        {LISTEN(":65536"), 4, "error: listen: \":65536\" is not an address"},
        {LISTEN(":80,"), 4, "error: listen: an address is missing between commas"},
        {LISTEN(":80,,:81"), 4, "error: listen: an address is missing between commas"},
        {LISTEN(":80 :81"), 4, "error: listen: \":81\" is no flag of an address"},
        {LISTEN(":80, :80"), 4, "error: listen: :80 stands twice"},
        {LISTEN(":80 tls"), 4,
         "error: listen: :80 has tls, but [server a] has no certificates (tls = off, t.ini:4): write tls = CERT KEY or tls = internal there"},
        {LISTEN(":80 h2c"), 4, "error: listen: h2c: known, not in this release"},
        {LISTEN("127.0.0.1:80 proxy_protocl"), 4,
         "error: listen: \"proxy_protocl\" is no flag of an address"},
        {LISTEN(":80 proxy_protocol"), 4, "error: listen: proxy_protocol on :80 needs trusted_proxies"},
        {LISTEN(":80 proxy_protocol") "\n[weir]\ntrusted_proxies = 10.0.0.0/8", 0, NULL},
        {LISTEN(":80") "\n[server b]\ntls = off\nupstream = app\nlisten = [::]:80", 8,
         "error: listen: [::]:80 and :80 (t.ini:6) exclude each other"},
        {LISTEN("127.0.0.1:80") "\n[server b]\ntls = off\nupstream = app\nlisten = :80", 8,
         "error: listen: :80 and 127.0.0.1:80 (t.ini:6) exclude each other"},
        {LISTEN("0.0.0.0:80, [::1]:80"), 0, NULL},
        {LISTEN(
             "127.0.0.1:80") "\n[server b]\ntls = off\nupstream = app\nlisten = 127.0.0.1:80 proxy_protocol",
         8,
         "error: servers disagree about 127.0.0.1:80: with proxy_protocol here, without proxy_protocol at t.ini:6"},
    };

    MODEL_RUN(rows);
    ct_load(
        MODEL_APP
        "[defaults]\nlisten = :81\ntls = off\n[server a]\nupstream = app\n[server b]\nupstream = app\nlisten = "
        ":82, :81\n");
    ct_silent("listen in [defaults]");
    const struct wr_model *m = ct_conf.model;
    tap_is_int((long long)m->listens_n, 2, "equal addresses are one listener");
    tap_ok(m->listens[0]->both_families && wr_addr_port(&m->listens[0]->addr) == 81,
           ":81 takes both families");
    tap_is_int((long long)m->listens[0]->servers_n, 2, "and has both servers");
    tap_ok(m->listens[0]->preset_route && !m->listens[0]->preset_route->server, "and a preset route");
    tap_is_int((long long)m->servers[1]->listens_n, 2, "a server has both its listeners");
}

static void
model_test_tls(void)
{
#define TLS(v) "[server a *.b]\nupstream = app\n" v
#define TLS_GRAMMAR "; it takes off | auto | internal | CERT KEY ..."
#define TLS_FILES "tls = /c.pem /k.pem"
    static const struct model_row rows[] = {
        {TLS("tls = internal"), 0, NULL},
        {TLS(TLS_FILES), 0, NULL},
        {TLS(TLS_FILES "\nhttp = off"), 0, NULL},
        {TLS(TLS_FILES "\nhttp = serve\nlisten = :81, [::1]:444 tls, unix:/x tls proxy_protocol"), 0, NULL},
        {TLS("tls = /1 /2 /3 /4 /5 /6 /7 /8 /9 /10 /11 /12 /13 /14 /15 /16"), 0, NULL},
        {TLS("tls = /1 /2 /3 /4 /5 /6 /7 /8 /9 /10 /11 /12 /13 /14 /15 /16 /17 /18"), 3,
         "error: bad value \"/1 /2 /3 /4 /5 /6 /7 /8 /9 /10 /11 /12 /13 /14 /15 /16 /17 /18\" of tls: 8 pairs of a certificate and its key at most" TLS_GRAMMAR},
        {TLS("tls = /c.pem"), 3,
         "error: bad value \"/c.pem\" of tls: a certificate without its key" TLS_GRAMMAR},
        {TLS("tls = /c.pem /k.pem /d.pem"), 3,
         "error: bad value \"/c.pem /k.pem /d.pem\" of tls: a certificate without its key" TLS_GRAMMAR},
        {TLS("tls = c.pem k.pem"), 3,
         "error: bad value \"c.pem k.pem\" of tls: CERT and KEY are absolute paths of files" TLS_GRAMMAR},
        {TLS("tls = /c.pem /k/"), 3,
         "error: bad value \"/c.pem /k/\" of tls: CERT and KEY are absolute paths of files" TLS_GRAMMAR},
        {TLS("tls = internal /k.pem"), 3,
         "error: bad value \"internal /k.pem\" of tls: off, auto and internal stand alone" TLS_GRAMMAR},
        {TLS("tls = on"), 3, "error: bad value \"on\" of tls: it takes off | auto | internal | CERT KEY ..."},
        /* certificates and an address with tls go together */
        {TLS("tls = internal\nlisten = :80"), 4,
         "error: listen: [server a *.b] has certificates (tls = internal, t.ini:5) but no address with tls: add one, as in \":443 tls\""},
        {TLS("tls = off\nlisten = :80, :443 tls"), 4,
         "error: listen: :443 has tls, but [server a *.b] has no certificates (tls = off, t.ini:5): write tls = CERT KEY or tls = internal there"},
        {TLS("listen = :443 tls"), 3,
         "error: listen: :443 has tls, but [server a *.b] has no certificates (tls = auto, the preset)"},
        {TLS("[defaults]\ntls = internal\n[server c]\ntls = off\nupstream = app"), 0, NULL},
        {TLS("[defaults]\nlisten = :80, :443 tls\n" TLS_FILES "\n[server c]\ntls = off\nupstream = app"), 4,
         "error: listen: :443 has tls, but [server c] has no certificates (tls = off, t.ini:9)"},
        {TLS("tls = internal\n[server c]\ntls = off\nupstream = app\nlisten = :443"), 7,
         "error: servers disagree about :443: without tls here, with tls at t.ini:3"},
        {TLS("tls = off\nlisten = :443\n[server c]\ntls = internal\nupstream = app"), 5,
         "error: servers disagree about :443: with tls here, without tls at t.ini:6"},
        /* http */
        {TLS("tls = internal\nhttp = off\nlisten = :80, :443 tls"), 4,
         "error: http = off, but :80 of [server a *.b] (t.ini:7) has no tls"},
        {TLS("tls = off\nhttp = off"), 4,
         "error: http = off: [server a *.b] has no certificates (tls = off, t.ini:5), so plain HTTP is all that it could serve"},
        {TLS("tls = internal\nhttp = redirct"), 4,
         "error: bad value \"redirct\" of http: it takes redirect | serve | off; did you mean \"redirect\"?"},
        /* canonical */
        {TLS("tls = off\ncanonical = A"), 0, NULL},
        {TLS("tls = off\ncanonical = off"), 0, NULL},
        {TLS("tls = off\ncanonical = x.y.b"), 0, NULL},
        {TLS("tls = off\ncanonical = b"), 4, "error: canonical: [server a *.b] has no name \"b\""},
        {TLS("tls = off\ncanonical = c"), 4, "error: canonical: [server a *.b] has no name \"c\""},
        {TLS("tls = off\ncanonical = *.b"), 4,
         "error: canonical: \"*.b\" is no name to redirect to: it is one name, without \"*\""},
        {TLS("tls = off\ncanonical = a:443"), 4,
         "error: canonical: \"a:443\" is no name to redirect to: a name has no port"},
        {TLS("tls = off\ncanonical = a b"), 4, "error: bad value \"a b\" of canonical: more than one name"},
        {"[server www.shop.example]\ntls = off\nupstream = app\ncanonical = www.shop.exmaple", 4,
         "error: canonical: [server www.shop.example] has no name \"www.shop.exmaple\"; did you mean \"www.shop.example\"?"},
        {"[server *]\ntls = off\nupstream = app\ncanonical = www.shop.example", 0, NULL},
        {TLS("[defaults]\ncanonical = a"), 4,
         "error: key \"canonical\" in [defaults]: it belongs in [server]"},
    };

    MODEL_RUN(rows);
}

/* What follows from a value that cannot be read is not said on top of it. */
static void
model_test_tls_once(void)
{
    static const char *const texts[] = {
        TLS("tls = atuo\nlisten = :443 tls\n"),
        TLS("tls = internal\nlisten = :443 tsl\n"),
        TLS("tls = atuo\nhttp = off\n"),
        TLS("tls = internal\nhttp = off\nlisten = :80\n"),
        TLS("[defaults]\ntls = /c.pem\nlisten = :443 tls\n"),
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(texts); i++) {
        char text[512];
        snprintf(text, sizeof(text), MODEL_APP "%s", texts[i]);
        ct_load(text);
        if (!tap_is_int((long long)ct_conf.errors, 1, "one error: %zu", i)) {
            ct_diag();
        }
    }
}

/* What `listen` is when nobody wrote it, as ":80 :443+". */
static const char *
model_listens(const struct wr_server *s)
{
    static char text[256];
    size_t n = 0;

    for (size_t i = 0; i < s->listens_n; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s%s", i > 0 ? " " : "",
                              WR_STR_ARG(s->listens[i]->text), s->listens[i]->tls ? "+" : "");
    }
    return text;
}

static void
model_test_tls_presets(void)
{
    ct_load(
        MODEL_APP
        "[server a]\ntls = off\nupstream = app\n[server b]\nupstream = app\n[server c]\ntls = internal\nupstream = app\n"
        "[server d]\ntls = \"/my c.pem\" /k.pem /c2.pem /k2.pem\nupstream = app\ncanonical = D\nhttp = serve\n"
        "[server e]\ntls = internal\nhttp = off\nupstream = app\n[server f]\ntls = internal\nupstream = app\nlisten = :444 tls\n");
    const struct wr_model *m = ct_conf.model;
    const struct wr_server_tls *tls = &m->servers[3]->conf.tls;

    tap_is_str(model_listens(m->servers[0]), ":80", "without TLS");
    tap_is_str(model_listens(m->servers[1]), ":80", "auto");
    tap_is_str(model_listens(m->servers[2]), ":80 :443+", "internal");
    tap_is_str(model_listens(m->servers[3]), ":80 :443+", "files");
    tap_is_str(model_listens(m->servers[4]), ":443+", "without plain HTTP");
    tap_is_str(model_listens(m->servers[5]), ":444+", "as it is written");
    tap_is_int((long long)m->listens_n, 3, "equal addresses are one listener");
    tap_ok(!wr_server_has_certificates(m->servers[0]) && !wr_server_has_certificates(m->servers[1]) &&
               wr_server_has_certificates(m->servers[2]) && wr_server_has_certificates(m->servers[3]),
           "who has certificates");
    tap_is_int(tls->mode, WR_TLS_FILES, "files");
    tap_is_int((long long)tls->pairs_n, 2, "in pairs");
    tap_ok(wr_str_eq(tls->pairs[0].cert, WR_STR("/my c.pem")) &&
               wr_str_eq(tls->pairs[1].key, WR_STR("/k2.pem")),
           "unquoted");
    tap_ok(wr_str_eq(m->servers[3]->conf.canonical, WR_STR("d")), "the canonical name, in lower case");
    tap_is_int(m->servers[3]->conf.http, WR_HTTP_SERVE, "http");
    tap_is_int(m->servers[2]->conf.http, WR_HTTP_REDIRECT, "its preset");
}

static void
model_test_targets(void)
{
#define TO(v) "[server a]\ntls = off\n/* = app\n/x = " v
    static const struct model_row rows[] = {
        {TO("app"), 0, NULL},
        {TO("localhost:8080"), 0, NULL},
        {TO("10.0.0.1:80"), 0, NULL},
        {TO("[::1]:80"), 0, NULL},
        {TO("http://10.0.0.1"), 0, NULL},
        {TO("http://[::1]"), 0, NULL},
        {TO("http://host.example:8080"), 0, NULL},
        {TO("unix:/run/app.sock"), 0, NULL},
        {TO("redirect:https://example.com/%{path}?x=%%"), 0, NULL},
        {TO("redirect:308 /new"), 0, NULL},
        {TO("status:404 Not \"here\""), 0, NULL},
        {TO("status:204"), 0, NULL},
        {TO("\"status:200 a ; b\""), 0, NULL},
        {TO("apq"), 4, "error: /x: there is no [upstream apq]; did you mean \"app\"?"},
        {TO("localhost"), 4, "error: /x: there is no [upstream localhost] (a host is written with its port"},
        {TO("10.0.0.1"), 4, "error: /x: there is no [upstream 10.0.0.1] (a host is written with its port"},
        {TO("ap p"), 4, "error: /x = ap p: a target is the NAME of an upstream"},
        {TO(""), 4, "error: /x = : nothing stands there"},
        {TO("https://x"), 0, NULL},
        {TO("https://[::1]:8443"), 0, NULL},
        {TO("https://x/"), 4, "error: /x = https://x/: a target has no path, not even \"/\""},
        {TO("https://x:0"), 4, "error: /x: \"x:0\": the port is not 1 to 65535"},
        {TO("https://[::1"), 4, "error: /x: \"[::1\": "},
        {TO("https://"), 4, "error: /x = https://: a host is missing"},
        {TO("https:x"), 4, "error: /x = https:x: a target is the NAME of an upstream"},
        {TO("file:/srv/www"), 4, "error: /x = file:/srv/www: known, not in this release"},
        {TO("dns:x:80"), 4, "error: /x = dns:x:80: that stands in an [upstream]"},
        {TO("http://x/"), 4, "error: /x = http://x/: a target has no path, not even \"/\""},
        {TO("http://x/y"), 4, "error: /x = http://x/y: a target has no path (see strip and path)"},
        {TO("http://"), 4, "error: /x = http://: a host is missing"},
        {TO("htpp://x"), 4, "error: /x = htpp://x: a target is the NAME"},
        {TO("x:0"), 4, "error: /x: \"x:0\": the port is not 1 to 65535"},
        {TO("x:99999"), 4, "error: /x: \"x:99999\": the port is not 1 to 65535"},
        {TO("300.0.0.1:80"), 4, "error: /x: \"300.0.0.1:80\": not an IP address"},
        {TO("unix:run/x"), 4, "error: /x: \"unix:run/x\": unix: needs an absolute path"},
        {TO("redirect:example.com"), 4, "error: /x = redirect:example.com: redirect: takes a URL"},
        {TO("redirect:200 /x"), 4, "error: /x = redirect:200 /x: a redirect is 301, 302, 303, 307 or 308"},
        {TO("redirect:/a b"), 4, "error: /x = redirect:/a b: a URL has no blanks"},
        {TO("redirect:/%{path"), 4, "error: /x = redirect:/%{path: \"%{\" needs a closing \"}\""},
        {TO("status:"), 4, "error: /x = status:: status: takes a code from 200 to 599"},
        {TO("status:100"), 4, "error: /x = status:100: status: takes a code"},
        {TO("status:2000"), 4, "error: /x = status:2000: status: takes a code"},
        {TO("status:204 text"), 4, "error: /x = status:204 text: an answer with this code has no text"},
        {TO("statu:404 Gone"), 4, "error: /x = statu:404 Gone: a target is the NAME"},
        {TO("statu:404"), 4,
         "warning: /x: \"statu:404\" is taken for a host of the name \"statu\"; did you mean \"status:404\"?"},
        {TO("localhst:80"), 4, "warning: /x: \"localhst:80\" is taken for a host of the name \"localhst\""},
    };

    MODEL_RUN(rows);
    ct_load(
        MODEL_APP
        "[server a]\ntls = off\n/* = app\n/a = X:80\n/b = x:80\n/c = http://x\n/d = redirect:308 /n\n/e = status:404 Not here\n");
    ct_silent("targets");
    const struct wr_model *m = ct_conf.model;
    tap_is_int((long long)m->upstreams_n, 2, "equal addresses are one upstream");
    tap_ok(m->upstreams[1]->anonymous && wr_str_eq(m->upstreams[1]->name, WR_STR("x:80")),
           "called by its address");
    tap_ok(m->upstreams[1]->servers[0].port == 80 &&
               wr_str_eq(m->upstreams[1]->servers[0].host, WR_STR("x")) &&
               !m->upstreams[1]->servers[0].numeric,
           "a name to be resolved");
    tap_ok(m->upstreams[0]->servers[0].numeric && m->upstreams[0]->servers[0].host.n == 0, "a numeric one");
    tap_is_int((long long)m->upstream_servers_n, 2, "two servers in all");
    const struct wr_target *t = &ct_route(0, "/d", "")->target;
    tap_ok(t->kind == WR_TARGET_REDIRECT && t->status == 308 && wr_str_eq(t->text, WR_STR("/n")),
           "a redirect");
    t = &ct_route(0, "/e", "")->target;
    tap_ok(t->kind == WR_TARGET_STATUS && t->status == 404 && wr_str_eq(t->text, WR_STR("Not here")),
           "a status");
}

static void
model_test_upstreams(void)
{
#define UP(v) "[upstream u]\n" v "\n[server a]\ntls = off\n/* = app\n/x = u"
    static const struct model_row rows[] = {
        {UP("server = a:1 b:2 unix:/x"), 0, NULL},
        {UP("server.a = a:1 weight=2 max=5\nserver.b = b:1 backup"), 0, NULL},
        {UP("server = c:1\nserver.a = a:1"), 0, NULL},
        {UP(""), 1, "error: [upstream u] has no server"},
        {UP("server = a"), 2, "error: server: \"a\": a port is missing"},
        {UP("server = http://a:1"), 2,
         "error: server: \"http://a:1\": a server is HOST:PORT, without http://"},
        {UP("server = dns:a:1 srv:_http._tcp.app.internal file:/run/list"), 0, NULL},
        {UP("server = dns:a"), 2, "error: server: \"a\": a port is missing"},
        {UP("server = dns:10.0.0.1:80"), 2, "error: server: \"dns:10.0.0.1:80\": dns: takes NAME:PORT"},
        {UP("server = dns:"), 2, "error: server: \"dns:\": dns: takes NAME:PORT"},
        {UP("server = srv:a:80"), 2, "error: server: \"srv:a:80\": srv: takes a name"},
        {UP("server = file:list"), 2, "error: server: \"file:list\": file: takes the absolute path"},
        {UP("server.a = dns:x:1\nserver.b = dns:x:1"), 3, "error: dns:x:1 stands twice in [upstream u]"},
        {UP("server = a:1 weight=2"), 2, "error: server: \"weight=2\": not HOST:PORT"},
        {UP("server.a = a:1 wieght=2"), 2, "error: server.a: unknown word \"wieght=2\""},
        {UP("server.a = a:1 bakcup"), 2, "error: server.a: unknown word \"bakcup\""},
        {UP("server.a = a:1 weight=0"), 2, "error: server.a: weight is weight=N with N from 1 to 1000"},
        {UP("server.a = a:1 max=x"), 2, "error: server.a: max is max=N"},
        {UP("server.a.b = a:1"), 2, "error: server.a.b: a name is made of letters"},
        {UP("server.a ="), 2, "error: server.a: \"\": an address is missing"},
        {UP("server = a:1 a:1"), 2, "error: the server a:1 stands twice in [upstream u]"},
        {UP("server.a = x:1\nserver.b = x:1"), 3,
         "warning: two servers of [upstream u] have the address x:1"},
        {UP("server.a = x:1 backup"), 1, "warning: every server of [upstream u] is a backup"},
        {UP("server = x:1\nkeepalive = -1"), 3, "error: bad value \"-1\" of keepalive"},
        {UP("server = x:1") "\n[upstream v]\nserver = x:1", 7, "warning: [upstream v] is not used"},
    };

    MODEL_RUN(rows);
    ct_load(UP(
        "server.one = 10.0.0.1:80 weight=3 max=7\nserver.two = B.example:81 backup\nkeepalive = off") "\n[upstream app]\nserver = x:1\n");
    const struct wr_upstream *u = ct_conf.model->upstreams[0];
    tap_ok(u->servers_n == 2 && u->servers[0].weight == 3 && u->servers[0].max == 7 && !u->servers[0].backup,
           "weight and max");
    tap_ok(u->servers[1].backup && u->servers[1].weight == 1 &&
               wr_str_eq(u->servers[1].host, WR_STR("b.example")),
           "backup");
    tap_ok(wr_str_eq(u->servers[0].name, WR_STR("one")) && u->servers[1].index == 1 &&
               u->servers[1].global_index == 1,
           "names, numbers");
    tap_is_int(u->conf.keepalive, 0, "keepalive = off");
}

static void
model_test_upstream_tls(void)
{
    static const struct model_row rows[] = {
        {UP("server = a:1\ntls = on"), 0, NULL},
        {UP("server = a:1 10.0.0.1:2\ntls = on\ntls.ca = /ca.pem\ntls.name = b.example\ntls.cert = /c.pem /k.pem"),
         0, NULL},
        {UP("server = https://a https://[::1]:8443"), 0, NULL},
        {UP("server = https://a b:1\ntls = on"), 0, NULL},
        {UP("server = unix:/x\ntls = on\ntls.name = a"), 0, NULL},
        {UP("server = a:1\ntls = on\ntls.name = 10.0.0.1"), 0, NULL},
        {UP("server = a:1\ntls = on\ntls.name = ::1"), 0, NULL},
        {UP("server = a:1\ntls = yes"), 3, "error: bad value \"yes\" of tls"},
        {UP("server = a:1\ntls = on\ntls.ca = ca.pem"), 4,
         "error: bad value \"ca.pem\" of tls.ca: not the absolute path of a file"},
        {UP("server = a:1\ntls = on\ntls.name = a:443"), 4,
         "error: bad value \"a:443\" of tls.name: not the name of a host, nor an IP address; a port is no part"},
        {UP("server = a:1\ntls = on\ntls.name = *.a"), 4,
         "error: bad value \"*.a\" of tls.name: not the name"},
        {UP("server = a:1\ntls = on\ntls.name = a..b"), 4,
         "error: bad value \"a..b\" of tls.name: not the name"},
        {UP("server = a:1\ntls = on\ntls.name = ."), 4, "error: bad value \".\" of tls.name: not the name"},
        {UP("server = a:1\ntls = on\ntls.cert = /c.pem"), 4,
         "error: bad value \"/c.pem\" of tls.cert: not the absolute paths of two files"},
        {UP("server = a:1\ntls = on\ntls.cert = /c.pem k.pem"), 4,
         "error: bad value \"/c.pem k.pem\" of tls.cert: not the absolute paths of two files"},
        {UP("server = a:1\ntls = on\ntls.cert = /c.pem /k.pem /x"), 4, "error: bad value"},
        {UP("server = a:1\ntls.name = b"), 3, "warning: tls.name does nothing: [upstream u] has no tls = on"},
        {UP("server = a:1\ntls = off\ntls.ca = /ca"), 4,
         "warning: tls.ca does nothing: [upstream u] has no tls = on"},
        {UP("server = a:1\ntls.cert = /c /k"), 3, "warning: tls.cert does nothing"},
        {UP("server = a:1\ntls.verify = on"), 3, "warning: tls.verify does nothing"},
        {UP("server = a:1\ntls = on\ntls.verify = off"), 4,
         "warning: tls.verify = off: connections to [upstream u] can be read and changed by whoever stands in"},
        {UP("server = a:1\ntls = on\ntls.ca = /ca\ntls.verify = off"), 4,
         "warning: tls.ca does nothing with tls.verify = off"},
        {UP("server.a = unix:/x\nserver.b = b:1\ntls = on"), 2,
         "error: unix:/x has no host that its certificate could be for: set tls.name in [upstream u]"},
        {UP("server = https://a\ntls = off"), 2, "error: https://a:443 contradicts tls = off (t.ini:5)"},
        {UP("server.a = https://a\nserver.b = b:1"), 3,
         "error: b:1 has no https:// and another server of [upstream u] has: all are reached by TLS, or none"},
        {UP("server = https://a/x"), 2, "error: server: \"https://a/x\": a server has no path"},
    };

    MODEL_RUN(rows);
    ct_load(MODEL_APP UP("server = unix:/x\ntls = on\ntls.verify = off"));
    tap_is_int((long long)ct_conf.errors, 0, "who verifies nothing needs no name");
    ct_load(UP("server = https://A.example https://10.0.0.1:8443") "\n[upstream app]\nserver = x:1\n");
    const struct wr_upstream *u = ct_conf.model->upstreams[0];
    tap_ok(u->conf.tls && u->conf.tls_verify, "https:// turns tls on");
    tap_ok(wr_str_eq(u->servers[0].address, WR_STR("a.example:443")) &&
               wr_str_eq(u->servers[1].address, WR_STR("10.0.0.1:8443")),
           "with a preset port, and the address without it");
    ct_load(UP("server = a:1\ntls = on\ntls.name = B.Example.\ntls.cert = /c \"/k k\"") "\n" MODEL_APP);
    const struct wr_upstream_conf *c = &ct_conf.model->upstreams[0]->conf;
    tap_ok(wr_str_eq(c->tls_name, WR_STR("b.example")), "tls.name in small letters, without a final dot");
    tap_ok(wr_str_eq(c->tls_cert.cert, WR_STR("/c")) && wr_str_eq(c->tls_cert.key, WR_STR("/k k")),
           "tls.cert");
    c = &ct_conf.model->upstreams[1]->conf;
    tap_ok(!c->tls && c->tls_verify && c->tls_name.n == 0 && c->tls_ca.n == 0 && c->tls_cert.cert.n == 0,
           "the presets");
}

static void
model_test_https_targets(void)
{
    ct_load("[server a]\ntls = off\n/* = x:443\n/a = https://x\n/b = https://X:443\n/c = http://x:443\n"
            "/d = https://[::1]\n[server b]\ntls = off\nupstream = https://x\n");
    ct_silent("targets by TLS");
    const struct wr_model *m = ct_conf.model;
    tap_is_int((long long)m->upstreams_n, 3, "one address by TLS and not are two upstreams");
    tap_ok(wr_str_eq(m->upstreams[0]->name, WR_STR("x:443")) && !m->upstreams[0]->conf.tls &&
               m->upstreams[0]->references == 2,
           "the plain one");
    tap_ok(wr_str_eq(m->upstreams[1]->name, WR_STR("https://x:443")) && m->upstreams[1]->conf.tls &&
               m->upstreams[1]->conf.tls_verify && m->upstreams[1]->references == 3,
           "the other");
    tap_ok(wr_str_eq(m->upstreams[1]->servers[0].address, WR_STR("x:443")) &&
               wr_str_eq(m->upstreams[1]->servers[0].host, WR_STR("x")),
           "its server");
    tap_ok(m->upstreams[2]->servers[0].numeric && m->upstreams[2]->servers[0].port == 443, "a numeric one");
}

static void
model_test_balance(void)
{
    static const struct model_row rows[] = {
        {UP("server = a:1\nbalance = round_robin"), 0, NULL},
        {UP("server = a:1\nbalance = hash header.X-User"), 0, NULL},
        {UP("server = a:1\nbalance = hash"), 3, "error: bad value \"hash\" of balance: hash takes client_ip"},
        {UP("server = a:1\nbalance = hash header."), 3, "error: bad value \"hash header.\" of balance"},
        {UP("server = a:1\nbalance = leastconn"), 3,
         "error: bad value \"leastconn\" of balance: no such way to balance"},
        {UP("server = a:1\nbalance = p2c now"), 3,
         "error: bad value \"p2c now\" of balance: there is a word too many"},
        {UP("server = a:1\nsticky = cookie"), 3,
         "error: bad value \"cookie\" of sticky: it is the word cookie and the name of one"},
        {UP("server = a:1\nsticky = header X"), 3,
         "error: bad value \"header X\" of sticky: it is the word cookie and the name of one"},
        {UP("server = a:1\nsticky = cookie srv\nsticky.key = short"), 4,
         "error: sticky.key has less than 16"},
        {UP("server = a:1\nqueue = 10 for 1s"), 3, "warning: no server of [upstream u] has a max=N"},
        {UP("server.a = a:1 max=2\nqueue = 10 for 1s"), 0, NULL},
        {UP("server.a = a:1 max=2\nqueue = 10"), 3, "error: bad value \"10\" of queue: not N for TIME"},
        {UP("server.a = a:1 max=2\nqueue = 0 for 1s"), 3,
         "error: bad value \"0 for 1s\" of queue: 1 to 1000000 requests"},
        {UP("server = a:1\neject = 5 errors in 10s for 30s"), 0, NULL},
        {UP("server = a:1\neject = 1 error in 10s for 30s, at most 100%"), 0, NULL},
        {UP("server = a:1\neject = 5 errors in 10s"), 3,
         "error: bad value \"5 errors in 10s\" of eject: not N errors in TIME for TIME, at most N%"},
        {UP("server = a:1\neject = 5 errors in 10s for 30s, at most 50"), 3,
         "error: bad value \"5 errors in 10s for 30s, at most 50\" of eject: not N errors in TIME"},
        {UP("server = a:1\neject = 5 errors in 10s for 30s, at most 101%"), 3,
         "error: bad value \"5 errors in 10s for 30s, at most 101%\" of eject: 1% to 100%"},
        {UP("server = a:1\nhealth.path = up"), 3,
         "error: bad value \"up\" of health.path: a path begins with \"/\""},
        {UP("server = a:1\nhealth.expect = 200-299 304 \"all good\""), 0, NULL},
        {UP("server = a:1\nhealth.expect = \"x\" 200"), 3,
         "error: bad value \"\"x\" 200\" of health.expect: the text stands last"},
        {UP("server = a:1") "\nretry = connect status:502,503 times:3", 0, NULL},
        {UP("server = a:1") "\nretry = times:3", 7,
         "error: bad value \"times:3\" of retry: nothing says when"},
        {UP("server = a:1") "\nretry = status:99", 7,
         "error: bad value \"status:99\" of retry: status: takes up to 16 codes"},
        {UP("server = a:1") "\nretry = connect times:9", 7,
         "error: bad value \"connect times:9\" of retry: times: takes 1 to 8"},
        {UP("server = a:1") "\n[weir]\nresolver = 127.0.0.1 [::1]:5353", 0, NULL},
        {UP("server = a:1") "\n[weir]\nresolver = ns1.example.com", 8,
         "error: bad value \"ns1.example.com\" of resolver: not IP or IP:PORT"},
        {UP("server = a:1") "\n[control]\nsocket = run/sock", 8,
         "error: bad value \"run/sock\" of socket: not an absolute path"},
    };

    MODEL_RUN(rows);
    ct_load(UP("server = x:1\neject = 3 errors in 2s for 1m, at most 20%\nqueue = 7 for 250ms\n"
               "health.path = /up\nhealth.expect = 200 301-303 \"ok\"") "\n" MODEL_APP);
    const struct wr_upstream_conf *c = &ct_conf.model->upstreams[0]->conf;
    tap_ok(c->eject.errors == 3 && c->eject.window_ms == 2000 && c->eject.out_ms == 60000 &&
               c->eject.most_percent == 20,
           "eject");
    tap_ok(c->queue.most == 7 && c->queue.time_ms == 250, "queue");
    tap_ok(c->health_expect.n == 2 && c->health_expect.range[1].to == 303 &&
               wr_str_eq(c->health_expect.body, WR_STR("ok")),
           "health.expect");
    tap_is_int((long long)c->health_interval_ms, 2000, "a path alone is checked every 2 s");
    c = &ct_conf.model->upstreams[1]->conf;
    tap_ok(c->eject.errors == 5 && c->eject.most_percent == 50 && c->slow_start_ms == 10000, "the presets");
    tap_is_int((long long)c->health_interval_ms, 0, "without a path there are no checks");
    const struct wr_retry_conf *retry = &ct_route(0, "/*", "")->conf.retry;
    tap_ok(retry->connect && retry->idempotent && retry->times == 2 && retry->statuses_n == 0, "of retry");
}

static void
model_test_patterns(void)
{
#define PATH(p) "[server a]\ntls = off\n/* = app\n" p " = app"
    static const struct model_row rows[] = {
        {PATH("/a/b"), 0, NULL},
        {PATH("/"), 0, NULL},
        {PATH("/a/"), 0, NULL},
        {PATH("/a-._~!$&'()+,;:@"), 0, NULL},
        {PATH("/caf%C3%A9/*"), 0, NULL},
        {PATH("/a*"), 4, "error: the path \"/a*\": \"*\" stands only as \"/*\" at the end"},
        {PATH("/a/*/b"), 4, "error: the path \"/a/*/b\": \"*\" stands only"},
        {PATH("/a?b"), 4, "error: the path \"/a?b\": a query is no part of a path"},
        {PATH("//a"), 4, "error: the path \"//a\": an empty segment"},
        {PATH("/a//*"), 4, "error: the path \"/a//*\": an empty segment"},
        {PATH("/a/../b"), 4, "error: the path \"/a/../b\": a \".\" or \"..\" segment"},
        {PATH("/a/..;x/b"), 4, "error: the path \"/a/..;x/b\": a \".\" or \"..\" segment"},
        {PATH("/."), 4, "error: the path \"/.\": a \".\""},
        {PATH("/caf\xc3\xa9"), 4,
         "error: the path \"/caf\xc3\xa9\": paths are compared in their canonical form; did you mean \"/caf%C3%A9\"?"},
        {PATH("/%c3%a9"), 4,
         "error: the path \"/%c3%a9\": paths are compared in their canonical form; did you mean \"/%C3%A9\"?"},
        {PATH("/%41"), 4,
         "error: the path \"/%41\": paths are compared in their canonical form; did you mean \"/A\"?"},
        {PATH("/a b"), 4,
         "error: the path \"/a b\": paths are compared in their canonical form; did you mean \"/a%20b\"?"},
        {PATH("/%4"), 4, "error: the path \"/%4\": \"%\" needs two hexadecimal digits"},
        {PATH("/a%2Fb"), 4,
         "warning: [route a/a%2Fb] can never match: a path with %2F is refused unless paths = raw"},
        {PATH("/a%2Fb") "\npaths = raw", 0, NULL},
        {"[server a]\ntls = off\n/ = app", 3, "warning: \"/\" is the path \"/\" alone"},
    };

    MODEL_RUN(rows);
    ct_load(PATH("/api/*") "\n/one = app\n" MODEL_APP);
    tap_ok(ct_route(0, "/*", "")->prefix && ct_route(0, "/*", "")->path.n == 0, "the root prefix");
    tap_ok(ct_route(0, "/api/*", "")->prefix && wr_str_eq(ct_route(0, "/api/*", "")->path, WR_STR("/api")),
           "a prefix");
    tap_ok(!ct_route(0, "/one", "")->prefix && wr_str_eq(ct_route(0, "/one", "")->path, WR_STR("/one")),
           "a path");
}

static void
model_test_routes(void)
{
#define SITE "[server a b]\ntls = off\n/api/* = x:1\n/api/v1 = x:2\n/* = app\n"
    static const struct model_row rows[] = {
        {SITE "[route a/api/*]\nstrip = /api", 0, NULL},
        {SITE "[route a/new/*]\ndeadline = 1s", 0, NULL},
        {SITE "[route a/api/*]\nto = x:3", 7, "error: to: /api/* has its target already at t.ini:5"},
        {SITE "upstream = app", 6, "error: upstream: /* has its target already at t.ini:7"},
        {SITE "[route b/api/*]", 6,
         "error: [route b/api/*]: b is a further name; routes go by the first: did you mean \"a/api/*\"?"},
        {SITE "[route c/api/*]", 6, "error: [route c/api/*]: there is no [server c]; did you mean \"a\"?"},
        {SITE "[route a/x*]", 6, "error: the path \"/x*\""},
        {"[server a]\ntls = off\n/api/* = app\n[route a/x]\ndeadline = 1s", 4,
         "error: [route a/x] has no \"to\", and without it no other route takes its requests"},
        {"[server a]\ntls = off\n/api/* = app\n[route a/apix]\n", 4, "error: [route a/apix] has no \"to\""},
        {"[server a]\ntls = off\n/api/* = app\n[route a/*]\n", 4, "error: [route a/*] has no \"to\""},
        {SITE "[route a/api/* c]\nif.method = POST", 0, NULL},
        {SITE "[route a/api/* c]\nif.method = PSOT", 7,
         "warning: if.method: \"PSOT\" is no method that is registered; did you mean \"POST\"?"},
        {SITE "[route a/api/* c]\nif.method = post", 7,
         "warning: if.method: \"post\" is no method that is registered; did you mean \"POST\"?"},
        {SITE "[route a/api/* c]\nif.method = PURGE MKCOL", 0, NULL},
        {SITE "[route a/api/* c]\nif.client = none", 7, "error: if.client = none: the route can never match"},
        {SITE "[route a/api/* c]\nto = x:9", 6,
         "error: a request could match both [route a/api/* c] and [route a/api/*] (t.ini:5)"},
        {SITE "[route a/api/* c]\nif.method = POST PUT\n[route a/api/* d]\nif.method = PUT", 8,
         "error: a request could match both [route a/api/* d]"},
        {SITE "[route a/api/* c]\nif.method = POST\n[route a/api/* d]\nif.method = PUT", 0, NULL},
        {SITE "[route a/api/* c]\nif.header.X-A = 1\n[route a/api/* d]\nif.header.x-a = 2", 0, NULL},
        {SITE "[route a/api/* c]\nif.header.X-A = 1\n[route a/api/* d]\nif.header.x-a = *", 8,
         "error: a request could match both"},
        {SITE "[route a/api/* c]\nif.header.X-A = 1\n[route a/api/* d]\nif.header.X-B = 2", 8,
         "error: a request could match both"},
        {SITE "[route a/api/* c]\nif.header.X-A = abc*\n[route a/api/* d]\nif.header.X-A = abd*", 0, NULL},
        {SITE "[route a/api/* c]\nif.header.X-A = ab*\n[route a/api/* d]\nif.header.X-A = abd*", 8,
         "error: a request could match both"},
        {SITE "[route a/api/* c]\nif.query.v = 1\n[route a/api/* d]\nif.query.V = 2", 8,
         "error: a request could match both"},
        {SITE "[route a/api/* c]\nif.client = 10.0.0.0/8\n[route a/api/* d]\nif.client = 192.168.0.0/16", 0,
         NULL},
        {SITE "[route a/api/* c]\nif.client = 10.0.0.0/8\n[route a/api/* d]\nif.client = 10.1.0.0/16", 8,
         "error: a request could match both"},
        {SITE "[route a/api/* c]\nif.method = GET\n[route a/api/* d]\nif.method = GET\nif.header.X = 1", 0,
         NULL},
        {SITE
         "[route a/api/* c]\nif.method = GET\n[route a/api/* d]\nif.client = 0.0.0.0/0 ::/0\nif.method = GET HEAD",
         0, NULL},
        {SITE "[route a/api/*]\nstrip = /x", 7,
         "warning: strip = /x: no path of [route a/api/*] begins with it"},
        {SITE "[route a/api/*]\nstrip = /ap", 7,
         "warning: strip = /ap: no path of [route a/api/*] begins with it"},
        {SITE "[route a/api/*]\nstrip = /api\npath = /y", 7, "warning: strip does nothing beside path"},
        {SITE "[route a/api/*]\nstrip = api", 7,
         "error: bad value \"api\" of strip: a path begins with \"/\""},
        {SITE "[route a/api/*]\nstrip = /api/*", 7, "error: bad value \"/api/*\" of strip"},
        {SITE "[route a/api/*]\npath = /x?y", 7, "error: bad value \"/x?y\" of path"},
        {SITE "[route a/api/*]\nhost = a b", 7, "error: bad value \"a b\" of host"},
    };

    MODEL_RUN(rows);
}

static bool
model_goes(const char *pattern, const char *label, const char *upstream)
{
    const struct wr_route *r = ct_route(0, pattern, label);

    return r && r->target.upstream && wr_str_eq(r->target.upstream->name, wr_str_of(upstream));
}

static void
model_test_inherited_targets(void)
{
    ct_load(
        MODEL_APP SITE
        "[route a/api/v2/*]\n[route a/api/v1]\ndeadline = 1s\n[route a/api/v1/x]\n[route a/other]\n"
        "[route a/api/* canary]\nif.header.X = 1\nto = c:1\n[route a/api/* both]\nif.header.X = 1\nif.method = GET\n"
        "[route a/api/* get]\nif.query.q = 1\n[route a/api/v3/* x]\nif.header.X = 1\nif.query.y = 1\n");
    tap_is_int((long long)ct_conf.errors, 1, "a tie of canary and get only");
    tap_ok(model_goes("/api/v2/*", "", "x:1"), "the longest prefix");
    tap_ok(model_goes("/api/v1", "", "x:2"), "a path key of the same pattern");
    tap_is_int((long long)ct_route(0, "/api/v1", "")->conf.deadline_ms, 1000, "is one route with it");
    tap_ok(model_goes("/api/v1/x", "", "x:1"), "an exact path is no prefix");
    tap_ok(model_goes("/other", "", "app"), "the root");
    tap_ok(model_goes("/api/*", "both", "c:1"), "of the same pattern, the one whose conditions hold too");
    tap_ok(model_goes("/api/*", "get", "x:1"), "not one whose conditions need not hold");
    tap_ok(model_goes("/api/v3/*", "x", "c:1"), "of a shorter pattern, one with conditions that hold");
    tap_is_int(ct_route(0, "/api/*", "both")->conditions, 2, "conditions are counted");
    tap_ok(wr_str_eq(ct_route(0, "/api/*", "both")->id, WR_STR("a/api/* both")), "a route's id");
}

static void
model_test_copies(void)
{
    ct_load(
        MODEL_APP
        "[server a]\ntls = off\n/* = app\n/h = x:1\n[server b]\ntls = off\n/* = app\n[server c @l]\ntls = off\n/z/* = app\n"
        "[route b/h]\nto = x:2\n[route /h]\nto = status:200 ok\ndeadline = 1s\n[route /q]\nhost = q\n");
    ct_silent("routes for every server");
    tap_ok(model_goes("/h", "", "x:1"), "a path key keeps its target");
    tap_is_int((long long)ct_route(0, "/h", "")->conf.deadline_ms, 1000, "and gets what the route says");
    tap_ok(ct_route(1, "/h", "")->target.upstream != NULL &&
               ct_route(1, "/h", "")->conf.deadline_ms == WR_OFF,
           "a server's own route excludes it");
    tap_is_int(ct_route(2, "/h", "")->target.kind, WR_TARGET_STATUS, "copied into a third");
    tap_ok(wr_str_eq(ct_route(2, "/h", "")->id, WR_STR("c@l/h")), "with an id of its own");
    tap_ok(ct_route(0, "/q", "") && !ct_route(2, "/q", ""), "without a target it is where there is one");
    ct_load(MODEL_APP "[server c]\ntls = off\n/z/* = app\n[route /q]\nhost = q\n");
    ct_says("t.ini:6: error: [route /q] has no \"to\", and no server has another route for its requests",
            "nowhere");
    ct_load(
        MODEL_APP
        "[server c]\ntls = off\n/z/* = app\n[server d]\ntls = off\n/z/* = app\n[route /z/*]\ndeadlin = 1s\n");
    tap_is_int((long long)ct_conf.errors, 1, "an error in it is said once");
    ct_load("[server a @x]\ntls = off\n/* = app\n[route a@x/y]\ndeadline = 1s\n" MODEL_APP);
    ct_silent("a route of a server with a label");
    tap_ok(ct_route(0, "/y", "") != NULL, "is there");
}

static void
model_test_near(void)
{
    static const struct model_row rows[] = {
        {"[server shop.example.com]\ntls = off\n/* = app\n[server shpo.example.com]\ntls = off\n/* = app", 4,
         "warning: the name shpo.example.com is one letter away from shop.example.com (t.ini:3)"},
        {"[server app1.example.com app2.example.com a.example.com b.example.com]\ntls = off\n/* = app", 0,
         NULL},
        {"[server a]\ntls = off\n/* = app\n/admin/* = app\n/admn/x = app", 0, NULL},
        {"[server a]\ntls = off\n/* = app\n/admin/* = app\n/admn/* = app", 5,
         "warning: the path /admn/* is one letter away from /admin/*"},
        {"[server a]\ntls = off\n/* = app\n/v1/* = app\n/v2/* = app\n/user/* = app\n/users/* = app", 0, NULL},
        {"[upstream backend]\nserver = x:1\n[upstream bakend]\nserver = x:2\n[server a]\ntls = off\n/* = app\n/x = backend\n/y = bakend",
         3, "warning: the upstream bakend is one letter away from backend (t.ini:3)"},
    };

    MODEL_RUN(rows);
}

static void
model_test_weir(void)
{
#define WEIR(v) "[server a]\ntls = off\nupstream = app\n[weir]\n" v
    static const struct model_row rows[] = {
        {WEIR("limit.header_line = 128k"), 5, "warning: limit.header_line is above limit.header_total"},
        {WEIR("limit.target = 32k"), 5, "warning: limit.target is above limit.header_line"},
        {WEIR("error_log = /var/log/x.log"), 0, NULL},
        {WEIR("error_log = \"/var/log/my x.log\" debug"), 0, NULL},
        {WEIR("error_log = stder warn"), 5,
         "error: bad value \"stder warn\" of error_log: neither stderr nor syslog nor an absolute path; it takes PATH | stderr | syslog, then a LEVEL; did you mean \"stderr\"?"},
        {WEIR("error_log = stderr wran"), 5,
         "error: bad value \"stderr wran\" of error_log: the level is alert, error, warn, notice, info or debug; it takes PATH | stderr | syslog, then a LEVEL; did you mean \"warn\"?"},
        {WEIR("error_log = x.log"), 5, "error: bad value \"x.log\" of error_log"},
        {WEIR("error_log = stderr warn now"), 5, "error: bad value"},
        {WEIR("pid = x"), 5, "error: bad value \"x\" of pid: not an absolute path of a file"},
        {WEIR("user = a b"), 5, "error: bad value \"a b\" of user"},
        {WEIR("workers = 0"), 5, "error: bad value \"0\" of workers: not between 1 and 128"},
        {WEIR("limit.header_total = 512"), 5,
         "error: bad value \"512\" of limit.header_total: not between 1k and 1m"},
        {WEIR("limit.header_count = 1001"), 5,
         "error: bad value \"1001\" of limit.header_count: not between 8 and 1000"},
        {WEIR("acme.contact = a@b"), 5, "error: acme.contact: known, not in this release"},
        {WEIR("") "[defaults]\ntls = atuo", 6,
         "error: bad value \"atuo\" of tls: it takes off | auto | internal | CERT KEY ...; did you mean \"auto\"?"},
        {WEIR("") "[log l]", 5, "error: [log l] needs a path"},
        {WEIR("") "[log l]\npath = /l", 5,
         "warning: [log l] is not used (access_log = l, in [defaults] or a server)"},
        {WEIR("") "[log l]\npath = /l\n[defaults]\naccess_log = k", 8,
         "error: access_log: there is no [log k]; did you mean \"l\"?"},
    };

    MODEL_RUN(rows);
    ct_load(
        MODEL_APP
        "[server a]\ntls = off\nupstream = app\n/x = app\n[weir]\nerror_log = \"/my x.log\"\n[log l]\npath = /l\nformat = json\n"
        "redact = token \"my key\"\n[defaults]\naccess_log = l\n[route a/x]\naccess_log = off\n");
    ct_silent("logs");
    const struct wr_model *m = ct_conf.model;
    tap_ok(wr_str_eq(m->weir.error_log.path, WR_STR("/my x.log")) && m->weir.error_log.level == WR_LOG_NOTICE,
           "error_log");
    tap_ok(m->logs[0]->conf.format == WR_LOG_JSON && m->logs[0]->conf.redact.n == 2, "a log");
    tap_is_int(ct_route(0, "/*", "")->log_index, 0, "its number on a route");
    tap_is_int(ct_route(0, "/x", "")->log_index, -1, "none");
    tap_is_int(m->servers[0]->preset_route->log_index, 0, "on preset routes too");
    bool numbered = true;

    for (size_t i = 0; i < m->routes_n; i++) {
        numbered &= m->routes[i]->index == i;
    }
    tap_ok(numbered && m->routes_n == 4, "all routes, preset ones too, are numbered");
}

static void
model_test_args(void)
{
    static char *const good[] = {":8080=localhost:3000", "127.0.0.1:81=unix:/run/app.sock",
                                 "[::1]:82=[::1]:83"};
    static char *const bad[] = {"8080", ":80=", "=x:1", "80=x:1", ":80=app"};

    ct_begin();
    bool ok = wr_conf_load_args(&ct_conf, 3, good);
    ct_end();
    ct_silent("the no-file form");
    tap_ok(ok && ct_conf.model->servers_n == 3 && ct_conf.model->listens_n == 3, "three servers");
    tap_ok(model_goes("/*", "", "localhost:3000"), "to where it says");
    char *text = ct_dump();
    tap_ok(ct_load(text), "-T of it reads back");
    free(text);
    ct_begin();
    wr_conf_load_args(&ct_conf, 5, bad);
    ct_end();
    ct_says("argument:1: error: \"8080\" is not LISTEN=UPSTREAM", "no =");
    ct_says("argument:2: error: \":80=\" is not LISTEN=UPSTREAM", "no upstream");
    ct_says("argument:3: error: \"=x:1\" is not LISTEN=UPSTREAM", "no address");
    ct_says("argument:4: error: listen: \"80\" is not an address: did you mean \":80\"?", "a bare port");
    ct_says("argument:5: error: upstream: there is no [upstream app]", "a name");
}

int
main(void)
{
    model_test_names();
    model_test_listen();
    model_test_tls();
    model_test_tls_once();
    model_test_tls_presets();
    model_test_targets();
    model_test_upstreams();
    model_test_upstream_tls();
    model_test_https_targets();
    model_test_balance();
    model_test_patterns();
    model_test_routes();
    model_test_inherited_targets();
    model_test_copies();
    model_test_near();
    model_test_weir();
    model_test_args();
    wr_pool_reset(&ct_pool);
    free(ct_out);
    return tap_done();
}
