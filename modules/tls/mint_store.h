/*
 * The directory of the internal authority: making and checking it, one run at
 * a time, reading with an eye on who may write, writing pairs that are whole
 * or not there.  It knows nothing of certificates.
 */
#ifndef WR_TLS_MINT_STORE_H
#define WR_TLS_MINT_STORE_H

#include "core/module.h"

#define WR_MINT_NAME_MOST 250 /* bytes of the name of a file; ".new" goes behind it */
#define WR_MINT_FILE_BYTES WR_FILES_BYTES
#define WR_MINT_BATCH 64 /* pairs that are synced together */

/* Bytes that may be a key: wiped when they are given back. */
struct wr_mint_text {
    char *p;
    size_t n;
};
void wr_mint_text_wipe(struct wr_mint_text *t);

struct wr_mint_store {
    char *path;   /* without a slash behind it */
    int internal; /* STORE/internal */
    int servers;  /* STORE/internal/servers */
    int lock;
};

/* Makes what is missing, refuses what others can write to, waits for the lock.  False: logged, nothing to close. */
bool wr_mint_store_open(struct wr_mint_store *s, struct wr_str path, uint64_t wait_ms);
void wr_mint_store_close(struct wr_mint_store *s);

enum wr_mint_read {
    WR_MINT_READ,
    WR_MINT_ABSENT,
    WR_MINT_UNFIT, /* not a file of ours, or one that others can write to (a key: read), or it cannot be read */
};
/* *why is set with UNFIT; good until the next call. */
enum wr_mint_read wr_mint_store_read(int dir, const char *name, bool key, struct wr_mint_text *t,
                                     const char **why);

/* Writes pairs into one directory, WR_MINT_BATCH at a time. */
struct wr_mint_writer {
    int dir;
    const char *dir_text;
    uint32_t written;
    uint32_t failed; /* the first few are logged */
    unsigned n;
    struct wr_mint_aside {
        char key[WR_MINT_NAME_MOST + 1];
        char cert[WR_MINT_NAME_MOST + 1];
        int key_fd;
        int cert_fd;
    } v[WR_MINT_BATCH];
};
void wr_mint_writer_init(struct wr_mint_writer *w, int dir, const char *dir_text);
/* The texts are not kept.  Counted in `written` or `failed` by the flush that takes the pair. */
void wr_mint_writer_put(struct wr_mint_writer *w, const char *cert_name, const char *key_name,
                        const struct wr_mint_text *cert, const struct wr_mint_text *key);
void wr_mint_writer_flush(struct wr_mint_writer *w);

#endif
