/* core/upstream/found: what is written is read back, what is not to the letter is passed over. */
#include "core/upstream/found.h"

#include <string.h>

#include "core/upstream/share.h"
#include "t/unit/tap.h"

static char said[4096];
static struct wr_out out;

static void
found_name(void *arg, struct wr_str address, const struct wr_addr *addrs, unsigned n)
{
    (void)arg;
    wr_found_write_name(&out, address, addrs, n);
}

static bool
found_source(void *arg, struct wr_str upstream, struct wr_str source)
{
    (void)arg;
    if (wr_str_eq(upstream, WR_STR("skipped"))) {
        return false;
    }
    wr_found_write_source(&out, upstream, source);
    return true;
}

static void
found_server(void *arg, const struct wr_found_server *s)
{
    (void)arg;
    wr_found_write_server(&out, s);
}

static void
found_end(void *arg)
{
    (void)arg;
    wr_out_lit(&out, "end\n");
}

static const char *
found_again(const char *text)
{
    static const struct wr_found_reader reader = {found_name, found_source, found_server, found_end};

    wr_out_init(&out, said, sizeof(said) - 1);
    wr_found_read(wr_str_of(text), &reader, NULL);
    *out.p = '\0';
    return said;
}

int
main(void)
{
    tap_is_str(found_again("name app:80 127.0.0.1:80 [::1]:80\nname none:1\n"),
               "name app:80 127.0.0.1:80 [::1]:80\nname none:1\n", "names");
    tap_is_str(found_again("source a dns:x:80\nserver 7 10.0.0.1:80 0 0 - 10.0.0.1:80\n"
                           "server - b:1 3 9 backup 10.0.0.2:1 10.0.0.3:1\nsource b file:/with a blank\n"),
               "source a dns:x:80\nserver 7 10.0.0.1:80 0 0 - 10.0.0.1:80\n"
               "server - b:1 3 9 backup 10.0.0.2:1 10.0.0.3:1\nend\nsource b file:/with a blank\nend\n",
               "sources and their servers");
    tap_is_str(found_again("source skipped dns:x:80\nserver 7 a 0 0 - 10.0.0.1:80\nname a:1\n"), "name a:1\n",
               "a source that nobody wants");
    tap_is_str(found_again("server 7 a 0 0 - 10.0.0.1:80\n"), "", "a server without a source");
    tap_is_str(found_again("source a x\nserver 16384 a 0 0 - 10.0.0.1:80\nserver 1 a 0 0 -\nserver 1 a 0\n"
                           "server 1 a b 0 - 1.2.3.4:5\nserver 1 a 0 0 - nonsense\n"),
               "source a x\nend\n", "rows out of range, servers without addresses, cut lines");
    tap_is_str(found_again("\n\n \nfuture 1 2 3\nname\nsource\nsource a\nname b:1 x 1.2.3.4:5"),
               "name b:1 1.2.3.4:5\n", "empty and unknown lines, and a last one without its end");
    return tap_done();
}
