/* modules/tls/mint: the internal authority, judged by OpenSSL's own verification. */
#include "modules/tls/mint.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tap.h"

#define MINT_TEST_NOW ((int64_t)1800000000) /* in 2027 */
#define MINT_TEST_DAY ((int64_t)86400)
#define MINT_TEST_MANY 150 /* more than two batches */

static char mint_test_dir[] = "/tmp/weir-unit-XXXXXX";
static struct wr_pool mint_test_pool;
static char mint_test_log[1 << 20];
static size_t mint_test_log_n;
static struct wr_mint_result mint_test_res;

static void
mint_test_sink(void *arg, enum wr_log_level level, const char *line, size_t n)
{
    (void)arg;
    (void)level;
    if (mint_test_log_n + n < sizeof(mint_test_log)) {
        memcpy(mint_test_log + mint_test_log_n, line, n);
        mint_test_log_n += n;
        mint_test_log[mint_test_log_n] = '\0';
    }
}

/* Whether the log says it since the last call. */
static bool
mint_test_said(const char *text)
{
    static size_t from;
    bool said = strstr(mint_test_log + from, text) != NULL;

    if (!said) {
        tap_note("log: %.500s", mint_test_log + from);
    }
    from = mint_test_log_n;
    return said;
}

/* ---- files ---- */

/* A path below the test's directory; the last few stay good. */
static const char *
mint_test_at(const char *name)
{
    static char text[8][600];
    static unsigned turn;
    char *p = text[turn++ % 8];

    snprintf(p, sizeof(text[0]), "%s/%s", mint_test_dir, name);
    return p;
}

static struct wr_str
mint_test_read(const char *path)
{
    char *p = wr_pool_alloc(&mint_test_pool, 200000);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, p, 200000);

    if (fd >= 0) {
        close(fd);
    }
    return n < 0 ? WR_STR_NONE : wr_str_make(p, (size_t)n);
}

/* Into the file that is there, or a new one. */
static void
mint_test_write(const char *path, struct wr_str s, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    if (fd < 0 || fchmod(fd, mode) != 0 || write(fd, s.p, s.n) != (ssize_t)s.n) {
        tap_ok(false, "%s can be written", path);
    }
    close(fd);
}

static unsigned
mint_test_mode(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

/* A number that changes with every file that is made or written to in the store. */
static uint64_t
mint_test_state(const char *store)
{
    static const char *const dirs[] = {"internal", "internal/servers"};
    uint64_t sum = 0;
    struct stat st;

    for (size_t i = 0; i < WR_ARRAY_LEN(dirs); i++) {
        char path[600];
        snprintf(path, sizeof(path), "%s/%s", store, dirs[i]);
        DIR *d = opendir(path);
        for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
            if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                sum +=
                    wr_hash_mix(st.st_ino ^ (uint64_t)st.st_mtim.tv_nsec << 20 ^ (uint64_t)st.st_mtim.tv_sec);
            }
        }
        if (d != NULL) {
            closedir(d);
        }
    }
    return sum;
}

static unsigned
mint_test_left_aside(void)
{
    unsigned n = 0;
    DIR *d = opendir(mint_test_at("store/internal/servers"));

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        n += strstr(e->d_name, ".new") != NULL;
    }
    if (d != NULL) {
        closedir(d);
    }
    return n;
}

/* ---- runs ---- */

/* One server with names separated by blanks, or none when NULL. */
static bool
mint_test_run_in(const char *store, const char *names, int64_t now)
{
    struct wr_str v[1100], rest = wr_str_of(names);
    struct wr_mint_leaf leaf = {.names = v};
    struct wr_mint_job job = {
        .store = wr_str_of(store), .leaves = &leaf, .leaves_n = names != NULL, .now = now, .wait_ms = 10000};

    while (leaf.names_n < WR_ARRAY_LEN(v) && wr_str_word(&rest, &v[leaf.names_n])) {
        leaf.names_n++;
    }
    leaf.files = wr_mint_paths(&mint_test_pool, job.store, WR_STR("site"), WR_STR_NONE);
    return wr_mint_run(&job, &mint_test_res);
}

static bool
mint_test_run(const char *names, int64_t now)
{
    return mint_test_run_in(mint_test_at("store"), names, now);
}

#define MINT_TEST_CERT mint_test_at("store/internal/servers/site.crt")
#define MINT_TEST_KEY mint_test_at("store/internal/servers/site.key")
#define MINT_TEST_CA mint_test_at("store/internal/ca.crt")
#define MINT_TEST_CA_KEY mint_test_at("store/internal/ca.key")

