/* core/base/fmt: numbers and escapes. */
#include "core/base/fmt.h"

#include <inttypes.h>
#include <stdlib.h>

#include "t/unit/tap.h"

static bool
fmt_u64_agrees(uint64_t v)
{
    char got[32];
    char want[32];
    size_t n = wr_fmt_u64(got, v);

    snprintf(want, sizeof(want), "%" PRIu64, v);
    return n == strlen(want) && memcmp(got, want, n) == 0;
}

static bool
fmt_hex_agrees(uint64_t v)
{
    char got[32];
    char want[32];
    size_t n = wr_fmt_hex(got, v);

    snprintf(want, sizeof(want), "%" PRIx64, v);
    return n == strlen(want) && memcmp(got, want, n) == 0;
}

static void
fmt_test_numbers(void)
{
    char text[64] = "";
    bool decimal = fmt_u64_agrees(0) && fmt_u64_agrees(UINT64_MAX);
    bool hex = fmt_hex_agrees(0) && fmt_hex_agrees(UINT64_MAX);

    for (uint64_t v = 1, i = 0; i < 20; i++, v *= 10) {
        decimal = decimal && fmt_u64_agrees(v - 1) && fmt_u64_agrees(v) && fmt_u64_agrees(v + 1);
    }
    for (unsigned i = 0; i < 64; i++) {
        uint64_t v = UINT64_C(1) << i;
        decimal = decimal && fmt_u64_agrees(v) && fmt_u64_agrees(v * 3);
        hex = hex && fmt_hex_agrees(v - 1) && fmt_hex_agrees(v) && fmt_hex_agrees(v * 0x9e37);
    }
    tap_ok(decimal, "wr_fmt_u64 agrees with printf");
    tap_ok(hex, "wr_fmt_hex agrees with printf");
    wr_fmt_hex_bytes(text, "\x00\x7f\xab\xff", 4);
    tap_is_str(text, "007fabff", "hex of bytes");
    tap_is_mem(text, wr_fmt_ms(text, 0), "0.000", 5, "no time");
    tap_is_mem(text, wr_fmt_ms(text, 7), "0.007", 5, "7 ms");
    tap_is_mem(text, wr_fmt_ms(text, 1234), "1.234", 5, "1234 ms");
    tap_is_mem(text, wr_fmt_ms(text, 86400050), "86400.050", 9, "a day and 50 ms");
    tap_is_int(wr_fmt_ms(text, UINT64_MAX), 21, "the longest time");
}

static const char *
fmt_escaped(struct wr_str s, enum wr_escape_style style)
{
    static char text[4096];

    text[wr_escape(text, sizeof(text) - 1, s, style)] = '\0';
    return text;
}

static void
fmt_test_combined(void)
{
    char all[256];
    char want[4 * 256 + 1] = "";

    for (unsigned c = 0; c < 256; c++) {
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        all[c] = (char)c;
        snprintf(want + strlen(want), 5, plain ? "%c" : "\\x%02X", c);
    }
    tap_is_str(fmt_escaped(wr_str_make(all, 256), WR_ESCAPE_COMBINED), want, "every byte as nginx writes it");
    tap_is_str(fmt_escaped(WR_STR("a\"b\\c\x7f\xc3\xa9\t"), WR_ESCAPE_COMBINED),
               "a\\x22b\\x5Cc\\x7F\\xC3\\xA9\\x09", "upper-case digits");
    tap_is_str(fmt_escaped(WR_STR_NONE, WR_ESCAPE_COMBINED), "", "nothing of NULL");
}

