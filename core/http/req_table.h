/*
 * The requests of a worker: reuse of their memory, and the tokens by which
 * they are found again (CORE-RULES 1).
 */
#ifndef WR_HTTP_REQ_TABLE_H
#define WR_HTTP_REQ_TABLE_H

#include "core/http/request.h"

struct wr_req_table;

struct wr_req_table *wr_req_table_new(void);
void wr_req_table_free(struct wr_req_table *t);
/* A zeroed request with index, generation and number set. */
struct wr_req *wr_req_table_take(struct wr_req_table *t);
/* From now on its token is stale. */
void wr_req_table_give(struct wr_req_table *t, struct wr_req *r);
/* The request of a token, or NULL. */
struct wr_req *wr_req_table_get(const struct wr_req_table *t, struct wr_token tk);
/* Requests that have not ended. */
uint32_t wr_req_table_count(const struct wr_req_table *t);
/* Gives free requests back to the system. */
void wr_req_table_trim(struct wr_req_table *t);

#endif
