/*
 * Reading the answer to a health check.  It refuses what could be read in two
 * ways, as the proxy does: a server that writes such answers serves nobody.
 */
#include "core/upstream/probe_answer.h"

#include <stdio.h>

#include "core/proto/h1_parse.h"

#define PROBE_ANSWER_FIELDS 128

/* ---- the text ---- */

void
wr_probe_text_init(struct wr_probe_text *pt, struct wr_str text)
{
    uint32_t k = 0;

    wr_assert(text.n <= WR_HEALTH_TEXT_BYTES);
    pt->text = text;
    pt->back[0] = 0;
    for (uint32_t i = 1; i < text.n; i++) {
        while (k > 0 && text.p[i] != text.p[k]) {
            k = pt->back[k - 1];
        }
        k += text.p[i] == text.p[k];
        pt->back[i] = (uint8_t)k;
    }
}

bool
wr_probe_text_find(const struct wr_probe_text *pt, struct wr_str bytes, uint32_t *matched)
{
    struct wr_str text = pt->text;
    uint32_t k = *matched;

    for (size_t i = 0; i < bytes.n && k < text.n; i++) {
        while (k > 0 && bytes.p[i] != text.p[k]) {
            k = pt->back[k - 1];
        }
        k += bytes.p[i] == text.p[k];
    }
    *matched = k;
    return k == text.n;
}

/* ---- verdicts ---- */

static enum wr_probe_verdict
probe_answer_bad(struct wr_probe_answer *a, const char *why)
{
    snprintf(a->why, sizeof(a->why), "%s", why);
    return WR_PROBE_BAD;
}

bool
wr_probe_status_good(const struct wr_health_expect *expect, unsigned status)
{
    for (unsigned i = 0; i < expect->n; i++) {
        if (status >= expect->range[i].from && status <= expect->range[i].to) {
            return true;
        }
    }
    return false;
}

/* ---- the body ---- */

/* All of the body that there is has been searched. */
static enum wr_probe_verdict
probe_answer_without(struct wr_probe_answer *a)
{
    return probe_answer_bad(a, "body without the text");
}

static enum wr_probe_verdict
probe_answer_search(struct wr_probe_answer *a, struct wr_str body)
{
    uint32_t room = WR_PROBE_BODY_BYTES - a->searched;

    body.n = WR_MIN(body.n, (size_t)room);
    a->searched += (uint32_t)body.n;
    if (wr_probe_text_find(a->text, body, &a->matched)) {
        return WR_PROBE_GOOD;
    }
    return a->searched < WR_PROBE_BODY_BYTES
        ? WR_PROBE_MORE
        : probe_answer_bad(a, "first 16 KiB of the body without the text");
}

static enum wr_probe_verdict
probe_answer_take_length(struct wr_probe_answer *a, const char *p, size_t n, size_t *used)
{
    size_t most = a->left < n ? (size_t)a->left : n;
    enum wr_probe_verdict v = probe_answer_search(a, wr_str_make(p, most));

    *used += most;
    a->left -= most;
    return v == WR_PROBE_MORE && a->left == 0 ? probe_answer_without(a) : v;
}

static enum wr_probe_verdict
probe_answer_take_chunked(struct wr_probe_answer *a, const char *p, size_t n, size_t *used)
{
    enum wr_probe_verdict v = WR_PROBE_MORE;
    struct wr_str data;
    size_t took;

    for (size_t at = 0; at < n && v == WR_PROBE_MORE; at += took) {
        switch (wr_chunked_decode(&a->chunked, p + at, n - at, &took, &data)) {
        case WR_CHUNKED_DATA:
            v = probe_answer_search(a, data);
            break;
        case WR_CHUNKED_TRAILERS:
            return probe_answer_without(a);
        case WR_CHUNKED_BAD:
            return probe_answer_bad(a, "bad chunk");
        case WR_CHUNKED_MORE:
            break;
        }
        *used += took;
    }
    return v;
}

static enum wr_probe_verdict
probe_answer_take_body(struct wr_probe_answer *a, const char *p, size_t n, size_t *used)
{
    switch (a->state) {
    case WR_PROBE_HEAD:
        break;
    case WR_PROBE_LENGTH:
        return probe_answer_take_length(a, p, n, used);
    case WR_PROBE_CHUNKED:
        return probe_answer_take_chunked(a, p, n, used);
    case WR_PROBE_TO_END:
        *used += n;
        return probe_answer_search(a, wr_str_make(p, n));
    }
    return WR_PROBE_MORE;
}

/* ---- the head ---- */

