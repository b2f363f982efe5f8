#include "core/error.h"

#include <holdfast/seal.h>
#include <openssl/crypto.h>

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int digit_of(unsigned char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* From *at on; moves it behind the key. False for anything but a key. */
static bool parse_key(const unsigned char **at, const unsigned char *end,
                      struct hf_cache_key *key)
{
    const unsigned char *c = *at;
    uint64_t             id = 0;
    for (; c < end && *c >= '0' && *c <= '9' && id <= UINT32_MAX; c++) {
        id = id * 10 + (uint64_t)(*c - '0');
    }
    if (c == *at || id > UINT32_MAX) return false;
    if (end - c < 1 + 2 * HF_CACHE_KEY_SIZE || *c != ':') return false;

    key->id = (uint32_t)id;
    c++;
    for (int i = 0; i < HF_CACHE_KEY_SIZE; i++, c += 2) {
        const int high = digit_of(c[0]), low = digit_of(c[1]);
        if (high < 0 || low < 0) return false;
        key->bytes[i] = (unsigned char)(high << 4 | low);
    }
    *at = c;
    return c == end || is_space(*c);
}

static bool is_new(const struct hf_cache_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].id == keys[count].id) return false;
    }
    return true;
}

static hf_err parse(struct hf_bytes text, struct hf_cache_key *keys, size_t max,
                    size_t *count, struct hf_error *error)
{
    const unsigned char       *at = text.data;
    const unsigned char *const end = at + text.size;
    size_t                     read = 0;
    for (;; read++) {
        while (at < end && is_space(*at)) at++;
        if (at == end) break;
        if (read == max) return hf_fail(error, HF_E_TOO_LARGE, "more than %zu keys", max);
        if (!parse_key(&at, end, &keys[read])) {
            return hf_fail(error, HF_E_INVALID,
                           "key %zu is not an id, a colon and 64 hexadecimal digits",
                           read + 1);
        }
        if (!is_new(keys, read)) {
            return hf_fail(error, HF_E_INVALID, "two keys with the id %lu",
                           (unsigned long)keys[read].id);
        }
    }
    if (read == 0) return hf_fail(error, HF_E_INVALID, "no key");
    *count = read;
    return HF_OK;
}

hf_err hf_cache_keys_parse(struct hf_bytes text, struct hf_cache_key *keys, size_t max,
                           size_t *count, struct hf_error *error)
{
    const hf_err err = parse(text, keys, max, count, error);
    if (err) hf_cache_keys_wipe(keys, max);
    return err;
}

void hf_cache_keys_wipe(struct hf_cache_key *keys, size_t count)
{
    OPENSSL_cleanse(keys, count * sizeof *keys);
}
