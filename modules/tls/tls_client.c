
#include "modules/tls/tls_module.h"
void
wr_tls_client_start(struct wr_tls_worker *w)
{
    (void)w;
}
void
wr_tls_client_stop(struct wr_tls_worker *w)
{
    (void)w;
}
void
wr_tls_client_refresh(struct wr_tls_worker *w)
{
    (void)w;
}
bool
wr_tls_origins_check(struct wr_conf *cf, struct wr_tls_main *m)
{
    (void)cf;
    (void)m;
    return true;
}
void
wr_tls_origins_verify(struct wr_conf *cf, const struct wr_tls_main *m)
{
    (void)cf;
    (void)m;
}
bool
wr_tls_client_connect(const struct wr_secure *self, struct wr_conn *c, uint32_t upstream, struct wr_str name,
                      uint64_t key)
{
    (void)self;
    (void)c;
    (void)upstream;
    (void)name;
    (void)key;
    return false;
}
