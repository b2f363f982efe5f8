#include "cache/seal.h"

#include "cache/spares.h"
#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "core/little_endian.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum {
    BLOCK = 16,
    HALF_NONCE = HF_SEAL_NONCE_SIZE / 2,
    ID_SIZE = 4,
    TAG_SIZE = 16,
};

_Static_assert(ID_SIZE + HF_SEAL_NONCE_SIZE + TAG_SIZE == HF_ENVELOPE_SEAL_SIZE, "layout");

/* What is used by one thread at a time. */
struct state {
    EVP_CIPHER_CTX            *ecb;
    EVP_CIPHER_CTX            *gcm;
    const struct hf_cache_key *key;         /* That ecb has been given; NULL at first. */
    unsigned char              mask[BLOCK]; /* K1 of CMAC, of that key. */
};

struct hf_sealer {
    const struct hf_allocator *allocator;
    EVP_CIPHER                *ecb;
    EVP_CIPHER                *gcm;
    struct hf_spares           states;
    size_t                     count;
    struct hf_cache_key        keys[];
};

static hf_err check_keys(const struct hf_cache_key *keys, size_t count,
                         struct hf_error *error)
{
    if (count == 0) return hf_fail(error, HF_E_INVALID, "no key");
    if (count > HF_CACHE_KEYS_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "%zu keys, limit %d", count, HF_CACHE_KEYS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (keys[i].id != keys[j].id) continue;
            return hf_fail(error, HF_E_INVALID, "two keys with the id %lu",
                           (unsigned long)keys[i].id);
        }
    }
    return HF_OK;
}

hf_err hf_sealer_open(const struct hf_allocator *a, const struct hf_cache_key *keys,
                      size_t count, struct hf_sealer **sealer, struct hf_error *error)
{
    const hf_err err = check_keys(keys, count, error);
    if (err) return err;
    struct hf_sealer *s = hf_alloc_zero(a, 1, sizeof *s + count * sizeof *keys);
    if (!s) return hf_fail(error, HF_E_NOMEM, "keys");

    s->allocator = a;
    s->count = count;
    memcpy(s->keys, keys, count * sizeof *keys);
    s->ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    s->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!s->ecb || !s->gcm) {
        hf_sealer_close(s);
        return hf_fail(error, HF_E_SYSTEM, "OpenSSL has no AES-256-GCM");
    }
    *sealer = s;
    return HF_OK;
}

static void close_state(struct hf_sealer *sealer, struct state *state)
{
    EVP_CIPHER_CTX_free(state->ecb);
    EVP_CIPHER_CTX_free(state->gcm);
    OPENSSL_cleanse(state, sizeof *state);
    hf_free(sealer->allocator, state);
}

void hf_sealer_close(struct hf_sealer *sealer)
{
    if (!sealer) return;
    struct state *state;
    while ((state = hf_spares_take(&sealer->states))) close_state(sealer, state);
    EVP_CIPHER_free(sealer->ecb);
    EVP_CIPHER_free(sealer->gcm);
    hf_cache_keys_wipe(sealer->keys, sealer->count);
    hf_free(sealer->allocator, sealer);
}

static struct state *take_state(struct hf_sealer *sealer)
{
    struct state *state = hf_spares_take(&sealer->states);
    if (state) return state;
    state = hf_alloc_zero(sealer->allocator, 1, sizeof *state);
    if (!state) return NULL;

    state->ecb = EVP_CIPHER_CTX_new();
    state->gcm = EVP_CIPHER_CTX_new();
    if (state->ecb && state->gcm &&
        EVP_EncryptInit_ex2(state->gcm, sealer->gcm, NULL, NULL, NULL) == 1) {
        return state;
    }
    close_state(sealer, state);
    return NULL;
}

static void put_state(struct hf_sealer *sealer, struct state *state)
{
    if (!hf_spares_put(&sealer->states, state)) close_state(sealer, state);
}

static bool encrypt_blocks(struct state *state, unsigned char *out, const unsigned char *in,
                           int size)
{
    int written;
    return EVP_EncryptUpdate(state->ecb, out, &written, in, size) == 1 && written == size;
}

