/* resp_line.h - the lines that the protocol is made of: a type, a value, CR LF.
 *
 *     "+OK\r\n"       the text "OK"
 *     "$12\r\n..."    the count 12
 *
 * Each function looks at the head of the input, which may be cut anywhere. What it says about
 * an input it says about every longer one too, so that cutting cannot change the outcome.
 *
 * Threads:  any.
 * Memory:   none; a text found points into the input.
 * Cost:     the input is passed over once, however often it is looked at. */

#ifndef HF_NET_RESP_LINE_H
#define HF_NET_RESP_LINE_H

#include <holdfast/bytes.h>
#include <stdint.h>

enum hf_resp_found {
    HF_RESP_MORE,      /* The line has no end yet. */
    HF_RESP_FOUND,     /* The results are written. */
    HF_RESP_MALFORMED, /* It is no such line; *reason says why. */
    HF_RESP_TOO_LONG,  /* It is longer than it may be. */
};

/* The text between the type and CR LF, without either of them inside. A line of at most
 * size_max bytes, type and end included. *scanned is 0 at first, and then what the last call
 * on the same line left there. */
enum hf_resp_found hf_resp_find_line(struct hf_bytes input, size_t size_max, size_t *scanned,
                                     struct hf_bytes *text, const char **reason);

enum hf_resp_count_kind {
    HF_RESP_COUNT_PLAIN,    /* Digits, up to 19 of them. */
    HF_RESP_COUNT_NULL,     /* -1 */
    HF_RESP_COUNT_STREAMED, /* ? */
};

struct hf_resp_count {
    enum hf_resp_count_kind kind;
    uint64_t                value; /* 0 unless it is plain. */
    size_t                  size;  /* Bytes of the line, type and end included. */
};

enum hf_resp_found hf_resp_find_count(struct hf_bytes input, size_t size_max,
                                      struct hf_resp_count *count, const char **reason);

#endif
