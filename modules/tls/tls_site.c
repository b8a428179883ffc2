/*
 * The servers that speak TLS and the names that lead to them: made once a
 * cycle, before anything is opened; and what can be said of their files.
 */
#include "modules/tls/tls_module.h"

#include <stdlib.h>

#include "config.h"
#include "modules/tls/mint.h"

#define TLS_SITE_WAIT_MS 5000 /* for another weir that uses the same store */

/* ---- names ---- */

static void
tls_site_add_name(struct wr_tls_names *names, struct wr_str name, struct wr_tls_site *site)
{
    if (wr_str_eq(name, WR_STR("*"))) {
        names->any = site;
    } else if (name.n > 2 && name.p[0] == '*') {
        wr_strmap_add(&names->wild, wr_str_make(name.p + 2, name.n - 2), site);
    } else {
        wr_strmap_add(&names->exact, name, site);
    }
}

static struct wr_tls_names *
tls_site_make_names(struct wr_pool *pool, const struct wr_tls_main *m, const struct wr_listen *l)
{
    struct wr_tls_names *names = wr_pool_zalloc(pool, sizeof(*names));
    uint32_t most = 1;

    for (size_t i = 0; i < l->servers_n; i++) {
        most += (uint32_t)l->servers[i]->names_n;
    }
    wr_strmap_init(&names->exact, pool, most);
    wr_strmap_init(&names->wild, pool, most);
    for (size_t i = 0; i < l->servers_n; i++) {
        struct wr_tls_site *site = m->site_of[l->servers[i]->index];
        for (size_t k = 0; site != NULL && k < l->servers[i]->names_n; k++) {
            tls_site_add_name(names, l->servers[i]->names[k], site);
        }
        names->first = names->first != NULL ? names->first : site;
    }
    return names;
}

const struct wr_tls_site *
wr_tls_site_find(const struct wr_tls_names *names, struct wr_str name)
{
    const struct wr_tls_site *site = wr_strmap_get(&names->exact, name);
    struct wr_str rest = name;
    ptrdiff_t dot;

    if (name.n == 0) {
        return names->any != NULL ? names->any : names->first;
    }
    while (site == NULL && (dot = wr_str_find(rest, '.')) >= 0) {
        rest = wr_str_make(rest.p + dot + 1, rest.n - (size_t)dot - 1);
        site = wr_strmap_get(&names->wild, rest);
    }
    return site != NULL ? site : names->any;
}

/* ---- servers ---- */

static void
tls_site_name_files(struct wr_conf *cf, struct wr_tls_site *site)
{
    site->staples = wr_pool_zalloc(cf->pool, (site->pairs_n + 1) * sizeof(*site->staples));
    for (size_t i = 0; i < site->pairs_n; i++) {
        site->staples[i] = wr_pool_printf(cf->pool, "%.*s.ocsp", WR_STR_ARG(site->pairs[i].cert));
        wr_conf_file(cf, site->place, site->pairs[i].cert, false, site->internal);
        wr_conf_file(cf, site->place, site->pairs[i].key, true, site->internal);
        wr_conf_file(cf, site->place, site->staples[i], false, true);
    }
    if (site->conf->client != WR_TLS_CLIENT_OFF) {
        wr_conf_file(cf, site->place, site->conf->client_ca, false, false);
    }
    if (site->conf->client != WR_TLS_CLIENT_OFF && site->conf->client_crl.n > 0) {
        wr_conf_file(cf, site->place, site->conf->client_crl, false, false);
    }
}

static void
tls_site_make(struct wr_conf *cf, struct wr_tls_main *m, const struct wr_server *s)
{
    struct wr_tls_site *site = wr_pool_zalloc(cf->pool, sizeof(*site));

    site->server = s;
    site->conf = s->mconf[m->module];
    site->place = wr_conf_place_of(WR_CLASS_SERVER, &s->places, "tls");
    if (site->place.file == NULL) {
        site->place = s->place;
    }
    site->internal = s->conf.tls.mode == WR_TLS_INTERNAL;
    site->pairs = s->conf.tls.pairs;
    site->pairs_n = s->conf.tls.pairs_n;
    if (site->internal) {
        site->pairs = wr_pool_alloc(cf->pool, sizeof(*site->pairs));
        site->pairs[0] = wr_mint_paths(cf->pool, m->store, s->names[0], s->label);
        site->pairs_n = 1;
    }
    if (site->conf->client != WR_TLS_CLIENT_OFF && site->conf->client_ca.n == 0) {
        wr_conf_error(cf, s->place,
                      "tls.client needs tls.client_ca: the authorities that sign clients' certificates");
        return;
    }
    m->differ = m->differ || site->conf->client != WR_TLS_CLIENT_OFF || site->conf->min != WR_TLS_MIN_12;
    m->site_of[s->index] = site;
    tls_site_name_files(cf, site);
}

