/*
 * What the servers and the tls keys of an [upstream] mean together: all its
 * servers are reached by TLS or none is, and each has a name that can be looked
 * for in its certificate.
 */
#include "core/conf/model_build.h"

/* Whether a key stands in the section with a value that could be read. */
static bool
model_upstream_tls_sets(const struct wr_conf_section *s, const char *key)
{
    const struct wr_conf_entry *e = wr_bind_entry(s, wr_str_of(key));

    return e && !e->bad;
}

/* Servers that are written with https:// turn tls on. */
static void
model_upstream_tls_written(struct wr_model_build *mb, struct wr_upstream *u, struct wr_bind_set *set,
                           const struct wr_conf_section *s)
{
    const struct wr_upstream_server *https = NULL, *other = NULL;
    size_t row = wr_conf_model_row(set, "tls");

    for (size_t i = 0; i < u->servers_n; i++) {
        if (u->servers[i].https) {
            https = https ? https : &u->servers[i];
        } else {
            other = other ? other : &u->servers[i];
        }
    }
    if (!https || u->conf.tls || wr_bind_entry(s, WR_STR("tls"))) {
        if (https && !u->conf.tls && model_upstream_tls_sets(s, "tls")) {
            wr_conf_error(mb->cf, https->place, "https://%.*s contradicts tls = off (%s)",
                          WR_STR_ARG(https->address),
                          wr_conf_place_text(mb->pool, wr_conf_model_place(s, "tls")));
        }
        return;
    }
    if (other) {
        wr_conf_error(
            mb->cf, other->place,
            "%.*s has no https:// and another server of [upstream %.*s] has: all are reached by TLS, "
            "or none (tls = on says it for all)",
            WR_STR_ARG(other->address), WR_STR_ARG(u->name));
        return;
    }
    u->conf.tls = true;
    set->places.v[row] = https->place;
    set->places.text[row] = WR_STR("on");
}

/* Keys that mean nothing as things are. */
static void
model_upstream_tls_idle(struct wr_model_build *mb, const struct wr_upstream *u,
                        const struct wr_conf_section *s)
{
    static const char *const keys[] = {"tls.ca", "tls.name", "tls.verify", "tls.cert"};

    for (size_t i = 0; i < WR_ARRAY_LEN(keys); i++) {
        if (!u->conf.tls && model_upstream_tls_sets(s, keys[i])) {
            wr_conf_warn(mb->cf, wr_conf_model_place(s, keys[i]),
                         "%s does nothing: [upstream %.*s] has no tls = on", keys[i], WR_STR_ARG(u->name));
        }
    }
    if (u->conf.tls && !u->conf.tls_verify) {
        wr_conf_warn(mb->cf, wr_conf_model_place(s, "tls.verify"),
                     "tls.verify = off: connections to [upstream %.*s] can be read and changed by whoever "
                     "stands in between",
                     WR_STR_ARG(u->name));
        if (u->conf.tls_ca.n > 0) {
            wr_conf_warn(mb->cf, wr_conf_model_place(s, "tls.ca"),
                         "tls.ca does nothing with tls.verify = off");
        }
    }
}

/* A path is nobody's name. */
static void
model_upstream_tls_names(struct wr_model_build *mb, const struct wr_upstream *u)
{
    for (size_t i = 0; i < u->servers_n; i++) {
        const struct wr_upstream_server *us = &u->servers[i];
        if (us->numeric && us->addr.sa.sa_family == AF_UNIX && u->conf.tls && u->conf.tls_verify &&
            u->conf.tls_name.n == 0) {
            wr_conf_error(
                mb->cf, us->place,
                "%.*s has no host that its certificate could be for: set tls.name in [upstream %.*s]",
                WR_STR_ARG(us->address), WR_STR_ARG(u->name));
        }
    }
}

void
wr_conf_model_upstream_tls(struct wr_model_build *mb, struct wr_upstream *u, struct wr_bind_set *set,
                           const struct wr_conf_section *s)
{
    model_upstream_tls_written(mb, u, set, s);
    model_upstream_tls_idle(mb, u, s);
    if (!model_upstream_tls_sets(s, "tls.name")) {
        model_upstream_tls_names(mb, u);
    }
}
