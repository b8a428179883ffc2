/*
 * Text made by hand where printf is too slow, and the one function that
 * peers' bytes go through on their way to a log (CORE-RULES 27).
 */
#ifndef WR_BASE_FMT_H
#define WR_BASE_FMT_H

#include "core/base/str.h"

/* Decimal digits of v at dst (room for 20); returns how many. */
size_t wr_fmt_u64(char *dst, uint64_t v);
/* Lower-case hexadecimal without leading zeros (room for 16); returns how many. */
size_t wr_fmt_hex(char *dst, uint64_t v);
/* 2n hexadecimal digits. */
void wr_fmt_hex_bytes(char *dst, const void *src, size_t n);
/* Seconds with three decimals: 1234 -> "1.234"; returns the length (room for 24). */
size_t wr_fmt_ms(char *dst, uint64_t ms);

enum wr_escape_style {
    WR_ESCAPE_COMBINED, /* as nginx: \xXX (upper-case) for " \ and bytes below 0x20 or above 0x7e */
    WR_ESCAPE_JSON,     /* inside a JSON string; invalid UTF-8 becomes U+FFFD: always valid JSON */
    WR_ESCAPE_LOG,      /* error log: as COMBINED, cut at 256 bytes of input with "..." */
};
/* Bytes of s at dst, never over `room`; cut at a whole escape (and JSON: at a whole character) when it does
 * not fit.  Returns the length. */
size_t wr_escape(char *dst, size_t room, struct wr_str s, enum wr_escape_style style);

/* A writer over a buffer of fixed size: what does not fit is left out and `full` says so. */
struct wr_out {
    char *p;
    char *end;
    bool full;
};

static inline void
wr_out_init(struct wr_out *o, char *p, size_t n)
{
    o->p = p;
    o->end = p + n;
    o->full = false;
}

static inline void
wr_out_mem(struct wr_out *o, const char *p, size_t n)
{
    if (wr_likely((size_t)(o->end - o->p) >= n)) {
        if (n > 0) { /* p may be NULL */
            memcpy(o->p, p, n);
            o->p += n;
        }
    } else {
        o->full = true;
    }
}

static inline void
wr_out_str(struct wr_out *o, struct wr_str s)
{
    wr_out_mem(o, s.p, s.n);
}

#define wr_out_lit(o, literal) wr_out_mem((o), (literal), sizeof(literal) - 1)

void wr_out_u64(struct wr_out *o, uint64_t v);
/* What fits stands, up to a whole escape; `full` says that some did not. */
void wr_out_escaped(struct wr_out *o, struct wr_str s, enum wr_escape_style style);

#endif
