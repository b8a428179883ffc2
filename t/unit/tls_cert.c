/* modules/tls/tls_cert: pairs, chains, staples and stores out of bytes; what cannot be used is told, and leaves nothing. */
#include "modules/tls/tls_cert.h"

#include <openssl/ssl.h>

#include "t/lib/ssl_make.h"
#include "t/unit/tap.h"

static struct wr_pool cert_pool;
static char cert_why[WR_TLS_WHY_BYTES];
static struct wr_tls_reader *cert_rd;

static bool
cert_is_empty(const struct wr_tls_cert *c)
{
    return c->leaf == NULL && c->chain == NULL && c->key == NULL && c->staple == NULL && c->not_after == 0;
}

/* That the pair is refused for that reason, and nothing is left of it. */
static void
cert_refused(struct wr_str cert, struct wr_str key, enum wr_tls_cert_fault fault, const char *why,
             const char *what)
{
    struct wr_tls_cert c;

    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH); /* of somebody else */
    memset(cert_why, 'x', sizeof(cert_why) - 1);
    enum wr_tls_cert_fault got = wr_tls_cert_load(&c, cert_rd, cert, key, cert_why);
    bool ok = tap_ok(got == fault && strstr(cert_why, why) != NULL, "%s", what);
    if (!ok) {
        tap_note("fault %d: %s", got, cert_why);
    }
    tap_ok(cert_is_empty(&c) && ERR_peek_error() == 0, "%s: nothing is left", what);
    wr_tls_cert_free(&c);
}

/* ---- pairs ---- */

static void
test_kinds(void)
{
    static const char *const kinds[] = {"EC", "RSA", "ED25519"};
    struct wr_tls_cert c;

    for (unsigned i = 0; i < WR_ARRAY_LEN(kinds); i++) {
        struct made m = make_cert(
            &(struct make_wish){.name = "a.example", .kind = kinds[i], .from_s = -100, .until_s = 1000});
        struct wr_str cert = make_cert_pem(&cert_pool, m.x), key = make_key_pem(&cert_pool, m.key, NULL);
        time_t now = time(NULL);
        tap_is_int(wr_tls_cert_load(&c, cert_rd, cert, key, cert_why), WR_TLS_CERT_GOOD, "%s: a pair",
                   kinds[i]);
        tap_ok(X509_cmp(c.leaf, m.x) == 0 && EVP_PKEY_eq(c.key, m.key) == 1 && sk_X509_num(c.chain) == 0,
               "%s: is what was in the files", kinds[i]);
        tap_ok(c.not_before >= now - 110 && c.not_before <= now - 90 && c.not_after >= now + 990 &&
                   c.not_after <= now + 1010 && c.staple == NULL,
               "%s: from when to when", kinds[i]);
        wr_tls_cert_free(&c);
        tap_ok(cert_is_empty(&c), "%s: is let go of", kinds[i]);
        for (unsigned k = 0; k < 2; k++) {
            struct wr_str both = k == 0 ? make_join(&cert_pool, key, cert) : make_join(&cert_pool, cert, key);
            tap_is_int(wr_tls_cert_load(&c, cert_rd, both, both, cert_why), WR_TLS_CERT_GOOD,
                       "%s: both in one file, %s first", kinds[i], k == 0 ? "the key" : "the certificate");
            wr_tls_cert_free(&c);
        }
        make_free(&m);
    }
}