/* ---- certificates ---- */

static X509 *
mint_test_x509(const char *path, unsigned which)
{
    struct wr_str s = mint_test_read(path);
    BIO *b = BIO_new_mem_buf(s.p != NULL ? s.p : "", (int)s.n);
    X509 *x = NULL;

    for (unsigned i = 0; i <= which; i++) {
        X509_free(x);
        x = PEM_read_bio_X509(b, NULL, NULL, NULL);
    }
    BIO_free(b);
    return x;
}

static EVP_PKEY *
mint_test_key(const char *path)
{
    struct wr_str s = mint_test_read(path);
    BIO *b = BIO_new_mem_buf(s.p != NULL ? s.p : "", (int)s.n);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);

    BIO_free(b);
    return k;
}

/* What OpenSSL says of the certificate, as a server's, under the authority at that time. */
static const char *
mint_test_verify(const char *cert, const char *authority, const char *name, int64_t now)
{
    X509 *x = mint_test_x509(cert, 0), *ca = mint_test_x509(authority, 0);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *c = X509_STORE_CTX_new();

    X509_STORE_add_cert(store, ca);
    X509_STORE_CTX_init(c, store, x, NULL);
    X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(c);
    X509_VERIFY_PARAM_set_time(p, now);
    X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    if (name != NULL && X509_VERIFY_PARAM_set1_ip_asc(p, name) != 1) {
        X509_VERIFY_PARAM_set1_host(p, name, 0);
    }
    X509_verify_cert(c);
    int error = X509_STORE_CTX_get_error(c);
    X509_STORE_CTX_free(c);
    X509_STORE_free(store);
    X509_free(ca);
    X509_free(x);
    return X509_verify_cert_error_string(error);
}

/* The pair is good for that name, and the file of the certificate ends with the authority. */
static void
mint_test_good(const char *name, int64_t now, const char *what)
{
    X509 *x = mint_test_x509(MINT_TEST_CERT, 0), *above = mint_test_x509(MINT_TEST_CERT, 1);
    X509 *ca = mint_test_x509(MINT_TEST_CA, 0);
    EVP_PKEY *key = mint_test_key(MINT_TEST_KEY);

    tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, name, now), "ok", "%s: verifies for %s", what,
               name);
    tap_ok(key != NULL && X509_check_private_key(x, key) == 1, "%s: the key is its key", what);
    tap_ok(above != NULL && ca != NULL && X509_cmp(above, ca) == 0, "%s: with the authority below it", what);
    tap_ok(mint_test_mode(MINT_TEST_KEY) == 0600 && mint_test_mode(MINT_TEST_CERT) == 0644, "%s: modes",
           what);
    EVP_PKEY_free(key);
    X509_free(x);
    X509_free(above);
    X509_free(ca);
}

static const char *
mint_test_common(const char *path)
{
    static char text[200];
    X509 *x = mint_test_x509(path, 0);

    if (x == NULL ||
        X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof(text)) < 0) {
        text[0] = '\0';
    }
    X509_free(x);
    return text;
}

static int64_t
mint_test_seconds(const ASN1_TIME *t)
{
    struct tm tm;

    return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

/* ---- what is made ---- */

static void
mint_test_first(void)
{
    tap_ok(mint_test_run("app.example *.app.example 192.0.2.7 [2001:db8::1]", MINT_TEST_NOW), "a first run");
    tap_ok(mint_test_said("made an internal authority file=/tmp/"), "says what clients have to trust");
    tap_ok(mint_test_res.authority_made && mint_test_res.made == 1 && mint_test_res.kept == 0 &&
               mint_test_res.failed == 0,
           "made an authority and a pair");
    tap_is_int(mint_test_res.due_s, 60 * MINT_TEST_DAY - 3600 + 1, "renewed when less than a third is left");
    tap_is_int(mint_test_mode(mint_test_at("store")), 0700, "the store is closed");
    tap_is_int(mint_test_mode(mint_test_at("store/internal")), 0700, "internal too");
    tap_is_int(mint_test_mode(mint_test_at("store/internal/servers")), 0700, "servers too");
    tap_is_int(mint_test_mode(MINT_TEST_CA_KEY), 0600, "the authority's key");
    tap_is_int(mint_test_mode(MINT_TEST_CA), 0644, "the authority's certificate");
    mint_test_good("app.example", MINT_TEST_NOW, "first");
    mint_test_good("a.app.example", MINT_TEST_NOW, "wildcard");
    mint_test_good("192.0.2.7", MINT_TEST_NOW, "IPv4");
    mint_test_good("2001:db8::1", MINT_TEST_NOW, "IPv6");
    tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, "b.example", MINT_TEST_NOW),
               "hostname mismatch", "no other name");
    tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, NULL, MINT_TEST_NOW - 3500), "ok",
               "a client's clock may be behind");
    tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, NULL, MINT_TEST_NOW + 90 * MINT_TEST_DAY),
               "certificate has expired", "it lives 90 days");
    tap_is_str(mint_test_common(MINT_TEST_CERT), "app.example", "the subject");
}

