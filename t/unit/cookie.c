/* core/http/cookie: which cookie is found, however clients write them. */
#include "core/http/cookie.h"

#include <stdlib.h>
#include <time.h>

#include "t/unit/tap.h"

/* A head with a Cookie field for each text up to NULL; the bytes end where they are said to end. */
static void
cookie_head(struct wr_head *h, struct wr_pool *pool, const char *const *texts)
{
    memset(h, 0, sizeof(*h));
    wr_head_add(h, pool, WR_N_HOST, WR_STR_NONE, WR_STR("a=of-another-field"));
    for (; *texts; texts++) {
        size_t n = strlen(*texts);
        char *exact = wr_pool_alloc(pool, n);
        memcpy(exact, *texts, n);
        wr_head_add(h, pool, WR_N_COOKIE, WR_STR_NONE, wr_str_make(exact, n));
    }
}

/* want NULL: there is none. */
static void
cookie_is(const char *const *texts, const char *want)
{
    struct wr_pool pool = {0};
    struct wr_head h;
    struct wr_str value = WR_STR("untouched");

    cookie_head(&h, &pool, texts);
    bool found = wr_cookie_find(&h, WR_STR("a"), &value);
    if (want) {
        tap_ok(found, "there is one in \"%s\"", texts[0]);
        tap_is_mem(value.p, value.n, want, strlen(want), "it is \"%s\"", want);
    } else {
        tap_ok(!found, "there is none in \"%s\"", texts[0] ? texts[0] : "no field");
    }
    wr_pool_reset(&pool);
}

#define COOKIE_IS(want, ...) cookie_is((const char *const[]){__VA_ARGS__, NULL}, (want))

static void
cookie_test_found(void)
{
    COOKIE_IS("1", "a=1");
    COOKIE_IS("1", "b=2; a=1; c=3");
    COOKIE_IS("1", "a=1; a=2");
    COOKIE_IS("1", "b=2;a=1;c=3");
    COOKIE_IS("1", "b=2 ;\t a\t = 1 \t; c=3");
    COOKIE_IS("1", ";;; ;a=1;");
    COOKIE_IS("", "a=");
    COOKIE_IS("", "a=;a=2");
    COOKIE_IS("", "a= ; b=2");
    COOKIE_IS("1=2==", "a=1=2==");
    COOKIE_IS("\"1, 2\"", "a=\"1, 2\"");
    COOKIE_IS("\"1", "a=\"1; a=2\"");
    COOKIE_IS("1", "b=\"x; a=1; c\"");
    COOKIE_IS("%31", "a=%31");
    COOKIE_IS("\xff\xc3", "a=\xff\xc3");
    COOKIE_IS("x y", "a=x y");
}

static void
cookie_test_none(void)
{
    COOKIE_IS(NULL, NULL);
    COOKIE_IS(NULL, "");
    COOKIE_IS(NULL, ";");
    COOKIE_IS(NULL, "a");
    COOKIE_IS(NULL, "a ; b=a=1");
    COOKIE_IS(NULL, "A=1");
    COOKIE_IS(NULL, "aa=1; ab=2; ba=3");
    COOKIE_IS(NULL, "a b=1; \"a\"=2; =a=3; $a=4");
    COOKIE_IS("3", "aa=1; a; a =3");
}

static void
cookie_test_fields(void)
{
    COOKIE_IS("1", "b=2", "c=3; a=1", "a=4");
    COOKIE_IS("1", "", "a=1");
    COOKIE_IS("1", "a", "=5", "a=1");
    COOKIE_IS(NULL, "a", "=1");

    struct wr_pool pool = {0};
    struct wr_head h;
    struct wr_str value;
    cookie_head(&h, &pool, (const char *const[]){"session_id=2; session=1; sess=3", NULL});
    tap_ok(wr_cookie_find(&h, WR_STR("session"), &value) && value.n == 1 && *value.p == '1',
           "a longer name that begins so is another");
    tap_ok(wr_cookie_find(&h, WR_STR("sess"), &value) && *value.p == '3', "and a shorter one too");
    tap_ok(!wr_cookie_find(&h, WR_STR("session_id_too_long_for_it"), &value), "a name longer than the pair");
    wr_head_remove(&h, WR_N_COOKIE);
    tap_ok(!wr_cookie_find(&h, WR_STR("session"), &value), "a field that was removed is not read");
    wr_pool_reset(&pool);
}

/* Blanks and separators by the megabyte cost no more than their length. */
static void
cookie_test_linear(void)
{
    static const char fill[] = {' ', ';', 'a', '='};
    size_t n = 4 << 20;
    char *text = malloc(n + 1);
    struct wr_pool pool = {0};
    clock_t before = clock();

    text[n] = '\0';
    for (size_t i = 0; i < sizeof(fill); i++) {
        struct wr_head h = {0};
        struct wr_str value;
        memset(text, fill[i], n);
        wr_head_add(&h, &pool, WR_N_COOKIE, WR_STR_NONE, wr_str_make(text, n));
        tap_ok(!wr_cookie_find(&h, WR_STR("aa"), &value), "4 MiB of '%c' hold none", fill[i]);
    }
    tap_ok((clock() - before) / CLOCKS_PER_SEC < 5, "and are soon read");
    wr_pool_reset(&pool);
    free(text);
}

int
main(void)
{
    cookie_test_found();
    cookie_test_none();
    cookie_test_fields();
    cookie_test_linear();
    return tap_done();
}
