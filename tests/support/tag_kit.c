#include "support/tag_kit.h"

#include "support/test.h"

hf_err tag_set_in(struct hf_cache *cache, const char *key, const char *value, const char *a,
                  const char *b, const char *c)
{
    const char *const given[] = { a, b, c };
    struct hf_bytes   tags[3];
    struct hf_set     how = { .ttl = hf_seconds(60), .tags = tags };
    for (size_t i = 0; i < 3; i++) {
        if (given[i]) tags[how.tag_count++] = hf_str(given[i]);
    }
    return hf_cache_set(cache, NULL, hf_str(key), hf_str(value), &how, NULL);
}

hf_err tag_set(struct cache_fixture *f, const char *key, const char *value, const char *tag)
{
    return tag_set_in(f->cache, key, value, tag, NULL, NULL);
}

hf_err tag_invalidate(struct cache_fixture *f, const char *tag)
{
    const struct hf_call brief = { .timeout = hf_ms(100) };
    return hf_cache_invalidate_tag(f->cache, &brief, hf_str(tag), &f->error);
}

void tag_other_open(struct tag_other *o, struct cache_fixture *f)
{
    const struct hf_cache_options with = { .key_prefix = "t" };
    struct hf_options            *options;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", redis_server_unix_url(f->server), NULL),
                     HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    assert_int_equal(hf_client_open(options, &o->client, NULL), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_client_wait_ready(o->client, hf_seconds(30), NULL), HF_OK);
    assert_int_equal(hf_cache_open(o->client, &with, &o->cache, NULL), HF_OK);
}

void tag_other_close(struct tag_other *o)
{
    hf_cache_close(o->cache);
    hf_client_close(o->client);
}