/* Other forms of a key's file. */
static void
test_key_forms(void)
{
    struct made m = make_cert(&(struct make_wish){.name = "a.example"});
    struct wr_str cert = make_cert_pem(&cert_pool, m.x);
    BIO *b = BIO_new(BIO_s_mem());
    struct wr_tls_cert c;

    PEM_write_bio_PrivateKey_traditional(b, m.key, NULL, NULL, 0, NULL, NULL);
    tap_is_int(wr_tls_cert_load(&c, cert_rd, cert, make_text(&cert_pool, b), cert_why), WR_TLS_CERT_GOOD,
               "a key in the form that is named after its kind");
    wr_tls_cert_free(&c);
    b = BIO_new(BIO_s_mem());
    BIO_puts(b, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    PEM_write_bio_PrivateKey_traditional(b, m.key, NULL, NULL, 0, NULL, NULL);
    tap_is_int(wr_tls_cert_load(&c, cert_rd, cert, make_text(&cert_pool, b), cert_why), WR_TLS_CERT_GOOD,
               "with its parameters before it, as openssl ecparam writes it");
    wr_tls_cert_free(&c);
    b = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey_traditional(b, m.key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6,
                                         NULL, NULL);
    cert_refused(cert, make_text(&cert_pool, b), WR_TLS_KEY_FILE, "encrypted with a password",
                 "such a key with a password");
    cert_refused(cert, make_key_pem(&cert_pool, m.key, "secret"), WR_TLS_KEY_FILE,
                 "encrypted with a password", "a key with a password");
    make_free(&m);
}

static void
test_chain(void)
{
    struct made root = make_cert(&(struct make_wish){.name = "root", .authority = true});
    struct made middle = make_cert(&(struct make_wish){.name = "middle", .authority = true, .issuer = &root});
    struct made leaf = make_cert(&(struct make_wish){.name = "a.example", .issuer = &middle});
    struct wr_str a = make_cert_pem(&cert_pool, leaf.x), b = make_cert_pem(&cert_pool, middle.x),
                  r = make_cert_pem(&cert_pool, root.x), key = make_key_pem(&cert_pool, leaf.key, NULL);
    struct wr_str chain = make_join(&cert_pool, make_join(&cert_pool, a, b), r), all = a;
    struct wr_tls_cert c;

    tap_is_int(wr_tls_cert_load(&c, cert_rd, chain, key, cert_why), WR_TLS_CERT_GOOD, "a chain");
    tap_ok(X509_cmp(c.leaf, leaf.x) == 0 && sk_X509_num(c.chain) == 2 &&
               X509_cmp(sk_X509_value(c.chain, 0), middle.x) == 0 &&
               X509_cmp(sk_X509_value(c.chain, 1), root.x) == 0,
           "in its order");
    wr_tls_cert_free(&c);
    chain = wr_pool_printf(&cert_pool, "leaf:\n%.*s\nleaf again:\n%.*s\nabove:\n%.*s\n# end\n", WR_STR_ARG(a),
                           WR_STR_ARG(a), WR_STR_ARG(b));
    tap_is_int(wr_tls_cert_load(&c, cert_rd, chain, key, cert_why), WR_TLS_CERT_GOOD, "with remarks");
    tap_is_int(sk_X509_num(c.chain), 1, "the leaf again is left out");
    wr_tls_cert_free(&c);
    for (unsigned i = 0; i < 20; i++) {
        all = make_join(&cert_pool, all, b);
    }
    tap_is_int(wr_tls_cert_load(&c, cert_rd, all, key, cert_why), WR_TLS_CERT_GOOD, "a long chain");
    tap_is_int(sk_X509_num(c.chain), WR_TLS_CHAIN_MOST, "is cut");
    wr_tls_cert_free(&c);
    cert_refused(make_join(&cert_pool, b, a), key, WR_TLS_CERT_PAIR, "do not belong together",
                 "a chain that begins with another than the key's");
    cert_refused(make_join(&cert_pool, a, wr_str_make(b.p, b.n / 2)), key, WR_TLS_CERT_FILE,
                 "behind the first cannot be read", "a second certificate that is cut");
    char *bad = wr_pool_strdup(&cert_pool, make_join(&cert_pool, a, b).p);
    bad[a.n + b.n / 2] = '*';
    cert_refused(wr_str_of(bad), key, WR_TLS_CERT_FILE, "behind the first cannot be read",
                 "a second certificate that is damaged");
    make_free(&root);
    make_free(&middle);
    make_free(&leaf);
}

static void
test_bad_pairs(void)
{
    struct made m = make_cert(&(struct make_wish){.name = "a.example"});
    struct made other = make_cert(&(struct make_wish){.name = "b.example"});
    struct made rsa = make_cert(&(struct make_wish){.name = "a.example", .kind = "RSA"});
    struct made weak = make_cert(&(struct make_wish){.name = "a.example", .kind = "RSA-1024"});
    struct made pss = make_cert(&(struct make_wish){.name = "a.example", .kind = "RSA-PSS-1024"});
    struct wr_str cert = make_cert_pem(&cert_pool, m.x), key = make_key_pem(&cert_pool, m.key, NULL);
    const struct wr_str none = WR_STR_NONE, garbage = WR_STR("\0\x01garbage-----BEGIN");
    static const char *const no_cert = "no certificate in it that can be read";
    static const char *const no_key = "no private key in it that can be read";

    cert_refused(cert, make_key_pem(&cert_pool, other.key, NULL), WR_TLS_CERT_PAIR, "do not belong together",
                 "the key of another certificate");
    cert_refused(cert, make_key_pem(&cert_pool, rsa.key, NULL), WR_TLS_CERT_PAIR, "do not belong together",
                 "a key of another kind");
    cert_refused(make_cert_pem(&cert_pool, weak.x), make_key_pem(&cert_pool, weak.key, NULL), WR_TLS_KEY_FILE,
                 "2048 bits or more", "RSA of 1024 bits");
    cert_refused(make_cert_pem(&cert_pool, pss.x), make_key_pem(&cert_pool, pss.key, NULL), WR_TLS_KEY_FILE,
                 "2048 bits or more", "RSA-PSS of 1024 bits");
    cert_refused(none, key, WR_TLS_CERT_FILE, no_cert, "an empty certificate");
    cert_refused(cert, none, WR_TLS_KEY_FILE, no_key, "an empty key");
    cert_refused(garbage, key, WR_TLS_CERT_FILE, no_cert, "garbage for a certificate");
    cert_refused(cert, garbage, WR_TLS_KEY_FILE, no_key, "garbage for a key");
    cert_refused(key, cert, WR_TLS_CERT_FILE, no_cert, "one for the other");
    cert_refused(cert, cert, WR_TLS_KEY_FILE, no_key, "a certificate for a key");
    cert_refused(wr_str_make(cert.p, cert.n / 2), key, WR_TLS_CERT_FILE, no_cert, "half a certificate");
    cert_refused(cert, wr_str_make(key.p, key.n / 2), WR_TLS_KEY_FILE, no_key, "half a key");
    make_free(&m);
    make_free(&other);
    make_free(&rsa);
    make_free(&weak);
    make_free(&pss);
}

static void
test_times(void)
{
    struct made over =
        make_cert(&(struct make_wish){.name = "a.example", .from_s = -3 * MAKE_HOUR, .until_s = -MAKE_HOUR});
    struct made early =
        make_cert(&(struct make_wish){.name = "a.example", .from_s = MAKE_HOUR, .until_s = 3 * MAKE_HOUR});
    struct made far =
        make_cert(&(struct make_wish){.name = "a.example", .from_s = 1, .until_s = 40000 * 24 * MAKE_HOUR});
    struct wr_tls_cert c;
    time_t now = time(NULL);

    wr_tls_cert_load(&c, cert_rd, make_cert_pem(&cert_pool, over.x), make_key_pem(&cert_pool, over.key, NULL),
                     cert_why);
    tap_ok(c.leaf != NULL && c.not_after < now && c.not_before < c.not_after,
           "one that is over can be loaded, and says so");
    wr_tls_cert_free(&c);
    wr_tls_cert_load(&c, cert_rd, make_cert_pem(&cert_pool, early.x),
                     make_key_pem(&cert_pool, early.key, NULL), cert_why);
    tap_ok(c.leaf != NULL && c.not_before > now && c.not_before < c.not_after, "so one that is not good yet");
    wr_tls_cert_free(&c);
    wr_tls_cert_load(&c, cert_rd, make_cert_pem(&cert_pool, far.x), make_key_pem(&cert_pool, far.key, NULL),
                     cert_why);
    tap_ok(c.not_after > now + 39999 * 24 * MAKE_HOUR, "and one that outlives us");
    wr_tls_cert_free(&c);
    make_free(&over);
    make_free(&early);
    make_free(&far);
}

/* ---- names ---- */

static void
test_names(void)
{
    static const struct {
        const char *name;
        bool covered;
    } rows[] = {
        {"a.example", true},
        {"A.Example", true},
        {"b.a.example", false},
        {"a.example.", false},
        {"aa.example", false},
        {"x.w.example", true},
        {"w.example", false},
        {"x.y.w.example", false},
        {"*.w.example", true},
        {"*.y.w.example", false},
        {"*.a.example", false},
        {"192.0.2.1", true},
        {"192.0.2.2", false},
        {"[2001:db8::1]", true},
        {"[2001:0db8:0::1]", true},
        {"2001:db8::1", true},
        {"[2001:db8::2]", false},
        {"common.example", false},
        {"*", false},
        {"", false},
    };
    struct made m = make_cert(&(struct make_wish){
        .name = "common.example", .san = "DNS:a.example,DNS:*.w.example,IP:192.0.2.1,IP:2001:db8::1"});
    struct made plain = make_cert(&(struct make_wish){.name = "common.example"});
    struct wr_tls_cert c;
    char longest[400];

    wr_tls_cert_load(&c, cert_rd, make_cert_pem(&cert_pool, m.x), make_key_pem(&cert_pool, m.key, NULL),
                     cert_why);
    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        tap_ok(wr_tls_cert_names(&c, wr_str_of(rows[i].name)) == rows[i].covered, "name \"%s\": %s",
               rows[i].name, rows[i].covered ? "covered" : "not covered");
    }
    memset(longest, 'a', sizeof(longest));
    tap_ok(!wr_tls_cert_names(&c, wr_str_make(longest, sizeof(longest))), "a name longer than any can be");
    wr_tls_cert_free(&c);
    wr_tls_cert_load(&c, cert_rd, make_cert_pem(&cert_pool, plain.x),
                     make_key_pem(&cert_pool, plain.key, NULL), cert_why);
    tap_ok(wr_tls_cert_names(&c, WR_STR("common.example")), "the common name counts where there is no other");
    wr_tls_cert_free(&c);
    make_free(&m);
    make_free(&plain);
}

