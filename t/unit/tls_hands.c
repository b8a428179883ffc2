/* modules/tls/tls_hands and tls_server: handshakes, whole and in pieces, good and refused, and what is agreed on. */
#include "t/unit/tls_link.h"

#include <sys/resource.h>

static const char *
hands_what(const struct link_wish *w)
{
    static char text[100];

    snprintf(text, sizeof(text), "%s, %s", w->client ? "client" : "server", ssl_peer_suites[w->v13][w->aead]);
    return text;
}

/* Whether bytes go both ways. */
static bool
hands_talk(struct link *l)
{
    struct wr_chain ch = WR_CHAIN_INIT(ch);
    size_t got = l->got_n, heard = l->heard_n;

    wr_chain_copy(&ch, "from weir", 9);
    wr_conn_send(l->c, &ch);
    link_run(l);
    SSL_write(l->p.ssl, "from the peer", 13);
    link_run(l);
    return l->got_n == got + 13 && memcmp(l->got + got, "from the peer", 13) == 0 &&
        l->heard_n == heard + 9 && memcmp(l->heard + heard, "from weir", 9) == 0;
}

/* ---- good ones ---- */

static void
test_good(void)
{
    struct link l;

    for (unsigned i = 0; i < 4 * WR_TLS_AEADS; i++) {
        struct link_wish w = {.client = i % 2 != 0, .v13 = i / 2 % 2 != 0, .aead = i / 4};
        const char *what = hands_what(&w);
        link_open(&l, &w);
        link_begin(&l, &w);
        tap_ok(l.c->transport == &wr_tls_transport && !l.c->transport->plain &&
                   l.c->transport->facts(l.c) == NULL,
               "%s: under TLS, nothing is agreed on yet", what);
        link_run(&l);
        tap_is_int(l.hand, WR_IO_OK, "%s: hands are shaken", what);
        const struct wr_secure_facts *f = l.c->transport->facts(l.c);
        tap_ok(f != NULL && strcmp(f->version, w.v13 ? "TLSv1.3" : "TLSv1.2") == 0 &&
                   strcmp(f->cipher, ssl_peer_suites[w.v13][w.aead]) == 0 && !f->resumed && f->alpn.n == 0 &&
                   strcmp(f->verify, "none") == 0 && f->cert == NULL && f->why == NULL,
               "%s: what was agreed on", what);
        tap_ok(w.client || (f->server == 0 && wr_str_eq(f->name, WR_STR("a.example"))), "%s: the server",
               what);
        tap_ok((l.t->ssl != NULL) == (w.client && w.v13),
               "%s: OpenSSL's object goes, but where tickets may come", what);
        tap_ok(l.t->raw == NULL && l.c->in == NULL, "%s: no buffer is kept", what);
        tap_ok(hands_talk(&l) && hands_talk(&l), "%s: bytes go both ways", what);
        tap_ok(l.t->ssl == NULL, "%s: with data it goes", what);
        link_close(&l);
    }
}

static void
test_pieces(void)
{
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = {.client = i % 2 != 0, .v13 = i / 2 != 0};
        link_open(&l, &w);
        l.piece = 1;
        link_begin(&l, &w);
        link_run(&l);
        tap_is_int(l.hand, WR_IO_OK, "%s: in pieces of one byte (%u steps)", hands_what(&w), l.steps);
        tap_ok(l.steps > 100 && hands_talk(&l), "%s: and on", hands_what(&w));
        link_close(&l);
    }
}

