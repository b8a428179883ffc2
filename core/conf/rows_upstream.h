/*
 * Rows that stand in a file of their own, for the tables in rows.c.
 */
#ifndef WR_CONF_ROWS_UPSTREAM_H
#define WR_CONF_ROWS_UPSTREAM_H

#include "core/conf/conf.h"

/* Each ends with name NULL. */
extern const struct wr_directive wr_rows_upstream[];
extern const struct wr_directive wr_rows_control[];

/* `retry` of a route, into a struct wr_retry_conf; `resolver` of [weir], into a struct wr_addrs. */
bool wr_rows_parse_retry(struct wr_pool *pool, struct wr_str value, void *field, const char **why);
bool wr_rows_parse_resolver(struct wr_pool *pool, struct wr_str value, void *field, const char **why);
extern const struct wr_keyword wr_rows_retry_words[];
extern const struct wr_keyword wr_rows_resolver_words[];

#endif
