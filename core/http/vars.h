/*
 * %{name} in values of the configuration: a fixed, documented set, compiled
 * once, expanded once into a bounded buffer; data is never parsed again.
 */
#ifndef WR_HTTP_VARS_H
#define WR_HTTP_VARS_H

#include "core/http/request.h"

struct wr_template; /* pieces: text and variables */

/* NULL with *why (a text that names the unknown variable) when it cannot be compiled. */
struct wr_template *wr_template_compile(struct wr_pool *pool, struct wr_str text, const char **why);
/* Expands into the request's arena, at most `most` bytes; none (p NULL) when it would be longer. */
struct wr_str wr_template_expand(const struct wr_template *t, struct wr_req *r, size_t most);
/* For the manual: name and help of variable i; NULL at the end. */
const char *wr_vars_name(unsigned i, const char **help);

#endif