static void
mint_test_profile(void)
{
    X509 *x = mint_test_x509(MINT_TEST_CERT, 0), *ca = mint_test_x509(MINT_TEST_CA, 0);
    const char *name = mint_test_common(MINT_TEST_CA);

    tap_ok(strncmp(name, "weir internal CA ", 17) == 0 && strlen(name) == 25 &&
               strspn(name + 17, "0123456789abcdef") == 8,
           "the authority's name: %s", name);
    tap_ok(X509_check_ca(ca) == 1 && X509_get_pathlen(ca) == 0, "CA:TRUE, pathlen:0");
    tap_is_int(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN, "signs certificates and lists");
    tap_is_int(mint_test_seconds(X509_get0_notAfter(ca)) - mint_test_seconds(X509_get0_notBefore(ca)),
               3650 * MINT_TEST_DAY, "ten years");
    tap_ok(X509_get0_subject_key_id(ca) != NULL && X509_get0_authority_key_id(ca) != NULL, "SKI and AKI");
    tap_is_int(X509_check_ca(x), 0, "a server's is no authority");
    tap_is_int(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE, "it signs");
    tap_is_int(X509_get_extended_key_usage(x), XKU_SSL_SERVER, "for servers alone");
    tap_ok(X509_get0_authority_key_id(x) != NULL &&
               ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x), X509_get0_subject_key_id(ca)) == 0,
           "AKI is the authority's SKI");
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    tap_is_int(BN_num_bits(serial), 127, "a random serial");
    tap_ok(!BN_is_negative(serial) &&
               ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(ca)) != 0,
           "positive, of its own");
    tap_ok(EVP_PKEY_is_a(X509_get0_pubkey(x), "EC") && EVP_PKEY_get_bits(X509_get0_pubkey(x)) == 256 &&
               X509_get_signature_nid(x) == NID_ecdsa_with_SHA256,
           "ECDSA P-256 with SHA-256");
    BN_free(serial);
    X509_free(x);
    X509_free(ca);
}

static void
mint_test_any(void)
{
    char host[256] = "", long_name[80];

    tap_ok(mint_test_run("* app.example *", MINT_TEST_NOW) && mint_test_res.made == 1, "* with another name");
    mint_test_good("localhost", MINT_TEST_NOW, "*");
    tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, "127.0.0.1", MINT_TEST_NOW), "ok",
               "*: 127.0.0.1");
    tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, "::1", MINT_TEST_NOW), "ok", "*: ::1");
    tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, "app.example", MINT_TEST_NOW), "ok",
               "the other");
    tap_is_str(mint_test_common(MINT_TEST_CERT), "localhost", "*: the subject");
    gethostname(host, sizeof(host) - 1);
    if (host[0] != '\0' && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(host)) {
        tap_is_str(mint_test_verify(MINT_TEST_CERT, MINT_TEST_CA, host, MINT_TEST_NOW), "ok",
                   "*: this machine");
    }
    snprintf(long_name, sizeof(long_name), "%061d.example [::1]", 7);
    tap_ok(mint_test_run(long_name, MINT_TEST_NOW), "a name too long for a subject");
    tap_is_str(mint_test_common(MINT_TEST_CERT), "", "is not in it");
    long_name[69] = '\0';
    mint_test_good(long_name, MINT_TEST_NOW, "long");
    X509 *x = mint_test_x509(MINT_TEST_CERT, 0);
    int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
    tap_ok(at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(x, at)), "and SAN is critical");
    X509_free(x);
    tap_ok(mint_test_run("[::1]", MINT_TEST_NOW), "an address alone");
    tap_is_str(mint_test_common(MINT_TEST_CERT), "::1", "is its subject");
    mint_test_good("::1", MINT_TEST_NOW, "alone");
}

/* ---- what is kept, what is renewed ---- */

