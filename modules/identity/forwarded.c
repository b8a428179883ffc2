/*
 * RFC 7239, strict: token "=" ( token / quoted-string ), separated by ";" and
 * ",", blanks allowed round these two alone.  No parameter twice in one
 * element.  Backslashes inside quotes stay where they are: no address, scheme
 * or host has one, so the value is found to be none.
 */
#include "modules/identity/forwarded.h"

static void
forwarded_skip(struct wr_str *s, size_t n)
{
    *s = wr_str_make(s->p + n, s->n - n);
}

static void
forwarded_blanks(struct wr_str *s)
{
    while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t')) {
        forwarded_skip(s, 1);
    }
}

/* Bytes of a token, and beyond the RFC those of an address with port: proxies forget the quotes round them. */
static bool
forwarded_is_plain(char c)
{
    static const char more[] = "!#$%&'*+-.^_`|~:[]/";

    return (c >= '0' && c <= '9') || (wr_lower(c) >= 'a' && wr_lower(c) <= 'z') ||
        (c != '\0' && strchr(more, c) != NULL);
}

static bool
forwarded_token(struct wr_str *s, struct wr_str *token)
{
    size_t n = 0;

    while (n < s->n && forwarded_is_plain(s->p[n])) {
        n++;
    }
    *token = wr_str_make(s->p, n);
    forwarded_skip(s, n);
    return n > 0;
}

static bool
forwarded_quoted(struct wr_str *s, struct wr_str *text)
{
    size_t n = 1;

    while (n < s->n && s->p[n] != '"') {
        n += s->p[n] == '\\' ? 2 : 1;
    }
    if (n >= s->n) {
        return false;
    }
    *text = wr_str_make(s->p + 1, n - 1);
    forwarded_skip(s, n + 1);
    return true;
}

static bool
forwarded_set(struct wr_str *where, struct wr_str value)
{
    if (where->p) {
        return false;
    }
    *where = value;
    return true;
}

static bool
forwarded_pair(struct wr_str *s, struct wr_forwarded *el)
{
    struct wr_str name;
    struct wr_str value;

    if (!forwarded_token(s, &name) || s->n == 0 || s->p[0] != '=') {
        return false;
    }
    forwarded_skip(s, 1);
    bool quoted = s->n > 0 && s->p[0] == '"';
    if (!(quoted ? forwarded_quoted(s, &value) : forwarded_token(s, &value))) {
        return false;
    }
    if (wr_str_ieq(name, WR_STR("for"))) {
        return forwarded_set(&el->node, value);
    }
    if (wr_str_ieq(name, WR_STR("proto"))) {
        return forwarded_set(&el->proto, value);
    }
    if (wr_str_ieq(name, WR_STR("host"))) {
        return forwarded_set(&el->host, value);
    }
    return true;
}

enum wr_forwarded_verdict
wr_forwarded_next(struct wr_str *rest, struct wr_forwarded *el)
{
    bool any = false;

    *el = (struct wr_forwarded){0};
    for (;;) {
        forwarded_blanks(rest);
        if (rest->n == 0) {
            return any ? WR_FORWARDED_OK : WR_FORWARDED_END;
        }
        char c = rest->p[0];
        if (c == ',' || c == ';') {
            forwarded_skip(rest, 1);
            if (c == ',' && any) {
                return WR_FORWARDED_OK;
            }
            continue;
        }
        if (!forwarded_pair(rest, el)) {
            return WR_FORWARDED_BAD;
        }
        any = true;
        forwarded_blanks(rest);
        if (rest->n > 0 && rest->p[0] != ',' && rest->p[0] != ';') {
            return WR_FORWARDED_BAD;
        }
    }
}
