/*
 * Words of the language whose part is not built yet.  A row or a section kind
 * that a module brings goes before these, so an entry that is left behind
 * does no harm; it should go all the same when its module comes.
 */
#include "core/conf/conf.h"

const struct wr_future_key wr_future_keys[] = {
    {WR_IN_WEIR, "acme.contact"},
    {WR_IN_WEIR, "acme.directory"},
    {WR_IN_WEIR, "acme.ca"},
    {WR_IN_WEIR, "acme.dns_hook"},
    {WR_IN_WEIR, "acme.split"},
    {WR_IN_SITE, "allow"},
    {WR_IN_SITE, "deny"},
    {WR_IN_SITE, "auth"},
    {WR_IN_SITE, "limit"},
    {WR_IN_SITE, "waf"},
    {WR_IN_SITE, "cache"},
    {WR_IN_SITE, "compress"},
    {WR_IN_SITE, "compress.types"},
    {WR_IN_SITE, "compress.min"},
    {WR_IN_SITE, "compress.level.*"},
    {WR_IN_SITE, "error_page.*"},
    {WR_IN_UPSTREAM, "protocol"},
    {WR_IN_UPSTREAM, "proxy_protocol"},
    {0, NULL},
};

const char *const wr_future_sections[] = {"cache", "limit", "auth", "waf", "metrics", NULL};
