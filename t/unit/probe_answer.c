/* core/upstream/probe_answer: statuses, the text over all borders, framing, and that pieces do not matter. */
#include "core/upstream/probe_answer.h"

#include <stdlib.h>

#include "t/unit/tap.h"

static struct wr_health_expect probe_answer_expect;
static struct wr_probe_text probe_answer_text;
static struct wr_probe_answer probe_answer_last;

static void
probe_answer_want(unsigned from, unsigned to, const char *text)
{
    probe_answer_expect = (struct wr_health_expect){.n = 1};
    probe_answer_expect.range[0].from = (uint16_t)from;
    probe_answer_expect.range[0].to = (uint16_t)to;
    probe_answer_expect.body = wr_str_of(text);
    wr_probe_text_init(&probe_answer_text, probe_answer_expect.body);
}

/* As a connection does it: what was not taken comes again, each time in a block of its own size. */
static enum wr_probe_verdict
probe_answer_run(const char *p, size_t n, size_t piece, bool closes)
{
    struct wr_probe_answer *a = &probe_answer_last;
    enum wr_probe_verdict v = WR_PROBE_MORE;
    size_t at = 0, there = 0;

    wr_probe_answer_init(a, &probe_answer_expect, &probe_answer_text);
    while (v == WR_PROBE_MORE && there < n) {
        size_t used;
        there = WR_MIN(n, there + piece);
        char *copy = malloc(there - at);
        memcpy(copy, p + at, there - at);
        v = wr_probe_answer_take(a, copy, there - at, &used);
        wr_assert(used <= there - at);
        wr_assert(v != WR_PROBE_MORE || there - at - used < WR_PROBE_HEAD_BYTES);
        free(copy);
        at += used;
    }
    return v == WR_PROBE_MORE && closes ? wr_probe_answer_end(a, p + at, there - at) : v;
}

/* The verdict of the whole, if it is that of all sizes of pieces. */
static enum wr_probe_verdict
probe_answer_of(const char *p, size_t n, bool closes)
{
    char why[WR_PROBE_WHY_BYTES];
    enum wr_probe_verdict v = probe_answer_run(p, n, n, closes);

    memcpy(why, probe_answer_last.why, sizeof(why));
    for (size_t piece = 1; piece <= 24; piece++) {
        if (probe_answer_run(p, n, piece, closes) != v || strcmp(why, probe_answer_last.why) != 0) {
            printf("# pieces of %zu: %s, the whole: %s\n", piece, probe_answer_last.why, why);
            return WR_PROBE_MORE;
        }
    }
    return v;
}

static void
probe_answer_good(const char *text, const char *name)
{
    tap_ok(probe_answer_of(text, strlen(text), false) == WR_PROBE_GOOD, "%s", name);
}

static void
probe_answer_bad(const char *text, bool closes, const char *why, const char *name)
{
    tap_ok(probe_answer_of(text, strlen(text), closes) == WR_PROBE_BAD, "%s", name);
    tap_is_str(probe_answer_last.why, why, "and it says why");
}

static void
probe_answer_test_status(void)
{
    struct wr_health_expect e = {.range = {{200, 204}, {301, 301}}, .n = 2};

    tap_ok(wr_probe_status_good(&e, 200) && wr_probe_status_good(&e, 204) && wr_probe_status_good(&e, 301),
           "statuses of a range, its ends too, are good");
    tap_ok(!wr_probe_status_good(&e, 199) && !wr_probe_status_good(&e, 205) &&
               !wr_probe_status_good(&e, 300) && !wr_probe_status_good(&e, 302),
           "others are not");
    probe_answer_want(200, 399, "");
    probe_answer_good("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n",
                      "a head decides, no body is waited for");
    probe_answer_good("HTTP/1.0 302\r\n\r\n", "HTTP/1.0, without a phrase");
    probe_answer_good(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
        "interim responses are passed over");
    probe_answer_bad("HTTP/1.1 503 Busy\r\n\r\n", false, "status=503", "a status that is not expected");
    probe_answer_bad("HTTP/1.1 101 Switching\r\n\r\n", false, "status=101", "101 is not an interim response");
    tap_ok(probe_answer_of("HTTP/1.1 200 OK\r\nA: b\r\n", 23, false) == WR_PROBE_MORE,
           "half a head is no verdict");
}

