#include <holdfast/backup.h>

#include "cache/backup_input.h"
#include "cache/cache.h"
#include "cache/tag_block.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/pace.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_BYTES = 1024 * 1024, RECORDS_A_BATCH = 500 };

/* KEYS: entry. ARGV: envelope, PX. Stores it unless what is there is an entry of the same key
 * and namespace (bytes 40 to 47) that was created then or later (bytes 8 to 15). */
static const struct hf_script set_if_newer = HF_SCRIPT(
    "local head = redis.pcall('GETRANGE', KEYS[1], 0, 47)\n"
    "if type(head) == 'string' and #head == 48\n"
    "    and string.sub(head, 1, 4) == string.sub(ARGV[1], 1, 4)\n"
    "    and string.sub(head, 41, 48) == string.sub(ARGV[1], 41, 48)\n"
    "    and struct.unpack('<i8', head, 9) >= struct.unpack('<i8', ARGV[1], 9)\n"
    "then return 0 end\n"
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
    "return 1\n");

/* A record on its way; the value lies in the reader's block. */
struct pending {
    struct hf_bytes key;
    struct hf_bytes value;
    int64_t         left_ms;
    bool            is_refused; /* By SET NX: there is something. */
};

struct restore {
    struct hf_cache          *cache; /* NULL: only verify. */
    const struct hf_call     *call;
    struct hf_cache_limit     limit;
    const struct hf_restore  *how;
    struct hf_restore_report *report;
    struct hf_error          *error;
    struct hf_batch          *batch;
    struct hf_pace            pace;
    struct hf_backup_reader   reader;
    struct hf_keyspace        origin;       /* Of the backup. */
    bool                      is_same_name; /* As the cache's. */
    uint64_t                  token;        /* Of the cache. */
    struct pending            pending[RECORDS_A_BATCH];
    size_t                    count;
    size_t                    bytes;
};

static void on_damage(void *ctx, uint64_t at, uint64_t size, const char *what)
{
    struct restore               *r = ctx;
    const struct hf_backup_damage damage = { at, size, what };
    r->report->damages++;
    if (r->how->damage) r->how->damage(&damage, r->how->ctx);
}

/* Takes over the backup's token where the server has none. */
static hf_err agree_on_token(struct restore *r)
{
    char text[HF_NAMESPACE_TEXT + 1];
    snprintf(text, sizeof text, "%016" PRIx64, r->reader.head.token);
    const struct hf_bytes name = hf_str(r->cache->keyspace.token);
    const struct hf_bytes set[] = { hf_str("SET"), name, hf_str(text), hf_str("NX") };
    const struct hf_bytes get[] = { hf_str("GET"), name };
    const struct hf_call  call = hf_cache_call(&r->limit, HF_COMMAND_IDEMPOTENT);
    hf_err                err = hf_batch_add(r->batch, set, 4);
    if (!err) err = hf_batch_add(r->batch, get, 2);
    if (!err) err = hf_client_batch(r->cache->client, &call, r->batch, r->error);
    if (err) return err;

    const struct hf_reply *reply;
    struct hf_bytes        found = { 0 };
    err = hf_batch_result(r->batch, 0, &reply, r->error);
    if (!err) err = hf_batch_result(r->batch, 1, &reply, r->error);
    if (!err) err = hf_reply_bytes(reply, &found);
    if (err) return err;
    r->token = hf_namespace_parse(found);
    if (r->token == 0) return hf_fail(r->error, HF_E_TYPE, "namespace token");
    hf_namespace_replace(&r->cache->namespace, hf_now(), r->token);
    return HF_OK;
}

static hf_err check_origin(struct restore *r)
{
    const struct hf_backup_head *head = &r->reader.head;
    const struct hf_keyspace    *space = &r->cache->keyspace;
    r->origin.allocator = space->allocator;
    if (head->name_size > sizeof r->origin.head) {
        return hf_fail(r->error, HF_E_INVALID, "a backup of a cache that cannot be");
    }
    memcpy(r->origin.head, head->name, head->name_size);
    r->origin.head_size = head->name_size;
    r->is_same_name = head->name_size == space->head_size &&
                      memcmp(head->name, space->head, space->head_size) == 0;
    if (r->is_same_name || r->how->any_namespace) return HF_OK;
    return hf_fail(r->error, HF_E_INVALID, "a backup of \"%.*s\", and this cache is \"%.*s\"",
                   (int)head->name_size, head->name, (int)space->head_size, space->head);
}