/* Lets the state derive from this key, as it mostly does already. */
static bool use_key(struct hf_sealer *sealer, struct state *state,
                    const struct hf_cache_key *key)
{
    static const unsigned char zero[BLOCK] = { 0 };
    unsigned char              l[BLOCK];
    if (state->key == key) return true;

    state->key = NULL;
    if (EVP_EncryptInit_ex2(state->ecb, sealer->ecb, key->bytes, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(state->ecb, 0) != 1 ||
        !encrypt_blocks(state, l, zero, BLOCK)) {
        return false;
    }
    for (int i = 0; i < BLOCK; i++) {
        const int carry = i + 1 < BLOCK ? l[i + 1] >> 7 : 0;
        state->mask[i] = (unsigned char)(l[i] << 1 | carry);
    }
    if (l[0] & 0x80) state->mask[BLOCK - 1] ^= 0x87;
    OPENSSL_cleanse(l, sizeof l);
    state->key = key;
    return true;
}

/* Readies gcm for the value of this nonce. */
static bool derive(struct state *state, const unsigned char nonce[HF_SEAL_NONCE_SIZE],
                   bool is_encrypting)
{
    unsigned char blocks[2 * BLOCK] = { 0 }, derived[2 * BLOCK];
    for (int i = 0; i < 2; i++) {
        unsigned char *block = blocks + i * BLOCK;
        block[1] = (unsigned char)(i + 1);
        block[2] = 'X';
        memcpy(block + 4, nonce, HALF_NONCE);
        for (int j = 0; j < BLOCK; j++) block[j] ^= state->mask[j];
    }
    const bool ok = encrypt_blocks(state, derived, blocks, sizeof blocks) &&
                    EVP_CipherInit_ex2(state->gcm, NULL, derived, nonce + HALF_NONCE,
                                       is_encrypting, NULL) == 1;
    OPENSSL_cleanse(derived, sizeof derived);
    OPENSSL_cleanse(blocks, sizeof blocks);
    return ok;
}

static bool update(struct state *state, unsigned char *out, struct hf_bytes in)
{
    int size;
    if (in.size == 0) return true;
    return in.size <= INT_MAX &&
           EVP_CipherUpdate(state->gcm, out, &size, in.data, (int)in.size) == 1;
}

static bool run(struct state *state, const struct hf_sealed_for *what, struct hf_bytes in,
                unsigned char *out)
{
    return update(state, NULL, hf_bytes(what->head, HF_ENVELOPE_HEAD_SIZE)) &&
           update(state, NULL, what->tags) && update(state, NULL, what->wire) &&
           update(state, out, in);
}

hf_err hf_seal_with(struct hf_sealer *sealer, const struct hf_sealed_for *what,
                    const unsigned char nonce[HF_SEAL_NONCE_SIZE], struct hf_bytes content,
                    unsigned char *body)
{
    const struct hf_cache_key *key = &sealer->keys[0];
    unsigned char             *at = body + HF_SEAL_CONTENT_AT;
    unsigned char             *tag = at + content.size;
    int                        rest;
    struct state              *state = take_state(sealer);
    if (!state) return HF_E_NOMEM;

    hf_put_u32(body, key->id);
    memcpy(body + ID_SIZE, nonce, HF_SEAL_NONCE_SIZE);
    const bool ok = use_key(sealer, state, key) && derive(state, nonce, true) &&
                    run(state, what, content, at) &&
                    EVP_EncryptFinal_ex(state->gcm, tag, &rest) == 1 &&
                    EVP_CIPHER_CTX_ctrl(state->gcm, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) ==
                        1;
    put_state(sealer, state);
    return ok ? HF_OK : HF_E_SYSTEM;
}

hf_err hf_seal(struct hf_sealer *sealer, const struct hf_sealed_for *what,
               struct hf_bytes content, unsigned char *body)
{
    unsigned char nonce[HF_SEAL_NONCE_SIZE];
    if (RAND_bytes(nonce, sizeof nonce) != 1) return HF_E_SYSTEM;
    return hf_seal_with(sealer, what, nonce, content, body);
}

static const struct hf_cache_key *find_key(const struct hf_sealer *sealer,
                                           const unsigned char    *at)
{
    const uint32_t id = hf_take_u32(at);
    for (size_t i = 0; i < sealer->count; i++) {
        if (sealer->keys[i].id == id) return &sealer->keys[i];
    }
    return NULL;
}

hf_err hf_unseal(struct hf_sealer *sealer, const struct hf_sealed_for *what,
                 struct hf_bytes body, unsigned char *content,
                 enum hf_envelope_status *status)
{
    hf_assert(body.size >= HF_ENVELOPE_SEAL_SIZE);
    const unsigned char       *from = body.data;
    const struct hf_cache_key *key = find_key(sealer, from);
    if (!key) {
        *status = HF_ENVELOPE_NO_KEY;
        return HF_OK;
    }
    struct state *state = take_state(sealer);
    if (!state) return HF_E_NOMEM;

    const struct hf_bytes in = hf_bytes(from + HF_SEAL_CONTENT_AT,
                                        body.size - HF_ENVELOPE_SEAL_SIZE);
    unsigned char         tag[TAG_SIZE], end[BLOCK];
    int                   rest;
    memcpy(tag, from + body.size - TAG_SIZE, TAG_SIZE);
    hf_err err = HF_E_SYSTEM;
    if (use_key(sealer, state, key) && derive(state, from + ID_SIZE, false) &&
        run(state, what, in, content) &&
        EVP_CIPHER_CTX_ctrl(state->gcm, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1) {
        *status = EVP_DecryptFinal_ex(state->gcm, end, &rest) == 1 ? HF_ENVELOPE_OK
                                                                   : HF_ENVELOPE_FORGED;
        err = HF_OK;
    }
    put_state(sealer, state);
    return err;
}
