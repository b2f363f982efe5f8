/* What a client and its caches have done, by name, by table and as JSON. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Some that happened, some that did not. */
static void use(struct hf_client *client)
{
    const struct hf_cache_options how = { .key_prefix = "site" };
    struct hf_cache              *cache;
    struct hf_value              *value;
    if (hf_cache_open(client, &how, &cache, NULL)) return;
    if (hf_cache_set(cache, NULL, hf_str("page"), hf_str("<html>"), NULL, NULL)) return;
    for (int i = 0; i < 9; i++) {
        if (hf_cache_get(cache, NULL, hf_str("page"), &value, NULL)) continue;
        hf_value_release(value);
    }
    if (hf_cache_get(cache, NULL, hf_str("none"), &value, NULL) == HF_MISS) puts("a miss");
    hf_cache_close(cache);
}

/* Every counter that moved, whatever the library counts: none is named here. */
static void show_all(const struct hf_stats *stats)
{
    const struct hf_stat_info *row;
    for (size_t i = 0; (row = hf_stat_at(i)); i++) {
        if (strncmp(row->name, "cache_", 6) != 0 || !hf_stat_value(stats, i)) continue;
        printf("%-20s %3" PRIu64 "  %s\n", row->name, hf_stat_value(stats, i), row->help);
    }
}

static void show_latency(const struct hf_client *client)
{
    struct hf_latency_buckets buckets;
    hf_stats_buckets(client, HF_LATENCY_CACHE_GET, &buckets);
    const uint64_t all = buckets.up_to[HF_LATENCY_BUCKETS - 1];
    printf("%" PRIu64 " reads, each within ten seconds: %s\n", all,
           buckets.up_to[HF_LATENCY_BUCKETS - 2] == all ? "yes" : "no");
}

int main(void)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_stats    stats;
    char               json[64 * 1024];
    size_t             length;
    if (hf_options_open(&options)) return 1;
    if (hf_options_set(options, "url", "embedded:", NULL)) return 1;
    if (hf_client_open(options, &client, NULL)) return 1;
    if (hf_client_wait_ready(client, hf_seconds(10), NULL)) return 1;
    use(client);

    hf_stats_get(client, &stats);
    printf("hit rate %.0f %%\n", 100.0 * (double)stats.cache_hits /
                                     (double)(stats.cache_hits + stats.cache_misses));
    show_all(&stats);
    show_latency(client);
    if (hf_stats_json(client, json, sizeof json, &length)) return 1;
    printf("JSON has the call's latency: %s\n",
           strstr(json, "\"call\":{\"count\"") ? "yes" : "no");

    hf_client_close(client);
    hf_options_close(options);
}
