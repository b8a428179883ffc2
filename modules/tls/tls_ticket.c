/*
 * The ring of ticket keys.
 */
#include "modules/tls/tls_ticket.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

const char wr_tls_ring_layout[] = "turn u64, born u64, 4 x (name 16, aes 32, hmac 32)";

bool
wr_tls_ring_turn(struct wr_tls_ring *ring, uint64_t now_ms)
{
    uint64_t turn = atomic_load(&ring->turn) + 1;
    struct wr_tls_ticket_key *k = &ring->v[turn % WR_TLS_TICKET_KEYS];

    if (RAND_priv_bytes((unsigned char *)k, sizeof(*k)) != 1) {
        return false;
    }
    atomic_store(&ring->born_ms, now_ms);
    atomic_store(&ring->turn, turn);
    return true;
}

const struct wr_tls_ticket_key *
wr_tls_ring_now(const struct wr_tls_ring *ring)
{
    uint64_t turn = atomic_load(&ring->turn);

    return turn > 0 ? &ring->v[turn % WR_TLS_TICKET_KEYS] : NULL;
}

const struct wr_tls_ticket_key *
wr_tls_ring_find(const struct wr_tls_ring *ring, const uint8_t name[16], bool *now)
{
    uint64_t turn = atomic_load(&ring->turn);

    for (uint64_t back = 0; back <= WR_TLS_TICKET_TURNS && back < turn; back++) {
        const struct wr_tls_ticket_key *k = &ring->v[(turn - back) % WR_TLS_TICKET_KEYS];
        if (memcmp(k->name, name, sizeof(k->name)) == 0) {
            *now = back == 0;
            return k;
        }
    }
    return NULL;
}

static bool
tls_ticket_set_mac(EVP_MAC_CTX *mac, const struct wr_tls_ticket_key *k)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->mac, sizeof(k->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int
wr_tls_ticket_seal(const struct wr_tls_ring *ring, const EVP_CIPHER *cbc, uint8_t name[16], uint8_t *iv,
                   EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct wr_tls_ticket_key *k = wr_tls_ring_now(ring);

    if (k == NULL || RAND_bytes(iv, EVP_CIPHER_get_iv_length(cbc)) != 1 ||
        EVP_EncryptInit_ex2(cipher, cbc, k->cipher, iv, NULL) != 1 || !tls_ticket_set_mac(mac, k)) {
        return -1;
    }
    memcpy(name, k->name, sizeof(k->name));
    return 1;
}

int
wr_tls_ticket_open(const struct wr_tls_ring *ring, const EVP_CIPHER *cbc, const uint8_t name[16],
                   const uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    bool now = false;
    const struct wr_tls_ticket_key *k = wr_tls_ring_find(ring, name, &now);

    if (k == NULL) {
        return 0;
    }
    if (EVP_DecryptInit_ex2(cipher, cbc, k->cipher, iv, NULL) != 1 || !tls_ticket_set_mac(mac, k)) {
        return -1;
    }
    return now ? 1 : 2;
}
