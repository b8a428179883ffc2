/*
 * Files that processes need at run time and that `user` may not be able to
 * read: certificates, keys, lists of authorities.  Modules name them while a
 * configuration is checked (wr_conf_file); the master opens and watches them,
 * looks at none, and publishes their bytes (CORE-RULES 24, 30).
 *
 * Two blobs, one format (core/shm/bundle.h): "files", and "secrets" for those
 * that only processes with private keys may map.  They are published together
 * and a process takes both into use at once, so that a certificate and its
 * key change in one step.  The newest of both holds every file of the current
 * configuration and of the one that is being started.
 */
#ifndef WR_SHM_FILES_H
#define WR_SHM_FILES_H

#include "core/base/str.h"

#define WR_FILES_MOST 65536           /* in a blob */
#define WR_FILES_BYTES (1024u * 1024) /* of one file */

struct wr_file {
    struct wr_str path;  /* as wr_conf_file was given it */
    struct wr_str bytes; /* as read; empty when error is set */
    uint64_t version;    /* another one when the file was replaced or written to */
    int error;           /* errno of opening or reading it; 0: none (EFBIG: over WR_FILES_BYTES) */
    uint32_t index;      /* in its blob */
    bool secret;
};

/* Subscribes this process to "files" and, when secrets, to "secrets"; without them it keeps no descriptor of those.
 * fn (may be NULL) is called from the loop after newer blobs are in place. */
void wr_files_start(bool secrets, void (*fn)(void *arg), void *arg);
/* The file as it is published now.  False: there is none of that path.  bytes and path are good until fn has returned
 * from its next call. */
bool wr_files_find(struct wr_str path, struct wr_file *f);
/* Its bytes and its version; none and 0 when it cannot be used.  Good for as long as those of wr_files_find. */
struct wr_str wr_files_bytes(struct wr_str path, uint64_t *version);
/* Whether the file of that path is another one than wr_files_bytes has told.  What a newer configuration does not name
 * is not published any more, and does not differ: what was made of it serves to the end. */
bool wr_files_differs(struct wr_str path, uint64_t version);

/*
 * For who checks files before they are published (a child of the master; weir -t).
 */
/* Whether a file that is being checked differs from the one in effect: only then it has to be looked at.  To a
 * configuration that is not in effect yet (a start, a reload, -t) all of them do: what was good in the old one may
 * stand in another place. */
bool wr_files_changed(const struct wr_file *f);
/* It is not to be used: what is in effect stays (a start or reload: is refused by an error of its own). */
void wr_files_refuse(const struct wr_file *f);

/*
 * The master.  Bundles come in pairs: the public one, then the secret one.
 */
struct wr_bundle;
#define WR_FILES_BLOBS 2

/* The names of the blobs. */
extern const char *const wr_files_names[WR_FILES_BLOBS];
/* Both names are the master's from now on. */
void wr_files_reserve(void);
/* Publishes both.  The descriptors stay the caller's.  False: logged. */
bool wr_files_publish(const struct wr_bundle *b);
/* From here to wr_files_judged wr_files_find finds what is in these; wr_files_changed and _refuse read and write their
 * items.  False: errno. */
bool wr_files_judge(struct wr_bundle *b);
void wr_files_judged(void);

#endif
