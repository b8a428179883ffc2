/*
 * Text made by hand: numbers for heads and logs, and wr_escape, the one way
 * of peers' bytes into a log.  It refuses to know locales.
 */
#include "core/base/fmt.h"

#define FMT_LOG_MOST_BYTES 256 /* of input, for WR_ESCAPE_LOG */

static const char fmt_pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
static const char fmt_hex_lower[] = "0123456789abcdef";
static const char fmt_hex_upper[] = "0123456789ABCDEF";

size_t
wr_fmt_u64(char *dst, uint64_t v)
{
    char text[20];
    char *p = text + sizeof(text);

    while (v >= 100) {
        p -= 2;
        memcpy(p, fmt_pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10) {
        p -= 2;
        memcpy(p, fmt_pairs + 2 * v, 2);
    } else {
        *--p = (char)('0' + v);
    }
    size_t n = (size_t)(text + sizeof(text) - p);
    memcpy(dst, p, n);
    return n;
}

size_t
wr_fmt_hex(char *dst, uint64_t v)
{
    size_t n = v > 0 ? (size_t)(67 - __builtin_clzll(v)) / 4 : 1;

    for (size_t i = n; i-- > 0; v >>= 4) {
        dst[i] = fmt_hex_lower[v & 15];
    }
    return n;
}

void
wr_fmt_hex_bytes(char *dst, const void *src, size_t n)
{
    const unsigned char *p = src;

    for (size_t i = 0; i < n; i++) {
        dst[2 * i] = fmt_hex_lower[p[i] >> 4];
        dst[2 * i + 1] = fmt_hex_lower[p[i] & 15];
    }
}

size_t
wr_fmt_ms(char *dst, uint64_t ms)
{
    size_t n = wr_fmt_u64(dst, ms / 1000);
    unsigned rest = (unsigned)(ms % 1000);

    dst[n++] = '.';
    dst[n++] = (char)('0' + rest / 100);
    memcpy(dst + n, fmt_pairs + 2 * (rest % 100), 2);
    return n + 2;
}

/* Bytes of the well-formed UTF-8 character that p[0..n) starts with (Unicode table 3-7); 0: none. */
static size_t
fmt_utf8_bytes(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80; /* bounds of the second byte: no overlong form, surrogate or beyond U+10FFFF */
    unsigned char high = 0xbf;
    size_t want;

    if (p[0] < 0x80) {
        return 1;
    } else if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        want = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        want = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        want = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (n < want || p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < want; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return want;
}

/* What one byte or character of the input becomes. */
struct fmt_piece {
    char text[6];
    uint8_t n;
    uint8_t used; /* bytes of input */
};

static struct fmt_piece
fmt_piece_hex(unsigned char c)
{
    return (struct fmt_piece){{'\\', 'x', fmt_hex_upper[c >> 4], fmt_hex_upper[c & 15]}, 4, 1};
}

static struct fmt_piece
fmt_piece_json(const unsigned char *p, size_t n)
{
    struct fmt_piece piece = {.used = 1};

    if (*p == '"' || *p == '\\') {
        piece.n = 2;
        piece.text[0] = '\\';
        piece.text[1] = (char)*p;
    } else if (*p < 0x20) {
        piece.n = 6;
        memcpy(piece.text, "\\u00", 4);
        piece.text[4] = fmt_hex_lower[*p >> 4];
        piece.text[5] = fmt_hex_lower[*p & 15];
    } else if ((piece.used = (uint8_t)fmt_utf8_bytes(p, n)) > 0) {
        piece.n = piece.used;
        memcpy(piece.text, p, piece.n);
    } else {
        piece.used = 1;
        piece.n = 6;
        memcpy(piece.text, "\\ufffd", 6);
    }
    return piece;
}

/* How many bytes of p[0..n) stand for themselves in every style. */
static size_t
fmt_plain_bytes(const unsigned char *p, size_t n)
{
    size_t i = 0;

    while (i < n && p[i] >= 0x20 && p[i] <= 0x7e && p[i] != '"' && p[i] != '\\') {
        i++;
    }
    return i;
}

/* As wr_escape; *all says whether the whole of s found room. */
static size_t
fmt_escape(char *dst, size_t room, struct wr_str s, bool json, bool *all)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t at = 0;
    size_t i = 0;

    while (i < s.n) {
        size_t plain = fmt_plain_bytes(p + i, s.n - i);
        if (plain > 0) {
            size_t n = WR_MIN(plain, room - at);
            memcpy(dst + at, p + i, n);
            at += n;
            i += n;
            if (n < plain) {
                break;
            }
            continue;
        }
        struct fmt_piece piece = json ? fmt_piece_json(p + i, s.n - i) : fmt_piece_hex(p[i]);
        if (piece.n > room - at) {
            break;
        }
        memcpy(dst + at, piece.text, piece.n);
        at += piece.n;
        i += piece.used;
    }
    *all = i == s.n;
    return at;
}

static size_t
fmt_escape_log(char *dst, size_t room, struct wr_str s, bool *all)
{
    if (s.n <= FMT_LOG_MOST_BYTES) {
        return fmt_escape(dst, room, s, false, all);
    }
    *all = room >= 3;
    if (room < 3) {
        return 0;
    }
    size_t n = fmt_escape(dst, room - 3, wr_str_make(s.p, FMT_LOG_MOST_BYTES), false, all);
    memcpy(dst + n, "...", 3);
    return n + 3;
}

static size_t
fmt_escape_style(char *dst, size_t room, struct wr_str s, enum wr_escape_style style, bool *all)
{
    if (style == WR_ESCAPE_LOG) {
        return fmt_escape_log(dst, room, s, all);
    }
    return fmt_escape(dst, room, s, style == WR_ESCAPE_JSON, all);
}

size_t
wr_escape(char *dst, size_t room, struct wr_str s, enum wr_escape_style style)
{
    bool all;

    return fmt_escape_style(dst, room, s, style, &all);
}

void
wr_out_u64(struct wr_out *o, uint64_t v)
{
    char text[20];

    if (wr_likely(o->end - o->p >= (ptrdiff_t)sizeof(text))) {
        o->p += wr_fmt_u64(o->p, v);
    } else {
        wr_out_mem(o, text, wr_fmt_u64(text, v));
    }
}

void
wr_out_escaped(struct wr_out *o, struct wr_str s, enum wr_escape_style style)
{
    bool all;

    o->p += fmt_escape_style(o->p, (size_t)(o->end - o->p), s, style, &all);
    o->full |= !all;
}
