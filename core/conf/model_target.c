/*
 * Where requests go: what a path key, `to` or `upstream` says.  It refuses to
 * take a word for a host: a name is an upstream's, or an error.
 */
#include "core/conf/model_build.h"

#include "core/conf/suggest.h"

#define MODEL_TARGET_GRAMMAR                                                                                 \
    "a target is the NAME of an upstream, HOST:PORT, http[s]://HOST[:PORT], unix:/PATH, redirect:URL or "    \
    "status:CODE TEXT"

struct model_target_job {
    struct wr_model_build *mb;
    struct wr_str key;
    struct wr_place place;
    struct wr_str text;
    struct wr_target *t;
};

static bool
model_target_refuse(struct model_target_job *job, const char *why)
{
    wr_conf_error(job->mb->cf, job->place, "%s = %s: %s", wr_conf_shown(job->mb->pool, job->key),
                  wr_conf_shown(job->mb->pool, job->text), why);
    return false;
}

/* ---------------------------------------------------------------- upstreams */

/* A host that an operator typed where a target stands: "localhost", "10.0.0.1". */
static bool
model_target_host_like(struct wr_str s)
{
    struct wr_ip ip;

    return wr_str_find(s, '.') >= 0 || wr_str_eq(s, WR_STR("localhost")) || wr_ip_parse(s, &ip);
}

static bool
model_target_name(struct model_target_job *job)
{
    struct wr_model_build *mb = job->mb;
    struct wr_upstream *u = wr_strmap_get(&mb->upstreams, job->text);
    struct wr_suggest sg;

    if (u) {
        u->references++;
        job->t->kind = WR_TARGET_UPSTREAM;
        job->t->upstream = u;
        return true;
    }
    bool guess = wr_suggest_begin(&sg, mb->cf, job->text);

    for (size_t i = 0; guess && i < mb->m->upstreams_n; i++) {
        if (!mb->m->upstreams[i]->anonymous) {
            wr_suggest_offer(&sg, mb->m->upstreams[i]->name, mb->m->upstreams[i]->references > 0);
        }
    }
    bool host = sg.n == 0 && model_target_host_like(job->text);

    wr_conf_error(mb->cf, job->place, "%s: there is no [upstream %s]%s%s", wr_conf_shown(mb->pool, job->key),
                  wr_conf_shown(mb->pool, job->text),
                  host ? " (a host is written with its port, as in localhost:8080)" : "",
                  wr_suggest_text(&sg, mb->pool));
    u = sg.n > 0 ? wr_strmap_get(&mb->upstreams, sg.best[0].word) : NULL;
    if (u) {
        u->references++; /* it is meant: no second message that it is not used */
    }
    return false;
}

static bool
model_target_server(struct model_target_job *job, struct wr_str address, bool https)
{
    struct wr_upstream_server us;

    if (!wr_conf_model_address(job->mb, address, job->key, job->place, &us)) {
        return false;
    }
    us.https = https;
    job->t->kind = WR_TARGET_UPSTREAM;
    job->t->upstream = wr_conf_model_anonymous(job->mb, &us, job->place);
    job->t->upstream->references++;
    return true;
}

static bool
model_target_address(struct model_target_job *job, struct wr_str address)
{
    return model_target_server(job, address, false);
}

static bool
model_target_url(struct model_target_job *job, struct wr_str rest, bool https)
{
    struct wr_str address;
    const char *why = wr_conf_model_authority(job->mb->pool, rest, https ? 443 : 80, &address);

    return why ? model_target_refuse(job, why) : model_target_server(job, address, https);
}

static bool
model_target_http(struct model_target_job *job, struct wr_str rest)
{
    return model_target_url(job, rest, false);
}

static bool
model_target_https(struct model_target_job *job, struct wr_str rest)
{
    return model_target_url(job, rest, true);
}

/* ---------------------------------------------------------------- redirect, status */

/* %{name} is closed and a name; "%%" is a percent sign. */
static const char *
model_target_variables_fault(struct wr_str s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] != '%' || s.p[i + 1] != '{') {
            i += s.p[i] == '%' && s.p[i + 1] == '%';
            continue;
        }
        size_t n = i + 2;
        for (; n < s.n && s.p[n] != '}'; n++) {
            char c = s.p[n];
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '.' || c == '-')) {
                return "%{...} holds the name of a variable";
            }
        }
        if (n == s.n || n == i + 2) {
            return n == s.n ? "\"%{\" needs a closing \"}\"" : "%{...} holds the name of a variable";
        }
        i = n;
    }
    return NULL;
}

