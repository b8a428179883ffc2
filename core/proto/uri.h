/*
 * The one normaliser of request targets (RFC 3986, RFC 9112 3.2).  Whatever
 * routes, guards, caches or logs a path uses what this file made of it.
 */
#ifndef WR_PROTO_URI_H
#define WR_PROTO_URI_H

#include "core/base/str.h"

/* What servers might read in different ways. */
#define WR_URI_ENC_SLASH 0x01     /* %2f */
#define WR_URI_ENC_BACKSLASH 0x02 /* %5c */
#define WR_URI_ENC_NUL 0x04       /* %00 */
#define WR_URI_BACKSLASH 0x08     /* \ as it is */
#define WR_URI_BAD_UTF8                                                                                      \
    0x10 /* overlong, surrogate, beyond U+10FFFF, or cut, decoded from %XX or raw >= 0x80 */
#define WR_URI_ABOVE_ROOT 0x20  /* .. beyond the root */
#define WR_URI_ENC_CONTROL 0x40 /* %01..%1f, %7f */
#define WR_URI_PARAM_DOTS 0x80  /* dot segments hidden behind ;params ("/..;/x") */

enum wr_uri_form { WR_URI_ORIGIN, WR_URI_ABSOLUTE, WR_URI_AUTHORITY, WR_URI_ASTERISK };

/* A request target taken apart; all are slices of the input, but for the "/" of an absolute target without path. */
struct wr_uri {
    enum wr_uri_form form;
    struct wr_str scheme;    /* ABSOLUTE: as it came */
    struct wr_str authority; /* ABSOLUTE, AUTHORITY: host[:port]; userinfo is refused */
    struct wr_str path;      /* ORIGIN, ABSOLUTE: "/..."; else empty */
    struct wr_str query;     /* without "?"; has_query tells an empty one from none */
    bool has_query;
};

/* False when it has no form of RFC 9112 3.2, a byte that no URI has (controls, space, DEL; a fragment:
 * '#' anywhere), a malformed percent-encoding in the path, userinfo, or is not http(s) when absolute.
 * `"`, `<`, `>`, `\`, `^`, `` ` ``, `{`, `|`, `}` and bytes >= 0x80 are let through to the normaliser (browsers
 * and old clients send them); the normaliser percent-encodes them but for the backslash, which it flags. */
bool wr_uri_parse(struct wr_str target, bool connect, struct wr_uri *u);

/*
 * The canonical path of `path` (which begins with '/'; asserted): percent-encodings of unreserved characters
 * decoded, all other escapes kept with upper-case digits, bytes that need it encoded ('[' and ']' too; a '%'
 * that begins no escape becomes %25), dot segments removed (after decoding, and when hidden behind ;params
 * they are removed too and flagged), runs of slashes made one before dot segments are counted.  Writes at most
 * 3 * path.n bytes to dst unless nothing has to change: then *canon is the input itself and dst is untouched
 * (the common case, a fast scan).  *flags gets WR_URI_*, also of segments that were removed.
 */
void wr_uri_canon(struct wr_str path, char *dst, struct wr_str *canon, uint32_t *flags);

/* Whether the common case holds: nothing to change, no flag. */
bool wr_uri_is_canon(struct wr_str path);

/* host[:port] by RFC 3986 3.2.2 and nothing else (reg-name, IPv4, [IPv6], [vFuture]; port digits up to 65535,
 * may be empty).  *host keeps brackets; *port 0 and *has_port false when there are no digits.  An empty host is
 * false. */
bool wr_uri_host_port(struct wr_str s, struct wr_str *host, uint16_t *port, bool *has_port);

/* Percent-decodes s to dst (room for s.n), '+' kept; malformed escapes are copied as they are. */
size_t wr_uri_decode(char *dst, struct wr_str s);
/* Whether s, decoded so, is `text` (prefix: begins with it). */
bool wr_uri_decodes_to(struct wr_str s, struct wr_str text, bool prefix);

/* Takes the next parameter ("name=value" or "name") off a query string: raw slices.  Empty ones ("&&") are
 * skipped; value->p is NULL when there is no '='. */
bool wr_uri_query_next(struct wr_str *rest, struct wr_str *name, struct wr_str *value);
/* The first parameter whose decoded name is `name`; *value is raw, as of wr_uri_query_next. */
bool wr_uri_query_find(struct wr_str query, struct wr_str name, struct wr_str *value);

#endif
