/* What a server says of changed keys: any stream is passed on key by key, in order and within
 * what came, or it is said that something was not understood. */

#include "client/tracking.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hf_resp_limits limits = {
    .bytes_max = 60000,
    .elements_max = 3000,
    .depth_max = 12,
};

struct told {
    const struct hf_reply *keys;
    size_t                 count;
    bool                   is_all;
};

static void changed(void *ctx, struct hf_bytes key)
{
    struct told    *told = ctx;
    struct hf_bytes expected;
    hf_assert(hf_reply_bytes(hf_reply_at(told->keys, told->count), &expected) == HF_OK);
    hf_assert(key.size == expected.size && memcmp(key.data, expected.data, key.size) == 0);
    told->count++;
}

static void all_changed(void *ctx)
{
    ((struct told *)ctx)->is_all = true;
}

static void check(const struct hf_reply *news)
{
    struct told                       told = { .keys = hf_reply_at(news, 1) };
    const struct hf_tracking_listener l = { .changed = changed,
                                            .all_changed = all_changed,
                                            .ctx = &told };
    if (!hf_tracking_pass_on(&l, news)) {
        hf_assert(!told.is_all);
    } else {
        hf_assert(told.is_all ? told.count == 0 : told.count == hf_reply_count(told.keys));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_resp_reader r;
    struct hf_reply      *reply;
    hf_err                err = HF_OK;
    hf_resp_reader_init(&r, &hf_allocator_default, &limits);
    while (size > 0 && !err) {
        void  *room;
        size_t count;
        if (hf_resp_reader_space(&r, &room, &count)) break;
        if (count > size) count = size;
        memcpy(room, data, count);
        hf_resp_reader_filled(&r, count);
        data += count;
        size -= count;
        while ((err = hf_resp_reader_next(&r, &reply)) == HF_OK && reply) {
            check(reply);
            hf_reply_free(reply);
        }
    }
    hf_resp_reader_deinit(&r);
    return 0;
}
