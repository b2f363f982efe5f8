/* error.h - how the library fills in what <holdfast/error.h> promises.
 *
 * Threads:  the struct belongs to one caller.
 * Memory:   caller-allocated, needs no cleanup. `error` may be NULL everywhere: then the
 *           detail is dropped and only the code comes back.
 * Cost:     formatting happens on failure only. */

#ifndef HF_CORE_ERROR_H
#define HF_CORE_ERROR_H

#include <holdfast/error.h>

enum hf_retry {
    HF_RETRY_NO,   /* Never: it would fail again, or do harm. */
    HF_RETRY_SAFE, /* Only what may be applied twice. */
    HF_RETRY_ANY,  /* Every command: it was not applied. */
};

/* The rules of the category, from the table in the public header. */
enum hf_retry hf_err_retry(hf_err err);
bool          hf_err_counts_against_endpoint(hf_err err);

/* Sets code and detail, and returns code, so that failing is one line:
 *     return hf_fail(error, HF_E_CONNECT, "connect: %s", strerror(errno)); */
hf_err hf_fail(struct hf_error *error, hf_err code, const char *format, ...) HF_PRINTF(3, 4);

/* The same with what the code itself says, which is not formatted: for what fails by the
 * million while the server is away. */
hf_err hf_fail_bare(struct hf_error *error, hf_err code);

/* Puts "context: " in front of the detail, or makes it the detail, and returns the code. */
hf_err hf_fail_in(struct hf_error *error, hf_err code, const char *format, ...)
    HF_PRINTF(3, 4);

/* clang's analyzer looks into one file at a time, so here it is told what they return. */
#ifdef __clang_analyzer__
#define hf_fail(error, code, ...)    ((void)(hf_fail)(error, code, __VA_ARGS__), (code))
#define hf_fail_in(error, code, ...) ((void)(hf_fail_in)(error, code, __VA_ARGS__), (code))
#define hf_fail_bare(error, code)    ((void)(hf_fail_bare)(error, code), (code))
#endif

#endif
