/* modules/tls/tls_schedule: from secrets to keys as RFC 8448 and a second HKDF have them, key updates, lines of secrets. */
#include "modules/tls/tls_schedule.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "t/unit/tap.h"

static struct wr_tls_kit schedule_kit;

/* RFC 8448, section 3: the secrets of the application, the client's and the server's, and what comes of them. */
static const struct schedule_rfc {
    const char *who;
    uint8_t secret[32];
    uint8_t key[16];
    uint8_t iv[12];
} schedule_rfc[2] = {
    {"client",
     {0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0, 0x5a, 0xf8, 0x88, 0x9b, 0xce, 0x65, 0x52,
      0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf, 0x00, 0x87, 0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5},
     {0x17, 0x42, 0x2d, 0xda, 0x59, 0x6e, 0xd5, 0xd9, 0xac, 0xd8, 0x90, 0xe3, 0xc6, 0x3f, 0x50, 0x51},
     {0x5b, 0x78, 0x92, 0x3d, 0xee, 0x08, 0x57, 0x90, 0x33, 0xe5, 0x23, 0xd9}},
    {"server",
     {0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47, 0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32,
      0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b, 0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43},
     {0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef, 0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56},
     {0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83, 0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84}},
};

/* Whether the key seals as one of those bytes does. */
static bool
schedule_same_key(struct wr_tls_key *k, const struct wr_tls_aead *a, const uint8_t *key, const uint8_t *iv)
{
    uint8_t one[64], other[64];
    struct wr_tls_key plain;

    wr_tls_key_init(&plain, a, true, true, key, iv);
    plain.seq = k->seq;
    size_t n = wr_tls_seal_bytes(k, WR_TLS_DATA, "abc", 3, one);
    bool same = wr_tls_seal_bytes(&plain, WR_TLS_DATA, "abc", 3, other) == n && memcmp(one, other, n) == 0;

    wr_tls_key_fini(&plain);
    return same;
}

static void
test_rfc8448(void)
{
    struct wr_tls_secret secret = {.n = 32};
    struct wr_tls_key k;

    for (unsigned i = 0; i < 2; i++) {
        const struct schedule_rfc *row = &schedule_rfc[i];
        memcpy(secret.bytes, row->secret, 32);
        tap_ok(wr_tls_schedule_key(&schedule_kit, &k, &schedule_kit.aeads[0], true, &secret),
               "RFC 8448, %s: a key", row->who);
        tap_is_mem(k.iv, 12, row->iv, 12, "RFC 8448, %s: the iv", row->who);
        tap_ok(schedule_same_key(&k, &schedule_kit.aeads[0], row->key, row->iv), "RFC 8448, %s: the key",
               row->who);
        wr_tls_key_fini(&k);
    }
    secret.n = 0;
    tap_ok(!wr_tls_schedule_key(&schedule_kit, &k, &schedule_kit.aeads[0], true, &secret),
           "no secret, no key");
}

/* HKDF-Expand-Label by OpenSSL's own HKDF. */
static void
schedule_expand(const uint8_t *secret, size_t n, const char *label, uint8_t *out, size_t out_n)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    uint8_t info[64];
    int info_n = snprintf((char *)info, sizeof(info), "%c%c%ctls13 %s%c", 'x', (char)out_n,
                          (char)(6 + strlen(label)), label, '0');

    info[0] = 0;
    info[info_n - 1] = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)(n == 48 ? "SHA384" : "SHA256"), 0),
        OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)secret, n),
        OSSL_PARAM_construct_octet_string("info", info, (size_t)info_n),
        OSSL_PARAM_construct_int("mode", &mode),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_KDF_derive(ctx, out, out_n, params) != 1) {
        tap_ok(false, "HKDF");
    }
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

