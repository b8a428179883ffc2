/* core/proto/h1_chunked: the grammar, the bounds, and that pieces do not matter. */
#include "core/proto/h1_chunked.h"

#include <stdlib.h>

#include "t/unit/tap.h"

#define H1_CHUNKED_BODY 70000

struct h1_chunked_result {
    enum wr_chunked_verdict verdict; /* TRAILERS, BAD or MORE */
    size_t used;
    size_t body_n;
    char body[H1_CHUNKED_BODY];
};

/* Decodes p[0..n) given in pieces of `piece` bytes, each in a block of its own size. */
static void
h1_chunked_run(const char *p, size_t n, size_t piece, struct h1_chunked_result *r)
{
    struct wr_chunked ch;
    wr_chunked_init(&ch);
    r->used = r->body_n = 0;
    r->verdict = WR_CHUNKED_MORE;
    while (r->used < n) {
        size_t m = n - r->used < piece ? n - r->used : piece, used = 0;
        struct wr_str data;
        char *copy = malloc(m);
        memcpy(copy, p + r->used, m);
        r->verdict = wr_chunked_decode(&ch, copy, m, &used, &data);
        if (r->verdict == WR_CHUNKED_DATA) {
            wr_assert(data.n > 0 && data.p >= copy && data.p + data.n == copy + used);
            memcpy(r->body + r->body_n, data.p, data.n);
            r->body_n += data.n;
            r->verdict = WR_CHUNKED_MORE;
        } else {
            wr_assert(data.n == 0);
        }
        free(copy);
        r->used += used;
        if (r->verdict != WR_CHUNKED_MORE) {
            return;
        }
    }
}

static struct h1_chunked_result h1_chunked_whole, h1_chunked_pieces;

/* Whether pieces of 1 to 20 bytes give what the whole gave. */
static bool
h1_chunked_same(const char *p, size_t n)
{
    for (size_t piece = 1; piece <= 20; piece++) {
        h1_chunked_run(p, n, piece, &h1_chunked_pieces);
        if (h1_chunked_pieces.verdict != h1_chunked_whole.verdict ||
            h1_chunked_pieces.used != h1_chunked_whole.used ||
            h1_chunked_pieces.body_n != h1_chunked_whole.body_n ||
            memcmp(h1_chunked_pieces.body, h1_chunked_whole.body, h1_chunked_whole.body_n) != 0) {
            return false;
        }
    }
    return true;
}

static void
h1_chunked_test_good(void)
{
    static const struct {
        const char *text; /* up to '|', which stands for the trailer section */
        const char *body;
    } rows[] = {
        {"0\r\n|", ""},
        {"0000\r\n|\r\n", ""},
        {"5\r\nhello\r\n0\r\n|\r\n", "hello"},
        {"5\r\nhello\r\n6\r\n world\r\n0\r\n|A: b\r\n\r\n", "hello world"},
        {"0A\r\n0123456789\r\n0\r\n|", "0123456789"},
        {"a\r\n0123456789\r\n00\r\n|", "0123456789"},
        {"0000000000000001\r\nx\r\n0\r\n|", "x"},
        {"2\r\n\r\n\r\n0\r\n|", "\r\n"},
        {"9\r\n123456789\r\n0\r\n|", "123456789"},
        {"F\r\n123456789012345\r\n0\r\n|", "123456789012345"},
        {"1;a\r\nx\r\n0;b\r\n|", "x"},
        {"1;a=b\r\nx\r\n0\r\n|", "x"},
        {"1;a=b;c;d=e\r\nx\r\n0\r\n|", "x"},
        {"1 ; a = b ; c\r\nx\r\n0\r\n|", "x"},
        {"1\t;\ta\t=\tb\t;\tc\r\nx\r\n0\r\n|", "x"},
        {"1;a=\"b;c \\\" \\\\ \t\xe4\";d\r\nx\r\n0\r\n|", "x"},
        {"1;a=\"\"\r\nx\r\n0\r\n|", "x"},
        {"1;a=\"b\" ;c\r\nx\r\n0\r\n|", "x"},
        {"1;!#$%&'*+-.^_`|~=9\r\nx\r\n0\r\n", NULL},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        const char *bar = rows[i].body ? strchr(rows[i].text, '|') : rows[i].text + strlen(rows[i].text);
        const char *body = rows[i].body ? rows[i].body : "x";
        size_t n = (size_t)(bar - rows[i].text);
        h1_chunked_run(rows[i].text, n, n, &h1_chunked_whole);
        tap_ok(h1_chunked_whole.verdict == WR_CHUNKED_TRAILERS && h1_chunked_whole.used == n, "good row %zu",
               i);
        tap_is_mem(h1_chunked_whole.body, h1_chunked_whole.body_n, body, strlen(body), "its body");
        tap_ok(h1_chunked_same(rows[i].text, n), "... in pieces too");
        unsigned wrong = 0;
        for (size_t k = 1; k < n; k++) {
            h1_chunked_run(rows[i].text, k, k, &h1_chunked_pieces);
            wrong += h1_chunked_pieces.verdict != WR_CHUNKED_MORE || h1_chunked_pieces.used != k;
        }
        tap_is_int(wrong, 0, "... and every beginning is MORE");
    }
}

