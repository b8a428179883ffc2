/*
 * One parser per type of value.  Every refusal says what may stand there and,
 * where a word is near, which one.
 */
#include "core/conf/types.h"

#include "core/conf/ini.h"
#include "core/conf/suggest.h"

#define TYPES_NUMBER_MOST (UINT64_MAX / 4) /* sums of two sizes or times do not overflow */

/* ---------------------------------------------------------------- notations */

/* The number in front of a unit: at least one digit; *unit is what follows. */
static bool
types_number(struct wr_str s, uint64_t *v, struct wr_str *unit)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') {
        n++;
    }
    *unit = wr_str_make(s.p + n, s.n - n);
    return wr_str_u64(wr_str_make(s.p, n), TYPES_NUMBER_MOST, v);
}

struct types_unit {
    const char *word;
    uint64_t factor;
};

static bool
types_with_unit(struct wr_str s, const struct types_unit *units, uint64_t *out)
{
    struct wr_str word;
    uint64_t v;

    if (!types_number(s, &v, &word)) {
        return false;
    }
    for (; units->word; units++) {
        if (wr_str_eq(word, wr_str_of(units->word))) {
            if (v > TYPES_NUMBER_MOST / units->factor) {
                return false;
            }
            *out = v * units->factor;
            return true;
        }
    }
    return false;
}

bool
wr_conf_parse_size(struct wr_str s, uint64_t *bytes)
{
    static const struct types_unit units[] = {
        {"", 1},         {"k", 1U << 10}, {"K", 1U << 10},          {"m", 1U << 20},          {"M", 1U << 20},
        {"g", 1U << 30}, {"G", 1U << 30}, {"t", UINT64_C(1) << 40}, {"T", UINT64_C(1) << 40}, {NULL, 0},
    };

    return types_with_unit(s, units, bytes);
}

bool
wr_conf_parse_time(struct wr_str s, uint64_t *ms)
{
    static const struct types_unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
    };

    return types_with_unit(s, units, ms);
}

bool
wr_conf_parse_rate(struct wr_str s, struct wr_rate *rate)
{
    static const struct types_unit units[] = {
        {"/s", 1000},
        {"/min", 60000},
        {"/h", 3600000},
        {NULL, 0},
    };
    struct wr_str word;

    if (!types_number(s, &rate->count, &word)) {
        return false;
    }
    for (const struct types_unit *u = units; u->word; u++) {
        if (wr_str_eq(word, wr_str_of(u->word))) {
            rate->per_ms = u->factor;
            return true;
        }
    }
    return false;
}

bool
wr_conf_token_ok(struct wr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = wr_lower(s.p[i]);
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return s.n > 0;
}

/* ---------------------------------------------------------------- grammar */

static const char *
types_words_joined(struct wr_pool *pool, const struct wr_keyword *words, const char *first)
{
    const char *text = first;

    for (; words && words->word; words++) {
        text = text[0] ? wr_pool_printf(pool, "%s | %s", text, words->word).p : words->word;
    }
    return text;
}

const char *
wr_conf_type_grammar(struct wr_pool *pool, const struct wr_directive *row)
{
    static const char *const plain[] = {
        [WR_T_BOOL] = "on | off",
        [WR_T_INT] = "NUMBER",
        [WR_T_SIZE] = "SIZE",
        [WR_T_TIME] = "TIME",
        [WR_T_RATE] = "RATE",
        [WR_T_TEXT] = "TEXT",
        [WR_T_NAME] = "NAME",
        [WR_T_WORD] = "",
        [WR_T_FLAGS] = "",
        [WR_T_WORDS] = "WORD ...",
        [WR_T_CIDRS] = "NETWORK ... | none",
        [WR_T_MAP] = "TEXT",
        [WR_T_PARSED] = "VALUE",
    };

    if (row->grammar) {
        return row->grammar;
    }
    const char *text = types_words_joined(pool, row->words, plain[row->type]);

    if (row->type == WR_T_FLAGS) {
        text = wr_pool_printf(pool, "any of %s", text).p;
    }
    return row->flags & WR_D_OFF ? wr_pool_printf(pool, "%s | off", text).p : text;
}

bool
wr_conf_type_has_words(const struct wr_directive *row)
{
    return row->type != WR_T_TEXT && row->type != WR_T_MAP;
}

/* An example of the notation, where the grammar's word alone says little. */
static const char *
types_example(enum wr_type type)
{
    switch (type) {
    case WR_T_SIZE:
        return " (512, 64k, 10m, 2g)";
    case WR_T_TIME:
        return " (500ms, 5s, 2m, 1h, 7d)";
    case WR_T_RATE:
        return " (50/s, 600/min)";
    default:
        return "";
    }
}

