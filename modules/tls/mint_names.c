/*
 * What an internal certificate is for: the names of a server as SAN.  They are
 * sorted, so that equal sets are equal bytes and comparing is memcmp.
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include "modules/tls/mint_cert.h"

#define MINT_NAMES_HOST_BYTES 253
#define MINT_NAMES_COMMON_BYTES 64

struct mint_names_one {
    int type; /* GEN_DNS, GEN_IPADD */
    struct wr_str text;
    struct wr_str bytes; /* as they stand in the certificate */
};

struct mint_names_list {
    struct wr_pool *pool;
    struct mint_names_one *v;
    size_t n;
};

static bool
mint_names_is_host(struct wr_str s)
{
    if (wr_str_starts(s, WR_STR("*."))) {
        s = wr_str_make(s.p + 2, s.n - 2);
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= MINT_NAMES_HOST_BYTES;
}

/* A host or an address, the latter in brackets when it is IPv6.  False: neither. */
static bool
mint_names_add(struct mint_names_list *l, struct wr_str s)
{
    struct mint_names_one *one = &l->v[l->n];
    struct wr_ip ip;
    bool bracketed = s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
    struct wr_str bare = bracketed ? wr_str_make(s.p + 1, s.n - 2) : s;

    if (wr_ip_parse(bare, &ip) && (bracketed || wr_str_find(bare, ':') < 0)) {
        bool v4 = ip.family == AF_INET;
        *one = (struct mint_names_one){
            GEN_IPADD, bare, wr_pool_str(l->pool, wr_str_make((char *)ip.b + (v4 ? 12 : 0), v4 ? 4 : 16))};
    } else if (mint_names_is_host(s)) {
        *one = (struct mint_names_one){GEN_DNS, s, s};
    } else {
        return false;
    }
    l->n++;
    return true;
}

/* Everything: what a browser on this machine or beside it may call it. */
static void
mint_names_add_any(struct mint_names_list *l)
{
    char host[MINT_NAMES_HOST_BYTES + 2] = "";

    mint_names_add(l, WR_STR("localhost"));
    if (gethostname(host, sizeof(host) - 1) == 0) {
        struct wr_str name = wr_pool_str(l->pool, wr_str_of(host));
        wr_str_lower((char *)(uintptr_t)name.p, name);
        mint_names_add(l, name); /* or not: it may be anything */
    }
    mint_names_add(l, WR_STR("127.0.0.1"));
    mint_names_add(l, WR_STR("[::1]"));
}

static int
mint_names_order(const void *a, const void *b)
{
    const struct mint_names_one *x = a, *y = b;

    return x->type != y->type ? x->type - y->type : wr_str_cmp(x->bytes, y->bytes);
}

/* False: no memory. */
static bool
mint_names_push(GENERAL_NAMES *to, const struct mint_names_one *one)
{
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_STRING *s = g == NULL
        ? NULL
        : ASN1_STRING_type_new(one->type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);

    if (s == NULL || ASN1_STRING_set(s, one->bytes.p, (int)one->bytes.n) != 1) {
        ASN1_STRING_free(s);
        GENERAL_NAME_free(g);
        return false;
    }
    GENERAL_NAME_set0_value(g, one->type, s);
    if (sk_GENERAL_NAME_push(to, g) <= 0) {
        GENERAL_NAME_free(g);
        return false;
    }
    return true;
}

static bool
mint_names_encode(const struct mint_names_list *l, struct wr_str *der)
{
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    unsigned char *bytes = NULL;
    bool good = all != NULL;

    for (size_t i = 0; good && i < l->n; i++) {
        bool again = i > 0 && mint_names_order(&l->v[i - 1], &l->v[i]) == 0;
        good = again || mint_names_push(all, &l->v[i]);
    }
    int n = good ? i2d_GENERAL_NAMES(all, &bytes) : -1;
    if (n > 0) {
        *der = wr_pool_str(l->pool, wr_str_make((char *)bytes, (size_t)n));
    }
    OPENSSL_free(bytes);
    GENERAL_NAMES_free(all);
    return n > 0;
}

bool
wr_mint_names_make(struct wr_pool *pool, const struct wr_str *names, size_t n, struct wr_mint_names *out,
                   size_t *which, const char **why)
{
    struct mint_names_list l = {.pool = pool};

    *which = 0;
    *why = n == 0 ? "no name" : "more names than fit a certificate";
    if (n == 0 || n > WR_MINT_NAMES_MOST) {
        return false;
    }
    l.v = wr_pool_alloc(pool, (n + 4) * sizeof(*l.v));
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        bool is_any = wr_str_eq(names[i], WR_STR("*"));
        if (is_any && !any) {
            any = true;
            mint_names_add_any(&l);
        } else if (!is_any && !mint_names_add(&l, names[i])) {
            *which = i;
            *why = "not a name that a certificate can be for";
            return false;
        }
    }
    struct wr_str first = l.v[0].text;
    out->common = first.n <= MINT_NAMES_COMMON_BYTES ? first : WR_STR_NONE;
    qsort(l.v, l.n, sizeof(*l.v), mint_names_order);
    *why = "no memory";
    return mint_names_encode(&l, &out->san);
}
