/*
 * Pipes for splicing.
 */
#include "core/event/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct wr_pipe *pipe_pool;
static unsigned pipe_count; /* in use and pooled */
static unsigned pipe_pooled;

static struct wr_pipe *
pipe_new(void)
{
    int fd[2];

    if (pipe_count >= WR_PIPES_MOST || pipe2(fd, O_NONBLOCK | O_CLOEXEC) < 0) {
        return NULL;
    }
    /* Refused (too many pages for one user): it is smaller, and all the same correct. */
    (void)fcntl(fd[1], F_SETPIPE_SZ, WR_PIPE_BYTES);
    struct wr_pipe *p = wr_calloc(1, sizeof(*p));
    p->r = fd[0];
    p->w = fd[1];
    pipe_count++;
    return p;
}

static void
pipe_free(struct wr_pipe *p)
{
    close(p->r);
    close(p->w);
    free(p);
    pipe_count--;
}

struct wr_pipe *
wr_pipe_take(void)
{
    struct wr_pipe *p = pipe_pool;

    if (p == NULL) {
        return pipe_new();
    }
    pipe_pool = p->next;
    pipe_pooled--;
    return p;
}

void
wr_pipe_give(struct wr_pipe *p)
{
    if (p->bytes > 0) {
        pipe_free(p);
        return;
    }
    p->next = pipe_pool;
    pipe_pool = p;
    pipe_pooled++;
}

bool
wr_pipe_scarce(void)
{
    return pipe_count - pipe_pooled > WR_PIPES_MOST / 2;
}

void
wr_pipe_trim(void)
{
    while (pipe_pool != NULL) {
        pipe_free(wr_pipe_take());
    }
}

static void
pipe_unpin(void *arg)
{
    wr_pipe_give(arg);
}

struct wr_slice *
wr_pipe_slice(struct wr_pipe *p)
{
    struct wr_slice *s = wr_slice_new(WR_SLICE_PIPE);

    s->fd = p->r;
    s->n = p->bytes;
    s->unpin = pipe_unpin;
    s->pin_arg = p;
    return s;
}

bool
wr_pipe_unload(struct wr_slice *s, struct wr_chain *to)
{
    struct wr_pipe *p = s->pin_arg;
    size_t left = s->n;

    while (left > 0) {
        struct wr_buf *b = wr_buf_new(WR_MIN(left, (size_t)WR_BUF_BIG_BYTES));
        ssize_t n = read(s->fd, b->data, WR_MIN(left, (size_t)b->cap));
        if (n > 0) {
            wr_chain_add(to, b, b->data, (size_t)n);
            left -= (size_t)n;
            p->bytes -= (size_t)n;
        }
        wr_buf_unref(b);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            break;
        }
    }
    wr_slice_free(s);
    return left == 0;
}
