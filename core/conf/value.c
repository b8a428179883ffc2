/*
 * The right side of a line: see value.h.  It refuses to expand anything
 * twice, and to guess: an unset variable, an open quote or an unknown escape
 * is an error with its place.
 */
#include "core/conf/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/conf/word.h"

#define VALUE_FILE_MOST_BYTES 65536
#define VALUE_SHOWN_BYTES 100

/* Text that grows. */
struct value_out {
    struct wr_pool *pool;
    char *p;
    size_t n;
    size_t cap;
};

/* One reading of a value. */
struct value_job {
    struct wr_conf *cf;
    struct wr_place place;
    struct wr_conf_value *v;
    bool quiet;    /* a further pass over the same text: its faults are reported already */
    bool doubling; /* percent signs of what is brought in */
    bool failed;
};

static void
value_add(struct value_out *o, const char *p, size_t n)
{
    if (o->cap - o->n < n) {
        size_t cap = WR_MAX(o->cap * 2, o->n + n + 32);
        char *more = wr_pool_alloc(o->pool, cap);
        if (o->n > 0) {
            memcpy(more, o->p, o->n);
        }
        o->p = more;
        o->cap = cap;
    }
    if (n > 0) {
        memcpy(o->p + o->n, p, n);
        o->n += n;
    }
}

static struct wr_str
value_out_str(const struct value_out *o)
{
    return wr_str_make(o->p ? o->p : "", o->n);
}

void
wr_conf_value_plain(struct wr_str text, struct wr_conf_value *v)
{
    memset(v, 0, sizeof(*v));
    v->raw = v->text = v->templated = v->words = text;
}

const char *
wr_conf_shown(struct wr_pool *pool, struct wr_str s)
{
    size_t n = WR_MIN(s.n, (size_t)VALUE_SHOWN_BYTES);
    struct value_out o = {.pool = pool};

    while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80) {
        n--; /* not inside a character */
    }
    for (size_t i = 0; i < n; i++) {
        bool control = (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f;
        value_add(&o, control ? "?" : s.p + i, 1);
    }
    if (n < s.n) {
        value_add(&o, "...", 3);
    }
    value_add(&o, "", 1);
    return o.p;
}

static bool
value_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ---------------------------------------------------------------- quotes and words */

/* Appends s as one quoted word. */
static void
value_add_quoted(struct value_out *o, struct wr_str s)
{
    value_add(o, "\"", 1);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') {
            value_add(o, "\\", 1);
        }
        value_add(o, s.p + i, 1);
    }
    value_add(o, "\"", 1);
}

/* Whether s, standing as a word by itself, would be taken apart or misread. */
static bool
value_needs_quotes(struct wr_str s)
{
    if (s.n == 0 || s.p[0] == '"' || s.p[0] == ';' || s.p[0] == '#' || s.p[0] == '@') {
        return true;
    }
    return wr_str_find(s, ' ') >= 0 || wr_str_find(s, '\t') >= 0;
}

/* ---------------------------------------------------------------- environment */

static void
value_error(struct value_job *job, struct wr_str text)
{
    if (!job->quiet) {
        wr_conf_error(job->cf, job->place, "%.*s", WR_STR_ARG(text));
    }
    job->failed = true;
}

