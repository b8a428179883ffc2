/*
 * Signals arrive as reads of a descriptor.
 */
#include "workers/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int signals_master[] = {SIGHUP, SIGQUIT, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGWINCH};
static const int signals_child[] = {SIGQUIT, SIGTERM};

static const struct {
    const char *word;
    int sig;
} signals_words[] = {
    {"stop", SIGTERM}, {"quit", SIGQUIT}, {"reload", SIGHUP}, {"reopen", SIGUSR1}, {"upgrade", SIGUSR2},
};

int
wr_signal_of_word(const char *word)
{
    for (size_t i = 0; i < WR_ARRAY_LEN(signals_words); i++) {
        if (strcmp(word, signals_words[i].word) == 0) {
            return signals_words[i].sig;
        }
    }
    return 0;
}

const char *
wr_signal_name(int sig)
{
    static char text[24];
    const char *name = sigabbrev_np(sig);

    snprintf(text, sizeof(text), name != NULL ? "SIG%s" : "%s", name != NULL ? name : "unknown");
    return text;
}

/* Blocks the set and opens a descriptor for it. */
static int
signals_watch(const int *list, size_t n)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < n; i++) {
        sigaddset(&set, list[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
wr_signals_open(void)
{
    signal(SIGPIPE, SIG_IGN);
    return signals_watch(signals_master, WR_ARRAY_LEN(signals_master));
}

int
wr_signals_open_child(int master_fd)
{
    if (master_fd >= 0) {
        close(master_fd);
    }
    /* the mask is inherited: HUP, INT and the others stay blocked and are never read */
    return signals_watch(signals_child, WR_ARRAY_LEN(signals_child));
}

void
wr_signals_reset(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
}

int
wr_signals_next(int fd)
{
    struct signalfd_siginfo info;
    ssize_t n = read(fd, &info, sizeof(info));

    return n == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}