static void
mint_test_kept(void)
{
    mint_test_run("app.example b.example", MINT_TEST_NOW);
    uint64_t before = mint_test_state(mint_test_at("store"));
    int64_t due = (int64_t)mint_test_res.due_s;
    size_t lines = mint_test_log_n;

    tap_ok(mint_test_run("app.example b.example", MINT_TEST_NOW + 5) && mint_test_res.made == 0 &&
               mint_test_res.kept == 1 && !mint_test_res.authority_made,
           "a second run makes nothing");
    tap_is_int(mint_test_res.due_s, due - 5, "what is due comes nearer");
    tap_ok(mint_test_run("b.example app.example b.example", MINT_TEST_NOW),
           "names in another order, one twice");
    tap_is_int(mint_test_res.kept, 1, "are the same names");
    tap_ok(mint_test_run("app.example b.example", MINT_TEST_NOW + due - 1) && mint_test_res.kept == 1 &&
               mint_test_res.due_s == 1,
           "a second before it is due");
    tap_ok(mint_test_state(mint_test_at("store")) == before, "no file was touched");
    tap_is_int(mint_test_log_n, lines, "nothing was said");
    mint_test_run("app.example b.example", MINT_TEST_NOW + due);
    tap_ok(mint_test_res.made == 1 && !mint_test_res.authority_made, "when it is due it is renewed");
    mint_test_good("b.example", MINT_TEST_NOW + due, "renewed");
    mint_test_run("app.example b.example", MINT_TEST_NOW);
    tap_is_int(mint_test_res.made, 1, "not yet valid: the clock was wrong");
    mint_test_run("app.example b.example", MINT_TEST_NOW + 200 * MINT_TEST_DAY);
    tap_is_int(mint_test_res.made, 1, "expired");
    mint_test_run("app.example", MINT_TEST_NOW + 200 * MINT_TEST_DAY);
    tap_is_int(mint_test_res.made, 1, "a name less");
    mint_test_run("app.example 192.0.2.7", MINT_TEST_NOW + 200 * MINT_TEST_DAY);
    tap_is_int(mint_test_res.made, 1, "a name more");
    mint_test_good("192.0.2.7", MINT_TEST_NOW + 200 * MINT_TEST_DAY, "more");
    mint_test_run("app.example", MINT_TEST_NOW);
}

/* A key whose public half is that of the pair, and the private one is not. */
static struct wr_str
mint_test_two_halves(void)
{
    EVP_PKEY *key = mint_test_key(MINT_TEST_KEY), *other = EVP_EC_gen("P-256"), *both = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    BIO *b = BIO_new(BIO_s_mem());
    unsigned char pub[200];
    BIGNUM *priv = NULL;
    size_t n = 0;
    char *p;

    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, pub, sizeof(pub), &n);
    EVP_PKEY_get_bn_param(other, OSSL_PKEY_PARAM_PRIV_KEY, &priv);
    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub, n);
    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, priv);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_fromdata_init(c);
    EVP_PKEY_fromdata(c, &both, EVP_PKEY_KEYPAIR, params);
    PEM_write_bio_PrivateKey(b, both, NULL, NULL, 0, NULL, NULL);
    long bytes = BIO_get_mem_data(b, &p);
    struct wr_str text = wr_pool_str(&mint_test_pool, wr_str_make(p, (size_t)bytes));
    BIO_free(b);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(c);
    BN_free(priv);
    EVP_PKEY_free(both);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
    return text;
}

static void
mint_test_renewed(const char *what)
{
    struct wr_str before = mint_test_read(MINT_TEST_CERT);

    tap_ok(mint_test_run("app.example", MINT_TEST_NOW) && mint_test_res.made == 1 &&
               !mint_test_res.authority_made,
           "%s: made again", what);
    tap_ok(!wr_str_eq(before, mint_test_read(MINT_TEST_CERT)), "%s: another certificate", what);
    mint_test_good("app.example", MINT_TEST_NOW, what);
}

