/* Reads a value through the cache, and computes it when the cache cannot say. */

#include <holdfast/holdfast.h>
#include <stdio.h>

int main(void)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_cache   *cache;
    struct hf_value   *value;

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, NULL, &cache, NULL))
        return 1;

    for (int i = 0; i < 2; i++) {
        if (hf_cache_get(cache, NULL, hf_str("greeting"), &value, NULL) == HF_OK) {
            const struct hf_bytes text = hf_value_data(value);
            printf("from the cache: %.*s\n", (int)text.size, (const char *)text.data);
            hf_value_release(value);
        } else { /* A miss, or no Redis: the application goes on. */
            puts("computed: hello");
            (void)!hf_cache_set(cache, NULL, hf_str("greeting"), hf_str("hello"), NULL, NULL);
        }
    }
    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
}
