/*
 * A run of the internal authority: looks at everything under the store's
 * lock, makes what is not good.  It decides by what the files say, never by
 * what an earlier run remembers, so it can be repeated and interrupted.
 */
#include "modules/tls/mint.h"

#include <stdlib.h>

#include "modules/tls/mint_cert.h"

#define MINT_CLOCK_LEAST 1704067200 /* 2024: a machine that has not been told the time yet makes nothing */
#define MINT_LINES 10               /* bad names that are logged one by one */

struct mint_run {
    const struct wr_mint_job *job;
    struct wr_mint_result *res;
    struct wr_mint_store store;
    struct wr_mint_authority authority;
    struct wr_mint_writer writer;
    struct wr_pool pool;     /* of the run */
    struct wr_pool scratch;  /* of one pair */
    struct wr_str dir;       /* STORE/internal/servers */
    struct wr_strmap places; /* of this run's pairs */
    int64_t due;             /* of what is due first */
};

/* ---- the authority ---- */

static bool
mint_authority_refuse(const struct mint_run *run, const char *name, const char *why)
{
    wr_log(WR_LOG_ERROR,
           "cannot use the internal authority file=%s/internal/%s: %s; nothing is made or renewed",
           run->store.path, name, why);
    return false;
}

/* The authority that was kept; *why: there has to be a new one.  False: it is not to be touched (logged). */
static bool
mint_authority_load(struct mint_run *run, const char **why)
{
    struct wr_mint_text cert, key;

    enum wr_mint_read has_cert = wr_mint_store_read(run->store.internal, "ca.crt", false, &cert, why);
    if (has_cert == WR_MINT_UNFIT) {
        return mint_authority_refuse(run, "ca.crt", *why);
    }
    enum wr_mint_read has_key = wr_mint_store_read(run->store.internal, "ca.key", true, &key, why);
    if (has_key == WR_MINT_UNFIT) {
        wr_mint_text_wipe(&cert);
        return mint_authority_refuse(run, "ca.key", *why);
    }
    if (has_cert == WR_MINT_ABSENT || has_key == WR_MINT_ABSENT) {
        *why = has_cert == has_key ? "there was none" : "half of the old one is gone";
    } else {
        wr_mint_authority_load(&run->authority, &cert, &key, run->job->now, why);
    }
    wr_mint_text_wipe(&cert);
    wr_mint_text_wipe(&key);
    return true;
}

static void
mint_authority_tell(const struct mint_run *run, const char *why)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned n = 0;

    if (X509_digest(run->authority.cert, EVP_sha256(), hash, &n) == 1) {
        wr_fmt_hex_bytes(hex, hash, n);
        hex[2 * n] = '\0';
    }
    wr_log(WR_LOG_NOTICE,
           "made an internal authority file=%s/internal/ca.crt sha256=%s: %s; clients have to trust it",
           run->store.path, hex, why);
}

static bool
mint_authority(struct mint_run *run)
{
    struct wr_mint_text key;
    const char *why;

    if (!mint_authority_load(run, &why)) {
        return false;
    }
    if (why != NULL) {
        if (!wr_mint_authority_make(&run->authority, &key, run->job->now)) {
            return false;
        }
        struct wr_str dir = wr_pool_printf(&run->pool, "%s/internal", run->store.path);
        wr_mint_writer_init(&run->writer, run->store.internal, dir.p);
        wr_mint_writer_put(&run->writer, "ca.crt", "ca.key", &run->authority.pem, &key);
        wr_mint_writer_flush(&run->writer);
        wr_mint_text_wipe(&key);
        if (run->writer.failed > 0) {
            return false;
        }
        run->res->authority_made = true;
        mint_authority_tell(run, why);
    }
    run->due = wr_mint_authority_due(&run->authority);
    return true;
}

/* ---- pairs ---- */

/* The file's name in the directory of pairs.  That paths come from wr_mint_paths is up to weir alone. */
static const char *
mint_file_name(struct mint_run *run, struct wr_str path)
{
    wr_assert(wr_str_starts(path, run->dir) && path.n > run->dir.n + 1 && path.p[run->dir.n] == '/');
    struct wr_str name = wr_str_make(path.p + run->dir.n + 1, path.n - run->dir.n - 1);
    wr_assert(name.n <= WR_MINT_NAME_MOST && name.p[0] != '.' && wr_str_find(name, '/') < 0);
    wr_assert(wr_strmap_add(&run->places, path, run));
    return wr_pool_str(&run->scratch, name).p;
}

/* Why the pair that was kept will not do; NULL: it is good until *due. */
static const char *
mint_pair_fault(struct mint_run *run, const struct wr_mint_names *names, const char *cert_name,
                const char *key_name, int64_t *due)
{
    struct wr_mint_text cert, key = {NULL, 0};
    const char *why;

    enum wr_mint_read got = wr_mint_store_read(run->store.servers, cert_name, false, &cert, &why);
    if (got == WR_MINT_READ) {
        got = wr_mint_store_read(run->store.servers, key_name, true, &key, &why);
    }
    if (got == WR_MINT_ABSENT) {
        why = "absent";
    } else if (got == WR_MINT_READ) {
        why = wr_mint_pair_fault(&run->authority, names, &cert, &key, run->job->now, due);
    }
    wr_mint_text_wipe(&cert);
    wr_mint_text_wipe(&key);
    return why;
}

