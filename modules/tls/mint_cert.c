/*
 * Certificates of the internal authority.  ECDSA P-256 throughout: every
 * client takes it, and a thousand keys are made in a moment.  What was kept is
 * judged as strictly as a stranger's: a pair that is not as it would be made
 * now is made again.
 */
#include "modules/tls/mint_cert.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "modules/tls/tls_cert.h"

#define MINT_CERT_DAY_S ((int64_t)86400)
#define MINT_CERT_AUTHORITY_S (3650 * MINT_CERT_DAY_S)
#define MINT_CERT_AUTHORITY_LEFT_S (365 * MINT_CERT_DAY_S)
#define MINT_CERT_PAIR_S (90 * MINT_CERT_DAY_S)
#define MINT_CERT_BACK_S 3600 /* clocks of clients may be behind */
#define MINT_CERT_SERIAL_BITS 127

/* ---- OpenSSL ---- */

static bool
mint_cert_log(const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    wr_log(WR_LOG_ERROR, "cannot make an internal certificate step=%s: %s; tried again later", what,
           why != NULL ? why : "no reason given");
    ERR_clear_error();
    return false;
}

static EVP_PKEY *
mint_cert_read_key(const struct wr_mint_text *t)
{
    EVP_PKEY *key = wr_tls_cert_key(wr_str_make(t->p, t->n));

    ERR_clear_error();
    return key;
}

/* The first certificate and, where `second` is given, the one behind it. */
static X509 *
mint_cert_read(const struct wr_mint_text *t, X509 **second)
{
    BIO *b = t->n > 0 && t->n <= INT_MAX ? BIO_new_mem_buf(t->p, (int)t->n) : NULL;
    X509 *x = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, wr_tls_cert_no_password, NULL);

    if (x != NULL && second != NULL) {
        *second = PEM_read_bio_X509(b, NULL, wr_tls_cert_no_password, NULL);
    }
    BIO_free(b);
    ERR_clear_error();
    return x;
}

/* Takes the bytes out of a memory BIO and frees it, which wipes it.  False: it failed before. */
static bool
mint_cert_take(BIO *b, bool good, struct wr_mint_text *t)
{
    char *p = NULL;
    long n = good ? BIO_get_mem_data(b, &p) : 0;

    if (n > 0) {
        t->p = wr_malloc((size_t)n);
        t->n = (size_t)n;
        memcpy(t->p, p, t->n);
    }
    BIO_free(b);
    return n > 0;
}

/* `below` may be NULL. */
static bool
mint_cert_write(X509 *x, X509 *below, struct wr_mint_text *t)
{
    BIO *b = BIO_new(BIO_s_mem());
    bool good =
        b != NULL && PEM_write_bio_X509(b, x) == 1 && (below == NULL || PEM_write_bio_X509(b, below) == 1);

    return mint_cert_take(b, good, t);
}

static bool
mint_cert_write_key(EVP_PKEY *key, struct wr_mint_text *t)
{
    BIO *b = BIO_new(BIO_s_mem());

    return mint_cert_take(
        b, b != NULL && PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1, t);
}

static bool
mint_cert_time(const ASN1_TIME *t, int64_t *s)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1) {
        return false;
    }
    *s = timegm(&tm);
    return true;
}

static bool
mint_cert_life(X509 *x, int64_t *begin, int64_t *end)
{
    return mint_cert_time(X509_get0_notBefore(x), begin) && mint_cert_time(X509_get0_notAfter(x), end);
}

/* The halves of the key belong together and to the certificate. */
static bool
mint_cert_fits(X509 *x, EVP_PKEY *key)
{
    bool good = EVP_PKEY_eq(X509_get0_pubkey(x), key) == 1;
    EVP_PKEY_CTX *c = good ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;

    good = c != NULL && EVP_PKEY_pairwise_check(c) == 1;
    EVP_PKEY_CTX_free(c);
    ERR_clear_error();
    return good;
}

static bool
mint_cert_issued(X509 *by, X509 *x)
{
    bool good = X509_check_issued(by, x) == X509_V_OK && X509_verify(x, X509_get0_pubkey(by)) == 1;

    ERR_clear_error();
    return good;
}

/* ---- making ---- */

