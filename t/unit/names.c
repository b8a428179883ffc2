/* core/proto/names: every name in any case, nothing that only looks like one. */
#include "core/proto/names.h"

#include "t/unit/tap.h"

static unsigned names_seed = 1;

static unsigned
names_random(void)
{
    names_seed = names_seed * 1103515245 + 12345;
    return names_seed >> 16;
}

static void
names_test_found(void)
{
    unsigned found = 0, lower = 0, mixed = 0;
    char text[64];

    for (unsigned id = 1; id < WR_N_COUNT; id++) {
        struct wr_str s = wr_name_text((enum wr_name)id);
        found += wr_name_find(s.p, s.n) == id;
        wr_str_lower(text, s);
        lower += wr_name_find(text, s.n) == id;
        bool all = true;
        for (int round = 0; round < 50; round++) {
            for (size_t i = 0; i < s.n; i++) {
                bool letter = wr_lower(s.p[i]) >= 'a' && wr_lower(s.p[i]) <= 'z';
                text[i] = letter && names_random() % 2 ? (char)(s.p[i] ^ 0x20) : s.p[i];
            }
            all = all && wr_name_find(text, s.n) == id;
        }
        mixed += all;
    }
    tap_is_int(found, WR_N_COUNT - 1, "all are found as spelled");
    tap_is_int(lower, WR_N_COUNT - 1, "all are found in lower case");
    tap_is_int(mixed, WR_N_COUNT - 1, "all are found in mixed case");
    tap_is_int(wr_name_find("HOST", 4), WR_N_HOST, "HOST");
    tap_is_int(wr_name_find("te", 2), WR_N_TE, "te");
    tap_is_int(wr_name_find("eTag", 4), WR_N_ETAG, "eTag");
    struct wr_str text_of = wr_name_text(WR_N_CONTENT_TYPE);
    tap_is_mem(text_of.p, text_of.n, "Content-Type", 12, "the canonical spelling");
}

/* Every other byte in every place of every name. */
static void
names_test_one_byte_off(void)
{
    unsigned wrong = 0, tried = 0;
    char text[64];

    for (unsigned id = 1; id < WR_N_COUNT; id++) {
        struct wr_str s = wr_name_text((enum wr_name)id);
        memcpy(text, s.p, s.n);
        for (size_t i = 0; i < s.n; i++) {
            for (int c = 0; c < 256; c++) {
                text[i] = (char)c;
                enum wr_name got = wr_name_find(text, s.n);
                bool same = wr_str_ieq(wr_str_make(text, s.n), s);
                wrong += same ? got != id : got == id;
                tried++;
            }
            text[i] = s.p[i];
        }
    }
    tap_is_int(wrong, 0, "%u names with one byte changed are not taken for the name", tried);
    tap_is_int(wr_name_find("Content\rLength", 14), WR_N_OTHER,
               "a CR is no dash, though they differ in bit 0x20");
    tap_is_int(wr_name_find("Content\x0dType", 12), WR_N_OTHER, "nor there");
    tap_is_int(wr_name_find("HTTP\x12-Settings", 14), WR_N_OTHER, "a control byte is no digit");
}

static void
names_test_not_found(void)
{
    static const char *const others[] = {"X",
                                         "",
                                         "Ho",
                                         "Hos",
                                         "Hosts",
                                         "Hosu",
                                         "X-Forwarded",
                                         "X-Forwarded-",
                                         "X-Forwarded-Fo",
                                         "X-Forwarded-Forr",
                                         "Content_Length",
                                         "Contentlength",
                                         "Content-Length ",
                                         " Content-Length",
                                         "Sec-Fetch-Mode",
                                         "DNT",
                                         "aa",
                                         "aaa",
                                         "Strict-Transport-Securitz",
                                         "Strict-Transport-Security-And-More"};
    char longest[300];
    unsigned wrong = 0;

    for (size_t i = 0; i < WR_ARRAY_LEN(others); i++) {
        tap_is_int(wr_name_find(others[i], strlen(others[i])), WR_N_OTHER, "'%s' is no name of ours",
                   others[i]);
    }
    memset(longest, 'a', sizeof(longest));
    for (size_t n = 0; n <= sizeof(longest); n++) {
        wrong += wr_name_find(longest, n) != WR_N_OTHER;
    }
    tap_is_int(wrong, 0, "nor is any number of a's");
    wrong = 0;
    for (unsigned id = 1; id < WR_N_COUNT; id++) {
        struct wr_str s = wr_name_text((enum wr_name)id);
        for (size_t n = 0; n < s.n; n++) {
            enum wr_name got = wr_name_find(s.p, n);
            wrong += got == id || (got != WR_N_OTHER && !wr_str_ieq(wr_name_text(got), wr_str_make(s.p, n)));
        }
    }
    tap_is_int(wrong, 0, "nor the beginning of a name, if it is not a name itself");
}

static void
names_test_methods(void)
{
    static const struct {
        const char *text;
        enum wr_method method;
    } rows[] = {
        {"GET", WR_M_GET},        {"HEAD", WR_M_HEAD},       {"POST", WR_M_POST},   {"PUT", WR_M_PUT},
        {"DELETE", WR_M_DELETE},  {"OPTIONS", WR_M_OPTIONS}, {"PATCH", WR_M_PATCH}, {"CONNECT", WR_M_CONNECT},
        {"TRACE", WR_M_TRACE},    {"get", WR_M_OTHER},       {"Get", WR_M_OTHER},   {"GETS", WR_M_OTHER},
        {"PROPFIND", WR_M_OTHER}, {"", WR_M_OTHER},          {"G", WR_M_OTHER},     {"PRI", WR_M_OTHER},
        {"OPTIONs", WR_M_OTHER},  {"PATCHY", WR_M_OTHER},    {"QUERY", WR_M_OTHER}, {"M-SEARCH", WR_M_OTHER},
        {"CONNECTT", WR_M_OTHER},
    };

    for (size_t i = 0; i < WR_ARRAY_LEN(rows); i++) {
        tap_is_int(wr_method_find(rows[i].text, strlen(rows[i].text)), rows[i].method, "method '%s'",
                   rows[i].text);
    }
}

int
main(void)
{
    names_test_found();
    names_test_one_byte_off();
    names_test_not_found();
    names_test_methods();
    return tap_done();
}
