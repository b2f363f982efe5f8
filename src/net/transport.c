#include "net/transport.h"

#include <sys/socket.h>
#include <unistd.h>

void hf_transport_shutdown(struct hf_transport *t)
{
    if (t->fd >= 0) (void)shutdown(t->fd, SHUT_RDWR);
}

void hf_transport_close(struct hf_transport *t)
{
    if (t->fd < 0) return;
    t->ops->close(t);
    t->fd = -1;
}

void hf_transport_abandon(const struct hf_transport *t)
{
    if (t->ops && t->fd >= 0) close(t->fd);
}
