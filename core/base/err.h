/*
 * Every way to fail, by name (err.def).
 */
#ifndef WR_BASE_ERR_H
#define WR_BASE_ERR_H

#include "core/base/base.h"

enum wr_err {
#define WR_ERR(name, status, level, reason, text) WR_E_##name,
#include "core/base/err.def"
#undef WR_ERR
    WR_E_COUNT
};

struct wr_err_info {
    const char *reason; /* the word in the access log, the metric label, the heading in weir-reasons(7) */
    const char *text;   /* one or two sentences for the manual: what happened, what weir did */
    uint16_t status;    /* sent to the client when nothing was sent yet; 0: connection only */
    uint8_t level;      /* enum wr_log_level */
};

/* Indexed by enum wr_err. */
extern const struct wr_err_info wr_err_info[];

#endif
