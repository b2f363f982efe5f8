#include <holdfast/backup.h>

#include "cache/backup_writer.h"
#include "cache/scan.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/pace.h"
#include "core/wall_clock.h"

#include <holdfast/batch.h>
#include <string.h>

enum { KEYS_A_BATCH = 500, COMMANDS_A_KEY = 2, WHOLE_SIZE = 4096 };

struct backup {
    struct hf_cache         *cache;
    const struct hf_call    *call;
    struct hf_cache_limit    limit; /* Of this step. */
    const struct hf_backup  *how;
    struct hf_backup_report *report;
    struct hf_error         *error;
    struct hf_batch         *batch;
    struct hf_pace           pace;
    struct hf_backup_head    head;
    struct hf_backup_writer  writer;
    uint64_t                 cursor;   /* Of this step. */
    int64_t                  asked_ms; /* Before the batch was sent. */
};

/* One small command; *reply is to be freed. */
static hf_err ask(struct backup *b, const struct hf_bytes *argv, size_t argc, bool is_large,
                  struct hf_reply **reply)
{
    struct hf_call call = hf_cache_call(&b->limit, HF_COMMAND_READ);
    call.expect_large = is_large;
    return hf_client_command(b->cache->client, &call, argv, argc, reply, b->error);
}

/* What tells this run of the server from another one; 0 when it does not say. */
static uint64_t identify_server(struct backup *b)
{
    static const char     field[] = "run_id:";
    const struct hf_bytes argv[] = { hf_str("INFO"), hf_str("server") };
    struct hf_reply      *reply;
    struct hf_bytes       text = { 0 };
    uint64_t              id = 0;
    if (ask(b, argv, 2, false, &reply)) return 0;
    if (hf_reply_bytes(reply, &text) == HF_OK && text.size) {
        const char *at = memmem(text.data, text.size, field, sizeof field - 1);
        const char *end = at ? strchr(at, '\r') : NULL;
        if (end) id = hf_hash64(hf_bytes(at, (size_t)(end - at)), 0);
    }
    hf_reply_free(reply);
    return id;
}

static hf_err count_keys(struct backup *b)
{
    const struct hf_bytes argv[] = { hf_str("DBSIZE") };
    struct hf_reply      *reply;
    int64_t               count = 0;
    hf_err                err = ask(b, argv, 1, false, &reply);
    if (err) return err;
    err = hf_reply_int(reply, &count);
    hf_reply_free(reply);
    if (err) return hf_fail(b->error, HF_E_PROTOCOL, "DBSIZE");
    b->report->keys = (uint64_t)count;
    return HF_OK;
}

/* Whole, live, and all of it in this one key. */
static bool is_plain_entry(const struct backup *b, struct hf_bytes wire,
                           struct hf_bytes bytes)
{
    struct hf_envelope e;
    return hf_envelope_decode(bytes, hf_hash64(wire, b->head.token), &e) == HF_ENVELOPE_OK &&
           !e.is_large;
}

static hf_err keep(struct backup *b, struct hf_bytes wire, struct hf_bytes bytes,
                   int64_t left_ms)
{
    const size_t head_size = b->cache->keyspace.head_size;
    if (left_ms == 0 || left_ms < -1 || !is_plain_entry(b, wire, bytes)) {
        b->report->skipped++;
        return HF_OK;
    }
    const struct hf_backup_record record = {
        .key = hf_bytes((const char *)wire.data + head_size, wire.size - head_size),
        .value = bytes,
        .expires_ms = left_ms < 0 ? INT64_MAX : b->asked_ms + left_ms,
    };
    const hf_err err = hf_backup_writer_add(&b->writer, &record, b->cursor, b->error);
    if (!err) b->report->entries++;
    return err;
}

/* One that did not come whole with the others. */
static hf_err keep_large(struct backup *b, struct hf_bytes wire, int64_t left_ms)
{
    const struct hf_bytes argv[] = { hf_str("GET"), wire };
    struct hf_reply      *reply;
    struct hf_bytes       bytes = { 0 };
    const hf_err          err = ask(b, argv, 2, true, &reply);
    if (err && hf_err_category(err) != HF_CATEGORY_REPLY) return err;
    if (err || hf_reply_is_null(reply) || hf_reply_bytes(reply, &bytes)) {
        b->report->skipped++;
        if (!err) hf_reply_free(reply);
        return HF_OK;
    }
    const hf_err kept = keep(b, wire, bytes, left_ms);
    hf_reply_free(reply);
    return kept;
}

/* The answers for one key, from number index of the batch on. */
static hf_err take(struct backup *b, struct hf_bytes wire, size_t index)
{
    const struct hf_reply *reply;
    struct hf_bytes        bytes = { 0 };
    int64_t                left_ms = 0;
    hf_err                 err = hf_batch_result(b->batch, index, &reply, b->error);
    if (err && hf_err_category(err) != HF_CATEGORY_REPLY) return err;
    if (!err) err = hf_reply_bytes(reply, &bytes);
    if (!err) err = hf_batch_result(b->batch, index + 1, &reply, NULL);
    if (!err) err = hf_reply_int(reply, &left_ms);
    if (err || bytes.size < WHOLE_SIZE) return keep(b, wire, bytes, err ? 0 : left_ms);
    return keep_large(b, wire, left_ms);
}

