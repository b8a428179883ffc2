/*
 * The table of every way to fail, made from err.def.
 */
#include "core/base/err.h"

#include "core/base/log.h"

const struct wr_err_info wr_err_info[] = {
#define WR_ERR(name, status_, level_, reason_, text_)                                                        \
    [WR_E_##name] = {.reason = (reason_), .text = (text_), .status = (status_), .level = (level_)},
#include "core/base/err.def"
#undef WR_ERR
};

_Static_assert(WR_ARRAY_LEN(wr_err_info) == WR_E_COUNT, "one row for each error");
