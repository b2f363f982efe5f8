#include "export/guests.h"

#include <string.h>
#include <sys/socket.h>

static void drop(struct hf_guests *guests, size_t index)
{
    guests->count--;
    memmove(&guests->sockets[index], &guests->sockets[index + 1],
            (guests->count - index) * sizeof guests->sockets[0]);
}

void hf_guests_enter(struct hf_guests *guests, int socket)
{
    if (guests->count == HF_GUESTS_MAX) {
        (void)shutdown(guests->sockets[0], SHUT_RDWR);
        drop(guests, 0);
    }
    guests->sockets[guests->count++] = socket;
}

void hf_guests_leave(struct hf_guests *guests, int socket)
{
    for (size_t i = 0; i < guests->count; i++) {
        if (guests->sockets[i] != socket) continue;
        drop(guests, i);
        return;
    }
}
