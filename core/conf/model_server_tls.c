/*
 * What listen, tls, http and canonical of a server mean together: who has
 * certificates is reached by TLS, who has none is not, and plain HTTP is
 * where it was asked for.
 */
#include "core/conf/model_build.h"

#include "core/conf/suggest.h"

struct model_server_tls_job {
    struct wr_model_build *mb;
    const struct wr_model_server *ms;
    const char *head;  /* of its section, for messages */
    size_t messages_n; /* that there were before these checks */
};

/* Where a row's value stands, whatever it was worth; the section when it is the preset. */
static struct wr_place
model_server_tls_place(const struct wr_model_server *ms, const char *key)
{
    const struct wr_conf_entry *e = wr_bind_entry(ms->section, wr_str_of(key));
    struct wr_place place = ms->server_set.places.v[wr_conf_model_row(&ms->server_set, key)];

    return e ? e->place : place.file ? place : ms->section->place;
}

/* A value that could not be read was reported; what follows from its absence is not. */
static bool
model_server_tls_faulty(const struct model_server_tls_job *job, const char *key)
{
    struct wr_place place = model_server_tls_place(job->ms, key);

    for (size_t i = 0; i < job->messages_n; i++) {
        const struct wr_conf_message *m = &job->mb->cf->messages[i];
        if (m->error && m->place.file == place.file && m->place.line == place.line) {
            return true;
        }
    }
    return false;
}

static const char *
model_server_tls_value(const struct model_server_tls_job *job)
{
    struct wr_pool *pool = job->mb->pool;
    const struct wr_places *places = &job->ms->server_set.places;
    size_t row = wr_conf_model_row(&job->ms->server_set, "tls");

    return wr_pool_printf(pool, "tls = %s, %s", wr_conf_shown(pool, places->text[row]),
                          wr_conf_place_text(pool, places->v[row]))
        .p;
}

static const struct wr_listen *
model_server_tls_listen(const struct wr_server *s, bool tls)
{
    for (size_t i = 0; i < s->listens_n; i++) {
        if (s->listens[i]->tls == tls) {
            return s->listens[i];
        }
    }
    return NULL;
}

/* Certificates and addresses with tls go together. */
static void
model_server_tls_reached(const struct model_server_tls_job *job)
{
    const struct wr_listen *l = model_server_tls_listen(job->ms->s, true);
    struct wr_place place = model_server_tls_place(job->ms, "listen");
    bool has = wr_server_has_certificates(job->ms->s);

    if (has == (l != NULL) || model_server_tls_faulty(job, "tls") || model_server_tls_faulty(job, "listen")) {
        return;
    }
    if (has) {
        wr_conf_error(
            job->mb->cf, place,
            "listen: [%s] has certificates (%s) but no address with tls: add one, as in \":443 tls\"",
            job->head, model_server_tls_value(job));
    } else {
        wr_conf_error(
            job->mb->cf, place,
            "listen: %.*s has tls, but [%s] has no certificates (%s): write tls = CERT KEY or tls = "
            "internal there, or give it a listen without tls",
            WR_STR_ARG(l->text), job->head, model_server_tls_value(job));
    }
}

/* http = off is a promise that no address is plain. */
static void
model_server_tls_http(const struct model_server_tls_job *job)
{
    const struct wr_listen *plain = model_server_tls_listen(job->ms->s, false);
    struct wr_place place = model_server_tls_place(job->ms, "http");
    bool has = wr_server_has_certificates(job->ms->s);

    if (job->ms->s->conf.http != WR_HTTP_OFF || !plain) {
        return;
    }
    if (!has && !model_server_tls_faulty(job, "tls")) {
        wr_conf_error(job->mb->cf, place,
                      "http = off: [%s] has no certificates (%s), so plain HTTP is all that it could serve",
                      job->head, model_server_tls_value(job));
    } else if (has && model_server_tls_listen(job->ms->s, true)) {
        wr_conf_error(job->mb->cf, place, "http = off, but %.*s of [%s] (%s) has no tls",
                      WR_STR_ARG(plain->text), job->head,
                      wr_conf_place_text(job->mb->pool, model_server_tls_place(job->ms, "listen")));
    }
}

/* ---------------------------------------------------------------- canonical */

static bool
model_server_tls_has_name(const struct wr_server *s, struct wr_str host)
{
    for (size_t i = 0; i < s->names_n; i++) {
        struct wr_str name = s->names[i];
        bool suffix = wr_str_starts(name, WR_STR("*.")) && host.n > name.n - 1 &&
            wr_str_ends(host, wr_str_make(name.p + 1, name.n - 1));
        if (suffix || wr_str_eq(name, WR_STR("*")) || wr_str_eq(name, host)) {
            return true;
        }
    }
    return false;
}

static void
model_server_tls_canonical(const struct model_server_tls_job *job)
{
    struct wr_place place = model_server_tls_place(job->ms, "canonical");
    const struct wr_server *server = job->ms->s;
    struct wr_str host = server->conf.canonical;
    const char *why = host.n > 0 ? wr_conf_model_name_fault(host) : NULL;
    struct wr_conf *cf = job->mb->cf;
    struct wr_suggest sg;

    if (host.n == 0 || (!why && host.p[0] != '*' && model_server_tls_has_name(server, host))) {
        return;
    }
    if (wr_suggest_begin(&sg, cf, host)) {
        for (size_t i = 0; i < server->names_n; i++) {
            if (server->names[i].p[0] != '*') {
                wr_suggest_offer(&sg, server->names[i], 0);
            }
        }
    }
    if (why || host.p[0] == '*') {
        wr_conf_error(cf, place, "canonical: \"%s\" is no name to redirect to: %s%s",
                      wr_conf_shown(cf->pool, host), why ? why : "it is one name, without \"*\"",
                      wr_suggest_text(&sg, cf->pool));
    } else {
        wr_conf_error(cf, place, "canonical: [%s] has no name \"%s\"%s", job->head,
                      wr_conf_shown(cf->pool, host), wr_suggest_text(&sg, cf->pool));
    }
}

/* ---------------------------------------------------------------- all of them */

/* tls = auto, written or preset, means plain HTTP as long as nothing can issue certificates: said once. */
static void
model_server_tls_notice(struct wr_model_build *mb)
{
    for (size_t i = 0; i < mb->m->servers_n; i++) {
        if (mb->m->servers[i]->conf.tls.mode == WR_TLS_AUTO) {
            wr_conf_notice(
                mb->cf, wr_conf_model_place(mb->servers[i].section, "tls"),
                "tls = auto: there is no acme.contact (not in this release), so this is plain HTTP; tls = off says "
                "that it is meant");
            return;
        }
    }
}

void
wr_conf_model_servers_tls(struct wr_model_build *mb)
{
    struct model_server_tls_job job = {.mb = mb, .messages_n = mb->cf->messages_n};

    for (size_t i = 0; i < mb->m->servers_n; i++) {
        job.ms = &mb->servers[i];
        job.head = wr_conf_shown(mb->pool, job.ms->section->head);
        model_server_tls_reached(&job);
        model_server_tls_http(&job);
        model_server_tls_canonical(&job);
    }
    model_server_tls_notice(mb);
}
