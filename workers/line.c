/*
 * Opening lines.
 */
#include "workers/line.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/shm/slot.h"
#include "workers/channel.h"

/* The slot of the signer; -1. */
static int
line_find_signer(uint64_t generation)
{
    struct wr_slots *t = wr_slots_table();

    for (unsigned i = 0; i < WR_SLOTS_CHILDREN; i++) {
        const struct wr_slot *s = &t->slot[i];
        uint32_t state = atomic_load(&s->state);
        if (s->kind == WR_SLOT_SIGNER && s->generation == generation &&
            (state == WR_SLOT_STARTING || state == WR_SLOT_SERVING)) {
            return (int)i;
        }
    }
    return -1;
}

int
wr_line_open(void)
{
    const struct wr_message m = {.type = WR_MSG_LINE};
    int slot = line_find_signer(wr_slot_at(wr_slots_table(), wr_slot_self())->generation);
    int fd[2];

    if (slot < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0) {
        return -1;
    }
    bool sent = wr_channel_send((unsigned)slot, &m, fd[1]);

    close(fd[1]);
    if (!sent) {
        close(fd[0]);
        return -1;
    }
    wr_slot_mail((unsigned)slot, WR_MAIL_LINE);
    return fd[0];
}
