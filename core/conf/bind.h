/*
 * Keys into structs: a section's entries, by the directive tables of the core
 * and of the modules, into one struct for each owner.  Inheritance is a copy
 * of the parent's structs over which the section's own entries are laid.
 */
#ifndef WR_CONF_BIND_H
#define WR_CONF_BIND_H

#include "core/conf/source.h"

#define WR_BIND_CORE (-1)

/* A row, its owner (WR_BIND_CORE or a module's index) and its position among the rows of its class. */
struct wr_bind_row {
    const struct wr_directive *row;
    int owner;
    uint32_t index;
    const char *kind;              /* OWN */
    struct wr_bind_row *same_name; /* another row of this name, for another section */
};

/* The structs of one thing (a server, a route, ...), of one class. */
struct wr_bind_set {
    const struct wr_bind_class *class_;
    void *core;   /* the core's struct; NULL where it has none (OWN) */
    void **mconf; /* the modules' structs, by module index; for OWN the one of its owner */
    struct wr_places places;
};

/* All that is known of one class (OWN: of one kind). */
struct wr_bind_class {
    struct wr_bind_row **rows; /* in the order of places */
    size_t rows_n;
    size_t core_bytes;
    size_t *module_bytes; /* by module index */
    struct wr_bind_set presets;
    const char *kind; /* OWN */
};

struct wr_bind {
    struct wr_conf *cf;
    struct wr_strmap names;        /* exact name -> struct wr_bind_row */
    struct wr_bind_row **families; /* rows whose name ends in '*', and "/" */
    size_t families_n;
    size_t families_cap;
    struct wr_bind_class classes[WR_CLASS_OWN];
    struct wr_bind_class *own;
    size_t own_n;
};

/* Collects the tables and reads their presets (a preset that cannot be read is a bug). */
void wr_bind_init(struct wr_bind *b, struct wr_conf *cf);
/* The class of a module's own section kind. */
const struct wr_bind_class *wr_bind_own_class(const struct wr_bind *b, const char *kind);

/* Starts a set as a copy of `parent` (NULL: of the presets).  core: where the core's struct is (NULL: from the
 * pool).  Module structs are always copies of their own; places are shared until something is bound. */
void wr_bind_set_init(struct wr_bind *b, struct wr_bind_set *set, const struct wr_bind_class *class_,
                      const struct wr_bind_set *parent, void *core);

/* Lays a section's entries over the sets; sets[class] may be NULL where none of its keys can be of that class.
 * Faults are reported, also unknown and repeated keys. */
void wr_bind_section(struct wr_bind *b, const struct wr_conf_section *s,
                     struct wr_bind_set *sets[WR_CLASS_OWN + 1]);
/* The same into nothing: for a section of which nothing is made. */
void wr_bind_check(struct wr_bind *b, const struct wr_conf_section *s);

/* The entry of a section by its key; NULL when it has none. */
const struct wr_conf_entry *wr_bind_entry(const struct wr_conf_section *s, struct wr_str key);
/* The WR_IN_* bit of a section. */
uint32_t wr_bind_where(const struct wr_conf_section *s);

/* Finding rows (bind_find.c). */
struct wr_bind_match {
    const struct wr_bind_row *row;
    struct wr_str rest; /* of a family: what stands for the '*'; of a path key: the whole key */
};
bool wr_bind_find(const struct wr_bind *b, const struct wr_conf_section *s, struct wr_str key,
                  struct wr_bind_match *m);
/* Reports an unknown key, with what was meant; true when there is no doubt what: *m is that row then. */
bool wr_bind_unknown(const struct wr_bind *b, const struct wr_conf_section *s, const struct wr_conf_entry *e,
                     struct wr_bind_match *m);

#endif
