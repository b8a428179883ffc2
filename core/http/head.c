/*
 * Message heads: finding, adding, removing, taking a parsed one over.
 */
#include "core/http/head.h"

struct wr_field *
wr_head_next(const struct wr_head *h, enum wr_name id, const struct wr_field *prev)
{
    struct wr_field *end = h->fields + h->n;

    for (struct wr_field *f = prev ? h->fields + (prev - h->fields) + 1 : h->fields; f < end; f++) {
        if (f->id == id && !(f->flags & WR_FIELD_GONE)) {
            return f;
        }
    }
    return NULL;
}

struct wr_field *
wr_head_find_name(const struct wr_head *h, struct wr_str name, const struct wr_field *prev)
{
    enum wr_name id = wr_name_find(name.p, name.n);
    struct wr_field *end = h->fields + h->n;

    if (id != WR_N_OTHER) {
        return wr_head_has(h, id) ? wr_head_next(h, id, prev) : NULL;
    }
    for (struct wr_field *f = prev ? h->fields + (prev - h->fields) + 1 : h->fields; f < end; f++) {
        if (f->id == WR_N_OTHER && !(f->flags & WR_FIELD_GONE) && wr_str_ieq(f->name, name)) {
            return f;
        }
    }
    return NULL;
}

struct wr_str
wr_head_value(const struct wr_head *h, enum wr_name id)
{
    const struct wr_field *f = wr_head_find(h, id);

    return f ? f->value : WR_STR_NONE;
}

void
wr_head_reserve(struct wr_head *h, struct wr_pool *pool, uint32_t n)
{
    if (n <= h->cap) {
        return;
    }
    uint32_t cap = WR_MAX(n, h->cap * 2);
    struct wr_field *fields = wr_pool_alloc(pool, cap * sizeof(*fields));
    if (h->n > 0) {
        memcpy(fields, h->fields, h->n * sizeof(*fields));
    }
    h->fields = fields;
    h->cap = cap;
}

struct wr_field *
wr_head_add(struct wr_head *h, struct wr_pool *pool, enum wr_name id, struct wr_str name, struct wr_str value)
{
    if (h->n == h->cap) {
        wr_head_reserve(h, pool, h->n + 8);
    }
    struct wr_field *f = &h->fields[h->n++];
    *f = (struct wr_field){
        .name = id != WR_N_OTHER ? wr_name_text(id) : name, .value = value, .id = (uint16_t)id};
    h->have[id >> 6] |= 1ULL << (id & 63);
    return f;
}

void
wr_head_remove(struct wr_head *h, enum wr_name id)
{
    if (!wr_head_has(h, id)) {
        return;
    }
    for (uint32_t i = 0; i < h->n; i++) {
        if (h->fields[i].id == id) {
            h->fields[i].flags |= WR_FIELD_GONE;
        }
    }
    h->have[id >> 6] &= ~(1ULL << (id & 63));
}

void
wr_head_remove_name(struct wr_head *h, struct wr_str name)
{
    enum wr_name id = wr_name_find(name.p, name.n);

    if (id != WR_N_OTHER) {
        wr_head_remove(h, id);
        return;
    }
    for (struct wr_field *f = wr_head_find_name(h, name, NULL); f; f = wr_head_find_name(h, name, f)) {
        f->flags |= WR_FIELD_GONE;
    }
}

void
wr_head_set(struct wr_head *h, struct wr_pool *pool, enum wr_name id, struct wr_str value)
{
    wr_head_remove(h, id);
    wr_head_add(h, pool, id, WR_STR_NONE, value);
}

ptrdiff_t
wr_head_take(struct wr_head *h, struct wr_pool *pool, const char *raw, size_t raw_n,
             const struct wr_h1_head *parsed, const struct wr_field *fields)
{
    char *copy = wr_pool_alloc(pool, raw_n);
    ptrdiff_t moved = (ptrdiff_t)((uintptr_t)copy - (uintptr_t)raw);

    memcpy(copy, raw, raw_n);
    h->n = parsed->fields_n;
    h->cap = parsed->fields_n + 4; /* room for what modules add */
    h->fields = wr_pool_alloc(pool, h->cap * sizeof(*h->fields));
    h->have[0] = parsed->have[0];
    h->have[1] = parsed->have[1];
    for (uint32_t i = 0; i < h->n; i++) {
        struct wr_field *f = &h->fields[i];
        *f = fields[i];
        f->name.p += moved;
        f->value.p += moved;
    }
    return moved;
}
