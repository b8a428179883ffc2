/* core/base/rand: not the quality of ChaCha20, but that it is used rightly. */
#include "core/base/rand.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tap.h"

static int
rand_compare(const void *a, const void *b)
{
    return memcmp(a, b, 8);
}

static void
rand_test_distinct(void)
{
    static unsigned char all[20000][8];
    unsigned ones = 0;
    bool distinct = true;

    for (size_t at = 0; at < sizeof(all);) {
        size_t n = WR_MIN(at % 1500 + 1, sizeof(all) - at);
        wr_rand_bytes((unsigned char *)all + at, n);
        at += n;
    }
    for (size_t i = 0; i < sizeof(all); i++) {
        ones += (unsigned)__builtin_popcount(((unsigned char *)all)[i]);
    }
    tap_ok(ones > 640000 - 4000 && ones < 640000 + 4000, "half of 1280000 bits are set: %u", ones);
    qsort(all, WR_ARRAY_LEN(all), 8, rand_compare);
    for (size_t i = 1; i < WR_ARRAY_LEN(all); i++) {
        distinct = distinct && memcmp(all[i - 1], all[i], 8) != 0;
    }
    tap_ok(distinct, "20000 draws of 64 bits are distinct");
    tap_ok(wr_rand_u64() != wr_rand_u64(), "so are two numbers");
}

static void
rand_test_below(void)
{
    unsigned counts[6] = {0};
    bool within = true;
    bool even = true;

    for (unsigned i = 0; i < 60000; i++) {
        counts[wr_rand_below(6)]++;
    }
    for (unsigned i = 0; i < 6; i++) {
        even = even && counts[i] > 9500 && counts[i] < 10500;
    }
    tap_ok(even, "a die falls evenly");
    for (unsigned i = 0; i < 1000; i++) {
        within = within && wr_rand_below(0x80000001) <= 0x80000000 && wr_rand_below(1) == 0;
    }
    tap_ok(within, "always below the bound");
}

/* A number that a child draws after the fork. */
static uint64_t
rand_of_child(bool reseed)
{
    int fds[2];
    uint64_t v = 0;

    if (pipe(fds) != 0) {
        return 0;
    }
    pid_t pid = fork();
    if (pid == 0) {
        if (reseed) {
            wr_rand_reseed();
        }
        v = wr_rand_u64();
        _exit(write(fds[1], &v, sizeof(v)) == sizeof(v) ? 0 : 1);
    }
    close(fds[1]);
    ssize_t n = read(fds[0], &v, sizeof(v));
    close(fds[0]);
    waitpid(pid, NULL, 0);
    return n == sizeof(v) ? v : 0;
}

static void
rand_test_fork(void)
{
    wr_rand_u64();
    tap_ok(rand_of_child(false) == rand_of_child(false),
           "children without a reseed draw the same (hence the rule)");
    uint64_t a = rand_of_child(true);
    uint64_t b = rand_of_child(true);
    tap_ok(a != 0 && b != 0 && a != b, "children that reseed do not");
    tap_ok(wr_rand_u64() != a, "nor does the parent");
}

int
main(void)
{
    rand_test_distinct();
    rand_test_below();
    rand_test_fork();
    return tap_done();
}