static bool
model_target_redirect(struct model_target_job *job, struct wr_str rest)
{
    static const uint16_t codes[] = {301, 302, 303, 307, 308};
    struct wr_str url, word = WR_STR_NONE;
    uint64_t code = 302;

    rest = wr_str_trim(rest);
    struct wr_str words = rest;
    bool coded = wr_str_word(&words, &word) && wr_str_u64(word, 999, &code);

    url = coded ? wr_str_trim(words) : rest;
    bool known = false;

    for (size_t i = 0; i < WR_ARRAY_LEN(codes); i++) {
        known |= code == codes[i];
    }
    if (!known) {
        return model_target_refuse(job, "a redirect is 301, 302, 303, 307 or 308");
    }
    bool shape = wr_str_starts(url, WR_STR("http://")) || wr_str_starts(url, WR_STR("https://")) ||
        wr_str_starts(url, WR_STR("%{")) || (url.n > 0 && url.p[0] == '/');

    if (!shape) {
        return model_target_refuse(job, "redirect: takes a URL with http:// or https://, or a path");
    }
    for (size_t i = 0; i < url.n; i++) {
        if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f) {
            return model_target_refuse(job, "a URL has no blanks");
        }
    }
    const char *why = model_target_variables_fault(url);

    if (why) {
        return model_target_refuse(job, why);
    }
    job->t->kind = WR_TARGET_REDIRECT;
    job->t->status = (uint16_t)code;
    job->t->text = wr_pool_str(job->mb->pool, url);
    return true;
}

static bool
model_target_status(struct model_target_job *job, struct wr_str rest)
{
    struct wr_str code = WR_STR_NONE;
    uint64_t status;

    wr_str_word(&rest, &code);
    if (code.n != 3 || !wr_str_u64(code, 599, &status) || status < 200) {
        return model_target_refuse(job, "status: takes a code from 200 to 599, then a text");
    }
    job->t->text = wr_pool_str(job->mb->pool, wr_str_trim(rest));
    if (job->t->text.n > 0 && (status == 204 || status == 205 || status == 304)) {
        return model_target_refuse(job, "an answer with this code has no text");
    }
    job->t->kind = WR_TARGET_STATUS;
    job->t->status = (uint16_t)status;
    return true;
}

/* ---------------------------------------------------------------- which of them */

/* A word in front of a colon that is none of ours, but near one: "redirec:https://..." */
static bool
model_target_unknown(struct model_target_job *job)
{
    struct wr_pool *pool = job->mb->pool;
    ptrdiff_t colon = wr_str_find(job->text, ':');
    struct wr_suggest sg;

    wr_suggest_init(&sg, colon > 0 ? wr_str_make(job->text.p, (size_t)colon + 1) : job->text);
    wr_suggest_offer(&sg, WR_STR("redirect:"), 0);
    wr_suggest_offer(&sg, WR_STR("status:"), 0);
    wr_suggest_offer(&sg, WR_STR("unix:"), 0);
    wr_suggest_offer(&sg, WR_STR("http:"), 0);
    wr_suggest_offer(&sg, WR_STR("https:"), 0);
    wr_suggest_offer(&sg, WR_STR("file:"), 1);
    if (sg.n == 0 && colon > 0) {
        return model_target_address(job, job->text);
    }
    return model_target_refuse(
        job, wr_pool_printf(pool, "%s%s", MODEL_TARGET_GRAMMAR, wr_suggest_text(&sg, pool)).p);
}

/* Whether it can only be an address: HOST:digits. */
static bool
model_target_has_port(struct wr_str s)
{
    size_t n = s.n;

    while (n > 0 && s.p[n - 1] >= '0' && s.p[n - 1] <= '9') {
        n--;
    }
    return n < s.n && n > 1 && s.p[n - 1] == ':' && wr_str_find(s, '/') < 0;
}

bool
wr_conf_model_target(struct wr_model_build *mb, struct wr_str text, struct wr_str key, struct wr_place place,
                     struct wr_target *t)
{
    struct model_target_job job = {mb, key, place, wr_str_trim(text), t};
    static const struct {
        const char *word;
        bool (*parse)(struct model_target_job *, struct wr_str);
    } forms[] = {{"redirect:", model_target_redirect},
                 {"status:", model_target_status},
                 {"http://", model_target_http},
                 {"https://", model_target_https}};
    struct wr_str s = job.text;

    memset(t, 0, sizeof(*t));
    t->place = place;
    if (s.n == 0) {
        return model_target_refuse(&job, "nothing stands there; " MODEL_TARGET_GRAMMAR);
    }
    if (wr_conf_name_ok(s)) {
        return model_target_name(&job);
    }
    for (size_t i = 0; i < WR_ARRAY_LEN(forms); i++) {
        struct wr_str word = wr_str_of(forms[i].word);
        if (wr_str_starts(s, word)) {
            return forms[i].parse(&job, wr_str_make(s.p + word.n, s.n - word.n));
        }
    }
    if (wr_str_starts(s, WR_STR("dns:")) || wr_str_starts(s, WR_STR("srv:"))) {
        return model_target_refuse(&job, "that stands in an [upstream], as a server of it");
    }
    if (wr_str_starts(s, WR_STR("file:"))) {
        return model_target_refuse(&job, "known, not in this release");
    }
    if (wr_str_starts(s, WR_STR("unix:")) || model_target_has_port(s)) {
        return model_target_address(&job, s);
    }
    if (wr_str_find(s, ':') < 0 && wr_str_find(s, ' ') < 0 && wr_str_find(s, '/') < 0) {
        return model_target_name(&job);
    }
    return model_target_unknown(&job);
}
