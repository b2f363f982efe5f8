/* Many entries that miss at once: by tag, by pattern, and all. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void set(struct hf_cache *cache, const char *key, const char *tag)
{
    const struct hf_bytes tags[] = { hf_str(tag), hf_str("catalogue") };
    const struct hf_set   how = { .ttl = hf_seconds(600), .tags = tags, .tag_count = 2 };
    if (hf_cache_set(cache, NULL, hf_str(key), hf_str("<html>"), &how, NULL)) puts("not set");
}

static void show(struct hf_cache *cache, const char *when)
{
    static const char *const keys[] = { "shoe:1", "shoe:2", "hat:1" };
    printf("%-28s", when);
    for (size_t i = 0; i < 3; i++) {
        const bool there = hf_cache_exists(cache, NULL, hf_str(keys[i]), NULL) == HF_OK;
        printf(" %s %s", keys[i], there ? "hits" : "misses");
    }
    putchar('\n');
}

static void fill(struct hf_cache *cache)
{
    set(cache, "shoe:1", "brand:x");
    set(cache, "shoe:2", "brand:y");
    set(cache, "hat:1", "brand:x");
}

/* Ends the sweep after so many steps; it can go on later. */
static bool go_on(const struct hf_sweep *sweep, void *ctx)
{
    const uint64_t *most = ctx;
    return sweep->steps < *most;
}

int main(void)
{
    const struct hf_cache_options how = { .key_prefix = "shop" };
    struct hf_options            *options;
    struct hf_client             *client;
    struct hf_cache              *cache;
    struct hf_sweep               sweep = { 0 };
    uint64_t                      most = 100;
    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) ||
        hf_client_wait_ready(client, hf_seconds(10), NULL) ||
        hf_cache_open(client, &how, &cache, NULL))
        return 1;

    fill(cache);
    show(cache, "stored");
    if (hf_cache_invalidate_tag(cache, NULL, hf_str("brand:x"), NULL)) return 1;
    show(cache, "brand:x is invalidated");
    fill(cache);
    show(cache, "stored again");

    while (hf_cache_delete_matching(cache, NULL, hf_str("shoe:*"), &sweep, go_on, &most,
                                    NULL) == HF_MISS) {
        most += 100; /* It was ended after 100 steps; time for something else. */
    }
    show(cache, "shoe:* is deleted");
    printf("that were %" PRIu64 "\n", sweep.deleted);

    fill(cache);
    if (hf_cache_clear(cache, NULL, NULL)) return 1;
    show(cache, "cleared");

    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
}
