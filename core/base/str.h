/*
 * Strings as pointer and length.  A wr_str never owns its bytes and need not
 * end in NUL; whoever hands it out says how long it lives.
 */
#ifndef WR_BASE_STR_H
#define WR_BASE_STR_H

#include <string.h>

#include "core/base/base.h"

struct wr_str {
    const char *p;
    size_t n;
};

#define WR_STR(literal) ((struct wr_str){(literal), sizeof(literal) - 1})
#define WR_STR_NONE ((struct wr_str){NULL, 0})
/* For "%.*s" with strings of our own (configuration); peers' bytes go through wr_escape only. */
#define WR_STR_ARG(s) ((int)(s).n), ((s).p ? (s).p : "")

static inline struct wr_str
wr_str_of(const char *z)
{
    return (struct wr_str){z, z ? strlen(z) : 0};
}

static inline struct wr_str
wr_str_make(const char *p, size_t n)
{
    return (struct wr_str){p, n};
}

static inline bool
wr_str_eq(struct wr_str a, struct wr_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case-insensitive. */
bool wr_str_ieq(struct wr_str a, struct wr_str b);
bool wr_str_starts(struct wr_str s, struct wr_str prefix);
bool wr_str_ends(struct wr_str s, struct wr_str suffix);
/* Order by bytes; a prefix sorts first. */
int wr_str_cmp(struct wr_str a, struct wr_str b);
/* Index of byte c or -1. */
ptrdiff_t wr_str_find(struct wr_str s, char c);
/* Without blanks and tabs at both ends. */
struct wr_str wr_str_trim(struct wr_str s);
/* Takes the next word (separated by blanks and tabs) off *rest; false when none is left. */
bool wr_str_word(struct wr_str *rest, struct wr_str *word);
/* Takes the next member of an HTTP list (RFC 9110 5.6.1: commas, OWS; empty members skipped;
 * commas inside "quoted strings" do not separate) off *rest; false when none is left. */
bool wr_str_member(struct wr_str *rest, struct wr_str *member);
/* Decimal digits only, no sign, no blanks; false when empty, not digits, or over max. */
bool wr_str_u64(struct wr_str s, uint64_t max, uint64_t *out);
/* Compares secrets in time that depends on the length alone (CORE-RULES 34). */
bool wr_str_eq_secret(struct wr_str a, struct wr_str b);
/* Writes s in lower case to dst (room for s.n). */
void wr_str_lower(char *dst, struct wr_str s);
/* Edits (insert, delete, replace, swap of neighbours) between a and b, capped at `most` + 1. */
unsigned wr_str_distance(struct wr_str a, struct wr_str b, unsigned most);

static inline char
wr_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

#endif
