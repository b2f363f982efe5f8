/* resp_reader.h - turns the bytes of a connection into replies, whatever way they are cut.
 *
 *     err = hf_resp_reader_space(&reader, &data, &size);
 *     hf_resp_reader_filled(&reader, recv(fd, data, size, 0));
 *     while ((err = hf_resp_reader_next(&reader, &reply)) == HF_OK && reply) take(reply);
 *
 * It speaks all of RESP2 and RESP3, does no input or output, and never recurses. Attributes
 * are checked and dropped: they are neither replies nor elements. Pushes are replies of type
 * HF_REPLY_PUSH, and come only between other replies. Small values are copied out of an input
 * block; the body of a large string is received where it will stay.
 *
 * What a reply may take is limited in bytes, elements and depth. A reply that announces more
 * than the limit is refused at once; one that announces less gets memory as its bytes arrive:
 * for strings at most 4 times what arrived, for the tiniest values about 20 times, and 100
 * KiB.
 *
 * Threads:  none; the owner serialises. A reply that was given out is independent.
 * Memory:   caller-allocated struct of about 2 KiB; between replies at most
 *           HF_RESP_READER_IDLE_MAX bytes more, none before the first hf_resp_reader_space().
 * Cost:     one allocation and one copy for a short reply.
 * Errors:   HF_E_PROTOCOL and HF_E_TOO_LARGE are for ever: where the next reply begins is no
 *           longer known. So is HF_E_NOMEM_SENT: a push was lost, and with it perhaps an
 *           invalidation. The connection must be closed then. HF_E_NOMEM passes. */

#ifndef HF_NET_RESP_READER_H
#define HF_NET_RESP_READER_H

#include "core/buffer.h"
#include "net/reply_builder.h"

enum {
    HF_RESP_DEPTH_MAX = 128,
    HF_RESP_READER_IDLE_MAX = 18 * 1024,
};

/* What one reply may take; exactly the limit is allowed. */
struct hf_resp_limits {
    size_t   bytes_max;    /* As sent, with all framing and attributes, >= 16. */
    uint32_t elements_max; /* Values and aggregates, the outermost included, >= 1. */
    uint32_t depth_max; /* Aggregates and attributes in each other, <= HF_RESP_DEPTH_MAX. */
};

/* An aggregate whose children are not all there. */
struct hf_resp_frame {
    uint64_t left;  /* Children to come; those that came, if streamed. */
    uint32_t first; /* Its first child on the builder's stack. */
    uint8_t  type;  /* enum hf_reply_type. */
    bool     is_streamed;
    bool     is_attribute;
};

/* Opaque, except that it can be embedded. */
struct hf_resp_reader {
    struct hf_resp_limits   limits;
    struct hf_buffer        input;
    size_t                  scanned; /* Bytes of the input known to hold no end of line. */
    struct hf_reply_builder builder;
    bool        is_direct; /* The latest space was in the body, not in the input. */
    hf_err      failed;    /* HF_OK until the stream makes no sense any more. */
    const char *reason;

    /* The reply under way. */
    size_t   bytes;      /* Taken from the stream for it; 0 between replies. */
    uint32_t elements;   /* Seen or announced. */
    uint32_t depth;      /* Frames in use. */
    uint32_t attributes; /* How many of them are attributes: inside one, nothing is kept. */
    bool     is_dropped; /* Memory ran out: the rest is read and forgotten. */
    bool     is_push;
    bool     is_streamed_string; /* Between "$?" and ";0". */

    /* The large string, or chunk of a streamed one, under way. */
    bool    is_body;
    uint8_t body_type; /* enum hf_reply_type. */
    size_t  body_left; /* Bytes to come, its end of line included. */

    struct hf_reply     *whole; /* The latest complete reply; NULL if it was dropped. */
    struct hf_resp_frame frames[HF_RESP_DEPTH_MAX];
};

/* *limits are our own constants or checked options: out of range they are asserted. */
void hf_resp_reader_init(struct hf_resp_reader *r, const struct hf_allocator *a,
                         const struct hf_resp_limits *limits);

/* Also in the middle of a reply, which is then freed. */
void hf_resp_reader_deinit(struct hf_resp_reader *r);

/* Where the next bytes of the stream go, at least 1: the input block, or directly the body of
 * a large string. Valid until the next call. HF_E_NOMEM: nothing changed, try again; after a
 * failure for ever, that failure. */
HF_NODISCARD hf_err hf_resp_reader_space(struct hf_resp_reader *r, void **data, size_t *size);

/* Says that size bytes were written there, at most what space gave; 0 is fine. */
void hf_resp_reader_filled(struct hf_resp_reader *r, size_t size);

/* HF_OK with the next whole reply, the caller's, or NULL when more bytes are needed.
 * HF_E_NOMEM stands in the place of one reply, never of a push, that was read and dropped;
 * the next follows in order. All other errors come again and again. *reply is written on
 * HF_OK only. */
HF_NODISCARD hf_err hf_resp_reader_next(struct hf_resp_reader *r, struct hf_reply **reply);

/* What was wrong with the stream, for a log; "" before a failure. A constant. */
const char *hf_resp_reader_error(const struct hf_resp_reader *r);

/* True when no byte of an unfinished reply is held: a connection that ends now ends well. */
bool hf_resp_reader_is_idle(const struct hf_resp_reader *r);

#endif
