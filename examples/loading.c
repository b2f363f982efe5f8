/* A page that is rendered once for all who ask, also on the day when rendering fails. */

#include <holdfast/holdfast.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { READERS = 8 };

struct site {
    struct hf_cache *cache;
    atomic_int       renderings;
    atomic_bool      is_broken, hangs;
};

static hf_err render(struct hf_bytes key, struct hf_loaded *page, void *ctx)
{
    struct site *site = ctx;
    while (atomic_load(&site->hangs)) continue; /* Stands for a database that does. */
    atomic_fetch_add(&site->renderings, 1);
    if (atomic_load(&site->is_broken)) return HF_E_SYSTEM;
    if (memcmp(key.data, "page:", 5) != 0) return HF_MISS; /* There is no such page. */
    return hf_loaded_set(page, hf_str("<html>"));
}

static hf_err get(struct site *site, const char *key, const struct hf_load *how, bool *stale)
{
    const struct hf_call call = { .timeout = hf_ms(200) };
    struct hf_value     *page;
    const hf_err err = hf_cache_load(site->cache, &call, hf_str(key), how, render, site,
                                     &page, NULL);
    if (err) return err;
    *stale = hf_value_is_stale(page);
    hf_value_release(page);
    return HF_OK;
}

static void *read_page(void *ctx)
{
    bool stale;
    return get(ctx, "page:1", NULL, &stale) == HF_OK ? ctx : NULL;
}

/* All at once, and nobody has the page yet. */
static void one_load_for_all(struct site *site)
{
    pthread_t readers[READERS];
    int       served = 0;
    for (int i = 0; i < READERS; i++) pthread_create(&readers[i], NULL, read_page, site);
    for (int i = 0; i < READERS; i++) {
        void *page;
        pthread_join(readers[i], &page);
        served += page != NULL;
    }
    printf("%d readers served, rendered %d time\n", served, atomic_load(&site->renderings));
}

static void what_is_not_there(struct site *site)
{
    const struct hf_load how = { .negative_ttl = hf_seconds(30) };
    bool                 stale;
    int                  misses = 0;
    atomic_store(&site->renderings, 0);
    for (int i = 0; i < 3; i++) misses += get(site, "favicon", &how, &stale) == HF_MISS;
    printf("%d misses, looked for %d time\n", misses, atomic_load(&site->renderings));
}

/* The page expires, and cannot be rendered any more. */
static void a_bad_day(struct site *site)
{
    const struct hf_load how = { .ttl = hf_ms(20) };
    bool                 stale = false;
    if (get(site, "page:2", &how, &stale)) return;
    atomic_store(&site->is_broken, true);
    while (!stale && get(site, "page:2", &how, &stale) == HF_OK) continue;
    printf("rendering fails: %s\n", stale ? "the old page is served" : "nothing to serve");
    printf("without an old page: %s\n", hf_err_text(get(site, "page:3", NULL, &stale)));
}

static void one_that_hangs(struct site *site)
{
    bool stale;
    atomic_store(&site->is_broken, false);
    atomic_store(&site->hangs, true);
    printf("rendering hangs: %s\n", hf_err_name(get(site, "page:4", NULL, &stale)));
    atomic_store(&site->hangs, false);
}

int main(void)
{
    const struct hf_cache_options how = { .key_prefix = "site",
                                          .stale_limit = hf_seconds(600) };
    struct site                   site = { 0 };
    struct hf_options            *options;
    struct hf_client             *client;
    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) ||
        hf_client_wait_ready(client, hf_seconds(10), NULL) ||
        hf_cache_open(client, &how, &site.cache, NULL))
        return 1;
    one_load_for_all(&site);
    what_is_not_there(&site);
    a_bad_day(&site);
    one_that_hangs(&site);
    hf_cache_close(site.cache);
    hf_client_close(client);
    hf_options_close(options);
}
