/* Shows what compression does to three kinds of values, and what it saved. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SIZE = 20000 };

static void store(struct hf_cache *cache, const char *key, struct hf_bytes value)
{
    struct hf_error error;
    if (hf_cache_set(cache, NULL, hf_str(key), value, NULL, &error)) puts(error.detail);
}

int main(void)
{
    static unsigned char text[SIZE], noise[SIZE];
    uint32_t             state = 1;
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = (unsigned char)"all work and no play "[i % 21];
        state = state * 1664525 + 1013904223;
        noise[i] = (unsigned char)(state >> 24);
    }
    struct hf_options            *options;
    struct hf_client             *client;
    struct hf_cache              *cache;
    /* Values up to 1 kB stay as they are; HF_COMPRESSION_AUTO is the default. */
    const struct hf_cache_options how = { .compression = HF_COMPRESSION_AUTO };
    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_options_set(options, "compression_threshold", "1kb", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, &how, &cache, NULL))
        return 1;

    store(cache, "text", hf_bytes(text, SIZE));
    store(cache, "noise", hf_bytes(noise, SIZE));
    store(cache, "short", hf_bytes(text, 1000));

    struct hf_stats stats;
    hf_stats_get(client, &stats);
    printf("smaller: %" PRIu64 ", as they were: %" PRIu64 "\n", stats.cache_compressed,
           stats.cache_incompressible);
    printf("%" PRIu64 " bytes became less than %d\n", stats.cache_compress_in,
           stats.cache_compress_out < 1000 ? 1000 : SIZE);

    struct hf_value *value;
    if (hf_cache_get(cache, NULL, hf_str("text"), &value, NULL) == HF_OK) {
        printf("and are %zu again\n", hf_value_data(value).size);
        hf_value_release(value);
    }
    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
    return 0;
}
