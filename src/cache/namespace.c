#include "cache/namespace.h"

#include "core/assert.h"

void hf_namespace_init(struct hf_namespace *n)
{
    *n = (struct hf_namespace){ .token = 0 };
    pthread_mutex_init(&n->lock, NULL);
}

void hf_namespace_deinit(struct hf_namespace *n)
{
    pthread_mutex_destroy(&n->lock);
}

void hf_namespace_on_replace(struct hf_namespace *n, void (*call)(void *ctx), void *ctx)
{
    n->on_replace = call;
    n->ctx = ctx;
}

static bool claim(struct hf_namespace *n, hf_instant now)
{
    int64_t until = atomic_load_explicit(&n->claimed_ns, memory_order_relaxed);
    return until <= now.ns &&
           atomic_compare_exchange_strong_explicit(
               &n->claimed_ns, &until, hf_later(now, HF_NAMESPACE_FRESH).ns,
               memory_order_relaxed, memory_order_relaxed);
}

uint64_t hf_namespace_token(struct hf_namespace *n, hf_instant now,
                            struct hf_namespace_reading *reading)
{
    /* The age is read first: a token that is newer than its age is only read again sooner. */
    const hf_instant  read = { atomic_load_explicit(&n->read_ns, memory_order_acquire) };
    const uint64_t    token = atomic_load_explicit(&n->token, memory_order_acquire);
    const hf_duration age = hf_between(read, now);
    if (token && age.ns < HF_NAMESPACE_FRESH.ns) return token;
    if (token && age.ns < HF_NAMESPACE_LIMIT.ns && !claim(n, now)) return token;

    pthread_mutex_lock(&n->lock);
    *reading = (struct hf_namespace_reading){ n->guarded.epoch, now };
    pthread_mutex_unlock(&n->lock);
    return 0;
}

static void store(struct hf_namespace *n, hf_instant asked, uint64_t token)
{
    atomic_store_explicit(&n->token, token, memory_order_release);
    atomic_store_explicit(&n->read_ns, asked.ns, memory_order_release);
}

void hf_namespace_read(struct hf_namespace *n, struct hf_namespace_reading reading,
                       uint64_t token)
{
    hf_assert(token != 0);
    pthread_mutex_lock(&n->lock);
    const hf_instant latest = { atomic_load_explicit(&n->read_ns, memory_order_relaxed) };
    const bool       is_known = atomic_load_explicit(&n->token, memory_order_relaxed) != 0;
    const bool       is_late = is_known && hf_before(reading.asked, latest);
    if (reading.epoch == n->guarded.epoch && !is_late) store(n, reading.asked, token);
    pthread_mutex_unlock(&n->lock);
}

uint64_t hf_namespace_parse(struct hf_bytes text)
{
    const char *digits = text.data;
    uint64_t    token = 0;
    if (text.size != HF_NAMESPACE_TEXT) return 0;
    for (size_t i = 0; i < text.size; i++) {
        const char c = digits[i];
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f')) return 0;
        token = token << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    return token;
}

void hf_namespace_replace(struct hf_namespace *n, hf_instant now, uint64_t token)
{
    pthread_mutex_lock(&n->lock);
    n->guarded.epoch++;
    store(n, now, token);
    pthread_mutex_unlock(&n->lock);
    if (n->on_replace) n->on_replace(n->ctx);
}
