/*
 * What a worker has of TLS, without a configuration: one server, a.example,
 * with a certificate made here; and a context for connections to servers.
 */
#ifndef WR_LIB_TLS_WORLD_H
#define WR_LIB_TLS_WORLD_H

#include "modules/tls/tls_module.h"
#include "t/lib/ssl_peer.h"

struct tls_world {
    struct wr_pool pool;
    struct made cert;
    struct wr_tls_weir_conf weir;
    struct wr_tls_server_conf conf;
    struct wr_str name;
    struct wr_server server;
    struct wr_model model;
    struct wr_tls_site site;
    struct wr_tls_site *site_of[1];
    struct wr_tls_names names;
    struct wr_tls_names *names_of[1];
    struct wr_tls_main main;
    struct wr_tls_shop shop;
    struct wr_tls_ring ring;
    struct wr_tls_worker w;
    SSL_CTX *client;      /* for the role below */
    SSL_SESSION *session; /* the last that the client got */
    unsigned sessions;    /* how many it has got */
    uint16_t fault;       /* what the client calls a failed handshake */
};

static inline int
tls_world_on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_world *world = wr_tls_of(ssl)->of;

    SSL_SESSION_free(world->session);
    world->session = session;
    world->sessions++;
    return 1;
}

static inline uint16_t
tls_world_fault(struct wr_tls *t)
{
    (void)t;
    return WR_E_UPSTREAM_TLS_PROTOCOL;
}

/* As that of tls_client.c. */
static const struct wr_tls_role tls_world_client_role = {
    .server = false,
    .fault = tls_world_fault,
    .truncated = WR_E_UPSTREAM_TRUNCATED,
    .alerted = WR_E_UPSTREAM_TLS_ALERT,
};

static inline void
tls_world_site(struct tls_world *world)
{
    world->name = WR_STR("a.example");
    world->server = (struct wr_server){.names = &world->name, .names_n = 1};
    world->site = (struct wr_tls_site){.server = &world->server, .conf = &world->conf};
    world->site_of[0] = &world->site;
    world->names_of[0] = &world->names;
    wr_strmap_init(&world->names.exact, &world->pool, 1);
    wr_strmap_init(&world->names.wild, &world->pool, 1);
    wr_strmap_add(&world->names.exact, world->name, &world->site);
    world->names.first = &world->site;
    world->model.servers_n = 1;
    world->main = (struct wr_tls_main){.model = &world->model,
                                       .weir = &world->weir,
                                       .site_of = world->site_of,
                                       .names_of = world->names_of,
                                       .in_use = true};
}

static inline void
tls_world_load(struct tls_world *world)
{
    struct wr_tls_loaded *l = wr_calloc(2, sizeof(*l));
    char why[WR_TLS_WHY_BYTES];

    world->cert = make_cert(&(struct make_wish){.name = "a.example", .san = "DNS:a.example"});
    wr_assert(wr_tls_cert_load(&l->cert[0], NULL, make_cert_pem(&world->pool, world->cert.x),
                               make_key_pem(&world->pool, world->cert.key, NULL), why) == WR_TLS_CERT_GOOD);
    l->n = 1;
    l->loaded = true;
    world->w.loaded = l;
}

/* world is all zeros, but for settings in conf. */
static inline void
tls_world_begin(struct tls_world *world, struct wr_loop *l)
{
    world->weir.ticket_turn_ms = 3600 * 1000;
    world->conf.tickets = true;
    tls_world_site(world);
    tls_world_load(world);
    world->w.main = &world->main;
    world->w.shop = &world->shop;
    world->w.ring = &world->ring;
    wr_assert(wr_tls_ring_turn(&world->ring, 0) && wr_tls_shop_init(&world->shop, l) &&
              wr_tls_server_start(&world->w));
    world->client = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(world->client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(world->client, tls_world_on_session);
    SSL_CTX_set_options(world->client, SSL_OP_NO_RENEGOTIATION);
    wr_tls_shop_adopt(&world->shop, world->client, true);
}

static inline void
tls_world_end(struct tls_world *world)
{
    SSL_SESSION_free(world->session);
    SSL_CTX_free(world->client);
    wr_tls_server_stop(&world->w);
    wr_tls_loaded_free(&world->w);
    wr_tls_shop_fini(&world->shop);
    make_free(&world->cert);
    wr_pool_reset(&world->pool);
    wr_pool_trim();
}

#endif
