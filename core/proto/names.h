/*
 * Field names that weir knows, interned: the table behind enum wr_name.
 * Unknown names are never interned (CORE-RULES 34): they are WR_N_OTHER.
 */
#ifndef WR_PROTO_NAMES_H
#define WR_PROTO_NAMES_H

#include "core/base/str.h"

/* WR_NAME(ID, "Canonical-Spelling") rows; 0 is OTHER.  At most 127 rows, so that a head can hold a bitmap. */
enum wr_name {
    WR_N_OTHER,
#define WR_NAME(id, text) WR_N_##id,
#include "core/proto/names.def"
#undef WR_NAME
    WR_N_COUNT
};

/* The id of a name in any case, WR_N_OTHER if unknown. */
enum wr_name wr_name_find(const char *p, size_t n);
/* The canonical spelling ("Content-Type") for an id that is not OTHER. */
struct wr_str wr_name_text(enum wr_name id);

/* Methods that weir knows; 0 is OTHER (a valid token all the same). */
enum wr_method {
    WR_M_OTHER,
    WR_M_GET,
    WR_M_HEAD,
    WR_M_POST,
    WR_M_PUT,
    WR_M_DELETE,
    WR_M_OPTIONS,
    WR_M_PATCH,
    WR_M_CONNECT,
    WR_M_TRACE,
    WR_M_COUNT
};
enum wr_method wr_method_find(const char *p, size_t n); /* case-sensitive (RFC 9110 9.1) */

#endif
