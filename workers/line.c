/*
 * Making lines, and having one.
 */
#include "workers/line.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/shm/slot.h"
#include "workers/master.h"

static int line_here = -1;

int
wr_line_open(void)
{
    const struct wr_message m = {.type = WR_MSG_NEED_LINE};
    int fd = line_here;

    line_here = -1;
    if (fd < 0 && wr_channel_send(wr_slots_master(), &m, -1)) {
        wr_slot_mail(wr_slots_master(), WR_MAIL_STATE);
    }
    return fd;
}

bool
wr_line_take(const struct wr_message *m, int fd)
{
    if (m->type != WR_MSG_LINE || fd < 0) {
        return false;
    }
    if (line_here >= 0) {
        close(line_here);
    }
    line_here = fd;
    return true;
}

static bool
line_send(unsigned slot, int fd)
{
    const struct wr_message m = {.type = WR_MSG_LINE};
    bool sent = wr_channel_send(slot, &m, fd);

    if (sent) {
        wr_slot_mail(slot, WR_MAIL_LINE);
    }
    return sent;
}

void
wr_line_make(struct wr_master *m, unsigned slot)
{
    const struct wr_cycle *cy = m->process[slot].cycle;
    int fd[2];

    if (cy == NULL || cy->signer.slot < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0) {
        return;
    }
    /* an end whose other one does not arrive shows as closed, and is asked for again */
    if (line_send((unsigned)cy->signer.slot, fd[1])) {
        line_send(slot, fd[0]);
    }
    close(fd[0]);
    close(fd[1]);
}
