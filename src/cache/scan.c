#include "cache/scan.h"

#include "core/error.h"
#include "core/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char keys_a_step[] = "500";

hf_err hf_scan_match(const struct hf_keyspace *space, struct hf_bytes pattern,
                     struct hf_buffer *match)
{
    hf_err err = HF_OK;
    for (size_t i = 0; i < space->head_size && !err; i++) {
        if (strchr("*?[]\\", space->head[i])) err = hf_buffer_append(match, "\\", 1);
        if (!err) err = hf_buffer_append(match, &space->head[i], 1);
    }
    return err ? err : hf_buffer_append(match, pattern.data, pattern.size);
}

hf_err hf_scan_step(struct hf_cache *cache, const struct hf_cache_limit *limit,
                    struct hf_bytes match, uint64_t cursor, struct hf_scan_step *step,
                    struct hf_error *error)
{
    const struct hf_call call = hf_cache_call(limit, HF_COMMAND_READ);
    char                 number[24];
    snprintf(number, sizeof number, "%" PRIu64, cursor);
    const struct hf_bytes argv[] = { hf_str("SCAN"),      hf_str(number),  hf_str("COUNT"),
                                     hf_str(keys_a_step), hf_str("MATCH"), match };
    struct hf_scan_step   taken = { 0 };
    hf_err err = hf_client_command(cache->client, &call, argv, match.size ? 6 : 4,
                                   &taken.reply, error);
    if (err) return err;

    struct hf_bytes        text;
    const struct hf_reply *first = hf_reply_at(taken.reply, 0);
    taken.keys = hf_reply_at(taken.reply, 1);
    if (!first || !taken.keys || hf_reply_bytes(first, &text) ||
        hf_count_parse(text.data, &taken.next)) {
        hf_reply_free(taken.reply);
        return hf_fail(error, HF_E_PROTOCOL, "SCAN");
    }
    *step = taken;
    return HF_OK;
}

void hf_scan_step_free(struct hf_scan_step *step)
{
    hf_reply_free(step->reply);
}