bool
wr_tls_sites_make(struct wr_conf *cf, struct wr_tls_main *m)
{
    const struct wr_model *model = m->model;

    m->store = m->weir->store.n > 0 ? m->weir->store : WR_STR(WR_LOCALSTATEDIR "/lib/weir");
    m->site_of = wr_pool_zalloc(cf->pool, (model->servers_n + 1) * sizeof(*m->site_of));
    m->names_of = wr_pool_zalloc(cf->pool, (model->listens_n + 1) * sizeof(*m->names_of));
    for (size_t i = 0; i < model->servers_n; i++) {
        if (wr_server_has_certificates(model->servers[i])) {
            tls_site_make(cf, m, model->servers[i]);
        }
        m->internals += model->servers[i]->conf.tls.mode == WR_TLS_INTERNAL;
    }
    if (m->internals > 0) {
        cf->makes = true;
        m->authority = wr_pool_printf(cf->pool, "%.*s/internal/ca.crt", WR_STR_ARG(m->store));
        wr_conf_file(cf, (struct wr_place){0}, m->authority, false, true);
    }
    for (size_t i = 0; i < model->listens_n; i++) {
        if (model->listens[i]->tls) {
            m->names_of[i] = tls_site_make_names(cf->pool, m, model->listens[i]);
            m->in_use = true;
        }
    }
    return cf->errors == 0;
}

/* ---- the internal authority ---- */

bool
wr_tls_sites_mint(const struct wr_tls_main *m)
{
    struct wr_mint_leaf *leaves = wr_calloc(m->internals + 1, sizeof(*leaves));
    struct wr_mint_job job = {
        .store = m->store, .leaves = leaves, .now = (int64_t)time(NULL), .wait_ms = TLS_SITE_WAIT_MS};
    struct wr_mint_result res;

    for (size_t i = 0; i < m->model->servers_n && job.leaves_n < m->internals; i++) {
        const struct wr_tls_site *site = m->site_of[i];
        if (site != NULL && site->internal) {
            leaves[job.leaves_n++] = (struct wr_mint_leaf){
                .files = site->pairs[0], .names = site->server->names, .names_n = site->server->names_n};
        }
    }
    bool ok = job.leaves_n == 0 || wr_mint_run(&job, &res);

    free(leaves);
    return ok;
}

/* ---- files ---- */

/* Which names no certificate of the server is for, which are over, or not yet good: all warnings. */
static void
tls_site_warn(struct wr_conf *cf, const struct wr_tls_site *site, const struct wr_tls_cert *certs, size_t n)
{
    time_t now = time(NULL);

    for (size_t i = 0; i < n; i++) {
        if (certs[i].not_after < now || certs[i].not_before > now) {
            wr_conf_warn(cf, site->place, "tls: the certificate in %.*s is %s: clients will refuse it",
                         WR_STR_ARG(site->pairs[i].cert),
                         certs[i].not_after < now ? "out of date" : "not good yet");
        }
    }
    for (size_t k = 0; k < site->server->names_n; k++) {
        struct wr_str name = site->server->names[k];
        bool covered = wr_str_eq(name, WR_STR("*"));
        for (size_t i = 0; i < n && !covered; i++) {
            covered = wr_tls_cert_names(&certs[i], name);
        }
        if (!covered) {
            wr_conf_warn(cf, site->place, "tls: no certificate of this server is for the name %.*s",
                         WR_STR_ARG(name));
        }
    }
}

/* Two certificates of one kind of key: only one of them would ever be sent. */
static void
tls_site_warn_kinds(struct wr_conf *cf, const struct wr_tls_site *site, const struct wr_tls_cert *certs,
                    size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            if (EVP_PKEY_get_base_id(certs[i].key) == EVP_PKEY_get_base_id(certs[k].key)) {
                wr_conf_warn(cf, site->place,
                             "tls: %.*s and %.*s have keys of one kind: the second is the one in use",
                             WR_STR_ARG(site->pairs[i].cert), WR_STR_ARG(site->pairs[k].cert));
            }
        }
    }
}

static bool
tls_site_verify_pair(struct wr_conf *cf, struct wr_tls_reader *rd, const struct wr_tls_site *site, size_t i,
                     struct wr_tls_cert *cert)
{
    const struct wr_tls_pair *p = &site->pairs[i];
    struct wr_file c, k, o;
    char why[WR_TLS_WHY_BYTES];

