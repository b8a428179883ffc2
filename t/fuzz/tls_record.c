/*
 * modules/tls/tls_record.  The input is bytes from a peer, cut into records;
 * or the inside of one that is sealed here and then changed: what was not
 * changed opens as a second reading of the rules has it, what was does not.
 */
#include "modules/tls/tls_record.h"

#include <stdlib.h>

#include "modules/tls/tls_schedule.h"

#define TLS_RECORD_INPUT_BYTES (WR_TLS_PLAIN_BYTES + 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Both ends of a direction, for each kind of record. */
static struct {
    struct wr_tls_key seals;
    struct wr_tls_key opens;
} tls_record_ends[2 * WR_TLS_AEADS];

static void
tls_record_start(void)
{
    static struct wr_tls_kit kit;
    static const uint8_t key[32] = "a key of thirty-two bytes for it", iv[12] = "twelve bytes";

    if (kit.prf != NULL) {
        return;
    }
    wr_assert(wr_tls_kit_init(&kit));
    for (unsigned i = 0; i < 2 * WR_TLS_AEADS; i++) {
        const struct wr_tls_aead *a = &kit.aeads[i / 2];
        wr_assert(wr_tls_key_init(&tls_record_ends[i].seals, a, i % 2, true, key, iv) &&
                  wr_tls_key_init(&tls_record_ends[i].opens, a, i % 2, false, key, iv));
    }
}

/* ---- bytes of a peer ---- */

static void
tls_record_check_prefixes(const uint8_t *p, size_t n, enum wr_tls_frame whole, size_t bytes)
{
    size_t part;

    for (size_t k = 0; k < n && k < 8; k++) {
        enum wr_tls_frame frame = wr_tls_record_frame(p, k, &part);
        wr_assert(k >= WR_TLS_HEADER_BYTES ? part == bytes : part == 0 && frame == WR_TLS_FRAME_MORE);
        wr_assert(frame != WR_TLS_FRAME_WHOLE || whole == WR_TLS_FRAME_WHOLE);
        wr_assert(frame != WR_TLS_FRAME_BAD || whole == WR_TLS_FRAME_BAD);
    }
}

static void
tls_record_stream(struct wr_tls_key *k, const uint8_t *p, size_t n)
{
    struct wr_tls_opened opened;
    size_t bytes;

    for (;;) {
        enum wr_tls_frame frame = wr_tls_record_frame(p, n, &bytes);
        tls_record_check_prefixes(p, n, frame, bytes);
        wr_assert(bytes <= WR_TLS_RECORD_BYTES && (frame != WR_TLS_FRAME_BAD || bytes == 0));
        if (frame != WR_TLS_FRAME_WHOLE) {
            return;
        }
        wr_assert(bytes >= WR_TLS_HEADER_BYTES && bytes <= n);
        /* blocks of exactly their sizes, so that a read or write beyond is seen */
        uint8_t *record = malloc(bytes), *out = malloc(bytes);
        memcpy(record, p, bytes);
        /* nobody guesses a tag; were it so, what is opened has its bounds all the same */
        if (wr_tls_open(k, record, bytes, n % 2 ? out : NULL, &opened)) {
            wr_assert(opened.n <= WR_TLS_PLAIN_BYTES && opened.n < bytes);
        }
        free(record);
        free(out);
        p += bytes;
        n -= bytes;
    }
}

/* ---- sealed here ---- */

/* What is inside a record of TLS 1.3: the last byte that is not zero is its type, what stands before it the data. */
static bool
tls_record_inside(const uint8_t *p, size_t n, size_t *data_n, uint8_t *type)
{
    size_t last = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        last = p[i] != 0 ? i : last;
    }
    if (last == SIZE_MAX || last > WR_TLS_PLAIN_BYTES) {
        return false;
    }
    *data_n = last;
    *type = p[last];
    return true;
}

