/*
 * sd_notify without the library: one datagram a message.
 */
#include "workers/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/clock.h"

/* The manager's address: a path, or an abstract name behind an @. */
static socklen_t
notify_address(struct sockaddr_un *un)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path != NULL ? strlen(path) : 0;

    if (n < 2 || n >= sizeof(un->sun_path) || (path[0] != '/' && path[0] != '@')) {
        return 0;
    }
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, n);
    if (path[0] == '@') {
        un->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    }
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

static void
notify_send(const char *text)
{
    struct sockaddr_un un;
    socklen_t len = notify_address(&un);

    if (len == 0) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    /* a manager that does not read must not stop the master */
    ssize_t sent WR_UNUSED =
        sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&un, len);
    close(fd);
}

void
wr_notify_ready(const char *status)
{
    char text[256];

    snprintf(text, sizeof(text), "READY=1\nSTATUS=%s\n", status);
    notify_send(text);
}

void
wr_notify_reloading(void)
{
    char text[128];

    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reloading\n",
             (unsigned long long)wr_clock_mono_us_now());
    notify_send(text);
}

void
wr_notify_stopping(void)
{
    notify_send("STOPPING=1\nSTATUS=stopping\n");
}

void
wr_notify_main_pid(pid_t pid)
{
    char text[64];

    snprintf(text, sizeof(text), "MAINPID=%d\n", (int)pid);
    notify_send(text);
}
