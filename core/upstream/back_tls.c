/*
 * TLS towards servers.  What the certificate is judged by follows from the
 * upstream; here is only who it has to be for.
 */
#include "core/upstream/back_tls.h"

#include "core/base/hash.h"

/* Without the port: "[::1]:443" is ::1. */
static struct wr_str
back_tls_host(struct wr_str address)
{
    size_t n = address.n;

    if (wr_str_starts(address, WR_STR("unix:"))) {
        return WR_STR_NONE;
    }
    while (n > 0 && address.p[n - 1] != ':') {
        n--;
    }
    struct wr_str host = n > 0 ? wr_str_make(address.p, n - 1) : address;
    bool v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    return v6 ? wr_str_make(host.p + 1, host.n - 2) : host;
}

struct wr_str
wr_back_tls_name(const struct wr_upstream_conf *conf, struct wr_str host, struct wr_str address)
{
    struct wr_str name = conf->tls_name.n > 0 ? conf->tls_name : host.n > 0 ? host : back_tls_host(address);

    if (name.n > 1 && name.p[name.n - 1] == '.') {
        name.n--;
    }
    return name;
}

enum wr_err
wr_back_tls_begin(const struct wr_secure *secure, struct wr_conn *c, const struct wr_upstream *up,
                  struct wr_str name, const struct wr_addr *to)
{
    char text[WR_ADDR_TEXT_BYTES];
    struct wr_str address = wr_str_make(text, wr_addr_text(to, text));

    wr_assert(secure != NULL && up->conf.tls);
    if (name.n == 0 && up->conf.tls_verify) {
        return WR_E_UPSTREAM_TLS_NAME; /* -t refuses it; a file of servers has brought it */
    }
    return secure->connect(secure, c, up->index, name, wr_hash_fixed(address)) ? WR_E_NONE
                                                                               : WR_E_UPSTREAM_TLS_SETUP;
}

enum wr_err
wr_back_tls_fault(const struct wr_conn *c, const char **why)
{
    const struct wr_secure_facts *facts = c->transport->facts(c);

    *why = facts != NULL && facts->why != NULL ? facts->why : "";
    return c->fault != WR_E_NONE ? (enum wr_err)c->fault : WR_E_UPSTREAM_TLS_PROTOCOL;
}
