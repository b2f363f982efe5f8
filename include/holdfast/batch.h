/* batch.h - many commands in one round trip, each with a result of its own.
 *
 *     struct hf_batch *batch;
 *     err = hf_batch_open(client, &batch);
 *     err = hf_batch_add(batch, get_a, 2);
 *     err = hf_batch_add(batch, get_b, 2);
 *     err = hf_client_batch(client, NULL, batch, &error);
 *     for (size_t i = 0; i < hf_batch_count(batch); i++) {
 *         const struct hf_reply *reply;
 *         if (hf_batch_result(batch, i, &reply, NULL) == HF_OK) use(reply);
 *     }
 *     hf_batch_close(batch);
 *
 * The server runs the commands in order. Some may fail while others succeed. As a
 * transaction they run as one unit with nothing in between, or not at all.
 *
 * Threads:  a batch belongs to one thread at a time.
 * Memory:   arguments are copied when they are added; replies live until clear or close.
 *           At most HF_BATCH_COMMANDS_MAX commands and HF_BATCH_BYTES_MAX encoded bytes.
 * Cost:     one write and, as a rule, one read for the whole batch. */

#ifndef HOLDFAST_BATCH_H
#define HOLDFAST_BATCH_H

#include <holdfast/client.h>

HF_BEGIN_DECLS

enum {
    HF_BATCH_COMMANDS_MAX = 10000,
    HF_BATCH_BYTES_MAX = 64 * 1024 * 1024,
};

struct hf_batch;

/* HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_batch_open(const struct hf_client *client,
                                         struct hf_batch       **batch);

HF_API void hf_batch_close(struct hf_batch *batch);

/* Drops commands and results, keeps the memory for the next round. */
HF_API void hf_batch_clear(struct hf_batch *batch);

/* HF_E_INVALID for argc 0 and for what would change the connection (see client.h),
 * HF_E_TOO_LARGE at a limit, HF_E_NOMEM; then nothing is added. */
HF_API HF_NODISCARD hf_err hf_batch_add(struct hf_batch *batch, const struct hf_bytes *argv,
                                        size_t argc);

HF_API size_t hf_batch_count(const struct hf_batch *batch);

/* Runs it. HF_OK when every command was answered, be it with an error of the server's;
 * else what stopped it, and hf_batch_result() tells which were answered before that. It is
 * tried again only where that is right for every command in it. */
HF_API HF_NODISCARD hf_err hf_client_batch(struct hf_client     *client,
                                           const struct hf_call *call, struct hf_batch *batch,
                                           struct hf_error *error);

/* The same between MULTI and EXEC. HF_E_EXECABORT when the server discarded it. */
HF_API HF_NODISCARD hf_err hf_client_transaction(struct hf_client     *client,
                                                 const struct hf_call *call,
                                                 struct hf_batch      *batch,
                                                 struct hf_error      *error);

/* What command number index came to; the reply belongs to the batch. HF_E_INVALID past the
 * end or before the batch was run. error may be NULL. */
HF_API HF_NODISCARD hf_err hf_batch_result(const struct hf_batch *batch, size_t index,
                                           const struct hf_reply **reply,
                                           struct hf_error        *error);

HF_END_DECLS

#endif