    if (!wr_files_find(p->cert, &c) || !wr_files_find(p->key, &k) || c.error != 0 || k.error != 0) {
        return false; /* that they cannot be read is told by who reads them */
    }
    enum wr_tls_cert_fault fault = wr_tls_cert_load(cert, rd, c.bytes, k.bytes, why);
    if (fault != WR_TLS_CERT_GOOD) {
        wr_conf_error(cf, site->place, "tls: %.*s%s%.*s: %s",
                      WR_STR_ARG(fault == WR_TLS_KEY_FILE ? p->key : p->cert),
                      fault == WR_TLS_CERT_PAIR ? " and " : "", fault == WR_TLS_CERT_PAIR ? (int)p->key.n : 0,
                      p->key.p, why);
        wr_files_refuse(&c);
        wr_files_refuse(&k);
        return false;
    }
    if (cf->isolated && !wr_tls_remote_can(cert->leaf)) {
        wr_conf_error(cf, site->place, "tls: %.*s: with tls.keys = isolated a key has to be EC or RSA",
                      WR_STR_ARG(p->cert));
        wr_files_refuse(&c);
        wr_files_refuse(&k);
        wr_tls_cert_free(cert);
        return false;
    }
    if (wr_files_find(site->staples[i], &o) && o.error == 0 && !wr_tls_cert_staple(cert, o.bytes, why)) {
        wr_conf_warn(cf, site->place, "tls: %.*s: %s; nothing is stapled", WR_STR_ARG(site->staples[i]), why);
    }
    return true;
}

static bool
tls_site_changed(struct wr_str path)
{
    struct wr_file f;

    return wr_files_find(path, &f) && wr_files_changed(&f);
}

static void
tls_site_verify_pairs(struct wr_conf *cf, struct wr_tls_reader *rd, const struct wr_tls_site *site)
{
    struct wr_tls_cert certs[WR_SERVER_PAIRS_MOST];
    bool changed = false;
    size_t n = 0;

    for (size_t i = 0; i < site->pairs_n; i++) {
        changed = changed || tls_site_changed(site->pairs[i].cert) || tls_site_changed(site->pairs[i].key) ||
            tls_site_changed(site->staples[i]);
    }
    while (changed && n < site->pairs_n && tls_site_verify_pair(cf, rd, site, n, &certs[n])) {
        n++;
    }
    if (n == site->pairs_n && n > 0) {
        tls_site_warn(cf, site, certs, n);
        tls_site_warn_kinds(cf, site, certs, n);
    }
    while (n > 0) {
        wr_tls_cert_free(&certs[--n]);
    }
}

static void
tls_site_verify_authorities(struct wr_conf *cf, const struct wr_tls_site *site)
{
    struct wr_str crls = WR_STR_NONE;
    struct wr_file ca, crl;
    char why[WR_TLS_WHY_BYTES];
    bool has_crl = site->conf->client_crl.n > 0;

    if (site->conf->client == WR_TLS_CLIENT_OFF || !wr_files_find(site->conf->client_ca, &ca) ||
        ca.error != 0 || (has_crl && (!wr_files_find(site->conf->client_crl, &crl) || crl.error != 0)) ||
        !(wr_files_changed(&ca) || (has_crl && wr_files_changed(&crl)))) {
        return;
    }
    if (has_crl) {
        crls = crl.bytes;
    }
    X509_STORE *store = wr_tls_store_load(ca.bytes, crls, NULL, why);
    if (store == NULL) {
        wr_conf_error(cf, site->place, "tls.client_ca: %.*s: %s", WR_STR_ARG(site->conf->client_ca), why);
        wr_files_refuse(&ca);
        if (has_crl) {
            wr_files_refuse(&crl);
        }
    }
    X509_STORE_free(store);
}

void
wr_tls_sites_verify(struct wr_conf *cf, struct wr_tls_main *m)
{
    struct wr_tls_reader rd;

    if (!wr_tls_reader_init(&rd)) {
        wr_conf_error(cf, (struct wr_place){0}, "the TLS library cannot read keys");
        wr_tls_reader_fini(&rd);
        return;
    }
    for (size_t i = 0; i < m->model->servers_n; i++) {
        if (m->site_of[i] != NULL) {
            tls_site_verify_pairs(cf, &rd, m->site_of[i]);
            tls_site_verify_authorities(cf, m->site_of[i]);
        }
    }
    wr_tls_reader_fini(&rd);
}
