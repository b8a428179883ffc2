/*
 * modules/tls/tls_cert and tls_peer: any bytes as files of certificates, keys,
 * authorities, revocations and OCSP responses, and as a client's certificate.
 * What is refused says why and leaves nothing; texts are printable.
 */
#include "modules/tls/tls_module.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#define TLS_CERT_INPUT_BYTES 32768

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- files ---- */

/* A file, in a block of exactly its size. */
struct tls_cert_file {
    char *p;
    size_t n;
};

/* The bytes as they are; or, when they are DER, as PEM of that name: base64 hides much from a fuzzer. */
static struct tls_cert_file
tls_cert_file(const uint8_t *p, size_t n, const char *pem)
{
    struct tls_cert_file f = {.n = n};
    BIO *b = NULL;

    if (pem != NULL && n > 0) {
        b = BIO_new(BIO_s_mem());
        wr_assert(PEM_write_bio(b, pem, "", p, (long)n) > 0);
        char *text;
        f.n = (size_t)BIO_get_mem_data(b, &text);
        p = (const uint8_t *)text;
    }
    f.p = malloc(f.n > 0 ? f.n : 1);
    memcpy(f.p, p, f.n);
    BIO_free(b);
    return f;
}

static struct wr_str
tls_cert_str(const struct tls_cert_file *f)
{
    return wr_str_make(f->p, f->n);
}

/* That a refusal is one. */
static void
tls_cert_check_why(const char why[WR_TLS_WHY_BYTES])
{
    size_t n = strnlen(why, WR_TLS_WHY_BYTES);

    wr_assert(n > 0 && n < WR_TLS_WHY_BYTES && ERR_peek_error() == 0);
}

/* ---- pairs ---- */

static void
tls_cert_check_names(const struct wr_tls_cert *c)
{
    static const char *const names[] = {"a.example", "*.a.example", "192.0.2.1", "[2001:db8::1]", "*", ""};

    for (size_t i = 0; i < WR_ARRAY_LEN(names); i++) {
        wr_tls_cert_names(c, wr_str_of(names[i]));
    }
    ERR_clear_error();
}

static enum wr_tls_cert_fault
tls_cert_load(struct wr_tls_reader *rd, struct wr_str cert, struct wr_str key)
{
    char why[WR_TLS_WHY_BYTES] = "";
    struct wr_tls_cert c;
    enum wr_tls_cert_fault fault = wr_tls_cert_load(&c, rd, cert, key, why);

    if (fault == WR_TLS_CERT_GOOD) {
        wr_assert(c.leaf != NULL && c.key != NULL && sk_X509_num(c.chain) <= WR_TLS_CHAIN_MOST);
        wr_assert(X509_check_private_key(c.leaf, c.key) == 1);
        tls_cert_check_names(&c);
    } else {
        tls_cert_check_why(why);
        wr_assert(c.leaf == NULL && c.chain == NULL && c.key == NULL);
    }
    wr_tls_cert_free(&c);
    return fault;
}

static void
tls_cert_pair(struct wr_str cert, struct wr_str key)
{
    char why[WR_TLS_WHY_BYTES] = "";
    struct wr_tls_reader rd;
    struct wr_tls_cert c;

    enum wr_tls_cert_fault fault = tls_cert_load(NULL, cert, key);
    wr_assert(wr_tls_reader_init(&rd));
    for (unsigned i = 0; i < 2; i++) {
        wr_assert(tls_cert_load(&rd, cert, key) == fault); /* who reads many is of the same mind */
    }
    wr_tls_reader_fini(&rd);
    wr_assert((wr_tls_cert_load_public(&c, cert, why) == WR_TLS_CERT_FILE) == (fault == WR_TLS_CERT_FILE));
    wr_tls_cert_free(&c);
}

