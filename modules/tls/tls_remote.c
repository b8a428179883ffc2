/*
 * Asking the signer.  OpenSSL's methods of EC and RSA keys are the one way in
 * that all its versions up to 3.5 have and that needs no provider; a foreign
 * method keeps the key from being copied into one.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "modules/tls/tls_remote.h"

#include <errno.h>
#include <openssl/async.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modules/tls/tls_signer.h"

#define TLS_REMOTE_RETRY_MS 20 /* between two tries to open a line */
#define TLS_REMOTE_BATCH 16    /* questions, or answers, of one system call */

/* A question that waits for its answer; stands on the stack of its handshake's job. */
struct wr_tls_wait {
    struct wr_link link; /* in rm->waits, oldest first */
    struct wr_tls *t;
    const struct wr_tls_remote_key *key;
    uint32_t id;
    unsigned op;
    const uint8_t *what;
    size_t what_bytes;
    uint8_t *out;
    size_t out_bytes; /* 0: no signature */
    bool sent;
    bool over;
};

/* What hangs on a key object; its copies share it. */
struct wr_tls_remote_key {
    unsigned refs;
    struct wr_tls_remote *rm;
    uint8_t spki[WR_TLS_SPKI_BYTES];
    size_t path_bytes;
    char path[];
};

/* Questions of one sendmmsg. */
struct tls_remote_batch {
    unsigned n;
    struct wr_tls_wait *w[TLS_REMOTE_BATCH];
    struct wr_tls_question q[TLS_REMOTE_BATCH];
    struct iovec iov[TLS_REMOTE_BATCH][3];
    struct mmsghdr m[TLS_REMOTE_BATCH];
};

struct wr_tls_remote {
    struct wr_tls_shop *shop;
    int (*line)(void);
    struct wr_ev ev; /* of the line; fd -1: none is open */
    struct wr_timer timer;
    struct wr_link waits;
    struct wr_task task;
    uint32_t last_id;
    EC_KEY_METHOD *ec;
    RSA_METHOD *rsa;
    struct tls_remote_batch batch;
    uint8_t packets[TLS_REMOTE_BATCH][sizeof(struct wr_tls_answer) + WR_TLS_SIGN_BYTES];
};

/* ---- the line ---- */

static void
tls_remote_later(struct wr_tls_remote *rm)
{
    if (!wr_link_used(&rm->timer.link)) {
        wr_loop_timer(rm->shop->loop, &rm->timer, wr_clock.mono_ms + TLS_REMOTE_RETRY_MS);
    }
}

/* The signer is gone: its successor is asked again. */
static void
tls_remote_lost(struct wr_tls_remote *rm)
{
    int fd = rm->ev.fd;

    wr_loop_del(rm->shop->loop, &rm->ev, false);
    close(fd);
    wr_list_for(l, &rm->waits)
    {
        wr_list_entry(l, struct wr_tls_wait, link)->sent = false;
    }
    tls_remote_later(rm);
}

static void
tls_remote_batch_add(struct tls_remote_batch *b, struct wr_tls_wait *w)
{
    struct wr_tls_question *q = &b->q[b->n];
    struct iovec *iov = b->iov[b->n];

    *q = (struct wr_tls_question){.id = w->id,
                                  .op = (uint16_t)w->op,
                                  .bytes = (uint16_t)w->what_bytes,
                                  .path_bytes = (uint32_t)w->key->path_bytes};
    memcpy(q->spki, w->key->spki, sizeof(q->spki));
    iov[0] = (struct iovec){q, sizeof(*q)};
    iov[1] = (struct iovec){(void *)(uintptr_t)w->what, w->what_bytes};
    iov[2] = (struct iovec){(void *)(uintptr_t)w->key->path, w->key->path_bytes};
    b->m[b->n] = (struct mmsghdr){.msg_hdr = {.msg_iov = iov, .msg_iovlen = 3}};
    b->w[b->n++] = w;
}