static bool
mint_cert_serial(X509 *x)
{
    BIGNUM *n = BN_new();
    bool good = n != NULL && BN_rand(n, MINT_CERT_SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
        BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;

    BN_free(n);
    return good;
}

static bool
mint_cert_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX c;

    X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_nconf_nid(NULL, &c, nid, value);
    bool good = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

static bool
mint_cert_san(X509 *x, const struct wr_mint_names *names)
{
    ASN1_OCTET_STRING *der = ASN1_OCTET_STRING_new();
    X509_EXTENSION *e = NULL;

    /* RFC 5280 4.2.1.6: critical when nothing else says what it is for */
    if (der != NULL &&
        ASN1_OCTET_STRING_set(der, (const unsigned char *)names->san.p, (int)names->san.n) == 1) {
        e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, names->common.n == 0, der);
    }
    bool good = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(der);
    return good;
}

static bool
mint_cert_common(X509 *x, struct wr_str name)
{
    return name.n == 0 ||
        X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC,
                                   (const unsigned char *)name.p, (int)name.n, -1, 0) == 1;
}

/* Without extensions and signature; NULL: see OpenSSL's errors. */
static X509 *
mint_cert_new(EVP_PKEY *key, struct wr_str common, int64_t begin, int64_t end)
{
    X509 *x = X509_new();

    if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && mint_cert_serial(x) &&
        mint_cert_common(x, common) && ASN1_TIME_set(X509_getm_notBefore(x), begin) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(x), end) != NULL && X509_set_pubkey(x, key) == 1) {
        return x;
    }
    X509_free(x);
    return NULL;
}

/* ---- the authority ---- */

void
wr_mint_authority_free(struct wr_mint_authority *a)
{
    X509_free(a->cert);
    EVP_PKEY_free(a->key);
    wr_mint_text_wipe(&a->pem);
    *a = (struct wr_mint_authority){0};
}

int64_t
wr_mint_authority_due(const struct wr_mint_authority *a)
{
    return a->end - MINT_CERT_AUTHORITY_LEFT_S + 1;
}

static const char *
mint_cert_authority_fault(struct wr_mint_authority *a, int64_t now)
{
    int64_t begin;

    if (a->cert == NULL || a->key == NULL) {
        return "unreadable";
    }
    if (!mint_cert_fits(a->cert, a->key)) {
        return "certificate and key do not match";
    }
    if (X509_check_ca(a->cert) != 1 || (X509_get_key_usage(a->cert) & KU_KEY_CERT_SIGN) == 0) {
        return "not an authority";
    }
    if (!mint_cert_life(a->cert, &begin, &a->end)) {
        return "unreadable";
    }
    if (now < begin) {
        return "not yet valid";
    }
    return now >= wr_mint_authority_due(a) ? "less than a year left" : NULL;
}

bool
wr_mint_authority_load(struct wr_mint_authority *a, const struct wr_mint_text *cert,
                       const struct wr_mint_text *key, int64_t now, const char **why)
{
    *a = (struct wr_mint_authority){.cert = mint_cert_read(cert, NULL), .key = mint_cert_read_key(key)};
    *why = mint_cert_authority_fault(a, now);
    if (*why == NULL && !mint_cert_write(a->cert, NULL, &a->pem)) {
        *why = "unreadable";
    }
    ERR_clear_error();
    if (*why != NULL) {
        wr_mint_authority_free(a);
    }
    return *why == NULL;
}

