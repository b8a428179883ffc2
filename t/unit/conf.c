/*
 * Files that modules name: each path once, however many there are.
 */
#include "core/conf/conf.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "t/unit/tap.h"

int
main(void)
{
    struct wr_pool pool;
    struct wr_conf cf;
    char path[64];
    struct wr_place one = {"weir.ini", 1}, two = {"weir.ini", 2};

    wr_pool_init(&pool);
    wr_conf_init(&cf, &pool);
    snprintf(path, sizeof(path), "/etc/a");
    wr_conf_file(&cf, one, wr_str_of(path), false, true);
    path[0] = '?';
    tap_is_int(cf.files_n, 1, "a file");
    tap_is_str(cf.files[0].path.p, "/etc/a", "of a path that is kept, with a NUL behind it");
    tap_ok(!cf.files[0].secret && cf.files[0].optional, "not secret, optional");
    wr_conf_file(&cf, two, WR_STR("/etc/a"), true, true);
    tap_ok(cf.files_n == 1 && cf.files[0].secret && cf.files[0].optional, "secret if it was once");
    wr_conf_file(&cf, two, WR_STR("/etc/a"), false, false);
    tap_ok(cf.files_n == 1 && cf.files[0].secret && !cf.files[0].optional, "needed if it was once");
    tap_is_int(cf.files[0].place.line, 1, "its place is the first");
    wr_conf_file(&cf, two, WR_STR("/etc/a2"), false, false);
    tap_is_int(cf.files_n, 2, "another path is another file");

    uint64_t began_us = wr_clock_mono_us_now();
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 60000; i++) {
            int n = snprintf(path, sizeof(path), "/etc/weir/certificates/%05u.pem", i);
            wr_conf_file(&cf, one, wr_str_make(path, (size_t)n), i % 2 == 0, false);
        }
    }
    tap_is_int(cf.files_n, 60002, "60,000 paths, each named twice");
    tap_ok(wr_clock_mono_us_now() - began_us < 2000000, "are no work");
    tap_ok(cf.files[59999 + 2].place.line == 1 && !cf.files[59999 + 2].secret && cf.files[59998 + 2].secret,
           "and keep their order");
    wr_pool_reset(&pool);
    return tap_done();
}
