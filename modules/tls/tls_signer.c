/*
 * The signer's work.  A key is read when it is asked for first, and found
 * again by the hash of its public half, which the asker has from the
 * certificate: so a key that was replaced still signs for who has the old one.
 */
#include "modules/tls/tls_signer.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/event/conn.h"
#include "modules/tls/tls_cert.h"

#define TLS_SIGNER_BUCKETS 4096
#define TLS_SIGNER_KEYS_MOST 65536 /* kept; then all are read anew */
#define TLS_SIGNER_LINES_MOST 512
#define TLS_SIGNER_BATCH 16 /* questions of one system call */

struct tls_signer_key {
    struct tls_signer_key *next;
    uint8_t spki[WR_TLS_SPKI_BYTES];
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx[3]; /* by enum wr_tls_sign_op, made when wanted */
};

struct tls_signer {
    struct wr_loop *loop;
    struct tls_signer_key *keys[TLS_SIGNER_BUCKETS];
    unsigned keys_n;
    unsigned lines_n;
    uint8_t questions[TLS_SIGNER_BATCH]
                     [sizeof(struct wr_tls_question) + WR_TLS_SIGN_BYTES + WR_TLS_SIGN_PATH_BYTES];
    uint8_t answers[TLS_SIGNER_BATCH][sizeof(struct wr_tls_answer) + WR_TLS_SIGN_BYTES];
};

struct tls_signer_line {
    struct wr_ev ev;
    struct tls_signer *s;
    struct wr_grave grave;
};

/* ---- keys ---- */

static unsigned
tls_signer_bucket(const uint8_t *spki)
{
    return ((unsigned)spki[0] << 8 | spki[1]) % TLS_SIGNER_BUCKETS;
}

static void
tls_signer_drop_key(struct tls_signer_key *k)
{
    for (unsigned i = 0; i < WR_ARRAY_LEN(k->ctx); i++) {
        EVP_PKEY_CTX_free(k->ctx[i]);
    }
    EVP_PKEY_free(k->key);
    free(k);
}

static void
tls_signer_drop_keys(struct tls_signer *s)
{
    for (unsigned i = 0; i < TLS_SIGNER_BUCKETS; i++) {
        while (s->keys[i] != NULL) {
            struct tls_signer_key *k = s->keys[i];
            s->keys[i] = k->next;
            tls_signer_drop_key(k);
        }
    }
    s->keys_n = 0;
}

/* The key of that file as it is now; NULL: it is not the one that is meant. */
static EVP_PKEY *
tls_signer_read(struct wr_str path, const uint8_t *spki)
{
    uint8_t found[WR_TLS_SPKI_BYTES];
    struct wr_file f;

    if (!wr_files_find(path, &f) || f.error != 0) {
        return NULL;
    }
    EVP_PKEY *key = wr_tls_cert_key(f.bytes);
    if (key != NULL && (!wr_tls_cert_spki(key, found) || memcmp(found, spki, sizeof(found)) != 0)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

static struct tls_signer_key *
tls_signer_find(struct tls_signer *s, const uint8_t *spki, struct wr_str path)
{
    unsigned at = tls_signer_bucket(spki);

    for (struct tls_signer_key *k = s->keys[at]; k != NULL; k = k->next) {
        if (memcmp(k->spki, spki, sizeof(k->spki)) == 0) {
            return k;
        }
    }
    EVP_PKEY *key = tls_signer_read(path, spki);
    if (key == NULL) {
        return NULL;
    }
    if (s->keys_n >= TLS_SIGNER_KEYS_MOST) {
        tls_signer_drop_keys(s);
    }
    struct tls_signer_key *k = wr_calloc(1, sizeof(*k));
    memcpy(k->spki, spki, sizeof(k->spki));
    k->key = key;
    k->next = s->keys[at];
    s->keys[at] = k;
    s->keys_n++;
    return k;
}

/* ---- signing ---- */

static EVP_PKEY_CTX *
tls_signer_ctx(struct tls_signer_key *k, unsigned op)
{
    bool rsa = op != WR_TLS_SIGN_EC;

    if (k->ctx[op] != NULL || EVP_PKEY_is_a(k->key, rsa ? "RSA" : "EC") != 1) {
        return k->ctx[op];
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->key, NULL);
    int padding = op == WR_TLS_SIGN_RSA_RAW ? RSA_NO_PADDING : RSA_PKCS1_PADDING;

    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
        (rsa && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) != 1)) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    k->ctx[op] = ctx;
    return ctx;
}

