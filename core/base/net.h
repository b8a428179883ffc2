/*
 * Addresses and networks: parsing, printing, matching.  No resolving and no
 * sockets here.
 */
#ifndef WR_BASE_NET_H
#define WR_BASE_NET_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/str.h"

#define WR_ADDR_TEXT_BYTES 120 /* room for the longest text of an address (unix path of 108) */

/* A socket address with its length. */
struct wr_addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    socklen_t len;
};

/* An IP address without port: 16 bytes, IPv4 as ::ffff:a.b.c.d (and a mapped IPv6 address is AF_INET, from
 * whichever socket or text it came).  Unix peers: all zero, family AF_UNIX. */
struct wr_ip {
    uint8_t b[16];
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX */
};

struct wr_cidr {
    struct wr_ip ip;
    uint8_t bits; /* of 128 (IPv4: 96 + its own) */
};

/* "192.0.2.1", "2001:db8::1" (no zone, no brackets, no port).  False if it is none. */
bool wr_ip_parse(struct wr_str s, struct wr_ip *ip);
/* "1.2.3.4", "1.2.3.4:80", "[::1]:80", "::1", "\"[::1]\"", "unix:": the forms of X-Forwarded-For and
 * Forwarded for= (RFC 7239 6); port ignored. */
bool wr_ip_parse_node(struct wr_str s, struct wr_ip *ip);
void wr_ip_of_addr(const struct wr_addr *a, struct wr_ip *ip);
/* Text without port; returns the length, NUL added.  Mapped IPv4 prints as IPv4; AF_UNIX as "unix:". */
size_t wr_ip_text(const struct wr_ip *ip, char dst[WR_ADDR_TEXT_BYTES]);
bool wr_ip_eq(const struct wr_ip *a, const struct wr_ip *b);
/* 127.0.0.0/8, ::1; a unix peer is none. */
bool wr_ip_is_loopback(const struct wr_ip *ip);

/* "10.0.0.0/8", "::1", "2001:db8::/32"; host bits must be zero.  False with *why a constant text. */
bool wr_cidr_parse(struct wr_str s, struct wr_cidr *c, const char **why);
/* Never across families: "::/0" has neither IPv4 addresses nor unix peers. */
bool wr_cidr_has(const struct wr_cidr *c, const struct wr_ip *ip);

/* Numeric forms only: "127.0.0.1:80", "[::1]:80", "unix:/path" (absolute, 108 bytes at most); port 1 to
 * 65535.  *why as above. */
bool wr_addr_parse(struct wr_str s, struct wr_addr *a, const char **why);
/* "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:" for an unnamed one; returns the length, NUL added. */
size_t wr_addr_text(const struct wr_addr *a, char dst[WR_ADDR_TEXT_BYTES]);
/* The address of an IP and a port. */
void wr_addr_of_ip(const struct wr_ip *ip, uint16_t port, struct wr_addr *a);
uint16_t wr_addr_port(const struct wr_addr *a);
bool wr_addr_eq(const struct wr_addr *a, const struct wr_addr *b);

#endif
