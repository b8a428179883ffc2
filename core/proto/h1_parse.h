/*
 * The parser of HTTP/1 heads (RFC 9112 2 to 5): bytes in, verdict out.
 *
 * Strict and fast at once: 16/32 bytes at a time where the CPU can.  It
 * refuses every deviation that could be read in two ways: bare CR, bare LF,
 * NUL and control bytes, blanks round the field name, line folding, bad
 * tokens, more than one space in the first line.  What fields *mean* (Host,
 * lengths, codings) is judged in core/http/head_check.
 */
#ifndef WR_PROTO_H1_PARSE_H
#define WR_PROTO_H1_PARSE_H

#include "core/base/err.h"
#include "core/proto/names.h"

/* One field line.  name and value are slices of the input; value has no blanks at its ends. */
struct wr_field {
    struct wr_str name;
    struct wr_str value;
    uint16_t id;    /* enum wr_name */
    uint16_t flags; /* WR_FIELD_*; 0 from the parser, but for UNDERSCORE */
};
#define WR_FIELD_UNDERSCORE 1 /* the name has an underscore in it */
#define WR_FIELD_HOP 2        /* hop-by-hop: never forwarded */
#define WR_FIELD_GONE 4       /* removed */

struct wr_h1_limits {
    uint32_t line_bytes;   /* a field line, without its CRLF */
    uint32_t total_bytes;  /* the head with first line and final CRLF */
    uint32_t fields;       /* number of field lines; at most the room of `fields` below */
    uint32_t target_bytes; /* the request target */
};

enum wr_h1_verdict {
    WR_H1_MORE, /* not complete; all that is there is good so far */
    WR_H1_OK,   /* complete: head_bytes of the input are the head */
    WR_H1_BAD,  /* err says why */
};

struct wr_h1_head {
    /* requests */
    struct wr_str method;
    enum wr_method method_id;
    struct wr_str target;
    /* responses */
    uint16_t status; /* 100..599 (three digits; anything else is BAD) */
    struct wr_str reason;
    /* both */
    uint8_t minor;       /* HTTP/1.minor, 0 or 1 (a higher minor is 1) */
    uint32_t head_bytes; /* consumed by an OK, leading empty lines included */
    uint32_t fields_n;
    uint64_t have[2]; /* bit id is set when a field with that id is there */
    enum wr_err err;
};

/*
 * Parses a whole request head at p[0..n).  Up to two leading empty lines
 * (CRLF) are skipped (RFC 9112 2.2).  `fields` has room for limits->fields.
 * BAD gives one of BAD_REQUEST_LINE, BAD_METHOD, BAD_TARGET (a byte that is
 * no visible ASCII or >= 0x80, or a '#' ...), BAD_VERSION, VERSION_UNSUPPORTED,
 * BAD_FIELD_NAME, BAD_FIELD_VALUE, BAD_LINE_END, OBS_FOLD, TARGET_TOO_LONG,
 * FIELD_TOO_LONG, HEAD_TOO_LARGE, TOO_MANY_FIELDS, TLS_ON_PLAIN (first byte 0x16).
 * A MORE whose n has reached a limit is BAD.  HTTP/0.9 ("GET /" CRLF) is
 * BAD_REQUEST_LINE.  Values may have bytes >= 0x80 (obs-text) and tabs.
 */
enum wr_h1_verdict wr_h1_parse_request(const char *p, size_t n, const struct wr_h1_limits *limits,
                                       struct wr_h1_head *head, struct wr_field *fields);

/*
 * The same for a response head.  Leading empty lines are tolerated, up to two.
 * Errors are UPSTREAM_BAD_STATUS_LINE, UPSTREAM_BAD_FIELD, UPSTREAM_HEAD_TOO_LARGE.
 * Blanks between a name and its colon are cut (RFC 9112 5.1).
 * "HTTP/1.1 200" without a space or reason phrase is accepted, as is an empty one.
 */
enum wr_h1_verdict wr_h1_parse_response(const char *p, size_t n, const struct wr_h1_limits *limits,
                                        struct wr_h1_head *head, struct wr_field *fields);

/*
 * Whether the end of a head (an empty line, by CRLF or by a bare LF) is in
 * p[from..n): a cheap look before a head that came in pieces is parsed again,
 * so that a byte at a time does not cost a parse each.  `from` is the n of the
 * call before (or 0).  True may come too early (leading empty lines), never
 * too late; parse all the same when n reaches a limit.
 */
bool wr_h1_head_complete(const char *p, size_t n, size_t from);

/* Field lines of a trailer section up to and with the final CRLF, same rules; head->head_bytes consumed. */
enum wr_h1_verdict wr_h1_parse_fields(const char *p, size_t n, const struct wr_h1_limits *limits,
                                      struct wr_h1_head *head, struct wr_field *fields);

/* Whether all bytes are token characters (RFC 9110 5.6.2) and there is at least one. */
bool wr_h1_is_token(struct wr_str s);
/* Whether s may stand as a field value: no control bytes but tab, no CR, LF, NUL, DEL. */
bool wr_h1_is_value(struct wr_str s);

#endif
