/* modules/tls/tls_ticket: keys take turns, old ones are good for two more, and OpenSSL's tickets are made with them. */
#include "modules/tls/tls_ticket.h"

#include "t/lib/ssl_peer.h"
#include "t/unit/tap.h"

static struct wr_tls_ring ticket_ring;
static EVP_CIPHER *ticket_cbc;

static void
ticket_ring_clear(void)
{
    memset(&ticket_ring, 0, sizeof(ticket_ring));
}

/* ---- the ring ---- */

static void
test_empty(void)
{
    static const uint8_t zeros[16];
    uint8_t name[16], iv[16];
    bool now;

    ticket_ring_clear();
    tap_ok(wr_tls_ring_now(&ticket_ring) == NULL, "a new ring has no key");
    tap_ok(wr_tls_ring_find(&ticket_ring, zeros, &now) == NULL, "not even one whose name is zeros");
    tap_is_int(wr_tls_ticket_seal(&ticket_ring, ticket_cbc, name, iv, NULL, NULL), -1, "no ticket is made");
    tap_is_int(wr_tls_ticket_open(&ticket_ring, ticket_cbc, zeros, iv, NULL, NULL), 0, "none is known");
    wr_tls_ring_turn(&ticket_ring, 5);
    tap_ok(wr_tls_ring_find(&ticket_ring, zeros, &now) == NULL,
           "places that no turn has filled yet are none, either");
    tap_is_int(sizeof(ticket_ring), 8 + 8 + WR_TLS_TICKET_KEYS * 80, "it is as its layout says: %s",
               wr_tls_ring_layout);
}

static void
test_turns(void)
{
    uint8_t name[10][16];
    const struct wr_tls_ticket_key *first, *k;
    bool now, good = true, unique = true;

    ticket_ring_clear();
    for (unsigned turn = 0; turn < 10; turn++) {
        good = good && wr_tls_ring_turn(&ticket_ring, 100 + turn);
        good = good && atomic_load(&ticket_ring.turn) == turn + 1 &&
            atomic_load(&ticket_ring.born_ms) == 100 + turn;
        k = wr_tls_ring_now(&ticket_ring);
        memcpy(name[turn], k->name, 16);
        for (unsigned old = 0; old <= turn; old++) {
            const struct wr_tls_ticket_key *found = wr_tls_ring_find(&ticket_ring, name[old], &now);
            bool wanted = turn - old <= WR_TLS_TICKET_TURNS;
            good = good && (found != NULL) == wanted && (!wanted || now == (old == turn));
            unique = unique && (old == turn || memcmp(name[old], name[turn], 16) != 0);
        }
    }
    tap_ok(good,
           "in ten turns, each key is found in its own and two more, and is the present one in its own");
    tap_ok(unique, "no two have a name in common");
    first = wr_tls_ring_now(&ticket_ring);
    wr_tls_ring_turn(&ticket_ring, 0);
    k = wr_tls_ring_now(&ticket_ring);
    tap_ok(k != first && memcmp(k->cipher, first->cipher, 32) != 0 && memcmp(k->mac, first->mac, 32) != 0,
           "nor anything else");
    tap_ok(memcmp(first->name, name[9], 16) == 0, "the one that is read is not written to");
}

/* ---- through OpenSSL ---- */

static int ticket_verdict; /* of the last ticket that was opened; -9: none was */

static int
ticket_on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
              int seal)
{
    if (seal) {
        return wr_tls_ticket_seal(&ticket_ring, ticket_cbc, name, iv, cipher, mac);
    }
    ticket_verdict = wr_tls_ticket_open(&ticket_ring, ticket_cbc, name, iv, cipher, mac);
    /* as tls_server.c does, so that the client gets another */
    return ticket_verdict == 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : ticket_verdict;
}

static const struct made *ticket_cert;

