/* Says what is in a cache. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    const char *const  names[] = { "a", "b", "c" };
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_cache   *cache;
    struct hf_usage    usage;
    struct hf_error    error;

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, NULL, &cache, NULL) ||
        hf_client_wait_ready(client, hf_seconds(10), &error))
        return 1;
    for (size_t i = 0; i < 3; i++) {
        if (hf_cache_set(cache, NULL, hf_str(names[i]), hf_str("forty-two"), NULL, &error)) {
            return 1;
        }
    }
    if (hf_cache_usage(cache, NULL, HF_USAGE_KEYS, &usage, &error)) {
        printf("%s\n", error.detail);
    } else {
        printf("%.0f entries, between %.0f and %.0f\n", usage.entries.value,
               usage.entries.low, usage.entries.high);
        printf("%.0f bytes of values, the largest of %" PRIu64 "\n", usage.value_bytes.value,
               usage.value_size_max);
        puts(usage.is_exact ? "counted" : "estimated");
    }
    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
}
