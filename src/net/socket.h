/* socket.h - plain stream sockets, non-blocking and close-on-exec from birth.
 *
 * Threads:  as transport.h.
 * Cost:     connecting never blocks: it is finished when the descriptor is writable.
 * Errors:   HF_E_CONNECT with errno in *os_error. */

#ifndef HF_NET_SOCKET_H
#define HF_NET_SOCKET_H

#include "net/transport.h"

#include <holdfast/time.h>
#include <stdbool.h>
#include <sys/socket.h>

/* An address of any family, ready for connect(). */
struct hf_address {
    struct sockaddr_storage storage;
    socklen_t               size;
};

/* HF_E_TOO_LARGE for a path of 108 bytes or more. */
HF_NODISCARD hf_err hf_address_unix(struct hf_address *address, const char *path);

/* "10.0.0.7:6379", "[::1]:6379" or the path. */
void hf_address_text(const struct hf_address *address, char *text, size_t size);

/* Starts connecting; *connected tells whether it is done already. */
HF_NODISCARD hf_err hf_socket_connect(struct hf_transport     *t,
                                      const struct hf_address *address, bool *connected,
                                      int *os_error);

/* After the descriptor became writable: how connecting ended. */
HF_NODISCARD hf_err hf_socket_connected(struct hf_transport *t, int *os_error);

/* For TCP: sends at once, and lets the kernel notice within `patience` that a peer that owes
 * an acknowledgement is gone. Nothing to do for unix sockets. */
void hf_socket_tune(struct hf_transport *t, hf_duration patience);

#endif