static bool
value_name_ok(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = wr_lower(s.p[i]);
        if (!((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return s.n > 0;
}

/* Appends what the environment or a file brought. */
static void
value_add_data(struct value_job *job, struct wr_str s, struct value_out *o)
{
    for (size_t i = 0; job->doubling && i < s.n; i++) {
        value_add(o, "%%", s.p[i] == '%' ? 1 : 0);
        value_add(o, s.p + i, 1);
    }
    if (!job->doubling) {
        value_add(o, s.p, s.n);
    }
}

/* Appends what NAME or NAME:-preset stands for. */
static void
value_add_variable(struct value_job *job, struct wr_str inside, struct value_out *o)
{
    struct wr_pool *pool = job->cf->pool;
    ptrdiff_t colon = wr_str_find(inside, ':');
    bool preset = colon >= 0 && inside.p[colon + 1] == '-'; /* a "}" follows inside: in bounds */
    struct wr_str name = preset ? wr_str_make(inside.p, (size_t)colon) : inside;

    if (!value_name_ok(name)) {
        value_error(job,
                    wr_pool_printf(job->cf->pool, "\"${%s}\" is neither ${NAME} nor ${NAME:-preset}",
                                   wr_conf_shown(pool, inside)));
        return;
    }
    const char *z = job->cf->sealed ? NULL : getenv(wr_pool_str(pool, name).p);

    if (preset && (!z || *z == '\0')) {
        value_add_data(job, wr_str_make(inside.p + colon + 2, inside.n - (size_t)colon - 2), o);
        return;
    }
    if (!z) {
        value_error(job,
                    wr_pool_printf(pool, "the environment has no %s; ${NAME:-x} would be x then",
                                   wr_conf_shown(pool, name)));
        return;
    }
    for (const char *p = z; *p; p++) {
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f) {
            value_error(job,
                        wr_pool_printf(job->cf->pool, "the value of ${%s} has a control byte or a line break",
                                       wr_conf_shown(pool, name)));
            return;
        }
    }
    value_add_data(job, wr_str_of(z), o);
}

/* At "${": index behind the closing "}"; 0 when it is not closed. */
static size_t
value_variable_end(struct wr_str s, size_t at)
{
    struct wr_str rest = wr_str_make(s.p + at, s.n - at);
    ptrdiff_t close = wr_str_find(rest, '}');

    return close < 0 ? 0 : at + (size_t)close + 1;
}

static bool
value_is_variable(struct wr_str s, size_t at)
{
    return s.p[at] == '$' && at + 1 < s.n && s.p[at + 1] == '{';
}

/* "$${": a literal "${". */
static bool
value_is_literal_variable(struct wr_str s, size_t at)
{
    return s.p[at] == '$' && at + 1 < s.n && value_is_variable(s, at + 1);
}

/* Appends s with variables expanded; quoted: with \" and \\ taken back.  Whether a variable stood there. */
static bool
value_expand(struct value_job *job, struct wr_str s, bool quoted, struct value_out *o)
{
    bool any = false;

    for (size_t i = 0; i < s.n; i++) {
        if (value_is_literal_variable(s, i)) {
            value_add(o, "${", 2);
            i += 2;
        } else if (value_is_variable(s, i)) {
            size_t end = value_variable_end(s, i);
            if (end == 0) {
                value_error(job,
                            wr_pool_printf(job->cf->pool, "\"%s\": \"${\" needs a closing \"}\"",
                                           wr_conf_shown(job->cf->pool, s)));
                return true;
            }
            value_add_variable(job, wr_str_make(s.p + i + 2, end - i - 3), o);
            i = end - 1;
            any = true;
        } else {
            i += quoted && s.p[i] == '\\';
            value_add(o, s.p + i, 1);
        }
    }
    return any;
}

/* Index behind the unquoted word at s.p[at]; blanks inside ${...} do not end it. */
static size_t
value_word_end(struct wr_str s, size_t at)
{
    while (at < s.n && !value_blank(s.p[at])) {
        size_t end = value_is_variable(s, at) ? value_variable_end(s, at) : 0;
        at = end > 0 ? end : at + 1;
    }
    return at;
}

/* Makes v->words: word by word, with what the environment brought into a word kept in that word. */
static void
value_make_words(struct value_job *job, struct wr_str s)
{
    struct value_out words = {.pool = job->cf->pool};
    const char *why = NULL;
    size_t i = 0;

    while (i < s.n) {
        struct value_out word = {.pool = job->cf->pool};
        struct wr_str rest = wr_str_make(s.p + i, s.n - i);
        size_t end;
        if (value_blank(s.p[i])) {
            i++;
            continue;
        }
        bool quoted = s.p[i] == '"';
        if (quoted) {
            end = i + wr_conf_quote_end(rest, &why) + 1;
            if (end < s.n && !why && !value_blank(s.p[end])) {
                why = "text right behind a closing quote";
            }
            if (why) {
                job->v->words_why = why;
                return;
            }
            value_expand(job, wr_str_make(s.p + i + 1, end - i - 2), true, &word);
        } else {
            end = value_word_end(s, i);
            value_expand(job, wr_str_make(s.p + i, end - i), false, &word);
        }
        if (words.n > 0) {
            value_add(&words, " ", 1);
        }
        if (quoted || value_needs_quotes(value_out_str(&word))) {
            value_add_quoted(&words, value_out_str(&word));
        } else {
            value_add(&words, word.p, word.n);
        }
        i = end;
    }
    job->v->words = value_out_str(&words);
}

/* ---------------------------------------------------------------- files */

static int
value_open(const char *path, bool regular, const char **why)
{
    /* O_NONBLOCK: a FIFO in the place of a file must not hold weir up */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular ? O_NONBLOCK : 0));
    struct stat st;

    if (fd < 0) {
        *why = strerror(errno);
        return -1;
    }
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode) || (regular && !S_ISREG(st.st_mode))) {
        *why = "not a regular file";
        close(fd);
        return -1;
    }
    return fd;
}

bool
wr_conf_read_file(struct wr_pool *pool, const char *path, bool regular, size_t most, struct wr_str *out,
                  const char **why)
{
    struct value_out o = {.pool = pool};
    int fd = value_open(path, regular, why);
    ssize_t got = -1;

    if (fd < 0) {
        return false;
    }
    while (o.n <= most) {
        char chunk[16384];
        got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        value_add(&o, chunk, (size_t)got);
    }
    *why = got < 0 ? strerror(errno) : "the file is too large";
    close(fd);
    *out = value_out_str(&o);
    return got == 0;
}

