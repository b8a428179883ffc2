/* core/upstream/source_file: lists of servers, and what is wrong with them. */
#include "core/upstream/source_file.h"

#include <string.h>

#include "t/unit/tap.h"

static struct wr_source_entry list[4];
static char text[512];
static unsigned line;
static const char *why;

static int
source_read(const char *s)
{
    snprintf(text, sizeof(text), "%s", s);
    return wr_source_file_parse(text, strlen(text), list, WR_ARRAY_LEN(list), &line, &why);
}

int
main(void)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *why;
    } bad[] = {
        {"10.0.0.1:80\n10.0.0.2\n", 2, "the address is not"},
        {"app\n", 1, "the address is not"},
        {"app:0\n", 1, "the address is not"},
        {"app:65536", 1, "the address is not"},
        {"a b:80\n", 1, "the address is not"},
        {"10.0.0.256:80\n", 1, "the address is not"},
        {"http://app:80\n", 1, "the address is not"},
        {"unix:relative\n", 1, "the address is not"},
        {"\n\napp:80 weight=0\n", 3, "behind the address"},
        {"app:80 weight=1001\n", 1, "behind the address"},
        {"app:80 slow\n", 1, "behind the address"},
        {"app:80\nAPP:80\n", 2, "the server stands twice"},
        {"a:1\nb:1\nc:1\nd:1\ne:1\n", 5, "there are too many"},
    };

    tap_is_int(
        source_read(
            "# list\r\n\n 10.0.0.1:80 weight=3\tbackup \nApp.Internal:8080 max=7\r\n; x\nunix:/Run/a.sock\n[::1]:81"),
        4, "four servers");
    tap_ok(list[0].weight == 3 && list[0].backup && list[0].host.n == 0 && wr_addr_port(&list[0].addr) == 80,
           "a number");
    tap_ok(wr_str_eq(list[1].host, WR_STR("app.internal")) && list[1].port == 8080 && list[1].max == 7 &&
               wr_str_eq(list[1].address, WR_STR("app.internal:8080")) && list[1].weight == 0,
           "a name");
    tap_ok(wr_str_eq(list[2].address, WR_STR("unix:/Run/a.sock")), "a socket");
    tap_ok(wr_str_eq(list[3].address, WR_STR("[::1]:81")), "a last line without its end");
    tap_is_int(source_read("# nobody\n"), 0, "no server at all is a list, too");
    for (size_t i = 0; i < WR_ARRAY_LEN(bad); i++) {
        int n = source_read(bad[i].text);
        tap_ok(n == -1 && line == bad[i].line && why != NULL && strstr(why, bad[i].why) != NULL,
               "line %u: %s", line, why != NULL ? why : "");
    }
    return tap_done();
}
