#include "cache/cache.h"
#include "core/error.h"

/* KEYS: entry. ARGV: its header. */
static const struct hf_script unlink_same = HF_SCRIPT(
    "if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end\n"
    "return redis.call('UNLINK', KEYS[1])\n");

hf_err hf_cache_fetch_exact(struct hf_cache_op *op, unsigned char header[HF_ENVELOPE_SIZE],
                            struct hf_value **value)
{
    const struct hf_bytes argv[] = { hf_str("GET"), op->key.wire };
    struct hf_reply      *reply;
    struct hf_bytes       bytes;
    hf_err                err = hf_cache_op_trust(op);
    if (!err) err = hf_cache_run(op, HF_COMMAND_READ, argv, 2, &reply);
    if (err == HF_E_WRONGTYPE) return hf_cache_count_unusable(op->cache, HF_ENVELOPE_FOREIGN);
    if (err) return err;

    struct hf_value *found;
    unsigned char    head[HF_ENVELOPE_SIZE] = { 0 };
    if (!hf_reply_bytes(reply, &bytes) && bytes.size >= sizeof head) {
        memcpy(head, bytes.data, sizeof head);
    }
    const struct hf_cache_found how = { .wire = op->key.wire,
                                        .hash = op->hash,
                                        .limit = &op->limit,
                                        .left_ms = HF_CACHE_LEFT_UNKNOWN,
                                        .error = op->error };
    err = hf_cache_open_value(op->cache, &how, reply, hf_value_from_reply(reply), &found);
    if (err) {
        hf_reply_free(reply);
        return err;
    }
    memcpy(header, head, HF_ENVELOPE_SIZE);
    if (hf_value_is_absent(found)) {
        hf_value_release(found);
        return HF_MISS;
    }
    *value = found;
    return HF_OK;
}

void hf_cache_unlink_same(struct hf_cache_op *op,
                          const unsigned char header[HF_ENVELOPE_SIZE])
{
    const struct hf_bytes  arg = hf_bytes(header, HF_ENVELOPE_SIZE);
    struct hf_error *const error = op->error;
    op->error = NULL;
    const hf_err err = hf_cache_run_script(op, HF_COMMAND_IDEMPOTENT, &unlink_same,
                                           &op->key.wire, 1, &arg, 1);
    op->error = error;
    hf_cache_near_evict(op->cache, hf_cache_name(op->cache, op->key.wire));
    if (!err) hf_metrics_inc(op->cache->metrics, HF_STAT_CACHE_DELETES);
}
