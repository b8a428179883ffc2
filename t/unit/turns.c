/* core/upstream/turns: exact counts, evenness over every prefix, short runs. */
#include "core/upstream/turns.h"

#include <stdlib.h>

#include "t/unit/tap.h"

#define TURNS_MOST 65536

static uint32_t turns_table[2 * TURNS_MOST];
static uint32_t turns_random_state = 1;

static uint32_t
turns_random(uint32_t below)
{
    turns_random_state = turns_random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)turns_random_state * below >> 32);
}

/* The longest run, the table taken as a circle; `all` if there is one member only. */
static uint32_t
turns_run(uint32_t all)
{
    uint32_t run = 1, longest = 1;

    for (uint32_t i = 1; i < 2 * all; i++) {
        run = turns_table[i % all] == turns_table[(i - 1) % all] ? run + 1 : 1;
        longest = WR_MAX(longest, run);
    }
    return WR_MIN(longest, all);
}

/* Whether counts are w of the sum of all w, and each prefix is less than one turn off for every member. */
static bool
turns_even(const uint32_t *w, uint32_t n, uint32_t all)
{
    uint32_t *counts = wr_calloc(n, sizeof(*counts));
    bool good = true;

    for (uint32_t i = 0; i < all; i++) {
        good = good && turns_table[i] < n;
        counts[turns_table[i]]++;
        for (uint32_t k = 0; k < n; k++) {
            int64_t off = (int64_t)counts[k] * all - (int64_t)(i + 1) * w[k];
            good = good && off < all && -off < all;
        }
    }
    for (uint32_t k = 0; k < n; k++) {
        good = good && counts[k] == w[k];
    }
    free(counts);
    return good;
}

static void
turns_test_text(const char *want, uint32_t n, const uint32_t *weights)
{
    char text[64];
    uint32_t all = wr_turns_build(weights, n, turns_table, TURNS_MOST);

    for (uint32_t i = 0; i < all; i++) {
        text[i] = (char)('a' + turns_table[i]);
    }
    text[all] = '\0';
    tap_is_str(text, want, "%u members: %s", n, want);
}

static void
turns_test_texts(void)
{
    turns_test_text("", 0, NULL);
    turns_test_text("", 2, (uint32_t[]){0, 0});
    turns_test_text("a", 1, (uint32_t[]){1000});
    turns_test_text("b", 3, (uint32_t[]){0, 7, 0});
    turns_test_text("abc", 3, (uint32_t[]){100, 100, 100});
    turns_test_text("abaacaa", 3, (uint32_t[]){5, 1, 1});
    turns_test_text("cacbcac", 3, (uint32_t[]){2, 1, 4});
    turns_test_text("abacadaea", 5, (uint32_t[]){50, 10, 10, 10, 10});
    turns_test_text("ababac", 3, (uint32_t[]){3, 2, 1});
}

static void
turns_test_random(void)
{
    uint32_t w[40];
    unsigned bad = 0, long_runs = 0, sets = 3000;

    for (unsigned set = 0; set < sets; set++) {
        uint32_t n = 1 + turns_random(set % 10 == 0 ? 40 : 8);
        uint32_t unit = 0, largest = 0;
        for (uint32_t i = 0; i < n; i++) {
            w[i] = 1 + turns_random(turns_random(2) ? 3 : set % 7 == 0 ? 500 : 30);
            unit = wr_gcd_of(unit, w[i]);
            largest = WR_MAX(largest, w[i]);
        }
        for (uint32_t i = 0; i < n; i++) {
            w[i] /= unit;
        }
        uint32_t all = wr_turns_build(w, n, turns_table, TURNS_MOST);
        bad += !turns_even(w, n, all) || all != wr_turns_need(w, n, TURNS_MOST);
        /* the largest needs runs of so many, whatever the order */
        largest /= unit;
        uint32_t others = all - largest;
        uint32_t must = others == 0 ? all : (largest + others - 1) / others;
        long_runs += turns_run(all) > must + 1;
    }
    tap_is_int(bad, 0, "%u random sets: exact counts, no prefix one turn off", sets);
    tap_is_int(long_runs, 0, "and no run is more than one longer than it must be");
}

static void
turns_test_many(void)
{
    static uint32_t w[1000];

    for (uint32_t i = 0; i < 1000; i++) {
        w[i] = 1 + i % 9;
    }
    uint32_t all = wr_turns_build(w, 1000, turns_table, TURNS_MOST);
    tap_is_int(all, 111 * 45 + 1, "1000 members");
    tap_ok(turns_even(w, 1000, all), "evenly");
    for (uint32_t i = 0; i < 1000; i++) {
        w[i] = i == 500 ? 1000 : 1;
    }
    all = wr_turns_build(w, 1000, turns_table, TURNS_MOST);
    tap_ok(all == 1999 && turns_even(w, 1000, all), "one heavy among 999");
    tap_is_int(turns_run(all), 2, "which never has more than two in a row");
}

static void
turns_test_scaled(void)
{
    static uint32_t w[1000];
    uint32_t counts[3] = {0};
    uint32_t all = wr_turns_build((uint32_t[]){UINT32_MAX, UINT32_MAX / 2, 1}, 3, turns_table, 300);

    for (uint32_t i = 0; i < all; i++) {
        counts[turns_table[i]]++;
    }
    tap_ok(all <= 300 && all >= 298, "large weights are scaled down to what there may be");
    tap_is_int(counts[0], 199, "two thirds");
    tap_ok(counts[1] == 99 || counts[1] == 100, "one third");
    tap_is_int(counts[2], 1, "and at least one");
    tap_ok(turns_even(counts, 3, all), "evenly");
    tap_is_int(wr_turns_need((uint32_t[]){200, 100}, 2, 3), 3, "no scaling where the divisor is enough");
    for (uint32_t i = 0; i < 1000; i++) {
        w[i] = 1 + i;
    }
    tap_is_int(wr_turns_build(w, 1000, turns_table, 10), 1000, "more members than entries: one each");
    tap_is_int(wr_turns_need(w, 1000, 1000), 1000, "as many as entries: one each");
    all = wr_turns_need(w, 1000, 50000);
    tap_ok(all <= 50000 && all > 49000, "never more than there may be: %u", all);
}

int
main(void)
{
    turns_test_texts();
    turns_test_random();
    turns_test_many();
    turns_test_scaled();
    return tap_done();
}
