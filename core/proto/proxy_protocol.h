/*
 * The PROXY protocol, versions 1 and 2 (the specification by W. Tarreau),
 * receiving side.  Bounded: version 1 at most 107 bytes, version 2 at most
 * 16 + WR_PROXY_V2_BYTES.
 */
#ifndef WR_PROTO_PROXY_PROTOCOL_H
#define WR_PROTO_PROXY_PROTOCOL_H

#include "core/base/net.h"

#define WR_PROXY_V2_BYTES 2048

enum wr_proxy_verdict { WR_PROXY_MORE, WR_PROXY_OK, WR_PROXY_BAD };

struct wr_proxy {
    bool local;          /* LOCAL or UNKNOWN: keep the socket's addresses */
    struct wr_addr from; /* the client */
    struct wr_addr to;
    struct wr_str alpn; /* TLVs of version 2, slices of the input; empty when absent */
    struct wr_str authority;
    bool tls;    /* PP2_TYPE_SSL with the client-ssl bit */
    size_t used; /* bytes of the header */
};

enum wr_proxy_verdict wr_proxy_parse(const char *p, size_t n, struct wr_proxy *out);

#endif
