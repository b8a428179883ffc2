/*
 * The internal authority (tls = internal): makes itself, makes certificates
 * for servers and renews both.  Plain functions for a short-lived child of the
 * master, which runs as root or the caller; nobody else needs to be able to
 * read or write the store.  Who calls it keeps its memory from being dumped
 * (CORE-RULES 30); nothing of a key is ever logged.
 *
 *   STORE/internal/ca.crt, ca.key          the authority: what clients have to trust
 *   STORE/internal/servers/NAME.crt, .key  a pair for each server: certificate and authority, key
 *   STORE/internal/lock                    held while a run looks and writes
 */
#ifndef WR_TLS_MINT_H
#define WR_TLS_MINT_H

#include "core/module.h"

#define WR_MINT_LEAVES_MOST 10000
#define WR_MINT_RETRY_S 600 /* after a run that did not do everything */

struct wr_mint_leaf {
    struct wr_tls_pair files; /* as wr_mint_paths made it */
    /* As a server has them, lower case: DNS names, "*.x", IPv4 addresses, "[IPv6]"; "*" is localhost, the name of
     * this machine and the loopback addresses. */
    const struct wr_str *names;
    size_t names_n;
};

struct wr_mint_job {
    struct wr_str store; /* an absolute path; it and what is missing above it are made */
    const struct wr_mint_leaf *leaves;
    size_t leaves_n;  /* WR_MINT_LEAVES_MOST at most */
    int64_t now;      /* seconds since the epoch */
    uint64_t wait_ms; /* for the end of another weir's run on the same store, at most */
};

struct wr_mint_result {
    bool authority_made; /* or renewed: clients have to be given the new one */
    uint32_t made;       /* pairs made or renewed */
    uint32_t kept;       /* pairs that are good as they are */
    uint32_t failed;     /* pairs that are not in place (logged) */
    uint64_t due_s;      /* seconds from `now` until there is something to renew; 1 at least */
};

/*
 * Where the pair of a server is: a function of the store, the server's first name and its label alone, so that no two
 * servers share a file.  The name of the file has only [a-z0-9._-] in it.
 */
struct wr_tls_pair wr_mint_paths(struct wr_pool *pool, struct wr_str store, struct wr_str name,
                                 struct wr_str label);

/*
 * Makes or renews what is not there, not good any more or soon not to be.  What is good is not touched, and a pair
 * that cannot be made does not keep the others from it.  True: everything is in place.  False: logged.
 *
 * Pairs are written aside, synced and renamed, the key first: after a crash in between they do not match, which the
 * next run heals.  A store, or files of the authority, that others could write to are refused.
 */
bool wr_mint_run(const struct wr_mint_job *job, struct wr_mint_result *res);

#endif