/* ---------------------------------------------------------------- refusing */

static void
types_offer(const struct wr_directive *row, struct wr_suggest *sg)
{
    static const char *const yes[] = {"yes", "true", "enabled", "1", NULL};
    static const char *const no[] = {"no", "false", "disabled", "none", "0", NULL};
    bool off = row->type == WR_T_BOOL || (row->flags & WR_D_OFF);

    for (const struct wr_keyword *k = row->words; k && k->word; k++) {
        wr_suggest_offer(sg, wr_str_of(k->word), 0);
    }
    if (row->type == WR_T_BOOL) {
        wr_suggest_offer(sg, WR_STR("on"), 0);
    }
    if (off) {
        wr_suggest_offer(sg, WR_STR("off"), 0);
    }
    if (row->type == WR_T_CIDRS) {
        wr_suggest_offer(sg, WR_STR("none"), 0);
    }
    for (const char *const *w = yes; *w && row->type == WR_T_BOOL && sg->n == 0; w++) {
        if (wr_str_ieq(sg->word, wr_str_of(*w))) {
            sg->word = WR_STR("on");
            wr_suggest_offer(sg, WR_STR("on"), 0);
        }
    }
    for (const char *const *w = no; *w && off && sg->n == 0; w++) {
        if (wr_str_ieq(sg->word, wr_str_of(*w))) {
            sg->word = WR_STR("off");
            wr_suggest_offer(sg, WR_STR("off"), 0);
        }
    }
}

static bool
types_is_keyword(const struct wr_directive *row, struct wr_str s)
{
    const struct wr_keyword *k = row->words;

    while (k && k->word && !wr_str_eq(s, wr_str_of(k->word))) {
        k++;
    }
    return k && k->word;
}

/* What was meant by the first word that is near one of the row's. */
static void
types_suggest(const struct wr_type_job *job, struct wr_str word, struct wr_suggest *sg)
{
    struct wr_str rest = job->value->words, part;

    if (wr_suggest_begin(sg, job->cf, word)) {
        types_offer(job->row, sg);
    }
    while (job->row->type == WR_T_PARSED && sg->n == 0 && wr_conf_word(job->cf->pool, &rest, &part)) {
        if (!types_is_keyword(job->row, part)) {
            wr_suggest_init(sg, part);
            types_offer(job->row, sg);
        }
    }
}

/* Reports `word` of the value; why: what is wrong, or NULL. */
static bool
types_refuse(const struct wr_type_job *job, struct wr_str word, const char *why)
{
    struct wr_pool *pool = job->cf->pool;
    struct wr_suggest sg;

    types_suggest(job, word, &sg);
    wr_conf_error(job->cf, job->place, "bad value \"%s\" of %s: %s%sit takes %s%s%s",
                  wr_conf_shown(pool, word), wr_conf_shown(pool, job->key), why ? why : "", why ? "; " : "",
                  wr_conf_type_grammar(pool, job->row), types_example(job->row->type),
                  wr_suggest_text(&sg, pool));
    return false;
}

/* ---------------------------------------------------------------- one word */

/* A special word of a number: `off`, or one of the row's words. */
static bool
types_special(const struct wr_directive *row, struct wr_str s, uint64_t *v)
{
    for (const struct wr_keyword *k = row->words; k && k->word; k++) {
        if (wr_str_eq(s, wr_str_of(k->word))) {
            *v = (uint64_t)k->value;
            return true;
        }
    }
    if ((row->flags & WR_D_OFF) && wr_str_eq(s, WR_STR("off"))) {
        *v = row->type == WR_T_INT ? 0 : WR_OFF;
        return true;
    }
    return false;
}

