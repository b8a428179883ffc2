/*
 * Writing and reading the blob "names".
 */
#include "core/upstream/found.h"

#include "core/upstream/share.h"

/* ---- writing ---- */

static void
found_addrs(struct wr_out *o, const struct wr_addr *addrs, unsigned n)
{
    char text[WR_ADDR_TEXT_BYTES];

    for (unsigned i = 0; i < n; i++) {
        wr_out_lit(o, " ");
        wr_out_mem(o, text, wr_addr_text(&addrs[i], text));
    }
    wr_out_lit(o, "\n");
}

void
wr_found_write_name(struct wr_out *o, struct wr_str address, const struct wr_addr *addrs, unsigned n)
{
    wr_out_lit(o, "name ");
    wr_out_str(o, address);
    found_addrs(o, addrs, n);
}

void
wr_found_write_source(struct wr_out *o, struct wr_str upstream, struct wr_str source)
{
    wr_out_lit(o, "source ");
    wr_out_str(o, upstream);
    wr_out_lit(o, " ");
    wr_out_str(o, source);
    wr_out_lit(o, "\n");
}

void
wr_found_write_server(struct wr_out *o, const struct wr_found_server *s)
{
    wr_out_lit(o, "server ");
    if (s->row == WR_SHARE_NONE) {
        wr_out_lit(o, "-");
    } else {
        wr_out_u64(o, s->row);
    }
    wr_out_lit(o, " ");
    wr_out_str(o, s->name);
    wr_out_lit(o, " ");
    wr_out_u64(o, s->weight);
    wr_out_lit(o, " ");
    wr_out_u64(o, s->max);
    wr_out_str(o, s->backup ? WR_STR(" backup") : WR_STR(" -"));
    found_addrs(o, s->addrs, s->addrs_n);
}

/* ---- reading ---- */

static unsigned
found_read_addrs(struct wr_str list, struct wr_addr *addrs)
{
    struct wr_str word;
    const char *why;
    unsigned n = 0;

    while (n < WR_FOUND_ADDRS && wr_str_word(&list, &word)) {
        n += wr_addr_parse(word, &addrs[n], &why);
    }
    return n;
}

static bool
found_read_server(struct wr_str line, struct wr_found_server *s)
{
    struct wr_str row, weight, max, tier;
    uint64_t row_number = WR_SHARE_NONE, weight_number, max_number;

    if (!wr_str_word(&line, &row) || !wr_str_word(&line, &s->name) || !wr_str_word(&line, &weight) ||
        !wr_str_word(&line, &max) || !wr_str_word(&line, &tier) ||
        !wr_str_u64(weight, UINT32_MAX, &weight_number) || !wr_str_u64(max, UINT32_MAX, &max_number) ||
        (!wr_str_eq(row, WR_STR("-")) && !wr_str_u64(row, WR_SHARE_SERVERS - 1, &row_number))) {
        return false;
    }
    s->row = (uint32_t)row_number;
    s->weight = (uint32_t)weight_number;
    s->max = (uint32_t)max_number;
    s->backup = wr_str_eq(tier, WR_STR("backup"));
    s->addrs_n = found_read_addrs(line, s->addrs);
    return s->addrs_n > 0;
}

static void
found_read_name(struct wr_str line, const struct wr_found_reader *rd, void *arg)
{
    struct wr_addr addrs[WR_FOUND_ADDRS];
    struct wr_str address;

    if (wr_str_word(&line, &address)) {
        rd->name(arg, address, addrs, found_read_addrs(line, addrs));
    }
}

static bool
found_read_source(struct wr_str line, const struct wr_found_reader *rd, void *arg)
{
    struct wr_str upstream;

    return wr_str_word(&line, &upstream) && line.n > 1 &&
        rd->source(arg, upstream, wr_str_make(line.p + 1, line.n - 1));
}

void
wr_found_read(struct wr_str text, const struct wr_found_reader *rd, void *arg)
{
    struct wr_found_server server;
    bool wanted = false;

    while (text.n > 0) {
        ptrdiff_t end = wr_str_find(text, '\n');
        struct wr_str line = wr_str_make(text.p, end < 0 ? text.n : (size_t)end), kind;
        text = end < 0 ? WR_STR_NONE : wr_str_make(text.p + end + 1, text.n - (size_t)end - 1);
        if (!wr_str_word(&line, &kind)) {
            continue;
        }
        if (wr_str_eq(kind, WR_STR("server"))) {
            if (wanted && found_read_server(line, &server)) {
                rd->server(arg, &server);
            }
            continue;
        }
        if (wanted) {
            rd->source_end(arg);
        }
        wanted = wr_str_eq(kind, WR_STR("source")) && found_read_source(line, rd, arg);
        if (wr_str_eq(kind, WR_STR("name"))) {
            found_read_name(line, rd, arg);
        }
    }
    if (wanted) {
        rd->source_end(arg);
    }
}
