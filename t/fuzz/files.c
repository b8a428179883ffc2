/* core/shm/bundle: whatever a blob says, what is read of it is within it. */
#include <stdlib.h>
#include <string.h>

#include "core/shm/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
files_within(const struct wr_bundle_view *v, struct wr_str s)
{
    volatile char sum = 0;

    wr_assert(s.n == 0 || (s.p >= v->data && s.n <= v->bytes && s.p + s.n <= v->data + v->bytes));
    for (size_t i = 0; i < s.n; i++) {
        sum += s.p[i];
    }
    (void)sum;
}

static void
files_check(const struct wr_bundle_view *v, const struct wr_file *f)
{
    wr_assert(f->bytes.n <= WR_FILES_BYTES && f->error >= 0 && (f->error == 0 || f->bytes.n == 0));
    files_within(v, f->path);
    files_within(v, f->bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_bundle_view v;
    struct wr_file f, again;

    if (!wr_bundle_view(&v, data, size)) {
        return 0;
    }
    wr_assert(v.n <= WR_FILES_MOST);
    for (uint32_t i = 0; i < v.n; i++) {
        if (!wr_bundle_view_at(&v, i, &f)) {
            continue;
        }
        files_check(&v, &f);
        if (wr_bundle_view_find(&v, f.path, &again)) {
            files_check(&v, &again);
            wr_assert(wr_str_eq(again.path, f.path));
        }
    }
    wr_assert(!wr_bundle_view_at(&v, v.n, &f));
    if (wr_bundle_view_find(&v, WR_STR("/etc/weir/key.pem"), &f)) {
        files_check(&v, &f);
    }
    return 0;
}