static void
probe_answer_test_garbage(void)
{
    char *big = malloc(40000);

    probe_answer_want(200, 399, "");
    probe_answer_bad("SSH-2.0-OpenSSH_9.2\r\n\r\n", false, "answer is not HTTP", "another protocol");
    probe_answer_bad("HTTP/1.1 200 OK\r\nA b\r\n\r\n", false, "bad field in the head",
                     "a line that is no field");
    probe_answer_bad("", true, "connection closed without an answer", "nothing");
    probe_answer_bad("HTTP/1.1 200 OK\r\nA:", true, "connection closed within the head",
                     "a head that breaks off");
    memset(big, 'a', 40000);
    memcpy(big, "HTTP/1.1 200 OK\r\nA: b\r\nB", 24);
    big[39999] = '\0';
    probe_answer_run(big, 39999, 1000, false);
    tap_ok(strstr(probe_answer_last.why, "head") != NULL, "a head without end is refused: %s",
           probe_answer_last.why);
    char *p = big;
    for (int i = 0; i < WR_PROBE_HEADS; i++) {
        p += sprintf(p, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    probe_answer_bad(big, false, "interim responses without end", "and so are interim responses without end");
    free(big);
}

static void
probe_answer_test_text(void)
{
    probe_answer_want(200, 200, "aabaac");
    probe_answer_good("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nxaabaabaac......",
                      "a text behind a false start");
    probe_answer_good("HTTP/1.1 200 OK\r\n\r\naabaac", "at the end of what there is so far");
    probe_answer_good(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\naa\r\n1;x=y\r\nb\r\n3\r\naac\r\n",
        "a text over several chunks");
    probe_answer_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\naab\r\n3\r\naab\r\n0\r\n\r\n",
                     false, "body without the text", "framing is no part of the body");
    probe_answer_bad("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\naabaac", false, "body without the text",
                     "what follows the body is none of it");
    probe_answer_bad("HTTP/1.1 200 OK\r\n\r\naabaa", true, "body without the text", "a body up to the end");
    probe_answer_bad("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\naabaa", true,
                     "connection closed within the body", "a body that breaks off");
    probe_answer_bad("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, "body without the text",
                     "no body");
    probe_answer_bad("HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\naabaac", false, "status=503",
                     "the text does not make up for the status");
    probe_answer_want(200, 299, "x");
    probe_answer_bad("HTTP/1.1 204 None\r\n\r\nx", false, "body without the text", "204 has no body");
}

static void
probe_answer_test_framing(void)
{
    probe_answer_want(200, 200, "x");
    probe_answer_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\nx", false, "bad chunk",
                     "a bad chunk");
    probe_answer_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", false,
                     "unknown coding of the body", "a coding that is not known");
    probe_answer_bad("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", false,
                     "both a length and a coding of the body", "two ways to frame it");
    probe_answer_bad("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", false,
                     "more than one length or coding of the body", "two lengths");
    probe_answer_bad("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", false, "bad length of the body",
                     "no length");
}

/* The text ends with the last byte that is searched, or one behind it. */
static void
probe_answer_test_bound(void)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
    size_t n = sizeof(head) - 1;
    char *p = malloc(n + 2 * WR_PROBE_BODY_BYTES);

    probe_answer_want(200, 200, "needle");
    memcpy(p, head, n);
    memset(p + n, '.', 2 * WR_PROBE_BODY_BYTES);
    memcpy(p + n + WR_PROBE_BODY_BYTES - 6, "needle", 6);
    tap_ok(probe_answer_of(p, n + 2 * WR_PROBE_BODY_BYTES, false) == WR_PROBE_GOOD,
           "the text at the end of the first 16 KiB is found");
    memcpy(p + n + WR_PROBE_BODY_BYTES - 6, ".needle", 7);
    tap_ok(probe_answer_of(p, n + 2 * WR_PROBE_BODY_BYTES, false) == WR_PROBE_BAD,
           "a byte further it is not");
    tap_is_str(probe_answer_last.why, "first 16 KiB of the body without the text", "and no more is read");
    free(p);
}

/* Against strstr, with letters that make many false starts. */
static void
probe_answer_test_search(void)
{
    char text[8], body[65];
    unsigned wrong = 0, found = 0;

    srand(7);
    for (int i = 0; i < 20000; i++) {
        size_t n = 1 + (size_t)rand() % 6, m = (size_t)rand() % 64;
        uint32_t matched = 0;
        bool got = false;
        for (size_t k = 0; k < n; k++) {
            text[k] = "ab"[rand() % 2];
        }
        for (size_t k = 0; k < m; k++) {
            body[k] = "ab"[rand() % 2];
        }
        text[n] = body[m] = '\0';
        struct wr_probe_text pt;
        wr_probe_text_init(&pt, wr_str_of(text));
        for (size_t k = 0, piece; k < m; k += piece) {
            size_t most = 1 + (size_t)rand() % 5;
            piece = WR_MIN(m - k, most);
            got = wr_probe_text_find(&pt, wr_str_make(body + k, piece), &matched);
        }
        found += got;
        wrong += got != (strstr(body, text) != NULL);
    }
    tap_ok(wrong == 0 && found > 1000 && found < 19500,
           "20000 texts in pieces: as strstr finds them (%u are there)", found);
}

int
main(void)
{
    probe_answer_test_status();
    probe_answer_test_garbage();
    probe_answer_test_text();
    probe_answer_test_framing();
    probe_answer_test_bound();
    probe_answer_test_search();
    return tap_done();
}