static void
tls_cert_staple(struct wr_str cert, struct wr_str der)
{
    char why[WR_TLS_WHY_BYTES] = "";
    struct wr_tls_cert c;

    if (wr_tls_cert_load_public(&c, cert, why) == WR_TLS_CERT_GOOD) {
        why[0] = '\0';
        bool good = wr_tls_cert_staple(&c, der, why);
        wr_assert(good == (c.staple != NULL));
        if (good) {
            wr_assert(c.staple_bytes == der.n && c.staple_until > time(NULL));
        } else {
            tls_cert_check_why(why);
        }
    }
    wr_tls_cert_free(&c);
}

static void
tls_cert_store(struct wr_str authorities, struct wr_str crls)
{
    char why[WR_TLS_WHY_BYTES] = "";
    STACK_OF(X509_NAME) *names = NULL;
    X509_STORE *store = wr_tls_store_load(authorities, crls, &names, why);

    wr_assert((store == NULL) == (names == NULL));
    if (store == NULL) {
        tls_cert_check_why(why);
    } else {
        wr_assert(sk_X509_NAME_num(names) > 0);
    }
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    X509_STORE_free(store);
}

/* ---- texts ---- */

static void
tls_cert_check_text(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        wr_assert(s.p[i] >= 0x20 && s.p[i] < 0x7f);
    }
}

/* Every name begins as names do, and no other comma stands in it. */
static void
tls_cert_check_san(struct wr_str san)
{
    static const char *const begins[] = {"DNS:", "IP:", "email:", "URI:"};
    struct wr_str rest = san;

    while (rest.n > 0) {
        ptrdiff_t comma = wr_str_find(rest, ',');
        bool known = false;
        for (size_t i = 0; i < WR_ARRAY_LEN(begins); i++) {
            known = known || wr_str_starts(rest, wr_str_of(begins[i]));
        }
        wr_assert(known && (comma < 0 || (rest.n > (size_t)comma + 2 && rest.p[comma + 1] == ' ')));
        rest = comma < 0 ? WR_STR_NONE : wr_str_make(rest.p + comma + 2, rest.n - (size_t)comma - 2);
    }
}

static void
tls_cert_texts(const uint8_t *der, size_t n, struct wr_str name)
{
    const unsigned char *p = der;
    X509 *x = d2i_X509(NULL, &p, (long)n);
    struct wr_secure_facts facts = {0};

    if (x != NULL) {
        char *block = wr_tls_peer_texts(x, name, &facts);
        const struct wr_secure_cert *c = facts.cert;
        const struct wr_str texts[] = {c->subject, c->issuer, c->san, c->serial, c->fingerprint};
        for (size_t i = 0; i < WR_ARRAY_LEN(texts); i++) {
            tls_cert_check_text(texts[i]);
        }
        tls_cert_check_san(c->san);
        wr_assert(c->fingerprint.n == 64 && wr_str_eq(facts.name, name));
        free(block);
    }
    X509_free(x);
    ERR_clear_error();
}

/* ---- the input ---- */

/* What it is to be, the length of its first file, the files. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > TLS_CERT_INPUT_BYTES) {
        return 0;
    }
    bool der = data[0] & 0x80;
    unsigned what = data[0] % 4;
    size_t first = WR_MIN((size_t)data[1] << 8 | data[2], size - 3);
    static const char *const second[] = {"PRIVATE KEY", NULL, "X509 CRL", NULL};
    struct tls_cert_file a = tls_cert_file(data + 3, first, der ? "CERTIFICATE" : NULL);
    struct tls_cert_file b = tls_cert_file(data + 3 + first, size - 3 - first, der ? second[what] : NULL);

    switch (what) {
    case 0:
        tls_cert_pair(tls_cert_str(&a), tls_cert_str(&b));
        break;
    case 1:
        tls_cert_staple(tls_cert_str(&a), tls_cert_str(&b));
        break;
    case 2:
        tls_cert_store(tls_cert_str(&a), tls_cert_str(&b));
        break;
    default:
        tls_cert_texts(data + 3, first, tls_cert_str(&b));
        break;
    }
    free(a.p);
    free(b.p);
    return 0;
}
