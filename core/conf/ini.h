/*
 * The bytes of one file as sections and keys, walked by libinih over a reader
 * that makes its limits impossible: see ini.c.
 */
#ifndef WR_CONF_INI_H
#define WR_CONF_INI_H

#include "core/base/pool.h"

#define WR_INI_LINE_MOST_BYTES 65536 /* without the line end; longer lines are errors */

/* All strings are slices of the bytes given.  Calls come in the order of the lines, except that what the
 * reader itself refuses is reported as soon as it is seen. */
struct wr_ini_events {
    void *arg;
    /* [head]: what stands between the brackets, trimmed.  bad: an unreadable header (already reported);
     * the keys up to the next one belong to nothing. */
    void (*section)(void *arg, unsigned line, struct wr_str head, bool bad);
    /* key = value, both trimmed, split at the first '='. */
    void (*entry)(void *arg, unsigned line, struct wr_str key, struct wr_str value);
    void (*error)(void *arg, unsigned line, const char *text);
};

/* `bytes` may be anything. */
void wr_ini_read(struct wr_str bytes, const struct wr_ini_events *ev);

/* Room for one more element in an array of n elements of `size` bytes with room for *cap: as it is, or a
 * copy twice as large, from pool. */
void *wr_ini_grow(struct wr_pool *pool, void *v, size_t n, size_t *cap, size_t size);

/* Says that about n bytes will be taken from pool soon.  A pool that is large already gets them as one piece
 * whose pages are there: reading 100,000 lines would else spend most of its time in page faults. */
void wr_ini_reserve(struct wr_pool *pool, size_t n);

#endif
