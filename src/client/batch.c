#include "client/call.h"
#include "core/alloc.h"
#include "core/buffer.h"
#include "core/error.h"
#include "net/resp_writer.h"
#include "resilience/command_class.h"

#include <holdfast/batch.h>
#include <string.h>

struct hf_batch {
    const struct hf_allocator *allocator;
    struct hf_buffer           encoded;
    struct hf_reply          **replies; /* One for each command, NULL while not answered. */
    size_t                     capacity;
    size_t                     count;
    enum hf_command_class      class_; /* The least repeatable of them. */
    bool                       is_blocking;
    bool                       has_script;
    hf_err                     err; /* Of the run, for commands without a reply. */
    bool                       was_run;
    struct hf_reply           *exec; /* Of a transaction: the replies are its children. */
};

hf_err hf_batch_open(const struct hf_client *client, struct hf_batch **opened)
{
    const struct hf_allocator *a = hf_client_allocator(client);
    struct hf_batch           *batch = hf_alloc_zero(a, 1, sizeof *batch);
    if (!batch) return HF_E_NOMEM;
    batch->allocator = a;
    batch->class_ = HF_COMMAND_READ;
    hf_buffer_init(&batch->encoded, a, HF_BATCH_BYTES_MAX);
    *opened = batch;
    return HF_OK;
}

static void free_replies(struct hf_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->exec) hf_reply_free(batch->replies[i]);
        batch->replies[i] = NULL;
    }
    hf_reply_free(batch->exec);
    batch->exec = NULL;
}

void hf_batch_clear(struct hf_batch *batch)
{
    free_replies(batch);
    hf_buffer_clear(&batch->encoded, HF_LARGE_SIZE);
    batch->count = 0;
    batch->class_ = HF_COMMAND_READ;
    batch->is_blocking = false;
    batch->has_script = false;
    batch->was_run = false;
}

void hf_batch_close(struct hf_batch *batch)
{
    if (!batch) return;
    free_replies(batch);
    hf_buffer_deinit(&batch->encoded);
    hf_free(batch->allocator, batch->replies);
    hf_free(batch->allocator, batch);
}

static hf_err make_room(struct hf_batch *batch)
{
    enum { FIRST = 16 };
    if (batch->count == HF_BATCH_COMMANDS_MAX) return HF_E_TOO_LARGE;
    if (batch->count < batch->capacity) return HF_OK;

    const size_t capacity = batch->capacity ? 2 * batch->capacity : FIRST;
    void *replies = hf_resize(batch->allocator, batch->replies, capacity * sizeof(void *));
    if (!replies) return HF_E_NOMEM;
    batch->replies = replies;
    batch->capacity = capacity;
    return HF_OK;
}

/* READ < IDEMPOTENT < ACCUMULATING, as the enum has them. */
static enum hf_command_class harder_of(enum hf_command_class a, enum hf_command_class b)
{
    return a > b ? a : b;
}

hf_err hf_batch_add(struct hf_batch *batch, const struct hf_bytes *argv, size_t argc)
{
    size_t size;
    hf_err err = hf_resp_encoded_size(argv, argc, &size);
    if (!err) err = make_room(batch);
    if (err) return err;
    const struct hf_command_traits traits = hf_command_traits(argv, argc);
    if (traits.is_session) return HF_E_INVALID;
    err = hf_resp_encode(&batch->encoded, argv, argc);
    if (err) return err;

    batch->class_ = harder_of(batch->class_, traits.command_class);
    batch->is_blocking = batch->is_blocking || traits.is_blocking;
    batch->has_script = batch->has_script || traits.is_script;
    batch->replies[batch->count++] = NULL;
    return HF_OK;
}

size_t hf_batch_count(const struct hf_batch *batch)
{
    return batch->count;
}

static struct hf_request request_of(const struct hf_batch *batch, const struct hf_call *call)
{
    const bool own = call && call->command_class != HF_COMMAND_AUTO;
    return (struct hf_request){
        .message = { .encoded = hf_bytes(hf_buffer_bytes(&batch->encoded),
                                         hf_buffer_size(&batch->encoded)) },
        .size = hf_buffer_size(&batch->encoded),
        .class_ = own ? call->command_class : batch->class_,
        .blocking = batch->is_blocking,
        .replies = batch->replies,
        .expected = (uint32_t)batch->count,
        .name = "batch",
    };
}

