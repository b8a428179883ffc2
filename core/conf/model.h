/*
 * What the configuration says, as plain structs: the model that everything
 * above reads.  Built whole by core/conf, immutable afterwards, one per cycle.
 * No sockets, no run-time state: those hang on indexes.
 */
#ifndef WR_CONF_MODEL_H
#define WR_CONF_MODEL_H

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/conf/directive.h"

struct wr_model;
struct wr_server;
struct wr_route;
struct wr_upstream;

/* Where each row's final value came from: same order as the class's rows; for -T and explain. */
struct wr_places {
    struct wr_place *v;  /* file NULL: the preset */
    struct wr_str *text; /* the value as -T writes it; maps: empty, their entries have places of their own */
    size_t n;
};

/* A part of a request that things are counted or chosen by (core/http/key.h). */
enum wr_key_kind {
    WR_KEY_CLIENT_IP,
    WR_KEY_HOST,
    WR_KEY_PATH,
    WR_KEY_URI,
    WR_KEY_HEADER,
    WR_KEY_COOKIE,
    WR_KEY_QUERY,
};
struct wr_key {
    int kind;
    struct wr_str name; /* of HEADER, COOKIE and QUERY */
};

#define WR_RESOLVERS 8
struct wr_addrs {
    struct wr_addr *v;
    size_t n;
};

/* [weir], rows in core/conf/rows.c */
struct wr_weir_conf {
    struct wr_str user;
    int64_t workers; /* 0: auto */
    struct wr_str pid;
    struct wr_error_log {
        struct wr_str path; /* a path, "stderr" or "syslog" */
        enum wr_log_level level;
    } error_log;
    struct wr_words include;
    struct wr_cidrs trusted_proxies;
    struct wr_addrs resolver; /* empty: the system's */
    uint64_t drain_ms;
    uint64_t tunnel_drain_ms;
    uint64_t keepalive_timeout_ms;
    uint64_t header_timeout_ms;
    uint64_t body_timeout_ms; /* the longest pause inside a request body */
    uint64_t body_rate_bytes; /* slowest request body, bytes a second averaged from its start; WR_OFF */
    uint64_t send_timeout_ms; /* the longest time in which a client takes no byte */
    uint64_t linger_ms;       /* a lingering close reads that long at most */
    int64_t max_connections;  /* per worker; 0: from RLIMIT_NOFILE */
    uint64_t buffers_bytes;   /* buffer budget of a worker (CORE-RULES 20) */
    uint64_t limit_header_line;
    uint64_t limit_header_total;
    int64_t limit_header_count;
    uint64_t limit_target;
    int64_t limit_handshakes; /* TLS handshakes under way in a worker */
    uint64_t handshake_timeout_ms;
    int64_t keepalive_requests; /* requests a client connection may bring; 0: no limit */
};

/* `retry` */
struct wr_retry_conf {
    bool connect;
    bool idempotent;
    uint32_t times; /* further attempts; 0: off */
    uint16_t statuses[16];
    unsigned statuses_n;
};

/* [defaults], [server], [route]: what core itself wants to know of a route. */
struct wr_route_conf {
    struct wr_str to; /* LOCAL; in the model: the target in effect, as written, wherever it came from */
    struct wr_words if_method;
    struct wr_map if_header;
    struct wr_map if_query;
    struct wr_cidrs if_client;
    struct wr_str strip; /* prefix taken off the path before it goes on */
    struct wr_str path;  /* replaces the path */
    struct wr_str host;  /* Host towards the upstream; empty: kept */
    int paths;           /* WR_PATHS_* */
    uint64_t body_limit; /* bytes, WR_OFF */
    int buffer;          /* WR_BUFFER_* bits */
    uint64_t buffer_response;
    uint64_t buffer_file;
    struct wr_retry_conf retry;
    uint64_t deadline_ms; /* these may be WR_OFF */
    uint64_t connect_ms;
    uint64_t first_byte_ms;
    uint64_t idle_ms;
    uint64_t tunnel_ms;
    uint64_t total_ms;
    int underscores;          /* WR_UNDERSCORES_* */
    struct wr_str access_log; /* a [log] NAME; empty: off */
    bool server_timing;
};
enum { WR_PATHS_STRICT, WR_PATHS_RAW };
enum { WR_BUFFER_REQUEST = 1, WR_BUFFER_RESPONSE = 2 };
enum { WR_UNDERSCORES_DROP, WR_UNDERSCORES_KEEP };

/* One address to listen on.  Several servers may share it; equal addresses are one wr_listen. */
struct wr_listen {
    uint32_t index;
    struct wr_addr addr;
    bool both_families; /* ":80": an IPv6 socket that takes IPv4 too (falls back to IPv4 alone) */
    bool tls;
    bool h2c;
    bool proxy_protocol;
    struct wr_str text; /* as written */
    struct wr_place place;
    struct wr_server **servers; /* all that listen here */
    size_t servers_n;
    struct wr_route *preset_route; /* r->route before any server is known: [defaults] alone */
};

