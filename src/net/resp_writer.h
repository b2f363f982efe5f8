/* resp_writer.h - commands as the bytes that go to the server.
 *
 *     SET k v   ->   *3\r\n  $3\r\nSET\r\n  $1\r\nk\r\n  $1\r\nv\r\n
 *
 * A command is an array of strings in every version of the protocol. Arguments are binary.
 * A command with a large argument can be sent in pieces, the argument from where it lies.
 *
 * Threads:  any; nothing is shared.
 * Memory:   only what the buffer takes.
 * Cost:     one reservation and one copy of the arguments. */

#ifndef HF_NET_RESP_WRITER_H
#define HF_NET_RESP_WRITER_H

#include "core/buffer.h"

#include <holdfast/bytes.h>

enum {
    HF_RESP_ARGUMENT_MAX = 512 * 1024 * 1024, /* Bytes; the server's own limit. */
    HF_RESP_ARGUMENTS_MAX = 1024 * 1024,      /* The limit of servers before 7.0. */
    HF_RESP_HEADER_MAX = 24,                  /* Bytes of "*N\r\n" or "$N\r\n" at most. */
};

#define HF_RESP_TRAILER "\r\n"

/* What the command takes when encoded. HF_E_INVALID for argc 0 or an argument without data
 * but with a size, HF_E_TOO_LARGE past a limit. */
HF_NODISCARD hf_err hf_resp_encoded_size(const struct hf_bytes *argv, size_t argc,
                                         size_t *size);

/* Appends the whole command or, on an error, nothing: those of hf_resp_encoded_size() and of
 * hf_buffer_reserve(). */
HF_NODISCARD hf_err hf_resp_encode(struct hf_buffer *out, const struct hf_bytes *argv,
                                   size_t argc);

/* The pieces of a command: "*N\r\n", then for each argument "$N\r\n", the argument, and
 * HF_RESP_TRAILER. Writes at most HF_RESP_HEADER_MAX bytes, without a NUL; returns how many.
 * The command was checked by hf_resp_encoded_size(). */
size_t hf_resp_write_count(char *to, size_t argc);
size_t hf_resp_write_length(char *to, size_t size);

#endif
