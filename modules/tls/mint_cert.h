/*
 * Certificates of the internal authority: making and judging them, as texts;
 * where these are kept is somebody else's.  OpenSSL's libcrypto does the work.
 */
#ifndef WR_TLS_MINT_CERT_H
#define WR_TLS_MINT_CERT_H

#include <openssl/x509.h>

#include "modules/tls/mint_store.h"

#define WR_MINT_NAMES_MOST 1000 /* of one certificate */

/* What a certificate is for. */
struct wr_mint_names {
    struct wr_str common; /* of the subject; empty: the first name is too long for it */
    struct wr_str san;    /* DER of GeneralNames, in one order for one set of names */
};
/* From the names of a server; memory from pool.  False: *why, *which of them. */
bool wr_mint_names_make(struct wr_pool *pool, const struct wr_str *names, size_t n, struct wr_mint_names *out,
                        size_t *which, const char **why);

struct wr_mint_authority {
    X509 *cert;
    EVP_PKEY *key;
    int64_t end;
    struct wr_mint_text pem; /* of cert */
};
/* From what was kept.  Not good: *why, and nothing to free. */
bool wr_mint_authority_load(struct wr_mint_authority *a, const struct wr_mint_text *cert,
                            const struct wr_mint_text *key, int64_t now, const char **why);
/* A new one; *key is its text.  False: logged. */
bool wr_mint_authority_make(struct wr_mint_authority *a, struct wr_mint_text *key, int64_t now);
void wr_mint_authority_free(struct wr_mint_authority *a);
/* When it has to be renewed. */
int64_t wr_mint_authority_due(const struct wr_mint_authority *a);

/* Why a pair has to be renewed; NULL: it is good until *due. */
const char *wr_mint_pair_fault(const struct wr_mint_authority *a, const struct wr_mint_names *names,
                               const struct wr_mint_text *cert, const struct wr_mint_text *key, int64_t now,
                               int64_t *due);
/* A new pair: certificate and authority, key; good until *due.  False: logged. */
bool wr_mint_pair_make(const struct wr_mint_authority *a, const struct wr_mint_names *names, int64_t now,
                       struct wr_mint_text *cert, struct wr_mint_text *key, int64_t *due);

#endif
