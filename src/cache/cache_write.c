#include "cache/cache.h"
#include "cache/metadata.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ON_STACK = 4096 };

struct hf_bytes hf_cache_decimal(struct hf_cache_number *n, int64_t value)
{
    const int size = snprintf(n->text, sizeof n->text, "%" PRId64, value);
    return hf_bytes(n->text, (size_t)size);
}

/* Present is what get would find, as far as the header tells: of the same key and namespace
 * (its hash is that of the new envelope), encrypted if the new one is (flag 8), not kept only
 * to be served stale, and not the news that there is no value (flag 2). Of one with tags
 * (their size is at 6) the caller must have said what they are worth. */
const struct hf_script hf_cache_set_if = HF_SCRIPT(
    "local head = redis.pcall('GETRANGE', KEYS[1], 0, 63)\n"
    "local present = type(head) == 'string' and #head == 64\n"
    "    and string.sub(head, 1, 4) == string.sub(ARGV[1], 1, 4)\n"
    "    and math.floor(string.byte(head, 6) / 2) % 2 == 0\n"
    "    and math.floor(string.byte(head, 6) / 8) % 2\n"
    "        == math.floor(string.byte(ARGV[1], 6) / 8) % 2\n"
    "    and string.sub(head, 41, 48) == string.sub(ARGV[1], 41, 48)\n"
    "    and (string.byte(head, 6) % 2 == 1\n"
    "         or struct.unpack('<i8', head, 17) > tonumber(ARGV[3]))\n"
    "if present and struct.unpack('<H', head, 7) > 0 then\n"
    "    if head ~= ARGV[5] then return 2 end\n"
    "    present = ARGV[6] == 'valid'\n"
    "end\n"
    "if present ~= (ARGV[4] == 'present') then return 0 end\n"
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
    "return 1\n");

/* KEYS: entry. ARGV: header as it was, as it shall be, PX. */
static const struct hf_script touch_if_same = HF_SCRIPT(
    "if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then\n"
    "    return 0\n"
    "end\n"
    "redis.call('SETRANGE', KEYS[1], 0, ARGV[2])\n"
    "redis.call('PEXPIRE', KEYS[1], ARGV[3])\n"
    "return 1\n");

/* The same where the header cannot be changed alone. KEYS: entry. ARGV: header as it was, the
 * whole as it shall be, PX. */
static const struct hf_script replace_if_same = HF_SCRIPT(
    "if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then\n"
    "    return 0\n"
    "end\n"
    "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n"
    "return 1\n");

static hf_err run_script(struct hf_cache_op     *op, enum hf_command_class class,
                         const struct hf_script *script, const struct hf_bytes *keys,
                         size_t key_count, const struct hf_bytes *args, size_t arg_count,
                         int64_t *answer)
{
    const struct hf_call with = hf_cache_call(&op->limit, class);

    struct hf_reply *reply;
    hf_err err = hf_client_script(op->cache->client, &with, script, keys, key_count, args,
                                  arg_count, &reply, op->error);
    if (err) return err;

    err = hf_reply_int(reply, answer);
    hf_reply_free(reply);
    return err ? hf_fail(op->error, HF_E_PROTOCOL, "script") : HF_OK;
}

hf_err hf_cache_run_script(struct hf_cache_op     *op, enum hf_command_class class,
                           const struct hf_script *script, const struct hf_bytes *keys,
                           size_t key_count, const struct hf_bytes *args, size_t arg_count)
{
    int64_t      done;
    const hf_err err = run_script(op, class, script, keys, key_count, args, arg_count, &done);
    if (err) return err;
    return done ? HF_OK : HF_MISS;
}

struct hf_bytes hf_cache_wanted(enum hf_set_condition condition)
{
    return hf_str(condition == HF_SET_IF_PRESENT ? "present" : "absent");
}

/* Where there is an entry with tags, it is judged and the script run again. */
static hf_err store_if(struct hf_cache_op *op, struct hf_bytes envelope,
                       struct hf_bytes expiry, enum hf_set_condition condition)
{
    struct hf_cache_header there = { .now_ms = 0 };
    struct hf_cache_number now;
    const char            *verdict = "";
    for (;;) {
        const struct hf_bytes args[] = { envelope,
                                         expiry,
                                         hf_cache_decimal(&now, hf_unix_ms()),
                                         hf_cache_wanted(condition),
                                         hf_bytes(there.bytes, sizeof there.bytes),
                                         hf_str(verdict) };
        int64_t               answer;
        hf_err err = run_script(op, HF_COMMAND_ACCUMULATING, &hf_cache_set_if, &op->key.wire,
                                1, args, 6, &answer);
        if (err) return err;
        if (answer != HF_CACHE_SET_UNJUDGED) return answer ? HF_OK : HF_MISS;

        err = hf_cache_read_header(op, &there);
        if (err && err != HF_MISS) return err;
        verdict = err ? "invalid" : "valid";
    }
}

