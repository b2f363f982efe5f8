#include "cache/metadata.h"
#include "cache/stream.h"
#include "cache/tag_block.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <inttypes.h>
#include <stdio.h>

#define CLEANING_UP hf_seconds(1)

struct hf_writer {
    struct hf_cache_op    op;
    struct hf_call        call;
    int64_t               ttl_ms;
    hf_err                failed; /* For ever. */
    bool                  is_committed;
    bool                  may_be_current; /* Its chunks are no longer ours to delete. */
    struct hf_generation  generation;
    uint32_t              chunk_size;
    uint32_t              chunks; /* Stored so far. */
    uint64_t              size;   /* Written so far, the block included. */
    size_t                used;   /* Of the block. */
    struct hf_hash_stream hash;
    bool                  is_bound; /* The versions of the tags are known. */
    size_t                tag_count;
    struct hf_tag         tags[HF_TAGS_MAX];
    char                  tag_names[HF_TAGS_MAX][HF_TAG_SIZE_MAX];
    size_t                front;   /* Bytes of metadata. */
    unsigned char         block[]; /* The metadata, room for an envelope, a chunk. */
};

void hf_stream_step(struct hf_cache_op *op, const struct hf_call *call,
                    struct hf_error *error)
{
    op->error = error;
    op->start = hf_now();
    op->limit = hf_cache_limit(op->cache, call, op->start);
    op->limit.call.expect_large = true;
}

static hf_err fail(struct hf_writer *w, hf_err err)
{
    w->failed = err;
    return hf_fail_in(w->op.error, err, "cache write");
}

static void take_tags(struct hf_writer *w, const struct hf_set *how)
{
    for (size_t i = 0; i < how->tag_count; i++) {
        memcpy(w->tag_names[i], how->tags[i].data, how->tags[i].size);
        w->tags[i].name = hf_bytes(w->tag_names[i], how->tags[i].size);
    }
    w->tag_count = how->tag_count;
}

/* Before the first piece: what is invalidated while the value is written, voids it. */
static hf_err bind_tags(struct hf_writer *w)
{
    struct hf_bytes names[HF_TAGS_MAX];
    if (w->is_bound) return HF_OK;
    for (size_t i = 0; i < w->tag_count; i++) names[i] = w->tags[i].name;
    const hf_err err = hf_cache_bind_tags(w->op.cache, &w->op.limit, names, w->tag_count,
                                          w->ttl_ms, w->tags, w->op.error);
    if (err) return fail(w, err);
    w->is_bound = true;
    return HF_OK;
}

hf_err hf_writer_open(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                      const struct hf_set *how, struct hf_writer **writer,
                      struct hf_error *error)
{
    int64_t ttl_ms;
    hf_err  err = hf_cache_check_set(cache, hf_bytes(NULL, 0), how, &ttl_ms, error);
    if (!err && how && how->condition != HF_SET_ALWAYS) {
        err = hf_fail(error, HF_E_INVALID, "cache write: no condition can be given");
    }
    if (err) return err;

    const size_t front = how ? hf_metadata_block_size(how->metadata) : 0;
    const size_t most = cache->value_size_max - front;
    const size_t chunk = most < HF_CHUNK_SIZE_MAX ? most : HF_CHUNK_SIZE_MAX;
    if (chunk < HF_MANIFEST_SIZE) {
        return hf_fail(error, HF_E_TOO_LARGE, "cache write: value_size_max is %zu",
                       cache->value_size_max);
    }
    struct hf_writer *w = hf_alloc(cache->allocator,
                                   sizeof *w + HF_ENVELOPE_SIZE + front + chunk);
    if (!w) return hf_fail(error, HF_E_NOMEM, "cache write");
    *w = (struct hf_writer){
        .op = { .cache = cache,
                .name = "cache write",
                .latency = HF_LATENCY_CACHE_SET,
                .error = error,
                .is_part = true },
        .ttl_ms = ttl_ms,
        .generation = hf_generation_draw(),
        .chunk_size = (uint32_t)chunk,
        .front = front,
    };
    if (front) hf_metadata_write(how->metadata, w->block);
    if (how) take_tags(w, how);
    if (call) w->call = *call;
    err = hf_cache_op_begin(&w->op, call, key);
    if (err) {
        hf_free(cache->allocator, w);
        return err;
    }
    hf_hash_stream_init(&w->hash);
    *writer = w;
    return HF_OK;
}

static unsigned char *data_of(struct hf_writer *w)
{
    return w->block + w->front + HF_ENVELOPE_SIZE;
}

static hf_err store_block(struct hf_writer *w)
{
    const hf_err err = hf_chunk_store(&w->op, &w->generation, w->chunks, w->block + w->front,
                                      w->used);
    /* What timed out may have been stored, or may be yet: it is cleaned up as well. */
    w->chunks++;
    w->used = 0;
    return err ? fail(w, err) : HF_OK;
}