/* ---- staples ---- */

static void
cert_not_stapled(struct wr_tls_cert *c, struct wr_str der, const char *why, const char *what)
{
    memset(cert_why, 0, sizeof(cert_why));
    bool ok = tap_ok(!wr_tls_cert_staple(c, der, cert_why) && c->staple == NULL && c->staple_bytes == 0 &&
                         strstr(cert_why, why) != NULL && ERR_peek_error() == 0,
                     "%s is not stapled", what);
    if (!ok) {
        tap_note("%s", cert_why);
    }
}

static void
test_staples(void)
{
    struct made root = make_cert(&(struct make_wish){.name = "root", .authority = true});
    struct made leaf = make_cert(&(struct make_wish){.name = "a.example", .issuer = &root, .serial = 7});
    struct made other = make_cert(&(struct make_wish){.name = "a.example", .issuer = &root, .serial = 8});
    struct made root2 = make_cert(&(struct make_wish){.name = "root 2", .authority = true});
    struct made leaf2 = make_cert(&(struct make_wish){.name = "a.example", .issuer = &root2, .serial = 7});
    struct wr_str good = make_ocsp(&cert_pool, &leaf, &root, V_OCSP_CERTSTATUS_GOOD, MAKE_HOUR);
    struct wr_tls_cert c;
    time_t now = time(NULL);

    wr_tls_cert_load(&c, cert_rd, make_cert_pem(&cert_pool, leaf.x), make_key_pem(&cert_pool, leaf.key, NULL),
                     cert_why);
    tap_ok(wr_tls_cert_staple(&c, good, cert_why), "a response that says good is stapled");
    tap_is_mem(c.staple, c.staple_bytes, good.p, good.n, "as it is");
    tap_ok(c.staple_until > now + MAKE_HOUR - 10 && c.staple_until <= now + MAKE_HOUR + 10,
           "until it is out of date");
    cert_not_stapled(&c, make_ocsp(&cert_pool, &leaf, &root, V_OCSP_CERTSTATUS_REVOKED, MAKE_HOUR),
                     "does not say that the certificate is good", "one that says revoked, in its place,");
    cert_not_stapled(&c, make_ocsp(&cert_pool, &leaf, &root, V_OCSP_CERTSTATUS_UNKNOWN, MAKE_HOUR),
                     "does not say that the certificate is good", "one that knows nothing");
    cert_not_stapled(&c, make_ocsp(&cert_pool, &other, &root, V_OCSP_CERTSTATUS_GOOD, MAKE_HOUR),
                     "not about this certificate", "one about another certificate");
    cert_not_stapled(&c, make_ocsp(&cert_pool, &leaf2, &root2, V_OCSP_CERTSTATUS_GOOD, MAKE_HOUR),
                     "not about this certificate", "one about a certificate of that number by somebody else");
    cert_not_stapled(&c, make_ocsp(&cert_pool, &leaf, &root, V_OCSP_CERTSTATUS_GOOD, -MAKE_HOUR),
                     "out of date", "one that is out of date");
    tap_ok(wr_tls_cert_staple(&c, make_ocsp(&cert_pool, &leaf, &root, V_OCSP_CERTSTATUS_GOOD, 0), cert_why) &&
               c.staple_until > now + 86000 && c.staple_until < now + 87000,
           "one that does not say until when is good for a day");
    tap_ok(wr_tls_cert_staple(&c, good, cert_why) && c.staple_bytes == good.n, "another takes its place");
    wr_tls_cert_free(&c);
    make_free(&root);
    make_free(&leaf);
    make_free(&other);
    make_free(&root2);
    make_free(&leaf2);
}