static hf_err store(struct hf_cache_op *op, struct hf_bytes envelope, int64_t ttl_ms,
                    enum hf_set_condition condition)
{
    struct hf_cache_number px;
    const struct hf_bytes  expiry = hf_cache_decimal(&px, ttl_ms + op->cache->stale_limit_ms);
    if (condition != HF_SET_ALWAYS) return store_if(op, envelope, expiry, condition);

    const struct hf_bytes argv[] = { hf_str("SET"), op->key.wire, envelope, hf_str("PX"),
                                     expiry };
    struct hf_reply      *reply;
    const hf_err          err = hf_cache_run(op, HF_COMMAND_IDEMPOTENT, argv, 5, &reply);
    if (!err) hf_reply_free(reply);
    return err;
}

struct hf_envelope hf_cache_envelope(const struct hf_cache *cache, struct hf_bytes value,
                                     uint64_t hash, int64_t ttl_ms)
{
    const int64_t now_ms = hf_unix_ms();
    return (struct hf_envelope){
        .sliding = cache->is_sliding,
        .created_ms = now_ms,
        .expires_ms = now_ms + ttl_ms,
        .key_hash = hash,
        .body = value,
    };
}

hf_err hf_cache_pack(struct hf_cache *cache, const struct hf_envelope *e,
                     struct hf_bytes wire, unsigned char *at, size_t room,
                     struct hf_packed *packed, struct hf_error *error)
{
    const hf_err err = hf_pack(&cache->packer, e, wire, at, room, packed);
    if (err == HF_E_SYSTEM) return hf_fail(error, err, "encrypting failed");
    return err ? hf_fail(error, err, "envelope of %zu bytes", e->body.size) : HF_OK;
}

hf_err hf_cache_add_tags(struct hf_cache *cache, const struct hf_cache_limit *limit,
                         struct hf_envelope *e, const struct hf_set *how, int64_t ttl_ms,
                         unsigned char block[HF_TAG_BLOCK_MAX], struct hf_error *error)
{
    struct hf_tag tags[HF_TAGS_MAX];
    if (!how || how->tag_count == 0) return HF_OK;
    const hf_err err = hf_cache_bind_tags(cache, limit, how->tags, how->tag_count, ttl_ms,
                                          tags, error);
    if (err) return err;
    hf_tag_block_write(tags, how->tag_count, e->key_hash, block);
    e->tags = hf_bytes(block, hf_tag_block_size(tags, how->tag_count));
    return HF_OK;
}

static hf_err wrap_and_store(struct hf_cache_op *op, struct hf_bytes value, int64_t ttl_ms,
                             const struct hf_set *how)
{
    unsigned char      on_stack[ON_STACK], tags[HF_TAG_BLOCK_MAX];
    struct hf_envelope e = hf_cache_envelope(op->cache, value, op->hash, ttl_ms);
    struct hf_packed   packed;
    void              *joined = NULL;
    const hf_err       bound = hf_cache_add_tags(op->cache, &op->limit, &e, how, ttl_ms, tags,
                                                 op->error);
    if (bound) return bound;
    hf_err err = how ? hf_cache_add_metadata(op->cache, &e, how->metadata, &joined, op->error)
                     : HF_OK;
    if (err) return err;

    err = hf_cache_pack(op->cache, &e, op->key.wire, on_stack, sizeof on_stack, &packed,
                        op->error);
    hf_free(op->cache->allocator, joined);
    if (err) return err;

    err = store(op, packed.bytes, ttl_ms, how ? how->condition : HF_SET_ALWAYS);
    hf_packed_free(&op->cache->packer, &packed);
    return err;
}

static hf_err set(struct hf_cache_op *op, struct hf_bytes value, int64_t ttl_ms,
                  const struct hf_set *how)
{
    struct hf_cache *cache = op->cache;
    uint64_t         token;
    hf_err           err = hf_cache_token(cache, &op->limit, op->start, &token, op->error);
    if (err == HF_MISS) return hf_fail(op->error, HF_E_TYPE, "namespace token");
    if (err) return err;

    op->hash = hf_hash64(op->key.wire, token);
    const uint64_t ticket = hf_replay_ticket(&cache->replay, op->key.wire);
    err = wrap_and_store(op, value, ttl_ms, how);
    if (!err) hf_replay_settle(&cache->replay, op->key.wire, ticket);
    return err;
}

