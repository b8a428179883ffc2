/*
 * Scans of bytes that a peer sent, 16 at a time where the CPU can: where is
 * the first byte that does not belong?  Refuses to read outside [base, end).
 *
 * `base` is the lowest address that may be read.  A rest of less than 16 bytes
 * is read by a load that ends at `end` and begins before the rest, whose bits
 * are then shifted out, so short lines at the end of the input need no loop.
 */
#ifndef WR_PROTO_H1_SCAN_H
#define WR_PROTO_H1_SCAN_H

#include "core/base/base.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What a byte may be part of. */
#define WR_SCAN_TOKEN 1      /* RFC 9110 5.6.2 */
#define WR_SCAN_VALUE 2      /* a field value or a reason phrase: tab, SP, visible, obs-text */
#define WR_SCAN_TARGET 4     /* a request target: visible but '#', and 0x80 and above */
#define WR_SCAN_UNDERSCORE 8 /* is '_' */
extern const uint8_t wr_scan_class[256];

/* The first byte of [q, end) that is not of the class, or end; byte by byte. */
static inline const char *
wr_scan_bytewise(const char *q, const char *end, uint8_t class)
{
    while (q < end && (wr_scan_class[(uint8_t)*q] & class)) {
        q++;
    }
    return q;
}

#if defined(__SSE2__)

/* A bit for each byte below 0x20 but tab, and for DEL. */
static inline uint32_t
wr_scan_value_stops(__m128i v)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del));
}

/* A bit for each byte up to 0x20, for DEL and for '#'. */
static inline uint32_t
wr_scan_target_stops(__m128i v)
{
    __m128i blank = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x20)), v);
    __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));
    __m128i fragment = _mm_cmpeq_epi8(v, _mm_set1_epi8('#'));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(blank, _mm_or_si128(del, fragment)));
}

/* A bit for each letter, digit and '-': what nearly all field names are made of. */
static inline uint32_t
wr_scan_plain_names(__m128i v)
{
    __m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
    __m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(letter, _mm_or_si128(digit, dash)));
}

static inline __m128i
wr_scan_load(const char *q)
{
    return _mm_loadu_si128((const __m128i *)(const void *)q);
}

/* A bit for each byte that is not of the class: VALUE or TARGET, known when this is compiled. */
static inline uint32_t
wr_scan_stops(__m128i v, uint8_t class)
{
    return class == WR_SCAN_VALUE ? wr_scan_value_stops(v) : wr_scan_target_stops(v);
}
#endif

/* As wr_scan_bytewise, for VALUE and TARGET. */
static inline __attribute__((always_inline)) const char *
wr_scan_until(const char *base, const char *q, const char *end, uint8_t class)
{
#if defined(__SSE2__)
    while (end - q >= 16) {
        uint32_t m = wr_scan_stops(wr_scan_load(q), class);
        if (m != 0) {
            return q + __builtin_ctz(m);
        }
        q += 16;
    }
    if (wr_likely(end - base >= 16)) {
        uint32_t m = wr_scan_stops(wr_scan_load(end - 16), class) >> (16 - (end - q));
        return m != 0 ? q + __builtin_ctz(m) : end;
    }
#else
    (void)base;
#endif
    return wr_scan_bytewise(q, end, class);
}

#endif