static void
test_bad_staples(void)
{
    struct made root = make_cert(&(struct make_wish){.name = "root", .authority = true});
    struct made leaf = make_cert(&(struct make_wish){.name = "a.example", .issuer = &root, .serial = 7});
    struct wr_str good = make_ocsp(&cert_pool, &leaf, &root, V_OCSP_CERTSTATUS_GOOD, MAKE_HOUR);
    static const char *const unreadable = "no OCSP response in it";
    OCSP_RESPONSE *later = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
    unsigned char *der = NULL;
    struct wr_tls_cert c;

    wr_tls_cert_load(&c, cert_rd, make_cert_pem(&cert_pool, leaf.x), make_key_pem(&cert_pool, leaf.key, NULL),
                     cert_why);
    cert_not_stapled(&c, WR_STR_NONE, unreadable, "an empty file");
    cert_not_stapled(&c, WR_STR("garbage"), unreadable, "garbage");
    cert_not_stapled(&c, make_cert_pem(&cert_pool, leaf.x), unreadable, "a certificate");
    cert_not_stapled(&c, wr_str_make(good.p, good.n - 1), unreadable, "a response that is cut");
    cert_not_stapled(&c, make_join(&cert_pool, good, WR_STR("\n")), unreadable,
                     "one with something behind it");
    int n = i2d_OCSP_RESPONSE(later, &der);
    cert_not_stapled(&c, wr_str_make((const char *)der, (size_t)n), unreadable, "a responder's excuse");
    OPENSSL_free(der);
    OCSP_RESPONSE_free(later);
    wr_tls_cert_free(&c);
    make_free(&root);
    make_free(&leaf);
}

