/*
 * One parser per type of value.
 */
#ifndef WR_CONF_TYPES_H
#define WR_CONF_TYPES_H

#include "core/conf/source.h"

/* A value on its way into a field. */
struct wr_type_job {
    struct wr_conf *cf;
    const struct wr_directive *row;
    const struct wr_conf_value *value;
    struct wr_str key; /* as written, for messages */
    struct wr_place place;
};

/* Reads the value by the row's type (any but MAP) into *field.  False: reported, *field as it was (a NAME
 * that names nothing: the one section whose name is near, or empty). */
bool wr_conf_type_parse(const struct wr_type_job *job, void *field);
/* What may stand there: "SIZE | off", "strict | raw": for messages and the manual. */
const char *wr_conf_type_grammar(struct wr_pool *pool, const struct wr_directive *row);
/* Whether the type takes a value apart into words (else it is one text). */
bool wr_conf_type_has_words(const struct wr_directive *row);

/* The bare notations.  False: not one. */
bool wr_conf_parse_size(struct wr_str s, uint64_t *bytes);
bool wr_conf_parse_time(struct wr_str s, uint64_t *ms);
bool wr_conf_parse_rate(struct wr_str s, struct wr_rate *rate);
/* A field name of RFC 9110 5.1: a token. */
bool wr_conf_token_ok(struct wr_str s);

#endif