/* Gives the entry the key hash of this cache, in place; false when that cannot be. */
static bool bind_to(const struct restore *r, const struct hf_envelope *e,
                    struct hf_bytes value, uint64_t hash)
{
    unsigned char *bytes = (unsigned char *)value.data;
    struct hf_tag  tags[HF_TAGS_MAX];
    if (e->key_hash == hash) return true;
    if (!hf_envelope_is_bindable(e, r->is_same_name)) return false;
    if (e->tags.size && hf_tag_block_read(e->tags, e->key_hash, tags)) {
        hf_tag_block_bind(bytes + HF_ENVELOPE_SIZE, e->tags.size, hash);
    }
    hf_envelope_bind(bytes, hash);
    return true;
}

/* HF_MISS for one that is counted and not to be stored. */
static hf_err prepare(struct restore *r, const struct hf_backup_record *record,
                      int64_t *left_ms)
{
    const int64_t      now_ms = hf_unix_ms();
    const int64_t      most_ms = hf_to_ms(HF_CACHE_TTL_MAX);
    struct hf_envelope e;
    struct hf_key      key;
    *left_ms = record->expires_ms > now_ms ? record->expires_ms - now_ms : 0;
    if (*left_ms > most_ms) *left_ms = most_ms;
    if (*left_ms == 0) {
        r->report->expired++;
        return HF_MISS;
    }
    hf_err err = hf_key_init(&key, &r->origin, record->key);
    if (err == HF_E_NOMEM) return hf_fail(r->error, err, "key");
    if (err) {
        r->report->failed++;
        return HF_MISS;
    }
    const uint64_t hash = hf_hash64(key.wire, r->reader.head.token);
    hf_key_deinit(&key);
    if (hf_envelope_decode(record->value, hash, &e)) {
        r->report->failed++;
        return HF_MISS;
    }
    err = hf_key_init(&key, &r->cache->keyspace, record->key);
    if (err == HF_E_NOMEM) return hf_fail(r->error, err, "key");
    const bool is_bound = !err &&
                          bind_to(r, &e, record->value, hf_hash64(key.wire, r->token));
    if (!err) hf_key_deinit(&key);
    if (is_bound) return HF_OK;
    if (err) r->report->failed++;
    if (!err) r->report->bound++;
    return HF_MISS;
}

static hf_err add_command(struct restore *r, const struct pending *p)
{
    struct hf_cache_number px;
    struct hf_key          key;
    hf_err                 err = hf_key_init(&key, &r->cache->keyspace, p->key);
    if (err) return err;
    const struct hf_bytes left = hf_cache_decimal(&px, p->left_ms);
    if (p->is_refused) {
        const struct hf_bytes argv[] = {
            hf_str("EVAL"), hf_bytes(set_if_newer.source, set_if_newer.size),
            hf_str("1"),    key.wire,
            p->value,       left
        };
        err = hf_batch_add(r->batch, argv, 6);
    } else {
        const struct hf_bytes argv[] = { hf_str("SET"), key.wire, p->value,
                                         hf_str("PX"),  left,     hf_str("NX") };
        err = hf_batch_add(r->batch, argv, r->how->overwrite ? 5 : 6);
    }
    hf_key_deinit(&key);
    return err;
}

/* HF_OK: stored. HF_MISS: not, for there is something. */
static hf_err outcome_of(struct restore *r, const struct pending *p, size_t command)
{
    const struct hf_reply *reply;
    int64_t                stored = 0;
    hf_err                 err = hf_batch_result(r->batch, command, &reply, r->error);
    if (err) return err;
    if (!p->is_refused) return hf_reply_is_null(reply) ? HF_MISS : HF_OK;
    err = hf_reply_int(reply, &stored);
    if (err) return hf_fail(r->error, HF_E_PROTOCOL, "script");
    return stored ? HF_OK : HF_MISS;
}

static bool is_of_the_entry(hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    return category == HF_CATEGORY_USAGE || category == HF_CATEGORY_REPLY;
}

/* One round trip for those that are pending; those that are refused stay so. */
static hf_err send_all(struct restore *r)
{
    const struct hf_call call = hf_cache_call(&r->limit, HF_COMMAND_IDEMPOTENT);
    size_t               refused = 0;
    hf_err               err = HF_OK;
    hf_batch_clear(r->batch);
    for (size_t i = 0; i < r->count && !err; i++) err = add_command(r, &r->pending[i]);
    if (err == HF_E_TOO_LARGE && r->count == 1) { /* More than a batch can be. */
        r->report->failed++;
        r->count = 0;
        return HF_OK;
    }
    if (err) return hf_fail(r->error, err, "batch");
    err = hf_client_batch(r->cache->client, &call, r->batch, r->error);
    for (size_t i = 0; i < r->count && !err; i++) {
        struct pending *p = &r->pending[i];
        const hf_err    outcome = outcome_of(r, p, i);
        if (outcome == HF_OK) {
            hf_cache_near_evict(r->cache, p->key);
            r->report->restored++;
        } else if (outcome == HF_MISS && p->is_refused) {
            r->report->kept++;
        } else if (outcome == HF_MISS) {
            r->pending[refused] = *p;
            r->pending[refused++].is_refused = true;
        } else if (is_of_the_entry(outcome)) {
            r->report->failed++;
        } else {
            err = outcome;
        }
    }
    r->count = err ? r->count : refused;
    return err;
}