/* Sends what is full only when more is to come, so that what fits is never split. */
hf_err hf_writer_room(struct hf_writer *w, void **room, size_t *size, struct hf_error *error)
{
    hf_stream_step(&w->op, &w->call, error);
    if (w->failed) return hf_fail(error, w->failed, "cache write: failed before");
    if (w->is_committed) return hf_fail(error, HF_E_INVALID, "cache write: committed");
    hf_err err = bind_tags(w);
    if (!err && w->used == w->chunk_size) err = store_block(w);
    if (err) return err;
    *room = data_of(w) + w->used;
    *size = w->chunk_size - w->used;
    return HF_OK;
}

void hf_writer_filled(struct hf_writer *w, size_t size)
{
    hf_hash_stream_add(&w->hash, hf_bytes(data_of(w) + w->used, size));
    w->used += size;
    w->size += size;
}

hf_err hf_writer_write(struct hf_writer *w, struct hf_bytes piece, struct hf_error *error)
{
    const unsigned char *from = piece.data;
    for (size_t left = piece.size; left;) {
        void        *room = NULL;
        size_t       size = 0;
        const hf_err err = hf_writer_room(w, &room, &size, error);
        if (err) return err;
        if (w->size + left > w->op.cache->large_size_max) {
            hf_fail(error, HF_E_TOO_LARGE, "large_size_max is %zu",
                    w->op.cache->large_size_max);
            return fail(w, HF_E_TOO_LARGE);
        }
        if (size > left) size = left;
        memcpy(room, from, size);
        hf_writer_filled(w, size);
        from += size;
        left -= size;
    }
    return HF_OK;
}

/* ---- Commit -------------------------------------------------------------------- */

static bool read_manifest(const struct hf_cache_op *op, struct hf_bytes bytes,
                          struct hf_manifest *manifest)
{
    struct hf_envelope      e;
    struct hf_unpacked      unpacked;
    enum hf_envelope_status status;
    if (hf_envelope_decode(bytes, op->hash, &e) || !e.is_large) return false;
    if (e.raw_size > HF_METADATA_BLOCK_MAX + HF_MANIFEST_SIZE) return false;
    if (hf_unpack(&op->cache->packer, &e, op->key.wire, &unpacked, &status) || status) {
        return false;
    }
    const struct hf_bytes value = e.has_metadata ? hf_metadata_skip(unpacked.value)
                                                 : unpacked.value;
    const bool            is_manifest = hf_manifest_decode(value, manifest);
    if (unpacked.is_block) unpacked.block.release(unpacked.block.object);
    return is_manifest;
}

/* As much of an entry as a manifest can take. */
static void ask_for_head(const struct hf_cache_op *op, struct hf_bytes argv[4])
{
    _Static_assert(HF_ENVELOPE_SIZE + HF_TAG_BLOCK_MAX + HF_ENVELOPE_SEAL_SIZE +
                           HF_METADATA_BLOCK_MAX + HF_MANIFEST_SIZE <=
                       8192,
                   "a manifest fits");
    argv[0] = hf_str("GETRANGE");
    argv[1] = op->key.wire;
    argv[2] = hf_str("0");
    argv[3] = hf_str("8191");
}

hf_err hf_stream_peek(struct hf_cache_op *op, struct hf_manifest *manifest)
{
    struct hf_bytes  argv[4];
    struct hf_bytes  bytes;
    struct hf_reply *reply;
    hf_err           err = hf_cache_op_trust(op);
    ask_for_head(op, argv);
    if (!err) err = hf_cache_run(op, HF_COMMAND_READ, argv, 4, &reply);
    if (err) return err;

    const bool is_large = !hf_reply_bytes(reply, &bytes) &&
                          read_manifest(op, bytes, manifest);
    hf_reply_free(reply);
    return is_large ? HF_OK : HF_MISS;
}

/* Puts the entry in its place, and tells which large value was there. */
static hf_err swap(struct hf_writer *w, struct hf_bytes entry, struct hf_manifest *before)
{
    struct hf_cache_op    *op = &w->op;
    struct hf_cache_number px;
    const int64_t          px_ms = w->ttl_ms + op->cache->stale_limit_ms;
    const struct hf_bytes  set[] = { hf_str("SET"), op->key.wire, entry, hf_str("PX"),
                                     hf_cache_decimal(&px, px_ms) };
    struct hf_bytes        get[4];
    struct hf_batch       *batch;
    const struct hf_reply *reply;
    struct hf_bytes        bytes;
    hf_err                 err = hf_batch_open(op->cache->client, &batch);
    if (err) return hf_fail(op->error, err, "commit");

    ask_for_head(op, get);
    const struct hf_call call = hf_cache_call(&op->limit, HF_COMMAND_IDEMPOTENT);
    err = hf_batch_add(batch, get, 4);
    if (!err) err = hf_batch_add(batch, set, 5);
    if (!err) err = hf_client_batch(op->cache->client, &call, batch, op->error);
    if (!err) err = hf_batch_result(batch, 1, &reply, op->error);
    if (!err && !hf_batch_result(batch, 0, &reply, NULL) && !hf_reply_bytes(reply, &bytes)) {
        (void)read_manifest(op, bytes, before);
    }
    hf_batch_close(batch);
    return err;
}

