/*
 * From files to a model: read, bind, check; every message at once, each with
 * FILE:LINE.
 */
#ifndef WR_CONF_CONF_H
#define WR_CONF_CONF_H

#include <stdio.h>

#include "core/conf/model.h"

struct wr_conf_message {
    struct wr_place place;
    bool error;     /* else a warning, */
    bool notice;    /* or a notice: nothing is wrong, but an operator wants to know */
    uint32_t order; /* as reported */
    const char *text;
};

/* A file that is needed at run time (core/shm/files.h). */
struct wr_conf_file {
    struct wr_str path;
    struct wr_place place;
    bool secret;   /* holds a private key */
    bool optional; /* it need not be there */
};

/* One reading of a configuration: its messages and what it made.  All memory from `pool`. */
struct wr_conf {
    struct wr_pool *pool;
    struct wr_conf_message *messages; /* in order of file and line after wr_conf_load */
    size_t messages_n;
    size_t errors;
    size_t warnings;
    size_t notices;
    size_t messages_cap;
    unsigned guesses; /* words that were looked for near others; beyond a bound there is no suggestion */
    bool sealed;      /* set before the load: no environment, no further file (fuzzing, many variants) */
    struct wr_model *model;        /* complete only when errors == 0 */
    struct wr_conf_source *source; /* sections as read; core/conf's own */
    struct wr_conf_file *files;    /* that are needed at run time, named by module checks; each path once */
    size_t files_n;
    size_t files_cap;
    bool makes;            /* a module makes some of them itself (wr_module.prepare) */
    bool isolated;         /* secret ones are for the signer alone (wr_module.signer_start) */
    bool keeper_secrets;   /* the keeper needs them too (client certificates of health checks) */
    uint32_t *files_index; /* by path: number in files + 1, 0 is free; wr_conf_file's own */
    size_t files_slots;
    /* what modules bring; set before wr_conf_load */
    const struct wr_directive_table *const
        *tables; /* tables[module]: NULL or an array ending with rows NULL */
    size_t modules_n;
};

void wr_conf_init(struct wr_conf *cf, struct wr_pool *pool);
/* Reads `file` and what it includes and builds the model.  False when there are errors. */
bool wr_conf_load(struct wr_conf *cf, const char *file);
/* The same from bytes in memory that outlive the pool; `name` stands for the file in places. */
bool wr_conf_load_text(struct wr_conf *cf, const char *name, struct wr_str text);
/* The no-file form: each argument is LISTEN=UPSTREAM (":8080=localhost:3000"). */
bool wr_conf_load_args(struct wr_conf *cf, int n, char *const *args);
/* For module checks after loading. */
void wr_conf_error(struct wr_conf *cf, struct wr_place place, const char *fmt, ...) WR_PRINTF(3, 4);
void wr_conf_warn(struct wr_conf *cf, struct wr_place place, const char *fmt, ...) WR_PRINTF(3, 4);
void wr_conf_notice(struct wr_conf *cf, struct wr_place place, const char *fmt, ...) WR_PRINTF(3, 4);
/* For module checks: the master is to open, watch and publish this file.  Named twice it is one, secret and needed
 * if it was once. */
void wr_conf_file(struct wr_conf *cf, struct wr_place place, struct wr_str path, bool secret, bool optional);
/* Sorts the messages by file and line (stable), leaves out what was said twice, and prints
 * "FILE:LINE: error: text" lines; notices go with the warnings. */
void wr_conf_print_messages(struct wr_conf *cf, FILE *to, bool warnings);
/* "FILE:LINE", or "the preset". */
const char *wr_conf_place_text(struct wr_pool *pool, struct wr_place place);
/* Where a key of the core's own rows got its value, of a thing of that class; `file` NULL: it is the preset. */
struct wr_place wr_conf_place_of(enum wr_class class_, const struct wr_places *places, const char *key);
/* -T: the effective configuration, each value with the place it came from. */
void wr_conf_dump(const struct wr_conf *cf, FILE *to);

/* The core's own rows (core/conf/rows.c), for the manual and the completion; ends with rows NULL. */
extern const struct wr_directive_table wr_core_tables[];
/* Keys of the language whose part is not built yet: "known, not in this release". */
struct wr_future_key {
    uint32_t where;  /* WR_IN_* bits; 0 ends the table */
    const char *key; /* "health.*" a family */
};
extern const struct wr_future_key wr_future_keys[];
extern const char *const wr_future_sections[]; /* kinds: "cache", "limit", ... ending with NULL */

#endif