static void
mint_test_damaged(void)
{
    struct wr_str locked =
        WR_STR("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");

    unlink(MINT_TEST_CERT);
    mint_test_renewed("no certificate");
    unlink(MINT_TEST_KEY);
    mint_test_renewed("no key");
    mint_test_write(MINT_TEST_CERT, WR_STR("rubbish\n"), 0644);
    mint_test_renewed("rubbish for a certificate");
    mint_test_write(MINT_TEST_CERT, WR_STR(""), 0644);
    mint_test_renewed("an empty certificate");
    mint_test_write(MINT_TEST_KEY, locked, 0600);
    mint_test_renewed("a key with a pass phrase");
    struct wr_str cert = mint_test_read(MINT_TEST_CERT), key = mint_test_read(MINT_TEST_KEY);
    mint_test_write(MINT_TEST_CERT, wr_str_make(cert.p, cert.n / 4), 0644);
    mint_test_renewed("a certificate cut short");
    mint_test_write(MINT_TEST_KEY, key, 0600);
    mint_test_renewed("a key of before");
    mint_test_write(MINT_TEST_KEY, mint_test_two_halves(), 0600);
    mint_test_renewed("a key of two halves");
    cert = mint_test_read(MINT_TEST_CERT);
    struct wr_str one = cert;
    one.n = (size_t)(strstr(cert.p, "-----END CERTIFICATE-----\n") + 26 - cert.p);
    mint_test_write(MINT_TEST_CERT, one, 0644);
    mint_test_renewed("without its authority");
    chmod(MINT_TEST_KEY, 0640);
    mint_test_renewed("a key that others can read");
    chmod(MINT_TEST_CERT, 0666);
    mint_test_renewed("a certificate that others can write");
    tap_ok(link(MINT_TEST_KEY, mint_test_at("linked")) == 0, "a second name");
    mint_test_renewed("a key with two names");
    unlink(mint_test_at("linked"));
    rename(MINT_TEST_CERT, mint_test_at("moved"));
    tap_ok(symlink("../../../moved", MINT_TEST_CERT) == 0, "a link");
    mint_test_renewed("a certificate elsewhere");
    unlink(mint_test_at("moved"));
    mkdir(mint_test_at("store/internal/servers/site.crt.new"), 0700);
    unlink(MINT_TEST_CERT);
    tap_ok(!mint_test_run("app.example", MINT_TEST_NOW) && mint_test_res.failed == 1 &&
               mint_test_res.due_s == WR_MINT_RETRY_S,
           "what cannot be written is tried again soon");
    tap_ok(mint_test_said("site.crt: Is a directory"), "and told");
    rmdir(mint_test_at("store/internal/servers/site.crt.new"));
    mint_test_write(mint_test_at("store/internal/servers/site.crt.new"), WR_STR("old"), 0666);
    mint_test_write(mint_test_at("store/internal/servers/site.key.new"), WR_STR("old"), 0666);
    mint_test_renewed("what a dead run left");
    tap_is_int(mint_test_left_aside(), 0, "nothing is left aside");
}

/* ---- the authority ---- */

/* There is a new one, and what was issued by the old one is renewed with it. */
static void
mint_test_replaced(const char *why, int64_t now)
{
    struct wr_str before = mint_test_read(MINT_TEST_CA), key = mint_test_read(MINT_TEST_CA_KEY);

    tap_ok(mint_test_run("app.example", now) && mint_test_res.authority_made && mint_test_res.made == 1,
           "%s: a new authority, a new pair", why);
    tap_ok(mint_test_said(why), "%s: told", why);
    tap_ok(!wr_str_eq(before, mint_test_read(MINT_TEST_CA)) &&
               !wr_str_eq(key, mint_test_read(MINT_TEST_CA_KEY)),
           "%s: new files", why);
    mint_test_good("app.example", now, why);
    tap_ok(mint_test_run("app.example", now) && mint_test_res.kept == 1 && !mint_test_res.authority_made,
           "%s: once", why);
}

static void
mint_test_authority_kept_out(const char *what, const char *said)
{
    uint64_t before = mint_test_state(mint_test_at("store"));

    tap_ok(!mint_test_run("app.example", MINT_TEST_NOW) && mint_test_res.failed == 1, "%s: refused", what);
    tap_ok(mint_test_said(said), "%s: told", what);
    tap_ok(mint_test_state(mint_test_at("store")) == before, "%s: nothing is touched", what);
}