/* An entry for what fits in the block, and else a manifest, behind the metadata. */
static hf_err make_entry(struct hf_writer *w, struct hf_packed *packed)
{
    struct hf_cache   *cache = w->op.cache;
    unsigned char     *body = w->block + HF_ENVELOPE_SIZE;
    unsigned char      tags[HF_TAG_BLOCK_MAX];
    size_t             size = w->used;
    struct hf_envelope e = hf_cache_envelope(cache, hf_bytes(NULL, 0), w->op.hash, w->ttl_ms);
    if (w->chunks) {
        const struct hf_manifest manifest = { .chunk_size = w->chunk_size,
                                              .size = w->size,
                                              .generation = w->generation,
                                              .checksum = hf_hash_stream_end(&w->hash) };
        hf_manifest_encode(&manifest, data_of(w));
        size = HF_MANIFEST_SIZE;
        e.is_large = true;
        e.sliding = false;
    }
    if (w->front) memmove(body, w->block, w->front);
    e.body = hf_bytes(body, w->front + size);
    e.has_metadata = w->front > 0;
    hf_tag_block_write(w->tags, w->tag_count, e.key_hash, tags);
    e.tags = hf_bytes(tags, hf_tag_block_size(w->tags, w->tag_count));
    /* With tags the body is not where it must be. */
    const size_t room = e.tags.size ? 0 : HF_ENVELOPE_SIZE + e.body.size;
    return hf_cache_pack(cache, &e, w->op.key.wire, w->block, room, packed, w->op.error);
}

static hf_err complete_chunks(struct hf_writer *w)
{
    const int64_t ttl_ms = w->ttl_ms + w->op.cache->stale_limit_ms + hf_to_ms(HF_CHUNK_GRACE);
    if (w->chunks == 0) return HF_OK;
    hf_err err = w->used ? store_block(w) : HF_OK;
    if (!err) err = hf_chunks_keep(&w->op, &w->generation, w->chunks, ttl_ms);
    if (err != HF_MISS) return err;
    return hf_fail(w->op.error, HF_E_OOM, "a chunk was evicted before all were there");
}

static hf_err commit(struct hf_writer *w)
{
    struct hf_cache   *cache = w->op.cache;
    struct hf_manifest before = { 0 };
    uint64_t           token;
    hf_err             err = bind_tags(w);
    if (!err) err = complete_chunks(w);
    if (err) return err;
    err = hf_cache_token(cache, &w->op.limit, w->op.start, &token, w->op.error);
    if (err == HF_MISS) err = hf_fail(w->op.error, HF_E_TYPE, "namespace token");
    if (err) return err;

    w->op.hash = hf_hash64(w->op.key.wire, token);
    const uint64_t   ticket = hf_replay_ticket(&cache->replay, w->op.key.wire);
    struct hf_packed packed;
    err = make_entry(w, &packed);
    if (err) return err;
    hf_cache_near_evict(cache, hf_cache_name(cache, w->op.key.wire));
    err = swap(w, packed.bytes, &before);
    hf_packed_free(&cache->packer, &packed);
    hf_cache_near_evict(cache, hf_cache_name(cache, w->op.key.wire));
    w->may_be_current = !err || hf_err_outcome_unknown(err);
    if (err) return err;

    hf_replay_settle(&cache->replay, w->op.key.wire, ticket);
    const bool is_ours = memcmp(&before.generation, &w->generation, sizeof w->generation) ==
                         0;
    if (before.chunk_size && !is_ours) {
        hf_chunks_unlink(&w->op, &before.generation, hf_manifest_chunks(&before));
    }
    return HF_OK;
}

hf_err hf_writer_commit(struct hf_writer *w, struct hf_error *error)
{
    hf_stream_step(&w->op, &w->call, error);
    if (w->failed) return hf_fail(error, w->failed, "cache write: failed before");
    if (w->is_committed) return hf_fail(error, HF_E_INVALID, "cache write: committed");

    const hf_err err = commit(w);
    if (err) return fail(w, err);
    w->is_committed = true;
    hf_metrics_inc(w->op.cache->metrics, HF_STAT_CACHE_SETS);
    hf_metrics_add(w->op.cache->metrics, HF_STAT_CACHE_BYTES_WRITTEN, (int64_t)w->size);
    return HF_OK;
}

void hf_writer_close(struct hf_writer *w)
{
    if (!w) return;
    if (w->chunks && !w->may_be_current) {
        const struct hf_call call = { .timeout = CLEANING_UP };
        hf_stream_step(&w->op, &call, NULL);
        hf_chunks_unlink(&w->op, &w->generation, w->chunks);
    }
    if (w->failed) hf_metrics_cache_error(w->op.cache->metrics, w->failed);
    hf_key_deinit(&w->op.key);
    hf_free(w->op.cache->allocator, w);
}
