/*
 * Certificates, keys and authorities out of PEM bytes.
 */
#include "modules/tls/tls_cert.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define TLS_CERT_AUTHORITIES_MOST 2000
#define TLS_CERT_CRLS_MOST 1000
#define TLS_CERT_NAME_BYTES 256
#define TLS_CERT_RSA_BITS_LEAST 2048

static void
tls_cert_say(char why[WR_TLS_WHY_BYTES], const char *text)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    snprintf(why, WR_TLS_WHY_BYTES, "%s%s%s%s", text, reason != NULL ? " (" : "",
             reason != NULL ? reason : "", reason != NULL ? ")" : "");
    ERR_clear_error();
}

/* No file of ours has a password: who asks for one gets none. */
static int
tls_cert_no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static BIO *
tls_cert_bio(struct wr_str s)
{
    return BIO_new_mem_buf(s.n > 0 ? s.p : "", (int)s.n);
}

static time_t
tls_cert_time(const ASN1_TIME *t)
{
    struct tm tm;

    return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

/* Whether reading has ended where the file does: that is told as a missing line, anything else is damage. */
static bool
tls_cert_at_end(void)
{
    unsigned long e = ERR_peek_last_error();

    return e == 0 || ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

/* ---- the pair ---- */

static bool
tls_cert_read_chain(struct wr_tls_cert *c, struct wr_str pem, char why[WR_TLS_WHY_BYTES])
{
    BIO *b = tls_cert_bio(pem);
    X509 *x;

    c->chain = sk_X509_new_null();
    c->leaf = PEM_read_bio_X509(b, NULL, tls_cert_no_password, NULL);
    if (c->leaf == NULL) {
        tls_cert_say(why, "there is no certificate in it that can be read");
        BIO_free(b);
        return false;
    }
    while (sk_X509_num(c->chain) < WR_TLS_CHAIN_MOST &&
           (x = PEM_read_bio_X509(b, NULL, tls_cert_no_password, NULL)) != NULL) {
        if (X509_cmp(x, c->leaf) == 0) {
            X509_free(x);
        } else {
            sk_X509_push(c->chain, x);
        }
    }
    BIO_free(b);
    if (!tls_cert_at_end()) {
        tls_cert_say(why, "a certificate behind the first cannot be read");
        return false;
    }
    ERR_clear_error();
    return true;
}

static bool
tls_cert_read_key(struct wr_tls_cert *c, struct wr_str pem, char why[WR_TLS_WHY_BYTES])
{
    BIO *b = tls_cert_bio(pem);

    c->key = PEM_read_bio_PrivateKey(b, NULL, tls_cert_no_password, NULL);
    BIO_free(b);
    if (c->key == NULL) {
        bool locked = pem.n > 0 && memmem(pem.p, pem.n, "ENCRYPTED", 9) != NULL;
        if (locked) {
            ERR_clear_error();
        }
        tls_cert_say(
            why,
            locked ? "the key is encrypted with a password: store it without one, readable by its owner alone"
                   : "there is no private key in it that can be read");
        return false;
    }
    if (EVP_PKEY_get_base_id(c->key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(c->key) < TLS_CERT_RSA_BITS_LEAST) {
        tls_cert_say(why, "an RSA key has to have 2048 bits or more");
        return false;
    }
    return true;
}

enum wr_tls_cert_fault
wr_tls_cert_load(struct wr_tls_cert *c, struct wr_str cert, struct wr_str key, char why[WR_TLS_WHY_BYTES])
{
    enum wr_tls_cert_fault fault = WR_TLS_CERT_GOOD;

    ERR_clear_error();
    *c = (struct wr_tls_cert){0};
    if (!tls_cert_read_chain(c, cert, why)) {
        fault = WR_TLS_CERT_FILE;
    } else if (!tls_cert_read_key(c, key, why)) {
        fault = WR_TLS_KEY_FILE;
    } else if (X509_check_private_key(c->leaf, c->key) != 1) {
        ERR_clear_error();
        tls_cert_say(why, "the certificate and the key do not belong together");
        fault = WR_TLS_CERT_PAIR;
    }
    if (fault != WR_TLS_CERT_GOOD) {
        wr_tls_cert_free(c);
        return fault;
    }
    c->not_before = tls_cert_time(X509_get0_notBefore(c->leaf));
    c->not_after = tls_cert_time(X509_get0_notAfter(c->leaf));
    return WR_TLS_CERT_GOOD;
}

void
wr_tls_cert_free(struct wr_tls_cert *c)
{
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    EVP_PKEY_free(c->key);
    OPENSSL_free(c->staple);
    *c = (struct wr_tls_cert){0};
}

bool
wr_tls_cert_names(const struct wr_tls_cert *c, struct wr_str name)
{
    char text[TLS_CERT_NAME_BYTES];

    if (name.n > 2 && name.p[0] == '[') {
        name = wr_str_make(name.p + 1, name.n - 2);
    }
    if (name.n >= sizeof(text)) {
        return false;
    }
    /* a server of the name *.example.com is served by a certificate that covers one label in its place */
    int n = snprintf(text, sizeof(text), "%s%.*s", name.n > 2 && name.p[0] == '*' ? "x" : "",
                     (int)(name.n - (name.p[0] == '*')), name.p + (name.p[0] == '*'));
    return n > 0 &&
        (X509_check_host(c->leaf, text, (size_t)n, 0, NULL) == 1 || X509_check_ip_asc(c->leaf, text, 0) == 1);
}

/* ---- stapling ---- */

/* By its number and the name of who has signed it. */
static bool
tls_cert_is_meant(const struct wr_tls_cert *c, const OCSP_CERTID *id)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    ASN1_OCTET_STRING *hash;
    ASN1_OBJECT *algorithm;
    ASN1_INTEGER *serial;
    unsigned n = 0;

    OCSP_id_get0_info(&hash, &algorithm, NULL, &serial, (OCSP_CERTID *)(uintptr_t)id);
    const EVP_MD *md = EVP_get_digestbyobj(algorithm);

    return ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(c->leaf)) == 0 && md != NULL &&
        X509_NAME_digest(X509_get_issuer_name(c->leaf), md, digest, &n) == 1 &&
        (int)n == ASN1_STRING_length(hash) && memcmp(ASN1_STRING_get0_data(hash), digest, n) == 0;
}

/* The answer of the response that is about c; NULL: none. */
static OCSP_SINGLERESP *
tls_cert_find_answer(const struct wr_tls_cert *c, OCSP_BASICRESP *basic)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
        if (tls_cert_is_meant(c, OCSP_SINGLERESP_get0_id(one))) {
            return one;
        }
    }
    return NULL;
}

