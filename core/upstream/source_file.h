/*
 * A file that lists servers (`file:PATH`): a line each,
 *
 *   ADDRESS [weight=N] [backup] [max=N]
 *
 * ADDRESS is IP:PORT, [IPV6]:PORT, NAME:PORT or unix:/PATH; empty lines, and
 * those that begin with `#` or `;`, say nothing.
 */
#ifndef WR_UPSTREAM_SOURCE_FILE_H
#define WR_UPSTREAM_SOURCE_FILE_H

#include "core/base/net.h"

#define WR_SOURCE_FILE_BYTES (1U << 20)

struct wr_source_entry {
    struct wr_str address; /* as written, in lower case but for unix; slice of the text */
    struct wr_str host;    /* a name to be resolved; empty: addr is set */
    uint16_t port;
    struct wr_addr addr;
    uint32_t weight; /* 0: none given */
    uint32_t max;
    bool backup;
};

/* Reads text (changed: letters become small) into v, at most `most` entries; returns how many, or -1 with
 * *line and *why of the first fault. */
int wr_source_file_parse(char *text, size_t n, struct wr_source_entry *v, size_t most, unsigned *line,
                         const char **why);

#endif
