/*
 * Header rules as they are applied: made once a cycle of what the
 * configuration says, judged as far as that can be done without a request.
 */
#ifndef WR_HEADERS_HEADER_RULE_H
#define WR_HEADERS_HEADER_RULE_H

#include "core/module.h"

#define WR_HEADER_RULE_BYTES 8192 /* of one value, expanded */

struct wr_header_rule {
    enum wr_name id;
    struct wr_str name;              /* as it goes out */
    const struct wr_template *value; /* NULL: the field is taken out, and that is all */
    bool adds;                       /* what came under that name stays */
    unsigned number;                 /* N of NAME#N, else 1 */
    struct wr_place place;
};

/* Rules of one name stand together, in the order of their numbers. */
struct wr_header_rules {
    struct wr_header_rule *v;
    uint32_t n;
};

enum wr_header_side { WR_HEADER_REQUEST, WR_HEADER_RESPONSE };

/* The rules of a map; memory from cf->pool.  False: reported, and *rules are those that are good. */
bool wr_header_rules_make(struct wr_conf *cf, enum wr_header_side side, const struct wr_map *map,
                          struct wr_header_rules *rules);

/* A rule's value for r: none (p NULL) with *why when it cannot stand in a field; empty: there is no field. */
struct wr_str wr_header_rule_value(const struct wr_header_rule *rule, struct wr_req *r, const char **why);

#endif
