/*
 * Keys of session tickets: a ring in shared memory, so that a ticket of any
 * worker is good with all, over reloads and upgrades (zone "tls.tickets").  No
 * key is on a disk.
 *
 * Invariants: `turn` is the number of the key in use, 0 while there is none; key
 * number t stands in v[t % WR_TLS_TICKET_KEYS].  Those of the turns turn - 2 to
 * turn are read; the keeper alone writes, into the one place that is not read, and
 * publishes it by storing `turn`.
 */
#ifndef WR_TLS_TICKET_H
#define WR_TLS_TICKET_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "core/module.h"

#define WR_TLS_TICKET_KEYS 4
#define WR_TLS_TICKET_TURNS 2 /* a key is accepted so many turns after its own */

struct wr_tls_ticket_key {
    uint8_t name[16];
    uint8_t cipher[32];
    uint8_t mac[32];
};
struct wr_tls_ring {
    _Atomic uint64_t turn;
    _Atomic uint64_t born_ms; /* monotonic: when that turn began */
    struct wr_tls_ticket_key v[WR_TLS_TICKET_KEYS];
};
extern const char wr_tls_ring_layout[];

/* The next turn's key.  One caller at a time.  False: there is no randomness to be had. */
bool wr_tls_ring_turn(struct wr_tls_ring *ring, uint64_t now_ms);
/* The key that tickets are made with now; NULL: none. */
const struct wr_tls_ticket_key *wr_tls_ring_now(const struct wr_tls_ring *ring);
/* The key of that name, if it is still accepted; *now: it is the present one. */
const struct wr_tls_ticket_key *wr_tls_ring_find(const struct wr_tls_ring *ring, const uint8_t name[16],
                                                 bool *now);

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb, with the ring and the cipher known: 1 good, 2 good but old, 0 unknown,
 * -1 failed. */
int wr_tls_ticket_seal(const struct wr_tls_ring *ring, const EVP_CIPHER *cbc, uint8_t name[16], uint8_t *iv,
                       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
int wr_tls_ticket_open(const struct wr_tls_ring *ring, const EVP_CIPHER *cbc, const uint8_t name[16],
                       const uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);

#endif
