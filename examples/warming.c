/* Fills a cache before anybody asks, from a list in memory. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>

struct list {
    size_t next;
};

static hf_err next_city(struct hf_warm_entry *entry, struct hf_error *error, void *ctx)
{
    static const char *const cities[][2] = {
        { "city:1", "Lisbon" }, { "", "no key" }, { "city:2", "Oslo" }, { "city:3", "Accra" }
    };
    struct list *list = ctx;
    (void)error;
    if (list->next == sizeof cities / sizeof cities[0]) return HF_MISS;
    entry->key = hf_str(cities[list->next][0]);
    entry->value = hf_str(cities[list->next][1]);
    entry->ttl = hf_seconds(600);
    list->next++;
    return HF_OK;
}

static void show_failure(const struct hf_warm_failure *failure, void *ctx)
{
    (void)ctx;
    printf("entry %" PRIu64 ": %s\n", failure->position, failure->detail);
}

int main(void)
{
    const struct hf_warm    how = { .only_missing = true, .failure = show_failure };
    struct list             list = { 0 };
    struct hf_warm_progress done = { 0 };
    struct hf_options      *options;
    struct hf_client       *client;
    struct hf_cache        *cache;
    struct hf_error         error;

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, NULL, &cache, NULL) ||
        hf_client_wait_ready(client, hf_seconds(10), &error) ||
        hf_cache_set(cache, NULL, hf_str("city:2"), hf_str("Oslo, newer"), NULL, &error))
        return 1;

    if (hf_cache_warm(cache, NULL, &how, next_city, &list, &done, &error)) {
        printf("%s; go on from %" PRIu64 "\n", error.detail, done.position);
    }
    printf("%" PRIu64 " stored, %" PRIu64 " there already, %" PRIu64 " failed\n", done.stored,
           done.present, done.failed);

    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
}
