/*
 * The core's rows of [server] alone, for the tables in rows.c.
 */
#ifndef WR_CONF_ROWS_SERVER_H
#define WR_CONF_ROWS_SERVER_H

#include "core/conf/conf.h"

extern const struct wr_directive wr_rows_server[]; /* ends with name NULL */

#endif
