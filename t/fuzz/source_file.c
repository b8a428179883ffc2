/* core/upstream/source_file: entries are within the text, and within their bounds. */
#include "core/upstream/source_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_source_entry v[16];
    unsigned line;
    const char *why;
    char *text = malloc(size + 1); /* of the very size, so that a byte too far is seen */

    memcpy(text, data, size);
    int n = wr_source_file_parse(text, size, v, WR_ARRAY_LEN(v), &line, &why);
    wr_assert(n <= (int)WR_ARRAY_LEN(v) && (n >= 0) == (why == NULL));
    for (int i = 0; i < n; i++) {
        wr_assert(v[i].address.p >= text && v[i].address.p + v[i].address.n <= text + size);
        wr_assert(v[i].weight <= 1000 && v[i].max <= 1000000);
        wr_assert(v[i].host.n > 0 ? v[i].port > 0 && v[i].host.n <= 253 : v[i].addr.len > 0);
    }
    free(text);
    return 0;
}
