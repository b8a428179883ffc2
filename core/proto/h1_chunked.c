/*
 * Decoding the chunked coding.  Refuses whatever could be a length to one
 * reader and something else to another: signs, blanks, 0x, a bare CR or LF,
 * a size that does not fit, an extension that is none.
 *
 * One state per position in the grammar (RFC 9112 7.1), so a piece may end
 * anywhere.  Blanks (BWS) are taken where the grammar has them, which is round
 * ';' and '=' of an extension and never between a size and its CRLF.
 */
#include "core/proto/h1_chunked.h"

#include "core/proto/h1_scan.h"

#define H1_CHUNKED_DIGITS 16
#define H1_CHUNKED_MOST (UINT64_MAX >> 1)

enum h1_chunked_state {
    H1_CHUNKED_SIZE,       /* hex digits; at least one before anything else */
    H1_CHUNKED_SEMICOLON,  /* blanks behind a size or a value: ';' must come */
    H1_CHUNKED_NAME_START, /* behind ';' */
    H1_CHUNKED_NAME,
    H1_CHUNKED_NAME_BLANK,  /* blanks behind a name: '=' or ';' must come */
    H1_CHUNKED_VALUE_START, /* behind '=' */
    H1_CHUNKED_VALUE,
    H1_CHUNKED_QUOTED,
    H1_CHUNKED_QUOTED_PAIR,
    H1_CHUNKED_VALUE_END, /* behind a closing quote */
    H1_CHUNKED_LINE_LF,   /* behind the CR of a chunk line */
    H1_CHUNKED_DATA,
    H1_CHUNKED_DATA_CR,
    H1_CHUNKED_DATA_LF,
    H1_CHUNKED_TRAILERS,
    H1_CHUNKED_BROKEN,
};

void
wr_chunked_init(struct wr_chunked *ch)
{
    memset(ch, 0, sizeof(*ch));
    ch->state = H1_CHUNKED_SIZE;
}

static inline bool
h1_chunked_is_token(char c)
{
    return (wr_scan_class[(uint8_t)c] & WR_SCAN_TOKEN) != 0;
}

static inline bool
h1_chunked_is_text(char c)
{
    return (wr_scan_class[(uint8_t)c] & WR_SCAN_VALUE) != 0;
}

static inline bool
h1_chunked_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline int
h1_chunked_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = wr_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind something complete: what may come next on the line. */
static inline enum h1_chunked_state
h1_chunked_behind(char c)
{
    if (c == '\r') {
        return H1_CHUNKED_LINE_LF;
    }
    if (c == ';') {
        return H1_CHUNKED_NAME_START;
    }
    return h1_chunked_is_blank(c) ? H1_CHUNKED_SEMICOLON : H1_CHUNKED_BROKEN;
}

static enum h1_chunked_state
h1_chunked_size(struct wr_chunked *ch, char c)
{
    int digit = h1_chunked_hex(c);
    if (digit < 0) {
        return ch->digits > 0 ? h1_chunked_behind(c) : H1_CHUNKED_BROKEN;
    }
    if (ch->digits == H1_CHUNKED_DIGITS || ch->left > H1_CHUNKED_MOST >> 4) {
        return H1_CHUNKED_BROKEN;
    }
    ch->digits++;
    ch->left = ch->left << 4 | (uint64_t)digit;
    return H1_CHUNKED_SIZE;
}

static enum h1_chunked_state
h1_chunked_name(char c)
{
    if (h1_chunked_is_token(c)) {
        return H1_CHUNKED_NAME;
    }
    if (c == '=') {
        return H1_CHUNKED_VALUE_START;
    }
    return h1_chunked_is_blank(c) ? H1_CHUNKED_NAME_BLANK : h1_chunked_behind(c);
}

static enum h1_chunked_state
h1_chunked_name_blank(char c)
{
    switch (c) {
    case ' ':
    case '\t':
        return H1_CHUNKED_NAME_BLANK;
    case '=':
        return H1_CHUNKED_VALUE_START;
    case ';':
        return H1_CHUNKED_NAME_START;
    default:
        return H1_CHUNKED_BROKEN;
    }
}

static enum h1_chunked_state
h1_chunked_value_start(char c)
{
    if (h1_chunked_is_blank(c)) {
        return H1_CHUNKED_VALUE_START;
    }
    if (c == '"') {
        return H1_CHUNKED_QUOTED;
    }
    return h1_chunked_is_token(c) ? H1_CHUNKED_VALUE : H1_CHUNKED_BROKEN;
}

