/*
 * The module's directives.
 */
#include <stddef.h>

#include "modules/tls/tls_module.h"

#define TLS_ROWS_WHERE (WR_IN_DEFAULTS | WR_IN_SERVER)

static const struct wr_keyword tls_rows_client[] = {{"off", WR_TLS_CLIENT_OFF},
                                                    {"optional", WR_TLS_CLIENT_OPTIONAL},
                                                    {"required", WR_TLS_CLIENT_REQUIRED},
                                                    {NULL, 0}};
static const struct wr_keyword tls_rows_keys[] = {
    {"worker", WR_TLS_KEYS_WORKER}, {"isolated", WR_TLS_KEYS_ISOLATED}, {NULL, 0}};
static const struct wr_keyword tls_rows_min[] = {{"1.2", WR_TLS_MIN_12}, {"1.3", WR_TLS_MIN_13}, {NULL, 0}};

/* A path, absolute. */
static bool
tls_rows_parse_path(struct wr_pool *pool, struct wr_str value, void *field, const char **why)
{
    struct wr_str rest = value, path;

    if (wr_str_eq(value, WR_STR("off"))) {
        *(struct wr_str *)field = WR_STR_NONE;
        return true;
    }
    if (!wr_conf_word(pool, &rest, &path) || path.n == 0 || path.p[0] != '/' || wr_str_trim(rest).n > 0) {
        *why = "one absolute path, or off";
        return false;
    }
    *(struct wr_str *)field = path;
    return true;
}

static const struct wr_directive tls_rows_server[] = {
    {.name = "tls.tickets",
     .type = WR_T_BOOL,
     .class_ = WR_CLASS_SERVER,
     .where = TLS_ROWS_WHERE,
     .offset = offsetof(struct wr_tls_server_conf, tickets),
     .preset = "on",
     .help =
         "Whether clients may go on with an earlier session instead of a full handshake.  The keys of tickets are "
         "in memory alone, shared by all workers, kept over reloads and upgrades, and replaced every "
         "`tls.ticket_turn`.  A session is good for the server that it was made with, as long as what that server "
         "asks of clients stays the same."},
    {.name = "tls.min",
     .type = WR_T_WORD,
     .class_ = WR_CLASS_SERVER,
     .where = TLS_ROWS_WHERE,
     .offset = offsetof(struct wr_tls_server_conf, min),
     .preset = "1.2",
     .words = tls_rows_min,
     .help =
         "The oldest version of TLS that clients may speak: `1.2` or `1.3`.  Older ones are not spoken at all."},
    {.name = "tls.client",
     .type = WR_T_WORD,
     .class_ = WR_CLASS_SERVER,
     .where = TLS_ROWS_WHERE,
     .offset = offsetof(struct wr_tls_server_conf, client),
     .preset = "off",
     .words = tls_rows_client,
     .help =
         "Whether clients are asked for a certificate.  `required`: without one that verifies by "
         "`tls.client_ca` there is no connection, reason `tls_client_cert`.  `optional`: there is, and what came "
         "of it is told to the upstream in X-Client-Cert-Verify (`none`, `ok`, or what is wrong); with `ok`, "
         "X-Client-Cert-Subject, -Issuer, -San, -Serial and -Fingerprint (SHA-256) say who it is.  Fields of "
         "these names that a client sends are removed in any case."},
    {.name = "tls.client_ca",
     .type = WR_T_PARSED,
     .class_ = WR_CLASS_SERVER,
     .where = TLS_ROWS_WHERE,
     .offset = offsetof(struct wr_tls_server_conf, client_ca),
     .preset = "off",
     .parse = tls_rows_parse_path,
     .grammar = "PATH | off",
     .help = "A file of PEM certificates: the authorities that sign clients' certificates."},
    {.name = "tls.client_crl",
     .type = WR_T_PARSED,
     .class_ = WR_CLASS_SERVER,
     .where = TLS_ROWS_WHERE,
     .offset = offsetof(struct wr_tls_server_conf, client_crl),
     .preset = "off",
     .parse = tls_rows_parse_path,
     .grammar = "PATH | off",
     .help =
         "A file of PEM revocation lists, one for each authority in `tls.client_ca` and below: clients whose "
         "certificate stands in one are refused, and so is every client once a list is out of date."},
    {.name = "tls.client_depth",
     .type = WR_T_INT,
     .class_ = WR_CLASS_SERVER,
     .where = TLS_ROWS_WHERE,
     .offset = offsetof(struct wr_tls_server_conf, client_depth),
     .preset = "3",
     .min = 0,
     .max = 16,
     .help = "How many authorities may stand between a client's certificate and one of `tls.client_ca`."},
    {.name = NULL},
};

static const struct wr_directive tls_rows_weir[] = {
    {.name = "acme.store",
     .type = WR_T_PARSED,
     .class_ = WR_CLASS_WEIR,
     .where = WR_IN_WEIR,
     .offset = offsetof(struct wr_tls_weir_conf, store),
     .parse = tls_rows_parse_path,
     .grammar = "PATH",
     .help =
         "The directory that weir keeps certificates in which it makes itself (`tls = internal`).  Unset: "
         "`weir` in the directory for state that weir was built with, `/var/lib` in most cases."},
    {.name = "tls.keys",
     .type = WR_T_WORD,
     .class_ = WR_CLASS_WEIR,
     .where = WR_IN_WEIR,
     .offset = offsetof(struct wr_tls_weir_conf, keys),
     .preset = "worker",
     .words = tls_rows_keys,
     .help =
         "Where private keys are.  `worker`: in each worker.  `isolated`: in a process of their own, the signer, "
         "which does what needs a key and has no other door; a worker that is broken into can ask it for "
         "signatures as long as it lives, but has no key to take away.  A handshake then takes about a tenth more "
         "of a CPU.  Keys are EC or RSA then."},
    {.name = "tls.ticket_turn",
     .type = WR_T_TIME,
     .class_ = WR_CLASS_WEIR,
     .where = WR_IN_WEIR,
     .offset = offsetof(struct wr_tls_weir_conf, ticket_turn_ms),
     .preset = "12h",
     .min = 1000,
     .max = 7 * 86400000U / 2,
     .help =
         "How often there is a new key for session tickets.  Tickets of the two keys before it are still taken."},
    {.name = "tls.keylog",
     .type = WR_T_PARSED,
     .class_ = WR_CLASS_WEIR,
     .where = WR_IN_WEIR,
     .offset = offsetof(struct wr_tls_weir_conf, keylog),
     .preset = "off",
     .parse = tls_rows_parse_path,
     .grammar = "PATH | off",
     .help =
         "For looking into one's own traffic with a packet analyser: a file to which the secrets of every "
         "connection are appended.  Who has that file can read everything, so `weir -t` and every start warn of "
         "it."},
    {.name = NULL},
};

const struct wr_directive_table wr_tls_tables[] = {
    {tls_rows_server, WR_CLASS_SERVER, sizeof(struct wr_tls_server_conf), NULL},
    {tls_rows_weir, WR_CLASS_WEIR, sizeof(struct wr_tls_weir_conf), NULL},
    {NULL, WR_CLASS_OWN, 0, NULL},
};