static void
mint_pair_refuse(struct mint_run *run, const struct wr_mint_leaf *leaf, size_t which, const char *why)
{
    char name[300];

    if (++run->res->failed <= MINT_LINES) {
        struct wr_str s = leaf->names_n > 0 ? leaf->names[which] : WR_STR_NONE;
        size_t n = wr_escape(name, sizeof(name), s, WR_ESCAPE_LOG);
        wr_log(WR_LOG_ERROR,
               "cannot make an internal certificate file=%.*s name=\"%.*s\": %s; the server has none",
               WR_STR_ARG(leaf->files.cert), (int)n, name, why);
    }
}

/* False: nothing can be made at all (logged). */
static bool
mint_pair(struct mint_run *run, const struct wr_mint_leaf *leaf)
{
    const char *cert_name = mint_file_name(run, leaf->files.cert);
    const char *key_name = mint_file_name(run, leaf->files.key);
    struct wr_mint_names names;
    struct wr_mint_text cert, key;
    const char *why;
    size_t which;
    int64_t due;

    if (!wr_mint_names_make(&run->scratch, leaf->names, leaf->names_n, &names, &which, &why)) {
        mint_pair_refuse(run, leaf, which, why);
        return true;
    }
    why = mint_pair_fault(run, &names, cert_name, key_name, &due);
    if (why == NULL) {
        run->res->kept++;
    } else {
        wr_log(WR_LOG_DEBUG, "making an internal certificate file=%.*s: %s", WR_STR_ARG(leaf->files.cert),
               why);
        if (!wr_mint_pair_make(&run->authority, &names, run->job->now, &cert, &key, &due)) {
            return false;
        }
        wr_mint_writer_put(&run->writer, cert_name, key_name, &cert, &key);
        wr_mint_text_wipe(&cert);
        wr_mint_text_wipe(&key);
    }
    run->due = WR_MIN(run->due, due);
    return true;
}

static bool
mint_pairs(struct mint_run *run)
{
    const struct wr_mint_job *job = run->job;
    struct wr_mint_result *res = run->res;
    bool good = true;

    run->dir = wr_pool_printf(&run->pool, "%s/internal/servers", run->store.path);
    wr_strmap_init(&run->places, &run->pool, 2 * (uint32_t)job->leaves_n + 1);
    wr_mint_writer_init(&run->writer, run->store.servers, run->dir.p);
    for (size_t i = 0; good && i < job->leaves_n; i++) {
        good = mint_pair(run, &job->leaves[i]);
        wr_pool_reset(&run->scratch);
    }
    wr_mint_writer_flush(&run->writer);
    res->made = run->writer.written;
    res->failed = (uint32_t)job->leaves_n - res->made - res->kept;
    if (res->made > 0 || res->failed > 0) {
        wr_log(res->failed > 0 ? WR_LOG_ERROR : WR_LOG_NOTICE,
               "internal certificates dir=%s made=%u kept=%u failed=%u", run->dir.p, res->made, res->kept,
               res->failed);
    }
    return res->failed == 0;
}

/* ---- a run ---- */

static bool
mint_may_run(const struct wr_mint_job *job)
{
    const char *why = NULL;

    if (job->now < MINT_CLOCK_LEAST) {
        why = "the clock is wrong";
    } else if (job->leaves_n > WR_MINT_LEAVES_MOST) {
        why = "there are too many servers with tls = internal (10000 at most)";
    }
    if (why != NULL) {
        wr_log(WR_LOG_ERROR, "cannot make internal certificates: %s; nothing is made or renewed", why);
    }
    return why == NULL;
}

bool
wr_mint_run(const struct wr_mint_job *job, struct wr_mint_result *res)
{
    *res = (struct wr_mint_result){.failed = (uint32_t)WR_MIN(job->leaves_n, UINT32_MAX),
                                   .due_s = WR_MINT_RETRY_S};
    if (!mint_may_run(job)) {
        return false;
    }
    struct mint_run *run = wr_calloc(1, sizeof(*run)); /* large: it has the writer */
    run->job = job;
    run->res = res;
    bool good = wr_mint_store_open(&run->store, job->store, job->wait_ms);
    if (good) {
        good = mint_authority(run);
        if (good) {
            res->failed = 0;
            good = mint_pairs(run);
            int64_t left = WR_MAX(run->due - job->now, 1);
            res->due_s = good ? (uint64_t)left : (uint64_t)WR_MIN(left, WR_MINT_RETRY_S);
        }
        wr_mint_authority_free(&run->authority);
        wr_mint_store_close(&run->store);
    }
    wr_pool_reset(&run->scratch);
    wr_pool_reset(&run->pool);
    free(run);
    return good;
}
