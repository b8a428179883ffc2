/*
 * Key schedules of TLS 1.3 and 1.2 behind the handshake.
 */
#include "modules/tls/tls_schedule.h"

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#define TLS_SCHEDULE_BLOCK_BYTES (2 * (32 + 12))

static EVP_MAC_CTX *
tls_schedule_hmac(const char *hash)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)hash, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

static EVP_KDF_CTX *
tls_schedule_prf_new(void)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;

    EVP_KDF_free(kdf);
    return ctx;
}

bool
wr_tls_kit_init(struct wr_tls_kit *kit)
{
    static const struct {
        int nid;
        const char *name;
        size_t key_bytes;
    } rows[WR_TLS_AEADS] = {
        {NID_aes_128_gcm, "AES-128-GCM", 16},
        {NID_aes_256_gcm, "AES-256-GCM", 32},
        {NID_chacha20_poly1305, "ChaCha20-Poly1305", 32},
    };
    bool ok = true;

    for (size_t i = 0; i < WR_TLS_AEADS; i++) {
        kit->aeads[i] =
            (struct wr_tls_aead){rows[i].nid, rows[i].key_bytes, EVP_CIPHER_fetch(NULL, rows[i].name, NULL)};
        ok = ok && kit->aeads[i].cipher != NULL;
    }
    kit->hmac[0] = tls_schedule_hmac("SHA256");
    kit->hmac[1] = tls_schedule_hmac("SHA384");
    kit->prf = tls_schedule_prf_new();
    return ok && kit->hmac[0] != NULL && kit->hmac[1] != NULL && kit->prf != NULL;
}

void
wr_tls_kit_fini(struct wr_tls_kit *kit)
{
    for (size_t i = 0; i < WR_TLS_AEADS; i++) {
        EVP_CIPHER_free(kit->aeads[i].cipher);
    }
    EVP_MAC_CTX_free(kit->hmac[0]);
    EVP_MAC_CTX_free(kit->hmac[1]);
    EVP_KDF_CTX_free(kit->prf);
}

const struct wr_tls_aead *
wr_tls_aead_of(const struct wr_tls_kit *kit, int nid)
{
    for (size_t i = 0; i < WR_TLS_AEADS; i++) {
        if (kit->aeads[i].nid == nid) {
            return &kit->aeads[i];
        }
    }
    return NULL;
}

/* HKDF-Expand-Label(secret, label, "", n); n is at most the hash's size, so one block is enough.  again: with the
 * secret of the call before. */
static bool
tls_schedule_expand(const struct wr_tls_kit *kit, const struct wr_tls_secret *secret, bool again,
                    const char *label, uint8_t *out, size_t n)
{
    EVP_MAC_CTX *mac = kit->hmac[secret->n == WR_TLS_SECRET_BYTES];
    uint8_t info[32], block[WR_TLS_SECRET_BYTES];
    size_t label_bytes = strlen(label), len = 0, got;

    info[len++] = (uint8_t)(n >> 8);
    info[len++] = (uint8_t)n;
    info[len++] = (uint8_t)(6 + label_bytes);
    memcpy(info + len, "tls13 ", 6);
    memcpy(info + len + 6, label, label_bytes);
    len += 6 + label_bytes;
    info[len++] = 0; /* no context */
    info[len++] = 1; /* the first block */
    if (EVP_MAC_init(mac, again ? NULL : secret->bytes, again ? 0 : secret->n, NULL) != 1 ||
        EVP_MAC_update(mac, info, len) != 1 || EVP_MAC_final(mac, block, &got, sizeof(block)) != 1 ||
        got < n) {
        return false;
    }
    memcpy(out, block, n);
    OPENSSL_cleanse(block, sizeof(block));
    return true;
}