/* False: not all of it found room. */
static bool
tls_remote_batch_send(struct wr_tls_remote *rm, struct tls_remote_batch *b)
{
    int sent = b->n > 0 ? sendmmsg(rm->ev.fd, b->m, b->n, MSG_NOSIGNAL) : 0;
    bool all = sent == (int)b->n;

    for (int i = 0; i < sent; i++) {
        b->w[i]->sent = true;
    }
    b->n = 0;
    return all;
}

static void tls_remote_on_event(struct wr_ev *ev);

/* Everything that has not been asked yet; what finds no room, or no line, is tried again soon. */
static void
tls_remote_send(struct wr_tls_remote *rm)
{
    if (rm->ev.fd < 0) {
        int fd = rm->line();
        if (fd >= 0 && !wr_loop_add_level(rm->shop->loop, &rm->ev, fd, tls_remote_on_event)) {
            close(fd);
            rm->ev.fd = -1;
        }
    }
    if (rm->ev.fd < 0) {
        tls_remote_later(rm);
        return;
    }
    struct tls_remote_batch *b = &rm->batch;
    bool all = true;

    wr_list_for(l, &rm->waits)
    {
        struct wr_tls_wait *w = wr_list_entry(l, struct wr_tls_wait, link);
        if (!w->sent && !w->over) {
            tls_remote_batch_add(b, w);
        }
        if (b->n == TLS_REMOTE_BATCH && !(all = tls_remote_batch_send(rm, b))) {
            break;
        }
    }
    if (!(tls_remote_batch_send(rm, b) && all)) {
        tls_remote_later(rm);
    }
}

/* What all handshakes of a turn want to know is asked at once. */
static void
tls_remote_on_task(struct wr_task *t)
{
    tls_remote_send(wr_container(t, struct wr_tls_remote, task));
}

static void
tls_remote_on_timer(struct wr_timer *t)
{
    struct wr_tls_remote *rm = wr_container(t, struct wr_tls_remote, timer);

    if (!wr_list_empty(&rm->waits)) {
        tls_remote_send(rm);
    }
}

static void
tls_remote_take(struct wr_tls_remote *rm, const uint8_t *packet)
{
    struct wr_tls_answer a;

    memcpy(&a, packet, sizeof(a));
    wr_list_for(l, &rm->waits)
    {
        struct wr_tls_wait *w = wr_list_entry(l, struct wr_tls_wait, link);
        if (w->id == a.id && w->sent && !w->over) {
            w->out_bytes = a.bytes;
            memcpy(w->out, packet + sizeof(a), a.bytes);
            w->over = true;
            wr_loop_more(rm->shop->loop, &w->t->c->ev);
            return;
        }
    }
}

/* False: it makes no sense. */
static bool
tls_remote_take_packet(struct wr_tls_remote *rm, const uint8_t *packet, size_t n)
{
    struct wr_tls_answer a = {0};

    if (n < sizeof(a)) {
        return false;
    }
    memcpy(&a, packet, sizeof(a));
    if (n != sizeof(a) + a.bytes) {
        return false;
    }
    tls_remote_take(rm, packet);
    return true;
}