/* A handshake, with the session if there is one, which is freed; the session afterwards, with its ticket. */
static SSL_SESSION *
ticket_shake(bool v13, SSL_SESSION *session, bool *resumed)
{
    struct ssl_peer client, server;
    char byte;

    ssl_peer_init(&client, false, v13, NULL);
    ssl_peer_init(&server, true, v13, ticket_cert);
    SSL_CTX_set_session_cache_mode(client.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_session_cache_mode(server.ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(server.ctx, 1);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(server.ctx, ticket_on_key);
    ssl_peer_start(&client);
    ssl_peer_start(&server);
    if (session != NULL) {
        SSL_set_session(client.ssl, session);
    }
    ticket_verdict = -9;
    ssl_peer_shake(&client, &server);
    SSL_read(client.ssl, &byte, 1); /* the ticket of TLS 1.3 */
    *resumed = SSL_session_reused(client.ssl) == 1 && SSL_session_reused(server.ssl) == 1;
    SSL_SESSION_free(session);
    session = SSL_get1_session(client.ssl);
    ssl_peer_end(&client);
    ssl_peer_end(&server);
    return session;
}

static bool
ticket_named(const SSL_SESSION *session, const struct wr_tls_ticket_key *k)
{
    const unsigned char *ticket;
    size_t n;

    SSL_SESSION_get0_ticket(session, &ticket, &n);
    return n > 16 && memcmp(ticket, k->name, 16) == 0;
}

static void
test_openssl(bool v13)
{
    const char *what = v13 ? "TLS 1.3" : "TLS 1.2";
    SSL_SESSION *s;
    bool resumed;

    ticket_ring_clear();
    wr_tls_ring_turn(&ticket_ring, 0);
    s = ticket_shake(v13, NULL, &resumed);
    tap_ok(!resumed && ticket_verdict == -9 && ticket_named(s, wr_tls_ring_now(&ticket_ring)),
           "%s: a first handshake brings a ticket of the present key", what);
    s = ticket_shake(v13, s, &resumed);
    tap_ok(resumed && ticket_verdict == 1, "%s: with which a second goes on", what);
    for (unsigned turns = 1; turns <= 2; turns++) {
        for (unsigned i = 0; i < turns; i++) {
            wr_tls_ring_turn(&ticket_ring, 0);
        }
        s = ticket_shake(v13, s, &resumed);
        tap_ok(resumed && ticket_verdict == 2, "%s: so after %u turns, being old", what, turns);
        tap_ok(ticket_named(s, wr_tls_ring_now(&ticket_ring)), "%s: and there is a new one", what);
    }
    for (unsigned i = 0; i < 3; i++) {
        wr_tls_ring_turn(&ticket_ring, 0);
    }
    s = ticket_shake(v13, s, &resumed);
    tap_ok(!resumed && ticket_verdict == 0, "%s: after three turns it is refused, without harm", what);
    struct wr_tls_ring mine = ticket_ring;
    ticket_ring_clear();
    wr_tls_ring_turn(&ticket_ring, 0);
    s = ticket_shake(v13, s, &resumed);
    tap_ok(!resumed && ticket_verdict == 0, "%s: and so is a ticket of another ring", what);
    ticket_ring = mine;
    SSL_SESSION_free(s);
}

/* The MAC that OpenSSL was given the key of. */
static void
test_touched(bool v13)
{
    unsigned char *der = NULL;
    const unsigned char *ticket, *from;
    SSL_SESSION *s;
    bool resumed;
    size_t n;

    ticket_ring_clear();
    wr_tls_ring_turn(&ticket_ring, 0);
    s = ticket_shake(v13, NULL, &resumed);
    SSL_SESSION_get0_ticket(s, &ticket, &n);
    int der_n = i2d_SSL_SESSION(s, &der);
    unsigned char *at = memmem(der, (size_t)der_n, ticket, n);
    at[n / 2] ^= 1;
    from = der;
    SSL_SESSION *touched = d2i_SSL_SESSION(NULL, &from, der_n);
    OPENSSL_free(der);
    SSL_SESSION_free(s);
    s = ticket_shake(v13, touched, &resumed);
    tap_ok(!resumed && ticket_verdict == 1, "%s: a ticket that was touched is none",
           v13 ? "TLS 1.3" : "TLS 1.2");
    SSL_SESSION_free(s);
}

int
main(void)
{
    struct made cert = make_cert(&(struct make_wish){.name = "a.example"});

    ticket_cert = &cert;
    ticket_cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    test_empty();
    test_turns();
    test_openssl(true);
    test_openssl(false);
    test_touched(true);
    test_touched(false);
    EVP_CIPHER_free(ticket_cbc);
    make_free(&cert);
    return tap_done();
}
