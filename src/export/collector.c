#include "export/collector.h"

#include <holdfast/reply.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { EVERY_MS = 1000, ASK_MS = 1000, INTEREST_S = 60, FRESH_S = 10 };

/* ---- Asking -------------------------------------------------------------------- */

static bool ask_redis(struct hf_source *s, const struct hf_call *call)
{
    const struct hf_bytes argv[] = { hf_str("INFO") };
    struct hf_reply      *reply;
    struct hf_bytes       text;
    if (hf_client_command(s->of.client, call, argv, 1, &reply, NULL)) return false;
    const bool is_text = hf_reply_bytes(reply, &text) == HF_OK;
    if (is_text) hf_redis_info_parse(text, s->found.redis);
    hf_reply_free(reply);
    return is_text;
}

static bool ask_cache(struct hf_source *s, const struct hf_call *call)
{
    struct hf_hot *hot;
    if (hf_cache_hot(s->of.cache, call, HF_COLLECTOR_HOT_KEYS, &hot, NULL)) return false;
    s->found.hot.count = 0;
    for (size_t i = 0; i < hf_hot_count(hot); i++) {
        const struct hf_hot_key *at = hf_hot_at(hot, i);
        struct hf_source_key    *to = &s->found.hot.each[s->found.hot.count];
        if (at->key.size > sizeof to->bytes) continue;
        memcpy(to->bytes, at->key.data, at->key.size);
        to->size = at->key.size;
        to->reads = at->reads;
        s->found.hot.count++;
    }
    hf_hot_free(hot);
    return true;
}

static bool ask_tasks(struct hf_source *s, const struct hf_call *call)
{
    struct hf_task_stats *stats;
    if (hf_tasks_stats(s->of.tasks, call, &stats, NULL)) return false;
    s->found.tasks = (struct hf_source_tasks){
        .overdue = stats->overdue,
        .leases = stats->leases,
        .recovered = stats->recovered,
        .mended = stats->mended,
        .set_aside = stats->set_aside,
    };
    memcpy(s->found.tasks.by_status, stats->by_status, sizeof stats->by_status);
    memcpy(s->found.tasks.oldest, stats->oldest, sizeof stats->oldest);
    hf_task_stats_free(stats);
    return true;
}

static bool ask(struct hf_source *s)
{
    const struct hf_call call = { .timeout = hf_ms(ASK_MS) };
    switch (s->kind) {
    case HF_SOURCE_REDIS: return ask_redis(s, &call);
    case HF_SOURCE_CACHE: return ask_cache(s, &call);
    case HF_SOURCE_TASKS: return ask_tasks(s, &call);
    }
    return false;
}

/* Locked, but not while it asks; sources may go meanwhile, but for those of `asking`. */
static void ask_number(struct hf_collector *c, size_t index)
{
    struct hf_source copy = c->locked.sources[index];
    c->locked.asking = copy.owner;
    pthread_mutex_unlock(&c->lock);
    const bool is_answered = ask(&copy);
    pthread_mutex_lock(&c->lock);
    c->locked.asking = NULL;
    pthread_cond_broadcast(&c->changed);
    for (size_t i = 0; i < c->locked.count && is_answered; i++) {
        struct hf_source *s = &c->locked.sources[i];
        if (s->kind != copy.kind || s->of.client != copy.of.client) continue;
        s->found = copy.found;
        s->at = hf_now();
    }
}

static struct timespec at(hf_instant t)
{
    return (struct timespec){ t.ns / 1000000000, t.ns % 1000000000 };
}

static bool is_watched(const struct hf_collector *c)
{
    return c->locked.looked.ns &&
           hf_before(hf_now(), hf_later(c->locked.looked, hf_seconds(INTEREST_S)));
}

static void *collect(void *ctx)
{
    struct hf_collector *c = ctx;
    pthread_mutex_lock(&c->lock);
    while (!c->locked.is_stopping) {
        if (!is_watched(c)) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        const struct timespec next = at(hf_later(hf_now(), hf_ms(EVERY_MS)));
        for (size_t i = 0; i < c->locked.count && !c->locked.is_stopping; i++) {
            ask_number(c, i);
        }
        while (!c->locked.is_stopping &&
               pthread_cond_timedwait(&c->changed, &c->lock, &next) == 0) {
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- Life ---------------------------------------------------------------------- */

void hf_collector_init(struct hf_collector *c, bool is_passive)
{
    pthread_condattr_t monotonic;
    c->is_passive = is_passive;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

hf_err hf_collector_start(struct hf_collector *c)
{
    sigset_t all, before;
    if (c->is_passive) return HF_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    c->is_started = pthread_create(&c->thread, NULL, collect, c) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return c->is_started ? HF_OK : HF_E_SYSTEM;
}

void hf_collector_deinit(struct hf_collector *c, bool has_thread)
{
    if (c->is_started && has_thread) {
        pthread_mutex_lock(&c->lock);
        c->locked.is_stopping = true;
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
    }
    if (has_thread) { /* In a child somebody may hold or await them who is not there. */
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->lock);
    }
}

/* ---- What there is ------------------------------------------------------------- */

static size_t count_of(const struct hf_collector *c, enum hf_source_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < c->locked.count; i++) count += c->locked.sources[i].kind == kind;
    return count;
}

hf_err hf_collector_add(struct hf_collector *c, const struct hf_source *source)
{
    static const size_t most[] = { HF_EXPORTER_CLIENTS_MAX, HF_EXPORTER_CACHES_MAX,
                                   HF_EXPORTER_TASKS_MAX };
    pthread_mutex_lock(&c->lock);
    const bool has_room = count_of(c, source->kind) < most[source->kind];
    if (has_room) c->locked.sources[c->locked.count++] = *source;
    pthread_mutex_unlock(&c->lock);
    return has_room ? HF_OK : HF_E_TOO_LARGE;
}

void hf_collector_forget(struct hf_collector *c, const struct hf_client *owner)
{
    pthread_mutex_lock(&c->lock);
    size_t kept = 0;
    for (size_t i = 0; i < c->locked.count; i++) {
        if (c->locked.sources[i].owner == owner) continue;
        c->locked.sources[kept++] = c->locked.sources[i];
    }
    c->locked.count = kept;
    while (c->locked.asking == owner) pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

bool hf_collector_find(struct hf_collector *c, const struct hf_client *owner,
                       enum hf_source_kind kind, size_t index, struct hf_source *source)
{
    const hf_instant now = hf_now();
    bool             is_found = false;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->locked.count && !is_found; i++) {
        const struct hf_source *s = &c->locked.sources[i];
        const bool is_fresh = s->at.ns && hf_between(s->at, now).ns < hf_seconds(FRESH_S).ns;
        if (s->owner != owner || s->kind != kind || !is_fresh || index-- > 0) continue;
        *source = *s;
        is_found = true;
    }
    pthread_mutex_unlock(&c->lock);
    return is_found;
}

void hf_collector_look(struct hf_collector *c)
{
    pthread_mutex_lock(&c->lock);
    const bool was_watched = is_watched(c);
    c->locked.looked = hf_now();
    if (!was_watched) pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}
