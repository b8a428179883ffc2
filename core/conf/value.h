/*
 * The right side of a line: environment, files, quotes, words.  What the
 * environment or a file brings is data and never becomes syntax: a blank, a
 * quote or a "${" in it is a byte like any other.
 */
#ifndef WR_CONF_VALUE_H
#define WR_CONF_VALUE_H

#include "core/conf/conf.h"

struct wr_conf_value {
    struct wr_str raw;       /* as it stands in the file */
    struct wr_str text;      /* for types that take any text: expanded, quotes round the whole stripped */
    struct wr_str templated; /* as text, but expanded data has its percent signs doubled (core/http/vars.h) */
    struct wr_str words;     /* for types made of words, see wr_conf_word: expanded data is quoted in it */
    const char *words_why;   /* why words cannot be taken; NULL when they can */
    bool expanded;           /* something of it came from the environment */
    bool file;               /* it is the contents of a file (@/path) */
    bool quoted;             /* quotes round the whole were stripped */
};

/* A value that is text and nothing else: presets, arguments. */
void wr_conf_value_plain(struct wr_str text, struct wr_conf_value *v);
/* Reads `raw`, which outlives the pool.  False: reported, *v is unusable. */
bool wr_conf_value_make(struct wr_conf *cf, struct wr_str raw, struct wr_place place,
                        struct wr_conf_value *v);
/* The value as a line that reads back to the same (for -T).  words: of a type that is made of words. */
struct wr_str wr_conf_value_render(struct wr_pool *pool, const struct wr_conf_value *v, bool words);

/* The contents of a file, at most `most` bytes.  regular: nothing but a regular file will do.  False with
 * *why; memory from pool. */
bool wr_conf_read_file(struct wr_pool *pool, const char *path, bool regular, size_t most, struct wr_str *out,
                       const char **why);
/* For messages: without control bytes, cut after about a hundred bytes. */
const char *wr_conf_shown(struct wr_pool *pool, struct wr_str s);

#endif