static void
tls_remote_on_event(struct wr_ev *ev)
{
    struct wr_tls_remote *rm = wr_container(ev, struct wr_tls_remote, ev);
    struct mmsghdr m[TLS_REMOTE_BATCH];
    struct iovec iov[TLS_REMOTE_BATCH];

    for (unsigned i = 0; i < TLS_REMOTE_BATCH; i++) {
        iov[i] = (struct iovec){rm->packets[i], sizeof(rm->packets[i])};
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
    }
    int n = recvmmsg(ev->fd, m, TLS_REMOTE_BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    for (int i = 0; i < n; i++) {
        if (!tls_remote_take_packet(rm, rm->packets[i], m[i].msg_len)) {
            n = -1;
        }
    }
    if (n <= 0) {
        tls_remote_lost(rm);
    }
}

/* ---- asking ---- */

void
wr_tls_wait_cancel(struct wr_tls *t)
{
    if (t->wait != NULL) {
        t->wait->over = true;
        t->wait->out_bytes = 0;
        SSL_do_handshake(t->ssl); /* its job comes to an end, without a signature */
    }
}

/* The signature's bytes at out; 0: there is none. */
static size_t
tls_remote_ask(const struct wr_tls_remote_key *k, unsigned op, const uint8_t *what, size_t n, uint8_t *out)
{
    struct wr_tls_remote *rm = k->rm;
    struct wr_tls_wait w = {.t = rm->shop->shaking,
                            .key = k,
                            .id = ++rm->last_id,
                            .op = op,
                            .what = what,
                            .what_bytes = n,
                            .out = out};

    if (w.t == NULL || n > WR_TLS_SIGN_BYTES || ASYNC_get_current_job() == NULL) {
        return 0;
    }
    wr_list_add_tail(&rm->waits, &w.link);
    w.t->wait = &w;
    wr_loop_post(rm->shop->loop, &rm->task);
    while (!w.over && ASYNC_pause_job() == 1) {
    }
    w.t->wait = NULL;
    wr_list_del(&w.link);
    return w.over ? w.out_bytes : 0;
}

static int tls_remote_ec_index = -1, tls_remote_rsa_index = -1;

static int
tls_remote_ec_sign(int type, const unsigned char *digest, int n, unsigned char *out, unsigned int *out_n,
                   const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
    uint8_t room[WR_TLS_SIGN_BYTES];
    const struct wr_tls_remote_key *k = EC_KEY_get_ex_data(key, tls_remote_ec_index);
    size_t got = k != NULL && n > 0 ? tls_remote_ask(k, WR_TLS_SIGN_EC, digest, (size_t)n, room) : 0;

    (void)type;
    (void)kinv;
    (void)r;
    if (got == 0 || got > (size_t)ECDSA_size(key)) {
        return 0;
    }
    memcpy(out, room, got);
    *out_n = (unsigned)got;
    return 1;
}

static int
tls_remote_rsa_sign(int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    uint8_t room[WR_TLS_SIGN_BYTES];
    const struct wr_tls_remote_key *k = RSA_get_ex_data(rsa, tls_remote_rsa_index);
    unsigned op = padding == RSA_NO_PADDING ? WR_TLS_SIGN_RSA_RAW : WR_TLS_SIGN_RSA_PKCS1;

    if (k == NULL || n <= 0 || (padding != RSA_NO_PADDING && padding != RSA_PKCS1_PADDING)) {
        return -1;
    }
    size_t got = tls_remote_ask(k, op, from, (size_t)n, room);
    if (got == 0 || got > (size_t)RSA_size(rsa)) {
        return -1;
    }
    memcpy(to, room, got);
    return (int)got;
}

/* ---- key objects ---- */

static void
tls_remote_key_unref(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
    struct wr_tls_remote_key *k = ptr;

    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    if (k != NULL && --k->refs == 0) {
        free(k);
    }
}

static int
tls_remote_key_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **ptr, int idx, long argl, void *argp)
{
    struct wr_tls_remote_key *k = *ptr;

    (void)to;
    (void)from;
    (void)idx;
    (void)argl;
    (void)argp;
    if (k != NULL) {
        k->refs++;
    }
    return 1;
}

static struct wr_tls_remote_key *
tls_remote_key_new(struct wr_tls_remote *rm, EVP_PKEY *public_key, struct wr_str path)
{
    struct wr_tls_remote_key *k = wr_calloc(1, sizeof(*k) + path.n);

    k->refs = 1;
    k->rm = rm;
    k->path_bytes = path.n;
    memcpy(k->path, path.p, path.n);
    if (!wr_tls_cert_spki(public_key, k->spki)) {
        free(k);
        return NULL;
    }
    return k;
}

