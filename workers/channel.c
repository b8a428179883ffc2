/*
 * Messages of one fixed size.  Whoever receives one decides what it may ask.
 */
#include "workers/channel.h"

#include <string.h>
#include <unistd.h>

#include "core/shm/slot.h"

bool
wr_channel_send(unsigned slot, const struct wr_message *m, int fd)
{
    return wr_slot_send(slot, m, sizeof(*m), fd);
}

static bool
channel_sound(struct wr_message *m, size_t n)
{
    if (n != sizeof(*m) || m->type < WR_MSG_BLOB || m->type > WR_MSG_LINE) {
        return false;
    }
    m->note.name[sizeof(m->note.name) - 1] = '\0';
    return true;
}

bool
wr_channel_next(struct wr_message *m, int *fd, pid_t *from)
{
    size_t n;

    while ((n = wr_slot_recv(wr_slot_self(), m, sizeof(*m), fd, from)) > 0) {
        if (channel_sound(m, n)) {
            return true;
        }
        if (*fd >= 0) {
            close(*fd);
        }
    }
    return false;
}

bool
wr_channel_send_blob(unsigned slot, const struct wr_publish_note *note, int fd)
{
    struct wr_message m = {.type = WR_MSG_BLOB, .note = *note};

    return wr_channel_send(slot, &m, fd);
}
