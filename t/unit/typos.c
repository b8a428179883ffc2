/*
 * One-letter typos over key names, section kinds, keywords and references of
 * two configurations: how many are caught at the right line, and how many
 * with what was meant.  Every word, every position: one letter dropped,
 * doubled, swapped with the next, replaced by its neighbour on the keyboard.
 */
#include <ctype.h>

#include "t/unit/conf_text.h"

#define TYPOS_CAUGHT_LEAST 98.0
#define TYPOS_RIGHT_LEAST 90.0

struct typos_count {
    const char *what;
    unsigned all, caught, right;
};

struct typos_file {
    char *text;
    size_t n;
    struct typos_count *counts;
    char names[64][64]; /* of upstreams, logs and servers: what references point to */
    unsigned names_n;
    char *base; /* the messages without any typo */
};

enum { TYPOS_KEY, TYPOS_KIND, TYPOS_KEYWORD, TYPOS_REFERENCE, TYPOS_WHATS };

static const char *const typos_keywords[] = {
    "on",     "off",      "auto",  "none",           "stderr", "syslog", "alert",    "error",    "warn",
    "notice", "info",     "debug", "proxy_protocol", "strict", "raw",    "request",  "response", "drop",
    "keep",   "combined", "json",  "backup",         "weight", "max",    "redirect", "status",   "unix",
    "http",   "GET",      "HEAD",  "POST",           "PUT",    "PATCH",  "DELETE",   "tls",      "internal",
    "serve",  NULL};

static char
typos_neighbour(char c)
{
    static const char from[] = "qwertyuiopasdfghjklzxcvbnm._=0123456789-";
    static const char to[] = "wsrtyuioplsdfghjklkxcvbnmn,-+1234567890_";
    const char *at = strchr(from, tolower((unsigned char)c));

    if (!at || c == '\0') {
        return 'x';
    }
    char n = to[at - from];

    return isupper((unsigned char)c) ? (char)toupper((unsigned char)n) : n;
}

/* The text with the bytes from `at` on, `old_n` of them, replaced. */
static char *
typos_variant(const struct typos_file *f, size_t at, size_t old_n, const char *word, size_t word_n, size_t *n)
{
    char *text = malloc(f->n + 8);

    memcpy(text, f->text, at);
    memcpy(text + at, word, word_n);
    memcpy(text + at + word_n, f->text + at + old_n, f->n - at - old_n);
    *n = f->n - old_n + word_n;
    text[*n] = '\0';
    return text;
}

/* Whether a message of this line is not one that the file has anyway; *right: it names `meant` in quotes. */
static bool
typos_caught(const struct typos_file *f, unsigned line, const char *meant, bool *right)
{
    char prefix[32], quoted[300];
    bool caught = false;

    *right = false;
    snprintf(prefix, sizeof(prefix), "t.ini:%u: ", line);
    snprintf(quoted, sizeof(quoted), "\"%s", meant);
    for (const char *p = ct_out; *p; p = strchr(p, '\n') + 1) {
        const char *end = strchr(p, '\n');
        size_t n = strlen(prefix);
        if (strncmp(p, prefix, n) != 0 || strncmp(p + n, "notice", 6) == 0) {
            continue;
        }
        char *whole = strndup(p, (size_t)(end - p));
        const char *mean = strstr(whole, "did you mean");
        if (!strstr(f->base, whole)) {
            caught = true;
            *right |= mean && strstr(mean, quoted);
        }
        free(whole);
    }
    return caught;
}

/* meant: the words that a right suggestion begins with; word: the part of the line that is typed wrong. */
static void
typos_try(struct typos_file *f, unsigned what, size_t at, size_t n, const char *typo, size_t typo_n,
          unsigned line, const char *meant)
{
    size_t text_n;
    bool right;

    if (typo_n == n && memcmp(typo, f->text + at, n) == 0) {
        return; /* two equal letters swapped */
    }
    char *text = typos_variant(f, at, n, typo, typo_n, &text_n);

    ct_load_bytes(text, text_n);
    bool caught = typos_caught(f, line, meant, &right);

    f->counts[what].all++;
    f->counts[what].caught += caught;
    f->counts[what].right += right;
    if (getenv("WR_TYPOS") && !right) {
        printf("# %s: %u: %.*s for %s\n", caught ? "unsuggested" : "missed", line, (int)typo_n, typo, meant);
        if (caught) {
            ct_diag();
        }
    }
    free(text);
}

