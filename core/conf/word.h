/*
 * Words of a value, quoted or not.
 */
#ifndef WR_CONF_WORD_H
#define WR_CONF_WORD_H

#include "core/base/pool.h"

/* Takes the next word off *rest, `"..."` round it stripped; false when none is left (or a quote is not
 * closed).  Memory from pool only where a backslash stood. */
bool wr_conf_word(struct wr_pool *pool, struct wr_str *rest, struct wr_str *word);
/* Index of the quote that closes the one at s.p[0]; 0 with *why when there is none. */
size_t wr_conf_quote_end(struct wr_str s, const char **why);

#endif