static void
mint_test_authority(void)
{
    int64_t year = 365 * MINT_TEST_DAY;
    int64_t due = MINT_TEST_NOW - 3600 + 9 * year + 1;

    mint_test_run("app.example", due - 1);
    tap_ok(!mint_test_res.authority_made && mint_test_res.due_s == 1, "a year is left");
    mint_test_replaced("less than a year left", due);
    mint_test_replaced("not yet valid", MINT_TEST_NOW);
    mint_test_replaced("less than a year left", MINT_TEST_NOW + 50 * year);
    mint_test_replaced("not yet valid", MINT_TEST_NOW);
    struct wr_str key = mint_test_read(MINT_TEST_CA_KEY);
    unlink(MINT_TEST_CA);
    mint_test_replaced("half of the old one is gone", MINT_TEST_NOW);
    unlink(MINT_TEST_CA_KEY);
    mint_test_replaced("half of the old one is gone", MINT_TEST_NOW);
    unlink(MINT_TEST_CA);
    unlink(MINT_TEST_CA_KEY);
    mint_test_replaced("there was none", MINT_TEST_NOW);
    mint_test_write(MINT_TEST_CA, WR_STR("rubbish"), 0644);
    mint_test_replaced("unreadable", MINT_TEST_NOW);
    mint_test_write(MINT_TEST_CA_KEY, key, 0600);
    mint_test_replaced("certificate and key do not match", MINT_TEST_NOW);
    mint_test_write(MINT_TEST_CA, mint_test_read(MINT_TEST_CERT), 0644);
    mint_test_write(MINT_TEST_CA_KEY, mint_test_read(MINT_TEST_KEY), 0600);
    mint_test_replaced("not an authority", MINT_TEST_NOW);

    chmod(MINT_TEST_CA_KEY, 0640);
    mint_test_authority_kept_out("a key that others can read", "ca.key: others can read it");
    chmod(MINT_TEST_CA_KEY, 0600);
    chmod(MINT_TEST_CA, 0664);
    mint_test_authority_kept_out("a certificate that others can write", "ca.crt: others can write to it");
    chmod(MINT_TEST_CA, 0644);
    rename(MINT_TEST_CA_KEY, mint_test_at("moved"));
    tap_ok(symlink("../../moved", MINT_TEST_CA_KEY) == 0, "a link");
    mint_test_authority_kept_out("a key elsewhere", "ca.key: it is a symbolic link");
    rename(mint_test_at("moved"), MINT_TEST_CA_KEY);
    mkdir(mint_test_at("store/internal/ca.crt.new"), 0700);
    key = mint_test_read(MINT_TEST_CA);
    unlink(MINT_TEST_CA);
    tap_ok(!mint_test_run("app.example", MINT_TEST_NOW) && !mint_test_res.authority_made,
           "cannot be written: fails");
    rmdir(mint_test_at("store/internal/ca.crt.new"));
    mint_test_write(MINT_TEST_CA, key, 0644);
    tap_ok(mint_test_run("app.example", MINT_TEST_NOW) && mint_test_res.kept == 1, "and nothing was lost");
}

/* ---- the store ---- */

static void
mint_test_store_refused(const char *store, const char *why)
{
    tap_ok(!mint_test_run_in(store, "app.example", MINT_TEST_NOW) && mint_test_res.failed == 1 &&
               mint_test_res.due_s == WR_MINT_RETRY_S,
           "%s: refused", store);
    tap_ok(mint_test_said(why), "because: %s", why);
}

static void
mint_test_store(void)
{
    static const char *const parts[] = {"store", "store/internal", "store/internal/servers"};

    for (size_t i = 0; i < WR_ARRAY_LEN(parts); i++) {
        chmod(mint_test_at(parts[i]), 0770);
        mint_test_store_refused(mint_test_at("store"), "others can write to it");
        chmod(mint_test_at(parts[i]), 0702);
        mint_test_store_refused(mint_test_at("store"), "others can write to it");
        chmod(mint_test_at(parts[i]), 0755);
        tap_ok(mint_test_run("app.example", MINT_TEST_NOW), "%s: others may look", parts[i]);
        chmod(mint_test_at(parts[i]), 0700);
    }
    tap_ok(symlink("store", mint_test_at("link")) == 0, "a link");
    mint_test_store_refused(mint_test_at("link"), "it is not a directory");
    unlink(mint_test_at("link"));
    mint_test_store_refused("relative/store", "the path is not absolute");
    mint_test_store_refused("", "the path is not absolute");
    mint_test_store_refused("/", "the path does not end in a name");
    mint_test_store_refused(mint_test_at("store/.."), "the path does not end in a name");
    mint_test_store_refused("/proc/self/none/store", "No such file");
    mkdir(mint_test_at("open"), 0700);
    chmod(mint_test_at("open"), 0777);
    mint_test_store_refused(mint_test_at("open/store"), "others can rename it");
    chmod(mint_test_at("open"), 01777);
    tap_ok(mint_test_run_in(mint_test_at("open/store/"), "app.example", MINT_TEST_NOW),
           "a sticky directory; a slash behind the store");
    tap_ok(mint_test_run_in(mint_test_at("deep/er/store"), "app.example", MINT_TEST_NOW),
           "what is above is made");
    tap_ok(mint_test_mode(mint_test_at("deep/er")) == 0755 &&
               mint_test_mode(mint_test_at("deep/er/store")) == 0700,
           "and the store is closed");
    if (geteuid() == 0) {
        tap_ok(chown(mint_test_at("deep/er/store"), 12345, 0) == 0, "another owner");
        mint_test_store_refused(mint_test_at("deep/er/store"), "it belongs to another user");
        tap_ok(chown(MINT_TEST_CA, 12345, 0) == 0, "another owner");
        mint_test_authority_kept_out("of another user", "ca.crt: it belongs to another user");
        tap_ok(chown(MINT_TEST_CA, 0, 0) == 0, "the owner again");
    }
}

