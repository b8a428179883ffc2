/*
 * The signer process: modules do its work, this is its life.  It ends when its
 * generation is over and nobody has a line to it any more.
 */
#include "workers/signer.h"
#include "workers/privs.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/module.h"

#define SIGNER_LOOK_MS 200 /* between two looks whether the last line is closed */

struct signer {
    struct wr_child ch;
    void **module_signer;
    struct wr_timer timer;
    bool draining;
};

static void
signer_on_message(struct wr_child *ch, const struct wr_message *m, int fd)
{
    struct signer *s = wr_container(ch, struct signer, ch);

    for (unsigned i = 0; m->type == WR_MSG_LINE && fd >= 0 && i < wr_modules_n; i++) {
        if (s->module_signer[i] != NULL) {
            wr_modules[i]->signer_line(s->module_signer[i], fd);
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static unsigned
signer_count_lines(const struct signer *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < wr_modules_n; i++) {
        n += s->module_signer[i] != NULL ? wr_modules[i]->signer_lines(s->module_signer[i]) : 0;
    }
    return n;
}

static void
signer_on_timer(struct wr_timer *t)
{
    struct signer *s = wr_container(t, struct signer, timer);

    if (signer_count_lines(s) == 0) {
        wr_child_end(&s->ch);
        _exit(0);
    }
    wr_loop_timer(s->ch.loop, t, wr_clock.mono_ms + SIGNER_LOOK_MS);
}

static void
signer_drain(struct signer *s)
{
    if (!s->draining) {
        s->draining = true;
        wr_child_state(&s->ch, WR_SLOT_DRAINING);
        wr_loop_timer(s->ch.loop, &s->timer, wr_clock.mono_ms + SIGNER_LOOK_MS);
    }
}

static void
signer_on_mail(struct wr_child *ch, uint32_t mail)
{
    if (mail & (WR_MAIL_DRAIN | WR_MAIL_STOP)) {
        signer_drain(wr_container(ch, struct signer, ch));
    }
}

/* SIGQUIT: also when the master dies; its workers drain and may need it. */
static void
signer_on_signal(struct wr_child *ch, int sig)
{
    if (sig == SIGTERM) {
        wr_child_end(ch);
        _exit(0);
    }
    signer_drain(wr_container(ch, struct signer, ch));
}

static const struct wr_child_ops signer_ops = {
    .title = "weir-signer",
    .on_mail = signer_on_mail,
    .on_message = signer_on_message,
    .on_signal = signer_on_signal,
};

void
wr_signer_run(const struct wr_start *st)
{
    struct signer *s = wr_calloc(1, sizeof(*s));
    s->module_signer = wr_calloc(wr_modules_n + 1, sizeof(void *));
    wr_timer_init(&s->timer, signer_on_timer);
    if (!wr_child_begin(&s->ch, st, &signer_ops)) {
        _exit(1);
    }
    wr_privs_hide();
    wr_files_start(true, NULL, NULL);
    for (unsigned i = 0; i < wr_modules_n; i++) {
        if (wr_modules[i]->signer_start != NULL) {
            s->module_signer[i] = wr_modules[i]->signer_start(s->ch.loop, st->cycle->module_main[i]);
        }
    }
    wr_child_state(&s->ch, WR_SLOT_SERVING);
    wr_loop_run(s->ch.loop);
    _exit(0);
}
