/* modules/tls/tls_record: what is sealed opens, what was touched does not, and the bytes are those of RFCs and OpenSSL. */
#include "modules/tls/tls_record.h"

#include "t/lib/ssl_peer.h"
#include "t/unit/tap.h"

#define RECORD_ROOM (WR_TLS_PLAIN_BYTES + 1024)

static struct wr_tls_kit record_kit;

/* Both ends of one direction. */
struct record_way {
    const struct wr_tls_aead *aead;
    bool v13;
    struct wr_tls_key seals;
    struct wr_tls_key opens;
    char name[40];
};

static const uint8_t record_key[32] = "thirty-two bytes that are a key";
static const uint8_t record_iv[12] = "and an iv .";

static void
record_begin(struct record_way *w, unsigned aead, bool v13)
{
    *w = (struct record_way){.aead = &record_kit.aeads[aead], .v13 = v13};
    snprintf(w->name, sizeof(w->name), "%s, TLS 1.%d", ssl_peer_suites[1][aead] + 4, v13 ? 3 : 2);
    if (!wr_tls_key_init(&w->seals, w->aead, v13, true, record_key, record_iv) ||
        !wr_tls_key_init(&w->opens, w->aead, v13, false, record_key, record_iv)) {
        tap_ok(false, "%s: keys", w->name);
    }
}

static void
record_end(struct record_way *w)
{
    wr_tls_key_fini(&w->seals);
    wr_tls_key_fini(&w->opens);
}

static void
record_fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)(i * 7 + i / 251 + 1);
    }
}

/* ---- a second implementation ---- */

/*
 * A record around what is to be encrypted, as the RFCs say: the same with no code of weir's.  plain: with the type
 * and the padding behind it in TLS 1.3.
 */
static size_t
record_seal_plainly(const struct record_way *w, uint64_t seq, uint8_t type, const uint8_t *plain, size_t n,
                    uint8_t *out)
{
    bool gcm12 = !w->v13 && w->aead->nid != NID_chacha20_poly1305;
    uint8_t nonce[12], aad[13], number[8], *to = out + 5 + (gcm12 ? 8 : 0);
    size_t body = (gcm12 ? 8 : 0) + n + 16;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len, aad_n = w->v13 ? 5 : 13;

    for (unsigned i = 0; i < 8; i++) {
        number[i] = (uint8_t)(seq >> (56 - 8 * i));
    }
    memcpy(out, (uint8_t[5]){type, 3, 3, (uint8_t)(body >> 8), (uint8_t)body}, 5);
    memcpy(nonce, record_iv, 12);
    for (unsigned i = 0; i < 8; i++) {
        nonce[4 + i] = gcm12 ? number[i] : nonce[4 + i] ^ number[i];
    }
    if (gcm12) {
        memcpy(out + 5, number, 8);
    }
    memcpy(aad, w->v13 ? out : number, w->v13 ? 5 : 8);
    if (!w->v13) {
        memcpy(aad + 8, (uint8_t[5]){type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n}, 5);
    }
    EVP_EncryptInit_ex(ctx, w->aead->cipher, NULL, record_key, nonce);
    EVP_EncryptUpdate(ctx, NULL, &len, aad, aad_n);
    if (n > 0) {
        EVP_EncryptUpdate(ctx, to, &len, plain, (int)n);
    }
    EVP_EncryptFinal_ex(ctx, to + n, &len);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, to + n);
    EVP_CIPHER_CTX_free(ctx);
    return 5 + body;
}

/* ---- good records ---- */