static bool
tls_cert_judge_staple(struct wr_tls_cert *c, OCSP_BASICRESP *basic, char why[WR_TLS_WHY_BYTES])
{
    ASN1_GENERALIZEDTIME *from, *until = NULL;
    int reason;

    if (basic == NULL) {
        tls_cert_say(why, "there is no OCSP response in it that says anything");
        return false;
    }
    OCSP_SINGLERESP *one = tls_cert_find_answer(c, basic);

    if (one == NULL) {
        tls_cert_say(why, "the OCSP response is not about this certificate");
        return false;
    }
    if (OCSP_single_get0_status(one, &reason, NULL, &from, &until) != V_OCSP_CERTSTATUS_GOOD) {
        tls_cert_say(why, "the OCSP response does not say that the certificate is good");
        return false;
    }
    c->staple_until = until != NULL ? tls_cert_time(until) : time(NULL) + 86400;
    if (c->staple_until <= time(NULL)) {
        tls_cert_say(why, "the OCSP response is out of date");
        return false;
    }
    return true;
}

bool
wr_tls_cert_staple(struct wr_tls_cert *c, struct wr_str der, char why[WR_TLS_WHY_BYTES])
{
    const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;

    ERR_clear_error();
    OPENSSL_free(c->staple);
    c->staple = NULL;
    c->staple_bytes = 0;
    OCSP_RESPONSE *response = der.n > 0 ? d2i_OCSP_RESPONSE(NULL, &p, (long)der.n) : NULL;
    /* a client would get what stands behind it, too */
    OCSP_BASICRESP *basic = response != NULL && p == end ? OCSP_response_get1_basic(response) : NULL;
    bool good = tls_cert_judge_staple(c, basic, why);

    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    if (good) {
        c->staple = OPENSSL_memdup(der.p, der.n);
        c->staple_bytes = c->staple != NULL ? der.n : 0;
    }
    return good;
}

/* ---- authorities ---- */

static bool
tls_cert_add_authorities(X509_STORE *store, struct wr_str pem, STACK_OF(X509_NAME) * names,
                         char why[WR_TLS_WHY_BYTES])
{
    BIO *b = tls_cert_bio(pem);
    unsigned n = 0;
    X509 *x;

    while (n < TLS_CERT_AUTHORITIES_MOST &&
           (x = PEM_read_bio_X509(b, NULL, tls_cert_no_password, NULL)) != NULL) {
        X509_STORE_add_cert(store, x);
        if (names != NULL) {
            sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(x)));
        }
        X509_free(x);
        n++;
    }
    BIO_free(b);
    if (n == 0 || !tls_cert_at_end()) {
        tls_cert_say(why,
                     n == 0 ? "there is no certificate of an authority in it"
                            : "an authority behind the first cannot be read");
        return false;
    }
    ERR_clear_error();
    return true;
}

static bool
tls_cert_add_crls(X509_STORE *store, struct wr_str pem, char why[WR_TLS_WHY_BYTES])
{
    BIO *b = tls_cert_bio(pem);
    unsigned n = 0;
    X509_CRL *crl;

    while (n < TLS_CERT_CRLS_MOST &&
           (crl = PEM_read_bio_X509_CRL(b, NULL, tls_cert_no_password, NULL)) != NULL) {
        X509_STORE_add_crl(store, crl);
        X509_CRL_free(crl);
        n++;
    }
    BIO_free(b);
    if (n == 0 || !tls_cert_at_end()) {
        tls_cert_say(why,
                     n == 0 ? "there is no list of revoked certificates in it"
                            : "a list behind the first cannot be read");
        return false;
    }
    ERR_clear_error();
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return true;
}

X509_STORE *
wr_tls_store_load(struct wr_str authorities, struct wr_str crls, STACK_OF(X509_NAME) * *names,
                  char why[WR_TLS_WHY_BYTES])
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509_NAME) *list = names != NULL ? sk_X509_NAME_new_null() : NULL;

    ERR_clear_error();
    if (!tls_cert_add_authorities(store, authorities, list, why) ||
        (crls.n > 0 && !tls_cert_add_crls(store, crls, why))) {
        X509_STORE_free(store);
        sk_X509_NAME_pop_free(list, X509_NAME_free);
        return NULL;
    }
    if (names != NULL) {
        *names = list;
    }
    return store;
}