hf_err hf_client_batch(struct hf_client *client, const struct hf_call *call,
                       struct hf_batch *batch, struct hf_error *error)
{
    if (batch->count == 0) return hf_fail(error, HF_E_INVALID, "an empty batch");
    free_replies(batch);

    struct hf_request request = request_of(batch, call);
    batch->err = hf_call_run(client, call, &request, error);
    batch->was_run = true;
    return batch->err;
}

/* ---- Transactions -------------------------------------------------------------- */

/* MULTI in front and EXEC behind, in a buffer of their own. */
static hf_err wrap(const struct hf_batch *batch, struct hf_buffer *whole)
{
    const struct hf_bytes multi = hf_str("MULTI"), exec = hf_str("EXEC");
    hf_err                err = hf_resp_encode(whole, &multi, 1);
    if (!err) {
        err = hf_buffer_append(whole, hf_buffer_bytes(&batch->encoded),
                               hf_buffer_size(&batch->encoded));
    }
    if (!err) err = hf_resp_encode(whole, &exec, 1);
    return err;
}

/* The last of all replies is EXEC's: an array, null after a WATCH, or an error. Which command
 * the server refused to queue stands in its own reply. */
static hf_err take_exec(struct hf_batch *batch, struct hf_reply **replies, size_t count,
                        struct hf_error *error)
{
    struct hf_reply *exec = replies[count - 1];
    hf_err           err = hf_reply_verdict(exec, batch->has_script, error);
    if (!err && hf_reply_count(exec) != batch->count) {
        err = hf_fail(error, HF_E_EXECABORT, "a watched key was changed");
    }
    for (size_t i = 0; i + 1 < count; i++) {
        struct hf_error cause;
        const hf_err    refused = hf_reply_verdict(replies[i], false, &cause);
        if (err == HF_E_EXECABORT && refused) {
            err = hf_fail(error, HF_E_EXECABORT, "%s", cause.detail);
        }
        hf_reply_free(replies[i]);
    }
    if (err) {
        hf_reply_free(exec);
        return err;
    }
    batch->exec = exec;
    for (size_t i = 0; i < batch->count; i++) {
        batch->replies[i] = (struct hf_reply *)hf_reply_at(exec, i);
    }
    return HF_OK;
}

hf_err hf_client_transaction(struct hf_client *client, const struct hf_call *call,
                             struct hf_batch *batch, struct hf_error *error)
{
    if (batch->count == 0) return hf_fail(error, HF_E_INVALID, "an empty transaction");
    free_replies(batch);

    const size_t      count = batch->count + 2;
    struct hf_buffer  whole;
    struct hf_reply **replies = hf_alloc_zero(batch->allocator, count, sizeof *replies);
    hf_buffer_init(&whole, batch->allocator, HF_BATCH_BYTES_MAX + HF_LARGE_SIZE);
    hf_err err = replies ? wrap(batch, &whole) : HF_E_NOMEM;
    if (err) {
        (void)hf_fail(error, err, "transaction: %s", hf_err_text(err));
        goto out;
    }
    struct hf_request request = request_of(batch, call);
    request.message.encoded = hf_bytes(hf_buffer_bytes(&whole), hf_buffer_size(&whole));
    request.size = hf_buffer_size(&whole);
    request.replies = replies;
    request.expected = (uint32_t)count;
    request.name = "transaction";
    err = hf_call_run(client, call, &request, error);
    if (err) {
        for (uint32_t i = 0; i < request.received; i++) hf_reply_free(replies[i]);
    } else {
        err = take_exec(batch, replies, count, error);
    }
out:
    hf_buffer_deinit(&whole);
    hf_free(batch->allocator, replies);
    batch->err = err;
    batch->was_run = true;
    return err;
}

/* ---- Results ------------------------------------------------------------------- */

hf_err hf_batch_result(const struct hf_batch *batch, size_t index,
                       const struct hf_reply **reply, struct hf_error *error)
{
    if (!batch->was_run || index >= batch->count) {
        return hf_fail(error, HF_E_INVALID, "no result number %zu", index);
    }
    if (!batch->replies[index]) {
        const hf_err err = batch->err ? batch->err : HF_E_NOMEM_SENT;
        return hf_fail_bare(error, err);
    }
    const hf_err err = hf_reply_verdict(batch->replies[index], batch->has_script, error);
    if (!err) *reply = batch->replies[index];
    return err;
}