static enum h1_chunked_state
h1_chunked_quoted(char c)
{
    if (c == '"') {
        return H1_CHUNKED_VALUE_END;
    }
    if (c == '\\') {
        return H1_CHUNKED_QUOTED_PAIR;
    }
    return h1_chunked_is_text(c) ? H1_CHUNKED_QUOTED : H1_CHUNKED_BROKEN;
}

/* The state behind byte c of a chunk line. */
static enum h1_chunked_state
h1_chunked_line(struct wr_chunked *ch, char c)
{
    switch ((enum h1_chunked_state)ch->state) {
    case H1_CHUNKED_SIZE:
        return h1_chunked_size(ch, c);
    case H1_CHUNKED_SEMICOLON:
        return c == '\r' ? H1_CHUNKED_BROKEN : h1_chunked_behind(c);
    case H1_CHUNKED_NAME_START:
        if (h1_chunked_is_blank(c)) {
            return H1_CHUNKED_NAME_START;
        }
        return h1_chunked_is_token(c) ? H1_CHUNKED_NAME : H1_CHUNKED_BROKEN;
    case H1_CHUNKED_NAME:
        return h1_chunked_name(c);
    case H1_CHUNKED_NAME_BLANK:
        return h1_chunked_name_blank(c);
    case H1_CHUNKED_VALUE_START:
        return h1_chunked_value_start(c);
    case H1_CHUNKED_VALUE:
        return h1_chunked_is_token(c) ? H1_CHUNKED_VALUE : h1_chunked_behind(c);
    case H1_CHUNKED_QUOTED:
        return h1_chunked_quoted(c);
    case H1_CHUNKED_QUOTED_PAIR:
        return h1_chunked_is_text(c) ? H1_CHUNKED_QUOTED : H1_CHUNKED_BROKEN;
    case H1_CHUNKED_VALUE_END:
        return h1_chunked_behind(c);
    default:
        return H1_CHUNKED_BROKEN;
    }
}

/* One byte of framing: everything but data. */
static enum h1_chunked_state
h1_chunked_framing(struct wr_chunked *ch, char c)
{
    switch ((enum h1_chunked_state)ch->state) {
    case H1_CHUNKED_LINE_LF:
        if (c != '\n') {
            return H1_CHUNKED_BROKEN;
        }
        ch->line = 0;
        ch->digits = 0;
        return ch->left > 0 ? H1_CHUNKED_DATA : H1_CHUNKED_TRAILERS;
    case H1_CHUNKED_DATA_CR:
        return c == '\r' ? H1_CHUNKED_DATA_LF : H1_CHUNKED_BROKEN;
    case H1_CHUNKED_DATA_LF:
        return c == '\n' ? H1_CHUNKED_SIZE : H1_CHUNKED_BROKEN;
    default:
        break;
    }
    enum h1_chunked_state next = h1_chunked_line(ch, c);
    if (next == H1_CHUNKED_LINE_LF) {
        return next;
    }
    if (++ch->line > WR_CHUNK_LINE_BYTES) {
        return H1_CHUNKED_BROKEN;
    }
    if (next != H1_CHUNKED_SIZE && ++ch->extensions > WR_CHUNK_EXT_BYTES) {
        return H1_CHUNKED_BROKEN;
    }
    return next;
}

enum wr_chunked_verdict
wr_chunked_decode(struct wr_chunked *ch, const char *p, size_t n, size_t *used, struct wr_str *data)
{
    size_t i = 0;
    *data = wr_str_make(p, 0);
    for (;;) {
        switch ((enum h1_chunked_state)ch->state) {
        case H1_CHUNKED_DATA:
            *used = i;
            if (i == n) {
                return WR_CHUNKED_MORE;
            }
            *data = wr_str_make(p + i, ch->left < n - i ? (size_t)ch->left : n - i);
            ch->left -= data->n;
            ch->state = ch->left > 0 ? H1_CHUNKED_DATA : H1_CHUNKED_DATA_CR;
            *used = i + data->n;
            return WR_CHUNKED_DATA;
        case H1_CHUNKED_TRAILERS:
            *used = i;
            return WR_CHUNKED_TRAILERS;
        case H1_CHUNKED_BROKEN:
            *used = i;
            return WR_CHUNKED_BAD;
        default:
            if (i == n) {
                *used = n;
                return WR_CHUNKED_MORE;
            }
            ch->state = (uint8_t)h1_chunked_framing(ch, p[i++]);
            break;
        }
    }
}