bool
wr_tls_schedule_key(const struct wr_tls_kit *kit, struct wr_tls_key *k, const struct wr_tls_aead *a,
                    bool seals, const struct wr_tls_secret *secret)
{
    uint8_t key[32], iv[12];
    bool ok = secret->n > 0 && tls_schedule_expand(kit, secret, false, "key", key, a->key_bytes) &&
        tls_schedule_expand(kit, secret, true, "iv", iv, sizeof(iv)) &&
        wr_tls_key_init(k, a, true, seals, key, iv);

    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

bool
wr_tls_schedule_update(const struct wr_tls_kit *kit, struct wr_tls_key *k, const struct wr_tls_aead *a,
                       struct wr_tls_secret *secret)
{
    struct wr_tls_secret next = {.n = secret->n};
    uint8_t key[32], iv[12];
    bool ok = tls_schedule_expand(kit, secret, false, "traffic upd", next.bytes, next.n) &&
        tls_schedule_expand(kit, &next, false, "key", key, a->key_bytes) &&
        tls_schedule_expand(kit, &next, true, "iv", iv, sizeof(iv)) && wr_tls_key_change(k, key, iv);

    *secret = next;
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(&next, sizeof(next));
    return ok;
}

/* PRF(master, "key expansion", server random, client random). */
static bool
tls_schedule_prf(const struct wr_tls_kit *kit, const SSL *ssl, uint8_t *out, size_t n)
{
    const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
    uint8_t master[SSL_MAX_MASTER_KEY_LENGTH], seed[13 + 2 * SSL3_RANDOM_SIZE];
    size_t master_bytes = SSL_SESSION_get_master_key(SSL_get0_session(ssl), master, sizeof(master));

    memcpy(seed, "key expansion", 13);
    SSL_get_server_random(ssl, seed + 13, SSL3_RANDOM_SIZE);
    SSL_get_client_random(ssl, seed + 13 + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, master_bytes),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
        OSSL_PARAM_construct_end(),
    };
    bool ok = master_bytes > 0 && EVP_KDF_derive(kit->prf, out, n, params) == 1;

    EVP_KDF_CTX_reset(kit->prf);
    OPENSSL_cleanse(master, sizeof(master));
    return ok;
}

bool
wr_tls_schedule_block(const struct wr_tls_kit *kit, const SSL *ssl, const struct wr_tls_aead *a, bool server,
                      struct wr_tls_key *rx, struct wr_tls_key *tx)
{
    uint8_t block[TLS_SCHEDULE_BLOCK_BYTES];
    size_t iv_bytes = a->nid == NID_chacha20_poly1305 ? 12 : 4;
    const uint8_t *client_key = block, *server_key = block + a->key_bytes;
    const uint8_t *client_iv = block + 2 * a->key_bytes, *server_iv = client_iv + iv_bytes;

    if (!tls_schedule_prf(kit, ssl, block, 2 * (a->key_bytes + iv_bytes))) {
        return false;
    }
    bool ok = wr_tls_key_init(rx, a, false, false, server ? client_key : server_key,
                              server ? client_iv : server_iv) &&
        wr_tls_key_init(tx, a, false, true, server ? server_key : client_key, server ? server_iv : client_iv);
    rx->seq = tx->seq = 1; /* Finished was the first record of each */
    OPENSSL_cleanse(block, sizeof(block));
    return ok;
}

bool
wr_tls_schedule_line(const char *line, const char *label, struct wr_tls_secret *secret)
{
    size_t n = strlen(label);
    const char *hex = strrchr(line, ' ');

    if (strncmp(line, label, n) != 0 || line[n] != ' ' || hex == NULL) {
        return false;
    }
    size_t digits = strlen(++hex);
    if (digits != 64 && digits != 96) {
        return false;
    }
    for (size_t i = 0; i < digits / 2; i++) {
        int high = OPENSSL_hexchar2int((unsigned char)hex[2 * i]);
        int low = OPENSSL_hexchar2int((unsigned char)hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        secret->bytes[i] = (uint8_t)(high << 4 | low);
    }
    secret->n = (uint8_t)(digits / 2);
    return true;
}