static void
typos_word(struct typos_file *f, unsigned what, size_t at, size_t n, unsigned line, const char *meant)
{
    const char *w = f->text + at;
    char typo[300];

    for (size_t i = 0; i < n; i++) {
        memcpy(typo, w, i); /* dropped */
        memcpy(typo + i, w + i + 1, n - i - 1);
        if (n > 1) {
            typos_try(f, what, at, n, typo, n - 1, line, meant);
        }
        memcpy(typo, w, i + 1); /* doubled */
        memcpy(typo + i + 1, w + i, n - i);
        typos_try(f, what, at, n, typo, n + 1, line, meant);
        memcpy(typo, w, n); /* replaced */
        typo[i] = typos_neighbour(w[i]);
        typos_try(f, what, at, n, typo, n, line, meant);
        if (i + 1 < n) {
            memcpy(typo, w, n); /* swapped */
            typo[i] = w[i + 1];
            typo[i + 1] = w[i];
            typos_try(f, what, at, n, typo, n, line, meant);
        }
    }
}

static bool
typos_is_name(const struct typos_file *f, const char *p, size_t n)
{
    for (unsigned i = 0; i < f->names_n; i++) {
        if (strlen(f->names[i]) == n && memcmp(f->names[i], p, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool
typos_is_keyword(const char *p, size_t n)
{
    for (const char *const *k = typos_keywords; *k; k++) {
        if (strlen(*k) == n && memcmp(*k, p, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Names of sections, which references point to. */
static void
typos_names(struct typos_file *f)
{
    for (char *p = f->text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        char kind[16], name[64], label[64] = "";
        if (sscanf(p, "[%15s %63[^] \n] %63[^]\n]", kind, name, label) < 2 || strcmp(kind, "route") == 0) {
            continue;
        }
        bool labelled = strcmp(kind, "server") == 0 && label[0] == '@';
        snprintf(f->names[f->names_n++], sizeof(f->names[0]), "%.40s%.20s", name, labelled ? label : "");
    }
}

/* [kind NAME...], and the server that a route is of. */
static void
typos_head(struct typos_file *f, size_t at, unsigned line)
{
    size_t kind = strcspn(f->text + at + 1, " ]\n");
    char meant[100];

    snprintf(meant, sizeof(meant), "%.*s\"", (int)kind, f->text + at + 1);
    typos_word(f, TYPOS_KIND, at + 1, kind, line, meant);
    if (strncmp(f->text + at, "[route ", 7) == 0 && f->text[at + 7] != '/') {
        size_t host = strcspn(f->text + at + 7, "/");
        snprintf(meant, sizeof(meant), "%.*s\"", (int)host, f->text + at + 7);
        typos_word(f, TYPOS_REFERENCE, at + 7, host, line, meant);
    }
}

/* The typed part of a key: all of it, or what stands in front of a free name. */
static void
typos_key(struct typos_file *f, size_t at, unsigned line)
{
    static const char *const families[] = {"server.", "if.header.", "if.query.", NULL};
    size_t n = strcspn(f->text + at, " =");
    char meant[200];

    snprintf(meant, sizeof(meant), "%.*s\"", (int)n, f->text + at);
    for (const char *const *fam = families; *fam; fam++) {
        if (strncmp(f->text + at, *fam, strlen(*fam)) == 0) {
            n = strlen(*fam);
        }
    }
    if (f->text[at] != '/') {
        typos_word(f, TYPOS_KEY, at, n, line, meant);
    }
}

/* Keywords and references among the words of a value. */
static void
typos_value(struct typos_file *f, size_t at, unsigned line)
{
    size_t key = at;

    while (f->text[at - 1] != '=') {
        at++;
    }
    /* a list of free words, whatever they look like */
    if (strncmp(f->text + key, "redact", 6) == 0 && strncmp(f->text + at, " off", 4) != 0) {
        return;
    }
    if (strncmp(f->text + key, "if.header", 9) == 0 || strncmp(f->text + key, "if.query", 8) == 0) {
        return;
    }
    while (f->text[at] != '\n') {
        size_t blank = strspn(f->text + at, " ,");
        size_t n = strcspn(f->text + at + blank, " ,:=\n");
        char meant[100];
        at += blank;
        snprintf(meant, sizeof(meant), "%.*s", (int)n, f->text + at);
        if (n > 0 && typos_is_name(f, f->text + at, n)) {
            typos_word(f, TYPOS_REFERENCE, at, n, line, strcat(meant, "\""));
        } else if (n > 0 && typos_is_keyword(f->text + at, n)) {
            typos_word(f, TYPOS_KEYWORD, at, n, line, meant);
        }
        at += n;
        if (f->text[at] == ':') {
            at += strcspn(f->text + at, " ,\n"); /* what follows a scheme or a host is free */
        } else if (f->text[at] == '=') {
            at += strcspn(f->text + at, " ,\n");
        }
    }
}

static void
typos_load(struct typos_file *f, const char *path)
{
    FILE *in = fopen(path, "r");

    f->text = calloc(1, 65536);
    if (!in || !f->text) {
        perror(path);
        exit(1);
    }
    f->n = fread(f->text, 1, 65000, in);
    fclose(in);
    if (f->n > 0 && f->text[f->n - 1] != '\n') {
        f->text[f->n++] = '\n';
    }
    if (!tap_ok(ct_load_bytes(f->text, f->n), "%s loads", path)) {
        ct_diag();
    }
    tap_is_int((long long)ct_conf.warnings, 0, "without a warning");
    f->base = strdup(ct_out);
    typos_names(f);
}

static void
typos_file(const char *path, struct typos_count *counts)
{
    struct typos_file f = {.counts = counts};
    unsigned line = 1;

    typos_load(&f, path);
    for (size_t at = 0; at < f.n; line++) {
        char c = f.text[at];
        if (c == '[') {
            typos_head(&f, at, line);
        } else if (c != ';' && c != '\n') {
            typos_key(&f, at, line);
            typos_value(&f, at, line);
        }
        at += strcspn(f.text + at, "\n") + 1;
    }
    free(f.text);
    free(f.base);
}

static void
typos_report(const struct typos_count *c, const char *name)
{
    double caught = 100.0 * c->caught / (c->all ? c->all : 1),
           right = 100.0 * c->right / (c->all ? c->all : 1);

    tap_note("%-30s %5u typos, %6.2f%% caught at their line, %6.2f%% with what was meant", name, c->all,
             caught, right);
}

int
main(void)
{
    static const char *const files[] = {"etc/examples/production.ini", "t/conf/second.ini"};
    static const char *const whats[] = {"key names", "section kinds", "keywords", "references"};
    struct typos_count total = {0};

    for (size_t i = 0; i < 2; i++) {
        struct typos_count counts[TYPOS_WHATS] = {{0}}, sum = {0};
        typos_file(files[i], counts);
        for (unsigned k = 0; k < TYPOS_WHATS; k++) {
            typos_report(&counts[k], whats[k]);
            sum.all += counts[k].all;
            sum.caught += counts[k].caught;
            sum.right += counts[k].right;
        }
        typos_report(&sum, files[i]);
        tap_ok(sum.caught * 100.0 >= sum.all * TYPOS_CAUGHT_LEAST, "%s: %u of %u caught at the right line",
               files[i], sum.caught, sum.all);
        tap_ok(sum.right * 100.0 >= sum.all * TYPOS_RIGHT_LEAST, "%s: %u of %u with the right suggestion",
               files[i], sum.right, sum.all);
        total.all += sum.all;
        total.caught += sum.caught;
        total.right += sum.right;
    }
    typos_report(&total, "both");
    wr_pool_reset(&ct_pool);
    free(ct_out);
    return tap_done();
}
