/* fingerprint.h - the same key for the same request, on every machine and in any order.
 *
 *     struct hf_fingerprint    *f;
 *     struct hf_fingerprint_key key;
 *     struct hf_error           error;
 *
 *     if (hf_fingerprint_open(NULL, &f)) return HF_E_NOMEM;
 *     hf_fingerprint_string(f, "template", hf_str("invoice"));
 *     hf_fingerprint_int(f, "page", 3);
 *     hf_fingerprint_file(f, "logo", "/srv/logo.svg");
 *     hf_fingerprint_list(f, "tags", HF_LIST_SET);
 *     hf_fingerprint_string(f, NULL, hf_str("paid"));
 *     hf_fingerprint_end(f);
 *     err = hf_fingerprint_key(f, &key, &error);
 *     hf_fingerprint_close(f);
 *
 * A request is a set of named parameters; in which order they are added makes no difference.
 * Values have types: the text "3", the number 3 and 3.0 are three different values; a file
 * counts by its content and not by its name. All of it is written down in one unambiguous
 * encoding (docs/guide/fingerprints.md has it, with test vectors), whose SHA-256 is the key.
 * Two requests have the same key only if they are the same, or SHA-256 is broken.
 *
 * Inside a list values have no name: give NULL.
 *
 * Threads:  a fingerprint belongs to one thread at a time.
 * Memory:   what was added, at most HF_FINGERPRINT_BYTES_MAX encoded bytes, and as much
 *           again for the key. Files are streamed.
 * Cost:     about 1 us and 1 us per KiB added; a file about 1 ms per MiB.
 * Errors:   adding returns nothing: the first failure is remembered, and everything after it
 *           ignored, until hf_fingerprint_key() tells it. */

#ifndef HOLDFAST_FINGERPRINT_H
#define HOLDFAST_FINGERPRINT_H

#include <holdfast/alloc.h>
#include <holdfast/bytes.h>
#include <holdfast/error.h>
#include <stdbool.h>
#include <stdint.h>

HF_BEGIN_DECLS

enum {
    HF_FINGERPRINT_VERSION = 1, /* Of the encoding; another one gives other keys. */
    HF_FINGERPRINT_BYTES_MAX = 16 * 1024 * 1024,
    HF_FINGERPRINT_DEPTH_MAX = 32, /* Lists in lists. */
};

struct hf_fingerprint;

/* allocator NULL: malloc. HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_fingerprint_open(const struct hf_allocator *allocator,
                                               struct hf_fingerprint    **f);

/* NULL is fine. */
HF_API void hf_fingerprint_close(struct hf_fingerprint *f);

/* Forgets parameters and failures, keeps the memory for the next request. */
HF_API void hf_fingerprint_clear(struct hf_fingerprint *f);

/* An integer: signed or unsigned, 3 is 3. */
HF_API void hf_fingerprint_int(struct hf_fingerprint *f, const char *name, int64_t value);
HF_API void hf_fingerprint_uint(struct hf_fingerprint *f, const char *name, uint64_t value);

/* By its 64 bits, but -0.0 is 0.0, and every NaN is the same NaN. */
HF_API void hf_fingerprint_double(struct hf_fingerprint *f, const char *name, double value);

HF_API void hf_fingerprint_bool(struct hf_fingerprint *f, const char *name, bool value);

/* That it is given and has no value, which differs from not being given. */
HF_API void hf_fingerprint_null(struct hf_fingerprint *f, const char *name);

/* Text as it is: neither its encoding nor its case is touched. */
HF_API void hf_fingerprint_string(struct hf_fingerprint *f, const char *name,
                                  struct hf_bytes text);

HF_API void hf_fingerprint_bytes(struct hf_fingerprint *f, const char *name,
                                 struct hf_bytes bytes);

/* The content of a regular file, links followed. HF_E_SYSTEM when it cannot be read or
 * changes meanwhile, HF_E_INVALID for a directory, FIFO, socket or device. */
HF_API void hf_fingerprint_file(struct hf_fingerprint *f, const char *name, const char *path);

enum hf_list_kind {
    HF_LIST_ORDERED,
    HF_LIST_SET, /* Neither order nor repetition makes a difference. */
};

/* Begins a list; what is added from here to its end belongs to it, other lists too. */
HF_API void hf_fingerprint_list(struct hf_fingerprint *f, const char *name,
                                enum hf_list_kind kind);
HF_API void hf_fingerprint_end(struct hf_fingerprint *f);

struct hf_fingerprint_key {
    char text[65]; /* 64 hexadecimal digits and a NUL. */
};

/* The key of what was added so far; more may be added after it. HF_E_INVALID for a name given
 * twice, missing, or within a list, and for a list without its end; HF_E_TOO_LARGE,
 * HF_E_NOMEM; what was remembered. error may be NULL. */
HF_API HF_NODISCARD hf_err hf_fingerprint_key(struct hf_fingerprint     *f,
                                              struct hf_fingerprint_key *key,
                                              struct hf_error           *error);

/* What the key is the SHA-256 of, to see why two keys differ. Valid until f is used again. */
HF_API HF_NODISCARD hf_err hf_fingerprint_encoding(struct hf_fingerprint *f,
                                                   struct hf_bytes       *encoding,
                                                   struct hf_error       *error);

HF_END_DECLS

#endif
