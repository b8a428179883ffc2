/*
 * A certificate, its chain and its key, as OpenSSL's objects.
 */
#ifndef WR_TLS_CERT_H
#define WR_TLS_CERT_H

#include <openssl/decoder.h>
#include <openssl/x509.h>
#include <time.h>

#include "core/module.h"

#define WR_TLS_CHAIN_MOST 16
#define WR_TLS_WHY_BYTES 160

struct wr_tls_cert {
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf */
    EVP_PKEY *key;
    time_t not_before;
    time_t not_after;
    /* What a client asks for with status_request; NULL: nothing, or nothing that is good. */
    uint8_t *staple;
    size_t staple_bytes;
    time_t staple_until;
};

/* Which of the two files is at fault. */
enum wr_tls_cert_fault { WR_TLS_CERT_GOOD, WR_TLS_CERT_FILE, WR_TLS_KEY_FILE, WR_TLS_CERT_PAIR };

/* For who reads many pairs: OpenSSL looks its decoders up for each key anew, which takes ten times as long as the key
 * itself. */
struct wr_tls_reader {
    OSSL_DECODER_CTX *decoder;
    EVP_PKEY *key;
    struct wr_str
        chain_text; /* of the last chain, as it stands behind its leaf; the bytes outlive the reader */
    STACK_OF(X509) * chain;
};
bool wr_tls_reader_init(struct wr_tls_reader *rd);
void wr_tls_reader_fini(struct wr_tls_reader *rd);

/* For OpenSSL's readers of PEM: no file of ours has a password, so who asks for one gets none. */
int wr_tls_cert_no_password(char *buf, int size, int rwflag, void *arg);
/* Reads a pair out of PEM bytes; rd may be NULL.  Anything but GOOD: why says what is wrong, and c is empty. */
enum wr_tls_cert_fault wr_tls_cert_load(struct wr_tls_cert *c, struct wr_tls_reader *rd, struct wr_str cert,
                                        struct wr_str key, char why[WR_TLS_WHY_BYTES]);
/* An OCSP response (DER) that is to be stapled to c.  False: why; c has none then. */
bool wr_tls_cert_staple(struct wr_tls_cert *c, struct wr_str der, char why[WR_TLS_WHY_BYTES]);
void wr_tls_cert_free(struct wr_tls_cert *c);
/* A certificate and its chain without a key; otherwise as wr_tls_cert_load. */
enum wr_tls_cert_fault wr_tls_cert_load_public(struct wr_tls_cert *c, struct wr_str cert,
                                               char why[WR_TLS_WHY_BYTES]);
/* A private key out of PEM bytes; NULL: none that can be read. */
EVP_PKEY *wr_tls_cert_key(struct wr_str pem);
/* SHA-256 of the public half of a key, as DER. */
bool wr_tls_cert_spki(EVP_PKEY *key, uint8_t digest[32]);
/* Whether the certificate is for that name (RFC 6125; "*.example.com" for a server of that name). */
bool wr_tls_cert_names(const struct wr_tls_cert *c, struct wr_str name);

/* A store of authorities and lists of revocation, out of PEM bytes; crls may be empty.  NULL: why.  names (may be
 * NULL): their subjects, for clients to choose by. */
X509_STORE *wr_tls_store_load(struct wr_str authorities, struct wr_str crls, STACK_OF(X509_NAME) * *names,
                              char why[WR_TLS_WHY_BYTES]);

#endif
