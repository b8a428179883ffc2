/* core/base/str: comparing, splitting, numbers, distance. */
#include "core/base/str.h"

#include <stdlib.h>

#include "t/unit/tap.h"

static void
str_test_compare(void)
{
    tap_ok(wr_str_eq(WR_STR_NONE, WR_STR("")), "NULL and empty are equal");
    tap_ok(!wr_str_eq(WR_STR("a"), WR_STR("A")), "eq minds the case");
    tap_ok(wr_str_ieq(WR_STR("Content-Length"), WR_STR("cONTENT-lENGTH")), "ieq does not");
    tap_ok(!wr_str_ieq(WR_STR("@"), WR_STR("`")), "ieq folds letters only");
    tap_ok(!wr_str_ieq(WR_STR("[{"), WR_STR("{[")), "ieq leaves brackets alone");
    tap_ok(!wr_str_ieq(WR_STR("\xc4"), WR_STR("\xe4")), "ieq folds ASCII only");
    tap_ok(wr_str_starts(WR_STR("abc"), WR_STR("ab")) && wr_str_starts(WR_STR("abc"), WR_STR("")) &&
               wr_str_starts(WR_STR_NONE, WR_STR_NONE),
           "starts");
    tap_ok(!wr_str_starts(WR_STR("ab"), WR_STR("abc")) && !wr_str_starts(WR_STR("abc"), WR_STR("b")),
           "does not start");
    tap_ok(wr_str_ends(WR_STR("abc"), WR_STR("bc")) && wr_str_ends(WR_STR_NONE, WR_STR("")), "ends");
    tap_ok(!wr_str_ends(WR_STR("bc"), WR_STR("abc")) && !wr_str_ends(WR_STR("abc"), WR_STR("b")),
           "does not end");
    tap_is_int(wr_str_cmp(WR_STR("a"), WR_STR("ab")), -1, "a prefix sorts first");
    tap_is_int(wr_str_cmp(WR_STR("\xff"), WR_STR("a")), 1, "bytes are unsigned");
    tap_is_int(wr_str_cmp(WR_STR_NONE, WR_STR("")), 0, "empty ones are equal");
    tap_ok(wr_str_eq_secret(WR_STR("s3cret"), WR_STR("s3cret")), "equal secrets");
    tap_ok(!wr_str_eq_secret(WR_STR("s3cret"), WR_STR("s3creT")) &&
               !wr_str_eq_secret(WR_STR("s"), WR_STR("")),
           "different secrets");
}

static void
str_test_find(void)
{
    char low[8] = "-------";

    tap_is_int(wr_str_find(WR_STR("a:b:c"), ':'), 1, "the first one is found");
    tap_is_int(wr_str_find(WR_STR("abc"), ':'), -1, "none is -1");
    tap_is_int(wr_str_find(WR_STR_NONE, ':'), -1, "none in NULL");
    tap_is_int(wr_str_find(WR_STR("a\0b"), '\0'), 1, "a NUL is a byte like others");
    tap_ok(wr_str_eq(wr_str_trim(WR_STR(" \t a b\t ")), WR_STR("a b")), "trim");
    tap_is_int(wr_str_trim(WR_STR(" \t ")).n, 0, "trim of blanks only");
    tap_ok(wr_str_eq(wr_str_trim(WR_STR("\na\r")), WR_STR("\na\r")), "line ends are no blanks");
    wr_str_lower(low, WR_STR("Az[@\xc4"));
    tap_is_str(low, "az[@\xc4--", "lower");
}

/* All words or members of s with '|' between them. */
static const char *
str_join(struct wr_str s, bool (*next)(struct wr_str *rest, struct wr_str *part))
{
    static char joined[256];
    struct wr_str part;
    size_t n = 0;

    while (next(&s, &part)) {
        memcpy(joined + n, part.p, part.n);
        n += part.n;
        joined[n++] = '|';
    }
    joined[n > 0 ? n - 1 : 0] = '\0';
    return joined;
}