/* Weir's own bytes are not taken up: it goes on when they are. */
static void
test_full(void)
{
    struct link l;
    int few = 1;

    for (unsigned i = 0; i < 2; i++) {
        struct link_wish w = {.v13 = i != 0};
        link_open(&l, &w);
        setsockopt(l.c->ev.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
        while (send(l.c->ev.fd, "x", 1, MSG_DONTWAIT) == 1) {
        }
        link_begin(&l, &w);
        SSL_do_handshake(l.p.ssl);
        link_push(&l);
        turn();
        tap_ok(l.hand == WR_IO_AGAIN && !wr_chain_empty(&l.t->control) && !l.c->ev.writable,
               "%s: a full socket, what is to be said waits", hands_what(&w));
        char byte;
        while (recv(l.fd, &byte, 1, MSG_DONTWAIT) == 1 && byte == 'x') {
            if (recv(l.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 1 || byte != 'x') {
                break;
            }
        }
        link_run(&l);
        tap_ok(l.hand == WR_IO_OK && hands_talk(&l), "%s: and goes on", hands_what(&w));
        link_close(&l);
    }
}

/* What was received before TLS began (behind a PROXY header) is used: all of the first message, or some. */
static void
test_received(void)
{
    char hello[4096];
    struct link l;

    for (unsigned i = 0; i < 4; i++) {
        struct link_wish w = {.v13 = i % 2 != 0};
        link_open(&l, &w);
        SSL_do_handshake(l.p.ssl);
        size_t n = ssl_peer_take(&l.p, hello, sizeof(hello)), first = i / 2 == 0 ? n : n / 2;
        turn();
        l.c->in = wr_buf_new(first + 6);
        memcpy(l.c->in->data, "PROXY ", 6);
        memcpy(l.c->in->data + 6, hello, first);
        l.c->in->r = 6;
        l.c->in->w = (uint32_t)first + 6;
        link_begin(&l, &w);
        tap_ok(l.c->in == NULL, "%s: what is there becomes the handshake's", hands_what(&w));
        link_put(&l, hello + first, n - first);
        link_run(&l);
        tap_ok(l.hand == WR_IO_OK && hands_talk(&l), "%s: %zu of %zu bytes of the first message",
               hands_what(&w), first, n);
        link_close(&l);
    }
}

/* The first data come along with the client's last word. */
static void
test_with_data(void)
{
    struct link l;

    for (unsigned i = 0; i < 2; i++) {
        struct link_wish w = {.v13 = true};
        link_open(&l, &w);
        link_begin(&l, &w);
        SSL_do_handshake(l.p.ssl);
        link_push(&l);
        link_pull(&l);
        SSL_do_handshake(l.p.ssl);
        SSL_write(l.p.ssl, "a request", 9);
        if (i == 1) { /* half of it */
            char bytes[4096];
            size_t n = ssl_peer_take(&l.p, bytes, sizeof(bytes));
            l.holds = true;
            link_put(&l, bytes, n - 10);
            tap_ok(l.hand == WR_IO_OK && l.t->raw != NULL && !l.c->transport->pending(l.c),
                   "a record that is not whole is kept, and is nothing to be had");
            l.holds = false;
            link_put(&l, bytes + n - 10, 10);
        } else {
            l.holds = true;
            link_push(&l);
            tap_ok(l.hand == WR_IO_OK && l.c->transport->pending(l.c) && wr_conn_can_recv(l.c) &&
                       !wr_conn_is_quiet(l.c),
                   "data behind the last message wait in the transport");
            l.holds = false;
            wr_loop_more(loop, &l.c->ev);
        }
        turn();
        tap_is_mem(l.got, l.got_n, "a request", 9, "they are received");
        link_close(&l);
    }
}

/* TLS 1.2: the server has the last word, and the client waits for it. */
static void
test_last_word(void)
{
    struct link_wish w = {.v13 = false};
    struct link l;

    link_open(&l, &w);
    link_begin(&l, &w);
    for (unsigned i = 0; i < 2; i++) {
        SSL_do_handshake(l.p.ssl);
        link_push(&l);
        link_pull(&l);
    }
    tap_ok(l.hand == WR_IO_OK && SSL_do_handshake(l.p.ssl) == 1,
           "TLS 1.2: the server's last message goes at once");
    link_close(&l);
}

/* ---- tickets ---- */

static SSL_SESSION *hands_session;

static int
hands_on_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(hands_session);
    hands_session = session;
    return 1;
}

static void
hands_want_session(struct link *l)
{
    SSL_CTX_set_session_cache_mode(l->p.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(l->p.ctx, hands_on_session);
}

static void
test_tickets(void)
{
    struct link l;

    for (unsigned i = 0; i < 2; i++) {
        struct link_wish w = {.v13 = i != 0, .prepare = hands_want_session};
        link_shake(&l, &w);
        hands_talk(&l);
        tap_ok(hands_session != NULL && SSL_SESSION_is_resumable(hands_session) == 1, "%s: a ticket comes",
               hands_what(&w));
        link_close(&l);
        for (unsigned k = 0; k < 2; k++) {
            w.session = hands_session;
            hands_session = NULL;
            link_shake(&l, &w);
            SSL_SESSION_free(w.session);
            tap_ok(SSL_session_reused(l.p.ssl) == 1 && l.c->transport->facts(l.c)->resumed,
                   "%s: with which there is a shorter handshake", hands_what(&w));
            tap_ok(hands_talk(&l) && hands_talk(&l), "%s: bytes go both ways", hands_what(&w));
            link_close(&l);
            if (hands_session == NULL) {
                break; /* TLS 1.2: the same ticket is good again */
            }
        }
        tap_ok((hands_session != NULL) == w.v13, "%s: TLS 1.3 brings another", hands_what(&w));
        SSL_SESSION_free(hands_session);
        hands_session = NULL;
    }
}

static void
test_held_tickets(void)
{
    struct link_wish w = {.v13 = true, .prepare = hands_want_session};
    struct link l, other;

    link_shake(&l, &w);
    tap_ok(hands_session == NULL && !wr_chain_empty(&l.t->control), "a ticket waits for the first response");
    link_shake(&other, &w);
    wr_conn_close(other.c);
    other.c = NULL;
    link_pull(&other);
    link_hear(&other);
    tap_ok(hands_session != NULL && (SSL_get_shutdown(other.p.ssl) & SSL_RECEIVED_SHUTDOWN),
           "or for the end of the connection");
    SSL_SESSION_free(hands_session);
    hands_session = NULL;
    run_loop(200);
    link_pull(&l);
    link_hear(&l);
    tap_ok(hands_session != NULL && wr_chain_empty(&l.t->control), "it goes by itself a little later");
    tap_ok(hands_talk(&l), "and bytes behind it");
    SSL_SESSION_free(hands_session);
    hands_session = NULL;
    link_close(&l);
    link_close(&other);
}

/* A connection that dies while its ticket waits leaves nothing behind. */
static void
test_held_and_gone(void)
{
    struct link_wish w = {.v13 = true};
    struct link l[3];

    for (unsigned i = 0; i < 3; i++) {
        link_shake(&l[i], &w);
    }
    wr_conn_reset(l[1].c);
    l[1].c = NULL;
    close(l[0].fd);
    l[0].fd = -1;
    turn();
    run_loop(100);
    tap_ok(wr_list_empty(&world.shop.late), "of three whose tickets wait, one gone, one dead");
    for (unsigned i = 0; i < 3; i++) {
        link_close(&l[i]);
    }
}

static void
test_no_tickets(void)
{
    struct link l;

    world.conf.tickets = false;
    for (unsigned i = 0; i < 2; i++) {
        struct link_wish w = {.v13 = i != 0, .prepare = hands_want_session};
        link_shake(&l, &w);
        bool talks = hands_talk(&l);
        tap_ok(talks && (hands_session == NULL || SSL_SESSION_has_ticket(hands_session) == 0),
               "%s: tls.tickets = off", hands_what(&w));
        link_close(&l);
        SSL_SESSION_free(hands_session);
        hands_session = NULL;
    }
    world.conf.tickets = true;
}

/* ---- names and protocols ---- */

static void
hands_offer_h2(struct link *l)
{
    SSL_CTX_set_alpn_protos(l->p.ctx, (const unsigned char *)"\x02h2\x08http/1.1", 12);
}

static void
hands_offer_others(struct link *l)
{
    SSL_CTX_set_alpn_protos(l->p.ctx, (const unsigned char *)"\x02h2\x04smtp", 8);
}

static void
hands_be_old(struct link *l)
{
    SSL_CTX_set_min_proto_version(l->p.ctx, TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(l->p.ctx, TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(l->p.ctx, "ALL:@SECLEVEL=0");
}

static void
hands_be_strange(struct link *l)
{
    SSL_CTX_set_cipher_list(l->p.ctx, "AES128-SHA256:ECDHE-ECDSA-AES128-SHA256");
}

static void
test_agreed(void)
{
    struct link l;
    struct link_wish w = {.v13 = true, .name = "A.EXAMPLE", .prepare = hands_offer_h2};

    link_shake(&l, &w);
    const struct wr_secure_facts *f = l.c->transport->facts(l.c);
    tap_ok(wr_str_eq(f->name, WR_STR("a.example")), "a name in capitals is one in small letters");
    tap_ok(wr_str_eq(f->alpn, WR_STR("http/1.1")), "of protocols the one that is spoken");
    link_close(&l);
    w = (struct link_wish){.v13 = true, .name = "a.example."};
    link_shake(&l, &w);
    tap_ok(wr_str_eq(l.c->transport->facts(l.c)->name, WR_STR("a.example")), "a dot at its end is nothing");
    link_close(&l);
    w.name = "";
    link_shake(&l, &w);
    tap_ok(l.c->transport->facts(l.c)->name.n == 0 && l.c->transport->facts(l.c)->server == 0,
           "who names nobody gets the first server");
    link_close(&l);
}

/* The alert that the peer has got. */
static int
hands_alert(struct link *l)
{
    unsigned char bytes[4096];
    int n = BIO_read(l->p.in, bytes, sizeof(bytes));

    while (link_pull(l)) {
        n = BIO_read(l->p.in, bytes, sizeof(bytes));
    }
    return n >= 7 && bytes[n - 7] == WR_TLS_ALERT && bytes[n - 2] == 2 ? bytes[n - 1] : -1;
}

/* That the handshake fails for that reason, and the peer hears why. */
static void
hands_refused(const struct link_wish *w, uint16_t fault, int alert, const char *what)
{
    struct link l;

    link_open(&l, w);
    link_begin(&l, w);
    SSL_do_handshake(l.p.ssl);
    link_push(&l);
    turn();
    tap_ok(l.hand == WR_IO_ERR && l.c->failed && l.c->fault == fault, "%s is refused", what);
    if (l.c->fault != fault) {
        tap_note("hand %d fault %d, not %d", l.hand, l.c->fault, fault);
    }
    tap_is_int(hands_alert(&l), alert, "%s: and told", what);
    const struct wr_secure_facts *f = l.c->transport->facts(l.c);
    tap_ok(f != NULL && f->version == NULL, "%s: what is known of it", what);
    link_close(&l);
}

static void
test_refused(void)
{
    struct wr_tls_loaded had = world.w.loaded[0];

    hands_refused(&(struct link_wish){.v13 = true, .name = "b.example"}, WR_E_TLS_NAME,
                  SSL_AD_UNRECOGNIZED_NAME, "a name that no server has");
    hands_refused(&(struct link_wish){.v13 = true, .name = "x.a.example"}, WR_E_TLS_NAME,
                  SSL_AD_UNRECOGNIZED_NAME, "a name below one");
    hands_refused(&(struct link_wish){.v13 = true, .name = "a b"}, WR_E_TLS_NAME, SSL_AD_UNRECOGNIZED_NAME,
                  "a name that is none");
    hands_refused(&(struct link_wish){.v13 = true, .name = "."}, WR_E_TLS_NAME, SSL_AD_UNRECOGNIZED_NAME,
                  "a dot");
    hands_refused(&(struct link_wish){.v13 = true, .prepare = hands_offer_others}, WR_E_TLS_ALPN,
                  SSL_AD_NO_APPLICATION_PROTOCOL, "protocols of others");
    hands_refused(&(struct link_wish){.prepare = hands_be_old}, WR_E_TLS_VERSION, SSL_AD_PROTOCOL_VERSION,
                  "an old version");
    hands_refused(&(struct link_wish){.prepare = hands_be_strange}, WR_E_TLS_CIPHER, SSL_AD_HANDSHAKE_FAILURE,
                  "suites of others");
    world.conf.min = WR_TLS_MIN_13;
    hands_refused(&(struct link_wish){.v13 = false}, WR_E_TLS_VERSION, SSL_AD_PROTOCOL_VERSION,
                  "TLS 1.2 where tls.min is 1.3");
    world.conf.min = WR_TLS_MIN_12;
    world.w.loaded[0] = (struct wr_tls_loaded){0};
    wr_log_set(NULL, NULL, WR_LOG_ALERT);
    hands_refused(&(struct link_wish){.v13 = true}, WR_E_TLS_NO_CERT, SSL_AD_INTERNAL_ERROR,
                  "a server without a certificate");
    wr_log_set(NULL, NULL, WR_LOG_NOTICE);
    world.w.loaded[0] = had;
}

/* ---- what is no handshake ---- */

static void
hands_says(const void *bytes, size_t n, uint16_t fault, const char *what)
{
    struct link_wish w = {.v13 = true};
    struct link l;

    link_open(&l, &w);
    link_begin(&l, &w);
    link_put(&l, bytes, n);
    turn();
    if (!tap_ok(l.hand == WR_IO_ERR && l.c->fault == fault, "%s", what)) {
        tap_note("hand %d fault %d, not %d", l.hand, l.c->fault, fault);
    }
    link_close(&l);
}

static void
test_garbage(void)
{
    static const char long_record[] = "\x16\x03\x01\xff\xff";
    static const char no_hello[] = "\x16\x03\x01\x00\x04\x02\x00\x00\x00";
    static const char alert[] = "\x15\x03\x01\x00\x02\x02\x28";
    char zeros[20] = {0};

    hands_says(zeros, sizeof(zeros), WR_E_TLS_PROTOCOL, "zeros");
    hands_says("\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10\x00\x00\x2f"
               "0123456789abcdef",
               30, WR_E_TLS_VERSION, "a hello of SSL 2");
    hands_says("ssh-2.0-example\r\n", 17, WR_E_TLS_PROTOCOL, "another protocol");
    hands_says(long_record, 5, WR_E_TLS_PROTOCOL, "a record that is too long");
    hands_says(no_hello, 9, WR_E_TLS_PROTOCOL, "another message than a hello");
    hands_says(alert, 7, WR_E_TLS_PROTOCOL, "an alert before there was anything to be alarmed at");
}

static void
hands_be_wary(struct link *l)
{
    SSL_CTX_set_verify(l->p.ctx, SSL_VERIFY_PEER, NULL);
}

static void
test_alert(void)
{
    struct link l;

    for (unsigned i = 0; i < 2; i++) {
        struct link_wish w = {.v13 = i != 0, .prepare = hands_be_wary};
        link_open(&l, &w);
        link_begin(&l, &w);
        link_run(&l);
        const struct wr_secure_facts *f = l.c->transport->facts(l.c);
        tap_ok(l.hand == WR_IO_ERR && l.c->fault == WR_E_TLS_ALERT && strstr(f->why, "unknown ca") != NULL,
               "%s: a client that does not trust the certificate says so", hands_what(&w));
        link_close(&l);
    }
}

/* Plain HTTP: what was read goes back, and the caller takes TLS off. */
static void
test_plain(void)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    struct link_wish w = {.v13 = true};
    struct link l;

    for (unsigned i = 0; i < 2; i++) {
        link_open(&l, &w);
        if (i == 1) {
            wr_conn_unread(l.c, request, 3);
        }
        link_begin(&l, &w);
        link_put(&l, request + (i == 0 ? 0 : 3), sizeof(request) - 1 - (i == 0 ? 0 : 3));
        tap_ok(l.hand == WR_IO_ERR && l.c->fault == WR_E_PLAIN_ON_TLS && !l.c->failed, "plain HTTP is known");
        tap_ok(wr_conn_in_bytes(l.c) >= 3 && memcmp(l.c->in->data + l.c->in->r, "GET", 3) == 0,
               "what was read is there again%s", i == 0 ? "" : ", as much as had come");
        l.c->transport->close(l.c);
        l.c->transport = &wr_transport_plain;
        if (l.c->ev.readable) {
            wr_conn_recv(l.c, 4096);
        }
        tap_is_mem(l.c->in->data + l.c->in->r, wr_conn_in_bytes(l.c), request, sizeof(request) - 1,
                   "and the rest can be read");
        char byte;
        tap_ok(recv(l.fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "nothing was said to the client");
        link_close(&l);
    }
}

static void
test_hung_up(void)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    struct link l;

    for (unsigned i = 0; i < 3; i++) {
        struct link_wish w = {.client = i == 2, .v13 = true, .tcp = true};
        link_open(&l, &w);
        link_begin(&l, &w);
        if (i > 0) {
            SSL_do_handshake(l.p.ssl);
            char bytes[4096];
            size_t n = ssl_peer_take(&l.p, bytes, sizeof(bytes));
            link_put(&l, bytes, i == 1 ? n / 2 : n);
        }
        turn();
        shutdown(l.fd, SHUT_WR);
        run_loop(50);
        tap_ok(l.hand == WR_IO_ERR && l.c->fault == (w.client ? WR_E_UPSTREAM_TLS_PROTOCOL : WR_E_TLS_CLOSED),
               "%s: FIN inside the handshake", hands_what(&w));
        link_close(&l);
    }
    struct link_wish w = {.v13 = true, .tcp = true};
    link_open(&l, &w);
    link_begin(&l, &w);
    link_put(&l, "\x16\x03", 2);
    setsockopt(l.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(l.fd);
    l.fd = -1;
    run_loop(50);
    tap_ok(l.hand == WR_IO_ERR && l.c->fault == WR_E_TLS_CLOSED && l.c->err == ECONNRESET, "so a RST");
    link_close(&l);
}

/* Whoever is cut off inside the handshake gets no last word. */
static void
test_cut_off(void)
{
    struct link_wish w = {.v13 = true};
    struct link l;

    link_open(&l, &w);
    link_begin(&l, &w);
    SSL_do_handshake(l.p.ssl);
    char bytes[4096];
    size_t n = ssl_peer_take(&l.p, bytes, sizeof(bytes));
    link_put(&l, bytes, n / 2);
    wr_conn_close(l.c);
    l.c = NULL;
    turn();
    tap_ok(link_over(&l), "a connection is closed inside the handshake, and nothing is said");
    link_close(&l);
}

/* ---- certificates of clients ---- */

static const struct made *hands_cert;

static void
hands_show_cert(struct link *l)
{
    SSL_CTX_use_certificate(l->p.ctx, hands_cert->x);
    SSL_CTX_use_PrivateKey(l->p.ctx, hands_cert->key);
}

static void
hands_ask(int client, X509_STORE *store)
{
    world.conf.client = client;
    world.conf.client_depth = 3;
    world.w.loaded[0].store = store;
}

/* What comes of the handshake, and what is known of the client. */
static void
hands_as(bool v13, const struct made *cert, uint16_t fault, const char *verify, const char *what)
{
    struct link_wish w = {.v13 = v13, .prepare = cert != NULL ? hands_show_cert : NULL};
    struct link l;

    hands_cert = cert;
    link_open(&l, &w);
    link_begin(&l, &w);
    link_run(&l);
    const struct wr_secure_facts *f = l.c->transport->facts(l.c);
    if (fault != 0) {
        tap_ok(l.hand == WR_IO_ERR && l.c->fault == fault && f->why != NULL, "TLS 1.%d: %s: refused",
               v13 ? 3 : 2, what);
    } else {
        tap_ok(l.hand == WR_IO_OK && strcmp(f->verify, verify) == 0 && (f->cert != NULL) == (cert != NULL) &&
                   (cert == NULL || wr_str_eq(f->cert->subject, WR_STR("CN=me"))) &&
                   wr_str_eq(f->name, WR_STR("a.example")),
               "TLS 1.%d: %s: %s", v13 ? 3 : 2, what, verify);
        tap_ok(hands_talk(&l), "and on");
    }
    link_close(&l);
}

static void
test_client_certs(void)
{
    struct made root = make_cert(&(struct make_wish){.name = "root", .authority = true});
    struct made good = make_cert(&(struct make_wish){.name = "me", .issuer = &root, .serial = 5});
    struct made bad = make_cert(&(struct make_wish){.name = "me"});
    X509_STORE *store = X509_STORE_new();

    X509_STORE_add_cert(store, root.x);
    for (unsigned v13 = 0; v13 < 2; v13++) {
        hands_ask(WR_TLS_CLIENT_REQUIRED, store);
        hands_as(v13, &good, 0, "ok", "a certificate that is required");
        hands_as(v13, &bad, WR_E_TLS_CLIENT_CERT, NULL, "one that does not verify");
        hands_as(v13, NULL, WR_E_TLS_CLIENT_CERT, NULL, "none");
        hands_ask(WR_TLS_CLIENT_OPTIONAL, store);
        hands_as(v13, &good, 0, "ok", "one that is asked for");
        hands_as(v13, &bad, 0, "self-signed certificate", "a bad one");
        hands_as(v13, NULL, 0, "none", "none of those");
    }
    hands_ask(WR_TLS_CLIENT_OFF, NULL);
    X509_STORE_free(store);
    make_free(&root);
    make_free(&good);
    make_free(&bad);
}

int
main(void)
{
    link_world_begin();
    test_good();
    test_pieces();
    test_full();
    test_received();
    test_with_data();
    test_last_word();
    test_tickets();
    test_held_tickets();
    test_held_and_gone();
    test_no_tickets();
    test_agreed();
    test_refused();
    test_garbage();
    test_alert();
    test_plain();
    test_hung_up();
    test_cut_off();
    test_client_certs();
    link_world_end();
    return tap_done();
}
