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

int
wr_tls_cert_no_password(char *buf, int size, int rwflag, void *arg)
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

/* Whether reading has ended where the file does: that is told as a missing line (which is taken off the queue),
 * anything else is damage. */
static bool
tls_cert_at_end(void)
{
    unsigned long e = ERR_peek_last_error();
    bool end = e == 0 || ERR_GET_REASON(e) == PEM_R_NO_START_LINE;

    if (end) {
        ERR_clear_error();
    }
    return end;
}

/* ---- the pair ---- */

/* Certificates up to the end of b.  False: one of them cannot be read. */
static bool
tls_cert_read_rest(BIO *b, const X509 *leaf, STACK_OF(X509) * chain)
{
    X509 *x;

    while (sk_X509_num(chain) < WR_TLS_CHAIN_MOST &&
           (x = PEM_read_bio_X509(b, NULL, wr_tls_cert_no_password, NULL)) != NULL) {
        if (X509_cmp(x, leaf) == 0) {
            X509_free(x);
        } else {
            sk_X509_push(chain, x);
        }
    }
    return tls_cert_at_end();
}

/* Many certificates have the same chain behind them: it is read once. */
static bool
tls_cert_take_chain(struct wr_tls_cert *c, struct wr_tls_reader *rd, BIO *b)
{
    char *p;
    long n = BIO_get_mem_data(b, &p);
    struct wr_str text = wr_str_make(p, n > 0 ? (size_t)n : 0);

    if (rd != NULL && rd->chain != NULL && wr_str_eq(text, rd->chain_text)) {
        c->chain = X509_chain_up_ref(rd->chain);
        return c->chain != NULL;
    }
    c->chain = sk_X509_new_null();
    if (!tls_cert_read_rest(b, c->leaf, c->chain)) {
        return false;
    }
    if (rd != NULL) {
        sk_X509_pop_free(rd->chain, X509_free);
        rd->chain = X509_chain_up_ref(c->chain);
        rd->chain_text = text;
    }
    return true;
}

static bool
tls_cert_read_chain(struct wr_tls_cert *c, struct wr_tls_reader *rd, struct wr_str pem,
                    char why[WR_TLS_WHY_BYTES])
{
    BIO *b = tls_cert_bio(pem);
    bool good = false;

    c->leaf = PEM_read_bio_X509(b, NULL, wr_tls_cert_no_password, NULL);
    if (c->leaf == NULL) {
        tls_cert_say(why, "there is no certificate in it that can be read");
    } else if (!tls_cert_take_chain(c, rd, b)) {
        tls_cert_say(why, "a certificate behind the first cannot be read");
    } else {
        c->not_before = tls_cert_time(X509_get0_notBefore(c->leaf));
        c->not_after = tls_cert_time(X509_get0_notAfter(c->leaf));
        good = true;
    }
    BIO_free(b);
    return good;
}

bool
wr_tls_reader_init(struct wr_tls_reader *rd)
{
    *rd = (struct wr_tls_reader){0};
    rd->decoder = OSSL_DECODER_CTX_new_for_pkey(
        &rd->key, "PEM", NULL, NULL, OSSL_KEYMGMT_SELECT_PRIVATE_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS,
        NULL, NULL);
    return rd->decoder != NULL &&
        OSSL_DECODER_CTX_set_pem_password_cb(rd->decoder, wr_tls_cert_no_password, NULL) == 1;
}

void
wr_tls_reader_fini(struct wr_tls_reader *rd)
{
    OSSL_DECODER_CTX_free(rd->decoder);
    sk_X509_pop_free(rd->chain, X509_free);
}

static EVP_PKEY *
tls_cert_decode_key(struct wr_tls_reader *rd, struct wr_str pem)
{
    const unsigned char *p = (const unsigned char *)pem.p;
    size_t n = pem.n;

    if (rd != NULL && n > 0) {
        rd->key = NULL;
        if (OSSL_DECODER_from_data(rd->decoder, &p, &n) == 1) {
            return rd->key;
        }
        EVP_PKEY_free(rd->key);
        ERR_clear_error();
    }
    /* which looks behind what stands before the key, too: parameters, a certificate */
    BIO *b = tls_cert_bio(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, wr_tls_cert_no_password, NULL);

    BIO_free(b);
    return key;
}

static bool
tls_cert_read_key(struct wr_tls_cert *c, struct wr_tls_reader *rd, struct wr_str pem,
                  char why[WR_TLS_WHY_BYTES])
{
    if (pem.n > 0 && memmem(pem.p, pem.n, "ENCRYPTED", 9) != NULL) {
        tls_cert_say(
            why, "the key is encrypted with a password: store it without one, readable by its owner alone");
        return false;
    }
    c->key = tls_cert_decode_key(rd, pem);
    if (c->key == NULL) {
        tls_cert_say(why, "there is no private key in it that can be read");
        return false;
    }
    int kind = EVP_PKEY_get_base_id(c->key);
    if ((kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) &&
        EVP_PKEY_get_bits(c->key) < TLS_CERT_RSA_BITS_LEAST) {
        tls_cert_say(why, "an RSA key has to have 2048 bits or more");
        return false;
    }
    return true;
}

enum wr_tls_cert_fault
wr_tls_cert_load(struct wr_tls_cert *c, struct wr_tls_reader *rd, struct wr_str cert, struct wr_str key,
                 char why[WR_TLS_WHY_BYTES])
{
    enum wr_tls_cert_fault fault = WR_TLS_CERT_GOOD;

    ERR_clear_error();
    *c = (struct wr_tls_cert){0};
    if (!tls_cert_read_chain(c, rd, cert, why)) {
        fault = WR_TLS_CERT_FILE;
    } else if (!tls_cert_read_key(c, rd, key, why)) {
        fault = WR_TLS_KEY_FILE;
    } else if (X509_check_private_key(c->leaf, c->key) != 1) {
        ERR_clear_error();
        tls_cert_say(why, "the certificate and the key do not belong together");
        fault = WR_TLS_CERT_PAIR;
    }
    if (fault != WR_TLS_CERT_GOOD) {
        wr_tls_cert_free(c);
    }
    return fault;
}

enum wr_tls_cert_fault
wr_tls_cert_load_public(struct wr_tls_cert *c, struct wr_str cert, char why[WR_TLS_WHY_BYTES])
{
    ERR_clear_error();
    *c = (struct wr_tls_cert){0};
    if (!tls_cert_read_chain(c, NULL, cert, why)) {
        wr_tls_cert_free(c);
        return WR_TLS_CERT_FILE;
    }
    return WR_TLS_CERT_GOOD;
}

EVP_PKEY *
wr_tls_cert_key(struct wr_str pem)
{
    return tls_cert_decode_key(NULL, pem);
}

bool
wr_tls_cert_spki(EVP_PKEY *key, uint8_t digest[32])
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    bool ok = n > 0 && EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return ok;
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
           (x = PEM_read_bio_X509(b, NULL, wr_tls_cert_no_password, NULL)) != NULL) {
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
    return true;
}

static bool
tls_cert_add_crls(X509_STORE *store, struct wr_str pem, char why[WR_TLS_WHY_BYTES])
{
    BIO *b = tls_cert_bio(pem);
    unsigned n = 0;
    X509_CRL *crl;

    while (n < TLS_CERT_CRLS_MOST &&
           (crl = PEM_read_bio_X509_CRL(b, NULL, wr_tls_cert_no_password, NULL)) != NULL) {
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
