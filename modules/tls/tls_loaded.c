/*
 * What a worker has made of a site's files.  A certificate is read when the
 * first client wants it; when files change, what had been read is read anew, and
 * a set that cannot be used leaves the old one in its place (the master's check
 * has said why).
 */
#include "modules/tls/tls_module.h"

/* ---- reading ---- */

static void
tls_loaded_unload(struct wr_tls_loaded *l)
{
    for (size_t i = 0; i < l->n; i++) {
        wr_tls_cert_free(&l->cert[i]);
    }
    X509_STORE_free(l->store);
    sk_X509_NAME_pop_free(l->names, X509_NAME_free);
    memset(l, 0, sizeof(*l));
}

bool
wr_tls_loaded_pair(struct wr_tls_worker *w, const struct wr_tls_pair *pair, struct wr_tls_cert *cert,
                   uint64_t versions[2], char why[WR_TLS_WHY_BYTES])
{
    struct wr_str pem = wr_files_bytes(pair->cert, &versions[0]);
    struct wr_str key = wr_files_bytes(pair->key, &versions[1]);

    if (w->remote == NULL) {
        return wr_tls_cert_load(cert, NULL, pem, key, why) == WR_TLS_CERT_GOOD;
    }
    if (wr_tls_cert_load_public(cert, pem, why) != WR_TLS_CERT_GOOD) {
        return false;
    }
    cert->key = wr_tls_remote_key(w->remote, cert->leaf, pair->key);
    if (cert->key == NULL) {
        snprintf(why, WR_TLS_WHY_BYTES, "its key cannot be isolated");
        wr_tls_cert_free(cert);
    }
    return cert->key != NULL;
}

static void
tls_loaded_add(struct wr_tls_worker *w, const struct wr_tls_site *site, size_t i, struct wr_tls_loaded *l)
{
    char why[WR_TLS_WHY_BYTES];
    struct wr_str staple = wr_files_bytes(site->staples[i], &l->versions[3 * i + 2]);

    if (!wr_tls_loaded_pair(w, &site->pairs[i], &l->cert[l->n], &l->versions[3 * i], why)) {
        wr_log(WR_LOG_ERROR, "certificate cannot be used file=%.*s: %s; going on without it",
               WR_STR_ARG(site->pairs[i].cert), why);
        return;
    }
    if (staple.n > 0) {
        wr_tls_cert_staple(&l->cert[l->n], staple, why);
    }
    l->n++;
}

static bool
tls_loaded_authorities(const struct wr_tls_site *site, struct wr_tls_loaded *l, struct wr_str *ca,
                       struct wr_str *crl)
{
    char why[WR_TLS_WHY_BYTES];
    uint64_t version;

    *ca = *crl = WR_STR_NONE;
    if (site->conf->client == WR_TLS_CLIENT_OFF) {
        return true;
    }
    *ca = wr_files_bytes(site->conf->client_ca, &version);
    l->authorities = version;
    *crl = wr_files_bytes(site->conf->client_crl, &version);
    l->revoked = version;
    l->store =
        site->conf->client_crl.n > 0 && crl->n == 0 ? NULL : wr_tls_store_load(*ca, *crl, &l->names, why);
    if (l->store == NULL) {
        /* without them nobody could be told from anybody */
        wr_log(WR_LOG_ERROR,
               "authorities of clients cannot be used file=%.*s; handshakes of the server are refused",
               WR_STR_ARG(site->conf->client_ca));
    }
    return l->store != NULL;
}

/* ---- what sessions are bound to ---- */

static void
tls_loaded_hash_str(EVP_MD_CTX *md, struct wr_str s)
{
    uint64_t n = s.n;

    EVP_DigestUpdate(md, &n, sizeof(n));
    EVP_DigestUpdate(md, s.p, s.n);
}

/* What is asked of clients, then the server. */
static bool
tls_loaded_bind(const struct wr_tls_site *site, struct wr_str ca, struct wr_str crl, struct wr_tls_loaded *l)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int64_t facts[] = {site->conf->client, site->conf->client_depth, site->conf->min};
    uint8_t policy[WR_TLS_ID_BYTES];

    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    EVP_DigestUpdate(md, facts, sizeof(facts));
    tls_loaded_hash_str(md, ca);
    tls_loaded_hash_str(md, crl);
    bool ok = EVP_DigestFinal_ex(md, policy, NULL) == 1;

    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    EVP_DigestUpdate(md, policy, sizeof(policy));
    tls_loaded_hash_str(md, site->server->label);
    for (size_t i = 0; i < site->server->names_n; i++) {
        tls_loaded_hash_str(md, site->server->names[i]);
    }
    ok = ok && EVP_DigestFinal_ex(md, l->id, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

/* ---- the whole ---- */

static bool
tls_loaded_load(struct wr_tls_worker *w, const struct wr_tls_site *site, struct wr_tls_loaded *l)
{
    struct wr_str ca, crl;

    for (size_t i = 0; i < site->pairs_n; i++) {
        tls_loaded_add(w, site, i, l);
    }
    l->loaded = l->n > 0 && tls_loaded_authorities(site, l, &ca, &crl) && tls_loaded_bind(site, ca, crl, l);
    return l->loaded;
}

bool
wr_tls_loaded_get(struct wr_tls_worker *w, const struct wr_tls_site *site, struct wr_tls_loaded **out)
{
    struct wr_tls_loaded *l = &w->loaded[site->server->index];

    *out = l;
    if (wr_unlikely(!l->loaded) && !tls_loaded_load(w, site, l)) {
        tls_loaded_unload(l);
        return false;
    }
    return true;
}

static bool
tls_loaded_is_old(const struct wr_tls_site *site, const struct wr_tls_loaded *l)
{
    bool old = site->conf->client != WR_TLS_CLIENT_OFF &&
        (wr_files_differs(site->conf->client_ca, l->authorities) ||
         wr_files_differs(site->conf->client_crl, l->revoked));

    for (size_t i = 0; i < site->pairs_n && !old; i++) {
        old = wr_files_differs(site->pairs[i].cert, l->versions[3 * i]) ||
            wr_files_differs(site->pairs[i].key, l->versions[3 * i + 1]) ||
            wr_files_differs(site->staples[i], l->versions[3 * i + 2]);
    }
    return old;
}

void
wr_tls_loaded_refresh(struct wr_tls_worker *w)
{
    for (size_t i = 0; i < w->main->model->servers_n; i++) {
        const struct wr_tls_site *site = w->main->site_of[i];
        struct wr_tls_loaded *l = &w->loaded[i];
        struct wr_tls_loaded fresh = {0};
        if (!l->loaded || !tls_loaded_is_old(site, l)) {
            continue;
        }
        if (tls_loaded_load(w, site, &fresh)) {
            tls_loaded_unload(l);
            *l = fresh;
        } else {
            tls_loaded_unload(&fresh);
        }
    }
}

void
wr_tls_loaded_free(struct wr_tls_worker *w)
{
    for (size_t i = 0; i < w->main->model->servers_n; i++) {
        tls_loaded_unload(&w->loaded[i]);
    }
    free(w->loaded);
}
