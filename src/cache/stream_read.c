#include "cache/stream.h"
#include "core/alloc.h"
#include "core/error.h"

#include <inttypes.h>

struct hf_reader {
    struct hf_cache_op    op;
    struct hf_call        call;
    hf_err                failed;                   /* For ever. */
    unsigned char         header[HF_ENVELOPE_SIZE]; /* Of the entry. */
    bool                  is_large;
    struct hf_manifest    manifest; /* Of a large one. */
    uint64_t              size;
    uint32_t              next;  /* Chunk. */
    struct hf_value      *entry; /* The ordinary one, or the manifest. */
    struct hf_value      *chunk; /* The latest. */
    struct hf_hash_stream hash;
};

static hf_err open_manifest(struct hf_reader *r)
{
    const struct hf_cache *cache = r->op.cache;
    const bool is_sound = hf_manifest_decode(hf_value_data(r->entry), &r->manifest);
    if (!is_sound || r->manifest.size > cache->large_size_max) {
        hf_value_release(r->entry);
        return hf_cache_count_unusable(r->op.cache, HF_ENVELOPE_OTHER_VERSION);
    }
    r->is_large = true;
    r->size = r->manifest.size;
    return HF_OK;
}

static hf_err find(struct hf_reader *r)
{
    hf_err err = hf_cache_fetch_exact(&r->op, r->header, &r->entry);
    if (err) return err;
    r->size = hf_value_data(r->entry).size;
    return hf_value_is_large(r->entry) ? open_manifest(r) : HF_OK;
}

hf_err hf_reader_open(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                      struct hf_reader **reader, struct hf_error *error)
{
    struct hf_reader *r = hf_alloc_zero(cache->allocator, 1, sizeof *r);
    if (!r) return hf_fail(error, HF_E_NOMEM, "cache read");
    r->op = (struct hf_cache_op){ .cache = cache,
                                  .name = "cache read",
                                  .latency = HF_LATENCY_CACHE_GET,
                                  .error = error,
                                  .is_part = true };
    if (call) r->call = *call;
    hf_err err = hf_cache_op_begin(&r->op, call, key);
    if (err) {
        hf_free(cache->allocator, r);
        return err;
    }
    hf_stream_step(&r->op, &r->call, error);
    hf_hash_stream_init(&r->hash);
    err = find(r);
    if (err) {
        (void)hf_cache_count_read(cache, err);
        err = hf_cache_op_end(&r->op, err);
        hf_free(cache->allocator, r);
        return err;
    }
    if (cache->access) hf_cache_access_note(cache->access, key);
    *reader = r;
    return HF_OK;
}

struct hf_bytes hf_reader_metadata(const struct hf_reader *r)
{
    return hf_value_metadata(r->entry);
}

uint64_t hf_reader_size(const struct hf_reader *r)
{
    return r->size;
}

/* The whole, or nothing more of it. */
static void take_plain(struct hf_reader *r, struct hf_bytes *piece)
{
    *piece = r->next ? hf_bytes(NULL, 0) : hf_value_data(r->entry);
    if (r->next == 0) (void)hf_cache_count_read(r->op.cache, HF_OK);
    r->next = 1;
}

static hf_err torn(struct hf_reader *r)
{
    hf_cache_unlink_same(&r->op, r->header);
    hf_metrics_inc(r->op.cache->metrics, HF_STAT_CACHE_TORN);
    hf_fail(r->op.error, HF_MISS, "chunk %" PRIu32 " of %" PRIu32 " is gone or damaged",
            r->next, hf_manifest_chunks(&r->manifest));
    return hf_cache_count_read(r->op.cache, HF_MISS);
}

static bool is_whole(struct hf_reader *r)
{
    const struct hf_hash128 hash = hf_hash_stream_end(&r->hash);
    return hash.low == r->manifest.checksum.low && hash.high == r->manifest.checksum.high;
}

static hf_err take_chunk(struct hf_reader *r, struct hf_bytes *piece)
{
    const uint32_t chunks = hf_manifest_chunks(&r->manifest);
    if (r->next == chunks) {
        *piece = hf_bytes(NULL, 0);
        return HF_OK;
    }
    hf_err err = hf_chunk_fetch(&r->op, &r->manifest.generation, r->next, &r->chunk);
    if (err) return err == HF_MISS ? torn(r) : err;

    const struct hf_bytes data = hf_value_data(r->chunk);
    if (data.size != hf_manifest_chunk_size(&r->manifest, r->next)) return torn(r);
    hf_hash_stream_add(&r->hash, data);
    if (r->next + 1 == chunks) {
        if (!is_whole(r)) return torn(r);
        err = hf_cache_count_read(r->op.cache, HF_OK);
    }
    r->next++;
    *piece = data;
    return err;
}

hf_err hf_reader_next(struct hf_reader *r, struct hf_bytes *piece, struct hf_error *error)
{
    hf_stream_step(&r->op, &r->call, error);
    if (r->failed) return hf_fail(error, r->failed, "cache read: failed before");
    if (!r->is_large) {
        take_plain(r, piece);
        return HF_OK;
    }
    hf_value_release(r->chunk);
    r->chunk = NULL;
    r->failed = take_chunk(r, piece);
    if (!r->failed || r->failed == HF_MISS) return r->failed;
    hf_metrics_cache_error(r->op.cache->metrics, r->failed);
    return hf_fail_in(error, r->failed, "cache read");
}

void hf_reader_close(struct hf_reader *r)
{
    if (!r) return;
    hf_value_release(r->chunk);
    hf_value_release(r->entry);
    hf_key_deinit(&r->op.key);
    hf_free(r->op.cache->allocator, r);
}
