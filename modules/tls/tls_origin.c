/*
 * Upstreams with TLS: which files they need, and what is wrong with those.
 */
#include "modules/tls/tls_module.h"

bool
wr_tls_origins_check(struct wr_conf *cf, struct wr_tls_main *m)
{
    for (size_t i = 0; i < m->model->upstreams_n; i++) {
        const struct wr_upstream *u = m->model->upstreams[i];
        if (!u->conf.tls) {
            continue;
        }
        m->in_use = true;
        if (u->conf.tls_verify && u->conf.tls_ca.n > 0) {
            wr_conf_file(cf, wr_conf_place_of(WR_CLASS_UPSTREAM, &u->places, "tls.ca"), u->conf.tls_ca, false,
                         false);
        }
        if (u->conf.tls_cert.cert.n > 0) {
            struct wr_place place = wr_conf_place_of(WR_CLASS_UPSTREAM, &u->places, "tls.cert");
            cf->keeper_secrets = cf->keeper_secrets || u->conf.health_interval_ms > 0;
            wr_conf_file(cf, place, u->conf.tls_cert.cert, false, false);
            wr_conf_file(cf, place, u->conf.tls_cert.key, true, false);
        }
    }
    return true;
}

static void
tls_origin_verify_ca(struct wr_conf *cf, const struct wr_upstream *u)
{
    struct wr_file f;
    char why[WR_TLS_WHY_BYTES];

    if (!u->conf.tls_verify || u->conf.tls_ca.n == 0 || !wr_files_find(u->conf.tls_ca, &f) || f.error != 0 ||
        !wr_files_changed(&f)) {
        return;
    }
    X509_STORE *store = wr_tls_store_load(f.bytes, WR_STR_NONE, NULL, why);
    if (store == NULL) {
        wr_conf_error(cf, wr_conf_place_of(WR_CLASS_UPSTREAM, &u->places, "tls.ca"), "tls.ca: %.*s: %s",
                      WR_STR_ARG(u->conf.tls_ca), why);
        wr_files_refuse(&f);
    }
    X509_STORE_free(store);
}

static void
tls_origin_verify_cert(struct wr_conf *cf, const struct wr_upstream *u)
{
    const struct wr_tls_pair *p = &u->conf.tls_cert;
    struct wr_file c, k;
    struct wr_tls_cert cert;
    char why[WR_TLS_WHY_BYTES];

    if (p->cert.n == 0 || !wr_files_find(p->cert, &c) || !wr_files_find(p->key, &k) || c.error != 0 ||
        k.error != 0 || !(wr_files_changed(&c) || wr_files_changed(&k))) {
        return;
    }
    if (wr_tls_cert_load(&cert, NULL, c.bytes, k.bytes, why) == WR_TLS_CERT_GOOD) {
        wr_tls_cert_free(&cert);
        return;
    }
    wr_conf_error(cf, wr_conf_place_of(WR_CLASS_UPSTREAM, &u->places, "tls.cert"),
                  "tls.cert: %.*s and %.*s: %s", WR_STR_ARG(p->cert), WR_STR_ARG(p->key), why);
    wr_files_refuse(&c);
    wr_files_refuse(&k);
}

void
wr_tls_origins_verify(struct wr_conf *cf, const struct wr_tls_main *m)
{
    for (size_t i = 0; i < m->model->upstreams_n; i++) {
        if (m->model->upstreams[i]->conf.tls) {
            tls_origin_verify_ca(cf, m->model->upstreams[i]);
            tls_origin_verify_cert(cf, m->model->upstreams[i]);
        }
    }
}
