/*
 * Rules on requests: a name that the handshake did not ask for may not get
 * round the rules of the one that it did (421); who the client is by its
 * certificate goes to the upstream.
 */
#include "modules/tls/tls_module.h"

/* Whether the two ask the same of clients.  Both have rules of the same connection's listener. */
static bool
tls_rule_same(const struct wr_tls_main *m, uint32_t a, uint32_t b)
{
    const struct wr_tls_site *x = m->site_of[a], *y = m->site_of[b];

    return a == b ||
        (x != NULL && y != NULL && x->conf->client == y->conf->client && x->conf->min == y->conf->min &&
         (x->conf->client == WR_TLS_CLIENT_OFF ||
          (x->conf->client_depth == y->conf->client_depth &&
           wr_str_eq(x->conf->client_ca, y->conf->client_ca) &&
           wr_str_eq(x->conf->client_crl, y->conf->client_crl))));
}

static void
tls_rule_tell(struct wr_req *r, enum wr_name id, struct wr_str value)
{
    if (value.n > 0) {
        wr_head_set(&r->req, &r->pool, id, value);
    } else {
        wr_head_remove(&r->req, id);
    }
}

/* Only a certificate that verifies says who somebody is. */
static void
tls_rule_tell_cert(struct wr_req *r, const struct wr_secure_facts *f)
{
    static const struct wr_secure_cert nobody;
    const struct wr_secure_cert *c = f->cert != NULL && strcmp(f->verify, "ok") == 0 ? f->cert : &nobody;

    tls_rule_tell(r, WR_N_X_CLIENT_CERT_VERIFY, wr_str_of(f->verify));
    tls_rule_tell(r, WR_N_X_CLIENT_CERT_SUBJECT, c->subject);
    tls_rule_tell(r, WR_N_X_CLIENT_CERT_ISSUER, c->issuer);
    tls_rule_tell(r, WR_N_X_CLIENT_CERT_SAN, c->san);
    tls_rule_tell(r, WR_N_X_CLIENT_CERT_SERIAL, c->serial);
    tls_rule_tell(r, WR_N_X_CLIENT_CERT_FINGERPRINT, c->fingerprint);
}

enum wr_step
wr_tls_rule_guard(struct wr_req *r, const void *conf, void *state)
{
    const struct wr_secure_facts *f = r->client != NULL ? r->client->secure : NULL;

    (void)conf;
    (void)state;
    if (f == NULL || r->server == NULL) {
        return WR_NEXT;
    }
    const struct wr_tls_main *m = wr_container(r->sv->secure, struct wr_tls_worker, secure)->main;

    if (!tls_rule_same(m, f->server, r->server->index)) {
        wr_req_fail(r, WR_E_MISDIRECTED);
        return WR_DONE;
    }
    if (m->site_of[r->server->index]->conf->client != WR_TLS_CLIENT_OFF) {
        tls_rule_tell_cert(r, f);
    }
    return WR_NEXT;
}

/* A configuration in which all servers are of one mind pays nothing. */
bool
wr_tls_rule_active(const struct wr_route *rt, const void *conf, void *main)
{
    const struct wr_tls_main *m = main;

    (void)rt;
    (void)conf;
    return m != NULL && m->in_use && m->differ;
}