hf_err hf_cache_check_set(const struct hf_cache *cache, struct hf_bytes value,
                          const struct hf_set *how, int64_t *ttl_ms, struct hf_error *error)
{
    const struct hf_bytes metadata = how ? how->metadata : hf_bytes(NULL, 0);
    if (metadata.size > HF_METADATA_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "cache set: metadata of %zu bytes, limit %d",
                       metadata.size, HF_METADATA_MAX);
    }
    if (value.size > cache->value_size_max ||
        hf_metadata_block_size(metadata) > cache->value_size_max - value.size) {
        return hf_fail(error, HF_E_TOO_LARGE, "cache set: value of %zu bytes, limit %zu",
                       value.size, cache->value_size_max);
    }
    hf_err err = how ? hf_cache_check_tags(how->tags, how->tag_count, error) : HF_OK;
    if (!err) err = hf_cache_ttl_ms(how ? how->ttl : cache->default_ttl, ttl_ms, error);
    return err ? hf_fail_in(error, err, "cache set") : HF_OK;
}

hf_err hf_cache_set(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                    struct hf_bytes value, const struct hf_set *how, struct hf_error *error)
{
    int64_t ttl_ms;
    hf_err  err = hf_cache_check_set(cache, value, how, &ttl_ms, error);
    if (err) {
        hf_metrics_cache_error(cache->metrics, err);
        return err;
    }
    struct hf_cache_op op = {
        .cache = cache, .name = "cache set", .latency = HF_LATENCY_CACHE_SET, .error = error
    };
    err = hf_cache_op_begin(&op, call, key);
    if (err) return err;

    hf_cache_near_evict(cache, key);
    err = set(&op, value, ttl_ms, how);
    hf_cache_near_evict(cache, key);
    if (err == HF_MISS) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_SETS_REFUSED);
    if (!err) {
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_SETS);
        hf_metrics_add(cache->metrics, HF_STAT_CACHE_BYTES_WRITTEN, (int64_t)value.size);
    }
    return hf_cache_op_end(&op, err);
}

static hf_err unlink_entry(struct hf_cache_op *op)
{
    const struct hf_call call = hf_cache_call(&op->limit, HF_COMMAND_IDEMPOTENT);
    struct hf_batch     *batch;
    hf_err               err = hf_batch_open(op->cache->client, &batch);
    if (err) return err;

    err = hf_replay_add_commands(batch, op->cache->allocator, op->key.wire);
    if (!err) err = hf_client_batch(op->cache->client, &call, batch, op->error);
    if (!err) err = hf_replay_outcome(batch, 0, op->error);
    hf_batch_close(batch);
    return err;
}

void hf_cache_deleted(struct hf_cache *cache, struct hf_bytes wire, hf_err err,
                      uint64_t ticket)
{
    if (!err) hf_metrics_inc(cache->metrics, HF_STAT_CACHE_DELETES);
    if (!err || err == HF_MISS) {
        hf_replay_settle(&cache->replay, wire, ticket);
    } else if (err != HF_E_FORKED && err != HF_E_CLOSED) {
        hf_metrics_inc(cache->metrics, HF_STAT_CACHE_DELETES_LATE);
        hf_replay_add(&cache->replay, wire, err);
    } /* Else a closed client, or a parent's, will never bring it; the caller was told. */

    /* Now that the key is distrusted if need be: what was read before goes with it, and who
     * comes now is not given what others have read. */
    hf_flight_forget(&cache->flights, wire);
    hf_cache_near_evict(cache, hf_cache_name(cache, wire));
}

hf_err hf_cache_delete(struct hf_cache *cache, const struct hf_call *call,
                       struct hf_bytes key, struct hf_error *error)
{
    struct hf_cache_op op = { .cache = cache,
                              .name = "cache delete",
                              .latency = HF_LATENCY_CACHE_DELETE,
                              .error = error };
    hf_err             err = hf_cache_op_begin(&op, call, key);
    if (err == HF_E_NOMEM) hf_replay_void(&cache->replay); /* Which key cannot be noted. */
    if (err) return err;

    const uint64_t ticket = hf_replay_ticket(&cache->replay, op.key.wire);
    hf_cache_near_evict(cache, key);
    err = unlink_entry(&op);
    hf_cache_deleted(cache, op.key.wire, err, ticket);
    return hf_cache_op_end(&op, err);
}