static void
mint_test_lock(void)
{
    int ready[2];
    char c;
    int lock = open(mint_test_at("store/internal/lock"), O_RDWR | O_CLOEXEC);
    struct wr_mint_job job = {.store = wr_str_of(mint_test_at("store")), .now = MINT_TEST_NOW};

    tap_ok(lock >= 0 && flock(lock, LOCK_EX) == 0, "somebody has the lock");
    tap_ok(!wr_mint_run(&job, &mint_test_res), "who does not wait has no run");
    tap_ok(mint_test_said("another weir is at work"), "and says why");
    tap_ok(pipe(ready) == 0, "a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        /* begins while the lock is held; the exit status is what became of it */
        job.wait_ms = 60000;
        wr_log_set(NULL, NULL, WR_LOG_ALERT);
        (void)!write(ready[1], "x", 1);
        _exit(wr_mint_run(&job, &mint_test_res) ? 0 : 1);
    }
    tap_ok(read(ready[0], &c, 1) == 1 && waitpid(pid, NULL, WNOHANG) == 0, "who waits");
    flock(lock, LOCK_UN);
    int status = -1;
    tap_ok(waitpid(pid, &status, 0) == pid && status == 0, "has one when it is free");
    close(lock);
    close(ready[0]);
    close(ready[1]);
}

/* ---- many ---- */

static void
mint_test_many(void)
{
    static struct wr_mint_leaf leaves[MINT_TEST_MANY];
    static struct wr_str names[MINT_TEST_MANY];
    struct wr_mint_job job = {.store = wr_str_of(mint_test_at("many")),
                              .leaves = leaves,
                              .leaves_n = MINT_TEST_MANY,
                              .now = MINT_TEST_NOW};
    unsigned good = 0;

    for (unsigned i = 0; i < MINT_TEST_MANY; i++) {
        names[i] = wr_pool_printf(&mint_test_pool, "site%u.example", i);
        leaves[i] = (struct wr_mint_leaf){wr_mint_paths(&mint_test_pool, job.store, names[i], WR_STR_NONE),
                                          &names[i], 1};
    }
    names[3] = WR_STR("UPPER.example");
    names[4] = WR_STR("a,b");
    leaves[5].names_n = 0;
    names[6] = WR_STR("::1");
    names[7] = WR_STR("a\nb");
    tap_ok(!wr_mint_run(&job, &mint_test_res) && mint_test_res.failed == 5 &&
               mint_test_res.made == MINT_TEST_MANY - 5 && mint_test_res.due_s == WR_MINT_RETRY_S,
           "bad names, and all others");
    tap_ok(mint_test_said("name=\"a\\x0Ab\": not a name"), "are told");
    for (unsigned i = 3; i < 8; i++) {
        names[i] = WR_STR("shared.example");
        leaves[i].names_n = 1;
    }
    tap_ok(wr_mint_run(&job, &mint_test_res) && mint_test_res.made == 5 &&
               mint_test_res.kept == MINT_TEST_MANY - 5,
           "the rest");
    for (unsigned i = 0; i < MINT_TEST_MANY; i++) {
        good += strcmp(mint_test_verify(leaves[i].files.cert.p, mint_test_at("many/internal/ca.crt"),
                                        names[i].p, MINT_TEST_NOW),
                       "ok") == 0;
    }
    tap_is_int(good, MINT_TEST_MANY, "all verify");
    uint64_t before = mint_test_state(mint_test_at("many"));
    tap_ok(wr_mint_run(&job, &mint_test_res) && mint_test_res.kept == MINT_TEST_MANY &&
               mint_test_state(mint_test_at("many")) == before,
           "a second run touches nothing");
    job.leaves_n = WR_MINT_LEAVES_MOST + 1;
    tap_ok(!wr_mint_run(&job, &mint_test_res), "too many");
    tap_ok(mint_test_said("10000 at most"), "are told");
}

