/*
 * Sections as read: what kind, whose name, which keys, where.  No key is
 * understood here but `include`.
 */
#ifndef WR_CONF_SOURCE_H
#define WR_CONF_SOURCE_H

#include "core/conf/value.h"

enum wr_conf_kind {
    WR_KIND_WEIR,
    WR_KIND_DEFAULTS,
    WR_KIND_SERVER,
    WR_KIND_ROUTE,
    WR_KIND_UPSTREAM,
    WR_KIND_LOG,
    WR_KIND_CONTROL,
    WR_KIND_OWN,  /* a module's */
    WR_KIND_SKIP, /* unreadable, unknown or not in this release: reported; its keys belong to nothing */
};

struct wr_conf_entry {
    struct wr_str key;
    struct wr_conf_value value;
    struct wr_place place;
    bool bad; /* the value was unreadable, which is reported */
};

struct wr_conf_section {
    enum wr_conf_kind kind;
    const char *own_kind; /* OWN */
    struct wr_str head;   /* as written between the brackets, for messages */
    /* SERVER: its names in lower case; ROUTE: one, HOST/PATH; DEFAULTS, WEIR: none; else at most one */
    struct wr_str *names;
    size_t names_n;
    struct wr_str label; /* without the "@" of a server's */
    struct wr_place place;
    struct wr_conf_entry *entries;
    size_t entries_n;
    size_t entries_cap; /* of sections made by hand */
    bool repeated;      /* the same section stands before: its keys are checked, but nothing is made of it */
};

struct wr_conf_source {
    const char **files; /* in the order of reading; places point to these strings */
    size_t files_n;
    size_t files_cap;
    struct wr_conf_file_id {
        uint64_t dev;
        uint64_t ino;
    } * ids; /* of the files, in the same order */
    size_t ids_cap;
    struct wr_conf_section **sections;
    size_t sections_n;
    size_t sections_cap;
    struct wr_strmap index; /* "kind name label" -> section; made once all is read */
};

/* Reads `file` and what it includes.  Faults are reported, what is readable is read. */
void wr_conf_source_file(struct wr_conf *cf, const char *file);
/* The same from memory; what it includes is relative to the working directory. */
void wr_conf_source_text(struct wr_conf *cf, const char *name, struct wr_str text);
/* Sections made by hand (the no-file form). */
struct wr_conf_section *wr_conf_source_section(struct wr_conf *cf, enum wr_conf_kind kind,
                                               struct wr_place place);
void wr_conf_source_entry(struct wr_conf *cf, struct wr_conf_section *s, const char *key, struct wr_str text,
                          struct wr_place place);
/* Finds repeated sections and makes the index; afterwards nothing is added. */
void wr_conf_source_close(struct wr_conf *cf);

/* The section of a kind by its (first) name, without label; NULL when there is none. */
struct wr_conf_section *wr_conf_source_find(const struct wr_conf *cf, const char *kind, struct wr_str name,
                                            struct wr_str label);
/* The word that a section of this kind begins with. */
const char *wr_conf_kind_word(const struct wr_conf_section *s);
/* [A-Za-z0-9_-]+ */
bool wr_conf_name_ok(struct wr_str s);

#endif
