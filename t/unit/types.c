/* One value of each type: what it takes, what it refuses and what it says then. */
#include "core/conf/types.h"

#include "t/unit/conf_text.h"

static const struct wr_keyword types_words[] = {{"strict", 3}, {"raw", 4}, {NULL, 0}};
static const struct wr_keyword types_auto[] = {{"auto", 77}, {NULL, 0}};

static union {
    bool b;
    int i;
    int64_t i64;
    uint64_t u64;
    struct wr_rate rate;
    struct wr_str s;
    struct wr_words words;
    struct wr_cidrs cidrs;
} types_field;

/* Reads text by a row of the type; whether it was taken. */
static bool
types_take_row(const struct wr_directive *row, const char *text)
{
    struct wr_conf_value v;
    struct wr_place place = {"t.ini", 7};

    ct_begin();
    ct_conf.source = wr_pool_zalloc(&ct_pool, sizeof(*ct_conf.source));
    memset(&types_field, 0, sizeof(types_field));
    wr_conf_source_section(&ct_conf, WR_KIND_LOG, place)->names_n = 0;
    struct wr_conf_section *log = wr_conf_source_section(&ct_conf, WR_KIND_LOG, place);
    static struct wr_str name = {"main", 4};
    log->names = &name;
    log->names_n = 1;
    wr_conf_source_close(&ct_conf);
    if (!wr_conf_value_make(&ct_conf, wr_str_of(text), place, &v)) {
        return false;
    }
    struct wr_type_job job = {&ct_conf, row, &v, wr_str_of(row->name), place};
    bool ok = wr_conf_type_parse(&job, &types_field);

    ct_end();
    return ok;
}

static bool
types_take(enum wr_type type, uint32_t flags, const char *text)
{
    struct wr_directive row = {.name = "key", .type = type, .flags = flags, .ref = "log"};

    if (type == WR_T_WORD || type == WR_T_FLAGS) {
        row.words = types_words;
    }
    return types_take_row(&row, text);
}

static void
types_test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = {{"0", 0},          {"512", 512},       {"64k", 65536},           {"64K", 65536},
                {"10m", 10485760}, {"2g", 2147483648}, {"1t", UINT64_C(1) << 40}};
    static const char *const bad[] = {"",
                                      "k",
                                      "-1",
                                      "+1",
                                      "1.5m",
                                      "64kb",
                                      "64 k",
                                      "0x10",
                                      "1e3",
                                      "99999999999999999999",
                                      "18446744073709551615",
                                      "9999999999g",
                                      "off"};

    for (size_t i = 0; i < WR_ARRAY_LEN(good); i++) {
        tap_ok(types_take(WR_T_SIZE, 0, good[i].text), "size %s", good[i].text);
        tap_is_int((long long)types_field.u64, (long long)good[i].want, "is %s", good[i].text);
    }
    for (size_t i = 0; i < WR_ARRAY_LEN(bad); i++) {
        tap_ok(!types_take(WR_T_SIZE, 0, bad[i]), "size \"%s\" is none", bad[i]);
        ct_says("t.ini:7: error: bad value", "and it is said");
    }
    tap_ok(types_take(WR_T_SIZE, WR_D_OFF, "off") && types_field.u64 == WR_OFF, "off where it may be");
    tap_ok(!types_take(WR_T_SIZE, WR_D_OFF, "of"), "of is not off");
    ct_says(
        "t.ini:7: error: bad value \"of\" of key: it takes SIZE | off (512, 64k, 10m, 2g); did you mean \"off\"?",
        "but near");
}

static void
types_test_times(void)
{
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = {{"0s", 0}, {"500ms", 500}, {"5s", 5000}, {"2m", 120000}, {"1h", 3600000}, {"7d", 604800000}};
    static const char *const bad[] = {
        "5", "s", "5 s", "-5s", "1.5s", "5S", "1h30m", "99999999999999999999s", "9999999999999999d"};
    struct wr_directive bounded = {.name = "key", .type = WR_T_TIME, .min = 1000, .max = 3600000};

    for (size_t i = 0; i < WR_ARRAY_LEN(good); i++) {
        tap_ok(types_take(WR_T_TIME, 0, good[i].text), "time %s", good[i].text);
        tap_is_int((long long)types_field.u64, (long long)good[i].want, "is %s", good[i].text);
    }
    for (size_t i = 0; i < WR_ARRAY_LEN(bad); i++) {
        tap_ok(!types_take(WR_T_TIME, 0, bad[i]), "time \"%s\" is none", bad[i]);
    }
    types_take(WR_T_TIME, 0, "30");
    ct_says(
        "t.ini:7: error: bad value \"30\" of key: a time needs a unit; it takes TIME (500ms, 5s, 2m, 1h, 7d)",
        "a bare number");
    tap_ok(types_take_row(&bounded, "1s") && types_take_row(&bounded, "1h"), "the bounds are inside");
    tap_ok(!types_take_row(&bounded, "999ms") && !types_take_row(&bounded, "61m"), "beyond is outside");
    ct_says("t.ini:7: error: bad value \"61m\" of key: not between 1s and 1h;", "and the bounds are named");
}