static void
test_sizes(struct record_way *w)
{
    static const size_t sizes[] = {1, 0, 2, 15, 16, 17, 1000, WR_TLS_PLAIN_BYTES};
    static uint8_t plain[WR_TLS_PLAIN_BYTES], record[RECORD_ROOM], copy[RECORD_ROOM], out[RECORD_ROOM],
        second[RECORD_ROOM];
    struct wr_tls_opened data;
    size_t bytes;

    record_fill(plain, sizeof(plain));
    for (unsigned i = 0; i < WR_ARRAY_LEN(sizes); i++) {
        size_t n = sizes[i];
        size_t len = wr_tls_seal_bytes(&w->seals, WR_TLS_DATA, plain, n, record);
        tap_ok(len > n && len <= n + WR_TLS_OVERHEAD_BYTES &&
                   wr_tls_record_frame(record, len, &bytes) == WR_TLS_FRAME_WHOLE && bytes == len,
               "%s: a record of %zu bytes is sealed", w->name, n);
        memcpy(second, plain, n);
        second[n] = WR_TLS_DATA;
        size_t want = record_seal_plainly(w, i, WR_TLS_DATA, second, n + (w->v13 ? 1 : 0), out);
        tap_ok(want == len && memcmp(record, out, len) == 0, "%s: as a second implementation does", w->name);
        memcpy(copy, record, len);
        tap_ok(wr_tls_open(&w->opens, record, len, out, &data) && data.p == out && data.n == n &&
                   data.type == WR_TLS_DATA && memcmp(out, plain, n) == 0,
               "%s: and opens, beside it", w->name);
        w->opens.seq--;
        tap_ok(wr_tls_open(&w->opens, copy, len, NULL, &data) && data.p > copy && data.p < copy + len &&
                   data.n == n && memcmp(data.p, plain, n) == 0,
               "%s: and in place", w->name);
    }
}

static void
test_types(struct record_way *w)
{
    static const enum wr_tls_type types[] = {WR_TLS_ALERT, WR_TLS_HANDSHAKE, WR_TLS_DATA};
    uint8_t record[100];
    struct wr_tls_opened data;

    for (unsigned i = 0; i < WR_ARRAY_LEN(types); i++) {
        size_t len = wr_tls_seal_bytes(&w->seals, types[i], "12", 2, record);
        tap_is_int(record[0], w->v13 ? WR_TLS_DATA : types[i], "%s: type %d as it shows", w->name, types[i]);
        tap_ok(wr_tls_open(&w->opens, record, len, NULL, &data) && data.type == types[i] && data.n == 2,
               "%s: and as it is", w->name);
    }
}

/* Bytes out of several slices, the first of them begun. */
static void
test_gather(struct record_way *w)
{
    static uint8_t plain[10000], record[RECORD_ROOM];
    const char *p = (const char *)plain;
    struct wr_slice s[4] = {{.kind = WR_SLICE_MEM, .p = p, .n = 10, .next = &s[1]},
                            {.kind = WR_SLICE_SHM, .p = p + 10, .n = 1, .next = &s[2]},
                            {.kind = WR_SLICE_MEM, .p = p + 11, .n = 5000, .next = &s[3]},
                            {.kind = WR_SLICE_MEM, .p = p + 5011, .n = 4989}};
    static const struct {
        size_t skip, n;
    } rows[] = {{0, 10000}, {3, 9997}, {9, 1}, {9, 2}, {9, 3}, {0, 11}, {5, 5005}, {5, 5006}, {5, 5007}};
    struct wr_tls_opened data;

    record_fill(plain, sizeof(plain));
    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        size_t len = wr_tls_seal(&w->seals, WR_TLS_DATA, &s[0], rows[i].skip, rows[i].n, record);
        tap_ok(wr_tls_open(&w->opens, record, len, NULL, &data) && data.n == rows[i].n &&
                   memcmp(data.p, plain + rows[i].skip, data.n) == 0,
               "%s: %zu bytes out of slices, from %zu on", w->name, rows[i].n, rows[i].skip);
    }
}

/* ---- bad records ---- */

static bool
record_opens(struct record_way *w, const uint8_t *record, size_t n)
{
    static uint8_t copy[RECORD_ROOM], out[RECORD_ROOM];
    struct wr_tls_opened data;

    memcpy(copy, record, n);
    return wr_tls_open(&w->opens, copy, n, out, &data);
}

static void
test_flips(struct record_way *w)
{
    uint8_t record[200];
    size_t len = wr_tls_seal_bytes(&w->seals, WR_TLS_DATA, "some bytes of data", 18, record);
    unsigned opened = 0;

    for (size_t i = 0; i < 8 * len; i++) {
        /* the length of TLS 1.2 is not in what is authenticated: the frame says it, and a cut record is tried below */
        if (w->v13 || i / 8 < 3 || i / 8 > 4) {
            record[i / 8] ^= (uint8_t)(1 << i % 8);
            opened += record_opens(w, record, len);
            record[i / 8] ^= (uint8_t)(1 << i % 8);
        }
    }
    tap_is_int(opened, 0, "%s: no record with a bit that was flipped opens", w->name);
    for (size_t n = WR_TLS_HEADER_BYTES; n < len; n++) {
        record[3] = 0;
        record[4] = (uint8_t)(n - WR_TLS_HEADER_BYTES);
        opened += record_opens(w, record, n);
    }
    tap_is_int(opened, 0, "%s: nor one that was cut", w->name);
    record[4] = (uint8_t)(len - WR_TLS_HEADER_BYTES);
    tap_is_int(w->opens.seq, w->seals.seq - 1, "%s: they use up no number", w->name);
    tap_ok(record_opens(w, record, len), "%s: so the good one opens", w->name);
    tap_ok(!record_opens(w, record, len), "%s: once", w->name);
}