/* The copies of them in this process; those that are stored are so once more then. */
static void evict_near(const struct restore *r)
{
    for (size_t i = 0; i < r->count; i++) hf_cache_near_evict(r->cache, r->pending[i].key);
}

static hf_err flush(struct restore *r)
{
    if (r->count == 0) return HF_OK;
    hf_sleep(hf_pace_take(&r->pace, hf_now(), (uint32_t)r->count));
    r->limit = hf_cache_limit(r->cache, r->call, hf_now());
    evict_near(r);
    hf_err err = send_all(r);
    if (!err && r->count) err = send_all(r);
    r->bytes = 0;
    return err;
}

static hf_err add(struct restore *r, const struct hf_backup_record *record)
{
    int64_t left_ms;
    hf_err  err = prepare(r, record, &left_ms);
    if (err) return err == HF_MISS ? HF_OK : err;
    r->pending[r->count++] = (struct pending){ record->key, record->value, left_ms, false };
    r->bytes += record->key.size + record->value.size;
    if (r->count < RECORDS_A_BATCH && r->bytes < BATCH_BYTES) return HF_OK;
    return flush(r);
}

static hf_err restore_block(struct restore *r)
{
    struct hf_backup_record record;
    hf_err                  err = HF_OK;
    while (!err && hf_backup_reader_record(&r->reader, &record)) {
        r->report->entries++;
        if (r->cache) err = add(r, &record);
    }
    return err || !r->cache ? err : flush(r);
}

static hf_err run(struct restore *r)
{
    for (;;) {
        hf_err err = hf_backup_reader_next(&r->reader, r->error);
        if (!err) err = restore_block(r);
        if (err && err != HF_MISS) return err;
        r->report->offset = r->reader.next;
        if (err) break;
        if (r->how->progress && !r->how->progress(r->report, r->how->ctx)) return HF_MISS;
    }
    if (r->report->damages == 0) return HF_OK;
    return hf_fail(r->error, HF_E_INVALID, "not whole: %" PRIu64 " damaged or missing parts",
                   r->report->damages);
}

static hf_err begin(struct restore *r)
{
    hf_err err = r->cache ? check_origin(r) : HF_OK;
    if (err) return err;
    r->report->created_ms = r->reader.head.created_ms;
    if (r->report->offset > r->report->size) {
        return hf_fail(r->error, HF_E_RANGE, "the file ends at byte %" PRIu64,
                       r->report->size);
    }
    if (r->report->offset > r->reader.next) {
        hf_backup_reader_skip_to(&r->reader, r->report->offset);
    }
    if (!r->cache) return run(r);

    r->limit = hf_cache_limit(r->cache, r->call, hf_now());
    err = hf_batch_open(r->cache->client, &r->batch);
    if (err) return hf_fail(r->error, err, "batch");
    err = agree_on_token(r);
    if (!err) err = run(r);
    hf_batch_close(r->batch);
    return err;
}

static hf_err read_file(struct restore *r, const struct hf_allocator *a, const char *path,
                        const char *what)
{
    static const struct hf_restore defaults = { 0 };
    const struct hf_backup_watcher watcher = { on_damage, r };
    struct hf_backup_input         input;
    int                            fd;
    if (!r->how) r->how = &defaults;
    r->pace.rate = r->how->rate;
    hf_err err = hf_backup_input_open(path, &fd, &input, r->error);
    if (err) return hf_fail_in(r->error, err, "%s", what);

    r->report->size = input.size;
    err = hf_backup_reader_open(&r->reader, a, &input, &watcher, r->error);
    if (!err) {
        err = begin(r);
        hf_backup_reader_deinit(&r->reader);
    }
    close(fd);
    return err && err != HF_MISS ? hf_fail_in(r->error, err, "%s", what) : err;
}

hf_err hf_cache_restore(struct hf_cache *cache, const struct hf_call *call,
                        const struct hf_restore *how, const char *path,
                        struct hf_restore_report *report, struct hf_error *error)
{
    struct restore r = {
        .cache = cache, .call = call, .how = how, .report = report, .error = error
    };
    return read_file(&r, cache->allocator, path, "cache restore");
}

hf_err hf_backup_verify(const struct hf_restore *how, const char *path,
                        struct hf_restore_report *report, struct hf_error *error)
{
    struct restore r = { .how = how, .report = report, .error = error };
    return read_file(&r, &hf_allocator_default, path, "backup verify");
}
