/* A near cache in the process, and somebody else who changes what it holds. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>

/* Reads it until it is this text, for at most ten seconds. */
static bool becomes(struct hf_cache *cache, const char *key, const char *text)
{
    const hf_instant end = hf_later(hf_now(), hf_seconds(10));
    bool             is_it = false;
    while (!is_it && hf_before(hf_now(), end)) {
        struct hf_value *value;
        if (hf_cache_get(cache, NULL, hf_str(key), &value, NULL)) continue;
        const struct hf_bytes data = hf_value_data(value);
        is_it = data.size == strlen(text) && memcmp(data.data, text, data.size) == 0;
        hf_value_release(value);
    }
    return is_it;
}

static uint64_t near_hits(struct hf_client *client)
{
    struct hf_stats stats;
    hf_stats_get(client, &stats);
    return stats.cache_near_hits;
}

int main(void)
{
    const struct hf_cache_options near = { .near_bytes = 16 * 1024 * 1024,
                                           .stale_limit = hf_seconds(600),
                                           .stale_on_error = true };
    struct hf_options            *options;
    struct hf_client             *client;
    struct hf_cache              *cache, *other;

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) ||
        hf_cache_open(client, &near, &cache, NULL) ||
        hf_cache_open(client, NULL, &other, NULL))
        return 1;

    if (hf_cache_set(cache, NULL, hf_str("motd"), hf_str("hello"), NULL, NULL)) return 1;
    while (near_hits(client) == 0 && becomes(cache, "motd", "hello")) {
    }
    puts(near_hits(client) ? "hello, without asking Redis" : "never kept");

    /* The other one knows nothing of the near cache, and might be in another process. */
    if (hf_cache_set(other, NULL, hf_str("motd"), hf_str("bye"), NULL, NULL)) return 1;
    puts(becomes(cache, "motd", "bye") ? "bye, as somebody else wrote" : "never seen");

    hf_cache_close(cache);
    hf_cache_close(other);
    hf_client_close(client);
    hf_options_close(options);
}
