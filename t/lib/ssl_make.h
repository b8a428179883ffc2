/*
 * Certificates, keys and what is said of them, made in memory with OpenSSL:
 * what the tests of modules/tls stand on.  Whatever fails here aborts.
 */
#ifndef WR_LIB_SSL_MAKE_H
#define WR_LIB_SSL_MAKE_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "core/base/pool.h"

#define MAKE_HOUR ((long)3600)

/* A certificate and its key. */
struct made {
    X509 *x;
    EVP_PKEY *key;
};

/* What is wanted of one. */
struct make_wish {
    const char *name;          /* its common name */
    const char *san;           /* "DNS:a.example,IP:192.0.2.1"; NULL: none */
    const char *kind;          /* "EC" (also when NULL), "RSA", "RSA-1024", "RSA-PSS-1024", "ED25519" */
    const struct made *issuer; /* NULL: itself */
    bool authority;
    long serial;
    long from_s, until_s; /* from now; both 0: an hour ago, in a day */
};

static inline EVP_PKEY *
make_key(const char *kind)
{
    EVP_PKEY *key;

    if (kind == NULL || strcmp(kind, "EC") == 0) {
        key = EVP_EC_gen("P-256");
    } else if (strcmp(kind, "ED25519") == 0) {
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    } else if (strcmp(kind, "RSA-PSS-1024") == 0) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
        key = NULL;
        wr_assert(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) == 1);
        EVP_PKEY_generate(ctx, &key);
        EVP_PKEY_CTX_free(ctx);
    } else {
        key = EVP_RSA_gen(strcmp(kind, "RSA-1024") == 0 ? 1024U : 2048U);
    }
    wr_assert(key != NULL);
    return key;
}

static inline void
make_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    wr_assert(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static inline const EVP_MD *
make_digest(EVP_PKEY *key)
{
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

static inline struct made
make_cert(const struct make_wish *w)
{
    struct made m = {.x = X509_new(), .key = make_key(w->kind)};
    const struct made *issuer = w->issuer != NULL ? w->issuer : &m;
    bool now = w->from_s == 0 && w->until_s == 0;
    X509_NAME *name = X509_get_subject_name(m.x);

    X509_set_version(m.x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(m.x), w->serial != 0 ? w->serial : 1);
    X509_gmtime_adj(X509_getm_notBefore(m.x), now ? -MAKE_HOUR : w->from_s);
    X509_gmtime_adj(X509_getm_notAfter(m.x), now ? 24 * MAKE_HOUR : w->until_s);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)w->name, -1, -1, 0);
    X509_set_issuer_name(m.x, X509_get_subject_name(issuer->x));
    X509_set_pubkey(m.x, m.key);
    make_extension(m.x, issuer->x, NID_basic_constraints, w->authority ? "critical,CA:TRUE" : "CA:FALSE");
    make_extension(m.x, issuer->x, NID_subject_key_identifier, "hash");
    if (w->authority) {
        make_extension(m.x, issuer->x, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (w->san != NULL) {
        make_extension(m.x, issuer->x, NID_subject_alt_name, w->san);
    }
    wr_assert(X509_sign(m.x, issuer->key, make_digest(issuer->key)) > 0);
    return m;
}

static inline void
make_free(struct made *m)
{
    X509_free(m->x);
    EVP_PKEY_free(m->key);
    *m = (struct made){NULL, NULL};
}

/* ---- as files ---- */

/* What was written to the BIO, which goes. */
static inline struct wr_str
make_text(struct wr_pool *pool, BIO *b)
{
    char *p;
    long n = BIO_get_mem_data(b, &p);
    struct wr_str s = wr_pool_str(pool, wr_str_make(p, (size_t)n));

    BIO_free(b);
    return s;
}

static inline struct wr_str
make_cert_pem(struct wr_pool *pool, X509 *x)
{
    BIO *b = BIO_new(BIO_s_mem());

    wr_assert(PEM_write_bio_X509(b, x) == 1);
    return make_text(pool, b);
}

/* password NULL: without one */
static inline struct wr_str
make_key_pem(struct wr_pool *pool, EVP_PKEY *key, const char *password)
{
    BIO *b = BIO_new(BIO_s_mem());

    wr_assert(PEM_write_bio_PKCS8PrivateKey(b, key, password != NULL ? EVP_aes_128_cbc() : NULL, password,
                                            password != NULL ? (int)strlen(password) : 0, NULL, NULL) == 1);
    return make_text(pool, b);
}

static inline struct wr_str
make_join(struct wr_pool *pool, struct wr_str a, struct wr_str b)
{
    return wr_pool_printf(pool, "%.*s%.*s", WR_STR_ARG(a), WR_STR_ARG(b));
}

/* ---- revocation ---- */

/* A list that the authority signs; serial 0: it is empty. */
static inline struct wr_str
make_crl_pem(struct wr_pool *pool, const struct made *authority, long serial, long until_s)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -MAKE_HOUR), *until = X509_gmtime_adj(NULL, until_s);
    BIO *b = BIO_new(BIO_s_mem());

    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->x));
    X509_CRL_set1_lastUpdate(crl, from);
    X509_CRL_set1_nextUpdate(crl, until);
    if (serial != 0) {
        X509_REVOKED *r = X509_REVOKED_new();
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        ASN1_INTEGER_set(number, serial);
        X509_REVOKED_set_serialNumber(r, number);
        X509_REVOKED_set_revocationDate(r, from);
        X509_CRL_add0_revoked(crl, r);
        ASN1_INTEGER_free(number);
    }
    X509_CRL_sort(crl);
    wr_assert(X509_CRL_sign(crl, authority->key, make_digest(authority->key)) > 0 &&
              PEM_write_bio_X509_CRL(b, crl) == 1);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_CRL_free(crl);
    return make_text(pool, b);
}

/* An OCSP response, DER, on the certificate by its authority.  status: V_OCSP_CERTSTATUS_*; until_s 0: it does not say
 * until when it is good. */
static inline struct wr_str
make_ocsp(struct wr_pool *pool, const struct made *leaf, const struct made *authority, int status,
          long until_s)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf->x, authority->x);
    ASN1_TIME *from = X509_gmtime_adj(NULL, until_s < 0 ? 2 * until_s : -MAKE_HOUR);
    ASN1_TIME *until = until_s != 0 ? X509_gmtime_adj(NULL, until_s) : NULL;
    unsigned char *der = NULL;

    wr_assert(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                     status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, until) != NULL);
    wr_assert(OCSP_basic_sign(basic, authority->x, authority->key, make_digest(authority->key), NULL, 0) ==
              1);
    OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    int n = i2d_OCSP_RESPONSE(r, &der);
    wr_assert(n > 0);
    struct wr_str s = wr_pool_str(pool, wr_str_make((const char *)der, (size_t)n));

    OPENSSL_free(der);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return s;
}

#endif