static void
mint_test_bounds(void)
{
    char *names = wr_pool_alloc(&mint_test_pool, 20000);
    size_t n = 0;

    tap_ok(!mint_test_run("app.example", 86400), "a clock that was not set");
    tap_ok(mint_test_said("the clock is wrong"), "is told");
    for (unsigned i = 0; i < 1000; i++) {
        n += (size_t)sprintf(names + n, "h%u.example ", i);
    }
    tap_ok(mint_test_run(names, MINT_TEST_NOW), "a thousand names");
    mint_test_good("h999.example", MINT_TEST_NOW, "a thousand");
    tap_ok(mint_test_run(names, MINT_TEST_NOW) && mint_test_res.kept == 1, "are the same names again");
    sprintf(names + n, "more.example");
    tap_ok(!mint_test_run(names, MINT_TEST_NOW) && mint_test_said("more names than fit"),
           "one more is too many");
    tap_ok(mint_test_run(NULL, MINT_TEST_NOW) && mint_test_res.due_s > 3000 * MINT_TEST_DAY,
           "no server: the authority alone");
}

/* ---- paths ---- */

static void
mint_test_path(const char *name, const char *label, const char *want)
{
    struct wr_tls_pair p = wr_mint_paths(&mint_test_pool, WR_STR("/s/"), wr_str_of(name), wr_str_of(label));
    char text[300];

    snprintf(text, sizeof(text), "/s/internal/servers/%s.crt", want);
    tap_is_str(p.cert.p, text, "%s @%s", name, label);
    snprintf(text, sizeof(text), "/s/internal/servers/%s.key", want);
    tap_is_str(p.key.p, text, "%s @%s: the key", name, label);
}

static void
mint_test_paths(void)
{
    char a[254], b[254];

    mint_test_path("example.com", "", "example.com");
    mint_test_path("example.com", "internal", "example.com_at_internal");
    mint_test_path("example.com", "In_1-x", "example.com_at__49n_5f1-x");
    mint_test_path("*.example.com", "", "_wildcard.example.com");
    mint_test_path("*", "", "_any");
    mint_test_path("_any", "", "_5fany");
    mint_test_path("*", "any", "_any_at_any");
    mint_test_path("[::1]", "", "_5b_3a_3a1_5d");
    mint_test_path("my_app", "", "my_5fapp");
    mint_test_path("..", "", "_2e.");
    mint_test_path("../../etc/x", "", "_2e._2f.._2fetc_2fx");
    mint_test_path("a\xff", "", "a_ff");
    memset(a, '_', sizeof(a) - 1);
    memset(b, '_', sizeof(b) - 1);
    a[253] = b[253] = '\0';
    b[252] = 'x';
    struct wr_tls_pair pa = wr_mint_paths(&mint_test_pool, WR_STR("/s"), wr_str_of(a), WR_STR_NONE);
    struct wr_tls_pair pb = wr_mint_paths(&mint_test_pool, WR_STR("/s"), wr_str_of(b), WR_STR_NONE);
    struct wr_tls_pair pc = wr_mint_paths(&mint_test_pool, WR_STR("/s"), wr_str_of(a), WR_STR("x"));
    tap_ok(!wr_str_eq(pa.cert, pb.cert) && !wr_str_eq(pa.cert, pc.cert), "long names are kept apart");
    tap_ok(pa.cert.n < 200, "and are not too long: %zu", pa.cert.n);
    tap_is_str(pa.cert.p + pa.cert.n - 42, "_long_55cdbd60574bf8bf0dc31d7f7d7403ce.crt", "always the same");
}

/* What a key's text has in it never stood in the log. */
static void
mint_test_secrets(void)
{
    const char *const keys[] = {MINT_TEST_CA_KEY, MINT_TEST_KEY};

    tap_ok(strstr(mint_test_log, "PRIVATE") == NULL, "no key in the log");
    for (size_t i = 0; i < WR_ARRAY_LEN(keys); i++) {
        struct wr_str s = mint_test_read(keys[i]);
        char piece[25] = "";
        memcpy(piece, strchr(s.p, '\n') + 60, 24);
        tap_ok(strlen(piece) == 24 && strstr(mint_test_log, piece) == NULL, "nothing of %s",
               strrchr(keys[i], '/'));
    }
}

int
main(void)
{
    char command[100];

    umask(0); /* modes do not depend on it */
    wr_log_set(mint_test_sink, NULL, WR_LOG_NOTICE);
    if (mkdtemp(mint_test_dir) == NULL) {
        return 1;
    }
    mint_test_first();
    mint_test_profile();
    mint_test_any();
    mint_test_kept();
    mint_test_damaged();
    mint_test_authority();
    mint_test_store();
    mint_test_lock();
    mint_test_many();
    mint_test_bounds();
    mint_test_paths();
    mint_test_secrets();
    snprintf(command, sizeof(command), "rm -rf %s", mint_test_dir);
    tap_ok(system(command) == 0, "cleaned up");
    wr_pool_reset(&mint_test_pool);
    return tap_done();
}