static void
test_order(struct record_way *w)
{
    uint8_t record[3][100];
    size_t len = 0;

    for (unsigned i = 0; i < 3; i++) {
        len = wr_tls_seal_bytes(&w->seals, WR_TLS_DATA, "abc", 3, record[i]);
    }
    tap_ok(!record_opens(w, record[1], len) && !record_opens(w, record[2], len),
           "%s: a record out of order does not open", w->name);
    tap_ok(record_opens(w, record[0], len) && !record_opens(w, record[2], len) &&
               record_opens(w, record[1], len) && record_opens(w, record[2], len),
           "%s: in order all do", w->name);
    uint64_t at = w->seals.seq;
    w->seals.seq = w->opens.seq = UINT64_MAX;
    tap_ok(wr_tls_seal_bytes(&w->seals, WR_TLS_DATA, "abc", 3, record[0]) == 0 &&
               !record_opens(w, record[0], len),
           "%s: behind the last number there is none", w->name);
    w->seals.seq = w->opens.seq = at;
}

static void
test_other_key(struct record_way *w)
{
    uint8_t record[100], key[32] = "other";
    size_t len = wr_tls_seal_bytes(&w->seals, WR_TLS_DATA, "abc", 3, record);

    record_opens(w, record, len);
    tap_ok(wr_tls_key_change(&w->seals, key, record_iv) && w->seals.seq == 0, "%s: another key", w->name);
    len = wr_tls_seal_bytes(&w->seals, WR_TLS_DATA, "abc", 3, record);
    w->opens.seq = 0;
    tap_ok(!record_opens(w, record, len), "%s: its records do not open with the old one", w->name);
    tap_ok(wr_tls_key_change(&w->opens, key, record_iv) && record_opens(w, record, len),
           "%s: but with itself", w->name);
    wr_tls_key_change(&w->seals, record_key, record_iv);
    wr_tls_key_change(&w->opens, record_key, record_iv);
}

/* Opens what is authentic, of these bytes inside. */
static bool
record_inside(struct record_way *w, const uint8_t *plain, size_t n, struct wr_tls_opened *data)
{
    static uint8_t record[2 * RECORD_ROOM];
    size_t len = record_seal_plainly(w, w->opens.seq, WR_TLS_DATA, plain, n, record);

    return wr_tls_open(&w->opens, record, len, NULL, data);
}

/* TLS 1.3: the type and the zeros behind the data. */
static void
test_padding(struct record_way *w)
{
    static uint8_t plain[WR_TLS_PLAIN_BYTES + 300];
    struct wr_tls_opened data;

    record_fill(plain, sizeof(plain));
    memset(plain + 7, 0, 500);
    plain[7] = WR_TLS_ALERT;
    tap_ok(record_inside(w, plain, 8 + 400, &data) && data.type == WR_TLS_ALERT && data.n == 7 &&
               memcmp(data.p, plain, 7) == 0,
           "%s: zeros behind the type are stripped", w->name);
    memset(plain, 0, 10);
    plain[4] = WR_TLS_HANDSHAKE;
    tap_ok(record_inside(w, plain, 10, &data) && data.type == WR_TLS_HANDSHAKE && data.n == 4,
           "%s: zeros before it are data", w->name);
    plain[4] = 0;
    tap_ok(!record_inside(w, plain, 10, &data), "%s: zeros alone are refused", w->name);
    tap_ok(!record_inside(w, plain, 0, &data), "%s: and so is nothing", w->name);
    record_fill(plain, sizeof(plain));
    plain[WR_TLS_PLAIN_BYTES] = WR_TLS_DATA;
    memset(plain + WR_TLS_PLAIN_BYTES + 1, 0, 200);
    tap_ok(record_inside(w, plain, WR_TLS_PLAIN_BYTES + 1, &data) && data.n == WR_TLS_PLAIN_BYTES,
           "%s: the longest", w->name);
    tap_ok(record_inside(w, plain, WR_TLS_PLAIN_BYTES + 200, &data) && data.n == WR_TLS_PLAIN_BYTES,
           "%s: the longest with padding", w->name);
    plain[WR_TLS_PLAIN_BYTES + 1] = WR_TLS_DATA;
    tap_ok(!record_inside(w, plain, WR_TLS_PLAIN_BYTES + 2, &data), "%s: one byte more is refused", w->name);
    memset(plain + WR_TLS_PLAIN_BYTES + 1, 0, 299);
    tap_ok(!record_inside(w, plain, WR_TLS_PLAIN_BYTES + 241, &data), "%s: and so is more padding", w->name);
}