/* A certificate (with its chain) and its key: paths. */
struct wr_tls_pair {
    struct wr_str cert;
    struct wr_str key;
};
enum wr_tls_mode { WR_TLS_OFF, WR_TLS_AUTO, WR_TLS_INTERNAL, WR_TLS_FILES };
#define WR_SERVER_PAIRS_MOST 8 /* RSA and ECDSA, and others to come */
/* `tls` of a server */
struct wr_server_tls {
    int mode;                  /* enum wr_tls_mode */
    struct wr_tls_pair *pairs; /* of FILES */
    size_t pairs_n;
};
enum { WR_HTTP_REDIRECT, WR_HTTP_SERVE, WR_HTTP_OFF };

struct wr_server_conf {
    struct wr_words listen; /* raw words; bound to model->listens */
    struct wr_server_tls tls;
    int http;                /* WR_HTTP_*: what a server with tls does with plain HTTP */
    struct wr_str canonical; /* the host that all its names redirect to; empty: none */
    struct wr_map paths;     /* path keys */
    struct wr_str upstream;  /* short for the path key of everything */
};

struct wr_server {
    uint32_t index;
    struct wr_str *names; /* lower case; "*.example.com", "*"; names[0] is the server's name */
    size_t names_n;
    struct wr_str label; /* "@internal" without the @; empty when none */
    struct wr_place place;
    struct wr_server_conf conf;
    struct wr_places places; /* of CLASS_SERVER */
    void **mconf;            /* CLASS_SERVER structs of the modules, by module index */
    struct wr_listen **listens;
    size_t listens_n;
    struct wr_route **routes; /* in no particular order */
    size_t routes_n;
    struct wr_route *preset_route; /* r->route when the server is known but no route fits */
};

/* Whether it speaks TLS to clients. */
static inline bool
wr_server_has_certificates(const struct wr_server *s)
{
    return s->conf.tls.mode == WR_TLS_INTERNAL || s->conf.tls.mode == WR_TLS_FILES;
}

enum wr_target_kind {
    WR_TARGET_NONE,     /* preset routes */
    WR_TARGET_UPSTREAM, /* upstream */
    WR_TARGET_FILE,     /* text: the directory (its module is not in this release: refused by -t) */
    WR_TARGET_REDIRECT, /* status (302 unless said), text: the URL, may hold %{...} */
    WR_TARGET_STATUS,   /* status, text */
};

struct wr_target {
    enum wr_target_kind kind;
    struct wr_upstream *upstream;
    struct wr_str text;
    uint16_t status;
    struct wr_str shown; /* as -T writes it */
    struct wr_place place;
};

struct wr_phase_list; /* core/http/pipeline.h: the handlers that are active on a route */

struct wr_route {
    uint32_t index;
    struct wr_server *server; /* NULL: a listener's preset route */
    struct wr_str pattern;    /* the path key as written; empty: a preset route */
    struct wr_str path;       /* without the final slash and asterisk; "" for the root prefix */
    bool prefix;
    struct wr_str label; /* the extra word that tells routes of one pattern apart; may be empty */
    struct wr_str id;    /* host of the server, pattern, label: for logs, metrics, explain */
    unsigned conditions; /* number of if.* conditions */
    struct wr_place place;
    struct wr_route_conf conf;
    struct wr_places places;
    struct wr_target target;
    int log_index;                /* of model->logs; -1: no access log */
    void **mconf;                 /* CLASS_ROUTE structs of the modules, by module index */
    struct wr_phase_list *phases; /* set by core/http at the cycle's making */
};

/* Where the addresses of a server come from.  All but PLAIN stand for any number of servers, found at run time. */
enum wr_server_source {
    WR_SERVER_PLAIN, /* a number, a path or a name: one server */
    WR_SERVER_DNS,   /* dns:NAME:PORT, each address a server */
    WR_SERVER_SRV,   /* srv:NAME, each target a server */
    WR_SERVER_FILE,  /* file:PATH, each line a server */
};

/* [upstream NAME], or made for an address that a target names. */
struct wr_upstream_server {
    enum wr_server_source source;
    struct wr_str name;    /* metric label, sticky id; the address when nameless */
    struct wr_str address; /* "10.0.0.1:8080", "localhost:8080", "unix:/run/app.sock", "dns:app:80" */
    struct wr_str host; /* name to be resolved (DNS, SRV too); FILE: the path; empty when numeric or unix */
    uint16_t port;
    bool numeric; /* addr is set */
    bool https;   /* was written with https:// in front of it; what counts is the upstream's conf.tls */
    struct wr_addr addr;
    int64_t weight; /* 1.. */
    bool backup;
    int64_t max; /* requests at once; 0: no limit */
    struct wr_place place;
    uint32_t index;        /* within its upstream */
    uint32_t global_index; /* over all servers of the model: index into a process's tables */
    uint32_t share;        /* its row in shared memory (core/upstream/share.h), set when a cycle is made */
};