/* The entry as it is now, sealed anew with another expiry. */
static hf_err reseal(struct hf_cache_op *op, const struct hf_cache_header *header,
                     int64_t expires_ms, struct hf_packed *packed)
{
    const struct hf_bytes   argv[] = { hf_str("GET"), op->key.wire };
    struct hf_reply        *reply;
    struct hf_bytes         bytes;
    struct hf_envelope      e;
    enum hf_envelope_status status = HF_ENVELOPE_FOREIGN;
    hf_err                  err = hf_cache_run(op, HF_COMMAND_READ, argv, 2, &reply);
    if (err) return err;

    err = HF_MISS;
    if (hf_reply_bytes(reply, &bytes) || bytes.size < HF_ENVELOPE_SIZE) goto out;
    if (memcmp(bytes.data, header->bytes, HF_ENVELOPE_SIZE) != 0) goto out;

    err = HF_OK;
    status = hf_envelope_decode(bytes, op->hash, &e);
    if (!status) {
        err = hf_repack(&op->cache->packer, &e, op->key.wire, expires_ms, packed, &status);
        if (err) hf_fail(op->error, err, "envelope of %zu bytes", bytes.size);
    }
    if (!err && status) err = hf_cache_count_unusable(op->cache, status);
out:
    hf_reply_free(reply);
    return err;
}

/* HF_MISS when it has another header by now. */
static hf_err change(struct hf_cache_op *op, const struct hf_cache_header *header,
                     const struct hf_script *script, struct hf_bytes to, int64_t ttl_ms)
{
    struct hf_cache_number px;
    const struct hf_bytes  name = hf_cache_name(op->cache, op->key.wire);
    const struct hf_bytes  args[] = { hf_bytes(header->bytes, HF_ENVELOPE_SIZE), to,
                                      hf_cache_decimal(&px,
                                                       ttl_ms + op->cache->stale_limit_ms) };
    hf_cache_near_evict(op->cache, name);
    const hf_err err = hf_cache_run_script(op, HF_COMMAND_IDEMPOTENT, script, &op->key.wire,
                                           1, args, 3);
    hf_cache_near_evict(op->cache, name);
    return err;
}

static hf_err touch(struct hf_cache_op *op, int64_t ttl_ms)
{
    struct hf_cache_header header;
    hf_err                 err = hf_cache_read_header(op, &header);
    if (err) return err;
    if (header.envelope.is_large) return hf_fail(op->error, HF_E_TYPE, "a large value");

    const struct hf_envelope *e = &header.envelope;
    const int64_t expires_ms = (e->sliding ? e->created_ms : header.now_ms) + ttl_ms;
    if (e->is_sealed) {
        struct hf_packed packed;
        err = reseal(op, &header, expires_ms, &packed);
        if (err) return err;
        err = change(op, &header, &replace_if_same, packed.bytes, ttl_ms);
        hf_packed_free(&op->cache->packer, &packed);
    } else {
        unsigned char changed[HF_ENVELOPE_SIZE];
        hf_envelope_prolong(header.bytes, expires_ms, changed);
        err = change(op, &header, &touch_if_same, hf_bytes(changed, sizeof changed), ttl_ms);
    }
    return err == HF_MISS ? HF_OK : err;
}

hf_err hf_cache_touch(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                      hf_duration ttl, struct hf_error *error)
{
    int64_t ttl_ms;
    hf_err  err = hf_cache_ttl_ms(ttl, &ttl_ms, error);
    if (err) {
        hf_metrics_cache_error(cache->metrics, err);
        return hf_fail_in(error, err, "cache touch");
    }
    struct hf_cache_op op = {
        .cache = cache, .name = "cache touch", .latency = HF_LATENCY_CACHE_SET, .error = error
    };
    err = hf_cache_op_begin(&op, call, key);
    if (err) return err;
    return hf_cache_op_end(&op, touch(&op, ttl_ms));
}

hf_err hf_cache_clear(struct hf_cache *cache, const struct hf_call *call,
                      struct hf_error *error)
{
    const struct hf_cache_limit limit = hf_cache_limit(cache, call, hf_now());
    const struct hf_call        with = hf_cache_call(&limit, HF_COMMAND_IDEMPOTENT);
    const hf_err                err = hf_replay_new_namespace(&cache->replay, &with, error);
    hf_flight_forget_all(&cache->flights);
    if (!err) return HF_OK;

    hf_metrics_cache_error(cache->metrics, err);
    return hf_fail_in(error, err, "cache clear");
}
