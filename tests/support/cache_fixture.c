#include "support/cache_fixture.h"

#include "support/test.h"

void cache_fixture_open(struct cache_fixture *f, const struct hf_cache_options *options)
{
    cache_fixture_open_with(f, options, NULL);
}

void cache_fixture_open_with(struct cache_fixture *f, const struct hf_cache_options *options,
                             const char *const *args)
{
    struct hf_cache_options with = { 0 };
    if (options) with = *options;
    if (!with.key_prefix) with.key_prefix = "t";

    *f = (struct cache_fixture){ 0 };
    counting_allocator_init(&f->memory);
    f->server = redis_server_open(&(struct redis_server_options){ .args = args });

    struct hf_options *settings;
    assert_int_equal(hf_options_open(&settings), HF_OK);
    assert_int_equal(
        hf_options_set(settings, "url", redis_server_unix_url(f->server), &f->error), HF_OK);
    assert_int_equal(hf_options_set(settings, "value_size_max", "1mb", &f->error), HF_OK);
    hf_options_set_allocator(settings, &f->memory.base);
    hf_options_set_log(settings, HF_LOG_SILENT, NULL, NULL);
    assert_int_equal(hf_client_open(settings, &f->client, &f->error), HF_OK);
    hf_options_close(settings);
    assert_int_equal(hf_client_wait_ready(f->client, hf_seconds(30), &f->error), HF_OK);
    assert_int_equal(hf_cache_open(f->client, &with, &f->cache, &f->error), HF_OK);
}

void cache_fixture_close(struct cache_fixture *f)
{
    hf_cache_close(f->cache);
    hf_client_close(f->client);
    redis_server_close(f->server);
    assert_int_equal(f->memory.blocks, 0);
}

hf_err cache_fixture_set(struct cache_fixture *f, const char *key, const char *value)
{
    return hf_cache_set(f->cache, NULL, hf_str(key), hf_str(value), NULL, &f->error);
}

hf_err cache_fixture_expect(struct cache_fixture *f, const char *key, const char *value)
{
    struct hf_value *found;
    const hf_err     err = hf_cache_get(f->cache, NULL, hf_str(key), &found, &f->error);
    if (err) return err;

    const struct hf_bytes data = hf_value_data(found);
    const bool same = data.size == strlen(value) && memcmp(data.data, value, data.size) == 0;
    hf_value_release(found);
    return same ? HF_OK : HF_E_INVALID;
}

struct hf_stats cache_fixture_stats(const struct cache_fixture *f)
{
    struct hf_stats stats;
    hf_stats_get(f->client, &stats);
    return stats;
}

void cache_fixture_forbid_deletes(struct cache_fixture *f)
{
    redis_server_do(f->server, "ACL SETUSER default -unlink -del");
}

void cache_fixture_allow_deletes(struct cache_fixture *f)
{
    redis_server_do(f->server, "ACL SETUSER default +@all");
}
