/*
 * What a certificate says, as texts: bounded, printable, and unambiguous - a
 * comma inside a name is escaped, so that nobody reads one name as two.
 */
#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include "modules/tls/tls_module.h"

#define TLS_PEER_TEXT_BYTES 2048 /* of one of them; what is longer is cut at a whole name and left out */

/* ---- writing ---- */

static void
tls_peer_put(struct wr_out *o, const void *data, size_t n)
{
    const unsigned char *p = data;
    char hex[4];

    for (size_t i = 0; i < n; i++) {
        if (p[i] > 0x20 && p[i] < 0x7f && p[i] != ',' && p[i] != '\\' && p[i] != '"') {
            wr_out_mem(o, (const char *)&p[i], 1);
        } else {
            snprintf(hex, sizeof(hex), "\\%02X", p[i]);
            wr_out_mem(o, hex, 3);
        }
    }
}

static void
tls_peer_put_name(struct wr_out *o, const X509_NAME *name)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p;

    if (b != NULL && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0) {
        long n = BIO_get_mem_data(b, &p);
        wr_out_mem(o, p, n > 0 ? (size_t)n : 0);
    }
    BIO_free(b);
}

static void
tls_peer_put_general(struct wr_out *o, const GENERAL_NAME *g)
{
    char ip[WR_ADDR_TEXT_BYTES];
    struct wr_addr addr = {0};
    struct wr_ip parsed;
    const ASN1_STRING *s = g->d.ia5;

    if (g->type == GEN_IPADD && (s->length == 4 || s->length == 16)) {
        addr.sa.sa_family = s->length == 4 ? AF_INET : AF_INET6;
        memcpy(s->length == 4 ? (void *)&addr.in4.sin_addr : &addr.in6.sin6_addr, s->data, (size_t)s->length);
        wr_ip_of_addr(&addr, &parsed);
        wr_out_lit(o, "IP:");
        wr_out_mem(o, ip, wr_ip_text(&parsed, ip));
    } else if (g->type == GEN_DNS || g->type == GEN_EMAIL || g->type == GEN_URI) {
        wr_out_str(o,
                   g->type == GEN_DNS         ? WR_STR("DNS:")
                       : g->type == GEN_EMAIL ? WR_STR("email:")
                                              : WR_STR("URI:"));
        tls_peer_put(o, s->data, (size_t)s->length);
    }
}

static void
tls_peer_put_san(struct wr_out *o, const X509 *x)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    const char *start = o->p;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !o->full; i++) {
        char *before = o->p;
        if (o->p > start) {
            wr_out_lit(o, ", ");
        }
        const char *at = o->p;
        tls_peer_put_general(o, sk_GENERAL_NAME_value(names, i));
        if (o->full || o->p == at) {
            o->p = before; /* names of other kinds are left out */
        }
    }
    GENERAL_NAMES_free(names);
}

static void
tls_peer_put_serial(struct wr_out *o, const X509 *x)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = n != NULL ? BN_bn2hex(n) : NULL;

    if (hex != NULL) {
        wr_out_str(o, wr_str_of(hex));
    }
    OPENSSL_free(hex);
    BN_free(n);
}

static void
tls_peer_put_fingerprint(struct wr_out *o, const X509 *x)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned n = 0;

    if (X509_digest(x, EVP_sha256(), digest, &n) == 1) {
        wr_fmt_hex_bytes(hex, digest, n);
        wr_out_mem(o, hex, 2 * (size_t)n);
    }
}

/* ---- the block ---- */

enum {
    TLS_PEER_SUBJECT,
    TLS_PEER_ISSUER,
    TLS_PEER_SAN,
    TLS_PEER_SERIAL,
    TLS_PEER_FINGERPRINT,
    TLS_PEER_TEXTS
};

static struct wr_str
tls_peer_text(const X509 *x, unsigned which, char room[TLS_PEER_TEXT_BYTES])
{
    struct wr_out o;

    wr_out_init(&o, room, TLS_PEER_TEXT_BYTES);
    switch (which) {
    case TLS_PEER_SUBJECT:
        tls_peer_put_name(&o, X509_get_subject_name(x));
        break;
    case TLS_PEER_ISSUER:
        tls_peer_put_name(&o, X509_get_issuer_name(x));
        break;
    case TLS_PEER_SAN:
        tls_peer_put_san(&o, x);
        break;
    case TLS_PEER_SERIAL:
        tls_peer_put_serial(&o, x);
        break;
    default:
        tls_peer_put_fingerprint(&o, x);
        break;
    }
    return o.full && which != TLS_PEER_SAN ? WR_STR_NONE : wr_str_make(room, (size_t)(o.p - room));
}

char *
wr_tls_peer_texts(const X509 *x, struct wr_str name, struct wr_secure_facts *facts)
{
    char room[TLS_PEER_TEXTS][TLS_PEER_TEXT_BYTES];
    struct wr_str text[TLS_PEER_TEXTS];
    size_t n = sizeof(struct wr_secure_cert) + name.n;

    for (unsigned i = 0; i < TLS_PEER_TEXTS; i++) {
        text[i] = tls_peer_text(x, i, room[i]);
        n += text[i].n;
    }
    struct wr_secure_cert *cert = wr_malloc(n);
    char *p = (char *)(cert + 1);

    for (unsigned i = 0; i < TLS_PEER_TEXTS; i++) {
        memcpy(p, text[i].p != NULL ? text[i].p : "", text[i].n);
        text[i].p = p;
        p += text[i].n;
    }
    memcpy(p, name.n > 0 ? name.p : "", name.n);
    *cert = (struct wr_secure_cert){.subject = text[TLS_PEER_SUBJECT],
                                    .issuer = text[TLS_PEER_ISSUER],
                                    .san = text[TLS_PEER_SAN],
                                    .serial = text[TLS_PEER_SERIAL],
                                    .fingerprint = text[TLS_PEER_FINGERPRINT]};
    facts->cert = cert;
    facts->name = wr_str_make(p, name.n);
    return (char *)cert;
}
