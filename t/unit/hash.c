/* core/base/hash: the wanted numbers are from an independent implementation in Python. */
#include "core/base/hash.h"

#include "core/base/pool.h"

#include "t/unit/tap.h"

static char hash_bytes[64];

/* The key and the messages of the SipHash paper's appendix: 00, 01, 02 ... */
static void
hash_set_key(void)
{
    wr_hash_key[0] = 0x0706050403020100;
    wr_hash_key[1] = 0x0f0e0d0c0b0a0908;
    for (unsigned i = 0; i < sizeof(hash_bytes); i++) {
        hash_bytes[i] = (char)i;
    }
}

static void
hash_test_keyed(void)
{
    static const struct {
        size_t n;
        uint64_t want;
    } cases[] = {
        {0, 0xabac0158050fc4dc}, {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},  {8, 0x369095118d299a8e},
        {9, 0x25a48eb36c063de4}, {15, 0xd320d86d2a519956}, {16, 0xcc4fdd1a7d908b66}, {63, 0x9d199062b7bbb3a8},
    };
    uint64_t sum = 0;

    for (size_t i = 0; i < WR_ARRAY_LEN(cases); i++) {
        tap_ok(wr_hash_keyed(wr_str_make(hash_bytes, cases[i].n)) == cases[i].want,
               "SipHash-1-3 of %zu bytes", cases[i].n);
    }
    for (size_t n = 0; n < 64; n++) {
        sum = sum * 31 + wr_hash_keyed(wr_str_make(hash_bytes, n));
    }
    tap_ok(sum == 0x71020056298ad661, "of all lengths to 63");
    tap_ok(wr_hash_keyed(WR_STR_NONE) == cases[0].want, "of NULL");
    wr_hash_key[1] ^= 1;
    tap_ok(wr_hash_keyed(WR_STR_NONE) != cases[0].want, "another key, another hash");
    wr_hash_key[1] ^= 1;
}

static void
hash_test_lower(void)
{
    char all[256];
    char low[256];
    bool same = true;

    for (unsigned i = 0; i < 256; i++) {
        all[i] = (char)(255 - i);
    }
    wr_str_lower(low, wr_str_make(all, 256));
    for (size_t from = 0; from < 256; from++) {
        for (size_t n = 0; n <= 256 - from; n++) {
            same = same &&
                wr_hash_keyed_lower(wr_str_make(all + from, n)) == wr_hash_keyed(wr_str_make(low + from, n));
        }
    }
    tap_ok(same, "keyed_lower is keyed of the lower case, for every byte and length");
}

static void
hash_test_fixed(void)
{
    tap_ok(wr_hash_fixed(WR_STR("")) == 0xefd01f60ba992926, "fixed: empty");
    tap_ok(wr_hash_fixed(WR_STR("a")) == 0x82a2a958a9bece5b, "fixed: a");
    tap_ok(wr_hash_fixed(WR_STR("weir")) == 0x928ebc5f622cac17, "fixed: weir");
    tap_ok(wr_hash_fixed(WR_STR("\xff\x80")) == 0x0c1fbda391c27e28, "fixed: bytes are unsigned");
    tap_ok(wr_hash_mix(0) == 0 && wr_hash_mix(1) != wr_hash_mix(2), "mix");
}

static void
hash_test_map(void)
{
    struct wr_pool pool = {0};
    struct wr_strmap m = {0};
    int values[1000];
    unsigned found = 0;
    unsigned missed = 0;

    tap_ok(wr_strmap_get(&m, WR_STR("x")) == NULL, "a map of zeros has nothing");
    wr_strmap_init(&m, &pool, 0);
    tap_ok(wr_strmap_get(&m, WR_STR("")) == NULL, "neither has one for no keys");
    wr_strmap_init(&m, &pool, 1000);
    for (int i = 0; i < 1000; i++) {
        found += wr_strmap_add(&m, wr_pool_printf(&pool, "key-%d", i), &values[i]);
    }
    tap_is_int(found, 1000, "1000 keys added");
    tap_ok(!wr_strmap_add(&m, WR_STR("key-7"), &values[0]), "not a second time");
    tap_is_int(m.count, 1000, "the count");
    found = 0;
    for (int i = 0; i < 1000; i++) {
        struct wr_str key = wr_pool_printf(&pool, "key-%d", i);
        found += wr_strmap_get(&m, key) == &values[i] &&
            wr_strmap_get_hashed(&m, key, wr_hash_keyed(key)) == &values[i];
        missed += wr_strmap_get(&m, wr_pool_printf(&pool, "kex-%d", i)) == NULL;
    }
    tap_is_int(found, 1000, "all found");
    tap_is_int(missed, 1000, "no other found");
    tap_ok(wr_strmap_add(&m, WR_STR(""), &values[0]) && wr_strmap_get(&m, WR_STR_NONE) == &values[0],
           "the empty key is a key");
    wr_pool_reset(&pool);
}

int
main(void)
{
    hash_set_key();
    hash_test_keyed();
    hash_test_lower();
    hash_test_fixed();
    hash_test_map();
    return tap_done();
}