static void
test_long12(struct record_way *w)
{
    static uint8_t plain[WR_TLS_PLAIN_BYTES + 1];
    struct wr_tls_opened data;

    tap_ok(record_inside(w, plain, WR_TLS_PLAIN_BYTES, &data) && data.n == WR_TLS_PLAIN_BYTES,
           "%s: the longest", w->name);
    tap_ok(!record_inside(w, plain, WR_TLS_PLAIN_BYTES + 1, &data), "%s: one byte more is refused", w->name);
    tap_ok(record_inside(w, plain, 0, &data) && data.n == 0, "%s: no data at all", w->name);
}

static void
test_each(void)
{
    struct record_way w;

    for (unsigned i = 0; i < 2 * WR_TLS_AEADS; i++) {
        record_begin(&w, i / 2, i % 2 == 0);
        test_sizes(&w);
        test_types(&w);
        test_gather(&w);
        test_flips(&w);
        test_order(&w);
        test_other_key(&w);
        w.v13 ? test_padding(&w) : test_long12(&w);
        record_end(&w);
    }
}

/* ---- frames ---- */

static void
test_frames(void)
{
    static const struct {
        uint8_t head[5];
        size_t n;
        enum wr_tls_frame frame;
        size_t bytes;
        const char *what;
    } rows[] = {
        {{23, 3, 3, 0, 17}, 0, WR_TLS_FRAME_MORE, 0, "nothing"},
        {{23, 3, 3, 0, 17}, 1, WR_TLS_FRAME_MORE, 0, "a byte"},
        {{99, 9, 9, 9, 9}, 4, WR_TLS_FRAME_MORE, 0, "half a header says nothing yet"},
        {{23, 3, 3, 0, 17}, 5, WR_TLS_FRAME_MORE, 22, "a header"},
        {{23, 3, 3, 0, 17}, 21, WR_TLS_FRAME_MORE, 22, "all but one byte"},
        {{23, 3, 3, 0, 17}, 22, WR_TLS_FRAME_WHOLE, 22, "all of it"},
        {{23, 3, 3, 0, 17}, 100, WR_TLS_FRAME_WHOLE, 22, "more than that"},
        {{20, 3, 3, 0, 1}, 6, WR_TLS_FRAME_WHOLE, 6, "the lowest type"},
        {{19, 3, 3, 0, 17}, 100, WR_TLS_FRAME_BAD, 0, "a type below them"},
        {{24, 3, 3, 0, 17}, 100, WR_TLS_FRAME_BAD, 0, "a type above them"},
        {{22, 3, 1, 0, 17}, 100, WR_TLS_FRAME_BAD, 0, "an old version"},
        {{22, 3, 4, 0, 17}, 100, WR_TLS_FRAME_BAD, 0, "a new version"},
        {{22, 2, 3, 0, 17}, 100, WR_TLS_FRAME_BAD, 0, "no version"},
        {{23, 3, 3, 0, 0}, 5, WR_TLS_FRAME_WHOLE, 5, "an empty body"},
        {{23, 3, 3, 0x41, 0x00}, 5, WR_TLS_FRAME_MORE, 16645, "the longest body"},
        {{23, 3, 3, 0x41, 0x01}, 5, WR_TLS_FRAME_BAD, 0, "a body too long"},
        {{23, 3, 3, 0xff, 0xff}, 5, WR_TLS_FRAME_BAD, 0, "far too long"},
        {{'G', 'E', 'T', ' ', '/'}, 16, WR_TLS_FRAME_BAD, 0, "HTTP"},
    };
    uint8_t p[100] = {0};
    size_t bytes;

    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        memcpy(p, rows[i].head, 5);
        enum wr_tls_frame frame = wr_tls_record_frame(p, rows[i].n, &bytes);
        tap_ok(frame == rows[i].frame && bytes == rows[i].bytes, "frame: %s", rows[i].what);
    }
}