/* How a server is chosen. */
enum wr_balance {
    WR_BALANCE_P2C,
    WR_BALANCE_ROUND_ROBIN,
    WR_BALANCE_LEAST_CONN,
    WR_BALANCE_IP_HASH,
    WR_BALANCE_HASH,
    WR_BALANCE_EWMA,
    WR_BALANCE_RANDOM,
};
struct wr_balance_conf {
    int kind;          /* enum wr_balance */
    struct wr_key key; /* of HASH */
};
/* `queue = N for TIME` */
struct wr_queue_conf {
    uint32_t most; /* 0: off */
    uint64_t time_ms;
};
/* `eject = N errors in TIME for TIME, at most N%` */
struct wr_eject_conf {
    uint32_t errors; /* 0: off */
    uint32_t most_percent;
    uint64_t window_ms;
    uint64_t out_ms;
};
#define WR_HEALTH_TEXT_BYTES 256
struct wr_health_expect {
    struct {
        uint16_t from, to;
    } range[8];
    unsigned n;
    struct wr_str body; /* what it has to hold; empty: anything */
};

struct wr_upstream_conf {
    struct wr_words server;     /* nameless servers */
    struct wr_map server_named; /* server.NAME */
    struct wr_balance_conf balance;
    struct wr_str sticky_cookie; /* empty: off */
    struct wr_str sticky_key;
    struct wr_queue_conf queue;
    uint64_t slow_start_ms; /* WR_OFF */
    struct wr_eject_conf eject;
    struct wr_str health_path;   /* empty: off */
    uint64_t health_interval_ms; /* in the model: 0 means no checks (`auto` is settled) */
    uint64_t health_timeout_ms;
    struct wr_health_expect health_expect;
    struct wr_str health_host;
    int64_t health_rise;
    int64_t health_fall;
    int64_t keepalive;          /* idle connections in all workers together */
    uint64_t keepalive_idle_ms; /* `keepalive_timeout` of an upstream: our own bound on idle time */
    bool tls;
    bool tls_verify;
    struct wr_str tls_ca;        /* a file of authorities; empty: the system's */
    struct wr_str tls_name;      /* what certificates have to be for, and SNI; empty: the server's host */
    struct wr_tls_pair tls_cert; /* the client certificate; empty: none */
};

struct wr_upstream {
    uint32_t index;
    struct wr_str name; /* the NAME, or the address for one made from a target */
    bool anonymous;
    struct wr_place place;
    struct wr_upstream_conf conf;
    struct wr_places places;
    struct wr_upstream_server *servers;
    size_t servers_n;
    void **mconf;
    unsigned references;
    bool dynamic;   /* a server of it is not PLAIN */
    uint32_t share; /* its row in shared memory, set when a cycle is made */
};

/* [control] */
struct wr_control_conf {
    struct wr_str socket; /* empty: beside the pid file; "off" */
    struct wr_str group;
};

enum { WR_LOG_COMBINED, WR_LOG_JSON };
struct wr_access_log_conf {
    struct wr_str path;
    int format;
    struct wr_words redact; /* query parameters and field names whose values are written as "-" */
    int64_t sample;         /* one of N requests is logged (failed ones always) */
};
struct wr_access_log {
    uint32_t index;
    struct wr_str name;
    struct wr_place place;
    struct wr_access_log_conf conf;
    struct wr_places places;
    unsigned references;
};

/* A section of a kind that a module brings. */
struct wr_own_section {
    const char *kind;
    struct wr_str name;
    struct wr_place place;
    void *conf;
    struct wr_places places;
    unsigned references;
};

struct wr_model {
    struct wr_pool *pool;
    struct wr_weir_conf weir;
    struct wr_places weir_places;
    void **weir_mconf; /* CLASS_WEIR structs of the modules */
    struct wr_control_conf control;
    struct wr_places control_places;
    struct wr_place control_place; /* of the section; file NULL: there is none */
    struct wr_listen **listens;
    size_t listens_n;
    struct wr_server **servers;
    size_t servers_n;
    struct wr_route **routes; /* all, preset routes too; index = position */
    size_t routes_n;
    struct wr_upstream **upstreams;
    size_t upstreams_n;
    size_t upstream_servers_n; /* over all */
    struct wr_access_log **logs;
    size_t logs_n;
    struct wr_own_section **own;
    size_t own_n;
};

#endif
