/* transport.h - a byte stream to a server: TCP, a unix socket, or TLS on top of either.
 *
 * The stream is non-blocking. "Nothing now" is not an error: send and receive then return
 * HF_OK and zero bytes, and the owner polls for what hf_transport_events() says.
 *
 * Threads:  one thread may send while another receives; shutdown may come from any thread;
 *           close only when nobody uses it any more.
 * Memory:   caller-allocated; close gives back what the kind of stream holds.
 * Errors:   HF_E_LOST with errno in *os_error, 0 for an orderly end of the stream. SIGPIPE
 *           is never raised. */

#ifndef HF_NET_TRANSPORT_H
#define HF_NET_TRANSPORT_H

#include <holdfast/error.h>
#include <stddef.h>
#include <sys/uio.h>

struct hf_transport;

struct hf_transport_ops {
    hf_err (*send)(struct hf_transport *t, const struct iovec *parts, int count, size_t *sent,
                   int *os_error);
    hf_err (*receive)(struct hf_transport *t, void *data, size_t size, size_t *received,
                      int *os_error);
    short (*events)(const struct hf_transport *t, short wanted);
    void (*close)(struct hf_transport *t);
};

struct hf_transport {
    const struct hf_transport_ops *ops;
    int                            fd;  /* For poll(); -1 when closed. */
    void                          *tls; /* State of the TLS layer, NULL without. */
};

static inline hf_err hf_transport_send(struct hf_transport *t, const struct iovec *parts,
                                       int count, size_t *sent, int *os_error)
{
    return t->ops->send(t, parts, count, sent, os_error);
}

static inline hf_err hf_transport_receive(struct hf_transport *t, void *data, size_t size,
                                          size_t *received, int *os_error)
{
    return t->ops->receive(t, data, size, received, os_error);
}

/* What to poll for when POLLIN and/or POLLOUT is wanted: TLS may need the other one. */
static inline short hf_transport_events(const struct hf_transport *t, short wanted)
{
    return t->ops->events(t, wanted);
}

/* Makes every present and later send and receive fail; the descriptor stays open. */
void hf_transport_shutdown(struct hf_transport *t);

/* Closes it; a second close does nothing. */
void hf_transport_close(struct hf_transport *t);

/* In a forked child: closes the descriptor only, whatever a thread that did not come along
 * was changing. The stream stays the parent's. */
void hf_transport_abandon(const struct hf_transport *t);

#endif
