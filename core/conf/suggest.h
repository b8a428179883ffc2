/*
 * Did you mean: the nearest of the words that would have been right.
 */
#ifndef WR_CONF_SUGGEST_H
#define WR_CONF_SUGGEST_H

#include "core/base/pool.h"

#define WR_SUGGEST_MOST 3

struct wr_suggest {
    struct wr_str word;
    unsigned distance; /* of the best so far */
    unsigned n;        /* how many are as near */
    struct {
        struct wr_str word;
        unsigned rank;
    } best[WR_SUGGEST_MOST];
};

void wr_suggest_init(struct wr_suggest *s, struct wr_str word);
/* As init; false when this reading has looked for so many words already that this is no slip of typing:
 * nothing should be offered then. */
struct wr_conf;
bool wr_suggest_begin(struct wr_suggest *s, struct wr_conf *cf, struct wr_str word);
/* Offers a word that would have been right.  rank: among equally near ones the lower comes first. */
void wr_suggest_offer(struct wr_suggest *s, struct wr_str candidate, unsigned rank);
/* The one nearest word; empty when there is none or several are as near. */
struct wr_str wr_suggest_only(const struct wr_suggest *s);
/* `; did you mean "a" or "b"?`, or "". */
const char *wr_suggest_text(const struct wr_suggest *s, struct wr_pool *pool);

/* The standard header field that `name` misses by one letter; empty when it is one itself, or near none. */
struct wr_str wr_suggest_header(struct wr_str name);
/* The registered method that `name` misses by a letter or two or by its case; empty when it is one itself. */
struct wr_str wr_suggest_method(struct wr_str name);

#endif