static void
h1_chunked_test_bad(void)
{
    static const struct {
        const char *text;
        size_t used; /* bytes up to and with the one that is wrong */
    } rows[] = {
        {"\r\n", 1},
        {"\n", 1},
        {" 5\r\nhello", 1},
        {"5 \r\nhello", 3},
        {"5\t\r\nhello", 3},
        {"+5\r\nhello", 1},
        {"-5\r\nhello", 1},
        {"0x5\r\nhello", 2},
        {"0_5\r\nhello", 2},
        {"5_\r\nhello", 2},
        {"5h\r\nhello", 2},
        {"g\r\n", 1},
        {"5,\r\nhello", 2},
        {"5\nhello", 2},
        {"5\rhello", 3},
        {"5\r\r\nhello", 3},
        {"5\r\nhelloX\r\n", 9},
        {"5\r\nhello\n", 9},
        {"5\r\nhello\rX", 10},
        {"5\r\nhello\r\n\r\n", 11},
        {"5\r\nhello0\r\n", 9},
        {"8000000000000000\r\n", 16},
        {"ffffffffffffffff\r\n", 16},
        {"10000000000000000\r\n", 17},
        {"00000000000000005\r\n", 17},
        {"5;\r\nhello", 3},
        {"5;;a\r\nhello", 3},
        {"5;=a\r\nhello", 3},
        {"5;a=\r\nhello", 5},
        {"5;a=;b\r\nhello", 5},
        {"5;a==b\r\nhello", 5},
        {"5;a b\r\nhello", 5},
        {"5;a \r\nhello", 5},
        {"5;a=b \r\nhello", 7},
        {"5;a=\"b\" \r\nhello", 9},
        {"5;a=b c\r\nhello", 7},
        {"5;a=\"b\r\nhello", 7},
        {"5;a=\"b\nhello", 7},
        {"5;a=\"b\\\r\nhello", 8},
        {"5;a=\"\x7f\"\r\nhello", 6},
        {"5;a=\"b\"c\r\nhello", 8},
        {"5;a\n", 4},
        {"5;a\rb", 5},
        {"5;a=b\nhello", 6},
        {"5;(\r\n", 3},
        {"5;\x80\r\n", 3},
    };
    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].text);
        h1_chunked_run(rows[i].text, n, n, &h1_chunked_whole);
        tap_ok(h1_chunked_whole.verdict == WR_CHUNKED_BAD, "bad row %zu", i);
        tap_is_int(h1_chunked_whole.used, rows[i].used, "... at its byte");
        tap_ok(h1_chunked_same(rows[i].text, n), "... in pieces too");
    }
}

