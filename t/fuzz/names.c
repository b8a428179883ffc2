/* core/proto/names: found exactly what a search row by row finds. */
#include "core/proto/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum wr_name
names_plain(struct wr_str s)
{
    for (unsigned id = 1; id < WR_N_COUNT; id++) {
        if (wr_str_ieq(wr_name_text((enum wr_name)id), s)) {
            return (enum wr_name)id;
        }
    }
    return WR_N_OTHER;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[WR_M_COUNT] = {NULL,     "GET",     "HEAD",  "POST",    "PUT",
                                                    "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"};
    struct wr_str s = wr_str_make((const char *)data, size);
    wr_assert(wr_name_find(s.p, s.n) == names_plain(s));
    enum wr_method method = wr_method_find(s.p, s.n);
    wr_assert(method == WR_M_OTHER || wr_str_eq(s, wr_str_of(methods[method])));
    for (unsigned i = 1; i < WR_M_COUNT; i++) {
        wr_assert(method == i || !wr_str_eq(s, wr_str_of(methods[i])));
    }
    return 0;
}
