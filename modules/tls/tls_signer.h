/*
 * What workers and the signer say to each other on a line: packets, each one
 * question or one answer.  A signer answers with the private keys of the
 * configuration alone, and never says one.
 */
#ifndef WR_TLS_SIGNER_H
#define WR_TLS_SIGNER_H

#include "core/module.h"

#define WR_TLS_SPKI_BYTES 32   /* SHA-256 of a public key: names its private one */
#define WR_TLS_SIGN_BYTES 1024 /* what is signed, and signatures: RSA of 8192 bits */
#define WR_TLS_SIGN_PATH_BYTES 4096

enum wr_tls_sign_op { WR_TLS_SIGN_EC, WR_TLS_SIGN_RSA_PKCS1, WR_TLS_SIGN_RSA_RAW };

/* The bytes to be signed follow, then the path of the key file. */
struct wr_tls_question {
    uint32_t id;
    uint16_t op;
    uint16_t bytes;
    uint32_t path_bytes;
    uint8_t spki[WR_TLS_SPKI_BYTES];
};
/* The signature follows; bytes 0: there is no such key, or it does not sign that. */
struct wr_tls_answer {
    uint32_t id;
    uint32_t bytes;
};

void *wr_tls_signer_start(struct wr_loop *l, void *main);
void wr_tls_signer_line(void *signer, int fd);
unsigned wr_tls_signer_lines(const void *signer);

#endif