static void
h1_chunked_test_sizes(void)
{
    struct wr_chunked ch;
    struct wr_str data;
    size_t used;
    wr_chunked_init(&ch);
    const char *most = "7fffffffffffffff\r\nabc";
    tap_is_int(wr_chunked_decode(&ch, most, 21, &used, &data), WR_CHUNKED_DATA, "2^63-1 is a size");
    tap_is_int(used, 21, "all is taken");
    tap_is_mem(data.p, data.n, "abc", 3, "data");
    tap_ok(ch.left == (UINT64_MAX >> 1) - 3, "what is left");
    tap_is_int(wr_chunked_decode(&ch, most, 0, &used, &data), WR_CHUNKED_MORE, "nothing is MORE");
    tap_is_int(used, 0, "nothing is taken");
    wr_chunked_init(&ch);
    tap_is_int(wr_chunked_decode(&ch, "0\r\nA: b", 7, &used, &data), WR_CHUNKED_TRAILERS, "trailers");
    tap_is_int(used, 3, "begin here");
    tap_is_int(wr_chunked_decode(&ch, "A: b", 4, &used, &data), WR_CHUNKED_TRAILERS, "and stay");
    tap_is_int(used, 0, "untaken");
    wr_chunked_init(&ch);
    wr_chunked_decode(&ch, "x", 1, &used, &data);
    tap_is_int(wr_chunked_decode(&ch, "0\r\n", 3, &used, &data), WR_CHUNKED_BAD, "BAD stays BAD");
}

/* count chunks of one byte with an extension of ext bytes each (';' included), then the last chunk. */
static size_t
h1_chunked_build(char *text, size_t count, size_t ext)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        text[n++] = '1';
        memset(text + n, 'a', ext);
        text[n] = ';';
        n += ext;
        memcpy(text + n, "\r\nx\r\n", 5);
        n += 5;
    }
    memcpy(text + n, "0\r\n", 3);
    return n + 3;
}

static void
h1_chunked_test_bounds(void)
{
    static char text[4 * WR_CHUNK_EXT_BYTES];
    size_t n = h1_chunked_build(text, 1, WR_CHUNK_LINE_BYTES - 1);
    h1_chunked_run(text, n, n, &h1_chunked_whole);
    tap_is_int(h1_chunked_whole.verdict, WR_CHUNKED_TRAILERS, "a chunk line of the longest length");
    n = h1_chunked_build(text, 1, WR_CHUNK_LINE_BYTES);
    h1_chunked_run(text, n, n, &h1_chunked_whole);
    tap_is_int(h1_chunked_whole.verdict, WR_CHUNKED_BAD, "one byte more");
    tap_ok(h1_chunked_same(text, n), "... in pieces too");
    size_t lines = WR_CHUNK_EXT_BYTES / 1024;
    n = h1_chunked_build(text, lines, 1024);
    h1_chunked_run(text, n, n, &h1_chunked_whole);
    tap_is_int(h1_chunked_whole.verdict, WR_CHUNKED_TRAILERS, "as many bytes of extensions as there may be");
    tap_is_int(h1_chunked_whole.body_n, lines, "all chunks");
    n = h1_chunked_build(text, lines + 1, 1024);
    h1_chunked_run(text, n, n, &h1_chunked_whole);
    tap_is_int(h1_chunked_whole.verdict, WR_CHUNKED_BAD, "more of them");
    tap_is_int(h1_chunked_whole.body_n, lines, "after that many chunks");
    n = 0;
    for (int i = 0; i < 20000; i++) {
        memcpy(text + n, "1\r\nx\r\n", 6);
        n += 6;
    }
    memcpy(text + n, "0\r\n", 3);
    h1_chunked_run(text, n + 3, n + 3, &h1_chunked_whole);
    tap_is_int(h1_chunked_whole.verdict, WR_CHUNKED_TRAILERS, "chunks without extensions have no such bound");
    tap_is_int(h1_chunked_whole.body_n, 20000, "all of them");
}

int
main(void)
{
    h1_chunked_test_good();
    h1_chunked_test_bad();
    h1_chunked_test_sizes();
    h1_chunked_test_bounds();
    return tap_done();
}