static const char *
types_bound(struct wr_pool *pool, enum wr_type type, uint64_t v)
{
    static const struct types_unit sizes[] = {{"g", 1U << 30}, {"m", 1U << 20}, {"k", 1U << 10}, {"", 1}};
    static const struct types_unit times[] = {
        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    static const struct types_unit plain[] = {{"", 1}};
    const struct types_unit *u = type == WR_T_SIZE ? sizes : type == WR_T_TIME ? times : plain;

    while (u->factor > 1 && (v == 0 || v % u->factor != 0)) {
        u++;
    }
    return wr_pool_printf(pool, "%llu%s", (unsigned long long)(v / u->factor), u->word).p;
}

static bool
types_parse_number(const struct wr_type_job *job, struct wr_str s, void *field)
{
    const struct wr_directive *row = job->row;
    uint64_t v = 0;

    if (!types_special(row, s, &v)) {
        bool ok = row->type == WR_T_SIZE ? wr_conf_parse_size(s, &v)
            : row->type == WR_T_TIME     ? wr_conf_parse_time(s, &v)
                                         : wr_str_u64(s, TYPES_NUMBER_MOST, &v);
        struct wr_str unit;
        if (!ok) {
            uint64_t bare;
            bool no_unit = row->type == WR_T_TIME && types_number(s, &bare, &unit) && unit.n == 0;
            return types_refuse(job, s, no_unit ? "a time needs a unit" : NULL);
        }
        if ((row->min || row->max) && (v < row->min || v > row->max)) {
            struct wr_pool *pool = job->cf->pool;
            return types_refuse(job, s,
                                wr_pool_printf(pool, "not between %s and %s",
                                               types_bound(pool, row->type, row->min),
                                               types_bound(pool, row->type, row->max))
                                    .p);
        }
    }
    if (row->type == WR_T_INT) {
        *(int64_t *)field = (int64_t)v;
    } else {
        *(uint64_t *)field = v;
    }
    return true;
}

static bool
types_parse_bool(const struct wr_type_job *job, struct wr_str s, void *field)
{
    bool on = wr_str_eq(s, WR_STR("on"));

    if (!on && !wr_str_eq(s, WR_STR("off"))) {
        return types_refuse(job, s, NULL);
    }
    *(bool *)field = on;
    return true;
}

static bool
types_parse_rate(const struct wr_type_job *job, struct wr_str s, void *field)
{
    struct wr_rate rate = {0, 1000}; /* off */

    if (!((job->row->flags & WR_D_OFF) && wr_str_eq(s, WR_STR("off"))) && !wr_conf_parse_rate(s, &rate)) {
        return types_refuse(job, s, NULL);
    }
    *(struct wr_rate *)field = rate;
    return true;
}

static bool
types_parse_word(const struct wr_type_job *job, struct wr_str s, void *field)
{
    for (const struct wr_keyword *k = job->row->words; k->word; k++) {
        if (wr_str_eq(s, wr_str_of(k->word))) {
            *(int *)field = k->value;
            return true;
        }
    }
    return types_refuse(job, s, NULL);
}

/* A reference: the section has to be there. */
static bool
types_parse_name(const struct wr_type_job *job, struct wr_str s, void *field)
{
    const struct wr_directive *row = job->row;
    struct wr_conf *cf = job->cf;
    struct wr_suggest sg;

    if ((row->flags & WR_D_OFF) && wr_str_eq(s, WR_STR("off"))) {
        *(struct wr_str *)field = WR_STR_NONE;
        return true;
    }
    if (wr_conf_source_find(cf, row->ref, s, WR_STR_NONE)) {
        *(struct wr_str *)field = s;
        return true;
    }
    bool guess = wr_suggest_begin(&sg, cf, s);

    for (size_t i = 0; guess && i < cf->source->sections_n; i++) {
        const struct wr_conf_section *sec = cf->source->sections[i];
        if (sec->names_n > 0 && strcmp(wr_conf_kind_word(sec), row->ref) == 0) {
            wr_suggest_offer(&sg, sec->names[0], 0);
        }
    }
    if (row->flags & WR_D_OFF) {
        wr_suggest_offer(&sg, WR_STR("off"), 1);
    }
    wr_conf_error(cf, job->place, "%s: there is no [%s %s]%s", wr_conf_shown(cf->pool, job->key), row->ref,
                  wr_conf_shown(cf->pool, s), wr_suggest_text(&sg, cf->pool));
    /* what was meant is in use: no second message that says it is not */
    *(struct wr_str *)field = wr_suggest_only(&sg);
    return false;
}

/* ---------------------------------------------------------------- many words */

static bool
types_parse_flags(const struct wr_type_job *job, struct wr_str rest, void *field)
{
    int flags = 0;
    bool off = false, any = false;
    struct wr_str word;

    while (wr_conf_word(job->cf->pool, &rest, &word)) {
        const struct wr_keyword *k = job->row->words;
        while (k->word && !wr_str_eq(word, wr_str_of(k->word))) {
            k++;
        }
        bool is_off = !k->word && (job->row->flags & WR_D_OFF) && wr_str_eq(word, WR_STR("off"));
        if ((!k->word && !is_off) || (any && (is_off || off))) {
            return types_refuse(job, word, k->word || is_off ? "`off` stands alone" : NULL);
        }
        flags |= k->word ? k->value : 0;
        off |= is_off;
        any = true;
    }
    *(int *)field = flags;
    return any || types_refuse(job, WR_STR(""), NULL);
}

static bool
types_parse_words(const struct wr_type_job *job, struct wr_str rest, void *field)
{
    struct wr_words list = {NULL, 0};
    size_t cap = 0;
    struct wr_str word;

    while (wr_conf_word(job->cf->pool, &rest, &word)) {
        list.v = wr_ini_grow(job->cf->pool, list.v, list.n, &cap, sizeof(*list.v));
        list.v[list.n++] = word;
    }
    if (list.n == 0) {
        return types_refuse(job, WR_STR(""), "nothing stands there");
    }
    if (list.n == 1 && (job->row->flags & WR_D_OFF) && wr_str_eq(list.v[0], WR_STR("off"))) {
        list.n = 0;
    } else if (list.n == 1 && (job->row->flags & WR_D_OFF) &&
               wr_str_distance(list.v[0], WR_STR("off"), 1) == 1) {
        wr_conf_warn(job->cf, job->place, "%s: \"%s\" is taken for a word of a list; did you mean \"off\"?",
                     wr_conf_shown(job->cf->pool, job->key), wr_conf_shown(job->cf->pool, list.v[0]));
    }
    *(struct wr_words *)field = list;
    return true;
}

static bool
types_parse_cidrs(const struct wr_type_job *job, struct wr_str rest, void *field)
{
    struct wr_cidrs list = {NULL, 0};
    size_t cap = 0, seen = 0;
    bool none = false;
    struct wr_str word;

    while (wr_conf_word(job->cf->pool, &rest, &word)) {
        const char *why = NULL;
        list.v = wr_ini_grow(job->cf->pool, list.v, list.n, &cap, sizeof(*list.v));
        if (wr_str_eq(word, WR_STR("none"))) {
            none = true;
        } else if (!wr_cidr_parse(word, &list.v[list.n++], &why)) {
            return types_refuse(job, word, why);
        }
        seen++;
    }
    if (seen == 0 || (none && seen > 1)) {
        return types_refuse(job, none ? WR_STR("none") : WR_STR(""), none ? "`none` stands alone" : NULL);
    }
    *(struct wr_cidrs *)field = list;
    return true;
}

/* ---------------------------------------------------------------- the type's own choice */

static bool
types_parse_parsed(const struct wr_type_job *job, struct wr_str s, void *field)
{
    const char *why = NULL;

    return job->row->parse(job->cf->pool, s, field, &why) || types_refuse(job, job->value->text, why);
}

/* For types of a single word: the word; false (reported) when there are none or several. */
static bool
types_single(const struct wr_type_job *job, struct wr_str *word)
{
    struct wr_str rest = job->value->words, more;

    if (!wr_conf_word(job->cf->pool, &rest, word)) {
        return types_refuse(job, WR_STR(""), "nothing stands there");
    }
    if (wr_conf_word(job->cf->pool, &rest, &more)) {
        return types_refuse(job, job->value->text, "it is one word");
    }
    return true;
}

/* What PARSED rows get: a single word without its quotes where it needs none, else the words as they are. */
static struct wr_str
types_parsed_text(const struct wr_type_job *job)
{
    struct wr_str rest = job->value->words, word, more;

    bool single = wr_conf_word(job->cf->pool, &rest, &word) && !wr_conf_word(job->cf->pool, &rest, &more);
    bool plain = word.n > 0 && word.p[0] != '"' && wr_str_find(word, ' ') < 0 && wr_str_find(word, '\t') < 0;

    return single && plain ? word : job->value->words;
}

bool
wr_conf_type_parse(const struct wr_type_job *job, void *field)
{
    enum wr_type type = job->row->type;
    struct wr_str s;

    if (wr_conf_type_has_words(job->row) && job->value->words_why) {
        return types_refuse(job, job->value->text, job->value->words_why);
    }
    switch (type) {
    case WR_T_TEXT:
        s = job->value->text;
        *(struct wr_str *)field =
            (job->row->flags & WR_D_OFF) && !job->value->quoted && wr_str_eq(s, WR_STR("off")) ? WR_STR_NONE
                                                                                               : s;
        return true;
    case WR_T_FLAGS:
        return types_parse_flags(job, job->value->words, field);
    case WR_T_WORDS:
        return types_parse_words(job, job->value->words, field);
    case WR_T_CIDRS:
        return types_parse_cidrs(job, job->value->words, field);
    case WR_T_PARSED:
        return types_parse_parsed(job, types_parsed_text(job), field);
    case WR_T_MAP:
        wr_assert(false);
        return false;
    default:
        break;
    }
    if (!types_single(job, &s)) {
        return false;
    }
    switch (type) {
    case WR_T_BOOL:
        return types_parse_bool(job, s, field);
    case WR_T_RATE:
        return types_parse_rate(job, s, field);
    case WR_T_WORD:
        return types_parse_word(job, s, field);
    case WR_T_NAME:
        return types_parse_name(job, s, field);
    default:
        return types_parse_number(job, s, field);
    }
}