/* ---- stores ---- */

static int
cert_verify(X509_STORE *store, X509 *x)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    X509_STORE_CTX_init(ctx, store, x, NULL);
    X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return error;
}

static void
cert_no_store(struct wr_str authorities, struct wr_str crls, const char *why, const char *what)
{
    STACK_OF(X509_NAME) *names = NULL;

    memset(cert_why, 0, sizeof(cert_why));
    X509_STORE *store = wr_tls_store_load(authorities, crls, &names, cert_why);
    if (!tap_ok(store == NULL && names == NULL && strstr(cert_why, why) != NULL && ERR_peek_error() == 0,
                "%s", what)) {
        tap_note("%s", cert_why);
    }
    X509_STORE_free(store);
}

/* Two authorities with a certificate each. */
struct cert_two {
    struct made root[2];
    struct made leaf[2];
    struct wr_str pem[2];
    struct wr_str both;
};

static void
cert_two_make(struct cert_two *t)
{
    for (unsigned i = 0; i < 2; i++) {
        t->root[i] = make_cert(&(struct make_wish){.name = i == 0 ? "one" : "two", .authority = true});
        t->leaf[i] = make_cert(&(struct make_wish){.name = "me", .issuer = &t->root[i], .serial = 5});
        t->pem[i] = make_cert_pem(&cert_pool, t->root[i].x);
    }
    t->both = make_join(&cert_pool, t->pem[0], t->pem[1]);
}

static void
cert_two_free(struct cert_two *t)
{
    for (unsigned i = 0; i < 2; i++) {
        make_free(&t->root[i]);
        make_free(&t->leaf[i]);
    }
}

