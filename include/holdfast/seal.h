/* seal.h - the keys that a cache encrypts its values with.
 *
 *     struct hf_cache_key     keys[2];
 *     size_t                  count;
 *     struct hf_cache_options options = { .key_prefix = "app", .keys = keys };
 *
 *     err = hf_cache_keys_parse(hf_str(getenv("APP_CACHE_KEYS")), keys, 2, &count, &error);
 *     options.key_count = count;
 *     err = hf_cache_open(client, &options, &cache, &error);
 *     hf_cache_keys_wipe(keys, 2);
 *
 * With keys every value is sealed with the first of them, by AES-256-GCM under a key and
 * nonce derived for that value alone (XAES-256-GCM), and bound to its key, prefix and
 * version; and values sealed with any of them are read. To change keys: add the new one last
 * everywhere, then move it first, then drop the old one when what it sealed has expired.
 *
 * What is not sealed, sealed with another key, moved from another entry or changed is a miss
 * and counted (stats.h: cache_unsealed, cache_no_key, cache_forged). Keys, names of tags,
 * sizes and times are not hidden. docs/guide/encryption.md says what else it does not do.
 *
 * Threads:  any; pure.
 * Memory:   the caller's; a cache keeps a copy and wipes it when it is closed.
 * Errors:   a detail never shows a key. */

#ifndef HOLDFAST_SEAL_H
#define HOLDFAST_SEAL_H

#include <holdfast/api.h>
#include <holdfast/bytes.h>
#include <holdfast/error.h>
#include <stdint.h>

HF_BEGIN_DECLS

enum {
    HF_CACHE_KEY_SIZE = 32,
    HF_CACHE_KEYS_MAX = 16, /* Of one cache. */
};

struct hf_cache_key {
    uint32_t      id; /* Stored with each value; a key keeps its id for ever. */
    unsigned char bytes[HF_CACHE_KEY_SIZE]; /* From a source of secret random bytes. */
};

/* Reads keys written "ID:HEX", the id in decimal and 64 hexadecimal digits, with white space
 * between them. HF_E_INVALID for anything else, for none and for an id given twice,
 * HF_E_TOO_LARGE for more than max; keys are wiped then. */
HF_API HF_NODISCARD hf_err hf_cache_keys_parse(struct hf_bytes      text,
                                               struct hf_cache_key *keys, size_t max,
                                               size_t *count, struct hf_error *error);

/* Overwrites them, as a plain memset before the end of a variable's life may not. */
HF_API void hf_cache_keys_wipe(struct hf_cache_key *keys, size_t count);

HF_END_DECLS

#endif