static void
types_test_numbers(void)
{
    struct wr_directive row = {.name = "key", .type = WR_T_INT, .min = 2, .max = 9, .words = types_auto};

    tap_ok(types_take_row(&row, "2") && types_field.i64 == 2, "a number");
    tap_ok(types_take_row(&row, "auto") && types_field.i64 == 77, "a special word");
    tap_ok(!types_take_row(&row, "1") && !types_take_row(&row, "10") && !types_take_row(&row, "x"), "others");
    types_take_row(&row, "atuo");
    ct_says("t.ini:7: error: bad value \"atuo\" of key: it takes NUMBER | auto; did you mean \"auto\"?",
            "swapped letters");
    tap_ok(types_take(WR_T_RATE, 0, "50/s") && types_field.rate.count == 50 &&
               types_field.rate.per_ms == 1000,
           "50/s");
    tap_ok(types_take(WR_T_RATE, 0, "600/min") && types_field.rate.per_ms == 60000, "600/min");
    tap_ok(!types_take(WR_T_RATE, 0, "50") && !types_take(WR_T_RATE, 0, "/s") &&
               !types_take(WR_T_RATE, 0, "5/x"),
           "no rates");
}

static void
types_test_words(void)
{
    tap_ok(types_take(WR_T_BOOL, 0, "on") && types_field.b, "on");
    tap_ok(types_take(WR_T_BOOL, 0, "off") && !types_field.b, "off");
    tap_ok(!types_take(WR_T_BOOL, 0, "yes"), "yes");
    ct_says("t.ini:7: error: bad value \"yes\" of key: it takes on | off; did you mean \"on\"?", "is on");
    types_take(WR_T_BOOL, 0, "False");
    ct_says("t.ini:7: error: bad value \"False\" of key: it takes on | off; did you mean \"off\"?",
            "False is off");
    tap_ok(types_take(WR_T_WORD, 0, "raw") && types_field.i == 4, "a word");
    tap_ok(types_take(WR_T_WORD, 0, "\"raw\"") && types_field.i == 4, "quoted");
    tap_ok(!types_take(WR_T_WORD, 0, "raw strict") && !types_take(WR_T_WORD, 0, "") &&
               !types_take(WR_T_WORD, 0, "Raw"),
           "two, none, another case");
    ct_says("t.ini:7: error: bad value \"Raw\" of key: it takes strict | raw; did you mean \"raw\"?",
            "case is named");
    tap_ok(types_take(WR_T_FLAGS, 0, "raw strict") && types_field.i == 7, "flags");
    tap_ok(types_take(WR_T_FLAGS, WR_D_OFF, "off") && types_field.i == 0, "no flags");
    tap_ok(!types_take(WR_T_FLAGS, WR_D_OFF, "off raw") && !types_take(WR_T_FLAGS, WR_D_OFF, "raw off"),
           "off stands alone");
    tap_ok(types_take(WR_T_WORDS, 0, "a \"b c\" d") && types_field.words.n == 3 &&
               wr_str_eq(types_field.words.v[1], WR_STR("b c")),
           "a list");
    tap_ok(!types_take(WR_T_WORDS, 0, "a \"b"), "an open quote");
    tap_ok(types_take(WR_T_TEXT, WR_D_OFF, "off") && types_field.s.n == 0, "a text that is off");
    tap_ok(types_take(WR_T_TEXT, WR_D_OFF, "\"off\"") && types_field.s.n == 3, "a text that says off");
    tap_ok(types_take(WR_T_TEXT, 0, "a \"b\" c") && types_field.s.n == 7, "a text is taken whole");
}

static void
types_test_lists(void)
{
    tap_ok(types_take(WR_T_CIDRS, 0, "10.0.0.0/8 ::1 192.0.2.1") && types_field.cidrs.n == 3, "networks");
    tap_ok(types_take(WR_T_CIDRS, 0, "none") && types_field.cidrs.n == 0, "none");
    tap_ok(!types_take(WR_T_CIDRS, 0, "none ::1") && !types_take(WR_T_CIDRS, 0, "") &&
               !types_take(WR_T_CIDRS, 0, "10.0.0.1/8"),
           "not these");
    types_take(WR_T_CIDRS, 0, "10.0.0.0/8 10.1.2.3/8");
    ct_says("t.ini:7: error: bad value \"10.1.2.3/8\" of key: bits beyond the prefix length are set",
            "which and why");
    types_take(WR_T_CIDRS, 0, "non");
    tap_ok(strstr(ct_out, "did you mean \"none\"?") != NULL, "none is near");
    tap_ok(types_take(WR_T_NAME, 0, "main") && wr_str_eq(types_field.s, WR_STR("main")), "a reference");
    tap_ok(!types_take(WR_T_NAME, 0, "mian"), "to nothing");
    ct_says("t.ini:7: error: key: there is no [log mian]; did you mean \"main\"?",
            "is an error with the near name");
    tap_ok(types_take(WR_T_NAME, WR_D_OFF, "off") && types_field.s.n == 0, "off");
    tap_ok(!types_take(WR_T_NAME, 0, "off"), "not everywhere");
}

static void
types_test_tokens(void)
{
    tap_ok(wr_conf_token_ok(WR_STR("X-Beta_1")) && wr_conf_token_ok(WR_STR("!#$%&'*+-.^_`|~")), "tokens");
    tap_ok(!wr_conf_token_ok(WR_STR("")) && !wr_conf_token_ok(WR_STR("a b")) &&
               !wr_conf_token_ok(WR_STR("a:")) && !wr_conf_token_ok(WR_STR("\xc3\xa9")) &&
               !wr_conf_token_ok(wr_str_make("a\0", 2)),
           "not tokens");
}

int
main(void)
{
    types_test_sizes();
    types_test_times();
    types_test_numbers();
    types_test_words();
    types_test_lists();
    types_test_tokens();
    wr_pool_reset(&ct_pool);
    free(ct_out);
    return tap_done();
}
