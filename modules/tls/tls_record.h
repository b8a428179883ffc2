/*
 * Protection of TLS records once a handshake has agreed on keys: AEAD alone,
 * TLS 1.3 (RFC 8446 section 5.2) and 1.2 (RFC 5246 6.2.3.3 with RFC 5288 and
 * RFC 7905).  Handshakes are OpenSSL's; afterwards its object is let go (it
 * weighs 14 KiB a connection) and records are sealed and opened here.
 *
 * Bytes in, bytes out: no socket, no connection.
 */
#ifndef WR_TLS_RECORD_H
#define WR_TLS_RECORD_H

#include <openssl/evp.h>

#include "core/module.h"

#define WR_TLS_HEADER_BYTES 5
#define WR_TLS_TAG_BYTES 16
#define WR_TLS_PLAIN_BYTES 16384
/* What sealing adds to a record's bytes, at most: header, explicit nonce or inner type, tag. */
#define WR_TLS_OVERHEAD_BYTES (WR_TLS_HEADER_BYTES + 8 + WR_TLS_TAG_BYTES)
/* The longest record that is opened, header included: RFC 8446 allows 256 bytes beyond the plaintext. */
#define WR_TLS_RECORD_BYTES (WR_TLS_HEADER_BYTES + WR_TLS_PLAIN_BYTES + 256)
#define WR_TLS_SECRET_BYTES 48

enum wr_tls_type { WR_TLS_CCS = 20, WR_TLS_ALERT = 21, WR_TLS_HANDSHAKE = 22, WR_TLS_DATA = 23 };

struct wr_tls_aead {
    int nid; /* OpenSSL's */
    size_t key_bytes;
    EVP_CIPHER *cipher;
};
/* One direction of a connection. */
struct wr_tls_key {
    EVP_CIPHER_CTX *ctx; /* NULL: there is no key (yet) */
    uint64_t seq;        /* of the next record */
    uint8_t iv[12];      /* TLS 1.2 with GCM: the first four bytes alone */
    bool v13;
    bool explicit_nonce; /* TLS 1.2 with GCM: eight bytes of nonce travel with the record */
};

/* What stands in front of `p`. */
enum wr_tls_frame {
    WR_TLS_FRAME_WHOLE,
    WR_TLS_FRAME_MORE, /* it is not all there */
    WR_TLS_FRAME_BAD,  /* no record: unknown type or version, or too long */
};
/* bytes: of the record with its header (WHOLE; MORE: 0 while even that is unknown). */
enum wr_tls_frame wr_tls_record_frame(const uint8_t *p, size_t n, size_t *bytes);

/* Makes a key of raw bytes; false: OpenSSL is out of memory.  iv: 12 bytes, TLS 1.2 with GCM 4. */
bool wr_tls_key_init(struct wr_tls_key *k, const struct wr_tls_aead *a, bool v13, bool seals,
                     const uint8_t *key, const uint8_t *iv);
void wr_tls_key_fini(struct wr_tls_key *k);
/* Another key for the same direction (KeyUpdate); its numbers begin at 0. */
bool wr_tls_key_change(struct wr_tls_key *k, const uint8_t *key, const uint8_t *iv);

/*
 * Seals n bytes (1 to WR_TLS_PLAIN_BYTES; 0 for no data at all) from the slice s on, `skip` bytes into it, as one
 * record at out, which has room for n + WR_TLS_OVERHEAD_BYTES.  Slices are MEM or SHM.  Returns the record's bytes;
 * 0: failed.
 */
size_t wr_tls_seal(struct wr_tls_key *k, enum wr_tls_type type, const struct wr_slice *s, size_t skip,
                   size_t n, uint8_t *out);
/* The same for bytes in one piece. */
size_t wr_tls_seal_bytes(struct wr_tls_key *k, enum wr_tls_type type, const void *p, size_t n, uint8_t *out);

/*
 * Opens a whole record (header included) into out, which has room for record_bytes; out NULL: in place.  *data: n
 * bytes of that type.  False: not authentic, or malformed inside.
 */
struct wr_tls_opened {
    uint8_t *p;
    size_t n;
    enum wr_tls_type type;
};
bool wr_tls_open(struct wr_tls_key *k, uint8_t *record, size_t record_bytes, uint8_t *out,
                 struct wr_tls_opened *data);

#endif