static void
test_stores(const struct cert_two *t)
{
    STACK_OF(X509_NAME) *names = NULL;
    X509_STORE *store = wr_tls_store_load(t->pem[0], WR_STR_NONE, NULL, cert_why);

    tap_ok(store != NULL && cert_verify(store, t->leaf[0].x) == X509_V_OK,
           "who an authority has signed is good");
    tap_is_int(cert_verify(store, t->leaf[1].x), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
               "whom another has is not");
    X509_STORE_free(store);
    store = wr_tls_store_load(make_join(&cert_pool, t->both, t->pem[0]), WR_STR_NONE, &names, cert_why);
    tap_ok(store != NULL && cert_verify(store, t->leaf[0].x) == X509_V_OK &&
               cert_verify(store, t->leaf[1].x) == X509_V_OK,
           "of two, one of them twice");
    tap_ok(sk_X509_NAME_num(names) >= 2 &&
               X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(t->root[0].x)) == 0 &&
               X509_NAME_cmp(sk_X509_NAME_value(names, 1), X509_get_subject_name(t->root[1].x)) == 0,
           "their names are for clients to choose by");
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    X509_STORE_free(store);
}

static void
test_bad_stores(const struct cert_two *t)
{
    struct wr_str crl = make_crl_pem(&cert_pool, &t->root[0], 0, MAKE_HOUR);
    static const char *const no_ca = "no certificate of an authority";
    static const char *const no_crl = "no list of revoked certificates";

    cert_no_store(WR_STR_NONE, WR_STR_NONE, no_ca, "no authorities, no store");
    cert_no_store(WR_STR("garbage"), WR_STR_NONE, no_ca, "nor of garbage");
    cert_no_store(crl, WR_STR_NONE, no_ca, "nor of lists of revocation");
    cert_no_store(t->pem[0], WR_STR("garbage"), no_crl, "a list that is garbage");
    cert_no_store(t->pem[0], t->pem[0], no_crl, "authorities instead of lists");
    cert_no_store(wr_str_make(t->both.p, t->both.n - 60), WR_STR_NONE,
                  "authority behind the first cannot be read", "a second authority that is cut");
    cert_no_store(t->pem[0], make_join(&cert_pool, crl, wr_str_make(crl.p, crl.n - 60)),
                  "list behind the first cannot be read", "a second list that is cut");
}

static void
test_revocation(const struct cert_two *t)
{
    struct wr_str revoked = make_crl_pem(&cert_pool, &t->root[0], 5, MAKE_HOUR);
    struct wr_str other = make_crl_pem(&cert_pool, &t->root[0], 6, MAKE_HOUR);
    struct wr_str old = make_crl_pem(&cert_pool, &t->root[0], 6, -1);
    X509_STORE *store = wr_tls_store_load(t->both, other, NULL, cert_why);

    tap_is_int(cert_verify(store, t->leaf[0].x), X509_V_OK, "who does not stand in the list is good");
    tap_is_int(cert_verify(store, t->leaf[1].x), X509_V_ERR_UNABLE_TO_GET_CRL,
               "but nobody of an authority without a list is");
    X509_STORE_free(store);
    store = wr_tls_store_load(t->both, revoked, NULL, cert_why);
    tap_is_int(cert_verify(store, t->leaf[0].x), X509_V_ERR_CERT_REVOKED, "who stands in it is not");
    X509_STORE_free(store);
    store = wr_tls_store_load(t->both, old, NULL, cert_why);
    tap_is_int(cert_verify(store, t->leaf[0].x), X509_V_ERR_CRL_HAS_EXPIRED, "a list out of date is none");
    X509_STORE_free(store);
    store = wr_tls_store_load(
        t->both, make_join(&cert_pool, other, make_crl_pem(&cert_pool, &t->root[1], 5, MAKE_HOUR)), NULL,
        cert_why);
    tap_ok(cert_verify(store, t->leaf[0].x) == X509_V_OK &&
               cert_verify(store, t->leaf[1].x) == X509_V_ERR_CERT_REVOKED,
           "lists of two authorities");
    X509_STORE_free(store);
}

/* ---- for who reads many, or no key ---- */

