/*
 * What a server's answer to a health check says: bytes in, verdict out.  The
 * status is judged as soon as the head is there; of the body no more is looked
 * at than health.expect asks for, and none of it is kept.
 */
#ifndef WR_UPSTREAM_PROBE_ANSWER_H
#define WR_UPSTREAM_PROBE_ANSWER_H

#include "core/conf/model.h"
#include "core/proto/h1_chunked.h"

#define WR_PROBE_HEAD_BYTES 16384u /* of a head */
#define WR_PROBE_BODY_BYTES 16384u /* of the body that are searched */
#define WR_PROBE_HEADS 16          /* interim ones before the one that counts */
#define WR_PROBE_WHY_BYTES 96

enum wr_probe_verdict {
    WR_PROBE_MORE, /* not known yet */
    WR_PROBE_GOOD,
    WR_PROBE_BAD, /* why says in which way */
};

/* A text that is looked for in bytes that come in pieces (Knuth, Morris, Pratt): made once an upstream. */
struct wr_probe_text {
    struct wr_str text; /* borrowed; empty: nothing is looked for */
    uint8_t back
        [WR_HEALTH_TEXT_BYTES]; /* [i]: how much still matches when text[0..i] does and the next byte does not */
};

struct wr_probe_answer {
    const struct wr_health_expect *expect;
    const struct wr_probe_text *text;
    enum { WR_PROBE_HEAD, WR_PROBE_LENGTH, WR_PROBE_CHUNKED, WR_PROBE_TO_END } state;
    uint32_t looked_at; /* bytes of an unfinished head that hold no end of it */
    uint32_t searched;  /* bytes of the body */
    uint32_t matched;   /* bytes of the text that the last bytes of the body are */
    uint32_t heads;
    uint64_t left; /* of a body with a length */
    struct wr_chunked chunked;
    char why[WR_PROBE_WHY_BYTES]; /* ends with NUL; holds nothing that the server wrote */
};

/* text has WR_HEALTH_TEXT_BYTES at most. */
void wr_probe_text_init(struct wr_probe_text *pt, struct wr_str text);
/* Goes on with more bytes from *matched on; true once the text has been seen. */
bool wr_probe_text_find(const struct wr_probe_text *pt, struct wr_str bytes, uint32_t *matched);

bool wr_probe_status_good(const struct wr_health_expect *expect, unsigned status);

void wr_probe_answer_init(struct wr_probe_answer *a, const struct wr_health_expect *expect,
                          const struct wr_probe_text *text);
/* Takes *used bytes of p[0..n); the rest comes again with more behind it (less than WR_PROBE_HEAD_BYTES). */
enum wr_probe_verdict wr_probe_answer_take(struct wr_probe_answer *a, const char *p, size_t n, size_t *used);
/* The server has closed; p[0..n) was not taken.  GOOD or BAD. */
enum wr_probe_verdict wr_probe_answer_end(struct wr_probe_answer *a, const char *p, size_t n);

#endif