/* The inside becomes a record: as pieces of it, gathered. */
static size_t
tls_record_make(struct wr_tls_key *k, const uint8_t *p, size_t n, uint8_t type, uint8_t cut, uint8_t *out)
{
    size_t first = WR_MIN((size_t)cut, n), skip = cut % 5;
    char *block = malloc(first + skip + 1);
    struct wr_slice s[2] = {{.kind = WR_SLICE_MEM, .p = block, .n = first + skip, .next = &s[1]},
                            {.kind = WR_SLICE_SHM, .p = (const char *)p + first, .n = n - first}};

    memcpy(block + skip, p, first);
    size_t bytes = wr_tls_seal(k, type, &s[0], skip, n, out);
    wr_assert(bytes > n && bytes <= n + WR_TLS_OVERHEAD_BYTES);
    free(block);
    return bytes;
}

/* Changes the record as the input says: pairs of place and difference. */
static bool
tls_record_change(uint8_t *record, size_t n, const uint8_t *p, size_t changes, bool v13)
{
    uint8_t *had = malloc(n);
    bool changed;

    memcpy(had, record, n);
    for (size_t i = 0; i < changes; i++, p += 3) {
        size_t at = ((size_t)p[0] << 8 | p[1]) % n;
        /* the length in TLS 1.2 is not in what is authenticated, but given by the frame */
        record[at] ^= v13 || at < 3 || at > 4 ? p[2] : 0;
    }
    changed = memcmp(had, record, n) != 0;
    free(had);
    return changed;
}

static void
tls_record_sealed(struct wr_tls_key *seals, struct wr_tls_key *opens, const uint8_t *p, size_t n)
{
    size_t changes = p[0] % 4, data_n = 0;
    uint8_t type = 0;
    struct wr_tls_opened opened;
    bool v13 = seals->v13;

    if (n < 3 + 3 * changes) {
        return;
    }
    const uint8_t *inside = p + 2 + 3 * changes;
    size_t inside_n = WR_MIN(n - 2 - 3 * changes, (size_t)WR_TLS_PLAIN_BYTES + (v13 ? 240 : 0));
    /* TLS 1.3: the last byte stands where the type does, whatever it is */
    size_t sealed = v13 ? inside_n - 1 : inside_n;
    uint8_t outer = v13 ? inside[inside_n - 1] : WR_TLS_CCS + p[0] / 4 % 4;
    uint8_t *record = malloc(inside_n + WR_TLS_OVERHEAD_BYTES);
    size_t bytes = tls_record_make(seals, inside, sealed, outer, p[1], record);
    bool changed = tls_record_change(record, bytes, p + 2, changes, v13);
    bool good = !changed;

    if (v13) {
        good = good && tls_record_inside(inside, inside_n, &data_n, &type);
    } else {
        data_n = inside_n;
        type = outer;
    }
    uint8_t *out = malloc(bytes);
    wr_assert(wr_tls_open(opens, record, bytes, p[1] % 2 ? out : NULL, &opened) == good);
    if (good) {
        wr_assert(opened.n == data_n && opened.type == type && memcmp(opened.p, inside, data_n) == 0);
        wr_assert(opened.p ==
                  (p[1] % 2 ? out : record + WR_TLS_HEADER_BYTES + (opens->explicit_nonce ? 8 : 0)));
    }
    wr_assert(opens->seq == seals->seq || (changed && opens->seq + 1 == seals->seq));
    free(out);
    free(record);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > TLS_RECORD_INPUT_BYTES) {
        return 0;
    }
    tls_record_start();
    unsigned kind = data[0] % (2 * WR_TLS_AEADS);
    struct wr_tls_key *seals = &tls_record_ends[kind].seals, *opens = &tls_record_ends[kind].opens;

    seals->seq = opens->seq = data[1] == 255 ? UINT64_MAX - 1 : data[1] * UINT64_C(0x1010101010101);
    if (data[0] & 0x80) {
        tls_record_stream(opens, data + 2, size - 2);
    } else {
        tls_record_sealed(seals, opens, data + 2, size - 2);
    }
    return 0;
}
