/* core/proto/proxy_protocol: bounded, the same in pieces, slices within the header, addresses that can be used. */
#include "core/proto/proxy_protocol.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum wr_proxy_verdict
proxy_protocol_go(const uint8_t *data, size_t n, struct wr_proxy *out)
{
    char *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, data, n);
    enum wr_proxy_verdict verdict = wr_proxy_parse(copy, n, out);
    if (verdict == WR_PROXY_OK) {
        wr_assert(out->used >= 15 && out->used <= n && out->used <= 16 + WR_PROXY_V2_BYTES);
        const struct wr_str slices[] = {out->alpn, out->authority};
        for (size_t i = 0; i < WR_ARRAY_LEN(slices); i++) {
            struct wr_str s = slices[i];
            wr_assert(s.n == 0 || (s.p >= copy + 16 && s.p + s.n <= copy + out->used));
        }
    }
    free(copy);
    return verdict;
}

static void
proxy_protocol_check_addr(const struct wr_addr *a)
{
    char text[WR_ADDR_TEXT_BYTES];
    struct wr_ip ip;
    int family = a->sa.sa_family;
    wr_assert(family == AF_INET || family == AF_INET6 || family == AF_UNIX);
    wr_assert(a->len > 0 && a->len <= sizeof(struct sockaddr_un));
    wr_assert(wr_addr_text(a, text) < sizeof(text));
    wr_ip_of_addr(a, &ip);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wr_proxy whole, part;
    enum wr_proxy_verdict verdict = proxy_protocol_go(data, size, &whole);
    if (verdict == WR_PROXY_OK && !whole.local) {
        proxy_protocol_check_addr(&whole.from);
        proxy_protocol_check_addr(&whole.to);
        wr_assert(whole.from.sa.sa_family == whole.to.sa.sa_family);
    }
    wr_assert(verdict != WR_PROXY_MORE || size < 16 + WR_PROXY_V2_BYTES);
    size_t step = 1 + size / 64;
    for (size_t n = 0; n < size; n += step) {
        switch (proxy_protocol_go(data, n, &part)) {
        case WR_PROXY_OK:
            wr_assert(verdict == WR_PROXY_OK && part.used == whole.used && part.local == whole.local);
            wr_assert(part.tls == whole.tls && part.alpn.n == whole.alpn.n);
            wr_assert(part.authority.n == whole.authority.n);
            break;
        case WR_PROXY_BAD:
            wr_assert(verdict == WR_PROXY_BAD);
            break;
        case WR_PROXY_MORE:
            wr_assert(verdict != WR_PROXY_OK || n < whole.used);
            break;
        }
    }
    return 0;
}