bool
wr_tls_remote_can(const X509 *leaf)
{
    EVP_PKEY *key = X509_get0_pubkey(leaf);

    return key != NULL && (EVP_PKEY_is_a(key, "EC") == 1 || EVP_PKEY_is_a(key, "RSA") == 1);
}

EVP_PKEY *
wr_tls_remote_key(struct wr_tls_remote *rm, X509 *leaf, struct wr_str path)
{
    EVP_PKEY *public_key = X509_get0_pubkey(leaf), *key = EVP_PKEY_new();
    struct wr_tls_remote_key *k = wr_tls_remote_can(leaf) && path.n <= WR_TLS_SIGN_PATH_BYTES
        ? tls_remote_key_new(rm, public_key, path)
        : NULL;
    bool is_ec = k != NULL && EVP_PKEY_is_a(public_key, "EC") == 1;
    EC_KEY *ec = is_ec ? EVP_PKEY_get1_EC_KEY(public_key) : NULL;
    RSA *rsa = k != NULL && !is_ec ? EVP_PKEY_get1_RSA(public_key) : NULL;
    EC_KEY *own_ec = ec != NULL ? EC_KEY_dup(ec) : NULL;
    RSA *own_rsa = rsa != NULL ? RSAPublicKey_dup(rsa) : NULL;
    bool ok = false;

    if (own_ec != NULL) {
        ok = EC_KEY_set_method(own_ec, rm->ec) == 1 &&
            EC_KEY_set_ex_data(own_ec, tls_remote_ec_index, k) == 1 &&
            EVP_PKEY_assign_EC_KEY(key, own_ec) == 1;
    } else if (own_rsa != NULL) {
        ok = RSA_set_method(own_rsa, rm->rsa) == 1 &&
            RSA_set_ex_data(own_rsa, tls_remote_rsa_index, k) == 1 && EVP_PKEY_assign_RSA(key, own_rsa) == 1;
    }
    EC_KEY_free(ec);
    RSA_free(rsa);
    if (!ok) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

/* ---- life ---- */

struct wr_tls_remote *
wr_tls_remote_new(struct wr_tls_shop *shop, int (*line)(void))
{
    struct wr_tls_remote *rm = wr_calloc(1, sizeof(*rm));

    if (tls_remote_ec_index < 0) {
        tls_remote_ec_index =
            EC_KEY_get_ex_new_index(0, NULL, NULL, tls_remote_key_dup, tls_remote_key_unref);
        tls_remote_rsa_index = RSA_get_ex_new_index(0, NULL, NULL, tls_remote_key_dup, tls_remote_key_unref);
    }
    rm->shop = shop;
    rm->line = line;
    rm->ev.fd = -1;
    wr_list_init(&rm->waits);
    wr_timer_init(&rm->timer, tls_remote_on_timer);
    rm->task.fn = tls_remote_on_task;
    rm->ec = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    EC_KEY_METHOD_set_sign(rm->ec, tls_remote_ec_sign, NULL, NULL);
    rm->rsa = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    RSA_meth_set_priv_enc(rm->rsa, tls_remote_rsa_sign);
    RSA_meth_set_flags(rm->rsa, RSA_METHOD_FLAG_NO_CHECK);
    tls_remote_send(rm); /* nothing yet: the line is asked for */
    return rm;
}

void
wr_tls_remote_free(struct wr_tls_remote *rm)
{
    wr_timer_stop(&rm->shop->loop->wheel, &rm->timer);
    wr_loop_unpost(&rm->task);
    if (rm->ev.fd >= 0) {
        int fd = rm->ev.fd;
        wr_loop_del(rm->shop->loop, &rm->ev, false);
        close(fd);
    }
    EC_KEY_METHOD_free(rm->ec);
    RSA_meth_free(rm->rsa);
    free(rm);
}