/* ---- known answers ---- */

/* RFC 8448, section 3: the application traffic of a handshake, AES-128-GCM. */
static const uint8_t record_rfc_keys[2][16] = {
    {0x17, 0x42, 0x2d, 0xda, 0x59, 0x6e, 0xd5, 0xd9, 0xac, 0xd8, 0x90, 0xe3, 0xc6, 0x3f, 0x50, 0x51},
    {0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef, 0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56},
};
static const uint8_t record_rfc_ivs[2][12] = {
    {0x5b, 0x78, 0x92, 0x3d, 0xee, 0x08, 0x57, 0x90, 0x33, 0xe5, 0x23, 0xd9},
    {0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83, 0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84},
};
static const uint8_t record_rfc_data[2][72] = {
    {0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54, 0xb6, 0x2c, 0x94, 0xd0, 0xaf, 0xfa,
     0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac, 0xea, 0x42, 0xf9, 0x14, 0xaa, 0x66, 0xbc,
     0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5, 0xb4, 0x6b, 0x39, 0x5b, 0xd5, 0x4a, 0x9a, 0x20,
     0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e, 0x1f, 0x5a, 0x62, 0x92, 0xa2, 0x97, 0x70, 0x14, 0xbd,
     0x1e, 0x3d, 0xea, 0xe6, 0x3a, 0xee, 0xbb, 0x21, 0x69, 0x49, 0x15, 0xe4},
    {0x17, 0x03, 0x03, 0x00, 0x43, 0x2e, 0x93, 0x7e, 0x11, 0xef, 0x4a, 0xc7, 0x40, 0xe5, 0x38,
     0xad, 0x36, 0x00, 0x5f, 0xc4, 0xa4, 0x69, 0x32, 0xfc, 0x32, 0x25, 0xd0, 0x5f, 0x82, 0xaa,
     0x1b, 0x36, 0xe3, 0x0e, 0xfa, 0xf9, 0x7d, 0x90, 0xe6, 0xdf, 0xfc, 0x60, 0x2d, 0xcb, 0x50,
     0x1a, 0x59, 0xa8, 0xfc, 0xc4, 0x9c, 0x4b, 0xf2, 0xe5, 0xf0, 0xa2, 0x1c, 0x00, 0x47, 0xc2,
     0xab, 0xf3, 0x32, 0x54, 0x0d, 0xd0, 0x32, 0xe1, 0x67, 0xc2, 0x95, 0x5d},
};
static const uint8_t record_rfc_alert[2][24] = {
    {0x17, 0x03, 0x03, 0x00, 0x13, 0xc9, 0x87, 0x27, 0x60, 0x65, 0x56, 0x66,
     0xb7, 0x4d, 0x7f, 0xf1, 0x15, 0x3e, 0xfd, 0x6d, 0xb6, 0xd0, 0xb0, 0xe3},
    {0x17, 0x03, 0x03, 0x00, 0x13, 0xb5, 0x8f, 0xd6, 0x71, 0x66, 0xeb, 0xf5,
     0x99, 0xd2, 0x47, 0x20, 0xcf, 0xbe, 0x7e, 0xfa, 0x7a, 0x88, 0x64, 0xa9},
};

static void
test_rfc8448(void)
{
    static const uint8_t close_notify[2] = {1, 0};
    static const char *const who[2] = {"client", "server"};
    uint8_t plain[50], record[100];
    struct wr_tls_opened data;
    struct wr_tls_key k;

    for (unsigned i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)i;
    }
    for (unsigned i = 0; i < 2; i++) {
        wr_tls_key_init(&k, &record_kit.aeads[0], true, true, record_rfc_keys[i], record_rfc_ivs[i]);
        k.seq = i; /* a ticket was the server's first */
        size_t n = wr_tls_seal_bytes(&k, WR_TLS_DATA, plain, sizeof(plain), record);
        tap_is_mem(record, n, record_rfc_data[i], 72, "RFC 8448, %s: data", who[i]);
        n = wr_tls_seal_bytes(&k, WR_TLS_ALERT, close_notify, 2, record);
        tap_is_mem(record, n, record_rfc_alert[i], 24, "RFC 8448, %s: close_notify", who[i]);
        wr_tls_key_fini(&k);
        wr_tls_key_init(&k, &record_kit.aeads[0], true, false, record_rfc_keys[i], record_rfc_ivs[i]);
        k.seq = i;
        memcpy(record, record_rfc_data[i], 72);
        tap_ok(wr_tls_open(&k, record, 72, NULL, &data) && data.type == WR_TLS_DATA, "RFC 8448, %s: opened",
               who[i]);
        tap_is_mem(data.p, data.n, plain, 50, "RFC 8448, %s: the data", who[i]);
        memcpy(record, record_rfc_alert[i], 24);
        tap_ok(wr_tls_open(&k, record, 24, NULL, &data) && data.type == WR_TLS_ALERT && data.n == 2,
               "RFC 8448, %s: the alert", who[i]);
        wr_tls_key_fini(&k);
    }
}

