/* core/upstream/found: whatever is read is written so that it reads the same again. */
#include "core/upstream/found.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wr_out *
found_out(void *arg)
{
    return arg;
}

static void
found_name(void *arg, struct wr_str address, const struct wr_addr *addrs, unsigned n)
{
    wr_assert(address.n > 0 && n <= WR_FOUND_ADDRS);
    wr_found_write_name(found_out(arg), address, addrs, n);
}

static bool
found_source(void *arg, struct wr_str upstream, struct wr_str source)
{
    wr_assert(upstream.n > 0 && source.n > 0);
    wr_found_write_source(found_out(arg), upstream, source);
    return true;
}

static void
found_server(void *arg, const struct wr_found_server *s)
{
    wr_assert(s->addrs_n > 0 && s->addrs_n <= WR_FOUND_ADDRS && s->name.n > 0);
    wr_found_write_server(found_out(arg), s);
}

static void
found_end(void *arg)
{
    (void)arg;
}

static size_t
found_copy(struct wr_str text, char *room, size_t n)
{
    static const struct wr_found_reader reader = {found_name, found_source, found_server, found_end};
    struct wr_out o;

    wr_out_init(&o, room, n);
    wr_found_read(text, &reader, &o);
    wr_assert(!o.full);
    return (size_t)(o.p - room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = 64 * size + 4096;
    char *once = malloc(room), *twice = malloc(room);
    size_t n = found_copy(wr_str_make((const char *)data, size), once, room);
    size_t m = found_copy(wr_str_make(once, n), twice, room);

    wr_assert(n == m && memcmp(once, twice, n) == 0);
    free(once);
    free(twice);
    return 0;
}
