/*
 * The text that a command answers with: it grows up to a named bound, as a
 * table or as JSON.  What does not fit is left out and `full` says so.
 */
#ifndef WR_HTTP_REPLY_H
#define WR_HTTP_REPLY_H

#include "core/base/str.h"

#define WR_REPLY_BYTES (16u * 1024 * 1024)

struct wr_reply {
    char *p;
    size_t n;
    size_t cap;
    bool full;
    bool comma; /* JSON: something stands before the next value */
};

/* All zero bytes are an empty answer. */
void wr_reply_fini(struct wr_reply *a);
void wr_reply_mem(struct wr_reply *a, const char *p, size_t n);
void wr_reply_str(struct wr_reply *a, struct wr_str s);
/* For texts of weir's own; other bytes pass wr_reply_escaped. */
void wr_reply_printf(struct wr_reply *a, const char *fmt, ...) WR_PRINTF(2, 3);
/* Without control bytes, fit for a terminal. */
void wr_reply_escaped(struct wr_reply *a, struct wr_str s);
/* "850ms", "12s", "3m12s", "2h05m", "4d03h". */
void wr_reply_duration(struct wr_reply *a, uint64_t ms);

/* JSON: key NULL inside an array and for the outermost value; brackets are "{" or "[". */
void wr_reply_open(struct wr_reply *a, const char *key, char bracket);
void wr_reply_close(struct wr_reply *a, char bracket);
void wr_reply_put_str(struct wr_reply *a, const char *key, struct wr_str s);
void wr_reply_put_u64(struct wr_reply *a, const char *key, uint64_t v);
void wr_reply_put_bool(struct wr_reply *a, const char *key, bool v);
void wr_reply_put_null(struct wr_reply *a, const char *key);

/* A table: cells are written with tabs between them and rows end with a newline; then the text from `from`
 * on is set in columns. */
#define WR_REPLY_COLUMNS 16
void wr_reply_columns(struct wr_reply *a, size_t from);

#endif