static bool
mint_cert_authority_sign(struct wr_mint_authority *a)
{
    X509 *x = a->cert;

    return X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 &&
        mint_cert_ext(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        mint_cert_ext(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        mint_cert_ext(x, x, NID_subject_key_identifier, "hash") &&
        mint_cert_ext(x, x, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(x, a->key, EVP_sha256()) > 0;
}

bool
wr_mint_authority_make(struct wr_mint_authority *a, struct wr_mint_text *key, int64_t now)
{
    unsigned char id[4];
    char name[] = "weir internal CA ........";
    int64_t begin = now - MINT_CERT_BACK_S;

    *a = (struct wr_mint_authority){.end = begin + MINT_CERT_AUTHORITY_S};
    *key = (struct wr_mint_text){NULL, 0};
    if (RAND_bytes(id, sizeof(id)) == 1) {
        wr_fmt_hex_bytes(strchr(name, '.'), id, sizeof(id));
        a->key = EVP_EC_gen("P-256");
    }
    a->cert = a->key == NULL ? NULL : mint_cert_new(a->key, wr_str_of(name), begin, a->end);
    if (a->cert != NULL && mint_cert_authority_sign(a) && mint_cert_write(a->cert, NULL, &a->pem) &&
        mint_cert_write_key(a->key, key)) {
        return true;
    }
    wr_mint_authority_free(a);
    return mint_cert_log("authority");
}

/* ---- pairs ---- */

/* From then on less than a third of its life is left. */
static int64_t
mint_cert_due(int64_t begin, int64_t end)
{
    return end - (end - begin - 1) / 3;
}

static bool
mint_cert_has_names(X509 *x, const struct wr_mint_names *names)
{
    int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
    const ASN1_OCTET_STRING *der = at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(x, at));

    return der != NULL &&
        wr_str_eq(names->san,
                  wr_str_make((const char *)ASN1_STRING_get0_data(der), (size_t)ASN1_STRING_length(der)));
}

static const char *
mint_cert_pair_fault(const struct wr_mint_authority *a, const struct wr_mint_names *names, X509 *x,
                     X509 *above, EVP_PKEY *key)
{
    if (x == NULL || key == NULL) {
        return "unreadable";
    }
    if (!mint_cert_fits(x, key)) {
        return "certificate and key do not match";
    }
    if (above == NULL || X509_cmp(above, a->cert) != 0 || !mint_cert_issued(a->cert, x)) {
        return "of another authority";
    }
    return mint_cert_has_names(x, names) ? NULL : "other names";
}

static const char *
mint_cert_age_fault(X509 *x, int64_t now, int64_t *due)
{
    int64_t begin, end;

    if (!mint_cert_life(x, &begin, &end)) {
        return "unreadable";
    }
    *due = mint_cert_due(begin, end);
    return now < begin ? "not yet valid" : now >= *due ? "less than a third of its life left" : NULL;
}

const char *
wr_mint_pair_fault(const struct wr_mint_authority *a, const struct wr_mint_names *names,
                   const struct wr_mint_text *cert, const struct wr_mint_text *key, int64_t now, int64_t *due)
{
    X509 *above = NULL;
    X509 *x = mint_cert_read(cert, &above);
    EVP_PKEY *k = mint_cert_read_key(key);
    const char *why = mint_cert_pair_fault(a, names, x, above, k);

    if (why == NULL) {
        why = mint_cert_age_fault(x, now, due);
    }
    X509_free(x);
    X509_free(above);
    EVP_PKEY_free(k);
    ERR_clear_error();
    return why;
}

static bool
mint_cert_pair_sign(const struct wr_mint_authority *a, const struct wr_mint_names *names, X509 *x)
{
    return X509_set_issuer_name(x, X509_get_subject_name(a->cert)) == 1 &&
        mint_cert_ext(x, a->cert, NID_basic_constraints, "critical,CA:FALSE") &&
        mint_cert_ext(x, a->cert, NID_key_usage, "critical,digitalSignature") &&
        mint_cert_ext(x, a->cert, NID_ext_key_usage, "serverAuth") && mint_cert_san(x, names) &&
        mint_cert_ext(x, a->cert, NID_subject_key_identifier, "hash") &&
        mint_cert_ext(x, a->cert, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(x, a->key, EVP_sha256()) > 0;
}

bool
wr_mint_pair_make(const struct wr_mint_authority *a, const struct wr_mint_names *names, int64_t now,
                  struct wr_mint_text *cert, struct wr_mint_text *key, int64_t *due)
{
    int64_t begin = now - MINT_CERT_BACK_S;
    int64_t end = WR_MIN(begin + MINT_CERT_PAIR_S, a->end);
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *x = k == NULL ? NULL : mint_cert_new(k, names->common, begin, end);

    *cert = *key = (struct wr_mint_text){NULL, 0};
    *due = mint_cert_due(begin, end);
    bool good = x != NULL && mint_cert_pair_sign(a, names, x) && mint_cert_write(x, a->cert, cert) &&
        mint_cert_write_key(k, key);
    X509_free(x);
    EVP_PKEY_free(k);
    if (!good) {
        wr_mint_text_wipe(cert);
        wr_mint_text_wipe(key);
        return mint_cert_log("pair");
    }
    return true;
}
