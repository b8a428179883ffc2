/*
 * From a finished handshake to the keys of its records: the secrets that
 * OpenSSL hands out, HKDF-Expand-Label (RFC 8446 7.1 to 7.3), and the key block
 * of TLS 1.2 (RFC 5246 6.3).
 */
#ifndef WR_TLS_SCHEDULE_H
#define WR_TLS_SCHEDULE_H

#include <openssl/kdf.h>
#include <openssl/ssl.h>

#include "modules/tls/tls_record.h"

#define WR_TLS_AEADS 3

/* What a process needs of OpenSSL to seal, open and derive keys; looked up once. */
struct wr_tls_kit {
    struct wr_tls_aead aeads[WR_TLS_AEADS];
    EVP_MAC_CTX *hmac[2]; /* with SHA-256, SHA-384 */
    EVP_KDF_CTX *prf;     /* of TLS 1.2 */
};

/* False: OpenSSL lacks one of them. */
bool wr_tls_kit_init(struct wr_tls_kit *kit);
void wr_tls_kit_fini(struct wr_tls_kit *kit);

/* The AEAD of an OpenSSL NID; NULL: none of ours. */
const struct wr_tls_aead *wr_tls_aead_of(const struct wr_tls_kit *kit, int nid);

/* TLS 1.3: application traffic secrets; TLS 1.2: unused. */
struct wr_tls_secret {
    uint8_t bytes[WR_TLS_SECRET_BYTES];
    uint8_t n; /* 0: there is none; 32 or 48: the hash's size */
};

/* Both keys of TLS 1.3 from the secret of a direction. */
bool wr_tls_schedule_key(const struct wr_tls_kit *kit, struct wr_tls_key *k, const struct wr_tls_aead *a,
                         bool seals, const struct wr_tls_secret *secret);
/* KeyUpdate: the next secret and its keys (RFC 8446 7.2). */
bool wr_tls_schedule_update(const struct wr_tls_kit *kit, struct wr_tls_key *k, const struct wr_tls_aead *a,
                            struct wr_tls_secret *secret);
/* TLS 1.2: the keys of both directions, of a handshake that is done. */
bool wr_tls_schedule_block(const struct wr_tls_kit *kit, const SSL *ssl, const struct wr_tls_aead *a,
                           bool server, struct wr_tls_key *rx, struct wr_tls_key *tx);
/* A secret out of a line of OpenSSL's key log: "LABEL random secret". */
bool wr_tls_schedule_line(const char *line, const char *label, struct wr_tls_secret *secret);

#endif
