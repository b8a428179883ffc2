/*
 * Runs a fuzz target over its corpus, in the ordinary build: every file of
 * t/fuzz/corpus/STEM/ is one test, STEM being the name of the program; files
 * named as arguments are run instead.  A corpus that is missing or empty
 * fails.  It looks for no new input: that is libFuzzer's job.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct replay {
    unsigned run;
    unsigned failed;
};

static void
replay_result(struct replay *rp, bool ok, const char *what, const char *why)
{
    rp->run++;
    if (!ok)
        rp->failed++;
    printf("%s %u - %s%s%s\n", ok ? "ok" : "not ok", rp->run, what, why ? ": " : "", why ? why : "");
    fflush(stdout);
}

/* The bytes in a block of exactly their size, so that a read beyond is seen. */
static uint8_t *
replay_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    struct stat st;

    if (!f)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && (data = malloc(st.st_size ? (size_t)st.st_size : 1)))
        *size = fread(data, 1, (size_t)st.st_size, f);
    fclose(f);
    return data;
}

static void
replay_file(struct replay *rp, const char *path)
{
    size_t size = 0;
    uint8_t *data = replay_read(path, &size);

    if (!data) {
        replay_result(rp, false, path, strerror(errno));
        return;
    }
    /* Said first: if the target dies, this names the input. */
    printf("# %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replay_result(rp, true, path, NULL);
}

static void
replay_corpus(struct replay *rp, const char *stem)
{
    char dir[PATH_MAX], path[2 * PATH_MAX];
    struct dirent **names;
    int n, inputs = 0;

    snprintf(dir, sizeof(dir), "t/fuzz/corpus/%s", stem);
    n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
            replay_file(rp, path);
            inputs++;
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    replay_result(rp, inputs > 0, dir, inputs ? NULL : "no corpus");
}

int
main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    struct replay rp = {0};

    /* No input at all is an input too. */
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    replay_result(&rp, true, "the empty input", NULL);
    for (int i = 1; i < argc; i++)
        replay_file(&rp, argv[i]);
    if (argc < 2)
        replay_corpus(&rp, slash ? slash + 1 : argv[0]);
    printf("1..%u\n", rp.run);
    return rp.failed ? 1 : 0;
}