static void
str_test_split(void)
{
    tap_is_str(str_join(WR_STR("  one two\t\tthree "), wr_str_word), "one|two|three", "words");
    tap_is_str(str_join(WR_STR("  "), wr_str_word), "", "no word");
    tap_is_str(str_join(WR_STR_NONE, wr_str_word), "", "no word in NULL");
    tap_is_str(str_join(WR_STR("a, b ,\tc"), wr_str_member), "a|b|c", "members");
    tap_is_str(str_join(WR_STR(", a,, ,b,"), wr_str_member), "a|b", "empty members are skipped");
    tap_is_str(str_join(WR_STR("a=\"x,y\", b"), wr_str_member), "a=\"x,y\"|b", "a quoted comma");
    tap_is_str(str_join(WR_STR("a=\"x\\\",y\", b"), wr_str_member), "a=\"x\\\",y\"|b", "a quoted quote");
    tap_is_str(str_join(WR_STR("a=\"x,y"), wr_str_member), "a=\"x,y", "an open quote goes to the end");
    tap_is_str(str_join(WR_STR("a\\,b"), wr_str_member), "a\\|b", "no escape outside quotes");
    tap_is_str(str_join(WR_STR("\"a\\"), wr_str_member), "\"a\\", "a backslash at the end");
    tap_is_str(str_join(WR_STR_NONE, wr_str_member), "", "no member in NULL");
}

static void
str_test_u64(void)
{
    uint64_t v = 7;

    tap_ok(wr_str_u64(WR_STR("18446744073709551615"), UINT64_MAX, &v) && v == UINT64_MAX, "2^64 - 1");
    tap_ok(!wr_str_u64(WR_STR("18446744073709551616"), UINT64_MAX, &v), "2^64");
    tap_ok(!wr_str_u64(WR_STR("99999999999999999999999"), UINT64_MAX, &v), "far beyond");
    tap_ok(wr_str_u64(WR_STR("65535"), 65535, &v) && v == 65535, "the bound itself");
    tap_ok(!wr_str_u64(WR_STR("65536"), 65535, &v) && v == 65535, "over the bound; nothing written");
    tap_ok(wr_str_u64(WR_STR("0"), 0, &v) && v == 0, "nought of at most nought");
    tap_ok(!wr_str_u64(WR_STR("1"), 0, &v) && !wr_str_u64(WR_STR("9"), 5, &v), "a digit over the bound");
    tap_ok(wr_str_u64(WR_STR("007"), 10, &v) && v == 7, "leading zeros");
    tap_ok(!wr_str_u64(WR_STR(""), 10, &v) && !wr_str_u64(WR_STR_NONE, 10, &v), "empty");
    tap_ok(!wr_str_u64(WR_STR("+1"), 10, &v) && !wr_str_u64(WR_STR("-1"), 10, &v) &&
               !wr_str_u64(WR_STR(" 1"), 10, &v) && !wr_str_u64(WR_STR("1 "), 10, &v) &&
               !wr_str_u64(WR_STR("0x1"), 10, &v) && !wr_str_u64(WR_STR("1\0"), 10, &v),
           "signs, blanks, other bytes");
}

static void
str_test_distance(void)
{
    char *big = malloc(200);

    memset(big, 'x', 200);
    tap_is_int(wr_str_distance(WR_STR("listen"), WR_STR("listen"), 3), 0, "equal");
    tap_is_int(wr_str_distance(WR_STR("lsiten"), WR_STR("listen"), 3), 1, "neighbours swapped");
    tap_is_int(wr_str_distance(WR_STR("listn"), WR_STR("listen"), 3), 1, "one missing");
    tap_is_int(wr_str_distance(WR_STR("listeen"), WR_STR("listen"), 3), 1, "one more");
    tap_is_int(wr_str_distance(WR_STR("kitten"), WR_STR("sitting"), 5), 3, "kitten and sitting");
    tap_is_int(wr_str_distance(WR_STR("kitten"), WR_STR("sitting"), 1), 2, "capped");
    tap_is_int(wr_str_distance(WR_STR(""), WR_STR("abc"), 5), 3, "from nothing");
    tap_is_int(wr_str_distance(WR_STR("abc"), WR_STR_NONE, 5), 3, "to nothing");
    tap_is_int(wr_str_distance(WR_STR("abc"), WR_STR("abcdefgh"), 2), 3, "lengths too far apart");
    tap_is_int(wr_str_distance(wr_str_make(big, 200), wr_str_make(big, 199), 2), 3, "too long to look");
    tap_is_int(wr_str_distance(wr_str_make(big, 200), wr_str_make(big, 200), 2), 0, "long but equal");
    tap_is_int(wr_str_distance(wr_str_make(big, 96), wr_str_make(big, 95), 2), 1, "the longest looked at");
    free(big);
}

int
main(void)
{
    str_test_compare();
    str_test_find();
    str_test_split();
    str_test_u64();
    str_test_distance();
    return tap_done();
}