/* ---- OpenSSL's records ---- */

/* What one of OpenSSL's ends has written opens with the keys of the other; *from moves behind it. */
static bool
record_reads(struct wr_tls_key *rx, struct ssl_peer *from, const uint8_t *want, size_t n)
{
    static uint8_t wire[4 * RECORD_ROOM], got[4 * RECORD_ROOM];
    size_t have = ssl_peer_take(from, wire, sizeof(wire)), at = 0, bytes, sum = 0;
    struct wr_tls_opened data;

    while (wr_tls_record_frame(wire + at, have - at, &bytes) == WR_TLS_FRAME_WHOLE) {
        if (!wr_tls_open(rx, wire + at, bytes, got + sum, &data) || data.type != WR_TLS_DATA) {
            return false;
        }
        sum += data.n;
        at += bytes;
    }
    return at == have && sum == n && memcmp(got, want, n) == 0;
}

static bool
record_writes(struct wr_tls_key *tx, struct ssl_peer *to, const uint8_t *p, size_t n)
{
    static uint8_t record[RECORD_ROOM], got[RECORD_ROOM];
    size_t len = wr_tls_seal_bytes(tx, WR_TLS_DATA, p, n, record);

    ssl_peer_give(to, record, len);
    return SSL_read(to->ssl, got, sizeof(got)) == (int)n && memcmp(got, p, n) == 0;
}

static void
record_against(struct ssl_peer *end, struct ssl_peer *other, const char *name)
{
    static uint8_t plain[40000];
    struct wr_tls_key rx, tx;
    bool reads = true, writes = true;

    record_fill(plain, sizeof(plain));
    ssl_peer_keys(end, &record_kit, &rx, &tx);
    tap_is_int(rx.seq == tx.seq ? rx.seq : 99, end->v13 ? 0 : 1, "%s: the first number", name);
    for (unsigned i = 0; i < 3; i++) {
        size_t n = i == 0 ? 1 : i == 1 ? 1000 : sizeof(plain);
        SSL_write(other->ssl, plain, (int)n);
        reads = reads && record_reads(&rx, other, plain, n);
        n = WR_MIN(n, (size_t)WR_TLS_PLAIN_BYTES);
        writes = writes && record_writes(&tx, other, plain, n);
    }
    tap_ok(reads, "%s: opens what OpenSSL has sealed", name);
    tap_ok(writes, "%s: seals what OpenSSL opens", name);
    wr_tls_key_fini(&rx);
    wr_tls_key_fini(&tx);
}

static void
test_openssl(void)
{
    struct made cert = make_cert(&(struct make_wish){.name = "a.example"});
    char name[60];

    for (unsigned i = 0; i < 4 * WR_TLS_AEADS; i++) {
        struct ssl_peer peer[2];
        bool v13 = i % 2 == 0, as_server = i / 2 % 2 == 0;
        unsigned aead = i / 4;
        for (unsigned k = 0; k < 2; k++) {
            ssl_peer_init(&peer[k], k == 1, v13, k == 1 ? &cert : NULL);
            ssl_peer_suite(&peer[k], aead);
            ssl_peer_start(&peer[k]);
        }
        ssl_peer_shake(&peer[0], &peer[1]);
        snprintf(name, sizeof(name), "%s, %s", ssl_peer_suites[v13][aead], as_server ? "server" : "client");
        record_against(&peer[as_server], &peer[!as_server], name);
        ssl_peer_end(&peer[0]);
        ssl_peer_end(&peer[1]);
    }
    make_free(&cert);
}

int
main(void)
{
    if (!tap_ok(wr_tls_kit_init(&record_kit), "OpenSSL has all that is needed")) {
        return tap_done();
    }
    test_frames();
    test_each();
    test_rfc8448();
    test_openssl();
    wr_tls_kit_fini(&record_kit);
    return tap_done();
}
