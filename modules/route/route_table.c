/*
 * Hosts by hash, paths by a radix tree over bytes with the rule of whole
 * segments: a prefix "/api" is left at "/apix", because the byte behind it is
 * no slash.  Each node that ends a prefix knows the next shorter one, so that
 * falling back is a chain and no second walk.
 */
#include "modules/route/route_table.h"

#define ROUTE_TABLE_FEW 8 /* children that are searched one by one; more get an index by byte */

struct route_table_list {
    struct wr_route_rule *v; /* most conditions first */
    size_t n;
};

struct wr_route_node {
    struct wr_str label; /* the bytes from the parent's end to ours */
    struct route_table_list exact;
    struct route_table_list prefix;
    const struct wr_route_node *up; /* the next shorter prefix that holds for whoever is below us */
    struct wr_route_node **children;
    uint16_t children_n;
    uint16_t children_cap;
    uint8_t few[ROUTE_TABLE_FEW]; /* first bytes of the children */
    uint16_t *index;              /* byte -> number of the child + 1; NULL with few children */
};

/* ---- building ---- */

static struct wr_route_node *
route_table_node(struct wr_pool *pool, struct wr_str label)
{
    struct wr_route_node *node = wr_pool_zalloc(pool, sizeof(*node));

    node->label = label;
    return node;
}

static void
route_table_adopt(struct wr_route_node *node, struct wr_route_node *child, struct wr_pool *pool)
{
    if (node->children_n == node->children_cap) {
        uint16_t cap = (uint16_t)(node->children_cap > 0 ? node->children_cap * 2 : 2);
        struct wr_route_node **children = wr_pool_alloc(pool, cap * sizeof(struct wr_route_node *));
        if (node->children_n > 0) {
            memcpy(children, node->children, node->children_n * sizeof(struct wr_route_node *));
        }
        node->children = children;
        node->children_cap = cap;
    }
    node->children[node->children_n++] = child;
}

static struct wr_route_node **
route_table_child_slot(struct wr_route_node *node, char c)
{
    for (uint16_t i = 0; i < node->children_n; i++) {
        if (node->children[i]->label.p[0] == c) {
            return &node->children[i];
        }
    }
    return NULL;
}

static size_t
route_table_common(struct wr_str a, struct wr_str b)
{
    size_t n = 0;

    while (n < a.n && n < b.n && a.p[n] == b.p[n]) {
        n++;
    }
    return n;
}

/* Puts a node above *slot that ends after n bytes of its label. */
static struct wr_route_node *
route_table_split(struct wr_route_node **slot, size_t n, struct wr_pool *pool)
{
    struct wr_route_node *below = *slot;
    struct wr_route_node *node = route_table_node(pool, wr_str_make(below->label.p, n));

    below->label = wr_str_make(below->label.p + n, below->label.n - n);
    route_table_adopt(node, below, pool);
    *slot = node;
    return node;
}

/* The node at which `path` ends, made if need be. */
static struct wr_route_node *
route_table_place(struct wr_route_node *node, struct wr_str path, struct wr_pool *pool)
{
    while (path.n > 0) {
        struct wr_route_node **slot = route_table_child_slot(node, path.p[0]);
        if (!slot) {
            struct wr_route_node *child = route_table_node(pool, path);
            route_table_adopt(node, child, pool);
            return child;
        }
        size_t n = route_table_common((*slot)->label, path);
        node = n < (*slot)->label.n ? route_table_split(slot, n, pool) : *slot;
        path = wr_str_make(path.p + n, path.n - n);
    }
    return node;
}

/* Behind those with as many conditions.  Room grows at powers of two. */
static void
route_table_list_add(struct route_table_list *list, const struct wr_route *rt, struct wr_pool *pool)
{
    size_t at = list->n;

    if ((list->n & (list->n - 1)) == 0) {
        struct wr_route_rule *v = wr_pool_alloc(pool, WR_MAX(list->n * 2, (size_t)1) * sizeof(*v));
        if (list->n > 0) {
            memcpy(v, list->v, list->n * sizeof(*v));
        }
        list->v = v;
    }
    while (at > 0 && list->v[at - 1].route->conditions < rt->conditions) {
        list->v[at] = list->v[at - 1];
        at--;
    }
    wr_route_rule_make(&list->v[at], rt, pool);
    list->n++;
}

static void
route_table_finish(struct wr_route_node *node, const struct wr_route_node *up, struct wr_pool *pool)
{
    node->up = up;
    if (node->children_n > ROUTE_TABLE_FEW) {
        node->index = wr_pool_zalloc(pool, 256 * sizeof(*node->index));
    }
    for (uint16_t i = 0; i < node->children_n; i++) {
        struct wr_route_node *child = node->children[i];
        uint8_t c = (uint8_t)child->label.p[0];
        if (node->index) {
            node->index[c] = (uint16_t)(i + 1);
        } else {
            node->few[i] = c;
        }
        route_table_finish(child, node->prefix.n > 0 && c == '/' ? node : up, pool);
    }
}

struct wr_str
wr_route_canon(struct wr_str path, struct wr_pool *pool)
{
    struct wr_str canon = path;
    uint32_t flags;

    if (path.n > 0 && path.p[0] == '/') {
        wr_uri_canon(path, wr_pool_alloc(pool, 3 * path.n), &canon, &flags);
    }
    return canon;
}

