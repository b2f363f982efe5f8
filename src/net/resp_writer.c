#include "net/resp_writer.h"

#include "core/assert.h"

#include <string.h>

enum { TRAILER_SIZE = sizeof HF_RESP_TRAILER - 1 };

static size_t digits_of(size_t number)
{
    size_t digits = 1;
    for (; number >= 10; number /= 10) digits++;
    return digits;
}

static size_t header_size(size_t number)
{
    return 1 + digits_of(number) + TRAILER_SIZE;
}

static size_t write_header(char *to, char type, size_t number)
{
    const size_t digits = digits_of(number);
    to[0] = type;
    for (size_t at = digits; at > 0; number /= 10) to[at--] = (char)('0' + number % 10);
    memcpy(to + 1 + digits, HF_RESP_TRAILER, TRAILER_SIZE);
    return 1 + digits + TRAILER_SIZE;
}

size_t hf_resp_write_count(char *to, size_t argc)
{
    return write_header(to, '*', argc);
}

size_t hf_resp_write_length(char *to, size_t size)
{
    return write_header(to, '$', size);
}

hf_err hf_resp_encoded_size(const struct hf_bytes *argv, size_t argc, size_t *size)
{
    if (argc == 0 || !argv) return HF_E_INVALID;
    if (argc > HF_RESP_ARGUMENTS_MAX) return HF_E_TOO_LARGE;

    /* Cannot overflow: 2^20 arguments of 2^29 bytes. */
    size_t sum = header_size(argc);
    for (size_t i = 0; i < argc; i++) {
        if (!argv[i].data && argv[i].size > 0) return HF_E_INVALID;
        if (argv[i].size > HF_RESP_ARGUMENT_MAX) return HF_E_TOO_LARGE;
        sum += header_size(argv[i].size) + argv[i].size + TRAILER_SIZE;
    }
    *size = sum;
    return HF_OK;
}

static char *write_argument(char *to, struct hf_bytes argument)
{
    to += hf_resp_write_length(to, argument.size);
    if (argument.size > 0) memcpy(to, argument.data, argument.size);
    to += argument.size;
    memcpy(to, HF_RESP_TRAILER, TRAILER_SIZE);
    return to + TRAILER_SIZE;
}

hf_err hf_resp_encode(struct hf_buffer *out, const struct hf_bytes *argv, size_t argc)
{
    size_t size;
    hf_err err = hf_resp_encoded_size(argv, argc, &size);
    if (err) return err;
    err = hf_buffer_reserve(out, size);
    if (err) return err;

    char *to = hf_buffer_end(out);
    to += hf_resp_write_count(to, argc);
    for (size_t i = 0; i < argc; i++) to = write_argument(to, argv[i]);
    hf_assert((size_t)(to - hf_buffer_end(out)) == size);
    hf_buffer_extend(out, size);
    return HF_OK;
}