/* How the body is framed (RFC 9112 6.3); only asked when a text is looked for. */
static enum wr_probe_verdict
probe_answer_frame(struct wr_probe_answer *a, const struct wr_h1_head *head, const struct wr_field *fields)
{
    const struct wr_field *length = NULL, *coding = NULL;

    for (uint32_t i = 0; i < head->fields_n; i++) {
        const struct wr_field **seen = fields[i].id == WR_N_CONTENT_LENGTH ? &length
            : fields[i].id == WR_N_TRANSFER_ENCODING                       ? &coding
                                                                           : NULL;
        if (seen != NULL && *seen != NULL) {
            return probe_answer_bad(a, "more than one length or coding of the body");
        }
        if (seen != NULL) {
            *seen = &fields[i];
        }
    }
    if (length != NULL && coding != NULL) {
        return probe_answer_bad(a, "both a length and a coding of the body");
    }
    if (coding != NULL && !wr_str_ieq(coding->value, WR_STR("chunked"))) {
        return probe_answer_bad(a, "unknown coding of the body");
    }
    if (length != NULL && !wr_str_u64(length->value, INT64_MAX, &a->left)) {
        return probe_answer_bad(a, "bad length of the body");
    }
    wr_chunked_init(&a->chunked);
    a->state = coding != NULL ? WR_PROBE_CHUNKED : length != NULL ? WR_PROBE_LENGTH : WR_PROBE_TO_END;
    bool none = head->status == 204 || head->status == 304 || (length != NULL && a->left == 0);
    return none ? probe_answer_without(a) : WR_PROBE_MORE;
}

static enum wr_probe_verdict
probe_answer_judge_head(struct wr_probe_answer *a, const struct wr_h1_head *head,
                        const struct wr_field *fields)
{
    a->looked_at = 0;
    if (head->status < 200 && head->status != 101) {
        return ++a->heads < WR_PROBE_HEADS ? WR_PROBE_MORE
                                           : probe_answer_bad(a, "interim responses without end");
    }
    if (!wr_probe_status_good(a->expect, head->status)) {
        snprintf(a->why, sizeof(a->why), "status=%u", head->status);
        return WR_PROBE_BAD;
    }
    return a->text->text.n == 0 ? WR_PROBE_GOOD : probe_answer_frame(a, head, fields);
}

static enum wr_probe_verdict
probe_answer_refuse_head(struct wr_probe_answer *a, enum wr_err err)
{
    return probe_answer_bad(a,
                            err == WR_E_UPSTREAM_HEAD_TOO_LARGE  ? "head too large"
                                : err == WR_E_UPSTREAM_BAD_FIELD ? "bad field in the head"
                                                                 : "answer is not HTTP");
}

static enum wr_probe_verdict
probe_answer_parse_head(struct wr_probe_answer *a, const char *p, size_t n, size_t *used)
{
    static const struct wr_h1_limits limits = {
        .line_bytes = 8192, .total_bytes = WR_PROBE_HEAD_BYTES, .fields = PROBE_ANSWER_FIELDS};
    struct wr_field fields[PROBE_ANSWER_FIELDS];
    struct wr_h1_head head;

    switch (wr_h1_parse_response(p, n, &limits, &head, fields)) {
    case WR_H1_MORE:
        a->looked_at = (uint32_t)n;
        return WR_PROBE_MORE;
    case WR_H1_BAD:
        return probe_answer_refuse_head(a, head.err);
    case WR_H1_OK:
        break;
    }
    *used += head.head_bytes;
    return probe_answer_judge_head(a, &head, fields);
}

/* *used stays where it is until the head is whole; a head in many pieces is not parsed with each. */
static enum wr_probe_verdict
probe_answer_take_head(struct wr_probe_answer *a, const char *p, size_t n, size_t *used)
{
    if (a->looked_at > 0 && n < WR_PROBE_HEAD_BYTES && !wr_h1_head_complete(p, n, a->looked_at)) {
        a->looked_at = (uint32_t)n;
        return WR_PROBE_MORE;
    }
    return probe_answer_parse_head(a, p, n, used);
}

/* ---- all of it ---- */

void
wr_probe_answer_init(struct wr_probe_answer *a, const struct wr_health_expect *expect,
                     const struct wr_probe_text *text)
{
    *a = (struct wr_probe_answer){.expect = expect, .text = text, .state = WR_PROBE_HEAD};
}

enum wr_probe_verdict
wr_probe_answer_take(struct wr_probe_answer *a, const char *p, size_t n, size_t *used)
{
    *used = 0;
    while (*used < n) {
        size_t before = *used;
        enum wr_probe_verdict v = a->state == WR_PROBE_HEAD
            ? probe_answer_take_head(a, p + before, n - before, used)
            : probe_answer_take_body(a, p + before, n - before, used);
        if (v != WR_PROBE_MORE || *used == before) {
            return v;
        }
    }
    return WR_PROBE_MORE;
}

/* Half a head that would have been refused is told as what it is. */
static enum wr_probe_verdict
probe_answer_end_head(struct wr_probe_answer *a, const char *p, size_t n)
{
    size_t used = 0;

    if (n > 0 && probe_answer_parse_head(a, p, n, &used) == WR_PROBE_BAD) {
        return WR_PROBE_BAD;
    }
    return probe_answer_bad(a,
                            n > 0 || a->heads > 0 ? "connection closed within the head"
                                                  : "connection closed without an answer");
}

enum wr_probe_verdict
wr_probe_answer_end(struct wr_probe_answer *a, const char *p, size_t n)
{
    switch (a->state) {
    case WR_PROBE_HEAD:
        return probe_answer_end_head(a, p, n);
    case WR_PROBE_TO_END:
        return probe_answer_without(a);
    case WR_PROBE_LENGTH:
    case WR_PROBE_CHUNKED:
        break;
    }
    return probe_answer_bad(a, "connection closed within the body");
}