void
wr_route_table_build(struct wr_route_table *t, struct wr_route *const *routes, size_t n, struct wr_pool *pool)
{
    t->root = route_table_node(pool, WR_STR_NONE);
    for (size_t i = 0; i < n; i++) {
        const struct wr_route *rt = routes[i];
        struct wr_route_node *node = route_table_place(t->root, wr_route_canon(rt->path, pool), pool);
        route_table_list_add(rt->prefix ? &node->prefix : &node->exact, rt, pool);
    }
    route_table_finish(t->root, NULL, pool);
}

/* ---- finding ---- */

static inline const struct wr_route_node *
route_table_child(const struct wr_route_node *node, uint8_t c)
{
    if (node->index) {
        unsigned i = node->index[c];
        return i > 0 ? node->children[i - 1] : NULL;
    }
    for (uint16_t i = 0; i < node->children_n; i++) {
        if (node->few[i] == c) {
            return node->children[i];
        }
    }
    return NULL;
}

static inline const struct wr_route *
route_table_try(const struct route_table_list *list, const struct wr_req *r, wr_route_trace_fn *trace,
                void *arg)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t which = 0;
        enum wr_route_miss miss =
            list->v[i].route->conditions == 0 ? WR_ROUTE_FITS : wr_route_rule_try(&list->v[i], r, &which);
        if (wr_unlikely(trace != NULL)) {
            trace(arg, &list->v[i], miss, which);
        }
        if (miss == WR_ROUTE_FITS) {
            return list->v[i].route;
        }
    }
    return NULL;
}

const struct wr_route *
wr_route_table_find(const struct wr_route_table *t, const struct wr_req *r, wr_route_trace_fn *trace,
                    void *arg)
{
    const struct wr_route_node *node = t->root;
    const struct wr_route_node *longest = NULL;
    const struct wr_route *found = NULL;
    const char *p = r->path.p;
    const char *end = p + r->path.n;

    for (;;) {
        if (node->prefix.n > 0 && (p == end || *p == '/')) {
            longest = node;
        }
        if (p == end) {
            found = route_table_try(&node->exact, r, trace, arg);
            break;
        }
        const struct wr_route_node *child = route_table_child(node, (uint8_t)*p);
        if (!child || (size_t)(end - p) < child->label.n || memcmp(p, child->label.p, child->label.n) != 0) {
            break;
        }
        p += child->label.n;
        node = child;
    }
    for (; !found && longest; longest = longest->up) {
        found = route_table_try(&longest->prefix, r, trace, arg);
    }
    return found;
}

/* ---- hosts ---- */

static unsigned
route_table_labels(struct wr_str name)
{
    unsigned n = 1;

    for (size_t i = 0; i < name.n; i++) {
        n += name.p[i] == '.';
    }
    return WR_MIN(n, 63U);
}

static void
route_table_add_name(struct wr_route_hosts *h, struct wr_str name, struct wr_route_site *site)
{
    if (wr_str_eq(name, WR_STR("*"))) {
        h->any = site;
    } else if (wr_str_starts(name, WR_STR("*."))) {
        name = wr_str_make(name.p + 2, name.n - 2);
        wr_strmap_add(&h->below, name, site);
        h->depths |= UINT64_C(1) << route_table_labels(name);
    } else {
        wr_strmap_add(&h->exact, name, site);
    }
}

void
wr_route_hosts_build(struct wr_route_hosts *h, const struct wr_listen *ls, struct wr_route_site *sites,
                     struct wr_pool *pool)
{
    size_t names = 0;

    memset(h, 0, sizeof(*h));
    for (size_t i = 0; i < ls->servers_n; i++) {
        names += ls->servers[i]->names_n;
    }
    wr_strmap_init(&h->exact, pool, (uint32_t)names);
    wr_strmap_init(&h->below, pool, (uint32_t)names);
    for (size_t i = 0; i < ls->servers_n; i++) {
        const struct wr_server *server = ls->servers[i];
        for (size_t k = 0; k < server->names_n; k++) {
            route_table_add_name(h, server->names[k], &sites[server->index]);
        }
    }
}

/* The longest name below which `host` is.  Names of a depth that nobody has are not hashed. */
static struct wr_route_site *
route_table_below(const struct wr_route_hosts *h, struct wr_str host)
{
    unsigned labels = 1;

    for (size_t i = 0; i < host.n; i++) {
        labels += host.p[i] == '.';
    }
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] != '.') {
            continue;
        }
        labels--;
        if (!(h->depths >> WR_MIN(labels, 63U) & 1)) {
            continue;
        }
        struct wr_route_site *site = wr_strmap_get(&h->below, wr_str_make(host.p + i + 1, host.n - i - 1));
        if (site) {
            return site;
        }
    }
    return NULL;
}

struct wr_route_site *
wr_route_hosts_find(const struct wr_route_hosts *h, struct wr_str host)
{
    struct wr_route_site *site = host.n > 0 ? wr_strmap_get(&h->exact, host) : NULL;

    if (!site && h->depths != 0) {
        site = route_table_below(h, host);
    }
    return site ? site : h->any;
}
