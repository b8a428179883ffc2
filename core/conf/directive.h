/*
 * A directive is a typed row.  The parser, `weir -T`, the did-you-mean, the
 * completion and weir.ini(5) all come from the rows; inheritance defaults ->
 * server -> route is generic and needs no code of the row's owner.
 */
#ifndef WR_CONF_DIRECTIVE_H
#define WR_CONF_DIRECTIVE_H

#include "core/base/net.h"
#include "core/base/pool.h"
#include "core/conf/word.h"

/* Where a value was written.  file NULL: a preset. */
struct wr_place {
    const char *file;
    unsigned line;
};

/* The struct that a row's offset is in: one per section of that kind. */
enum wr_class {
    WR_CLASS_WEIR,     /* [weir] */
    WR_CLASS_SERVER,   /* [server]: what a server alone has */
    WR_CLASS_ROUTE,    /* [defaults], [server], [route]: inherited down to each route */
    WR_CLASS_UPSTREAM, /* [upstream NAME] */
    WR_CLASS_LOG,      /* [log NAME] */
    WR_CLASS_CONTROL,  /* [control] */
    WR_CLASS_OWN,      /* a kind of section that a module brings, e.g. [cache NAME] */
};

/* Sections where a row may stand (bits). */
#define WR_IN_WEIR 0x01u
#define WR_IN_DEFAULTS 0x02u
#define WR_IN_SERVER 0x04u
#define WR_IN_ROUTE 0x08u
#define WR_IN_UPSTREAM 0x10u
#define WR_IN_LOG 0x20u
#define WR_IN_OWN 0x40u
#define WR_IN_CONTROL 0x80u
#define WR_IN_SITE (WR_IN_DEFAULTS | WR_IN_SERVER | WR_IN_ROUTE)

enum wr_type {
    WR_T_BOOL,   /* bool: on | off */
    WR_T_INT,    /* int64_t */
    WR_T_SIZE,   /* uint64_t, bytes: 64k 10m 2g */
    WR_T_TIME,   /* uint64_t, milliseconds: 500ms 5s 2m 1h 7d */
    WR_T_RATE,   /* struct wr_rate: 50/s 600/min */
    WR_T_TEXT,   /* struct wr_str, any text */
    WR_T_NAME,   /* struct wr_str: the NAME of a section of kind `ref` (an unknown one is an error) or off */
    WR_T_WORD,   /* int: one of `words` */
    WR_T_FLAGS,  /* int: words or'ed together, separated by blanks */
    WR_T_WORDS,  /* struct wr_words: a list of texts separated by blanks */
    WR_T_CIDRS,  /* struct wr_cidrs: addresses and networks; `none` is the empty list */
    WR_T_MAP,    /* struct wr_map: family "prefix.*" or path keys "/": keys with texts */
    WR_T_PARSED, /* whatever `parse` makes of it */
};

struct wr_rate {
    uint64_t count;
    uint64_t per_ms;
};
struct wr_words {
    struct wr_str *v;
    size_t n;
};
struct wr_cidrs {
    struct wr_cidr *v;
    size_t n;
};
struct wr_map_entry {
    struct wr_str key;   /* what stands for the `*` ("X-Beta"), or the path key with its slash */
    struct wr_str value; /* of a header rule (WR_D_KEY_IS_HEADER, not LOCAL): a template (core/http/vars.h) */
    bool adds;           /* a header rule written as `+ V`; value is V then */
    struct wr_str shown; /* the value as -T writes it */
    struct wr_place place;
};
struct wr_map {
    struct wr_map_entry *v;
    size_t n;
};
struct wr_keyword {
    const char *word;
    int value;
};

/* The value of a SIZE or TIME that is `off` (row flag WR_D_OFF). */
#define WR_OFF UINT64_MAX

struct wr_conf; /* core/conf/conf.h */

#define WR_D_OFF 0x01 /* `off` is allowed (SIZE, TIME: WR_OFF; TEXT: empty; NAME: empty) */
#define WR_D_LOCAL                                                                                           \
    0x02 /* not inherited: belongs to the section where it stands (to, if.*); WR_IN_ROUTE alone */
#define WR_D_SECRET 0x04        /* -T prints it as (secret) */
#define WR_D_KEY_IS_HEADER 0x08 /* MAP: keys are field names: checked as tokens, warned about near misses */
#define WR_D_GUARD                                                                                           \
    0x10 /* ROUTE: a longer path that does not set it while a shorter one does is warned about */

struct wr_directive {
    const char *name; /* "timeout.connect"; a family: "if.header.*"; path keys: "/" */
    enum wr_type type;
    enum wr_class class_;
    uint32_t where;
    uint32_t flags;
    size_t offset;
    const char *preset;             /* as an operator would write it; NULL: zero bytes */
    uint64_t min, max;              /* INT, SIZE, TIME; both 0: no bounds */
    const struct wr_keyword *words; /* ends with word NULL; INT, SIZE, TIME: special values beside numbers;
                                     * PARSED: words to suggest */
    const char *ref;                /* NAME: the section kind */
    /* PARSED: makes *field of value, memory from pool; on false *why is a text that states what is wrong.
     * Words in it may be quoted where they have blanks: wr_conf_word takes it apart.  *field holds the inherited value. */
    bool (*parse)(struct wr_pool *pool, struct wr_str value, void *field, const char **why);
    const char *grammar; /* shown in errors and the manual, e.g. "SIZE | off" (NULL: made from the type) */
    const char *help;    /* the paragraph in weir.ini(5); plain text, mdoc is made of it */
};

/* Rows of one owner for one class.  An owner has at most one table a class (OWN: one a kind). */
struct wr_directive_table {
    const struct wr_directive *rows; /* ends with name NULL */
    enum wr_class class_;
    size_t struct_bytes;
    const char *kind; /* OWN: the section kind, e.g. "cache"; else NULL */
};

#endif
