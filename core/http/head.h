/*
 * A message head as the middle sees it: fields with interned names, the same
 * for every HTTP version.  All bytes are in the request's arena (or constant),
 * so a head lives as long as its request and no longer.
 */
#ifndef WR_HTTP_HEAD_H
#define WR_HTTP_HEAD_H

#include "core/base/pool.h"
#include "core/proto/h1_parse.h"

struct wr_head {
    struct wr_field *fields; /* those with WR_FIELD_GONE are not there any more */
    uint32_t n;
    uint32_t cap;
    uint64_t have[2]; /* bit id: a field with that id may be there */
};

static inline bool
wr_head_has(const struct wr_head *h, enum wr_name id)
{
    return (h->have[id >> 6] >> (id & 63)) & 1;
}

/* The next field with that id after `prev` (NULL: the first), or NULL. */
struct wr_field *wr_head_next(const struct wr_head *h, enum wr_name id, const struct wr_field *prev);
static inline struct wr_field *
wr_head_find(const struct wr_head *h, enum wr_name id)
{
    return wr_head_has(h, id) ? wr_head_next(h, id, NULL) : NULL;
}
/* By any name, case-insensitive. */
struct wr_field *wr_head_find_name(const struct wr_head *h, struct wr_str name, const struct wr_field *prev);
/* Value of the first such field, or none (p NULL). */
struct wr_str wr_head_value(const struct wr_head *h, enum wr_name id);

/* Makes room for n fields in all. */
void wr_head_reserve(struct wr_head *h, struct wr_pool *pool, uint32_t n);
/* Appends; name and value must live as long as the arena and be valid (wr_h1_is_token, wr_h1_is_value). */
struct wr_field *wr_head_add(struct wr_head *h, struct wr_pool *pool, enum wr_name id, struct wr_str name,
                             struct wr_str value);
void wr_head_remove(struct wr_head *h, enum wr_name id);
void wr_head_remove_name(struct wr_head *h, struct wr_str name);
/* Removes all of that id and appends one. */
void wr_head_set(struct wr_head *h, struct wr_pool *pool, enum wr_name id, struct wr_str value);
/* Copies parsed fields (slices of raw[0..raw_n)) and the raw bytes into the arena.  Returns what has to be
 * added to a pointer into raw to get its copy (slices of the first line are the caller's to move). */
ptrdiff_t wr_head_take(struct wr_head *h, struct wr_pool *pool, const char *raw, size_t raw_n,
                       const struct wr_h1_head *parsed, const struct wr_field *fields);

#endif
