/*
 * From the disk into bundles: what is a file and what is not, what has changed
 * and what is kept.
 */
#include "workers/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/tap.h"
#include "workers/pair.h"

static char dir[] = "/tmp/weir-unit-gather.XXXXXX";
static struct wr_pool pool;

static const char *
path_of(const char *name)
{
    return wr_pool_printf(&pool, "%s/%s", dir, name).p;
}

static void
write_file(const char *name, const char *text, size_t n)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (write(fd, text, n) != (ssize_t)n) {
        abort();
    }
    close(fd);
}

static void
name_file(struct wr_conf *cf, const char *name, bool secret, bool optional)
{
    wr_conf_file(cf, (struct wr_place){0}, wr_str_of(path_of(name)), secret, optional);
}

static const struct wr_bundle_item *
item(const struct wr_bundle *b, const char *name)
{
    return wr_bundle_item(b, wr_str_of(path_of(name)));
}

/* The bytes of an item, as a string. */
static const char *
text_of(const struct wr_bundle *b, const struct wr_bundle_item *it)
{
    static char text[64];
    ssize_t n = pread(b->fd, text, WR_MIN(it->bytes, sizeof(text) - 1), (off_t)it->at);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void
test_kinds(void)
{
    struct wr_conf cf;
    struct wr_bundle none[2], b[2];
    struct wr_gather g = {.cf = &cf, .effect = none, .anew = true};
    char *big = calloc(1, WR_FILES_BYTES + 1);

    wr_conf_init(&cf, &pool);
    wr_pair_init(none);
    write_file("plain", "text", 4);
    write_file("secret", "key", 3);
    write_file("open", "key", 3);
    chmod(path_of("open"), 0604);
    write_file("big", big, WR_FILES_BYTES + 1);
    write_file("most", big, WR_FILES_BYTES);
    mkfifo(path_of("fifo"), 0600);
    mkdir(path_of("folder"), 0700);
    if (symlink("plain", path_of("link")) < 0 || symlink("loop", path_of("loop")) < 0) {
        abort();
    }
    const char *names[] = {"plain", "big",  "most",    "fifo",       "folder",
                           "link",  "loop", "missing", "plain/below"};
    for (unsigned i = 0; i < WR_ARRAY_LEN(names); i++) {
        name_file(&cf, names[i], false, false);
    }
    name_file(&cf, "secret", true, false);
    name_file(&cf, "open", true, false);
    name_file(&cf, "optional", false, true);
    tap_ok(wr_gather_files(&g, b), "files are gathered");
    tap_is_int(b[0].n, 10, "public ones");
    tap_is_int(b[1].n, 2, "and secret ones");
    tap_is_str(text_of(&b[0], item(&b[0], "plain")), "text", "a file");
    tap_is_str(text_of(&b[0], item(&b[0], "link")), "text", "a link to it");
    tap_is_str(text_of(&b[1], item(&b[1], "secret")), "key", "a secret");
    tap_is_int(item(&b[0], "most")->bytes, WR_FILES_BYTES, "1 MiB");
    tap_is_int(item(&b[0], "big")->trouble, EFBIG, "over 1 MiB");
    tap_is_int(item(&b[0], "fifo")->trouble, EINVAL, "a fifo");
    tap_is_int(item(&b[0], "folder")->trouble, EISDIR, "a directory");
    tap_is_int(item(&b[0], "loop")->trouble, ELOOP, "a link to itself");
    tap_is_int(item(&b[0], "missing")->trouble, ENOENT, "nothing");
    tap_is_int(item(&b[0], "plain/below")->trouble, ENOTDIR, "nothing that could be");
    const struct wr_bundle_item *it = item(&b[0], "optional");
    tap_ok(it->trouble == 0 && it->error == ENOENT && it->bytes == 0, "nothing, which is fine");
    tap_ok(!item(&b[1], "secret")->loose && item(&b[1], "open")->loose, "who may read a secret is seen");
    tap_ok(item(&b[0], "plain")->changed && it->changed, "to a new configuration all is new");
    tap_is_int(item(&b[0], "fifo")->disk, wr_gather_look(&cf.files[3]), "what it was on the disk is known");
    tap_is_int(item(&b[0], "missing")->disk, wr_gather_look(&cf.files[7]), "of what is not there too");
    wr_pair_drop(b);
    free(big);
}

/* A configuration in effect, and what becomes of its files. */
static void
test_changes(void)
{
    struct wr_conf cf, other;
    struct wr_bundle effect[2], b[2];
    struct wr_gather g = {.cf = &cf, .effect = effect, .anew = true};

    wr_conf_init(&cf, &pool);
    wr_pair_init(effect);
    write_file("same", "same", 4);
    write_file("written", "before", 6);
    write_file("gone", "gone", 4);
    name_file(&cf, "same", false, false);
    name_file(&cf, "written", false, false);
    name_file(&cf, "gone", false, false);
    name_file(&cf, "come", false, true);
    name_file(&cf, "secret", true, false);
    wr_gather_files(&g, b);
    wr_pair_move(effect, b);

    write_file("written", "behind", 6);
    write_file("come", "come", 4);
    unlink(path_of("gone"));
    g.anew = false;
    tap_ok(wr_gather_files(&g, b), "later");
    const struct wr_bundle_item *it = item(&b[0], "same"), *old = item(&effect[0], "same");
    tap_ok(!it->changed && it->version == old->version && strcmp(text_of(&b[0], it), "same") == 0,
           "what is as it was is kept");
    it = item(&b[0], "written");
    tap_ok(it->changed && it->version != item(&effect[0], "written")->version,
           "what was written to has changed");
    tap_is_str(text_of(&b[0], it), "behind", "to what it is now");
    it = item(&b[0], "gone");
    old = item(&effect[0], "gone");
    tap_ok(!it->changed && it->trouble == ENOENT && it->error == 0 && it->version == old->version &&
               it->disk != it->version,
           "what is gone stays, and is told");
    tap_is_str(text_of(&b[0], it), "gone", "as it was");
    it = item(&b[0], "come");
    tap_ok(it->changed && it->error == 0 && strcmp(text_of(&b[0], it), "come") == 0,
           "what has come is there");
    wr_pair_drop(b);

    wr_conf_init(&other, &pool);
    name_file(&other, "come", false, false);
    name_file(&other, "same", true, false);
    g = (struct wr_gather){.cf = &other, .effect = effect, .anew = true};
    tap_ok(wr_gather_files(&g, b), "for another configuration");
    it = item(&b[0], "gone");
    tap_ok(it != NULL && it->tag == WR_BUNDLE_NO_TAG && it->trouble == 0,
           "what only the old one names stays beside it");
    tap_is_str(text_of(&b[0], it), "gone", "as it is in effect");
    tap_ok(item(&b[0], "same") == NULL && item(&b[1], "same")->tag == 1,
           "what has become secret is not public any more");
    tap_ok(item(&b[1], "secret")->tag == WR_BUNDLE_NO_TAG, "an old secret stays a secret");
    tap_ok(wr_pair_has_rest(b) && !wr_pair_has_rest(effect), "there is a rest");
    wr_pair_move(effect, b);
    wr_pair_select(b, effect, NULL);
    tap_ok(b[0].n == 1 && b[1].n == 1 && !wr_pair_has_rest(b), "which goes");
    wr_pair_drop(b);
    wr_pair_drop(effect);
}

/* Written twice within a moment, with the same length. */
static void
test_grain(void)
{
    struct wr_conf cf;
    struct wr_bundle none[2], b[2];
    struct wr_gather g = {.cf = &cf, .effect = none, .anew = true};
    unsigned missed = 0;

    wr_conf_init(&cf, &pool);
    wr_pair_init(none);
    name_file(&cf, "quick", false, false);
    for (unsigned i = 0; i < 20; i++) {
        write_file("quick", "one", 3);
        wr_gather_files(&g, b);
        write_file("quick", "two", 3);
        missed += wr_gather_look(&cf.files[0]) == item(&b[0], "quick")->disk;
        wr_pair_drop(b);
    }
    tap_is_int(missed, 0, "a file that is written again right after it was read is another one");
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    wr_pool_init(&pool);
    test_kinds();
    test_changes();
    test_grain();
    tap_ok(wr_pair_round() != wr_pair_round(), "rounds differ");
    tap_ok(strcmp(wr_gather_why(EFBIG), "it is larger than 1 MiB") == 0 &&
               strcmp(wr_gather_why(EACCES), "Permission denied") == 0,
           "reasons are for people");
    const char *names[] = {"plain", "secret", "open", "big",     "most", "fifo",
                           "link",  "loop",   "same", "written", "come", "quick"};
    for (unsigned i = 0; i < WR_ARRAY_LEN(names); i++) {
        unlink(path_of(names[i]));
    }
    rmdir(path_of("folder"));
    tap_is_int(rmdir(dir), 0, "nothing is left behind");
    wr_pool_reset(&pool);
    return tap_done();
}
