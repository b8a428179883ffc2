/*
 * The blob "names": what the keeper has found out about servers, as text, a
 * line each.
 *
 *   name HOST:PORT ADDR...             a server with a name; no ADDR: it does not resolve
 *   source UPSTREAM SOURCE             what follows is all of that source ("dns:app:80", to the line's end)
 *   server ROW NAME WEIGHT MAX TIER ADDR...
 *
 * ROW is the server's place in shared memory ("-": none), WEIGHT and MAX are 0
 * where the source has none, TIER is "-" or "backup".  A source that is not
 * there has had no answer yet.  Lines that are not to the letter are passed
 * over; it is weir's own file, but of another version perhaps.
 */
#ifndef WR_UPSTREAM_FOUND_H
#define WR_UPSTREAM_FOUND_H

#include "core/base/fmt.h"
#include "core/base/net.h"

#define WR_FOUND_ADDRS 8      /* of one server */
#define WR_FOUND_SERVERS 1024 /* of one source */

struct wr_found_server {
    uint32_t row; /* WR_SHARE_NONE: none */
    struct wr_str name;
    uint32_t weight;
    uint32_t max;
    bool backup;
    struct wr_addr addrs[WR_FOUND_ADDRS];
    unsigned addrs_n;
};

struct wr_found_reader {
    /* A name and its addresses. */
    void (*name)(void *arg, struct wr_str address, const struct wr_addr *addrs, unsigned n);
    /* A source begins; false: its servers are not wanted. */
    bool (*source)(void *arg, struct wr_str upstream, struct wr_str source);
    void (*server)(void *arg, const struct wr_found_server *s);
    /* All servers of the source that was wanted have been told. */
    void (*source_end)(void *arg);
};

void wr_found_read(struct wr_str text, const struct wr_found_reader *rd, void *arg);

/* The writer's side. */
void wr_found_write_name(struct wr_out *o, struct wr_str address, const struct wr_addr *addrs, unsigned n);
void wr_found_write_source(struct wr_out *o, struct wr_str upstream, struct wr_str source);
void wr_found_write_server(struct wr_out *o, const struct wr_found_server *s);
/* Bytes that any one line takes at most, for a name or source of `bytes`. */
#define WR_FOUND_LINE(bytes) (64 + 2 * (bytes) + WR_FOUND_ADDRS * (WR_ADDR_TEXT_BYTES + 1))

#endif