static void
fmt_test_json(void)
{
    static const struct {
        struct wr_str in;
        const char *out;
        const char *name;
    } cases[] = {
        {WR_STR("plain"), "plain", "plain text"},
        {WR_STR("a\"b\\c/"), "a\\\"b\\\\c/", "quote and backslash"},
        {WR_STR("\0\n\x1f\x7f"), "\\u0000\\u000a\\u001f\x7f", "control bytes"},
        {WR_STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "UTF-8"},
        {WR_STR("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf", "U+10FFFF"},
        {WR_STR("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd", "beyond U+10FFFF"},
        {WR_STR("a\x80z"), "a\\ufffdz", "a lone continuation byte"},
        {WR_STR("\xc0\x80"), "\\ufffd\\ufffd", "an overlong NUL"},
        {WR_STR("\xe0\x9f\xbf"), "\\ufffd\\ufffd\\ufffd", "an overlong form of three bytes"},
        {WR_STR("\xf0\x8f\xbf\xbf"), "\\ufffd\\ufffd\\ufffd\\ufffd", "an overlong form of four bytes"},
        {WR_STR("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd", "a surrogate"},
        {WR_STR("\xc3"), "\\ufffd", "cut after the first byte"},
        {WR_STR("\xe2\x82\""), "\\ufffd\\ufffd\\\"", "a quote inside a character"},
        {WR_STR("\xff\xfe"), "\\ufffd\\ufffd", "bytes that UTF-8 never has"},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(cases); i++) {
        tap_is_str(fmt_escaped(cases[i].in, WR_ESCAPE_JSON), cases[i].out, "json: %s", cases[i].name);
    }
}

static void
fmt_test_log(void)
{
    char in[300];
    char want[300];

    memset(in, 'x', sizeof(in));
    memset(want, 'x', sizeof(want));
    want[256] = '\0';
    tap_is_str(fmt_escaped(wr_str_make(in, 256), WR_ESCAPE_LOG), want, "256 bytes whole");
    memcpy(want + 256, "...", 4);
    tap_is_str(fmt_escaped(wr_str_make(in, 257), WR_ESCAPE_LOG), want, "257 cut");
    tap_is_str(fmt_escaped(WR_STR("a\nerror"), WR_ESCAPE_LOG), "a\\x0Aerror", "no line can be forged");
    tap_is_int(wr_escape(want, 10, wr_str_make(in, 300), WR_ESCAPE_LOG), 10, "cut to the room");
    tap_is_mem(want, 10, "xxxxxxx...", 10, "with the dots");
    tap_is_int(wr_escape(want, 2, wr_str_make(in, 300), WR_ESCAPE_LOG), 0, "no room for them");
}

static void
fmt_test_room(void)
{
    bool within = true;
    struct wr_str s = WR_STR("ab\"\n\xc3\xa9\xff\\cd");

    for (unsigned style = WR_ESCAPE_COMBINED; style <= WR_ESCAPE_LOG; style++) {
        char whole[64];
        size_t whole_n = wr_escape(whole, sizeof(whole), s, (enum wr_escape_style)style);
        for (size_t room = 0; room <= whole_n; room++) {
            char *dst = malloc(room + 1);
            dst[room] = '#';
            size_t n = wr_escape(dst, room, s, (enum wr_escape_style)style);
            within = within && n <= room && n + 6 > room && memcmp(dst, whole, n) == 0 && dst[room] == '#';
            free(dst);
        }
    }
    tap_ok(within, "never over the room, always a beginning of the whole");
    char dst[8];
    tap_is_mem(dst, wr_escape(dst, 6, WR_STR("abc\"d"), WR_ESCAPE_COMBINED), "abc", 3, "no half escape");
    tap_is_mem(dst, wr_escape(dst, 4, WR_STR("abc\xc3\xa9"), WR_ESCAPE_JSON), "abc", 3, "no half character");
}

static void
fmt_test_out(void)
{
    char text[30];
    struct wr_out o;

    wr_out_init(&o, text, sizeof(text));
    wr_out_lit(&o, "n=");
    wr_out_u64(&o, 1234567);
    wr_out_str(&o, WR_STR_NONE);
    wr_out_escaped(&o, WR_STR(" \"q\""), WR_ESCAPE_COMBINED);
    wr_out_u64(&o, 89);
    tap_ok(!o.full, "it fits");
    tap_is_mem(text, (size_t)(o.p - text), "n=1234567 \\x22q\\x2289", 21, "all of it");
    wr_out_u64(&o, 1234567890);
    tap_ok(o.full && o.p == text + 21, "a number that does not fit is left out");
    o.full = false;
    wr_out_escaped(&o, WR_STR("12345678\n"), WR_ESCAPE_COMBINED);
    tap_ok(o.full && o.p == text + 29, "an escape that does not fit likewise");
    o.full = false;
    wr_out_u64(&o, 7);
    tap_ok(!o.full && o.p == o.end && text[29] == '7', "the last byte is used");
    wr_out_escaped(&o, WR_STR_NONE, WR_ESCAPE_LOG);
    tap_ok(!o.full, "nothing fits always");
    wr_out_lit(&o, "x");
    tap_ok(o.full, "one byte more does not");
}

int
main(void)
{
    fmt_test_numbers();
    fmt_test_combined();
    fmt_test_json();
    fmt_test_log();
    fmt_test_room();
    fmt_test_out();
    return tap_done();
}
