#include "cache/chunk.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/rng.h"

#include <holdfast/batch.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    AT_ONCE = 1000, /* Chunks in one batch. */
    NAME_SIZE = HF_KEY_PREFIX_MAX + 16 + 2 * HF_GENERATION_SIZE + 24,
};

struct name {
    char text[NAME_SIZE];
};

static struct hf_bytes name_chunk(struct name *name, const struct hf_cache *cache,
                                  const struct hf_generation *generation, uint32_t index)
{
    const struct hf_keyspace *space = &cache->keyspace;
    char                      hex[2 * HF_GENERATION_SIZE + 1];
    for (size_t i = 0; i < HF_GENERATION_SIZE; i++) {
        snprintf(hex + 2 * i, 3, "%02x", generation->bytes[i]);
    }
    /* The head without its colon; a prefix may hold any byte but '@'. */
    const size_t head = space->head_size - 1;
    memcpy(name->text, space->head, head);
    const int rest = snprintf(name->text + head, sizeof name->text - head,
                              "/chunk:%s:%" PRIu32, hex, index);
    return hf_bytes(name->text, head + (size_t)rest);
}

struct hf_generation hf_generation_draw(void)
{
    struct hf_generation generation;
    const uint64_t       halves[] = { hf_rng_seed(), hf_rng_seed() };
    _Static_assert(sizeof halves == HF_GENERATION_SIZE, "two halves");
    memcpy(generation.bytes, halves, sizeof halves);
    return generation;
}

hf_err hf_chunk_store(struct hf_cache_op *op, const struct hf_generation *generation,
                      uint32_t index, unsigned char *block, size_t size)
{
    struct name            name;
    struct hf_cache_number px;
    const struct hf_bytes  key = name_chunk(&name, op->cache, generation, index);
    const struct hf_bytes  value = hf_bytes(block + HF_ENVELOPE_SIZE, size);
    const int64_t          ttl_ms = hf_to_ms(HF_CHUNK_UPLOAD_TTL);

    /* Which value is current, the manifest alone says; so a chunk never expires by itself. */
    const struct hf_envelope e = hf_cache_envelope(op->cache, value, hf_hash64(key, 0),
                                                   hf_to_ms(HF_CACHE_TTL_MAX));
    struct hf_packed         packed;
    hf_err err = hf_cache_pack(op->cache, &e, key, block, HF_ENVELOPE_SIZE + size, &packed,
                               op->error);
    if (err) return hf_fail_in(op->error, err, "chunk %" PRIu32, index);

    const struct hf_bytes argv[] = { hf_str("SET"), key, packed.bytes, hf_str("PX"),
                                     hf_cache_decimal(&px, ttl_ms) };
    struct hf_reply      *reply;
    err = hf_cache_run(op, HF_COMMAND_IDEMPOTENT, argv, 5, &reply);
    hf_packed_free(&op->cache->packer, &packed);
    if (err) return hf_fail_in(op->error, err, "chunk %" PRIu32, index);
    hf_reply_free(reply);
    return HF_OK;
}

hf_err hf_chunk_fetch(struct hf_cache_op *op, const struct hf_generation *generation,
                      uint32_t index, struct hf_value **value)
{
    struct name           name;
    const struct hf_bytes key = name_chunk(&name, op->cache, generation, index);
    const struct hf_bytes argv[] = { hf_str("GET"), key };
    struct hf_reply      *reply;
    hf_err                err = hf_cache_run(op, HF_COMMAND_READ, argv, 2, &reply);
    if (err == HF_E_WRONGTYPE) return HF_MISS;
    if (err) return hf_fail_in(op->error, err, "chunk %" PRIu32, index);

    const struct hf_cache_found found = { .wire = key,
                                          .hash = hf_hash64(key, 0),
                                          .limit = &op->limit,
                                          .left_ms = HF_CACHE_LEFT_UNKNOWN,
                                          .error = op->error };
    err = hf_cache_open_value(op->cache, &found, reply, hf_value_from_reply(reply), value);
    if (err) hf_reply_free(reply);
    return err;
}

/* The same command on chunks [from, to); it answers 1, or 0 for a chunk that is gone. */
static hf_err run_on(struct hf_cache_op *op, const struct hf_generation *generation,
                     uint32_t from, uint32_t to, const char *command, const char *argument)
{
    const struct hf_call call = hf_cache_call(&op->limit, HF_COMMAND_IDEMPOTENT);
    struct hf_batch     *batch;
    hf_err               err = hf_batch_open(op->cache->client, &batch);
    if (err) return hf_fail(op->error, err, "chunks");

    for (uint32_t i = from; i < to && !err; i++) {
        struct name           name;
        const struct hf_bytes key = name_chunk(&name, op->cache, generation, i);
        const struct hf_bytes argv[] = { hf_str(command), key, hf_str(argument) };
        err = hf_batch_add(batch, argv, argument[0] ? 3 : 2);
    }
    if (!err) err = hf_client_batch(op->cache->client, &call, batch, op->error);
    for (size_t i = 0; i < to - from && !err; i++) {
        const struct hf_reply *reply;
        int64_t                is_there = 0;
        err = hf_batch_result(batch, i, &reply, op->error);
        if (!err && hf_reply_int(reply, &is_there)) {
            err = hf_fail(op->error, HF_E_PROTOCOL, "%s", command);
        }
        if (!err && !is_there) err = HF_MISS;
    }
    hf_batch_close(batch);
    return err;
}

hf_err hf_chunks_keep(struct hf_cache_op *op, const struct hf_generation *generation,
                      uint32_t count, int64_t ttl_ms)
{
    struct hf_cache_number px;
    (void)hf_cache_decimal(&px, ttl_ms);
    hf_err err = HF_OK;
    for (uint32_t i = 0; i < count && !err; i += AT_ONCE) {
        const uint32_t to = count - i < AT_ONCE ? count : i + AT_ONCE;
        err = run_on(op, generation, i, to, "PEXPIRE", px.text);
    }
    return err;
}

void hf_chunks_unlink(struct hf_cache_op *op, const struct hf_generation *generation,
                      uint32_t count)
{
    struct hf_error *const error = op->error;
    op->error = NULL;
    hf_err err = HF_OK;
    for (uint32_t i = 0; i < count && (!err || err == HF_MISS); i += AT_ONCE) {
        const uint32_t to = count - i < AT_ONCE ? count : i + AT_ONCE;
        err = run_on(op, generation, i, to, "UNLINK", "");
    }
    op->error = error;
}