/* The signature's bytes; 0: none. */
static size_t
tls_signer_sign(struct tls_signer *s, const struct wr_tls_question *q, const uint8_t *what,
                struct wr_str path, uint8_t *out)
{
    struct tls_signer_key *k = tls_signer_find(s, q->spki, path);
    EVP_PKEY_CTX *ctx = k != NULL ? tls_signer_ctx(k, q->op) : NULL;
    size_t n = WR_TLS_SIGN_BYTES;

    if (ctx == NULL || EVP_PKEY_sign(ctx, out, &n, what, q->bytes) != 1) {
        ERR_clear_error();
        return 0;
    }
    return n;
}

/* ---- lines ---- */

static void
tls_signer_bury(struct wr_grave *g)
{
    free(wr_container(g, struct tls_signer_line, grave));
}

static void
tls_signer_close(struct tls_signer_line *ln)
{
    int fd = ln->ev.fd;

    wr_loop_del(ln->s->loop, &ln->ev, false);
    close(fd);
    ln->s->lines_n--;
    wr_loop_bury(ln->s->loop, &ln->grave, tls_signer_bury);
}

/* The answer's bytes at out; 0: the question makes no sense. */
static size_t
tls_signer_answer(struct tls_signer *s, const uint8_t *packet, size_t n, uint8_t *out)
{
    struct wr_tls_question q;
    struct wr_tls_answer a;

    if (n < sizeof(q)) {
        return 0;
    }
    memcpy(&q, packet, sizeof(q));
    if (q.op > WR_TLS_SIGN_RSA_RAW || q.bytes > WR_TLS_SIGN_BYTES || q.path_bytes > WR_TLS_SIGN_PATH_BYTES ||
        n != sizeof(q) + q.bytes + q.path_bytes) {
        return 0;
    }
    const uint8_t *what = packet + sizeof(q);
    a.id = q.id;
    a.bytes = (uint32_t)tls_signer_sign(s, &q, what, wr_str_make((const char *)what + q.bytes, q.path_bytes),
                                        out + sizeof(a));
    memcpy(out, &a, sizeof(a));
    return sizeof(a) + a.bytes;
}

/* So many questions as there are, answered at once. */
static void
tls_signer_on_event(struct wr_ev *ev)
{
    struct tls_signer_line *ln = wr_container(ev, struct tls_signer_line, ev);
    struct tls_signer *s = ln->s;
    struct mmsghdr m[TLS_SIGNER_BATCH];
    struct iovec iov[TLS_SIGNER_BATCH];

    for (unsigned i = 0; i < TLS_SIGNER_BATCH; i++) {
        iov[i] = (struct iovec){s->questions[i], sizeof(s->questions[i])};
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    int n = recvmmsg(ev->fd, m, TLS_SIGNER_BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    for (int i = 0; i < n; i++) {
        size_t bytes = tls_signer_answer(s, s->questions[i], m[i].msg_len, s->answers[i]);
        iov[i] = (struct iovec){s->answers[i], bytes};
        n = bytes > 0 ? n : -1;
    }
    /* who takes no answers is not asked again: its line is closed, and it opens another */
    if (n <= 0 || sendmmsg(ev->fd, m, (unsigned)n, MSG_NOSIGNAL) != n) {
        tls_signer_close(ln);
    }
}

void *
wr_tls_signer_start(struct wr_loop *l, void *main)
{
    struct tls_signer *s = wr_calloc(1, sizeof(*s));

    (void)main;
    s->loop = l;
    return s;
}

void
wr_tls_signer_line(void *signer, int fd)
{
    struct tls_signer *s = signer;

    if (s->lines_n >= TLS_SIGNER_LINES_MOST) {
        close(fd);
        return;
    }
    struct tls_signer_line *ln = wr_calloc(1, sizeof(*ln));

    ln->s = s;
    s->lines_n++;
    if (!wr_loop_add_level(s->loop, &ln->ev, fd, tls_signer_on_event)) {
        s->lines_n--;
        close(fd);
        free(ln);
    }
}

unsigned
wr_tls_signer_lines(const void *signer)
{
    return ((const struct tls_signer *)signer)->lines_n;
}
