/*
 * The chunked transfer coding (RFC 9112 7.1), decoding, a state machine that
 * takes bytes as they come.  Strict: hexadecimal digits only (at most 16, no
 * value beyond 2^63-1), extensions by their grammar and bounded, CRLF exactly.
 */
#ifndef WR_PROTO_H1_CHUNKED_H
#define WR_PROTO_H1_CHUNKED_H

#include "core/base/str.h"

struct wr_chunked {
    uint64_t left;       /* data bytes still to come of this chunk */
    uint32_t line;       /* bytes of this chunk line so far (bounded by WR_CHUNK_LINE_BYTES) */
    uint32_t extensions; /* bytes of extensions in all chunks so far (bounded by WR_CHUNK_EXT_BYTES) */
    uint8_t state;
    uint8_t digits;
};
#define WR_CHUNK_LINE_BYTES 4096
#define WR_CHUNK_EXT_BYTES 65536

enum wr_chunked_verdict {
    WR_CHUNKED_MORE,     /* all n bytes taken, no data at hand */
    WR_CHUNKED_DATA,     /* *used bytes taken, *data is a piece of the body within the input */
    WR_CHUNKED_TRAILERS, /* the last chunk line is taken: a trailer section (maybe empty) begins at *used */
    WR_CHUNKED_BAD,
};

void wr_chunked_init(struct wr_chunked *ch);
/*
 * Takes from p[0..n) up to one piece of data.  *used is how many bytes were
 * taken, framing and data (a DATA verdict may be followed by another call with
 * the rest).  The trailer section is parsed by wr_h1_parse_fields.
 */
enum wr_chunked_verdict wr_chunked_decode(struct wr_chunked *ch, const char *p, size_t n, size_t *used,
                                          struct wr_str *data);

#endif
