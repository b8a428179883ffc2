/*
 * How the model is made, shared by model*.c: what is under construction and
 * the steps, in their order.  Each step reports its faults and goes on.
 */
#ifndef WR_CONF_MODEL_BUILD_H
#define WR_CONF_MODEL_BUILD_H

#include "core/conf/bind.h"

/* A route and how it came to be. */
struct wr_model_route {
    struct wr_route *r;
    const struct wr_conf_section *section; /* NULL: a path key alone */
    const struct wr_conf_section *copied;  /* the [route /PATH] that it, or a part of it, was copied from */
    bool keyed;                            /* there is a path key (or `upstream`) */
    bool has_target;                       /* one was written, even if it could not be read */
    bool dropped;                          /* a copy that has nowhere to go in this server */
    struct wr_model_route *same_pattern;   /* the next one of this pattern */
};

/* A [server] and what it hands down. */
struct wr_model_server {
    struct wr_server *s;
    const struct wr_conf_section *section;
    struct wr_bind_set server_set;
    struct wr_bind_set route_set;            /* its core struct is the preset route's conf */
    const struct wr_conf_section **sections; /* [route HOST/...] of this server */
    size_t sections_n;
    size_t sections_cap;
    struct wr_model_route *routes; /* in the order of s->routes */
    size_t routes_n;
    struct wr_strmap by_pattern; /* "PATTERN" -> the first struct wr_model_route of it */
};

struct wr_model_build {
    struct wr_conf *cf;
    struct wr_pool *pool;
    struct wr_model *m;
    struct wr_bind bind;
    struct wr_bind_set defaults_server;
    struct wr_bind_set defaults_route;
    const struct wr_conf_section *weir;
    struct wr_model_server *servers; /* in the order of m->servers */
    struct wr_strmap upstreams;      /* name or address -> struct wr_upstream */
    size_t upstreams_room;           /* of the map */
    size_t listens_cap;
    size_t servers_cap;
    size_t routes_cap;
    size_t upstreams_cap;
    size_t logs_cap;
    size_t own_cap;
};

/* model.c: the whole, from cf->source into cf->model. */
void wr_conf_model_make(struct wr_conf *cf);
/* A route with its structs copied from `parent`; not in any list yet. */
struct wr_route *wr_conf_model_route_new(struct wr_model_build *mb, const struct wr_bind_set *parent,
                                         struct wr_bind_set *set);
/* The position of a row among the places of its class. */
size_t wr_conf_model_row(const struct wr_bind_set *set, const char *name);
/* Where a value of a section's stands, or the section itself. */
struct wr_place wr_conf_model_place(const struct wr_conf_section *s, const char *key);

/* model_server.c: [server] sections, names, one name once a listener. */
void wr_conf_model_servers(struct wr_model_build *mb);
/* Why a name is none; NULL when it is one. */
const char *wr_conf_model_name_fault(struct wr_str name);

/* model_server_tls.c: whether listen, tls, http and canonical of each server fit together. */
void wr_conf_model_servers_tls(struct wr_model_build *mb);

/* model_listen.c: binds the listen words of one server. */
void wr_conf_model_listen(struct wr_model_build *mb, struct wr_model_server *ms);
/* Addresses that exclude each other; preset routes. */
void wr_conf_model_listens_check(struct wr_model_build *mb);

/* model_upstream.c: [upstream] sections. */
void wr_conf_model_upstreams(struct wr_model_build *mb);
/* One server address into *us.  False: reported under `what`. */
bool wr_conf_model_address(struct wr_model_build *mb, struct wr_str address, struct wr_str what,
                           struct wr_place place, struct wr_upstream_server *us);
/* What stands behind http:// and https://: *address is HOST:PORT, with the preset port where none is written (the
 * host is not judged).  Returns what is wrong with it, NULL when nothing is. */
const char *wr_conf_model_authority(struct wr_pool *pool, struct wr_str s, unsigned port,
                                    struct wr_str *address);
/* The upstream made for an address, by TLS or not, shared by all that name it. */
struct wr_upstream *wr_conf_model_anonymous(struct wr_model_build *mb, const struct wr_upstream_server *us,
                                            struct wr_place place);

/* model_upstream_tls.c: whether servers and tls keys of an [upstream] fit together. */
void wr_conf_model_upstream_tls(struct wr_model_build *mb, struct wr_upstream *u, struct wr_bind_set *set,
                                const struct wr_conf_section *s);

/* model_target.c: what a path key or `to` says.  False: reported. */
bool wr_conf_model_target(struct wr_model_build *mb, struct wr_str text, struct wr_str key,
                          struct wr_place place, struct wr_target *t);

/* model_pattern.c: a path key or the path of a [route]; *path is the part in front of a final slash and
 * asterisk.  False: reported. */
bool wr_conf_model_pattern(struct wr_model_build *mb, struct wr_str pattern, struct wr_place place,
                           struct wr_str *path, bool *prefix);

/* model_route.c: path keys and [route] sections into the routes of each server. */
void wr_conf_model_routes(struct wr_model_build *mb);

/* model_match.c: targets of routes without `to`, ties. */
void wr_conf_model_inherit_targets(struct wr_model_build *mb);
void wr_conf_model_ties(struct wr_model_build *mb);

/* Whether `r` takes every request that `of` would, their conditions alone considered. */
bool wr_conf_model_covers(const struct wr_route_conf *r, const struct wr_route_conf *of);

#define WR_MODEL_NEAR_MOST 4096 /* nobody typed more names than this: they are not compared */
/* model_near.c: warns about pairs of free names that one letter tells apart. */
struct wr_model_name {
    struct wr_str text;
    struct wr_place place;
};
void wr_conf_model_near(struct wr_model_build *mb, const char *what, const struct wr_model_name *names,
                        size_t n);

/* model_check.c: what is legal but hardly meant. */
void wr_conf_model_check(struct wr_model_build *mb);

#endif
