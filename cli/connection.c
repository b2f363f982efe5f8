#include "connection.h"

#include "json.h"
#include "keys.h"

#include <holdfast/health.h>
#include <string.h>

enum { EMBEDDED_READY_MS = 10000 };

static enum exit_status status_of(hf_err err)
{
    switch (hf_err_category(err)) {
    case HF_CATEGORY_NONE: return err == HF_MISS ? EXIT_MISS : EXIT_OK;
    case HF_CATEGORY_USAGE: return EXIT_USAGE;
    default: return EXIT_UNAVAILABLE;
    }
}

enum exit_status connection_fail(const struct connection *c, hf_err err)
{
    const char *detail = c->error.detail;
    complain("%s%s%s", hf_err_text(err), *detail ? ": " : "", detail);
    if (c->inv->json) {
        json_begin();
        json_text("error", hf_err_name(err));
        json_text("category", hf_category_name(hf_err_category(err)));
        json_text("message", hf_err_text(err));
        json_text("detail", detail);
        json_end();
    }
    return status_of(err);
}

/* A server of one's own is only just starting: that it does not answer yet is no failure. */
static hf_err wait_for_embedded(struct connection *c)
{
    struct hf_health health;
    hf_health_get(c->client, &health);
    if (strncmp(health.endpoint, "embedded:", strlen("embedded:")) != 0) return HF_OK;
    return hf_client_wait_ready(c->client, hf_ms(EMBEDDED_READY_MS), &c->error);
}

enum exit_status connection_open(struct connection *c, const struct invocation *inv)
{
    return connection_open_counting(c, inv, 0);
}

enum exit_status connection_open_counting(struct connection *c, const struct invocation *inv,
                                          uint32_t access_sample)
{
    struct hf_cache_key     keys[HF_CACHE_KEYS_MAX];
    struct hf_cache_options how = { .keys = keys, .access_sample = access_sample };
    *c = (struct connection){ .inv = inv };
    if (!keys_read(keys, &how.key_count)) return EXIT_USAGE;

    hf_err err = hf_client_open(inv->options, &c->client, &c->error);
    if (!err) err = hf_cache_open(c->client, &how, &c->cache, &c->error);
    hf_cache_keys_wipe(keys, how.key_count);
    if (!err) err = wait_for_embedded(c);
    return err ? connection_fail(c, err) : EXIT_OK;
}

void connection_close(struct connection *c)
{
    hf_cache_close(c->cache);
    hf_client_close(c->client);
}
