/*
 * Private keys that are elsewhere (`tls.keys = isolated`): objects of OpenSSL
 * that have a public key alone and ask the signer for signatures.  A handshake
 * that waits for one is set aside (SSL_MODE_ASYNC); nothing blocks.
 */
#ifndef WR_TLS_REMOTE_H
#define WR_TLS_REMOTE_H

#include "modules/tls/tls_cert.h"
#include "modules/tls/tls_conn.h"

struct wr_tls_remote;

/* line: as sv->signer_line. */
struct wr_tls_remote *wr_tls_remote_new(struct wr_tls_shop *shop, int (*line)(void));
void wr_tls_remote_free(struct wr_tls_remote *rm);
/* The key of the certificate, which stands in the file at `path`.  NULL: its kind cannot be isolated. */
EVP_PKEY *wr_tls_remote_key(struct wr_tls_remote *rm, X509 *leaf, struct wr_str path);
/* The connection ends while its handshake waits for the signer: the wait ends first. */
void wr_tls_wait_cancel(struct wr_tls *t);
/* Whether a certificate's key can be isolated: EC and RSA can. */
bool wr_tls_remote_can(const X509 *leaf);

#endif