/* Key updates, one behind the other, of both ends. */
static void
test_updates(unsigned aead, uint8_t secret_bytes)
{
    const struct wr_tls_aead *a = &schedule_kit.aeads[aead];
    struct wr_tls_secret mine = {.n = secret_bytes}, theirs;
    uint8_t want[48], next[48], key[32], iv[12], record[64];
    struct wr_tls_opened data;
    struct wr_tls_key tx, rx;

    for (unsigned i = 0; i < secret_bytes; i++) {
        mine.bytes[i] = want[i] = (uint8_t)(i * 3 + aead);
    }
    theirs = mine;
    bool ok = wr_tls_schedule_key(&schedule_kit, &tx, a, true, &mine) &&
        wr_tls_schedule_key(&schedule_kit, &rx, a, false, &theirs);
    for (unsigned i = 0; i < 4 && ok; i++) {
        schedule_expand(want, secret_bytes, "key", key, a->key_bytes);
        schedule_expand(want, secret_bytes, "iv", iv, 12);
        tap_ok(memcmp(mine.bytes, want, secret_bytes) == 0 && mine.n == secret_bytes,
               "aead %u, hash of %u: the secret after %u updates", aead, secret_bytes, i);
        tap_ok(tx.seq == 0 && memcmp(tx.iv, iv, 12) == 0 && schedule_same_key(&tx, a, key, iv), "iv and key");
        size_t n = wr_tls_seal_bytes(&tx, WR_TLS_DATA, "abc", 3, record);
        rx.seq = 1;
        tap_ok(wr_tls_open(&rx, record, n, NULL, &data) && data.n == 3, "the other end follows");
        schedule_expand(want, secret_bytes, "traffic upd", next, secret_bytes);
        memcpy(want, next, secret_bytes);
        ok = wr_tls_schedule_update(&schedule_kit, &tx, a, &mine) &&
            wr_tls_schedule_update(&schedule_kit, &rx, a, &theirs);
    }
    tap_ok(ok, "aead %u, hash of %u: updates", aead, secret_bytes);
    wr_tls_key_fini(&tx);
    wr_tls_key_fini(&rx);
}

static void
test_aeads(void)
{
    static const int nids[] = {NID_aes_128_gcm, NID_aes_256_gcm, NID_chacha20_poly1305};

    for (unsigned i = 0; i < WR_ARRAY_LEN(nids); i++) {
        const struct wr_tls_aead *a = wr_tls_aead_of(&schedule_kit, nids[i]);
        tap_ok(a != NULL && a->nid == nids[i] && a->key_bytes == (size_t)EVP_CIPHER_get_key_length(a->cipher),
               "AEAD %d is known", nids[i]);
    }
    tap_ok(wr_tls_aead_of(&schedule_kit, NID_aes_128_cbc) == NULL &&
               wr_tls_aead_of(&schedule_kit, NID_undef) == NULL,
           "others are not");
}

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define RANDOM "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static void
test_lines(void)
{
    static const struct {
        const char *line;
        uint8_t n;
        const char *what;
    } rows[] = {
        {"LABEL_0 " RANDOM " " HEX32, 32, "a secret of SHA-256"},
        {"LABEL_0 " RANDOM " " HEX32 "202122232425262728292a2b2c2d2e2f", 48, "a secret of SHA-384"},
        {"LABEL_1 " RANDOM " " HEX32, 0, "another label"},
        {"LABEL_00 " RANDOM " " HEX32, 0, "a longer label"},
        {"LABEL_ " RANDOM " " HEX32, 0, "a shorter label"},
        {" LABEL_0 " RANDOM " " HEX32, 0, "a blank before it"},
        {"LABEL_0", 0, "a label alone"},
        {"LABEL_0 ", 0, "nothing behind it"},
        {"LABEL_0 " RANDOM " ", 0, "no secret"},
        {"", 0, "nothing"},
        {"LABEL_0 " RANDOM " " HEX32 "2", 0, "half a byte too many"},
        {"LABEL_0 " RANDOM " " HEX32 "20", 0, "a byte too many"},
        {"LABEL_0 " RANDOM " 000102", 0, "too few"},
        {"LABEL_0 " RANDOM " " HEX32 HEX32, 0, "a secret of 64 bytes"},
        {"LABEL_0 " RANDOM " g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0,
         "a digit that is none"},
        {"LABEL_0 " RANDOM " 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1:", 0,
         "at the end, too"},
    };
    uint8_t want[48];

    for (unsigned i = 0; i < sizeof(want); i++) {
        want[i] = (uint8_t)i;
    }
    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct wr_tls_secret s = {.n = 0};
        bool got = wr_tls_schedule_line(rows[i].line, "LABEL_0", &s);
        tap_ok(got == (rows[i].n > 0) && s.n == rows[i].n && memcmp(s.bytes, want, s.n) == 0, "line: %s",
               rows[i].what);
    }
}

int
main(void)
{
    if (!tap_ok(wr_tls_kit_init(&schedule_kit), "OpenSSL has all that is needed")) {
        return tap_done();
    }
    test_aeads();
    test_rfc8448();
    test_updates(0, 32);
    test_updates(1, 48);
    test_updates(2, 32);
    test_lines();
    wr_tls_kit_fini(&schedule_kit);
    return tap_done();
}
