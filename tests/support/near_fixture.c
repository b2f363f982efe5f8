#include "support/near_fixture.h"

#include "support/test.h"
#include "support/wait.h"

void party_open(struct party *p, const char *url, const struct hf_cache_options *how)
{
    struct hf_options      *options;
    struct hf_cache_options with = *how;
    with.key_prefix = "t";
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", url, &p->error), HF_OK);
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    assert_int_equal(hf_client_open(options, &p->client, &p->error), HF_OK);
    hf_options_close(options);
    assert_int_equal(hf_client_wait_ready(p->client, NEAR_BOUND, &p->error), HF_OK);
    assert_int_equal(hf_cache_open(p->client, &with, &p->cache, &p->error), HF_OK);
}

void party_close(struct party *p)
{
    hf_cache_close(p->cache);
    hf_client_close(p->client);
}

struct hf_stats party_stats(const struct party *p)
{
    struct hf_stats stats;
    hf_stats_get(p->client, &stats);
    return stats;
}

hf_err party_set(struct party *p, const char *key, const char *text)
{
    return hf_cache_set(p->cache, NULL, hf_str(key), hf_str(text), NULL, &p->error);
}

hf_err party_expect(struct party *p, const char *key, const char *text)
{
    struct hf_value *value;
    const hf_err     err = hf_cache_get(p->cache, NULL, hf_str(key), &value, &p->error);
    if (err) return err;
    const struct hf_bytes data = hf_value_data(value);
    const bool same = data.size == strlen(text) && memcmp(data.data, text, data.size) == 0;
    hf_value_release(value);
    return same ? HF_OK : HF_E_INVALID;
}

struct looking {
    struct party *p;
    const char   *key, *text;
    hf_err        wanted;
};

static bool is_as_wanted(void *ctx)
{
    const struct looking *at = ctx;
    return party_expect(at->p, at->key, at->text) == at->wanted;
}

void party_wait(struct party *p, const char *key, const char *text, hf_err wanted)
{
    struct looking at = { p, key, text, wanted };
    assert_true(wait_until(is_as_wanted, &at, NEAR_BOUND));
}

static bool is_near(void *ctx)
{
    const struct looking *at = ctx;
    const uint64_t        before = party_stats(at->p).cache_near_hits;
    return is_as_wanted(ctx) && party_stats(at->p).cache_near_hits > before;
}

void party_wait_near(struct party *p, const char *key, const char *text)
{
    struct looking at = { p, key, text, HF_OK };
    assert_true(wait_until(is_near, &at, NEAR_BOUND));
}

void near_fixture_open(struct near_fixture *f, const struct hf_cache_options *how)
{
    static const struct hf_cache_options plain = { 0 };
    struct hf_cache_options              with = *how;
    if (with.near_bytes == 0) with.near_bytes = 1024 * 1024;
    f->server = redis_server_open(NULL);
    party_open(&f->other, redis_server_unix_url(f->server), &plain);
    assert_int_equal(party_set(&f->other, "probe", "1"), HF_OK);
    for (;;) { /* Until it happens that no dial was slow, and so none was made twice. */
        f->proxy = fault_proxy_start(redis_server_socket(f->server));
        party_open(&f->ours, fault_proxy_url(f->proxy), &with);
        party_wait_near(&f->ours, "probe", "1");
        if (fault_proxy_counts(f->proxy).accepted == TRACKING) return;
        party_close(&f->ours);
        fault_proxy_close(f->proxy);
    }
}

void near_fixture_close(struct near_fixture *f)
{
    party_close(&f->ours);
    party_close(&f->other);
    fault_proxy_close(f->proxy);
    redis_server_close(f->server);
}

struct keeping {
    struct near_fixture *f;
    struct looking       at;
};

/* Written again while it is missing: either may not know yet that all was cleared. */
static bool is_kept(void *ctx)
{
    struct keeping *k = ctx;
    if (is_near(&k->at)) return true;
    if (!is_as_wanted(&k->at)) (void)!party_set(&k->f->other, k->at.key, k->at.text);
    return false;
}

void near_keep(struct near_fixture *f, const char *key, const char *text)
{
    struct keeping k = { f, { &f->ours, key, text, HF_OK } };
    assert_true(wait_until(is_kept, &k, NEAR_BOUND));
}

uint64_t near_hold(struct near_fixture *f, uint32_t connection)
{
    return fault_proxy_set(f->proxy, &(struct fault){ .kind = FAULT_BLACK_HOLE,
                                                      .direction = FAULT_TO_CLIENT,
                                                      .connection = connection });
}
