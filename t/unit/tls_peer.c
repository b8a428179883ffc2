/* modules/tls/tls_peer: what a certificate says, as texts that are bounded, printable and read in one way only. */
#include "modules/tls/tls_module.h"

#include <ctype.h>

#include "t/lib/ssl_make.h"
#include "t/unit/tap.h"

static bool
peer_is(struct wr_str got, const char *want, const char *what)
{
    return tap_is_mem(got.n > 0 ? got.p : "", got.n, want, strlen(want), "%s", what);
}

static bool
peer_printable(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!isascii(s.p[i]) || !isprint(s.p[i])) {
            return false;
        }
    }
    return true;
}

static void
test_texts(void)
{
    struct made root = make_cert(&(struct make_wish){.name = "An Authority", .authority = true});
    struct made m = make_cert(&(struct make_wish){.name = "me", .issuer = &root, .serial = 0xabcdef});
    struct wr_secure_facts facts = {.verify = "ok"};
    char *block = wr_tls_peer_texts(m.x, WR_STR("a.example"), &facts);
    uint8_t digest[32];
    char hex[65];

    X509_digest(m.x, EVP_sha256(), digest, NULL);
    for (unsigned i = 0; i < sizeof(digest); i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    tap_ok(facts.cert == (void *)block, "a block that holds all");
    peer_is(facts.cert->subject, "CN=me", "the subject");
    peer_is(facts.cert->issuer, "CN=An Authority", "the issuer");
    peer_is(facts.cert->serial, "ABCDEF", "the number");
    peer_is(facts.cert->fingerprint, hex, "the fingerprint");
    peer_is(facts.cert->san, "", "no other names");
    peer_is(facts.name, "a.example", "and the name that it came for");
    tap_is_str(facts.verify, "ok", "nothing else is changed");
    free(block);
    block = wr_tls_peer_texts(m.x, WR_STR_NONE, &facts);
    peer_is(facts.name, "", "which may be none");
    free(block);
    make_free(&m);
    make_free(&root);
}

static void
test_names(void)
{
    static const struct {
        const char *name, *subject, *what;
    } rows[] = {
        {"a,CN=admin", "CN=a\\,CN=admin", "a comma that would begin another part"},
        {"a+CN=admin", "CN=a\\+CN=admin", "a plus"},
        {"a\"b\\c", "CN=a\\\"b\\\\c", "quotes and backslashes"},
        {"a\r\nX: y", "CN=a\\0D\\0AX: y", "line breaks"},
        {"\xc3\xa4", "CN=\\C3\\A4", "letters of other alphabets"},
        {" a ", "CN=\\ a\\ ", "blanks at the ends"},
    };
    struct wr_secure_facts facts;

    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct made m = make_cert(&(struct make_wish){.name = rows[i].name});
        char *block = wr_tls_peer_texts(m.x, WR_STR_NONE, &facts);
        peer_is(facts.cert->subject, rows[i].subject, rows[i].what);
        free(block);
        make_free(&m);
    }
}

static void
test_sans(void)
{
    static const struct {
        const char *san, *want, *what;
    } rows[] = {
        {"DNS:a.example", "DNS:a.example", "one name"},
        {"DNS:a.example,IP:192.0.2.1,IP:2001:db8::1,email:a@b.example,URI:urn:x",
         "DNS:a.example, IP:192.0.2.1, IP:2001:db8::1, email:a@b.example, URI:urn:x", "of each kind"},
        {"RID:1.2.3.4,DNS:a.example", "DNS:a.example", "one of another kind before it"},
        {"DNS:a.example,RID:1.2.3.4,DNS:b.example", "DNS:a.example, DNS:b.example", "between"},
        {"DNS:a.example,RID:1.2.3.4", "DNS:a.example", "behind it"},
        {"RID:1.2.3.4", "", "alone"},
        {"DNS:a b\xc3\xa4\\c\"", "DNS:a\\20b\\C3\\A4\\5Cc\\22", "what is not for a name is escaped"},
    };
    struct wr_secure_facts facts;

    for (unsigned i = 0; i < WR_ARRAY_LEN(rows); i++) {
        struct made m = make_cert(&(struct make_wish){.name = "me", .san = rows[i].san});
        char *block = wr_tls_peer_texts(m.x, WR_STR_NONE, &facts);
        peer_is(facts.cert->san, rows[i].want, rows[i].what);
        free(block);
        make_free(&m);
    }
}

/* A certificate whose other name is the only one, with bytes that no text can be put in. */
static X509 *
peer_with_dns(const char *p, size_t n, unsigned times)
{
    struct made m = make_cert(&(struct make_wish){.name = "me"});
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

    for (unsigned i = 0; i < times; i++) {
        GENERAL_NAME *g = GENERAL_NAME_new();
        ASN1_IA5STRING *s = ASN1_IA5STRING_new();
        ASN1_STRING_set(s, p, (int)n);
        GENERAL_NAME_set0_value(g, GEN_DNS, s);
        sk_GENERAL_NAME_push(names, g);
    }
    X509_add1_ext_i2d(m.x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(names);
    X509_sign(m.x, m.key, EVP_sha256());
    EVP_PKEY_free(m.key);
    return m.x;
}

static void
test_unambiguous(void)
{
    struct wr_secure_facts facts;
    X509 *x = peer_with_dns("a, DNS:b\0c\n", 11, 1);
    char *block = wr_tls_peer_texts(x, WR_STR_NONE, &facts);

    peer_is(facts.cert->san, "DNS:a\\2C\\20DNS:b\\00c\\0A", "one name cannot be read as two, or end early");
    free(block);
    X509_free(x);
}

static void
test_bounds(void)
{
    char name[3000], *block;
    struct wr_secure_facts facts;

    memset(name, 'a', sizeof(name));
    X509 *x = peer_with_dns(name, 95, 100);
    block = wr_tls_peer_texts(x, WR_STR_NONE, &facts);
    struct wr_str san = facts.cert->san;
    tap_ok(san.n > 1900 && san.n <= 2048 && (san.n + 2) % (4 + 95 + 2) == 0,
           "of many names as many as fit, each of them whole (%zu bytes)", san.n);
    free(block);
    X509_free(x);
    x = peer_with_dns(name, sizeof(name), 1);
    block = wr_tls_peer_texts(x, WR_STR_NONE, &facts);
    peer_is(facts.cert->san, "", "one that does not fit is left out");
    free(block);
    BIGNUM *big = BN_new();
    BN_lshift(big, BN_value_one(), 4096 * 8);
    BN_to_ASN1_INTEGER(big, X509_get_serialNumber(x));
    X509_NAME *subject = X509_get_subject_name(x);
    for (unsigned i = 0; i < 50; i++) {
        X509_NAME_add_entry_by_txt(subject, "OU", MBSTRING_ASC, (const unsigned char *)name, 60, -1, 0);
    }
    block = wr_tls_peer_texts(x, WR_STR_NONE, &facts);
    tap_ok(facts.cert->serial.n == 0 && facts.cert->subject.n == 0,
           "so are a number and a subject that are too long");
    peer_is(facts.cert->issuer, "CN=me", "and nothing else");
    tap_ok(facts.cert->fingerprint.n == 64 && peer_printable(facts.cert->fingerprint),
           "the fingerprint stays");
    free(block);
    BN_free(big);
    X509_free(x);
}

int
main(void)
{
    test_texts();
    test_names();
    test_sans();
    test_unambiguous();
    test_bounds();
    return tap_done();
}
