/*
 * The resolver's objects, and the names among them: HOST:PORT, asked for when
 * its time is over, for as long as somebody wants it.
 */
#ifndef WR_UPSTREAM_RESOLVE_NAME_H
#define WR_UPSTREAM_RESOLVE_NAME_H

#include "core/base/hash.h"
#include "core/upstream/found.h"
#include "core/upstream/resolve.h"
#include "core/upstream/dns.h"
#include "core/upstream/share.h"
#include "core/upstream/source_file.h"

/* HOST:PORT and what it stands for; shared by all who name it. */
struct wr_resolve_name {
    struct wr_link link;
    struct wr_resolver *rs;
    struct wr_timer timer;
    unsigned refs;
    uint16_t port;
    bool plain;    /* a server of the configuration goes by it: it is published as a name */
    bool answered; /* something can be told, be it that there is nothing */
    bool asking;
    bool dropped; /* nobody wants it any more, but an answer is to come */
    bool failing; /* the last answer was none: told once */
    uint64_t retry_ms;
    struct wr_addr *addrs; /* the last good answer */
    size_t addrs_n;
    struct wr_str address; /* "host:port" */
    char host[256];
    char text[264];
};

/* A server of a source as it is published. */
struct wr_resolve_server {
    struct wr_found_server s; /* s.name points to name */
    char name[WR_SHARE_NAME_BYTES * 2];
};

struct wr_resolve_target {
    struct wr_resolve_name *name; /* NULL: entry.addr is set */
    struct wr_source_entry entry;
    char address[WR_SHARE_NAME_BYTES * 2]; /* entry.address is a slice of it */
    uint16_t priority;
};

struct wr_resolve_source {
    struct wr_resolver *rs;
    const struct wr_upstream *up;
    const struct wr_upstream_server *conf;
    struct wr_timer timer;
    struct wr_resolve_name *name;      /* DNS */
    struct wr_resolve_target *targets; /* SRV, FILE */
    size_t targets_n;
    bool heard;    /* SRV, FILE: targets are an answer of its own */
    bool answered; /* servers are what it gave last, perhaps before this keeper */
    bool failing;
    uint64_t retry_ms;
    struct wr_resolve_server *servers;
    size_t servers_n;
    uint64_t file_seen[4];   /* device, inode, size, time of the content */
    uint64_t file_coming[4]; /* of the last look */
};

struct wr_resolver {
    struct wr_loop *loop;
    uint64_t generation;
    struct wr_share *share;
    struct wr_dns *dns; /* NULL: it could not be made */
    struct wr_link names;
    struct wr_resolve_source *sources;
    size_t sources_n;
    struct wr_timer publish; /* changes of one moment go out together */
    struct wr_timer sweep;
    bool seeded; /* with what an earlier keeper knew */
};

/* The name (asked at once), one reference more; give takes one back. */
struct wr_resolve_name *wr_resolve_name_take(struct wr_resolver *rs, struct wr_str host, uint16_t port);
void wr_resolve_name_give(struct wr_resolve_name *n);
/* How long an answer of that TTL is good. */
uint64_t wr_resolve_name_ttl_ms(uint32_t ttl_s);
/* How long to wait after one more failure. */
uint64_t wr_resolve_name_again_ms(uint64_t *retry_ms);

#endif
