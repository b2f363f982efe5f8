#include "core/alloc.h"
#include "net/mux_inside.h"
#include "net/resp_writer.h"

#include <limits.h>
#include <poll.h>
#include <string.h>

/* Lock held before and after, released in between; is_sending is the caller's and is given
 * back. False when the connection broke, and the caller must say so without the lock. */
static bool send_queued(struct hf_mux *mux, int *os_error)
{
    bool sound = true;
    while (sound && mux->locked.state == HF_MUX_READY) {
        if (hf_buffer_size(&mux->going) == 0) {
            if (hf_buffer_size(&mux->locked.out) == 0) break;
            hf_buffer_clear(&mux->going, HF_MUX_IDLE_KEEP);
            const struct hf_buffer taken = mux->locked.out;
            mux->locked.out = mux->going;
            mux->going = taken;
        }
        mux->locked.sent = mux->locked.queued - hf_buffer_size(&mux->locked.out);
        pthread_mutex_unlock(&mux->lock);

        const struct iovec part = { hf_buffer_bytes(&mux->going),
                                    hf_buffer_size(&mux->going) };
        size_t             sent = 0;
        sound = hf_transport_send(&mux->transport, &part, 1, &sent, os_error) == HF_OK;
        hf_buffer_consume(&mux->going, sent);
        hf_metrics_add(mux->owner.metrics, HF_STAT_BYTES_SENT, (int64_t)sent);

        pthread_mutex_lock(&mux->lock);
        mux->locked.is_stuck = sound && sent == 0;
        if (mux->locked.is_stuck) {
            mux->locked.sent -= hf_buffer_size(&mux->going);
            break;
        }
    }
    mux->locked.is_sending = false;
    return sound;
}

/* Lock held before and after. Sends for all, unless somebody does or nobody can. */
void hf_mux_send_if_free(struct hf_mux *mux, struct hf_aftermath *after)
{
    if (mux->locked.is_sending || mux->locked.is_stuck) return;

    mux->locked.is_sending = true;
    int        os_error = 0;
    const bool sound = send_queued(mux, &os_error);
    if (!sound) {
        pthread_mutex_unlock(&mux->lock);
        hf_mux_break_by_os(mux, "send", os_error);
        pthread_mutex_lock(&mux->lock);
    }
    if (mux->locked.is_stuck && mux->locked.is_led) hf_mux_kick_leader(mux);
    if (mux->locked.state != HF_MUX_READY) after->needs_attention = true;
}

/* A message as the pieces that writev wants: headers in a block of our own, arguments where
 * they are. */
struct pieces {
    struct iovec *parts;
    int           count;
    char         *headers;
};

static hf_err make_pieces(const struct hf_allocator *a, const struct hf_mux_message *message,
                          struct pieces *pieces)
{
    const size_t argc = message->argv ? message->argc : 0;
    *pieces = (struct pieces){
        .parts = hf_alloc(a, (2 * argc + 1) * sizeof(struct iovec)),
        .headers = hf_alloc(a, (argc + 1) * 2 * HF_RESP_HEADER_MAX),
    };
    if (!pieces->parts || !pieces->headers) return HF_E_NOMEM;
    if (!message->argv) {
        pieces->parts[pieces->count++] = (struct iovec){ (void *)message->encoded.data,
                                                         message->encoded.size };
        return HF_OK;
    }

    char *header = pieces->headers;
    char *end = header + hf_resp_write_count(header, argc);
    for (size_t i = 0; i < argc; i++) {
        const struct hf_bytes argument = message->argv[i];
        end += hf_resp_write_length(end, argument.size);
        pieces->parts[pieces->count++] = (struct iovec){ header, (size_t)(end - header) };
        pieces->parts[pieces->count++] = (struct iovec){ (void *)argument.data,
                                                         argument.size };
        header = end;
        memcpy(end, HF_RESP_TRAILER, strlen(HF_RESP_TRAILER));
        end += strlen(HF_RESP_TRAILER);
    }
    pieces->parts[pieces->count++] = (struct iovec){ header, (size_t)(end - header) };
    return HF_OK;
}

static void free_pieces(const struct hf_allocator *a, struct pieces *pieces)
{
    hf_free(a, pieces->parts);
    hf_free(a, pieces->headers);
}

/* Takes sent bytes off the front; returns the first part that is not all gone. */
static int skip_sent(struct iovec *parts, int at, int count, size_t sent)
{
    while (at < count && sent >= parts[at].iov_len) sent -= parts[at++].iov_len;
    if (at < count) {
        parts[at].iov_base = (char *)parts[at].iov_base + sent;
        parts[at].iov_len -= sent;
    }
    return at;
}

static void send_pieces(struct hf_mux *mux, struct pieces *pieces, hf_instant deadline)
{
    int at = skip_sent(pieces->parts, 0, pieces->count, 0);
    while (at < pieces->count) {
        const int    count = pieces->count - at < IOV_MAX ? pieces->count - at : IOV_MAX;
        size_t       sent = 0;
        int          os_error = 0;
        const hf_err err = hf_transport_send(&mux->transport, pieces->parts + at, count,
                                             &sent, &os_error);
        if (err) {
            hf_mux_break_by_os(mux, "send", os_error);
            return;
        }
        hf_metrics_add(mux->owner.metrics, HF_STAT_BYTES_SENT, (int64_t)sent);
        at = skip_sent(pieces->parts, at, pieces->count, sent);
        if (at == pieces->count) return;

        short      ready;
        const bool in_time = sent > 0 ? hf_before(hf_now(), deadline)
                                      : hf_mux_poll(mux, POLLOUT, deadline, &ready);
        if (!in_time) {
            hf_mux_break(mux, HF_E_TIMEOUT_SENT,
                         "deadline passed in the middle of a command");
            return;
        }
        if (hf_mux_state(mux) != HF_MUX_READY) return;
    }
}

void hf_mux_send_borrowed(struct hf_mux *mux, const struct hf_mux_message *message,
                          hf_instant deadline)
{
    struct pieces pieces;
    if (make_pieces(mux->allocator, message, &pieces) == HF_OK) {
        send_pieces(mux, &pieces, deadline);
    } else {
        hf_mux_break(mux, HF_E_NOMEM_SENT, "no memory to send a command");
    }
    free_pieces(mux->allocator, &pieces);
}