static void
test_reader(void)
{
    struct made root = make_cert(&(struct make_wish){.name = "root", .authority = true});
    struct made other = make_cert(&(struct make_wish){.name = "other", .authority = true});
    struct wr_str above = make_cert_pem(&cert_pool, root.x), above2 = make_cert_pem(&cert_pool, other.x);
    struct wr_tls_cert c[4];
    bool good = true;

    for (unsigned i = 0; i < 4; i++) {
        struct made m = make_cert(
            &(struct make_wish){.name = "a.example", .issuer = &root, .kind = i % 2 ? "RSA" : NULL});
        struct wr_str pem = make_join(&cert_pool, make_cert_pem(&cert_pool, m.x), i < 3 ? above : above2);
        good = good &&
            wr_tls_cert_load(&c[i], cert_rd, pem, make_key_pem(&cert_pool, m.key, NULL), cert_why) ==
                WR_TLS_CERT_GOOD &&
            X509_cmp(c[i].leaf, m.x) == 0 && sk_X509_num(c[i].chain) == 1 &&
            X509_cmp(sk_X509_value(c[i].chain, 0), i < 3 ? root.x : other.x) == 0;
        make_free(&m);
    }
    tap_ok(good, "pairs with one chain, and one with another");
    tap_ok(sk_X509_value(c[0].chain, 0) == sk_X509_value(c[1].chain, 0) &&
               sk_X509_value(c[0].chain, 0) == sk_X509_value(c[2].chain, 0),
           "the chain that they have in common is read once");
    for (unsigned i = 0; i < 4; i++) {
        wr_tls_cert_free(&c[i]);
    }
    make_free(&root);
    make_free(&other);
}

static void
test_public(void)
{
    struct made root = make_cert(&(struct make_wish){.name = "root", .authority = true});
    struct made m = make_cert(&(struct make_wish){.name = "a.example", .issuer = &root});
    struct wr_str pem =
        make_join(&cert_pool, make_cert_pem(&cert_pool, m.x), make_cert_pem(&cert_pool, root.x));
    uint8_t one[32], two[32];
    struct wr_tls_cert c;

    tap_ok(wr_tls_cert_load_public(&c, pem, cert_why) == WR_TLS_CERT_GOOD && X509_cmp(c.leaf, m.x) == 0 &&
               sk_X509_num(c.chain) == 1 && c.key == NULL && c.not_after > time(NULL),
           "a certificate without its key");
    EVP_PKEY *key = wr_tls_cert_key(make_key_pem(&cert_pool, m.key, NULL));
    tap_ok(key != NULL && EVP_PKEY_eq(key, m.key) == 1, "a key without its certificate");
    tap_ok(wr_tls_cert_spki(key, one) && wr_tls_cert_spki(X509_get0_pubkey(c.leaf), two) &&
               memcmp(one, two, 32) == 0,
           "are known to belong together by a digest");
    tap_ok(wr_tls_cert_spki(root.key, two) && memcmp(one, two, 32) != 0, "which another key does not have");
    EVP_PKEY_free(key);
    wr_tls_cert_free(&c);
    tap_ok(wr_tls_cert_load_public(&c, WR_STR("garbage"), cert_why) == WR_TLS_CERT_FILE && cert_is_empty(&c),
           "garbage is no certificate");
    tap_ok(wr_tls_cert_load_public(&c, wr_str_make(pem.p, pem.n - 60), cert_why) == WR_TLS_CERT_FILE &&
               cert_is_empty(&c),
           "nor is one with half of another behind it");
    tap_ok(wr_tls_cert_key(WR_STR("garbage")) == NULL && wr_tls_cert_key(WR_STR_NONE) == NULL, "nor a key");
    ERR_clear_error();
    make_free(&root);
    make_free(&m);
}

static void
test_pairs(void)
{
    test_kinds();
    test_key_forms();
    test_chain();
    test_bad_pairs();
}

int
main(void)
{
    struct wr_tls_reader rd;
    struct cert_two two;

    test_pairs();
    tap_ok(wr_tls_reader_init(&rd), "a reader of many");
    cert_rd = &rd;
    test_pairs();
    test_reader();
    cert_rd = NULL;
    wr_tls_reader_fini(&rd);
    test_public();
    test_times();
    test_names();
    test_staples();
    test_bad_staples();
    cert_two_make(&two);
    test_stores(&two);
    test_bad_stores(&two);
    test_revocation(&two);
    cert_two_free(&two);
    wr_pool_reset(&cert_pool);
    wr_pool_trim();
    return tap_done();
}
