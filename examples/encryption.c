/* Encrypts values, changes the key while old values are still read, and drops the old key. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>

/* A program reads these from its environment or a file; `openssl rand -hex 32` makes one. */
static const char old_key[] =
    "1:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
static const char both_keys[] =
    "2:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff "
    "1:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
static const char new_key[] =
    "2:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static struct hf_cache *open_with(struct hf_client *client, const char *text)
{
    struct hf_cache_key     keys[2];
    struct hf_cache_options options = { .key_prefix = "app", .keys = keys };
    struct hf_cache        *cache = NULL;
    struct hf_error         error;
    hf_err err = hf_cache_keys_parse(hf_str(text), keys, 2, &options.key_count, &error);
    if (!err) err = hf_cache_open(client, &options, &cache, &error);
    if (err) puts(error.detail);
    hf_cache_keys_wipe(keys, 2); /* The cache has a copy. */
    return cache;
}

static void show(struct hf_cache *cache, const char *who)
{
    struct hf_value *value;
    if (hf_cache_get(cache, NULL, hf_str("user:42"), &value, NULL)) {
        printf("%s: a miss\n", who);
        return;
    }
    const struct hf_bytes data = hf_value_data(value);
    printf("%s: %.*s\n", who, (int)data.size, (const char *)data.data);
    hf_value_release(value);
}

int main(void)
{
    struct hf_options *options;
    struct hf_client  *client;
    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL))
        return 1;
    (void)!hf_client_wait_ready(client, hf_seconds(10), NULL);

    struct hf_cache *before = open_with(client, old_key);
    struct hf_cache *during = open_with(client, both_keys);
    struct hf_cache *after = open_with(client, new_key);
    if (!before || !during || !after) return 1;

    (void)!hf_cache_set(before, NULL, hf_str("user:42"), hf_str("Ada"), NULL, NULL);
    show(before, "old key");
    show(during, "both keys");
    show(after, "new key");
    (void)!hf_cache_set(during, NULL, hf_str("user:42"), hf_str("Ada again"), NULL, NULL);
    show(after, "new key, written with both");

    struct hf_stats stats;
    hf_stats_get(client, &stats);
    printf("misses for want of the key: %" PRIu64 "\n", stats.cache_no_key);
    hf_cache_close(before);
    hf_cache_close(during);
    hf_cache_close(after);
    hf_client_close(client);
    hf_options_close(options);
    return 0;
}