/* Of each key the first few KB, which mostly is all, and how long it has to live. */
static hf_err add_questions(struct backup *b, struct hf_bytes wire)
{
    struct hf_cache_number last;
    const struct hf_bytes  begin[] = { hf_str("GETRANGE"), wire, hf_str("0"),
                                       hf_cache_decimal(&last, WHOLE_SIZE - 1) };
    const struct hf_bytes  left[] = { hf_str("PTTL"), wire };
    const hf_err           err = hf_batch_add(b->batch, begin, 4);
    return err ? err : hf_batch_add(b->batch, left, 2);
}

static hf_err fetch(struct backup *b, const struct hf_reply *keys, size_t first)
{
    struct hf_bytes wires[KEYS_A_BATCH];
    size_t          count = 0;
    hf_err          err = HF_OK;
    hf_batch_clear(b->batch);
    for (; first + count < hf_reply_count(keys) && count < KEYS_A_BATCH && !err; count++) {
        err = hf_reply_bytes(hf_reply_at(keys, first + count), &wires[count]);
        if (!err) err = add_questions(b, wires[count]);
    }
    if (err) return hf_fail(b->error, err, "batch");

    hf_sleep(hf_pace_take(&b->pace, hf_now(), (uint32_t)count));
    b->limit = hf_cache_limit(b->cache, b->call, hf_now());
    const struct hf_call call = hf_cache_call(&b->limit, HF_COMMAND_READ);
    b->asked_ms = hf_unix_ms();
    err = hf_client_batch(b->cache->client, &call, b->batch, b->error);
    for (size_t i = 0; i < count && !err; i++) err = take(b, wires[i], i * COMMANDS_A_KEY);
    return err;
}

static hf_err step(struct backup *b, struct hf_bytes match)
{
    struct hf_scan_step found;
    b->limit = hf_cache_limit(b->cache, b->call, hf_now());
    hf_err err = hf_scan_step(b->cache, &b->limit, match, b->cursor, &found, b->error);
    if (err) return err;
    for (size_t at = 0; at < hf_reply_count(found.keys) && !err; at += KEYS_A_BATCH) {
        err = fetch(b, found.keys, at);
    }
    if (!err) err = hf_backup_writer_step(&b->writer, found.next, b->error);
    b->cursor = found.next;
    b->report->bytes = b->writer.size;
    hf_scan_step_free(&found);
    return err;
}

static hf_err run(struct backup *b, struct hf_bytes match)
{
    for (;;) {
        const hf_err err = step(b, match);
        if (err) return err;
        if (b->cursor == 0) return HF_OK;
        if (b->how->progress && !b->how->progress(b->report, b->how->ctx)) return HF_MISS;
    }
}

/* Writes all that is not in the file yet. */
static hf_err write_file(struct backup *b, const char *path)
{
    const struct hf_keyspace *space = &b->cache->keyspace;
    struct hf_buffer          match;
    hf_err err = hf_backup_writer_open(&b->writer, b->cache->allocator, path, &b->head,
                                       b->how->resume, &b->report->resumed, b->error);
    if (err) return err;
    b->report->entries = b->writer.records;
    b->cursor = b->writer.cursor;
    hf_buffer_init(&match, b->cache->allocator, HF_KEY_MAX);
    err = hf_scan_match(space, hf_str("*"), &match);
    if (!err) err = run(b, hf_bytes(hf_buffer_bytes(&match), hf_buffer_size(&match)));
    hf_buffer_deinit(&match);
    if (!err) err = hf_backup_writer_finish(&b->writer, b->error);
    b->report->bytes = b->writer.size;
    hf_backup_writer_close(&b->writer);
    return err;
}

static hf_err begin(struct backup *b)
{
    const struct hf_keyspace *space = &b->cache->keyspace;
    b->limit = hf_cache_limit(b->cache, b->call, hf_now());
    b->head.created_ms = hf_unix_ms();
    b->head.name_size = space->head_size;
    memcpy(b->head.name, space->head, space->head_size);
    hf_err err = hf_cache_token(b->cache, &b->limit, hf_now(), &b->head.token, b->error);
    if (err == HF_MISS) err = hf_fail(b->error, HF_E_TYPE, "namespace token");
    if (!err) err = count_keys(b);
    if (!err) b->head.server = identify_server(b);
    return err;
}

hf_err hf_cache_backup(struct hf_cache *cache, const struct hf_call *call,
                       const struct hf_backup *how, const char *path,
                       struct hf_backup_report *report, struct hf_error *error)
{
    static const struct hf_backup defaults = { 0 };
    struct backup                 b = { .cache = cache,
                                        .call = call,
                                        .how = how ? how : &defaults,
                                        .report = report,
                                        .error = error };
    *report = (struct hf_backup_report){ 0 };
    b.pace.rate = b.how->rate;
    hf_err err = hf_batch_open(cache->client, &b.batch);
    if (err) return hf_fail(error, err, "cache backup");
    err = begin(&b);
    if (!err) err = write_file(&b, path);
    hf_batch_close(b.batch);
    return err && err != HF_MISS ? hf_fail_in(error, err, "cache backup") : err;
}