/* @/path: the file's contents, as data. */
static void
value_from_file(struct value_job *job)
{
    struct wr_conf_value *v = job->v;
    struct wr_pool *pool = job->cf->pool;
    const char *path = wr_pool_str(pool, v->text).p + 1;
    const char *why = "no files here";
    struct wr_str s = WR_STR_NONE;

    if (job->cf->sealed || !wr_conf_read_file(pool, path, true, VALUE_FILE_MOST_BYTES, &s, &why)) {
        wr_conf_error(job->cf, job->place, "cannot read %s: %s", path, why);
        job->failed = true;
        return;
    }
    if (s.n > 0 && s.p[s.n - 1] == '\n') {
        s.n -= s.n > 1 && s.p[s.n - 2] == '\r' ? 2 : 1;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
            value_error(job, wr_pool_printf(job->cf->pool, "%s has a control byte", path));
            return;
        }
    }
    struct value_out words = {.pool = pool}, templated = {.pool = pool};

    value_add_quoted(&words, s);
    job->doubling = true;
    value_add_data(job, s, &templated);
    job->doubling = false;
    v->text = s;
    v->templated = value_out_str(&templated);
    v->words = value_needs_quotes(s) ? value_out_str(&words) : s;
    v->words_why = NULL;
    v->file = true;
}

/* ---------------------------------------------------------------- the whole */

/* An unquoted " ;" or " #" is part of the value, but hardly meant so. */
static void
value_warn_comment(struct value_job *job, struct wr_str s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.n; i++) {
        bool starts = i == 0 || value_blank(s.p[i - 1]);
        if (quoted) {
            i += s.p[i] == '\\';
            quoted = i >= s.n || s.p[i] != '"';
        } else if (starts && s.p[i] == '"') {
            quoted = true;
        } else if (starts && (s.p[i] == ';' || s.p[i] == '#')) {
            wr_conf_warn(job->cf, job->place,
                         "\"%c\" does not begin a comment here: it is part of the value (comments stand on "
                         "lines of their own; quotes round it say that it is meant)",
                         s.p[i]);
            return;
        }
    }
}

/* Whether there is nothing to do: the common case. */
static bool
value_is_plain(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '$' || s.p[i] == ';' || s.p[i] == '#') {
            return false;
        }
    }
    return s.n == 0 || s.p[0] != '@';
}

bool
wr_conf_value_make(struct wr_conf *cf, struct wr_str raw, struct wr_place place, struct wr_conf_value *v)
{
    struct value_job job = {.cf = cf, .place = place, .v = v};
    struct value_out text = {.pool = cf->pool}, templated = {.pool = cf->pool};
    const char *why = NULL;

    wr_conf_value_plain(raw, v);
    if (value_is_plain(raw)) {
        return true;
    }
    value_warn_comment(&job, raw);
    size_t end = raw.p[0] == '"' ? wr_conf_quote_end(raw, &why) : 0;

    if (why) {
        wr_conf_error(cf, place, "%s", why);
        return false;
    }
    v->quoted = end > 0 && end == raw.n - 1;
    struct wr_str inside = v->quoted ? wr_str_make(raw.p + 1, raw.n - 2) : raw;

    v->expanded = value_expand(&job, inside, v->quoted, &text);
    v->text = value_out_str(&text);
    job.quiet = true;
    value_make_words(&job, raw);
    job.doubling = true;
    value_expand(&job, inside, v->quoted, &templated);
    v->templated = value_out_str(&templated);
    job.quiet = job.doubling = false;
    if (!job.failed && raw.n > 1 && raw.p[0] == '@' && raw.p[1] == '/') {
        value_from_file(&job);
    }
    return !job.failed;
}

/* Writes s so that it is not expanded again. */
static struct wr_str
value_escape_variables(struct wr_pool *pool, struct wr_str s)
{
    struct value_out o = {.pool = pool};

    for (size_t i = 0; i < s.n; i++) {
        if (value_is_variable(s, i)) {
            value_add(&o, "$", 1);
        }
        value_add(&o, s.p + i, 1);
    }
    return value_out_str(&o);
}

struct wr_str
wr_conf_value_render(struct wr_pool *pool, const struct wr_conf_value *v, bool words)
{
    if (!v->expanded || v->file) {
        return v->raw;
    }
    if (words && !v->words_why) {
        return value_escape_variables(pool, v->words);
    }
    struct value_out o = {.pool = pool};
    struct wr_str trimmed = wr_str_trim(v->text);

    if (v->quoted || value_needs_quotes(v->text) || trimmed.n != v->text.n) {
        value_add_quoted(&o, v->text);
        return value_escape_variables(pool, value_out_str(&o));
    }
    return value_escape_variables(pool, v->text);
}
