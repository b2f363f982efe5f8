/* Counts reads without rewriting what is read, and asks which keys are read most. */

#include <holdfast/holdfast.h>
#include <stdio.h>

static void read_times(struct hf_cache *cache, const char *key, int times)
{
    struct hf_value *value;
    for (int i = 0; i < times; i++) {
        if (hf_cache_get(cache, NULL, hf_str(key), &value, NULL) == HF_OK) {
            hf_value_release(value);
        }
    }
}

int main(void)
{
    /* Each read is counted here; a busy service would count one in 16 or 64. */
    const struct hf_cache_options how = { .access_sample = 1,
                                          .access_interval = hf_seconds(10) };
    struct hf_options            *options;
    struct hf_client             *client;
    struct hf_cache              *cache;
    struct hf_hot                *hot;
    struct hf_access              access;

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, &how, &cache, NULL))
        return 1;

    (void)!hf_cache_set(cache, NULL, hf_str("page:a"), hf_str("..."), NULL, NULL);
    (void)!hf_cache_set(cache, NULL, hf_str("page:b"), hf_str("..."), NULL, NULL);
    read_times(cache, "page:a", 3);
    read_times(cache, "page:b", 40);
    (void)!hf_cache_access_flush(cache, NULL, NULL); /* Now, instead of in ten seconds. */

    if (hf_cache_access(cache, NULL, hf_str("page:a"), &access, NULL) == HF_OK) {
        printf("page:a was read %llu times\n", (unsigned long long)access.reads);
    }
    if (hf_cache_hot(cache, NULL, 10, &hot, NULL) == HF_OK) {
        for (size_t i = 0; i < hf_hot_count(hot); i++) {
            const struct hf_hot_key *at = hf_hot_at(hot, i);
            printf("%llu %.*s\n", (unsigned long long)at->reads, (int)at->key.size,
                   (const char *)at->key.data);
        }
        hf_hot_free(hot);
    }
    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
    return 0;
}
