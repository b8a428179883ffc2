/*
 * Lists of servers in files.  One bad line spoils the whole: half a list is
 * worse than the one before.
 */
#include "core/upstream/source_file.h"

#define SOURCE_FILE_WEIGHT_MOST 1000
#define SOURCE_FILE_MAX_MOST 1000000

/* "NAME:PORT" */
static bool
source_file_name(struct wr_source_entry *e)
{
    ptrdiff_t colon = wr_str_find(e->address, ':');
    uint64_t port;

    if (colon < 1 || colon > 253 ||
        !wr_str_u64(wr_str_make(e->address.p + colon + 1, e->address.n - (size_t)colon - 1), 65535, &port) ||
        port == 0) {
        return false;
    }
    bool letters = false;
    for (ptrdiff_t i = 0; i < colon; i++) {
        char c = e->address.p[i];
        letters = letters || (c >= 'a' && c <= 'z');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) {
            return false;
        }
    }
    e->host = wr_str_make(e->address.p, (size_t)colon);
    e->port = (uint16_t)port;
    return letters; /* digits and dots alone are a bad number */
}

static bool
source_file_number(struct wr_str word, struct wr_str key, uint64_t most, uint32_t *to)
{
    uint64_t v;

    if (!wr_str_starts(word, key) || !wr_str_u64(wr_str_make(word.p + key.n, word.n - key.n), most, &v) ||
        v == 0) {
        return false;
    }
    *to = (uint32_t)v;
    return true;
}

static const char *
source_file_line(struct wr_str line, struct wr_source_entry *e)
{
    const char *why;
    struct wr_str word;

    *e = (struct wr_source_entry){0};
    wr_str_word(&line, &e->address);
    if (!wr_str_starts(e->address, WR_STR("unix:"))) {
        /* names are compared in one case */
        wr_str_lower((char *)(uintptr_t)e->address.p, e->address);
    }
    if (!wr_addr_parse(e->address, &e->addr, &why) && !source_file_name(e)) {
        return "the address is not IP:PORT, [IPV6]:PORT, NAME:PORT or unix:/PATH";
    }
    while (wr_str_word(&line, &word)) {
        if (wr_str_eq(word, WR_STR("backup"))) {
            e->backup = true;
        } else if (!source_file_number(word, WR_STR("weight="), SOURCE_FILE_WEIGHT_MOST, &e->weight) &&
                   !source_file_number(word, WR_STR("max="), SOURCE_FILE_MAX_MOST, &e->max)) {
            return "behind the address stand weight=N (1 to 1000), max=N and backup";
        }
    }
    return NULL;
}

static bool
source_file_has(const struct wr_source_entry *v, int n, struct wr_str address)
{
    for (int i = 0; i < n; i++) {
        if (wr_str_eq(v[i].address, address)) {
            return true;
        }
    }
    return false;
}

int
wr_source_file_parse(char *text, size_t n, struct wr_source_entry *v, size_t most, unsigned *line,
                     const char **why)
{
    struct wr_str rest = wr_str_make(text, n);
    int found = 0;

    *line = 0;
    *why = NULL;
    while (rest.n > 0) {
        ptrdiff_t end = wr_str_find(rest, '\n');
        struct wr_str one = wr_str_trim(wr_str_make(rest.p, end < 0 ? rest.n : (size_t)end));
        rest = end < 0 ? WR_STR_NONE : wr_str_make(rest.p + end + 1, rest.n - (size_t)end - 1);
        ++*line;
        if (one.n > 0 && one.p[one.n - 1] == '\r') {
            one = wr_str_trim(wr_str_make(one.p, one.n - 1));
        }
        if (one.n == 0 || one.p[0] == '#' || one.p[0] == ';') {
            continue;
        }
        if ((size_t)found == most) {
            *why = "there are too many servers";
        } else {
            *why = source_file_line(one, &v[found]);
        }
        if (*why == NULL && source_file_has(v, found, v[found].address)) {
            *why = "the server stands twice";
        }
        if (*why != NULL) {
            return -1;
        }
        found++;
    }
    return found;
}
