/* Loads pages through a cache: once for all who ask, and remembered where there are none. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>

struct site {
    bool is_down;
    int  renderings;
};

static hf_err render(struct hf_bytes key, struct hf_loaded *page, void *ctx)
{
    struct site *site = ctx;
    char         text[64];
    if (site->is_down) return HF_E_SYSTEM;
    if (memcmp(key.data, "page:", 5) != 0) return HF_MISS; /* There is no such thing. */
    site->renderings++;
    snprintf(text, sizeof text, "rendering %d of %.*s", site->renderings, (int)key.size,
             (const char *)key.data);
    return hf_loaded_set(page, hf_str(text));
}

static void show(struct hf_cache *cache, struct site *site, const char *key)
{
    const struct hf_call call = { .timeout = hf_ms(500) };
    const struct hf_load how = { .ttl = hf_seconds(60), .negative_ttl = hf_seconds(5) };
    struct hf_value     *page;
    struct hf_error      error;
    const hf_err err = hf_cache_load(cache, &call, hf_str(key), &how, render, site, &page,
                                     &error);
    if (err) {
        printf("%s: %s\n", key, err == HF_MISS ? "there is none" : error.detail);
        return;
    }
    const struct hf_bytes text = hf_value_data(page);
    printf("%s: %.*s%s\n", key, (int)text.size, (const char *)text.data,
           hf_value_is_stale(page) ? " (stale)" : "");
    hf_value_release(page);
}

int main(void)
{
    const struct hf_cache_options how = { .key_prefix = "site", .version = 1 };
    const struct hf_bytes         both[] = { hf_str("page:a"), hf_str("page:b") };
    struct hf_options            *options;
    struct hf_client             *client;
    struct hf_cache              *cache;
    struct hf_value              *pages[2];
    hf_err                        errs[2];
    struct site                   site = { 0 };

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, &how, &cache, NULL))
        return 1;

    show(cache, &site, "page:a");
    show(cache, &site, "page:a");
    show(cache, &site, "favicon");
    show(cache, &site, "page:b");

    if (hf_cache_get_many(cache, NULL, both, 2, pages, errs, NULL) == HF_OK) {
        printf("in one round trip: %zu and %zu bytes\n", hf_value_data(pages[0]).size,
               hf_value_data(pages[1]).size);
        hf_value_release(pages[0]);
        hf_value_release(pages[1]);
    }
    if (hf_cache_delete(cache, NULL, hf_str("page:a"), NULL) == HF_OK) puts("deleted page:a");
    show(cache, &site, "page:a");
    if (hf_cache_clear(cache, NULL, NULL) == HF_OK) puts("cleared");
    site.is_down = true;
    show(cache, &site, "page:a");

    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
}
