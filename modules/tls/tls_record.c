/*
 * Records: sealing and opening.
 */
#include "modules/tls/tls_record.h"

#include <openssl/obj_mac.h>

enum wr_tls_frame
wr_tls_record_frame(const uint8_t *p, size_t n, size_t *bytes)
{
    *bytes = 0;
    if (n < WR_TLS_HEADER_BYTES) {
        return WR_TLS_FRAME_MORE;
    }
    size_t body = (size_t)p[3] << 8 | p[4];
    if (p[0] < WR_TLS_CCS || p[0] > WR_TLS_DATA || p[1] != 3 || p[2] != 3 ||
        body > WR_TLS_RECORD_BYTES - WR_TLS_HEADER_BYTES) {
        return WR_TLS_FRAME_BAD;
    }
    *bytes = WR_TLS_HEADER_BYTES + body;
    return n >= *bytes ? WR_TLS_FRAME_WHOLE : WR_TLS_FRAME_MORE;
}

/* ---- keys ---- */

bool
wr_tls_key_init(struct wr_tls_key *k, const struct wr_tls_aead *a, bool v13, bool seals, const uint8_t *key,
                const uint8_t *iv)
{
    memset(k, 0, sizeof(*k));
    k->v13 = v13;
    k->explicit_nonce = !v13 && a->nid != NID_chacha20_poly1305;
    memcpy(k->iv, iv, k->explicit_nonce ? 4 : sizeof(k->iv));
    k->ctx = EVP_CIPHER_CTX_new();
    return k->ctx != NULL && EVP_CipherInit_ex2(k->ctx, a->cipher, key, NULL, seals, NULL) == 1;
}

void
wr_tls_key_fini(struct wr_tls_key *k)
{
    EVP_CIPHER_CTX_free(k->ctx);
    k->ctx = NULL;
    OPENSSL_cleanse(k->iv, sizeof(k->iv));
}

bool
wr_tls_key_change(struct wr_tls_key *k, const uint8_t *key, const uint8_t *iv)
{
    memcpy(k->iv, iv, sizeof(k->iv));
    k->seq = 0;
    return EVP_CipherInit_ex2(k->ctx, NULL, key, NULL, -1, NULL) == 1;
}

static void
tls_record_put_u64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof(v));
}

/* The record's nonce; `sent`: the eight bytes that came with it (explicit nonces). */
static void
tls_record_nonce(const struct wr_tls_key *k, const uint8_t *sent, uint8_t nonce[12])
{
    memcpy(nonce, k->iv, 12);
    if (k->explicit_nonce) {
        memcpy(nonce + 4, sent, 8);
        return;
    }
    uint64_t low;
    memcpy(&low, nonce + 4, 8);
    low ^= __builtin_bswap64(k->seq);
    memcpy(nonce + 4, &low, 8);
}

/* What is authenticated beside the data: TLS 1.3 the header as sent, TLS 1.2 number, type, version, plain length. */
static int
tls_record_aad(const struct wr_tls_key *k, const uint8_t *header, size_t plain_bytes, uint8_t aad[13])
{
    if (k->v13) {
        memcpy(aad, header, WR_TLS_HEADER_BYTES);
        return WR_TLS_HEADER_BYTES;
    }
    tls_record_put_u64(aad, k->seq);
    memcpy(aad + 8, header, 3);
    aad[11] = (uint8_t)(plain_bytes >> 8);
    aad[12] = (uint8_t)plain_bytes;
    return 13;
}

/* ---- sealing ---- */

/* Encrypts n bytes of slices to `to`. */
static bool
tls_record_encrypt(EVP_CIPHER_CTX *ctx, const struct wr_slice *s, size_t skip, size_t n, uint8_t *to)
{
    int out;

    for (; n > 0; s = s->next, skip = 0) {
        size_t take = WR_MIN(n, s->n - skip);
        if (EVP_CipherUpdate(ctx, to, &out, (const uint8_t *)s->p + skip, (int)take) != 1) {
            return false;
        }
        to += take;
        n -= take;
    }
    return true;
}

