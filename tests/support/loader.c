#include "support/loader.h"

#include "support/test.h"
#include "support/wait.h"

#include <string.h>

struct loader loader_at_once(struct cache_fixture *f, const char *text)
{
    return (struct loader){ .f = f, .text = text, .may_go_on = true };
}

static bool has_leave(void *ctx)
{
    struct loader *loader = ctx;
    return atomic_load(&loader->may_go_on);
}

hf_err loader_load(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    struct loader *loader = ctx;
    (void)key;
    atomic_fetch_add(&loader->calls, 1);
    atomic_store(&loader->is_running, true);
    if (loader->meanwhile && !loader->meanwhile(loader)) return HF_E_SYSTEM;
    if (!wait_until(has_leave, loader, hf_seconds(60))) return HF_E_SYSTEM;
    if (loader->err) return loader->err;
    return hf_loaded_set(loaded, hf_str(loader->text));
}

void loader_release(void *ctx)
{
    struct loader *loader = ctx;
    atomic_fetch_add(&loader->released, 1);
}

bool loader_is_running(void *ctx)
{
    struct loader *loader = ctx;
    return atomic_load(&loader->is_running);
}

bool loader_is_released(void *ctx)
{
    struct loader *loader = ctx;
    return atomic_load(&loader->released) > 0;
}

hf_err loader_get(struct loader *loader, const struct hf_call *call,
                  const struct hf_load *how, const char *expected)
{
    struct hf_value *value;
    struct hf_error *error = loader->is_shared ? NULL : &loader->f->error;
    const hf_err err = hf_cache_load(loader->f->cache, call, hf_str("k"), how, loader_load,
                                     loader, &value, error);
    if (err) return err;
    const struct hf_bytes data = hf_value_data(value);
    const bool            same = data.size == strlen(expected) &&
                      memcmp(data.data, expected, data.size) == 0;
    hf_value_release(value);
    return same ? HF_OK : HF_E_INVALID;
}

static bool is_expired(void *ctx)
{
    const struct cache_fixture *f = ctx;
    return hf_cache_exists(f->cache, NULL, hf_str("k"), NULL) == HF_MISS;
}

void loader_store_stale(struct cache_fixture *f)
{
    const struct hf_set how = { .ttl = hf_ms(1) };
    assert_int_equal(hf_cache_set(f->cache, NULL, hf_str("k"), hf_str("stale"), &how, NULL),
                     HF_OK);
    assert_true(wait_until(is_expired, f, hf_seconds(10)));
}
