/*
 * modules/identity/forwarded and trusted: slices stay within the input, each
 * step takes something, and whatever a client writes on the left, what two
 * trusted proxies append is read as they wrote it.
 */
#include "modules/identity/forwarded.h"
#include "modules/identity/trusted.h"

#include <stdlib.h>

#define FORWARDED_MOST_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
forwarded_within(struct wr_str part, struct wr_str all)
{
    wr_assert(part.p == NULL || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

static void
forwarded_elements(struct wr_str all)
{
    struct wr_str rest = all;
    struct wr_forwarded el;

    for (;;) {
        size_t before = rest.n;
        enum wr_forwarded_verdict verdict = wr_forwarded_next(&rest, &el);
        forwarded_within(rest, all);
        if (verdict != WR_FORWARDED_OK) {
            wr_assert(verdict == WR_FORWARDED_BAD || rest.n == 0);
            return;
        }
        wr_assert(rest.n < before);
        forwarded_within(el.node, all);
        forwarded_within(el.proto, all);
        forwarded_within(el.host, all);
    }
}

/* `left` and what proxies appended as the value of that field: the client is whom the outer proxy saw. */
static void
forwarded_decide(struct wr_str left, const char *appended, enum wr_name id, const char *client,
                 const char *scheme)
{
    struct wr_cidr trusted;
    struct wr_model model = {.weir = {.trusted_proxies = {&trusted, 1}}};
    struct wr_service sv = {.model = &model};
    struct wr_req r = {.sv = &sv};
    struct wr_trusted_word word;
    struct wr_ip want;
    const char *why;
    char *value = wr_pool_alloc(&r.pool, left.n + strlen(appended));

    memcpy(value, left.p, left.n);
    memcpy(value + left.n, appended, strlen(appended));
    wr_assert(wr_cidr_parse(WR_STR("10.0.0.0/8"), &trusted, &why));
    wr_assert(wr_ip_parse(wr_str_of(client), &want));
    wr_head_add(&r.req, &r.pool, id, WR_STR_NONE, wr_str_make(value, left.n + strlen(appended)));
    wr_trusted_read(&r, &word);
    wr_assert(word.has_client && wr_ip_eq(&word.client, &want));
    wr_assert(wr_str_eq(word.scheme, wr_str_of(scheme)));
    wr_assert(word.chain.n > 0 && (!wr_h1_is_value(left) || wr_h1_is_value(word.chain)));
    wr_pool_reset(&r.pool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_str left = {(const char *)data, size};

    if (size > FORWARDED_MOST_BYTES) {
        return 0;
    }
    forwarded_elements(left);
    forwarded_decide(left, ",for=198.51.100.7;proto=https, for=10.0.0.1;proto=http", WR_N_FORWARDED,
                     "198.51.100.7", "https");
    forwarded_decide(left, ", for=\"[2001:db8::7]:443\";host=\"h:1\";proto=https,for=\"10.0.0.1:80\"",
                     WR_N_FORWARDED, "2001:db8::7", "https");
    forwarded_decide(left, ", 198.51.100.7, 10.0.0.1:1234", WR_N_X_FORWARDED_FOR, "198.51.100.7", "");
    return 0;
}
