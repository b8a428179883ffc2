/*
 * Cookies as clients send them (RFC 6265 5.4), read without copying.
 */
#ifndef WR_HTTP_COOKIE_H
#define WR_HTTP_COOKIE_H

#include "core/http/head.h"

/*
 * The first cookie of that name in all Cookie fields; *value is a slice of its
 * field.  Names are compared byte by byte.  Every semicolon separates, inside
 * quotes too; blanks and tabs round name and value are not part of them, quotes
 * are.  What has no '=' is no cookie.  Linear in the length of the fields.
 */
bool wr_cookie_find(const struct wr_head *h, struct wr_str name, struct wr_str *value);

#endif