size_t
wr_tls_seal(struct wr_tls_key *k, enum wr_tls_type type, const struct wr_slice *s, size_t skip, size_t n,
            uint8_t *out)
{
    size_t nonce_bytes = k->explicit_nonce ? 8 : 0;
    size_t body = nonce_bytes + n + (k->v13 ? 1 : 0) + WR_TLS_TAG_BYTES;
    uint8_t nonce[12], aad[13], inner = (uint8_t)type, *p = out + WR_TLS_HEADER_BYTES;
    int len;

    out[0] = k->v13 ? WR_TLS_DATA : (uint8_t)type;
    out[1] = out[2] = 3;
    out[3] = (uint8_t)(body >> 8);
    out[4] = (uint8_t)body;
    if (k->explicit_nonce) {
        tls_record_put_u64(p, k->seq);
    }
    tls_record_nonce(k, p, nonce);
    p += nonce_bytes;
    int aad_bytes = tls_record_aad(k, out, n, aad);
    if (k->seq == UINT64_MAX || EVP_CipherInit_ex2(k->ctx, NULL, NULL, nonce, -1, NULL) != 1 ||
        EVP_CipherUpdate(k->ctx, NULL, &len, aad, aad_bytes) != 1 ||
        !tls_record_encrypt(k->ctx, s, skip, n, p)) {
        return 0;
    }
    p += n;
    if (k->v13) {
        if (EVP_CipherUpdate(k->ctx, p, &len, &inner, 1) != 1) {
            return 0;
        }
        p++;
    }
    if (EVP_CipherFinal_ex(k->ctx, p, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, WR_TLS_TAG_BYTES, p) != 1) {
        return 0;
    }
    k->seq++;
    return WR_TLS_HEADER_BYTES + body;
}

size_t
wr_tls_seal_bytes(struct wr_tls_key *k, enum wr_tls_type type, const void *p, size_t n, uint8_t *out)
{
    struct wr_slice s = {.kind = WR_SLICE_MEM, .p = p, .n = n};

    return wr_tls_seal(k, type, &s, 0, n, out);
}

/* ---- opening ---- */

/* The type stands behind the data, zeros behind it (RFC 8446 5.4). */
static bool
tls_record_inner(struct wr_tls_opened *data)
{
    size_t at = data->n;

    while (at > 0 && data->p[at - 1] == 0) {
        at--;
    }
    if (at == 0) {
        return false;
    }
    data->type = (enum wr_tls_type)data->p[at - 1];
    data->n = at - 1;
    return data->n <= WR_TLS_PLAIN_BYTES;
}

bool
wr_tls_open(struct wr_tls_key *k, uint8_t *record, size_t record_bytes, uint8_t *out,
            struct wr_tls_opened *data)
{
    size_t nonce_bytes = k->explicit_nonce ? 8 : 0;
    size_t body = record_bytes - WR_TLS_HEADER_BYTES;
    uint8_t *p = record + WR_TLS_HEADER_BYTES;
    uint8_t nonce[12], aad[13];
    int len;

    if (body < nonce_bytes + WR_TLS_TAG_BYTES || (k->v13 && record[0] != WR_TLS_DATA) ||
        k->seq == UINT64_MAX) {
        return false;
    }
    size_t plain = body - nonce_bytes - WR_TLS_TAG_BYTES;
    if (plain > WR_TLS_PLAIN_BYTES + (k->v13 ? 256 - WR_TLS_TAG_BYTES : 0)) {
        return false;
    }
    tls_record_nonce(k, p, nonce);
    p += nonce_bytes;
    out = out != NULL ? out : p;
    int aad_bytes = tls_record_aad(k, record, plain, aad);
    if (EVP_CipherInit_ex2(k->ctx, NULL, NULL, nonce, -1, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_SET_TAG, WR_TLS_TAG_BYTES, p + plain) != 1 ||
        EVP_CipherUpdate(k->ctx, NULL, &len, aad, aad_bytes) != 1 ||
        (plain > 0 && EVP_CipherUpdate(k->ctx, out, &len, p, (int)plain) != 1) ||
        EVP_CipherFinal_ex(k->ctx, out + plain, &len) != 1) {
        return false;
    }
    k->seq++;
    *data = (struct wr_tls_opened){.p = out, .n = plain, .type = (enum wr_tls_type)record[0]};
    return !k->v13 || tls_record_inner(data);
}
