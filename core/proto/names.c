/*
 * Field names and methods that weir knows.  Refuses to learn: a name that is
 * not in names.def has no id, however often it comes.
 *
 * A name is found with one multiplication and one comparison.  Its first and
 * last four bytes, folded to lower case, and its length select a slot; no two
 * known names share one (the multiplier is searched for once, before main), so
 * a single row is compared, eight bytes at a time and without regard to case.
 * The hash need not be keyed: nothing that a peer sends is ever put in.
 */
#include "core/proto/names.h"

#define NAMES_SLOT_BITS 9
#define NAMES_ROW_BYTES 32
#define NAMES_TRIES 100000

#define WR_NAME(id, text) _Static_assert(sizeof(text) > 2 && sizeof(text) <= NAMES_ROW_BYTES, text);
#include "core/proto/names.def"
#undef WR_NAME
_Static_assert(WR_N_COUNT <= 128, "a head has a bitmap of 128 ids");

static const char names_text[WR_N_COUNT][NAMES_ROW_BYTES] = {
#define WR_NAME(id, text) [WR_N_##id] = text,
#include "core/proto/names.def"
#undef WR_NAME
};

static const uint8_t names_length[WR_N_COUNT] = {
#define WR_NAME(id, text) [WR_N_##id] = sizeof(text) - 1,
#include "core/proto/names.def"
#undef WR_NAME
};

/* Filled before main and never written again. */
static uint8_t names_slot[1 << NAMES_SLOT_BITS];
/* Good for the names of today, so the search ends at once; another row in names.def may cost some more tries. */
static uint64_t names_multiplier = 0xb56f9f9ff9762c61;

static inline uint64_t
names_load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t
names_load32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t
names_hash(const char *p, size_t n)
{
    uint64_t first, last;
    if (wr_likely(n >= 4)) {
        first = names_load32(p);
        last = names_load32(p + n - 4);
    } else {
        first = (uint8_t)p[0];
        last = (uint64_t)(uint8_t)p[1] << 8 | (uint8_t)p[n - 1];
    }
    uint64_t key = (first << 32 | last) | 0x2020202020202020;
    return (uint32_t)(((key + n) * names_multiplier) >> (64 - NAMES_SLOT_BITS));
}

/*
 * Zero if a is c but for the case of letters.  Or-ing 0x20 into every byte
 * would take a CR for a dash; only where c has a letter (of all that stands in
 * names.def, letters alone have bit 0x40) may that bit differ.
 */
static inline uint64_t
names_differ(uint64_t a, uint64_t c)
{
    uint64_t fold = (c >> 1) & 0x2020202020202020;
    return (a | fold) ^ (c | fold);
}

/* Overlapping words instead of a loop: 8 to 16 bytes take two, more take four. */
static inline bool
names_same(const char *p, const char *c, size_t n)
{
    uint64_t d;
    if (n >= 8) {
        d = names_differ(names_load64(p), names_load64(c));
        d |= names_differ(names_load64(p + n - 8), names_load64(c + n - 8));
        if (n > 16) {
            d |= names_differ(names_load64(p + 8), names_load64(c + 8));
            d |= names_differ(names_load64(p + n - 16), names_load64(c + n - 16));
        }
    } else if (n >= 4) {
        d = names_differ(names_load32(p), names_load32(c));
        d |= names_differ(names_load32(p + n - 4), names_load32(c + n - 4));
    } else {
        d = names_differ((uint8_t)p[0], (uint8_t)c[0]);
        d |= names_differ((uint8_t)p[1], (uint8_t)c[1]);
        d |= names_differ((uint8_t)p[n - 1], (uint8_t)c[n - 1]);
    }
    return d == 0;
}

/* Places every name with the multiplier of now; false if two meet. */
static bool
names_place(void)
{
    memset(names_slot, WR_N_OTHER, sizeof(names_slot));
    for (unsigned id = WR_N_OTHER + 1; id < WR_N_COUNT; id++) {
        uint32_t slot = names_hash(names_text[id], names_length[id]);
        if (names_slot[slot] != WR_N_OTHER) {
            return false;
        }
        names_slot[slot] = (uint8_t)id;
    }
    return true;
}

__attribute__((constructor)) static void
names_init(void)
{
    unsigned tries = 0;
    while (!names_place()) {
        wr_assert(++tries < NAMES_TRIES);
        names_multiplier = names_multiplier * 6364136223846793005 + 1442695040888963407;
        names_multiplier |= 1;
    }
}

enum wr_name
wr_name_find(const char *p, size_t n)
{
    if (wr_unlikely(n < 2 || n >= NAMES_ROW_BYTES)) {
        return WR_N_OTHER;
    }
    unsigned id = names_slot[names_hash(p, n)];
    /* An empty slot is row 0, whose length no name has. */
    if (names_length[id] != n || !names_same(p, names_text[id], n)) {
        return WR_N_OTHER;
    }
    return (enum wr_name)id;
}

struct wr_str
wr_name_text(enum wr_name id)
{
    wr_assert(id > WR_N_OTHER && id < WR_N_COUNT);
    return wr_str_make(names_text[id], names_length[id]);
}

enum wr_method
wr_method_find(const char *p, size_t n)
{
#define NAMES_IS(literal, method)                                                                            \
    if (memcmp(p, literal, sizeof(literal) - 1) == 0) {                                                      \
        return method;                                                                                       \
    }
    switch (n) {
    case 3:
        NAMES_IS("GET", WR_M_GET)
        NAMES_IS("PUT", WR_M_PUT)
        break;
    case 4:
        NAMES_IS("POST", WR_M_POST)
        NAMES_IS("HEAD", WR_M_HEAD)
        break;
    case 5:
        NAMES_IS("PATCH", WR_M_PATCH)
        NAMES_IS("TRACE", WR_M_TRACE)
        break;
    case 6:
        NAMES_IS("DELETE", WR_M_DELETE)
        break;
    case 7:
        NAMES_IS("OPTIONS", WR_M_OPTIONS)
        NAMES_IS("CONNECT", WR_M_CONNECT)
        break;
    default:
        break;
    }
#undef NAMES_IS
    return WR_M_OTHER;
}
